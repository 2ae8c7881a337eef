"""The files of each photo: a raw file may be shown as part of another image (Qt-free)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.records import ImageState
from lmpt_desktop.domain.snapshot import Snapshot


@dataclass(frozen=True)
class PhotoFiles:
    """Which files are one photo.

    Attributes:
        shown: image id of the photo, by that of a file that is shown as part of it and is there.
        companions: the other way round.
        names: file names of such a photo, its own included, by its image id.
    """

    shown: dict[int, int] = field(default_factory=dict)
    companions: dict[int, list[int]] = field(default_factory=dict)
    names: dict[int, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, catalogue: Catalogue, snapshot: Snapshot, image_ids: Sequence[int] | None = None
    ) -> PhotoFiles:
        """As they are now: of these images, or of all.  Reads the catalogue."""
        photos = None
        if image_ids is not None:
            shown = catalogue.pairs.shown_for(image_ids)
            photos = sorted({shown.get(image_id, image_id) for image_id in image_ids})
        files = cls()
        for item in catalogue.pairs.companions(photos):
            row = snapshot.row_of.get(item.shown_id)
            if row is None or not item.is_there:
                continue
            files.shown[item.image_id] = item.shown_id
            files.companions.setdefault(item.shown_id, []).append(item.image_id)
            known = files.names.get(item.shown_id) or {_name(snapshot.names[row])}
            files.names[item.shown_id] = frozenset({*known, _name(item.name)})
        return files

    def photo_of(self, image_id: int) -> int:
        """The image that is shown for this one."""
        return self.shown.get(image_id, image_id)

    def with_companions(self, image_ids: Iterable[int]) -> list[int]:
        """These images and the files that are shown as part of them, each once."""
        found: dict[int, None] = {}
        for image_id in image_ids:
            found[image_id] = None
            found.update(dict.fromkeys(self.companions.get(image_id, ())))
        return list(found)

    def together(self, image_id: int) -> frozenset[str]:
        """File names that are one photo with this image's."""
        return self.names.get(self.photo_of(image_id), frozenset())

    def is_there(self, snapshot: Snapshot, image_id: int) -> bool:
        """Whether a file is where the library says."""
        row = snapshot.row_of.get(self.photo_of(image_id))
        return row is not None and snapshot.states[row] != ImageState.MISSING


def _name(path: str) -> str:
    return path.rpartition("/")[2]
