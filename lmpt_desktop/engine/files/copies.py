"""Photos that are in the library several times, and giving all copies the same annotations
(Qt-free).

Copies are photos with the same picture, whatever their metadata says.  Where one of them is
annotated and another is not, the verdict is as true of the other.  Where two of them contradict
each other nothing changes, unless the user chooses for the group whose verdicts count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.records import ImageIds
from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.library_state import LibraryState

LEAVE = -1
"""Choice for a group: contradictions stay."""
NEWEST = 0
"""Choice for a group: of contradicting verdicts the newest counts.  Any other choice is the id of
the image whose verdicts count."""


@dataclass(frozen=True, eq=False)
class CopyPlan:
    """What giving all copies the same annotations changes.

    Attributes:
        image_ids, class_ids: (n,) int64, the cells that change.
        verdicts: (n,) int8, what they become.
        reviewed_ids: (k,) int64, images that get the reviewed mark.
        was: (n,) int8, the verdicts now.
        contradictions: (group, class) pairs that contradict and are left alone.
    """

    image_ids: NDArray[np.int64]
    class_ids: NDArray[np.int64]
    verdicts: NDArray[np.int8]
    reviewed_ids: NDArray[np.int64]
    was: NDArray[np.int8]
    contradictions: int

    def __len__(self) -> int:
        return len(self.image_ids) + len(self.reviewed_ids)

    @property
    def reversed(self) -> int:
        """How many verdicts become the opposite."""
        return int((self.was >= 0).sum())

    @property
    def added(self) -> int:
        """How many annotations are added."""
        return int((self.was < 0).sum())

    @property
    def added_images(self) -> int:
        """To how many images annotations are added."""
        return len(np.unique(self.image_ids[self.was < 0]))

    @property
    def images(self) -> int:
        """How many images change."""
        return len(np.unique(np.concatenate([self.image_ids, self.reviewed_ids])))

    def same_as(self, other: CopyPlan) -> bool:
        """Whether both change the same cells in the same way."""
        return all(
            np.array_equal(getattr(self, name), getattr(other, name))
            for name in ("image_ids", "class_ids", "verdicts", "reviewed_ids")
        )


@dataclass(frozen=True, eq=False)
class CopySurvey:
    """The copies in the library and what their annotations differ in, at one moment.

    Images are in groups, one after another; m images, g groups, C classes.

    Attributes:
        classes: the vocabulary.
        image_ids: (m,) int64.
        starts: (g,) int64, where each group begins.
        paths: m absolute paths, of which the last parts are separated by "/".
        fingerprints: m keys of thumbnails.
        verdicts: (m, C) int8.
        reviewed: (m,) bool.
        newest: (g, C) int8, the verdict that was given last where they contradict, else -1.
        unread: photos of which it is not known yet whether they have copies.
    """

    classes: tuple[ClassEntry, ...]
    image_ids: NDArray[np.int64]
    starts: NDArray[np.int64]
    paths: list[str]
    fingerprints: list[str]
    verdicts: NDArray[np.int8]
    reviewed: NDArray[np.bool_]
    newest: NDArray[np.int8]
    unread: int

    def __len__(self) -> int:
        return len(self.starts)

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        """(m,) the group of each image."""
        return np.repeat(np.arange(len(self.starts)), self.sizes)

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """(g,) how many copies each group has."""
        return np.diff(np.append(self.starts, len(self.image_ids)))

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """(g, C) whether any copy says present."""
        return self._any(self.verdicts == 1)

    @cached_property
    def absent(self) -> NDArray[np.bool_]:
        """(g, C) whether any copy says absent."""
        return self._any(self.verdicts == 0)

    @cached_property
    def contradicting(self) -> NDArray[np.bool_]:
        """(g, C) whether copies contradict each other."""
        return self.present & self.absent

    @cached_property
    def contradictions(self) -> NDArray[np.int64]:
        """(g,) in how many classes the copies contradict each other."""
        return self.contradicting.sum(axis=1)

    @cached_property
    def differing(self) -> NDArray[np.bool_]:
        """(g, C) whether copies differ."""
        unknown = self._any(self.verdicts < 0)
        return self.contradicting | ((self.present | self.absent) & unknown)

    @cached_property
    def to_add(self) -> NDArray[np.int64]:
        """(g,) how many annotations are added where nothing contradicts."""
        target = np.where(self.present, 1, np.where(self.absent, 0, -1))
        target[self.contradicting] = -1
        fills = (target[self.groups] >= 0) & (self.verdicts < 0)
        return self._sum(fills.sum(axis=1))

    @cached_property
    def marks_differ(self) -> NDArray[np.bool_]:
        """(g,) whether some copies are reviewed and others are not."""
        return self._any(self.reviewed) & self._any(~self.reviewed)

    def compute(self) -> None:
        """Compute what is computed once, so that the window need not."""
        for values in (self.differing, self.to_add, self.marks_differ, self.contradictions):
            values.flags.writeable = False

    def members(self, group: int) -> range:
        """The places of a group's images."""
        first = int(self.starts[group])
        return range(first, first + int(self.sizes[group]))

    def plan(self, choices: Mapping[int, int]) -> CopyPlan:
        """What changes if all copies get the same annotations.

        Args:
            choices: what counts where copies contradict, by group: ``LEAVE`` (also where a group is
                left out), ``NEWEST``, or an image id.
        """
        target = np.where(self.present, 1, np.where(self.absent, 0, -1)).astype(np.int8)
        target[self.contradicting] = -1
        newest = np.array([g for g, choice in choices.items() if choice == NEWEST], np.int64)
        cells = self.contradicting[newest]
        target[newest] = np.where(cells, self.newest[newest], target[newest])
        for group, image_id in choices.items():
            if image_id > NEWEST:
                members = self.members(group)
                place = members[self.image_ids[members].tolist().index(image_id)]
                cells = self.contradicting[group]
                target[group, cells] = self.verdicts[place, cells]
        becomes = target[self.groups]
        changes = (becomes >= 0) & (becomes != self.verdicts)
        row, column = np.nonzero(changes)
        after = np.where(changes, becomes, self.verdicts)
        class_ids = np.array([entry.id for entry in self.classes], np.int64)
        return CopyPlan(
            image_ids=self.image_ids[row],
            class_ids=class_ids[column],
            verdicts=becomes[row, column],
            reviewed_ids=self.image_ids[self._marked(after)],
            was=self.verdicts[row, column],
            contradictions=int((self.contradicting & (target < 0)).sum()),
        )

    def _marked(self, after: NDArray[np.int8]) -> NDArray[np.bool_]:
        """(m,) which images get the reviewed mark of a copy: those that then know all it knows."""
        known = self._any((after >= 0) & self.reviewed[:, None])[self.groups]
        complete = ((after >= 0) | ~known).all(axis=1)
        return self._any(self.reviewed)[self.groups] & ~self.reviewed & complete

    def _any(self, values: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Of each group, whether it holds of any image."""
        if not len(self.starts):
            return np.zeros((0, *values.shape[1:]), np.bool_)
        return np.logical_or.reduceat(values, self.starts, axis=0)

    def _sum(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.add.reduceat(values, self.starts) if len(self.starts) else values[:0]


class Copies:
    """Finds copies, and what their annotations differ in."""

    def __init__(self, catalogue: Catalogue, state: LibraryState) -> None:
        self._catalogue = catalogue
        self._state = state

    def survey(self, image_ids: ImageIds | None = None) -> CopySurvey:
        """Find copies in the whole library, or those of these images.  Reads the catalogue.

        Raises:
            CatalogueError: if it cannot be read.
        """
        snapshot = self._state.snapshot
        finder = self._catalogue.same_pictures
        found = finder.groups(image_ids)
        places, starts, image_ids = _shown(snapshot, found.image_ids, found.starts)
        verdicts = snapshot.annotations[places]
        folders = {folder.id: folder.path for folder in self._catalogue.folders.all()}
        images = snapshot.images
        survey = CopySurvey(
            classes=snapshot.classes,
            image_ids=image_ids,
            starts=starts,
            paths=[
                f"{folders.get(folder_id, '')}/{images.names[row]}"
                for row, folder_id in zip(
                    places.tolist(), images.folder_ids[places].tolist(), strict=True
                )
            ],
            fingerprints=[images.fingerprints[row] for row in places.tolist()],
            verdicts=verdicts,
            reviewed=snapshot.reviewed[places],
            newest=np.full((len(starts), len(snapshot.classes)), -1, np.int8),
            unread=finder.unread(),
        )
        self._find_newest(survey)
        survey.compute()
        return survey

    def _find_newest(self, survey: CopySurvey) -> None:
        """Fill in the newest verdicts; only what contradicts is read."""
        contradicts = survey.contradictions > 0
        groups = np.flatnonzero(contradicts)
        columns = np.flatnonzero(survey.contradicting.any(axis=0))
        if not len(groups):
            return
        members = np.flatnonzero(contradicts[survey.groups])
        given_at = self._catalogue.same_pictures.given_at(
            survey.image_ids[members], [survey.classes[column].id for column in columns.tolist()]
        )
        verdicts = survey.verdicts[members][:, columns]
        starts = np.cumsum(survey.sizes[groups]) - survey.sizes[groups]
        latest = np.maximum.reduceat(given_at, starts, axis=0)
        # Of two at the same moment (an import, say) present counts: absent is the weaker claim.
        is_latest = (given_at == np.repeat(latest, survey.sizes[groups], axis=0)) & (verdicts == 1)
        present = np.logical_or.reduceat(is_latest, starts, axis=0)
        survey.newest[np.ix_(groups, columns)] = present
        survey.newest[~survey.contradicting] = -1


def _shown(
    snapshot: Snapshot, image_ids: NDArray[np.int64], starts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the snapshot, starts of groups and image ids, without images that are not in the
    snapshot (yet) and groups of which only one is."""
    rows = snapshot.rows(image_ids)
    sizes = np.diff(np.append(starts, len(image_ids)))
    group = np.repeat(np.arange(len(starts)), sizes)
    known = rows >= 0
    left = np.bincount(group[known], minlength=len(starts))
    keep = known & (left > 1)[group]
    sizes = left[left > 1]
    return rows[keep], np.cumsum(sizes) - sizes, image_ids[keep]
