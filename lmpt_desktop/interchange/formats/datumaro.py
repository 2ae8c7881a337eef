"""Datumaro JSON: ``items`` with annotations that name labels by number, a file per subset.

Annotations of any type say that the photo has their label; one with a score is a machine's.  We
write all photos into one file, annotations of type ``label`` for present classes, and what Datumaro
has no place for into :mod:`~lmpt_desktop.interchange.own_fields` in ``attr``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from lmpt_desktop.domain.records import ClassSpec
from lmpt_desktop.interchange.errors import FileMalformed
from lmpt_desktop.interchange.format import ExportFacts, Format, Loss, Options, names_only
from lmpt_desktop.interchange.own_fields import (
    KEY,
    NumberedClasses,
    held_record,
    numbered,
    with_fields,
)
from lmpt_desktop.interchange.reading.folder_files import unique_key
from lmpt_desktop.interchange.reading.foreign_text import (
    clean_text,
    name_of,
    path_of,
    pixels_of,
    unique_specs,
)
from lmpt_desktop.interchange.reading.found_classes import ClassesFound
from lmpt_desktop.interchange.reading.json_stream import compact_json, outline, stream
from lmpt_desktop.interchange.reading.json_values import json_excerpt
from lmpt_desktop.interchange.reading.source_files import Sample, SourceFile
from lmpt_desktop.interchange.record import (
    BadRow,
    FileFacts,
    ImageRecord,
    Reading,
)
from lmpt_desktop.translation import N_, _

ABSENT = "absent"
_SPLITS = ("train", "val", "validation", "test")
_SKIPPED = ("points",)
_TYPES = ("label", "bbox", "polygon", "polyline", "points", "mask", "cuboid_3d", "ellipse")


def sniff(sample: Sample) -> str:
    found = outline(sample)
    categories = found.get("categories")
    item = found.get("items")
    is_datumaro = isinstance(categories, dict) and (
        ("items" in found and item is None) or (isinstance(item, dict) and "annotations" in item)
    )
    # The items, or even the labels, may be beyond the sample.
    is_datumaro |= isinstance(categories, dict) and isinstance(categories.get("label"), dict)
    is_datumaro |= found.keys() >= {"dm_format_version", "media_type"}
    return _("A JSON object with categories and items of Datumaro.") if is_datumaro else ""


def read(source: SourceFile) -> Reading:
    """Labels are looked for first; items are then read as they are asked for."""
    names: list[str] = []
    has_items = False
    for part in stream(source, skipped=_SKIPPED):
        source.check()
        has_items |= part.key == "items"
        if part.key == "categories":
            names = _names(part.value)
            break
    else:
        if not has_items:
            raise FileMalformed(_("{path} has no items of Datumaro.").format(path=source.path))
    facts = FileFacts(unique_specs([ClassSpec(name) for name in names]))
    return Reading(facts, _items(source, NumberedClasses(tuple(names))))


def _names(categories: object) -> list[str]:
    label = categories.get("label") if isinstance(categories, dict) else None
    labels = label.get("labels") if isinstance(label, dict) else None
    return [
        name_of(item.get("name") if isinstance(item, dict) else item)
        for item in (labels if isinstance(labels, list) else ())
    ]


def _items(source: SourceFile, classes: NumberedClasses) -> Iterator[ImageRecord | BadRow]:
    stem = source.path.stem.lower()
    split = stem if stem in _SPLITS else ""
    for part in stream(source, skipped=_SKIPPED):
        source.check()
        if part.key != "items" or not part.number:
            continue
        item = part.value
        if not isinstance(item, dict):
            yield BadRow(part.number, _("The item is not a JSON object."), json_excerpt(item))
            continue
        path = _path(item)
        if not path:
            yield BadRow(part.number, _("The item has no path and no id."), json_excerpt(item))
            continue
        listed = item.get("annotations")
        annotations = listed if isinstance(listed, list) else []
        attributes = item.get("attr")
        own = attributes.get(KEY) if isinstance(attributes, dict) else None
        height, width = _size(item)
        record = ImageRecord(path, line=part.number, width=width, height=height)
        if isinstance(own, dict):
            numbers = [entry.get("label_id") for entry in annotations if isinstance(entry, dict)]
            record = record._replace(classes=classes.own_classes(numbers, own, ABSENT))
            yield with_fields(record, own)
            continue
        found = ClassesFound()
        caption = ""
        for entry in annotations:
            kind = entry.get("type") if isinstance(entry, dict) else None
            if isinstance(entry, dict) and kind == "caption":
                text = entry.get("caption")
                caption = caption or (clean_text(text) if isinstance(text, str) else "")
            elif not isinstance(entry, dict) or not (
                name := classes.name_of(entry.get("label_id"))
            ):
                yield BadRow(
                    part.number,
                    _("The annotation has no label of the file."),
                    json_excerpt(entry),
                    path,
                )
            elif kind in _TYPES:
                said = entry.get("attributes")
                score = said.get("score") if isinstance(said, dict) else None
                found.add(name, by_machine=score is not None, score=score)
        yield record._replace(classes=found.records(), split=split, caption=caption)


def _path(item: dict[str, Any]) -> str:
    for key in ("image", "media"):
        media = item.get(key)
        path = path_of(media.get("path")) if isinstance(media, dict) else ""
        if path:
            return path
    return path_of(item.get("id"))


def _size(item: dict[str, Any]) -> tuple[int, int]:
    """Height and width, in this order in the file."""
    image = item.get("image")
    size = image.get("size") if isinstance(image, dict) else None
    if isinstance(size, list) and len(size) == 2:
        return pixels_of(size[0]), pixels_of(size[1])
    return 0, 0


# -- out -------------------------------------------------------------------------------------


def held(record: ImageRecord, _options: Options) -> ImageRecord | None:
    return held_record(record, ABSENT)


def write(records: Iterable[ImageRecord], facts: ExportFacts, path: Path) -> None:
    numbers = {spec.name: i for i, spec in enumerate(facts.classes)}
    labels = [{"name": spec.name, "parent": "", "attributes": []} for spec in facts.classes]
    categories = {"label": {"label_groups": [], "labels": labels, "attributes": []}}
    taken: set[str] = set()
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
        file.write('{"dm_format_version":"1.0","media_type":2,"infos":{},\n"categories":')
        file.write(f'{compact_json(categories)},\n"items":[')
        for count, record in enumerate(records):
            present, absent, fields = numbered(record, numbers)
            if absent:
                fields["absent"] = absent
            annotations = [
                {"id": i, "type": "label", "attributes": {}, "group": 0, "label_id": number}
                for i, number in enumerate(present)
            ]
            image: dict[str, Any] = {"path": record.path}
            if record.width and record.height:
                image["size"] = [record.height, record.width]
            item = {
                "id": unique_key(record.path, taken),
                "annotations": annotations,
                "attr": {KEY: fields},
                "image": image,
            }
            file.write((",\n" if count else "\n") + compact_json(item))
        file.write("\n]}\n")


FORMAT = Format(
    name="datumaro",
    title="Datumaro",
    suffixes=(".json",),
    sniff=sniff,
    read=read,
    write=write,
    held=held,
    held_classes=names_only,
    cannot_hold=(Loss.PLACE, Loss.CLASS_DETAILS),
    summary=N_("For Datumaro and OpenVINO: one JSON file for all photos."),
)
