"""Cancelling a run (imports no torch, so that requests are noticed from the start).

The app asks with a ``Stop`` line on stdin.  Any other process, or an app that was restarted and no
longer has the pipe, creates a file named ``cancel`` in the job folder.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from trainer.events import MAX_LINE_BYTES, ProtocolError, Stop, parse_line
from trainer.threads import start_thread

POLL_SECONDS = 0.2
GRACE_SECONDS = 1.2
"""Time for a run with nothing to keep to notice the request itself; 2 s are promised in all."""


class RunCancelledError(Exception):
    """The run was asked to stop."""


class CancelToken:
    """Watches stdin and the cancel file in background threads.

    Until :meth:`disarm` is called there is nothing worth keeping.  A run that does not react within
    the grace period (because it is importing torch or loading a backbone) is then ended by
    ``abandon``.
    """

    def __init__(
        self,
        cancel_file: Path | None = None,
        *,
        read_stdin: bool = False,
        abandon: Callable[[], None] | None = None,
    ) -> None:
        self._event = threading.Event()
        self._armed = threading.Event()
        self._closed = threading.Event()
        self._cancel_file = cancel_file
        self._abandon = abandon
        if abandon is not None:
            self._armed.set()
        if cancel_file is not None or abandon is not None:
            start_thread(self._poll, "cancel-poll")
        if read_stdin:
            start_thread(self._read, "cancel-stdin")

    def request(self) -> None:
        """Ask the run to stop."""
        self._event.set()

    @property
    def requested(self) -> bool:
        return self._event.is_set()

    def check(self, *_: object) -> None:
        """Raise if the run was asked to stop.  Arguments are ignored, so this can serve as a hook.

        Raises:
            RunCancelledError: if a stop was requested.
        """
        if self._event.is_set():
            raise RunCancelledError

    def disarm(self) -> None:
        """There is now something worth keeping: let the run end by itself."""
        self._armed.clear()

    def close(self) -> None:
        """Stop watching."""
        self._armed.clear()
        self._closed.set()

    def _poll(self) -> None:
        while not self._closed.is_set():
            if self._cancel_file is not None and self._cancel_file.exists():
                self._event.set()
            if self._event.wait(POLL_SECONDS):
                break
        if self._closed.wait(GRACE_SECONDS) or not self._armed.is_set():
            return
        if self._abandon is not None:
            self._abandon()

    def _read(self) -> None:
        # The raw descriptor, not sys.stdin: a daemon thread blocked inside the buffered
        # reader makes the interpreter abort at exit.
        try:
            descriptor = sys.stdin.fileno()
        except (OSError, ValueError, AttributeError):
            return
        pending = b""
        while True:
            try:
                chunk = os.read(descriptor, 4096)
            except OSError:
                return
            if not chunk:
                # The app was closed; a run deliberately outlives it.
                return
            *lines, pending = (pending + chunk).split(b"\n")
            pending = pending[: MAX_LINE_BYTES + 1]
            for line in lines:
                try:
                    message = parse_line(line.decode("utf-8", "replace"))
                except ProtocolError:
                    continue
                if isinstance(message, Stop):
                    self._event.set()
                    return
