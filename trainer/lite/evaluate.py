"""Evaluate a zero-shot backbone on labelled photos, with plain open_clip only.

Average precision is scikit-learn's; the confidence interval is a bootstrap over photos, which needs
thousands of evaluations and therefore uses the same formula in numpy.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import open_clip
import torch
from open_clip.model import CLIP
from PIL import Image

from trainer.class_texts import class_texts, mean_embeddings
from trainer.lite.recipe import mean_average_precision
from trainer.lite.texts import COCO_NAMES, VOC_NAMES, fill

VOC_TO_COCO = {
    "aeroplane": "airplane",
    "diningtable": "dining table",
    "motorbike": "motorcycle",
    "pottedplant": "potted plant",
    "sofa": "couch",
    "tvmonitor": "tv",
}
# VOC writes some names without a space; vocabularies restore it.
VOC_WITH_SPACES = {"diningtable": "dining table", "pottedplant": "potted plant",
               "tvmonitor": "tv monitor"}  # fmt: skip


@dataclass(frozen=True)
class LabelledPhotos:
    """Paths of N photos and the COCO classes in each."""

    paths: list[Path]
    names: list[frozenset[str]]

    def labels(self, classes: list[str]) -> np.ndarray:
        """(N, C) bool for these classes."""
        return np.array([[c in names for c in classes] for names in self.names])


def read_photos(folder: Path) -> LabelledPhotos:
    """Read ``index.json``: a list of objects with ``path`` and ``labels``."""
    rows = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    return LabelledPhotos(
        [folder / row["path"] for row in rows], [frozenset(row["labels"]) for row in rows]
    )


class ZeroShot:
    """A model folder, loaded like any other open_clip model."""

    def __init__(self, model: Path) -> None:
        start = time.monotonic()
        loaded = open_clip.create_model_and_transforms(f"local-dir:{model}")
        self.model = cast(CLIP, loaded[0])
        self.preprocess = cast(Callable[[Image.Image], torch.Tensor], loaded[2])
        self.tokenizer = open_clip.get_tokenizer(f"local-dir:{model}")
        self.load_seconds = time.monotonic() - start
        self.model.eval()
        defaults = json.loads((model / "lmpt.json").read_text(encoding="utf-8"))
        self.templates: list[str] = defaults["templates"]
        self.scale: float = defaults["scale"]
        self.bias: float = defaults["bias"]
        self.frequency_bias: float = defaults.get("frequency_bias", self.bias)
        self.threshold: float = defaults["threshold"]

    @torch.inference_mode()
    def classes(
        self, names: list[str], descriptions: Mapping[str, str] | None = None
    ) -> np.ndarray:
        """(C, D) float32 unit norm: mean over the templates of unit-norm text embeddings, of the
        names or, where there are any, of the ``descriptions`` (by name, separated by ";").
        """
        read = [class_texts(name, (descriptions or {}).get(name, "")) for name in names]
        alone = [text for texts in read for text in texts]
        texts = [fill(template, text) for text in alone for template in self.templates]
        encoded = torch.cat(
            [
                self.model.encode_text(self.tokenizer(texts[i : i + 128]), normalize=True)
                for i in range(0, len(texts), 128)
            ]
        )
        mean = encoded.view(len(alone), len(self.templates), -1).mean(1)
        return mean_embeddings(torch.nn.functional.normalize(mean, dim=-1).numpy(), read)

    @torch.inference_mode()
    def photos(self, paths: list[Path], batch: int = 16) -> np.ndarray:
        """(N, D) float32 unit norm."""
        parts = []
        for first in range(0, len(paths), batch):
            pixels = []
            for path in paths[first : first + batch]:
                with Image.open(path) as image:
                    pixels.append(self.preprocess(image.convert("RGB")))
            parts.append(self.model.encode_image(torch.stack(pixels), normalize=True))
        return torch.cat(parts).numpy()

    def scores(self, cosines: np.ndarray) -> np.ndarray:
        """The app's zero-shot scores, in [0, 1]."""
        return 1 / (1 + np.exp(-(self.scale * cosines.astype(np.float64) + self.bias)))


def average_precisions(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(C,) average precision, nan where a class has no positive; both (N, C). Ties: as sorted."""
    order = np.argsort(-scores, axis=0, kind="stable")
    hits = np.take_along_axis(labels, order, axis=0)
    ranks = np.arange(1, len(scores) + 1)[:, None]
    found = hits.cumsum(axis=0)
    positives = hits.sum(axis=0)
    total = np.where(hits, found / ranks, 0).sum(axis=0)
    return np.where(positives > 0, total / np.maximum(positives, 1), np.nan)


def bootstrap_interval(
    scores: np.ndarray, labels: np.ndarray, resamples: int, seed: int = 0
) -> tuple[float, float]:
    """95 % confidence interval of mAP, by resampling photos with replacement."""
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(resamples):
        rows = rng.integers(len(scores), size=len(scores))
        values.append(np.nanmean(average_precisions(scores[rows], labels[rows])))
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def list_figures(scores: np.ndarray, labels: np.ndarray, threshold: float) -> dict[str, float]:
    """Figures at the app's threshold: classes per photo, precision, recall, F1."""
    predicted = scores >= threshold
    hits = float((predicted & labels).sum())
    precision = hits / max(1.0, float(predicted.sum()))
    recall = hits / max(1.0, float(labels.sum()))
    return {
        "predicted_per_photo": round(float(predicted.sum(axis=1).mean()), 2),
        "labelled_per_photo": round(float(labels.sum(axis=1).mean()), 2),
        "photos_with_no_prediction": round(float((~predicted.any(axis=1)).mean()), 3),
        "precision": round(precision, 3),
        "recall": round(recall, 3),
        "f1": round(2 * precision * recall / max(1e-9, precision + recall), 3),
    }


def evaluate(
    model: Path,
    photos: Path,
    resamples: int = 1000,
    *,
    per_class: bool = False,
    descriptions: Mapping[str, str] | None = None,
) -> dict[str, object]:
    """All figures for one model folder on one folder of photos; ``descriptions`` by COCO name."""
    lite = ZeroShot(model)
    found = read_photos(photos)
    start = time.monotonic()
    features = lite.photos(found.paths)
    seconds = time.monotonic() - start

    coco = list(COCO_NAMES)
    cosines = features @ lite.classes(coco, descriptions).T
    labels = found.labels(coco)
    low, high = bootstrap_interval(cosines, labels, resamples)
    voc = [VOC_TO_COCO.get(name, name) for name in VOC_NAMES]
    voc_cosines = features @ lite.classes([VOC_WITH_SPACES.get(n, n) for n in VOC_NAMES]).T
    figures: dict[str, object] = {
        "photos": len(found.paths),
        "megabytes": round(sum(f.stat().st_size for f in model.iterdir()) / 1e6, 2),
        "load_seconds": round(lite.load_seconds, 2),
        "photos_per_second": round(len(found.paths) / seconds, 1),
        "coco80_map": round(100 * mean_average_precision(cosines, labels), 2),
        "coco80_interval_95": [round(100 * low, 1), round(100 * high, 1)],
        "coco80_classes_seen": int(labels.any(axis=0).sum()),
        "voc20_map": round(100 * mean_average_precision(voc_cosines, found.labels(voc)), 2),
        "coco80_at_threshold": list_figures(lite.scores(cosines), labels, lite.threshold),
    }
    if per_class:
        values = average_precisions(cosines, labels)
        figures["average_precision"] = {
            name: round(100 * float(value), 1)
            for name, value in zip(coco, values, strict=True)
            if not np.isnan(value)
        }
    return figures
