"""A new library begins with what another one knows, and with nothing else of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from class_ids import class_id

from lmpt_desktop.catalogue import Catalogue, NotInCatalogue
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.engine.versions.new_library import start_like
from lmpt_desktop.engine.versions.version_files import VersionFileError
from trainer import prompt_set as prompt_sets
from trainer.prompt_set import ARRAYS_NAME


def test_classes_and_learned_prompts_are_taken_over_and_annotations_are_not(
    reviewed_session: LibrarySession, trained_version: int, tmp_path: Path
) -> None:
    vocabulary = reviewed_session.vocabulary
    kite = class_id(reviewed_session, "kite")
    vocabulary.set_aliases(kite, ["paper kite"])
    vocabulary.set_colour([kite], "#336699")
    vocabulary.rename(class_id(reviewed_session, "dog"), "hound")
    target = tmp_path / "other"
    start_like(reviewed_session.catalogue.library_folder, target)
    old = reviewed_session.catalogue.prompt_sets.get(trained_version)
    with Catalogue.open(target) as new:
        found = {entry.name: entry for entry in new.classes.all()}
        assert list(found) == ["hound", "cat", "kite"]
        assert found["cat"].description == "a cat"
        assert found["kite"].aliases == ("paper kite",)
        assert found["kite"].colour == "#336699"
        record = new.prompt_sets.active(old.backbone)
        assert record is not None
        assert target in record.folder.parents
        # What was learned for the dog is the hound's.
        assert record.class_ids["dog"] == found["hound"].id
        np.testing.assert_array_equal(
            prompt_sets.load(record.folder).class_embeddings,
            prompt_sets.load(old.folder).class_embeddings,
        )
        assert new.folders.all() == []
        assert new.annotations.history() == []


def test_a_library_that_is_in_use_is_left_as_it_is(
    reviewed_session: LibrarySession, tmp_path: Path
) -> None:
    target = tmp_path / "other"
    with Catalogue.open(target) as new:
        new.classes.add("boat")
    start_like(reviewed_session.catalogue.library_folder, target)
    with Catalogue.open(target) as new:
        assert [entry.name for entry in new.classes.all()] == ["boat"]


def test_a_damaged_version_is_refused_before_there_is_a_library(
    reviewed_session: LibrarySession, trained_version: int, tmp_path: Path
) -> None:
    record = reviewed_session.catalogue.prompt_sets.get(trained_version)
    (record.folder / ARRAYS_NAME).write_bytes(b"\x80\x04pickle")
    target = tmp_path / "other"
    with pytest.raises(VersionFileError):
        start_like(reviewed_session.catalogue.library_folder, target)
    assert not target.exists()


def test_a_library_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    source, target = tmp_path / "gone", tmp_path / "other"
    with pytest.raises(NotInCatalogue, match="moved or deleted"):
        start_like(source, target)
    assert not source.exists() and not target.exists()
