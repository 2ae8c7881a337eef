"""Search field, filter bar, and the grid or, if it is empty, the reason why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QPushButton,
    QSlider,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.search import SearchReady, SearchResult, SearchState
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.inference.filters import Dates
from lmpt_desktop.inference.saved_searches import SavedSearch, tidy_name
from lmpt_desktop.translation import _, ngettext, number
from lmpt_desktop.ui.grid.filter_bar import FilterBar
from lmpt_desktop.ui.grid.grid_settings import GridSettings
from lmpt_desktop.ui.grid.grid_stacks import GridStacks
from lmpt_desktop.ui.grid.legend import LegendButton
from lmpt_desktop.ui.grid.model import GridModel
from lmpt_desktop.ui.grid.query import GridQuery, Selection, asked_classes
from lmpt_desktop.ui.grid.search_bar import SearchBar, summary
from lmpt_desktop.ui.grid.timeline_view import TimelineView
from lmpt_desktop.ui.grid.view import ZOOM_MAX, ZOOM_MIN, ZOOM_STEP, GridView
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.elided_label import ElidedLabel
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.thumbnails import ThumbnailLoader, ThumbnailSource


class EmptyState(QWidget):
    """A sentence that says why there is nothing to show, and a button that helps."""

    pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("empty-state")
        self._mark = Label()
        self._mark.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.sentence = Label()
        self.sentence.setObjectName("empty-sentence")
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.sentence.setWordWrap(True)
        self.button = QPushButton()
        self.button.clicked.connect(self.pressed)
        layout = QVBoxLayout(self)
        layout.setSpacing(14)
        layout.addStretch(2)
        layout.addWidget(self._mark)
        layout.addWidget(self.sentence)
        layout.addWidget(self.button, 0, Qt.AlignmentFlag.AlignCenter)
        layout.addStretch(3)
        self._restyle()
        theme.manager().changed.connect(self._restyle)

    def show_text(self, sentence: str, button: str = "") -> None:
        self.sentence.setText(sentence)
        self.button.setText(button)
        self.button.setVisible(bool(button))

    def _restyle(self, *_: object) -> None:
        self._mark.setPixmap(theme.icon("image", "muted").pixmap(48, 48))


class ZoomSign(Label):
    """Before the slider of thumbnails, which else looks like that of the words before it."""

    def __init__(self) -> None:
        super().__init__()
        theme.manager().changed.connect(self._restyle)
        self._restyle()

    def _restyle(self, *_: object) -> None:
        self.setPixmap(theme.icon("image", "muted").pixmap(16, 16))


def _zoom_slider(zoom: int) -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setObjectName("zoom")
    slider.setAccessibleName(_("Thumbnail size"))
    slider.setToolTip(_("Thumbnail size (Ctrl and the mouse wheel)"))
    slider.setRange(ZOOM_MIN, ZOOM_MAX)
    slider.setSingleStep(ZOOM_STEP)
    slider.setPageStep(ZOOM_STEP * 2)
    slider.setFixedWidth(140)
    slider.setValue(zoom)
    return slider


class GridPanel(QWidget):
    """The middle of the window."""

    add_folder_requested = Signal()
    shown = Signal(object)
    """The :class:`Snapshot` now on screen."""
    searched = Signal(str)
    """The outcome of a new search, in one line."""

    def __init__(
        self,
        session: LibrarySession,
        source: ThumbnailSource,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.scanning = False
        self._left_out = ""
        self._session = session
        self._result: SearchResult | None = None
        self.bar = FilterBar(self)
        self.search_bar = SearchBar(self)
        self.loader = ThumbnailLoader(source, parent=self)
        self.model = GridModel(self)
        self.view = GridView(self.model, self.loader)
        self.query = GridQuery(session, self)
        self.kept = GridSettings(session.settings, self.query.failed.emit, self)
        self.stacks = GridStacks(self.kept, self.query, self.view, self)
        self.bar.set_sort(self.kept.sort())
        self.bar.show_saved(self.kept.searches)
        self.timeline = TimelineView(self)
        self.timeline.hide()
        self.empty = EmptyState()
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self.view)
        self._stack.addWidget(self.empty)
        self.zoom = _zoom_slider(self.view.zoom)
        self._zoom_sign = ZoomSign()
        self.legend = LegendButton(self.model)
        self.selected = ElidedLabel()
        self.selected.setObjectName("selected-count")
        self.selected.setProperty("role", "muted")

        foot = QHBoxLayout()
        foot.setContentsMargins(10, 3, 10, 3)
        foot.addWidget(self.selected)
        foot.addStretch(1)
        foot.addSpacing(10)
        foot.addWidget(self._zoom_sign)
        foot.addWidget(self.zoom)
        foot.addWidget(self.legend)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.search_bar)
        layout.addWidget(self.bar)
        layout.addWidget(self.timeline)
        layout.addWidget(self._stack, 1)
        layout.addLayout(foot)

        self._foot, self._layout = foot, layout
        self._connect()
        self._show_empty()

    def _connect(self) -> None:
        self.bar.changed.connect(self.ask)
        self.bar.changed.connect(lambda: self.timeline.show_dates(self.bar.filter().dates))
        self.timeline.chosen.connect(self._show_dates)
        self.timeline.left.connect(self._focus_grid)
        self.bar.changed.connect(lambda: self.kept.keep_sort(self.bar.sort()))
        self.bar.grid_requested.connect(self._focus_grid)
        self.bar.save_requested.connect(self.save_search)
        self.bar.saved_chosen.connect(self.apply_search)
        self.bar.saved_edited.connect(self.kept.keep_searches)
        self.kept.searches_changed.connect(self.bar.show_saved)
        self.search_bar.changed.connect(self._search_changed)
        self.search_bar.retry_requested.connect(self._retry)
        self.search_bar.grid_requested.connect(self.view.setFocus)
        self.query.waiting.connect(self._wait)
        self.bar.update_requested.connect(self.ask)
        self.zoom.valueChanged.connect(self.view.set_zoom)
        self.view.zoom_changed.connect(self.zoom.setValue)
        self.view.selection_settled.connect(self._count_selected)
        self.query.selected.connect(self._show)
        self.query.refreshed.connect(self._refresh)
        self.empty.pressed.connect(self._empty_pressed)

    def add_to_foot(self, widget: QWidget) -> None:
        """Put a widget beside the number of selected images."""
        self._foot.insertSpacing(1, 10)
        self._foot.insertWidget(2, widget)

    def add_beside_zoom(self, widget: QWidget) -> None:
        """Put a widget before the thumbnail size."""
        self._foot.insertWidget(self._foot.indexOf(self._zoom_sign) - 1, widget)

    def add_above_foot(self, widget: QWidget) -> None:
        """Put a widget between the photos and what is below them."""
        self._layout.insertWidget(self._layout.count() - 1, widget)

    # ----------------------------------------------------------------------------- queries

    def ask(self) -> None:
        """Evaluate the filter bar again."""
        self.bar.show_stale(False)
        self.query.ask(self.bar.filter(), self.bar.sort(), self.search_bar.query)

    def library_changed(self) -> None:
        """Images or predictions have changed: evaluate the filters again soon."""
        self.query.ask_soon(self.bar.filter(), self.bar.sort(), self.search_bar.query)

    def search_read(self, notice: SearchReady) -> None:
        """The text of a search was encoded, or could not be."""
        if self.search_bar.query is not None and self.search_bar.query.text == notice.text:
            self.ask()

    def encoder_changed(self) -> None:
        """The backbone has changed, and with it which images are similar."""
        if self.search_bar.query is not None:
            self.library_changed()

    def annotations_changed(self) -> None:
        """Paint the new verdicts; images keep their positions until the user updates the list."""
        if self.bar.depends_on_verdicts:
            self.bar.show_stale(True)
        self.query.refresh()

    def predictions_taught(self) -> None:
        """Paint scores that verdicts have moved; as after :meth:`annotations_changed`."""
        if self.bar.depends_on_scores:
            self.bar.show_stale(True)
        self.query.refresh()

    def set_scanning(self, scanning: bool) -> None:
        """Set whether a scan may still find photos, for the empty state."""
        self.scanning = scanning
        self._show_empty()

    def show_left_out(self, sentences: str) -> None:
        """Set what scans have left out of the library's folders, for the empty state."""
        self._left_out = sentences
        self._show_empty()

    def close_panel(self) -> None:
        """Stop queries and thumbnails."""
        self.query.close()
        self.loader.close()

    # ---------------------------------------------------------------------- saved searches

    def save_search(self, name: str) -> None:
        """Save the filter, the words of the search and the order under a name."""
        requested, order = self.bar.filter(), self.bar.sort()
        ids = (*requested.classes.ids, *requested.without)
        picker = self.bar.popover.picker
        query = self.search_bar.query
        if name := tidy_name(name):
            self.kept.add_search(
                SavedSearch(
                    name,
                    requested,
                    replace(order, class_id=None),
                    query.text if query is not None else "",
                    {class_id: picker.plain_name(class_id) for class_id in ids},
                )
            )

    def apply_search(self, search: SavedSearch) -> None:
        """Show what a saved search finds now."""
        self.bar.show_gone_names(dict(search.class_names))
        self.bar.set_sort(search.sort)
        self.bar.set_filter(search.resolved(self._session.snapshot().classes))
        if search.words:
            self.search_bar.search_words(search.words)
        else:
            self.search_bar.clear()

    # ---------------------------------------------------------------------------- showing

    def _show_dates(self, dates: Dates) -> None:
        self.bar.set_filter(replace(self.bar.filter(), dates=dates))

    def _focus_grid(self) -> None:
        (self.view if self.view.isVisible() else self.empty.button).setFocus()

    def _search_changed(self) -> None:
        self.bar.show_order(self.search_bar.query is None)
        self.ask()

    def _retry(self) -> None:
        if self.search_bar.query is not None:
            self._session.search.retry(self.search_bar.query)
            self.ask()

    def _wait(self, result: SearchResult) -> None:
        """Keep what is on screen; if that is nothing, show why."""
        self.search_bar.show_result(result)
        if not self.model.rowCount():
            self._result = result
            self._show_empty()

    def _show(self, selection: Selection) -> None:
        result = self._result = selection.search
        self.search_bar.show_result(result)
        if result is not None and result.state is SearchState.READY and not self.query.same_order:
            self.searched.emit(summary(result))
        selected, current = self.view.selected_array(), self.view.current_id()
        if selection.stacks is not None and not self.query.automatic:
            # A stack that the user closes leaves its card selected.
            cards = selection.stacks.cards_of(np.append(selected, current))
            selected, current = np.unique(cards[:-1]), int(cards[-1])
        offset, row = self.view.verticalScrollBar().value(), self.view.currentIndex().row()
        self.model.set_asked_classes(asked_classes(selection))
        self.model.set_held_out(selection.held_out)
        changed = self.model.set_content(
            selection.snapshot, selection.rows, selection.stacks, selection.order
        )
        # After a change of order the user wants to see the top, not the current image.
        if changed and len(selected) and self.query.same_order:
            kept = selected[self.model.positions_of(selected) >= 0]
            if len(kept):
                self.view.select_ids(kept, current)
            if self.query.same_question:
                self.view.restore_scroll(offset)
        if self.model.rowCount() and not self.view.currentIndex().isValid():
            if self.query.automatic and row >= 0:
                # The current photo left the grid without the user's doing: stay near it, so that
                # the next key does not apply to an unrelated photo.
                self.view.go_to(min(row, self.model.rowCount() - 1))
            else:
                self.view.select_ids([self.model.image_id(0)], self.model.image_id(0))
        self.stacks.select_waiting()
        self._after(selection.snapshot)

    def _refresh(self, snapshot: Snapshot) -> None:
        self.model.refresh(snapshot)
        self._after(snapshot)

    def _after(self, snapshot: Snapshot) -> None:
        self.bar.show_classes(snapshot)
        self.timeline.show_snapshot(snapshot)
        self.bar.show_edited(bool(snapshot.images.edited.any()))
        self.bar.show_count(len(self.model.matching_ids), len(snapshot.images))
        self._count_selected()
        self._show_empty()
        self.shown.emit(snapshot)

    def _count_selected(self) -> None:
        count = self.view.selected_count()
        text = _("{count} selected").format(count=number(count)) if count else ""
        with_siblings = self.stacks.size()
        if with_siblings > count:
            text = ngettext(
                "{count} selected, {all} with its stack",
                "{count} selected, {all} with their stacks",
                count,
            ).format(count=number(count), all=number(with_siblings))
        self.selected.setText(text)

    def _show_empty(self) -> None:
        if self.model.rowCount():
            self._stack.setCurrentWidget(self.view)
            return
        snapshot = self.model.snapshot
        result = self._result
        if snapshot is not None and len(snapshot.images):
            if result is not None and result.state is SearchState.WAITING:
                self.empty.show_text(result.message)
            elif result is not None and result.state is SearchState.FAILED:
                self.empty.show_text(result.message, _("Try again"))
            elif result is not None and result.state is SearchState.NOTHING:
                self.empty.show_text(result.message, _("Clear search"))
            elif result is not None and result.ranking.left_out:
                self.empty.show_text(
                    _(
                        "No photo that matches these filters has been encoded yet, so none can be "
                        "found."
                    ),
                    _("Clear filters"),
                )
            else:
                self.empty.show_text(_("No photo matches these filters."), _("Clear filters"))
        elif self.scanning or snapshot is None:
            self.empty.show_text(_("Looking for photos..."))
        elif self._left_out:
            self.empty.show_text(
                _("No photos were found.") + " " + self._left_out, _("Add folder...")
            )
        else:
            self.empty.show_text(
                _("There are no photos in this library yet. Add a folder of photos."),
                _("Add folder..."),
            )
        self._stack.setCurrentWidget(self.empty)

    def _empty_pressed(self) -> None:
        state = self._result.state if self._result is not None else None
        if state is SearchState.FAILED:
            self._retry()
        elif state is SearchState.NOTHING:
            self.search_bar.clear()
        elif self.model.snapshot is not None and len(self.model.snapshot.images):
            self.bar.set_folder(None, None)
            self.bar.clear()
        else:
            self.add_folder_requested.emit()
