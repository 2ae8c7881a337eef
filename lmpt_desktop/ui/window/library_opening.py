"""Opens and closes library sessions off the window's thread; one window per library."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from lmpt_desktop.ui.kit.tasks import Task
from lmpt_desktop.ui.library.opened import Opened
from lmpt_desktop.ui.window.single_instance import hand_over

CLOSE_SECONDS = 20.0
"""How long to wait for an earlier library, which may be the same one, to close."""
RETRY_MS = 700
"""Delay before a second attempt: a locked library whose window did not answer is perhaps just
being opened there."""

PAGE_SECONDS = 5.0
"""A scan makes way for the page that is being made, for this long at most."""

Open = Callable[[Path], Opened]


@dataclass(frozen=True)
class _Request:
    library: Path
    folders: tuple[Path, ...]
    photos: tuple[Path, ...]
    like: Path | None = None
    retried: bool = False


class LibraryOpener(QObject):
    """Every :meth:`open` ends with ``opened``, ``failed`` or ``shown_elsewhere``."""

    opened = Signal(object, object)
    """An :class:`Opened`, and the photos to select in it (a tuple of paths)."""
    failed = Signal(object)
    """The exception."""
    shown_elsewhere = Signal(object)
    """The library (Path) is open in another window, which came to the front and got the folders."""

    def __init__(self, open_session: Open, parent: QObject | None = None) -> None:
        """``open_session`` is called on a worker thread with the library's folder."""
        super().__init__(parent)
        self._open_session = open_session
        self._closings: list[threading.Event] = []
        self._request: _Request | None = None

    @property
    def busy(self) -> bool:
        """Whether a library is being opened."""
        return self._request is not None

    def open(
        self,
        library: Path,
        folders: Sequence[Path] = (),
        photos: Sequence[Path] = (),
        *,
        like: Path | None = None,
    ) -> None:
        """Open ``library`` and add ``folders`` to it.

        If it is new and ``like`` is another one, it gets the vocabulary and the learned prompts of
        that.

        If another window has it open, that window comes to the front instead and gets ``folders``
        and ``photos``.
        """
        self._begin(_Request(library, tuple(folders), tuple(photos), like))

    def close(self, opened: Opened) -> None:
        """Close a library in the background."""
        closed = threading.Event()
        self._closings.append(closed)

        def close() -> None:
            try:
                opened.close()
            finally:
                closed.set()

        Task(close, lambda _none: self._closings.remove(closed), owner=None)

    def wait(self) -> None:
        """Wait until every session is closed."""
        for closed in list(self._closings):
            closed.wait(CLOSE_SECONDS)

    def _begin(self, request: _Request) -> None:
        self._request = request

        def answered(shown: bool) -> None:
            if shown:
                self._request = None
                self.shown_elsewhere.emit(request.library)
            else:
                Task(lambda: self._open(request), self._done, self._failed, owner=self)

        Task(
            lambda: hand_over(request.library, (*request.folders, *request.photos)),
            answered,
            self._failed,
            owner=self,
        )

    def _open(self, request: _Request) -> Opened:
        self.wait()
        if request.like is not None:
            from lmpt_desktop.engine.versions.new_library import start_like  # noqa: PLC0415

            start_like(request.like, request.library)
        opened = self._open_session(request.library)
        try:
            # Of what a scan finds now the first is shown with the page, which is made meanwhile.
            opened.session.attention.expect(PAGE_SECONDS)
            for folder in request.folders:
                opened.session.folders.add(folder)
            return replace(opened, folders=tuple(opened.session.folders.all()))
        except BaseException:
            opened.close()
            raise

    def _done(self, opened: Opened) -> None:
        request, self._request = self._request, None
        self.opened.emit(opened, request.photos if request is not None else ())

    def _failed(self, error: Exception) -> None:
        from lmpt_desktop.catalogue.errors import CatalogueLocked  # noqa: PLC0415

        request = self._request
        if isinstance(error, CatalogueLocked) and request is not None and not request.retried:
            again = replace(request, retried=True)
            QTimer.singleShot(RETRY_MS, self, lambda: self._begin(again))
            return
        self._request = None
        self.failed.emit(error)
