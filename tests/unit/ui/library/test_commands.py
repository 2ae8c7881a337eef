"""Commands on the page of a library, with the real page and no window around it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMainWindow, QMessageBox
from pytestqt.qtbot import QtBot
from shells import no_thumbnail
from ui_libraries import BACKBONE, DOG, FACTS, KITE, OpenSession, draw_photo, verdict_of

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.encoding.model_facts import setting_name
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.settings import SHOW_INSPECTOR, SHOW_REGIONS, ZOOM
from lmpt_desktop.ui.grid.panel import GridPanel
from lmpt_desktop.ui.inspector.panel import InspectorPanel
from lmpt_desktop.ui.kit import file_manager
from lmpt_desktop.ui.kit.region_overlay import TIP
from lmpt_desktop.ui.library.commands import raw_chosen, reveal
from lmpt_desktop.ui.library.folder_tree import FolderTree
from lmpt_desktop.ui.library.opened import Opened
from lmpt_desktop.ui.library.page import LibraryPage, PageParts
from lmpt_desktop.ui.shell.context import ShellContext
from trainer.box import Box

WAIT_MS = 10_000
REGION = Box(0.25, 0.25, 0.5, 0.5)


@pytest.fixture
def page(context: ShellContext, session: LibrarySession, qtbot: QtBot) -> Iterator[LibraryPage]:
    """The page with its photos shown."""
    folders = tuple(session.catalogue.folders.all())
    parts = PageParts(FolderTree(), GridPanel(session, no_thumbnail), InspectorPanel(session))
    made = LibraryPage(Opened(session, no_thumbnail, folders=folders), context)
    made.fill(parts)
    window = context.dialog_parent
    assert isinstance(window, QMainWindow)
    window.setCentralWidget(made)
    window.resize(1200, 700)
    context.set_library(made)
    window.show()
    qtbot.waitExposed(window)
    qtbot.waitUntil(lambda: len(made.shown_ids()) == 12, timeout=WAIT_MS)
    yield made
    context.set_library(None)
    made.close_page()


def choose(page: LibraryPage, *image_ids: int) -> None:
    page.grid.select_ids(list(image_ids), image_ids[0])


def enabled(context: ShellContext, command_id: str) -> bool:
    return context.commands.action(command_id).isEnabled()


def test_verdicts_need_a_chosen_photo(
    page: LibraryPage, context: ShellContext, qtbot: QtBot
) -> None:
    page.set_focus_class(DOG)
    choose(page, 1, 2)
    qtbot.waitUntil(lambda: enabled(context, "image.present"))
    page.grid.clearSelection()
    qtbot.waitUntil(lambda: not enabled(context, "image.present"))


def test_a_verdict_is_given_to_the_chosen_photos_and_undone(
    page: LibraryPage, context: ShellContext, session: LibrarySession, qtbot: QtBot
) -> None:
    choose(page, 1, 2)
    page.set_focus_class(KITE)
    qtbot.waitUntil(lambda: enabled(context, "image.absent"))
    context.commands.trigger("image.absent")
    qtbot.waitUntil(lambda: enabled(context, "edit.undo"))
    assert [verdict_of(session, image_id, KITE) for image_id in (1, 2, 3)] == [0, 0, -1]
    context.commands.trigger("edit.undo")
    qtbot.waitUntil(lambda: enabled(context, "edit.redo"))
    assert verdict_of(session, 1, KITE) == -1


def test_photos_are_marked_as_reviewed(
    page: LibraryPage, context: ShellContext, session: LibrarySession, qtbot: QtBot
) -> None:
    choose(page, 3)
    qtbot.waitUntil(lambda: enabled(context, "image.reviewed"))
    context.commands.trigger("image.reviewed")
    qtbot.waitUntil(lambda: bool(session.snapshot().reviewed[2]))


def test_features_can_narrow_the_grid_to_photos_or_a_class(
    page: LibraryPage, session: LibrarySession, qtbot: QtBot
) -> None:
    page.show_images([2, 5])
    qtbot.waitUntil(lambda: page.shown_ids().tolist() == [2, 5], timeout=WAIT_MS)
    page.show_class(DOG)
    qtbot.waitUntil(lambda: page.filtered_class == DOG)
    snapshot = session.snapshot()
    dogs = snapshot.image_ids[snapshot.scores[:, 0] >= snapshot.thresholds[0]]
    qtbot.waitUntil(lambda: set(page.shown_ids().tolist()) == set(dogs.tolist()), timeout=WAIT_MS)


def test_paths_are_copied_one_a_line(
    page: LibraryPage, context: ShellContext, session: LibrarySession, qtbot: QtBot
) -> None:
    choose(page, 4, 5)
    qtbot.waitUntil(lambda: page.grid_view.chosen_count() == 2)
    context.commands.trigger("image.copy-path")
    expected = "\n".join(str(session.images.path(image_id)) for image_id in (4, 5))
    qtbot.waitUntil(lambda: QGuiApplication.clipboard().text() == expected)
    assert context.status.currentMessage() == "2 paths copied"


def test_photos_are_opened_and_revealed_by_other_programs(
    page: LibraryPage,
    context: ShellContext,
    session: LibrarySession,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[Path] = []
    revealed: list[Path] = []
    monkeypatch.setattr(file_manager, "open_path", opened.append)
    monkeypatch.setattr(file_manager, "reveal", revealed.append)
    choose(page, 4)
    qtbot.waitUntil(lambda: page.grid_view.chosen_ids().tolist() == [4])
    context.commands.trigger("image.open")
    context.commands.trigger("image.reveal")
    path = session.images.path(4)
    qtbot.waitUntil(lambda: (opened, revealed) == ([path], [path]))
    assert context.status.currentMessage() == "No program is set up to open this photo."


def test_parts_of_the_page_are_hidden_for_good(page: LibraryPage, context: ShellContext) -> None:
    context.commands.trigger("view.inspector")
    assert page.inspector.isHidden() and context.settings.get(SHOW_INSPECTOR) is False
    assert not context.commands.action("view.inspector").isChecked()
    context.commands.trigger("view.inspector")
    assert page.inspector.isVisible() and context.settings.get(SHOW_INSPECTOR) is True


def test_the_size_of_thumbnails_is_kept(page: LibraryPage, context: ShellContext) -> None:
    before = context.settings.get(ZOOM)
    context.commands.trigger("view.zoom-in")
    assert context.settings.get(ZOOM) > before
    context.commands.trigger("view.zoom-reset")
    assert context.settings.get(ZOOM) == ZOOM.default


def test_new_photos_are_found_and_shown(
    page: LibraryPage, context: ShellContext, session: LibrarySession, qtbot: QtBot
) -> None:
    draw_photo(session.images.path(1).with_name("new.jpg"), 77)
    context.commands.trigger("file.rescan")
    qtbot.waitUntil(lambda: 13 in page.shown_ids(), timeout=WAIT_MS)
    assert page.image_name(13) == "new.jpg"


def test_a_folder_is_taken_out_after_asking(
    page: LibraryPage, session: LibrarySession, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes]
    monkeypatch.setattr(QMessageBox, "question", lambda *_args: answers.pop(0))
    (folder,) = session.catalogue.folders.all()
    page.remove_folder(folder.id)
    assert len(page.shown_ids()) == 12
    page.remove_folder(folder.id)
    qtbot.waitUntil(lambda: not len(page.shown_ids()), timeout=WAIT_MS)


def test_commands_of_photos_that_have_just_left_the_library(
    page: LibraryPage, context: ShellContext, session: LibrarySession, qtbot: QtBot
) -> None:
    choose(page, 4)
    qtbot.waitUntil(lambda: page.grid_view.chosen_ids().tolist() == [4])
    (folder,) = session.folders.all()
    session.folders.remove(folder.id)
    deadline = time.monotonic() + WAIT_MS / 1000
    while len(session.snapshot().images) and time.monotonic() < deadline:
        time.sleep(0.001)  # the view hears of it later
    assert not len(session.snapshot().images)
    assert page.grid_view.chosen_ids().tolist() == [4]
    assert not raw_chosen(context)
    reveal(context)
    assert context.status.currentMessage() == "The file is missing."


def test_a_caption_is_saved_without_holding_up_the_window(
    page: LibraryPage, session: LibrarySession, qtbot: QtBot
) -> None:
    page.inspector.caption_requested.emit(2, "first")
    page.inspector.caption_requested.emit(2, "a dog on a beach")
    qtbot.waitUntil(lambda: session.catalogue.images.captions([2]) == {2: "a dog on a beach"})


def test_verdicts_are_copied_to_another_photo(
    page: LibraryPage, context: ShellContext, session: LibrarySession, qtbot: QtBot
) -> None:
    session.annotations.annotate([1], [DOG], Verdict.PRESENT)
    choose(page, 1)
    qtbot.waitUntil(lambda: page.grid_view.chosen_ids().tolist() == [1])
    context.commands.trigger("image.copy-annotations")
    qtbot.waitUntil(lambda: "photo 0.jpg copied" in context.status.currentMessage())
    choose(page, 2)
    qtbot.waitUntil(lambda: page.grid_view.chosen_ids().tolist() == [2])
    context.commands.trigger("image.paste-annotations")
    qtbot.waitUntil(lambda: verdict_of(session, 2, DOG) == 1)


@pytest.mark.parametrize(
    ("command_id", "dialog"),
    [
        ("image.classes", "set classes"),
        ("image.accept", "accept"),
        ("vocabulary.edit", "vocabulary"),
        ("model.versions", "versions"),
        ("model.backbone", "backbone"),
        ("edit.preferences", "preferences"),
    ],
)
def test_dialogs_about_the_library_open_and_close_with_it(
    page: LibraryPage, context: ShellContext, qtbot: QtBot, command_id: str, dialog: str
) -> None:
    choose(page, 1, 2)
    qtbot.waitUntil(lambda: enabled(context, command_id))
    context.commands.trigger(command_id)
    qtbot.waitUntil(lambda: context.dialogs.find(dialog) is not None, timeout=WAIT_MS)
    context.set_library(None)
    assert context.dialogs.find(dialog) is None


def add_windows(library: Path) -> None:
    """As if the backbone had been loaded and made windows."""
    with Catalogue.open(library) as catalogue:
        facts = replace(FACTS, windows=5)
        catalogue.settings.set(setting_name(BACKBONE), facts.to_setting())


def test_where_a_class_is_seen_is_not_offered_by_a_backbone_that_cannot_say_so(
    page: LibraryPage, context: ShellContext
) -> None:
    action = context.commands.action("view.regions")
    assert not action.isEnabled()
    assert page.session.regions.unavailable
    assert action.toolTip() == action.statusTip() == page.session.regions.unavailable


class TestWithWindows:
    @pytest.fixture
    def session(self, library: Path, open_session: OpenSession) -> LibrarySession:
        add_windows(library)
        return open_session(library)

    def test_where_a_class_is_seen_is_shown_until_it_is_switched_off(
        self, page: LibraryPage, context: ShellContext
    ) -> None:
        action = context.commands.action("view.regions")
        assert action.isEnabled()
        assert not action.isChecked()
        assert TIP in action.toolTip()
        action.trigger()
        assert action.isChecked()
        assert context.settings.get(SHOW_REGIONS)
        action.trigger()
        assert not context.settings.get(SHOW_REGIONS)

    def test_the_class_in_focus_is_found_only_while_that_is_on(
        self,
        page: LibraryPage,
        context: ShellContext,
        session: LibrarySession,
        qtbot: QtBot,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        asked: list[tuple[int, int, bool]] = []

        def ask(
            image_id: int, class_id: int, answer: Callable[[Box | None], None], *, load: bool
        ) -> None:
            asked.append((image_id, class_id, load))
            answer(REGION)

        monkeypatch.setattr(session.regions, "ask", ask)
        photo = page.inspector.photo
        choose(page, 1)
        qtbot.waitUntil(lambda: page.inspector.image_ids == [1])
        page.set_focus_class(DOG)
        qtbot.waitUntil(lambda: photo.pixmap is not None)
        assert asked == []
        context.commands.trigger("view.regions")
        qtbot.waitUntil(lambda: photo.region.box == REGION)
        assert asked == [(1, DOG, True)]
        choose(page, 2)  # going on does not load the model
        qtbot.waitUntil(lambda: len(asked) > 1)
        assert (asked[-1][0], asked[-1][2]) == (2, False)
        context.commands.trigger("view.regions")
        assert photo.region.box is None

    def test_a_class_that_is_pointed_at_is_found(
        self,
        page: LibraryPage,
        session: LibrarySession,
        qtbot: QtBot,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        asked: list[tuple[int, int, bool]] = []

        def ask(
            image_id: int, class_id: int, answer: Callable[[Box | None], None], *, load: bool
        ) -> None:
            asked.append((image_id, class_id, load))
            answer(REGION)

        monkeypatch.setattr(session.regions, "ask", ask)
        choose(page, 1)
        view = page.inspector.view
        qtbot.waitUntil(lambda: page.inspector.image_ids == [1] and view.go_to_class(DOG))
        view.setFocus()
        qtbot.waitUntil(lambda: page.inspector.photo.region.box == REGION)
        assert asked == [(1, DOG, True)]
        page.grid.setFocus()
        qtbot.waitUntil(lambda: page.inspector.photo.region.box is None)
        row = view.visualRect(page.inspector.model.index(page.inspector.model.row_of_class(DOG)))
        QTest.mouseMove(view.viewport(), row.center())
        qtbot.waitUntil(lambda: page.inspector.photo.region.box == REGION)
        QApplication.sendEvent(view, QEvent(QEvent.Type.Leave))
        assert page.inspector.photo.region.box is None
