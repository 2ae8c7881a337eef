"""The page of missing photos: what it says, what keys do, and what it never does."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from missing_library import (
    ALIKE,
    COPY,
    KEPT,
    LONELY,
    NAMED,
    OTHER_ALIKE,
    OTHER_NAMED,
    SAME,
    features,
    make_missing_library,
)
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot
from shells import BareLibrary, show_library
from ui_libraries import OpenSession, draw_photo

from lmpt_desktop.domain.records import TransferReason, Verdict
from lmpt_desktop.engine.files.candidates import CandidateKind
from lmpt_desktop.engine.notices import Activity, ActivityChanged, ActivityKind, ActivityState
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ingest import ThumbnailStore
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.files.commands import attach
from lmpt_desktop.ui.files.missing_model import FolderRow, MissingColumn, PhotoRow
from lmpt_desktop.ui.files.missing_notification import MissingNotification
from lmpt_desktop.ui.files.missing_page import MissingPage
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.kit.thumbnails import BUCKETS, SessionThumbnails
from lmpt_desktop.ui.shell.context import ShellContext

WAIT_MS = 10_000
Settled = Callable[[], None]


@pytest.fixture
def missing_library(tmp_path: Path) -> Path:
    """The library; its photos are beside it."""
    library, photos = tmp_path / "missing" / "library", tmp_path / "missing" / "photos"
    make_missing_library(library, photos)
    return library


@pytest.fixture
def session(missing_library: Path, open_session: OpenSession) -> LibrarySession:
    """The library with features, neither scanned nor encoded."""
    opened = open_session(missing_library, folders=None, begin=False)
    opened._state.set_features(features())
    return opened


@pytest.fixture
def store(missing_library: Path) -> Iterator[ThumbnailStore]:
    """The thumbnails; that of KEPT is red."""
    opened = ThumbnailStore(missing_library)
    red = missing_library / "red.png"
    Image.new("RGB", (64, 48), "red").save(red)
    opened.make(red, "print kept.jpg", 512)
    yield opened
    opened.close()


@pytest.fixture
def undo_stack(session: LibrarySession) -> AnnotationUndoStack:
    return AnnotationUndoStack(session)


@pytest.fixture
def page(
    session: LibrarySession,
    bridge: SessionBridge,
    undo_stack: AnnotationUndoStack,
    store: ThumbnailStore,
    qtbot: QtBot,
) -> Iterator[MissingPage]:
    """Shown, with every candidate."""
    made = MissingPage(session, bridge, undo_stack, SessionThumbnails(session, store))
    qtbot.addWidget(made)
    made.resize(1100, 720)
    made.show()
    qtbot.waitUntil(lambda: not made.searching, timeout=10_000)
    yield made
    made.close_page()


@pytest.fixture
def settled(page: MissingPage, qtbot: QtBot) -> Callable[[], None]:
    """Wait until the page shows what is missing now."""

    def wait() -> None:
        qtbot.waitUntil(
            lambda: not (page.searching or page._stale or page._timer.isActive()), timeout=10_000
        )

    return wait


def row(page: MissingPage, image_id: int) -> PhotoRow:
    shown = page.model.row(page.model.row_of(image_id))
    assert isinstance(shown, PhotoRow)
    return shown


def text(page: MissingPage, image_id: int, column: MissingColumn) -> str:
    return str(page.model.index(page.model.row_of(image_id), column).data())


def give(page: MissingPage, qtbot: QtBot) -> str:
    """Press Enter and agree; what was said before."""
    qtbot.keyClick(page.table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.confirm.told is not None, timeout=WAIT_MS)
    said = page.confirm.text.text()
    page.confirm.ok.click()
    return said


def test_it_says_what_is_missing_and_what_each_could_be(page: MissingPage) -> None:
    assert page.title.text() == "5 photos with 7 annotations are missing"
    rows = [page.model.row(i) for i in range(page.model.rowCount())]
    folders = [(r.location.name, r.photos) for r in rows if isinstance(r, FolderRow)]
    assert folders == [("photos", 1), ("day 1", 2), ("day 2", 2)]
    assert text(page, SAME, MissingColumn.MATCH) == "same picture"
    assert text(page, SAME, MissingColumn.FOUND) == "copy.jpg · photos"
    assert text(page, NAMED, MissingColumn.MATCH).startswith("same file name, 9")
    assert text(page, ALIKE, MissingColumn.MATCH) == "99 % alike"
    assert text(page, LONELY, MissingColumn.FOUND) == "No photo found yet"
    assert text(page, SAME, MissingColumn.MISSING) == (
        "same.jpg · 1 present, 1 absent · The file was not found."
    )


def test_all_above_a_likeness_are_counted_as_the_limit_changes(
    page: MissingPage, qtbot: QtBot
) -> None:
    assert page.tick_same.text() == "Tick all with the &same picture (1)"
    assert page.above.text() == "3 photos"
    page.limit.setValue(100)
    assert page.above.text() == "1 photo"
    page.limit.setValue(90)
    page.tick_above.click()
    assert dict(page.model.ticked_pairs()) == {
        SAME: COPY, NAMED: OTHER_NAMED, ALIKE: OTHER_ALIKE,
    }  # fmt: skip
    assert page.give.text() == "&Give annotations to 3 photos..."
    page.untick.click()
    assert not page.model.ticked_pairs() and not page.give.isEnabled()


def test_enter_gives_what_is_ticked_in_one_step_of_undo(
    page: MissingPage,
    session: LibrarySession,
    undo_stack: AnnotationUndoStack,
    qtbot: QtBot,
    settled: Settled,
) -> None:
    page.table.show_photo(NAMED)
    qtbot.keyClick(page.table, Qt.Key.Key_Space)
    page.table.show_photo(SAME)
    qtbot.keyClick(page.table, Qt.Key.Key_Space)
    with qtbot.waitSignal(undo_stack.committed, timeout=WAIT_MS):
        said = give(page, qtbot)
    assert said.startswith("4 annotations of 2 missing photos will be given to the photos found.")
    assert undo_stack.stack.undoText() == "Annotations of 2 photos given to the photos found"
    assert verdicts(session, COPY) == [1, 0] and verdicts(session, SAME) == [-1, -1]
    settled()
    assert page.title.text() == "3 photos with 3 annotations are missing"
    with qtbot.waitSignal(undo_stack.undone, timeout=WAIT_MS):
        undo_stack.undo()
    settled()
    assert page.title.text() == "5 photos with 7 annotations are missing"
    assert verdicts(session, COPY) == [-1, -1]


def verdicts(session: LibrarySession, image_id: int) -> list[int]:
    return session.catalogue.annotations.matrix([image_id], [1, 2])[0].tolist()


def test_contradictions_are_told_and_nothing_happens_without_agreement(
    page: MissingPage, session: LibrarySession, qtbot: QtBot
) -> None:
    session.annotations.annotate([COPY], [1], Verdict.ABSENT)
    page.table.show_photo(SAME)
    qtbot.keyClick(page.table, Qt.Key.Key_Return)  # none is ticked: the selected one
    qtbot.waitUntil(lambda: page.confirm.told is not None, timeout=WAIT_MS)
    assert "1 verdict contradicts" in page.confirm.text.text()
    page.confirm.reject()
    assert verdicts(session, SAME) == [1, 0]


def test_d_declines_until_declined_ones_are_asked_for(
    page: MissingPage, session: LibrarySession, qtbot: QtBot, settled: Settled
) -> None:
    page.table.show_photo(ALIKE)
    page.model.toggle(page.table.chosen_photos())
    with qtbot.waitSignal(page.message, timeout=WAIT_MS) as told:
        qtbot.keyClick(page.table, Qt.Key.Key_D)
    assert told.args == ["Not offered again: 1 photo"]
    assert row(page, ALIKE).found is None and not row(page, ALIKE).ticked
    assert session.catalogue.missing.declined([ALIKE]) == {(ALIKE, OTHER_ALIKE)}
    page.declined.setChecked(True)
    settled()
    found = row(page, ALIKE).found
    assert found is not None and found.candidate.declined
    # Not ticked with others, but one by one.
    assert page.above.text() == "2 photos"
    qtbot.keyClick(page.table, Qt.Key.Key_Space)
    assert page.model.ticked_pairs() == [(ALIKE, OTHER_ALIKE)]


def test_left_and_right_show_other_candidates(
    page: MissingPage, session: LibrarySession, qtbot: QtBot
) -> None:
    kinds = [item.kind for item in page.model.candidates_of(NAMED)]
    assert kinds[0] is CandidateKind.NAME
    others = [item.image_id for item in page.model.candidates_of(SAME)]
    assert others == [COPY]
    found = {NAMED: page.model.candidates_of(NAMED)[:1] + page.model.candidates_of(ALIKE)[:1]}
    page.model.set_candidates(found)
    page.table.show_photo(NAMED)
    qtbot.keyClick(page.table, Qt.Key.Key_Space)
    qtbot.keyClick(page.table, Qt.Key.Key_Right)
    assert page.model.ticked_pairs() == [(NAMED, OTHER_ALIKE)]
    assert page.pair.place.text() == "2 of 2" and page.pair.found.name.text() == "other.jpg"
    qtbot.keyClick(page.table, Qt.Key.Key_Right)
    assert page.model.ticked_pairs() == [(NAMED, OTHER_NAMED)]


def test_a_photo_that_looks_alike_is_ticked_for_one_missing_photo_only(page: MissingPage) -> None:
    (candidate,) = page.model.candidates_of(ALIKE)[:1]
    page.model.set_candidates(
        {LONELY: (candidate._replace(likeness=0.92),), ALIKE: (candidate._replace(likeness=0.97),)}
    )
    page.model.tick(page.model.above(0.9))
    ticked = dict(page.model.ticked_pairs())
    assert ticked[ALIKE] == OTHER_ALIKE and LONELY not in ticked


def test_a_missing_photo_is_shown_from_the_store_and_never_from_its_place(
    page: MissingPage, session: LibrarySession, qtbot: QtBot
) -> None:
    here = session.images.path(KEPT)
    draw_photo(here, 3)
    draw_photo(session.images.path(LONELY), 4)
    kept, lonely = row(page, KEPT).photo, row(page, LONELY).photo
    for photo in (kept, lonely):
        page.table.show_photo(photo.id)
        page.loader.pixmap(photo.id, photo.fingerprint, BUCKETS[0])
    failure = page.loader.failure
    qtbot.waitUntil(
        lambda: not page.loader.busy and bool(failure(LONELY, lonely.fingerprint)), timeout=WAIT_MS
    )
    pixmap = page.loader.pixmap(KEPT, kept.fingerprint, BUCKETS[0])
    assert pixmap is not None
    assert pixmap.toImage().pixelColor(20, 20).red() > 240
    assert page.loader.pixmap(LONELY, lonely.fingerprint, BUCKETS[0]) is None
    assert failure(LONELY, lonely.fingerprint) == "The file is missing."


def test_a_photo_that_came_back_leaves_the_list(
    page: MissingPage, session: LibrarySession, qtbot: QtBot, settled: Settled
) -> None:
    page.table.show_photo(NAMED)
    page.model.tick(page.model.same_picture())
    session.catalogue.images.mark_found([SAME])
    session._images_changed()
    qtbot.waitUntil(lambda: page.model.row_of(SAME) < 0, timeout=WAIT_MS)
    settled()
    assert page.model.ticked_pairs() == []
    current = page.table.current_photo()
    assert current is not None and current.id == NAMED


def test_nothing_missing_is_said_so(
    page: MissingPage, session: LibrarySession, qtbot: QtBot
) -> None:
    session.catalogue.images.mark_found([SAME, NAMED, ALIKE, LONELY, KEPT])
    session._images_changed()
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.empty, timeout=WAIT_MS)
    with qtbot.waitSignal(page.left):
        page.back.click()


def test_a_disk_that_is_not_connected_is_named(
    page: MissingPage, session: LibrarySession, qtbot: QtBot
) -> None:
    (folder,) = session.folders.all()
    session.catalogue.folders.set_device(folder.id, 2**40)  # of no file system here
    shutil.rmtree(folder.path)
    page.hide()
    page.show()
    qtbot.waitUntil(lambda: "not connected" in page.notice.text, timeout=WAIT_MS)
    assert str(folder.path) in page.notice.text
    assert "disk" in row(page, LONELY).reason


def test_the_row_of_a_folder_stands_for_all_its_photos(page: MissingPage, qtbot: QtBot) -> None:
    place = page.model.row_of(SAME)
    first = place - 1 if page.model.photo_at(place - 1) is None else place - 2
    page.table.selectRow(first)
    qtbot.keyClick(page.table, Qt.Key.Key_Space)
    assert {old for old, _new in page.model.ticked_pairs()} == {SAME, NAMED}
    qtbot.keyClick(page.table, Qt.Key.Key_Space)
    assert not page.model.ticked_pairs()


def test_escape_goes_back_to_the_photos(page: MissingPage, qtbot: QtBot) -> None:
    with qtbot.waitSignal(page.left):
        qtbot.keyClick(page.table, Qt.Key.Key_Escape)


def test_every_part_has_a_name_for_a_screen_reader(page: MissingPage) -> None:
    page.table.show_photo(SAME)
    assert page.pair.missing.picture.accessibleName() == "same.jpg, missing"
    assert page.pair.found.picture.accessibleName() == "copy.jpg, same picture"
    for widget in (page.table, page.limit, page.pair, page.pair.back, page.pair.forward):
        assert widget.accessibleName()
    index = page.model.index(page.model.row_of(SAME), MissingColumn.TICK)
    assert index.data(Qt.ItemDataRole.AccessibleTextRole) == "not ticked"


# --------------------------------------------------------------------------- moved folders


def test_a_moved_folder_is_looked_at_before_anything_is_done(
    page: MissingPage, session: LibrarySession, qtbot: QtBot, tmp_path: Path
) -> None:
    new = tmp_path / "disk" / "trip"
    for name in ("day 1/same.jpg", "day 1/named.jpg"):
        (new / name).parent.mkdir(parents=True, exist_ok=True)
        (new / name).write_bytes(bytes(1000))
    page.table.show_photo(NAMED)
    page.moved.click()
    dialog = page.moved_dialog
    qtbot.waitUntil(lambda: dialog.folder.count() == 3, timeout=WAIT_MS)
    # The outermost folder that is gone.
    assert dialog.folder.currentText() == "trip (4 photos)"
    dialog.set_place(new)
    qtbot.waitUntil(dialog.use.isEnabled, timeout=WAIT_MS)
    said = dialog.outcome.text().split("\n\n")
    assert said[0] == "2 of 4 missing photos are there, by name and size."
    assert said[1] == "This place will be added to the library and scanned."
    with qtbot.waitSignal(dialog.accepted, timeout=WAIT_MS):
        dialog.use.click()
    assert new in [folder.path for folder in session.folders.all()]


def test_a_place_that_cannot_be_is_refused_with_a_sentence(
    page: MissingPage, session: LibrarySession, qtbot: QtBot, tmp_path: Path
) -> None:
    page.table.show_photo(NAMED)
    page.moved.click()
    dialog = page.moved_dialog
    qtbot.waitUntil(lambda: dialog.folder.count() == 3, timeout=WAIT_MS)
    dialog.set_place(tmp_path / "nowhere")
    qtbot.waitUntil(lambda: bool(dialog.strip.text), timeout=WAIT_MS)
    assert dialog.strip.text.startswith("There is no such folder.") and not dialog.use.isEnabled()
    dialog.reject()


def test_what_another_part_transferred_is_taken_off_the_list(
    page: MissingPage, session: LibrarySession, qtbot: QtBot
) -> None:
    transfers = session.catalogue.transfers
    batch = transfers.follow([(SAME, COPY)], TransferReason.COPY, "followed")
    session.annotations.show_followed(batch)
    qtbot.waitUntil(lambda: page.model.row_of(SAME) < 0, timeout=WAIT_MS)


# ------------------------------------------------------------------------------ in the shell


@pytest.fixture
def shell(context: ShellContext, session: LibrarySession, qtbot: QtBot) -> Iterator[BareLibrary]:
    """The library, open in the shell with what the feature attaches to it."""
    attach(context)
    library = BareLibrary(session)
    show_library(context, library, qtbot)
    yield library
    context.set_library(None)
    library.close()


def test_the_command_shows_the_page(
    shell: BareLibrary, context: ShellContext, qtbot: QtBot
) -> None:
    context.commands.trigger("view.missing")
    page = shell.pages.currentWidget()
    assert isinstance(page, MissingPage)
    qtbot.waitUntil(lambda: not page.searching, timeout=WAIT_MS)
    page.left.emit()
    assert shell.pages.current == "grid"


def test_photos_that_a_scan_misses_are_told(
    shell: BareLibrary, context: ShellContext, session: LibrarySession, qtbot: QtBot
) -> None:
    notifications = context.notifications

    def scanned() -> None:
        done = Activity(ActivityKind.SCAN, ActivityState.IDLE)
        session._notifier.send(ActivityChanged(done))

    notice = shell.pages.findChild(MissingNotification)
    assert notice is not None
    qtbot.waitUntil(lambda: notice.known == 5, timeout=WAIT_MS)
    scanned()
    session.annotations.annotate([COPY, OTHER_NAMED], [1], Verdict.PRESENT)
    session.catalogue.images.mark_missing([COPY, OTHER_NAMED])
    scanned()
    qtbot.waitUntil(lambda: bool(notifications.shown), timeout=WAIT_MS)
    (note,) = notifications.shown
    assert note.title == "2 photos with annotations are missing"
    session.catalogue.images.mark_found([COPY])
    scanned()
    qtbot.waitUntil(lambda: notice.known == 6, timeout=WAIT_MS)
    assert notifications.shown == (note,)
    assert note.title == "1 photo with annotations is missing"
    note.findChildren(QPushButton)[0].click()
    assert shell.pages.current == "missing"


def test_the_count_of_missing_photos_is_the_catalogues_after_an_undo(
    shell: BareLibrary, context: ShellContext, session: LibrarySession, qtbot: QtBot
) -> None:
    notice = shell.pages.findChild(MissingNotification)
    assert notice is not None
    qtbot.waitUntil(lambda: notice.known == 5, timeout=WAIT_MS)
    stack = shell.undo_stack
    for image in (COPY, OTHER_NAMED):
        stack.annotate([image], [1], Verdict.PRESENT)
        qtbot.waitUntil(lambda: stack.settled, timeout=WAIT_MS)
    session.catalogue.images.mark_missing([COPY, OTHER_NAMED])
    session._notifier.send(ActivityChanged(Activity(ActivityKind.SCAN, ActivityState.IDLE)))

    def titles() -> list[str]:
        return [note.title for note in context.notifications.shown]

    both = ["2 photos with annotations are missing"]
    one = ["1 photo with annotations is missing"]
    qtbot.waitUntil(lambda: titles() == both, timeout=WAIT_MS)
    for act, expected in ((stack.undo, one), (stack.redo, both), (stack.undo, one)):
        act()
        qtbot.waitUntil(lambda: stack.settled, timeout=WAIT_MS)
        qtbot.waitUntil(lambda shown=expected: titles() == shown, timeout=WAIT_MS)
    stack.undo()
    qtbot.waitUntil(lambda: titles() == [], timeout=WAIT_MS)
    assert session.missing.count_gone() == 5
