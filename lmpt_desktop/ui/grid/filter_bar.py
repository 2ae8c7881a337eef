"""The filter row: the conditions that are set, how many photos they leave, and the order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QEvent, QRect, QSize, Qt, Signal
from PySide6.QtGui import QHideEvent, QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QMenu,
    QSizePolicy,
    QStyle,
    QToolButton,
    QWidget,
)

from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference.filters import ClassCondition, Filter, Sort, SortKey, Status
from lmpt_desktop.inference.saved_searches import SavedSearch, can_be_saved
from lmpt_desktop.translation import N_, _, number
from lmpt_desktop.ui.grid.filter_popover import FilterPopover
from lmpt_desktop.ui.grid.filter_texts import Condition, condition_texts, without_condition
from lmpt_desktop.ui.grid.filter_token import FilterToken
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.texts import photos_text

GAP = 6
SIDE, ABOVE = 8, 4
"""Margins of the row in pixels."""
LEAST_ORDER = 116
"""Pixels that the order keeps in a narrow window."""
LEAST_TOKEN = 70
MOST_IN_MENU = 20


@dataclass(frozen=True)
class SortChoice:
    """An order the user can choose: its label, and the labels of both directions."""

    key: SortKey
    label: str
    natural: str
    reverse: str
    by_class: bool = False
    """Whether it applies to the class that the grid is filtered by."""


SORTS: tuple[SortChoice, ...] = (
    SortChoice(SortKey.ADDED, N_("Order added"), N_("Oldest first"), N_("Newest first")),
    SortChoice(SortKey.NAME, N_("Name"), N_("A to Z"), N_("Z to A")),
    SortChoice(SortKey.DATE, N_("Date"), N_("Oldest first"), N_("Newest first")),
    SortChoice(SortKey.CAMERA, N_("Camera"), N_("A to Z"), N_("Z to A")),
    SortChoice(SortKey.SCORE, N_("Score"), N_("Highest first"), N_("Lowest first"), True),
    SortChoice(
        SortKey.UNCERTAINTY,
        N_("Uncertainty"),
        N_("Least certain first"),
        N_("Most certain first"),
        True,
    ),
    SortChoice(SortKey.TAIL_FIRST, N_("Rare classes first"), N_("Rare first"), N_("Rare last")),
)
_SORT_OF = {choice.key: choice for choice in SORTS}


def _has_conditions(requested: Filter) -> bool:
    """Whether it asks for more than a folder and chosen photos."""
    return replace(requested, folder_id=None, below=None, image_ids=None) != Filter()


class FilterBar(QWidget):
    """One row, however narrow: what does not fit is behind "+2" and in the panel.

    Emits :attr:`changed` whenever the result of :meth:`filter` or :meth:`sort` changes.
    """

    changed = Signal()
    update_requested = Signal()
    """Evaluate the same filter again."""
    class_chosen = Signal(object)
    """The id of the only class that is filtered by; None if there is none, or several."""
    folder_changed = Signal(object, object)
    """The folder that is shown now, as :meth:`set_folder` takes it."""
    grid_requested = Signal()
    """The keyboard focus should go to the grid."""
    save_requested = Signal(str)
    """Save the filter, the search and the order under this name."""
    saved_chosen = Signal(object)
    """Apply this :class:`SavedSearch`."""
    saved_edited = Signal(object)
    """Keep these saved searches, a tuple, from now on."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("filter-bar")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._folder: tuple[int | None, Path | None] = (None, None)
        self._quiet = False
        self._images: frozenset[int] | None = None
        self._one_class: int | None = None
        self._folder_told = self._folder
        self._saved: tuple[SavedSearch, ...] = ()
        self._searching = False
        self._classes: tuple[ClassEntry, ...] = ()
        self.tokens: list[FilterToken] = []
        self._popover: FilterPopover | None = None
        self._snapshot: Snapshot | None = None
        self._any_edited = False
        self._make_buttons()
        self._make_order()
        self._connect()
        self._restyle()
        theme.manager().changed.connect(self._restyle)

    @property
    def popover(self) -> FilterPopover:
        """The panel of conditions: made when a condition is set or it is opened, as it has half of
        the page's widgets.  Until then no condition is set."""
        if self._popover is None:
            popover = self._popover = FilterPopover(self)
            popover.show_saved(self._saved)
            popover.show_edited(self._any_edited)
            if self._snapshot is not None:
                popover.show_snapshot(self._snapshot)
            popover.clear_button.setEnabled(False)
            popover.show_can_save(self._can_save())
            popover.changed.connect(self._emit_changed)
            popover.clear_requested.connect(self.clear)
            popover.closed.connect(self._popover_closed)
            popover.save_requested.connect(self.save_requested)
            popover.saved.chosen.connect(self._saved_chosen)
            popover.saved.edited.connect(self.saved_edited)
        return self._popover

    def _make_buttons(self) -> None:
        self.button = QToolButton(self)
        self.button.setObjectName("filter-button")
        self.button.setCheckable(True)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setToolTip(_("Choose which photos are shown"))
        self.button.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.menu = QMenu(self.button)
        self.menu.setObjectName("filter-menu")
        self.button.setMenu(self.menu)
        self.more = QToolButton(self)
        self.more.setObjectName("filter-more")
        self.more.setAutoRaise(True)
        self.more.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.clear_button = QToolButton(self)
        self.clear_button.setObjectName("filter-clear")
        self.clear_button.setText(_("Clear filters"))
        self.clear_button.setToolTip(_("Clear filters"))
        self.stale_button = QToolButton(self)
        self.stale_button.setObjectName("filter-update")
        self.stale_button.setText(_("Update list"))
        self.stale_button.setToolTip(_("New verdicts may change which photos belong here"))
        for button in (self.clear_button, self.stale_button):
            button.setAutoRaise(True)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.hide()
        self._count_texts = ("", "")
        """The number alone, for a narrow row, and the whole text."""
        self.count = Label("", self)
        self.count.setObjectName("filter-count")

    def _make_order(self) -> None:
        self.order_parts = QWidget(self)
        self.sort_label = Label(_("Sort by"))
        self.sort_label.setProperty("role", "muted")
        self.order = QComboBox()
        self.order.setObjectName("sort-key")
        self.order.setAccessibleName(_("Sort by"))
        self.order.setToolTip(_("Sort by"))
        self.order.setMinimumContentsLength(6)
        self.order.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        for choice in SORTS:
            self.order.addItem(_(choice.label), choice.key)
        self.direction = QToolButton()
        self.direction.setObjectName("sort-direction")
        self.direction.setCheckable(True)
        self.direction.setAutoRaise(True)
        row = QHBoxLayout(self.order_parts)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for part in (self.sort_label, self.order, self.direction):
            row.addWidget(part)
        self.order.view().setMinimumWidth(self.order.sizeHint().width())
        self.order.setMinimumWidth(0)

    def _connect(self) -> None:
        self.button.clicked.connect(self._button_clicked)
        self.more.clicked.connect(self._more_clicked)
        self.menu.aboutToShow.connect(self._fill_menu)
        self.order.currentIndexChanged.connect(self._order_changed)
        self.direction.toggled.connect(self._order_changed)
        self.clear_button.clicked.connect(self.clear)
        self.stale_button.clicked.connect(self.update_requested)

    # ----------------------------------------------------------------------------- state

    def filter(self) -> Filter:
        """The filter as the user set it."""
        folder_id, below = self._folder
        conditions = Filter() if self._popover is None else self._popover.filter()
        return replace(conditions, folder_id=folder_id, below=below, image_ids=self._images)

    def sort(self) -> Sort:
        """The order; scores are those of the class that is filtered by, if there is one."""
        choice = self._sort_choice()
        return Sort(
            key=choice.key,
            class_id=self.one_class if choice.by_class else None,
            descending=self.direction.isChecked(),
        )

    @property
    def one_class(self) -> int | None:
        """The class that is filtered by, if it is the only one and still there."""
        if self._popover is None:
            return None
        one = self._popover.filter().one_class
        return one if one is not None and self._popover.picker.knows(one) else None

    def _sort_choice(self) -> SortChoice:
        return _SORT_OF[SortKey(self.order.currentData() or SortKey.ADDED)]

    @property
    def active(self) -> bool:
        """Whether any filter other than the folder is set."""
        return replace(self.filter(), folder_id=None, below=None) != Filter()

    @property
    def depends_on_verdicts(self) -> bool:
        """Whether the result depends on annotations or reviewed marks."""
        requested = self.filter()
        return (
            bool(requested.classes)
            or bool(requested.without)
            or requested.band is not None
            or requested.status is not None
            or requested.unreviewed
            or self.sort().key is SortKey.TAIL_FIRST
        )

    @property
    def depends_on_scores(self) -> bool:
        """Whether the result depends on predictions."""
        key = self.sort().key
        return self.depends_on_verdicts or key in (SortKey.SCORE, SortKey.UNCERTAINTY)

    def set_filter(self, requested: Filter) -> None:
        """Show these conditions, folder and all."""
        self._quiet = True
        if self._popover is not None or _has_conditions(requested):
            self.popover.show_filter(requested)
        self._images = requested.image_ids
        below = None if requested.below is None else Path(requested.below)
        self._folder = (requested.folder_id, below)
        self._quiet = False
        self._emit_changed()

    def set_sort(self, order: Sort) -> None:
        """Choose an order."""
        was_quiet, self._quiet = self._quiet, True
        before = self.sort()
        self.order.setCurrentIndex(max(0, self.order.findData(order.key)))
        self.direction.setChecked(order.descending)
        self._quiet = was_quiet
        self._show_direction()
        if self.sort() != before:
            self._emit_changed()

    def set_folder(self, folder_id: int | None, below: Path | None) -> None:
        """Show only a folder of the tree; (None, None) is the whole library."""
        if (folder_id, below) != self._folder:
            self._folder = (folder_id, below)
            self._emit_changed()

    def set_images(self, image_ids: Sequence[int] | None) -> None:
        """Show only these images and clear the other filters; None shows all again."""
        folder_id, below = (None, None) if image_ids is not None else self._folder
        chosen = None if image_ids is None else frozenset(image_ids)
        self.set_filter(Filter(folder_id=folder_id, below=below, image_ids=chosen))

    def set_class(self, class_id: int | None) -> None:
        """Filter by one class, or by none."""
        ids = () if class_id is None else (class_id,)
        self.set_filter(replace(self.filter(), classes=ClassCondition(ids)))

    def show_class(self, class_id: int, status: Status | None) -> None:
        """Show only a class (with one status) of the whole library, and clear the other filters."""
        self._one_class = None  # so that it is announced again
        self.set_filter(Filter(classes=ClassCondition((class_id,)), status=status))

    def clear(self) -> None:
        """Reset everything but folder and order."""
        folder_id, below = self._folder
        self.set_filter(Filter(folder_id=folder_id, below=below))

    # --------------------------------------------------------------------------- showing

    def open_popover(self, edit: Condition | None = None) -> None:
        """Open the panel; the editor of a condition gets the keyboard focus."""
        self.popover.show_can_save(self._can_save())
        self.popover.open_under(self.button, edit)
        self.button.setChecked(True)

    def show_order(self, shown: bool) -> None:
        """Show or hide the order: search results have their own."""
        self._searching = not shown
        self._show_can_save()
        self._arrange()

    def show_stale(self, stale: bool) -> None:
        """Show or hide the button that evaluates the filter again."""
        self.stale_button.setVisible(stale)
        self._arrange()

    def show_classes(self, snapshot: Snapshot) -> None:
        """List the vocabulary."""
        self._snapshot = snapshot
        if self._popover is not None:
            self._popover.show_snapshot(snapshot)
        if snapshot.classes is not self._classes:
            self._classes = snapshot.classes
            self._show_tokens()

    def show_edited(self, any_edited: bool) -> None:
        """Offer the filter for edited photos while there are such photos, or while it is set."""
        self._any_edited = any_edited
        if self._popover is not None:
            self._popover.show_edited(any_edited)

    def show_count(self, shown: int, total: int) -> None:
        """Show how many images match the filters."""
        if shown == total:
            text = photos_text(total)
        else:
            text = _("{shown} of {total} photos").format(shown=number(shown), total=number(total))
        if (number(shown), text) != self._count_texts:
            self._count_texts = (number(shown), text)
            self.count.setToolTip(text)
            self.count.setAccessibleName(text)
            self._arrange()

    def show_saved(self, searches: Sequence[SavedSearch]) -> None:
        """List the saved searches."""
        self._saved = tuple(searches)
        if self._popover is not None:
            self._popover.show_saved(self._saved)

    def show_gone_names(self, names: dict[int, str]) -> None:
        """The names that classes had which may be gone."""
        if not names:
            return
        self.popover.picker.choose(
            self.popover.picker.chosen(), self.popover.picker.left_out(), names
        )

    # --------------------------------------------------------------------------- details

    def _emit_changed(self, *_: object) -> None:
        if self._quiet:
            return
        self._show_tokens()
        one = self.one_class
        if one != self._one_class:
            self._one_class = one
            self.class_chosen.emit(one)
        if self._folder != self._folder_told:
            self._folder_told = self._folder
            self.folder_changed.emit(*self._folder)
        self.changed.emit()

    def _order_changed(self, *_: object) -> None:
        self._show_direction()
        self._arrange()
        self._emit_changed()

    def _can_save(self) -> bool:
        requested = self.filter()
        return can_be_saved(requested) and (requested != Filter() or self._searching)

    def _button_clicked(self, on: bool) -> None:
        if on:
            self.open_popover()
        else:
            self._close_popover(to_grid=True)

    def _more_clicked(self) -> None:
        self.open_popover()

    def _close_popover(self, *, to_grid: bool) -> None:
        if self._popover is not None:
            self._popover.close_popover(to_grid=to_grid)

    def _show_can_save(self) -> None:
        if self._popover is not None:
            self._popover.show_can_save(self._can_save())

    def _popover_closed(self, to_grid: bool) -> None:
        self.button.setChecked(False)
        if to_grid:
            self.grid_requested.emit()

    def _saved_chosen(self, search: SavedSearch) -> None:
        self._close_popover(to_grid=True)
        self.saved_chosen.emit(search)

    def _fill_menu(self) -> None:
        self.menu.clear()
        for search in self._saved[:MOST_IN_MENU]:
            text = search.name.replace("&", "&&")
            self.menu.addAction(text, lambda chosen=search: self._saved_chosen(chosen))
        if not self._saved:
            self.menu.addAction(_("No saved searches yet")).setEnabled(False)
        self.menu.addSeparator()
        save = self.menu.addAction(_("Save search…"), self._save_from_menu)
        save.setEnabled(self._can_save())

    def _save_from_menu(self) -> None:
        self.open_popover()
        self.popover.begin_saving()

    def _remove(self, condition: Condition) -> None:
        place = next((i for i, token in enumerate(self.tokens) if token.hasFocus()), -1)
        self.set_filter(without_condition(self.filter(), condition))
        if place >= 0:
            left = [token for token in self.tokens if not token.isHidden()]
            after = left[min(place, len(left) - 1)] if left else self.button
            after.setFocus(Qt.FocusReason.TabFocusReason)

    def _show_tokens(self) -> None:
        """Bring the tokens in line with the filter; those that stay are not made anew."""
        texts = condition_texts(self.filter(), self._class_name)
        shown = [(token.condition, token.text()) for token in self.tokens]
        if shown != [(text.condition, text.text) for text in texts]:
            old = {token.condition: token for token in self.tokens}
            self.tokens = []
            for text in texts:
                token = old.pop(text.condition, None)
                if token is None:
                    token = FilterToken(text.condition, text.text, self)
                    token.clicked.connect(self._edit_of(text.condition))
                    token.removed.connect(self._remove)
                else:
                    token.show_text(text.text)
                self.tokens.append(token)
            for token in old.values():
                token.hide()
                token.deleteLater()
            previous: QWidget = self.button
            for widget in (*self.tokens, self.more, self.clear_button, self.stale_button):
                QWidget.setTabOrder(previous, widget)
                previous = widget
        count = len(self.tokens)
        self.button.setText(f"{_('Filter')} {number(count)}" if count else _("Filter"))
        self.button.setAccessibleName(self.button.text())
        self.clear_button.setVisible(bool(count))
        if self._popover is not None:
            self._popover.clear_button.setEnabled(bool(count))
        self._show_can_save()
        self._arrange()

    def _class_name(self, class_id: int) -> str:
        return self.popover.picker.name(class_id)

    def _edit_of(self, condition: Condition) -> Callable[[], None]:
        return lambda: self.open_popover(condition)

    def _show_direction(self) -> None:
        choice = self._sort_choice()
        reverse = self.direction.isChecked()
        text = _(choice.reverse if reverse else choice.natural)
        self.direction.setText(text)
        self.direction.setIcon(theme.icon("sort-up" if reverse else "sort-down"))
        self.direction.setToolTip(_("{order}; click to reverse").format(order=text))

    def _restyle(self, *_: object) -> None:
        self.button.setIcon(theme.icon("filter"))
        self.clear_button.setIcon(theme.icon("clear"))
        self.stale_button.setIcon(theme.icon("refresh"))
        self._show_direction()
        self._show_tokens()

    # ------------------------------------------------------------------------- the one row

    def sizeHint(self) -> QSize:
        parts = (self.button, self.order, self.direction, self.count)
        height = max(part.sizeHint().height() for part in parts)
        return QSize(400, height + 2 * ABOVE)

    def minimumSizeHint(self) -> QSize:
        return QSize(240, self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._close_popover(to_grid=False)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self.updateGeometry()
            self._arrange()

    def _arrange(self) -> None:
        """Place everything in one row; in a narrow one, words give way first, then tokens."""
        room = self.width() - 2 * SIDE
        clear, stale = not self.clear_button.isHidden(), not self.stale_button.isHidden()
        ordered = not self._searching
        plus = self._more_width() + GAP if self.tokens else 0
        tokens = [token.sizeHint().width() for token in self.tokens]
        metrics = self.count.fontMetrics()
        counts = [metrics.horizontalAdvance(text) + 4 if text else 0 for text in self._count_texts]
        label = self.sort_label.sizeHint().width() + 4
        arrow = self.direction.sizeHint().width() + 4
        # As wide as what is chosen, not as the longest choice.
        sorting = self._order_width() + arrow
        icon = self.clear_button.iconSize().width() + 14

        def fixed(words: bool, labelled: bool, counted: int, sorting: int) -> int:
            total = self.button.sizeHint().width() + GAP + counted + (GAP if counted else 0)
            for button, shown in ((self.clear_button, clear), (self.stale_button, stale)):
                total += (self._full(button) if words else icon) + GAP if shown else 0
            return total + (sorting + (label if labelled else 0) if ordered and sorting else 0)

        wanted = sum(tokens) + GAP * len(tokens)
        least = min(wanted, LEAST_TOKEN + self._more_width() + 2 * GAP)
        small = min(sorting, LEAST_ORDER + arrow)
        # What is given up, step by step, until the tokens have the room they want or need.
        steps = (
            (wanted, (True, True, counts[1], sorting)),
            (wanted, (True, False, counts[1], sorting)),
            (wanted, (False, False, counts[1], sorting)),
            (least, (False, False, counts[1], sorting)),
            (least, (False, False, counts[1], small)),
            (least, (False, False, counts[0], small)),
            (plus, (False, False, counts[0], small)),
            (plus, (False, False, 0, small)),
            (plus, (False, False, 0, 0)),
        )
        step = next((step for needed, step in steps if fixed(*step) + needed <= room), steps[-1][1])
        words, labelled, counted, sorting = step
        rest = room - fixed(words, labelled, counted, sorting)
        self.sort_label.setVisible(labelled)
        style = Qt.ToolButtonStyle
        for button in (self.clear_button, self.stale_button):
            button.setToolButtonStyle(
                style.ToolButtonTextBesideIcon if words else style.ToolButtonIconOnly
            )
        self.count.setVisible(bool(counted))
        self.count.setText(self._count_texts[counted == counts[1]])
        x = self._put(self.button, SIDE, self.button.sizeHint().width())
        x = self._put_tokens(x, tokens, rest)
        for button, shown in ((self.clear_button, clear), (self.stale_button, stale)):
            if shown:
                x = self._put(button, x, self._full(button) if words else icon)
        right = self.width() - SIDE
        self.order_parts.setVisible(ordered and bool(sorting))
        if ordered and sorting:
            whole = sorting + (label if labelled else 0)
            self._put(self.order_parts, right - whole, whole)
            right -= whole + GAP
        if counted:
            self._put(self.count, right - counted, counted)

    def _put_tokens(self, x: int, widths: list[int], room: int) -> int:
        """Place as many tokens as fit into ``room`` pixels, and the button for the others."""
        hidden = 0
        if sum(widths) + GAP * len(widths) > room:
            room -= self._more_width() + GAP
        for token, wanted in zip(self.tokens, widths, strict=True):
            width, fits = wanted, not hidden and wanted + GAP <= room
            if not fits and not hidden and room - GAP >= LEAST_TOKEN:
                width, fits = room - GAP, True  # the last one is elided
            token.setVisible(fits)
            if fits:
                x = self._put(token, x, width)
                room -= width + GAP
            else:
                hidden += 1
        self.more.setVisible(bool(hidden))
        if hidden:
            text = f"+{number(hidden)}"
            self.more.setText(text)
            tip = ", ".join(token.text() for token in self.tokens if token.isHidden())
            self.more.setToolTip(tip)
            self.more.setAccessibleName(_("More filters: {names}").format(names=tip))
            x = self._put(self.more, x, self._more_width())
        return x

    def _order_width(self) -> int:
        hint, metrics = self.order.sizeHint().width(), self.order.fontMetrics()
        texts = [self.order.itemText(place) for place in range(self.order.count())]
        longest = max(map(metrics.horizontalAdvance, texts), default=0)
        return hint - longest + metrics.horizontalAdvance(self.order.currentText()) + 2

    def _more_width(self) -> int:
        return self.fontMetrics().horizontalAdvance(f"+{number(len(self.tokens))}") + 16

    def _full(self, button: QToolButton) -> int:
        """The width of a button with its text; its own hint depends on what it shows now."""
        text = self.fontMetrics().horizontalAdvance(button.text())
        return button.iconSize().width() + text + 28

    def _put(self, part: QWidget, left: int, width: int) -> int:
        """Place a part, centred in height; returns where the next one begins."""
        height = min(part.sizeHint().height(), self.height())
        place = QRect(left, (self.height() - height) // 2, width, height)
        part.setGeometry(QStyle.visualRect(self.layoutDirection(), self.rect(), place))
        return left + width + GAP
