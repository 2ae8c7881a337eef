"""Class lists as files: text, one class a line, or CSV with a header.

Text is ``name<TAB>description<TAB>alias | alias``; CSV has the columns ``name``, ``description``,
``aliases``, ``colour``, of which only the first is required.  Both read back as they were written,
except that a ``|`` within an alias becomes a ``/`` and that text has no colours.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path

from lmpt_desktop.domain.records import ClassSpec
from lmpt_desktop.error_texts import reason_of
from lmpt_desktop.inference.vocabularies import (
    join_aliases,
    line_of,
    parse_vocabulary,
    split_aliases,
)
from lmpt_desktop.interchange.atomic_file import atomic_write
from lmpt_desktop.interchange.cells import from_cell
from lmpt_desktop.interchange.csv_rows import CsvRows
from lmpt_desktop.translation import _

MAX_BYTES = 4 * 1024 * 1024
COLUMNS = ("name", "description", "aliases", "colour")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


class ClassListError(Exception):
    """A file is not a class list; the message is a sentence for the user."""


def read_class_list(path: Path) -> list[ClassSpec]:
    """Read a file; one that ends in ``.csv`` as CSV.

    Raises:
        ClassListError: if it cannot be read, is not UTF-8 text, or lists nothing.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ClassListError(
                _("{path} is too large to be a list of classes.").format(path=path)
            )
        # Not read_text, which would change the ends of lines inside CSV's quotes.
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        reason = reason_of(error)
        raise ClassListError(
            _("The class list {path} cannot be read: {reason}.").format(path=path, reason=reason)
        ) from error
    except UnicodeDecodeError as error:
        raise ClassListError(
            _("{path} is not UTF-8 text. Save it as UTF-8 and try again.").format(path=path)
        ) from error
    classes = parse_csv(text) if path.suffix.lower() == ".csv" else parse_vocabulary(text)
    if not classes:
        raise ClassListError(
            _("{path} lists no classes. Write one class per line.").format(path=path)
        )
    return classes


def write_class_list(classes: Iterable[ClassSpec], path: Path) -> None:
    """Write a file; one that ends in ``.csv`` as CSV.

    Raises:
        OSError: if it cannot be written; the previous file is kept then.
    """
    as_text = format_csv if path.suffix.lower() == ".csv" else format_class_list
    with atomic_write(path) as file:
        file.write(as_text(classes))


def format_class_list(classes: Iterable[ClassSpec]) -> str:
    """The text that reads back as ``classes``."""
    return "".join(f"{line_of(item)}\n" for item in classes)


def format_csv(classes: Iterable[ClassSpec]) -> str:
    """The CSV that reads back as ``classes``."""
    out = io.StringIO()
    rows = CsvRows(out, COLUMNS, line_end="\r\n")
    for item in classes:
        rows.write(item.name, item.description, join_aliases(item.aliases), item.colour)
    return out.getvalue()


def parse_csv(text: str) -> list[ClassSpec]:
    """Classes of a CSV text; without our header, the columns are taken in our order.

    Repeated names (ignoring case) and invalid colours are skipped.

    Raises:
        ClassListError: if it is not CSV.
    """
    try:
        sample = text.partition("\n")[0]
        # Spreadsheets write semicolons in much of Europe.
        delimiter = ";" if sample.count(";") > sample.count(",") else ","
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise ClassListError(_("The list is not CSV: {reason}.").format(reason=error)) from error
    if not rows:
        return []
    header = [cell.strip().casefold() for cell in rows[0]]
    if "name" in header:
        places = {column: header.index(column) for column in COLUMNS if column in header}
        rows = rows[1:]
    else:
        places = dict(zip(COLUMNS, range(len(COLUMNS)), strict=True))
    classes: list[ClassSpec] = []
    seen: set[str] = set()
    for row in rows:
        cells = {
            column: " ".join(from_cell(row[place]).split()) if place < len(row) else ""
            for column, place in places.items()
        }
        name = cells["name"]
        if not name or name.casefold() in seen:
            continue
        seen.add(name.casefold())
        colour = cells.get("colour", "")
        classes.append(
            ClassSpec(
                name,
                cells.get("description", ""),
                split_aliases(cells.get("aliases", "")),
                colour if _COLOUR.fullmatch(colour) else "",
            )
        )
    return classes
