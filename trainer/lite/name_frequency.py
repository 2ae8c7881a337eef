"""How often photos show what a name means, as a direction in Lite's text embeddings.

    python -m trainer.lite name-frequency --ingredients FOLDER

Ridge regression from the class embedding of each word of Flickr8k's training captions to the
logarithm of the share of photos whose captions have it.  The app needs the direction only: the
mean over a vocabulary says nothing about its photos.  To be run after each build, since the
direction belongs to one text tower; it is written into the model's ``lmpt.json``.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.backbone import load_backbone
from trainer.backbone_folder import CALIBRATION_NAME, LOCAL_DIR
from trainer.lite.ingredients import read_captioned
from trainer.lite.recipe import split_flickr

FEWEST_PHOTOS = 15
SHORTEST_WORD = 3
RIDGE = 3.0
"""Chosen on Corel5k's training images and on held-out Flickr8k, without the words of its things."""
KEY = "name_frequency"


def word_shares(captions: Sequence[Sequence[str]]) -> dict[str, float]:
    """The share of photos in whose captions each word is, of the words that are in enough."""
    counts: Counter[str] = Counter()
    for photo in captions:
        counts.update(sorted(set(re.findall("[a-z]+", " ".join(photo).lower()))))
    return {
        word: count / len(captions)
        for word, count in counts.items()
        if count >= FEWEST_PHOTOS and len(word) >= SHORTEST_WORD
    }


def direction(
    embeddings: NDArray[np.float32], log_shares: NDArray[np.float64], ridge: float = RIDGE
) -> NDArray[np.float64]:
    """(D,) such that embeddings (W, D) times it are about ``log_shares`` (W,), up to a constant."""
    centred = embeddings.astype(np.float64) - embeddings.mean(axis=0, dtype=np.float64)
    gram = centred.T @ centred + ridge * np.eye(centred.shape[1])
    return np.linalg.solve(gram, centred.T @ (log_shares - log_shares.mean()))


def write_name_frequency(model: Path, ingredients: Path) -> None:
    """Write the direction into ``lmpt.json`` of a built ``model``; ``ingredients`` has
    ``flickr8k.jsonl``."""
    shares = word_shares(split_flickr(read_captioned(ingredients, "flickr8k")).train.captions)
    backbone = load_backbone(f"{LOCAL_DIR}{model.resolve()}", "cpu")
    embeddings = backbone.encode_texts(list(shares), backbone.templates)
    found = direction(embeddings, np.log(np.array(list(shares.values()))))
    place = model / CALIBRATION_NAME
    values = json.loads(place.read_text(encoding="utf-8"))
    values[KEY] = [round(float(number), 3) for number in found]
    body = json.dumps(values, indent=2)
    # One line for the numbers of the direction.
    body = re.sub(
        rf'("{KEY}": \[)([^\]]*)(\])', lambda m: m[1] + " ".join(m[2].split()) + m[3], body
    )
    place.write_text(body + "\n", encoding="utf-8")
