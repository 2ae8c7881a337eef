"""A large synthetic library: photos, catalogue, features, annotations and thumbnails.

The photos are hard links to a few dozen drawn JPEGs (copies where links are not possible); the
catalogue is written as a scan and an encoder would have written it, with random features and
long-tailed annotations.
"""

from __future__ import annotations

import io
import os
import shutil
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from lmpt_desktop.catalogue import Catalogue, Change
from lmpt_desktop.domain.photo_details import NO_DETAILS
from lmpt_desktop.domain.records import ScannedFile
from lmpt_desktop.engine.encoding.model_facts import ModelFacts, setting_name
from lmpt_desktop.ingest import ThumbnailStore
from trainer.windows import BOXES

BACKBONE = "lite"
DIM, CLASSES = 512, 80
WINDOW_OFFSET = 0.05
PER_FOLDER = 1000
DRAWN = 64
THUMBNAIL = 160


@dataclass(frozen=True)
class Place:
    """Where a synthetic library lies."""

    photos: Path
    library: Path
    count: int


def unit_rows(random: np.random.Generator, n: int, dim: int = DIM) -> np.ndarray:
    """(n, dim) float32 random directions."""
    drawn = random.standard_normal((n, dim), dtype=np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def draw(size: tuple[int, int], number: int) -> bytes:
    """A JPEG with soft shapes and some grain, about as hard to decode as a photo."""
    random = np.random.default_rng(number)
    coarse = random.integers(0, 255, (9, 12, 3), np.uint8)
    image = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
    grain = random.normal(0, 5, (size[1], size[0], 1))
    pixels = (np.asarray(image, np.float32) + grain).clip(0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=85)
    return file.getvalue()


def make_photos(folder: Path, count: int, size: tuple[int, int], per_folder: int) -> list[str]:
    """``count`` files; their relative paths."""
    drawn = folder.parent / f"{folder.name}-drawn"
    drawn.mkdir(parents=True)
    sources = []
    for number in range(min(DRAWN, count)):
        sources.append(drawn / f"{number}.jpg")
        sources[-1].write_bytes(draw(size, number))
    names = []
    for number in range(count):
        name = f"{number // per_folder:04d}/photo {number:06d}.jpg"
        path = folder / name
        if number % per_folder == 0:
            path.parent.mkdir(parents=True)
        try:
            os.link(sources[number % len(sources)], path)
        except OSError:  # no links here, or too many of one file
            shutil.copyfile(sources[number % len(sources)], path)
        names.append(name)
    return names


def make_catalogue(
    place: Path, count: int, size: tuple[int, int] = (320, 240), *, classes: int = CLASSES
) -> Place:
    """Files of this width and height, and a catalogue that knows them; no annotation and no
    feature yet."""
    made = Place(place / "photos", place / "library", count)
    names = make_photos(made.photos, count, size, PER_FOLDER)
    files = []
    for number, name in enumerate(names):
        status = (made.photos / name).stat()
        files.append(
            ScannedFile(
                name,
                status.st_size,
                status.st_mtime_ns,
                fingerprint=f"{number + 1:032x}",
                width=size[0],
                height=size[1],
                ctime_ns=status.st_ctime_ns,
                file_hash=f"{number + 1:032x}",
                picture_hash=f"{number + 1:032x}",
                details=NO_DETAILS,
            )
        )
    with Catalogue.open(made.library, exclusive=True) as catalogue:
        folder = catalogue.folders.add(made.photos)
        catalogue.images.upsert(folder.id, files)
        for number in range(classes):
            catalogue.classes.add(f"class {number}")
    return made


def add_features(catalogue: Catalogue, ids: np.ndarray) -> None:
    """Random features and windows, the classes' text embeddings, and what is known of the
    backbone."""
    random = np.random.default_rng(1)
    for start in range(0, len(ids), 4096):
        part = ids[start : start + 4096]
        size = len(part), len(BOXES), DIM
        windows = random.integers(-127, 127, size, np.int8, endpoint=True)
        catalogue.features.append(BACKBONE, part, unit_rows(random, len(part)), windows)
    facts = ModelFacts(
        DIM, 20.0, -2.0, ("{}",), "CPU", windows=len(BOXES), window_offset=WINDOW_OFFSET
    )
    catalogue.settings.set(setting_name(BACKBONE), facts.to_setting())
    names = [entry.name for entry in catalogue.classes.all()]
    vectors = unit_rows(random, len(names))
    catalogue.features.put_texts(BACKBONE, dict(zip(names, vectors, strict=True)), facts.variant)


def annotate(catalogue: Catalogue, ids: np.ndarray) -> int:
    """Long-tailed verdicts on a fifth of the images: class i has a count that falls from an
    eighth of all images to a few; returns how many verdicts that is."""
    random = np.random.default_rng(2)
    entries = catalogue.classes.all()
    most = max(8, len(ids) // 8)
    changes = []
    for entry, count in zip(entries, np.geomspace(most, 4, len(entries)), strict=True):
        chosen = random.choice(ids, int(count), replace=False)
        verdicts = random.random(len(chosen)) < 0.7
        changes += [
            Change(int(i), entry.id, int(verdict))
            for i, verdict in zip(chosen, verdicts, strict=True)
        ]
    return len(catalogue.annotations.apply(changes))


def add_thumbnails(place: Place) -> None:
    """A thumbnail of every image, as if each had been looked at."""
    store = ThumbnailStore(place.library)
    jpegs = [draw((160, 120), number) for number in range(min(DRAWN, place.count))]
    store.get("none", THUMBNAIL)  # makes the file
    store.close()
    with sqlite3.connect(place.library / "thumbnails.sqlite", isolation_level=None) as file:
        file.execute("BEGIN")
        file.executemany(
            "INSERT INTO thumbnails (fingerprint, size, used, jpeg) VALUES (?, ?, ?, ?)",
            (
                (f"{n + 1:032x}", THUMBNAIL, time.time_ns(), jpegs[n % len(jpegs)])
                for n in range(place.count)
            ),
        )
        file.execute("COMMIT")
    file.close()
