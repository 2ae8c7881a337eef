"""The image at hand: what is known of it, and which class the verdict keys are about (no Qt)."""

from __future__ import annotations

from lmpt_desktop.domain.bands import ClassBands
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.ui.review.facts import ClassFacts, ImageFacts, image_facts
from lmpt_desktop.ui.review.line import Question


class AtHand:
    """Holds still while one looks: classes keep their places, and so their number keys."""

    def __init__(self) -> None:
        self.facts: ImageFacts | None = None
        self._question: Question | None = None
        self._order: tuple[int, ...] = ()
        self.marked: int | None = None
        """The class the verdict keys are about instead of the question's."""

    def take(self, snapshot: Snapshot, question: Question, bands: ClassBands | None) -> bool:
        """Another question; False if its image has left the library."""
        facts = image_facts(snapshot, question.image_id, question.class_id, bands)
        if facts is None:
            return False
        self._question, self.facts = question, facts
        self._order = tuple(entry.class_id for entry in facts.classes)
        self.marked = _first_to_judge(facts) if question.class_id is None else None
        return True

    def refresh(self, snapshot: Snapshot, bands: ClassBands | None) -> None:
        """The same image and classes, with verdicts as they are now."""
        question = self._question
        if question is None:
            return
        facts = image_facts(snapshot, question.image_id, question.class_id, bands, self._order)
        self.facts = facts or self.facts
        if self.marked is not None and self.marked not in snapshot.column_of:
            self.marked = None
            if self.facts is not None and question.class_id is None:
                self.marked = _first_to_judge(self.facts)

    @property
    def subject(self) -> int | None:
        """The class that P, A and U are about."""
        if self.marked is not None or self._question is None:
            return self.marked
        return self._question.class_id

    def entry(self, class_id: int) -> ClassFacts | None:
        """A class among those shown."""
        if self.facts is None:
            return None
        shown = (*self.facts.classes, self.facts.subject)
        return next((item for item in shown if item and item.class_id == class_id), None)

    def join(self, class_id: int) -> None:
        """A class found by its name is shown with the others."""
        if class_id not in self._order:
            self._order = (*self._order, class_id)

    def mark_next(self, said: int) -> None:
        """After a verdict on a class the keys are about the next predicted one still unknown."""
        classes = self.facts.classes if self.facts is not None else ()
        ids = [entry.class_id for entry in classes]
        after = classes[ids.index(said) + 1 :] if said in ids else ()
        for entry in after:
            if entry.predicted and entry.verdict is Verdict.UNKNOWN:
                self.marked = entry.class_id
                return


def _first_to_judge(facts: ImageFacts) -> int | None:
    """The class that P, A and U begin with: the first still unknown, else the first."""
    for entry in facts.classes:
        if entry.verdict is Verdict.UNKNOWN:
            return entry.class_id
    return facts.classes[0].class_id if facts.classes else None
