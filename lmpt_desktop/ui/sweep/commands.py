"""The commands of the class sweep."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from lmpt_desktop.translation import N_, _
from lmpt_desktop.ui.commands import Command
from lmpt_desktop.ui.kit.texts import shorten
from lmpt_desktop.ui.shell.conditions import has_classes, library_open, library_writable
from lmpt_desktop.ui.shell.context import OpenLibrary, ShellContext, class_in_front
from lmpt_desktop.ui.shell.page_commands import acting_on, front_page, offer_page
from lmpt_desktop.ui.shell.page_stack import GRID

if TYPE_CHECKING:
    from lmpt_desktop.ui.sweep.page import SweepPage

NAME = "sweep"


def attach(context: ShellContext) -> None:
    """Offer the page with every library that is opened."""
    offer_page(context, NAME, _make)


def _make(context: ShellContext, library: OpenLibrary) -> SweepPage:
    from lmpt_desktop.ui.sweep.page import SweepPage  # noqa: PLC0415 - when first needed

    page = SweepPage(library, context)
    page.state_changed.connect(context.refresh_commands)
    library.pages.shown.connect(lambda _name: context.refresh_commands())
    return page


def page_in_front(context: ShellContext) -> SweepPage | None:
    """The page, if the user is looking at it."""
    return cast("SweepPage | None", front_page(context, NAME))


def in_sweep(context: ShellContext) -> bool:
    return page_in_front(context) is not None


def page_asked(context: ShellContext) -> bool:
    """There are photos on the page."""
    page = page_in_front(context)
    return page is not None and page.is_asking


def page_confirmed(context: ShellContext) -> bool:
    """There is a page to go back to."""
    page = page_in_front(context)
    return page is not None and bool(page.history)


def open_sweep(context: ShellContext) -> None:
    """Sweep the class in focus, else the one swept last, else a rewarding one."""
    library = context.require_library()
    class_id = class_in_front(library)
    before = library.pages.current
    page = cast("SweepPage", library.pages.show_page(NAME))
    if before != NAME:
        page.came_from = before
    page.sweep(class_id if class_id is not None else page.class_id)


def leave(context: ShellContext) -> None:
    """Return to the page from which the sweep was begun."""
    page = page_in_front(context)
    context.require_library().pages.show_page(page.came_from if page is not None else GRID)


def _on_page(act: Callable[[SweepPage], object]) -> Callable[[ShellContext], None]:
    return acting_on(page_in_front, act)


def _open_label(context: ShellContext) -> str:
    """Names the class that would be swept."""
    library = context.library
    class_id = class_in_front(library) if library is not None else None
    snapshot = library.session.snapshot() if library is not None else None
    column = snapshot.column_of.get(class_id, -1) if snapshot and class_id is not None else -1
    if snapshot is None or column < 0:
        return _("S&weep a class...")
    name = shorten(snapshot.classes[column].name).replace("&", "&&")
    return _("S&weep a class: {name}...").format(name=name)


# fmt: off
COMMANDS: tuple[Command[ShellContext], ...] = (
    Command("sweep.open", N_("S&weep a class..."), "review", 4, 10, open_sweep,
            (library_open, has_classes, library_writable), "F8", "reviewed", label=_open_label,
            opens=NAME, tip=N_("Tick the photos that show a class, a page at a time")),
    Command("sweep.confirm", N_("Confirm pa&ge"), "review", 5, 10,
            _on_page(lambda page: page.confirm()), (page_asked,), "Return Enter", "reviewed",
            submenu=N_("Swee&p"), page=NAME, auto_repeat=False,
            tip=N_("The class is present in the ticked photos and absent in the others")),
    Command("sweep.back", N_("&Undo page"), "review", 5, 20,
            _on_page(lambda page: page.go_back()), (page_confirmed,), "Backspace", "undo",
            submenu=N_("Swee&p"), page=NAME,
            tip=N_("Undo the last page and go back to it")),
    Command("sweep.larger", N_("&Larger photos"), "review", 5, 30,
            _on_page(lambda page: page.zoom(1)), (in_sweep,), "+ =", "zoom-in",
            submenu=N_("Swee&p"), page=NAME),
    Command("sweep.smaller", N_("&Smaller photos"), "review", 5, 40,
            _on_page(lambda page: page.zoom(-1)), (in_sweep,), "-", "zoom-out",
            submenu=N_("Swee&p"), page=NAME),
    Command("sweep.leave", N_("L&eave the sweep"), "review", 5, 50, leave, (in_sweep,), "Esc",
            submenu=N_("Swee&p"), page=NAME,
            tip=N_("Return to where you were")),
)
# fmt: on
