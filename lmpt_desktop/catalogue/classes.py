"""The vocabulary."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, delete, func, insert, select, update

from lmpt_desktop.catalogue import schema
from lmpt_desktop.catalogue.errors import ClassNameInvalid, ClassNameTaken, NotInCatalogue
from lmpt_desktop.catalogue.store import Store
from lmpt_desktop.domain.records import ClassEntry, ClassSpec
from lmpt_desktop.translation import _
from trainer.checked_json import readable_text

_table = schema.classes
_aliases = schema.class_aliases


def name_key(name: str) -> str:
    """A key that ignores case, spaces and the encoding of accents."""
    return unicodedata.normalize("NFC", " ".join(readable_text(name).split())).casefold()


class Classes:
    """Classes in the vocabulary's order.  Nothing is ever deleted: an archived class keeps
    its annotations, and adding its name again unarchives it.

    A name or an alias stands for one class of the vocabulary only; an archived class keeps its
    names, and takes them back from other classes when it is unarchived.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self, *, archived: bool = False) -> list[ClassEntry]:
        """The vocabulary in order; with ``archived`` the archived classes after it."""
        query = select(_table).order_by(_table.c.archived, _table.c.position, _table.c.id)
        if not archived:
            query = query.where(_table.c.archived == 0)
        with self._store.read() as connection:
            aliases = _all_aliases(connection)
            return [_entry(row, aliases) for row in connection.execute(query)]

    def add(
        self,
        name: str,
        description: str = "",
        colour: str = "",
        aliases: Sequence[str] = (),
        *,
        fresh: bool = False,
    ) -> ClassEntry:
        """Add a class at the end, or unarchive the one of that name.

        Args:
            name, description, colour, aliases: of the class; what is empty an unarchived one
                keeps.
            fresh: leave archived classes of that name where they are.

        Raises:
            ClassNameInvalid: if the name is empty.
            ClassNameTaken: if the vocabulary has it, as a name or as an alias.
        """
        clean = _clean(name)
        with self._store.write() as connection:
            _refuse_taken(connection, clean)
            position = _next_position(connection)
            class_id = _add_or_revive(connection, clean, description, position, fresh=fresh)
            if colour:
                _set(connection, class_id, colour=colour)
            if aliases:
                _set_aliases(connection, class_id, aliases)
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
            _drop_alias(connection, class_id, name_key(clean))

    def describe(self, class_id: int, description: str) -> None:
        """Set the text used as prompt in place of the name; "" for the name itself."""
        with self._store.write() as connection:
            _set(connection, class_id, description=readable_text(description).strip())

    def set_colour(self, class_id: int, colour: str) -> None:
        """Set the colour, "#rrggbb" or ""."""
        with self._store.write() as connection:
            _set(connection, class_id, colour=colour)

    def set_aliases(self, class_id: int, aliases: Sequence[str]) -> None:
        """Set the other names of a class; the class's own name and repetitions are left out.

        Raises:
            ClassNameTaken: if one is a name or alias of another class of the vocabulary.
            NotInCatalogue: if there is no such class.
        """
        with self._store.write() as connection:
            _set_aliases(connection, class_id, aliases)

    def archive(self, class_id: int) -> None:
        """Take a class out of the vocabulary; its annotations are kept."""
        with self._store.write() as connection:
            _set(connection, class_id, archived=1)

    def unarchive(self, class_id: int, aliases: Sequence[str] | None = None) -> None:
        """Move a class from the archive to the end of the vocabulary.  Aliases of other classes
        that equal its name (after a merge) are removed.

        Args:
            class_id: of the class.
            aliases: its other names from now on; then no name of another class is removed.

        Raises:
            ClassNameTaken: if a class of the vocabulary has its name, or one of ``aliases``.
            NotInCatalogue: if there is no such class.
        """
        with self._store.write() as connection:
            entry = _get(connection, class_id)
            if not entry.archived:
                return
            if aliases is not None:
                _refuse_taken(connection, entry.name, but=class_id)
                _set(connection, class_id, archived=0, position=_next_position(connection))
                _set_aliases(connection, class_id, aliases)
                return
            _revive(connection, entry, _next_position(connection))

    def merge(self, class_ids: Sequence[int], into: int) -> None:
        """Archive ``class_ids`` and let their names and aliases stand for ``into``.

        Annotations are the caller's to copy.

        Raises:
            NotInCatalogue: if one of them is not there; then nothing is changed.
        """
        with self._store.write() as connection:
            kept = _get(connection, into)
            gone = [_get(connection, class_id) for class_id in class_ids if class_id != into]
            for entry in gone:
                _set(connection, entry.id, archived=1)
            names = [name for entry in gone for name in (entry.name, *entry.aliases)]
            _set_aliases(connection, into, [*kept.aliases, *names])

    def restore(self, entries: Iterable[ClassEntry]) -> None:
        """Set these classes, by id, to exactly these entries: for undo.

        Raises:
            ClassNameTaken: if a name is in use; then nothing is changed.
            NotInCatalogue: if a class is not there; then nothing is changed.
        """
        with self._store.write() as connection:
            restore_classes(connection, list(entries))

    def reorder(self, class_ids: Sequence[int]) -> None:
        """Put these classes first, in this order; the others follow in theirs."""
        with self._store.write() as connection:
            query = select(_table.c.id).where(_table.c.archived == 0)
            current = list(connection.scalars(query.order_by(_table.c.position, _table.c.id)))
            requested = list(dict.fromkeys(class_ids))
            if unknown := set(requested) - set(current):
                raise NotInCatalogue(_no_class(min(unknown)))
            first = set(requested)
            requested += [class_id for class_id in current if class_id not in first]
            for position, class_id in enumerate(requested):
                _set(connection, class_id, position=position)

    def replace_all(self, classes: Sequence[ClassSpec]) -> list[ClassEntry]:
        """Make this the vocabulary, in this order.

        A class of the same name is kept with its annotations (an archived one is unarchived),
        the others are archived.  An alias in the list stands for its class, which keeps its
        name.  Of equal names the first counts.  An empty description, colour or list of
        aliases leaves that of a kept class as it is.

        Raises:
            ClassNameInvalid: if a name is empty.
        """
        requested: dict[str, ClassSpec] = {}
        for item in classes:
            requested.setdefault(name_key(_clean(item.name)), item)
        with self._store.write() as connection:
            live = {
                row.name_key: row.id
                for row in connection.execute(select(_table).where(_table.c.archived == 0))
            }
            placed = _placed(requested, live, _alias_owners(connection))
            kept = {class_id for _key, _item, class_id in placed}
            for class_id in live.values():
                if class_id not in kept:
                    _set(connection, class_id, archived=1)
            given: list[tuple[int, Sequence[str]]] = []
            for position, (key, item, known) in enumerate(placed):
                name, description = _clean(item.name), readable_text(item.description).strip()
                if known is not None:
                    changes = {"description": description} if description else {}
                    if key in live:
                        changes["name"] = name
                    _set(connection, known, position=position, **changes)
                    class_id = known
                else:
                    class_id = _add_or_revive(connection, name, description, position)
                if item.colour:
                    _set(connection, class_id, colour=item.colour)
                if item.aliases:
                    given.append((class_id, item.aliases))
            for class_id, aliases in given:
                _set_aliases(connection, class_id, aliases, strict=False)
            # An unarchived class may have an alias that the list uses as a name.
            keys = select(_table.c.name_key).where(_table.c.archived == 0)
            ids = select(_table.c.id).where(_table.c.archived == 0)
            connection.execute(
                delete(_aliases).where(_aliases.c.class_id.in_(ids), _aliases.c.alias_key.in_(keys))
            )
        return self.all()


def read_classes(connection: Connection) -> dict[int, ClassEntry]:
    """Every class, archived or not, by id, as the transaction of ``connection`` sees them; in the
    order of :meth:`Classes.all`."""
    aliases = _all_aliases(connection)
    query = select(_table).order_by(_table.c.archived, _table.c.position, _table.c.id)
    return {row.id: _entry(row, aliases) for row in connection.execute(query)}


def restore_classes(connection: Connection, entries: Sequence[ClassEntry]) -> None:
    """See :meth:`Classes.restore`; ``connection`` has a write transaction open."""
    for entry in entries:
        _set(connection, entry.id, archived=1)
        connection.execute(delete(_aliases).where(_aliases.c.class_id == entry.id))
    for entry in entries:
        if not entry.archived:
            _refuse_taken(connection, entry.name)
        _set(
            connection,
            entry.id,
            name=entry.name,
            name_key=name_key(entry.name),
            description=entry.description,
            position=entry.position,
            colour=entry.colour,
            archived=int(entry.archived),
        )
    for entry in entries:
        _set_aliases(connection, entry.id, entry.aliases)


def _placed(
    requested: dict[str, ClassSpec], live: dict[str, int], owners: dict[str, int]
) -> list[tuple[str, ClassSpec, int | None]]:
    """Key, item and class (None: none of the vocabulary) of every line of a list, by key."""
    used = {live[key] for key in requested if key in live}
    placed: list[tuple[str, ClassSpec, int | None]] = []
    for key, item in requested.items():
        class_id = live.get(key)
        if class_id is None and (class_id := owners.get(key)) is not None:
            if class_id in used:
                continue  # the list has it already, by its own name or another alias
            used.add(class_id)
        placed.append((key, item, class_id))
    return placed


def _clean(name: str) -> str:
    clean = unicodedata.normalize("NFC", " ".join(readable_text(name).split()))
    if not clean:
        raise ClassNameInvalid(_("A class needs a name; type at least one letter."))
    return clean


def _no_class(class_id: int) -> str:
    return _(
        "There is no class with the number {class_id} in this library; nothing was changed."
    ).format(class_id=class_id)


def _all_aliases(connection: Connection) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    query = select(_aliases).order_by(_aliases.c.class_id, _aliases.c.position)
    for row in connection.execute(query):
        found[row.class_id].append(row.alias)
    return found


def _alias_owners(connection: Connection) -> dict[str, int]:
    """Classes of the vocabulary by the keys of their aliases."""
    query = select(_aliases.c.alias_key, _aliases.c.class_id).join(
        _table, _table.c.id == _aliases.c.class_id
    )
    found = connection.execute(query.where(_table.c.archived == 0))
    return {row.alias_key: row.class_id for row in found}


def _alias_owner(connection: Connection, key: str) -> int | None:
    """The class of the vocabulary with the alias of this key."""
    query = select(_aliases.c.class_id).join(_table, _table.c.id == _aliases.c.class_id)
    return connection.scalar(query.where(_table.c.archived == 0, _aliases.c.alias_key == key))


def _entry(row: object, aliases: dict[int, list[str]]) -> ClassEntry:
    fields = row._mapping  # type: ignore[attr-defined]
    return ClassEntry(
        id=fields["id"],
        name=fields["name"],
        description=fields["description"],
        position=fields["position"],
        colour=fields["colour"],
        archived=bool(fields["archived"]),
        aliases=tuple(aliases.get(fields["id"], ())),
    )


def _get(connection: Connection, class_id: int) -> ClassEntry:
    row = connection.execute(select(_table).where(_table.c.id == class_id)).first()
    if row is None:
        raise NotInCatalogue(_no_class(class_id))
    query = select(_aliases.c.alias).where(_aliases.c.class_id == class_id)
    return _entry(row, {class_id: list(connection.scalars(query.order_by(_aliases.c.position)))})


def _set(connection: Connection, class_id: int, **values: object) -> None:
    done = connection.execute(update(_table).where(_table.c.id == class_id).values(**values))
    if done.rowcount == 0:
        raise NotInCatalogue(_no_class(class_id))


def _drop_alias(connection: Connection, class_id: int, key: str) -> None:
    connection.execute(
        delete(_aliases).where(_aliases.c.class_id == class_id, _aliases.c.alias_key == key)
    )


def _set_aliases(
    connection: Connection, class_id: int, aliases: Iterable[str], *, strict: bool = True
) -> None:
    """Replace the aliases; without ``strict``, those that are taken are left out."""
    entry = _get(connection, class_id)
    requested: dict[str, str] = {}
    for alias in aliases:
        if (key := name_key(alias)) and key != name_key(entry.name):
            requested.setdefault(key, _clean(alias))
    connection.execute(delete(_aliases).where(_aliases.c.class_id == class_id))
    if not entry.archived:
        for key, alias in list(requested.items()):
            if taken := _taken_by(connection, alias, but=class_id):
                if strict:
                    raise ClassNameTaken(taken)
                del requested[key]
    if requested:
        connection.execute(
            insert(_aliases),
            [
                {"class_id": class_id, "alias_key": key, "alias": alias, "position": position}
                for position, (key, alias) in enumerate(requested.items())
            ],
        )


def _next_position(connection: Connection) -> int:
    query = select(func.max(_table.c.position)).where(_table.c.archived == 0)
    last = connection.scalar(query)
    return 0 if last is None else last + 1


def _taken_by(connection: Connection, name: str, but: int | None = None) -> str:
    """Why ``name`` is taken by another class of the vocabulary, or ""."""
    key = name_key(name)
    query = select(_table).where(_table.c.name_key == key, _table.c.archived == 0)
    found = connection.execute(query).first()
    if found and found.id != but:
        return _(
            "There is already a class called “{name}”. Choose another name, or use that class."
        ).format(name=found.name)
    owner = _alias_owner(connection, key)
    if owner is not None and owner != but:
        return _(
            "“{name}” is another name of “{owner}”. Use that class, or remove the name there."
        ).format(name=name, owner=_get(connection, owner).name)
    return ""


def _refuse_taken(connection: Connection, name: str, but: int | None = None) -> None:
    if taken := _taken_by(connection, name, but):
        raise ClassNameTaken(taken)


def _revive(connection: Connection, entry: ClassEntry, position: int) -> None:
    query = select(_table).where(
        _table.c.name_key == name_key(entry.name), _table.c.archived == 0, _table.c.id != entry.id
    )
    if (found := connection.execute(query).first()) is not None:
        raise ClassNameTaken(
            _("There is now a class called “{name}”. Rename it first, or merge the two.").format(
                name=found.name
            )
        )
    owners = _alias_owners(connection)
    live = set(connection.scalars(select(_table.c.name_key).where(_table.c.archived == 0)))
    _set(connection, entry.id, archived=0, position=position)
    own = name_key(entry.name)
    for key in (own, *(name_key(alias) for alias in entry.aliases)):
        if key in owners:
            _drop_alias(connection, owners[key], key)
        elif key in live and key != own:
            _drop_alias(connection, entry.id, key)


def _add_or_revive(
    connection: Connection, name: str, description: str, position: int, *, fresh: bool = False
) -> int:
    query = select(_table.c.id).where(_table.c.name_key == name_key(name), _table.c.archived == 1)
    description = readable_text(description).strip()
    archived = None if fresh else connection.scalar(query.order_by(_table.c.id.desc()))
    if archived is not None:
        _revive(connection, _get(connection, archived), position)
        described = {"description": description} if description else {}
        _set(connection, archived, name=name, **described)
        return archived
    done = connection.execute(
        insert(_table).values(
            name=name,
            name_key=name_key(name),
            description=description,
            position=position,
        )
    )
    assert done.inserted_primary_key is not None
    return int(done.inserted_primary_key[0])
