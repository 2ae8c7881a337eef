"""YOLO: a text file per photo, each line a box or an outline of an object; only to be read.

Layouts: ``labels/`` beside ``images/`` (Ultralytics; Roboflow within ``train/``, ``valid/``,
``test/``), ``obj_train_data/`` (Darknet), and text files beside the photos (labelImg).  Classes are
numbers; ``data.yaml``, ``*.names`` or ``classes.txt`` names them.  A line of six numbers is a
prediction, the last its score.  An empty file says that there is nothing in the photo.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lmpt_desktop.domain.records import ClassSpec
from lmpt_desktop.interchange.errors import FileMalformed, InterchangeError
from lmpt_desktop.interchange.format import Format
from lmpt_desktop.interchange.reading.folder_files import files_below, stem_of, text_lines
from lmpt_desktop.interchange.reading.foreign_text import (
    clean_path,
    clean_text,
    excerpt,
    unique_specs,
)
from lmpt_desktop.interchange.reading.found_classes import ClassesFound
from lmpt_desktop.interchange.reading.source_files import Sample, SourceFile
from lmpt_desktop.interchange.record import (
    BadRow,
    FileFacts,
    ImageRecord,
    NotListed,
    Reading,
)
from lmpt_desktop.translation import N_, _

MAX_CLASSES = 100_000
_PHOTOS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".heic", ".avif")
_SPLITS = ("train", "val", "valid", "validation", "test")
_FOLDERS = ("labels", "obj_train_data", *(f"{split}/labels" for split in _SPLITS))
_OTHER_TEXTS = re.compile(r"(classes|labels|readme.*|requirements|predefined_classes)\.txt", re.I)
_LIST = re.compile(rf"({'|'.join(_SPLITS)})\.txt", re.I)
_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_LINE = re.compile(rf"\s*([0-9]{{1,6}})(?:\.0+)?((?:\s+{_NUMBER}){{4,}})\s*")
_SNIFFED_FILES = 20


@dataclass
class _Folder:
    """What is in the folder; ``listed``: photos by the stem of their label file."""

    labels: list[str] = field(default_factory=list)
    photos: dict[str, str] = field(default_factory=dict)
    listed: dict[str, tuple[str, str]] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)


def sniff(sample: Sample) -> str:
    if not sample.is_folder:
        return ""
    names = [name for name in sample.names if _is_label(name)]
    for folder in _FOLDERS:
        place = sample.path / folder
        try:
            texts = itertools.islice(place.rglob("*.txt"), _SNIFFED_FILES)
            names += [item.relative_to(sample.path).as_posix() for item in texts]
        except OSError:
            continue
    source = SourceFile(sample.path)
    for name in names[: _SNIFFED_FILES * len(_FOLDERS)]:
        try:
            with source.open(sample.path / name) as file:
                head = file.read(4096).decode("ascii", "replace").strip()
        except InterchangeError:
            continue
        if head:
            is_yolo = _LINE.fullmatch(head.splitlines()[0])
            return _("A folder with labels of YOLO, a text file per photo.") if is_yolo else ""
    return ""


def read(source: SourceFile) -> Reading:
    if not source.path.is_dir():
        raise FileMalformed(
            _("{path} is a file. Labels of YOLO are a folder: choose that.").format(
                path=source.path
            )
        )
    found = _look_around(source)
    if not found.labels:
        raise FileMalformed(_("{path} has no labels of YOLO.").format(path=source.path))
    specs = [ClassSpec(found.names[number]) for number in sorted(found.names)]
    notes = () if specs else (_("No file names the classes, so that they are numbers."),)
    unlabelled = sum(1 for __ in _unlabelled(found))
    facts = FileFacts(
        unique_specs(specs),
        NotListed.ABSENT if specs else NotListed.ABSENT_IN_FILE,
        notes,
        len(found.labels) + unlabelled,
    )
    return Reading(facts, _items(source, found))


def _is_label(name: str) -> bool:
    parts = name.split("/")
    if not name.lower().endswith(".txt"):
        return False
    return "labels" in parts[:-1] or not (
        _OTHER_TEXTS.fullmatch(parts[-1]) or _LIST.fullmatch(parts[-1])
    )


def _look_around(source: SourceFile) -> _Folder:
    found = _Folder()
    lists: list[str] = []
    naming: list[str] = []
    for name in files_below(source, source.path):
        lower = name.lower()
        if lower.endswith(_PHOTOS):
            found.photos[stem_of(name)] = name
        elif _is_label(name):
            found.labels.append(name)
        elif _LIST.fullmatch(lower.rpartition("/")[2]):
            lists.append(name)
        elif lower.endswith((".yaml", ".yml", ".names", "classes.txt")):
            naming.append(name)
    if any("labels" in name.split("/")[:-1] for name in found.labels):
        found.labels = [name for name in found.labels if "labels" in name.split("/")[:-1]]
    # The file nearest to the root, and of these the one that is made for it.
    naming.sort(key=lambda name: (name.count("/"), not name.endswith((".yaml", ".yml")), name))
    for name in naming:
        lines = text_lines(source, source.path / name)
        is_yaml = name.lower().endswith((".yaml", ".yml"))
        found.names = names_in_yaml(lines) if is_yaml else _names_in_list(lines)
        if found.names:
            break
    for name in lists:
        split = name.rpartition("/")[2][:-4].lower()
        for text in text_lines(source, source.path / name):
            _add_listed(found, clean_path(text.strip().replace("\\", "/")), split)
    return found


def _add_listed(found: _Folder, path: str, split: str) -> None:
    if not path.lower().endswith(_PHOTOS):
        return
    stem = stem_of(path.removeprefix("./"))
    # Darknet's lists begin with the folder above; Ultralytics' name the images.
    for key in {stem, stem.partition("/")[2], _label_stem(stem)}:
        if key:
            found.listed.setdefault(key, (path, split))


def _names_in_list(lines: list[str]) -> dict[int, str]:
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return {
        number: clean_text(text)
        for number, line in enumerate(lines[:MAX_CLASSES])
        if (text := line.strip())
    }


def names_in_yaml(lines: list[str]) -> dict[int, str]:
    """``names`` of a data set's YAML: a list or a mapping, in brackets or line by line.

    Only this much of YAML is read, so that nothing else of it can do anything.
    """
    for at, line in enumerate(lines):
        match = re.match(r"""(?:names|'names'|"names")\s*:(.*)""", line)
        if not match:
            continue
        rest = _without_comment(match[1]).strip()
        if rest[:1] in ("[", "{"):
            return _names_in_brackets("\n".join([match[1].strip(), *lines[at + 1 :]]))
        found: dict[int, str] = {}
        for text in lines[at + 1 :]:
            item = _without_comment(text).strip()
            if not item:
                continue
            if not text.startswith((" ", "\t", "-")) or len(found) >= MAX_CLASSES:
                break
            if item.startswith("-"):
                found[len(found)] = _scalar(item[1:])
            elif entry := re.fullmatch(r"['\"]?([0-9]{1,6})['\"]?\s*:(.*)", item):
                found[int(entry[1])] = _scalar(entry[2])
        return {number: name for number, name in found.items() if name}
    return {}


_ITEM = re.compile(
    r"""\s{0,200}(?:['"]?([0-9]{1,6})['"]?\s{0,200}:\s{0,200})?"""
    r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s,\]\}'"\[\{][^,\]\}\n]*)\s{0,200}(,|\]|\})"""
)


def _names_in_brackets(text: str) -> dict[int, str]:
    found: dict[int, str] = {}
    at = 1
    while len(found) < MAX_CLASSES and (match := _ITEM.match(text, at)):
        found[int(match[1]) if match[1] else len(found)] = _scalar(match[2])
        at = match.end()
        if match[3] != ",":
            break
    return {number: name for number, name in found.items() if name}


def _without_comment(text: str) -> str:
    """Up to a # that begins a comment: one after a space, outside quotes."""
    quoted = re.match(r"""\s*(?:-|[0-9]+\s*:)?\s*("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')""", text)
    start = quoted.end() if quoted else 0
    comment = re.search(r"(?:^|\s)#", text[start:])
    return text[: start + comment.start()] if comment else text


def _scalar(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == "'":
        return clean_text(text[1:-1].replace("''", "'"))
    if len(text) > 1 and text[0] == text[-1] == '"':
        try:
            value = json.loads(text)
        except ValueError:
            value = text[1:-1]
        return clean_text(value) if isinstance(value, str) else ""
    return clean_text(text)


def _label_stem(stem: str) -> str:
    """Where the labels of a photo in ``images`` are, without suffix."""
    return "labels".join(stem.rsplit("images", 1)) if "images" in stem.split("/") else stem


def _photo_stem(stem: str) -> str:
    """The photo of a label file, without suffix: the last folder ``labels`` is ``images``."""
    parts = stem.split("/")
    for at in range(len(parts) - 2, -1, -1):
        if parts[at] == "labels":
            return "/".join([*parts[:at], "images", *parts[at + 1 :]])
    return stem


def _unlabelled(found: _Folder) -> Iterator[tuple[str, str]]:
    """Photos of the lists that have no label file: there is nothing in them."""
    labelled = {
        found.listed[stem][0] for name in found.labels if (stem := name[:-4]) in found.listed
    }
    for path, split in dict.fromkeys(found.listed.values()):
        if path not in labelled:
            yield path, split


def _items(source: SourceFile, found: _Folder) -> Iterator[ImageRecord | BadRow]:
    for number, name in enumerate(found.labels, 1):
        source.check()
        source.progress(number, len(found.labels))
        stem = name[:-4]
        listed, split = found.listed.get(stem, ("", ""))
        photo = _photo_stem(stem)
        path = found.photos.get(photo) or found.photos.get(stem) or listed or photo
        path = clean_path(path)
        parts = stem.split("/")[:-1]
        split = next((part for part in parts if part.lower() in _SPLITS), split)
        try:
            lines = text_lines(source, source.path / name)
        except InterchangeError as error:
            source.check()
            yield BadRow(number, clean_text(str(error)), excerpt(name), path)
            continue
        classes = ClassesFound()
        for line, text in enumerate(lines, 1):
            if not text.strip():
                continue
            match = _LINE.fullmatch(text)
            if not match:
                reason = _("{file} has no label of YOLO in this line.")
                yield BadRow(line, reason.format(file=clean_text(name)), excerpt(text), path)
                continue
            class_name = found.names.get(int(match[1]), "" if found.names else match[1])
            if not class_name:
                reason = _("{file} has a class that has no name.")
                yield BadRow(line, reason.format(file=clean_text(name)), excerpt(text), path)
                continue
            numbers = match[2].split()
            is_machine = len(numbers) == 5
            score = float(numbers[4]) if is_machine else None
            classes.add(class_name, by_machine=is_machine, score=score)
        yield ImageRecord(path, classes.records(), number, split=split)
    for number, (path, split) in enumerate(_unlabelled(found), len(found.labels) + 1):
        source.check()
        yield ImageRecord(path, line=number, split=split)


FORMAT = Format(
    name="yolo",
    title="YOLO",
    suffixes=(),
    sniff=sniff,
    read=read,
    summary=N_("For object detection: a folder with a text file of boxes per photo."),
)
