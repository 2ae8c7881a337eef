"""How the events of a training run read to the user (imports no torch).

The command line shows these texts as they are, the app shows translations of them.  A new event
needs its dataclass in :mod:`trainer.events` and a row of :data:`EVENT_TEXTS`.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from trainer.events import (
    FitFailed,
    FitFailure,
    FitFinished,
    FitPhase,
    FitProgress,
    FitStarted,
    FitValidated,
    Message,
)

Formats = Mapping[str, Callable[[Any], str]]
"""Writes a value as the user reads it, by the format that a template names after the colon:
``count``, ``duration`` (seconds or None), ``percent`` (a figure in [0, 1] or None), ``backbone`` (a
backbone's name) and ``sentence`` (English, to be translated if there is a translation).
"""


@dataclass(frozen=True)
class EventText:
    """Templates; their placeholders are fields of the event, with one of :data:`Formats`."""

    headline: str
    detail: str


@dataclass(frozen=True)
class EventRow:
    """The texts of one type of event by variant; ``variant`` tells which one an event is."""

    texts: Mapping[str, EventText]
    variant: Callable[[Any], str] = lambda _event: ""


FAILURES: dict[str, str] = {
    FitFailure.NO_MEMORY: (
        "There is not enough memory for this training. Nothing was changed. Close other "
        "programs, train on the CPU, or choose a smaller backbone."
    ),
    FitFailure.NO_DEVICE: "The device is no longer available.",
    FitFailure.DISK_FULL: (
        "The disk is full, so the trained prompts could not be saved. Nothing was changed; "
        "free some space and train again."
    ),
    FitFailure.BAD_JOB: "The training data could not be read.",
    FitFailure.BAD_WEIGHTS: "The backbone's weights could not be read.",
    FitFailure.NOT_FINITE: "The training became unstable.",
    FitFailure.CANCELLED: "The training was cancelled before it had a result.",
    FitFailure.ERROR: "The training stopped unexpectedly.",
}
"""A general sentence per kind of failure, for events without a more specific message."""

_STEP = "Step {step:count} of {steps:count}, {seconds_left:duration} left"
_TOOK = "It took {seconds:duration}."
_FAILED = "The training failed"

EVENT_TEXTS: dict[type[Message], EventRow] = {
    FitStarted: EventRow(
        {
            "": EventText(
                "Training",
                "{classes:count} classes, {train_images:count} photos to learn from, "
                "{held_out_images:count} held out; {backbone:backbone} on {device}",
            )
        }
    ),
    FitProgress: EventRow(
        {
            FitPhase.SINGLE_PASS: EventText("Training", _STEP),
            FitPhase.VALIDATION_PASS: EventText("Training", _STEP),
            FitPhase.FINAL_PASS: EventText("Training", f"{_STEP}; second pass, on all photos"),
        },
        lambda event: event.phase,
    ),
    FitValidated: EventRow({"": EventText("Training", "Validation mAP {scores.total:percent}")}),
    FitFinished: EventRow(
        {
            "finished": EventText("Finished", _TOOK),
            "stopped early": EventText("Finished early: it no longer got better", _TOOK),
            "cancelled": EventText("Cancelled", _TOOK),
        },
        lambda event: (
            "cancelled"
            if event.cancelled
            else "stopped early"
            if event.stopped_early
            else "finished"
        ),
    ),
    FitFailed: EventRow(
        {kind: EventText(_FAILED, sentence) for kind, sentence in FAILURES.items()}
        | {"": EventText(_FAILED, "{message:sentence}")},
        lambda event: "" if event.message else _known_failure(event.kind),
    ),
}


def event_text(event: Message) -> EventText:
    """The templates for a training event.

    Raises:
        KeyError: for a message that is not an event of a training run.
    """
    row = EVENT_TEXTS[type(event)]
    return row.texts[row.variant(event)]


def failure_text(kind: str) -> str:
    """The general sentence about a kind of failure."""
    return FAILURES[_known_failure(kind)]


def fill(template: str, event: Message, formats: Formats) -> str:
    """Replace the placeholders of a (translated) template with the values of ``event``."""
    return _Filler(formats).vformat(template, (), vars(event))


def all_texts() -> list[str]:
    """Every text that the app has to translate; those without words are left out."""
    rows = [text for row in EVENT_TEXTS.values() for text in row.texts.values()]
    texts = [part for text in rows for part in (text.headline, text.detail)]
    return [text for text in dict.fromkeys([*texts, *FAILURES.values()]) if _has_words(text)]


def _known_failure(kind: str) -> str:
    return kind if kind in FAILURES else FitFailure.ERROR


def _has_words(template: str) -> bool:
    return any(text.strip() for text, *_ in string.Formatter().parse(template))


class _Filler(string.Formatter):
    def __init__(self, formats: Formats) -> None:
        self._formats = formats

    def format_field(self, value: Any, format_spec: str) -> str:
        write = self._formats.get(format_spec)
        return str(value) if write is None else write(value)
