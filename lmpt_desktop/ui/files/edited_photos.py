"""What the user says about photos that were edited after they were annotated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox

from lmpt_desktop.translation import _, ngettext, number
from lmpt_desktop.ui.kit.tasks import Task
from lmpt_desktop.ui.shell.context import chosen_ids

if TYPE_CHECKING:
    from lmpt_desktop.ui.shell.context import OpenLibrary, ShellContext


def edited_chosen(context: ShellContext) -> bool:
    """A selected photo was edited after it was annotated."""
    view = context.library.view if context.library is not None else None
    if context.library is None or view is None or not view.chosen_count():
        return False
    session = context.library.session
    # In most libraries there is none; then the selection need not be looked through.
    edited = session.snapshot().images.edited
    return bool(edited.any()) and bool(len(session.edits.edited(view.chosen_ids())))


def confirm(context: ShellContext) -> None:
    """The annotations of the selected photos still hold; asked first if there are several."""
    library = context.require_library()
    ids = _edited(library)

    def done(count: int) -> None:
        context.status.show_text(
            ngettext(
                "The annotations of {count} photo still hold",
                "The annotations of {count} photos still hold",
                count,
            ).format(count=number(count))
        )

    def act() -> None:
        Task(
            lambda: library.session.edits.confirm(ids),
            done,
            context.report_failure,
            owner=library.undo_stack,
        )

    if len(ids) < 2:
        act()
        return
    _ask(
        context,
        _("Annotations still hold"),
        ngettext(
            "Do the annotations of {count} edited photo still hold?",
            "Do the annotations of {count} edited photos still hold?",
            len(ids),
        ).format(count=number(len(ids))),
        _("They will no longer be listed under 'Changed since annotated'. The annotations stay."),
        button=_("They still hold"),
        act=act,
    )


def separate(context: ShellContext) -> None:
    """The selected photos are others than those that were annotated; asked first if there are
    several."""
    library = context.require_library()
    chosen = _edited(library)

    def found(ids: list[int]) -> None:
        if context.library is not library:  # it was closed in the meantime
            return
        if not ids:
            context.status.show_text(
                _("It is not known any more which photo these annotations were made for.")
            )
            return
        if len(ids) < 2:
            act(ids)
            return
        text = _(
            "Their annotations go back to the photos that were there before, which wait under "
            "'Missing photos'. What you have annotated since stays."
        )
        if left := len(chosen) - len(ids):
            text += "\n" + ngettext(
                "{count} more photo is left as it is: it is not known what was there before.",
                "{count} more photos are left as they are: it is not known what was there before.",
                left,
            ).format(count=number(left))
        _ask(
            context,
            _("Another photo"),
            ngettext(
                "Does {count} edited photo show something else than was annotated?",
                "Do {count} edited photos show something else than was annotated?",
                len(ids),
            ).format(count=number(len(ids))),
            text,
            button=_("They are other photos"),
            act=lambda: act(ids),
        )

    def act(ids: Sequence[int]) -> None:
        label = ngettext(
            "Annotations of {count} photo given back",
            "Annotations of {count} photos given back",
            len(ids),
        ).format(count=number(len(ids)))
        library.undo_stack.commit(lambda: library.session.edits.separate(ids, label))

    Task(
        lambda: library.session.edits.separable(chosen),
        found,
        context.report_failure,
        owner=library.undo_stack,
    )


def _edited(library: OpenLibrary) -> list[int]:
    return library.session.edits.edited(chosen_ids(library)).tolist()


def _ask(
    context: ShellContext,
    title: str,
    question: str,
    text: str,
    *,
    button: str,
    act: Callable[[], object],
) -> None:
    box = QMessageBox(context.dialog_parent)
    box.setObjectName("edited-question")
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle(title)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(question)
    box.setInformativeText(text)
    yes = box.addButton(button, QMessageBox.ButtonRole.AcceptRole)
    box.addButton(_("Cancel"), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(yes)
    box.finished.connect(lambda _result: act() if box.clickedButton() is yes else None)
    context.dialogs.replace("edited photos", box)
