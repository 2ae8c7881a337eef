"""The commands that export, and what the window says afterwards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot
from shells import BareLibrary, show_library
from ui_libraries import DOG

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.interchange.exports import Exports
from lmpt_desktop.engine.interchange.side_files import SideFileReport, SideFiles
from lmpt_desktop.interchange.exporting.exporter import Difference
from lmpt_desktop.settings import LAST_EXPORT, LAST_FOLDER
from lmpt_desktop.ui.interchange.export_commands import DIALOG, REPORT
from lmpt_desktop.ui.interchange.export_dialog import ExportDialog
from lmpt_desktop.ui.interchange.export_report import ExportReport
from lmpt_desktop.ui.kit import file_manager
from lmpt_desktop.ui.shell.context import ShellContext

WAIT_MS = 20_000


@pytest.fixture
def formats() -> None:
    """The real ones."""


@pytest.fixture
def shown(context: ShellContext, opened: BareLibrary, qtbot: QtBot) -> BareLibrary:
    """The library, open in a window, with an annotation."""
    opened.session.annotations.annotate([1], [DOG], Verdict.PRESENT)
    show_library(context, opened, qtbot)
    return opened


def open_dialog(context: ShellContext, qtbot: QtBot, format_name: str = "") -> ExportDialog:
    context.commands.trigger("file.export")
    dialog = context.dialogs.find(DIALOG)
    assert isinstance(dialog, ExportDialog)
    if format_name:
        dialog.formats.choose(format_name)
    qtbot.waitUntil(lambda: not dialog.busy, timeout=WAIT_MS)
    return dialog


def report_of(context: ShellContext, qtbot: QtBot) -> ExportReport:
    qtbot.waitUntil(lambda: context.dialogs.find(REPORT) is not None, timeout=WAIT_MS)
    report = context.dialogs.find(REPORT)
    assert isinstance(report, ExportReport)
    return report


def press(context: ShellContext, text: str) -> None:
    """Press a button of the newest notification."""
    found = context.notifications.shown[0].findChildren(QPushButton)
    next(button for button in found if button.text() == text).click()


def test_the_command_opens_one_dialog_with_the_format_used_last(
    context: ShellContext, shown: BareLibrary, qtbot: QtBot
) -> None:
    first = open_dialog(context, qtbot, "voc")
    assert open_dialog(context, qtbot) is first
    assert context.settings.get(LAST_EXPORT) == "voc"
    first.reject()
    assert context.dialogs.find(DIALOG) is None
    assert open_dialog(context, qtbot).format.name == "voc"


def test_a_format_that_is_gone_is_replaced_by_another(
    context: ShellContext, shown: BareLibrary, qtbot: QtBot
) -> None:
    context.settings.set(LAST_EXPORT, "no such format")
    assert open_dialog(context, qtbot).format.name == "jsonl"


def test_a_library_that_is_only_read_can_be_exported(
    context: ShellContext, shown: BareLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = type(shown.session.catalogue)
    monkeypatch.setattr(catalogue, "read_only", property(lambda _self: True))
    context.refresh_commands()
    assert context.commands.action("file.export").isEnabled()


def test_nothing_is_exported_without_a_library_or_photos(
    context: ShellContext, qtbot: QtBot
) -> None:
    assert not context.commands.action("file.export").isEnabled()
    assert not context.commands.action("file.export-tags").isEnabled()


def test_what_was_written_is_told_and_shown_in_its_folder(
    context: ShellContext,
    shown: BareLibrary,
    tmp_path: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    revealed: list[Path] = []
    monkeypatch.setattr(file_manager, "reveal", revealed.append)
    open_dialog(context, qtbot, "coco").write(tmp_path / "a & <b>.json")
    qtbot.waitUntil(lambda: bool(context.notifications.shown), timeout=WAIT_MS)
    note = context.notifications.shown[0]
    assert note.title == "12 photos written to a & <b>.json"
    assert note.message == f"It was read back, and holds what it should. It is in “{tmp_path}”."
    assert context.dialogs.find(REPORT) is None
    assert context.settings.get(LAST_FOLDER) == str(tmp_path)
    press(context, "Show in folder")
    assert revealed == [tmp_path / "a & <b>.json"]


def test_a_file_that_reads_back_otherwise_alarms(
    context: ShellContext,
    shown: BareLibrary,
    tmp_path: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = Exports.write

    def wrong(self: Exports, *args: Any, **options: Any) -> object:
        found = (Difference("city/<i>photo 0.jpg", "The file lacks this photo."),)
        return replace(real(self, *args, **options), differences=found)

    monkeypatch.setattr(Exports, "write", wrong)
    open_dialog(context, qtbot, "coco").write(tmp_path / "a.json")
    report = report_of(context, qtbot)
    assert report.title.text() == "The written file differs from the library in 1 place"
    assert "Do not rely on it" in report.message.text()
    assert report.table is not None
    model = report.table.model()
    assert model.index(0, 0).data() == "city/<i>photo 0.jpg"
    assert model.index(0, 1).data() == "The file lacks this photo."
    assert "differs from the library" in context.notifications.shown[0].message


def test_side_files_that_were_left_alone_are_listed_with_the_reason(
    context: ShellContext,
    shown: BareLibrary,
    tmp_path: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[Path] = []
    monkeypatch.setattr(file_manager, "open_path", opened.append)
    skipped = ((Path("/photos/<b>.jpg"), "The photo is missing."),)
    found = SideFileReport(3, same=2, skipped=skipped, copied=1, copies=tmp_path)
    monkeypatch.setattr(SideFiles, "write", lambda *_args, **_options: found)
    open_dialog(context, qtbot, "xmp").apply()
    qtbot.waitUntil(lambda: bool(context.notifications.shown), timeout=WAIT_MS)
    note = context.notifications.shown[0]
    assert note.title == "3 side files written"
    assert note.message == (
        "2 were as they should be. 1 was left alone. 1 side file of another program was copied "
        f"first. The copies are in “{tmp_path}”."
    )
    press(context, "Show copies")
    assert opened == [tmp_path]
    press(context, "What was left alone...")
    report = report_of(context, qtbot)
    assert report.table is not None
    model = report.table.model()
    assert [model.index(0, column).data() for column in range(2)] == [
        str(Path("/photos/<b>.jpg")),
        "The photo is missing.",
    ]
