"""A real session on images that exist only in its catalogue: no model, no photos."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from paper_library import open_session

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.vocabulary.dialog import VocabularyDialog

CLASS_NAMES = ("dog", "person", "traffic light", "kite", "hair drier", "cup")


@pytest.fixture
def session(tmp_path: Path) -> Iterator[LibrarySession]:
    """Twelve images; the dog is in three of them and not in a fourth."""
    with open_session(tmp_path / "library", 12, CLASS_NAMES) as opened:
        dog = opened.classes[0].id
        opened.annotations.annotate([1, 2, 3], [dog], Verdict.PRESENT)
        opened.annotations.annotate([4], [dog], Verdict.ABSENT)
        yield opened


@pytest.fixture
def bridge(session: LibrarySession, qtbot: Any) -> SessionBridge:
    return SessionBridge(session)


@pytest.fixture
def dialog(session: LibrarySession, bridge: SessionBridge, qtbot: Any) -> VocabularyDialog:
    dialog = VocabularyDialog(session, bridge)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog
