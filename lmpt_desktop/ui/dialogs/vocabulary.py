"""The vocabulary editor: change classes one by one, or replace the list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QSortFilterProxyModel, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QTableView,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.engine.notices import AnnotationsChanged, ClassesChanged
from lmpt_desktop.engine.views import ClassSpec
from lmpt_desktop.inference.vocabularies import BUILT_IN, built_in_vocabulary, parse_vocabulary
from lmpt_desktop.interchange.class_lists import format_class_list, read_class_list
from lmpt_desktop.ui.dialogs.base import LibraryDialog, close_box, dress_table, muted
from lmpt_desktop.ui.dialogs.formats import counted
from lmpt_desktop.ui.dialogs.vocabulary_change import VocabularyChange, vocabulary_change
from lmpt_desktop.ui.dialogs.vocabulary_model import (
    ABSENT,
    BAND,
    DESCRIPTION,
    NAME,
    PRESENT,
    SORT_ROLE,
    ClassLine,
    ClassTableModel,
    class_lines,
)

if TYPE_CHECKING:
    from lmpt_desktop.engine.session import LibrarySession
    from lmpt_desktop.ui.bridge import SessionBridge


class ClassesTab(QWidget):
    """The table of classes, a line to add one, and what can be done to those selected."""

    add_wanted = Signal(str, str)
    remove_wanted = Signal(list)
    """:class:`ClassLine` of each."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = ClassTableModel(self)
        self.proxy = QSortFilterProxyModel(self)
        self.proxy.setSourceModel(self.model)
        self.proxy.setSortRole(SORT_ROLE)
        self.proxy.setFilterKeyColumn(NAME)
        self.proxy.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.proxy.setSortCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.table = QTableView()
        self.table.setObjectName("classes")
        self.table.setAccessibleName(self.tr("Classes"))
        self.table.setModel(self.proxy)
        self.table.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        widths = {NAME: 180, PRESENT: 80, ABSENT: 80, BAND: 150}
        dress_table(self.table, DESCRIPTION, widths)
        self.search = QLineEdit()
        self.search.setObjectName("find")
        self.search.setPlaceholderText(self.tr("Find a class"))
        self.search.setAccessibleName(self.tr("Find a class"))
        self.search.setClearButtonEnabled(True)
        self.new_name = QLineEdit()
        self.new_name.setObjectName("new-name")
        self.new_name.setPlaceholderText(self.tr("New class"))
        self.new_name.setAccessibleName(self.tr("Name of the new class"))
        self.new_description = QLineEdit()
        self.new_description.setObjectName("new-description")
        self.new_description.setPlaceholderText(self.tr("Description, if the name is not enough"))
        self.new_description.setAccessibleName(self.tr("Description of the new class"))
        self.add = QPushButton(self.tr("&Add"))
        self.add.setObjectName("add")
        self.add.setAutoDefault(False)
        self.rename = QPushButton(self.tr("Re&name"))
        self.rename.setObjectName("rename")
        self.describe = QPushButton(self.tr("&Describe"))
        self.describe.setObjectName("describe")
        self.remove = QPushButton(self.tr("Remo&ve"))
        self.remove.setObjectName("remove")
        self.selected = muted()
        self._lay_out()
        self._connect()
        self._selection_changed()

    def _lay_out(self) -> None:
        adding = QHBoxLayout()
        adding.addWidget(self.new_name, 2)
        adding.addWidget(self.new_description, 3)
        adding.addWidget(self.add)
        foot = QHBoxLayout()
        foot.addWidget(self.selected, 1)
        for button in (self.rename, self.describe, self.remove):
            button.setAutoDefault(False)
            foot.addWidget(button)
        layout = QVBoxLayout(self)
        layout.addWidget(self.search)
        layout.addWidget(self.table, 1)
        layout.addLayout(foot)
        layout.addLayout(adding)
        layout.addWidget(
            muted(
                self.tr(
                    "The model reads the description, where there is one, in place of the name: "
                    "“crane” can be described as “tall construction crane”."
                )
            )
        )

    def _connect(self) -> None:
        self.search.textChanged.connect(self.proxy.setFilterFixedString)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.table.selectionModel().selectionChanged.connect(self._selection_changed)
        self.proxy.modelReset.connect(self._selection_changed)
        self.new_name.returnPressed.connect(self._add)
        self.new_description.returnPressed.connect(self._add)
        self.add.clicked.connect(self._add)
        self.rename.clicked.connect(lambda: self._edit(NAME))
        self.describe.clicked.connect(lambda: self._edit(DESCRIPTION))
        self.remove.clicked.connect(self._remove)
        delete = QShortcut(QKeySequence(QKeySequence.StandardKey.Delete), self.table)
        delete.setContext(Qt.ShortcutContext.WidgetShortcut)
        delete.activated.connect(self._remove)

    def selected_lines(self) -> list[ClassLine]:
        rows = self.table.selectionModel().selectedRows()
        return [self.model.lines[self.proxy.mapToSource(index).row()] for index in rows]

    def select_class(self, name: str) -> None:
        """Select the class called ``name`` and bring it into sight."""
        for row, line in enumerate(self.model.lines):
            if line.entry.name == name:
                index = self.proxy.mapFromSource(self.model.index(row, NAME))
                self.table.setCurrentIndex(index)
                self.table.scrollTo(index)

    def _selection_changed(self, *_: object) -> None:
        lines = self.selected_lines()
        self.rename.setEnabled(len(lines) == 1)
        self.describe.setEnabled(len(lines) == 1)
        self.remove.setEnabled(bool(lines))
        if not lines:
            self.selected.setText(counted(len(self.model.lines), "class", "classes"))
            return
        count = sum(line.annotations for line in lines)
        said = counted(count, "annotation", "annotations")
        name = lines[0].entry.name if len(lines) == 1 else counted(len(lines), "class", "classes")
        self.selected.setText(self.tr("{0}: {1}").format(name, said))

    def _add(self) -> None:
        name = " ".join(self.new_name.text().split())
        if name:
            self.add_wanted.emit(name, " ".join(self.new_description.text().split()))

    def _edit(self, column: int) -> None:
        rows = self.table.selectionModel().selectedRows()
        if rows:
            self.table.edit(rows[0].siblingAtColumn(column))

    def _remove(self) -> None:
        if lines := self.selected_lines():
            self.remove_wanted.emit(lines)

    def index_of(self, row: int, column: int) -> QModelIndex:
        """The table's index of a class by its place in the vocabulary."""
        return self.proxy.mapFromSource(self.model.index(row, column))


class ListTab(QWidget):
    """A whole vocabulary as text: built in, from a file, typed or pasted."""

    apply_wanted = Signal(list)
    """:class:`ClassSpec` of each."""
    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = QPlainTextEdit()
        self.text.setObjectName("list")
        self.text.setAccessibleName(self.tr("Classes, one a line"))
        self.text.setPlaceholderText(
            self.tr(
                "One class a line.\nAfter a tab, if you like, a description that the model "
                "reads instead of the name.\nLines that begin with # are skipped."
            )
        )
        self.text.setTabChangesFocus(False)
        self.built_in = QPushButton(self.tr("&Built-in sets"))
        self.built_in.setObjectName("built-in")
        menu = QMenu(self.built_in)
        for item in BUILT_IN:
            menu.addAction(item.title).triggered.connect(
                lambda _checked=False, name=item.name: self.use_built_in(name)
            )
        self.built_in.setMenu(menu)
        self.open = QPushButton(self.tr("&Open a file..."))
        self.current = QPushButton(self.tr("&Current classes"))
        self.effect = QLabel()
        self.effect.setObjectName("effect")
        self.effect.setWordWrap(True)
        self.apply = QPushButton(self.tr("Use this &list"))
        self.apply.setObjectName("apply")
        head = QHBoxLayout()
        for button in (self.built_in, self.open, self.current, self.apply):
            button.setAutoDefault(False)
        for button in (self.built_in, self.open, self.current):
            head.addWidget(button)
        head.addStretch(1)
        foot = QHBoxLayout()
        foot.addWidget(self.effect, 1)
        foot.addWidget(self.apply, 0, Qt.AlignmentFlag.AlignBottom)
        layout = QVBoxLayout(self)
        layout.addLayout(head)
        layout.addWidget(self.text, 1)
        layout.addLayout(foot)
        self.text.textChanged.connect(self.edited)
        self.apply.clicked.connect(lambda: self.apply_wanted.emit(self.specs()))

    def specs(self) -> list[ClassSpec]:
        """What the text lists."""
        return parse_vocabulary(self.text.toPlainText())

    def use_built_in(self, name: str) -> None:
        """Put a built-in vocabulary in the text, to look at before using it."""
        self.text.setPlainText(format_class_list(built_in_vocabulary(name)))

    def show_change(self, change: VocabularyChange | None, *, useful: bool = False) -> None:
        """Say what using the list would do; ``useful`` if it would do anything."""
        self.effect.setText("" if change is None else change.sentence)
        self.apply.setEnabled(useful)


class VocabularyDialog(LibraryDialog):
    """Edits are committed at once and predictions follow; a removal can be undone."""

    def __init__(
        self,
        session: LibrarySession,
        bridge: SessionBridge | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(session, bridge, parent)
        self.setWindowTitle(self.tr("Vocabulary"))
        self.resize(720, 600)
        self._before_removal: list[ClassSpec] = []
        self.classes = ClassesTab()
        self.list = ListTab()
        self.tabs = QTabWidget()
        self.tabs.addTab(self.classes, self.tr("Classes"))
        self.tabs.addTab(self.list, self.tr("Replace the list"))
        buttons = close_box(self)
        layout = QVBoxLayout(self)
        layout.addWidget(self.tabs, 1)
        layout.addWidget(self.strip)
        layout.addWidget(buttons)
        self.classes.add_wanted.connect(self.add_class)
        self.classes.remove_wanted.connect(self.remove_classes)
        self.classes.model.rename_wanted.connect(self.rename_class)
        self.classes.model.describe_wanted.connect(self.describe_class)
        self.list.apply_wanted.connect(self.use_list)
        self.list.edited.connect(self._show_change)
        self.list.open.clicked.connect(self._open_file)
        self.list.current.clicked.connect(self._show_current)
        self.strip.pressed.connect(self.undo_removal)
        self.listen(ClassesChanged, lambda _notice: self.refresh())
        self.listen(AnnotationsChanged, lambda _notice: self.refresh())
        self.refresh()
        if not self.classes.model.lines:
            self.tabs.setCurrentWidget(self.list)

    def refresh(self) -> None:
        """Show the classes as they are now."""
        self.classes.model.set_lines(class_lines(self.session.snapshot()))
        self._show_change()

    def add_class(self, name: str, description: str) -> None:
        """Add a class and select it."""
        if self.attempt(lambda: self.session.add_class(name, description)):
            self.classes.new_name.clear()
            self.classes.new_description.clear()
            self.classes.new_name.setFocus()
            self.strip.say(self.tr("Added {0}.").format(name))
            self.refresh()
            self.classes.select_class(name)

    def rename_class(self, class_id: int, name: str) -> None:
        """Give a class another name; its annotations stay."""
        if self.attempt(lambda: self.session.rename_class(class_id, name)):
            self.strip.say(self.tr("Renamed to {0}.").format(name))
            self.refresh()

    def describe_class(self, class_id: int, description: str) -> None:
        """Set or (with "") remove the text that the model reads in place of the name."""
        if self.attempt(lambda: self.session.describe_class(class_id, description)):
            self.strip.clear()
            self.refresh()

    def remove_classes(self, lines: list[ClassLine]) -> None:
        """Take classes out of the vocabulary, with a way back."""

        before = self._specs()

        def remove() -> None:
            for line in lines:
                self.session.archive_class(line.entry.id)

        if not self.attempt(remove):
            self.refresh()
            return
        self._before_removal = before
        count = sum(line.annotations for line in lines)
        name = lines[0].entry.name if len(lines) == 1 else counted(len(lines), "class", "classes")
        said = self.tr("Removed {0}.").format(name)
        if count:
            kept = counted(count, "annotation is", "annotations are")
            said += " " + self.tr("Its {0} kept in case you add it again.").format(kept)
        self.strip.say(said, "text", self.tr("&Undo"))
        self.refresh()

    def undo_removal(self) -> None:
        """Bring back what was removed last, at its place."""
        before, self._before_removal = self._before_removal, []
        known = {spec.name for spec in before}
        added = [spec for spec in self._specs() if spec.name not in known]
        if self.attempt(lambda: self.session.set_vocabulary([*before, *added])):
            self.strip.clear()
        self.refresh()

    def use_list(self, specs: list[ClassSpec]) -> None:
        """Make ``specs`` the vocabulary."""
        if specs and self.attempt(lambda: self.session.set_vocabulary(specs)):
            self.strip.say(
                self.tr("The vocabulary now has {0}.").format(
                    counted(len(specs), "class", "classes")
                )
            )
            self.refresh()
            self.tabs.setCurrentWidget(self.classes)

    def _show_change(self) -> None:
        specs = self.list.specs()
        if not specs:
            self.list.show_change(None)
            return
        lines = self.classes.model.lines
        names = [line.entry.name for line in lines]
        counts = {line.entry.name: line.annotations for line in lines}
        change = vocabulary_change(names, counts, specs)
        self.list.show_change(change, useful=specs != self._specs())

    def _specs(self) -> list[ClassSpec]:
        # Not from the table: a class may have been added elsewhere a moment ago.
        classes = self.session.snapshot().classes
        return [ClassSpec(entry.name, entry.description) for entry in classes]

    def _show_current(self) -> None:
        self.list.text.setPlainText(format_class_list(self._specs()))

    def _open_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self,
            self.tr("Open a list of classes"),
            "",
            self.tr("Text (*.txt *.tsv);;All files (*)"),
        )
        if chosen:
            self.attempt(
                lambda: self.list.text.setPlainText(
                    format_class_list(read_class_list(Path(chosen)))
                )
            )
