"""labelme and X-AnyLabeling: a JSON file for each photo.

Read are the flags of the photo (true is present, false absent), and the labels of its shapes.  A
shape that has a score was found by a model.  X-AnyLabeling's mark "checked" is our reviewed mark.
"""

from __future__ import annotations

import json
import ntpath
import posixpath
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.interchange.errors import Cancelled, FileTooLarge, InterchangeError
from lmpt_desktop.interchange.format import Format
from lmpt_desktop.interchange.reading.foreign_text import (
    clean_text,
    excerpt,
    name_of,
    path_of,
    pixels_of,
)
from lmpt_desktop.interchange.reading.found_classes import ClassesFound
from lmpt_desktop.interchange.reading.json_values import list_of, object_of
from lmpt_desktop.interchange.reading.source_files import HEAD_BYTES, Sample, SourceFile
from lmpt_desktop.interchange.reading.walk import walk
from lmpt_desktop.interchange.record import (
    BadRow,
    ClassRecord,
    FileFacts,
    ImageRecord,
    Reading,
)
from lmpt_desktop.translation import N_, _

MAX_FILES = 1_000_000
MAX_BYTES = 128 * 1024 * 1024
"""Of one JSON file: it may have the photo itself in it."""
_SAMPLES = 5


def _sniff(sample: Sample) -> str:
    if not sample.is_folder:
        if _is_labelme(sample.head):
            return _("It has shapes and flags of one photo, as labelme and X-AnyLabeling do.")
        return ""
    names = [name for name in sample.names if name.lower().endswith(".json")]
    for name in names[:_SAMPLES]:
        try:
            with SourceFile(sample.path / name).open() as file:
                head = file.read(HEAD_BYTES)
        except InterchangeError:
            continue
        if _is_labelme(head):
            return _("The folder has JSON files with shapes and flags, as labelme writes them.")
    return ""


def _is_labelme(head: bytes) -> bool:
    return (
        head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"
        and b'"shapes"' in head
        and (b'"imagePath"' in head or b'"flags"' in head)
    )


def _read(source: SourceFile) -> Reading:
    notes = (_("A flag that is not set counts as absent, also if nobody looked at it."),)
    return Reading(FileFacts(notes=notes), _items(source))


def _items(source: SourceFile) -> Iterator[ImageRecord | BadRow]:
    if not source.path.is_dir():
        yield _item(source, None, source.path.name)
        return
    for name in _listed(source):
        source.check()
        yield _item(source, source.path / name, name)


def _listed(source: SourceFile) -> list[str]:
    """JSON files in the folder and below, relative, sorted."""
    names: list[str] = []
    for place, _folders, files in walk(source.path):
        source.check()
        inside = PurePath(place).relative_to(source.path)
        names += ((inside / name).as_posix() for name in files if name.lower().endswith(".json"))
        if len(names) > MAX_FILES:
            raise FileTooLarge(
                _("{path} has more than {count} files.").format(path=source.path, count=MAX_FILES)
            )
    return sorted(names)


def _item(source: SourceFile, place: Path | None, name: str) -> ImageRecord | BadRow:
    try:
        # Not utf-8-sig: JSON may also be UTF-16.
        document: Any = json.loads(source.read_bytes(place, limit=MAX_BYTES))
    except Cancelled:
        raise
    except InterchangeError as error:
        return BadRow(0, clean_text(str(error)), excerpt(name))
    except (ValueError, RecursionError):
        return BadRow(0, _("This is no JSON file that can be read."), excerpt(name))
    if not isinstance(document, dict) or not isinstance(document.get("shapes"), list):
        path = _photo(path_of(object_of(document).get("imagePath")), name)
        return BadRow(0, _("This is no file of labelme or X-AnyLabeling."), excerpt(name), path)
    path = _photo(path_of(document.get("imagePath")), name)
    if not path:
        return BadRow(0, _("The file names no photo."), excerpt(name))
    return ImageRecord(
        path,
        tuple(_classes(document)),
        reviewed=True if document.get("checked") is True else None,
        width=pixels_of(document.get("imageWidth")),
        height=pixels_of(document.get("imageHeight")),
    )


def _photo(written: str, name: str) -> str:
    """Where the photo is: relative to its JSON file, unless its path is absolute."""
    if not written or posixpath.isabs(written) or ntpath.splitdrive(written)[0]:
        return written
    path = posixpath.normpath(posixpath.join(posixpath.dirname(name), written.replace("\\", "/")))
    # What is above the folder that was chosen is not known, and not needed to find the photo.
    while path.startswith("../"):
        path = path[3:]
    return "" if path in (".", "..") else path


def _classes(document: dict[str, Any]) -> Iterator[ClassRecord]:
    for key, value in object_of(document.get("flags")).items():
        if isinstance(value, bool) and (name := name_of(key)):
            verdict = Verdict.PRESENT if value else Verdict.ABSENT
            yield ClassRecord(name, verdict, "true" if value else "false")
    found = ClassesFound()
    for shape in list_of(document.get("shapes")):
        said = object_of(shape)
        if name := name_of(said.get("label")):
            score = said.get("score")
            found.add(name, by_machine=score is not None, score=score)
    yield from found.records()


FORMAT = Format(
    "labelme",
    "labelme, X-AnyLabeling",
    (".json",),
    sniff=_sniff,
    read=_read,
    summary=N_("Flags and shapes from labelme or X-AnyLabeling: a file, or a folder of them."),
)
