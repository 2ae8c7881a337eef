"""Hours of use in a few minutes: does the window grow, and does it stand still?

    python tests/benchmarks/long_use.py [--images 10000] [--classes 80] [--acts 3000] [--minutes M]
        [--rest SECONDS] [--types]

The real window (offscreen) on a synthetic library, with a fake encoder and a fake trainer: random
searches, filters, orders, selections, verdicts by key, batches, undo and redo, scrolling, changes
of page and photo, class in focus, and now and then a retraining whose version is taken into use. No
act waits for the answers of the one before.  After a tenth of the acts, at most 500 (warm-up), and
then every ``--every`` it waits until all is quiet, takes a break of ``--rest`` seconds, collects
garbage and counts: resident memory, also that before the break, what the GNU C library has in use,
free and mapped apart, what caches have of it, open handles, threads, widgets, QObjects that Python
knows, all Python objects, annotated photos.  Printed are the counts, what each grows by per 1,000
acts (a straight line through all counts, and through those of the second half, with the 95 %
interval of the slope), the longest pauses of the event loop and the acts before them, and processor
time per act of each kind and by thread.  An interrupted run (SIGINT, SIGTERM, ``--minutes``) prints
what it has.
``--types`` names the Python types and the widgets that grew most.
"""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import _sqlite3
import argparse
import ctypes
import gc
import math
import random
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]

import numpy as np  # noqa: E402 - after the environment
import psutil  # noqa: E402
from parts import library as synthetic  # noqa: E402
from parts.monitor import Monitor  # noqa: E402
from PySide6.QtCore import QEvent, QObject, Qt, QTimer  # noqa: E402
from PySide6.QtTest import QTest  # noqa: E402
from PySide6.QtWidgets import QApplication  # noqa: E402

from lmpt_desktop import app  # noqa: E402
from lmpt_desktop.catalogue import Catalogue  # noqa: E402
from lmpt_desktop.domain.records import Verdict  # noqa: E402
from lmpt_desktop.engine import network  # noqa: E402
from lmpt_desktop.engine.session import Commands  # noqa: E402
from lmpt_desktop.engine.training.retrain import RetrainRefusedError  # noqa: E402
from lmpt_desktop.inference.filters import ClassCondition, Filter, Sort, SortKey  # noqa: E402
from lmpt_desktop.ui.kit import photo_pool  # noqa: E402
from lmpt_desktop.ui.kit.thumbnails import ThumbnailLoader  # noqa: E402
from lmpt_desktop.ui.library.page import LibraryPage  # noqa: E402
from lmpt_desktop.ui.shell.settings import ComputerSettings  # noqa: E402
from lmpt_desktop.ui.window.library_opening import LibraryOpener  # noqa: E402
from lmpt_desktop.ui.window.main_window import MainWindow  # noqa: E402

COMMANDS = Commands(
    encode=(sys.executable, str(HERE / "parts" / "pretend_encoder.py")),
    fit=(sys.executable, str(HERE.parent / "support" / "fake_fit.py")),
)
PAGES = ("view.long-tail", "view.review", "view.missing", "sweep.open")
KEYS = (Qt.Key.Key_P, Qt.Key.Key_A, Qt.Key.Key_U, Qt.Key.Key_Right, Qt.Key.Key_Down)
WAIT = 300.0
WARM_UP = 500
TURNS = (1, 12)
"""Turns of the event loop after an act: a user is now slower than the window, now faster."""


class User:
    """Does what a user does, at random."""

    def __init__(self, window: MainWindow, page: LibraryPage, seed: int) -> None:
        self._window, self._page = window, page
        self._chance = random.Random(seed)
        self._acts: dict[str, tuple[int, Callable[[], object]]] = {
            "verdict": (40, self._verdict),
            "scroll": (15, self._scroll),
            "filter": (10, self._filter),
            "order": (5, self._order),
            "search": (5, self._search),
            "all photos": (6, self._clear),
            "undo": (6, self._undo),
            "redo": (3, self._redo),
            "batch": (4, self._batch),
            "page": (6, self._change_page),
            "zoom": (2, self._zoom),
        }
        self.done: Counter[str] = Counter()
        self.last = ""

    def act(self) -> None:
        """One act."""
        names = list(self._acts)
        name = self._chance.choices(names, [self._acts[item][0] for item in names])[0]
        self.done[name] += 1
        self.last = name
        self._acts[name][1]()

    def _ids(self, most: int) -> list[int]:
        ids = self._page.panel.model.ids
        if not len(ids):
            return []
        count = min(len(ids), self._chance.randint(1, most))
        return [int(i) for i in self._chance.sample(range(len(ids)), count) for i in [ids[i]]]

    def _class(self) -> int:
        return int(self._chance.choice(self._page.session.snapshot().class_ids))

    def _verdict(self) -> None:
        chosen = self._ids(1)
        if chosen:
            self._page.show_grid()
            self._page.grid.select_ids(chosen, chosen[0])
            if self._chance.random() < 0.5:
                self._page.set_focus_class(self._class())
            QTest.keyClick(self._page.grid, self._chance.choice(KEYS))

    def _batch(self) -> None:
        chosen = self._ids(300)
        if chosen and not self._page.undo_stack.busy:
            verdict = Verdict(self._chance.choice((-1, 0, 1)))
            self._page.undo_stack.annotate(chosen, [self._class()], verdict, "a class")

    def _undo(self) -> None:
        # The first change is all that the library began with.
        if self._page.undo_stack.can_undo and self._page.undo_stack.stack.index() > 1:
            self._page.undo_stack.undo()

    def _redo(self) -> None:
        if self._page.undo_stack.can_redo:
            self._page.undo_stack.redo()

    def _scroll(self) -> None:
        bar = self._page.grid.verticalScrollBar()
        bar.setValue(self._chance.randint(0, max(0, bar.maximum())))

    def _filter(self) -> None:
        some = tuple({self._class() for _ in range(self._chance.randint(1, 3))})
        asked = self._chance.choice(
            (
                Filter(ClassCondition(some)),
                Filter(without=some),
                Filter(unreviewed=True),
                Filter(text=str(self._chance.randint(0, 99))),
            )
        )
        self._page.panel.bar.set_filter(asked)

    def _order(self) -> None:
        self._page.panel.bar.set_sort(Sort(self._chance.choice(list(SortKey)), self._class()))

    def _search(self) -> None:
        # Few words: what was searched once is kept.
        self._page.panel.search_bar.search_words(f"a thing {self._chance.randint(0, 30)}")

    def _clear(self) -> None:
        self._page.panel.search_bar.clear()
        self._page.panel.bar.clear()

    def _change_page(self) -> None:
        name = self._chance.choice(PAGES)
        if self._window.commands.action(name).isEnabled():
            self._window.commands.trigger(name)
        if self._chance.random() < 0.7:
            self._page.show_grid()

    def _zoom(self) -> None:
        name = self._chance.choice(("view.zoom-in", "view.zoom-out"))
        if self._window.commands.action(name).isEnabled():
            self._window.commands.trigger(name)


class _Blocks(ctypes.Structure):
    """``struct mallinfo2`` of the GNU C library."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks",
                     "uordblks", "fordblks", "keepcost")
    ]  # fmt: skip


def blocks() -> dict[str, float]:
    """Memory of the GNU C library; nothing elsewhere."""
    ask = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if ask is None:
        return {}
    ask.restype = _Blocks
    found = ask()
    return {
        "C: used MB": found.uordblks / 1e6,
        "C: free MB": found.fordblks / 1e6,
        "C: mapped MB": found.hblkhd / 1e6,
    }


def held(page: LibraryPage) -> dict[str, float]:
    """MB of caches with a stated bound, some of which take long to fill."""
    session, objects = page.session, gc.get_objects()
    pools = [item for item in objects if isinstance(item, photo_pool.PhotoPool)]
    loaders = [item for item in objects if isinstance(item, ThumbnailLoader)]
    found = {
        "thumbnails MB": sum(loader._bytes for loader in loaders),
        "review photos MB": sum(
            photo_pool._size(photo) for pool in pools for photo in pool._kept.values()
        ),
        "versions MB": session.versions._loaded._sum,
        "learner MB": 0,
    }
    if (learned := session._instant._learned) is not None:
        sums, corrections = learned.learner._sums, learned.learner._corrections
        found["learner MB"] = sum(item.nbytes for item in sums.values())
        found["learner MB"] += sum(item.inner.nbytes for item in corrections.values())
    # Of the SQLite that Python's module is linked with; a module within Python itself says nothing.
    place = getattr(_sqlite3, "__file__", None)
    used = getattr(ctypes.CDLL(place), "sqlite3_memory_used", None) if place else None
    if used is not None:
        used.restype = ctypes.c_int64
        found["SQLite MB"] = used()
    return {name: size / 1e6 for name, size in found.items()}


def resident() -> float:
    """MB of this process that are in memory."""
    return psutil.Process().memory_info().rss / 1e6


def counts() -> dict[str, float]:
    """What there is now, after a collection."""
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    gc.collect()
    process = psutil.Process()
    objects = gc.get_objects()
    return {
        "resident MB": resident(),
        **blocks(),
        "handles": process.num_fds(),
        "threads": process.num_threads(),
        "Python threads": threading.active_count(),
        "widgets": len(QApplication.allWidgets()),
        "top-level widgets": len(QApplication.topLevelWidgets()),
        "QObjects": sum(isinstance(item, QObject) for item in objects),
        "Python objects": len(objects),
        "children": len(process.children()),
    }


def per_thread() -> Counter[str]:
    """CPU seconds of each thread that is there, by its name without numbers."""
    names = {thread.native_id: thread.name for thread in threading.enumerate()}
    found = Counter[str]()
    for thread in psutil.Process().threads():
        name = re.sub(r"[\d_-]*\d$", "", names.get(thread.id, "others"))
        found[name] += thread.user_time + thread.system_time  # pyright: ignore[reportArgumentType]
    return found


def types() -> Counter[str]:
    """Python objects by type, and widgets by their own type and that of their parents."""
    kinds = (type(item) for item in gc.get_objects())
    found = Counter(f"{kind.__module__}.{kind.__qualname__}" for kind in kinds)
    for widget in QApplication.allWidgets():
        parent = widget.parent()
        chain = (widget, parent, parent.parent() if parent is not None else None)
        found["widget: " + " in ".join(type(item).__name__ for item in chain)] += 1
    return found


@dataclass
class Seen:
    """What was counted, and the pauses."""

    acts: list[int] = field(default_factory=list)
    counts: list[dict[str, float]] = field(default_factory=list)
    gaps: list[tuple[float, str, int]] = field(default_factory=list)
    """Seconds, the act before, and its number."""
    busiest: list[tuple[float, str, int]] = field(default_factory=list)
    """Of each act, the most CPU time within one of its gaps."""
    spent: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    """CPU seconds of the process from an act of this kind to the next act."""

    def slope(self, name: str, first: int = 0) -> tuple[float, float]:
        """What it grows by per 1,000 acts from a count on, and half its 95 % interval (normal)."""
        x = np.array(self.acts[first:], float) / 1000
        y = np.array([found[name] for found in self.counts[first:]])
        if len(x) < 3:
            return math.nan, math.nan
        rise, start = np.polyfit(x, y, 1)
        rest = float(((y - rise * x - start) ** 2).sum()) / (len(x) - 2)
        return float(rise), 1.96 * math.sqrt(rest / float(((x - x.mean()) ** 2).sum()))

    def line(self, seconds: float) -> str:
        """The newest counts."""
        rise, half = self.slope("resident MB")
        counted = ", ".join(f"{name} {value:,.0f}" for name, value in self.counts[-1].items())
        longest = 1000 * max(self.gaps)[0] if self.gaps else 0.0
        return (f"{self.acts[-1]:>7} acts, {seconds:.0f} s: {counted}; {rise:+.1f} ± {half:.1f} MB "
                f"per 1,000 acts; longest pause {longest:.0f} ms")  # fmt: skip

    def table(self) -> str:
        """Everything."""
        lines = [f"{'':<20}{'after warm-up':>14}{'at the end':>12}{'per 1,000 acts':>20}"
                 f"{'in the second half':>22}"]  # fmt: skip
        for name, first in self.counts[0].items():
            lines.append(f"{name:<20}{first:>14,.0f}{self.counts[-1][name]:>12,.0f}" + "".join(
                f"{f'{rise:,.2f} ± {half:,.2f}':>{width}}" for (rise, half), width in
                ((self.slope(name), 20), (self.slope(name, len(self.acts) // 2), 22))
            ))  # fmt: skip
        return "\n".join(lines)

    def pauses(self) -> str:
        """The longest, and how often there was one."""
        lines = []
        for title, found in (
            ("pauses of the event loop", self.gaps),
            ("CPU time of the process in one pause, the longest of each act", self.busiest),
        ):
            ordered = sorted(found)
            longest = ", ".join(
                f"{1000 * gap:.0f} ms ({act}, {number})" for gap, act, number in ordered[:-7:-1]
            )
            shares = ", ".join(
                f"{share} %: {1000 * ordered[int(len(ordered) * share / 100)][0]:.0f} ms"
                for share in (50, 99, 99.9)
            )
            over = sum(gap > 0.05 for gap, _, _ in ordered)
            lines.append(
                f"{title}: longest {longest}; {shares}; over 50 ms: {over:,} of {len(ordered):,}"
            )
        return "\n".join(lines)


def make_library(folder: Path, images: int, classes: int) -> synthetic.Place:
    """Photos, features, annotations and thumbnails."""
    place = synthetic.make_catalogue(folder, images, classes=classes)
    with Catalogue.open(place.library) as catalogue:
        ids = catalogue.images.table().ids
        synthetic.add_features(catalogue, ids)
        synthetic.annotate(catalogue, ids)
    synthetic.add_thumbnails(place)
    return place


def retrain(page: LibraryPage, monitor: Monitor) -> bool:
    """Train and take the version into use, as the user does; whether it was made."""
    training, before = page.session.training, len(page.session.catalogue.prompt_sets.all())
    try:
        training.start()
    except RetrainRefusedError as error:
        print(f"no retraining: {error}", file=sys.stderr)
        return False

    def made() -> bool:
        return len(page.session.catalogue.prompt_sets.all()) > before

    monitor.during(lambda: None, 60, made)
    if not made():
        return False
    page.session.versions.promote(page.session.catalogue.prompt_sets.all()[0].id)
    return True


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--classes", type=int, default=synthetic.CLASSES)
    parser.add_argument("--acts", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--retrain-every", type=int, default=500, metavar="ACTS")
    parser.add_argument("--every", type=int, default=250, metavar="ACTS", help="count this often")
    parser.add_argument("--rest", type=float, default=1.0, help="break before each count")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop after this time")
    parser.add_argument("--types", action="store_true", help="name the types that grew most")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="long-use-"))
    os.environ["LMPT_DESKTOP_HOME"] = str(folder / "home")
    network.may_be_online = lambda: False
    place = make_library(folder, given.images, given.classes)
    application = app.make_application()
    opener = LibraryOpener(lambda path: app.open_session(path, commands=COMMANDS))
    window = app.make_window(ComputerSettings(folder / "window.ini"), opener)
    window.resize(1280, 800)
    window.show()
    window.open_library(place.library)
    monitor = Monitor(application)

    def opened() -> bool:
        return window.page is not None and window.page.panel.model.rowCount() > 0

    monitor.during(lambda: None, WAIT, opened)
    page = window.page
    assert page is not None, "the library was not opened"

    def quiet() -> bool:
        return page.session.idle and not page.undo_stack.busy and not window.status.working

    monitor.during(lambda: None, WAIT, quiet)
    user = User(window, page, given.seed)
    turns = random.Random(given.seed + 1)
    warm_up = min(given.acts // 10, WARM_UP)
    seen, first_types = Seen(), Counter[str]()
    trained, began, stopped = 0, time.monotonic(), threading.Event()
    begun_cpu, begun_threads = time.process_time(), per_thread()
    for kind in (signal.SIGINT, signal.SIGTERM):
        signal.signal(kind, lambda *_: stopped.set())
    for number in range(1, given.acts + 1):
        monitor.clear()
        spent = time.process_time()
        # Within the event loop, where a real user acts, too: what is deleted later is deleted.
        QTimer.singleShot(0, user.act)
        for _ in range(turns.randint(*TURNS)):
            application.processEvents()
        seen.spent[user.last] += time.process_time() - spent
        seen.gaps += [(gap, user.last, number) for gap in monitor.gaps]
        seen.busiest.append((monitor.busiest, user.last, number))
        if number % given.retrain_every == 0:
            trained += retrain(page, monitor)
        if number >= warm_up and ((number - warm_up) % given.every == 0 or number == given.acts):
            monitor.during(lambda: None, WAIT, quiet)
            before = resident()
            monitor.during(lambda: None, given.rest)
            seen.acts.append(number)
            annotated = (page.session.snapshot().annotations >= 0).any(axis=1)
            known = {"annotated photos": float(annotated.sum())}
            found = {**counts(), **held(page), **known}
            seen.counts.append({"before the break MB": before, **found})
            first_types = first_types or types()
            print(seen.line(time.monotonic() - began), flush=True)
        if stopped.is_set() or time.monotonic() - began > 60 * given.minutes:
            break
    if len(seen.acts) < 2:
        print("ended before the warm-up was over")
        os._exit(1)
    print(f"\n{given.images:,} photos, {given.classes:,} classes, "
          f"{sum(user.done.values()):,} acts, {trained} retrainings: "
          + ", ".join(f"{name} {count}" for name, count in user.done.most_common()))  # fmt: skip
    print(f"\n{seen.table()}\n\n{seen.pauses()}", flush=True)
    print("\nCPU ms per act: " + ", ".join(
        f"{name} {1000 * seconds / user.done[name]:.0f}" for name, seconds in
        sorted(seen.spent.items(), key=lambda item: -item[1])
    ) + f"; of the process in all {time.process_time() - begun_cpu:.0f} s")  # fmt: skip
    busy = per_thread()
    busy.subtract(begun_threads)
    print("CPU ms per act by thread: " + ", ".join(
        f"{name} {1000 * seconds / sum(user.done.values()):.1f}"
        for name, seconds in busy.most_common() if seconds > 0
    ))  # fmt: skip
    if given.types:
        grown = types()
        grown.subtract(first_types)
        named = [item for item in grown.most_common() if item[0].startswith("widget: ")]
        for name, count in (*named[:20], *grown.most_common(20)):
            print(f"  {count:>8} {name}")
    window.close()
    application.processEvents()
    sys.stdout.flush()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main()
