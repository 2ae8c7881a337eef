"""What the user decides about an import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.interchange.importing.matching import PathChange
from lmpt_desktop.interchange.record import NotListed


class ClassAction(StrEnum):
    """What becomes of a class of the file."""

    MAP = "map"
    """It is a class of the vocabulary."""
    ADD = "add"
    """It becomes a new class."""
    IGNORE = "ignore"
    UNDECIDED = "undecided"
    """The vocabulary does not have it, and nothing was chosen: it is not imported."""


class ClassReason(StrEnum):
    """Why a class was proposed so."""

    NAME = "name"
    ALIAS = "alias"
    LEAF = "leaf"
    """The last part of its path is a class."""
    SPELLING = "spelling"
    """But for underscores, hyphens and spaces it is a class."""
    AMBIGUOUS = "ambiguous"
    """Several classes of the file or of the vocabulary fit its name or the end of its path."""
    PROGRAM_TAG = "program-tag"
    """A tag that another program uses for itself (``darktable|...``): ignored."""
    CHOSEN = "chosen"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class ClassChoice:
    """What to do with a class of the file.

    ``class_id`` of MAP; ``name`` of ADD.
    """

    action: ClassAction
    class_id: int | None = None
    name: str = ""


class Hierarchy(StrEnum):
    """Which name a class gets that is a path in the file (``animal|dog``)."""

    LEAF = "leaf"
    """``dog``"""
    PATH = "path"
    """``animal/dog``"""


class Conflicts(StrEnum):
    """What to do where the file contradicts an annotation of the library."""

    MINE = "mine"
    """Keep the library's."""
    THEIRS = "theirs"
    """Take the file's."""
    FILL = "fill"
    """As MINE, and photos with a reviewed mark are left alone, marks included."""
    CLEAR = "clear"
    """Remove the library's: the class is unknown again."""


class ReviewedMarks(StrEnum):
    """Which photos get the reviewed mark; none ever loses it."""

    KEEP = "keep"
    """None."""
    AS_IN_FILE = "as-in-file"
    """Those that the file calls reviewed."""
    ALL = "all"
    """All matched photos."""


@dataclass(frozen=True)
class ImportChoices:
    """All that the user decides.

    Attributes:
        paths: what is changed about paths before they are matched.
        classes: by name as written; others are proposed.
        add_classes: whether classes that the vocabulary lacks are added.
        hierarchy: names of classes that are paths.
        values: verdicts by value as written; others have their usual verdict.
        not_listed: what it means that a class is not listed.
        machine_threshold: scores from which what a machine said counts; None: it is left out.
        conflicts: where the file contradicts the library.
        reviewed: who gets the reviewed mark.
    """

    paths: PathChange = PathChange()  # noqa: RUF009 (frozen)
    classes: Mapping[str, ClassChoice] = field(default_factory=dict)
    add_classes: bool = False
    hierarchy: Hierarchy = Hierarchy.LEAF
    values: Mapping[str, Verdict] = field(default_factory=dict)
    not_listed: NotListed = NotListed.UNKNOWN
    machine_threshold: float | None = None
    conflicts: Conflicts = Conflicts.MINE
    reviewed: ReviewedMarks = ReviewedMarks.AS_IN_FILE
