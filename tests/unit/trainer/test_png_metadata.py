"""Metadata of a PNG never costs the picture; what can be used of it is used."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from colour_profiles import swapped_profile
from hypothesis import given
from hypothesis import strategies as st
from photo_containers import png_chunk
from PIL import Image

from lmpt_desktop.ingest.metadata import read_metadata
from trainer.matrix_profile import matrix_profile
from trainer.photo import UnreadablePhoto, opened_photo, photo_size, read_photo
from trainer.png_metadata import CleanPng, clean_png

LONG = 2 << 20
SRGB = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)


def png(mode: str = "RGB") -> tuple[bytes, bytes]:
    """A small photo: signature and header, and then the rest."""
    made = io.BytesIO()
    Image.linear_gradient("L").resize((40, 30)).convert(mode).save(made, "PNG")
    data = made.getvalue()
    return data[:33], data[33:]


def with_chunks(path: Path, *chunks: bytes, after: bytes = b"", mode: str = "RGB") -> Path:
    head, rest = png(mode)
    path.write_bytes(head + b"".join(chunks) + rest[:-12] + after + rest[-12:])
    return path


def damaged(chunk: bytes) -> bytes:
    return chunk[:-1] + bytes([chunk[-1] ^ 1])


NOISE = np.random.default_rng(0).integers(32, 127, LONG, np.uint8).tobytes()
PROFILE = swapped_profile()
TEXTS = b"Comment\0"
CHUNKS: dict[str, bytes] = {
    "long zTXt": png_chunk(b"zTXt", TEXTS + b"\0" + zlib.compress(b"a" * LONG)),
    "long iTXt": png_chunk(b"iTXt", TEXTS + b"\1\0\0\0" + zlib.compress(b"a" * LONG)),
    "endless zTXt": png_chunk(b"zTXt", TEXTS + b"\0" + zlib.compress(b"a" * (200 << 20), 1)),
    "long tEXt": png_chunk(b"tEXt", TEXTS + NOISE * 3),
    "very long tEXt": png_chunk(b"tEXt", TEXTS + NOISE * 10),
    "long iCCP": png_chunk(b"iCCP", b"Monitor\0\0" + zlib.compress(bytes(LONG))),
    "iCCP of an odd method": png_chunk(b"iCCP", b"Monitor\0\7" + zlib.compress(PROFILE)),
    "iCCP without a name": png_chunk(b"iCCP", b"\0\0" + zlib.compress(PROFILE)),
    "iCCP of nothing": png_chunk(b"iCCP", b""),
    "iCCP of noise": png_chunk(b"iCCP", b"Monitor\0\0" + NOISE[:1000]),
    "damaged tEXt": damaged(png_chunk(b"tEXt", TEXTS + b"a dog")),
    "damaged iCCP": damaged(png_chunk(b"iCCP", b"Monitor\0\0" + zlib.compress(bytes(9)))),
    "zTXt of an odd method": png_chunk(b"zTXt", TEXTS + b"\7a"),
    "zTXt of a name": png_chunk(b"zTXt", b"Comment"),
    "tEXt called transparency": png_chunk(b"tEXt", b"transparency\0all"),
    "iTXt of noise": png_chunk(b"iTXt", NOISE[:99]),
    **{
        f"short {kind.decode()}": png_chunk(kind, b"\0" * length)
        for kind, length in (
            *((b"gAMA", 3), (b"pHYs", 8), (b"cHRM", 31), (b"sRGB", 0), (b"tRNS", 1)),
            *((b"eXIf", 0), (b"acTL", 3), (b"fcTL", 5), (b"bKGD", 0), (b"iTXt", 1)),
        )
    },
    "eXIf of noise": png_chunk(b"eXIf", NOISE[:99]),
    "no frames": png_chunk(b"acTL", bytes(8)),
    "frames out of order": png_chunk(b"fcTL", struct.pack(">IIIIIHHBB", 7, 9, 9, 0, 0, 1, 1, 0, 0)),
}


@pytest.mark.parametrize("kind", CHUNKS)
def test_metadata_does_not_cost_the_picture(tmp_path: Path, kind: str) -> None:
    expected = np.asarray(read_photo(with_chunks(tmp_path / "plain.png")))
    for path in (
        with_chunks(tmp_path / "before.png", CHUNKS[kind]),
        with_chunks(tmp_path / "after.png", after=CHUNKS[kind]),
    ):
        assert photo_size(path) == (40, 30)
        assert read_metadata(path).width == 40
        if "method" not in kind and "name" not in kind:  # those whose profile can be used
            assert np.array_equal(np.asarray(read_photo(path)), expected)
        assert read_photo(path).size == (40, 30)


def test_a_usable_profile_is_used(tmp_path: Path) -> None:
    usual = png_chunk(b"iCCP", b"Monitor\0\0" + zlib.compress(PROFILE))
    expected = np.asarray(read_photo(with_chunks(tmp_path / "usual.png", usual)))
    for kind in ("iCCP of an odd method", "iCCP without a name"):
        path = with_chunks(tmp_path / "photo.png", CHUNKS[kind])
        with opened_photo(path) as image:
            assert image.info["icc_profile"] == PROFILE
        assert np.array_equal(np.asarray(read_photo(path)), expected)


def test_long_metadata_is_read_up_to_a_bound(tmp_path: Path) -> None:
    packet = b"<x:xmpmeta>" + b" " * LONG + b"</x:xmpmeta>"
    chunk = png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(packet))
    path = with_chunks(tmp_path / "photo.png", CHUNKS["endless zTXt"], after=chunk)
    for pixels in (True, False):
        with path.open("rb") as file:
            clean = clean_png(file, pixels=pixels)
            assert clean is not None
            assert clean.info["xmp"] == packet
            assert "Comment" not in clean.info


def test_exif_behind_the_pixels_turns_the_photo(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    chunk = png_chunk(b"eXIf", exif.tobytes()[6:])
    for path in (
        with_chunks(tmp_path / "before.png", chunk),
        with_chunks(tmp_path / "after.png", after=chunk),
    ):
        assert photo_size(path) == read_photo(path).size == (30, 40)


def test_what_the_pixels_need_is_still_required(tmp_path: Path) -> None:
    head, rest = png()
    path = tmp_path / "photo.png"
    path.write_bytes(damaged(head) + rest)
    with pytest.raises(UnreadablePhoto):
        read_photo(path)
    path.write_bytes(head + rest[: len(rest) // 2])
    with pytest.raises(UnreadablePhoto):
        read_photo(path)


@given(data=st.data())
def test_it_reads_as_a_file_does(data: st.DataObject) -> None:
    """What is left of the file, whatever is read of it and where."""
    head, rest = png()
    removed = png_chunk(b"tEXt", TEXTS + b"a dog")
    expected = head + rest
    clean = CleanPng(io.BytesIO(head + removed + rest[:-12] + removed + rest[-12:]), pixels=True)
    for _ in range(5):
        place = data.draw(st.integers(0, len(expected) + 9))
        count = data.draw(st.integers(-1, len(expected) + 9))
        clean.seek(place)
        found = clean.read(count)
        assert found == (expected[place:] if count < 0 else expected[place : place + count])
        assert clean.tell() == place + len(found)


@given(noise=st.lists(st.tuples(st.sampled_from(sorted(CHUNKS)), st.binary(max_size=40))))
def test_no_chunk_of_noise_costs_the_picture(noise: list[tuple[str, bytes]]) -> None:
    kinds = {name: CHUNKS[name][4:8] for name in CHUNKS}
    chunks = b"".join(png_chunk(kinds[name], data) for name, data in noise)
    head, rest = png()
    with opened_photo(io.BytesIO(head + chunks + rest)) as image:
        image.load()
        assert image.size == (40, 30)


# --------------------------------------------------------------------------------- gamma


GAMMAS: dict[str, tuple[bytes, str, int]] = {
    "linear": (png_chunk(b"gAMA", struct.pack(">I", 100_000)), "RGB", 188),
    "linear grey": (png_chunk(b"gAMA", struct.pack(">I", 100_000)), "L", 188),
    "of a Mac": (png_chunk(b"gAMA", struct.pack(">I", 55_556)), "RGB", 145),
    "usual": (png_chunk(b"gAMA", struct.pack(">I", 45_455)), "RGB", 128),
    "nothing": (png_chunk(b"gAMA", struct.pack(">I", 0)), "RGB", 128),
    "beside sRGB": (
        png_chunk(b"gAMA", struct.pack(">I", 100_000)) + png_chunk(b"sRGB", b"\0"),
        "RGB",
        128,
    ),
}


@pytest.mark.parametrize("kind", GAMMAS)
def test_gamma_is_respected_where_no_profile_is_named(tmp_path: Path, kind: str) -> None:
    """128 of 255 to the power of 1 / gamma, in sRGB (IEC 61966-2-1)."""
    chunk, mode, expected = GAMMAS[kind]
    made = io.BytesIO()
    Image.new("L", (8, 8), 128).convert(mode).save(made, "PNG")
    data = made.getvalue()
    path = tmp_path / "photo.png"
    path.write_bytes(data[:33] + chunk + data[33:])
    assert np.abs(np.asarray(read_photo(path)).astype(int) - expected).max() <= 1
    # Features are of what the file holds, as in CLIP's training.
    assert np.asarray(read_photo(path, to_srgb=False)).max() == 128


def test_chromaticities_are_respected_with_a_gamma(tmp_path: Path) -> None:
    """Display P3's green is beyond sRGB's; its white is the same."""
    p3 = (0.3127, 0.3290, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
    chunks = png_chunk(b"gAMA", struct.pack(">I", 45_455)) + png_chunk(
        b"cHRM", struct.pack(">8I", *(round(v * 100_000) for v in p3))
    )
    made = io.BytesIO()
    image = Image.new("RGB", (8, 8), (128, 128, 128))
    image.paste((100, 150, 100), (0, 0, 4, 8))
    image.save(made, "PNG")
    data = made.getvalue()
    path = tmp_path / "photo.png"
    path.write_bytes(data[:33] + chunks + data[33:])
    shown = np.asarray(read_photo(path)).astype(int)
    assert np.abs(shown[4, 6] - 128).max() <= 1
    # (100, 150, 100) of P3 in sRGB, by the matrices of both.
    assert np.abs(shown[4, 2] - [83, 153, 94]).max() <= 1, shown[4, 2]


@pytest.mark.parametrize(
    "places", [(0.0,) * 8, (0.3,) * 8, (*SRGB[:2], *(0.9, 0.9) * 3), (1.0, 0.0) * 4]
)
def test_places_that_are_no_colours_make_no_profile(places: tuple[float, ...]) -> None:
    assert matrix_profile(0.9, places) is None
    assert matrix_profile(1 / 2.2, SRGB) is None
