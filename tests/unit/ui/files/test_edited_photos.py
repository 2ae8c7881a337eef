"""What the user says about edited photos, by commands."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from copied_photos import set_pictures
from numpy.typing import NDArray
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot
from shells import BY_ID, BareLibrary
from ui_libraries import DOG, settle

from lmpt_desktop.domain.records import TransferReason, Verdict
from lmpt_desktop.inference.filters import Filter, Sort, select
from lmpt_desktop.ui.files import edited_photos
from lmpt_desktop.ui.grid.cells import cell
from lmpt_desktop.ui.grid.marks import Mark
from lmpt_desktop.ui.grid.model import describe
from lmpt_desktop.ui.inspector.panel import InspectorPanel
from lmpt_desktop.ui.shell.context import ShellContext

EDITED = (2, 4)


class Chosen:
    """A view in which images are chosen."""

    focus_class = None

    def __init__(self, *image_ids: int) -> None:
        self._ids = np.array(image_ids, np.int64)

    def chosen_count(self) -> int:
        return len(self._ids)

    def chosen_ids(self) -> NDArray[np.int64]:
        return self._ids


Choose = Callable[..., None]


@pytest.fixture
def library(opened: BareLibrary, qtbot: QtBot) -> BareLibrary:
    """Images 2 and 4 are edited versions of 1 and 3."""
    session = opened.session
    session.annotations.annotate([1, 3], [DOG], Verdict.PRESENT)
    set_pictures(session.catalogue, {1: "a", 2: "b", 3: "c", 4: "d"})
    session.catalogue.images.mark_missing([1, 3])
    batch = session.catalogue.transfers.follow(
        [(1, 2), (3, 4)], TransferReason.EDIT, "followed", edited=True
    )
    session.annotations.show_followed(batch)
    settle(session)
    return opened


@pytest.fixture
def choose(library: BareLibrary, monkeypatch: pytest.MonkeyPatch) -> Choose:
    """``choose(1, 2)`` selects these images."""

    def chosen(*image_ids: int) -> None:
        monkeypatch.setattr(BareLibrary, "view", Chosen(*image_ids))

    return chosen


def said(library: BareLibrary) -> list[int]:
    return library.session.catalogue.annotations.matrix([1, 2, 3, 4], [DOG])[:, 0].tolist()


def still_edited(library: BareLibrary) -> list[int]:
    settle(library.session)
    return library.session.edits.edited(np.arange(13)).tolist()


def question(context: ShellContext, qtbot: QtBot) -> QMessageBox:
    qtbot.waitUntil(lambda: context.dialogs.find("edited photos") is not None)
    box = context.dialogs.find("edited photos")
    assert isinstance(box, QMessageBox)
    return box


def test_the_commands_need_an_edited_photo(
    context: ShellContext, library: BareLibrary, choose: Choose
) -> None:
    for command_id in ("image.confirm-edited", "image.separate-edited"):
        [enabled] = BY_ID[command_id].when
        choose()
        assert not enabled(context)
        choose(5, 6)
        assert not enabled(context)
        choose(5, 4)
        assert enabled(context)


def test_one_photo_is_confirmed_without_a_question(
    context: ShellContext, library: BareLibrary, choose: Choose, qtbot: QtBot
) -> None:
    choose(2)
    edited_photos.confirm(context)
    qtbot.waitUntil(lambda: still_edited(library) == [4])
    assert said(library) == [-1, 1, -1, 1]
    assert context.dialogs.find("edited photos") is None


def test_several_are_confirmed_after_a_question(
    context: ShellContext, library: BareLibrary, choose: Choose, qtbot: QtBot
) -> None:
    choose(2, 4, 5)
    edited_photos.confirm(context)
    box = question(context, qtbot)
    assert box.text() == "Do the annotations of 2 edited photos still hold?"
    box.reject()
    assert still_edited(library) == [2, 4]
    edited_photos.confirm(context)
    box = question(context, qtbot)
    box.defaultButton().click()
    qtbot.waitUntil(lambda: still_edited(library) == [])


def test_another_photo_gives_its_annotations_back(
    context: ShellContext, library: BareLibrary, choose: Choose, qtbot: QtBot
) -> None:
    choose(4)
    with qtbot.waitSignal(library.undo_stack.committed):
        edited_photos.separate(context)
    assert said(library) == [-1, 1, 1, -1]
    assert still_edited(library) == [2]
    assert library.undo_stack.stack.undoText() == "Annotations of 1 photo given back"
    library.undo_stack.undo()
    qtbot.waitUntil(lambda: said(library) == [-1, 1, -1, 1])
    assert still_edited(library) == [2, 4]


def test_several_give_back_after_a_question(
    context: ShellContext, library: BareLibrary, choose: Choose, qtbot: QtBot
) -> None:
    session = library.session
    session.catalogue.transfers.set_edited([5], True)
    batch = session.annotations.annotate([6], [DOG], Verdict.ABSENT)
    session.annotations.undo(batch)  # reads again which images were written
    qtbot.waitUntil(lambda: still_edited(library) == [2, 4, 5])
    choose(2, 4, 5)
    edited_photos.separate(context)
    box = question(context, qtbot)
    assert box.text() == "Do 2 edited photos show something else than was annotated?"
    assert "1 more photo is left as it is" in box.informativeText()
    with qtbot.waitSignal(library.undo_stack.committed):
        box.defaultButton().click()
    assert said(library) == [1, -1, 1, -1]
    assert still_edited(library) == [5]


def test_edited_photos_are_marked_filtered_and_explained(
    library: BareLibrary, qtbot: QtBot
) -> None:
    snapshot = library.session.snapshot()
    rows = select(snapshot, Filter(edited=True), Sort())
    assert snapshot.image_ids[rows].tolist() == list(EDITED)
    shown = cell(snapshot, int(rows[0]), None)
    assert Mark.EDITED in shown.marks
    assert "Changed since annotated" in describe(shown)
    inspector = InspectorPanel(library.session)
    qtbot.addWidget(inspector)
    inspector.show_images([2])
    assert not inspector.facts.edited.isHidden()
    for button, asked in (
        (inspector.facts.still_hold, inspector.edited_confirmed),
        (inspector.facts.another, inspector.edited_separated),
    ):
        with qtbot.waitSignal(asked):
            button.click()
    inspector.show_images([5])
    assert inspector.facts.edited.isHidden()
    inspector.show_images([2, 5])
    assert inspector.facts.edited.isHidden()
