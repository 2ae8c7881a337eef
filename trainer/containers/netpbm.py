"""PBM, PGM and PPM (the Netpbm formats P1 to P6)."""

from __future__ import annotations

import re

from trainer.containers.collector import Collector, DamagedError

_HEAD_BYTES = 64 * 1024
_FIELD = re.compile(rb"(?:\s|#[^\r\n]*+[\r\n])++(\d++)")


def collect_netpbm(file: Collector) -> None:
    """Kind, size, highest value and samples; not the comments before them.

    Raises:
        DamagedError: if there is no header.
    """
    head = file.at(0, min(_HEAD_BYTES, file.size))
    file.keep(head[:2])
    place = 2
    for _ in range(2 if head[1:2] in b"14" else 3):
        field = _FIELD.match(head, place)
        if not field:
            raise DamagedError("no header")
        file.keep(field[1])
        place = field.end()
    # One space ends the header: more would be samples.
    if not head[place : place + 1].isspace():
        raise DamagedError("no samples")
    file.keep_range(place + 1, file.size)
