"""How fast backbones would encode photos on this computer, before any of them is downloaded.

``python -m trainer encode-rate MODEL... --photos FILE...`` writes a :class:`RateMeasured` event per
model.  The image towers have random weights: what they compute is worthless, but takes as long.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from trainer.allocation import keep_memory
from trainer.backbone import Backbone, random_backbone
from trainer.computer import AUTO, cores
from trainer.device import device_label
from trainer.encode import SHARPNESS, default_threads
from trainer.events import RateMeasured
from trainer.photo_encoder import PhotoEncoder
from trainer.photo_reader import PhotoReader
from trainer.priority import GENTLE_NICE, lower_priority
from trainer.process_io import EventStream, exit_when_parent_dies

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``encode-rate``."""
    parser.add_argument(
        "models", nargs="+", metavar="MODEL", help="lite, lite+, or open_clip's names"
    )
    parser.add_argument(
        "--photos", nargs="+", type=Path, required=True, metavar="FILE", help="a few photos"
    )
    parser.add_argument("--device", default=AUTO, help="auto, cuda, cuda:1, mps or cpu")
    parser.add_argument(
        "--nice",
        type=int,
        default=GENTLE_NICE,
        help="lower the priority of this process by this amount (default: idle time only)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Measure each model in turn; models share the photos, so that they can be compared."""
    stream = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    events = EventStream(stream)
    exit_when_parent_dies()
    keep_memory()
    lower_priority(arguments.nice)
    torch.set_num_threads(cores())
    for name in arguments.models:
        backbone = random_backbone(name, arguments.device)
        photos, seconds = measure(backbone, arguments.photos)
        events.send(RateMeasured(name, photos, seconds, device_label(backbone.device)))
        log.info("%s: %.2f photos/s", name, photos / seconds)
        del backbone
    return 0


def measure(backbone: Backbone, paths: Sequence[Path], threads: int = 0) -> tuple[int, float]:
    """Encode photos as the encoder process does, decoding in threads included.

    The first photo is encoded once before, because the first pass is slower than all others.

    Returns:
        the number of photos that could be read, and seconds.
    """
    encoder = PhotoEncoder(backbone)
    reader = PhotoReader(
        backbone.fast_preprocess or backbone.preprocess,
        at_least=SHARPNESS * backbone.input_side,
        threads=threads or default_threads(backbone.device),
        window=2 * encoder.batch,
    )
    try:
        reader.add(paths[:1])
        encoder.encode(1, reader.take)
        started = time.perf_counter()
        reader.add(paths)
        encoded = encoder.encode(len(paths), reader.take)
        return len(paths) - len(encoded.failures), time.perf_counter() - started
    finally:
        reader.close()
