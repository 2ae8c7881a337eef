"""The open dialogs: at most one of each kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from PySide6.QtWidgets import QDialog

DialogT = TypeVar("DialogT", bound=QDialog)


class OpenDialogs:
    """Open dialogs by name."""

    def __init__(self) -> None:
        self._dialogs: dict[str, QDialog] = {}

    def find(self, name: str) -> QDialog | None:
        """The open dialog of this name."""
        return self._dialogs.get(name)

    def show(self, name: str, make: Callable[[], DialogT]) -> None:
        """Bring the dialog of this name to the front, or create and show it."""
        if (old := self._dialogs.get(name)) is not None:
            old.raise_()
            old.activateWindow()
        else:
            self.replace(name, make())

    def replace(self, name: str, dialog: QDialog) -> None:
        """Show a dialog in place of the one of this name."""
        self.close(name)
        self._dialogs[name] = dialog

        def forget(_result: int) -> None:
            if self._dialogs.get(name) is dialog:
                del self._dialogs[name]

        dialog.finished.connect(forget)
        dialog.show()

    def close(self, name: str) -> None:
        """Close the dialog of this name, if it is open."""
        if (old := self._dialogs.pop(name, None)) is not None:
            old.close()

    def close_all(self) -> None:
        """Close every dialog: the library they belong to is being closed."""
        for name in list(self._dialogs):
            self.close(name)
