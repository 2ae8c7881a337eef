from __future__ import annotations

import gc
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lmpt_desktop.engine import kept_matrix
from lmpt_desktop.engine.kept_matrix import Change, KeptMatrix

Scores = NDArray[np.float32]


def cell(row: int, column: int, value: float) -> Change:
    return (np.array([row]), np.array([column])), np.array([value], np.float32)


def some_change(random: np.random.Generator, n: int, c: int) -> Change:
    """Cells here and there, whole columns, parts of columns, or whole rows."""
    rows = random.choice(n, int(random.integers(1, n + 1)), replace=False)
    columns = np.sort(random.choice(c, int(random.integers(1, c + 1)), replace=False))
    index: Any
    match random.integers(4):
        case 0:
            index = rows, random.integers(0, c, len(rows))
        case 1:
            index = slice(None), columns
        case 2:
            index = np.ix_(rows, columns)
        case _:
            index = (rows,)
    return index, random.random(np.zeros((n, c))[index].shape).astype(np.float32)


@given(st.integers(0, 2**32 - 1))
def test_every_version_is_right_and_stays_as_it_was_while_others_are_made(seed: int) -> None:
    random = np.random.default_rng(seed)
    n, c = (int(number) for number in random.integers(1, 9, 2))
    kept = KeptMatrix[np.float32](small_bytes=0)
    now: Scores = random.random((n, c)).astype(np.float32)
    held: list[tuple[Scores, Scores]] = []
    for _ in range(30):
        changes = [some_change(random, n, c) for _ in range(int(random.integers(0, 3)))]
        expected = now.copy()
        for index, values in changes:
            expected[index] = values
        made = kept.changed(now, changes)
        np.testing.assert_array_equal(made, expected)
        assert not made.flags.writeable
        with pytest.raises(ValueError, match="WRITEABLE"):
            made.flags.writeable = True
        match random.integers(4):
            case 0:  # a version that nobody takes: the next one is made from the one before
                continue
            case 1:
                now = made.copy()
            case _:
                now = made
        del made
        if random.random() < 0.5:
            part = now[random.integers(n) :, :: int(random.integers(1, 3))]
            held.append((part, part.copy()))
        while len(held) > random.integers(0, 6):
            held.pop(int(random.integers(len(held))))
        for array, copied in held:
            np.testing.assert_array_equal(array, copied)


def test_only_the_first_versions_are_copied_however_many_follow() -> None:
    kept = KeptMatrix[np.float32](small_bytes=0)
    now = np.zeros((100, 8), np.float32)
    for number in range(200):
        now = kept.changed(now, [cell(number % 100, number % 8, number)])
    assert kept.copied == 2
    assert now[99, 7] == 199 and now[0, 4] == 100


def test_memory_is_written_again_only_when_no_view_is_left() -> None:
    kept = KeptMatrix[np.float32](small_bytes=0)
    first = kept.changed(np.zeros((100, 8), np.float32), [cell(0, 0, 1)])
    view = first[:1].reshape(-1)[:2].data
    place = first.ctypes.data
    second = kept.changed(first, [cell(0, 0, 2)])
    del first
    third = kept.changed(second, [cell(0, 0, 3)])
    assert third.ctypes.data != place and view[0] == 1
    del view
    fourth = kept.changed(third, [cell(0, 0, 4)])
    assert fourth.ctypes.data == place
    assert [a[0, 0] for a in (second, third, fourth)] == [2, 3, 4]


def test_versions_that_many_held_at_once_are_given_back() -> None:
    kept = KeptMatrix[np.float32](small_bytes=0)
    now = np.zeros((100, 8), np.float32)
    held = [now]
    for number in range(20):
        held.append(kept.changed(held[-1], [cell(number, 0, number)]))
    now = held[-1]
    held.clear()
    for number in range(3):
        now = kept.changed(now, [cell(0, 0, number)])
    assert len(kept._buffers) <= 3  # pyright: ignore[reportPrivateUsage]


def test_after_many_changes_at_once_one_spare_buffer_is_kept() -> None:
    kept = KeptMatrix[np.float32](small_bytes=0)
    held = [np.zeros((100, 8), np.float32)]
    for number in range(20):
        held.append(kept.changed(held[-1], [cell(number, 0, number)]))
    now = held[-1]
    held.clear()
    kept.let_go()
    assert len(kept._buffers) == 2  # pyright: ignore[reportPrivateUsage]
    later = kept.changed(now, [cell(0, 1, 5)])
    assert later[0, 1] == 5 and later[19, 0] == 19 and kept.copied <= 21


def test_a_version_held_for_long_does_not_remember_every_change() -> None:
    kept = KeptMatrix[np.float32](small_bytes=0)
    held = now = kept.changed(np.zeros((1000, 80), np.float32), [])
    for number in range(kept_matrix._MOST_CHANGES + 5):  # pyright: ignore[reportPrivateUsage]
        now = kept.changed(now, [cell(number % 1000, 3, number)])
    assert not held.any()
    del held
    now = kept.changed(now, [])
    assert now[4, 3] == 1004 and now[5, 3] == 5
    assert all(len(b.behind.indices) < 10 for b in kept._buffers)  # pyright: ignore[reportPrivateUsage]


def test_arrays_may_be_dropped_on_other_threads_and_by_a_collection() -> None:
    kept = KeptMatrix[np.float32](small_bytes=0)
    now = np.zeros((50, 8), np.float32)
    stopped, handed = threading.Event(), list[Any]()

    def drop() -> None:
        while not stopped.is_set() or handed:
            if handed:
                array, copied = handed.pop()
                np.testing.assert_array_equal(array, copied)
                circle = [array]
                circle.append(circle)  # pyright: ignore[reportArgumentType]

    other = threading.Thread(target=drop)
    other.start()
    for number in range(300):
        now = kept.changed(now, [cell(number % 50, number % 8, number)])
        handed.append((now[::2], now[::2].copy()))
        if number % 50 == 0:
            gc.collect()
    stopped.set()
    other.join()
    assert now[49, 3] == 299


def test_small_matrices_are_copied() -> None:
    kept = KeptMatrix[np.int8]()
    old = np.zeros((2, 3), np.int8)
    made = kept.changed(old, [((np.array([1]), np.array([2])), np.array([5], np.int8))])
    assert made.tolist() == [[0, 0, 0], [0, 0, 5]] and not old.any()
    assert not made.flags.writeable


def test_where_there_is_no_memory_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_named: object) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(kept_matrix.mmap, "mmap", refuse)
    kept = KeptMatrix[np.float32](small_bytes=0)
    with pytest.raises(MemoryError):
        kept.changed(np.zeros((2, 2), np.float32), [])
