from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from altered_files import flip_bit, keep_date, set_orientation
from PIL import Image

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.records import Folder
from lmpt_desktop.ingest import sync
from lmpt_desktop.ingest.finding_texts import KIND_TEXTS, detail
from lmpt_desktop.ingest.reachable import is_reachable
from lmpt_desktop.ingest.sampled_fingerprint import sampled_fingerprint
from lmpt_desktop.ingest.verify import Finding, FindingKind, FolderPart
from lmpt_desktop.ingest.verify import verify as verify_parts

Draw = Callable[..., Path]
Library = Callable[[], Folder]
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions or times")


@pytest.fixture
def scanned(catalogue: Catalogue, photos: Path) -> Library:
    """Scan the photos drawn so far."""

    def scan() -> Folder:
        folder = catalogue.folders.add(photos)
        sync(catalogue, folder.id)
        return catalogue.folders.get(folder.id)

    return scan


def verified(
    catalogue: Catalogue, *folders: Folder, stop: Callable[[], bool] = lambda: False
) -> list[Finding]:
    parts = [FolderPart(folder) for folder in folders]
    return list(verify_parts(catalogue.images, parts, stop))


def kinds(findings: list[Finding]) -> dict[str, FindingKind]:
    return {finding.path: finding.kind for finding in findings}


@pytest.fixture
def turned(draw: Draw) -> Path:
    """A JPEG with an EXIF orientation of 1 (little endian)."""
    exif = Image.Exif()
    exif[0x0112] = 1
    exif.endian = "<"
    return draw("turned.jpg", 5, exif=exif)


def test_photos_that_are_as_they_were_are_fine(
    catalogue: Catalogue, draw: Draw, scanned: Library
) -> None:
    for number, name in enumerate(("a.jpg", "sub/b.png", "c.webp")):
        draw(name, number)
    findings = verified(catalogue, scanned())
    assert kinds(findings) == dict.fromkeys(("a.jpg", "c.webp", "sub/b.png"), FindingKind.FINE)
    assert sum(item.size for item in findings) == sum(
        item.full_path.stat().st_size for item in findings
    )


@pytest.mark.parametrize("name", ["a.jpg", "a.bmp", "a.webp"])
def test_a_flipped_bit_under_the_same_date_is_damage_and_the_good_hashes_stay(
    catalogue: Catalogue, draw: Draw, scanned: Library, name: str
) -> None:
    path = draw(name, 1)
    draw("b.jpg", 2)
    folder = scanned()
    before = catalogue.images.known(folder.id)[name]
    flip_bit(path)
    damaged, fine = verified(catalogue, folder)
    assert (damaged.kind, damaged.same_picture, damaged.reason) == (FindingKind.DAMAGED, False, "")
    assert "Picture damaged" in detail(damaged)
    assert fine.kind is FindingKind.FINE
    after = catalogue.images.known(folder.id)[name]
    assert (after.file_hash, after.picture_hash) == (before.file_hash, before.picture_hash)
    flip_bit(path)
    assert set(kinds(verified(catalogue, folder)).values()) == {FindingKind.FINE}


def test_a_damaged_structure_is_damage(catalogue: Catalogue, draw: Draw, scanned: Library) -> None:
    path = draw("a.png", 1)
    folder = scanned()
    data = path.read_bytes()
    broken = data.replace(b"IDAT", b"IDA\0")
    keep_date(path, lambda: path.write_bytes(broken))
    (finding,) = verified(catalogue, folder)
    assert finding.kind is FindingKind.DAMAGED


def test_a_file_that_cannot_be_opened_any_more_says_why(
    catalogue: Catalogue, draw: Draw, scanned: Library
) -> None:
    path = draw("a.jpg", 1)
    folder = scanned()
    keep_date(path, lambda: path.write_bytes(bytes(path.stat().st_size)))
    (finding,) = verified(catalogue, folder)
    assert finding.kind is FindingKind.DAMAGED
    assert detail(finding).startswith("Cannot be opened: This is not a photo")


def test_an_orientation_written_with_the_date_kept_can_be_taken_over(
    catalogue: Catalogue, turned: Path, scanned: Library
) -> None:
    folder = scanned()
    set_orientation(turned, 6)
    (finding,) = verified(catalogue, folder)
    assert (finding.kind, finding.same_picture) == (FindingKind.ALTERED, True)
    size = catalogue.images.details(finding.image_id)
    assert (size.width, size.height) == (64, 48)
    catalogue.images.expect_change([finding.image_id])
    assert sync(catalogue, folder.id).changed == [finding.image_id]
    size = catalogue.images.details(finding.image_id)
    assert (size.width, size.height) == (48, 64)
    (finding,) = verified(catalogue, folder)
    assert finding.kind is FindingKind.FINE


@posix
def test_metadata_that_no_program_has_changed_is_damage(
    catalogue: Catalogue, turned: Path, scanned: Library
) -> None:
    folder = scanned()
    set_orientation(turned, 3)
    with sqlite3.connect(catalogue.library_folder / "catalogue.sqlite") as database:
        database.execute("UPDATE images SET ctime_ns = ?", (turned.stat().st_ctime_ns,))
    (finding,) = verified(catalogue, folder)
    assert (finding.kind, finding.same_picture) == (FindingKind.DAMAGED, True)
    assert "Only metadata" in detail(finding)


def test_a_file_cut_short_under_the_same_date_is_damage(
    catalogue: Catalogue, draw: Draw, scanned: Library
) -> None:
    short, tiny, empty = (draw(f"{name}.jpg", i) for i, name in enumerate(("a", "b", "c")))
    folder = scanned()
    for path, kept in ((short, 1000), (tiny, 30), (empty, 0)):
        keep_date(path, partial(os.truncate, path, kept))
    findings = verified(catalogue, folder)
    assert [item.kind for item in findings] == [FindingKind.DAMAGED] * 3
    assert not findings[0].reason
    assert findings[2].reason == "The file is empty."


def test_edited_and_touched_photos(catalogue: Catalogue, draw: Draw, scanned: Library) -> None:
    edited, touched, broken = (draw(f"{name}.jpg", i) for i, name in enumerate("abc"))
    folder = scanned()
    draw("a.jpg", 9)
    for path in (edited, touched):
        os.utime(path, (2_000_000_000, 2_000_000_000))
    broken.write_bytes(b"nothing")
    findings = verified(catalogue, folder)
    assert [item.kind for item in findings] == [
        FindingKind.CHANGED,
        FindingKind.FINE,
        FindingKind.DAMAGED,
    ]
    assert findings[0].same_picture is False


def test_deleted_photos_are_gone_and_missing_ones_left_out(
    catalogue: Catalogue, draw: Draw, scanned: Library
) -> None:
    missing, gone = draw("a.jpg", 1), draw("b.jpg", 2)
    draw("c.jpg", 3)
    folder = scanned()
    missing.unlink()
    sync(catalogue, folder.id)
    gone.unlink()
    assert kinds(verified(catalogue, folder)) == {
        "b.jpg": FindingKind.GONE,
        "c.jpg": FindingKind.FINE,
    }


@posix
def test_a_file_that_cannot_be_read_says_why(
    catalogue: Catalogue, draw: Draw, scanned: Library
) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read every file")
    path = draw("a.jpg", 1)
    folder = scanned()
    path.chmod(0)
    (finding,) = verified(catalogue, folder)
    assert finding.kind is FindingKind.UNREADABLE
    assert detail(finding) == "You do not have permission to read this file."


def test_what_fails_while_reading_is_said(
    catalogue: Catalogue, draw: Draw, scanned: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw("a.jpg", 1)
    folder = scanned()
    reading = sys.modules["lmpt_desktop.ingest.reading"]

    def failing(path: Path) -> None:
        raise OSError(5, "Input/output error", str(path))

    monkeypatch.setattr(reading, "open_regular", failing)
    (finding,) = verified(catalogue, folder)
    assert finding.kind is FindingKind.UNREADABLE
    assert "disk" in detail(finding)


@posix
def test_a_pipe_in_the_place_of_a_photo_is_not_waited_for(
    catalogue: Catalogue, draw: Draw, scanned: Library
) -> None:
    path = draw("a.jpg", 1)
    folder = scanned()
    path.unlink()
    os.mkfifo(path)
    (finding,) = verified(catalogue, folder)
    assert (finding.kind, finding.reason) == (FindingKind.UNREADABLE, "This is not a file.")


def test_a_file_that_never_was_a_photo_stays_unreadable(
    catalogue: Catalogue, photos: Path, scanned: Library
) -> None:
    (photos / "a.jpg").write_bytes(b"no photo")
    (photos / "b.jpg").write_bytes(b"")
    findings = verified(catalogue, scanned())
    assert [item.kind for item in findings] == [FindingKind.UNREADABLE] * 2


def test_a_photo_damaged_before_the_last_scan_is_compared_with_what_it_was(
    catalogue: Catalogue, draw: Draw, scanned: Library
) -> None:
    path = draw("a.jpg", 1)
    folder = scanned()
    good = path.read_bytes()
    path.write_bytes(b"damaged")
    sync(catalogue, folder.id)
    (finding,) = verified(catalogue, folder)
    assert finding.kind is FindingKind.DAMAGED
    path.write_bytes(good)
    (finding,) = verified(catalogue, folder)
    assert finding.kind is FindingKind.FINE


def test_a_folder_that_is_not_connected_is_not_gone(
    catalogue: Catalogue, tmp_path: Path, draw: Draw, scanned: Library
) -> None:
    draw("a.jpg", 1)
    draw("b.jpg", 2)
    folder = scanned()
    shutil.move(folder.path, tmp_path / "elsewhere")
    with sqlite3.connect(catalogue.library_folder / "catalogue.sqlite") as database:
        database.execute("UPDATE folders SET device = 1")  # none has that number
    folder = catalogue.folders.get(folder.id)
    (finding,) = verified(catalogue, folder)
    assert (finding.kind, finding.photos) == (FindingKind.UNREACHABLE, 2)
    assert finding.full_path == folder.path
    folder.path.mkdir()  # where the disk was mounted
    assert not is_reachable(folder)
    assert [item.kind for item in verified(catalogue, folder)] == [FindingKind.UNREACHABLE]


def test_a_deleted_folder_is_gone(catalogue: Catalogue, draw: Draw, scanned: Library) -> None:
    draw("a.jpg", 1)
    folder = scanned()
    shutil.rmtree(folder.path)
    assert [item.kind for item in verified(catalogue, folder)] == [FindingKind.GONE]


def test_a_disk_that_is_disconnected_meanwhile(
    catalogue: Catalogue, tmp_path: Path, draw: Draw, scanned: Library
) -> None:
    for number in range(4):
        draw(f"{number}.jpg", number)
    folder = scanned()
    with sqlite3.connect(catalogue.library_folder / "catalogue.sqlite") as database:
        database.execute("UPDATE folders SET device = 1")
    asked = 0

    def disconnect() -> bool:
        nonlocal asked
        asked += 1
        if asked == 3:
            shutil.move(folder.path, tmp_path / "elsewhere")
        return False

    findings = verified(catalogue, catalogue.folders.get(folder.id), stop=disconnect)
    assert [item.kind for item in findings] == [
        FindingKind.FINE,
        FindingKind.FINE,
        FindingKind.UNREACHABLE,
    ]
    assert findings[-1].photos == 2


def forget_hashes(catalogue: Catalogue, folder: Folder) -> None:
    """Leave the catalogue as an earlier version wrote it: with samples only."""
    with sqlite3.connect(catalogue.library_folder / "catalogue.sqlite") as database:
        for name in catalogue.images.known(folder.id):
            with (folder.path / name).open("rb") as file:
                old = sampled_fingerprint(file, (folder.path / name).stat().st_size)
            database.execute(
                "UPDATE images SET file_hash = '', picture_hash = '', ctime_ns = 0, "
                "fingerprint = ? WHERE path = ?",
                (old, name),
            )


def test_photos_never_read_completely_get_their_hashes(
    catalogue: Catalogue, draw: Draw, scanned: Library
) -> None:
    same, other = draw("a.jpg", 1), draw("b.jpg", 2)
    folder = scanned()
    hashes = {name: item[-4:-1] for name, item in catalogue.images.known(folder.id).items()}
    forget_hashes(catalogue, folder)
    flip_bit(other)
    list(verify_parts(catalogue.images, [FolderPart(folder)], lambda: False, record=False))
    assert not any(item.file_hash for item in catalogue.images.known(folder.id).values())
    findings = verified(catalogue, folder)
    assert kinds(findings) == {
        "a.jpg": FindingKind.FIRST_READ,
        "b.jpg": FindingKind.DAMAGED,
    }
    assert findings[1].same_picture is None
    known = catalogue.images.known(folder.id)
    assert known["a.jpg"][-4:-1] == hashes["a.jpg"]
    assert known["b.jpg"].file_hash == ""
    flip_bit(other)
    assert kinds(verified(catalogue, folder)) == {
        "a.jpg": FindingKind.FINE,
        "b.jpg": FindingKind.FIRST_READ,
    }
    assert same.is_file()


def test_it_stops_before_the_next_photo_and_keeps_the_hashes_it_has_read(
    catalogue: Catalogue, draw: Draw, scanned: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        draw(f"{number}.jpg", number)
    folder = scanned()
    forget_hashes(catalogue, folder)
    monkeypatch.setattr(sys.modules["lmpt_desktop.ingest.verify"], "PAGE_FILES", 2)
    asked = iter(range(100))
    findings = verified(catalogue, folder, stop=lambda: next(asked) == 3)
    assert [item.path for item in findings] == ["0.jpg", "1.jpg", "2.jpg"]
    hashed = {name for name, item in catalogue.images.known(folder.id).items() if item.file_hash}
    assert hashed == {"0.jpg", "1.jpg", "2.jpg"}


def test_every_file_is_read_once(
    catalogue: Catalogue, draw: Draw, scanned: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        draw(f"sub {number % 2}/{number}.jpg", number)
    folder = scanned()
    flip_bit(folder.path / "sub 0/2.jpg")
    reading = sys.modules["lmpt_desktop.ingest.reading"]
    opened: list[str] = []
    real = reading.open_regular

    def watched(path: Path) -> object:
        opened.append(path.name)
        return real(path)

    monkeypatch.setattr(reading, "open_regular", watched)
    monkeypatch.setattr(sys.modules["lmpt_desktop.ingest.verify"], "PAGE_FILES", 2)
    assert len(verified(catalogue, folder)) == 5
    assert sorted(opened) == [f"{number}.jpg" for number in range(5)]


def test_a_part_of_a_folder(catalogue: Catalogue, draw: Draw, scanned: Library) -> None:
    for number, name in enumerate(("a/1.jpg", "a b/1.jpg", "a/b/2.jpg", "a0/1.jpg", "c.jpg")):
        draw(name, number)
    folder = scanned()
    found = list(verify_parts(catalogue.images, [FolderPart(folder, "a")], lambda: False))
    assert [item.path for item in found] == ["a/1.jpg", "a/b/2.jpg"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="placeholders as Linux has them")
def test_a_file_that_is_kept_online_is_not_opened(
    catalogue: Catalogue, draw: Draw, scanned: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = draw("a.jpg", 1, size=(200, 200))
    folder = scanned()
    size = path.stat().st_size

    def hollow() -> None:
        with path.open("wb") as file:
            file.truncate(size)

    keep_date(path, hollow)
    if path.stat().st_blocks:
        pytest.skip("this file system keeps no sparse files")
    reading = sys.modules["lmpt_desktop.ingest.reading"]
    monkeypatch.setattr(reading, "open_regular", lambda path: pytest.fail(f"opened {path}"))
    (finding,) = verified(catalogue, folder)
    assert finding.kind is FindingKind.ONLINE_ONLY


@posix
def test_names_that_are_not_unicode(catalogue: Catalogue, draw: Draw, scanned: Library) -> None:
    path = draw("a.jpg", 1)
    try:
        path.rename(os.fsdecode(os.fsencode(path.parent) + b"/\xff\xe9.jpg"))
    except OSError:
        pytest.skip("this file system has Unicode names only")
    (finding,) = verified(catalogue, scanned())
    assert finding.kind is FindingKind.FINE


def test_every_kind_has_a_text() -> None:
    assert set(KIND_TEXTS) == set(FindingKind)
