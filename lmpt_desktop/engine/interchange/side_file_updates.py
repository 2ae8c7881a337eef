"""Side files that are kept up to date while photos are annotated (Qt-free)."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.errors import CatalogueError
from lmpt_desktop.catalogue.side_files import SideFileRecord
from lmpt_desktop.engine.interchange.left_side_files import is_beside
from lmpt_desktop.engine.interchange.photo_files import PhotoFiles
from lmpt_desktop.engine.interchange.side_files import (
    SideFileChange,
    SideFilePreview,
    SideFileReport,
    SideFiles,
    SideFileStatus,
    each_file,
    is_ours,
    verdicts_digest,
)
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.engine.notices import (
    AnnotationsChanged,
    ClassesChanged,
    Listener,
    Notice,
    Problem,
)
from lmpt_desktop.engine.tasks import Worker
from lmpt_desktop.interchange.errors import InterchangeError
from lmpt_desktop.interchange.xmp.side_files import FolderNames, Naming, side_file_of
from lmpt_desktop.settings import KEEP_SIDE_FILES, SIDE_FILE_NAMING, Settings
from lmpt_desktop.translation import _

log = logging.getLogger(__name__)

UPDATE_SECONDS = 3.0
"""Between two updates while annotations change."""
LOOK_IMAGES = 1_000
"""Photos of which it is found out at a time whether their side files are up to date."""
UPDATE_IMAGES = 100
"""Photos whose side files are updated at a time, so that the worker is free again soon."""


class SideFileUpdates:
    """Writes side files after each change, if the user wants that.

    A side file that another program made, or has written to since, is not touched: its user has
    not seen a preview.  What was missed (the library was closed, or an error came between) is
    caught up with when the library is opened.
    """

    def __init__(
        self,
        side_files: SideFiles,
        catalogue: Catalogue,
        state: LibraryState,
        worker: Worker,
        settings: Settings,
        *,
        notify: Callable[[Notice], None],
        subscribe: Callable[[Listener], Callable[[], None]],
    ) -> None:
        self._side_files = side_files
        self._catalogue = catalogue
        self._state = state
        self._worker = worker
        self._settings = settings
        self._notify = notify
        self._lock = threading.Lock()
        self._waiting: set[int] = set()
        self._all_waiting = False
        self._has_notified = False
        if not catalogue.read_only:
            subscribe(self._on_notice)
            settings.on_change(KEEP_SIDE_FILES, self._on_setting)
            settings.on_change(SIDE_FILE_NAMING, self._on_setting)

    def catch_up(self) -> None:
        """Update soon all that is not up to date."""
        if not self._catalogue.read_only:
            self._expect(())

    def _on_notice(self, notice: Notice) -> None:
        if isinstance(notice, AnnotationsChanged):
            self._expect(notice.image_ids)
        elif isinstance(notice, ClassesChanged):
            self._expect(())

    def _on_setting(self, _value: object) -> None:
        self._expect(())

    def _expect(self, image_ids: Sequence[int]) -> None:
        """Update these photos' side files soon; () for all."""
        if not self._settings.get(KEEP_SIDE_FILES):
            return
        with self._lock:
            self._waiting.update(image_ids)
            self._all_waiting |= not image_ids
        self._worker.post("side files", self._update, UPDATE_SECONDS)

    def _update(self) -> None:
        """Update some of the side files that wait for it; after an error they wait on."""
        if not self._settings.get(KEEP_SIDE_FILES):
            return
        with self._lock:
            every, self._all_waiting = self._all_waiting, False
            part = self._next_part()
        try:
            if every:
                everything = self._all()
                with self._lock:
                    self._waiting.update(everything)
                    self._waiting.update(part)
                    part = self._next_part()
            reports = self._updated(part)
        except Exception as error:
            with self._lock:
                self._waiting.update(part)
                self._all_waiting |= every
            if not isinstance(error, CatalogueError):
                raise
            log.warning("side files are not up to date: %s", error)
            return
        with self._lock:
            more = bool(self._waiting)
        if more:
            self._worker.post("side files", self._update)
        self._tell(reports)

    def _next_part(self) -> list[int]:
        """Takes some of those that wait; with the lock."""
        count = min(len(self._waiting), LOOK_IMAGES)
        return sorted(self._waiting.pop() for _photo in range(count))

    def _all(self) -> set[int]:
        """Photos that are annotated, and those that we wrote for."""
        snapshot = self._state.snapshot
        annotated = snapshot.image_ids[(snapshot.annotations >= 0).any(axis=1)]
        recorded = (place.image_id for place in self._catalogue.side_files.places())
        return {*annotated.tolist(), *recorded}

    def _tell(self, reports: Iterable[SideFileReport]) -> None:
        skipped = [item for report in reports for item in report.skipped]
        for photo, reason in skipped:
            log.info("the side file of %r is not up to date: %s", photo, reason)
        if skipped and not self._has_notified:
            self._has_notified = True
            self._notify(
                Problem(
                    _("A side file could not be kept up to date"),
                    skipped[0][1],
                    "\n".join(f"{photo}: {reason}" for photo, reason in skipped),
                )
            )

    def _updated(self, image_ids: Sequence[int]) -> list[SideFileReport]:
        """Update side files of the chosen naming, and those of the other that we once wrote."""
        chosen = Naming(self._settings.get(SIDE_FILE_NAMING))
        reports: list[SideFileReport] = []
        later: set[int] = set()
        for naming in Naming:
            outdated = self._outdated(image_ids, naming, new=naming is chosen)
            later.update(outdated[UPDATE_IMAGES:])
            changes = self._changes(outdated[:UPDATE_IMAGES], naming)
            if changes:
                reports.append(self._side_files.write(SideFilePreview(naming, tuple(changes))))
        with self._lock:
            self._waiting.update(later)
        return reports

    def _outdated(self, image_ids: Sequence[int], naming: Naming, *, new: bool) -> list[int]:
        """Photos whose side file says other verdicts than the library; ``new``: or have none."""
        snapshot = self._state.snapshot
        files = PhotoFiles.of(self._catalogue, snapshot, image_ids)
        image_ids = each_file(image_ids, naming, files)
        records: dict[int, list[SideFileRecord]] = {}
        for record in self._catalogue.side_files.of(image_ids):
            if record.naming == naming:
                records.setdefault(record.image_id, []).append(record)
        verdicts = self._side_files.verdicts(snapshot, image_ids, True, files)
        names = FolderNames()
        outdated: list[int] = []
        photos = self._catalogue.images.paths(image_ids)
        for image_id, photo in zip(image_ids, photos, strict=True):
            known = records.get(image_id, [])
            if not known:
                is_there = files.is_there(snapshot, image_id)
                if not new or verdicts[image_id] == ((), ()) or not is_there:
                    continue
                try:
                    path = side_file_of(photo, naming, names, files.together(image_id))
                except InterchangeError:
                    continue
                if os.path.lexists(path) or not os.path.lexists(photo):
                    continue
            says = [item.verdicts for item in known if is_beside(item.path, photo)]
            if says != [verdicts_digest(verdicts[image_id])] or len(known) > 1:
                outdated.append(image_id)
        return outdated

    def _changes(self, image_ids: Sequence[int], naming: Naming) -> list[SideFileChange]:
        changes: list[SideFileChange] = []
        if not image_ids:
            return changes
        for item in self._side_files.preview(image_ids, naming).changes:
            record = self._side_files.known(item.image_id, item.path, item.seen)
            if record is None and item.status is not SideFileStatus.NEW:
                continue
            settled = item.status in (SideFileStatus.SAME, SideFileStatus.BLOCKED)
            if settled or not item.seen or is_ours(item.seen, record):
                changes.append(item)
                continue
            reason = _("Another program has written to {path}; export to see what changes.")
            reason = reason.format(path=item.path)
            changes.append(replace(item, status=SideFileStatus.BLOCKED, reason=reason))
        return changes
