"""Where paths really lead."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Collection
from pathlib import Path

import pytest

from lmpt_desktop.real_paths import canonical, canonical_place


class Disk:
    """A disk that tells neither case nor Unicode forms apart."""

    def __init__(self, *places: str) -> None:
        self.places = places
        self.listed: list[str] = []

    def listing(self, folder: str) -> Collection[str]:
        self.listed.append(folder)
        if "locked" in folder:
            raise PermissionError(13, "Permission denied")
        above = folder.rstrip("/") + "/"
        return {place[len(above) :].split("/")[0] for place in self.places if above in place}

    def exists(self, path: str) -> bool:
        wanted = unicodedata.normalize("NFC", path).casefold()
        return any(
            unicodedata.normalize("NFC", place).casefold().startswith(wanted)
            for place in self.places
        )

    def canonical(self, path: str) -> str:
        return canonical(Path(path), listing=self.listing, exists=self.exists).as_posix()


POSIX_PATHS = pytest.mark.skipif(os.name == "nt", reason="the invented paths are of Unix")


@POSIX_PATHS
def test_a_path_is_spelled_as_on_disk() -> None:
    composed, decomposed = (unicodedata.normalize(form, "Städte") for form in ("NFC", "NFD"))
    disk = Disk(f"/Volumes/Photos/{decomposed}/Straße", "/Volumes/locked/A")
    expected = f"/Volumes/Photos/{decomposed}/Straße"
    assert disk.canonical(f"/volumes/PHOTOS/{composed}/STRASSE") == expected
    assert disk.canonical(expected) == expected
    assert disk.canonical("/Volumes/photos/New") == "/Volumes/Photos/New"
    assert disk.canonical("/volumes/LOCKED/a") == "/Volumes/locked/a"
    assert disk.canonical("/") == "/"


@POSIX_PATHS
def test_two_names_of_which_either_may_be_meant_change_nothing() -> None:
    disk = Disk("/a/Trip", "/a/TRIP")
    assert disk.canonical("/a/trip") == "/a/trip"
    assert disk.canonical("/a/TRIP") == "/a/TRIP"


def test_links_are_resolved_and_loops_end(tmp_path: Path) -> None:
    real = tmp_path.resolve()
    (tmp_path / "photos" / "trip").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert canonical(tmp_path / "link" / "trip") == real / "photos" / "trip"
    assert canonical(tmp_path / "link" / ".." / "gone") == real / "gone"
    assert canonical(tmp_path / "loop") == real / "loop"
    assert canonical_place(tmp_path / "link") == real / "link"
    assert canonical_place(tmp_path / "link" / "a.jpg") == real / "photos" / "a.jpg"


def test_where_case_matters_another_spelling_is_another_folder(tmp_path: Path) -> None:
    (tmp_path / "Trip").mkdir()
    same = (tmp_path / "trip").exists()
    assert (canonical(tmp_path / "trip") == canonical(tmp_path / "Trip")) == same
    (tmp_path / "trip").mkdir(exist_ok=True)
    assert (canonical(tmp_path / "trip") == canonical(tmp_path / "Trip")) == same


def test_names_that_are_no_text_are_kept(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    try:
        (tmp_path / name).mkdir()
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    assert canonical(tmp_path / name) == tmp_path.resolve() / name
