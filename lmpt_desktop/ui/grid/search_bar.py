"""The search row: a text field, the search as a removable chip, and its outcome."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.engine.search import SearchQuery, SearchResult, SearchState
from lmpt_desktop.translation import _, ngettext, number
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.texts import photos_text

MAX_LETTERS = 300
"""Models read about 75 tokens and drop the rest."""
CHIP_LETTERS = 24


def summary(result: SearchResult) -> str:
    """The outcome of a search in one line: "312 photos, most similar first"."""
    ranking = result.ranking
    shown, found = len(ranking.rows), ranking.candidates
    amount = (
        _("{shown} of {found} photos").format(shown=number(shown), found=number(found))
        if shown < found
        else photos_text(shown)
    )
    text = _("{amount}, most similar first").format(amount=amount) if shown > 1 else amount
    if ranking.left_out:
        text += ". " + ngettext(
            "{count} photo that is not encoded yet is left out",
            "{count} photos that are not encoded yet are left out",
            ranking.left_out,
        ).format(count=number(ranking.left_out))
    return text


def shortened(text: str, letters: int = CHIP_LETTERS) -> str:
    """``text``, shortened to fit on a chip."""
    return text if len(text) <= letters else text[: letters - 1].rstrip() + "…"


class SearchField(QLineEdit):
    """Enter searches, Esc clears the search, Down goes to the photos."""

    escaped = Signal()
    down_pressed = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.escaped.emit()
        elif event.key() == Qt.Key.Key_Down:
            self.down_pressed.emit()
        else:
            super().keyPressEvent(event)


class SearchBar(QWidget):
    """Emits :attr:`changed` when :attr:`query` changes."""

    changed = Signal()
    retry_requested = Signal()
    """Enter was pressed on the text of the current search."""
    grid_requested = Signal()
    """The keyboard focus should go to the grid."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("search-bar")
        self._query: SearchQuery | None = None
        self._filling = False
        self.field = SearchField()
        self.field.setObjectName("search-field")
        self.field.setAccessibleName(_("Search photos by words"))
        self.field.setPlaceholderText(_("Search photos: a dog on a beach"))
        self.field.setToolTip(_("Describe what is in the photo, then press Enter. Esc clears."))
        self.field.setMaxLength(MAX_LETTERS)
        self.field.setClearButtonEnabled(True)
        self.field.setMinimumWidth(110)
        self.field.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.mark = self.field.addAction(
            theme.icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition
        )
        self.chip = QToolButton()
        self.chip.setObjectName("search-chip")
        self.chip.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.chip.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.chip.hide()
        self.status = Label()
        self.status.setObjectName("search-status")
        self.status.setProperty("role", "muted")
        self.status.setWordWrap(True)
        self.status.hide()
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.field, 1)
        row.addWidget(self.chip)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 0)
        layout.setSpacing(4)
        layout.addLayout(row)
        layout.addWidget(self.status)
        self.field.returnPressed.connect(self._entered)
        self.field.escaped.connect(self._escaped)
        self.field.down_pressed.connect(self.grid_requested)
        self.field.textChanged.connect(self._typed)
        self.chip.clicked.connect(self._chip_pressed)
        self._restyle()
        theme.manager().changed.connect(self._restyle)

    # ------------------------------------------------------------------------------- state

    @property
    def query(self) -> SearchQuery | None:
        """The current search; None if there is none."""
        return self._query

    def search_like(self, image_ids: list[int], name: str) -> None:
        """Search for images similar to these; ``name`` describes them ("beach.jpg", "3 photos")."""
        self._set(
            SearchQuery(image_ids=tuple(image_ids)),
            _("Like {name}").format(name=shortened(name)),
        )
        self._fill("")

    def search_words(self, words: str) -> None:
        """Search for these words, as if they had been typed."""
        self._fill(words)
        self._entered()

    def clear(self) -> None:
        """End the search."""
        self._fill("")
        self._set(None, "")

    def take_focus(self) -> None:
        """Give the text field the keyboard focus."""
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()

    def show_result(self, result: SearchResult | None) -> None:
        """Show the state of the search; why nothing was found is shown in the grid instead."""
        if result is None or result.query != self._query:
            text = ""
        elif result.state is SearchState.WAITING:
            text = result.message
        else:
            text = summary(result) if result.state is SearchState.READY else ""
        self.status.setText(text)
        self.status.setAccessibleName(_("Search result: {text}").format(text=text) if text else "")
        self.status.setVisible(bool(text))

    # ----------------------------------------------------------------------------- details

    def _set(self, query: SearchQuery | None, words: str) -> None:
        if query == self._query:
            return
        self._query = query
        had_focus = self.chip.hasFocus()
        self.chip.setText(words)
        self.chip.setAccessibleName(
            _("Remove this search: {words}").format(words=words) if words else ""
        )
        self.chip.setToolTip(_("Remove this search: {words}").format(words=words) if words else "")
        self.chip.setVisible(query is not None)
        if had_focus and query is None:
            self.grid_requested.emit()
        self.show_result(None)
        self.changed.emit()

    def _entered(self) -> None:
        query = SearchQuery.words(self.field.text())
        if query is not None and query == self._query:
            self.retry_requested.emit()
        elif query is None:
            self.clear()
        else:
            self._set(query, _("“{name}”").format(name=shortened(query.text)))

    def _typed(self, text: str) -> None:
        # Emptying the field, also with its button, ends a search by words, but not by examples.
        if not (text or self._filling) and self._query is not None and self._query.text:
            self._set(None, "")

    def _escaped(self) -> None:
        if self._query is None and not self.field.text():
            self.grid_requested.emit()
        self.clear()

    def _chip_pressed(self) -> None:
        self.clear()

    def _fill(self, text: str) -> None:
        # Signals are not blocked: the field's own clear button listens to them.
        self._filling = True
        self.field.setText(text)
        self._filling = False

    def _restyle(self, *_: object) -> None:
        self.chip.setIcon(theme.icon("clear"))
        self.mark.setIcon(theme.icon("search", "muted"))
