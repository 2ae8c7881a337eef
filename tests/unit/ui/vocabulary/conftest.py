"""The vocabulary dialog on a library in which the dog is in three photos and not in a fourth."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from ui_libraries import DOG, OpenSession
from vocabulary_dialogs import settle

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.vocabulary.dialog import VocabularyDialog


@pytest.fixture
def session(library: Path, open_session: OpenSession) -> LibrarySession:
    opened = open_session(library)
    opened.annotations.annotate([1, 2, 3], [DOG], Verdict.PRESENT)
    opened.annotations.annotate([4], [DOG], Verdict.ABSENT)
    return opened


@pytest.fixture
def dialog(session: LibrarySession, bridge: SessionBridge, qtbot: QtBot) -> VocabularyDialog:
    dialog = VocabularyDialog(session, bridge)
    qtbot.addWidget(dialog)
    dialog.show()
    settle(dialog)
    return dialog
