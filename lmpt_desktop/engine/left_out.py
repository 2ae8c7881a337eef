"""What scans leave out of an open library, and what is said of it (Qt-free)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.ignore_list import DEFAULT_PATTERNS, IgnoreList, clean_patterns
from lmpt_desktop.domain.other_files import SHOWN_KINDS, OtherFiles
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.engine.notices import FilesLeftOut, Notice
from lmpt_desktop.ingest.scan import asks_to_be_left_out
from lmpt_desktop.ingest.sync import SyncReport
from lmpt_desktop.settings import HONOUR_NOMEDIA, IGNORED, OTHER_FILES, Settings
from lmpt_desktop.translation import ngettext, number

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class IgnorePreview:
    """What another ignore list would change.

    Attributes:
        photos: how many photos that are shown would be left out.
        annotated: how many of those have annotations, which are kept.
        returning: how many photos that are left out now would be shown again, as far as their
            files are still there.
    """

    photos: int
    annotated: int
    returning: int


class LeftOut:
    """The ignore list of one library, and what its last scans left out."""

    def __init__(
        self,
        catalogue: Catalogue,
        state: LibraryState,
        settings: Settings,
        notify: Callable[[Notice], None],
    ) -> None:
        self._catalogue = catalogue
        self._state = state
        self._settings = settings
        self._notify = notify
        self._lock = threading.Lock()
        self._ignored: dict[int, int] = {}
        """How many folders and photos the list leaves out, by folder id."""
        self._news: dict[int, str] = {}
        """Sentences that the user has not read, by folder id."""

    def ignore_list(self) -> IgnoreList:
        """The list in force."""
        stored = self._settings.get(IGNORED)
        patterns = DEFAULT_PATTERNS if stored is None else clean_patterns(stored)
        return IgnoreList(patterns, self._settings.get(HONOUR_NOMEDIA))

    def set_ignore_list(self, ignore: IgnoreList) -> None:
        """Use another list from now on; the session scans all folders again."""
        stored = None if ignore.patterns == DEFAULT_PATTERNS else ignore.patterns
        if stored != self._settings.get(IGNORED):
            self._settings.set(IGNORED, stored)
        if ignore.nomedia != self._settings.get(HONOUR_NOMEDIA):
            self._settings.set(HONOUR_NOMEDIA, ignore.nomedia)

    def preview(self, ignore: IgnoreList) -> IgnorePreview:
        """What this list would change.  Reads the catalogue and, for ``.nomedia``, the disk."""
        roots = {folder.id: folder.path for folder in self._catalogue.folders.all()}
        asked = _AskingFolders(roots) if ignore.nomedia else None

        def covers(folder_id: int, path: str) -> bool:
            return ignore.covers(path) or (
                asked is not None and asked.above(folder_id, path.rpartition("/")[0])
            )

        snapshot = self._state.snapshot
        images = snapshot.images
        found = [
            row
            for row, (folder_id, name) in enumerate(
                zip(images.folder_ids.tolist(), images.names, strict=True)
            )
            if covers(folder_id, name)
        ]
        annotated = np.count_nonzero((snapshot.annotations[found] >= 0).any(axis=1))
        returning = sum(not covers(*place) for place in self._catalogue.images.left_out())
        return IgnorePreview(len(found), int(annotated), returning)

    def count(self) -> int:
        """How many photos of the library the list leaves out now.  Reads the catalogue."""
        return len(self._catalogue.images.left_out())

    def others(self, folder_ids: Iterable[int]) -> OtherFiles:
        """The files of these folders that are no photos, as the last whole scan of each counted
        them."""
        stored = self._settings.get(OTHER_FILES)
        return OtherFiles.joined(
            OtherFiles.from_stored(stored.get(str(folder_id))) for folder_id in folder_ids
        )

    def sentences(self, folder_ids: Iterable[int], *, kinds: int = SHOWN_KINDS) -> str:
        """What is left out of these folders, in one or two sentences; "" if that is nothing.

        ``kinds``: of other files, so many are named at most.
        """
        ids = list(folder_ids)
        with self._lock:
            ignored = sum(self._ignored.get(folder_id, 0) for folder_id in ids)
        parts = [self.others(ids).text(kinds)]
        if ignored:
            parts.append(
                ngettext(
                    "The ignore list in the preferences leaves out {count} folder or photo.",
                    "The ignore list in the preferences leaves out {count} folders or photos.",
                    ignored,
                ).format(count=number(ignored))
            )
        return " ".join(filter(None, parts))

    def scanned(self, folder_id: int, report: SyncReport) -> None:
        """A whole folder was scanned: keep what it says, and what of it is news to the user."""
        with self._lock:
            before_ignored = self._ignored.get(folder_id, 0)
            self._ignored[folder_id] = report.ignored
        before = self.others([folder_id])
        told = [self._keep(folder_id, before, report.others)]
        if photos := len(report.left_out):
            told.append(
                ngettext(
                    "{count} photo of the library is left out by the ignore list now; its "
                    "annotations are kept.",
                    "{count} photos of the library are left out by the ignore list now; their "
                    "annotations are kept.",
                    photos,
                ).format(count=number(photos))
            )
        text = " ".join(filter(None, told))
        if text:
            with self._lock:
                self._news[folder_id] = text
        if text or report.others != before or report.ignored != before_ignored:
            self._notify(FilesLeftOut())

    def take_news(self) -> str:
        """What the user was not told yet, a line for each folder; "" from then on."""
        with self._lock:
            news, self._news = self._news, {}
        if len(news) < 2:
            return "".join(news.values())
        names = {folder.id: folder.path.name for folder in self._catalogue.folders.all()}
        return "\n".join(
            f"{names[folder_id]}: {text}" for folder_id, text in news.items() if folder_id in names
        )

    def _keep(self, folder_id: int, before: OtherFiles, now: OtherFiles) -> str:
        """Keep what was counted; returns a sentence if there are kinds that were not there."""
        if now == before:
            return ""
        known = {str(folder.id) for folder in self._catalogue.folders.all(hidden=True)}
        stored = self._settings.get(OTHER_FILES) | {str(folder_id): now.to_stored()}
        self._settings.set(OTHER_FILES, {key: stored[key] for key in stored if key in known})
        return now.text() if set(now.kinds) - set(before.kinds) else ""


class _AskingFolders:
    """Folders with a ``.nomedia`` file, each looked at once."""

    def __init__(self, roots: Mapping[int, Path]) -> None:
        self._roots = roots
        self._known: dict[tuple[int, str], bool] = {}

    def above(self, folder_id: int, path: str) -> bool:
        """Whether the folder at ``path``, or one around it, asks to be left out."""
        root = self._roots.get(folder_id)
        if root is None:
            return False
        waiting: list[str] = []
        found: bool | None = None
        while (found := self._known.get((folder_id, path))) is None:
            waiting.append(path)
            if not path:
                found = False
                break
            path = path.rpartition("/")[0]
        for inner in reversed(waiting):
            found = self._known[folder_id, inner] = found or asks_to_be_left_out(str(root / inner))
        return bool(found)
