"""The records that catalogue, ingest, inference and the layers above them exchange.

Frozen dataclasses and numpy columns; a verdict in an array is its number in :class:`Verdict`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.photo_details import PhotoDetails
from lmpt_desktop.domain.states import ImageState, Verdict  # noqa: F401 - records, too
from lmpt_desktop.domain.texts import Texts
from trainer.file_formats import RAW_SUFFIXES


class Source(StrEnum):
    """Where an annotation came from."""

    USER = "user"
    REVIEWED = "reviewed"
    IMPORT = "import"
    """A person said so in an imported file, or it does not say who."""
    MACHINE = "machine"
    """A model said so in an imported file."""
    CONFIRMED = "confirmed"
    """A person let a prediction stand: weaker evidence than a verdict on that one class."""


class CaptionSource(StrEnum):
    """Where a caption came from; the user's own is never overwritten by a scan."""

    NONE = ""
    EMBEDDED = "embedded"
    SIDECAR = "sidecar"
    USER = "user"
    CAPTIONER = "captioner"


@dataclass(frozen=True)
class Folder:
    """A folder of photos that the library knows.

    ``hidden``: removed by the user; ``device``: number of the file system it was on at the last
    scan, None if there was none.
    """

    id: int
    path: Path
    hidden: bool = False
    device: int | None = None


@dataclass(frozen=True)
class ScannedFile:
    """A photo file as a scan describes it.

    Attributes:
        path: relative to its folder with "/" between parts, as the system gave it (bytes that
            are not UTF-8 as surrogate escapes).
        size: bytes.
        mtime_ns, sidecar_mtime_ns: when the file and the latest of its sidecars were last
            changed, nanoseconds since the epoch; 0 where there is no sidecar.
        fingerprint: of the picture as it is shown, see :class:`lmpt_desktop.ingest.Identity`:
            names its thumbnail and feature; "" if unknown.
        width, height: pixels as shown, None if unknown.
        taken: ISO 8601 by the camera's clock, with its offset from UTC where it is said, or None.
        caption, caption_source: a caption and a value of :class:`CaptionSource`.
        reason: why the file cannot be read, a sentence; "" if it can.
        ctime_ns: when the file's content or attributes were last changed; 0 where the system
            does not say.
        file_hash: of all bytes; "" if unknown.
        picture_hash: of the compressed picture without metadata, see
            :mod:`trainer.picture_hash`; "" if unknown.
        sample: the sampled fingerprint that earlier versions would have stored, see
            :mod:`lmpt_desktop.ingest.sampled_fingerprint`; "" if not needed.
        damaged: whether the end of the file is missing, though it can be read.
        details: what it says of camera, exposure, place and rights, and its keywords; None if that
            was not read.
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
    ctime_ns: int = 0
    file_hash: str = ""
    picture_hash: str = ""
    sample: str = ""
    damaged: bool = False
    details: PhotoDetails | None = None


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
    ctime_ns: int = 0
    """When anything of the file was last changed; 0 if unknown."""
    file_hash: str = ""
    picture_hash: str = ""
    """"" in a catalogue of an earlier version, until the photo is read again."""
    was_readable: bool = True
    """Its picture was readable at least once."""
    left_out: bool = False
    """The library's ignore list leaves it out: it is not shown, and its file is not looked at."""


class ImagePlace(NamedTuple):
    """An image and where its file is, or was if it is missing."""

    id: int
    folder_id: int
    path: Path
    missing: bool
    file_hash: str = ""
    name: str = ""
    """Its relative path."""
    hidden: bool = False
    """Its folder was removed from the library."""
    displaced: bool = False
    """Another photo has taken its place."""
    superseded: bool = False
    """It is missing, and all that was known of it has gone to another image."""
    has_user_data: bool = False
    """It has annotations, a reviewed mark or a caption of the user's."""
    left_out: bool = False
    """The library's ignore list leaves it out."""


class UnhashedFile(NamedTuple):
    """A file of which only a sample was read, by an earlier version; fields as in
    :class:`ScannedFile`."""

    id: int
    path: str
    size: int
    mtime_ns: int
    ctime_ns: int
    sidecar_mtime_ns: int
    fingerprint: str


class UndescribedFile(NamedTuple):
    """A file of which it was not read what it says of itself; fields as in
    :class:`ScannedFile`."""

    id: int
    path: str
    size: int
    mtime_ns: int


class CopyOfMissing(NamedTuple):
    """An image whose file is gone, and the best of those that have the same picture."""

    image_id: int
    copy_id: int
    folder_id: int
    """Of the image that is gone."""
    hidden: bool
    """Its folder was removed from the library, so that it is not known whether it is gone."""
    path: str
    """Its absolute path."""
    has_user_data: bool
    """Of the image that is gone, as of :class:`ImagePlace`."""


class TransferReason(StrEnum):
    """Why what is known of an image goes to another one."""

    COPY = "copy"
    """It has the same picture."""
    EDIT = "edit"
    """It is an edited version."""
    CHOSEN = "chosen"
    """The user says so."""


class Succession(NamedTuple):
    """An image that lost its place, and the one that has taken it."""

    image_id: int
    successor_id: int
    is_known: bool
    """Whether one is known to be an edited version of the other."""
    dates: int = 0
    """1 if both pictures were taken in the same second, -1 if not, 0 if a date is unknown."""


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
        edited: (n,) bool, whether the picture was edited after it was annotated and the user has
            not confirmed the annotations since.
        damaged: (n,) bool, whether the end of the file is missing; none if it is not given.
        cameras: (n,) int32, the camera's number, 0 if the photo names none; 0 if it is not given.
        camera_names: by number, of the cameras there are and perhaps of some that are gone.
        raws: (n,) int8, which kind of raw file is shown as part of the image: 1 + its place in
            ``RAW_SUFFIXES``; 0, and if it is not given, none.
        name_ranks: (n,) int64, the place of every name in natural order, where that is known.
    """

    ids: NDArray[np.int64]
    folder_ids: NDArray[np.int64]
    states: NDArray[np.int8]
    sizes: NDArray[np.int64]
    mtime: NDArray[np.int64]
    taken: NDArray[np.int64]
    widths: NDArray[np.int32]
    heights: NDArray[np.int32]
    names: Texts
    fingerprints: Texts
    edited: NDArray[np.bool_]
    damaged: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    cameras: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    camera_names: Mapping[int, str] = field(default_factory=dict)
    raws: NDArray[np.int8] = field(default_factory=lambda: np.zeros(0, np.int8))
    name_ranks: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        if len(self.damaged) != len(self.ids):
            object.__setattr__(self, "damaged", np.zeros(len(self.ids), np.bool_))
        if len(self.cameras) != len(self.ids):
            object.__setattr__(self, "cameras", np.zeros(len(self.ids), np.int32))
        if len(self.raws) != len(self.ids):
            object.__setattr__(self, "raws", np.zeros(len(self.ids), np.int8))

    def raw_suffix(self, row: int) -> str:
        """The suffix of the raw file that is shown as part of an image, such as ".cr3"; ""."""
        return RAW_SUFFIXES[number - 1] if (number := int(self.raws[row])) else ""

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class ClassSpec:
    """A class as the user typed it or a list named it.

    ``description``, if any, replaces the name in the prompt; it may hold several texts, separated
    by ";", which the model reads one by one (:mod:`trainer.class_texts`).  ``aliases`` are other
    names of the class; ``colour`` is "" or "#rrggbb".
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
        action: "apply", "confirmed", "import", "vocabulary", "reviewed", "unreviewed", "followed",
            "shared", "separated" or "undo".
        undoes: the batch that this one undid, or None.
        image_ids, class_ids: (n,) int64; row i is one change.
        before, after: (n,) int8 verdicts: 1 present, 0 absent, -1 unknown.
        reviewed_ids: (m,) int64 images whose reviewed mark changed.
        reviewed_after: (m,) bool, the mark now.
        skipped: how many changes of the undone batch were kept because something newer had
            changed them since.
        label: what the user calls it; "" for a text made from the other fields.
        vocabulary: whether it changed classes, too, or nothing else.
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
    vocabulary: bool = False

    def __len__(self) -> int:
        return len(self.image_ids) + len(self.reviewed_ids) + self.vocabulary


@dataclass(frozen=True)
class BatchSummary:
    """What the undo menu needs of a batch.

    Attributes:
        id: what :meth:`Annotations.toggle_undo` takes.
        at: when, UTC.
        action: as in :class:`Batch`, never "undo".
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
