"""The description and the date in an XMP packet.

Read with expat directly: packets are untrusted, so one with a document type (which allows entity
bombs and access to other files) is refused before anything is expanded, as defusedxml does.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.parsers import expat

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_DESCRIPTION = "http://purl.org/dc/elements/1.1/ description"
_DATES = (
    "http://ns.adobe.com/exif/1.0/ DateTimeOriginal",
    "http://ns.adobe.com/photoshop/1.0/ DateCreated",
    "http://ns.adobe.com/exif/1.0/ DateTimeDigitized",
    "http://ns.adobe.com/xap/1.0/ CreateDate",
)
"""When the picture was taken, the surest first."""
_ITEM = f"{_RDF} li"
_LANGUAGE = "http://www.w3.org/XML/1998/namespace lang"
MAX_BYTES = 1024 * 1024
"""Real packets have kilobytes; a larger one carries previews and is not worth the time."""


@dataclass(frozen=True)
class XmpFacts:
    """``description`` is in the default language, else in any, else ""; ``dates`` are texts as
    written, the surest first."""

    description: str = ""
    dates: tuple[str, ...] = ()


class _RefusedError(Exception):
    """The packet has a document type."""


class _Reader:
    """Collects the text of every language of dc:description, and the dates."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self.dates: dict[str, str] = {}
        self._inside = 0
        self._date = ""
        self._language = ""
        self._text: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        # The short form writes simple properties as attributes of rdf:Description.
        if _DESCRIPTION in attributes:
            self.found.setdefault("x-default", attributes[_DESCRIPTION])
        for date in _DATES:
            if date in attributes:
                self.dates.setdefault(date, attributes[date])
        if name == _DESCRIPTION:
            self._inside += 1
            self._language, self._text = "x-default", []
        elif self._inside and name == _ITEM:
            self._language, self._text = attributes.get(_LANGUAGE, "x-default"), []
        elif name in _DATES:
            self._date, self._text = name, []

    def data(self, text: str) -> None:
        if self._inside or self._date:
            self._text.append(text)

    def end(self, name: str) -> None:
        if self._inside and name in (_ITEM, _DESCRIPTION):
            text = "".join(self._text).strip()
            if text:
                self.found.setdefault(self._language, text)
            self._text = []
        if name == _DESCRIPTION:
            self._inside -= 1
        elif name == self._date:
            self.dates.setdefault(name, "".join(self._text))
            self._date, self._text = "", []


def _refuse(*_: object) -> None:
    raise _RefusedError


def facts(packet: bytes | str) -> XmpFacts:
    """What a packet says of its photo; nothing if it is damaged or forbidden."""
    data = packet.encode("utf-8", "replace") if isinstance(packet, str) else packet
    data = data.strip(b"\0 \t\r\n")
    if not data or len(data) > MAX_BYTES:
        return XmpFacts()
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.StartElementHandler = reader.start
    parser.CharacterDataHandler = reader.data
    parser.EndElementHandler = reader.end
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, _RefusedError, ValueError, LookupError):
        return XmpFacts()
    found = reader.found.get("x-default") or next(iter(reader.found.values()), "")
    return XmpFacts(found, tuple(reader.dates[date] for date in _DATES if date in reader.dates))


def description(packet: bytes | str) -> str:
    """The default language's dc:description, else any language's, else ""."""
    return facts(packet).description
