"""Annotated photos to measure on, with Lite's features and its hand-written class embeddings."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file

from trainer.arrays import unit_rows, write_arrays
from trainer.bands import BandLimits
from trainer.learner import embed_templates
from trainer.suggested import LITE
from trainer.text_tower import TextTower
from trainer.windows import joint_cosines, largest_cosines

if TYPE_CHECKING:
    from trainer.photo_encoder import Encoded

SHARED = Path(os.environ.get("LMPT_SHARED", Path(__file__).parents[4] / "shared"))
COREL = SHARED / "bench" / "corel5k"
COCO = SHARED / "photos"


@dataclass(frozen=True)
class Corel:
    """features (4999, 384) float32 unit norm; present (4999, K) bool; train (4999,) bool."""

    names: list[str]
    features: NDArray[np.float32]
    present: NDArray[np.bool_]
    train: NDArray[np.bool_]

    @property
    def counts(self) -> NDArray[np.int64]:
        """(K,) training images of every keyword."""
        return self.present[self.train].sum(0)


def load_corel() -> tuple[Corel, Any]:
    """The benchmark, and the backbone whose text tower goes with it."""
    backbone = _lite()
    rows = [json.loads(line) for line in (COREL / "index.jsonl").open(encoding="utf-8")]
    pooled = load_file(COREL / "features.safetensors")["features"].astype(np.float32)
    projection: Any = backbone.model.get_submodule("visual.head.proj")
    features = unit_rows(projection(torch.from_numpy(pooled)).numpy())
    names = sorted({name for row in rows for name in row["classes"]})
    present = _matrix([row["classes"] for row in rows], names)
    train = np.array([row["split"] == "train" for row in rows])
    return Corel(names, features, present, train), backbone


def _lite() -> Any:
    # Late: timm and open_clip take seconds to import, and few of the runs need them.
    from trainer.backbone import load_backbone

    backbone = load_backbone(LITE, torch.device("cpu"))
    backbone.model.requires_grad_(False).eval()
    return backbone


def _matrix(labels: list[list[str]], names: list[str]) -> NDArray[np.bool_]:
    """(N, K): which photo has which class."""
    place = {name: index for index, name in enumerate(names)}
    present = np.zeros((len(labels), len(names)), dtype=bool)
    for row, found in enumerate(labels):
        present[row, [place[name] for name in found]] = True
    return present


@dataclass(frozen=True, eq=False)
class Board:
    """What every method is given of a data set.

    names: K classes.
    features: (N, D) float32 unit norm.
    present: (N, K) bool, completely annotated.
    train: (N,) bool, the published training part; all where none is published.
    zero_shot: (K, D) float32 unit norm, of the hand-written prompts.
    scale, bias: of the backbone; scores are about frequencies.
    windows: (N, W, D) int8 (:mod:`trainer.windows`); None where only whole photos were encoded.
    window_offset: of the backbone, for :func:`trainer.windows.joint_cosines`.
    """

    names: list[str]
    features: NDArray[np.float32]
    present: NDArray[np.bool_]
    train: NDArray[np.bool_]
    zero_shot: NDArray[np.float32]
    scale: float
    bias: float
    windows: NDArray[np.int8] | None = None
    window_offset: float = 0.0

    @property
    def counts(self) -> NDArray[np.int64]:
        """(K,) images of every class in the whole training part; bands go by them."""
        return self.present[self.train].sum(0)

    @property
    def limits(self) -> BandLimits:
        return BandLimits.for_library(int(self.train.sum()))

    @property
    def key(self) -> str:
        """Hash of everything in it, hence of data set, image tower, text tower and templates."""
        about = [self.names, self.scale, self.bias, self.limits.medium, self.limits.head]
        digest = blake2b(json.dumps(about).encode(), digest_size=8)
        for array in (self.features, self.present, self.train, self.zero_shot):
            digest.update(np.ascontiguousarray(array).tobytes())
        if self.windows is not None:
            digest.update(f"{self.window_offset}".encode() + self.windows.tobytes())
        return digest.hexdigest()

    def with_windows(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """(n, K) zero-shot cosines of the photos at ``rows`` (n,), windows included."""
        assert self.windows is not None
        inside = largest_cosines(self.windows[rows], self.zero_shot)
        return joint_cosines(self.features[rows] @ self.zero_shot.T, inside, self.window_offset)

    def save(self, file: Path) -> None:
        about = {
            "names": self.names,
            "scale": self.scale,
            "bias": self.bias,
            "window_offset": self.window_offset,
        }
        arrays = {
            "features": self.features,
            "present": self.present,
            "train": self.train,
            "zero_shot": self.zero_shot,
            "about": np.frombuffer(json.dumps(about).encode(), np.uint8),
        }
        if self.windows is not None:
            arrays["windows"] = self.windows
        write_arrays({name: np.ascontiguousarray(item) for name, item in arrays.items()}, file)

    @classmethod
    def load(cls, file: Path) -> Board:
        arrays = load_file(file)
        about = json.loads(arrays.pop("about").tobytes())
        return cls(**arrays, **about)


def corel_board(cache: Path) -> Board:
    """Corel5k: 4,500 training and 499 test images, 371 keywords."""
    corel, backbone = load_corel()
    return _board(backbone, corel.names, corel.features, corel.present, corel.train)


def coco_board(cache: Path) -> Board:
    """The 204 photos of COCO 2017, 80 classes, with windows; what is encoded is kept in
    ``cache``."""
    from trainer.benchmarks.features import feature_key, list_key
    from trainer.lite.texts import COCO_NAMES

    backbone = _lite()
    rows = json.loads((COCO / "index.json").read_text(encoding="utf-8"))
    listed = [row["path"] for row in rows]
    kept = cache / f"coco-{feature_key(backbone)[:12]}-{list_key(listed)}.safetensors"
    if not kept.is_file():
        made = _encoded(backbone, [COCO / path for path in listed])
        write_arrays({"features": made.features, "windows": made.windows}, kept)
    arrays = load_file(kept)
    names = list(COCO_NAMES)
    present = _matrix([row["labels"] for row in rows], names)
    features = unit_rows(arrays["features"])
    made = _board(backbone, names, features, present, np.ones(len(rows), dtype=bool))
    return replace(made, windows=arrays["windows"], window_offset=backbone.window_offset or 0.0)


def _encoded(backbone: Any, paths: list[Path]) -> Encoded:
    """Features and windows of photos, as the app encodes them."""
    from trainer.encode import SHARPNESS
    from trainer.photo_encoder import PhotoEncoder
    from trainer.photo_reader import PhotoReader

    reader = PhotoReader(
        backbone.fast_preprocess,
        at_least=SHARPNESS * backbone.input_side,
        threads=1,
        window=len(paths),
    )
    try:
        reader.add(paths)
        made = PhotoEncoder(backbone).encode(len(paths), reader.take)
    finally:
        reader.close()
    if made.failures:
        raise SystemExit(f"unreadable photos: {made.failures}")
    return made


def _board(
    backbone: Any,
    names: list[str],
    features: NDArray[np.float32],
    present: NDArray[np.bool_],
    train: NDArray[np.bool_],
) -> Board:
    tower = TextTower(backbone.model, backbone.tokenizer)
    zero_shot = embed_templates(tower, names, list(backbone.templates)).numpy()
    return Board(
        names,
        features,
        present,
        train,
        zero_shot,
        float(backbone.scale),
        float(backbone.frequency_bias),
    )


BOARDS = {"corel": corel_board, "coco": coco_board}
"""Data sets by name; each function is given a folder in which it may keep what is expensive."""
PLACES = {"corel": COREL, "coco": COCO}
