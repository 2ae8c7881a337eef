"""The toolbar: the pages at the left, commands in the middle, where work is done at the right."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QAction, QHideEvent, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QSizePolicy,
    QToolBar,
    QToolButton,
    QWidget,
)

from lmpt_desktop.ui.kit.plain_text import Html

ICON_AND_LABEL = Qt.ToolButtonStyle.ToolButtonTextBesideIcon
ICON_ALONE = Qt.ToolButtonStyle.ToolButtonIconOnly


class Segments(QFrame):
    """Buttons side by side, one per page; the one of the page in front is checked.

    The style sheet knows the frame by its name ``segments`` and the buttons by their property
    ``segment``.
    """

    def __init__(self, title: str, actions: Mapping[str, QAction]) -> None:
        """``actions`` bring the pages to the front, by page name."""
        super().__init__()
        self.setObjectName("segments")
        self.setAccessibleName(title)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.setSpacing(2)
        self._in_front = ""
        self.buttons: dict[str, QToolButton] = {}
        """By page name."""
        for page, action in actions.items():
            button = QToolButton()
            button.setProperty("segment", True)
            button.setObjectName(f"segment-{page}")
            button.setCheckable(True)
            # As the other buttons of a toolbar: a click must leave the focus with the work.
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.clicked.connect(lambda _checked=False, a=action: self._pressed(a))
            action.changed.connect(lambda b=button, a=action: _follow(b, a))
            _follow(button, action)
            self.buttons[page] = button
            layout.addWidget(button)

    def show_page(self, page: str) -> None:
        """Check the button of this page; none if it has none."""
        self._in_front = page
        for name, button in self.buttons.items():
            button.setChecked(name == page)

    def _pressed(self, action: QAction) -> None:
        action.trigger()
        # A click has checked the button, whether or not its page has come to the front.
        self.show_page(self._in_front)


def _follow(button: QToolButton, action: QAction) -> None:
    button.setText(action.iconText())
    button.setToolTip(Html(action.toolTip()))
    button.setEnabled(action.isEnabled())


class FittingToolBar(QToolBar):
    """``action_of`` returns the action of a command on this bar.  Commands in ``icon_only`` have no
    label; those in ``collapse_order`` lose theirs in this order if the window is too narrow, after
    the widgets of :meth:`add_spare`.

    A button without a label has it as tool tip and accessible name.
    """

    def __init__(
        self,
        title: str,
        action_of: Callable[[str], QAction],
        icon_only: Sequence[str],
        collapse_order: Sequence[str],
    ) -> None:
        super().__init__(title)
        self._action_of = action_of
        self._icon_only = tuple(icon_only)
        self._collapse_order = tuple(collapse_order)
        self._spare: list[QAction] = []
        self._fitted: tuple[int, int] = (-1, -1)
        self.setMovable(False)
        self.setToolButtonStyle(ICON_AND_LABEL)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.focusWindowChanged.connect(self.forget_mouse)

    def add_space(self) -> None:
        """Put what follows at the right."""
        space = QWidget()
        space.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.addWidget(space)

    def add_spare(self, widget: QWidget) -> None:
        """Add a widget that is left out first where there is no room."""
        self._spare.append(self.addWidget(widget))

    def fit(self) -> None:
        """Show as many labels as there is room for."""
        for spare in self._spare:
            spare.setVisible(True)
        self._style(self._collapse_order, ICON_AND_LABEL)
        self._style(self._icon_only, ICON_ALONE)
        whole = self.sizeHint().width()
        for spare in self._spare:
            if self.sizeHint().width() > self.width():
                spare.setVisible(False)
        for command_id in self._collapse_order:
            if self.sizeHint().width() <= self.width():
                break
            self._style((command_id,), ICON_ALONE)
        self._fitted = (self.width(), whole)

    def forget_mouse(self, *_: object) -> None:
        """Let no button look as if the mouse were on it.

        Qt does not tell a button that the mouse has left it when a dialog comes in between, or
        when the bar is hidden: it would stay lit.
        """
        for button in self.findChildren(QToolButton):
            if button.testAttribute(Qt.WidgetAttribute.WA_UnderMouse):
                button.setAttribute(Qt.WidgetAttribute.WA_UnderMouse, False)
                button.update()

    def _style(self, command_ids: Sequence[str], style: Qt.ToolButtonStyle) -> None:
        for command_id in command_ids:
            button = self.widgetForAction(self._action_of(command_id))
            if isinstance(button, QToolButton) and button.toolButtonStyle() != style:
                button.setToolButtonStyle(style)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != self._fitted[0]:
            self.fit()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.forget_mouse()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fitted = (-1, -1)
