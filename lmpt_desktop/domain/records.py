"""The records that catalogue, ingest, inference and the layers above them exchange.

Frozen dataclasses and numpy columns; a verdict in an array is its number in :class:`Verdict`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Verdict(IntEnum):
    """What is known about one class of one image; unknown is the absence of an annotation."""

    UNKNOWN = -1
    ABSENT = 0
    PRESENT = 1


class Source(StrEnum):
    """Where an annotation came from."""

    USER = "user"
    REVIEWED = "reviewed"
    IMPORT = "import"


class ImageState(IntEnum):
    """Whether an image's file can be used."""

    OK = 0
    MISSING = 1
    UNREADABLE = 2

    @property
    def key(self) -> str:
        """Its name in the catalogue: "ok", "missing" or "unreadable"."""
        return self.name.lower()


class CaptionSource(StrEnum):
    """Where a caption came from; the user's own is never overwritten by a scan."""

    NONE = ""
    EMBEDDED = "embedded"
    SIDECAR = "sidecar"
    USER = "user"
    CAPTIONER = "captioner"


@dataclass(frozen=True)
class Folder:
    """A folder of photos that the library knows.  ``hidden``: removed by the user."""

    id: int
    path: Path
    hidden: bool = False


@dataclass(frozen=True)
class ScannedFile:
    """A photo file as a scan describes it.

    Attributes:
        path: relative to its folder with "/" between parts, as the system gave it (bytes that
            are not UTF-8 as surrogate escapes).
        size: bytes.
        mtime_ns, sidecar_mtime_ns: when the file and its text file were last changed,
            nanoseconds since the epoch; 0 where there is no text file.
        fingerprint: of the content, see :func:`lmpt_desktop.ingest.fingerprint`; "" if unknown.
        width, height: pixels as shown, None if unknown.
        taken: ISO 8601 without a zone, or None.
        caption, caption_source: a caption and a value of :class:`CaptionSource`.
        reason: why the file cannot be read, a sentence; "" if it can.
    """

    path: str
    size: int
    mtime_ns: int
    sidecar_mtime_ns: int = 0
    fingerprint: str = ""
    width: int | None = None
    height: int | None = None
    taken: str | None = None
    caption: str = ""
    caption_source: str = ""
    reason: str = ""


class KnownFile(NamedTuple):
    """What the catalogue knows of a file, to tell whether it has changed."""

    id: int
    size: int
    mtime_ns: int
    sidecar_mtime_ns: int
    fingerprint: str
    taken: str | None
    missing: bool
    retry: bool = False
    """It could not be read, for a reason that may have passed (permissions, a disk)."""


class ImagePlace(NamedTuple):
    """An image and where its file is, or was if it is missing."""

    id: int
    folder_id: int
    path: Path
    missing: bool


NO_DATE = np.iinfo(np.int64).min
"""``ImageTable.taken`` of a photo without a date."""


@dataclass(frozen=True, eq=False)
class ImageTable:
    """The images of the folders that are not hidden, as columns, by ascending id.

    Attributes:
        ids: (n,) int64.
        folder_ids: (n,) int64.
        states: (n,) int8, values of :class:`ImageState`.
        sizes: (n,) int64, bytes.
        mtime: (n,) int64, nanoseconds since the epoch.
        taken: (n,) int64, seconds since the epoch by the camera's clock, or ``NO_DATE``.
        widths, heights: (n,) int32, 0 if unknown.
        names: relative paths with "/" between parts.
        fingerprints: one string each, "" if unknown: keys of the thumbnail store.
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


@dataclass(frozen=True)
class ClassSpec:
    """A class as the user typed it or a list named it.

    ``description``, if any, replaces the name in the prompt; ``aliases`` are other names of the
    class; ``colour`` is "" or "#rrggbb".
    """

    name: str
    description: str = ""
    aliases: tuple[str, ...] = ()
    colour: str = ""


@dataclass(frozen=True)
class ClassEntry:
    """An entry of the vocabulary.

    ``colour`` is "" or "#rrggbb"; ``aliases`` are other names of the class in searches and
    imports (the model does not read them).
    """

    id: int
    name: str
    description: str = ""
    position: int = 0
    colour: str = ""
    archived: bool = False
    aliases: tuple[str, ...] = ()


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
        undoes: the batch that this one undid, or None.
        image_ids, class_ids: (n,) int64; row i is one change.
        before, after: (n,) int8 verdicts: 1 present, 0 absent, -1 unknown.
        reviewed_ids: (m,) int64 images whose reviewed mark changed.
        reviewed_after: (m,) bool, the mark now.
        skipped: how many changes of the undone batch were kept because something newer had
            changed them since.
        label: what the user calls it; "" for a text made from the other fields.
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
        id: what :meth:`Annotations.toggle_undo` takes.
        at: when, UTC.
        action: as in :class:`Batch`, never "undo" or "vocabulary".
        label: what the user calls it; "" for a text made from the other fields.
        images: how many images it changed.
        changes: how many classes of images it changed; 0 if only reviewed marks.
        class_id: the class, if all changes are of one.
        class_name: its name now, "" if there are several.
        verdict: what all changes set, if it is one.
        done: whether it is in effect; otherwise it was undone and can be redone.
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
