"""Unit-norm rows, and arrays in safetensors files (imports no torch)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

Floating = TypeVar("Floating", bound=np.floating[Any])


def unit_rows(rows: NDArray[np.floating]) -> NDArray[np.float32]:
    """(N, D) rows scaled to norm 1 in single precision; zero rows stay zero.

    Features are stored as float16, whose rounding leaves norms a little off 1.
    """
    single = rows.astype(np.float32)
    return single / np.maximum(np.linalg.norm(single, axis=1, keepdims=True), 1e-12)


def sigmoid(logits: NDArray[Floating]) -> NDArray[Floating]:
    """1 / (1 + e^-x) without overflow, in the precision of ``logits``."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits)), dtype=logits.dtype)


def write_arrays(arrays: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Write contiguous ``arrays`` and flush them to disk.

    safetensors' own ``save_file`` raises its own exception type on a full disk, which callers that
    handle OSError would miss.

    Raises:
        OSError: if the disk is full or ``path`` cannot be written.
    """
    with path.open("wb") as file:
        file.write(save(dict(arrays)))
        file.flush()
        os.fsync(file.fileno())
