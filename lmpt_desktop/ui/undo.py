"""Verdicts and their undo: every change is committed first, then shown.

A change of a few images is committed on the spot.  One of thousands takes a good part of a
second, so it goes to a worker thread, and until it is back undo and further verdicts wait.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from lmpt_desktop.engine.views import Verdict
from lmpt_desktop.ui import background

if TYPE_CHECKING:
    from lmpt_desktop.catalogue import Batch
    from lmpt_desktop.engine.session import LibrarySession

INLINE_CELLS = 500
"""Changes of up to this many (image, class) pairs are committed on the window's thread."""

UNDO_LIMIT = 500


class _BatchCommand(QUndoCommand):
    """A batch that is committed already: the first redo, by ``push``, does nothing."""

    def __init__(self, desk: AnnotationDesk, batch: Batch, text: str, cells: int) -> None:
        super().__init__(text)
        self._desk = desk
        self._batch = batch
        self._cells = cells
        self._pushed = False

    @property
    def batch_id(self) -> int:
        return self._batch.id

    def redo(self) -> None:
        if self._pushed:
            self._desk.replay(self._batch, self._cells, forward=True)
        self._pushed = True

    def undo(self) -> None:
        self._desk.replay(self._batch, self._cells, forward=False)


class AnnotationDesk(QObject):
    """Commits verdicts through the session and keeps the undo stack."""

    said = Signal(str)
    """A sentence about what was just committed, for the status bar."""
    failed = Signal(object)
    """The exception that kept a change from being committed."""
    busy_changed = Signal(bool)
    committed = Signal(object)
    """The :class:`Batch` of every new change, once it is committed and can be undone."""
    taken_back = Signal(int)
    """The id of the batch that was undone."""

    def __init__(self, session: LibrarySession, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._busy = False
        self.stack = QUndoStack(self)
        self.stack.setUndoLimit(UNDO_LIMIT)

    @property
    def latest(self) -> int | None:
        """The id of the batch that :meth:`undo` would take back."""
        place = self.stack.index()
        command = self.stack.command(place - 1) if place > 0 else None
        return command.batch_id if isinstance(command, _BatchCommand) else None

    @property
    def busy(self) -> bool:
        """Whether a large change is being committed."""
        return self._busy

    def annotate(
        self, image_ids: Sequence[int], class_ids: Sequence[int], verdict: Verdict, name: str
    ) -> None:
        """Commit ``verdict``; ``name`` is how the class is called in the undo menu."""
        if not image_ids or not class_ids:
            return
        text = f"{name}: {verdict.name.lower()}{_on_images(len(image_ids))}"
        self._commit(
            lambda: self._session.annotate(image_ids, class_ids, verdict),
            text,
            len(image_ids) * len(class_ids),
        )

    def apply(
        self,
        image_ids: NDArray[np.int64],
        class_ids: NDArray[np.int64],
        verdicts: NDArray[np.int8],
        text: str,
        done: Callable[[Batch], object] | None = None,
    ) -> bool:
        """Commit many verdicts, each of its own image and class, as one step called ``text``.

        Args:
            image_ids, class_ids, verdicts: (n,) each.
            done: called on the window's thread once they are committed; if that fails,
                ``failed`` is emitted instead.

        Returns:
            Whether it was begun: not while another change is being saved, nor for no changes.
        """
        if not len(image_ids):
            return False
        return self._commit(
            lambda: self._session.apply_changes(image_ids, class_ids, verdicts, label=text),
            text,
            len(image_ids),
            done,
        )

    def mark_reviewed(self, image_ids: Sequence[int], reviewed: bool) -> None:
        """Commit or take back the reviewed mark."""
        if not image_ids:
            return
        text = ("Reviewed" if reviewed else "Not reviewed") + _on_images(len(image_ids))
        classes = max(1, len(self._session.snapshot().classes))
        self._commit(
            lambda: self._session.mark_reviewed(image_ids, reviewed),
            text,
            len(image_ids) * classes,
        )

    def undo(self) -> None:
        if not self._busy and self.stack.canUndo():
            text = self.stack.undoText()
            self.stack.undo()
            self.said.emit(f"Undone: {text}")

    def redo(self) -> None:
        if not self._busy and self.stack.canRedo():
            text = self.stack.redoText()
            self.stack.redo()
            self.said.emit(f"Done again: {text}")

    def replay(self, batch: Batch, cells: int, *, forward: bool) -> None:
        """Called by the commands on the stack."""
        act = self._session.redo if forward else self._session.undo

        def done(_turned: object) -> None:
            if not forward:
                self.taken_back.emit(batch.id)

        self._run(lambda: act(batch), done, cells)

    def _commit(
        self,
        act: Callable[[], Batch],
        text: str,
        cells: int,
        then: Callable[[Batch], object] | None = None,
    ) -> bool:
        if self._busy:
            self.said.emit("Still saving the previous change; try again in a moment.")
            return False

        def done(batch: Batch) -> None:
            self.stack.push(_BatchCommand(self, batch, text, cells))
            self.said.emit(text)
            if then is not None:
                then(batch)
            self.committed.emit(batch)

        self._run(act, done, cells)
        return True

    def _run(self, act: Callable[[], object], done: Callable, cells: int) -> None:
        if cells <= INLINE_CELLS:
            try:
                result = act()
            except Exception as error:  # shown to the user by the window
                self._fail(error)
            else:
                done(result)
            return
        self._set_busy(True)

        def finished(result: object) -> None:
            self._set_busy(False)
            done(result)

        def failed(error: Exception) -> None:
            self._set_busy(False)
            self._fail(error)

        background.start(act, finished, failed)

    def _fail(self, error: Exception) -> None:
        # What the stack says was done may not be so any more.
        self.stack.clear()
        self.failed.emit(error)

    def _set_busy(self, busy: bool) -> None:
        self._busy = busy
        self.busy_changed.emit(busy)


def _on_images(count: int) -> str:
    return "" if count == 1 else f" on {count:,} images"
