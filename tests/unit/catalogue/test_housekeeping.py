"""What is put in order at opening: permissions, leftovers; and odd files beside the catalogue."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lmpt_desktop.catalogue import Catalogue, CatalogueUnwritable, backups
from lmpt_desktop.catalogue.housekeeping import sweep_library
from lmpt_desktop.catalogue.opening import CATALOGUE_NAME, SHUTDOWN_RECORD_NAME

POSIX = pytest.mark.skipif(os.name == "nt", reason="permissions of this kind are POSIX's")


def _modes(library: Path) -> dict[str, int]:
    found = {"": stat.S_IMODE(library.stat().st_mode)}
    for path in library.rglob("*"):
        found[path.relative_to(library).as_posix()] = stat.S_IMODE(path.stat().st_mode)
    return found


def _expect_private(library: Path) -> None:
    modes = _modes(library)
    assert {name: mode for name, mode in modes.items() if mode & 0o077} == {}
    assert {f"{CATALOGUE_NAME}-wal", f"{CATALOGUE_NAME}-shm", "catalogue.lock"} <= modes.keys()


@POSIX
def test_a_new_library_is_its_owners_alone(library: Path) -> None:
    before = os.umask(0)
    try:
        with Catalogue.open(library, exclusive=True) as catalogue:
            catalogue.classes.add("dog")
            backups.back_up(library / CATALOGUE_NAME, backups.DAILY)
            _expect_private(library)
        with Catalogue.open(library, exclusive=True) as catalogue:
            catalogue.classes.add("cat")
            _expect_private(library)
    finally:
        os.umask(before)


@POSIX
def test_an_existing_library_is_tightened(library: Path) -> None:
    Catalogue.open(library).close()
    for name in ("jobs", "prompt_sets", "encode", "side files before"):
        (library / name).mkdir()
    (library / "thumbnails.sqlite").touch()
    for path in (library, *library.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    with Catalogue.open(library, exclusive=True) as catalogue:
        catalogue.classes.add("dog")
        _expect_private(library)


@POSIX
def test_what_is_not_ours_keeps_its_rights(library: Path) -> None:
    """A library in a folder of photos."""
    library.mkdir(mode=0o755)
    library.chmod(0o755)
    photo = library / "photo.jpg"
    photo.touch()
    photo.chmod(0o644)
    link = library / "jobs"
    target = library.parent / "elsewhere"
    target.mkdir()
    target.chmod(0o755)
    link.symlink_to(target)
    with Catalogue.open(library) as catalogue:
        catalogue.classes.add("dog")
        modes = _modes(library)
    assert modes[""] == 0o755
    assert modes["photo.jpg"] == 0o644
    assert stat.S_IMODE(target.stat().st_mode) == 0o755
    assert modes[CATALOGUE_NAME] == 0o600


def test_a_library_that_is_shared_by_all_users_is_left_alone(library: Path) -> None:
    library.mkdir()
    library.chmod(0o1777)
    Catalogue.open(library).close()
    if os.name != "nt":
        assert stat.S_IMODE(library.stat().st_mode) == 0o1777


_KILLED = """
import os, sys
from pathlib import Path
from trainer.temporary_files import temporary_name
for folder in map(Path, sys.argv[1:]):
    folder.mkdir(parents=True, exist_ok=True)
    temporary_name(folder / "file").write_bytes(bytes(1000))
    made = temporary_name(folder / "folder")
    made.mkdir()
    (made / "inside").write_bytes(bytes(1000))
print(os.getpid(), flush=True)
if sys.stdin.read(1):
    os.kill(os.getpid(), 9)
"""


def _leave(*folders: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _KILLED, *map(str, folders)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


def test_leftovers_of_killed_processes_are_swept_at_the_next_opening(library: Path) -> None:
    Catalogue.open(library).close()
    places = [library, library / "backups", library / "prompt_sets", library / "jobs" / "3"]
    process = _leave(*places)
    Catalogue.open(library, exclusive=True).close()
    left = [path for place in places for path in place.glob(".*")]
    assert len(left) == 2 * len(places)  # it is at work
    process.communicate("x")
    Catalogue.open(library).close()
    assert [path for place in places for path in place.glob(".*")] == []


def test_leftovers_of_earlier_versions_are_swept_by_who_has_the_library_alone(
    library: Path,
) -> None:
    Catalogue.open(library).close()
    names = (
        ".disk-check-ab_12xyz", ".lock-check-ab_12xyz", "backups/daily-20260101T000000000000.part",
        "prompt_sets/.import-ab_12xyz", "prompt_sets/.1-part", "prompt_sets/.17-0a1b2c3d-part",
        "prompt_sets/.imported-0a1b2c3d4e5f-ab_12xyz", "prompt_sets/.3-ab_12xyz",
    )  # fmt: skip
    users = ("notes.part", ".hidden", "prompt_sets/.keep", "backups/mine.part", ".import-list.txt")
    (library / "prompt_sets").mkdir()
    for name in (*names, *users):
        (library / name).write_text("x")
    assert sweep_library(library, alone=False) == 0
    Catalogue.open(library, exclusive=True).close()
    assert not any((library / name).exists() for name in names)
    assert all((library / name).exists() for name in users)


ODD = {
    "deep": b"[" * 100_000,
    "not an object": b"[1]",
    "text for a number": b'{"checked": "soon", "size": [], "mtime_ns": null}',
    "not a number": b'{"checked": NaN, "size": Infinity, "mtime_ns": true}',
    "huge": b'{"checked": 1' + b"0" * 5000 + b"}",
    "no text": b"\xff\xfe\x00",
}


@pytest.mark.parametrize("odd", [*ODD, "a folder", "a pipe", "a link to nothing"])
def test_an_odd_record_of_the_shutdown_hinders_nothing(library: Path, odd: str) -> None:
    Catalogue.open(library).close()
    record = library / SHUTDOWN_RECORD_NAME
    record.unlink()
    if odd == "a folder":
        record.mkdir()
    elif odd == "a pipe":
        if not hasattr(os, "mkfifo"):
            pytest.skip("this system has no pipes with names")
        os.mkfifo(record)
    elif odd == "a link to nothing":
        record.symlink_to(library / "nothing")
    else:
        record.write_bytes(ODD[odd])
    for _ in range(2):
        with Catalogue.open(library) as catalogue:
            catalogue.classes.all()
    assert odd == "a folder" or record.is_file()


@POSIX
@pytest.mark.parametrize("how", ["deleted", "moved", "replaced"])
def test_a_library_that_is_gone_takes_no_changes(library: Path, how: str) -> None:
    with Catalogue.open(library) as catalogue:
        catalogue.classes.add("dog")
        away = library.with_name("away")
        if how == "deleted":
            shutil.rmtree(library)
        else:
            library.rename(away)
        if how == "replaced":
            shutil.copytree(away, library)
        with pytest.raises(CatalogueUnwritable, match="no longer where it was opened"):
            catalogue.classes.add("cat")
        if how == "moved":
            # It is put back, and work goes on.
            away.rename(library)
            catalogue.classes.add("cat")
    if how == "moved":
        with Catalogue.open(library) as catalogue:
            assert [entry.name for entry in catalogue.classes.all()] == ["dog", "cat"]


@pytest.mark.parametrize("name", ["file", "x" * 300, "ä" * 120, "\udcff", "a\nb"])
def test_temporary_names_can_be_made_and_are_known_again(tmp_path: Path, name: str) -> None:
    from trainer import temporary_files

    made = temporary_files.temporary_name(tmp_path / name)
    assert made.parent == tmp_path
    assert not temporary_files.is_left_over(made.name)
    old = made.name.replace(f"-{os.getpid()}-", "-4194999-")
    assert temporary_files.is_left_over(old)
    assert not temporary_files.is_left_over(old.removesuffix(".lmpt-part"))
    if os.name != "nt":
        (tmp_path / old).write_bytes(b"x")
        assert temporary_files.sweep(tmp_path) == 1
