"""Find class names that the text tower misreads, and what it reads better.

A name is misread if photos are ranked by it no better than by chance, or if another text for the
same thing ranks them clearly better. The other texts are synonyms and definitions of WordNet and
the everyday words of :mod:`trainer.lite.wordings`; a vocabulary can name the best one as the
class's description.

Labels come from a folder of labelled photos, or, for photos with captions only, from the words of
captions (``recipe.CAPTION_THINGS``) or Corel5k's keywords. Choose descriptions by photos on which
no figure is reported.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file

from trainer.lite.evaluate import ZeroShot, average_precisions, read_photos
from trainer.lite.ingredients import read_captioned, synset_folder
from trainer.lite.recipe import caption_labels, split_flickr
from trainer.lite.texts import read_synsets
from trainer.lite.wordings import COMMON, DESCRIPTIONS, EVERYDAY

RESAMPLES = 200
_QUANTILE = 0.95
COREL_NAMES = {
    "birds": "bird",
    "boats": "boat",
    "cars": "car",
    "clouds": "cloud",
    "flowers": "flower",
    "hills": "hill",
    "horses": "horse",
    "jet": "airplane",
    "people": "person",
    "plane": "airplane",
    "rocks": "rock",
    "ships": "ship",
}
"""Keywords of Corel5k and the classes they are of."""


@dataclass(frozen=True)
class Reading:
    """How one class name is read (average precisions in [0, 1]).

    chance: the average precision that 95 % of random rankings stay below.
    best: the alternative with the highest average precision, "" without alternatives.
    gain_low: lower bound (5 %) of best's gain, by a paired bootstrap over photos; the best of
        several is chosen on the same photos, so the bound is a little optimistic.
    """

    name: str
    positives: int
    chance: float
    ap: float
    best: str
    best_ap: float
    gain_low: float

    @property
    def at_chance(self) -> bool:
        """The name ranks photos no better than chance."""
        return self.ap <= self.chance

    @property
    def misread(self) -> bool:
        """At chance, or an alternative is better beyond the bootstrap's doubt."""
        return self.at_chance or self.gain_low > 0


def chance_level(positives: int, photos: int, rng: np.random.Generator) -> float:
    """The 95 % quantile of the average precision of random rankings."""
    labels = np.zeros((photos, RESAMPLES), dtype=bool)
    labels[:positives] = True
    return float(np.quantile(average_precisions(rng.random(labels.shape), labels), _QUANTILE))


def gain_bound(
    worse: np.ndarray, better: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> float:
    """Lower 5 % bound of the gain in average precision; three (N,) arrays."""
    gains = []
    for _ in range(RESAMPLES):
        rows = rng.integers(len(labels), size=len(labels))
        if labels[rows].any():
            pair = np.stack([worse[rows], better[rows]], axis=1)
            before, after = average_precisions(pair, np.repeat(labels[rows, None], 2, axis=1))
            gains.append(after - before)
    return float(np.quantile(gains, 1 - _QUANTILE)) if gains else 0.0


def read_names(
    photos: np.ndarray,
    labels: np.ndarray,
    names: list[str],
    alternatives: dict[str, tuple[str, ...]],
    embed: Callable[[list[str]], np.ndarray],
    *,
    seed: int = 0,
) -> list[Reading]:
    """Readings of all names that have a positive photo, the worst read first.

    Args:
        photos: (N, D) unit norm.
        labels: (N, C) bool.
        names: the C classes.
        alternatives: other texts for a class.
        embed: texts to (n, D) unit norm, as the app embeds class names.
    """
    rng = np.random.default_rng(seed)
    found = []
    for column, name in enumerate(names):
        truth = labels[:, column]
        if not truth.any():
            continue
        others = [text for text in alternatives.get(name, ()) if text != name]
        scores = photos @ embed([name, *others]).T
        aps = average_precisions(scores, np.repeat(truth[:, None], len(others) + 1, axis=1))
        best = 1 + int(np.argmax(aps[1:])) if others else 0
        found.append(
            Reading(
                name=name,
                positives=int(truth.sum()),
                chance=chance_level(int(truth.sum()), len(truth), rng),
                ap=float(aps[0]),
                best=others[best - 1] if others else "",
                best_ap=float(aps[best]),
                gain_low=gain_bound(scores[:, 0], scores[:, best], truth, rng) if others else 0.0,
            )
        )
    return sorted(found, key=lambda r: (not r.at_chance, r.ap - r.best_ap, r.name))


def alternatives(
    names: Iterable[str], synsets: dict[str, tuple[tuple[str, ...], str]]
) -> dict[str, tuple[str, ...]]:
    """Other texts for each name: everyday words, WordNet's synonyms and definitions.

    WordNet's are of the first sense with that name only in timm's list; of a name with several
    senses ("mouse") they are left out.
    """
    senses: dict[str, list[str]] = {}
    for synset, (lemmas, _) in synsets.items():
        for lemma in lemmas:
            senses.setdefault(lemma.lower(), []).append(synset)
    together = [*EVERYDAY.values(), *(group.names for group in COMMON)]
    result = {}
    for name in names:
        texts = list(DESCRIPTIONS.get(name, ()))
        texts += [text for words in together if name in words for text in words]
        if len(found := senses.get(name, [])) == 1:
            lemmas, definition = synsets[found[0]]
            texts += [*lemmas, definition]
        result[name] = tuple(t for t in dict.fromkeys(texts) if t and t != name)
    return result


@torch.inference_mode()
def pooled_photos(lite: ZeroShot, features: torch.Tensor) -> np.ndarray:
    """(N, D) unit-norm embeddings of photos of which only pooled features (N, 1280) are at hand."""
    head = lite.model.visual.get_submodule("head")
    return torch.nn.functional.normalize(head(features), dim=-1).numpy()


def read_corel_training(folder: Path) -> tuple[torch.Tensor, list[str], np.ndarray]:
    """Features (N, 1280) float32 of Corel5k's training images, class names, and labels (N, C) bool.

    Keywords are singular or plural as it happens ("boats", "tree"); classes have the names that
    vocabularies give them.
    """
    with (folder / "index.jsonl").open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    train = np.array([row["split"] == "train" for row in rows])
    pooled = load_file(folder / "features.safetensors")["features"][train].astype(np.float32)
    named: list[set[str]] = [
        {str(COREL_NAMES.get(word, word)) for word in row["classes"]}
        for row in rows
        if row["split"] == "train"
    ]
    names = sorted({name for words in named for name in words})
    labels = np.array([[name in words for name in names] for words in named])
    return torch.from_numpy(pooled), names, labels


def misread_names(
    model: Path,
    photos: Path | None,
    ingredients: Path | None,
    corel: Path | None = None,
    seed: int = 0,
) -> list[Reading]:
    """Readings by a model folder on labelled ``photos``, on Flickr8k's held-out captions or on
    Corel5k's training images.

    Raises:
        ValueError: unless one folder is given.
        MissingIngredientError: without Flickr8k's features and captions.
    """
    if sum(folder is not None for folder in (photos, ingredients, corel)) != 1:
        raise ValueError("name one of labelled photos, ingredients and Corel5k")
    lite = ZeroShot(model)
    if photos is not None:
        labelled = read_photos(photos)
        names = sorted(frozenset().union(*labelled.names))
        features, labels = lite.photos(labelled.paths), labelled.labels(names)
    elif corel is not None:
        pooled, names, labels = read_corel_training(corel)
        features = pooled_photos(lite, pooled)
    else:
        assert ingredients is not None
        held_out = split_flickr(read_captioned(ingredients, "flickr8k"), seed=seed).held_out
        names, labels = caption_labels(held_out.captions)
        features = pooled_photos(lite, held_out.features)
    others = alternatives(names, read_synsets(synset_folder()))
    return read_names(features, labels, names, others, lite.classes, seed=seed)


def table(readings: list[Reading]) -> str:
    """One line per name, for a terminal; percentages."""
    lines = [f"{'class':18} {'photos':>6} {'chance':>6} {'AP':>6} {'best':>6} {'gain >':>6}  text"]
    lines += [
        f"{r.name:18} {r.positives:6d} {100 * r.chance:6.1f} {100 * r.ap:6.1f} "
        f"{100 * r.best_ap:6.1f} {100 * r.gain_low:6.1f}  "
        f"{'MISREAD ' if r.misread else ''}{r.best}"
        for r in readings
    ]
    return "\n".join(lines)
