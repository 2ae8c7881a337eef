"""The commands that import annotations, and what the window says afterwards."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from shiboken6 import isValid

from lmpt_desktop.engine.notices import AnnotationsChanged, ClassesChanged
from lmpt_desktop.settings import LAST_FOLDER
from lmpt_desktop.translation import N_, _, join_names, ngettext, number
from lmpt_desktop.ui.commands import Command
from lmpt_desktop.ui.kit.tasks import LatestRequest, Task
from lmpt_desktop.ui.kit.texts import shorten
from lmpt_desktop.ui.shell.conditions import library_open, library_writable

if TYPE_CHECKING:
    from lmpt_desktop.domain.records import ClassEntry
    from lmpt_desktop.engine.interchange.imports import ImportResult
    from lmpt_desktop.ui.shell.context import OpenLibrary, ShellContext
    from lmpt_desktop.ui.shell.notifications import Notification

log = logging.getLogger(__name__)

DIALOG = "import"
"""The name of the dialog."""


def import_annotations(context: ShellContext) -> None:
    """Open the dialog, which asks for a file."""
    _open(context)


def import_keywords(context: ShellContext) -> None:
    """Open the dialog on the keywords of the library's photos."""
    from lmpt_desktop.ui.interchange.import_dialog import ImportDialog  # noqa: PLC0415

    dialog = _open(context)
    assert isinstance(dialog, ImportDialog)
    dialog.read_keywords()


def import_files(context: ShellContext, paths: Sequence[Path]) -> None:
    """Open the dialog on a file that was dropped."""
    from lmpt_desktop.ui.interchange.import_dialog import ImportDialog  # noqa: PLC0415

    if not paths or not library_writable(context):
        return
    dialog = _open(context)
    assert isinstance(dialog, ImportDialog)
    dialog.open_path(paths[0])
    if len(paths) > 1:
        dialog.say_first_of(len(paths))


def _open(context: ShellContext) -> QObject | None:
    from lmpt_desktop.ui.interchange.import_dialog import ImportDialog  # noqa: PLC0415

    library = context.require_library()

    def make() -> ImportDialog:
        dialog = ImportDialog(
            library.session,
            library.undo_stack,
            library.thumbnail_source,
            bridge=library.bridge,
            parent=context.dialog_parent,
        )
        dialog.source.last_folder = context.settings.get(LAST_FOLDER)
        dialog.imported.connect(lambda name, result: _tell(context, library, name, result))
        return dialog

    context.dialogs.show(DIALOG, make)
    return context.dialogs.find(DIALOG)


def _tell(context: ShellContext, library: OpenLibrary, name: str, result: ImportResult) -> None:
    """Say what was imported, with a button to undo it."""
    from lmpt_desktop.catalogue.records import distinct  # noqa: PLC0415
    from lmpt_desktop.ui.interchange.import_texts import imported_text  # noqa: PLC0415

    added = len(result.classes.after) if result.classes is not None else 0
    note = context.notifications.notify(
        _("“{name}” was imported").format(name=name), imported_text(result, added), colour="accent"
    )
    batch = result.batch
    if batch is None:
        return
    Told(note, context, library, batch.id)
    note.add_button(_("Undo"), lambda: library.undo_stack.undo_batches([batch.id]))
    ids = distinct(batch.image_ids, batch.reviewed_ids).tolist()
    note.add_button(_("Show photos"), lambda: library.show_images(ids))


class Told(QObject):
    """Takes a notification away once its import is undone, here or in the menu."""

    def __init__(
        self, note: Notification, context: ShellContext, library: OpenLibrary, batch_id: int
    ) -> None:
        super().__init__(note)
        self._note = note
        self._dismiss: Callable[[Notification], None] = context.notifications.dismiss
        self._batch_id = batch_id
        library.undo_stack.undone.connect(self._undone)

    def _undone(self, batch_id: int) -> None:
        if batch_id == self._batch_id and isValid(self._note):
            self._dismiss(self._note)


class UnusedClasses(QObject):
    """Offers to archive the classes that an import added, once it is undone, and as long as they
    have no annotation.

    Exists as long as the pages of its library.
    """

    def __init__(self, context: ShellContext, library: OpenLibrary) -> None:
        super().__init__(library.pages)
        self._context = context
        self._library = library
        self._note: Notification | None = None
        self._told: tuple[int, list[int]] = (-1, [])
        """The batch and the class ids that the message is about."""
        self._recounting: LatestRequest[list[ClassEntry]] = LatestRequest(
            self._recounted,
            lambda error: log.warning("the classes of an import are not known: %s", error),
            owner=self,
            overlap=False,
        )
        library.undo_stack.undone.connect(self._undone)
        for kind in (AnnotationsChanged, ClassesChanged):
            library.bridge.on(kind, self._changed)

    def _is_shown(self) -> bool:
        return self._context.notifications.is_shown(self._note)

    def _changed(self, _notice: object) -> None:
        """The import may have been redone, or its classes used or archived."""
        if self._is_shown():
            imports, batch_id = self._library.session.imports, self._told[0]
            self._recounting.ask(lambda: imports.unused_classes(batch_id))

    def _recounted(self, classes: list[ClassEntry]) -> None:
        batch_id, told = self._told
        if self._note is not None and self._is_shown() and [e.id for e in classes] != told:
            self._context.notifications.dismiss(self._note)
            self._offer(batch_id, classes)

    def _undone(self, batch_id: int) -> None:
        imports = self._library.session.imports
        Task(
            lambda: imports.unused_classes(batch_id),
            lambda classes: self._offer(batch_id, classes),
            lambda error: log.warning("the classes of an import are not known: %s", error),
            owner=self,
        )

    def _offer(self, batch_id: int, classes: Sequence[ClassEntry]) -> None:
        if not classes:
            return
        names = [shorten(entry.name) for entry in classes]
        self._told = (batch_id, [entry.id for entry in classes])
        note = self._note = self._context.notifications.notify(
            ngettext(
                "The import that was undone had added {count} class",
                "The import that was undone had added {count} classes",
                len(classes),
            ).format(count=number(len(classes))),
            ngettext(
                "No photo has {names}. It stays in the vocabulary unless you archive it.",
                "No photo has {names}. They stay in the vocabulary unless you archive them.",
                len(classes),
            ).format(names=join_names(names, quoted=True)),
            colour="accent",
        )
        session = self._library.session

        def work() -> int:
            # By now the import may have been redone.
            ids = [entry.id for entry in session.imports.unused_classes(batch_id)]
            return len(session.vocabulary.archive(ids).after) if ids else 0

        def archived(count: int) -> None:
            self._library.undo_stack.read_history()
            self._context.status.show_text(
                ngettext("{count} class archived", "{count} classes archived", count).format(
                    count=number(count)
                )
            )

        def archive() -> None:
            self._context.notifications.dismiss(note)
            Task(work, archived, self._context.report_failure, owner=self)

        note.add_button(_("Archive"), archive)


def attach(context: ShellContext) -> None:
    """Follow each library that is opened."""

    def opened(library: OpenLibrary) -> None:
        UnusedClasses(context, library)
        library.on_files_dropped(lambda paths: import_files(context, paths))

    context.opened.connect(opened)


# fmt: off
COMMANDS: tuple[Command[ShellContext], ...] = (
    Command("file.import", N_("&Import annotations..."), "file", 1, 17, import_annotations,
            (library_open, library_writable), "Ctrl+I", "import",
            tip=N_("Take over the annotations of a file of another program or library")),
    Command("file.import-keywords", N_("Import &keywords of photos..."), "file", 1, 18,
            import_keywords, (library_open, library_writable),
            tip=N_("Take over what other programs have written into your photos or beside them")),
)
# fmt: on
