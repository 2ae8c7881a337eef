"""Text files with the classes of one photo each.

Two spellings are common: ``photo.jpg.txt`` with a class on each line (hydrus), and ``photo.txt``
with classes between commas (TagGUI, training tools).

They are written into a folder of their own that has the tree of the photos, never beside the
photos: there, our next scan would take a list of classes for the photo's caption
(:mod:`lmpt_desktop.ingest.sidecars`).  At its top is the name of each library
folder, so that equal paths in two folders stay apart.

Neither spelling has an escape.  Line breaks in a name become spaces, between commas also commas,
and those in the only class of a photo whose name has no photo's suffix.
"""

from __future__ import annotations

import codecs
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.ingest.sidecars import text_names
from lmpt_desktop.ingest.western import western
from lmpt_desktop.interchange.errors import Cancelled, FileTooLarge, InterchangeError
from lmpt_desktop.interchange.format import (
    ExportFacts,
    Format,
    Loss,
    Option,
    OptionChoice,
    Options,
    Target,
)
from lmpt_desktop.interchange.reading.foreign_text import clean_text, excerpt
from lmpt_desktop.interchange.reading.source_files import Sample, SourceFile
from lmpt_desktop.interchange.reading.walk import walk
from lmpt_desktop.interchange.record import (
    BadRow,
    ClassRecord,
    FileFacts,
    ImageRecord,
    Origin,
    Reading,
)
from lmpt_desktop.translation import N_, _
from trainer.photo import PHOTO_SUFFIXES

LINES = "lines"
COMMAS = "commas"
MAX_FILES = 1_000_000
MAX_BYTES = 1024 * 1024
"""Of one text file."""
_SAMPLES = 10
_SAMPLE_BYTES = 16 * 1024
_LINE_BREAK = re.compile(r"\r\n|[\r\n]")
_LINE_BREAKS = re.compile(r"[\r\n]+")
_COMMAS = re.compile(r"\s*[\r\n,][\s,]*")
_OUTER_SPACE = re.compile(r"^[\s\ufeff]+|[\s\ufeff]+$")
_NUMBERS = re.compile(r"[\s\d.eE+-]*")


# ------------------------------------------------------------------------------------- reading


def _sniff(sample: Sample) -> str:
    names = sample.names
    if not sample.is_folder:
        if sample.suffix != ".txt":
            return ""
        names = (sample.path.name, *_photos_beside(sample.path))
    texts = [name for name in names if name.lower().endswith(".txt")]
    photos = {name for name in names if _is_photo(name)}
    stems = {_stem(name) for name in photos}
    beside = [name for name in texts if name[:-4] in photos or name[:-4] in stems]
    named = beside or [name for name in texts if sample.is_folder and _is_photo(name[:-4])]
    if not named or not _have_classes(sample, named):
        return ""
    if beside:
        return _("Beside photos are text files of their names.")
    return _("The folder has text files that are named as photos are.")


def _photos_beside(path: Path) -> tuple[str, ...]:
    """Names of photos that a text file may describe."""
    stem = path.name[:-4]
    suffixes = ("", *PHOTO_SUFFIXES, *map(str.upper, PHOTO_SUFFIXES))
    return tuple(
        name
        for name in (f"{stem}{suffix}" for suffix in suffixes)
        if _is_photo(name) and path.with_name(name).is_file()
    )


def _have_classes(sample: Sample, names: list[str]) -> bool:
    """Whether the first of the files are text, and not only numbers (boxes of a detector)."""
    said = False
    for name in names[:_SAMPLES]:
        path = sample.path / name if sample.is_folder else sample.path
        try:
            with SourceFile(path).open() as file:
                data = file.read(_SAMPLE_BYTES)
        except InterchangeError:
            continue
        if b"\0" in data and not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return False
        text = _decoded(data)
        if text.strip():
            if _NUMBERS.fullmatch(text):
                return False
            said = True
    return said


def _options(_path: Path) -> tuple[Option, ...]:
    return (
        Option(
            "style",
            _("Classes are"),
            choices=(
                OptionChoice("", _("on lines, or between commas if there is one line")),
                OptionChoice(LINES, _("on lines")),
                OptionChoice(COMMAS, _("between commas")),
            ),
        ),
    )


def _read(source: SourceFile) -> Reading:
    facts = FileFacts(notes=(_("Text files do not say which classes are absent."),))
    return Reading(facts, _items(source))


def _items(source: SourceFile) -> Iterator[ImageRecord | BadRow]:
    style = source.options.get("style", "")
    if not source.path.is_dir():
        name = source.path.name
        photos = [str(source.path.with_name(beside)) for beside in _photos_beside(source.path)]
        for path in photos or [_without_txt(name)]:
            yield _item(source, None, path, name, style)
        return
    texts, beside = _listed(source)
    for name in sorted(texts, key=_without_txt):
        source.check()
        paths = beside.get(name)
        if paths is None and not beside:
            paths = [_without_txt(name)]
        if not paths or not paths[0].rpartition("/")[2]:
            yield BadRow(0, _("No photo of this name is beside the text file."), excerpt(name))
            continue
        for path in paths:
            yield _item(source, source.path / name, path, name, style)


def _without_txt(name: str) -> str:
    return name[:-4] if name.lower().endswith(".txt") else name


def _item(
    source: SourceFile, place: Path | None, path: str, name: str, style: str
) -> ImageRecord | BadRow:
    """What one text file says about the photo at ``path``."""
    try:
        data = source.read_bytes(place, limit=MAX_BYTES)
    except Cancelled:
        raise
    except InterchangeError as error:
        return BadRow(0, clean_text(str(error)), excerpt(name), path)
    text = _decoded(data)
    if "\0" in text:
        return BadRow(0, _("This is no text."), excerpt(name), path)
    pieces = [piece for piece in _LINE_BREAK.split(text) if piece.strip()]
    if style not in (LINES, COMMAS):
        by_line = len(pieces) > 1 or _is_photo(_without_txt(name))
        style = LINES if by_line else COMMAS
    if style == COMMAS:
        pieces = [part for piece in pieces for part in piece.split(",")]
    names = dict.fromkeys(filter(None, map(_trimmed, pieces)))
    return ImageRecord(path, tuple(map(ClassRecord, names)))


def _decoded(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return western(data)


def _trimmed(name: str) -> str:
    return _OUTER_SPACE.sub("", clean_text(name))


def _listed(source: SourceFile) -> tuple[list[str], dict[str, list[str]]]:
    """Text files in a folder, relative; and the photos that are beside some of them.

    Photos of the library are given by their absolute paths, others relative to the folder.
    """
    texts: list[str] = []
    beside: dict[str, list[str]] = defaultdict(list)
    top = os.path.abspath(source.path)  # noqa: PTH100 (as the paths of photos are: links stay)
    known = {str(photo) for photo in source.photos}
    count = 0
    for place, _folders, files in walk(top):
        source.check()
        count += len(files)
        if count > MAX_FILES:
            raise FileTooLarge(
                _("{path} has more than {count} files.").format(path=source.path, count=MAX_FILES)
            )
        inside = PurePath(place).relative_to(top).as_posix()
        prefix = "" if inside == "." else f"{inside}/"
        found = {name.lower(): name for name in files if name.lower().endswith(".txt")}
        texts += (prefix + name for name in found.values())
        if not found:
            continue
        for name in files:
            if _is_photo(name):
                absolute = os.path.join(place, name)  # noqa: PTH118 (a million times)
                path = absolute if absolute in known else prefix + name
                for text in dict.fromkeys(text_names(name.lower())):
                    if text in found:
                        beside[prefix + found[text]].append(path)
    for paths in beside.values():
        paths.sort()
    return texts, dict(beside)


def _is_photo(name: str) -> bool:
    return name[name.rfind(".") :].lower() in PHOTO_SUFFIXES if "." in name else False


def _stem(path: str) -> str:
    """The path without the suffix of its last part, if it has one."""
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{name.rpartition('.')[0] or name}"


# ------------------------------------------------------------------------------------- writing


def _style(options: Options) -> str:
    return COMMAS if options.get("style") == COMMAS else LINES


def _written_names(record: ImageRecord, style: str) -> list[str]:
    """Present classes as they are written, each once; not what a machine said, since a text file
    cannot tell that."""
    breaks = _COMMAS if style == COMMAS else _LINE_BREAKS
    names = (
        _trimmed(breaks.sub(" ", item.name))
        for item in record.classes
        if item.verdict is Verdict.PRESENT and item.origin is not Origin.MACHINE
    )
    return list(dict.fromkeys(filter(None, names)))


def _described(record: ImageRecord, style: str) -> str:
    """Where the photo is in the tree: its library folder's name and its path, within the tree
    whatever they are."""
    path = record.path
    if record.folder and not PurePath(path).is_absolute():
        path = f"{PurePath(record.folder).name}/{path}"
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    if os.name == "nt":
        parts = [part.replace(":", "").replace("\\", "") for part in parts]
    path = "/".join(parts)
    return _stem(path) if style == COMMAS else path


def _held(record: ImageRecord, options: Options) -> ImageRecord | None:
    style = _style(options)
    names = _written_names(record, style)
    path = _described(record, style)
    if len(names) == 1 and not _is_photo(path):
        # A single line beside such a name is read as classes between commas.
        names = _written_names(record, COMMAS)
    if not names or not path:
        return None
    return ImageRecord(path, tuple(map(ClassRecord, names)))


def _write(records: Iterable[ImageRecord], facts: ExportFacts, path: Path) -> None:
    style = _style(facts.options)
    path.mkdir(exist_ok=True)
    made: set[Path] = set()
    for record in records:
        held = _held(record, facts.options)
        if held is None:
            continue
        names = [item.name for item in held.classes]
        text = ", ".join(names) if style == COMMAS else "\n".join(names)
        place = path / f"{held.path}.txt"
        if place.parent not in made:
            place.parent.mkdir(parents=True, exist_ok=True)
            made.add(place.parent)
        try:
            with place.open("x", encoding="utf-8", newline="") as file:
                file.write(f"{text}\n")
        except FileExistsError as error:
            raise InterchangeError(
                _(
                    "Two photos would have the same text file, {name}. Choose the other spelling, "
                    "or export fewer photos."
                ).format(name=clean_text(f"{held.path}.txt"))
            ) from error


FORMAT = Format(
    "txt",
    "TagGUI, hydrus (.txt)",
    (".txt",),
    sniff=_sniff,
    read=_read,
    needs_photos=True,
    options=_options,
    write=_write,
    write_options=(
        Option(
            "style",
            N_("Spelling"),
            default=LINES,
            choices=(
                OptionChoice(LINES, N_("photo.jpg.txt, a class on each line (hydrus)")),
                OptionChoice(COMMAS, N_("photo.txt, classes between commas (TagGUI)")),
            ),
        ),
    ),
    target=Target.FOLDER,
    held=_held,
    cannot_hold=(
        Loss.ABSENT,
        Loss.REVIEWED,
        Loss.PREDICTION,
        Loss.SOURCE,
        Loss.EMPTY_IMAGE,
        Loss.PLACE,
        Loss.HASH,
        Loss.SPLIT,
        Loss.CAPTION,
        Loss.STATE,
        Loss.CLASS_NAME,
        Loss.CLASS_DETAILS,
    ),
    summary=N_("For TagGUI, hydrus and training tools that read a text file for each photo."),
)
