"""Unit-norm rows, and arrays in safetensors files (imports no torch)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from trainer.regular_file import open_regular

Floating = TypeVar("Floating", bound=np.floating[Any])


class ArraysError(ValueError):
    """A file does not have the arrays it should have; the message says why."""


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


def read_arrays(
    path: Path, kinds: Mapping[str, Any], names: Sequence[str] = ()
) -> dict[str, NDArray[Any]]:
    """Read the arrays called ``names``, or all that ``kinds`` knows; others are left out.

    Args:
        path: a safetensors file.
        kinds: the dtype that each array must have, by name.
        names: those that must be there.

    Raises:
        ArraysError: if one is missing, is of another dtype or cannot be read.
        OSError: if the file cannot be read, or is a folder, pipe or device.
    """
    open_regular(path).close()
    try:
        with safe_open(path, framework="np") as file:
            there = names or [name for name in file.keys() if name in kinds]  # noqa: SIM118
            found = {name: file.get_tensor(name) for name in there}
    # Of a dtype that numpy lacks, get_tensor raises whatever numpy does.
    except (ValueError, TypeError, LookupError, AttributeError, SafetensorError) as error:
        raise ArraysError(f"{path.name} cannot be read: {error}") from error
    for name, array in found.items():
        if array.dtype != kinds[name]:
            raise ArraysError(f"{name} has numbers of the type {array.dtype}")
    return found
