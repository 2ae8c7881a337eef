"""Verdicts and their undo: every change is committed first, then shown.

A change of a few images is committed on the spot.  One of thousands takes a good part of a
second, so it goes to a worker thread, as does any change that would have to wait because
somebody else is writing; until it is back undo and further verdicts wait.

The undo stack holds the numbers of batches in the catalogue's journal and nothing else.  It is
filled from the journal when a library is opened, and again whenever the two may have come
apart: when a change could not be saved, or was made without the desk.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack
from shiboken6 import isValid

from lmpt_desktop.catalogue.errors import CatalogueLocked
from lmpt_desktop.domain.records import Source, Verdict
from lmpt_desktop.translation import _, ngettext, number
from lmpt_desktop.ui.annotations.undo_texts import summary_of, text_of
from lmpt_desktop.ui.kit import tasks

if TYPE_CHECKING:
    from lmpt_desktop.domain.records import Batch, BatchSummary
    from lmpt_desktop.engine.session import LibrarySession

log = logging.getLogger(__name__)

INLINE_CELLS = 500
"""Changes of up to this many (image, class) pairs are committed on the window's thread."""
PATIENCE_SECONDS = 0.03
"""How long the window's thread waits for somebody else's write before a worker does."""
REVIEWED_CLASSES_A_CELL = 50
"""Marking an image reviewed costs one row, whatever the classes; reading them costs a little."""

UNDO_LIMIT = 500
HISTORY = 100
"""Changes of earlier sessions that can be undone."""

ResultT = TypeVar("ResultT")


class _BatchCommand(QUndoCommand):
    """A batch that is committed already: the first redo, by ``push``, does nothing."""

    def __init__(self, desk: AnnotationUndoStack, batch_id: int, text: str, cells: int) -> None:
        super().__init__(text)
        self._desk = desk
        self._pushed = False
        self.batch_id = batch_id
        self.cells = cells

    def redo(self) -> None:
        if self._pushed:
            self._desk.replay(self, forward=True)
        self._pushed = True

    def undo(self) -> None:
        self._desk.replay(self, forward=False)


class AnnotationUndoStack(QObject):
    """Commits verdicts through the session and keeps the undo stack."""

    said = Signal(str)
    """A sentence about what was just committed, for the status bar."""
    failed = Signal(object)
    """The exception that kept a change from being committed."""
    busy_changed = Signal(bool)
    committed = Signal(object)
    """The :class:`Batch` of every new change, once it is committed and can be undone; one that
    changed nothing is told too, but there is nothing to undo."""
    taken_back = Signal(int)
    """The id of the batch that was undone."""

    def __init__(self, session: LibrarySession, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._busy = False
        self._acts = 0
        self._reading: tasks.Task | None = None
        self._stale = False
        self._untrue = False
        self._filling = False
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
        """Whether a change is being committed by a worker."""
        return self._busy

    @property
    def settled(self) -> bool:
        """Whether nothing is being committed and the stack is what the journal says."""
        return not (self._busy or self._reading or self._stale)

    @property
    def can_undo(self) -> bool:
        """Whether :meth:`undo` would do something."""
        return not (self._busy or self._untrue) and self.stack.canUndo()

    @property
    def can_redo(self) -> bool:
        """Whether :meth:`redo` would do something."""
        return not (self._busy or self._untrue) and self.stack.canRedo()

    def annotate(
        self, image_ids: Sequence[int], class_ids: Sequence[int], verdict: Verdict, name: str = ""
    ) -> None:
        """Commit ``verdict``; ``name`` is how the class is called in the undo menu if the
        vocabulary does not know it."""
        if not image_ids or not class_ids:
            return
        self._commit(
            lambda: self._session.annotations.annotate(image_ids, class_ids, verdict),
            len(image_ids) * len(class_ids),
            name=name,
        )

    def apply(
        self,
        image_ids: NDArray[np.int64],
        class_ids: NDArray[np.int64],
        verdicts: NDArray[np.int8],
        text: str,
        done: Callable[[Batch], object] | None = None,
        *,
        source: Source = Source.USER,
    ) -> bool:
        """Commit many verdicts, each of its own image and class, as one step called ``text``.

        Args:
            image_ids, class_ids, verdicts: (n,) each.
            text: what the undo menu calls it, also after a restart.
            done: called on the window's thread once they are committed; if that fails,
                ``failed`` is emitted instead.
            source: by what they came about.

        Returns:
            Whether it was begun: not while another change is being saved, nor for no changes.
        """
        if not len(image_ids):
            return False
        return self._commit(
            lambda: self._session.annotations.apply(
                image_ids, class_ids, verdicts, source=source, label=text
            ),
            len(image_ids),
            done,
        )

    def mark_reviewed(self, image_ids: Sequence[int], reviewed: bool) -> None:
        """Commit or take back the reviewed mark."""
        if not image_ids:
            return
        classes = max(1, len(self._session.snapshot().classes) // REVIEWED_CLASSES_A_CELL)
        self._commit(
            lambda: self._session.annotations.mark_reviewed(image_ids, reviewed),
            len(image_ids) * classes,
        )

    def undo(self) -> None:
        if self.can_undo:
            self.stack.undo()

    def redo(self) -> None:
        if self.can_redo:
            self.stack.redo()

    def replay(self, command: _BatchCommand, *, forward: bool) -> None:
        """Called by the commands on the stack, whose place in it has moved already."""
        if self._filling:
            return
        self._acts += 1
        batch_id, text = command.batch_id, command.text()
        act = self._session.annotations.redo if forward else self._session.annotations.undo

        def done(turned: Batch) -> None:
            told = _("Done again: {change}") if forward else _("Undone: {change}")
            self.said.emit(told.format(change=text) + _left_alone(turned))
            if not forward:
                self.taken_back.emit(batch_id)

        self._run(lambda: act(batch_id), done, command.cells)

    def read_history(self) -> None:
        """Fill the stack from the journal; returns at once.

        What is done meanwhile is in the journal too: then it is read again.
        """
        if self._busy or self._reading is not None:
            self._stale = True
            return
        self._stale = False
        acts = self._acts

        def read(history: list[BatchSummary]) -> None:
            self._reading = None
            if not isValid(self):
                return
            if self._stale or self._busy or acts != self._acts:
                self.read_history()
            else:
                self._fill(history)

        def unread(error: Exception) -> None:
            self._reading = None
            log.warning("the history of changes could not be read", exc_info=error)
            if isValid(self):
                self._fill([])

        self._reading = tasks.start(
            lambda: self._session.annotations.history(HISTORY), read, unread
        )

    def close(self) -> None:
        """Stop reading; the session is about to close."""
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    # ------------------------------------------------------------------------------ inside

    def _fill(self, history: list[BatchSummary]) -> None:
        same = [item.id for item in history] == [
            command.batch_id
            for i in range(self.stack.count())
            if isinstance(command := self.stack.command(i), _BatchCommand)
        ]
        done = sum(item.done for item in history)
        self._untrue = False
        if same and done == self.stack.index():
            return
        # Its signals would have every action looked at a hundred times.
        self.stack.blockSignals(True)
        self._filling = True
        self.stack.clear()
        for item in history:
            self.stack.push(
                _BatchCommand(self, item.id, text_of(item), max(item.images, item.changes))
            )
        self.stack.setIndex(done)
        self._filling = False
        self.stack.blockSignals(False)
        self.stack.indexChanged.emit(self.stack.index())

    def _commit(
        self,
        act: Callable[[], Batch],
        cells: int,
        then: Callable[[Batch], object] | None = None,
        name: str = "",
    ) -> bool:
        if self._busy:
            self.said.emit(_("Still saving the previous change; try again in a moment."))
            return False

        def act_and_describe() -> tuple[Batch, str]:
            # With the act, where it may be off the window's thread: it may be millions of cells.
            batch = act()
            return batch, text_of(summary_of(batch, self._session.snapshot(), name))

        def done(made: tuple[Batch, str]) -> None:
            batch, text = made
            if len(batch):
                self._acts += 1
                self.stack.push(_BatchCommand(self, batch.id, text, cells))
                self.said.emit(text)
            else:
                self.said.emit(_("Nothing has changed: it was so already."))
            if then is not None:
                then(batch)
            self.committed.emit(batch)

        self._run(act_and_describe, done, cells)
        return True

    def _run(
        self, act: Callable[[], ResultT], done: Callable[[ResultT], object], cells: int
    ) -> None:
        if cells <= INLINE_CELLS:
            try:
                with self._session.annotations.write_timeout(PATIENCE_SECONDS):
                    result = act()
            except CatalogueLocked:
                pass  # a worker can wait
            except Exception as error:  # shown to the user by the window
                self._fail(error)
                return
            else:
                done(result)
                return
        self._set_busy(True)

        def finished(result: ResultT) -> None:
            self._set_busy(False)
            done(result)

        def failed(error: Exception) -> None:
            self._set_busy(False)
            self._fail(error)

        tasks.start(act, finished, failed)

    def _fail(self, error: Exception) -> None:
        # What the stack says was done may not be so: until it is known, nothing is undone.
        self._untrue = True
        self.read_history()
        self.failed.emit(error)

    def _set_busy(self, busy: bool) -> None:
        self._busy = busy
        self.busy_changed.emit(busy)
        if not busy and self._stale:
            self.read_history()


def _left_alone(turned: Batch) -> str:
    """What an undo could not put back, as a sentence to follow another."""
    if not turned.skipped:
        return ""
    return ngettext(
        ". {count} annotation was changed since and left as it is",
        ". {count} annotations were changed since and left as they are",
        turned.skipped,
    ).format(count=number(turned.skipped))
