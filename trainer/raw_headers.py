"""What a camera's raw file says of itself, read without a decoder (imports no torch).

Scans run in the window's process, where no decoder of raw files may run: here are size,
orientation, where the camera's own JPEG previews are and where its metadata is, read by Python from
the directories of TIFF (TIFF 6.0, TIFF/EP, DNG 1.7; also the variants of Olympus and Panasonic),
from the boxes of CR3 (ISO/IEC 14496-12) and from the header of RAF.  Time and memory are bounded,
whatever the file says.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

Reader = Callable[[int, int], bytes]
"""``(start, count)`` to exactly that many bytes of the file, else :class:`RawHeaderError`."""

_MAX_DIRECTORIES = 32
_MAX_ENTRIES = 1 << 10
_MAX_VALUES = 1 << 12
"""Of an entry that is read; places of strips are not."""
_MAX_BLOCK_BYTES = 16 << 20
"""Of a block of metadata."""
_MAX_BOXES = 1 << 10
_MAX_SEGMENTS = 256
_LEAST_PREVIEW = 96
"""Pixels of the shorter side; smaller ones are icons for a camera's menu."""
_MAX_SIDE = 1 << 17

# Tags.
_WIDTH, _HEIGHT, _COMPRESSION, _PHOTOMETRIC = 256, 257, 259, 262
_STRIPS, _STRIP_LENGTHS, _TILES, _TILE_LENGTHS = 273, 279, 324, 325
_ORIENTATION, _SUBDIRECTORIES, _JPEG, _JPEG_LENGTH = 274, 330, 513, 514
_XMP, _IPTC, _EXIF, _MAKER_NOTE = 700, 33723, 34665, 37500
_EXIF_WIDTH, _EXIF_HEIGHT = 40962, 40963
_DNG_VERSION, _CROP_SIZE = 50706, 50720
_RW2_BORDERS = (4, 5, 6, 7)
"""Top, left, bottom, right."""
_RW2_JPEG, _RW2_DATA = 46, 280
_OLYMPUS_SETTINGS, _OLYMPUS_JPEG, _OLYMPUS_JPEG_LENGTH = 0x2020, 0x0101, 0x0102

_COLOUR_FILTER, _LINEAR_RAW = 32803, 34892
_JPEG_COMPRESSIONS = (6, 7)
_BASELINE = frozenset((0xC0, 0xC1, 0xC2))
"""Frames of JPEG with lossy 8-bit pictures; raw data is in lossless ones."""

_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I"}

_TIFF_HEADS: Mapping[bytes, str] = {
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"IIRO": "ORF",
    b"IIRS": "ORF",
    b"MMOR": "ORF",
    b"IIU\0": "RW2",
}
_RAF_HEAD = b"FUJIFILMCCD-RAW "
_CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
_CANON_PREVIEW = bytes.fromhex("eaf42b5e1c984b88b9fbb7dc406e4d16")
_CANON_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


class RawHeaderError(Exception):
    """The file is no raw file, or its structure is damaged."""


@dataclass(frozen=True)
class Preview:
    """A JPEG within the file; ``width`` and ``height`` in pixels, as stored."""

    start: int
    length: int
    width: int
    height: int

    @property
    def shorter(self) -> int:
        return min(self.width, self.height)


@dataclass(frozen=True)
class Exif:
    """Where EXIF is: a TIFF in ``data`` or, without, the directory at ``place`` of the file.

    ``inner`` are further TIFF blocks by the tag that would point to them (CR3).
    """

    data: bytes = field(default=b"", repr=False)
    place: int = 0
    big_endian: bool = False
    inner: Mapping[int, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class RawHeader:
    """``kind`` is "CR3", "DNG" and so on, or "TIFF" for other files with a raw picture in a TIFF.

    Attributes:
        width, height: in pixels, as the camera crops it and before it is turned.
        orientation: EXIF's, 1 to 8.
        previews: largest first.
        raw_parts: (start, stop) of the raw data, as far as the header says.
        raw_pixels: about as many as the sensor has.
        linear: whether it has all colours in each of them.
        settings: what says how to develop the raw data (DNG), as stored.
        exif: None if there is none.
        xmp, iptc: as stored; b"" if there are none.
    """

    kind: str
    width: int
    height: int
    orientation: int
    previews: tuple[Preview, ...]
    raw_parts: tuple[tuple[int, int], ...] = field(repr=False)
    raw_pixels: int
    linear: bool = False
    settings: bytes = field(default=b"", repr=False)
    exif: Exif | None = None
    xmp: bytes = field(default=b"", repr=False)
    iptc: bytes = field(default=b"", repr=False)


def read_raw_header(read: Reader, size: int) -> RawHeader:
    """What a raw file says of itself.

    Args:
        read: of the file.
        size: its length in bytes.

    Raises:
        RawHeaderError: if it is no raw file, or damaged.
    """
    try:
        head = read(0, min(size, 16))
        if head[:4] in _TIFF_HEADS:
            found = _read_tiff(read, size, _TIFF_HEADS[head[:4]])
        elif head == _RAF_HEAD:
            found = _read_raf(read, size)
        elif head[4:12] == b"ftypcrx ":
            found = _read_cr3(read, size)
        else:
            raise RawHeaderError("no raw file")
    except (struct.error, IndexError, ValueError, OverflowError) as error:
        raise RawHeaderError("damaged") from error
    if not (0 < found.width < _MAX_SIDE and 0 < found.height < _MAX_SIDE):
        raise RawHeaderError("no size")
    return found


# ------------------------------------------------------------------------------- TIFF


@dataclass(frozen=True)
class _Entry:
    kind: int
    count: int
    place: int


class _Directory:
    """Entries of a directory, whose values are read when they are asked for.

    ``base`` is what their places count from.
    """

    def __init__(self, read: Reader, order: str, place: int, base: int = 0) -> None:
        self._read = read
        self._order = order
        self.place = place
        (count,) = struct.unpack(order + "H", read(place, 2))
        if not 0 < count <= _MAX_ENTRIES:
            raise RawHeaderError("no directory")
        data = read(place + 2, 12 * count)
        self._entries: dict[int, _Entry] = {}
        for at in range(0, len(data), 12):
            tag, kind, values = struct.unpack_from(order + "HHI", data, at)
            inline = _BYTES.get(kind, 0) * values <= 4
            (there,) = struct.unpack_from(order + "I", data, at + 8)
            where = place + 2 + at + 8 if inline else base + there
            self._entries.setdefault(tag, _Entry(kind, values, where))
        self._end = place + 2 + 12 * count

    @property
    def following(self) -> int:
        """Where the next directory is; 0 if there is none."""
        try:
            return struct.unpack(self._order + "I", self._read(self._end, 4))[0]
        except RawHeaderError:
            return 0

    def numbers(self, tag: int) -> tuple[int, ...]:
        """Values of an entry; () if there are none."""
        entry = self._entries.get(tag)
        if entry is None or not 0 < entry.count <= _MAX_VALUES:
            return ()
        if entry.kind in _NUMBERS:
            raw = self._read(entry.place, entry.count * _BYTES[entry.kind])
            return struct.unpack(f"{self._order}{entry.count}{_NUMBERS[entry.kind]}", raw)
        if entry.kind == 5:
            raw = self._read(entry.place, entry.count * 8)
            pairs = struct.iter_unpack(self._order + "II", raw)
            return tuple(above // below if below else 0 for above, below in pairs)
        return ()

    def number(self, tag: int, default: int = 0) -> int:
        return next(iter(self.numbers(tag)), default)

    def block(self, tag: int) -> bytes:
        """The bytes of an entry; b"" if there are none, too many, or not all of them."""
        start, stop = self.part(tag)
        try:
            return self._read(start, stop - start) if stop - start <= _MAX_BLOCK_BYTES else b""
        except RawHeaderError:
            return b""  # damaged metadata costs no photo

    def part(self, tag: int) -> tuple[int, int]:
        """(start, stop) of the bytes of an entry."""
        entry = self._entries.get(tag)
        if entry is None:
            return 0, 0
        return entry.place, entry.place + entry.count * _BYTES.get(entry.kind, 0)

    def tags(self, first: int, last: int) -> list[int]:
        """The tags from ``first`` to ``last`` that are there, in order."""
        return sorted(tag for tag in self._entries if first <= tag <= last)

    def parts(self) -> list[tuple[int, int]]:
        """(start, stop) of strips or tiles, in order."""
        for starts, lengths in ((_STRIPS, _STRIP_LENGTHS), (_TILES, _TILE_LENGTHS)):
            found = list(zip(self._many(starts), self._many(lengths), strict=False))
            if found:
                return [(start, start + length) for start, length in found]
        return []

    def _many(self, tag: int) -> tuple[int, ...]:
        entry = self._entries.get(tag)
        if entry is None or entry.kind not in _NUMBERS or entry.count > _MAX_BLOCK_BYTES // 16:
            return ()
        raw = self._read(entry.place, entry.count * _BYTES[entry.kind])
        return struct.unpack(f"{self._order}{entry.count}{_NUMBERS[entry.kind]}", raw)


def _read_tiff(read: Reader, size: int, kind: str) -> RawHeader:
    head = read(0, 12)
    order = ">" if head[:2] == b"MM" else "<"
    found = list(_directories(read, order, struct.unpack_from(order + "I", head, 4)[0]))
    if not found:
        raise RawHeaderError("no directory")
    main = found[0]
    raws = [item for item in found if item.number(_PHOTOMETRIC) in (_COLOUR_FILTER, _LINEAR_RAW)]
    if head[8:10] == b"CR" and kind == "TIFF":
        kind = "CR2"
        # Canon's raw picture is the only lossless JPEG, in the last directory.
        raws = raws or found[-1:]
    elif kind in ("ORF", "RW2"):
        raws = raws or [main]
    if not raws:
        raise RawHeaderError("no raw picture")
    if main.numbers(_DNG_VERSION):
        kind = "DNG"
    raw = max(raws, key=lambda item: item.number(_WIDTH) * item.number(_HEIGHT))
    exif = _sub_directory(read, order, main, _EXIF)
    places = [*_jpeg_places(found, raws), *_rw2_jpeg(main, kind), *_olympus_jpeg(read, order, exif)]
    previews = _previews(read, size, places)
    parts = raw.parts()
    if kind == "RW2":
        start = main.number(_RW2_DATA) or (parts[0][0] if parts else 0)
        parts = [(start, size)] if 0 < start < size else []
    width, height = _rw2_size(main) if kind == "RW2" else _tiff_size(raw, main, exif, previews)
    full = raw.number(_WIDTH) * raw.number(_HEIGHT) or int(1.1 * width * height)
    return RawHeader(
        kind=kind,
        width=width,
        height=height,
        orientation=_orientation(main.number(_ORIENTATION, 1)),
        previews=previews,
        raw_parts=tuple(parts),
        raw_pixels=max(full, width * height),
        linear=raw.number(_PHOTOMETRIC) == _LINEAR_RAW,
        settings=_settings(kind, main, raw),
        exif=Exif(place=main.place, big_endian=order == ">"),
        xmp=main.block(_XMP),
        iptc=main.block(_IPTC),
    )


def _directories(read: Reader, order: str, place: int) -> Iterator[_Directory]:
    """The chain of directories, each followed by those within it."""
    waiting, seen = [place], set[int]()
    while waiting and len(seen) < _MAX_DIRECTORIES:
        place = waiting.pop(0)
        if not place or place in seen:
            continue
        seen.add(place)
        try:
            found = _Directory(read, order, place)
            inner, following = found.numbers(_SUBDIRECTORIES), found.following
        except (RawHeaderError, struct.error):
            continue  # a thumbnail's is often damaged
        yield found
        waiting = [*inner, *waiting, following]


def _sub_directory(read: Reader, order: str, main: _Directory, tag: int) -> _Directory | None:
    place = main.number(tag)
    try:
        return _Directory(read, order, place) if place else None
    except (RawHeaderError, struct.error):
        return None


def _jpeg_places(found: list[_Directory], raws: list[_Directory]) -> Iterator[tuple[int, int]]:
    for item in found:
        if start := item.number(_JPEG):
            yield start, item.number(_JPEG_LENGTH)
        try:
            parts = item.parts() if item not in raws else []
        except RawHeaderError:
            continue  # the directory of a thumbnail
        if len(parts) == 1 and item.number(_COMPRESSION) in _JPEG_COMPRESSIONS:
            yield parts[0][0], parts[0][1] - parts[0][0]


def _rw2_jpeg(main: _Directory, kind: str) -> Iterator[tuple[int, int]]:
    if kind == "RW2":
        start, stop = main.part(_RW2_JPEG)
        yield start, stop - start


def _olympus_jpeg(read: Reader, order: str, exif: _Directory | None) -> Iterator[tuple[int, int]]:
    """The preview named in Olympus's maker note (exiftool, Olympus.pm: CameraSettings)."""
    if exif is None:
        return
    start, stop = exif.part(_MAKER_NOTE)
    if stop - start < 32:
        return
    try:
        head = read(start, 12)
        inner = {b"OLYMPUS\0": 12, b"OM SYSTE": 16}.get(head[:8])
        if inner is None:
            return
        note = _Directory(read, order, start + inner, start)
        settings = _Directory(read, order, start + note.number(_OLYMPUS_SETTINGS), start)
        yield start + settings.number(_OLYMPUS_JPEG), settings.number(_OLYMPUS_JPEG_LENGTH)
    except (RawHeaderError, struct.error):
        return


def _tiff_size(
    raw: _Directory, main: _Directory, exif: _Directory | None, previews: tuple[Preview, ...]
) -> tuple[int, int]:
    """As the camera crops it: what it says so, else the size of its own JPEG, else of the sensor.

    The sensor has a few more pixels at its edges than the picture.
    """
    sensor = raw.number(_WIDTH), raw.number(_HEIGHT)
    said = [raw.numbers(_CROP_SIZE)[:2]]
    if exif is not None:
        said.append((exif.number(_EXIF_WIDTH), exif.number(_EXIF_HEIGHT)))
    said.append((main.number(_WIDTH), main.number(_HEIGHT)))
    said += [(item.width, item.height) for item in previews]
    for size in said:
        if len(size) == 2 and all(size) and (not all(sensor) or _is_crop(size, sensor)):
            return size[0], size[1]
    return sensor


def _is_crop(size: tuple[int, ...], sensor: tuple[int, ...]) -> bool:
    return all(0.75 * all_ <= part <= all_ for part, all_ in zip(size, sensor, strict=True))


def _rw2_size(main: _Directory) -> tuple[int, int]:
    top, left, bottom, right = (main.number(tag) for tag in _RW2_BORDERS)
    return right - left, bottom - top


def _settings(kind: str, main: _Directory, raw: _Directory) -> bytes:
    """How a DNG is to be developed: the tags of its specification, but for names and numbers of
    the camera and what programs keep there."""
    if kind != "DNG":
        return b""
    kept: list[bytes] = []
    for item in (main, raw):
        for tag in item.tags(50710, 51200):
            if tag not in (50735, 50740, 50827, 50828, 50972, 50973, 50966, 50967, 50971):
                kept.append(tag.to_bytes(2, "little") + item.block(tag))
    return b"".join(kept)


# -------------------------------------------------------------------------------- RAF


def _read_raf(read: Reader, size: int) -> RawHeader:
    """Fujifilm (exiftool, FujiFilm.pm: ProcessRAF): a JPEG with all metadata, then the raw data."""
    jpeg, jpeg_bytes, fields, fields_bytes, raw, raw_bytes = struct.unpack(">6I", read(84, 24))
    previews = _previews(read, size, [(jpeg, jpeg_bytes)])
    exif = _exif_of_jpeg(read, jpeg, jpeg_bytes)
    sizes = _raf_sizes(read, fields, fields_bytes)
    full = sizes.get(0x100, (0, 0))
    width, height = sizes.get(0x111) or full
    if not width and previews:
        width, height = previews[0].width, previews[0].height
    turned = _first_directory(exif) if exif else None
    return RawHeader(
        kind="RAF",
        width=width,
        height=height,
        orientation=_orientation(turned.number(_ORIENTATION, 1) if turned else 1),
        previews=previews,
        raw_parts=((raw, raw + raw_bytes),) if raw_bytes else (),
        raw_pixels=max(full[0] * full[1], width * height),
        exif=Exif(exif) if exif else None,
    )


def _raf_sizes(read: Reader, start: int, length: int) -> dict[int, tuple[int, int]]:
    """(width, height) by the number of the field."""
    if not start or length < 4:
        return {}
    (count,) = struct.unpack(">I", read(start, 4))
    sizes: dict[int, tuple[int, int]] = {}
    place, stop = start + 4, start + length
    for _ in range(min(count, _MAX_ENTRIES)):
        if place + 4 > stop:
            break
        tag, value_bytes = struct.unpack(">HH", read(place, 4))
        if tag in (0x100, 0x111) and value_bytes >= 4:
            height, width = struct.unpack(">HH", read(place + 4, 4))
            sizes[tag] = width, height
        place += 4 + value_bytes
    return sizes


# -------------------------------------------------------------------------------- CR3


def _read_cr3(read: Reader, size: int) -> RawHeader:
    """Canon (github lclevy/canon_cr3): metadata and previews in ``moov``, raw data in ``mdat``."""
    blocks: dict[bytes, tuple[int, int]] = {}
    places: list[tuple[int, int]] = []
    data: list[tuple[int, int]] = []
    xmp = b""
    for kind, start, stop in _boxes(read, 0, size):
        if kind == b"moov":
            for inner, first, last in _boxes(read, start, stop):
                if inner == b"uuid" and read(first, 16) == _CANON:
                    blocks |= {name: (a, b) for name, a, b in _boxes(read, first + 16, last)}
                elif inner == b"trak":
                    places += _samples(read, first, last)
        elif kind == b"mdat":
            data.append((start, stop))
        elif kind == b"uuid" and stop - start >= 24:
            name = read(start, 16)
            if name == _CANON_XMP and stop - start <= _MAX_BLOCK_BYTES:
                xmp = read(start + 16, stop - start - 16)
            elif name == _CANON_PREVIEW:
                # After eight bytes, a box of a header and a JPEG.
                for inner, first, last in _boxes(read, start + 24, stop):
                    if inner == b"PRVW" and last - first > 16:
                        places.append((first + 16, last - first - 16))
    main, inner = (_block(read, blocks.get(name)) for name in (b"CMT1", b"CMT2"))
    place = _block(read, blocks.get(b"CMT4"))
    if not main:
        raise RawHeaderError("no metadata")
    first = _first_directory(main)
    width, height = first.number(_WIDTH), first.number(_HEIGHT)
    return RawHeader(
        kind="CR3",
        width=width,
        height=height,
        orientation=_orientation(first.number(_ORIENTATION, 1)),
        previews=_previews(read, size, places),
        raw_parts=tuple(data),
        raw_pixels=int(1.1 * width * height),
        exif=Exif(
            main, inner={tag: found for tag, found in ((34665, inner), (34853, place)) if found}
        ),
        xmp=xmp,
    )


def _boxes(read: Reader, place: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start, stop) of what is in the boxes from ``place`` to ``stop``."""
    for _ in range(_MAX_BOXES):
        if place + 8 > stop:
            return
        length, kind = struct.unpack(">I4s", read(place, 8))
        head = 8
        if length == 1:
            (length,) = struct.unpack(">Q", read(place + 8, 8))
            head = 16
        elif not length:
            length = stop - place
        if length < head:
            return
        yield kind, place + head, min(place + length, stop)
        place += length


def _samples(read: Reader, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """(start, length) of the first sample of a track: a JPEG in one of them."""
    tables: dict[bytes, int] = {}
    waiting = [(start, stop)]
    while waiting:
        for kind, first, last in _boxes(read, *waiting.pop()):
            if kind in (b"mdia", b"minf", b"stbl"):
                waiting.append((first, last))
            elif kind in (b"stsz", b"co64", b"stco"):
                tables.setdefault(kind, first)
    if b"stsz" not in tables:
        return
    length, count = struct.unpack(">II", read(tables[b"stsz"] + 4, 8))
    if not length and count:
        (length,) = struct.unpack(">I", read(tables[b"stsz"] + 12, 4))
    for kind, form in ((b"co64", ">Q"), (b"stco", ">I")):
        if kind in tables:
            yield struct.unpack(form, read(tables[kind] + 8, struct.calcsize(form)))[0], length


def _block(read: Reader, place: tuple[int, int] | None) -> bytes:
    if place is None or place[1] - place[0] > _MAX_BLOCK_BYTES:
        return b""
    return read(place[0], place[1] - place[0])


def _first_directory(tiff: bytes) -> _Directory:
    order = ">" if tiff[:2] == b"MM" else "<"
    return _Directory(_of(tiff), order, struct.unpack_from(order + "I", tiff, 4)[0])


def _of(data: bytes) -> Reader:
    """A reader of bytes in memory."""

    def read(start: int, count: int) -> bytes:
        found = data[start : start + count]
        if start < 0 or len(found) != count:
            raise RawHeaderError("beyond the end")
        return found

    return read


# ------------------------------------------------------------------------------- JPEG


def _previews(read: Reader, size: int, places: list[tuple[int, int]]) -> tuple[Preview, ...]:
    """The JPEGs among these (start, length) that can be shown, largest first."""
    found: dict[int, Preview] = {}
    for start, length in places:
        if not (0 < start < start + length <= size):
            continue
        try:
            width, height = _jpeg_size(read, start, start + length)
        except (RawHeaderError, struct.error):
            continue
        if min(width, height) >= _LEAST_PREVIEW:
            found.setdefault(start, Preview(start, length, width, height))
    return tuple(sorted(found.values(), key=lambda item: -item.width * item.height))


def _jpeg_size(read: Reader, start: int, stop: int) -> tuple[int, int]:
    for kind, place, _end in _segments(read, start, stop):
        if kind in _BASELINE:
            bits, height, width, channels = struct.unpack(">BHHB", read(place, 6))
            if bits == 8 and channels in (1, 3):
                return width, height
            break
        if kind == 0xC3:
            break
    raise RawHeaderError("no preview")


def _exif_of_jpeg(read: Reader, start: int, length: int) -> bytes:
    try:
        for kind, place, end in _segments(read, start, start + length):
            if kind == 0xE1 and read(place, 6) == b"Exif\0\0":
                return read(place + 6, end - place - 6)
    except RawHeaderError:
        pass
    return b""


def _segments(read: Reader, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """(marker, start, stop) of the segments of a JPEG before its first scan."""
    if read(start, 2) != b"\xff\xd8":
        raise RawHeaderError("no JPEG")
    place = start + 2
    for _ in range(_MAX_SEGMENTS):
        if place + 4 > stop:
            return
        mark, kind, length = struct.unpack(">BBH", read(place, 4))
        if mark != 0xFF or kind == 0xDA or length < 2:
            return
        yield kind, place + 4, place + 2 + length
        place += 2 + length


def _orientation(value: int) -> int:
    return value if 1 <= value <= 8 else 1
