"""Suggests a retraining when there are enough new verdicts since the last one (Qt-free)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.prompt_sets import PromptSetRecord
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.training.jobs import Preflight
from lmpt_desktop.engine.versions.versions import Versions
from lmpt_desktop.inference.advice import NewVerdicts, worth_retraining
from lmpt_desktop.settings import LAST_SUGGESTION, RetrainSuggestion, Settings
from lmpt_desktop.translation import _, ngettext, number
from trainer.bands import Band
from trainer.prompt_set import PromptSetError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RetrainAdvice:
    """A retraining is worth it.

    Attributes:
        verdicts: new since the last version.
        tail: how many of them on tail classes.
        seconds: how long it would take; None if unknown.
    """

    verdicts: int
    tail: int
    seconds: float | None

    def sentence(self, duration: str = "") -> str:
        """The text for the user; ``duration`` is ``seconds`` in words."""
        verdicts = ngettext("{count} new verdict", "{count} new verdicts", self.verdicts).format(
            count=number(self.verdicts)
        )
        if self.tail:
            verdicts = _("{verdicts}, {count} on tail classes").format(
                verdicts=verdicts, count=number(self.tail)
            )
        if duration:
            return _("{verdicts}; a retraining takes {duration}.").format(
                verdicts=verdicts, duration=duration
            )
        return _("{verdicts}.").format(verdicts=verdicts)


def advise(
    catalogue: Catalogue,
    snapshot: Snapshot,
    *,
    backbone: str,
    versions: Versions,
    settings: Settings,
    preflight: Callable[[], Preflight],
) -> RetrainAdvice | None:
    """See :meth:`.training_service.TrainingService.advice`."""
    if catalogue.read_only:
        return None  # nothing can be learned
    records = [item for item in catalogue.prompt_sets.all() if item.backbone == backbone]
    active = next((item for item in records if item.active), None)
    # A newer version that waits to be promoted has learned these verdicts already.  The newest by
    # number: the clock may have been wrong when one was made.
    newest = max(records, key=lambda item: item.id, default=None)
    since = _learned_at(catalogue, newest) if newest is not None else 0
    per_class, reviewed = catalogue.annotations.since(since)
    if not per_class:
        return None
    bands = dict(zip(snapshot.class_ids.tolist(), snapshot.bands.bands, strict=True))
    tail = sum(count for class_id, count in per_class.items() if bands.get(class_id) is Band.TAIL)
    learned_from = 0
    if active is not None:
        try:
            learned_from = int(np.sum(versions.prompt_set(active.id).train_present))
        except (PromptSetError, KeyError) as error:
            log.info("what version %d was learned from is not known: %s", active.id, error)
    new = NewVerdicts(sum(per_class.values()) + reviewed, tail, learned_from)
    last = settings.get(LAST_SUGGESTION)
    suggested = last.verdicts if last is not None and last.since == since else 0
    if not worth_retraining(new, suggested):
        return None
    found = preflight()
    if not found.ok:
        return None
    settings.set(LAST_SUGGESTION, RetrainSuggestion(since, new.verdicts))
    return RetrainAdvice(new.verdicts, new.tail, found.expected_seconds)


def _learned_at(catalogue: Catalogue, record: PromptSetRecord) -> int:
    """When a version's run took its annotations, in the catalogue's microseconds."""
    created = record.created
    if record.run_id is not None:
        created = catalogue.runs.get(record.run_id).created
    return round(created.timestamp() * 1e6)
