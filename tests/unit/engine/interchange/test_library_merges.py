"""Merging another library: what the preview shows happens, in one step, or nothing does."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from paper_library import open_session
from sklearn.metrics import cohen_kappa_score
from stored_annotations import annotations_in, marks_in, rebuilt
from two_libraries import Made, contents_of, make_library, say, verdicts_of

from lmpt_desktop.catalogue import Catalogue, opening
from lmpt_desktop.catalogue.another_library import AnotherLibraryError, MergeCancelled
from lmpt_desktop.catalogue.disk_access import LOCK_NAME
from lmpt_desktop.catalogue.locks import ProcessLock
from lmpt_desktop.domain.records import Source
from lmpt_desktop.engine.interchange.imports import ImportOutdatedError
from lmpt_desktop.engine.interchange.library_merges import MergeResult
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.inference.queues import QueueKind, QueueRequest
from lmpt_desktop.interchange.importing.merging import MergeChoices, MergePreview, OnConflict

Library = Callable[..., Made]


@pytest.fixture
def mine(tmp_path: Path) -> Made:
    return make_library(
        tmp_path / "mine",
        ["a", "b", "c", "only mine"],
        ["ant", "bee"],
        {("a", "ant"): 1, ("a", "bee"): 0, ("b", "ant"): 0, ("only mine", "bee"): 1},
    )


@pytest.fixture
def theirs(tmp_path: Path) -> Made:
    return make_library(
        tmp_path / "theirs",
        ["b", "only theirs", "a", "c"],
        ["Bee", "cat", "ant"],
        {
            ("a", "ant"): 1, ("a", "Bee"): 1, ("a", "cat"): 1, ("b", "ant"): 0,
            ("b", "Bee"): 1, ("c", "cat"): 0, ("only theirs", "ant"): 1,
        },
    )  # fmt: skip


@pytest.fixture
def session(mine: Made) -> Iterator[LibrarySession]:
    with open_session(mine.folder) as opened:
        yield opened


def preview_of(session: LibrarySession, other: Path, choices: MergeChoices) -> MergePreview:
    return session.merges.preview(session.merges.read(other), choices)


def merge(session: LibrarySession, other: Path, choices: MergeChoices | None = None) -> MergeResult:
    return session.merges.apply(preview_of(session, other, choices or MergeChoices()))


def questions(session: LibrarySession) -> list[tuple[int, int | None, str]]:
    queue = session.queues.build(QueueRequest(QueueKind.CONFLICTS))
    return [(item.image_id, item.class_id, item.reason) for item in queue.items]


def test_photos_are_found_by_their_picture_and_classes_by_name(
    session: LibrarySession, mine: Made, theirs: Made
) -> None:
    preview = preview_of(session, theirs.folder, MergeChoices())
    assert (preview.photos, preview.other.photos) == (3, 4)
    assert (preview.new, preview.equal, preview.conflicting) == (1, 2, 1)
    assert preview.lacking == ("cat",)
    bee, ant = preview.agreement
    assert (bee.name, bee.both, bee.equal, bee.new, bee.conflicts) == ("bee", 1, 0, 1, 1)
    assert (ant.name, ant.both, ant.equal, ant.new, ant.conflicts) == ("ant", 2, 2, 0, 0)
    before = verdicts_of(session.catalogue, mine)
    session.merges.apply(preview)
    assert verdicts_of(session.catalogue, mine) == before | {("b", "bee"): 1}
    sources = session.catalogue.annotations.sources([mine.images["b"]], [mine.classes["bee"]])
    assert sources.tolist() == [[list(Source).index(Source.IMPORT)]]


def test_classes_that_are_lacking_are_added_if_asked_for(
    session: LibrarySession, mine: Made, theirs: Made
) -> None:
    result = merge(session, theirs.folder, MergeChoices(add_classes=True))
    said = verdicts_of(session.catalogue, mine)
    assert said["a", "cat"] == 1
    assert said["c", "cat"] == 0
    assert result.imported.batch is not None
    session.annotations.undo(result.imported.batch)
    [unused] = session.imports.unused_classes(result.imported.batch.id)
    assert unused.name == "cat"


@pytest.mark.parametrize("choice", list(OnConflict))
def test_a_conflict_is_decided_as_chosen(
    session: LibrarySession, mine: Made, theirs: Made, choice: OnConflict
) -> None:
    merge(session, theirs.folder, MergeChoices(on_conflict=choice))
    expected = 1 if choice is OnConflict.THEIRS else 0
    assert verdicts_of(session.catalogue, mine)["a", "bee"] == expected
    cell = (mine.images["a"], mine.classes["bee"])
    asked = [question[:2] for question in questions(session)]
    assert asked == ([cell] if choice is OnConflict.LATER else [])


@pytest.mark.parametrize("verdict", [0, 1, -1])
def test_a_question_says_whose_answers_they_are_until_it_is_answered(
    session: LibrarySession, mine: Made, theirs: Made, verdict: int
) -> None:
    merge(session, theirs.folder, MergeChoices(on_conflict=OnConflict.LATER))
    image, bee = mine.images["a"], mine.classes["bee"]
    text = "Your library says absent, “theirs” says present."
    assert questions(session) == [(image, bee, text)]
    # Also the answer that there was before.
    batch = session.annotations.annotate([image], [bee], verdict)  # type: ignore[arg-type]
    assert questions(session) == []
    session.annotations.undo(batch)
    assert questions(session) == [(image, bee, text)]
    session.annotations.redo(batch)
    assert questions(session) == []


def test_questions_survive_a_restart_and_go_with_their_merge(mine: Made, theirs: Made) -> None:
    with open_session(mine.folder) as session:
        result = merge(session, theirs.folder, MergeChoices(on_conflict=OnConflict.LATER))
    with open_session(mine.folder) as session:
        assert len(questions(session)) == 1
        assert result.imported.batch is not None
        session.annotations.undo(result.imported.batch.id)
        assert questions(session) == []
        session.annotations.redo(result.imported.batch.id)
        assert len(questions(session)) == 1


def test_a_merge_of_nothing_but_questions_can_be_undone(tmp_path: Path) -> None:
    mine = make_library(tmp_path / "mine", ["a"], ["ant"], {("a", "ant"): 1})
    theirs = make_library(tmp_path / "theirs", ["a"], ["ant"], {("a", "ant"): 0})
    with open_session(mine.folder) as session:
        assert preview_of(session, theirs.folder, MergeChoices()).changes_nothing
        merge(session, theirs.folder, MergeChoices(on_conflict=OnConflict.LATER))
        [step] = [item for item in session.annotations.history() if item.label == "Merge theirs"]
        assert len(questions(session)) == 1
        session.annotations.undo(step.id)
        assert questions(session) == []


def test_a_conflict_is_asked_about_once(session: LibrarySession, mine: Made, theirs: Made) -> None:
    later = MergeChoices(on_conflict=OnConflict.LATER)
    merge(session, theirs.folder, later)
    again = preview_of(session, theirs.folder, later)
    assert again.changes_nothing
    assert (again.conflicting, again.asked_before) == (1, 1)
    session.annotations.annotate([mine.images["a"]], [mine.classes["bee"]], 0)  # type: ignore[arg-type]
    assert preview_of(session, theirs.folder, later).changes_nothing


def test_what_two_libraries_say_is_one_question(tmp_path: Path) -> None:
    mine = make_library(tmp_path / "mine", ["a"], ["ant"], {("a", "ant"): 1})
    with open_session(mine.folder) as session:
        for name in ("Anna", "Ben"):
            other = make_library(tmp_path / name, ["a"], ["ant"], {("a", "ant"): 0})
            merge(session, other.folder, MergeChoices(on_conflict=OnConflict.LATER))
        [(_image, _class, reason)] = questions(session)
        assert reason == "Your library says present, “Anna” and “Ben” say absent."


def test_reviewed_there_is_reviewed_here_if_nothing_is_left_to_judge(tmp_path: Path) -> None:
    theirs = make_library(
        tmp_path / "theirs", ["a", "b"], ["ant"], {("a", "ant"): 1}, reviewed=["a", "b"]
    )
    mine = make_library(
        tmp_path / "mine", ["a", "b", "c"], ["ant", "bee"], {("b", "bee"): 1}, reviewed=["c"]
    )
    with open_session(mine.folder) as session:
        assert preview_of(session, theirs.folder, MergeChoices()).marks == 1
        merge(session, theirs.folder)
        assert session.catalogue.annotations.reviewed() == {mine.images["b"], mine.images["c"]}
        assert verdicts_of(session.catalogue, mine)["b", "ant"] == 0


def test_a_machine_fills_gaps_and_contradicts_nobody(tmp_path: Path) -> None:
    theirs = make_library(
        tmp_path / "theirs", ["a", "b"], ["ant"], machine={("a", "ant"): 0, ("b", "ant"): 1}
    )
    mine = make_library(tmp_path / "mine", ["a", "b"], ["ant"], {("a", "ant"): 1})
    with open_session(mine.folder) as session:
        choices = MergeChoices(on_conflict=OnConflict.THEIRS)
        preview = preview_of(session, theirs.folder, choices)
        assert (preview.new, preview.conflicting, preview.machine_left_out) == (1, 0, 1)
        assert preview.agreement[0].both == 0
        session.merges.apply(preview)
        assert verdicts_of(session.catalogue, mine) == {("a", "ant"): 1, ("b", "ant"): 1}
        [[source]] = session.catalogue.annotations.sources([mine.images["b"]], [1]).tolist()
        assert list(Source)[source] is Source.MACHINE


def test_a_person_there_confirms_a_machine_here(tmp_path: Path) -> None:
    theirs = make_library(tmp_path / "theirs", ["a"], ["ant"], {("a", "ant"): 1})
    mine = make_library(tmp_path / "mine", ["a"], ["ant"], machine={("a", "ant"): 1})
    with open_session(mine.folder) as session:
        preview = preview_of(session, theirs.folder, MergeChoices())
        assert (preview.confirmed, preview.agreement[0].both) == (1, 0)
        session.merges.apply(preview)
        assert preview_of(session, theirs.folder, MergeChoices()).changes_nothing


def test_copies_of_a_picture_are_one_picture(tmp_path: Path) -> None:
    theirs = make_library(
        tmp_path / "theirs",
        ["a"],
        ["ant", "bee", "cat"],
        {("a", "ant"): 1, ("again", "ant"): 0, ("again", "bee"): 1, ("a", "cat"): 1},
        copies={"again": "a"},
    )
    mine = make_library(
        tmp_path / "mine", ["a"], ["ant", "bee", "cat"], copies={"two": "a", "three": "a"}
    )
    with open_session(mine.folder) as session:
        preview = preview_of(session, theirs.folder, MergeChoices())
        assert (preview.photos, preview.contradictory) == (3, 3)
        session.merges.apply(preview)
        assert verdicts_of(session.catalogue, mine) == {
            (name, other): 1 for name in ("a", "two", "three") for other in ("bee", "cat")
        }


def test_what_has_changed_since_the_preview_is_not_merged(
    session: LibrarySession, mine: Made, theirs: Made
) -> None:
    preview = preview_of(session, theirs.folder, MergeChoices())
    with Catalogue.open(mine.folder) as beside:
        say(beside, mine, {("b", "bee"): 0})
    before = annotations_in(session.catalogue)
    with pytest.raises(ImportOutdatedError, match="nothing was merged"):
        session.merges.apply(preview)
    assert annotations_in(session.catalogue) == before


def test_a_cancelled_merge_changes_nothing(session: LibrarySession, theirs: Made) -> None:
    preview = preview_of(session, theirs.folder, MergeChoices(True, OnConflict.LATER))
    before = annotations_in(session.catalogue), session.catalogue.classes.all()
    with pytest.raises(MergeCancelled):
        session.merges.apply(preview, cancelled=lambda: True)
    assert (annotations_in(session.catalogue), session.catalogue.classes.all()) == before
    with pytest.raises(MergeCancelled):
        session.merges.read(theirs.folder, cancelled=lambda: True)


# ---------------------------------------------------------------- for all pairs of libraries

PICTURES, CLASSES = ("a", "b", "c"), ("ant", "bee", "cat")
_verdicts = st.dictionaries(
    st.tuples(st.sampled_from(PICTURES), st.sampled_from(CLASSES)), st.integers(0, 1)
)
_reviews = st.lists(st.sampled_from(PICTURES), unique=True)
_choices = st.builds(MergeChoices, st.booleans(), st.sampled_from(list(OnConflict)))


@given(_verdicts, _reviews, _verdicts, _verdicts, _reviews, st.integers(1, 3), _choices)
@settings(max_examples=examples(30), deadline=None)
def test_for_all_libraries(  # noqa: PLR0917
    tmp_path_factory: pytest.TempPathFactory,
    mine_said: dict[tuple[str, str], int],
    mine_reviewed: list[str],
    mine_machine: dict[tuple[str, str], int],
    their_said: dict[tuple[str, str], int],
    their_reviewed: list[str],
    known: int,
    choices: MergeChoices,
) -> None:
    """Nothing of mine is lost unless asked for; undo is identity; twice is once."""
    root = tmp_path_factory.mktemp("two")
    vocabulary = CLASSES[:known]
    mine = make_library(
        root / "mine",
        PICTURES,
        vocabulary,
        {cell: v for cell, v in mine_said.items() if cell[1] in vocabulary},
        reviewed=mine_reviewed,
        machine={
            cell: v
            for cell, v in mine_machine.items()
            if cell[1] in vocabulary and cell not in mine_said and cell[0] not in mine_reviewed
        },
    )
    theirs = make_library(root / "theirs", PICTURES, CLASSES, their_said, reviewed=their_reviewed)
    with open_session(mine.folder) as session:
        catalogue = session.catalogue
        before = verdicts_of(catalogue, mine)
        stored = annotations_in(catalogue), marks_in(catalogue)
        preview = preview_of(session, theirs.folder, choices)
        result = session.merges.apply(preview)
        after = verdicts_of(catalogue, mine)
        changed = {cell for cell, verdict in before.items() if after.get(cell) != verdict}
        if choices.on_conflict is OnConflict.THEIRS:
            assert len(changed) == preview.conflicting
        else:
            assert not changed
        assert len(after) - len(before) == preview.new
        assert len(questions(session)) == len(preview.undecided)
        assert rebuilt(catalogue) == annotations_in(catalogue) | marks_in(catalogue)

        once = annotations_in(catalogue), marks_in(catalogue)
        again = preview_of(session, theirs.folder, choices)
        assert again.changes_nothing
        session.merges.apply(again)
        assert (annotations_in(catalogue), marks_in(catalogue)) == once

        if result.imported.batch is not None:
            session.annotations.undo(result.imported.batch)
        assert (annotations_in(catalogue), marks_in(catalogue)) == stored
        assert questions(session) == []
    shutil.rmtree(root)


def test_kappa_is_scikit_learns(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    names = [f"p{i}" for i in range(60)]
    mine, theirs = rng.integers(0, 2, 60), rng.integers(0, 2, 60)
    theirs[:40] = mine[:40]
    first = make_library(
        tmp_path / "mine", names, ["ant"],
        {(name, "ant"): int(v) for name, v in zip(names, mine, strict=True)},
    )  # fmt: skip
    second = make_library(
        tmp_path / "theirs", names, ["ant"],
        {(name, "ant"): int(v) for name, v in zip(names, theirs, strict=True)},
    )  # fmt: skip
    with open_session(first.folder) as session:
        [row] = preview_of(session, second.folder, MergeChoices()).agreement
    assert (row.both, row.equal) == (60, int((mine == theirs).sum()))
    assert row.kappa == pytest.approx(cohen_kappa_score(mine, theirs))


# ------------------------------------------------------------------------ libraries as they come


def refused(session: LibrarySession, path: Path) -> str:
    with pytest.raises(AnotherLibraryError) as caught:
        session.merges.read(path)
    return str(caught.value)


def test_the_other_library_stays_as_it_is(session: LibrarySession, theirs: Made) -> None:
    before = contents_of(theirs.folder)
    merge(session, theirs.folder, MergeChoices(True, OnConflict.LATER))
    assert contents_of(theirs.folder) == before


def test_a_catalogue_or_a_kept_copy_will_do(session: LibrarySession, theirs: Made) -> None:
    path = theirs.folder / opening.CATALOGUE_NAME
    folder = theirs.folder / "backups"
    folder.mkdir(exist_ok=True)
    copy = shutil.copy(path, folder / "daily-20260101T000000000000-000001.sqlite")
    for chosen in (path, Path(copy)):
        other = session.merges.read(chosen)
        assert (other.name, len(other.image_ids)) == ("theirs", 3)


def test_ones_own_library_is_refused(session: LibrarySession, mine: Made, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(mine.folder)
    for path in (mine.folder, link, mine.folder / opening.CATALOGUE_NAME):
        assert "is this library itself" in refused(session, path)


def test_an_open_library_is_refused(session: LibrarySession, theirs: Made) -> None:
    with ProcessLock(theirs.folder / LOCK_NAME):
        assert "is open in another window" in refused(session, theirs.folder)
    assert session.merges.read(theirs.folder).photos == 4


def _alter(library: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(library / opening.CATALOGUE_NAME)) as db, db:
        db.execute("PRAGMA writable_schema = ON")
        for statement in statements:
            db.execute(statement)


def test_a_newer_library_is_refused(session: LibrarySession, theirs: Made) -> None:
    _alter(theirs.folder, "UPDATE alembic_version SET version_num = '9999'")
    assert "newer version" in refused(session, theirs.folder)


def test_an_older_library_is_brought_up_to_date_in_a_copy(
    session: LibrarySession, mine: Made, theirs: Made
) -> None:
    _alter(
        theirs.folder,
        *(f"DROP TRIGGER image_state_after_{verb}" for verb in ("insert", "update", "delete")),
        "DROP TABLE image_state",
        "DROP TABLE conflicts",
        "DROP TABLE merges",
        "UPDATE alembic_version SET version_num = '0010'",
    )
    (theirs.folder / opening.CATALOGUE_NAME).chmod(0o600)
    before = contents_of(theirs.folder)
    assert len(session.merges.read(theirs.folder).image_ids) == 3
    assert contents_of(theirs.folder) == before
    assert not [path for path in mine.folder.iterdir() if path.name.endswith(".lmpt-part")]


def test_a_library_that_was_killed_is_read_with_its_log(
    session: LibrarySession, theirs: Made, tmp_path: Path
) -> None:
    left = tmp_path / "left"
    with Catalogue.open(theirs.folder) as catalogue:
        say(catalogue, theirs, {("c", "ant"): 1})
        left.mkdir()
        for ending in ("", "-wal"):
            name = opening.CATALOGUE_NAME + ending
            shutil.copy(theirs.folder / name, left / name)
    assert (left / f"{opening.CATALOGUE_NAME}-wal").stat().st_size
    before = contents_of(left)
    assert preview_of(session, left, MergeChoices()).new == 2
    assert contents_of(left) == before


def test_what_is_no_library_is_refused(session: LibrarySession, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    assert "There is no library" in refused(session, folder)
    catalogue = folder / opening.CATALOGUE_NAME
    catalogue.touch()
    assert "is empty" in refused(session, folder)
    catalogue.write_bytes(os.urandom(5000))
    assert "it is not a sound catalogue" in refused(session, folder)
    catalogue.unlink()
    with contextlib.closing(sqlite3.connect(catalogue)) as db, db:
        db.execute("CREATE TABLE images (id)")
    assert "not one of LMPT Desktop's" in refused(session, folder)
    assert "cannot be read" in refused(session, tmp_path / "nowhere")
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert "cannot be read" in refused(session, loop)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "is not a file" in refused(session, pipe)
    assert "cannot be" in refused(session, tmp_path / ("x" * 5000))


def test_a_damaged_library_is_refused(session: LibrarySession, theirs: Made) -> None:
    path = theirs.folder / opening.CATALOGUE_NAME
    data = bytearray(path.read_bytes())
    data[8192 : len(data) - 4096] = os.urandom(len(data) - 12288)
    path.write_bytes(data)
    assert "cannot be merged" in refused(session, theirs.folder)


HOSTILE = {
    "verdicts of other types": ["UPDATE annotations SET verdict = 'yes' WHERE class_id = 1"],
    "verdicts out of range": ["UPDATE annotations SET verdict = 99"],
    "blobs for names": ["UPDATE classes SET name = x'ff00ff' WHERE id = 2"],
    "huge names": ["UPDATE classes SET name = printf('%.*c', 900000, 'x') WHERE id = 2"],
    "nothing but spaces": ["UPDATE classes SET name = '   '"],
    "equal names": ["DROP INDEX uq_classes_name_key", "UPDATE classes SET name = 'ant'"],
    "hashes of other types": ["UPDATE images SET picture_hash = x'00'"],
    "huge hashes": ["UPDATE images SET picture_hash = printf('%.*c', 900000, 'a')"],
    "ids out of range": [
        "PRAGMA foreign_keys = OFF",
        "INSERT INTO annotations VALUES (9223372036854775807, -9223372036854775808, 1, 0, 'user')",
    ],
    "odd sets": [
        "INSERT INTO class_sets VALUES (7, ',,1,99999999999999999999,2,x')",
        "INSERT INTO declared_absent SELECT id, 1, 0, 7, ',,,5,' FROM images",
        "INSERT INTO declared_absent SELECT id, 2, 0, 7.5, x'00' FROM images",
    ],
    "odd sources": ["UPDATE annotations SET source = x'00ff'"],
    "texts for times": ["UPDATE annotations SET at = 'now'", "UPDATE images SET superseded = 'x'"],
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_catalogue_harms_nobody(
    session: LibrarySession, mine: Made, theirs: Made, kind: str
) -> None:
    """Whatever is in its rows, mine stays, and what is merged can be undone."""
    with contextlib.closing(sqlite3.connect(theirs.folder / opening.CATALOGUE_NAME)) as db, db:
        sql = "SELECT sql FROM sqlite_master WHERE name = 'annotations'"
        (table,) = db.execute(sql).fetchone()
        db.execute("PRAGMA writable_schema = ON")
        db.execute(
            "UPDATE sqlite_master SET sql = ? WHERE name = 'annotations'",
            (table.replace("verdict IN (0, 1)", "1"),),
        )
    _alter(theirs.folder, *HOSTILE[kind])
    before = annotations_in(session.catalogue)
    try:
        result = merge(session, theirs.folder, MergeChoices(True, OnConflict.LATER))
    except AnotherLibraryError:
        assert annotations_in(session.catalogue) == before
        return
    assert before <= annotations_in(session.catalogue)
    for entry in session.catalogue.classes.all():
        assert 0 < len(entry.name) <= 500
    if result.imported.batch is not None:
        session.annotations.undo(result.imported.batch)
    assert annotations_in(session.catalogue) == before
    assert rebuilt(session.catalogue) == before | marks_in(session.catalogue)
