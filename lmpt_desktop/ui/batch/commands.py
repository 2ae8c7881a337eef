"""The commands on many images at once; dialogs are imported when first needed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox

from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference.verdict_changes import Changes, changes, known_verdicts
from lmpt_desktop.translation import N_, _
from lmpt_desktop.ui.batch import words
from lmpt_desktop.ui.batch.copying import CopiedVerdicts, copied_of, from_mime, to_mime
from lmpt_desktop.ui.commands import Command
from lmpt_desktop.ui.kit.tasks import Task
from lmpt_desktop.ui.shell.conditions import has_classes, library_open, photos_chosen
from lmpt_desktop.ui.shell.context import OpenLibrary, ShellContext

LISTED = 8
"""How many classes the question before pasting names for each verdict."""


def set_classes(context: ShellContext) -> None:
    """Ask for verdicts on the selected images."""
    from lmpt_desktop.ui.batch.classes_dialog import SetClassesDialog  # noqa: PLC0415

    library = context.require_library()
    ids = _chosen(library)
    if len(ids):
        dialog = SetClassesDialog(
            library.session, library.undo_stack, ids, library.bridge, context.dialog_parent
        )
        context.dialogs.replace("set classes", dialog)


def accept_predictions(context: ShellContext) -> None:
    """Offer predictions: of the selection if that is several images, else of the grid; of the
    class that the grid is filtered by, else of all."""
    from lmpt_desktop.ui.batch.accept_dialog import AcceptDialog, Scope  # noqa: PLC0415

    library = context.require_library()
    selected, shown = _chosen(library), library.shown_ids()
    scopes = [
        Scope(_("The {images} in the grid").format(images=words.images(len(shown))), shown),
        Scope(_("The whole library"), None),
    ]
    if len(selected):
        place = 0 if len(selected) > 1 else len(scopes)
        text = _("The {images} selected").format(images=words.images(len(selected)))
        scopes.insert(place, Scope(text, selected))
    dialog = AcceptDialog(
        library.session,
        library.undo_stack,
        scopes,
        library.thumbnail_source,
        bridge=library.bridge,
        parent=context.dialog_parent,
        only_class=library.filtered_class,
    )
    context.dialogs.replace("accept", dialog)


def copy_annotations(context: ShellContext) -> None:
    """Put the verdicts of the current image on the clipboard."""
    library = context.require_library()
    image_id = library.view.current_id if library.view is not None else -1
    if image_id < 0:
        return
    snapshot = library.session.snapshot()
    verdicts = known_verdicts(snapshot, image_id)
    name = library.image_name(image_id)
    if not verdicts:
        context.status.show_text(_("Nothing is annotated in {name} yet.").format(name=name))
        return
    QGuiApplication.clipboard().setMimeData(to_mime(copied_of(name, verdicts, snapshot.classes)))
    context.status.show_text(
        _("{verdicts} of {name} copied").format(verdicts=words.verdicts(len(verdicts)), name=name)
    )


def paste_annotations(context: ShellContext) -> None:
    """Give the copied verdicts to the selected images, after showing what changes."""
    library = context.require_library()
    ids = _chosen(library)
    if not len(ids) or library.view is None or not library.view.can_annotate():
        return
    copied = from_mime(QGuiApplication.clipboard().mimeData())
    if copied is None:
        context.status.show_text(
            _("There are no annotations to paste. Copy those of a photo first.")
        )
        return
    session = library.session

    def look() -> tuple[Snapshot, Changes]:
        snapshot = session.snapshot()
        return snapshot, changes(snapshot, ids, copied.by_id(snapshot.classes))

    Task(
        look,
        lambda found: _ask_paste(context, library, _Paste(copied, len(ids), *found)),
        context.report_failure,
        owner=library.undo_stack,
    )


@dataclass(frozen=True, eq=False)
class _Paste:
    copied: CopiedVerdicts
    image_count: int
    snapshot: Snapshot
    found: Changes


def _ask_paste(context: ShellContext, library: OpenLibrary, wanted: _Paste) -> None:
    if context.library is not library:  # it was closed meanwhile
        return
    copied, snapshot, found = wanted.copied, wanted.snapshot, wanted.found
    image_count = wanted.image_count
    known = copied.by_id(snapshot.classes)
    missing = len(copied.verdicts) - len(known)
    if not len(found):
        text = _("Nothing changes: {images} have these verdicts already.")
        if not known:
            text = _("Nothing changes: none of these classes is in this vocabulary.")
        context.status.show_text(text.format(images=words.images(image_count)))
        return

    def paste() -> None:
        text = words.copied(copied.source, found.images)
        library.undo_stack.apply(found.image_ids, found.class_ids, found.verdicts, text)

    if image_count == 1 and not found.contradicting:
        paste()
        return
    box = QMessageBox(context.dialog_parent)
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
    box.finished.connect(lambda _result: paste() if box.clickedButton() is yes else None)
    context.dialogs.replace("paste", box)


def _chosen(library: OpenLibrary) -> NDArray[np.int64]:
    """(n,) int64 ids of the chosen images, in the order shown."""
    return np.empty(0, np.int64) if library.view is None else library.view.chosen_ids()


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


# fmt: off
COMMANDS: tuple[Command[ShellContext], ...] = (
    Command("image.classes", N_("Set c&lasses..."), "image", 2, 10, set_classes,
            (photos_chosen, has_classes), "Ctrl+T", "list",
            tip=N_("Set verdicts on several classes at once in the selected photos")),
    Command("image.accept", N_("Accept pr&edictions..."), "image", 2, 20, accept_predictions,
            (library_open, has_classes), "Ctrl+Shift+A", "sparkle",
            tip=N_("Look through what the model predicts, and accept it at once")),
    Command("image.copy-annotations", N_("Copy ann&otations"), "image", 2, 30, copy_annotations,
            (photos_chosen,), "Ctrl+Shift+C", "copy",
            tip=N_("Copy the annotations of this photo")),
    Command("image.paste-annotations", N_("Pas&te annotations"), "image", 2, 40,
            paste_annotations, (photos_chosen,), "Ctrl+Shift+V",
            tip=N_("Give the selected photos the annotations you copied")),
)
# fmt: on
