"""A dashboard on the memory session: six classes, of which some have examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from lmpt_desktop.engine.versions.versions import VersionInfo
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.long_tail.page import LongTailPage
from trainer.events import BandScores
from trainer.prompt_set import ClassResult, Evaluation

PRESENT = (9, 5, 4, 1, 0, 3)
"""Examples of dog, person, traffic light, kite, hair drier and cup; the bands begin at 4 and 8."""


class TailSession:
    """Adds versions to the memory session, and counts how often they are asked for."""

    def __init__(self, memory: Any) -> None:
        self._memory = memory
        self.counted = 0
        self.judged: dict[str, float | None] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._memory, name)

    def versions(self) -> list[VersionInfo]:
        self.counted += 1
        results = [ClassResult(name, 1, 1, 1, ap) for name, ap in (self.judged or {}).items()]
        scores = BandScores(None, None, None, None)
        evaluation = Evaluation(scores, results) if self.judged is not None else None
        return [VersionInfo(1, "", "lite", True, True, 6, evaluation, None)]


@pytest.fixture
def session(memory_session: Any) -> TailSession:
    count = len(memory_session.snapshot_.images)
    annotations = np.where(np.arange(count)[:, None] < np.array(PRESENT), 1, 0).astype(np.int8)
    annotations[10:] = -1
    memory_session.snapshot_ = replace(memory_session.snapshot_, annotations=annotations)
    return TailSession(memory_session)


@pytest.fixture
def make_page(qtbot: QtBot) -> Iterator[Callable[[Any], LongTailPage]]:
    """Show a page of a session and wait for its figures."""

    bridges: list[SessionBridge] = []

    def make(session: Any) -> LongTailPage:
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
def page(make_page: Callable[[Any], LongTailPage], session: TailSession) -> LongTailPage:
    return make_page(session)
