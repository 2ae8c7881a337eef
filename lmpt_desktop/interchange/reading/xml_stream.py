"""XML of unknown origin, read as a stream: no document type, no entities, bounded memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO
from xml.parsers import expat

from lmpt_desktop.interchange.errors import FileMalformed
from lmpt_desktop.translation import _

CHUNK_BYTES = 64 * 1024
MAX_TOKEN_BYTES = 16 * 1024 * 1024
"""Of one tag with its attributes, which expat keeps whole; masks are the longest."""
MAX_DEPTH = 256
"""Elements within each other: expat remembers them all, 140 bytes each."""
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"} | {c: f"&#{ord(c)};" for c in "\t\n\r"}
)


class XmlReader:
    """Calls handlers as a file is read.

    Args:
        start: called with name and attributes of each element that begins.
        end: called with the name of each that ends.
        text: called with pieces of text.
        local_names: whether names of elements are given without their namespace.
    """

    def __init__(
        self,
        path: Path,
        start: Callable[[str, dict[str, str]], None],
        end: Callable[[str], None],
        text: Callable[[str], None] = lambda _text: None,
        *,
        local_names: bool = False,
    ) -> None:
        self._path = path
        self._handle_start = _of_local_name(start) if local_names else start
        self._handle_end = _of_local_name(end) if local_names else end
        self._depth = 0
        self._parser = expat.ParserCreate(namespace_separator=" " if local_names else None)
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = text
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.EntityDeclHandler = self._refuse
        self._parser.buffer_text = True

    @property
    def line(self) -> int:
        """From 1."""
        return self._parser.CurrentLineNumber

    def parse(self, file: BinaryIO) -> Iterator[None]:
        """Reads a chunk between any two yields.

        Raises:
            FileMalformed: with a sentence.
            InterchangeError: as reading the file does.
        """
        fed = 0
        while True:
            data = file.read(CHUNK_BYTES)
            fed += len(data)
            try:
                self._parser.Parse(data, not data)
            except expat.ExpatError as error:
                self._fail(expat.ErrorString(error.code))
            except (LookupError, ValueError):
                self._fail(_("its encoding is not known"))
            if not data:
                return
            if fed - max(self._parser.CurrentByteIndex, 0) > MAX_TOKEN_BYTES:
                self._fail(_("one of its elements is too large"))
            yield

    def parse_all(self, file: BinaryIO) -> None:
        """Reads to the end.  Raises as :meth:`parse`."""
        for _chunk in self.parse(file):
            pass

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._fail(_("its elements are nested too deeply"))
        self._handle_start(name, attributes)

    def _end(self, name: str) -> None:
        self._depth -= 1
        self._handle_end(name)

    def _refuse(self, *_arguments: object) -> None:
        self._fail(_("it has a document type, which is not read"))

    def _fail(self, reason: str) -> None:
        raise FileMalformed(
            _("{path} is not valid XML: {reason} (line {line}).").format(
                path=self._path, reason=reason, line=self.line
            )
        )


def _of_local_name(handler: Callable[..., None]) -> Callable[..., None]:
    return lambda name, *attributes: handler(name.rpartition(" ")[2], *attributes)


def xml_safe(text: str) -> str:
    """The text with U+FFFD instead of characters that XML cannot hold."""
    return _ILLEGAL.sub("\ufffd", text)


def xml_escaped(text: str) -> str:
    """For an attribute's value in double quotes, or between tags; reads back as
    :func:`xml_safe`."""
    return xml_safe(text).translate(_ESCAPES)
