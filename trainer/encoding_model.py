"""What the encoder asks of a backbone, whatever it runs on (imports no torch)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainer.box import WHOLE, Box
from trainer.templates import fill
from trainer.windows import Windows

Pixels = Any
"""A preprocessed photo, (3, S, S): a tensor of torch, or an array of uint8 for a runtime that does
without; in both cases channels last in memory."""


class Device(Protocol):
    """``torch.device``, or :class:`trainer.computer.Cpu`."""

    @property
    def type(self) -> str: ...


class EncodingModel(Protocol):
    """The part of :class:`trainer.backbone.Backbone` that encodes."""

    @property
    def name(self) -> str: ...
    @property
    def device(self) -> Device: ...
    @property
    def device_label(self) -> str: ...
    @property
    def dim(self) -> int: ...
    @property
    def scale(self) -> float: ...
    @property
    def bias(self) -> float | None: ...
    @property
    def frequency_bias(self) -> float | None: ...
    @property
    def name_frequency(self) -> tuple[float, ...] | None: ...
    @property
    def templates(self) -> tuple[str, ...]: ...
    @property
    def input_side(self) -> int: ...
    @property
    def windows(self) -> int: ...
    @property
    def window_offset(self) -> float | None: ...
    @property
    def crops(self) -> bool: ...
    @property
    def preparation(self) -> Callable[[Image.Image], Pixels]:
        """From a photo to what the methods below take."""
        ...

    def seen(self, width: int, height: int) -> Box: ...
    def encode_with_windows(self, pixels: Pixels) -> tuple[NDArray[np.float32], Windows]: ...
    def encode_map(self, pixels: Pixels) -> NDArray[np.float16]: ...
    def encode_texts(
        self, texts: Sequence[str], templates: Sequence[str] = ()
    ) -> NDArray[np.float32]: ...


def seen_part(resize_mode: str, width: int, height: int) -> Box:
    """The square that an image tower sees, in fractions of an upright photo of this size;
    beyond 0 and 1 where the photo is padded."""
    if resize_mode == "squash":
        return WHOLE
    side = min(width, height) if resize_mode == "shortest" else max(width, height)
    across, down = side / width, side / height
    return Box((1 - across) / 2, (1 - down) / 2, (1 + across) / 2, (1 + down) / 2)


def encode_filled(
    encode: Callable[[Sequence[str]], NDArray[np.float32]],
    dim: int,
    texts: Sequence[str],
    templates: Sequence[str],
) -> NDArray[np.float32]:
    """Embeddings of texts, (n, D), unit norm; with ``templates``, the mean over all templates for
    each text.

    Every template has a ``{}`` for the text.  ``encode``: plain texts to (n, D), unit norm.
    """
    if not texts:
        return np.zeros((0, dim), np.float32)
    if not templates:
        return encode(texts)
    filled = [fill(template, text) for text in texts for template in templates]
    each = encode(filled).reshape(len(texts), len(templates), dim)
    mean = each.mean(axis=1)
    return mean / np.maximum(np.linalg.norm(mean, axis=-1, keepdims=True), 1e-12)
