"""What the catalogue hands out and takes in: frozen dataclasses and numpy columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class Verdict(IntEnum):
    """What is known about one class of one image; unknown is the absence of an annotation."""

    UNKNOWN = -1
    ABSENT = 0
    PRESENT = 1


class Source(StrEnum):
    """By what an annotation came about."""

    USER = "user"
    REVIEWED = "reviewed"
    IMPORT = "import"


class ImageState(IntEnum):
    """Whether an image's file can be used; stored by its lower-case name."""

    OK = 0
    MISSING = 1
    UNREADABLE = 2


class CaptionSource(StrEnum):
    """Where a caption came from; the user's own is never overwritten by a scan."""

    NONE = ""
    EMBEDDED = "embedded"
    SIDECAR = "sidecar"
    USER = "user"
    CAPTIONER = "captioner"


class PhotoOnDisk(Protocol):
    """A photo file as :mod:`lmpt_desktop.ingest` describes it.

    ``path`` is relative to the folder with "/" between parts, as the system gave it (bytes
    that are no UTF-8 as surrogate escapes).  ``reason`` is empty, or the sentence that says
    why the file cannot be read.  ``taken`` is ISO 8601 without a zone, or None.
    """

    @property
    def path(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def mtime_ns(self) -> int: ...
    @property
    def sidecar_mtime_ns(self) -> int: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def width(self) -> int | None: ...
    @property
    def height(self) -> int | None: ...
    @property
    def taken(self) -> str | None: ...
    @property
    def caption(self) -> str: ...
    @property
    def caption_source(self) -> str: ...
    @property
    def reason(self) -> str: ...


@dataclass(frozen=True)
class Folder:
    """A folder of photos that the library knows.  ``hidden``: removed by the user."""

    id: int
    path: Path
    hidden: bool = False


class KnownFile(NamedTuple):
    """What the catalogue remembers of a file, to tell whether it changed."""

    id: int
    size: int
    mtime_ns: int
    sidecar_mtime_ns: int
    fingerprint: str
    taken: str | None
    missing: bool
    look_again: bool = False
    """It could not be read for a reason that may have passed (permissions, a disk)."""


class ImagePlace(NamedTuple):
    """An image and where its file is, or was if it is missing."""

    id: int
    folder_id: int
    path: Path
    missing: bool


@dataclass(frozen=True)
class Image:
    """Everything the catalogue knows of one image.

    ``width`` and ``height`` are pixels as shown (EXIF orientation applied).
    """

    id: int
    folder_id: int
    path: Path
    relative_path: str
    size: int
    mtime_ns: int
    fingerprint: str
    width: int | None
    height: int | None
    taken: datetime | None
    state: ImageState
    reason: str
    caption: str
    caption_source: CaptionSource
    reviewed: bool


NO_DATE = np.iinfo(np.int64).min
"""``ImageTable.taken`` of a photo without a date."""


@dataclass(frozen=True, eq=False)
class ImageTable:
    """The images of the folders that are not hidden, as columns, by rising id.

    Attributes:
        ids: (n,) int64.
        folder_ids: (n,) int64.
        states: (n,) int8, values of :class:`ImageState`.
        sizes: (n,) int64, bytes.
        mtime: (n,) int64, nanoseconds since the epoch.
        taken: (n,) int64, seconds since the epoch by the camera's clock, or ``NO_DATE``.
        widths, heights: (n,) int32, 0 where not known.
        names: relative paths with "/" between parts.
        fingerprints: one string each, "" where not known: keys of the thumbnail store.
    """

    ids: NDArray[np.int64]
    folder_ids: NDArray[np.int64]
    states: NDArray[np.int8]
    sizes: NDArray[np.int64]
    mtime: NDArray[np.int64]
    taken: NDArray[np.int64]
    widths: NDArray[np.int32]
    heights: NDArray[np.int32]
    names: list[str]
    fingerprints: list[str]

    def __len__(self) -> int:
        return len(self.ids)


class ClassLike(Protocol):
    """A class to be: a name, an optional description used as prompt text, other names."""

    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def colour(self) -> str: ...
    @property
    def aliases(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class ClassEntry:
    """An entry of the vocabulary.

    ``colour`` is "" or "#rrggbb"; ``aliases`` are other names that stand for the class in
    searches and imports (the model does not read them).
    """

    id: int
    name: str
    description: str = ""
    position: int = 0
    colour: str = ""
    archived: bool = False
    aliases: tuple[str, ...] = ()


class Change(NamedTuple):
    """Set one class of one image to ``verdict``."""

    image_id: int
    class_id: int
    verdict: int


def _no_ids() -> NDArray[np.int64]:
    return np.empty(0, np.int64)


def _no_verdicts() -> NDArray[np.int8]:
    return np.empty(0, np.int8)


@dataclass(frozen=True, eq=False)
class Batch:
    """Annotation changes made together, as they were committed.

    Attributes:
        id: what :meth:`Annotations.undo` takes.
        at: when, UTC.
        action: "apply", "import", "vocabulary", "reviewed", "unreviewed" or "undo".
        undoes: the batch this one took back, or None.
        image_ids, class_ids: (n,) int64; row i is one change.
        before, after: (n,) int8 verdicts: 1 present, 0 absent, -1 unknown.
        reviewed_ids: (m,) int64 images whose reviewed mark changed.
        reviewed_after: (m,) bool, the mark now.
        skipped: how many changes of the undone batch were left alone because something
            newer had changed them since.
        label: what the user calls it; "" for a text made from the rest.
    """

    id: int
    at: datetime
    action: str
    undoes: int | None = None
    image_ids: NDArray[np.int64] = field(default_factory=_no_ids)
    class_ids: NDArray[np.int64] = field(default_factory=_no_ids)
    before: NDArray[np.int8] = field(default_factory=_no_verdicts)
    after: NDArray[np.int8] = field(default_factory=_no_verdicts)
    reviewed_ids: NDArray[np.int64] = field(default_factory=_no_ids)
    reviewed_after: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    skipped: int = 0
    label: str = ""

    def __len__(self) -> int:
        return len(self.image_ids) + len(self.reviewed_ids)


@dataclass(frozen=True)
class BatchSummary:
    """What the undo menu needs of a batch.

    Attributes:
        id: what :meth:`Annotations.turn` takes.
        at: when, UTC.
        action: as in :class:`Batch`, never "undo" or "vocabulary".
        label: what the user calls it; "" for a text made from the rest.
        images: how many images it changed.
        changes: how many classes of images it changed; 0 if only reviewed marks.
        class_id: the class, if all changes are of one.
        class_name: its name now, "" if there are several.
        verdict: what all changes set, if it is one.
        done: whether it stands; otherwise it was undone and can be done again.
    """

    id: int
    at: datetime
    action: str
    label: str = ""
    images: int = 0
    changes: int = 0
    class_id: int | None = None
    class_name: str = ""
    verdict: Verdict | None = None
    done: bool = True


def distinct(*ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """The ids in any of the arrays, rising.  Counting is far faster than sorting millions, and
    ids are small: they count up from 1."""
    largest = max((int(part.max()) for part in ids if len(part)), default=0)
    there = np.zeros(largest + 1, np.bool_)
    for part in ids:
        there[part] = True
    return np.flatnonzero(there)


def uniform(values: NDArray[np.integer]) -> int | None:
    """The value that all of ``values`` have, or None."""
    return int(values[0]) if len(values) and (values == values[0]).all() else None


@dataclass(frozen=True)
class JournalEntry:
    """One row of the journal.  ``class_id`` None: the image's reviewed mark, whose verdict
    is PRESENT while it is set and UNKNOWN while it is not."""

    id: int
    batch_id: int
    at: datetime
    action: str
    image_id: int
    class_id: int | None
    before: Verdict
    after: Verdict
    source: str


@dataclass(frozen=True)
class AnnotationCount:
    """How often a class was annotated, over images of folders that are not hidden."""

    present: int = 0
    absent: int = 0


class RunState(StrEnum):
    """Where a run stands.  ``LOST``: its process vanished without a word."""

    PREPARING = "preparing"
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"
    LOST = "lost"


@dataclass(frozen=True)
class RunRecord:
    """A run of the trainer.

    ``folder`` is the job folder; ``pid`` with ``pid_created`` (seconds since the epoch, as
    psutil tells) name its process for certain, even after the number was used again.
    """

    id: int
    folder: Path
    backbone: str
    state: RunState
    created: datetime
    finished: datetime | None = None
    pid: int | None = None
    pid_created: float | None = None
    message: str = ""
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PromptSetRecord:
    """A prompt set on disk (:mod:`trainer.prompt_set` reads ``folder``).

    ``name`` and ``note`` are the user's; ``data`` says what it was learned from (counts);
    ``class_ids`` which class of this library each of its names is, whatever that is called by
    now: {} where it was made before this was kept.
    """

    id: int
    folder: Path
    backbone: str
    created: datetime
    run_id: int | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    active: bool = False
    promoted: bool = False
    discarded: bool = False
    name: str = ""
    note: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    class_ids: dict[str, int] = field(default_factory=dict)


ImageIds = Sequence[int] | NDArray[np.int64]
