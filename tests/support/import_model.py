"""Imports in plain Python, one cell after the other, and strategies for what they are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import strategies as st

from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.interchange.importing.choices import (
    ClassAction,
    ClassChoice,
    Conflicts,
    ImportChoices,
    ReviewedMarks,
)
from lmpt_desktop.interchange.importing.survey import Survey, collect
from lmpt_desktop.interchange.record import (
    ClassRecord,
    FileFacts,
    ImageRecord,
    NotListed,
    Origin,
    Reading,
)

PHOTOS: tuple[str, ...] = ("a.jpg", "b.jpg", "c.jpg")
LIBRARY_CLASSES: tuple[str, ...] = ("ant", "bee")
NEW_CLASS = "cat"
UNMATCHED = "lost.jpg"
IGNORED = "dog"
VALUES: Mapping[str, Verdict | None] = {
    "1": Verdict.PRESENT,
    "0": Verdict.ABSENT,
    "-1": Verdict.UNKNOWN,
    "?": None,
}
CHOICES = {
    NEW_CLASS: ClassChoice(ClassAction.ADD, name=NEW_CLASS),
    IGNORED: ClassChoice(ClassAction.IGNORE),
    "Bee": ClassChoice(ClassAction.ADD, name="Bee"),  # which there is
}
TARGETS = {"ant": "ant", "bee": "bee", "Bee": "bee", NEW_CLASS: NEW_CLASS}

cells = st.builds(
    lambda name, value, origin, score, source: ClassRecord(
        name, VALUES[value], value, origin, score, source=source
    ),
    st.sampled_from([*TARGETS, IGNORED]),
    st.sampled_from(["1", "1", "0", "-1", "?"]),
    st.sampled_from(list(Origin)),
    st.sampled_from([None, 0.3, 0.8]),
    st.sampled_from(["", "", "", "user", "reviewed", "import", "machine", "prediction"]),
)
records = st.lists(
    st.builds(
        lambda path, classes, reviewed: ImageRecord(path, tuple(classes), reviewed=reviewed),
        st.sampled_from([*PHOTOS, UNMATCHED]),
        st.lists(cells, max_size=5),
        st.sampled_from([None, None, True, False]),
    ),
    max_size=6,
)
choices = st.builds(
    ImportChoices,
    classes=st.just(CHOICES),
    values=st.sampled_from([{}, {"?": Verdict.ABSENT}, {"0": Verdict.UNKNOWN}]),
    not_listed=st.sampled_from(list(NotListed)),
    machine_threshold=st.sampled_from([None, 0.0, 0.3, 0.5]),
    conflicts=st.sampled_from(list(Conflicts)),
    reviewed=st.sampled_from(list(ReviewedMarks)),
)
Cell = tuple[str, str]
"""A photo and a class, by name."""
library_verdicts = st.dictionaries(
    st.tuples(st.sampled_from(PHOTOS), st.sampled_from(LIBRARY_CLASSES)),
    st.sampled_from([Verdict.PRESENT, Verdict.ABSENT]),
)
library_marks = st.sets(st.sampled_from(PHOTOS))


def survey_of(items: Sequence[ImageRecord], declared: Sequence[str | ClassSpec] = ()) -> Survey:
    """A file that says this."""
    facts = FileFacts(
        classes=tuple(ClassSpec(item) if isinstance(item, str) else item for item in declared)
    )
    return collect(Reading(facts, iter(items)), Path("/file.csv"), "csv", {})


@dataclass
class Outcome:
    """What an import does, cell by cell."""

    written: dict[Cell, tuple[int, str]] = field(default_factory=dict)
    """Verdict and source; -1 removes."""
    new: set[Cell] = field(default_factory=set)
    same: set[Cell] = field(default_factory=set)
    conflicting: set[Cell] = field(default_factory=set)
    contradictory: set[Cell] = field(default_factory=set)
    machine_left_out: set[Cell] = field(default_factory=set)
    unmapped: set[Cell] = field(default_factory=set)
    marked: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Case:
    """A file, what the user decides, and the library of ``PHOTOS`` that it meets."""

    items: Sequence[ImageRecord]
    declared: Sequence[str]
    chosen: ImportChoices
    mine: Mapping[Cell, Verdict]
    reviewed: set[str]

    @property
    def in_library(self) -> list[ImageRecord]:
        return [item for item in self.items if item.path in PHOTOS]

    def outcome(self) -> Outcome:
        """What the import does."""
        result = Outcome()
        said: dict[Cell, list[ClassRecord]] = {}
        for photo, cell in _cells(self.in_library):
            if cell.name in TARGETS:
                said.setdefault((photo, TARGETS[cell.name]), []).append(cell)
        for place, statements in said.items():
            heard = self._weigh(place, statements, result)
            if heard is not None:
                self._compare(place, heard, heard[1], result)
        for place in self._not_listed():
            if place not in said:
                self._compare(place, (0, "import"), "reviewed", result)
        for item in self.in_library:
            wanted = {
                ReviewedMarks.KEEP: False,
                ReviewedMarks.AS_IN_FILE: item.reviewed is True,
                ReviewedMarks.ALL: True,
            }[self.chosen.reviewed]
            if wanted and item.path not in self.reviewed:
                result.marked.add(item.path)
        return result

    def _compare(
        self, place: Cell, theirs: tuple[int, str], new_source: str, result: Outcome
    ) -> None:
        own = self.mine.get(place)
        conflicts = self.chosen.conflicts
        if own is None:
            if conflicts is not Conflicts.FILL or place[0] not in self.reviewed:
                result.new.add(place)
                result.written[place] = (theirs[0], new_source)
        elif own == theirs[0]:
            result.same.add(place)
        else:
            result.conflicting.add(place)
            if conflicts is Conflicts.THEIRS:
                result.written[place] = theirs
            elif conflicts is Conflicts.CLEAR:
                result.written[place] = (-1, "")

    def _weigh(
        self, place: Cell, statements: Sequence[ClassRecord], result: Outcome
    ) -> tuple[int, str] | None:
        """The verdict and source that all statements on a cell lead to."""
        verdicts = [self.chosen.values.get(cell.value, cell.verdict) for cell in statements]
        both = list(zip(statements, verdicts, strict=True))
        heard = [(cell, verdict) for cell, verdict in both if self._counts(cell)]
        certain = [(c, int(v)) for c, v in heard if v is not None and v != Verdict.UNKNOWN]
        people = [(cell, verdict) for cell, verdict in certain if not _is_machine(cell)]
        decisive = people or certain
        if not decisive:
            if any(v != Verdict.UNKNOWN for cell, v in both if not self._counts(cell)):
                result.machine_left_out.add(place)
            if any(verdict is None for _, verdict in heard):
                result.unmapped.add(place)
            return None
        if len({verdict for _, verdict in decisive}) > 1:
            result.contradictory.add(place)
            return None
        cell, verdict = decisive[0]
        return verdict, _source(cell, verdict)

    def _counts(self, cell: ClassRecord) -> bool:
        threshold = self.chosen.machine_threshold
        if not _is_machine(cell):
            return True
        if threshold is None:
            return False
        return threshold <= 0 if cell.score is None else cell.score >= threshold

    def _not_listed(self) -> Iterator[Cell]:
        if self.chosen.not_listed is NotListed.UNKNOWN:
            return
        names = {cell.name for _, cell in _cells(self.items)}
        if self.chosen.not_listed is NotListed.ABSENT:
            names |= set(self.declared)
        for photo in {item.path for item in self.in_library}:
            of_photo = [cell for path, cell in _cells(self.in_library) if path == photo]
            if of_photo and all(_is_machine(cell) for cell in of_photo):
                continue
            for klass in {TARGETS[name] for name in names if name in TARGETS}:
                yield photo, klass


def _cells(items: Sequence[ImageRecord]) -> Iterator[tuple[str, ClassRecord]]:
    for item in items:
        for cell in item.classes:
            yield item.path, cell


def _is_machine(cell: ClassRecord) -> bool:
    return cell.origin is Origin.MACHINE and cell.source in ("", "prediction")


def _source(cell: ClassRecord, verdict: int) -> str:
    if _is_machine(cell):
        return "machine"
    own = cell.source if cell.source != "prediction" else ""
    return "import" if own == "reviewed" and verdict == Verdict.PRESENT else own or "import"


cases = st.builds(
    Case,
    items=records,
    declared=st.sampled_from([(), ("ant", NEW_CLASS)]),
    chosen=choices,
    mine=library_verdicts,
    reviewed=library_marks,
)
