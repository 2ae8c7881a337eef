"""Side files that we wrote and that lie beside their photo no more (Qt-free): it was moved, is
missing, or another picture has its place."""

from __future__ import annotations

import logging
from pathlib import Path

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.side_files import SideFilePlace
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.interchange.photo_files import PhotoFiles
from lmpt_desktop.interchange.xmp.side_files import (
    SUFFIX,
    Naming,
    keywords_from_stored,
    stored_keywords,
)
from trainer import checked_json
from trainer.checked_json import JsonError, Limits

log = logging.getLogger(__name__)

_PART = 5_000


def left_side_files(
    catalogue: Catalogue, snapshot: Snapshot, naming: Naming | None = None
) -> list[SideFilePlace]:
    """Those of one naming, or of all, by image and path."""
    places = catalogue.side_files.places(naming)
    files = PhotoFiles.of(catalogue, snapshot) if places else PhotoFiles()
    left: list[SideFilePlace] = []
    for start in range(0, len(places), _PART):
        part = places[start : start + _PART]
        photos = catalogue.images.paths([place.image_id for place in part])
        left += [
            place
            for place, photo in zip(part, photos, strict=True)
            if not (files.is_there(snapshot, place.image_id) and is_beside(place.path, photo))
        ]
    return left


def keywords_left(catalogue: Catalogue, snapshot: Snapshot) -> dict[Path, dict[str, list[str]]]:
    """What we wrote into them, by list: it says nothing of the pictures beside them."""
    found: dict[Path, dict[str, list[str]]] = {}
    places = left_side_files(catalogue, snapshot)
    for start in range(0, len(places), _PART):
        part = [place.path for place in places[start : start + _PART]]
        for path, record in catalogue.side_files.at(part).items():
            try:
                names = checked_json.parse(record.names, Limits())
                found[path] = stored_keywords(keywords_from_stored(names))
            except JsonError:
                log.warning("what was written to %r is not known any more", path)
    return found


def is_beside(side_file: Path, photo: Path) -> bool:
    """Whether a side file is called after this photo, by either naming."""
    stem = photo.name.rpartition(".")[0] or photo.name
    called = side_file.name.casefold()
    names = (f"{photo.name}{SUFFIX}", f"{stem}{SUFFIX}")
    return side_file.parent == photo.parent and called in map(str.casefold, names)
