"""What ``lmpt.json`` says of Lite and Lite+, the same weights given larger pictures.

``python -m trainer.lite variants --photos FOLDER --write``, after each build:

- the window offset of both (:mod:`trainer.lite.window_offset`);
- scale and biases of Lite+.  Cosines of larger pictures have another mean and spread, so Lite's
  scale and biases are changed by the line that gives the cosines of Lite+ (photos and COCO's class
  names, as they are scored, with windows) the mean and the standard deviation of Lite's.  No labels
  are used;
- mean average precision of both, zero-shot, which the app states.  Labels count here alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainer.lite.calibrate import pooled_f1
from trainer.lite.evaluate import (
    VOC_TO_COCO,
    VOC_WITH_SPACES,
    LabelledPhotos,
    average_precisions,
)
from trainer.lite.texts import COCO_NAMES, VOC_NAMES
from trainer.lite.window_offset import encode_folder
from trainer.suggested import BUNDLED_SIDES, LITE
from trainer.windows import joint_cosines


@dataclass(frozen=True)
class Scored:
    """One of the bundled backbones on labelled photos.

    whole, joint: (n, 80) cosines with COCO's class names, by the whole photo alone and as the app
        scores, with windows.
    offset: of the windows.
    maps: mAP in percent, by (COCO or VOC, whether windows count).
    scale, bias, frequency_bias: of these cosines; see :class:`trainer.backbone.Backbone`.
    """

    name: str
    side: int
    whole: np.ndarray
    joint: np.ndarray
    offset: float
    maps: dict[tuple[str, bool], float]
    scale: float
    bias: float
    frequency_bias: float | None


@dataclass(frozen=True)
class Variants:
    """What was measured; ``defaults`` is for ``lmpt.json``."""

    photos: LabelledPhotos
    scored: list[Scored]

    @property
    def defaults(self) -> dict[str, object]:
        """By their keys in ``lmpt.json``."""
        lite, *others = self.scored
        return {
            "window_offset": round(lite.offset, 4),
            "variants": {one.name: _values(one) for one in others},
            "zero_shot": {
                one.name: {
                    "photos": len(self.photos.paths),
                    "coco80": round(one.maps["COCO", True], 1),
                    "voc20": round(one.maps["VOC", True], 1),
                }
                for one in self.scored
            },
        }


def _values(one: Scored) -> dict[str, float]:
    found = {"scale": one.scale, "bias": one.bias, "frequency_bias": one.frequency_bias}
    found["window_offset"] = one.offset
    return {key: round(value, 4) for key, value in found.items() if value is not None}


def matched(
    reference: np.ndarray, cosines: np.ndarray, scale: float, bias: float
) -> tuple[float, float]:
    """Scale and bias with which ``cosines`` have logits of the mean and the standard deviation that
    ``reference`` has with ``scale`` and ``bias``.
    """
    new_scale = scale * float(reference.std() / cosines.std())
    return new_scale, bias + scale * float(reference.mean()) - new_scale * float(cosines.mean())


def measure_variants(model: Path, photos: Path) -> Variants:
    """Of the model in the folder ``model``, on a folder of photos with ``index.json``.

    Raises:
        trainer.backbone.BackboneError, ValueError: as :func:`encode_folder`.
    """
    scored: list[Scored] = []
    readable: LabelledPhotos | None = None
    for name, side in sorted(BUNDLED_SIDES.items(), key=lambda item: item[0] != LITE):
        folder = encode_folder(model, photos, side)
        backbone, readable = folder.backbone, folder.photos
        coco = list(COCO_NAMES)
        whole, largest = folder.cosines(coco)
        offset = float((largest - whole).mean())
        joint = joint_cosines(whole, largest, offset)
        names = [VOC_WITH_SPACES.get(name, name) for name in VOC_NAMES]
        voc_whole, voc_largest = folder.cosines(names)
        voc_joint = joint_cosines(voc_whole, voc_largest, offset)
        coco_labels = readable.labels(coco)
        voc_labels = readable.labels([VOC_TO_COCO.get(name, name) for name in VOC_NAMES])
        maps = {
            ("COCO", False): _mean_ap(whole, coco_labels),
            ("COCO", True): _mean_ap(joint, coco_labels),
            ("VOC", False): _mean_ap(voc_whole, voc_labels),
            ("VOC", True): _mean_ap(voc_joint, voc_labels),
        }
        scale, frequency_bias = backbone.scale, backbone.frequency_bias
        bias = 0.0 if backbone.bias is None else backbone.bias
        if scored:
            reference = scored[0].joint
            if frequency_bias is not None:
                _, frequency_bias = matched(reference, joint, scale, frequency_bias)
            scale, bias = matched(reference, joint, scale, bias)
        scored.append(
            Scored(
                name,
                backbone.input_side,
                whole,
                joint,
                offset,
                maps,
                scale,
                bias,
                frequency_bias,
            )
        )
    assert readable is not None
    return Variants(readable, scored)


def table(measured: Variants) -> str:
    """What was measured, in Markdown."""
    labels = measured.photos.labels(list(COCO_NAMES))
    lines = [
        "| | COCO 80, whole | with windows | VOC 20, whole | with windows | cosines, whole | "
        "with windows | shown at 0.5 a photo | F1 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for one in measured.scored:
        shown = one.scale * one.joint + one.bias >= 0
        maps = [f"{one.maps[key]:.1f}" for key in one.maps]
        spreads = [f"{array.mean():.4f} ± {array.std():.4f}" for array in (one.whole, one.joint)]
        shares = [f"{shown.sum(axis=1).mean():.1f}", f"{pooled_f1(shown, labels):.3f}"]
        title = f"{one.name}, {one.side} pixels"
        lines.append("| " + " | ".join([title, *maps, *spreads, *shares]) + " |")
    return "\n".join(lines)


def _mean_ap(cosines: np.ndarray, labels: np.ndarray) -> float:
    return 100 * float(np.nanmean(average_precisions(cosines, labels)))
