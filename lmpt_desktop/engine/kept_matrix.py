"""A large matrix of which every change makes a new read-only array, without a copy of the whole."""

from __future__ import annotations

import contextlib
import mmap
import sys
import threading
import weakref
from collections import deque
from collections.abc import Iterable
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

SMALL_BYTES = 1 << 20
"""Smaller matrices are simply copied."""
_SPREAD = 16
"""Writing one cell here and there takes as long as copying about this many cells of a whole matrix:
each is in a cache line of its own."""
_MOST_CHANGES = 1000
_MOST_FREE = 1
"""Buffers that wait for the next change; more are given back to the system."""

Change: TypeAlias = tuple[Any, NDArray[Any]]
"""Where cells change (an index of numpy's), and what they are then, an array of as many cells."""


T = TypeVar("T", bound=np.generic)


class KeptMatrix(Generic[T]):
    """The versions of a matrix, made one from the other.

    Whoever has an array of :meth:`changed` may keep it, and views of it, as long as wanted: it
    never changes.  Its memory is written again only when nobody refers to it any more, and then
    only where it differs from the newest version.  So a change costs what it touches, and there
    are as many matrices in memory as are in use, and one.  Each has pages of its own, which the
    system gets back at once: between the blocks of the C library's heap, matrices that come and go
    leave gaps that are never given back.

    One thread at a time may call :meth:`changed`; arrays may be dropped, and :meth:`let_go` called,
    on any thread.
    """

    def __init__(self, small_bytes: int = SMALL_BYTES) -> None:
        self._small_bytes = small_bytes
        self._newest: weakref.ref[NDArray[T]] | None = None
        self._buffers: list[_Buffer] = []
        self._free: deque[_Buffer] = deque()
        self._lock = threading.Lock()
        """Of the buffers."""
        self.copied = 0
        """How many changes had to copy the whole."""

    def changed(self, old: NDArray[T], changes: Iterable[Change]) -> NDArray[T]:
        """``old`` with these changes, one after the other: a read-only array of the same shape.

        It need not have been made here, but then all of it is copied.
        """
        if old.nbytes <= self._small_bytes:
            made = old.copy()
            for index, values in changes:
                made[index] = values
            made.flags.writeable = False
            return made
        with self._lock:
            if self._newest is None or self._newest() is not old:
                # Those of other versions differ from this one by what is not known.
                self._buffers, self._free = [], deque()
            buffer = self._buffer_like(old)
        if buffer.behind.everything:
            np.copyto(buffer.values, old)
            self.copied += 1
        for index in buffer.behind.indices:
            buffer.values[index] = old[index]
        buffer.behind = _Behind()
        with self._lock:
            others = [other for other in self._buffers if other is not buffer]
        for index, values in changes:
            buffer.values[index] = values
            for other in others:
                other.behind.add(index, _SPREAD * values.size, old.size)
        made = buffer.lend(self._free)
        self._newest = weakref.ref(made)
        return made

    def let_go(self) -> None:
        """Give back the buffers that the last changes needed and that are free now."""
        with self._lock:
            self._drop_free()

    def _drop_free(self) -> None:
        while len(self._free) > _MOST_FREE:
            self._buffers.remove(self._free.popleft())

    def _buffer_like(self, old: NDArray[T]) -> _Buffer:
        if not self._free:
            self._buffers.append(_Buffer(old.shape, old.dtype))
            return self._buffers[-1]
        buffer = self._free.popleft()
        self._drop_free()
        return buffer


class _Behind:
    """Where a buffer differs from the newest version."""

    def __init__(self, *, everything: bool = False) -> None:
        self.everything = everything
        self.indices: list[Any] = []
        self._cost = 0

    def add(self, index: object, cost: int, most: int) -> None:
        """Further cells; with too many it takes less to copy all."""
        self._cost += cost
        if self._cost > most or len(self.indices) >= _MOST_CHANGES:
            self.everything = True
            self.indices.clear()
        elif not self.everything:
            self.indices.append(index)


class _Buffer:
    """Memory for one version.

    Attributes:
        values: the matrix in it, to be written only while nobody has it.
        behind: what it lacks of the newest version.
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._memory = _pages(int(np.prod(shape)) * dtype.itemsize)
        self.values = np.frombuffer(self._memory, dtype).reshape(shape)
        self.behind = _Behind(everything=True)

    def lend(self, free: deque[_Buffer]) -> NDArray[Any]:
        """The matrix, read-only; the buffer is put into ``free`` when all views of it are gone."""
        # Views of a view refer to the array below, which refers to something that is no array.
        lowest = np.frombuffer(memoryview(self._memory).toreadonly(), self.values.dtype)
        # No lock: this may run wherever the last reference goes, within a collection too.
        weakref.finalize(lowest, free.append, self)
        return lowest.reshape(self.values.shape)


def _pages(size: int) -> mmap.mmap:
    """Memory of its own.

    Raises:
        MemoryError: if there is not so much.
    """
    try:
        if sys.platform == "win32":
            return mmap.mmap(-1, size)
        memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE)
    except OSError as error:
        raise MemoryError(f"{size:,} bytes") from error
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # as numpy does; a kernel may know no large pages
            memory.madvise(mmap.MADV_HUGEPAGE)
    return memory
