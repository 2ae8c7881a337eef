"""The commands that import, what is dropped on the library, and what the window says afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot
from shells import BareLibrary, show_library

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.interchange import registry
from lmpt_desktop.ui.interchange.import_commands import DIALOG, attach
from lmpt_desktop.ui.interchange.import_dialog import ImportDialog
from lmpt_desktop.ui.interchange.source_section import file_filters
from lmpt_desktop.ui.shell.context import ShellContext

WAIT_MS = 20_000
Write = Callable[..., Path]


@pytest.fixture
def shown(context: ShellContext, opened: BareLibrary, qtbot: QtBot) -> BareLibrary:
    """The library, open in a window and followed."""
    attach(context)
    show_library(context, opened, qtbot)
    return opened


def import_dialog(context: ShellContext) -> ImportDialog:
    dialog = context.dialogs.find(DIALOG)
    assert isinstance(dialog, ImportDialog)
    return dialog


def import_file(context: ShellContext, library: BareLibrary, path: Path, qtbot: QtBot) -> None:
    """Drop a file, add its classes, import, and wait for what is said."""
    library.drop_files(path)
    dialog = import_dialog(context)
    qtbot.waitUntil(lambda: not dialog.busy, timeout=WAIT_MS)
    dialog.classes.add_all.setChecked(True)
    qtbot.waitUntil(lambda: not dialog.busy, timeout=WAIT_MS)
    dialog.apply()
    qtbot.waitUntil(lambda: bool(context.notifications.shown), timeout=WAIT_MS)


def press(context: ShellContext, text: str) -> None:
    """Press a button of the newest notification."""
    found = context.notifications.shown[0].findChildren(QPushButton)
    next(button for button in found if button.text() == text).click()


def class_names(session: LibrarySession) -> list[str]:
    return [entry.name for entry in session.snapshot().classes]


def test_the_command_opens_the_dialog_once(
    context: ShellContext, shown: BareLibrary, qtbot: QtBot
) -> None:
    context.commands.trigger("file.import")
    first = import_dialog(context)
    context.commands.trigger("file.import")
    assert import_dialog(context) is first
    first.reject()
    assert context.dialogs.find(DIALOG) is None


def test_a_library_that_is_only_read_imports_nothing(
    context: ShellContext,
    shown: BareLibrary,
    write: Write,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert context.commands.action("file.import").isEnabled()
    catalogue = type(shown.session.catalogue)
    monkeypatch.setattr(catalogue, "read_only", property(lambda _self: True))
    context.refresh_commands()
    for command in ("file.import", "file.import-keywords"):
        assert not context.commands.action(command).isEnabled()
    shown.drop_files(write("city/photo 0.jpg;dog;1"))
    assert context.dialogs.find(DIALOG) is None


def test_several_dropped_files_are_taken_one_after_the_other(
    context: ShellContext, shown: BareLibrary, write: Write, qtbot: QtBot
) -> None:
    first = write("city/photo 0.jpg;dog;1", name="a.plain")
    shown.drop_files(first, write("city/photo 0.jpg;dog;1", name="b.plain"))
    dialog = import_dialog(context)
    qtbot.waitUntil(lambda: not dialog.busy, timeout=WAIT_MS)
    assert dialog.source.name.text() == "a.plain"
    assert "first of the 2 files" in dialog.strip.text


def test_an_import_is_told_undone_and_its_classes_archived(
    context: ShellContext, shown: BareLibrary, write: Write, qtbot: QtBot
) -> None:
    session = shown.session
    path = write("city/photo 0.jpg;dog;1", "city/photo 0.jpg;horse & cart;1")
    import_file(context, shown, path, qtbot)
    note = context.notifications.shown[0]
    assert note.title == "“tags.plain” was imported"
    assert note.message == (
        "2 annotations on 1 photo. You can undo this in one step, also later. 1 class was added."
    )
    press(context, "Show photos")
    assert shown.shown == [("images", [1])]
    press(context, "Undo")
    qtbot.waitUntil(
        lambda: (
            [n.title for n in context.notifications.shown]
            == ["The import that was undone had added 1 class"]
        ),
        timeout=WAIT_MS,
    )
    assert "“horse & cart”" in context.notifications.shown[0].message
    assert (session.snapshot().annotations[0] == Verdict.UNKNOWN).all()
    press(context, "Archive")
    qtbot.waitUntil(lambda: "horse & cart" not in class_names(session), timeout=WAIT_MS)
    assert context.notifications.shown == ()


def test_an_import_is_told_once(
    context: ShellContext, shown: BareLibrary, write: Write, qtbot: QtBot
) -> None:
    offered: list[str] = []
    shown.undo_stack.done.connect(lambda _batch, text: offered.append(text))
    path = write("city/photo 0.jpg;dog;1", "city/photo 1.jpg;dog;1")
    import_file(context, shown, path, qtbot)
    assert "on 2 photos" in context.notifications.shown[0].message
    assert offered == []


def test_the_offer_to_archive_counts_what_the_catalogue_has_after_any_undo(
    context: ShellContext, shown: BareLibrary, write: Write, qtbot: QtBot
) -> None:
    session, undo_stack = shown.session, shown.undo_stack
    path = write("city/photo 0.jpg;horse;1", "city/photo 0.jpg;cart;1")
    import_file(context, shown, path, qtbot)

    def offers() -> list[str]:
        return [note.title for note in context.notifications.shown if "had added" in note.title]

    def settle() -> None:
        qtbot.waitUntil(lambda: undo_stack.settled, timeout=WAIT_MS)

    two = ["The import that was undone had added 2 classes"]
    one = ["The import that was undone had added 1 class"]
    settle()
    undo_stack.undo()
    qtbot.waitUntil(lambda: offers() == two, timeout=WAIT_MS)
    settle()
    undo_stack.redo()
    qtbot.waitUntil(lambda: offers() == [], timeout=WAIT_MS)
    settle()
    undo_stack.undo()
    qtbot.waitUntil(lambda: offers() == two, timeout=WAIT_MS)
    settle()
    horse = next(entry.id for entry in session.snapshot().classes if entry.name == "horse")
    undo_stack.annotate([1], [horse], Verdict.PRESENT)
    qtbot.waitUntil(lambda: offers() == one, timeout=WAIT_MS)
    assert "“cart”" in context.notifications.shown[0].message
    settle()
    undo_stack.undo()
    qtbot.waitUntil(lambda: offers() == two, timeout=WAIT_MS)


def test_an_import_without_new_classes_offers_nothing(
    context: ShellContext, shown: BareLibrary, write: Write, qtbot: QtBot
) -> None:
    import_file(context, shown, write("city/photo 0.jpg;dog;1"), qtbot)
    qtbot.waitUntil(lambda: shown.undo_stack.can_undo, timeout=WAIT_MS)
    with qtbot.waitSignal(shown.undo_stack.undone, timeout=WAIT_MS):
        shown.undo_stack.undo()
    qtbot.waitUntil(lambda: context.notifications.shown == (), timeout=WAIT_MS)


def test_the_file_dialog_lists_every_format() -> None:
    assert file_filters().split(";;") == [
        "Annotations (*.other *.plain)",
        "Other list (*.other)",
        "Plain list (*.plain)",
        "All files (*)",
    ]


def test_keywords_of_the_librarys_photos(
    context: ShellContext,
    shown: BareLibrary,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    qtbot: QtBot,
) -> None:
    from lmpt_desktop.interchange.formats import xmp

    monkeypatch.setattr(registry, "FORMATS", (xmp.FORMAT,))
    photo = shown.session.images.path(1)
    photo.with_name(photo.name + ".xmp").write_text(
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:subject><rdf:Bag><rdf:li>dog</rdf:li>'
        "</rdf:Bag></dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>",
        "utf-8",
    )
    context.commands.trigger("file.import-keywords")
    dialog = import_dialog(context)
    qtbot.waitUntil(lambda: dialog.ok.isEnabled() and not dialog.busy, timeout=WAIT_MS)
    assert dialog.source.name.text() == "Keywords in your photos"
    assert dialog.summary.text() == "1 annotation is added."
    dialog.apply()
    qtbot.waitUntil(lambda: shown.undo_stack.can_undo, timeout=WAIT_MS)
    assert shown.undo_stack.stack.undoText() == "Import Keywords in your photos"
