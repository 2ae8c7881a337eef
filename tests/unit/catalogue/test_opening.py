"""Opening a library: new, sound, locked, newer, damaged, full."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from lmpt_desktop.catalogue import (
    Catalogue,
    CatalogueDamaged,
    CatalogueDiskFull,
    CatalogueLocked,
    CatalogueNewer,
    CatalogueUnwritable,
    Change,
    backups,
    schema,
    store,
)
from lmpt_desktop.catalogue.opening import CATALOGUE_NAME
from lmpt_desktop.domain.records import ClassSpec


def test_a_new_library_is_made_where_there_is_none(library: Path) -> None:
    with Catalogue.open(library / "deep" / "er") as catalogue:
        assert catalogue.folders.all() == []
    assert (library / "deep" / "er" / CATALOGUE_NAME).is_file()


def test_what_was_written_is_there_after_reopening(library: Path, tmp_path: Path) -> None:
    with Catalogue.open(library) as catalogue:
        catalogue.folders.add(tmp_path)
        catalogue.settings.set("backbone", "lite")
    with Catalogue.open(library) as catalogue:
        assert [folder.path for folder in catalogue.folders.all()] == [tmp_path]
        assert catalogue.settings.get("backbone") == "lite"


def test_commits_reach_the_disk_and_foreign_keys_hold(catalogue: Catalogue) -> None:
    with catalogue._store.read() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("synchronous", "journal_mode", "foreign_keys")
        }
    assert settings == {"synchronous": 2, "journal_mode": "wal", "foreign_keys": 1}


def test_a_second_window_is_refused_with_the_reason(library: Path) -> None:
    with Catalogue.open(library, exclusive=True):
        with pytest.raises(CatalogueLocked, match=f"another window.*process {os.getpid()}"):
            Catalogue.open(library, exclusive=True)
        with Catalogue.open(library) as beside:
            beside.settings.set("a", 1)
    Catalogue.open(library, exclusive=True).close()


def test_a_killed_window_leaves_no_lock(library: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from lmpt_desktop.catalogue import Catalogue\n"
        "Catalogue.open(Path(sys.argv[1]), exclusive=True); print('open', flush=True)\n"
        "time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(library)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    with pytest.raises(CatalogueLocked):
        Catalogue.open(library, exclusive=True)
    process.kill()
    process.wait()
    process.stdout.close()
    Catalogue.open(library, exclusive=True).close()


def test_a_newer_catalogue_is_refused_and_not_touched(library: Path) -> None:
    Catalogue.open(library).close()
    path = library / CATALOGUE_NAME
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(CatalogueNewer, match="newer version"):
        Catalogue.open(library)
    assert path.read_bytes() == before


@pytest.mark.parametrize("damage", ["noise", "truncated", "hole"])
def test_a_damaged_catalogue_is_refused_and_its_backups_named(
    library: Path, tmp_path: Path, damage: str
) -> None:
    with Catalogue.open(library) as catalogue:
        catalogue.classes.replace_all(
            [ClassSpec(f"class {i}", "a long description " * 20) for i in range(300)]
        )
    path = library / CATALOGUE_NAME
    whole = path.read_bytes()
    if damage == "noise":
        path.write_bytes(os.urandom(len(whole)))
    elif damage == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    else:
        path.write_bytes(whole[:8192] + b"\xff" * 65536 + whole[73728:])
    with pytest.raises(CatalogueDamaged, match=r"damaged.*1 backup cop.*backups"):
        Catalogue.open(library)


def test_some_other_database_is_not_taken_for_a_catalogue(library: Path) -> None:
    library.mkdir()
    connection = sqlite3.connect(library / CATALOGUE_NAME)
    connection.execute("CREATE TABLE recipes (id INTEGER)")
    connection.close()
    with pytest.raises(CatalogueDamaged, match="not one of LMPT Desktop's"):
        Catalogue.open(library)


def test_an_empty_file_left_by_a_kill_becomes_a_catalogue(library: Path) -> None:
    library.mkdir()
    (library / CATALOGUE_NAME).touch()
    with Catalogue.open(library) as catalogue:
        assert catalogue.classes.all() == []


@pytest.mark.parametrize("left", ["nothing", "an empty file"])
def test_a_lost_catalogue_is_not_replaced_by_an_empty_one_while_there_are_backups(
    library: Path, left: str
) -> None:
    with Catalogue.open(library) as catalogue:
        catalogue.classes.add("dog")
    path = library / CATALOGUE_NAME
    path.unlink()
    if left == "an empty file":
        path.touch()
    with pytest.raises(CatalogueDamaged, match=r"1 backup cop.*-wal"):
        Catalogue.open(library)
    (copy,) = (library / backups.FOLDER).glob("*.sqlite")
    copy.rename(path)
    with Catalogue.open(library) as catalogue:
        assert catalogue.folders.all() == []


def test_a_library_that_is_a_file_is_an_error_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(CatalogueUnwritable, match="cannot be opened for writing"):
        Catalogue.open(tmp_path / "file")


def test_a_full_disk_loses_only_the_change_that_did_not_fit(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Catalogue.open(library) as catalogue:
        kept = catalogue.classes.add("kept")

    connect = store.connect

    def connect_to_full_disk(path: Path) -> sqlite3.Connection:
        connection = connect(path)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        return connection

    monkeypatch.setattr(store, "connect", connect_to_full_disk)
    with Catalogue.open(library) as catalogue:
        with pytest.raises(CatalogueDiskFull, match=r"disk .* is full"):
            catalogue.classes.add("too long", "x" * 100_000)
        assert catalogue.classes.all() == [kept]


def test_a_busy_catalogue_is_an_error_in_a_sentence(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "BUSY_SECONDS", 0.05)
    with Catalogue.open(library) as catalogue:
        other = sqlite3.connect(library / CATALOGUE_NAME, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(CatalogueLocked, match="busy writing"):
            catalogue.settings.set("a", 1)
        other.execute("ROLLBACK")
        other.close()
        catalogue.settings.set("a", 1)


def test_two_processes_can_write_the_same_library(library: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from lmpt_desktop.catalogue import Catalogue\n"
        "with Catalogue.open(Path(sys.argv[1])) as c:\n"
        "    for i in range(15): c.classes.add(f'{sys.argv[2]} {i}')"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(library), name]) for name in ("a", "b")
    ]
    assert [process.wait(60) for process in writers] == [0, 0]
    with Catalogue.open(library) as catalogue:
        assert len(catalogue.classes.all()) == 30


def test_a_day_has_one_backup_and_five_are_kept(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        with Catalogue.open(library) as catalogue:
            catalogue.classes.add("one more") if not catalogue.classes.all() else None
    assert len(backups.existing(library, "daily")) == 1
    for _ in range(7):
        backups.back_up(library / CATALOGUE_NAME, "daily")
    assert len(backups.existing(library, "daily")) == backups.KEEP


def test_a_backup_put_in_place_is_the_library_of_that_time(library: Path, tmp_path: Path) -> None:
    with Catalogue.open(library) as catalogue:
        folder = catalogue.folders.add(tmp_path)
        entry = catalogue.classes.add("dog")
    copy = backups.back_up(library / CATALOGUE_NAME, "daily")
    with Catalogue.open(library) as catalogue:
        catalogue.classes.archive(entry.id)
    (library / CATALOGUE_NAME).write_bytes(copy.read_bytes())
    with Catalogue.open(library) as catalogue:
        assert [item.name for item in catalogue.classes.all()] == ["dog"]
        assert catalogue.folders.get(folder.id) == folder


def test_a_backup_is_not_mixed_with_the_log_of_a_killed_app(library: Path) -> None:
    """The log that a kill leaves behind belongs to the file that the backup replaces."""
    with Catalogue.open(library) as catalogue:
        for number in range(50):
            catalogue.classes.add(f"class {number}", "a long description " * 20)
    copy = backups.back_up(library / CATALOGUE_NAME, "daily")
    killed = """
import os, sys
from pathlib import Path
from lmpt_desktop.catalogue import Catalogue
catalogue = Catalogue.open(Path(sys.argv[1]))
for number in range(50, 200):
    catalogue.classes.add(f"class {number}", "a long description " * 20)
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", killed, str(library)], check=False)
    assert (library / f"{CATALOGUE_NAME}-wal").stat().st_size
    (library / CATALOGUE_NAME).write_bytes(copy.read_bytes())
    with Catalogue.open(library) as catalogue:
        assert len(catalogue.classes.all()) == 50
        catalogue.classes.add("one more")
    with Catalogue.open(library) as catalogue:
        assert len(catalogue.classes.all()) == 51


def test_making_a_catalogue_and_opening_it_again_load_no_alembic(library: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from lmpt_desktop.catalogue import Catalogue\n"
        "for _ in range(2): Catalogue.open(Path(sys.argv[1])).close()\n"
        "print(sorted({'alembic', 'torch', 'PySide6'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(library)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_changes_outlive_kill_dash_nine(library: Path, tmp_path: Path) -> None:
    with Catalogue.open(library) as catalogue:
        folder = catalogue.folders.add(tmp_path)
        entry = catalogue.classes.add("dog")
        assert (folder.id, entry.id) == (1, 1)
    code = (
        "import sys; from pathlib import Path\n"
        "from lmpt_desktop.domain.records import ScannedFile\n"
        "from lmpt_desktop.catalogue import Catalogue, Change\n"
        "c = Catalogue.open(Path(sys.argv[1]))\n"
        "files = [ScannedFile(path=f'{i}.jpg', size=1, mtime_ns=1) for i in range(200)]\n"
        "ids = c.images.upsert(1, files)\n"
        "n = 0\n"
        "while True:\n"
        "    n += 1\n"
        "    c.annotations.apply([Change(i, 1, n % 3 - 1) for i in ids])\n"
        "    print(n, flush=True)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(library)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    told = [int(process.stdout.readline()) for _ in range(20)]
    process.kill()
    told += [int(line) for line in process.stdout.read().split()]
    process.wait()
    process.stdout.close()
    with Catalogue.open(library) as catalogue:
        ids = catalogue.images.table().ids
        matrix = catalogue.annotations.matrix(ids, [1])
        with catalogue._store.read() as connection:
            committed = connection.exec_driver_sql("SELECT count(*) FROM batches").scalar()
            sound = connection.exec_driver_sql("PRAGMA integrity_check").scalar()
    assert sound == "ok"
    # The last batch may have been committed without having been told.
    assert committed in (told[-1], told[-1] + 1)
    assert set(matrix.ravel().tolist()) == {committed % 3 - 1}


def test_the_journal_cannot_be_rewritten(catalogue: Catalogue, tmp_path: Path, make_file) -> None:
    folder = catalogue.folders.add(tmp_path)
    ids = catalogue.images.upsert(folder.id, [make_file("a.jpg")])
    entry = catalogue.classes.add("dog")
    catalogue.annotations.apply([Change(ids[0], entry.id, 1)])
    for statement in ("DELETE FROM journal", "UPDATE journal SET after_verdict = 0"):
        with (
            pytest.raises(sqlite3.IntegrityError, match="append-only"),
            catalogue._store.write() as connection,
        ):
            connection.exec_driver_sql(statement)


def test_the_schema_knows_its_newest_migration() -> None:
    from lmpt_desktop.catalogue.migrations.run import head

    assert head() == schema.HEAD
