"""The questions of a review, where one is among them, and what was answered (Qt-free)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lmpt_desktop.domain.records import Verdict


@dataclass(frozen=True)
class Question:
    """A class of an image, or, where ``class_id`` is None, all that is in it."""

    image_id: int
    class_id: int | None = None
    reason: str = ""

    @property
    def key(self) -> tuple[int, int | None]:
        return self.image_id, self.class_id


@dataclass(frozen=True)
class Act:
    """Something said here, as it was committed.

    ``class_id`` is None for the reviewed mark; ``answers`` tells whether it was what the
    question at hand asked for.
    """

    batch_id: int
    image_id: int
    class_id: int | None
    verdict: Verdict
    answers: bool


@dataclass(frozen=True)
class Step:
    """What Backspace takes back: where one was, and what was said there, if anything."""

    place: int
    act: Act | None = None


@dataclass(frozen=True)
class Tally:
    """What came of a line of questions."""

    answered: int = 0
    present: int = 0
    absent: int = 0
    reviewed: int = 0
    gained: frozenset[int] = field(default_factory=frozenset)
    """Classes with a new present annotation."""


class Line:
    """Questions in order.  ``place`` is the one at hand, ``len(line)`` after the last one."""

    def __init__(self, questions: Iterable[Question] = (), place: int = 0) -> None:
        self._questions = list(questions)
        self.place = min(max(0, place), len(self._questions))
        self._steps: list[Step] = []

    def __len__(self) -> int:
        return len(self._questions)

    @property
    def current(self) -> Question | None:
        """The question at hand; None at the end."""
        return self._questions[self.place] if self.place < len(self._questions) else None

    @property
    def at_end(self) -> bool:
        return self.place >= len(self._questions)

    def around(self, before: int, after: int) -> list[Question]:
        """The question at hand, those to come, then those just left: what to have ready."""
        coming = self._questions[self.place : self.place + after + 1]
        left = self._questions[max(0, self.place - before) : self.place]
        return coming + left[::-1]

    def advance(self) -> None:
        """On to the next question; Backspace comes back here."""
        if not self.at_end:
            self._steps.append(Step(self.place))
            self.place += 1

    def look_back(self) -> bool:
        """One question back, with nothing taken back; False at the beginning."""
        if self.place == 0:
            return False
        self.place -= 1
        return True

    def record(self, act: Act, *, advance: bool, at: Question | None = None) -> bool:
        """Something was said at the question at hand, or at an earlier one; whether the line
        went on, which it does from the question at hand only."""
        if at is not None and at is not self.current:
            for place, question in enumerate(self._questions):
                if question is at:
                    self._steps.append(Step(place, act))
            return False
        self._steps.append(Step(self.place, act))
        if advance and not self.at_end:
            self.place += 1
        return advance

    def take_back(self) -> Step | None:
        """Forget the last step and be where it began; None if there is none.

        With no step made, one question back: that is where Backspace is expected to lead.
        """
        if not self._steps:
            return Step(self.place) if self.look_back() else None
        step = self._steps.pop()
        self.place = step.place
        return step

    def replace_rest(self, questions: Iterable[Question]) -> None:
        """Other questions after the one at hand, or after the last one where something was done,
        if one has looked back from there; none that was asked already."""
        last = max((self.place, *(step.place for step in self._steps)))
        kept = self._questions[: last + 1]
        asked = {question.key for question in kept}
        self._questions = kept + [item for item in questions if item.key not in asked]

    def drop_current(self) -> None:
        """The image at hand is gone from the library: no question about it."""
        gone = self._questions[self.place].image_id
        for place in range(len(self._questions) - 1, self.place - 1, -1):
            if self._questions[place].image_id == gone:
                del self._questions[place]

    def drop_class(self, class_id: int) -> None:
        """The class has left the vocabulary: no question about it from the one at hand on."""
        coming = self._questions[self.place :]
        kept = [question for question in coming if question.class_id != class_id]
        self._questions[self.place :] = kept

    def rewind(self, batch_id: int) -> bool:
        """What was said in this batch was taken back elsewhere: be where it was said.  The steps
        made since are forgotten, unless something was said in them.  False if it was not said
        here."""
        for at in range(len(self._steps) - 1, -1, -1):
            act = self._steps[at].act
            if act is not None and act.batch_id == batch_id:
                break
        else:
            return False
        since = [step for step in self._steps[at + 1 :] if step.act is not None]
        self.place = self._steps[at].place
        self._steps = self._steps[:at] + since
        return True

    def tally(self) -> Tally:
        """What was said and not taken back."""
        acts = [step.act for step in self._steps if step.act is not None]
        # The last word on each class of each image counts.
        said = {(act.image_id, act.class_id): act for act in acts}
        answers = [act for act in said.values() if act.answers and act.verdict != Verdict.UNKNOWN]
        verdicts = [act for act in said.values() if act.class_id is not None]
        return Tally(
            answered=len(answers),
            present=sum(act.verdict is Verdict.PRESENT for act in verdicts),
            absent=sum(act.verdict is Verdict.ABSENT for act in verdicts),
            reviewed=sum(act.class_id is None for act in said.values()),
            gained=frozenset(
                act.class_id
                for act in verdicts
                if act.verdict is Verdict.PRESENT and act.class_id is not None
            ),
        )
