"""Pascal VOC: a folder with ``ImageSets/Main`` and ``Annotations``, or loose XML files.

``ImageSets/Main/CLASS_SPLIT.txt`` says of each image 1 (present), -1 (absent) or 0 (only objects
that are marked as difficult, which VOC's own evaluation passes over: the user decides).
``Annotations/ID.xml`` lists objects.  Where both speak of a class of an image, they count as one if
they agree, else as a contradiction.

What we write has both, and no photos.  VOC knows images by an id, which is the name without its
suffix; ours has ASCII letters and digits only and is unique, ``path`` in the XML file says which
photo it is.  ``classes.json`` holds the classes in their order, with the names of their files,
since not every name can be one.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.interchange.errors import Cancelled, FileMalformed, InterchangeError
from lmpt_desktop.interchange.format import ExportFacts, Format, Loss, Options, Target
from lmpt_desktop.interchange.reading.folder_files import (
    files_below,
    is_file,
    is_inside,
    stem_of,
    text_lines,
)
from lmpt_desktop.interchange.reading.foreign_text import (
    clean_path,
    clean_text,
    colour_of,
    excerpt,
    name_of,
    pixels_of,
    unique_specs,
)
from lmpt_desktop.interchange.reading.json_stream import read_value
from lmpt_desktop.interchange.reading.source_files import MAX_SMALL_FILE_BYTES, Sample, SourceFile
from lmpt_desktop.interchange.reading.xml_stream import XmlReader, xml_escaped, xml_safe
from lmpt_desktop.interchange.record import (
    BadRow,
    ClassRecord,
    FileFacts,
    ImageRecord,
    NotListed,
    Origin,
    Reading,
)
from lmpt_desktop.translation import N_, _

DIFFICULT = "difficult"
VERDICTS: dict[str, Verdict | None] = {
    "1": Verdict.PRESENT,
    "0": None,
    "-1": Verdict.ABSENT,
    "": Verdict.PRESENT,
    DIFFICULT: None,
}
CLASSES_FILE = "classes.json"
UNSPLIT = "trainval"
"""VOC's name for images of either split; ours where a library has no held-out photos."""
ALL = "default"
"""The list of all images, as CVAT names it; ours has them in the order of the export."""
_VALUES = ("1", "0", "-1")
_LINE = re.compile(r"\S\s+-?[01]\s*$")
_MAIN = "ImageSets/Main"
_MAX_ROOTS = 100
_MAX_TEXT = 10_000
_MAX_OBJECTS = 100_000
_MAX_STEM = 100
_MAX_BAD_ROWS = 10_000
_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".heic", ".avif")


# -- one XML file ------------------------------------------------------------------------------


@dataclass
class _Annotation:
    """What an XML file says; ``objects``: by class, whether all of them are difficult."""

    path: str = ""
    filename: str = ""
    width: int = 0
    height: int = 0
    objects: dict[str, bool] = field(default_factory=dict)


class _AnnotationReader:
    def __init__(self, path: Path) -> None:
        self.found = _Annotation()
        self._path = path
        self._xml = XmlReader(path, self._start, self._end, self._add_text)
        self._places: list[str] = []
        self._depth = 0
        self._text = ""
        self._name = ""
        self._difficult = False

    def read(self, source: SourceFile, place: Path | None) -> _Annotation:
        with source.open(place, limit=MAX_SMALL_FILE_BYTES) as file:
            self._xml.parse_all(file)
        return self.found

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 1 and name != "annotation":
            raise FileMalformed(
                _("{path} is no annotation of Pascal VOC: it begins with {name}.").format(
                    path=self._path, name=excerpt(name)
                )
            )
        if self._depth <= 3:
            self._places.append(name)
        self._text = ""
        if self._depth == 2 and name == "object":
            self._name = ""
            self._difficult = False

    def _add_text(self, text: str) -> None:
        if len(self._text) + len(text) <= _MAX_TEXT:
            self._text += text

    def _end(self, _name: str) -> None:
        match self._places[1:] if self._depth <= 3 else []:
            case ["path"]:
                self.found.path = self._text
            case ["filename"]:
                self.found.filename = self._text
            case ["size", "width"]:
                self.found.width = pixels_of(self._text.strip())
            case ["size", "height"]:
                self.found.height = pixels_of(self._text.strip())
            case ["object", "name"]:
                self._name = self._text
            case ["object", "difficult"]:
                self._difficult = self._text.strip() == "1"
            case ["object"] if self._name and len(self.found.objects) < _MAX_OBJECTS:
                before = self.found.objects.get(self._name, True)
                self.found.objects[self._name] = before and self._difficult
        if self._depth <= 3:
            self._places.pop()
        self._depth -= 1
        self._text = ""


# -- image sets --------------------------------------------------------------------------------


class _Root(NamedTuple):
    """A folder with ``ImageSets`` or ``Annotations``; ``prefix``: its place in the source, with a
    "/" at the end."""

    folder: Path
    prefix: str
    annotations: Path


@dataclass
class _Sets:
    """The image sets of a root, as columns."""

    ids: dict[str, int] = field(default_factory=dict)
    splits: dict[int, str] = field(default_factory=dict)
    classes: dict[str, int] = field(default_factory=dict)
    specs: list[ClassSpec] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    cell_images: array[int] = field(default_factory=lambda: array("i"))
    cell_classes: array[int] = field(default_factory=lambda: array("i"))
    cell_values: array[int] = field(default_factory=lambda: array("b"))
    bad_rows: list[tuple[BadRow, str]] = field(default_factory=list)
    """With the id of the image."""
    bad_ids: set[str] = field(default_factory=set)

    def add_id(self, name: str, split: str) -> int:
        number = self.ids.setdefault(name, len(self.ids))
        if split not in (UNSPLIT, ALL):
            self.splits.setdefault(number, split)
        return number

    def read(self, source: SourceFile, root: _Root) -> None:
        self._read_classes(source, root.folder / CLASSES_FILE)
        main = root.folder / _MAIN
        names = files_below(source, main, (".txt",))
        for name in sorted(names, key=lambda name: name != f"{ALL}.txt"):
            stem = clean_text(name[:-4])
            class_file, __, split = stem.rpartition("_")
            lines = text_lines(source, main / name)
            first = next((text for text in lines if text.strip()), "0 0")
            if class_file and not _LINE.search(first):
                class_file, split = "", stem
            if class_file:
                self._class_of(class_file)
            for line, text in enumerate(lines, 1):
                if text.strip():
                    self._add_line(name, line, text, class_file, split)

    def _read_classes(self, source: SourceFile, path: Path) -> None:
        if not is_file(path):
            return
        value = read_value(source, path)
        listed = value.get("classes") if isinstance(value, dict) else None
        for item in listed if isinstance(listed, list) else ():
            if isinstance(item, dict) and (name := name_of(item.get("name"))):
                aliases = item.get("aliases")
                description = item.get("description")
                self.specs.append(
                    ClassSpec(
                        name,
                        clean_text(description) if isinstance(description, str) else "",
                        tuple(filter(None, map(name_of, aliases)))
                        if isinstance(aliases, list)
                        else (),
                        colour_of(item.get("colour")),
                    )
                )
                self.names[name_of(item.get("file"))] = name
                self.classes.setdefault(name, len(self.classes))

    def _class_of(self, class_file: str) -> int:
        name = self.names.get(class_file, class_file)
        return self.classes.setdefault(name, len(self.classes))

    def _add_line(self, name: str, line: int, text: str, class_file: str, split: str) -> None:
        if not class_file:
            self.add_id(clean_path(text.strip()), split)
            return
        # Ids may have spaces in them.
        parts = text.rsplit(maxsplit=1)
        if len(parts) != 2 or parts[1] not in _VALUES:
            image = clean_path(parts[0].strip())
            # Of each image at least one, so that it is known not to be read in full.
            if len(self.bad_rows) < _MAX_BAD_ROWS or image not in self.bad_ids:
                reason = _("{file} has no 1, 0 or -1 in this line.").format(file=clean_text(name))
                self.bad_rows.append((BadRow(line, reason, excerpt(text)), image))
                self.bad_ids.add(image)
            return
        self.cell_images.append(self.add_id(clean_path(parts[0].strip()), split))
        self.cell_classes.append(self._class_of(class_file))
        self.cell_values.append(int(parts[1]))


def _roots(path: Path) -> list[_Root]:
    """The folder itself, or those in it and in these that are laid out as VOC's."""

    def is_root(folder: Path) -> bool:
        return (folder / _MAIN).is_dir() or (folder / "Annotations").is_dir()

    try:
        if is_root(path):
            return [_Root(path, "", path / "Annotations")]
        first = _folders_in(path)
        inside = [*first, *(item for folder in first for item in _folders_in(folder))]
        found = [
            _Root(item, f"{item.relative_to(path).as_posix()}/", item / "Annotations")
            for item in inside
            if is_root(item)
        ]
    except OSError:
        return []
    return found[:_MAX_ROOTS]


def _folders_in(path: Path) -> list[Path]:
    """Some of the folders in a folder, which may hold a million photos besides."""
    with os.scandir(path) as entries:
        found = (Path(item.path) for item in entries if item.is_dir(follow_symlinks=False))
        return sorted(itertools.islice(found, _MAX_ROOTS))


def sniff(sample: Sample) -> str:
    if not sample.is_folder:
        if re.search(rb"<annotation[\s>]", sample.head.replace(b"\0", b"")):
            return _("An XML file with an annotation of Pascal VOC.")
        return ""
    roots = _roots(sample.path)
    if any((root.folder / _MAIN).is_dir() for root in roots):
        return _("A folder with ImageSets/Main of Pascal VOC.")
    if roots:
        return _("A folder with Annotations of Pascal VOC.")
    first = next((name for name in sample.names if name.lower().endswith(".xml")), "")
    if first:
        try:
            with SourceFile(sample.path).open(sample.path / first) as file:
                if re.search(rb"<annotation[\s>]", file.read(4096)):
                    return _("A folder with XML files of Pascal VOC.")
        except InterchangeError:
            pass
    return ""


def read(source: SourceFile) -> Reading:
    """Image sets are read at once, XML files as they are asked for.

    Memory: 9 bytes per line of an image set, and 200 per image.
    """
    if not source.path.is_dir():
        return Reading(FileFacts(images=1), _single(source))
    roots = _roots(source.path)
    is_laid_out = bool(roots)
    roots = roots or [_Root(source.path, "", source.path)]
    sets: list[_Sets] = []
    for root in roots:
        found = _Sets()
        found.read(source, root)
        for name in files_below(source, root.annotations, (".xml",)):
            found.add_id(clean_path(name[:-4]), UNSPLIT)
        sets.append(found)
    total = sum(len(item.ids) for item in sets)
    if not total and not is_laid_out:
        raise FileMalformed(
            _("{path} has neither ImageSets/Main nor annotations in XML.").format(path=source.path)
        )
    specs = [spec for item in sets for spec in item.specs]
    specs += [ClassSpec(name) for item in sets for name in item.classes]
    has_sets = any(len(item.cell_images) for item in sets)
    facts = FileFacts(
        unique_specs(specs),
        NotListed.UNKNOWN if has_sets else NotListed.ABSENT_IN_FILE,
        (_("Objects marked as difficult count as you choose."),),
        total,
    )
    return Reading(facts, _items(source, roots, sets, total))


def _single(source: SourceFile) -> Iterator[ImageRecord | BadRow]:
    found = _AnnotationReader(source.path).read(source, None)
    yield _record(clean_path(source.path.stem), found, [], found.filename)._replace(line=1)


def _items(
    source: SourceFile, roots: list[_Root], sets: list[_Sets], total: int
) -> Iterator[ImageRecord | BadRow]:
    done = 0
    for root, found in zip(roots, sets, strict=True):
        paths: dict[str, str] = {}
        photos = {
            stem_of(name): name
            for name in files_below(source, root.folder / "JPEGImages", _SUFFIXES)
        }
        images = np.array(found.cell_images, np.int32)
        # Stable, so that contradicting lines stay in the order of the files.
        order = np.lexsort((np.array(found.cell_classes, np.int32), images))
        starts = np.searchsorted(images[order], np.arange(len(found.ids) + 1)).tolist()
        classes = tuple(found.classes)
        for name, number in found.ids.items():
            source.check()
            source.progress(done, total)
            done += 1
            cells = [
                (classes[found.cell_classes[i]], str(found.cell_values[i]))
                for i in order[starts[number] : starts[number + 1]].tolist()
            ]
            annotation, unread = _Annotation(), ""
            place = root.annotations / f"{name}.xml"
            if not is_inside(name):
                yield BadRow(done, _("The id is no file name."), excerpt(name))
                continue
            if is_file(place):
                try:
                    annotation = _AnnotationReader(place).read(source, place)
                except Cancelled:
                    raise
                except InterchangeError as error:
                    unread = clean_text(str(error))
            photo = f"{root.prefix}JPEGImages/{photos[name]}" if name in photos else ""
            record = _record(name, annotation, list(dict.fromkeys(cells)), photo)
            if name in found.bad_ids:
                paths[name] = record.path
            if unread:
                yield BadRow(done, unread, excerpt(name), record.path)
            yield record._replace(line=done, split=found.splits.get(number, ""))
        for row, name in found.bad_rows:
            yield row._replace(path=paths.get(name, ""))


def _record(
    name: str, annotation: _Annotation, cells: list[tuple[str, str]], photo: str
) -> ImageRecord:
    path = annotation.path or photo or annotation.filename or name
    if path == annotation.filename and "/" in name and "/" not in path:
        path = f"{name.rpartition('/')[0]}/{path}"
    return ImageRecord(
        path,
        tuple(_classes(annotation.objects, cells)),
        width=annotation.width,
        height=annotation.height,
    )


def _classes(objects: dict[str, bool], cells: list[tuple[str, str]]) -> Iterator[ClassRecord]:
    """What image sets and XML file say together; where they contradict each other, both."""
    said: dict[str, set[str]] = {}
    for name, value in cells:
        said.setdefault(xml_safe(name), set()).add(value)
        yield ClassRecord(name, VERDICTS[value], value)
    for name, is_difficult in objects.items():
        values = said.get(name, set())
        if "1" in values or (is_difficult and "0" in values):
            continue
        value = DIFFICULT if is_difficult else ""
        yield ClassRecord(name, VERDICTS[value], value)


# -- out -------------------------------------------------------------------------------------


def _is_written(item: ClassRecord) -> bool:
    """VOC has no place for who said so, so that what a machine said is left out."""
    return item.verdict in (Verdict.PRESENT, Verdict.ABSENT) and item.origin is not Origin.MACHINE


def held(record: ImageRecord, _options: Options) -> ImageRecord | None:
    return ImageRecord(
        xml_safe(record.path),
        tuple(
            ClassRecord(item.name, item.verdict, "1" if item.verdict else "-1")
            for item in record.classes
            if _is_written(item)
        ),
        split=_split_of(record),
        width=record.width,
        height=record.height,
    )


def _split_of(record: ImageRecord) -> str:
    split = re.sub("[^a-z0-9]", "", record.split.lower())
    return "" if split in (UNSPLIT, ALL) else split


def write(records: Iterable[ImageRecord], facts: ExportFacts, path: Path) -> None:
    main = path / _MAIN
    annotations = path / "Annotations"
    main.mkdir(parents=True, exist_ok=True)
    annotations.mkdir(exist_ok=True)
    files = _Stems("class")
    stems = {spec.name: files.of(spec.name) for spec in facts.classes}
    _write_classes(facts.classes, stems, path / CLASSES_FILE)
    names = _Stems("photo")
    ids: list[str] = []
    lists: dict[str, array[int]] = {}
    sets: dict[tuple[str, str], array[int]] = {}
    for number, record in enumerate(records):
        name = names.of(stem_of(PurePosixPath(record.path).name))
        ids.append(name)
        split = _split_of(record) or UNSPLIT
        for name_of_list in (ALL, split):
            lists.setdefault(name_of_list, array("i")).append(number)
        for item in filter(_is_written, record.classes):
            key = (stems[item.name], split)
            cells = sets.setdefault(key, array("i"))
            # Image and verdict in one number.
            cells.append(2 * number + (item.verdict == Verdict.PRESENT))
        (annotations / f"{name}.xml").write_text(_xml(record), encoding="utf-8", newline="\n")
    for split, numbers in lists.items():
        with (main / f"{split}.txt").open("w", encoding="ascii", newline="\n") as file:
            file.writelines(f"{ids[number]}\n" for number in numbers)
    for (stem, split), cells in sets.items():
        with (main / f"{stem}_{split}.txt").open("w", encoding="ascii", newline="\n") as file:
            file.writelines(f"{ids[cell >> 1]} {' 1' if cell & 1 else '-1'}\n" for cell in cells)


class _Stems:
    """Names for files on any system, each once, also where case does not count."""

    def __init__(self, nameless: str) -> None:
        self._taken: set[str] = set()
        self._counts: dict[str, int] = {}
        self._nameless = nameless

    def of(self, name: str) -> str:
        stem = re.sub("[^A-Za-z0-9._ -]+", "_", name)[:_MAX_STEM].strip(" .") or self._nameless
        if self._nameless == "photo":
            # Between id and value is a space.
            stem = stem.replace(" ", "_")
        found = stem
        while found.lower() in self._taken:
            self._counts[stem] = self._counts.get(stem, 1) + 1
            found = f"{stem}-{self._counts[stem]}"
        self._taken.add(found.lower())
        return found


def _write_classes(classes: tuple[ClassSpec, ...], stems: dict[str, str], path: Path) -> None:
    listed = [
        {
            "name": spec.name,
            "file": stems[spec.name],
            "description": spec.description,
            "aliases": list(spec.aliases),
            "colour": spec.colour,
        }
        for spec in classes
    ]
    text = json.dumps({"classes": listed}, ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def _xml(record: ImageRecord) -> str:
    name = PurePosixPath(record.path).name
    box = (
        f"<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>{record.width}</xmax>"
        f"<ymax>{record.height}</ymax></bndbox>"
    )
    objects = "".join(
        f"  <object><name>{xml_escaped(item.name)}</name><pose>Unspecified</pose>"
        f"<truncated>0</truncated><difficult>0</difficult>{box}</object>\n"
        for item in record.classes
        if item.verdict == Verdict.PRESENT and _is_written(item)
    )
    return (
        "<annotation>\n"
        f"  <filename>{xml_escaped(name)}</filename>\n"
        f"  <path>{xml_escaped(record.path)}</path>\n"
        f"  <size><width>{record.width}</width><height>{record.height}</height>"
        "<depth>3</depth></size>\n"
        f"  <segmented>0</segmented>\n{objects}</annotation>\n"
    )


FORMAT = Format(
    name="voc",
    title="Pascal VOC",
    suffixes=(),
    sniff=sniff,
    read=read,
    write=write,
    target=Target.FOLDER,
    held=held,
    held_classes=lambda classes: classes,
    cannot_hold=(
        Loss.REVIEWED,
        Loss.PREDICTION,
        Loss.SOURCE,
        Loss.PLACE,
        Loss.HASH,
        Loss.CAPTION,
        Loss.STATE,
    ),
    summary=N_(
        "For tools that read VOC: a folder with image sets, which tell present and absent apart."
    ),
)
