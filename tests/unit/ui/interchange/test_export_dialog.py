"""The export dialog on the sample library, with the real formats."""

from __future__ import annotations

import errno
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QLineEdit, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot
from ui_libraries import CUP, DOG, KITE, PERSON

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.interchange.exports import Exports
from lmpt_desktop.engine.interchange.side_files import (
    SideFileChange,
    SideFilePreview,
    SideFileReport,
    SideFileStatus,
)
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.interchange import registry
from lmpt_desktop.interchange.errors import Cancelled
from lmpt_desktop.interchange.xmp.side_files import Naming
from lmpt_desktop.settings import KEEP_SIDE_FILES, SIDE_FILE_NAMING
from lmpt_desktop.ui.interchange.export_dialog import ExportDialog, Written
from lmpt_desktop.ui.interchange.export_formats import GROUPS, FormatModel
from lmpt_desktop.ui.interchange.export_sections import scopes_of
from lmpt_desktop.ui.interchange.side_files_section import table_of
from lmpt_desktop.ui.kit.bridge import SessionBridge

WAIT_MS = 20_000
CTRL = Qt.KeyboardModifier.ControlModifier
Open = Callable[..., ExportDialog]


@pytest.fixture
def formats() -> None:
    """The real ones."""


@pytest.fixture
def open_dialog(session: LibrarySession, bridge: SessionBridge, qtbot: QtBot) -> Open:
    """The dialog, with a format and some photos selected."""

    def opened(format_name: str = "coco", selected: tuple[int, ...] = ()) -> ExportDialog:
        ids = np.array(selected, np.int64)
        every = session.snapshot().image_ids
        dialog = ExportDialog(
            session, *scopes_of(ids, every, len(every)), format_name=format_name, bridge=bridge
        )
        # pytest-qt closes it again.
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        qtbot.addWidget(dialog)
        dialog.show()
        settle(dialog, qtbot)
        return dialog

    return opened


@pytest.fixture
def annotated(session: LibrarySession) -> LibrarySession:
    """Two dogs and a person, one photo without a cup, one reviewed."""
    session.annotations.annotate([1, 2], [DOG], Verdict.PRESENT)
    session.annotations.annotate([2], [PERSON], Verdict.PRESENT)
    session.annotations.annotate([3], [CUP], Verdict.ABSENT)
    session.annotations.mark_reviewed([4])
    return session


def settle(dialog: ExportDialog, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not dialog.busy, timeout=WAIT_MS)


def choose(dialog: ExportDialog, name: str, qtbot: QtBot) -> None:
    dialog.formats.choose(name)
    settle(dialog, qtbot)


def written(dialog: ExportDialog, out: Path, qtbot: QtBot) -> Written:
    """Write, and what is told of it."""
    with qtbot.waitSignal(dialog.exported, timeout=WAIT_MS) as told:
        dialog.write(out)
    assert told.args is not None
    return told.args[0]


def question(dialog: ExportDialog, qtbot: QtBot) -> QMessageBox:
    qtbot.waitUntil(lambda: dialog.findChild(QMessageBox) is not None, timeout=WAIT_MS)
    box = dialog.findChild(QMessageBox)
    assert box is not None
    return box


def press(box: QMessageBox, text: str) -> None:
    next(button for button in box.buttons() if button.text() == text).click()


# ------------------------------------------------------------------------------- formats


def test_every_format_that_can_be_written_is_in_a_group_and_says_what_it_is_for(
    qtbot: QtBot,
) -> None:
    names = [name for _title, members in GROUPS for name in members]
    assert sorted(names) == sorted(item.name for item in registry.writable())
    assert all(item.summary for item in registry.writable())


def test_formats_are_found_by_the_programs_that_use_them(open_dialog: Open, qtbot: QtBot) -> None:
    dialog = open_dialog("coco")
    search, model = dialog.formats.search, dialog.formats.model
    search.setText("Lightroom")
    shown = [model.format_at(row) for row in range(model.rowCount())]
    assert [item.name for item in shown if item] == ["xmp", "exiftool-csv"]
    assert dialog.format.name == "coco"
    qtbot.keyClick(search, Qt.Key.Key_Return)
    assert dialog.format.name == "xmp"
    assert dialog.title.text() == "XMP"
    search.setText("no such program")
    assert dialog.formats.nothing.isVisible() and not dialog.formats.view.isVisible()
    qtbot.keyClick(search, Qt.Key.Key_Escape)
    assert dialog.isVisible() and search.text() == ""
    assert dialog.formats.view.currentIndex().row() == model.row_of("xmp")


def test_the_arrow_keys_pass_over_titles_of_groups(open_dialog: Open, qtbot: QtBot) -> None:
    dialog = open_dialog("jsonl")
    passed = ["jsonl"]
    for _step in range(FormatModel().rowCount()):
        qtbot.keyClick(dialog.formats.view, Qt.Key.Key_Down)
        if dialog.format.name != passed[-1]:
            passed.append(dialog.format.name)
    assert passed == [name for _title, members in GROUPS for name in members]


# ------------------------------------------------------------------------------- preview


def test_what_is_written_and_lost_is_said_before(
    annotated: LibrarySession, open_dialog: Open, qtbot: QtBot
) -> None:
    dialog = open_dialog("jsonl")
    assert dialog.summary.text() == "Writes 12 photos: 3 present, 7 absent"
    assert not dialog.losses.isVisible() and not dialog.warning.isVisible()
    choose(dialog, "txt", qtbot)
    assert dialog.summary.text() == "Writes 2 photos: 3 present, 7 absent"
    lost = dialog.losses.sentences
    assert "7 absent verdicts cannot be held by this format." in lost
    assert "10 photos are left out, since this format has nothing to say of them." in lost
    assert dialog.warning.text() == f"{len(lost)} things cannot be held, see above."


def test_only_reviewed_photos_of_the_selection(
    annotated: LibrarySession, open_dialog: Open, qtbot: QtBot
) -> None:
    dialog = open_dialog("jsonl", (1, 2, 4))
    assert dialog.scope.scope.name == "selected"
    assert dialog.summary.text() == "Writes 3 photos: 3 present, 6 absent"
    dialog.scope.reviewed.click()
    settle(dialog, qtbot)
    assert dialog.summary.text() == "Writes 1 photo: 0 present, 6 absent"
    dialog.scope.buttons["all"].click()
    settle(dialog, qtbot)
    assert dialog.summary.text() == "Writes 1 photo: 0 present, 6 absent"


def test_one_selected_photo_is_offered_and_not_taken_for_granted(
    annotated: LibrarySession, open_dialog: Open
) -> None:
    dialog = open_dialog("jsonl", (2,))
    assert dialog.scope.scope.name == "all"
    assert dialog.scope.buttons["selected"].text() == "&Selected: 1 photo"


def test_some_classes(annotated: LibrarySession, open_dialog: Open, qtbot: QtBot) -> None:
    dialog = open_dialog("jsonl")
    dialog.scope.some.click()
    settle(dialog, qtbot)
    dialog.scope.classes.none.click()
    settle(dialog, qtbot)
    assert dialog.summary.text() == "Choose at least one class."
    assert not dialog.ok.isEnabled()
    dialog.scope.classes.search.setText("PERS")
    dialog.scope.classes.all.click()
    settle(dialog, qtbot)
    assert dialog.scope.classes.count.text() == "1 of 6"
    assert dialog.summary.text() == "Writes 12 photos: 1 present, 1 absent"
    assert dialog.ok.isEnabled()
    view = dialog.scope.classes.list
    view.setFocus()
    view.setCurrentIndex(view.model().index(0, 0))
    qtbot.keyClick(view, Qt.Key.Key_Space)
    assert dialog.scope.classes.count.text() == "0 of 6"


def test_predictions_are_none_unless_asked_for_and_never_a_persons(
    annotated: LibrarySession, open_dialog: Open, tmp_path: Path, qtbot: QtBot
) -> None:
    dialog = open_dialog("coco")
    assert dialog.choices().predictions is None
    dialog.predictions.choice.setCurrentIndex(dialog.predictions.choice.findData("own"))
    settle(dialog, qtbot)
    assert dialog.choices().predictions == "own"
    assert "never as if a person had said it" in dialog.predictions.hint.text()
    assert "2 photos have no predictions" in dialog.predictions.without.text()
    dialog.predictions.choice.setCurrentIndex(dialog.predictions.choice.findData("score"))
    dialog.predictions.score.setValue(0.9)
    settle(dialog, qtbot)
    assert dialog.choices().predictions == 0.9
    choose(dialog, "voc", qtbot)
    assert dialog.choices().predictions is None
    assert not dialog.predictions.choice.isEnabled()
    assert "cannot tell predictions" in dialog.predictions.hint.text()
    choose(dialog, "coco", qtbot)
    assert dialog.choices().predictions == 0.9


def test_the_preview_follows_the_library(
    annotated: LibrarySession, open_dialog: Open, qtbot: QtBot
) -> None:
    dialog = open_dialog("jsonl")
    annotated.annotations.annotate([5], [KITE], Verdict.PRESENT)
    qtbot.waitUntil(
        lambda: dialog.summary.text() == "Writes 12 photos: 4 present, 7 absent", timeout=WAIT_MS
    )


# ------------------------------------------------------------------------------- writing


def test_a_file_is_written_with_what_was_chosen(
    annotated: LibrarySession, open_dialog: Open, tmp_path: Path, qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    asked: list[tuple[Any, ...]] = []

    def chosen(*args: Any, **_options: Any) -> tuple[str, str]:
        asked.append(args)
        return str(tmp_path / "summer"), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", chosen)
    dialog = open_dialog("coco", (1, 2))
    with qtbot.waitSignal(dialog.exported, timeout=WAIT_MS) as told:
        qtbot.keyClick(dialog, Qt.Key.Key_Return, CTRL)
    assert told.args is not None
    assert told.args[0].path == tmp_path / "summer.json"
    assert told.args[0].photos == 2 and not told.args[0].result.differences
    assert asked[0][2].endswith("library.json") and "*.json" in asked[0][3]
    data = json.loads((tmp_path / "summer.json").read_text())
    assert sorted(image["file_name"] for image in data["images"]) == [
        "beach/photo 1.jpg",
        "city/photo 0.jpg",
    ]
    assert not dialog.isVisible()


def test_what_is_being_typed_counts_when_the_button_is_pressed(
    annotated: LibrarySession, open_dialog: Open, tmp_path: Path, qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    folder = tmp_path / "tasks"
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_args: str(folder))
    dialog = open_dialog("label-studio")
    field = dialog.details.form.editor("prefix")
    assert isinstance(field, QLineEdit)
    field.clear()
    qtbot.keyClicks(field, "https://photos/")
    with qtbot.waitSignal(dialog.exported, timeout=WAIT_MS):
        qtbot.keyClick(field, Qt.Key.Key_Return, CTRL)
    assert "https://photos/city" in "".join(
        path.read_text() for path in folder.iterdir() if path.suffix == ".json"
    )

    dialog = open_dialog("jsonl")
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *_args, **_o: (str(tmp_path / "a.jsonl"), "")
    )
    dialog.predictions.choice.setCurrentIndex(dialog.predictions.choice.findData("score"))
    settle(dialog, qtbot)
    score = dialog.predictions.score
    score.selectAll()
    qtbot.keyClicks(score, score.textFromValue(0.25))
    assert dialog.choices().predictions == 0.5
    with qtbot.waitSignal(dialog.exported, timeout=WAIT_MS):
        qtbot.keyClick(score, Qt.Key.Key_Return, CTRL)
    lines = (tmp_path / "a.jsonl").read_text().splitlines()
    scores = [score for line in lines for score in json.loads(line).get("scores", {}).values()]
    assert scores and 0.25 <= min(scores) < 0.5


def test_what_is_there_is_replaced_only_when_confirmed(
    annotated: LibrarySession, open_dialog: Open, tmp_path: Path, qtbot: QtBot
) -> None:
    out = tmp_path / "summer.json"
    out.write_text("mine")
    dialog = open_dialog("coco")
    dialog.write(out)
    box = question(dialog, qtbot)
    assert box.text() == "Replace “summer.json”?"
    assert box.defaultButton().text() == "Cancel"
    press(box, "Cancel")
    assert out.read_text() == "mine" and dialog.ok.isEnabled()
    qtbot.waitUntil(lambda: dialog.findChild(QMessageBox) is None, timeout=WAIT_MS)
    dialog.write(out)
    with qtbot.waitSignal(dialog.exported, timeout=WAIT_MS):
        press(question(dialog, qtbot), "&Replace")
    assert len(json.loads(out.read_text())["images"]) == 12


def test_a_folder_with_other_files_gets_a_folder_in_it(
    annotated: LibrarySession, open_dialog: Open, tmp_path: Path, qtbot: QtBot
) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "letter.txt").write_text("mine")
    dialog = open_dialog("voc")
    dialog.write(tmp_path / "work")
    with qtbot.waitSignal(dialog.exported, timeout=WAIT_MS) as told:
        press(question(dialog, qtbot), "&Make the folder")
    assert told.args is not None
    assert told.args[0].path == tmp_path / "work" / "library Pascal VOC"
    assert (tmp_path / "work" / "letter.txt").read_text() == "mine"


@pytest.mark.parametrize(
    "case",
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EACCES, "permission is missing"),
    ],
)
def test_a_disk_that_takes_nothing_is_said(
    annotated: LibrarySession, open_dialog: Open, qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch, case: tuple[int, str],
) -> None:  # fmt: skip
    number, reason = case

    def fails(*_args: object, **_options: object) -> None:
        raise OSError(number, "system")

    monkeypatch.setattr(Exports, "write", fails)
    dialog = open_dialog("coco")
    dialog.write(Path("<b>summer.json"))
    qtbot.waitUntil(lambda: bool(dialog.strip.text), timeout=WAIT_MS)
    text = dialog.strip.text
    assert text.startswith(f"“<b>summer.json” could not be written: {reason}; ")
    assert text.endswith(". Nothing was changed.") and "system" not in text
    assert dialog.strip.sentence.textFormat() == Qt.TextFormat.PlainText
    assert dialog.isVisible() and dialog.ok.isEnabled()


def test_a_folder_that_is_gone_is_said(
    annotated: LibrarySession, open_dialog: Open, tmp_path: Path, qtbot: QtBot
) -> None:
    dialog = open_dialog("coco")
    dialog.write(tmp_path / "gone" / "summer.json")
    qtbot.waitUntil(lambda: bool(dialog.strip.text), timeout=WAIT_MS)
    assert "its folder, is not there any more" in dialog.strip.text


def test_escape_cancels_writing_and_pressing_twice_writes_once(
    annotated: LibrarySession, open_dialog: Open, tmp_path: Path, qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    calls: list[Path] = []
    done = threading.Event()

    def slow(_self: Exports, _choices: object, out: Path, **options: Any) -> None:
        calls.append(out)
        options["progress"](3, 24)
        while not options["cancelled"]():
            done.wait(0.01)
        raise Cancelled("cancelled")

    monkeypatch.setattr(Exports, "write", slow)
    dialog = open_dialog("coco")
    dialog.write(tmp_path / "a.json")
    dialog.write(tmp_path / "a.json")
    assert not dialog.ok.isEnabled() and dialog.progress.isVisible()
    assert not dialog.scope.isEnabled()
    qtbot.waitUntil(lambda: dialog.bar.value() == 125, timeout=WAIT_MS)
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not dialog.busy, timeout=WAIT_MS)
    assert dialog.isVisible()
    assert dialog.strip.text == "The export was cancelled. Nothing was written."
    assert len(calls) == 1 and not dialog.progress.isVisible()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_the_library_may_close_while_it_writes(
    annotated: LibrarySession, open_dialog: Open, tmp_path: Path, qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    stopped = threading.Event()

    def slow(_self: Exports, _choices: object, _out: Path, **options: Any) -> None:
        while not options["cancelled"]():
            stopped.wait(0.01)
        stopped.set()
        raise Cancelled("cancelled")

    monkeypatch.setattr(Exports, "write", slow)
    dialog = open_dialog("coco")
    dialog.write(tmp_path / "a.json")
    dialog.close()
    assert not dialog.isVisible()
    qtbot.waitUntil(stopped.is_set, timeout=WAIT_MS)


def test_the_command_for_exiftool_comes_with_its_file(
    annotated: LibrarySession, open_dialog: Open, tmp_path: Path, qtbot: QtBot
) -> None:
    told = written(open_dialog("exiftool-csv"), tmp_path / "keywords.csv", qtbot)
    assert len(told.commands) == 1
    assert told.commands[0].startswith("exiftool -r ") and "photos" in told.commands[0]
    assert told.photos == 12


# ---------------------------------------------------------------------------- side files


def side_files(session: LibrarySession) -> dict[str, bytes]:
    folder = session.folders.all()[0].path
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*.xmp"))}


def write_side_files(dialog: ExportDialog, qtbot: QtBot) -> SideFileReport:
    with qtbot.waitSignal(dialog.side_files_written, timeout=WAIT_MS) as told:
        dialog.ok.click()
    assert told.args is not None
    return told.args[0]


def test_side_files_are_looked_at_written_and_taken_back(
    annotated: LibrarySession, open_dialog: Open, qtbot: QtBot
) -> None:
    dialog = open_dialog("xmp", (1, 2, 3))
    assert dialog.predictions.isHidden() and dialog.details.isHidden()
    assert dialog.side_files.counts.text() == "Side files: 3 new"
    assert dialog.ok.text() == "&Write 3 side files"
    model = dialog.side_files.model
    cells = [[model.index(row, c).data() for c in range(4)] for row in range(3)]
    assert cells[1] == ["photo 1.jpg.xmp", "New", "dog, person", ""]
    assert cells[2] == ["photo 2.jpg.xmp", "New", "absent: cup", ""]
    report = write_side_files(dialog, qtbot)
    assert report.written == 3 and sorted(side_files(annotated)) == [
        "photo 0.jpg.xmp", "photo 1.jpg.xmp", "photo 2.jpg.xmp",
    ]  # fmt: skip
    before = side_files(annotated)

    annotated.annotations.annotate([1], [KITE], Verdict.PRESENT)
    dialog = open_dialog("xmp", (1, 2, 3))
    assert dialog.side_files.counts.text() == "Side files: 1 changed, 2 as they should be"
    assert write_side_files(dialog, qtbot).written == 1
    after = side_files(annotated)
    assert [name for name in after if after[name] != before[name]] == ["photo 0.jpg.xmp"]

    dialog = open_dialog("xmp")
    dialog.side_choices.remove.click()
    settle(dialog, qtbot)
    assert dialog.ok.text() == "&Take back from 3 side files"
    assert dialog.side_choices.absent.isHidden() and dialog.scope.reviewed.isHidden()
    assert write_side_files(dialog, qtbot).deleted == 3
    assert side_files(annotated) == {}


def test_side_files_without_absent_verdicts_and_of_reviewed_photos(
    annotated: LibrarySession, open_dialog: Open, qtbot: QtBot
) -> None:
    dialog = open_dialog("xmp")
    assert dialog.side_files.counts.text() == "Side files: 4 new"
    dialog.side_choices.absent.click()
    settle(dialog, qtbot)
    assert dialog.side_files.counts.text() == "Side files: 2 new"
    dialog.side_choices.absent.click()
    dialog.scope.reviewed.click()
    settle(dialog, qtbot)
    assert dialog.side_files.counts.text() == "Side files: 1 new"


def test_a_side_file_of_another_program_is_named_and_copied(
    annotated: LibrarySession, open_dialog: Open, qtbot: QtBot
) -> None:
    photo = annotated.images.paths([1])[0]
    photo.with_name(f"{photo.name}.xmp").write_text(
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about=""/></rdf:RDF></x:xmpmeta>'
    )
    dialog = open_dialog("xmp", (1, 2))
    assert dialog.side_files.counts.text() == "Side files: 1 new, 1 changed"
    assert "written by another program; a copy is kept" in dialog.side_files.notes.text()
    model = dialog.side_files.model
    assert model.index(0, 1).data() == "Changed; another program's, copied first"
    report = write_side_files(dialog, qtbot)
    assert report.copied == 1 and report.copies.is_dir()


def test_names_of_side_files_are_remembered_and_explained(
    annotated: LibrarySession, open_dialog: Open, qtbot: QtBot
) -> None:
    dialog = open_dialog("xmp", (1, 2))
    assert "darktable reads these files" in dialog.side_choices.about.text()
    dialog.side_choices.naming_box.setCurrentIndex(1)
    settle(dialog, qtbot)
    assert "Lightroom and Bridge" in dialog.side_choices.about.text()
    assert dialog.side_files.model.index(0, 0).data() == "photo 0.xmp"
    write_side_files(dialog, qtbot)
    assert annotated.settings.get(SIDE_FILE_NAMING) == "photo.xmp"
    assert open_dialog("xmp").side_choices.naming == "photo.xmp"


def test_side_files_are_kept_up_to_date_on_request(
    annotated: LibrarySession, open_dialog: Open, qtbot: QtBot
) -> None:
    dialog = open_dialog("xmp")
    dialog.side_choices.naming_box.setCurrentIndex(1)
    dialog.side_choices.keep.click()
    qtbot.waitUntil(lambda: annotated.settings.get(KEEP_SIDE_FILES), timeout=WAIT_MS)
    assert annotated.settings.get(SIDE_FILE_NAMING) == "photo.xmp"
    dialog.side_choices.keep.click()
    qtbot.waitUntil(lambda: not annotated.settings.get(KEEP_SIDE_FILES), timeout=WAIT_MS)


def test_a_preview_of_side_files_that_is_out_of_date_is_not_written(
    annotated: LibrarySession, open_dialog: Open, qtbot: QtBot
) -> None:
    dialog = open_dialog("xmp", (1, 2))
    assert dialog.ok.isEnabled()
    annotated.annotations.annotate([1], [KITE], Verdict.PRESENT)
    qtbot.waitUntil(lambda: not dialog.ok.isEnabled(), timeout=WAIT_MS)
    assert dialog.strip.text == "The library has changed since the side files were read."
    dialog.strip.findChildren(QPushButton)[0].click()
    settle(dialog, qtbot)
    assert dialog.ok.isEnabled() and not dialog.strip.text
    assert dialog.side_files.model.index(0, 2).data() == "dog, kite"


def test_reading_side_files_can_be_stopped(
    annotated: LibrarySession, open_dialog: Open, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog = open_dialog("coco")
    files = type(annotated.side_files)
    real, wait = files.preview, threading.Event()

    def slow(_self: object, *_args: object, **options: Any) -> None:
        while not options["cancelled"]():
            wait.wait(0.01)
        raise Cancelled("cancelled")

    monkeypatch.setattr(files, "preview", slow)
    dialog.formats.choose("xmp")
    qtbot.waitUntil(dialog.progress.isVisible, timeout=WAIT_MS)
    assert dialog.summary.text() == "Reading side files..."
    dialog.cancel.click()
    assert dialog.strip.text == "Reading was stopped." and not dialog.ok.isEnabled()
    monkeypatch.setattr(files, "preview", real)
    dialog.strip.findChildren(QPushButton)[0].click()
    settle(dialog, qtbot)
    assert dialog.ok.isEnabled()


def test_a_hundred_thousand_side_files_are_a_table_like_others(
    annotated: LibrarySession, open_dialog: Open, qtbot: QtBot
) -> None:
    changes = tuple(
        SideFileChange(
            number, Path("photo.jpg"), Path(f"photo {number}.jpg.xmp"),
            SideFileStatus.BLOCKED if number == 99_999 else SideFileStatus.NEW,
            reason="The photo is missing." if number == 99_999 else "",
            added=("<b>dog</b>",) * 20,
        )
        for number in range(100_000)
    )  # fmt: skip
    section = open_dialog("xmp").side_files
    section.show_table(table_of(SideFilePreview(Naming.WITH_SUFFIX, changes)))
    assert section.model.rowCount() == 100_000
    assert section.model.index(0, 1).data() == "Left alone: The photo is missing."
    assert section.model.index(1, 2).data() == ", ".join(["<b>dog</b>"] * 12) + ", …"
    assert "&lt;b&gt;" in section.model.index(1, 2).data(Qt.ItemDataRole.ToolTipRole)
    assert section.table.isColumnHidden(3)
    section.table.scrollToBottom()
    assert section.table.rowAt(section.table.viewport().height() - 2) == 99_999


def test_a_library_that_is_only_read_exports_files_but_no_side_files(
    annotated: LibrarySession, open_dialog: Open, tmp_path: Path, qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    dialog = open_dialog("coco")
    catalogue = type(annotated.catalogue)
    monkeypatch.setattr(catalogue, "read_only", property(lambda _self: True))
    choose(dialog, "xmp", qtbot)
    assert not dialog.ok.isEnabled() and not dialog.side_choices.isEnabled()
    assert "open for reading only" in dialog.strip.text
    choose(dialog, "coco", qtbot)
    assert dialog.ok.isEnabled() and not dialog.strip.text
    assert written(dialog, tmp_path / "a.json", qtbot).photos == 12
