"""Links to the classes that lack something, in two columns."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from lmpt_desktop.inference.long_tail import LongTail
from lmpt_desktop.inference.tail_gaps import Gap, GapKind
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.long_tail import texts


class _Link(Label):
    """A sentence that is one link.

    Qt's own links in labels take Tab twice, once for the label and once for the link.
    """

    def __init__(self, kind: GapKind, text: str) -> None:
        colour = theme.current().accent
        super().__init__()
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setText(f'<a href="{kind}" style="color:{colour}">{escape(text)}</a>')
        self._kind = kind
        self.setObjectName(f"gap-{kind}".replace(" ", "-"))
        self.setAccessibleName(text)
        self.setAccessibleDescription(_("List these classes only"))
        self.setToolTip(_("List these classes only"))
        self.setWordWrap(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.LinksAccessibleByMouse)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def keyPressEvent(self, ev: QKeyEvent) -> None:
        if ev.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.linkActivated.emit(str(self._kind))
        else:
            super().keyPressEvent(ev)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.hasFocus():
            painter = QPainter(self)
            painter.setPen(theme.current().colour("accent"))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))


class GapLinks(QWidget):
    """One sentence per gap; following it lists the classes that it is about."""

    chosen = Signal(object)
    """The :class:`GapKind` of the link that was followed."""
    focus_lost = Signal()
    """The link that had the keyboard focus is gone."""

    def __init__(self, after: QWidget, parent: QWidget | None = None) -> None:
        """``after`` is the widget from which Tab goes to the first link."""
        super().__init__(parent)
        self._after = after
        self._shown: object = None
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(24)
        self._grid.setVerticalSpacing(3)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def show_gaps(self, tail: LongTail, gaps: Sequence[Gap]) -> None:
        """Show these; links that are shown already stay, and keep the keyboard focus."""
        sentences = tuple((gap.kind, texts.gap_sentence(tail, gap)) for gap in gaps)
        key = (sentences, tail.annotated, theme.current())
        if key == self._shown:
            return
        self._shown = key
        had_focus = self.isAncestorOf(self.window().focusWidget() or self.window())
        while (item := self._grid.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        before = self._after
        for place, (kind, text) in enumerate(sentences):
            link = self._link(kind, text)
            self._grid.addWidget(link, place // 2, place % 2, Qt.AlignmentFlag.AlignTop)
            QWidget.setTabOrder(before, link)
            before = link
        if not sentences and tail.annotated:
            self._grid.addWidget(
                Label(_("Nothing is missing: every class has enough examples.")), 0, 0
            )
        if had_focus:
            self.focus_lost.emit()

    def _link(self, kind: GapKind, text: str) -> _Link:
        link = _Link(kind, text)
        link.linkActivated.connect(lambda chosen: self.chosen.emit(GapKind(chosen)))
        return link
