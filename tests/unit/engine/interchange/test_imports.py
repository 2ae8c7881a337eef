"""Importing into an open library: what the preview shows happens, in one step, or nothing does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from import_model import (
    CHOICES,
    LIBRARY_CLASSES,
    PHOTOS,
    Case,
    Cell,
    cases,
    survey_of,
)
from paper_library import open_session, photo_file
from stored_annotations import annotations_in, marks_in, rebuilt

from lmpt_desktop.catalogue import Catalogue, CatalogueError
from lmpt_desktop.domain.records import Batch, ClassSpec, ImageState, Source, Verdict
from lmpt_desktop.engine.interchange.imports import ImportOutdatedError, ImportResult
from lmpt_desktop.engine.notices import AnnotationsChanged, ClassesChanged, Notice
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.interchange import registry
from lmpt_desktop.interchange.errors import Cancelled, FileTooLarge, InterchangeError
from lmpt_desktop.interchange.format import Format
from lmpt_desktop.interchange.importing.choices import (
    ClassAction,
    ClassChoice,
    Conflicts,
    Hierarchy,
    ImportChoices,
    ReviewedMarks,
)
from lmpt_desktop.interchange.importing.matching import MatchRule
from lmpt_desktop.interchange.reading.source_files import Sample, SourceFile
from lmpt_desktop.interchange.record import (
    ClassRecord,
    FileFacts,
    ImageRecord,
    NotListed,
    Origin,
    Reading,
)

ABSENT = Verdict.ABSENT


def make_library(library: Path) -> None:
    """Photos a to c in a folder "photos"; classes ant and bee."""
    with Catalogue.open(library) as catalogue:
        folder = catalogue.folders.add(library / "photos")
        catalogue.images.upsert(
            folder.id,
            [
                photo_file(
                    name,
                    fingerprint=f"{i + 1:032x}",
                    file_hash=f"file-{i}",
                    picture_hash=f"picture-{i}",
                )
                for i, name in enumerate(PHOTOS)
            ],
        )
        for name in LIBRARY_CLASSES:
            catalogue.classes.add(name)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[LibrarySession]:
    make_library(tmp_path / "library")
    with open_session(tmp_path / "library") as opened:
        yield opened


@pytest.fixture(scope="module")
def long_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LibrarySession]:
    """One for many examples, each of which sets it up anew."""
    library = tmp_path_factory.mktemp("imports") / "library"
    make_library(library)
    with open_session(library) as opened:
        yield opened


def image_ids(session: LibrarySession) -> dict[str, int]:
    snapshot = session.snapshot()
    return dict(zip(snapshot.names, snapshot.image_ids.tolist(), strict=True))


def stored(session: LibrarySession) -> dict[Cell, tuple[int, str]]:
    """Verdict and source of every annotation in the catalogue, by photo and class name."""
    photos = {i: name for name, i in image_ids(session).items()}
    classes = {e.id: e.name for e in session.catalogue.classes.all(archived=True)}
    return {
        (photos[image], classes[klass]): (verdict, source)
        for image, klass, verdict, _at, source in annotations_in(session.catalogue)
    }


def assert_sound(session: LibrarySession) -> None:
    """The snapshot shows what is stored, and the journal leads to it."""
    snapshot, catalogue = session.snapshot(), session.catalogue
    matrix = catalogue.annotations.matrix(snapshot.image_ids, snapshot.class_ids)
    assert np.array_equal(snapshot.annotations, matrix)
    marked = catalogue.annotations.reviewed()
    assert snapshot.reviewed.tolist() == [i in marked for i in snapshot.image_ids.tolist()]
    assert rebuilt(catalogue) == annotations_in(catalogue) | marks_in(catalogue)


def take_in(
    session: LibrarySession, items: list[ImageRecord], chosen: ImportChoices | None = None
) -> ImportResult:
    chosen = chosen or ImportChoices(add_classes=True)
    return session.imports.apply(session.imports.preview(survey_of(items), chosen))


@settings(max_examples=examples(60), deadline=None)
@given(case=cases)
def test_it_leads_to_what_going_from_cell_to_cell_leads_to(
    long_session: LibrarySession, case: Case
) -> None:
    session = long_session
    ids = image_ids(session)
    cells = [(p, c, case.mine.get((p, c), -1)) for p in PHOTOS for c in LIBRARY_CLASSES]
    classes = {entry.name: entry.id for entry in session.snapshot().classes}
    session.annotations.mark_reviewed(list(ids.values()), False)
    session.annotations.apply(
        np.array([ids[photo] for photo, _, _ in cells]),
        np.array([classes[name] for _, name, _ in cells]),
        np.array([verdict for _, _, verdict in cells], np.int8),
        reviewed_ids=[ids[photo] for photo in case.reviewed],
    )
    before = annotations_in(session.catalogue) | marks_in(session.catalogue)

    expected = case.outcome()
    after = {place: (int(verdict), "user") for place, verdict in case.mine.items()}
    after |= expected.written
    after = {place: said for place, said in after.items() if said[0] >= 0}
    preview = session.imports.preview(survey_of(case.items, case.declared), case.chosen)
    result = session.imports.apply(preview)
    assert stored(session) == after
    marked = {name for name, i in ids.items() if i in session.catalogue.annotations.reviewed()}
    assert marked == case.reviewed | expected.marked
    assert_sound(session)

    changed = expected.marked or expected.written
    assert (result.batch is not None) == bool(changed)
    assert result.annotations == len(expected.written)
    assert result.photos == len(expected.marked | {place[0] for place in expected.written})
    if result.batch is not None:
        assert session.annotations.history()[-1].label == "Import file.csv"
        session.annotations.undo(result.batch)
        assert annotations_in(session.catalogue) | marks_in(session.catalogue) == before
        session.annotations.redo(result.batch)
        assert stored(session) == after
        session.annotations.undo(result.batch)
        assert_sound(session)
    if result.classes is not None:
        session.vocabulary.undo(result.classes)
        assert [entry.name for entry in session.snapshot().classes] == list(LIBRARY_CLASSES)


def test_class_and_annotations_arrive_together_and_are_told(session: LibrarySession) -> None:
    notices: list[Notice] = []
    session.subscribe(notices.append)
    file = [
        ImageRecord("a.jpg", (ClassRecord("cat"),), reviewed=True),
        ImageRecord("b.jpg", (ClassRecord("ant", Verdict.ABSENT),)),
    ]
    result = take_in(session, file)
    assert [entry.name for entry in session.snapshot().classes] == ["ant", "bee", "cat"]
    assert session.snapshot().annotations.tolist() == [[-1, -1, 1], [0, -1, -1], [-1, -1, -1]]
    assert session.snapshot().reviewed.tolist() == [True, False, False]
    ids = image_ids(session)
    assert notices == [ClassesChanged(), AnnotationsChanged((ids["a.jpg"], ids["b.jpg"]))]
    assert (result.annotations, result.photos, result.held_out) == (2, 2, 0)
    assert result.classes is not None
    assert [entry.name for entry in result.classes.after] == ["cat"]


def test_it_is_undone_in_one_step_after_the_library_was_opened_again(tmp_path: Path) -> None:
    library = tmp_path / "library"
    make_library(library)
    with open_session(library) as session:
        before = annotations_in(session.catalogue) | marks_in(session.catalogue)
        file = [
            ImageRecord("a.jpg", (ClassRecord("cat"), ClassRecord("ant")), reviewed=True),
            ImageRecord("b.jpg"),
        ]
        chosen = ImportChoices(add_classes=True, not_listed=NotListed.ABSENT_IN_FILE)
        take_in(session, file, chosen)
        after = annotations_in(session.catalogue) | marks_in(session.catalogue)
        assert len(after) == 5
    with open_session(library) as session:
        (step,) = session.annotations.history()
        assert (step.label, step.action, step.images, step.changes) == (
            "Import file.csv",
            "import",
            2,
            4,
        )
        assert session.imports.unused_classes(step.id) == []
        session.annotations.undo(step.id)
        assert annotations_in(session.catalogue) | marks_in(session.catalogue) == before
        assert [entry.name for entry in session.imports.unused_classes(step.id)] == ["cat"]
        assert_sound(session)
    with open_session(library) as session:
        (step,) = session.annotations.history()
        assert not step.done
        session.annotations.redo(step.id)
        assert annotations_in(session.catalogue) | marks_in(session.catalogue) == after
        assert session.imports.unused_classes([step.id, 999]) == []
        assert_sound(session)


def test_a_class_that_came_back_or_was_used_is_not_offered(session: LibrarySession) -> None:
    old = session.snapshot().classes[1]
    session.annotations.annotate([image_ids(session)["c.jpg"]], [old.id], Verdict.PRESENT)
    session.vocabulary.archive([old.id])
    file = [ImageRecord("a.jpg", (ClassRecord("bee"), ClassRecord("cat"), ClassRecord("dog")))]
    result = take_in(session, file)
    assert result.batch is not None and result.classes is not None
    assert {entry.name for entry in result.classes.after} == {"bee", "cat", "dog"}
    assert stored(session)["c.jpg", "bee"] == (1, "user")
    session.annotations.undo(result.batch)
    dog = next(entry for entry in session.snapshot().classes if entry.name == "dog")
    session.annotations.annotate([image_ids(session)["b.jpg"]], [dog.id], Verdict.ABSENT)
    unused = session.imports.unused_classes(result.batch.id)
    assert [entry.name for entry in unused] == ["cat"]
    session.vocabulary.archive([unused[0].id])
    assert session.imports.unused_classes(result.batch.id) == []


@pytest.mark.parametrize("written", ["Animal \x1f Dog", "animal/dog", "animal\x1fdog"])
def test_an_archived_class_with_a_path_as_its_name_is_found(
    session: LibrarySession, written: str
) -> None:
    session.vocabulary.add("animal/dog")
    old = next(e for e in session.catalogue.classes.all() if e.name == "animal/dog")
    dog = ClassRecord("animal/dog")
    take_in(session, [ImageRecord("a.jpg", (dog,))])
    session.vocabulary.archive([old.id])
    result = take_in(
        session,
        [ImageRecord("b.jpg", (ClassRecord(written),))],
        ImportChoices(add_classes=True, hierarchy=Hierarchy.PATH),
    )
    assert result.annotations == 1
    assert len(session.catalogue.classes.all(archived=True)) == len(LIBRARY_CLASSES) + 1
    assert stored(session) == {(photo, "animal/dog"): (1, "import") for photo in ("a.jpg", "b.jpg")}


def other_verdict(session: LibrarySession) -> None:
    ant = session.snapshot().class_ids[0]
    session.annotations.annotate([image_ids(session)["a.jpg"]], [int(ant)], Verdict.ABSENT)


def other_class(session: LibrarySession) -> None:
    session.vocabulary.add("cat")


def other_photos(session: LibrarySession) -> None:
    folder = session.catalogue.folders.all()[0]
    session.catalogue.images.upsert(folder.id, [photo_file("sub/a.jpg")])
    session._reloader.reload()


def other_process(session: LibrarySession) -> None:
    """Which the snapshot does not show yet."""
    ant = int(session.snapshot().class_ids[0])
    with Catalogue.open(session.library_folder) as catalogue:
        catalogue.annotations.apply([(image_ids(session)["a.jpg"], ant, 0)])  # type: ignore[list-item]


@pytest.mark.parametrize("change", [other_verdict, other_class, other_process])
def test_what_would_do_something_else_now_is_not_done(
    session: LibrarySession, change: Callable[[LibrarySession], None]
) -> None:
    file = [ImageRecord("a.jpg", (ClassRecord("ant"), ClassRecord("cat")))]
    chosen = ImportChoices(add_classes=True, conflicts=Conflicts.THEIRS)
    if change is other_verdict or change is other_process:
        chosen = ImportChoices(add_classes=True)
    preview = session.imports.preview(survey_of(file), chosen)
    change(session)
    before = annotations_in(session.catalogue)
    classes = session.catalogue.classes.all(archived=True)
    with pytest.raises(ImportOutdatedError, match="nothing was imported"):
        session.imports.apply(preview)
    assert annotations_in(session.catalogue) == before
    assert session.catalogue.classes.all(archived=True) == classes
    assert [item.action for item in session.annotations.history()].count("import") == 0
    if change is not other_process:
        again = session.imports.preview(preview.survey, chosen, preview)
        assert session.imports.apply(again).annotations


def test_a_change_that_makes_no_difference_does_no_harm(session: LibrarySession) -> None:
    preview = session.imports.preview(
        survey_of([ImageRecord("a.jpg", (ClassRecord("ant"),))]), ImportChoices()
    )
    bee = int(session.snapshot().class_ids[1])
    session.annotations.annotate([image_ids(session)["b.jpg"]], [bee], Verdict.PRESENT)
    assert session.imports.apply(preview).annotations == 1


def test_what_fails_in_the_middle_changes_nothing(
    session: LibrarySession, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = [ImageRecord("a.jpg", (ClassRecord("ant"), ClassRecord("cat")))]
    preview = session.imports.preview(survey_of(file), ImportChoices(add_classes=True))

    def fail(*_: object) -> None:
        raise CatalogueError("The disk is full.")

    monkeypatch.setattr(session.catalogue.settings, "set", fail)  # after all else was written
    with pytest.raises(CatalogueError, match="disk is full"):
        session.imports.apply(preview)
    assert annotations_in(session.catalogue) == set()
    assert len(session.catalogue.classes.all(archived=True)) == len(LIBRARY_CLASSES)
    assert [entry.name for entry in session.snapshot().classes] == list(LIBRARY_CLASSES)
    assert session.annotations.history() == []
    monkeypatch.undo()
    assert session.imports.apply(preview).annotations == 2


@pytest.mark.parametrize("asked", [0, 1])
def test_it_can_be_cancelled_until_the_commit(session: LibrarySession, asked: int) -> None:
    file = [ImageRecord("a.jpg", (ClassRecord("cat"),), reviewed=True)]
    preview = session.imports.preview(survey_of(file), ImportChoices(add_classes=True))
    answers = iter([False] * asked)
    with pytest.raises(Cancelled):
        session.imports.apply(preview, cancelled=lambda: next(answers, True))
    assert annotations_in(session.catalogue) | marks_in(session.catalogue) == set()
    assert len(session.catalogue.classes.all(archived=True)) == len(LIBRARY_CLASSES)
    assert_sound(session)


def test_nothing_to_do_is_no_batch(session: LibrarySession) -> None:
    result = take_in(session, [ImageRecord("lost.jpg", (ClassRecord("ant"),))])
    assert (result.batch, result.classes, result.annotations, result.photos) == (None, None, 0, 0)
    assert session.annotations.history() == []


def test_classes_alone_are_added_in_their_order_with_their_details(
    session: LibrarySession,
) -> None:
    specs = [ClassSpec("fox", "a fox", ("vulpes",), "#aa0000"), ClassSpec("elk")]
    preview = session.imports.preview(survey_of([], specs), ImportChoices(add_classes=True))
    result = session.imports.apply(preview)
    assert result.batch is None and result.classes is not None
    assert session.vocabulary.specs()[2:] == specs


def test_own_sources_are_restored(session: LibrarySession) -> None:
    cells = [
        ClassRecord("ant", Verdict.PRESENT, origin=Origin.HUMAN, source="user"),
        ClassRecord("bee", ABSENT, origin=Origin.HUMAN, source="reviewed"),
        ClassRecord("cat", Verdict.PRESENT, origin=Origin.HUMAN, source="import"),
        ClassRecord("dog", Verdict.PRESENT, origin=Origin.MACHINE, source="machine"),
        ClassRecord("elk", Verdict.PRESENT, origin=Origin.MACHINE, score=1.0, source="prediction"),
    ]
    take_in(session, [ImageRecord("a.jpg", tuple(cells))])
    assert stored(session) == {
        ("a.jpg", "ant"): (1, "user"),
        ("a.jpg", "bee"): (0, "reviewed"),
        ("a.jpg", "cat"): (1, "import"),
        ("a.jpg", "dog"): (1, "machine"),
    }
    assert Source.MACHINE.value == "machine"


def test_a_verdict_of_the_user_on_an_imported_one_is_the_users(session: LibrarySession) -> None:
    found = ClassRecord("ant", origin=Origin.MACHINE, score=0.9)
    take_in(session, [ImageRecord("a.jpg", (found,))], ImportChoices(machine_threshold=0.5))
    assert stored(session) == {("a.jpg", "ant"): (1, "machine")}
    image, ant = image_ids(session)["a.jpg"], int(session.snapshot().class_ids[0])
    session.annotations.annotate([image], [ant], Verdict.PRESENT)
    assert stored(session) == {("a.jpg", "ant"): (1, "user")}


def test_held_out_photos_are_counted(session: LibrarySession) -> None:
    ids = image_ids(session)
    session.catalogue.runs.add_held_out([ids["a.jpg"]])
    file = [ImageRecord(name, (ClassRecord("ant"),)) for name in PHOTOS]
    chosen = ImportChoices(not_listed=NotListed.ABSENT)
    assert session.imports.preview(survey_of(file, ["bee"]), chosen).held_out == 2
    assert take_in(session, file).held_out == 1


def test_what_a_machine_said_becomes_the_word_of_the_person_who_confirms_it(
    session: LibrarySession,
) -> None:
    machine = ClassRecord("ant", origin=Origin.MACHINE, score=0.9)
    take_in(session, [ImageRecord("a.jpg", (machine,))], ImportChoices(machine_threshold=0.5))
    assert stored(session) == {("a.jpg", "ant"): (1, "machine")}
    result = take_in(session, [ImageRecord("a.jpg", (ClassRecord("ant"),))])
    assert stored(session) == {("a.jpg", "ant"): (1, "import")}
    assert_sound(session)
    assert result.batch is not None
    session.annotations.undo(result.batch)
    assert stored(session) == {("a.jpg", "ant"): (1, "machine")}


def archived_with_alias(session: LibrarySession) -> None:
    """An archived class "xray" that is also called "yak"."""
    xray = session.catalogue.classes.add("xray", aliases=["yak"])
    session.catalogue.classes.archive(xray.id)
    session.vocabulary.add("zebra")


def test_a_class_that_comes_back_takes_no_name_from_another(session: LibrarySession) -> None:
    archived_with_alias(session)
    zebra = session.snapshot().classes[-1]
    session.vocabulary.set_aliases(zebra.id, ["yak"])
    preview = session.imports.preview(
        survey_of([ImageRecord("a.jpg", (ClassRecord("xray"),))]), ImportChoices(add_classes=True)
    )
    session.imports.apply(preview)
    aliases = {entry.name: entry.aliases for entry in session.snapshot().classes}
    assert (aliases["zebra"], aliases["xray"]) == (("yak",), ())


def test_a_class_may_be_added_whose_name_one_that_comes_back_had(session: LibrarySession) -> None:
    archived_with_alias(session)
    said = (ClassRecord("xray"), ClassRecord("yak"))
    result = take_in(session, [ImageRecord("a.jpg", said)])
    names = [entry.name for entry in session.snapshot().classes]
    assert names == [*LIBRARY_CLASSES, "zebra", "xray", "yak"]
    assert stored(session) == {
        ("a.jpg", "xray"): (1, "import"),
        ("a.jpg", "yak"): (1, "import"),
    }
    assert result.classes is not None
    session.annotations.undo(result.batch)  # type: ignore[arg-type]
    session.vocabulary.undo(result.classes)
    archived = {e.name: e.aliases for e in session.catalogue.classes.all(archived=True)}
    assert archived["xray"] == ("yak",)


def test_an_import_that_fails_leaves_what_others_changed_meanwhile(
    session: LibrarySession, monkeypatch: pytest.MonkeyPatch
) -> None:
    preview = session.imports.preview(
        survey_of([ImageRecord("a.jpg", (ClassRecord("cat"),))]), ImportChoices(add_classes=True)
    )
    ant = session.snapshot().classes[0]
    transaction = session.catalogue.transaction

    def late() -> AbstractContextManager[None]:
        session.catalogue.classes.describe(ant.id, "a photo of an ant")
        return transaction()

    monkeypatch.setattr(session.catalogue, "transaction", late)
    with pytest.raises(Cancelled):
        session.imports.apply(preview, cancelled=lambda: True)
    assert session.catalogue.classes.all()[0].description == "a photo of an ant"


def test_the_snapshot_shows_what_was_annotated_while_an_import_was_shown(
    session: LibrarySession, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo, ant = image_ids(session)["a.jpg"], int(session.snapshot().class_ids[0])
    show = session.annotations.show

    def late(batch: Batch) -> Batch:
        monkeypatch.undo()
        session.annotations.annotate([photo], [ant], Verdict.ABSENT)
        session.annotations.mark_reviewed([photo], False)
        return show(batch)

    monkeypatch.setattr(session.annotations, "show", late)
    file = [ImageRecord("a.jpg", (ClassRecord("ant"),), reviewed=True)]
    take_in(session, file, ImportChoices(reviewed=ReviewedMarks.AS_IN_FILE))
    assert stored(session)["a.jpg", "ant"] == (0, "user")
    assert_sound(session)


# --------------------------------------------------------------------------- photos and formats


def test_photos_are_known_by_hash_also_when_they_are_missing(session: LibrarySession) -> None:
    ids = image_ids(session)
    session.catalogue.images.mark_missing([ids["b.jpg"]])
    session._reloader.reload()
    survey = survey_of(
        [
            ImageRecord("x.jpg", fingerprint=f"{1:032x}"),
            ImageRecord("y.jpg", file_hash="file-1"),
            ImageRecord("z.jpg", picture_hash="picture-2"),
            ImageRecord("w.jpg", file_hash="none of ours"),
            ImageRecord("v.jpg", file_hash="\ud800"),
        ]
    )
    photos = session.imports.photos(survey)
    assert {key: list(found) for key, found in photos.by_hash.items()} == {
        f"{1:032x}": [ids["a.jpg"]],
        "file-1": [ids["b.jpg"]],
        "picture-2": [ids["c.jpg"]],
    }
    assert photos.missing.tolist() == [False, True, False]
    assert photos.names == list(PHOTOS) and photos.image_ids.tolist() == sorted(ids.values())
    (folder,) = session.catalogue.folders.all()
    assert photos.folders == {folder.id: folder.path}
    preview = session.imports.preview(survey, ImportChoices())
    assert preview.matches.counts()[MatchRule.FINGERPRINT] == 3


def test_matches_are_used_again_while_photos_and_paths_are_the_same(
    session: LibrarySession,
) -> None:
    survey = survey_of([ImageRecord("a.jpg", (ClassRecord("ant"),))])
    first = session.imports.preview(survey, ImportChoices())
    second = session.imports.preview(survey, ImportChoices(not_listed=NotListed.ABSENT), first)
    assert second.matches is first.matches and second.photos is first.photos
    other_photos(session)
    third = session.imports.preview(survey, ImportChoices(), second)
    assert third.matches is not first.matches
    assert session.imports.preview(survey_of([]), ImportChoices(), third).survey is not survey


def lines(source: SourceFile) -> Reading:
    with source.open() as file:
        names = [line.decode().strip() for line in file]
    names += [path.name for path in source.photos]
    return Reading(FileFacts(), iter([ImageRecord(name, (ClassRecord("ant"),)) for name in names]))


@pytest.mark.parametrize("needs_photos", [False, True])
def test_a_file_is_detected_read_and_imported(
    session: LibrarySession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    needs_photos: bool,
) -> None:
    def sniff(sample: Sample) -> str:
        return "It is a list." if sample.head.endswith(b".jpg\n") else ""

    made = Format("lines", "Lines", (".txt",), sniff, lines, needs_photos)
    monkeypatch.setattr(registry, "FORMATS", (made,))
    file = tmp_path / "list.txt"
    file.write_text("a.jpg\nlost.jpg\n")
    (found,) = session.imports.formats(file)
    assert (found.format, found.reason) == (made, "It is a list.")
    done: list[int] = []
    survey = session.imports.survey(
        file, "lines", {}, progress=lambda so_far, _total: done.append(so_far)
    )
    assert done[-1] == file.stat().st_size
    read = [item.path for item in survey.references]
    assert read == ["a.jpg", "lost.jpg", *(["b.jpg", "c.jpg"] if needs_photos else [])]
    result = session.imports.apply(session.imports.preview(survey, ImportChoices()), "By hand")
    assert result.annotations == (3 if needs_photos else 1)
    assert session.annotations.history()[-1].label == "By hand"


def test_an_error_of_a_reader_is_passed_on(
    session: LibrarySession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(_source: SourceFile) -> Reading:
        raise FileTooLarge("That is too much.")

    monkeypatch.setattr(registry, "FORMATS", (Format("big", "Big", (".txt",), read=read),))
    with pytest.raises(FileTooLarge, match="too much"):
        session.imports.survey(tmp_path, "big", {})


def test_options_that_the_format_has_not_are_refused(
    session: LibrarySession, tmp_path: Path
) -> None:
    file = tmp_path / "a.csv"
    file.write_text("path,class\na.jpg,dog\n", encoding="utf-8")
    for options, words in (
        ({"layout": "round"}, "The option layout cannot be round. It can be: "),
        ({"preset": "x"}, "The option preset cannot be x"),
        ({"colour": "x"}, "There is no option colour. There are: "),
    ):
        with pytest.raises(InterchangeError, match=words):
            session.imports.survey(file, "csv", options)


def test_reviewed_marks_of_all_photos(session: LibrarySession) -> None:
    assert (session.snapshot().states == ImageState.OK).all()
    chosen = ImportChoices(
        reviewed=ReviewedMarks.ALL,
        classes={"x": ClassChoice(ClassAction.IGNORE), **CHOICES},
    )
    result = take_in(session, [ImageRecord("b.jpg", (ClassRecord("x"),))], chosen)
    assert result.photos == 1 and session.snapshot().reviewed.tolist() == [False, True, False]
