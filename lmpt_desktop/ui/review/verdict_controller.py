"""Commits the verdicts given in the review, one undo step a key.

Everything goes through :class:`AnnotationUndoStack`, so what is decided here can be undone from
anywhere, and what was undone elsewhere no longer counts here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal

from lmpt_desktop.domain.records import Batch, Verdict
from lmpt_desktop.inference.confirmation import Confirmation
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.review.question_list import Decision, QuestionList

MOST_WAITING = 8
"""Keys pressed while a large change is being saved that are kept."""


class VerdictController(QObject):
    """Gives verdicts on the questions of a list and undoes them."""

    committed = Signal(object, bool)
    """The :class:`Decision`, and whether the list advanced."""
    stepped_back = Signal(bool)
    """The list went back; True if a decision was undone."""
    skipped = Signal()
    """The list advanced without an answer."""
    refused = Signal()
    """A change is still being saved and too many keys wait already."""

    def __init__(self, undo_stack: AnnotationUndoStack, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.questions = QuestionList()
        self._undo_stack = undo_stack
        self._on_commit: Callable[[Batch], None] | None = None
        self._waiting: deque[Callable[[], None]] = deque()
        self._undoing: QuestionList | None = None
        undo_stack.committed.connect(self._batch_committed)
        undo_stack.undone.connect(self._batch_undone)
        undo_stack.failed.connect(self._change_failed)
        undo_stack.busy_changed.connect(self._busy_changed)

    def set_verdict(
        self,
        image_id: int,
        class_id: int,
        verdict: Verdict,
        name: str,
        *,
        answers: bool = False,
        advance: bool = False,
    ) -> None:
        """Commit a verdict; then, with ``advance``, go to the next question."""
        self._commit(
            lambda: self._undo_stack.annotate([image_id], [class_id], verdict, name),
            lambda batch: Decision(batch.id, image_id, class_id, verdict, answers),
            advance=advance,
        )

    def set_stack_verdict(
        self,
        image_id: int,
        image_ids: list[int],
        class_id: int,
        verdict: Verdict,
        name: str,
        *,
        answers: bool,
        advance: bool,
    ) -> None:
        """Commit a verdict on all photos of the stack that ``image_id`` is in, as one change; then,
        with ``advance``, go to the next question."""
        self._commit(
            lambda: self._undo_stack.annotate(image_ids, [class_id], verdict, name),
            lambda batch: Decision(
                batch.id, image_id, class_id, verdict, answers, photos=len(image_ids)
            ),
            advance=advance,
        )

    def mark_reviewed(self, image_id: int, *, answers: bool) -> None:
        """Commit the reviewed mark and go to the next question."""
        self._commit(
            lambda: self._undo_stack.mark_reviewed([image_id], True),
            lambda batch: Decision(batch.id, image_id, None, Verdict.ABSENT, answers),
            advance=True,
        )

    def confirm(self, image_id: int, confirmed: Confirmation, *, answers: bool) -> None:
        """Commit what is predicted, and the reviewed mark, and go to the next question."""
        self._commit(
            lambda: self._undo_stack.confirm(confirmed),
            lambda batch: Decision(batch.id, image_id, None, Verdict.ABSENT, answers),
            advance=True,
        )

    def back(self) -> None:
        """Undo the last step made here.

        Its decision is undone with it, unless that is undone already or something was committed
        elsewhere since.
        """

        def undo() -> None:
            step, stack = self.questions.last_step, self._undo_stack
            decision = step.decision if step is not None else None
            if (
                decision is not None
                and stack.can_undo
                and stack.latest_batch_id == decision.batch_id
            ):
                self._undoing = self.questions
                stack.undo()  # perhaps on a pool thread: _batch_undone or _change_failed follows
            elif self.questions.undo_step() is not None:
                self.stepped_back.emit(False)

        self._for_this_list(undo)

    def skip(self) -> None:
        """Go to the next question without an answer."""

        def move() -> None:
            self.questions.advance()
            self.skipped.emit()

        self._for_this_list(move)

    def previous(self) -> None:
        """Go to the previous question and undo nothing."""

        def move() -> None:
            if self.questions.go_back():
                self.stepped_back.emit(False)

        self._for_this_list(move)

    # ------------------------------------------------------------------------------ inside

    def _commit(
        self,
        change: Callable[[], object],
        decision_of: Callable[[Batch], Decision],
        *,
        advance: bool,
    ) -> None:
        """Make a change about the current question.

        Once it is saved it counts for that question, also if another question, or another list,
        is current by then.
        """
        questions, question = self.questions, self.questions.current

        def record(batch: Batch) -> None:
            if questions is self.questions:
                decision = decision_of(batch)
                advanced = questions.record(decision, advance=advance, at=question)
                self.committed.emit(decision, advanced)

        def commit() -> None:
            self._on_commit = record
            change()

        self._when_free(commit)

    def _for_this_list(self, act: Callable[[], None]) -> None:
        """As :meth:`_when_free`, unless another list was begun by then."""
        questions = self.questions
        self._when_free(lambda: act() if questions is self.questions else None)

    def _when_free(self, act: Callable[[], None]) -> None:
        if not self._undo_stack.busy:
            act()
        elif len(self._waiting) < MOST_WAITING:
            self._waiting.append(act)
        else:
            self.refused.emit()

    def _busy_changed(self, busy: bool) -> None:
        # The stack emits this before ``committed``, which has to be handled first.
        if not busy and self._waiting:
            QTimer.singleShot(0, self, self._run_waiting)

    def _run_waiting(self) -> None:
        while self._waiting and not self._undo_stack.busy:
            self._waiting.popleft()()

    def _batch_committed(self, batch: Batch) -> None:
        on_commit, self._on_commit = self._on_commit, None
        if on_commit is not None:  # else it was committed elsewhere
            on_commit(batch)

    def _batch_undone(self, batch_id: int) -> None:
        self._undoing = None
        if self.questions.rewind(batch_id):
            self.stepped_back.emit(True)

    def _change_failed(self, _error: Exception) -> None:
        undoing, self._undoing = self._undoing, None
        self._on_commit = None
        self._waiting.clear()
        if undoing is not None and undoing is self.questions:
            undoing.undo_step()
            self.stepped_back.emit(False)
