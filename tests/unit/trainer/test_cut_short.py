"""Photos whose end is missing."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from trainer.cut_short import MOST_MISSING
from trainer.photo import UnreadablePhoto, read_photo

SIDE = 320


def picture(mode: str = "RGB") -> Image.Image:
    """No row of it is one colour."""
    grey = Image.linear_gradient("L").resize((SIDE, SIDE))
    return Image.merge("RGB", (grey.rotate(90), grey, grey.rotate(180))).convert(mode)


def saved(kind: str, mode: str = "RGB", **settings: Any) -> bytes:
    made = io.BytesIO()
    picture(mode).save(made, kind, **settings)
    return made.getvalue()


KINDS: dict[str, Callable[[], bytes]] = {
    "JPEG": lambda: saved("JPEG", quality=95),
    "grey JPEG": lambda: saved("JPEG", "L", quality=95),
    "CMYK JPEG": lambda: saved("JPEG", "CMYK", quality=95),
    "restarting JPEG": lambda: saved("JPEG", quality=95, restart_marker_rows=1),
    "PNG": lambda: saved("PNG"),
    "TIFF": lambda: saved("TIFF"),
    "PPM": lambda: saved("PPM"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_there_is_shown(tmp_path: Path, kind: str) -> None:
    data = KINDS[kind]()
    path = tmp_path / "photo"
    path.write_bytes(data)
    whole = np.asarray(read_photo(path)).astype(int)
    path.write_bytes(data[: int(len(data) * 0.8)])
    shown = np.asarray(read_photo(path)).astype(int)
    assert shown.shape == whole.shape
    alike = np.abs(shown - whole).max(axis=(1, 2)) <= 3
    there = int(np.argmin(alike))
    assert 0.5 * SIDE <= there < SIDE
    # What is missing is of one colour, from a row to the end.
    assert np.ptp(shown[min(SIDE - 1, there + 20) :], axis=(0, 1)).max() <= 2


@pytest.mark.parametrize("kind", KINDS)
def test_too_little_is_refused_with_a_sentence(tmp_path: Path, kind: str) -> None:
    data = KINDS[kind]()
    path = tmp_path / "photo"
    for share in (0.2, 0.01):
        path.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(UnreadablePhoto):
            read_photo(path)
    assert MOST_MISSING == 0.5


@pytest.mark.parametrize("missing", [1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_that_lacks_only_its_end_is_whole(
    tmp_path: Path, missing: int, progressive: bool
) -> None:
    data = saved("JPEG", quality=90, progressive=progressive)
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    for at_least in (None, 100):
        path.write_bytes(data)
        whole = np.asarray(read_photo(path, at_least=at_least))
        path.write_bytes(data[:-missing])
        assert np.array_equal(np.asarray(read_photo(path, at_least=at_least)), whole)


def test_a_progressive_jpeg_is_shown_coarsely(tmp_path: Path) -> None:
    data = saved("JPEG", quality=95, progressive=True)
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    whole = np.asarray(read_photo(path)).astype(int)
    path.write_bytes(data[: int(len(data) * 0.5)])
    assert np.abs(np.asarray(read_photo(path)).astype(int) - whole).mean() < 20
    first = data.index(b"\xff\xda")
    path.write_bytes(data[: first + 30])
    with pytest.raises(UnreadablePhoto):
        read_photo(path)


def test_it_is_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "photo.jpg"
    made = io.BytesIO()
    picture().resize((SIDE, SIDE // 2)).save(made, "JPEG", exif=exif, quality=95)
    path.write_bytes(made.getvalue()[:-500])
    assert read_photo(path).size == (SIDE // 2, SIDE)


def test_rows_that_are_stored_from_below_and_lab_are_refused(tmp_path: Path) -> None:
    """What is missing of them cannot be told from the pixels."""
    floats = b"Pf\n64 64\n-1.0\n" + np.full((64, 64), 0.5, "<f4").tobytes()
    lab = saved("TIFF", "LAB")
    for data in (floats, lab):
        path = tmp_path / "photo"
        path.write_bytes(data)
        read_photo(path)
        path.write_bytes(data[: int(len(data) * 0.4)])
        with pytest.raises(UnreadablePhoto, match="cut short"):
            read_photo(path)


@pytest.mark.parametrize("kind", ["HEIF", "AVIF", "JPEG2000", "GIF", "WEBP", "BMP"])
def test_what_cannot_be_shown_without_its_end_says_so(tmp_path: Path, kind: str) -> None:
    pillow_heif.register_heif_opener()
    path = tmp_path / "photo"
    path.write_bytes(saved(kind)[:-300])
    with pytest.raises(UnreadablePhoto, match="cut short"):
        read_photo(path)
