"""Says to screen readers what happened, where nothing that has the focus changed."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent


class Announcer(QObject):
    """Speaks through Qt's accessibility, as polite announcements (they wait for a pause)."""

    announced = Signal(str)
    """Every sentence, as it is said."""

    def __init__(self, voice: QObject) -> None:
        """``voice`` is the widget the announcements come from."""
        super().__init__(voice)
        self._voice = voice

    def say(self, sentence: str) -> None:
        """Announce a sentence; "" says nothing."""
        if not sentence:
            return
        self.announced.emit(sentence)
        if QAccessible.isActive():
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self._voice, sentence))
