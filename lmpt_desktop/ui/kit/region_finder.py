"""Asks where a class is seen once somebody has looked at it for a moment, and says so here."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple, Protocol

from PySide6.QtCore import QObject, QTimer, Signal
from shiboken6 import isValid

from lmpt_desktop.ui.kit import tasks
from trainer.box import Box

PAUSE_MS = 150
"""Nothing is asked while the pointer or the keyboard moves on faster than this."""


class Asked(Protocol):
    """The part of :class:`lmpt_desktop.engine.regions.Regions` that is used."""

    def ask(
        self,
        image_id: int,
        class_id: int,
        answer: Callable[[Box | None], None],
        *,
        load: bool = False,
    ) -> None: ...

    def drop(self) -> None: ...


class _Wanted(NamedTuple):
    image_id: int
    version: str
    class_id: int


class RegionFinder(QObject):
    """Finds the region of one class in one photo at a time; the last one wanted counts."""

    found = Signal(int, object)
    """Image id, and the region (:class:`Box`) or None, which also comes as soon as another is
    wanted."""

    def __init__(self, regions: Asked, parent: QObject) -> None:
        super().__init__(parent)
        self._regions = regions
        self._wanted: _Wanted | None = None
        self._box: Box | None = None
        self._load = self._waiting = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MS)
        self._timer.timeout.connect(self._ask)
        tasks.prepare()

    def want(self, image_id: int, version: str, class_id: int | None, *, load: bool) -> None:
        """Find where a class is seen in an image, None or an id below 0 for nothing.

        Args:
            image_id, class_id: the image and the class.
            version: changes with the content of the image's file.
            load: the user has asked for it, see :meth:`Regions.ask`.
        """
        wanted = None if class_id is None or image_id < 0 else _Wanted(image_id, version, class_id)
        if wanted == self._wanted and not (load and not self._load and self._box is None):
            self.found.emit(image_id, self._box)  # the photo may have been shown anew
            return
        self._wanted, self._load, self._box = wanted, load, None
        self.found.emit(image_id, None)
        if self._waiting:
            self._waiting = False
            self._regions.drop()
        if wanted is not None:
            self._timer.start()
        else:
            self._timer.stop()

    def _ask(self) -> None:
        if (wanted := self._wanted) is None:
            return

        def answer(box: Box | None) -> None:
            tasks.call_soon(functools.partial(self._answered, wanted, box))

        self._waiting = True
        self._regions.ask(wanted.image_id, wanted.class_id, answer, load=self._load)

    def _answered(self, wanted: _Wanted, box: Box | None) -> None:
        if isValid(self) and wanted == self._wanted:
            self._waiting, self._box = False, box
            self.found.emit(wanted.image_id, box)
