"""JPEG XL, as a format of Pillow's (imports no torch).

Opening reads the header by :mod:`trainer.jpeg_xl_headers`; libjxl, from imagecodecs, decodes.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageFile

from trainer.jpeg_xl_headers import (
    CODESTREAM,
    CONTAINER,
    Colours,
    DamagedHeaderError,
    Header,
    boxes,
    metadata_box,
    read_header,
)
from trainer.refused_picture import RefusedPictureError
from trainer.texts import N_

FORMAT = "JXL"
UNSUPPORTED = N_("This photo has kinds of colours that cannot be shown.")

_THREADS = min(4, os.cpu_count() or 1)
"""libjxl cannot decode at less than the full size, so that one photo may wait for seconds."""
_LOSSY_BYTES, _LOSSLESS_BYTES = 8.0, 24.0
"""Per pixel, of libjxl 0.11 with one to four threads beside what it gives; measured: 0 to 4, and
22."""
_ORIENTATION = 274
_JPEG_BOX = b"jbrd"
_BLACK = 4
_COLOURS = {1: 1, 2: 1, 3: 3, 4: 3}
"""How many of so many channels are colours; the last of an even number is alpha."""
_MAX_METADATA = 4 << 20
_STEPS = 1024
_REFERENCE_WHITE = 203.0
"""cd/m2 of what is white in a photo of high dynamic range (ITU-R BT.2408)."""
_D65 = (0.3127, 0.3290)
_SRGB = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06)


class JpegXlImageFile(ImageFile.ImageFile):
    """A JPEG XL photo; of an animation the first frame.  Pixels are as stored, 8 bits."""

    format = FORMAT

    def _open(self) -> None:
        self._length = self._file.seek(0, io.SEEK_END)
        try:
            self._header = read_header(self._file, self._length)
        except DamagedHeaderError as error:
            raise SyntaxError("no JPEG XL") from error
        self._mode = _mode(self._header)
        self._size = (self._header.width, self._header.height)
        with contextlib.suppress(Exception):  # damaged metadata costs no photo
            if packet := self._metadata(b"xml "):
                self.info["xmp"] = packet

    @property
    def codec_bytes(self) -> float:
        """Memory that decoding takes beside the pixels."""
        # A JPEG that was packed once more is lossless, but made of blocks as lossy ones are.
        in_blocks = self._header.xyb or self._was_jpeg
        depth = 4 if self._header.floating else 2 if self._header.bits > 8 else 0
        given = len(self.getbands()) * (1 + 3 * depth)
        codec = _LOSSY_BYTES if in_blocks else _LOSSLESS_BYTES
        return self._length + (codec + given) * self.width * self.height

    def load(self) -> Any:
        """Decode it; see Pillow's.

        Raises:
            RefusedPictureError: with a sentence, if its colours cannot be shown.
        """
        if self._im is None:
            if _BLACK in self._header.channels:
                raise RefusedPictureError(UNSUPPORTED)
            import imagecodecs  # noqa: PLC0415 (slow to import, and only for pixels)

            self._file.seek(0)
            data = self._file.read(self._length)
            picture = self._packed_jpeg(data)
            if picture is not None:
                self.info["icc_profile"] = picture.info["icc_profile"]
            else:
                pixels = imagecodecs.jpegxl_decode(
                    data, index=0, keeporientation=True, numthreads=_THREADS
                )
                picture = self._picture(pixels)
                if _own_light(self._header) is None and (profile := _profile(self._header)):
                    self.info["icc_profile"] = profile
            self.im, self._mode, self._size = picture.im, picture.mode, picture.size
        return super().load()

    def getexif(self) -> Image.Exif:
        """EXIF, with the orientation of the codestream, which counts."""
        if self._exif is None:
            self._exif = Image.Exif()
            self._exif._loaded = True
            with contextlib.suppress(Exception):
                block = self._metadata(b"Exif")
                start = 4 + int.from_bytes(block[:4], "big")
                if len(block) > start:
                    self._exif.load(block[start:])
            self._exif[_ORIENTATION] = self._header.orientation
        return self._exif

    # -------------------------------------------------------------------------- inside

    @property
    def _file(self) -> Any:
        assert self.fp is not None
        return self.fp

    def _metadata(self, kind: bytes) -> bytes:
        data, packed = metadata_box(self._file, self._length, kind)
        if not packed:
            return data
        import imagecodecs  # noqa: PLC0415

        return bytes(imagecodecs.brotli_decode(data, out=bytearray(_MAX_METADATA)))

    @property
    def _was_jpeg(self) -> bool:
        return any(box.kind == _JPEG_BOX for box in boxes(self._file, self._length))

    def _packed_jpeg(self, data: bytes) -> Image.Image | None:
        """The JPEG that was packed once more, where it has an ICC profile, which libjxl gives only
        with it; None if it has none, or cannot be had."""
        import imagecodecs  # noqa: PLC0415

        if not self._header.colours.icc or self._header.xyb or not self._was_jpeg:
            return None
        # Without it, the photo is shown without its profile.
        with contextlib.suppress(Exception):
            jpeg = io.BytesIO(imagecodecs.jpegxl_decode_jpeg(data, numthreads=_THREADS))
            with Image.open(jpeg, formats=("JPEG",)) as picture:
                if picture.size == self.size and picture.info.get("icc_profile"):
                    picture.load()
                    return picture
        return None

    def _picture(self, pixels: np.ndarray) -> Image.Image:
        header = self._header
        if pixels.ndim == 3 and pixels.shape[2] == 1:
            pixels = pixels[:, :, 0]
        channels = 1 if pixels.ndim == 2 else pixels.shape[2]
        if channels > 4 or pixels.shape[:2] != (header.height, header.width):
            raise RefusedPictureError(UNSUPPORTED)
        light = _own_light(header)
        colours = pixels if channels == 1 else pixels[..., : _COLOURS[channels]]
        made = _to_8_bit(colours, header, light)
        if not channels % 2:
            made = np.dstack([made, _to_8_bit(pixels[..., -1], header, None)])
        pixels = made
        picture = Image.fromarray(np.ascontiguousarray(pixels))
        if channels == 4 and header.premultiplied:
            picture = Image.frombytes("RGBa", picture.size, picture.tobytes()).convert("RGBA")
        return picture


def _mode(header: Header) -> str:
    return ("L" if header.grey else "RGB") + ("A" if 0 in header.channels else "")


def _to_8_bit(
    values: np.ndarray, header: Header, light: Callable[[np.ndarray], np.ndarray] | None
) -> np.ndarray:
    """Values of sRGB where ``light`` says what they are, else the same values."""
    if values.dtype.kind == "f":
        shares = np.nan_to_num(values.astype(np.float32), nan=0.0).clip(0, 1)
        return np.rint(255 * (shares if light is None else _srgb_of(light(shares)))).astype(
            np.uint8
        )
    if values.dtype == np.uint8 and light is None:
        return values
    full = 255 if values.dtype == np.uint8 else (1 << min(header.bits, 16)) - 1
    shares = np.arange(1 << 8 * values.dtype.itemsize).clip(0, full) / full
    table = np.rint(255 * (shares if light is None else _srgb_of(light(shares))))
    return table.astype(np.uint8)[values]


def _own_light(header: Header) -> Callable[[np.ndarray], np.ndarray] | None:
    """How values become linear light, where that is all that makes them differ from sRGB."""
    colours = header.colours
    if header.xyb and colours.icc:
        # libjxl gives linear light then: it does not apply the profile.
        return _CURVES[8]
    if colours.is_srgb or colours.icc or not (header.grey or _has_srgb_primaries(colours)):
        return None
    return _curve(colours)


def _has_srgb_primaries(colours: Colours) -> bool:
    return not (colours.white or colours.primaries)


def _srgb_of(light: np.ndarray) -> np.ndarray:
    light = light.clip(0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@lru_cache(maxsize=16)
def _profile(header: Header) -> bytes:
    """An ICC profile of colours that are not sRGB; b"" for those that are, and if unknown."""
    colours = header.colours
    curve = None if header.grey or colours.icc or colours.is_srgb else _curve(colours)
    if curve is None:
        return b""
    import imagecodecs  # noqa: PLC0415

    light = curve(np.linspace(0, 1, _STEPS)).clip(0, 1)
    return bytes(
        imagecodecs.cms_profile(
            "rgb",
            whitepoint=list(colours.white or _D65),
            primaries=list(colours.primaries or _SRGB),
            transferfunction=np.rint(65535 * light).astype(np.uint16),
        )
    )


def _curve(colours: Colours) -> Callable[[np.ndarray], np.ndarray] | None:
    """From values in [0, 1] to linear light, 1 for white; None if it is not known."""
    if not colours.transfer:
        return lambda coded: coded ** (1 / max(colours.gamma, 0.1))
    return _CURVES.get(colours.transfer)


def _of_bt709(coded: np.ndarray) -> np.ndarray:
    return np.where(coded < 0.081, coded / 4.5, ((coded + 0.099) / 1.099) ** (1 / 0.45))


def _of_srgb(coded: np.ndarray) -> np.ndarray:
    return np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)


def _of_pq(coded: np.ndarray) -> np.ndarray:
    root = coded ** (32 / 2523)
    above = np.maximum(root - 107 / 128, 0) / (2413 / 128 - 2392 / 128 * root)
    return 10000 / _REFERENCE_WHITE * above ** (16384 / 2610)


def _of_hlg(coded: np.ndarray) -> np.ndarray:
    upper = (np.exp((coded - 0.55991073) / 0.17883277) + 0.28466892) / 12
    scene = np.where(coded <= 0.5, coded**2 / 3, upper)
    return 1000 / _REFERENCE_WHITE * scene**1.2


_CURVES: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: _of_bt709,
    8: lambda coded: coded,
    13: _of_srgb,
    16: _of_pq,
    17: lambda coded: coded**2.6,
    18: _of_hlg,
}
"""By code point of ITU-T H.273."""


def _accept(prefix: bytes) -> bool:
    return prefix.startswith((CODESTREAM, CONTAINER))


Image.register_open(FORMAT, JpegXlImageFile, _accept)
