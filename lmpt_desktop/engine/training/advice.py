"""Counts the verdicts since the last retraining, and says when another is worth it (Qt-free)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.prompt_sets import PromptSetRecord
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.training.jobs import Preflight
from lmpt_desktop.engine.versions.versions import Versions
from lmpt_desktop.inference.advice import NewVerdicts, worth_retraining
from lmpt_desktop.settings import LAST_SUGGESTION, Settings
from lmpt_desktop.translation import _, ngettext, number
from trainer.bands import Band
from trainer.prompt_set import PromptSetError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RetrainAdvice:
    """What a retraining would have to learn from, and whether it is worth it.

    Attributes:
        verdicts: new since the last version, without those that were undone.
        rare: how many of them on rare classes.
        since: when the last version took its annotations, in the catalogue's microseconds.
        worthwhile: whether that is enough.
        due: whether it should be suggested now, if that was asked: it is worthwhile, can be done,
            and was not suggested for about as much before.
        seconds: how long it would take; None if unknown, or not ``due``.
    """

    verdicts: int
    rare: int
    since: int
    worthwhile: bool
    due: bool = False
    seconds: float | None = None

    def count_text(self) -> str:
        """ "31 new verdicts", for the user."""
        return ngettext("{count} new verdict", "{count} new verdicts", self.verdicts).format(
            count=number(self.verdicts)
        )

    def sentence(self, duration: str = "") -> str:
        """The text for the user; ``duration`` is ``seconds`` in words."""
        verdicts = self.count_text()
        if self.rare:
            verdicts = _("{verdicts}, {count} on rare classes").format(
                verdicts=verdicts, count=number(self.rare)
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
    suggest: bool = True,
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
    bands = dict(zip(snapshot.class_ids.tolist(), snapshot.bands.bands, strict=True))
    rare = sum(count for class_id, count in per_class.items() if bands.get(class_id) is Band.TAIL)
    new = NewVerdicts(
        sum(per_class.values()) + reviewed, rare, _learned_from(versions, active) if active else 0
    )
    # From reviewed marks alone nothing can be learned.
    worthwhile = bool(per_class) and worth_retraining(new)
    advice = RetrainAdvice(new.verdicts, rare, since, worthwhile)
    if not suggest:
        return advice
    last = settings.get(LAST_SUGGESTION)
    suggested = last.verdicts if last is not None and last.since == since else 0
    if not (worthwhile and worth_retraining(new, suggested)):
        return advice
    found = preflight()
    return replace(advice, due=found.ok, seconds=found.expected_seconds)


def _learned_from(versions: Versions, active: PromptSetRecord) -> int:
    """How many present annotations a version was learned from; 0 if that is not known."""
    try:
        return int(np.sum(versions.prompt_set(active.id).train_present))
    except (PromptSetError, KeyError) as error:
        log.info("what version %d was learned from is not known: %s", active.id, error)
        return 0


def _learned_at(catalogue: Catalogue, record: PromptSetRecord) -> int:
    """When a version's run took its annotations, in the catalogue's microseconds."""
    created = record.created
    if record.run_id is not None:
        created = catalogue.runs.get(record.run_id).created
    return round(created.timestamp() * 1e6)
