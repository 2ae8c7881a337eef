"""How much work something is, in steps that do not depend on the machine."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable

import pytest

from lmpt_desktop.catalogue import store

SQL_STEPS = 100


class Work:
    """Counts calls of Python functions on this thread, and steps of SQLite on any.

    Only connections made after :meth:`watch_sqlite` are counted.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.sql_steps = 0

    def watch_sqlite(self, monkeypatch: pytest.MonkeyPatch) -> None:
        connect = store._connection

        def counting(*args: object, **options: object) -> sqlite3.Connection:
            connection = connect(*args, **options)  # type: ignore[arg-type]
            connection.set_progress_handler(self._step, SQL_STEPS)
            return connection

        monkeypatch.setattr(store, "_connection", counting)

    def of(self, act: Callable[[], object]) -> tuple[int, int]:
        """Calls and steps of SQLite that an act takes."""
        self.calls = self.sql_steps = 0
        sys.setprofile(self._called)
        try:
            act()
        finally:
            sys.setprofile(None)
        return self.calls, self.sql_steps

    def _called(self, _frame: object, event: str, _argument: object) -> None:
        if event in ("call", "c_call"):
            self.calls += 1

    def _step(self) -> int:
        self.sql_steps += SQL_STEPS
        return 0
