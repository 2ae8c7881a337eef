"""Rows of a CSV or TSV file: its encoding and delimiter, and what to do about rows that are broken.

Read line by line: a million rows take no more memory than one.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TextIO

from lmpt_desktop.interchange.errors import FileMalformed
from lmpt_desktop.interchange.format import Option, OptionChoice, Options
from lmpt_desktop.interchange.reading.source_files import HEAD_BYTES, SourceFile
from lmpt_desktop.interchange.record import BadRow
from lmpt_desktop.translation import _, ngettext, number

ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "cp1252": "Windows-1252",
    "latin-1": "ISO 8859-1",
    "cp1250": "Windows-1250",
    "cp1251": "Windows-1251",
    "mac_roman": "Mac Roman",
    "shift_jis": "Shift JIS",
    "gb18030": "GB 18030",
}
"""What may be chosen, and how it is called."""
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
MAX_LINE_CHARACTERS = 4 * 1024 * 1024
MAX_ROW_CHARACTERS = MAX_LINE_CHARACTERS
MAX_REREAD_CHARACTERS = 64 * 1024 * 1024
"""What is read again after quotes that never close; what they swallow beyond that is lost."""
MAX_COLUMNS = 50_000
SCAN_BYTES = 64 * 1024 * 1024
"""What is read of a file to find out its encoding."""
SAMPLE_LINES = 200
EXCERPT = 200
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NOT_IN_CP1252 = re.compile(b"[\x81\x8d\x8f\x90\x9d]")
_EXCEL_DIRECTIVE = re.compile(r"sep=([,;|\t])\r?\n?$", re.IGNORECASE)
Row = tuple[int, list[str]]
"""The number of its first line, from 1, and its cells."""


@dataclass(frozen=True)
class Dialect:
    """How a table is written.

    Attributes:
        encoding: for Python.
        delimiter: between cells.
        encoding_reason: why this encoding, a sentence; "" if there is nothing to say.
        skipped_lines: lines before the table, such as ``sep=;``.
        skips_spaces: whether spaces in front of a cell are left out, also before quotes.
    """

    encoding: str = "utf-8-sig"
    delimiter: str = ","
    encoding_reason: str = ""
    skipped_lines: int = 0
    skips_spaces: bool = False


def dialect_options() -> tuple[Option, ...]:
    """Encoding and delimiter as questions; "" stands for what is found."""
    found = OptionChoice("", _("As found"))
    return (
        Option(
            "encoding",
            _("Encoding"),
            choices=(found, *(OptionChoice(name, ENCODINGS[name]) for name in ENCODINGS)),
        ),
        Option(
            "delimiter",
            _("Cells are separated by"),
            choices=(
                found,
                OptionChoice("comma", _("Comma")),
                OptionChoice("semicolon", _("Semicolon")),
                OptionChoice("tab", _("Tab")),
                OptionChoice("bar", _("Vertical bar")),
            ),
        ),
    )


def find_dialect(source: SourceFile, options: Options) -> Dialect:
    """The dialect of a file: as the options say, else as its content suggests.

    Raises:
        InterchangeError: if it cannot be read.
    """
    encoding = options.get("encoding", "")
    reason = ""
    if not encoding:
        encoding, reason = find_encoding(source)
    elif encoding == "utf-8":
        encoding = "utf-8-sig"
    # The path is given so that this counts for no progress.
    with source.open(source.path) as file:
        head = decoded_head(file.read(HEAD_BYTES), encoding)
    lines = head.splitlines(keepends=True)
    directive = _EXCEL_DIRECTIVE.match(lines[0]) if lines else None
    name = options.get("delimiter", "")
    if name:
        delimiter = DELIMITERS[name]
    elif directive:
        delimiter = directive[1]
    else:
        delimiter = find_delimiter(head)
    return Dialect(encoding, delimiter, reason, 1 if directive else 0)


def find_encoding(source: SourceFile) -> tuple[str, str]:
    """The encoding of a file, and a sentence that says why unless it is plain UTF-8."""
    with source.open(source.path) as file:
        head = file.read(HEAD_BYTES)
        marked = encoding_of_mark(head)
        if marked:
            return marked
        if wide := encoding_of_zeros(head):
            return wide, _("Every second byte is zero: read as UTF-16.")
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        wrong = right = done = 0
        undefined = False
        data = head
        while data and done < SCAN_BYTES:
            done += len(data)
            if not data.isascii():
                text = decoder.decode(data)
                others = len(text) - len(text.encode("ascii", "ignore"))
                bad = sum(map(len, re.findall("[\udc80-\udcff]+", text)))
                wrong += bad
                right += others - bad
                undefined = undefined or _NOT_IN_CP1252.search(data) is not None
            data = file.read(HEAD_BYTES * 4)
    if not wrong:
        return "utf-8-sig", ""
    if right > 10 * wrong:
        return "utf-8-sig", _("Nearly all of it is UTF-8; rows that are not are left out.")
    if undefined:
        return "latin-1", _("It is neither UTF-8 nor Windows-1252: read as ISO 8859-1.")
    return "cp1252", _("It is not UTF-8: read as Windows-1252.")


def encoding_of_mark(head: bytes) -> tuple[str, str] | None:
    """The encoding that a byte-order mark tells, and a sentence; None without one."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            name = encoding.removesuffix("-sig").upper()
            return encoding, _("It begins with the byte-order mark of {name}.").format(name=name)
    return None


def encoding_of_zeros(head: bytes) -> str:
    """UTF-16 without a byte-order mark, by the zero bytes beside ASCII letters; "" if it is not."""
    pairs = len(head) // 2
    if pairs < 2:
        return ""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > 0.4 * pairs and even < 0.1 * pairs:
        return "utf-16-le"
    if even > 0.4 * pairs and odd < 0.1 * pairs:
        return "utf-16-be"
    return ""


def decoded_head(head: bytes, encoding: str) -> str:
    """The beginning of a file as text, without its last line if that is cut off."""
    text = head.decode(encoding, "replace")
    if len(head) < HEAD_BYTES:
        return text
    whole = text.rpartition("\n")[0]
    return f"{whole}\n" if whole else text


def find_delimiter(text: str) -> str:
    """The character that cuts most rows into as many cells as the first one has."""
    best, delimiter = 0.0, ","
    for candidate in DELIMITERS.values():
        sizes = [len(row) for row in sample_rows(text, candidate) if row]
        if not sizes or sizes[0] < 2:
            continue
        counts = Counter(sizes)
        # A delimiter that fits rarely is text; among those that fit, more cells are better.
        fit = counts[sizes[0]] / len(sizes)
        score = fit * fit * (1 + min(sizes[0], 50) / 100)
        if score > best:
            best, delimiter = score, candidate
    return delimiter


def sample_rows(text: str, delimiter: str) -> list[list[str]]:
    """Rows of a text, the first ``SAMPLE_LINES`` of them, as far as they can be read."""
    rows: list[list[str]] = []
    reader = csv.reader(io.StringIO(text.replace("\0", ""), newline=""), delimiter=delimiter)
    try:
        for row in reader:
            rows.append(row)
            if len(rows) == SAMPLE_LINES:
                break
    except csv.Error:
        pass
    return rows


class _BadLine(Exception):  # noqa: N818
    """A line that is no text; the message is a sentence."""


class _CutLine(str):
    """The beginning of a line that is too long."""

    __slots__ = ()


class _Lines:
    """Lines of a file for a CSV reader, which can be given back to be read anew."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._waiting: list[str] = []  # last first
        self._number = 0
        self._row: list[str] = []
        self._row_characters = 0
        self._reread = MAX_REREAD_CHARACTERS

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._waiting.pop() if self._waiting else self._read()
        if not line:
            raise StopIteration
        self._number += 1
        self._row.append(line)
        if "\0" in line:
            if isinstance(line, _CutLine):
                raise _BadLine(
                    _("The line is longer than {limit} characters.").format(
                        limit=MAX_LINE_CHARACTERS
                    )
                )
            raise _BadLine(_("The line has zero bytes, which no text has."))
        self._row_characters += len(line)
        if self._row_characters > MAX_ROW_CHARACTERS:
            raise _BadLine(
                _("The row is longer than {limit} characters.").format(limit=MAX_ROW_CHARACTERS)
            )
        return line

    def _read(self) -> str:
        line = self._file.readline(MAX_LINE_CHARACTERS)
        if len(line) < MAX_LINE_CHARACTERS or line.endswith(("\n", "\r")):
            return line
        rest = line
        while len(rest) == MAX_LINE_CHARACTERS and not rest.endswith(("\n", "\r")):
            rest = self._file.readline(MAX_LINE_CHARACTERS)
        # The zero byte makes it a bad line without a look at every line's type.
        return _CutLine(f"{line[:EXCERPT]}\0")

    def skip(self, count: int) -> None:
        """Pass over lines, which still count."""
        for _index in range(count):
            next(self, None)

    def begin_row(self) -> None:
        self._row = []
        self._row_characters = 0

    def first_line_number(self) -> int:
        """Of the row that was read last."""
        return self._number - len(self._row) + 1

    def give_back(self) -> str:
        """All lines of the row but the first will be read again; returns that one."""
        first, *others = self._row
        self._reread -= sum(map(len, others))
        if self._reread > 0:
            self._waiting.extend(reversed(others))
            self._number -= len(others)
        return first


def rows(source: SourceFile, dialect: Dialect) -> Generator[Row | BadRow, None, None]:
    """Rows of a file as they are read; empty ones are left out.

    Raises:
        InterchangeError: if the file cannot be read.
    """
    is_utf8 = dialect.encoding.startswith("utf-8")
    with (
        source.open() as file,
        io.TextIOWrapper(
            file,
            encoding=dialect.encoding,
            errors="surrogateescape" if is_utf8 else "replace",
            newline="",
        ) as text,
    ):
        try:
            yield from _rows_of(text, dialect)
        except (OSError, UnicodeError) as error:
            raise FileMalformed(
                _("{path} cannot be read: {reason}.").format(path=source.path, reason=error)
            ) from error


def _rows_of(file: TextIO, dialect: Dialect) -> Iterator[Row | BadRow]:
    lines = _Lines(file)
    lines.skip(dialect.skipped_lines)
    reader = csv.reader(
        lines, delimiter=dialect.delimiter, skipinitialspace=dialect.skips_spaces, strict=True
    )
    while True:
        lines.begin_row()
        try:
            row = next(reader)
        except StopIteration:
            return
        except (csv.Error, _BadLine) as error:
            number = lines.first_line_number()
            reason = (
                str(error)
                if isinstance(error, _BadLine)
                else _(
                    "Its quotes do not match, or a cell is longer than {limit} characters."
                ).format(limit=csv.field_size_limit())
            )
            text = lines.give_back()
            yield BadRow(number, reason, excerpt(text))
            continue
        if row:
            yield lines.first_line_number(), row


def check_columns(header: list[str]) -> None:
    """Raises FileMalformed if there are more columns than are read."""
    if len(header) > MAX_COLUMNS:
        raise FileMalformed(
            ngettext(
                "The table has more than {limit} column.",
                "The table has more than {limit} columns.",
                MAX_COLUMNS,
            ).format(limit=number(MAX_COLUMNS))
        )


def excerpt(text: str) -> str:
    """At most ``EXCERPT`` characters of a line, all of which any file can hold."""
    short = text[:EXCERPT].rstrip("\r\n\0")
    return short.encode("utf-8", "backslashreplace").decode()[:EXCERPT]
