"""The identity of a picture: a hash of its compressed data, whatever its metadata says."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from trainer.containers import CONTAINERS, HEAD_BYTES, Collector, DamagedError


@dataclass(frozen=True, slots=True)
class PictureData:
    """``picture_hash``: of the compressed picture without metadata; ``shown``: of properties of
    the container that change how it is shown (colours, turning, cropping).  Both 32 hexadecimal
    digits."""

    picture_hash: str
    shown: str


def picture_data(file: BinaryIO, size: int) -> PictureData | None:
    """Find the compressed picture in a file and hash it, without decoding it.

    Time and memory are bounded by ``size``, whatever the file says.

    Args:
        file: open, seekable; its position is not kept.
        size: its length in bytes.

    Returns:
        None if the file is damaged or of a kind without metadata: then the file is the picture.

    Raises:
        OSError: if the file cannot be read.
    """
    file.seek(0)
    head = file.read(HEAD_BYTES)
    for kind, beginning, collect in CONTAINERS:
        if beginning.match(head):
            found = Collector(file, size, kind)
            try:
                collect(found)
            except (DamagedError, struct.error):
                return None
            return PictureData(found.picture.hexdigest(), found.shown.hexdigest())
    return None
