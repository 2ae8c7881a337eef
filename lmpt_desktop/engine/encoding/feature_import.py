"""Features that ``lmpt-trainer encode-folder`` has made come into a library (Qt-free)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.engine.encoding.model_facts import ModelFacts, setting_name
from lmpt_desktop.translation import _
from trainer.feature_folder import FeatureFolderError, ShardHeader, read_shard, shard_paths


@dataclass
class FeatureImport:
    """What was imported.

    Attributes:
        backbone: of the features.
        pictures: features in the folder.
        photos: of the library that got one.
        known: of the library that had one already.
        unmatched: pictures that no photo of the library shows.
    """

    backbone: str = ""
    pictures: int = 0
    photos: int = 0
    known: int = 0
    unmatched: int = 0


def import_features(
    catalogue: Catalogue, folder: Path, progress: Callable[[int, int], None]
) -> FeatureImport:
    """Give the photos of a library the features of their pictures, as far as they lack them.

    A feature belongs to every photo of its fingerprint: the picture as it is shown.  Each shard is
    committed by itself, so that whatever ends this, the next call goes on behind it.

    Args:
        catalogue: of the library.
        folder: of features; it may be unfinished.
        progress: called with the shards done and all shards.

    Raises:
        FeatureFolderError: if a shard is damaged, or the features are of another version of the
            backbone than the library's; earlier shards stay imported.
        CatalogueError: if they cannot be stored.
    """
    result = FeatureImport()
    paths = shard_paths(folder)
    if not paths:
        raise FeatureFolderError(f"{folder} has no features.")
    current: set[int] | None = None
    made_with: tuple[str, int] | None = None
    for done, path in enumerate(paths):
        progress(done, len(paths))
        header, arrays = read_shard(path)
        found = (header.backbone.backbone, header.backbone.dim)
        made_with = made_with or found
        if current is None:
            result.backbone = header.backbone.backbone
            _take_facts(catalogue, header)
            current = _current(catalogue, header)
        elif found != made_with:
            raise FeatureFolderError(f"{folder} has shards of different backbones.")
        of_rows = [item for item in header.photos if item.row >= 0]
        photos = catalogue.images.shown_as(item.fingerprint for item in of_rows)
        result.pictures += len(of_rows)
        result.unmatched += sum(item.fingerprint not in photos for item in of_rows)
        pairs = [
            (image_id, item) for item in of_rows for image_id in photos.get(item.fingerprint, ())
        ]
        lacking = [(image_id, item) for image_id, item in pairs if image_id not in current]
        result.known += len(pairs) - len(lacking)
        rows = np.array([item.row for _id, item in lacking], np.int64)
        result.photos += catalogue.features.append(
            result.backbone,
            np.array([image_id for image_id, _item in lacking], np.int64),
            arrays.features[rows],
            arrays.windows[rows] if arrays.windows.shape[1] else None,
            made_of=[item.fingerprint for _id, item in lacking],
        )
        current.update(image_id for image_id, _item in lacking)
    progress(len(paths), len(paths))
    return result


def _take_facts(catalogue: Catalogue, header: ShardHeader) -> None:
    """Keep what the encoder said of its backbone, if nothing is known of it yet.

    Raises:
        FeatureFolderError: if the library knows another version of the backbone.
    """
    facts = ModelFacts.of(header.backbone)
    name = setting_name(header.backbone.backbone)
    known = ModelFacts.from_setting(catalogue.settings.get(name))
    if known is None:
        catalogue.settings.set(name, facts.to_setting())
    elif (known.dim, known.variant) != (facts.dim, facts.variant):
        raise FeatureFolderError(
            _(
                "The library has features by another version of the backbone {backbone}. Encode "
                "the photos again with this version."
            ).format(backbone=header.backbone.backbone)
        )


def _current(catalogue: Catalogue, header: ShardHeader) -> set[int]:
    """Images that need no feature: they have one, with windows if the backbone makes them."""
    features, backbone = catalogue.features, header.backbone.backbone
    if header.backbone.windows:
        return set(features.with_windows(backbone).tolist())
    return features.ids(backbone)
