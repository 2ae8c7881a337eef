"""The commands that import annotations, and export them and tags."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog

from lmpt_desktop.translation import N_, _, ngettext, number
from lmpt_desktop.ui.commands import Command
from lmpt_desktop.ui.interchange import export_commands, import_commands, merge_commands
from lmpt_desktop.ui.kit.tasks import Task
from lmpt_desktop.ui.shell.conditions import has_classes, library_open

if TYPE_CHECKING:
    from lmpt_desktop.engine.session import LibrarySession
    from lmpt_desktop.ui.shell.context import ShellContext


def export_tags(context: ShellContext) -> None:
    """Ask for a file and write one row per image and class to it."""
    from lmpt_desktop.interchange.tags import FORMATS  # noqa: PLC0415

    chosen, _kind = QFileDialog.getSaveFileName(
        context.dialog_parent,
        _("Export tags"),
        f"tags{FORMATS[0].suffixes[0]}",
        ";;".join(item.file_filter for item in FORMATS),
    )
    if chosen:
        path = Path(chosen)
        if not path.suffix:
            path = path.with_suffix(FORMATS[0].suffixes[0])
        export_to(context, context.require_library().session, path)


def export_to(context: ShellContext, session: LibrarySession, path: Path) -> None:
    """Write the tags in the background, and show how many there are."""
    import numpy as np  # noqa: PLC0415

    from lmpt_desktop.interchange.atomic_file import atomic_write  # noqa: PLC0415
    from lmpt_desktop.interchange.tags import format_of, tag_rows  # noqa: PLC0415

    def write() -> int:
        snapshot = session.snapshot()
        rows = np.arange(len(snapshot.images))
        with atomic_write(path) as file:
            return format_of(path.name).write(tag_rows(snapshot, rows, session.images.paths), file)

    def written(count: int) -> None:
        context.status.show_text(
            ngettext(
                "{count} tag written to {name}", "{count} tags written to {name}", count
            ).format(count=number(count), name=path.name)
        )

    Task(
        write,
        written,
        lambda error: context.report(_("The tags were not exported"), error),
        owner=context,
    )


attach = import_commands.attach

COMMANDS: tuple[Command[ShellContext], ...] = (
    *import_commands.COMMANDS,
    *merge_commands.COMMANDS,
    *export_commands.COMMANDS,
    Command(
        "file.export-tags", N_("Export ta&gs..."), "file", 1, 21, export_tags,
        (library_open, has_classes),
        tip=N_("Write predicted and confirmed classes to a plain table"),
    ),
)  # fmt: skip
