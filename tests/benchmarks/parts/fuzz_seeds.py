"""What ``fuzz.py`` changes: a row for each seed.  To add one, add a row."""

from __future__ import annotations

import io
import json
import struct
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pillow_heif
import tifffile
from photo_bytes import METADATA, iptc_block, xmp_packet
from photo_containers import containers, heic, noise, png_chunk, srgb_profile
from photoshop_files import psd
from PIL import Image
from raw_photos import cr3, dng, orf, patches, raf, rw2
from xmp_samples import SAMPLES

Files = dict[str, bytes]
"""By name, which decides on the suffix; one of them is changed."""


@dataclass(frozen=True)
class Seed:
    """Something that is read.

    Attributes:
        format: the row of the table in which it is counted.
        name: of the seed.
        reader: name of a row of ``fuzz_readers.READERS``.
        files: makes it; None where what makes it is not installed.
    """

    format: str
    name: str
    reader: str
    files: Callable[[], Files | None]


def _photo(kind: str, name: str, make: Callable[[], bytes]) -> Seed:
    return Seed(kind, name, "photo", lambda: {f"photo.{kind.lower().replace(' ', '')}": make()})


pillow_heif.register_heif_opener()


def _saved(mode: str, kind: str, side: int = 24, **options: Any) -> bytes:
    made = io.BytesIO()
    _picture(mode, side).save(made, kind, **options)
    return made.getvalue()


def _picture(mode: str, side: int) -> Image.Image:
    """Noise in a mode of Pillow's."""
    picture = noise((side, side))
    values = np.asarray(picture.convert("L"))
    if mode == "I;16":
        return Image.fromarray(values.astype(np.uint16) * 257)
    if mode in ("I", "F"):
        return Image.fromarray(values.astype(np.int32 if mode == "I" else np.float32))
    if mode in ("RGBA", "LA"):
        picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    return picture.quantize(16) if mode == "P" else picture.convert(mode)


@cache
def _containers() -> dict[str, bytes]:
    return containers()


def _with_metadata(suffix: str) -> bytes:
    """A tiny picture with every kind of block in turn."""
    kind = {".jpg": "JPEG", ".tif": "TIFF"}.get(suffix, suffix[1:].upper())
    data = _saved("RGB", kind, 16)
    for put in METADATA[suffix].values():
        data = put(data, 6)
    return data


def _png(depth: int, colours: int, rows: bytes, interlaced: bool, *chunks: bytes) -> bytes:
    """A PNG of 8 x 8 pixels; ``rows`` with their filters."""
    header = struct.pack(">IIBBBBB", 8, 8, depth, colours, 0, 0, interlaced)
    return b"".join((b"\x89PNG\r\n\x1a\n", png_chunk(b"IHDR", header), *chunks,
                     png_chunk(b"IDAT", zlib.compress(rows)), png_chunk(b"IEND", b"")))  # fmt: skip


def _interlaced(channels: int) -> bytes:
    """Adam7: the rows of its seven passes (PNG specification, 8.2)."""
    sizes = ((1, 1), (1, 1), (2, 1), (2, 2), (4, 2), (4, 4), (8, 4))
    return b"".join((b"\0" + bytes(range(width * channels))) * height for width, height in sizes)


def _chunks() -> tuple[bytes, ...]:
    """Metadata of every kind that is read."""
    return (
        png_chunk(b"gAMA", struct.pack(">I", 45455)),
        png_chunk(b"cHRM", struct.pack(">8I", *range(31270, 31278))),
        png_chunk(b"sRGB", b"\0"),
        png_chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(srgb_profile())),
        png_chunk(b"pHYs", struct.pack(">IIB", 2835, 2835, 1)),
        png_chunk(b"tIME", struct.pack(">HBBBBB", 2024, 2, 3, 4, 5, 6)),
        png_chunk(b"tEXt", b"Creation Time\x002024-02-03"),
        png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a dog on a beach")),
        png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp_packet(3))),
    )


def _iptc_in(kind: str) -> bytes:
    if kind == "TIFF":
        return _saved("RGB", kind, 16, tiffinfo={33723: iptc_block("a dog on a beach")[26:]})
    return _saved("RGB", kind, 16, icc_profile=srgb_profile(), comment=b"a dog")


def _heic_with(**options: Any) -> bytes:
    return _saved("RGB", "HEIF", 16, exif=_exif(), xmp=xmp_packet(3), **options)


def _exif() -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a dog on a beach"
    exif.get_ifd(0x8769)[0x9003] = "2024:02:03 04:05:06"
    exif.get_ifd(0x8825)[2] = (1.0, 2.0, 3.0)
    return exif.tobytes()


_KINDS = {
    "jpg": "JPEG", "mpo": "MPO", "png": "PNG", "webp": "WebP", "gif": "GIF", "tif": "TIFF",
    "heic": "HEIC", "avif": "AVIF", "jp2": "JPEG 2000", "j2k": "JPEG 2000", "bmp": "BMP",
    "ppm": "PPM",
}  # fmt: skip
_CONTAINERS = (
    "baseline.jpg", "progressive.jpg", "restarts.jpg", "grey.jpg", "cmyk.jpg", "two.mpo",
    "plain.png", "palette.png", "moving.png", "lossy.webp", "lossless.webp", "alpha.webp",
    "moving.webp", "plain.gif", "moving.gif", "raw.tif", "lzw.tif", "jpeg.tif", "pages.tif",
    "big.tif", "big endian.tif", "tiles.tif", "plain.heic", "several.heic", "plain.avif",
    "alpha.avif", "moving.avif", "plain.jp2", "stream.j2k", "plain.bmp", "plain.ppm",
)  # fmt: skip
_TIFF = (
    ("bilevel, group 4", "1", {"compression": "group4"}),
    ("deflate", "RGB", {"compression": "tiff_adobe_deflate"}),
    ("packbits", "L", {"compression": "packbits"}),
    ("16 bit", "I;16", {}),
    ("16 bit, LZW", "I;16", {"compression": "tiff_lzw"}),
    ("32 bit", "I", {}),
    ("float", "F", {}),
    ("CMYK", "CMYK", {}),
    ("Lab", "LAB", {}),
    ("palette", "P", {}),
    ("alpha", "RGBA", {"compression": "tiff_lzw"}),
)
_DEEP_TIFF: tuple[tuple[str, dict[str, Any]], ...] = (
    ("planes, 16 bit", {"kind": "<u2", "planarconfig": "separate"}),
    ("float RGB, deflate", {"kind": "<f4", "compression": "deflate", "predictor": True}),
    ("half", {"kind": "<f2"}),
    ("tiles, LZW", {"kind": ">u4", "tile": (16, 16), "compression": "lzw", "byteorder": ">"}),
)


def _deep(kind: str, **how: Any) -> bytes:
    """A TIFF that is not for Pillow."""
    values = np.asarray(noise((24, 24))) / 255
    values = values.astype(kind) if kind[1] == "f" else (values * 65535).astype(kind)
    if how.get("planarconfig"):
        values = np.ascontiguousarray(values.transpose(2, 0, 1))
    made = io.BytesIO()
    tifffile.imwrite(made, values, photometric="rgb", metadata=None, **how)
    return made.getvalue()


def _jpeg_xl(kind: Any, *, lossless: bool) -> bytes:
    values = np.asarray(noise((24, 24))).astype(kind)
    return bytes(imagecodecs.jpegxl_encode(values, lossless=lossless))


PHOTOS: tuple[Seed, ...] = (
    *(
        _photo(_KINDS[name.rpartition(".")[2]], name, lambda name=name: _containers()[name])
        for name in _CONTAINERS
    ),
    *(
        _photo(_KINDS[suffix[1:]], "metadata", partial(_with_metadata, suffix))
        for suffix in (".jpg", ".png", ".webp", ".tif")
    ),
    _photo("JPEG", "progressive CMYK", lambda: _saved("CMYK", "JPEG", progressive=True)),
    _photo("JPEG", "profile, comment", lambda: _iptc_in("JPEG")),
    _photo("PNG", "grey, 16 bit", lambda: _saved("I;16", "PNG")),
    _photo("PNG", "grey and alpha", lambda: _saved("LA", "PNG")),
    _photo("PNG", "bilevel", lambda: _saved("1", "PNG")),
    _photo("PNG", "RGB, 16 bit", lambda: _png(16, 2, (b"\1" + bytes(range(48))) * 8, False)),
    _photo("PNG", "RGBA, 16 bit", lambda: _png(16, 6, (b"\2" + bytes(range(64))) * 8, False)),
    _photo("PNG", "interlaced", lambda: _png(8, 2, _interlaced(3), True)),
    _photo("PNG", "interlaced, 16 bit", lambda: _png(16, 0, _interlaced(2), True)),
    _photo("PNG", "all chunks", lambda: _png(8, 2, _interlaced(3), True, *_chunks())),
    *(_photo("TIFF", name, partial(_saved, mode, "TIFF", **rest)) for name, mode, rest in _TIFF),
    _photo("TIFF", "IPTC", lambda: _iptc_in("TIFF")),
    _photo("HEIC", "metadata", _heic_with),
    _photo("HEIC", "turned", lambda: heic(6)),
    _photo("HEIC", "alpha", lambda: _saved("RGBA", "HEIF", 32)),
    _photo("AVIF", "metadata", lambda: _saved("RGB", "AVIF", 16, exif=_exif(), xmp=xmp_packet(3))),
    _photo("JPEG 2000", "alpha", lambda: _saved("RGBA", "JPEG2000")),
    _photo("JPEG 2000", "16 bit", lambda: _saved("I;16", "JPEG2000")),
    _photo("JPEG 2000", "tiles", lambda: _saved("RGB", "JPEG2000", 64, tile_size=(32, 32))),
    _photo("BMP", "palette", lambda: _saved("P", "BMP")),
    _photo("BMP", "bilevel", lambda: _saved("1", "BMP")),
    _photo("BMP", "alpha", lambda: _saved("RGBA", "BMP")),
    _photo("GIF", "transparent", lambda: _saved("P", "GIF", transparency=3, interlace=1)),
    _photo("PPM", "text", lambda: b"P3\n# a dog\n4 4\n255\n" + b"1 2 3\n" * 16),
    _photo("PPM", "16 bit", lambda: b"P5 8 8 65535\n" + bytes(range(128))),
    _photo("PPM", "bilevel", lambda: b"P4 8 8\n" + bytes(range(8))),
    *(_photo("TIFF", name, partial(_deep, **how)) for name, how in _DEEP_TIFF),
    _photo("DNG", "mosaic", lambda: dng(patches(40, 24))),
    _photo("DNG", "linear", lambda: dng(patches(40, 24), linear=True, packet=xmp_packet(3))),
    _photo("DNG", "preview", lambda: dng(patches(40, 24), preview=_saved("RGB", "JPEG", 40))),
    _photo("CR3", "header and preview", lambda: cr3(_saved("RGB", "JPEG", 320))),
    _photo("ORF", "header and preview", lambda: orf(_saved("RGB", "JPEG", 320))),
    _photo("RAF", "header and preview", lambda: raf(_saved("RGB", "JPEG", 320))),
    _photo("RW2", "header and preview", lambda: rw2(_saved("RGB", "JPEG", 320))),
    _photo("JXL", "packed JPEG", lambda: bytes(imagecodecs.jpegxl_encode_jpeg(_iptc_in("JPEG")))),
    _photo("JXL", "lossy", lambda: _jpeg_xl(np.uint8, lossless=False)),
    _photo("JXL", "lossless, 16 bit", lambda: _jpeg_xl(np.uint16, lossless=True)),
    _photo("PSD", "composite", lambda: psd(np.asarray(noise((8, 8))).transpose(2, 0, 1))),
    _photo("ICO", "two sizes", lambda: _saved("RGBA", "ICO", 48, sizes=[(16, 16), (48, 48)])),
    _photo("TGA", "packed", lambda: _saved("RGBA", "TGA", compression="tga_rle")),
    _photo("PCX", "palette", lambda: _saved("P", "PCX")),
    _photo("PPM", "float", lambda: b"Pf\n4 4\n-1.0\n" + struct.pack("<16f", *range(16))),
)
"""Every kind of photo that is opened."""


# ------------------------------------------------------------------------ what is imported


def _folder(write: Callable[[Path], object]) -> Files:
    """The files that ``write`` leaves in a new folder, by their path below it."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        write(folder)
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }


def _prompt_set() -> Files:
    from trainer import prompt_set
    from trainer.events import BandScores
    from trainer.kernel import KernelPart
    from trainer.prompt_set import ClassResult, Evaluation, PromptSet

    results = [ClassResult("dog", 10, 3, 5, 0.5), ClassResult("cat", 0, 0, 5, None)]
    evaluation = Evaluation(BandScores(0.6, None, 0.5, 0.25), results, {"CF1": 0.4})
    made = PromptSet(
        backbone="lite",
        classes=["dog", "cat"],
        class_embeddings=np.eye(2, 4, dtype=np.float32),
        scale=14.25,
        biases=np.zeros(2, np.float32),
        thresholds=np.full(2, 0.5, np.float32),
        train_present=np.array([3, 4]),
        calibrated=np.array([True, False]),
        window_embeddings=np.eye(2, 4, dtype=np.float32),
        window_offset=0.25,
        kernel=KernelPart(
            np.eye(3, 4, dtype=np.float32),
            np.ones((2, 3), np.float32),
            np.ones((2, 4), np.float32),
            1.5,
        ),
        created="2025-01-02T03:04:05Z",
        settings={"steps": 10, "trained_classes": [0, 1]},
        evaluation=evaluation,
        baseline=evaluation,
        held_out=[3, 1, 2],
    )
    files = _folder(lambda folder: prompt_set.save(made, folder / "set"))
    return {Path(name).name: data for name, data in files.items()}


def _version() -> Files:
    import zipfile

    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in _prompt_set().items():
            archive.writestr(name, data)
        archive.writestr("about.json", '{"name": "mine", "note": "", "data": {"images": 3}}')
        archive.writestr("learned.json", '{"dog": "a small dog"}')
    return {"version.zip": made.getvalue()}


def _job() -> Files:
    from trainer import job
    from trainer.bands import BandLimits

    made = job.FitJob(
        settings=job.JobSettings("lite", limits=BandLimits(3, 9), options={"steps": 10}),
        classes=[job.JobClass("dog", "a small dog"), job.JobClass("cat")],
        image_ids=np.array([1, 2, 3]),
        features=np.eye(3, 4, dtype=np.float16),
        targets=np.zeros((3, 2), np.int8),
        split=np.zeros(3, np.int8),
        captions=["a dog", "", ""],
        baseline_embeddings=np.eye(2, 4, dtype=np.float32),
        baseline_biases=np.zeros(2, np.float32),
        baseline_scale=12.5,
    )
    return _folder(lambda folder: job.save(made, folder))


def _events() -> Files:
    from trainer import events

    messages = (
        events.EncodePhotos("r", [1, 2], ["a", "b"]),
        events.EncodeTexts("r", ["a"], ["a {}"]),
        events.PhotosEncoded("r", "f", 1, []),
        events.FitProgress(1, 8, 0.5, 0.5, 0.5, 2.0, events.FitPhase("final-pass")),
        events.FitValidated(1, events.BandScores(0.5, None, 0.5, 0.25)),
        events.FitFinished("p", 1.5, False),
    )
    return {
        "events.jsonl": "".join(events.to_line(item).strip() + "\n" for item in messages).encode()
    }


def _library_settings() -> Files:
    from lmpt_desktop.settings import ALL, Storage

    body = {
        item.key: item.serialize(item.default) for item in ALL if item.storage is Storage.LIBRARY
    }
    return {"settings.json": json.dumps(body, default=str).encode()}


def _computer_settings() -> Files:
    """The INI file of the window, with a list of recent libraries."""
    from lmpt_desktop.settings import ALL, Storage
    from lmpt_desktop.ui.shell.settings import ComputerSettings, RecentLibrary

    def write(folder: Path) -> None:
        settings = ComputerSettings(folder / "window.ini")
        for item in ALL:
            if item.storage is Storage.COMPUTER:
                settings.set(item, item.default)
        settings.remember(RecentLibrary("photos", "/library", ("/photos",), 3, 4))
        settings.flush()

    return _folder(write)


def _catalogue() -> Files:
    """A library with photos, classes, verdicts, a feature and an undone change."""
    from lmpt_desktop.catalogue import Catalogue, Change
    from lmpt_desktop.catalogue.opening import CATALOGUE_NAME
    from lmpt_desktop.domain.records import ScannedFile

    def write(folder: Path) -> None:
        with Catalogue.open(folder, exclusive=True) as catalogue:
            place = catalogue.folders.add(folder / "photos")
            catalogue.images.upsert(place.id, [
                ScannedFile(f"{number}.jpg", 10, 1, fingerprint=f"{number:032x}", width=8, height=8)
                for number in range(20)
            ])  # fmt: skip
            ids = catalogue.images.table().ids
            classes = [catalogue.classes.add(name) for name in ("dog", "cat", "kite")]
            catalogue.annotations.apply(
                [Change(int(i), item.id, int(i) % 2) for i in ids for item in classes]
            )
            catalogue.features.append("lite", ids, np.eye(len(ids), 32, dtype=np.float32))
            catalogue.settings.set("strictness", 3)

    return {CATALOGUE_NAME: _folder(write)[CATALOGUE_NAME]}


def _thumbnails() -> Files:
    from lmpt_desktop.ingest.thumbnails import NAME, ThumbnailStore

    def write(folder: Path) -> None:
        photo = folder / "photo.jpg"
        photo.write_bytes(_saved("RGB", "JPEG"))
        store = ThumbnailStore(folder)
        for number in range(3):
            store.make(photo, f"{number:032x}", 16)
        store.close()

    return {NAME: _folder(write)[NAME]}


def _exported(name: str) -> Files:
    """What the exporter writes in a format."""
    from lmpt_desktop.domain.records import ClassSpec, Source, Verdict
    from lmpt_desktop.interchange.format import ExportFacts
    from lmpt_desktop.interchange.record import ClassRecord, ImageRecord, Origin
    from lmpt_desktop.interchange.registry import named

    form = named(name)
    assert form.write is not None
    classes = (ClassSpec("dog", "a small dog", ("puppy",), "#12abcd"), ClassSpec("traffic light"))
    said = tuple(
        ClassRecord(spec.name, Verdict.PRESENT, origin=Origin.HUMAN, source=Source.USER.value)
        for spec in classes
    )
    records = [
        ImageRecord(f"{number}.jpg", said[: number % 3], folder="/photos", reviewed=number > 1,
                    state="ok", width=64, height=48)
        for number in range(4)
    ]  # fmt: skip
    out = f"export{(*form.suffixes, '')[0]}"
    return _folder(
        lambda folder: form.write and form.write(records, ExportFacts(classes), folder / out)
    )


def _formats() -> list[Seed]:
    from lmpt_desktop.interchange.registry import FORMATS

    return [
        Seed(item.title, "exported", f"import {item.name}", partial(_exported, item.name))
        for item in FORMATS
        if item.write is not None and item.read is not None
    ]


IMPORTED: tuple[Seed, ...] = (
    Seed("Prompt set", "folder", "prompt set", _prompt_set),
    Seed("Prompt set", "zip", "version", _version),
    Seed("Job", "folder", "job", _job),
    Seed("Events", "all", "events", _events),
    Seed("Settings", "of a library", "library settings", _library_settings),
    Seed("Settings", "of the computer", "computer settings", _computer_settings),
    Seed("Catalogue", "library", "catalogue", _catalogue),
    Seed("Catalogue", "thumbnails", "thumbnails", _thumbnails),
    Seed("Class list", "text", "class list", lambda: {"classes.txt": b"dog\ta small dog\tpuppy\n"}),
    Seed("Class list", "CSV", "class list",
         lambda: {"classes.csv": b"name,description,aliases,colour\ndog,small,puppy,#12abcd\n"}),
    *(
        Seed("XMP side file", name, "side file", lambda data=data: {"photo.xmp": data})
        for name, data in SAMPLES.items()
    ),
    *_formats(),
)  # fmt: skip
"""Every kind of file that is imported, or read again."""

SEEDS = PHOTOS + IMPORTED
