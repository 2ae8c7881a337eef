"""What a run's events amount to: curves and one sentence (Qt-free)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from lmpt_desktop.catalogue.records import RunState
from lmpt_desktop.engine.training.retrain import RunStatus
from lmpt_desktop.translation import N_, _, number
from lmpt_desktop.ui.kit.formats import duration, percent
from lmpt_desktop.ui.kit.texts import band_name
from trainer.events import FitFailed, FitFinished, FitProgress, FitStarted, FitValidated

BAND_CURVES = ("total", "head", "medium", "tail")

ACTIVE = (RunState.PREPARING, RunState.RUNNING)

_FAILURES = {
    "no-memory": N_("There was not enough memory."),
    "no-device": N_("The device is not available any more."),
    "disk-full": N_("The disk is full."),
    "bad-job": N_("The training data could not be read."),
    "not-finite": N_("The training became unstable."),
    "bad-weights": N_("The backbone's weights could not be read."),
    "cancelled": N_("It was cancelled before there was anything to keep."),
}


@dataclass(frozen=True)
class RunStory:
    """Curves for the plot and words for the page.

    Each curve is a list of (step, value); mAP in percent, only where it could be judged.
    """

    started: FitStarted | None
    loss: list[tuple[int, float]]
    loss_classification: list[tuple[int, float]]
    loss_embedding: list[tuple[int, float]]
    validation: dict[str, list[tuple[int, float]]]
    second_pass: int | None
    """The step at which it began again on all photos, knowing when to stop."""
    step: int
    steps: int
    seconds_left: float | None
    finished: FitFinished | None
    failed: FitFailed | None


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
        second_pass=_second_pass([event.step for event in validated], last.step if last else 0),
        step=last.step if last else 0,
        steps=last.steps if last else (started.steps if started else 0),
        seconds_left=last.seconds_left if last else None,
        finished=next((e for e in status.events if isinstance(e, FitFinished)), None),
        failed=next((e for e in status.events if isinstance(e, FitFailed)), None),
    )


def _second_pass(validated: list[int], step: int) -> int | None:
    """Where validation stopped for good while training went on (the trainer's refit)."""
    if len(validated) < 2:
        return None
    usual = max(after - before for before, after in itertools.pairwise(validated))
    return validated[-1] if step > validated[-1] + usual else None


def headline(status: RunStatus, story: RunStory) -> str:
    """Where the run stands, in a few words."""
    if status.state is RunState.PREPARING:
        return _("Getting ready")
    if status.state is RunState.RUNNING:
        return _("Training") if story.steps else _("Starting")
    if status.state is RunState.FINISHED:
        early = story.finished is not None and story.finished.stopped_early
        return _("Finished early: it no longer got better") if early else _("Finished")
    if status.state is RunState.CANCELLED:
        return _("Cancelled")
    if status.state is RunState.LOST:
        return _("Training ended unexpectedly")
    return _("The training failed")


def details(status: RunStatus, story: RunStory) -> str:
    """What there is to know besides, in a sentence or two."""
    if status.state in ACTIVE:
        if not story.steps:
            return _("The model is being loaded.")
        left = duration(story.seconds_left)
        sentence = (
            _("Step {step} of {steps}, {time} left")
            if story.second_pass is None
            else _("Step {step} of {steps}, {time} left; second pass, on all photos")
        )
        return sentence.format(step=number(story.step), steps=number(story.steps), time=left)
    kept = (
        _("The best prompts so far were kept; compare them before using them.")
        if status.version_id is not None
        else _("Predictions are as they were.")
    )
    if status.state is RunState.FINISHED:
        seconds = story.finished.seconds if story.finished else None
        took = (
            _("It took {time}.").format(time=duration(seconds)) + " " if seconds is not None else ""
        )
        return took + _("Compare the new prompts with those in use, then promote or discard them.")
    if status.state is RunState.CANCELLED:
        return kept
    reason = status.message
    if not reason and story.failed is not None:
        reason = story.failed.message or _(_FAILURES.get(story.failed.kind, ""))
    if not reason and status.state is RunState.LOST:
        reason = _("Its process ended, perhaps because the computer ran out of memory.")
    return f"{reason} {kept}".strip()


def latest_scores(story: RunStory) -> str:
    """ "mAP 42.8 (head 51.0, tail 30.2)", or ""."""
    total = story.validation["total"]
    if not total:
        return ""
    parts = [
        f"{band_name(band)} {percent(story.validation[band][-1][1] / 100)}"
        for band in BAND_CURVES[1:]
        if story.validation[band]
    ]
    extra = f" ({', '.join(parts)})" if parts else ""
    return _("Validation mAP {score}").format(score=percent(total[-1][1] / 100)) + extra
