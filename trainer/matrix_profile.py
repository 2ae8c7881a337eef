"""An ICC profile that does what a gamma and chromaticities say (imports no torch)."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_SRGB = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
"""x and y of white, red, green and blue (IEC 61966-2-1)."""
_SRGB_GAMMA = 1 / 2.2
_SAME_GAMMA, _SAME_PLACE = 0.05, 0.01
_GAMMAS = (0.1, 10.0)
_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_HEAD_BYTES, _ENTRY_BYTES = 128, 12


def matrix_profile(gamma: float, chromaticity: Sequence[float] | None) -> bytes | None:
    """For colours that are linear light to the power of ``gamma``.

    Args:
        gamma: as PNG's gAMA has it, 0.45455 for most monitors.
        chromaticity: x and y of white, red, green and blue, as in PNG's cHRM; None for sRGB's.

    Returns:
        None if that is sRGB but for rounding, as most programs write it, or means nothing.
    """
    places = tuple(chromaticity or _SRGB)
    if not _GAMMAS[0] <= gamma <= _GAMMAS[1] or len(places) != len(_SRGB):
        return None
    usual = max(abs(a - b) for a, b in zip(places, _SRGB, strict=True)) <= _SAME_PLACE
    if usual and abs(gamma / _SRGB_GAMMA - 1) <= _SAME_GAMMA:
        return None
    matrix = _to_d50(places)
    if matrix is None or not np.isfinite(matrix).all() or np.abs(matrix).max() > 2:
        return None
    curve = struct.pack(">4sIIHH", b"curv", 0, 1, round(256 / gamma), 0)
    return _profile(
        {
            b"wtpt": _xyz(_D50),
            **{tag: _xyz(matrix[:, i]) for i, tag in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))},
            **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
        }
    )


def _to_d50(places: Sequence[float]) -> NDArray[np.float64] | None:
    """(3, 3) linear RGB to XYZ, white adapted to ICC's (Bradford); None if it is singular."""
    points = np.array(places).reshape(4, 2)
    if (points[:, 1] <= 0).any() or (points < 0).any() or (points.sum(1) > 1.01).any():
        return None
    xyz = np.stack([points[:, 0], points[:, 1], 1 - points.sum(1)], 1) / points[:, 1:]
    white, colours = xyz[0], xyz[1:].T
    try:
        matrix = colours * np.linalg.solve(colours, white)
    except np.linalg.LinAlgError:
        return None
    cones = np.diag((_BRADFORD @ _D50) / (_BRADFORD @ white))
    return np.linalg.solve(_BRADFORD, cones @ _BRADFORD @ matrix)


def _xyz(values: NDArray[np.float64]) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(struct.pack(">i", round(v * 65536)) for v in values)


def _profile(tags: dict[bytes, bytes]) -> bytes:
    """A display profile of version 2 (ICC.1:2001-04, clause 6)."""
    start = _HEAD_BYTES + 4 + _ENTRY_BYTES * len(tags)
    entries, data = b"", b""
    for tag, value in tags.items():
        entries += tag + struct.pack(">II", start + len(data), len(value))
        data += value
    head = struct.pack(
        ">I4xI4s4s4s12x4s28x12s48x",
        *(start + len(data), 0x02400000, b"mntr", b"RGB ", b"XYZ ", b"acsp"),
        _xyz(_D50)[8:],
    )
    return head + struct.pack(">I", len(tags)) + entries + data
