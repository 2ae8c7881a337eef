"""Restoring a copy: what it shows before, and that nothing is lost by it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from lmpt_desktop.catalogue import (
    Catalogue,
    CatalogueDamaged,
    CatalogueLocked,
    Change,
    backups,
    restoring,
)
from lmpt_desktop.catalogue.opening import CATALOGUE_NAME
from lmpt_desktop.domain.records import ScannedFile


def _annotate(library: Path, verdicts: list[int]) -> None:
    """Give the class "dog" to photos 0, 1, ...: 1, 0, or -1 for unknown."""
    with Catalogue.open(library) as catalogue:
        folder = catalogue.folders.add(library.parent)
        files = [ScannedFile(path=f"{i}.jpg", size=1, mtime_ns=1) for i in range(len(verdicts))]
        ids = catalogue.images.upsert(folder.id, files)
        dog = (catalogue.classes.all() or [catalogue.classes.add("dog")])[0]
        catalogue.annotations.apply(
            [Change(image, dog.id, value) for image, value in zip(ids, verdicts, strict=True)]
        )


def _verdicts(library: Path) -> list[int]:
    with Catalogue.open(library) as catalogue:
        images = catalogue.images.table().ids
        return catalogue.annotations.matrix(images, [1])[:, 0].tolist()


@pytest.fixture
def copied(library: Path) -> tuple[Path, Path]:
    """A library of five photos, and a copy that was made before the last changes."""
    _annotate(library, [1, 1, 0, -1, 1])
    copy = backups.back_up(library / CATALOGUE_NAME, backups.DAILY)
    _annotate(library, [1, -1, 1, 0, 1])
    return library, copy


def test_a_copy_says_what_it_holds(copied: tuple[Path, Path]) -> None:
    _library, copy = copied
    found = restoring.examine(copy)
    assert found.problem == ""
    assert found.kind == backups.DAILY
    assert found.contents is not None
    assert (found.contents.photos, found.contents.annotations, found.contents.classes) == (5, 4, 1)


def test_the_preview_counts_what_would_change(copied: tuple[Path, Path]) -> None:
    library, copy = copied
    difference = restoring.compare(library, copy)
    assert difference == restoring.Difference(back=1, lost=1, other=1, batches=1)
    present = restoring.present_contents(library)
    assert present is not None
    assert present.annotations == 4


def test_a_damaged_catalogue_is_kept_beside_the_restored_one(copied: tuple[Path, Path]) -> None:
    library, copy = copied
    path = library / CATALOGUE_NAME
    path.write_bytes(b"x")
    (library / f"{CATALOGUE_NAME}-wal").write_bytes(b"log")
    assert restoring.compare(library, copy) is None
    kept = restoring.restore(library, copy)
    assert kept is not None
    assert kept == library / "catalogue before restore 1.sqlite"
    assert kept.read_bytes() == b"x"
    assert kept.with_name(kept.name + "-wal").read_bytes() == b"log"
    assert _verdicts(library) == [1, 1, 0, -1, 1]
    assert copy.exists()
    path.write_bytes(b"y")
    second = restoring.restore(library, copy)
    assert second == library / "catalogue before restore 2.sqlite"
    assert kept.read_bytes() == b"x"


def test_a_missing_catalogue_is_restored(copied: tuple[Path, Path]) -> None:
    library, copy = copied
    (library / CATALOGUE_NAME).unlink()
    assert restoring.restore(library, copy) is None
    assert _verdicts(library) == [1, 1, 0, -1, 1]


def test_restoring_over_a_sound_catalogue_is_undone_by_restoring_it(
    copied: tuple[Path, Path],
) -> None:
    library, copy = copied
    before = restoring.restore(library, copy)
    assert before is not None
    assert before == restoring.find_copies(library)[0]
    assert restoring.examine(before).kind == backups.RESTORE
    assert _verdicts(library) == [1, 1, 0, -1, 1]
    restoring.restore(library, before)
    assert _verdicts(library) == [1, -1, 1, 0, 1]
    assert before.exists()


def test_what_is_in_the_log_of_a_killed_app_is_kept(copied: tuple[Path, Path]) -> None:
    library, copy = copied
    killed = """
import os, sys
from pathlib import Path
from lmpt_desktop.catalogue import Catalogue
catalogue = Catalogue.open(Path(sys.argv[1]))
catalogue.classes.add("only in the log")
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", killed, str(library)], check=False)
    assert (library / f"{CATALOGUE_NAME}-wal").stat().st_size
    before = restoring.restore(library, copy)
    assert before is not None
    assert not list(library.glob("*-wal"))
    restoring.restore(library, before)
    with Catalogue.open(library) as catalogue:
        assert "only in the log" in [entry.name for entry in catalogue.classes.all()]


@pytest.mark.parametrize("bad", ["noise", "half", "hole", "no tables", "gone"])
def test_a_bad_copy_is_not_restored(copied: tuple[Path, Path], bad: str) -> None:
    library, copy = copied
    whole = copy.read_bytes()
    if bad == "gone":
        copy.unlink()
    elif bad == "no tables":
        copy.unlink()
        with closing(sqlite3.connect(copy)) as connection:
            connection.execute("PRAGMA user_version = 1")
    else:
        harmed = {
            "noise": os.urandom(4096),
            "half": whole[: len(whole) // 2],
            "hole": whole[:4096] + b"\xff" * 65536 + whole[69632:],
        }
        copy.write_bytes(harmed[bad])
        assert restoring.examine(copy).problem
        assert restoring.examine(copy).contents is None
    with pytest.raises(Exception, match=r"damaged|not there any more"):
        restoring.restore(library, copy)
    assert _verdicts(library) == [1, -1, 1, 0, 1]
    assert not list(library.glob(".*"))


def test_an_open_library_is_not_replaced(copied: tuple[Path, Path]) -> None:
    library, copy = copied
    with Catalogue.open(library, exclusive=True), pytest.raises(CatalogueLocked):
        restoring.restore(library, copy)
    # Open in "tag", say, which does not keep others out.
    with Catalogue.open(library) as catalogue:
        catalogue.classes.all()
        with pytest.raises(CatalogueLocked, match="open in another program"):
            restoring.restore(library, copy)
        catalogue.classes.add("cat")
    assert _verdicts(library) == [1, -1, 1, 0, 1]


def test_killed_while_restoring_it_is_offered_again(
    copied: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    library, copy = copied
    replace = Path.replace

    def fail(self: Path, target: Path) -> Path:
        if target == library / CATALOGUE_NAME:
            raise KeyboardInterrupt
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail)
        with pytest.raises(KeyboardInterrupt):
            restoring.restore(library, copy)
    with pytest.raises(CatalogueDamaged) as caught:
        Catalogue.open(library)
    assert caught.value.library == library
    restoring.restore(library, restoring.find_copies(library)[0])
    assert _verdicts(library) == [1, -1, 1, 0, 1]


def test_the_users_own_copies_are_offered_too(copied: tuple[Path, Path]) -> None:
    library, copy = copied
    mine = copy.with_name("before the holidays.sqlite")
    shutil.copyfile(copy, mine)
    assert restoring.find_copies(library)[-1] == mine
    assert restoring.examine(mine).contents == restoring.examine(copy).contents
    restoring.restore(library, mine)
    assert _verdicts(library) == [1, 1, 0, -1, 1]


def test_a_copy_of_an_earlier_version_is_migrated_when_it_is_opened(
    library: Path, tmp_path: Path
) -> None:
    from lmpt_desktop.catalogue.migrations.run import upgrade
    from lmpt_desktop.catalogue.opening import _mark_ours
    from lmpt_desktop.catalogue.store import Store

    _annotate(library, [1])
    old = library / backups.FOLDER / "old.sqlite"
    store = Store(old)
    with store.write() as connection:
        upgrade(connection, "0001")
        _mark_ours(connection)
    store.close()
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    assert restoring.examine(old).problem == ""
    restoring.restore(library, old)
    with Catalogue.open(library) as catalogue:
        assert catalogue.classes.all() == []
