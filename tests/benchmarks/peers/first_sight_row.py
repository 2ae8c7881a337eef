"""First thumbnails of a new folder, and scrolling in it, as the screen shows them."""

from __future__ import annotations

import compileall
import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from peers.photo_blocks import (
    STEP,
    Mask,
    count_photos,
    filled,
    first_and_full,
    moved_region,
    photo_mask,
    scrolled,
)
from peers.processes import cpu_seconds, end
from peers.screen import Screen, open_screen
from peers.viewers import CHECKOUT, Viewer, environment
from PIL import Image

LOOKS_A_SECOND = 25
CHECK_EVERY = 6
"""Looks between two questions for windows, processor time and whether photos are there."""
TICKS_A_SECOND, TICKS = 20, 120
WAIT = 45.0
STILL = 1.0
"""Seconds without another photo after which the first screen counts as complete."""
SETTLE = 6.0
"""Seconds given to what is in sight after scrolling, and half of one after a single tick."""
SINGLE_TICKS = 5


def look(viewer: Viewer, photos: Path, picture: Path | None = None) -> dict[str, float]:
    """Start a viewer on a folder that it has never seen, look, and scroll.

    Args:
        photos: of ``first_sight.make_photos``.
        picture: a PNG of the full first screen is written there.

    Returns:
        Figures by name.

    Raises:
        ScreenError: there is no screen.
        ValueError: no photo was seen, or the program ended.
    """
    for package in ("lmpt_desktop", "trainer"):
        compileall.compile_dir(CHECKOUT / package, quiet=2)
    with (
        tempfile.TemporaryDirectory(prefix="lmpt-peer-home-", ignore_cleanup_errors=True) as home,
        open_screen() as screen,
        _message_bus() as bus,
    ):
        viewer.prepare(Path(home))
        variables = environment(viewer, Path(home), screen.display, bus)
        began = time.monotonic()
        started = subprocess.Popen(
            [*viewer.program, str(photos)],
            env=variables,
            cwd=home,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            looks = _first_look(screen, started, began)
            if picture is not None:
                Image.fromarray(screen.grab()).save(picture)
            scrolling, still = _scroll(screen, photo_mask(looks.seen[-1]))
        finally:
            end(started)
    return _figures(looks, scrolling, still)


@dataclass
class _Looks:
    """What was seen of a screen: when, every ``STEP``-th point, and the processor seconds that the
    program had used, where they were asked for.  Photos are found in it later: looking must cost
    next to nothing."""

    times: list[float] = field(default_factory=list)
    seen: list[NDArray[np.uint8]] = field(default_factory=list)
    spent: dict[float, float] = field(default_factory=dict)

    def spent_at(self, moment: float) -> float:
        """Processor seconds at the first time they were asked for from then on."""
        return next((value for at, value in self.spent.items() if at >= moment), np.nan)


def _first_look(screen: Screen, started: subprocess.Popen[bytes], began: float) -> _Looks:
    """What was seen until photos were there that became no more."""
    looks = _Looks()
    fitted, area, since = False, 0, 0.0
    while not (fitted and area and looks.times[-1] - since >= STILL):
        now = time.monotonic() - began
        if now > WAIT or started.poll() is not None:
            raise ValueError(f"no photos were seen within {now:.0f} s")
        looks.seen.append(screen.glance(STEP))
        looks.times.append(now)
        if len(looks.times) % CHECK_EVERY == 0:
            fitted = screen.fit_window() or fitted
            looks.spent[now] = cpu_seconds(started.pid)
            mask = photo_mask(looks.seen[-1])
            if np.count_nonzero(mask) > 1.01 * area or not count_photos(mask):
                since = now
            area = max(area, int(np.count_nonzero(mask)))
        time.sleep(max(0.0, began + now + 1 / LOOKS_A_SECOND - time.monotonic()))
    return looks


def _scroll(screen: Screen, shown: Mask) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.uint8]]]:
    """Turn the wheel over what was shown: every ``STEP``-th point seen meanwhile, and whole
    screens at rest further down, one tick apart."""
    lines, columns = np.nonzero(shown)
    screen.point_at(int(columns.mean()) * STEP, int(lines.mean()) * STEP)
    seen: list[NDArray[np.uint8]] = []
    begun, looked = time.monotonic(), 0.0
    for number in range(TICKS):
        time.sleep(max(0.0, begun + number / TICKS_A_SECOND - time.monotonic()))
        screen.turn_wheel()
        if time.monotonic() - looked >= 1 / LOOKS_A_SECOND:
            looked = time.monotonic()
            seen.append(screen.glance(STEP))
    still = [_settled(screen, SETTLE)]
    for _ in range(SINGLE_TICKS):
        screen.turn_wheel()
        still.append(_settled(screen, SETTLE / 2))
    return seen, still


def _figures(
    looks: _Looks, scrolling: list[NDArray[np.uint8]], still: list[NDArray[np.uint8]]
) -> dict[str, float]:
    region = moved_region(still)
    at_rest = [photo_mask(shown[::STEP, ::STEP]) for shown in still]
    moving = list(map(photo_mask, scrolling))
    first, full = first_and_full(looks.times, list(map(photo_mask, looks.seen)), region)
    a_tick = float(np.median([scrolled(a, b, region) for a, b in pairwise(still)]))
    in_sight = float(np.median([count_photos(mask & region) for mask in at_rest]))
    screens = a_tick * TICKS / (STEP * np.count_nonzero(region.any(axis=1)))
    return {
        "start to the first thumbnail, s": first,
        "start to the first thumbnail, CPU s": looks.spent_at(first),
        "start to a full screen, s": full,
        "start to a full screen, CPU s": looks.spent_at(full),
        "filled while scrolling, %": 100 * filled(moving, at_rest, region),
        "photos in sight": in_sight,
        "passed while scrolling, photos": round(in_sight * (1 + screens)),
    }


def _settled(screen: Screen, most: float) -> NDArray[np.uint8]:
    """The screen when it has not changed for a third of a second, or after ``most`` seconds."""
    begun = since = time.monotonic()
    shown = screen.glance(STEP)
    while time.monotonic() - since < 0.35 and time.monotonic() - begun < most:
        time.sleep(0.05)
        now = screen.glance(STEP)
        if not np.array_equal(now, shown):
            shown, since = now, time.monotonic()
    return screen.grab()


@contextlib.contextmanager
def _message_bus() -> Iterator[str]:
    """The address of a session bus, as a desktop has one before a program starts; empty where
    there is no dbus-daemon."""
    if shutil.which("dbus-daemon") is None:
        yield ""
        return
    bus = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--print-address"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert bus.stdout is not None
        yield bus.stdout.readline().strip()
    finally:
        bus.terminate()
        bus.wait()
