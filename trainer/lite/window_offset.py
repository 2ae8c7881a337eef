"""By how much the largest cosine with a window is above the cosine with the whole photo.

The mean over photos and COCO's class names; no labels are used.  Prompt sets and zero-shot scores
subtract it (:func:`trainer.windows.joint_cosines`), so that scale, bias and thresholds hold for
both.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainer.backbone import Backbone, load_backbone
from trainer.backbone_folder import LOCAL_DIR
from trainer.computer import cores
from trainer.encode import SHARPNESS
from trainer.lite.evaluate import LabelledPhotos, read_photos
from trainer.lite.texts import COCO_NAMES
from trainer.photo_encoder import Encoded, PhotoEncoder
from trainer.photo_reader import PhotoReader
from trainer.windows import largest_cosines


@dataclass(frozen=True)
class EncodedFolder:
    """Photos as the app encodes them: ``photos`` has those that could be read."""

    backbone: Backbone
    photos: LabelledPhotos
    encoded: Encoded

    def cosines(self, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """(n, C) of classes with the whole photo, and the largest with a window; float32."""
        classes = self.backbone.encode_texts(names, self.backbone.templates)
        whole = self.encoded.features.astype(np.float32) @ classes.T
        return whole, largest_cosines(self.encoded.windows, classes)


def encode_folder(model: Path, photos: Path, side: int | None = None) -> EncodedFolder:
    """A folder of photos with ``index.json``, by the model in the folder ``model``.

    Args:
        side: input pixels along a side, if not the model's own.

    Raises:
        trainer.backbone.BackboneError: if the model cannot be loaded.
        ValueError: if it makes no windows, or no photo can be read.
    """
    backbone = load_backbone(f"{LOCAL_DIR}{model}", fast_images=True, side=side)
    if not backbone.windows:
        raise ValueError(f"{model} makes no windows")
    labelled = read_photos(photos)
    paths = labelled.paths
    encoder = PhotoEncoder(backbone)
    reader = PhotoReader(
        backbone.fast_preprocess or backbone.preprocess,
        at_least=SHARPNESS * backbone.input_side,
        threads=cores(),
        window=2 * encoder.batch,
    )
    try:
        reader.add(paths)
        encoded = encoder.encode(len(paths), reader.take)
    finally:
        reader.close()
    if not len(encoded.positions):
        raise ValueError(f"no photo in {photos} can be read")
    readable = LabelledPhotos(
        [paths[position] for position in encoded.positions],
        [labelled.names[position] for position in encoded.positions],
    )
    return EncodedFolder(backbone, readable, encoded)


def window_offset(model: Path, photos: Path) -> float:
    """Of the model in the folder ``model``, on a folder of photos with ``index.json``.

    Raises:
        trainer.backbone.BackboneError, ValueError: as :func:`encode_folder`.
    """
    whole, largest = encode_folder(model, photos).cosines(list(COCO_NAMES))
    return float((largest - whole).mean())
