"""A screen of one's own: Xvfb, whose pixels are read from its file, and a pretend mouse.

Reading the file costs the program that is watched nothing but memory bandwidth: no request goes to
the server.  Windows are moved and the wheel is turned by Xlib and XTest, which come with Xvfb's
own dependencies or with xdotool.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import mmap
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 1400, 900
VIEWABLE = 2
WHEEL_DOWN = 5
SMALLEST_WINDOW = 100 * 100


class ScreenError(RuntimeError):
    """There is no such screen here; the message says what is missing."""


def missing() -> str:
    """What a screen needs and is not there; empty if nothing."""
    if shutil.which("Xvfb") is None:
        return "Xvfb (Debian: xvfb)"
    for name, package in (("X11", "libx11-6"), ("Xtst", "libxtst6")):
        if ctypes.util.find_library(name) is None:
            return f"lib{name} (Debian: {package})"
    return ""


@contextlib.contextmanager
def open_screen() -> Iterator[Screen]:
    """A fresh screen of 1400 x 900 pixels, without a window manager.

    Raises:
        ScreenError: something is missing, or Xvfb did not start.
    """
    if lacking := missing():
        raise ScreenError(f"no {lacking} here")
    read, write = os.pipe()
    with tempfile.TemporaryDirectory(prefix="lmpt-screen-") as folder:
        server = subprocess.Popen(
            [
                *("Xvfb", "-displayfd", str(write), "-screen", "0", f"{WIDTH}x{HEIGHT}x24"),
                *("-nolisten", "tcp", "-fbdir", folder),
            ],
            pass_fds=(write,),
            stderr=subprocess.DEVNULL,
        )
        os.close(write)
        try:
            with os.fdopen(read) as answer:
                number = answer.readline().strip()
            if not number:
                raise ScreenError("Xvfb did not start")
            screen = Screen(f":{number}", Path(folder) / "Xvfb_screen0")
            try:
                yield screen
            finally:
                screen.close()
        finally:
            server.terminate()
            server.wait()


class Screen:
    """An Xvfb screen that shows one program."""

    def __init__(self, display: str, pixels: Path) -> None:
        """``pixels`` is the file in which Xvfb keeps the screen."""
        self.display = display
        with pixels.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._pixels = pixels_of(self._map)
        self._x = _Xlib(display)

    def grab(self) -> NDArray[np.uint8]:
        """(height, width, 3) red, green and blue, as it is now."""
        return self._pixels[..., 2::-1].copy()

    def glance(self, step: int) -> NDArray[np.uint8]:
        """Every ``step``-th point of every ``step``-th line: half a millisecond for 4, not 7."""
        return self._pixels[::step, ::step, 2::-1].copy()

    def fit_window(self) -> bool:
        """Make the largest window as large as the screen; whether there is one."""
        windows = self._x.windows()
        if not windows:
            return False
        area, window, (width, height) = max(windows)
        if area and (width, height) != (WIDTH, HEIGHT):
            self._x.place(window, WIDTH, HEIGHT)
        return bool(area)

    def point_at(self, x: int, y: int) -> None:
        """Move the mouse there."""
        self._x.move_pointer(x, y)

    def turn_wheel(self) -> None:
        """One tick downwards, where the mouse is."""
        self._x.click(WHEEL_DOWN)

    def close(self) -> None:
        self._x.close()
        del self._pixels
        # A picture that somebody still holds keeps the file mapped.
        with contextlib.suppress(BufferError):
            self._map.close()


def pixels_of(dump: mmap.mmap | bytes) -> NDArray[np.uint8]:
    """The pixels of an X window dump of 32 bits a pixel: (height, width, 4) blue, green, red and
    nothing, in place.

    Raises:
        ScreenError: it is another kind of dump.
    """
    head = struct.unpack(">25I", dump[:100])
    size, width, height = head[0], head[4], head[5]
    bits, line, colours = head[11], head[12], head[19]
    if head[1] != 7 or bits != 32 or head[7]:
        raise ScreenError("the screen is not kept in 32 bits a pixel, lowest byte first")
    start = size + 12 * colours
    flat = np.frombuffer(dump, np.uint8, line * height, start)
    return flat.reshape(height, line // 4, 4)[:, :width]


class _Attributes(ctypes.Structure):
    """XWindowAttributes of Xlib.h."""

    _fields_ = (
        *((name, ctypes.c_int) for name in ("x", "y", "width", "height", "border", "depth")),
        ("visual", ctypes.c_void_p),
        ("root", ctypes.c_ulong),
        *((name, ctypes.c_int) for name in ("kind", "bit_gravity", "win_gravity", "backing")),
        ("backing_planes", ctypes.c_ulong),
        ("backing_pixel", ctypes.c_ulong),
        ("save_under", ctypes.c_int),
        ("colormap", ctypes.c_ulong),
        ("map_installed", ctypes.c_int),
        ("map_state", ctypes.c_int),
        *((name, ctypes.c_long) for name in ("all_events", "your_events", "not_propagated")),
        ("override_redirect", ctypes.c_int),
        ("screen", ctypes.c_void_p),
    )


class _Xlib:
    """The few calls of Xlib and XTest that are needed."""

    def __init__(self, display: str) -> None:
        self._x: Any = ctypes.CDLL(ctypes.util.find_library("X11"))
        self._test: Any = ctypes.CDLL(ctypes.util.find_library("Xtst"))
        self._x.XOpenDisplay.restype = ctypes.c_void_p
        self._x.XDefaultRootWindow.restype = ctypes.c_ulong
        # A window may be gone before it is asked about; Xlib would end this process for that.
        self._ignore = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(
            lambda _display, _event: 0
        )
        self._x.XSetErrorHandler(self._ignore)
        self._display = ctypes.c_void_p(self._x.XOpenDisplay(display.encode()))
        if not self._display:
            raise ScreenError(f"{display} does not answer")
        self._root = ctypes.c_ulong(self._x.XDefaultRootWindow(self._display))

    def windows(self) -> list[tuple[int, int, tuple[int, int]]]:
        """Area, id, width and height of each that is shown and no popup."""
        root, parent = ctypes.c_ulong(), ctypes.c_ulong()
        children, count = ctypes.POINTER(ctypes.c_ulong)(), ctypes.c_uint()
        self._x.XQueryTree(
            *(self._display, self._root, ctypes.byref(root), ctypes.byref(parent)),
            *(ctypes.byref(children), ctypes.byref(count)),
        )
        found = []
        for number in range(count.value):
            window, facts = ctypes.c_ulong(children[number]), _Attributes()
            if not self._x.XGetWindowAttributes(self._display, window, ctypes.byref(facts)):
                continue
            area = facts.width * facts.height
            shown = facts.map_state == VIEWABLE and not facts.override_redirect
            if shown and area > SMALLEST_WINDOW:
                found.append((area, window.value, (facts.width, facts.height)))
        if children:
            self._x.XFree(children)
        return found

    def place(self, window: int, width: int, height: int) -> None:
        self._x.XMoveResizeWindow(self._display, ctypes.c_ulong(window), 0, 0, width, height)
        self._x.XFlush(self._display)

    def move_pointer(self, x: int, y: int) -> None:
        self._test.XTestFakeMotionEvent(self._display, -1, x, y, ctypes.c_ulong(0))
        self._x.XFlush(self._display)

    def click(self, button: int) -> None:
        for pressed in (1, 0):
            self._test.XTestFakeButtonEvent(self._display, button, pressed, ctypes.c_ulong(0))
        self._x.XFlush(self._display)

    def close(self) -> None:
        self._x.XCloseDisplay(self._display)
