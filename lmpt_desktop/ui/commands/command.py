"""What a command is, and the menus that commands are in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from lmpt_desktop.translation import N_, _

ContextT = TypeVar("ContextT")


@dataclass(frozen=True)
class Command(Generic[ContextT]):
    """One thing the user can ask for, declared once, beside its feature.

    Menus, the toolbar, context menus, the palette (Ctrl+Shift+P), the keyboard page (F1) and the
    shortcut settings all show what is declared here.  Texts are marked with ``N_`` and
    translated where they are shown.

    ``run`` is called with the context, and with the new check state if the command is
    checkable.  The command is enabled while every condition in ``when`` holds; each is asked by
    itself, so none may rely on another.  ``shortcut``
    holds Qt portable key sequences, several separated by a space.  ``menu`` is the top-level
    menu, ``group`` the block within it (a separator goes between blocks) and ``order`` the place
    within the block.  Commands with the same ``choice`` are check marks of which exactly one is
    set.
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
    """What a toolbar button says, where the full text is too long."""
    page: str = ""
    """The page this command belongs to: its keys are heard on that page only."""
    opens: str = ""
    """The page that this command brings to the front; the window goes back to it at the next start
    if the library was left on it."""
    auto_repeat: bool = True
    """Whether holding the key down runs the command again and again."""
    label: Callable[[ContextT], str] | None = None
    """The text now, where it changes (already translated)."""
    checked: Callable[[ContextT], bool] | None = None
    """The check mark now, where something other than the command itself may change it."""

    @property
    def plain_text(self) -> str:
        """The translated text without its mnemonic mark and trailing ellipsis."""
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
    """The translated titles of the menus without their mnemonic marks."""
    return {name: _(title).replace("&", "") for name, title in MENUS}


def menu_order(command: Command[ContextT]) -> tuple[int, int, int]:
    """Sorts commands as the menus show them."""
    return _MENU_ORDER[command.menu], command.group, command.order
