"""Full screen: only the window's own content, until Escape or the command again."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QByteArray, QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QPlainTextEdit, QWidget

_KEYS = (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress)


class FullScreen(QObject):
    """Takes a window to full screen and back to how it was."""

    def __init__(self, window: QWidget, is_work: Callable[[QWidget], bool]) -> None:
        """``is_work``: whether Escape in a widget may leave full screen; in others, such as a
        search field or a question, it keeps its meaning."""
        super().__init__(window)
        self._window = window
        self._is_work = is_work
        self._before = Qt.WindowState.WindowNoState
        self._geometry: QByteArray | None = None

    @property
    def on(self) -> bool:
        return self._window.isFullScreen()

    def geometry(self) -> QByteArray:
        """The window's geometry without full screen, to be restored at the next start."""
        if self.on and self._geometry is not None:
            return self._geometry
        return self._window.saveGeometry()

    def set(self, on: bool) -> None:
        """Enter or leave full screen."""
        application = QApplication.instance()
        if on == self.on or application is None:
            return
        if on:
            self._geometry = self._window.saveGeometry()
            self._before = self._window.windowState()
            self._window.setWindowState(self._before | Qt.WindowState.WindowFullScreen)
            # Escape is a shortcut in most places, which only a filter is asked before.
            application.installEventFilter(self)
        else:
            application.removeEventFilter(self)
            self._window.setWindowState(self._before & ~Qt.WindowState.WindowFullScreen)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if (
            event.type() not in _KEYS
            or not isinstance(event, QKeyEvent)
            or event.key() != Qt.Key.Key_Escape
            or not isinstance(watched, QWidget)
            or watched.window() is not self._window
            or isinstance(watched, QLineEdit | QPlainTextEdit)
            or not self._is_work(watched)
        ):
            return False
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()  # it will come as a key, not as a shortcut
        else:
            self.set(False)
        return True
