"""Icons of Windows (.ico), as a format of Pillow's: the largest picture of the file (imports no
torch).

Pillow's own reader decodes when it opens, which a scan must not do, and takes the sizes that the
directory says.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Any

from PIL import IcoImagePlugin, Image, ImageFile

FORMAT = "ICON"
_HEAD = b"\0\0\1\0"
_PNG = b"\x89PNG\r\n\x1a\n"
_MOST_BYTES = 64 << 20
"""Of one picture."""


@dataclass(frozen=True)
class _Frame:
    """``entry``: of the directory, as stored."""

    entry: bytes
    start: int
    length: int
    width: int
    height: int


class IconImageFile(ImageFile.ImageFile):
    """The largest picture of an icon, decoded when it is loaded."""

    format = FORMAT

    def _open(self) -> None:
        head = self._file.read(6)
        if head[:4] != _HEAD:
            raise SyntaxError("no icon")
        entries = self._file.read(16 * int.from_bytes(head[4:6], "little"))
        frames = [self._frame(entries[at : at + 16]) for at in range(0, len(entries) - 15, 16)]
        found = [frame for frame in frames if frame is not None]
        if not found:
            raise SyntaxError("no picture in the icon")
        # Of the same size, that of most colours.
        self._found = max(
            found, key=lambda frame: (frame.width * frame.height, frame.entry[6:8][::-1])
        )
        self._mode = "RGBA"
        self._size = (self._found.width, self._found.height)

    def load(self) -> Any:
        """Decode it; see Pillow's."""
        if self._im is None:
            self._file.seek(self._found.start)
            data = self._file.read(self._found.length)
            # An icon of this picture alone.
            entry = self._found.entry[:8] + struct.pack("<II", len(data), 22)
            icon = IcoImagePlugin.IcoFile(io.BytesIO(_HEAD + b"\1\0" + entry + data))
            picture = icon.frame(0)
            picture.load()
            picture = picture.convert("RGBA")
            self.im, self._size = picture.im, picture.size
        return super().load()

    @property
    def _file(self) -> Any:
        assert self.fp is not None
        return self.fp

    def _frame(self, entry: bytes) -> _Frame | None:
        """A picture, by its own header; None if that is damaged."""
        length, start = struct.unpack_from("<II", entry, 8)
        self._file.seek(start)
        head = self._file.read(24)
        if len(head) < 24 or not 24 <= length <= _MOST_BYTES:
            return None
        if head[:8] == _PNG:
            width, height = struct.unpack_from(">II", head, 16)
        else:
            # Twice as high as the picture, for a mask below it.
            size, width, height = struct.unpack_from("<Iii", head)
            height //= 2
            if size != 40:
                return None
        return _Frame(entry, start, length, width, height) if min(width, height) > 0 else None


Image.register_open(FORMAT, IconImageFile, lambda prefix: prefix.startswith(_HEAD))
