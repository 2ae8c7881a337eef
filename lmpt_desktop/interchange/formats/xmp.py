"""XMP and IPTC keywords: read from photos and their side files; side files are written.

A photo's classes are the union of the keywords in the photo and in its side files; how keywords
are told apart, and what is written for a class, is in
:mod:`lmpt_desktop.interchange.xmp.keywords`.
"""

from __future__ import annotations

import codecs
import itertools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.interchange.errors import InterchangeError
from lmpt_desktop.interchange.format import (
    Format,
    Loss,
    Option,
    OptionChoice,
    Options,
    Target,
)
from lmpt_desktop.interchange.reading.source_files import MAX_SMALL_FILE_BYTES, Sample, SourceFile
from lmpt_desktop.interchange.reading.walk import walk
from lmpt_desktop.interchange.record import (
    BadRow,
    ClassRecord,
    FileFacts,
    ImageRecord,
    Origin,
    Reading,
)
from lmpt_desktop.interchange.xmp.embedded import embedded_keywords
from lmpt_desktop.interchange.xmp.keywords import (
    Keywords,
    classes_of,
    key_of,
    keyword_of,
    newly_written,
)
from lmpt_desktop.interchange.xmp.side_files import (
    NAMINGS,
    SUFFIX,
    FolderNames,
    existing_side_files,
    keywords_from_stored,
    keywords_in,
    photos_of,
)
from lmpt_desktop.translation import N_, _
from trainer.photo import PHOTO_SUFFIXES

PHOTOS = "photos"
"""Option: which photos are read."""
IN_FOLDER = "in-folder"
ALL_PHOTOS = "all"
NAMING = "naming"
"""Option of writing: a value of :class:`~lmpt_desktop.interchange.xmp.side_files.Naming`."""

_MARKS = (b"<x:xmpmeta", b"adobe:ns:meta/", b"http://www.w3.org/1999/02/22-rdf-syntax-ns#")


def _sniff(sample: Sample) -> str:
    if sample.is_folder:
        count = sum(name.lower().endswith(SUFFIX) for name in sample.names)
        return _("The folder has side files ({suffix}).").format(suffix=SUFFIX) if count else ""
    if sample.suffix != SUFFIX:
        return ""
    head = sample.head
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        head = head.decode("utf-16", "replace").encode("utf-8", "replace")
    return _("The file holds XMP data.") if any(mark in head for mark in _MARKS) else ""


def _options(path: Path) -> tuple[Option, ...]:
    if path.suffix.lower() == SUFFIX:
        return ()
    return (
        Option(
            PHOTOS,
            _("Keywords of"),
            default=IN_FOLDER,
            choices=(
                OptionChoice(IN_FOLDER, _("the photos in this folder")),
                OptionChoice(ALL_PHOTOS, _("all photos of the library")),
            ),
        ),
    )


def _read(source: SourceFile) -> Reading:
    """Open a side file, a folder, or all photos of the library.

    In a folder, the library's photos in it are read, or if there are none, all photos and side
    files that are there.
    """
    notes = (
        _(
            "Keywords in the photos and in their side files count together. A keyword that is "
            "missing says nothing about its class."
        ),
    )
    if not source.path.is_dir():
        source.open().close()
        return Reading(FileFacts(notes=notes, images=1), _one_side_file(source))
    photos = list(source.photos)
    if source.options.get(PHOTOS, IN_FOLDER) != ALL_PHOTOS:
        folder = os.path.normcase(source.path.absolute())
        photos = [path for path in photos if _is_inside(path, folder)]
    if photos:
        photos.sort()
        return Reading(FileFacts(notes=notes, images=len(photos)), _photos(source, photos))
    return Reading(FileFacts(notes=notes), _photos(source, _found(source)))


def _is_inside(path: Path, folder: str) -> bool:
    parent = os.path.normcase(path.parent)
    return parent == folder or parent.startswith(folder.rstrip(os.sep) + os.sep)


def _found(source: SourceFile) -> Iterator[Path]:
    """Photos in a folder and below, and side files whose photo is not there."""
    for place, folders, files in walk(source.path):
        source.check()
        folders.sort()
        names = set(files)
        stems = {name.rpartition(".")[0].casefold() for name in files if _is_photo(name)}
        for name in sorted(files):
            stem = name[: -len(SUFFIX)]
            lone = name.lower().endswith(SUFFIX) and stem not in names
            if _is_photo(name) or (lone and stem.casefold() not in stems):
                yield Path(place, name)


def _is_photo(name: str) -> bool:
    return name[name.rfind(".") :].lower() in PHOTO_SUFFIXES


def _one_side_file(source: SourceFile) -> Iterator[ImageRecord | BadRow]:
    yield from _side_file_alone(source, source.path, FolderNames(), 1)


def _side_file_alone(
    source: SourceFile, path: Path, names: FolderNames, line: int
) -> Iterator[ImageRecord | BadRow]:
    """A side file without its photo's own keywords; named after its photo."""
    photos = photos_of(path, names)
    photo = path.with_name(photos[0] if len(photos) == 1 else path.name[: -len(SUFFIX)])
    try:
        yield _record(photo, [_keywords(source, path)], line)
    except InterchangeError as error:
        source.check()
        yield BadRow(line, _about(path, error), path=str(photo))


def _photos(
    source: SourceFile, photos: list[Path] | Iterator[Path]
) -> Iterator[ImageRecord | BadRow]:
    names = FolderNames()
    total = len(photos) if isinstance(photos, list) else 0
    for number, photo in enumerate(photos, 1):
        source.check()
        if not _is_photo(photo.name) and photo.name.lower().endswith(SUFFIX):
            yield from _side_file_alone(source, photo, names, number)
            continue
        places: list[Keywords] = []
        files = [photo, *source.companions.get(photo, ())]
        together = {path.name for path in files}
        for path in files:
            try:
                places.append(embedded_keywords(path))
            except InterchangeError as error:
                yield BadRow(number, _about(path, error), path=str(photo))
        beside = (existing_side_files(path, names, together) for path in files)
        for side_file in dict.fromkeys(itertools.chain.from_iterable(beside)):
            try:
                places.append(_keywords(source, side_file))
            except InterchangeError as error:
                source.check()
                yield BadRow(number, _about(side_file, error), path=str(photo))
        if places:
            yield _record(photo, places, number)
        if total:
            source.progress(number, total)


def _keywords(source: SourceFile, side_file: Path) -> Keywords:
    """What a side file says, without what this library wrote there of another photo."""
    found = keywords_in(source.read_bytes(side_file, limit=MAX_SMALL_FILE_BYTES))
    return found.without(keywords_from_stored(source.left.get(side_file.absolute(), {})))


def _about(path: Path, error: InterchangeError) -> str:
    text, shown = str(error), os.fsencode(path).decode("utf-8", "replace")
    return text if shown in text else f"{shown}: {text}"


def _record(photo: Path, places: list[Keywords], line: int) -> ImageRecord:
    found = classes_of(places)
    return ImageRecord(str(photo), _classes(found.present, found.absent), line)


def _classes(present: Iterable[str], absent: Iterable[str]) -> tuple[ClassRecord, ...]:
    return (
        *(ClassRecord(name, Verdict.PRESENT, "present") for name in present),
        *(ClassRecord(name, Verdict.ABSENT, "absent") for name in absent),
    )


def _held(record: ImageRecord, _options: Options) -> ImageRecord | None:
    """What reads back of a photo that no other program has given keywords: what people said."""
    present: list[str] = []
    absent: list[str] = []
    for item in record.classes:
        name = keyword_of(item.name)
        if not name or item.origin is Origin.MACHINE or item.verdict in (None, Verdict.UNKNOWN):
            continue
        (present if item.verdict is Verdict.PRESENT else absent).append(name)
    if not present and not absent:
        return None
    said = [*present, *absent]
    if len(set(map(key_of, said))) < len(said):
        # Which of two spellings of one keyword is read is decided where they are written.
        found = classes_of([newly_written(present, absent)])
        return _photo(record, found.present, found.absent)
    return _photo(record, present, absent)


def _photo(record: ImageRecord, present: Iterable[str], absent: Iterable[str]) -> ImageRecord:
    return ImageRecord(record.path, _classes(present, absent), folder=record.folder)


FORMAT = Format(
    name="xmp",
    title="XMP",
    suffixes=(SUFFIX,),
    sniff=_sniff,
    read=_read,
    options=_options,
    target=Target.BESIDE_PHOTOS,
    held=_held,
    write_options=(
        Option(
            NAMING,
            N_("Names of the side files"),
            default=NAMINGS[0].naming,
            choices=tuple(OptionChoice(item.naming, item.title) for item in NAMINGS),
        ),
    ),
    cannot_hold=(
        Loss.REVIEWED,
        Loss.PREDICTION,
        Loss.SOURCE,
        Loss.SPLIT,
        Loss.EMPTY_IMAGE,
        Loss.HASH,
        Loss.CAPTION,
        Loss.STATE,
        Loss.CLASS_NAME,
        Loss.CLASS_DETAILS,
    ),
    summary=N_(
        "For Lightroom, digiKam, darktable, Immich and other photo programs: keywords in side "
        "files beside the photos, which stay untouched."
    ),
)
