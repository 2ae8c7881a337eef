"""HEIF: HEIC and AVIF (ISO/IEC 23008-12; item boxes of ISO/IEC 14496-12)."""

from __future__ import annotations

from dataclasses import dataclass, field

from trainer.containers.boxes import Box, boxes
from trainer.containers.collector import Collector, DamagedError

_MAX_INDEX_BYTES = 1 << 20
"""Of one box that lists items."""
_MAX_LISTED = 1 << 16
"""Extents, parts and properties of all items together."""

_METADATA = frozenset((b"", b"Exif", b"mime", b"uri "))
"""Types of items that are no images; XMP is of type mime."""
_CODING = frozenset((b"hvcC", b"av1C", b"avcC", b"vvcC", b"jpgC", b"ispe", b"auxC"))
"""Properties without which an item cannot be decoded, or is something else."""
_SHOWN = frozenset((b"irot", b"imir", b"clap", b"pasp", b"colr"))

_Extent = tuple[int, int]


@dataclass
class _Item:
    kind: bytes = b""
    extents: list[_Extent] = field(default_factory=list)
    properties: list[Box] = field(default_factory=list)
    parts: list[int] = field(default_factory=list)
    """Items that a grid or overlay is made of."""
    thumbnail: bool = False


def collect_heif(file: Collector) -> None:
    """The coded images, with what decodes them; without thumbnails, EXIF and XMP.

    Raises:
        DamagedError: if a box is cut short, or there is no image.
    """
    top = list(boxes(file, 0, file.size))
    items, primary = _read_items(file, top)
    kept = sorted(
        number
        for number, item in items.items()
        if item.kind not in _METADATA and not item.thumbnail
    )
    places = {number: place for place, number in enumerate(kept)}
    for number in kept:
        item = items[number]
        parts = [places.get(part, -1) for part in item.parts]
        file.keep(item.kind + (b"*" if number == primary else b"") + repr(parts).encode())
        for box in item.properties:
            if box.kind in _CODING:
                file.keep_part(*box)
            elif box.kind in _SHOWN:
                file.show(box.kind + file.at(box.start, box.end - box.start))
        file.keep(sum(stop - start for start, stop in item.extents).to_bytes(8, "little"))
        for start, stop in item.extents:
            file.keep_range(start, stop)
    found = any(items[number].extents for number in kept)
    if any(box.kind == b"moov" for box in top):
        # A sequence: its frames are what no item is made of.
        taken = sorted(extent for item in items.values() for extent in item.extents)
        for box in top:
            if box.kind == b"mdat":
                found = True
                _keep_rest(file, box, taken)
    if not found:
        raise DamagedError("no image")


def _keep_rest(file: Collector, box: Box, taken: list[_Extent]) -> None:
    place = box.start
    for start, stop in taken:
        if start < box.end and stop > place:
            file.keep_range(place, max(place, start))
            place = min(stop, box.end)
    file.keep_range(place, box.end)


# -------------------------------------------------------------------------------- items


class _Fields:
    """The content of a box, read from its beginning to its end."""

    def __init__(self, file: Collector, box: Box) -> None:
        if box.end - box.start > _MAX_INDEX_BYTES:
            raise DamagedError("a very long list")
        self._data = file.at(box.start, box.end - box.start)
        self._place = 0

    def take(self, count: int) -> bytes:
        """The next bytes."""
        found = self._data[self._place : self._place + count]
        if len(found) < count:
            raise DamagedError("cut short")
        self._place += count
        return found

    def number(self, count: int) -> int:
        """The next ``count`` bytes as a number; 0 for no bytes."""
        return int.from_bytes(self.take(count), "big")


def _read_items(file: Collector, top: list[Box]) -> tuple[dict[int, _Item], int]:
    """Items by number, and the number of the one that is shown."""
    items: dict[int, _Item] = {}
    meta = next((box for box in top if box.kind == b"meta"), None)
    if meta is None:
        return items, 0
    inside = {box.kind: box for box in boxes(file, meta.start + 4, meta.end)}
    primary = 0
    if box := inside.get(b"pitm"):
        fields = _Fields(file, box)
        primary = fields.number(4 if fields.number(4) >> 24 else 2)
    if box := inside.get(b"iinf"):
        _read_kinds(file, box, items)
    if box := inside.get(b"iloc"):
        _read_places(file, box, inside.get(b"idat"), items)
    if box := inside.get(b"iref"):
        _read_references(file, box, items)
    if box := inside.get(b"iprp"):
        _read_properties(file, box, items)
    return items, primary


def _read_kinds(file: Collector, box: Box, items: dict[int, _Item]) -> None:
    first = box.start + (8 if file.number(box.start, 1) else 6)
    for entry in boxes(file, first, box.end):
        if entry.kind != b"infe":
            continue
        fields = _Fields(file, entry)
        version = fields.number(4) >> 24
        number = fields.number(4 if version == 3 else 2)
        fields.take(2)
        items[number] = _Item(fields.take(4) if version >= 2 else b"")


def _read_places(file: Collector, box: Box, idat: Box | None, items: dict[int, _Item]) -> None:
    fields = _Fields(file, box)
    version = fields.number(4) >> 24
    sizes = fields.number(2)
    offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    wide = 4 if version == 2 else 2
    left = _MAX_LISTED
    for _ in range(fields.number(wide)):
        number = fields.number(wide)
        method = fields.number(2) & 15 if version else 0
        elsewhere = fields.number(2)
        start = fields.number(base)
        within = Box(b"file", 0, file.size) if method == 0 else idat
        item = items.get(number, _Item())
        image = item.kind not in _METADATA
        count = fields.number(2)
        left -= count
        if left < 0:
            raise DamagedError("too many extents")
        for _ in range(count):
            fields.take(index if version else 0)
            first, size = start + fields.number(offset), fields.number(length)
            if elsewhere or method > 1 or within is None:
                if image:
                    raise DamagedError("an image in another file or item")
                continue
            first += within.start
            last = first + size if size else within.end
            if first <= last <= within.end:
                item.extents.append((first, last))
            elif image:
                raise DamagedError("an image beyond the end")


def _read_references(file: Collector, box: Box, items: dict[int, _Item]) -> None:
    wide = 4 if file.number(box.start, 1) else 2
    left = _MAX_LISTED
    for reference in boxes(file, box.start + 4, box.end):
        fields = _Fields(file, reference)
        item = items.get(fields.number(wide), _Item())
        if reference.kind == b"thmb":
            item.thumbnail = True
        elif reference.kind == b"dimg":
            count = fields.number(2)
            left -= count
            if left < 0:
                raise DamagedError("too many parts")
            item.parts += [fields.number(wide) for _ in range(count)]


def _read_properties(file: Collector, box: Box, items: dict[int, _Item]) -> None:
    inside = list(boxes(file, box.start, box.end))
    properties = [
        prop for ipco in inside if ipco.kind == b"ipco" for prop in boxes(file, *ipco[1:])
    ]
    left = _MAX_LISTED
    for ipma in inside:
        if ipma.kind != b"ipma":
            continue
        fields = _Fields(file, ipma)
        head = fields.number(4)
        for _ in range(fields.number(4)):
            item = items.get(fields.number(4 if head >> 24 else 2), _Item())
            count = fields.number(1)
            left -= 1 + count
            if left < 0:
                raise DamagedError("too many properties")
            for _ in range(count):
                # The highest bit says that a reader must know the property.
                place = fields.number(2) & 0x7FFF if head & 1 else fields.number(1) & 0x7F
                if 0 < place <= len(properties):
                    item.properties.append(properties[place - 1])
