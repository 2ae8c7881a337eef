"""Are scores frequencies, and are thresholds and numbers of photos right?

    python tests/benchmarks/calibration.py [--final] [--trained] [--seeds 3]

Zero-shot, through Lite: the shipped bias at 0.5 for every class, the frequency bias alone, and the
prior of the library (:mod:`lmpt_desktop.inference.class_prior`) without and with names.  For
comparison the true share of photos with each class, which no estimate can beat by much.  Settings
were chosen on Corel5k's training images and on held-out Flickr8k; ``--final`` adds Corel5k's test
images and the labelled photos of ../shared/photos.

F1 is over all entries, CF1 the mean over classes with a photo; ECE has 15 bins; photos is the
median factor between the estimated and the true number of photos with a class, bands that between
the number of predicted photos and the true one.

``--trained`` calibrates prompt sets (:func:`trainer.calibration.calibrate`) with unknown entries
expected at the shipped bias, at the frequency bias and by the prior, on a validation split of the
training images.  All figures in percent, but for the factors.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from parts.datasets import load_corel

from lmpt_desktop.inference.class_prior import class_prior, sampled_rows
from trainer import calibration
from trainer.arrays import unit_rows
from trainer.expected_f1 import expected_thresholds
from trainer.learner import embed_templates
from trainer.lite.evaluate import ZeroShot, read_photos
from trainer.lite.ingredients import read_captioned
from trainer.lite.recipe import caption_labels, split_flickr
from trainer.lite.texts import COCO_NAMES
from trainer.suggested import lite_folder
from trainer.text_tower import TextTower

SHARED = Path(os.environ.get("LMPT_SHARED", Path(__file__).parents[3] / "shared"))
BINS = 15
COLUMNS = ("F1", "precision", "recall", "CF1", "ECE", "photos", "bands")


@dataclass(frozen=True)
class Labelled:
    """cosines (n, C) float32; present (n, C) bool; name_frequencies (C,)."""

    name: str
    cosines: NDArray[np.float32]
    present: NDArray[np.bool_]
    name_frequencies: NDArray[np.float64]


def labelled_sets(final: bool) -> Iterator[Labelled]:
    """Every set of photos that is measured."""
    corel, backbone = load_corel()
    tower = TextTower(backbone.model, backbone.tokenizer)
    direction = np.array(backbone.name_frequency, np.float64)

    def made(name: str, features: Any, names: list[str], present: Any) -> Labelled:
        texts = embed_templates(tower, names, list(backbone.templates)).numpy()
        return Labelled(name, features @ texts.T, present, texts @ direction)

    train = corel.train
    yield made("Corel5k train", corel.features[train], corel.names, corel.present[train])
    held_out = split_flickr(read_captioned(SHARED / "lite", "flickr8k")).held_out
    projection: Any = backbone.model.get_submodule("visual.head.proj")
    with torch.no_grad():
        features = unit_rows(projection(held_out.features).numpy())
    names, present = caption_labels(held_out.captions)
    yield made("Flickr8k held out", features, names, present)
    if final:
        yield made("Corel5k test", corel.features[~train], corel.names, corel.present[~train])
        photos, names = read_photos(SHARED / "photos"), list(COCO_NAMES)
        features = ZeroShot(lite_folder()).photos(photos.paths)
        yield made("204 COCO photos", features, names, photos.labels(names))


def figures(
    scores: NDArray[np.floating[Any]],
    thresholds: NDArray[np.floating[Any]] | float,
    present: NDArray[np.bool_],
) -> tuple[float, ...]:
    """The columns, for scores (n, C)."""
    predicted = scores >= thresholds
    hits = (predicted & present).sum(axis=0)
    made, true = predicted.sum(axis=0), present.sum(axis=0)
    has = true > 0
    each = 2 * hits[has] / (made[has] + true[has])
    return (
        200 * hits.sum() / (made.sum() + true.sum()),
        100 * hits.sum() / max(made.sum(), 1),
        100 * hits.sum() / true.sum(),
        100 * float(each.mean()),
        100 * calibration_error(scores, present),
        factor(scores.sum(axis=0)[has], true[has]),
        factor(made[has], true[has]),
    )


def calibration_error(scores: NDArray[np.floating[Any]], present: NDArray[np.bool_]) -> float:
    """Expected calibration error over all entries, bins of equal width."""
    bins = np.minimum((scores.ravel() * BINS).astype(int), BINS - 1)
    gap = np.bincount(bins, scores.ravel() - present.ravel(), BINS)
    return float(np.abs(gap).sum() / scores.size)


def factor(estimated: NDArray[Any], true: NDArray[Any]) -> float:
    """Median over classes of how many times too many or too few, from 1 on."""
    return float(np.exp(np.median(np.abs(np.log((estimated + 0.5) / (true + 0.5))))))


def sigmoid(x: NDArray[Any]) -> NDArray[Any]:
    return 0.5 * (1 + np.tanh(0.5 * x))


def zero_shot(found: Labelled, scale: float, bias: float, frequency: float) -> None:
    """Print the table of one set."""
    cosines, present = found.cosines, found.present
    sample = cosines[sampled_rows(*cosines.shape)]
    print(f"\n| {found.name}, zero-shot | {' | '.join(COLUMNS)} |\n|---|{'---|' * len(COLUMNS)}")
    show("shipped bias, 0.5", figures(sigmoid(scale * cosines + bias), 0.5, present))
    flat = sigmoid(scale * cosines + frequency)
    show("frequency bias, best F1", figures(flat, expected_thresholds(flat), present))
    for name, frequencies in (("", None), (" and names", found.name_frequencies)):
        prior = class_prior(sample, scale, frequency, name_frequencies=frequencies)
        scores = sigmoid(scale * cosines + prior.biases)
        show(f"library{name}", figures(scores, prior.thresholds, present))
    truth = np.clip(present.mean(axis=0), 0.2 / len(present), 0.99)
    biases = _bias_of(scale * cosines, truth)
    scores = sigmoid(scale * cosines + biases)
    show("(true shares)", figures(scores, expected_thresholds(scores), present))


def _bias_of(logits: NDArray[Any], shares: NDArray[Any]) -> NDArray[Any]:
    low, high = np.full(len(shares), -60.0), np.full(len(shares), 60.0)
    for _ in range(40):
        middle = (low + high) / 2
        above = sigmoid(logits + middle).mean(axis=0) > shares
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return (low + high) / 2


def trained(seeds: int) -> None:
    """Print calibration of learned classes on a validation split of the training images.

    Each class's embedding is its zero-shot one moved towards its present examples: a prompt set
    in a tenth of a second.  Three quarters of the annotated images are learned from, the others are
    held out to calibrate, and 1,000 images are neither.
    """
    corel, backbone = load_corel()
    tower = TextTower(backbone.model, backbone.tokenizer)
    texts = embed_templates(tower, corel.names, list(backbone.templates)).numpy()
    rows = np.flatnonzero(corel.train)
    features, present = corel.features[rows], corel.present[rows]
    names = texts @ np.array(backbone.name_frequency)
    scale, biases = backbone.scale, (backbone.bias, backbone.frequency_bias)
    header = ("ECE", "F1", "CF1", "photos", "bands")
    print(f"\n| trained | unknown expected at | {' | '.join(header)} |\n|---|---|{'---|' * 5}")
    for setting in ("full", "tenth", "entries", "answers"):
        found: dict[str, list[tuple[float, ...]]] = {}
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            order = rng.permutation(len(rows))
            learn, judge = order[:-1000], order[-1000:]
            cosines = features[learn] @ texts.T
            targets = known_entries(setting, present[learn], cosines, rng)
            prior = class_prior(
                cosines[sampled_rows(*cosines.shape)], scale, biases[1], name_frequencies=names
            ).biases
            cases = {"shipped bias": biases[0], "frequency bias": biases[1], "library": prior}
            for name, bias in cases.items():
                made, active = calibrated_set(
                    features[learn],
                    targets,
                    texts,
                    scale,
                    biases=np.broadcast_to(bias, len(texts)),
                    rng=np.random.default_rng(seed),
                )
                scores = made[1].scores(features[judge] @ made[0].T)
                row = figures(scores, made[1].thresholds, present[judge][:, active])
                found.setdefault(name, []).append((row[4], row[0], row[3], row[5], row[6]))
        for name, runs in found.items():
            mean, spread = np.mean(runs, axis=0), np.std(runs, axis=0, ddof=min(1, seeds - 1))
            cells = [f"{a:.1f} ± {b:.1f}" for a, b in zip(mean, spread, strict=True)]
            print(f"| {setting} | {name} | {' | '.join(cells)} |")


def known_entries(
    setting: str,
    present: NDArray[np.bool_],
    cosines: NDArray[np.float32],
    rng: np.random.Generator,
) -> NDArray[np.int8]:
    """(n, C) targets: all; of a tenth of the images; a tenth of the entries; or 300 answers to
    questions about one of the 25 likeliest images of a random class."""
    truth = present.astype(np.int8)
    known = np.zeros(truth.shape, bool)
    if setting == "full":
        known[:] = True
    elif setting == "tenth":
        known[rng.permutation(len(known))[: len(known) // 10]] = True
    elif setting == "entries":
        known = rng.random(known.shape) < 0.1
    else:
        for column in rng.integers(0, present.shape[1], 300).tolist():
            known[rng.choice(np.argsort(-cosines[:, column])[:25]), column] = True
    return np.where(known, truth, -1).astype(np.int8)


def calibrated_set(
    features: NDArray[np.float32],
    targets: NDArray[np.int8],
    texts: NDArray[np.float32],
    scale: float,
    *,
    biases: NDArray[Any],
    rng: np.random.Generator,
) -> tuple[tuple[NDArray[np.float32], calibration.Calibration], NDArray[np.int64]]:
    """(embeddings, calibration) of the classes with an example, and their columns."""
    annotated = np.flatnonzero((targets >= 0).any(axis=1))
    held = rng.random(len(annotated)) < 0.25
    fitting, holding = annotated[~held], annotated[held]
    active = np.flatnonzero((targets[fitting] == 1).any(axis=0))
    mean = features[fitting].mean(axis=0)
    moved = np.array([features[fitting][targets[fitting, c] == 1].mean(axis=0) for c in active])
    embeddings = unit_rows(texts[active] + unit_rows(moved - mean) / 2)

    def expected(rows: NDArray[np.int64]) -> NDArray[Any]:
        return sigmoid(scale * features[rows] @ texts[active].T + biases[active])

    start = calibration.shared_scale_and_bias(
        features[fitting] @ embeddings.T,
        targets[np.ix_(fitting, active)],
        scale,
        float(biases.mean()),
        expected=expected(fitting),
    )
    made = calibration.calibrate(
        features[holding] @ embeddings.T,
        targets[np.ix_(holding, active)],
        *start,
        expected=expected(holding),
    )
    return (embeddings, made), active


def show(name: str, row: tuple[float, ...]) -> None:
    cells = [f"{value:.1f}" for value in row[:-2]] + [f"x {value:.1f}" for value in row[-2:]]
    print(f"| {name} | {' | '.join(cells)} |")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--final", action="store_true", help="test images too")
    parser.add_argument("--trained", action="store_true", help="calibration after training only")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="of --trained")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.trained:
        trained(asked.seeds)
        return 0
    lite = ZeroShot(lite_folder())
    for found in labelled_sets(asked.final):
        zero_shot(found, lite.scale, lite.bias, lite.frequency_bias)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
