"""The commands that export what the library knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PySide6.QtWidgets import QFileDialog

from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.engine.views import Snapshot
from lmpt_desktop.interchange.tags import TagRow, format_of, whole_file, write_tags
from lmpt_desktop.translation import N_, _, ngettext, number
from lmpt_desktop.ui.commands import Command
from lmpt_desktop.ui.kit.tasks import Task
from lmpt_desktop.ui.shell.conditions import has_classes, library_open
from lmpt_desktop.ui.shell.context import ShellContext


def export_tags(context: ShellContext) -> None:
    """Ask for a file and write one row per image and class to it."""
    chosen, _kind = QFileDialog.getSaveFileName(
        context.dialog_parent, _("Export tags"), "tags.csv", _("CSV (*.csv);;JSON (*.json)")
    )
    if chosen:
        path = Path(chosen)
        if not path.suffix:
            path = path.with_suffix(".csv")
        export_to(context, context.require_library().session, path)


def export_to(context: ShellContext, session: LibrarySession, path: Path) -> None:
    """Write the tags in the background and say how many rows there are."""

    def write() -> int:
        with whole_file(path) as file:
            return write_tags(tag_rows(session), file, format_of(path.name))

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


def tag_rows(session: LibrarySession) -> Iterator[TagRow]:
    """Classes that are present, or predicted and not said to be absent, image by image."""
    snapshot = session.snapshot()
    shown = shown_classes(snapshot)
    names = [entry.name for entry in snapshot.classes]
    bands = [band.value for band in snapshot.bands.bands]
    rows = np.flatnonzero(shown.any(axis=1))
    for start in range(0, len(rows), 1000):
        part = rows[start : start + 1000]
        paths = session.images.paths(snapshot.image_ids[part].tolist())
        for row, path in zip(part, paths, strict=True):
            for column in np.flatnonzero(shown[row]):
                # What the user said is certain, whatever the model thinks.
                said = snapshot.annotations[row, column] == 1
                score = 1.0 if said else float(snapshot.scores[row, column])
                yield TagRow(str(path), names[column], score, bands[column])


def shown_classes(snapshot: Snapshot) -> np.ndarray:
    """(N, C) bool: what the app holds to be in the images."""
    return (snapshot.predicted & (snapshot.annotations != 0)) | (snapshot.annotations == 1)


COMMANDS: tuple[Command[ShellContext], ...] = (
    Command(
        "file.export", N_("&Export tags..."), "file", 1, 20, export_tags,
        (library_open, has_classes), "Ctrl+E", "export",
        tip=N_("Write predicted and confirmed classes to a file"),
    ),
)  # fmt: skip
