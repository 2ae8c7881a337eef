"""Classes of photos as CSV or JSON, written row by row.

CSV has the columns ``path,class,score,band``, with a header.  JSON is one array of objects with
the same four keys; ``score`` is a number.  Where the source is asked for, ``source`` comes after
these.  A photo without a class has no row.

In CSV, what a spreadsheet would take for a formula gets an apostrophe in front (:mod:`.cells`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TextIO

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.records import Source
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.interchange.csv_rows import CsvRows
from lmpt_desktop.interchange.record import PREDICTION

COLUMNS = ("path", "class", "score", "band")
SOURCE_COLUMN = "source"
SCORE_DIGITS = 4
BLOCK_ROWS = 1000
"""Images whose paths are looked up together."""


@dataclass(frozen=True)
class TagRow:
    """One class of one photo.

    Attributes:
        score: in [0, 1].
        band: head, medium or tail.
        source: a value of :class:`~lmpt_desktop.domain.records.Source`, or ``PREDICTION``; "" if
            not asked for.
    """

    path: str
    class_name: str
    score: float
    band: str
    source: str = ""


def tag_rows(
    snapshot: Snapshot,
    rows: NDArray[np.int64],
    paths_of: Callable[[list[int]], Sequence[Path]],
    *,
    all_classes: bool = False,
    sources_of: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.int8]] | None = None,
    raw_files_of: Callable[[list[int]], Mapping[int, Sequence[Path]]] | None = None,
) -> Iterator[TagRow]:
    """The classes that images have, image by image, highest score first.

    An annotation outweighs the prediction: a class annotated present has the score 1, one
    annotated absent the score 0.

    Args:
        snapshot: the library.
        rows: (n,) rows of the images, in the order to write them.
        paths_of: where the files of images (by id) are.
        all_classes: also those the image does not have, as far as there is a score or an
            annotation.
        sources_of: image ids and class ids -> (m, C) int8 as of :meth:`Annotations.sources`; None
            to leave the source out.
        raw_files_of: raw files of images (by id), which get the rows of their image as well; None
            to leave them out.
    """
    sources = [source.value for source in Source]
    names = [entry.name for entry in snapshot.classes]
    bands = [band.value for band in snapshot.bands.bands]
    for start in range(0, len(rows), BLOCK_ROWS):
        part = rows[start : start + BLOCK_ROWS]
        annotations = snapshot.annotations[part]
        scores = np.where(annotations < 0, snapshot.scores[part], annotations == 1)
        requested = ~np.isnan(scores) if all_classes else snapshot.assigned_at(part)
        order = np.argsort(-scores, axis=1, kind="stable")
        ids = snapshot.image_ids[part]
        paths = paths_of(ids.tolist())
        raw_files = raw_files_of(ids.tolist()) if raw_files_of is not None else {}
        kinds = sources_of(ids, snapshot.class_ids) if sources_of is not None else None
        chosen = np.take_along_axis(requested, order, axis=1)
        columns = order[chosen]
        values = scores[np.nonzero(chosen)[0], columns].tolist()
        ends = np.cumsum(np.count_nonzero(chosen, axis=1)).tolist()
        begin = 0
        for i, (path, end) in enumerate(zip(paths, ends, strict=True)):
            said: list[TagRow] = []
            text = str(path)
            of_image = zip(columns[begin:end].tolist(), values[begin:end], strict=True)
            begin = end
            for column, score in of_image:
                source = ""
                if kinds is not None:
                    annotated = annotations[i, column] >= 0
                    # What was annotated a moment ago is the user's.
                    source = sources[max(kinds[i, column], 0)] if annotated else PREDICTION
                said.append(TagRow(text, names[column], score, bands[column], source))
            yield from said
            for other in raw_files.get(int(ids[i]), ()):
                yield from (replace(row, path=str(other)) for row in said)


def _write_csv(rows: Iterable[TagRow], file: TextIO, *, with_source: bool = False) -> int:
    columns = len(COLUMNS) + with_source
    table = CsvRows(file, (*COLUMNS, SOURCE_COLUMN)[:columns])
    for row in rows:
        score = f"{row.score:.{SCORE_DIGITS}f}"
        table.write(*(row.path, row.class_name, score, row.band, row.source)[:columns])
    return table.count


def _write_json(rows: Iterable[TagRow], file: TextIO, *, with_source: bool = False) -> int:
    count = 0
    file.write("[")
    for count, row in enumerate(rows, 1):
        body = {
            "path": _text(row.path),
            "class": row.class_name,
            "score": round(row.score, SCORE_DIGITS),
            "band": row.band,
        }
        if with_source:
            body[SOURCE_COLUMN] = row.source
        file.write(("\n" if count == 1 else ",\n") + json.dumps(body, ensure_ascii=False))
    file.write("\n]\n" if count else "]\n")
    return count


def _text(path: str) -> str:
    """File names that are not valid Unicode hold lone surrogates, which no UTF-8 file can."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


class WriteTags(Protocol):
    """Writes rows as they come and returns how many there were."""

    def __call__(
        self, rows: Iterable[TagRow], file: TextIO, *, with_source: bool = False
    ) -> int: ...


@dataclass(frozen=True)
class TagFormat:
    """A file format for tags.

    Attributes:
        name: as users know it, the same in every language.
        suffixes: of file names, lower case; the first is the usual one.
    """

    name: str
    suffixes: tuple[str, ...]
    write: WriteTags

    @property
    def file_filter(self) -> str:
        """For a file dialog: ``CSV (*.csv)``."""
        return f"{self.name} ({' '.join(f'*{suffix}' for suffix in self.suffixes)})"


CSV = TagFormat("CSV", (".csv",), _write_csv)
JSON = TagFormat("JSON", (".json",), _write_json)
FORMATS = (CSV, JSON)
"""Every format; the first is the one for names without a known suffix."""


def format_of(destination: str) -> TagFormat:
    """The format that a file name asks for."""
    name = destination.lower()
    return next((item for item in FORMATS if name.endswith(item.suffixes)), FORMATS[0])
