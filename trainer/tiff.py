"""TIFF files that Pillow does not open, opens wrongly, or only at full size (imports no torch).

They are decoded by tifffile and imagecodecs, strip by strip, to 8 bits; docs/photos.md says what
is read.  A file is left to Pillow unless :func:`opened_tiff` says otherwise, and one that neither
reads rightly is refused: a sentence is better than wrong colours.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from trainer.photo_limits import LARGE_PIXELS
from trainer.refused_picture import RefusedPictureError
from trainer.texts import N_

if TYPE_CHECKING:
    from tifffile import TiffPage

UNKNOWN_COLOURS = N_("This TIFF stores its colours in a way that cannot be opened.")
UNKNOWN_COMPRESSION = N_("This TIFF is compressed in a way that cannot be opened.")

_BEGINNINGS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION = 254, 256, 257, 258, 259
_PHOTOMETRIC, _STRIPS, _ORIENTATION, _SAMPLES, _ROWS_PER_STRIP = 262, 273, 274, 277, 278
_STRIP_BYTES, _PLANAR, _PREDICTOR, _TILE_WIDTH, _TILE_LENGTH = 279, 284, 317, 322, 323
_TILE_BYTES, _SUB_IFDS, _INK_SET, _EXTRA, _FORMAT, _LOWEST, _HIGHEST = (
    *(325, 330, 332, 338, 339, 340, 341),
)
_ICC_PROFILE = 34675

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR, _LAB, _ICC_LAB = (
    *range(4),
    *(5, 6, 8, 9),
)
_COLOURS = {
    _WHITE_IS_ZERO: (1, "L"),
    _BLACK_IS_ZERO: (1, "L"),
    _RGB: (3, "RGB"),
    _CMYK: (4, "CMYK"),
    _YCBCR: (3, "RGB"),
    _LAB: (3, "LAB"),
    _ICC_LAB: (3, "LAB"),
}
"""Samples that a colour has, and Pillow's mode for it."""
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_INTEGERS = (*range(1, 33), 64)
_FLOATS = (16, 24, 32, 64)
_DEPTHS: dict[tuple[int, int], tuple[int, ...]] = {
    **{(colours, _UNSIGNED): _INTEGERS for colours in (0, 1, _RGB, _CMYK)},
    **{(colours, _FLOAT): _FLOATS for colours in (0, 1, _RGB)},
    **{(colours, _SIGNED): (8, 16, 32, 64) for colours in (0, 1)},
    **{(colours, _UNSIGNED): (8, 16) for colours in (_LAB, _ICC_LAB)},
    (_YCBCR, _UNSIGNED): (8,),
}
"""Bits of a sample that are read, by photometric interpretation and sample format."""
_PLAIN, _JPEG = 1, 7
_COMPRESSIONS = frozenset(
    (_PLAIN, 5, _JPEG, 8, 32773, 32946, 33005, 34712, 34887, 34925, 50000, 50001, 50002)
)
"""None, LZW, JPEG, Deflate, PackBits, Deflate, JPEG 2000, the same, LERC, LZMA, Zstandard, WebP,
JPEG XL."""
_ALPHA = (1, 2)
"""Of extra samples: associated (colours are multiplied by it) and not."""
_ASSOCIATED = 1

_MOST_SAMPLES = 64
_MOST_LEVELS = 32
_MOST_VALUES = 1 << 20
"""Scaled at a time: the arithmetic takes several times the memory of the values."""
_READ_BYTES = 1 << 22
_SAME_SHAPE = 0.02
"""Two sizes belong to one picture if their proportions differ by less."""
_SPARE = 1.05

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)

# What it says of damaged files goes to the user as a sentence.
logging.getLogger("tifffile").setLevel(logging.CRITICAL)


class _PillowsError(Exception):
    """Pillow opens this file, or says why not."""


@dataclass(frozen=True)
class _Layout:
    """How a directory says that its pixels are stored.

    ``offset``: of the directory; ``part_bytes``: of the largest strip or tile, packed and unpacked;
    ``lowest``, ``highest``: what becomes black and white, if the file says so.
    """

    offset: int
    width: int
    height: int
    photometric: int
    samples: int
    bits: tuple[int, ...]
    format: int
    extra: tuple[int, ...]
    planar: int
    compression: int
    predictor: int
    tiled: bool
    reduced: bool
    ink_set: int
    part_bytes: int
    lowest: float | None
    highest: float | None

    @property
    def depth(self) -> int:
        """Bits of a sample; 0 if they differ."""
        return self.bits[0] if len(set(self.bits)) == 1 else 0

    @property
    def colours(self) -> int:
        return _COLOURS.get(self.photometric, (1, ""))[0]

    @property
    def alpha(self) -> int | None:
        """Index of the sample that is the opacity; other extra samples are ignored."""
        for place, kind in enumerate(self.extra):
            if kind in _ALPHA:
                return self.samples - len(self.extra) + place
        return None

    @property
    def associated(self) -> bool:
        return next((kind for kind in self.extra if kind in _ALPHA), 0) == _ASSOCIATED

    @property
    def pixels(self) -> int:
        return self.width * self.height

    def like(self, other: _Layout) -> bool:
        """Whether it may be the same picture at another size."""
        same = (self.photometric, self.samples, self.bits, self.format) == (
            *(other.photometric, other.samples, other.bits, other.format),
        )
        skew = abs(self.width * other.height - self.height * other.width)
        return same and skew <= _SAME_SHAPE * self.height * other.width + other.width + self.height


def is_tiff(head: bytes) -> bool:
    """Whether a file that begins so is a TIFF, or a raw file in one."""
    return head[:4] in _BEGINNINGS


def opened_tiff(file: BinaryIO) -> DeepTiff | None:
    """Open a TIFF that is not for Pillow, without decoding it; None for every other file.

    Args:
        file: open, seekable; its position is not kept.

    Raises:
        RefusedPictureError: if it is of a kind that neither reads.
        Exception: of any kind if it is damaged.
    """
    file.seek(0)
    if not is_tiff(file.read(4)):
        return None
    file.seek(0)
    try:
        return DeepTiff(file)
    except (_PillowsError, SyntaxError):
        return None


class DeepTiff(TiffImagePlugin.TiffImageFile):
    """An opened TIFF that becomes L, RGB, CMYK or LAB of 8 bits when it is loaded.

    Upright after loading; ``size`` is that of the upright photo before, too.  What is transparent
    becomes white.
    """

    def _setup(self) -> None:
        self._layout = layout = _layout(self.tag_v2)
        _refuse(layout)
        self._levels = _smaller(self.tag_v2, cast(BinaryIO, self.fp), layout)
        large = bool(self._levels) and layout.pixels > LARGE_PIXELS
        if _pillow_is_right(layout) and not (large and _is_known(layout)):
            raise _PillowsError
        self._turn = self.tag_v2.get(_ORIENTATION, 1)
        self._divisor = 1
        self._mode = _COLOURS[layout.photometric][1]
        self._set_size()
        self.tile = []
        self.use_load_libtiff = False
        if isinstance(profile := self.tag_v2.get(_ICC_PROFILE), bytes):
            self.info["icc_profile"] = profile

    def draft(
        self, mode: str | None, size: tuple[int, int] | None
    ) -> tuple[str, tuple[int, int, float, float]] | None:
        """Decode a smaller level of a pyramid, or reduce while decoding; ``size`` is the least."""
        del mode
        if size is not None and self._im is None:
            self._layout = self._level(min(size))
            self._divisor = self._reduction(self._layout, min(size))
            self._set_size()
        return None

    def pixels(self, at_least: int | None) -> int:
        """Number of pixels that are decoded; see :func:`trainer.photo.read_photo`."""
        return self._level(at_least).pixels

    def needed_bytes(self, at_least: int | None) -> int:
        """Memory that :func:`trainer.photo.read_photo` will take, estimated."""
        layout = self._level(at_least)
        divisor = self._reduction(layout, at_least)
        kept = layout.colours + (layout.alpha is not None)
        # The image, and a copy of it while it is turned or its colours are converted.
        image = 2 * (1 if self.mode == "L" else 4) + (4 if self.mode == "L" else 0)
        scaled = layout.pixels * (kept + image / divisor**2)
        return int(_SPARE * (scaled + layout.part_bytes + 16 * _MOST_VALUES))

    def load(self) -> Image.core.PixelAccess | None:
        if self._im is None:
            made = self._decoded()
            if self._turn in _TURNS:
                made = made.transpose(_TURNS[self._turn])
            exif = self.getexif()
            exif.pop(_ORIENTATION, None)
            if _ORIENTATION in self.tag_v2:
                del self.tag_v2[_ORIENTATION]
            self.im = made.im
            self._mode, self._size = made.mode, made.size
        return Image.Image.load(self)

    # ------------------------------------------------------------------------- inside

    def _set_size(self) -> None:
        size = self._layout.width, self._layout.height
        size = -(-size[0] // self._divisor), -(-size[1] // self._divisor)
        self._size = (size[1], size[0]) if self._turn in _SIDEWAYS else size

    def _level(self, at_least: int | None) -> _Layout:
        if at_least is None:
            return self._layout
        levels = [self._layout, *self._levels]
        enough = [level for level in levels if min(level.width, level.height) >= at_least]
        return min(enough or levels[:1], key=lambda level: level.pixels)

    def _reduction(self, layout: _Layout, at_least: int | None) -> int:
        if at_least is None or layout.pixels <= LARGE_PIXELS:
            return 1
        return max(1, min(layout.width, layout.height) // max(1, at_least))

    def _decoded(self) -> Image.Image:
        layout, divisor = self._layout, self._divisor
        values = _read(cast(BinaryIO, self.fp), layout)
        width, height = -(-layout.width // divisor), -(-layout.height // divisor)
        mode = _COLOURS[layout.photometric][1]
        made = Image.new(mode, (width, height))
        rows = divisor * max(1, _MOST_VALUES // (layout.width * layout.samples * divisor))
        for top in range(0, layout.height, rows):
            strip = Image.fromarray(_shown(values[top : top + rows], layout), mode=mode)
            made.paste(strip.reduce(divisor) if divisor > 1 else strip, (0, top // divisor))
        return made


# ------------------------------------------------------------------------------- headers


def _layout(tags: TiffImagePlugin.ImageFileDirectory_v2) -> _Layout:
    """Raises KeyError, TypeError or ValueError if it is damaged."""
    width, height = int(tags[_WIDTH]), int(tags[_HEIGHT])
    if width < 1 or height < 1:
        raise SyntaxError("no size")
    compression = _one(tags, _COMPRESSION, 1)
    photometric = _one(tags, _PHOTOMETRIC, 0)
    samples = _one(tags, _SAMPLES, 3 if compression in (6, _JPEG) else 1)
    if not 1 <= samples <= _MOST_SAMPLES:
        raise RefusedPictureError(UNKNOWN_COLOURS)
    bits = _many(tags, _BITS) or (1,)
    bits = bits * samples if len(bits) == 1 else bits[:samples]
    formats = _many(tags, _FORMAT)[:samples] or (_UNSIGNED,)
    tiled = _TILE_WIDTH in tags
    planar = _one(tags, _PLANAR, 1)
    if tiled:
        part = _one(tags, _TILE_WIDTH, width) * _one(tags, _TILE_LENGTH, height)
    else:
        part = width * min(_one(tags, _ROWS_PER_STRIP, height), height)
    packed = max(_many(tags, _TILE_BYTES if tiled else _STRIP_BYTES) or (0,))
    unpacked = part * (1 if planar == 2 else samples) * max(8, *bits) // 8
    # The predictor and the byte order take a copy; what is not compressed is read in pieces.
    pieces = compression == _PLAIN and not tiled and unpacked > _READ_BYTES
    return _Layout(
        offset=tags._offset or 0,
        width=width,
        height=height,
        photometric=photometric,
        samples=samples,
        bits=bits,
        format=formats[0] if len(set(formats)) == 1 else 0,
        extra=_many(tags, _EXTRA),
        planar=planar,
        compression=compression,
        predictor=_one(tags, _PREDICTOR, 1),
        tiled=tiled,
        reduced=bool(_one(tags, _SUBFILE, 0) & 1),
        ink_set=_one(tags, _INK_SET, 1),
        part_bytes=4 * _READ_BYTES if pieces else packed + 2 * unpacked,
        lowest=_limit(tags, _LOWEST, min),
        highest=_limit(tags, _HIGHEST, max),
    )


def _one(tags: TiffImagePlugin.ImageFileDirectory_v2, tag: int, default: int) -> int:
    value = tags.get(tag, default)
    return int(value[0] if isinstance(value, tuple) else value)


def _many(tags: TiffImagePlugin.ImageFileDirectory_v2, tag: int) -> tuple[int, ...]:
    value = tags.get(tag, ())
    return tuple(map(int, value)) if isinstance(value, tuple) else (int(value),)


def _limit(tags: TiffImagePlugin.ImageFileDirectory_v2, tag: int, of: Any) -> float | None:
    value = tags.get(tag)
    if value is None:
        return None
    with contextlib.suppress(TypeError, ValueError):
        number = float(of(value) if isinstance(value, tuple) else value)
        return number if np.isfinite(number) else None
    return None


def _is_known(layout: _Layout) -> bool:
    """Whether :func:`_read` decodes it rightly."""
    enough = layout.samples - len(layout.extra) >= layout.colours
    if layout.compression not in _COMPRESSIONS or not enough:
        return False
    depths = _DEPTHS.get((layout.photometric, layout.format), ())
    if layout.photometric == _YCBCR and (layout.compression, layout.planar) != (_JPEG, 1):
        return False
    return layout.depth in depths and (layout.photometric != _CMYK or layout.ink_set == 1)


def _pillow_is_right(layout: _Layout) -> bool:
    """Whether Pillow reads it, and rightly.

    It knows more kinds (:data:`TiffImagePlugin.OPEN_INFO`), of which some come out inverted, too
    dark, or as noise.
    """
    if layout.compression not in TiffImagePlugin.COMPRESSION_INFO:
        return False
    kind = layout.format, layout.depth
    if kind in ((_UNSIGNED, 1), (_UNSIGNED, 2), (_UNSIGNED, 4), (_UNSIGNED, 8)):
        return layout.photometric == _YCBCR or _pillow_knows(layout)
    if layout.photometric == _BLACK_IS_ZERO and layout.samples == 1:
        scaled = layout.lowest is not None or layout.highest is not None
        return kind in ((_UNSIGNED, 16), (_SIGNED, 32)) or (kind == (_FLOAT, 32) and not scaled)
    if kind != (_UNSIGNED, 16) or layout.planar != 1:
        return False
    colours = layout.photometric == _RGB and len(layout.extra) < 2 and layout.samples < 5
    return colours or (layout.photometric == _CMYK and layout.samples == 4)


def _pillow_knows(layout: _Layout) -> bool:
    """Of at most 8 bits."""
    grey = layout.colours == 1
    if any(layout.extra) and (layout.planar == 2 or (grey and layout.associated)):
        return False
    extra = () if layout.planar == 2 and not any(layout.extra) else layout.extra
    bits = layout.bits[: len(layout.bits) - len(layout.extra) + len(extra)]
    key = (b"II", layout.photometric, (_UNSIGNED,), 1, bits, extra)
    return key in TiffImagePlugin.OPEN_INFO


def _refuse(layout: _Layout) -> None:
    if _pillow_is_right(layout) or _is_known(layout):
        return
    if layout.photometric in _COLOURS and layout.compression not in _COMPRESSIONS:
        raise RefusedPictureError(UNKNOWN_COMPRESSION)
    raise RefusedPictureError(UNKNOWN_COLOURS)


def _smaller(
    tags: TiffImagePlugin.ImageFileDirectory_v2, file: BinaryIO, layout: _Layout
) -> list[_Layout]:
    """The same picture at smaller sizes: directories below the first one, and those after it.

    Whoever writes pyramids without saying so (Aperio) writes them in tiles.
    """
    if layout.pixels <= LARGE_PIXELS or not _is_known(layout):
        return []
    found: list[_Layout] = []
    below = list(_many(tags, _SUB_IFDS))[:_MOST_LEVELS]
    after, seen = tags.next, {layout.offset}
    while len(seen) <= _MOST_LEVELS:
        place = below.pop(0) if below else after
        if not place or place in seen:
            break
        seen.add(place)
        try:
            directory = TiffImagePlugin.ImageFileDirectory_v2(_header(tags))
            file.seek(place)
            directory.load(cast(IO[bytes], file))
            level = _layout(directory)
        except Exception:  # a damaged copy costs the copy
            break
        if place == after:
            after = directory.next
        smaller = level.pixels < layout.pixels and (level.reduced or level.tiled)
        if smaller and level.like(layout) and _is_known(level):
            found.append(level)
    return found


def _header(tags: TiffImagePlugin.ImageFileDirectory_v2) -> bytes:
    big = tags._bigtiff
    prefix = tags.prefix
    version = (43 if big else 42).to_bytes(2, "little" if prefix == b"II" else "big")
    return prefix + version + bytes(12 if big else 4)


# ------------------------------------------------------------------------------ decoding


def _read(file: BinaryIO, layout: _Layout) -> NDArray[np.uint8]:
    """Decode strips or tiles, scaled to 8 bits.

    Returns:
        (height, width, n) colours as stored, and then the opacity if there is one.

    Raises:
        Exception: of any kind if it is damaged.
    """
    wanted = list(range(layout.colours))
    if layout.alpha is not None:
        wanted.append(layout.alpha)
    made = np.zeros((layout.height, layout.width, len(wanted)), np.uint8)
    decoded = 0
    low, high = _range(file, layout)
    for top, left, sample, block in _blocks(file, layout):
        bottom = min(layout.height, top + block.shape[0])
        right = min(layout.width, left + block.shape[1])
        rows = max(1, _MOST_VALUES // max(1, block.shape[1] * block.shape[2]))
        if sample is not None and sample not in wanted:
            continue
        for start in range(0, bottom - top, rows):
            part = block[start : min(start + rows, bottom - top), : right - left]
            place = made[top + start : top + start + len(part), left:right]
            if sample is None:
                place[...] = _scaled(part[..., wanted], layout, low, high)
            else:
                place[..., wanted.index(sample)] = _scaled(part[..., 0], layout, low, high)
        decoded += (
            max(0, bottom - top) * max(0, right - left) * (len(wanted) if sample is None else 1)
        )
    if decoded < made.size:
        # A directory that is damaged or cut short names fewer strips than there are.
        raise OSError("image file is truncated")
    return made


def _blocks(file: BinaryIO, layout: _Layout) -> Iterator[tuple[int, int, int | None, NDArray[Any]]]:
    """(top, left, sample, values) of pieces: (rows, columns, samples); None: all the samples."""
    import tifffile  # noqa: PLC0415 (slow, and needed for few photos)

    file.seek(0)
    with tifffile.TiffFile(cast(IO[bytes], _Handle(file)), _multifile=False) as opened:
        opened.filehandle.seek(layout.offset)
        page = tifffile.TiffPage(opened, index=0)
        if _is_plain(layout):
            yield from _plain_blocks(file, layout, page, opened.byteorder)
            return
        for block, (sample, _depth, top, left, _last), shape in page.segments(
            maxworkers=1, buffersize=_READ_BYTES
        ):
            values = np.zeros(shape, page.dtype) if block is None else block
            if values.ndim != 4 or len(values) != 1:
                raise ValueError("several pictures in one")
            separate = layout.planar == 2 and layout.samples > 1
            yield top, left, sample if separate else None, values[0]


def _is_plain(layout: _Layout) -> bool:
    return (
        layout.compression == _PLAIN
        and not layout.tiled
        and layout.predictor == 1
        and layout.depth in (8, 16, 32, 64)
    )


def _plain_blocks(
    file: BinaryIO, layout: _Layout, page: TiffPage, order: str
) -> Iterator[tuple[int, int, int | None, NDArray[Any]]]:
    """As :func:`_blocks`, of what is not compressed, however large its strips are."""
    separate = layout.planar == 2 and layout.samples > 1
    samples = 1 if separate else layout.samples
    kind = np.dtype(f"{order}{'?uif'[layout.format]}{layout.depth // 8}")
    row_bytes = layout.width * samples * kind.itemsize
    rows_per_strip = min(int(page.rowsperstrip), layout.height)
    strips = -(-layout.height // rows_per_strip)
    for number, start in enumerate(page.dataoffsets):
        sample, strip = divmod(number, strips)
        top = strip * rows_per_strip
        rows = min(rows_per_strip, layout.height - top)
        step = max(1, _READ_BYTES // row_bytes)
        for first in range(0, rows, step):
            count = min(step, rows - first)
            file.seek(start + first * row_bytes)
            data = file.read(count * row_bytes)
            if len(data) < count * row_bytes:
                raise OSError("image file is truncated")
            values = np.frombuffer(data, kind).reshape(count, layout.width, samples)
            yield top + first, 0, sample if separate else None, values


class _Handle:
    """A bounded file as tifffile wants it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.name = ""
        self.read, self.seek, self.tell = file.read, file.seek, file.tell

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Whoever opened the file closes it."""


def _range(file: BinaryIO, layout: _Layout) -> tuple[float, float]:
    """The values that become black and white (0 and 255)."""
    depth = layout.depth
    if layout.format == _UNSIGNED:
        return 0.0, float(2**depth - 1)
    if layout.format == _SIGNED:
        return float(-(2 ** (depth - 1))), float(2 ** (depth - 1) - 1)
    low = 0.0 if layout.lowest is None else layout.lowest
    high = 1.0 if layout.highest is None else layout.highest
    if high <= low:
        low, high = 0.0, 1.0
    if layout.highest is None and layout.colours == 1:
        # Measurements have no fixed range, as for those that Pillow reads.
        for _top, _left, _sample, block in _blocks(file, layout):
            values = block[np.isfinite(block)]
            if values.size:
                low, high = min(low, float(values.min())), max(high, float(values.max()))
    return low, high


def _scaled(values: NDArray[Any], layout: _Layout, low: float, high: float) -> NDArray[np.uint8]:
    """To 8 bits; a* and b* of Lab are signed, as Pillow takes them."""
    if layout.photometric in (_LAB, _ICC_LAB):
        return _scaled_lab(values, layout)
    if layout.depth == 8 and layout.format == _UNSIGNED:
        return values
    wide = values.astype(np.float64 if layout.depth > 32 else np.float32)
    if layout.format == _FLOAT:
        wide = np.nan_to_num(wide, nan=low, posinf=high, neginf=low)
    wide -= low
    wide *= 255.0 / (high - low)
    return np.rint(wide.clip(0.0, 255.0, out=wide)).astype(np.uint8)


def _scaled_lab(values: NDArray[Any], layout: _Layout) -> NDArray[np.uint8]:
    """CIELab has signed a* and b*; ICCLab those of ICC's version 2 (TIFF technical note 4)."""
    wide = values.astype(np.float32)
    full = 65280.0 if layout.photometric == _ICC_LAB and layout.depth == 16 else 2**layout.depth - 1
    lightness = wide[..., :1] * (255.0 / full)
    unit = 2.0 ** (layout.depth - 8)
    colour = wide[..., 1:]
    half = 2.0 ** (layout.depth - 1)
    if layout.photometric == _LAB:
        colour = np.where(colour >= half, colour - 2 * half, colour)
    else:
        colour = colour - half
    scaled = np.rint(np.concatenate((lightness, colour / unit), axis=-1))
    scaled[..., :1].clip(0, 255, out=scaled[..., :1])
    scaled[..., 1:].clip(-128, 127, out=scaled[..., 1:])
    return scaled.astype(np.int16).astype(np.uint8)


def _shown(values: NDArray[np.uint8], layout: _Layout) -> NDArray[np.uint8]:
    """Colours on white paper: (rows, columns[, colours])."""
    colours = values[..., : layout.colours]
    if layout.photometric == _WHITE_IS_ZERO:
        colours = 255 - colours
    if layout.alpha is not None:
        alpha = values[..., layout.colours :].astype(np.uint32)
        shown = colours if layout.associated else (colours * alpha + 127) // 255
        white = np.full(layout.colours, 0 if layout.photometric == _CMYK else 255, np.uint32)
        colours = np.minimum(shown + ((255 - alpha) * white + 127) // 255, 255).astype(np.uint8)
    return np.ascontiguousarray(colours[..., 0] if layout.colours == 1 else colours)
