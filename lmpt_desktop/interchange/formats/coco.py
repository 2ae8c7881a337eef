"""COCO: instances, panoptic, captions, images without annotations, results, and LVIS.

All in one JSON object: ``images``, ``annotations`` that refer to them by id, and ``categories``.  A
box or a mask of a category says that the photo has the class.  LVIS names in addition, per image,
the categories that were looked for and are not there (``neg_category_ids``).

What we write is plain COCO: exactly one annotation for each class that is present, its box the
whole photo.  Absent verdicts are where LVIS has them, and what COCO has no place for is in
:mod:`~lmpt_desktop.interchange.own_fields` of each image.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.records import ClassSpec, Source, Verdict
from lmpt_desktop.interchange.errors import FileMalformed, InterchangeError
from lmpt_desktop.interchange.format import (
    ExportFacts,
    Format,
    Loss,
    Option,
    OptionKind,
    Options,
)
from lmpt_desktop.interchange.own_fields import (
    KEY,
    held_record,
    numbered,
    predicted_in,
    prediction_of,
    sources_in,
    verdict_of,
    with_fields,
)
from lmpt_desktop.interchange.reading.foreign_text import (
    clean_text,
    colour_of,
    excerpt,
    name_of,
    path_of,
    pixels_of,
    score_of,
)
from lmpt_desktop.interchange.reading.json_stream import compact_json, outline, stream
from lmpt_desktop.interchange.reading.json_values import json_excerpt
from lmpt_desktop.interchange.reading.source_files import Sample, SourceFile, sample_of
from lmpt_desktop.interchange.record import (
    BadRow,
    ClassRecord,
    FileFacts,
    ImageRecord,
    NotListed,
    Origin,
    Reading,
)
from lmpt_desktop.translation import N_, _, join_names, ngettext

IMAGES_OPTION = "images"
"""For a list of results: the file that has their images and categories."""
NEGATIVE = "neg_category_ids"
_SAID = {"category_id", "caption", "segments_info"}
_IMAGE_NAMES = ("file_name", "coco_url", "flickr_url", "url", "path")
_SKIPPED = ("segmentation", "counts", "keypoints")
_MAX_TEXTS = 1000
_ID_BYTES = 6
"""Ids of 48 bits, which every JSON reader holds exactly."""

# What an annotation is, as a number.
_PRESENT, _MACHINE, _NEGATIVE, _PREDICTED = range(4)


class _Image(NamedTuple):
    number: int
    slot: int
    path: str
    width: int
    height: int
    ours: dict[str, Any] | None


@dataclass
class _Problems:
    """Bad rows in few bytes each: a file may have a million of them."""

    reasons: dict[str, int] = field(default_factory=dict)
    kinds: array[int] = field(default_factory=lambda: array("i"))
    numbers: array[int] = field(default_factory=lambda: array("q"))
    texts: list[str] = field(default_factory=list)

    def add(self, number: int, reason: str, value: object) -> None:
        self.kinds.append(self.reasons.setdefault(reason, len(self.reasons)))
        self.numbers.append(number)
        if len(self.texts) < _MAX_TEXTS:
            self.texts.append(excerpt(value) if isinstance(value, str) else json_excerpt(value))

    def rows(self) -> Iterator[BadRow]:
        reasons = tuple(self.reasons)
        for i, (kind, number) in enumerate(zip(self.kinds, self.numbers, strict=True)):
            yield BadRow(number, reasons[kind], self.texts[i] if i < len(self.texts) else "")


@dataclass
class _Contents:
    """A whole file, as columns.  Images are known by the slot of their id, categories likewise."""

    images: list[_Image] = field(default_factory=list)
    image_slots: dict[str, int] = field(default_factory=dict)
    slots: int = 0
    categories: dict[str, ClassSpec] = field(default_factory=dict)
    category_slots: dict[str, int] = field(default_factory=dict)
    disputed: set[str] = field(default_factory=set)
    merged: list[str] = field(default_factory=list)
    first_paths: dict[int, str] = field(default_factory=dict)
    cell_images: array[int] = field(default_factory=lambda: array("i"))
    cell_categories: array[int] = field(default_factory=lambda: array("i"))
    cell_kinds: array[int] = field(default_factory=lambda: array("b"))
    cell_scores: array[float] = field(default_factory=lambda: array("d"))
    cell_numbers: array[int] = field(default_factory=lambda: array("q"))
    captions: dict[int, str] = field(default_factory=dict)
    problems: _Problems = field(default_factory=_Problems)
    crowds: int = 0
    has_images: bool = False
    has_more_captions: bool = False
    has_supercategories: bool = False
    has_negatives: bool = False
    has_ours: bool = False

    def image_slot(self, key: str) -> int:
        slot = self.image_slots.setdefault(key, self.slots) if key else self.slots
        self.slots += slot == self.slots
        return slot

    def category_slot(self, key: str) -> int:
        return self.category_slots.setdefault(key, len(self.category_slots))

    def add_cell(
        self, number: int, image: int, category: str, kind: int, score: float | None
    ) -> None:
        self.cell_numbers.append(number)
        self.cell_images.append(image)
        self.cell_categories.append(self.category_slot(category))
        self.cell_kinds.append(kind)
        self.cell_scores.append(-1 if score is None else score)

    # -- from JSON ---------------------------------------------------------------------------

    def add_image(self, number: int, value: object) -> None:
        if not isinstance(value, dict):
            self.problems.add(number, _("The image is not a JSON object."), value)
            return
        path = next((path for key in _IMAGE_NAMES if (path := path_of(value.get(key)))), "")
        if not path:
            self.problems.add(number, _("The image has no file name."), value)
            return
        slot = self.image_slot(_key(value.get("id")))
        if slot in self.first_paths and self.first_paths[slot] == path:
            return
        self.first_paths[slot] = path
        ours = value.get(KEY)
        ours = ours if isinstance(ours, dict) else None
        self.has_ours |= ours is not None
        self.images.append(
            _Image(
                number,
                slot,
                path,
                pixels_of(value.get("width")),
                pixels_of(value.get("height")),
                ours,
            )
        )
        negative = value.get(NEGATIVE)
        if isinstance(negative, list):
            self.has_negatives = True
            for item in negative:
                self.add_cell(number, slot, _key(item), _NEGATIVE, None)
        for item, score in predicted_in(ours or {}):
            self.add_cell(number, slot, _key(item), _PREDICTED, score)

    def add_annotation(self, number: int, value: object) -> None:
        if not isinstance(value, dict):
            self.problems.add(number, _("The annotation is not a JSON object."), value)
            return
        image = _key(value.get("image_id"))
        if not image:
            self.problems.add(number, _("The annotation names no image."), value)
            return
        slot = self.image_slot(image)
        caption = value.get("caption")
        if isinstance(caption, str):
            self.has_more_captions |= slot in self.captions
            self.captions.setdefault(slot, clean_text(caption))
        segments = value.get("segments_info")
        if isinstance(segments, list):
            for segment in segments:
                self._add_object(number, slot, segment)
        elif "category_id" in value or not isinstance(caption, str):
            self._add_object(number, slot, value)

    def _add_object(self, number: int, slot: int, value: object) -> None:
        category = _key(value.get("category_id")) if isinstance(value, dict) else ""
        if not category or not isinstance(value, dict):
            self.problems.add(number, _("The annotation names no category."), value)
            return
        self.crowds += value.get("iscrowd") in (1, True)
        score = value.get("score")
        kind = _PRESENT if score is None else _MACHINE
        self.add_cell(number, slot, category, kind, score_of(score))

    def add_category(self, number: int, value: object) -> None:
        key = _key(value.get("id")) if isinstance(value, dict) else ""
        name = name_of(value.get("name")) if isinstance(value, dict) else ""
        if not key or not name or not isinstance(value, dict):
            self.problems.add(number, _("The category has no id or no name."), value)
            return
        before = self.categories.get(key)
        if key in self.disputed or (before and before.name != name):
            self.categories.pop(key, None)
            self.disputed.add(key)
            self.problems.add(number, _("Two categories have the same id."), value)
        if before or key in self.disputed:
            return
        self.has_supercategories |= bool(name_of(value.get("supercategory")))
        synonyms = value.get("synonyms")
        others = [name_of(item) for item in synonyms] if isinstance(synonyms, list) else []
        self.categories[key] = ClassSpec(
            name,
            clean_text(text) if isinstance(text := value.get("def"), str) else "",
            tuple(dict.fromkeys(item for item in others if item and item != name)),
            colour_of(value.get("color")),
        )

    # -- to records --------------------------------------------------------------------------

    def classes(self) -> tuple[ClassSpec, ...]:
        """Categories in the order of the file, those of the same name as one."""
        found: dict[str, ClassSpec] = {}
        for spec in self.categories.values():
            if spec.name in found and spec.name not in self.merged:
                self.merged.append(spec.name)
            found.setdefault(spec.name, spec)
        return tuple(found.values())

    def records(self, classes: tuple[ClassSpec, ...]) -> Iterator[ImageRecord | BadRow]:
        yield from self.problems.rows()
        taken = np.bincount(
            np.array([image.slot for image in self.images], np.int64), minlength=self.slots
        )
        images, indices, kinds, scores = self._cells(classes)
        yield from self._lost_cells(taken)
        starts = np.searchsorted(images, np.arange(self.slots + 1)).tolist()
        can_refer = bool(len(self.cell_images) or self.captions)
        usual = {
            (i, kind): _class_record(spec.name, kind)
            for i, spec in enumerate(classes)
            for kind in (_PRESENT, _NEGATIVE)
        }
        own_record = lru_cache(maxsize=4096)(_own_record)
        named = set(self.image_slots.values())
        for image in self.images:
            if taken[image.slot] > 1:
                reason = _(
                    "Two images have the same id: which of them the annotations mean is unknown."
                )
                yield BadRow(image.number, reason, excerpt(image.path))
                continue
            if can_refer and image.slot not in named:
                reason = _("The image has no id, so that no annotation can refer to it.")
                yield BadRow(image.number, reason, excerpt(image.path))
                continue
            cells = slice(starts[image.slot], starts[image.slot + 1])
            rows = zip(
                indices[cells].tolist(), kinds[cells].tolist(), scores[cells].tolist(), strict=True
            )
            ours = image.ours
            if ours is None:
                found = tuple(
                    usual.get((index, kind))
                    or _class_record(classes[index].name, kind, None if score < 0 else score)
                    for index, kind, score in rows
                )
                yield ImageRecord(
                    image.path,
                    found,
                    image.number,
                    caption=self.captions.get(image.slot, ""),
                    width=image.width,
                    height=image.height,
                )
                continue
            sources = sources_in(ours, self._name_of)
            found = tuple(
                own_record(
                    name := classes[index].name,
                    kind,
                    None if score < 0 else score,
                    sources.get(name, Source.USER.value),
                )
                for index, kind, score in rows
            )
            record = ImageRecord(
                image.path,
                found,
                image.number,
                caption=self.captions.get(image.slot, ""),
                width=image.width,
                height=image.height,
            )
            yield with_fields(record, ours)

    def _name_of(self, category: object) -> str:
        spec = self.categories.get(_key(category))
        return spec.name if spec else ""

    def _cells(
        self, classes: tuple[ClassSpec, ...]
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int8], NDArray[np.float64]]:
        """Slot of the image, index of the class, kind and highest score, each cell once; sorted."""
        numbers = {spec.name: i for i, spec in enumerate(classes)}
        of_slot = np.full(len(self.category_slots) + 1, -1, np.int32)
        for key, slot in self.category_slots.items():
            spec = self.categories.get(key)
            if spec:
                of_slot[slot] = numbers[spec.name]
        images = np.array(self.cell_images, np.int32)
        indices = of_slot[np.array(self.cell_categories, np.int32)]
        kinds = np.array(self.cell_kinds, np.int8)
        scores = np.array(self.cell_scores, np.float64)
        order = np.lexsort((-scores, kinds, indices, images))
        order = order[indices[order] >= 0]
        images, indices, kinds, scores = images[order], indices[order], kinds[order], scores[order]
        first = np.ones(len(order), np.bool_)
        first[1:] = (
            (images[1:] != images[:-1]) | (indices[1:] != indices[:-1]) | (kinds[1:] != kinds[:-1])
        )
        return images[first], indices[first], kinds[first], scores[first]

    def _lost_cells(self, taken: NDArray[np.int64]) -> Iterator[BadRow]:
        """Annotations whose image or category the file does not describe."""
        known = np.zeros(len(self.category_slots) + 1, np.bool_)
        for key, slot in self.category_slots.items():
            known[slot] = key in self.categories
        no_category = ~known[np.array(self.cell_categories, np.int32)]
        no_image = taken[np.array(self.cell_images, np.int32)] == 0
        images, categories = tuple(self.image_slots), tuple(self.category_slots)
        # Slots of images without an id are in between.
        keys = {slot: images[i] for i, slot in enumerate(self.image_slots.values())}
        lost = np.flatnonzero(no_category | no_image).tolist()
        paths = {image.slot: image.path for image in self.images} if lost else {}
        for i in lost:
            if no_image[i]:
                reason = _("The annotation refers to an image that the file does not have.")
                key = keys.get(self.cell_images[i], "")
            else:
                reason = _("The annotation refers to a category that the file does not describe.")
                key = categories[self.cell_categories[i]]
            path = paths.get(self.cell_images[i], "")
            yield BadRow(self.cell_numbers[i], reason, excerpt(key), path)


def _key(value: object) -> str:
    """An id as text: tools write numbers and texts, sometimes both in one file; "" if none."""
    if type(value) is int:
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return clean_text(value) if isinstance(value, str) else ""


def _class_record(name: str, kind: int, score: float | None = None) -> ClassRecord:
    if kind == _NEGATIVE:
        return ClassRecord(name, Verdict.ABSENT, NEGATIVE)
    if kind == _PRESENT:
        return ClassRecord(name)
    return ClassRecord(name, origin=Origin.MACHINE, score=score)


def _own_record(name: str, kind: int, score: float | None, source: str) -> ClassRecord:
    """As :func:`_class_record`, of a file that we wrote."""
    if kind in (_PREDICTED, _MACHINE):
        return prediction_of(name, score)
    return verdict_of(name, kind == _PRESENT, source, NEGATIVE)


def sniff(sample: Sample) -> str:
    found = outline(sample)
    first = found.get("")
    if isinstance(first, dict) and "image_id" in first and first.keys() & _SAID:
        return _("A JSON list of results, which refer to the images of a COCO file.")
    image, annotation, category = (
        item if isinstance(item := found.get(key), dict) else {}
        for key in ("images", "annotations", "categories")
    )
    # Other formats have a list of images too, but other keys.
    if image and not ("id" in image and image.keys() & set(_IMAGE_NAMES)):
        return ""
    if "images" in found and "image_id" in annotation and category.keys() >= {"id", "name"}:
        return _("A JSON object with images, annotations and categories.")
    if "image_id" in annotation:
        return _("A JSON object with annotations that refer to images by their ids.")
    if image or ("images" in found and category.keys() >= {"id", "name"}):
        return _("A JSON object with images that have ids and file names.")
    return ""


def options(path: Path) -> tuple[Option, ...]:
    """A list of results needs the file that has its images."""
    try:
        is_list = "" in outline(sample_of(path))
    except InterchangeError:
        return ()
    if not is_list:
        return ()
    return (
        Option(
            IMAGES_OPTION,
            _("File with images and categories"),
            OptionKind.FILE,
            help=_("The results name images and categories by numbers only."),
        ),
    )


def read(source: SourceFile) -> Reading:
    """All of the file, since images, annotations and categories come in any order.

    Memory: about 15 bytes per annotation and 500 per image.
    """
    contents = _Contents()
    is_list = _fill(source, contents, None, results_only=False)
    if is_list:
        images = source.options.get(IMAGES_OPTION, "")
        if not images:
            raise FileMalformed(
                _(
                    "{path} has results only. Choose the COCO file that has their images and "
                    "categories."
                ).format(path=source.path)
            )
        if _fill(source, contents, Path(images), results_only=True):
            raise FileMalformed(_("{path} has no images and categories.").format(path=images))
    if not contents.has_images:
        raise FileMalformed(
            _("{path} has no list of images, so that it is no COCO file.").format(path=source.path)
        )
    classes = contents.classes()
    is_exhaustive = bool(len(contents.cell_kinds) and not is_list) and not (
        contents.has_negatives or contents.has_ours
    )
    facts = FileFacts(
        classes,
        NotListed.ABSENT if is_exhaustive else NotListed.UNKNOWN,
        tuple(_notes(contents)),
        len(contents.images),
    )
    return Reading(facts, contents.records(classes))


def _fill(
    source: SourceFile, contents: _Contents, path: Path | None, *, results_only: bool
) -> bool:
    """Read a file; whether it is a list of results.

    ``results_only``: annotations are known already, so the file's own are left out.
    """
    is_list = False
    for part in stream(source, path, skipped=_SKIPPED):
        match part.key:
            case "" if part.number == 0:
                is_list = part.value == []
            case "":
                contents.add_annotation(part.number, part.value)
            case "images" if part.number == 0:
                contents.has_images |= part.value == []
            case "images":
                contents.add_image(part.number, part.value)
            case "annotations" if part.number and not results_only:
                contents.add_annotation(part.number, part.value)
            case "categories" if part.number:
                contents.add_category(part.number, part.value)
    return is_list


def _notes(contents: _Contents) -> Iterator[str]:
    if contents.crowds:
        yield ngettext(
            "{count} crowd counts as present.", "{count} crowds count as present.", contents.crowds
        ).format(count=contents.crowds)
    if contents.merged:
        yield _("Categories of the same name are one class: {names}.").format(
            names=join_names(contents.merged)
        )
    if contents.has_supercategories:
        yield _("Supercategories are left out.")
    if contents.has_more_captions:
        yield _("Of several captions of a photo, the first is read.")


# -- out -------------------------------------------------------------------------------------


def held(record: ImageRecord, _options: Options) -> ImageRecord | None:
    return held_record(record, NEGATIVE)


def write(records: Iterable[ImageRecord], facts: ExportFacts, path: Path) -> None:
    """Images as they come; annotations in a temporary file, which is appended."""
    numbers = {spec.name: i for i, spec in enumerate(facts.classes, 1)}
    info = {
        "description": facts.name,
        "version": "1.0",
        "contributor": "LMPT Desktop",
        "note": "Classes of whole photos: each box is its photo. neg_category_ids: verified "
        "to be absent.",
    }
    count = 0
    ids: set[int] = set()
    with (
        path.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file,
        tempfile.TemporaryFile(
            "w+", encoding="utf-8", errors="backslashreplace", newline="\n", dir=path.parent
        ) as spool,
    ):
        file.write(f'{{"info":{compact_json(info)},\n"licenses":[],\n"images":[')
        for number, record in enumerate(records):
            image_id = _image_id(record, ids)
            image: dict[str, Any] = {
                "id": image_id,
                "file_name": record.path,
                "width": record.width,
                "height": record.height,
            }
            present, absent, ours = numbered(record, numbers)
            if absent:
                image[NEGATIVE] = absent
            image[KEY] = ours
            file.write((",\n" if number else "\n") + compact_json(image))
            area = record.width * record.height
            box = f"[0,0,{record.width},{record.height}]"
            # Datumaro warns of every annotation that lacks one of these.
            whole = f'"segmentation":[],"bbox":{box},"area":{area},"iscrowd":0'
            for category in present:
                count += 1
                # Numbers only, and most of the file: an encoder takes five times as long.
                annotation = (
                    f'{{"id":{count},"image_id":{image_id},"category_id":{category},{whole}}}'
                )
                spool.write((",\n" if count > 1 else "\n") + annotation)
        file.write('\n],\n"annotations":[')
        spool.seek(0)
        shutil.copyfileobj(spool, file)
        file.write('\n],\n"categories":[')
        for i, spec in enumerate(facts.classes):
            file.write((",\n" if i else "\n") + compact_json(_category(i + 1, spec)))
        file.write("\n]}\n")


def _image_id(record: ImageRecord, taken: set[int]) -> int:
    """An id that stays when other photos come and go: results refer to photos by it."""
    place = f"{record.folder}\0{record.path}".encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(place, digest_size=_ID_BYTES).digest()
    number = int.from_bytes(digest, "big") or 1
    while number in taken:
        number += 1
    taken.add(number)
    return number


def _category(number: int, spec: ClassSpec) -> dict[str, Any]:
    category: dict[str, Any] = {"id": number, "name": spec.name, "supercategory": ""}
    if spec.description:
        category["def"] = spec.description
    if spec.aliases:
        category["synonyms"] = list(spec.aliases)
    if spec.colour:
        category["color"] = list(bytes.fromhex(spec.colour[1:]))
    return category


def held_classes(classes: tuple[ClassSpec, ...]) -> tuple[ClassSpec, ...]:
    """All of them; colours in lower case, aliases without the name itself."""
    return tuple(
        ClassSpec(
            spec.name,
            spec.description,
            tuple(dict.fromkeys(item for item in spec.aliases if item and item != spec.name)),
            spec.colour.lower(),
        )
        for spec in classes
    )


FORMAT = Format(
    name="coco",
    title="COCO",
    suffixes=(".json",),
    sniff=sniff,
    read=read,
    options=options,
    write=write,
    held=held,
    held_classes=held_classes,
    cannot_hold=(Loss.PLACE,),
    summary=N_("For training and for most annotation tools: one JSON file for all photos."),
)
