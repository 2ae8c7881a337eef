"""A backbone that OpenVINO runs on a CPU, for a folder with Lite's towers."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors import safe_open

from trainer.backbone_folder import CONFIG_NAME, WEIGHTS_PATTERNS, folder_of
from trainer.box import Box
from trainer.calibrated import Calibrated, read_values
from trainer.computer import CPU, Cpu
from trainer.cpu_runtime.image_graph import ARCHITECTURE, image_graph
from trainer.cpu_runtime.known_texts import KnownTexts, read_known_texts
from trainer.cpu_runtime.runtime import MAX_STREAMS, Compiled, UnsuitableError
from trainer.cpu_runtime.text_graph import layer_norm, text_graph
from trainer.cpu_runtime.tokenizer import VOCABULARY_SIZE, ClipTokenizer
from trainer.encoding_model import encode_filled, seen_part
from trainer.suggested import BUNDLED_SIDES
from trainer.windows import BOXES, Windows, cells_along, quantise

log = logging.getLogger(__name__)

_TEXT_BATCH = 128
_REDUCTION = 32
"""Pixels of a cell along a side."""
_VISION = {
    "timm_model_name": ARCHITECTURE,
    "timm_model_pretrained": False,
    "timm_pool": "avg",
    "timm_proj": "linear",
    "timm_proj_bias": True,
}
_TEXT_KEYS = frozenset({"context_length", "vocab_size", "width", "heads", "layers"})


@dataclass(frozen=True)
class RuntimeBackbone:
    """Lite's towers in OpenVINO (D feature dim, S input side); see
    :class:`trainer.backbone.Backbone`, whose features it gives."""

    name: str
    dim: int
    scale: float
    calibrated: Calibrated
    input_side: int
    preparation: Callable[[Image.Image], NDArray[np.uint8]]
    """RGB image to (3, S, S) uint8, channels last."""
    _image: Compiled = field(repr=False)
    _text: _TextTower = field(repr=False)
    _head: tuple[NDArray[np.float32], NDArray[np.float32]] = field(repr=False)
    device: Cpu = CPU
    device_label: str = "CPU"
    crops: bool = False
    windows: int = len(BOXES)

    @property
    def bias(self) -> float | None:
        return self.calibrated.bias

    @property
    def frequency_bias(self) -> float | None:
        return self.calibrated.frequency_bias

    @property
    def name_frequency(self) -> tuple[float, ...] | None:
        return self.calibrated.name_frequency

    @property
    def templates(self) -> tuple[str, ...]:
        return self.calibrated.templates

    @property
    def window_offset(self) -> float | None:
        return self.calibrated.window_offset

    def seen(self, width: int, height: int) -> Box:
        """The part of a photo that the image tower sees: all of it."""
        return seen_part("squash", width, height)

    def encode_with_windows(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], Windows]:
        """Features of (n, 3, S, S) photos and of their windows, by one forward pass.

        Returns:
            features (n, D) float32, unit norm, and windows (n, W, D) int8.
        """
        photos = [np.ascontiguousarray(photo.transpose(1, 2, 0))[None] for photo in pixels]
        parts = np.stack([answer[0] for answer in self._image.run_each(photos)])
        return _unit(parts[:, 0]), quantise(np.nan_to_num(parts[:, 1:]))

    def encode_map(self, pixels: NDArray[np.uint8]) -> NDArray[np.float16]:
        """The features of the cells of one (3, S, S) photo, (g, g, D), unit norm."""
        photo = np.ascontiguousarray(pixels.transpose(1, 2, 0))[None]
        _, cells = self._image.run(photo)
        weight, bias = self._head
        side = math.isqrt(len(cells))
        return _unit((cells @ weight.T + bias).reshape(side, side, -1)).astype(np.float16)

    def encode_texts(
        self, texts: Sequence[str], templates: Sequence[str] = ()
    ) -> NDArray[np.float32]:
        """As :meth:`trainer.backbone.Backbone.encode_texts`."""
        known = self._text.known.of(texts, templates)
        others = [text for text in texts if text not in known]
        made = encode_filled(self._text.encode, self.dim, others, templates)
        if not known:
            return made
        rows = {text: row.astype(np.float32) for text, row in known.items()}
        rows |= dict(zip(others, made, strict=True))
        return _unit(np.stack([rows[text] for text in texts]))


def runtime_backbone(name: str, threads: int) -> RuntimeBackbone:
    """The backbone ``name`` in OpenVINO, with ``threads`` in all.

    Raises:
        UnsuitableError: if it is not Lite's architecture, or the runtime is missing or fails.
    """
    try:
        folder = folder_of(name)
        if folder is None or name not in BUNDLED_SIDES:
            raise UnsuitableError("it is another architecture")
        return _load(name, folder, threads)
    except UnsuitableError:
        raise
    except MemoryError as error:
        raise UnsuitableError("there is not enough memory") from error
    except Exception as error:  # whatever a library says that does not fit this computer
        lines = str(error).strip().splitlines() or [""]
        raise UnsuitableError(f"{type(error).__name__}: {lines[0]}") from error


def _load(name: str, folder: Path, threads: int) -> RuntimeBackbone:
    config = json.loads((folder / CONFIG_NAME).read_text("utf-8"))
    model, pixels = config["model_cfg"], config["preprocess_cfg"]
    text = model["text_cfg"]
    vision = dict(model["vision_cfg"])
    side = BUNDLED_SIDES.get(name) or int(vision.pop("image_size"))
    vision.pop("image_size", None)
    if (
        vision != _VISION
        or set(text) != _TEXT_KEYS
        or text["vocab_size"] != VOCABULARY_SIZE
        or (pixels["resize_mode"], pixels["interpolation"]) != ("squash", "bicubic")
    ):
        raise UnsuitableError("it is another architecture")
    [file] = [file for pattern in WEIGHTS_PATTERNS for file in folder.glob(pattern)]
    weights, scale = _weights(file)
    calibrated = Calibrated.of(read_values(folder, name))
    cells = -(-side // _REDUCTION)
    graph = image_graph(weights, side, pixels["mean"], pixels["std"], _pooling(cells))
    head = tuple(
        np.asarray(weights[f"visual.head.proj.{part}"], np.float32) for part in ("weight", "bias")
    )
    image = Compiled(graph, threads=threads, streams=min(threads, MAX_STREAMS))

    def prepare(photo: Image.Image) -> NDArray[np.uint8]:
        rgb = photo if photo.mode == "RGB" else photo.convert("RGB")
        squashed = rgb.resize((side, side), Image.Resampling.BICUBIC)
        return np.asarray(squashed).transpose(2, 0, 1)

    backbone = RuntimeBackbone(
        name=name,
        dim=int(model["embed_dim"]),
        scale=scale if calibrated.scale is None else calibrated.scale,
        calibrated=calibrated,
        input_side=side,
        preparation=prepare,
        _image=image,
        _text=_TextTower(file, text, threads),
        _head=(head[0], head[1]),
    )
    features, _ = backbone.encode_with_windows(np.zeros((1, 3, side, side), np.uint8))
    if features.shape != (1, backbone.dim) or not np.isfinite(features).all():
        raise UnsuitableError("its features are not finite")
    return backbone


def _weights(file: Path) -> tuple[Mapping[str, NDArray[Any]], float]:
    """Those of the image tower, and the scale of the model."""
    with safe_open(file, framework="np") as content:
        names = [key for key in content.keys() if key.startswith("visual.")]  # noqa: SIM118
        scale = math.exp(float(content.get_tensor("logit_scale").reshape(())))
        return {key: content.get_tensor(key) for key in names}, scale


def _pooling(side: int) -> NDArray[np.float32]:
    """(1 + W, g * g): the whole photo and its windows as means of cells."""
    rows = np.zeros((1 + len(BOXES), side, side), np.float32)
    rows[0] = 1
    for row, box in zip(rows[1:], BOXES, strict=True):
        row[cells_along(box.top, box.bottom, side), cells_along(box.left, box.right, side)] = 1
    flat = rows.reshape(len(rows), -1)
    return flat / flat.sum(axis=1, keepdims=True, dtype=np.float32)


class _TextTower:
    """CLIP's text tower, made when the first text is to be encoded."""

    def __init__(self, file: Path, config: Mapping[str, int], threads: int) -> None:
        self._file, self._config, self._threads = file, config, threads

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, D), unit norm."""
        tokenizer = self._tokenizer
        room = self._config["context_length"] - 2
        rows = [[tokenizer.start, *body[:room], tokenizer.end] for body in tokenizer.bodies(texts)]
        # Sorted by length, because a batch is as long as its longest text.
        order = sorted(range(len(rows)), key=lambda place: len(rows[place]))
        result: NDArray[np.float32] | None = None
        for start in range(0, len(order), _TEXT_BATCH):
            part = order[start : start + _TEXT_BATCH]
            features = self._encode_rows([rows[place] for place in part])
            if result is None:
                result = np.empty((len(rows), features.shape[1]), np.float32)
            result[part] = features
        assert result is not None, "no texts"
        return result

    def _encode_rows(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        small = self._small
        length = max(map(len, rows))
        ids = np.zeros((len(rows), length), np.int64)
        for place, row in enumerate(rows):
            ids[place, : len(row)] = row
        embedded = small["token_embedding.weight"][ids].astype(np.float32)
        embedded += small["positional_embedding"][:length].astype(np.float32)
        (made,) = self._blocks.run(embedded)
        ends = made[np.arange(len(rows)), [len(row) - 1 for row in rows]]
        normed = layer_norm(
            ends,
            small["ln_final.weight"].astype(np.float32),
            small["ln_final.bias"].astype(np.float32),
        )
        return _unit(normed @ small["text_projection"].astype(np.float32))

    @cached_property
    def known(self) -> KnownTexts:
        """Those that need not be encoded."""
        return read_known_texts(self._file)

    @cached_property
    def _tokenizer(self) -> ClipTokenizer:
        return ClipTokenizer()

    @cached_property
    def _small(self) -> dict[str, NDArray[Any]]:
        names = (
            "token_embedding.weight",
            "positional_embedding",
            "ln_final.weight",
            "ln_final.bias",
            "text_projection",
        )
        with safe_open(self._file, framework="np") as content:
            return {name: content.get_tensor(name) for name in names}

    @cached_property
    def _blocks(self) -> Compiled:
        with safe_open(self._file, framework="np") as content:
            names = [key for key in content.keys() if key.startswith("transformer.")]  # noqa: SIM118
            weights = {key: content.get_tensor(key) for key in names}
        config = self._config
        graph = text_graph(weights, config["width"], config["heads"], config["layers"])
        return Compiled(graph, threads=self._threads)


def _unit(features: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.linalg.norm(features, axis=-1, keepdims=True)
    return features / np.maximum(norms, 1e-12)
