"""Hugging Face: the ``metadata.jsonl`` of an image folder (``load_dataset("imagefolder")``).

A line is a photo: ``file_name``, relative to the file, and any other columns.  Which of them has
the classes is guessed from usual names, and the user can choose: texts, lists of texts, lists of
objects, or a column of true and false for each class.

Ours have ``present``, ``absent``, ``predicted``, ``predicted_scores`` and ``predicted_absent``
(lists), ``reviewed``, ``split`` and ``text`` (the caption) on every line, since all rows of a
dataset have the same columns.  What is predicted, a machine said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from typing import Any

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.interchange.errors import FileMalformed, InterchangeError
from lmpt_desktop.interchange.format import (
    ExportFacts,
    Format,
    Loss,
    Option,
    OptionChoice,
    Options,
)
from lmpt_desktop.interchange.reading.foreign_text import clean_text, name_of, path_of, score_of
from lmpt_desktop.interchange.reading.json_lines import first_object, object_lines
from lmpt_desktop.interchange.reading.json_values import json_excerpt, json_text, list_of, truth_of
from lmpt_desktop.interchange.reading.source_files import Sample, SourceFile, sample_of
from lmpt_desktop.interchange.reading.walk import walk
from lmpt_desktop.interchange.record import (
    BadRow,
    ClassRecord,
    FileFacts,
    ImageRecord,
    Origin,
    Reading,
)
from lmpt_desktop.translation import N_, _

FILE_NAME = "metadata.jsonl"
EACH_COLUMN = "*"
"""As a column: every one that is true or false is a class."""
ABSENT_VALUE = "absent"
_MAX_DEPTH = 2
"""Of folders that are looked into."""
_PATH = "file_name"
_PATHS = "file_names"
_USUAL_COLUMNS = (
    "labels",
    "label",
    "tags",
    "tag",
    "classes",
    "class",
    "categories",
    "category",
    "keywords",
    "objects",
)
_INNER = ("categories", "category", "labels", "label", "classes", "class", "name")
_OWN_BOOLS = ("reviewed",)


# ------------------------------------------------------------------------------------- reading


def _sniff(sample: Sample) -> str:
    if sample.is_folder:
        if _metadata_in(sample.path):
            return _("The folder has a metadata.jsonl, as Hugging Face's image folders have.")
        return ""
    if any(_is_path_key(key) for key in first_object(sample)):
        return _("Its first line has a file_name, as Hugging Face's metadata.jsonl has.")
    return ""


def _is_path_key(key: str) -> bool:
    return key in (_PATH, _PATHS) or key.endswith((f"_{_PATH}", f"_{_PATHS}"))


def _options(path: Path) -> tuple[Option, ...]:
    """Columns that the first line of the (first) file has."""
    try:
        sample = sample_of(path)
        if sample.is_folder:
            names = _metadata_in(path)
            sample = sample_of(path / names[0]) if names else sample
    except InterchangeError:
        return ()
    row = first_object(sample)
    columns = [clean_text(key) for key, value in row.items() if _may_be_classes(key, value)]
    return (
        Option(
            "column",
            _("Column of the classes"),
            choices=(
                OptionChoice("", _("As usual")),
                *(OptionChoice(column, column) for column in columns),
                OptionChoice(EACH_COLUMN, _("Each column of true and false")),
            ),
        ),
    )


def _may_be_classes(key: str, value: object) -> bool:
    return not _is_path_key(key) and isinstance(value, str | list | dict)


def _read(source: SourceFile) -> Reading:
    notes = (_("Classes that are numbers have their names in the dataset's description."),)
    return Reading(FileFacts(notes=notes), _items(source))


def _items(source: SourceFile) -> Iterator[ImageRecord | BadRow]:
    if not source.path.is_dir():
        yield from _lines(source, None, "")
        return
    names = _metadata_in(source.path)
    if not names:
        raise FileMalformed(_("{path} has no metadata.jsonl.").format(path=source.path))
    for name in names:
        yield from _lines(source, source.path / name, name.removesuffix(FILE_NAME))


def _metadata_in(folder: Path) -> list[str]:
    """Metadata of the folder and those in it (each split has its own), relative."""
    names: list[str] = []
    for place, folders, files in walk(folder):
        inside = PurePath(place).relative_to(folder)
        if FILE_NAME in files:
            names.append((inside / FILE_NAME).as_posix())
        if len(inside.parts) == _MAX_DEPTH:
            folders.clear()
        folders.sort()
    return names


def _lines(source: SourceFile, place: Path | None, prefix: str) -> Iterator[ImageRecord | BadRow]:
    column = source.options.get("column", "")
    # The usual splits are folders, or in a column.
    split = (
        prefix.partition("/")[0] if prefix.startswith(("train/", "test/", "validation/")) else ""
    )
    for item in object_lines(source, place):
        if isinstance(item, BadRow):
            yield item
            continue
        number, row = item
        key = _PATH if _PATH in row else next(filter(_is_path_key, row), "")
        said = row.get(key)
        paths = [path_of(name) for name in (said if isinstance(said, list) else [said])]
        if not any(paths):
            yield BadRow(number, _("The line names no photo."), json_excerpt(row))
        for path in filter(None, paths):
            yield ImageRecord(
                f"{prefix}{path}",
                tuple(_classes(row, column)),
                number,
                reviewed=truth_of(row.get("reviewed")),
                split=name_of(row.get("split")) or split,
                caption=name_of(row.get("text")) if column != "text" else "",
            )


def _classes(row: dict[str, Any], column: str) -> Iterator[ClassRecord]:
    if column == EACH_COLUMN:
        yield from _each_column(row)
    elif column and column in row:
        yield from _named(row[column])
    elif not column and isinstance(row.get("present"), list):
        yield from _named(row["present"])
        for name in _names(row.get("absent")):
            yield ClassRecord(name, Verdict.ABSENT, ABSENT_VALUE)
        scores = list_of(row.get("predicted_scores"))
        for place, said in enumerate(list_of(row.get("predicted"))):
            if name := name_of(said):
                score = score_of(scores[place]) if place < len(scores) else None
                yield ClassRecord(name, origin=Origin.MACHINE, score=score)
        for name in _names(row.get("predicted_absent")):
            yield ClassRecord(name, Verdict.ABSENT, ABSENT_VALUE, Origin.MACHINE)
    elif not column:
        usual = next((name for name in _USUAL_COLUMNS if name in row), "")
        yield from _named(row[usual]) if usual else _each_column(row)


def _each_column(row: dict[str, Any]) -> Iterator[ClassRecord]:
    for key, value in row.items():
        if isinstance(value, bool) and key not in _OWN_BOOLS and (name := clean_text(key)):
            verdict = Verdict.PRESENT if value else Verdict.ABSENT
            yield ClassRecord(name, verdict, "true" if value else "false")


def _named(value: object) -> Iterator[ClassRecord]:
    """What a column says: names, objects with names, or truths by name."""
    if isinstance(value, dict) and value and all(isinstance(v, bool) for v in value.values()):
        yield from _each_column(value)
    else:
        yield from map(ClassRecord, dict.fromkeys(_names(value)))


def _names(value: object) -> list[str]:
    if isinstance(value, dict):
        inner = next((key for key in _INNER if key in value), None)
        return _flat(value[inner]) if inner else []
    if isinstance(value, list):
        return [
            name
            for item in value
            for name in (_names(item) if isinstance(item, dict) else _flat(item))
        ]
    return _flat(value)


def _flat(value: object) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [name for name in map(name_of, items) if name]


# ------------------------------------------------------------------------------------- writing


def _held(record: ImageRecord, _options: Options) -> ImageRecord:
    by_person = [item for item in record.classes if item.name and item.origin is not Origin.MACHINE]
    by_machine = [item for item in record.classes if item.name and item.origin is Origin.MACHINE]
    present = (item.name for item in by_person if item.verdict is Verdict.PRESENT)
    absent = (item.name for item in by_person if item.verdict is Verdict.ABSENT)
    classes = (
        *(ClassRecord(name) for name in dict.fromkeys(present)),
        *(ClassRecord(name, Verdict.ABSENT, ABSENT_VALUE) for name in absent),
        *(
            ClassRecord(item.name, origin=Origin.MACHINE, score=score_of(item.score))
            for item in by_machine
            if item.verdict is Verdict.PRESENT
        ),
        *(
            ClassRecord(item.name, Verdict.ABSENT, ABSENT_VALUE, Origin.MACHINE)
            for item in by_machine
            if item.verdict is Verdict.ABSENT
        ),
    )
    return ImageRecord(
        record.path,
        classes,
        reviewed=record.reviewed,
        split=record.split,
        caption=record.caption,
    )


def _write(records: Iterable[ImageRecord], facts: ExportFacts, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        for record in records:
            held = _held(record, facts.options)
            machine = [item for item in held.classes if item.origin is Origin.MACHINE]
            person = [item for item in held.classes if item.origin is not Origin.MACHINE]
            found = [item for item in machine if item.verdict is Verdict.PRESENT]
            row = {
                _PATH: held.path,
                "present": [item.name for item in person if item.verdict is Verdict.PRESENT],
                "absent": [item.name for item in person if item.verdict is Verdict.ABSENT],
                "predicted": [item.name for item in found],
                "predicted_scores": [item.score for item in found],
                "predicted_absent": [i.name for i in machine if i.verdict is Verdict.ABSENT],
                "reviewed": held.reviewed,
                "split": held.split,
                "text": held.caption,
            }
            file.write(f"{json_text(row)}\n")


FORMAT = Format(
    "hf",
    "Hugging Face (metadata.jsonl)",
    (".jsonl",),
    sniff=_sniff,
    read=_read,
    options=_options,
    write=_write,
    held=_held,
    cannot_hold=(
        Loss.SOURCE,
        Loss.PLACE,
        Loss.HASH,
        Loss.STATE,
        Loss.CLASS_DETAILS,
    ),
    summary=N_("For datasets that are loaded as an image folder, beside whose photos it is put."),
)
