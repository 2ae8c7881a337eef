"""JSON that nobody vouches for: read within limits, and kept only as the declared types.

All files and messages from outside pass through here: prompt sets, jobs, events, settings, small
files beside the catalogue.  A reader first gets plain values that are bounded (:func:`read`,
:func:`parse`), then the dataclass that they must be (:func:`to_type`), and keeps nothing else.
Imports no torch.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, TypeVar, overload

import msgspec
from msgspec import Meta

from trainer.regular_file import open_regular

T = TypeVar("T")

LARGEST_INT = 2**63 - 1
"""What SQLite, Qt and numpy hold."""
_LARGEST_FLOAT = 1.7976931348623157e308

Finite = Annotated[float, Meta(ge=-_LARGEST_FLOAT, le=_LARGEST_FLOAT)]
"""A finite number, in messages whose other numbers need not be."""
Count = Annotated[int, Meta(ge=0, le=LARGEST_INT)]
"""A whole number from 0."""


class JsonError(ValueError):
    """What was read is not JSON, exceeds the limits or is of another kind; the message says why."""


@dataclass(frozen=True)
class Limits:
    """How much JSON a reader accepts.

    Attributes:
        bytes: of the whole text.
        values: of all lists and objects together, roughly: commas and brackets are counted before
            anything is read, those in strings too.
        depth: of lists and objects inside each other.
        text: characters of one string.
        finite: whether NaN and infinity are refused.
        unicode: whether lone surrogates are refused; names of files may need them.
    """

    bytes: int = 32 * 1024**2
    values: int = 4_000_000
    depth: int = 32
    text: int = 1_000_000
    finite: bool = True
    unicode: bool = True


def read(path: Path, limits: Limits) -> Any:
    """The plain values in a file.

    Raises:
        JsonError: if they are not JSON within ``limits``.
        OSError: if it cannot be read, or is a folder, pipe or device
            (:class:`trainer.regular_file.NotAFileError`).
    """
    return parse(read_bytes(path, limits.bytes), limits)


def read_bytes(path: Path, most: int) -> bytes:
    """The contents of a file of at most ``most`` bytes.

    Raises:
        JsonError, OSError: as :func:`read`.
    """
    with open_regular(path) as file:
        size = file.seek(0, 2)
        file.seek(0)
        # Not up to the limit: as much memory would be taken at once.
        data = b"" if size > most else file.read(size + 1)
    if size > most or len(data) > size:
        raise JsonError(f"{path.name} is too large (at most {most:,} bytes are accepted)")
    return data


def parse(text: str | bytes, limits: Limits) -> Any:
    """The plain values in a JSON text.

    Raises:
        JsonError: if it is not JSON within ``limits``, or an object has a key twice.
    """
    return check(loads(text, limits), limits)


def loads(text: str | bytes, limits: Limits) -> Any:
    """As :func:`parse`, for readers that :func:`check` the parts, since some may be left out."""
    marks: tuple[Any, ...] = (",", "[", "{") if isinstance(text, str) else (b",", b"[", b"{")
    if len(text) > limits.bytes:
        raise JsonError(f"the text is too long (at most {limits.bytes:,} bytes are accepted)")
    if sum(map(text.count, marks)) > limits.values:
        raise JsonError(f"there are too many values (at most {limits.values:,} are accepted)")
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8-sig")
        return json.loads(text, object_pairs_hook=_object)
    except JsonError:
        raise
    except UnicodeDecodeError as error:
        raise JsonError(f"it is not UTF-8 text (byte {error.start})") from error
    except RecursionError as error:
        raise JsonError("its values are nested too deeply") from error
    except ValueError as error:
        raise JsonError(f"it is not JSON: {error}") from error


def check(value: Any, limits: Limits) -> Any:
    """``value``, made of what :func:`json.loads` makes.

    Raises:
        JsonError: if it exceeds ``limits``.
    """
    # Level by level and kind by kind, since a million numbers one by one would take a while.
    level = [value]
    depth = 0
    while level:
        kinds = set(map(type, level))
        if str in kinds:
            _check_texts([item for item in level if type(item) is str], limits)
        if int in kinds:
            _check_whole_numbers([item for item in level if type(item) is int])
        if float in kinds and limits.finite:
            _check_finite([item for item in level if type(item) is float])
        objects = [item for item in level if type(item) is dict] if dict in kinds else []
        lists = [item for item in level if type(item) is list] if list in kinds else []
        depth += bool(objects or lists)
        if depth > limits.depth:
            raise JsonError("its values are nested too deeply")
        _check_texts(list(chain.from_iterable(objects)), limits)
        level = list(chain.from_iterable(item.values() for item in objects))
        for item in lists:
            if set(map(type, item)) == {int}:
                _check_whole_numbers(item)
            else:
                level += item
    return value


@overload
def to_type(value: Any, kind: type[T]) -> T: ...


@overload
def to_type(value: Any, kind: Any) -> Any: ...


def to_type(value: Any, kind: Any) -> Any:
    """``value`` as ``kind``: a dataclass, or any other type that can be annotated.

    Nothing is converted, but a whole number where a number is wanted.  Unknown fields are left out,
    so that a newer version may add fields.

    Raises:
        JsonError: if it is of another type, lacks a field or is refused by the dataclass.
    """
    try:
        return msgspec.convert(value, kind, strict=True)
    # Its errors are ValueErrors, and so is that of a text with a surrogate where none is wanted.
    except (ValueError, OverflowError, RecursionError) as error:
        raise JsonError(str(error)) from error


def readable_text(text: str) -> str:
    """``text`` with U+FFFD in place of lone surrogates, which no file or database can hold."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise JsonError("an object has a key twice")
    return made


def _check_whole_numbers(numbers: list[int]) -> None:
    if min(numbers) < -LARGEST_INT or max(numbers) > LARGEST_INT:
        raise JsonError("it has a number that is too large")


def _check_texts(texts: list[str], limits: Limits) -> None:
    if texts and max(map(len, texts)) > limits.text:
        raise JsonError(f"a text is too long (at most {limits.text:,} characters are accepted)")
    if limits.unicode:
        try:
            for text in texts:
                text.encode()
        except UnicodeEncodeError as error:
            raise JsonError("a text is not valid Unicode (it has a lone surrogate)") from error


def _check_finite(numbers: list[float]) -> None:
    if not all(map(math.isfinite, numbers)):
        raise JsonError("it has a number that is not finite")
