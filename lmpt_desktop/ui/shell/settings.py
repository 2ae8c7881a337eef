"""What the window remembers on this computer: geometry, theme, zoom, recent libraries.

It is kept in one INI file in the config folder, apart from the libraries: losing it loses
nothing but habits.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QSettings

from lmpt_desktop import paths
from lmpt_desktop.translation import _

MAX_RECENT = 8

LANGUAGE = "language"
"""Code of the language the app speaks; "" is the system's."""
SUGGEST_RETRAIN = "suggest-retrain"
"""1 or 0: say when a retraining is worth it (1 unless set)."""


@dataclass(frozen=True)
class RecentLibrary:
    """A library the user had open: its name in lists, its folder, its photo folders."""

    name: str
    library: str
    folders: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The name, and that the library is gone if it is."""
        return self.name if self.exists else _("{name} (not found)").format(name=self.name)

    @property
    def exists(self) -> bool:
        return (Path(self.library) / "catalogue.sqlite").is_file()


def library_for(folder: Path) -> Path:
    """Where the library of a photo folder is: ``libraries/<name>-<hash of the path>``.

    The same folder always gives the same library, two folders of one name different ones.
    """
    resolved = folder.expanduser().resolve()
    digest = hashlib.sha256(str(resolved).encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return paths.library_dir(f"{resolved.name[:60] or 'photos'}-{digest}")


class WindowMemory:
    """Typed access to the INI file."""

    def __init__(self, file: Path | None = None) -> None:
        path = file or paths.config_dir() / "window.ini"
        self._settings = QSettings(str(path), QSettings.Format.IniFormat)

    def bytes(self, key: str) -> QByteArray:
        value = self._settings.value(key)
        return value if isinstance(value, QByteArray) else QByteArray()

    def text(self, key: str, default: str = "") -> str:
        value = self._settings.value(key, default)
        return value if isinstance(value, str) else default

    def number(self, key: str, default: int) -> int:
        try:
            return int(str(self._settings.value(key, default)))
        except ValueError:
            return default

    def put(self, key: str, value: Any) -> None:
        self._settings.setValue(key, value)

    def flush(self) -> None:
        self._settings.sync()

    def recent(self) -> list[RecentLibrary]:
        """Libraries that were open, the last one first; some may be gone meanwhile."""
        try:
            entries = json.loads(self.text("recent", "[]"))
            return [
                RecentLibrary(
                    str(entry["name"]), str(entry["library"]), tuple(map(str, entry["folders"]))
                )
                for entry in entries
            ]
        except (ValueError, TypeError, KeyError):
            return []

    def remember(self, entry: RecentLibrary) -> None:
        """Put a library at the head of the recent ones."""
        others = [old for old in self.recent() if old.library != entry.library]
        self._write_recent([entry, *others][:MAX_RECENT])

    def forget(self, library: str) -> None:
        """Take a library out of the list; its files stay."""
        self._write_recent([entry for entry in self.recent() if entry.library != library])

    def _write_recent(self, entries: list[RecentLibrary]) -> None:
        self.put("recent", json.dumps([asdict(entry) for entry in entries], ensure_ascii=False))
