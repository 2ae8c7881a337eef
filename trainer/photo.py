"""Reading photos; every other module reads them through this one (imports no torch).

Files are not trusted: the content decides the format, not the suffix, and sizes are checked before
decoding.  Every failure becomes an :class:`UnreadablePhoto` with a sentence, so that a bad file
affects one photo and not a whole scan.  All functions are thread-safe.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import warnings
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

try:
    import pillow_heif
except ImportError:
    # The same reader without the encoder, which is under the GPL alone: installers have this one.
    import pi_heif as pillow_heif  # pyright: ignore[reportMissingImports]

from trainer import cut_short, file_ends, file_formats
from trainer.bounded_reader import BoundedReader, TooLongError
from trainer.damaged_metadata import without_damage
from trainer.file_formats import HEAD_BYTES
from trainer.icon import FORMAT as ICON
from trainer.jpeg_xl import FORMAT as JPEG_XL
from trainer.large_avif import needed_bytes_per_pixel, reduced_avif
from trainer.large_webp import FORMAT as LARGE_WEBP
from trainer.large_webp import LargeWebpImageFile
from trainer.photo_limits import (
    MAX_SCANS,
    decoding_limit,
    has_alpha,
    in_scans,
    is_large,
    needed_bytes,
    needed_to_open,
    reduction,
    scans,
    skipped_levels,
)
from trainer.photoshop import check_depth, checked_composite
from trainer.plain_jpeg import plain_jpeg
from trainer.png_metadata import clean_png, described
from trainer.raw import CUT_SHORT, RawImageFile
from trainer.raw import FORMAT as RAW
from trainer.refused_picture import RefusedPictureError
from trainer.regular_file import BadNameError, NotAFileError, open_regular
from trainer.strips import Box, made_of_strips, reduced, reduced_pixels, strips
from trainer.targa import is_targa, without_unused_alpha
from trainer.texts import N_
from trainer.tiff import DeepTiff, is_tiff, opened_tiff

PHOTO_SUFFIXES = file_formats.PHOTO_SUFFIXES
"""Lower-case suffixes of files to try; the content decides."""

MAX_PIXELS = 200_000_000
"""Larger photos are refused, as are those whose decoding takes more memory than
:func:`trainer.photo_limits.decoding_limit`."""
SMALL = 512
"""Pixels of the shorter side that thumbnails and features need at least."""

# Listed explicitly, because some of Pillow's formats start other programs (EPS), and old animation
# formats only cause trouble.
_FORMATS = (
    *(
        "JPEG",
        "PNG",
        LARGE_WEBP,
        "WEBP",
        "HEIF",
        "AVIF",
        RAW,
        "TIFF",
        "GIF",
        "BMP",
        "JPEG2000",
        "PPM",
    ),
    *(JPEG_XL, "PSD", ICON, "PCX"),
)
_DRAFTED = ("JPEG", "MPO", RAW)
"""Formats that can be decoded at less than their size."""

_ORIENTATION = 0x0112
_SIDEWAYS = (5, 6, 7, 8)
_WHITE = (255, 255, 255, 255)
_SIXTEEN_BIT_MODES = ("I", "F")
_FULL_16 = 65535
_ENDED_BYTES = 256 << 20
_UNREDUCED = {"P": "RGB", "1": "L"}
"""Modes that Pillow cannot reduce, and what they become before."""
_ROUNDING = 3
"""Maximum difference, in levels of 255, between two variants of the sRGB profile."""

pillow_heif.register_heif_opener()
# Pillow, which also checks images within files, warns at this value and raises at twice the value;
# our limit is the same for all formats and has no warning.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


class UnreadablePhoto(Exception):  # noqa: N818  (a state of a photo, in the glossary)
    """A file cannot be displayed or encoded; ``reason`` is a sentence for the user."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class HeavyPhoto(UnreadablePhoto):
    """Decoding takes more memory than was allowed for this time, or a decoder that is to run in a
    process of its own; it may be possible there."""


def read_photo(
    path: Path,
    *,
    at_least: int | None = None,
    longer: bool = False,
    to_srgb: bool = True,
    most_bytes: int | None = None,
) -> Image.Image:
    """Decode a photo for display or encoding: mode RGB, sRGB colours, upright.

    Transparency becomes white, an animation its first frame, and 16-bit values are scaled.

    Args:
        path: a file; its suffix is ignored.
        at_least: if given, a JPEG may be decoded at 1/2, 1/4 or 1/8 of its size, which is several
            times faster, and other large photos be reduced before colours are converted, which
            saves memory, as long as the shorter side has at least this number of pixels.
        longer: ``at_least`` is of the longer side: enough for a copy within a square of that edge.
        to_srgb: False keeps the RGB and grey values of the file and ignores its colour profile, as
            in CLIP's training and therefore for features; True is for display.
        most_bytes: of memory, if that is less than the limit for every photo.

    Raises:
        HeavyPhoto: with ``most_bytes``: if it takes more, or needs a decoder that runs in a
            process of its own (raw data, TIFF by tifffile).
        UnreadablePhoto: if the photo cannot be decoded, for any reason.
    """
    with opened_photo(path, at_least=at_least, longer=longer, most_bytes=most_bytes) as opened:
        at_least = _shorter(opened, at_least, longer)
        image = _loaded(opened, at_least)
        if not is_large(image):
            return _to_rgb(_upright(image), image.info.get("icc_profile"), to_srgb)
        made = _large_to_rgb(image, reduction(image, at_least), to_srgb)
        made.getexif()[_ORIENTATION] = orientation(image)
        image.im = Image.new(image.mode, (1, 1)).im  # the pixels of it, which are large
        return _upright(made)


def photo_size(source: Path | BinaryIO) -> tuple[int, int]:
    """Width and height of the photo as displayed, without decoding it.

    Args:
        source: a path, or an open, seekable file, whose position is not kept.

    Raises:
        UnreadablePhoto: if the file is not a photo, or too large.
    """
    with opened_photo(source, pixels=False) as image:
        return displayed_size(image)


def displayed_size(image: Image.Image) -> tuple[int, int]:
    """Width and height of an opened photo as displayed."""
    width, height = image.size
    # Pillow already rotates TIFF, and pillow-heif HEIC.
    rotated = image.format not in ("TIFF", "HEIF") and orientation(image) in _SIDEWAYS
    return (height, width) if rotated else (width, height)


# ----------------------------------------------------------------------------- opening


@contextlib.contextmanager
def opened_photo(
    source: Path | BinaryIO,
    *,
    pixels: bool = True,
    at_least: int | None = None,
    longer: bool = False,
    most_bytes: int | None = None,
) -> Iterator[Image.Image]:
    """Open a photo with Pillow, without decoding it.

    Neither a long file nor a header that announces much makes it read or allocate much, and a
    photo whose decoding would take too much memory is not opened.

    Args:
        source: a path, or an open, seekable file, which stays open; its position is not kept.
        pixels: False if only size and metadata are needed, which saves decoding a PNG.
        at_least, longer, most_bytes: as for :func:`read_photo`; without ``pixels``, what thumbnails
            need.

    Raises:
        UnreadablePhoto: for every exception, in the block too.
    """
    if not pixels:
        at_least = SMALL
    try:
        if not pixels and isinstance(source, io.BytesIO):
            plain = plain_jpeg(source.getvalue(), at_least=SMALL)
            if plain is not None:
                yield plain
                return
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(open_regular(source)) if isinstance(source, Path) else source
            if not (size := file.seek(0, os.SEEK_END)):
                raise UnreadablePhoto(N_("The file is empty."))
            if needed_to_open(file) > decoding_limit():
                raise UnreadablePhoto(TOO_MUCH_MEMORY)
            bounded = BoundedReader(file, size)
            image = stack.enter_context(_opened(bounded, pixels=pixels))
            at_least = _shorter(image, at_least, longer)
            if _pixels(image, at_least) > MAX_PIXELS:
                raise UnreadablePhoto(_too_large())
            bounded.opened()
            _check_cost(image, file, at_least, most_bytes)
            yield image
    except UnreadablePhoto:
        raise
    except Exception as error:
        # For damaged files, decoders raise almost anything (SyntaxError, KeyError, struct.error,
        # zlib.error, IndexError), which must not end a scan.
        raise UnreadablePhoto(_reason(error, source)) from error


def _reason(error: Exception, source: Path | BinaryIO) -> str:
    """A sentence for the user: why a photo could not be opened or decoded."""
    match error:
        case RefusedPictureError():
            return error.reason
        case Image.DecompressionBombError():
            return _too_large()
        case MemoryError():
            return NO_MEMORY
        case TooLongError():
            return TOO_LONG
        case UnidentifiedImageError():
            reason = UNKNOWN
        case OSError():
            reason = system_reason(error)
        case _:
            reason = DAMAGED
    # What a decoder cannot say, the structure of the file may.
    return CUT_SHORT if reason in (UNKNOWN, DAMAGED) and _is_cut_short(source) else reason


def _is_cut_short(source: Path | BinaryIO) -> bool:
    with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
        file = stack.enter_context(open_regular(source)) if isinstance(source, Path) else source
        # Looking for the end of a longer one may take longer than somebody waits.
        return file.seek(0, os.SEEK_END) <= _ENDED_BYTES and file_ends.is_cut_short(file)
    return False


def _opened(file: BoundedReader, *, pixels: bool) -> Image.Image:
    # Pillow asks a file for no more than a bounded reader has.
    stream = cast(BinaryIO, without_damage(file) or file)
    stream.seek(0)
    head = stream.read(HEAD_BYTES)
    check_depth(head)
    if (png := clean_png(stream, pixels=pixels)) is not None:
        image = Image.open(cast(BinaryIO, png), formats=("PNG",))
        described(image, png)
        return image
    stream.seek(0)
    if is_tiff(head):
        with contextlib.suppress(UnidentifiedImageError):
            # First of all, because the first page of most raw files is a thumbnail.
            return Image.open(stream, formats=(RAW,))
        if (tiff := opened_tiff(stream)) is not None:
            return tiff
    stream.seek(0)
    formats = (*_FORMATS, "TGA") if is_targa(head) else _FORMATS
    image = Image.open(stream, formats=formats)
    return without_unused_alpha(checked_composite(image), head)


def _shorter(image: Image.Image, at_least: int | None, longer: bool) -> int | None:
    """How many pixels its shorter side is to keep, if ``at_least`` may be of the longer one."""
    if at_least is None or not longer:
        return at_least
    return max(1, -(-at_least * min(image.size) // max(1, *image.size)))


def _pixels(image: Image.Image, at_least: int | None) -> int:
    """How many are decoded."""
    if isinstance(image, DeepTiff):
        return image.pixels(at_least)
    return image.width * image.height


def _needed(image: Image.Image, file: BinaryIO, at_least: int | None) -> int:
    """Bytes that decoding takes, estimated."""
    if isinstance(image, DeepTiff):
        return image.needed_bytes(at_least)
    turned = image.format not in ("TIFF", "HEIF") and orientation(image) != 1
    if isinstance(image, RawImageFile):
        return image.needed_bytes(at_least, turned=turned)
    return needed_bytes(image, file, at_least=at_least, turned=turned)


def _apart(image: Image.Image, at_least: int | None) -> bool:
    """Whether it is decoded by a library that stays out of a process that must not crash."""
    if isinstance(image, RawImageFile):
        return image.apart(at_least)
    return isinstance(image, DeepTiff)


def _check_cost(
    image: Image.Image, file: BinaryIO, at_least: int | None, most_bytes: int | None
) -> None:
    """Refuse a photo that takes too much memory or time to decode.

    Raises:
        UnreadablePhoto: with a sentence.
    """
    needed = _needed(image, file, at_least)
    if needed > decoding_limit():
        raise UnreadablePhoto(TOO_MUCH_MEMORY)
    if in_scans(image, file) and scans(file) > MAX_SCANS:
        raise UnreadablePhoto(TOO_SLOW)
    if most_bytes is not None and (needed > most_bytes or _apart(image, at_least)):
        raise HeavyPhoto(TOO_MUCH_MEMORY)


UNKNOWN = N_("This is not a photo in a format that can be opened, or its beginning is damaged.")
DAMAGED = N_("The file is damaged.")
_GONE = N_("The file is no longer there.")
NO_MEMORY = N_("There is not enough memory to open this photo.")
TOO_MUCH_MEMORY = N_(
    "Opening this photo would take more memory than one photo may use. A smaller copy, or one "
    "saved as JPEG, can be opened."
)
TOO_SLOW = N_("This photo takes too long to open.")
TOO_LONG = N_("The file is too long for a photo.")
CRASHED = N_("Opening this photo crashed its decoder.")
NO_DECODER = N_("Photos cannot be opened: the process that decodes them does not start.")
_NOT_READ = "The file could not be read: "
_FORBIDDEN = N_("You do not have permission to read this file.")
ONLINE_ONLY = N_(
    "The photo is stored online only and was not downloaded. Make it available on this computer, "
    "and the next scan reads it."
)
_FAILING = N_("The disk could not read the file: it may be failing or disconnected.")
_SYSTEM_REASONS = {
    errno.ENOENT: _GONE,
    errno.ENOTDIR: _GONE,
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.ELOOP: N_("The file is a link that leads back to itself."),
    errno.ENAMETOOLONG: N_("The file's name is too long."),
    errno.EIO: _FAILING,
    errno.ENODEV: _FAILING,
    errno.ENXIO: _FAILING,
    errno.ESTALE: _FAILING,
}

_EARLIER = (
    N_(
        "The photo is kept online only and was not fetched. Make it available on this computer, "
        "and it is looked at with the next scan."
    ),
    N_("The disk did not give the file back: it may be failing or unplugged."),
)
"""Wordings of earlier versions, which catalogues still hold."""
_TEMPORARY = frozenset(
    {ONLINE_ONLY, _GONE, _FORBIDDEN, _FAILING, NO_MEMORY, TOO_SLOW, NO_DECODER, *_EARLIER}
)


def system_reason(error: OSError) -> str:
    """A sentence for the user: why a file could not be opened or read."""
    if isinstance(error, NotAFileError):
        return N_("This is not a file.")
    if isinstance(error, BadNameError):
        return N_("The file's name cannot be used.")
    if error.errno is None:  # from a decoder, not from the operating system
        words = str(error).lower()
        if "truncated" in words or "incomplete" in words:
            return CUT_SHORT
        return DAMAGED
    return _SYSTEM_REASONS.get(error.errno, f"{_NOT_READ}{error.strerror}.")


def may_pass(reason: str) -> bool:
    """Whether ``reason`` is about disk, permissions or memory and not about the content, so that
    the same file may be readable later.
    """
    return reason in _TEMPORARY or reason.startswith(_NOT_READ)


def _too_large() -> str:
    return f"The photo has more than {MAX_PIXELS // 1_000_000} megapixels, which is too large."


def _loaded(image: Image.Image, at_least: int | None) -> Image.Image:
    """An opened photo, decoded, and reduced where that spares a copy of the whole."""
    if at_least is not None and (
        isinstance(image, DeepTiff | LargeWebpImageFile) or image.format in _DRAFTED
    ):
        image.draft(None, (at_least, at_least))
    if image.format == "HEIF" and is_large(image):
        return _reduced_heif(image, reduction(image, at_least))
    if is_large(image) and needed_bytes_per_pixel(image, _file(image)) is not None:
        return reduced_avif(image, _file(image), reduction(image, at_least))
    if skipped := skipped_levels(image, _file(image), at_least):
        setattr(image, "reduce", skipped)  # noqa: B010 (elsewhere this is a method)
    cut_short.load(image)
    return image


def _reduced_heif(image: Image.Image, divisor: int) -> Image.Image:
    """A large HEIF at a fraction of its size, of which there never is a whole image of Pillow's."""
    opened = getattr(image, "_heif_file", None) or pillow_heif.open_heif(
        _file(image), convert_hdr_to_8bit=True, remove_stride=False
    )
    picture = opened[opened.primary_index]
    data = memoryview(cast(bytes, picture.data))  # decodes it; only then is its size certain
    made = reduced_pixels(data, picture.mode, picture.size, picture.stride, divisor)
    made.info = dict(image.info)
    return made


def _file(image: Image.Image) -> BinaryIO:
    """What an opened photo is read from."""
    return cast(BinaryIO, getattr(image, "fp", None))


# -------------------------------------------------------------------------- orientation


def orientation(image: Image.Image) -> int:
    """EXIF's orientation of an opened photo, 1 (upright) to 8."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF is common, and the photo is usable without it
        return 1


def _upright(image: Image.Image) -> Image.Image:
    if orientation(image) == 1:
        return image
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # it also rewrites the EXIF block, which may be damaged
        return image


def _is_deep(image: Image.Image) -> bool:
    return image.mode.startswith("I;16") or image.mode in _SIXTEEN_BIT_MODES


# ------------------------------------------------------------------------------ colours


def _to_rgb(image: Image.Image, profile: bytes | None, to_srgb: bool) -> Image.Image:
    if _is_deep(image):
        image = _scaled_to_8_bit(image)
    if image.mode in ("PA", "La", "RGBa") or (
        image.mode in ("P", "L", "RGB", "1") and "transparency" in image.info
    ):
        image = image.convert("RGBA")
    elif image.mode == "P":
        image = image.convert("RGB")
    elif image.mode == "1":
        image = image.convert("L")

    alpha = image.getchannel("A") if image.mode in ("RGBA", "LA") else None
    if alpha is not None:
        image = image.convert("RGB" if image.mode == "RGBA" else "L")
    if not to_srgb and image.mode in ("RGB", "L"):
        profile = None
    if to_srgb and not profile and (profile := image.info.get("made_profile")):
        image = image.convert("RGB")
    image = _to_srgb(image, profile)
    if alpha is not None and alpha.getextrema() != (255, 255):
        white = Image.new("RGB", image.size, _WHITE[:3])
        white.paste(image, mask=alpha)
        image = white
    image.info = {}
    return image


def _large_to_rgb(image: Image.Image, divisor: int, to_srgb: bool) -> Image.Image:
    """As :func:`_to_rgb`, at a fraction of its size and without a copy of the whole."""
    profile = image.info.get("icc_profile")
    eight_bit = _in_8_bits(image) if _is_deep(image) else image.crop

    def strip(box: Box) -> Image.Image:
        part = eight_bit(box)
        if has_alpha(part):  # what is transparent has any colour, of which none may be left
            return reduced(_to_rgb(part, profile, to_srgb), divisor)
        if part.mode in _UNREDUCED:
            part = part.convert(_UNREDUCED[part.mode])
        return _to_rgb(reduced(part, divisor), profile, to_srgb)

    return made_of_strips(image.width, image.height, divisor, strip)


def _scaled_to_8_bit(image: Image.Image) -> Image.Image:
    """Convert 16-bit, 32-bit or floating-point grey to 8 bits; Pillow's own conversion clips."""
    made = made_of_strips(image.width, image.height, 1, _in_8_bits(image))
    made.info = dict(image.info)
    return made


def _in_8_bits(image: Image.Image) -> Callable[[Box], Image.Image]:
    """Gives strips of it, because the arithmetic takes several times the memory of the photo."""
    low, high = _range(image, list(strips(image.width, image.height)))
    table = _scaled(np.arange(_FULL_16 + 1, dtype=np.float32), low, high)

    def strip(box: Box) -> Image.Image:
        if image.mode.startswith("I;16"):
            values = table[np.asarray(image.crop(box))]
        else:
            values = _scaled(_finite(image, box), low, high)
        made = Image.fromarray(values)
        made.info = dict(image.info)
        return made

    return strip


def _range(image: Image.Image, boxes: list[Box]) -> tuple[float, float]:
    """The values that become black and white."""
    if image.mode.startswith("I;16"):
        return 0.0, float(_FULL_16)
    if image.mode == "I":
        return 0.0, float(max(_FULL_16, *(_finite(image, box).max() for box in boxes)))
    # Floating-point grey has no fixed range: [0, 1] by convention, else the actual range.
    low, high = 0.0, 1.0
    for box in boxes:
        values = _finite(image, box)
        low, high = min(low, float(values.min())), max(high, float(values.max()))
    return low, high


def _scaled(values: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.rint(((values - low) * (255.0 / (high - low))).clip(0, 255)).astype(np.uint8)


def _finite(image: Image.Image, box: tuple[int, int, int, int]) -> np.ndarray:
    values = np.asarray(image.crop(box)).astype(np.float32)
    # Twenty times faster than to replace what is hardly ever there.
    if np.isfinite(values.min()) and np.isfinite(values.max()):
        return values
    return np.nan_to_num(values, posinf=0.0, neginf=0.0)


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if image.mode == "LAB":
        transform = _lab_transform()
    elif profile:
        transform = _transform(_Profile(profile), image.mode)
    else:
        transform = None
    if transform is not None:
        # Pillow's stubs allow None here; without in_place it is always an image.
        converted = transform.apply(image)
        if converted is not None:
            return converted
    return image if image.mode == "RGB" else image.convert("RGB")


class _Profile:
    """An ICC profile as a cache key, hashed only once."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._digest = hashlib.sha1(data, usedforsecurity=False).digest()

    def __hash__(self) -> int:
        return hash(self._digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Profile) and self._digest == other._digest


@lru_cache(maxsize=64)
def _transform(profile: _Profile, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Transform from ``profile`` to sRGB, or None if it changes nothing or the profile is damaged.

    Lookup tables are computed once per profile.  A littlecms transform has no state while it is
    applied, so threads can share it.
    """
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile.data))
        transform = ImageCms.buildTransform(source, _srgb(), mode, "RGB")
        return None if mode == "RGB" and _changes_nothing(transform) else transform
    except Exception:  # damaged, or for a different number of channels
        return None


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    """Whether a transform is the identity except for rounding: there are many variants of sRGB."""
    levels = np.array([0, 16, 32, 64, 96, 128, 160, 192, 224, 255], np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(-1, len(levels), 3)
    image = Image.fromarray(cube)
    changed = np.asarray(transform.apply(image)).astype(int)
    return int(np.abs(changed - cube).max()) <= _ROUNDING


@lru_cache(maxsize=1)
def _lab_transform() -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(ImageCms.createProfile("LAB"), _srgb(), "LAB", "RGB")


@lru_cache(maxsize=1)
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
