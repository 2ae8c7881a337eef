"""Photoshop files are shown by their composite, where they have one (imports no torch).

Adobe Photoshop File Formats Specification (2019), sections *Image resources* and *Layer and mask
information*.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

from PIL import Image, PsdImagePlugin

from trainer.refused_picture import RefusedPictureError
from trainer.texts import N_

NO_COMPOSITE = N_(
    "The file holds layers only. Save it with “Maximize compatibility”, and it can be shown."
)
TOO_DEEP = N_("Photoshop files with more than 8 bits per channel cannot be shown.")
TOO_NEW = N_("Large Photoshop files (PSB) cannot be shown.")
_IPTC, _EXIF, _XMP, _VERSION = 1028, 1058, 1060, 1057
_SIGNATURE = b"8BPS"


def check_depth(head: bytes) -> None:
    """Say what kind of Photoshop file cannot be opened.

    Args:
        head: the first 26 bytes of any file, or more.

    Raises:
        RefusedPictureError: for one of more than 8 bits per channel, or of the large kind.
    """
    if head[:4] == _SIGNATURE and len(head) >= 26:
        if head[4:6] == b"\0\2":
            raise RefusedPictureError(TOO_NEW)
        if head[22] or head[23] > 8:
            raise RefusedPictureError(TOO_DEEP)


def checked_composite(image: Image.Image) -> Image.Image:
    """An opened image as it is, but for a Photoshop file: with its metadata where other formats
    have it, and without transparency if its fourth channel is something else.

    Raises:
        RefusedPictureError: if a Photoshop file has no composite.
    """
    if not isinstance(image, PsdImagePlugin.PsdImageFile):
        return image
    found: Any = image.resources
    resources: Iterable[tuple[int, bytes, bytes]] = found
    blocks = {number: data for number, _name, data in resources}
    version = blocks.get(_VERSION, b"")
    # Version, and whether the composite is the picture or merely white.
    if len(version) > 4 and version[4] == 0:
        raise RefusedPictureError(NO_COMPOSITE)
    if exif := blocks.get(_EXIF):
        image.info["exif"] = exif
    if packet := blocks.get(_XMP):
        image.info["xmp"] = packet
    if records := blocks.get(_IPTC):
        image.info["photoshop"] = {_IPTC: records}
    if image.mode == "RGBA" and not _is_transparent(image):
        image._mode = "RGB"
        image.tile = image.tile[:3]
    return image


def _is_transparent(image: PsdImagePlugin.PsdImageFile) -> bool:
    """Whether the fourth channel is transparency: then the number of layers is written negative."""
    place = image._layers_position
    if place is None or image.fp is None:
        return False
    here = image.fp.tell()
    image.fp.seek(place)
    head = image.fp.read(2)
    image.fp.seek(here)
    return len(head) == 2 and struct.unpack(">h", head)[0] < 0
