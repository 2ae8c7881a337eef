"""The folder tree: the library's folders, each with the number of images in and below it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QHeaderView, QMenu, QTreeWidget, QTreeWidgetItem, QWidget

from lmpt_desktop.domain.records import Folder, ImageState, ImageTable
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.translation import N_, _
from lmpt_desktop.translation import number as number_text
from lmpt_desktop.ui.kit import theme

_KEY = Qt.ItemDataRole.UserRole
_LOOK = Qt.ItemDataRole.UserRole + 1


class Look(StrEnum):
    """A reason why photos need a look."""

    EDITED = "edited"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    DAMAGED = "damaged"

    def rows(self, snapshot: Snapshot) -> NDArray[np.bool_]:
        """(N,) bool: the photos it is true of."""
        if self is Look.EDITED:
            return snapshot.images.edited
        if self is Look.DAMAGED:
            return snapshot.images.damaged & (snapshot.images.states == ImageState.OK)
        state = ImageState.MISSING if self is Look.MISSING else ImageState.UNREADABLE
        return snapshot.images.states == state


_LOOK_TEXTS = {
    Look.EDITED: N_("Changed since annotated"),
    Look.MISSING: N_("Missing"),
    Look.UNREADABLE: N_("Unreadable"),
    Look.DAMAGED: N_("Damaged"),
}
_LOOK_ICONS = {
    Look.EDITED: "edited",
    Look.MISSING: "image-missing",
    Look.UNREADABLE: "image-broken",
    Look.DAMAGED: "image-broken",
}


@dataclass(frozen=True)
class FolderCounts:
    """Images in and below every folder: ``counts[folder id, relative path]``, "" for the root.

    ``missing`` are ids of folders that were not found; ``notes`` are remarks by folder id;
    ``looks`` says how many photos need a look, by reason.
    """

    folders: tuple[Folder, ...]
    counts: dict[tuple[int, str], int]
    total: int
    missing: frozenset[int] = frozenset()
    notes: Mapping[int, str] = field(default_factory=dict)
    looks: Mapping[Look, int] = field(default_factory=dict)


class FolderCounter:
    """Counts a library's images by folder (one thread at a time).

    While a scan adds photos only the new ones are counted: they follow those counted before, whose
    names are the same string objects.
    """

    def __init__(self) -> None:
        self._images: ImageTable | None = None
        self._direct: Counter[tuple[int, str]] = Counter()

    def count(
        self,
        folders: Sequence[Folder],
        snapshot: Snapshot,
        notes: Mapping[int, str] | None = None,
    ) -> FolderCounts:
        """Count a snapshot's images and check which folders exist.

        Not for the window's thread: this reads all names, and disks may be slow or asleep.
        """
        self._count_direct(snapshot.images)
        counts: Counter[tuple[int, str]] = Counter()
        for (folder_id, parent), number in self._direct.items():
            counts[folder_id, ""] += number
            if parent:
                path = PurePosixPath(parent)
                for step in (path, *path.parents):
                    if step != PurePosixPath("."):
                        counts[folder_id, step.as_posix()] += number
        shown = tuple(folder for folder in folders if not folder.hidden)
        missing = frozenset(folder.id for folder in shown if not folder.path.is_dir())
        looks = {look: int(np.count_nonzero(look.rows(snapshot))) for look in Look}
        return FolderCounts(shown, dict(counts), len(snapshot.images), missing, notes or {}, looks)

    def _count_direct(self, images: ImageTable) -> None:
        """Count the images directly in each folder."""
        before, start = self._images, 0
        if before is not None and self._begins_with(images, before):
            start = len(before)
        else:
            self._direct = Counter()
        self._direct.update(
            (folder_id, name.rpartition("/")[0])
            for folder_id, name in zip(
                images.folder_ids[start:].tolist(), images.names[start:], strict=True
            )
        )
        self._images = images

    @staticmethod
    def _begins_with(images: ImageTable, before: ImageTable) -> bool:
        count = len(before)
        return (
            len(images) >= count
            and np.array_equal(images.folder_ids[:count], before.folder_ids)
            and images.names.begins_with(before.names)
        )


class FolderTree(QTreeWidget):
    """Emits the folder that the user chose, or a reason why photos need a look."""

    chosen = Signal(object, object)
    """Folder id and subfolder (a relative Path); None, None for all photos."""
    look_chosen = Signal(object)
    """The :class:`Look` whose photos the user wants to see."""
    relocate_requested = Signal(int)
    remove_requested = Signal(int)
    rescan_requested = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("folders")
        self.setAccessibleName(_("Folders"))
        self.setColumnCount(2)
        self.setHeaderHidden(True)
        self.setFrameShape(QTreeWidget.Shape.NoFrame)
        self.setUniformRowHeights(True)
        self.setIndentation(14)
        self.header().setStretchLastSection(False)
        self.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._menu)
        self.currentItemChanged.connect(self._changed)
        self.itemClicked.connect(self._pressed)
        self.itemActivated.connect(self._pressed)
        self._items: dict[tuple[int, str], QTreeWidgetItem] = {}
        self._missing: dict[int, bool] = {}
        self.all_photos = QTreeWidgetItem([_("All photos"), ""])
        self.all_photos.setIcon(0, theme.icon("image"))
        self.addTopLevelItem(self.all_photos)
        self.setCurrentItem(self.all_photos)
        self.needs_look = QTreeWidgetItem([_("Needs a look"), ""])
        self.needs_look.setFlags(Qt.ItemFlag.ItemIsEnabled)
        font = self.font()
        font.setBold(True)
        self.needs_look.setFont(0, font)
        self.needs_look.setForeground(0, theme.current().colour("muted"))
        self.addTopLevelItem(self.needs_look)
        self._looks: dict[Look, QTreeWidgetItem] = {}
        for look in Look:
            item = self._looks[look] = QTreeWidgetItem([_(_LOOK_TEXTS[look]), ""])
            item.setData(0, _LOOK, look)
            self.needs_look.addChild(item)
        self.needs_look.setExpanded(True)
        self.needs_look.setHidden(True)
        self._restyle()
        theme.manager().changed.connect(self._restyle)

    def show_counts(self, counts: FolderCounts) -> None:
        """Update the tree; the selection and expanded folders stay."""
        self._number(self.all_photos, counts.total)
        keys: set[tuple[int, str]] = set()
        for folder in counts.folders:
            root = (folder.id, "")
            keys.add(root)
            item = self._items.get(root)
            if item is None:
                item = self._add(root, None, folder.path.name or str(folder.path))
                item.setExpanded(True)
            missing = folder.id in counts.missing
            self._missing[folder.id] = missing
            item.setText(0, folder.path.name or str(folder.path))
            note = _("This folder was not found.") if missing else counts.notes.get(folder.id, "")
            item.setToolTip(0, f"{folder.path}\n{note}".strip())
            item.setIcon(0, self._icon(folder.id))
            self._number(item, counts.counts.get(root, 0))
        known = {folder.id for folder in counts.folders}
        for (folder_id, below), number in sorted(counts.counts.items()):
            if folder_id not in known or not below:
                continue
            key = (folder_id, below)
            keys.add(key)
            item = self._items.get(key)
            if item is None:
                parent, _slash, name = below.rpartition("/")
                item = self._add(key, self._items[folder_id, parent], name)
            self._number(item, number)
        for key in sorted(set(self._items) - keys, key=lambda key: -len(key[1])):
            self._drop(self._items.pop(key))
        self._show_looks(counts.looks)

    def show_folder(self, folder_id: int | None, below: Path | None) -> None:
        """Mark the folder that is shown, without a signal; (None, None) is the whole library."""
        item = self.all_photos
        if folder_id is not None:
            key = (folder_id, below.as_posix() if below is not None else "")
            item = self._items.get(key, self.all_photos)
        current = self.currentItem()
        if item is current or (
            folder_id is None and current is not None and current.data(0, _LOOK) is not None
        ):
            return
        self.blockSignals(True)
        self.setCurrentItem(item)
        self.blockSignals(False)

    def _show_looks(self, looks: Mapping[Look, int]) -> None:
        for look, item in self._looks.items():
            number = looks.get(look, 0)
            if not number and item is self.currentItem():
                self.setCurrentItem(self.all_photos)
            item.setHidden(not number)
            self._number(item, number)
        self.needs_look.setHidden(not any(looks.values()))

    def _add(
        self, key: tuple[int, str], parent: QTreeWidgetItem | None, name: str
    ) -> QTreeWidgetItem:
        item = QTreeWidgetItem([name, ""])
        item.setData(0, _KEY, key)
        item.setIcon(0, theme.icon("folder"))
        if parent is None:
            self.insertTopLevelItem(self.indexOfTopLevelItem(self.needs_look), item)
        else:
            parent.addChild(item)
        self._items[key] = item
        return item

    def _drop(self, item: QTreeWidgetItem) -> None:
        if item is self.currentItem():
            self.setCurrentItem(self.all_photos)
        parent = item.parent()
        if parent is None:
            self.takeTopLevelItem(self.indexOfTopLevelItem(item))
        else:
            parent.removeChild(item)

    def _number(self, item: QTreeWidgetItem, number: int) -> None:
        text = number_text(number)
        if item.text(1) == text:
            return
        item.setText(1, text)
        item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        item.setForeground(1, theme.current().colour("muted"))

    def _pressed(self, item: QTreeWidgetItem, _column: int = 0) -> None:
        look = item.data(0, _LOOK)
        if look is not None:
            self.look_chosen.emit(Look(look))

    def _changed(self, item: QTreeWidgetItem | None, _previous: object) -> None:
        if item is not None and item.data(0, _LOOK) is not None:
            return  # shown when it is pressed: one of them leads to another page
        key = item.data(0, _KEY) if item is not None else None
        if key is None:
            self.chosen.emit(None, None)
        else:
            self.chosen.emit(key[0], Path(key[1]) if key[1] else None)

    def _menu(self, place: QPoint) -> None:
        item = self.itemAt(place)
        key = item.data(0, _KEY) if item is not None else None
        if key is None:
            return
        folder_id = int(key[0])
        menu = QMenu(self)
        menu.addAction(_("Look for new photos"), lambda: self.rescan_requested.emit(folder_id))
        menu.addAction(_("Locate moved folder..."), lambda: self.relocate_requested.emit(folder_id))
        menu.addSeparator()
        menu.addAction(
            _("Remove folder from library"), lambda: self.remove_requested.emit(folder_id)
        )
        menu.exec(self.viewport().mapToGlobal(place))

    def _icon(self, folder_id: int) -> QIcon:
        return (
            theme.icon("warning", "warning")
            if self._missing.get(folder_id)
            else theme.icon("folder")
        )

    def _restyle(self, *_: object) -> None:
        self.all_photos.setIcon(0, theme.icon("image"))
        muted = theme.current().colour("muted")
        self.all_photos.setForeground(1, muted)
        self.needs_look.setForeground(0, muted)
        for look, item in self._looks.items():
            item.setIcon(0, theme.icon(_LOOK_ICONS[look], "warning"))
            item.setForeground(1, muted)
        for (folder_id, below), item in self._items.items():
            item.setIcon(0, theme.icon("folder") if below else self._icon(folder_id))
            item.setForeground(1, muted)
