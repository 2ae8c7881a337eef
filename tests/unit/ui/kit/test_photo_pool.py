"""Photos are decoded ahead, at the size of the screen, and only what is wanted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from lmpt_desktop.ui.kit import photo_pool as photos
from lmpt_desktop.ui.kit.photo_pool import (
    Decoded,
    PhotoPool,
    UnshownPhoto,
    decode,
    decode_full,
    fitted,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(1, 7):
        Image.new("RGB", (300, 200), (40 * number, 20, 10)).save(tmp_path / f"{number}.png")
    (tmp_path / "7.png").write_bytes(b"nothing like a photo")
    return tmp_path


@pytest.fixture
def pool(folder: Path, qtbot: QtBot) -> Iterator[PhotoPool]:
    made = PhotoPool(lambda image_id: folder / f"{image_id}.png")
    yield made
    made.close()


sides = st.integers(1, 5000)


@given(sides, sides, sides, sides)
def test_a_fitted_photo_is_within_its_room_and_keeps_its_shape(
    width: int, height: int, across: int, down: int
) -> None:
    size = fitted(QSize(width, height), QSize(across, down))
    assert 1 <= size.width() <= across and 1 <= size.height() <= down
    assert size.width() <= width * photos.MOST_ENLARGED
    if min(size.width(), size.height()) > 20:
        assert size.width() / size.height() == pytest.approx(width / height, rel=0.1)


def test_a_photo_comes_upright_at_screen_size_with_its_own_size(tmp_path: Path) -> None:
    image = Image.new("RGB", (400, 200), "red")
    image.paste((0, 0, 255), (0, 0, 200, 200))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter: the left side is up
    image.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    found = decode(tmp_path / "turned.jpg", QSize(100, 100))
    assert found.size == QSize(200, 400)
    assert found.image.size() == QSize(50, 100)
    top, bottom = QColor(found.image.pixel(25, 10)), QColor(found.image.pixel(25, 90))
    assert top.blue() > 200 and top.red() < 60
    assert bottom.red() > 200 and bottom.blue() < 60


def test_full_resolution_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (400, 300)).save(tmp_path / "large.png")
    assert decode_full(tmp_path / "large.png").size() == QSize(400, 300)
    monkeypatch.setattr(photos, "LARGEST_PIXELS", 30_000)
    assert decode_full(tmp_path / "large.png").size() == QSize(200, 150)


def test_what_is_wanted_is_decoded_and_kept(pool: PhotoPool, qtbot: QtBot) -> None:
    keys = [(number, "v") for number in (1, 2, 3)]
    pool.want(keys, QSize(60, 60))
    qtbot.waitUntil(lambda: all(pool.get(key) is not None for key in keys))
    found = pool.get((2, "v"))
    assert isinstance(found, Decoded) and found.image.size() == QSize(60, 40)
    assert pool.get((2, "another content")) is None
    assert pool.get((4, "v")) is None


def test_a_photo_that_cannot_be_read_has_a_reason(pool: PhotoPool, qtbot: QtBot) -> None:
    pool.want([(7, "v"), (8, "v")], QSize(60, 60))
    qtbot.waitUntil(lambda: pool.get((7, "v")) is not None and pool.get((8, "v")) is not None)
    for image_id in (7, 8):
        found = pool.get((image_id, "v"))
        assert isinstance(found, UnshownPhoto) and found.reason.endswith(".")
    pool.forget_failures()
    assert pool.get((7, "v")) is None


def test_another_room_means_other_pixels(pool: PhotoPool, qtbot: QtBot) -> None:
    pool.want([(1, "v")], QSize(60, 60))
    qtbot.waitUntil(lambda: pool.get((1, "v")) is not None)
    pool.want([(1, "v")], QSize(120, 120))
    assert pool.get((1, "v")) is None
    qtbot.waitUntil(lambda: pool.get((1, "v")) is not None)
    found = pool.get((1, "v"))
    assert isinstance(found, Decoded) and found.image.width() == 120


def test_what_is_no_longer_wanted_is_never_begun(folder: Path, qtbot: QtBot) -> None:
    gate, begun = threading.Event(), []

    def locate(image_id: int) -> Path:
        begun.append(image_id)
        gate.wait(10)
        return folder / f"{image_id}.png"

    pool = PhotoPool(locate)
    try:
        pool.want([(number, "v") for number in range(1, 7)], QSize(60, 60))
        qtbot.waitUntil(lambda: len(begun) == photos.THREADS)
        pool.want([(6, "v")], QSize(60, 60))
        gate.set()
        qtbot.waitUntil(lambda: pool.get((6, "v")) is not None)
        assert sorted(begun) == [1, 2, 6]
    finally:
        gate.set()
        pool.close()


def test_memory_is_bounded_but_what_is_wanted_stays(
    pool: PhotoPool, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photos, "KEPT_BYTES", 60 * 40 * 4 * 3)
    for number in range(1, 7):
        pool.want([(number, "v")], QSize(60, 60))
        qtbot.waitUntil(lambda number=number: pool.get((number, "v")) is not None)
    kept = [number for number in range(1, 7) if pool.get((number, "v")) is not None]
    assert kept == [4, 5, 6]
    pool.want([(number, "v") for number in range(1, 7)], QSize(60, 60))
    qtbot.waitUntil(lambda: all(pool.get((number, "v")) is not None for number in range(1, 7)))


def test_full_resolution_of_another_photo_is_not_delivered(pool: PhotoPool, qtbot: QtBot) -> None:
    came: list[int] = []
    pool.full_ready.connect(lambda image_id, _image: came.append(image_id))
    pool.want([(1, "v")], QSize(60, 60))
    pool.request_full((1, "v"))
    pool.want([(2, "v")], QSize(60, 60))
    pool.request_full((2, "v"))
    qtbot.waitUntil(lambda: bool(came))
    assert came == [2]


def test_a_closed_pool_decodes_nothing_more(pool: PhotoPool) -> None:
    pool.close()
    pool.want([(1, "")], QSize(100, 100))
    assert pool.get((1, "")) is None
