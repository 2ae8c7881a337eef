"""The button at the foot of the grid that tells and opens the strictness of the library."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QToolButton, QWidget

from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.domain.strictness import Strictness
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.inference.tag_figures import TagFigures
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.tasks import LatestRequest
from lmpt_desktop.ui.library.strictness_popover import StrictnessPopover
from lmpt_desktop.ui.library.strictness_texts import STEPS, average_text, signed, steps_of

TEXT_GAP = 12
"""Pixels between the icon and the text, at least."""


class StrictnessButton(QToolButton):
    """Changes are seen at once; what they mean, and what is kept, follows in the background."""

    changed = Signal()
    """Predictions are others now."""
    message = Signal(str)
    """What a step by key has done."""
    failed = Signal(object)

    def __init__(self, session: LibrarySession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._announce = False
        self.setObjectName("strictness-button")
        self.setAutoRaise(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._popover: StrictnessPopover | None = None
        self._counting = LatestRequest(self._counted, self.failed.emit, owner=self, overlap=False)
        self._keeping = LatestRequest(_kept, self.failed.emit, owner=self, overlap=False)
        self.clicked.connect(lambda _on=False: self.open_panel())
        theme.manager().changed.connect(self._show)
        self._show()

    @property
    def popover(self) -> StrictnessPopover:
        """The panel, made when it is first opened."""
        if self._popover is None:
            self._popover = StrictnessPopover(self)
            self._popover.changed.connect(self.set_strictness)
        return self._popover

    @property
    def busy(self) -> bool:
        """Whether something is being counted or written."""
        return self._counting.busy or self._keeping.busy

    def sizeHint(self) -> QSize:
        hint = super().sizeHint()
        if self.toolButtonStyle() is Qt.ToolButtonStyle.ToolButtonIconOnly:
            hint.setWidth(
                hint.width() + TEXT_GAP + self.fontMetrics().horizontalAdvance(self.text())
            )
        return hint

    def minimumSizeHint(self) -> QSize:
        """The icon alone must do beside a long class name in a narrow window."""
        hint = self.sizeHint()
        text = TEXT_GAP + self.fontMetrics().horizontalAdvance(self.text())
        return QSize(hint.width() - text, hint.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        styles = Qt.ToolButtonStyle
        roomy = event.size().width() >= self.sizeHint().width()
        self.setToolButtonStyle(
            styles.ToolButtonTextBesideIcon if roomy else styles.ToolButtonIconOnly
        )

    def set_strictness(self, strictness: Strictness) -> None:
        """Predict with another strictness from now on, and remember it."""
        self._session.strictness.show(strictness)
        self._show()
        self._count()
        self._keeping.ask(self._session.strictness.keep)
        self.changed.emit()

    def step(self, steps: int) -> None:
        """Make the library stricter, or looser with negative ``steps``."""
        now = self._session.strictness.now
        self._announce = True
        wanted = max(-STEPS, min(steps_of(now.level) + steps, STEPS))
        self.set_strictness(now.at(wanted / STEPS))

    def open_panel(self, class_id: int | None = None) -> None:
        """Open the panel above the button, with the slider of a class if one is given."""
        popover, snapshot = self.popover, self._session.snapshot()
        popover.show_classes(snapshot.classes)
        popover.show_strictness(snapshot.strictness)
        popover.show_figures(None)
        corner = self.mapToGlobal(QPoint(self.width(), 0))
        size = popover.size()
        place = QRect(corner - QPoint(size.width(), size.height() + 4), size)
        room = self.screen().availableGeometry()
        place.moveLeft(max(room.left(), min(place.left(), room.right() - place.width())))
        place.moveTop(max(room.top(), place.top()))
        popover.setGeometry(place)
        popover.show()
        if class_id is None:
            popover.slider.setFocus(Qt.FocusReason.PopupFocusReason)
        else:
            popover.choose_class(class_id)
        self._count()

    def library_changed(self, snapshot: Snapshot) -> None:
        """The library on screen has changed."""
        if self._popover is not None and self._popover.isVisible():
            self._popover.show_classes(snapshot.classes)
            self._count()

    def stop(self) -> None:
        """Drop what is still to be counted; closing the session keeps the rest."""
        if self._popover is not None:
            self._popover.hide()
        self._counting.cancel()
        self._keeping.cancel()

    def _count(self) -> None:
        self._counting.ask(self._session.strictness.figures)

    def _counted(self, figures: TagFigures) -> None:
        if self._popover is not None and self._popover.isVisible():
            self._popover.show_figures(figures)
        if self._announce and not self._counting.busy:
            self._announce = False
            steps = signed(steps_of(self._session.strictness.now.level))
            self.message.emit(
                _("Strictness {steps}: {average}").format(
                    steps=steps, average=average_text(figures)
                )
            )

    def _show(self, *_args: object) -> None:
        now = self._session.strictness.now
        steps = steps_of(now.level)
        text = _("Strictness {steps}").format(steps=signed(steps)) if steps else _("Strictness")
        self.setText(f"{text} *" if now.classes else text)
        self.setIcon(theme.icon("strictness", "muted" if now.is_neutral else "accent"))
        tip = _("How sure a prediction must be to count: fewer and surer tags, or more and looser")
        if now.classes:
            tip += "\n" + _("Some classes have a strictness of their own (*).")
        self.setToolTip(tip)
        self.setAccessibleName(text)


def _kept(_none: None) -> None:
    """Nothing is left to do when a strictness is written."""
