"""CVAT for images 1.1: ``annotations.xml``, alone or in the ZIP file that CVAT exports.

A tag, box, polygon, mask or any other shape says that the photo has its label.  ``source`` says
who drew it: ``manual`` and ``semi-auto`` a person, ``auto`` a machine.  We write tags; absent
verdicts have no place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.interchange.errors import FileMalformed
from lmpt_desktop.interchange.format import ExportFacts, Format, Loss, Options
from lmpt_desktop.interchange.reading.foreign_text import (
    colour_of,
    excerpt,
    pixels_of,
    unique_specs,
)
from lmpt_desktop.interchange.reading.json_values import json_excerpt
from lmpt_desktop.interchange.reading.packages import ZIP_START, package_of, package_sample
from lmpt_desktop.interchange.reading.source_files import MAX_DOCUMENT_BYTES, Sample, SourceFile
from lmpt_desktop.interchange.reading.xml_stream import XmlReader, xml_escaped, xml_safe
from lmpt_desktop.interchange.record import (
    BadRow,
    ClassRecord,
    FileFacts,
    ImageRecord,
    Origin,
    Reading,
)
from lmpt_desktop.translation import N_, _

FILE_NAME = "annotations.xml"
MAX_TEXT = 10_000
MAX_LABELS = 100_000
MAX_IMAGE_LABELS = 4096
"""Labels of one image beyond which the rest are bad rows: nobody has so many."""
_ORIGINS = {
    "manual": Origin.HUMAN,
    "semi-auto": Origin.HUMAN,
    "auto": Origin.MACHINE,
    "file": Origin.UNSTATED,
}
_SOURCES = {Origin.HUMAN: "manual", Origin.MACHINE: "auto", Origin.UNSTATED: "file"}


class _Document:
    """Gathers labels and images from the elements of a document."""

    def __init__(self, path: Path) -> None:
        self.reader = XmlReader(path, self._start, self._end, self._text)
        self.specs: list[ClassSpec] = []
        self.found: list[ImageRecord | BadRow] = []
        self.has_images = False
        self._path = path
        self._depth = 0
        self._places: list[str] = []
        self._texts: dict[str, str] = {}
        self._image: ImageRecord | None = None
        self._classes: dict[ClassRecord, None] = {}

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        # Only the first levels have a meaning.
        if self._depth <= 6:
            self._places.append(name)
        if self._depth == 1 and name != "annotations":
            raise FileMalformed(
                _("{path} is no file of CVAT: it begins with {name}.").format(
                    path=self._path, name=excerpt(name)
                )
            )
        if self._depth == 2:
            self._start_image(name, attributes)
        elif self._depth == 3 and self._image is not None:
            self._add_label(attributes)
        elif self._places[1:2] == ["meta"] and self._depth == 5 and name == "label":
            self._texts = {}

    def _start_image(self, name: str, attributes: dict[str, str]) -> None:
        if name == "track":
            raise FileMalformed(
                _("{path} is CVAT for video. Export the task as CVAT for images.").format(
                    path=self._path
                )
            )
        if name != "image":
            return
        self.has_images = True
        self._classes = {}
        self._image = ImageRecord(
            attributes.get("name", ""),
            line=self.reader.line,
            split=attributes.get("subset", ""),
            width=pixels_of(attributes.get("width", "")),
            height=pixels_of(attributes.get("height", "")),
        )

    def _add_label(self, attributes: dict[str, str]) -> None:
        label = attributes.get("label", "")
        if not label or len(self._classes) >= MAX_IMAGE_LABELS:
            reason = (
                _("The image has too many labels.") if label else _("The annotation has no label.")
            )
            path = self._image.path if self._image is not None else ""
            self.found.append(BadRow(self.reader.line, reason, json_excerpt(attributes), path))
            return
        origin = _ORIGINS.get(attributes.get("source", ""), Origin.UNSTATED)
        self._classes[ClassRecord(label, origin=origin)] = None

    def _end(self, name: str) -> None:
        if self._depth == 2 and self._image is not None:
            if self._image.path:
                self.found.append(self._image._replace(classes=tuple(self._classes)))
            else:
                self.found.append(BadRow(self._image.line, _("The image has no name.")))
            self._image = None
        elif self._depth == 5 and name == "label" and self._is_in_labels():
            # Parts of skeletons are labels too, with a parent.
            if not self._texts.get("parent", "").strip():
                colour = colour_of(self._texts.get("color", "").strip())
                self.specs.append(ClassSpec(self._texts.get("name", ""), colour=colour))
            if len(self.specs) > MAX_LABELS:
                raise FileMalformed(_("{path} declares too many labels.").format(path=self._path))
        if self._depth <= 6:
            self._places.pop()
        self._depth -= 1

    def _is_in_labels(self) -> bool:
        return self._places[1] == "meta" and self._places[3] == "labels"

    def _text(self, text: str) -> None:
        if self._depth == 6 and self._places[4] == "label":
            key = self._places[5]
            if len(self._texts.get(key, "")) + len(text) <= MAX_TEXT:
                self._texts[key] = self._texts.get(key, "") + text


def sniff(sample: Sample) -> str:
    if FILE_NAME in sample.names:
        return _("A folder with annotations.xml of CVAT.")
    if sample.head.startswith(ZIP_START):
        is_ours = package_sample(sample, FILE_NAME) is not None
        return _("A ZIP file with annotations.xml of CVAT.") if is_ours else ""
    # UTF-16 has a zero beside each of these letters.
    text = sample.head.replace(b"\0", b"")
    if re.search(rb"<annotations[\s>]", text) and re.search(rb"<(version|meta|image)[\s>]", text):
        return _("An XML file with annotations of CVAT.")
    return ""


def read(source: SourceFile) -> Reading:
    """Labels come before the images, which are then read as they are asked for."""
    stack = ExitStack()
    try:
        file = _open(source, stack)
        document = _Document(source.path)
        chunks = document.reader.parse(file)
        for __ in chunks:
            if document.has_images:
                break
    except BaseException:
        stack.close()
        raise
    facts = FileFacts(unique_specs(document.specs))
    return Reading(facts, _items(document, chunks, stack))


def _open(source: SourceFile, stack: ExitStack) -> BinaryIO:
    if source.path.is_dir():
        place = source.path / FILE_NAME
        return stack.enter_context(source.open(place, limit=MAX_DOCUMENT_BYTES))
    file = stack.enter_context(source.open())
    if not file.read(len(ZIP_START)).startswith(ZIP_START):
        file.close()
        return stack.enter_context(source.open(limit=MAX_DOCUMENT_BYTES))
    package = package_of(source, FILE_NAME)
    return stack.enter_context(package.open(FILE_NAME, limit=MAX_DOCUMENT_BYTES))


def _items(
    document: _Document, chunks: Iterator[None], stack: ExitStack
) -> Iterator[ImageRecord | BadRow]:
    with stack:
        while True:
            yield from document.found
            document.found.clear()
            try:
                next(chunks)
            except StopIteration:
                yield from document.found
                return


# -- out -------------------------------------------------------------------------------------


def held(record: ImageRecord, _options: Options) -> ImageRecord | None:
    return ImageRecord(
        xml_safe(record.path),
        tuple(
            dict.fromkeys(
                ClassRecord(xml_safe(item.name), origin=item.origin)
                for item in record.classes
                if item.verdict == Verdict.PRESENT
            )
        ),
        split=xml_safe(record.split),
        width=record.width,
        height=record.height,
    )


def write(records: Iterable[ImageRecord], facts: ExportFacts, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n')
        file.write("  <version>1.1</version>\n  <meta>\n    <task>\n")
        file.write(f"      <name>{xml_escaped(facts.name)}</name>\n      <labels>\n")
        for spec in facts.classes:
            colour = f"<color>{spec.colour}</color>" if spec.colour else ""
            file.write(
                f"        <label><name>{xml_escaped(spec.name)}</name>{colour}"
                "<type>tag</type><attributes></attributes></label>\n"
            )
        file.write("      </labels>\n    </task>\n  </meta>\n")
        for number, record in enumerate(records):
            kept = held(record, {})
            assert kept is not None
            subset = f' subset="{xml_escaped(kept.split)}"' if kept.split else ""
            file.write(
                f'  <image id="{number}" name="{xml_escaped(kept.path)}"{subset} '
                f'width="{kept.width}" height="{kept.height}">\n'
            )
            for item in kept.classes:
                file.write(
                    f'    <tag label="{xml_escaped(item.name)}" '
                    f'source="{_SOURCES[item.origin]}"></tag>\n'
                )
            file.write("  </image>\n")
        file.write("</annotations>\n")


def held_classes(classes: tuple[ClassSpec, ...]) -> tuple[ClassSpec, ...]:
    """Names and colours."""
    return unique_specs([ClassSpec(xml_safe(spec.name), colour=spec.colour) for spec in classes])


FORMAT = Format(
    name="cvat",
    title="CVAT",
    suffixes=(".xml", ".zip"),
    sniff=sniff,
    read=read,
    write=write,
    held=held,
    held_classes=held_classes,
    cannot_hold=(
        Loss.ABSENT,
        Loss.REVIEWED,
        Loss.SCORE,
        Loss.SOURCE,
        Loss.PLACE,
        Loss.HASH,
        Loss.CAPTION,
        Loss.STATE,
        Loss.CLASS_NAME,
        Loss.CLASS_DETAILS,
    ),
    summary=N_("For CVAT: tags of whole photos, to be uploaded to a task with the same photos."),
)
