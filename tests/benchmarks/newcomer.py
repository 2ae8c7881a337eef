"""Key presses and clicks from launch to 50 right tags, as a newcomer who knows the truth.

    python tests/benchmarks/newcomer.py [--photos FOLDER] [--tags N] [--ways WAY ...]

FOLDER has ``images`` and ``index.json``, which names the classes of each photo.  The real window,
offscreen, with the real encoder: the folder is opened, the tour closed, COCO's classes chosen,
and then photos are tagged in the ways that the tour teaches:

- *keys*: photo after photo in the grid.  Where the suggestions are right and complete, R; else the
  digits of those that are right and, if nothing is missing then, Shift+Return.  Right goes on, or
  a click where the next card has nothing right.
- *sweep*: F8, the class that most photos show, and its pages of likely photos while most of them
  show it; then the next class.
- *confirm*: R on the photos whose suggestions are right and complete, which gives fewer tags.
- *review*: F3.  Return where the suggestions are right and complete, else P or A on the question.

A key with modifiers is one press.  A folder chooser counts as two clicks, a menu as two, and a
turn of the wheel over one screen as one.  A tag is a present annotation of a class that the photo
has; a wrong verdict is one that the truth contradicts.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QTabWidget, QWidget

from lmpt_desktop import app
from lmpt_desktop.domain.records import ImageState, Verdict
from lmpt_desktop.inference.vocabularies import BUILT_IN
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.review.page import ReviewPage
from lmpt_desktop.ui.shell.settings import ComputerSettings
from lmpt_desktop.ui.vocabulary.dialog import VocabularyDialog
from lmpt_desktop.ui.window.main_window import MainWindow

HERE = Path(__file__).resolve()
PHOTOS = HERE.parents[3] / "shared" / "photos"
PATIENCE_SECONDS = 600
SIZE = (1360, 850)
VOCABULARY = "coco80"

Key = Qt.Key
TITLES = "| Way | Keys | Clicks | Together | to begin | Right tags | Wrong verdicts | Reviewed |"
PLAIN = Qt.KeyboardModifier.NoModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
CONTROL = Qt.KeyboardModifier.ControlModifier


def wait(until: Callable[[], object]) -> None:
    """Keep the window alive until something is so."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not until():
        if time.monotonic() > deadline:
            raise TimeoutError(getattr(until, "__name__", "state"))
        QApplication.processEvents()
        time.sleep(0.001)
    QApplication.processEvents()


@dataclass
class Hands:
    """Send every event, and count it."""

    keys: int = 0
    clicks: int = 0

    def press(self, key: Qt.Key, modifier: Qt.KeyboardModifier = PLAIN) -> None:
        """Press a key where the keyboard is."""
        self.keys += 1
        target = QApplication.focusWidget() or QApplication.activeWindow()
        assert target is not None
        QTest.keyClick(target, key, modifier)

    def click(
        self, widget: QWidget, place: QPoint | None = None, modifier: Qt.KeyboardModifier = PLAIN
    ) -> None:
        """Click on a widget, in the middle by default."""
        self.clicks += 1
        place = widget.rect().center() if place is None else place
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton, modifier, place)

    def beyond(self, clicks: int) -> None:
        """Count clicks in a menu or a dialog of the system, which no event is sent for."""
        self.clicks += clicks

    @property
    def acts(self) -> int:
        return self.keys + self.clicks


@dataclass
class Newcomer:
    """Somebody at the window who sees what is in each photo."""

    window: MainWindow
    truth: dict[str, frozenset[str]]
    """The classes of each photo, by its file name."""
    tags: int
    hands: Hands = field(default_factory=Hands)

    @property
    def page(self) -> LibraryPage:
        assert self.window.page is not None
        return self.window.page

    # --------------------------------------------------------------------------- looking

    def present(self, image_id: int) -> frozenset[str]:
        """What is in a photo."""
        snapshot = self.page.session.snapshot()
        return self.truth[snapshot.names[snapshot.row_of[image_id]]]

    def suggested(self, image_id: int) -> frozenset[str]:
        """What the window says is in a photo: predictions and the user's own verdicts."""
        snapshot = self.page.session.snapshot()
        row = snapshot.row_of[image_id]
        own = snapshot.annotations[row]
        shown = (own == Verdict.PRESENT) | (snapshot.predicted[row] & (own < 0))
        return frozenset(snapshot.classes[column].name for column in np.flatnonzero(shown))

    def result(self) -> tuple[int, int]:
        """Right tags, and wrong verdicts."""
        snapshot = self.page.session.snapshot()
        right = wrong = 0
        for row, column in zip(*np.nonzero(snapshot.annotations >= 0), strict=True):
            name = snapshot.images.names[int(row)]
            there = snapshot.classes[int(column)].name in self.truth[name]
            said = snapshot.annotations[row, column] == Verdict.PRESENT
            right += int(said and there)
            wrong += int(said != there)
        return right, wrong

    @property
    def done(self) -> bool:
        return self.result()[0] >= self.tags

    # -------------------------------------------------------------------------- beginning

    def begin(self, folder: Path) -> None:
        """From the first page to predictions of COCO's classes."""
        QFileDialog.getExistingDirectory = lambda *_args, **_named: str(folder)
        self.hands.click(self.window.welcome.open_button)
        self.hands.beyond(2)  # the folder, and Open
        wait(lambda: self.window.page is not None and self.page.panel.model.rowCount())
        wait(self.window.tour.isVisible)
        self.hands.press(Key.Key_Escape)
        wait(lambda: not self.window.tour.isVisible())
        self.hands.press(Key.Key_K, CONTROL)
        wait(lambda: self.window.findChild(VocabularyDialog) is not None)
        dialog = self.window.findChild(VocabularyDialog)
        assert dialog is not None
        wait(dialog.isVisible)
        tabs: QTabWidget = dialog.tabs
        bar = tabs.tabBar()
        self.hands.click(bar, bar.tabRect(tabs.indexOf(dialog.list)).center())
        place = [item.name for item in BUILT_IN].index(VOCABULARY)
        self.hands.beyond(2)  # Built-in sets, and the entry
        dialog.list.built_in.menu().actions()[place].trigger()
        wait(dialog.list.apply.isEnabled)
        self.hands.click(dialog.list.apply)
        wait(lambda: len(self.page.session.snapshot().classes) == 80 and not dialog.busy)
        self.hands.press(Key.Key_Escape)
        wait(lambda: not dialog.isVisible())
        self.window.activateWindow()  # as a window manager does
        wait(self.window.isActiveWindow)
        wait(self.settled)

    def settled(self) -> bool:
        """Whether the window shows every prediction and verdict."""
        page = self.page
        snapshot, shown = page.session.snapshot(), page.panel.model.snapshot
        if shown is None or shown.version != snapshot.version or page.undo_stack.busy:
            return False
        readable = snapshot.images.states == ImageState.OK
        predicted = not np.isnan(snapshot.scores[readable]).any()
        return bool(readable.any()) and predicted and not self.window.status.working

    def look_at(self, image_id: int) -> None:
        """Wait until the inspector shows a photo."""
        wait(self.settled)
        self.page.grid.settle_selection()
        wait(lambda: list(self.page.inspector.image_ids) == [image_id])

    # ------------------------------------------------------------------------------- ways

    def keys(self) -> None:
        """Photo after photo, by the keyboard."""
        page, before = self.page, -2
        for position in range(page.panel.model.rowCount()):
            image_id = page.panel.model.image_id(position)
            there, suggested = self.present(image_id), self.suggested(image_id)
            if not there & suggested:
                continue  # nothing on the card is right
            if position == before + 1:
                self.hands.press(Key.Key_Right)
            else:
                self._click_card(position)
            before = position
            self.look_at(image_id)
            if there == suggested:
                self.hands.press(Key.Key_R)
            else:
                self._digits(image_id)
                if there <= suggested:  # nothing would be lost
                    self.hands.press(Key.Key_Return, SHIFT)
            wait(self.settled)
            if self.done:
                return

    def _digits(self, image_id: int) -> None:
        """Answer the suggestions that are right; their numbers stay while the photo is selected."""
        there = self.present(image_id)
        suggested = self.page.inspector.suggested_classes()
        for place, class_id in enumerate(suggested):
            if self.page.class_name(class_id) in there:
                self.hands.press(Qt.Key(int(Key.Key_1) + place))
                self.look_at(image_id)
        assert self.page.inspector.suggested_classes()[: len(suggested)] == suggested

    def confirm(self) -> None:
        """R on every photo whose suggestions are right and complete."""
        page = self.page
        for position in range(page.panel.model.rowCount()):
            image_id = page.panel.model.image_id(position)
            if (there := self.present(image_id)) and there == self.suggested(image_id):
                self._click_card(position)
                self.look_at(image_id)
                self.hands.press(Key.Key_R)
                wait(self.settled)

    def sweep(self) -> None:
        """A page of likely photos of one class at a time: F8, a click on each card that is ticked
        wrongly, Return."""
        self.hands.press(Key.Key_F8)
        wait(lambda: self.page.pages.current == "sweep")
        sweep: Any = self.page.pages.currentWidget()

        def ready() -> bool:
            asking = bool(sweep.is_asking) and not sweep.request.busy and not sweep.loading
            return asking and not self.page.undo_stack.busy

        wait(ready)
        for class_id in self._commonest():
            self.hands.beyond(2)  # the list of classes, and one that many photos show
            sweep.classes.chosen.emit(class_id)
            wait(lambda wanted=class_id: sweep.class_id == wanted and ready())
            if self._sweep_class(sweep, ready):
                return

    def _sweep_class(self, sweep: Any, ready: Callable[[], bool]) -> bool:
        """Page after page while most photos show the class; whether there are enough tags."""
        while True:
            name = self.page.class_name(sweep.class_id)
            cells = list(sweep.model.cells)
            shows = [name in self.present(cell.image_id) for cell in cells]
            self._tick(sweep, shows)
            self.hands.press(Key.Key_Return)
            wait(lambda before=cells: ready() and sweep.model.cells != before)
            if self.done or sum(shows) < len(shows) / 2:
                return self.done

    def _tick(self, sweep: Any, shows: list[bool]) -> None:
        """Tick the cards that show the class, after all of them if that takes fewer acts."""
        model = sweep.model
        wrong = sum(model.is_ticked(place) != there for place, there in enumerate(shows))
        if shows.count(False) + 1 < wrong:
            self.hands.press(Key.Key_A, CONTROL)
            wait(lambda: all(model.is_ticked(place) for place in range(len(shows))))
        for place, there in enumerate(shows):
            if model.is_ticked(place) != there:
                card = sweep.grid.visualRect(model.index(place, 0)).center()
                self.hands.click(sweep.grid.viewport(), card)
                assert model.is_ticked(place) == there

    def _commonest(self) -> list[int]:
        """The classes that most photos show, as somebody knows who took them."""
        counts = Counter(name for names in self.truth.values() for name in names)
        ids = {entry.name: entry.id for entry in self.page.session.snapshot().classes}
        return [ids[name] for name, _count in counts.most_common() if name in ids]

    def review(self) -> None:
        """The questions that help most."""
        self.hands.press(Key.Key_F3)
        wait(lambda: self.page.pages.current == "review")
        review = self.page.pages.currentWidget()
        assert isinstance(review, ReviewPage)
        wait(lambda: review.is_asking or (review.stack.currentWidget() is review.end
                                          and not review.queue_request.busy))  # fmt: skip
        while not self.done and review.is_asking:
            question = review.questions.current
            assert question is not None
            image_id, class_id = question.image_id, question.class_id
            wait(lambda id_=image_id: review.viewer.has_shown(id_))
            there = self.present(image_id)
            if there == self.suggested(image_id):
                self.hands.press(Key.Key_Return)
            elif class_id is None:
                self.hands.press(Key.Key_S)
            else:
                right = self.page.class_name(class_id) in there
                self.hands.press(Key.Key_P if right else Key.Key_A)
            wait(lambda asked=question: review.questions.current is not asked)
            wait(lambda: not self.page.undo_stack.busy)

    def _click_card(self, position: int, modifier: Qt.KeyboardModifier = PLAIN) -> None:
        """Click on a card, after turning the wheel to it if it is below."""
        grid = self.page.grid
        index = self.page.panel.model.index(position)
        if not grid.viewport().rect().contains(grid.visualRect(index).center()):
            self.hands.beyond(1)
            grid.scrollTo(index, grid.ScrollHint.PositionAtTop)
            QApplication.processEvents()
        self.hands.click(grid.viewport(), grid.visualRect(index).center(), modifier)


def truth_of(photos: Path) -> dict[str, frozenset[str]]:
    """The classes of each photo, by its file name."""
    entries = json.loads((photos / "index.json").read_text(encoding="utf-8"))
    return {Path(entry["path"]).name: frozenset(entry["labels"]) for entry in entries}


def play(photos: Path, way: str, tags: int) -> str:
    """One session; a line of the table."""
    window = app.make_window(ComputerSettings())
    window.resize(*SIZE)
    window.show()
    window.activateWindow()
    wait(window.isActiveWindow)
    window.first_start()
    newcomer = Newcomer(window, truth_of(photos), tags)
    newcomer.begin(photos / "images")
    start = newcomer.hands.acts
    getattr(newcomer, way)()
    right, wrong = newcomer.result()
    reviewed = int(newcomer.page.session.snapshot().reviewed.sum())
    hands = newcomer.hands
    window.close()
    window.deleteLater()
    QApplication.processEvents()
    figures = (way, hands.keys, hands.clicks, hands.acts, start, right, wrong, reviewed)
    return "| " + " | ".join(map(str, figures)) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ways = ("keys", "review", "sweep", "confirm")
    parser.add_argument("--photos", type=Path, default=PHOTOS)
    parser.add_argument("--tags", type=int, default=50)
    parser.add_argument("--ways", nargs="+", choices=ways, default=ways)
    given = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    app.make_application()
    print(TITLES)
    print("|---" * (TITLES.count("|") - 1) + "|")
    for way in given.ways:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
            os.environ["LMPT_DESKTOP_HOME"] = home
            print(play(given.photos.resolve(), way, given.tags), flush=True)


if __name__ == "__main__":
    main()
