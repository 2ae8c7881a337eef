"""JSON documents read piece by piece: a file of any size in the memory of its largest element.

The largest files of annotations are one JSON object with a few long lists.  Each element of a list
is decoded alone, by the standard library, and forgotten before the next.
"""

from __future__ import annotations

import codecs
import io
import itertools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn

from lmpt_desktop.interchange.errors import FileMalformed
from lmpt_desktop.interchange.reading.source_files import Sample, SourceFile
from lmpt_desktop.translation import _

CHUNK_BYTES = 1024 * 1024
MAX_ELEMENT_CHARACTERS = 16 * 1024 * 1024
"""Of one element of a list, or of a value that is read as a whole; decoded, this is some hundred
megabytes at worst."""
_DIGITS = re.compile(r"[0-9.eE+-]*\Z")
_SPACE = re.compile(r"[ \t\n\r]*")
_COMMA = re.compile(r"[ \t\n\r]*,[ \t\n\r]*(?=[^ \t\n\r])")


compact_json: Callable[[object], str] = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")
).encode
"""A value as JSON on one line; to be written with the error handler ``backslashreplace``, since
JSON's escapes of lone surrogates are Python's."""


class Part(NamedTuple):
    """A piece of a document.

    Attributes:
        key: of the outermost object; "" if the document is a list.
        number: of an element or member, from 1.  0 for a value that is read as a whole, and for
            the announcement of a list or object that follows piece by piece.
        value: any JSON value; [] or {} of an announcement.
        name: of a member.
    """

    key: str
    number: int
    value: Any
    name: str = ""


def stream(
    source: SourceFile,
    path: Path | None = None,
    *,
    members: frozenset[str] = frozenset(),
    skipped: tuple[str, ...] = (),
) -> Iterator[Part]:
    """The parts of a JSON file, in its order.

    The lists of the outermost object come announced and then element by element; so does a
    document that is a list.  Other values come whole.

    Args:
        path: as of :meth:`SourceFile.open`.
        members: keys whose objects come member by member.
        skipped: keys, of any object, whose lists of numbers need not be decoded: they are 0 or []
            instead.  Half of the time goes into the outlines of masks.

    Raises:
        FileMalformed: with a sentence, if it is not JSON, or neither an object nor a list.
        InterchangeError: as of :meth:`SourceFile.open`.
    """
    with source.open(path) as file:
        reader = _Reader(file, path or source.path, skipped)
        yield from reader.document(members)


def read_value(source: SourceFile, path: Path | None = None) -> Any:
    """A small JSON file as one value.  Raises as :func:`stream`."""
    with source.open(path, limit=MAX_ELEMENT_CHARACTERS) as file:
        reader = _Reader(file, path or source.path)
        value = reader.value()
        reader.end()
        return value


def outline(sample: Sample, members: frozenset[str] = frozenset()) -> dict[str, Any]:
    """What the beginning of a file shows: for each key of the outermost object its value, or the
    first element of its list (None if it has none); of a list that is the document under "".

    Of an object that is named in ``members``, the value of its first member, or {}.

    {} if it is not JSON.  What the sample cuts off is left out.
    """
    found: dict[str, Any] = {}
    if sample.is_folder:
        return found
    try:
        for part in _Reader(io.BytesIO(sample.head), sample.path).document(members):
            if part.number == 0:
                found[part.key] = None if part.value == [] else part.value
            elif part.number == 1:
                found[part.key] = part.value
    except FileMalformed:
        pass
    return found


class _Reader:
    """A cursor in a text that is decoded as it is read."""

    def __init__(self, file: BinaryIO, path: Path, skipped: tuple[str, ...] = ()) -> None:
        # Within a text the quotes would be escaped, so that only keys are found.  What follows
        # tells a whole list from one that goes on in the next chunk.
        names = "|".join(map(re.escape, skipped))
        pattern = rf'("(?:{names})"\s*:\s*)(\[[][0-9eE.,+\-\s]*\])(?=\s*(?:\}}|,\s*"))'
        self._skipped = re.compile(pattern) if skipped else None
        self._file = file
        self._path = path
        head = file.read(CHUNK_BYTES)
        encoding = _encoding_of(head)
        # Bytes that are not UTF-8 may be part of a file name, as surrogate escapes.
        errors = "surrogateescape" if encoding == "utf-8" else "replace"
        self._decoder = codecs.getincrementaldecoder(encoding)(errors)
        self._text = self._skip(self._decoder.decode(head).removeprefix("\ufeff"))
        self._at = 0
        self._before = 0
        self._ended = not head
        self._decode = json.JSONDecoder().raw_decode

    def document(self, members: frozenset[str]) -> Iterator[Part]:
        start = self._peek()
        if start == "[":
            yield Part("", 0, [])
            yield from self._elements("")
        elif start == "{":
            for __, key in self._keys():
                opening = self._peek()
                if opening == "[":
                    yield Part(key, 0, [])
                    yield from self._elements(key)
                elif opening == "{" and key in members:
                    yield Part(key, 0, {})
                    for number, name in self._keys():
                        yield Part(key, number, self.value(), name)
                else:
                    yield Part(key, 0, self.value())
        else:
            self._fail(_("it is neither an object nor a list"))
        self.end()

    def value(self) -> Any:
        """The value at the cursor."""
        self._peek()
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if not self._more():
                    self._fail(error.msg, error.pos)
            except RecursionError:
                self._fail(_("it is nested too deeply"))
            except ValueError:
                self._fail(_("a number is too long"))
            else:
                # At the end of what was read, a number may go on: 1.5 or 1.5e3.
                is_closed = isinstance(value, (dict, list, str))
                if not is_closed and _DIGITS.match(self._text, end) and self._more():
                    continue
                self._at = end
                return value

    def end(self) -> None:
        """Nothing but space may follow."""
        if self._peek():
            self._fail(_("something follows its end"))

    def _elements(self, key: str) -> Iterator[Part]:
        self._at += 1
        if self._peek() == "]":
            self._at += 1
            return
        for number in itertools.count(1):
            yield Part(key, number, self.value())
            if self._separator("]"):
                return

    def _keys(self) -> Iterator[tuple[int, str]]:
        """Numbers and names of the members of an object; whoever asks reads the value each."""
        self._at += 1
        if self._peek() == "}":
            self._at += 1
            return
        for number in itertools.count(1):
            if self._peek() != '"':
                self._fail(_("a name in quotes is missing"))
            key = self.value()
            if self._peek() != ":":
                self._fail(_("a colon is missing"))
            self._at += 1
            yield number, key
            if self._separator("}"):
                return

    def _separator(self, closing: str) -> bool:
        """Pass a comma or the end of a list or object; whether it was the end."""
        comma = _COMMA.match(self._text, self._at)
        if comma:
            self._at = comma.end()
            return False
        found = self._peek()
        if found not in (",", closing) or not found:
            self._fail(_("a comma is missing"))
        self._at += 1
        return found == closing

    def _peek(self) -> str:
        """The next character that is not space; "" at the end."""
        while True:
            found = self._text[self._at : self._at + 1]
            if found > " ":
                return found
            match = _SPACE.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _more(self) -> bool:
        """Read on, as much again as is waiting, so that no element is decoded often."""
        if self._ended:
            return False
        waiting = len(self._text) - self._at
        if waiting > MAX_ELEMENT_CHARACTERS:
            self._fail(_("one of its elements is too large, or is never closed"))
        data = self._file.read(max(CHUNK_BYTES, waiting))
        self._ended = not data
        self._before += self._at
        self._text = self._skip(self._text[self._at :] + self._decoder.decode(data, final=not data))
        self._at = 0
        return True

    def _skip(self, text: str) -> str:
        return self._skipped.sub(_nothing, text) if self._skipped else text

    def _fail(self, reason: str, at: int | None = None) -> NoReturn:
        place = self._before + (self._at if at is None else at) + 1
        raise FileMalformed(
            _("{path} is not valid JSON: {reason} (character {place}).").format(
                path=self._path, reason=reason, place=place
            )
        )


def _nothing(match: re.Match[str]) -> str:
    """As long as what it stands for, so that places in the file stay what they are."""
    return match[1] + "0".ljust(len(match[2]))


def _encoding_of(head: bytes) -> str:
    """JSON begins with an ASCII character, which tells UTF-8 and UTF-16 apart."""
    if head.startswith(codecs.BOM_UTF16_LE) or (len(head) > 1 and head[0] and not head[1]):
        return "utf-16-le"
    if head.startswith(codecs.BOM_UTF16_BE) or (len(head) > 1 and not head[0] and head[1]):
        return "utf-16-be"
    return "utf-8"
