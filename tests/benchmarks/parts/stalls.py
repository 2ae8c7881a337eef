"""Pauses of the window while it is busy: ``python parts/stalls.py LIBRARY NEW_FOLDER COUNT``.

Opens the large library with the real session and a pretended encoder (its time and memory are
a process of its own in any case), adds a folder of new photos, and scrolls all the while.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from parts.figures import PARTS, resident_mb, row
from parts.library import draw
from parts.monitor import Monitor

from lmpt_desktop import app
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.notices import ActivityKind, ActivityState
from lmpt_desktop.engine.session import Commands
from lmpt_desktop.inference.filters import SortKey
from lmpt_desktop.ui.shell.settings import ComputerSettings
from lmpt_desktop.ui.window.library_opening import LibraryOpener

WAIT = 400.0
SCROLL_SECONDS = 0.05


def new_photos(folder: Path, count: int) -> None:
    """Photos that differ in content, if not in looks."""
    folder.mkdir(parents=True)
    jpeg = draw((640, 480), 1)
    for number in range(count):
        # What follows the end of a JPEG is ignored, and makes another fingerprint.
        (folder / f"new {number:05d}.jpg").write_bytes(jpeg + b"%d" % number)


def main(library: Path, folder: Path, count: int) -> None:
    new_photos(folder, count)
    os.environ["FAKE_ENCODER"] = json.dumps({"seconds_per_photo": 0.005})
    commands = Commands(encode=(sys.executable, str(PARTS / "pretend_encoder.py")))
    application = app.make_application()
    opener = LibraryOpener(lambda path: app.open_session(path, commands=commands))
    window = app.make_window(ComputerSettings(Path(tempfile.mkdtemp()) / "w.ini"), opener)
    window.show()
    monitor = Monitor(application)
    rows: list[list[Any]] = []

    def opened() -> bool:
        page = window.page
        return page is not None and page.panel.model.rowCount() > 0

    monitor.during(lambda: window.open_library(library), WAIT, opened)
    page = window.page
    assert page is not None
    session = page.session
    before = len(session.snapshot().images)

    def settled() -> bool:
        states = [item.state for item in session.activities.current().values()]
        # wait_until_idle would wait on this thread, which is the one that is watched.
        return session.idle and ActivityState.RUNNING not in states

    monitor.during(lambda: None, WAIT, settled)
    monitor.during(lambda: None, 2.0)

    # Scanning, encoding and scrolling at once.
    bar = page.grid.verticalScrollBar()
    frames: list[float] = []
    last = [time.perf_counter()]

    def scroll_and_ask() -> bool:
        if time.perf_counter() - last[0] >= SCROLL_SECONDS:
            last[0] = time.perf_counter()
            bar.setValue((bar.value() + 120) % max(1, bar.maximum()))
            used = time.thread_time()
            page.grid.viewport().repaint()
            frames.append(1000 * (time.thread_time() - used))
        encode = session.activities.current().get(ActivityKind.ENCODE)
        done = encode is not None and encode.state is not ActivityState.RUNNING
        return done and len(session.snapshot().images) == before + count and settled()

    begun = time.perf_counter()
    pause, busy = monitor.during(lambda: page.add_folders([folder]), WAIT, scroll_and_ask)
    gaps = sorted(monitor.gaps)
    title = "scanning, encoding and scrolling"
    rows.append(row(f"{title}: longest pause", pause, "ms", 50))
    rows.append(row(f"{title}: longest pause, CPU", busy, "CPU ms"))
    rows.append(row(f"{title}: pause, 99.9 %", 1000 * gaps[len(gaps) * 999 // 1000], "ms"))
    rows.append(row(f"{title}: pauses over 50 ms", sum(g > 0.05 for g in gaps), "times"))
    rows.append(row(f"{title}: frame, CPU", statistics.median(frames), "CPU ms", 16))
    rows.append(row(f"{title}: it took", time.perf_counter() - begun, "s"))
    rows.append(row("memory after scanning and encoding", resident_mb(), "MB"))
    snapshot = session.snapshot()
    assert len(snapshot.images) == before + count, (len(snapshot.images), before, count)

    def measured(name: str, act: Callable[[], object], seconds: float = 3.0) -> None:
        pause, busy = monitor.during(act, seconds)
        rows.append(row(f"real session, {name}: longest pause", pause, "ms", 50))
        rows.append(row(f"real session, {name}: longest pause, CPU", busy, "CPU ms"))

    measured("select all", page.grid.selectAll)
    order = page.panel.bar.order
    measured("sort by score", lambda: order.setCurrentIndex(order.findData(SortKey.SCORE)))
    measured("sort by name", lambda: order.setCurrentIndex(order.findData(SortKey.NAME)))
    some = page.panel.model.ids[:10_000].tolist()
    class_id = snapshot.classes[7].id
    measured("select 10,000", lambda: page.grid.select_ids(some, some[0]))
    measured(
        "annotate 10,000",
        lambda: page.undo_stack.annotate(some, [class_id], Verdict.PRESENT, "class"),
    )
    monitor.during(
        lambda: None, WAIT, lambda: (session.snapshot().annotations[:, 7] == 1).sum() >= len(some)
    )
    assert (session.snapshot().annotations[:, 7] == 1).sum() >= len(some)
    measured("undo 10,000", page.undo_stack.undo)
    measured("list the versions", lambda: window.commands.trigger("model.versions"), 2.0)
    rows.append(row("memory at the end", resident_mb(), "MB"))
    print("\n" + json.dumps(rows), flush=True)
    session.close()
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
