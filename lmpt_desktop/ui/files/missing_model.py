"""The table of missing photos: a row for each, below a row for its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QObject, Qt, Signal

from lmpt_desktop.catalogue.missing import MissingImage
from lmpt_desktop.domain.records import ImageTable
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.files.candidates import Candidate, CandidateKind
from lmpt_desktop.engine.files.missing import MissingList, reason_text
from lmpt_desktop.translation import N_, _
from lmpt_desktop.ui.files import missing_texts as texts
from lmpt_desktop.ui.kit.tables import Index
from lmpt_desktop.ui.kit.texts import photos_text

ROW_ROLE = Qt.ItemDataRole.UserRole + 1
"""The :class:`FolderRow` or :class:`PhotoRow` of a row, for the delegate."""


class MissingColumn(IntEnum):
    """The columns of the table."""

    TICK = 0
    MISSING = 1
    MATCH = 2
    FOUND = 3


_TITLES = {
    MissingColumn.TICK: "",
    MissingColumn.MISSING: N_("Missing photo"),
    MissingColumn.MATCH: N_("Likeness"),
    MissingColumn.FOUND: N_("Could be this photo"),
}


@dataclass(frozen=True)
class FolderRow:
    """A folder with missing photos."""

    location: Path
    photos: int


@dataclass(frozen=True)
class FoundPhoto:
    """A candidate, as it is shown."""

    candidate: Candidate
    name: str
    location: Path
    """The folder that it is in."""
    inside: str
    """The same from the library's folder on."""
    fingerprint: str


@dataclass(frozen=True)
class PhotoRow:
    """A missing photo and the candidate that is shown beside it."""

    photo: MissingImage
    reason: str
    found: FoundPhoto | None
    place: int
    """Of the candidate among the photo's candidates."""
    candidates: int
    searched: bool
    """Whether candidates have been looked for."""
    ticked: bool

    @property
    def name(self) -> str:
        """The file name."""
        return self.photo.name.rpartition("/")[2]


@dataclass(frozen=True, eq=False)
class Listing:
    """A list of missing photos with its rows.

    Attributes:
        listed: the photos.
        ids: (n,) int64, the missing images in the order of the list.
        rows: the place of each row's photo in the list, or -1 - the place of its folder.
        folders: the rows of folders.
        row_of: the row of each photo.
        place_of: the place in the list of each missing image id.
    """

    listed: MissingList
    ids: NDArray[np.int64]
    rows: list[int]
    folders: list[FolderRow]
    row_of: list[int]
    place_of: dict[int, int]


def arrange(listed: MissingList) -> Listing:
    """Put a row for its folder above the photos of each; many take too long for the window's
    thread."""
    rows: list[int] = []
    row_of: list[int] = []
    first: list[MissingImage] = []
    counts: list[int] = []
    key: tuple[int, str] | None = None
    for place, photo in enumerate(listed.photos):
        mine = photo.folder_id, photo.name.rpartition("/")[0]
        if mine != key:
            key = mine
            rows.append(-1 - len(counts))
            first.append(photo)
            counts.append(0)
        counts[-1] += 1
        row_of.append(len(rows))
        rows.append(place)
    return Listing(
        listed,
        np.array([photo.id for photo in listed.photos], np.int64),
        rows,
        [FolderRow(listed.location(a), count) for a, count in zip(first, counts, strict=True)],
        row_of,
        {photo.id: place for place, photo in enumerate(listed.photos)},
    )


def _carried(
    values: NDArray[Any], source: NDArray[np.int64], same: NDArray[np.bool_], other: float
) -> NDArray[Any]:
    """(n,) ``values[source]`` where ``same``, else ``other``."""
    result = np.full(len(source), other, values.dtype)
    result[same] = values[source[same]]
    return result


class MissingModel(QAbstractTableModel):
    """Keeps ticks and candidates where the list changes."""

    ticks_changed = Signal()
    candidates_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.listing = arrange(MissingList((), {}, frozenset()))
        # Not a snapshot, whose scores and annotations would stay in memory behind other pages.
        self._images: ImageTable | None = None
        self._row_of: Mapping[int, int] = {}
        self._candidates: dict[int, tuple[Candidate, ...]] = {}
        self._shown: dict[int, int] = {}
        """Which candidate is shown, by missing image id, if not the first."""
        self._best = np.empty(0, np.int64)
        self._likeness = np.empty(0, np.float32)
        self._same = np.empty(0, np.bool_)
        self._ticked = np.empty(0, np.int64)

    # ------------------------------------------------------------------------- content

    @property
    def listed(self) -> MissingList:
        return self.listing.listed

    def set_content(self, listing: Listing, snapshot: Snapshot) -> None:
        """Show another list; what is known of photos that are still in it is kept."""
        self.beginResetModel()
        old = self.listing
        self.listing, self._images, self._row_of = listing, snapshot.images, snapshot.row_of
        order = np.argsort(old.ids)
        at = np.searchsorted(old.ids, listing.ids, sorter=order)
        source = order[np.minimum(at, len(order) - 1)] if len(order) else at
        same = np.zeros(len(at), np.bool_)
        if len(order):
            same = old.ids[source] == listing.ids
        self._best = _carried(self._best, source, same, -1)
        self._likeness = _carried(self._likeness, source, same, np.nan)
        self._same = _carried(self._same, source, same, False)
        self._ticked = _carried(self._ticked, source, same, -1)
        for image_id in set(old.ids[~np.isin(old.ids, listing.ids)].tolist()):
            self._candidates.pop(image_id, None)
            self._shown.pop(image_id, None)
        self.endResetModel()
        self.ticks_changed.emit()
        self.candidates_changed.emit()

    def set_candidates(self, found: Mapping[int, tuple[Candidate, ...]]) -> None:
        """Candidates by missing image id, likeliest first."""
        rows: list[int] = []
        for image_id, candidates in found.items():
            place = self.listing.place_of.get(image_id)
            if place is None:
                continue
            chosen = self.shown_candidate(image_id) if image_id in self._shown else None
            self._candidates[image_id] = candidates
            others = [item.image_id for item in candidates]
            # What the user has chosen or ticked stays while it is a candidate.
            self._shown.pop(image_id, None)
            if chosen is not None and chosen.image_id in others:
                self._shown[image_id] = others.index(chosen.image_id)
            if self._ticked[place] not in others:
                self._ticked[place] = -1
            else:
                self._shown[image_id] = others.index(self._ticked[place])
            self._note(image_id)
            rows.append(self.listing.row_of[place])
        if rows:
            self._changed(min(rows), max(rows))
            self.ticks_changed.emit()
            self.candidates_changed.emit()

    def _note(self, image_id: int) -> None:
        """Keep the shown candidate in the arrays that ticking many reads."""
        place = self.listing.place_of[image_id]
        candidate = self.shown_candidate(image_id)
        if candidate is None or candidate.declined:
            self._best[place], self._likeness[place], self._same[place] = -1, np.nan, False
            return
        self._best[place] = candidate.image_id
        self._likeness[place] = np.nan if candidate.likeness is None else candidate.likeness
        self._same[place] = candidate.kind is CandidateKind.PICTURE

    # -------------------------------------------------------------------------- asking

    def photo_at(self, row: int) -> MissingImage | None:
        """The photo of a row; None in the row of a folder."""
        if not 0 <= row < len(self.listing.rows) or self.listing.rows[row] < 0:
            return None
        return self.listed.photos[self.listing.rows[row]]

    def folder_rows(self) -> list[int]:
        """The rows of folders."""
        return [row for row, place in enumerate(self.listing.rows) if place < 0]

    def photos_in(self, rows: Sequence[int]) -> list[MissingImage]:
        """The photos of these rows; for the row of a folder all in it."""
        places: dict[int, None] = {}
        for row in rows:
            if self.listing.rows[row] >= 0:
                places[self.listing.rows[row]] = None
                continue
            for below in range(row + 1, len(self.listing.rows)):
                if self.listing.rows[below] < 0:
                    break
                places[self.listing.rows[below]] = None
        return [self.listed.photos[place] for place in places]

    def row_of(self, image_id: int) -> int:
        """The row of a missing image; -1 if it is not listed."""
        place = self.listing.place_of.get(image_id)
        return -1 if place is None else self.listing.row_of[place]

    def candidates_of(self, image_id: int) -> tuple[Candidate, ...]:
        """What is known so far."""
        return self._candidates.get(image_id, ())

    def shown_candidate(self, image_id: int) -> Candidate | None:
        """The candidate beside a missing photo."""
        candidates = self.candidates_of(image_id)
        if not candidates:
            return None
        return candidates[min(self._shown.get(image_id, 0), len(candidates) - 1)]

    @property
    def ticked_count(self) -> int:
        return int(np.count_nonzero(self._ticked >= 0))

    def ticked_pairs(self) -> list[tuple[int, int]]:
        """Missing image and chosen one, of every ticked photo."""
        return list(self._ticks().items())

    def _ticks(self) -> dict[int, int]:
        places = np.flatnonzero(self._ticked >= 0).tolist()
        return {self.listed.photos[place].id: int(self._ticked[place]) for place in places}

    # ------------------------------------------------------------------------- ticking

    def toggle(self, photos: Sequence[MissingImage]) -> None:
        """Tick these photos, as far as they have a candidate; untick them if all are."""
        places = np.array([self.listing.place_of[photo.id] for photo in photos], np.int64)
        places = places[self._shown_ids(places) >= 0]
        if len(places):
            on = bool((self._ticked[places] >= 0).all())
            self._tick(places, on=not on)

    def _shown_ids(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        shown = [self.shown_candidate(self.listed.photos[place].id) for place in places.tolist()]
        return np.array([-1 if item is None else item.image_id for item in shown], np.int64)

    def _tick(self, places: NDArray[np.int64], *, on: bool) -> None:
        self._ticked[places] = self._shown_ids(places) if on else -1
        self._changed(0, len(self.listing.rows) - 1)
        self.ticks_changed.emit()

    def untick_all(self) -> None:
        self._tick(np.arange(len(self._ticked)), on=False)

    def same_picture(self) -> NDArray[np.int64]:
        """(k,) places of the photos whose picture is in the library."""
        return np.flatnonzero(self._same)

    def above(self, limit: float) -> NDArray[np.int64]:
        """(k,) places of the photos with a candidate at least this like (0 to 1).

        A photo that only looks alike is counted for one missing photo, the one most like it: two
        frames of a series are two photos.
        """
        places = np.flatnonzero(self._same | (self._likeness >= limit))
        order = places[np.lexsort((-self._likeness[places], ~self._same[places]))]
        _ids, first = np.unique(self._best[order], return_index=True)
        kept = self._same[order]
        kept[first] = True
        return np.sort(order[kept])

    def tick(self, places: NDArray[np.int64]) -> None:
        """Tick the photos at these places, besides those that are ticked."""
        if len(places):
            self._tick(places, on=True)

    def cycle(self, image_id: int, step: int) -> None:
        """Show the next candidate of a photo (or the one before), and tick that if it is ticked."""
        candidates = self.candidates_of(image_id)
        if len(candidates) < 2:
            return
        self._shown[image_id] = (self._shown.get(image_id, 0) + step) % len(candidates)
        place = self.listing.place_of[image_id]
        self._note(image_id)
        if self._ticked[place] >= 0:
            self._tick(np.array([place]), on=True)
        self._changed(self.listing.row_of[place], self.listing.row_of[place])
        self.candidates_changed.emit()

    def _changed(self, first: int, last: int) -> None:
        self.dataChanged.emit(self.index(first, 0), self.index(last, len(MissingColumn) - 1))

    # ------------------------------------------------------------------------ Qt model

    def row(self, row: int) -> FolderRow | PhotoRow:
        """How a row is shown."""
        place = self.listing.rows[row]
        if place < 0:
            return self.listing.folders[-1 - place]
        photo = self.listed.photos[place]
        candidate = self.shown_candidate(photo.id)
        candidates = self.candidates_of(photo.id)
        return PhotoRow(
            photo,
            reason_text(self.listed.reason(photo)),
            None if candidate is None else self.found(candidate),
            self._shown.get(photo.id, 0),
            len(candidates),
            photo.id in self._candidates,
            bool(self._ticked[place] >= 0),
        )

    def found(self, candidate: Candidate) -> FoundPhoto | None:
        """A candidate as it is shown; None if it is no longer in the library."""
        images = self._images
        if images is None:
            return None
        at = self._row_of.get(candidate.image_id)
        if at is None:
            return None
        folder = self.listed.folders.get(int(images.folder_ids[at]))
        inner, _slash, name = images.names[at].rpartition("/")
        location = (folder.path if folder is not None else Path()) / inner
        top = folder.path.name if folder is not None else ""
        inside = "/".join(filter(None, (top, inner)))
        return FoundPhoto(candidate, name, location, inside, images.fingerprints[at])

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.listing.rows)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(MissingColumn)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(MissingColumn):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            title = _TITLES[MissingColumn(section)]
            return _(title) if title else ""
        if role == Qt.ItemDataRole.TextAlignmentRole and section == MissingColumn.MATCH:
            return Qt.AlignmentFlag.AlignCenter
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self.listing.rows):
            return None
        if role not in (
            ROW_ROLE,
            Qt.ItemDataRole.DisplayRole,
            Qt.ItemDataRole.ToolTipRole,
            Qt.ItemDataRole.AccessibleTextRole,
        ):
            return None
        row = self.row(index.row())
        if role == ROW_ROLE:
            return row
        if isinstance(row, FolderRow):
            return f"{row.location} · {photos_text(row.photos)}"
        column = MissingColumn(index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return _tip(self.listed, row, column)
        return _text(row, column)


def _tip(listed: MissingList, row: PhotoRow, column: MissingColumn) -> str | None:
    if column is MissingColumn.MISSING:
        return str(listed.location(row.photo) / row.name)
    if column is MissingColumn.FOUND and row.found is not None:
        return str(row.found.location / row.found.name)
    return None


def _text(row: PhotoRow, column: MissingColumn) -> str:
    """Everything that is painted in a cell."""
    if column is MissingColumn.TICK:
        return _("ticked") if row.ticked else _("not ticked")
    if column is MissingColumn.MISSING:
        return " · ".join(filter(None, (row.name, texts.given_text(row.photo), row.reason)))
    if row.found is None:
        if column is MissingColumn.MATCH:
            return ""
        return _("No photo found yet") if row.searched else _("Looking...")
    candidate = row.found.candidate
    if column is MissingColumn.MATCH:
        return texts.why_offered(candidate)
    return f"{row.found.name} · {row.found.inside}"
