"""Import in the real window: look, apply, undo after a restart; what is dropped on the window."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from lmpt_desktop.ui.interchange.import_commands import DIALOG
from lmpt_desktop.ui.interchange.import_dialog import ImportDialog
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000
Launch = Callable[..., MainWindow]
Settled = Callable[[MainWindow], LibraryPage]


def coco_file(path: Path) -> Path:
    """Dogs, persons and a horse on three photos of the library, and a photo that it lacks."""
    categories = [
        {"id": 7, "name": "dog"},
        {"id": 18, "name": "person"},
        {"id": 3, "name": "horse"},
    ]
    names = ("dog_1.jpg", "dog+person_3.jpg", "kite_7.jpg", "elsewhere.jpg")
    images = [
        {"id": 100 + number, "file_name": name, "width": 360, "height": 240}
        for number, name in enumerate(names)
    ]
    boxes = ((100, 7), (101, 7), (101, 18), (102, 3), (103, 7))
    annotations = [
        {"id": number, "image_id": image, "category_id": category, "bbox": [1, 1, 9, 9]}
        for number, (image, category) in enumerate(boxes, 1)
    ]
    path.write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": categories})
    )
    return path


def drop(page: LibraryPage, *paths: Path) -> QDropEvent:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    event = QDropEvent(
        QPointF(9, 9),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    event.setAccepted(False)
    page.dropEvent(event)
    return event


def import_dialog(window: MainWindow) -> ImportDialog:
    dialog = window.context.dialogs.find(DIALOG)
    assert isinstance(dialog, ImportDialog)
    return dialog


def settled_dialog(window: MainWindow, qtbot: QtBot) -> ImportDialog:
    dialog = import_dialog(window)
    qtbot.waitUntil(lambda: not dialog.busy, timeout=WAIT_MS)
    return dialog


def present(page: LibraryPage) -> dict[str, set[str]]:
    """The classes annotated present, by file name."""
    snapshot = page.session.snapshot()
    found: dict[str, set[str]] = {}
    for name, row in zip(snapshot.images.names, snapshot.annotations, strict=True):
        if classes := {snapshot.classes[i].name for i in (row == 1).nonzero()[0].tolist()}:
            found[name] = classes
    return found


IMPORTED = {
    "dog_1.jpg": {"dog"},
    "dog+person_3.jpg": {"dog", "person"},
    "trip/kite_7.jpg": {"horse"},
}


def test_a_coco_file_is_looked_at_imported_and_undone_after_a_restart(
    launch: Launch, settled: Settled, photos: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    window.commands.trigger("file.import")
    dialog = import_dialog(window)
    dialog.open_path(coco_file(tmp_path / "instances.json"))
    settled_dialog(window, qtbot)
    assert dialog.source.format.currentText() == "COCO"
    assert dialog.photos.found.text() == (
        "3 of 4 photos found: 2 by the end of the path, 1 by name; 1 not found"
    )
    assert dialog.summary.text() == "3 annotations are added."
    dialog.classes.add_all.click()
    settled_dialog(window, qtbot)
    assert dialog.summary.text() == "4 annotations are added, 1 class is added."
    assert present(page) == {}
    qtbot.keyClick(dialog, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: bool(window.notifications.shown), timeout=WAIT_MS)
    assert window.notifications.shown[0].title == "“instances.json” was imported"
    assert window.context.dialogs.find(DIALOG) is None
    assert present(page) == IMPORTED
    window.close()

    window = launch(photos)
    page = settled(window)
    qtbot.waitUntil(lambda: page.undo_stack.can_undo, timeout=WAIT_MS)
    assert page.undo_stack.stack.undoText() == "Import instances.json"
    assert present(page) == IMPORTED
    window.commands.trigger("edit.undo")
    qtbot.waitUntil(lambda: present(page) == {}, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: bool(window.notifications.shown), timeout=WAIT_MS)
    note = window.notifications.shown[0]
    assert "“horse”" in note.message
    next(b for b in note.findChildren(QPushButton) if b.text() == "Archive").click()
    qtbot.waitUntil(
        lambda: "horse" not in [entry.name for entry in page.session.snapshot().classes],
        timeout=WAIT_MS,
    )


def test_a_table_dropped_on_the_window_opens_the_dialog(
    launch: Launch, settled: Settled, photos: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    table = tmp_path / "tags.csv"
    table.write_text("path,class,verdict\ndog_1.jpg,dog,present\ncup_5.jpg,cup,absent\n")
    assert drop(page, table).isAccepted()
    dialog = settled_dialog(window, qtbot)
    assert dialog.summary.text() == "2 annotations are added."
    dialog.apply()
    qtbot.waitUntil(lambda: bool(window.notifications.shown), timeout=WAIT_MS)
    assert present(page) == {"dog_1.jpg": {"dog"}}
    note = window.notifications.shown[0]
    next(b for b in note.findChildren(QPushButton) if b.text() == "Undo").click()
    qtbot.waitUntil(lambda: present(page) == {}, timeout=WAIT_MS)
    assert not drop(page, tmp_path / "notes.odt").isAccepted()


def test_photos_and_folders_dropped_on_the_window_are_as_before(
    launch: Launch, settled: Settled, photos: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    drop(page, coco_file(tmp_path / "a.json"), photos / "dog_2.jpg")
    qtbot.waitUntil(lambda: len(page.grid.selected_array().tolist()) == 1, timeout=WAIT_MS)
    assert window.context.dialogs.find(DIALOG) is None


def test_closing_the_library_closes_the_dialog_while_it_reads(
    launch: Launch, settled: Settled, photos: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    settled(window)
    window.commands.trigger("file.import")
    import_dialog(window).open_path(coco_file(tmp_path / "instances.json"))
    window.close_library()
    assert window.context.dialogs.find(DIALOG) is None
    window.opener.wait()
