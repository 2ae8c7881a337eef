"""Editing the vocabulary, by single classes and as a list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

from lmpt_desktop.engine.views import ClassSpec, Verdict
from lmpt_desktop.ui.dialogs.vocabulary import VocabularyDialog
from lmpt_desktop.ui.dialogs.vocabulary_change import vocabulary_change
from lmpt_desktop.ui.dialogs.vocabulary_model import DESCRIPTION, NAME


@pytest.fixture
def dialog(session: Any, bridge: Any, qtbot: Any) -> VocabularyDialog:
    session.annotate([1, 2, 3], [10], Verdict.PRESENT)
    session.annotate([4], [10], Verdict.ABSENT)
    dialog = VocabularyDialog(session, bridge)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def names(session: Any) -> list[str]:
    return [entry.name for entry in session.snapshot().classes]


def test_the_table_lists_classes_with_their_annotations(dialog: VocabularyDialog) -> None:
    line = dialog.classes.model.lines[0]
    assert (line.entry.name, line.present, line.absent) == ("dog", 3, 1)
    assert dialog.classes.model.rowCount() == 6


def test_a_typed_class_is_added_at_once(dialog: VocabularyDialog, session: Any, qtbot: Any) -> None:
    qtbot.keyClicks(dialog.classes.new_name, "  snow   plough ")
    qtbot.keyClicks(dialog.classes.new_description, "a truck that clears snow")
    qtbot.keyClick(dialog.classes.new_description, Qt.Key.Key_Return)
    entry = session.snapshot().classes[-1]
    assert (entry.name, entry.description) == ("snow plough", "a truck that clears snow")
    assert dialog.isVisible()  # Enter adds; it does not press Close
    assert dialog.classes.new_name.text() == ""
    assert dialog.classes.selected_lines()[0].entry.name == "snow plough"


def test_a_name_that_is_taken_is_refused_with_the_reason(
    dialog: VocabularyDialog, session: Any, qtbot: Any
) -> None:
    qtbot.keyClicks(dialog.classes.new_name, "Dog")
    qtbot.keyClick(dialog.classes.new_name, Qt.Key.Key_Return)
    assert "already a class" in dialog.strip.text
    assert dialog.classes.new_name.text() == "Dog"
    assert len(names(session)) == 6


def test_names_and_descriptions_are_edited_in_the_table(
    dialog: VocabularyDialog, session: Any
) -> None:
    model = dialog.classes.model
    model.setData(model.index(0, NAME), "puppy")
    model.setData(model.index(0, DESCRIPTION), "a young dog")
    entry = session.snapshot().classes[0]
    assert (entry.id, entry.name, entry.description) == (10, "puppy", "a young dog")
    assert dialog.classes.model.lines[0].annotations == 4
    assert not model.setData(model.index(0, NAME), "   ")
    assert names(session)[0] == "puppy"


def test_removing_says_what_is_kept_and_can_be_undone(
    dialog: VocabularyDialog, session: Any, qtbot: Any
) -> None:
    dialog.classes.table.selectRow(0)
    assert "4 annotations" in dialog.classes.selected.text()
    qtbot.mouseClick(dialog.classes.remove, Qt.MouseButton.LeftButton)
    assert "dog" not in names(session)
    assert "4 annotations are kept" in dialog.strip.text
    session.add_class("late")
    qtbot.mouseClick(dialog.strip.button, Qt.MouseButton.LeftButton)
    assert names(session)[0] == "dog"
    assert names(session)[-1] == "late"
    dialog.refresh()
    assert dialog.classes.model.lines[0].annotations == 4


def test_the_delete_key_removes_every_selected_class(
    dialog: VocabularyDialog, session: Any, qtbot: Any
) -> None:
    dialog.classes.table.selectAll()
    dialog.classes.table.setFocus()
    qtbot.waitUntil(dialog.classes.table.hasFocus, timeout=5000)
    qtbot.keyClick(dialog.classes.table, Qt.Key.Key_Delete)
    assert names(session) == []
    dialog.undo_removal()
    assert len(names(session)) == 6


def test_searching_hides_other_classes(dialog: VocabularyDialog, qtbot: Any) -> None:
    qtbot.keyClicks(dialog.classes.search, "LIGHT")
    assert dialog.classes.proxy.rowCount() == 1


def test_a_built_in_set_is_shown_before_it_is_used(
    dialog: VocabularyDialog, session: Any, qtbot: Any
) -> None:
    dialog.tabs.setCurrentWidget(dialog.list)
    dialog.list.use_built_in("coco80")
    assert len(names(session)) == 6
    assert "80 classes: 74 new, 6 kept" in dialog.list.effect.text()
    qtbot.mouseClick(dialog.list.apply, Qt.MouseButton.LeftButton)
    assert len(names(session)) == 80
    assert names(session)[:2] == ["person", "bicycle"]
    assert not dialog.list.apply.isEnabled()


def test_a_list_that_drops_annotated_classes_says_so(dialog: VocabularyDialog) -> None:
    dialog.list.text.setPlainText("person\ncup\nkite\ntram\ttram on rails")
    text = dialog.list.effect.text()
    assert "4 classes: 1 new, 3 kept." in text
    assert "3 classes are removed (dog, traffic light, hair drier)" in text
    assert "Their 4 annotations come back" in text


def test_only_a_changed_description_is_a_change_too(
    dialog: VocabularyDialog, session: Any, qtbot: Any
) -> None:
    dialog.list.current.click()
    assert not dialog.list.apply.isEnabled()
    text = dialog.list.text.toPlainText().replace("kite", "kite\ta kite in the sky")
    dialog.list.text.setPlainText(text)
    assert dialog.list.apply.isEnabled()
    dialog.list.apply.click()
    assert session.snapshot().classes[3].description == "a kite in the sky"


def test_an_empty_list_cannot_be_used(dialog: VocabularyDialog) -> None:
    dialog.list.text.setPlainText("# nothing\n\n")
    assert not dialog.list.apply.isEnabled()
    assert dialog.list.effect.text() == ""


def test_a_file_is_opened_or_its_fault_is_said(
    dialog: VocabularyDialog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = tmp_path / "list.txt", tmp_path / "binary.txt"
    good.write_text("owl\nfox\tred fox\n", encoding="utf-8")
    bad.write_bytes(b"\xff\xfe\x00\x01")
    for path in (good, bad):
        monkeypatch.setattr(
            QFileDialog, "getOpenFileName", lambda *_args, path=path, **_more: (str(path), "")
        )
        dialog.list.open.click()
    assert dialog.list.specs() == [ClassSpec("owl"), ClassSpec("fox", "red fox")]
    assert "UTF-8" in dialog.strip.text


def test_a_refused_list_changes_nothing(dialog: VocabularyDialog, session: Any) -> None:
    session.refused = OSError("The disk is full.")
    dialog.list.text.setPlainText("owl")
    dialog.list.apply.click()
    assert "disk is full" in dialog.strip.text
    assert len(names(session)) == 6


def test_annotations_made_meanwhile_are_counted(
    dialog: VocabularyDialog, session: Any, qtbot: Any
) -> None:
    session.annotate([5], [10], Verdict.PRESENT)
    qtbot.waitUntil(lambda: dialog.classes.model.lines[0].present == 4, timeout=5000)


def test_a_library_without_classes_begins_with_the_list(session: Any, qtbot: Any) -> None:
    session.set_vocabulary([])
    dialog = VocabularyDialog(session)
    qtbot.addWidget(dialog)
    assert dialog.tabs.currentWidget() is dialog.list


def test_change_ignores_case_and_counts_annotations_of_removed_classes() -> None:
    change = vocabulary_change(["Dog", "cat"], {"cat": 1}, [ClassSpec("dog"), ClassSpec("owl")])
    assert change.added == ("owl",)
    assert change.kept == ("Dog",)
    assert change.removed == ("cat",)
    assert "1 class is removed (cat)" in change.sentence
    assert "1 annotation comes back" in change.sentence
