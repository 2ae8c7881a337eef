"""What a photo may cost: estimated from its header, and refused before it is paid."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import hostile_photos as hostile
import numpy as np
import pillow_heif
import pytest
import tifffile
from PIL import Image, ImageCms

from trainer import large_webp, photo, photo_limits
from trainer import strips as strips_module
from trainer.bounded_reader import BoundedReader, TooLongError
from trainer.photo import (
    TOO_LONG,
    TOO_MUCH_MEMORY,
    TOO_SLOW,
    UnreadablePhoto,
    opened_photo,
    photo_size,
    read_photo,
)
from trainer.photo_limits import MAX_SCANS, needed_bytes, scans

ON_LINUX = sys.platform == "linux"
needs_linux = pytest.mark.skipif(not ON_LINUX, reason="memory is limited and measured on Linux")


def gradient(side: int = 1600) -> Image.Image:
    return Image.linear_gradient("L").resize((side, side))


def coloured() -> Image.Image:
    grey = gradient()
    return Image.merge("RGB", (grey, grey.rotate(180), grey))


def with_alpha() -> Image.Image:
    image = coloured()
    image.putalpha(gradient())
    return image


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def deep(kind: type) -> Image.Image:
    return Image.fromarray(np.asarray(gradient()).astype(kind) * 200)


KINDS: dict[str, Callable[[Path], object]] = {
    "grey.jpg": lambda path: gradient().save(path),
    "colour.jpg": lambda path: coloured().save(path),
    "turned.jpg": lambda path: coloured().save(path, exif=turned()),
    "progressive.jpg": lambda path: coloured().save(path, progressive=True, subsampling=0),
    "cmyk.jpg": lambda path: coloured().convert("CMYK").save(path, progressive=True),
    "colour.png": lambda path: coloured().save(path, compress_level=1),
    "alpha.png": lambda path: with_alpha().save(path, compress_level=1),
    "palette.png": lambda path: coloured().quantize(16).save(path, compress_level=1),
    "deep.png": lambda path: deep(np.uint16).save(path, compress_level=1),
    "colour.webp": lambda path: coloured().save(path, method=0),
    "alpha.webp": lambda path: with_alpha().save(path, method=0),
    "colour.avif": lambda path: coloured().save(path, speed=10),
    "full.avif": lambda path: coloured().save(path, speed=10, subsampling="4:4:4"),
    "alpha.avif": lambda path: with_alpha().save(path, speed=10),
    "turned.avif": lambda path: coloured().save(path, speed=10, exif=turned()),
    "grey.avif": lambda path: gradient().save(path, speed=10),
    "colour.heic": lambda path: pillow_heif.from_pillow(coloured()).save(path, quality=50),
    "colour.jp2": lambda path: coloured().save(path),
    "tiles.jp2": lambda path: coloured().save(path, tile_size=(512, 512)),
    "float.tif": lambda path: deep(np.float32).save(path),
    "half.tif": lambda path: tifffile.imwrite(
        path, np.asarray(coloured()).astype(np.float16) / 255, photometric="rgb"
    ),
    "packed.tif": lambda path: tifffile.imwrite(
        path,
        np.asarray(with_alpha()).astype(np.uint16) * 257,
        photometric="rgb",
        extrasamples=["unassalpha"],
        planarconfig="contig",
        compression="lzw",
        predictor=True,
        rowsperstrip=1600,
        metadata=None,
    ),
    "strip.tif": lambda path: coloured().save(path, compression="tiff_lzw", strip_size=1 << 30),
    "turned.tif": lambda path: coloured().save(path, exif=turned()),
    "colour.gif": lambda path: coloured().quantize(16).save(path),
    "colour.bmp": lambda path: coloured().save(path),
    "colour.ppm": lambda path: coloured().save(path),
}

MEASURE = """
import ctypes, json, os, sys
from pathlib import Path
import trainer.photo as photo
give_back = ctypes.CDLL(None).malloc_trim  # else free memory of before would serve a photo
seen = []
real = photo._needed
photo._needed = lambda *a, **k: seen.append(real(*a, **k)) or seen[-1]
def value(name):
    for line in open("/proc/self/status"):
        if line.startswith(name):
            return int(line.split()[1]) * 1024
results = {}
import imagecodecs, trainer.large_webp, trainer.photo_limits
paths = sorted(Path(sys.argv[1]).iterdir())
photo.read_photo(paths[0])  # loads what is loaded once
imagecodecs.webp_version()
for path, large in [(path, large) for large in (False, True) for path in paths]:
    if large:
        trainer.large_webp.LARGE_PIXELS = trainer.photo_limits.LARGE_PIXELS = 1_000_000
    seen.clear()
    reading, writing = os.pipe()
    if os.fork() == 0:  # memory that one photo leaves behind would hide what the next one takes
        give_back(0)
        open("/proc/self/clear_refs", "w").write("5")
        before = value("VmRSS")
        photo.read_photo(path, at_least=400 if large else None)
        os.write(writing, json.dumps([value("VmHWM") - before, seen[-1]]).encode())
        os._exit(0)
    os.wait()
    results[path.name + " reduced" * large] = json.loads(os.read(reading, 1000))
print(json.dumps(results))
"""


@needs_linux
def test_no_photo_takes_more_memory_than_estimated(tmp_path: Path) -> None:
    for name, save in KINDS.items():
        save(tmp_path / name)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path)], capture_output=True, text=True, check=True
    )
    measured = json.loads(done.stdout)
    assert set(measured) == {f"{name}{how}" for name in KINDS for how in ("", " reduced")}
    spare = 16 << 20  # of the memory allocator, whatever the photo
    low = {name: pair for name, pair in measured.items() if pair[0] > pair[1] + spare}
    assert low == {}
    # An estimate that is far too high would refuse photos that can be shown.
    high = {
        name: pair
        for name, pair in measured.items()
        if name in KINDS and pair[1] > 2.5 * pair[0] + spare
    }
    assert high == {}


NO_PHOTO = "This is not a photo in a format that can be opened, or its beginning is damaged."
HOSTILE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "alpha.png": (lambda path: hostile.png_header(path, 8, 6), TOO_MUCH_MEMORY),
    "deep.png": (lambda path: hostile.png_header(path, 16, 0), TOO_MUCH_MEMORY),
    "canvas.webp": (hostile.webp_header, TOO_MUCH_MEMORY),
    "small.jp2": (hostile.jpeg2000_header, TOO_MUCH_MEMORY),
    "float.tif": (hostile.float_tiff, TOO_MUCH_MEMORY),
    "sparse.avif": (hostile.sparse_avif, TOO_LONG),
    "chunk.png": (hostile.png_with_a_long_chunk, NO_PHOTO),
    "scans.jpg": (hostile.jpeg_of_many_scans, TOO_SLOW),
}

READ_LIMITED = """
import resource, sys
from pathlib import Path
from trainer.photo import UnreadablePhoto, photo_size, read_photo
resource.setrlimit(resource.RLIMIT_DATA, (300 << 20, 300 << 20))
path = Path(sys.argv[1])
for read in (read_photo, photo_size):
    try:
        read(path)
        print("read")
    except UnreadablePhoto as error:
        print(error.reason)
"""


@needs_linux
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_photo_is_refused_in_little_memory(tmp_path: Path, name: str) -> None:
    make, reason = HOSTILE[name]
    path = make(tmp_path / name)
    done = subprocess.run(
        [sys.executable, "-c", READ_LIMITED, str(path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    whole, header = done.stdout.splitlines()
    assert whole == reason
    # Reduced while it is decoded, such a photo is shown; a PNG's size is before its chunks.
    small = ("alpha.png", "deep.png", "small.jp2", "float.tif", "chunk.png")
    assert header == ("read" if name in small else reason)


@needs_linux
def test_a_large_deep_photo_is_shown_reduced(tmp_path: Path) -> None:
    path = hostile.float_tiff(tmp_path / "float.tif", side=8000)
    code = (
        "import resource\nfrom pathlib import Path\nfrom trainer.photo import read_photo\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (560 << 20, 560 << 20))\n"
        f"image = read_photo(Path({str(path)!r}), at_least=512)\nprint(image.mode, image.size)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "RGB (534, 534)"


def made_large(monkeypatch: pytest.MonkeyPatch, pixels: int = 10_000) -> None:
    for module in (photo_limits, large_webp):
        monkeypatch.setattr(module, "LARGE_PIXELS", pixels)


@pytest.mark.parametrize("name", KINDS)
def test_a_photo_that_is_made_strip_by_strip_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(strips_module, "_STRIP_PIXELS", 1600 * 100)
    KINDS[name](tmp_path / name)
    whole = read_photo(tmp_path / name)
    made_large(monkeypatch)
    assert read_photo(tmp_path / name).tobytes() == whole.tobytes()
    small = read_photo(tmp_path / name, at_least=330)  # a fourth: 400
    # Pillow's own reduction of transparent or paletted pictures rounds elsewhere.
    assert small.size == (400, 400)
    expected = np.asarray(whole.reduce(4)).astype(int)
    assert np.abs(np.asarray(small).astype(int) - expected).mean() < 1.5


def test_a_large_still_webp_is_opened(tmp_path: Path) -> None:
    """It takes 4 bytes per pixel; animations are opened by a decoder that takes 17."""
    path = tmp_path / "photo.webp"
    body = b"WEBPVP8 " + (30).to_bytes(4, "little") + b"\x10\0\0\x9d\x01\x2a"
    body += (14_000).to_bytes(2, "little") * 2 + bytes(20)
    path.write_bytes(b"RIFF" + len(body).to_bytes(4, "little") + body)
    assert photo_size(path) == (14_000, 14_000)


def test_a_large_webp_keeps_profile_orientation_and_metadata(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "photo.webp"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    wide = with_alpha().resize((300, 200))
    wide.save(path, lossless=True, exif=turned(), icc_profile=profile, xmp=b"<x/>")
    with opened_photo(path) as image:
        expected = {name: image.info[name] for name in ("icc_profile", "exif", "xmp")}
    whole = read_photo(path)
    assert whole.size == (200, 300)
    made_large(monkeypatch)
    with opened_photo(path) as image:
        assert isinstance(image, large_webp.LargeWebpImageFile)
        assert {name: image.info[name] for name in expected} == expected
    assert read_photo(path).tobytes() == whole.tobytes()
    assert read_photo(path, at_least=100).size == (100, 150)


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("make", [coloured, with_alpha])
def test_of_a_large_animated_webp_only_the_first_frame_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[], Image.Image], lossless: bool
) -> None:
    path = tmp_path / "photo.webp"
    first, second = make().resize((300, 200)), gradient(300).crop((0, 0, 300, 200))
    first.save(path, save_all=True, append_images=[second], lossless=lossless, exif=turned())
    whole = read_photo(path)
    made_large(monkeypatch)
    with opened_photo(path) as image:
        assert isinstance(image, large_webp.LargeWebpImageFile)
    assert whole.size == (200, 300)
    assert read_photo(path).tobytes() == whole.tobytes()
    assert read_photo(path, at_least=100).size == (100, 150)


def test_an_animated_webp_whose_first_frame_is_smaller_is_left_to_pillow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "photo.webp"
    coloured().resize((200, 200)).save(path, save_all=True, append_images=[gradient(200)])
    body = bytearray(path.read_bytes())
    place = body.index(b"ANMF") + 8
    body[place] = 1  # two pixels from the left
    path.write_bytes(body)
    made_large(monkeypatch)
    with path.open("rb") as file:
        assert not large_webp.is_large_webp(file)


def test_a_large_photo_is_reduced_to_what_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_large(monkeypatch)
    for name in ("colour.png", "palette.png", "deep.png", "colour.bmp", "float.tif", "tiles.jp2"):
        KINDS[name](tmp_path / name)
        whole = read_photo(tmp_path / name)
        small = read_photo(tmp_path / name, at_least=200)
        assert (whole.size, small.size) == ((1600, 1600), (200, 200))
        expected = np.asarray(whole.reduce(8)).astype(int)
        assert np.abs(np.asarray(small).astype(int) - expected).max() <= 2


def test_a_jpeg_that_was_decoded_at_less_is_not_reduced_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_large(monkeypatch)
    path = tmp_path / "photo.jpg"
    coloured().save(path)
    for at_least, side in ((150, 200), (200, 200), (350, 400), (900, 1600)):
        assert read_photo(path, at_least=at_least).size == (side, side)


def test_a_machine_with_little_memory_has_a_lower_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Memory:
        total = 400 << 20

    monkeypatch.setattr(photo_limits.psutil, "virtual_memory", lambda: Memory)
    assert photo_limits.decoding_limit.__wrapped__() == 128 << 20
    Memory.total = 2 << 30
    assert photo_limits.decoding_limit.__wrapped__() == 512 << 20
    Memory.total = 64 << 30
    assert photo_limits.decoding_limit.__wrapped__() == photo_limits.DECODING_BYTES
    path = tmp_path / "photo.png"
    coloured().save(path, compress_level=1)
    monkeypatch.setattr(photo, "decoding_limit", lambda: 10 << 20)
    with pytest.raises(UnreadablePhoto, match="memory"):
        photo_size(path)


@pytest.mark.parametrize("progressive", [False, True])
def test_the_scans_of_a_jpeg_are_counted(tmp_path: Path, progressive: bool) -> None:
    path = tmp_path / "photo.jpg"
    coloured().resize((300, 200)).save(path, progressive=progressive)
    with path.open("rb") as file:
        file.seek(7)
        assert scans(file) == (10 if progressive else 1)
        assert file.tell() == 7


def test_scans_are_counted_wherever_blocks_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = hostile.jpeg_of_many_scans(tmp_path / "photo.jpg", scans=30, side=64)
    for block in (1, 2, 3, 7, 64, 1 << 20):
        monkeypatch.setattr(photo_limits, "_BLOCK_BYTES", block)
        with path.open("rb") as file:
            assert scans(file) == 39
    assert read_photo(path).size == (64, 64)


def test_a_jpeg_of_separate_scans_counts_as_one_that_is_refined(tmp_path: Path) -> None:
    """A baseline JPEG may have a scan for each component: the decoder holds all of it, too."""
    path = tmp_path / "photo.jpg"
    coloured().save(path)
    data = bytearray(path.read_bytes())
    data[data.index(b"\xff\xda") + 4] = 1
    separate = tmp_path / "separate.jpg"
    separate.write_bytes(data)
    needed = []
    for file in (path, separate):
        with opened_photo(file) as image, file.open("rb") as stream:
            needed.append(needed_bytes(image, stream, at_least=200))
    assert needed[1] > 5 * needed[0]
    # The 4:2:0 components have 1.5 coefficients of two bytes for each pixel.
    assert needed[1] - needed[0] >= 2 * 1.5 * 1600 * 1600


def test_ordinary_photos_have_few_scans() -> None:
    assert MAX_SCANS >= 10 * 4


def test_reads_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.bounded_reader.READ_BYTES", 100)
    monkeypatch.setattr("trainer.bounded_reader.OPENING_BYTES", 250)
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 4)
    with path.open("rb") as file:
        reader = BoundedReader(file, 1024)
        with pytest.raises(TooLongError):
            reader.read()
        assert reader.read(100) == bytes(range(100))
        reader.seek(1000)
        assert len(reader.read(1 << 40)) == 24  # no more than there is
        assert reader.tell() == 1024
        reader.seek(0)
        reader.read(100)
        with pytest.raises(TooLongError):
            reader.read(50)  # 274 bytes altogether
        reader.opened()
        assert len(reader.read(100)) == 100
