"""A toolbar that drops the labels of its buttons one by one if there is no room for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QToolBar, QToolButton

ICON_AND_LABEL = Qt.ToolButtonStyle.ToolButtonTextBesideIcon
ICON_ALONE = Qt.ToolButtonStyle.ToolButtonIconOnly


class FittingToolBar(QToolBar):
    """``action_of`` returns the action of a command on this bar.  Commands in ``icon_only`` have no
    label; those in ``collapse_order`` lose theirs in this order if the window is too narrow.

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
        self._fitted: tuple[int, int] = (-1, -1)
        self.setMovable(False)
        self.setToolButtonStyle(ICON_AND_LABEL)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)

    def fit(self) -> None:
        """Show as many labels as there is room for."""
        self._style(self._collapse_order, ICON_AND_LABEL)
        self._style(self._icon_only, ICON_ALONE)
        whole = self.sizeHint().width()
        for command_id in self._collapse_order:
            if self.sizeHint().width() <= self.width():
                break
            self._style((command_id,), ICON_ALONE)
        self._fitted = (self.width(), whole)

    def _style(self, command_ids: Sequence[str], style: Qt.ToolButtonStyle) -> None:
        for command_id in command_ids:
            button = self.widgetForAction(self._action_of(command_id))
            if isinstance(button, QToolButton) and button.toolButtonStyle() != style:
                button.setToolButtonStyle(style)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != self._fitted[0]:
            self.fit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fitted = (-1, -1)
