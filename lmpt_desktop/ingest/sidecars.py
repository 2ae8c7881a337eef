"""Files beside a photo that say what it shows and when it was taken: XMP, text and Takeout's JSON.

They are found by their names, whatever the case, and only read.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from lmpt_desktop.ingest import takeout, xmp
from lmpt_desktop.ingest.dates import parse_date
from lmpt_desktop.ingest.takeout import TakeoutFacts
from lmpt_desktop.ingest.xmp import XmpFacts
from trainer.regular_file import open_regular

FoundT = TypeVar("FoundT")

SUFFIXES = frozenset((".txt", ".xmp", ".json"))
MAX_TEXT_BYTES = 64 * 1024
"""Read of a text file."""


@dataclass(frozen=True)
class SidecarFacts:
    """What the files beside a photo say; "" and None where they say nothing.

    Attributes:
        description, taken: of XMP: what a photo program wrote, later than what is in the photo.
        taken_text: that date as it is written.
        xmp: the other facts of the XMP files, for each the first that says something; their
            keywords together.
        text: the text file, as bytes.
        export: of Takeout, which repeats what it was told.
    """

    description: str = ""
    taken: str | None = None
    taken_text: str = ""
    xmp: XmpFacts = field(default_factory=XmpFacts)
    text: bytes = b""
    export: TakeoutFacts = field(default_factory=TakeoutFacts)


def text_names(name: str) -> tuple[str, str]:
    """Names of the text files that may describe the photo file called ``name``."""
    return f"{name.rpartition('.')[0]}.txt", f"{name}.txt"


def xmp_names(name: str) -> tuple[str, str]:
    """Names of its XMP side files; the first belongs to no other photo."""
    return f"{name}.xmp", f"{name.rpartition('.')[0]}.xmp"


class FolderSidecars(Generic[FoundT]):
    """The files of one folder that may describe a photo, by name."""

    def __init__(self, files: Iterable[tuple[str, FoundT]]) -> None:
        """``files``: names as they are, and what to find; others than sidecars are passed over."""
        self._present: dict[str, FoundT] = {}
        for name, found in files:
            if name[name.rfind(".") :].lower() in SUFFIXES and name[0] != ".":
                self._present.setdefault(name.lower(), found)
        self._json = sorted(name for name in self._present if name.endswith(".json"))

    def __bool__(self) -> bool:
        return bool(self._present)

    def of(self, name: str) -> list[FoundT]:
        """The sidecars of the photo called ``name``, whatever the case, the first to count
        first."""
        name = name.lower()
        names = [*xmp_names(name), *text_names(name)]
        if self._json:
            at = bisect_left(self._json, name)
            while at < len(self._json) and self._json[at].startswith(name):
                if takeout.is_of_photo(self._json[at], name):
                    names.append(self._json[at])
                at += 1
            names += takeout.odd_names(name)
        return [self._present[item] for item in dict.fromkeys(names) if item in self._present]


def usual_sidecars(name: str) -> tuple[str, ...]:
    """Names to try where the folder is not known."""
    return (*xmp_names(name), *text_names(name))


def read_sidecars(photo: Path, names: Sequence[str]) -> SidecarFacts:
    """What these files beside a photo say together; a damaged one, or one that cannot be read, says
    nothing."""
    description, text, taken_text = "", b"", ""
    taken: str | None = None
    packets: list[XmpFacts] = []
    export = TakeoutFacts()
    for name in names:
        suffix = name[name.rfind(".") :].lower()
        if suffix == ".xmp":
            found = xmp.facts(_content(photo, name, xmp.MAX_BYTES + 1))
            description = description or found.description
            packets.append(found)
            if taken is None:
                taken_text = first_date_text(found.dates)
                taken = parse_date(taken_text)
        elif suffix == ".txt":
            text = text or _content(photo, name, MAX_TEXT_BYTES)
        elif suffix == ".json":
            said = takeout.takeout_facts(_content(photo, name, takeout.MAX_BYTES + 1))
            export = said if export == TakeoutFacts() else export
    return SidecarFacts(description, taken, taken_text, xmp.joined(packets), text, export)


def first_date_text(texts: Sequence[str]) -> str:
    """The first of these texts that is a date; "" if none is."""
    return next((text for text in texts if parse_date(text)), "")


def first_date(texts: Sequence[str]) -> str | None:
    """The first of these texts that is a date, as :mod:`.dates` keeps it."""
    return next((date for text in texts if (date := parse_date(text))), None)


def _content(photo: Path, name: str, most: int) -> bytes:
    try:
        with open_regular(photo.with_name(name)) as file:
            return file.read(most)
    except (OSError, ValueError):
        return b""
