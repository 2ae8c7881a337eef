"""Prompt sets: which there are, and which one predicts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select, update

from lmpt_desktop.catalogue import schema
from lmpt_desktop.catalogue.errors import NotInCatalogue
from lmpt_desktop.catalogue.runs import inside, outside
from lmpt_desktop.catalogue.store import Store, as_datetime, now
from lmpt_desktop.catalogue.stored_json import from_json, to_json
from lmpt_desktop.translation import _
from trainer.checked_json import Count, Finite, readable_text

_table = schema.prompt_sets
_promotions = schema.promotions


@dataclass(frozen=True)
class PromptSetRecord:
    """A prompt set on disk (:mod:`trainer.prompt_set` reads ``folder``).

    ``name`` and ``note`` are the user's; ``data`` says what it was learned from (counts);
    ``class_ids`` the class of this library behind each of its names, whatever its name is today;
    {} for prompt sets made before this was recorded.
    """

    id: int
    folder: Path
    backbone: str
    created: datetime
    run_id: int | None = None
    metrics: dict[str, float | None] = field(default_factory=dict)
    active: bool = False
    promoted: bool = False
    discarded: bool = False
    name: str = ""
    note: str = ""
    data: dict[str, int] = field(default_factory=dict)
    class_ids: dict[str, int] = field(default_factory=dict)


class PromptSets:
    """Records of prompt sets.  One per backbone is active, or none (zero-shot).  Promotions
    are only ever added, so that one can go back to every version that was active."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._library = store.path.parent

    def add(
        self,
        folder: Path,
        backbone: str,
        *,
        run_id: int | None = None,
        metrics: dict[str, float | None] | None = None,
        name: str = "",
        note: str = "",
        data: dict[str, int] | None = None,
        class_ids: dict[str, int] | None = None,
    ) -> PromptSetRecord:
        """Record a prompt set that is whole on disk.  It is not active yet.

        The other arguments are as in :class:`PromptSetRecord`.

        Raises:
            NotInCatalogue: if ``run_id`` names no run.
        """
        with self._store.write() as connection:
            done = connection.execute(
                insert(_table).values(
                    run_id=run_id,
                    folder=inside(self._library, folder),
                    backbone=backbone,
                    created_at=now(),
                    metrics=to_json(metrics or {}),
                    name=readable_text(name),
                    note=readable_text(note),
                    data=to_json(data or {}),
                    class_ids=to_json(class_ids or {}),
                )
            )
            assert done.inserted_primary_key is not None
            return self._get(connection, int(done.inserted_primary_key[0]))

    def all(self, *, discarded: bool = False) -> list[PromptSetRecord]:
        """Prompt sets, newest first; discarded ones only when asked for."""
        query = select(_table).order_by(_table.c.id.desc())
        if not discarded:
            query = query.where(_table.c.discarded == 0)
        with self._store.read() as connection:
            active = set(_active(connection).values())
            promoted = _ever_promoted(connection)
            found = connection.execute(query).all()
            return [self._record(row, active, promoted) for row in found]

    def get(self, prompt_set_id: int) -> PromptSetRecord:
        """One prompt set, discarded or not.

        Raises:
            NotInCatalogue: if there is none with this id.
        """
        with self._store.read() as connection:
            return self._get(connection, prompt_set_id)

    def active(self, backbone: str) -> PromptSetRecord | None:
        """The prompt set that predicts with ``backbone``; None: zero-shot."""
        with self._store.read() as connection:
            found = _active(connection).get(backbone)
            return None if found is None else self._get(connection, found)

    def promote(self, prompt_set_id: int) -> PromptSetRecord:
        """Predict with this prompt set from now on.

        Raises:
            NotInCatalogue: if there is none with this id, or it was discarded.
        """
        with self._store.write() as connection:
            record = self._get(connection, prompt_set_id)
            if record.discarded:
                raise NotInCatalogue(_("This version was discarded and can no longer be used."))
            _promote(connection, record.backbone, prompt_set_id)
            return self._get(connection, prompt_set_id)

    def promote_zero_shot(self, backbone: str) -> None:
        """Predict with ``backbone`` without any prompt set from now on."""
        with self._store.write() as connection:
            _promote(connection, backbone, None)

    def roll_back(self, backbone: str) -> PromptSetRecord | None:
        """Go back to what was active before (skipping what was discarded since).

        Rolling back twice goes back two versions.

        Returns:
            What is active now; None: zero-shot.
        """
        with self._store.write() as connection:
            target = _before(connection, backbone)
            _promote(connection, backbone, target, back=True)
            return None if target is None else self._get(connection, target)

    def rename(self, prompt_set_id: int, name: str) -> None:
        """Call it something; "" for nothing.

        Raises:
            NotInCatalogue: if there is none with this id.
        """
        self._set(prompt_set_id, name=" ".join(readable_text(name).split()))

    def annotate(self, prompt_set_id: int, note: str) -> None:
        """Keep the user's note on it.

        Raises:
            NotInCatalogue: if there is none with this id.
        """
        self._set(prompt_set_id, note=readable_text(note).strip())

    def bind_classes(self, prompt_set_id: int, class_ids: dict[str, int]) -> None:
        """Keep which class each of its names is.

        Raises:
            NotInCatalogue: if there is none with this id.
        """
        self._set(prompt_set_id, class_ids=to_json(class_ids))

    def _set(self, prompt_set_id: int, **values: str) -> None:
        with self._store.write() as connection:
            self._get(connection, prompt_set_id)
            connection.execute(update(_table).where(_table.c.id == prompt_set_id).values(**values))

    def discard(self, prompt_set_id: int) -> None:
        """Take a prompt set off the list; its folder is the caller's to delete.

        Raises:
            NotInCatalogue: if there is none with this id.
            ValueError: if it is active.
        """
        with self._store.write() as connection:
            if self._get(connection, prompt_set_id).active:
                raise ValueError(
                    _("The active version cannot be discarded; promote another first.")
                )
            connection.execute(
                update(_table).where(_table.c.id == prompt_set_id).values(discarded=1)
            )

    def _get(self, connection: Connection, prompt_set_id: int) -> PromptSetRecord:
        row = connection.execute(select(_table).where(_table.c.id == prompt_set_id)).first()
        if row is None:
            raise NotInCatalogue(
                _("There is no version with the number {prompt_set_id} in this library.").format(
                    prompt_set_id=prompt_set_id
                )
            )
        return self._record(row, set(_active(connection).values()), _ever_promoted(connection))

    def _record(self, row: Any, active: set[int | None], promoted: set[int]) -> PromptSetRecord:
        return PromptSetRecord(
            id=row.id,
            folder=outside(self._library, row.folder),
            backbone=row.backbone,
            created=as_datetime(row.created_at),
            run_id=row.run_id,
            metrics=_column(row, "metrics", dict[str, Finite | None]),
            active=row.id in active,
            promoted=row.id in promoted,
            discarded=bool(row.discarded),
            name=row.name,
            note=row.note,
            data=_column(row, "data", dict[str, Count]),
            class_ids=_column(row, "class_ids", dict[str, Count]),
        )


def _column(row: Any, column: str, kind: Any) -> dict[str, Any]:
    where = f"{column} of version {row.id}"
    return from_json(getattr(row, column), kind, {}, where=where)


def _before(connection: Connection, backbone: str) -> int | None:
    """What was active before: promotions and roll-backs are the pushes and pops of a stack
    at whose bottom is zero-shot."""
    usable = set(connection.scalars(select(_table.c.id).where(_table.c.discarded == 0)))
    history = select(_promotions).where(_promotions.c.backbone == backbone)
    stack: list[int | None] = [None]
    for row in connection.execute(history.order_by(_promotions.c.id)):
        if row.back:
            stack.pop()
            while stack and stack[-1] != row.prompt_set_id:
                stack.pop()
            stack = stack or [None]
        elif stack[-1] != row.prompt_set_id:
            stack.append(row.prompt_set_id)
    stack.pop()
    while stack and stack[-1] is not None and stack[-1] not in usable:
        stack.pop()
    return stack[-1] if stack else None


def _active(connection: Connection) -> dict[str, int | None]:
    """The last promotion of every backbone."""
    query = select(_promotions).order_by(_promotions.c.id)
    return {row.backbone: row.prompt_set_id for row in connection.execute(query)}


def _ever_promoted(connection: Connection) -> set[int]:
    query = select(_promotions.c.prompt_set_id).where(_promotions.c.prompt_set_id.is_not(None))
    return {int(found) for found in connection.scalars(query)}


def _promote(
    connection: Connection, backbone: str, prompt_set_id: int | None, *, back: bool = False
) -> None:
    connection.execute(
        insert(_promotions).values(
            backbone=backbone, prompt_set_id=prompt_set_id, back=int(back), at=now()
        )
    )
