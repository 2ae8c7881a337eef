"""*Report a problem*, and what is offered after a crash."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from lmpt_desktop.logs import log_file
from lmpt_desktop.paths import log_dir
from lmpt_desktop.ui.help.crash_watch import CrashWatch
from lmpt_desktop.ui.help.problem_report import ProblemReportDialog, show_report
from lmpt_desktop.ui.shell.context import ShellContext

WAIT_MS = 30_000


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMPT_DESKTOP_HOME", str(tmp_path / "home"))
    log_file().write_text("1 INFO scanning “Onkel Otto”\n", encoding="utf-8")


def opened(qtbot: QtBot, context: ShellContext) -> ProblemReportDialog:
    dialog = ProblemReportDialog(context)
    qtbot.addWidget(dialog)
    qtbot.waitUntil(dialog.save_button.isEnabled, timeout=WAIT_MS)
    return dialog


def names(dialog: ProblemReportDialog) -> list[str]:
    return [dialog.list.item(row).text() for row in range(dialog.list.count())]


def test_what_is_saved_is_what_was_shown(
    qtbot: QtBot, context: ShellContext, tmp_path: Path
) -> None:
    dialog = opened(qtbot, context)
    shown = {}
    for row, name in enumerate(names(dialog)):
        dialog.list.setCurrentRow(row)
        shown[name] = dialog.text.toPlainText()
    assert "scanning" in shown["log.txt"]
    assert "Otto" not in shown["log.txt"]
    assert "PySide6" in shown["versions.txt"]
    dialog.save_to(tmp_path / "r.zip")
    qtbot.waitUntil(lambda: "r.zip" in dialog.strip.text, timeout=WAIT_MS)
    with zipfile.ZipFile(tmp_path / "r.zip") as made:
        assert {name: made.read(name).decode() for name in made.namelist()} == shown


def test_names_are_in_it_only_when_ticked(qtbot: QtBot, context: ShellContext) -> None:
    dialog = opened(qtbot, context)
    dialog.list.setCurrentRow(names(dialog).index("log.txt"))
    dialog.names.setChecked(True)
    qtbot.waitUntil(lambda: "Onkel Otto" in dialog.text.toPlainText(), timeout=WAIT_MS)
    assert dialog.list.currentItem().text() == "log.txt"
    dialog.names.setChecked(False)
    qtbot.waitUntil(lambda: "Otto" not in dialog.text.toPlainText(), timeout=WAIT_MS)


def test_a_place_that_cannot_be_written_is_a_sentence(
    qtbot: QtBot, context: ShellContext, tmp_path: Path
) -> None:
    dialog = opened(qtbot, context)
    dialog.save_to(tmp_path / "none" / "r.zip")
    qtbot.waitUntil(lambda: bool(dialog.strip.text), timeout=WAIT_MS)
    assert dialog.save_button.isEnabled()


def test_after_a_crash_a_report_is_offered_once(qtbot: QtBot, context: ShellContext) -> None:
    (log_dir() / "crash-window-99999999.txt").write_text("Fatal Python error", encoding="utf-8")
    CrashWatch(context, lambda: show_report(context)).begin()
    qtbot.waitUntil(lambda: bool(context.notifications.shown), timeout=WAIT_MS)
    assert "The app crashed" in context.notifications.shown[0].title
    context.notifications.dismiss(context.notifications.shown[0])
    CrashWatch(context, lambda: show_report(context)).begin()
    qtbot.wait(200)
    assert not context.notifications.shown
    dialog = opened(qtbot, context)
    assert "crash-1.txt" in names(dialog)


def test_a_crash_of_a_child_is_offered_when_it_happens_once_of_its_kind(
    qtbot: QtBot, context: ShellContext
) -> None:
    watch = CrashWatch(context, lambda: show_report(context))
    for number, name in enumerate(("encode", "encode", "encode-rate", "window", "fit")):
        path = log_dir() / f"crash-{name}-{4194990 + number}.txt"
        path.write_text("Fatal Python error: Segmentation fault\n", encoding="utf-8")
        watch.look()
        qtbot.waitUntil(lambda path=path: not path.exists(), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: len(context.notifications.shown) == 3, timeout=WAIT_MS)
    titles = {note.title for note in context.notifications.shown}
    assert titles == {
        "The process that encodes photos has crashed",
        "A part of the app has crashed",
        "A retraining has crashed",
    }
    dialog = opened(qtbot, context)
    assert "crash-5.txt" in names(dialog)
