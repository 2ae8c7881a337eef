"""Progress and speed of encoding, and how many photos a request should hold (Qt-free)."""

from __future__ import annotations

import time

from lmpt_desktop.engine.notices import Activity, ActivityKind, ActivityState
from lmpt_desktop.translation import _

REQUEST_SECONDS = 2.0
"""Intended duration of a photo request: short, so that photos scrolled into view come soon."""
MIN_REQUEST, MAX_REQUEST = 16, 256


class EncodeProgress:
    """Counts the photos of the current batch of work and estimates the time left."""

    def __init__(self) -> None:
        self._done = 0
        self._again = False
        self._last: Activity | None = None
        self.restart()

    def restart(self) -> None:
        """Measure speed from now on (loading and pauses are left out)."""
        self._since = time.monotonic()
        self._since_done = 0
        self._rate: float | None = None

    def add(self, photos: int) -> None:
        """Count ``photos`` more as done."""
        self._done += photos
        self._since_done += photos
        seconds = time.monotonic() - self._since
        if seconds > 0.05:
            rate = self._since_done / seconds
            self._rate = rate if self._rate is None else 0.7 * self._rate + 0.3 * rate
        if seconds > 10.0:
            self._since, self._since_done = time.monotonic(), 0

    def request_size(self) -> int:
        """Photos to put into the next request."""
        if self._rate is None:
            return MIN_REQUEST
        return int(min(max(self._rate * REQUEST_SECONDS, MIN_REQUEST), MAX_REQUEST))

    def activity(
        self,
        left: int,
        *,
        paused: bool,
        failure: str,
        waiting_for_model: bool,
        again: bool = False,
        note: str = "",
        waits: bool = False,
    ) -> Activity | None:
        """The activity to report, or None where nothing has changed since the last one; ``note``
        and ``waits`` are used while photos are encoded, see :class:`Activity`.

        ``again``: the photos that are left have been encoded before.  They are counted by
        themselves, so that a new photo is not the 90,001st.
        """
        if again != self._again:
            self._done, self._again = 0, again
        done, total = self._done, self._done + left
        message, seconds = "", None
        if failure:
            state, message = ActivityState.FAILED, failure
        elif not left:
            state = ActivityState.IDLE
            self._done = 0
            self.restart()
        elif paused:
            state = ActivityState.PAUSED
        else:
            state = ActivityState.RUNNING
            if waiting_for_model:
                message = _("Loading the model")
            elif again:
                message = _(
                    "These photos keep their predictions until the app has looked at their parts "
                    "as well. You can go on working."
                )
                seconds = left / self._rate if self._rate else None
            elif self._rate:
                seconds = left / self._rate
        running = state is ActivityState.RUNNING
        activity = Activity(
            ActivityKind.ENCODE,
            state,
            done,
            total,
            None if waits else seconds,
            message,
            note if running else "",
            again,
            waits=waits and running,
        )
        if self._last is not None and _same(activity, self._last):
            return None
        self._last = activity
        return activity


def _same(new: Activity, old: Activity) -> bool:
    if new.state is old.state is ActivityState.IDLE:
        return True
    return (new.state, new.done, new.total, new.message, new.note, new.again, new.waits) == (
        old.state,
        old.done,
        old.total,
        old.message,
        old.note,
        old.again,
        old.waits,
    )
