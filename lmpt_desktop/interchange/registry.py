"""Every file format of annotations: a row each.  To add one, write its module and add its row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lmpt_desktop.interchange.errors import FormatUnknown
from lmpt_desktop.interchange.format import Format
from lmpt_desktop.interchange.formats import (
    camtrap_dp,
    coco,
    cvat,
    darwin_core,
    datumaro,
    fiftyone,
    hugging_face,
    label_studio,
    labelme,
    megadetector,
    own_jsonl,
    text_files,
    voc,
    xmp,
    yolo,
)
from lmpt_desktop.interchange.formats.tables import formats as tables
from lmpt_desktop.interchange.reading.source_files import sample_of
from lmpt_desktop.translation import _

FORMATS: tuple[Format, ...] = (
    own_jsonl.FORMAT,
    coco.FORMAT,
    label_studio.FORMAT,
    cvat.FORMAT,
    voc.FORMAT,
    yolo.FORMAT,
    fiftyone.FORMAT,
    datumaro.FORMAT,
    camtrap_dp.FORMAT,
    megadetector.FORMAT,
    labelme.FORMAT,
    hugging_face.FORMAT,
    darwin_core.FORMAT,
    tables.EXIFTOOL_CSV,
    tables.CSV_LONG,
    tables.CSV_WIDE,
    tables.CSV,
    xmp.FORMAT,
    text_files.FORMAT,
)
"""In the order in which they are tried and listed: the most specific first."""


@dataclass(frozen=True, eq=False)
class Detected:
    """A format that recognises a file, and the sentence that says why."""

    format: Format
    reason: str


def named(name: str) -> Format:
    """The format of that name.

    Raises:
        FormatUnknown: with the names there are.
    """
    for item in FORMATS:
        if item.name == name:
            return item
    names = ", ".join(item.name for item in FORMATS)
    raise FormatUnknown(
        _("There is no format {name}. There are: {names}.").format(name=name, names=names)
    )


def detect(path: Path) -> list[Detected]:
    """Formats that recognise a file or folder, the likeliest first; [] if none does.

    Raises:
        InterchangeError: with a sentence, if it cannot be read.
    """
    sample = sample_of(path)
    found = [
        Detected(item, reason)
        for item in FORMATS
        if item.read is not None and item.sniff is not None and (reason := item.sniff(sample))
    ]
    # A suffix decides only between formats that both recognise the content.
    found.sort(key=lambda item: sample.suffix not in item.format.suffixes)
    return found


def readable() -> tuple[Format, ...]:
    """Formats that can be imported."""
    return tuple(item for item in FORMATS if item.read is not None)


def writable() -> tuple[Format, ...]:
    """Formats that can be exported."""
    return tuple(item for item in FORMATS if item.is_writable)
