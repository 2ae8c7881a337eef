"""Features of a list's photos, kept on disk so that each photo is encoded once.

A cache is a folder of safetensors files, one per chunk.  Its name includes everything that
determines a feature: backbone, weights, preprocessing and list.  A chunk is written to a temporary
name and renamed, so a killed run loses at most its current chunk, and the next run resumes.  Each
row also has the size and modification time of its file: a photo that was replaced is encoded again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from trainer.arrays import write_arrays
from trainer.backbone import Backbone
from trainer.benchmarks.images import PhotoFile
from trainer.encode import SHARPNESS, default_threads
from trainer.photo import UnreadablePhoto
from trainer.photo_encoder import PhotoEncoder
from trainer.photo_reader import PhotoReader
from trainer.temporary_files import temporary_name

log = logging.getLogger(__name__)

CHUNK = 128
"""Photos between two writes, or one batch if that is larger."""
FORMAT = 1
"""Of the cache; increased when decoding or the file format changes."""
_WINDOW_BATCHES = 3
OnProgress = Callable[[int], None]
_Chunk = tuple[NDArray[np.int64], NDArray[np.float16], list[tuple[int, str]]]


@dataclass(frozen=True)
class ListFeatures:
    """Features of those photos of a list that have one.

    rows: (n,) int64, ascending: their rows in the list.
    features: (n, D) float16, unit norm.
    unreadable: (row in the list, sentence) of the photos that could not be encoded.
    encoded, cached: how many were encoded now, and how many came from the cache.
    seconds: time spent on encoding.
    """

    rows: NDArray[np.int64]
    features: NDArray[np.float16]
    unreadable: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    encoded: int = 0
    cached: int = 0
    seconds: float = 0.0


def feature_key(backbone: Backbone) -> str:
    """Hash (32 hex digits) of everything that determines a feature: name, weights of the image
    tower (a local file may change under the same name), precision and preprocessing.
    """
    visual = cast(Any, backbone.model).visual
    about = {
        "format": FORMAT,
        "name": backbone.name,
        "precision": backbone.precision,
        "preprocess": {key: str(value) for key, value in visual.preprocess_cfg.items()},
        "fast_preprocess": backbone.fast_preprocess is not None,
        "decoded_at_least": SHARPNESS * backbone.input_side,
    }
    digest = hashlib.blake2b(json.dumps(about, sort_keys=True).encode(), digest_size=16)
    tensors: dict[str, torch.Tensor] = visual.state_dict()
    for name in sorted(tensors):
        value = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def list_key(listed: Sequence[str]) -> str:
    """Hash (16 hex digits) of a list's paths in their order."""
    return hashlib.blake2b("\n".join(listed).encode(), digest_size=8).hexdigest()


class FeatureCache:
    """The chunks of one list and backbone; ``folder`` is created when something is written."""

    def __init__(self, folder: Path, dim: int) -> None:
        self._folder, self._dim = folder, dim

    def load(self, files: Sequence[PhotoFile | None]) -> dict[int, NDArray[np.float16]]:
        """Features (D,) by row in the list, of photos that have not changed since.

        A damaged chunk is skipped with a warning; its photos are encoded again.
        """
        found: dict[int, NDArray[np.float16]] = {}
        for path in sorted(self._folder.glob("*.safetensors")):
            try:
                arrays = load_file(path)
                rows, stamps, features = (arrays[key] for key in ("rows", "stamps", "features"))
            except (OSError, SafetensorError, KeyError) as error:
                log.warning("skipping the damaged chunk %s: %s", path, error)
                continue
            if features.shape != (len(rows), self._dim) or stamps.shape != (len(rows), 2):
                log.warning("skipping %s, which is not a chunk of this cache", path)
                continue
            for row, stamp, feature in zip(rows.tolist(), stamps.tolist(), features, strict=True):
                file = files[row] if 0 <= row < len(files) else None
                if file is not None and [file.size, file.modified] == stamp:
                    found[row] = feature
        return found

    def append(
        self,
        rows: NDArray[np.int64],
        features: NDArray[np.float16],
        files: Sequence[PhotoFile | None],
    ) -> None:
        """Write one chunk: features (n, D) of the photos at ``rows`` (n,).

        Raises:
            OSError: if the disk is full or the folder cannot be written.
        """
        encoded = [files[int(row)] for row in rows]
        stamps = [[file.size, file.modified] for file in encoded if file is not None]
        self._folder.mkdir(parents=True, exist_ok=True)
        # Unique, so that two simultaneous runs never write to the same file.
        name = f"{int(rows[0]):06d}-{uuid.uuid4().hex[:8]}.safetensors"
        part = temporary_name(self._folder / name)
        try:
            arrays = {"rows": rows, "stamps": np.array(stamps, np.int64), "features": features}
            write_arrays({key: np.ascontiguousarray(item) for key, item in arrays.items()}, part)
            part.replace(self._folder / name)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def encode_list(
    files: Sequence[PhotoFile | None],
    cache: FeatureCache,
    backbone: Backbone,
    *,
    threads: int = 0,
    batch: int | None = None,
    chunk: int = CHUNK,
    on_progress: OnProgress = lambda done: None,
) -> ListFeatures:
    """Features of all existing photos: from the cache, or encoded and added to it.

    Args:
        threads: decoding threads; 0 for a number suitable for the device.
        batch: photos encoded at once; None for a number suitable for the device.
        on_progress: called with the number of photos done, including those from the cache.

    Raises:
        OSError: if the cache cannot be written.
        OutOfMemoryError: if not even a single photo fits into memory.
    """
    found = cache.load(files)
    cached = len(found)
    todo = [row for row, file in enumerate(files) if file is not None and row not in found]
    on_progress(cached)
    taken = 0

    def add_progress(count: int) -> None:
        nonlocal taken
        taken += count
        on_progress(cached + taken)

    unreadable: list[tuple[int, str]] = []
    begun = time.monotonic()
    if todo:
        for rows, features, failures in _encoded(
            todo,
            files,
            backbone,
            threads=threads,
            batch=batch,
            chunk=chunk,
            report=add_progress,
        ):
            if len(rows):
                cache.append(rows, features, files)
            found |= dict(zip(rows.tolist(), features, strict=True))
            unreadable += failures
    order = np.array(sorted(found), np.int64)
    return ListFeatures(
        rows=order,
        features=(
            np.stack([found[int(row)] for row in order])
            if len(order)
            else np.zeros((0, backbone.dim), np.float16)
        ),
        unreadable=unreadable,
        encoded=len(found) - cached,
        cached=cached,
        seconds=time.monotonic() - begun,
    )


def _encoded(
    todo: Sequence[int],
    files: Sequence[PhotoFile | None],
    backbone: Backbone,
    *,
    threads: int,
    batch: int | None,
    chunk: int,
    report: OnProgress,
) -> Iterator[_Chunk]:
    encoder = PhotoEncoder(backbone, batch)
    workers = threads or default_threads(backbone.device)
    reader = PhotoReader(
        backbone.fast_preprocess or backbone.preprocess,
        at_least=SHARPNESS * backbone.input_side,
        threads=workers,
        window=max(_WINDOW_BATCHES * encoder.batch, 2 * workers),
    )

    def take(count: int) -> list[torch.Tensor | UnreadablePhoto]:
        taken = reader.take(count)
        report(len(taken))
        return taken

    try:
        # All at once, so that the next chunk is decoded while this one is encoded.
        reader.add([file.path for row in todo if (file := files[row]) is not None])
        size = max(chunk, encoder.batch)
        for start in range(0, len(todo), size):
            part = np.array(todo[start : start + size], np.int64)
            made = encoder.encode(len(part), take)
            failures = [(int(part[position]), reason) for position, reason in made.failures]
            yield part[made.positions], made.features, failures
    finally:
        reader.close()
