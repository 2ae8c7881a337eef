"""Small photos in every container, and tools that write their metadata."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.Image import Image as Picture


def exiftool() -> str:
    """Where exiftool is; skips the test if it is not installed."""
    if found := shutil.which("exiftool"):
        return found
    pytest.skip("exiftool is not installed (Debian: libimage-exiftool-perl)")


def write_metadata(paths: Path | Sequence[Path], *arguments: str) -> None:
    """Run exiftool on files, as people do; fails if it does not change every one of them."""
    paths = [paths] if isinstance(paths, Path) else paths
    command = [exiftool(), "-m", "-q", "-q", "-overwrite_original", *arguments]
    before = [path.read_bytes() for path in paths]
    done = subprocess.run(
        [*command, *map(str, paths)], capture_output=True, text=True, timeout=120, check=False
    )
    same = [path.name for path, was in zip(paths, before, strict=True) if path.read_bytes() == was]
    assert not same, f"exiftool wrote nothing: {same}, {arguments}, {done.stderr}"


def noise(size: tuple[int, int] = (96, 64), seed: int = 0) -> Picture:
    """RGB noise upon a gradient: compresses to a few thousand bytes."""
    width, height = size
    values = np.random.default_rng(seed).integers(0, 64, (height, width, 3))
    values += np.linspace(0, 190, width, dtype=int)[None, :, None]
    return Image.fromarray(values.astype(np.uint8))


def frames(count: int = 3) -> list[Picture]:
    """Pictures that differ."""
    return [noise(seed=number) for number in range(count)]


def srgb_profile() -> bytes:
    """An ICC profile."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _saved(image: Picture, kind: str, **save: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **save)
    return buffer.getvalue()


def _moving(kind: str, **save: Any) -> bytes:
    first, *others = frames()
    return _saved(first, kind, save_all=True, append_images=others, **save)


def heic(orientation: int = 1, *, count: int = 1) -> bytes:
    """A HEIC of one or more pictures, turned by the container."""
    first, *others = frames(count)
    save: dict[str, Any] = {}
    if orientation != 1:
        exif = Image.Exif()
        exif[0x0112] = orientation
        save["exif"] = exif.tobytes()
    return _saved(first, "HEIF", save_all=True, append_images=others, quality=60, **save)


def big_tiff(order: str = "<", *, tiled: bool = False, reduced: bool = False) -> bytes:
    """A BigTIFF of one grey page, and a smaller copy of it if ``reduced``.

    Pillow reads little-endian ones only.
    """
    pixels = bytes(range(256)) * 16  # 64 x 64
    small = bytes(64)
    head = struct.pack(order + "2sHHHQ", b"II" if order == "<" else b"MM", 43, 8, 0, 16)

    def page(place: int, side: int, data: int, subfile: int, last: bool) -> bytes:
        parts = ((322, side), (323, side), (324, data), (325, side * side))
        if not tiled:
            parts = ((273, data), (278, side), (279, side * side))
        tags = ((254, subfile), (256, side), (257, side), (258, 8), (259, 1), (262, 1), *parts)
        entries = b"".join(struct.pack(order + "HHQQ", tag, 16, 1, v) for tag, v in sorted(tags))
        length = 8 + len(entries) + 8
        following = 0 if last else place + length
        return struct.pack(order + "Q", len(tags)) + entries + struct.pack(order + "Q", following)

    size = len(page(0, 64, 0, 0, True))
    data = 16 + size * (2 if reduced else 1)
    made = head + page(16, 64, data, 0, not reduced)
    if reduced:
        made += page(16 + size, 8, data + len(pixels), 1, True)
    return made + pixels + (small if reduced else b"")


def png_without(content: bytes, *kinds: bytes) -> bytes:
    """A PNG without some kinds of chunks."""
    made, place = content[:8], 8
    while place < len(content):
        end = place + 12 + int.from_bytes(content[place : place + 4], "big")
        if content[place + 4 : place + 8] not in kinds:
            made += content[place:end]
        place = end
    return made


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk with its length and check sum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def containers() -> dict[str, bytes]:
    """File name -> content: every container and its varieties, small, the same every time."""
    picture = noise()
    alpha = picture.copy()
    alpha.putalpha(Image.linear_gradient("L").resize(picture.size))
    return {
        "baseline.jpg": _saved(picture, "JPEG"),
        "progressive.jpg": _saved(picture, "JPEG", progressive=True, quality=85),
        "restarts.jpg": _saved(picture, "JPEG", restart_marker_rows=1),
        "grey.jpg": _saved(picture.convert("L"), "JPEG"),
        "cmyk.jpg": _saved(picture.convert("CMYK"), "JPEG"),
        "two.mpo": _moving("MPO"),
        "plain.png": _saved(picture, "PNG"),
        "palette.png": _saved(picture.quantize(16), "PNG", transparency=3),
        "moving.png": _moving("PNG"),
        "lossy.webp": _saved(picture, "WEBP"),
        "lossless.webp": _saved(picture, "WEBP", lossless=True),
        "alpha.webp": _saved(alpha, "WEBP"),
        "moving.webp": _moving("WEBP"),
        "plain.gif": _saved(picture, "GIF"),
        "moving.gif": _moving("GIF", loop=0),
        "raw.tif": _saved(picture, "TIFF"),
        "lzw.tif": _saved(picture, "TIFF", compression="tiff_lzw"),
        "jpeg.tif": _saved(picture, "TIFF", compression="jpeg"),
        "pages.tif": _moving("TIFF"),
        "big.tif": big_tiff(),
        "big endian.tif": big_tiff(">", reduced=True),
        "tiles.tif": big_tiff(tiled=True),
        "plain.heic": heic(),
        "several.heic": heic(count=3),
        "plain.avif": _saved(picture, "AVIF"),
        "alpha.avif": _saved(alpha, "AVIF"),
        "moving.avif": _moving("AVIF"),
        "plain.jp2": _saved(picture, "JPEG2000"),
        "stream.j2k": _saved(picture, "JPEG2000", no_jp2=True),
        "plain.bmp": _saved(picture, "BMP"),
        "plain.ppm": _saved(picture, "PPM"),
    }
