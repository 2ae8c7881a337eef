"""What the commands of a feature's page need: the page is offered, found in front, and acted on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtWidgets import QWidget

if TYPE_CHECKING:
    from lmpt_desktop.ui.shell.context import OpenLibrary, ShellContext

PageT = TypeVar("PageT", bound=QWidget)


def offer_page(
    context: ShellContext, name: str, make: Callable[[ShellContext, OpenLibrary], QWidget]
) -> None:
    """Offer a page with every library that is opened; ``make`` builds it when it is first shown."""
    context.opened.connect(
        lambda library: library.pages.offer(name, lambda: make(context, library))
    )


def front_page(context: ShellContext, name: str) -> QWidget | None:
    """The page of this name, if the user is looking at it."""
    library = context.library
    if library is None or library.pages.current != name:
        return None
    return library.pages.built(name)


def acting_on(
    find: Callable[[ShellContext], PageT | None], act: Callable[[PageT], object]
) -> Callable[[ShellContext], None]:
    """A command's handler that calls ``act`` with the page that ``find`` finds, if there is one."""

    def run(context: ShellContext) -> None:
        if (page := find(context)) is not None:
            act(page)

    return run
