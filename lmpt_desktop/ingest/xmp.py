"""The description in an XMP packet.

Read with expat directly: packets are untrusted, so one with a document type (which allows entity
bombs and access to other files) is refused before anything is expanded, as defusedxml does.
"""

from __future__ import annotations

from xml.parsers import expat

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_DESCRIPTION = "http://purl.org/dc/elements/1.1/ description"
_ITEM = f"{_RDF} li"
_LANGUAGE = "http://www.w3.org/XML/1998/namespace lang"
_MAX_BYTES = 1024 * 1024
"""Real packets have kilobytes; a larger one carries previews and is not worth the time."""


class _RefusedError(Exception):
    """The packet has a document type."""


class _Reader:
    """Collects the text of every language of dc:description."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._inside = 0
        self._language = ""
        self._text: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        # The short form writes the description as an attribute of rdf:Description.
        if _DESCRIPTION in attributes:
            self.found.setdefault("x-default", attributes[_DESCRIPTION])
        if name == _DESCRIPTION:
            self._inside += 1
            self._language, self._text = "x-default", []
        elif self._inside and name == _ITEM:
            self._language, self._text = attributes.get(_LANGUAGE, "x-default"), []

    def data(self, text: str) -> None:
        if self._inside:
            self._text.append(text)

    def end(self, name: str) -> None:
        if self._inside and name in (_ITEM, _DESCRIPTION):
            text = "".join(self._text).strip()
            if text:
                self.found.setdefault(self._language, text)
            self._text = []
        if name == _DESCRIPTION:
            self._inside -= 1


def _refuse(*_: object) -> None:
    raise _RefusedError


def description(packet: bytes | str) -> str:
    """The default language's dc:description, else any language's, else "".

    A damaged or forbidden packet has none.
    """
    data = packet.encode() if isinstance(packet, str) else packet
    data = data.strip(b"\0 \t\r\n")
    if not data or len(data) > _MAX_BYTES:
        return ""
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
        return ""
    return reader.found.get("x-default") or next(iter(reader.found.values()), "")
