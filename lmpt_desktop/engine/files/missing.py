"""Missing photos of an open library: what waits with them, and giving it to photos that are there
(Qt-free)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.missing import MissingImage, TransferPreview
from lmpt_desktop.domain.natural_order import natural_ranks
from lmpt_desktop.domain.records import Batch, Folder, ImageState, ImageTable, TransferReason
from lmpt_desktop.domain.refusal import RefusedError
from lmpt_desktop.engine.annotations import AnnotationEditor
from lmpt_desktop.engine.files.candidates import Candidate, CandidateSearch
from lmpt_desktop.engine.folders import LibraryFolders
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.ingest.reachable import is_reachable
from lmpt_desktop.translation import _, ngettext, number

PHOTOS_AT_ONCE = 256
"""Missing photos whose candidates are looked for together."""
NATURAL = 20_000
"""Up to this number, photos are listed in natural order, which is slow for more."""
LOOK_SECONDS = 4.0
"""How long :meth:`MissingPhotos.plan_move` looks for files; a share may be slow."""
LOOK_FIRST = 50
"""Files that decide which of two folders is meant."""


class MissingReason(StrEnum):
    """Why a photo is missing."""

    GONE = "gone"
    """Its file is not there."""
    REPLACED = "replaced"
    """Another photo has taken its place."""
    DISCONNECTED = "disconnected"
    """The disk that its folder was on is not connected."""


def reason_text(reason: MissingReason) -> str:
    """A reason in one sentence."""
    if reason is MissingReason.REPLACED:
        return _("Another photo has taken its place.")
    if reason is MissingReason.DISCONNECTED:
        return _("The disk of its folder is not connected.")
    return _("The file was not found.")


@dataclass(frozen=True)
class MissingList:
    """The missing photos that have data of the user's: annotations, reviewed marks, captions.

    Attributes:
        photos: by folder and name.
        folders: the library's folders by id.
        unreachable: ids of folders whose disk is not connected.
    """

    photos: tuple[MissingImage, ...]
    folders: dict[int, Folder]
    unreachable: frozenset[int]

    @property
    def annotations(self) -> int:
        """How many verdicts on single classes wait."""
        return sum(photo.present + photo.absent for photo in self.photos)

    def reason(self, photo: MissingImage) -> MissingReason:
        """Why this one is missing."""
        if photo.displaced:
            return MissingReason.REPLACED
        if photo.folder_id in self.unreachable:
            return MissingReason.DISCONNECTED
        return MissingReason.GONE

    def location(self, photo: MissingImage) -> Path:
        """The folder in which the photo was."""
        return self.folders[photo.folder_id].path / photo.name.rpartition("/")[0]


@dataclass(frozen=True)
class MissingFolder:
    """A folder with missing photos, which may have been moved.

    Attributes:
        folder_id: the library's folder.
        relative: path in it with "/" between parts; "" for the whole of it.
        location: where it is or was.
        photos: how many missing photos are below it.
        exists: whether it is still there.
    """

    folder_id: int
    relative: str
    location: Path
    photos: int
    exists: bool


class MoveAct(StrEnum):
    """What is done when the user says where a folder is now."""

    RELOCATE = "relocate"
    """The library looks for the folder at the new place from now on."""
    SCAN = "scan"
    """The new place is within the library and scanned again."""
    ADD = "add"
    """The new place becomes a folder of the library."""


@dataclass(frozen=True)
class MovePlan:
    """What will happen if the user says that a folder is at ``place`` now.

    Attributes:
        folder: the one that was moved.
        place: where it is.
        act: see :class:`MoveAct`.
        target_id: the library's folder that is scanned again (SCAN).
        found: of how many missing photos there is a file of that name and size.
        looked: for how many was looked: all, or as many as there was time for.
    """

    folder: MissingFolder
    place: Path
    act: MoveAct
    target_id: int | None
    found: int
    looked: int


class MoveRefusedError(RefusedError):
    """A folder cannot have been moved there; the message says why."""


class MissingPhotos:
    """Finds, gives and declines; it never deletes anything."""

    def __init__(
        self,
        catalogue: Catalogue,
        state: LibraryState,
        *,
        annotations: AnnotationEditor,
        folders: LibraryFolders,
        images_changed: Callable[[], None],
    ) -> None:
        """``images_changed`` reads again, soon, the images that were written."""
        self._catalogue = catalogue
        self._state = state
        self._annotations = annotations
        self._folders = folders
        self._images_changed = images_changed
        self._lock = threading.Lock()
        self._moves: dict[tuple[int, str], Path] = {}
        """Where the user says that folders are, by library folder and relative path."""

    # ------------------------------------------------------------------------- reading

    def all(self) -> MissingList:
        """All missing photos with data of the user's.  Reads the catalogue and looks for the
        folders; takes too long for the window's thread."""
        photos = self._catalogue.missing.all()
        folders = {item.id: item for item in self._catalogue.folders.all()}
        photos = [photo for photo in photos if photo.folder_id in folders]
        ranks = {folder_id: rank for rank, folder_id in enumerate(folders)}
        keys = [_sort_key(ranks[photo.folder_id], photo) for photo in photos]
        order = np.argsort(natural_ranks(keys)) if len(keys) <= NATURAL else np.argsort(keys)
        used = {photo.folder_id for photo in photos}
        return MissingList(
            photos=tuple(photos[place] for place in order.tolist()),
            folders=folders,
            unreachable=frozenset(i for i in used if not is_reachable(folders[i])),
        )

    def count_gone(self) -> int:
        """How many photos :meth:`all` would list whose place no other has taken: those may be
        edited photos, which are compared first.  Reads the catalogue."""
        return self._catalogue.missing.count_gone()

    def candidates(
        self, listed: MissingList, *, declined: bool = False
    ) -> Iterator[dict[int, tuple[Candidate, ...]]]:
        """Photos that could be the missing ones, by missing image id, likeliest first.

        Yields them for ``PHOTOS_AT_ONCE`` photos at a time, in the order of the list, since some
        thousands take a while.

        Args:
            listed: for which photos.
            declined: whether candidates that were declined are included.
        """
        # Features first: the images taken afterwards are at least those.
        features = self._state.features()
        images = self._state.snapshot.images
        search = CandidateSearch(
            self._catalogue.missing, images, features, listed.photos, self._moved(listed, images)
        )
        for start in range(0, len(listed.photos), PHOTOS_AT_ONCE):
            part = listed.photos[start : start + PHOTOS_AT_ONCE]
            yield search.find(part, declined=declined)

    # ------------------------------------------------------------------------ deciding

    def preview(self, pairs: Sequence[tuple[int, int]]) -> TransferPreview:
        """What :meth:`give` will do.  Reads the catalogue."""
        return self._catalogue.missing.preview(self._valid(pairs))

    def give(self, pairs: Sequence[tuple[int, int]]) -> Batch:
        """Give what is known of each missing image to the image found, in one step of the undo
        history; a verdict that contradicts stays with the missing image.

        Args:
            pairs: missing image and the one found; others than that are left out.

        Returns:
            What was changed; empty where there were captions only.

        Raises:
            CatalogueError: if it could not be written; then nothing is changed.
        """
        valid = self._valid(pairs)
        label = ngettext(
            "Annotations of {count} photo given to the photo found",
            "Annotations of {count} photos given to the photos found",
            len(valid),
        ).format(count=number(len(valid)))
        batch = self._catalogue.transfers.follow(valid, TransferReason.CHOSEN, label)
        self._annotations.show(batch)
        self._images_changed()
        return batch

    def decline(self, pairs: Iterable[tuple[int, int]]) -> None:
        """The second image of each pair is another photo: it is not offered again unasked."""
        self._catalogue.transfers.decline(pairs, TransferReason.CHOSEN)

    def _valid(self, pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """Each missing image once, as far as it is still missing and the other one there."""
        chosen = dict(pairs)
        table = self._catalogue.images.table(ids=[*chosen, *chosen.values()])
        state = dict(zip(table.ids.tolist(), table.states.tolist(), strict=True))
        return [
            (old, new)
            for old, new in chosen.items()
            if state.get(old) == ImageState.MISSING and state.get(new) == ImageState.OK
        ]

    # ------------------------------------------------------------------- moved folders

    def folders_around(self, listed: MissingList, photo: MissingImage) -> list[MissingFolder]:
        """The folders in which a missing photo was, innermost first, up to the library's folder.
        Looks for them on disk."""
        top = listed.folders[photo.folder_id].path
        inside = [item.name for item in listed.photos if item.folder_id == photo.folder_id]
        parts = photo.name.split("/")[:-1]
        found: list[MissingFolder] = []
        for count in range(len(parts), -1, -1):
            relative = "/".join(parts[:count])
            location = top / relative
            found.append(
                MissingFolder(
                    photo.folder_id,
                    relative,
                    location,
                    sum(_is_below(name, relative) for name in inside),
                    _is_folder(location),
                )
            )
        return found

    def plan_move(self, listed: MissingList, folder: MissingFolder, place: Path) -> MovePlan:
        """What will happen if ``folder`` is at ``place`` now.  Looks for files, for a few seconds
        at most.

        Raises:
            MoveRefusedError: if the folder cannot have been moved there.
            CatalogueError: if the catalogue cannot be read.
        """
        place = place.expanduser().absolute()
        if not _is_folder(place):
            raise MoveRefusedError(
                _("There is no such folder. Choose the folder in which the photos are now.")
            )
        photos = [
            photo
            for photo in listed.photos
            if photo.folder_id == folder.folder_id and _is_below(photo.name, folder.relative)
        ]
        deadline = time.monotonic() + LOOK_SECONDS
        # People choose the folder itself, or the one that they moved it into.
        inner = place / folder.location.name
        if folder.location.name and _is_folder(inner):
            first = photos[:LOOK_FIRST]
            if _look(inner, folder, first, deadline)[0] > _look(place, folder, first, deadline)[0]:
                place = inner
        if place == folder.location:
            raise MoveRefusedError(
                _("This is where the photos were. Choose the folder in which they are now.")
            )
        act, target_id = self._act(folder, place)
        found, looked = _look(place, folder, photos, deadline)
        return MovePlan(folder, place, act, target_id, found, looked)

    def move(self, plan: MovePlan) -> None:
        """Do what the plan says; a scan starts, which finds the photos.

        Raises:
            FolderOverlaps: if another folder of the library has come in the way.
            CatalogueError: if it could not be written.
        """
        if plan.act is MoveAct.RELOCATE:
            self._folders.relocate(plan.folder.folder_id, plan.place)
            return
        with self._lock:
            self._moves[plan.folder.folder_id, plan.folder.relative] = plan.place
        if plan.target_id is not None:
            self._folders.rescan(plan.target_id)
        else:
            self._folders.add(plan.place)

    def _act(self, folder: MissingFolder, place: Path) -> tuple[MoveAct, int | None]:
        others = self._catalogue.folders.all(hidden=True)
        if not folder.relative:
            snapshot = self._state.snapshot
            here = snapshot.folder_ids == folder.folder_id
            left = np.any(here & (snapshot.states != ImageState.MISSING))
            clear = all(
                other.id == folder.folder_id
                or not (place.is_relative_to(other.path) or other.path.is_relative_to(place))
                for other in others
            )
            if clear and not left:
                return MoveAct.RELOCATE, None
        for other in others:
            if not other.hidden and place.is_relative_to(other.path):
                return MoveAct.SCAN, other.id
        return MoveAct.ADD, None

    def _moved(self, listed: MissingList, images: ImageTable) -> dict[int, int]:
        """Images that are where missing photos should be, in folders that were moved."""
        with self._lock:
            moves = list(self._moves.items())
        wanted: dict[tuple[int, str], int] = {}
        for (folder_id, relative), place in moves:
            for photo in listed.photos:
                if photo.folder_id != folder_id or not _is_below(photo.name, relative):
                    continue
                path = place / _below(photo.name, relative)
                for folder in listed.folders.values():
                    if path.is_relative_to(folder.path):
                        wanted[folder.id, path.relative_to(folder.path).as_posix()] = photo.id
        if not wanted:
            return {}
        usable = images.states == ImageState.OK
        keys = zip(images.folder_ids.tolist(), images.names, strict=True)
        return {
            wanted[key]: int(images.ids[row])
            for row, key in enumerate(keys)
            if usable[row] and key in wanted
        }


def _look(
    place: Path, folder: MissingFolder, photos: Sequence[MissingImage], deadline: float
) -> tuple[int, int]:
    """How many files of these names and sizes there are at ``place``; for how many was looked."""
    found = 0
    for looked, photo in enumerate(photos):
        if time.monotonic() > deadline:
            return found, looked
        try:
            found += (place / _below(photo.name, folder.relative)).stat().st_size == photo.size
        except (OSError, ValueError):
            continue
    return found, len(photos)


def _sort_key(folder: int, photo: MissingImage) -> str:
    """What is in the same folder stays together, also where that has folders in it."""
    parent, _slash, name = photo.name.rpartition("/")
    return f"{folder}\0{parent}\0{name}"


def _is_below(name: str, relative: str) -> bool:
    return not relative or name.startswith(f"{relative}/")


def _below(name: str, relative: str) -> str:
    return name[len(relative) + 1 :] if relative else name


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
