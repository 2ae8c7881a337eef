"""The pages and dialogs that ``screenshots.py`` takes pictures of."""

from __future__ import annotations

import argparse
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import export_scenes
import file_scenes
import import_scenes
import merge_scenes
import numpy as np
import readme_scenes
from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QMenu, QTabWidget, QWidget

from lmpt_desktop import app
from lmpt_desktop.catalogue.runs import RunState
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.backbone_offer import BackboneOffer, BackboneOffered
from lmpt_desktop.engine.encoding.backbones import offered_backbones
from lmpt_desktop.engine.notices import Activity, ActivityKind, ActivityState
from lmpt_desktop.inference.filters import ClassCondition, Dates, Filter, SortKey
from lmpt_desktop.settings import OPEN_FOLDER, FolderPlace
from lmpt_desktop.ui.compare.page import ComparePage
from lmpt_desktop.ui.help.command_palette import CommandPalette
from lmpt_desktop.ui.kit.language import set_language
from lmpt_desktop.ui.kit.theme import ThemeChoice
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.long_tail.page import LongTailPage
from lmpt_desktop.ui.preferences.dialog import PreferencesDialog
from lmpt_desktop.ui.review.commands import page_in_front, question_shown
from lmpt_desktop.ui.shell.settings import ComputerSettings
from lmpt_desktop.ui.sweep.page import SweepPage
from lmpt_desktop.ui.training.retrain import RetrainDialog
from lmpt_desktop.ui.training.run_page import RunDialog
from lmpt_desktop.ui.versions.comparison import ComparisonDialog
from lmpt_desktop.ui.versions.dialog import VersionsDialog
from lmpt_desktop.ui.vocabulary.dialog import VocabularyDialog
from lmpt_desktop.ui.vocabulary.merging import MergeDialog, SplitDialog
from lmpt_desktop.ui.window.commands import set_theme
from lmpt_desktop.ui.window.folder_place import FolderPlaceDialog
from lmpt_desktop.ui.window.main_window import MainWindow
from lmpt_desktop.ui.window.tour import STEPS

PATIENCE_SECONDS = 600
ENOUGH_FOR_A_RUN = 10
"""Photos there must be before classes are learned from them."""


def wait(until: Callable[[], object], rest: float = 1.0) -> None:
    """Keep the window alive until something is so, and ``rest`` seconds more."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not until():
        if time.monotonic() > deadline:
            raise TimeoutError
        QApplication.processEvents()
        time.sleep(0.002)
    pause(rest)


def pause(seconds: float) -> None:
    """Let the window come to rest."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.002)


class Studio:
    """One window, and the scenes that are played in it."""

    def __init__(self, out: Path, themes: list[str], language: str) -> None:
        self.out = out
        self.themes = [ThemeChoice(name) for name in themes]
        self.only: set[str] = set()
        set_language(app.make_application(), language)
        self.window: MainWindow = app.make_window(ComputerSettings())

    @property
    def page(self) -> LibraryPage:
        assert self.window.page is not None
        return self.window.page

    # ---------------------------------------------------------------------------- the camera

    def shoot(self, name: str, what: QWidget | None = None) -> None:
        """Grab the window, or a dialog, in each theme."""
        for choice in self.themes:
            set_theme(self.window.context, choice)
            pause(0.3)
            (what or self.window).grab().save(str(self.out / f"{name}-{choice}.png"))

    def shoot_tabs(self, name: str, dialog: QWidget, tabs: QTabWidget) -> None:
        for place in range(tabs.count()):
            tabs.setCurrentIndex(place)
            pause(0.8)
            self.shoot(f"{name}-{place + 1}", dialog)

    def dialog(self, command: str, kind: type[QWidget] = QDialog) -> QWidget:
        """What a command shows."""
        before = set(map(id, self.window.findChildren(kind)))
        self.do(command)

        def shown() -> list[QWidget]:
            return [w for w in self.window.findChildren(kind) if id(w) not in before]

        wait(shown, 1)
        return shown()[0]

    def do(self, command: str) -> None:
        self.window.commands.trigger(command)

    # ----------------------------------------------------------------------------- the scenes

    def play(self, photos: Path, size: tuple[int, int], only: set[str]) -> None:
        """Take all pictures, or those of the scenes named in ``only``; the error of a
        scene that fails is printed, and the others follow."""
        window = self.window
        self.photos = photos
        window.settings.set(OPEN_FOLDER, FolderPlace.FRESH)  # else every other folder is asked for
        window.resize(QSize(*size))
        window.show()
        if not only or "welcome" in only:
            pause(0.3)
            self.shoot("welcome")
        app.start(window, argparse.Namespace(folders=[photos], library=None))
        wait(lambda: window.page is not None and self.page.panel.model.rowCount() > 0, 2)
        wait(lambda: not window.status.working, 3)
        scenes: tuple[Callable[[], None], ...] = (
            self.library, self.stacks, self.filters, self.details, self.tour, self.review,
            self.region,
            self.sweep, self.compare, self.long_tail, self.accept,
            self.set_classes, self.vocabulary, self.run, self.versions, self.preferences,
            self.strictness, self.small_ones, self.messages, self.offer, self.menus, self.imports,
            self.merges, self.exports, self.files, self.empty,
        )  # fmt: skip
        for scene in scenes:
            if only and scene.__name__ not in only:
                continue
            try:
                scene()
            except Exception:
                traceback.print_exc()
        if "readme" in only:
            readme_scenes.play(self)
        window.close()

    def library(self) -> None:
        page = self.page
        page.show_grid()
        first = page.panel.model.image_id(0)
        page.grid.select_ids([first], first)
        pause(1)
        self.shoot("window")
        order = page.panel.bar.order
        order.setCurrentIndex(order.findData(SortKey.TAIL_FIRST))
        pause(2)
        self.shoot("tail")
        for position in range(min(6, page.panel.model.rowCount())):
            for chip in page.panel.model.cell(position).chips[:2]:
                self._judge(position, chip.name)
        ids = page.panel.model.ids[:3].tolist()
        page.grid.select_ids(ids, ids[0])
        self.do("image.confirm")
        pause(2)
        self.shoot("selection")
        self.window.notifications.clear()
        half_done = page.panel.model.image_id(min(3, page.panel.model.rowCount() - 1))
        page.grid.select_ids([half_done], half_done)
        pause(1)
        self.shoot("tags")
        page.grid.selectAll()
        pause(1)
        self.do("image.present")
        pause(1)
        self.shoot("preview")
        QTest.keyClick(page.preview_bar, Qt.Key.Key_Escape)
        page.panel.bar.popover.text.setText("no such photo")
        pause(1.5)
        self.shoot("no-match")
        page.panel.bar.clear()
        pause(1)
        self.do("edit.search")
        page.panel.search_bar.field.setText("an animal")
        page.panel.search_bar.field.returnPressed.emit()
        pause(3)
        self.shoot("search")
        page.panel.search_bar.clear()
        pause(1)

    def stacks(self) -> None:
        """Closed and open stacks in the grid, what a verdict on one changes, and one in review;
        nothing where there are no bursts."""
        page = self.page
        page.show_grid()
        self.do("view.stacks")
        wait(lambda: page.panel.model.stacks is not None, 1)
        layout = page.panel.model.stacks
        assert layout is not None
        keys = [layout.key(number) for number in range(min(3, layout.stacks.count))]
        first = layout.cards_of(np.array(keys, np.int64))
        if len(first):
            page.grid.select_ids(first[:1], int(first[0]))
            pause(1)
            self.shoot("stacks-closed")
            page.grid.select_ids(first[1:3], int(first[-1]))
            self.do("image.stack-toggle")
            pause(1.5)
            self.shoot("stacks-open")
            page.grid.select_ids(first[:1], int(first[0]))
            pause(1)
            self.do("image.stack-present")
            pause(1)
            self.shoot("stacks-preview")
            QTest.keyClick(page.preview_bar, Qt.Key.Key_Escape)
            self.do("view.review")
            wait(lambda: question_shown(self.window.context), 1)
            review = page_in_front(self.window.context)
            assert review is not None
            review.show_images(first.tolist())
            pause(2)
            self.shoot("stacks-review")
            self.do("image.stack-present")
            pause(1)
            self.shoot("stacks-review-preview")
            self.do("review.leave")
        self.do("view.stacks")
        wait(lambda: page.panel.model.stacks is None, 1)

    def filters(self) -> None:
        """The row and its panel, and what is saved."""
        page = self.page
        page.show_grid()
        bar = page.panel.bar
        ids = {entry.name: entry.id for entry in page.session.snapshot().classes}
        wanted = tuple(ids[name] for name in ("dog", "bus", "cat") if name in ids)
        without = tuple(ids[name] for name in ("person",) if name in ids)
        bar.set_filter(
            Filter(ClassCondition(wanted), without, unreviewed=True, dates=Dates(last=date.today()))
        )
        pause(1.5)
        self.shoot("filters-row")
        self.do("edit.filter")
        wait(lambda: bar.popover.picker.model.rows[0].count is not None, 1)
        self.shoot("filters")
        page.panel.save_search("Animals without people")
        page.panel.save_search("Last summer")
        pause(1)
        bar.popover.picker.search.setText("ca")
        bar.popover.date.setCurrentIndex(bar.popover.date.count() - 1)
        pause(0.5)
        self.shoot("filters-saved")
        bar.popover.close_popover(to_grid=True)
        page.panel.kept.keep_searches(())
        bar.clear()
        pause(1)

    def details(self) -> None:
        """What photos say of themselves, of one and of several, and the timeline."""
        page = self.page
        page.show_grid()
        self.do("view.details")
        self.do("view.timeline")
        page.grid.select_ids([page.panel.model.image_id(0)], page.panel.model.image_id(0))
        wait(lambda: page.panel.timeline.timeline.periods and page.inspector.facts.details.rows, 1)
        self.shoot("details")
        ids = [page.panel.model.image_id(place) for place in range(12)]
        page.grid.select_ids(ids, ids[0])
        periods = page.panel.timeline.timeline.periods
        middle = periods[len(periods) // 2]
        page.panel.bar.set_filter(Filter(dates=Dates(middle.first, periods[-1].last)))
        pause(1.5)
        page.grid.selectAll()
        pause(1.5)
        self.shoot("details-of-several")
        page.panel.bar.clear()
        pause(1)
        page.panel.bar.open_popover()
        pause(1)
        self.shoot("details-filter")
        page.panel.bar.popover.close_popover(to_grid=True)
        self.do("view.timeline")
        self.do("view.details")

    def strictness(self) -> None:
        """The window at another strictness, and the panel with classes of their own."""
        page = self.page
        page.show_grid()
        for position in range(min(25, page.panel.model.rowCount())):
            for chip in page.panel.model.cell(position).chips[:2]:
                self._judge(position, chip.name)
        pause(1)
        button = page.strictness
        for _step in range(3):
            self.do("model.looser")
        wait(lambda: not button.busy, 1)
        self.shoot("strictness-looser")
        popover = button.popover
        self.do("model.strictness")
        wait(lambda: not button.busy, 0.5)
        self.shoot("strictness-plain", popover)
        ids = [entry.id for entry in page.session.snapshot().classes]
        for class_id, steps in zip(ids, (-2, 4), strict=False):
            popover.choose_class(class_id)
            popover.class_slider.setValue(steps)
        wait(lambda: not button.busy, 0.5)
        self.shoot("strictness", popover)
        popover.reset.click()
        wait(lambda: not button.busy, 0.5)
        popover.close()

    def _judge(self, position: int, name: str) -> None:
        ids = {entry.name: entry.id for entry in self.page.session.snapshot().classes}
        if name in ids:
            image = self.page.panel.model.image_id(position)
            self.page.undo_stack.annotate([image], [ids[name]], Verdict.PRESENT, name)

    def tour(self) -> None:
        card = self.window.tour
        card.begin()
        for step in range(len(STEPS)):
            card.show_step(step)
            pause(0.5)
            self.shoot(f"tour-{step + 1}")
        card.end()

    def review(self) -> None:
        self.do("view.review")
        wait(lambda: question_shown(self.window.context), 2)
        review = page_in_front(self.window.context)
        assert review is not None
        self.window.notifications.clear()
        self.shoot("review")
        review.set_verdict(Verdict.PRESENT)
        pause(1.5)
        self.shoot("review-answered")
        ids = self.page.panel.model.ids[:2].tolist()
        review.show_images(ids)
        pause(2)
        self.shoot("review-photo")
        self.do("review.find")
        pause(0.5)
        self.shoot("review-find")
        for _photo in ids:
            self.do("review.skip")
            pause(1)
        self.shoot("review-end")
        self.do("review.leave")

    def region(self) -> None:
        """Where a class is seen: pointed at in the inspector, and asked in review."""
        page = self.page
        page.show_grid()
        snapshot = page.session.snapshot()
        names = [entry.name for entry in snapshot.classes]
        scores = np.nan_to_num(snapshot.scores - snapshot.thresholds, nan=-1.0)
        if "person" in names:
            scores[:, names.index("person")] = -1.0
        row, column = np.unravel_index(int(scores.argmax()), scores.shape)
        image, class_id = int(snapshot.image_ids[row]), snapshot.classes[int(column)].id
        page.grid.select_ids([image], image)
        pause(1)
        view = page.inspector.view
        view.go_to_class(class_id)
        view.setFocus(Qt.FocusReason.TabFocusReason)
        wait(lambda: page.inspector.photo.region.box is not None, 1)
        self.shoot("region-inspector")
        self.do("view.review")
        wait(lambda: question_shown(self.window.context), 1)
        review = page_in_front(self.window.context)
        assert review is not None
        self.window.notifications.clear()
        review.show_images([image])
        pause(1)
        self.do("view.regions")
        wait(lambda: review.canvas.region.box is not None, 1)
        self.shoot("region-review")
        review.canvas.zoom(3)
        pause(1)
        self.shoot("region-zoomed")
        self.do("view.regions")
        self.do("review.leave")

    def sweep(self) -> None:
        ids = {entry.name: entry.id for entry in self.page.session.snapshot().classes}
        self.page.show_grid()
        self.page.pin_class(ids.get("dog", next(iter(ids.values()))), True)
        self.do("sweep.open")
        page = self.page.pages.currentWidget()
        assert isinstance(page, SweepPage)
        wait(lambda: page.is_asking and not page.loading, 1)
        self.shoot("sweep")
        page.model.tick(range(page.model.rowCount()), False)
        page.confirm()
        wait(lambda: page.is_asking and not page.loading, 1)
        self.shoot("sweep-next")
        page.go_back()
        wait(lambda: page.is_asking and not page.loading, 1)
        page.zoom(4)
        pause(1)
        self.shoot("sweep-large")
        page.zoom(-4)
        self.do("sweep.leave")

    def compare(self) -> None:
        self.page.show_grid()
        ids = self.page.panel.model.ids[[0, 3]].tolist()
        self.page.grid.select_ids(ids, ids[0])
        pause(0.5)
        self.do("compare.open")
        page = self.page.pages.currentWidget()
        assert isinstance(page, ComparePage)
        wait(lambda: all(viewer.canvas.seen for viewer in page.viewers), 1)
        self.shoot("compare")
        page.zoom(4)
        page.viewers[1].canvas.pan(QPointF(-60, 30))
        pause(1)
        self.shoot("compare-zoomed")
        self.do("compare.leave")

    def long_tail(self) -> None:
        self.do("view.long-tail")
        wait(lambda: self.page.pages.current == "long-tail", 3)
        page = self.page.pages.built("long-tail")
        assert isinstance(page, LongTailPage)
        self.window.notifications.clear()
        self.shoot("long-tail")
        page.tabs.setCurrentIndex(1)
        pause(2)
        self.shoot("long-tail-together")
        page.tabs.setCurrentIndex(0)
        self.page.show_grid()

    def accept(self) -> None:
        self.page.grid.clearSelection()
        dialog = self.dialog("image.accept")
        pause(2)
        self.shoot("accept", dialog)
        dialog.close()

    def set_classes(self) -> None:
        ids = self.page.panel.model.ids[:5].tolist()
        self.page.grid.select_ids(ids, ids[0])
        pause(0.5)
        dialog = self.dialog("image.classes")
        self.shoot("set-classes", dialog)
        dialog.close()

    def vocabulary(self) -> None:
        dialog = self.dialog("vocabulary.edit", VocabularyDialog)
        assert isinstance(dialog, VocabularyDialog)
        names = [entry.name for entry in self.page.session.snapshot().classes]
        dialog.classes.select_class(names[0])
        dialog.try_out.name.setText("zebra")
        pause(2)
        self.shoot_tabs("vocabulary", dialog, dialog.tabs)
        dialog.tabs.setCurrentIndex(0)
        dialog.classes.select_ids([entry.id for entry in self.page.session.snapshot().classes[:2]])
        for name, button, kind in (
            ("merge", dialog.classes.merge, MergeDialog),
            ("split", dialog.classes.split, SplitDialog),
        ):
            button.click()
            wait(lambda kind=kind: dialog.findChild(kind) is not None, 1)
            asked = dialog.findChild(kind)
            assert asked is not None
            self.shoot(name, asked)
            asked.reject()
            dialog.classes.select_class(names[0])
            pause(0.5)
        dialog.close()

    def run(self) -> None:
        """A real one, on what the model predicts: enough to see the pages."""
        session = self.page.session
        snapshot = session.snapshot()
        if len(snapshot.image_ids) < ENOUGH_FOR_A_RUN:
            return
        if session.training.current_run() is None:
            for row in range(0, len(snapshot.image_ids), 2):
                image = int(snapshot.image_ids[row])
                present = np.flatnonzero(snapshot.predicted[row]).tolist()
                shown = [snapshot.classes[column].id for column in present]
                session.annotations.annotate([image], shown, Verdict.PRESENT)
                session.annotations.mark_reviewed([image])
            pause(2)
            dialog = self.dialog("model.retrain", RetrainDialog)
            assert isinstance(dialog, RetrainDialog)
            wait(dialog.start.isEnabled, 1)
            self.shoot("retrain", dialog)
            dialog.start.click()
        else:
            self.do("model.run")
        wait(lambda: self.window.findChild(RunDialog) is not None, 4)
        run = self.window.findChild(RunDialog)
        assert run is not None
        self.shoot("run-going", run)
        wait(lambda: run.page.status and run.page.status.state is RunState.FINISHED, 1)
        self.shoot("run", run)
        run.page.compare.click()
        wait(lambda: self.window.findChild(ComparisonDialog) is not None, 0)
        comparison = self.window.findChild(ComparisonDialog)
        assert comparison is not None
        wait(lambda: comparison.comparison is not None, 2)
        self.shoot_tabs("comparison", comparison, comparison.tabs)
        comparison.measure.click()
        wait(lambda: page_in_front(self.window.context) is not None, 0)
        review = page_in_front(self.window.context)
        assert review is not None
        wait(lambda: not review.queue_request.busy, 2)
        self.shoot("measure")
        for note in list(self.window.notifications.shown):
            self.window.notifications.dismiss(note)
        self.do("review.leave")

    def versions(self) -> None:
        dialog = self.dialog("model.versions", VersionsDialog)
        assert isinstance(dialog, VersionsDialog)
        self.shoot("versions", dialog)
        dialog.close()

    def preferences(self) -> None:
        dialog = self.dialog("edit.preferences", PreferencesDialog)
        assert isinstance(dialog, PreferencesDialog)
        self.shoot_tabs("preferences", dialog, dialog.tabs)
        dialog.close()

    def small_ones(self) -> None:
        for name, command in (
            ("keyboard", "help.keyboard"),
            ("about", "help.about"),
            ("backbone", "model.backbone"),
        ):
            dialog = self.dialog(command)
            self.shoot(name, dialog)
            dialog.close()
        palette = self.dialog("help.palette", CommandPalette)
        self.shoot("palette", palette)
        palette.close()

    def messages(self) -> None:
        """The stack of messages above the grid."""
        self.window.notifications.notify(
            "3 photos cannot be read",
            "They are left out until they can be. Open them in another program to see why.",
            "broken.jpg: truncated",
        )
        self.window.context.report("The tags were not exported", OSError("The disk is full."))
        note = self.window.notifications.notify(
            "Retraining finished",
            "Compare the new version with the one in use, then decide.",
            colour="accent",
        )
        note.add_button("Compare...", lambda: None)
        self.window.notifications.take_focus()
        pause(0.5)
        self.shoot("messages")
        self.window.notifications.clear()

    def offer(self) -> None:
        """A better backbone, with the figures of a computer with two cores."""
        page = self.window.page
        assert page is not None
        known = {info.name: info for info in offered_backbones("lite")}
        made = BackboneOffer(
            known["ViT-B-16-SigLIP2-256/webli"],
            len(page.session.snapshot().images), 10, 2.2, 25.0, "CPU", known["ViT-B-16/openai"],
        )  # fmt: skip
        page.session._notifier.send(BackboneOffered(made))
        pause(0.5)
        self.shoot("offer")
        self.window.notifications.clear()
        change = Activity(ActivityKind.CHANGE, ActivityState.RUNNING, 60, 204, 65.0)
        self.window.status.show_activity(change)
        pause(0.5)
        self.shoot("changing")
        self.window.status.show_activity(replace(change, state=ActivityState.IDLE))

    def menus(self) -> None:
        for command in self.window.menuBar().actions()[:4]:
            menu = command.menu()
            assert isinstance(menu, QMenu)
            menu.aboutToShow.emit()
            menu.adjustSize()
            self.shoot(f"menu-{command.text().replace('&', '').lower()}", menu)

    def exports(self) -> None:
        export_scenes.play(self)

    def imports(self) -> None:
        """A file of another program."""
        import_scenes.play(self)

    def merges(self) -> None:
        """Another library."""
        merge_scenes.play(self)

    def files(self) -> None:
        """What happens to files, in a library of its own."""
        file_scenes.play(self, self.photos)

    def empty(self) -> None:
        """A library without a photo."""
        nothing = self.out / "empty folder"
        nothing.mkdir(exist_ok=True)
        self.window.close_library()
        pause(1)
        self.shoot("welcome-recent")
        self.window.settings.set(OPEN_FOLDER, FolderPlace.ASK)
        app.start(self.window, argparse.Namespace(folders=[nothing], library=None))
        wait(lambda: self.window.findChild(FolderPlaceDialog) is not None, 1)
        asked = self.window.findChild(FolderPlaceDialog)
        assert asked is not None
        self.shoot("open-folder", asked)
        asked.reject()
        self.window.settings.set(OPEN_FOLDER, FolderPlace.FRESH)
        app.start(self.window, argparse.Namespace(folders=[nothing], library=None))
        wait(lambda: self.window.page is not None, 3)
        self.shoot("empty")
        self.do("view.review")
        pause(2)
        self.shoot("empty-review")
        self.do("view.long-tail")
        pause(2)
        self.shoot("empty-long-tail")
        nothing.rmdir()
