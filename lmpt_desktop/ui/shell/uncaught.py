"""Exceptions that nothing handled: logged, and told once, wherever they come from.

:mod:`lmpt_desktop.ui.kit.overrides` sends those of overrides to ``sys.excepthook``, and PySide
those of slots.  One that is raised again and again, once in each cell of a table, fills neither
the log nor the window.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from lmpt_desktop.ui.kit.tasks import call_soon

LOG_EVERY_SECONDS = 60.0
"""Between two entries in the log about the same place."""

log = logging.getLogger(__name__)

Place = tuple[str, str, int]
"""The kind of exception, the file and the line where it was raised."""


class UncaughtErrors:
    """Handles exceptions that nothing else handled, on any thread.

    ``tell(error)`` is called on the window's thread, once for each place, and never in the middle
    of what failed.
    """

    def __init__(
        self, tell: Callable[[Exception], object], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tell = tell
        self._clock = clock
        self._logged: dict[Place, float] = {}
        self._unlogged: dict[Place, int] = {}

    def install(self) -> None:
        """Handle what Python would write to stderr; call it on the window's thread."""
        sys.excepthook = self.handle
        threading.excepthook = self._handle_thread
        sys.unraisablehook = self._log_unraisable

    def handle(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """As ``sys.excepthook``."""
        place = _place(kind, trace)
        told = place in self._logged
        self._log(place, "uncaught", (kind, error, trace))
        if not told and isinstance(error, Exception):
            call_soon(lambda: self._tell(error))

    def _handle_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and args.exc_type is not SystemExit:
            self.handle(args.exc_type, args.exc_value, args.exc_traceback)

    def _log_unraisable(self, args: Any) -> None:
        """Of a destructor, say: nothing that the user would miss."""
        if args.exc_value is not None:
            text = f"{args.err_msg or 'ignored'}: {args.object!r}"
            trace = args.exc_traceback
            self._log(_place(args.exc_type, trace), text, (args.exc_type, args.exc_value, trace))

    def _log(
        self,
        place: Place,
        text: str,
        exception: tuple[type[BaseException], BaseException, TracebackType | None],
    ) -> None:
        now = self._clock()
        if place in self._logged and now - self._logged[place] < LOG_EVERY_SECONDS:
            self._unlogged[place] = self._unlogged.get(place, 0) + 1
            return
        self._logged[place] = now
        if again := self._unlogged.pop(place, 0):
            text = f"{text} (and {again} times since it was last logged)"
        log.critical("%s", text, exc_info=exception)


def _place(kind: type[BaseException], trace: TracebackType | None) -> Place:
    """Where an exception was raised."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return kind.__name__, "", 0
    return kind.__name__, trace.tb_frame.f_code.co_filename, trace.tb_lineno
