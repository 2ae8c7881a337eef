"""Class weights of a library, put together from what the catalogue keeps (Qt-free, no model)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue.records import ClassEntry
from lmpt_desktop.engine.model_facts import ModelFacts
from lmpt_desktop.engine.retrain import learned_texts
from lmpt_desktop.inference.weights import (
    ClassWeights,
    PromptClass,
    assemble,
    calibrated_bias,
)
from trainer import prompt_set as prompt_sets
from trainer.prompt_set import PromptSet


@dataclass(frozen=True, eq=False)
class Version:
    """A prompt set in memory, with the prompt text each class was learned with."""

    prompt_set: PromptSet
    learned: Mapping[str, str]

    @classmethod
    def load(cls, folder: Path) -> Version:
        """Read it.

        Raises:
            trainer.prompt_set.PromptSetError: if it cannot be read.
        """
        return cls(prompt_sets.load(folder), learned_texts(folder))


def prompt_text(entry: ClassEntry) -> str:
    """What stands for a class in a prompt."""
    return entry.description or entry.name


def library_weights(
    classes: Sequence[ClassEntry],
    facts: ModelFacts,
    texts: Mapping[str, NDArray[np.float32]],
    features: NDArray[np.float16],
    version: Version | None,
) -> ClassWeights:
    """Weights for ``classes``.

    Args:
        classes: the vocabulary.
        facts: scale and bias of the backbone.
        texts: known text embeddings, (D,) each, by prompt text.
        features: (n, D), looked at only where the backbone brings no bias.
        version: the prompt set to predict with; None for zero-shot.
    """
    embeddings = np.full((len(classes), facts.dim), np.nan, np.float32)
    for row, entry in enumerate(classes):
        if (found := texts.get(prompt_text(entry))) is not None:
            embeddings[row] = found
    bias = facts.bias
    if bias is None:
        bias = calibrated_bias(features, embeddings, facts.scale)
    return assemble(
        [PromptClass(entry.name, prompt_text(entry)) for entry in classes],
        embeddings,
        scale=facts.scale,
        bias=bias,
        prompt_set=version.prompt_set if version is not None else None,
        learned_texts=version.learned if version is not None else None,
    )
