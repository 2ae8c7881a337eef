"""Reading a table of any layout."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.interchange.cells import from_cell, has_surrogate
from lmpt_desktop.interchange.errors import FileMalformed
from lmpt_desktop.interchange.format import Option, OptionChoice, OptionKind, Options
from lmpt_desktop.interchange.formats.tables.dialect import (
    Row,
    check_columns,
    decoded_head,
    dialect_options,
    encoding_of_mark,
    encoding_of_zeros,
    excerpt,
    find_delimiter,
    find_dialect,
    rows,
    sample_rows,
)
from lmpt_desktop.interchange.formats.tables.mapping import (
    NONE,
    PRESETS,
    Layout,
    Mapping,
    Table,
    find_mapping,
    find_preset,
    is_photo_name,
    says_something,
)
from lmpt_desktop.interchange.formats.tables.values import (
    SEPARATORS,
    CellMalformed,
    chexpert_verdict,
    looks_like_scores,
    score_of,
    splitter,
    usual_origin,
    usual_verdict,
)
from lmpt_desktop.interchange.reading.source_files import MAX_SMALL_FILE_BYTES, Sample, SourceFile
from lmpt_desktop.interchange.record import (
    BadRow,
    ClassRecord,
    FileFacts,
    ImageRecord,
    Origin,
    Reading,
)
from lmpt_desktop.translation import _, join_names, ngettext, number

_SAMPLE_ROWS = 200
_SAMPLE_CELLS = 500_000
MAX_CACHED = 100_000
"""Cells whose meaning is remembered; beyond that it is found out anew."""
_MAX_CLASSES_AT_ONCE = 10_000
"""Of one photo; with more, several records say it, so that memory stays bounded."""
_NO_CLASS = ("", "blank", "no cv result")
"""What Wildlife Insights names what it does not name."""
_RANKS = ("family", "order", "class")
Said = tuple[int, str, str, ClassRecord | None]
"""Of a row: its line, its photo, the photo's split, and what is said of a class, if any."""
_TABLE_SUFFIXES = (".csv", ".tsv", ".tab")


def sniff(sample: Sample) -> str:
    """Why a file is a table of annotations; "" if it is not."""
    if sample.is_folder or sample.suffix not in (*_TABLE_SUFFIXES, ".txt", ""):
        return ""
    table = _table_of_head(sample.head)
    if table is None or not (table.has_header or sample.suffix in _TABLE_SUFFIXES):
        return ""
    if preset := find_preset(table):
        return _("Its columns are those of {preset}.").format(preset=_(preset.title))
    mapping = find_mapping(table, {})
    return _description(table, mapping) if says_something(table, mapping) else ""


def _description(table: Table, mapping: Mapping) -> str:
    path = table.names[mapping.path]
    if mapping.layout is Layout.WIDE:
        names = [table.names[i] for i in mapping.class_columns]
        return _("A table with a photo per row (“{path}”) and a column per class: {names}.").format(
            path=path, names=join_names(names, 3)
        )
    name = table.names[mapping.class_column]
    if mapping.layout is Layout.SEPARATED:
        return _("A table with a photo per row (“{path}”) and its classes in “{name}”.").format(
            path=path, name=name
        )
    return _("A table with a row per photo (“{path}”) and class (“{name}”).").format(
        path=path, name=name
    )


def _table_of_head(head: bytes) -> Table | None:
    """The table that a file begins with; None if it is none."""
    marked = encoding_of_mark(head)
    encoding = marked[0] if marked else encoding_of_zeros(head) or "utf-8"
    text = decoded_head(head, encoding)
    if "\0" in text or text.lstrip()[:1] in tuple("{[<%"):
        return None
    if text[:4].lower() == "sep=":
        text = text.partition("\n")[2]
    found = [row for row in sample_rows(text, find_delimiter(text)) if row]
    if not found or len(found[0]) < 2:
        return None
    width = len(found[0])
    if sum(len(row) == width for row in found) < 0.7 * len(found):
        return None
    return _table(found)


def _table(found: list[list[str]], has_header: bool | None = None) -> Table:
    first = found[0]
    if has_header is None:
        has_header = not any(map(is_photo_name, first))
    width = len(first)
    body = found[1:] if has_header else found
    filled = tuple(tuple((*row, *[""] * width)[:width]) for row in body)
    header = tuple(first) if has_header else tuple(f"#{i}" for i in range(1, width + 1))
    return Table(header, filled, has_header)


class _Opened:
    """The beginning of a file, and a way to go on from there."""

    def __init__(self, source: SourceFile, options: Options) -> None:
        self.dialect = find_dialect(source, options)
        self._items = rows(source, self.dialect)
        self._begun: list[Row | BadRow] = []
        cells = 0
        for item in self._items:
            self._begun.append(item)
            if not isinstance(item, BadRow):
                check_columns(item[1])
                cells += len(item[1])
            if len(self._begun) > _SAMPLE_ROWS or cells > _SAMPLE_CELLS:
                break
        first = next((i for i, item in enumerate(self._begun) if not isinstance(item, BadRow)), -1)
        if first < 0:
            raise FileMalformed(_("The table has no rows."))
        found = [item[1] for item in self._begun if not isinstance(item, BadRow)]
        header = options.get("header", "")
        self.table = _table(found, {"yes": True, "no": False}.get(header))
        if self.table.has_header:
            del self._begun[first]

    def items(self) -> Iterator[Row | BadRow]:
        """All rows after the header."""
        return chain(self._begun, self._items)

    def close(self) -> None:
        """For one whose rows are not wanted."""
        self._items.close()


def options_of(path: Path) -> tuple[Option, ...]:
    """What to ask about a table; "" stands for what its content suggests.

    Raises:
        InterchangeError: if it cannot be read.
    """
    opened = _Opened(SourceFile(path), {})
    opened.close()
    table = opened.table
    mapping = find_mapping(table, {})
    columns = tuple(OptionChoice(name, name) for name in table.names)
    nothing = OptionChoice(NONE, _("None"))

    def found(text: str) -> OptionChoice:
        return OptionChoice("", _("As found: {value}").format(value=text))

    def name(place: int | None) -> str:
        return _("None") if place is None or place < 0 else table.names[place]

    layouts = {
        Layout.WIDE: _("A column per class"),
        Layout.LONG: _("A row per photo and class"),
        Layout.SEPARATED: _("All classes of a photo in one cell"),
    }
    separators = {
        "semicolon": _("Semicolon"),
        "bar": _("Vertical bar"),
        "comma": _("Comma"),
        "tab": _("Tab"),
        "line": _("New line"),
        "space": _("Space"),
        "json": _("List in brackets"),
    }
    preset = next((item for item in PRESETS if item.name == mapping.preset), None)
    names_file = _names_beside(path, mapping)
    return (
        Option(
            "preset",
            _("Kind of table"),
            choices=(
                found(_(preset.title) if preset else _("None")),
                nothing,
                *(OptionChoice(item.name, _(item.title)) for item in PRESETS),
            ),
        ),
        Option(
            "layout",
            _("Layout"),
            choices=(
                found(layouts[mapping.layout]),
                *(OptionChoice(key.value, text) for key, text in layouts.items()),
            ),
        ),
        Option("path", _("Photo"), choices=(found(name(mapping.path)), *columns)),
        Option(
            "class",
            _("Class"),
            choices=(found(name(mapping.class_column)), *columns),
            help=_("Not asked of a table with a column per class."),
        ),
        Option(
            "verdict",
            _("Verdict"),
            choices=(found(name(mapping.verdict)), nothing, *columns),
            help=_("Present, absent or unknown; without it, what is listed is present."),
        ),
        Option("score", _("Score"), choices=(found(name(mapping.score)), nothing, *columns)),
        Option(
            "source",
            _("Who said so"),
            choices=(found(name(mapping.source)), nothing, *columns),
        ),
        Option(
            "separator",
            _("Classes of one cell are separated by"),
            choices=(
                found(separators[mapping.separator]),
                *(OptionChoice(key, separators[key]) for key in SEPARATORS),
            ),
        ),
        Option(
            "names",
            _("Names of classes"),
            OptionKind.FILE,
            default=str(names_file) if names_file else "",
            help=_("A table with a code and a name per row, for classes that are codes."),
        ),
        Option(
            "header",
            _("First row"),
            choices=(
                found(_("Names of columns") if table.has_header else _("A photo")),
                OptionChoice("yes", _("Names of columns")),
                OptionChoice("no", _("A photo")),
            ),
        ),
        *dialect_options(),
    )


def _names_beside(path: Path, mapping: Mapping) -> Path | None:
    """The class descriptions of Open Images that lie beside a file, if there is one such file."""
    if mapping.preset != "open-images":
        return None
    try:
        found = sorted(path.parent.glob("*class-descriptions*.csv"))
    except OSError:
        return None
    return found[0] if len(found) == 1 else None


def read(source: SourceFile) -> Reading:
    """Open a table.

    Raises:
        InterchangeError: if it cannot be read, or an option names what there is not.
    """
    opened = _Opened(source, source.options)
    table = opened.table
    mapping = find_mapping(table, source.options)
    chosen_names = source.options.get("names")
    names_file = Path(chosen_names) if chosen_names else None
    if chosen_names is None:
        names_file = _names_beside(source.path, mapping)
    class_names = _read_names(source, names_file) if names_file else {}

    def named(cell: str) -> str:
        text = from_cell(cell).strip()
        if has_surrogate(text) or "\0" in text:
            raise CellMalformed(_("it is not in the encoding of the file"))
        return class_names.get(text, text)

    notes = [opened.dialect.encoding_reason] if opened.dialect.encoding_reason else []
    for preset in PRESETS:
        if (
            preset.name == mapping.preset
            and preset.note
            and not (preset.name == "open-images" and class_names)
        ):
            notes.append(_(preset.note))
    declared: tuple[ClassSpec, ...] = ()
    body = checked(opened.items(), len(table.header), mapping.path)
    if mapping.layout is Layout.WIDE:
        columns: list[tuple[int, str]] = []
        for place in mapping.class_columns:
            cell = table.header[place]
            if cell.strip():
                try:
                    columns.append((place, named(cell)))
                except CellMalformed as error:
                    raise FileMalformed(
                        _("The column {name} cannot be read: {reason}.").format(
                            name=excerpt(cell), reason=error
                        )
                    ) from error
        declared = tuple(map(ClassSpec, dict.fromkeys(name for _i, name in columns)))
        scored = {i for i, _name in columns if looks_like_scores(table.column(i))}
        if scored:
            notes.append(
                ngettext(
                    "{count} column holds scores, as machines give them.",
                    "{count} columns hold scores, as machines give them.",
                    len(scored),
                ).format(count=number(len(scored)))
            )
        verdict_of = chexpert_verdict if mapping.preset == "chexpert" else usual_verdict
        items = _wide(body, mapping, columns, scored, verdict_of)
    elif mapping.layout is Layout.LONG:
        items = grouped(_long(body, mapping, _cell_reader(mapping, table, named)))
    else:
        items = _separated(body, mapping, named)
    return Reading(FileFacts(declared, notes=tuple(notes)), items)


def checked(items: Iterable[Row | BadRow], width: int, path: int) -> Iterator[Row | BadRow]:
    """Rows with as many cells as the header has; more of them may be empty ones at the end.

    ``path``: the column of the photo.
    """
    for item in items:
        if isinstance(item, BadRow):
            yield item
            continue
        line, row = item
        if len(row) == width:
            yield item
        elif len(row) > width and not any(row[width:]):
            yield line, row[:width]
        else:
            yield BadRow(
                line,
                ngettext(
                    "The row has {count} cell; the first row has {width}.",
                    "The row has {count} cells; the first row has {width}.",
                    len(row),
                ).format(count=number(len(row)), width=number(width)),
                excerpt(",".join(row)),
                from_cell(row[path]) if path < len(row) else "",
            )


def grouped(items: Iterable[Said | BadRow]) -> Iterator[ImageRecord | BadRow]:
    """Records of rows that follow each other and are about the same photo.

    A row without a class (None) begins a new record.
    """
    path = split = ""
    line = 0
    classes: list[ClassRecord] = []
    for item in items:
        if isinstance(item, BadRow):
            yield item
            continue
        row_line, row_path, row_split, said = item
        if row_path != path or said is None or len(classes) == _MAX_CLASSES_AT_ONCE:
            if path:
                yield ImageRecord(path, tuple(classes), line, split=split)
            path, split, line, classes = row_path, row_split, row_line, []
        if said is not None:
            classes.append(said)
    if path:
        yield ImageRecord(path, tuple(classes), line, split=split)


def no_path(line: int, row: list[str]) -> BadRow:
    """A row that names no photo."""
    return BadRow(line, _("The row names no photo."), excerpt(",".join(row)))


def _bad_cell(line: int, row: list[str], name: str, reason: object, path: str) -> BadRow:
    return BadRow(
        line,
        _("The cell of {name} cannot be read: {reason}.").format(name=excerpt(name), reason=reason),
        excerpt(",".join(row)),
        path,
    )


def _wide(
    items: Iterable[Row | BadRow],
    mapping: Mapping,
    columns: list[tuple[int, str]],
    scored: set[int],
    verdict_of: Callable[[str], Verdict | None],
) -> Iterator[ImageRecord | BadRow]:
    known: dict[tuple[int, str], ClassRecord] = {}
    places = [place for place, _name in columns]
    names = dict(columns)

    def said(place: int, cell: str) -> ClassRecord:
        value = cell.strip() if mapping.strips else cell
        if place in scored:
            score = score_of(value)
            found = ClassRecord(names[place], origin=Origin.MACHINE, score=score)
        else:
            if has_surrogate(value):
                raise CellMalformed(_("it is not in the encoding of the file"))
            found = ClassRecord(names[place], verdict_of(value), value)
        if len(known) < MAX_CACHED:
            known[place, cell] = found
        return found

    for item in items:
        if isinstance(item, BadRow):
            yield item
            continue
        line, row = item
        path = from_cell(row[mapping.path])
        if mapping.strips:
            path = path.strip()
        if not path:
            yield no_path(line, row)
            continue
        classes: list[ClassRecord] = []
        place = -1
        try:
            for place in places:
                # A blank cell says nothing of the class: it is not listed.
                if (cell := row[place]) and not cell.isspace():
                    classes.append(known.get((place, cell)) or said(place, cell))
        except CellMalformed as error:
            yield _bad_cell(line, row, names[place], error, path)
            continue
        yield ImageRecord(path, tuple(classes), line)


def _separated(
    items: Iterable[Row | BadRow], mapping: Mapping, named: Callable[[str], str]
) -> Iterator[ImageRecord | BadRow]:
    split = splitter(mapping.separator)
    known: dict[str, ClassRecord] = {}
    for item in items:
        if isinstance(item, BadRow):
            yield item
            continue
        line, row = item
        path = from_cell(row[mapping.path])
        if not path:
            yield no_path(line, row)
            continue
        cell = row[mapping.class_column]
        classes: list[ClassRecord] = []
        try:
            for name in split(cell):
                found = known.get(name)
                if found is None:
                    found = ClassRecord(named(name))
                    if len(known) < MAX_CACHED:
                        known[name] = found
                classes.append(found)
        except CellMalformed as error:
            yield BadRow(
                line,
                _("The classes cannot be read: {reason}.").format(reason=error),
                excerpt(",".join(row)),
                path,
            )
            continue
        yield ImageRecord(path, tuple(classes), line)


CellReader = Callable[[list[str]], ClassRecord | None]
"""What a row of a long table says of its class; None if it names none."""


def _long(
    items: Iterable[Row | BadRow], mapping: Mapping, said: CellReader
) -> Iterator[Said | BadRow]:
    for item in items:
        if isinstance(item, BadRow):
            yield item
            continue
        line, row = item
        path = from_cell(row[mapping.path])
        if not path:
            yield no_path(line, row)
            continue
        try:
            yield line, path, "", said(row)
        except CellMalformed as error:
            yield _bad_cell(line, row, row[mapping.class_column], error, path)


def _cell_reader(mapping: Mapping, table: Table, named: Callable[[str], str]) -> CellReader:
    kinds = {"open-images": _open_images, "lmpt-tags": _tags}
    if mapping.preset == "wildlife-insights":
        return _wildlife_insights(mapping, table, named)
    return _remembered(mapping, kinds.get(mapping.preset, _usual), named)


def _remembered(
    mapping: Mapping,
    said: Callable[[str, str, str | None, str], ClassRecord],
    named: Callable[[str], str],
) -> CellReader:
    """Reads a row; the same cells are looked at once only."""
    known: dict[tuple[str, str | None, str, str], ClassRecord] = {}
    column, verdict, score, source = (
        mapping.class_column,
        mapping.verdict,
        mapping.score,
        mapping.source,
    )

    def read_row(row: list[str]) -> ClassRecord | None:
        cell = row[column]
        if not cell or cell.isspace():
            return None
        value = None if verdict is None else row[verdict]
        key = (
            cell,
            value,
            "" if score is None else row[score],
            "" if source is None else row[source],
        )
        found = known.get(key)
        if found is None:
            if has_surrogate("".join(part for part in key if part)):
                raise CellMalformed(_("it is not in the encoding of the file"))
            found = said(named(cell), key[2], value, key[3])
            if len(known) < MAX_CACHED:
                known[key] = found
        return found

    return read_row


def _usual(name: str, score: str, value: str | None, source: str) -> ClassRecord:
    number_ = score_of(score)
    origin = usual_origin(source)
    annotator = source if origin is Origin.UNSTATED else ""
    if number_ is not None and origin is Origin.UNSTATED and not source:
        origin = Origin.MACHINE  # a person gives no score
    if value is None:
        return ClassRecord(name, Verdict.PRESENT, "", origin, number_, annotator)
    return ClassRecord(name, usual_verdict(value), value, origin, number_, annotator)


def _open_images(name: str, score: str, value: str | None, source: str) -> ClassRecord:
    """People verify: 1 present, 0 absent.  A machine's confidence is its score."""
    origin = usual_origin(source)
    confidence = value or score
    if origin is Origin.MACHINE:
        return ClassRecord(name, Verdict.PRESENT, "", origin, score_of(confidence), source)
    return ClassRecord(name, usual_verdict(confidence), confidence, origin, None, source)


def _tags(name: str, score: str, _value: str | None, source: str) -> ClassRecord:
    """A person's verdict has the score 1 or 0."""
    number_ = score_of(score)
    if usual_origin(source) is Origin.HUMAN:
        verdict = {1.0: Verdict.PRESENT, 0.0: Verdict.ABSENT}.get(
            -1.0 if number_ is None else number_
        )
        return ClassRecord(name, verdict, score, Origin.HUMAN, source=source)
    return ClassRecord(name, Verdict.PRESENT, "", Origin.MACHINE, number_, source=source)


def _wildlife_insights(mapping: Mapping, table: Table, named: Callable[[str], str]) -> CellReader:
    """The common name, else the scientific one, else the lowest rank that is known."""
    blank = table.place("is_blank")
    genus, species = table.place("genus"), table.place("species")
    ranks = [place for key in _RANKS if (place := table.place(key)) is not None]
    chosen = table.keys[mapping.class_column] != "common_name"

    def name_of(row: list[str]) -> str:
        name = row[mapping.class_column].strip()
        if name or chosen:
            return name
        both = [row[place].strip() for place in (genus, species) if place is not None]
        names = [" ".join(filter(None, both)), *(row[place].strip() for place in ranks)]
        return next(filter(None, names), "")

    def read_row(row: list[str]) -> ClassRecord | None:
        name = name_of(row)
        is_blank = blank is not None and row[blank].strip().casefold() in ("1", "true")
        if is_blank or name.casefold() in _NO_CLASS:
            return None
        who = "" if mapping.source is None else row[mapping.source].strip()
        score = "" if mapping.score is None else row[mapping.score]
        if has_surrogate(who):
            raise CellMalformed(_("it is not in the encoding of the file"))
        if usual_origin(who) is Origin.MACHINE or (not who and score.strip()):
            return ClassRecord(named(name), origin=Origin.MACHINE, score=score_of(score))
        origin = Origin.HUMAN if who else Origin.UNSTATED
        return ClassRecord(named(name), origin=origin, annotator=who)

    return read_row


def _read_names(source: SourceFile, path: Path) -> dict[str, str]:
    """Names by code, such as the class descriptions of Open Images.

    Raises:
        InterchangeError: if the file cannot be read.
    """
    data = source.read_bytes(path, limit=MAX_SMALL_FILE_BYTES)
    marked = encoding_of_mark(data)
    try:
        text = data.decode(marked[0] if marked else "utf-8")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    names: dict[str, str] = {}
    delimiter = find_delimiter(text[: 64 * 1024])
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if len(row) >= 2 and row[0].strip() and row[1].strip():
                names[row[0].strip()] = row[1].strip()
    except csv.Error as error:
        raise FileMalformed(
            _("{path} cannot be read: {reason}.").format(path=path, reason=error)
        ) from error
    if not names:
        raise FileMalformed(_("{path} has no names of classes.").format(path=path))
    return names
