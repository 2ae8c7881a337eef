"""Preferences: settings of this computer, of the open library, and shortcuts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QGroupBox,
    QScrollArea,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from lmpt_desktop.catalogue.backups import CopySpace
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.settings import ALL, BAND_LIMITS, SPACE_FOR_COPIES, Setting, Storage
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit.dialogs import muted
from lmpt_desktop.ui.kit.setting_editors import SettingEditor, editor_for
from lmpt_desktop.ui.kit.tasks import LatestRequest, Task
from lmpt_desktop.ui.preferences.copies_text import space_text
from lmpt_desktop.ui.preferences.ignore_page import IgnorePage
from lmpt_desktop.ui.preferences.raw_pairs_box import RawPairsBox
from lmpt_desktop.ui.preferences.shortcut_page import ShortcutPage
from lmpt_desktop.ui.preferences.where_to_train_box import WhereToTrainBox
from lmpt_desktop.ui.shell.context import ShellContext


class PreferencesDialog(QDialog):
    """Each change takes effect at once; the language at the next start."""

    def __init__(self, context: ShellContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("preferences")
        self.setWindowTitle(_("Preferences"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._context = context
        self._session = context.library.session if context.library is not None else None
        self.editors: dict[str, SettingEditor] = {}
        """The widgets by setting key."""
        self._unfollow: list[Callable[[], None]] = []
        self.tabs = QTabWidget()
        self.tabs.setObjectName("preference-pages")
        self.tabs.addTab(self._computer_page(), _("&General"))
        self.tabs.addTab(_scrolled(self._library_page()), _("&Library"))
        left_out = self._session.left_out if self._session is not None else None
        self.ignored = IgnorePage(left_out, context.report_failure)
        self.tabs.addTab(self.ignored, _("&Ignored files"))
        self.shortcuts = ShortcutPage(context.commands)
        self.tabs.addTab(self.shortcuts, _("&Shortcuts"))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        # Enter in a field must not close the dialog.
        buttons.button(QDialogButtonBox.StandardButton.Close).setAutoDefault(False)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.tabs, 1)
        layout.addWidget(buttons)
        self.resize(620, 700)
        self.finished.connect(self._stop_following)

    def show_shortcuts(self, command_id: str = "") -> None:
        """Show the shortcuts page, and select a command if one is given."""
        self.tabs.setCurrentWidget(self.shortcuts)
        if command_id:
            self.shortcuts.select(command_id)
        self.shortcuts.line.setFocus()

    # -------------------------------------------------------------------------------- pages

    def _computer_page(self) -> QWidget:
        settings = self._context.settings
        page = QWidget()
        layout = QVBoxLayout(page)
        self._add_groups(layout, Storage.COMPUTER, settings.set)
        self.where_to_train = WhereToTrainBox(settings)
        self.finished.connect(self.where_to_train.stop)
        layout.addWidget(self.where_to_train)
        layout.addStretch(1)
        for setting in _shown(Storage.COMPUTER):
            editor = self.editors[setting.key]
            editor.show_value(settings.get(setting))
            self._unfollow.append(settings.on_change(setting, editor.show_value))
        return page

    def _library_page(self) -> QWidget:
        session = self._session
        page = QWidget()
        layout = QVBoxLayout(page)
        self.no_library = muted(_("Open a library first: these settings belong to a library."))
        self.no_library.setVisible(session is None)
        layout.addWidget(self.no_library)
        for box in self._add_groups(layout, Storage.LIBRARY, self._set_in_library):
            box.setEnabled(session is not None)
        self.copies = muted("")
        self.copies.setObjectName("copies-text")
        box = self.editors[SPACE_FOR_COPIES.key].parentWidget()
        form = box.layout() if box is not None else None
        assert isinstance(form, QFormLayout)
        form.addRow(self.copies)
        self._surveying: LatestRequest[CopySpace] = LatestRequest(
            lambda space: self.copies.setText(space_text(space)),
            self._context.report_failure,
            owner=self,
        )
        self._show_copies()
        self.raw_pairs = RawPairsBox(session, self._context.report_failure)
        layout.addWidget(self.raw_pairs)
        layout.addStretch(1)
        if session is not None:
            for setting in _shown(Storage.LIBRARY):
                self.editors[setting.key].show_value(_value(session, setting))
        return page

    def _add_groups(
        self, layout: QVBoxLayout, storage: Storage, change: Callable[[Setting[Any], Any], object]
    ) -> list[QGroupBox]:
        """Add a box for each group of settings, in their declared order."""
        boxes: dict[str, QGroupBox] = {}
        for setting in _shown(storage):
            if setting.group not in boxes:
                boxes[setting.group] = QGroupBox(_(setting.group))
                QFormLayout(boxes[setting.group])
                layout.addWidget(boxes[setting.group])
            form = boxes[setting.group].layout()
            assert isinstance(form, QFormLayout)
            editor = editor_for(setting, lambda value, it=setting: change(it, value))
            self.editors[setting.key] = editor
            if editor.own_label:
                form.addRow(editor)
            else:
                form.addRow(_(setting.label), editor)
                label = form.labelForField(editor)
                label.setBuddy(editor.field)  # pyright: ignore[reportAttributeAccessIssue]
        return list(boxes.values())

    def _set_in_library(self, setting: Setting[Any], value: Any) -> None:
        session = self._session
        if session is not None:
            Task(
                lambda: session.settings.set(setting, value),
                lambda _none: self._show_copies() if setting is SPACE_FOR_COPIES else None,
                self._context.report_failure,
                owner=self._context,
            )

    def _show_copies(self) -> None:
        """Say what the copies take, and what the limit does to them."""
        # A setting may be written after the dialog was closed.
        if self._session is not None and isValid(self):
            self._surveying.ask(self._session.space_for_copies.survey)

    def _stop_following(self, _result: int) -> None:
        for stop in self._unfollow:
            stop()


def _scrolled(page: QWidget) -> QScrollArea:
    """A page whose texts are not cut where the screen is low."""
    area = QScrollArea()
    area.setWidget(page)
    area.setWidgetResizable(True)
    area.setFrameShape(QScrollArea.Shape.NoFrame)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return area


def _shown(storage: Storage) -> list[Setting[Any]]:
    """The settings of a page."""
    return [setting for setting in ALL if setting.storage is storage and setting.group]


def _value(session: LibrarySession, setting: Setting[Any]) -> Any:
    # Without a setting, the limits depend on the size of the library.
    return session.snapshot().limits if setting is BAND_LIMITS else session.settings.get(setting)
