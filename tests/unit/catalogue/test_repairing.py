"""A catalogue that is refused at opening is repaired into a copy where its damage allows."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from paper_library import fill
from stored_annotations import annotations_in, marks_in

from lmpt_desktop.catalogue import Catalogue, CatalogueDamaged, repairing, restoring
from lmpt_desktop.catalogue.opening import CATALOGUE_NAME


@pytest.fixture
def stored(library: Path) -> set[tuple]:
    """What a library says, which is then closed."""
    with Catalogue.open(library) as catalogue:
        ids = fill(catalogue, library / "photos", 200, ["dog", "cat"])
        classes = [entry.id for entry in catalogue.classes.all()]
        for klass in classes:
            catalogue.annotations.apply_arrays(
                np.array(ids), np.full(200, klass), np.ones(200, np.int8)
            )
        catalogue.annotations.set_reviewed(ids[:50], True)
        vectors = np.eye(200, 64, dtype=np.float32)
        catalogue.features.append("lite", list(ids), vectors)
        said = annotations_in(catalogue) | marks_in(catalogue)
    for copy in restoring.find_copies(library):
        copy.unlink()
    return said


def damage(library: Path, name: str) -> bytes:
    """Overwrite the root page of a table or index; the file as it is then."""
    path = library / CATALOGUE_NAME
    with closing(sqlite3.connect(path)) as db:
        size = db.execute("PRAGMA page_size").fetchone()[0]
        sql = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        root = db.execute(sql, (name,)).fetchone()[0]
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(bytes([0xEE]) * 40)
    (library / "catalogue.sound").unlink(missing_ok=True)
    return path.read_bytes()


@pytest.mark.parametrize(
    "name", ["annotations", "journal", "ix_images_fingerprint", "feature_chunks"]
)
def test_damage_of_what_can_be_made_again_costs_nothing(
    library: Path, stored: set[tuple], name: str
) -> None:
    before = damage(library, name)
    with pytest.raises(CatalogueDamaged) as refused:
        Catalogue.open(library)
    assert refused.value.library == library, "a repair is offered, also where there is no copy"
    assert "***" not in str(refused.value) and "database" not in str(refused.value)
    copy, found = repairing.repair_into_copy(library)
    assert (library / CATALOGUE_NAME).read_bytes() == before
    assert restoring.find_copies(library) == [copy] and list(copy.parent.iterdir()) == [copy]
    assert found.caches_lost == (name == "feature_chunks")
    kept = restoring.restore(library, copy)
    assert kept is not None and kept.read_bytes() == before
    with Catalogue.open(library) as catalogue:
        assert annotations_in(catalogue) | marks_in(catalogue) == stored
        assert catalogue.check_soundness().sound


def test_other_damage_is_told_and_leaves_nothing(library: Path, stored: set[tuple]) -> None:
    damage(library, "journal")
    before = damage(library, "annotations")
    with pytest.raises(CatalogueDamaged, match="record of changes"):
        repairing.repair_into_copy(library)
    assert (library / CATALOGUE_NAME).read_bytes() == before and stored
    assert not list((library / "backups").iterdir())


@pytest.mark.parametrize("kept", [60, 5000])
def test_a_file_that_is_cut_short_is_beyond_repair(
    library: Path, stored: set[tuple], kept: int
) -> None:
    path = library / CATALOGUE_NAME
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CatalogueDamaged, match="cannot be repaired") as refused:
        repairing.repair_into_copy(library)
    assert stored
    assert "By hand" not in str(refused.value) and "backups" not in str(refused.value)
