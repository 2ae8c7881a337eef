"""The vocabulary."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from sqlalchemy import Connection, func, insert, select, update

from lmpt_desktop.catalogue import schema
from lmpt_desktop.catalogue.errors import ClassNameInvalid, ClassNameTaken, NotInCatalogue
from lmpt_desktop.catalogue.records import ClassEntry, ClassLike
from lmpt_desktop.catalogue.store import Store
from lmpt_desktop.translation import _

_table = schema.classes


def name_key(name: str) -> str:
    """What two names of the same class have in common: case, spaces and accents' encoding."""
    return unicodedata.normalize("NFC", " ".join(name.split())).casefold()


class Classes:
    """Classes in the vocabulary's order.  Nothing is ever deleted: an archived class keeps
    its annotations, and adding its name again brings it back."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self, *, archived: bool = False) -> list[ClassEntry]:
        """The vocabulary in order; with ``archived`` the archived classes after it."""
        query = select(_table).order_by(_table.c.archived, _table.c.position, _table.c.id)
        if not archived:
            query = query.where(_table.c.archived == 0)
        with self._store.read() as connection:
            return [_entry(row) for row in connection.execute(query)]

    def add(self, name: str, description: str = "", colour: str = "") -> ClassEntry:
        """Add a class at the end, or take the archived one of that name back.

        Raises:
            ClassNameInvalid: if the name is empty.
            ClassNameTaken: if the vocabulary has it.
        """
        clean = _clean(name)
        with self._store.write() as connection:
            _refuse_taken(connection, clean)
            class_id = _add_or_revive(connection, clean, description, _next_position(connection))
            if colour:
                _set(connection, class_id, colour=colour)
            return _get(connection, class_id)

    def rename(self, class_id: int, name: str) -> None:
        """Give a class another name; annotations stay.

        Raises:
            ClassNameInvalid: if the name is empty.
            ClassNameTaken: if another class of the vocabulary has it.
            NotInCatalogue: if there is no such class.
        """
        clean = _clean(name)
        with self._store.write() as connection:
            _refuse_taken(connection, clean, but=class_id)
            _set(connection, class_id, name=clean, name_key=name_key(clean))

    def describe(self, class_id: int, description: str) -> None:
        """Set the text used as prompt in place of the name; "" for the name itself."""
        with self._store.write() as connection:
            _set(connection, class_id, description=description.strip())

    def set_colour(self, class_id: int, colour: str) -> None:
        """Set the colour, "#rrggbb" or ""."""
        with self._store.write() as connection:
            _set(connection, class_id, colour=colour)

    def archive(self, class_id: int) -> None:
        """Take a class out of the vocabulary; its annotations are kept."""
        with self._store.write() as connection:
            _set(connection, class_id, archived=1)

    def reorder(self, class_ids: Sequence[int]) -> None:
        """Put these classes first, in this order; the others follow in theirs."""
        with self._store.write() as connection:
            query = select(_table.c.id).where(_table.c.archived == 0)
            current = list(connection.scalars(query.order_by(_table.c.position, _table.c.id)))
            wanted = list(dict.fromkeys(class_ids))
            if unknown := set(wanted) - set(current):
                raise NotInCatalogue(_no_class(min(unknown)))
            wanted += [class_id for class_id in current if class_id not in set(wanted)]
            for position, class_id in enumerate(wanted):
                _set(connection, class_id, position=position)

    def replace_all(self, classes: Sequence[ClassLike]) -> list[ClassEntry]:
        """Make this the vocabulary, in this order.

        A class of the same name is kept with its annotations (archived ones come back), the
        others are archived.  Of names that are the same the first counts.  An empty
        description leaves a kept class the description it has.

        Raises:
            ClassNameInvalid: if a name is empty.
        """
        wanted: dict[str, ClassLike] = {}
        for item in classes:
            wanted.setdefault(name_key(_clean(item.name)), item)
        with self._store.write() as connection:
            live = {
                row.name_key: row.id
                for row in connection.execute(select(_table).where(_table.c.archived == 0))
            }
            for key, class_id in live.items():
                if key not in wanted:
                    _set(connection, class_id, archived=1)
            for position, (key, item) in enumerate(wanted.items()):
                name, description = _clean(item.name), item.description.strip()
                if key in live:
                    described = {"description": description} if description else {}
                    _set(connection, live[key], name=name, position=position, **described)
                else:
                    _add_or_revive(connection, name, description, position)
        return self.all()


def _clean(name: str) -> str:
    clean = unicodedata.normalize("NFC", " ".join(name.split()))
    if not clean:
        raise ClassNameInvalid(_("A class needs a name; type at least one letter."))
    return clean


def _no_class(class_id: int) -> str:
    return _(
        "There is no class with the number {class_id} in this library; nothing was changed."
    ).format(class_id=class_id)


def _entry(row: object) -> ClassEntry:
    fields = row._mapping  # type: ignore[attr-defined]
    return ClassEntry(
        id=fields["id"],
        name=fields["name"],
        description=fields["description"],
        position=fields["position"],
        colour=fields["colour"],
        archived=bool(fields["archived"]),
    )


def _get(connection: Connection, class_id: int) -> ClassEntry:
    return _entry(connection.execute(select(_table).where(_table.c.id == class_id)).one())


def _set(connection: Connection, class_id: int, **values: object) -> None:
    done = connection.execute(update(_table).where(_table.c.id == class_id).values(**values))
    if done.rowcount == 0:
        raise NotInCatalogue(_no_class(class_id))


def _next_position(connection: Connection) -> int:
    query = select(func.max(_table.c.position)).where(_table.c.archived == 0)
    last = connection.scalar(query)
    return 0 if last is None else last + 1


def _refuse_taken(connection: Connection, name: str, but: int | None = None) -> None:
    query = select(_table).where(_table.c.name_key == name_key(name), _table.c.archived == 0)
    found = connection.execute(query).first()
    if found and found.id != but:
        raise ClassNameTaken(
            _(
                "There is already a class called “{name}”. Choose another name, or use that class."
            ).format(name=found.name)
        )


def _add_or_revive(connection: Connection, name: str, description: str, position: int) -> int:
    query = select(_table.c.id).where(_table.c.name_key == name_key(name), _table.c.archived == 1)
    archived = connection.scalar(query.order_by(_table.c.id.desc()))
    if archived is not None:
        described = {"description": description.strip()} if description.strip() else {}
        _set(connection, archived, name=name, archived=0, position=position, **described)
        return archived
    done = connection.execute(
        insert(_table).values(
            name=name,
            name_key=name_key(name),
            description=description.strip(),
            position=position,
        )
    )
    assert done.inserted_primary_key is not None
    return int(done.inserted_primary_key[0])
