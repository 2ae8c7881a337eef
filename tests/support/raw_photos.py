"""Raw files made by hand: DNG (Adobe's specification 1.4) and the headers of other cameras'."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence

import numpy as np
from PIL import Image

# XYZ (D65) to linear sRGB: the camera of these files sees sRGB.
_XYZ_TO_SRGB = (
    *(3.2404542, -1.5371385, -0.4985314),
    *(-0.9692660, 1.8760108, 0.0415560),
    *(0.0556434, -0.2040259, 1.0572252),
)
_WHITE = 4095
Value = bytes | str | int | float | Sequence[int] | Sequence[float]
Directory = dict[int, tuple[int, Value]]
"""Tag to its type and value."""

PATCHES = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (64, 128, 192))
"""sRGB colours of :func:`patches`, from left to right."""


def patches(width: int = 320, height: int = 192) -> np.ndarray:
    """Linear light (height, width, 3) in [0, 1]: upright bars of :data:`PATCHES`."""
    coded = np.array(PATCHES) / 255
    light = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    columns = np.arange(width) * len(PATCHES) // width
    return np.broadcast_to(light[columns], (height, width, 3)).copy()


def mosaic(light: np.ndarray) -> np.ndarray:
    """What a sensor with red, green / green, blue sees of (height, width, 3): 12 bits."""
    values = np.rint(light * _WHITE).astype("<u2")
    seen = values[:, :, 1].copy()
    seen[0::2, 0::2] = values[0::2, 0::2, 0]
    seen[1::2, 1::2] = values[1::2, 1::2, 2]
    return seen


def jpeg(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def dng(
    light: np.ndarray,
    *,
    orientation: int = 1,
    preview: bytes = b"",
    linear: bool = False,
    crop: int = 0,
    taken: str = "2024:05:06 07:08:09",
    packet: bytes = b"",
    records: bytes = b"",
) -> bytes:
    """A DNG of ``light``, uncompressed.

    Args:
        light: (height, width, 3), linear sRGB in [0, 1].
        preview: a JPEG, which becomes a directory within the first one.
        linear: all colours of each pixel instead of a mosaic.
        crop: pixels at each edge that are not part of the picture.
        packet: XMP.
        records: IPTC.
    """
    height, width = light.shape[:2]
    pixels = np.rint(light * _WHITE).astype("<u2") if linear else mosaic(light)
    inner: list[Directory] = []
    if preview:
        with Image.open(io.BytesIO(preview)) as shown:
            across, down = shown.size
        inner = [
            {254: (4, 1), 256: (4, across), 257: (4, down), 258: (3, (8, 8, 8)), 259: (3, 7)}
            | {262: (3, 6), 273: (4, preview), 277: (3, 3), 278: (4, down), 279: (4, len(preview))}
        ]
    raw: Directory = {
        254: (4, 0),
        256: (4, width),
        257: (4, height),
        259: (3, 1),
        273: (4, pixels.tobytes()),
        278: (4, height),
        279: (4, pixels.nbytes),
        284: (3, 1),
        258: (3, (16,) * (3 if linear else 1)),
        262: (3, 34892 if linear else 32803),
        277: (3, 3 if linear else 1),
        271: (2, "Test"),
        272: (2, "Hand-made"),
        274: (3, orientation),
        306: (2, "2001:01:01 00:00:00"),
        50706: (1, (1, 4, 0, 0)),
        50707: (1, (1, 1, 0, 0)),
        50708: (2, "Test Hand-made"),
        50714: (3, (0,) * (3 if linear else 1)),
        50717: (3, (_WHITE,) * (3 if linear else 1)),
        50721: (10, _XYZ_TO_SRGB),
        50728: (5, (1.0, 1.0, 1.0)),
        50778: (3, 21),
        50719: (4, (crop, crop)),
        50720: (4, (width - 2 * crop, height - 2 * crop)),
    }
    if not linear:
        raw |= {33421: (3, (2, 2)), 33422: (1, (0, 1, 1, 2))}
    if packet:
        raw[700] = (1, packet)
    if records:
        raw[33723] = (7, records)
    return tiff(raw, inner, {36867: (2, taken)} if taken else {})


def rw2(shown: bytes) -> bytes:
    """The header of a Panasonic: a sensor with borders, 960 x 640 without, and a JPEG."""
    return tiff(
        {4: (3, 6), 5: (3, 8), 6: (3, 646), 7: (3, 968), 46: (7, shown), 274: (3, 8), 280: (4, 8)},
        head=b"IIU\0",
    )


def raf(shown: bytes) -> bytes:
    """The header of a Fujifilm, 960 x 640, whose metadata is that of its JPEG."""
    fields = struct.pack(">I", 1) + struct.pack(">HHHH", 0x111, 4, 640, 960)
    start = 160
    places = struct.pack(
        ">6I", start, len(shown), start + len(shown), len(fields), start + len(shown) + 12, 4
    )
    data = (b"FUJIFILMCCD-RAW ".ljust(84, b"0") + places).ljust(start, b"\0")
    return data + shown + fields + b"raw!"


def cr3(shown: bytes) -> bytes:
    """The boxes of a Canon, 960 x 640."""
    main = tiff({256: (3, 960), 257: (3, 640), 272: (2, "Test"), 274: (3, 3)})
    inner = tiff({36867: (2, "2022:03:04 05:06:07")})
    uuid = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
    moov = _box(b"moov", _box(b"uuid", uuid + _box(b"CMT1", main) + _box(b"CMT2", inner)))
    other = bytes.fromhex("eaf42b5e1c984b88b9fbb7dc406e4d16") + bytes(8)
    preview = _box(b"uuid", other + _box(b"PRVW", bytes(16) + shown))
    return _box(b"ftyp", b"crx " + bytes(4)) + moov + preview + _box(b"mdat", b"raw data")


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def orf(shown: bytes) -> bytes:
    """The header of an Olympus, 960 x 640, whose maker note says where its JPEG is."""
    settings_at, note_at = 64, 12
    note = bytearray(b"OLYMPUS\0II\3\0")
    note += struct.pack("<HHHII", 1, 0x2020, 4, 1, settings_at) + bytes(4)
    note = note.ljust(settings_at, b"\0")
    body = len(note) + 2 + 24 + 4
    note += struct.pack("<H", 2) + struct.pack("<HHII", 0x101, 4, 1, body)
    note += struct.pack("<HHII", 0x102, 4, 1, len(shown)) + bytes(4) + shown
    assert note[note_at : note_at + 2] == b"\1\0"
    return tiff(
        {256: (4, 960), 257: (4, 640), 273: (4, b"raw!"), 279: (4, 4)},
        exif={37500: (7, bytes(note))},
        head=b"IIRO",
    )


def tiff(
    main: Directory,
    inner: Sequence[Directory] = (),
    exif: Directory | None = None,
    head: bytes = b"II*\0",
) -> bytes:
    """A little-endian TIFF of one directory, those within it, and EXIF.

    Bytes as the value of a place (tags 273, 513) are put into the file, and their place is written.
    """
    main = dict(main)
    data = bytearray(head + bytes(4))
    if inner:
        main[330] = (4, [_append(data, item) for item in inner])
    if exif:
        main[34665] = (4, _append(data, exif))
    place = _append(data, main)
    data[4:8] = struct.pack("<I", place)
    return bytes(data)


def _append(data: bytearray, directory: Directory) -> int:
    entries = b""
    for tag, (kind, given) in sorted(directory.items()):
        value = _put(data, given) if kind == 4 and isinstance(given, bytes) else given
        raw, count = _packed(kind, value)
        inline = raw.ljust(4, b"\0") if len(raw) <= 4 else struct.pack("<I", _put(data, raw))
        entries += struct.pack("<HHI", tag, kind, count) + inline
    return _put(data, struct.pack("<H", len(directory)) + entries + bytes(4))


def _put(data: bytearray, block: bytes) -> int:
    data.extend(bytes(-len(data) % 4))
    place = len(data)
    data.extend(block)
    return place


def _packed(kind: int, value: Value) -> tuple[bytes, int]:
    if isinstance(value, str):
        raw = value.encode() + b"\0"
        return raw, len(raw)
    if isinstance(value, bytes):
        return value, len(value)
    values = [value] if isinstance(value, int | float) else list(value)
    if kind in (5, 10):
        form = "<II" if kind == 5 else "<ii"
        return b"".join(struct.pack(form, round(item * 10**6), 10**6) for item in values), len(
            values
        )
    form = {1: "B", 3: "H", 4: "I"}[kind]
    return struct.pack(f"<{len(values)}{form}", *map(int, values)), len(values)
