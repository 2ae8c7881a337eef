"""A run's events summarised: curves, a headline and a sentence (Qt-free)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lmpt_desktop.catalogue.runs import RunState
from lmpt_desktop.engine.training.retrain import RunStatus
from lmpt_desktop.translation import _, number
from lmpt_desktop.ui.kit.texts import backbone_name, band_name, duration, percent
from trainer.events import (
    Away,
    FitAway,
    FitFailed,
    FitFinished,
    FitPhase,
    FitProgress,
    FitStarted,
    FitValidated,
    Message,
    RunEvent,
)
from trainer.texts import Formats, fill

BAND_CURVES = ("total", "head", "medium", "tail")

ACTIVE = (RunState.PREPARING, RunState.RUNNING)

_WITH_A_PLACE = (FitStarted, FitProgress, FitValidated, FitFinished, FitFailed, FitAway)
"""Events that the page has a place for; the details of others are notes."""


@dataclass(frozen=True)
class RunStory:
    """Curves for the plot and figures for the page.

    Each curve is a list of (step, value); mAP in percent, only where it could be measured.
    """

    started: FitStarted | None
    loss: list[tuple[int, float]]
    loss_classification: list[tuple[int, float]]
    loss_embedding: list[tuple[int, float]]
    validation: dict[str, list[tuple[int, float]]]
    second_pass: int | None
    """The step after which it started again, on all photos and with a known number of steps."""
    step: int
    steps: int
    progress: FitProgress | None
    """The newest."""
    validated: FitValidated | None
    """The newest that could be evaluated."""
    finished: FitFinished | None
    failed: FitFailed | None
    notes: tuple[RunEvent, ...] = ()
    """Other events, oldest first."""
    away: FitAway | None = None
    """Where a run on another computer stands now; None for one on this computer."""

    @property
    def between(self) -> FitAway | None:
        """``away``, unless it says no more than that it runs there."""
        return None if self.away is None or self.away.state is Away.RUNNING else self.away


def story_of(status: RunStatus) -> RunStory:
    """Read a run's events."""
    progress = [event for event in status.events if isinstance(event, FitProgress)]
    validated = [event for event in status.events if isinstance(event, FitValidated)]
    started = next((e for e in status.events if isinstance(e, FitStarted)), None)
    last = progress[-1] if progress else None
    curves: dict[str, list[tuple[int, float]]] = {}
    for band in BAND_CURVES:
        values = [(event.step, getattr(event.scores, band)) for event in validated]
        curves[band] = [(step, value * 100) for step, value in values if value is not None]
    return RunStory(
        started=started,
        loss=[(event.step, event.loss) for event in progress],
        loss_classification=[(event.step, event.loss_classification) for event in progress],
        loss_embedding=[(event.step, event.loss_embedding) for event in progress],
        validation=curves,
        second_pass=_second_pass(status.events),
        step=last.step if last else 0,
        steps=last.steps if last else (started.steps if started else 0),
        progress=last,
        validated=next((e for e in reversed(validated) if e.scores.total is not None), None),
        finished=next((e for e in status.events if isinstance(e, FitFinished)), None),
        failed=next((e for e in status.events if isinstance(e, FitFailed)), None),
        notes=tuple(
            event
            for event in status.events
            if isinstance(event, RunEvent) and not isinstance(event, _WITH_A_PLACE)
        ),
        away=next((e for e in reversed(status.events) if isinstance(e, FitAway)), None),
    )


def _second_pass(events: Sequence[Message]) -> int | None:
    """The last step before the final pass of two."""
    step = 0
    for event in events:
        if isinstance(event, FitProgress | FitValidated):
            if event.phase is FitPhase.FINAL_PASS:
                return step
            step = event.step
    return None


def event_detail(event: RunEvent) -> str:
    """What an event says, in the user's language."""
    return fill(_(event.text.detail), event, _FORMATS)


_FORMATS: Formats = {
    "count": number,
    "duration": duration,
    "percent": percent,
    "backbone": backbone_name,
    "sentence": _,
}


def headline(status: RunStatus, story: RunStory) -> str:
    """Where the run stands, in a few words."""
    if status.state is RunState.PREPARING:
        return _("Getting ready")
    if status.state is RunState.RUNNING:
        event = story.between or story.progress or story.started or story.away
        return _(event.text.headline) if event else _("Starting")
    if status.state is RunState.FINISHED:
        return _(story.finished.text.headline) if story.finished else _("Finished")
    if status.state is RunState.CANCELLED:
        return _("Cancelled")
    if status.state is RunState.LOST:
        return _("Retraining ended unexpectedly")
    return _("Retraining failed")


def details(status: RunStatus, story: RunStory) -> str:
    """Further information, in a sentence or two."""
    if status.state in ACTIVE:
        if story.between is not None:
            return event_detail(story.between)
        if story.progress is None:
            there = f"{event_detail(story.away)} " if story.away is not None else ""
            return there + _("The model is being loaded.")
        return event_detail(story.progress)
    kept = (
        _("The best version so far was kept; compare it before you use it.")
        if status.version_id is not None
        else _("Predictions have not changed.")
    )
    if status.state is RunState.FINISHED:
        took = event_detail(story.finished) + " " if story.finished else ""
        return took + _("Compare the new version with the one in use, then choose one.")
    if status.state is RunState.CANCELLED:
        return kept
    reason = _(status.message)
    if not reason and story.failed is not None:
        reason = event_detail(story.failed)
    if not reason and status.state is RunState.LOST:
        reason = _("Its process ended, perhaps because the computer ran out of memory.")
    return f"{reason} {kept}".strip()


def setup(story: RunStory) -> str:
    """What is trained on what, and the notes of the run, a line each."""
    events = [story.started] if story.started else []
    return "\n".join(event_detail(event) for event in (*events, *story.notes))


def latest_scores(story: RunStory) -> str:
    """ "mAP 42.8 (head 51.0, tail 30.2)", or ""."""
    if story.validated is None:
        return ""
    parts = [
        f"{band_name(band)} {percent(story.validation[band][-1][1] / 100)}"
        for band in BAND_CURVES[1:]
        if story.validation[band]
    ]
    extra = f" ({', '.join(parts)})" if parts else ""
    return event_detail(story.validated) + extra
