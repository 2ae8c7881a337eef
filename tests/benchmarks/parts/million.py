"""A library as large as any: ``python parts/million.py LIBRARY``; see ``scale.py``.

:func:`make` makes it: photos that exist (hard links), annotations, and features without windows;
thumbnails are made when somebody looks.  What is measured is the window with the real session.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from parts.library import (
    BACKBONE,
    CLASSES,
    DIM,
    PER_FOLDER,
    Place,
    make_photos,
    unit_rows,
)

BEGAN = float(os.environ.get("SCALE_BEGAN", "0"))
FACTS_SCALE, FACTS_BIAS = 20.0, -3.5
"""By which a random photo has six or seven classes."""
SIZE = (320, 240)
BLOCK = 50_000
WAIT = 400.0
LEARNING = 60.0
"""Seconds that what a verdict teaches is waited for."""
KEYS = 40
SOME = 10_000


def make(place: Path, count: int) -> Place:
    """The library, block by block: a million photos at once would take gigabytes."""
    from parts.library import annotate

    from lmpt_desktop.catalogue import Catalogue
    from lmpt_desktop.domain.photo_details import NO_DETAILS
    from lmpt_desktop.domain.records import ScannedFile
    from lmpt_desktop.engine.encoding.model_facts import ModelFacts, setting_name

    made = Place(place / "photos", place / "library", count)
    names = make_photos(made.photos, count, SIZE, PER_FOLDER)
    random = np.random.default_rng(1)
    facts = ModelFacts(DIM, FACTS_SCALE, FACTS_BIAS, ("{}",), "CPU", windows=0)
    with Catalogue.open(made.library, exclusive=True) as catalogue:
        folder = catalogue.folders.add(made.photos)
        classes = [f"class {number}" for number in range(CLASSES)]
        for name in classes:
            catalogue.classes.add(name)
        catalogue.settings.set(setting_name(BACKBONE), facts.to_setting())
        texts = dict(zip(classes, unit_rows(random, CLASSES), strict=True))
        catalogue.features.put_texts(BACKBONE, texts, facts.variant)
        for start in range(0, count, BLOCK):
            files = []
            for number in range(start, min(start + BLOCK, count)):
                status = (made.photos / names[number]).stat()
                hashed = f"{number + 1:032x}"
                files.append(
                    ScannedFile(
                        names[number],
                        status.st_size,
                        status.st_mtime_ns,
                        fingerprint=hashed,
                        width=SIZE[0],
                        height=SIZE[1],
                        ctime_ns=status.st_ctime_ns,
                        file_hash=hashed,
                        picture_hash=hashed,
                        details=NO_DETAILS,
                    )
                )
            ids = np.array(catalogue.images.upsert(folder.id, files))
            for first in range(0, len(ids), 4096):
                part = ids[first : first + 4096]
                catalogue.features.append(BACKBONE, part, unit_rows(random, len(part)))
        annotate(catalogue, catalogue.images.table().ids)
    return made


class _Rows(list[list[Any]]):
    """Figures, each of which is told at once: a run takes long."""

    def append(self, row: list[Any]) -> None:
        print(*row[:3], file=sys.stderr, flush=True)
        super().append(row)


def main(library: Path) -> None:
    gc.disable()  # as lmpt_desktop/__main__.py does
    from lmpt_desktop import app

    imported = time.monotonic() - BEGAN
    from parts.answering import Answerer, rest
    from parts.figures import resident_mb, row
    from parts.monitor import Monitor
    from PySide6.QtCore import QEvent, QObject

    from lmpt_desktop.domain.records import Verdict
    from lmpt_desktop.engine.search import SearchQuery
    from lmpt_desktop.inference.filters import Filter, SortKey
    from lmpt_desktop.ui.review.commands import page_in_front
    from lmpt_desktop.ui.shell.settings import ComputerSettings
    from lmpt_desktop.ui.window.library_opening import LibraryOpener

    rows = _Rows()
    painted: list[float] = []

    class FirstPaint(QObject):
        """When the grid was painted first with rows in it."""

        def __init__(self, page: Any) -> None:
            super().__init__()
            self.page = page
            page.grid.viewport().installEventFilter(self)

        def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
            paints = event.type() == QEvent.Type.Paint
            if paints and not painted and self.page.panel.model.rowCount():
                painted.append(time.monotonic() - BEGAN)
            return False

    application = app.make_application()
    opener = LibraryOpener(app.open_session)
    window = app.make_window(ComputerSettings(Path(tempfile.mkdtemp()) / "w.ini"), opener)
    window.resize(1400, 900)
    monitor = Monitor(application)
    watchers: list[FirstPaint] = []
    window.context.opened.connect(lambda page: watchers.append(FirstPaint(page)))
    window.show()
    pause, _busy = monitor.during(lambda: window.open_library(library), WAIT, lambda: bool(painted))
    assert painted, "the grid was not painted"
    page = window.page
    assert page is not None
    session = page.session
    count = page.panel.model.rowCount()
    title = f"library of {count:,}"
    rows.append(row(f"{title}: code imported", imported, "s"))
    rows.append(row(f"{title}: start to the painted grid", painted[0], "s", 3.0))
    rows.append(row(f"{title}: start to the painted grid, CPU", time.process_time(), "CPU s"))
    rows.append(row(f"{title}: memory at the painted grid", resident_mb(), "MB"))
    rows.append(row(f"{title}: opening, longest pause", pause, "ms", 50))

    def predicted() -> bool:
        return not session.snapshot().unscored

    begun = time.perf_counter()
    pause, _busy = monitor.during(lambda: None, WAIT, predicted)
    rows.append(row(f"{title}: then to all predictions", time.perf_counter() - begun, "s"))
    rows.append(row(f"{title}: meanwhile, longest pause", pause, "ms", 50))
    rest(1.0)
    rows.append(row(f"{title}: memory with predictions", resident_mb(), "MB", 1000))
    # The scan of so many files goes on.
    monitor.during(lambda: None, LEARNING, lambda: session.idle)

    def act(
        name: str,
        work: Callable[[], object],
        done: Callable[[], bool],
        budget: float | None,
        wait: float = WAIT,
    ) -> None:
        used = time.process_time()
        begun = time.perf_counter()
        pause, busy = monitor.during(work, wait, done)
        took = time.perf_counter() - begun
        rows.append(row(f"{title}, {name}", took, "s", budget))
        rows.append(row(f"{title}, {name}, CPU", time.process_time() - used, "CPU s"))
        pause2, busy2 = monitor.during(lambda: None, 1.5)
        rows.append(row(f"{title}, {name}: longest pause", max(pause, pause2), "ms", 50))
        rows.append(row(f"{title}, {name}: longest pause, CPU", max(busy, busy2), "CPU ms"))

    model, bar = page.panel.model, page.panel.bar
    shown: list[np.ndarray] = []

    def changed() -> bool:
        return model.ids is not shown[-1] and not np.array_equal(model.ids, shown[-1])

    def from_now(work: Callable[[], object]) -> Callable[[], object]:
        def run() -> None:
            shown.append(model.ids)
            work()

        return run

    class_id = session.snapshot().classes[7].id
    by_score = bar.order.findData(SortKey.SCORE)
    by_name = bar.order.findData(SortKey.NAME)
    act("one class", from_now(lambda: bar.set_class(class_id)), changed, 0.6)
    act("clear the filter", from_now(bar.clear), changed, 0.6)
    act("sort by score", from_now(lambda: bar.order.setCurrentIndex(by_score)), changed, 0.6)
    act("sort by name", from_now(lambda: bar.order.setCurrentIndex(by_name)), changed, 0.6)
    some = model.ids[:SOME].tolist()
    column = session.snapshot().column_of[class_id]

    def present() -> int:
        return int((session.snapshot().annotations[:, column] == 1).sum())

    before = present()
    act(
        "annotate 10,000",
        lambda: page.undo_stack.annotate(some, [class_id], Verdict.PRESENT, "class"),
        lambda: present() > before + len(some) // 2,
        2.0,
    )
    act("then all that it taught", lambda: None, lambda: session.idle, None, LEARNING)
    act("undo it", page.undo_stack.undo, lambda: present() == before, 2.0)
    act("then all that is unlearned", lambda: None, lambda: session.idle, None, LEARNING)
    direction = [int(i) for i in model.ids[[5, 500]]]
    timed = []
    for number in range(5):
        used = time.perf_counter(), time.process_time()
        query = SearchQuery(image_ids=(direction[0] + number, direction[1]))
        session.search.run(query, Filter(), session.snapshot())
        timed.append((time.perf_counter() - used[0], time.process_time() - used[1]))
    rows.append(row(f"{title}, search", statistics.median(t[0] for t in timed), "s", 0.2))
    rows.append(row(f"{title}, search, CPU", statistics.median(t[1] for t in timed), "CPU s"))

    def asks() -> bool:
        review = page_in_front(window.context)
        return review is not None and review.is_asking and review.canvas.showing

    act("review: F3 to the first photo", lambda: window.commands.trigger("view.review"), asks, 2.0)
    review = page_in_front(window.context)
    assert review is not None
    monitor._timer.stop()
    answerer = Answerer(review)
    answerer._painted = review.canvas.image_id
    times = []
    while len(times) < KEYS:
        if review.questions.current is None:
            answerer.begin()
        took = answerer.answer()
        if took is not None:
            times.append(took)
        rest(0.1)
    times.sort()
    rows.append(row(f"{title}, review: key to the next photo", statistics.median(times), "ms", 30))
    rows.append(row(f"{title}, review: key to the next photo, worst", times[-1], "ms", 200))
    rows.append(row(f"{title}, review: key, CPU", statistics.median(answerer.cpu), "CPU ms"))
    rows.append(row(f"{title}: memory at the end", resident_mb(), "MB", 1000))
    print("\n" + json.dumps(rows), flush=True)
    session.close()
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
