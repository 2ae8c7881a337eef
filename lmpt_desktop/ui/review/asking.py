"""Asks the session for questions, off the window's thread; only the newest request counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from lmpt_desktop.domain.bands import ClassBands
from lmpt_desktop.inference.queues import Queue, QueueRequest
from lmpt_desktop.ui.kit import tasks
from lmpt_desktop.ui.review.line import Question

if TYPE_CHECKING:
    from lmpt_desktop.engine.session import LibrarySession


@dataclass(frozen=True, eq=False)
class Asked:
    """A queue, with the bands of the moment it was made (computing them looks at everything)."""

    queue: Queue
    bands: ClassBands
    refreshing: bool
    """Whether it is to go on from the question at hand rather than to begin."""

    def questions(self) -> list[Question]:
        return [Question(item.image_id, item.class_id, item.reason) for item in self.queue.items]


def bands_now(session: LibrarySession) -> ClassBands:
    """The bands as they are; also prepares what verdicts need of a snapshot."""
    snapshot = session.snapshot()
    _ = snapshot.column_of
    return snapshot.bands


class QueueAsker(QObject):
    """Emits :attr:`asked` for the last request, or :attr:`failed`."""

    asked = Signal(object)
    """:class:`Asked`."""
    bands = Signal(object)
    """:class:`ClassBands`, where only these were wanted."""
    failed = Signal(object)

    def __init__(self, session: LibrarySession, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._task: tasks.Task | None = None

    @property
    def busy(self) -> bool:
        return self._task is not None

    def ask(self, request: QueueRequest, *, refreshing: bool = False) -> None:
        """Have a queue built."""
        session = self._session

        def build() -> Asked:
            return Asked(session.queues.build(request), bands_now(session), refreshing)

        self.cancel()
        self._task = tasks.start(build, self._done, self._failed)

    def ask_bands(self) -> None:
        """Have the bands computed only."""
        self.cancel()
        self._task = tasks.start(lambda: bands_now(self._session), self._bands_done, self._failed)

    def cancel(self) -> None:
        """Nobody waits for an answer any more."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _done(self, asked: Asked) -> None:
        self._task = None
        self.asked.emit(asked)

    def _bands_done(self, bands: ClassBands) -> None:
        self._task = None
        self.bands.emit(bands)

    def _failed(self, error: Exception) -> None:
        self._task = None
        self.failed.emit(error)
