"""Verdicts and their undo: every change is committed first, then shown.

A change of a few images is committed at once.  One of thousands takes a good part of a second,
so a pool thread commits it, and so it does any change that would have to wait because another
program is writing; until then there is no undo and no further verdict.

The undo stack holds the ids of batches in the catalogue's journal and nothing else.  It is
filled from the journal when a library is opened, and again whenever the two may differ: when a
change could not be saved, or was made elsewhere.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from lmpt_desktop.catalogue.errors import CatalogueLocked
from lmpt_desktop.catalogue.records import ImageIds, uniform
from lmpt_desktop.catalogue.vocabulary_steps import VOCABULARY
from lmpt_desktop.domain.records import Batch, BatchSummary, Source, Verdict
from lmpt_desktop.domain.refusal import RefusedError
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.inference.confirmation import Confirmation
from lmpt_desktop.translation import _, ngettext, number
from lmpt_desktop.ui.annotations.act_texts import done_sentence
from lmpt_desktop.ui.annotations.undo_texts import summary_of, text_of
from lmpt_desktop.ui.kit.tasks import LatestRequest, Task

log = logging.getLogger(__name__)

INLINE_CELLS = 500
"""Changes of up to this many (image, class) pairs are committed on the window's thread."""
MAX_WRITE_WAIT_SECONDS = 0.03
"""How long the window's thread waits for another writer before it lets a pool thread wait."""
REVIEWED_CLASSES_A_CELL = 50
"""Marking an image reviewed writes one row; reading its classes counts as little as this."""

UNDO_LIMIT = 500
HISTORY = 100
"""Changes of earlier sessions that can be undone."""

_OFFERED = ("confirmed", "reviewed")
"""Actions that change many verdicts of one photo."""
_TOLD_ELSEWHERE = "import"
"""The action that has a message of its own, which offers to take it back."""

ResultT = TypeVar("ResultT")


class _BatchCommand(QUndoCommand):
    """A batch that is committed already: the first redo, by ``push``, does nothing."""

    def __init__(self, owner: AnnotationUndoStack, batch_id: int, text: str, cells: int) -> None:
        super().__init__(text)
        self._owner = owner
        self._pushed = False
        self.batch_id = batch_id
        self.cells = cells

    def redo(self) -> None:
        if self._pushed:
            self._owner.replay(self, forward=True)
        self._pushed = True

    def undo(self) -> None:
        self._owner.replay(self, forward=False)


class AnnotationUndoStack(QObject):
    """Commits verdicts through the session and keeps the undo stack."""

    message = Signal(str)
    """A sentence about what was committed or undone, for the status bar."""
    done = Signal(object, str)
    """The :class:`Batch` of a change that the user may want to take back at once, and a sentence
    about it: a confirmation, a review, or a verdict on several photos.  Others have a message;
    an import is told by what imported it."""
    failed = Signal(object)
    """The exception that kept a change from being committed."""
    busy_changed = Signal(bool)
    committed = Signal(object)
    """The :class:`Batch` of every new change, once it is committed and can be undone; also that
    of one that changed nothing, though there is nothing to undo."""
    undone = Signal(int)
    """The id of the batch that was undone."""
    replayed = Signal(str)
    """A change was undone or redone: the sentence that says so."""

    def __init__(self, session: LibrarySession, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._busy = False
        self._changes = 0
        self._stale = False
        self._unreliable = False
        self._reading: LatestRequest[tuple[int, list[BatchSummary]]] = LatestRequest(
            self._history_read, self._history_failed, owner=self
        )
        self._filling = False
        self.stack = QUndoStack(self)
        self.stack.setUndoLimit(UNDO_LIMIT)

    @property
    def latest_batch_id(self) -> int | None:
        """The id of the batch that :meth:`undo` would undo."""
        place = self.stack.index()
        command = self.stack.command(place - 1) if place > 0 else None
        return command.batch_id if isinstance(command, _BatchCommand) else None

    @property
    def busy(self) -> bool:
        """Whether a pool thread is committing a change."""
        return self._busy

    @property
    def settled(self) -> bool:
        """Whether nothing is being committed and the stack is what the journal says."""
        return not (self._busy or self._reading.busy or self._stale)

    @property
    def can_undo(self) -> bool:
        """Whether :meth:`undo` would do something."""
        return not (self._busy or self._unreliable) and self.stack.canUndo()

    @property
    def can_redo(self) -> bool:
        """Whether :meth:`redo` would do something."""
        return not (self._busy or self._unreliable) and self.stack.canRedo()

    def annotate(
        self, image_ids: Sequence[int], class_ids: Sequence[int], verdict: Verdict, name: str = ""
    ) -> None:
        """Commit ``verdict``.

        ``name`` is what the undo menu calls a class that is not in the vocabulary.
        """
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
        reviewed_ids: ImageIds = (),
        offers_undo: bool = True,
    ) -> bool:
        """Commit many verdicts, each on its own image and class, as one step called ``text``.

        Args:
            image_ids, class_ids: (n,) int64.
            verdicts: (n,) int8.
            text: the name of the change in the undo menu, also after a restart.
            done: called on the window's thread once they are committed; if that fails,
                ``failed`` is emitted instead.
            source: where they come from.
            reviewed_ids: images that get the reviewed mark in the same step.
            offers_undo: False where the page that asks has a button for it already.

        Returns:
            False if there is nothing to change or another change is still being saved.
        """
        if not len(image_ids) and not len(reviewed_ids):
            return False
        return self._commit(
            lambda: self._session.annotations.apply(
                image_ids, class_ids, verdicts, source, text, reviewed_ids=reviewed_ids
            ),
            len(image_ids) + len(reviewed_ids),
            done,
            offers_undo=offers_undo,
        )

    def commit(
        self,
        change: Callable[[], Batch],
        done: Callable[[Batch], object] | None = None,
        failed: Callable[[Exception], object] | None = None,
    ) -> bool:
        """Call ``change``, which commits a batch, on a pool thread, and make it a step.

        Args:
            change: a call of a part of the session.
            done: as in :meth:`apply`.
            failed: called instead of emitting ``failed``.

        Returns:
            False if another change is still being saved.
        """
        return self._commit(change, INLINE_CELLS + 1, done, failed=failed)

    def undo_batches(self, batch_ids: Sequence[int]) -> bool:
        """Undo these changes, whatever was done since; those that are undone already stay so.

        Returns:
            False if another change is still being saved.
        """
        if self._busy:
            self.message.emit(_("Still saving the previous change; try again in a moment."))
            return False
        annotations = self._session.annotations

        def undo() -> list[tuple[BatchSummary, Batch]]:
            done = {item.id: item for item in annotations.history(UNDO_LIMIT) if item.done}
            return [
                (done[batch_id], annotations.undo(batch_id))
                for batch_id in sorted(batch_ids, reverse=True)
                if batch_id in done
            ]

        def undone(found: list[tuple[BatchSummary, Batch]]) -> None:
            self._changes += 1
            self.read_history()
            for summary, batch in found:
                text = _("Undone: {change}").format(change=text_of(summary))
                text += _skipped_text(batch)
                self.message.emit(text)
                self.undone.emit(summary.id)
                self.replayed.emit(text)

        self._run(undo, undone, INLINE_CELLS + 1)
        return True

    def mark_reviewed(self, image_ids: Sequence[int], reviewed: bool) -> None:
        """Set or remove the reviewed mark."""
        if not image_ids:
            return
        classes = max(1, len(self._session.snapshot().classes) // REVIEWED_CLASSES_A_CELL)
        self._commit(
            lambda: self._session.annotations.mark_reviewed(image_ids, reviewed),
            len(image_ids) * classes,
        )

    def confirm(self, confirmation: Confirmation) -> bool:
        """Make what is predicted present and the rest absent, and mark the images as reviewed.

        Returns:
            False if another change is still being saved.
        """
        images, classes = len(confirmation.image_ids), len(confirmation.class_ids)
        return self._commit(
            lambda: self._session.annotations.confirm(confirmation),
            len(confirmation.present_cells[0])
            + images * max(1, classes // REVIEWED_CLASSES_A_CELL),
        )

    def take_back(self, batch_id: int) -> None:
        """Undo this change if it is not undone yet, whatever was done since."""
        if self.latest_batch_id == batch_id and self.can_undo:
            self.undo()
        else:
            self.undo_batches([batch_id])

    def undo(self) -> None:
        if self.can_undo:
            self.stack.undo()

    def redo(self) -> None:
        if self.can_redo:
            self.stack.redo()

    def replay(self, command: _BatchCommand, *, forward: bool) -> None:
        """Undo or redo a change; the stack, which calls this, has moved its index already."""
        if self._filling:
            return
        self._changes += 1
        batch_id, text = command.batch_id, command.text()

        def undone(batch: Batch) -> None:
            said = _("Undone: {change}").format(change=text) + _skipped_text(batch)
            self.message.emit(said)
            self.undone.emit(batch_id)
            self.replayed.emit(said)

        def redone(batch: Batch) -> None:
            said = _("Redone: {change}").format(change=text) + _skipped_text(batch)
            self.message.emit(said)
            self.replayed.emit(said)

        if forward:
            self._run(lambda: self._session.annotations.redo(batch_id), redone, command.cells)
        else:
            self._run(lambda: self._session.annotations.undo(batch_id), undone, command.cells)

    def read_history(self) -> None:
        """Fill the stack from the journal; returns at once.

        If something is committed meanwhile the journal is read once more.
        """
        self._stale = self._busy
        if self._busy:
            return
        changes = self._changes
        self._reading.ask(lambda: (changes, self._session.annotations.history(HISTORY)))

    def close(self) -> None:
        """Stop reading; the session is about to close."""
        self._reading.cancel()

    # ------------------------------------------------------------------------------ inside

    def _history_read(self, read: tuple[int, list[BatchSummary]]) -> None:
        changes, history = read
        if self._busy or changes != self._changes:
            self.read_history()
        else:
            self._fill(history)

    def _history_failed(self, error: Exception) -> None:
        log.warning("the history of changes could not be read", exc_info=error)
        self._fill([])

    def _fill(self, history: list[BatchSummary]) -> None:
        same = [item.id for item in history] == [
            command.batch_id
            for i in range(self.stack.count())
            if isinstance(command := self.stack.command(i), _BatchCommand)
        ]
        done = sum(item.done for item in history)
        self._unreliable = False
        if same and done == self.stack.index():
            return
        # With its signals every action would be updated a hundred times.
        self.stack.blockSignals(True)
        self._filling = True
        self.stack.clear()
        for item in history:
            # A change of the vocabulary takes longer than its annotations would.
            least = INLINE_CELLS + 1 if item.action == VOCABULARY else 0
            cells = max(item.images, item.changes, least)
            self.stack.push(_BatchCommand(self, item.id, text_of(item), cells))
        self.stack.setIndex(done)
        self._filling = False
        self.stack.blockSignals(False)
        self.stack.indexChanged.emit(self.stack.index())

    def _commit(
        self,
        change: Callable[[], Batch],
        cells: int,
        then: Callable[[Batch], object] | None = None,
        name: str = "",
        failed: Callable[[Exception], object] | None = None,
        *,
        offers_undo: bool = True,
    ) -> bool:
        if self._busy:
            self.message.emit(_("Still saving the previous change; try again in a moment."))
            return False

        def commit() -> tuple[Batch, str]:
            # The text, too, may take a while: there may be millions of cells.
            batch = change()
            return batch, text_of(summary_of(batch, self._session.snapshot(), name))

        def done(committed: tuple[Batch, str]) -> None:
            batch, text = committed
            if len(batch):
                self._changes += 1
                self.stack.push(_BatchCommand(self, batch.id, text, cells))
                sentence = done_sentence(batch, text)
                many = batch.action in _OFFERED or uniform(batch.image_ids) is None
                if many and offers_undo and batch.action != _TOLD_ELSEWHERE:
                    self.done.emit(batch, sentence)
                else:
                    self.message.emit(sentence)
            else:
                self.message.emit(_("Already set; nothing changed."))
            if then is not None:
                then(batch)
            self.committed.emit(batch)

        self._run(commit, done, cells, failed)
        return True

    def _run(
        self,
        work: Callable[[], ResultT],
        done: Callable[[ResultT], object],
        cells: int,
        refused: Callable[[Exception], object] | None = None,
    ) -> None:
        if cells <= INLINE_CELLS:
            try:
                with self._session.annotations.write_timeout(MAX_WRITE_WAIT_SECONDS):
                    result = work()
            except CatalogueLocked:
                pass  # a pool thread can wait
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
            self._fail(error, refused)

        Task(work, finished, failed, owner=self)

    def _fail(self, error: Exception, refused: Callable[[Exception], object] | None = None) -> None:
        if refused is None or not isinstance(error, RefusedError):
            # The stack may be wrong about what was done: until it is read again nothing is undone.
            self._unreliable = True
            self.read_history()
        if refused is None:
            self.failed.emit(error)
        else:
            refused(error)

    def _set_busy(self, busy: bool) -> None:
        self._busy = busy
        self.busy_changed.emit(busy)
        if not busy and self._stale:
            self.read_history()


def _skipped_text(batch: Batch) -> str:
    """What an undo or redo could not restore, to be appended to its message."""
    if not batch.skipped:
        return ""
    return ngettext(
        ". {count} annotation was changed later and was kept",
        ". {count} annotations were changed later and were kept",
        batch.skipped,
    ).format(count=number(batch.skipped))
