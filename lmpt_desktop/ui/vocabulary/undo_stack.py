"""Edits of the vocabulary, committed off the window's thread, and their undo."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.engine.vocabulary.editor import VocabularyStep
from lmpt_desktop.ui.kit.tasks import Task

Edit = Callable[[], VocabularyStep]
Done = Callable[[VocabularyStep], object]


class VocabularyUndoStack(QObject):
    """Commits one edit at a time; edits asked for while one is being saved are dropped."""

    changed = Signal(object)
    """The :class:`VocabularyStep` that was committed, undone or redone."""
    failed = Signal(object)
    """The exception that kept an edit from being committed, with a sentence for the user."""
    busy_changed = Signal(bool)

    def __init__(self, session: LibrarySession, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._done: list[VocabularyStep] = []
        self._undone: list[VocabularyStep] = []
        self._busy = False

    @property
    def busy(self) -> bool:
        """Whether an edit is being saved."""
        return self._busy

    @property
    def can_undo(self) -> bool:
        return bool(self._done) and not self._busy

    def commit(self, edit: Edit, done: Done | None = None) -> None:
        """Save an edit, then call ``done`` with its step."""

        def keep(step: VocabularyStep) -> None:
            if step:
                self._done.append(step)
                self._undone.clear()

        self._run(edit, keep, done)

    def undo(self, done: Done | None = None) -> None:
        """Undo the last edit."""
        self._replay(self._done, self._undone, self._session.vocabulary.undo, done)

    def redo(self, done: Done | None = None) -> None:
        """Redo the edit that was undone last."""
        self._replay(self._undone, self._done, self._session.vocabulary.redo, done)

    def _replay(
        self,
        source: list[VocabularyStep],
        target: list[VocabularyStep],
        act: Callable[[VocabularyStep], None],
        done: Done | None,
    ) -> None:
        if not source:
            return
        step = source[-1]

        def replay() -> VocabularyStep:
            act(step)
            return step

        def keep(_step: VocabularyStep) -> None:
            target.append(source.pop())

        self._run(replay, keep, done)

    def _run(self, work: Edit, keep: Done, done: Done | None) -> None:
        if self._busy:
            return
        self._set_busy(True)

        def committed(step: VocabularyStep) -> None:
            keep(step)
            self._set_busy(False)
            self.changed.emit(step)
            if done is not None:
                done(step)

        def refused(error: Exception) -> None:
            self._set_busy(False)
            self.failed.emit(error)

        Task(work, committed, refused, owner=self)

    def _set_busy(self, busy: bool) -> None:
        self._busy = busy
        self.busy_changed.emit(busy)
