"""The contents of a catalogue's tables, read without the code under test."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

from lmpt_desktop.catalogue import Catalogue, opening

_STORED = """
    SELECT image_id, class_id, verdict, at, source FROM annotations
    UNION ALL
    SELECT d.image_id, m.class_id, 0, d.at, 'reviewed'
    FROM declared_absent AS d JOIN class_set_members AS m ON m.class_set_id = d.class_set_id
    WHERE m.class_id NOT IN (SELECT value FROM json_each('[' || d.besides || ']'))
"""


@contextlib.contextmanager
def _reading(catalogue: Catalogue) -> Iterator[sqlite3.Connection]:
    """The committed tables, read by SQLite alone."""
    path = catalogue.library_folder / opening.CATALOGUE_NAME
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def annotations_in(catalogue: Catalogue) -> set[tuple]:
    """(image, class, verdict, at, source) of every annotation; none is stored twice."""
    with _reading(catalogue) as connection:
        found = [tuple(row) for row in connection.execute(_STORED)]
    assert len({row[:2] for row in found}) == len(found), "an annotation is stored in two places"
    return set(found)


def marks_in(catalogue: Catalogue) -> set[tuple]:
    """("reviewed", image, at) of every reviewed mark."""
    with _reading(catalogue) as connection:
        marks = connection.execute("SELECT image_id, at FROM reviewed")
        return {("reviewed", *row) for row in marks}


def rebuilt(catalogue: Catalogue) -> set[tuple]:
    """What the journal alone results in, as :func:`annotations_in` and :func:`marks_in`."""
    stored: dict[tuple[int, int], tuple | None] = {}
    marks: dict[int, int | None] = {}
    with _reading(catalogue) as connection:
        sets = {
            key: {int(i) for i in classes.split(",")}
            for key, classes in connection.execute("SELECT id, classes FROM class_sets")
        }
        journal = connection.execute("SELECT * FROM journal ORDER BY id").fetchall()
    for row in journal:
        image = row["image_id"]
        before = (row["before_verdict"], row["before_at"], row["before_source"])
        after = (row["after_verdict"], row["after_at"], row["after_source"])
        if row["class_id"] is not None:
            cell = (image, row["class_id"])
            assert stored.get(cell) == (None if before[0] is None else before)
            stored[cell] = None if after[0] is None else after
            continue
        if before[0] != after[0]:
            assert marks.get(image) == before[1]
            marks[image] = after[1]
        if row["class_set_id"] is not None:
            besides = {int(i) for i in row["besides"].split(",") if i}
            declared = (0, row["declared_at"], "reviewed")
            was, becomes = (None, declared) if after[2] else (declared, None)
            for klass in sets[row["class_set_id"]] - besides:
                assert stored.get((image, klass)) == was
                stored[image, klass] = becomes
    return {(*cell, *now) for cell, now in stored.items() if now is not None} | {
        ("reviewed", image, at) for image, at in marks.items() if at is not None
    }
