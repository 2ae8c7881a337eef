"""Darwin Core: occurrences and the media that show them.

Read are archives (a zip or folder with ``meta.xml``) and pairs of tables, one of occurrences and
one of media (Audubon Core, GBIF's Multimedia), linked by ``occurrenceID``; without a table of
media, ``associatedMedia``.  An occurrence that is absent says that its class is absent.

``basisOfRecord`` tells how the evidence was made, a MachineObservation with a camera trap, and not
who named the class; ``identificationRemarks`` may tell that ("classified by a machine with a
degree of certainty of 90%", as packages of camera traps are converted).
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.interchange.errors import FileMalformed, InterchangeError
from lmpt_desktop.interchange.format import Format, Option, OptionChoice
from lmpt_desktop.interchange.reading.foreign_text import clean_path, clean_text, unique_specs
from lmpt_desktop.interchange.reading.json_values import moment_of
from lmpt_desktop.interchange.reading.packages import (
    ZIP_START,
    Package,
    package_of,
    package_sample,
    short_row,
    table_rows,
)
from lmpt_desktop.interchange.reading.source_files import HEAD_BYTES, Sample, SourceFile, sample_of
from lmpt_desktop.interchange.reading.xml_stream import XmlReader
from lmpt_desktop.interchange.record import (
    BadRow,
    ClassRecord,
    FileFacts,
    ImageRecord,
    Origin,
    Reading,
)
from lmpt_desktop.translation import N_, _
from trainer.photo import PHOTO_SUFFIXES

META = "meta.xml"
_META_BYTES = 1024 * 1024
_TABLE_SUFFIXES = (".csv", ".tsv", ".txt")
_MAX_TABLES = 50
_MAX_BAD_ROWS = 10_000
_ENCODINGS = re.compile(r"ascii|utf-8|utf-16(-[lb]e)?|iso8859-\d{1,2}|cp12\d\d|mac-roman")
"""As Python calls them; others can be slow, or are no text at all."""
_MACHINE = re.compile(r"classified by a machine(?:.{0,50}?(\d{1,3}(?:\.\d{1,6})?)\s?%)?", re.I)
_HUMAN = re.compile(r"classified by a human", re.I)
_STATUS = {"present": Verdict.PRESENT, "": Verdict.PRESENT, "absent": Verdict.ABSENT}
_MEDIA_COLUMNS = ("accessuri", "identifier")


@dataclass(frozen=True)
class _Table:
    """How a table is written, and what its columns mean.

    Attributes:
        name: of its file in the package.
        row_type: the last part of its URI, lower case; "" if unknown.
        columns: the place of each term, by the last part of the term, lower case.
        defaults: values of terms that have no column.
        key: the column that links it to others in an archive; None outside of one.
    """

    name: str
    row_type: str = ""
    columns: dict[str, int] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)
    key: int | None = None
    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    skipped: int = 1

    @property
    def is_of_media(self) -> bool:
        if self.row_type:
            return self.row_type in ("multimedia", "image", "audiovisual")
        return "accessuri" in self.columns or (
            "identifier" in self.columns and "scientificname" not in self.columns
        )

    @property
    def is_of_occurrences(self) -> bool:
        if self.row_type:
            return self.row_type == "occurrence"
        return "occurrenceid" in self.columns and (
            "scientificname" in self.columns or "occurrencestatus" in self.columns
        )


# ---------------------------------------------------------------------------- recognising


def _sniff(sample: Sample) -> str:
    if sample.is_folder or sample.head.startswith(ZIP_START):
        found = package_sample(sample, META)
        if found is not None and b"rs.tdwg.org/dwc/text" in found[1]:
            return _("It has a meta.xml, as archives of Darwin Core have.")
        if not sample.is_folder:
            return ""
        names = [name for name in sample.names if "/" not in name and _is_table(name)]
        heads = [_head(SourceFile(sample.path / name)) for name in names[:_MAX_TABLES]]
    elif sample.path.name == META:
        heads = []
        if b"rs.tdwg.org/dwc/text" in sample.head:
            return _("It is the meta.xml of an archive of Darwin Core.")
    else:
        heads = [sample.head] if _is_table(sample.path.name) else []
    for head in heads:
        table = _described("", head)
        if table.is_of_occurrences or (table.is_of_media and "occurrenceid" in table.columns):
            return _("It has a table with occurrenceID, as Darwin Core has.")
    return ""


def _is_table(name: str) -> bool:
    return name.lower().endswith(_TABLE_SUFFIXES)


def _head(source: SourceFile) -> bytes:
    try:
        with source.open() as file:
            return file.read(HEAD_BYTES)
    except InterchangeError:
        return b""


def _described(name: str, head: bytes) -> _Table:
    """A table by its first line."""
    line = head.removeprefix(codecs.BOM_UTF8).partition(b"\n")[0].decode("utf-8", "replace")
    delimiter = max(",\t;", key=line.count)
    try:
        header = next(csv.reader(io.StringIO(line.strip("\r")), delimiter=delimiter), [])
    except csv.Error:
        header = []
    columns: dict[str, int] = {}
    for place, term in enumerate(header):
        columns.setdefault(_term(term), place)
    columns.pop("", None)
    return _Table(name, columns=columns, delimiter=delimiter)


def _term(written: str) -> str:
    """``occurrenceid`` of ``dwc:occurrenceID`` or its URI."""
    return re.split("[:/#]", written.strip())[-1].lower()


# ------------------------------------------------------------------------------------- reading


def _options(_path: Path) -> tuple[Option, ...]:
    return (
        Option(
            "name",
            _("Names of classes"),
            choices=(
                OptionChoice("", _("scientific, else vernacular")),
                OptionChoice("vernacular", _("vernacular, else scientific")),
            ),
        ),
    )


def _read(source: SourceFile) -> Reading:
    package, tables = _tables(source)
    occurrences = next((table for table in tables if table.is_of_occurrences), None)
    if occurrences is None:
        raise FileMalformed(_("{path} has no table of occurrences.").format(path=source.path))
    media = next((table for table in tables if table.is_of_media), None)
    is_event_core = bool(tables[0].row_type) and not tables[0].is_of_occurrences
    found = _Occurrences(package, occurrences, by_key=not is_event_core)
    notes = (_("Observations by a machine (basisOfRecord) may have been named by a person."),)
    facts = FileFacts(unique_specs(list(found.classes.values())), notes=notes)
    if media is None:
        return Reading(facts, found.items())
    return Reading(facts, _media_items(package, media, found, by_key=not is_event_core))


def _tables(source: SourceFile) -> tuple[Package, list[_Table]]:
    """The package that the user chose (a file of), and its tables; of an archive the core first."""
    path = source.path
    if path.is_file() and _is_table(path.name):
        package = Package(source, path.parent)
        if not (path.parent / META).is_file():
            return package, _pair(package, path.name)
    elif path.is_dir() and not any(path.glob(META)) and not any(path.glob(f"*/{META}")):
        package = Package(source, path)
        return package, _pair(package)
    package = package_of(source, META)
    tables = _archive_tables(package)
    if not tables:
        raise FileMalformed(_("{path} describes no tables.").format(path=package.place / META))
    return package, tables


def _pair(package: Package, chosen: str = "") -> list[_Table]:
    """Tables in a folder that belong together: the chosen one, and those that complete it."""
    names = [name for name in sample_of(package.place).names if "/" not in name and _is_table(name)]
    if chosen:
        names = [chosen, *(name for name in names if name != chosen)]
    occurrences: list[_Table] = []
    media: list[_Table] = []
    for name in names[:_MAX_TABLES]:
        with package.open(name) as file:
            table = _described(name, file.read(HEAD_BYTES))
        if "occurrenceid" in table.columns:
            if table.is_of_occurrences:
                occurrences.append(table)
            elif table.is_of_media:
                media.append(table)
    return [*occurrences[:1], *media[:1]]


def _archive_tables(package: Package) -> list[_Table]:
    """Tables that meta.xml describes, the core first."""
    data = package.read_bytes(META, limit=_META_BYTES)
    found: list[_Table] = []
    text: list[str] = []
    building: dict[str, object] = {}
    columns: dict[str, int] = {}
    defaults: dict[str, str] = {}

    def start(tag: str, attributes: dict[str, str]) -> None:
        text.clear()
        if tag in ("core", "extension"):
            building.clear()
            columns.clear()
            defaults.clear()
            quote = _character(attributes.get("fieldsEnclosedBy", '"'))
            building.update(
                row_type=_term(attributes.get("rowType", "")),
                delimiter=_character(attributes.get("fieldsTerminatedBy", ",")) or ",",
                quote=quote,
                encoding=_encoding(attributes.get("encoding", "utf-8")),
                skipped=_whole(attributes.get("ignoreHeaderLines", "0")) or 0,
            )
        elif tag in ("id", "coreid"):
            building["key"] = _whole(attributes.get("index", ""))
        elif tag == "field":
            term = _term(attributes.get("term", ""))
            place = _whole(attributes.get("index", ""))
            if place is not None:
                columns.setdefault(term, place)
            if "default" in attributes:
                defaults.setdefault(term, attributes["default"])

    def end(tag: str) -> None:
        if tag == "location":
            building.setdefault("name", "".join(text).strip())
        elif tag in ("core", "extension") and building.get("name"):
            table = _Table(**building, columns=dict(columns), defaults=dict(defaults))  # type: ignore[arg-type]
            found.insert(0 if tag == "core" else len(found), table)

    reader = XmlReader(package.place / META, start, end, text.append, local_names=True)
    reader.parse_all(io.BytesIO(data))
    return found


def _character(written: str) -> str:
    r"""One character, as ``\t`` or as it is; "" if it is none, or one that ends a line."""
    written = written.replace("\\t", "\t")
    return written if len(written) == 1 and written not in "\r\n" else ""


def _encoding(written: str) -> str:
    try:
        name = codecs.lookup(written[:40]).name
    except (LookupError, ValueError):
        return "utf-8"
    return name if _ENCODINGS.fullmatch(name) else "utf-8"


def _whole(written: str) -> int | None:
    return int(written) if re.fullmatch("[0-9]{1,4}", written) else None


def _rows(package: Package, table: _Table) -> Iterator[tuple[int, dict[str, str], str] | BadRow]:
    """Lines, values by term, and keys of a table."""
    with package.open(table.name) as file:
        rows = table_rows(
            file,
            package.place / table.name,
            delimiter=table.delimiter,
            quote=table.quote,
            encoding=table.encoding,
        )
        left = table.skipped
        with closing(rows):
            for item in rows:
                if left > 0:
                    left -= 1
                elif isinstance(item, BadRow):
                    yield item
                else:
                    line, cells = item
                    values = dict(table.defaults)
                    for term, place in table.columns.items():
                        if place < len(cells) and (cells[place] or term not in values):
                            values[term] = cells[place]
                    key = table.key
                    yield line, values, cells[key] if key is not None and key < len(cells) else ""


class _Occurrences:
    """All occurrences: what each says, by its id."""

    def __init__(self, package: Package, table: _Table, *, by_key: bool) -> None:
        self.classes: dict[str, ClassSpec] = {}
        self.said: dict[str, dict[ClassRecord, None]] = {}
        self.bad_rows: list[BadRow] = []
        self._associated: list[tuple[int, str, ClassRecord]] = []
        self._same: dict[ClassRecord, ClassRecord] = {}
        vernacular = package.source.options.get("name") == "vernacular"
        for item in _rows(package, table):
            if isinstance(item, BadRow):
                self._note(item)
                continue
            line, row, key = item
            record = self._record(row, vernacular)
            if record is None:
                self._note(BadRow(line, _("The row names no class."), short_row([*row.values()])))
                continue
            name = row.get("occurrenceid") or (key if by_key else "")
            if name:
                self.said.setdefault(name, {})[record] = None
            if media := row.get("associatedmedia", ""):
                self._associated.append((line, media, record))

    def _note(self, row: BadRow) -> None:
        if len(self.bad_rows) < _MAX_BAD_ROWS:
            self.bad_rows.append(row)

    def _record(self, row: dict[str, str], vernacular: bool) -> ClassRecord | None:
        names = [
            clean_text(row.get(key, "")).strip() for key in ("scientificname", "vernacularname")
        ]
        if vernacular:
            names.reverse()
        name, other = names[0] or names[1], names[1] if names[0] else ""
        if not name:
            return None
        known = self.classes.get(name)
        if known is None or (other and other not in known.aliases):
            aliases = (*known.aliases, other) if known else (other,)
            self.classes[name] = ClassSpec(name, aliases=tuple(filter(None, aliases)))
        remarks = row.get("identificationremarks", "")[:1000]
        origin, score = Origin.UNSTATED, None
        if machine := _MACHINE.search(remarks):
            origin = Origin.MACHINE
            percent = float(machine[1]) if machine[1] else 101.0
            score = percent / 100 if percent <= 100 else None
        elif _HUMAN.search(remarks):
            origin = Origin.HUMAN
        status = clean_text(row.get("occurrencestatus", ""))
        record = ClassRecord(
            name,
            _STATUS.get(status.strip().lower()),
            status,
            origin,
            score,
            clean_text(row.get("identifiedby", "")),
            moment_of(row.get("dateidentified", "")),
        )
        return self._same.setdefault(record, record)

    def items(self) -> Iterator[ImageRecord | BadRow]:
        """Photos that the occurrences themselves name (``associatedMedia``)."""
        yield from self.bad_rows
        for line, media, record in self._associated:
            for part in media.split("|"):
                if path := clean_path(part.strip()):
                    yield ImageRecord(path, (record,), line)


def _media_items(
    package: Package, table: _Table, occurrences: _Occurrences, *, by_key: bool
) -> Iterator[ImageRecord | BadRow]:
    yield from occurrences.bad_rows
    for item in _rows(package, table):
        if isinstance(item, BadRow):
            yield item
            continue
        line, row, key = item
        kind = row.get("type", "").lower()
        if (kind and "image" not in kind) or "moving" in kind:
            continue
        path = _photo(row)
        if not path:
            yield BadRow(line, _("The row names no photo."), short_row(list(row.values())))
            continue
        name = row.get("occurrenceid") or (key if by_key else "")
        said = occurrences.said.get(name)
        if name and said is None:
            yield BadRow(
                line,
                _("The photo is of an occurrence that is not listed."),
                clean_text(name[:200]),
                path,
            )
            continue
        yield ImageRecord(path, tuple(said or ()), line)


def _photo(row: dict[str, str]) -> str:
    """Where a photo is: an address that ends as a photo does, else any."""
    found = [value for key in _MEDIA_COLUMNS if (value := clean_path(row.get(key, "").strip()))]
    for value in found:
        if PurePosixPath(value.partition("?")[0]).suffix.lower() in PHOTO_SUFFIXES:
            return value
    return found[0] if found else ""


FORMAT = Format(
    "darwin-core",
    "Darwin Core",
    (".zip", ".csv", ".xml", ".txt", ".tsv"),
    sniff=_sniff,
    read=_read,
    options=_options,
    summary=N_("Occurrences with media, as GBIF and museums publish them."),
)
