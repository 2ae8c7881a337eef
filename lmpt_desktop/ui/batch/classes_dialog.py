"""Set classes: type to find, one key per verdict, any number of classes, then all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.notices import AnnotationsChanged, ClassesChanged
from lmpt_desktop.inference.verdict_changes import Changes, VerdictCounts, changes, count_verdicts
from lmpt_desktop.translation import N_, _, ngettext
from lmpt_desktop.translation import number as number_text
from lmpt_desktop.ui.batch import words
from lmpt_desktop.ui.batch.classes_model import NAME, NOW, WILL_BE, SelectionClassesModel
from lmpt_desktop.ui.kit import tasks
from lmpt_desktop.ui.kit.dialogs import LibraryDialog, dress_table, muted

if TYPE_CHECKING:
    from lmpt_desktop.engine.session import LibrarySession
    from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
    from lmpt_desktop.ui.kit.bridge import SessionBridge

_BUTTONS: tuple[tuple[str, Verdict | None, str], ...] = (
    ("present", Verdict.PRESENT, N_("&Present")),
    ("absent", Verdict.ABSENT, N_("&Absent")),
    ("unknown", Verdict.UNKNOWN, N_("&Unknown")),
    ("leave", None, N_("&Leave as it is")),
)
_KEYS: dict[int, Verdict | None] = {
    Qt.Key.Key_P: Verdict.PRESENT,
    Qt.Key.Key_A: Verdict.ABSENT,
    Qt.Key.Key_U: Verdict.UNKNOWN,
    Qt.Key.Key_L: None,
    Qt.Key.Key_Delete: None,
    Qt.Key.Key_Backspace: None,
}
_CYCLE = (None, Verdict.PRESENT, Verdict.ABSENT, Verdict.UNKNOWN)
_MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


class SetClassesDialog(LibraryDialog):
    """Verdicts on several classes of the images it was opened for."""

    committed = Signal()

    def __init__(
        self,
        session: LibrarySession,
        desk: AnnotationUndoStack,
        image_ids: NDArray[np.int64],
        bridge: SessionBridge | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(session, bridge, parent)
        self._desk = desk
        self._ids = image_ids
        self._counting = False
        self._count_again = False
        self._saving = False
        self._closed = False
        count = len(image_ids)
        self.setWindowTitle(_("Set classes"))
        self.resize(560, 520)
        self.model = SelectionClassesModel(self)
        self.search = QLineEdit()
        self.search.setObjectName("find-class")
        self.search.setPlaceholderText(_("Type to find a class"))
        self.search.setAccessibleName(_("Find a class"))
        self.search.setClearButtonEnabled(True)
        self.search.installEventFilter(self)
        self.table = QTableView()
        self.table.setObjectName("selection-classes")
        self.table.setAccessibleName(_("Classes of the selected photos"))
        self.table.setModel(self.model)
        dress_table(self.table, NAME, {NOW: 190, WILL_BE: 120})
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.table.installEventFilter(self)
        self.table.doubleClicked.connect(lambda index: self._cycle([index.row()]))
        self.summary = muted()
        self.summary.setObjectName("summary")
        self.ok = QPushButton()
        self.ok.setObjectName("apply")
        self.buttons: dict[str, QPushButton] = {}
        self._lay_out(
            ngettext(
                "What is in {count} selected photo", "What is in {count} selected photos", count
            ).format(count=number_text(count))
        )
        self.search.textChanged.connect(self._find)
        self.model.dataChanged.connect(self._sum_up)
        self.model.modelReset.connect(self._sum_up)
        self.strip.pressed.connect(self.strip.clear)
        self.listen(AnnotationsChanged, lambda _notice: self._count())
        self.listen(ClassesChanged, lambda _notice: self._count())
        self._desk.failed.connect(self._not_saved)
        self.finished.connect(self._leave)
        self._sum_up()
        self._count()
        self.search.setFocus()

    def _lay_out(self, title: str) -> None:
        layout = QVBoxLayout(self)
        layout.setSpacing(8)
        heading = QLabel(title)
        heading.setProperty("role", "heading")
        heading.setWordWrap(True)
        layout.addWidget(heading)
        layout.addWidget(self.search)
        layout.addWidget(self.table, 1)
        verdicts = QHBoxLayout()
        for name, verdict, text in _BUTTONS:
            button = self.buttons[name] = QPushButton(_(text))
            button.setObjectName(f"want-{name}")
            button.setAutoDefault(False)
            # Not clicked: after Alt and a letter that comes a tenth of a second late, when the
            # next class may be in the list already.
            button.pressed.connect(lambda v=verdict: self.want(v))
            verdicts.addWidget(button)
        verdicts.addStretch(1)
        layout.addLayout(verdicts)
        hint = muted(
            _(
                "Enter: present, and on to the next class. In the list: P, A, U, L; Space goes "
                "through them. Enter without text: done."
            )
        )
        layout.addWidget(hint)
        layout.addWidget(self.strip)
        layout.addWidget(self.summary)
        box = QDialogButtonBox()
        box.addButton(self.ok, QDialogButtonBox.ButtonRole.AcceptRole)
        cancel = box.addButton(QDialogButtonBox.StandardButton.Cancel)
        cancel.setText(_("Cancel"))
        cancel.setAutoDefault(False)
        self.ok.setAutoDefault(False)
        box.accepted.connect(self.apply)
        box.rejected.connect(self.reject)
        layout.addWidget(box)

    # --------------------------------------------------------------------------- choosing

    def want(self, verdict: Verdict | None) -> None:
        """Give the classes selected in the list this verdict, or leave them as they are."""
        self.model.set_wanted(self._rows(), verdict)

    def _rows(self) -> list[int]:
        rows = sorted({index.row() for index in self.table.selectionModel().selectedRows()})
        current = self.table.currentIndex()
        return rows or ([current.row()] if current.isValid() else [])

    def _cycle(self, rows: list[int]) -> None:
        if rows:
            now = _CYCLE.index(self.model.wanted_in(rows[0]))
            self.model.set_wanted(rows, _CYCLE[(now + 1) % len(_CYCLE)])

    def _find(self, text: str) -> None:
        self.model.find(text)
        if self.model.rowCount():
            self.table.selectRow(0)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() != QEvent.Type.KeyPress:
            return super().eventFilter(watched, event)
        key = cast(QKeyEvent, event)
        if watched is self.search and self._search_key(key):
            return True
        if watched is self.table and self._table_key(key):
            return True
        return super().eventFilter(watched, event)

    def _search_key(self, event: QKeyEvent) -> bool:
        key = event.key()
        if key in _MOVES:
            # The list moves while the text keeps the keyboard.
            self.table.event(event)
            return True
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if event.modifiers() & Qt.KeyboardModifier.ControlModifier or not self.search.text():
                self.apply()
            elif self._rows():
                self.want(Verdict.PRESENT)
                self.search.clear()
            return True
        return False

    def _table_key(self, event: QKeyEvent) -> bool:
        key = event.key()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.apply()
            return True
        if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            return False
        if key == Qt.Key.Key_Space:
            self._cycle(self._rows())
            return True
        if key in _KEYS:
            self.want(_KEYS[key])
            return True
        return False

    # --------------------------------------------------------------------------- counting

    def _count(self) -> None:
        """Count, off the window's thread, what the images have now."""
        if self._counting:
            self._count_again = True
            return
        self._counting = True
        session, ids = self.session, self._ids

        def look() -> tuple[Snapshot, VerdictCounts]:
            snapshot = session.snapshot()
            return snapshot, count_verdicts(snapshot, ids)

        tasks.start(look, self._counted, self._count_failed)

    def _counted(self, found: tuple[Snapshot, VerdictCounts]) -> None:
        self._counting = False
        if self._closed:
            return
        current = self.table.currentIndex().row()
        self.model.set_content(found[0].classes, found[1])
        if self.model.rowCount():
            self.table.selectRow(max(0, min(current, self.model.rowCount() - 1)))
        if self._count_again:
            self._count_again = False
            self._count()

    def _count_failed(self, error: Exception) -> None:
        self._counting = False
        if not self._closed:
            self.strip.show_text(str(error), "error")

    def _sum_up(self) -> None:
        wanted, found = self.model.wanted, self.model.verdict_counts
        number = self.model.changing
        self.ok.setText(
            ngettext("Change {count} verdict", "Change {count} verdicts", number).format(
                count=number_text(number)
            )
        )
        self.ok.setEnabled(bool(number) and not self._saving)
        if found is None:
            self.summary.setText(_("Counting..."))
        elif not found.images:
            self.summary.setText(_("These photos are no longer in the library."))
        elif not self.model.rowCount() and self.search.text():
            self.summary.setText(
                _("No class is called so. Classes are added under Vocabulary > Edit vocabulary.")
            )
        elif not wanted:
            self.summary.setText(_("Nothing changes yet."))
        else:
            self.summary.setText(self._arithmetic(found, len(wanted), number))

    def _arithmetic(self, found: VerdictCounts, classes: int, number: int) -> str:
        cells = found.images * classes
        size = _("{images} × {classes}").format(
            images=words.images(found.images), classes=words.classes(classes)
        )
        if number == cells:
            return _("{size}: {count} change.").format(size=size, count=words.verdicts(number))
        return _("{size}: {count} change, {rest} are so already.").format(
            size=size, count=words.verdicts(number), rest=number_text(cells - number)
        )

    # --------------------------------------------------------------------------- committing

    def apply(self) -> None:
        """Commit what was chosen, unless something else has changed the count meanwhile."""
        number, wanted = self.model.changing, self.model.wanted
        if not number or self._saving:
            return
        self._set_saving(True)
        session, ids = self.session, self._ids
        verdicts = {class_id: int(verdict) for class_id, verdict in wanted.items()}

        def done(found: Changes) -> None:
            if self._closed:
                return
            if len(found) != number:
                self._set_saving(False)
                self.strip.show_text(
                    _(
                        "Something changed in the meantime, so nothing was saved. Look at the "
                        "numbers again."
                    ),
                    "warning",
                )
                self._count()
                return
            text = words.set_classes(self.model.name, wanted, found.images)
            begun = self._desk.apply(
                found.image_ids, found.class_ids, found.verdicts, text, self._saved
            )
            if not begun:
                self._set_saving(False)
                self.strip.show_text(
                    _("Another change is still being saved. Try again in a moment.")
                )

        def failed(error: Exception) -> None:
            if not self._closed:
                self._set_saving(False)
                self.strip.show_text(str(error), "error")

        tasks.start(lambda: changes(session.snapshot(), ids, verdicts), done, failed)

    def _saved(self, _batch: object) -> None:
        self.committed.emit()
        if not self._closed:
            self.accept()

    def _not_saved(self, error: object) -> None:
        if self._saving and not self._closed:
            self._set_saving(False)
            self.strip.show_text(str(error), "error")

    def _set_saving(self, saving: bool) -> None:
        self._saving = saving
        self.strip.clear()
        self._sum_up()

    def _leave(self, _result: int) -> None:
        self._closed = True
        self._desk.failed.disconnect(self._not_saved)
