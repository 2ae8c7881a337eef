"""Raw files: the camera's preview where it is large enough, else LibRaw at half the size."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rawpy
from PIL import Image
from raw_photos import PATCHES, cr3, dng, jpeg, orf, patches, raf, rw2

from trainer.photo import (
    HeavyPhoto,
    UnreadablePhoto,
    opened_photo,
    photo_size,
    read_photo,
)
from trainer.raw import CUT_SHORT, RawImageFile
from trainer.raw_headers import RawHeaderError, read_raw_header

WIDTH, HEIGHT = 320, 192
GREEN = (20, 200, 40)


def written(tmp_path: Path, data: bytes, name: str = "photo.dng") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


def bars(image: Image.Image) -> list[tuple[int, ...]]:
    """Colours in the middles of the bars, from left to right or from top to bottom."""
    pixels = np.asarray(image)
    if image.height > image.width:
        pixels = pixels.transpose(1, 0, 2)
    middles = ((np.arange(len(PATCHES)) + 0.5) / len(PATCHES) * pixels.shape[1]).astype(int)
    return [tuple(map(int, pixels[pixels.shape[0] // 2, at])) for at in middles]


def assert_bars(image: Image.Image, within: int = 3) -> None:
    assert np.abs(np.array(bars(image)) - np.array(PATCHES)).max() <= within


def preview(size: tuple[int, int] = (WIDTH, HEIGHT)) -> bytes:
    return jpeg(Image.new("RGB", size, GREEN), quality=95)


@pytest.mark.parametrize("linear", [False, True])
def test_without_a_preview_the_raw_data_is_developed(tmp_path: Path, linear: bool) -> None:
    path = written(tmp_path, dng(patches(), linear=linear))
    image = read_photo(path)
    assert image.size == ((WIDTH, HEIGHT) if linear else (WIDTH // 2, HEIGHT // 2))
    assert_bars(image)
    assert photo_size(path) == (WIDTH, HEIGHT)
    with rawpy.imread(str(path)) as raw:
        own = raw.postprocess(half_size=True, use_camera_wb=True, gamma=(2.4, 12.92))
    assert np.array_equal(np.asarray(image), own)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_turns_raw_data_and_preview_alike(tmp_path: Path, orientation: int) -> None:
    raw = written(tmp_path, dng(patches(), orientation=orientation))
    left = Image.new("RGB", (WIDTH, HEIGHT), GREEN)
    left.paste((250, 10, 10), (0, 0, WIDTH // 2, HEIGHT))
    with_one = dng(patches(), orientation=orientation, preview=jpeg(left, quality=95))
    size = (HEIGHT, WIDTH) if orientation > 4 else (WIDTH, HEIGHT)
    shown = written(tmp_path, with_one, "preview.dng")
    assert photo_size(raw) == photo_size(shown) == size
    developed, image = read_photo(raw), read_photo(shown)
    assert (developed.width * 2, developed.height * 2) == image.size == size
    # Red is at the left of both as stored, so it is at the same edge of both as shown.
    places = [(0.02, 0.5), (0.98, 0.5), (0.5, 0.02), (0.5, 0.98)]

    def is_red(of: Image.Image, place: tuple[float, float]) -> bool:
        red, green, _ = of.getpixel((int(place[0] * of.width), int(place[1] * of.height)))  # pyright: ignore[reportGeneralTypeIssues]
        return red > 200 and green < 100

    edge = {1: 0, 2: 1, 3: 1, 4: 0, 5: 2, 6: 2, 7: 3, 8: 3}[orientation]
    assert is_red(developed, places[edge]) and is_red(image, places[edge])
    assert not is_red(image, places[edge ^ 1])


def test_a_preview_that_a_camera_turned_already_is_not_turned_again(tmp_path: Path) -> None:
    upright = preview((HEIGHT, WIDTH))
    path = written(tmp_path, dng(patches(), orientation=6, preview=upright))
    assert read_photo(path).size == photo_size(path) == (HEIGHT, WIDTH)


def test_the_smallest_preview_that_is_large_enough_is_taken(tmp_path: Path) -> None:
    path = written(tmp_path, dng(patches(960, 640), preview=preview((480, 320))))
    for at_least in (100, 300, None):
        assert read_photo(path, at_least=at_least).getpixel((5, 5)) == pytest.approx(GREEN, abs=4)
    small = written(tmp_path, dng(patches(960, 640), preview=preview((240, 160))), "small.dng")
    assert read_photo(small, at_least=100).getpixel((5, 5)) == pytest.approx(GREEN, abs=4)
    assert_bars(read_photo(small, at_least=200))
    assert_bars(read_photo(small))


def test_the_edges_that_the_camera_cuts_off_are_cut_off(tmp_path: Path) -> None:
    path = written(tmp_path, dng(patches(), crop=16))
    assert photo_size(path) == (WIDTH - 32, HEIGHT - 32)
    assert read_photo(path).size == ((WIDTH - 32) // 2, (HEIGHT - 32) // 2)


def test_libraw_runs_only_apart(tmp_path: Path) -> None:
    raw = written(tmp_path, dng(patches()))
    shown = written(tmp_path, dng(patches(), preview=preview()), "preview.dng")
    with pytest.raises(HeavyPhoto):
        read_photo(raw, most_bytes=1 << 30)
    loaded = (
        "import sys\nfrom pathlib import Path\nfrom trainer.photo import photo_size, read_photo\n"
        f"photo_size(Path({str(raw)!r}))\nread_photo(Path({str(shown)!r}), most_bytes=1 << 30)\n"
        "assert not {'rawpy', 'imagecodecs'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", loaded], check=True)


def test_raw_data_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    data = dng(patches())
    # The directory is behind the pixels: what is cut off must be in front of it.
    place = struct.unpack_from("<I", data, 4)[0]
    short = bytearray(data)
    at = data.index(struct.pack("<HHI", 273, 4, 1), place) + 8
    short[at : at + 4] = struct.pack("<I", len(data) - 1000)
    for name, content in (("short.dng", bytes(short)), ("end.dng", data[: len(data) // 2])):
        with pytest.raises(UnreadablePhoto):
            read_photo(written(tmp_path, content, name))
    with pytest.raises(UnreadablePhoto) as caught:
        read_photo(tmp_path / "short.dng")
    assert caught.value.reason == CUT_SHORT


def test_a_tiff_without_raw_data_is_a_tiff(tmp_path: Path) -> None:
    path = tmp_path / "photo.dng"
    Image.new("RGB", (64, 48), GREEN).save(path, "TIFF")
    with opened_photo(path) as image:
        assert image.format == "TIFF" and image.getpixel((5, 5)) == GREEN


def test_memory_is_estimated_before_anything_is_developed(tmp_path: Path) -> None:
    data = bytearray(dng(patches()))
    place = struct.unpack_from("<I", data, 4)[0]
    for tag, side in ((256, 60_000), (257, 3_000), (50720, None)):
        at = data.index(struct.pack("<HHI", tag, 4, 1 if side else 2), place)
        if side:
            data[at + 8 : at + 12] = struct.pack("<I", side)
        else:
            data[at : at + 2] = struct.pack("<H", 50721 - 1000)
    path = written(tmp_path, bytes(data))
    with pytest.raises(UnreadablePhoto, match="more memory"):
        photo_size(path)


# ---------------------------------------------------------------------- other cameras


def header_of(data: bytes):
    def read(start: int, count: int) -> bytes:
        found = data[start : start + count]
        if start < 0 or len(found) != count:
            raise RawHeaderError("beyond the end")
        return found

    return read_raw_header(read, len(data))


def test_panasonic_names_borders_and_a_jpeg() -> None:
    data = rw2(preview((480, 320)))
    header = header_of(data)
    assert (header.kind, header.width, header.height) == ("RW2", 960, 640)
    assert header.orientation == 8
    assert [(item.width, item.height) for item in header.previews] == [(480, 320)]
    assert header.raw_parts == ((8, len(data)),)


def test_fujifilm_has_everything_in_a_jpeg(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    exif[306] = "2023:02:03 04:05:06"
    shown = jpeg(Image.new("RGB", (480, 320), GREEN), exif=exif)
    path = written(tmp_path, raf(shown), "photo.raf")
    assert photo_size(path) == (640, 960)
    assert read_photo(path, at_least=100).getpixel((5, 5)) == pytest.approx(GREEN, abs=4)
    with opened_photo(path, pixels=False) as image:
        assert isinstance(image, RawImageFile) and image.header.kind == "RAF"
        assert image.getexif()[306] == "2023:02:03 04:05:06"


def test_canon_has_metadata_in_boxes(tmp_path: Path) -> None:
    path = written(tmp_path, cr3(preview((480, 320))), "photo.cr3")
    assert photo_size(path) == (960, 640)
    assert read_photo(path, at_least=100).getpixel((5, 5)) == pytest.approx(GREEN, abs=4)
    with opened_photo(path, pixels=False) as image:
        assert image.getexif().get_ifd(0x8769)[36867] == "2022:03:04 05:06:07"
        assert image.getexif()[272] == "Test"


def test_olympus_names_its_preview_in_the_maker_note() -> None:
    header = header_of(orf(preview((480, 320))))
    assert (header.kind, header.width, header.height) == ("ORF", 960, 640)
    assert [(item.width, item.height) for item in header.previews] == [(480, 320)]


@pytest.mark.parametrize(("tag", "kind", "count"), [(700, 1, 64), (279, 4, 9)])
def test_metadata_and_thumbnails_that_point_nowhere_cost_no_raw_file(
    tag: int, kind: int, count: int
) -> None:
    data = bytearray(dng(patches(), preview=preview(), packet=bytes(64)))
    # 279: of the directory with the preview, which is in front of the main one.
    found = 1 if tag == 279 else count
    at = data.index(struct.pack("<HHI", tag, kind, found))
    data[at + 4 : at + 12] = struct.pack("<II", count, len(data) - 8)
    header = header_of(bytes(data))
    assert (header.kind, header.width, header.height) == ("DNG", WIDTH, HEIGHT)
    assert (len(header.previews), header.xmp) == ((0, bytes(64)) if tag == 279 else (1, b""))


@pytest.mark.parametrize("seed", range(4))
def test_damaged_headers_are_refused_or_read(seed: int) -> None:
    rng = np.random.default_rng(seed)
    whole = np.frombuffer(
        dng(patches(64, 48), preview=preview((128, 96)), packet=b"<x/>"), np.uint8
    )
    for _ in range(100):
        data = whole.copy()
        places = rng.integers(0, len(data), rng.integers(1, 40))
        # Mostly within the directories, which are at the end.
        places[::2] = len(data) - 1 - places[::2] % 600
        data[places] = rng.integers(0, 256, len(places))
        content = (
            data[: rng.integers(1, len(data) + 1)].tobytes()
            if rng.random() < 0.3
            else data.tobytes()
        )
        try:
            header = header_of(content)
        except RawHeaderError:
            continue
        assert min(header.width, header.height) > 0
        for item in header.previews:
            assert 0 < item.start < item.start + item.length <= len(content)
