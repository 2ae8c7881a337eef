"""Export in the real window: a file of all photos; side files of a selection, changed and taken
back; what the window says afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QPushButton
from pytestqt.qtbot import QtBot

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.ui.interchange.export_commands import DIALOG, REPORT
from lmpt_desktop.ui.interchange.export_dialog import ExportDialog
from lmpt_desktop.ui.interchange.export_report import ExportReport
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000
Launch = Callable[..., MainWindow]
Settled = Callable[[MainWindow], LibraryPage]


def annotate(page: LibraryPage, name: str, class_name: str, verdict: Verdict) -> None:
    snapshot = page.session.snapshot()
    image = int(snapshot.image_ids[snapshot.images.names.index(name)])
    ids = {entry.name: entry.id for entry in snapshot.classes}
    page.session.annotations.annotate([image], [ids[class_name]], verdict)


def select(page: LibraryPage, *names: str) -> None:
    snapshot = page.session.snapshot()
    ids = [int(snapshot.image_ids[snapshot.images.names.index(name)]) for name in names]
    page.grid.select_ids(ids, ids[0])


def open_dialog(window: MainWindow, format_name: str, qtbot: QtBot) -> ExportDialog:
    window.commands.trigger("file.export")
    dialog = window.context.dialogs.find(DIALOG)
    assert isinstance(dialog, ExportDialog)
    dialog.formats.choose(format_name)
    qtbot.waitUntil(lambda: not dialog.busy, timeout=WAIT_MS)
    return dialog


def told(window: MainWindow, title: str, qtbot: QtBot) -> None:
    qtbot.waitUntil(
        lambda: title in [note.title for note in window.notifications.shown], timeout=WAIT_MS
    )


@pytest.fixture
def save_as(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Path]:
    """The user chooses this name in the file dialog."""

    def choose(name: str) -> Path:
        path = tmp_path / name
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_a, **_o: (str(path), ""))
        return path

    return choose


def test_all_photos_are_exported_to_coco(
    launch: Launch,
    settled: Settled,
    photos: Path,
    save_as: Callable[[str], Path],
    qtbot: QtBot,
) -> None:
    window = launch(photos)
    page = settled(window)
    annotate(page, "dog_1.jpg", "dog", Verdict.PRESENT)
    annotate(page, "trip/kite_7.jpg", "kite", Verdict.PRESENT)
    annotate(page, "trip/kite_7.jpg", "dog", Verdict.ABSENT)
    dialog = open_dialog(window, "coco", qtbot)
    total = len(page.session.snapshot().images)
    qtbot.waitUntil(
        lambda: dialog.summary.text() == f"Writes {total} photos: 2 present, 1 absent",
        timeout=WAIT_MS,
    )
    out = save_as("summer.json")
    qtbot.keyClick(dialog, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    told(window, f"{total} photos written to summer.json", qtbot)
    assert window.context.dialogs.find(DIALOG) is None
    data = json.loads(out.read_text())
    names = {image["id"]: image["file_name"] for image in data["images"]}
    classes = {category["id"]: category["name"] for category in data["categories"]}
    assert {
        (names[item["image_id"]], classes[item["category_id"]]) for item in data["annotations"]
    } == {("dog_1.jpg", "dog"), ("trip/kite_7.jpg", "kite")}
    assert len(names) == total

    window.commands.trigger("file.export")
    again = window.context.dialogs.find(DIALOG)
    assert isinstance(again, ExportDialog)
    assert again.format.name == "coco"
    assert again.last_folder == str(out.parent)


def test_side_files_of_a_selection_are_written_changed_and_taken_back(
    launch: Launch, settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    theirs = photos / "dog_2.jpg.xmp"
    theirs.write_text(
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><rdf:Description rdf:about="">'
        "<dc:subject><rdf:Bag><rdf:li>garden</rdf:li></rdf:Bag></dc:subject>"
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    original = theirs.read_bytes()
    pictures = {path: path.read_bytes() for path in photos.rglob("*.jpg")}
    for name in ("dog_1.jpg", "dog_2.jpg", "dog_6.jpg"):
        annotate(page, name, "dog", Verdict.PRESENT)
    select(page, "dog_1.jpg", "dog_2.jpg")
    dialog = open_dialog(window, "xmp", qtbot)
    assert dialog.side_files.counts.text() == "Side files: 1 new, 1 changed"
    dialog.apply()
    told(window, "2 side files written", qtbot)
    first = {path.name: path.read_bytes() for path in photos.glob("*.xmp")}
    assert sorted(first) == ["dog_1.jpg.xmp", "dog_2.jpg.xmp"]
    assert b"garden" in first["dog_2.jpg.xmp"] and b"dog" in first["dog_2.jpg.xmp"]

    annotate(page, "dog_1.jpg", "person", Verdict.PRESENT)
    dialog = open_dialog(window, "xmp", qtbot)
    assert dialog.side_files.counts.text() == "Side files: 1 changed, 1 as they should be"
    dialog.apply()
    told(window, "1 side file written", qtbot)
    second = {path.name: path.read_bytes() for path in photos.glob("*.xmp")}
    assert [name for name in second if second[name] != first[name]] == ["dog_1.jpg.xmp"]

    dialog = open_dialog(window, "xmp", qtbot)
    dialog.side_choices.remove.click()
    qtbot.waitUntil(lambda: not dialog.busy, timeout=WAIT_MS)
    dialog.apply()
    told(window, "Taken back from 2 side files", qtbot)
    assert {path: path.read_bytes() for path in photos.rglob("*.xmp")} == {theirs: original}
    assert {path: path.read_bytes() for path in photos.rglob("*.jpg")} == pictures


def test_the_command_for_exiftool_can_be_copied(
    launch: Launch,
    settled: Settled,
    photos: Path,
    save_as: Callable[[str], Path],
    qtbot: QtBot,
) -> None:
    window = launch(photos)
    page = settled(window)
    annotate(page, "dog_1.jpg", "dog", Verdict.PRESENT)
    dialog = open_dialog(window, "exiftool-csv", qtbot)
    out = save_as("keywords.csv")
    dialog.apply()
    qtbot.waitUntil(lambda: window.context.dialogs.find(REPORT) is not None, timeout=WAIT_MS)
    report = window.context.dialogs.find(REPORT)
    assert isinstance(report, ExportReport) and report.command is not None
    copy = report.findChild(QPushButton, "copy-command")
    assert copy is not None
    copy.click()
    copied = QGuiApplication.clipboard().text()
    assert copied == report.command.toPlainText()
    assert str(out) in copied and str(photos) in copied


def test_the_selection_is_taken_anew_each_time_the_command_is_chosen(
    launch: Launch, settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    dialog = open_dialog(window, "jsonl", qtbot)
    assert dialog.scope.scope.name == "all"
    select(page, "dog_1.jpg")
    window.commands.trigger("image.export")
    assert window.context.dialogs.find(DIALOG) is dialog
    assert (dialog.scope.scope.name, dialog.scope.scope.count) == ("selected", 1)
    page.panel.bar.popover.text.setText("dog")
    qtbot.waitUntil(lambda: page.panel.model.rowCount() == 5, timeout=WAIT_MS)
    window.commands.trigger("file.export")
    assert dialog.scope.buttons["shown"].text() == "&In the grid, as it is filtered: 5 photos"


def test_closing_the_library_closes_the_dialog(
    launch: Launch, settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    settled(window)
    window.commands.trigger("file.export")
    window.close_library()
    assert window.context.dialogs.find(DIALOG) is None
    assert not window.commands.action("file.export").isEnabled()
    window.opener.wait()
