"""How far two libraries agree about each class, as a table that can be sorted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QTableView, QWidget

from lmpt_desktop.inference.agreement import ClassAgreement
from lmpt_desktop.translation import N_, _, decimal, number
from lmpt_desktop.ui.interchange.section import plain_tip
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.dialogs import style_table
from lmpt_desktop.ui.kit.tables import Column, TableModel
from lmpt_desktop.ui.kit.texts import DASH, band_name, band_term
from trainer.bands import Band

LEAST_ROWS = 4
"""Rows that the table shows at least."""


@dataclass(frozen=True)
class AgreementRow:
    """A class, and its band in this library; None of a new class, or where it is not known."""

    figures: ClassAgreement
    band: Band | None


def _band_text(row: AgreementRow) -> str:
    return "" if row.band is None else f"{theme.BAND_SHAPES[row.band]} {band_name(row.band)}"


def _band_texts() -> list[str]:
    """All that can be in the column of bands."""
    return [f"{theme.BAND_SHAPES[band]} {band_name(band)}" for band in Band]


def _kappa_text(row: AgreementRow) -> str:
    return DASH if row.figures.kappa is None else decimal(row.figures.kappa, 2)


def _share_text(row: AgreementRow) -> str:
    share = row.figures.share
    return DASH if share is None else _("{share} %").format(share=decimal(100 * share))


_BAND, _KAPPA = 1, 4
_COLUMNS = (
    Column[AgreementRow](N_("Class"), lambda row: row.figures.name),
    Column[AgreementRow](
        N_("Rarity"), _band_text, N_("How common the class is in your photos, as it is estimated")
    ),
    Column[AgreementRow](
        N_("Both judged"),
        lambda row: number(row.figures.both),
        N_("Photos about which a person says something in both libraries"),
        numeric=True,
    ),
    Column[AgreementRow](
        N_("Equal"), _share_text, N_("The share of these with the same answer"), numeric=True
    ),
    Column[AgreementRow](
        N_("Kappa"),
        _kappa_text,
        N_(
            "Cohen's kappa: how far both agree beyond chance. 1 is always, 0 no more than by "
            "chance. It is not defined where both gave only one and the same answer."
        ),
        numeric=True,
    ),
    Column[AgreementRow](
        N_("New"), lambda row: number(row.figures.new), N_("What merging adds"), numeric=True
    ),
    Column[AgreementRow](
        N_("In conflict"),
        lambda row: number(row.figures.conflicts),
        N_("Photos about which both say the opposite"),
        numeric=True,
    ),
)
_LAST = 2.0
"""After every kappa and share, which are at most 1."""
_ORDER = {Band.TAIL: 0, Band.MEDIUM: 1, Band.HEAD: 2, None: 3}
_KEYS: tuple[Callable[[AgreementRow], Any], ...] = (
    lambda row: row.figures.name.casefold(),
    lambda row: _ORDER[row.band],
    lambda row: row.figures.both,
    lambda row: _LAST if row.figures.share is None else row.figures.share,
    lambda row: _LAST if row.figures.kappa is None else row.figures.kappa,
    lambda row: row.figures.new,
    lambda row: row.figures.conflicts,
)


class AgreementModel(TableModel[AgreementRow]):
    """One row per class; the lowest kappa first, until another column is chosen."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_COLUMNS, (), parent)
        self._column, self._descending = _KAPPA, False

    def show_rows(self, rows: Sequence[AgreementRow]) -> None:
        """Show these classes, in the order that was chosen."""
        named = sorted(rows, key=_KEYS[0])
        self.set_rows(sorted(named, key=_KEYS[self._column], reverse=self._descending))

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._column = column
        self._descending = order == Qt.SortOrder.DescendingOrder
        self.show_rows(self.rows)

    def cell(self, row: AgreementRow, column: int, role: int) -> Any:
        if role == Qt.ItemDataRole.ForegroundRole and column == _BAND and row.band is not None:
            return theme.current().band(row.band)
        if role == Qt.ItemDataRole.ToolTipRole:
            if column == _BAND and row.band is not None:
                return band_term(row.band)
            return plain_tip(row.figures.name) if column == 0 else None
        return super().cell(row, column, role)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role == Qt.ItemDataRole.TextAlignmentRole and 0 <= section < len(_COLUMNS):
            numeric = _COLUMNS[section].numeric
            return Qt.AlignmentFlag.AlignCenter if numeric else Qt.AlignmentFlag.AlignVCenter
        return super().headerData(section, orientation, role)


class AgreementTable(QTableView):
    """Shows an :class:`AgreementModel`."""

    def __init__(self, model: AgreementModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("agreement")
        self.setAccessibleName(_("Agreement about each class"))
        self.setModel(model)
        self.setEditTriggers(QTableView.EditTrigger.NoEditTriggers)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        figure = 8 * self.fontMetrics().averageCharWidth()
        band = max(map(self.fontMetrics().horizontalAdvance, _band_texts())) + figure // 2
        style_table(self, 0, dict.fromkeys(range(1, len(_COLUMNS)), figure) | {_BAND: band})
        self.horizontalHeader().setSortIndicator(_KAPPA, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)
        row = self.verticalHeader().defaultSectionSize()
        header = self.horizontalHeader().sizeHint().height()
        self.setMinimumHeight(header + LEAST_ROWS * row + 2 * self.frameWidth())
