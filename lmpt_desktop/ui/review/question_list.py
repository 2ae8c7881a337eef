"""The questions of a review, the position among them, and the answers (Qt-free)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from lmpt_desktop.domain.bands import ClassBands
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.inference.queues import Queue, QueueRequest
from lmpt_desktop.inference.queues.spacing import DISTANCE, spaced
from lmpt_desktop.inference.stacks import Stacks


@dataclass(frozen=True)
class Question:
    """Whether a class is in an image, or, where ``class_id`` is None, what is in it."""

    image_id: int
    class_id: int | None = None
    reason: str = ""

    @property
    def key(self) -> tuple[int, int | None]:
        return self.image_id, self.class_id


@dataclass(frozen=True)
class Decision:
    """A verdict or reviewed mark that was committed during the review.

    ``class_id`` is None for the reviewed mark; ``answers`` tells whether it answered the
    question shown; ``photos``, in how many photos it was given: those of a stack.
    """

    batch_id: int
    image_id: int
    class_id: int | None
    verdict: Verdict
    answers: bool
    photos: int = 1


@dataclass(frozen=True)
class Step:
    """What Backspace undoes: the position, and the decision made there, if any."""

    position: int
    decision: Decision | None = None


@dataclass(frozen=True)
class Tally:
    """The outcome of a list of questions."""

    answered: int = 0
    present: int = 0
    absent: int = 0
    reviewed: int = 0
    gained: frozenset[int] = field(default_factory=frozenset)
    """Classes with a new present annotation."""


@dataclass(frozen=True, eq=False)
class QueueResult:
    """A queue, or None if only the bands were requested, and the bands and stacks of the same
    moment."""

    queue: Queue | None
    bands: ClassBands
    stacks: Stacks
    refreshing: bool
    """Whether to go on from the current question rather than to begin."""

    def questions(self) -> list[Question]:
        items = self.queue.items if self.queue is not None else ()
        return [Question(item.image_id, item.class_id, item.reason) for item in items]


def build_queue_result(
    session: LibrarySession, request: QueueRequest | None, *, refreshing: bool = False
) -> QueueResult:
    """Build a queue and compute the bands, both from the whole library: not on the window's
    thread."""
    queue = session.queues.build(request) if request is not None else None
    snapshot = session.snapshot()
    _ = snapshot.column_of  # verdicts need it: computed here it does not delay the first one
    return QueueResult(queue, snapshot.bands, session.stacks.now(exact=False), refreshing)


class QuestionList:
    """Questions in order.  ``position`` is that of the current one, ``len`` after the last."""

    def __init__(
        self,
        questions: Iterable[Question] = (),
        position: int = 0,
        stack_of: Callable[[int], int] | None = None,
    ) -> None:
        """``stack_of`` gives the number of an image's stack, -1 for none; None where questions
        about photos of one stack may follow each other."""
        self._stack_of = stack_of
        self._questions = list(questions)
        self.position = min(max(0, position), len(self._questions))
        self._steps: list[Step] = []

    def __len__(self) -> int:
        return len(self._questions)

    @property
    def current(self) -> Question | None:
        """The current question; None at the end."""
        return self._questions[self.position] if self.position < len(self._questions) else None

    @property
    def at_end(self) -> bool:
        return self.position >= len(self._questions)

    def around(self, before: int, after: int) -> list[Question]:
        """The current question, those after it, then those before it, nearest first."""
        following = self._questions[self.position : self.position + after + 1]
        preceding = self._questions[max(0, self.position - before) : self.position]
        return following + preceding[::-1]

    def advance(self) -> None:
        """Go to the next question; :meth:`undo_step` comes back here."""
        if not self.at_end:
            self._steps.append(Step(self.position))
            self.position += 1

    def go_back(self) -> bool:
        """Go to the previous question and undo nothing; False at the beginning."""
        if self.position == 0:
            return False
        self.position -= 1
        return True

    def record(self, decision: Decision, *, advance: bool, at: Question | None = None) -> bool:
        """Note a decision on the current question, or on ``at``.

        Returns:
            Whether the list advanced, which it does from the current question only.
        """
        if at is not None and at is not self.current:
            for position, question in enumerate(self._questions):
                if question is at:
                    self._steps.append(Step(position, decision))
            return False
        self._steps.append(Step(self.position, decision))
        if advance and not self.at_end:
            self.position += 1
        return advance

    @property
    def last_step(self) -> Step | None:
        """The step that :meth:`undo_step` would undo."""
        return self._steps[-1] if self._steps else None

    def undo_step(self) -> Step | None:
        """Forget the last step and return to where it began; None if there is none.

        Where no step was made this is :meth:`go_back`, as users of Backspace expect.
        """
        if not self._steps:
            return Step(self.position) if self.go_back() else None
        step = self._steps.pop()
        self.position = step.position
        return step

    def replace_rest(
        self, questions: Iterable[Question], stack_of: Callable[[int], int] | None = None
    ) -> None:
        """Replace the questions after the current one, or after the last one with a step, where
        the user has gone back; none is asked twice."""
        last = max((self.position, *(step.position for step in self._steps)))
        kept = self._questions[: last + 1]
        asked = {question.key for question in kept}
        self._questions = kept + [item for item in questions if item.key not in asked]
        self._stack_of = stack_of
        self._space(last + 1)

    def drop_current(self) -> None:
        """The current image has left the library: ask nothing more about it."""
        gone = self._questions[self.position].image_id
        for position in range(len(self._questions) - 1, self.position - 1, -1):
            if self._questions[position].image_id == gone:
                del self._questions[position]
        self._space(self.position)

    def drop_class(self, class_id: int) -> None:
        """The class has left the vocabulary: ask nothing more about it."""
        following = self._questions[self.position :]
        kept = [question for question in following if question.class_id != class_id]
        self._questions[self.position :] = kept
        self._space(self.position)

    def _space(self, start: int) -> None:
        """Keep photos of one stack apart among the questions from ``start`` on, after others have
        come or gone."""
        if self._stack_of is not None:
            before = [item.image_id for item in self._questions[max(0, start - DISTANCE) : start]]
            self._questions[start:] = spaced(
                self._questions[start:], lambda item: item.image_id, self._stack_of, before
            )

    def rewind(self, batch_id: int) -> bool:
        """A batch was undone elsewhere: return to where it was committed.

        The steps made since are forgotten, except those with a decision.  False if the batch
        was not committed here.
        """
        for at in range(len(self._steps) - 1, -1, -1):
            decision = self._steps[at].decision
            if decision is not None and decision.batch_id == batch_id:
                break
        else:
            return False
        since = [step for step in self._steps[at + 1 :] if step.decision is not None]
        self.position = self._steps[at].position
        self._steps = self._steps[:at] + since
        return True

    def tally(self) -> Tally:
        """What was decided and not undone."""
        decisions = [step.decision for step in self._steps if step.decision is not None]
        # The last decision on each class of each image counts.
        last = {(item.image_id, item.class_id): item for item in decisions}
        answers = [item for item in last.values() if item.answers]
        verdicts = [item for item in last.values() if item.class_id is not None]
        return Tally(
            answered=sum(item.verdict is not Verdict.UNKNOWN for item in answers),
            present=sum(i.photos for i in verdicts if i.verdict is Verdict.PRESENT),
            absent=sum(i.photos for i in verdicts if i.verdict is Verdict.ABSENT),
            reviewed=sum(item.class_id is None for item in last.values()),
            gained=frozenset(
                item.class_id
                for item in verdicts
                if item.verdict is Verdict.PRESENT and item.class_id is not None
            ),
        )
