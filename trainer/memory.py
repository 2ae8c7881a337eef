"""Memory available to a training run, and options that need less of it."""

from __future__ import annotations

import gc
from dataclasses import replace

import psutil
import torch

from trainer.options import FitOptions

USABLE_SHARE = 0.5
"""Share of free memory for the activations that the text tower keeps for the backward pass; the
estimate ignores temporaries, and other programs need memory too."""
SMALLEST_BATCH = 16


def available_bytes(device: torch.device) -> int:
    """Free memory on ``device``, including what torch holds without using it."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        idle = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return free + max(idle, 0)
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    return int(psutil.virtual_memory().available)


def fits_in_memory(needed: int, device: torch.device) -> bool:
    """Whether ``needed`` bytes fit on ``device`` with a margin."""
    return needed <= USABLE_SHARE * available_bytes(device)


def release(device: torch.device) -> None:
    """Free the memory that torch caches for reuse."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def reduce_memory(options: FitOptions, *, classes: int, recomputing: bool) -> FitOptions | None:
    """The next options that need less memory than ``options``, or None if there are none.

    Measures that cost only time come first: recomputing activations in the backward pass, then
    fewer classes per chunk.  A smaller batch comes last, because it changes the training.

    Args:
        classes: number of classes; a chunk never has more.
        recomputing: whether activations are already recomputed (``recompute="auto"`` may do so).
    """
    if not recomputing:
        return replace(options, recompute="on")
    chunk = min(options.class_chunk, classes)
    if chunk > 1:
        return replace(options, recompute="on", class_chunk=chunk // 2)
    if options.batch_size > SMALLEST_BATCH:
        return replace(options, batch_size=max(options.batch_size // 2, SMALLEST_BATCH))
    return None
