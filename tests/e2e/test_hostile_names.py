"""Names that look like HTML, or that turn a text around, are shown as they are everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QAbstractListModel, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QFileDialog,
    QHeaderView,
    QLabel,
    QMenu,
    QMessageBox,
    QTextEdit,
)
from pytestqt.qtbot import QtBot

from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.ui.help.command_palette import CommandPalette
from lmpt_desktop.ui.kit import file_manager, theme
from lmpt_desktop.ui.kit.plain_text import in_order, might_be_html
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000
CLASSES = (
    "<img src=x>", "<b>bold</b>", "&amp;", "<a href='file:x'>y</a>", "a\u202egpj.exe", "long " * 30,
)  # fmt: skip
FILES = ("<img src=x>_1.jpg", "<b>bold_2.jpg", "a\u202egpj_3.jpg", "&amp;_4.jpg", "<u>_5.jpg")
MARKUP = ("<img", "<b>bold", "<a href='file", "<u>", "<i>")
"""Of the hostile names; no text of ours has these."""
PAGES = ("view.grid", "view.review", "view.long-tail", "sweep.open", "compare.open")
LEFT_OUT = ("file.quit", "file.close", "file.open", "file.samples", "file.add")
"""Commands that end what is walked through, or open another library."""


class Walk:
    """Looks at every widget that exists, and notes what is taken for HTML."""

    def __init__(self) -> None:
        self.taken_for_html: set[str] = set()
        self.turned: set[str] = set()
        self.seen = 0
        """Texts with a hostile name in them."""

    def look(self, where: str) -> None:
        for widget in QApplication.allWidgets():
            at = f"{where}: {type(widget).__name__} {widget.objectName()}"
            self._tip(at, widget.toolTip())
            self._tip(at, widget.whatsThis())
            if isinstance(widget, QMenu) and widget.toolTipsVisible():
                for action in widget.actions():
                    self._tip(f"{at} action", action.toolTip())
            if isinstance(widget, QLabel):
                rich = widget.textFormat() != Qt.TextFormat.PlainText
                self._text(at, widget.text(), is_html=rich and might_be_html(widget.text()))
            elif isinstance(widget, QTextEdit):
                self._text(at, widget.toHtml(), is_html=True)
            elif isinstance(widget, QAbstractItemView) and not isinstance(widget, QHeaderView):
                self._items(at, widget)

    def _items(self, at: str, view: QAbstractItemView) -> None:
        model = view.model()
        if model is None or not view.isVisible():
            return
        tip = Qt.ItemDataRole.ToolTipRole
        for column in range(1 if isinstance(model, QAbstractListModel) else model.columnCount()):
            self._tip(at, model.headerData(column, Qt.Orientation.Horizontal, tip))
            for row in range(min(30, model.rowCount())):
                self._tip(f"{at} cell", model.data(model.index(row, column), tip))

    def _tip(self, at: str, text: object) -> None:
        if isinstance(text, str) and text:
            self._text(f"{at} tool tip", text, is_html=might_be_html(text))

    def _text(self, at: str, text: str, *, is_html: bool) -> None:
        self.seen += any(markup in text for markup in MARKUP) or "&lt;" in text
        if is_html and any(markup in text for markup in MARKUP):
            self.taken_for_html.add(f"{at}: {text[:80]}")
        if text != in_order(text):
            self.turned.add(f"{at}: {text[:80]!a}")


@pytest.fixture
def hostile_photos(tmp_path: Path) -> Path:
    folder = tmp_path / "<i>photos"
    for number, name in enumerate((*FILES, f"<b>bold/{FILES[0]}")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (90 + number, 60), (40 * number, 90, 120)).save(path)
        path.with_suffix(".txt").write_text("<img src=caption> in a caption")
    return folder


@pytest.fixture(autouse=True)
def nothing_waits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_args: "")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: ("", ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_args: ("", ""))
    monkeypatch.setattr(QMenu, "exec", lambda *_args: None)
    monkeypatch.setattr(QMessageBox, "exec", lambda *_args: QMessageBox.StandardButton.No)
    monkeypatch.setattr(QMessageBox, "question", lambda *_args: QMessageBox.StandardButton.No)
    monkeypatch.setattr(file_manager, "open_path", lambda _path: True)
    monkeypatch.setattr(file_manager, "reveal", lambda _path: True)


def select_first(page: LibraryPage) -> None:
    ids = page.panel.model.ids[:2].tolist()
    page.grid.select_ids(ids, ids[0])
    page.set_focus_class(page.session.snapshot().classes[0].id)


def test_no_widget_takes_a_name_for_html(
    launch: Callable[..., MainWindow],
    settled: Callable[[MainWindow], LibraryPage],
    hostile_photos: Path,
    qtbot: QtBot,
) -> None:
    window = launch()
    session_classes = tuple(map(ClassSpec, CLASSES))
    window.open_paths([hostile_photos])
    qtbot.waitUntil(lambda: window.page is not None, timeout=WAIT_MS)
    page = settled(window)
    page.session.vocabulary.set_all(session_classes)
    page = settled(window)
    snapshot = page.session.snapshot()
    images = [int(image) for image in snapshot.image_ids]
    for entry in snapshot.classes[:3]:
        page.session.annotations.annotate(images[:2], [entry.id], Verdict.PRESENT)
    page = settled(window)
    choice = theme.manager().choice
    walk = Walk()
    for start in PAGES:
        window.commands.trigger("view.grid")
        select_first(page)
        window.commands.trigger(start)
        qtbot.wait(200)
        walk.look(start)
    for command_id in [item.id for item in window.commands.commands if item.id not in LEFT_OUT]:
        window.commands.trigger("view.grid")
        select_first(page)
        if not window.commands.action(command_id).isEnabled():
            continue
        window.commands.trigger(command_id)
        qtbot.wait(10)
        walk.look(command_id)
        window.context.dialogs.close_all()
        for palette in window.findChildren(CommandPalette):
            palette.close()
        window.tour.end()
    theme.manager().apply(choice)
    assert not walk.taken_for_html
    assert not walk.turned
    assert walk.seen > 100, "the names were not shown at all"
