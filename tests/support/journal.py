"""The journal of annotations, as a list of changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy import Connection

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue import declared_absent as declared
from lmpt_desktop.catalogue.opening import CATALOGUE_NAME
from lmpt_desktop.catalogue.store import Store, rows
from lmpt_desktop.domain.records import Verdict


@dataclass(frozen=True)
class JournalEntry:
    """One change.  ``class_id`` None: the image's reviewed mark, whose verdict is PRESENT while
    it is set and UNKNOWN while it is not."""

    batch_id: int
    action: str
    image_id: int
    class_id: int | None
    before: Verdict
    after: Verdict
    source: str


def journal_of(catalogue: Catalogue, image_id: int | None = None) -> Iterator[JournalEntry]:
    """Every change ever made, oldest first; with ``image_id`` only that image's."""
    sql = (
        "SELECT j.batch_id, b.action, j.image_id, j.class_id, j.before_verdict, j.after_verdict, "
        "j.after_source, j.class_set_id, j.besides "
        "FROM journal AS j JOIN batches AS b ON b.id = j.batch_id "
    )
    store = Store(catalogue.library_folder / CATALOGUE_NAME)
    try:
        with store.read() as connection:
            if image_id is None:
                found = rows(connection, sql + "ORDER BY j.id")
            else:
                found = rows(connection, sql + "WHERE j.image_id = ? ORDER BY j.id", (image_id,))
            many = [(row[2], row[0], 0, row[7], row[8]) for row in found if row[7] is not None]
            classes = _classes_of(connection, declared.Rows.of(many))
    finally:
        store.close()
    expanded = iter(classes)
    for batch_id, action, image, class_id, before, after, source, class_set, _besides in found:
        entry = JournalEntry(
            batch_id, action, image, class_id, _verdict(before), _verdict(after), source or ""
        )
        if class_set is not None:
            said = (Verdict.UNKNOWN, Verdict.ABSENT)
            was, becomes = said if source else said[::-1]
            for one in next(expanded):
                yield replace(entry, class_id=one, before=was, after=becomes)
        if class_id is not None or before != after:
            yield entry if class_id is not None else replace(entry, source="")


def _classes_of(connection: Connection, found: declared.Rows) -> list[list[int]]:
    """The classes that each row declares absent."""
    inside = declared.members(connection, found.set_ids)
    return [
        np.setdiff1d(inside[set_id], declared.numbers([excluded])).tolist()
        for set_id, excluded in zip(found.set_ids.tolist(), found.excluded, strict=True)
    ]


def _verdict(stored: int | None) -> Verdict:
    return Verdict.UNKNOWN if stored is None else Verdict(stored)
