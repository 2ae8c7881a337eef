"""Notice that a run should stop (imports no torch, so it watches from the first instant).

The window asks by a ``Stop`` line on stdin; any other process, or a window that was reopened
and has no pipe any more, by a file named ``cancel`` in the job folder.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from trainer.events import ProtocolError, Stop, parse_line

POLL_SECONDS = 0.2
GRACE_SECONDS = 1.2
"""How long a run with nothing to keep may take to notice by itself; 2 s is promised."""


class StopRequestedError(Exception):
    """The run was asked to stop."""


class StopWatch:
    """Watches stdin and the cancel file in the background.

    Until :meth:`disarm`, a run that does not notice the request within the grace period (it is
    importing torch or loading a backbone, and has nothing worth keeping) is ended by
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
            threading.Thread(target=self._poll, name="stop-poll", daemon=True).start()
        if read_stdin:
            threading.Thread(target=self._read, name="stop-stdin", daemon=True).start()

    def request(self) -> None:
        """Ask the run to stop."""
        self._event.set()

    @property
    def requested(self) -> bool:
        return self._event.is_set()

    def check(self, *_: object) -> None:
        """Raise if a stop was asked for; ignores its arguments, so that it can serve as a hook.

        Raises:
            StopRequestedError: if so.
        """
        if self._event.is_set():
            raise StopRequestedError

    def disarm(self) -> None:
        """From now on there is something worth keeping: the run must end in its own way."""
        self._armed.clear()

    def close(self) -> None:
        """End the watching."""
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
                # The window went away; a run outlives it on purpose.
                return
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                try:
                    message = parse_line(line.decode("utf-8", "replace"))
                except ProtocolError:
                    continue
                if isinstance(message, Stop):
                    self._event.set()
                    return
