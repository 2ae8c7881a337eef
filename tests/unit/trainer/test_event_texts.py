"""Every event of a training run has a text, and its placeholders can be filled."""

from __future__ import annotations

from typing import Any

import pytest

from trainer import event_texts
from trainer.event_texts import EVENT_TEXTS, event_text, failure_text, fill
from trainer.events import (
    BandScores,
    FitFailed,
    FitFailure,
    FitFinished,
    FitPhase,
    FitProgress,
    FitStarted,
    FitValidated,
    Message,
)

FORMATS: event_texts.Formats = {
    "count": lambda value: f"{value:,}",
    "duration": lambda seconds: f"{seconds:.0f} s",
    "percent": lambda share: f"{100 * share:.1f}",
    "backbone": str.upper,
    "sentence": str.upper,
}

EXAMPLES: list[tuple[Message, str]] = [
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
    (FitValidated(5, BandScores(0.5, None, None, None)), "Validation mAP 50.0"),
    (FitFinished("x", 61.0, stopped_early=False), "It took 61 s."),
    (FitFailed("not-finite", "The loss {is} odd."), "THE LOSS {IS} ODD."),
    (FitFailed("bad-job", ""), "The training data could not be read."),
]


@pytest.mark.parametrize(("event", "text"), EXAMPLES, ids=str)
def test_an_event_is_described_with_its_values(event: Message, text: str) -> None:
    assert fill(event_text(event).detail, event, FORMATS) == text


def test_every_event_of_a_run_has_a_row() -> None:
    events = {kind for name, kind in Message.registry.items() if name.startswith("Fit")}
    assert set(EVENT_TEXTS) == events
    assert {type(event) for event, _ in EXAMPLES} == events


@pytest.mark.parametrize("kind", FitFailure)
def test_every_kind_of_failure_has_a_sentence_of_its_own(kind: FitFailure) -> None:
    sentence = failure_text(kind)
    assert sentence.endswith(".")
    assert [failure_text(other) for other in FitFailure].count(sentence) == 1
    assert event_text(FitFailed(kind, "")).detail == sentence


def test_a_kind_of_failure_of_a_newer_version_has_a_general_sentence() -> None:
    assert event_text(FitFailed("moon-phase", "")).detail == failure_text(FitFailure.ERROR)


@pytest.mark.parametrize("phase", FitPhase)
def test_every_phase_has_a_text(phase: FitPhase) -> None:
    assert event_text(FitProgress(1, 2, 0.0, 0.0, 0.0, 0.0, phase)).headline == "Training"


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
    assert event_text(event).headline == headline


def test_texts_to_translate_are_those_with_words() -> None:
    texts = event_texts.all_texts()
    assert "Training" in texts
    assert failure_text(FitFailure.NO_MEMORY) in texts
    assert "{message:sentence}" not in texts
