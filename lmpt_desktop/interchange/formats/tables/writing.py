"""Our own tables, wide and long: written for people and notebooks, and read back exactly.

Wide: ``path`` and a column per class with 1, 0 or nothing.  Long: ``path,class,verdict,score,
source``, and a row without a class for a photo of which nothing is said.  A split column comes
first in a wide table, so that it is never taken for a class, and last in a long one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from lmpt_desktop.domain.records import ClassSpec, Source, Verdict
from lmpt_desktop.interchange.cells import from_cell, has_surrogate, quoted, to_cell
from lmpt_desktop.interchange.errors import FileMalformed
from lmpt_desktop.interchange.format import ExportFacts, Option, OptionChoice, Options
from lmpt_desktop.interchange.formats.tables.dialect import (
    DELIMITERS,
    Dialect,
    Row,
    check_columns,
    decoded_head,
    dialect_options,
    encoding_of_mark,
    excerpt,
    find_dialect,
    rows,
    sample_rows,
)
from lmpt_desktop.interchange.formats.tables.reading import (
    MAX_CACHED,
    Said,
    checked,
    grouped,
    no_path,
)
from lmpt_desktop.interchange.formats.tables.values import (
    CellMalformed,
    score_of,
    usual_verdict,
)
from lmpt_desktop.interchange.reading.source_files import Sample, SourceFile
from lmpt_desktop.interchange.record import (
    BadRow,
    ClassRecord,
    FileFacts,
    ImageRecord,
    Origin,
    Reading,
)
from lmpt_desktop.translation import N_, _

LONG_COLUMNS = ("path", "class", "verdict", "score", "source")
SPLIT = "split"
_PRESENT, _ABSENT, _UNKNOWN = "present", "absent", "unknown"
_WORDS = {Verdict.PRESENT: _PRESENT, Verdict.ABSENT: _ABSENT, Verdict.UNKNOWN: _UNKNOWN}
_FIGURES = ("1", "0")
_HUMAN = {item.value for item in Source if item is not Source.MACHINE}
_WIDE_HEAD = re.compile(r'(?:"?split"?[,;|\t])?"?path"?([,;|\t]|\r?\n|$)')
_BLOCK_LINES = 1000


def write_options() -> tuple[Option, ...]:
    """What is asked before a table is written."""
    return (
        Option(
            "delimiter",
            N_("Cells are separated by"),
            choices=(
                OptionChoice("", N_("Comma; in a .tsv file tab")),
                OptionChoice("comma", N_("Comma")),
                OptionChoice("semicolon", N_("Semicolon")),
                OptionChoice("tab", N_("Tab")),
            ),
        ),
        Option(
            SPLIT,
            N_("Column for the split"),
            default="no",
            choices=(OptionChoice("no", N_("No")), OptionChoice("yes", N_("Yes"))),
            help=N_("Train, or test for held-out photos."),
        ),
    )


def own_options(_path: Path) -> tuple[Option, ...]:
    """What is asked before one of our own tables is read."""
    return dialect_options()


def write_wide(records: Iterable[ImageRecord], facts: ExportFacts, path: Path) -> None:
    """A photo per row, a class per column."""
    with_split = _with_split(facts.options)
    delimiter = _delimiter(facts.options, path)
    places = {spec.name: place for place, spec in enumerate(facts.classes)}
    titles = [*([SPLIT] if with_split else []), "path"]
    header = delimiter.join([*titles, *(quoted(to_cell(name)) for name in places)])

    def lines() -> Iterator[str]:
        yield header
        for record in records:
            cells = [""] * len(places)
            for said in record.classes:
                if figure := _figure(said):
                    cells[places[said.name]] = figure
            start = [quoted(to_cell(record.path))]
            if with_split:
                start.insert(0, quoted(to_cell(record.split)))
            yield delimiter.join([*start, *cells])

    _write(lines(), path)


def held_wide(record: ImageRecord, options: Options) -> ImageRecord:
    """What of a record is in a wide table: only what people said."""
    classes = tuple(
        _wide_cell(said.name, figure) for said in record.classes if (figure := _figure(said))
    )
    return ImageRecord(record.path, classes, split=_split_of(record, options))


@lru_cache(maxsize=10_000)
def _wide_cell(name: str, figure: str) -> ClassRecord:
    return ClassRecord(name, usual_verdict(figure), figure)


def _figure(said: ClassRecord) -> str:
    """The cell of a class, one of ``_FIGURES``; "" for what a machine said, since a wide table
    does not tell who said so."""
    if said.origin is Origin.MACHINE:
        return ""
    # Faster than looking it up: members of an enumeration hash slowly.
    if said.verdict == 1:
        return "1"
    return "0" if said.verdict == 0 else ""


def write_long(records: Iterable[ImageRecord], facts: ExportFacts, path: Path) -> None:
    """A row per photo and class."""
    with_split = _with_split(facts.options)
    delimiter = _delimiter(facts.options, path)
    titles = [*LONG_COLUMNS, *([SPLIT] if with_split else [])]
    nothing = delimiter * (len(LONG_COLUMNS) - 1)
    names: dict[str, str] = {}

    def cell(name: str) -> str:
        found = names.get(name)
        if found is None:
            found = names[name] = quoted(to_cell(name))
        return found

    def lines() -> Iterator[str]:
        yield delimiter.join(titles)
        last = ""
        for record in records:
            where = quoted(to_cell(record.path))
            end = delimiter + quoted(to_cell(record.split)) if with_split else ""
            held = [said for said in record.classes if said.verdict is not None]
            # A row without a class also parts two photos of the same path (of two folders).
            if not held or record.path == last:
                yield where + nothing + end
            last = record.path
            for said in held:
                word = _WORDS[said.verdict]  # pyright: ignore[reportArgumentType] (filtered)
                score = "" if said.score is None else repr(float(said.score))
                yield (
                    delimiter.join((where, cell(said.name), word, score, cell(said.source))) + end
                )

    _write(lines(), path)


def held_long(record: ImageRecord, options: Options) -> ImageRecord:
    """What of a record is in a long table."""
    classes = tuple(
        ClassRecord(
            said.name,
            said.verdict,
            _WORDS[said.verdict],
            _origin(said.source),
            said.score,
            source=said.source,
        )
        for said in record.classes
        if said.verdict is not None
    )
    return ImageRecord(record.path, classes, split=_split_of(record, options))


def _origin(source: str) -> Origin:
    if source in _HUMAN:
        return Origin.HUMAN
    return Origin.MACHINE if source else Origin.UNSTATED


def _with_split(options: Options) -> bool:
    return options.get(SPLIT, "no") == "yes"


def _split_of(record: ImageRecord, options: Options) -> str:
    return record.split if _with_split(options) else ""


def _delimiter(options: Options, path: Path) -> str:
    name = options.get("delimiter", "")
    if name in DELIMITERS:
        return DELIMITERS[name]
    return "\t" if path.suffix.lower() in (".tsv", ".tab") else ","


def _write(lines: Iterator[str], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        block: list[str] = []
        for line in lines:
            block.append(line)
            if len(block) == _BLOCK_LINES:
                file.write("\n".join(block) + "\n")
                block.clear()
        if block:
            file.write("\n".join(block) + "\n")


def _head_rows(sample: Sample) -> list[list[str]]:
    """The first rows of what may be one of our tables; [] if it is none."""
    if sample.is_folder or not sample.head:
        return []
    marked = encoding_of_mark(sample.head)
    if not marked and b"\0" in sample.head:
        return []
    text = decoded_head(sample.head, marked[0] if marked else "utf-8")
    found = _WIDE_HEAD.match(text)
    if found is None or found[1] not in DELIMITERS.values():
        return []
    return [row for row in sample_rows(text, found[1]) if row]


def sniff_long(sample: Sample) -> str:
    """Why a file is a long table of ours; "" if it is not."""
    found = _head_rows(sample)
    if not found or not _is_long(found[0]):
        return ""
    words = {*_WORDS.values(), ""}
    if not all(len(row) > 2 and row[2] in words for row in found[1:]):
        return ""
    return _("Its columns are path, class, verdict, score and source.")


def sniff_wide(sample: Sample) -> str:
    """Why a file is a wide table as we write it; "" if it is not."""
    found = _head_rows(sample)
    if len(found) < 2 or sniff_long(sample):
        return ""
    first = _path_place(found[0]) + 1
    figures = {"", "0", "1"}
    if len(found[0]) == first or not all(figures.issuperset(row[first:]) for row in found[1:]):
        return ""
    return _("Its first column is the path; all others hold 1, 0 or nothing.")


def _is_long(header: list[str]) -> bool:
    return tuple(header) in (LONG_COLUMNS, (*LONG_COLUMNS, SPLIT))


def _path_place(header: list[str]) -> int:
    return 1 if header[:2] == [SPLIT, "path"] else 0


def _opened(source: SourceFile) -> tuple[list[str], Iterator[Row | BadRow], Dialect]:
    """Header, rows and dialect of one of our tables."""
    dialect = find_dialect(source, source.options)
    with source.open(source.path) as file:
        head = decoded_head(file.read(4096), dialect.encoding)
    found = _WIDE_HEAD.match(head)
    # The delimiter follows the first title, which says more than what fits most rows.
    if not source.options.get("delimiter") and found and found[1] in DELIMITERS.values():
        dialect = Dialect(dialect.encoding, found[1], dialect.encoding_reason)
    items = rows(source, dialect)
    header = next((item for item in items if not isinstance(item, BadRow)), None)
    if header is None:
        raise FileMalformed(_("The table has no rows."))
    check_columns(header[1])
    return header[1], items, dialect


def _notes(dialect: Dialect) -> tuple[str, ...]:
    return (dialect.encoding_reason,) if dialect.encoding_reason else ()


def read_wide(source: SourceFile) -> Reading:
    """Open a wide table.

    Raises:
        InterchangeError: if it cannot be read, or is not laid out so.
    """
    header, items, dialect = _opened(source)
    place = _path_place(header)
    if header[place] != "path":
        raise FileMalformed(_("The table does not begin with a column “path”."))
    names = [from_cell(cell) for cell in header[place + 1 :]]
    if any(map(has_surrogate, names)):
        raise FileMalformed(_("The names of its columns are not in the encoding of the file."))
    facts = FileFacts(tuple(map(ClassSpec, dict.fromkeys(names))), notes=_notes(dialect))
    return Reading(facts, _wide_records(checked(items, len(header), place), place, names))


def _wide_records(
    items: Iterable[Row | BadRow], place: int, names: list[str]
) -> Iterator[ImageRecord | BadRow]:
    known = [{figure: _wide_cell(name, figure) for figure in _FIGURES} for name in names]
    start = place + 1
    for item in items:
        if isinstance(item, BadRow):
            yield item
            continue
        line, row = item
        if not row[place]:
            yield no_path(line, row)
            continue
        if has_surrogate("".join(row[start:])):
            yield _not_text(line, row, place)
            continue
        classes = tuple(
            found.get(cell) or ClassRecord(name, usual_verdict(cell), cell)
            for cell, found, name in zip(row[start:], known, names, strict=True)
            if cell
        )
        yield ImageRecord(
            from_cell(row[place]), classes, line, split=from_cell(row[0]) if place else ""
        )


def _not_text(line: int, row: list[str], place: int = 0) -> BadRow:
    return BadRow(
        line,
        _("The row is not in the encoding of the file."),
        excerpt(",".join(row)),
        from_cell(row[place]),
    )


def read_long(source: SourceFile) -> Reading:
    """Open a long table of ours.

    Raises:
        InterchangeError: if it cannot be read, or has other columns.
    """
    header, items, dialect = _opened(source)
    if not _is_long(header):
        raise FileMalformed(
            _("The columns are not {columns}.").format(columns=", ".join(LONG_COLUMNS))
        )
    said = _long_rows(checked(items, len(header), 0), len(header) > len(LONG_COLUMNS))
    return Reading(FileFacts(notes=_notes(dialect)), grouped(said))


def _long_rows(items: Iterable[Row | BadRow], with_split: bool) -> Iterator[Said | BadRow]:
    known: dict[tuple[str, ...], ClassRecord] = {}
    for item in items:
        if isinstance(item, BadRow):
            yield item
            continue
        line, row = item
        if not row[0]:
            yield no_path(line, row)
            continue
        cells = tuple(row[1:5])
        found = known.get(cells)
        if found is None and cells[0]:
            try:
                found = _long_cell(*cells)
            except CellMalformed as error:
                yield BadRow(
                    line,
                    _("The score cannot be read: {reason}.").format(reason=error),
                    excerpt(",".join(row)),
                    from_cell(row[0]),
                )
                continue
            if has_surrogate("".join((found.name, found.value, found.source))):
                yield _not_text(line, row)
                continue
            if len(known) < MAX_CACHED:
                known[cells] = found
        yield line, from_cell(row[0]), from_cell(row[5]) if with_split else "", found


def _long_cell(name: str, verdict: str, score: str, source: str) -> ClassRecord:
    source = from_cell(source)
    return ClassRecord(
        from_cell(name),
        usual_verdict(verdict),
        verdict,
        _origin(source),
        score_of(score),
        source=source,
    )
