"""What the model reads for a class: its name, or one or several descriptions (imports no torch)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SEPARATOR = ";"
"""Between the descriptions of a class; plain text in a name."""


def class_texts(name: str, description: str) -> tuple[str, ...]:
    """The texts whose embeddings are averaged to that of the class, at least one.

    ``description`` holds alternatives separated by :data:`SEPARATOR`; each counts equally, once.
    The first is what a learned prompt starts from.  Without a description, ``name``.
    """
    parts = (part.strip() for part in description.split(SEPARATOR))
    return tuple(dict.fromkeys(part for part in parts if part)) or (name,)


def mean_embedding(parts: NDArray[np.float32]) -> NDArray[np.float32]:
    """The embedding of a class, (D,) unit norm, from those of its texts, (P, D) unit norm; of one
    text exactly its own."""
    if len(parts) == 1:
        return parts[0]
    mean = parts.mean(axis=0)
    return mean / np.maximum(np.linalg.norm(mean), 1e-12)


def mean_embeddings(
    each: NDArray[np.float32], classes: Sequence[Sequence[str]]
) -> NDArray[np.float32]:
    """:func:`mean_embedding` of every class, (C, D), from ``each`` (P, D), the embeddings of all
    texts of ``classes``, class by class."""
    ends = np.cumsum([len(texts) for texts in classes], dtype=np.int64)
    parts = np.split(each, ends[:-1]) if len(classes) else []
    return np.array([mean_embedding(rows) for rows in parts], np.float32).reshape(
        len(classes), each.shape[1]
    )
