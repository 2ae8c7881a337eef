"""Where in a photo the model sees a class: heat over the cells of its map, and a box around it.

A cell's cosine with a class says little by itself, because some classes are near to everything and
some photos to a class all over.  What counts is how much nearer a cell is to this class than to the
others, and how much nearer than the photo is on average.

Cells see beyond their square, and there were no drawn boxes to judge by here, so a region is a
hint and never a measurement.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.box import Box

STANDS_OUT = 2.0
"""A class is shown where its largest value is at least this often the root mean square of the
values of all classes and cells.  Classes that are not there
often reach it too: a region says where, never whether."""
FEW_CLASSES = 0.8
"""With few classes no value can be that large: among C that add up to 0, the largest is at most
sqrt(C - 1) times their root mean square.  This share of that is then enough."""
PHOTO_SHARE = 0.5
"""This share of a class's mean over the photo is subtracted: with none, what resembles the whole
photo is framed nearly everywhere; with all of it, only the core of a large thing."""
REGION_SHARE = 0.5
"""Cells of a region have at least this share of its largest heat."""

FloatArray = NDArray[np.float32]


def heat(cells: NDArray[np.floating[Any]], embeddings: FloatArray, column: int) -> FloatArray:
    """(g, g) in [0, 1]: where a class is seen, 1 where most; all 0 if it stands out nowhere.

    Args:
        cells: (g, g, D) unit norm.
        embeddings: (C, D) of all classes, unit norm; rows with NaN are left out.
        column: of the class.
    """
    side = cells.shape[0]
    nothing = np.zeros((side, cells.shape[1]), np.float32)
    known = np.asarray(~np.isnan(embeddings).any(axis=1), np.bool_)
    if not known[column]:
        return nothing
    others = embeddings[known]
    alone = len(others) == 1
    flat = cells.reshape(-1, cells.shape[2]).astype(np.float32)
    if alone:  # there is nothing but the photo itself to compare with
        flat = flat - flat.mean(axis=0)
        centre = np.zeros_like(others[0])
    else:
        centre = others.mean(axis=0)
    values = flat @ (embeddings[column] - centre)
    usual = float(np.sqrt(np.mean((flat @ (others - centre).T) ** 2)))
    reachable = math.inf if alone else FEW_CLASSES * math.sqrt(len(others) - 1)
    if usual < 1e-6 or float(values.max()) < min(STANDS_OUT, reachable) * usual:
        return nothing
    values = np.maximum(values - PHOTO_SHARE * values.mean(), 0.0).reshape(nothing.shape)
    return (values / values.max()).astype(np.float32)


def region(found: FloatArray, covered: Box) -> Box | None:
    """The box around the cells that are connected with the hottest one, None if there is none.

    Args:
        found: (g, g), what :func:`heat` gives.
        covered: what the cells cover, in fractions of the photo; may go beyond it.

    Returns:
        In fractions of the photo, inside of it.
    """
    if not found.size or found.max() <= 0:
        return None
    cells = _connected(found >= REGION_SHARE * found.max(), int(found.argmax()))
    rows, columns = np.flatnonzero(cells.any(axis=1)), np.flatnonzero(cells.any(axis=0))
    height, width = found.shape
    across, down = covered.right - covered.left, covered.bottom - covered.top
    box = Box(
        left=_inside(covered.left + across * columns[0] / width),
        top=_inside(covered.top + down * rows[0] / height),
        right=_inside(covered.left + across * (columns[-1] + 1) / width),
        bottom=_inside(covered.top + down * (rows[-1] + 1) / height),
    )
    return box if box.right > box.left and box.bottom > box.top else None


def _connected(mask: NDArray[np.bool_], start: int) -> NDArray[np.bool_]:
    """Which cells of ``mask`` are reached from cell ``start``, side by side."""
    reached = np.zeros_like(mask)
    reached.flat[start] = True
    while True:
        wider = reached.copy()
        wider[1:] |= reached[:-1]
        wider[:-1] |= reached[1:]
        wider[:, 1:] |= reached[:, :-1]
        wider[:, :-1] |= reached[:, 1:]
        wider &= mask
        if np.array_equal(wider, reached):
            return reached
        reached = wider


def _inside(fraction: float) -> float:
    return float(min(max(fraction, 0.0), 1.0))
