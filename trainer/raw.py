"""Raw files of cameras, as a format of Pillow's (imports no torch).

Opening one reads its header by :mod:`trainer.raw_headers`.  Decoding takes the smallest of the
camera's own JPEG previews that is large enough, without LibRaw; else LibRaw develops the raw data
at half its size.  LibRaw is a parser of dozens of formats in C++: it runs only in the process that
decodes photos (see :attr:`RawImageFile.apart`), never in the window's and not in the encoder's.
"""

from __future__ import annotations

import contextlib
import io
from typing import Any

from PIL import Image, ImageFile

from trainer.raw_headers import Exif, Preview, RawHeader, RawHeaderError, read_raw_header
from trainer.refused_picture import RefusedPictureError
from trainer.texts import N_

FORMAT = "RAW"

UNSUPPORTED = N_("The raw format of this camera cannot be read.")
CUT_SHORT = N_("The file is cut short: part of the photo is missing.")

_HALF_BYTES = 7.5
"""Per pixel of the sensor, to develop at half the size: raw data, four channels, the photo twice.
Measured with LibRaw 0.22 at 24 megapixels, rounded up."""
_LINEAR_BYTES = 24.0
"""The same for raw data that has three colours per pixel, which is not halved."""
_STORED, _SPARE = 4.0, 1.05
_READ_BYTES = 64 << 20
_HALF = 0.45
"""Of the shorter side: what the largest preview must have where all of the photo is wanted."""
_SAME_SHAPE = 0.1
_SRGB_GAMMA = (2.4, 12.92)
_LEAST_BYTES_PER_PIXEL = 1 / 1000


class RawImageFile(ImageFile.ImageFile):
    """A raw file; ``size`` is as the camera crops it, and after decoding that of what was decoded.

    Pixels are as stored, to be turned by EXIF's orientation.
    """

    format = FORMAT

    def _open(self) -> None:
        length = self._file.seek(0, io.SEEK_END)
        try:
            self._header = read_raw_header(self._read, length)
        except RawHeaderError as error:
            raise SyntaxError(str(error)) from error
        self._length = length
        self._at_least: int | None = None
        self._mode = "RGB"
        self._size = (self._header.width, self._header.height)
        if self._header.xmp:
            self.info["xmp"] = self._header.xmp
        if self._header.iptc:
            self.info["photoshop"] = {0x0404: self._header.iptc}

    @property
    def header(self) -> RawHeader:
        return self._header

    def apart(self, at_least: int | None) -> bool:
        """Whether LibRaw is needed to decode it."""
        return self._preview(at_least) is None

    def needed_bytes(self, at_least: int | None, *, turned: bool) -> int:
        """Memory that decoding will take, estimated, as :func:`.photo_limits.needed_bytes`."""
        width, height = self._decoded_size(at_least)
        stored = (_STORED + 4.0 * turned) * width * height
        if (preview := self._preview(at_least)) is not None:
            # A progressive JPEG has two bytes for each coefficient.
            return int(_SPARE * (stored + preview.length + 6.0 * preview.width * preview.height))
        each = _LINEAR_BYTES if self._header.linear else _HALF_BYTES
        return int(_SPARE * (stored + self._length + each * self._header.raw_pixels))

    def draft(
        self, mode: str | None, size: tuple[int, int] | None
    ) -> tuple[str, tuple[int, int, float, float]] | None:
        """Decode at least ``size`` pixels; see Pillow's."""
        del mode
        self._at_least = min(size) if size else None
        return None

    def load(self) -> Any:
        """Decode it; see Pillow's.

        Raises:
            RefusedPictureError: with a sentence, if LibRaw cannot.
        """
        if self._im is None:
            preview = self._preview(self._at_least)
            picture = self._shown(preview) if preview else self._developed()
            picture = self._as_stored(picture)
            self.im, self._mode, self._size = picture.im, picture.mode, picture.size
            if profile := picture.info.get("icc_profile"):
                self.info["icc_profile"] = profile
        return super().load()

    def getexif(self) -> Image.Exif:
        """EXIF, from wherever the raw format has it."""
        if self._exif is None:
            self._exif = Image.Exif()
            self._exif._loaded = True
            if self._header.exif is not None:
                self._load_exif(self._exif, self._header.exif)
        return self._exif

    # -------------------------------------------------------------------------- inside

    @property
    def _file(self) -> Any:
        assert self.fp is not None
        return self.fp

    def _read(self, start: int, count: int) -> bytes:
        if start < 0 or count < 0:
            raise RawHeaderError("beyond the end")
        self._file.seek(start)
        data = self._file.read(count)
        if len(data) != count:
            raise RawHeaderError("beyond the end")
        return data

    def _preview(self, at_least: int | None) -> Preview | None:
        """The smallest preview that is large enough."""
        header = self._header
        shorter = min(header.width, header.height)
        wanted = int(_HALF * shorter) if at_least is None else min(at_least, int(_HALF * shorter))
        enough = [item for item in header.previews if item.shorter >= wanted]
        return (enough[0] if at_least is None else enough[-1]) if enough else None

    def _decoded_size(self, at_least: int | None) -> tuple[int, int]:
        if (preview := self._preview(at_least)) is not None:
            return preview.width, preview.height
        divisor = 1 if self._header.linear else 2
        return self._header.width // divisor, self._header.height // divisor

    def _shown(self, preview: Preview) -> Image.Image:
        data = io.BytesIO(self._read(preview.start, preview.length))
        with Image.open(data, formats=("JPEG",)) as picture:
            if self._at_least is not None:
                picture.draft(None, (self._at_least, self._at_least))
            picture.load()
            return picture

    def _developed(self) -> Image.Image:
        parts = self._header.raw_parts
        held = sum(stop - start for start, stop in parts)
        # LibRaw makes black of what is missing.
        if any(stop > self._length for _start, stop in parts) or (
            parts and held < _LEAST_BYTES_PER_PIXEL * self._header.raw_pixels
        ):
            raise RefusedPictureError(CUT_SHORT)
        import rawpy  # noqa: PLC0415 (only the process that decodes photos needs LibRaw)

        content = io.BytesIO()
        self._file.seek(0)
        while data := self._file.read(min(_READ_BYTES, self._length - content.tell())):
            content.write(data)
        content.seek(0)
        try:
            with rawpy.imread(content) as raw:
                found = self._camera_jpeg(raw)
                return found if found is not None else _half(raw)
        except (rawpy.LibRawUnsufficientMemoryError, rawpy.LibRawTooBigError) as error:
            raise MemoryError from error
        except (
            rawpy.LibRawFileUnsupportedError,
            rawpy.LibRawNotImplementedError,
            rawpy.NotSupportedError,
        ) as error:
            raise RefusedPictureError(UNSUPPORTED) from error

    def _camera_jpeg(self, raw: Any) -> Image.Image | None:
        """The preview that only LibRaw finds, if it is large enough."""
        import rawpy  # noqa: PLC0415

        # A damaged one costs the preview: the raw data is developed then.
        with contextlib.suppress(rawpy.LibRawError, OSError, SyntaxError, ValueError):
            found = raw.extract_thumb()
            if found.format == rawpy.ThumbFormat.JPEG:
                picture = Image.open(io.BytesIO(found.data), formats=("JPEG",))
                shorter = int(_HALF * min(self._header.width, self._header.height))
                if min(picture.size) >= (min(self._at_least or shorter, shorter)):
                    picture.load()
                    return picture
        return None

    def _as_stored(self, picture: Image.Image) -> Image.Image:
        """Without what some cameras did already: most previews lie as the sensor does."""
        width, height = self._header.width, self._header.height
        sideways = self._header.orientation in (5, 6, 7, 8)
        if not sideways or abs(width - height) < _SAME_SHAPE * max(width, height):
            return picture
        if (picture.width > picture.height) == (width > height):
            return picture
        method = _BACK[self._header.orientation]
        turned = picture.transpose(method)
        turned.info = dict(picture.info)
        return turned

    def _load_exif(self, exif: Image.Exif, where: Exif) -> None:
        with contextlib.suppress(Exception):  # damaged EXIF costs the metadata, not the photo
            if where.data:
                exif.load(where.data)
                for tag, data in where.inner.items():
                    inner = Image.Exif()
                    inner.load(data)
                    exif.get_ifd(tag).update(inner)
            else:
                exif.endian = ">" if where.big_endian else "<"
                exif.load_from_fp(self._file, where.place)


_BACK = {
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""What undoes an orientation of EXIF."""


def _half(raw: Any) -> Image.Image:
    """Developed at half the size, in sRGB, with the camera's white balance and LibRaw's own
    brightness; not turned, and cropped as the camera does."""
    import rawpy  # noqa: PLC0415

    sizes = raw.sizes
    pixels = raw.postprocess(
        half_size=True,
        use_camera_wb=True,
        gamma=_SRGB_GAMMA,
        output_color=rawpy.ColorSpace.sRGB,
        output_bps=8,
        user_flip=0,
    )
    picture = Image.fromarray(pixels)
    scale = picture.width / max(1, sizes.width)
    left, top = sizes.crop_left_margin - sizes.left_margin, sizes.crop_top_margin - sizes.top_margin
    box = (left, top, left + sizes.crop_width, top + sizes.crop_height)
    if min(left, top) < 0 or sizes.crop_width <= 0 or sizes.crop_height <= 0:
        return picture
    if box[2] > sizes.width or box[3] > sizes.height:
        return picture
    left, top, right, bottom = (round(scale * side) for side in box)
    return picture.crop((left, top, right, bottom))


def _accept(prefix: bytes) -> bool:
    return prefix[:4] in _HEADS or prefix[4:12] == b"ftypcrx "


_HEADS = (b"II*\0", b"MM\0*", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FUJI")

Image.register_open(FORMAT, RawImageFile, _accept)
