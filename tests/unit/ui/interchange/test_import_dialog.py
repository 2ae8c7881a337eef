"""The import dialog on a small library: what it shows, what blocks it, and what it commits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import plain_format
import pytest
from PySide6.QtCore import QAbstractItemModel, QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QComboBox
from pytestqt.qtbot import QtBot
from ui_libraries import DOG, PERSON, Locked, draw_photo

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.interchange.imports import ImportResult
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.interchange import registry
from lmpt_desktop.interchange.importing.choices import (
    ClassAction,
    ClassChoice,
    Conflicts,
    ReviewedMarks,
)
from lmpt_desktop.interchange.reading.source_files import SourceFile
from lmpt_desktop.interchange.record import NotListed, Reading
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.interchange.classes_section import BECOMES
from lmpt_desktop.ui.interchange.import_dialog import ImportDialog
from lmpt_desktop.ui.interchange.photos_section import LeftOutDialog
from lmpt_desktop.ui.interchange.values_section import MEANS

WAIT_MS = 20_000
OpenDialog = Callable[..., ImportDialog]
Write = Callable[..., Path]
CITY = "city/photo 0.jpg"
BEACH = "beach/photo 1.jpg"


def settled(dialog: ImportDialog, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not dialog.busy, timeout=WAIT_MS)


def texts(model: QAbstractItemModel) -> list[list[str]]:
    return [
        [model.index(row, column).data() for column in range(model.columnCount())]
        for row in range(model.rowCount())
    ]


def verdicts(session: LibrarySession, image_id: int) -> dict[str, int]:
    """The annotations of an image, by class."""
    snapshot = session.snapshot()
    row = snapshot.annotations[snapshot.row_of[image_id]].tolist()
    return {
        entry.name: verdict
        for entry, verdict in zip(snapshot.classes, row, strict=True)
        if verdict >= 0
    }


def imported(dialog: ImportDialog, qtbot: QtBot) -> ImportResult:
    """Press the button and wait."""
    with qtbot.waitSignal(dialog.imported, timeout=WAIT_MS) as signal:
        dialog.ok.click()
    assert signal.args is not None
    return signal.args[1]


# ------------------------------------------------------------------------------- choosing a file


def test_without_a_file_it_asks_for_one(open_dialog: OpenDialog) -> None:
    dialog = open_dialog()
    assert dialog.stack.currentWidget() is dialog.start
    assert dialog.source.isHidden() and dialog.ok.isHidden()
    assert [button.objectName() for button in dialog.start.buttons][:2] == [
        "import-file",
        "import-folder",
    ]


def test_the_format_is_detected_with_its_reason(open_dialog: OpenDialog) -> None:
    dialog = open_dialog("#note Crowds count as present.", f"{CITY};dog;1")
    assert dialog.source.name.text() == "tags.plain"
    assert dialog.source.format.currentText() == "Plain list"
    assert dialog.source.reason.text() == "Its first line is #plain."
    assert dialog.format.notes.text() == "Crowds count as present."
    assert [dialog.source.format.itemText(i) for i in range(2)] == ["Plain list", "Other list"]


def test_another_format_can_be_chosen(open_dialog: OpenDialog, qtbot: QtBot) -> None:
    dialog = open_dialog(f"{CITY};dog;1")
    dialog.source.format.setCurrentIndex(dialog.source.format.findData("other"))
    settled(dialog, qtbot)
    assert dialog.source.reason.text() == "Your choice"
    assert dialog.choices().values == {}
    assert dialog.ok.isEnabled()


def test_a_file_that_no_format_recognises(
    open_dialog: OpenDialog, tmp_path: Path, qtbot: QtBot
) -> None:
    dialog = open_dialog()
    path = tmp_path / "what is this.bin"
    path.write_text(f"{CITY};dog;1")
    dialog.open_path(path)
    settled(dialog, qtbot)
    assert "No format recognises it" in dialog.source.reason.text()
    assert not dialog.ok.isEnabled() and dialog.photos.isHidden()
    dialog.source.format.setCurrentIndex(dialog.source.format.findData("other"))
    settled(dialog, qtbot)
    assert dialog.ok.isEnabled() and dialog.photos.isVisible()


def test_an_option_is_changed_and_the_file_read_again(
    open_dialog: OpenDialog, qtbot: QtBot
) -> None:
    dialog = open_dialog(f"{CITY},dog,1")
    assert dialog.summary.text() != "1 annotation is added."
    assert dialog.format.form.isVisible()
    editor = dialog.format.form.editor("separator")
    assert isinstance(editor, QComboBox)
    editor.setFocus()
    editor.setCurrentIndex(1)
    settled(dialog, qtbot)
    assert dialog.summary.text() == "1 annotation is added."
    assert dialog.format.form.editor("separator") is editor, "it keeps the keyboard focus"
    assert editor.toolTip() == "<span>Comma<br>What is between the columns.</span>"


def test_a_broken_file_says_so_and_another_follows(
    open_dialog: OpenDialog, write: Write, tmp_path: Path, qtbot: QtBot
) -> None:
    dialog = open_dialog()
    path = tmp_path / "x.other"
    path.write_text("broken")
    dialog.open_path(path)
    settled(dialog, qtbot)
    dialog.source.format.setCurrentIndex(dialog.source.format.findData("other"))
    settled(dialog, qtbot)
    assert dialog.strip.text == "The file is broken." and not dialog.ok.isEnabled()
    dialog.open_path(write(f"{CITY};dog;1"))
    settled(dialog, qtbot)
    assert dialog.strip.isHidden() and dialog.ok.isEnabled()


def test_a_file_that_is_gone_by_the_time_of_a_choice(
    open_dialog: OpenDialog, tmp_path: Path, session: LibrarySession, qtbot: QtBot
) -> None:
    dialog = open_dialog(f"{CITY};dog;1")
    (tmp_path / "tags.plain").unlink()
    dialog.values.not_listed.setCurrentIndex(2)
    settled(dialog, qtbot)
    assert dialog.ok.isEnabled(), "it was read completely"
    editor = dialog.format.form.editor("separator")
    assert isinstance(editor, QComboBox)
    editor.setCurrentIndex(1)
    settled(dialog, qtbot)
    assert "tags.plain" in dialog.strip.text and not dialog.ok.isEnabled()
    assert verdicts(session, 1) == {}


def test_a_file_can_be_dropped_on_the_dialog(
    open_dialog: OpenDialog, write: Write, qtbot: QtBot
) -> None:
    dialog = open_dialog()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(write(f"{CITY};dog;1")))])
    dialog.dropEvent(
        QDropEvent(
            QPointF(9, 9),
            Qt.DropAction.CopyAction,
            data,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
    )
    settled(dialog, qtbot)
    assert dialog.summary.text() == "1 annotation is added."


# ----------------------------------------------------------------------------- reading takes long


def slow(monkeypatch: pytest.MonkeyPatch, going_on: threading.Event) -> list[str]:
    """Reading does not end before ``going_on`` is set; what became of each."""
    ends: list[str] = []

    def read(source: SourceFile) -> Reading:
        def items() -> object:
            source.progress(30, 100)
            while not going_on.wait(0.01):
                try:
                    source.check()
                except Exception:
                    ends.append("cancelled")
                    raise
            ends.append("read")
            yield from plain_format.read(source).items

        return Reading(plain_format.read(source).facts, items())  # type: ignore[arg-type]

    slow_format = plain_format.Format("plain", "Slow", (".plain",), plain_format.sniff, read)
    monkeypatch.setattr(registry, "FORMATS", (slow_format,))
    return ends


def test_reading_shows_progress_and_can_be_stopped(
    open_dialog: OpenDialog, write: Write, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    ends = slow(monkeypatch, threading.Event())
    dialog = open_dialog()
    dialog.open_path(write(f"{CITY};dog;1"))
    qtbot.waitUntil(dialog.progress.isVisible, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: dialog.bar.value() == 300, timeout=WAIT_MS)
    assert not dialog.ok.isEnabled()
    dialog.stop.click()
    assert dialog.strip.text == "Reading was stopped. Nothing was imported."
    assert dialog.stack.currentWidget() is dialog.start and dialog.progress.isHidden()
    qtbot.waitUntil(lambda: ends == ["cancelled"], timeout=WAIT_MS)


def test_closing_stops_reading(
    open_dialog: OpenDialog, write: Write, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    ends = slow(monkeypatch, threading.Event())
    dialog = open_dialog()
    dialog.open_path(write(f"{CITY};dog;1"))
    qtbot.waitUntil(dialog.progress.isVisible, timeout=WAIT_MS)
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: ends == ["cancelled"], timeout=WAIT_MS)


def test_of_two_files_the_second_counts(
    open_dialog: OpenDialog, write: Write, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    going_on = threading.Event()
    ends = slow(monkeypatch, going_on)
    dialog = open_dialog()
    dialog.open_path(write(f"{CITY};dog;1", name="first.plain"))
    # Else its thread may find it cancelled before it begins.
    qtbot.waitUntil(lambda: dialog.bar.value() == 300, timeout=WAIT_MS)
    dialog.open_path(write(f"{BEACH};dog;0", name="second.plain"))
    qtbot.waitUntil(lambda: ends == ["cancelled"], timeout=WAIT_MS)
    going_on.set()
    settled(dialog, qtbot)
    assert dialog.source.name.text() == "second.plain"
    assert [row.name for row in dialog.conflicts.model.rows] == ["photo 1.jpg"]


# ------------------------------------------------------------------------------------------ photos


def test_photos_are_counted_by_rule(open_dialog: OpenDialog) -> None:
    dialog = open_dialog(f"{CITY};dog;1", "photo 1.jpg;dog;1", "nowhere.jpg;dog;1")
    assert dialog.photos.found.text() == (
        "2 of 3 photos found: 1 by the end of the path, 1 by name; 1 not found"
    )
    assert dialog.photos.first.text() == "The first one is “nowhere.jpg”."


def test_a_prefix_is_replaced(open_dialog: OpenDialog, qtbot: QtBot) -> None:
    dialog = open_dialog("old-0.jpg;dog;1", "old-2.jpg;dog;1", "old-99.jpg;dog;1")
    assert dialog.photos.found.text() == "0 of 3 photos found; 3 not found"
    qtbot.keyClicks(dialog.photos.strip, "old-")
    qtbot.keyClicks(dialog.photos.add, "photo ")
    qtbot.waitUntil(lambda: "2 of 3" in dialog.photos.found.text(), timeout=WAIT_MS)
    settled(dialog, qtbot)
    assert (
        dialog.photos.first.text()
        == "The first one, “old-99.jpg”, is looked for as “photo 99.jpg”."
    )
    assert dialog.summary.text() == "2 annotations are added."


def test_photos_that_were_not_found_are_listed_and_saved(
    open_dialog: OpenDialog, tmp_path: Path, qtbot: QtBot
) -> None:
    dialog = open_dialog("a\u202eb/<b>x</b>.jpg;dog;1", "photo 0.png;dog;1", "gone.jpg;dog;1")
    dialog.photos.show_list.click()
    listed = dialog.findChild(LeftOutDialog)
    assert listed is not None
    assert texts(listed.model) == [
        ["a\ufffdb/<b>x</b>.jpg", "2", "Not found"],
        ["gone.jpg", "4", "Not found"],
    ]
    tip = listed.model.index(0, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert "&lt;b&gt;" in tip and "<b>" not in tip
    out = tmp_path / "list.txt"
    listed.save_to(out)
    qtbot.waitUntil(lambda: listed.strip.text == "The list was saved as list.txt.", timeout=WAIT_MS)
    assert out.read_text("utf-8") == "a\u202eb/<b>x</b>.jpg\tNot found\ngone.jpg\tNot found\n"


def test_a_list_that_cannot_be_saved_says_so(
    open_dialog: OpenDialog, tmp_path: Path, qtbot: QtBot
) -> None:
    dialog = open_dialog("gone.jpg;dog;1")
    dialog.photos.show_list.click()
    listed = dialog.findChild(LeftOutDialog)
    assert listed is not None
    listed.save_to(tmp_path / "no folder" / "list.txt")
    qtbot.waitUntil(lambda: "no folder" in listed.strip.text, timeout=WAIT_MS)


def test_no_photo_of_the_file_is_in_the_library(open_dialog: OpenDialog) -> None:
    dialog = open_dialog("nowhere.jpg;dog;1")
    assert dialog.summary.text() == (
        "None of the file's photos is in the library, so there is nothing to import."
    )
    assert not dialog.ok.isEnabled()


def test_a_folder_with_photos_of_the_file_is_added(
    open_dialog: OpenDialog, session: LibrarySession, tmp_path: Path, qtbot: QtBot
) -> None:
    draw_photo(tmp_path / "more" / "lake.jpg", 77)
    dialog = open_dialog("more/lake.jpg;dog;1")
    qtbot.waitUntil(lambda: dialog.photos.add_buttons != [], timeout=WAIT_MS)
    dialog.photos.add_buttons[0].click()
    qtbot.waitUntil(lambda: "1 of 1 photo found" in dialog.photos.found.text(), timeout=WAIT_MS)
    settled(dialog, qtbot)
    assert dialog.photos.add_buttons == []
    assert dialog.ok.isEnabled()


def test_many_photos_that_were_not_found(open_dialog: OpenDialog, qtbot: QtBot) -> None:
    dialog = open_dialog(*(f"folder {n % 90}/{n}.jpg;dog;1" for n in range(20_000)))
    assert dialog.photos.found.text() == "0 of 20,000 photos found; 20,000 not found"
    dialog.photos.show_list.click()
    listed = dialog.findChild(LeftOutDialog)
    assert listed is not None and listed.model.rowCount() == 20_000


# ----------------------------------------------------------------------------------------- classes


def test_classes_are_proposed(open_dialog: OpenDialog) -> None:
    dialog = open_dialog(f"{CITY};Dog;1", f"{CITY};horse;1", f"{BEACH};horse;1")
    assert texts(dialog.classes.model) == [
        ["Dog", "1", "dog", "The same name"],
        ["horse", "2", "Not imported", "Not in the vocabulary"],
    ]
    assert dialog.classes.found.text() == (
        "1 of 2 classes are in the vocabulary; 1 is not imported"
    )
    assert dialog.classes.finding.isHidden(), "two classes need no search"
    assert dialog.classes.hierarchy.isHidden()


def test_all_unknown_classes_are_added(
    open_dialog: OpenDialog, session: LibrarySession, qtbot: QtBot
) -> None:
    dialog = open_dialog(f"{CITY};horse;1", f"{CITY};cow;0")
    assert dialog.summary.text().startswith("None of the file's classes is imported.")
    dialog.classes.add_all.click()
    settled(dialog, qtbot)
    assert dialog.summary.text() == "2 annotations are added, 2 classes are added."
    assert texts(dialog.classes.model)[0][BECOMES] == "New class “horse”"
    imported(dialog, qtbot)
    assert verdicts(session, 1) == {"horse": 1, "cow": 0}


def test_a_class_is_mapped_in_the_table_by_keyboard(
    open_dialog: OpenDialog, session: LibrarySession, qtbot: QtBot
) -> None:
    dialog = open_dialog(f"{CITY};hound;1")
    table = dialog.classes.table
    table.setFocus()
    table.selectRow(0)
    qtbot.keyClick(table, Qt.Key.Key_Return)
    editor = table.delegate.editor
    assert editor is not None and editor.isEditable()
    qtbot.keyClicks(editor, "dog")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    settled(dialog, qtbot)
    assert texts(dialog.classes.model) == [["hound", "1", "dog", "Your choice"]]
    imported(dialog, qtbot)
    assert verdicts(session, 1) == {"dog": 1}


def test_a_new_name_is_typed(
    open_dialog: OpenDialog, session: LibrarySession, qtbot: QtBot
) -> None:
    dialog = open_dialog(f"{CITY};hound;1")
    dialog.classes.model.setData(dialog.classes.model.index(0, BECOMES), " big  hound ")
    settled(dialog, qtbot)
    assert texts(dialog.classes.model)[0][BECOMES] == "New class “big hound”"
    imported(dialog, qtbot)
    assert verdicts(session, 1) == {"big hound": 1}


def test_several_classes_at_once(open_dialog: OpenDialog, qtbot: QtBot) -> None:
    dialog = open_dialog(*(f"{CITY};class {n};1" for n in range(2000)), f"{CITY};dog;1")
    section = dialog.classes
    assert section.finding.isVisible() and not section.ignore.isEnabled()
    qtbot.keyClicks(section.search, "class 19")
    assert section.model.rowCount() == 111
    section.table.selectAll()
    section.add_new.click()
    settled(dialog, qtbot)
    assert dialog.summary.text() == "112 annotations are added, 111 classes are added."
    qtbot.keyClick(section.table, Qt.Key.Key_Delete)
    settled(dialog, qtbot)
    assert dialog.choices().classes["class 19"] == ClassChoice(ClassAction.IGNORE)
    section.propose.click()
    settled(dialog, qtbot)
    assert dialog.choices().classes == {}
    section.search.clear()
    section.left_out.click()
    assert section.model.rowCount() == 2000, "dog is not left out"


def test_paths_become_their_last_part_or_the_whole(
    open_dialog: OpenDialog, session: LibrarySession, qtbot: QtBot
) -> None:
    dialog = open_dialog(f"{CITY};animal|horse;1")
    assert texts(dialog.classes.model)[0][0] == "animal › horse"
    assert dialog.classes.hierarchy.isVisible()
    dialog.classes.model.choose([0], ClassChoice(ClassAction.ADD))
    settled(dialog, qtbot)
    assert texts(dialog.classes.model)[0][BECOMES] == "New class “horse”"
    dialog.classes.hierarchy.setCurrentIndex(1)
    settled(dialog, qtbot)
    assert texts(dialog.classes.model)[0][BECOMES] == "New class “animal/horse”"
    imported(dialog, qtbot)
    assert verdicts(session, 1) == {"animal/horse": 1}


def test_names_are_plain_text(open_dialog: OpenDialog) -> None:
    name = "<img src='x'><h1>&amp"
    dialog = open_dialog(f"{CITY};{name};1", f"{CITY};dog;{name}", name="<b>x.plain")
    model = dialog.classes.model
    assert model.index(0, 0).data() == name
    tip = model.index(0, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert "&lt;img" in tip and "<img" not in tip
    tip = dialog.values.model.index(1, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert "&lt;img" in tip
    for label in (dialog.source.name, dialog.photos.first, dialog.conflicts.says, dialog.summary,
                  dialog.strip.sentence):  # fmt: skip
        assert label.textFormat() is Qt.TextFormat.PlainText


# ------------------------------------------------------------------------------------------ values


def test_a_value_of_uncertain_meaning_blocks_the_import(
    open_dialog: OpenDialog, session: LibrarySession, qtbot: QtBot
) -> None:
    dialog = open_dialog(f"{CITY};dog;-1", f"{CITY};person;1", f"{BEACH};dog;?")
    assert texts(dialog.values.model) == [
        ["-1", "1", "Choose"],
        ["1", "1", "present"],
        ["?", "1", "Choose"],
    ]
    assert dialog.summary.text().startswith("It is not certain what 2 entries mean.")
    assert not dialog.ok.isEnabled()
    dialog.apply()
    assert not dialog.busy
    model = dialog.values.model
    model.setData(model.index(0, MEANS), Verdict.ABSENT)
    settled(dialog, qtbot)
    dialog.values.rest.click()
    settled(dialog, qtbot)
    assert dialog.choices().values == {"-1": Verdict.ABSENT, "?": Verdict.UNKNOWN}
    assert dialog.values.rest.isHidden()
    assert dialog.summary.text() == "2 annotations are added."
    imported(dialog, qtbot)
    assert verdicts(session, 1) == {"dog": 0, "person": 1}


def test_values_are_chosen_by_keys(open_dialog: OpenDialog, qtbot: QtBot) -> None:
    dialog = open_dialog(*(f"{CITY};dog;value {n}" for n in range(10_000)))
    assert dialog.values.table.height() < 400, "it scrolls"
    dialog.values.table.selectAll()
    for key, verdict in (
        (Qt.Key.Key_U, Verdict.UNKNOWN),
        (Qt.Key.Key_A, Verdict.ABSENT),
        (Qt.Key.Key_P, Verdict.PRESENT),
    ):
        qtbot.keyClick(dialog.values.table, key)
        settled(dialog, qtbot)
        assert set(dialog.choices().values.values()) == {verdict}
    assert dialog.summary.text() == "1 annotation is added."


def test_a_file_that_only_lists_asks_for_no_values(open_dialog: OpenDialog) -> None:
    dialog = open_dialog(f"{CITY};dog")
    assert dialog.values.table.isHidden() and dialog.values.open.isHidden()


def test_classes_that_are_not_listed(
    open_dialog: OpenDialog, session: LibrarySession, qtbot: QtBot
) -> None:
    dialog = open_dialog("#absent", f"{CITY};dog;1", f"{BEACH};person;1")
    assert "usually absent" in dialog.values.hint.text()
    assert dialog.summary.text() == "2 annotations are added."
    assert dialog.choices().not_listed is NotListed.UNKNOWN, "a hint is not applied unasked"
    dialog.values.not_listed.setCurrentIndex(1)
    settled(dialog, qtbot)
    assert dialog.summary.text() == "4 annotations are added."
    assert dialog.ok.text() == "&Import 4 annotations"
    imported(dialog, qtbot)
    assert verdicts(session, 1) == {"dog": 1, "person": 0}


def test_what_a_model_said_is_left_out_unless_asked_for(
    open_dialog: OpenDialog, session: LibrarySession, qtbot: QtBot
) -> None:
    dialog = open_dialog(f"{CITY};dog;1;0.9", f"{CITY};person;1;0.4", f"{BEACH};dog;1")
    assert dialog.machine.isVisible()
    assert dialog.summary.text() == "1 annotation is added."
    assert "2 predictions of a model are left out." in dialog.conflicts.details.text()
    dialog.machine.take.click()
    settled(dialog, qtbot)
    assert dialog.summary.text() == "2 annotations are added."
    dialog.machine.least.setValue(0.3)
    settled(dialog, qtbot)
    assert dialog.summary.text() == "3 annotations are added."


def test_a_model_that_gives_no_scores(open_dialog: OpenDialog, write: Write, qtbot: QtBot) -> None:
    dialog = open_dialog(f"{CITY};dog;1;m")
    assert dialog.machine.take.text() == "Import them all" and dialog.machine.least.isHidden()
    dialog.machine.take.click()
    settled(dialog, qtbot)
    assert dialog.summary.text() == "1 annotation is added."
    dialog.open_path(write(f"{CITY};dog;1;0.9", name="scored.plain"))
    settled(dialog, qtbot)
    assert dialog.machine.least.isVisible() and dialog.machine.least.value() == 0.5
    assert dialog.machine.leave.isChecked()


def test_a_file_without_classes(open_dialog: OpenDialog) -> None:
    dialog = open_dialog(CITY)
    assert dialog.summary.text() == "The file names no classes."


def test_no_model_no_question(open_dialog: OpenDialog) -> None:
    assert open_dialog(f"{CITY};dog;1").machine.isHidden()


# ----------------------------------------------------------------------------------- comparison


def test_conflicts_are_counted_shown_and_decided(
    open_dialog: OpenDialog, session: LibrarySession, qtbot: QtBot
) -> None:
    session.annotations.annotate([1], [DOG], Verdict.ABSENT)
    session.annotations.annotate([1], [PERSON], Verdict.PRESENT)
    dialog = open_dialog(f"{CITY};dog;1", f"{CITY};person;1", f"{CITY};cup;0")
    section = dialog.conflicts
    assert section.counts.text() == "Annotations: 1 new, 1 as in the library, 1 conflicting"
    assert dialog.summary.text() == "1 annotation is added."
    section.view.setCurrentIndex(section.model.index(0))
    assert section.says.text() == (
        "photo 0.jpg\n"
        "dog: present in the file, absent in the library\n"
        "cup: absent in the file, unknown in the library"
    )
    section.buttons[Conflicts.CLEAR].click()
    settled(dialog, qtbot)
    assert dialog.summary.text() == "1 annotation is added, 1 annotation is removed."
    section.buttons[Conflicts.THEIRS].click()
    settled(dialog, qtbot)
    assert dialog.summary.text() == "1 annotation is added, 1 annotation is reversed."
    assert dialog.ok.text() == "&Import 2 annotations"
    imported(dialog, qtbot)
    assert verdicts(session, 1) == {"dog": 1, "person": 1, "cup": 0}


def test_without_conflicts_nothing_is_asked(open_dialog: OpenDialog) -> None:
    dialog = open_dialog(f"{CITY};dog;1")
    assert dialog.conflicts.choices.isHidden()
    assert dialog.conflicts.tabs.count() == 1 and dialog.conflicts.tabs.tabText(0) == "New"


def test_reviewed_marks(open_dialog: OpenDialog, session: LibrarySession, qtbot: QtBot) -> None:
    dialog = open_dialog(f"{CITY};dog;1;r", f"{BEACH};dog;1;-")
    box = dialog.conflicts.reviewed
    assert dialog.choices().reviewed is ReviewedMarks.AS_IN_FILE
    assert dialog.summary.text() == "2 annotations are added, 1 photo is marked reviewed."
    box.setCurrentIndex(box.findData(ReviewedMarks.ALL))
    settled(dialog, qtbot)
    assert "2 photos are marked reviewed" in dialog.summary.text()
    imported(dialog, qtbot)
    assert session.snapshot().reviewed[:3].tolist() == [True, True, False]


def test_a_file_that_contradicts_itself(open_dialog: OpenDialog) -> None:
    dialog = open_dialog(f"{CITY};dog;1", f"{CITY};dog;0")
    assert "contradicts itself about 1 annotation" in dialog.conflicts.details.text()
    assert dialog.summary.text() == "Nothing changes: the library has all that is imported."


def test_bad_rows_are_listed(open_dialog: OpenDialog) -> None:
    dialog = open_dialog("!<b>what</b>", f"{CITY};dog;1", "!and this")
    assert dialog.bad_rows.count.text() == "2 rows could not be read; the rest is imported."
    assert texts(dialog.bad_rows.model) == [
        ["2", "There is no class.", "!<b>what</b>"],
        ["4", "There is no class.", "!and this"],
    ]
    assert dialog.ok.isEnabled()


def test_a_file_without_photos(open_dialog: OpenDialog) -> None:
    dialog = open_dialog("#class dog")
    assert dialog.photos.found.text() == "The file names no photos."
    assert dialog.summary.text() == "The file names no photos."
    assert not dialog.ok.isEnabled()


def test_a_change_of_the_library_is_seen(
    open_dialog: OpenDialog, session: LibrarySession, qtbot: QtBot
) -> None:
    dialog = open_dialog(f"{CITY};dog;1")
    session.annotations.annotate([1], [DOG], Verdict.PRESENT)
    qtbot.waitUntil(lambda: dialog.summary.text().startswith("Nothing changes"), timeout=WAIT_MS)
    settled(dialog, qtbot)
    assert not dialog.ok.isEnabled()


# ------------------------------------------------------------------------------------------- apply


def test_the_import_is_one_step_that_is_undone(
    open_dialog: OpenDialog,
    session: LibrarySession,
    undo_stack: AnnotationUndoStack,
    qtbot: QtBot,
) -> None:
    dialog = open_dialog(f"{CITY};dog;1", f"{BEACH};person;0")
    result = imported(dialog, qtbot)
    assert result.annotations == 2 and result.photos == 2
    assert undo_stack.stack.undoText() == "Import tags.plain"
    undo_stack.undo()
    qtbot.waitUntil(lambda: not undo_stack.busy, timeout=WAIT_MS)
    assert verdicts(session, 1) == {}


def test_ctrl_enter_imports_and_a_second_press_does_nothing(
    open_dialog: OpenDialog, undo_stack: AnnotationUndoStack, qtbot: QtBot
) -> None:
    dialog = open_dialog(f"{CITY};dog;1")
    batches: list[object] = []
    undo_stack.committed.connect(batches.append)
    with qtbot.waitSignal(dialog.imported, timeout=WAIT_MS):
        dialog.apply()
        assert dialog.ok.text() == "Importing..." and not dialog.ok.isEnabled()
        dialog.apply()
    assert len(batches) == 1


def test_only_new_classes_are_added_without_a_step(
    open_dialog: OpenDialog,
    session: LibrarySession,
    undo_stack: AnnotationUndoStack,
    qtbot: QtBot,
) -> None:
    dialog = open_dialog("#class horse", "#class cow", f"{CITY};dog;u")
    dialog.values.rest.click()
    dialog.classes.add_all.click()
    settled(dialog, qtbot)
    assert dialog.ok.text() == "Add 2 classes"
    result = imported(dialog, qtbot)
    assert result.batch is None and not undo_stack.can_undo
    assert {"horse", "cow"} <= {entry.name for entry in session.snapshot().classes}


def test_what_cannot_be_saved_is_said_and_the_dialog_stays(
    open_dialog: OpenDialog, session: LibrarySession, locked: Locked, qtbot: QtBot
) -> None:
    dialog = open_dialog(f"{CITY};dog;1")
    with locked():
        dialog.ok.click()
        qtbot.waitUntil(dialog.strip.isVisible, timeout=WAIT_MS)
    settled(dialog, qtbot)
    assert dialog.isVisible() and verdicts(session, 1) == {}
    assert dialog.ok.isEnabled()
    imported(dialog, qtbot)
    assert verdicts(session, 1) == {"dog": 1}


def test_closing_while_it_is_saved_cancels(
    open_dialog: OpenDialog,
    session: LibrarySession,
    undo_stack: AnnotationUndoStack,
    monkeypatch: pytest.MonkeyPatch,
    qtbot: QtBot,
) -> None:
    dialog = open_dialog(f"{CITY};dog;1", f"{CITY};horse;1")
    dialog.classes.add_all.click()
    settled(dialog, qtbot)
    going_on = threading.Event()
    apply = session.imports.apply

    def waiting(*args: object, **options: object) -> ImportResult:
        going_on.wait(20)
        return apply(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(session.imports, "apply", waiting)
    told: list[str] = []
    undo_stack.message.connect(told.append)
    dialog.ok.click()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert dialog.isVisible() and dialog.ok.text() == "Cancelling..."
    going_on.set()
    qtbot.waitUntil(lambda: not dialog.isVisible(), timeout=WAIT_MS)
    assert told[-1] == "The import was cancelled. Nothing was changed."
    assert verdicts(session, 1) == {} and not undo_stack.can_undo
    assert "horse" not in [entry.name for entry in session.snapshot().classes]


def test_a_library_that_changed_is_compared_again_before_it_is_changed(
    open_dialog: OpenDialog, session: LibrarySession, qtbot: QtBot
) -> None:
    dialog = open_dialog(f"{CITY};dog;1", f"{CITY};cup;1")
    session.annotations.annotate([1], [DOG], Verdict.ABSENT)
    dialog.apply()
    qtbot.waitUntil(lambda: "has changed since" in dialog.strip.text, timeout=WAIT_MS)
    settled(dialog, qtbot)
    assert verdicts(session, 1) == {"dog": 0}
    assert dialog.summary.text() == "1 annotation is added."
    imported(dialog, qtbot)
    assert verdicts(session, 1) == {"dog": 0, "cup": 1}


def test_annotations_of_held_out_photos_are_counted(
    open_dialog: OpenDialog, session: LibrarySession, qtbot: QtBot
) -> None:
    session.catalogue.runs.add_held_out([1])
    dialog = open_dialog(f"{CITY};dog;1", f"{BEACH};dog;1")
    assert dialog.conflicts.details.text() == (
        "1 of these annotations is on a photo that is kept for measuring versions; no training "
        "learns from it."
    )


def test_the_wheel_scrolls_the_page_and_changes_no_choice(open_dialog: OpenDialog) -> None:
    dialog = open_dialog(f"{CITY};dog;1")
    box = dialog.values.not_listed
    event = QWheelEvent(
        QPointF(5, 5),
        QPointF(5, 5),
        QPoint(0, -120),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(box, event)
    assert event.type() == QEvent.Type.Wheel
    assert box.currentIndex() == 0


def test_everything_is_reached_by_tab_from_top_to_bottom(
    open_dialog: OpenDialog, qtbot: QtBot
) -> None:
    dialog = open_dialog(
        f"{CITY};horse;1;0.5", f"{CITY};a|b;-1", f"{BEACH};dog;1", "nowhere.jpg;dog;1"
    )
    dialog.values.rest.click()
    dialog.classes.add_all.click()
    settled(dialog, qtbot)
    assert dialog.focusWidget() is dialog.source.format
    reached: list[str] = []
    while (widget := dialog.focusWidget()).objectName() not in reached:
        reached.append(widget.objectName())
        qtbot.keyClick(widget, Qt.Key.Key_Tab)
    assert reached == [
        "format",
        "option-separator",
        "show-unmatched",
        "strip-prefix",
        "add-prefix",
        "add-all",
        "hierarchy",
        "file-classes",
        "values",
        "not-listed",
        "machine-none",
        "reviewed-marks",
        "example-kinds",
        "examples",
        "apply",
        "close",
        "choose-source",
    ]
    assert dialog.page.verticalScrollBar().value() > 0, "the page follows the keyboard"


def test_another_file_begins_anew(open_dialog: OpenDialog, write: Write, qtbot: QtBot) -> None:
    dialog = open_dialog(f"{CITY};dog;1", f"{CITY};horse;2")
    dialog.classes.add_all.click()
    dialog.values.rest.click()
    dialog.values.not_listed.setCurrentIndex(2)
    settled(dialog, qtbot)
    dialog.open_path(write(f"{BEACH};cow;2", name="other.plain"))
    settled(dialog, qtbot)
    choices = dialog.choices()
    assert not choices.add_classes and not choices.values and not choices.classes
    assert choices.not_listed is NotListed.UNKNOWN
