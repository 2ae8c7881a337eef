"""What files of annotations say, whatever their format: one record per image and class.

A reader yields :class:`ImageRecord` and :class:`BadRow` as a stream; a writer takes image records.
Names are as written in the file: nothing is matched or mapped here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from lmpt_desktop.domain.records import ClassSpec, Verdict


class Origin(StrEnum):
    """Who said so."""

    HUMAN = "human"
    MACHINE = "machine"
    UNSTATED = "unstated"


class NotListed(StrEnum):
    """What it means if a photo of the file does not list a class."""

    UNKNOWN = "unknown"
    ABSENT_IN_FILE = "absent-in-file"
    """Absent, for the classes that the file has anywhere."""
    ABSENT = "absent"
    """Absent, for all classes that the import maps to, also those the file declares only."""


class ClassRecord(NamedTuple):
    """What a file says about one class of one image.

    Attributes:
        name: the class as written; of a hierarchy the path, its parts separated by
            ``HIERARCHY_SEPARATOR``.
        verdict: what ``value`` says in this format; None if that is not certain (the user maps
            it).
        value: the value as written ("1", "-1", "difficult"); "" where the format only lists.
        origin: who said so.
        score: in [0, 1], of a machine; None if there is none.
        annotator: who, as written; "" if unknown.
        at: when; None if unknown.
        source: of our own format, and in an export, a value of
            :class:`~lmpt_desktop.domain.records.Source` or ``PREDICTION``.
    """

    name: str
    verdict: Verdict | None = Verdict.PRESENT
    value: str = ""
    origin: Origin = Origin.UNSTATED
    score: float | None = None
    annotator: str = ""
    at: datetime | None = None
    source: str = ""


PREDICTION = "prediction"
"""``source`` of what is only predicted."""

HIERARCHY_SEPARATOR = "\x1f"
"""Between the parts of a class name that a file gives as a path (``animal|dog``): no character
that a keyword may have, so that "black/white" stays one class."""


class ImageRecord(NamedTuple):
    """What a file says about one image.

    Attributes:
        path: as written, relative or absolute, a URL, or a bare name; surrogate escapes stand for
            bytes that are not UTF-8.
        classes: what it says about each class.  An image without any was listed, no more.
        line: where in the file, from 1: a line, or the number of the element; 0 if unknown.
        folder: the library folder as written; "" if unknown.
        fingerprint, file_hash, picture_hash: as of
            :class:`~lmpt_desktop.domain.records.ScannedFile`; "" if unknown.
        reviewed: whether everything not said is absent; None if the format does not tell.
        state: "ok", "missing", "unreadable" or "".
        split: "train", "test", ... or "".
        caption: "" if none.
        width, height: pixels as shown; 0 if unknown.
        raw_files: names of the raw files beside it that are part of the photo.
    """

    path: str
    classes: tuple[ClassRecord, ...] = ()
    line: int = 0
    folder: str = ""
    fingerprint: str = ""
    file_hash: str = ""
    picture_hash: str = ""
    reviewed: bool | None = None
    state: str = ""
    split: str = ""
    caption: str = ""
    width: int = 0
    height: int = 0
    raw_files: tuple[str, ...] = ()


class BadRow(NamedTuple):
    """A part of a file that could not be read; the rest goes on.

    ``line`` as of :class:`ImageRecord`; ``reason`` is a sentence; ``text`` an excerpt of what is
    there, at most 200 characters; ``path`` that of the image it is about, as in the image's
    record, or "": what that image does not list may be in here.
    """

    line: int
    reason: str
    text: str = ""
    path: str = ""


@dataclass(frozen=True)
class FileFacts:
    """What a file says of itself.

    Attributes:
        classes: those it declares, in its order, whether or not an image has them.
        not_listed: what the format's own documentation says about classes not listed; shown to
            the user as a hint, never applied unasked.
        notes: sentences for the user ("Crowds count as present.").
        images: how many images there will be; None if unknown.
    """

    classes: tuple[ClassSpec, ...] = ()
    not_listed: NotListed = NotListed.UNKNOWN
    notes: tuple[str, ...] = ()
    images: int | None = None


@dataclass(frozen=True, eq=False)
class Reading:
    """An open file: what it says of itself, and then its rows, read as they are asked for.

    Iterating ``items`` may raise :class:`~lmpt_desktop.interchange.errors.InterchangeError`.
    """

    facts: FileFacts
    items: Iterator[ImageRecord | BadRow]
