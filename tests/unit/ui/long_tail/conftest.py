"""A dashboard on a library of six classes, of which some have examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from ui_libraries import OpenSession, annotate_sample

from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.long_tail.page import LongTailPage

MakePage = Callable[[LibrarySession], LongTailPage]


@pytest.fixture
def session(library: Path, open_session: OpenSession) -> LibrarySession:
    """The library with its examples."""
    opened = open_session(library)
    annotate_sample(opened)
    return opened


@pytest.fixture
def make_page(qtbot: QtBot, open_session: OpenSession) -> Iterator[MakePage]:
    """Show a page of a session and wait for its figures."""
    bridges: list[SessionBridge] = []

    def make(session: LibrarySession) -> LongTailPage:
        bridges.append(SessionBridge(session))
        page = LongTailPage(session, bridges[-1])
        qtbot.addWidget(page)
        page.resize(1100, 760)
        page.show()
        qtbot.waitUntil(lambda: page.figures is not None, timeout=10_000)
        return page

    yield make
    for bridge in bridges:
        bridge.close()


@pytest.fixture
def page(make_page: MakePage, session: LibrarySession) -> LongTailPage:
    return make_page(session)
