"""One file of every kind that may lie in a folder of photos."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hostile_photos
import imagecodecs
import numpy as np
import pillow_heif
import tifffile
from photo_containers import big_tiff, noise
from photoshop_files import psd
from PIL import Image
from raw_photos import cr3, dng, jpeg, orf, patches, raf, rw2, tiff
from tiff_tags import rewrite_tags

from lmpt_desktop.domain.ignore_list import DEFAULT_PATTERNS
from lmpt_desktop.domain.other_files import kind_of
from trainer.file_formats import FILE_FORMATS, OTHER_SUFFIXES, PHOTO_SUFFIXES

SIZE = (96, 64)
CUT = 0.8
"""Share of a file that is left of one that is cut short."""


@dataclass(frozen=True)
class Kind:
    """A file.

    Attributes:
        group: of the table.
        path: below the folder, with "/" between parts.
        write: makes it at a path.
        name: what it is; "" where its name says so.
        heavy: whether it takes seconds, or gigabytes that are holes.
    """

    group: str
    path: str
    write: Callable[[Path], object]
    name: str = ""
    heavy: bool = False


PHOTOS = "Photos"
ODD_NAMES = "Names that do not say what is inside"
CUT_SHORT = f"The first {CUT:.0%} of a file"
REFUSED = "Kinds within a format"
HOSTILE = "Damaged and hostile files"
OTHERS = "Files of other kinds"
LEFT_OUT = "Folders and files of the system and of other programs"


def kinds() -> list[Kind]:
    """All of them, each made the same every time."""
    pillow_heif.register_heif_opener()
    return [*_photos(), *_odd_names(), *_cut_short(), *_refused(), *_hostile(), *_others(),
            *_left_out()]  # fmt: skip


def write(folder: Path, chosen: list[Kind]) -> None:
    """Make them in a folder that is there."""
    for kind in chosen:
        path = folder / kind.path
        path.parent.mkdir(parents=True, exist_ok=True)
        kind.write(path)


def _kind(group: str, path: str, data: bytes, name: str = "") -> Kind:
    return Kind(group, path, lambda place: place.write_bytes(data), name)


# ------------------------------------------------------------------------------- photos


def _saved(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    made = io.BytesIO()
    noise(SIZE).convert(mode).save(made, kind, **options)
    return made.getvalue()


def _planes() -> np.ndarray:
    return np.asarray(noise(SIZE)).transpose(2, 0, 1)


def _preview() -> bytes:
    return jpeg(noise((480, 320)))


def _in_tiff() -> bytes:
    """What most cameras write: a TIFF with the sensor's values and a preview."""
    return dng(patches(480, 320), preview=_preview())


_CONTENT: dict[str, Callable[[], bytes]] = {
    "JPEG": lambda: _saved("JPEG"),
    "PNG": lambda: _saved("PNG"),
    "GIF": lambda: _saved("GIF"),
    "WebP": lambda: _saved("WEBP"),
    "HEIC, AVIF": lambda: _saved("HEIF"),
    "TIFF": lambda: _saved("TIFF"),
    "BMP": lambda: _saved("BMP"),
    "JPEG 2000": lambda: _saved("JPEG2000"),
    "JPEG XL": lambda: bytes(imagecodecs.jpegxl_encode(np.asarray(noise(SIZE)))),
    "Netpbm": lambda: _saved("PPM"),
    "Photoshop": lambda: psd(_planes()),
    "Icon": lambda: _saved("ICO", "RGBA", sizes=[(48, 48)]),
    "PCX": lambda: _saved("PCX"),
    "Targa": lambda: _saved("TGA"),
    "Raw files in TIFF": _in_tiff,
    "Canon CR3": lambda: cr3(_preview()),
    "Olympus ORF": lambda: orf(_preview()),
    "Panasonic RW2": lambda: rw2(_preview()),
    "Fujifilm RAF": lambda: raf(_preview()),
}
"""By the name of a row of :data:`FILE_FORMATS`."""
_OF_SUFFIX: dict[str, Callable[[], bytes]] = {
    "avif": lambda: _saved("AVIF"),
    "avifs": lambda: _saved("AVIF"),
    "mpo": lambda: _saved("MPO"),
    "j2k": lambda: _saved("JPEG2000", no_jp2=True),
}


def _photos() -> Iterator[Kind]:
    for row in FILE_FORMATS:
        for suffix in row.suffixes:
            data = _OF_SUFFIX.get(suffix, _CONTENT[row.name])()
            # Each in a folder of its own: a raw file belongs to the photo of its name.
            yield _kind(PHOTOS, f"photos/{suffix}/photo.{suffix}", data, row.name)
    yield _kind(PHOTOS, "photos/no preview.dng", dng(patches()), "Raw files in TIFF")
    yield _kind(PHOTOS, "photos/pair/IMG_1.jpg", _saved("JPEG"), "JPEG")
    yield _kind(PHOTOS, "photos/pair/IMG_1.nef", _in_tiff(), "Raw files in TIFF")


def _odd_names() -> Iterator[Kind]:
    for name, row in (
        *(("photo", "JPEG"), ("photo.jpg_large", "JPEG"), ("photo.jpg!d", "PNG")),
        *(("IMG_0001.NEF~1", "Raw files in TIFF"), ("png named.jpg", "PNG")),
        *(("jpeg named.tif", "JPEG"), ("heic named.jpg", "HEIC, AVIF"), ("scan.", "TIFF")),
    ):
        yield _kind(ODD_NAMES, f"odd names/{name}", _CONTENT[row](), row)
    yield _kind(ODD_NAMES, "odd names/nothing", bytes(range(200)))
    yield _kind(ODD_NAMES, "odd names/nothing.xyz", b"text " * 40)


def _cut_short() -> Iterator[Kind]:
    made = [(row.suffixes[0], row.name, _CONTENT[row.name]()) for row in FILE_FORMATS]
    made += [
        ("avif", "AVIF", _saved("AVIF")),
        ("j2k", "JPEG 2000, stream", _saved("JPEG2000", no_jp2=True)),
        ("progressive.jpg", "progressive JPEG", _saved("JPEG", progressive=True)),
        ("deep.tif", "TIFF of 32 bits", _deep_tiff()),
        ("strips.tif", "TIFF, LZW", _saved("TIFF", compression="tiff_lzw")),
        ("packed.tga", "Targa, packed", _saved("TGA", compression="tga_rle")),
        ("no preview.dng", "raw data alone", dng(patches())),
        ("lossless.jxl", "lossless JPEG XL",
         bytes(imagecodecs.jpegxl_encode(np.asarray(noise(SIZE)), lossless=True))),
    ]  # fmt: skip
    for suffix, name, data in made:
        yield _kind(
            CUT_SHORT, f"cut short/{name}/photo.{suffix}", data[: int(CUT * len(data))], name
        )
    data = _saved("JPEG")
    yield _kind(CUT_SHORT, "cut short/without end.jpg", data[:-2], "JPEG without its last 2 bytes")
    data = cr3(_preview())[:-4]
    yield _kind(CUT_SHORT, "cut short/CR3/IMG_1.cr3", data, "CR3 without its last 4 bytes")
    data = _saved("JPEG")
    yield _kind(CUT_SHORT, "cut short/beginning.jpg", data[: len(data) // 5], "a fifth of a JPEG")


def _deep_tiff() -> bytes:
    made = io.BytesIO()
    values = np.asarray(noise(SIZE)).astype("<u4") << 24
    tifffile.imwrite(made, values, photometric="rgb", metadata=None)
    return made.getvalue()


# ------------------------------------------------------------------------------ refused


def _tagged(tags: dict[int, Any]) -> bytes:
    data = bytearray(_saved("TIFF", tiffinfo=tags))
    rewrite_tags(data, tags)
    return bytes(data)


def _refused() -> Iterator[Kind]:
    sixteen = np.zeros((3, 8, 8), ">u2")
    for path, name, data in (
        ("layers only.psd", "Photoshop, layers only",
         psd(_planes(), resources={1057: b"\0\0\0\1\0" + bytes(8)})),
        ("16 bit.psd", "Photoshop, 16 bits", psd(sixteen, depth=16)),
        ("large.psd", "PSB with the suffix of PSD", psd(_planes(), version=2)),
        ("bits.tif", "TIFF, bits that differ", _tagged({258: (5, 6, 5)})),
        ("complex.tif", "TIFF, complex numbers", _tagged({339: (6, 6, 6), 258: (64, 64, 64)})),
        ("lossy.tif", "TIFF, a compression of its own", _tagged({259: 34710, 258: (16,) * 3})),
        ("motorola.tif", "BigTIFF in Motorola's order", big_tiff(">")),
        ("sensor.tif", "raw data that only its camera's program knows", _tagged({262: 32803})),
        ("header.nef", "raw file of a header alone", tiff({256: (4, 960), 257: (4, 640)})),
        ("ycck.jxl", "JPEG XL, damaged", b"\xff\x0a" + bytes(60)),
        ("vector.ico", "icon without a picture", b"\0\0\1\0\1\0" + bytes(60)),
        ("cursor.bmp", "bitmap of OS/2, damaged", b"BM" + bytes(80)),
    ):  # fmt: skip
        yield _kind(REFUSED, f"refused/{path}", data, name)


# ------------------------------------------------------------------------------ hostile


def _hostile() -> Iterator[Kind]:
    def made(path: str, name: str, how: Callable[[Path], object], heavy: bool = False) -> Kind:
        return Kind(HOSTILE, f"hostile/{path}", how, name, heavy)

    def thin(width: int, height: int) -> Callable[[Path], object]:
        return lambda path: Image.new("RGB", (width, height), (9, 90, 180)).save(path)

    data = _saved("JPEG")
    yield made("empty.jpg", "empty", lambda path: path.write_bytes(b""))
    yield made("text.jpg", "text", lambda path: path.write_text("no photo\n" * 20))
    yield made("zeros.png", "zeros", lambda path: path.write_bytes(bytes(4096)))
    yield made("header.gif", "its first 6 bytes", lambda path: path.write_bytes(b"GIF89a"))
    yield made("middle.jpg", "zeros in the middle of a JPEG", lambda path: path.write_bytes(
        data[: len(data) // 2] + bytes(200) + data[len(data) // 2 + 200 :]))  # fmt: skip
    yield made("thin.png", "1 x 20,000 pixels", thin(1, 20_000))
    yield made("flat.jpg", "65,000 x 2 pixels", thin(65_000, 2))
    yield made("196 megapixels.png", "a PNG of 14,000 x 14,000 with 4 bytes of pixels",
               lambda path: hostile_photos.png_header(path, 8, 2), True)  # fmt: skip
    yield made("30 gigapixels.png", "a PNG of 175,000 x 175,000 with 4 bytes of pixels",
               lambda path: hostile_photos.png_header(path, 16, 6, side=175_000))  # fmt: skip
    yield made("canvas.webp", "a WebP of 14,000 x 14,000 around a small picture",
               hostile_photos.webp_header)  # fmt: skip
    yield made("large.jp2", "a JPEG 2000 that says 14,000 x 14,000", hostile_photos.jpeg2000_header)
    yield made("float.tif", "floating point, 14,000 x 14,000, 784 MB of holes",
               hostile_photos.float_tiff, True)  # fmt: skip
    yield made("scans.jpg", "a JPEG of 2,000 scans", hostile_photos.jpeg_of_many_scans, True)
    yield made("long.avif", "a small AVIF and 3 GB of holes", hostile_photos.sparse_avif, True)
    yield made("long chunk.png", "a PNG with a chunk of 2 GB of holes",
               hostile_photos.png_with_a_long_chunk, True)  # fmt: skip
    # Some systems have no such names, pipes and links.
    if os.name == "posix":
        for name in ("line\nbreak.jpg", "\x1b[31mred.jpg", "-o.jpg", "a" * 251 + ".jpg"):
            yield made(name, "a JPEG with an odd name", lambda path: path.write_bytes(data))
        yield made(os.fsdecode(b"caf\xe9.jpg"), "a JPEG with an odd name",
                   lambda path: path.write_bytes(data))  # fmt: skip
        yield made("pipe.jpg", "a pipe", os.mkfifo)
        yield made("lost link.jpg", "a link to nothing", lambda path: path.symlink_to("nothing"))
        yield made("loop.jpg", "a link to itself", lambda path: path.symlink_to("loop.jpg"))
    yield made("folder.jpg/inside.jpg", "a JPEG in a folder named as one",
               lambda path: path.write_bytes(data))  # fmt: skip


# ------------------------------------------------------------------------------- others


def _others() -> Iterator[Kind]:
    for suffix in sorted(OTHER_SUFFIXES):
        described = kind_of(f"file{suffix}") is None
        content = struct.pack(">I", 24) + b"ftypqt  " + bytes(100) if not described else b"-\n"
        yield _kind(OTHERS, f"others/file{suffix}", content)
    assert not OTHER_SUFFIXES & PHOTO_SUFFIXES


def _left_out() -> Iterator[Kind]:
    data = _saved("JPEG")
    for pattern in DEFAULT_PATTERNS:
        name = pattern.replace("*", "x").replace("?", "x")
        file = name.endswith(".db") or pattern == "._*"
        path = f"system/{name}" if file else f"system/{name}/photo.jpg"
        yield _kind(LEFT_OUT, path, data, pattern)
    yield _kind(LEFT_OUT, "system/nomedia/photo.jpg", data, ".nomedia")
    yield _kind(LEFT_OUT, "system/nomedia/.nomedia", b"", ".nomedia")
    yield _kind(LEFT_OUT, "system/.hidden.jpg", data, "hidden")
    yield _kind(LEFT_OUT, "system/.hidden/photo.jpg", data, "hidden")
