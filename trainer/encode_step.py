"""What one process does with photos: say what they are, and encode those that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from trainer.backbone import Backbone, BackboneError
from trainer.encode import SHARPNESS
from trainer.feature_folder import CHANGED, PhotoRecord
from trainer.identity import photo_identity
from trainer.photo import NO_MEMORY, UnreadablePhoto, system_reason
from trainer.photo_encoder import Encoded, OutOfMemoryError, PhotoEncoder
from trainer.photo_reader import PhotoReader
from trainer.photo_source import PhotoSource
from trainer.stored_photos import NotFetchedError

_WINDOW_BATCHES = 3


@dataclass(frozen=True)
class Seen:
    """A photo that was looked at.  ``record`` is None if it is known already."""

    path: str
    record: PhotoRecord | None

    @property
    def fingerprint(self) -> bytes:
        """Of a picture that may have to be encoded; empty if there is none."""
        item = self.record
        return b"" if item is None or item.reason else bytes.fromhex(item.fingerprint)


class EncodeStep:
    """Photos of a source through a backbone.

    Photos are first looked at, in any order; those to be encoded are then read ahead and encoded,
    both in the same order.
    """

    def __init__(
        self,
        source: PhotoSource,
        backbone: Backbone,
        *,
        threads: int,
        batch: int,
        is_known: Callable[[str, int, int], bool],
    ) -> None:
        """``is_known``: of path, size and version, whether a photo need not be looked at;
        ``batch``: 0 for the usual one."""
        self._source, self._is_known = source, is_known
        self._encoder = PhotoEncoder(backbone, batch or None)
        self._apart: set[Path] = set()
        self._reader = PhotoReader(
            backbone.fast_preprocess or backbone.preprocess,
            at_least=SHARPNESS * backbone.input_side,
            threads=threads,
            window=max(_WINDOW_BATCHES * self._encoder.batch, 2 * threads),
            apart=self._apart,
        )
        self._lookers = ThreadPoolExecutor(max(1, threads // 2), "identify")

    def look_at(self, paths: Sequence[str]) -> list[Future[Seen]]:
        """What photos are, looked at in other threads.  The result may be a SourceError: nothing of
        the source is in reach."""
        return [self._lookers.submit(self._seen, path) for path in paths]

    def read_ahead(self, photos: Sequence[PhotoRecord], apart: Collection[str] = ()) -> None:
        """Begin to decode photos that were looked at; ``apart``: fingerprints of those to decode in
        processes of their own."""
        files = [self._source.file(item.path) for item in photos]
        self._apart.update(
            file for file, item in zip(files, photos, strict=True) if item.fingerprint in apart
        )
        self._reader.add(files)

    def encode(
        self, photos: Sequence[PhotoRecord], taken: Callable[[int], None] = lambda count: None
    ) -> tuple[list[PhotoRecord], Encoded]:
        """Encode photos that were read ahead.

        Args:
            taken: called with the number of photos before these are encoded.

        Returns:
            What is known of them now, and the features to which their rows belong.

        Raises:
            BackboneError: if not even one photo fits into memory.
        """

        def take(count: int) -> list[Tensor | UnreadablePhoto]:
            taken(count)
            return self._reader.take(count)

        try:
            encoded = self._encoder.encode(len(photos), take)
        except OutOfMemoryError as error:
            raise BackboneError("no-memory", str(error)) from error
        rows = dict(zip(encoded.positions.tolist(), range(len(photos)), strict=False))
        reasons = dict(encoded.failures)
        records: list[PhotoRecord] = []
        for place, item in enumerate(photos):
            if not self._source.is_as_it_was(item.path, item.size, item.mtime_ns):
                # Its feature may be of another picture.
                records.append(replace(item, reason=CHANGED))
            elif place in rows:
                records.append(replace(item, row=rows[place]))
            else:
                records.append(replace(item, reason=reasons[place]))
            self._source.forget(item.path)
        return records, encoded

    def forget(self, photos: Sequence[PhotoRecord]) -> None:
        """Photos that were looked at and are not to be encoded."""
        for item in photos:
            self._source.forget(item.path)

    def close(self) -> None:
        self._reader.close()
        self._lookers.shutdown(wait=False, cancel_futures=True)

    def _seen(self, path: str) -> Seen:
        def known(size: int, version: int) -> bool:
            return self._is_known(path, size, version)

        try:
            file, size, version = self._source.open(path, known)
            if file is None:
                return Seen(path, None)
            with file:
                identity, reason = photo_identity(file, size)
        except NotFetchedError as error:
            return Seen(path, PhotoRecord(path, error.size, error.version, reason=error.reason))
        except OSError as error:
            return Seen(path, PhotoRecord(path, 0, 0, reason=system_reason(error)))
        except MemoryError:
            return Seen(path, PhotoRecord(path, 0, 0, reason=NO_MEMORY))
        hashes = identity.picture_hash, identity.fingerprint
        return Seen(path, PhotoRecord(path, size, version, *hashes, reason=reason))
