"""Boxes of the ISO base media file format, which HEIF, AVIF and JPEG 2000 share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from trainer.containers.collector import Collector, DamagedError

_MAX_BOXES = 1 << 14


class Box(NamedTuple):
    """A box: its type and where its content begins and ends in the file."""

    kind: bytes
    start: int
    end: int


def boxes(file: Collector, start: int, stop: int) -> Iterator[Box]:
    """The boxes between two places, in order.

    Raises:
        DamagedError: if a box is cut short, or there are too many.
    """
    for _ in range(_MAX_BOXES):
        if start + 8 > stop:
            return
        head = file.at(start, 8)
        length, body = int.from_bytes(head[:4], "big"), start + 8
        if length == 1:
            length, body = file.number(body, 8), body + 8
        end = stop if length == 0 else start + length
        if not body <= end <= stop:
            raise DamagedError("a box beyond its parent")
        yield Box(head[4:], body, end)
        start = end
    raise DamagedError("too many boxes")
