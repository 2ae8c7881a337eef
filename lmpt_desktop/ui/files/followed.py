"""Says that annotations followed their files, which the user did not ask for and may take back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from PySide6.QtCore import QObject

from lmpt_desktop.engine.notices import AnnotationsFollowed
from lmpt_desktop.ingest.follow import followed_text
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit.tasks import LatestRequest
from lmpt_desktop.ui.shell.context import OpenLibrary, ShellContext
from lmpt_desktop.ui.shell.notifications import Notification

log = logging.getLogger(__name__)

TOGETHER_SECONDS = 60.0
"""What follows within this time of the last one joins its notification."""


class FollowedNotification(QObject):
    """Exists as long as the pages of its library."""

    def __init__(
        self,
        context: ShellContext,
        library: OpenLibrary,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(library.pages)
        self._context = context
        self._library = library
        self._clock = clock
        self._told: dict[int, str] = {}
        self._last = 0.0
        self._note: Notification | None = None
        # Which photos they are is read again with every one, so that an undone one is left out.
        self._reading: LatestRequest[list[int]] = LatestRequest(
            self._show,
            lambda error: log.warning("the photos are not known: %s", error),
            owner=self,
        )
        library.bridge.on(AnnotationsFollowed, self._followed)
        library.undo_stack.undone.connect(self._undone)

    def _followed(self, notice: AnnotationsFollowed) -> None:
        now = self._clock()
        if now - self._last > TOGETHER_SECONDS or not self._is_shown():
            self._told.clear()
        self._last = now
        self._told[notice.batch_id] = notice.text
        self._read()

    def _read(self) -> None:
        annotations, batch_ids = self._library.session.annotations, list(self._told)
        self._reading.ask(lambda: annotations.receivers(batch_ids))

    def _is_shown(self) -> bool:
        return self._reading.busy or self._context.notifications.is_shown(self._note)

    def _show(self, image_ids: list[int]) -> None:
        self._dismiss()
        if not self._told or not image_ids:
            return
        texts = list(self._told.values())
        text = texts[0] if len(texts) == 1 else followed_text(len(image_ids))
        note = self._note = self._context.notifications.notify(
            text,
            _("Files that were moved, copied or edited are recognised by their pictures."),
            colour="accent",
        )
        batch_ids = list(self._told)
        note.add_button(_("Undo"), lambda: self._library.undo_stack.undo_batches(batch_ids))
        note.add_button(_("Show"), lambda: self._library.show_images(image_ids))

    def _undone(self, batch_id: int) -> None:
        """A change that was undone, here or in the menu, leaves the notification."""
        if self._told.pop(batch_id, None) is None:
            return
        if self._told:
            self._read()
        else:
            self._reading.cancel()
            self._dismiss()

    def _dismiss(self) -> None:
        self._context.notifications.dismiss(self._note)
        self._note = None
