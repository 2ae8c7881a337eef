"""The raw XMP and IPTC blocks of an opened photo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PIL import Image

_XMP_TAG = 700
_IPTC_TAG = 33723
_IPTC_RESOURCE = 0x0404
"""Of the image resources that Photoshop keeps in JPEG's APP13."""


def xmp_packet(image: Image.Image) -> bytes | str | None:
    """The XMP packet, as stored; None if there is none."""
    packet: Any = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    if packet is None:
        tags: Any = getattr(image, "tag_v2", None)
        packet = tags.get(_XMP_TAG) if tags else None
    return packet if isinstance(packet, bytes | str) else None


def iptc_block(image: Image.Image) -> bytes:
    """The IPTC-IIM records, as stored; b"" if there are none."""
    resources: Any = image.info.get("photoshop")
    block: Any = resources.get(_IPTC_RESOURCE) if isinstance(resources, Mapping) else None
    if block is None:
        # Of several numbers Pillow gives the first; its own reader of IPTC takes them from here.
        stored: Any = getattr(getattr(image, "tag_v2", None), "_tagdata", {})
        block = stored.get(_IPTC_TAG)
    return block if isinstance(block, bytes) else b""
