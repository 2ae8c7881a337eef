"""What one key may change: named, previewed from ten photos up, said afterwards, undone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QFileDialog,
    QMenu,
    QMessageBox,
    QPushButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.ui.commands.shortcuts import combinations
from lmpt_desktop.ui.kit import file_manager
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.review.page import ReviewPage
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000
Settled = Callable[[MainWindow], LibraryPage]
Key = Qt.Key
SHIFT = Qt.KeyboardModifier.ShiftModifier
CONTROL = Qt.KeyboardModifier.ControlModifier


def class_id(page: LibraryPage, name: str) -> int:
    return next(entry.id for entry in page.session.snapshot().classes if entry.name == name)


def image(page: LibraryPage, name: str) -> int:
    images = page.session.snapshot().images
    return int(images.ids[images.names.index(name)])


def select(page: LibraryPage, image_ids: Sequence[int], qtbot: QtBot) -> None:
    """Select photos and wait for what follows from it."""
    page.grid.select_ids(list(image_ids), image_ids[0])
    page.grid.setFocus()
    page.grid.settle_selection()
    shown = sorted(image_ids)
    qtbot.waitUntil(lambda: sorted(page.inspector.image_ids) == shown, timeout=WAIT_MS)


def select_all(page: LibraryPage, qtbot: QtBot) -> list[int]:
    ids = page.shown_ids().tolist()
    select(page, ids, qtbot)
    return ids


def verdicts(page: LibraryPage, image_id: int) -> dict[str, int]:
    snapshot = page.session.snapshot()
    row = snapshot.annotations[snapshot.row_of[image_id]].tolist()
    return dict(zip((entry.name for entry in snapshot.classes), row, strict=True))


def matrix(page: LibraryPage) -> NDArray[np.int8]:
    return page.session.snapshot().annotations.copy()


def toast(window: MainWindow) -> str:
    return window.notifications.shown[0].message if window.notifications.shown else ""


# ------------------------------------------------------------------------------- confirming


def test_confirming_makes_present_what_is_predicted_and_the_rest_absent(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    photo = image(page, "dog+person_3.jpg")
    page.session.annotations.annotate([photo], [class_id(page, "person")], Verdict.ABSENT)
    select(page, [photo], qtbot)
    qtbot.keyClick(page.grid, Key.Key_R)
    # The user's own verdict, absent, stays although the class is predicted.
    assert verdicts(page, photo) == {"dog": 1, "person": 0, "kite": 0, "cup": 0, "boat": 0}
    snapshot = page.session.snapshot()
    assert snapshot.reviewed[snapshot.row_of[photo]]
    assert toast(window) == "1 present, 3 absent"
    note = window.notifications.shown[0]
    undo = note.first_button()
    assert isinstance(undo, QPushButton)
    undo.click()
    qtbot.waitUntil(lambda: verdicts(page, photo)["dog"] == -1, timeout=WAIT_MS)
    assert verdicts(page, photo)["person"] == 0
    assert note not in window.notifications.shown


def test_the_rest_is_absent_by_a_key_of_its_own(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    photo = image(page, "dog_1.jpg")
    select(page, [photo], qtbot)
    qtbot.keyClick(page.grid, Key.Key_Return, SHIFT)
    assert set(verdicts(page, photo).values()) == {0}
    assert toast(window) == "5 absent"


def test_return_confirms_in_review_and_its_button_says_how_many(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    photo = image(page, "dog+person_3.jpg")
    select(page, [photo], qtbot)
    qtbot.keyClick(page.grid, Key.Key_Return)
    qtbot.waitUntil(lambda: page.pages.current == "review", timeout=WAIT_MS)
    review = page.pages.currentWidget()
    assert isinstance(review, ReviewPage)
    qtbot.waitUntil(lambda: review.viewer.has_shown(photo), timeout=WAIT_MS)
    assert "2 present" in review.side.done.text()
    qtbot.keyClick(review.canvas, Key.Key_Return)
    assert verdicts(page, photo) == {"dog": 1, "person": 1, "kite": 0, "cup": 0, "boat": 0}
    assert review.current_id != photo or not review.is_asking
    assert toast(window) == "2 present, 3 absent"


def test_shift_return_declares_the_rest_absent_in_review_too(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    page = settled(launch(photos))
    photo = image(page, "dog_1.jpg")
    select(page, [photo], qtbot)
    qtbot.keyClick(page.grid, Key.Key_Return)
    qtbot.waitUntil(lambda: page.pages.current == "review", timeout=WAIT_MS)
    review = page.pages.currentWidget()
    assert isinstance(review, ReviewPage)
    qtbot.waitUntil(lambda: review.viewer.has_shown(photo), timeout=WAIT_MS)
    qtbot.keyClick(review.canvas, Key.Key_Return, SHIFT)
    assert set(verdicts(page, photo).values()) == {0}


def test_what_is_not_encoded_yet_cannot_be_confirmed(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    unreadable = image(page, "empty_12.jpg")
    select(page, [unreadable], qtbot)
    qtbot.keyClick(page.grid, Key.Key_R)
    assert "not encoded yet" in window.status.currentMessage()
    assert set(verdicts(page, unreadable).values()) == {-1}
    select(page, [unreadable, image(page, "dog_1.jpg")], qtbot)
    qtbot.keyClick(page.grid, Key.Key_R)
    assert window.status.currentMessage() == "1 photo is not encoded yet and was left out."
    assert toast(window) == "1 present, 4 absent"


# ---------------------------------------------------------------------- the class in focus


def test_the_keys_follow_the_selection_and_never_a_filter_that_is_cleared(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    dog, kite = class_id(page, "dog"), class_id(page, "kite")
    page.panel.bar.set_class(dog)
    qtbot.waitUntil(lambda: 0 < page.panel.model.rowCount() < 12, timeout=WAIT_MS)
    assert (page.focus_class, page.focus_bar.pin.isChecked()) == (dog, True)
    page.panel.bar.clear()
    qtbot.waitUntil(lambda: page.panel.model.rowCount() == 12, timeout=WAIT_MS)
    photo = image(page, "trip/kite_7.jpg")
    select(page, [photo], qtbot)
    assert page.focus_class == kite
    assert page.focus_bar.text.text() == "P, A, U: kite"
    for verdict in ("present", "absent", "unknown"):
        assert window.commands.action(f"image.{verdict}").text().endswith(": kite")
    qtbot.keyClick(page.grid, Key.Key_P)
    assert verdicts(page, photo) == {"dog": -1, "person": -1, "kite": 1, "cup": -1, "boat": -1}


def test_a_key_right_after_an_arrow_means_the_photo_that_is_shown(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    page = settled(launch(photos))
    cup, kite = image(page, "cup_5.jpg"), image(page, "trip/kite_7.jpg")
    select(page, [cup], qtbot)
    page.grid.select_ids([kite], kite)
    page.grid_view.set_verdict(Verdict.PRESENT)  # before the selection has settled
    assert verdicts(page, kite)["kite"] == 1
    assert verdicts(page, kite)["cup"] == -1


def test_a_pinned_class_stays_and_is_let_go(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    page = settled(launch(photos))
    select(page, [image(page, "cup_5.jpg")], qtbot)
    page.focus_bar.pin.click()
    select(page, [image(page, "trip/kite_7.jpg")], qtbot)
    assert page.focus_class == class_id(page, "cup")
    page.focus_bar.pin.click()
    select(page, [image(page, "trip/boat_8.jpg")], qtbot)
    assert page.focus_class == class_id(page, "boat")


def listed(page: LibraryPage) -> list[str]:
    """What the rows of the inspector's list say."""
    model = page.inspector.model
    return [str(model.index(row).data()) for row in range(model.rowCount())]


def test_digits_answer_the_suggestions_of_the_inspector(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    page = settled(launch(photos))
    photo = image(page, "dog+person_3.jpg")
    select(page, [photo], qtbot)
    qtbot.waitUntil(lambda: len(page.inspector.suggested_classes()) == 2, timeout=WAIT_MS)
    first, second = (page.class_name(one) for one in page.inspector.suggested_classes())
    qtbot.keyClick(page.grid, Key.Key_2)
    assert verdicts(page, photo)[second] == 1
    assert sum(verdict == 1 for verdict in verdicts(page, photo).values()) == 1
    # A number means what it meant on the screen until other photos are selected.
    qtbot.keyClick(page.grid, Key.Key_1)
    assert verdicts(page, photo)[first] == 1
    # Also once nothing is suggested any more.
    left = "Every predicted class has your verdict."
    qtbot.waitUntil(lambda: left in listed(page), timeout=WAIT_MS)
    qtbot.keyClick(page.grid, Key.Key_2)
    qtbot.keyClick(page.grid, Key.Key_2)
    found = verdicts(page, photo)
    assert (found[first], found[second]) == (1, -1), "present, absent, unknown in turn"


# ------------------------------------------------------------------------------ the preview


def test_many_photos_are_previewed_and_enter_does_it(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    dog = class_id(page, "dog")
    page.session.annotations.annotate([image(page, "dog_1.jpg")], [dog], Verdict.PRESENT)
    ids = select_all(page, qtbot)
    page.set_focus_class(dog)
    before = matrix(page)
    qtbot.keyClick(page.grid, Key.Key_P)
    bar = page.preview_bar
    assert bar.isVisible() and bar.hasFocus()
    assert bar.sentence.text() == "dog present in 11 photos; 1 already"
    for key in (Key.Key_A, Key.Key_1, Key.Key_R, Key.Key_Tab, Key.Key_Space, Key.Key_Z):
        qtbot.keyClick(bar, key)
    qtbot.keyClick(bar, Key.Key_V, CONTROL | SHIFT)
    assert bar.hasFocus() and np.array_equal(matrix(page), before)
    qtbot.keyClick(bar, Key.Key_Return)
    qtbot.waitUntil(
        lambda: all(verdicts(page, photo)["dog"] == 1 for photo in ids), timeout=WAIT_MS
    )
    assert not bar.isVisible() and page.grid.hasFocus()
    qtbot.waitUntil(lambda: toast(window) == "dog: present on 11 photos", timeout=WAIT_MS)


def test_a_preview_is_counted_again_if_the_library_changes_meanwhile(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    page = settled(launch(photos))
    ids = select_all(page, qtbot)
    page.set_focus_class(class_id(page, "cup"))
    qtbot.keyClick(page.grid, Key.Key_A)
    assert page.preview_bar.sentence.text() == "cup absent in 12 photos"
    page.session.annotations.annotate(ids[:2], [class_id(page, "cup")], Verdict.ABSENT)
    qtbot.keyClick(page.preview_bar, Key.Key_Return)
    assert page.preview_bar.isVisible(), "it asks again, as it would change something else"
    assert page.preview_bar.sentence.text() == "cup absent in 10 photos; 2 already"
    qtbot.keyClick(page.preview_bar, Key.Key_Return)
    qtbot.waitUntil(
        lambda: all(verdicts(page, photo)["cup"] == 0 for photo in ids), timeout=WAIT_MS
    )


def test_confirming_many_says_what_it_will_do_and_what_it_did(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    select_all(page, qtbot)
    qtbot.keyClick(page.grid, Key.Key_R)
    assert page.preview_bar.sentence.text() == (
        "13 present and 42 absent in 11 photos; 1 is not encoded yet and is left out"
    )
    qtbot.keyClick(page.preview_bar, Key.Key_Enter, Qt.KeyboardModifier.KeypadModifier)
    said = "Confirmed 11 photos: 13 present, 42 absent"
    qtbot.waitUntil(lambda: toast(window) == said, timeout=WAIT_MS)
    counts = matrix(page)
    assert (int((counts == 1).sum()), int((counts == 0).sum())) == (13, 42)


def test_a_click_elsewhere_leaves_everything_as_it_is(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    page = settled(launch(photos))
    select_all(page, qtbot)
    before = matrix(page)
    qtbot.keyClick(page.grid, Key.Key_R)
    assert page.preview_bar.isVisible()
    page.inspector.view.setFocus(Qt.FocusReason.MouseFocusReason)
    assert not page.preview_bar.isVisible()
    qtbot.keyClick(page.inspector.view, Key.Key_Return)
    assert np.array_equal(matrix(page), before)


# ------------------------------------------------------------------ no key changes many photos


def press(widget: QWidget, keys: str) -> None:
    """Press a key sequence as the keyboard would: shortcuts first, then the widget."""
    for one in combinations(keys):
        key, modifiers = one.key(), one.keyboardModifiers()
        text = QKeySequence(key).toString().lower() if key < Key.Key_Escape else ""
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            window = widget.window().windowHandle()
            event = QKeyEvent(kind, key, modifiers, text)
            QCoreApplication.sendEvent(window, event)


@pytest.fixture
def harmless(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing waits for a user or starts another program."""
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_args: "")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: ("", ""))
    monkeypatch.setattr(QMenu, "exec", lambda *_args: None)
    monkeypatch.setattr(QMessageBox, "exec", lambda *_args: QMessageBox.StandardButton.No)
    monkeypatch.setattr(QMessageBox, "question", lambda *_args: QMessageBox.StandardButton.No)
    monkeypatch.setattr(QDialog, "exec", lambda *_args: 0)
    monkeypatch.setattr(file_manager, "open_path", lambda _path: True)
    monkeypatch.setattr(file_manager, "reveal", lambda _path: True)


def all_keys(window: MainWindow) -> list[str]:
    declared = [
        part
        for command in window.commands.commands
        if command.id not in ("file.close", "file.quit", "file.samples", "file.open")
        for part in command.shortcut.split()
    ]
    letters = [chr(code) for code in range(ord("A"), ord("Z") + 1)]
    digits = [str(digit) for digit in range(10)]
    shifted = [f"Shift+{key}" for key in (*letters, *digits)]
    others = ["Return", "Enter", "Shift+Return", "Space", "Backspace", "Del", "Tab"]
    return list(dict.fromkeys((*declared, *letters, *digits, *shifted, *others)))


@pytest.mark.usefixtures("harmless")
def test_no_key_changes_more_than_one_photo_without_a_preview(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    # So that there is something to paste.
    copied = image(page, "cup_5.jpg")
    page.session.annotations.annotate([copied], [class_id(page, "cup")], Verdict.PRESENT)
    select(page, [copied], qtbot)
    window.commands.trigger("image.copy-annotations")
    previewed: list[str] = []
    for keys in all_keys(window):
        window.commands.trigger("view.grid")
        qtbot.waitUntil(lambda: page.panel.model.rowCount() == 12, timeout=WAIT_MS)
        select_all(page, qtbot)
        before = matrix(page)
        press(page.grid, keys)
        shown = page.preview_bar.asking
        qtbot.waitUntil(lambda: not page.undo_stack.busy, timeout=WAIT_MS)
        changed = (matrix(page) != before).any(axis=1).sum()
        assert changed <= 1, f"{keys} changed {changed} photos"
        if shown:
            previewed.append(keys)
            press(page.preview_bar, "Esc")
            assert not page.preview_bar.asking
            assert np.array_equal(matrix(page), before), keys
        window.context.dialogs.close_all()
        for widget in QApplication.topLevelWidgets():
            if widget is not window and widget.isVisible():
                widget.close()
        if window.tour.isVisible():
            window.tour.end()
        page.panel.search_bar.clear()
        page.panel.bar.clear()
    assert {"P", "A", "R", "1", "Shift+Return"} <= set(previewed)
