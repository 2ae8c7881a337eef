"""What a PNG says before and after its pixels, without the pixels (imports no torch).

Metadata may follow the pixels, and Pillow decodes them to get there: a second for a large photo.
"""

from __future__ import annotations

import io
import zlib
from typing import BinaryIO

from trainer.bounded_reader import BoundedReader

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIXELS = frozenset((b"IDAT", b"fdAT", b"fcTL", b"acTL"))
_METADATA = frozenset((b"eXIf", b"iTXt", b"tEXt", b"zTXt"))
_MAX_CHUNKS = 1 << 18
_MAX_BYTES = 16 * 1024 * 1024
"""Kept of all chunks together."""


def without_pixels(file: BinaryIO | BoundedReader) -> BinaryIO | None:
    """A PNG of no pixels with the metadata of another, all of it before where pixels would be.

    Args:
        file: open, seekable; its position is not kept.

    Returns:
        None if the file is no PNG, or one with very long metadata.

    Raises:
        OSError: if it cannot be read.
    """
    file.seek(0)
    if file.read(8) != _SIGNATURE:
        return None
    made = io.BytesIO()
    made.write(_SIGNATURE)
    after = False
    for _ in range(_MAX_CHUNKS):
        head = file.read(8)
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if len(head) < 8 or kind == b"IEND":
            break
        after |= kind == b"IDAT"
        if kind in _PIXELS or (after and kind not in _METADATA):
            file.seek(length + 4, io.SEEK_CUR)
            continue
        if made.tell() + length > _MAX_BYTES:
            return None
        rest = file.read(length + 4)
        # Before the pixels Pillow checks the sums itself; damage after them costs the chunk.
        if not after or zlib.crc32(kind + rest[:-4]) == int.from_bytes(rest[-4:], "big"):
            made.write(head + rest)
    for kind in (b"IDAT", b"IEND"):
        made.write(bytes(4) + kind + zlib.crc32(kind).to_bytes(4, "big"))
    made.seek(0)
    return made
