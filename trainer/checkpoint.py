"""The state of a run on disk, so that a killed run can resume.

One safetensors file with the tensors, and other values in its header.  It is written to a temporary
name and renamed.
"""

from __future__ import annotations

import errno
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from trainer import checked_json
from trainer.checked_json import Limits
from trainer.regular_file import open_regular
from trainer.temporary_files import sweep, temporary_name

FORMAT = "lmpt-checkpoint-1"


@dataclass(frozen=True)
class Checkpoint:
    """``tensors`` by name (on the CPU) and ``facts`` (JSON values)."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any] = field(default_factory=dict)


def save(checkpoint: Checkpoint, path: Path, fingerprint: str) -> None:
    """Write atomically.

    Raises:
        OSError: if the disk is full.
    """
    sweep(path.parent)
    temporary = temporary_name(path)
    header = {
        "format": FORMAT,
        "fingerprint": fingerprint,
        "facts": json.dumps(checkpoint.facts),
    }
    tensors = {key: value.detach().cpu().contiguous() for key, value in checkpoint.tensors.items()}
    try:
        save_file(tensors, temporary, metadata=header)
    except SafetensorError as error:
        # safetensors wraps the error of the operating system in its own.
        code = errno.ENOSPC if "space" in str(error).lower() else errno.EIO
        raise OSError(code, f"the checkpoint could not be written: {error}") from error
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)


def load(path: Path, fingerprint: str) -> Checkpoint | None:
    """The checkpoint if it belongs to the same job and options; None otherwise or if damaged."""
    if not path.exists():
        return None
    try:
        open_regular(path).close()
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            if header.get("format") != FORMAT or header.get("fingerprint") != fingerprint:
                return None
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        facts = checked_json.parse(header["facts"], Limits(finite=False))
        return Checkpoint(tensors, checked_json.to_type(facts, dict[str, Any]))
    except (OSError, SafetensorError, ValueError, KeyError):
        return None
