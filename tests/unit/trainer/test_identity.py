"""The trainer names pictures as the catalogue does."""

from __future__ import annotations

from pathlib import Path

import pytest
from photo_containers import containers

from lmpt_desktop.ingest.reading import read_file
from trainer.identity import photo_identity

CONTAINERS = containers()


@pytest.mark.parametrize("name", sorted(CONTAINERS))
def test_a_photo_has_the_identity_that_a_scan_gives_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(CONTAINERS[name])
    reading = read_file(path)
    with path.open("rb") as file:
        assert photo_identity(file, path.stat().st_size) == (reading.identity, reading.reason)


def test_what_is_no_photo_has_hashes_and_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "text.jpg"
    path.write_text("no photo at all")
    with path.open("rb") as file:
        identity, reason = photo_identity(file, path.stat().st_size)
    assert identity == read_file(path).identity
    assert reason == read_file(path).reason != ""
