"""The table of classes, and the edits of those selected."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPoint, QSortFilterProxyModel, Qt, Signal
from PySide6.QtGui import QColor, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QColorDialog,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit.dialogs import muted, named_button, style_table
from lmpt_desktop.ui.kit.flow_layout import FlowLayout
from lmpt_desktop.ui.kit.texts import annotations_text, classes_text
from lmpt_desktop.ui.vocabulary.class_table import (
    ABSENT,
    ALIASES,
    BAND,
    DESCRIPTION,
    FIND_ROLE,
    NAME,
    PREDICTED,
    PRESENT,
    SORT_ROLE,
    ClassLine,
    ClassTableModel,
    band_text,
    stepped,
)
from trainer.bands import Band

MERGEABLE = 2
BAND_PADDING = 24


class ClassesTab(QWidget):
    """The table of classes, fields to add one, and buttons for those selected."""

    add_requested = Signal(str, str)
    """Name and description."""
    try_requested = Signal(str, str)
    """Name and description: show what they would find."""
    archive_requested = Signal(list)
    """The :class:`ClassLine` of each."""
    merge_requested = Signal(list)
    """The :class:`ClassLine` of each."""
    split_requested = Signal(object)
    """A :class:`ClassLine`."""
    colour_requested = Signal(list, str)
    """Class ids, "#rrggbb" or ""."""
    order_requested = Signal(list)
    """Class ids."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._saving = False
        self.model = ClassTableModel(self)
        self.proxy = QSortFilterProxyModel(self)
        self.proxy.setSourceModel(self.model)
        self.proxy.setSortRole(SORT_ROLE)
        self.proxy.setFilterRole(FIND_ROLE)
        self.proxy.setFilterKeyColumn(NAME)
        self.proxy.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.proxy.setSortCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.table = QTableView()
        self.table.setObjectName("classes")
        self.table.setAccessibleName(_("Classes"))
        self.table.setModel(self.proxy)
        self.table.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.table.setDragDropOverwriteMode(False)
        widths = {NAME: 170, ALIASES: 130, PRESENT: 78, ABSENT: 78, PREDICTED: 88}
        texts = [band_text(band) for band in Band]
        widths[BAND] = max(map(self.fontMetrics().horizontalAdvance, texts)) + BAND_PADDING
        style_table(self.table, DESCRIPTION, widths, edited=True)
        self.table.horizontalHeader().setSortIndicatorClearable(True)
        self.search = _field("find", _("Find a class"), _("Find a class"))
        self.search.setClearButtonEnabled(True)
        self.new_name = _field("new-name", _("New class"), _("Name of the new class"))
        self.new_description = _field(
            "new-description",
            _("Description, if the name is not enough"),
            _("Description of the new class"),
        )
        self._make_buttons()
        self.selected = muted()
        self._lay_out()
        self._connect()
        self._selection_changed()

    def _make_buttons(self) -> None:
        self.add = named_button("add", _("&Add"))
        self.try_first = named_button("try-first", _("&Try it first..."))
        self.try_first.setToolTip(
            _("See what the model finds by these words before you add the class")
        )
        self.rename = named_button("rename", _("Re&name"))
        self.describe = named_button("describe", _("&Describe"))
        self.aliases = named_button("aliases", _("&Other names"))
        self.colour = named_button("colour", _("&Colour"))
        self.up = named_button("up", "↑")
        self.up.setAccessibleName(_("Move up"))
        self.up.setToolTip(_("Move up ({keys})").format(keys="Alt+↑"))
        self.down = named_button("down", "↓")
        self.down.setAccessibleName(_("Move down"))
        self.down.setToolTip(_("Move down ({keys})").format(keys="Alt+↓"))
        for arrow in (self.up, self.down):
            arrow.setMaximumWidth(40)
        self.merge = named_button("merge", _("&Merge..."))
        self.merge.setToolTip(_("Merge two or more classes into one"))
        self.split = named_button("split", _("&Split..."))
        self.split.setToolTip(_("Split a class into several"))
        self.archive = named_button("archive", _("Archi&ve"))
        self.archive.setToolTip(
            _("Remove from the vocabulary; its annotations are kept ({keys})").format(keys=_("Del"))
        )
        menu = QMenu(self.colour)
        menu.addAction(_("&Choose...")).triggered.connect(self._choose_colour)
        menu.addAction(_("&No colour")).triggered.connect(lambda: self._set_colour(""))
        self.colour.setMenu(menu)

    @property
    def selection_buttons(self) -> tuple[QPushButton, ...]:
        """The buttons that edit what is selected."""
        return (
            self.rename,
            self.aliases,
            self.describe,
            self.colour,
            self.up,
            self.down,
            self.merge,
            self.split,
            self.archive,
        )

    def _lay_out(self) -> None:
        buttons = QWidget()
        flow = FlowLayout(buttons)
        flow.setContentsMargins(0, 0, 0, 0)
        for button in self.selection_buttons:
            flow.addWidget(button)
        adding = QHBoxLayout()
        adding.addWidget(self.new_name, 2)
        adding.addWidget(self.new_description, 3)
        adding.addWidget(self.try_first)
        adding.addWidget(self.add)
        layout = QVBoxLayout(self)
        layout.addWidget(self.search)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.selected)
        layout.addWidget(buttons)
        layout.addLayout(adding)
        layout.addWidget(
            muted(
                _(
                    "The model reads the description, if there is one, instead of the name: "
                    "“crane” can be described as “tall construction crane”. Several descriptions, "
                    "separated by “;”, count equally: “man; woman; child” for “person”."
                )
            )
        )

    def _connect(self) -> None:
        self.search.textChanged.connect(self._find)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.table.horizontalHeader().sortIndicatorChanged.connect(self._selection_changed)
        self.table.selectionModel().selectionChanged.connect(self._selection_changed)
        self.table.customContextMenuRequested.connect(self._show_menu)
        self.proxy.modelReset.connect(self._selection_changed)
        self.model.order_requested.connect(self.order_requested)
        self.new_name.returnPressed.connect(self._add)
        self.new_description.returnPressed.connect(self._add)
        self.add.clicked.connect(self._add)
        self.try_first.clicked.connect(
            lambda: self.try_requested.emit(_tidy(self.new_name), _tidy(self.new_description))
        )
        self.rename.clicked.connect(lambda: self._edit(NAME))
        self.describe.clicked.connect(lambda: self._edit(DESCRIPTION))
        self.aliases.clicked.connect(lambda: self._edit(ALIASES))
        self.up.clicked.connect(lambda: self._move(-1))
        self.down.clicked.connect(lambda: self._move(1))
        self.merge.clicked.connect(self._merge)
        self.split.clicked.connect(self._split)
        self.archive.clicked.connect(self._archive)
        self._add_shortcut(QKeySequence(QKeySequence.StandardKey.Delete), self._archive)
        self._add_shortcut(QKeySequence("Alt+Up"), lambda: self._move(-1))
        self._add_shortcut(QKeySequence("Alt+Down"), lambda: self._move(1))

    def _add_shortcut(self, keys: QKeySequence, act: Callable[[], object]) -> None:
        shortcut = QShortcut(keys, self.table)
        shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
        shortcut.activated.connect(act)

    # --------------------------------------------------------------------------- selection

    def selected_lines(self) -> list[ClassLine]:
        """The selected classes, in the table's order."""
        rows = sorted(self.table.selectionModel().selectedRows(), key=lambda index: index.row())
        return [self.model.rows[self.proxy.mapToSource(index).row()] for index in rows]

    def select_class(self, name: str) -> None:
        """Select the class called ``name`` and scroll to it."""
        for row, line in enumerate(self.model.rows):
            if line.entry.name == name:
                index = self.proxy.mapFromSource(self.model.index(row, NAME))
                self.table.setCurrentIndex(index)
                self.table.scrollTo(index)

    def select_ids(self, ids: list[int]) -> None:
        """Select those of these classes that are shown."""
        requested = set(ids)
        selection = self.table.selectionModel()
        selection.clearSelection()
        rows = selection.SelectionFlag.Select | selection.SelectionFlag.Rows
        for row, line in enumerate(self.model.rows):
            if line.entry.id in requested:
                index = self.proxy.mapFromSource(self.model.index(row, NAME))
                if index.isValid():
                    selection.select(index, rows)
                    selection.setCurrentIndex(index, selection.SelectionFlag.NoUpdate)

    @property
    def in_order(self) -> bool:
        """Whether the table shows the whole vocabulary in its order, so that rows can be moved."""
        return self.proxy.sortColumn() < 0 and not self.search.text()

    def set_saving(self, saving: bool) -> None:
        """Disable what would edit the vocabulary while an edit is being saved."""
        self._saving = saving
        self.model.read_only = saving
        self.add.setEnabled(not saving)
        self._selection_changed()

    def clear_new(self, name: str) -> None:
        """Empty the fields of a new class, unless another name was typed meanwhile."""
        if _tidy(self.new_name) in (name, ""):
            self.new_name.clear()
            self.new_description.clear()

    def show_lines(self, lines: Sequence[ClassLine]) -> None:
        """Show these, keeping the selection."""
        ids = [line.entry.id for line in self.selected_lines()]
        self.model.set_rows(lines)
        if ids and [line.entry.id for line in self.selected_lines()] != ids:
            self.select_ids(ids)
        self._selection_changed()

    def _find(self, text: str) -> None:
        self.proxy.setFilterFixedString(text)
        self._selection_changed()

    def _selection_changed(self, *_args: object) -> None:
        lines = self.selected_lines()
        free = not self._saving
        for button in (self.rename, self.describe, self.aliases, self.split):
            button.setEnabled(len(lines) == 1 and free)
        self.archive.setEnabled(bool(lines) and free)
        self.colour.setEnabled(bool(lines) and free)
        self.merge.setEnabled(len(lines) >= MERGEABLE and free)
        for arrow in (self.up, self.down):
            arrow.setEnabled(bool(lines) and self.in_order and free)
        self.table.setDragEnabled(self.in_order and free)
        if not lines:
            self.selected.setText(classes_text(len(self.model.rows)))
            return
        count = annotations_text(sum(line.annotations for line in lines))
        name = lines[0].entry.name if len(lines) == 1 else classes_text(len(lines))
        self.selected.setText(_("{name}: {annotations}").format(name=name, annotations=count))

    # ------------------------------------------------------------------------------- edits

    def _show_menu(self, place: QPoint) -> None:
        menu = QMenu(self)
        for button in (self.rename, self.aliases, self.describe, self.merge, self.split):
            action = menu.addAction(button.text(), button.click)
            action.setEnabled(button.isEnabled())
        menu.addSeparator()
        menu.addAction(self.archive.text(), self._archive).setEnabled(self.archive.isEnabled())
        menu.exec(self.table.viewport().mapToGlobal(place))

    def _add(self) -> None:
        if name := _tidy(self.new_name):
            self.add_requested.emit(name, _tidy(self.new_description))

    def _edit(self, column: int) -> None:
        rows = self.table.selectionModel().selectedRows()
        if rows:
            self.table.edit(rows[0].siblingAtColumn(column))

    def _archive(self) -> None:
        if lines := self.selected_lines():
            self.archive_requested.emit(lines)

    def _merge(self) -> None:
        if len(lines := self.selected_lines()) >= MERGEABLE:
            self.merge_requested.emit(lines)

    def _split(self) -> None:
        if len(lines := self.selected_lines()) == 1:
            self.split_requested.emit(lines[0])

    def _move(self, by: int) -> None:
        chosen = [line.entry.id for line in self.selected_lines()]
        if chosen and self.in_order:
            order = stepped(self.model.ids(), chosen, by)
            if order != self.model.ids():
                self.order_requested.emit(order)

    def _choose_colour(self) -> None:
        lines = self.selected_lines()
        if lines:
            start = QColor(lines[0].entry.colour or "white")
            chosen = QColorDialog.getColor(start, self, _("Colour of the class"))
            if chosen.isValid():
                self._set_colour(chosen.name())

    def _set_colour(self, colour: str) -> None:
        if lines := self.selected_lines():
            self.colour_requested.emit([line.entry.id for line in lines], colour)


def _field(name: str, placeholder: str, spoken: str) -> QLineEdit:
    field = QLineEdit()
    field.setObjectName(name)
    field.setPlaceholderText(placeholder)
    field.setAccessibleName(spoken)
    return field


def _tidy(field: QLineEdit) -> str:
    return " ".join(field.text().split())
