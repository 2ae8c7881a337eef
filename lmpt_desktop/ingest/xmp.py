"""What an XMP packet says of its photo: description, date, keywords, place and rights.

Read with expat directly: packets are untrusted, so one with a document type (which allows entity
bombs and access to other files) is refused before anything is expanded, as defusedxml does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any
from xml.parsers import expat

from lmpt_desktop.domain.photo_details import MOST_KEYWORDS, Place
from lmpt_desktop.ingest.exif_details import place

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_DC, _EXIF, _PHOTOSHOP = (
    "http://purl.org/dc/elements/1.1/",
    "http://ns.adobe.com/exif/1.0/",
    "http://ns.adobe.com/photoshop/1.0/",
)
_DESCRIPTION, _TITLE, _SUBJECT, _CREATOR, _RIGHTS = (
    f"{_DC} {name}" for name in ("description", "title", "subject", "creator", "rights")
)
_HEADLINE = f"{_PHOTOSHOP} Headline"
_DATES = (
    f"{_EXIF} DateTimeOriginal",
    f"{_PHOTOSHOP} DateCreated",
    f"{_EXIF} DateTimeDigitized",
    "http://ns.adobe.com/xap/1.0/ CreateDate",
)
"""When the picture was taken, the surest first."""
_MAKE, _MODEL = (f"http://ns.adobe.com/tiff/1.0/ {name}" for name in ("Make", "Model"))
_LENSES = (
    "http://cipa.jp/exif/1.0/ LensModel",
    "http://ns.adobe.com/exif/1.0/aux/ Lens",
)
_LATITUDE, _LONGITUDE, _ALTITUDE, _ALTITUDE_SIDE = (
    f"{_EXIF} GPS{name}" for name in ("Latitude", "Longitude", "Altitude", "AltitudeRef")
)
_WANTED = frozenset(
    (
        *(_DESCRIPTION, _TITLE, _SUBJECT, _CREATOR, _RIGHTS, _HEADLINE, _MAKE, _MODEL),
        *(*_DATES, *_LENSES, _LATITUDE, _LONGITUDE, _ALTITUDE, _ALTITUDE_SIDE),
    )
)
_ROOT = f"{_RDF} RDF"
_ITEM = f"{_RDF} li"
_LANGUAGE = "http://www.w3.org/XML/1998/namespace lang"
_DEFAULT = "x-default"
_COORDINATE = re.compile(
    r"(?P<degrees>[0-9]{1,3}),(?P<minutes>[0-9]{1,3}(?:\.[0-9]+)?)"
    r"(?:,(?P<seconds>[0-9]{1,3}(?:\.[0-9]+)?))?(?P<side>[NSEW])"
)
_RATIONAL = re.compile(r"(-?[0-9]{1,12}(?:\.[0-9]{1,12})?)(?:/([0-9]{1,12}))?")
MAX_BYTES = 1024 * 1024
"""Real packets have kilobytes; a larger one carries previews and is not worth the time."""
_MOST_ITEMS = 4 * MOST_KEYWORDS
"""Of a list."""


@dataclass(frozen=True)
class XmpFacts:
    """What a packet says; nothing where it does not.

    Attributes:
        description, title, rights: in the default language, else in any.
        dates: texts as written, the surest first.
        keywords: of ``dc:subject``.
        headline: one line, as newspapers have it.
        creators: names.
        make, model, lens: of the camera.
        place: where it was taken.
    """

    description: str = ""
    dates: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    title: str = ""
    headline: str = ""
    rights: str = ""
    creators: tuple[str, ...] = ()
    make: str = ""
    model: str = ""
    lens: str = ""
    place: Place | None = None


NOTHING = XmpFacts()


class _RefusedError(Exception):
    """The packet has a document type."""


class _Reader:
    """Collects the texts of the wanted properties, by language where they have one.

    Only properties of the photo count: some programs keep those of other photos deeper inside.
    """

    def __init__(self) -> None:
        self.found: dict[str, list[tuple[str, str]]] = {}
        self._depth = 0
        self._root = 0
        self._property = ""
        self._language = ""
        self._text: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if name == _ROOT and not self._root:
            self._root = self._depth
        elif self._root and self._depth == self._root + 1:
            # The short form writes simple properties as attributes of rdf:Description.
            for key in _WANTED & attributes.keys():
                self._add(key, _DEFAULT, attributes[key])
        elif self._root and self._depth == self._root + 2 and name in _WANTED:
            self._property, self._language, self._text = name, _DEFAULT, []
        elif self._property and name == _ITEM:
            self._language, self._text = attributes.get(_LANGUAGE, _DEFAULT), []

    def data(self, text: str) -> None:
        if self._property:
            self._text.append(text)

    def end(self, name: str) -> None:
        if self._property and (name == _ITEM or self._depth == self._root + 2):
            self._add(self._property, self._language, "".join(self._text))
            self._text = []
            if name != _ITEM:
                self._property = ""
        self._depth -= 1

    def _add(self, name: str, language: str, text: str) -> None:
        items = self.found.setdefault(name, [])
        if (text := text.strip()) and len(items) < _MOST_ITEMS:
            items.append((language, text))

    def one(self, *names: str) -> str:
        """Of the first of these properties that says something: in the default language, else
        in any."""
        for name in names:
            if items := self.found.get(name):
                return next((text for language, text in items if language == _DEFAULT), items[0][1])
        return ""

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(text for _language, text in self.found.get(name, ()))


def _refuse(*_: object) -> None:
    raise _RefusedError


def facts(packet: bytes | str) -> XmpFacts:
    """What a packet says of its photo; nothing if it is damaged or forbidden."""
    data = packet.encode("utf-8", "replace") if isinstance(packet, str) else packet
    data = data.strip(b"\0 \t\r\n")
    if not data or len(data) > MAX_BYTES:
        return NOTHING
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
        return NOTHING
    return XmpFacts(
        description=reader.one(_DESCRIPTION),
        dates=tuple(text for date in _DATES if (text := reader.one(date))),
        keywords=reader.all(_SUBJECT),
        title=reader.one(_TITLE),
        headline=reader.one(_HEADLINE),
        rights=reader.one(_RIGHTS),
        creators=reader.all(_CREATOR),
        make=reader.one(_MAKE),
        model=reader.one(_MODEL),
        lens=reader.one(*_LENSES),
        place=_place(reader),
    )


def joined(packets: Sequence[XmpFacts]) -> XmpFacts:
    """Of several packets: of each fact what the first says that says it, and all keywords."""
    if len(packets) <= 1:
        return packets[0] if packets else NOTHING
    first: dict[str, Any] = {
        item.name: next(filter(None, (getattr(one, item.name) for one in packets)), item.default)
        for item in fields(XmpFacts)
    }
    keywords = tuple(dict.fromkeys(word for one in packets for word in one.keywords))
    return XmpFacts(**{**first, "keywords": keywords})


def _place(reader: _Reader) -> Place | None:
    latitude, longitude = (_degrees(reader.one(name)) for name in (_LATITUDE, _LONGITUDE))
    if latitude is None or longitude is None:
        return None
    altitude = _number(reader.one(_ALTITUDE))
    if altitude is not None and reader.one(_ALTITUDE_SIDE) == "1":
        altitude = -altitude
    return place(latitude, longitude, altitude)


def _degrees(text: str) -> float | None:
    """Of ``52,31.2N`` or ``52,31,12N``."""
    found = _COORDINATE.fullmatch(text.strip())
    if found is None:
        return None
    seconds = float(found["seconds"] or 0)
    sum_ = int(found["degrees"]) + float(found["minutes"]) / 60 + seconds / 3600
    return -sum_ if found["side"] in "SW" else sum_


def _number(text: str) -> float | None:
    """Of ``1234/10``, or a number alone."""
    found = _RATIONAL.fullmatch(text.strip())
    below = float(found[2] or 1) if found else 0.0
    return float(found[1]) / below if found and below else None


def description(packet: bytes | str) -> str:
    """The default language's dc:description, else any language's, else ""."""
    return facts(packet).description
