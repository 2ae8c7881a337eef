"""Shards of features as they are made, and what was being decoded when a run ended (no torch)."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trainer import checked_json, feature_folder
from trainer.events import EncoderReady
from trainer.feature_folder import FORMAT, PhotoRecord, ShardArrays, ShardHeader
from trainer.windows import Windows

SHARD_PHOTOS = 4096
SHARD_SECONDS = 60.0
"""At most this much work is lost when a run is killed."""
_TRIED_NAME = ".tried-r{}.json"


class NewFeatures(Protocol):
    """Of :class:`trainer.photo_encoder.Encoded`."""

    features: NDArray[np.float16]
    windows: Windows


class ShardWriter:
    """Collects what is known of photos, and writes a shard when there is enough or it is time.

    Args:
        out: the folder of features.
        rank: the number of this process, from 0.
        run: the number of this run in the folder, from 1.
        source, backbone, probe: as the shards say them.
    """

    def __init__(
        self,
        out: Path,
        *,
        rank: int,
        run: int,
        source: str,
        backbone: EncoderReady,
        probe: NDArray[np.float16],
    ) -> None:
        self._out, self._rank, self._run = out, rank, run
        self._header = ShardHeader(FORMAT, source, backbone, [])
        self._probe = probe
        self._tried = out / feature_folder.SHARDS_NAME / _TRIED_NAME.format(rank)
        self._number = 0
        self._photos: list[PhotoRecord] = []
        self._features: list[NDArray[np.float16]] = []
        self._windows: list[Windows] = []
        self._rows = 0
        self._written = time.monotonic()

    def add(self, photos: Sequence[PhotoRecord], encoded: NewFeatures | None = None) -> None:
        """Add photos; the ``row`` of one that has a feature is its row in ``encoded``."""
        for item in photos:
            self._photos.append(replace(item, row=self._rows + item.row) if item.row >= 0 else item)
        if encoded is not None and len(encoded.features):
            self._features.append(encoded.features)
            self._windows.append(encoded.windows)
            self._rows += len(encoded.features)
        if len(self._photos) >= SHARD_PHOTOS or time.monotonic() - self._written > SHARD_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what was collected, if anything.

        Raises:
            OSError: if it cannot be written.
        """
        if self._photos:
            dim, each = self._header.backbone.dim, self._header.backbone.windows
            arrays = ShardArrays(
                np.concatenate([np.zeros((0, dim), np.float16), *self._features]),
                np.concatenate([np.zeros((0, each, dim), np.int8), *self._windows]),
                self._probe,
            )
            self._number += 1
            path = feature_folder.shard_path(self._out, self._run, self._rank, self._number)
            header = replace(self._header, photos=self._photos)
            feature_folder.write_shard(path, header, arrays)
        self._photos, self._features, self._windows, self._rows = [], [], [], 0
        self._written = time.monotonic()

    def about_to_try(self, fingerprints: Sequence[str]) -> None:
        """Note which pictures are decoded next: if the process ends meanwhile, one of them may be
        why, and the next run decodes them in processes of their own."""
        self._tried.write_text(json.dumps(list(fingerprints)), encoding="ascii")

    def close(self) -> None:
        """Write the rest; the run has ended in order."""
        self.flush()
        self._tried.unlink(missing_ok=True)


def tried_before(out: Path) -> set[str]:
    """Fingerprints of pictures during whose decoding an earlier run ended."""
    found: set[str] = set()
    for path in (out / feature_folder.SHARDS_NAME).glob(_TRIED_NAME.format("*")):
        with contextlib.suppress(OSError, checked_json.JsonError):
            body = checked_json.read(path, feature_folder.LIMITS)
            found.update(checked_json.to_type(body, list[str]))
    return found
