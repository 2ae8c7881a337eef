"""Names that look like HTML, turn a text around or break it are harmless everywhere.

One window is walked through: every page, command, context menu and question, and the dialogs that
need more than a command; each text that any widget shows is looked at.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import (
    QAbstractItemModel,
    QAbstractListModel,
    QAbstractTableModel,
    QModelIndex,
    Qt,
    QTimer,
)
from PySide6.QtGui import QAction, QContextMenuEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QFileDialog,
    QGraphicsTextItem,
    QGraphicsView,
    QGroupBox,
    QHeaderView,
    QLabel,
    QMenu,
    QMessageBox,
    QPlainTextEdit,
    QStatusBar,
    QTabBar,
    QTextEdit,
    QWidget,
)
from pytestqt.qtbot import QtBot
from ui_libraries import add_version, evaluation

from lmpt_desktop.catalogue import backups
from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.inference.saved_searches import SavedSearch
from lmpt_desktop.ui.help.command_palette import CommandPalette
from lmpt_desktop.ui.interchange import export_commands, import_commands
from lmpt_desktop.ui.interchange.export_dialog import ExportDialog
from lmpt_desktop.ui.interchange.import_dialog import ImportDialog
from lmpt_desktop.ui.kit import file_manager, theme
from lmpt_desktop.ui.kit.plain_text import literal, might_be_html
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.long_tail.page import LongTailPage
from lmpt_desktop.ui.versions.commands import compare_versions
from lmpt_desktop.ui.versions.comparison import ComparisonDialog
from lmpt_desktop.ui.versions.dialog import VersionsDialog
from lmpt_desktop.ui.vocabulary.dialog import VocabularyDialog
from lmpt_desktop.ui.vocabulary.merging import MergeDialog, SplitDialog
from lmpt_desktop.ui.window.main_window import RESTORE, MainWindow
from lmpt_desktop.ui.window.restore_dialog import RestoreDialog
from trainer.printable import isolated, shown, shown_line

WAIT_MS = 30_000
HEBREW = "שלום 7"
"""Of the classes; a number after it would change places with it."""
CLASSES = (
    "<img src=x>", "<b>bold</b>", HEBREW, "<a href='file:x'>y</a>", "a\u202egpj.exe", "&amp;",
    "a\u200bb\x1bc\u2067d", "long " * 30,
)  # fmt: skip
FILES = (
    "<img src=x>_1.jpg", "<b>bold_2.jpg", "a\u202egpj_3.jpg", "&amp;_4.jpg", "<u>_5.jpg",
    "two\nlines\u2029_6.jpg", "שלום_7.jpg",
)  # fmt: skip
NOTE = "<b>bold\u202e note"
MARKUP = ("<img", "<b>bold", "<a href='file", "<u>", "<i>")
"""Of the hostile names; no text of ours has these."""
PAGES = ("view.grid", "view.review", "view.long-tail", "sweep.open", "compare.open")
LEFT_OUT = ("file.quit", "file.close", "file.open", "file.samples", "file.add")
"""Commands that end what is walked through, or open another library."""
ROLES = (
    Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.StatusTipRole, Qt.ItemDataRole.AccessibleTextRole,
    Qt.ItemDataRole.AccessibleDescriptionRole,
)  # fmt: skip
MOST_ROWS = 30
EVERYWHERE = (
    *PAGES, "search", "context menus", "versions", "comparison 0", "split", "merge",
    "vocabulary 0", "long tail 0", "import", "imported", "export coco", "exported",
)  # fmt: skip
"""Places where names are shown."""


def lines_of(widget: QWidget) -> Iterable[str]:
    """Texts of a widget that have room for one line."""
    if isinstance(widget, (QGroupBox, QMenu)):
        return (widget.title(),)
    if isinstance(widget, QStatusBar):
        return (widget.currentMessage(),)
    if isinstance(widget, QComboBox):
        return map(widget.itemText, range(min(MOST_ROWS, widget.count())))
    if isinstance(widget, QTabBar):
        return map(widget.tabText, range(widget.count()))
    return ()


def texts_of(widget: QWidget) -> Iterable[str]:
    """Plain texts of a widget that can have several lines."""
    if isinstance(widget, QAbstractButton):
        return (widget.text(),)
    if isinstance(widget, QPlainTextEdit) and widget.isReadOnly():
        return (widget.toPlainText(),)
    if isinstance(widget, QGraphicsView) and widget.scene() is not None:
        items = widget.scene().items()
        return [item.toPlainText() for item in items if isinstance(item, QGraphicsTextItem)]
    return ()


class Walk:
    """Looks at every widget that exists, and notes what its texts would do."""

    def __init__(self) -> None:
        self.taken_for_html: set[str] = set()
        self.turning: set[str] = set()
        """Texts with marks that are not seen, or with several lines where there is room for one."""
        self.not_apart: set[str] = set()
        """Sentences around which a right-to-left name can turn something."""
        self.seen: dict[str, int] = {}
        """How many texts with a hostile name in them, by place."""
        self.where = ""

    def look(self, where: str) -> None:
        self.where = where
        for widget in QApplication.allWidgets():
            self._widget(widget)

    def look_beside(self, window: MainWindow, where: str) -> None:
        """At what is not in the window, and at what it says."""
        self.where = where
        for widget in QApplication.topLevelWidgets():
            if widget is not window and widget.isVisible():
                self.look_into(widget)
        for part in (window.notifications, window.status):
            self.look_into(part)

    def look_into(self, widget: QWidget) -> None:
        """A menu or a question, and what is in it."""
        self._widget(widget)
        for child in widget.findChildren(QWidget):
            self._widget(child)

    def _widget(self, widget: QWidget) -> None:
        at = f"{type(widget).__name__} {widget.objectName()}"
        self._tip(at, widget.toolTip())
        self._tip(at, widget.whatsThis())
        for text in (widget.windowTitle(), widget.statusTip(), *lines_of(widget)):
            self._line(at, text)
        for text in (widget.accessibleName(), widget.accessibleDescription(), *texts_of(widget)):
            self._text(at, text)
        for action in widget.actions():
            self._action(f"{at} action", action)
        if isinstance(widget, QLabel):
            rich = widget.textFormat() != Qt.TextFormat.PlainText
            self._text(at, widget.text(), is_html=rich and might_be_html(widget.text()))
        elif isinstance(widget, QTextEdit):
            self._text(at, widget.toHtml(), is_html=True)
        elif isinstance(widget, QTabBar):
            for place in range(widget.count()):
                self._tip(at, widget.tabToolTip(place))
        elif isinstance(widget, QAbstractItemView) and not isinstance(widget, QHeaderView):
            model = widget.model()
            if model is not None and widget.isVisible():
                self._cells(at, model, QModelIndex())

    def _action(self, at: str, action: QAction) -> None:
        self._line(at, action.text())
        self._line(at, action.iconText())
        self._line(at, action.statusTip())
        if action.text() and action.toolTip() != action.iconText():
            self._tip(at, action.toolTip())

    def _cells(self, at: str, model: QAbstractItemModel, parent: QModelIndex) -> None:
        tip = Qt.ItemDataRole.ToolTipRole
        is_list = isinstance(model, QAbstractListModel)
        for column in range(1 if is_list else model.columnCount(parent)):
            self._tip(f"{at} header", model.headerData(column, Qt.Orientation.Horizontal, tip))
            title = model.headerData(column, Qt.Orientation.Horizontal)
            self._line(f"{at} header", title)
            for row in range(min(MOST_ROWS, model.rowCount(parent))):
                cell = model.index(row, column, parent)
                self._tip(f"{at} cell", model.data(cell, tip))
                for role in ROLES:
                    self._text(f"{at} cell", model.data(cell, role))
                if not isinstance(model, (QAbstractListModel, QAbstractTableModel)):
                    self._cells(at, model, cell)

    def _tip(self, at: str, text: object) -> None:
        if isinstance(text, str) and text:
            self._text(f"{at} tool tip", text, is_html=might_be_html(text))

    def _line(self, at: str, text: object) -> None:
        if isinstance(text, str) and text != shown_line(text):
            self.turning.add(f"{self.where}: {at}: {text[:80]!a}")
        self._text(at, text)

    def _text(self, at: str, text: object, *, is_html: bool = False) -> None:
        if not isinstance(text, str) or not text:
            return
        if "\ufffd" in text or any(markup in text for markup in MARKUP):
            self.seen[self.where] = self.seen.get(self.where, 0) + 1
        if is_html and any(markup in text for markup in MARKUP):
            self.taken_for_html.add(f"{self.where}: {at}: {text[:80]}")
        if text.replace("\u200b", "") != shown(text.replace("\u200b", "")):  # where we break words
            self.turning.add(f"{self.where}: {at}: {text[:80]!a}")
        for line in text.splitlines():
            rest = line.replace(isolated(HEBREW), "").strip("● ▾☐☑✓✗\t")
            if HEBREW in rest and rest != HEBREW and not is_html:
                self.not_apart.add(f"{self.where}: {at}: {text[:80]!a}")


@pytest.fixture
def hostile_photos(tmp_path: Path) -> Path:
    folder = tmp_path / "<i>photos\u202e"
    for number, name in enumerate((*FILES, f"<b>bold/{FILES[0]}")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (90 + number, 60), (30 * number, 90, 120)).save(path)
        path.with_suffix(".txt").write_text("<img src=caption> in a \u202e caption")
    return folder


@pytest.fixture
def walk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Walk]:
    """Nothing waits for a user; menus and questions are looked at when they open."""
    walk = Walk()

    def look_at_menu() -> None:
        menu = QApplication.activePopupWidget()
        if isinstance(menu, QMenu):
            walk.look_into(menu)
            menu.close()

    def asked(box: QMessageBox) -> QMessageBox.StandardButton:
        walk.look_into(box)
        return QMessageBox.StandardButton.No

    def question(_parent: object, title: str, text: str, *_rest: object) -> object:
        return asked(QMessageBox(QMessageBox.Icon.Question, title, literal(text)))

    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_args: "")
    monkeypatch.setattr(
        QFileDialog,
        "getSaveFileName",
        lambda *_args, **_named: (str(tmp_path / "<b>bold\u202e.json"), ""),
    )
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_args: ("", ""))
    monkeypatch.setattr(QMessageBox, "exec", asked)
    monkeypatch.setattr(QMessageBox, "question", question)
    monkeypatch.setattr(file_manager, "open_path", lambda _path: True)
    monkeypatch.setattr(file_manager, "reveal", lambda _path: True)
    choice = theme.manager().choice
    looking = QTimer()
    looking.timeout.connect(look_at_menu)
    looking.start(5)
    yield walk
    looking.stop()
    theme.manager().apply(choice)


def coco_file(path: Path) -> Path:
    """Says other things of the photos than the library does, and names classes that it lacks."""
    names = (*FILES, "else\u202ewhere<b>bold.jpg")
    classes = (*CLASSES, "new\u202e<u>", "&amp;new")
    images = [
        {"id": i, "file_name": name, "width": 90, "height": 60} for i, name in enumerate(names)
    ]
    path.write_text(
        json.dumps(
            {
                "images": images,
                "annotations": [
                    {"id": 99 * i + c, "image_id": i, "category_id": c, "bbox": [1, 1, 9, 9]}
                    for i in range(len(names))
                    for c in range(len(classes))
                ],
                "categories": [{"id": i, "name": name} for i, name in enumerate(classes)],
            }
        )
    )
    return path


@pytest.fixture
def window(launch: Callable[..., MainWindow], hostile_photos: Path) -> MainWindow:
    return launch(hostile_photos)


@pytest.fixture
def page(window: MainWindow, settled: Callable[[MainWindow], LibraryPage]) -> LibraryPage:
    """Of a library with verdicts, versions, a copy and a saved search."""
    page = settled(window)
    session = page.session
    session.vocabulary.set_all(tuple(map(ClassSpec, CLASSES)))
    page = settled(window)
    snapshot = session.snapshot()
    images = [int(image) for image in snapshot.image_ids]
    for entry in snapshot.classes:
        session.annotations.annotate(images[:3], [entry.id], Verdict.PRESENT)
        session.annotations.annotate(images[3:5], [entry.id], Verdict.ABSENT)
    for shift in (0.1, 0.2):
        judged = evaluation(dict.fromkeys(CLASSES[:6], shift))
        version = add_version(
            session,
            judged=judged,
            baseline=evaluation(dict.fromkeys(CLASSES[:6], 0.1)),
            shift=(shift,) * len(CLASSES),
            train_present=(1,) * len(CLASSES),
            class_names=CLASSES,
            backbone=session.model.backbone,
        )
        session.versions.rename(version, f"{NOTE} {shift}")
    backups.back_up(session.library_folder / backups.CATALOGUE_NAME, backups.DAILY)
    page.panel.kept.add_search(SavedSearch("<b>bold\u202e search", words="<b>bold\u202e"))
    return settled(window)


def select_first(page: LibraryPage) -> None:
    ids = page.panel.model.ids[:2].tolist()
    page.grid.select_ids(ids, ids[0])
    page.set_focus_class(page.session.snapshot().classes[4].id)


def clear_away(window: MainWindow) -> None:
    window.context.dialogs.close_all()
    for palette in window.findChildren(CommandPalette):
        palette.close()
    window.tour.end()
    for note in list(window.notifications.shown):
        window.notifications.dismiss(note)


def look_at_pages(walk: Walk, window: MainWindow, page: LibraryPage, qtbot: QtBot) -> None:
    for start in PAGES:
        window.commands.trigger("view.grid")
        select_first(page)
        window.commands.trigger(start)
        qtbot.wait(100)
        walk.look(start)
    window.commands.trigger("view.grid")
    page.panel.search_bar.field.setText(CLASSES[4])
    qtbot.keyClick(page.panel.search_bar.field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(page.panel.search_bar.status.text()), timeout=WAIT_MS)
    page.panel.bar.button.click()
    walk.look("search")
    page.panel.bar.popover.hide()
    page.panel.search_bar.clear()


def look_at_commands(walk: Walk, window: MainWindow, page: LibraryPage, qtbot: QtBot) -> None:
    for command_id in [item.id for item in window.commands.commands if item.id not in LEFT_OUT]:
        window.commands.trigger("view.grid")
        select_first(page)
        if window.commands.action(command_id).isEnabled():
            window.commands.trigger(command_id)
            qtbot.wait(10)
            walk.look_beside(window, command_id)
            clear_away(window)


def look_at_versions(walk: Walk, window: MainWindow, page: LibraryPage, qtbot: QtBot) -> None:
    old, new = [version.version_id for version in page.session.versions.all()][:2]
    window.commands.trigger("model.versions")
    versions = window.findChild(VersionsDialog)
    assert versions is not None
    qtbot.waitUntil(lambda: versions.model.rowCount() > 1, timeout=WAIT_MS)
    versions.select_version(old)
    walk.look("versions")
    versions.discard.click()
    compare_versions(window.context, old, new)
    comparison = window.findChild(ComparisonDialog)
    assert comparison is not None
    qtbot.waitUntil(lambda: comparison.comparison is not None, timeout=WAIT_MS)
    for place in range(comparison.tabs.count()):
        comparison.tabs.setCurrentIndex(place)
        walk.look(f"comparison {place}")
    clear_away(window)
    window.commands.trigger("file.restore")
    restore = window.context.dialogs.find(RESTORE)
    assert isinstance(restore, RestoreDialog)
    qtbot.waitUntil(restore.act.isEnabled, timeout=WAIT_MS)
    walk.look("restore")
    clear_away(window)


def look_at_vocabulary(walk: Walk, window: MainWindow, qtbot: QtBot) -> None:
    window.commands.trigger("vocabulary.edit")
    dialog = window.findChild(VocabularyDialog)
    assert dialog is not None
    table = dialog.classes.table
    qtbot.waitUntil(lambda: dialog.classes.proxy.rowCount() >= len(CLASSES), timeout=WAIT_MS)
    table.selectRow(4)
    dialog.classes.split.click()
    qtbot.waitUntil(lambda: dialog.findChild(SplitDialog) is not None, timeout=WAIT_MS)
    walk.look("split")
    dialog.findChild(SplitDialog).close()  # pyright: ignore[reportOptionalMemberAccess]
    table.selectAll()
    dialog.classes.merge.click()
    merge = dialog.findChild(MergeDialog)
    assert merge is not None
    qtbot.wait(50)
    walk.look("merge")
    merge.close()
    table.selectRow(0)
    dialog.classes.archive.click()
    qtbot.waitUntil(lambda: bool(dialog.strip.text), timeout=WAIT_MS)
    for place in range(dialog.tabs.count()):
        dialog.tabs.setCurrentIndex(place)
        qtbot.wait(10)
        walk.look(f"vocabulary {place}")
    clear_away(window)


def look_at_long_tail(walk: Walk, window: MainWindow, qtbot: QtBot) -> None:
    window.commands.trigger("view.long-tail")
    page = window.findChild(LongTailPage)
    assert page is not None
    qtbot.waitUntil(page.isVisible, timeout=WAIT_MS)
    for place in range(page.tabs.count()):
        page.tabs.setCurrentIndex(place)
        qtbot.wait(50)
        walk.look(f"long tail {place}")
    window.commands.trigger("view.grid")


def look_at_interchange(walk: Walk, window: MainWindow, file: Path, qtbot: QtBot) -> None:
    window.commands.trigger("file.import")
    imports = window.context.dialogs.find(import_commands.DIALOG)
    assert isinstance(imports, ImportDialog)
    imports.open_path(file)
    qtbot.waitUntil(lambda: not imports.busy, timeout=WAIT_MS)
    walk.look("import")
    imports.classes.add_all.click()
    qtbot.waitUntil(lambda: not imports.busy, timeout=WAIT_MS)
    imports.apply()
    qtbot.waitUntil(lambda: bool(window.notifications.shown), timeout=WAIT_MS)
    walk.look("imported")
    clear_away(window)
    for name in ("xmp", "coco"):
        look_at_export(walk, window, name, qtbot)
    exports = window.context.dialogs.find(export_commands.DIALOG)
    assert isinstance(exports, ExportDialog)
    exports.ok.click()
    qtbot.waitUntil(lambda: bool(window.notifications.shown), timeout=WAIT_MS)
    walk.look("exported")
    clear_away(window)


def look_at_export(walk: Walk, window: MainWindow, name: str, qtbot: QtBot) -> None:
    window.commands.trigger("file.export")
    dialog = window.context.dialogs.find(export_commands.DIALOG)
    assert isinstance(dialog, ExportDialog)
    dialog.formats.choose(name)
    qtbot.waitUntil(lambda: not dialog.busy, timeout=WAIT_MS)
    walk.look(f"export {name}")


def look_at_menus(walk: Walk, window: MainWindow, page: LibraryPage) -> None:
    """Context menus of what has one."""
    walk.where = "context menus"
    for widget in window.findChildren(QWidget):
        if widget.isVisible() and widget.contextMenuPolicy() in (
            Qt.ContextMenuPolicy.CustomContextMenu, Qt.ContextMenuPolicy.DefaultContextMenu,
        ):  # fmt: skip
            middle = widget.rect().center()
            event = QContextMenuEvent(
                QContextMenuEvent.Reason.Mouse, middle, widget.mapToGlobal(middle)
            )
            QApplication.sendEvent(widget, event)


def test_no_name_is_taken_for_html_or_turns_what_is_around_it(
    window: MainWindow, page: LibraryPage, tmp_path: Path, walk: Walk, qtbot: QtBot
) -> None:
    look_at_pages(walk, window, page, qtbot)
    look_at_menus(walk, window, page)
    look_at_versions(walk, window, page, qtbot)
    look_at_long_tail(walk, window, qtbot)
    look_at_commands(walk, window, page, qtbot)
    look_at_interchange(walk, window, coco_file(tmp_path / "<b>bold\u202e.json"), qtbot)
    look_at_vocabulary(walk, window, qtbot)
    assert not walk.taken_for_html
    assert not walk.turning
    assert sorted({text.split(": ", 1)[1] for text in walk.not_apart}) == []
    unseen = {place for place in EVERYWHERE if not walk.seen.get(place)}
    assert not unseen, "the names were not shown at all"
