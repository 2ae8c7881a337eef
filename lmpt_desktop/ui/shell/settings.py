"""The settings of this computer: theme, language, zoom, recent libraries, window geometry.

They are stored in one INI file in the config folder, outside of the libraries, so no annotations
depend on it.  The settings themselves are declared in :mod:`lmpt_desktop.settings`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSettings

from lmpt_desktop import paths
from lmpt_desktop.library_places import is_library
from lmpt_desktop.settings import RECENT_LIBRARIES, Settings, Storage
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit.texts import annotations_text, photos_text

MAX_RECENT = 8


@dataclass(frozen=True)
class RecentLibrary:
    """A library that was open: its name in lists, its folder, its photo folders."""

    name: str
    library: str
    folders: tuple[str, ...] = ()
    photos: int | None = None
    """When it was closed last; None if it was not closed since there are counts."""
    annotations: int | None = None

    @property
    def label(self) -> str:
        """The name, with a note if the library or its photos were not found.  Reads the disk, as
        :attr:`exists` does."""
        if not self.exists:
            return _("{name} (not found)").format(name=self.name)
        if self.folders and not any(Path(folder).is_dir() for folder in self.folders):
            return _("{name} (photos not found)").format(name=self.name)
        return self.name

    @property
    def places(self) -> str:
        """Its photo folders, or where the library is if it has none."""
        return ", ".join(self.folders) or self.library

    @property
    def counts(self) -> str:
        """ "538 photos, 231 annotations"; "" if unknown."""
        if self.photos is None or self.annotations is None:
            return ""
        return _("{photos}, {annotations}").format(
            photos=photos_text(self.photos), annotations=annotations_text(self.annotations)
        )

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
            RecentLibrary(
                entry["name"],
                entry["library"],
                tuple(entry["folders"]),
                entry.get("photos"),
                entry.get("annotations"),
            )
            for entry in self.get(RECENT_LIBRARIES)
        ]

    def libraries(self) -> list[tuple[Path, list[Path]]]:
        """The recent libraries and their photo folders, the last one first."""
        return [(Path(item.library), list(map(Path, item.folders))) for item in self.recent()]

    def remember(self, entry: RecentLibrary) -> None:
        """Put a library first in the list of recent ones; counts it does not have are kept."""
        same = [old for old in self.recent() if old.library == entry.library]
        if same and entry.photos is None:
            entry = replace(entry, photos=same[0].photos, annotations=same[0].annotations)
        others = [old for old in self.recent() if old.library != entry.library]
        self._set_recent([entry, *others][:MAX_RECENT])

    def count(self, library: str, photos: int, annotations: int) -> None:
        """Note what a library has, for the list of recent ones."""
        self._set_recent(
            [
                replace(entry, photos=photos, annotations=annotations)
                if entry.library == library
                else entry
                for entry in self.recent()
            ]
        )

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
