"""Libraries on disks without shared memory or without locks, as some network shares are."""

from __future__ import annotations

import errno
import json
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from catalogue_0001 import FirstCatalogue
from odd_shares import OddShare, make_odd_share

from lmpt_desktop.catalogue import Catalogue, CatalogueLocked, CatalogueReadOnly, backups
from lmpt_desktop.catalogue import store as store_module
from lmpt_desktop.catalogue.disk_access import DiskAccess
from lmpt_desktop.catalogue.opening import CATALOGUE_NAME, SHUTDOWN_RECORD_NAME
from lmpt_desktop.catalogue.store import Store

MISLEADING = ("full", "room", "busy", "damaged", "permissions")

OPEN = """
import json, sys, time
from pathlib import Path
from lmpt_desktop.catalogue import Catalogue, CatalogueError
found = {"error": "", "message": "", "refused": "", "refusal": ""}
began = time.monotonic()
try:
    with Catalogue.open(Path(sys.argv[1]), exclusive=True) as catalogue:
        found["read_only"] = catalogue.read_only
        found["classes"] = [entry.name for entry in catalogue.classes.all()]
        found["version"] = catalogue.external_version()
        with catalogue._store.read() as connection:
            for name in ("journal_mode", "synchronous", "foreign_keys"):
                found[name] = connection.exec_driver_sql(f"PRAGMA {name}").scalar()
        try:
            catalogue.classes.add(sys.argv[2])
        except CatalogueError as error:
            found["refused"], found["refusal"] = type(error).__name__, str(error)
except CatalogueError as error:
    found["error"], found["message"] = type(error).__name__, str(error)
print(json.dumps(found))
"""

KILLED = """
import os, sys
from pathlib import Path
from lmpt_desktop.catalogue import Catalogue
catalogue = Catalogue.open(Path(sys.argv[1]))
for number in range(60):
    catalogue.classes.add(f"class {number}", "a long description " * 20)
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def share(library: Path, tmp_path_factory: pytest.TempPathFactory) -> OddShare:
    return make_odd_share(library, tmp_path_factory.getbasetemp())


def opened(share: OddShare, add: object = "cat", **errors: int) -> dict:
    return json.loads(share.run(OPEN, share.folder, add, **errors))


def no_shared_memory() -> dict[str, int]:
    return {"mmap": errno.ENODEV}


def killed_with_a_log(library: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(library)], check=False)
    assert (library / f"{CATALOGUE_NAME}-wal").stat().st_size


# --------------------------------------------------------------------------- no shared memory


def test_a_library_is_made_and_used_without_shared_memory(share: OddShare) -> None:
    first = opened(share, "cat", **no_shared_memory())
    again = opened(share, "dog", **no_shared_memory())
    assert (first["error"], first["refused"], again["error"], again["refused"]) == ("",) * 4
    assert again["classes"] == ["cat"]
    assert (again["journal_mode"], again["synchronous"], again["foreign_keys"]) == (
        "truncate",
        2,
        1,
    )
    assert len(backups.existing(share.folder, "daily")) == 1
    # Back on an ordinary disk it is an ordinary library.
    with Catalogue.open(share.folder) as catalogue:
        assert [entry.name for entry in catalogue.classes.all()] == ["cat", "dog"]
        with catalogue._store.read() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_a_log_moved_to_a_disk_without_shared_memory_is_read(share: OddShare) -> None:
    """A library whose app was killed on another disk: what its log holds is not lost."""
    killed_with_a_log(share.folder)
    (share.folder / f"{CATALOGUE_NAME}-shm").unlink()
    found = opened(share, **no_shared_memory())
    assert found["classes"] == [f"class {number}" for number in range(60)]
    assert not (share.folder / f"{CATALOGUE_NAME}-wal").exists()


def test_a_killed_app_loses_no_commit_without_shared_memory(share: OddShare) -> None:
    with share.start(KILLED, share.folder, **no_shared_memory()) as process:
        process.communicate(timeout=120)
    found = opened(share, **no_shared_memory())
    assert found["classes"] == [f"class {number}" for number in range(60)]


def test_a_library_that_is_open_where_there_is_shared_memory_is_left_alone(
    share: OddShare,
) -> None:
    with Catalogue.open(share.folder) as catalogue:
        catalogue.classes.add("dog")
        code = OPEN.replace(", exclusive=True", "")
        code = "from lmpt_desktop.catalogue import opening\nopening.ALONE_SECONDS = 0.1\n" + code
        found = json.loads(share.run(code, share.folder, "cat", mmap=errno.ENODEV))
        assert found["error"] == "CatalogueLocked"
        assert "no shared memory" in found["message"]
        catalogue.classes.add("fox")
    assert opened(share, **no_shared_memory())["classes"] == ["dog", "fox"]


@pytest.fixture
def journal_store(library: Path) -> Iterator[Store]:
    """A catalogue as it is used without shared memory."""
    Catalogue.open(library).close()
    path = library / CATALOGUE_NAME
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = TRUNCATE")
    connection.close()
    opened_store = Store(path, DiskAccess.LOCKS)
    yield opened_store
    opened_store.close()


def _set(store: Store, key: str, value: str = "1") -> None:
    with store.write() as connection:
        connection.exec_driver_sql(
            "INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)", (key, value)
        )


def _settings(store: Store) -> dict[str, str]:
    with store.read() as connection:
        found = connection.exec_driver_sql("SELECT key, value FROM settings").all()
        return {row[0]: row[1] for row in found}


def test_readers_of_the_same_program_never_make_a_write_fail(
    journal_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "BUSY_SECONDS", 0.05)
    failures: list[Exception] = []
    ended = threading.Event()

    def read() -> None:
        try:
            while not ended.is_set():
                _settings(journal_store)
        except Exception as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(50):
        _set(journal_store, str(number))
    ended.set()
    for reader in readers:
        reader.join()
    assert failures == []
    assert {str(number) for number in range(50)} <= _settings(journal_store).keys()


def test_a_short_write_timeout_is_kept_while_another_thread_reads(journal_store: Store) -> None:
    reading, done = threading.Event(), threading.Event()

    def read() -> None:
        with journal_store.read():
            reading.set()
            done.wait(30)

    reader = threading.Thread(target=read)
    reader.start()
    reading.wait(30)
    with (
        journal_store.write_timeout(0.03),
        pytest.raises(CatalogueLocked),
        journal_store.write(),
    ):
        pass
    done.set()
    reader.join()
    with journal_store.write_timeout(0.03):
        _set(journal_store, "a")
    assert "a" in _settings(journal_store)


def test_a_large_write_and_a_read_within_it_do_not_block_each_other(journal_store: Store) -> None:
    """More than the page cache holds: it must not take the file alone before the commit."""
    with journal_store.write() as connection:
        for number in range(40):
            connection.exec_driver_sql(
                "INSERT INTO settings (key, value) VALUES (?, ?)", (str(number), "x" * 1_000_000)
            )
        assert not {str(number) for number in range(40)} & _settings(journal_store).keys()
    assert len(_settings(journal_store)["39"]) == 1_000_000


def test_a_program_that_reads_delays_a_write_and_nothing_is_half_done(
    journal_store: Store,
) -> None:
    other = sqlite3.connect(journal_store.path, isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT * FROM settings").fetchall()
    with journal_store.write_timeout(0.03), pytest.raises(CatalogueLocked, match="busy"):
        _set(journal_store, "a")
    other.execute("COMMIT")
    other.close()
    assert "a" not in _settings(journal_store)
    _set(journal_store, "a")
    assert "a" in _settings(journal_store)


def test_writes_of_other_programs_are_noticed_without_shared_memory(journal_store: Store) -> None:
    other = Store(journal_store.path, DiskAccess.LOCKS)
    before = journal_store.external_version()
    _set(journal_store, "own")
    assert journal_store.external_version() == before
    _set(other, "foreign")
    other.close()
    assert journal_store.external_version() != before
    assert "foreign" in _settings(journal_store)


# ------------------------------------------------------------------------------------ no locks


@pytest.mark.parametrize(
    "errors",
    [
        {"fcntl": errno.ENOLCK},
        {"fcntl": errno.EACCES, "flock": errno.EACCES},
        {"fcntl": errno.EOPNOTSUPP, "flock": errno.EOPNOTSUPP, "mmap": errno.ENODEV},
    ],
    ids="-".join,
)
def test_without_locks_a_library_is_read_and_never_written(
    share: OddShare, errors: dict[str, int]
) -> None:
    killed_with_a_log(share.folder)
    kept = {
        path.name: path.read_bytes() for path in share.folder.iterdir() if path.suffix == ".sqlite"
    } | {"log": (share.folder / f"{CATALOGUE_NAME}-wal").read_bytes()}
    found = opened(share, **errors)
    assert (found["error"], found["read_only"], found["version"]) == ("", True, 0)
    assert found["classes"] == [f"class {number}" for number in range(60)]
    assert found["refused"] == "CatalogueReadOnly"
    assert "does not support file locks" in found["refusal"]
    assert not [word for word in MISLEADING if word in found["refusal"]]
    assert kept == {
        path.name: path.read_bytes() for path in share.folder.iterdir() if path.suffix == ".sqlite"
    } | {"log": (share.folder / f"{CATALOGUE_NAME}-wal").read_bytes()}
    with Catalogue.open(share.folder) as catalogue:
        assert len(catalogue.classes.all()) == 60


def test_without_locks_no_library_is_made(share: OddShare) -> None:
    for errors in ({"fcntl": errno.ENOLCK}, {"fcntl": errno.ENOLCK, "flock": errno.ENOSYS}):
        found = opened(share, **errors)
        assert found["error"] == "CatalogueReadOnly"
        assert "does not support file locks" in found["message"]
        assert "new library" in found["message"]
        assert not [word for word in MISLEADING if word in found["message"]]
    assert not list(share.folder.glob("*.sqlite"))


def test_without_locks_an_older_library_is_not_migrated(share: OddShare) -> None:
    share.folder.rmdir()
    FirstCatalogue(share.folder).close()
    before = (share.folder / CATALOGUE_NAME).read_bytes()
    found = opened(share, fcntl=errno.ENOLCK)
    assert (found["error"], "earlier version" in found["message"]) == ("CatalogueReadOnly", True)
    assert (share.folder / CATALOGUE_NAME).read_bytes() == before


def test_without_locks_an_interrupted_change_is_not_completed(
    share: OddShare, tmp_path: Path
) -> None:
    """A journal beside the catalogue says how to take half a change back, which is a write."""
    with Catalogue.open(share.folder) as catalogue:
        for number in range(100):
            catalogue.classes.add(f"class {number}", "a description" * 20)
    copies = tmp_path / "copies"
    copies.mkdir()
    connection = sqlite3.connect(share.folder / CATALOGUE_NAME, isolation_level=None)
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("PRAGMA cache_size = 5")
    connection.execute("BEGIN")
    connection.execute("UPDATE classes SET description = 'half done'")
    for name in (CATALOGUE_NAME, f"{CATALOGUE_NAME}-journal"):
        shutil.copy(share.folder / name, copies / name)
    connection.close()
    for copy in copies.iterdir():
        shutil.copy(copy, share.folder / copy.name)
    found = opened(share, fcntl=errno.ENOLCK)
    assert (found["error"], "interrupted" in found["message"]) == ("CatalogueReadOnly", True)
    with Catalogue.open(share.folder) as catalogue:
        assert {entry.description for entry in catalogue.classes.all()} == {"a description" * 20}


@pytest.mark.parametrize("checked", [True, False])
def test_without_locks_what_another_program_writes_does_not_look_like_damage(
    share: OddShare, checked: bool
) -> None:
    """The advice to put a backup in its place would be a bad one."""
    with Catalogue.open(share.folder) as catalogue:
        for number in range(100):
            catalogue.classes.add(f"class {number}", "a description" * 20)
    path = share.folder / CATALOGUE_NAME
    body = bytearray(path.read_bytes())
    for start in range(4096 * 5, len(body), 4096):
        body[start : start + 16] = b"\xff" * 16
    path.write_bytes(body)
    record = share.folder / SHUTDOWN_RECORD_NAME
    note = json.loads(record.read_text(encoding="utf-8"))
    changed = {"mtime_ns": path.stat().st_mtime_ns if checked else 0}
    record.write_text(json.dumps(note | changed), encoding="utf-8")
    found = opened(share, fcntl=errno.ENOLCK)
    assert found["error"] == "CatalogueReadOnly"
    assert "another program" in found["message"]
    assert not [word for word in MISLEADING if word in found["message"]]


def test_a_lock_of_the_kind_that_the_share_knows_keeps_a_second_window_out(
    share: OddShare,
) -> None:
    waits = "import sys\nfrom pathlib import Path\nfrom lmpt_desktop.catalogue import Catalogue\n"
    waits += "with Catalogue.open(Path(sys.argv[1]), exclusive=True):\n"
    waits += "    print('open', flush=True)"
    waits += "\n    sys.stdin.read()"
    with share.start(waits, share.folder, flock=errno.EOPNOTSUPP) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        found = opened(share, flock=errno.EOPNOTSUPP)
        process.kill()
    assert (found["error"], "another window" in found["message"]) == ("CatalogueLocked", True)
    assert opened(share, flock=errno.EOPNOTSUPP)["error"] == ""


def test_a_library_without_locks_says_so_when_it_is_written_from_any_place(
    library: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with Catalogue.open(library) as catalogue:
        catalogue.classes.add("dog")

    def no_lock(_descriptor: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("lmpt_desktop.catalogue.locks.try_lock", no_lock)
    monkeypatch.setattr("lmpt_desktop.catalogue.locks.locks_work", lambda _folder: False)
    with Catalogue.open(library, exclusive=True) as catalogue:
        assert catalogue.read_only
        for write in (
            lambda: catalogue.folders.add(tmp_path),
            lambda: catalogue.settings.set("a", 1),
            lambda: catalogue.annotations.set_reviewed([1], reviewed=True),
        ):
            with pytest.raises(CatalogueReadOnly, match="open for reading only"):
                write()
