"""Class weights of a library, from cached embeddings and a prompt set (Qt-free, no model)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue.classes import name_key
from lmpt_desktop.catalogue.prompt_sets import PromptSetRecord
from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.engine.encoding.model_facts import ModelFacts
from lmpt_desktop.inference.weights import (
    ClassWeights,
    assemble,
    calibrated_bias,
)
from trainer import prompt_set as prompt_sets
from trainer.prompt_set import PromptSet

LEARNED_NAME = "learned.json"
"""In a prompt set's folder: the prompt text each class was learned with, by name."""


def learned_texts(folder: Path) -> Mapping[str, str]:
    """The prompt texts a prompt set was learned with; {} where its folder does not say."""
    try:
        body = json.loads((folder / LEARNED_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}


def write_learned_texts(folder: Path, texts: Mapping[str, str]) -> None:
    """Write what :func:`learned_texts` reads."""
    body = json.dumps(dict(texts), ensure_ascii=False, indent=1)
    (folder / LEARNED_NAME).write_text(body, encoding="utf-8")


@dataclass(frozen=True, eq=False)
class Version:
    """A prompt set in memory, with the prompt text each of its names was learned with and the
    id of its class."""

    prompt_set: PromptSet
    learned: Mapping[str, str]
    class_ids: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def load(cls, record: PromptSetRecord) -> Version:
        """Read it from disk.

        Raises:
            trainer.prompt_set.PromptSetError: if it cannot be read.
        """
        folder = record.folder
        return cls(prompt_sets.load(folder), learned_texts(folder), record.class_ids)

    def rows(self, classes: Sequence[ClassEntry]) -> NDArray[np.int64]:
        """(C,) the row of the prompt set that was learned for each class; -1 if there is none.

        A row belongs to a class, not to a name: a renamed class keeps it, and a new class with
        the old name does not get it.  Names decide only where the prompt set has no class ids.
        A class whose *description* has changed since gets no row, because another prompt was
        learned.
        """
        names = self.prompt_set.classes
        by_id = {
            self.class_ids[name]: row for row, name in enumerate(names) if name in self.class_ids
        }
        by_name = {
            name_key(name): row for row, name in enumerate(names) if name not in self.class_ids
        }
        rows = np.full(len(classes), -1, np.int64)
        for column, entry in enumerate(classes):
            row = by_id.get(entry.id, by_name.get(name_key(entry.name)))
            if row is not None and self._same_prompt(entry, names[row]):
                rows[column] = row
        return rows

    def _same_prompt(self, entry: ClassEntry, learned_name: str) -> bool:
        """Whether a class still has the prompt that was learned."""
        text = self.learned.get(learned_name)
        if text is None or text == prompt_text(entry):
            return True
        return not entry.description and text == learned_name


def prompt_text(entry: ClassEntry) -> str:
    """The text that stands for a class in a prompt."""
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
        texts: cached text embeddings, (D,) each, by prompt text.
        features: (n, D), used only where the backbone has no bias.
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
        embeddings,
        scale=facts.scale,
        bias=bias,
        prompt_set=version.prompt_set if version is not None else None,
        rows=version.rows(classes) if version is not None else None,
    )
