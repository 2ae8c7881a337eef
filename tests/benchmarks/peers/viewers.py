"""Programs that show a folder's photos as thumbnails, and how each is started on one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from peers.screen import HEIGHT, WIDTH

from lmpt_desktop.paths import HOME_VARIABLE

CHECKOUT = Path(__file__).parents[3]
GEEQIE_SETTINGS = f"""<gq>
    <layout
        id = "lw1"
        style = "0"
        order = "123"
        file_view_type = "1"
        show_thumbnails = "true"
        main_window.x = "0"
        main_window.y = "0"
        main_window.w = "{WIDTH}"
        main_window.h = "{HEIGHT}"
        main_window.hdivider_pos = "{WIDTH - 10}"
        main_window.vdivider_pos = "100"
    >
    </layout>
</gq>
"""
"""Icons instead of a list, with thumbnails, and next to no room for the photo."""


@dataclass(frozen=True)
class Viewer:
    """A program.

    Attributes:
        program: what is started; the folder follows.
        package: of Debian; empty for ours.
        prepare: writes settings below a fresh home folder.
        variables: of its environment, by the home folder.
    """

    program: Sequence[str]
    package: str = ""
    prepare: Callable[[Path], None] = lambda _home: None
    variables: Callable[[Path], dict[str, str]] = field(default=lambda _home: {})

    @property
    def is_here(self) -> bool:
        return shutil.which(self.program[0]) is not None

    def version(self) -> str:
        """As the package says; of ours, the commit."""
        command = (
            ("dpkg-query", "-W", "-f", "${Version}", self.package)
            if self.package
            else ("git", "-C", str(CHECKOUT), "describe", "--always", "--dirty")
        )
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout.strip() or "unknown"


def _prepare_geeqie(home: Path) -> None:
    settings = home / ".config" / "geeqie" / "geeqierc.xml"
    settings.parent.mkdir(parents=True)
    settings.write_text(GEEQIE_SETTINGS, encoding="utf-8")


def _prepare_ours(home: Path) -> None:
    """Without the card of the tour, which covers photos."""
    settings = home / "lmpt" / "config" / "window.ini"
    settings.parent.mkdir(parents=True)
    settings.write_text("[General]\ntour-done=true\n", encoding="utf-8")


VIEWERS = {
    "ours": Viewer(
        (sys.executable, "-m", "lmpt_desktop"),
        prepare=_prepare_ours,
        variables=lambda home: {
            HOME_VARIABLE: str(home / "lmpt"),
            "PYTHONPATH": str(CHECKOUT),
            "PYTHONDONTWRITEBYTECODE": "",
        },
    ),
    "gThumb": Viewer(("gthumb",), "gthumb"),
    "geeqie": Viewer(("geeqie",), "geeqie", _prepare_geeqie),
}


def environment(viewer: Viewer, home: Path, display: str, bus: str) -> dict[str, str]:
    """Of a viewer that knows nothing of this user: all it keeps is below ``home``."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("XDG_", "DBUS_", "QT_", "GTK_", "LMPT_", "WAYLAND_"))
    }
    return {
        **kept,
        "HOME": str(home),
        "DISPLAY": display,
        "QT_QPA_PLATFORM": "xcb",
        "GDK_BACKEND": "x11",
        "NO_AT_BRIDGE": "1",
        "DBUS_SESSION_BUS_ADDRESS": bus,
        **viewer.variables(home),
    }
