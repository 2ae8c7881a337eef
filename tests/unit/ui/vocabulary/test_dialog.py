"""Editing the vocabulary, by single classes and as a list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_encoder import text_vector
from PySide6.QtCore import QItemSelectionModel, QMimeData, QSize, Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QApplication, QColorDialog, QFileDialog
from pytestqt.qtbot import QtBot
from ui_libraries import BACKBONE, DOG, FACTS, KITE, OpenSession
from vocabulary_dialogs import settle

from lmpt_desktop import translation
from lmpt_desktop.domain.records import ClassEntry, ClassSpec, Verdict
from lmpt_desktop.engine.search import NOTHING_ENCODED, SearchState
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.engine.vocabulary.class_preview import ClassPreview
from lmpt_desktop.interchange.class_lists import read_class_list
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.kit.dialogs import FRAME, size_within
from lmpt_desktop.ui.vocabulary.class_table import ALIASES, DESCRIPTION, MIME, NAME, moved, stepped
from lmpt_desktop.ui.vocabulary.dialog import VocabularyDialog
from lmpt_desktop.ui.vocabulary.list_change import vocabulary_change
from lmpt_desktop.ui.vocabulary.merging import MergeDialog, SplitDialog
from lmpt_desktop.ui.vocabulary.reused_name import ReusedNameDialog
from lmpt_desktop.ui.vocabulary.try_tab import preview_sentence

SMALL = QSize(1024, 640)


def names(session: LibrarySession) -> list[str]:
    return [entry.name for entry in session.snapshot().classes]


def test_the_table_lists_classes_with_their_annotations(dialog: VocabularyDialog) -> None:
    line = dialog.classes.model.rows[0]
    assert (line.entry.name, line.present, line.absent) == ("dog", 3, 1)
    assert dialog.classes.model.rowCount() == 6


def test_a_typed_class_is_added_at_once(
    dialog: VocabularyDialog, session: LibrarySession, qtbot: Any
) -> None:
    qtbot.keyClicks(dialog.classes.new_name, "  snow   plough ")
    qtbot.keyClicks(dialog.classes.new_description, "a truck that clears snow")
    qtbot.keyClick(dialog.classes.new_description, Qt.Key.Key_Return)
    settle(dialog)
    entry = session.snapshot().classes[-1]
    assert (entry.name, entry.description) == ("snow plough", "a truck that clears snow")
    assert dialog.isVisible()  # Enter adds; it does not press Close
    assert dialog.classes.new_name.text() == ""
    assert dialog.classes.selected_lines()[0].entry.name == "snow plough"


def test_a_name_that_is_taken_is_refused_with_the_reason(
    dialog: VocabularyDialog, session: LibrarySession, qtbot: Any
) -> None:
    qtbot.keyClicks(dialog.classes.new_name, "Dog")
    qtbot.keyClick(dialog.classes.new_name, Qt.Key.Key_Return)
    settle(dialog)
    assert "already a class" in dialog.strip.text
    assert dialog.classes.new_name.text() == "Dog"
    assert len(names(session)) == 6


def test_names_and_descriptions_are_edited_in_the_table(
    dialog: VocabularyDialog, session: LibrarySession
) -> None:
    model = dialog.classes.model
    model.setData(model.index(0, NAME), "puppy")
    settle(dialog)
    model.setData(model.index(0, DESCRIPTION), "a young dog")
    settle(dialog)
    entry = session.snapshot().classes[0]
    assert (entry.name, entry.description) == ("puppy", "a young dog")
    assert dialog.classes.model.rows[0].annotations == 4
    assert not model.setData(model.index(0, NAME), "   ")
    settle(dialog)
    assert names(session)[0] == "puppy"


def test_archiving_names_what_is_kept_and_can_be_undone(
    dialog: VocabularyDialog, session: LibrarySession, qtbot: Any
) -> None:
    dialog.classes.table.selectRow(0)
    assert "4 annotations" in dialog.classes.selected.text()
    qtbot.mouseClick(dialog.classes.archive, Qt.MouseButton.LeftButton)
    settle(dialog)
    assert "dog" not in names(session)
    assert "4 annotations are kept" in dialog.strip.text
    session.vocabulary.add("late")
    qtbot.mouseClick(dialog.strip.button, Qt.MouseButton.LeftButton)
    settle(dialog)
    assert names(session)[0] == "dog"
    assert names(session)[-1] == "late"
    assert dialog.classes.model.rows[0].annotations == 4
    dialog.redo()
    settle(dialog)
    assert "dog" not in names(session)


def test_the_delete_key_archives_every_selected_class(
    dialog: VocabularyDialog, session: LibrarySession, qtbot: Any
) -> None:
    dialog.classes.table.selectAll()
    dialog.classes.table.setFocus()
    qtbot.waitUntil(dialog.classes.table.hasFocus, timeout=5000)
    qtbot.keyClick(dialog.classes.table, Qt.Key.Key_Delete)
    settle(dialog)
    assert names(session) == []
    dialog.undo()
    settle(dialog)
    assert len(names(session)) == 6


def test_searching_hides_other_classes(dialog: VocabularyDialog, qtbot: Any) -> None:
    qtbot.keyClicks(dialog.classes.search, "LIGHT")
    assert dialog.classes.proxy.rowCount() == 1


def test_a_built_in_set_is_shown_before_it_is_used(
    dialog: VocabularyDialog, session: LibrarySession, qtbot: Any
) -> None:
    dialog.tabs.setCurrentWidget(dialog.list)
    dialog.list.use_built_in("coco80")
    assert len(names(session)) == 6
    assert "80 classes: 74 new, 6 kept" in dialog.list.effect.text()
    qtbot.mouseClick(dialog.list.apply, Qt.MouseButton.LeftButton)
    settle(dialog)
    assert len(names(session)) == 80
    assert names(session)[:2] == ["person", "bicycle"]
    assert not dialog.list.apply.isEnabled()


def test_a_list_that_drops_annotated_classes_says_so(dialog: VocabularyDialog) -> None:
    dialog.list.text.setPlainText("person\ncup\nkite\ntram\ttram on rails")
    text = dialog.list.effect.text()
    assert "4 classes: 1 new, 3 kept." in text
    assert "3 classes are archived (dog, traffic light and hair drier)" in text
    assert "Their 4 annotations are kept" in text


def test_only_a_changed_description_is_a_change_too(
    dialog: VocabularyDialog, session: LibrarySession, qtbot: Any
) -> None:
    dialog.list.current.click()
    assert not dialog.list.apply.isEnabled()
    text = dialog.list.text.toPlainText().replace("kite", "kite\ta kite in the sky")
    dialog.list.text.setPlainText(text)
    assert dialog.list.apply.isEnabled()
    dialog.list.apply.click()
    settle(dialog)
    assert session.snapshot().classes[3].description == "a kite in the sky"


def test_an_empty_list_cannot_be_used(dialog: VocabularyDialog) -> None:
    dialog.list.text.setPlainText("# nothing\n\n")
    assert not dialog.list.apply.isEnabled()
    assert dialog.list.effect.text() == ""


def test_a_file_is_opened_or_its_fault_is_shown(
    dialog: VocabularyDialog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    good, bad = tmp_path / "list.txt", tmp_path / "binary.txt"
    good.write_text("owl\nfox\tred fox\n", encoding="utf-8")
    bad.write_bytes(b"\xff\xfe\x00\x01")
    for path in (good, bad):
        monkeypatch.setattr(
            QFileDialog, "getOpenFileName", lambda *_args, path=path, **_more: (str(path), "")
        )
        dialog.list.open.click()
        qtbot.waitUntil(lambda: bool(dialog.list.specs()), timeout=5000)
    qtbot.waitUntil(lambda: "UTF-8" in dialog.strip.text, timeout=5000)
    assert dialog.list.specs() == [ClassSpec("owl"), ClassSpec("fox", "red fox")]


def test_a_refused_list_changes_nothing(
    dialog: VocabularyDialog, session: LibrarySession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_specs: object) -> None:
        raise OSError("The disk is full.")

    monkeypatch.setattr(session.vocabulary, "use_list", refuse)
    dialog.list.text.setPlainText("owl")
    dialog.list.apply.click()
    settle(dialog)
    assert "disk is full" in dialog.strip.text
    assert len(names(session)) == 6


def test_annotations_made_meanwhile_are_counted(
    dialog: VocabularyDialog, session: LibrarySession, qtbot: Any
) -> None:
    session.annotations.annotate([5], [session.snapshot().classes[0].id], Verdict.PRESENT)
    qtbot.waitUntil(lambda: dialog.classes.model.rows[0].present == 4, timeout=5000)


def test_a_library_without_classes_begins_with_the_list(
    session: LibrarySession, qtbot: Any
) -> None:
    session.vocabulary.set_all([])
    dialog = VocabularyDialog(session)
    qtbot.addWidget(dialog)
    assert dialog.tabs.currentWidget() is dialog.list


def test_change_ignores_case_and_knows_aliases() -> None:
    classes = [ClassEntry(1, "Dog", aliases=("puppy",)), ClassEntry(2, "cat")]
    wanted = [ClassSpec("PUPPY"), ClassSpec("owl")]
    change = vocabulary_change(classes, {2: 1}, wanted)
    assert change.added == ("owl",)
    assert change.kept == ("Dog",)
    assert change.removed == ("cat",)
    assert "1 class is archived (cat)" in change.sentence
    assert "Their 1 annotation is kept" in change.sentence


# ---------------------------------------------------------------------------- names and colour


def test_other_names_are_edited_in_the_table_and_found(
    dialog: VocabularyDialog, session: LibrarySession, qtbot: Any
) -> None:
    model = dialog.classes.model
    model.setData(model.index(0, ALIASES), " puppy |  hound|Puppy ")
    settle(dialog)
    assert session.snapshot().classes[0].aliases == ("puppy", "hound")
    assert model.data(model.index(0, ALIASES)) == "puppy | hound"
    qtbot.keyClicks(dialog.classes.search, "HOUN")
    assert dialog.classes.proxy.rowCount() == 1
    dialog.classes.search.clear()
    model.setData(model.index(1, ALIASES), "hound")
    settle(dialog)
    assert "another name of “dog”" in dialog.strip.text
    assert session.snapshot().classes[1].aliases == ()


def test_a_name_that_nearly_is_a_class_is_added_with_a_warning(
    dialog: VocabularyDialog, session: LibrarySession, qtbot: Any
) -> None:
    qtbot.keyClicks(dialog.classes.new_name, "dogs")
    qtbot.keyClick(dialog.classes.new_name, Qt.Key.Key_Return)
    settle(dialog)
    assert names(session)[-1] == "dogs"
    assert "already a class “dog”" in dialog.strip.text
    dialog.undo()
    settle(dialog)
    assert "dogs" not in names(session)


def test_a_colour_is_chosen_and_taken_off(
    dialog: VocabularyDialog, session: LibrarySession, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PySide6.QtGui import QColor

    monkeypatch.setattr(QColorDialog, "getColor", lambda *_args: QColor("#336699"))
    dialog.classes.table.selectRow(0)
    menu = dialog.classes.colour.menu()
    menu.actions()[0].trigger()
    settle(dialog)
    assert session.snapshot().classes[0].colour == "#336699"
    menu.actions()[1].trigger()
    settle(dialog)
    assert session.snapshot().classes[0].colour == ""
    dialog.undo()
    settle(dialog)
    assert session.snapshot().classes[0].colour == "#336699"


# ------------------------------------------------------------------------------------ order


def test_the_selection_moves_with_the_keys(
    dialog: VocabularyDialog, session: LibrarySession, qtbot: Any
) -> None:
    table = dialog.classes.table
    table.setFocus()
    dialog.classes.select_class("kite")
    qtbot.waitUntil(table.hasFocus, timeout=5000)
    for _time in range(2):
        qtbot.keyClick(table, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
        settle(dialog)
    assert names(session)[:2] == ["dog", "kite"]
    assert [line.entry.name for line in dialog.classes.selected_lines()] == ["kite"]
    qtbot.keyClick(table, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    settle(dialog)
    assert names(session)[:3] == ["dog", "person", "kite"]


def test_dragged_rows_are_put_where_they_are_dropped(
    dialog: VocabularyDialog, session: LibrarySession
) -> None:
    model = dialog.classes.model
    data = model.mimeData([model.index(4, 0), model.index(5, 0)])
    assert not model.dropMimeData(data, Qt.DropAction.MoveAction, 1, 0, model.index(-1, -1))
    settle(dialog)
    assert names(session) == ["dog", "hair drier", "cup", "person", "traffic light", "kite"]
    other = QMimeData()
    assert not model.dropMimeData(other, Qt.DropAction.MoveAction, 1, 0, model.index(-1, -1))
    for foreign in (b"", b"3", b'{"a": 1}', b'["1"]', b"[[1]]", b"[" * 100_000, b"\xff"):
        other.setData(MIME, foreign)
        assert not model.dropMimeData(other, Qt.DropAction.MoveAction, 1, 0, model.index(-1, -1))
    settle(dialog)
    assert names(session)[0] == "dog"


def test_sorted_or_searched_the_order_cannot_be_changed(dialog: VocabularyDialog) -> None:
    dialog.classes.table.selectRow(1)
    assert dialog.classes.up.isEnabled()
    dialog.classes.search.setText("d")
    dialog.classes.table.selectRow(1)
    assert not dialog.classes.up.isEnabled()
    dialog.classes.search.clear()
    dialog.classes.table.sortByColumn(NAME, Qt.SortOrder.AscendingOrder)
    dialog.classes.table.selectRow(1)
    assert not dialog.classes.up.isEnabled()


def test_moving_keeps_the_order_of_what_is_moved() -> None:
    assert moved([1, 2, 3, 4, 5], [4, 2], 5) == [1, 3, 5, 2, 4]
    assert moved([1, 2, 3, 4, 5], [4, 2], 0) == [2, 4, 1, 3, 5]
    assert stepped([1, 2, 3, 4], [1, 3], -1) == [1, 3, 2, 4]
    assert stepped([1, 2, 3, 4], [4], 1) == [1, 2, 3, 4]
    assert stepped([1, 2, 3, 4], [2], 1) == [1, 3, 2, 4]


# -------------------------------------------------------------------------- merge and split


def select(dialog: VocabularyDialog, *wanted: str) -> None:
    dialog.classes.select_ids(
        [line.entry.id for line in dialog.classes.model.rows if line.entry.name in wanted]
    )


def test_merging_is_previewed_then_done_then_undone(
    dialog: VocabularyDialog, session: LibrarySession, qtbot: Any
) -> None:
    session.annotations.annotate([3, 4], [session.snapshot().classes[3].id], Verdict.PRESENT)
    select(dialog, "dog", "kite")
    qtbot.mouseClick(dialog.classes.merge, Qt.MouseButton.LeftButton)
    asked = dialog.findChild(MergeDialog)
    assert asked is not None
    assert asked.into.currentText() == "dog"  # which has the most verdicts
    qtbot.waitUntil(lambda: asked.plan is not None, timeout=5000)
    assert "“kite” and “dog” become “dog”: 4 photos." in asked.sentences.text()
    assert "1 photo is marked present for one and absent for another" in asked.sentences.text()
    words = asked.sentences
    assert words.height() >= words.heightForWidth(words.width())
    assert names(session)[3] == "kite"
    qtbot.mouseClick(asked.act, Qt.MouseButton.LeftButton)
    settle(dialog)
    assert "kite" not in names(session)
    assert session.snapshot().annotations[:4, 0].tolist() == [1, 1, 1, 1]
    dialog.undo()
    settle(dialog)
    assert names(session)[3] == "kite"
    assert session.snapshot().annotations[:4, 0].tolist() == [1, 1, 1, 0]


def test_another_class_may_stay(
    dialog: VocabularyDialog, session: LibrarySession, qtbot: Any
) -> None:
    select(dialog, "dog", "kite")
    dialog.classes.merge.click()
    asked = dialog.findChild(MergeDialog)
    assert asked is not None
    asked.into.setCurrentText("kite")
    asked.absent.setChecked(False)
    qtbot.waitUntil(lambda: asked.plan is not None, timeout=5000)
    asked.act.click()
    settle(dialog)
    assert session.snapshot().classes[2].name == "kite"
    assert session.snapshot().annotations[:4, 2].tolist() == [1, 1, 1, -1]


def test_one_class_cannot_be_merged_nor_two_be_split(dialog: VocabularyDialog) -> None:
    select(dialog, "dog")
    assert not dialog.classes.merge.isEnabled()
    assert dialog.classes.split.isEnabled()
    select(dialog, "dog", "kite")
    assert dialog.classes.merge.isEnabled()
    assert not dialog.classes.split.isEnabled()


def test_splitting_shows_the_photos_to_look_through(
    dialog: VocabularyDialog, session: LibrarySession, qtbot: Any
) -> None:
    shown: list[list[int]] = []
    dialog.images_requested.connect(shown.append)
    select(dialog, "dog")
    dialog.classes.split.click()
    asked = dialog.findChild(SplitDialog)
    assert asked is not None
    assert not asked.act.isEnabled()
    asked.names.setPlainText("guide dog\nKITE")
    qtbot.waitUntil(lambda: "already" in asked.strip.text, timeout=5000)
    assert not asked.act.isEnabled()
    asked.names.setPlainText("guide dog\nstray dog\n")
    qtbot.waitUntil(lambda: asked.plan is not None, timeout=5000)
    assert "3 photos in which it is present are shown next" in asked.sentences.text()
    asked.act.click()
    settle(dialog)
    assert shown == [[1, 2, 3]]
    assert names(session)[:2] == ["guide dog", "stray dog"]
    dialog.undo()
    settle(dialog)
    assert names(session)[:2] == ["dog", "person"]


# ------------------------------------------------------------------------- archive and files


def test_archived_classes_come_back_from_their_tab(
    dialog: VocabularyDialog, session: LibrarySession, qtbot: Any
) -> None:
    select(dialog, "dog")
    dialog.classes.archive.click()
    qtbot.waitUntil(lambda: len(dialog.archived.model.rows) == 1, timeout=5000)
    assert dialog.tabs.tabText(3) == "Archive (1)"
    dialog.tabs.setCurrentWidget(dialog.archived)
    dialog.archived.table.selectRow(0)
    qtbot.mouseClick(dialog.archived.back, Qt.MouseButton.LeftButton)
    settle(dialog)
    assert names(session)[-1] == "dog"
    qtbot.waitUntil(lambda: not dialog.archived.model.rows, timeout=5000)


@pytest.mark.parametrize(("name", "kind"), [("out.csv", ""), ("out", "Text (*.txt)")])
def test_classes_go_to_a_file_and_come_back(  # noqa: PLR0917 - fixtures
    dialog: VocabularyDialog,
    session: LibrarySession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    qtbot: Any,
    name: str,
    kind: str,
) -> None:
    session.vocabulary.set_aliases(session.snapshot().classes[0].id, ["puppy"])
    path = tmp_path / name
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: (str(path), kind))
    dialog.list.save.click()
    qtbot.waitUntil(lambda: "6 classes written" in dialog.strip.text, timeout=5000)
    written = path if path.suffix else path.with_suffix(".txt")
    assert read_class_list(written)[0] == ClassSpec("dog", "", ("puppy",))


def test_a_list_can_be_added_to_the_vocabulary(
    dialog: VocabularyDialog, session: LibrarySession
) -> None:
    dialog.list.text.setPlainText("Dog\nowl\tsmall owl\ttyto | barn owl\n")
    dialog.list.add.click()
    settle(dialog)
    assert names(session) == ["dog", "person", "traffic light", "kite", "hair drier", "cup", "owl"]
    assert session.snapshot().classes[-1].aliases == ("tyto", "barn owl")
    dialog.list.text.setPlainText("kite")
    assert not dialog.list.add.isEnabled()


# --------------------------------------------------------------------------------- trying


def test_a_name_that_is_taken_cannot_be_added_from_the_try_page(
    dialog: VocabularyDialog, session: LibrarySession, qtbot: Any
) -> None:
    remember_text(session, "lighthouse", like="kite")
    dialog.tabs.setCurrentWidget(dialog.try_out)
    qtbot.keyClicks(dialog.try_out.name, "DOG")
    assert "There is already a class “dog”." in dialog.try_out.warning.text
    assert not dialog.try_out.add.isEnabled()
    qtbot.keyClicks(dialog.try_out.name, "s")
    assert "plural" in dialog.try_out.warning.text
    assert dialog.try_out.add.isEnabled()
    dialog.try_out.name.setText("lighthouse")
    assert dialog.try_out.warning.isHidden()
    qtbot.waitUntil(lambda: "alone: predicted in" in dialog.try_out.sentence.text(), timeout=5000)
    qtbot.mouseClick(dialog.try_out.add, Qt.MouseButton.LeftButton)
    settle(dialog)
    assert names(session)[-1] == "lighthouse"
    # It was added here, just now: no reason to warn, and none to add it twice.
    assert dialog.try_out.warning.isHidden()
    assert not dialog.try_out.add.isEnabled()
    qtbot.keyClicks(dialog.try_out.name, " ")
    assert "There is already a class “lighthouse”." in dialog.try_out.warning.text


def remember_text(session: LibrarySession, text: str, *, like: str) -> None:
    """Keep an embedding of ``text`` as the encoder would have made it: that of another one."""
    texts = {text: text_vector(like)}
    session.catalogue.features.put_texts(BACKBONE, texts, FACTS.variant)


def test_trying_a_name_shows_the_photos_that_fit_it_best(
    dialog: VocabularyDialog, session: LibrarySession, qtbot: Any
) -> None:
    remember_text(session, "tower", like="kite")
    kite = session.snapshot().scores[:10, KITE - 1]
    dialog.tabs.setCurrentWidget(dialog.try_out)
    qtbot.keyClicks(dialog.try_out.name, "tower")
    found = (kite >= 0.5).sum()
    qtbot.waitUntil(
        lambda: f"predicted in {found or 'none'} of 10 photos" in dialog.try_out.sentence.text(),
        timeout=5000,
    )
    shown = [line.image_id for line in dialog.try_out.model.rows]
    assert shown == (1 + np.argsort(-kite)).tolist()[: len(shown)] and shown


def test_trying_a_name_before_any_photo_is_encoded_explains_why_nothing_is_found(
    library: Path, open_session: OpenSession, qtbot: Any
) -> None:
    dialog = VocabularyDialog(open_session(library, begin=False))
    qtbot.addWidget(dialog)
    dialog.tabs.setCurrentWidget(dialog.try_out)
    qtbot.keyClicks(dialog.try_out.name, "tower")
    qtbot.waitUntil(lambda: dialog.try_out.sentence.text() == NOTHING_ENCODED, timeout=5000)


# ---------------------------------------------------------------------------- large libraries


def test_in_a_large_library_nothing_waits(
    dialog: VocabularyDialog, session: LibrarySession, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    select(dialog, "dog")
    dialog.classes.archive.click()
    assert not dialog.classes.archive.isEnabled()
    settle(dialog)
    qtbot.waitUntil(lambda: "was archived" in dialog.strip.text, timeout=5000)
    dialog.undo()
    settle(dialog)
    qtbot.waitUntil(lambda: names(session)[0] == "dog", timeout=5000)
    qtbot.waitUntil(
        lambda: [line.present for line in dialog.classes.model.rows][:1] == [3], timeout=5000
    )


def test_the_selection_outlives_a_change_made_elsewhere(
    dialog: VocabularyDialog, session: LibrarySession, qtbot: Any
) -> None:
    select(dialog, "kite", "cup")
    session.vocabulary.add("owl")
    qtbot.waitUntil(lambda: len(dialog.classes.model.rows) == 7, timeout=5000)
    assert [line.entry.name for line in dialog.classes.selected_lines()] == ["kite", "cup"]
    flags = QItemSelectionModel.SelectionFlag
    dialog.classes.table.selectionModel().select(
        dialog.classes.proxy.mapFromSource(dialog.classes.model.index(6, NAME)),
        flags.Select | flags.Rows,
    )
    assert len(dialog.classes.selected_lines()) == 3


def reused_name_dialog(dialog: VocabularyDialog, name: str, description: str = "") -> Any:
    """Types a new class whose name is in the archive; gives the question that follows."""
    dialog.classes.new_name.setText(name)
    dialog.classes.new_description.setText(description)
    dialog.classes.add.click()
    settle(dialog)
    return dialog.findChild(ReusedNameDialog)


def test_a_name_from_the_archive_is_said_and_brought_back_with_what_was_known(
    dialog: VocabularyDialog, session: LibrarySession
) -> None:
    session.vocabulary.describe(DOG, "a small barking dog")
    session.vocabulary.archive([DOG])
    question = reused_name_dialog(dialog, "Dog")
    assert "4 annotations" in question.sentence.text()
    assert "“a small barking dog”" in question.sentence.text()
    assert "dog" not in names(session)  # nothing came back silently
    question.back.click()
    settle(dialog)
    entry = next(item for item in session.snapshot().classes if item.id == DOG)
    assert (entry.name, entry.description) == ("Dog", "a small barking dog")


def test_a_name_from_the_archive_can_begin_afresh(
    dialog: VocabularyDialog, session: LibrarySession
) -> None:
    session.vocabulary.describe(DOG, "a small barking dog")
    session.vocabulary.archive([DOG])
    question = reused_name_dialog(dialog, "dog")
    question.fresh.click()
    settle(dialog)
    (entry,) = [item for item in session.snapshot().classes if item.name == "dog"]
    assert entry.id != DOG
    assert entry.description == ""
    column = session.snapshot().column_of[entry.id]
    assert (session.snapshot().annotations[:, column] < 0).all()
    assert session.vocabulary.archived()[0][0].description == "a small barking dog"


def test_cancelling_the_question_adds_nothing(
    dialog: VocabularyDialog, session: LibrarySession
) -> None:
    session.vocabulary.archive([DOG])
    reused_name_dialog(dialog, "dog", "typed").reject()
    settle(dialog)
    assert "dog" not in names(session)
    assert dialog.classes.new_name.text() == "dog"


def test_what_a_preview_was_made_of_is_said() -> None:
    preview = ClassPreview("tall construction crane", SearchState.READY, predicted=3)
    assert "By its name “crane” alone" in preview_sentence(preview, "crane")
    described = preview_sentence(preview, "crane", "tall construction crane")
    assert "“tall construction crane” alone, not by its name" in described
    several = preview_sentence(preview, "person", "man; woman;child")
    assert "By its descriptions “man”, “woman” and “child” together, not by its name" in several
    assert "By its name “a; b” alone" in preview_sentence(preview, "a; b")


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_dialog_fits_a_small_screen_at_150_percent(
    session: LibrarySession, bridge: SessionBridge, qtbot: QtBot, language: str
) -> None:
    translation.use_language(language)
    font = QApplication.font()
    large = QFont(font)
    large.setPointSizeF(font.pointSizeF() * 1.2)  # as wide as German gets on other systems
    try:
        QApplication.setFont(large)
        dialog = VocabularyDialog(session, bridge)
        qtbot.addWidget(dialog)
        dialog.show()
        settle(dialog)
        for place in range(dialog.tabs.count()):
            dialog.tabs.setCurrentIndex(place)
            QApplication.processEvents()
            needed = dialog.minimumSizeHint()
            assert needed.width() <= SMALL.width(), dialog.tabs.tabText(place)
            assert needed.height() <= SMALL.height(), dialog.tabs.tabText(place)
        size = size_within(SMALL, QSize(1080, 660))
        assert size == SMALL - FRAME
        dialog.resize(size)
        QApplication.processEvents()
        assert dialog.size() == size
    finally:
        QApplication.setFont(font)
        translation.use_language("en")


def test_it_never_begins_wider_than_its_screen(dialog: VocabularyDialog) -> None:
    assert dialog.width() <= dialog.screen().availableGeometry().width()
