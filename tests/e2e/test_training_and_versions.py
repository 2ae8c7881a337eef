"""Retraining and versions in the real window, with a fake training program."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from lmpt_desktop.catalogue.runs import RunState
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.notices import RunChanged
from lmpt_desktop.inference.queues import QueueKind
from lmpt_desktop.settings import INSTANT, SUGGEST_RETRAIN
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.review.page import ReviewPage
from lmpt_desktop.ui.training.log import LogDialog
from lmpt_desktop.ui.training.retrain import RetrainDialog
from lmpt_desktop.ui.training.run_page import RunDialog
from lmpt_desktop.ui.training.suggestion import RetrainSuggestion
from lmpt_desktop.ui.versions.comparison import ComparisonDialog
from lmpt_desktop.ui.versions.dialog import VersionsDialog
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000
Settled = Callable[[MainWindow], LibraryPage]


@pytest.fixture
def window(launch: Callable[..., MainWindow], settled: Settled, photos: Path) -> MainWindow:
    """A library in which every photo is annotated with the classes in its file name."""
    window = launch(photos)
    page = settled(window)
    snapshot = page.session.snapshot()
    for row, name in enumerate(snapshot.names):
        image = int(snapshot.image_ids[row])
        words = name.rpartition("/")[2].split("_")[0].split("+")
        shown = [entry.id for entry in snapshot.classes if entry.name in words]
        page.session.annotations.annotate([image], shown, Verdict.PRESENT)
        page.session.annotations.mark_reviewed([image])
    return window


@pytest.fixture
def page(window: MainWindow) -> LibraryPage:
    assert window.page is not None
    return window.page


def pure(page: LibraryPage, qtbot: QtBot) -> np.ndarray:
    """The scores of the version in use, without what verdicts have taught since."""
    page.session.settings.set(INSTANT, False)
    qtbot.waitUntil(lambda: page.session.wait_until_idle(0.1), timeout=WAIT_MS)
    return page.session.snapshot().scores.copy()


def opened(window: MainWindow, kind: type[QDialog], qtbot: QtBot) -> QDialog:
    """The dialog of this kind, once it is there."""
    qtbot.waitUntil(lambda: window.findChild(kind) is not None, timeout=WAIT_MS)
    dialog = window.findChild(kind)
    assert dialog is not None
    return dialog


def test_a_retraining_shows_at_once_that_it_is_under_way(
    window: MainWindow, page: LibraryPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_FIT", json.dumps({"steps": 4, "seconds_per_step": 1.0}))
    activity, button = window.status.activity, window.commands.action("model.retrain")
    run = retrain(window, qtbot)
    run.close()
    qtbot.waitUntil(lambda: activity.text().startswith("Retraining prompts"), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: button.iconText() == "Retraining...", timeout=WAIT_MS)
    button.trigger()  # the run, not another one
    shown = opened(window, RunDialog, qtbot)
    assert isinstance(shown, RunDialog)
    finish(shown, qtbot)
    qtbot.waitUntil(lambda: button.iconText() != "Retraining...", timeout=WAIT_MS)
    qtbot.waitUntil(activity.isHidden, timeout=WAIT_MS)


def retrain(window: MainWindow, qtbot: QtBot) -> RunDialog:
    """Through the menu and the dialog to the run page."""
    window.commands.trigger("model.retrain")
    dialog = opened(window, RetrainDialog, qtbot)
    assert isinstance(dialog, RetrainDialog)
    qtbot.waitUntil(dialog.start.isEnabled, timeout=WAIT_MS)
    qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    run = opened(window, RunDialog, qtbot)
    assert isinstance(run, RunDialog)
    return run


def finish(run: RunDialog, qtbot: QtBot, state: RunState = RunState.FINISHED) -> None:
    def ended() -> bool:
        return run.page.status is not None and run.page.status.state is state

    qtbot.waitUntil(ended, timeout=WAIT_MS)


def compared(window: MainWindow, run: RunDialog, qtbot: QtBot) -> ComparisonDialog:
    qtbot.mouseClick(run.page.compare, Qt.MouseButton.LeftButton)
    dialog = opened(window, ComparisonDialog, qtbot)
    assert isinstance(dialog, ComparisonDialog)
    qtbot.waitUntil(lambda: dialog.comparison is not None, timeout=WAIT_MS)
    return dialog


def test_a_run_is_compared_promoted_rolled_back_and_deleted(
    window: MainWindow, page: LibraryPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    yes = QMessageBox.StandardButton.Yes
    monkeypatch.setattr(QMessageBox, "question", lambda *_args: yes)
    before = pure(page, qtbot)
    run = retrain(window, qtbot)
    finish(run, qtbot)
    np.testing.assert_array_equal(
        page.session.snapshot().scores, before
    )  # nothing is promoted unasked

    comparison = compared(window, run, qtbot)
    result = comparison.comparison
    assert result is not None and result.changed_count > 0
    assert comparison.changed is not None and len(comparison.changed.rows) > 0
    qtbot.mouseClick(comparison.promote, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(
        lambda: not np.allclose(page.session.snapshot().scores, before, equal_nan=True),
        timeout=WAIT_MS,
    )

    window.commands.trigger("model.versions")
    versions = opened(window, VersionsDialog, qtbot)
    assert isinstance(versions, VersionsDialog)
    qtbot.waitUntil(
        lambda: [item.active for item in versions.model.rows] == [True, False], timeout=WAIT_MS
    )
    qtbot.mouseClick(versions.roll_back, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(
        lambda: np.allclose(page.session.snapshot().scores, before, equal_nan=True), timeout=WAIT_MS
    )
    versions.select_version(result.version_id)
    qtbot.waitUntil(versions.discard.isEnabled, timeout=WAIT_MS)
    qtbot.mouseClick(versions.discard, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(
        lambda: [item.version_id for item in page.session.versions.all()] == [0], timeout=WAIT_MS
    )


def test_changed_photos_can_be_shown_in_the_grid(
    window: MainWindow, page: LibraryPage, qtbot: QtBot
) -> None:
    run = retrain(window, qtbot)
    finish(run, qtbot)
    comparison = compared(window, run, qtbot)
    assert comparison.changed is not None
    wanted = {line.change.image_id for line in comparison.changed.rows}
    buttons = comparison.findChildren(QPushButton)
    show = next(item for item in buttons if item.text() == "Show these photos in the &grid")
    show.click()
    qtbot.waitUntil(lambda: set(page.panel.model.ids.tolist()) == wanted, timeout=WAIT_MS)


def test_what_is_missing_to_measure_is_asked_for_and_compared_again(
    window: MainWindow, page: LibraryPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmpt_desktop.inference.queues.measurable.MIN_SUPPORT", 1)
    monkeypatch.setattr("lmpt_desktop.inference.queues.measurable.SPARE", 0.01)
    snapshot = page.session.snapshot()
    # A photo about which nothing is known, so that it can be held out.
    free = int(snapshot.image_ids[0])
    page.session.annotations.mark_reviewed([free], False)
    for class_id in snapshot.class_ids.tolist():
        page.session.annotations.annotate([free], [class_id], Verdict.UNKNOWN)
    run = retrain(window, qtbot)
    finish(run, qtbot)
    comparison = compared(window, run, qtbot)
    assert not any(item.isDefault() for item in comparison.findChildren(QPushButton))
    assert comparison.tabs.currentIndex() == 0
    qtbot.mouseClick(comparison.measure, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.pages.current == "review", timeout=WAIT_MS)
    review = page.pages.built("review")
    assert isinstance(review, ReviewPage)
    assert review.request is not None and review.request.kind is QueueKind.MEASURABLE
    qtbot.waitUntil(lambda: not review.queue_request.busy, timeout=WAIT_MS)
    [note] = [item for item in window.notifications.shown if "compare again" in item.message]
    button = next(item for item in note.findChildren(QPushButton) if "again" in item.text())
    button.click()
    again = opened(window, ComparisonDialog, qtbot)
    assert isinstance(again, ComparisonDialog)
    qtbot.waitUntil(lambda: again.comparison is not None, timeout=WAIT_MS)


def test_discarding_new_prompts_deletes_their_version(
    window: MainWindow, page: LibraryPage, qtbot: QtBot
) -> None:
    run = retrain(window, qtbot)
    finish(run, qtbot)
    comparison = compared(window, run, qtbot)
    qtbot.mouseClick(comparison.discard, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(
        lambda: [item.version_id for item in page.session.versions.all()] == [0], timeout=WAIT_MS
    )


@pytest.mark.parametrize("end", ["fail", "die"])
def test_a_run_that_fails_keeps_the_old_prompts_and_offers_its_log(
    window: MainWindow,
    page: LibraryPage,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    end: str,
) -> None:
    monkeypatch.setenv("FAKE_FIT", json.dumps({"end": end}))
    before = pure(page, qtbot)
    run = retrain(window, qtbot)
    finish(run, qtbot, RunState.FAILED)
    assert run.page.headline.text() == "Retraining failed"
    assert "Predictions have not changed" in run.page.details.text()
    assert not run.page.compare.isVisible()
    qtbot.mouseClick(run.page.log, Qt.MouseButton.LeftButton)
    log = opened(window, LogDialog, qtbot)
    assert isinstance(log, LogDialog)
    assert "a line of the log" in log.text.toPlainText()
    np.testing.assert_array_equal(page.session.snapshot().scores, before)
    assert [item.version_id for item in page.session.versions.all()] == [0]


def test_a_cancelled_run_can_still_be_compared(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_FIT", json.dumps({"steps": 600, "seconds_per_step": 0.1}))
    run = retrain(window, qtbot)
    qtbot.waitUntil(lambda: run.page.bar.value() > 0, timeout=WAIT_MS)
    qtbot.mouseClick(run.page.cancel, Qt.MouseButton.LeftButton)
    finish(run, qtbot, RunState.CANCELLED)
    assert run.page.compare.isVisible()


def test_a_second_run_is_refused_while_one_is_running(
    window: MainWindow, page: LibraryPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_FIT", json.dumps({"steps": 600, "seconds_per_step": 0.1}))
    run = retrain(window, qtbot)
    qtbot.waitUntil(lambda: run.page.bar.value() > 0, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: window.findChild(RetrainDialog) is None, timeout=WAIT_MS)
    window.commands.trigger("model.retrain")  # shows the run that is under way
    assert run.page.isVisible() and window.findChild(RetrainDialog) is None
    # As left open from before the run began.
    dialog = RetrainDialog(page.session, page.bridge, window)
    dialog.open()
    qtbot.waitUntil(lambda: "A retraining is running" in dialog.strip.text, timeout=WAIT_MS)
    assert not dialog.start.isEnabled()
    qtbot.mouseClick(run.page.cancel, Qt.MouseButton.LeftButton)
    finish(run, qtbot, RunState.CANCELLED)
    qtbot.waitUntil(dialog.start.isEnabled, timeout=WAIT_MS)


def test_retraining_without_annotations_is_refused_with_a_reason(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    settled(window)
    window.commands.trigger("model.retrain")
    dialog = opened(window, RetrainDialog, qtbot)
    assert isinstance(dialog, RetrainDialog)
    qtbot.waitUntil(lambda: "Nothing is annotated yet" in dialog.strip.text, timeout=WAIT_MS)
    assert not dialog.start.isEnabled()


def test_a_run_is_shown_again_when_the_window_is_reopened(
    window: MainWindow,
    launch: Callable[..., MainWindow],
    photos: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FAKE_FIT", json.dumps({"steps": 40, "seconds_per_step": 0.1}))
    run = retrain(window, qtbot)
    qtbot.waitUntil(lambda: run.page.bar.value() > 0, timeout=WAIT_MS)
    window.close()
    again = launch(photos)
    qtbot.waitUntil(again.commands.action("model.run").isEnabled, timeout=WAIT_MS)
    again.commands.trigger("model.run")
    dialog = opened(again, RunDialog, qtbot)
    assert isinstance(dialog, RunDialog)
    finish(dialog, qtbot)
    assert again.page is not None
    assert len(again.page.session.versions.all()) == 2


def test_a_version_is_named_exported_imported_and_compared(
    window: MainWindow, page: LibraryPage, qtbot: QtBot, tmp_path: Path
) -> None:
    run = retrain(window, qtbot)
    finish(run, qtbot)
    run.close()
    window.commands.trigger("model.versions")
    versions = opened(window, VersionsDialog, qtbot)
    assert isinstance(versions, VersionsDialog)
    qtbot.waitUntil(lambda: len(versions.model.rows) == 2, timeout=WAIT_MS)
    made = versions.model.rows[0].version_id
    versions.select_version(made)
    qtbot.keyClicks(versions.details.name, "first try")
    qtbot.keyClick(versions.details.name, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.session.versions.all()[0].name == "first try", timeout=WAIT_MS)
    assert "55 annotations on 11 photos" in versions.details.origin.text()

    versions.export_to(tmp_path / "first.zip")
    qtbot.waitUntil(lambda: "Written to" in versions.strip.text, timeout=WAIT_MS)
    versions.import_from(tmp_path / "first.zip")
    qtbot.waitUntil(lambda: "was imported" in versions.strip.text, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: len(versions.model.rows) == 3, timeout=WAIT_MS)
    taken = versions.selected()
    assert taken is not None and taken.version_id not in (made, 0) and not taken.active

    # Any two, plain prompts included.
    versions.select_version(0, taken.version_id)
    qtbot.mouseClick(versions.compare, Qt.MouseButton.LeftButton)
    comparison = opened(window, ComparisonDialog, qtbot)
    assert isinstance(comparison, ComparisonDialog)
    qtbot.waitUntil(lambda: comparison.comparison is not None, timeout=WAIT_MS)
    assert comparison.windowTitle() == "Plain prompts and first try"
    assert comparison.comparison is not None and comparison.comparison.changed_count > 0
    qtbot.mouseClick(comparison.promote, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(page.session.snapshot().trained.all()), timeout=WAIT_MS)
    active = [item.version_id for item in page.session.versions.all() if item.active]
    assert active == [taken.version_id]


def test_importing_a_file_that_is_not_a_version_is_refused(
    window: MainWindow, page: LibraryPage, qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "x.zip").write_text("no zip")
    window.commands.trigger("model.versions")
    versions = opened(window, VersionsDialog, qtbot)
    assert isinstance(versions, VersionsDialog)
    versions.import_from(tmp_path / "x.zip")
    qtbot.waitUntil(lambda: "cannot be read as a version" in versions.strip.text, timeout=WAIT_MS)
    assert len(page.session.versions.all()) == 1


def test_a_retraining_is_suggested_in_a_notification(
    window: MainWindow, page: LibraryPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmpt_desktop.inference.advice.MIN_VERDICTS", 5)
    suggestion = page.findChild(RetrainSuggestion)
    assert suggestion is not None
    assert suggestion.timer.isActive()  # photos were annotated a moment ago
    window.settings.set(SUGGEST_RETRAIN, False)
    counted: list[object] = []
    suggestion.counted.connect(lambda: counted.append(suggestion.advice))
    suggestion.ask()
    qtbot.waitUntil(lambda: bool(counted), timeout=WAIT_MS)
    assert not window.notifications.shown, "not while suggestions are switched off"
    window.settings.set(SUGGEST_RETRAIN, True)
    suggestion.ask()
    qtbot.waitUntil(lambda: bool(window.notifications.shown), timeout=WAIT_MS)
    (note,) = window.notifications.shown
    assert "new verdicts" in note.message
    button = next(item for item in note.findChildren(QPushButton) if "Retrain" in item.text())
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert opened(window, RetrainDialog, qtbot).isVisible()
    assert not window.notifications.shown


def test_the_suggestion_is_withdrawn_when_a_run_starts(
    window: MainWindow, page: LibraryPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmpt_desktop.inference.advice.MIN_VERDICTS", 5)
    suggestion = page.findChild(RetrainSuggestion)
    assert suggestion is not None
    suggestion.ask()
    qtbot.waitUntil(lambda: bool(window.notifications.shown), timeout=WAIT_MS)
    page.bridge.receive(RunChanged(0))
    qtbot.waitUntil(lambda: not window.notifications.shown, timeout=WAIT_MS)
