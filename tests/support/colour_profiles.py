"""Colour profiles for tests."""

from __future__ import annotations

import io

from PIL import ImageCms


def swapped_profile() -> bytes:
    """sRGB with the red and green primaries exchanged (tags rXYZ and gXYZ swapped)."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(data[128:132], "big")
    entries = {bytes(data[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(count)}
    red, green = entries[b"rXYZ"], entries[b"gXYZ"]
    data[red : red + 4], data[green : green + 4] = b"gXYZ", b"rXYZ"
    # Another name, or it would be taken for sRGB.
    for spelling in ("sRGB".encode("utf-16-be"), b"sRGB"):
        start = data.find(spelling)
        while start >= 0:
            data[start : start + len(spelling)] = "swap".encode(
                "utf-16-be" if len(spelling) == 8 else "ascii"
            )
            start = data.find(spelling)
    profile = ImageCms.ImageCmsProfile(io.BytesIO(bytes(data)))
    assert "srgb" not in ImageCms.getProfileDescription(profile).lower()
    return bytes(data)
