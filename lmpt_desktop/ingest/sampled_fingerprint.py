"""What earlier versions named a file by; what does so now is in :mod:`trainer.identity`."""

from __future__ import annotations

from typing import BinaryIO

import xxhash

WHOLE_BYTES = 256 * 1024
"""Of files up to this size, a sample is everything."""
BLOCK_BYTES = 64 * 1024
"""Read at the head (where the metadata is), the middle and the tail of larger ones."""


def sampled_fingerprint(file: BinaryIO, size: int) -> str:
    """The fingerprint of a file in catalogues that an earlier version wrote.

    Only to recognise what is named by one.  Different samples mean different files; equal ones
    of files over ``WHOLE_BYTES`` mean nothing more than the same length, head, middle and tail:
    two uncompressed pictures may differ in between.

    Args:
        file: open, seekable; its position is not kept.
        size: its length in bytes.

    Returns:
        32 hexadecimal digits; "" for an empty file.

    Raises:
        OSError: if the file cannot be read.
    """
    if size == 0:
        return ""
    digest = xxhash.xxh3_128(size.to_bytes(8, "little"))
    whole = size <= WHOLE_BYTES
    starts = (0,) if whole else (0, (size - BLOCK_BYTES) // 2, size - BLOCK_BYTES)
    for start in starts:
        file.seek(start)
        digest.update(file.read(WHOLE_BYTES if whole else BLOCK_BYTES))
    return digest.hexdigest()
