"""The panel under the *Filter* button, in which the conditions are set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QDate, QEvent, QObject, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QBoxLayout,
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QDateEdit,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.domain.records import ClassEntry, ImageState
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference.filters import (
    ClassCondition,
    Dates,
    Filter,
    Match,
    Status,
    cameras,
    has_class,
    years,
)
from lmpt_desktop.inference.saved_searches import LONGEST_NAME, SavedSearch
from lmpt_desktop.translation import N_, _, number
from lmpt_desktop.ui.grid.filter_texts import (
    PERIOD_TEXTS,
    STATE_TEXTS,
    STATUS_TEXTS,
    Condition,
    camera_text,
    dates_text,
)
from lmpt_desktop.ui.grid.saved_search_list import SavedSearchList
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.class_picker import ClassPicker
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.tasks import LatestRequest
from lmpt_desktop.ui.kit.texts import band_name
from trainer.bands import Band

TYPING_MS = 250
"""Text is applied after this pause in typing."""
COLUMN_WIDTH = 250
PICKER_HEIGHT = 240
MOST_YEARS = 12
MARGIN = 12
_MATCHES = (
    (Match.ANY, N_("Any"), N_("Photos that have at least one of the ticked classes")),
    (Match.ALL, N_("All"), N_("Photos that have every ticked class")),
)


@dataclass(frozen=True, eq=False)
class _Facts:
    """What is counted in the background: (C,) photos of each class, and the years and cameras
    there are.

    The snapshot they are of is named, not held: it would take memory when it is out of date.
    """

    version: int
    classes: tuple[ClassEntry, ...]
    counts: NDArray[np.int64]
    years: tuple[int, ...]
    cameras: tuple[tuple[str, int], ...]


class _DateChoice(QComboBox):
    """Any date, a period, a year, or between two days."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("filter-date")
        self.setAccessibleName(_("Date"))
        self.setMaxVisibleItems(24)
        self._years: tuple[int, ...] = ()
        self._dates: list[Dates | None] = []
        self._fill()

    def show_years(self, found: tuple[int, ...]) -> None:
        if found != self._years:
            self._years = found
            kept = self.dates()
            self.blockSignals(True)
            self._fill()
            self.choose(kept)
            self.blockSignals(False)

    def dates(self) -> Dates | None:
        """The choice; None: between two days."""
        return self._dates[max(0, self.currentIndex())]

    def choose(self, dates: Dates | None) -> bool:
        """Choose dates, if they are listed."""
        listed = dates in self._dates
        self.setCurrentIndex(self._dates.index(dates) if listed else len(self._dates) - 1)
        return listed

    def _fill(self) -> None:
        years = [Dates(date(year, 1, 1), date(year, 12, 31)) for year in self._years]
        periods = [Dates(period=period) for _text, period in PERIOD_TEXTS]
        self._dates = [Dates(), *periods, *years, None]
        self.clear()
        self.addItem(_("Any date"))
        self.addItems([dates_text(dates) for dates in (*periods, *years)])
        self.addItem(_("Between two days…"))


class _CameraChoice(QComboBox):
    """Any camera, one of those there are, or none named; hidden while none is named at all."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("filter-camera")
        self.setAccessibleName(_("Camera"))
        self.setMaxVisibleItems(24)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._cameras: tuple[tuple[str, int], ...] = ()
        self._names: list[str | None] = []
        self._fill(None)

    @property
    def useful(self) -> bool:
        """Whether there is something to choose, or to undo."""
        return any(name for name, _count in self._cameras) or self.camera() is not None

    def show_cameras(self, found: tuple[tuple[str, int], ...]) -> None:
        if found != self._cameras:
            self._cameras = found
            self._fill(self.camera())

    def camera(self) -> str | None:
        """The choice; None for any camera, "" for none named."""
        return self._names[max(0, self.currentIndex())]

    def choose(self, camera: str | None) -> None:
        """Choose a camera, which is listed from now on if it is not yet."""
        if camera not in self._names:
            self._fill(camera)
        else:
            self.setCurrentIndex(self._names.index(camera))

    def _fill(self, chosen: str | None) -> None:
        blocked = self.blockSignals(True)
        counts = dict(self._cameras)
        if chosen is not None:
            counts.setdefault(chosen, 0)
        self._names = [None, *counts]
        self.clear()
        self.addItem(_("Any camera"))
        for name, count in counts.items():
            self.addItem(f"{camera_text(name)}  ({number(count)})")
        self.setCurrentIndex(self._names.index(chosen))
        self.blockSignals(blocked)


class FilterPopover(QFrame):
    """Emits :attr:`changed` when a condition is changed in it.

    Not modal: the window stays usable.  It closes with Escape, or when something outside of it
    gets the keyboard focus.
    """

    changed = Signal()
    closed = Signal(bool)
    """It was closed; True: the keyboard focus should go back to the grid."""
    clear_requested = Signal()
    save_requested = Signal(str)
    """Save the filter under this name."""

    def __init__(self, owner: QWidget) -> None:
        super().__init__(owner)
        self.setObjectName("filter-popover")
        self.setAccessibleName(_("Filter"))
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAutoFillBackground(True)
        self.hide()
        self._owner = owner
        self._anchor: QWidget | None = None
        self._snapshot: Snapshot | None = None
        self._counted: _Facts | None = None
        self._quiet = False
        self._any_edited = False
        self._counting = LatestRequest(self._show_facts, owner=self, overlap=False)
        self._make_picker()
        self._make_conditions()
        self._make_foot()
        self._lay_out()
        self._connect()
        self._restyle()
        theme.manager().changed.connect(self._restyle)

    # ------------------------------------------------------------------------------ building

    def _make_picker(self) -> None:
        self.picker = ClassPicker()
        self.picker.list.setMinimumHeight(90)
        self.match = QButtonGroup(self)
        self.match_row = QHBoxLayout()
        self.match_row.setSpacing(0)
        title = Label(_("Classes"))
        title.setProperty("role", "heading")
        self.match_row.addWidget(title, 1)
        for place, (match, text, tip) in enumerate(_MATCHES):
            button = QToolButton()
            button.setObjectName(f"filter-match-{match}")
            button.setText(_(text))
            button.setToolTip(_(tip))
            button.setCheckable(True)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            self.match.addButton(button, place)
            self.match_row.addWidget(button)
        self.match.button(0).setChecked(True)

    def _make_conditions(self) -> None:
        self.status = _combo("filter-status", _("Status"))
        for text, status in STATUS_TEXTS:
            self.status.addItem(_(text), status)
        self.bands = _combo("filter-band", _("Rarity"))
        self.bands.setToolTip(_("Photos that have a class which is this common in the library"))
        self.bands.addItem(_("All"), None)
        for band in Band:
            self.bands.addItem(band_name(band).capitalize(), band)
        self.date = _DateChoice()
        self.from_day, self.first = _day_editor("filter-first", _("From"))
        self.to_day, self.last = _day_editor("filter-last", _("To"))
        self.camera = _CameraChoice()
        self.state = _combo("filter-state", _("File"))
        for text, state in STATE_TEXTS:
            self.state.addItem(_(text), None if state is None else int(state))
        self.unreviewed = QCheckBox(_("Not reviewed"))
        self.unreviewed.setObjectName("filter-unreviewed")
        self.unreviewed.setToolTip(_("Only photos you have not marked as reviewed"))
        self.edited = QCheckBox(_("Changed since annotated"))
        self.edited.setObjectName("filter-edited")
        self.edited.setToolTip(
            _("Only photos that were edited after they were annotated and not looked at since")
        )
        self.edited.hide()
        self.text = QLineEdit()
        self.text.setObjectName("filter-text")
        self.text.setAccessibleName(_("Find in file names"))
        self.text.setPlaceholderText(_("Find in file names"))
        self.text.setMaxLength(300)
        self.text.setClearButtonEnabled(True)

    def _make_foot(self) -> None:
        self.saved = SavedSearchList()
        self.clear_button = QPushButton(_("Clear filters"))
        self.clear_button.setObjectName("popover-clear")
        self.save_button = QPushButton(_("Save search…"))
        self.save_button.setObjectName("filter-save")
        self.name = QLineEdit()
        self.name.setObjectName("saved-search-name")
        self.name.setAccessibleName(_("Name of the saved search"))
        self.name.setPlaceholderText(_("Name of the saved search"))
        self.name.setMaxLength(LONGEST_NAME)
        self.name.hide()

    def _lay_out(self) -> None:
        left = QVBoxLayout()
        left.setSpacing(6)
        left.addLayout(self.match_row)
        left.addWidget(self.picker, 1)
        right = QVBoxLayout()
        right.setSpacing(6)
        right.addLayout(self._condition_grid())
        for part in (self.text, self.unreviewed, self.edited):
            right.addWidget(part)
        right.addSpacing(4)
        right.addWidget(self.saved)
        right.addStretch(1)
        columns = self._columns = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        columns.setSpacing(16)
        columns.addLayout(left, 1)
        columns.addLayout(right, 1)
        content = self._content = QWidget()
        content.setObjectName("filter-popover-content")
        inner = QVBoxLayout(content)
        inner.setContentsMargins(MARGIN, MARGIN, MARGIN, 4)
        inner.addLayout(columns)
        self._replacing = QTimer(self)
        self._replacing.setSingleShot(True)
        self._replacing.setInterval(0)
        self._replacing.timeout.connect(self._place)
        content.installEventFilter(self)
        self._scroll = QScrollArea()
        self._scroll.setWidget(content)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        foot = self._foot = QHBoxLayout()
        foot.setContentsMargins(MARGIN, 4, MARGIN, MARGIN - 2)
        foot.addWidget(self.clear_button)
        foot.addStretch(1)
        foot.addWidget(self.name, 2)
        foot.addWidget(self.save_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(0)
        layout.addWidget(self._scroll, 1)
        layout.addLayout(foot)
        self._show_days()
        self._show_camera()

    def _condition_grid(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        rows: tuple[tuple[QWidget, QWidget], ...] = (
            (_label(_("Status"), self.status), self.status),
            (_label(_("Rarity"), self.bands), self.bands),
            (_label(_("Date"), self.date), self.date),
            (self.from_day, self.first),
            (self.to_day, self.last),
            (_label(_("Camera"), self.camera), self.camera),
            (_label(_("File"), self.state), self.state),
        )
        self._camera_label = rows[5][0]
        for place, (label, editor) in enumerate(rows):
            grid.addWidget(label, place, 0)
            grid.addWidget(editor, place, 1)
        return grid

    def _connect(self) -> None:
        self.picker.changed.connect(self._picked)
        self.match.idToggled.connect(lambda _id, on: self._emit_changed() if on else None)
        for combo in (self.status, self.bands, self.camera, self.state):
            combo.currentIndexChanged.connect(self._emit_changed)
        self.date.currentIndexChanged.connect(self._date_chosen)
        for box in (self.from_day, self.to_day):
            box.toggled.connect(self._days_changed)
        for editor in (self.first, self.last):
            editor.dateChanged.connect(self._emit_changed)
        for box in (self.unreviewed, self.edited):
            box.toggled.connect(self._emit_changed)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(TYPING_MS)
        self._typing.timeout.connect(self._emit_changed)
        self.text.textChanged.connect(self._typed)
        self.text.returnPressed.connect(lambda: self.close_popover(to_grid=True))
        self.clear_button.clicked.connect(self.clear_requested)
        self.save_button.clicked.connect(self._save_pressed)
        self.name.returnPressed.connect(self._save_pressed)

    # -------------------------------------------------------------------------------- state

    def filter(self) -> Filter:
        """The conditions as they are set; without folder and chosen photos."""
        state = self.state.currentData()
        return Filter(
            classes=ClassCondition(self.picker.chosen(), self._match()),
            without=self.picker.left_out(),
            # Qt hands string enums back as plain strings.
            band=Band(band) if (band := self.bands.currentData()) else None,
            status=Status(status) if (status := self.status.currentData()) else None,
            unreviewed=self.unreviewed.isChecked(),
            edited=self.edited.isChecked(),
            state=None if state is None else ImageState(state),
            dates=self._dates(),
            camera=self.camera.camera(),
            text=self.text.text().strip(),
        )

    def show_filter(self, requested: Filter) -> None:
        """Set the conditions, without a signal."""
        was_quiet, self._quiet = self._quiet, True
        self.picker.choose(requested.classes.ids, requested.without)
        if requested.classes:
            self.match.button(0 if requested.classes.match is Match.ANY else 1).setChecked(True)
        self.bands.setCurrentIndex(max(0, self.bands.findData(requested.band)))
        self.status.setCurrentIndex(max(0, self.status.findData(requested.status)))
        self.unreviewed.setChecked(requested.unreviewed)
        self.edited.setChecked(requested.edited)
        state = None if requested.state is None else int(requested.state)
        self.state.setCurrentIndex(max(0, self.state.findData(state)))
        self._show_dates(requested.dates)
        self.camera.choose(requested.camera)
        self._show_camera()
        self.text.setText(requested.text)
        self._typing.stop()
        self._quiet = was_quiet
        self.show_edited(self._any_edited)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """List its classes; numbers of photos are counted while the panel is open."""
        self._snapshot = snapshot
        self.picker.show_classes(snapshot.classes, self._counts())
        if self.isVisible():
            self._count()

    def show_edited(self, any_edited: bool) -> None:
        """Offer the filter for edited photos while there are such photos, or while it is set."""
        self._any_edited = any_edited
        self.edited.setVisible(any_edited or self.edited.isChecked())

    def show_can_save(self, can: bool) -> None:
        """Whether there is something to save."""
        self.save_button.setEnabled(can)

    # ------------------------------------------------------------------------------- opening

    def open_under(self, anchor: QWidget, edit: Condition | None = None) -> None:
        """Show the panel under a widget, and give the editor of a condition the focus."""
        host = anchor.window()
        self._anchor = anchor
        if self.parentWidget() is not host:
            self.setParent(host)
            host.installEventFilter(self)
        if not self.isVisible():
            self.picker.begin()
            self.saved.forget_deleted()
            self._show_name(False)
            self._count()
            application = QApplication.instance()
            assert isinstance(application, QApplication)
            application.focusChanged.connect(self._focus_changed)
        self._place()
        self.show()
        self.raise_()
        editor = self.editor(edit)
        editor.setFocus(Qt.FocusReason.ShortcutFocusReason)
        if isinstance(editor, QLineEdit):
            editor.selectAll()
        self._scroll.ensureWidgetVisible(editor, 0, 0)

    def close_popover(self, *, to_grid: bool) -> None:
        """Hide the panel."""
        if self.isHidden():
            return
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.disconnect(self._focus_changed)
        if (host := self.parentWidget()) is not None:
            host.removeEventFilter(self)
        if self._typing.isActive():
            self._typing.stop()
            self._emit_changed()
        self.hide()
        # So that it is deleted with its owner, not with the window.
        self.setParent(self._owner)
        self.closed.emit(to_grid)

    def editor(self, condition: Condition | None) -> QWidget:
        """What sets a condition; the search for classes where there is nothing of its own."""
        return {
            Condition.BAND: self.bands,
            Condition.STATUS: self.status,
            Condition.UNREVIEWED: self.unreviewed,
            Condition.DATES: self.date,
            Condition.CAMERA: self.camera,
            Condition.STATE: self.state,
            Condition.EDITED: self.edited,
            Condition.TEXT: self.text,
        }.get(condition or Condition.CLASSES, self.picker.search)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            if self.name.isVisible():
                self._show_name(False)
                self.save_button.setFocus()
            else:
                self.close_popover(to_grid=True)
        else:
            super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.parentWidget() and event.type() == QEvent.Type.Resize:
            self._place()
        elif watched is self._content and event.type() == QEvent.Type.LayoutRequest:
            self._replacing.start()  # its parts have other sizes once they are laid out
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        """Under the anchor, as large as needed and as the window allows."""
        anchor = self._anchor
        if anchor is None or self.parentWidget() is not anchor.window():
            return
        host = anchor.window()
        corner = anchor.mapTo(host, QPoint(0, anchor.height() + 3))
        room = max(120, host.height() - corner.y() - 8)
        wide = host.width() >= 2 * COLUMN_WIDTH + 4 * MARGIN
        direction = QBoxLayout.Direction
        self._columns.setDirection(direction.LeftToRight if wide else direction.TopToBottom)
        self.picker.list.setMinimumHeight(90 if wide else 130)
        self._content.adjustSize()
        hint = self._content.sizeHint()
        columns = 2 if wide else 1
        width = max(hint.width(), columns * COLUMN_WIDTH + 2 * MARGIN) + 14
        height = max(hint.height(), PICKER_HEIGHT) + self._foot.sizeHint().height() + 8
        width, height = min(width, host.width() - 16), min(height, room)
        left = max(8, min(corner.x(), host.width() - width - 8))
        self.setGeometry(left, corner.y(), width, height)

    def _focus_changed(self, _old: QWidget | None, now: QWidget | None) -> None:
        if now is None or now.window() is not self.window() or self.isHidden():
            return
        if now is self or self.isAncestorOf(now) or self._owner.isAncestorOf(now):
            return
        self.close_popover(to_grid=False)

    # ------------------------------------------------------------------------------- details

    def _match(self) -> Match:
        return _MATCHES[max(0, self.match.checkedId())][0] if self.picker.chosen() else Match.ANY

    def _picked(self) -> None:
        self._emit_changed()

    def _typed(self, _text: str) -> None:
        if not self._quiet:
            self._typing.start()

    def _emit_changed(self, *_: object) -> None:
        if not self._quiet:
            self.changed.emit()

    def _dates(self) -> Dates:
        chosen = self.date.dates()
        if chosen is not None:
            return chosen
        first = _python_date(self.first.date()) if self.from_day.isChecked() else None
        last = _python_date(self.last.date()) if self.to_day.isChecked() else None
        return Dates(first, last)

    def _show_dates(self, dates: Dates) -> None:
        if not self.date.choose(dates):
            self.from_day.setChecked(dates.first is not None)
            self.to_day.setChecked(dates.last is not None)
            if dates.first is not None:
                self.first.setDate(QDate(dates.first.year, dates.first.month, dates.first.day))
            if dates.last is not None:
                self.last.setDate(QDate(dates.last.year, dates.last.month, dates.last.day))
        self._show_days()

    def _date_chosen(self, _place: int) -> None:
        if not self._quiet and self.date.dates() is None:
            self._quiet = True
            today = QDate.currentDate()
            self.first.setDate(QDate(today.year(), 1, 1))
            self.last.setDate(today)
            self.from_day.setChecked(True)
            self.to_day.setChecked(True)
            self._quiet = False
        self._show_days()
        self._emit_changed()

    def _days_changed(self, _on: bool) -> None:
        self._show_days()
        self._emit_changed()

    def _show_days(self) -> None:
        shown = self.date.dates() is None
        for part in (self.from_day, self.first, self.to_day, self.last):
            part.setVisible(shown)
        self.first.setEnabled(self.from_day.isChecked())
        self.last.setEnabled(self.to_day.isChecked())

    def _show_camera(self) -> None:
        for part in (self._camera_label, self.camera):
            part.setVisible(self.camera.useful)

    def _count(self) -> None:
        snapshot = self._snapshot
        if snapshot is not None and (
            self._counted is None or snapshot.version != self._counted.version
        ):
            self._counting.ask(
                lambda: _Facts(
                    snapshot.version,
                    snapshot.classes,
                    has_class(snapshot),
                    years(snapshot)[:MOST_YEARS],
                    cameras(snapshot),
                )
            )

    def _show_facts(self, facts: _Facts) -> None:
        self._counted = facts
        self.date.show_years(facts.years)
        self.camera.show_cameras(facts.cameras)
        self._show_camera()
        if self._snapshot is not None:
            self.picker.show_classes(self._snapshot.classes, self._counts())

    def _counts(self) -> NDArray[np.int64] | None:
        """The last counts, while they are of the same classes."""
        counted, snapshot = self._counted, self._snapshot
        if counted is None or snapshot is None or counted.classes != snapshot.classes:
            return None
        return counted.counts

    def _save_pressed(self) -> None:
        if self.name.isHidden():
            self._show_name(True)
            self.name.setFocus()
            return
        name = self.name.text().strip()
        if name:
            self._show_name(False)
            self.save_requested.emit(name)
            self.saved.list.setFocus()

    def _show_name(self, shown: bool) -> None:
        self.name.clear()
        self.name.setVisible(shown)
        self.save_button.setText(_("Save") if shown else _("Save search…"))

    def show_saved(self, searches: Sequence[SavedSearch]) -> None:
        """List the saved searches."""
        self.saved.show_searches(searches)

    def begin_saving(self) -> None:
        """Ask for a name."""
        if self.name.isHidden():
            self._save_pressed()

    def _restyle(self, *_: object) -> None:
        colours = theme.current()
        self.setStyleSheet(
            f"#filter-popover {{ background: {colours.window}; border: 1px solid"
            f" {colours.border}; border-radius: 8px; }}"
            f"#filter-popover-content {{ background: {colours.window}; }}"
            f"#class-list, #saved-search-list {{ background: {colours.surface};"
            f" border: 1px solid {colours.border}; border-radius: 4px; }}"
            f"#class-list:focus, #saved-search-list:focus {{ border-color: {colours.accent}; }}"
            "#saved-search-list::item { padding: 3px 4px; }"
            f"QToolButton[objectName^='filter-match'] {{ border: 1px solid {colours.border};"
            f" padding: 2px 9px; background: {colours.surface}; color: {colours.text}; }}"
            f"QToolButton[objectName^='filter-match']:checked {{ background: {colours.selection};"
            f" border-color: {colours.accent}; }}"
            f"QToolButton[objectName^='filter-match']:focus {{ border-color: {colours.accent}; }}"
        )


def _label(text: str, editor: QWidget) -> Label:
    label = Label(text)
    label.setProperty("role", "muted")
    label.setBuddy(editor)
    return label


def _combo(name: str, label: str) -> QComboBox:
    combo = QComboBox()
    combo.setObjectName(name)
    combo.setAccessibleName(label)
    combo.setMaxVisibleItems(24)
    combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return combo


def _day_editor(name: str, label: str) -> tuple[QCheckBox, QDateEdit]:
    box = QCheckBox(label)
    editor = QDateEdit()
    editor.setObjectName(name)
    editor.setAccessibleName(label)
    editor.setCalendarPopup(True)
    editor.setKeyboardTracking(False)
    editor.setDate(QDate.currentDate())
    return box, editor


def _python_date(day: QDate) -> date:
    return date(day.year(), day.month(), day.day())
