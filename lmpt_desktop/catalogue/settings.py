"""Settings that belong to the library (window state does not)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from lmpt_desktop.catalogue import schema
from lmpt_desktop.catalogue.store import Store
from lmpt_desktop.catalogue.stored_json import from_json, to_json


class Settings:
    """Values by name; a value is anything JSON can hold."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, key: str, default: Any = None) -> Any:
        """The value of ``key``, or ``default`` when it was never set or is not valid."""
        with self._store.read() as connection:
            found = connection.scalar(
                select(schema.settings.c.value).where(schema.settings.c.key == key)
            )
        return default if found is None else _value(key, found, default)

    def set(self, key: str, value: Any) -> None:
        """Keep ``value`` under ``key``.

        Raises:
            TypeError: if JSON cannot hold it.
        """
        body = to_json(value)
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
        """Every setting; None for one that is not valid."""
        with self._store.read() as connection:
            found = connection.execute(select(schema.settings)).all()
        return {row.key: _value(row.key, row.value, None) for row in found}


def _value(key: str, stored: object, default: Any) -> Any:
    return from_json(stored, Any, default, where=f"the setting {key!r}")
