"""A dictionary that forgets what was used longest ago."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")


class BoundedDict(Generic[KeyT, ValueT]):
    """What is kept, so as not to be made again; every method may be called from any thread."""

    def __init__(self, most: float, weight: Callable[[ValueT], float] | None = None) -> None:
        """
        Args:
            most: of entries, or of the sum of their weights.  The newest is kept whatever it
                weighs.
            weight: of an entry, such as its bytes.
        """
        self._most = most
        self._weight = weight
        self._entries: OrderedDict[KeyT, tuple[ValueT, float]] = OrderedDict()
        self._sum = 0.0
        self._lock = threading.Lock()

    def get(self, key: KeyT) -> ValueT | None:
        """What is kept for ``key``, which counts as used now."""
        with self._lock:
            found = self._entries.get(key)
            if found is None:
                return None
            self._entries.move_to_end(key)
            return found[0]

    def put(self, key: KeyT, value: ValueT) -> ValueT:
        """Keep ``value``, and forget others if it is too much now; returns it."""
        weight = 1.0 if self._weight is None else self._weight(value)
        with self._lock:
            self._remove(key)
            self._entries[key] = value, weight
            self._sum += weight
            while self._sum > self._most and len(self._entries) > 1:
                self._remove(next(iter(self._entries)))
        return value

    def forget(self, key: KeyT) -> None:
        """Keep nothing for ``key``."""
        with self._lock:
            self._remove(key)

    def known(self) -> list[KeyT]:
        """Longest unused first."""
        with self._lock:
            return list(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def _remove(self, key: KeyT) -> None:
        if (found := self._entries.pop(key, None)) is not None:
            self._sum -= found[1]
