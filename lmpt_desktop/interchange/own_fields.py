"""What other programs' JSON formats have no place for, in one key that they pass over.

``lmpt`` of an image: ``reviewed``, ``state``, ``split``, ``caption``, hashes, ``sources`` (numbers
of classes by source; those not listed are the user's), ``predicted`` (number of a class and score)
and, where the format has no other place, ``absent`` (numbers of classes).  How classes are
numbered is the format's matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from lmpt_desktop.domain.records import Source, Verdict
from lmpt_desktop.interchange.reading.foreign_text import clean_text, score_of
from lmpt_desktop.interchange.record import PREDICTION, ClassRecord, ImageRecord, Origin

KEY = "lmpt"
TEXTS = ("fingerprint", "file_hash", "picture_hash", "state", "split", "caption")
SOURCES = tuple(item.value for item in Source)


class Numbered(NamedTuple):
    """Classes of a record by number: present, absent, and the fields of our own."""

    present: list[int]
    absent: list[int]
    fields: dict[str, Any]


def numbered(record: ImageRecord, numbers: Mapping[str, int]) -> Numbered:
    """What is written of a record; predictions are in the fields only."""
    present: list[int] = []
    absent: list[int] = []
    predicted: list[list[float | None]] = []
    sources: dict[str, list[int]] = {}
    for item in record.classes:
        if item.verdict not in (Verdict.PRESENT, Verdict.ABSENT):
            continue
        kept = held_class(item, "")
        number = numbers[kept.name]
        if kept.source == PREDICTION:
            predicted.append([number, kept.score])
            continue
        (present if kept.verdict == Verdict.PRESENT else absent).append(number)
        if kept.source != Source.USER:
            sources.setdefault(kept.source, []).append(number)
    fields: dict[str, Any] = {}
    if record.reviewed is not None:
        fields["reviewed"] = record.reviewed
    fields |= {key: text for key in TEXTS if (text := getattr(record, key))}
    if sources:
        fields["sources"] = sources
    if predicted:
        fields["predicted"] = predicted
    return Numbered(present, absent, fields)


def held_record(record: ImageRecord, absent_value: str) -> ImageRecord:
    """What reads back: all but the folder, who said so and when.

    Args:
        absent_value: as the format's reader has it for absent classes.
    """
    return record._replace(
        folder="",
        line=0,
        classes=tuple(
            held_class(item, absent_value)
            for item in record.classes
            if item.verdict in (Verdict.PRESENT, Verdict.ABSENT)
        ),
    )


# An export has few different ones, again and again.
@lru_cache(maxsize=4096)
def held_class(item: ClassRecord, absent_value: str) -> ClassRecord:
    if item.origin is Origin.MACHINE and item.source != Source.MACHINE:
        return prediction_of(item.name, item.score)
    source = Source.MACHINE.value if item.origin is Origin.MACHINE else item.source
    source = source if source in SOURCES else Source.USER.value
    return verdict_of(item.name, item.verdict == Verdict.PRESENT, source, absent_value)


def prediction_of(name: str, score: float | None) -> ClassRecord:
    return ClassRecord(name, origin=Origin.MACHINE, score=score, source=PREDICTION)


def verdict_of(name: str, is_present: bool, source: str, absent_value: str) -> ClassRecord:
    origin = Origin.MACHINE if source == Source.MACHINE else Origin.HUMAN
    if is_present:
        return ClassRecord(name, origin=origin, source=source)
    return ClassRecord(name, Verdict.ABSENT, absent_value, origin, source=source)


def with_fields(record: ImageRecord, fields: Mapping[str, Any]) -> ImageRecord:
    """The record with what the fields say of the image; whatever else they have is left out."""
    texts = {key: clean_text(text) for key in TEXTS if isinstance(text := fields.get(key), str)}
    reviewed = fields.get("reviewed")
    if not isinstance(reviewed, bool):
        reviewed = record.reviewed
    return record._replace(reviewed=reviewed, **texts)


def sources_in(fields: Mapping[str, Any], name_of: Callable[[object], str]) -> dict[str, str]:
    """Sources by class name; ``name_of`` gives the name of a number, "" if there is none."""
    listed = fields.get("sources")
    found: dict[str, str] = {}
    for source, items in listed.items() if isinstance(listed, dict) else ():
        if source in SOURCES and isinstance(items, list):
            for item in items:
                found[name_of(item)] = source
    return found


def predicted_in(fields: Mapping[str, Any]) -> list[tuple[object, float | None]]:
    """Numbers of classes and scores, as they are there."""
    listed = fields.get("predicted")
    return [
        (item[0], score_of(item[1]))
        for item in (listed if isinstance(listed, list) else ())
        if isinstance(item, list) and len(item) == 2
    ]


class NumberedClasses:
    """Classes that a file numbers from 0.

    Raises nothing: whatever is no number of a class has no name.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names

    def name_of(self, number: object) -> str:
        """ "" if there is no such class."""
        if type(number) is int and 0 <= number < len(self.names):
            return self.names[number]
        return ""

    def own_classes(
        self, present: Iterable[object], fields: Mapping[str, Any], absent_value: str
    ) -> tuple[ClassRecord, ...]:
        """Classes of an image that we wrote, in the order of their numbers."""
        sources = sources_in(fields, self.name_of)
        listed = fields.get("absent")
        absent: Iterable[object] = listed if isinstance(listed, list) else ()
        found: list[tuple[int, ClassRecord]] = []
        for is_present, of_verdict in ((True, present), (False, absent)):
            for number in of_verdict:
                if type(number) is int and (name := self.name_of(number)):
                    source = sources.get(name, Source.USER.value)
                    found.append((number, verdict_of(name, is_present, source, absent_value)))
        for number, score in predicted_in(fields):
            if type(number) is int and (name := self.name_of(number)):
                found.append((number, prediction_of(name, score)))
        found.sort(key=lambda item: item[0])
        return tuple(record for __, record in found)
