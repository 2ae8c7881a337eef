"""Walking folders."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.ignore_list import IgnoreList
from lmpt_desktop.domain.records import Folder, KnownFile
from lmpt_desktop.ingest import EVERYTHING, Scope, scan, sync
from lmpt_desktop.ingest.scan import ScanBatch, elsewhere_of
from lmpt_desktop.ingest.sidecars import read_sidecars, text_names

RUNS_AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def known_file(
    image_id: int, size: int, mtime_ns: int, sidecar_mtime_ns: int = 0, **values: Any
) -> KnownFile:
    return KnownFile(
        image_id,
        size,
        mtime_ns,
        sidecar_mtime_ns,
        **{"fingerprint": "f", "taken": None, "missing": False, **values},
    )


def touch(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def all_of(
    folder: Path, known: dict[str, KnownFile] | None = None, scope: Scope = EVERYTHING, **more: Any
) -> ScanBatch:
    """Every batch in one."""
    whole = ScanBatch()
    for batch in scan(folder, known or {}, scope=scope, **more):
        for part in fields(batch):
            getattr(whole, part.name).extend(getattr(batch, part.name))
    return whole


def as_known(folder: Path, **values: Any) -> dict[str, KnownFile]:
    """What the catalogue knows after a scan of ``folder``."""
    return {
        file.path: known_file(
            number,
            file.size,
            file.mtime_ns,
            file.sidecar_mtime_ns,
            **{"ctime_ns": file.ctime_ns, "file_hash": "h", **values},
        )
        for number, file in enumerate(all_of(folder).new, start=1)
    }


def text_beside(photo: Path) -> bytes:
    return read_sidecars(photo, text_names(photo.name)).text


def new_paths(folder: Path) -> list[str]:
    return [file.path for file in all_of(folder).new]


def test_photos_are_found_by_suffix_in_any_case_and_in_order(photos: Path) -> None:
    for name in ("b.JPG", "a.heic", "notes.txt", "z/deep/c.png", "z/d.webp", "jpg", "e.mov"):
        touch(photos / name)
    assert new_paths(photos) == ["a.heic", "b.JPG", "z/d.webp", "z/deep/c.png"]


def test_hidden_files_and_folders_are_left_out(photos: Path) -> None:
    for name in (".a.jpg", ".thumbnails/b.jpg", "c.jpg"):
        touch(photos / name)
    assert new_paths(photos) == ["c.jpg"]


def test_a_hidden_folder_that_was_chosen_is_scanned(tmp_path: Path) -> None:
    touch(tmp_path / ".secret" / "a.jpg")
    assert new_paths(tmp_path / ".secret") == ["a.jpg"]


def test_links_are_followed_once_and_loops_end(photos: Path, tmp_path: Path) -> None:
    touch(photos / "b" / "1.jpg")
    touch(tmp_path / "outside" / "2.jpg")
    (photos / "b" / "loop").symlink_to(photos)
    (photos / "a link to b").symlink_to(photos / "b")
    (photos / "c").symlink_to(tmp_path / "outside")
    (photos / "d.jpg").symlink_to(photos / "b" / "1.jpg")
    (photos / "nowhere.jpg").symlink_to(photos / "gone")
    (photos / "self.jpg").symlink_to(photos / "self.jpg")
    assert new_paths(photos) == ["d.jpg", "b/1.jpg", "c/2.jpg"]


def test_links_that_lead_nowhere_are_named_with_a_reason(photos: Path) -> None:
    touch(photos / "a.jpg")
    (photos / "nowhere.jpg").symlink_to(photos / "gone")
    (photos / "self.jpg").symlink_to(photos / "self.jpg")
    (photos / "notes").symlink_to(photos / "gone")
    problems = [item for batch in scan(photos, {}) for item in batch.problems]
    assert [(item.path, "link" in item.reason) for item in problems] == [
        ("nowhere.jpg", True), ("self.jpg", True),
    ]  # fmt: skip


def test_names_that_are_no_text_are_found(photos: Path) -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    try:
        touch(photos / name)
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    assert new_paths(photos) == [name]


def test_pipes_are_not_photos(photos: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes here")
    os.mkfifo(photos / "pipe.jpg")
    (photos / "folder.jpg").mkdir()
    touch(photos / "folder.jpg" / "a.jpg")
    assert new_paths(photos) == ["folder.jpg/a.jpg"]


def test_a_change_is_recognised_by_size_or_time(photos: Path) -> None:
    known = {}
    for number, name in enumerate(("same", "longer", "later", "back", "never read"), start=1):
        status = touch(photos / f"{name}.jpg").stat()
        known[f"{name}.jpg"] = known_file(
            number,
            status.st_size + (name == "longer"),
            status.st_mtime_ns - (name == "later"),
            missing=name == "back",
            fingerprint="" if name == "never read" else "f",
        )
    found = all_of(photos, known)
    assert found.unchanged == [1]
    assert found.returned == [4]
    assert [file.path for file in found.changed] == ["later.jpg", "longer.jpg", "never read.jpg"]
    assert found.new == []


def test_a_new_sidecar_is_a_change(photos: Path) -> None:
    status = touch(photos / "a.jpg").stat()
    known = {"a.jpg": known_file(1, status.st_size, status.st_mtime_ns)}
    assert all_of(photos, known).unchanged == [1]
    beside = touch(photos / "a.txt", b"a cat").stat()
    (found,) = all_of(photos, known).changed
    assert found.sidecar_mtime_ns == beside.st_mtime_ns


@pytest.mark.skipif(RUNS_AS_ROOT, reason="root may open every folder")
def test_a_folder_that_may_not_be_opened_is_reported_and_the_rest_goes_on(photos: Path) -> None:
    touch(photos / "a" / "1.jpg")
    touch(photos / "b" / "2.jpg")
    (photos / "a").chmod(0)
    try:
        found = all_of(photos)
    finally:
        (photos / "a").chmod(0o755)
    assert [file.path for file in found.new] == ["b/2.jpg"]
    assert [(item.path, "permission" in item.reason) for item in found.problems] == [("a", True)]


def test_a_folder_that_cannot_be_listed_is_reported_and_the_rest_goes_on(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(photos / "a" / "1.jpg")
    touch(photos / "b" / "2.jpg")
    scandir = os.scandir

    def failing(path):
        if Path(path).name == "a":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", failing)
    found = all_of(photos)
    assert [file.path for file in found.new] == ["b/2.jpg"]
    assert [(item.path, "permission" in item.reason) for item in found.problems] == [("a", True)]


def test_a_folder_that_is_not_there_is_a_problem(photos: Path) -> None:
    (problem,) = all_of(photos / "gone").problems
    assert problem.path == ""
    assert "not found" in problem.reason


def test_a_folder_that_vanishes_during_the_scan_ends_it_quietly(photos: Path) -> None:
    for folder in "abc":
        for number in range(600):
            touch(photos / folder / f"{number}.jpg")
    batches = scan(photos, {})
    first = next(batches)
    shutil.rmtree(photos)
    rest = list(batches)
    assert len(first) == 1000
    assert sum(len(batch) for batch in rest) <= 200
    assert not any(batch.problems for batch in rest)


def test_a_scan_can_be_stopped(photos: Path) -> None:
    for folder in range(20):
        touch(photos / str(folder) / "a.jpg")
    asked = iter([False] * 5 + [True] * 100)
    seen: list[int] = []
    found = list(scan(photos, {}, seen.append, lambda: next(asked)))
    assert sum(len(batch) for batch in found) < 20


# ------------------------------------------------------------------------------ changes


def test_a_change_of_nothing_but_the_ctime_is_seen(photos: Path) -> None:
    path = touch(photos / "a.jpg", b"one")
    known = as_known(photos)
    before = path.stat()
    assert all_of(photos, known).unchanged == [1]
    path.write_bytes(b"two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    if path.stat().st_ctime_ns == before.st_ctime_ns:
        pytest.skip("this file system does not say when a file was last changed")
    (found,) = all_of(photos, known).changed
    assert found.ctime_ns == path.stat().st_ctime_ns != known["a.jpg"].ctime_ns
    missing = {"a.jpg": known["a.jpg"]._replace(missing=True)}
    again = all_of(photos, missing)
    assert (again.returned, [file.path for file in again.changed]) == ([], ["a.jpg"])


def test_a_ctime_that_is_not_known_is_no_change(photos: Path) -> None:
    touch(photos / "a.jpg")
    known = as_known(photos, ctime_ns=0)
    assert all_of(photos, known).unchanged == [1]


@pytest.mark.parametrize("year", [1601, 1901, 2300])
def test_times_that_no_catalogue_can_keep_are_kept_as_near_as_possible(
    photos: Path, year: int
) -> None:
    when = int((year - 1970) * 365.2425 * 86400) * 10**9
    path = touch(photos / "a.jpg")
    beside = touch(photos / "a.txt")
    for file in (path, beside):
        os.utime(file, ns=(when, when))
    stored = path.stat().st_mtime_ns
    (found,) = all_of(photos).new
    assert found.mtime_ns == max(-(2**63), min(stored, 2**63 - 1))
    assert found.sidecar_mtime_ns == found.mtime_ns
    assert all_of(photos, as_known(photos)).unchanged == [1]


# ------------------------------------------------------------------------- odd entries


def odd_entries(photos: Path) -> None:
    """Whatever one finds on disks, around the photos cat.png, dog.png and trip.png/1.png."""
    touch(photos / "cat.png")
    (photos / "cat.txt").symlink_to(photos / "gone.txt")
    touch(photos / "dog.png")
    os.mkfifo(photos / "dog.txt")
    (photos / "dog.png.txt").symlink_to(photos / "dog.png.txt")
    os.mkfifo(photos / "pipe.png")
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(photos)  # the path of a socket may not be long
        try:
            listening.bind("socket.png")
        finally:
            os.chdir(here)
    (photos / "device.png").symlink_to("/dev/zero")
    touch(photos.parent / "elsewhere" / "1.png")
    (photos / "trip.png").symlink_to(photos.parent / "elsewhere")


@pytest.mark.skipif(os.name == "nt", reason="no pipes and sockets with names here")
def test_odd_entries_hide_no_photo(photos: Path) -> None:
    odd_entries(photos)
    found = all_of(photos)
    assert [file.path for file in found.new] == ["cat.png", "dog.png", "trip.png/1.png"]
    assert {file.sidecar_mtime_ns for file in found.new} == {0}
    assert found.problems == []
    assert [text_beside(photos / file.path) for file in found.new] == [b""] * 3


@pytest.mark.skipif(os.name == "nt", reason="no pipes and sockets with names here")
def test_a_text_file_that_is_a_folder_or_a_device_is_none(photos: Path) -> None:
    touch(photos / "a.jpg")
    (photos / "a.txt").mkdir()
    touch(photos / "b.jpg")
    (photos / "b.txt").symlink_to("/dev/zero")
    touch(photos / "b.jpg.txt", b"a real caption")
    a, b = all_of(photos).new
    assert (a.sidecar_mtime_ns, text_beside(photos / "a.jpg")) == (0, b"")
    assert b.sidecar_mtime_ns == (photos / "b.jpg.txt").stat().st_mtime_ns
    assert text_beside(photos / "b.jpg") == b"a real caption"


class _Entry:
    """A directory entry of which some answers are replaced."""

    def __init__(self, entry: os.DirEntry[str], **answers: Any) -> None:
        self._entry = entry
        self._answers = answers

    def __getattr__(self, name: str) -> Any:
        return self._answers.get(name) or getattr(self._entry, name)


def replace_entries(
    monkeypatch: pytest.MonkeyPatch, replaced: Callable[[os.DirEntry[str]], Any]
) -> None:
    """Let ``os.scandir`` give other entries."""
    scandir = os.scandir

    class Listing:
        def __init__(self, path: Any) -> None:
            self._entries = scandir(path)

        def __enter__(self) -> Iterator[Any]:
            return map(replaced, self._entries)

        def __exit__(self, *_: object) -> None:
            self._entries.close()

    monkeypatch.setattr(os, "scandir", Listing)


def raising(error: Exception) -> Callable[..., Any]:
    def answer(**_: object) -> Any:
        raise error

    return answer


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(5, "Input/output error"), "the disk reports an error"),
        (PermissionError(13, "Permission denied"), "permission"),
        (OverflowError("timestamp out of range"), "timestamp out of range"),
        (ValueError("embedded null byte"), "embedded null byte"),
        (FileNotFoundError(2, "No such file"), ""),
    ],
)
def test_an_entry_that_cannot_be_looked_at_costs_that_entry_only(
    photos: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg", "c.txt", "z/d.jpg"):
        touch(photos / name)
    odd = {"b.jpg", "c.txt"}
    replace_entries(monkeypatch, lambda e: _Entry(e, stat=raising(error)) if e.name in odd else e)
    found = all_of(photos)
    assert [file.path for file in found.new] == ["a.jpg", "c.jpg", "z/d.jpg"]
    expected = [("b.jpg", False), ("c.txt", False)] if words else []
    assert [(item.path, item.gone) for item in found.problems] == expected
    assert all(words in item.reason for item in found.problems)


def test_a_photo_that_cannot_be_looked_at_is_not_called_missing(
    photos: Path, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.jpg", "b.jpg", "trip/c.jpg"):
        touch(photos / name)
    (photos / "d.jpg").symlink_to(photos.parent / "d.jpg")
    touch(photos.parent / "d.jpg")
    folder = catalogue.folders.add(photos)
    sync(catalogue, folder.id)
    (photos.parent / "d.jpg").unlink()
    error = OSError(5, "Input/output error")
    odd = {"b.jpg": {"stat": raising(error)}, "trip": {"is_dir": raising(error)}}
    replace_entries(monkeypatch, lambda entry: _Entry(entry, **odd.get(entry.name, {})))
    report = sync(catalogue, folder.id)
    assert {item.path for item in report.problems} == {"b.jpg", "d.jpg", "trip"}
    missing = {path for path, item in catalogue.images.known(folder.id).items() if item.missing}
    assert missing == {"d.jpg"}


def test_what_was_listed_before_an_error_is_kept(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.jpg", "b.jpg", "z/c.jpg"):
        touch(photos / name)
    count = iter(range(9))

    def failing(entry: os.DirEntry[str]) -> os.DirEntry[str]:
        if Path(entry.path).parent == photos and next(count) == 1:
            raise OSError(5, "Input/output error")
        return entry

    replace_entries(monkeypatch, failing)
    found = all_of(photos)
    assert len(found) == 1
    assert [item.path for item in found.problems] == [""]


# ------------------------------------------------- which folders are one and the same


def test_a_link_to_a_folder_named_like_a_photo_is_a_folder(photos: Path, tmp_path: Path) -> None:
    touch(tmp_path / "outside" / "1.jpg")
    (photos / "trip.png").symlink_to(tmp_path / "outside")
    assert new_paths(photos) == ["trip.png/1.jpg"]


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("entries_too", [True, False])
@pytest.mark.parametrize(
    "names", [{"a/1.jpg", "a/a/1.jpg", "b/1.jpg", "b/c/1.jpg"}, {"x/y/x/y/x/1.jpg"}]
)
def test_folders_are_told_apart_where_inode_numbers_are_no_help(
    photos: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    entries_too: bool,
    names: set[str],
) -> None:
    for name in names:
        touch(photos / name)
    if "b/1.jpg" in names:
        (photos / "loop").symlink_to(photos)
        (photos / "to b").symlink_to(photos / "b")
    looked = os.stat

    def without_numbers(path: Any, **more: Any) -> os.stat_result:
        """One number for all, and no times either."""
        status = looked(path, **more)
        return os.stat_result((status.st_mode, number, 7, *status[3:7], 0, 0, 0))

    monkeypatch.setattr(os, "stat", without_numbers)
    if entries_too:
        replace_entries(monkeypatch, lambda entry: _Entry(entry, inode=lambda: number))
    assert set(new_paths(photos)) == names


def test_a_server_that_follows_its_own_links_shows_no_endless_folders(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(photos / "a" / "1.jpg")
    touch(photos / "b" / "2.jpg")
    (photos / "a" / "up").symlink_to(photos)
    (photos / "b" / "self").symlink_to(photos / "b")

    def followed(entry: os.DirEntry[str]) -> Any:
        status = Path(entry.path).stat()
        return _Entry(
            entry,
            is_symlink=lambda: False,
            is_dir=lambda **_: Path(entry.path).is_dir(),
            stat=lambda **_: status,
            inode=lambda: status.st_ino,
        )

    replace_entries(monkeypatch, followed)
    assert new_paths(photos) == ["a/1.jpg", "b/2.jpg"]


def test_links_among_each_other_end_and_list_every_photo_once(photos: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    touch(photos / "own" / "1.jpg")
    touch(outside / "deep" / "2.jpg")
    (outside / "back").symlink_to(photos)
    (outside / "deep" / "round").symlink_to(outside)
    (photos / "a").symlink_to(outside / "deep")
    (photos / "b").symlink_to(outside)
    (photos / "c").symlink_to(photos / "b")
    (photos / "d").symlink_to(tmp_path)
    assert new_paths(photos) == ["own/1.jpg", "a/2.jpg"]


def test_a_hidden_folder_is_seen_through_a_link(photos: Path) -> None:
    touch(photos / ".hidden" / "1.jpg")
    (photos / "shown").symlink_to(photos / ".hidden")
    assert new_paths(photos) == ["shown/1.jpg"]


def test_a_scan_of_a_part_does_not_follow_links(photos: Path, tmp_path: Path) -> None:
    touch(photos / "a" / "1.jpg")
    touch(tmp_path / "outside" / "sub" / "2.jpg")
    (photos / "a" / "out").symlink_to(tmp_path / "outside")
    (photos / "b").symlink_to(tmp_path / "outside")
    found = all_of(photos, scope=Scope(deep=frozenset({"a", "b", "b/sub"})))
    assert [file.path for file in found.new] == ["a/1.jpg"]
    assert sorted(found.left_out) == ["a/out", "b"]


# --------------------------------------------------- other folders of the same library


def library(*paths: Path) -> list[Folder]:
    return [Folder(number, path) for number, path in enumerate(paths, start=1)]


def listed(folders: list[Folder]) -> list[str]:
    """What the scans of all folders find, by folder id."""
    return sorted(
        f"{folder.id} {file.path}"
        for folder in folders
        for file in all_of(folder.path, elsewhere=elsewhere_of(folder, folders)).new
    )


def test_what_another_folder_lists_is_not_entered_through_links(
    photos: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    touch(photos / "1.jpg")
    touch(other / "sub" / "2.jpg")
    touch(tmp_path / "3.jpg")
    (photos / "all").symlink_to(other)
    (photos / "part").symlink_to(other / "sub")
    (photos / "around").symlink_to(tmp_path)
    (other / "back").symlink_to(photos)
    folders = library(photos, other)
    assert listed(folders) == ["1 1.jpg", "1 around/3.jpg", "2 sub/2.jpg"]
    found = all_of(photos, elsewhere=elsewhere_of(folders[0], folders))
    assert sorted(found.listed_elsewhere) == ["all", "around/other", "part"]
    assert found.left_out == []


def test_what_is_hidden_in_another_folder_is_listed_through_a_link(
    photos: Path, tmp_path: Path
) -> None:
    touch(tmp_path / "other" / ".hidden" / "1.jpg")
    (photos / "link").symlink_to(tmp_path / "other" / ".hidden")
    assert listed(library(photos, tmp_path / "other")) == ["1 link/1.jpg"]


def test_folders_within_each_other_by_a_link_list_every_photo_once(
    photos: Path, tmp_path: Path
) -> None:
    touch(photos / "1.jpg")
    touch(photos / "trip" / "2.jpg")
    (tmp_path / "link").symlink_to(photos / "trip")
    assert listed(library(photos, tmp_path / "link")) == ["1 1.jpg", "2 2.jpg"]
    assert listed(library(tmp_path / "link", photos)) == ["1 2.jpg", "2 1.jpg"]
    part = all_of(
        photos,
        scope=Scope(deep=frozenset({"trip"})),
        elsewhere=[os.path.realpath(photos / "trip")],
    )
    assert (part.new, part.listed_elsewhere) == ([], ["trip"])


def test_the_same_folder_twice_is_listed_by_the_first(photos: Path, tmp_path: Path) -> None:
    touch(photos / "1.jpg")
    (tmp_path / "link").symlink_to(photos)
    assert listed(library(tmp_path / "link", photos)) == ["1 1.jpg"]
    folders = library(photos, tmp_path / "link")
    again = all_of(tmp_path / "link", elsewhere=elsewhere_of(folders[1], folders))
    assert (again.new, again.listed_elsewhere) == ([], [""])
    hidden = [Folder(1, photos, hidden=True), Folder(2, tmp_path / "link")]
    assert elsewhere_of(hidden[1], hidden) == frozenset()


# --------------------------------------------------------------------------------- left out


def test_the_ignore_list_and_nomedia_leave_out_folders_and_all_below_them(photos: Path) -> None:
    names = ("a.jpg", "b/c.jpg", "@eaDir/d.jpg", "b/#recycle/e/f.jpg", "g/h/i.jpg")
    for name in (*names, "g/.nomedia"):
        touch(photos / name)
    found = all_of(photos)
    assert [file.path for file in found.new] == ["a.jpg", "b/c.jpg"]
    assert sorted(found.ignored) == ["@eaDir", "b/#recycle", "g"]
    everything = all_of(photos, ignore=IgnoreList((), nomedia=False))
    assert {file.path for file in everything.new} == set(names)
    # A part of the folder is left out as it is in a scan of everything.
    for part in ("b/#recycle/e", "g/h"):
        scope = Scope(deep=frozenset({part}))
        assert (all_of(photos, scope=scope).new, all_of(photos, scope=scope).ignored) == (
            [],
            [part],
        )


def test_files_that_are_no_photos_are_counted_by_suffix(photos: Path) -> None:
    names = ("a.jpg", "b.MOV", "c/d.mov", "e", "a.xmp", "a.jpg.json", "notes.TXT", "t.csv")
    for name in (*names, ".hidden.mov", "Thumbs.db", "@eaDir/f.mov", "a b.c d"):
        touch(photos / name)
    os.mkfifo(photos / "pipe.mov")
    (photos / "nowhere.mov").symlink_to(photos / "gone")
    assert sorted(all_of(photos).others) == ["", "", ".mov", ".mov"]
