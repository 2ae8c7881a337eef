"""Settings that belong to the library (window state does not)."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from lmpt_desktop.catalogue import schema
from lmpt_desktop.catalogue.store import Store


class Settings:
    """Values by name; a value is anything JSON can hold."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, key: str, default: Any = None) -> Any:
        """The value of ``key``, or ``default`` when it was never set."""
        with self._store.read() as connection:
            found = connection.scalar(
                select(schema.settings.c.value).where(schema.settings.c.key == key)
            )
        return default if found is None else json.loads(found)

    def set(self, key: str, value: Any) -> None:
        """Keep ``value`` under ``key``.

        Raises:
            TypeError: if JSON cannot hold it.
        """
        body = json.dumps(value, ensure_ascii=False)
        statement = insert(schema.settings).values(key=key, value=body)
        with self._store.write() as connection:
            connection.execute(
                statement.on_conflict_do_update(index_elements=["key"], set_={"value": body})
            )

    def delete(self, key: str) -> None:
        """Forget ``key``."""
        with self._store.write() as connection:
            connection.execute(delete(schema.settings).where(schema.settings.c.key == key))

    def all(self) -> dict[str, Any]:
        """Every setting."""
        with self._store.read() as connection:
            found = connection.execute(select(schema.settings)).all()
        return {row.key: json.loads(row.value) for row in found}
