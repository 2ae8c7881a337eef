"""A library in which five photos are missing, for the page about them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from paper_library import photo_file
from ui_libraries import draw_photo

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.records import Change
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.encoding.feature_rows import FeatureRows

SAME, NAMED, ALIKE, LONELY, KEPT = range(1, 6)
"""Ids of the missing images: the same picture is there, the same name, one that looks alike, none;
KEPT has a thumbnail in the store, and another photo has its place."""
COPY, OTHER_NAMED, OTHER_ALIKE, STRANGER = range(6, 10)

_FILES = {
    SAME: ("trip/day 1/same.jpg", "same", [1, 0, 0, 0, 0, 0]),
    NAMED: ("trip/day 1/named.jpg", "named", [0, 1, 0, 0, 0, 0]),
    ALIKE: ("trip/day 2/alike.jpg", "alike", [0, 0, 1, 0, 0, 0]),
    LONELY: ("trip/day 2/lonely.jpg", "lonely", None),
    KEPT: ("kept.jpg", "kept", None),
    COPY: ("copy.jpg", "same", [1, 0, 0, 0, 0, 0]),
    OTHER_NAMED: ("elsewhere/named.jpg", "n2", [0, 1, 0.05, 0, 0, 0]),
    OTHER_ALIKE: ("elsewhere/other.jpg", "a2", [0, 0, 1, 0, 0, 0.1]),
    STRANGER: ("elsewhere/stranger.jpg", "s2", [0, 0, 0, 0, 1, 0]),
}


def make_missing_library(library: Path, photos: Path) -> None:
    """Two classes: the first is present in every missing photo, the second absent in two."""
    with Catalogue.open(library) as catalogue:
        folder = catalogue.folders.add(photos)
        for name in ("dog", "person"):
            catalogue.classes.add(name)
        for image_id, (name, picture, _feature) in _FILES.items():
            if image_id > KEPT:
                draw_photo(photos / name, image_id)
            file = photo_file(
                name, fingerprint=f"print {name}", picture_hash=picture, file_hash=picture
            )
            assert catalogue.images.upsert(folder.id, [file]) == [image_id]
        missing = [SAME, NAMED, ALIKE, LONELY, KEPT]
        catalogue.annotations.apply([Change(i, 1, Verdict.PRESENT) for i in missing])
        catalogue.annotations.apply([Change(i, 2, Verdict.ABSENT) for i in (SAME, NAMED)])
        catalogue.images.mark_missing(missing)


def features() -> FeatureRows:
    """Of those images that have one."""
    known = {i: vector for i, (_name, _picture, vector) in _FILES.items() if vector is not None}
    matrix = np.array(list(known.values()), np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    return FeatureRows.of(np.array(list(known), np.int64), matrix.astype(np.float16))
