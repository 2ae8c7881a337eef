"""The settings of this computer: theme, language, zoom, recent libraries, window geometry.

They are stored in one INI file in the config folder, outside of the libraries, so no annotations
depend on it.  The settings themselves are declared in :mod:`lmpt_desktop.settings`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSettings

from lmpt_desktop import paths
from lmpt_desktop.library_places import is_library
from lmpt_desktop.settings import RECENT_LIBRARIES, Settings, Storage
from lmpt_desktop.translation import _

MAX_RECENT = 8


@dataclass(frozen=True)
class RecentLibrary:
    """A library that was open: its name in lists, its folder, its photo folders."""

    name: str
    library: str
    folders: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The name, with a note if the library was not found.  Reads the disk, as :attr:`exists`
        does."""
        return self.name if self.exists else _("{name} (not found)").format(name=self.name)

    @property
    def exists(self) -> bool:
        """Whether its catalogue is there.  Looks at the disk: not for the window's thread."""
        return is_library(Path(self.library))


class ComputerSettings(Settings):
    """The settings in the INI file, and the list of recent libraries."""

    def __init__(self, file: Path | None = None) -> None:
        path = file or paths.config_dir() / "window.ini"
        self._file = QSettings(str(path), QSettings.Format.IniFormat)
        super().__init__(Storage.COMPUTER, self._load, self._store)

    def flush(self) -> None:
        """Write changes to disk."""
        self._file.sync()

    def recent(self) -> list[RecentLibrary]:
        """Recent libraries, the last one first; some may no longer exist."""
        return [
            RecentLibrary(entry["name"], entry["library"], tuple(entry["folders"]))
            for entry in self.get(RECENT_LIBRARIES)
        ]

    def remember(self, entry: RecentLibrary) -> None:
        """Put a library first in the list of recent ones."""
        others = [old for old in self.recent() if old.library != entry.library]
        self._set_recent([entry, *others][:MAX_RECENT])

    def forget(self, library: str) -> None:
        """Remove a library from the list; its files stay."""
        self._set_recent([entry for entry in self.recent() if entry.library != library])

    def _set_recent(self, entries: list[RecentLibrary]) -> None:
        listed = [{**asdict(entry), "folders": list(entry.folders)} for entry in entries]
        self.set(RECENT_LIBRARIES, listed)

    def _load(self, key: str) -> Any:
        return self._file.value(key)

    def _store(self, key: str, value: Any) -> None:
        self._file.setValue(key, value)
