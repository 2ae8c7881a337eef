"""Photoshop files made by hand (Adobe Photoshop File Formats Specification)."""

from __future__ import annotations

import struct
from collections.abc import Mapping

import numpy as np


def psd(
    planes: np.ndarray,
    *,
    mode: int = 3,
    depth: int = 8,
    version: int = 1,
    resources: Mapping[int, bytes] | None = None,
    layers: int = 0,
) -> bytes:
    """A file of a composite, not packed.

    Args:
        planes: (channels, height, width), uint8 or big-endian uint16.
        mode: 1 grey, 3 RGB, 4 CMYK.
        resources: image resources by number.
        layers: their number as written: negative if the fourth channel is transparency.
    """
    channels, height, width = planes.shape
    head = struct.pack(">4sH6xHIIHH", b"8BPS", version, channels, height, width, depth, mode)
    blocks = b"".join(
        b"8BIM" + struct.pack(">H2xI", number, len(data)) + data + bytes(len(data) % 2)
        for number, data in (resources or {}).items()
    )
    info = struct.pack(">Ih2x", 4, layers) if layers else b""
    sections = b"".join(struct.pack(">I", len(part)) + part for part in (b"", blocks, info))
    return head + sections + b"\0\0" + planes.tobytes()
