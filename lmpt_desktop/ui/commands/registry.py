"""The actions of the declared commands: in menus, toolbars and context menus."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget
from shiboken6 import isValid

from lmpt_desktop.translation import _
from lmpt_desktop.ui.commands.declared import BY_ID, COMMANDS, MENUS, Command, Needs
from lmpt_desktop.ui.commands.shortcuts import Shortcuts, is_plain, native
from lmpt_desktop.ui.kit import theme


class CommandRegistry(QObject):
    """One QAction per command, enabled by what the window says is so.

    ``triggered`` carries the id of every command the user runs.  Handlers are bound with
    :meth:`on`; a checkable command's handler receives the new state.
    """

    triggered = Signal(str)

    keys_changed = Signal(str)
    """The id of a command that other keys run now: whoever shows keys shows them anew."""

    def __init__(self, owner: QWidget, shortcuts: Shortcuts | None = None) -> None:
        super().__init__(owner)
        self._owner = owner
        self.shortcuts = shortcuts or Shortcuts(parent=self)
        self._plain_places: list[tuple[QWidget, str]] = []
        self._state = Needs.NOTHING
        self._actions: dict[str, QAction] = {}
        groups: dict[str, QActionGroup] = {}
        for command in COMMANDS:
            action = self._make(command)
            if command.choice:
                if command.choice not in groups:
                    groups[command.choice] = QActionGroup(self)
                groups[command.choice].addAction(action)
        theme.manager().changed.connect(self.reload_icons)
        self.shortcuts.changed.connect(self._keys_chosen)
        self.set_state(Needs.NOTHING)

    def _make(self, command: Command) -> QAction:
        action = QAction(_(command.text), self)
        action.setObjectName(command.id)
        if command.short:
            action.setIconText(_(command.short))
        action.setCheckable(command.checkable or bool(command.choice))
        action.setIcon(theme.icon(command.icon) if command.icon else theme.icon(""))
        # In menus the check mark tells more than the icon, which would take its place.
        action.setIconVisibleInMenu(not command.checkable)
        action.setStatusTip(_(command.tip))
        action.triggered.connect(lambda _checked=False, id_=command.id: self.triggered.emit(id_))
        self._actions[command.id] = action
        self._set_keys(command)
        return action

    def _set_keys(self, command: Command) -> None:
        """Give an action its keys, where they are to be heard, and a tip that names them."""
        action = self._actions[command.id]
        keys = self.shortcuts.keys(command.id)
        tip = _(command.tip) or command.plain_text
        action.setToolTip(f"{tip} ({native(keys[:1])})" if keys else tip)
        local = self._is_local(command)
        if local:
            self._owner.removeAction(action)
        else:
            self._owner.addAction(action)
        for place, page in self._places():
            if local and command.page in ("", page):
                place.addAction(action)
            else:
                place.removeAction(action)
        context = Qt.ShortcutContext
        action.setShortcutContext(
            context.WidgetWithChildrenShortcut if local else context.WindowShortcut
        )
        action.setShortcuts([QKeySequence.fromString(part) for part in keys])

    def _keys_chosen(self, command_id: str) -> None:
        self._set_keys(BY_ID[command_id])
        self.keys_changed.emit(command_id)

    def _is_local(self, command: Command) -> bool:
        """Whether its keys are heard in some places only."""
        keys = self.shortcuts.keys(command.id)
        return bool(command.page) or any(is_plain(part) for part in keys)

    def _places(self) -> list[tuple[QWidget, str]]:
        self._plain_places = [place for place in self._plain_places if isValid(place[0])]
        return self._plain_places

    def keys_text(self, command_id: str) -> str:
        """The keys that run a command now, as this platform writes them; "" if there are none."""
        return native(self.shortcuts.keys(command_id))

    def action(self, command_id: str) -> QAction:
        """The action of a command, to put on a button or trigger from a test."""
        return self._actions[command_id]

    def add_plain_keys(self, widget: QWidget, page: str = "") -> None:
        """Let commands with a letter as shortcut be run while ``widget`` has the focus, and those
        of the page it belongs to.

        Elsewhere those letters find an entry in a list, or are text.
        """
        self._places().append((widget, page))
        for command in COMMANDS:
            if self._is_local(command) and command.page in ("", page):
                widget.addAction(self._actions[command.id])

    def on(self, command_id: str, handler: Callable[..., object]) -> None:
        """Run ``handler`` when the user asks for the command.

        It is called without arguments, or with the new check state if the command is
        checkable.
        """
        action = self._actions[command_id]
        if BY_ID[command_id].checkable:
            # PySide looks at a callable's signature, which built-in ones do not tell.
            action.triggered.connect(lambda checked: handler(checked))  # noqa: PLW0108
        else:
            action.triggered.connect(lambda _checked=False: handler())

    @property
    def state(self) -> Needs:
        return self._state

    def set_state(self, state: Needs) -> None:
        """Enable exactly the commands whose needs ``state`` meets."""
        self._state = state
        for command in COMMANDS:
            self._actions[command.id].setEnabled(command.needs & state == command.needs)

    def update_state(self, on: Needs = Needs.NOTHING, off: Needs = Needs.NOTHING) -> None:
        """Switch some flags on and some off."""
        new = (self._state | on) & ~off
        if new != self._state:
            self.set_state(new)

    def set_checked(self, command_id: str, checked: bool) -> None:
        """Show a check mark without running the command."""
        self._actions[command_id].setChecked(checked)

    def fill_menu_bar(self, bar: QMenuBar) -> dict[str, QMenu]:
        """Build the menus; the answer maps menu names to menus."""
        menus: dict[str, QMenu] = {}
        for name, title in MENUS:
            menu = bar.addMenu(_(title))
            menu.setToolTipsVisible(True)
            menus[name] = menu
            self._fill(menu, [command for command in COMMANDS if command.menu == name])
        return menus

    def _fill(self, menu: QMenu, entries: list[Command]) -> None:
        submenus: dict[str, QMenu] = {}
        group = entries[0].group if entries else 0
        for command in entries:
            if command.group != group:
                menu.addSeparator()
                group = command.group
            target = menu
            if command.submenu:
                if command.submenu not in submenus:
                    submenus[command.submenu] = menu.addMenu(_(command.submenu))
                target = submenus[command.submenu]
            target.addAction(self._actions[command.id])

    def add_to(self, target: QWidget, ids: Iterable[str]) -> None:
        """Add actions to a menu or toolbar; an empty id is a separator."""
        for command_id in ids:
            if command_id:
                target.addAction(self._actions[command_id])
            else:
                separator = QAction(target)
                separator.setSeparator(True)
                target.addAction(separator)

    def reload_icons(self, _theme: object = None) -> None:
        """Redraw icons in the colours of the new theme."""
        for command in COMMANDS:
            if command.icon:
                self._actions[command.id].setIcon(theme.icon(command.icon))
