from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest

from lmpt_desktop.ui.window import garbage_collection as collector
from lmpt_desktop.ui.window.garbage_collection import GuiThreadCollector


class Knot:
    """Garbage that only the collector can find."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def made(qapp: object) -> Iterator[GuiThreadCollector]:
    gc.collect()
    yield GuiThreadCollector()
    gc.unfreeze()
    gc.enable()


def test_garbage_is_left_alone_by_other_threads_and_found_here(made: GuiThreadCollector) -> None:
    ends: list[str] = []

    def work() -> None:
        knot = Knot()
        weakref.finalize(knot, lambda: ends.append(threading.current_thread().name))
        del knot
        kept = [[number] for number in range(5000)]
        assert len(kept) == 5000

    thread = threading.Thread(target=work, name="elsewhere")
    thread.start()
    thread.join()
    assert ends == []
    kept = [[number] for number in range(2 * collector.MIN_NEW_OBJECTS)]
    assert made.check() is not None
    assert ends == [threading.current_thread().name]
    assert kept


def test_a_flood_of_rows_is_waited_for_but_not_for_ever(made: GuiThreadCollector) -> None:
    gc.collect()
    rows = [[number] for number in range(collector.TRANSIENT_OBJECTS + 1000)]
    assert [made.check() for _ in range(collector.MAX_SKIPPED_CHECKS)] == [
        None
    ] * collector.MAX_SKIPPED_CHECKS
    assert made.check() is not None
    assert len(rows) == collector.TRANSIENT_OBJECTS + 1000


def test_older_objects_get_their_turn(made: GuiThreadCollector) -> None:
    seen: set[int | None] = set()
    for _ in range(200):
        rows = [[number] for number in range(2 * collector.MIN_NEW_OBJECTS)]
        seen.add(made.check())
        del rows
    assert {0, 1, 2} <= seen


def test_little_garbage_waits(made: GuiThreadCollector) -> None:
    gc.collect()
    assert made.check() is None
