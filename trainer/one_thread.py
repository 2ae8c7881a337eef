"""numpy's matrix products and solutions on one thread (imports no torch).

OpenBLAS's threads spin while they wait for each other.  Where other programs use the processors,
that costs many times the work itself.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

_lock = threading.RLock()


@contextmanager
def one_thread() -> Iterator[None]:
    """Meanwhile products take one thread each, in the whole process.

    One thread is in here at a time, others wait: the number is the process's, and must be given
    back by the one that changed it.  May be nested.  For threads beside the main one: once that
    has set a number, OpenBLAS may not listen to others, and products take as many as before.
    """
    with _lock, _controller().limit(limits=1, user_api="blas"):
        yield


@cache
def _controller() -> ThreadpoolController:
    """Looking for the libraries takes as long as a small product."""
    from threadpoolctl import ThreadpoolController  # noqa: PLC0415 - not to open a window

    return ThreadpoolController()
