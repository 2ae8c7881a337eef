from __future__ import annotations

import numpy as np
import pytest

from lmpt_desktop.inference import halves

EVERY = np.arange(2**16, dtype=np.uint16).view(np.float16)[:, None]


def test_every_finite_half_becomes_its_single() -> None:
    finite = EVERY[np.isfinite(EVERY[:, 0])]
    assert halves.all_finite(finite)
    room = np.empty((len(finite) + 3, 1), np.int32)
    expected = finite.astype(np.float32)
    np.testing.assert_array_equal(halves.shifted(finite, room) * halves.SCALE, expected)
    found = halves.singles(finite, room)
    np.testing.assert_array_equal(found.view(np.int32), expected.view(np.int32))


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_stays_so(bad: float) -> None:
    rows = np.array([[0.5, bad], [1.0, -2.0]], np.float16)
    assert not halves.all_finite(rows)
    found = halves.singles(rows, np.empty((2, 2), np.int32))
    np.testing.assert_array_equal(found, rows.astype(np.float32))


def test_singles_are_taken_as_they_are() -> None:
    rows = np.random.default_rng(0).random((3, 4), np.float32)
    np.testing.assert_array_equal(halves.singles(rows, np.empty((5, 4), np.int32)), rows)


def test_no_rows_are_finite() -> None:
    assert halves.all_finite(np.empty((0, 4), np.float16))
