"""Asks whether raw files are part of their photos, and says that verdicts were joined."""

from __future__ import annotations

from PySide6.QtCore import QObject

from lmpt_desktop.engine.notices import RawPairsChanged, RawPairsOffered
from lmpt_desktop.translation import _, ngettext, number
from lmpt_desktop.ui.kit.raw_pair_texts import preview_text
from lmpt_desktop.ui.kit.tasks import Task
from lmpt_desktop.ui.shell.context import OpenLibrary, ShellContext


class RawPairsNotification(QObject):
    """Exists as long as the pages of its library."""

    def __init__(self, context: ShellContext, library: OpenLibrary) -> None:
        super().__init__(library.pages)
        self._context = context
        self._library = library
        library.bridge.on(RawPairsOffered, lambda _notice: self._offer())
        library.bridge.on(RawPairsChanged, self._changed)
        self._offer()

    def _offer(self) -> None:
        figures = self._library.session.raw_pairs.offer
        if figures is None:
            return
        note = self._context.notifications.notify(
            _("Show raw files as part of their photos?"), preview_text(figures), colour="accent"
        )

        def answer(on: bool) -> None:
            self._context.notifications.dismiss(note)
            Task(
                lambda: self._library.session.raw_pairs.switch(on),
                None,
                self._context.report_failure,
                owner=self,
            )

        note.add_button(_("Show as one photo"), lambda: answer(True))
        note.add_button(_("Keep apart"), lambda: answer(False))

    def _changed(self, notice: RawPairsChanged) -> None:
        if not (notice.batch_ids or notice.contradicting):
            return
        text = ""
        if photos := len(notice.contradicting):
            text = ngettext(
                "On {count} photo they contradict each other: those on the photo count, and those "
                "on the raw file are kept.",
                "On {count} photos they contradict each other: those on the photos count, and "
                "those on the raw files are kept.",
                photos,
            ).format(count=number(photos))
        note = self._context.notifications.notify(
            _("Verdicts of raw files and their photos were joined"),
            text or _("A raw file and a photo of the same name are one photo."),
            colour="warning" if notice.contradicting else "accent",
        )
        if batch_ids := list(notice.batch_ids):
            note.add_button(
                _("Undo"),
                lambda: (
                    self._context.notifications.dismiss(note),
                    self._library.undo_stack.undo_batches(batch_ids),
                ),
            )
        if image_ids := list(notice.contradicting):
            note.add_button(_("Show"), lambda: self._library.show_images(image_ids))
