"""The code of an open library, most of the app: imported once the window is painted.

What names these modules imports them when it is called.  Here they are imported before that, off
the window's thread, so that the window neither waits for them at its start nor later.
"""

from __future__ import annotations

from importlib import import_module

from PySide6.QtCore import QEvent, QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

MODULES = (
    "lmpt_desktop.engine.session",
    "lmpt_desktop.engine.versions.new_library",
    "lmpt_desktop.inference.vocabularies",
    "lmpt_desktop.ui.kit.thumbnails",
    "lmpt_desktop.ui.window.page_builder",
    "lmpt_desktop.ui.files.followed",
    "lmpt_desktop.ui.files.missing_notification",
    "lmpt_desktop.ui.files.raw_pairs",
    "lmpt_desktop.ui.interchange.import_texts",
    "lmpt_desktop.ui.training.backbone_offer",
    "lmpt_desktop.ui.training.run_follower",
    "lmpt_desktop.ui.training.suggestion",
)
"""With all that they import."""


def load() -> None:
    """Import what is not imported yet; takes a second or so.  Not for the window's thread."""
    for name in MODULES:
        import_module(name)


class FirstPaint(QObject):
    """Tells once that a widget was painted."""

    painted = Signal()

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            watched.removeEventFilter(self)
            # The paint itself follows.
            QTimer.singleShot(0, self, self.painted.emit)
        return False
