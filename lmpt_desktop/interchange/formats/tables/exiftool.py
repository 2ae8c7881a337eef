"""The CSV that ExifTool takes (``exiftool -csv=FILE``), and the one that it gives.

ExifTool takes a photo's keywords as one cell with a separator that the user has to type.  Ours is
chosen so that no class contains it, and the first row tells it: ExifTool reads titles up to the
first empty one, and never writes the column ``Directory``, which keeps the library's folder here.
Photos are named by their absolute paths, so that photos of the same name are told apart.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Iterator
from itertools import islice, permutations
from pathlib import Path, PurePosixPath, PureWindowsPath

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.interchange.cells import has_surrogate, is_formula
from lmpt_desktop.interchange.errors import FileMalformed
from lmpt_desktop.interchange.format import ExportFacts, Option, OptionKind, Options
from lmpt_desktop.interchange.formats.tables.dialect import (
    Dialect,
    Row,
    decoded_head,
    excerpt,
    find_dialect,
    rows,
)
from lmpt_desktop.interchange.formats.tables.reading import MAX_CACHED, no_path
from lmpt_desktop.interchange.reading.source_files import Sample, SourceFile
from lmpt_desktop.interchange.record import (
    HIERARCHY_SEPARATOR,
    BadRow,
    ClassRecord,
    FileFacts,
    ImageRecord,
    Origin,
    Reading,
)
from lmpt_desktop.translation import _

TITLES = ("SourceFile", "Directory", "XMP-dc:Subject", "XMP-lr:HierarchicalSubject", "")
USUAL_SEPARATOR = "|;"
"""Two different characters: cut at the first of them from the left, a list is never ambiguous."""
_WHOLE = "/."
"""After the folder of a photo that is exported with its absolute path."""
EXIFTOOL_SEPARATOR = ", "
"""What ExifTool itself puts between keywords."""
_CHARACTERS = "|;~#:=_+"
_MAX_TRIES = 100_000
_FLAT = ("subject", "keywords", "lastkeywordxmp", "lastkeywordiptc")
_HIERARCHIES = {"hierarchicalsubject": "|", "tagslist": "/"}
_TO_QUOTE = re.compile(r'[",\r\n]|^\s|\s$')
_TO_CUT = re.compile(r'[",\r\n]')
_MAX_SEPARATOR = 64


def command_for(path: Path, folder: Path, *, add: bool = False) -> str:
    """The command to type, which writes the keywords of a file into the photos of a folder.

    Args:
        path: a file that was written by :func:`write`.
        folder: a folder of the library.
        add: whether keywords are added to those in the photos (running it twice adds them twice);
            else they replace those of the photos that get any.

    Raises:
        OSError: if the file cannot be read.
    """
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        separator = _told_separator(_titles(file.readline(4096))) or EXIFTOOL_SEPARATOR
    words = ["exiftool", "-r", f"-csv{'+=' if add else '='}{path}", "-sep", separator, str(folder)]
    if os.name == "nt":
        words[1:1] = ["-charset", "filename=utf8"]
        return " ".join(f'"{word}"' if set(word) & set(" |;&^~=") else word for word in words)
    return shlex.join(words)


def sniff(sample: Sample) -> str:
    """Why a file is a CSV of ExifTool; "" if it is not."""
    if sample.is_folder or b"\0" in sample.head:
        return ""
    titles = _titles(decoded_head(sample.head, "utf-8-sig").partition("\n")[0])
    if titles[0].casefold() != "sourcefile" or not _keyword_columns(titles):
        return ""
    return _("Its first column is SourceFile, as ExifTool names it, and it has keywords.")


def options_of(path: Path) -> tuple[Option, ...]:
    """What to ask about a file.

    Raises:
        InterchangeError: if it cannot be read.
    """
    separator = _told_separator(_titles(_first_line(SourceFile(path)))) or EXIFTOOL_SEPARATOR
    return (
        Option(
            "separator",
            _("Between keywords"),
            OptionKind.TEXT,
            default=separator,
            help=_("What was given as -sep when ExifTool wrote the file."),
        ),
    )


def write(records: Iterable[ImageRecord], facts: ExportFacts, path: Path) -> None:
    """A row per photo, its present classes as keywords.

    Raises:
        OSError: if it cannot be written.
    """
    separator = _separator_for([spec.name for spec in facts.classes])
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        file.write(",".join([*TITLES, separator]) + "\n")
        for record in records:
            keywords = _quoted(separator.join(_keywords(record)))
            place, folder = record.path, record.folder
            if folder and _is_absolute(place):
                folder += _WHOLE
            else:
                place = _joined(folder, place)
            cells = (_quoted(place), _quoted(folder), keywords, keywords)
            file.write(",".join(cells) + "\n")


def held(record: ImageRecord, _options: Options) -> ImageRecord:
    """What of a record is in the file: what people said is present."""
    return ImageRecord(
        record.path, tuple(map(ClassRecord, _keywords(record))), folder=record.folder
    )


def _keywords(record: ImageRecord) -> list[str]:
    """The classes that a photo gets as keywords.

    The space in front of a cell that begins like a formula (see :func:`_quoted`) does not help if
    a spreadsheet, which then takes the quotes for text, cuts the cell in two: the keyword itself
    gets one then.
    """
    names = [said.name for said in record.classes if _held(said)]
    if names and is_formula(names[0]) and any(map(_TO_CUT.search, names)):
        names[0] = f" {names[0]}"
    return names


def _held(said: ClassRecord) -> bool:
    return said.verdict is Verdict.PRESENT and said.origin is not Origin.MACHINE


def _is_absolute(path: str) -> bool:
    return PurePosixPath(path).is_absolute() or (
        os.name == "nt" and PureWindowsPath(path).is_absolute()
    )


def _joined(folder: str, path: str) -> str:
    if not folder:
        return path
    return folder + path if folder.endswith("/") else f"{folder}/{path}"


def _parted(place: str, folder: str) -> tuple[str, str]:
    """The path as it was exported, and the library's folder."""
    if folder.endswith(_WHOLE):
        return place, folder.removesuffix(_WHOLE)
    start = _joined(folder, "")
    if folder and place.startswith(start) and place != start:
        return place[len(start) :], folder
    return place, folder


def _quoted(cell: str) -> str:
    """A cell as ExifTool reads it.

    It passes over spaces in front of a cell: with one, no spreadsheet runs it as a formula.
    """
    if is_formula(cell):
        return f' "{cell.replace(chr(34), chr(34) * 2)}"'
    return f'"{cell.replace(chr(34), chr(34) * 2)}"' if _TO_QUOTE.search(cell) else cell


def _separator_for(names: Iterable[str]) -> str:
    """A separator that no name contains: all its characters differ, so that none begins within
    the end of a name."""
    text = "\n".join(names)
    if USUAL_SEPARATOR not in text:
        return USUAL_SEPARATOR
    candidates = (
        "".join(characters)
        for size in range(2, len(_CHARACTERS) + 1)
        for characters in permutations(_CHARACTERS, size)
        if characters[0] not in "=+"
    )
    for candidate in islice(candidates, _MAX_TRIES):
        if candidate not in text:
            return candidate
    raise FileMalformed(
        _(
            "ExifTool needs characters between two keywords that no class has in its name, and the "
            "classes have all that are tried in theirs: {characters}. Export fewer classes, or "
            "rename those with many signs."
        ).format(characters=" ".join(_CHARACTERS))
    )


def _titles(line: str) -> list[str]:
    return [title.strip().strip('"') for title in line.rstrip("\r\n").split(",")]


def _told_separator(titles: list[str]) -> str:
    """The separator of a file that we wrote; "" of another."""
    if tuple(titles[: len(TITLES)]) != TITLES or len(titles) != len(TITLES) + 1:
        return ""
    return titles[-1][:_MAX_SEPARATOR]


def _keyword_columns(titles: list[str]) -> list[tuple[int, str]]:
    """Columns of keywords, and what is between the parts of one ("": it has no parts)."""
    found: list[tuple[int, str]] = []
    for place, title in enumerate(titles):
        tag = title.rpartition(":")[2].rstrip("#").casefold()
        if tag in _FLAT:
            found.append((place, ""))
        elif tag in _HIERARCHIES:
            found.append((place, _HIERARCHIES[tag]))
    return found


def read(source: SourceFile) -> Reading:
    """Open a file.

    Raises:
        InterchangeError: if it cannot be read, or has no keywords.
    """
    told = _told_separator(_titles(_first_line(source)))
    # Names of files in our own may have other bytes, which are no reason for another encoding.
    found = Dialect() if told else find_dialect(source, {"delimiter": "comma"})
    items = rows(source, Dialect(found.encoding, ",", found.encoding_reason, skips_spaces=True))
    first = next((item for item in items if not isinstance(item, BadRow)), None)
    titles = [] if first is None else [cell.strip() for cell in first[1]]
    columns = _keyword_columns(titles)
    if not titles or titles[0].casefold() != "sourcefile" or not columns:
        raise FileMalformed(_("The table has no column SourceFile, or none for keywords."))
    separator = source.options.get("separator") or told or EXIFTOOL_SEPARATOR
    if told:
        columns = columns[:1]  # the other one says the same
    notes = (found.encoding_reason,) if found.encoding_reason else ()
    reader = _Keywords(columns, separator, 1 if told else None)
    return Reading(FileFacts(notes=notes), reader.records(items))


def _first_line(source: SourceFile) -> str:
    with source.open(source.path) as file:
        return file.read(4096).decode("utf-8-sig", "replace").partition("\n")[0]


class _Keywords:
    """Reads rows.

    Args:
        columns: of keywords, and what is between the parts of one.
        separator: between keywords.
        folder: the column of the library's folder.
    """

    def __init__(self, columns: list[tuple[int, str]], separator: str, folder: int | None) -> None:
        self._columns = columns
        self._separator = separator
        self._folder = folder
        self._known: dict[str, ClassRecord] = {}
        self._strips = folder is None

    def records(self, items: Iterable[Row | BadRow]) -> Iterator[ImageRecord | BadRow]:
        for item in items:
            if isinstance(item, BadRow):
                yield item
                continue
            line, row = item
            if not row[0]:
                yield no_path(line, row)
                continue
            names = self._names(row)
            path, folder = row[0], ""
            if self._folder is not None and self._folder < len(row):
                path, folder = _parted(path, row[self._folder])
            if any(map(has_surrogate, names)):
                yield BadRow(
                    line,
                    _("The row is not in the encoding of the file."),
                    excerpt(",".join(row)),
                    path,
                )
                continue
            yield ImageRecord(path, tuple(map(self._record, names)), line, folder=folder)

    def _names(self, row: list[str]) -> list[str]:
        """Keywords of all columns, once each: paths of a hierarchy instead of their parts."""
        flat: list[str] = []
        deep: dict[str, None] = {}
        parts_of_paths: set[str] = set()
        for place, mark in self._columns:
            if place >= len(row):
                continue  # ExifTool writes no empty cells at the end of a row
            for word in self._words(row[place]):
                parts = [part for part in word.split(mark) if part] if mark else [word]
                if len(parts) > 1:
                    deep[HIERARCHY_SEPARATOR.join(parts)] = None
                    parts_of_paths.update(parts)
                elif parts:
                    flat.append(parts[0])
        if not deep and len(self._columns) == 1:
            return flat
        return list(dict.fromkeys([*deep, *(word for word in flat if word not in parts_of_paths)]))

    def _words(self, cell: str) -> list[str]:
        words = cell.split(self._separator)
        if self._strips:
            words = [word.strip() for word in words]
        return [word for word in words if word]

    def _record(self, name: str) -> ClassRecord:
        found = self._known.get(name)
        if found is None:
            found = ClassRecord(name)
            if len(self._known) < MAX_CACHED:
                self._known[name] = found
        return found
