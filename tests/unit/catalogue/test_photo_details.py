"""The details of photos in the catalogue, and their cameras."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from paper_library import photo_file

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.changed_images import updated
from lmpt_desktop.domain.photo_details import NO_DETAILS, PhotoDetails, Place

FULL = PhotoDetails(
    camera="Canon EOS 5D",
    lens="EF 35mm",
    exposure=0.004,
    aperture=2.8,
    iso=400,
    focal_length=35.0,
    focal_length_35=56.0,
    subseconds="012",
    place=Place(52.52, -13.4, 34.5),
    title="t",
    headline="h",
    creator="Ansel \U0001f4f7",
    copyright="\u00a9",
    keywords=("sea", "grün"),
    side_keywords=("dune",),
)


def add(catalogue: Catalogue, tmp_path: Path, *details: PhotoDetails | None) -> list[int]:
    folder = catalogue.folders.add(tmp_path / "photos")
    files = [replace(photo_file(f"{i}.jpg"), details=said) for i, said in enumerate(details)]
    return catalogue.images.upsert(folder.id, files)


def test_details_are_kept_as_they_were_read(catalogue: Catalogue, tmp_path: Path) -> None:
    ids = add(catalogue, tmp_path, FULL, NO_DETAILS, None)
    assert catalogue.photo_details.of(ids) == {ids[0]: FULL, ids[1]: NO_DETAILS}
    again = replace(FULL, camera="", keywords=())
    assert add(catalogue, tmp_path, again)[0] == ids[0]
    assert catalogue.photo_details.of(ids[:1]) == {ids[0]: again}
    assert catalogue.images.table().cameras.tolist() == [0, 0, 0]


def test_a_camera_has_one_number(catalogue: Catalogue, tmp_path: Path) -> None:
    cameras = ("A", "", "B", "A")
    ids = add(catalogue, tmp_path, *(PhotoDetails(camera=name) for name in cameras))
    for table in (catalogue.images.table(), catalogue.images.table(ids=ids)):
        names = [table.camera_names.get(number, "") for number in table.cameras.tolist()]
        assert names == list(cameras)
        assert sorted(table.camera_names.values()) == ["A", "B"]


def test_a_changed_camera_is_in_the_updated_table(catalogue: Catalogue, tmp_path: Path) -> None:
    ids = add(catalogue, tmp_path, PhotoDetails(camera="A"), PhotoDetails(camera="A"))
    before = catalogue.images.table()
    catalogue.images.changed.take()
    catalogue.photo_details.put({ids[1]: PhotoDetails(camera="B")})
    touched = catalogue.images.changed.take()
    table = updated(before, touched.ids, catalogue.images.table(ids=touched.ids))
    assert [table.camera_names[number] for number in table.cameras.tolist()] == ["A", "B"]


def test_an_unreadable_file_keeps_what_it_said(catalogue: Catalogue, tmp_path: Path) -> None:
    (image,) = add(catalogue, tmp_path, FULL)
    folder = catalogue.folders.all()[0].id
    catalogue.images.upsert(folder, [replace(photo_file("0.jpg"), reason="Broken.")])
    assert catalogue.photo_details.of([image]) == {image: FULL}


@pytest.mark.parametrize(
    "stored",
    [
        *("{", "[]", "null", '{"iso": "400"}', '{"iso": -1}', '{"camera": null}'),
        *('{"exposure": 1e400}', '{"place": {"latitude": 100, "longitude": 0}}'),
        '{"lens": "' + "x" * 500 + '"}',
    ],
)
def test_damaged_details_are_none(catalogue: Catalogue, tmp_path: Path, stored: str) -> None:
    (image,) = add(catalogue, tmp_path, FULL)
    with catalogue._store.write() as connection:
        connection.exec_driver_sql("UPDATE photo_details SET details = ?", (stored,))
    assert catalogue.photo_details.of([image]) == {image: NO_DETAILS}


def test_details_of_a_later_version_are_read_as_far_as_they_are_known(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    (image,) = add(catalogue, tmp_path, FULL)
    with catalogue._store.write() as connection:
        connection.exec_driver_sql(
            "UPDATE photo_details SET details = ?", ('{"iso": 100, "flash": true}',)
        )
    assert catalogue.photo_details.of([image]) == {image: PhotoDetails(iso=100)}
