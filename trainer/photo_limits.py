"""What decoding a photo will cost, from its header (imports no torch).

A few bytes can announce any number of pixels, and formats differ tenfold in what a pixel costs.
The figures are measured with Pillow 13 on photos of 24 megapixels, rounded up.
"""

from __future__ import annotations

import os
import re
from functools import cache
from typing import Any, BinaryIO

import psutil
from PIL import Image

from trainer.jpeg_xl import JpegXlImageFile
from trainer.large_avif import needed_bytes_per_pixel
from trainer.large_webp import LargeWebpImageFile, is_large_webp
from trainer.strips import LARGE_PIXELS

DECODING_BYTES = 1 << 30
"""Limit for one photo, of which a quarter of the machine's memory may be less."""
_LEAST_BYTES = 128 << 20
_SHARE_OF_MEMORY = 4

MAX_SCANS = 100
"""Of a progressive JPEG, each of which costs as much time as a photo; encoders make about 10."""
_SCAN = b"\xff\xda"
_MAX_SEGMENTS = 1 << 16
_BLOCK_BYTES = 1 << 20

_JPEG = ("JPEG", "MPO")
_DRAFT_SCALES = (8, 4, 2)
_STORED = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16L": 2, "I;16B": 2, "I;16N": 2}
"""Bytes of a pixel in Pillow; 4 in all other modes."""
_CODEC = {"WEBP": 13.5, "AVIF": 8.0, "HEIF": 6.0, "GIF": 1.0, "BMP": 1.0, "PPM": 4.0, "ICON": 8.0}
"""Bytes per pixel that the decoder holds beside Pillow's image; see also :func:`_codec_bytes`."""
_HELD = {"WEBP": 8.5, "AVIF": 4.0, "HEIF": 4.0}
"""Of these, what is freed only with the photo."""
_LARGE_HEIF = {(True, True): 4.8, (True, False): 6.4, (False, True): 8.5, (False, False): 14.5}
"""Bytes per pixel of a large HEIF, of which no image of Pillow's is made before it is reduced; by
whether its colours are halved and whether it has 8 bits."""
_ALPHA_PLANES = 3.0
_HALVED = 420
_JPEG2000_COMPONENT, _JPEG2000_BLOCKS = 6.5, 0.5
_SPARE = 1.05

_ROWS_PER_STRIP, _STRIP_BYTES, _TILE_WIDTH, _TILE_LENGTH, _TILE_BYTES = 278, 279, 322, 323, 325
_BITS, _COMPRESSION, _SAMPLES, _TIFF_ORIENTATION = 258, 259, 277, 0x0112
_SIZ = re.compile(rb"\xff\x4f\xff\x51")
_SIZ_HEAD_BYTES = 1 << 16
_COD = b"\xff\x52"
_MOST_LEVELS = 32


@cache
def decoding_limit() -> int:
    """Bytes that decoding one photo may take on this machine."""
    share = psutil.virtual_memory().total // _SHARE_OF_MEMORY
    return max(_LEAST_BYTES, min(DECODING_BYTES, share))


def draft_scale(image: Image.Image, at_least: int | None) -> int:
    """1, 2, 4 or 8: what a JPEG is divided by when it is decoded, as Pillow chooses it."""
    if at_least is None or image.format not in _JPEG:
        return 1
    most = min(image.width, image.height) // max(1, at_least)
    return next((scale for scale in _DRAFT_SCALES if scale <= most), 1)


def reduction(image: Image.Image, at_least: int | None, scale: int = 1) -> int:
    """What a large photo is divided by, in all; its shorter side keeps ``at_least``.

    ``scale`` is what it will be divided by before (:func:`draft_scale`).
    """
    width, height = image.width // scale, image.height // scale
    if at_least is None or not is_large(image, scale):
        return 1
    return max(1, min(width, height) // max(1, at_least))


def has_alpha(image: Image.Image) -> bool:
    """Whether some of it may be transparent."""
    return image.mode in ("LA", "PA", "La", "RGBA", "RGBa") or "transparency" in image.info


def is_large(image: Image.Image, scale: int = 1) -> bool:
    """Whether it is made smaller, and its colours converted, strip by strip.

    ``scale`` is what it will be divided by before (:func:`draft_scale`).
    """
    return (image.width // scale) * (image.height // scale) > LARGE_PIXELS


def skipped_levels(image: Image.Image, file: BinaryIO, at_least: int | None) -> int:
    """How many times a large JPEG 2000 is halved while it is decoded; 0 for other photos.

    Args:
        image: opened by Pillow.
        file: its file; its position is kept.
        at_least: what its shorter side keeps.
    """
    if image.format != "JPEG2000" or at_least is None or not is_large(image):
        return 0
    wanted = (min(image.size) // max(1, at_least)).bit_length() - 1
    return max(0, min(wanted, _resolution_levels(_jpeg2000_head(file))))


def needed_bytes(
    image: Image.Image, file: BinaryIO, *, at_least: int | None, turned: bool = False
) -> int:
    """Memory that :func:`trainer.photo.read_photo` will take for an opened photo, estimated.

    Args:
        image: opened by Pillow, before ``draft`` and ``load``.
        file: its file; its position is kept.
        at_least: see :func:`trainer.photo.read_photo`.
        turned: whether it is turned upright once it is decoded.
    """
    pixels = image.width * image.height
    if isinstance(image, LargeWebpImageFile):
        return int(_SPARE * image.needed_bytes(at_least))
    stored = _STORED.get(image.mode, 4)
    scale = draft_scale(image, at_least)
    level = 1 << skipped_levels(image, file, at_least)
    codec = _codec_bytes(image, file, pixels) / level**2
    if level > 1:  # what is skipped is read
        codec += _JPEG2000_BLOCKS * pixels + _length(file)
    decoded = pixels / (scale * level) ** 2 * stored
    held = _HELD.get(image.format or "", 0.0) * pixels
    if is_large(image, scale):
        made = 4.0 * pixels / (scale * reduction(image, at_least, scale)) ** 2
        if image.format == "HEIF":
            kind = image.info.get("chroma") == _HALVED, image.info.get("bit_depth") == 8
            planes = _ALPHA_PLANES if has_alpha(image) else 0.0
            each = _LARGE_HEIF[kind] + planes
            return int(_SPARE * max(each * pixels + made, 2 * made) + _length(file))
        if (each := needed_bytes_per_pixel(image, file)) is not None:
            # Pillow holds the file as well.
            return int(_SPARE * max(each * pixels + made, 2 * made) + 2 * _length(file))
        # Turned upright once what it was made of is gone.
        return int(_SPARE * max(decoded + max(codec, held + made), 2 * made if turned else 0.0))
    rest = (_conversion(image) + (4.0 if turned else 0.0)) * pixels / scale**2
    return int(_SPARE * (decoded + max(codec, held + rest)))


def needed_to_open(file: BinaryIO) -> int:
    """Memory that Pillow takes to open a photo, before its size is known; 0 for most formats.

    The animation decoder of WebP allocates two canvases at once.

    Args:
        file: open, seekable; its position is kept.
    """
    place = file.tell()
    file.seek(0)
    head = file.read(30)
    file.seek(place)
    if head[:4] != b"RIFF" or head[8:12] != b"WEBP" or is_large_webp(file):
        return 0
    width = height = 0
    if (kind := head[12:16]) == b"VP8X":
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
    elif kind == b"VP8 ":
        width, height = (int.from_bytes(head[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    elif kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    return int(_CODEC["WEBP"] * width * height)


def in_scans(image: Image.Image, file: BinaryIO) -> bool:
    """Whether the decoder holds the whole of a JPEG, and refines it with each scan."""
    if image.format not in _JPEG:
        return False
    return bool(image.info.get("progressive")) or _first_scan(file) < len(image.getbands())


def scans(file: BinaryIO) -> int:
    """Number of scans of a JPEG; no further than :data:`MAX_SCANS` + 1.

    Args:
        file: open, seekable; its position is kept.
    """
    place = file.tell()
    file.seek(0)
    found, last = 0, b""
    while found <= MAX_SCANS and (block := file.read(_BLOCK_BYTES)):
        # Within data, FF is followed by 00; a thumbnail in the metadata has few scans.
        found += block.count(_SCAN) + (last + block[:1] == _SCAN)
        last = block[-1:]
    file.seek(place)
    return min(found, MAX_SCANS + 1)


def _first_scan(file: BinaryIO) -> int:
    """Number of components in the first scan of a JPEG; 0 if it is not found."""
    place = file.tell()
    file.seek(2)
    components = 0
    for _ in range(_MAX_SEGMENTS):
        head = file.read(5)
        if len(head) < 5:
            break
        if head[0] != 0xFF or head[1] in (0x00, 0xFF):  # a filler, as Pillow skips it
            file.seek(-4, os.SEEK_CUR)
            continue
        if head[:2] == _SCAN:
            components = head[4]
            break
        file.seek(int.from_bytes(head[2:4], "big") - 3, os.SEEK_CUR)
    file.seek(place)
    return components


def _conversion(image: Image.Image) -> float:
    """Bytes per pixel to make RGB of it."""
    if has_alpha(image):
        return 9.0 if image.mode in ("LA", "RGBA") else 13.0
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return 5.0
    if image.mode == "P":
        return 4.0
    if image.info.get("made_profile"):
        return 8.0
    return 0.0 if image.mode == "RGB" and not image.info.get("icc_profile") else 4.0


def _codec_bytes(image: Image.Image, file: BinaryIO, pixels: int) -> float:
    kind = image.format or ""
    if kind in _JPEG:
        return _coefficient_bytes(image, pixels) if in_scans(image, file) else 0.0
    if kind == "JPEG2000":
        return _jpeg2000_bytes(image, file, pixels)
    if isinstance(image, JpegXlImageFile):
        return image.codec_bytes
    if kind == "TIFF":
        return _strip_bytes(image, pixels)
    planes = _ALPHA_PLANES if has_alpha(image) and kind in ("AVIF", "HEIF") else 0.0
    return (_CODEC.get(kind, 0.5) + planes) * pixels


def _coefficient_bytes(image: Image.Image, pixels: int) -> float:
    """Two bytes for each coefficient of a progressive JPEG, at the components' own resolution."""
    layers: Any = getattr(image, "layer", None) or ()
    try:
        areas = [int(layer[1]) * int(layer[2]) for layer in layers]
        widest = max(int(layer[1]) for layer in layers) * max(int(layer[2]) for layer in layers)
        share = sum(areas) / widest
    except (ValueError, IndexError, TypeError, ZeroDivisionError):
        share = 4.0
    return 2.0 * share * pixels


def _strip_bytes(image: Image.Image, pixels: int) -> float:
    """The largest strip or tile of a TIFF, packed and unpacked, and a copy if it is turned."""
    tags: Any = getattr(image, "tag_v2", {})
    turned = 4.0 * pixels if tags.get(_TIFF_ORIENTATION, 1) != 1 else 0.0
    if tags.get(_COMPRESSION, 1) == 1:
        return turned
    bits = tags.get(_BITS) or (8,)
    depth = max(bits) if isinstance(bits, tuple) else int(bits)
    pixel = max(1, int(tags.get(_SAMPLES, 1))) * depth / 8
    if _TILE_WIDTH in tags:
        part = int(tags[_TILE_WIDTH]) * int(tags.get(_TILE_LENGTH, image.height))
    else:
        part = image.width * min(int(tags.get(_ROWS_PER_STRIP, image.height)), image.height)
    packed = max(tags.get(_STRIP_BYTES) or tags.get(_TILE_BYTES) or (0,))
    return part * pixel + float(packed) + turned


def _jpeg2000_bytes(image: Image.Image, file: BinaryIO, pixels: int) -> float:
    """Four bytes and more per component of a tile, decoded one by one (ISO 15444-1, A.5.1)."""
    components = len(image.getbands())
    head = _jpeg2000_head(file)
    found = _SIZ.search(head)
    if found is not None and len(head) >= found.end() + 38:
        at = found.end() + 20
        width, height = (int.from_bytes(head[at + i : at + i + 4], "big") for i in (0, 4))
        pixels = min(width, image.width) * min(height, image.height)
        components = max(components, int.from_bytes(head[at + 16 : at + 18], "big"))
    return _JPEG2000_COMPONENT * components * pixels


def _length(file: BinaryIO) -> int:
    place = file.tell()
    length = file.seek(0, os.SEEK_END)
    file.seek(place)
    return length


def _jpeg2000_head(file: BinaryIO) -> bytes:
    place = file.tell()
    file.seek(0)
    head = file.read(_SIZ_HEAD_BYTES)
    file.seek(place)
    return head


def _resolution_levels(head: bytes) -> int:
    """How often the photo may be halved (ISO 15444-1, A.6.1); 0 if that is not found."""
    start = _SIZ.search(head)
    if start is None:
        return 0
    place = start.end() - 2
    for _ in range(_MAX_SEGMENTS):
        segment = head[place : place + 12]
        if len(segment) < 12 or segment[0] != 0xFF:
            return 0
        if segment[:2] == _COD:
            return min(segment[9], _MOST_LEVELS)
        place += 2 + int.from_bytes(segment[2:4], "big")
    return 0
