"""The picture's hash: the same whatever the metadata, another for any change of the picture."""

from __future__ import annotations

import io
import struct
import tracemalloc
from pathlib import Path
from random import Random

import numpy as np
import pytest
from example_counts import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from photo_containers import (
    big_tiff,
    containers,
    heic,
    png_chunk,
    png_without,
    srgb_profile,
    write_metadata,
)

from lmpt_desktop.ingest import fingerprint
from trainer.containers.collector import BLOCK_BYTES
from trainer.photo import UnreadablePhoto, read_photo
from trainer.picture_hash import PictureData, picture_data

CONTAINERS = containers()
READ_ONLY = {"big.tif", "big endian.tif", "tiles.tif", "stream.j2k", "plain.bmp", "plain.ppm"}
"""What exiftool cannot write."""
PHOTOS = Path("/work/shared/photos/images")
"""Real photos, where there are any."""


def data_of(content: bytes | bytearray) -> PictureData | None:
    return picture_data(io.BytesIO(content), len(content))


def hash_of(content: bytes | bytearray) -> str:
    found = data_of(content)
    assert found is not None
    return found.picture_hash


def photo(tmp_path: Path, name: str) -> Path:
    path = tmp_path / name
    path.write_bytes(CONTAINERS[name])
    return path


every = pytest.mark.parametrize("name", sorted(CONTAINERS))


# ------------------------------------------------------------------------ metadata written


SEGMENTED = (".jpg", ".mpo", ".png", ".tif")


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        (["-Rating=5", "-Subject=beach"], ()),
        (["-XMP:Description=" + "a long description " * 200], ()),
        (["-AllDates=2019:05:04 13:22:10"], (".jpg", ".mpo", ".png", ".tif", ".webp", ".heic")),
        (["-EXIF:ImageDescription=a cat"], (".jpg", ".mpo", ".png", ".tif", ".webp", ".jp2")),
        (["-IPTC:Keywords=cat"], SEGMENTED),
        (["-Comment=hello"], (".jpg", ".mpo", ".png", ".gif")),
    ],
    ids=["rating", "long caption", "dates", "caption", "keywords", "comment"],
)
def test_metadata_changes_neither_the_picture_nor_the_fingerprint(
    photos: Path, change: list[str], kinds: tuple[str, ...]
) -> None:
    names = [name for name in CONTAINERS if name.endswith(kinds) or not kinds]
    paths = [photo(photos, name) for name in names if name not in READ_ONLY]
    before = [(data_of(path.read_bytes()), fingerprint(path)) for path in paths]
    for arguments in (change, ["-XMP:Title=and more"], ["-all="]):
        write_metadata(paths, *arguments)
        for path, (picture, shown) in zip(paths, before, strict=True):
            assert picture is not None
            assert hash_of(path.read_bytes()) == picture.picture_hash, path.name
            if arguments[0] != "-all=":  # which takes colours away from some
                assert fingerprint(path) == shown, path.name


def test_orientation_and_colour_profile_change_the_fingerprint_only(photos: Path) -> None:
    names = ("baseline.jpg", "plain.png", "lossy.webp", "raw.tif")
    paths = [photo(photos, name) for name in names]
    profile = photos / "colours.icc"
    profile.write_bytes(srgb_profile())
    pictures = [hash_of(path.read_bytes()) for path in paths]
    shown = [[fingerprint(path) for path in paths]]
    for change in (
        "-Orientation#=6",
        f"-ICC_Profile<={profile}",
        "-ICC_Profile:all=",
        "-Orientation#=1",
    ):
        write_metadata(paths, change)
        assert [hash_of(path.read_bytes()) for path in paths] == pictures
        shown.append([fingerprint(path) for path in paths])
    plain, turned, coloured, turned_again, plain_again = shown
    for kinds in zip(plain, turned, coloured, strict=True):
        assert len(set(kinds)) == 3
    assert (turned_again, plain_again) == (turned, plain)


def test_real_photos_are_the_same_after_an_edit_of_their_metadata(photos: Path) -> None:
    if not PHOTOS.is_dir():
        pytest.skip(f"no real photos in {PHOTOS}")
    contents = [path.read_bytes() for path in sorted(PHOTOS.iterdir())]
    assert len({hash_of(content) for content in contents}) == len(contents)
    for number, content in enumerate(contents):
        (photos / f"{number}.jpg").write_bytes(content)
    paths = sorted(photos.iterdir())
    before = [fingerprint(path) for path in paths]
    write_metadata(paths, "-AllDates=2019:05:04 13:22:10", "-Subject=beach", "-Comment=hi")
    assert [fingerprint(path) for path in paths] == before


# --------------------------------------------------------------- metadata written by the test


def test_segments_fillers_and_trailers_of_a_jpeg_are_not_the_picture() -> None:
    for name in ("baseline.jpg", "progressive.jpg", "restarts.jpg"):
        content = CONTAINERS[name]
        quantization = content.index(b"\xff\xdb")
        comment = b"\xff\xfe\0\7hello" + b"\xff\xe1\0\4ab"
        filled = content[:quantization] + comment + b"\xff\xff" + content[quantization:]
        assert data_of(filled) == data_of(content)
        assert data_of(content + b"trailer" + content) == data_of(content)
        # Some cameras leave the end marker out.
        assert data_of(content[:-2]) == data_of(content)


def test_a_comment_between_the_scans_of_a_progressive_jpeg_is_not_the_picture() -> None:
    content = CONTAINERS["progressive.jpg"]
    last = content.rindex(b"\xff\xda")
    assert data_of(content[:last] + b"\xff\xfe\0\4ab" + content[last:]) == data_of(content)


def test_colours_that_an_application_segment_decides_are_a_property() -> None:
    content = CONTAINERS["baseline.jpg"]
    adobe = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0"
    plain = content[:2] + content[2 + 2 + int.from_bytes(content[4:6], "big") :]
    ycc, rgb = (plain[:2] + adobe + transform + plain[2:] for transform in (b"\1", b"\0"))
    assert {hash_of(c) for c in (content, plain, ycc, rgb)} == {hash_of(content)}
    assert data_of(content) == data_of(plain) == data_of(ycc) != data_of(rgb)


def test_chunks_of_a_png_may_be_cut_anywhere() -> None:
    content = CONTAINERS["plain.png"]
    at = content.index(b"IDAT") - 4
    length = int.from_bytes(content[at : at + 4], "big")
    data, rest = content[at + 8 : at + 8 + length], content[at + 12 + length :]
    text = png_chunk(b"tEXt", b"Title\0mine")
    for cut in (0, 1, 1000, length):
        chunks = png_chunk(b"IDAT", data[:cut]) + png_chunk(b"IDAT", data[cut:])
        assert data_of(content[:at] + text + chunks + text + rest) == data_of(content)
    assert hash_of(content[:at] + png_chunk(b"IDAT", data[:-1]) + rest) != hash_of(content)


def test_transparency_and_palette_of_a_png_are_the_picture() -> None:
    content = CONTAINERS["palette.png"]
    hashes = {hash_of(png_without(content, *kinds)) for kinds in ((), (b"tRNS",), (b"PLTE",))}
    assert len(hashes) == 3


def test_a_comment_of_a_pixmap_is_not_the_picture() -> None:
    content = CONTAINERS["plain.ppm"]
    assert content.startswith(b"P6\n96 64\n255\n")
    commented = content.replace(b"\n96 64", b"\n# mine\n96 # wide\n64", 1)
    assert data_of(commented) == data_of(content) is not None


def test_smaller_copies_in_a_tiff_are_not_the_picture() -> None:
    plain, reduced = big_tiff(">"), big_tiff(">", reduced=True)
    assert hash_of(plain) == hash_of(reduced)
    assert hash_of(plain) != hash_of(big_tiff("<"))
    assert hash_of(big_tiff("<")) != hash_of(big_tiff("<", tiled=True))


def test_the_same_stream_with_and_without_boxes_is_the_same_picture() -> None:
    assert hash_of(CONTAINERS["plain.jp2"]) == hash_of(CONTAINERS["stream.j2k"])


def test_how_a_heif_file_is_turned_and_coloured_is_a_property(photos: Path) -> None:
    content = CONTAINERS["plain.heic"]
    turned = photo(photos, "plain.heic")
    before = fingerprint(turned)
    coloured = bytearray(content)
    coloured[content.index(b"nclx") + 5] ^= 1  # the primaries
    turned.write_bytes(coloured)
    assert hash_of(coloured) == hash_of(content)
    assert fingerprint(turned) != before
    # The same picture, once with each turning.
    pictures = {turning: heic(turning) for turning in (1, 6, 8)}
    assert len({hash_of(made) for made in pictures.values()}) == 1
    assert len({data_of(made) for made in pictures.values()}) == 3


# ------------------------------------------------------------------------ pictures changed


def pixels(path: Path) -> bytes | None:
    try:
        return read_photo(path).tobytes()
    except UnreadablePhoto:
        return None


@every
@pytest.mark.filterwarnings("ignore")
def test_whatever_changes_the_pixels_changes_the_fingerprint(tmp_path: Path, name: str) -> None:
    path = photo(tmp_path, name)
    content = CONTAINERS[name]
    before, shown, picture = pixels(path), fingerprint(path), data_of(content)
    changed = 0
    places = Random(name).sample(range(len(content)), 60)
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        if (after := pixels(path)) is not None and after != before:
            changed += 1
            assert fingerprint(path) != shown, place
            if picture is not None:
                assert data_of(damaged) != picture, place
    # What has check sums cannot be read at all, and only the first of several is shown.
    summed = name.endswith((".png", ".heic", ".avif")) or name.startswith("moving")
    assert changed >= 5 or summed or before is None


@pytest.mark.parametrize("name", sorted(CONTAINERS.keys() - {"plain.bmp"}))
def test_every_byte_in_the_middle_of_a_file_counts(name: str) -> None:
    content = CONTAINERS[name]
    if name == "two.mpo":
        content = content[: content.index(b"\xff\xd9") + 2]  # the second is not the picture
    before = hash_of(content)
    length = len(content)
    for place in range(length // 4, length * 7 // 8, length // 50):
        damaged = bytearray(content)
        damaged[place] ^= 0x10
        found = data_of(damaged)
        assert found is None or found.picture_hash != before, place


@pytest.mark.parametrize("suffix", ["tif", "bmp"])
def test_one_pixel_in_the_middle_of_a_large_uncompressed_picture_counts(
    tmp_path: Path, suffix: str
) -> None:
    from PIL import Image

    path = tmp_path / f"large.{suffix}"
    values = np.zeros((1500, 1000, 3), np.uint8)
    found = []
    for row in (None, 400, 401):
        if row is not None:
            values[row, 500, 1] += 1
        Image.fromarray(values).save(path)
        found.append(fingerprint(path))
    assert len(set(found)) == 3


# --------------------------------------------------------------------------------- damage


@every
def test_a_streamed_file_has_the_same_picture(tmp_path: Path, name: str) -> None:
    content = CONTAINERS[name]
    path = photo(tmp_path, name)
    with path.open("rb") as file:
        assert picture_data(file, len(content)) == data_of(content)


def test_scans_may_be_cut_by_blocks_anywhere(tmp_path: Path) -> None:
    """Data longer than a block, with markers at every place around a block's end."""
    content = CONTAINERS["baseline.jpg"]
    start = content.index(b"\xff\xda")
    start += 2 + int.from_bytes(content[start + 2 : start + 4], "big")
    filler = Random(0).randbytes(3 * BLOCK_BYTES).replace(b"\xff", b"\xfe")
    # Blocks grow from 64 bytes: the first of full length ends here.
    edge = 64 * (2 * BLOCK_BYTES // 64 - 1)
    for before in range(edge - 3, edge + 3):
        for tail in (b"\xff\xd9", b"\xff\xff\xd9", b"\xff\0\xff\xd9", b"\xff\xd0\xff\xd9"):
            made = content[:start] + filler[:before] + tail
            assert data_of(made) == data_of(made + filler)
            assert data_of(made) != data_of(made[:start] + b"\1" + made[start + 1 :])


@every
@settings(
    max_examples=examples(25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_damage_never_raises_and_takes_no_memory(name: str, data: st.DataObject) -> None:
    content = bytearray(CONTAINERS[name])
    places = st.one_of(st.integers(0, min(600, len(content) - 1)), st.integers(0, len(content) - 1))
    for place in data.draw(st.lists(places, min_size=1, max_size=12)):
        content[place] = data.draw(st.sampled_from((0, 1, 0x7F, 0x80, 0xFF)) | st.integers(0, 255))
    del content[data.draw(st.integers(1, len(content)) | st.just(len(content))) :]
    tracemalloc.start()
    try:
        found = data_of(content)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found is None or len(found.picture_hash) == len(found.shown) == 32
    assert peak < 4_000_000


@every
def test_a_file_cut_anywhere_never_raises(name: str) -> None:
    content = CONTAINERS[name]
    for length in {*range(64), *range(64, len(content), max(1, len(content) // 200))}:
        data_of(content[:length])


def looping_tiff() -> bytes:
    entry = struct.pack("<HHII", 256, 4, 1, 8)
    return b"II*\0\x08\0\0\0" + b"\1\0" + entry + struct.pack("<I", 8) + bytes(64)


def tiff_of_the_same_strip() -> bytes:
    """A million strips that all are the whole file."""
    count = 1 << 20
    size = 8 + 2 + 3 * 12 + 4 + 8 * count
    starts = size - 8 * count
    entries = [
        struct.pack("<HHII", 256, 4, 1, 8),
        struct.pack("<HHII", 273, 4, count, starts),
        struct.pack("<HHII", 279, 4, count, starts + 4 * count),
    ]
    head = b"II*\0\x08\0\0\0" + b"\3\0" + b"".join(entries) + bytes(4)
    return head + struct.pack("<I", 0) * count + struct.pack("<I", size) * count


def tiff_of_many_entries() -> bytes:
    return b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 2**40) + bytes(1000)


def png_of_empty_chunks() -> bytes:
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"fdAT", b"") * 400_000


def jpeg_of_empty_segments() -> bytes:
    return b"\xff\xd8" + b"\xff\xdb\0\2" * 500_000


def gif_of_empty_blocks() -> bytes:
    return b"GIF89a" + bytes(7) + b"\x21\xf9\0" * 500_000


def heif_of_long_boxes() -> bytes:
    meta = b"\0\0\0\0" + struct.pack(">I4sQ", 1, b"iloc", 2**62)
    return struct.pack(">I4s8s", 16, b"ftyp", b"heicmif1") + struct.pack(
        ">I4s", len(meta) + 8, b"meta"
    ) + meta  # fmt: skip


def heif_of_boxes_without_content() -> bytes:
    return struct.pack(">I4s8s", 16, b"ftyp", b"heicmif1") + struct.pack(">I4s", 8, b"free") * 99999


@pytest.mark.parametrize(
    "make",
    [
        looping_tiff,
        tiff_of_the_same_strip,
        tiff_of_many_entries,
        png_of_empty_chunks,
        jpeg_of_empty_segments,
        gif_of_empty_blocks,
        heif_of_long_boxes,
        heif_of_boxes_without_content,
    ],
)
def test_what_would_take_for_ever_is_no_picture(make) -> None:
    assert data_of(make()) is None


def test_what_is_no_container_has_no_picture_of_its_own() -> None:
    for content in (b"", b"x", b"not a photo", CONTAINERS["plain.bmp"], bytes(5000)):
        assert data_of(content) is None
