"""Waiting for a vocabulary dialog, whose edits are saved off the window's thread."""

from __future__ import annotations

import time

from PySide6.QtCore import QCoreApplication

from lmpt_desktop.ui.vocabulary.dialog import VocabularyDialog

TIMEOUT_SECONDS = 10.0


def settle(dialog: VocabularyDialog) -> None:
    """Return when edits are saved and shown, and classes are counted.

    Raises:
        TimeoutError: if that takes more than 10 s.
    """
    end = time.monotonic() + TIMEOUT_SECONDS
    while dialog.busy:
        if time.monotonic() > end:
            raise TimeoutError("the vocabulary dialog is still busy")
        QCoreApplication.processEvents()
        time.sleep(0.001)
