"""``tests/benchmarks/peers``: how a screen is read, and who leads; no peer, no network, no time."""

from __future__ import annotations

import importlib
import io
import struct
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
HEIGHT, WIDTH = 600, 800
CELL_WIDTH, CELL_HEIGHT, PITCH, COLUMNS = 160, 120, 200, 3
"""Pixels of a thumbnail, and from one row of them to the next."""


@pytest.fixture
def part(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module of the benchmark by its name."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return lambda name: importlib.import_module(f"peers.{name}")


@pytest.fixture(scope="module")
def thumbnails() -> list[np.ndarray]:
    """Those of photos as the benchmark draws them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        draw = importlib.import_module("parts.library").draw
    found = []
    for number in range(8):
        with Image.open(io.BytesIO(draw((320, 240), number))) as photo:
            found.append(np.asarray(photo.resize((CELL_WIDTH, CELL_HEIGHT))))
    return found


def screen(
    thumbnails: list[np.ndarray], top: int = 0, shown: int = 10_000, selected: int = -1
) -> np.ndarray:
    """A pretend viewer scrolled down by ``top`` pixels, with the first ``shown`` thumbnails
    there, a blue toolbar, blue behind the selected one, and a large view of a photo at the right.
    """
    long = np.full((5 * HEIGHT, WIDTH, 3), 245, np.uint8)
    for number in range(COLUMNS * 5 * HEIGHT // PITCH):
        y, x = PITCH * (number // COLUMNS) + 40, 190 * (number % COLUMNS) + 10
        if number == selected:
            long[y - 10 : y + 150, x - 5 : x + 165] = (53, 132, 228)
        cell = long[y : y + CELL_HEIGHT, x : x + CELL_WIDTH]
        cell[:] = thumbnails[number % len(thumbnails)] if number < shown else 220
    seen = long[top : top + HEIGHT].copy()
    seen[:40] = (30, 80, 200)
    seen[:, 580:] = 245
    seen[100:280, 590:790] = np.asarray(Image.fromarray(thumbnails[0]).resize((200, 180)))
    return seen


def test_photos_are_told_from_toolbars_icons_and_selections(
    part: Any, thumbnails: list[np.ndarray]
) -> None:
    blocks = part("photo_blocks")
    empty = screen(thumbnails, shown=0, selected=1)
    empty[100:280, 590:790] = 245
    empty[300:324, 600:624] = thumbnails[0][:24, :24]  # an icon
    assert not blocks.count_photos(blocks.photo_mask(empty[::4, ::4]))
    full = screen(thumbnails, selected=1)
    full[100:280, 590:790] = 245
    assert blocks.count_photos(blocks.photo_mask(full[::4, ::4])) == 3 * COLUMNS


def test_the_grid_is_what_the_wheel_moves(part: Any, thumbnails: list[np.ndarray]) -> None:
    blocks = part("photo_blocks")
    still = [screen(thumbnails, top) for top in (400, 430, 460)]
    region = blocks.moved_region(still)
    assert region[20, 20]
    assert not region[:, 590 // 4 :].any(), "the large view beside the grid is part of it"
    assert not region[:9].any(), "the toolbar is part of it"
    assert [blocks.scrolled(*two, region) for two in pairwise(still)] == [30, 30]
    with pytest.raises(ValueError, match="moved no photos"):
        blocks.moved_region([still[0], still[0]])


def test_first_and_full_are_told_by_the_grid_alone(part: Any, thumbnails: list[np.ndarray]) -> None:
    blocks = part("photo_blocks")
    looks = [screen(thumbnails, shown=shown)[::4, ::4] for shown in (0, 0, 1, 6, 9, 9)]
    masks = list(map(blocks.photo_mask, looks))
    region = np.zeros(masks[0].shape, np.bool_)
    region[10:, : 580 // 4] = True
    times = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    assert blocks.first_and_full(times, masks, region) == (0.3, 0.5)
    with pytest.raises(ValueError, match="no photo"):
        blocks.first_and_full(times[:2], masks[:2], region)


def test_two_rows_of_three_are_two_thirds(part: Any, thumbnails: list[np.ndarray]) -> None:
    blocks = part("photo_blocks")
    still = [blocks.photo_mask(screen(thumbnails, top)[::4, ::4]) for top in (0, 200)]
    region = np.zeros(still[0].shape, np.bool_)
    region[10:, : 580 // 4] = True
    two = blocks.photo_mask(screen(thumbnails, shown=6)[::4, ::4])
    assert blocks.filled([two, two], still, region) == pytest.approx(2 / 3, abs=0.03)
    assert blocks.filled(still, still, region) == 1.0


def test_a_window_dump_is_read_and_another_kind_refused(part: Any) -> None:
    reader = part("screen")
    head = [0] * 25
    head[0], head[1], head[4], head[5] = 104, 7, 3, 2
    head[11], head[12], head[19] = 32, 16, 1
    pixels = np.arange(32, dtype=np.uint8)  # four pixels a line, of which three are shown
    dump = struct.pack(">25I", *head) + b"name" + bytes(12) + pixels.tobytes()
    found = reader.pixels_of(dump)
    assert found.shape == (2, 3, 4)
    assert found[1, 2].tolist() == [24, 25, 26, 27]
    head[7] = 1
    with pytest.raises(reader.ScreenError):
        reader.pixels_of(struct.pack(">25I", *head) + dump[100:])


def test_apt_is_not_let_change_what_is_installed(part: Any) -> None:
    simulated = (
        "Inst libpcre2-8-0 [10.42-1] (10.42-1+deb12u2 Debian-Security [amd64])\n"
        "Inst gthumb (3:3.12.2-3+b1 Debian [amd64])\nRemv old [1.0]\nConf gthumb (3:3.12.2-3+b1)\n"
    )
    assert part("installing").would_change(simulated) == ["libpcre2-8-0", "old"]


def test_rounds_take_turns_and_a_peer_that_fails_is_named(part: Any, tmp_path: Path) -> None:
    run, rows = part("run"), part("rows")
    turns: list[str] = []

    class Pretend(rows.Row):
        title = "Pretend work"
        contenders = ("ours", "fast", "slow", "broken", "not here")

        def install(self, contender: str) -> None:
            if contender == "not here":
                raise part("installing").InstallError("it is not in the registry")

        def measure(self, contender: str, place: Path) -> dict[str, float]:
            assert place == tmp_path
            turns.append(contender)
            if contender == "broken":
                raise ValueError("no photos were seen")
            seconds = {"ours": 2.0, "fast": 1.0, "slow": 3.0}[contender]
            return {"work, s": seconds + len(turns) / 100, "filled, %": 10 * seconds, "rows": 7}

    found, absent = run.measure(Pretend(), tmp_path, None, 2)
    assert turns == ["ours", "fast", "slow", "broken", "ours", "fast", "slow"]
    assert absent == {"broken": "no photos were seen", "not here": "it is not in the registry"}
    assert run.behind(found) == [("work, s", "fast"), ("filled, %", "slow")]
    shown = run.table(Pretend.title, found, absent)
    assert "| rows | 7 | 7 | 7 |" in shown
    assert "Ahead of ours: fast, work, s" in shown
    assert "Not measured: broken: no photos were seen" in shown
    alone, _ = run.measure(Pretend(), tmp_path, ["slow"], 1)
    assert set(alone["rows"]) == {"ours", "slow"}
