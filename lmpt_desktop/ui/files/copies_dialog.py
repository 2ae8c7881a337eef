"""Photos that are in the library several times: what their annotations differ in, and giving all
copies the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.domain.records import Batch
from lmpt_desktop.engine.files.copies import LEAVE, NEWEST, CopyPlan, CopySurvey
from lmpt_desktop.engine.notices import AnnotationsChanged, ClassesChanged, ImagesChanged
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.translation import _, ngettext, number
from lmpt_desktop.ui.annotations.committing_dialog import CommittingDialog
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.files.copies_model import DifferencesModel, GroupModel, Show
from lmpt_desktop.ui.files.copies_view import GroupView
from lmpt_desktop.ui.grid.panel import EmptyState
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.kit.dialogs import muted, on_ctrl_enter, style_table
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.tasks import LatestRequest
from lmpt_desktop.ui.kit.texts import photos_text, shorten
from lmpt_desktop.ui.kit.thumbnails import ThumbnailLoader, ThumbnailSource

MOST_WIDTH = 200
"""Pixels of a column at first; long names are shortened in the middle."""

SURVEY_MS = 400
"""How long after a change of the library copies are looked for again."""


class CopiesDialog(CommittingDialog):
    """Changes exactly what its summary says."""

    def __init__(
        self,
        session: LibrarySession,
        undo_stack: AnnotationUndoStack,
        selected: NDArray[np.int64],
        source: ThumbnailSource,
        *,
        show_images: Callable[[Sequence[int]], object],
        bridge: SessionBridge | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """
        Args:
            session: the open library.
            undo_stack: commits the changes.
            selected: (n,) ids of the selected images; the copies of all are shown at first if
                there are fewer than two.
            source: of thumbnails.
            show_images: shows images in the grid.
            bridge: see :class:`LibraryDialog`.
            parent: see :class:`LibraryDialog`.
        """
        super().__init__(session, undo_stack, bridge, parent)
        self._selected = selected
        self._show_images = show_images
        self._plan: CopyPlan | None = None
        self._shown = False  # the list, which gets the focus once
        self._current = -1
        self._last = -1
        self._surveying: LatestRequest[CopySurvey] = LatestRequest(
            self._surveyed, self.show_error, owner=self, overlap=False
        )
        self._planning: LatestRequest[CopyPlan] = LatestRequest(
            self._planned, self.show_error, owner=self, overlap=False
        )
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(SURVEY_MS)
        self._again.timeout.connect(self.survey)
        self.setWindowTitle(_("Copies"))
        self.resize(1000, 640)
        self.model = GroupModel(self)
        self.differences = DifferencesModel(self)
        self.loader = ThumbnailLoader(source, parent=self)
        self._make_widgets()
        self._lay_out()
        self._connect()
        self.survey()

    # ---------------------------------------------------------------------------- building

    def _make_widgets(self) -> None:
        self.image_set = QComboBox()
        self.image_set.setObjectName("image-set")
        self.image_set.setAccessibleName(_("Photos"))
        self.image_set.addItem(_("The whole library"))
        if len(self._selected):
            self.image_set.addItem(
                _("Copies of the {images} selected").format(images=photos_text(len(self._selected)))
            )
            self.image_set.setCurrentIndex(int(len(self._selected) > 1))
        self.show_box = QComboBox()
        self.show_box.setObjectName("show-groups")
        self.show_box.setAccessibleName(_("Groups to show"))
        for text, show in (
            (_("Where annotations differ"), Show.DIFFERING),
            (_("Contradictions only"), Show.CONTRADICTING),
            (_("All copies"), Show.ALL),
        ):
            self.show_box.addItem(text, show)
        self.found = muted()
        self.found.setObjectName("found")
        self.view = GroupView(self.model, self.loader)
        self.view.setAccessibleName(_("Photos that are in the library several times"))
        self.table = QTableView()
        self.table.setObjectName("differences")
        self.table.setAccessibleName(_("What the copies differ in"))
        self.table.setModel(self.differences)
        style_table(self.table, 0, {})
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.table.horizontalHeader().setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.choice = QComboBox()
        self.choice.setObjectName("choice")
        self.choice_label = Label(_("&Where they contradict each other:"))
        self.choice_label.setBuddy(self.choice)
        self.in_grid = QPushButton(_("Show in the &grid"))
        self.empty = EmptyState()
        self.summary = Label()
        self.summary.setObjectName("summary")
        self.summary.setWordWrap(True)
        self.ok = QPushButton(_("Give all copies the &same annotations"))
        self.ok.setObjectName("apply")
        self.ok.setToolTip(_("Ctrl+Enter"))
        for button in (self.in_grid, self.ok):
            button.setAutoDefault(False)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.image_set)
        top.addWidget(self.show_box)
        top.addWidget(self.found, 1)
        details = QWidget()
        column = QVBoxLayout(details)
        column.setContentsMargins(6, 0, 0, 0)
        column.addWidget(self.table, 1)
        chosen = QHBoxLayout()
        chosen.addWidget(self.choice_label)
        chosen.addWidget(self.choice)
        chosen.addStretch(1)
        chosen.addWidget(self.in_grid)
        column.addLayout(chosen)
        column.addWidget(
            muted(_("In the list: N lets the newest verdict count, L leaves it alone."))
        )
        halves = QSplitter()
        halves.setChildrenCollapsible(False)
        halves.addWidget(self.view)
        halves.addWidget(details)
        halves.setStretchFactor(1, 1)
        halves.setSizes([380, 600])
        self._stack = QStackedWidget()
        self._stack.addWidget(halves)
        self._stack.addWidget(self.empty)
        layout = QVBoxLayout(self)
        layout.setSpacing(8)
        layout.addLayout(top)
        layout.addWidget(self._stack, 1)
        layout.addWidget(self.strip)
        layout.addWidget(self.summary)
        box = QDialogButtonBox()
        box.addButton(self.ok, QDialogButtonBox.ButtonRole.ActionRole)
        close = box.addButton(QDialogButtonBox.StandardButton.Close)
        close.setAutoDefault(False)
        box.rejected.connect(self.reject)
        layout.addWidget(box)

    def _connect(self) -> None:
        self.image_set.currentIndexChanged.connect(lambda _index: self.survey())
        self.show_box.currentIndexChanged.connect(self._show_changed)
        self.view.selectionModel().selectionChanged.connect(lambda *_: self._show_group())
        self.model.choices_changed.connect(self._choices_changed)
        self.choice.activated.connect(self._choose)
        self.in_grid.clicked.connect(self._go_to_grid)
        self.ok.clicked.connect(self.apply)
        on_ctrl_enter(self, self.apply)
        undo = QShortcut(QKeySequence(QKeySequence.StandardKey.Undo), self)
        undo.activated.connect(self._undo)
        for notice in (AnnotationsChanged, ImagesChanged, ClassesChanged):
            self.listen(notice, lambda _notice: self._again.start())
        self.strip.pressed.connect(self._undo)
        self._undo_stack.undone.connect(self._undone)

    # ---------------------------------------------------------------------------- surveying

    @property
    def busy(self) -> bool:
        """Whether copies are being looked for, counted or saved."""
        return self._surveying.busy or self._planning.busy or self._saving

    def survey(self) -> None:
        """Look for copies, off the window's thread."""
        self._again.stop()
        ids = self._image_ids()
        self._surveying.ask(lambda: self.session.copies.survey(ids))
        self._update()

    def _image_ids(self) -> NDArray[np.int64] | None:
        return self._selected if self.image_set.currentIndex() == 1 else None

    def _surveyed(self, survey: CopySurvey) -> None:
        if self._surveying.busy:
            return
        self.model.set_content(survey)
        self._select_again()
        self._make_plan()

    def _select_again(self) -> None:
        """Select the group that was current, else the first."""
        row = self.model.row_of(self._current)
        if self.model.rowCount():
            self.view.select_row(max(0, row))
        self._show_group()
        self._update()

    def _show_changed(self, _index: int) -> None:
        self.model.show_only(Show(self.show_box.currentData()))
        self._select_again()

    def _make_plan(self) -> None:
        survey, choices = self.model.survey, dict(self.model.choices())
        if survey is not None:
            self._planning.ask(lambda: survey.plan(choices))
            self._update()

    def _planned(self, plan: CopyPlan) -> None:
        if not self._planning.busy:
            self._plan = plan
            self._update()

    # ---------------------------------------------------------------------------- choosing

    def _choices_changed(self) -> None:
        self._show_group()
        self._make_plan()

    def _choose(self, _index: int) -> None:
        self.model.choose(self.view.selected_rows(), int(self.choice.currentData()))

    def _show_group(self) -> None:
        """Show the first selected group, and the choices for all selected ones."""
        rows = self.view.selected_rows()
        survey = self.model.survey
        shown = rows[0] if rows and survey is not None else -1
        if shown < 0:
            self.differences.show_group(None, 0, LEAVE)
        else:
            self._current = self.model.members(shown)[0]
            self.differences.show_group(survey, self.model.group(shown), self.model.choice(shown))
            self._fit_columns()
        self.choice.clear()
        self.choice.addItem(_("Leave them alone"), LEAVE)
        self.choice.addItem(_("The newest verdict counts"), NEWEST)
        if len(rows) == 1:
            members = self.model.members(shown)
            for name, image_id in zip(self.differences.names, members, strict=True):
                self.choice.addItem(_("{name} counts").format(name=shorten(name)), image_id)
        if shown >= 0:
            self.choice.setCurrentIndex(max(0, self.choice.findData(self.model.choice(shown))))
        can_choose = any(self.model.contradicts(row) for row in rows)
        self.choice.setEnabled(can_choose)
        self.choice_label.setEnabled(can_choose)
        self.in_grid.setEnabled(bool(rows))

    def _fit_columns(self) -> None:
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        last = self.differences.columnCount() - 1
        header.setSectionResizeMode(last, QHeaderView.ResizeMode.Stretch)
        for column in range(last):
            wanted = max(self.table.sizeHintForColumn(column), header.sectionSizeHint(column))
            header.resizeSection(column, min(MOST_WIDTH, wanted + 24))

    def _go_to_grid(self) -> None:
        rows = self.view.selected_rows()
        self._show_images([image_id for row in rows for image_id in self.model.members(row)])

    # ---------------------------------------------------------------------------- summary

    def _update(self) -> None:
        survey, plan = self.model.survey, self._plan
        self.ok.setEnabled(plan is not None and bool(len(plan)) and not self.busy)
        if survey is None:
            self.found.setText("")
            self.summary.setText("")
            self.empty.show_text(_("Looking for copies..."))
            self._stack.setCurrentWidget(self.empty)
            return
        self.found.setText(self._found_text(survey))
        self.summary.setText("" if plan is None or not len(survey) else summary_of(plan))
        if self.model.rowCount():
            self._stack.setCurrentIndex(0)
            if not self._shown:
                self._shown = True
                self.view.setFocus()
            return
        if not len(survey):
            text = _("No photo is in the library twice.")
            if self._image_ids() is not None:
                text = _("The selected photos have no copies in the library.")
        elif self.show_box.currentData() == Show.CONTRADICTING:
            text = _("No copies contradict each other.")
        else:
            text = _("All copies have the same annotations.")
        self.empty.show_text(text)
        self._stack.setCurrentWidget(self.empty)

    def _found_text(self, survey: CopySurvey) -> str:
        parts: list[str] = []
        if len(survey):
            parts.append(
                ngettext(
                    "{count} picture is there several times",
                    "{count} pictures are there several times",
                    len(survey),
                ).format(count=number(len(survey)))
            )
        if survey.unread:
            parts.append(
                ngettext(
                    "{count} photo has not been read completely yet",
                    "{count} photos have not been read completely yet",
                    survey.unread,
                ).format(count=number(survey.unread))
            )
        return "; ".join(parts)

    # ---------------------------------------------------------------------------- committing

    def apply(self) -> None:
        """Commit what the summary says, unless something has changed in the meantime."""
        plan = self._plan
        if plan is None or not len(plan) or self.busy:
            return
        ids, survey = self._image_ids(), self.model.survey
        choices = {
            int(survey.image_ids[survey.starts[group]]): choice
            for group, choice in self.model.choices().items()
        } if survey is not None else {}  # fmt: skip

        def again() -> CopyPlan:
            now = self.session.copies.survey(ids)
            firsts = now.image_ids[now.starts].tolist()
            return now.plan(
                {g: choices[first] for g, first in enumerate(firsts) if first in choices}
            )

        def checked(now: CopyPlan) -> None:
            if now.same_as(plan):
                self._commit(
                    plan.image_ids,
                    plan.class_ids,
                    plan.verdicts,
                    label_of(plan),
                    reviewed_ids=plan.reviewed_ids,
                )
                return
            self._stop_saving(
                _("Something changed in the meantime, so nothing was saved. Check it again.")
            )
            self.survey()

        self._check(again, checked)

    def _saved(self, batch: Batch) -> None:
        if self._closed:
            return
        self._saving = False
        self._last = batch.id
        self.strip.show_text(_("Done: {change}.").format(change=batch.label), button=_("Undo"))
        self.survey()

    def _undo(self) -> None:
        if self._last >= 0:
            self._undo_stack.undo_batches([self._last])

    def _undone(self, batch_id: int) -> None:
        if batch_id == self._last:
            self._last = -1
            self.strip.clear()

    def _show_saving(self) -> None:
        self._update()

    def _leave(self, _result: int) -> None:
        super()._leave(_result)
        self._again.stop()
        self._surveying.cancel()
        self._planning.cancel()
        self.loader.close()
        self._undo_stack.undone.disconnect(self._undone)


def label_of(plan: CopyPlan) -> str:
    """What the undo menu calls it."""
    return ngettext(
        "Annotations of {count} copy made the same",
        "Annotations of {count} copies made the same",
        plan.images,
    ).format(count=number(plan.images))


def summary_of(plan: CopyPlan) -> str:
    """ "214 annotations will be added to 38 photos; 3 contradictions are left alone."."""
    parts: list[str] = []
    if plan.added:
        photos = photos_text(plan.added_images)
        parts.append(
            ngettext(
                "{count} annotation will be added to {photos}",
                "{count} annotations will be added to {photos}",
                plan.added,
            ).format(count=number(plan.added), photos=photos)
        )
    if plan.reversed:
        parts.append(
            ngettext(
                "{count} verdict will be reversed",
                "{count} verdicts will be reversed",
                plan.reversed,
            ).format(count=number(plan.reversed))
        )
    if count := len(plan.reviewed_ids):
        parts.append(
            ngettext(
                "{count} photo will be marked as reviewed",
                "{count} photos will be marked as reviewed",
                count,
            ).format(count=number(count))
        )
    if plan.contradictions:
        parts.append(
            ngettext(
                "{count} contradiction is left alone",
                "{count} contradictions are left alone",
                plan.contradictions,
            ).format(count=number(plan.contradictions))
        )
    return "; ".join(parts) + "." if parts else _("Nothing to change.")
