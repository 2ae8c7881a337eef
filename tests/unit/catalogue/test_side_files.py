"""What the catalogue remembers of side files."""

from __future__ import annotations

from pathlib import Path

import pytest

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.side_files import SideFileRecord
from lmpt_desktop.domain.records import ScannedFile


@pytest.fixture
def image_ids(catalogue: Catalogue, tmp_path: Path) -> list[int]:
    folder = catalogue.folders.add(tmp_path / "photos")
    return catalogue.images.upsert(
        folder.id, [ScannedFile(name, 1, 1) for name in ("a.jpg", "b.jpg")]
    )


def record(image_id: int, naming: str = "photo.xmp", digest: str = "1") -> SideFileRecord:
    path = Path("/photos") / f"\udcff{image_id}{naming[5:]}"
    return SideFileRecord(image_id, naming, path, digest, "", "[]", '{"subject":["dog"]}')


def test_records_are_kept_per_side_file(catalogue: Catalogue, image_ids: list[int]) -> None:
    first, second = image_ids
    other = record(first, "photo.ext.xmp")
    catalogue.side_files.put([record(first), record(second), other])
    assert catalogue.side_files.of(image_ids) == [other, record(first), record(second)]
    assert catalogue.side_files.of([second]) == [record(second)]
    assert catalogue.side_files.at([other.path, Path("/else.xmp")]) == {other.path: other}
    assert catalogue.side_files.places("photo.xmp") == [
        (first, record(first).path),
        (second, record(second).path),
    ]
    assert len(catalogue.side_files.places()) == 3


def test_a_photo_that_was_moved_can_have_several(
    catalogue: Catalogue, image_ids: list[int]
) -> None:
    first, second = image_ids
    moved = record(first)._replace(path=Path("/photos/z.xmp"))
    catalogue.side_files.put([record(first), moved])
    assert catalogue.side_files.of([first, second]) == [record(first), moved]


def test_a_later_record_takes_the_place_of_an_earlier_one(
    catalogue: Catalogue, image_ids: list[int]
) -> None:
    first, second = image_ids
    catalogue.side_files.put([record(first), record(second)])
    later = record(first, digest="2")._replace(image_id=second)
    catalogue.side_files.put([later])
    assert catalogue.side_files.at([later.path]) == {later.path: later}
    assert catalogue.side_files.with_digest("1") == record(second)
    assert catalogue.side_files.with_digest("3") is None
    catalogue.side_files.forget([later.path])
    catalogue.side_files.forget([])
    catalogue.side_files.put([])
    assert catalogue.side_files.places() == [(second, record(second).path)]
