"""What runs on each machine, or each GPU, of a cluster: the step of ``encode-folder``.

Knows nothing of the cluster, which calls its methods from several threads.
"""

from __future__ import annotations

import logging
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.backbone import load_backbone
from trainer.backbone_probe import probe_feature
from trainer.device import choose_device
from trainer.encode import default_threads, ready_event
from trainer.encode_step import EncodeStep, Seen
from trainer.events import EncoderReady
from trainer.feature_folder import CHANGED, PhotoRecord, file_digest
from trainer.photo_encoder import Encoded
from trainer.photo_source import open_source


@dataclass(frozen=True)
class WorkerJob:
    """What is to be encoded, and with what; ``threads`` and ``batch`` may be 0."""

    source: str
    backbone: str
    device: str
    threads: int
    batch: int


def short_digests(files: set[bytes]) -> NDArray[np.uint64]:
    """Digests of known files for a cluster: sorted, 8 bytes each.  Every machine shares one copy,
    and of ten million files the chance that a new one has the digest of another is one in a
    million."""
    joined = b"".join(digest[:8] for digest in files)
    return np.sort(np.frombuffer(joined, "<u8").astype(np.uint64))


class ClusterWorker:
    """One backbone, and the photos that are under way.  Methods may run at the same time."""

    def __init__(self, job: WorkerJob, known: NDArray[np.uint64], cpus: int) -> None:
        """``known``: of :func:`short_digests`; ``cpus``: cores that are this worker's.

        Raises:
            BackboneError, NoDeviceError, SourceError: if the backbone or the source cannot be used.
        """
        logging.getLogger().setLevel(logging.WARNING)
        torch.set_num_threads(max(1, cpus))
        self._known = known
        self._folder = tempfile.TemporaryDirectory(prefix="lmpt-fetched-")
        fetched = Path(self._folder.name)
        source = open_source(job.source, lambda: fetched, fetched / "archives")
        self._backbone = load_backbone(job.backbone, choose_device(job.device), fast_images=True)
        self._step = EncodeStep(
            source,
            self._backbone,
            threads=job.threads or min(default_threads(self._backbone.device), max(1, cpus)),
            batch=job.batch,
            is_known=self._is_known,
        )
        self._entering = threading.Lock()
        self._turns = threading.Condition()
        self._entered = self._done = 0

    def ready(self) -> tuple[EncoderReady, NDArray[np.float16]]:
        """The backbone, and its :func:`trainer.backbone_probe.probe_feature`."""
        return ready_event(self._backbone), probe_feature(self._backbone)

    def look(self, paths: Sequence[str]) -> list[Seen]:
        """What photos are; those that are not encoded by this worker are to be forgotten."""
        return [item.result() for item in self._step.look_at(paths)]

    def forget(self, photos: Sequence[PhotoRecord]) -> None:
        """Photos that were looked at here and are not to be encoded."""
        self._step.forget(photos)

    def encode(
        self, photos: Sequence[PhotoRecord], again: bool = False
    ) -> tuple[list[PhotoRecord], Encoded]:
        """Encode photos.

        Those of one call are decoded while those of another are encoded.

        Args:
            again: another worker has looked at them, and is lost: maybe because of one of them, so
                that they are decoded in processes of their own.
        """
        refused: list[PhotoRecord] = []
        if again:
            photos, refused = self._look_again(photos)
        with self._entering:
            turn, self._entered = self._entered, self._entered + 1
            apart = {item.fingerprint for item in photos} if again else ()
            self._step.read_ahead(photos, apart)
        with self._turns:
            self._turns.wait_for(lambda: self._done == turn)
        try:
            records, encoded = self._step.encode(photos)
        finally:
            with self._turns:
                self._done += 1
                self._turns.notify_all()
        return [*records, *refused], encoded

    def _look_again(
        self, photos: Sequence[PhotoRecord]
    ) -> tuple[list[PhotoRecord], list[PhotoRecord]]:
        """Photos that are still what they were, and the others with the reason."""
        same: list[PhotoRecord] = []
        others: list[PhotoRecord] = []
        for item, seen in zip(photos, self.look([item.path for item in photos]), strict=True):
            record = seen.record or item
            if record.reason:
                others.append(replace(item, reason=record.reason))
            elif record.fingerprint == item.fingerprint:
                same.append(record)
            else:
                others.append(replace(item, reason=CHANGED))
        self._step.forget(others)
        return same, others

    def _is_known(self, path: str, size: int, version: int) -> bool:
        digest = np.uint64(int.from_bytes(file_digest(path, size, version)[:8], "little"))
        place = np.searchsorted(self._known, digest)
        return bool(place < len(self._known) and self._known[place] == digest)
