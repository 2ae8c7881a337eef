"""Review queues: which question about which image to ask next (Qt-free).

A queue is a list of questions at one moment, best first; docs/queues.md explains each kind and
docs/adr/0009-review-queues.md how they were chosen.
"""

from lmpt_desktop.inference.queues.build import Queue, QueueRequest, build_queue
from lmpt_desktop.inference.queues.features import Features
from lmpt_desktop.inference.queues.kinds import QueueKind
from lmpt_desktop.inference.queues.questions import QueueItem

__all__ = ["Features", "Queue", "QueueItem", "QueueKind", "QueueRequest", "build_queue"]
