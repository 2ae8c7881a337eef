"""What an import would change, against the same in plain Python, one cell after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from import_model import (
    CHOICES,
    LIBRARY_CLASSES,
    NEW_CLASS,
    PHOTOS,
    Case,
    Cell,
    cases,
    survey_of,
)

from lmpt_desktop.domain.records import ClassEntry, ClassSpec, Verdict
from lmpt_desktop.interchange.errors import FileTooLarge
from lmpt_desktop.interchange.importing import importer
from lmpt_desktop.interchange.importing.choices import (
    ClassAction,
    ClassChoice,
    Conflicts,
    ImportChoices,
    ReviewedMarks,
)
from lmpt_desktop.interchange.importing.importer import (
    ImportPreview,
    LibraryAnnotations,
    preview_import,
)
from lmpt_desktop.interchange.importing.matching import LibraryPhotos, Matches
from lmpt_desktop.interchange.importing.survey import SOURCES, Survey, collect
from lmpt_desktop.interchange.record import (
    BadRow,
    ClassRecord,
    FileFacts,
    ImageRecord,
    NotListed,
    Origin,
    Reading,
)

IDS: tuple[int, ...] = (11, 12, 15)
ENTRIES = tuple(ClassEntry(7 + i, name, position=i) for i, name in enumerate(LIBRARY_CLASSES))
NO_PHOTOS = LibraryPhotos(
    np.empty(0, np.int64), {}, np.empty(0, np.int64), (), np.empty(0, np.bool_), {}
)


def library(
    mine: Mapping[Cell, Verdict] | None = None,
    reviewed: set[str] | None = None,
    held_out: set[int] | None = None,
    more: Sequence[ClassEntry] = (),
) -> LibraryAnnotations:
    """Three photos, two classes and ``more``."""
    entries = (*ENTRIES, *more)
    verdicts = np.full((len(IDS), len(entries)), -1, np.int8)
    for (photo, name), verdict in (mine or {}).items():
        column = [entry.name for entry in entries].index(name)
        verdicts[PHOTOS.index(photo), column] = verdict
    marks = np.array([photo in (reviewed or set()) for photo in PHOTOS])
    return LibraryAnnotations(
        np.array(IDS, np.int64), entries, verdicts, marks, frozenset(held_out or ())
    )


def matched(survey: Survey) -> Matches:
    """Each image of the file is the photo of that name."""
    found = dict(zip(PHOTOS, IDS, strict=True))
    ids = np.array([found.get(item.path, -1) for item in survey.references], np.int64)
    return Matches(ids, (ids >= 0).astype(np.int8), {})


def preview(
    items: Sequence[ImageRecord],
    chosen: ImportChoices | None = None,
    annotations: LibraryAnnotations | None = None,
    declared: Sequence[str] = (),
) -> ImportPreview:
    survey = survey_of(items, declared)
    return preview_import(
        survey,
        chosen or ImportChoices(classes=CHOICES),
        NO_PHOTOS,
        annotations or library(),
        matches=matched(survey),
    )


def written(seen: ImportPreview) -> dict[Cell, tuple[int, str]]:
    """Verdict and source of every cell that the plan changes; what is declared is reviewed."""
    photo = dict(zip(IDS, PHOTOS, strict=True))
    plan = seen.plan
    result: dict[Cell, tuple[int, str]] = {}
    for image, klass, verdict, source in zip(
        plan.image_ids.tolist(),
        plan.class_indices.tolist(),
        plan.verdicts.tolist(),
        plan.sources.tolist(),
        strict=True,
    ):
        said = SOURCES[source].value if verdict >= 0 else ""
        result[photo[image], plan.classes[klass].name] = (verdict, said)
    if plan.declared is not None:
        for row, column in np.argwhere(plan.declared.cells).tolist():
            image = int(plan.declared.image_ids[row])
            name = plan.classes[plan.declared.classes[column]].name
            assert (photo[image], name) not in result
            result[photo[image], name] = (0, "reviewed")
    return result


@settings(max_examples=examples(400), deadline=None)
@given(case=cases, held_out=st.sets(st.sampled_from(IDS)))
def test_it_is_what_going_from_cell_to_cell_leads_to(case: Case, held_out: set[int]) -> None:
    expected = case.outcome()
    mine = library(case.mine, case.reviewed, held_out)
    seen = preview(case.items, case.chosen, mine, case.declared)
    assert written(seen) == expected.written
    photo = dict(zip(IDS, PHOTOS, strict=True))
    assert {photo[i] for i in seen.plan.reviewed_ids.tolist()} == expected.marked
    assert (seen.new, seen.same, seen.conflicting) == (
        len(expected.new),
        len(expected.same),
        len(expected.conflicting),
    )
    assert seen.contradictory == len(expected.contradictory)
    assert seen.machine_left_out == len(expected.machine_left_out)
    assert seen.unmapped == len(expected.unmapped)
    held = {photo[i] for i in held_out}
    assert seen.held_out == sum(place[0] in held for place in expected.written)
    assert {photo[i] for i in seen.new_examples} == {place[0] for place in expected.new}
    assert {photo[i] for i in seen.conflicting_examples} == {
        place[0] for place in expected.conflicting
    }
    assert seen.plan.same_as(preview(case.items, case.chosen, mine, case.declared).plan)
    added = {item.name for item in seen.plan.new_classes}
    listed = {cell.name for item in case.items for cell in item.classes} | set(case.declared)
    assert added == {NEW_CLASS} & listed


def test_a_class_of_the_file_lists_how_many_images_it_is_about() -> None:
    seen = preview(
        [
            ImageRecord("a.jpg", (ClassRecord("ant"), ClassRecord("ant"), ClassRecord("Bee"))),
            ImageRecord("lost.jpg", (ClassRecord("ant"),)),
            ImageRecord("b.jpg", (ClassRecord("dog"),)),
        ],
        declared=["cat"],
    )
    rows = [(row.name, row.choice.action, row.images, row.vocabulary_name) for row in seen.classes]
    assert rows == [
        ("cat", ClassAction.ADD, 0, "cat"),
        ("ant", ClassAction.MAP, 2, "ant"),
        ("Bee", ClassAction.MAP, 1, "bee"),
        ("dog", ClassAction.IGNORE, 1, ""),
    ]


def test_values_are_counted_and_say_what_was_chosen() -> None:
    said = [("1", Verdict.PRESENT), ("1", Verdict.PRESENT), ("-1", None)]
    record = ImageRecord("a.jpg", tuple(ClassRecord("ant", v, text) for text, v in said))
    seen = preview([record], ImportChoices(values={"-1": Verdict.UNKNOWN}))
    assert [(r.value, r.count, r.verdict, r.usual) for r in seen.values] == [
        ("1", 2, Verdict.PRESENT, Verdict.PRESENT),
        ("-1", 1, Verdict.UNKNOWN, None),
    ]


def test_a_value_with_two_meanings_is_there_twice() -> None:
    """An own file lists present and absent classes; neither has a value."""
    listed = (ClassRecord("ant"), ClassRecord("bee", Verdict.ABSENT))
    seen = preview([ImageRecord("a.jpg", listed)])
    assert [row.verdict for row in seen.values] == [Verdict.PRESENT, Verdict.ABSENT]
    assert written(seen) == {("a.jpg", "ant"): (1, "import"), ("a.jpg", "bee"): (0, "import")}


@pytest.mark.parametrize("conflicts", list(Conflicts))
def test_not_listed_and_present_in_the_library_is_a_conflict(conflicts: Conflicts) -> None:
    mine = {("a.jpg", "bee"): Verdict.PRESENT}
    chosen = ImportChoices(not_listed=NotListed.ABSENT_IN_FILE, conflicts=conflicts)
    file = [ImageRecord("a.jpg", (ClassRecord("ant"),)), ImageRecord("b.jpg", ())]
    file.append(ImageRecord("lost.jpg", (ClassRecord("bee"),)))
    seen = preview(file, chosen, library(mine))
    expected = {
        ("a.jpg", "ant"): (1, "import"),
        ("b.jpg", "ant"): (0, "reviewed"),
        ("b.jpg", "bee"): (0, "reviewed"),
    }
    if conflicts is Conflicts.THEIRS:
        expected["a.jpg", "bee"] = (0, "import")
    elif conflicts is Conflicts.CLEAR:
        expected["a.jpg", "bee"] = (-1, "")
    assert written(seen) == expected
    assert (seen.new, seen.conflicting, seen.conflicting_examples) == (3, 1, (IDS[0],))


def test_what_only_a_machine_looked_at_is_not_absent() -> None:
    found = ClassRecord("ant", origin=Origin.MACHINE, score=0.9)
    file = [ImageRecord("a.jpg", (found,)), ImageRecord("b.jpg", (ClassRecord("bee"),))]
    chosen = ImportChoices(not_listed=NotListed.ABSENT_IN_FILE, machine_threshold=0.5)
    assert written(preview(file, chosen)) == {
        ("a.jpg", "ant"): (1, "machine"),
        ("b.jpg", "bee"): (1, "import"),
        ("b.jpg", "ant"): (0, "reviewed"),
    }


def test_a_score_that_is_the_threshold_reaches_it() -> None:
    found = ClassRecord("ant", origin=Origin.MACHINE, score=0.7)
    seen = preview([ImageRecord("a.jpg", (found,))], ImportChoices(machine_threshold=0.7))
    assert seen.new == 1 and seen.machine_left_out == 0


def test_an_archived_class_comes_back_with_what_was_said_of_it() -> None:
    old = ClassEntry(3, "Cat", archived=True)
    annotations = library({("a.jpg", "Cat"): Verdict.ABSENT}, more=[old])
    file = [
        ImageRecord("a.jpg", (ClassRecord("cat"),)),
        ImageRecord("b.jpg", (ClassRecord("cat"),)),
    ]
    seen = preview(file, annotations=annotations)
    assert seen.plan.new_classes == (old,)
    assert (seen.new, seen.conflicting) == (1, 1)


def test_new_classes_keep_their_details_but_no_name_that_is_taken() -> None:
    survey = survey_of(
        [ImageRecord("a.jpg", (ClassRecord("moose"), ClassRecord("\ud800  x")))],
        [
            ClassSpec("elk", "a big deer", ("moose", "ANT", "wapiti", "deer"), "#112233"),
            ClassSpec("fox", "", ("deer", "vulpes")),
        ],
    )
    add = {name: ClassChoice(ClassAction.ADD, name=name) for name in survey.class_names}
    seen = preview_import(
        survey, ImportChoices(classes=add), NO_PHOTOS, library(), matches=matched(survey)
    )
    assert seen.plan.classes == (
        ClassSpec("elk", "a big deer", ("wapiti", "deer"), "#112233"),
        ClassSpec("fox", "", ("vulpes",)),
        ClassSpec("moose"),
        ClassSpec("\ufffd x"),
    )


@pytest.mark.parametrize(
    "choice",
    [
        ClassChoice(ClassAction.MAP, 999),
        ClassChoice(ClassAction.MAP),
        ClassChoice(ClassAction.ADD, name="  "),
        ClassChoice(ClassAction.UNDECIDED),
    ],
)
def test_what_cannot_be_carried_out_is_undecided(choice: ClassChoice) -> None:
    file = [ImageRecord("a.jpg", (ClassRecord("x"),))]
    seen = preview(file, ImportChoices(classes={"x": choice}))
    assert seen.classes[0].choice == ClassChoice(ClassAction.UNDECIDED)
    assert seen.plan.is_empty and seen.new == 0


def test_an_empty_file_changes_nothing() -> None:
    seen = preview([], ImportChoices(not_listed=NotListed.ABSENT, reviewed=ReviewedMarks.ALL))
    assert seen.plan.is_empty and seen.classes == () and seen.values == ()


def test_nothing_is_absent_where_a_row_could_not_be_read() -> None:
    items = [
        ImageRecord("a.jpg", (ClassRecord("ant"),)),
        ImageRecord("b.jpg", (ClassRecord("bee"),)),
    ]
    file = Reading(FileFacts(), iter([BadRow(2, "It has no class.", path="a.jpg"), *items]))
    survey = collect(file, Path("/file.csv"), "csv", {})
    chosen = ImportChoices(not_listed=NotListed.ABSENT_IN_FILE)
    seen = preview_import(survey, chosen, NO_PHOTOS, library(), matches=matched(survey))
    assert written(seen) == {
        ("a.jpg", "ant"): (1, "import"),
        ("b.jpg", "bee"): (1, "import"),
        ("b.jpg", "ant"): (0, "reviewed"),
    }
    assert seen.partly_read == 1
    assert preview(items, chosen).partly_read == 0
    other = preview_import(survey, ImportChoices(), NO_PHOTOS, library(), matches=matched(survey))
    assert other.partly_read == 0  # nothing would have been absent


def test_a_person_confirms_what_a_machine_said() -> None:
    mine = {("a.jpg", "ant"): Verdict.PRESENT, ("b.jpg", "ant"): Verdict.PRESENT}
    before = replace(
        library(mine), machine_images=np.array([IDS[0]]), machine_classes=np.array([ENTRIES[0].id])
    )
    for origin, chosen in (
        (Origin.UNSTATED, ImportChoices()),
        (Origin.MACHINE, ImportChoices(machine_threshold=0.0)),
    ):
        said = (ClassRecord("ant", origin=origin, score=0.9),)
        seen = preview([ImageRecord("a.jpg", said), ImageRecord("b.jpg", said)], chosen, before)
        assert (seen.new, seen.same, seen.conflicting) == (0, 2, 0)
        confirmed = origin is Origin.UNSTATED
        assert seen.confirmed == confirmed
        assert written(seen) == ({("a.jpg", "ant"): (1, "import")} if confirmed else {})


def test_a_table_that_would_be_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "MAX_TABLE_CELLS", 5)
    items = [ImageRecord(name, (ClassRecord("ant"),)) for name in PHOTOS]
    assert preview(items[:2]).new == 2
    more = [ImageRecord(name, (ClassRecord(c),)) for name in PHOTOS for c in ("ant", "bee")]
    with pytest.raises(FileTooLarge, match="2 classes on 3 photos"):
        preview(more)
