"""Whether two backbones of one name are one, by the feature of a picture that never changes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainer.feature_folder import FeatureFolderError, Known

if TYPE_CHECKING:
    from trainer.backbone import Backbone

SAME_BACKBONE = 0.999
"""Cosine of the probe's features from which two backbones of one name are the same: devices and
precisions differ by less, other weights by more."""


def probe_picture() -> Image.Image:
    """The picture, 256 x 256 pixels."""
    across, down = np.meshgrid(np.linspace(0, 255, 256), np.linspace(255, 0, 256))
    rings = 127.5 + 127.5 * np.sin((across - 90) * (down - 140) / 1500)
    return Image.fromarray(np.stack([across, down, rings], axis=-1).astype(np.uint8))


def probe_feature(backbone: Backbone) -> NDArray[np.float16]:
    """(D,) of the picture."""
    prepare = backbone.fast_preprocess or backbone.preprocess
    made = backbone.encode_images(prepare(probe_picture())[None])[0]
    return made.astype(np.float16)


def is_same(probe: NDArray[np.float16], other: NDArray[np.float16]) -> bool:
    return float(probe.astype(np.float32) @ other.astype(np.float32)) >= SAME_BACKBONE


def check_name(name: str, known: Known, out: Path) -> None:
    """Raises FeatureFolderError if the folder's features are of a backbone of another name."""
    if known.backbone is not None and known.backbone.backbone != name:
        raise FeatureFolderError(
            f"The features in {out} are by the backbone {known.backbone.backbone}. Give another "
            f"--out for those by {name}."
        )


def check_probe(name: str, probe: NDArray[np.float16], known: Known, out: Path) -> None:
    """Raises FeatureFolderError if they are of other weights."""
    if known.probe is not None and not is_same(probe, known.probe):
        raise FeatureFolderError(
            f"The features in {out} are by another version of the backbone {name}. Give another "
            "--out."
        )
