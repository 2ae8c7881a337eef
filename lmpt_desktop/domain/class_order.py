"""The order in which the classes of an image are shown, on cards and in the inspector."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def shown_order(
    annotations: NDArray[np.int8],
    scores: NDArray[np.float32],
    predicted: NDArray[np.bool_],
    asked: Sequence[int] = (),
) -> NDArray[np.int64]:
    """All columns, what matters first: what the user said, what they ask about, what is predicted.

    1. Annotated present, 2. annotated absent, 3. ``asked``, 4. predicted, by score, 5. all others,
    by score, those without one last.  In 1 to 3 asked classes come first in the order given and
    all others in the vocabulary's, so that a photo's own classes keep their places when the model
    learns.  Equal scores stay in the vocabulary's order.  Bands play no part.

    Args:
        annotations: (..., C) int8, 1 present, 0 absent, -1 unknown.
        scores: float32 of the same shape, NaN where there is none.
        predicted: bool of the same shape, whether the score reaches the class's threshold.
        asked: columns of the classes that are filtered or searched.

    Returns:
        (..., C) int64, a permutation of the columns for every image.

    Raises:
        IndexError: ``asked`` has a column that does not exist.
    """
    annotations, scores = np.asarray(annotations), np.asarray(scores)
    width = scores.shape[-1]
    place = np.full(width, len(asked), np.float64)
    for number, column in reversed(list(enumerate(asked))):
        place[column] = number
    is_asked = place < len(asked)
    group = np.where(
        annotations == 1,
        0,
        np.where(annotations == 0, 1, np.where(is_asked, 2, np.where(predicted, 3, 4))),
    )
    within = np.where(group <= 2, place, -np.nan_to_num(scores.astype(np.float64), nan=-1.0))
    # lexsort is stable: equal keys stay in the order of the columns.
    return np.lexsort((within, group), axis=-1).astype(np.int64, copy=False)


def card_columns(
    annotations: NDArray[np.int8],
    scores: NDArray[np.float32],
    predicted: NDArray[np.bool_],
    asked: Sequence[int] = (),
) -> NDArray[np.int64]:
    """The columns that one image's card shows, in the order of :func:`shown_order`.

    They are the classes annotated present, those predicted, and the one asked for, also below its
    threshold; none that is annotated absent.  Of several asked for, those that the image has come
    first and no other is added: who looks for either of two is not told of the other one.

    Args:
        annotations: (C,) int8, 1 present, 0 absent, -1 unknown.
        scores: (C,) float32, NaN where there is none.
        predicted: (C,) bool.
        asked: columns of the classes that are filtered or searched.

    Returns:
        (n,) int64, n <= C.

    Raises:
        IndexError: the one column in ``asked`` does not exist.
    """
    shown = np.array(predicted, np.bool_)
    if len(asked) == 1:
        shown[asked[0]] = True
    shown = (shown & (annotations != 0)) | (annotations == 1)
    columns = np.flatnonzero(shown)
    # Cards are made while scrolling, and few of many classes are shown: for these, sorting in
    # Python takes a fraction of what shown_order() takes for all.
    places = {column: number for number, column in reversed(list(enumerate(asked)))}
    unasked = len(asked)
    keys = [
        (0, places.get(column, unasked), column)
        if annotated == 1
        else (1, places[column], column)
        if column in places
        else (2, 1.0 if math.isnan(score) else -score, column)
        for column, annotated, score in zip(
            columns.tolist(), annotations[columns].tolist(), scores[columns].tolist(), strict=True
        )
    ]
    return np.array([column for _group, _within, column in sorted(keys)], np.int64)
