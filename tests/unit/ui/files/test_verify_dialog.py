from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from altered_files import flip_bit, make_scanned_library, set_orientation
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot
from shells import BareLibrary

from lmpt_desktop.catalogue import Change
from lmpt_desktop.catalogue.opening import CATALOGUE_NAME
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.files import verification as engine
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ingest import verify as ingest_verify
from lmpt_desktop.ingest.verify import FindingKind
from lmpt_desktop.ui.files.commands import VERIFY, attach, verify_library
from lmpt_desktop.ui.files.verify_dialog import VerifyDialog
from lmpt_desktop.ui.kit import file_manager
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.shell.context import ShellContext

NAMES = ("beach/1.jpg", "beach/2.jpg", "city/3.jpg", "city/4.jpg", "city/5.jpg")
WAIT_MS = 10_000

Ready = Callable[[], VerifyDialog]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return tmp_path / "photos"


@pytest.fixture
def session(tmp_path: Path, photos: Path) -> Iterator[LibrarySession]:
    make_scanned_library(tmp_path / "library", photos, NAMES)
    with LibrarySession.open(tmp_path / "library", encode=False, folders=[]) as opened:
        assert opened.wait_until_idle(60)
        yield opened


@pytest.fixture
def dialog(session: LibrarySession, bridge: SessionBridge, qtbot: QtBot) -> VerifyDialog:
    made = VerifyDialog(session, bridge)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(made.start.isEnabled, timeout=WAIT_MS)
    return made


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Nothing is read before the event."""
    free = threading.Event()
    real = ingest_verify.inspect_file

    def waiting(*arguments: object, **options: object) -> object:
        free.wait(30)
        return real(*arguments, **options)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(ingest_verify, "inspect_file", waiting)
    monkeypatch.setattr(engine, "REPORT_SECONDS", 0.0)
    yield free
    free.set()


def verified(dialog: VerifyDialog, qtbot: QtBot) -> None:
    qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.views.currentWidget() is dialog.report, timeout=WAIT_MS)


def choose(dialog: VerifyDialog, kind: FindingKind) -> list[str]:
    """Choose a kind of finding; the photos that are listed."""
    kinds = dialog.report.kinds
    for row in range(kinds.count()):
        if kinds.item(row).data(Qt.ItemDataRole.UserRole) == kind.value:
            kinds.setCurrentRow(row)
    assert dialog.report.kind is kind
    return [finding.path for finding in dialog.report.model.rows]


def test_it_says_how_much_there_is_to_read(
    dialog: VerifyDialog, session: LibrarySession, photos: Path
) -> None:
    size = sum((photos / name).stat().st_size for name in NAMES)
    assert dialog.setup.amount.text() == f"Reads all 5 photos again, {size / 1000:.1f} kB."
    dialog.setup.folders.item(0).setCheckState(Qt.CheckState.Unchecked)
    assert not dialog.start.isEnabled()
    assert "no photos" in dialog.setup.amount.text()
    assert not session.verification.running


def test_photos_that_are_as_they_were(dialog: VerifyDialog, qtbot: QtBot) -> None:
    verified(dialog, qtbot)
    assert dialog.report.headline.text() == "All 5 photos are as they were."
    assert not dialog.save.isEnabled()
    assert not dialog.report.table.isVisible()


def test_findings_by_kind(
    dialog: VerifyDialog,
    photos: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    flip_bit(photos / NAMES[0])
    flip_bit(photos / NAMES[2])
    (photos / NAMES[4]).unlink()
    verified(dialog, qtbot)
    report = dialog.report
    assert report.headline.text() == "2 of 5 photos are as they were."
    texts = [report.kinds.item(row).text() for row in range(report.kinds.count())]
    assert texts == ["Damaged: 2", "Gone: 1", "As they were: 2"]
    assert choose(dialog, FindingKind.GONE) == [NAMES[4]]
    assert choose(dialog, FindingKind.DAMAGED) == [NAMES[0], NAMES[2]]
    assert "backup" in report.advice.text()
    assert report.take_over.isHidden()

    shown: list[list[int]] = []
    dialog.show_requested.connect(shown.append)
    report.table.selectAll()
    report.table.activated.emit(report.model.index(0, 0))
    assert shown == [[finding.image_id for finding in report.model.rows]]
    revealed: list[Path] = []
    monkeypatch.setattr(file_manager, "reveal", revealed.append)
    menu = report.menu()
    next(act for act in menu.actions() if "file manager" in act.text()).trigger()
    assert revealed == [photos / NAMES[0]]

    out = tmp_path / "report"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: (str(out), ""))
    qtbot.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "report.csv" in dialog.strip.text, timeout=WAIT_MS)
    assert len(out.with_suffix(".csv").read_text().splitlines()) == 4


def test_changes_are_taken_over(
    dialog: VerifyDialog, session: LibrarySession, photos: Path, qtbot: QtBot
) -> None:
    set_orientation(photos / NAMES[1], 6)
    verified(dialog, qtbot)
    assert choose(dialog, FindingKind.ALTERED) == [NAMES[1]]
    qtbot.mouseClick(dialog.report.take_over, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not dialog.report.take_over.isEnabled(), timeout=WAIT_MS)
    assert "taken over" in dialog.strip.text
    assert session.wait_until_idle(60)
    qtbot.mouseClick(dialog.again, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(dialog.start.isEnabled, timeout=WAIT_MS)
    verified(dialog, qtbot)
    assert dialog.report.headline.text() == "All 5 photos are as they were."


def test_pause_and_stop(dialog: VerifyDialog, held: threading.Event, qtbot: QtBot) -> None:
    dialog.begin()
    qtbot.waitUntil(lambda: dialog.views.currentWidget() is dialog.progress, timeout=WAIT_MS)
    qtbot.mouseClick(dialog.progress.pause, Qt.MouseButton.LeftButton)
    assert dialog.progress.pause.text() == "&Resume"
    assert dialog.progress.state.text().endswith("(paused)")
    held.set()
    qtbot.mouseClick(dialog.progress.stop, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.views.currentWidget() is dialog.report, timeout=WAIT_MS)
    assert dialog.report.headline.text().startswith("Stopped after ")


def test_it_goes_on_without_its_dialog_and_tells_when_it_has_ended(
    context: ShellContext,
    session: LibrarySession,
    held: threading.Event,
    photos: Path,
    qtbot: QtBot,
) -> None:
    attach(context)
    library = BareLibrary(session)
    context.set_library(library)
    flip_bit(photos / NAMES[0])
    verify_library(context)
    dialog = context.dialogs.find(VERIFY)
    assert isinstance(dialog, VerifyDialog)
    qtbot.waitUntil(dialog.start.isEnabled, timeout=WAIT_MS)
    dialog.begin()
    qtbot.waitUntil(lambda: session.verification.running, timeout=WAIT_MS)
    dialog.close()
    held.set()
    notes = context.notifications
    qtbot.waitUntil(lambda: bool(notes.shown), timeout=WAIT_MS)
    (note,) = notes.shown
    assert note.message == "4 of 5 photos are as they were."
    show = note.findChild(QPushButton)
    assert isinstance(show, QPushButton)
    show.click()
    dialog = context.dialogs.find(VERIFY)
    assert isinstance(dialog, VerifyDialog)
    assert dialog.views.currentWidget() is dialog.report
    dialog.report.show_requested.emit([1])
    assert library.shown == [("images", [1])]
    context.set_library(None)
    library.close()


def test_lost_annotations_are_offered_for_repair(
    session: LibrarySession, bridge: SessionBridge, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = session.snapshot().image_ids.tolist()
    klass = session.catalogue.classes.add("dog")
    session.catalogue.annotations.apply([Change(i, klass.id, Verdict.PRESENT) for i in ids])
    with contextlib.closing(sqlite3.connect(session.library_folder / CATALOGUE_NAME)) as db, db:
        db.execute("DELETE FROM annotations WHERE image_id > 2")
    dialog = VerifyDialog(session, bridge)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(dialog.start.isEnabled, timeout=WAIT_MS)
    dialog.begin()
    qtbot.waitUntil(lambda: dialog.views.currentWidget() is dialog.report, timeout=WAIT_MS)
    assert "3 annotations are not as the journal says" in dialog.strip.text
    assert dialog.report.headline.text() == "The library's own records are damaged."
    asked: list[str] = []

    def answer(button: QMessageBox.StandardButton) -> Callable[..., QMessageBox.StandardButton]:
        def question(_parent: object, _title: str, text: str) -> QMessageBox.StandardButton:
            asked.append(text)
            return button

        return question

    monkeypatch.setattr(QMessageBox, "question", answer(QMessageBox.StandardButton.No))
    dialog.strip.button.click()
    assert "3 lost annotations are brought back" in asked[0]
    assert session.catalogue.annotations.matrix(ids, [klass.id]).sum() == -1
    monkeypatch.setattr(QMessageBox, "question", answer(QMessageBox.StandardButton.Yes))
    dialog.strip.button.click()
    qtbot.waitUntil(lambda: "sound again" in dialog.strip.text, timeout=WAIT_MS)
    assert (session.catalogue.annotations.matrix(ids, [klass.id]) == 1).all()
    report = session.verification.report
    assert report is not None and report.repaired is not None and report.repaired.lost == 3
    assert session.verification.repair() is None
