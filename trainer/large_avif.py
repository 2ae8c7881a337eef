"""Large AVIF photos, of which there never is a whole picture of Pillow's (imports no torch).

Pillow needs up to 12 bytes of memory per pixel; libavif by itself, from imagecodecs, gives the same
values in 5 to 9.
"""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
from PIL import Image

from trainer.strips import reduced_pixels

FORMAT = "AVIF"
_HEAD_BYTES = 1 << 16
_CONFIGURATION = b"av1C"
_FLAGS_AT = 6
"""Of the configuration's flags, from its name."""
_MORE_THAN_8_BITS, _GREY, _HALVED = 0x40, 0x10, 0x08
_GREY_BYTES, _HALVED_BYTES, _FULL_BYTES, _ALPHA_BYTES = 2.6, 5.2, 6.7, 2.5
"""Per pixel, measured at 24 megapixels with libavif 1.4, rounded up; the last is added."""
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def needed_bytes_per_pixel(image: Image.Image, file: BinaryIO) -> float | None:
    """What :func:`reduced_avif` takes beside what it gives and the file; None where the photo is
    left to Pillow: with more than 8 bits, with several frames, or where its header is not read.

    Args:
        image: opened by Pillow.
        file: its file; its position is kept.
    """
    if image.format != FORMAT or getattr(image, "n_frames", 1) != 1:
        return None
    flags = _flags(file)
    if not flags or any(flag & _MORE_THAN_8_BITS for flag in flags):
        return None
    alpha = image.mode == "RGBA"
    if all(flag & _GREY for flag in flags) and not alpha:
        return _GREY_BYTES
    # What is grey beside colours is the transparency.
    full = any(not flag & (_GREY | _HALVED) for flag in flags)
    return (_FULL_BYTES if full else _HALVED_BYTES) + (_ALPHA_BYTES if alpha else 0.0)


def reduced_avif(image: Image.Image, file: BinaryIO, divisor: int) -> Image.Image:
    """The photo at a fraction of its size, rounded up; not turned upright.

    Raises:
        ValueError: if it is not what its header says.
        imagecodecs.AvifError: if it cannot be decoded.
    """
    import imagecodecs  # noqa: PLC0415 (slow to import, and only for pixels)

    file.seek(0)
    pixels = imagecodecs.avif_decode(file.read(), index=0, numthreads=1)
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    mode = _MODES.get(channels)
    if mode is None or pixels.dtype != np.uint8 or (width, height) != image.size:
        raise ValueError("the picture is not what its header says")
    data = np.ascontiguousarray(pixels).data.cast("B")
    made = reduced_pixels(data, mode, image.size, width * channels, divisor)
    made.info = dict(image.info)
    return made


def _flags(file: BinaryIO) -> list[int]:
    """Of each of its pictures: colours, transparency, tiles, a thumbnail."""
    place = file.tell()
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    file.seek(place)
    found: list[int] = []
    at = head.find(_CONFIGURATION)
    while 0 <= at < len(head) - _FLAGS_AT:
        found.append(head[at + _FLAGS_AT])
        at = head.find(_CONFIGURATION, at + 1)
    return found
