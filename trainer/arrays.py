"""Arrays to a safetensors file (no torch)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors.numpy import save


def write_arrays(arrays: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Write contiguous ``arrays``; on disk on return.

    safetensors' own ``save_file`` raises an error of its own on a full disk, which nobody who
    waits for an OSError sees.

    Raises:
        OSError: if the disk is full or the place cannot be written.
    """
    with path.open("wb") as file:
        file.write(save(dict(arrays)))
        file.flush()
        os.fsync(file.fileno())
