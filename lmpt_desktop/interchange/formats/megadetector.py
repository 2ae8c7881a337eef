"""MegaDetector: the results of a detector (and maybe a classifier) for many photos.

All of it is what a machine said.  Of each category counts the highest score in the photo.  A
photo that was processed and has no detection of a category has none of it; one that failed says
nothing.  PyTorch-Wildlife's plain list of photos is read too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.interchange.errors import FileMalformed
from lmpt_desktop.interchange.format import Format
from lmpt_desktop.interchange.reading.foreign_text import (
    clean_text,
    name_of,
    path_of,
    unique_specs,
)
from lmpt_desktop.interchange.reading.found_classes import ClassesFound
from lmpt_desktop.interchange.reading.json_stream import outline, stream
from lmpt_desktop.interchange.reading.json_values import json_excerpt, list_of, moment_of, object_of
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

NOT_FOUND = "not found"
_TABLES = ("detection_categories", "classification_categories")
_EMPTY = ("empty", "blank")
"""Categories that say that nothing is there."""


class _Facts(NamedTuple):
    """What is known before the photos: names by id, and who looked when."""

    detection: Mapping[str, str]
    classification: Mapping[str, str]
    detector: str
    classifier: str
    at: datetime | None
    is_plain: bool


def _sniff(sample: Sample) -> str:
    head = outline(sample)
    if b'"detection_categories"' in sample.head and b'"detections"' in sample.head:
        return _("It has detection categories and detections, as MegaDetector writes them.")
    first = object_of(head.get("images"))
    if "detections" in first and ("max_detection_conf" in first or "info" in head):
        return _("It has detections with scores for each photo, as MegaDetector writes them.")
    plain = object_of(head.get(""))
    if isinstance(plain.get("detections"), list) and "file" in plain:
        return _("It lists detections by file, as PyTorch-Wildlife writes them.")
    return ""


def _read(source: SourceFile) -> Reading:
    facts = _facts(source)
    classes = unique_specs(
        [ClassSpec(name) for name in (*facts.detection.values(), *facts.classification.values())]
    )
    notes = (_("All of it is what a machine said; what it did not find counts as absent."),)
    return Reading(FileFacts(classes, notes=notes), _items(source, facts))


def _facts(source: SourceFile) -> _Facts:
    """Read as far as needed: older files have their categories after the photos."""
    found: dict[str, Any] = {}
    is_plain = False
    for part in stream(source):
        if part.number == 0:
            found[part.key] = part.value
        if not part.key:
            is_plain = True
            break
        if part.key == "images" and all(key in found for key in _TABLES):
            break
    if not is_plain and "images" not in found:
        raise FileMalformed(_("{path} has no results of MegaDetector.").format(path=source.path))
    info = object_of(found.get("info"))
    return _Facts(
        _named(found.get("detection_categories")),
        _named(found.get("classification_categories")),
        name_of(info.get("detector")),
        name_of(info.get("classifier")),
        moment_of(info.get("detection_completion_time")),
        is_plain,
    )


def _named(table: object) -> dict[str, str]:
    """Names by id, without those that mean nothing."""
    return {
        key: name
        for key, value in object_of(table).items()
        if (name := name_of(value)) and name.casefold() not in _EMPTY
    }


def _items(source: SourceFile, facts: _Facts) -> Iterator[ImageRecord | BadRow]:
    key = "" if facts.is_plain else "images"
    for part in stream(source):
        if part.key == key and part.number:
            yield _item(part.value, part.number, facts)


def _item(image: object, number: int, facts: _Facts) -> ImageRecord | BadRow:
    said = object_of(image)
    path = path_of(said.get("file"))
    if not path:
        return BadRow(number, _("The entry names no photo."), json_excerpt(image))
    detections = said.get("detections")
    if not isinstance(detections, list):
        reason = name_of(said.get("failure")) or "?"
        return BadRow(
            number,
            _("The photo was not processed: {reason}.").format(reason=reason[:100]),
            clean_text(path[:200]),
        )
    return ImageRecord(path, tuple(_classes(detections, facts)), number)


def _classes(detections: list[Any], facts: _Facts) -> Iterator[ClassRecord]:
    best = ClassesFound()
    classified = ClassesFound()
    for detection in map(object_of, detections):
        key = name_of(detection.get("category"))
        name = facts.detection.get(key, key if facts.is_plain else "")
        # A category that is not declared is no detection, by the format's documentation.
        if name:
            score = detection.get("conf", detection.get("confidence"))
            best.add(name, by_machine=True, score=score)
        for pair in list_of(detection.get("classifications")):
            if isinstance(pair, list) and len(pair) == 2:
                name = facts.classification.get(name_of(pair[0]), "")
                if name:
                    classified.add(name, by_machine=True, score=pair[1])
    for found, annotator in ((best, facts.detector), (classified, facts.classifier)):
        for record in found.records():
            yield record._replace(annotator=annotator, at=facts.at)
    for name in dict.fromkeys(facts.detection.values()):
        if name not in best and name not in classified:
            yield ClassRecord(
                name,
                Verdict.ABSENT,
                NOT_FOUND,
                Origin.MACHINE,
                annotator=facts.detector,
                at=facts.at,
            )


FORMAT = Format(
    "megadetector",
    "MegaDetector",
    (".json",),
    sniff=_sniff,
    read=_read,
    summary=N_("What MegaDetector found in photos of camera traps; all of it by a machine."),
)
