"""XMP packets: their keywords, and where in the packet they are.

Read with expat directly: packets are untrusted, so one with a document type (which allows entity
bombs and access to other files) is refused before anything is expanded.  Depth, size and counts
are bounded.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple
from xml.parsers import expat

from lmpt_desktop.interchange.errors import FileMalformed, FileTooLarge
from lmpt_desktop.interchange.reading.source_files import MAX_SMALL_FILE_BYTES
from lmpt_desktop.translation import _

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
OURS = "urn:uuid:4f6b0d0e-7f0a-4c55-9a3c-2c5c2f4a8f51#"
"""Our own namespace: what no standard has a place for.  A UUID, because it needs no domain that
somebody else may own one day.  It never changes."""

MAX_DEPTH = 256
MAX_ELEMENTS = 500_000
MAX_KEYWORDS = 20_000
"""Of one list in one packet."""
MAX_KEYWORD_CHARACTERS = 20_000


class KeywordList(StrEnum):
    """Properties that hold keywords, by the name under which we remember them."""

    SUBJECT = "subject"
    """``dc:subject``: flat."""
    HIERARCHICAL = "hierarchical"
    """``lr:hierarchicalSubject``: paths with ``|`` between parts."""
    TAGS = "tags"
    """``digiKam:TagsList``: paths with ``/`` between parts."""
    LAST_KEYWORD = "last-keyword"
    """``MicrosoftPhoto:LastKeywordXMP``: paths with ``/`` between parts; only read."""
    ABSENT = "absent"
    """Our own: classes that a person says the photo does not have."""


_MICROSOFT = "http://ns.microsoft.com/photo/1.0"
PROPERTIES = {
    "http://purl.org/dc/elements/1.1/ subject": KeywordList.SUBJECT,
    "http://ns.adobe.com/lightroom/1.0/ hierarchicalSubject": KeywordList.HIERARCHICAL,
    "http://www.digikam.org/ns/1.0/ TagsList": KeywordList.TAGS,
    f"{_MICROSOFT}/ LastKeywordXMP": KeywordList.LAST_KEYWORD,
    f"{_MICROSOFT} LastKeywordXMP": KeywordList.LAST_KEYWORD,
    f"{OURS} absent": KeywordList.ABSENT,
}
"""By expanded name."""

_RDF = f"{RDF} RDF"
_DESCRIPTION = f"{RDF} Description"
_CONTAINERS = frozenset(f"{RDF} {name}" for name in ("Bag", "Seq", "Alt"))
_ITEM = f"{RDF} li"
_VALUE = f"{RDF} value"
_KINDS = {
    **{("property", name): "container" for name in _CONTAINERS},
    ("container", _ITEM): "item",
    # <rdf:li><rdf:Description><rdf:value>...: a keyword with qualifiers
    ("item", _DESCRIPTION): "qualified",
    ("item", _VALUE): "value",
    ("qualified", _VALUE): "value",
}
"""What an element is, by what is around it and its name."""
_ABOUT = (f"{RDF} about", "about")

# Possessive, so that no input takes more than linear time.
_START_TAG = re.compile(rb"<[^\"'>]*+(?:\"[^\"]*+\"[^\"'>]*+|'[^']*+'[^\"'>]*+)*+>")
_ATTRIBUTE = re.compile(rb"\s++([^\s=\"'<>/]++)\s*+=\s*+(\"[^\"]*+\"|'[^']*+')")
_NAME = re.compile(rb"<([^\s/>]++)")
_DECLARED = re.compile(rb"<\?xml\s[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_MOST_DECLARED = 256
_SINGLE_BYTE = frozenset(("ascii", "iso8859-1", "iso8859-15", "cp1252"))
_PADDING = " \t\r\n\0"


@dataclass(frozen=True)
class Span:
    """A part of a packet, as byte offsets: ``start`` included, ``stop`` not."""

    start: int
    stop: int


@dataclass
class Item:
    """An ``rdf:li``: its text, and where it is."""

    text: str
    span: Span


@dataclass
class Property:
    """An element that holds keywords.

    Attributes:
        which: its list.
        span: where it is, tags included.
        name: as written, such as ``dc:subject``.
        tag: its start tag.
        items: the ``rdf:li`` of its container; [] if it has no container.
        text: of an element without a container, stripped.
    """

    which: KeywordList
    span: Span
    name: str
    tag: Span
    items: list[Item] = field(default_factory=list)
    text: str = ""


@dataclass
class Attribute:
    """A list written as an attribute of ``rdf:Description``."""

    which: KeywordList
    text: str
    description: Span
    """The start tag."""


@dataclass
class Packet:
    """What a packet says, and where.

    Offsets are of ``data``, the packet as UTF-8 without a byte-order mark.

    Attributes:
        data: the packet.
        rdf: the ``rdf:RDF`` element; None if there is none, so that this is no XMP.
        rdf_tag: its start tag.
        rdf_children: its children.
        about: what the first descriptions are about, as written, with quotes; "" if they do not
            say.
        properties, attributes: what holds keywords.
        prefixes: by namespace, the first that is declared for it.
    """

    data: bytes
    rdf: Span | None = None
    rdf_tag: Span | None = None
    rdf_children: list[Span] = field(default_factory=list)
    about: str = ""
    properties: list[Property] = field(default_factory=list)
    attributes: list[Attribute] = field(default_factory=list)
    prefixes: dict[str, str] = field(default_factory=dict)

    def keywords(self, which: KeywordList) -> list[str]:
        """Of one list, in order, each once; surrounding white space is no part of them."""
        found: dict[str, None] = {}
        for attribute in self.attributes:
            if attribute.which is which:
                found.setdefault(attribute.text.strip())
        for item in self.properties:
            if item.which is which:
                found.setdefault(item.text)
                found.update(dict.fromkeys(entry.text for entry in item.items))
        found.pop("", None)
        return list(found)


@dataclass(frozen=True)
class Encoded:
    """How a packet is stored.

    Attributes:
        mark: its byte-order mark, or b"".
        codec: of the rest.
        tail: padding after it.
    """

    mark: bytes
    codec: str
    tail: bytes

    def encode(self, data: bytes) -> bytes:
        """The bytes of a file whose packet is ``data`` (UTF-8)."""
        body = data.decode("utf-8").encode(self.codec, "xmlcharrefreplace")
        return self.mark + body + self.tail


def decode(raw: bytes) -> tuple[bytes, Encoded]:
    """A packet as UTF-8, and how to store it so that the same bytes come out again.

    Raises:
        FileTooLarge: if it has more than 16 MiB.
        FileMalformed: with a sentence, if it is not text in a known encoding.
    """
    if len(raw) > MAX_SMALL_FILE_BYTES:
        raise FileTooLarge(_("The XMP data is too large."))
    mark, codec = _encoding(raw)
    body = raw[len(mark) :]
    try:
        text = body.decode(codec)
        # A surrogate or an overlong form could not be written back as it was.
        if text.encode(codec) != body:
            raise ValueError
        stripped = text.rstrip(_PADDING)
        data = stripped.encode("utf-8")
        tail = text[len(stripped) :].encode(codec)
    except ValueError as error:
        raise FileMalformed(
            _("The XMP data is not valid {encoding} text.").format(encoding=codec.upper())
        ) from error
    return data, Encoded(mark, codec, tail)


def _encoding(raw: bytes) -> tuple[bytes, str]:
    """The byte-order mark and the codec of the rest."""
    for mark, codec in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if raw.startswith(mark):
            return mark, codec
    if raw[:2] == b"<\0":
        return b"", "utf-16-le"
    if raw[:2] == b"\0<":
        return b"", "utf-16-be"
    if found := _DECLARED.match(raw[:_MOST_DECLARED]):
        try:
            name = codecs.lookup(found[1].decode("ascii")).name
        except LookupError:
            name = ""
        if name in _SINGLE_BYTE:
            return b"", name
        if name != "utf-8":
            raise FileMalformed(
                _("The XMP data is in the encoding {name}, which is not supported.").format(
                    name=found[1].decode("ascii")
                )
            )
    return b"", "utf-8"


def read_packet(raw: bytes) -> tuple[Packet, Encoded]:
    """Read the packet in a side file or photo.

    Raises:
        FileMalformed, FileTooLarge: with a sentence, whatever the bytes are.
    """
    data, encoded = decode(raw)
    return parse(data), encoded


def parse(data: bytes) -> Packet:
    """Read a packet that is UTF-8 without a byte-order mark.

    Raises:
        FileMalformed, FileTooLarge: with a sentence, whatever the bytes are.
    """
    reader = _Reader(data)
    parser = reader.parser
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise FileMalformed(
            _("The XMP data is damaged: line {line} is not well-formed XML.").format(
                line=error.lineno
            )
        ) from error
    except (ValueError, LookupError) as error:
        raise FileMalformed(_("The XMP data is damaged.")) from error
    return reader.packet


class _Reader:
    """Follows the elements of a packet.

    ``_path`` holds what each open element is to us: "rdf", "description", "property",
    "container", "item", "value", or "" for anything else.
    """

    def __init__(self, data: bytes) -> None:
        self.packet = Packet(data)
        self._data = data
        self._path: list[tuple[str, Span]] = []
        self._elements = 0
        self._text: list[str] = []
        self._characters = 0
        self._value: str | None = None
        self._property: Property | None = None
        self._counts: dict[KeywordList, int] = {}
        # Without an encoding of its own, a declaration in the packet would count.
        self.parser = parser = expat.ParserCreate("utf-8", " ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _refuse
        parser.EntityDeclHandler = _refuse
        parser.StartNamespaceDeclHandler = self._declare
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters_found

    def _declare(self, prefix: str | None, uri: str | None) -> None:
        if prefix and uri and len(self.packet.prefixes) < MAX_DEPTH:
            self.packet.prefixes.setdefault(uri, prefix)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if len(self._path) >= MAX_DEPTH or self._elements > MAX_ELEMENTS:
            raise FileTooLarge(_("The XMP data has too many elements."))
        kind = self._kind(name)
        tag = self._tag() if kind else Span(0, 0)
        packet = self.packet
        if kind == "rdf":
            packet.rdf_tag = tag
        elif kind == "description":
            self._describe(attributes, tag)
        elif kind == "property":
            self._property = Property(PROPERTIES[name], tag, name_of(self._data, tag.start), tag)
            self._text, self._characters = [], 0
        elif kind in ("item", "value"):
            self._text, self._characters = [], 0
        self._path.append((kind, tag))

    def _kind(self, name: str) -> str:
        if name == _RDF:
            return "rdf" if self.packet.rdf_tag is None else ""
        above = self._path[-1][0] if self._path else ""
        if above == "rdf":
            # What a typed node describes is the photo, too; nobody writes one.
            return "description" if name == _DESCRIPTION else "other"
        if above == "description":
            return "property" if name in PROPERTIES else ""
        return _KINDS.get((above, name), "")

    def _describe(self, attributes: dict[str, str], tag: Span) -> None:
        packet = self.packet
        if not packet.about:
            for written in attributes_of(self._data, tag):
                if written.name.rpartition(":")[2] == "about" and any(
                    name in attributes for name in _ABOUT
                ):
                    packet.about = written.value
        for name, value in attributes.items():
            if (which := PROPERTIES.get(name)) is not None:
                self._count(which, value)
                packet.attributes.append(Attribute(which, value, tag))

    def _characters_found(self, text: str) -> None:
        if self._property is None or self._path[-1][0] not in ("property", "item", "value"):
            return
        self._characters += len(text)
        if self._characters > MAX_KEYWORD_CHARACTERS:
            raise FileTooLarge(_("The XMP data has a keyword that is too long."))
        self._text.append(text)

    def _end(self, _name: str) -> None:
        kind, tag = self._path.pop()
        if not kind:
            return
        span = Span(tag.start, self._stop(tag))
        packet, current = self.packet, self._property
        if kind == "rdf":
            packet.rdf = span
        elif kind in ("description", "other"):
            packet.rdf_children.append(span)
        elif kind == "property" and current is not None:
            current.span = span
            if not current.items:
                current.text = "".join(self._text).strip()
                self._count(current.which, current.text)
            packet.properties.append(current)
            self._property = None
        elif kind == "value":
            self._value = "".join(self._text).strip()
        elif kind == "item" and current is not None:
            text = "".join(self._text).strip() if self._value is None else self._value
            self._value = None
            self._count(current.which, text)
            current.items.append(Item(text, span))
            self._text = []

    def _count(self, which: KeywordList, text: str) -> None:
        self._counts[which] = count = self._counts.get(which, 0) + 1
        if count > MAX_KEYWORDS or len(text) > MAX_KEYWORD_CHARACTERS:
            raise FileTooLarge(_("The XMP data has too many keywords."))

    def _tag(self) -> Span:
        """The start tag that expat is at."""
        start = self.parser.CurrentByteIndex
        found = _START_TAG.match(self._data, start)
        if found is None:
            raise FileMalformed(_("The XMP data is damaged."))
        return Span(start, found.end())

    def _stop(self, tag: Span) -> int:
        """Where the element that ends now, and began with ``tag``, stops."""
        if self._data[tag.stop - 2 : tag.stop] == b"/>":
            return tag.stop
        return self._data.index(b">", self.parser.CurrentByteIndex) + 1


def name_of(data: bytes, start: int) -> str:
    """The name, as written, of the element that begins at ``start``."""
    found = _NAME.match(data, start)
    return found[1].decode() if found else ""


class WrittenAttribute(NamedTuple):
    """An attribute as written: ``name`` with its prefix, ``value`` with its quotes; ``span``
    includes the white space before it."""

    name: str
    value: str
    span: Span


def attributes_of(data: bytes, tag: Span) -> list[WrittenAttribute]:
    """The attributes of a start tag."""
    attributes: list[WrittenAttribute] = []
    name = _NAME.match(data, tag.start, tag.stop)
    place = name.end() if name else tag.stop
    while found := _ATTRIBUTE.match(data, place, tag.stop):
        place = found.end()
        span = Span(found.start(), place)
        attributes.append(WrittenAttribute(found[1].decode(), found[2].decode(), span))
    return attributes


def _refuse(*_arguments: object) -> None:
    raise FileMalformed(_("The XMP data has a document type, which is refused."))
