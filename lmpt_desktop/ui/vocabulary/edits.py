"""Changes of the vocabulary, made off the window's thread where they are large, and undone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from shiboken6 import isValid

from lmpt_desktop.engine.vocabulary.editor import VocabularyStep
from lmpt_desktop.ui.kit import tasks

if TYPE_CHECKING:
    from lmpt_desktop.engine.session import LibrarySession

INLINE_CELLS = 200_000
"""In a library of up to so many (image, class) pairs a change takes a few milliseconds, and is
made on the spot."""


class EditDesk(QObject):
    """Makes changes one after the other and keeps those that can be taken back."""

    made = Signal(object)
    """The :class:`VocabularyStep` that was just made, undone or done again."""
    failed = Signal(object)
    """Why a change was not made: an exception with a sentence for the user."""
    busy_changed = Signal(bool)

    def __init__(self, session: LibrarySession, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._done: list[VocabularyStep] = []
        self._undone: list[VocabularyStep] = []
        self._busy = False

    @property
    def can_undo(self) -> bool:
        return bool(self._done) and not self._busy

    def make(
        self,
        act: Callable[[], VocabularyStep],
        then: Callable[[VocabularyStep], object] | None = None,
    ) -> None:
        """Make a change; ``then`` is called with it where it went well."""

        def done(step: VocabularyStep) -> None:
            if step:
                self._done.append(step)
                self._undone.clear()
            self.made.emit(step)
            if then is not None:
                then(step)

        self._run(act, done)

    def undo(self, then: Callable[[VocabularyStep], object] | None = None) -> None:
        """Take back the last change."""
        self._turn(self._done, self._undone, self._session.vocabulary.undo, then)

    def redo(self, then: Callable[[VocabularyStep], object] | None = None) -> None:
        """Make the last change that was taken back again."""
        self._turn(self._undone, self._done, self._session.vocabulary.redo, then)

    def _turn(
        self,
        source: list[VocabularyStep],
        target: list[VocabularyStep],
        turn: Callable[[VocabularyStep], None],
        then: Callable[[VocabularyStep], object] | None,
    ) -> None:
        if not source or self._busy:
            return
        step = source[-1]

        def done(_none: object) -> None:
            source.pop()
            target.append(step)
            self.made.emit(step)
            if then is not None:
                then(step)

        self._run(lambda: turn(step), done)

    def _run(self, act: Callable[[], object], done: Callable) -> None:
        if self._busy:
            return
        snapshot = self._session.snapshot()
        if len(snapshot.images) * max(1, len(snapshot.classes)) <= INLINE_CELLS:
            try:
                result = act()
            except Exception as error:  # every refusal carries a sentence for the user
                self.failed.emit(error)
            else:
                done(result)
            return
        self._set_busy(True)

        def finished(result: object) -> None:
            if isValid(self):
                self._set_busy(False)
                done(result)

        def failed(error: Exception) -> None:
            if isValid(self):
                self._set_busy(False)
                self.failed.emit(error)

        tasks.start(act, finished, failed)

    def _set_busy(self, busy: bool) -> None:
        self._busy = busy
        self.busy_changed.emit(busy)
