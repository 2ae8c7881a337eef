from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QSize
from pytestqt.qtbot import QtBot

from lmpt_desktop.engine.attention import Attention
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.kit import thumbnails
from lmpt_desktop.ui.kit.thumbnails import (
    BUCKETS,
    LARGEST_EDGE,
    SessionThumbnails,
    ThumbnailLoader,
    bucket_for,
    decoded,
)
from trainer.photo import UnreadablePhoto


def jpeg(size: int, colour: str = "orange") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (size, size), colour).save(file, "JPEG")
    return file.getvalue()


class Source:
    """Waits until it is let go, and notes the order of what it was asked for."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.begun = threading.Event()
        self.asked: list[int] = []
        self.broken: set[int] = set()

    def __call__(self, image_id: int, version: str, size: int, /) -> bytes:
        self.begun.set()
        self.gate.wait(10)
        self.asked.append(image_id)
        if image_id in self.broken:
            raise ValueError("The file is cut short.")
        return jpeg(size)


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def loader(qapp: object, source: Source) -> Iterator[ThumbnailLoader]:
    loader = ThumbnailLoader(source, threads=1)
    yield loader
    source.gate.set()
    loader.close()


def test_a_thumbnail_arrives_later_and_is_then_cached(
    loader: ThumbnailLoader, source: Source, qtbot: QtBot
) -> None:
    source.gate.set()
    with qtbot.waitSignal(loader.loaded) as signal:
        assert loader.pixmap(1, "a", 160) is None
    assert signal.args == [1]
    pixmap = loader.pixmap(1, "a", 160)
    assert pixmap is not None
    assert pixmap.width() == 160
    assert source.asked == [1]


def test_the_newest_request_goes_first_and_those_scrolled_past_are_dropped(
    loader: ThumbnailLoader, source: Source, qtbot: QtBot
) -> None:
    loader.pixmap(1, "a", 160)
    source.begun.wait(10)
    for image_id in range(2, 101):
        loader.pixmap(image_id, "a", 160)
    loader.keep_only([98, 99, 100])
    assert loader.waiting == 3
    source.gate.set()
    qtbot.waitUntil(lambda: len(source.asked) == 4)
    assert source.asked == [1, 100, 99, 98], "1 had begun; the others come newest first"


def test_what_is_expected_is_loaded_in_order_when_nothing_else_waits(
    loader: ThumbnailLoader, source: Source, qtbot: QtBot
) -> None:
    loader.pixmap(1, "a", 160)
    source.begun.wait(10)
    loader.expect([(5, "a"), (6, "a")], 160)
    loader.expect([(2, "a"), (1, "a"), (3, "a"), (4, "a")], 160)
    loader.pixmap(4, "a", 160)
    loader.pixmap(9, "a", 160)
    assert loader.waiting == 2
    source.gate.set()
    qtbot.waitUntil(lambda: {1, 2, 3, 4, 9} <= loader.loaded_ids)
    assert source.asked == [1, 9, 4, 2, 3], "the expected last, and only the latest"
    assert loader.pixmap(2, "a", 160) is not None
    loader.expect([(2, "a"), (7, "a")], 160)
    qtbot.waitUntil(lambda: 7 in loader.loaded_ids)
    assert source.asked[5:] == [7], "what is there is not loaded again"


def test_what_is_being_loaded_early_counts_as_soon_as_it_is_asked_for(
    loader: ThumbnailLoader, source: Source, qtbot: QtBot
) -> None:
    loader.expect([(1, "a")], 160)
    source.begun.wait(10)
    assert not loader.busy
    assert loader.pixmap(1, "a", 160) is None
    assert loader.busy and not loader.waiting
    source.gate.set()
    qtbot.waitUntil(lambda: loader.pixmap(1, "a", 160) is not None)
    assert source.asked == [1]
    assert not loader.busy


def test_early_thumbnails_take_a_part_of_the_cache(
    loader: ThumbnailLoader, source: Source, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thumbnails, "CACHE_BYTES", thumbnails.AHEAD_SHARE * 4 * 100 * 100 * 3)
    source.gate.set()
    loader.expect([(number, "a") for number in range(1, 9)], 160, QSize(100, 100))
    qtbot.waitUntil(lambda: {1, 2, 3} <= loader.loaded_ids)
    assert loader._requests.count == 0
    assert source.asked == [1, 2, 3]


def test_a_failure_is_remembered_with_its_reason_and_not_tried_again(
    loader: ThumbnailLoader, source: Source, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.broken.add(7)
    source.gate.set()
    with qtbot.waitSignal(loader.loaded):
        loader.pixmap(7, "a", 160)
    assert loader.failure(7, "a") == "The file is cut short."
    monkeypatch.setattr(thumbnails, "_", {"The file is cut short.": "Zu kurz."}.__getitem__)
    assert loader.failure(7, "a") == "Zu kurz." and not loader.failure(8, "a")
    assert loader.pixmap(7, "a", 160) is None
    assert loader.waiting == 0
    source.broken.clear()
    with qtbot.waitSignal(loader.loaded):
        loader.pixmap(7, "another content", 160)
    assert loader.pixmap(7, "another content", 160) is not None


def test_another_size_stands_in_while_the_right_one_loads(
    loader: ThumbnailLoader, source: Source, qtbot: QtBot
) -> None:
    source.gate.set()
    with qtbot.waitSignal(loader.loaded):
        loader.pixmap(1, "a", 160)
    source.gate.clear()
    stand_in = loader.pixmap(1, "a", 320)
    assert stand_in is not None
    assert stand_in.width() == 160


def test_with_a_box_the_picture_is_scaled_to_fit_it(
    loader: ThumbnailLoader, source: Source, qtbot: QtBot
) -> None:
    source.gate.set()
    with qtbot.waitSignal(loader.loaded):
        loader.pixmap(1, "a", 160, QSize(100, 90))
    pixmap = loader.pixmap(1, "a", 160, QSize(100, 90))
    assert pixmap is not None
    assert (pixmap.width(), pixmap.height()) == (90, 90)
    with qtbot.waitSignal(loader.loaded):
        stand_in = loader.pixmap(1, "a", 160, QSize(900, 900))
    assert stand_in is not None
    assert stand_in.width() == 90
    enlarged = loader.pixmap(1, "a", 160, QSize(900, 900))
    assert enlarged is not None
    assert enlarged.width() == 320, "no more than twice its pixels"


def test_failures_can_be_tried_again(loader: ThumbnailLoader, source: Source, qtbot: QtBot) -> None:
    source.broken.add(7)
    source.gate.set()
    with qtbot.waitSignal(loader.loaded):
        loader.pixmap(7, "a", 160)
    source.broken.clear()
    with qtbot.waitSignal(loader.loaded) as told:
        loader.forget_failures()
    assert told.args == [7], "whoever shows the failure asks again"
    with qtbot.waitSignal(loader.loaded):
        assert loader.pixmap(7, "a", 160) is None
    assert loader.pixmap(7, "a", 160) is not None


def test_bytes_that_are_no_picture_are_a_failure(qapp: object, qtbot: QtBot) -> None:
    loader = ThumbnailLoader(lambda _id, _version, _size: b"not a jpeg")
    with qtbot.waitSignal(loader.loaded):
        loader.pixmap(1, "a", 160)
    assert loader.failure(1, "a")
    loader.close()


@pytest.mark.parametrize(("pixels", "bucket"), [(80, 160), (160, 160), (161, 320), (9999, 512)])
def test_the_smallest_stored_size_that_suffices_is_used(pixels: float, bucket: int) -> None:
    assert bucket_for(pixels) == bucket
    assert list(BUCKETS) == sorted(BUCKETS)


@pytest.mark.parametrize("box", [None, (7, 9)])
def test_the_colours_are_those_of_the_file(box: tuple[int, int] | None) -> None:
    picture = decoded(jpeg(16, "#c83214"), box)
    assert (picture.width(), picture.height()) == ((16, 16) if box is None else (7, 7))
    shown = picture.pixelColor(3, 3).getRgb()
    assert shown == pytest.approx((0xC8, 0x32, 0x14, 255), abs=2)


@pytest.mark.parametrize("damage", ["no picture", "cut short", "too large", "another format"])
def test_what_is_no_thumbnail_has_a_sentence(damage: str) -> None:
    if damage == "no picture":
        data = b"nothing"
    elif damage == "cut short":
        data = jpeg(64)[:-200]
    elif damage == "too large":
        data = jpeg(LARGEST_EDGE + 1)
    else:
        file = io.BytesIO()
        Image.new("RGB", (8, 8)).save(file, "PNG")
        data = file.getvalue()
    with pytest.raises(ValueError, match="could not be read"):
        decoded(data)


class _Making:
    """A store that has nothing, and notes whether the library knows that it is making."""

    def __init__(self, attention: Attention, error: Exception | None = None) -> None:
        self._attention, self._error = attention, error
        self.wanted: list[bool] = []

    def get(self, _fingerprint: str, _size: int, /) -> bytes | None:
        self.wanted.append(self._attention.wanted)
        return None

    def make(self, _path: Path, _fingerprint: str, _size: int, /) -> bytes:
        self.wanted.append(self._attention.wanted)
        if self._error is not None:
            raise self._error
        return b"jpeg"


@pytest.mark.parametrize("error", [None, UnreadablePhoto("It is damaged.")])
def test_background_work_makes_way_while_a_thumbnail_is_made(
    tmp_path: Path, error: Exception | None
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "one.jpg").write_bytes(jpeg(200))
    with LibrarySession.open(tmp_path / "library", encode=False, folders=[photos]) as session:
        assert session.wait_until_idle(20)
        [image_id] = session.snapshot().image_ids.tolist()
        store = _Making(session.attention, error)
        source = SessionThumbnails(session, store)
        with ThreadPoolExecutor(1) as pool, contextlib.suppress(UnreadablePhoto):
            pool.submit(source, image_id, "version", 160).result()
        assert store.wanted == [False, True], "not for one that is only read"
        assert not session.attention.wanted
