"""A short name for a file's content, independent of its path.

Collisions: 128 bits of xxh3 do not collide by accident, but a file over ``WHOLE_BYTES`` is
read only at its head, middle and tail.  Two files then share a fingerprint if they have the
same length and differ only in between.  Compressed photos do not (a change moves every later
byte), uncompressed ones might.  The damage is small by design: a fingerprint only suggests
that a file was moved and names a cached thumbnail; annotations and features belong to the image,
never to the fingerprint.
"""

from __future__ import annotations

import os
from pathlib import Path

import xxhash

WHOLE_BYTES = 256 * 1024
"""Files up to this size are read whole."""
BLOCK_BYTES = 64 * 1024
"""Read at the head (where the metadata is), the middle and the tail of larger ones."""


def fingerprint(path: Path) -> str:
    """32 hexadecimal digits; "" for an empty file, which has no content.

    Raises:
        OSError: if the file cannot be read.
    """
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        if size == 0:
            return ""
        digest = xxhash.xxh3_128(size.to_bytes(8, "little"))
        if size <= WHOLE_BYTES:
            while block := file.read(WHOLE_BYTES):
                digest.update(block)
        else:
            for start in (0, (size - BLOCK_BYTES) // 2, size - BLOCK_BYTES):
                file.seek(start)
                digest.update(file.read(BLOCK_BYTES))
    return digest.hexdigest()
