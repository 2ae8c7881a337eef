"""Runs of the trainer, and the images held out from every training."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, text, update

from lmpt_desktop.catalogue import schema
from lmpt_desktop.catalogue.errors import NotInCatalogue
from lmpt_desktop.catalogue.records import ImageIds
from lmpt_desktop.catalogue.store import Store, as_datetime, now, rows
from lmpt_desktop.catalogue.stored_json import from_json, to_json
from lmpt_desktop.catalogue.stored_paths import from_stored, to_stored
from lmpt_desktop.translation import _
from trainer.checked_json import readable_text

_table = schema.runs


class RunState(StrEnum):
    """The state of a run.  ``LOST``: its process ended without reporting a result."""

    PREPARING = "preparing"
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"
    LOST = "lost"


@dataclass(frozen=True)
class RunRecord:
    """A run of the trainer.

    ``folder`` is the job folder; ``pid`` with ``pid_created`` (seconds since the epoch, as
    psutil reports them) identify its process, even after the number was reused.
    """

    id: int
    folder: Path
    backbone: str
    state: RunState
    created: datetime
    finished: datetime | None = None
    pid: int | None = None
    pid_created: float | None = None
    message: str = ""
    settings: dict[str, Any] = field(default_factory=dict)


_ENDED = {RunState.FINISHED, RunState.CANCELLED, RunState.FAILED, RunState.LOST}


class Runs:
    """Records of runs.  Folders inside the library are kept relative to it, so that the
    library itself can be moved."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._library = store.path.parent

    def add(
        self,
        folder: Path,
        backbone: str,
        *,
        settings: dict[str, Any] | None = None,
        state: RunState = RunState.PREPARING,
        taken: Callable[[Path], bool] = Path.exists,
    ) -> RunRecord:
        """Record a run that is about to begin.

        ``folder`` is its job folder; a ``{id}`` in it becomes the run's id.  Where ``taken``
        says that the name is in use, the folder gets another one: after a backup was restored,
        ids are assigned again that were used before.
        """
        at = now()
        with self._store.write() as connection:
            done = connection.execute(
                insert(_table).values(
                    folder="",
                    backbone=backbone,
                    state=state.value,
                    created_at=at,
                    settings=to_json(settings or {}),
                )
            )
            assert done.inserted_primary_key is not None
            run_id = int(done.inserted_primary_key[0])
            where = Path(str(folder).replace("{id}", str(run_id)))
            if where != folder and taken(where):
                where = where.with_name(f"{where.name}-{uuid.uuid4().hex[:8]}")
            connection.execute(
                update(_table)
                .where(_table.c.id == run_id)
                .values(folder=inside(self._library, where))
            )
        return self.get(run_id)

    def get(self, run_id: int) -> RunRecord:
        """One run.

        Raises:
            NotInCatalogue: if there is none with this id.
        """
        with self._store.read() as connection:
            row = connection.execute(select(_table).where(_table.c.id == run_id)).first()
        if row is None:
            raise NotInCatalogue(
                _("There is no run with the number {run_id} in this library.").format(run_id=run_id)
            )
        return self._record(row)

    def all(self) -> list[RunRecord]:
        """Every run, newest first."""
        with self._store.read() as connection:
            found = connection.execute(select(_table).order_by(_table.c.id.desc())).all()
        return [self._record(row) for row in found]

    def unfinished(self) -> list[RunRecord]:
        """Runs that had not ended by the last record, newest first: to be checked when the app
        starts."""
        return [run for run in self.all() if run.state not in _ENDED]

    def update(
        self,
        run_id: int,
        *,
        state: RunState | None = None,
        message: str | None = None,
        pid: int | None = None,
        pid_created: float | None = None,
    ) -> RunRecord:
        """Record what is new; None leaves a field as it is.  A state that ends the run also
        records when.

        Raises:
            NotInCatalogue: if there is no such run.
        """
        values: dict[str, Any] = {
            key: value
            for key, value in {
                "state": state.value if state else None,
                "message": None if message is None else readable_text(message),
                "pid": pid,
                "pid_created": pid_created,
            }.items()
            if value is not None
        }
        if state in _ENDED:
            values["finished_at"] = now()
        if values:
            with self._store.write() as connection:
                connection.execute(update(_table).where(_table.c.id == run_id).values(**values))
        return self.get(run_id)

    # ------------------------------------------------------------------------ held out

    def held_out(self) -> set[int]:
        """Images that no run may train on: they judge every prompt set alike."""
        with self._store.read() as connection:
            return {row[0] for row in rows(connection, "SELECT image_id FROM held_out")}

    def is_held_out(self, image_id: int) -> bool:
        """Whether no run may train on this image."""
        with self._store.read() as connection:
            found = rows(connection, "SELECT 1 FROM held_out WHERE image_id = ?", (image_id,))
            return bool(found)

    def add_held_out(self, image_ids: ImageIds) -> None:
        """Hold these out from now on.

        Raises:
            NotInCatalogue: if an image does not exist; then nothing is changed.
        """
        at = now()
        values = [{"id": int(image_id), "at": at} for image_id in image_ids]
        if values:
            with self._store.write() as connection:
                connection.execute(
                    text("INSERT OR IGNORE INTO held_out (image_id, at) VALUES (:id, :at)"), values
                )

    def release_held_out(self, image_ids: ImageIds) -> None:
        """Let a run choose a side for these again: nothing was measured with them."""
        values = [{"id": int(image_id)} for image_id in image_ids]
        if values:
            with self._store.write() as connection:
                connection.execute(text("DELETE FROM held_out WHERE image_id = :id"), values)

    def _record(self, row: Any) -> RunRecord:
        return RunRecord(
            id=row.id,
            folder=outside(self._library, row.folder),
            backbone=row.backbone,
            state=RunState(row.state),
            created=as_datetime(row.created_at),
            finished=None if row.finished_at is None else as_datetime(row.finished_at),
            pid=row.pid,
            pid_created=row.pid_created,
            message=row.message,
            settings=from_json(
                row.settings, dict[str, Any], {}, where=f"the settings of run {row.id}"
            ),
        )


def inside(library: Path, folder: Path) -> str:
    """``folder`` as stored: relative to the library where it is inside it."""
    if folder.is_absolute() and folder.is_relative_to(library):
        folder = folder.relative_to(library)
    return to_stored(folder.as_posix())


def outside(library: Path, stored: str) -> Path:
    """The folder that a stored text names."""
    return library / from_stored(stored)
