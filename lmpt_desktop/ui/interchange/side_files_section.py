"""Side files beside the photos: how they are called, and what writing them would change."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QRadioButton,
    QTableView,
    QWidget,
)

from lmpt_desktop.engine.interchange.side_files import (
    SideFileChange,
    SideFilePreview,
    SideFileStatus,
)
from lmpt_desktop.interchange.xmp.side_files import NAMINGS, Naming
from lmpt_desktop.translation import N_, _
from lmpt_desktop.ui.interchange.export_texts import (
    SideFileFacts,
    facts_of,
    keywords_text,
    side_file_counts,
    side_file_notes,
    status_text,
)
from lmpt_desktop.ui.interchange.import_work import plain_line
from lmpt_desktop.ui.interchange.section import Section, fill_choices, plain_label, plain_tip
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.dialogs import style_table
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.tables import Column, TableModel

ROWS = 12
"""Side files that are shown before the table scrolls."""

_ADDED, _REMOVED = 2, 3
_STRETCH = QHeaderView.ResizeMode.Stretch
_INTERACTIVE = QHeaderView.ResizeMode.Interactive
_ORDER = (
    SideFileStatus.BLOCKED,
    SideFileStatus.CHANGE,
    SideFileStatus.NEW,
    SideFileStatus.DELETE,
)


@dataclass(frozen=True, eq=False)
class SideFileTable:
    """A preview, and the rows that are shown of it: those that stay as they are are only
    counted."""

    preview: SideFilePreview
    rows: tuple[SideFileChange, ...]
    facts: SideFileFacts


def table_of(preview: SideFilePreview) -> SideFileTable:
    """What needs to be looked at comes first: what is left alone, then what other programs have
    written; else the order of the library."""
    places = {status: place for place, status in enumerate(_ORDER)}
    rows = [change for change in preview.changes if change.status in places]
    rows.sort(key=lambda change: (places[change.status], not change.foreign))
    return SideFileTable(preview, tuple(rows), facts_of(preview))


class SideFilesModel(TableModel[SideFileChange]):
    """Side files and what becomes of them."""

    def __init__(self, parent: QObject | None = None) -> None:
        columns = (
            Column[SideFileChange](N_("Side file"), lambda row: plain_line(row.path.name)),
            Column[SideFileChange](N_("What happens"), lambda row: plain_line(status_text(row))),
            Column[SideFileChange](
                N_("Keywords added"),
                lambda row: plain_line(keywords_text(row.added, row.absent_added)),
            ),
            Column[SideFileChange](
                N_("Keywords removed"),
                lambda row: plain_line(keywords_text(row.removed, row.absent_removed)),
            ),
        )
        super().__init__(columns, (), parent)

    def cell(self, row: SideFileChange, column: int, role: int) -> object:
        if role == Qt.ItemDataRole.ToolTipRole:
            text = str(row.path) if column == 0 else self.columns[column].text(row)
            return plain_tip(plain_line(text))
        if (
            role == Qt.ItemDataRole.ForegroundRole
            and column == 1
            and row.status is SideFileStatus.BLOCKED
        ):
            return theme.current().colour("warning")
        return super().cell(row, column, role)


class SideFileChoicesSection(Section):
    """Write or take back; names; absent verdicts; keeping them up to date."""

    keep_chosen = Signal(bool)
    """Side files are to be kept up to date, or not any more."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(_("Side files"), parent)
        self.write = QRadioButton(_("Write the annotations as &keywords"))
        self.write.setObjectName("side-files-write")
        self.remove = QRadioButton(_("Take &back what was written here, and nothing else"))
        self.remove.setObjectName("side-files-remove")
        self.write.setChecked(True)
        group = QButtonGroup(self)
        group.addButton(self.write)
        group.addButton(self.remove)
        self.naming_box = QComboBox()
        self.naming_box.setObjectName("side-file-naming")
        entries: list[tuple[str, object]] = [(_(item.title), item.naming) for item in NAMINGS]
        fill_choices(self.naming_box, entries, NAMINGS[0].naming)
        label = Label(_("Na&mes of side files"))
        label.setBuddy(self.naming_box)
        self.about = plain_label(role="muted")
        self.about.setObjectName("naming-help")
        self.absent = QCheckBox(_("Also write absent &verdicts, where only this app looks"))
        self.absent.setObjectName("also-absent")
        self.absent.setChecked(True)
        self.keep = QCheckBox(_("Keep side files up to &date after each change"))
        self.keep.setObjectName("keep-side-files")
        self.keep.setToolTip(
            plain_tip(
                _(
                    "After each change, the keywords of the photo are written into a small file "
                    "beside it, where other photo programs find them. Side files of other programs "
                    "are only updated if you have exported to them before."
                )
            )
        )
        row = QHBoxLayout()
        row.addWidget(label)
        row.addWidget(self.naming_box)
        row.addStretch(1)
        for part in (self.write, self.remove):
            self.body.addWidget(part)
        self.body.addLayout(row)
        self.body.addWidget(self.about)
        self.body.addWidget(self.absent)
        self.body.addWidget(self.keep)
        self.write.toggled.connect(self._changed)
        self.naming_box.currentIndexChanged.connect(self._changed)
        self.absent.toggled.connect(self._changed)
        self.keep.clicked.connect(self.keep_chosen)
        self._show_help()

    @property
    def removing(self) -> bool:
        return self.remove.isChecked()

    @property
    def naming(self) -> Naming:
        return Naming(self.naming_box.currentData())

    def show_settings(self, naming: str, keep: bool) -> None:
        """What the library's settings say."""
        self.naming_box.blockSignals(True)
        self.naming_box.setCurrentIndex(max(0, self.naming_box.findData(Naming(naming))))
        self.naming_box.blockSignals(False)
        self.keep.setChecked(keep)
        self._show_help()

    def _show_help(self) -> None:
        self.about.setText(_(NAMINGS[max(0, self.naming_box.currentIndex())].help))

    def _changed(self, _value: object) -> None:
        self._show_help()
        self.absent.setVisible(not self.removing)
        self.keep.setVisible(not self.removing)
        self.changed.emit()


class SideFilesSection(Section):
    """What becomes of each side file."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(_("What changes"), parent)
        self.counts = plain_label()
        self.counts.setObjectName("side-file-counts")
        self.notes = plain_label(role="muted")
        self.notes.setObjectName("side-file-notes")
        self._character = self.fontMetrics().averageCharWidth()
        self.model = SideFilesModel(self)
        self.table = QTableView()
        self.table.setObjectName("side-files")
        self.table.setAccessibleName(_("Side files and what changes in them"))
        self.table.setModel(self.model)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        style_table(self.table, 2, {0: 24 * self._character, 3: 18 * self._character})
        self.body.addWidget(self.counts)
        self.body.addWidget(self.notes)
        self.body.addWidget(self.table)
        self.show_table(None)

    def show_table(self, shown: SideFileTable | None) -> None:
        """Show a preview; None while there is none."""
        facts = shown.facts if shown is not None else None
        self.counts.setText(side_file_counts(facts) if facts is not None else "")
        notes = side_file_notes(facts) if facts is not None else ""
        self.notes.setText(notes)
        self.notes.setVisible(bool(notes))
        rows = shown.rows if shown is not None else ()
        self.model.set_rows(rows)
        self.table.setVisible(bool(rows))
        self.setVisible(bool(self.counts.text()))
        # They are in order: what there is most to say of comes first.
        wordy = bool(rows) and (rows[0].status is SideFileStatus.BLOCKED or rows[0].foreign)
        needed = self.table.horizontalHeader().sectionSizeHint(1) + 14
        self.table.setColumnWidth(1, max((44 if wordy else 16) * self._character, needed))
        adds, removes = facts is None or facts.adds, facts is not None and facts.removes
        self.table.setColumnHidden(_ADDED, not adds)
        self.table.setColumnHidden(_REMOVED, not removes)
        # The last column that is shown takes what room is left.
        self.table.horizontalHeader().setSectionResizeMode(
            _REMOVED, _STRETCH if removes and not adds else _INTERACTIVE
        )
        header = self.table.horizontalHeader().sizeHint().height()
        height = min(ROWS, max(1, len(rows))) * self.table.verticalHeader().defaultSectionSize()
        self.table.setFixedHeight(header + height + 2 * self.table.frameWidth() + 1)
