"""What batches changed in the vocabulary, so that they can be undone like changes of annotations.

A step is kept with its batch: the changed classes before and after it.  Undo is one more batch,
with before and after swapped, as in the journal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

from sqlalchemy import Connection, insert, select

from lmpt_desktop.catalogue import schema
from lmpt_desktop.catalogue.classes import read_classes, restore_classes
from lmpt_desktop.catalogue.errors import NotInCatalogue
from lmpt_desktop.catalogue.stored_json import from_json, to_json
from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.translation import _

VOCABULARY = "vocabulary"
"""The action of batches that change the vocabulary."""

_table = schema.vocabulary_steps


def difference(
    old: Iterable[ClassEntry], now: Iterable[ClassEntry]
) -> tuple[list[ClassEntry], list[ClassEntry]]:
    """The classes that differ: as they were, and as they are now.  ``old`` and ``now`` are all
    classes; a new one counts as archived before."""
    known = {entry.id: entry for entry in old}
    after = [entry for entry in now if known.get(entry.id) != entry]
    return [known.get(entry.id) or replace(entry, archived=True) for entry in after], after


def record(
    connection: Connection,
    batch_id: int,
    before: Sequence[ClassEntry],
    after: Sequence[ClassEntry],
) -> None:
    """Keep what a batch changed; ``before`` and ``after`` have the same classes in one order."""
    connection.execute(
        insert(_table).values(batch_id=batch_id, before=_written(before), after=_written(after))
    )


def revert(connection: Connection, undone: int, made: int) -> bool:
    """Undo the step of the batch ``undone``, as the step of the batch ``made``.

    What was changed since (a name, a colour, a place in the order) is left alone.

    Returns:
        False if that batch changed no classes.

    Raises:
        ClassNameTaken: if a name that comes back is in use.
        NotInCatalogue: if what was kept of the step is damaged.
    """
    found = connection.execute(
        select(_table.c.before, _table.c.after).where(_table.c.batch_id == undone)
    ).first()
    if found is None:
        return False
    before, after = _read(found.before), _read(found.after)
    if before is None or after is None or len(before) != len(after):
        raise NotInCatalogue(_("What this step changed in the vocabulary is not known any more."))
    now = read_classes(connection)
    current = [now[entry.id] for entry in after]
    target = [
        _reverted(was, became, is_now)
        for was, became, is_now in zip(before, after, current, strict=True)
    ]
    restore_classes(connection, target)
    record(connection, made, current, target)
    return True


def _reverted(was: ClassEntry, became: ClassEntry, now: ClassEntry) -> ClassEntry:
    """``now`` with everything that is still as the step left it as it was before."""
    kept: dict[str, Any] = {}
    for item in fields(ClassEntry):
        value = getattr(now, item.name)
        kept[item.name] = getattr(was, item.name) if value == getattr(became, item.name) else value
    return ClassEntry(**kept)


def _written(entries: Sequence[ClassEntry]) -> str:
    return to_json([asdict(entry) for entry in entries])


def _read(text: object) -> list[ClassEntry] | None:
    return from_json(text, list[ClassEntry] | None, None, where="a step of the vocabulary")
