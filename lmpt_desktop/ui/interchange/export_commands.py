"""The commands that export, and what the window says afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmpt_desktop.settings import LAST_EXPORT, LAST_FOLDER
from lmpt_desktop.translation import N_, _, ngettext
from lmpt_desktop.ui.commands import Command
from lmpt_desktop.ui.kit import file_manager
from lmpt_desktop.ui.shell.conditions import library_open, photos_chosen
from lmpt_desktop.ui.shell.context import chosen_ids

if TYPE_CHECKING:
    from lmpt_desktop.engine.interchange.side_files import SideFileReport
    from lmpt_desktop.ui.interchange.export_dialog import Written
    from lmpt_desktop.ui.shell.context import ShellContext

DIALOG = "export"
"""The name of the dialog."""
REPORT = "export report"
"""The name of the dialog that says what an export has done."""


def has_photos(context: ShellContext) -> bool:
    """The library has any."""
    return context.library is not None and len(context.library.session.snapshot().images) > 0


def export(context: ShellContext) -> None:
    """Open the dialog on the selection, if several photos are selected, else on all."""
    _open(context)


def export_selected(context: ShellContext) -> None:
    """Open the dialog on the selection."""
    _open(context, "selected")


def _open(context: ShellContext, chosen: str = "") -> None:
    from lmpt_desktop.ui.interchange.export_dialog import ExportDialog  # noqa: PLC0415
    from lmpt_desktop.ui.interchange.export_sections import scopes_of  # noqa: PLC0415

    library = context.require_library()
    selected = chosen_ids(library)
    total = len(library.session.snapshot().images)
    scopes, usual = scopes_of(selected, library.shown_ids(), total)
    if chosen not in [scope.name for scope in scopes]:
        chosen = usual
    old = context.dialogs.find(DIALOG)

    def make() -> ExportDialog:
        dialog = ExportDialog(
            library.session,
            scopes,
            chosen,
            format_name=context.settings.get(LAST_EXPORT),
            last_folder=context.settings.get(LAST_FOLDER),
            bridge=library.bridge,
            parent=context.dialog_parent,
        )
        dialog.formats.chosen.connect(
            lambda format_: context.settings.set(LAST_EXPORT, format_.name)
        )
        dialog.exported.connect(lambda written: _tell_exported(context, written))
        dialog.side_files_written.connect(
            lambda report, removing: _tell_side_files(context, report, removing)
        )
        return dialog

    context.dialogs.show(DIALOG, make)
    if isinstance(old, ExportDialog):
        old.show_scopes(scopes, chosen)


def _tell_exported(context: ShellContext, written: Written) -> None:
    """Say what was written; alarm if it reads back otherwise, and say what to do next."""
    from lmpt_desktop.ui.interchange.export_report import (  # noqa: PLC0415
        DIFFERENCE_TITLES,
        ExportReport,
    )
    from lmpt_desktop.ui.interchange.export_texts import (  # noqa: PLC0415
        differences_title,
        exported_text,
    )

    path, result = written.path, written.result
    context.settings.set(LAST_FOLDER, str(path.parent))
    title = exported_text(written.photos, path)
    if result.differences:
        message = _(
            "The file was written, read back and compared, and does not say what the library says. "
            "Do not rely on it before you have looked at what differs. Your annotations in the "
            "library are as they were."
        )
        report = ExportReport(
            differences_title(result), message, alarming=True, parent=context.dialog_parent
        )
        report.add_table(DIFFERENCE_TITLES, [(item.path, item.text) for item in result.differences])
        report.add_button(_("&Show in folder"), lambda: file_manager.reveal(path))
        context.dialogs.replace(REPORT, report)
        note = context.notifications.notify(
            title, differences_title(result) + ". " + message, colour="error"
        )
    elif written.commands:
        report = ExportReport(
            title,
            _("The photos are not changed yet. ExifTool writes the keywords into them."),
            parent=context.dialog_parent,
        )
        report.add_command(
            ngettext(
                "Type this command in a terminal:",
                "Type these commands in a terminal, one after the other:",
                len(written.commands),
            ),
            "\n".join(written.commands),
            _(
                "It replaces the keywords of every photo that has a class in the file. ExifTool "
                "keeps each photo as it was, with “_original” after its name."
            ),
        )
        report.add_button(_("&Show in folder"), lambda: file_manager.reveal(path))
        context.dialogs.replace(REPORT, report)
        note = context.notifications.notify(title, str(path.parent), colour="accent")
    else:
        note = context.notifications.notify(
            title,
            _("It was read back, and holds what it should. It is in “{folder}”.").format(
                folder=path.parent
            ),
            colour="accent",
        )
    note.add_button(_("Show in folder"), lambda: file_manager.reveal(path))


def _tell_side_files(context: ShellContext, report: SideFileReport, removing: bool) -> None:
    """Say what was written beside the photos, what was left alone, and where copies are."""
    from lmpt_desktop.ui.interchange.export_report import (  # noqa: PLC0415
        SKIPPED_TITLES,
        ExportReport,
        skipped_rows,
    )
    from lmpt_desktop.ui.interchange.export_texts import (  # noqa: PLC0415
        side_files_done,
        side_files_message,
    )

    title, message = side_files_done(report, removing=removing), side_files_message(report)
    colour = "warning" if report.skipped or report.cancelled else "accent"
    note = context.notifications.notify(title, message, colour=colour)

    def show() -> None:
        shown = ExportReport(title, message, parent=context.dialog_parent)
        shown.add_table(SKIPPED_TITLES, skipped_rows(report.skipped))
        context.dialogs.replace(REPORT, shown)

    if report.skipped:
        note.add_button(_("What was left alone..."), show)
    if report.copied:
        note.add_button(_("Show copies"), lambda: file_manager.open_path(report.copies))


# fmt: off
COMMANDS: tuple[Command[ShellContext], ...] = (
    Command("file.export", N_("&Export..."), "file", 1, 20, export, (library_open, has_photos),
            "Ctrl+E", "export",
            tip=N_("Write annotations to a file or beside the photos, for other programs")),
    Command("image.export", N_("E&xport selected photos..."), "image", 4, 40, export_selected,
            (photos_chosen,),
            tip=N_("Write the annotations of the selected photos, for other programs")),
)
# fmt: on
