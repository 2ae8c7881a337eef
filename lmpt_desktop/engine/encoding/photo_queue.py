"""Which photos to encode next, and which one crashed the encoder (pure logic, Qt-free).

When the encoder crashes, any of the photos in flight may be the cause.  So all of them are
retried one at a time, and one that crashes the encoder twice while alone is *condemned*.  A
condemned photo is reported as unreadable only once another photo has been encoded since, or
nothing else is left to try: several in a row suggest that the encoder itself is broken, and the
photos then wait again.

Photos to be encoded *again*, whose features can be used meanwhile, wait for all others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

MAX_CONDEMNED = 3
"""After this many condemned photos in a row the encoder itself counts as broken."""


class PhotoQueue:
    """Ids of images waiting, in flight, suspected and condemned (not thread-safe)."""

    def __init__(self) -> None:
        self._waiting: dict[int, None] = {}
        self._waiting_again: dict[int, None] = {}
        self._again: set[int] = set()
        """Which photos are to be encoded again, in whatever state."""
        self._suspects: deque[int] = deque()
        self._in_flight: dict[str, list[int]] = {}
        self._condemned: list[int] = []
        self._crashes: dict[int, int] = {}

    def __len__(self) -> int:
        """Photos not yet done, including those in flight."""
        waiting = len(self._waiting) + len(self._waiting_again)
        return waiting + len(self._suspects) + self.in_flight_photos

    @property
    def first_time(self) -> int:
        """Photos not yet done that have no feature yet."""
        others = (*self._suspects, *(i for ids in self._in_flight.values() for i in ids))
        return len(self._waiting) + sum(i not in self._again for i in others)

    @property
    def in_flight_photos(self) -> int:
        return sum(len(ids) for ids in self._in_flight.values())

    @property
    def in_flight_requests(self) -> int:
        return len(self._in_flight)

    @property
    def has_next(self) -> bool:
        """Whether a photo is waiting to be sent."""
        return bool(self._waiting or self._waiting_again or self._suspects)

    @property
    def encoder_is_broken(self) -> bool:
        return len(self._condemned) >= MAX_CONDEMNED

    def add(self, ids: Iterable[int], *, again: bool = False) -> None:
        """Append new photos; those already queued stay where they are, but no photo without a
        feature waits among those to be encoded ``again``."""
        busy = {i for part in self._in_flight.values() for i in part}
        busy.update(self._suspects, self._condemned)
        new = [i for i in ids if i not in busy and i not in self._waiting]
        if again:
            self._waiting_again.update(dict.fromkeys(new))
            self._again.update(new)
            return
        for i in new:
            self._waiting_again.pop(i, None)
        self._waiting.update(dict.fromkeys(new))
        self._again.difference_update(new)

    def prioritise(self, ids: Iterable[int]) -> None:
        """Move the waiting ones of ``ids`` to the front, in the order given."""
        first = {i: None for i in ids if i in self._waiting}
        if first:
            self._waiting = first | self._waiting
        again = {i: None for i in ids if i in self._waiting_again}
        if again:
            self._waiting_again = again | self._waiting_again

    def clear(self) -> None:
        """Drop everything that is not in flight."""
        self._waiting.clear()
        self._waiting_again.clear()
        self._suspects.clear()
        self._condemned.clear()

    def take(self, request: str, size: int, max_requests: int) -> list[int]:
        """The photos of the next request; [] when none should be sent now.

        A suspect is sent alone, with nothing else in flight.
        """
        if self._suspects:
            if self._in_flight:
                return []
            ids = [self._suspects.popleft()]
        elif len(self._in_flight) < max_requests and (self._waiting or self._waiting_again):
            waiting = self._waiting or self._waiting_again
            ids = [i for i, _ in zip(waiting, range(size), strict=False)]
            for i in ids:
                del waiting[i]
        else:
            return []
        self._in_flight[request] = ids
        return ids

    def answered(self, request: str, *, encoded: bool) -> list[int]:
        """The request was answered; returns condemned photos that are now known to be unreadable.

        ``encoded``: at least one photo was encoded, so the encoder works.
        """
        self._again.difference_update(self._in_flight.pop(request, ()))
        return self._take_condemned() if encoded or not len(self) else []

    def crashed(self) -> list[int]:
        """The encoder crashed; returns condemned photos that are now known to be unreadable."""
        alone = self.in_flight_photos == 1
        for i in (i for ids in self._in_flight.values() for i in ids):
            if alone:
                self._crashes[i] = self._crashes.get(i, 0) + 1
            if self._crashes.get(i, 0) >= 2:
                self._condemned.append(i)
            else:
                self._suspects.append(i)
        self._in_flight.clear()
        return self._take_condemned() if not len(self) and not self.encoder_is_broken else []

    def requeue_in_flight(self) -> None:
        """The process ended without a crash: photos in flight wait again."""
        back = [i for ids in self._in_flight.values() for i in ids]
        self._in_flight.clear()
        self._requeue(back)

    def drop_in_flight(self) -> None:
        """The photos in flight are no longer wanted."""
        self._again.difference_update(*self._in_flight.values())
        self._in_flight.clear()

    def requeue_suspects(self) -> None:
        """The encoder was the cause: condemned and suspected photos wait again."""
        back = [*self._condemned, *self._suspects]
        self._condemned.clear()
        self._suspects.clear()
        self._crashes.clear()
        self._requeue(back)

    def _requeue(self, back: list[int]) -> None:
        again = [i for i in back if i in self._again]
        first = [i for i in back if i not in self._again]
        self._waiting = dict.fromkeys(first) | self._waiting
        self._waiting_again = dict.fromkeys(again) | self._waiting_again

    def _take_condemned(self) -> list[int]:
        unreadable, self._condemned = self._condemned, []
        return unreadable
