"""Retrain dialog and run page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from shiboken6 import isValid
from ui_libraries import DOG, LIGHT, MISSING, PERSON, Locked, annotate_sample

from lmpt_desktop.catalogue.runs import RunState
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.engine.training.retrain import RunStatus
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.training.log import LogDialog, read_tail
from lmpt_desktop.ui.training.retrain import RetrainDialog
from lmpt_desktop.ui.training.run_page import RunDialog
from lmpt_desktop.ui.training.run_story import details, headline, setup, story_of
from trainer import job as jobs
from trainer.events import (
    PROTOCOL,
    Away,
    BandScores,
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
from trainer.texts import EventText

if TYPE_CHECKING:
    from .conftest import StartRun

STARTED = FitStarted(PROTOCOL, "lite", "CPU", 6, 80, 20, 100)
WAIT_MS = 10_000


def progress(report: int, phase: FitPhase = FitPhase.SINGLE_PASS) -> FitProgress:
    """The ``report``-th of ten, ten steps apart, of a run of 100 steps and 100 seconds."""
    step = 10 * report
    return FitProgress(step, 100, 2.0 / report, 1.5 / report, 2.5 / report, 100.0 - step, phase)


def validated(report: int) -> FitValidated:
    """Better from report to report; the tail can be judged from the third one on."""
    tail = None if report < 3 else 0.2 + 0.01 * report
    return FitValidated(
        10 * report, BandScores(0.4 + 0.01 * report, 0.5 + 0.01 * report, 0.4, tail)
    )


def reports(first: int, last: int) -> list[Message]:
    return [event(i) for i in range(first, last + 1) for event in (progress, validated)]


def status_of(state: RunState, *events: Message) -> RunStatus:
    """A run as the session describes it."""
    started = "2026-11-23T09:30:00+00:00"
    return RunStatus(7, state, events, None, "", Path("/nowhere/log.txt"), started)


def current(session: LibrarySession) -> RunStatus:
    """The newest run."""
    status = session.training.current_run()
    assert status is not None
    return status


@pytest.fixture
def annotated(session: LibrarySession) -> LibrarySession:
    annotate_sample(session)
    return session


@pytest.fixture
def retrain(annotated: LibrarySession, bridge: SessionBridge, qtbot: QtBot) -> RetrainDialog:
    return shown(RetrainDialog(annotated, bridge), qtbot)


def shown(dialog: RetrainDialog, qtbot: QtBot) -> RetrainDialog:
    """Show a dialog and wait for what it asks the session."""
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: dialog.preflight is not None, timeout=WAIT_MS)
    return dialog


@pytest.fixture
def run_dialog(annotated: LibrarySession, bridge: SessionBridge, qtbot: QtBot) -> RunDialog:
    dialog = RunDialog(annotated, bridge)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def text_of(dialog: Any, name: str) -> str:
    return dialog.findChild(object, name).text()


def test_a_run_is_expected_while_the_dialog_is_open(
    annotated: LibrarySession,
    bridge: SessionBridge,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[bool] = []
    monkeypatch.setattr(annotated.training, "expect_run", told.append)
    dialog = shown(RetrainDialog(annotated, bridge), qtbot)
    assert set(told) == {True}
    dialog.close()
    assert told[-1] is False
    told.clear()
    shown(RetrainDialog(annotated, bridge, machine="other", away=True), qtbot).reject()
    assert not any(told)


def test_the_annotations_to_learn_from_are_counted(
    session: LibrarySession, bridge: SessionBridge, qtbot: QtBot
) -> None:
    annotate_sample(session)
    session.annotations.annotate([MISSING], [DOG], Verdict.PRESENT)
    retrain = shown(RetrainDialog(session, bridge), qtbot)
    assert retrain.total.text() == "60 annotations on 10 photos"
    assert text_of(retrain, "head-present") == "9"
    assert text_of(retrain, "tail-classes") == "2"
    assert text_of(retrain, "tail-present") == "4"
    assert "1 class has no present annotation" in retrain.without.text()
    assert "hair drier" in retrain.without.text()
    assert retrain.time.text() == "unknown"
    assert retrain.backbone.text() == "Lite on CPU"
    assert "1 annotated photos are not encoded yet" in retrain.warnings.text()
    assert retrain.start.isEnabled()


def test_the_expected_time_follows_from_the_last_run(
    annotated: LibrarySession, bridge: SessionBridge, start_run: StartRun, qtbot: QtBot
) -> None:
    run = start_run()
    classes = len(jobs.load(run.folder).classes)
    run.say(FitStarted(PROTOCOL, "lite", "CPU", classes, 80, 20, 100))
    run.end(FitFinished(run.make_result(), 72.0, stopped_early=False))
    qtbot.waitUntil(lambda: current(annotated).state is RunState.FINISHED)
    retrain = shown(RetrainDialog(annotated, bridge), qtbot)
    assert retrain.time.text() == "about 70 seconds"


def test_starting_hands_over_the_run(
    retrain: RetrainDialog, session: LibrarySession, start_run: StartRun, qtbot: QtBot
) -> None:
    retrain.device.setCurrentIndex(retrain.device.findData("cpu"))
    with qtbot.waitSignal(retrain.started, timeout=WAIT_MS) as signal:
        qtbot.mouseClick(retrain.start, Qt.MouseButton.LeftButton)
    assert signal.args is not None
    run = start_run(signal.args[0])
    assert current(session).run_id == run.run_id
    assert jobs.load(run.folder).settings.device == "cpu"
    assert not retrain.isVisible()


def test_what_cannot_work_is_refused_with_the_reason(session: LibrarySession, qtbot: QtBot) -> None:
    dialog = shown(RetrainDialog(session), qtbot)
    assert not dialog.start.isEnabled()
    assert dialog.strip.text.startswith("Nothing is annotated yet.")


def test_annotating_meanwhile_lifts_the_refusal(
    session: LibrarySession, bridge: SessionBridge, qtbot: QtBot
) -> None:
    session.annotations.annotate([1, 2, 3, 4, 5], [DOG], Verdict.PRESENT)
    retrain = shown(RetrainDialog(session, bridge), qtbot)
    assert "Only one class (dog) is marked present." in retrain.strip.text
    assert not retrain.start.isEnabled()
    session.annotations.annotate([1], [PERSON, LIGHT], Verdict.PRESENT)
    qtbot.waitUntil(retrain.start.isEnabled, timeout=WAIT_MS)
    assert retrain.strip.text == ""


def test_a_start_that_fails_keeps_the_dialog_open(
    retrain: RetrainDialog, session: LibrarySession, locked: Locked, qtbot: QtBot
) -> None:
    with locked():
        qtbot.mouseClick(retrain.start, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: "Try again" in retrain.strip.text, timeout=WAIT_MS)
    assert retrain.isVisible() and retrain.start.isEnabled()
    assert session.training.current_run() is None


def test_the_page_follows_the_run(run_dialog: RunDialog, start_run: StartRun, qtbot: QtBot) -> None:
    page = run_dialog.page
    qtbot.waitUntil(lambda: "No retraining yet" in page.headline.text(), timeout=WAIT_MS)
    run = start_run()
    run.say(STARTED, *reports(1, 3))
    qtbot.waitUntil(lambda: page.bar.value() == 30, timeout=WAIT_MS)
    run.say(*reports(4, 7))
    qtbot.waitUntil(lambda: page.plot.points("total") == 7, timeout=WAIT_MS)
    assert page.bar.value() == 70
    assert page.details.text() == "Step 70 of 100, about 30 seconds left"
    assert page.plot.points("both") == 7
    assert page.plot.points("tail") == 5  # could not be judged in the first two
    scores = "Validation score 47.0 (common 57.0, fairly common 40.0, rare 27.0)"
    assert scores in page.scores.text()
    assert page.cancel.isVisible() and not page.compare.isVisible()
    assert "80 photos to learn from, 20 held out; Lite on CPU" in page.setup.text()


def test_a_run_that_has_measured_nothing_yet_shows_a_sentence_in_place_of_empty_axes(
    run_dialog: RunDialog, start_run: StartRun, qtbot: QtBot
) -> None:
    plot = run_dialog.page.plot
    run = start_run()
    run.say(STARTED, progress(1), progress(2), progress(3))
    qtbot.waitUntil(lambda: plot.points("both") == 3, timeout=WAIT_MS)
    assert plot.sentence("loss") == ""
    assert plot.sentence("scores") == "Nothing measured yet"
    run.say(validated(3))
    qtbot.waitUntil(lambda: plot.sentence("scores") == "", timeout=WAIT_MS)


def test_a_run_that_ended_with_nothing_measured_gives_the_reason(
    run_dialog: RunDialog, start_run: StartRun, qtbot: QtBot
) -> None:
    plot = run_dialog.page.plot
    run = start_run()
    run.end(STARTED, progress(10), FitFinished(run.make_result(), 61.0, stopped_early=False))
    qtbot.waitUntil(lambda: "Too few annotations" in plot.sentence("scores"), timeout=WAIT_MS)


def test_cancelling_is_passed_on_and_shown(
    run_dialog: RunDialog, start_run: StartRun, qtbot: QtBot
) -> None:
    page = run_dialog.page
    run = start_run()
    run.say(STARTED, *reports(1, 2))
    qtbot.waitUntil(page.cancel.isVisible, timeout=WAIT_MS)
    assert not run.asked_to_stop
    qtbot.mouseClick(page.cancel, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: run.asked_to_stop, timeout=WAIT_MS)
    assert "Cancelling" in page.headline.text() and not page.cancel.isEnabled()
    run.end(FitFinished(run.make_result(), 20.0, stopped_early=False, cancelled=True))
    qtbot.waitUntil(lambda: page.headline.text() == "Cancelled", timeout=WAIT_MS)
    assert "best version so far was kept" in page.details.text()
    assert page.compare.isVisible()


def test_a_finished_run_offers_the_comparison(
    run_dialog: RunDialog, start_run: StartRun, qtbot: QtBot
) -> None:
    run = start_run()
    run.end(STARTED, *reports(1, 10), FitFinished(run.make_result(), 61.0, stopped_early=False))
    qtbot.waitUntil(run_dialog.page.compare.isVisible, timeout=WAIT_MS)
    with qtbot.waitSignal(run_dialog.compare_requested) as signal:
        qtbot.mouseClick(run_dialog.page.compare, Qt.MouseButton.LeftButton)
    assert signal.args == [run.run_id]


def test_a_failure_shows_the_reason_and_offers_the_log(
    run_dialog: RunDialog, start_run: StartRun, qtbot: QtBot
) -> None:
    page = run_dialog.page
    run = start_run()
    run.write_log("loading\nCUDA out of memory\n")
    run.end(STARTED, *reports(1, 3), FitFailed("no-memory", "Not enough GPU memory."))
    qtbot.waitUntil(page.log.isVisible, timeout=WAIT_MS)
    assert page.headline.text() == "Retraining failed"
    assert page.details.text() == "Not enough GPU memory. Predictions have not changed."
    qtbot.mouseClick(page.log, Qt.MouseButton.LeftButton)
    log = run_dialog.findChild(LogDialog)
    assert log is not None and "CUDA out of memory" in log.text.toPlainText()


@pytest.mark.parametrize(
    ("state", "events", "words"),
    [
        (RunState.PREPARING, (), "Getting ready"),
        (RunState.RUNNING, (), "Starting"),
        (RunState.LOST, (), "ended unexpectedly"),
        (RunState.FINISHED, (FitFinished("x", 61.0, stopped_early=True),), "no longer got better"),
    ],
)
def test_every_state_has_a_headline(
    state: RunState, events: tuple[Message, ...], words: str
) -> None:
    status = status_of(state, *events)
    assert words in headline(status, story_of(status))
    assert details(status, story_of(status))


def test_a_failure_without_message_is_explained_by_its_kind() -> None:
    status = status_of(RunState.FAILED, FitFailed("disk-full", ""))
    assert "disk is full" in details(status, story_of(status))


def in_phase(phase: FitPhase, *events: Message) -> list[Message]:
    """Reports of one pass of two."""
    return [
        replace(event, phase=phase)
        for event in events
        if isinstance(event, FitProgress | FitValidated)
    ]


def test_the_second_pass_begins_where_the_phase_of_the_events_changes() -> None:
    status = status_of(RunState.RUNNING, STARTED, *reports(1, 6))
    assert story_of(status).second_pass is None
    first = in_phase(FitPhase.VALIDATION_PASS, *reports(1, 4))
    last = in_phase(FitPhase.FINAL_PASS, progress(5), progress(6))
    status = status_of(RunState.RUNNING, STARTED, *first, *last)
    story = story_of(status)
    assert story.second_pass == 40
    assert "second pass, on all photos" in details(status, story)


def test_uneven_gaps_between_validations_are_not_taken_for_a_second_pass() -> None:
    events = in_phase(
        FitPhase.VALIDATION_PASS, *reports(1, 2), progress(3), progress(4), progress(5), progress(6)
    )
    status = status_of(RunState.RUNNING, STARTED, *events)
    story = story_of(status)
    assert story.second_pass is None
    assert "second pass" not in details(status, story)


def test_a_second_pass_shorter_than_the_gap_between_validations_is_noticed() -> None:
    first = in_phase(FitPhase.VALIDATION_PASS, *reports(1, 4))
    (last,) = in_phase(FitPhase.FINAL_PASS, replace(progress(5), step=41))
    status = status_of(RunState.RUNNING, STARTED, *first, last)
    assert story_of(status).second_pass == 40


@dataclass(frozen=True)
class BatchReduced(RunEvent, base=True):
    """An event that the page has no place for."""

    images: int

    @property
    def text(self) -> EventText:
        return EventText("Training", "{images:count} photos at a time")


def test_an_event_without_a_place_of_its_own_is_listed_below_the_setup() -> None:
    story = story_of(status_of(RunState.RUNNING, STARTED, progress(1), BatchReduced(1200)))
    first, second = setup(story).split("\n")
    assert first.startswith("6 classes")
    assert second == "1,200 photos at a time"


def test_closing_the_dialog_stops_listening(
    annotated: LibrarySession, bridge: SessionBridge, start_run: StartRun, qtbot: QtBot
) -> None:
    run_dialog = RunDialog(annotated, bridge)
    run_dialog.show()
    run = start_run()
    run_dialog.close()
    qtbot.waitUntil(lambda: not isValid(run_dialog), timeout=WAIT_MS)
    run.say(STARTED, *reports(1, 2))
    qtbot.waitUntil(lambda: len(current(annotated).events) == 5, timeout=WAIT_MS)
    qtbot.wait(250)  # a handler left behind would touch a deleted widget here


def test_the_end_of_a_long_log_begins_with_a_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(b"".join(b"line %d\n" % i for i in range(1000)))
    tail = read_tail(path, 100)
    assert tail.startswith("line 9") and tail.endswith("line 999\n")
    assert len(tail) <= 100


def test_a_missing_log_is_reported(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = LogDialog(tmp_path / "none.txt")
    qtbot.addWidget(dialog)
    assert "cannot be read" in dialog.text.toPlainText()


def test_another_computer_can_be_chosen_and_has_its_own_devices(
    annotated: LibrarySession, bridge: SessionBridge, qtbot: QtBot
) -> None:
    retrain = shown(RetrainDialog(annotated, bridge, machine="me@other", away=True), qtbot)
    assert retrain.machine == "me@other"
    assert retrain.backbone.text() == "Lite on me@other"
    assert not retrain.device.isVisible()
    retrain.where.setCurrentIndex(0)
    qtbot.waitUntil(lambda: retrain.backbone.text() == "Lite on CPU", timeout=WAIT_MS)
    assert retrain.machine == ""
    assert retrain.device.isVisible()


def test_without_another_computer_nothing_is_asked(retrain: RetrainDialog) -> None:
    assert not retrain.where.isVisible()
    assert retrain.machine == ""


@pytest.mark.parametrize(
    ("events", "first", "second"),
    [
        (
            [FitAway("other", Away.SENDING)],
            "Sending",
            "The training data is sent to other.",
        ),
        (
            [FitAway("other", Away.SENDING), FitAway("other", Away.RUNNING)],
            "Training",
            "The training runs on other. The model is being loaded.",
        ),
        (
            [
                FitAway("other", Away.RUNNING),
                progress(1),
                FitAway("other", Away.LOST, "It is cut."),
            ],
            "Connection lost",
            "It is cut. The training on other goes on; trying again.",
        ),
    ],
)
def test_a_run_on_another_computer_says_where_it_stands(
    events: list[Message], first: str, second: str
) -> None:
    status = status_of(RunState.RUNNING, *events)
    story = story_of(status)
    assert headline(status, story) == first
    assert details(status, story) == second
    assert not story.notes


def test_a_connection_that_is_back_shows_the_progress() -> None:
    status = status_of(
        RunState.RUNNING,
        FitAway("other", Away.LOST, "It is cut."),
        FitAway("other", Away.RUNNING),
        progress(1),
    )
    assert headline(status, story_of(status)) == "Training"
    assert details(status, story_of(status)).startswith("Step 10 of 100")
