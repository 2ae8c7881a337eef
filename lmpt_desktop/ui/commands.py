"""Every command of the window, declared once.

Menus, the toolbar, context menus, the palette (Ctrl+Shift+P) and the keyboard page (F1) all
read :data:`COMMANDS`; nothing else makes a QAction for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Flag, auto

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from lmpt_desktop.ui import theme


class Needs(Flag):
    """What must be so for a command to make sense."""

    NOTHING = 0
    LIBRARY = auto()
    """A library is open."""
    SELECTION = auto()
    """At least one image is selected."""
    CLASS = auto()
    """A class is in focus in the inspector or chosen in the filter bar."""
    CLASSES = auto()
    """The library has a vocabulary."""
    UNDO = auto()
    REDO = auto()
    RUN = auto()
    """A retraining run is going on."""
    SEARCH = auto()
    """The grid shows what a search found."""
    ACTIVITY = auto()
    """Photos are being scanned or encoded (or that is paused)."""


@dataclass(frozen=True)
class Command:
    """One thing the user can ask for.

    ``shortcut`` holds Qt portable key sequences, several separated by a space.  ``menu`` is
    the top-level menu and ``group`` the block within it (a separator goes between blocks).
    Commands with the same ``choice`` are check marks of which exactly one is set.
    """

    id: str
    text: str
    menu: str
    group: int = 0
    shortcut: str = ""
    icon: str = ""
    needs: Needs = Needs.NOTHING
    tip: str = ""
    checkable: bool = False
    choice: str = ""
    submenu: str = ""
    short: str = ""
    """What a toolbar button says, where the full text is too long."""

    @property
    def plain_key(self) -> bool:
        """Whether a letter alone runs it: such a key must not fire while someone types."""
        return len(self.shortcut.removeprefix("Shift+")) == 1

    @property
    def plain_text(self) -> str:
        """The text without its mnemonic mark and trailing ellipsis."""
        return self.text.replace("&", "").removesuffix("...")


MENUS = (
    ("file", "&File"),
    ("edit", "&Edit"),
    ("image", "&Image"),
    ("view", "&View"),
    ("vocabulary", "V&ocabulary"),
    ("model", "&Model"),
    ("help", "&Help"),
)

_L = Needs.LIBRARY
_SELECTED = Needs.LIBRARY | Needs.SELECTION
_MARK = _SELECTED | Needs.CLASS
_TRAINABLE = Needs.LIBRARY | Needs.CLASSES
_WORKING = Needs.LIBRARY | Needs.ACTIVITY

# fmt: off
COMMANDS: tuple[Command, ...] = (
    Command("file.open", "&Open folder...", "file", 0, "Ctrl+O", "folder-open",
            short="Open", tip="Open a folder of photos as a library"),
    Command("file.add", "&Add folder...", "file", 0, "Ctrl+Shift+O", "folder-add", _L,
            short="Add folder", tip="Add another folder to this library"),
    Command("file.samples", "&Try with sample photos", "file", 0, icon="sparkle",
            tip="Open a few real photos that come with the app"),
    Command("file.rescan", "&Look for new photos", "file", 1, "F5", "refresh", _L,
            tip="Scan the library's folders again"),
    Command("file.export", "&Export tags...", "file", 1, "Ctrl+E", "export", _TRAINABLE,
            tip="Write predicted and confirmed classes to a file"),
    Command("file.close", "&Close library", "file", 2, "Ctrl+W", "", _L),
    Command("file.quit", "&Quit", "file", 2, "Ctrl+Q"),
    Command("edit.undo", "&Undo", "edit", 0, "Ctrl+Z", "undo", _L | Needs.UNDO),
    Command("edit.redo", "&Redo", "edit", 0, "Ctrl+Shift+Z Ctrl+Y", "redo", _L | Needs.REDO),
    Command("edit.select-all", "Select &all", "edit", 1, "Ctrl+A", "", _L),
    Command("edit.search", "&Search photos", "edit", 2, "Ctrl+F", "search", _L,
            tip="Find photos by words that describe them"),
    Command("edit.clear-search", "&Clear search", "edit", 2, "", "clear", _L | Needs.SEARCH,
            tip="Show the library in its own order again"),
    Command("edit.find", "&Find in file names", "edit", 2, "Ctrl+Shift+F", "", _L),
    Command("edit.preferences", "&Preferences...", "edit", 3, "Ctrl+,", "settings"),
    Command("image.present", "&Present", "image", 0, "P", "present", _MARK,
            tip="The class in focus is in the selected images"),
    Command("image.absent", "&Absent", "image", 0, "A", "absent", _MARK,
            tip="The class in focus is not in the selected images"),
    Command("image.unknown", "&Unknown", "image", 0, "U", "unknown", _MARK,
            tip="Take back what was said about the class in focus"),
    Command("image.reviewed", "Mark &reviewed", "image", 1, "R", "reviewed", _SELECTED,
            short="Reviewed", tip="Every class still unknown is absent in the selected images"),
    Command("image.unreviewed", "Mark &not reviewed", "image", 1, "Shift+R", "", _SELECTED),
    Command("image.alike", "&More like this", "image", 2, "Ctrl+Shift+S", "search", _SELECTED,
            tip="Find photos that look like the selected ones"),
    Command("image.reveal", "&Show in file manager", "image", 3, "Ctrl+Shift+R", "folder",
            _SELECTED),
    Command("image.copy-path", "&Copy path", "image", 3, "Ctrl+C", "copy", _SELECTED),
    Command("view.grid", "&Grid", "view", 0, "F2", "image", _L,
            tip="Back to the photos side by side"),
    Command("view.zoom-in", "&Larger thumbnails", "view", 1, "Ctrl++ Ctrl+=", "zoom-in", _L),
    Command("view.zoom-out", "&Smaller thumbnails", "view", 1, "Ctrl+-", "zoom-out", _L),
    Command("view.zoom-reset", "&Usual size", "view", 1, "Ctrl+0", "", _L),
    Command("view.filters", "&Filter bar", "view", 2, "Ctrl+L", "filter", _L, checkable=True),
    Command("view.clear-filters", "&Clear filters", "view", 2, "Ctrl+Shift+L", "clear", _L),
    Command("view.folders", "F&olders", "view", 3, "Ctrl+1", "tree", _L, checkable=True),
    Command("view.inspector", "&Inspector", "view", 3, "Ctrl+2", "inspector", _L, checkable=True),
    Command("view.theme-system", "As the &system", "view", 4, choice="theme", submenu="&Theme"),
    Command("view.theme-light", "&Light", "view", 4, choice="theme", submenu="&Theme"),
    Command("view.theme-dark", "&Dark", "view", 4, choice="theme", submenu="&Theme"),
    Command("vocabulary.edit", "&Edit vocabulary...", "vocabulary", 0, "Ctrl+K", "list", _L,
            short="Vocabulary", tip="Choose, type or paste the classes to look for"),
    Command("model.retrain", "&Retrain prompts...", "model", 0, "Ctrl+R", "retrain", _TRAINABLE,
            short="Retrain", tip="Learn better prompts from your annotations"),
    Command("model.run", "Show &current run", "model", 0, "", "chart", _L | Needs.RUN),
    Command("model.versions", "&Versions...", "model", 0, "", "versions", _L),
    Command("model.captions", "&Write captions", "model", 0, "", "", _TRAINABLE,
            tip="Let an installed captioner (CoCa) describe annotated photos that have no "
            "caption; captions help training"),
    Command("model.backbone", "&Backbone...", "model", 1, "", "cpu", _L,
            tip="Choose the frozen image-text model predictions rest on"),
    Command("model.pause", "&Pause", "model", 1, "Ctrl+P", "pause", _WORKING, checkable=True,
            tip="Hold scanning and encoding"),
    Command("help.palette", "&Find a command...", "help", 0, "Ctrl+Shift+P", "search"),
    Command("help.keyboard", "&Keyboard", "help", 0, "F1", "keyboard"),
    Command("help.log", "Open &log folder", "help", 1, "", "folder"),
    Command("help.about", "&About LMPT Desktop", "help", 1, "", "info"),
)
# fmt: on

TOOLBAR: tuple[str, ...] = (
    "file.open", "file.add", "", "edit.undo", "edit.redo", "",
    "image.present", "image.absent", "image.unknown", "image.reviewed", "",
    "view.filters", "vocabulary.edit", "model.retrain",
)  # fmt: skip
"""Command ids from left to right; an empty string is a separator."""

ICON_ONLY = ("edit.undo", "edit.redo", "view.filters")
"""Toolbar buttons whose icon needs no words."""

IMAGE_MENU: tuple[str, ...] = (
    "image.present", "image.absent", "image.unknown", "",
    "image.reviewed", "image.unreviewed", "", "image.alike", "",
    "image.reveal", "image.copy-path",
)  # fmt: skip
"""The context menu of images in the grid."""

BY_ID: dict[str, Command] = {command.id: command for command in COMMANDS}


class CommandRegistry(QObject):
    """One QAction per command, enabled by what the window says is so.

    ``triggered`` carries the id of every command the user runs.  Handlers are bound with
    :meth:`on`; a checkable command's handler receives the new state.
    """

    triggered = Signal(str)

    def __init__(self, owner: QWidget) -> None:
        super().__init__(owner)
        self._owner = owner
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
        self.set_state(Needs.NOTHING)

    def _make(self, command: Command) -> QAction:
        action = QAction(command.text, self)
        action.setObjectName(command.id)
        if command.short:
            action.setIconText(command.short)
        keys = [QKeySequence(part) for part in command.shortcut.split()]
        action.setShortcuts(keys)
        action.setCheckable(command.checkable or bool(command.choice))
        action.setIcon(theme.icon(command.icon) if command.icon else theme.icon(""))
        # In menus the check mark tells more than the icon, which would take its place.
        action.setIconVisibleInMenu(not command.checkable)
        tip = command.tip or command.plain_text
        if keys:
            shown = keys[0].toString(QKeySequence.SequenceFormat.NativeText)
            action.setToolTip(f"{tip} ({shown})")
        else:
            action.setToolTip(tip)
        action.setStatusTip(command.tip)
        action.triggered.connect(lambda _checked=False, id_=command.id: self.triggered.emit(id_))
        if command.plain_key:
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        else:
            self._owner.addAction(action)
        self._actions[command.id] = action
        return action

    def action(self, command_id: str) -> QAction:
        """The action of a command, to put on a button or trigger from a test."""
        return self._actions[command_id]

    def add_plain_keys(self, widget: QWidget) -> None:
        """Let commands with a letter as shortcut be run while ``widget`` has the focus.

        Elsewhere those letters find an entry in a list, or are text.
        """
        for command in COMMANDS:
            if command.plain_key:
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
            menu = bar.addMenu(title)
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
                    submenus[command.submenu] = menu.addMenu(command.submenu)
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
