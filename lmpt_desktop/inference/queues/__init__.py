"""Review queues: which question about which image to ask next (Qt-free).

A queue is a list of questions at one moment, best first; docs/queues.md explains each kind and
docs/adr/0009-review-queues.md how they were chosen.
"""

from lmpt_desktop.inference.queues.build import build_queue
from lmpt_desktop.inference.queues.contract import (
    EXPLANATIONS,
    NEEDS_CLASS,
    TITLES,
    Queue,
    QueueArrays,
    QueueItem,
    QueueKind,
    QueueRequest,
)
from lmpt_desktop.inference.queues.features import Features

__all__ = [
    "EXPLANATIONS",
    "NEEDS_CLASS",
    "TITLES",
    "Features",
    "Queue",
    "QueueArrays",
    "QueueItem",
    "QueueKind",
    "QueueRequest",
    "build_queue",
]
