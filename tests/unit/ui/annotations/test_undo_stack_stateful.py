"""Whatever is done at the undo_stack, catalogue, journal, session and grid say the same."""

from __future__ import annotations

import tempfile
from collections import deque
from pathlib import Path

import numpy as np
import pytest
from example_counts import examples
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from paper_library import open_session
from PySide6.QtCore import QCoreApplication, QElapsedTimer
from pytestqt.qtbot import QtBot
from stored_annotations import annotations_in, marks_in, rebuilt

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.notices import AnnotationsChanged
from lmpt_desktop.ui.annotations import undo_stack as undo
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.grid.cells import Cell
from lmpt_desktop.ui.grid.marks import Mark
from lmpt_desktop.ui.grid.model import GridModel
from lmpt_desktop.ui.kit.bridge import SessionBridge

IMAGES = 5
NAMES = ("ant", "bee", "cat")
State = tuple[bytes, bytes]


def wait_until(condition) -> None:
    clock = QElapsedTimer()
    clock.start()
    while not condition():
        QCoreApplication.processEvents()
        assert clock.elapsed() < 30_000


class Desk(RuleBasedStateMachine):
    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.library = Path(self.folder.name) / "library"
        self._start(IMAGES)
        # What an undo stack of whole states would hold.
        self.done: deque[State] = deque()
        self.undone: list[State] = []
        self.now = self._shown()

    def _start(self, images: int = 0) -> None:
        self.session = open_session(self.library, images, NAMES)
        self.bridge = SessionBridge(self.session)
        self.model = GridModel()
        self.model.set_content(self.session.snapshot(), np.arange(IMAGES))
        # As the library page does.
        self.bridge.on(
            AnnotationsChanged, lambda _notice: self.model.refresh(self.session.snapshot())
        )
        self.undo_stack = AnnotationUndoStack(self.session)
        self.undo_stack.read_history()
        wait_until(lambda: self.undo_stack.settled)

    def _stop(self) -> None:
        self.undo_stack.close()
        self.bridge.close()
        self.session.close()

    def teardown(self) -> None:
        if hasattr(self, "undo_stack"):
            self._stop()
            self.folder.cleanup()

    def _shown(self) -> State:
        snapshot = self.session.snapshot()
        return snapshot.annotations.tobytes(), snapshot.reviewed.tobytes()

    def _did(self) -> None:
        wait_until(lambda: self.undo_stack.settled)
        now = self._shown()
        if now != self.now or self.undo_stack.stack.count() != len(self.done) + len(self.undone):
            self.done.append(self.now)
            self.undone.clear()
        self.now = now

    @rule(
        images=st.sets(st.integers(0, IMAGES - 1), min_size=1),
        classes=st.sets(st.integers(0, 2), min_size=1),
        verdict=st.sampled_from(list(Verdict)),
        worker=st.booleans(),
    )
    def verdict(self, images: set[int], classes: set[int], verdict: Verdict, worker: bool) -> None:
        ids, class_ids = self.session.snapshot().image_ids, self.session.snapshot().class_ids
        undo.INLINE_CELLS = 0 if worker else 500
        self.undo_stack.annotate(
            [int(ids[i]) for i in images], [int(class_ids[c]) for c in classes], verdict, "name"
        )
        self._did()

    @rule(
        cells=st.lists(
            st.tuples(st.integers(0, IMAGES - 1), st.integers(0, 2), st.integers(-1, 1)),
            min_size=1,
            max_size=6,
        ),
        worker=st.booleans(),
    )
    def batch_act(self, cells: list[tuple[int, int, int]], worker: bool) -> None:
        snapshot = self.session.snapshot()
        undo.INLINE_CELLS = 0 if worker else 500
        rows, columns, verdicts = np.array(cells).T
        self.undo_stack.apply(
            snapshot.image_ids[rows], snapshot.class_ids[columns], verdicts.astype(np.int8), "act"
        )
        self._did()

    @rule(images=st.sets(st.integers(0, IMAGES - 1), min_size=1), reviewed=st.booleans())
    def review(self, images: set[int], reviewed: bool) -> None:
        ids = self.session.snapshot().image_ids
        self.undo_stack.mark_reviewed([int(ids[i]) for i in images], reviewed)
        self._did()

    @rule()
    def undo(self) -> None:
        assert self.undo_stack.can_undo == bool(self.done)
        self.undo_stack.undo()
        wait_until(lambda: self.undo_stack.settled)
        if self.done:
            self.undone.append(self.now)
            self.now = self.done.pop()

    @rule()
    def redo(self) -> None:
        assert self.undo_stack.can_redo == bool(self.undone)
        self.undo_stack.redo()
        wait_until(lambda: self.undo_stack.settled)
        if self.undone:
            self.done.append(self.now)
            self.now = self.undone.pop()

    @rule()
    def restart(self) -> None:
        self._stop()
        self._start()

    @invariant()
    def all_say_the_same(self) -> None:
        if not hasattr(self, "undo_stack"):
            return
        assert self._shown() == self.now, "undo and redo bring back what was there"
        snapshot, catalogue = self.session.snapshot(), self.session.catalogue
        ids, classes = snapshot.image_ids, snapshot.class_ids
        assert np.array_equal(catalogue.annotations.matrix(ids, classes), snapshot.annotations)
        marks = np.isin(ids, list(catalogue.annotations.reviewed()))
        assert np.array_equal(marks, snapshot.reviewed)
        assert rebuilt(catalogue) == annotations_in(catalogue) | marks_in(catalogue)
        stack = catalogue.annotations.history()
        texts = [self.undo_stack.stack.text(i) for i in range(self.undo_stack.stack.count())]
        assert texts == [undo.text_of(item) for item in stack]
        assert self.undo_stack.stack.index() == sum(item.done for item in stack)

    @invariant()
    def the_grid_shows_it(self) -> None:
        if not hasattr(self, "undo_stack"):
            return
        annotations = self.session.catalogue.annotations

        def caught_up() -> bool:
            shown = self.model.snapshot
            now = self.session.snapshot()
            return (
                shown is not None
                and shown.annotations is now.annotations
                and shown.reviewed is now.reviewed
            )

        wait_until(caught_up)
        ids = self.session.snapshot().image_ids.tolist()
        class_ids = self.session.snapshot().class_ids.tolist()
        matrix = annotations.matrix(ids, class_ids)
        marked = annotations.reviewed()
        cells: list[Cell] = []
        for column, class_id in enumerate(class_ids):
            self.model.set_focus_class(class_id)
            cells = [self.model.cell(place) for place in range(IMAGES)]
            assert [cell.focus for cell in cells] == matrix[:, column].tolist()
        for cell, row in zip(cells, matrix, strict=True):
            assert (Mark.REVIEWED in cell.marks) == (cell.image_id in marked)
            present = {class_ids[i] for i in np.flatnonzero(row == 1)}
            assert {chip.class_id for chip in cell.chips} == present


def test_catalogue_journal_session_and_grid_always_agree(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undo, "INLINE_CELLS", undo.INLINE_CELLS)  # put back afterwards
    run_state_machine_as_test(
        Desk,
        settings=settings(
            max_examples=examples(25),
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
