"""A backbone without weights to load, for tests of what carries photos and features: a feature is
a fixed projection of a photo's pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainer.box import WHOLE, Box
from trainer.computer import CPU, Cpu
from trainer.windows import Windows, quantise

SIDE, DIM, WINDOWS = 8, 16, 2


class FlatModel:
    """An :class:`trainer.encoding_model.EncodingModel`; ``seed`` stands for its weights."""

    name = "flat"
    device: Cpu = CPU
    device_label = "Cardboard"
    dim = DIM
    scale = 10.0
    bias = None
    frequency_bias = None
    name_frequency = None
    templates = ("{}",)
    input_side = SIDE
    windows = WINDOWS
    window_offset = None
    crops = False

    def __init__(self, seed: int = 0) -> None:
        drawn = np.random.default_rng(seed).normal(size=(3 * SIDE * SIDE, (1 + WINDOWS) * DIM))
        self._weights = drawn.astype(np.float32)
        self.encoded = 0
        """How many photos."""

    def preparation(self, image: Image.Image) -> NDArray[np.uint8]:
        return np.asarray(image.convert("RGB").resize((SIDE, SIDE))).transpose(2, 0, 1)

    def seen(self, width: int, height: int) -> Box:
        return WHOLE

    def encode_with_windows(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], Windows]:
        self.encoded += len(pixels)
        flat = pixels.reshape(len(pixels), -1).astype(np.float32) - 128
        made = (flat @ self._weights).reshape(len(pixels), 1 + WINDOWS, DIM)
        made /= np.linalg.norm(made, axis=-1, keepdims=True)
        return made[:, 0], quantise(made[:, 1:])

    def encode_map(self, pixels: NDArray[np.uint8]) -> NDArray[np.float16]:
        raise NotImplementedError

    def encode_texts(
        self, texts: Sequence[str], templates: Sequence[str] = ()
    ) -> NDArray[np.float32]:
        return np.tile(np.eye(1, DIM, dtype=np.float32), (len(texts), 1))
