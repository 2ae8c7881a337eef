"""What a file format of annotations is: one row of the table in :mod:`.registry`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from lmpt_desktop.domain.records import ClassSpec
from lmpt_desktop.interchange.errors import InterchangeError
from lmpt_desktop.interchange.reading.source_files import Sample, SourceFile
from lmpt_desktop.interchange.record import ImageRecord, Reading
from lmpt_desktop.translation import _, join_names

Options = Mapping[str, str]
"""Values of a format's options by name; missing ones have their default."""


class Loss(StrEnum):
    """Something that some format cannot hold; counted before a file is written."""

    ABSENT = "absent"
    """Absent verdicts."""
    REVIEWED = "reviewed"
    """Reviewed marks."""
    PREDICTION = "prediction"
    """That a class was predicted, not said by a person (the prediction itself is left out)."""
    SCORE = "score"
    SOURCE = "source"
    """Where an annotation comes from."""
    EMPTY_IMAGE = "empty-image"
    """Photos of which nothing is said."""
    PLACE = "place"
    """Which folder a photo is in: only its name, or its path, is kept."""
    HASH = "hash"
    """Fingerprint and hashes, by which a photo is recognised under another name."""
    SPLIT = "split"
    """Which photos are held out."""
    CAPTION = "caption"
    STATE = "state"
    """Missing or unreadable files."""
    CLASS_NAME = "class-name"
    """Class names that the format changes."""
    CLASS_DETAILS = "class-details"
    """Descriptions, aliases and colours of classes, and classes that no photo has."""


class Target(StrEnum):
    """What an export writes."""

    FILE = "file"
    FOLDER = "folder"
    """A new folder with several files."""
    BESIDE_PHOTOS = "beside-photos"
    """Side files, by :mod:`.xmp`; not by :attr:`Format.write`."""


class OptionKind(StrEnum):
    CHOICE = "choice"
    TEXT = "text"
    FILE = "file"


@dataclass(frozen=True)
class OptionChoice:
    """A value of a CHOICE, and its label (translated)."""

    value: str
    label: str


@dataclass(frozen=True)
class Option:
    """A question that a format asks about a file, such as which column holds the path.

    Attributes:
        name: for ``--option NAME=VALUE``.
        title: its label (translated).
        default: the value if none is given; what the file itself suggests.
        choices: of a CHOICE.
        help: a sentence, or "".
    """

    name: str
    title: str
    kind: OptionKind = OptionKind.CHOICE
    default: str = ""
    choices: tuple[OptionChoice, ...] = ()
    help: str = ""


def checked_options(options: Options, declared: Sequence[Option]) -> Options:
    """``options``, if a format has them.

    Raises:
        InterchangeError: there is no such option, or it has no such value.
    """
    known = {option.name: option for option in declared}
    for name, value in options.items():
        option = known.get(name)
        if option is None:
            raise InterchangeError(
                _("There is no option {name}. There are: {names}.").format(
                    name=name, names=join_names(list(known), 20)
                )
                if known
                else _("There is no option {name}: this format has none.").format(name=name)
            )
        values = [choice.value for choice in option.choices]
        if option.kind is OptionKind.CHOICE and value not in values:
            raise InterchangeError(
                _("The option {name} cannot be {value}. It can be: {values}.").format(
                    name=name, value=value, values=join_names(values, 20)
                )
            )
    return options


@dataclass(frozen=True)
class ExportFacts:
    """What a writer is told beside the records.

    Attributes:
        classes: the vocabulary, or the part that is exported, in order.
        options: of the format.
        name: of the library, as text.
    """

    classes: tuple[ClassSpec, ...] = ()
    options: Options = field(default_factory=dict)
    name: str = ""


def holds_all(record: ImageRecord, _options: Options) -> ImageRecord | None:
    """The record itself: for a format that loses nothing."""
    return record


def names_only(classes: tuple[ClassSpec, ...]) -> tuple[ClassSpec, ...]:
    """``held_classes`` of a format that declares classes by their names."""
    return tuple(ClassSpec(spec.name) for spec in classes)


def no_options(_path: Path) -> tuple[Option, ...]:
    """For a format that asks nothing."""
    return ()


@dataclass(frozen=True, eq=False)
class Format:
    """A file format.

    Attributes:
        name: on the command line, lower case.
        title: as its users know it, not translated.
        suffixes: of its files, lower case with the dot; the first is the usual one; () for
            folders.
        sniff: a sentence (translated) that says why the sample is in this format, or "" if it is
            not.  None: never detected, only chosen.
        read: opens a file or folder.  Raises InterchangeError.
        needs_photos: whether the reader must be told where the library's photos are
            (:attr:`~.reading.source_files.SourceFile.photos`); so it is for what is stored beside
            them.
        options: what to ask about a file that is to be read.
        write: writes records to a path, where nothing is yet; it need not be atomic.  Raises
            OSError, InterchangeError.  May iterate the records once only.
        write_options: what to ask before writing.
        target: what ``write`` makes.
        held: what of a record reads back after it was written; None if all of it is lost.  It is
            how losses are counted, and how a written file is checked.
        held_classes: as ``held``, for the declared classes; None if they are not declared.
        cannot_hold: what it loses, in the order to say so.
        summary: one sentence (N_, not yet translated): who uses it, for what.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    sniff: Callable[[Sample], str] | None = None
    read: Callable[[SourceFile], Reading] | None = None
    needs_photos: bool = False
    options: Callable[[Path], tuple[Option, ...]] = no_options
    write: Callable[[Iterable[ImageRecord], ExportFacts, Path], None] | None = None
    write_options: tuple[Option, ...] = ()
    target: Target = Target.FILE
    held: Callable[[ImageRecord, Options], ImageRecord | None] = holds_all
    held_classes: Callable[[tuple[ClassSpec, ...]], tuple[ClassSpec, ...]] | None = None
    cannot_hold: tuple[Loss, ...] = ()
    summary: str = ""

    @property
    def is_writable(self) -> bool:
        return self.write is not None or self.target is Target.BESIDE_PHOTOS

    @property
    def file_filter(self) -> str:
        """For a file dialog: ``COCO (*.json)``."""
        patterns = " ".join(f"*{suffix}" for suffix in self.suffixes) or "*"
        return f"{self.title} ({patterns})"
