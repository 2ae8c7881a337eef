"""Declaration of commands, and the menus they are in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from lmpt_desktop.translation import N_, _

ContextT = TypeVar("ContextT")


@dataclass(frozen=True)
class Command(Generic[ContextT]):
    """Something the user can do, declared once by its feature.

    Menus, the toolbar, context menus, the palette (Ctrl+Shift+P), the keyboard page (F1) and the
    shortcut settings are all made from these declarations.  Texts are marked with ``N_`` and
    translated where they are shown.

    ``run`` is called with the context, and with the new check state if the command is
    checkable.  The command is enabled while every condition in ``when`` holds; each is asked by
    itself, so none may rely on another.  ``shortcut``
    holds Qt portable key sequences, several separated by a space.  ``menu`` is the top-level
    menu, ``group`` the block within it (blocks are separated by lines) and ``order`` the position
    within the block.  Of the commands with the same ``choice`` exactly one is checked.
    """

    id: str
    text: str
    menu: str
    group: int
    order: int
    run: Callable[..., object]
    when: tuple[Callable[[ContextT], bool], ...] = ()
    shortcut: str = ""
    icon: str = ""
    tip: str = ""
    checkable: bool = False
    choice: str = ""
    submenu: str = ""
    short: str = ""
    """Label of its toolbar button, if the full text is too long."""
    page: str = ""
    """The page this command belongs to; its keys work on that page only."""
    opens: str = ""
    """The page that this command brings to the front; the window returns to it at the next start
    if the library was left on it."""
    auto_repeat: bool = True
    """Whether holding the key down repeats the command."""
    label: Callable[[ContextT], str] | None = None
    """The current text, if it changes (already translated)."""
    short_label: Callable[[ContextT], str] | None = None
    """The current label of its toolbar button, if that changes (already translated)."""
    reason: Callable[[ContextT], str] | None = None
    """Why it is disabled, for its tool tip (already translated); "" where that needs no words."""
    checked: Callable[[ContextT], bool] | None = None
    """The current check mark, if something other than the command itself can change it."""

    @property
    def plain_text(self) -> str:
        """The translated text without mnemonic and trailing dots."""
        return _(self.text).replace("&", "").removesuffix("...")


MENUS = (
    ("file", N_("&File")),
    ("edit", N_("&Edit")),
    ("image", N_("&Photo")),
    ("view", N_("&View")),
    ("review", N_("&Review")),
    ("vocabulary", N_("V&ocabulary")),
    ("model", N_("&Model")),
    ("help", N_("&Help")),
)

_MENU_ORDER = {name: place for place, (name, _title) in enumerate(MENUS)}


def menu_names() -> dict[str, str]:
    """The translated titles of the menus, without mnemonics, by name."""
    return {name: _(title).replace("&", "") for name, title in MENUS}


def menu_order(command: Command[ContextT]) -> tuple[int, int, int]:
    """Sort key for the order of commands in the menus."""
    return _MENU_ORDER[command.menu], command.group, command.order
