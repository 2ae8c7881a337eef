"""Photos of every kind and damage, drawn here: what is read, and what is said when it is not."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from colour_profiles import swapped_profile
from photo_containers import png_chunk
from PIL import Image, ImageCms, PngImagePlugin

from trainer.photo import (
    MAX_PIXELS,
    PHOTO_SUFFIXES,
    UnreadablePhoto,
    may_pass,
    photo_size,
    read_photo,
)

ORIENTATION = 0x0112
RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 200, 40), (30, 40, 210), (230, 220, 40)


def quarters(width: int = 64, height: int = 32) -> Image.Image:
    """Red, green / blue, yellow: every turning and mirroring shows."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(GREEN, (width // 2, 0, width, height // 2))
    image.paste(BLUE, (0, height // 2, width // 2, height))
    image.paste(YELLOW, (width // 2, height // 2, width, height))
    return image


def corners(image: Image.Image) -> list[tuple[int, ...]]:
    """Colours in the middle of the four quarters, reading order."""
    w, h = image.size
    places = [
        (w // 4, h // 4),
        (3 * w // 4, h // 4),
        (w // 4, 3 * h // 4),
        (3 * w // 4, 3 * h // 4),
    ]
    return [tuple(int(v) for v in np.asarray(image)[y, x]) for x, y in places]


def assert_close(
    image: Image.Image, expected: list[tuple[int, int, int]], within: int = 12
) -> None:
    assert image.mode == "RGB"
    assert np.abs(np.array(corners(image)) - np.array(expected)).max() <= within


def middle(image: Image.Image) -> tuple[int, ...]:
    return tuple(int(v) for v in np.asarray(image)[image.height // 2, image.width // 2])


def reason(path: Path) -> str:
    with pytest.raises(UnreadablePhoto) as caught:
        read_photo(path)
    assert caught.value.reason == str(caught.value)
    assert caught.value.reason.endswith(".")
    return caught.value.reason


# -------------------------------------------------------------------------------- formats


@pytest.mark.parametrize(
    "suffix", ["jpg", "png", "webp", "gif", "bmp", "tif", "avif", "jp2", "ppm"]
)
def test_common_formats_are_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"photo.{suffix}"
    quarters().save(path)
    assert_close(read_photo(path), [RED, GREEN, BLUE, YELLOW], within=40)
    assert photo_size(path) == (64, 32)
    assert path.suffix in PHOTO_SUFFIXES


def test_heic_is_read(tmp_path: Path) -> None:
    path = tmp_path / "photo.heic"
    pillow_heif.from_pillow(quarters(128, 64)).save(path, quality=95)
    assert_close(read_photo(path), [RED, GREEN, BLUE, YELLOW], within=40)
    assert photo_size(path) == (128, 64)


def test_the_content_decides_not_the_suffix(tmp_path: Path) -> None:
    path = tmp_path / "really a png.jpg"
    quarters().save(path, format="PNG")
    assert_close(read_photo(path, at_least=8), [RED, GREEN, BLUE, YELLOW], within=0)


def test_file_names_need_not_be_unicode(tmp_path: Path) -> None:
    for name in ("фото 写真 é.png", os.fsdecode(b"caf\xe9.png")):
        path = tmp_path / name
        quarters().save(path)
        assert read_photo(path).size == (64, 32)


# ---------------------------------------------------------------------------- orientation


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif"])
@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (2, [GREEN, RED, YELLOW, BLUE]),
        (3, [YELLOW, BLUE, GREEN, RED]),
        (5, [RED, BLUE, GREEN, YELLOW]),
        (6, [BLUE, RED, YELLOW, GREEN]),
        (8, [GREEN, YELLOW, RED, BLUE]),
    ],
)
def test_orientation_is_applied_once(
    tmp_path: Path, suffix: str, orientation: int, expected: list[tuple[int, int, int]]
) -> None:
    path = tmp_path / f"turned.{suffix}"
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    quarters().save(path, exif=exif)
    image = read_photo(path)
    assert_close(image, expected, within=40)
    assert photo_size(path) == image.size
    assert image.getexif().get(ORIENTATION, 1) == 1


def test_orientation_of_heic_is_applied_once(tmp_path: Path) -> None:
    path = tmp_path / "turned.heic"
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    quarters(128, 64).save(path, format="HEIF", exif=exif.tobytes(), quality=95)
    image = read_photo(path)
    assert_close(image, [BLUE, RED, YELLOW, GREEN], within=40)
    assert photo_size(path) == image.size == (64, 128)


@pytest.mark.parametrize("suffix", ["heic", "avif"])
def test_exif_alone_does_not_turn_heic_and_avif(tmp_path: Path, suffix: str) -> None:
    """Only their own property does (ISO/IEC 23000-22, 7.3.10.1); see docs/photos.md."""
    path = tmp_path / f"photo.{suffix}"
    # Writers turn the orientation into that property: so it is called otherwise while they write.
    exif = Image.Exif()
    exif[ORIENTATION + 1] = 6
    made = io.BytesIO()
    quarters(128, 64).save(made, "HEIF" if suffix == "heic" else "AVIF", exif=exif.tobytes())
    data = made.getvalue().replace(b"\x01\x13\0\3\0\0\0\1\0\6", b"\x01\x12\0\3\0\0\0\1\0\6")
    assert data != made.getvalue()
    path.write_bytes(data)
    image = read_photo(path)
    assert photo_size(path) == image.size == (128, 64)
    assert_close(image, [RED, GREEN, BLUE, YELLOW], within=40)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_does_not_lose_the_photo(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    quarters().save(path, exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xffgarbage")
    assert read_photo(path).size == photo_size(path) == (64, 32)


# --------------------------------------------------------------------------------- colours


def test_transparent_places_become_white(tmp_path: Path) -> None:
    path = tmp_path / "clear.png"
    image = quarters().convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 32, 16))
    image.paste((*GREEN, 128), (32, 0, 64, 16))
    image.save(path)
    half = tuple(round((c * 128 + 255 * 127) / 255) for c in GREEN)
    assert_close(read_photo(path), [(255, 255, 255), half, BLUE, YELLOW], within=1)  # type: ignore[list-item]


def test_palette_with_transparency_becomes_white(tmp_path: Path) -> None:
    path = tmp_path / "palette.gif"
    image = quarters().quantize(4)
    image.save(path, transparency=int(np.asarray(image)[8, 16]))
    assert_close(read_photo(path), [(255, 255, 255), GREEN, BLUE, YELLOW], within=2)


def test_palette_without_transparency(tmp_path: Path) -> None:
    path = tmp_path / "palette.png"
    quarters().quantize(4).save(path)
    assert_close(read_photo(path), [RED, GREEN, BLUE, YELLOW], within=2)


def test_grey_with_alpha(tmp_path: Path) -> None:
    path = tmp_path / "grey.png"
    Image.new("LA", (8, 8), (100, 0)).save(path)
    assert middle(read_photo(path)) == (255, 255, 255)


def test_black_and_white(tmp_path: Path) -> None:
    path = tmp_path / "fax.tif"
    Image.new("1", (8, 8), 1).save(path, compression="group4")
    assert middle(read_photo(path)) == (255, 255, 255)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_grey_is_scaled_not_clipped(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"deep.{suffix}"
    values = np.linspace(0, 65535, 256).astype(np.uint16)
    Image.fromarray(np.tile(values, (4, 1))).save(path)
    row = np.asarray(read_photo(path))[0, :, 0].astype(int)
    assert np.abs(row - np.arange(256)).max() <= 1


def test_16_bit_pgm_is_scaled(tmp_path: Path) -> None:
    path = tmp_path / "deep.pgm"
    values = np.full((4, 4), 32768, ">u2")
    path.write_bytes(b"P5 4 4 65535\n" + values.tobytes())
    assert middle(read_photo(path)) == (128, 128, 128)


def test_16_bit_rgb_png_is_scaled(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    path.write_bytes(png_rgb16((65535, 32768, 0)))
    assert middle(read_photo(path)) == pytest.approx((255, 128, 0), abs=1)


def test_floating_point_grey_is_scaled(tmp_path: Path) -> None:
    path = tmp_path / "float.tif"
    Image.fromarray(np.full((4, 4), 0.5, np.float32)).save(path)
    assert middle(read_photo(path)) == pytest.approx((128, 128, 128), abs=1)


def test_cmyk_jpeg_is_not_inverted(tmp_path: Path) -> None:
    path = tmp_path / "print.jpg"
    quarters().convert("CMYK").save(path, quality=95)
    assert_close(read_photo(path), [RED, GREEN, BLUE, YELLOW], within=40)


def test_lab_tiff(tmp_path: Path) -> None:
    path = tmp_path / "lab.tif"
    lab = ImageCms.profileToProfile(
        quarters(), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert lab is not None
    lab.save(path)
    assert_close(read_photo(path), [RED, GREEN, BLUE, YELLOW], within=8)


def test_an_icc_profile_is_converted_to_srgb(tmp_path: Path) -> None:
    """With red and green exchanged in the profile, a red pixel must come out green."""
    path = tmp_path / "profiled.png"
    Image.new("RGB", (8, 8), (255, 0, 0)).save(path, icc_profile=swapped_profile())
    red, green, blue = middle(read_photo(path))
    assert green > 200
    assert red < 80
    assert blue < 80
    assert middle(read_photo(path, to_srgb=False)) == (255, 0, 0)


def test_an_srgb_profile_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "srgb.png"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    quarters().save(path, icc_profile=profile)
    assert_close(read_photo(path), [RED, GREEN, BLUE, YELLOW], within=0)


def test_a_damaged_icc_profile_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "profiled.png"
    quarters().save(path, icc_profile=b"no profile at all")
    assert_close(read_photo(path), [RED, GREEN, BLUE, YELLOW], within=0)


# ------------------------------------------------------------------------------ animations


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tif"])
def test_an_animation_is_its_first_frame(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"moving.{suffix}"
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, GREEN, BLUE)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert np.abs(np.array(middle(read_photo(path))) - RED).max() <= 12


# ------------------------------------------------------------------------------- reduction


@pytest.mark.parametrize(
    ("at_least", "short_side"), [(600, 600), (300, 300), (200, 300), (150, 150), (40, 75)]
)
def test_a_jpeg_is_decoded_small_but_not_too_small(
    tmp_path: Path, at_least: int, short_side: int
) -> None:
    path = tmp_path / "large.jpg"
    quarters(800, 600).save(path)
    image = read_photo(path, at_least=at_least)
    assert min(image.size) == short_side >= min(at_least, 600)
    assert_close(image, [RED, GREEN, BLUE, YELLOW], within=12)
    assert photo_size(path) == (800, 600)


@pytest.mark.parametrize(
    ("at_least", "long_side"), [(800, 800), (400, 400), (320, 400), (201, 400), (200, 200)]
)
def test_of_the_longer_side_less_is_decoded(tmp_path: Path, at_least: int, long_side: int) -> None:
    path = tmp_path / "large.jpg"
    quarters(800, 600).save(path)
    image = read_photo(path, at_least=at_least, longer=True)
    assert max(image.size) == long_side >= at_least
    assert_close(image, [RED, GREEN, BLUE, YELLOW], within=12)


# ---------------------------------------------------------------------------- what is wrong


def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.jpg"
    path.touch()
    assert reason(path) == "The file is empty."


def test_a_file_that_is_no_photo(tmp_path: Path) -> None:
    path = tmp_path / "notes.jpg"
    path.write_text("not a photo")
    assert "format" in reason(path)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif", "gif", "bmp", "heic"])
def test_a_file_cut_short(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cut.{suffix}"
    noise = np.random.default_rng(0).integers(0, 255, (128, 128, 3), np.uint8)
    Image.fromarray(noise).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 3])
    assert "short" in reason(path) or "damaged" in reason(path)


def test_damage_in_the_middle_never_escapes(tmp_path: Path) -> None:
    """Any damage gives pixels or a reason, never another exception."""
    random = np.random.default_rng(1)
    for suffix in ("jpg", "png", "gif", "tif", "webp", "bmp", "avif", "jp2"):
        path = tmp_path / f"photo.{suffix}"
        quarters().save(path)
        whole = path.read_bytes()
        for _ in range(25):
            data = bytearray(whole)
            for place in random.integers(4, len(data), 8):
                data[place] = int(random.integers(0, 256))
            path.write_bytes(data)
            for read in (read_photo, photo_size):
                try:
                    read(path)
                except UnreadablePhoto as error:
                    assert error.reason


def test_a_missing_file(tmp_path: Path) -> None:
    assert reason(tmp_path / "gone.jpg") == "The file is no longer there."


def test_a_folder_with_a_photos_name(tmp_path: Path) -> None:
    folder = tmp_path / "folder.jpg"
    folder.mkdir()
    assert reason(folder) == "This is not a file."


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "gif", "avif"])
def test_the_size_of_an_open_file_is_read_from_anywhere_in_it(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"photo.{suffix}"
    quarters().save(path)
    for source in (path.open("rb"), io.BytesIO(path.read_bytes())):
        with source:
            source.seek(7)
            assert photo_size(source) == (64, 32)
            assert not source.closed


def test_the_size_of_a_png_is_known_without_decoding_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where the orientation is behind the pixels, as EXIF may be."""
    path = tmp_path / "turned.png"
    quarters().save(path)
    plain = path.read_bytes()
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    data = exif.tobytes().removeprefix(b"Exif\0\0")
    late = png_chunk(b"eXIf", data)
    damaged = late[:-1] + bytes([late[-1] ^ 1])
    decoded: list[object] = []
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", decoded.append)
    for chunk, size in ((b"", (64, 32)), (late, (32, 64)), (damaged, (64, 32))):
        path.write_bytes(plain[:-12] + chunk + plain[-12:])
        assert photo_size(path) == size
    assert not decoded


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe.jpg"
    os.mkfifo(path)
    assert reason(path) == "This is not a file."


def test_a_link_to_itself(tmp_path: Path) -> None:
    path = tmp_path / "loop.jpg"
    path.symlink_to(path)
    assert "link" in reason(path)


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "private.jpg"
    quarters().save(path)
    path.chmod(0)
    if os.access(path, os.R_OK):  # root may read everything
        monkeypatch.setattr(Image, "open", raising(PermissionError(13, "Permission denied")))
    assert "permission" in reason(path)


def test_a_failing_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "photo.jpg"
    quarters().save(path)
    monkeypatch.setattr(Image, "open", raising(OSError(5, "Input/output error")))
    assert "disk" in reason(path)


def test_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "photo.jpg"
    quarters().save(path)
    monkeypatch.setattr(Image, "open", raising(MemoryError()))
    assert "memory" in reason(path)


@pytest.mark.parametrize("megapixels", [201, 390, 4000])
def test_a_huge_photo_is_refused_before_decoding(tmp_path: Path, megapixels: int) -> None:
    path = tmp_path / "huge.bmp"
    path.write_bytes(bmp_header(20_000, megapixels * 1_000_000 // 20_000))
    assert "200 megapixels" in reason(path)
    with pytest.raises(UnreadablePhoto):
        photo_size(path)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_photo_of_just_under_the_limit_is_not_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.bmp"
    path.write_bytes(bmp_header(20_000, MAX_PIXELS // 20_000))
    assert photo_size(path) == (20_000, 10_000)


# --------------------------------------------------------------------------------- threads


def test_many_threads_may_read_at_once(tmp_path: Path) -> None:
    profile = swapped_profile()
    colours = [RED, GREEN, BLUE, YELLOW]
    paths = [tmp_path / f"{i}.png" for i in range(8)]
    for i, path in enumerate(paths):
        Image.new("RGB", (64, 64), colours[i % 4]).save(path, icc_profile=profile)
    alone = [middle(read_photo(path)) for path in paths]
    barrier = threading.Barrier(8)

    def work(path: Path) -> tuple[int, ...]:
        barrier.wait()
        return [middle(read_photo(path)) for _ in range(10)][-1]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, paths)) == alone


# --------------------------------------------------------------------------------- helpers


def raising(error: Exception) -> Callable[..., object]:
    def fail(*_args: object, **_kwargs: object) -> object:
        raise error

    return fail


def bmp_header(width: int, height: int) -> bytes:
    """A BMP that promises ``width`` x ``height`` pixels and holds none."""
    info = (
        (40).to_bytes(4, "little")
        + width.to_bytes(4, "little")
        + height.to_bytes(4, "little")
        + (1).to_bytes(2, "little")
        + (24).to_bytes(2, "little")
        + bytes(24)
    )
    return b"BM" + (54).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little") + info


def png_rgb16(colour: tuple[int, int, int]) -> bytes:
    """A 4 x 4 PNG of 16 bits per channel, which Pillow cannot write."""
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + kind + data + check

    row = b"\x00" + b"".join(value.to_bytes(2, "big") for value in colour) * 4
    header = (4).to_bytes(4, "big") * 2 + bytes([16, 2, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(row * 4))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "reason",
    [
        "The photo is kept online only and was not fetched. Make it available on this computer, "
        "and it is looked at with the next scan.",
        "The disk did not give the file back: it may be failing or unplugged.",
    ],
)
def test_a_reason_stored_by_an_earlier_version_is_still_known_to_be_temporary(reason: str) -> None:
    assert may_pass(reason)
