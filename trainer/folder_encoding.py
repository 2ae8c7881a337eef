"""One rank's part of ``encode-folder``: which pictures are new, and their features."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch

from trainer.backbone import Backbone
from trainer.computer import AUTO
from trainer.encode import default_threads
from trainer.encode_step import EncodeStep, Seen
from trainer.events import FolderProgress, Message
from trainer.feature_folder import Known, PhotoRecord
from trainer.photo_encoder import Encoded
from trainer.photo_list import SourceError
from trainer.photo_source import PhotoSource
from trainer.ranks import Ranks
from trainer.shard_writer import ShardWriter
from trainer.threads import start_thread

BLOCK_PHOTOS = 256
"""Of each process: that many are identified and encoded between two agreements."""
PROGRESS_SECONDS = 0.5
_HASH_BYTES = 16
_NEW = 1

Emit = Callable[[Message], None]


@dataclass(frozen=True)
class FolderJob:
    """What is to be encoded; see :func:`add_arguments`.  ``threads`` and ``batch`` may be 0;
    ``ray`` is "" without a cluster."""

    source: Path | str
    out: Path
    backbone: str = "lite"
    device: str = AUTO
    threads: int = 0
    batch: int = 0
    moved: bool = False
    ray: str = ""


class FolderEncoding:
    """One rank's part of a run."""

    def __init__(
        self,
        job: FolderJob,
        backbone: Backbone,
        ranks: Ranks,
        writer: ShardWriter,
        known: Known,
        *,
        source: PhotoSource,
        apart: set[str],
        emit: Emit,
    ) -> None:
        """``apart``: fingerprints of pictures to decode in processes of their own."""
        self._source, self._ranks, self._writer, self._known = source, ranks, writer, known
        self._step = EncodeStep(
            source,
            backbone,
            threads=job.threads or _threads(backbone.device, ranks),
            batch=job.batch,
            is_known=known.has,
        )
        self._tried = apart
        self._emit = emit
        self._counts = [0, 0, 0, 0]
        """Photos done, encoded, copies, refused; of this rank."""
        self._under_way = 0
        self._total = 0
        self._begun = self._reported = time.monotonic()
        self._done_of_all = [0, 0, 0, 0]

    def execute(self) -> None:
        """Encode what is not known.

        Raises:
            SourceError: if there is no source.
            LostRankError: if another rank has ended.
            OSError: if the shards cannot be written.
            OutOfMemoryError: if not even one photo fits into memory.
        """
        if self._ranks.rank == 0 and self._source.is_listed_fast:
            start_thread(self._count, "count")
        ahead: list[PhotoRecord] = []
        for new in self._blocks():
            # The photos of this block are decoded while those of the one before are encoded.
            fingerprints = [item.fingerprint for item in (*ahead, *new)]
            self._writer.about_to_try(fingerprints)
            self._step.read_ahead(new, self._tried)
            self._encode(ahead)
            ahead = new
        self._encode(ahead)
        self._agree()
        self._report(last=True)

    def close(self) -> None:
        self._step.close()

    # ------------------------------------------------------------------- identifying

    def _blocks(self) -> Iterator[list[PhotoRecord]]:
        """This rank's new pictures, block by block."""
        listed = self._listed()
        looked: list[Future[Seen]] = []
        paths = next(listed)
        looked = self._look_at(paths)
        while paths:
            seen = [item.result() for item in looked]
            count = len(paths)
            paths = next(listed)
            looked = self._look_at(paths)
            yield self._new_of(seen, count)
            self._report()

    def _listed(self) -> Iterator[list[str]]:
        """Blocks of paths, the same for every rank; the last one is empty."""
        found = self._source.paths() if self._ranks.rank == 0 else iter(())
        size = BLOCK_PHOTOS * self._ranks.count
        while True:
            block = list(islice(found, size))
            if self._ranks.count > 1:
                block = json.loads(self._ranks.share(json.dumps(block).encode("ascii")))
            yield block
            if not block:
                return

    def _look_at(self, paths: Sequence[str]) -> list[Future[Seen]]:
        return self._step.look_at(paths[self._ranks.part(len(paths))])

    def _new_of(self, seen: Sequence[Seen], count: int) -> list[PhotoRecord]:
        """Of what this rank has looked at, the pictures that nobody has encoded; the rest of it is
        written.  All ranks learn of all pictures of the block, of ``count`` photos."""
        own = self._ranks.part(count)
        marks = torch.zeros((count, 1 + _HASH_BYTES), dtype=torch.uint8)
        for place, item in enumerate(seen, own.start):
            if digest := item.fingerprint:
                marks[place, 0] = _NEW
                marks[place, 1:] = torch.frombuffer(bytearray(digest), dtype=torch.uint8)
        self._ranks.sum_([marks])
        first: set[int] = set()
        for place, row in enumerate(marks.numpy()):
            digest = row[1:].tobytes()
            if row[0] and digest not in self._known.fingerprints:
                self._known.fingerprints.add(digest)
                first.add(place)
        new: list[PhotoRecord] = []
        rest: list[PhotoRecord] = []
        for place, item in enumerate(seen, own.start):
            if item.record is None:
                self._counts[0] += 1
            elif place in first:
                new.append(item.record)
            else:
                rest.append(item.record)
        self._step.forget(rest)
        self._keep(rest)
        return new

    # ---------------------------------------------------------------------- encoding

    def _encode(self, photos: Sequence[PhotoRecord]) -> None:
        if not photos:
            return
        records, encoded = self._step.encode(photos, self._taken)
        self._under_way = 0
        self._keep(records, encoded)

    def _taken(self, count: int) -> None:
        self._report()
        self._under_way += count

    def _keep(self, records: Sequence[PhotoRecord], encoded: Encoded | None = None) -> None:
        self._writer.add(records, encoded)
        for item in records:
            self._counts[0] += 1
            self._counts[1 if item.row >= 0 else 2 if item.is_copy else 3] += 1

    # ---------------------------------------------------------------------- progress

    def _count(self) -> None:
        with contextlib.suppress(SourceError, OSError):
            self._total = sum(1 for _ in self._source.paths())

    def _agree(self) -> None:
        """Learn what all ranks have done."""
        counts = torch.tensor(self._counts)
        self._ranks.sum_([counts])
        self._done_of_all = counts.tolist()

    def _report(self, *, last: bool = False) -> None:
        now = time.monotonic()
        if self._ranks.rank or (now - self._reported < PROGRESS_SECONDS and not last):
            return
        self._reported = now
        done = self._done_of_all
        if not last:
            # The others have done about as much.
            done = [count * self._ranks.count for count in self._counts]
            done[0] += self._under_way * self._ranks.count
            done[1] += self._under_way * self._ranks.count
        rate = done[1] / max(now - self._begun, 1e-6)
        count, encoded, copies, refused = done
        self._emit(FolderProgress(count, self._total, encoded, copies, refused, rate))


def _threads(device: torch.device, ranks: Ranks) -> int:
    return max(1, default_threads(device) // ranks.local_count)
