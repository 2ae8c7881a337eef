"""The report of verifying a library: findings by kind, what they mean, and their photos."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QSizePolicy,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.engine.files.verification import VerificationReport
from lmpt_desktop.ingest.finding_texts import KIND_TEXTS, detail
from lmpt_desktop.ingest.verify import QUIET, TAKEN_OVER, Finding, FindingKind
from lmpt_desktop.translation import N_, _, format_datetime, ngettext, number
from lmpt_desktop.ui.kit import file_manager, theme
from lmpt_desktop.ui.kit.dialogs import heading, larger, muted, style_table
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.tables import Column, TableModel
from lmpt_desktop.ui.kit.texts import duration, photos_text

PHOTO, DETAIL = 0, 1

_ICONS = {
    FindingKind.DAMAGED: ("image-broken", "error"),
    FindingKind.UNREADABLE: ("warning", "warning"),
    FindingKind.GONE: ("image-missing", "warning"),
    FindingKind.UNREACHABLE: ("image-missing", "warning"),
    FindingKind.ALTERED: ("refresh", "text"),
    FindingKind.CHANGED: ("refresh", "muted"),
    FindingKind.ONLINE_ONLY: ("image", "muted"),
    FindingKind.FIRST_READ: ("image", "muted"),
    FindingKind.FINE: ("present", "present"),
}


_DETAILED = frozenset(
    {
        FindingKind.DAMAGED,
        FindingKind.UNREADABLE,
        FindingKind.UNREACHABLE,
        FindingKind.CHANGED,
    }
)
"""Kinds of which there is more to say of each photo."""


class FindingModel(TableModel[Finding]):
    """Photos of one kind of finding."""

    def __init__(self, parent: QWidget | None = None) -> None:
        columns = (
            Column[Finding](N_("Photo"), lambda finding: finding.path or str(finding.folder)),
            Column[Finding](N_("What was found"), self._detail),
        )
        super().__init__(columns, (), parent)
        self._taken_over: frozenset[int] = frozenset()

    def show_findings(self, findings: Sequence[Finding], taken_over: frozenset[int]) -> None:
        self._taken_over = taken_over
        self.set_rows(findings)

    def _detail(self, finding: Finding) -> str:
        if finding.image_id in self._taken_over:
            return _("Taken over: the photo is read again now.")
        return detail(finding)

    def cell(self, row: Finding, column: int, role: int) -> Any:
        if role == Qt.ItemDataRole.ToolTipRole:
            return str(row.full_path) if column == PHOTO else self._detail(row)
        return super().cell(row, column, role)


class ReportView(QWidget):
    """What the last run has found."""

    show_requested = Signal(list)
    """Ids of images to show in the grid."""
    take_over_requested = Signal(list)
    """Ids of images whose changes the user accepts."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._report: VerificationReport | None = None
        self.headline = Label()
        self.headline.setObjectName("headline")
        self.headline.setWordWrap(True)
        self.headline.setFont(larger(self.headline.font(), 1.3))
        self.when = muted()
        self.kinds = QListWidget()
        self.kinds.setObjectName("kinds")
        self.kinds.setAccessibleName(_("Findings"))
        self.kinds.setUniformItemSizes(True)
        self.title = heading("")
        self.meaning = Label()
        self.meaning.setObjectName("meaning")
        self.meaning.setWordWrap(True)
        self.advice = Label()
        self.advice.setWordWrap(True)
        self.take_over = QPushButton(_("&Take over changes"))
        self.take_over.setObjectName("take-over")
        self.take_over.setAutoDefault(False)
        self.model = FindingModel(self)
        self.table = QTableView()
        self.table.setObjectName("findings")
        self.table.setAccessibleName(_("Photos"))
        self.table.setModel(self.model)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        style_table(self.table, DETAIL, {PHOTO: 260})
        self.chosen = muted()
        self.chosen.setObjectName("chosen")
        self.more = muted()
        self._lay_out()
        self.kinds.currentRowChanged.connect(lambda _row: self._show_kind())
        self.table.selectionModel().currentRowChanged.connect(lambda *_rows: self._show_chosen())
        self.table.activated.connect(lambda _index: self._show_in_grid())
        self.table.customContextMenuRequested.connect(self._open_menu)
        self.take_over.clicked.connect(self._take_over_all)
        theme.manager().changed.connect(self._restyle)

    def _lay_out(self) -> None:
        details = QWidget()
        details.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        right = QVBoxLayout(details)
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(6)
        right.addWidget(self.title)
        right.addWidget(self.meaning)
        advice = QHBoxLayout()
        advice.addWidget(self.advice, 1)
        advice.addWidget(self.take_over, 0, Qt.AlignmentFlag.AlignBottom)
        right.addLayout(advice)
        right.addWidget(self.table, 1)
        right.addWidget(self.chosen)
        right.addWidget(self.more)
        right.addStretch()
        halves = QHBoxLayout()
        halves.setSpacing(14)
        halves.addWidget(self.kinds)
        halves.addWidget(details, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.headline)
        layout.addWidget(self.when)
        layout.addSpacing(6)
        layout.addLayout(halves, 1)

    # ----------------------------------------------------------------------------- showing

    def show_report(self, report: VerificationReport) -> None:
        """Show a report; the kind that was chosen stays chosen."""
        self._report = report
        chosen = self.kind
        self.headline.setText(headline(report))
        self.when.setText(
            _("Verified on {date} in {time}").format(
                date=format_datetime(report.began),
                time=duration((report.ended - report.began).total_seconds()),
            )
            if not report.error
            else report.error
        )
        found = [kind for kind in FindingKind if report.counts.get(kind)]
        self.kinds.blockSignals(True)
        self.kinds.clear()
        for kind in found:
            text = _("{finding}: {count}").format(
                finding=_(KIND_TEXTS[kind].title), count=number(report.counts[kind])
            )
            item = QListWidgetItem(text, self.kinds)
            item.setData(Qt.ItemDataRole.UserRole, kind.value)
        self._restyle()
        self.kinds.setFixedWidth(self.kinds.sizeHintForColumn(0) + 28)
        self.kinds.setVisible(bool(found))
        rows = {kind: row for row, kind in enumerate(found)}
        self.kinds.setCurrentRow(rows.get(chosen, 0) if chosen is not None else 0)
        self.kinds.blockSignals(False)
        self._show_kind()

    @property
    def kind(self) -> FindingKind | None:
        """The kind that is chosen."""
        item = self.kinds.currentItem()
        return FindingKind(item.data(Qt.ItemDataRole.UserRole)) if item is not None else None

    def _show_kind(self) -> None:
        report, kind = self._report, self.kind
        for part in (
            self.title, self.meaning, self.advice, self.table, self.take_over, self.chosen,
            self.more,
        ):  # fmt: skip
            part.hide()
        if report is None or kind is None:
            return
        text = KIND_TEXTS[kind]
        findings = [item for item in report.findings if item.kind is kind]
        for label, words in (
            (self.title, _(text.title)),
            (self.meaning, _(text.meaning)),
            (self.advice, _(text.advice)),
        ):
            label.setText(words)
            label.setVisible(bool(words))
        self.model.show_findings(findings, report.taken_over)
        detailed = kind in _DETAILED or (kind is FindingKind.ALTERED and bool(report.taken_over))
        header = self.table.horizontalHeader()
        modes = QHeaderView.ResizeMode
        header.setSectionResizeMode(PHOTO, modes.Interactive if detailed else modes.Stretch)
        self.table.setColumnHidden(DETAIL, not detailed)
        self.table.setVisible(bool(findings))
        if findings:
            self.table.setCurrentIndex(self.model.index(0, 0))
        self._show_chosen()
        left = report.counts[kind] - sum(item.photos for item in findings)
        if findings and left:
            self.more.setText(_("{photos} more are not listed.").format(photos=photos_text(left)))
            self.more.show()
        if kind is FindingKind.ALTERED:
            self.take_over.setVisible(True)
            self.take_over.setEnabled(bool(self._acceptable(findings)))

    def _show_chosen(self) -> None:
        """Show in full what the table may have no room for."""
        row = self.table.currentIndex().row()
        shown = 0 <= row < len(self.model.rows)
        if shown:
            finding = self.model.rows[row]
            parts = (str(finding.full_path), detail(finding))
            self.chosen.setText("\n".join(part for part in parts if part))
        self.chosen.setVisible(shown)

    def _restyle(self, *_args: object) -> None:
        for row in range(self.kinds.count()):
            item = self.kinds.item(row)
            name, colour = _ICONS[FindingKind(item.data(Qt.ItemDataRole.UserRole))]
            item.setIcon(theme.icon(name, colour))

    # ------------------------------------------------------------------------------ acting

    def _chosen(self) -> list[Finding]:
        rows = sorted({index.row() for index in self.table.selectionModel().selectedRows()})
        return [self.model.rows[row] for row in rows]

    def _acceptable(self, findings: Sequence[Finding]) -> list[int]:
        """Images among these whose changes can still be taken over."""
        taken = self._report.taken_over if self._report is not None else frozenset()
        return [
            item.image_id
            for item in findings
            if item.kind in TAKEN_OVER and not item.reason and item.image_id not in taken
        ]

    def _show_in_grid(self) -> None:
        if ids := [item.image_id for item in self._chosen() if item.image_id]:
            self.show_requested.emit(ids)

    def _take_over_all(self) -> None:
        self.take_over_requested.emit(self._acceptable(self.model.rows))

    def _open_menu(self, place: QPoint) -> None:
        if self._chosen():
            self.menu().popup(self.table.viewport().mapToGlobal(place))

    def menu(self) -> QMenu:
        """What can be done with the chosen photos."""
        chosen = self._chosen()
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        show = menu.addAction(_("Show in the &grid"), self._show_in_grid)
        show.setEnabled(any(item.image_id for item in chosen))
        menu.addAction(_("Show in &file manager"), lambda: file_manager.reveal(chosen[0].full_path))
        if ids := self._acceptable(chosen):
            menu.addAction(
                ngettext("&Take over this change", "&Take over these changes", len(ids)),
                lambda: self.take_over_requested.emit(ids),
            )
        return menu


def headline(report: VerificationReport) -> str:
    """The result in a sentence."""
    fine = report.counts.get(FindingKind.FINE, 0)
    if report.stopped:
        return _("Stopped after {count} of {photos}.").format(
            count=number(report.done), photos=photos_text(report.total)
        )
    if report.catalogue is not None and not report.catalogue.sound:
        return _("The library's own records are damaged.")
    if fine == report.done:
        return ngettext(
            "{count} photo is as it was.", "All {count} photos are as they were.", fine
        ).format(count=number(fine))
    if QUIET.issuperset(report.counts):
        return _("No damage was found.")
    return _("{count} of {photos} are as they were.").format(
        count=number(fine), photos=photos_text(report.done)
    )
