"""Raw files and developed photos of the same name in an open library (Qt-free).

See docs/adr/0030 for what is one photo, and why.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.raw_pairs import PairFigures, PairReport
from lmpt_desktop.engine.annotations import AnnotationEditor
from lmpt_desktop.engine.notices import (
    AnnotationsFollowed,
    Notice,
    RawPairsChanged,
    RawPairsOffered,
)
from lmpt_desktop.engine.tasks import Worker
from lmpt_desktop.ingest.sync import shared_text
from lmpt_desktop.settings import RAW_PAIRS, Settings

log = logging.getLogger(__name__)


class RawPairs:
    """Which files of one library are shown as part of another, and whether any are."""

    def __init__(
        self,
        catalogue: Catalogue,
        settings: Settings,
        annotations: AnnotationEditor,
        worker: Worker,
        *,
        images_changed: Callable[[], None],
        notify: Callable[[Notice], None],
        subscribe: Callable[[Callable[[Notice], None]], Callable[[], None]],
    ) -> None:
        self._catalogue = catalogue
        self._settings = settings
        self._annotations = annotations
        self._worker = worker
        self._images_changed = images_changed
        self._notify = notify
        self._deciding = threading.Lock()
        self._offer: PairFigures | None = None
        settings.on_change(RAW_PAIRS, lambda _on: self.refresh_soon())
        subscribe(self._noticed)

    # ------------------------------------------------------------------------ any thread

    @property
    def on(self) -> bool:
        """Whether they are one photo now; False as long as the user has not been asked."""
        return bool(self._settings.get(RAW_PAIRS))

    @property
    def offer(self) -> PairFigures | None:
        """What is to be said before they become one photo; None if the user is not to be asked."""
        return self._offer if self._settings.get(RAW_PAIRS) is None else None

    def preview(self) -> PairFigures:
        """What showing them as one photo would change.  Reads the catalogue."""
        return self._catalogue.pairs.preview(self._folder_ids())

    def switch(self, on: bool) -> None:
        """Show them as one photo, or each file by itself.  Writes the catalogue; what changes is
        shown in a moment."""
        with self._deciding:
            self._settings.set(RAW_PAIRS, on)

    def paths_with(self, image_id: int) -> list[Path]:
        """The files that are shown as part of this image and are there.  Reads the catalogue."""
        return [
            Path(item.path)
            for item in self._catalogue.pairs.companions([image_id])
            if item.is_there
        ]

    def refresh_soon(self) -> None:
        """Bring the pairs in line with the setting and the files that were found."""
        self._worker.post("raw pairs", self._refresh)

    # ------------------------------------------------------------------- used by the session

    def wanted(self) -> bool:
        """Whether they are to be one photo.  Reads the catalogue, and decides for a library
        that was not asked yet: where the user has said nothing of such raw files, yes."""
        with self._deciding:
            if self._settings.get(RAW_PAIRS) is None and self._offer is None:
                figures = self.preview()
                if figures.with_verdicts:
                    self._offer = figures
                    self._notify(RawPairsOffered())
                else:
                    self._settings.set(RAW_PAIRS, True)
            return self.on

    def show(self, report: PairReport) -> None:
        """Pairs have changed on disk and in the catalogue: show it."""
        for batch in report.batches:
            self._annotations.show(batch)
        self._images_changed()
        batch_ids = tuple(batch.id for batch in report.batches)
        self._notify(RawPairsChanged(batch_ids, tuple(report.contradicting)))

    # --------------------------------------------------------------------------- inside

    def _refresh(self) -> None:
        if self._catalogue.read_only:
            return
        enabled = self.wanted()
        # Those that were removed, too: when one is added again, a scan may find nothing new there.
        folder_ids = [folder.id for folder in self._catalogue.folders.all(hidden=True)]
        report = self._catalogue.pairs.refresh(folder_ids, shared_text(), enabled=enabled)
        if report:
            self.show(report)

    def _folder_ids(self) -> Sequence[int]:
        return [folder.id for folder in self._catalogue.folders.all()]

    def _noticed(self, notice: Notice) -> None:
        if isinstance(notice, AnnotationsFollowed):
            # A photo that took the place of another has turned out to be an edit of it, perhaps.
            self.refresh_soon()
