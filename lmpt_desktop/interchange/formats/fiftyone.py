"""FiftyOne: ``labels.json`` of classifications, and ``samples.json`` of whole data sets.

``labels.json`` has a list of classes and, by the name of a photo without its suffix, a class, a
list of classes, or null; a class with a confidence is a machine's.  ``samples.json`` has fields of
labels, of which one can be chosen.

We write ``labels.json``, which FiftyOne reads as ``FiftyOneImageClassificationDataset``.  What it
has no place for is in a list under ``lmpt``, a photo each, with its whole path (see
:mod:`~lmpt_desktop.interchange.own_fields`).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from lmpt_desktop.domain.records import ClassSpec
from lmpt_desktop.interchange.errors import FileMalformed, InterchangeError
from lmpt_desktop.interchange.format import (
    ExportFacts,
    Format,
    Loss,
    Option,
    OptionChoice,
    Options,
    names_only,
)
from lmpt_desktop.interchange.own_fields import (
    KEY,
    NumberedClasses,
    held_record,
    numbered,
    with_fields,
)
from lmpt_desktop.interchange.reading.folder_files import is_file, unique_key
from lmpt_desktop.interchange.reading.foreign_text import (
    name_of,
    path_of,
    pixels_of,
    unique_specs,
)
from lmpt_desktop.interchange.reading.found_classes import ClassesFound
from lmpt_desktop.interchange.reading.json_stream import compact_json, outline, read_value, stream
from lmpt_desktop.interchange.reading.json_values import json_excerpt
from lmpt_desktop.interchange.reading.source_files import Sample, SourceFile, sample_of
from lmpt_desktop.interchange.record import (
    BadRow,
    FileFacts,
    ImageRecord,
    Reading,
)
from lmpt_desktop.translation import N_, _

ABSENT = "absent"
FIELD_OPTION = "field"
_LABELS = frozenset({"labels"})
_LISTS = ("classifications", "detections", "polylines", "keypoints")
_SPLITS = ("train", "val", "validation", "test")
_SKIPPED = ("points", "bounding_box", "mask")


class _Target(NamedTuple):
    """A label as written: a number, a name, or what is neither."""

    label: object
    confidence: object


def sniff(sample: Sample) -> str:
    if sample.is_folder:
        for name in ("samples.json", "labels.json"):
            if is_file(sample.path / name):
                try:
                    if sniff(sample_of(sample.path / name)):
                        return _("A folder with {name} of FiftyOne.").format(name=name)
                except InterchangeError:
                    pass
        return ""
    found = outline(sample, _LABELS)
    first = found.get("samples")
    if isinstance(first, dict) and "filepath" in first:
        return _("A JSON object with samples of FiftyOne.")
    classes = found.get("classes", 0)
    if "labels" in found and (classes is None or isinstance(classes, str)):
        return _("A JSON object with classes and labels of FiftyOne.")
    return ""


def options(path: Path) -> tuple[Option, ...]:
    """Which field of labels is read, if there are several."""
    try:
        sample = outline(sample_of(_file_of(path))).get("samples")
    except InterchangeError:
        return ()
    fields = [
        name
        for name, value in (sample.items() if isinstance(sample, dict) else ())
        if isinstance(value, dict) and value.keys() & {*_LISTS, "label"}
    ]
    if len(fields) < 2:
        return ()
    choices = (OptionChoice("", _("All of them")), *(OptionChoice(name, name) for name in fields))
    return (Option(FIELD_OPTION, _("Field with the labels"), choices=choices),)


def _file_of(path: Path) -> Path:
    if path.is_dir():
        name = "samples.json" if is_file(path / "samples.json") else "labels.json"
        return path / name
    return path


def read(source: SourceFile) -> Reading:
    """Samples are read as they are asked for, labels at once: their classes may come last."""
    path = _file_of(source.path)
    place = None if path == source.path else path
    names: list[str] = []
    targets: dict[str, list[_Target]] = {}
    own: list[dict[str, Any]] = []
    has_labels = False
    for part in stream(source, place, members=_LABELS, skipped=_SKIPPED):
        source.check()
        if part.key == "samples":
            declared = _names_of_samples(source, path.with_name("metadata.json"))
            facts = FileFacts(unique_specs([ClassSpec(name) for name in declared]))
            return Reading(facts, _samples(source, place))
        has_labels |= part.key == "labels"
        if part.number and part.key == "classes":
            names.append(name_of(part.value))
        elif part.number and part.key == "labels":
            targets[part.name] = _targets(part.value)
        elif part.number and part.key == KEY and isinstance(part.value, dict):
            own.append(part.value)
    if not has_labels:
        raise FileMalformed(_("{path} has no labels of FiftyOne.").format(path=path))
    facts = FileFacts(
        unique_specs([ClassSpec(name) for name in names]), images=max(len(targets), len(own))
    )
    return Reading(facts, _labelled(source, names, targets, own))


def _targets(value: object) -> list[_Target]:
    found: list[_Target] = []
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            found.append(_Target(item.get("label"), item.get("confidence")))
        elif item is not None:
            found.append(_Target(item, None))
    return found


def _labelled(
    source: SourceFile,
    names: list[str],
    targets: dict[str, list[_Target]],
    own: list[dict[str, Any]],
) -> Iterator[ImageRecord | BadRow]:
    classes = NumberedClasses(tuple(names))
    for number, fields in enumerate(own, 1):
        source.check()
        path = path_of(fields.get("path"))
        key = fields.get("key")
        if not path or not isinstance(key, str) or key not in targets:
            yield BadRow(number, _("The photo is not among the labels."), json_excerpt(fields))
            continue
        present = [target.label for target in targets.pop(key)]
        record = ImageRecord(
            path,
            classes.own_classes(present, fields, ABSENT),
            number,
            width=pixels_of(fields.get("width")),
            height=pixels_of(fields.get("height")),
        )
        yield with_fields(record, fields)
    for number, (key, listed) in enumerate(targets.items(), len(own) + 1):
        source.check()
        path = path_of(key)
        if not path:
            yield BadRow(number, _("The labels belong to no photo."))
            continue
        found = ClassesFound()
        for target in listed:
            name = classes.name_of(target.label)
            if not names or isinstance(target.label, str):
                name = name_of(target.label)
            if name:
                found.add(name, by_machine=target.confidence is not None, score=target.confidence)
            else:
                reason = _("There is no class of this number.")
                yield BadRow(number, reason, json_excerpt(target.label), path)
        yield ImageRecord(path, found.records(), number)


def _names_of_samples(source: SourceFile, path: Path) -> list[str]:
    """Classes that the data set declares, in ``metadata.json`` beside the samples."""
    if not is_file(path):
        return []
    metadata = read_value(source, path)
    if not isinstance(metadata, dict):
        return []
    by_field = metadata.get("classes")
    lists = list(by_field.values()) if isinstance(by_field, dict) else []
    chosen = source.options.get(FIELD_OPTION, "")
    if isinstance(by_field, dict) and chosen:
        lists = [by_field.get(chosen)]
    lists.append(metadata.get("default_classes"))
    return [name_of(item) for names in lists if isinstance(names, list) for item in names]


def _samples(source: SourceFile, place: Path | None) -> Iterator[ImageRecord | BadRow]:
    chosen = source.options.get(FIELD_OPTION, "")
    for part in stream(source, place, skipped=_SKIPPED):
        source.check()
        if part.key != "samples" or not part.number:
            continue
        sample = part.value
        path = path_of(sample.get("filepath")) if isinstance(sample, dict) else ""
        if not path or not isinstance(sample, dict):
            yield BadRow(part.number, _("The sample has no file path."), json_excerpt(sample))
            continue
        found = ClassesFound()
        for field_name, value in sample.items():
            if not isinstance(value, dict) or (chosen and field_name != chosen):
                continue
            for label in _labels_in(value):
                if name := name_of(label.get("label")):
                    score = label.get("confidence")
                    found.add(name, by_machine=score is not None, score=score)
        tags = sample.get("tags")
        metadata = sample.get("metadata")
        size = metadata if isinstance(metadata, dict) else {}
        yield ImageRecord(
            path,
            found.records(),
            part.number,
            split=next((tag for tag in _SPLITS if isinstance(tags, list) and tag in tags), ""),
            width=pixels_of(size.get("width")),
            height=pixels_of(size.get("height")),
        )


def _labels_in(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The labels of a field: itself, or those in its list."""
    if "label" in value:
        yield value
    for key in _LISTS:
        listed = value.get(key)
        for item in listed if isinstance(listed, list) else ():
            if isinstance(item, dict):
                yield item


# -- out -------------------------------------------------------------------------------------


def held(record: ImageRecord, _options: Options) -> ImageRecord | None:
    return held_record(record, ABSENT)


def write(records: Iterable[ImageRecord], facts: ExportFacts, path: Path) -> None:
    """Labels as they come; our own list in a temporary file, which is appended."""
    numbers = {spec.name: i for i, spec in enumerate(facts.classes)}
    taken: set[str] = set()
    with (
        path.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file,
        tempfile.TemporaryFile(
            "w+", encoding="utf-8", errors="backslashreplace", newline="\n", dir=path.parent
        ) as spool,
    ):
        names = [spec.name for spec in facts.classes]
        file.write(f'{{"classes":{compact_json(names)},\n"labels":{{')
        for count, record in enumerate(records):
            separator = ",\n" if count else "\n"
            present, absent, fields = numbered(record, numbers)
            if absent:
                fields["absent"] = absent
            key = _key(record.path, taken)
            # null: nobody has labelled it.
            labels = present if present or record.reviewed else None
            file.write(f"{separator}{compact_json(key)}:{compact_json(labels)}")
            own = {"key": key, "path": record.path, "width": record.width, "height": record.height}
            spool.write(separator + compact_json(own | fields))
        file.write(f'\n}},\n"{KEY}":[')
        spool.seek(0)
        shutil.copyfileobj(spool, file)
        file.write("\n]}\n")


def _key(path: str, taken: set[str]) -> str:
    """Absolute paths are whole, others have no suffix."""
    if path.startswith("/") and path not in taken:
        taken.add(path)
        return path
    return unique_key(path, taken)


FORMAT = Format(
    name="fiftyone",
    title="FiftyOne",
    suffixes=(".json",),
    sniff=sniff,
    read=read,
    options=options,
    write=write,
    held=held,
    held_classes=names_only,
    cannot_hold=(Loss.PLACE, Loss.CLASS_DETAILS),
    summary=N_("For FiftyOne: labels.json, to be read with the folder of the photos."),
)
