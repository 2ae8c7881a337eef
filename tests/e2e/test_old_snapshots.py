"""What is behind the page in front keeps no old scores and annotations in memory."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from weakref import WeakSet

from pytestqt.qtbot import QtBot

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000
PAGES = ("view.long-tail", "view.review", "view.missing", "sweep.open", "compare.open")


def snapshots() -> WeakSet[Snapshot]:
    """All that are in memory."""
    gc.collect()
    return WeakSet(item for item in gc.get_objects() if isinstance(item, Snapshot))


def test_pages_that_were_left_keep_no_old_snapshot(
    launch: Callable[..., MainWindow],
    settled: Callable[[MainWindow], LibraryPage],
    photos: Path,
    qtbot: QtBot,
) -> None:
    of_other_tests = snapshots()
    window = launch(photos)
    page = settled(window)
    session = page.session
    ids = session.snapshot().image_ids.tolist()
    class_id = int(session.snapshot().class_ids[0])
    page.grid.select_ids(ids[:2], ids[0])

    for number, name in enumerate(PAGES):
        window.commands.trigger(name)
        qtbot.waitUntil(lambda: page.pages.current != "grid", timeout=WAIT_MS)
        qtbot.wait(200)  # what the page reads
        page.show_grid()
        verdict = Verdict.ABSENT if number % 2 else Verdict.PRESENT
        page.undo_stack.annotate(ids[:1], [class_id], verdict, "a class")
        settled(window)

    def only_the_newest() -> bool:
        mine = set(snapshots()) - set(of_other_tests)
        return mine == {session.snapshot()}

    qtbot.waitUntil(only_the_newest, timeout=WAIT_MS)
