"""``encode-folder`` on the machines of a cluster.

This process lists the photos, hands out blocks of them, says which pictures are new, and writes all
shards.  Workers, one for each GPU or else for each machine, look at photos and encode them.  What a
lost worker had under way is handed out again; a feature counts when it has arrived here.
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from trainer.backbone import BackboneError
from trainer.backbone_probe import check_name, check_probe, is_same
from trainer.cluster_worker import ClusterWorker, WorkerJob, short_digests
from trainer.encode_step import Seen
from trainer.events import EncoderReady, FolderProgress
from trainer.feature_folder import FeatureFolderError, Known, PhotoRecord
from trainer.folder_encoding import BLOCK_PHOTOS, PROGRESS_SECONDS, Emit, FolderJob
from trainer.object_storage import is_address
from trainer.photo_list import SourceError
from trainer.photo_source import PhotoSource
from trainer.shard_writer import ShardWriter

log = logging.getLogger(__name__)

_LOOKING = 2
_UNDER_WAY = 4
"""Blocks of a worker that are looked at, and all, so that it never waits for this process."""
_MOST_TRIES = 4
_HIRE_SECONDS = 5.0
_WAIT_SECONDS = 0.5


class ClusterError(Exception):
    """There is no cluster, or none of it works; the message is a sentence."""


class LostWorkerError(Exception):
    """A worker has ended, with its machine or without."""


class WorkerFailedError(Exception):
    """A worker has raised an exception: ``error``."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(frozen=True)
class Machine:
    """What a machine has, or a worker's share of it."""

    cores: int
    gpus: int


class Cluster(Protocol):
    """See :class:`trainer.ray_cluster.RayCluster`."""

    def machines(self) -> dict[str, Machine]: ...
    def share(self, value: Any) -> Any: ...
    def start(
        self, kind: type, machine: str, given: Sequence[Any], *, share: Machine, calls: int
    ) -> Any: ...
    def call(self, worker: Any, method: str, *given: Any) -> Any: ...
    def wait(self, references: Sequence[Any], seconds: float) -> list[Any]: ...
    def answer(self, reference: Any) -> Any: ...
    def end(self, worker: Any) -> None: ...


@dataclass(frozen=True)
class _Block:
    """Photos to look at (``paths``) or to encode (``photos``)."""

    paths: Sequence[str] = ()
    photos: Sequence[PhotoRecord] = ()
    tries: int = 0


@dataclass(eq=False)
class _Worker:
    """``starting``: it has not said yet that it can encode."""

    machine: str
    actor: Any
    under_way: list[_Block] = field(default_factory=list)
    starting: bool = True

    @property
    def looking(self) -> int:
        return sum(bool(block.paths) for block in self.under_way)


class Writes(Protocol):
    """Makes the writer of shards once the backbone is known."""

    def __call__(self, ready: EncoderReady, probe: NDArray[np.float16]) -> ShardWriter: ...


class ClusterEncoding:
    """A run."""

    def __init__(
        self,
        job: FolderJob,
        cluster: Cluster,
        known: Known,
        *,
        source: PhotoSource,
        write: Writes,
        emit: Emit,
    ) -> None:
        self._job, self._cluster, self._known, self._source = job, cluster, known, source
        self._write, self._emit = write, emit
        self._files = cluster.share(short_digests(known.files))
        self._workers: list[_Worker] = []
        self._refused: set[str] = set()
        """Machines whose workers cannot start."""
        self._why = ""
        self._again: deque[_Block] = deque()
        self._pending: dict[Any, tuple[_Worker, _Block | None]] = {}
        self._probe: NDArray[np.float16] | None = None
        self.writer: ShardWriter | None = None
        self._counts = [0, 0, 0, 0]
        """Photos done, encoded, copies, refused."""
        self._hired = 0.0
        self._begun = self._reported = time.monotonic()

    def execute(self) -> None:
        """Encode what is not known.

        Raises:
            SourceError, BackboneError, FeatureFolderError, ClusterError: if that is not possible.
            OSError: if the shards cannot be written.
        """
        blocks = self._blocks()
        waiting = next(blocks, None)
        while waiting is not None or self._again or self._busy:
            self._hire()
            while block := self._again[0] if self._again else waiting:
                worker = self._free_worker(block)
                if worker is None:
                    break
                if self._again:
                    self._again.popleft()
                else:
                    waiting = next(blocks, None)
                self._hand(worker, block)
            for reference in self._cluster.wait(list(self._pending), _WAIT_SECONDS):
                self._take(reference)
            self._report()
        self._report(last=True)

    @property
    def _busy(self) -> bool:
        return any(block is not None for _worker, block in self._pending.values())

    def _blocks(self) -> Iterator[_Block]:
        paths = iter(self._source.paths())
        while some := list(islice(paths, BLOCK_PHOTOS)):
            yield _Block(paths=some)

    # -------------------------------------------------------------------------- workers

    def _hire(self) -> None:
        """A worker on every machine that has none: also on those that come later."""
        now = time.monotonic()
        if now - self._hired < _HIRE_SECONDS and self._workers:
            return
        self._hired = now
        machines = self._cluster.machines()
        with_gpus = any(has.gpus for has in machines.values())
        staffed = {worker.machine for worker in self._workers} | self._refused
        for machine, has in machines.items():
            count = has.gpus if with_gpus else min(1, has.cores)
            if machine not in staffed and count:
                share = Machine(max(1, has.cores // count), 1 if with_gpus else 0)
                self._workers += [self._started(machine, share) for _ in range(count)]
        if not self._workers:
            raise ClusterError(
                f"No machine of the cluster can encode: {self._why}"
                if self._why
                else "The cluster has no machine with a free core."
            )

    def _started(self, machine: str, share: Machine) -> _Worker:
        job = self._job
        source = str(job.source)
        if not is_address(source):
            source = os.path.abspath(source)  # noqa: PTH100 (links stay as they were given)
        given = WorkerJob(source, job.backbone, job.device, job.threads, job.batch)
        actor = self._cluster.start(
            ClusterWorker, machine, (given, self._files, share.cores),
            share=share, calls=_UNDER_WAY + 2,
        )  # fmt: skip
        worker = _Worker(machine, actor)
        self._pending[self._cluster.call(actor, "ready")] = worker, None
        return worker

    def _free_worker(self, block: _Block) -> _Worker | None:
        """The one with the least to do; None if all have enough."""
        able = [
            worker
            for worker in self._workers
            if not worker.starting
            and len(worker.under_way) < _UNDER_WAY
            and (not block.paths or worker.looking < _LOOKING)
        ]
        return min(able, key=lambda worker: len(worker.under_way), default=None)

    def _hand(self, worker: _Worker, block: _Block) -> None:
        if block.paths:
            reference = self._cluster.call(worker.actor, "look", block.paths)
        else:
            again = block.tries > 0
            reference = self._cluster.call(worker.actor, "encode", block.photos, again)
        worker.under_way.append(block)
        self._pending[reference] = worker, block

    # -------------------------------------------------------------------------- answers

    def _take(self, reference: Any) -> None:
        worker, block = self._pending.pop(reference)
        if block is not None:
            worker.under_way.remove(block)
        try:
            answer = self._cluster.answer(reference)
        except WorkerFailedError as error:
            self._failed(worker, block, error.error)
        except LostWorkerError as error:
            self._lost(worker, block, error)
        else:
            if block is None:
                self._accept(worker, *answer)
            elif block.paths:
                self._looked(worker, answer)
            else:
                self._keep(*answer)

    def _accept(self, worker: _Worker, ready: EncoderReady, probe: NDArray[np.float16]) -> None:
        """A worker has loaded its backbone."""
        if self.writer is None:
            check_name(ready.backbone, self._known, self._job.out)
            check_probe(ready.backbone, probe, self._known, self._job.out)
            self._emit(ready)
            self._probe, self.writer = probe, self._write(ready, probe)
        elif self._probe is not None and not is_same(probe, self._probe):
            self._refuse(worker, "It has another version of the backbone.")
            return
        worker.starting = False

    def _looked(self, worker: _Worker, seen: Sequence[Seen]) -> None:
        new: list[PhotoRecord] = []
        rest: list[PhotoRecord] = []
        for item in seen:
            digest = item.fingerprint
            if item.record is None:
                self._counts[0] += 1
            elif digest and digest not in self._known.fingerprints:
                self._known.fingerprints.add(digest)
                new.append(item.record)
            else:
                rest.append(item.record)
        self._keep(rest)
        if rest:
            self._cluster.call(worker.actor, "forget", rest)
        if new and worker in self._workers:
            self._hand(worker, _Block(photos=new))
        elif new:
            self._again.append(_Block(photos=new, tries=1))

    def _keep(self, records: Sequence[PhotoRecord], encoded: Any = None) -> None:
        assert self.writer is not None
        self.writer.add(records, encoded)
        for item in records:
            self._counts[0] += 1
            self._counts[1 if item.row >= 0 else 2 if item.is_copy else 3] += 1

    # ------------------------------------------------------------------- what goes wrong

    def _failed(self, worker: _Worker, block: _Block | None, error: BaseException) -> None:
        """A worker says that something is wrong."""
        if block is None:
            self._refuse(worker, str(error))
        elif isinstance(error, SourceError | BackboneError | FeatureFolderError):
            raise error
        else:
            raise ClusterError(f"A worker failed: {error}") from error

    def _refuse(self, worker: _Worker, why: str) -> None:
        """Do without a machine that cannot encode; the run ends if none can."""
        self._why = why
        log.warning("a machine of the cluster is left out: %s", why)
        self._refused.add(worker.machine)
        self._dismiss(worker)

    def _lost(self, worker: _Worker, block: _Block | None, error: Exception) -> None:
        """A worker has ended, with its machine or without: what it had is handed out again."""
        log.warning("a worker is lost: %s", error)
        if worker in self._workers:
            self._dismiss(worker)
        if block is None:
            return
        if block.tries + 1 >= _MOST_TRIES:
            first = block.paths[0] if block.paths else block.photos[0].path
            raise ClusterError(
                f"Workers ended {_MOST_TRIES} times at the photos from {first} on; leave them out."
            ) from error
        self._again.append(_Block(block.paths, block.photos, block.tries + 1))

    def _dismiss(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        self._cluster.end(worker.actor)

    def _report(self, *, last: bool = False) -> None:
        now = time.monotonic()
        if now - self._reported < PROGRESS_SECONDS and not last:
            return
        self._reported = now
        count, encoded, copies, refused = self._counts
        rate = encoded / max(now - self._begun, 1e-6)
        self._emit(FolderProgress(count, 0, encoded, copies, refused, rate))
