"""All that a file of annotations says, as columns: read once, then mapped as often as needed.

The columns of a file with a million cells take about 20 MB, so every choice of the user shows its
effect at once, without reading the file again.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.records import ClassSpec, Source, Verdict
from lmpt_desktop.interchange import registry
from lmpt_desktop.interchange.errors import Cancelled, FileTooLarge, InterchangeError
from lmpt_desktop.interchange.format import Options
from lmpt_desktop.interchange.importing.distinct import distinct
from lmpt_desktop.interchange.reading.source_files import SourceFile, no_progress
from lmpt_desktop.interchange.record import (
    BadRow,
    FileFacts,
    ImageRecord,
    Origin,
    Reading,
)
from lmpt_desktop.translation import _

_T = TypeVar("_T", bound=np.generic)
MAX_BAD_ROWS = 1000
"""Bad rows that are kept to be listed; beyond that they are counted."""
MAX_PATH_LENGTH = 8192
"""Characters of an image's path; of longer ones, which are pictures as ``data:`` URLs, a beginning
and a digest are kept."""
MAX_CLASS_NAMES = 100_000
"""Beyond that, what was taken for classes are none: captions, paths, numbers."""
ORIGINS = (Origin.UNSTATED, Origin.HUMAN, Origin.MACHINE)
"""By their number in :attr:`Survey.origins`."""
SOURCES = tuple(Source)
"""By their number in :attr:`Survey.sources`."""
_CHECK_ITEMS = 4096
_ORIGIN_NUMBERS = {origin: number for number, origin in enumerate(ORIGINS)}
_SOURCE_NUMBERS = {source.value: number for number, source in enumerate(SOURCES)}


@dataclass(frozen=True, slots=True)
class ImageReference:
    """How a file names one image; fields as of :class:`~..record.ImageRecord`."""

    path: str
    folder: str = ""
    fingerprint: str = ""
    file_hash: str = ""
    picture_hash: str = ""
    line: int = 0


@dataclass(frozen=True, eq=False)
class Survey:
    """What a file says, without anything matched or mapped.

    R images, K class names, V values, n cells (an image and a class of the file); where a file
    says something about the same cell twice, there are two.  An image that is listed twice under
    the same path, folder and hashes is one.

    Attributes:
        path: the file or folder.
        format_name: of the format it was read in.
        options: of the format, as it was read with.
        facts: what it says of itself.
        references: R images, each once; ``line`` is that of the first mention.
        reviewed: (R,) int8: 1 reviewed, 0 not, -1 not stated.
        class_names: K names as written, the declared ones first.
        declared: specs of the first of them, for descriptions, aliases and colours.
        values: V values as written; one that the format gives two meanings (an empty value in two
            lists) is there twice.
        usual_verdicts: V verdicts, what each value says in the format; None if not certain.
        cell_images: (n,) int32, index into ``references``.
        cell_classes: (n,) int32, index into ``class_names``.
        cell_values: (n,) int32, index into ``values``.
        origins: (n,) int8: 0 unstated, 1 human, 2 machine.
        scores: (n,) float32 in [0, 1], NaN if there is none.
        sources: (n,) int8: of our own format 0 user, 1 reviewed, 2 import, 3 machine; else -1.
        partly_read: (R,) bool, images about which there is a bad row, too.
        bad_rows: the first of them.
        bad_row_count: how many there are.
    """

    path: Path
    format_name: str
    options: Options
    facts: FileFacts
    references: tuple[ImageReference, ...]
    reviewed: NDArray[np.int8]
    class_names: tuple[str, ...]
    declared: tuple[ClassSpec, ...]
    values: tuple[str, ...]
    usual_verdicts: tuple[Verdict | None, ...]
    cell_images: NDArray[np.int32]
    cell_classes: NDArray[np.int32]
    cell_values: NDArray[np.int32]
    origins: NDArray[np.int8]
    scores: NDArray[np.float32]
    sources: NDArray[np.int8]
    partly_read: NDArray[np.bool_]
    bad_rows: tuple[BadRow, ...] = ()
    bad_row_count: int = 0

    @cached_property
    def images_per_class(self) -> NDArray[np.int64]:
        """(K,) int64: how many images of the file say something about each class."""
        width = max(len(self.class_names), 1)
        pairs = distinct(self.cell_images.astype(np.int64) * width + self.cell_classes)
        return np.bincount(pairs % width, minlength=len(self.class_names))


def survey(
    path: Path,
    format_name: str,
    options: Options,
    *,
    photos: tuple[Path, ...] = (),
    left: Mapping[Path, Mapping[str, Sequence[str]]] = MappingProxyType({}),
    companions: Mapping[Path, Sequence[Path]] = MappingProxyType({}),
    progress: Callable[[int, int], None] = no_progress,
    cancelled: Callable[[], bool] = lambda: False,
) -> Survey:
    """Read a whole file or folder.

    Args:
        path: the file or folder.
        format_name: of the format to read it in.
        options: of the format.
        photos: absolute paths of the library's photos, for formats that are stored beside them.
        left, companions: of :class:`SourceFile`.
        progress: called with bytes done and bytes in all.
        cancelled: asked now and then.

    Raises:
        InterchangeError: with a sentence, if it cannot be read at all, or was cancelled.
    """
    format_ = registry.named(format_name)
    if format_.read is None:
        raise InterchangeError(
            _("Files of the format {name} can be written, but not read.").format(name=format_.title)
        )
    source = SourceFile(path, options, progress, cancelled, photos, left, companions)
    reading = format_.read(source)
    return collect(reading, path, format_name, options, cancelled=cancelled)


def collect(
    reading: Reading,
    path: Path,
    format_name: str,
    options: Options,
    *,
    cancelled: Callable[[], bool] = lambda: False,
) -> Survey:
    """Columns of all that a reading yields; as :func:`survey`."""
    columns = _Columns(reading.facts)
    for number, item in enumerate(reading.items):
        if not number % _CHECK_ITEMS and cancelled():
            raise Cancelled(_("The import was cancelled."))
        if isinstance(item, BadRow):
            columns.add_bad_row(item)
        else:
            columns.add(item)
        if columns.class_count > MAX_CLASS_NAMES:
            raise FileTooLarge(
                _("{path} names more than {count} different classes.").format(
                    path=path, count=f"{MAX_CLASS_NAMES:,}"
                )
            )
    return columns.survey(path, format_name, options)


class _Columns:
    """Grows by one image at a time; a cell takes 18 bytes."""

    def __init__(self, facts: FileFacts) -> None:
        self._facts = facts
        self._images: dict[tuple[str, ...] | str, int] = {}
        self._references: list[ImageReference] = []
        self._reviewed = bytearray()
        self._names: dict[str, int] = {}
        self._declared: list[ClassSpec] = []
        self._values: dict[tuple[str, Verdict | None], int] = {}
        self._cell_images = array("i")
        self._cell_classes = array("i")
        self._cell_values = array("i")
        self._origins = array("b")
        self._scores = array("f")
        self._sources = array("b")
        self._bad_rows: list[BadRow] = []
        self._bad_row_count = 0
        self._bad_paths: set[str] = set()
        for spec in facts.classes:
            if spec.name not in self._names:
                self._names[spec.name] = len(self._names)
                self._declared.append(spec)

    @property
    def class_count(self) -> int:
        return len(self._names)

    def add_bad_row(self, row: BadRow) -> None:
        self._bad_row_count += 1
        if row.path:
            self._bad_paths.add(_kept(row.path))
            row = row._replace(path=_kept(row.path))
        if len(self._bad_rows) < MAX_BAD_ROWS:
            self._bad_rows.append(row)

    def add(self, record: ImageRecord) -> None:
        image = self._image(record)
        names, values = self._names, self._values
        for cell in record.classes:
            self._cell_images.append(image)
            self._cell_classes.append(names.setdefault(cell.name, len(names)))
            value = (cell.value, cell.verdict)
            self._cell_values.append(values.setdefault(value, len(values)))
            self._origins.append(_ORIGIN_NUMBERS[cell.origin])
            score = cell.score
            # Anything else is no score, and a float32 could not even hold some of it.
            self._scores.append(score if score is not None and 0 <= score <= 1 else np.nan)
            self._sources.append(_SOURCE_NUMBERS.get(cell.source, -1))

    def _image(self, record: ImageRecord) -> int:
        path = _kept(record.path)
        hashes = (record.fingerprint, record.file_hash, record.picture_hash)
        key = (path, record.folder, *hashes)
        if not any(key[1:]):
            key = path  # most files have nothing else, and a tuple takes 100 bytes
        image = self._images.setdefault(key, len(self._references))
        if image == len(self._references):
            self._references.append(ImageReference(path, record.folder, *hashes, record.line))
            self._reviewed.append(0)
        if record.reviewed is not None:
            # 0 not stated, 1 not reviewed, 2 reviewed: a mark counts wherever it is.
            self._reviewed[image] = max(self._reviewed[image], 1 + record.reviewed)
        return image

    def survey(self, path: Path, format_name: str, options: Options) -> Survey:
        return Survey(
            path=path,
            format_name=format_name,
            options=dict(options),
            facts=self._facts,
            references=tuple(self._references),
            reviewed=np.frombuffer(bytes(self._reviewed), np.int8) - np.int8(1),
            class_names=tuple(self._names),
            declared=tuple(self._declared),
            values=tuple(value for value, _verdict in self._values),
            usual_verdicts=_certain(self._values),
            cell_images=_column(self._cell_images, np.int32),
            cell_classes=_column(self._cell_classes, np.int32),
            cell_values=_column(self._cell_values, np.int32),
            origins=_column(self._origins, np.int8),
            scores=_column(self._scores, np.float32),
            sources=_column(self._sources, np.int8),
            partly_read=np.fromiter(
                (item.path in self._bad_paths for item in self._references),
                np.bool_,
                len(self._references),
            ),
            bad_rows=tuple(self._bad_rows),
            bad_row_count=self._bad_row_count,
        )


def _kept(path: str) -> str:
    """``path``, or what is kept of one that is too long."""
    if len(path) <= MAX_PATH_LENGTH:
        return path
    digest = hashlib.sha256(path.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{path[:100]}...{digest}"


def _certain(values: Iterable[tuple[str, Verdict | None]]) -> tuple[Verdict | None, ...]:
    """The usual verdict of each value.

    Where -1 has no certain meaning, 0 has none either: beside it some files mean absent by 0,
    others uncertain or difficult.
    """
    pairs = tuple(values)
    if not any(verdict is None and _number(value) == -1 for value, verdict in pairs):
        return tuple(verdict for _value, verdict in pairs)
    return tuple(
        None if verdict is Verdict.ABSENT and _number(value) == 0 else verdict
        for value, verdict in pairs
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _column(values: array[Any], dtype: type[_T]) -> NDArray[_T]:
    return np.frombuffer(values, dtype) if len(values) else np.empty(0, dtype)
