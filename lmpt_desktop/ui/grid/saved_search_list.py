"""The searches that were saved in this library, to apply, rename and delete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.inference.saved_searches import SavedSearch, tidy_name
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit.label import Label

MOST_ROWS = 4


class _List(QListWidget):
    delete_pressed = Signal()
    chosen = Signal(QListWidgetItem)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        item = self.currentItem()
        editing = self.state() == QListWidget.State.EditingState
        if item is not None and not editing:
            if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
                self.delete_pressed.emit()
                return
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
                self.chosen.emit(item)
                return
        super().keyPressEvent(event)


class SavedSearchList(QWidget):
    """Emits what the user wants; the searches themselves are kept elsewhere."""

    chosen = Signal(object)
    """A :class:`SavedSearch` to apply."""
    edited = Signal(object)
    """All searches, as they are to be kept from now on."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("saved-searches")
        self._searches: tuple[SavedSearch, ...] = ()
        self._deleted: tuple[SavedSearch, ...] | None = None
        self._filling = False
        title = Label(_("Saved searches"))
        title.setProperty("role", "heading")
        self.list = _List()
        self.list.setObjectName("saved-search-list")
        self.list.setAccessibleName(_("Saved searches"))
        self.list.setToolTip(_("Enter applies a search, F2 renames it, Delete deletes it."))
        self.list.setEditTriggers(QListWidget.EditTrigger.EditKeyPressed)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.more = QToolButton()
        self.more.setObjectName("saved-search-more")
        self.more.setText("…")
        self.more.setAutoRaise(True)
        self.more.setAccessibleName(_("Rename or delete the saved search"))
        self.more.setToolTip(self.more.accessibleName())
        self.gone = Label()
        self.gone.setProperty("role", "muted")
        self.undo = QToolButton()
        self.undo.setObjectName("saved-search-undo")
        self.undo.setText(_("Undo"))
        head = QHBoxLayout()
        head.addWidget(title, 1)
        head.addWidget(self.more)
        foot = QHBoxLayout()
        foot.addWidget(self.gone, 1)
        foot.addWidget(self.undo)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addWidget(self.list)
        layout.addLayout(foot)
        self.list.itemClicked.connect(self._choose)
        self.list.chosen.connect(self._choose)
        self.list.itemChanged.connect(self._renamed)
        self.list.delete_pressed.connect(self.delete_current)
        self.list.customContextMenuRequested.connect(self._menu)
        self.more.clicked.connect(lambda: self._menu(None))
        self.undo.clicked.connect(self._undo)
        self._show_deleted("")
        self.show_searches(())

    def show_searches(self, searches: Sequence[SavedSearch]) -> None:
        """List these."""
        self._searches = tuple(searches)
        self._filling = True
        place = self.list.currentRow()
        self.list.clear()
        for search in self._searches:
            item = QListWidgetItem(search.name)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
            self.list.addItem(item)
        if self._searches:
            self.list.setCurrentRow(min(max(place, 0), len(self._searches) - 1))
        self._filling = False
        height = self.list.sizeHintForRow(0) if self._searches else 0
        self.list.setFixedHeight(height * min(len(self._searches), MOST_ROWS) + 4)
        self.list.setVisible(bool(self._searches))
        self.more.setVisible(bool(self._searches))
        self.setVisible(bool(self._searches) or self._deleted is not None)

    def forget_deleted(self) -> None:
        """Offer no undo any more."""
        self._show_deleted("")
        self.setVisible(bool(self._searches))

    def delete_current(self) -> None:
        """Delete the chosen search; it can be undone until another is deleted."""
        place = self.list.currentRow()
        if not 0 <= place < len(self._searches):
            return
        before = self._searches
        self._deleted = before
        self._show_deleted(before[place].name, before)
        self.edited.emit(before[:place] + before[place + 1 :])

    def rename_current(self) -> None:
        """Let the user type another name."""
        if (item := self.list.currentItem()) is not None:
            self.list.setFocus()
            self.list.editItem(item)

    # ----------------------------------------------------------------------------- details

    def _choose(self, item: QListWidgetItem) -> None:
        place = self.list.row(item)
        if 0 <= place < len(self._searches):
            self.chosen.emit(self._searches[place])

    def _renamed(self, item: QListWidgetItem) -> None:
        if self._filling:
            return
        place, name = self.list.row(item), tidy_name(item.text())
        others = {search.name.casefold() for i, search in enumerate(self._searches) if i != place}
        if not name or name.casefold() in others:
            self.show_searches(self._searches)  # its old name again
            return
        self._show_deleted("")
        renamed = list(self._searches)
        renamed[place] = replace(renamed[place], name=name)
        self.edited.emit(tuple(renamed))

    def _undo(self) -> None:
        before = self._deleted
        self._show_deleted("")
        if before is not None:
            self.edited.emit(before)
            self.list.setFocus()

    def _show_deleted(self, name: str, before: tuple[SavedSearch, ...] | None = None) -> None:
        self._deleted = before
        self.gone.setText(_("“{name}” deleted").format(name=name) if name else "")
        for part in (self.gone, self.undo):
            part.setVisible(before is not None)

    def _menu(self, place: QPoint | None) -> None:
        if self.list.currentItem() is None:
            return
        menu = QMenu(self)
        menu.addAction(_("Rename"), self.rename_current)
        menu.addAction(_("Delete"), self.delete_current)
        where = (
            self.more.mapToGlobal(QPoint(0, self.more.height()))
            if place is None
            else self.list.viewport().mapToGlobal(place)
        )
        menu.popup(where)
