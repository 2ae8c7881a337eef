"""What becomes of each class of the file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QWidget,
)

from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.domain.search_text import folded
from lmpt_desktop.interchange.importing.choices import (
    ClassAction,
    ClassChoice,
    ClassReason,
    Hierarchy,
)
from lmpt_desktop.interchange.importing.importer import ClassRow
from lmpt_desktop.translation import N_, _, number
from lmpt_desktop.ui.interchange.import_texts import (
    becomes_text,
    class_text,
    found_classes_text,
    new_class_name,
    reason_text,
)
from lmpt_desktop.ui.interchange.import_work import Comparison
from lmpt_desktop.ui.interchange.section import (
    CHOICES_ROLE,
    Choices,
    ChoiceTable,
    Section,
    fill_choices,
    plain_label,
    plain_tip,
)
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.tables import Column, Index, TableModel

NAME, PHOTOS, BECOMES, WHY = range(4)

FEW_CLASSES = 10
"""Up to so many there is no field to find one."""

IGNORE = ClassChoice(ClassAction.IGNORE)


class FileClassesModel(TableModel[ClassRow]):
    """Classes of the file; remembers what the user has chosen."""

    chosen = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        columns = (
            Column[ClassRow](N_("Class in the file"), lambda row: class_text(row.name)),
            Column[ClassRow](
                N_("Photos"),
                lambda row: number(row.images),
                N_("Photos of the file that say something about it"),
                numeric=True,
            ),
            Column[ClassRow](N_("Becomes"), becomes_text),
            Column[ClassRow](N_("Why"), lambda row: reason_text(row.reason)),
        )
        super().__init__(columns, (), parent)
        self._all: tuple[ClassRow, ...] = ()
        self._vocabulary: tuple[ClassEntry, ...] = ()
        self._text = ""
        self._only_left_out = False
        self._chosen: dict[str, ClassChoice] = {}
        self.hierarchy = Hierarchy.LEAF

    def choices(self) -> dict[str, ClassChoice]:
        """What the user has chosen, by class as written."""
        return {
            name: replace(choice, name=new_class_name(name, self.hierarchy))
            if choice.action is ClassAction.ADD and not choice.name
            else choice
            for name, choice in self._chosen.items()
        }

    def forget(self) -> None:
        """Another file: nothing has been chosen."""
        self._chosen.clear()

    def show_classes(self, rows: tuple[ClassRow, ...], vocabulary: tuple[ClassEntry, ...]) -> None:
        """Show these rows; the selection stays if they are about the same classes."""
        self._all = rows
        self._vocabulary = vocabulary
        self._match()

    def find(self, text: str, *, only_left_out: bool) -> None:
        """Show only classes with ``text`` in their name or in what they become."""
        self._text = folded(text).strip()
        self._only_left_out = only_left_out
        self._match()

    def _match(self) -> None:
        rows = [row for row in self._all if self._fits(row)]
        same = [row.name for row in rows] == [row.name for row in self.rows]
        if not same:
            self.set_rows(rows)
        elif rows:
            self.rows = rows
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, WHY))

    def _fits(self, row: ClassRow) -> bool:
        # What was just chosen stays in sight.
        left_out = not row.vocabulary_name or row.name in self._chosen
        if self._only_left_out and not left_out:
            return False
        return not self._text or any(
            self._text in folded(text) for text in (class_text(row.name), row.vocabulary_name)
        )

    # ----------------------------------------------------------------------------- choosing

    def choose(self, rows: Iterable[int], choice: ClassChoice | None) -> None:
        """Choose what becomes of the classes in these rows; None: what is proposed."""
        shown = list(self.rows)
        for place in rows:
            row = shown[place]
            if choice is None:
                self._chosen.pop(row.name, None)
                continue
            self._chosen[row.name] = choice
            shown[place] = self._as_chosen(row, choice)
        self.rows = shown
        if shown:
            self.dataChanged.emit(self.index(0, 0), self.index(len(shown) - 1, WHY))
        self.chosen.emit()

    def _as_chosen(self, row: ClassRow, choice: ClassChoice) -> ClassRow:
        """The row until the preview follows."""
        name = ""
        if choice.action is ClassAction.MAP:
            name = next((c.name for c in self._vocabulary if c.id == choice.class_id), "")
        elif choice.action is ClassAction.ADD:
            name = choice.name or new_class_name(row.name, self.hierarchy)
        return replace(row, choice=choice, reason=ClassReason.CHOSEN, vocabulary_name=name)

    def _choices_of(self, row: ClassRow) -> Choices:
        new = ClassChoice(ClassAction.ADD)
        name = new_class_name(row.name, self.hierarchy)
        texts = [_("Not imported"), _("New class “{name}”").format(name=name)]
        values: list[object] = [IGNORE, new]
        for entry in self._vocabulary:
            texts.append(entry.name)
            values.append(ClassChoice(ClassAction.MAP, entry.id))
        current: object = row.choice
        if row.choice.action is ClassAction.UNDECIDED:
            current = IGNORE
        elif row.choice.action is ClassAction.ADD and row.choice.name in ("", name):
            current = new
        elif row.choice.action is ClassAction.MAP:
            current = ClassChoice(ClassAction.MAP, row.choice.class_id)
        return Choices(tuple(texts), tuple(values), current, free=True)

    # ----------------------------------------------------------------------------------- Qt

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() == BECOMES else flags

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if isinstance(value, str):
            value = ClassChoice(ClassAction.ADD, name=" ".join(value.split()))
        if index.column() != BECOMES or not isinstance(value, ClassChoice):
            return False
        self.choose([index.row()], value)
        return True

    def cell(self, row: ClassRow, column: int, role: int) -> Any:
        if role == CHOICES_ROLE and column == BECOMES:
            return self._choices_of(row)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(self.columns[column].text(row))
        if role == Qt.ItemDataRole.AccessibleTextRole and column == BECOMES:
            return _("{name} becomes: {choice}").format(
                name=class_text(row.name), choice=becomes_text(row)
            )
        if role == Qt.ItemDataRole.ForegroundRole:
            name = _colour_of(row, column)
            return theme.current().colour(name) if name else None
        return super().cell(row, column, role)


def _colour_of(row: ClassRow, column: int) -> str:
    """The theme colour of a cell; "" for the usual one."""
    action = row.choice.action
    if column == BECOMES and action is ClassAction.UNDECIDED:
        return "warning"
    if column == BECOMES and action is ClassAction.ADD:
        return "present"
    return "muted" if column == WHY or action is ClassAction.IGNORE else ""


class ClassesSection(Section):
    """The classes of the file as a table."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(_("Classes"), parent)
        self.found = plain_label()
        self.found.setObjectName("found-classes")
        self.add_all = QCheckBox(_("Add &all unknown classes"))
        self.add_all.setObjectName("add-all")
        self.hierarchy = QComboBox()
        self.hierarchy.setObjectName("hierarchy")
        self._hierarchy_label = Label(_("Classes that are pat&hs"))
        self._hierarchy_label.setBuddy(self.hierarchy)
        fill_choices(
            self.hierarchy,
            [
                (_("Last part: dog"), Hierarchy.LEAF),
                (_("Whole path: animal/dog"), Hierarchy.PATH),
            ],
        )
        self.search = QLineEdit()
        self.search.setObjectName("find-file-class")
        self.search.setPlaceholderText(_("Type to find a class"))
        self.search.setAccessibleName(_("Find a class"))
        self.search.setClearButtonEnabled(True)
        self.left_out = QCheckBox(_("Only those &left out"))
        self.left_out.setObjectName("only-left-out")
        self.model = FileClassesModel(self)
        self.table = ChoiceTable(BECOMES)
        self.table.setObjectName("file-classes")
        self.table.setAccessibleName(_("Classes of the file"))
        self.table.setModel(self.model)
        self.table.prepare(NAME, {PHOTOS: 80, BECOMES: 250, WHY: 210})
        self.add_new = QPushButton(_("As &new class"))
        self.ignore = QPushButton(_("&Do not import"))
        self.propose = QPushButton(_("As p&roposed"))
        for name, button in (
            ("classes-add", self.add_new),
            ("classes-ignore", self.ignore),
            ("classes-propose", self.propose),
        ):
            button.setObjectName(name)
            button.setAutoDefault(False)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        self.body.addWidget(self.found)
        row = QHBoxLayout()
        row.addWidget(self.add_all)
        row.addStretch(1)
        row.addWidget(self._hierarchy_label)
        row.addWidget(self.hierarchy)
        self.body.addLayout(row)
        self.finding = QWidget()
        find = QHBoxLayout(self.finding)
        find.setContentsMargins(0, 0, 0, 0)
        find.addWidget(self.search, 1)
        find.addWidget(self.left_out)
        self.body.addWidget(self.finding)
        self.body.addWidget(self.table)
        self.acts = QWidget()
        acts = QHBoxLayout(self.acts)
        acts.setContentsMargins(0, 0, 0, 0)
        acts.addWidget(plain_label(_("Selected classes:"), role="muted"))
        for button in (self.add_new, self.ignore, self.propose):
            acts.addWidget(button)
        acts.addStretch(1)
        self.body.addWidget(self.acts)

    def _connect(self) -> None:
        self.add_all.toggled.connect(lambda _on: self.changed.emit())
        self.hierarchy.currentIndexChanged.connect(self._hierarchy_chosen)
        self.search.textChanged.connect(self._find)
        self.left_out.toggled.connect(self._find)
        self.model.chosen.connect(self.changed)
        self.model.modelReset.connect(self._rows_changed)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._update_buttons())
        self.table.keys.connect(self._key)
        self.add_new.clicked.connect(lambda: self._choose(ClassChoice(ClassAction.ADD)))
        self.ignore.clicked.connect(lambda: self._choose(IGNORE))
        self.propose.clicked.connect(lambda: self._choose(None))

    # ----------------------------------------------------------------------------- choosing

    def _choose(self, choice: ClassChoice | None) -> None:
        self.model.choose(self.table.selected(), choice)

    def _key(self, key: int) -> None:
        if key == Qt.Key.Key_Delete:
            self._choose(IGNORE)

    def _hierarchy_chosen(self, _index: int) -> None:
        self.model.hierarchy = Hierarchy(self.hierarchy.currentData())
        self.changed.emit()

    def _find(self, *_args: object) -> None:
        self.model.find(self.search.text(), only_left_out=self.left_out.isChecked())

    def _rows_changed(self) -> None:
        self.table.fit()
        self._update_buttons()

    def _update_buttons(self) -> None:
        some = bool(self.table.selectionModel().selectedRows())
        for button in (self.add_new, self.ignore, self.propose):
            button.setEnabled(some)

    # ------------------------------------------------------------------------------ showing

    def reset(self) -> None:
        """Another file."""
        self.model.forget()
        self.search.clear()
        for box in (self.add_all, self.left_out):
            box.blockSignals(True)
            box.setChecked(False)
            box.blockSignals(False)
        self._find()

    def show_comparison(self, shown: Comparison, *, has_paths: bool) -> None:
        """Show the classes of a preview."""
        rows = shown.preview.classes
        self.found.setText(found_classes_text(shown.preview))
        self.model.show_classes(rows, shown.classes)
        for part in (self.hierarchy, self._hierarchy_label):
            part.setVisible(has_paths)
        unknown = any(row.choice.action in (ClassAction.UNDECIDED, ClassAction.ADD) for row in rows)
        self.add_all.setVisible(unknown or self.add_all.isChecked())
        self.finding.setVisible(len(rows) > FEW_CLASSES)
        self.table.setVisible(bool(rows))
        self.acts.setVisible(len(rows) > 1)
        self._update_buttons()
