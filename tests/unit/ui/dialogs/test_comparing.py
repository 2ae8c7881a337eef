"""Comparison page and versions."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import QComboBox, QFileDialog, QMessageBox, QTableView

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.ui.grid.loader import ThumbnailLoader
from lmpt_desktop.ui.versions.changed_view import ChangedView
from lmpt_desktop.ui.versions.comparison import ComparisonDialog
from lmpt_desktop.ui.versions.comparison_models import changed_lines, class_comparisons
from lmpt_desktop.ui.versions.dialog import VersionsDialog
from trainer.bands import Band


def thumbnail(image_id: int, _version: str, size: int) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (size, size * 3 // 4), (image_id * 20 % 255, 90, 120)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def loader(qtbot: Any) -> Any:
    loader = ThumbnailLoader(thumbnail)
    yield loader
    loader.close()


@pytest.fixture
def dialog(session: Any, bridge: Any, loader: ThumbnailLoader, qtbot: Any) -> ComparisonDialog:
    session.annotations.annotate([1], [10], Verdict.PRESENT)  # gained: agrees
    session.annotations.annotate([2], [11], Verdict.PRESENT)  # lost: contradicts
    dialog = ComparisonDialog(session, 7, loader, bridge)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: dialog.comparison is not None, timeout=10_000)
    return dialog


def cells(table: QTableView, row: int) -> list[str]:
    model = table.model()
    return [str(model.index(row, column).data()) for column in range(model.columnCount())]


def test_it_shows_map_per_band_old_and_new(dialog: ComparisonDialog) -> None:
    total, tail = dialog.cards[None], dialog.cards[Band.TAIL]
    assert total.figure.text() == "61.0"
    assert total.beneath.text() == "+6.0  was 55.0"
    assert (tail.figure.text(), tail.beneath.text()) == ("–", "Not enough to judge")
    assert "4 of 6 classes have enough" in dialog.summary.text()
    assert "40 predictions in 9 photos would change: 25 appear, 15 vanish" in dialog.summary.text()


def test_it_says_how_well_scores_are_calibrated_and_whose_threshold_is_shared(
    dialog: ComparisonDialog,
) -> None:
    assert dialog.comparison is not None
    assert dialog.comparison.new is not None
    assert "Calibration" not in dialog._sentence(dialog.comparison)
    extra = {"ECE": 0.021, "ECE_before": 0.113, "classes_sharing_threshold": 2.0}
    judged = replace(dialog.comparison, new=replace(dialog.comparison.new, extra=extra))
    said = dialog._sentence(judged)
    assert "Calibration error 2.1 (before calibration 11.3)." in said
    assert "2 classes with fewer than 5 held-out annotations of either kind" in said
    assert "share one threshold" in said


def test_each_class_is_compared_or_said_not_to_be_judged(dialog: ComparisonDialog) -> None:
    assert cells(dialog.table, 0) == ["dog", "● head", "30", "8 / 40", "70.0", "76.0", "+6.0"]
    assert cells(dialog.table, 5)[4:] == ["–", "–", "Not enough to judge"]


def test_figures_sort_as_numbers(dialog: ComparisonDialog) -> None:
    dialog.table.sortByColumn(2, Qt.SortOrder.AscendingOrder)
    assert [cells(dialog.table, row)[2] for row in range(6)] == ["5", "10", "15", "20", "25", "30"]
    dialog.table.sortByColumn(1, Qt.SortOrder.AscendingOrder)
    assert cells(dialog.table, 0)[1] == "● head"
    assert cells(dialog.table, 5)[1] == "◆ tail"


def test_changed_predictions_say_whether_they_go_the_users_way(session: Any) -> None:
    session.annotations.annotate([1], [10], Verdict.PRESENT)
    session.annotations.annotate([2], [11], Verdict.PRESENT)
    lines = changed_lines(session.versions.compare_run(7), session.snapshot())
    assert [line.agrees for line in lines[:3]] == [True, False, None]
    assert lines[0].file_name == "photo 0.jpg"


def test_changes_of_images_and_classes_that_are_gone_are_left_out(session: Any) -> None:
    session.vocabulary.archive([10])
    lines = changed_lines(session.versions.compare_run(7), session.snapshot())
    assert {line.change.class_id for line in lines} == {11, 12}


def test_the_changed_photos_are_painted_and_filtered_by_class(
    dialog: ComparisonDialog, loader: ThumbnailLoader, qtbot: Any
) -> None:
    dialog.tabs.setCurrentIndex(1)
    view, box = dialog.findChild(ChangedView), dialog.findChild(QComboBox, "changed-class")
    assert view is not None and box is not None
    view.grab()
    qtbot.waitUntil(lambda: loader.pixmap(1, "print-0", 160) is not None, timeout=10_000)
    image = view.grab().toImage()
    red, green, blue = 20, 90, 120
    near = [
        (x, y)
        for x in range(10, 120, 5)
        for y in range(10, 120, 5)
        if abs((shade := image.pixelColor(x, y)).red() - red) < 6
        and abs(shade.green() - green) < 6
        and abs(shade.blue() - blue) < 6
    ]
    assert len(near) > 50
    box.setCurrentText("person")
    assert view.model().rowCount() == 2
    spoken = view.model().index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "person vanishes from photo 1.jpg (0.30 → 0.80), against your annotation"


def test_photos_can_be_shown_in_the_grid(dialog: ComparisonDialog, qtbot: Any) -> None:
    wanted: list[list[int]] = []
    dialog.images_wanted.connect(wanted.append)
    dialog._want_images()
    view = dialog.findChild(ChangedView)
    assert view is not None
    view.activated.emit(view.model().index(2, 0))
    view.activated.emit(QModelIndex())
    assert wanted == [[1, 2, 3, 4, 5, 6], [3]]


def test_promoting_activates_the_new_version_and_closes(
    dialog: ComparisonDialog, session: Any, qtbot: Any
) -> None:
    with qtbot.waitSignal(dialog.promoted) as signal:
        qtbot.mouseClick(dialog.promote, Qt.MouseButton.LeftButton)
    assert signal.args == [2]
    assert [item.version_id for item in session.versions.all() if item.active] == [2]
    assert not dialog.isVisible()


def test_discarding_deletes_it(dialog: ComparisonDialog, session: Any, qtbot: Any) -> None:
    with qtbot.waitSignal(dialog.discarded):
        qtbot.mouseClick(dialog.discard, Qt.MouseButton.LeftButton)
    assert 2 not in [item.version_id for item in session.versions.all()]


def test_a_promotion_elsewhere_is_noticed(
    dialog: ComparisonDialog, session: Any, qtbot: Any
) -> None:
    session.versions.promote(2)
    qtbot.waitUntil(lambda: not dialog.promote.isEnabled(), timeout=5000)
    assert "in use" in dialog.strip.text
    session.versions.promote(1)
    session.versions.discard(2)
    qtbot.waitUntil(lambda: "discarded" in dialog.strip.text, timeout=5000)
    assert not dialog.promote.isEnabled()


def test_a_refused_promotion_keeps_the_page_open(
    dialog: ComparisonDialog, session: Any, qtbot: Any
) -> None:
    session.refused = OSError("The disk is full.")
    qtbot.mouseClick(dialog.promote, Qt.MouseButton.LeftButton)
    assert "disk is full" in dialog.strip.text
    assert dialog.isVisible()


def test_a_run_without_prompts_has_nothing_to_compare(
    session: Any, loader: ThumbnailLoader, qtbot: Any
) -> None:
    dialog = ComparisonDialog(session, 99, loader)
    qtbot.addWidget(dialog)
    qtbot.waitUntil(lambda: bool(dialog.strip.text), timeout=10_000)
    assert "none were made" in dialog.strip.text
    assert not dialog.promote.isEnabled()


def test_no_change_at_all_is_said(session: Any, loader: ThumbnailLoader, qtbot: Any) -> None:
    session.comparison_ = replace(
        session.comparison_, old=None, changed=(), changed_count=0, changed_images=0
    )
    dialog = ComparisonDialog(session, 7, loader)
    qtbot.addWidget(dialog)
    qtbot.waitUntil(lambda: dialog.comparison is not None, timeout=10_000)
    assert dialog.cards[None].beneath.text() == "–"
    assert class_comparisons(session.comparison_)[0].moved is None


@pytest.fixture
def versions(session: Any, bridge: Any, qtbot: Any) -> VersionsDialog:
    dialog = VersionsDialog(session, bridge)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def test_versions_mark_the_one_in_use_and_give_its_figures(versions: VersionsDialog) -> None:
    rows = [cells(versions.table, row) for row in range(3)]
    assert [row[1] for row in rows] == ["not used yet", "● in use", "not used yet"]
    assert rows[1][4:] == ["57.0", "72.0", "52.0", "–"]
    assert "6 classes" in versions.words.origin.text()
    assert rows[2][0] == "Plain prompts"
    selected = versions.selected()
    assert selected is not None and selected.active


def test_what_is_in_use_can_be_neither_promoted_nor_discarded(versions: VersionsDialog) -> None:
    assert not versions.promote.isEnabled() and not versions.discard.isEnabled()
    versions.select_version(2)
    assert versions.promote.isEnabled() and versions.discard.isEnabled()
    versions.select_version(0)
    assert versions.promote.isEnabled() and not versions.discard.isEnabled()
    assert not versions.give.isEnabled()


def answer(monkeypatch: pytest.MonkeyPatch, button: QMessageBox.StandardButton) -> list[str]:
    """Press ``button`` in every question; what was asked."""
    asked: list[str] = []

    def question(_parent: object, _title: str, text: str, *_more: object) -> object:
        asked.append(text)
        return button

    monkeypatch.setattr(QMessageBox, "question", question)
    return asked


def test_promote_roll_back_and_delete(
    versions: VersionsDialog, session: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answer(monkeypatch, QMessageBox.StandardButton.No)
    versions.select_version(2)
    qtbot.mouseClick(versions.promote, Qt.MouseButton.LeftButton)
    assert [item.active for item in session.versions.all()] == [True, False, False]
    qtbot.mouseClick(versions.roll_back, Qt.MouseButton.LeftButton)
    assert [item.active for item in session.versions.all()] == [False, False, True]
    assert not versions.roll_back.isEnabled()
    versions.select_version(2)
    qtbot.mouseClick(versions.discard, Qt.MouseButton.LeftButton)
    assert len(session.versions.all()) == 3
    assert "for good" in asked[0]
    answer(monkeypatch, QMessageBox.StandardButton.Yes)
    qtbot.mouseClick(versions.discard, Qt.MouseButton.LeftButton)
    assert [item.version_id for item in session.versions.all()] == [1, 0]
    assert "was deleted" in versions.strip.text


@pytest.mark.parametrize(
    ("chosen", "pair"), [((2,), [1, 2]), ((0,), [1, 0]), ((0, 2), [0, 2]), ((1, 2), [1, 2])]
)
def test_any_two_can_be_compared(
    versions: VersionsDialog, qtbot: Any, chosen: tuple[int, ...], pair: list[int]
) -> None:
    versions.select_version(*chosen)
    with qtbot.waitSignal(versions.compare_wanted) as signal:
        qtbot.mouseClick(versions.compare, Qt.MouseButton.LeftButton)
    assert signal.args == pair


def test_one_alone_or_three_cannot_be_compared(versions: VersionsDialog) -> None:
    versions.select_version(1)
    assert not versions.compare.isEnabled()
    versions.select_version(0, 1, 2)
    assert not versions.compare.isEnabled()
    assert not versions.promote.isEnabled()


def test_two_versions_side_by_side_are_called_by_their_names(
    session: Any, loader: ThumbnailLoader, qtbot: Any
) -> None:
    session.versions.rename(2, "the good one")
    dialog = ComparisonDialog(session, None, loader, pair=(0, 2))
    qtbot.addWidget(dialog)
    qtbot.waitUntil(lambda: dialog.comparison is not None, timeout=10_000)
    assert dialog.windowTitle() == "Plain prompts and the good one"
    assert "From “Plain prompts” to “the good one” 40 predictions" in dialog.summary.text()
    assert dialog.promote.text() == "&Use the good one"
    assert dialog.discard.isHidden()
    dialog.promote.click()
    assert session.versions.all()[0].active


def test_why_two_versions_cannot_be_compared_is_said(
    session: Any, loader: ThumbnailLoader, qtbot: Any
) -> None:
    session.refused = ValueError("Only versions of the backbone in use can be compared.")
    dialog = ComparisonDialog(session, None, loader, pair=(0, 2))
    qtbot.addWidget(dialog)
    qtbot.waitUntil(lambda: "Only versions" in dialog.strip.text, timeout=10_000)


def test_a_name_and_a_note_are_kept(versions: VersionsDialog, session: Any, qtbot: Any) -> None:
    versions.select_version(2)
    qtbot.keyClicks(versions.words.name, "  my  best ")
    qtbot.keyClick(versions.words.name, Qt.Key.Key_Return)
    assert session.versions.all()[0].name == "my best"
    assert cells(versions.table, 0)[0] == "my best"
    versions.words.note.setPlainText("with the holiday photos")
    versions.select_version(1)  # going elsewhere keeps it
    assert session.versions.all()[0].note == "with the holiday photos"
    assert versions.words.note.toPlainText() == ""
    versions.select_version(0)
    assert not versions.words.name.isEnabled()


def test_versions_go_out_and_come_in(
    versions: VersionsDialog,
    session: Any,
    qtbot: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: (str(tmp_path / "mine"), ""))
    versions.select_version(2)
    versions.give.menu().actions()[0].trigger()
    qtbot.waitUntil(lambda: "Written to" in versions.strip.text, timeout=5000)
    assert ("export", 2, tmp_path / "mine.zip") in session.calls
    monkeypatch.setattr(
        QFileDialog, "getOpenFileName", lambda *_args: (str(tmp_path / "yours.zip"), "")
    )
    versions.take.menu().actions()[0].trigger()
    qtbot.waitUntil(lambda: "yours was imported" in versions.strip.text, timeout=5000)
    assert "2 classes it has learned are not in this library" in versions.strip.text
    found = versions.selected()
    assert found is not None and found.version_id == 3 and not found.active
    session.refused = ValueError("This zip was not taken in.")
    versions.take.menu().actions()[0].trigger()
    qtbot.waitUntil(lambda: "not taken in" in versions.strip.text, timeout=5000)
