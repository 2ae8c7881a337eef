"""Embeddings of texts that are known before: those of the bundled vocabularies, by Lite's weights.

Their 200 classes, each in seven sentences, would take as much processor time as some eighty photos,
at the start of every new library.  ``python -m trainer.lite known-texts`` writes them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

log = logging.getLogger(__name__)

FILE_NAME = "lite-texts.safetensors"
"""Beside the folder of the weights, which may hold no other file of that kind."""
FEATURES, TEXTS, TEMPLATES, WEIGHTS = "features", "texts", "templates", "weights"


@dataclass(frozen=True)
class KnownTexts:
    """Embeddings of texts, each the mean over ``templates``.

    features: text to (D,) float16.
    """

    templates: tuple[str, ...] = ()
    features: Mapping[str, NDArray[np.float16]] = field(default_factory=dict)

    def of(self, texts: Sequence[str], templates: Sequence[str]) -> dict[str, NDArray[np.float16]]:
        """Those of the texts that are known."""
        if not templates or tuple(templates) != self.templates:
            return {}
        return {text: self.features[text] for text in texts if text in self.features}


def read_known_texts(weights: Path) -> KnownTexts:
    """What is known by the weights in a file; nothing if it was made by others."""
    path = weights.parent.parent / FILE_NAME
    if not path.is_file():
        return KnownTexts()
    try:
        with safe_open(path, framework="np") as content:
            facts: dict[str, Any] = content.metadata() or {}
            texts, templates = json.loads(facts[TEXTS]), json.loads(facts[TEMPLATES])
            features = content.get_tensor(FEATURES)
        if facts[WEIGHTS] != digest(weights):
            log.info("%s is of other weights", path)
            return KnownTexts()
        return KnownTexts(tuple(templates), dict(zip(texts, features, strict=True)))
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        log.info("%s cannot be read: %s", path, error)
        return KnownTexts()


def digest(file: Path) -> str:
    """Of a file's content.

    Raises:
        OSError: if it cannot be read.
    """
    found = xxhash.xxh3_128()
    with file.open("rb") as content:
        while block := content.read(1 << 20):
            found.update(block)
    return found.hexdigest()
