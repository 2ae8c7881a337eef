"""Encode batches of photos, robust to lack of memory and to overflow in half precision."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trainer.encoding_model import Device, Pixels
from trainer.out_of_memory import is_out_of_memory
from trainer.photo import UnreadablePhoto
from trainer.windows import Windows

log = logging.getLogger(__name__)

CPU_BATCH = 8
"""On a CPU larger batches are no faster and only delay text requests."""
GPU_BATCH = 256
Photo = Pixels | UnreadablePhoto
NO_FEATURE = "The model returned no usable feature for this photo."


class OutOfMemoryError(Exception):
    """Not even a single photo fits into memory; the message is a sentence for the user."""


class ImageTower(Protocol):
    """The part of :class:`trainer.backbone.Backbone` that is used here."""

    @property
    def dim(self) -> int: ...
    @property
    def device(self) -> Device: ...
    @property
    def windows(self) -> int: ...
    def encode_with_windows(self, pixels: Pixels) -> tuple[NDArray[np.float32], Windows]: ...


@dataclass
class Encoded:
    """Features of the photos of a request, and reasons for those without one.

    positions: (n,) int64, position of each feature's photo in the request.
    features: (n, D) float16, unit norm.
    windows: (n, W, D) int8; W is 0 if the tower makes none.
    failures: (position in the request, sentence).
    """

    positions: NDArray[np.int64]
    features: NDArray[np.float16]
    windows: Windows
    failures: list[tuple[int, str]] = field(default_factory=list)


def take_first(photos: list[Photo], count: int) -> list[Photo]:
    """Take the first ``count`` out of a list; fewer if there are no more."""
    taken, photos[:] = photos[:count], photos[count:]
    return taken


class PhotoEncoder:
    """Runs the image tower and remembers the batch size that fits into memory."""

    def __init__(self, tower: ImageTower, batch: int | None = None) -> None:
        self._tower = tower
        on_cpu = tower.device.type == "cpu"
        self.batch = batch or (CPU_BATCH if on_cpu else GPU_BATCH)

    def encode(
        self,
        count: int,
        take: Callable[[int], list[Pixels | UnreadablePhoto]],
        between: Callable[[], None] = lambda: None,
    ) -> Encoded:
        """Encode ``count`` photos.

        Args:
            take: returns the given number of photos, like :meth:`PhotoReader.take`.
            between: called between batches, for urgent requests; may raise to stop.

        Raises:
            OutOfMemoryError: if a single photo does not fit.
        """
        result = self.nothing()
        done = 0
        while done < count:
            between()
            taken = take(min(self.batch, count - done))
            if not taken:
                raise RuntimeError("fewer photos were read than requested")
            part = self._encode_batch(taken)
            result = Encoded(
                np.concatenate([result.positions, part.positions + done]),
                np.concatenate([result.features, part.features]),
                np.concatenate([result.windows, part.windows]),
                result.failures + [(position + done, reason) for position, reason in part.failures],
            )
            done += len(taken)
        return result

    def _encode_batch(self, taken: list[Pixels | UnreadablePhoto]) -> Encoded:
        failures = [
            (i, item.reason) for i, item in enumerate(taken) if isinstance(item, UnreadablePhoto)
        ]
        good = [(i, item) for i, item in enumerate(taken) if not isinstance(item, UnreadablePhoto)]
        if not good:
            return replace(self.nothing(), failures=failures)
        positions = np.array([i for i, _ in good], np.int64)
        batches = list(self._in_batches(stacked([item for _, item in good])))
        features = np.concatenate([batch for batch, _ in batches])
        windows = np.concatenate([batch for _, batch in batches])
        usable = np.isfinite(features).all(axis=1)
        failures += [(int(i), NO_FEATURE) for i in positions[~usable]]
        return Encoded(
            positions[usable],
            features[usable].astype(np.float16),
            windows[usable],
            sorted(failures),
        )

    def nothing(self) -> Encoded:
        """The features of no photos."""
        dim, windows = self._tower.dim, self._tower.windows
        return Encoded(
            np.zeros(0, np.int64),
            np.zeros((0, dim), np.float16),
            np.zeros((0, windows, dim), np.int8),
        )

    def _in_batches(self, pixels: Pixels) -> Iterator[tuple[NDArray[np.float32], Windows]]:
        """Features and windows of (n, 3, S, S), in smaller batches if memory runs out."""
        start = 0
        while start < len(pixels):
            part = pixels[start : start + self.batch]
            try:
                encoded = self._tower.encode_with_windows(part)
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                self._halve(len(part), error)
                continue
            yield encoded
            start += len(part)

    def _halve(self, tried: int, error: Exception) -> None:
        if tried <= 1:
            raise OutOfMemoryError(
                "There is not enough memory to encode even one photo at a time. Close other "
                "programs, choose the CPU, or choose a smaller backbone."
            ) from error
        self.batch = max(1, tried // 2)
        log.warning("out of memory with %d photos at once; continuing with %d", tried, self.batch)
        if self._tower.device.type == "cuda":
            sys.modules["torch"].cuda.empty_cache()


def stacked(photos: Sequence[Pixels]) -> Pixels:
    """n times (3, S, S) to (n, 3, S, S), channels last: decoder, resizing and convolutions all use
    this layout, so no step has to reorder memory."""
    if isinstance(photos[0], np.ndarray):
        return np.stack([photo.transpose(1, 2, 0) for photo in photos]).transpose(0, 3, 1, 2)
    torch = sys.modules["torch"]
    return torch.stack([photo.permute(1, 2, 0) for photo in photos]).permute(0, 3, 1, 2)


def turned(photo: Pixels, turns: int) -> Pixels:
    """(3, S, S), turned by so many times 90 degrees."""
    if isinstance(photo, np.ndarray):
        return np.rot90(photo, turns, (1, 2))
    return sys.modules["torch"].rot90(photo, turns, (1, 2))
