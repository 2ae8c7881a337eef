"""Which files may be photos: by their names, and by their first bytes (imports no torch).

The content decides; a name only says whether a file is worth opening.  A format is a row of
:data:`FILE_FORMATS`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

HEAD_BYTES = 64
"""Enough for every row."""


@dataclass(frozen=True)
class FileFormat:
    """A format, or a family of formats that are told apart later.

    Attributes:
        name: for the documentation.
        suffixes: of file names, lower case, without the dot.
        head: of its files; None where the first bytes do not tell it from anything else.
    """

    name: str
    suffixes: tuple[str, ...]
    head: re.Pattern[bytes] | None


def _row(name: str, suffixes: str, head: bytes | None) -> FileFormat:
    pattern = re.compile(head, re.DOTALL) if head else None
    return FileFormat(name, tuple(suffixes.split()), pattern)


_BMP_HEADERS = rb"[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0"

FILE_FORMATS: tuple[FileFormat, ...] = (
    _row("JPEG", "jpg jpeg jpe jfif mpo", rb"\xff\xd8\xff"),
    _row("PNG", "png apng", rb"\x89PNG\r\n\x1a\n"),
    _row("GIF", "gif", rb"GIF8[79]a"),
    _row("WebP", "webp", rb"RIFF....WEBP"),
    _row(
        "HEIC, AVIF", "heic heics heif hif avif avifs", rb"....ftyp(?:he[iv]|mi[af]1|msf1|avi[fs])"
    ),
    _row("TIFF", "tif tiff", rb"II[*+]\0|MM\0[*+]"),
    _row("BMP", "bmp dib", rb"BM.{12}" + _BMP_HEADERS),
    _row("JPEG 2000", "jp2 j2k jpx jpf", rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"),
    _row("JPEG XL", "jxl", rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n"),
    _row("Netpbm", "ppm pgm pbm pnm", rb"P[1-6](?:\s+\d+|\s*#)"),
    _row("Photoshop", "psd", rb"8BPS\0\x01"),
    _row("Icon", "ico", rb"\0\0\x01\0[^\0]\0.{3}\0"),
    _row("PCX", "pcx", rb"\n[\x02\x03\x05]\x01[\x01\x02\x04\x08]"),
    # Targa begins with sizes; see trainer/targa.py.
    _row("Targa", "tga", None),
    # Raw files in TIFF have its first bytes.
    _row("Raw files in TIFF", "dng cr2 nef nrw arw sr2 pef srw 3fr erf mef gpr", rb"II\*\0|MM\0\*"),
    _row("Canon CR3", "cr3", rb"....ftypcrx "),
    _row("Olympus ORF", "orf", rb"IIR[OS]|MMOR"),
    _row("Panasonic RW2", "rw2 rwl", rb"IIU\0"),
    _row("Fujifilm RAF", "raf", rb"FUJIFILMCCD-RAW "),
)

PHOTO_SUFFIXES = frozenset(f".{suffix}" for row in FILE_FORMATS for suffix in row.suffixes)
"""Lower-case suffixes of files to try."""

_RAW_FORMATS = {"Raw files in TIFF", "Canon CR3", "Olympus ORF", "Panasonic RW2", "Fujifilm RAF"}
RAW_SUFFIXES = tuple(
    sorted(
        f".{suffix}" for row in FILE_FORMATS if row.name in _RAW_FORMATS for suffix in row.suffixes
    )
)
"""Lower-case suffixes of raw files, in alphabetical order."""

_OTHERS = (
    # documents, tables, notes, side files
    "txt xmp xml json jsonl ndjson csv tsv md rst html htm css pdf doc docx xls xlsx ppt pptx "
    "odt ods odp rtf epub yaml yml toml ini cfg conf log lock aae thm pp3 dop on1 cos arp xlmp "
    "url webloc lnk "
    # archives, programs, libraries, code
    "zip gz bz2 xz zst 7z rar tar tgz jar apk iso dmg exe dll so dylib msi deb rpm app o a obj "
    "lib pyc pyo class py pyi js mjs ts tsx jsx c h cc cpp hpp cs java kt go rs rb pl php sh "
    "bat ps1 sql swift ipynb tex svg svgz eps ai ps "
    # raw files and pictures that are not read (docs/adr/0028)
    "crw mrw x3f dcr kdc k25 mos iiq srf ptx fff psb exr hdr qoi "
    # video, sound, fonts
    "mov mp4 m4v avi mkv webm mpg mpeg mts m2ts wmv flv 3gp vob mp3 wav flac ogg oga opus m4a "
    "aac wma aif aiff mid ttf otf woff woff2 eot "
    # databases, models, numbers
    "db db3 sqlite sqlite3 db-wal db-shm db-journal lrcat lrprev lrdata npy npz h5 hdf5 parquet "
    "feather pkl pickle pt pth safetensors onnx bin dat cache idx pack "
    # not finished
    "part partial crdownload filepart tmp temp swp "
)
OTHER_SUFFIXES = frozenset(f".{suffix}" for suffix in _OTHERS.split())
"""Lower-case suffixes of files that are no photos, and are not opened to see."""


def suffix_of(name: str) -> str:
    """The lower-case suffix of a file name, with its dot; "" if it has none."""
    dot = name.rfind(".")
    return name[dot:].lower() if dot > 0 else ""


def is_odd_name(name: str) -> bool:
    """Whether a name says nothing of what is in the file, such as ``photo`` or ``a.jpg_large``."""
    suffix = suffix_of(name)
    return suffix not in PHOTO_SUFFIXES and suffix not in OTHER_SUFFIXES


def is_photo_head(head: bytes) -> bool:
    """Whether a file of these first :data:`HEAD_BYTES` is most likely a photo."""
    return any(row.head is not None and row.head.match(head) for row in FILE_FORMATS)
