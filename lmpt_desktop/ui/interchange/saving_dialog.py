"""What the dialogs of this folder share: saving, and closing meanwhile."""

from __future__ import annotations

import threading

from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QDialogButtonBox, QPushButton, QSizePolicy, QWidget

from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.error_texts import message_of
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.kit.dialogs import LibraryDialog, on_ctrl_enter


class SavingDialog(LibraryDialog):
    """Saves what it shows; closing it meanwhile cancels that instead, if it is not too late."""

    ok: QPushButton
    """Saves; made by the subclass."""

    def __init__(
        self,
        session: LibrarySession,
        bridge: SessionBridge | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(session, bridge, parent)
        self._saving = False
        self._closed = False
        self._stop = threading.Event()
        """Ends what is being read or saved."""

    def apply(self) -> None:
        """Save what is shown."""
        raise NotImplementedError

    def _make_box(self) -> QDialogButtonBox:
        """The button that saves, also by Ctrl+Enter, and *Close*."""
        box = QDialogButtonBox()
        box.addButton(self.ok, QDialogButtonBox.ButtonRole.ActionRole)
        close = box.addButton(QDialogButtonBox.StandardButton.Close)
        close.setAutoDefault(False)
        close.setText(_("Close"))
        close.setObjectName("close")
        box.rejected.connect(self.reject)
        box.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        self.ok.setToolTip(_("Ctrl+Enter"))
        self.ok.clicked.connect(self.apply)
        on_ctrl_enter(self, self.apply)
        return box

    def _cancel_saving(self) -> None:
        """Ask what saves to end without a change."""
        self._stop.set()
        self.ok.setText(_("Cancelling..."))

    def _leave(self, _result: int) -> None:
        """End what runs in the background."""
        self._closed = True
        self._stop.set()

    def reject(self) -> None:
        if self._saving:
            self._cancel_saving()
        else:
            super().reject()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._saving and event.spontaneous():
            event.ignore()
            self._cancel_saving()
            return
        # The library may be closing, which waits for nothing.
        self._leave(0)
        self._saving = False
        super().closeEvent(event)


class ChangingDialog(SavingDialog):
    """Shows what would change in the library, and changes it."""

    def compare(self) -> None:
        """Find out again what would change."""
        raise NotImplementedError

    def _update(self) -> None:
        """Show what there is, and whether it is being saved."""
        raise NotImplementedError

    def _not_saved(self, error: object) -> None:
        if self._saving and not self._closed:
            self._stop_saving(message_of(error), "error")

    def _stop_saving(self, text: str, kind: str = "warning") -> None:
        self._saving = False
        self._update()
        self.strip.show_text(text, kind)
        self.compare()
