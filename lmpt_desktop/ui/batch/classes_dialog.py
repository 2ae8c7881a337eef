"""Set verdicts on several classes at once: type to find a class, press a key for its verdict."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialogButtonBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.notices import AnnotationsChanged, ClassesChanged
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.error_texts import message_of
from lmpt_desktop.inference.verdict_changes import Changes, VerdictCounts, changes, count_verdicts
from lmpt_desktop.translation import N_, _, ngettext
from lmpt_desktop.translation import number as number_text
from lmpt_desktop.ui.annotations.committing_dialog import CommittingDialog
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.batch import undo_labels
from lmpt_desktop.ui.batch.classes_model import NAME, NOW, WILL_BE, SelectionClassesModel
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.kit.dialogs import muted, style_table
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.tasks import LatestRequest
from lmpt_desktop.ui.kit.texts import classes_text, photos_text, verdicts_text

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


class SetClassesDialog(CommittingDialog):
    """Sets verdicts on several classes of the images it is opened for."""

    def __init__(
        self,
        session: LibrarySession,
        undo_stack: AnnotationUndoStack,
        image_ids: NDArray[np.int64],
        bridge: SessionBridge | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(session, undo_stack, bridge, parent)
        self._ids = image_ids
        self._counts: LatestRequest[tuple[Snapshot, VerdictCounts]] = LatestRequest(
            self._counted, self._not_counted, owner=self, overlap=False
        )
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
        style_table(self.table, NAME, {NOW: 190, WILL_BE: 120}, edited=True)
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
                "Classes of {count} selected photo", "Classes of {count} selected photos", count
            ).format(count=number_text(count))
        )
        self.search.textChanged.connect(self._find)
        self.model.dataChanged.connect(self._update_summary)
        self.model.modelReset.connect(self._update_summary)
        self.strip.pressed.connect(self.strip.clear)
        self.listen(AnnotationsChanged, lambda _notice: self._count())
        self.listen(ClassesChanged, lambda _notice: self._count())
        self._update_summary()
        self._count()
        self.search.setFocus()

    def _lay_out(self, title: str) -> None:
        layout = QVBoxLayout(self)
        layout.setSpacing(8)
        heading = Label(title)
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
            # Not clicked: after Alt and a letter Qt emits that 0.1 s later, when the list may
            # already show the next class.
            button.pressed.connect(lambda v=verdict: self.want(v))
            verdicts.addWidget(button)
        verdicts.addStretch(1)
        layout.addLayout(verdicts)
        hint = muted(
            _(
                "Enter marks the class present and clears the search. In the list, press P, A, U "
                "or L, or Space to switch. Enter without text saves."
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
        """Choose a verdict for the classes selected in the list; None leaves them as they are."""
        self.model.set_requested(self._rows(), verdict)

    def _rows(self) -> list[int]:
        rows = sorted({index.row() for index in self.table.selectionModel().selectedRows()})
        current = self.table.currentIndex()
        return rows or ([current.row()] if current.isValid() else [])

    def _cycle(self, rows: list[int]) -> None:
        if rows:
            now = _CYCLE.index(self.model.requested_in(rows[0]))
            self.model.set_requested(rows, _CYCLE[(now + 1) % len(_CYCLE)])

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
            # The selection moves while the text field keeps the focus.
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
        """Count the images' verdicts, off the window's thread."""
        session, ids = self.session, self._ids

        def count() -> tuple[Snapshot, VerdictCounts]:
            snapshot = session.snapshot()
            return snapshot, count_verdicts(snapshot, ids)

        self._counts.ask(count)

    def _counted(self, found: tuple[Snapshot, VerdictCounts]) -> None:
        current = self.table.currentIndex().row()
        self.model.set_content(found[0].classes, found[1])
        if self.model.rowCount():
            self.table.selectRow(max(0, min(current, self.model.rowCount() - 1)))

    def _not_counted(self, error: Exception) -> None:
        self.strip.show_text(message_of(error), "error")

    def _update_summary(self) -> None:
        requested, found = self.model.requested, self.model.verdict_counts
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
                _("No class has this name. Add classes under Vocabulary > Edit vocabulary.")
            )
        elif not requested:
            self.summary.setText(_("Nothing to change yet."))
        else:
            self.summary.setText(self._arithmetic(found, len(requested), number))

    def _arithmetic(self, found: VerdictCounts, classes: int, number: int) -> str:
        cells = found.images * classes
        size = _("{images} × {classes}").format(
            images=photos_text(found.images), classes=classes_text(classes)
        )
        if number == cells:
            return _("{size}: {count} change.").format(size=size, count=verdicts_text(number))
        return _("{size}: {count} change, {rest} are already set.").format(
            size=size, count=verdicts_text(number), rest=number_text(cells - number)
        )

    # --------------------------------------------------------------------------- committing

    def apply(self) -> None:
        """Commit the chosen verdicts, unless their number has changed in the meantime."""
        number, requested = self.model.changing, self.model.requested
        if not number or self._saving:
            return
        session, ids = self.session, self._ids
        verdicts = {class_id: int(verdict) for class_id, verdict in requested.items()}

        def done(found: Changes) -> None:
            if len(found) == number:
                text = undo_labels.set_classes(self.model.name, requested, found.images)
                self._commit(found.image_ids, found.class_ids, found.verdicts, text)
                return
            self._stop_saving(
                _(
                    "Something changed in the meantime, so nothing was saved. Check the "
                    "numbers again."
                )
            )
            self._count()

        self._check(lambda: changes(session.snapshot(), ids, verdicts), done)

    def _show_saving(self) -> None:
        self._update_summary()

    def _leave(self, _result: int) -> None:
        super()._leave(_result)
        self._counts.cancel()
