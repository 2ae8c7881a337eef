"""Finds uses of the catalogue on the window's thread.

The only ones allowed are those of the verdict path, which wait a bounded time (within
``Catalogue.write_timeout``).  What a test itself asks the catalogue does not count.
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from lmpt_desktop.catalogue.store import Store

WINDOW_CODE = (str(Path("lmpt_desktop", "ui")), str(Path("lmpt_desktop", "app.py")))
TEST_CODE = (str(Path(__file__).parents[1]),)


def _is_of(filename: str, places: tuple[str, ...]) -> bool:
    return any(place in filename for place in places)


def _asked_by_window(frame: FrameType | None) -> bool:
    """Whether the innermost of these files and those of tests is one of the window."""
    while frame is not None:
        filename = frame.f_code.co_filename
        if _is_of(filename, TEST_CODE):
            return False
        if _is_of(filename, WINDOW_CODE):
            return True
        frame = frame.f_back
    return False


@contextmanager
def no_catalogue_use(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Within it, uses from ``lmpt_desktop/ui`` or ``app.py`` on the main thread are listed; fails
    at the end if there were any."""
    found: list[str] = []
    bounded = threading.local()

    def check() -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        if getattr(bounded, "depth", 0):
            return
        caller = sys._getframe(2)
        if _asked_by_window(caller):
            lines = [
                f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
                for frame in traceback.extract_stack(caller)
                if "lmpt_desktop" in frame.filename
            ]
            if (use := " > ".join(lines)) not in found:
                found.append(use)

    def checked(original: Any) -> Any:
        def use(self: Store, *args: Any) -> Any:
            check()
            return original(self, *args)

        return use

    @contextmanager
    def waiting(self: Store, seconds: float) -> Iterator[None]:
        bounded.depth = getattr(bounded, "depth", 0) + 1
        try:
            with original_wait(self, seconds):
                yield
        finally:
            bounded.depth -= 1

    original_wait = Store.write_timeout
    for name in ("__init__", "read", "write", "external_version", "close"):
        monkeypatch.setattr(Store, name, checked(getattr(Store, name)))
    monkeypatch.setattr(Store, "write_timeout", waiting)
    yield found
    assert not found, "the catalogue was used on the window's thread:\n" + "\n".join(found)
