"""Says what a key has changed, with a button that takes it back."""

from __future__ import annotations

from PySide6.QtCore import QObject

from lmpt_desktop.domain.records import Batch
from lmpt_desktop.translation import _
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.shell.notifications import Notification, NotificationArea


class VerdictToasts(QObject):
    """The message about the last change of many verdicts; it goes when the change is undone."""

    def __init__(
        self, undo_stack: AnnotationUndoStack, area: NotificationArea, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._undo_stack = undo_stack
        self._area = area
        self._note: Notification | None = None
        self._batch_id = -1
        undo_stack.done.connect(self._done)
        undo_stack.undone.connect(self._undone)

    def dismiss(self) -> None:
        """Take the message away; it would lie over a question."""
        if self._note is not None and self._note in self._area.shown:
            self._area.dismiss(self._note)
        self._note = None

    def _done(self, batch: Batch, text: str) -> None:
        batch_id = self._batch_id = batch.id
        self._note = self._area.toast(text, _("Undo"), lambda: self._undo_stack.take_back(batch_id))

    def _undone(self, batch_id: int) -> None:
        if batch_id == self._batch_id:
            self.dismiss()
