"""Two real libraries with pictures in common, for tests of merging."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from paper_library import photo_file

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.records import Source

Said = Mapping[tuple[str, str], int]
"""Verdicts by picture and class."""


@dataclass(frozen=True)
class Made:
    """A library: its folder, and the ids of its images (by name) and classes."""

    folder: Path
    images: Mapping[str, int]
    classes: Mapping[str, int]


def make_library(
    folder: Path,
    pictures: Sequence[str],
    classes: Sequence[str],
    said: Said | None = None,
    *,
    reviewed: Sequence[str] = (),
    machine: Said | None = None,
    copies: Mapping[str, str] | None = None,
) -> Made:
    """Make a library.

    Args:
        folder: where.
        pictures: hashes of its pictures, which are also the names of its images.
        classes: its vocabulary.
        said: verdicts of its user.
        reviewed: images that are reviewed after that.
        machine: verdicts of a machine.
        copies: more images, and the pictures that they show.
    """
    shown = {name: name for name in pictures} | dict(copies or {})
    with Catalogue.open(folder) as catalogue:
        place = catalogue.folders.add(folder / "photos")
        files = [
            photo_file(
                # Not the same path in two libraries: they are matched by picture.
                f"{folder.name}/{name}.jpg",
                fingerprint=f"print {picture}",
                file_hash=f"{folder.name} {name}",
                picture_hash=picture,
            )
            for name, picture in shown.items()
        ]
        ids = catalogue.images.upsert(place.id, files)
        made = Made(
            folder,
            dict(zip(shown, ids, strict=True)),
            {name: catalogue.classes.add(name).id for name in classes},
        )
        say(catalogue, made, said or {})
        say(catalogue, made, machine or {}, Source.MACHINE)
        if reviewed:
            catalogue.annotations.set_reviewed([made.images[name] for name in reviewed], True)
    return made


def say(
    catalogue: Catalogue, made: Made, said: Said, source: Source | Sequence[Source] = Source.USER
) -> None:
    """Give verdicts."""
    if said:
        catalogue.annotations.apply_arrays(
            np.array([made.images[name] for name, _class in said]),
            np.array([made.classes[name] for _image, name in said]),
            np.array(list(said.values()), np.int8),
            source,
        )


def verdicts_of(catalogue: Catalogue, made: Made) -> dict[tuple[str, str], int]:
    """What a library says, by image and class, new classes included."""
    classes = catalogue.classes.all()
    names = {image_id: name for name, image_id in made.images.items()}
    matrix = catalogue.annotations.matrix(sorted(names), [entry.id for entry in classes])
    return {
        (names[image_id], entry.name): int(matrix[row, column])
        for row, image_id in enumerate(sorted(names))
        for column, entry in enumerate(classes)
        if matrix[row, column] >= 0
    }


def contents_of(folder: Path) -> dict[str, bytes]:
    """Every file of a library, byte by byte."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
