"""From a file to pixels: the one place where photos are read (imports no torch).

Files lie: the content decides the format, not the suffix; sizes are checked before anything
is decoded; whatever goes wrong becomes an :class:`UnreadablePhoto` with a sentence, so that
one bad file costs one photo and not a scan.  All functions may be called from any thread.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import stat
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

_SUFFIXES = (
    "jpg jpeg jpe jfif mpo png apng gif webp avif avifs heic heics heif hif "
    "tif tiff bmp dib jp2 j2k jpx jpf ppm pgm pbm pnm"
)
PHOTO_SUFFIXES = frozenset(f".{name}" for name in _SUFFIXES.split(" "))
"""Suffixes, in lower case, of files worth trying; the content decides."""

MAX_PIXELS = 200_000_000
"""Larger photos are refused: decoding one takes about 1 GB of memory."""

# Named, because some of Pillow's formats start other programs (EPS) or fetch little but
# trouble (old animation formats).
_FORMATS = ("JPEG", "PNG", "WEBP", "HEIF", "AVIF", "TIFF", "GIF", "BMP", "JPEG2000", "PPM")

_ORIENTATION = 0x0112
_SIDEWAYS = (5, 6, 7, 8)
_WHITE = (255, 255, 255, 255)
_SIXTEEN_BIT_MODES = ("I", "F")
_FULL_16 = 65535
_ROUNDING = 3
"""Levels of 255 by which two spellings of sRGB differ at most."""

pillow_heif.register_heif_opener()
# Pillow's own limit, which it also applies inside files, warns at one and raises at two times
# this value; ours is the same for every format and has no warning.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


class UnreadablePhoto(Exception):  # noqa: N818  (a state of a photo, and a word of the glossary)
    """A file cannot be shown or encoded; ``reason`` is a sentence for the user."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_photo(path: Path, *, at_least: int | None = None, to_srgb: bool = True) -> Image.Image:
    """The photo as people see it: mode RGB, sRGB colours, upright.

    Transparent places become white, an animation its first frame, 16-bit values are scaled.

    Args:
        path: a file; its suffix does not matter.
        at_least: when given, a JPEG may be decoded at 1/2, 1/4 or 1/8 of its size, which is
            several times faster, as long as its shorter side keeps this many pixels.
        to_srgb: False leaves RGB and grey values as the file has them, whatever its colour
            profile.  CLIP's training did so, hence so do features; people want True.

    Raises:
        UnreadablePhoto: for whatever reason the pixels cannot be had.
    """
    with _opened(path) as image:
        if at_least is not None and image.format in ("JPEG", "MPO"):
            image.draft(None, (at_least, at_least))
        image.load()
        profile = image.info.get("icc_profile")
        return _to_rgb(_upright(image), profile, to_srgb)


def photo_size(path: Path) -> tuple[int, int]:
    """Width and height of the photo as displayed, without decoding it.

    Raises:
        UnreadablePhoto: if the file is no photo, or too large.
    """
    with _opened(path) as image:
        width, height = image.size
        # Pillow already turns TIFF, pillow-heif HEIC.
        turned = image.format not in ("TIFF", "HEIF") and _orientation(image) in _SIDEWAYS
        return (height, width) if turned else (width, height)


# ----------------------------------------------------------------------------- opening


@contextlib.contextmanager
def _opened(path: Path) -> Any:
    """Open ``path`` with Pillow; translate every failure inside the block."""
    _check_file(path)
    try:
        with Image.open(path, formats=_FORMATS) as image:
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
            "This is not a photo in a format that can be opened, or its beginning is damaged."
        ) from error
    except OSError as error:
        raise UnreadablePhoto(_system_reason(error)) from error
    except Exception as error:
        # Decoders fed with damaged files raise nearly anything (SyntaxError, KeyError,
        # struct.error, zlib.error, IndexError); none of it may end a scan.
        raise UnreadablePhoto("The file is damaged.") from error


def _check_file(path: Path) -> None:
    try:
        status = path.stat()
    except OSError as error:
        raise UnreadablePhoto(_system_reason(error)) from error
    except ValueError as error:  # a NUL in the name
        raise UnreadablePhoto("The file's name cannot be used.") from error
    # A pipe or device would block a thread for ever.
    if not stat.S_ISREG(status.st_mode):
        raise UnreadablePhoto("This is not a file.")
    if status.st_size == 0:
        raise UnreadablePhoto("The file is empty.")


_GONE = "The file is no longer there."
NO_MEMORY = "There is not enough memory to open this photo."
_NOT_READ = "The file could not be read: "
_FORBIDDEN = "You do not have permission to read this file."
ONLINE_ONLY = (
    "The photo is kept online only and was not fetched. Make it available on this computer, and "
    "it is looked at with the next scan."
)
_FAILING = "The disk did not give the file back: it may be failing or unplugged."
_SYSTEM_REASONS = {
    errno.ENOENT: _GONE,
    errno.ENOTDIR: _GONE,
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.ELOOP: "The file is a link that leads back to itself.",
    errno.ENAMETOOLONG: "The file's name is too long.",
    errno.EIO: _FAILING,
    errno.ENODEV: _FAILING,
    errno.ENXIO: _FAILING,
    errno.ESTALE: _FAILING,
}

_PASSING = frozenset({ONLINE_ONLY, _GONE, _FORBIDDEN, _FAILING, NO_MEMORY})


def _system_reason(error: OSError) -> str:
    if error.errno is None:  # raised by a decoder, not by the system
        words = str(error).lower()
        if "truncated" in words or "incomplete" in words:
            return "The file is cut short: part of the photo is missing."
        return "The file is damaged."
    return _SYSTEM_REASONS.get(error.errno, f"{_NOT_READ}{error.strerror}.")


def may_pass(reason: str) -> bool:
    """Whether ``reason`` is about the disk, permissions or memory, and not about the content:
    the same file, unchanged, may well open the next time."""
    return reason in _PASSING or reason.startswith(_NOT_READ)


def _too_large() -> str:
    return f"The photo has more than {MAX_PIXELS // 1_000_000} megapixels, which is too large."


# -------------------------------------------------------------------------- orientation


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF is common and no reason to lose the photo
        return 1


def _upright(image: Image.Image) -> Image.Image:
    if _orientation(image) == 1:
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
    """Grey of 16 or 32 bits or floating point to 8 bits; Pillow's own conversion clips."""
    values = np.asarray(image).astype(np.float32)
    values = np.nan_to_num(values, posinf=0.0, neginf=0.0)
    if image.mode == "F":
        # Floating-point greys have no fixed range: [0, 1] by habit, else what is there.
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
        # Two steps of Pillow's stubs disagree about None here; without in_place it is an image.
        converted = transform.apply(image)
        if converted is not None:
            return converted
    return image if image.mode == "RGB" else image.convert("RGB")


class _Profile:
    """An ICC profile as a cache key: hashed once, so that lookups cost nothing."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._digest = hashlib.sha1(data, usedforsecurity=False).digest()

    def __hash__(self) -> int:
        return hash(self._digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Profile) and self._digest == other._digest


@lru_cache(maxsize=64)
def _transform(profile: _Profile, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From ``profile`` to sRGB, or None where there is nothing to do or the profile is bad.

    Lookup tables are computed once per profile; littlecms keeps no state in a transform
    while applying it, so threads share them.
    """
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile.data))
        transform = ImageCms.buildTransform(source, _srgb(), mode, "RGB")
        return None if mode == "RGB" and _changes_nothing(transform) else transform
    except Exception:  # damaged, or meant for another number of channels
        return None


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    """Whether a transform is the identity but for rounding: the many spellings of sRGB."""
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
