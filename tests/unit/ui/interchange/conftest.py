"""The import dialog on the sample library, with a small format of the tests' own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from plain_format import OTHER, PLAIN
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from shells import no_thumbnail

from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.interchange import registry
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.interchange.import_dialog import ImportDialog
from lmpt_desktop.ui.kit.bridge import SessionBridge


@pytest.fixture(autouse=True)
def formats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "FORMATS", (OTHER, PLAIN))


@pytest.fixture
def undo_stack(session: LibrarySession, qtbot: QtBot) -> AnnotationUndoStack:
    return AnnotationUndoStack(session)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write lines to a file of the test's format."""

    def written(*lines: str, name: str = "tags.plain") -> Path:
        path = tmp_path / name
        path.write_text("\n".join(("#plain", *lines)), "utf-8")
        return path

    return written


@pytest.fixture
def open_dialog(
    session: LibrarySession,
    bridge: SessionBridge,
    undo_stack: AnnotationUndoStack,
    write: Callable[..., Path],
    qtbot: QtBot,
) -> Callable[..., ImportDialog]:
    """The dialog, on a file with these lines if there are any."""

    def opened(*lines: str, name: str = "tags.plain") -> ImportDialog:
        dialog = ImportDialog(session, undo_stack, no_thumbnail, bridge=bridge)
        # pytest-qt closes it again.
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        qtbot.addWidget(dialog)
        dialog.show()
        if lines:
            dialog.open_path(write(*lines, name=name))
            qtbot.waitUntil(lambda: not dialog.busy, timeout=20_000)
        return dialog

    return opened
