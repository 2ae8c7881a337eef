"""The commands of the page with two photos side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from lmpt_desktop.translation import N_, _
from lmpt_desktop.ui.commands import Command
from lmpt_desktop.ui.shell.conditions import photos_chosen
from lmpt_desktop.ui.shell.page_commands import acting_on, front_page, offer_page
from lmpt_desktop.ui.shell.page_stack import GRID

if TYPE_CHECKING:
    from lmpt_desktop.ui.compare.page import ComparePage
    from lmpt_desktop.ui.shell.context import OpenLibrary, ShellContext

NAME = "compare"


def attach(context: ShellContext) -> None:
    """Offer the page with every library that is opened."""
    offer_page(context, NAME, _make)


def _make(context: ShellContext, library: OpenLibrary) -> ComparePage:
    from lmpt_desktop.ui.compare.page import ComparePage  # noqa: PLC0415 - when first needed

    return ComparePage(library, context.commands)


def page_in_front(context: ShellContext) -> ComparePage | None:
    """The page, if the user is looking at it."""
    return cast("ComparePage | None", front_page(context, NAME))


def in_compare(context: ShellContext) -> bool:
    return page_in_front(context) is not None


def grid_in_front(context: ShellContext) -> bool:
    return context.library is not None and context.library.pages.current == GRID


def compare(context: ShellContext) -> None:
    """Show the two selected photos, or the current one and the next."""
    library = context.require_library()
    if library.view is None:
        return
    chosen, ids = library.view.chosen_ids(), library.shown_ids()
    if len(chosen) == 2:
        first, second = chosen.tolist()
    else:
        found = (ids == library.view.current_id).nonzero()[0]
        if not len(found) or len(ids) == 1:
            context.status.show_text(_("There is no other photo to compare with."))
            return
        place = min(int(found[0]), len(ids) - 2)
        first, second = ids[place : place + 2].tolist()
    page = cast("ComparePage", library.pages.show_page(NAME))
    page.show_pair(first, second)
    context.refresh_commands()


def leave(context: ShellContext) -> None:
    """Back to the grid, with the current photo selected."""
    library, page = context.require_library(), page_in_front(context)
    library.show_grid()
    if page is not None:
        library.go_to_image(page.image_ids[page.current])


def _on_page(act: Callable[[ComparePage], object]) -> Callable[[ShellContext], None]:
    return acting_on(page_in_front, act)


# fmt: off
COMMANDS: tuple[Command[ShellContext], ...] = (
    Command("compare.open", N_("Side &by side"), "image", 3, 20, compare,
            (photos_chosen, grid_in_front), "C", "image", opens=NAME,
            tip=N_("Two selected photos, or this one and the next, side by side")),
    Command("compare.next", N_("&Next photo"), "view", 4, 10, _on_page(lambda page: page.step(1)),
            (in_compare,), "Right", page=NAME, submenu=N_("S&ide by side"),
            tip=N_("Show the next photo of the grid in the frame")),
    Command("compare.previous", N_("&Previous photo"), "view", 4, 20,
            _on_page(lambda page: page.step(-1)), (in_compare,), "Left", page=NAME,
            submenu=N_("S&ide by side"),
            tip=N_("Show the previous photo of the grid in the frame")),
    Command("compare.switch", N_("&Other photo"), "view", 4, 30,
            _on_page(lambda page: page.switch()), (in_compare,), "Tab Backtab", page=NAME,
            submenu=N_("S&ide by side"), tip=N_("Put the frame around the other photo")),
    Command("compare.zoom-in", N_("Zoom &in"), "view", 4, 40, _on_page(lambda page: page.zoom(1)),
            (in_compare,), "+ =", "zoom-in", page=NAME, submenu=N_("S&ide by side")),
    Command("compare.zoom-out", N_("Zoom o&ut"), "view", 4, 50,
            _on_page(lambda page: page.zoom(-1)), (in_compare,), "-", "zoom-out", page=NAME,
            submenu=N_("S&ide by side")),
    Command("compare.fit", N_("&Fit the photos"), "view", 4, 60,
            _on_page(lambda page: page.zoom(0)), (in_compare,), "0", page=NAME,
            submenu=N_("S&ide by side")),
    Command("compare.actual", N_("&Actual size or fitted"), "view", 4, 70,
            _on_page(lambda page: page.toggle()), (in_compare,), "Z", page=NAME,
            submenu=N_("S&ide by side")),
    Command("compare.leave", N_("Back to the &grid"), "view", 4, 80, leave, (in_compare,), "Esc",
            page=NAME, submenu=N_("S&ide by side"),
            tip=N_("The grid shows the photo with the frame")),
)
# fmt: on
