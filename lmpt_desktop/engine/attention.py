"""What the user is waiting to see, for which work in the background makes way (Qt-free).

A scan and the window share Python's lock and the processors.  Pictures that are looked at come
first, but never so that a scan stands still: somebody who scrolls all day would never see its end.
"""

from __future__ import annotations

import threading
import time
from types import TracebackType

WAY_SECONDS = 0.02
"""How long a piece of background work waits at most before it goes on all the same: a scan that
makes way all the time still finds photos faster than they are scrolled past."""


class Attention:
    """Counts what is being made for the screen; every method may be called from any thread.

    Enter it while something is made that the user looks at::

        with attention:
            jpeg = make_jpeg(path, size)
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held = 0
        self._expected_until = 0.0

    def __enter__(self) -> None:
        with self._changed:
            self._held += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._changed:
            self._held -= 1
            self._changed.notify_all()

    def expect(self, seconds: float) -> None:
        """Something is about to be made: make way for it for this long, or until :meth:`met`."""
        with self._changed:
            self._expected_until = time.monotonic() + seconds

    def met(self) -> None:
        """What was expected is there, or will not come."""
        with self._changed:
            self._expected_until = 0.0
            self._changed.notify_all()

    @property
    def wanted(self) -> bool:
        """Whether somebody waits for something at this moment."""
        with self._changed:
            return self._is_wanted()

    def make_way(self, seconds: float = WAY_SECONDS) -> None:
        """Wait while something is wanted, at most this long."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_wanted(), timeout=seconds)

    def _is_wanted(self) -> bool:
        return self._held > 0 or time.monotonic() < self._expected_until
