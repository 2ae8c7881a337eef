"""Our own format: JSON Lines, a photo a line, which loses nothing.

    {"library":{"format":"lmpt-desktop","version":1,"classes":[{"name":"dog"}]},
     "path":"a/b.jpg","folder":"/photos","present":["dog"],"absent":[],"reviewed":false,
     "state":"ok","fingerprint":"...","file_hash":"...","picture_hash":"..."}

(on one line).  ``library`` is in the first line only.  Left out where there is nothing to say:
``predicted`` (names) and ``scores`` (by name), ``sources`` of annotations that are not the user's
own ("reviewed", "import", "machine", by name), ``split``, ``caption``, ``width`` and ``height``,
``raw_files`` (names of raw files beside the photo that are part of it).
Of a file without photos the first line has ``library`` only.

UTF-8; a line with bytes of a file name that are not UTF-8, or with a character at which some
programs end a line, is ASCII with escapes instead.  Keys that are not known are ignored.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from lmpt_desktop.domain.records import ClassSpec, ImageState, Source, Verdict
from lmpt_desktop.interchange.errors import FileMalformed
from lmpt_desktop.interchange.format import ExportFacts, Format
from lmpt_desktop.interchange.reading.foreign_text import EXCERPT_CHARACTERS, MAX_PIXELS
from lmpt_desktop.interchange.reading.json_lines import json_lines
from lmpt_desktop.interchange.reading.source_files import Sample, SourceFile
from lmpt_desktop.interchange.record import (
    PREDICTION,
    BadRow,
    ClassRecord,
    FileFacts,
    ImageRecord,
    Origin,
    Reading,
)
from lmpt_desktop.translation import N_, _

NAME = "lmpt-desktop"
VERSION = 1
PRESENT, ABSENT, PREDICTED = "present", "absent", "predicted"
"""The keys whose lists name classes, and the ``value`` of the classes in them."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_STATES = frozenset({"", *(state.key for state in ImageState)})
_ORIGINS = {
    item.value: Origin.MACHINE if item is Source.MACHINE else Origin.HUMAN for item in Source
}
_USER = Source.USER.value
_OURS = re.compile(rb'\s*\{\s*"library"\s*:\s*\{\s*"format"\s*:\s*"lmpt-desktop"')
_ESCAPED = re.compile("[\x85\u2028\u2029\ud800-\udfff]")
# Python's own escapes for bytes that are not UTF-8 are the only surrogates that a path may have.
_NO_PATH = re.compile("[\0\ud800-\udc7f\udd00-\udfff]")
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode
_encode_ascii = json.JSONEncoder(check_circular=False, separators=(",", ":")).encode


# ---------------------------------------------------------------------------------- writing


def _write(records: Iterable[ImageRecord], facts: ExportFacts, path: Path) -> None:
    library = {
        "format": NAME,
        "version": VERSION,
        "classes": [_class_body(spec) for spec in facts.classes],
    }
    head: dict[str, Any] = {"library": library}
    with path.open("xb") as file:
        for record in records:
            file.write(_line(head | _body(record)))
            head = {}
        if head:
            file.write(_line(head))


def _class_body(spec: ClassSpec) -> dict[str, Any]:
    body: dict[str, Any] = {"name": spec.name}
    if spec.description:
        body["description"] = spec.description
    if spec.aliases:
        body["aliases"] = list(spec.aliases)
    if spec.colour:
        body["colour"] = spec.colour
    return body


def _body(record: ImageRecord) -> dict[str, Any]:
    names: dict[str, list[str]] = {PRESENT: [], ABSENT: [], PREDICTED: []}
    sources: dict[str, str] = {}
    scores: dict[str, float] = {}
    for item in record.classes:
        name, source = item.name, item.source
        if source == PREDICTION:
            names[PREDICTED].append(name)
            if item.score is not None:
                scores[name] = item.score
            continue
        names[PRESENT if item.verdict is Verdict.PRESENT else ABSENT].append(name)
        if source != _USER:
            sources[name] = source
    body: dict[str, Any] = {
        "path": record.path,
        "folder": record.folder,
        "present": names[PRESENT],
        "absent": names[ABSENT],
        "reviewed": record.reviewed,
        "state": record.state,
    }
    optional = {
        "predicted": names[PREDICTED],
        "scores": scores,
        "sources": sources,
        "split": record.split,
        "caption": record.caption,
        "width": record.width,
        "height": record.height,
        "raw_files": list(record.raw_files),
    }
    body |= {key: value for key, value in optional.items() if value}
    body["fingerprint"] = record.fingerprint
    body["file_hash"] = record.file_hash
    body["picture_hash"] = record.picture_hash
    return body


def _line(body: dict[str, Any]) -> bytes:
    text = _encode(body)
    if not text.isascii() and _ESCAPED.search(text):
        text = _encode_ascii(body)
    return text.encode() + b"\n"


# ---------------------------------------------------------------------------------- reading


def _sniff(sample: Sample) -> str:
    head = sample.head.removeprefix(_BYTE_ORDER_MARK)
    if _OURS.match(head):
        return _("LMPT Desktop wrote it: its first line says so.")
    try:
        body = _parsed(head.splitlines()[0])
    except (_Bad, IndexError):
        return ""
    if isinstance(body.get("path"), str) and isinstance(body.get("present"), list):
        return _("Each line is a photo with its path and the classes that are present.")
    return ""


def _read(source: SourceFile) -> Reading:
    lines = json_lines(source.open())
    first = next(lines, None)
    classes: tuple[ClassSpec, ...] = ()
    if first is not None and isinstance(first[1], bytes):
        try:
            classes = _declared(_parsed(first[1]))
        except _Bad:
            # It is listed with the other bad rows.
            classes = ()
    return Reading(FileFacts(classes), _items(first, lines, classes))


def _items(
    first: tuple[int, bytes | BadRow] | None,
    lines: Iterator[tuple[int, bytes | BadRow]],
    classes: tuple[ClassSpec, ...],
) -> Iterator[ImageRecord | BadRow]:
    places = {spec.name: place for place, spec in enumerate(classes)}
    if first is not None:
        yield from _item(*first, places)
    for number, line in lines:
        yield from _item(number, line, places)


def _item(
    number: int, line: bytes | BadRow, places: dict[str, int]
) -> Iterator[ImageRecord | BadRow]:
    if isinstance(line, BadRow):
        yield line
        return
    body: dict[str, Any] = {}
    try:
        body = _parsed(line)
        if "library" in body:
            # Also of a later line: files may be joined.
            _declared(body)
            if "path" not in body:
                return
        yield _record(body, number, places)
    except _Bad as error:
        text = line[: 4 * EXCERPT_CHARACTERS].decode("utf-8", "replace")[:EXCERPT_CHARACTERS]
        path = body.get("path")
        yield BadRow(number, str(error), text, path if isinstance(path, str) else "")


class _Bad(Exception):  # noqa: N818
    """A line is not as it should be; the message is a sentence."""


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


_decode = json.JSONDecoder(parse_constant=_no_constant).decode


def _parsed(line: bytes) -> dict[str, Any]:
    """The object in a line."""
    try:
        body = _decode(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _Bad(_("The line is not UTF-8 text.")) from error
    except (ValueError, RecursionError) as error:
        raise _Bad(_("The line is not valid JSON.")) from error
    if not isinstance(body, dict):
        raise _Bad(_("The line is not a JSON object."))
    return body


def _declared(body: dict[str, Any]) -> tuple[ClassSpec, ...]:
    """The classes that ``library`` lists; () if there is none.

    Raises:
        FileMalformed: a newer version wrote it, or it is damaged.
    """
    library = body.get("library")
    if library is None:
        return ()
    damaged = FileMalformed(_("The list of classes in the file's first line is damaged."))
    if not isinstance(library, dict):
        raise damaged
    version = library.get("version", VERSION)
    if not isinstance(version, int) or isinstance(version, bool):
        raise damaged
    if version > VERSION:
        raise FileMalformed(
            _("A newer version of LMPT Desktop wrote this file. Update LMPT Desktop to read it.")
        )
    listed = library.get("classes", [])
    if not isinstance(listed, list):
        raise damaged
    try:
        specs = [_spec(item) for item in listed]
    except _Bad as error:
        raise damaged from error
    return tuple({spec.name: spec for spec in reversed(specs)}.values())[::-1]


def _spec(item: object) -> ClassSpec:
    if not isinstance(item, dict):
        raise _Bad
    colour = _text(item, "colour")
    if colour and not re.fullmatch("#[0-9a-fA-F]{6}", colour):
        colour = ""
    aliases = _names(item, "aliases")
    name = _text(item, "name")
    if not name.strip():
        raise _Bad
    return ClassSpec(name, _text(item, "description"), tuple(aliases), colour)


def _record(body: dict[str, Any], number: int, places: dict[str, int]) -> ImageRecord:
    path = _text(body, "path", _NO_PATH)
    if not path:
        raise _Bad(_("The path is missing."))
    reviewed = body.get("reviewed")
    if reviewed is not None and not isinstance(reviewed, bool):
        raise _wrong("reviewed")
    state = _text(body, "state")
    if state not in _STATES:
        raise _wrong("state")
    classes = _classes(body)
    if len(classes) > 1 and places:
        after = len(places)
        classes.sort(key=lambda item: places.get(item.name, after))
    return ImageRecord(
        path,
        tuple(classes),
        number,
        _text(body, "folder", _NO_PATH),
        _text(body, "fingerprint"),
        _text(body, "file_hash"),
        _text(body, "picture_hash"),
        reviewed,
        state,
        _text(body, "split"),
        _text(body, "caption"),
        _pixels(body, "width"),
        _pixels(body, "height"),
        _raw_files(body),
    )


def _classes(body: dict[str, Any]) -> list[ClassRecord]:
    sources, scores = _object(body, "sources"), _object(body, "scores")
    found: list[ClassRecord] = []
    for value, verdict in ((PRESENT, Verdict.PRESENT), (ABSENT, Verdict.ABSENT)):
        for name in _names(body, value):
            source = sources.get(name, "user")
            origin = _ORIGINS.get(source) if isinstance(source, str) else None
            if origin is None:
                raise _wrong("sources")
            found.append(ClassRecord(name, verdict, value, origin, source=source))
    for name in _names(body, PREDICTED):
        score = scores.get(name)
        if score is not None:
            if isinstance(score, bool) or not isinstance(score, int | float):
                raise _wrong("scores")
            if not 0 <= score <= 1 or math.isnan(score):
                raise _wrong("scores")
            score = float(score)
        found.append(
            ClassRecord(name, Verdict.PRESENT, PREDICTED, Origin.MACHINE, score, source=PREDICTION)
        )
    return found


def _text(body: dict[str, Any], key: str, forbidden: re.Pattern[str] = _NO_TEXT) -> str:
    value = body.get(key)
    if not value and (value is None or value == ""):
        return ""
    if not isinstance(value, str) or forbidden.search(value):
        raise _wrong(key)
    return value


def _raw_files(body: dict[str, Any]) -> tuple[str, ...]:
    names = body.get("raw_files")
    if names is None:
        return ()
    if not isinstance(names, list):
        raise _wrong("raw_files")
    if any(not isinstance(name, str) or not name or _NO_PATH.search(name) for name in names):
        raise _wrong("raw_files")
    return tuple(names)


def _names(body: dict[str, Any], key: str) -> list[str]:
    value = body.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _wrong(key)
    for name in value:
        if not isinstance(name, str) or not name.strip() or _NO_TEXT.search(name):
            raise _wrong(key)
    return value


def _object(body: dict[str, Any], key: str) -> dict[str, Any]:
    value = body.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong(key)
    return value


def _pixels(body: dict[str, Any], key: str) -> int:
    value = body.get(key, 0)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_PIXELS:
        raise _wrong(key)
    return value


def _wrong(key: str) -> _Bad:
    return _Bad(_("What is under “{key}” cannot be read.").format(key=key))


FORMAT = Format(
    name="jsonl",
    title="LMPT Desktop JSONL",
    suffixes=(".jsonl", ".ndjson"),
    sniff=_sniff,
    read=_read,
    write=_write,
    held_classes=lambda classes: classes,
    summary=N_("Everything that LMPT Desktop knows, a photo a line: for backups and scripts."),
)
