"""The settings of this computer: theme, language, zoom, recent libraries, window geometry.

They are kept in one INI file in the config folder, apart from the libraries: losing it loses
nothing but habits.  What settings there are is in :mod:`lmpt_desktop.settings`.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSettings

from lmpt_desktop import paths
from lmpt_desktop.settings import RECENT_LIBRARIES, Kept, Settings
from lmpt_desktop.translation import _

MAX_RECENT = 8


@dataclass(frozen=True)
class RecentLibrary:
    """A library the user had open: its name in lists, its folder, its photo folders."""

    name: str
    library: str
    folders: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The name, and that the library is gone if it is.  Looks at the disk, as
        :attr:`exists` does."""
        return self.name if self.exists else _("{name} (not found)").format(name=self.name)

    @property
    def exists(self) -> bool:
        """Whether its catalogue is there.  Looks at the disk: not for the window's thread."""
        return (Path(self.library) / "catalogue.sqlite").is_file()


def library_for(folder: Path) -> Path:
    """Where the library of a photo folder is: ``libraries/<name>-<hash of the path>``.

    The same folder always gives the same library, two folders of one name different ones.
    """
    resolved = folder.expanduser().resolve()
    digest = hashlib.sha256(str(resolved).encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return paths.library_dir(f"{resolved.name[:60] or 'photos'}-{digest}")


class ComputerSettings(Settings):
    """Settings kept in the INI file, and the list of recent libraries."""

    def __init__(self, file: Path | None = None) -> None:
        path = file or paths.config_dir() / "window.ini"
        self._file = QSettings(str(path), QSettings.Format.IniFormat)
        super().__init__(Kept.COMPUTER, self._load, self._store)

    def flush(self) -> None:
        """Write to disk what was set."""
        self._file.sync()

    def recent(self) -> list[RecentLibrary]:
        """Libraries that were open, the last one first; some may no longer exist."""
        return [
            RecentLibrary(entry["name"], entry["library"], tuple(entry["folders"]))
            for entry in self.get(RECENT_LIBRARIES)
        ]

    def remember(self, entry: RecentLibrary) -> None:
        """Put a library at the head of the recent ones."""
        others = [old for old in self.recent() if old.library != entry.library]
        self._set_recent([entry, *others][:MAX_RECENT])

    def forget(self, library: str) -> None:
        """Take a library out of the list; its files stay."""
        self._set_recent([entry for entry in self.recent() if entry.library != library])

    def _set_recent(self, entries: list[RecentLibrary]) -> None:
        listed = [{**asdict(entry), "folders": list(entry.folders)} for entry in entries]
        self.set(RECENT_LIBRARIES, listed)

    def _load(self, key: str) -> Any:
        return self._file.value(key)

    def _store(self, key: str, value: Any) -> None:
        self._file.setValue(key, value)
