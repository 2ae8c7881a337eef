"""Background work of a widget, whose answers are dropped once the widget is gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from PySide6.QtWidgets import QWidget

from lmpt_desktop.ui.kit import tasks

ResultT = TypeVar("ResultT")


class Tasks:
    """What one widget has asked for and not been answered yet."""

    def __init__(self, owner: QWidget) -> None:
        running = self._running = set[tasks.Task[Any]]()

        def drop_all() -> None:
            for task in running:
                task.cancel()

        owner.destroyed.connect(drop_all)

    def start(
        self,
        function: Callable[[], ResultT],
        on_done: Callable[[ResultT], object],
        on_error: Callable[[Exception], object],
    ) -> tasks.Task[ResultT]:
        """As :func:`background.start`."""

        def done(result: ResultT) -> None:
            self._running.discard(task)
            on_done(result)

        def failed(error: Exception) -> None:
            self._running.discard(task)
            on_error(error)

        task = tasks.start(function, done, failed)
        self._running.add(task)
        return task
