"""A catalogue as the first version wrote it: a row for every class of a reviewed image."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import create_engine

from lmpt_desktop.catalogue import opening, schema
from lmpt_desktop.catalogue.migrations.run import upgrade

IMAGES = 4
CLASSES = ("ant", "bee", "cat")
_COLUMNS = (
    "batch_id, image_id, class_id, before_verdict, before_at, before_source, "
    "after_verdict, after_at, after_source"
)


class FirstCatalogue:
    """Writes what the first version's ``Annotations`` wrote.  Images are 1 to 4, classes 1 to
    3 (and 4, archived); ``at`` of a batch is its number."""

    def __init__(self, library: Path, images: int = IMAGES) -> None:
        library.mkdir(parents=True)
        path = library / opening.CATALOGUE_NAME
        engine = create_engine(f"sqlite:///{path}")
        with engine.begin() as connection:
            upgrade(connection, "0001")
            connection.exec_driver_sql(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        engine.dispose()
        self.db = sqlite3.connect(path)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("INSERT INTO folders VALUES (1, ?, 0, 0)", (str(library / "photos"),))
        self.db.executemany(
            "INSERT INTO images (id, folder_id, path, size, mtime_ns, fingerprint, added_at) "
            "VALUES (?, 1, ?, 1000, 1, ?, 0)",
            [(i, f"{i:06}.jpg", f"{i:032x}") for i in range(1, images + 1)],
        )
        self.db.executemany(
            "INSERT INTO classes (id, name, name_key, position, archived) VALUES (?, ?, ?, ?, ?)",
            [(i, name, name, i, 0) for i, name in enumerate(CLASSES, 1)]
            + [(4, "old", "old", 4, 1)],
        )
        self.db.commit()

    def close(self) -> None:
        self.db.commit()
        self.db.close()

    def apply(self, cells: Sequence[tuple[int, int, int]], source: str = "user") -> int:
        """Set (image, class, verdict) in a batch; returns its number."""
        batch = self._begin("import" if source == "import" else "apply")
        for image, klass, verdict in cells:
            before = self._stored(image, klass)
            after = (None, None, None) if verdict < 0 else (verdict, batch, source)
            self._write(batch, image, klass, before, after)
        return self._settle(batch)

    def review(self, images: Sequence[int]) -> int:
        batch = self._begin("reviewed")
        for image in images:
            for klass in range(1, len(CLASSES) + 1):
                if self._stored(image, klass)[0] is None:
                    self._write(batch, image, klass, (None,) * 3, (0, batch, "reviewed"))
            self._write(batch, image, None, (None,) * 3, (1, batch, None))
        return self._settle(batch)

    def undo(self, undone: int) -> int:
        batch = self._begin("undo", undone)
        rows = self.db.execute(f"SELECT {_COLUMNS} FROM journal WHERE batch_id = ?", (undone,))
        for row in rows.fetchall():
            self._write(batch, row[1], row[2], row[6:9], row[3:6])
        return self._settle(batch)

    def contents(self) -> set[tuple]:
        """As ``stored_annotations.annotations_in`` and ``stored_annotations.marks_in``."""
        found = set(self.db.execute("SELECT * FROM annotations"))
        return found | {("reviewed", *row) for row in self.db.execute("SELECT * FROM reviewed")}

    def _begin(self, action: str, undoes: int | None = None) -> int:
        batch = self.db.execute("SELECT coalesce(max(id), 0) + 1 FROM batches").fetchone()[0]
        self.db.execute("INSERT INTO batches VALUES (?, ?, ?, ?)", (batch, batch, action, undoes))
        return int(batch)

    def _stored(self, image: int, klass: int) -> tuple:
        found = self.db.execute(
            "SELECT verdict, at, source FROM annotations WHERE image_id = ? AND class_id = ?",
            (image, klass),
        ).fetchone()
        return found or (None, None, None)

    def _write(
        self, batch: int, image: int, klass: int | None, before: tuple, after: tuple
    ) -> None:
        self.db.execute(
            f"INSERT INTO journal ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (batch, image, klass, *before, *after),
        )

    def _settle(self, batch: int) -> int:
        where = "FROM journal WHERE batch_id = ? AND class_id IS"
        for statement in (
            "DELETE FROM annotations WHERE (image_id, class_id) IN (SELECT image_id, class_id "
            f"{where} NOT NULL AND after_verdict IS NULL)",
            "INSERT OR REPLACE INTO annotations SELECT image_id, class_id, after_verdict, "
            f"after_at, after_source {where} NOT NULL AND after_verdict IS NOT NULL",
            "DELETE FROM reviewed WHERE image_id IN (SELECT image_id "
            f"{where} NULL AND after_verdict IS NULL)",
            "INSERT OR REPLACE INTO reviewed SELECT image_id, after_at "
            f"{where} NULL AND after_verdict IS NOT NULL",
        ):
            self.db.execute(statement, (batch,))
        self.db.commit()
        return batch
