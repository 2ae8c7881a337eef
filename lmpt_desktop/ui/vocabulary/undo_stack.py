"""Edits of the vocabulary, committed off the window's thread as steps of the library's history."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from PySide6.QtCore import QObject, Signal

from lmpt_desktop.catalogue.vocabulary_steps import VOCABULARY
from lmpt_desktop.domain.records import Batch
from lmpt_desktop.engine.vocabulary.editor import VocabularyStep
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack

Edit = Callable[[], VocabularyStep]
Done = Callable[[VocabularyStep], object]


class VocabularyUndoStack(QObject):
    """Commits one edit at a time; edits asked for while a change is being saved are dropped.

    The history is the library's: undo takes back the last change, whatever it was.
    """

    changed = Signal(object)
    """The :class:`VocabularyStep` that was committed."""
    replayed = Signal(str)
    """Something was undone or redone: the sentence that says so."""
    failed = Signal(object)
    """The exception that kept an edit from being committed, with a sentence for the user."""
    busy_changed = Signal(bool)

    def __init__(self, history: AnnotationUndoStack, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.history = history
        history.busy_changed.connect(self.busy_changed)
        history.replayed.connect(self.replayed)

    @property
    def busy(self) -> bool:
        """Whether a change is being saved."""
        return self.history.busy

    @property
    def can_undo(self) -> bool:
        return self.history.can_undo

    @property
    def can_redo(self) -> bool:
        return self.history.can_redo

    def commit(self, edit: Edit, done: Done | None = None) -> None:
        """Save an edit, then call ``done`` with its step."""
        steps: list[VocabularyStep] = []

        def change() -> Batch:
            steps.append(edit())
            return steps[0].batch or Batch(0, datetime.now(UTC), VOCABULARY)

        def committed(_batch: Batch) -> None:
            self.changed.emit(steps[0])
            if done is not None:
                done(steps[0])

        self.history.commit(change, committed, self.failed.emit)

    def undo(self) -> None:
        """Undo the last change."""
        self.history.undo()

    def redo(self) -> None:
        """Redo the change that was undone last."""
        self.history.redo()
