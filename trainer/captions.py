"""A caption for every image, for the class-specific embedding loss.

In this order (DESIGN section 4): the job's caption, which the app takes from the XMP/IPTC
description, a sidecar text file or the user's own text; otherwise a sentence made from the present
classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.job import PRESENT
from trainer.templates import article
from trainer.text_tower import TextTower

_SINGULAR_ENDINGS = ("ss", "us", "gas", "lens", "iris", "tennis")


def with_article(name: str) -> str:
    """``dog`` -> ``a dog``, ``apple`` -> ``an apple``, ``skis`` -> ``skis``."""
    name = " ".join(name.replace("_", " ").split())
    lowered = name.lower()
    if not lowered:
        return ""
    if lowered.endswith("s") and not lowered.endswith(_SINGULAR_ENDINGS):
        return name
    return f"{article(name)} {name}"


def sentence(names: Sequence[str]) -> str:
    """``a photo of a dog, a person and a kite``; "" for no names."""
    parts = [part for part in map(with_article, names) if part]
    if not parts:
        return ""
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return f"a photo of {listed}"


def captions_for(
    captions: Sequence[str], targets: NDArray[np.int8], names: Sequence[str]
) -> list[str]:
    """A caption per image, "" without a given caption and a present class.

    Args:
        captions: N strings, "" for an image without a caption.
        targets: (N, C) int8.
        names: C class names.
    """
    result: list[str] = []
    for given, row in zip(captions, targets, strict=True):
        text = " ".join(given.split())
        result.append(text or sentence([names[int(i)] for i in np.flatnonzero(row == PRESENT)]))
    return result


@dataclass(frozen=True)
class CaptionTokens:
    """The U distinct captions of N images as tokens, truncated to whole tokens.

    ids, lengths: (U, L) and (U,) int64.
    index: (N,) int64, row of each image's caption; -1 without one.
    """

    ids: Tensor
    lengths: Tensor
    index: Tensor

    @property
    def mask(self) -> Tensor:
        """(U, L) float, 1 on tokens."""
        positions = torch.arange(self.ids.shape[1], device=self.ids.device)
        return (positions[None] < self.lengths[:, None]).float()


def tokenise(captions: Sequence[str], tower: TextTower) -> CaptionTokens:
    """Tokenise each distinct caption once; sentences made from classes are often equal."""
    distinct = {text: place for place, text in enumerate(dict.fromkeys(filter(None, captions)))}
    ids, lengths = tower.rows([tower.body_ids(text) for text in distinct])
    index = torch.tensor([distinct.get(text, -1) for text in captions], dtype=torch.long)
    return CaptionTokens(ids, lengths, index.to(tower.device))
