"""The commands on a library's photos, its grid and its page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog

from lmpt_desktop.domain.states import ImageState, Verdict
from lmpt_desktop.settings import (
    LAST_FOLDER,
    SHOW_DETAILS,
    SHOW_FILTERS,
    SHOW_FOLDERS,
    SHOW_INSPECTOR,
    SHOW_REGIONS,
    SHOW_TIMELINE,
)
from lmpt_desktop.translation import N_, _, ngettext, number
from lmpt_desktop.ui.commands import Command
from lmpt_desktop.ui.kit import file_manager
from lmpt_desktop.ui.kit.region_overlay import TIP
from lmpt_desktop.ui.kit.texts import photos_text, shorten
from lmpt_desktop.ui.shell.conditions import (
    class_in_focus,
    library_open,
    photos_chosen,
    stack_chosen,
)
from lmpt_desktop.ui.shell.library_view import LibraryView, StackView

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lmpt_desktop.domain.snapshot import Snapshot
    from lmpt_desktop.ui.library.page import LibraryPage
    from lmpt_desktop.ui.shell.context import ShellContext

REVEAL_LIMIT = 5

PARTS = {
    "filters": SHOW_FILTERS,
    "timeline": SHOW_TIMELINE,
    "folders": SHOW_FOLDERS,
    "inspector": SHOW_INSPECTOR,
}
"""The parts of the page that can be hidden, and the settings that say whether they are."""


def _page(context: ShellContext) -> LibraryPage:
    page = _open_page(context)
    assert page is not None
    return page


def _open_page(context: ShellContext) -> LibraryPage | None:
    """The page of the library; None while none is open."""
    if context.library is None:
        return None
    from lmpt_desktop.ui.library.page import LibraryPage  # noqa: PLC0415

    return context.library if isinstance(context.library, LibraryPage) else None


def _view(context: ShellContext) -> LibraryView:
    """The view in front, or the grid if the page in front has no photos."""
    return context.require_library().view or _page(context).grid_view


# ---------------------------------------------------------------------------------- conditions


def can_undo(context: ShellContext) -> bool:
    return context.library is not None and context.library.undo_stack.can_undo


def can_redo(context: ShellContext) -> bool:
    return context.library is not None and context.library.undo_stack.can_redo


def searching(context: ShellContext) -> bool:
    """The grid shows search results."""
    page = _open_page(context)
    return page is not None and page.panel.search_bar.query is not None


def working(context: ShellContext) -> bool:
    """Scanning or encoding is running or paused."""
    return context.status.working


def sees_regions(context: ShellContext) -> bool:
    """The backbone in use says where in a photo it sees a class."""
    return context.library is not None and not context.library.session.regions.unavailable


def _undo_text(context: ShellContext) -> str:
    what = context.library.undo_stack.stack.undoText() if context.library is not None else ""
    return _("&Undo {what}").format(what=what.replace("&", "&&")) if what else _("&Undo")


def _redo_text(context: ShellContext) -> str:
    what = context.library.undo_stack.stack.redoText() if context.library is not None else ""
    return _("&Redo {what}").format(what=what.replace("&", "&&")) if what else _("&Redo")


# ------------------------------------------------------------------------------------ the library


def add_folder(context: ShellContext) -> None:
    """Ask for a folder and add it to the library."""
    if chosen := ask_folder(context, _("Add a folder of photos")):
        _page(context).add_folders([chosen])


def ask_folder(context: ShellContext, title: str) -> Path | None:
    """Ask for a folder, starting where the last one was."""
    last = context.settings.get(LAST_FOLDER)
    chosen = QFileDialog.getExistingDirectory(context.dialog_parent, title, last)
    if not chosen:
        return None
    context.settings.set(LAST_FOLDER, str(Path(chosen).parent))
    return Path(chosen)


def rescan(context: ShellContext) -> None:
    page = _page(context)
    page.run(page.session.folders.rescan)


def set_paused(context: ShellContext, paused: bool) -> None:
    _page(context).set_paused(paused)


# ---------------------------------------------------------------------------------------- search


def find_by_name(context: ShellContext) -> None:
    """Give the field for file names the keyboard focus."""
    from lmpt_desktop.ui.grid.filter_texts import Condition  # noqa: PLC0415

    page = _page(context)
    page.show_grid()
    show_part(context, "filters", True)
    page.panel.bar.open_popover(Condition.TEXT)


def filter_photos(context: ShellContext) -> None:
    """Open the panel in which filters are set."""
    page = _page(context)
    page.show_grid()
    show_part(context, "filters", True)
    page.panel.bar.open_popover()


def search(context: ShellContext) -> None:
    """Give the search field the keyboard focus."""
    page = _page(context)
    page.show_grid()
    page.panel.search_bar.take_focus()


def more_like_this(context: ShellContext) -> None:
    """Search for images similar to the chosen ones."""
    page = _page(context)
    ids = _view(context).chosen_ids().tolist()
    page.show_grid()
    if ids:
        name = page.image_name(ids[0]) if len(ids) == 1 else photos_text(len(ids))
        page.panel.search_bar.search_like(ids, name)


# ---------------------------------------------------------------------------------------- photos


def set_present(context: ShellContext) -> None:
    _view(context).set_verdict(Verdict.PRESENT)


def set_absent(context: ShellContext) -> None:
    _view(context).set_verdict(Verdict.ABSENT)


def set_unknown(context: ShellContext) -> None:
    _view(context).set_verdict(Verdict.UNKNOWN)


def _stack_verdict(verdict: Verdict) -> Callable[[ShellContext], None]:
    """A handler that gives whole stacks a verdict."""

    def give(context: ShellContext) -> None:
        view = _view(context)
        if isinstance(view, StackView):
            view.set_stack_verdict(verdict)

    return give


def stack_in_grid(context: ShellContext) -> bool:
    """The grid is in front, and one of the selected cards is of a stack."""
    page = _open_page(context)
    return page is not None and page.view is page.grid_view and page.panel.stacks.size() > 1


def grid_stacked(context: ShellContext) -> bool:
    """The grid shows look-alikes as one card."""
    page = _open_page(context)
    return page is not None and page.panel.stacks.shown


def toggle_stacks(context: ShellContext) -> None:
    _page(context).panel.stacks.toggle_selected()


def stack_look_alikes(context: ShellContext, stacked: bool) -> None:
    _page(context).panel.stacks.show(stacked)
    context.refresh_commands()


def _with_class(text: str) -> Callable[[ShellContext], str]:
    """A label that names the class in focus."""

    def label(context: ShellContext) -> str:
        page = _open_page(context)
        view = page.view if page is not None else None
        class_id = view.focus_class if view is not None else None
        if page is None or class_id is None:
            return _(text)
        name = shorten(page.class_name(class_id)).replace("&", "&&")
        return _("{verdict}: {name}").format(verdict=_(text), name=name)

    return label


def open_photo(context: ShellContext) -> None:
    """Open the first chosen photo in the system's default program."""
    page = _page(context)

    def show(path: object) -> None:
        if not file_manager.open_path(Path(str(path))):
            context.status.show_text(_("No program is set up to open this photo."))

    for image_id in _with_file(context)[:1]:
        page.run(lambda id_=image_id: page.session.images.path(id_), show)


def open_raw(context: ShellContext) -> None:
    """Open the raw file of the first chosen photo that has one in the system's default program."""
    page = _page(context)

    def show(paths: object) -> None:
        if not (isinstance(paths, list) and paths and file_manager.open_path(paths[0])):
            context.status.show_text(_("No program is set up to open this raw file."))

    for image_id in _with_raw(context)[:1]:
        page.run(lambda id_=image_id: page.session.raw_pairs.paths_with(id_), show)


def _with_raw(context: ShellContext) -> list[int]:
    """The chosen photos that have a raw file."""
    library = context.require_library()
    snapshot = library.session.snapshot()
    chosen, rows = _known(snapshot, _view(context).chosen_ids())
    return chosen[snapshot.images.raws[rows] > 0].tolist()


def _known(
    snapshot: Snapshot, image_ids: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Those of the images that are in the library, and their rows: the view may still have some
    that have just left it."""
    rows = snapshot.rows(image_ids)
    known = rows >= 0
    return image_ids[known], rows[known]


def raw_chosen(context: ShellContext) -> bool:
    """A chosen photo has a raw file."""
    return photos_chosen(context) and bool(_with_raw(context))


def reveal(context: ShellContext) -> None:
    """Show the first few chosen files in the file manager, with their raw files."""
    page = _page(context)
    ids = _with_file(context)[:REVEAL_LIMIT]

    def show(found: object) -> None:
        for paths in found if isinstance(found, list) else ():
            file_manager.reveal(*paths)

    def look() -> list[list[Path]]:
        paths = page.session.images.paths(ids)
        return [
            [path, *page.session.raw_pairs.paths_with(image_id)]
            for image_id, path in zip(ids, paths, strict=True)
        ]

    page.run(look, show)


def _with_file(context: ShellContext) -> list[int]:
    """The chosen images whose file is there: in the place of a missing one may be another photo."""
    snapshot = _page(context).session.snapshot()
    chosen, rows = _known(snapshot, _view(context).chosen_ids())
    there = snapshot.states[rows] != ImageState.MISSING
    if not there.any():
        context.status.show_text(_("The file is missing."))
    return chosen[there].tolist()


def copy_paths(context: ShellContext) -> None:
    """Copy the paths of the chosen images to the clipboard, one per line."""
    page = _page(context)
    ids = _view(context).chosen_ids().tolist()

    def copy(text: object) -> None:
        QGuiApplication.clipboard().setText(str(text))
        context.status.show_text(
            ngettext("Path copied", "{count} paths copied", len(ids)).format(count=number(len(ids)))
        )

    page.run(lambda: "\n".join(str(path) for path in page.session.images.paths(ids)), copy)


def copy_details(context: ShellContext) -> None:
    """Copy what the chosen photos say of themselves to the clipboard, a line for each fact."""
    from lmpt_desktop.ui.inspector.detail_texts import (  # noqa: PLC0415
        as_lines,
        common_rows,
        detail_rows,
    )

    page = _page(context)
    ids = _view(context).chosen_ids()
    images = page.session.images

    def copy(text: object) -> None:
        QGuiApplication.clipboard().setText(str(text))
        context.status.show_text(_("Details copied"))

    def read() -> str:
        if len(ids) == 1:
            return as_lines(detail_rows(images.details(int(ids[0]))))
        found = images.common_details(ids)
        return as_lines(common_rows(found), found.images)

    page.run(read, copy)


# --------------------------------------------------------------------------------------- the page


def _filter_label(context: ShellContext) -> str:
    """With the number of conditions that are set."""
    page = _open_page(context)
    return page.panel.bar.button.text() if page is not None else _("Filter")


def show_part(context: ShellContext, name: str, shown: bool) -> None:
    """Show or hide a part of the page, and remember that."""
    _page(context).part(name).setVisible(shown)
    context.settings.set(PARTS[name], shown)
    context.refresh_commands()


def show_timeline(context: ShellContext, shown: bool) -> None:
    """Show the strip of times; with the keyboard in it where the user has asked for it."""
    page = _page(context)
    if shown:
        page.show_grid()
    show_part(context, "timeline", shown)
    (page.panel.timeline if shown else page.grid).setFocus()


def _part_shown(context: ShellContext, name: str) -> bool:
    page = _open_page(context)
    return page is not None and not page.part(name).isHidden()


def show_regions(context: ShellContext, shown: bool) -> None:
    """Keep showing where the class in focus is seen, or only while a class is pointed at."""
    context.settings.set(SHOW_REGIONS, shown)
    context.refresh_commands()


def show_details(context: ShellContext, shown: bool) -> None:
    """Show in the inspector what photos say of themselves."""
    context.settings.set(SHOW_DETAILS, shown)
    if shown:
        show_part(context, "inspector", True)
    context.refresh_commands()


def _no_regions(context: ShellContext) -> str:
    return context.library.session.regions.unavailable if context.library is not None else ""


# fmt: off
COMMANDS: tuple[Command[ShellContext], ...] = (
    Command("file.add", N_("&Add folder..."), "file", 0, 20, add_folder, (library_open,),
            "Ctrl+Shift+O", "folder-add",
            short=N_("Add folder"), tip=N_("Add another folder to this library")),
    Command("file.rescan", N_("&Look for new photos"), "file", 1, 10, rescan, (library_open,),
            "F5", "refresh", tip=N_("Scan the library's folders again")),
    Command("edit.undo", N_("&Undo"), "edit", 0, 10, lambda c: _page(c).undo_stack.undo(),
            (can_undo,), "Ctrl+Z", "undo", label=_undo_text),
    Command("edit.redo", N_("&Redo"), "edit", 0, 20, lambda c: _page(c).undo_stack.redo(),
            (can_redo,), "Ctrl+Shift+Z Ctrl+Y", "redo", label=_redo_text),
    Command("edit.select-all", N_("Select &all"), "edit", 1, 10,
            lambda c: _page(c).grid.selectAll(), (library_open,), "Ctrl+A"),
    Command("edit.search", N_("&Search photos"), "edit", 2, 10, search, (library_open,),
            "Ctrl+F", "search", tip=N_("Find photos by words that describe them")),
    Command("edit.clear-search", N_("&Clear search"), "edit", 2, 20,
            lambda c: _page(c).panel.search_bar.clear(), (searching,), "", "clear",
            tip=N_("Show the library in its own order again")),
    Command("edit.find", N_("&Find in file names"), "edit", 2, 30, find_by_name, (library_open,),
            "Ctrl+Shift+F"),
    Command("edit.filter", N_("F&ilter photos"), "edit", 2, 35, filter_photos, (library_open,),
            "Ctrl+L", "filter", short=N_("Filter"), short_label=_filter_label,
            tip=N_("Choose which photos the grid shows")),
    Command("image.present", N_("&Present"), "image", 0, 10, set_present,
            (photos_chosen, class_in_focus), "P", "present", auto_repeat=False,
            short=N_("Present"), label=_with_class(N_("&Present")),
            tip=N_("Mark the class in focus present in the selected photos")),
    Command("image.absent", N_("&Absent"), "image", 0, 20, set_absent,
            (photos_chosen, class_in_focus), "A", "absent", auto_repeat=False,
            short=N_("Absent"), label=_with_class(N_("&Absent")),
            tip=N_("Mark the class in focus absent in the selected photos")),
    Command("image.unknown", N_("&Unknown"), "image", 0, 30, set_unknown,
            (photos_chosen, class_in_focus), "U", "unknown", auto_repeat=False,
            short=N_("Unknown"), label=_with_class(N_("&Unknown")),
            tip=N_("Remove the verdict on the class in focus")),
    Command("image.confirm", N_("Con&firm"), "image", 1, 5,
            lambda c: _view(c).confirm(), (photos_chosen,), "R", "reviewed", auto_repeat=False,
            short=N_("Confirm"),
            tip=N_("In the selected photos, what is predicted becomes present and the rest absent;"
                   " your verdicts stay")),
    Command("image.reviewed", N_("&Rest is absent"), "image", 1, 10,
            lambda c: _view(c).mark_reviewed(True), (photos_chosen,), "Shift+Return Shift+Enter",
            auto_repeat=False, short=N_("Rest is absent"),
            tip=N_("Mark every class that is still unknown as absent in the selected photos")),
    Command("image.unreviewed", N_("Mark &not reviewed"), "image", 1, 20,
            lambda c: _view(c).mark_reviewed(False), (photos_chosen,), "Shift+R"),
    Command("image.stack-present", N_("&Present in the whole stack"), "image", 2, 20,
            _stack_verdict(Verdict.PRESENT), (stack_chosen, class_in_focus), "Shift+P", "present",
            submenu=N_("S&tack"), auto_repeat=False, short=N_("Present in stack"),
            label=_with_class(N_("&Present in the whole stack")),
            tip=N_("Mark the class in focus present in every photo of the stack")),
    Command("image.stack-absent", N_("&Absent in the whole stack"), "image", 2, 30,
            _stack_verdict(Verdict.ABSENT), (stack_chosen, class_in_focus), "Shift+A", "absent",
            submenu=N_("S&tack"), auto_repeat=False, short=N_("Absent in stack"),
            label=_with_class(N_("&Absent in the whole stack")),
            tip=N_("Mark the class in focus absent in every photo of the stack")),
    Command("image.stack-unknown", N_("&Unknown in the whole stack"), "image", 2, 40,
            _stack_verdict(Verdict.UNKNOWN), (stack_chosen, class_in_focus), "Shift+U", "unknown",
            submenu=N_("S&tack"), auto_repeat=False, short=N_("Unknown in stack"),
            label=_with_class(N_("&Unknown in the whole stack")),
            tip=N_("Remove the verdict on the class in focus from every photo of the stack")),
    Command("image.stack-toggle", N_("&Open or close"), "image", 2, 50, toggle_stacks,
            (stack_in_grid,), "G", "stack", submenu=N_("S&tack"),
            short=N_("Open or close stack"),
            tip=N_("Show every photo of the selected stack, or one card for all of them")),
    Command("image.stack-select", N_("&Select its photos"), "image", 2, 60,
            lambda c: _page(c).panel.stacks.select(), (stack_in_grid,), "Shift+G",
            submenu=N_("S&tack"), short=N_("Select stack"),
            tip=N_("Open the stack and select every photo of it")),
    Command("image.alike", N_("&More like this"), "image", 3, 10, more_like_this,
            (photos_chosen,), "Ctrl+Shift+S", "search",
            tip=N_("Find photos that look like the selected ones")),
    Command("image.open", N_("Open in p&hoto program"), "image", 4, 10, open_photo,
            (photos_chosen,), "Ctrl+Return",
            tip=N_("Open the photo in the system's default program")),
    Command("image.open-raw", N_("Open ra&w file"), "image", 4, 15, open_raw, (raw_chosen,),
            tip=N_("Open the raw file of the photo in the system's default program")),
    Command("image.reveal", N_("&Show in file manager"), "image", 4, 20, reveal,
            (photos_chosen,), "Ctrl+Shift+R", "folder"),
    Command("image.copy-path", N_("&Copy path"), "image", 4, 30, copy_paths, (photos_chosen,),
            "Ctrl+C", "copy"),
    Command("image.copy-details", N_("Cop&y details"), "image", 4, 35, copy_details,
            (photos_chosen,), "Ctrl+Shift+D", "copy",
            tip=N_("Copy camera, exposure, place, keywords and file of the selected photos")),
    Command("view.grid", N_("&Grid"), "view", 0, 10, lambda c: _page(c).show_grid(),
            (library_open,), "F2", "image", tip=N_("Show the photos side by side")),
    Command("view.zoom-in", N_("&Larger thumbnails"), "view", 1, 10, lambda c: _view(c).zoom(1),
            (library_open,), "Ctrl++ Ctrl+=", "zoom-in"),
    Command("view.zoom-out", N_("&Smaller thumbnails"), "view", 1, 20, lambda c: _view(c).zoom(-1),
            (library_open,), "Ctrl+-", "zoom-out"),
    Command("view.zoom-reset", N_("&Default size"), "view", 1, 30, lambda c: _view(c).zoom(0),
            (library_open,), "Ctrl+0"),
    Command("view.filters", N_("&Filter bar"), "view", 2, 10,
            lambda c, on: show_part(c, "filters", on), (library_open,), "", "filter",
            checkable=True, checked=lambda c: _part_shown(c, "filters")),
    Command("view.timeline", N_("Tim&eline"), "view", 2, 15, show_timeline, (library_open,),
            "Ctrl+3", "chart", checkable=True, checked=lambda c: _part_shown(c, "timeline"),
            tip=N_("How many photos there are of each time; click or drag to show them")),
    Command("view.clear-filters", N_("&Clear filters"), "view", 2, 20,
            lambda c: _page(c).panel.bar.clear(), (library_open,), "Ctrl+Shift+L", "clear"),
    Command("view.stacks", N_("Stack look-&alikes"), "view", 2, 30, stack_look_alikes,
            (library_open,), "Ctrl+G", "stack", checkable=True, checked=grid_stacked,
            tip=N_("Show photos taken within seconds and alike as one card")),
    Command("view.stacks-toggle", N_("Open or close all s&tacks"), "view", 2, 40,
            lambda c: _page(c).panel.stacks.toggle_all(), (grid_stacked,), "Ctrl+Alt+G"),
    Command("view.folders", N_("F&olders"), "view", 3, 10,
            lambda c, on: show_part(c, "folders", on), (library_open,), "Ctrl+1", "tree",
            checkable=True, checked=lambda c: _part_shown(c, "folders")),
    Command("view.inspector", N_("&Inspector"), "view", 3, 20,
            lambda c, on: show_part(c, "inspector", on), (library_open,), "Ctrl+2", "inspector",
            checkable=True, checked=lambda c: _part_shown(c, "inspector")),
    Command("view.details", N_("P&hoto details"), "view", 3, 22, show_details, (library_open,),
            "Ctrl+D", "info", checkable=True, checked=lambda c: c.settings.get(SHOW_DETAILS),
            tip=N_("Show camera, exposure, place, keywords and file in the inspector")),
    Command("view.regions", N_("Show &where"), "view", 3, 25, show_regions,
            (library_open, sees_regions), "W", checkable=True, tip=TIP, reason=_no_regions,
            checked=lambda c: c.settings.get(SHOW_REGIONS)),
    Command("model.pause", N_("&Pause"), "model", 1, 20, set_paused, (library_open, working),
            "Ctrl+P", "pause", checkable=True, checked=lambda c: c.status.paused,
            tip=N_("Pause scanning and encoding")),
)
# fmt: on
