"""Every event of a training run has a text, and its placeholders can be filled."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import pytest
from rich.console import Console

from trainer.display import FitDisplay
from trainer.events import (
    Away,
    BandScores,
    FitAway,
    FitFailed,
    FitFailure,
    FitFinished,
    FitPhase,
    FitProgress,
    FitStarted,
    FitValidated,
    Message,
    ProtocolError,
    RunEvent,
    parse_line,
)
from trainer.texts import EventText, Formats, fill

FORMATS: Formats = {
    "count": lambda value: f"{value:,}",
    "duration": lambda seconds: f"{seconds:.0f} s",
    "percent": lambda share: f"{100 * share:.1f}",
    "backbone": str.upper,
    "sentence": str.upper,
}

EXAMPLES: list[tuple[RunEvent, str]] = [
    (
        FitStarted(1, "lite", "CPU", 1200, 80, 20, 100),
        "1,200 classes, 80 photos to learn from, 20 held out; LITE on CPU",
    ),
    *(
        (FitProgress(7, 100, 1.0, 1.0, 1.0, 12.0, phase), "Step 7 of 100, 12 s left")
        for phase in (FitPhase.SINGLE_PASS, FitPhase.VALIDATION_PASS)
    ),
    (
        FitProgress(7, 100, 1.0, 1.0, 1.0, 12.0, FitPhase.FINAL_PASS),
        "Step 7 of 100, 12 s left; second pass, on all photos",
    ),
    (FitValidated(5, BandScores(0.5, None, None, None)), "Validation score 50.0"),
    (FitFinished("x", 61.0, stopped_early=False), "It took 61 s."),
    (FitFailed("not-finite", "The loss {is} odd."), "THE LOSS {IS} ODD."),
    (FitFailed("bad-job", ""), "The training data could not be read."),
    (FitAway("other", Away.SENDING), "The training data is sent to other."),
    (FitAway("other", Away.RUNNING), "The training runs on other."),
    (FitAway("other", Away.LOST, "Cut."), "CUT. The training on other goes on; trying again."),
    (FitAway("other", Away.FETCHING), "The result is fetched from other."),
]


@pytest.mark.parametrize(("event", "text"), EXAMPLES, ids=str)
def test_an_event_is_described_with_its_values(event: RunEvent, text: str) -> None:
    assert fill(event.text.detail, event, FORMATS) == text


def test_every_event_of_a_run_is_among_the_examples() -> None:
    events = {kind for kind in Message.registry.values() if issubclass(kind, RunEvent)}
    assert {type(event) for event, _ in EXAMPLES} == events


@pytest.mark.parametrize("kind", FitFailure)
def test_every_kind_of_failure_has_a_sentence_of_its_own(kind: FitFailure) -> None:
    assert kind.sentence.endswith(".")
    assert [other.sentence for other in FitFailure].count(kind.sentence) == 1
    assert FitFailed(kind, "").text.detail == kind.sentence


def test_a_kind_of_failure_of_a_newer_version_has_a_general_sentence() -> None:
    assert FitFailed("moon-phase", "").text.detail == FitFailure.ERROR.sentence


@pytest.mark.parametrize("phase", FitPhase)
def test_every_phase_has_a_text(phase: FitPhase) -> None:
    assert FitProgress(1, 2, 0.0, 0.0, 0.0, 0.0, phase).text.headline == "Training"


@pytest.mark.parametrize(
    ("values", "headline"),
    [
        ({}, "Finished"),
        ({"stopped_early": True}, "Finished early: it no longer got better"),
        ({"stopped_early": True, "cancelled": True}, "Cancelled"),
    ],
)
def test_the_headline_says_how_a_run_finished(values: dict[str, Any], headline: str) -> None:
    event = FitFinished(**({"prompt_set": "x", "seconds": 1.0, "stopped_early": False} | values))
    assert event.text.headline == headline


@dataclass(frozen=True)
class BatchReduced(RunEvent, base=True):
    """An event that the command line has no place for."""

    images: int

    @property
    def text(self) -> EventText:
        return EventText("Training", "{images:count} photos at a time")


def test_an_event_without_a_place_of_its_own_is_printed_as_a_line() -> None:
    file = io.StringIO()
    with FitDisplay(Console(file=file, width=200)) as display:
        display(BatchReduced(1200))
    assert "1,200 photos at a time\n" in file.getvalue()


def test_a_line_that_names_the_base_of_events_is_no_message() -> None:
    with pytest.raises(ProtocolError):
        parse_line('{"type": "RunEvent"}')
