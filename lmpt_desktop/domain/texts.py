"""Very many texts in two arrays."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import SupportsIndex, overload

import numpy as np
from numpy.typing import NDArray

_END = "\0"
_BLOCK = 4096
"""Texts that are made at once."""
_ERRORS = "surrogatepass"
"""Names of files may hold bytes that are no text, which Python keeps as surrogates."""


class Texts(Sequence[str]):
    """Texts as UTF-8, one after the other, each with a zero behind it: a text is made when it is
    asked for.  As Python's own a million names take 90 MB, and are made one by one with Python's
    lock held.

    Attributes:
        data: (m,) uint8.
        ends: (n,) int64, the place of the zero behind each.
    """

    __slots__ = ("data", "ends")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, data: NDArray[np.uint8], ends: NDArray[np.int64]) -> None:
        self.data, self.ends = data, ends

    @classmethod
    def of(cls, texts: Iterable[str]) -> Texts:
        """These texts.

        Raises:
            ValueError: if there is a zero in one.
        """
        if isinstance(texts, Texts):
            return texts
        known = list(texts)
        made = cls.joined(_END.join(known)) if known else cls.none()
        if len(made) != len(known):
            raise ValueError("a text with a zero in it")
        return made

    @classmethod
    def joined(cls, texts: str) -> Texts:
        """One text or more, with a zero between two."""
        data = np.frombuffer((texts + _END).encode(errors=_ERRORS), np.uint8)
        return cls(data, np.flatnonzero(data == 0))

    @classmethod
    def none(cls) -> Texts:
        return cls(np.empty(0, np.uint8), np.empty(0, np.int64))

    @classmethod
    def concatenated(cls, parts: Sequence[Texts]) -> Texts:
        """All of these, one after the other."""
        if len(parts) == 1:
            return parts[0]
        starts = np.cumsum([0, *(len(part.data) for part in parts)])
        ends = [part.ends + start for part, start in zip(parts, starts.tolist(), strict=False)]
        return cls(
            np.concatenate([np.empty(0, np.uint8), *(part.data for part in parts)]),
            np.concatenate([np.empty(0, np.int64), *ends]),
        )

    def __len__(self) -> int:
        return len(self.ends)

    @overload
    def __getitem__(self, place: SupportsIndex) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: SupportsIndex | slice) -> str | list[str]:
        if isinstance(place, slice):
            first, last, step = place.indices(len(self))
            return (
                self._between(first, last)
                if step == 1
                else [self[i] for i in range(len(self))[place]]
            )
        number = operator.index(place)
        number += len(self) if number < 0 else 0
        if number < 0:
            raise IndexError(place)
        return self.data[self._start(number) : self.ends[number]].tobytes().decode(errors=_ERRORS)

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(
            self._between(start, min(start + _BLOCK, len(self)))
            for start in range(0, len(self), _BLOCK)
        )

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Texts):
            return self is other or np.array_equal(self.data, other.data)
        return isinstance(other, list) and len(other) == len(self) and list(self) == other

    def __repr__(self) -> str:
        return f"{len(self)} texts"

    def at(self, rows: NDArray[np.int64]) -> Iterator[str]:
        """The texts of these rows (k,), in their order; quickest where they are nearly all, and
        ascending."""
        for start in range(0, len(rows), _BLOCK):
            part = rows[start : start + _BLOCK]
            low, high = int(part.min()), int(part.max()) + 1
            if high - low > 4 * len(part):
                yield from (self[row] for row in part.tolist())
                continue
            near = self._between(low, high)
            yield from (near[row - low] for row in part.tolist())

    def begins_with(self, other: Texts) -> bool:
        """Whether the first ones are those of ``other``."""
        return len(other) <= len(self) and np.array_equal(self.data[: len(other.data)], other.data)

    def taken(self, rows: NDArray[np.int64]) -> Texts:
        """Those of these rows (k,), in their order."""
        starts = np.append(0, self.ends + 1)[rows]
        lengths = self.ends[rows] + 1 - starts
        ends = np.cumsum(lengths)
        # Of each byte of the result, where it is here.
        places = np.repeat(starts - (ends - lengths), lengths) + np.arange(lengths.sum())
        return Texts(self.data[places], ends - 1)

    def _start(self, row: int) -> int:
        return int(self.ends[row - 1]) + 1 if row else 0

    def _between(self, first: int, last: int) -> list[str]:
        if last <= first:
            return []
        text = self.data[self._start(first) : self.ends[last - 1]].tobytes()
        return text.decode(errors=_ERRORS).split(_END)
