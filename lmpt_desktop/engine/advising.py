"""Suggests a retraining when enough was said since the last one (Qt-free)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmpt_desktop.catalogue.records import PromptSetRecord
from lmpt_desktop.inference.advice import NewVerdicts, worth_retraining
from lmpt_desktop.translation import _, ngettext, number
from trainer.bands import Band
from trainer.prompt_set import PromptSetError

if TYPE_CHECKING:
    from lmpt_desktop.engine.session import LibrarySession

log = logging.getLogger(__name__)

TOLD_SETTING = "retraining suggested"
"""A library's setting: {"since": time, "verdicts": count} of the last suggestion."""


@dataclass(frozen=True)
class RetrainAdvice:
    """A retraining is worth it: how many new verdicts, how many of them on tail classes, and
    how long it would take (None: nobody knows)."""

    verdicts: int
    tail: int
    seconds: float | None

    def sentence(self, duration: str = "") -> str:
        """What to tell the user; ``duration`` is ``seconds`` in words."""
        said = ngettext("{count} new verdict", "{count} new verdicts", self.verdicts).format(
            count=number(self.verdicts)
        )
        if self.tail:
            said = _("{verdicts}, {count} on tail classes").format(
                verdicts=said, count=number(self.tail)
            )
        if duration:
            return _("{verdicts}; a retraining takes {duration}.").format(
                verdicts=said, duration=duration
            )
        return _("{verdicts}.").format(verdicts=said)


def advise(session: LibrarySession) -> RetrainAdvice | None:
    """Whether to suggest a retraining now; None: no.  Reads the catalogue: not for the
    window's thread.

    The same suggestion is not made again until there is twice as much to learn from.
    """
    catalogue = session.catalogue
    records = [item for item in catalogue.prompt_sets.all() if item.backbone == session.backbone]
    active = next((item for item in records if item.active), None)
    # A newer version that waits to be promoted has learned these verdicts already.
    since = max((_learned_at(session, item) for item in records), default=0)
    per_class, reviewed = catalogue.annotations.since(since)
    if not per_class:
        return None
    snapshot = session.snapshot()
    bands = dict(zip(snapshot.class_ids.tolist(), snapshot.bands.bands, strict=True))
    tail = sum(count for class_id, count in per_class.items() if bands.get(class_id) is Band.TAIL)
    learned_from = 0
    if active is not None:
        try:
            learned_from = int(np.sum(session.prompt_set(active.id).train_present))
        except (PromptSetError, KeyError) as error:
            log.info("what version %d was learned from is not known: %s", active.id, error)
    new = NewVerdicts(sum(per_class.values()) + reviewed, tail, learned_from)
    if not worth_retraining(new, _told_at(session, since)):
        return None
    preflight = session.retrain_preflight()
    if not preflight.ok:
        return None
    session.set_setting(TOLD_SETTING, {"since": since, "verdicts": new.verdicts})
    return RetrainAdvice(new.verdicts, new.tail, preflight.expected_seconds)


def _learned_at(session: LibrarySession, record: PromptSetRecord) -> int:
    """When a version's run took its annotations, in the catalogue's microseconds."""
    created = record.created
    run_id = record.run_id
    if run_id is not None:
        created = session.catalogue.runs.get(run_id).created
    return round(created.timestamp() * 1e6)


def _told_at(session: LibrarySession, since: int) -> int:
    told = session.setting(TOLD_SETTING)
    if isinstance(told, dict) and told.get("since") == since:
        count = told.get("verdicts")
        return count if isinstance(count, int) else 0
    return 0
