"""The actions of the declared commands: in menus, toolbars and context menus."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget
from shiboken6 import isValid

from lmpt_desktop.translation import _
from lmpt_desktop.ui.commands.command import MENUS, Command, menu_order
from lmpt_desktop.ui.commands.shortcuts import Shortcuts, is_fixed, is_plain, native
from lmpt_desktop.ui.kit import theme


class CommandRegistry(QObject):
    """One QAction per command, enabled while its conditions hold.

    Features declare the commands; :meth:`connect_context` sets the context they act on.
    """

    triggered = Signal(str)
    """The id of a command the user ran."""

    keys_changed = Signal(str)
    """The id of a command whose keys have changed, for widgets that show them."""

    def __init__(
        self,
        owner: QWidget,
        commands: Iterable[Command[Any]],
        shortcuts: Shortcuts | None = None,
    ) -> None:
        """``owner`` is the window in which shortcuts work.

        Raises:
            ValueError: if two commands have the same id.
        """
        super().__init__(owner)
        self._owner = owner
        self._context: object | None = None
        self.commands: tuple[Command[Any], ...] = tuple(sorted(commands, key=menu_order))
        """All commands, in the order of the menus."""
        self._conditions = {condition for command in self.commands for condition in command.when}
        self._by_id = {command.id: command for command in self.commands}
        if len(self._by_id) != len(self.commands):
            raise ValueError("two commands have the same id")
        self.shortcuts = shortcuts or Shortcuts(self.commands, parent=self)
        self._key_widgets: list[tuple[QWidget, str]] = []
        self._actions: dict[str, QAction] = {}
        self._tips: dict[str, tuple[str, str]] = {}
        self._shorts: dict[str, str] = {}
        """What actions were given last, by the id of their command."""
        groups: dict[str, QActionGroup] = {}
        for command in self.commands:
            action = self._make(command)
            if command.choice:
                if command.choice not in groups:
                    groups[command.choice] = QActionGroup(self)
                groups[command.choice].addAction(action)
        theme.manager().changed.connect(self.reload_icons)
        self.shortcuts.changed.connect(self._keys_chosen)

    def connect_context(self, context: object) -> None:
        """Set the context that handlers and conditions are called with."""
        self._context = context
        self.refresh()

    def _make(self, command: Command[Any]) -> QAction:
        action = QAction(_(command.text), self)
        action.setObjectName(command.id)
        if command.short:
            action.setIconText(_(command.short))
        action.setCheckable(command.checkable or bool(command.choice))
        action.setAutoRepeat(command.auto_repeat)
        action.setEnabled(False)
        action.setIcon(theme.icon(command.icon) if command.icon else theme.icon(""))
        # In menus the icon would replace the check mark.
        action.setIconVisibleInMenu(not command.checkable)
        action.setStatusTip(_(command.tip))
        action.triggered.connect(lambda checked=False, it=command: self._run(it, checked))
        self._actions[command.id] = action
        self._set_keys(command)
        return action

    def _run(self, command: Command[Any], checked: bool) -> None:
        self.triggered.emit(command.id)
        if self._context is None:
            return
        if command.checkable:
            command.run(self._context, checked)
        else:
            command.run(self._context)

    def refresh(self) -> None:
        """Enable the commands whose conditions hold, and update texts and check marks.

        Each condition is evaluated once, even if several commands share it.
        """
        if self._context is None:
            return
        holds = {condition: condition(self._context) for condition in self._conditions}
        for command in self.commands:
            action = self._actions[command.id]
            action.setEnabled(all(map(holds.__getitem__, command.when)))
            if (
                command.label is not None
                and (text := command.label(self._context)) != action.text()
            ):
                action.setText(text)
                self._set_tip(command)
            if command.reason is not None:
                self._set_tip(command)
            if command.short_label is not None:
                short = command.short_label(self._context)
                if self._shorts.get(command.id) != short:
                    self._shorts[command.id] = short
                    action.setIconText(short)
            if command.checked is not None:
                action.setChecked(command.checked(self._context))

    # ------------------------------------------------------------------------------- keys

    def _set_keys(self, command: Command[Any]) -> None:
        """Set the keys of an action, the widgets where they work, and the tool tip."""
        action = self._actions[command.id]
        keys = self.shortcuts.keys(command.id)
        self._set_tip(command)
        local = self._is_local(command)
        if local:
            self._owner.removeAction(action)
        else:
            self._owner.addAction(action)
        for place, page in self._live_key_widgets():
            if local and command.page in ("", page):
                place.addAction(action)
            else:
                place.removeAction(action)
        context = Qt.ShortcutContext
        action.setShortcutContext(
            context.WidgetWithChildrenShortcut if local else context.WindowShortcut
        )
        action.setShortcuts([QKeySequence.fromString(part) for part in keys])

    def _set_tip(self, command: Command[Any]) -> None:
        """What it does, or, where its text says on what, that; and its main key.  Or why it is
        disabled."""
        action, keys = self._actions[command.id], self.shortcuts.keys(command.id)
        why = ""
        if command.reason is not None and self._context is not None and not action.isEnabled():
            why = command.reason(self._context)
        tip = _(command.tip) or command.plain_text
        if command.label is not None and action.text() != _(command.text):
            tip = action.text().replace("&&", "\0").replace("&", "").replace("\0", "&")
        tips = why or _(command.tip), why or (f"{tip} ({native(keys[:1])})" if keys else tip)
        # Asked after every notice, while a scan runs ten times a second; Qt would tell all menus
        # and tool bars.
        if self._tips.get(command.id) != tips:
            self._tips[command.id] = tips
            action.setStatusTip(tips[0])
            action.setToolTip(tips[1])

    def _keys_chosen(self, command_id: str) -> None:
        self._set_keys(self._by_id[command_id])
        self.keys_changed.emit(command_id)

    def _is_local(self, command: Command[Any]) -> bool:
        """Whether its keys work in some widgets only."""
        keys = self.shortcuts.keys(command.id)
        return bool(command.page) or any(is_plain(part) or is_fixed(part) for part in keys)

    def _live_key_widgets(self) -> list[tuple[QWidget, str]]:
        self._key_widgets = [place for place in self._key_widgets if isValid(place[0])]
        return self._key_widgets

    def keys_text(self, command_id: str) -> str:
        """The current keys of a command, as this platform writes them; "" if there are none."""
        return native(self.shortcuts.keys(command_id))

    def add_plain_keys(self, widget: QWidget, page: str = "") -> None:
        """Make single-letter shortcuts, and those of ``page``, work while ``widget`` has the focus.

        Elsewhere letters are text, or select an entry of a list.
        """
        self._live_key_widgets().append((widget, page))
        for command in self.commands:
            if self._is_local(command) and command.page in ("", page):
                widget.addAction(self._actions[command.id])

    # ---------------------------------------------------------------------------- actions

    def command(self, command_id: str) -> Command[Any]:
        """The declaration of a command."""
        return self._by_id[command_id]

    def action(self, command_id: str) -> QAction:
        """The action of a command, for buttons and menus."""
        return self._actions[command_id]

    def trigger(self, command_id: str) -> None:
        """Run a command as if the user had chosen it; nothing happens while it is disabled."""
        self._actions[command_id].trigger()

    def fill_menu_bar(self, bar: QMenuBar) -> dict[str, QMenu]:
        """Build the menus and return them by name."""
        menus: dict[str, QMenu] = {}
        for name, title in MENUS:
            menus[name] = bar.addMenu(_(title))
            menus[name].setToolTipsVisible(True)
            self.fill_menu(menus[name], name)
        return menus

    def fill_menu(self, menu: QMenu, name: str) -> None:
        """Add the commands of the menu called ``name``."""
        submenus: dict[str, QMenu] = {}
        group: int | None = None
        for command in self.commands:
            if command.menu != name:
                continue
            if group is not None and command.group != group:
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
        """Draw the icons in the colours of the current theme."""
        for command in self.commands:
            if command.icon:
                self._actions[command.id].setIcon(theme.icon(command.icon))
