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
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pillow_heif
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from trainer.png_metadata import without_pixels
from trainer.regular_file import BadNameError, NotAFileError, open_regular
from trainer.texts import N_

_SUFFIXES = (
    "jpg jpeg jpe jfif mpo png apng gif webp avif avifs heic heics heif hif "
    "tif tiff bmp dib jp2 j2k jpx jpf ppm pgm pbm pnm"
)
PHOTO_SUFFIXES = frozenset(f".{name}" for name in _SUFFIXES.split(" "))
"""Lower-case suffixes of files to try; the content decides."""

MAX_PIXELS = 200_000_000
"""Larger photos are refused: decoding one takes about 1 GB of memory."""

# Listed explicitly, because some of Pillow's formats start other programs (EPS), and old animation
# formats only cause trouble.
_FORMATS = ("JPEG", "PNG", "WEBP", "HEIF", "AVIF", "TIFF", "GIF", "BMP", "JPEG2000", "PPM")

_ORIENTATION = 0x0112
_SIDEWAYS = (5, 6, 7, 8)
_WHITE = (255, 255, 255, 255)
_SIXTEEN_BIT_MODES = ("I", "F")
_FULL_16 = 65535
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


def read_photo(path: Path, *, at_least: int | None = None, to_srgb: bool = True) -> Image.Image:
    """Decode a photo for display or encoding: mode RGB, sRGB colours, upright.

    Transparency becomes white, an animation its first frame, and 16-bit values are scaled.

    Args:
        path: a file; its suffix is ignored.
        at_least: if given, a JPEG may be decoded at 1/2, 1/4 or 1/8 of its size, which is several
            times faster, as long as its shorter side has at least this number of pixels.
        to_srgb: False keeps the RGB and grey values of the file and ignores its colour profile, as
            in CLIP's training and therefore for features; True is for display.

    Raises:
        UnreadablePhoto: if the photo cannot be decoded, for any reason.
    """
    with opened_photo(path) as image:
        if at_least is not None and image.format in ("JPEG", "MPO"):
            image.draft(None, (at_least, at_least))
        image.load()
        profile = image.info.get("icc_profile")
        return _to_rgb(_upright(image), profile, to_srgb)


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
def opened_photo(source: Path | BinaryIO, *, pixels: bool = True) -> Iterator[Image.Image]:
    """Open a photo with Pillow, without decoding it.

    Args:
        source: a path, or an open, seekable file, which stays open; its position is not kept.
        pixels: False if only size and metadata are needed, which saves decoding a PNG.

    Raises:
        UnreadablePhoto: for every exception, in the block too.
    """
    try:
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(open_regular(source)) if isinstance(source, Path) else source
            if not file.seek(0, os.SEEK_END):
                raise UnreadablePhoto(N_("The file is empty."))
            image = stack.enter_context(_opened(file) if pixels else _opened_for_metadata(file))
            if image.width * image.height > MAX_PIXELS:
                raise UnreadablePhoto(_too_large())
            yield image
    except UnreadablePhoto:
        raise
    except Image.DecompressionBombError as error:
        raise UnreadablePhoto(_too_large()) from error
    except MemoryError as error:
        raise UnreadablePhoto(NO_MEMORY) from error
    except UnidentifiedImageError as error:
        raise UnreadablePhoto(
            N_("This is not a photo in a format that can be opened, or its beginning is damaged.")
        ) from error
    except OSError as error:
        raise UnreadablePhoto(system_reason(error)) from error
    except Exception as error:
        # For damaged files, decoders raise almost anything (SyntaxError, KeyError, struct.error,
        # zlib.error, IndexError), which must not end a scan.
        raise UnreadablePhoto(N_("The file is damaged.")) from error


def _opened(file: BinaryIO) -> Image.Image:
    file.seek(0)
    return Image.open(file, formats=_FORMATS)


def _opened_for_metadata(file: BinaryIO) -> Image.Image:
    head = without_pixels(file)
    if head is not None:
        # Damage among what was left out matters only to the pixels.
        with contextlib.suppress(Exception):
            image = _opened(head)
            if not image.info.keys() & {"exif", "Raw profile type exif"}:
                image.info["exif"] = b""  # else Pillow looks for it behind the pixels
            return image
    return _opened(file)


_GONE = N_("The file is no longer there.")
NO_MEMORY = N_("There is not enough memory to open this photo.")
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
_TEMPORARY = frozenset({ONLINE_ONLY, _GONE, _FORBIDDEN, _FAILING, NO_MEMORY, *_EARLIER})


def system_reason(error: OSError) -> str:
    """A sentence for the user: why a file could not be opened or read."""
    if isinstance(error, NotAFileError):
        return N_("This is not a file.")
    if isinstance(error, BadNameError):
        return N_("The file's name cannot be used.")
    if error.errno is None:  # from a decoder, not from the operating system
        words = str(error).lower()
        if "truncated" in words or "incomplete" in words:
            return N_("The file is cut short: part of the photo is missing.")
        return N_("The file is damaged.")
    return _SYSTEM_REASONS.get(error.errno, f"{_NOT_READ}{error.strerror}.")


def may_pass(reason: str) -> bool:
    """Whether ``reason`` is about disk, permissions or memory and not about the content, so that
    the same file may be readable later.
    """
    return reason in _TEMPORARY or reason.startswith(_NOT_READ)


def _too_large() -> str:
    return f"The photo has more than {MAX_PIXELS // 1_000_000} megapixels, which is too large."


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


# ------------------------------------------------------------------------------ colours


def _to_rgb(image: Image.Image, profile: bytes | None, to_srgb: bool) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode in _SIXTEEN_BIT_MODES:
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
    image = _to_srgb(image, profile)
    if alpha is not None and alpha.getextrema() != (255, 255):
        white = Image.new("RGB", image.size, _WHITE[:3])
        white.paste(image, mask=alpha)
        image = white
    image.info = {}
    return image


def _scaled_to_8_bit(image: Image.Image) -> Image.Image:
    """Convert 16-bit, 32-bit or floating-point grey to 8 bits; Pillow's own conversion clips."""
    values = np.asarray(image).astype(np.float32)
    values = np.nan_to_num(values, posinf=0.0, neginf=0.0)
    if image.mode == "F":
        # Floating-point grey has no fixed range: [0, 1] by convention, else the actual range.
        low, high = min(0.0, float(values.min())), max(1.0, float(values.max()))
    else:
        low, high = 0.0, float(max(_FULL_16, values.max()))
    scaled = (values - low) * (255.0 / (high - low))
    return Image.fromarray(np.rint(scaled.clip(0, 255)).astype(np.uint8), "L")


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
