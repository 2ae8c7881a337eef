"""Figures of catalogue, scan, features and predictions; see ``scale.py``."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from parts.figures import Figures, resident_mb
from parts.library import (
    BACKBONE,
    CLASSES,
    DIM,
    WINDOW_OFFSET,
    Place,
    add_features,
    annotate,
    unit_rows,
)

from lmpt_desktop.catalogue import Catalogue, Change
from lmpt_desktop.catalogue.backups import back_up
from lmpt_desktop.catalogue.opening import CATALOGUE_NAME, SHUTDOWN_RECORD_NAME
from lmpt_desktop.inference.predict import predict, predict_columns
from lmpt_desktop.inference.queues import Features
from lmpt_desktop.inference.weights import ClassWeights
from lmpt_desktop.inference.window_cosines import WindowCosines, library_cosines
from lmpt_desktop.ingest import scan, sync

MANY_CLASSES = 1000


def measure(place: Place, figures: Figures) -> None:
    """Everything that needs no window."""
    catalogue = Catalogue.open(place.library, exclusive=True)
    with catalogue:
        (folder,) = catalogue.folders.all()
        measure_scan(catalogue, folder.id, place, figures)
        measure_changes(catalogue, figures)
        ids = catalogue.images.table().ids
        figures.add("annotations, long-tailed", annotate(catalogue, ids), "verdicts")
        classes = [entry.id for entry in catalogue.classes.all()]
        figures.timed("read all annotations", lambda: catalogue.annotations.matrix(ids, classes))
        figures.timed("append all features", lambda: add_features(catalogue, ids), rounds=1)
        before = resident_mb()
        loaded, features = figures.timed(
            f"features resident, {DIM}-d half precision",
            lambda: catalogue.features.load(BACKBONE),
            1.0,
        )
        assert features.shape == (len(ids), DIM) and len(loaded) == len(ids)
        figures.add("memory of the features", resident_mb() - before, "MB")
        missing = figures.timed(
            "which images lack a feature", lambda: catalogue.features.missing(BACKBONE)
        )
        assert not len(missing)
        figures.timed("image table", catalogue.images.table)
        measure_predictions(features, figures)
        measure_windows(catalogue, Features(loaded, features), figures)
    figures.timed("open the catalogue again", lambda: _reopen(place.library))
    (place.library / SHUTDOWN_RECORD_NAME).unlink()
    figures.timed("open it with the whole file checked", lambda: _reopen(place.library), rounds=1)
    copy = figures.timed(
        "daily copy (in the background)",
        lambda: back_up(place.library / CATALOGUE_NAME, "daily"),
        rounds=1,
    )
    figures.add("size of the catalogue", copy.stat().st_size / 1e6, "MB")


def _reopen(library: Path) -> None:
    Catalogue.open(library, exclusive=True).close()


def measure_scan(catalogue: Catalogue, folder_id: int, place: Place, figures: Figures) -> None:
    def look() -> int:
        known = catalogue.images.known(folder_id)
        return sum(len(batch.unchanged) for batch in scan(place.photos, known))

    assert look() == place.count  # the first walk also pays for what is not cached
    figures.timed("scan, all unchanged", look, 3.0)
    report = figures.timed(
        "scan and compare with the catalogue, all unchanged",
        lambda: sync(catalogue, folder_id),
        3.0,
    )
    assert report.unchanged == place.count


def measure_changes(catalogue: Catalogue, figures: Figures) -> None:
    """Many at once, each in one transaction that is on disk when it returns."""
    ids = catalogue.images.table().ids.tolist()
    entries = catalogue.classes.all()
    some = ids[: min(10_000, len(ids))]
    said = f"{len(some):,} images"
    batches = []

    def annotate_some() -> None:
        batches.append(catalogue.annotations.apply([Change(i, entries[0].id, 1) for i in some]))
        assert len(batches[-1]) == len(some)

    def undo() -> None:
        assert len(catalogue.annotations.undo(batches.pop())) == len(some)

    for number in range(2):
        figures.timed(f"annotate {said}", annotate_some, 1.0, rounds=1)
        figures.timed(f"undo annotating {said}", undo, 1.0, rounds=1)
        if number:
            break
    step = iter(range(1000))
    figures.timed(
        "one correction, on disk",
        lambda: catalogue.annotations.apply([Change(ids[next(step)], entries[1].id, 1)]),
        rounds=51,
    )
    what = f"{said} x {CLASSES} classes"
    batch = figures.timed(
        f"review {what}",
        lambda: catalogue.annotations.set_reviewed(some, True),
        1.0,
        rounds=1,
    )
    assert len(batch.reviewed_ids) == len(some)
    figures.timed(
        f"undo reviewing {what}", lambda: catalogue.annotations.undo(batch), 1.0, rounds=1
    )


def measure_predictions(features: np.ndarray, figures: Figures) -> None:
    for classes, budget in ((CLASSES, 0.3), (MANY_CLASSES, 3.0)):
        weights = _weights(classes)
        scores = figures.timed(
            f"all predictions, {classes:,} classes",
            lambda w=weights: predict(features, w),
            budget,
            rounds=5,
        )
        assert scores.shape == (len(features), classes)


def measure_windows(catalogue: Catalogue, features: Features, figures: Figures) -> None:
    """Predictions with windows, which are read from the catalogue where they are new to a class."""
    weights = _weights(CLASSES)
    embeddings = weights.embeddings
    weights = replace(weights, window_embeddings=embeddings, window_offset=WINDOW_OFFSET)
    read = partial(catalogue.features.windows, BACKBONE)

    def from_scratch() -> WindowCosines:
        found = library_cosines(features, embeddings, read)
        predict(features.matrix, weights, found)
        return found

    said = f"all predictions with windows, {CLASSES:,} classes"
    figures.timed(f"{said}: windows read", lambda: list(map(len, read(None))), rounds=3)
    before = resident_mb()
    cosines = figures.timed(f"{said}: from scratch", from_scratch, 1.0, rounds=3)
    assert cosines.windowed.all()
    figures.add("memory of the window cosines", resident_mb() - before, "MB")
    figures.timed(
        f"{said}: known windows",
        lambda: predict(features.matrix, weights, cosines),
        0.3,
        rounds=5,
    )
    one = np.array([3])
    figures.timed(
        "predictions of one class with known windows",
        lambda: predict_columns(features.matrix, weights, one, cosines),
        0.1,
        rounds=5,
    )
    more = np.concatenate([embeddings, unit_rows(np.random.default_rng(8), 1)])
    figures.timed(
        "windows of one more class",
        lambda: library_cosines(features, more, read, (embeddings, cosines)),
        rounds=3,
    )


def _weights(classes: int) -> ClassWeights:
    return ClassWeights(
        unit_rows(np.random.default_rng(3), classes),
        np.full(classes, 20.0, np.float32),
        np.full(classes, -2.0, np.float32),
        np.full(classes, 0.5, np.float32),
        np.zeros(classes, np.bool_),
    )
