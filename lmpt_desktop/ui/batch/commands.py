"""Commands that give verdicts to many images at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox

from lmpt_desktop.translation import N_, _, join_names
from lmpt_desktop.ui.batch import undo_labels
from lmpt_desktop.ui.batch.clipboard import CopiedVerdicts, copied_of, from_mime, to_mime
from lmpt_desktop.ui.commands import Command
from lmpt_desktop.ui.kit.tasks import Task
from lmpt_desktop.ui.kit.texts import classes_text, photos_text, shorten, verdicts_text
from lmpt_desktop.ui.shell.conditions import has_classes, library_open, photos_chosen
from lmpt_desktop.ui.shell.context import chosen_ids

if TYPE_CHECKING:
    from lmpt_desktop.domain.snapshot import Snapshot
    from lmpt_desktop.inference.verdict_changes import Changes
    from lmpt_desktop.ui.shell.context import OpenLibrary, ShellContext

MOST_NAMES = 8
"""How many classes of each verdict the question before pasting names."""


def set_classes(context: ShellContext) -> None:
    """Open the dialog that sets verdicts on the selected images."""
    from lmpt_desktop.ui.batch.classes_dialog import SetClassesDialog  # noqa: PLC0415

    library = context.require_library()
    ids = chosen_ids(library)
    if len(ids):
        dialog = SetClassesDialog(
            library.session, library.undo_stack, ids, library.bridge, context.dialog_parent
        )
        context.dialogs.replace("set classes", dialog)


def accept_predictions(context: ShellContext) -> None:
    """Open the dialog that accepts predictions.

    It starts with the selected images if there are several, else with those in the grid; and
    with the class that the grid is filtered by, else with all.
    """
    from lmpt_desktop.ui.batch.accept_dialog import AcceptDialog, ImageSet  # noqa: PLC0415

    library = context.require_library()
    selected, shown = chosen_ids(library), library.shown_ids()
    image_sets = [
        ImageSet(_("The {images} in the grid").format(images=photos_text(len(shown))), shown),
        ImageSet(_("The whole library"), None),
    ]
    if len(selected):
        place = 0 if len(selected) > 1 else len(image_sets)
        text = _("The {images} selected").format(images=photos_text(len(selected)))
        image_sets.insert(place, ImageSet(text, selected))
    dialog = AcceptDialog(
        library.session,
        library.undo_stack,
        image_sets,
        library.thumbnail_source,
        bridge=library.bridge,
        parent=context.dialog_parent,
        only_class=library.filtered_class,
    )
    context.dialogs.replace("accept", dialog)


def copy_annotations(context: ShellContext) -> None:
    """Copy the verdicts of the current image to the clipboard."""
    from lmpt_desktop.inference.verdict_changes import known_verdicts  # noqa: PLC0415

    library = context.require_library()
    image_id = library.view.current_id if library.view is not None else -1
    if image_id < 0:
        return
    snapshot = library.session.snapshot()
    verdicts = known_verdicts(snapshot, image_id)
    name = library.image_name(image_id)
    if not verdicts:
        context.status.show_text(_("{name} has no annotations yet.").format(name=name))
        return
    QGuiApplication.clipboard().setMimeData(to_mime(copied_of(name, verdicts, snapshot.classes)))
    context.status.show_text(
        _("{verdicts} of {name} copied").format(verdicts=verdicts_text(len(verdicts)), name=name)
    )


def paste_annotations(context: ShellContext) -> None:
    """Give the copied verdicts to the selected images, after asking if much would change."""
    from lmpt_desktop.inference.verdict_changes import changes  # noqa: PLC0415

    library = context.require_library()
    ids = chosen_ids(library)
    if not len(ids) or library.view is None or not library.view.can_annotate():
        return
    copied = from_mime(QGuiApplication.clipboard().mimeData())
    if copied is None:
        context.status.show_text(
            _("There are no annotations to paste. Copy the annotations of a photo first.")
        )
        return
    session = library.session

    def compare() -> tuple[Snapshot, Changes]:
        snapshot = session.snapshot()
        return snapshot, changes(snapshot, ids, copied.by_id(snapshot.classes))

    Task(
        compare,
        lambda found: _ask_paste(context, library, _Paste(copied, len(ids), *found)),
        context.report_failure,
        owner=library.undo_stack,
    )


@dataclass(frozen=True, eq=False)
class _Paste:
    """Copied verdicts, and what pasting them would change in a snapshot."""

    copied: CopiedVerdicts
    image_count: int
    snapshot: Snapshot
    found: Changes

    @property
    def missing(self) -> int:
        """How many of the copied classes are not in the vocabulary."""
        return len(self.copied.verdicts) - len(self.copied.by_id(self.snapshot.classes))

    def sentences(self) -> list[str]:
        """What will change."""
        lines = [
            _("{verdicts} in {images} will change.").format(
                verdicts=verdicts_text(len(self.found)), images=photos_text(self.found.images)
            )
        ]
        known = self.copied.by_id(self.snapshot.classes)
        for verdict, text in ((1, _("Present: {names}.")), (0, _("Absent: {names}."))):
            names = [
                entry.name for entry in self.snapshot.classes if known.get(entry.id) == verdict
            ]
            if names:
                lines.append(text.format(names=join_names(names, MOST_NAMES)))
        if self.found.contradicting:
            lines.append(
                _("{verdicts} you gave before will be reversed.").format(
                    verdicts=verdicts_text(self.found.contradicting)
                )
            )
        if self.missing:
            lines.append(
                _("{classes} are not in this vocabulary and are skipped.").format(
                    classes=classes_text(self.missing)
                )
            )
        lines.append(_("Classes that are unknown in the copied photo are left as they are."))
        return lines


def _ask_paste(context: ShellContext, library: OpenLibrary, requested: _Paste) -> None:
    if context.library is not library:  # it was closed in the meantime
        return
    copied, found, image_count = requested.copied, requested.found, requested.image_count
    if not len(found):
        text = _("Nothing changes: {images} already have these verdicts.")
        if requested.missing == len(copied.verdicts):
            text = _("Nothing changes: none of these classes is in this vocabulary.")
        context.status.show_text(text.format(images=photos_text(image_count)))
        return

    def paste() -> None:
        text = undo_labels.pasted(copied.source, found.images)
        library.undo_stack.apply(found.image_ids, found.class_ids, found.verdicts, text)

    if image_count == 1 and not found.contradicting:
        paste()
        return
    box = QMessageBox(context.dialog_parent)
    box.setObjectName("paste-question")
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle(_("Paste annotations"))
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(
        _("Give {images} the verdicts of {name}?").format(
            images=photos_text(image_count), name=shorten(copied.source)
        )
    )
    box.setInformativeText("\n".join(requested.sentences()))
    yes = box.addButton(
        _("Change {verdicts}").format(verdicts=verdicts_text(len(found))),
        QMessageBox.ButtonRole.AcceptRole,
    )
    box.addButton(_("Cancel"), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(yes)
    box.finished.connect(lambda _result: paste() if box.clickedButton() is yes else None)
    context.dialogs.replace("paste", box)


# fmt: off
COMMANDS: tuple[Command[ShellContext], ...] = (
    Command("image.classes", N_("Set c&lasses..."), "image", 2, 10, set_classes,
            (photos_chosen, has_classes), "Ctrl+T", "list",
            tip=N_("Set verdicts on several classes at once in the selected photos")),
    Command("image.accept", N_("Accept pr&edictions..."), "image", 2, 20, accept_predictions,
            (library_open, has_classes), "Ctrl+Shift+A", "sparkle",
            tip=N_("Check predictions and accept many at once")),
    Command("image.copy-annotations", N_("Copy ann&otations"), "image", 2, 30, copy_annotations,
            (photos_chosen,), "Ctrl+Shift+C", "copy",
            tip=N_("Copy the annotations of this photo")),
    Command("image.paste-annotations", N_("Pas&te annotations"), "image", 2, 40,
            paste_annotations, (photos_chosen,), "Ctrl+Shift+V",
            tip=N_("Give the selected photos the annotations you copied")),
)
# fmt: on
