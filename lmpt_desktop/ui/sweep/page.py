"""The page of a class sweep: the likeliest photos of one class, confirmed a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.domain.records import Batch, Verdict
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine import notices
from lmpt_desktop.inference.sweep import NO_CANDIDATES, Candidates, candidates, most_rewarding
from lmpt_desktop.settings import SWEEP_SIZE
from lmpt_desktop.translation import _, ngettext, number
from lmpt_desktop.ui.annotations.undo_stack import UNDO_LIMIT
from lmpt_desktop.ui.commands import CommandRegistry
from lmpt_desktop.ui.kit.class_picker import ClassButton
from lmpt_desktop.ui.kit.key_button import KeyButton
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.tasks import LatestRequest
from lmpt_desktop.ui.shell.context import OpenLibrary, ShellContext
from lmpt_desktop.ui.shell.page_stack import GRID
from lmpt_desktop.ui.sweep.page_layout import EDGES, MOST
from lmpt_desktop.ui.sweep.page_model import SweepCell, SweepModel
from lmpt_desktop.ui.sweep.sweep_grid import SELECT_NONE, SweepGrid

READ = 5 * MOST
"""Candidates that are read at a time: several pages."""
REFRESH_PAUSE_MS = 200
_CHANGES = (
    notices.AnnotationsChanged,
    notices.PredictionsChanged,
    notices.ClassesChanged,
    notices.ImagesChanged,
    notices.VersionsChanged,
)


@dataclass(frozen=True)
class SweptPage:
    """A page that was confirmed: its batch, its photos in their order, and what was ticked."""

    batch_id: int
    image_ids: tuple[int, ...]
    ticks: dict[int, bool]


class SweepPage(QWidget):
    """Asks which photos show a class; lives as long as the library is open."""

    state_changed = Signal()
    """What can be done here has changed."""

    def __init__(self, library: OpenLibrary, context: ShellContext) -> None:
        super().__init__()
        self.setObjectName("sweep")
        self.setAccessibleName(_("Class sweep"))
        self._library = library
        self._session = library.session
        self._undo_stack = library.undo_stack
        self._context = context
        self._loader = library.thumbnails
        self.came_from = GRID
        """The page to which leaving returns."""
        self.class_id: int | None = None
        self.found: Candidates = NO_CANDIDATES
        self._read = False
        self._page: tuple[int, ...] = ()
        """The photos that the page began with, which stay on it whatever is predicted."""
        self._following: list[int] = []
        """Photos of the next page."""
        self.history: list[SweptPage] = []
        self._saving = False
        self.request: LatestRequest[Candidates] = LatestRequest(
            self._candidates_read, context.report_failure, owner=self
        )
        self._refresh = QTimer(self)
        self._refresh.setSingleShot(True)
        self._refresh.setInterval(REFRESH_PAUSE_MS)
        self._refresh.timeout.connect(self._ask)
        self.model = SweepModel(self)
        self.grid = SweepGrid(self.model, self._loader, context.settings.get(SWEEP_SIZE))
        self._build(context)
        self.model.ticks_changed.connect(self._show_counts)
        self.grid.capacity_changed.connect(self._show_page)
        self._loader.loaded.connect(self._picture_loaded)
        self._undo_stack.undone.connect(self._undone)
        self._undo_stack.failed.connect(self._save_failed)
        for kind in _CHANGES:
            library.bridge.on(kind, self._changed)

    def _build(self, context: ShellContext) -> None:
        commands = context.commands
        self.stack = QStackedWidget()
        self.stack.addWidget(self.grid)
        self.stack.addWidget(self._ending())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(self._head(commands))
        column.addWidget(self.stack, 1)
        column.addWidget(self._foot(commands))
        commands.add_plain_keys(self.stack, "sweep")
        for widget in (self.leave, self.classes, self.foot):
            widget.addAction(commands.action("sweep.leave"))
        self.setFocusProxy(self.grid)

    def _head(self, commands: CommandRegistry) -> QHBoxLayout:
        """The question and what it is about."""
        self.leave = KeyButton(commands.action("sweep.leave"), _("Back"), "image")
        before, _name, after = _("Which of these show {name}?").partition("{name}")
        self.classes = ClassButton()
        self.classes.setObjectName("sweep-class")
        self.classes.setAccessibleName(_("Class to sweep"))
        self.classes.chosen.connect(self._class_chosen)
        self.counter = Label()
        self.counter.setObjectName("sweep-counter")
        self.counter.setProperty("role", "muted")
        self.counter.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.counter.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        head = QHBoxLayout()
        head.setContentsMargins(8, 6, 12, 6)
        head.setSpacing(8)
        head.addWidget(self.leave)
        head.addWidget(_heading(before.strip()))
        head.addWidget(self.classes)
        head.addWidget(_heading(after.strip()))
        head.addWidget(self.counter, 1)
        return head

    def _foot(self, commands: CommandRegistry) -> QWidget:
        """What can be done with the page."""
        self.note = Label()
        self.note.setObjectName("sweep-note")
        self.note.setProperty("role", "muted")
        self.note.setWordWrap(True)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.note.setSizePolicy(policy)
        self.every = _tool(_("All"), _("Tick all photos on this page"), "Ctrl+A")
        self.every.clicked.connect(lambda: self._tick_all(True))
        self.none = _tool(_("None"), _("Untick all photos on this page"), SELECT_NONE.toString())
        self.none.clicked.connect(lambda: self._tick_all(False))
        self.back = KeyButton(commands.action("sweep.back"), _("Undo page"), "undo")
        self.confirm_button = KeyButton(commands.action("sweep.confirm"), "")
        self.confirm_button.setProperty("role", "primary")
        row = QHBoxLayout()
        row.setContentsMargins(8, 6, 12, 8)
        row.setSpacing(8)
        for button in (self.every, self.none):
            row.addWidget(button)
        row.addWidget(self.note, 1)
        row.addWidget(self.back)
        row.addWidget(self.confirm_button)
        self.foot = QWidget()
        self.foot.setLayout(row)
        return self.foot

    def _ending(self) -> QWidget:
        page = QWidget()
        self.ending = Label()
        self.ending.setObjectName("sweep-ending")
        self.ending.setProperty("role", "title")
        self.ending.setWordWrap(True)
        self.ending.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.ending_button = QPushButton(_("Back to where you were"))
        self.ending_button.setAutoDefault(False)
        self.ending_button.clicked.connect(lambda: self._context.commands.trigger("sweep.leave"))
        column = QVBoxLayout(page)
        column.addStretch(1)
        column.addWidget(self.ending)
        column.addWidget(self.ending_button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        return page

    # ------------------------------------------------------------------------------- state

    @property
    def is_asking(self) -> bool:
        """Whether there are photos on the page."""
        return bool(self.model.cells) and self.stack.currentWidget() is self.grid

    @property
    def loading(self) -> bool:
        """Whether a photo of the page is not on screen yet."""
        return any(
            not self.grid.has_picture(cell)
            and not self._loader.failure(cell.image_id, cell.fingerprint)
            for cell in self.model.cells
        )

    @property
    def focus_class(self) -> int | None:
        """The class that is swept."""
        return self.class_id

    # ------------------------------------------------------------------------------ asking

    def sweep(self, class_id: int | None) -> None:
        """Begin with a class; with None, with the one whose predictions wait for a verdict most."""
        if class_id is not None and class_id == self.class_id:
            self._ask()
            return
        self.class_id = class_id
        self.found, self._read, self._page = NO_CANDIDATES, False, ()
        self.history.clear()
        self.note.clear()
        self.model.begin()
        self.model.show_cells((), 1.0)
        self._show_class()
        self._ask()
        self.state_changed.emit()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._read:
            self._ask()

    def close_page(self) -> None:
        """Stop reading; the library is about to close."""
        self._refresh.stop()
        self.request.cancel()

    def _changed(self, _notice: object = None) -> None:
        if self.isVisible():
            self._refresh.start()

    def _ask(self) -> None:
        """Read the candidates again."""
        session, class_id = self._session, self.class_id
        # Photos of the page stay on it even when others have become likelier.
        most = READ + len(self._page)

        def read() -> Candidates:
            snapshot = session.snapshot()
            chosen = class_id if class_id is not None else most_rewarding(snapshot)
            return candidates(snapshot, chosen, most) if chosen is not None else NO_CANDIDATES

        self.request.ask(read)

    def _candidates_read(self, found: Candidates) -> None:
        if self._saving:  # they may hold what is being confirmed
            self._refresh.start()
            return
        self.class_id, self.found, self._read = found.class_id, found, True
        self._show_class()
        self._show_page()

    def _class_chosen(self, class_id: int) -> None:
        self.sweep(class_id)
        self.grid.setFocus()

    def _show_class(self) -> None:
        self.classes.show_classes(self._session.snapshot().classes)
        self.classes.choose(self.class_id)

    @property
    def class_name(self) -> str:
        """The name of the class in question."""
        return self.classes.picker.name(self.class_id) if self.class_id is not None else ""

    # ----------------------------------------------------------------------------- showing

    def _show_page(self) -> None:
        """Show as many candidates as fit, those that were on the page first."""
        if not self._read:
            return
        snapshot, found = self._session.snapshot(), self.found
        score_of = dict(zip(found.image_ids.tolist(), found.scores.tolist(), strict=True))
        kept = [id_ for id_ in self._page if id_ in score_of]
        others = [id_ for id_ in score_of if id_ not in set(kept)]
        shown = (kept + others)[: self.grid.arrangement.capacity]
        # A smaller window shows fewer for a while, and then the same ones again.
        self._page = tuple(kept if len(kept) > len(shown) else shown)
        fresh = not self.model.cells
        self.model.show_cells(_cells(snapshot, shown, score_of), found.ticked_from)
        if fresh or not self.grid.currentIndex().isValid():
            self.grid.go_to_first()
        if shown:
            self.stack.setCurrentWidget(self.grid)
        else:
            self.ending.setText(self._ending_text(snapshot))
            self.stack.setCurrentIndex(1)
            if self.isVisible() and self.isAncestorOf(self._focused()):
                self.ending_button.setFocus()
        self._following = (kept + others)[len(shown) : 2 * len(shown)]
        self._load_pictures()
        self._show_counts()
        self._show_counter()
        self.state_changed.emit()

    def _focused(self) -> QWidget:
        return self.window().focusWidget() or self

    def _ending_text(self, snapshot: Snapshot) -> str:
        if self.class_id is None or self.class_id not in snapshot.column_of:
            return _("Choose a class to sweep.")
        if snapshot.unscored:
            return _("The photos are not encoded yet, so nothing is known about them.")
        return _("No photo without a verdict on {name} is left.").format(name=self.class_name)

    def _load_pictures(self) -> None:
        """Ask for the pictures of the page and, once they are there, those of the next."""
        # The newest request is served first, so that the first photo is asked for last.
        loading = [self.grid.has_picture(cell) for cell in reversed(self.model.cells)]
        if all(loading) and self._following:
            snapshot = self._session.snapshot()
            for cell in reversed(_cells(snapshot, self._following, {})):
                self.grid.has_picture(cell)

    def _picture_loaded(self, image_id: int) -> None:
        if not self.isVisible() or image_id not in self._page:
            return
        self.model.leave_out(
            frozenset(
                cell.image_id
                for cell in self.model.cells
                if self._loader.failure(cell.image_id, cell.fingerprint)
                and not self.grid.has_picture(cell)
            )
        )
        if not self.loading:
            self._load_pictures()
            self.state_changed.emit()

    def _show_counts(self) -> None:
        ticks = self.model.ticks()
        present = sum(ticks.values())
        self.confirm_button.set_text(
            _("Confirm: {present} present, {absent} absent").format(
                present=number(present), absent=number(len(ticks) - present)
            )
        )

    def _show_counter(self) -> None:
        found = self.found
        text = ngettext(
            "{shown} of {total} photo without a verdict",
            "The {shown} likeliest of {total} photos without a verdict",
            found.total,
        ).format(shown=number(len(self.model.cells)), total=number(found.total))
        if found.total:
            left = (
                _("about {count} of them have it").format(count=number(found.expected))
                if found.expected
                else _("hardly any of them has it")
            )
            text = f"{text}; {left}"
        self.counter.setText(text if found.total else "")
        self.counter.setToolTip(self.counter.text())

    def zoom(self, steps: int) -> None:
        """Show larger photos, or smaller ones for negative ``steps``."""
        size = min(max(self.grid.arrangement.size + steps, 0), len(EDGES) - 1)
        self._context.settings.set(SWEEP_SIZE, size)
        self.grid.set_size(size)

    def _tick_all(self, ticked: bool) -> None:
        self.model.tick(range(self.model.rowCount()), ticked)
        self.grid.setFocus()

    # -------------------------------------------------------------------------- confirming

    def confirm(self) -> None:
        """Commit the page as the button says, and show the next one."""
        if not self.is_asking or self._saving:
            return
        if self.loading:
            self._context.status.show_text(_("Some photos are still loading."))
            return
        class_id, asked = self.class_id, self.model.ticks()
        assert class_id is not None
        if class_id not in self._session.snapshot().column_of:  # removed a moment ago
            self._ask()
            return
        ticks = self._without_newer_verdicts(class_id, asked)
        answered = len(asked) - len(ticks)
        if not ticks:
            self._skip(_answered_text(answered))
            return
        ids = np.array(list(ticks), np.int64)
        present = np.array(list(ticks.values()), np.bool_)
        verdicts = np.where(present, Verdict.PRESENT, Verdict.ABSENT).astype(np.int8)
        text = _("Sweep of {name}: {present} present, {absent} absent").format(
            name=self.class_name,
            present=number(int(present.sum())),
            absent=number(int((~present).sum())),
        )
        page = tuple(cell.image_id for cell in self.model.cells)

        def done(batch: Batch) -> None:
            self._saving = False
            if class_id == self.class_id:
                swept = SweptPage(batch.id, page, ticks) if len(batch) else None
                self._confirmed(swept, page, ticks, answered)

        self._saving = True
        classes = np.full(len(ids), class_id, np.int64)
        if not self._undo_stack.apply(ids, classes, verdicts, text, done, offers_undo=False):
            self._saving = False

    def _save_failed(self, _error: object) -> None:
        self._saving = False

    def _without_newer_verdicts(self, class_id: int, ticks: dict[int, bool]) -> dict[int, bool]:
        """Only photos that still wait for a verdict: the page lags a little behind the library."""
        snapshot = self._session.snapshot()
        column = snapshot.column_of[class_id]
        ids = np.array(list(ticks), np.int64)
        rows = snapshot.rows(ids)
        waiting = (rows >= 0) & (snapshot.annotations[rows, column] < 0)
        return {image_id: ticks[image_id] for image_id in ids[waiting].tolist()}

    def _confirmed(
        self,
        swept: SweptPage | None,
        image_ids: Sequence[int],
        ticks: dict[int, bool],
        answered: int,
    ) -> None:
        """Go on; ``swept`` is None if nothing was changed, so that there is nothing to undo."""
        if swept is not None:
            self.history.append(swept)
            del self.history[:-UNDO_LIMIT]  # what can no longer be undone
        texts = [_answered_text(answered)]
        if not any(ticks.values()):
            texts.append(_("Nothing on that page: the rest is unlikely. Esc stops here."))
        self.note.setText(" ".join(filter(None, texts)))
        self._forget(image_ids)
        self._ask()

    def _skip(self, text: str) -> None:
        """None of the photos can be asked about: go on without them."""
        self.note.setText(text)
        self._forget([cell.image_id for cell in self.model.cells])

    def _forget(self, image_ids: Sequence[int]) -> None:
        """Show the next page at once, from what was read before."""
        kept = ~np.isin(self.found.image_ids, np.array(image_ids, np.int64))
        found = self.found
        self.found = Candidates(
            found.class_id,
            found.image_ids[kept],
            found.scores[kept],
            found.ticked_from,
            found.total - int(np.count_nonzero(~kept)),
            found.expected,
        )
        self._page = ()
        self.model.begin()
        self.model.show_cells((), self.found.ticked_from)
        self._show_page()

    def go_back(self) -> None:
        """Undo the last page and show it again."""
        if self.history and not self._undo_stack.busy:
            self._undo_stack.take_back(self.history[-1].batch_id)

    def _undone(self, batch_id: int) -> None:
        """Also when it was undone elsewhere."""
        place = next((i for i, page in enumerate(self.history) if page.batch_id == batch_id), -1)
        if place < 0:
            return
        last = place == len(self.history) - 1
        page = self.history.pop(place)
        self.note.clear()
        if last:
            self._page = page.image_ids
            self.model.begin(page.ticks)
            self.model.show_cells((), self.found.ticked_from)
        self._ask()
        self.state_changed.emit()


def _cells(
    snapshot: Snapshot, image_ids: Sequence[int], score_of: dict[int, float]
) -> list[SweepCell]:
    rows = snapshot.rows(np.array(image_ids, np.int64))
    images = snapshot.images
    return [
        SweepCell(
            image_id,
            images.fingerprints[row],
            images.names[row].rpartition("/")[2],
            score_of.get(image_id, 0.0),
        )
        for image_id, row in zip(image_ids, rows.tolist(), strict=True)
        if row >= 0
    ]


def _answered_text(count: int) -> str:
    if not count:
        return ""
    return ngettext(
        "{count} photo was left out: it has got its verdict elsewhere.",
        "{count} photos were left out: they have got their verdicts elsewhere.",
        count,
    ).format(count=number(count))


def _heading(text: str) -> Label:
    label = Label(text)
    label.setProperty("role", "heading")
    if not text:
        label.hide()
    return label


def _tool(text: str, tip: str, key: str) -> QPushButton:
    button = QPushButton(text)
    button.setAutoDefault(False)
    button.setToolTip(f"{tip} ({key})")
    button.setAccessibleName(tip)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
