"""How much memory a fit may use, and how to do with less when it was too much."""

from __future__ import annotations

import gc
from dataclasses import replace

import psutil
import torch

from trainer.options import FitOptions

USABLE_SHARE = 0.5
"""Of the memory that is free, for what the text tower keeps for the way back; the estimate leaves
out temporaries, and other programs need some too."""
SMALLEST_BATCH = 16


def means_no_memory(error: BaseException) -> bool:
    """Whether ``error`` says that memory ran out; MPS and the CPU's allocator raise a plain
    RuntimeError.
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "out of memory" in text or "can't allocate memory" in text
    )


def available_bytes(device: torch.device) -> int:
    """Memory that ``device`` could still give, what torch holds without using it included."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        idle = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return free + max(idle, 0)
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    return int(psutil.virtual_memory().available)


def fits(needed: int, device: torch.device) -> bool:
    """Whether ``needed`` bytes can be held on ``device`` with room to spare."""
    return needed <= USABLE_SHARE * available_bytes(device)


def release(device: torch.device) -> None:
    """Give back what torch keeps for later, so that smaller pieces find room."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def thriftier(options: FitOptions, *, classes: int, recomputing: bool) -> FitOptions | None:
    """The next options that need less memory than ``options``, or None after the last.

    First what costs only time: computing activations again on the way back, then fewer classes
    at once.  A smaller batch comes last, because it trains a little differently.

    Args:
        classes: how many there are; chunks of more than that are not chunks.
        recomputing: whether activations are computed again already (``recompute="auto"`` may).
    """
    if not recomputing:
        return replace(options, recompute="on")
    chunk = min(options.class_chunk, classes)
    if chunk > 1:
        return replace(options, recompute="on", class_chunk=chunk // 2)
    if options.batch_size > SMALLEST_BATCH:
        return replace(options, batch_size=max(options.batch_size // 2, SMALLEST_BATCH))
    return None
