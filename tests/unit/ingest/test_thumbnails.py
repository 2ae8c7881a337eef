"""The thumbnail cache."""

from __future__ import annotations

import errno
import io
import os
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from colour_profiles import swapped_profile
from odd_shares import make_odd_share
from PIL import Image

from lmpt_desktop.ingest import ThumbnailStore, fingerprint, thumbnails
from trainer.decoding import DecodedPhoto, Wanted
from trainer.photo import UnreadablePhoto, read_photo


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ThumbnailStore]:
    made = ThumbnailStore(tmp_path)
    yield made
    made.close()


def get_or_make(store: ThumbnailStore, path: Path, fingerprint: str, size: int) -> bytes:
    """What the window does: the thumbnail kept, else a new one."""
    kept = store.get(fingerprint, size)
    return store.make(path, fingerprint, size) if kept is None else kept


def opened(jpeg: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(jpeg))
    image.load()
    return image


def test_a_thumbnail_is_made_once_and_kept(tmp_path: Path, store: ThumbnailStore, draw) -> None:
    path = draw("a.png", size=(400, 200))
    assert store.get("f", 128) is None
    made = get_or_make(store, path, "f", 128)
    assert opened(made).size == (128, 64)
    path.unlink()
    assert get_or_make(store, path, "f", 128) == made
    assert store.get("f", 256) is None
    store.close()
    again = ThumbnailStore(tmp_path)
    assert again.get("f", 128) == made
    again.close()


def test_thumbnails_are_upright_and_never_larger_than_the_photo(
    store: ThumbnailStore, draw
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = draw("a.jpg", size=(80, 40), exif=exif)
    assert opened(store.make(path, "f", 256)).size == (40, 80)
    assert opened(store.make(path, "f", 20)).size == (10, 20)


def test_thumbnails_are_in_srgb_and_carry_no_profile(store: ThumbnailStore, draw) -> None:
    """A profile whose red is green: shown without it, the photo would be of another colour."""
    path = draw("a.jpg")
    Image.new("RGB", (300, 200), (255, 0, 0)).save(path, icc_profile=swapped_profile(), quality=95)
    thumbnail = opened(store.make(path, "f", 128))
    assert "icc_profile" not in thumbnail.info
    pixel = thumbnail.getpixel((64, 40))
    assert isinstance(pixel, tuple)
    red, green, blue = pixel
    assert green > 200
    assert max(red, blue) < 90


def test_a_large_jpeg_is_decoded_at_reduced_size(
    store: ThumbnailStore, draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = draw("a.jpg", size=(1600, 1200))
    asked: list[Wanted] = []
    pool = thumbnails.shared_pool()

    class Pool:
        def decode(self, path: Path, wanted: Wanted) -> DecodedPhoto:
            asked.append(wanted)
            return pool.decode(path, wanted)

    monkeypatch.setattr(thumbnails, "shared_pool", Pool)
    assert opened(store.make(path, "f", 128)).size == (128, 96)
    assert [(wanted.at_least, wanted.longer) for wanted in asked] == [(128, True)]
    assert read_photo(path, at_least=128, longer=True).size == (200, 150)


def test_a_moved_photo_keeps_its_thumbnail(
    store: ThumbnailStore, draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = draw("a.jpg")
    made = store.make(path, fingerprint(path), 128)
    there = path.rename(path.with_name("renamed.jpg"))
    monkeypatch.setattr(thumbnails, "shared_pool", None)
    assert get_or_make(store, there, fingerprint(there), 128) == made


def test_a_photo_that_cannot_be_decoded_raises(store: ThumbnailStore, photos: Path) -> None:
    (photos / "a.jpg").write_bytes(b"")
    with pytest.raises(UnreadablePhoto):
        get_or_make(store, photos / "a.jpg", "f", 128)


def test_without_a_fingerprint_nothing_is_kept(store: ThumbnailStore, draw) -> None:
    store.make(draw("a.png"), "", 64)
    assert store.get("", 64) is None


def test_what_was_not_looked_at_for_longest_goes_first(tmp_path: Path, draw) -> None:
    path = draw("a.png", size=(200, 200))
    one = len(thumbnails.make_jpeg(path, 200))
    store = ThumbnailStore(tmp_path, cap_bytes=10 * one + 10)
    for number in range(10):
        store.make(path, f"{number}", 200)
    assert store.get("0", 200) is not None
    store.make(path, "10", 200)
    kept = [number for number in range(11) if store.get(f"{number}", 200)]
    store.close()
    assert 0 in kept
    assert 10 in kept
    assert 1 not in kept
    assert len(kept) * one <= 10 * one * 0.9 + one
    assert len(kept) >= 8


@pytest.mark.parametrize("damage", ["noise", "truncated", "newer"])
def test_a_damaged_cache_is_replaced(tmp_path: Path, draw, damage: str) -> None:
    path = draw("a.png", size=(200, 200))
    store = ThumbnailStore(tmp_path)
    for number in range(30):
        store.make(path, f"{number}", 200)
    store.close()
    file = tmp_path / thumbnails.NAME
    if damage == "noise":
        file.write_bytes(os.urandom(5000))
    elif damage == "truncated":
        file.write_bytes(file.read_bytes()[:20_000])
    else:
        connection = sqlite3.connect(file)
        connection.execute("PRAGMA user_version = 99")
        connection.close()
    store = ThumbnailStore(tmp_path)
    made = get_or_make(store, path, "29", 200)
    assert opened(made).size == (200, 200)
    assert store.get("29", 200) == made
    store.close()


def test_a_cache_that_cannot_be_written_still_makes_thumbnails(tmp_path: Path, draw) -> None:
    path = draw("a.png")
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / thumbnails.NAME).mkdir()
    store = ThumbnailStore(tmp_path / "library")
    assert store.get("f", 64) is None
    assert opened(get_or_make(store, path, "f", 64)).size == (64, 48)
    store.close()


def test_many_threads_share_a_store(tmp_path: Path, store: ThumbnailStore, draw) -> None:
    paths = [draw(f"{i}.png", seed=i) for i in range(8)]

    def work(step: int) -> bytes:
        return get_or_make(store, paths[step % 8], f"{step % 8}", 32)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(work, range(400)))
    assert len(set(found)) == 8


def test_a_closed_store_keeps_and_finds_nothing(store: ThumbnailStore, draw) -> None:
    path = draw("a.png")
    store.make(path, "f", 64)
    store.close()
    assert store.get("f", 64) is None
    assert opened(get_or_make(store, path, "f", 64)).size == (64, 48)


def test_thumbnails_used_in_the_future_do_not_displace_new_ones(tmp_path: Path, draw) -> None:
    """Once, the clock was wrong; ever after, new thumbnails would be the first to go."""
    path = draw("a.png", size=(300, 200))
    size = len(ThumbnailStore(tmp_path / "none").make(path, "", 128))
    store = ThumbnailStore(tmp_path, cap_bytes=size * 4)
    for name in "abcd":
        store.make(path, name, 128)
    store.close()
    with sqlite3.connect(tmp_path / thumbnails.NAME) as connection:
        connection.execute("UPDATE thumbnails SET used = ?", (2 * time.time_ns(),))
    connection.close()
    store = ThumbnailStore(tmp_path, cap_bytes=size * 4)
    for name in "efg":
        store.make(path, name, 128)
    assert all(store.get(name, 128) for name in "efg")
    store.close()


MAKE_TWICE = """
import sys, time
from pathlib import Path
from lmpt_desktop.ingest import ThumbnailStore
library, photo = Path(sys.argv[1]), Path(sys.argv[2])
kept = []
for attempt in range(2):
    store = ThumbnailStore(library)
    kept.append(store.get("f", 128) is not None)
    assert store.make(photo, "f", 128)
    kept.append(store.get("f", 128) is not None)
    store.close()
print(*kept)
"""


@pytest.mark.parametrize(
    ("errors", "kept"),
    [
        ({"mmap": errno.ENODEV}, "False True True True"),
        ({"fcntl": errno.EOPNOTSUPP}, "False False False False"),
    ],
    ids=["no shared memory", "no locks"],
)
def test_thumbnails_are_kept_where_the_disk_allows_it(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    draw,
    errors: dict[str, int],
    kept: str,
) -> None:
    share = make_odd_share(tmp_path / "share", tmp_path_factory.getbasetemp())
    photo = draw("a.png", size=(300, 200))
    assert share.run(MAKE_TWICE, share.folder, photo, **errors).strip() == kept


def test_a_cache_without_locks_is_given_up_at_once(
    tmp_path: Path, draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each attempt would wait for a lock that is never granted."""
    attempts = 0

    def refuse(*_arguments: object) -> None:
        nonlocal attempts
        attempts += 1
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorcode = sqlite3.SQLITE_BUSY
        raise error

    monkeypatch.setattr(thumbnails, "_set_up", refuse)
    store = ThumbnailStore(tmp_path)
    for _ in range(3):
        assert store.get("f", 128) is None
        assert store.make(draw("a.png"), "f", 128)
    assert attempts == 1
    store.close()
