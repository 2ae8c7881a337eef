"""The dialog that restores a copy of a library: which there are, and what it would change."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QItemSelectionModel, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.catalogue import backups, repairing, restoring
from lmpt_desktop.catalogue.contents import CopyContents
from lmpt_desktop.catalogue.errors import CatalogueDamaged
from lmpt_desktop.catalogue.restoring import Copy, Difference
from lmpt_desktop.catalogue.soundness import Soundness
from lmpt_desktop.error_texts import message_of
from lmpt_desktop.translation import N_, _, format_datetime, ngettext, number
from lmpt_desktop.ui.kit.dialogs import MessageStrip, grow_to_text, heading, muted, style_table
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.tables import Column, TableModel
from lmpt_desktop.ui.kit.tasks import LatestRequest, Task
from lmpt_desktop.ui.kit.texts import annotations_text, file_size, photos_text

log = logging.getLogger(__name__)

ResultT = TypeVar("ResultT")

KINDS = {
    backups.DAILY: N_("Daily"),
    backups.MIGRATION: N_("Before an update"),
    backups.RESTORE: N_("Before restoring"),
    backups.REPAIR: N_("Before a repair"),
    backups.REPAIRED: N_("Repaired"),
    "": N_("Your own file"),
}
INTRO = N_(
    "Copies of the library's annotations, classes, folders and versions, newest first. Photos are "
    "not part of them and stay as they are. Nothing is deleted: what the library holds now is "
    "kept, and can be restored like any other copy."
)
DAMAGED = N_("The library is damaged, and was not opened. One of these copies can take its place.")
REPAIR_TIP = N_(
    "Makes a sound copy of what can be read of the damaged file. It is listed here and can be "
    "restored like any other copy; the damaged file is not changed."
)
KEPT = N_("The damaged file is kept beside it.")


@dataclass(frozen=True)
class Row:
    """A copy, and what reading it found; None while that is not known yet."""

    path: Path
    copy: Copy | None = None


def _of(row: Row, text: Callable[[CopyContents], int]) -> str:
    if row.copy is None:
        return "…"
    return "–" if row.copy.contents is None else number(text(row.copy.contents))


def _state(row: Row) -> str:
    if row.copy is None:
        return _("Being checked…")
    problem = row.copy.problem
    return problem[:1].upper() + problem[1:] if problem else _("Complete")


def _made(row: Row) -> str:
    """By its name: the copy itself is read later."""
    if row.copy is not None:
        return format_datetime(row.copy.made)
    named = backups.parsed(row.path)
    return format_datetime(named.made) if named is not None else row.path.stem


def _kind(row: Row) -> str:
    named = backups.parsed(row.path)
    return _(KINDS.get(named.kind if named is not None else "", KINDS[""]))


COLUMNS: tuple[Column[Row], ...] = (
    Column(N_("Made"), _made, N_("By the clock of the computer at that time")),
    Column(N_("Kind"), _kind, N_("Why the copy was made")),
    Column(N_("Photos"), lambda row: _of(row, lambda c: c.photos), numeric=True),
    Column(
        N_("Annotations"),
        lambda row: _of(row, lambda c: c.annotations),
        N_("Verdicts on classes of photos"),
        numeric=True,
    ),
    Column(N_("Reviewed"), lambda row: _of(row, lambda c: c.reviewed), numeric=True),
    Column(
        N_("Size"),
        lambda row: file_size(row.copy.size) if row.copy is not None else "…",
        numeric=True,
    ),
    Column(N_("State"), _state, N_("Whether the copy can be read completely")),
)
STATE = len(COLUMNS) - 1


class CopiesModel(TableModel[Row]):
    """The copies of a library."""

    def cell(self, row: Row, column: int, role: int) -> object:
        if role == Qt.ItemDataRole.ToolTipRole:
            return _state(row) if column == STATE else row.path.name
        return super().cell(row, column, role)

    def show(self, place: int, copy: Copy) -> None:
        """Show what reading a copy has found."""
        self.rows = [Row(row.path, copy) if i == place else row for i, row in enumerate(self.rows)]
        self.dataChanged.emit(self.index(place, 0), self.index(place, STATE))


@dataclass(frozen=True)
class Preview:
    """What the library holds now, what the chosen copy does, and how they differ."""

    now: CopyContents | None
    copy: CopyContents
    difference: Difference | None


class RestoreDialog(QDialog):
    """Lists the copies of a library, checks each, and asks for one of them to be restored."""

    restore_requested = Signal(object)
    """The path of the copy."""

    def __init__(self, library: Path, *, damaged: str = "", parent: QWidget | None = None) -> None:
        """``damaged``: why the library was not opened; "" if it is open."""
        super().__init__(parent)
        self.library = library
        self.setObjectName("restore")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(_("Restore a copy"))
        self.resize(860, 520)
        self._listing = 0
        """Counts how often copies were listed."""
        self._preview = LatestRequest(self._show_preview, self._show_error, owner=self)
        self.strip = MessageStrip()
        self.model = CopiesModel(COLUMNS, parent=self)
        self.table = self._make_table()
        self.preview = Label()
        self.preview.setObjectName("preview")
        self.preview.setTextFormat(Qt.TextFormat.PlainText)
        self.preview.setWordWrap(True)
        self.preview.setMinimumHeight(4 * self.fontMetrics().lineSpacing())
        self.preview.setAlignment(Qt.AlignmentFlag.AlignTop)
        intro = muted(_(INTRO))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.act = QPushButton(_("&Restore this copy"))
        self.act.setObjectName("act")
        buttons.addButton(self.act, QDialogButtonBox.ButtonRole.AcceptRole)
        self.act.setDefault(True)
        buttons.button(QDialogButtonBox.StandardButton.Cancel).setAutoDefault(False)
        buttons.accepted.connect(self._accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setSpacing(8)
        layout.addWidget(heading(_("Copies of this library")))
        layout.addWidget(self.strip)
        layout.addWidget(intro)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.preview)
        layout.addWidget(buttons)
        if damaged:
            self.strip.show_text(f"{_(DAMAGED)} {_(KEPT)}", "warning", _("Re&pair into a copy"))
            self.strip.sentence.setAccessibleDescription(damaged)
            self.strip.button.setToolTip(_(REPAIR_TIP))
            self.strip.button.clicked.connect(self.repair)
        self.act.setEnabled(False)
        self._run(lambda: restoring.find_copies(library), self._list)

    def _make_table(self) -> QTableView:
        table = QTableView()
        table.setObjectName("copies")
        table.setModel(self.model)
        table.setAccessibleName(_("Copies of this library"))
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        widths = {0: 150, 1: 130, 2: 76, 3: 96, 4: 82, 5: 82}
        style_table(table, STATE, widths)
        table.selectionModel().selectionChanged.connect(self._changed)
        table.doubleClicked.connect(lambda _index: self._accept())
        return table

    def _run(self, work: Callable[[], ResultT], done: Callable[[ResultT], object]) -> None:
        Task(work, done, self._show_error, owner=self)

    def _show_error(self, error: Exception) -> None:
        log.warning("restoring: %s", error, exc_info=error)
        # The button stays, if there is one.
        self.strip.show_text(message_of(error), "error", self.strip.button.text())
        grow_to_text(self)

    def repair(self) -> None:
        """Repair the damaged file into a copy, which is then listed and chosen."""
        self.strip.button.setEnabled(False)
        Task(lambda: repairing.repair_into_copy(self.library), self._repaired, self._not_repaired,
             owner=self)  # fmt: skip

    def _repaired(self, made: tuple[Path, Soundness]) -> None:
        self.strip.show_text(repaired_text(made[1]))
        self._run(lambda: restoring.find_copies(self.library), self._list)

    def _not_repaired(self, error: Exception) -> None:
        self.strip.button.setEnabled(True)
        if isinstance(error, CatalogueDamaged):  # it would fail again
            self.strip.button.setText("")
        self._show_error(error)

    # ----------------------------------------------------------------------------- showing

    @property
    def chosen(self) -> Row | None:
        """The selected row.  The current one need not be: a table that gets the focus makes its
        first row current and selects nothing."""
        selected = self.table.selectionModel().selectedRows()
        return self.model.rows[selected[0].row()] if selected else None

    def _list(self, found: list[Path]) -> None:
        self.model.set_rows([Row(path) for path in found])
        if not found:
            self.preview.setText(_("There is no copy yet. One is made every day."))
        self._listing += 1
        self._check(0, self._listing)

    def _check(self, place: int, listing: int) -> None:
        """Read a copy, and then the next one, until the copies are listed anew."""
        if listing != self._listing or place >= len(self.model.rows):
            return
        path = self.model.rows[place].path

        def read(copy: Copy) -> None:
            if listing != self._listing:
                return  # another copy is in this row now
            self.model.show(place, copy)
            if self.chosen is None and copy.contents is not None:
                self._choose(place)
            elif self.chosen is not None and self.chosen.path == path:
                self._changed()
            self._check(place + 1, listing)

        def failed(error: Exception) -> None:
            self._show_error(error)
            self._check(place + 1, listing)

        Task(lambda: restoring.examine(path), read, failed, owner=self)

    def _choose(self, place: int) -> None:
        """Propose the newest copy that is complete."""
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect
        index = self.model.index(place, 0)
        self.table.selectionModel().setCurrentIndex(
            index, flags | QItemSelectionModel.SelectionFlag.Rows
        )

    def _changed(self, *_args: object) -> None:
        row = self.chosen
        self.act.setEnabled(False)
        self._preview.cancel()
        if row is None or row.copy is None:
            self.preview.setText(_("This copy is being checked…") if row else "")
            return
        held = row.copy.contents
        if held is None:
            self.preview.setText(
                _("This copy cannot be restored: {reason}.").format(reason=row.copy.problem)
            )
            return
        library, path = self.library, row.path
        self._preview.ask(
            lambda: Preview(
                restoring.present_contents(library), held, restoring.compare(library, path)
            )
        )

    def _show_preview(self, preview: Preview) -> None:
        lines = [_("This copy: {contents}").format(contents=_amounts(preview.copy))]
        if preview.now is not None:
            lines.insert(0, _("Now: {contents}").format(contents=_amounts(preview.now)))
        else:
            lines.insert(0, _("Now: what the library holds cannot be read."))
        if preview.difference is not None:
            lines.append(difference_text(preview.difference))
        self.preview.setText("\n".join(lines))
        self.act.setEnabled(True)

    def _accept(self) -> None:
        row = self.chosen
        if row is not None and self.act.isEnabled():
            self.accept()
            self.restore_requested.emit(row.path)


def _amounts(held: CopyContents) -> str:
    return ", ".join(
        (
            photos_text(held.photos),
            annotations_text(held.annotations),
            _("{count} reviewed").format(count=number(held.reviewed)),
        )
    )


def repaired_text(found: Soundness) -> str:
    """What was made again in a repaired copy, and what it lacks."""
    parts = [_("The damaged file was repaired into a copy, which can be restored now.")]
    if found.differing:
        parts.append(
            ngettext(
                "{count} annotation was made again from the record of changes.",
                "{count} annotations were made again from the record of changes.",
                found.differing,
            ).format(count=number(found.differing))
        )
    if found.caches_lost:
        parts.append(_("It lacks what the model made of photos and texts; they are encoded again."))
    parts.append(_("Nothing else is lost."))
    return " ".join(parts)


def difference_text(found: Difference) -> str:
    """What restoring would change, in a sentence or two."""
    parts = [
        text.format(count=number(count))
        for count, text in (
            (found.back, ngettext("{count} comes back", "{count} come back", found.back)),
            (found.lost, ngettext("{count} is taken away", "{count} are taken away", found.lost)),
            (found.other, ngettext("{count} is changed", "{count} are changed", found.other)),
        )
        if count
    ]
    text = (
        _("Annotations: {changes}.").format(changes=", ".join(parts))
        if parts
        else _("No annotation would change.")
    )
    if found.batches > 0:
        text += " " + ngettext(
            "{count} change was made since.", "{count} changes were made since.", found.batches
        ).format(count=number(found.batches))
    return text
