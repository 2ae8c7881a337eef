"""Commits what is said in the review view, one undo step a key, and keeps its history.

Everything goes through :class:`AnnotationUndoStack`, so what is decided here is undone from
anywhere, and what was undone elsewhere does not count here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal
from shiboken6 import isValid

from lmpt_desktop.domain.records import Batch, Verdict
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.kit import tasks
from lmpt_desktop.ui.review.line import Act, Line

MOST_WAITING = 8
"""Keys pressed while a large change is being saved that are not forgotten."""


class Judge(QObject):
    """Says verdicts at a line of questions and takes them back."""

    said = Signal(object, bool)
    """The :class:`Act` that was committed, and whether the line went on."""
    went_back = Signal(bool)
    """The line went back; True if something was taken back."""
    went_on = Signal()
    """The line went on without an answer."""
    held = Signal()
    """A change is still being saved and too much waits already."""

    def __init__(self, desk: AnnotationUndoStack, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.line = Line()
        self._desk = desk
        self._coming: Callable[[Batch], None] | None = None
        self._waiting: deque[Callable[[], None]] = deque()
        self._undoing = False
        self._failures = 0
        desk.committed.connect(self._committed)
        desk.taken_back.connect(self._taken_back)
        desk.failed.connect(self._failed)
        desk.busy_changed.connect(self._busy_changed)

    def say(
        self,
        image_id: int,
        class_id: int,
        verdict: Verdict,
        name: str,
        *,
        answers: bool = False,
        advance: bool = False,
    ) -> None:
        """Commit a verdict; then, with ``advance``, go on."""
        self._commit(
            lambda: self._desk.annotate([image_id], [class_id], verdict, name),
            lambda batch: Act(batch.id, image_id, class_id, verdict, answers),
            advance=advance,
        )

    def mark_reviewed(self, image_id: int, *, answers: bool) -> None:
        """Commit the reviewed mark and go on."""
        self._commit(
            lambda: self._desk.mark_reviewed([image_id], True),
            lambda batch: Act(batch.id, image_id, None, Verdict.ABSENT, answers),
            advance=True,
        )

    def back(self) -> None:
        """Take back the last step made here, and with it what was said, unless it is undone
        already or something else was said since."""

        def undo() -> None:
            step = self.line.take_back()
            if step is None:
                return
            act, failures = step.act, self._failures
            takes = act is not None and self._desk.can_undo and self._desk.latest == act.batch_id
            if takes:
                self._undoing = True
                self._desk.undo()
                self._undoing = self._desk.busy
            self.went_back.emit(takes and failures == self._failures)

        self._when_here(undo)

    def skip(self) -> None:
        """On without an answer."""
        self._when_here(lambda: self._move(self.line.advance))

    def look_back(self) -> None:
        """To the question before, with nothing taken back."""

        def move() -> None:
            if self.line.look_back():
                self.went_back.emit(False)

        self._when_here(move)

    # ------------------------------------------------------------------------------ inside

    def _commit(
        self, say: Callable[[], None], act_of: Callable[[Batch], Act], *, advance: bool
    ) -> None:
        """Say something about the question at hand; once it is saved it counts there, also if
        another question, or another line, is at hand by then."""
        line, question = self.line, self.line.current

        def recorded(batch: Batch) -> None:
            if line is self.line:
                act = act_of(batch)
                self.said.emit(act, line.record(act, advance=advance, at=question))

        def commit() -> None:
            self._coming = recorded
            say()

        self._when_free(commit)

    def _when_here(self, act: Callable[[], None]) -> None:
        """As :meth:`_when_free`, unless another line was begun by then."""
        line = self.line
        self._when_free(lambda: act() if line is self.line else None)

    def _move(self, move: Callable[[], None]) -> None:
        move()
        self.went_on.emit()

    def _when_free(self, act: Callable[[], None]) -> None:
        if self._desk.busy:
            if len(self._waiting) < MOST_WAITING:
                self._waiting.append(act)
            else:
                self.held.emit()
            return
        act()

    def _busy_changed(self, busy: bool) -> None:
        # The desk says so before it tells of the commit, which is to be heard first.
        if not busy and self._waiting:
            tasks.call_soon(self._next_waiting)

    def _next_waiting(self) -> None:
        while isValid(self) and self._waiting and not self._desk.busy:
            self._waiting.popleft()()

    def _committed(self, batch: Batch) -> None:
        coming, self._coming = self._coming, None
        if coming is not None:  # else it was said elsewhere
            coming(batch)

    def _taken_back(self, batch_id: int) -> None:
        if self._undoing:
            self._undoing = False
        elif self.line.rewind(batch_id):
            self.went_back.emit(True)

    def _failed(self, _error: Exception) -> None:
        self._failures += 1
        self._coming = None
        self._undoing = False
        self._waiting.clear()
