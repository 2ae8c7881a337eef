"""The ranks of ``torchrun``, by torch.distributed: gloo between CPUs, nccl between GPUs.

Nothing is pickled: tensors and bytes go from rank to rank.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import (
    PrefixStore,  # pyright: ignore[reportPrivateImportUsage]
    Store,  # pyright: ignore[reportPrivateImportUsage]
    TCPStore,  # pyright: ignore[reportPrivateImportUsage]
)

from trainer.ranks import LostRankError

log = logging.getLogger(__name__)

_REASON = "reason"
_REASON_SECONDS = 3.0
"""A rank that ends with an error says so before the others notice."""
_MAX_REASON = 2000
ENDED = "another process of this run ended"


class TorchRanks:
    """See :class:`trainer.ranks.Ranks`."""

    def __init__(self, seconds: float) -> None:
        """Wait for the other ranks.

        Raises:
            LostRankError: if they do not come.
        """
        self.rank, self.count = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        self.local_rank = int(os.environ["LOCAL_RANK"])
        self.local_count = int(os.environ["LOCAL_WORLD_SIZE"])
        self._ended = False
        gpus = torch.cuda.is_available()
        if gpus and torch.cuda.device_count() > self.local_rank:
            torch.cuda.set_device(self.local_rank)
        limit = timedelta(seconds=seconds)
        try:
            self._store = _store_of_launcher(self.rank, self.count, limit)
            dist.init_process_group(
                "cpu:gloo,cuda:nccl" if gpus else "gloo",
                timeout=limit,
                store=PrefixStore("ranks", self._store),
                rank=self.rank,
                world_size=self.count,
            )
        except (RuntimeError, ValueError) as error:
            raise LostRankError(
                f"the processes of this run did not come together ({error})"
            ) from error

    def part(self, total: int) -> slice:
        return _part(total, self.rank, self.count)

    def whole(self, own: Tensor, total: int) -> Tensor:
        return _Whole.apply(own, total, self)

    def gather(self, own: Tensor, total: int) -> Tensor:
        """:meth:`whole` without a gradient."""
        most = -(-total // self.count)
        padded = own.new_zeros((most, *own.shape[1:]))
        padded[: len(own)] = own
        parts = [torch.empty_like(padded) for _ in range(self.count)]
        self._guarded(lambda: dist.all_gather(parts, padded))
        sizes = [_part(total, rank, self.count) for rank in range(self.count)]
        return torch.cat(
            [part[: size.stop - size.start] for part, size in zip(parts, sizes, strict=True)]
        )

    def sum_(self, tensors: Sequence[Tensor]) -> None:
        if not tensors:
            return
        # One message for all of them; they are few and small.
        flat = torch.cat([item.reshape(-1) for item in tensors])
        self._guarded(lambda: dist.all_reduce(flat))
        sizes = [item.numel() for item in tensors]
        for item, summed in zip(tensors, flat.split(sizes), strict=True):
            item.copy_(summed.reshape(item.shape))

    def share(self, data: bytes) -> bytes:
        size = torch.tensor([len(data)])
        self._guarded(lambda: dist.broadcast(size, 0))
        content = torch.empty(int(size), dtype=torch.uint8)
        if self.rank == 0 and data:
            content.copy_(torch.frombuffer(bytearray(data), dtype=torch.uint8))
        if len(content):
            self._guarded(lambda: dist.broadcast(content, 0))
        return content.numpy().tobytes()

    def any(self, flag: bool) -> bool:
        if self._ended:
            raise LostRankError(self._reason())
        flags = torch.tensor([int(flag)])
        self._guarded(lambda: dist.all_reduce(flags))
        return bool(flags.item())

    def fail(self, reason: str) -> None:
        with _without_errors():
            text = f"process {self.rank + 1} of {self.count} ended: {reason}"
            self._store.set(_REASON, text[:_MAX_REASON].encode("ascii", "replace").decode())

    def end(self) -> None:
        self._ended = True

    def close(self) -> None:
        with _without_errors():
            dist.destroy_process_group()

    # -------------------------------------------------------------------------- inside

    def _guarded(self, work: Callable[[], object]) -> None:
        try:
            work()
        except RuntimeError as error:
            if isinstance(error, torch.OutOfMemoryError):
                raise
            log.info("a collective failed: %s", error)
            raise LostRankError(self._reason()) from error

    def _reason(self) -> str:
        with _without_errors():
            self._store.wait([_REASON], timedelta(seconds=_REASON_SECONDS))
            return self._store.get(_REASON).decode("utf-8", "replace")
        return ENDED


def _store_of_launcher(rank: int, count: int, limit: timedelta) -> Store:
    """What torchrun keeps for its processes, which outlasts each of them; of this attempt."""
    kept_by_launcher = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    store = TCPStore(
        os.environ["MASTER_ADDR"],
        int(os.environ["MASTER_PORT"]),
        count,
        is_master=rank == 0 and not kept_by_launcher,
        timeout=limit,
    )
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    return PrefixStore(f"lmpt/{attempt}", store)


class _Whole(torch.autograd.Function):
    """:meth:`TorchRanks.whole`: whatever the ranks make of the whole counts for each part."""

    @staticmethod
    def forward(ctx: Any, own: Tensor, total: int, ranks: TorchRanks) -> Tensor:
        ctx.ranks, ctx.part = ranks, ranks.part(total)
        return ranks.gather(own.detach(), total)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        whole = gradients[0].contiguous().clone()
        ctx.ranks.sum_([whole])
        return whole[ctx.part], None, None


def _part(total: int, rank: int, count: int) -> slice:
    return slice(rank * total // count, (rank + 1) * total // count)


@contextlib.contextmanager
def _without_errors() -> Iterator[None]:
    """The others may be gone, and the store with them."""
    try:
        yield
    except (RuntimeError, ValueError, OSError) as error:
        log.debug("nobody was told: %s", error)
