"""Correcting predictions in the inspector of the real window."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.ui.inspector.class_delegate import BUTTONS
from lmpt_desktop.ui.inspector.class_model import Kind, Section
from lmpt_desktop.ui.inspector.summary import Show
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000
Settled = Callable[[MainWindow], LibraryPage]


@pytest.fixture
def window(launch: Callable[..., MainWindow], photos: Path) -> MainWindow:
    return launch(photos)


@pytest.fixture
def page(window: MainWindow, settled: Settled) -> LibraryPage:
    return settled(window)


def image_of(page: LibraryPage, name: str) -> int:
    snapshot = page.session.snapshot()
    row = next(i for i, path in enumerate(snapshot.names) if path.endswith(name))
    return int(snapshot.image_ids[row])


def class_of(page: LibraryPage, name: str) -> int:
    return next(entry.id for entry in page.session.snapshot().classes if entry.name == name)


def select(page: LibraryPage, qtbot: QtBot, *names: str) -> list[int]:
    ids = [image_of(page, name) for name in names]
    page.grid.select_ids(ids, ids[0])
    qtbot.waitUntil(lambda: sorted(page.inspector.image_ids) == sorted(ids), timeout=WAIT_MS)
    return ids


def stored(page: LibraryPage, image_id: int, name: str) -> int:
    """The verdict as it is on disk."""
    return int(page.session.catalogue.annotations.matrix([image_id], [class_of(page, name)])[0, 0])


def listed(page: LibraryPage, section: Section, kind: Kind = Kind.CLASS) -> list[str]:
    model = page.inspector.model
    rows = [row for row, item in enumerate(model.items) if item[:2] == (kind, section)]
    return [found.name for row in rows if (found := model.class_row(row)) is not None]


def test_predicted_classes_are_suggested(page: LibraryPage, qtbot: QtBot) -> None:
    select(page, qtbot, "dog+person_3.jpg")
    assert set(listed(page, Section.SUGGESTED)) == {"dog", "person"}
    assert listed(page, Section.ALL) == []
    qtbot.waitUntil(lambda: page.inspector.photo.pixmap is not None, timeout=WAIT_MS)


def test_keys_in_the_class_list_are_saved_at_once(page: LibraryPage, qtbot: QtBot) -> None:
    (image,) = select(page, qtbot, "dog_1.jpg")
    view = page.inspector.view
    view.setFocus()
    assert listed(page, Section.SUGGESTED) == ["dog"]
    qtbot.keyClick(view, Qt.Key.Key_A)
    assert stored(page, image, "dog") == Verdict.ABSENT
    qtbot.waitUntil(lambda: listed(page, Section.ABSENT, Kind.CHIP) == ["dog"], timeout=WAIT_MS)
    row = page.inspector.model.class_of(class_of(page, "dog"))
    assert row is not None and row.corrected == 1
    # Any other class is reached through the list of all classes.
    page.inspector.set_show(Show.UNKNOWN)
    qtbot.keyClick(view, Qt.Key.Key_End)
    last = listed(page, Section.ALL)[-1]
    qtbot.keyClick(view, Qt.Key.Key_P)
    assert stored(page, image, last) == Verdict.PRESENT
    assert stored(page, image, "dog") == Verdict.ABSENT


def test_a_clicked_verdict_is_saved_undone_and_redone(
    window: MainWindow, page: LibraryPage, qtbot: QtBot
) -> None:
    (image,) = select(page, qtbot, "cup_5.jpg")
    viewport = page.inspector.view.viewport()
    place = button(page, page.inspector.model.row_of_class(class_of(page, "cup")), Verdict.PRESENT)
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=place)
    assert stored(page, image, "cup") == Verdict.PRESENT
    qtbot.waitUntil(lambda: listed(page, Section.TAGS, Kind.CHIP) == ["cup"], timeout=WAIT_MS)
    window.commands.trigger("edit.undo")
    assert stored(page, image, "cup") == Verdict.UNKNOWN
    qtbot.waitUntil(lambda: listed(page, Section.SUGGESTED) == ["cup"], timeout=WAIT_MS)
    window.commands.trigger("edit.redo")
    assert stored(page, image, "cup") == Verdict.PRESENT


def button(page: LibraryPage, row: int, verdict: Verdict) -> QPoint:
    view = page.inspector.view
    class_row = page.inspector.model.class_row(row)
    assert class_row is not None
    geometry = view.delegate.geometry(view.option_of(row), class_row)
    return geometry.buttons[BUTTONS.index(verdict)].center().toPoint()


def test_any_class_can_be_found_and_annotated_from_the_search_box(
    page: LibraryPage, qtbot: QtBot
) -> None:
    (image,) = select(page, qtbot, "dog_1.jpg")
    search = page.inspector.search
    search.setFocus()
    qtbot.keyClicks(search, "kit")
    assert listed(page, Section.ALL) == ["kite"]
    assert not (page.session.snapshot().annotations >= 0).any(), "typing annotates nothing"
    qtbot.keyClick(search, Qt.Key.Key_Return)
    qtbot.keyClick(page.inspector.view, Qt.Key.Key_P)
    assert stored(page, image, "kite") == Verdict.PRESENT


def test_a_verdict_on_several_photos_is_one_step_to_undo(
    window: MainWindow, page: LibraryPage, qtbot: QtBot
) -> None:
    ids = select(page, qtbot, "dog_1.jpg", "dog_2.jpg", "person_4.jpg")
    page.session.annotations.annotate([ids[0]], [class_of(page, "dog")], Verdict.PRESENT)
    page.inspector.focus_class(class_of(page, "dog"))
    qtbot.waitUntil(
        lambda: (row := page.inspector.focused_class()) is not None and row.verdict is None,
        timeout=WAIT_MS,
    )
    qtbot.keyClick(page.inspector.view, Qt.Key.Key_A)
    assert [stored(page, image, "dog") for image in ids] == [0, 0, 0]
    window.commands.trigger("edit.undo")
    assert [stored(page, image, "dog") for image in ids] == [1, -1, -1]


def test_confirming_makes_predicted_classes_present_and_the_rest_absent(
    window: MainWindow, page: LibraryPage, qtbot: QtBot
) -> None:
    (image,) = select(page, qtbot, "dog_1.jpg")
    page.inspector.focus_class(class_of(page, "kite"))
    qtbot.keyClick(page.inspector.view, Qt.Key.Key_P)
    confirm = page.inspector.confirm.confirm
    qtbot.waitUntil(lambda: "1 present" in confirm.accessibleName(), timeout=WAIT_MS)
    qtbot.mouseClick(confirm, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Reviewed" in confirm.text(), timeout=WAIT_MS)
    assert [stored(page, image, name) for name in ("dog", "person", "kite")] == [1, 0, 1]
    window.commands.trigger("edit.undo")
    qtbot.waitUntil(confirm.isEnabled, timeout=WAIT_MS)
    assert [stored(page, image, name) for name in ("dog", "person", "kite")] == [-1, -1, 1]


def test_the_rest_is_made_absent_from_the_menu(page: LibraryPage, qtbot: QtBot) -> None:
    (image,) = select(page, qtbot, "dog_1.jpg")
    page.inspector.confirm.rest_absent.trigger()
    qtbot.waitUntil(lambda: stored(page, image, "kite") == Verdict.ABSENT, timeout=WAIT_MS)
    assert stored(page, image, "dog") == Verdict.ABSENT


def test_an_unfinished_caption_is_saved_when_the_window_closes(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    image = page.grid.current_id()
    library = page.session.library_folder
    caption = page.inspector.facts.caption
    caption.setFocus()
    qtbot.keyClicks(caption, "a cup of tea")
    window.close()
    with Catalogue.open(library) as catalogue:
        qtbot.waitUntil(
            lambda: catalogue.images.details(image).caption == "a cup of tea", timeout=WAIT_MS
        )


def test_only_the_last_of_two_quick_caption_edits_is_saved(
    page: LibraryPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, disk_is_free = page.session.images.set_caption, threading.Event()
    written: list[str] = []

    def write_slowly(image_id: int, text: str) -> None:
        disk_is_free.wait(WAIT_MS / 1000)
        written.append(text)
        write(image_id, text)

    monkeypatch.setattr(page.session.images, "set_caption", write_slowly)
    caption = page.inspector.facts.caption
    select(page, qtbot, "dog_1.jpg")
    caption.setFocus()
    qtbot.keyClicks(caption, "a dog")
    qtbot.keyClick(caption, Qt.Key.Key_Return)
    (image,) = select(page, qtbot, "cup_5.jpg")
    caption.setFocus()
    qtbot.keyClicks(caption, "tea")
    qtbot.keyClick(caption, Qt.Key.Key_Return)
    qtbot.keyClicks(caption, " in a cup")
    qtbot.keyClick(caption, Qt.Key.Key_Return)
    disk_is_free.set()
    qtbot.waitUntil(
        lambda: page.session.images.details(image).caption == "tea in a cup", timeout=WAIT_MS
    )
    assert written == ["a dog", "tea in a cup"]


def test_verdicts_and_captions_are_kept_when_the_library_is_reopened(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    (image,) = select(page, qtbot, "cup_5.jpg")
    page.inspector.focus_class(class_of(page, "cup"))
    qtbot.keyClick(page.inspector.view, Qt.Key.Key_P)
    caption = page.inspector.facts.caption
    caption.setFocus()
    qtbot.keyClicks(caption, "a cup of tea")
    qtbot.keyClick(caption, Qt.Key.Key_Return)
    qtbot.waitUntil(
        lambda: page.session.images.details(image).caption == "a cup of tea", timeout=WAIT_MS
    )
    window.close()

    page = settled(launch(photos))
    (image,) = select(page, qtbot, "cup_5.jpg")
    assert stored(page, image, "cup") == Verdict.PRESENT
    assert page.inspector.facts.caption.toPlainText() == "a cup of tea"
    assert page.session.snapshot().bands.present.sum() == 1
