"""The inspector as the user handles it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton, QStyleOptionViewItem
from ui_libraries import DOG, DRIER, LIGHT, MISSING, PERSON, UNREADABLE, verdict_of

from lmpt_desktop.catalogue.store import Store
from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.engine.notices import AnnotationsChanged
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.inspector.class_delegate import BUTTONS
from lmpt_desktop.ui.inspector.class_model import Role
from lmpt_desktop.ui.inspector.panel import InspectorPanel
from lmpt_desktop.ui.inspector.photo_view import EDGE, read_reduced
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.theme import ThemeChoice

SPOKEN = Qt.ItemDataRole.AccessibleTextRole


@pytest.fixture
def panel(session: LibrarySession, qtbot: Any) -> InspectorPanel:
    """Commits what is wanted, as the window does."""
    panel = InspectorPanel(session)
    qtbot.addWidget(panel)
    panel.resize(340, 800)
    undo_stack = AnnotationUndoStack(session, panel)
    panel.verdict_requested.connect(undo_stack.annotate)
    panel.reviewed_requested.connect(undo_stack.mark_reviewed)
    refresh = panel.refresh
    session.subscribe(lambda notice: refresh() if isinstance(notice, AnnotationsChanged) else None)
    panel.show()
    return panel


def names(panel: InspectorPanel) -> list[str]:
    return [panel.model.class_row(row).name for row in range(panel.model.rowCount())]


def test_predictions_are_listed_by_score(panel: InspectorPanel, session: LibrarySession) -> None:
    panel.show_images([1])
    scores = session.snapshot().scores[0]
    listed = [panel.model.class_row(row).score for row in range(panel.model.rowCount())]
    assert listed == pytest.approx(sorted(scores.tolist(), reverse=True))


@pytest.mark.parametrize(
    ("key", "verdict"),
    [
        (Qt.Key.Key_P, Verdict.PRESENT),
        (Qt.Key.Key_A, Verdict.ABSENT),
        (Qt.Key.Key_U, Verdict.UNKNOWN),
    ],
)
def test_a_key_gives_the_class_in_focus_its_verdict(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any, key: Qt.Key, verdict: Verdict
) -> None:
    panel.show_images([1])
    qtbot.keyClick(panel.view, Qt.Key.Key_Down)
    row = panel.focused_class()
    assert row is not None and row.name == names(panel)[1]
    session.annotations.annotate([1], [row.class_id], Verdict.PRESENT)
    qtbot.keyClick(panel.view, key)
    assert verdict_of(session, 1, row.class_id) == verdict


def test_a_verdict_leaves_the_keyboard_where_it_is(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    panel.show_images([1])
    for _ in range(3):
        qtbot.keyClick(panel.view, Qt.Key.Key_Down)
    before = panel.focused_class()
    qtbot.keyClick(panel.view, Qt.Key.Key_P)
    after = panel.focused_class()
    assert before is not None and after is not None
    assert after.class_id == before.class_id
    assert after.verdict is Verdict.PRESENT
    assert panel.view.currentIndex().row() == 3


def test_a_class_the_user_went_to_stays_in_focus_on_the_next_photo(
    panel: InspectorPanel, qtbot: Any
) -> None:
    panel.show_images([1])
    qtbot.keyClick(panel.view, Qt.Key.Key_Down)
    chosen = panel.focused_class()
    panel.show_images([2])
    now = panel.focused_class()
    assert chosen is not None and now is not None
    assert now.class_id == chosen.class_id


def test_without_a_choice_the_best_class_is_in_focus(panel: InspectorPanel) -> None:
    for image in (1, 2, 3):
        panel.show_images([image])
        row = panel.focused_class()
        assert row is not None and row.name == names(panel)[0]


def test_a_click_on_a_button_gives_its_verdict(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    panel.show_images([1])
    for verdict in (Verdict.ABSENT, Verdict.PRESENT, Verdict.UNKNOWN):
        qtbot.mouseClick(
            panel.view.viewport(), Qt.MouseButton.LeftButton, pos=button(panel, 2, verdict)
        )
        row = panel.model.class_row(2)
        assert verdict_of(session, 1, row.class_id) == verdict
        assert row.verdict is verdict


def test_a_click_beside_the_buttons_only_moves_there(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    panel.show_images([1])
    index = panel.model.index(2)
    place = panel.view.visualRect(index).topLeft() + QPoint(40, 10)
    qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    row = panel.focused_class()
    assert row is not None and row.name == names(panel)[2]
    assert not (session.snapshot().annotations >= 0).any()


def button(panel: InspectorPanel, row: int, verdict: Verdict) -> QPoint:
    """Where a verdict button is in the list."""
    index = panel.model.index(row)
    option = QStyleOptionViewItem()
    panel.view.initViewItemOption(option)
    option.rect = panel.view.visualRect(index)
    geometry = panel.view.delegate.geometry(option, panel.model.class_row(row))
    return geometry.buttons[BUTTONS.index(verdict)].center().toPoint()


def test_a_verdict_applies_to_every_selected_photo(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    panel.show_images([1, 2, 3])
    session.annotations.annotate([1], [DOG], Verdict.PRESENT)
    panel.refresh()
    assert panel.focus_class(DOG)
    row = panel.focused_class()
    assert row is not None and row.verdict is None
    assert "mixed: 1 present, 2 unknown" in panel.view.currentIndex().data(SPOKEN)
    qtbot.keyClick(panel.view, Qt.Key.Key_A)
    assert [verdict_of(session, image, DOG) for image in (1, 2, 3, 4)] == [0, 0, 0, -1]
    assert "3 photos selected" in panel.facts.name.text()


def test_the_search_box_finds_any_class_and_hands_over_to_the_list(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    panel.show_images([1])
    qtbot.keyClicks(panel.search, "hair")
    assert names(panel) == ["hair drier"]
    qtbot.keyClick(panel.search, Qt.Key.Key_Down)
    qtbot.keyClick(panel.view, Qt.Key.Key_P)
    assert verdict_of(session, 1, DRIER) == Verdict.PRESENT
    qtbot.keyClick(panel.search, Qt.Key.Key_Escape)
    assert len(names(panel)) == 6


def test_typing_in_the_search_box_gives_no_verdict(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    panel.show_images([1])
    panel.search.setFocus()
    qtbot.keyClicks(panel.search, "pau")
    assert not (session.snapshot().annotations >= 0).any()


def empty_text(panel: InspectorPanel) -> str:
    """What stands where no class is listed."""
    label = panel.findChild(QLabel, "inspector-empty")
    assert label is not None
    return label.text()


def test_that_no_class_was_found_is_shown(panel: InspectorPanel, qtbot: Any) -> None:
    panel.show_images([1])
    qtbot.keyClicks(panel.search, "zebra")
    assert "zebra" in empty_text(panel)
    assert panel.focused_class() is None


def test_a_class_that_is_filtered_out_leaves_the_next_one_in_focus(
    panel: InspectorPanel, qtbot: Any
) -> None:
    panel.show_images([1])
    panel.show_box.setCurrentIndex(2)  # still unknown
    first, second = names(panel)[:2]
    qtbot.keyClick(panel.view, Qt.Key.Key_Home)
    qtbot.keyClick(panel.view, Qt.Key.Key_P)
    row = panel.focused_class()
    assert first not in names(panel)
    assert row is not None and row.name == second


def test_the_reviewed_mark_is_set_on_all_photos_and_removed(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    panel.show_images([1, 2])
    qtbot.mouseClick(panel.review, Qt.MouseButton.LeftButton)
    assert session.snapshot().reviewed[:3].tolist() == [True, True, False]
    panel.refresh()
    assert panel.review.isChecked() and panel.review.text() == "Reviewed"
    qtbot.mouseClick(panel.review, Qt.MouseButton.LeftButton)
    assert not session.snapshot().reviewed.any()


def test_bands_are_estimated_until_half_of_the_classes_have_an_example(
    panel: InspectorPanel, session: LibrarySession
) -> None:
    panel.show_images([1])
    assert "(estimated)" in panel.model.index(0).data(SPOKEN)
    assert "estimated" in panel.note.text()
    session.annotations.annotate([2], [DOG], Verdict.PRESENT)
    panel.refresh()
    assert "(estimated)" in panel.model.index(0).data(SPOKEN)
    session.annotations.annotate([2], [PERSON, LIGHT], Verdict.PRESENT)
    assert "(estimated)" not in panel.model.index(0).data(SPOKEN)
    assert "estimated" not in panel.note.text()


def test_a_correction_is_named_in_words(panel: InspectorPanel, session: LibrarySession) -> None:
    panel.show_images([1])
    best = panel.model.class_row(0)
    assert best.predicted
    session.annotations.annotate([1], [best.class_id], Verdict.ABSENT)
    assert "corrected" in panel.model.index(0).data(SPOKEN)
    assert "contradict" in panel.model.index(0).data(Qt.ItemDataRole.ToolTipRole)


def test_a_photo_without_prediction_is_marked(panel: InspectorPanel) -> None:
    panel.show_images([MISSING])
    assert "no score yet" in panel.model.index(0).data(SPOKEN)
    assert "estimated" not in panel.model.index(0).data(SPOKEN)
    assert "Predictions follow" in panel.note.text()


def test_missing_and_unreadable_photos_show_what_is_wrong(
    panel: InspectorPanel, qtbot: Any
) -> None:
    panel.show_images([MISSING])
    assert "no longer there" in panel.photo.message
    panel.show_images([UNREADABLE])
    qtbot.waitUntil(lambda: "cut short" in panel.photo.message)
    assert "cut short" in panel.facts.problem.text()


def test_the_photo_appears_without_blocking(panel: InspectorPanel, qtbot: Any) -> None:
    panel.show_images([1])
    qtbot.waitUntil(lambda: panel.photo.pixmap is not None, timeout=20_000)
    pixmap = panel.photo.pixmap
    assert pixmap is not None and (pixmap.width(), pixmap.height()) == (320, 240)
    assert "photo 0.jpg" in panel.photo.accessibleName()


def test_a_photo_passed_over_quickly_is_not_shown_later(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    for image in range(1, 9):
        panel.show_images([image])
    qtbot.waitUntil(lambda: panel.photo.pixmap is not None, timeout=20_000)
    QTest.qWait(50)
    shown, expected = panel.photo.pixmap, read_reduced(session.images.path(8))
    assert shown is not None
    assert shown.toImage().convertToFormat(QImage.Format.Format_RGB888) == expected


def test_photos_are_read_upright_and_reduced(tmp_path: Path) -> None:
    path = tmp_path / "sideways.jpg"
    image = Image.new("RGB", (3000, 2000), "navy")
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(path, exif=exif)
    read = read_reduced(path)
    assert read.height() == EDGE
    assert read.width() == pytest.approx(EDGE * 2 / 3, abs=1)


def test_a_caption_is_committed_once_by_enter_or_by_leaving(
    panel: InspectorPanel, qtbot: Any
) -> None:
    wanted: list[tuple[int, str]] = []
    panel.caption_requested.connect(lambda image, text: wanted.append((image, text)))
    panel.show_images([1])
    qtbot.keyClicks(panel.facts.caption, "A dog  on a beach")
    qtbot.keyClick(panel.facts.caption, Qt.Key.Key_Return)
    panel.facts.caption.flush()
    assert wanted == [(1, "A dog on a beach")]
    qtbot.keyClicks(panel.facts.caption, "!")
    panel.show_images([2])
    assert wanted[1] == (1, "A dog  on a beach!".replace("  ", " "))
    assert len(wanted) == 2


def test_escape_takes_a_caption_back(panel: InspectorPanel, qtbot: Any) -> None:
    wanted: list[Any] = []
    panel.caption_requested.connect(lambda *what: wanted.append(what))
    panel.show_images([1])
    qtbot.keyClicks(panel.facts.caption, "oops")
    qtbot.keyClick(panel.facts.caption, Qt.Key.Key_Escape)
    panel.show_images([2])
    assert wanted == []


def test_no_selection_and_no_classes_are_explained(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    panel.show_images([])
    assert "Select a photo" in panel.photo.message
    assert not panel.review.isVisible()
    session.vocabulary.set_all([])
    panel.show_images([1])
    assert "no classes" in empty_text(panel)
    [button] = [item for item in panel.findChildren(QPushButton) if "vocabulary" in item.text()]
    with qtbot.waitSignal(panel.vocabulary_requested):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_a_photo_that_left_the_library_is_let_go(
    panel: InspectorPanel, session: LibrarySession
) -> None:
    panel.show_images([999])
    assert panel.image_ids == []
    assert "Select a photo" in panel.photo.message


def test_a_thousand_classes_stay_one_widget(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    count = 1000
    session.vocabulary.set_all([ClassSpec(f"class {i:04}") for i in range(count)])
    before = len(panel.view.findChildren(QObject))
    panel.show_images([1])
    assert panel.model.rowCount() == count
    panel.grab()
    assert len(panel.view.findChildren(QObject)) - before < 20
    qtbot.keyClicks(panel.search, "0777")
    assert names(panel) == ["class 0777"]


def test_large_selections_are_added_up_elsewhere(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmpt_desktop.ui.inspector.panel.INLINE_CELLS", 10)
    panel.show_images([1, 2, 3, 4])
    qtbot.waitUntil(
        lambda: panel.model.summary is not None and panel.model.summary.images == 4,
        timeout=20_000,
    )
    assert len(names(panel)) == 6


@pytest.mark.parametrize("choice", [ThemeChoice.LIGHT, ThemeChoice.DARK])
def test_tail_rows_are_painted_in_the_tail_colour(
    panel: InspectorPanel, session: LibrarySession, choice: ThemeChoice
) -> None:
    theme.manager().apply(choice)
    session.annotations.annotate([3, 4, 5, 6, 7], [DOG], Verdict.PRESENT)  # medium; the others tail
    panel.show_images([1])
    panel.view.setCurrentIndex(panel.model.index(panel.model.rowCount() - 1))
    image = panel.view.viewport().grab().toImage()
    tail, medium = theme.current().tail, theme.current().medium
    for row in range(panel.model.rowCount() - 1):
        area = panel.view.visualRect(panel.model.index(row))
        colours = {
            image.pixelColor(x, y).name()
            for x in range(area.left(), area.left() + 30)
            for y in range(area.top(), area.bottom())
        }
        expected = medium if panel.model.index(row).data(Role.CLASS_ID) == DOG else tail
        assert expected in colours
        assert (medium if expected == tail else tail) not in colours
    theme.manager().apply(ThemeChoice.SYSTEM)


# ------------------------------------------------------------------- what is read off-thread


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> set[threading.Thread]:
    """The threads that have read the catalogue."""
    threads: set[threading.Thread] = set()
    read = Store.read

    def noted(store: Store) -> object:
        threads.add(threading.current_thread())
        return read(store)

    monkeypatch.setattr(Store, "read", noted)
    return threads


def test_a_selection_reads_the_catalogue_on_another_thread_only(
    panel: InspectorPanel, readers: set[threading.Thread], qtbot: Any
) -> None:
    panel.show_images([1])
    qtbot.waitUntil(lambda: panel.photo.pixmap is not None)
    assert readers and threading.main_thread() not in readers


def test_the_name_is_shown_at_once_and_the_whole_path_follows(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    panel.show_images([1])
    assert panel.facts.name.text() == "photo 0.jpg"
    assert panel.facts.facts.text().startswith("320 × 240")
    path = str(session.images.path(1))
    qtbot.waitUntil(lambda: panel.facts.name.toolTip() == path)


def test_the_reason_of_an_unreadable_file_follows(panel: InspectorPanel, qtbot: Any) -> None:
    panel.show_images([UNREADABLE])
    assert panel.facts.problem.text() == "The file cannot be read."
    qtbot.waitUntil(lambda: "cut short" in panel.facts.problem.text())
    assert "cut short" in panel.photo.message


def test_a_caption_appears_when_it_is_read_and_only_for_its_own_photo(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    session.images.set_caption(1, "a dog on a beach")
    panel.show_images([1])
    qtbot.waitUntil(lambda: panel.facts.caption.toPlainText() == "a dog on a beach")
    panel.show_images([2])
    assert panel.facts.caption.toPlainText() == ""
    panel.show_images([1])
    panel.show_images([2])
    path = str(session.images.path(2))
    qtbot.waitUntil(lambda: panel.facts.name.toolTip() == path)
    assert panel.facts.caption.toPlainText() == ""


def test_what_is_typed_before_the_caption_is_read_is_kept(
    panel: InspectorPanel, session: LibrarySession, qtbot: Any
) -> None:
    session.images.set_caption(1, "a dog on a beach")
    panel.activateWindow()
    panel.show_images([1])
    panel.facts.caption.setFocus()
    qtbot.waitUntil(panel.facts.caption.hasFocus)
    panel.facts.caption.expect_caption()
    qtbot.keyClicks(panel.facts.caption, "two dogs")
    panel.facts.caption.set_caption("a dog on a beach")
    assert panel.facts.caption.toPlainText() == "two dogs"
    with qtbot.waitSignal(panel.caption_requested) as wanted:
        panel.facts.caption.flush()
    assert wanted.args == [1, "two dogs"]
