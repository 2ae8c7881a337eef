"""The commands on many images at once; dialogs are imported when first needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox

from lmpt_desktop.engine.views import Snapshot
from lmpt_desktop.inference.verdict_changes import Changes, changes, known_verdicts
from lmpt_desktop.translation import _
from lmpt_desktop.ui.batch import words
from lmpt_desktop.ui.batch.copying import CopiedVerdicts, copied_of, from_mime, to_mime
from lmpt_desktop.ui.kit import tasks

if TYPE_CHECKING:
    from lmpt_desktop.ui.library.page import LibraryPage
    from lmpt_desktop.ui.window.main_window import MainWindow

LISTED = 8
"""The question before pasting names at most so many classes a verdict."""


class BatchActions:
    """Set classes, accept predictions, copy and paste annotations."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self.question: QMessageBox | None = None
        """What is asked before pasting onto many, while it is asked."""

    def bind(self) -> None:
        """Put the handlers on the commands."""
        on = self._window.commands.on
        on("image.classes", self.set_classes)
        on("image.accept", self.accept)
        on("image.copy-annotations", self.copy)
        on("image.paste-annotations", self.paste)

    # ------------------------------------------------------------------------------ dialogs

    def set_classes(self) -> None:
        """Ask for verdicts on the selected images."""
        from lmpt_desktop.ui.batch.classes_dialog import SetClassesDialog  # noqa: PLC0415

        page = self._window.page
        ids = _selected(page)
        if page is not None and len(ids):
            dialog = SetClassesDialog(page.session, page.desk, ids, page.bridge, self._window)
            self._window.model_actions.show_dialog("set classes", dialog)

    def accept(self) -> None:
        """Offer predictions: of the selection if that is several images, else of the grid; of
        the class that the grid is filtered by, else of all."""
        from lmpt_desktop.ui.batch.accept_dialog import AcceptDialog, Scope  # noqa: PLC0415

        page = self._window.page
        if page is None:
            return
        selected, shown = _selected(page), page.panel.model.ids
        scopes = [
            Scope(_("The {images} in the grid").format(images=words.images(len(shown))), shown),
            Scope(_("The whole library"), None),
        ]
        if len(selected):
            place = 0 if len(selected) > 1 else len(scopes)
            text = _("The {images} selected").format(images=words.images(len(selected)))
            scopes.insert(place, Scope(text, selected))
        dialog = AcceptDialog(
            page.session,
            page.desk,
            scopes,
            page.opened.thumbnails,
            bridge=page.bridge,
            parent=self._window,
            only_class=page.panel.bar.filter().class_id,
        )
        self._window.model_actions.show_dialog("accept", dialog)

    # ------------------------------------------------------------------------ copy and paste

    def copy(self) -> None:
        """Put the verdicts of the current image on the clipboard."""
        page = self._window.page
        if page is None or (image_id := page.current_id) < 0:
            return
        snapshot = page.session.snapshot()
        verdicts = known_verdicts(snapshot, image_id)
        name = page.panel.model.cell(page.panel.model.position_of(image_id)).name
        if not verdicts:
            self._window.status.say(_("Nothing is annotated in {name} yet.").format(name=name))
            return
        QGuiApplication.clipboard().setMimeData(
            to_mime(copied_of(name, verdicts, snapshot.classes))
        )
        self._window.status.say(
            _("{verdicts} of {name} copied").format(
                verdicts=words.verdicts(len(verdicts)), name=name
            )
        )

    def paste(self) -> None:
        """Give the copied verdicts to the selected images, after saying what changes."""
        page = self._window.page
        ids = _selected(page)
        if page is None or not len(ids):
            return
        if (review := page.review.in_front) is not None and not review.can_judge():
            return  # a photo that is still loading
        copied = from_mime(QGuiApplication.clipboard().mimeData())
        if copied is None:
            self._window.status.say(
                _("There are no annotations to paste. Copy those of a photo first.")
            )
            return
        session = page.session

        def look() -> tuple[Snapshot, Changes]:
            snapshot = session.snapshot()
            return snapshot, changes(snapshot, ids, copied.by_id(snapshot.classes))

        tasks.start(
            look,
            lambda found: self._pasting(page, copied, len(ids), *found),
            page.problem.emit,
        )

    def _pasting(
        self,
        page: LibraryPage,
        copied: CopiedVerdicts,
        image_count: int,
        snapshot: Snapshot,
        found: Changes,
    ) -> None:
        if self._window.page is not page:
            return
        known = copied.by_id(snapshot.classes)
        missing = len(copied.verdicts) - len(known)
        if not len(found):
            said = _("Nothing changes: {images} have these verdicts already.")
            if not known:
                said = _("Nothing changes: none of these classes is in this vocabulary.")
            self._window.status.say(said.format(images=words.images(image_count)))
            return
        if image_count == 1 and not found.contradicting:
            self._give(page, copied, found)
            return
        box = QMessageBox(self._window)
        box.setObjectName("paste-question")
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(_("Paste annotations"))
        box.setText(
            _("Give {images} the verdicts of {name}?").format(
                images=words.images(image_count), name=words.short(copied.source)
            )
        )
        box.setInformativeText("\n".join(_explained(copied, snapshot, found, missing)))
        yes = box.addButton(
            _("Change {verdicts}").format(verdicts=words.verdicts(len(found))),
            QMessageBox.ButtonRole.AcceptRole,
        )
        box.addButton(_("Cancel"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(yes)

        def answered(_result: int) -> None:
            self.question = None
            if box.clickedButton() is yes and self._window.page is page:
                self._give(page, copied, found)

        box.finished.connect(answered)
        self.question = box
        box.open()

    def _give(self, page: LibraryPage, copied: CopiedVerdicts, found: Changes) -> None:
        text = words.copied(copied.source, found.images)
        page.desk.apply(found.image_ids, found.class_ids, found.verdicts, text)


def _selected(page: LibraryPage | None) -> np.ndarray:
    """(n,) int64 ids of the selected images, in the grid's order."""
    if page is None:
        return np.empty(0, np.int64)
    if page.review.in_front is not None:
        return np.array(page.chosen_ids(), np.int64)
    return page.panel.model.ids[page.grid.selected_positions()]


def _explained(
    copied: CopiedVerdicts, snapshot: Snapshot, found: Changes, missing: int
) -> list[str]:
    """What will change, in lines."""
    lines = [
        _("{verdicts} on {images} change.").format(
            verdicts=words.verdicts(len(found)), images=words.images(found.images)
        )
    ]
    known = copied.by_id(snapshot.classes)
    for verdict, text in ((1, _("Present: {names}.")), (0, _("Absent: {names}."))):
        names = [entry.name for entry in snapshot.classes if known.get(entry.id) == verdict]
        if names:
            lines.append(text.format(names=words.listed(names, LISTED)))
    if found.contradicting:
        lines.append(
            _("{verdicts} you gave before will be turned into the opposite.").format(
                verdicts=words.verdicts(found.contradicting)
            )
        )
    if missing:
        lines.append(
            _("{classes} are not in this vocabulary and are passed over.").format(
                classes=words.classes(missing)
            )
        )
    lines.append(_("What is unknown there is left as it is."))
    return lines
