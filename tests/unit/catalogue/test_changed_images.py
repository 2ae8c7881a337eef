"""What a session reads again after a scan has written: never less than what changed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from paper_library import photo_file

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.changed_images import ChangedImages, updated
from lmpt_desktop.domain.records import ImageTable, ScannedFile
from lmpt_desktop.domain.texts import Texts

AddImages = Callable[[int], list[int]]
NAMES = [f"{folder}{number}.jpg" for folder in ("", "in/", "in/deep/") for number in range(4)]
NAME = st.sampled_from(NAMES)
PLACE = st.sampled_from(["photos", "photos/in", "other"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("found"), PLACE, st.lists(NAME, min_size=1, max_size=4, unique=True)),
        st.tuples(st.just("moved"), PLACE, NAME),
        st.tuples(st.just("displaced"), PLACE, NAME),
        st.tuples(st.sampled_from(["missing", "back", "unreadable"]), st.integers(0, 20)),
        st.tuples(st.sampled_from(["removed", "added", "relocated"]), PLACE),
        st.tuples(st.just("beat")),
    ),
    max_size=14,
)


@contextmanager
def fresh_catalogue() -> Iterator[Catalogue]:
    folder = Path(tempfile.mkdtemp())
    try:
        with Catalogue.open(folder / "library") as catalogue:
            yield catalogue
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def same(one: ImageTable, other: ImageTable) -> bool:
    return all(
        np.array_equal(getattr(one, item.name), getattr(other, item.name)) for item in fields(one)
    )


class Library:
    """A catalogue that is written to, and the table that is kept up to date with it."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.root = catalogue.library_folder.parent
        self.shown = catalogue.images.table()
        self.serial = 0

    def step(self, what: str, *about: Any) -> None:
        self.serial += 1
        getattr(self, what)(*about)

    def beat(self) -> None:
        touched = self.catalogue.images.changed.take()
        if touched.everything:
            self.shown = self.catalogue.images.table()
        else:
            part = self.catalogue.images.table(ids=touched.ids)
            self.shown = updated(self.shown, touched.ids, part)

    def added(self, place: str) -> None:
        self.catalogue.folders.add(self.root / place)

    def removed(self, place: str) -> None:
        for folder_id in self._folder(place):
            self.catalogue.folders.remove(folder_id)

    def relocated(self, place: str) -> None:
        for folder_id in self._folder(place):
            self.catalogue.folders.relocate(folder_id, self.root / f"elsewhere {self.serial}")

    def _file(self, name: str) -> ScannedFile:
        return photo_file(name, size=self.serial)

    def found(self, place: str, names: list[str]) -> None:
        for folder_id in self._folder(place):
            self.catalogue.images.upsert(folder_id, [self._file(name) for name in names])

    def displaced(self, place: str, name: str) -> None:
        for folder_id in self._folder(place):
            self.catalogue.images.upsert(folder_id, [self._file(name)], {}, [name])

    def moved(self, place: str, name: str) -> None:
        for folder_id in self._folder(place):
            for image_id in self._image(self.serial):
                self.catalogue.images.upsert(folder_id, [self._file(name)], {name: image_id})

    def missing(self, number: int) -> None:
        self.catalogue.images.mark_missing(self._image(number))

    def back(self, number: int) -> None:
        self.catalogue.images.mark_found(self._image(number))

    def unreadable(self, number: int) -> None:
        for image_id in self._image(number):
            self.catalogue.images.mark_unreadable(image_id, "It is no photo.")

    def _folder(self, place: str) -> list[int]:
        path = self.root / place
        return [item.id for item in self.catalogue.folders.all(hidden=True) if item.path == path]

    def _image(self, number: int) -> list[int]:
        ids = self.shown.ids.tolist()
        return [ids[number % len(ids)]] if ids else []


@settings(deadline=None, max_examples=examples(40))
@given(STEPS)
def test_reading_only_what_was_touched_gives_the_whole_table(steps: list[tuple[Any, ...]]) -> None:
    with fresh_catalogue() as catalogue:
        library = Library(catalogue)
        for step in [("added", "photos"), *steps, ("beat",)]:
            library.step(*step)
        assert same(library.shown, catalogue.images.table())
        assert not catalogue.images.changed.take()


def table_of(versions: dict[int, int]) -> ImageTable:
    """A table in which every column of an image tells its version."""
    ids = np.array(sorted(versions), np.int64)
    values = np.array([versions[i] for i in ids.tolist()], np.int64)
    return ImageTable(
        ids=ids,
        folder_ids=values,
        states=values.astype(np.int8),
        sizes=values + 1,
        mtime=values + 2,
        taken=values + 3,
        widths=values.astype(np.int32),
        heights=values.astype(np.int32),
        names=Texts.of(f"{i} {v}.jpg" for i, v in zip(ids.tolist(), values.tolist(), strict=True)),
        fingerprints=Texts.of(f"{v:032x}" for v in values.tolist()),
        edited=values % 2 == 1,
    )


VERSIONS = st.dictionaries(st.integers(1, 12), st.integers(0, 4))


@given(VERSIONS, VERSIONS)
def test_rows_come_go_and_change(before: dict[int, int], after: dict[int, int]) -> None:
    differ = [i for i in {*before, *after} if before.get(i) != after.get(i)]
    part = table_of({i: after[i] for i in differ if i in after})
    table = table_of(before)
    assert same(updated(table, np.array(sorted(differ), np.int64), part), table_of(after))
    assert same(table, table_of(before)), "a table that was handed out must not change"


def test_changes_of_a_transaction_are_noted_after_its_commit(
    catalogue: Catalogue, add_images: AddImages
) -> None:
    first, *_ = add_images(2)
    touched = catalogue.images.changed
    touched.take()
    with catalogue.transaction():
        catalogue.images.mark_missing([first])
        assert not touched.take(), "nobody could read it yet"
    assert touched.take().ids.tolist() == [first]


def test_a_write_that_failed_does_not_hide_the_next(
    catalogue: Catalogue, add_images: AddImages
) -> None:
    first, second = add_images(2)
    touched = catalogue.images.changed
    touched.take()
    with pytest.raises(RuntimeError), catalogue.transaction():
        catalogue.images.mark_missing([first])
        raise RuntimeError
    catalogue.images.mark_missing([second])
    assert second in touched.take().ids.tolist()


def test_what_could_not_be_read_is_given_back() -> None:
    touched = ChangedImages()
    touched.note([3, 1])
    found = touched.take()
    assert found.ids.tolist() == [1, 3]
    assert not found.everything
    touched.note([2])
    touched.put_back(replace(found, everything=True))
    again = touched.take()
    assert again.ids.tolist() == [1, 2, 3]
    assert again.everything
