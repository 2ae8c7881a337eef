"""Accept many predictions at once: all that stay ticked, after looking through them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QShowEvent
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
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.error_texts import message_of
from lmpt_desktop.inference.acceptance import MAX_ACCEPTED, Offer, Order, TooManyError, offer
from lmpt_desktop.inference.verdict_changes import PRESENT, rows_of, still_unknown
from lmpt_desktop.translation import N_, _, ngettext
from lmpt_desktop.translation import number as number_text
from lmpt_desktop.ui.annotations.committing_dialog import CommittingDialog
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.batch import undo_labels
from lmpt_desktop.ui.batch.accept_controls import ClassChooser, LowestScore
from lmpt_desktop.ui.batch.accept_model import ChoiceModel, OfferModel
from lmpt_desktop.ui.batch.accept_view import OfferView
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.kit.dialogs import muted, on_ctrl_enter
from lmpt_desktop.ui.kit.tasks import LatestRequest
from lmpt_desktop.ui.kit.texts import predictions_text, shorten
from lmpt_desktop.ui.kit.thumbnails import ThumbnailLoader, ThumbnailSource

_ORDERS = (
    (Order.SUREST, N_("Highest score first")),
    (Order.DOUBTFUL, N_("Lowest score first")),
    (Order.CLASS, N_("By class")),
    (Order.IMAGE, N_("By photo")),
)

_SHOWN_PARTS = ("images", "classes", "scores", "thresholds", "annotations")
"""The parts of a snapshot that the list is made from."""


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images whose predictions may be accepted: ``ids`` (n,) int64, None for the whole library."""

    text: str
    ids: NDArray[np.int64] | None


@dataclass(frozen=True, eq=False)
class _Survey:
    """An offer with what it was made from; ``too_many`` counts what could not be listed."""

    snapshot: Snapshot
    offered: Offer
    order: NDArray[np.int64]
    ticked: NDArray[np.bool_]
    hidden: NDArray[np.int64]
    chosen: frozenset[int]
    revision: int
    too_many: int = 0


class AcceptDialog(CommittingDialog):
    """Accepts exactly what it lists: the list does not change when predictions do, until the
    user updates it."""

    def __init__(
        self,
        session: LibrarySession,
        undo_stack: AnnotationUndoStack,
        image_sets: list[ImageSet],
        source: ThumbnailSource,
        *,
        bridge: SessionBridge | None = None,
        parent: QWidget | None = None,
        only_class: int | None = None,
    ) -> None:
        """
        Args:
            session: the open library.
            undo_stack: commits what is accepted.
            image_sets: to choose from; the first is chosen.
            source: of thumbnails.
            bridge: see :class:`LibraryDialog`.
            parent: see :class:`LibraryDialog`.
            only_class: the only class checked at first, if it has predictions to accept.
        """
        super().__init__(session, undo_stack, bridge, parent)
        self._image_sets = image_sets
        self._only_class = only_class
        self._first = True
        self._reorder = True
        self._survey: LatestRequest[_Survey] = LatestRequest(
            self._surveyed, self._not_surveyed, owner=self, overlap=False
        )
        self._too_many = False
        self._outdated = False
        self._snapshot: Snapshot | None = None
        self.setWindowTitle(_("Accept predictions"))
        self.resize(980, 640)
        self.choices = ChoiceModel(self)
        self.model = OfferModel(self)
        self.loader = ThumbnailLoader(source, parent=self)
        self._make_widgets()
        self._lay_out()
        self._connect()
        self._update_summary()
        self._ask()
        self.view.setFocus()

    # ---------------------------------------------------------------------------- building

    def _make_widgets(self) -> None:
        self.image_set = QComboBox()
        self.image_set.setObjectName("image-set")
        self.image_set.setAccessibleName(_("Photos"))
        for entry in self._image_sets:
            self.image_set.addItem(entry.text)
        self.sort = QComboBox()
        self.sort.setObjectName("order")
        self.sort.setAccessibleName(_("Order"))
        for key, text in _ORDERS:
            self.sort.addItem(_(text), key)
        self.chooser = ClassChooser(self.choices)
        self.lowest = LowestScore()
        self.view = OfferView(self.model, self.loader)
        self.view.setAccessibleName(_("Predictions to accept"))
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
        top.addWidget(self.image_set, 1)
        top.addWidget(self.sort)
        column.addLayout(top)
        column.addWidget(self.lowest)
        column.addWidget(self.view, 1)
        ticks = QHBoxLayout()
        ticks.addWidget(self.tick_all)
        ticks.addWidget(self.untick_all)
        ticks.addWidget(muted(_("Press Space to tick or untick the selected photos")), 1)
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
        self.image_set.currentIndexChanged.connect(self._image_set_changed)
        self.sort.currentIndexChanged.connect(lambda _index: self._ask())
        self.choices.chosen_changed.connect(self._chosen_changed)
        self.lowest.changed.connect(self._ask)
        self.tick_all.clicked.connect(lambda: self.model.tick_all(True))
        self.untick_all.clicked.connect(lambda: self.model.tick_all(False))
        self.model.ticks_changed.connect(self._update_summary)
        self.strip.pressed.connect(self.update_list)
        self.listen(PredictionsChanged, lambda _notice: self._show_age())
        self.listen(AnnotationsChanged, lambda _notice: self._show_age())
        self.listen(ClassesChanged, lambda _notice: self._show_age())
        on_ctrl_enter(self, self.apply)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        # The button box makes it the default: Enter would accept everything.
        self.ok.setDefault(False)

    # ---------------------------------------------------------------------------- choosing

    def _image_set_changed(self, _index: int) -> None:
        self._reorder = True
        if self.choices.all_chosen:  # then check all classes of these images, too
            self._first, self._only_class = True, None
        self._ask()

    def _chosen_changed(self) -> None:
        self._show_thresholds()
        self._ask()

    def _show_thresholds(self) -> None:
        snapshot = self._snapshot
        if snapshot is not None:
            self.lowest.show_thresholds(snapshot.thresholds[self._chosen_mask(snapshot)])

    def _chosen_mask(self, snapshot: Snapshot) -> NDArray[np.bool_]:
        return _members(snapshot.class_ids, self.choices.chosen)

    # ---------------------------------------------------------------------------- surveying

    @property
    def busy(self) -> bool:
        """Whether the list is being made, or ticked predictions are being saved."""
        return self._survey.busy or self._saving

    def update_list(self) -> None:
        """Make the list from the current library."""
        self.strip.clear()
        self._ask()

    def _ask(self) -> None:
        """Make the list for what is chosen now, off the window's thread."""
        ids = self._image_sets[self.image_set.currentIndex()].ids
        chosen, first, only = self.choices.chosen, self._first, self._only_class
        by: Order = self.sort.currentData()
        ticks = self.model.ticks
        session, least = self.session, self.lowest.chosen

        def survey() -> _Survey:
            snapshot = session.snapshot()
            rows = np.arange(len(snapshot.images)) if ids is None else rows_of(snapshot, ids)
            own = snapshot.thresholds
            limits = own if least is None else np.full_like(own, least)
            requested = chosen
            if first:
                counts = offer(snapshot, rows, np.zeros(len(limits), np.bool_), limits).open
                requested = frozenset(snapshot.class_ids[counts > 0].tolist())
                if only is not None and only in requested:
                    requested = frozenset([only])
            mask = _members(snapshot.class_ids, requested)
            try:
                found = offer(snapshot, rows, mask, limits)
                too_many = 0
            except TooManyError as error:
                found = offer(snapshot, rows, np.zeros_like(mask), limits)
                too_many = error.count
            ticked, hidden = ticks.carried_to(found)
            order = found.order(by)
            return _Survey(
                snapshot, found, order, ticked, hidden, requested, ticks.revision, too_many
            )

        self._survey.ask(survey)
        self._update_summary()

    def _surveyed(self, survey: _Survey) -> None:
        if self._survey.busy:
            return  # a later choice is already being looked at
        if survey.revision != self.model.revision:
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
                    "lowest score, or choose fewer classes or photos."
                ).format(count=predictions_text(survey.too_many), most=number_text(MAX_ACCEPTED)),
                "warning",
            )
            self._too_many = True
        elif self._too_many:
            self._too_many = False
            self.strip.clear()
        if self.model.rowCount():
            self.view.setCurrentIndex(self.model.index(0))
        self._update_summary()
        self._show_age()

    def _not_surveyed(self, error: Exception) -> None:
        self.strip.show_text(message_of(error), "error")
        self._update_summary()

    def _show_age(self) -> None:
        """Show whether the library has changed since the list was made."""
        if self.busy or self._snapshot is None:
            return  # shown when that is done
        now, then = self.session.snapshot(), self._snapshot
        if any(getattr(now, part) is not getattr(then, part) for part in _SHOWN_PARTS):
            self._outdated = True
            self.strip.show_text(
                _(
                    "Predictions or annotations have changed since this list was made. Only what "
                    "you see is accepted."
                ),
                button=_("Update list"),
            )
        elif self._outdated:
            self._outdated = False
            self.strip.clear()

    # ---------------------------------------------------------------------------- summary

    def _names(self) -> list[str]:
        """The names of the classes that have a ticked prediction."""
        found, snapshot = self.model.offer, self._snapshot
        if found is None or snapshot is None:
            return []
        # bincount, not unique: nothing is sorted, however long the list is.
        columns = np.flatnonzero(np.bincount(found.columns[self.model.ticked()]))
        return [snapshot.classes[column].name for column in columns.tolist()]

    def _update_summary(self) -> None:
        found = self.model.offer
        number = self.model.ticked_count
        self.ok.setEnabled(bool(number) and not self.busy)
        if found is None:
            self.ok.setText(_("Accept"))
            self.summary.setText(_("Searching..."))
            return
        self.ok.setText(self._button_text(number, len(found)))
        parts = [predictions_text(len(found))]
        if number < len(found):
            parts.append(_("{count} unticked").format(count=number_text(len(found) - number)))
        if number:
            right = number_text(round(self.model.expected_right))
            parts.append(
                _("by their scores about {count} of those ticked are right").format(count=right)
            )
        assert self._snapshot is not None
        chosen = self._chosen_mask(self._snapshot)
        present, absent = int(found.present[chosen].sum()), int(found.absent[chosen].sum())
        if present or absent:
            parts.append(
                _(
                    "{count} more are already annotated ({present} present, {absent} absent) "
                    "and do not change"
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
            ).format(count=number_text(number), name=shorten(name))
        if name:
            return ngettext(
                "Accept {count} '{name}' prediction", "Accept {count} '{name}' predictions", number
            ).format(count=number_text(number), name=shorten(name))
        if number == of and number:
            return _("Accept all {predictions}").format(predictions=predictions_text(number))
        return _("Accept {predictions}").format(predictions=predictions_text(number))

    # ---------------------------------------------------------------------------- committing

    def apply(self) -> None:
        """Commit what is ticked, unless some of it was annotated in the meantime."""
        found = self.model.offer
        ticked = self.model.ticked()
        if found is None or not ticked.any() or self.busy:
            return
        image_ids, class_ids = found.image_ids[ticked], found.class_ids[ticked]
        text = undo_labels.accepted(len(image_ids), self._names())
        session = self.session

        def checked(unknown: bool) -> None:
            if unknown:
                verdicts = np.full(len(image_ids), PRESENT, np.int8)
                self._commit(image_ids, class_ids, verdicts, text)
                return
            self.update_list()
            self._outdated = False
            self._stop_saving(
                _(
                    "Some of these were annotated in the meantime, so nothing was saved. The "
                    "list is updated; check it again."
                )
            )

        self._check(
            lambda: bool(still_unknown(session.snapshot(), image_ids, class_ids).all()), checked
        )

    def _show_saving(self) -> None:
        self._update_summary()

    def _leave(self, _result: int) -> None:
        super()._leave(_result)
        self._survey.cancel()
        self.loader.close()


def _members(class_ids: NDArray[np.int64], requested: frozenset[int]) -> NDArray[np.bool_]:
    """(C,) whether each class is one of ``requested``."""
    return np.isin(class_ids, np.fromiter(requested, np.int64, len(requested)))
