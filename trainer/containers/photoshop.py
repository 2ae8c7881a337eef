"""Photoshop files: the composite and the layers are the picture, without the image resources."""

from __future__ import annotations

from trainer.containers.collector import Collector

_HEAD_BYTES = 26
_ICC_PROFILE, _VERSION = 1039, 1057
_MAX_RESOURCES = 1 << 14


def collect_photoshop(file: Collector) -> None:
    """What is read of the file but for its metadata.

    Raises:
        DamagedError: if a section is cut short.
    """
    file.keep(file.at(0, _HEAD_BYTES))
    place = _HEAD_BYTES
    length = file.number(place, 4)
    file.keep_part(b"colours", place + 4, place + 4 + length)
    place += 4 + length
    stop = place + 4 + file.number(place, 4)
    place += 4
    for _ in range(_MAX_RESOURCES):
        if place + 12 > stop:
            break
        number = file.number(place + 4, 2)
        # A name with its length, and what follows, begin at even places.
        place += 6 + (file.number(place + 6, 1) + 2) // 2 * 2
        length = file.number(place, 4)
        if number in (_ICC_PROFILE, _VERSION):
            file.show(number.to_bytes(2, "big") + file.at(place + 4, length))
        place += 4 + (length + 1) // 2 * 2
    file.keep_range(stop, file.size)
