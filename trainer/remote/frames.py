"""What both sides know of the photos that they send each other (imports no torch)."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

FRAME = 16
"""The most photos of one request: so few that one is under way soon, and enough for a GPU."""


def most_bytes(side: int) -> int:
    """Of a photo of ``side`` x ``side`` pixels as it is sent; lossless WebP is hardly ever larger
    than the pixels."""
    return 4 * side * side + 4096


def packed(photo: Any) -> bytes:
    """A preprocessed photo, (3, S, S) uint8, as it is sent: half of the bytes of its pixels."""
    pixels = np.ascontiguousarray(np.asarray(photo).transpose(1, 2, 0))
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", lossless=True, quality=0, method=0, exact=True)
    return buffer.getvalue()
