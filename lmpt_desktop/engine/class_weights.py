"""Class weights of a library, from cached embeddings and a prompt set (Qt-free, no model)."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue.classes import name_key
from lmpt_desktop.catalogue.prompt_sets import PromptSetRecord
from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.engine.encoding.model_facts import ModelFacts
from lmpt_desktop.inference.class_prior import class_prior, sampled_rows
from lmpt_desktop.inference.weights import (
    DEFAULT_THRESHOLD,
    SAMPLE_IMAGES,
    ClassWeights,
    FloatArray,
    Merged,
    WindowSample,
    assemble,
    estimated_offset,
)
from trainer import checked_json
from trainer import prompt_set as prompt_sets
from trainer.checked_json import JsonError, Limits
from trainer.class_texts import class_texts, mean_embedding
from trainer.prompt_set import PromptSet
from trainer.windows import joint_cosines, largest_cosines

log = logging.getLogger(__name__)

LEARNED_NAME = "learned.json"
"""In a prompt set's folder: the prompt text each class was learned with, by name."""


def learned_texts(folder: Path) -> Mapping[str, str]:
    """The prompt texts a prompt set was learned with; {} where its folder does not say."""
    try:
        return read_learned_texts(folder)
    except (OSError, JsonError) as error:
        log.warning("what %s was learned with is not known: %s", folder, error)
        return {}


def read_learned_texts(folder: Path) -> Mapping[str, str]:
    """As :func:`learned_texts`; {} only where there is no such file.

    Raises:
        trainer.checked_json.JsonError: if it is not valid.
        OSError: if it cannot be read.
    """
    if not (folder / LEARNED_NAME).exists():
        return {}
    return checked_json.to_type(checked_json.read(folder / LEARNED_NAME, Limits()), dict[str, str])


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
    record: PromptSetRecord | None = None
    """What the catalogue says of it; None where that was not asked."""

    @classmethod
    def load(cls, record: PromptSetRecord) -> Version:
        """Read it from disk.

        Raises:
            trainer.prompt_set.PromptSetError: if it cannot be read.
        """
        folder = record.folder
        return cls(
            prompt_sets.load_to_predict(folder), learned_texts(folder), record.class_ids, record
        )

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
    """What stands for a class in prompts, as written: by this a learned prompt is its own."""
    return entry.description or entry.name


def prompt_texts(entry: ClassEntry) -> tuple[str, ...]:
    """What the model reads for a class, each text by itself."""
    return class_texts(entry.name, entry.description)


def texts_of(entry: ClassEntry) -> tuple[str, ...]:
    """All that has to be encoded for a class: what the model reads, and its name."""
    return tuple(dict.fromkeys((*prompt_texts(entry), entry.name)))


def text_embedding(
    entry: ClassEntry, texts: Mapping[str, NDArray[np.float32]]
) -> NDArray[np.float32] | None:
    """The zero-shot embedding of a class, (D,) unit norm, from cached ones of texts; None until all
    of its texts are there."""
    parts = [texts.get(text) for text in prompt_texts(entry)]
    known = [part for part in parts if part is not None]
    return mean_embedding(np.stack(known)) if len(known) == len(parts) else None


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
    *,
    sample: WindowSample | None = None,
) -> ClassWeights:
    """Weights for ``classes``.

    A class into which others were merged is predicted where any of them would be, until a version
    learns it with their annotations: such a version has learned none of the others.

    Args:
        classes: the vocabulary.
        facts: scale and biases of the backbone.
        texts: cached text embeddings, (D,) each, by text; a class of several texts has their mean.
        features: (n, D), of which the zero-shot biases and thresholds are estimated, where
            :attr:`ModelFacts.has_prior`.
        version: the prompt set to predict with; None for zero-shot.
        merged: classes that were merged into one of ``classes``, by its id.
        sample: photos with windows, used instead of ``features`` where the backbone makes them.
    """
    embeddings = np.full((len(classes), facts.dim), np.nan, np.float32)
    for row, entry in enumerate(classes):
        if (found := text_embedding(entry, texts)) is not None:
            embeddings[row] = found
    offset = None
    if facts.windows:
        offset = facts.window_offset
        if offset is None:
            offset = estimated_offset(sample, embeddings)
    named = np.array(embeddings)
    for row, entry in enumerate(classes):
        if (found := texts.get(entry.name)) is not None:
            named[row] = found
    bias, thresholds = _zero_shot(
        facts,
        embeddings,
        features,
        sample if facts.windows else None,
        offset or 0.0,
        name_frequencies=_name_frequencies(facts, embeddings, named),
    )
    rows = version.rows(classes) if version is not None else None
    others: list[Merged] = []
    for column, entry in enumerate(classes):
        for gone in (merged or {}).get(entry.id, ()):
            row = int(version.rows([gone])[0]) if version is not None else -1
            text = text_embedding(gone, texts)
            # A version that has learned this class and not the other knows what belongs to both.
            if (row < 0 and rows is not None and rows[column] >= 0) or (row < 0 and text is None):
                continue
            none = np.full(facts.dim, np.nan, np.float32)
            others.append(Merged(column, none if text is None else text, row))
    return assemble(
        embeddings,
        scale=facts.scale,
        bias=bias,
        thresholds=thresholds,
        prompt_set=version.prompt_set if version is not None else None,
        rows=rows,
        merged=others,
        window_offset=offset,
    )


def _zero_shot(
    facts: ModelFacts,
    embeddings: FloatArray,
    features: NDArray[np.float16],
    sample: WindowSample | None,
    offset: float,
    *,
    name_frequencies: FloatArray | None,
) -> tuple[FloatArray, FloatArray]:
    """(C,) biases and (C,) thresholds of classes without a learned row."""
    biases, thresholds = (np.full(len(embeddings), value, np.float32) for value in _shared(facts))
    known = ~np.isnan(embeddings).any(axis=1)
    if not facts.has_prior or not known.any() or not len(features):
        return biases, thresholds
    texts = embeddings[known]
    # A few photos with windows would not stand for a library that has not been looked at again.
    joint = sample is not None and 2 * len(sample) >= min(len(features), SAMPLE_IMAGES)
    whole = sample.features if joint and sample is not None else features
    rows = sampled_rows(len(whole), len(texts))
    cosines = whole[rows].astype(np.float32) @ texts.T
    if joint and sample is not None:
        cosines = joint_cosines(cosines, largest_cosines(sample.windows[rows], texts), offset)
    prior = class_prior(
        cosines,
        facts.scale,
        facts.frequency_bias,
        name_frequencies=None if name_frequencies is None else name_frequencies[known],
    )
    biases[known], thresholds[known] = prior.biases, prior.thresholds
    return biases, thresholds


def _name_frequencies(
    facts: ModelFacts, embeddings: FloatArray, named: FloatArray
) -> FloatArray | None:
    """(C,) how often photos show what has the name or the description of a class, whichever is
    more: a description says what is meant ("man, woman or child"), seldom how common it is."""
    if facts.name_frequency is None:
        return None
    direction = np.array(facts.name_frequency, np.float32)
    return np.maximum(embeddings @ direction, named @ direction)


def _shared(facts: ModelFacts) -> tuple[float, float]:
    """The bias and threshold of any class, as far as the backbone alone can tell."""
    if facts.frequency_bias is None:
        # CLIP's cosines of matching pairs lie at about 0.25.
        bias = -0.25 * facts.scale if facts.bias is None else facts.bias
        return bias, DEFAULT_THRESHOLD
    if facts.bias is None:
        return facts.frequency_bias, DEFAULT_THRESHOLD
    # Where the other bias has a score of 0.5.
    return facts.frequency_bias, 1 / (1 + math.exp(facts.bias - facts.frequency_bias))
