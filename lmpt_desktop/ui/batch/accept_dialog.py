"""Accept predictions: the images with their scores first, then all that stay ticked at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDialogButtonBox,
    QHBoxLayout,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.notices import AnnotationsChanged, ClassesChanged, PredictionsChanged
from lmpt_desktop.inference.acceptance import MAX_ACCEPTED, Offer, Order, TooManyError, offer
from lmpt_desktop.inference.verdict_changes import PRESENT, rows_of, still_unknown
from lmpt_desktop.translation import N_, _, ngettext
from lmpt_desktop.translation import number as number_text
from lmpt_desktop.ui.batch import words
from lmpt_desktop.ui.batch.accept_controls import ClassChooser, LeastScore
from lmpt_desktop.ui.batch.accept_model import ChoiceModel, OfferModel
from lmpt_desktop.ui.batch.accept_view import OfferView
from lmpt_desktop.ui.grid.loader import ThumbnailLoader, ThumbnailSource
from lmpt_desktop.ui.kit import tasks
from lmpt_desktop.ui.kit.dialogs import LibraryDialog, muted

if TYPE_CHECKING:
    from lmpt_desktop.engine.session import LibrarySession
    from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
    from lmpt_desktop.ui.kit.bridge import SessionBridge

_ORDERS = (
    (Order.SUREST, N_("Highest score first")),
    (Order.DOUBTFUL, N_("Lowest score first")),
    (Order.CLASS, N_("By class")),
    (Order.IMAGE, N_("By photo")),
)

_SHOWN = ("images", "classes", "scores", "thresholds", "annotations")
"""What the list depends on."""


@dataclass(frozen=True, eq=False)
class Scope:
    """Images whose predictions may be accepted: ``ids`` (n,) int64, or None for all there are."""

    text: str
    ids: NDArray[np.int64] | None


@dataclass(frozen=True, eq=False)
class _Survey:
    """An offer with what it was made of; ``too_many`` where it could not be listed."""

    snapshot: Snapshot
    offered: Offer
    order: NDArray[np.int64]
    ticked: NDArray[np.bool_]
    hidden: NDArray[np.int64]
    chosen: frozenset[int]
    revision: int
    too_many: int = 0


class AcceptDialog(LibraryDialog):
    """The preview is what is accepted: it stays as it is when predictions change, until the
    user brings it up to date."""

    def __init__(
        self,
        session: LibrarySession,
        desk: AnnotationUndoStack,
        scopes: list[Scope],
        source: ThumbnailSource,
        *,
        bridge: SessionBridge | None = None,
        parent: QWidget | None = None,
        only_class: int | None = None,
    ) -> None:
        """``scopes`` to choose from, the first of which is chosen; ``only_class`` is the only
        one checked at first, if it has predictions to accept."""
        super().__init__(session, bridge, parent)
        self._desk = desk
        self._scopes = scopes
        self._only_class = only_class
        self._first = True
        self._reorder = True
        self._asking = False
        self._ask_again = False
        self._saving = False
        self._closed = False
        self._too_many = False
        self._old = False
        self._snapshot: Snapshot | None = None
        self.setWindowTitle(_("Accept predictions"))
        self.resize(980, 640)
        self.choices = ChoiceModel(self)
        self.model = OfferModel(self)
        self.loader = ThumbnailLoader(source, parent=self)
        self._make_widgets()
        self._lay_out()
        self._connect()
        self._sum_up()
        self._ask()
        self.view.setFocus()

    # ---------------------------------------------------------------------------- building

    def _make_widgets(self) -> None:
        self.scope = QComboBox()
        self.scope.setObjectName("scope")
        self.scope.setAccessibleName(_("Photos"))
        for entry in self._scopes:
            self.scope.addItem(entry.text)
        self.sort = QComboBox()
        self.sort.setObjectName("order")
        self.sort.setAccessibleName(_("Order"))
        for key, text in _ORDERS:
            self.sort.addItem(_(text), key)
        self.chooser = ClassChooser(self.choices)
        self.least = LeastScore()
        self.view = OfferView(self.model, self.loader)
        self.view.setAccessibleName(_("Predictions on offer"))
        self.tick_all = QPushButton(_("T&ick all"))
        self.untick_all = QPushButton(_("&Untick all"))
        self.summary = muted()
        self.summary.setObjectName("summary")
        self.ok = QPushButton()
        self.ok.setObjectName("accept")
        self.ok.setToolTip(_("Ctrl+Enter"))
        for button in (self.tick_all, self.untick_all, self.ok):
            button.setAutoDefault(False)

    def _lay_out(self) -> None:
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(6, 0, 0, 0)
        top = QHBoxLayout()
        top.addWidget(self.scope, 1)
        top.addWidget(self.sort)
        column.addLayout(top)
        column.addWidget(self.least)
        column.addWidget(self.view, 1)
        ticks = QHBoxLayout()
        ticks.addWidget(self.tick_all)
        ticks.addWidget(self.untick_all)
        ticks.addWidget(muted(_("Space ticks and unticks what is selected")), 1)
        column.addLayout(ticks)
        halves = QSplitter()
        halves.setChildrenCollapsible(False)
        halves.addWidget(self.chooser)
        halves.addWidget(right)
        halves.setStretchFactor(1, 1)
        halves.setSizes([230, 720])
        layout = QVBoxLayout(self)
        layout.setSpacing(8)
        layout.addWidget(halves, 1)
        layout.addWidget(self.strip)
        layout.addWidget(self.summary)
        box = QDialogButtonBox()
        box.addButton(self.ok, QDialogButtonBox.ButtonRole.AcceptRole)
        cancel = box.addButton(QDialogButtonBox.StandardButton.Cancel)
        cancel.setText(_("Cancel"))
        cancel.setAutoDefault(False)
        box.accepted.connect(self.apply)
        box.rejected.connect(self.reject)
        layout.addWidget(box)

    def _connect(self) -> None:
        self.scope.currentIndexChanged.connect(self._scope_changed)
        self.sort.currentIndexChanged.connect(lambda _index: self._ask())
        self.choices.chosen_changed.connect(self._chosen_changed)
        self.least.changed.connect(self._ask)
        self.tick_all.clicked.connect(lambda: self.model.tick_all(True))
        self.untick_all.clicked.connect(lambda: self.model.tick_all(False))
        self.model.ticks_changed.connect(self._sum_up)
        self.strip.pressed.connect(self.bring_up_to_date)
        self.listen(PredictionsChanged, lambda _notice: self._tell_age())
        self.listen(AnnotationsChanged, lambda _notice: self._tell_age())
        self.listen(ClassesChanged, lambda _notice: self._tell_age())
        for key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            shortcut = QShortcut(QKeySequence(Qt.KeyboardModifier.ControlModifier | key), self)
            shortcut.activated.connect(self.apply)
        self._desk.failed.connect(self._not_saved)
        self.finished.connect(self._leave)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        # The button box makes it the default, and Enter would accept what one is looking at.
        self.ok.setDefault(False)

    # ---------------------------------------------------------------------------- choosing

    def _scope_changed(self, _index: int) -> None:
        self._reorder = True
        if self.choices.all_chosen:  # all of them in the other images as well
            self._first, self._only_class = True, None
        self._ask()

    def _chosen_changed(self) -> None:
        self._show_thresholds()
        self._ask()

    def _show_thresholds(self) -> None:
        snapshot = self._snapshot
        if snapshot is not None:
            self.least.show_thresholds(snapshot.thresholds[self._chosen_mask(snapshot)])

    def _chosen_mask(self, snapshot: Snapshot) -> NDArray[np.bool_]:
        return _members(snapshot.class_ids, self.choices.chosen)

    # ---------------------------------------------------------------------------- surveying

    @property
    def busy(self) -> bool:
        """Whether the list is being made anew, or what was ticked is being saved."""
        return self._asking or self._saving

    def bring_up_to_date(self) -> None:
        """Look at the library as it is now."""
        self.strip.clear()
        self._ask()

    def _ask(self) -> None:
        """Make the offer anew, off the window's thread; the newest wishes count."""
        if self._asking:
            self._ask_again = True
            return
        self._asking = True
        self._sum_up()
        ids = self._scopes[self.scope.currentIndex()].ids
        chosen, first, only = self.choices.chosen, self._first, self._only_class
        by: Order = self.sort.currentData()
        ticks = self.model.ticks
        session, least = self.session, self.least.chosen

        def look() -> _Survey:
            snapshot = session.snapshot()
            rows = np.arange(len(snapshot.images)) if ids is None else rows_of(snapshot, ids)
            own = snapshot.thresholds
            limits = own if least is None else np.full_like(own, least)
            wanted = chosen
            if first:
                counts = offer(snapshot, rows, np.zeros(len(limits), np.bool_), limits).open
                wanted = frozenset(snapshot.class_ids[counts > 0].tolist())
                if only is not None and only in wanted:
                    wanted = frozenset([only])
            mask = _members(snapshot.class_ids, wanted)
            try:
                found = offer(snapshot, rows, mask, limits)
                too_many = 0
            except TooManyError as error:
                found = offer(snapshot, rows, np.zeros_like(mask), limits)
                too_many = error.count
            ticked, hidden = ticks.carried(found)
            order = found.order(by)
            return _Survey(snapshot, found, order, ticked, hidden, wanted, ticks.revision, too_many)

        tasks.start(look, self._surveyed, self._not_surveyed)

    def _surveyed(self, survey: _Survey) -> None:
        self._asking = False
        if self._closed:
            return
        if self._ask_again or survey.revision != self.model.revision:
            self._ask_again = False
            self._ask()
            return
        self._snapshot = survey.snapshot
        self.choices.set_content(
            survey.snapshot.classes, survey.offered.open, reorder=self._reorder
        )
        self._reorder = False
        self.model.set_content(
            survey.snapshot, survey.offered, survey.order, survey.ticked, survey.hidden
        )
        if self._first:
            self._first = False
            self.choices.blockSignals(True)
            self.choices.choose(set(survey.chosen))
            self.choices.blockSignals(False)
            self.chooser.list.viewport().update()
        self._show_thresholds()
        if survey.too_many:
            self.strip.show_text(
                _(
                    "{count} are more than the {most} that can be accepted at once. Raise the "
                    "least score, or choose fewer classes or photos."
                ).format(count=words.predictions(survey.too_many), most=number_text(MAX_ACCEPTED)),
                "warning",
            )
            self._too_many = True
        elif self._too_many:
            self._too_many = False
            self.strip.clear()
        if self.model.rowCount():
            self.view.setCurrentIndex(self.model.index(0))
        self._sum_up()
        self._tell_age()

    def _not_surveyed(self, error: Exception) -> None:
        self._asking = False
        if not self._closed:
            self.strip.show_text(str(error), "error")
            self._sum_up()

    def _tell_age(self) -> None:
        """Say so if the list is older than the library, and stop saying it once it is not."""
        if self._asking or self._saving or self._snapshot is None:
            return  # asked again when that is done
        now, then = self.session.snapshot(), self._snapshot
        if any(getattr(now, part) is not getattr(then, part) for part in _SHOWN):
            self._old = True
            self.strip.show_text(
                _(
                    "Predictions or annotations have changed since this list was made. What "
                    "you see is what would be accepted."
                ),
                button=_("Bring up to date"),
            )
        elif self._old:
            self._old = False
            self.strip.clear()

    # ---------------------------------------------------------------------------- the sum

    def _names(self) -> list[str]:
        """The chosen classes that have a ticked prediction."""
        found, snapshot = self.model.offer, self._snapshot
        if found is None or snapshot is None:
            return []
        # bincount, not unique: nothing is sorted, however long the list is.
        columns = np.flatnonzero(np.bincount(found.columns[self.model.ticked()]))
        return [snapshot.classes[column].name for column in columns.tolist()]

    def _sum_up(self) -> None:
        found = self.model.offer
        number = self.model.ticked_count
        self.ok.setEnabled(bool(number) and not self._saving and not self._asking)
        if found is None:
            self.ok.setText(_("Accept"))
            self.summary.setText(_("Looking..."))
            return
        self.ok.setText(self._button_text(number, len(found)))
        parts = [words.predictions(len(found))]
        if number < len(found):
            parts.append(_("{count} unticked").format(count=number_text(len(found) - number)))
        assert self._snapshot is not None
        chosen = self._chosen_mask(self._snapshot)
        present, absent = int(found.present[chosen].sum()), int(found.absent[chosen].sum())
        if present or absent:
            parts.append(
                _(
                    "{count} more are annotated already ({present} present, {absent} absent) "
                    "and are left alone"
                ).format(
                    count=number_text(present + absent),
                    present=number_text(present),
                    absent=number_text(absent),
                )
            )
        self.summary.setText("; ".join(parts) + ".")

    def _button_text(self, number: int, of: int) -> str:
        names = self._names()
        name = names[0] if len(names) == 1 else ""
        if name and number == of:
            return ngettext(
                "Accept the '{name}' prediction", "Accept all {count} '{name}' predictions", number
            ).format(count=number_text(number), name=words.short(name))
        if name:
            return ngettext(
                "Accept {count} '{name}' prediction", "Accept {count} '{name}' predictions", number
            ).format(count=number_text(number), name=words.short(name))
        if number == of and number:
            return _("Accept all {predictions}").format(predictions=words.predictions(number))
        return _("Accept {predictions}").format(predictions=words.predictions(number))

    # ---------------------------------------------------------------------------- committing

    def apply(self) -> None:
        """Commit what is ticked, exactly as shown; not if one of it was annotated meanwhile."""
        found = self.model.offer
        ticked = self.model.ticked()
        if found is None or not ticked.any() or self._saving or self._asking:
            return
        self._set_saving(True)
        image_ids, class_ids = found.image_ids[ticked], found.class_ids[ticked]
        text = words.accepted(len(image_ids), self._names())
        session = self.session

        def checked(unknown: bool) -> None:
            if self._closed:
                return
            if not unknown:
                self._set_saving(False)
                self.bring_up_to_date()
                self._old = False
                self.strip.show_text(
                    _(
                        "Some of these were annotated in the meantime, so nothing was saved. The "
                        "list is up to date now; look at it again."
                    ),
                    "warning",
                )
                return
            verdicts = np.full(len(image_ids), PRESENT, np.int8)
            if not self._desk.apply(image_ids, class_ids, verdicts, text, self._saved):
                self._set_saving(False)
                self.strip.show_text(
                    _("Another change is still being saved. Try again in a moment.")
                )

        def failed(error: Exception) -> None:
            if not self._closed:
                self._set_saving(False)
                self.strip.show_text(str(error), "error")

        tasks.start(
            lambda: bool(still_unknown(session.snapshot(), image_ids, class_ids).all()),
            checked,
            failed,
        )

    def _saved(self, _batch: object) -> None:
        if not self._closed:
            self.accept()

    def _not_saved(self, error: object) -> None:
        if self._saving and not self._closed:
            self._set_saving(False)
            self.strip.show_text(str(error), "error")

    def _set_saving(self, saving: bool) -> None:
        self._saving = saving
        self._sum_up()

    def _leave(self, _result: int) -> None:
        self._closed = True
        self.loader.close()
        self._desk.failed.disconnect(self._not_saved)


def _members(class_ids: NDArray[np.int64], wanted: frozenset[int]) -> NDArray[np.bool_]:
    """(C,) whether each class is one of ``wanted``."""
    return np.isin(class_ids, np.fromiter(wanted, np.int64, len(wanted)))
