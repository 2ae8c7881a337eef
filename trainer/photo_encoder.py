"""Encode batches of photos, robust to lack of memory and to overflow in half precision."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.memory import is_out_of_memory
from trainer.photo import UnreadablePhoto
from trainer.pixels import stacked
from trainer.windows import Windows

log = logging.getLogger(__name__)

CPU_BATCH = 8
"""On a CPU larger batches are no faster and only delay text requests."""
GPU_BATCH = 256
NO_FEATURE = "The model returned no usable feature for this photo."


class OutOfMemoryError(Exception):
    """Not even a single photo fits into memory; the message is a sentence for the user."""


class ImageTower(Protocol):
    """The part of :class:`trainer.backbone.Backbone` that is used here."""

    @property
    def dim(self) -> int: ...
    @property
    def device(self) -> torch.device: ...
    @property
    def windows(self) -> int: ...
    def encode_with_windows(self, pixels: Tensor) -> tuple[NDArray[np.float32], Windows]: ...


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


class PhotoEncoder:
    """Runs the image tower and remembers the batch size that fits into memory."""

    def __init__(self, tower: ImageTower, batch: int | None = None) -> None:
        self._tower = tower
        on_cpu = tower.device.type == "cpu"
        self.batch = batch or (CPU_BATCH if on_cpu else GPU_BATCH)

    def encode(
        self,
        count: int,
        take: Callable[[int], list[Tensor | UnreadablePhoto]],
        between: Callable[[], None] = lambda: None,
    ) -> Encoded:
        """Encode ``count`` photos.

        Args:
            take: returns the given number of photos, like :meth:`PhotoReader.take`.
            between: called between batches, for urgent requests; may raise to stop.

        Raises:
            OutOfMemoryError: if a single photo does not fit.
        """
        result = self._nothing()
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

    def _encode_batch(self, taken: list[Tensor | UnreadablePhoto]) -> Encoded:
        failures = [
            (i, item.reason) for i, item in enumerate(taken) if isinstance(item, UnreadablePhoto)
        ]
        good = [(i, item) for i, item in enumerate(taken) if isinstance(item, Tensor)]
        if not good:
            return replace(self._nothing(), failures=failures)
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

    def _nothing(self) -> Encoded:
        dim, windows = self._tower.dim, self._tower.windows
        return Encoded(
            np.zeros(0, np.int64),
            np.zeros((0, dim), np.float16),
            np.zeros((0, windows, dim), np.int8),
        )

    def _in_batches(self, pixels: Tensor) -> Iterator[tuple[NDArray[np.float32], Windows]]:
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
            torch.cuda.empty_cache()
