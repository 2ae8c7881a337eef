"""Retrain dialog and run page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from shiboken6 import isValid

from lmpt_desktop.catalogue.records import RunState
from lmpt_desktop.engine.training.retrain import RunStatus
from lmpt_desktop.ui.training.log import LogDialog, read_tail
from lmpt_desktop.ui.training.retrain import RetrainDialog
from lmpt_desktop.ui.training.run_page import RunDialog
from lmpt_desktop.ui.training.run_story import details, headline, story_of
from trainer.events import FitFailed, FitFinished, FitPhase, FitProgress, FitValidated


@pytest.fixture
def retrain(session: Any, bridge: Any, qtbot: Any) -> RetrainDialog:
    dialog = RetrainDialog(session, bridge)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: dialog.preflight is not None, timeout=10_000)
    return dialog


@pytest.fixture
def run_dialog(session: Any, bridge: Any, qtbot: Any) -> RunDialog:
    dialog = RunDialog(session, bridge)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def text_of(dialog: Any, name: str) -> str:
    return dialog.findChild(object, name).text()


def test_it_says_what_would_be_learned_from(retrain: RetrainDialog) -> None:
    assert retrain.total.text() == "1,240 annotations on 204 photos"
    assert text_of(retrain, "tail-classes") == "9"
    assert text_of(retrain, "tail-present") == "48"
    assert text_of(retrain, "head-present") == "220"
    assert "2 classes have no present annotation" in retrain.without.text()
    assert "hair drier, toothbrush" in retrain.without.text()
    assert retrain.time.text() == "about 70 seconds"
    assert retrain.backbone.text() == "Lite on CPU"
    assert "not been encoded" in retrain.warnings.text()
    assert retrain.start.isEnabled()


def test_starting_hands_over_the_run(retrain: RetrainDialog, session: Any, qtbot: Any) -> None:
    retrain.device.setCurrentIndex(retrain.device.findData("cpu"))
    with qtbot.waitSignal(retrain.started, timeout=10_000) as signal:
        qtbot.mouseClick(retrain.start, Qt.MouseButton.LeftButton)
    assert signal.args == [7]
    assert session.started[0].device == "cpu"
    assert not retrain.isVisible()


def test_what_cannot_work_is_refused_with_the_reason(session: Any, qtbot: Any) -> None:
    reason = "Nothing is annotated yet. Say which classes are present in a few photos first."
    session.preflight = replace(session.preflight, ok=False, refusals=(reason,))
    dialog = RetrainDialog(session)
    qtbot.addWidget(dialog)
    qtbot.waitUntil(lambda: dialog.preflight is not None, timeout=10_000)
    assert not dialog.start.isEnabled()
    assert dialog.strip.text == reason


def test_annotating_meanwhile_lifts_the_refusal(
    retrain: RetrainDialog, session: Any, qtbot: Any
) -> None:
    good = session.preflight
    session.preflight = replace(good, ok=False, refusals=("Only one class.",))
    retrain.refresh()
    qtbot.waitUntil(lambda: not retrain.start.isEnabled(), timeout=10_000)
    session.preflight = good
    session.annotations.annotate([1], [10], 1)
    qtbot.waitUntil(retrain.start.isEnabled, timeout=10_000)
    assert retrain.strip.text == ""


def test_a_start_that_fails_keeps_the_dialog_open(
    retrain: RetrainDialog, session: Any, qtbot: Any
) -> None:
    session.refused = RuntimeError("The disk is full. The current version stays in use.")
    qtbot.mouseClick(retrain.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "disk is full" in retrain.strip.text, timeout=10_000)
    assert retrain.isVisible() and retrain.start.isEnabled()


def test_the_page_follows_the_run(
    run_dialog: RunDialog, session: Any, make_run: Any, qtbot: Any
) -> None:
    page = run_dialog.page
    assert "No retraining yet" in page.headline.text()
    session.set_run(make_run(RunState.RUNNING, 3))
    qtbot.waitUntil(lambda: page.bar.value() == 30, timeout=5000)
    session.set_run(make_run(RunState.RUNNING, 7))
    qtbot.waitUntil(lambda: page.bar.value() == 70, timeout=5000)
    assert page.details.text() == "Step 70 of 100, about 30 seconds left"
    assert (page.plot.points("both"), page.plot.points("total")) == (7, 7)
    assert page.plot.points("tail") == 5  # could not be judged in the first two
    assert "Validation mAP 47.0 (head 57.0, medium 40.0, tail 27.0)" in page.scores.text()
    assert page.cancel.isVisible() and not page.compare.isVisible()
    assert "80 photos to learn from, 20 held out; Lite on CPU" in page.setup.text()


def test_a_run_that_measures_nothing_says_so_in_place_of_empty_axes(
    run_dialog: RunDialog, session: Any, make_run: Any, qtbot: Any
) -> None:
    plot = run_dialog.page.plot
    running = make_run(RunState.RUNNING, 3)
    unmeasured = tuple(event for event in running.events if not isinstance(event, FitValidated))
    session.set_run(replace(running, events=unmeasured))
    qtbot.waitUntil(lambda: plot.points("both") == 3, timeout=5000)
    assert plot.sentence("loss") == ""
    assert plot.sentence("scores") == "Nothing measured yet"
    session.set_run(replace(running, events=unmeasured, state=RunState.FINISHED, version_id=2))
    qtbot.waitUntil(lambda: "Too few annotations" in plot.sentence("scores"), timeout=5000)
    session.set_run(running)
    qtbot.waitUntil(lambda: plot.sentence("scores") == "", timeout=5000)


def test_cancelling_is_asked_once_and_shown(
    run_dialog: RunDialog, session: Any, make_run: Any, qtbot: Any
) -> None:
    session.set_run(make_run(RunState.RUNNING, 2))
    page = run_dialog.page
    qtbot.waitUntil(page.cancel.isVisible, timeout=5000)
    qtbot.mouseClick(page.cancel, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(page.cancel, Qt.MouseButton.LeftButton)
    assert session.calls.count(("cancel_retrain", 7)) == 1
    assert "Cancelling" in page.headline.text()
    session.set_run(make_run(RunState.CANCELLED, 2, version_id=3))
    qtbot.waitUntil(lambda: page.headline.text() == "Cancelled", timeout=5000)
    assert "best prompts so far were kept" in page.details.text()
    assert page.compare.isVisible()


def test_a_finished_run_offers_the_comparison(
    run_dialog: RunDialog, session: Any, make_run: Any, qtbot: Any
) -> None:
    session.set_run(make_run(RunState.FINISHED, 10, version_id=2))
    qtbot.waitUntil(run_dialog.page.compare.isVisible, timeout=5000)
    with qtbot.waitSignal(run_dialog.compare_wanted) as signal:
        qtbot.mouseClick(run_dialog.page.compare, Qt.MouseButton.LeftButton)
    assert signal.args == [7]


def test_a_failure_says_why_and_offers_the_log(
    run_dialog: RunDialog, session: Any, make_run: Any, qtbot: Any, tmp_path: Path
) -> None:
    log = tmp_path / "log.txt"
    log.write_text("loading\nCUDA out of memory\n", encoding="utf-8")
    session.set_run(make_run(RunState.FAILED, 3, message="Not enough GPU memory.", log=log))
    page = run_dialog.page
    qtbot.waitUntil(page.log.isVisible, timeout=5000)
    assert page.headline.text() == "The training failed"
    assert page.details.text() == "Not enough GPU memory. Predictions are as they were."
    qtbot.mouseClick(page.log, Qt.MouseButton.LeftButton)
    shown = run_dialog.findChild(LogDialog)
    assert shown is not None and "CUDA out of memory" in shown.text.toPlainText()


@pytest.mark.parametrize(
    ("state", "events", "words"),
    [
        (RunState.PREPARING, (), "Getting ready"),
        (RunState.RUNNING, (), "Starting"),
        (RunState.LOST, (), "without a word"),
        (RunState.FINISHED, (FitFinished("x", 61.0, stopped_early=True),), "no longer got better"),
    ],
)
def test_every_state_has_a_headline(
    make_run: Any, state: RunState, events: tuple[Any, ...], words: str
) -> None:
    status = replace(make_run(state), events=events)
    assert words in headline(status, story_of(status))
    assert details(status, story_of(status))


def test_a_failure_without_message_is_explained_by_its_kind(make_run: Any) -> None:
    status = replace(make_run(RunState.FAILED), events=(FitFailed("disk-full", ""),))
    assert "disk is full" in details(status, story_of(status))


def in_phase(status: RunStatus, phase: FitPhase, steps: range) -> list[Any]:
    return [
        replace(event, phase=phase)
        for event in status.events
        if isinstance(event, FitProgress | FitValidated) and event.step in steps
    ]


def test_the_second_pass_begins_where_the_events_say_so(make_run: Any) -> None:
    status = make_run(RunState.RUNNING, 6)
    assert story_of(status).second_pass is None
    first = in_phase(status, FitPhase.VALIDATION_PASS, range(41))
    last = in_phase(status, FitPhase.FINAL_PASS, range(41, 61))
    story = story_of(replace(status, events=(*first, *last)))
    assert story.second_pass == 40
    assert "second pass, on all photos" in details(status, story)


def test_uneven_gaps_between_validations_are_not_taken_for_a_second_pass(make_run: Any) -> None:
    status = make_run(RunState.RUNNING, 6)
    events = [
        event
        for event in in_phase(status, FitPhase.VALIDATION_PASS, range(61))
        if isinstance(event, FitProgress) or event.step <= 20
    ]
    story = story_of(replace(status, events=tuple(events)))
    assert story.second_pass is None
    assert "second pass" not in details(status, story)


def test_a_second_pass_shorter_than_the_gap_between_validations_is_noticed(make_run: Any) -> None:
    status = make_run(RunState.RUNNING, 6)
    first = in_phase(status, FitPhase.VALIDATION_PASS, range(41))
    last = in_phase(status, FitPhase.FINAL_PASS, range(50, 51))
    progress = [replace(item, step=41) for item in last if isinstance(item, FitProgress)]
    assert story_of(replace(status, events=(*first, *progress))).second_pass == 40


def test_closing_the_dialog_stops_listening(
    session: Any, bridge: Any, make_run: Any, qtbot: Any
) -> None:
    run_dialog = RunDialog(session, bridge)
    run_dialog.show()
    run_dialog.close()
    qtbot.waitUntil(lambda: not isValid(run_dialog), timeout=5000)
    session.set_run(make_run(RunState.RUNNING, 2))
    qtbot.wait(250)  # a handler left behind would touch a deleted widget here


def test_the_end_of_a_long_log_begins_with_a_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(b"".join(b"line %d\n" % i for i in range(1000)))
    tail = read_tail(path, 100)
    assert tail.startswith("line 9") and tail.endswith("line 999\n")
    assert len(tail) <= 100


def test_a_missing_log_is_said(qtbot: Any, tmp_path: Path) -> None:
    dialog = LogDialog(tmp_path / "none.txt")
    qtbot.addWidget(dialog)
    assert "cannot be read" in dialog.text.toPlainText()
