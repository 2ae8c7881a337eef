"""Targa, whose files begin with no number of their own (imports no torch).

Truevision TGA File Format Specification 2.0.
"""

from __future__ import annotations

from PIL import Image, TgaImagePlugin

_ALPHA_BITS = 0x0F
_WITHOUT_ALPHA = {"BGRA": "BGRX", "BGRA;15": "BGR;15", "BGRA;15Z": "BGR;15"}
"""Pillow's names of the same pixels."""


def is_targa(head: bytes) -> bool:
    """Whether these first bytes are a sound header of Targa, which has no number of its own.

    Of a picture without a palette, which has zeros where a palette is described, or of one with a
    palette of 1 to 256 colours.
    """
    if len(head) < 18:
        return False
    palette, kind = head[1], head[2]
    first, count = (int.from_bytes(head[at : at + 2], "little") for at in (3, 5))
    width, height = (int.from_bytes(head[at : at + 2], "little") for at in (12, 14))
    if palette == 0:
        sound = kind in (2, 3, 10, 11) and not any(head[3:8])
    else:
        sound = palette == 1 and kind in (1, 9) and first == 0 and 1 <= count <= 256
    depths = {1: (8,), 2: (16, 24, 32), 3: (8, 16)}
    return sound and min(width, height) > 0 and head[16] in depths[kind & 7] and head[17] < 0x40


def without_unused_alpha(image: Image.Image, head: bytes) -> Image.Image:
    """An opened image as it is, but for a Targa file whose header says that its pixels have no
    transparency: many programs leave zeros there.

    Args:
        head: the first bytes of the file.
    """
    if isinstance(image, TgaImagePlugin.TgaImageFile) and not head[17] & _ALPHA_BITS:
        tiles = [tile._replace(args=_opaque(tile.args)) for tile in image.tile]
        if image.mode == "RGBA" and tiles != image.tile:
            image._mode, image.tile = "RGB", tiles
    return image


def _opaque(arguments: object) -> object:
    if isinstance(arguments, tuple) and arguments and arguments[0] in _WITHOUT_ALPHA:
        return (_WITHOUT_ALPHA[arguments[0]], *arguments[1:])
    return arguments
