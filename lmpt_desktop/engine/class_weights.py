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
    Merged,
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


def merged_into(entries: Sequence[ClassEntry]) -> dict[int, list[ClassEntry]]:
    """The archived classes whose names stand for a class of the vocabulary, by its id: those that
    were merged into it.

    Args:
        entries: all classes, archived ones too.
    """
    owners = {
        name_key(alias): entry.id
        for entry in entries
        if not entry.archived
        for alias in entry.aliases
    }
    found: dict[int, list[ClassEntry]] = {}
    for entry in entries:
        if entry.archived and (owner := owners.get(name_key(entry.name))) is not None:
            found.setdefault(owner, []).append(entry)
    return found


def library_weights(  # noqa: PLR0917 - everything that predictions are made of
    classes: Sequence[ClassEntry],
    facts: ModelFacts,
    texts: Mapping[str, NDArray[np.float32]],
    features: NDArray[np.float16],
    version: Version | None,
    merged: Mapping[int, Sequence[ClassEntry]] | None = None,
) -> ClassWeights:
    """Weights for ``classes``.

    A class into which others were merged is predicted where any of them would be, until a version
    learns it with their annotations: such a version has learned none of the others.

    Args:
        classes: the vocabulary.
        facts: scale and bias of the backbone.
        texts: cached text embeddings, (D,) each, by prompt text.
        features: (n, D), used only where the backbone has no bias.
        version: the prompt set to predict with; None for zero-shot.
        merged: classes that were merged into one of ``classes``, by its id.
    """
    embeddings = np.full((len(classes), facts.dim), np.nan, np.float32)
    for row, entry in enumerate(classes):
        if (found := texts.get(prompt_text(entry))) is not None:
            embeddings[row] = found
    bias = facts.bias
    if bias is None:
        bias = calibrated_bias(features, embeddings, facts.scale)
    rows = version.rows(classes) if version is not None else None
    others: list[Merged] = []
    for column, entry in enumerate(classes):
        for gone in (merged or {}).get(entry.id, ()):
            row = int(version.rows([gone])[0]) if version is not None else -1
            text = texts.get(prompt_text(gone))
            # A version that has learned this class and not the other knows what belongs to both.
            if (row < 0 and rows is not None and rows[column] >= 0) or (row < 0 and text is None):
                continue
            none = np.full(facts.dim, np.nan, np.float32)
            others.append(Merged(column, none if text is None else text, row))
    return assemble(
        embeddings,
        scale=facts.scale,
        bias=bias,
        prompt_set=version.prompt_set if version is not None else None,
        rows=rows,
        merged=others,
    )
