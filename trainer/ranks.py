"""The processes that share a run: one, or several that ``torchrun`` has started.

The code of a run is the same for both.  Each process, a *rank*, computes its part of the rows;
:meth:`Ranks.whole` puts the parts together, and the objective is the sum of what the ranks call
their share of the loss, so gradients are summed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor


class LostRankError(Exception):
    """Another rank has ended, so this run cannot go on; the message says why."""


class Ranks(Protocol):
    """The ranks of a run, as one of them sees them.

    All ranks must call the same methods in the same order.  Every method but :meth:`part` and
    :meth:`fail` raises :class:`LostRankError` if another rank has ended.
    """

    @property
    def rank(self) -> int:
        """The number of this one, from 0, which alone writes events and results."""
        ...

    @property
    def count(self) -> int: ...

    @property
    def local_rank(self) -> int:
        """Its number on this machine: that of its GPU."""
        ...

    @property
    def local_count(self) -> int:
        """How many share this machine."""
        ...

    def part(self, total: int) -> slice:
        """Which of ``total`` rows are this rank's."""
        ...

    def whole(self, own: Tensor, total: int) -> Tensor:
        """All ``total`` rows of which each rank has its :meth:`part` in ``own`` (n, ...); on every
        rank the same bits.  Differentiable: the gradient of ``own`` is the sum over ranks."""
        ...

    def sum_(self, tensors: Sequence[Tensor]) -> None:
        """Add the tensors of all ranks, in place."""
        ...

    def share(self, data: bytes) -> bytes:
        """What rank 0 has given; the others' ``data`` is not looked at."""
        ...

    def any(self, flag: bool) -> bool:
        """Whether it is true on any rank."""
        ...

    def fail(self, reason: str) -> None:
        """Say why this rank is about to end, for the others to report."""
        ...

    def end(self) -> None:
        """The launcher has asked this rank to end, because another one has; from any thread, and
        from a signal's handler."""
        ...

    def close(self) -> None:
        """Leave the others."""
        ...


class OneProcess:
    """A run in this process alone."""

    rank, count, local_rank, local_count = 0, 1, 0, 1

    def part(self, total: int) -> slice:
        return slice(0, total)

    def whole(self, own: Tensor, total: int) -> Tensor:
        return own

    def sum_(self, tensors: Sequence[Tensor]) -> None:
        pass

    def share(self, data: bytes) -> bytes:
        return data

    def any(self, flag: bool) -> bool:
        return flag

    def fail(self, reason: str) -> None:
        pass

    def end(self) -> None:
        pass

    def close(self) -> None:
        pass


ONE_PROCESS = OneProcess()
