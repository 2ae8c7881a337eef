"""Images and folders: found, changed, moved, gone."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmpt_desktop.catalogue import Catalogue, Change, FolderOverlaps, NotInCatalogue
from lmpt_desktop.catalogue.stored_paths import displaced, from_stored, to_stored
from lmpt_desktop.domain.records import NO_DATE, CaptionSource, ImageState

AddImages = Callable[[int], list[int]]


@given(
    st.text(
        st.one_of(
            st.characters(exclude_categories=["Cs"], exclude_characters="/\0"),
            st.integers(0xDC80, 0xDCFF).map(chr),
            st.just("/"),
        ),
        min_size=1,
    ).map(lambda path: "/".join(part for part in path.split("/") if part))
)
def test_any_file_name_is_stored_and_comes_back(path: str) -> None:
    stored = to_stored(path)
    stored.encode("utf-8")  # what SQLite needs
    assert from_stored(stored) == path
    assert from_stored(displaced(stored, 7)) == path


def test_two_names_never_share_a_stored_text() -> None:
    paths = ["a", "a/b", "a\udce9", "a/dce9", "a/\udce9", "~1", "a/~1"]
    assert len({to_stored(path) for path in paths}) == len(paths)


def test_details_hold_every_column(catalogue: Catalogue, tmp_path: Path, make_file) -> None:
    folder = catalogue.folders.add(tmp_path)
    file = make_file(
        "trip/\udce9t\u00e9.jpg",
        size=5,
        fingerprint="ab" * 16,
        taken="2019-05-04T13:22:10",
        caption="a cat",
        caption_source="embedded",
    )
    (image_id,) = catalogue.images.upsert(folder.id, [file])
    image = catalogue.images.details(image_id)
    assert image.path == tmp_path / "trip" / "\udce9t\u00e9.jpg"
    assert os.fsencode(image.path).endswith(b"trip/\xe9t\xc3\xa9.jpg")
    assert (image.width, image.height, image.size) == (640, 480, 5)
    assert image.taken == datetime(2019, 5, 4, 13, 22, 10)
    assert (image.caption, image.caption_source) == ("a cat", CaptionSource.EMBEDDED)
    assert image.state is ImageState.OK
    assert catalogue.images.paths([image_id]) == [image.path]
    assert catalogue.images.captions([image_id]) == {image_id: "a cat"}
    for call in (catalogue.images.details, lambda i: catalogue.images.paths([i])):
        with pytest.raises(NotInCatalogue):
            call(99)


def test_the_table_has_a_row_for_every_image_in_order(
    catalogue: Catalogue, tmp_path: Path, make_file
) -> None:
    assert len(catalogue.images.table()) == 0
    folder = catalogue.folders.add(tmp_path)
    ids = catalogue.images.upsert(
        folder.id,
        [
            make_file("b.jpg", mtime_ns=5, taken="1970-01-01T00:01:00", fingerprint="f" * 32),
            make_file("a.jpg", width=None, height=None, reason="The file is empty."),
        ],
    )
    catalogue.features.append("lite", ids[:1], np.ones((1, 4)))
    table = catalogue.images.table()
    assert table.ids.tolist() == ids
    assert table.names == ["b.jpg", "a.jpg"]
    assert table.states.tolist() == [ImageState.OK, ImageState.UNREADABLE]
    assert table.taken.tolist() == [60, NO_DATE]
    assert table.widths.tolist() == [640, 0]
    assert table.fingerprints == ["f" * 32, ""]
    assert table.mtime[0] == 5
    assert catalogue.images.table(ids=[ids[1], 99]).ids.tolist() == [ids[1]]


def test_a_missing_image_returns_unchanged(catalogue: Catalogue, tmp_path: Path, make_file) -> None:
    folder = catalogue.folders.add(tmp_path)
    ids = catalogue.images.upsert(folder.id, [make_file("a.jpg"), make_file("b.jpg")])
    catalogue.images.mark_unreadable(ids[1], "The file is damaged.")
    catalogue.images.mark_missing(ids)
    assert catalogue.images.table().states.tolist() == [ImageState.MISSING] * 2
    assert all(file.missing for file in catalogue.images.known(folder.id).values())
    catalogue.images.mark_found(ids)
    assert catalogue.images.table().states.tolist() == [ImageState.OK, ImageState.UNREADABLE]
    assert catalogue.images.details(ids[1]).reason == "The file is damaged."


def test_a_users_caption_survives_a_changed_file(
    catalogue: Catalogue, tmp_path: Path, make_file
) -> None:
    folder = catalogue.folders.add(tmp_path)
    embedded = make_file("a.jpg", caption="from the file", caption_source="embedded")
    (image_id,) = catalogue.images.upsert(folder.id, [embedded])
    catalogue.images.set_caption(image_id, " mine ")
    catalogue.images.upsert(folder.id, [embedded])
    assert catalogue.images.details(image_id).caption == "mine"
    catalogue.images.set_caption(image_id, "")
    catalogue.images.upsert(folder.id, [embedded])
    assert catalogue.images.details(image_id).caption == "from the file"


def test_swapped_files_take_their_images_along(
    catalogue: Catalogue, tmp_path: Path, make_file
) -> None:
    folder = catalogue.folders.add(tmp_path)
    a, b = catalogue.images.upsert(folder.id, [make_file("a.jpg"), make_file("b.jpg")])
    ids = catalogue.images.upsert(
        folder.id, [make_file("a.jpg"), make_file("b.jpg")], {"a.jpg": b, "b.jpg": a}
    )
    assert ids == [b, a]
    assert catalogue.images.table().ids.tolist() == [a, b]


def test_an_image_in_the_way_becomes_missing_and_can_be_found_again(
    catalogue: Catalogue, tmp_path: Path, make_file
) -> None:
    folder = catalogue.folders.add(tmp_path)
    a, b = catalogue.images.upsert(
        folder.id, [make_file("a.jpg", fingerprint="aa"), make_file("b.jpg", fingerprint="bb")]
    )
    ids = catalogue.images.upsert(
        folder.id, [make_file("b.jpg", fingerprint="aa"), make_file("a.jpg")], {"b.jpg": a}
    )
    assert ids[0] == a
    assert ids[1] not in (a, b)
    gone = catalogue.images.details(b)
    assert (gone.state, gone.relative_path) == (ImageState.MISSING, "b.jpg")
    assert set(catalogue.images.known(folder.id)) == {"a.jpg", "b.jpg"}
    assert [place.missing for place in catalogue.images.by_fingerprint(["bb"])["bb"]] == [True]
    assert catalogue.images.upsert(folder.id, [make_file("c.jpg")], {"c.jpg": b}) == [b]
    assert catalogue.images.details(b).state is ImageState.OK


def test_paths_must_be_relative_and_normal(catalogue: Catalogue, tmp_path: Path, make_file) -> None:
    folder = catalogue.folders.add(tmp_path)
    for path in ("/etc/a.jpg", "a//b.jpg"):
        with pytest.raises(ValueError, match="normalised"):
            catalogue.images.upsert(folder.id, [make_file(path)])


# ------------------------------------------------------------------------------- folders


def test_removing_a_folder_hides_it_and_adding_it_again_brings_all_back(
    catalogue: Catalogue, add_images: AddImages
) -> None:
    ids = add_images(3)
    (folder,) = catalogue.folders.all()
    dog = catalogue.classes.add("dog")
    catalogue.annotations.apply([Change(ids[0], dog.id, 1)])
    catalogue.folders.remove(folder.id)
    assert catalogue.folders.all() == []
    assert len(catalogue.folders.all(hidden=True)) == 1
    assert len(catalogue.images.table()) == 0
    assert len(catalogue.features.missing("lite")) == 0
    assert catalogue.folders.add(folder.path) == folder
    assert catalogue.images.table().ids.tolist() == ids
    assert catalogue.annotations.matrix(ids[:1], [dog.id]).tolist() == [[1]]


def test_a_relocated_folder_keeps_everything(
    catalogue: Catalogue, add_images: AddImages, tmp_path: Path
) -> None:
    ids = add_images(2)
    (folder,) = catalogue.folders.all()
    moved = catalogue.folders.relocate(folder.id, tmp_path / "elsewhere")
    assert moved.id == folder.id
    assert catalogue.images.paths(ids)[0] == tmp_path / "elsewhere" / "00000.jpg"
    catalogue.folders.add(tmp_path / "other")
    for place in (tmp_path / "other", tmp_path / "other" / "inner", tmp_path):
        with pytest.raises(FolderOverlaps, match="other"):
            catalogue.folders.relocate(folder.id, place)
    with pytest.raises(NotInCatalogue):
        catalogue.folders.relocate(99, tmp_path / "x")


def test_a_folder_inside_another_is_there_already(catalogue: Catalogue, tmp_path: Path) -> None:
    outer = catalogue.folders.add(tmp_path)
    assert catalogue.folders.add(tmp_path / "inner") == outer


def test_a_folder_around_others_takes_over_their_images(
    catalogue: Catalogue, tmp_path: Path, make_file
) -> None:
    inner = catalogue.folders.add(tmp_path / "p\udce9" / "inner")
    (image_id,) = catalogue.images.upsert(inner.id, [make_file("a.jpg")])
    path = catalogue.images.details(image_id).path
    outer = catalogue.folders.add(tmp_path)
    assert catalogue.folders.all() == [outer]
    image = catalogue.images.details(image_id)
    assert (image.path, image.relative_path) == (path, "p\udce9/inner/a.jpg")
    assert list(catalogue.images.known(outer.id)) == ["p\udce9/inner/a.jpg"]


def test_a_folder_inside_a_removed_one_takes_over_its_part(
    catalogue: Catalogue, tmp_path: Path, make_file
) -> None:
    outer = catalogue.folders.add(tmp_path)
    here, _ = catalogue.images.upsert(
        outer.id, [make_file("inner/a.jpg"), make_file("inner2/b.jpg")]
    )
    catalogue.folders.remove(outer.id)
    inner = catalogue.folders.add(tmp_path / "inner")
    assert catalogue.folders.all() == [inner]
    assert catalogue.images.table().ids.tolist() == [here]
    assert catalogue.images.details(here).path == tmp_path / "inner" / "a.jpg"


def test_a_captioners_caption_stays_with_the_photo_it_describes(
    catalogue: Catalogue, tmp_path: Path, make_file
) -> None:
    folder = catalogue.folders.add(tmp_path)
    (image_id,) = catalogue.images.upsert(folder.id, [make_file("a.jpg", fingerprint="one")])
    assert catalogue.images.fill_captions({image_id: " a dog "}) == [image_id]
    catalogue.images.upsert(folder.id, [make_file("a.jpg", fingerprint="one", mtime_ns=9)])
    found = catalogue.images.details(image_id)
    assert (found.caption, found.caption_source) == ("a dog", CaptionSource.CAPTIONER)
    catalogue.images.upsert(folder.id, [make_file("a.jpg", fingerprint="two")])
    found = catalogue.images.details(image_id)
    assert (found.caption, found.caption_source) == ("", CaptionSource.NONE)
    assert catalogue.images.fill_captions({image_id: "  ", image_id + 1: "nobody"}) == []


def test_the_hashes_of_images(catalogue: Catalogue, tmp_path: Path, make_file) -> None:
    folder = catalogue.folders.add(tmp_path)
    a, b = catalogue.images.upsert(
        folder.id,
        [
            make_file("a.jpg", fingerprint="f", file_hash="h", picture_hash="p"),
            make_file("b.jpg", fingerprint="g"),
        ],
    )
    assert catalogue.images.hashes([b, a, 999]) == {a: ("f", "h", "p"), b: ("g", "", "")}
