"""What the first version wrote means the same after the second migration."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from catalogue_0001 import FirstCatalogue
from stored_annotations import annotations_in, marks_in, rebuilt

from lmpt_desktop.catalogue import Catalogue, backups, opening
from lmpt_desktop.catalogue.soundness import Soundness
from lmpt_desktop.domain.records import Verdict

SAID = [[1, 0, 0, -1], [0, 0, 0, -1], [-1, -1, 1, 1], [-1, -1, -1, -1]]


@pytest.fixture
def first(library: Path) -> FirstCatalogue:
    """Verdicts, an import, a review, an undo and a redo."""
    made = FirstCatalogue(library)
    made.apply([(1, 1, 1), (2, 1, 1)])
    made.apply([(3, 3, 1), (3, 4, 1)], "import")
    made.apply([(2, 1, -1)])
    made.review([1, 2])
    undone = made.undo(4)
    made.undo(undone)
    made.apply([(4, 2, 1)])
    made.undo(7)
    return made


def test_a_migration_keeps_every_annotation(first: FirstCatalogue, library: Path) -> None:
    before = first.contents()
    first.close()
    with Catalogue.open(library) as catalogue:
        assert annotations_in(catalogue) | marks_in(catalogue) == before == rebuilt(catalogue)
        assert catalogue.check_soundness() == Soundness()
        assert catalogue.annotations.matrix([1, 2, 3, 4], [1, 2, 3, 4]).tolist() == SAID
        assert catalogue.annotations.reviewed() == {1, 2}
        counts = catalogue.annotations.counts()
        assert {key: (n.present, n.absent) for key, n in counts.items()} == {
            1: (1, 1), 2: (0, 2), 3: (1, 2), 4: (1, 0),
        }  # fmt: skip


def test_the_copy_in_backups_is_what_was_there_before(
    first: FirstCatalogue, library: Path, tmp_path: Path
) -> None:
    before = first.contents()
    first.close()
    Catalogue.open(library).close()
    (copy,) = backups.existing(library, "migration")
    db = sqlite3.connect(copy)
    assert db.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
    stored = set(db.execute("SELECT * FROM annotations"))
    stored |= {("reviewed", *row) for row in db.execute("SELECT * FROM reviewed")}
    db.close()
    assert stored == before


def test_what_was_done_before_can_be_undone_after(first: FirstCatalogue, library: Path) -> None:
    first.close()
    with Catalogue.open(library) as catalogue:
        stored = annotations_in(catalogue)
        stack = catalogue.annotations.history()
        assert [(item.id, item.done) for item in stack] == [
            (1, True), (2, True), (3, True), (4, True), (7, False),
        ]  # fmt: skip
        facts = [
            (item.action, item.images, item.changes, item.class_name, item.verdict)
            for item in stack
        ]
        assert facts == [
            ("apply", 2, 2, "ant", Verdict.PRESENT),
            ("import", 1, 2, "", Verdict.PRESENT),
            ("apply", 1, 1, "ant", Verdict.UNKNOWN),
            ("reviewed", 2, 5, "", Verdict.ABSENT),
            ("apply", 1, 1, "bee", Verdict.PRESENT),
        ]
        for item in reversed(stack[:4]):
            assert catalogue.annotations.toggle_undo(item.id).skipped == 0
        assert annotations_in(catalogue) == set() == marks_in(catalogue)
        for item in stack[:4]:
            assert catalogue.annotations.toggle_undo(item.id).skipped == 0
        assert annotations_in(catalogue) == stored
        assert rebuilt(catalogue) == stored | marks_in(catalogue)


def test_a_review_goes_on_where_an_old_one_left_off(first: FirstCatalogue, library: Path) -> None:
    first.close()
    with Catalogue.open(library) as catalogue:
        dog = catalogue.classes.add("dog").id
        batch = catalogue.annotations.set_reviewed([1, 2, 3], True)
        assert catalogue.annotations.matrix([1, 2, 3], [1, 2, 3, dog]).tolist() == [
            [1, 0, 0, 0],
            [0, 0, 0, 0],
            [0, 0, 1, 0],
        ]
        assert batch.reviewed_ids.tolist() == [3]
        assert catalogue.annotations.undo(batch).skipped == 0
        assert catalogue.annotations.matrix([1, 2, 3, 4], [1, 2, 3, 4]).tolist() == SAID


KILLED = """
import os, signal, sys
from pathlib import Path
import alembic.op
from lmpt_desktop.catalogue import Catalogue, opening

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[2] == "half":
    alembic.op.create_index = die
else:
    opening._mark_ours = die
Catalogue.open(Path(sys.argv[1]))
"""


@pytest.mark.parametrize("when", ["half", "before the commit"])
def test_a_migration_that_is_killed_loses_nothing(
    first: FirstCatalogue, library: Path, when: str
) -> None:
    before = first.contents()
    first.close()
    for _ in range(2):
        ended = subprocess.run([sys.executable, "-c", KILLED, str(library), when], check=False)
        assert ended.returncode == -signal.SIGKILL
        db = sqlite3.connect(library / opening.CATALOGUE_NAME)
        assert db.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
        assert set(db.execute("SELECT image_id, class_id FROM annotations")) == {
            row[:2] for row in before if row[0] != "reviewed"
        }
        db.close()
    with Catalogue.open(library) as catalogue:
        assert annotations_in(catalogue) | marks_in(catalogue) == before == rebuilt(catalogue)
    assert len(backups.existing(library, "migration")) == 3
