"""Which photos the file means, and what can be done about those that are not found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.interchange.addable_folders import AddableFolder
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.interchange.importing.matching import PathChange
from lmpt_desktop.translation import _, ngettext, number
from lmpt_desktop.ui.interchange.import_texts import found_text, other_pictures_text
from lmpt_desktop.ui.interchange.import_work import (
    Comparison,
    LeftOut,
    left_out,
    plain_line,
    save_left_out,
)
from lmpt_desktop.ui.interchange.section import Section, plain_label, plain_tip
from lmpt_desktop.ui.kit.dialogs import LibraryDialog, close_box, style_table
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.tables import Index
from lmpt_desktop.ui.kit.texts import shorten

PAUSE_MS = 350
LIST_NAME = "photos not found.txt"
MOST_FOLDERS = 3
"""Folders that are offered to be added."""


class PhotosSection(Section):
    """Counts per rule, a change of paths, and folders to add."""

    folder_requested = Signal(object)
    """Add this folder (a path) to the library."""
    list_requested = Signal()
    """Show the photos that were not found."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(_("Photos"), parent)
        self.found = plain_label()
        self.found.setObjectName("found-photos")
        self.show_list = QPushButton(_("&Show those not found..."))
        self.show_list.setObjectName("show-unmatched")
        self.show_list.setAutoDefault(False)
        self.strip = QLineEdit()
        self.strip.setObjectName("strip-prefix")
        self.strip.setPlaceholderText(_("nothing"))
        self.add = QLineEdit()
        self.add.setObjectName("add-prefix")
        self.add.setPlaceholderText(_("nothing"))
        self._strip_label = Label(_("Remove from the &beginning of paths"))
        self._strip_label.setBuddy(self.strip)
        self._add_label = Label(_("and &put before them"))
        self._add_label.setBuddy(self.add)
        self.first = plain_label(role="muted")
        self.first.setObjectName("first-unmatched")
        self._folders = QVBoxLayout()
        self._folders.setSpacing(4)
        self._offered: tuple[AddableFolder, ...] = ()
        self.add_buttons: list[QPushButton] = []
        """One for each folder that is offered."""
        self.adding = plain_label(role="muted")
        self.adding.hide()
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MS)
        self._pause.timeout.connect(self.changed)
        self._lay_out()
        for field in (self.strip, self.add):
            field.textEdited.connect(lambda _text: self._pause.start())
        self.show_list.clicked.connect(self.list_requested)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.found, 1)
        top.addWidget(self.show_list, 0, Qt.AlignmentFlag.AlignTop)
        self.body.addLayout(top)
        self.paths = QWidget()
        row = QHBoxLayout(self.paths)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._strip_label)
        row.addWidget(self.strip, 1)
        row.addWidget(self._add_label)
        row.addWidget(self.add, 1)
        self.body.addWidget(self.paths)
        self.body.addWidget(self.first)
        self.body.addLayout(self._folders)
        self.body.addWidget(self.adding)

    @property
    def change(self) -> PathChange:
        """What the user changes about paths."""
        return PathChange(self.strip.text(), self.add.text())

    def reset(self) -> None:
        """Another file: nothing is changed about its paths."""
        self._pause.stop()
        self.strip.clear()
        self.add.clear()
        self.adding.hide()
        self.offer(())

    def show_comparison(self, shown: Comparison) -> None:
        """Show how many photos were found."""
        other_pictures = len(shown.preview.matches.other_pictures)
        sentences = (found_text(shown.counts), other_pictures_text(other_pictures))
        self.found.setText("\n".join(filter(None, sentences)))
        left = len(shown.unmatched)
        self.show_list.setVisible(bool(left))
        # The fields stay while they are filled in, so that the last photo found hides nothing.
        self.paths.setVisible(bool(left or self.strip.text() or self.add.text()))
        self.first.setVisible(bool(left))
        if left:
            reference = shown.preview.survey.references[int(shown.unmatched[0])]
            change = shown.preview.choices.paths
            path = plain_line(reference.path)
            looked = path.removeprefix(change.strip) if change.strip else path
            if looked != path or change.add:
                text = _("The first one, “{path}”, is looked for as “{changed}”.").format(
                    path=shorten(path), changed=shorten(change.add + looked)
                )
            else:
                text = _("The first one is “{path}”.").format(path=shorten(path))
            self.first.setText(text)

    def show_adding(self, folder: Path) -> None:
        """A folder is being added."""
        self.adding.setText(
            _("{folder} is being added. Its photos are found as they are read.").format(
                folder=folder
            )
        )
        self.adding.show()

    def offer(self, folders: Sequence[AddableFolder]) -> None:
        """Offer to add these folders to the library; those with most photos are shown."""
        shown = tuple(folders[:MOST_FOLDERS])
        if shown == self._offered:
            return
        self._offered = shown
        self.add_buttons.clear()
        while self._folders.count():
            item = self._folders.takeAt(0)
            if item is not None and (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for item in shown:
            folder = item.path
            row = QWidget()
            layout = QHBoxLayout(row)
            layout.setContentsMargins(0, 0, 0, 0)
            text = _("Photos of the file are in {folder}, which is not in the library.")
            label = plain_label(text.format(folder=folder))
            layout.addWidget(label, 1)
            button = QPushButton(_("Add this &folder"))
            button.setObjectName("add-folder")
            button.setAutoDefault(False)
            button.setAccessibleName(_("Add {folder}").format(folder=folder))
            button.clicked.connect(lambda _on=False, f=folder: self.folder_requested.emit(f))
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
            self.add_buttons.append(button)
            self._folders.addWidget(row)


# ----------------------------------------------------------------------------- the list of them


class LeftOutModel(QAbstractTableModel):
    """Images of the file without a photo; rows are made as they come into view."""

    def __init__(self, comparison: Comparison, snapshot: Snapshot, parent: QObject) -> None:
        super().__init__(parent)
        self.comparison = comparison
        self.snapshot = snapshot

    def row(self, row: int) -> LeftOut:
        return left_out(self.comparison, self.snapshot, int(self.comparison.unmatched[row]))

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.comparison.unmatched)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else 3

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return (_("In the file"), _("Line"), _("Why"))[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or role not in (
            Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole,
        ):  # fmt: skip
            return None
        item = self.row(index.row())
        line = number(item.line) if item.line else ""
        text = (plain_line(item.path), line, item.reason)[index.column()]
        return plain_tip(text) if role == Qt.ItemDataRole.ToolTipRole else text


class LeftOutDialog(LibraryDialog):
    """Lists the images of a file that have no photo, and saves the list."""

    def __init__(
        self, session: LibrarySession, comparison: Comparison, parent: QWidget | None = None
    ) -> None:
        super().__init__(session, None, parent)
        self.setWindowTitle(_("Photos not found"))
        self.resize(760, 460)
        self.strip.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.model = LeftOutModel(comparison, session.snapshot(), self)
        self.table = QTableView()
        self.table.setObjectName("unmatched")
        self.table.setAccessibleName(_("Photos not found"))
        self.table.setModel(self.model)
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        style_table(self.table, 0, {1: 70, 2: 260})
        self.save = QPushButton(_("&Save list..."))
        self.save.setObjectName("save-unmatched")
        self.save.setAutoDefault(False)
        count = self.model.rowCount()
        layout = QVBoxLayout(self)
        layout.addWidget(
            plain_label(
                ngettext(
                    "{count} photo of the file is left out: it is not in the library, or several "
                    "photos of the library fit equally well.",
                    "{count} photos of the file are left out: they are not in the library, or "
                    "several photos of the library fit equally well.",
                    count,
                ).format(count=number(count))
            )
        )
        layout.addWidget(self.table, 1)
        layout.addWidget(self.strip)
        box = close_box(self)
        box.addButton(self.save, QDialogButtonBox.ButtonRole.ActionRole)
        layout.addWidget(box)
        self.save.clicked.connect(self._ask_where)

    def _ask_where(self) -> None:
        chosen, _kind = QFileDialog.getSaveFileName(
            self, _("Save list"), LIST_NAME, _("Text") + " (*.txt)"
        )
        if chosen:
            path = Path(chosen)
            self.save_to(path if path.suffix else path.with_suffix(".txt"))

    def save_to(self, path: Path) -> None:
        """Write the list to a file."""
        comparison, snapshot = self.model.comparison, self.model.snapshot
        saved: Callable[[int], object] = lambda _count: self.strip.show_text(  # noqa: E731
            _("The list was saved as {name}.").format(name=path.name)
        )
        self.run(lambda: save_left_out(comparison, snapshot, path), saved)
