"""Which device a run uses, and what the user reads about it."""

from __future__ import annotations

import os

import torch


class NoDeviceError(Exception):
    """The device asked for is not there; the message says which are."""

    kind = "no-device"


def available_devices() -> list[str]:
    """Names in order of preference: CUDA, then MPS, then the CPU."""
    found = ["cuda"] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]


def choose_device(name: str = "auto") -> torch.device:
    """The device called ``name``; ``auto`` takes the best there is.

    Raises:
        NoDeviceError: if it is not available.
    """
    there = available_devices()
    if name == "auto":
        return torch.device(there[0])
    kind, _, number = name.partition(":")
    if kind in there and (not number or (number.isdigit() and _count(kind) > int(number))):
        return torch.device(name)
    raise NoDeviceError(
        f"The device {name!r} is not available on this computer; there is "
        f"{', '.join(there)}. Choose another device in the settings."
    )


def device_label(device: torch.device) -> str:
    """What the user reads: ``CPU``, ``NVIDIA H200``, ``Apple GPU``."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return "Apple GPU" if device.type == "mps" else "CPU"


def cores() -> int:
    """Cores this process may use; a container's limit included where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def _count(kind: str) -> int:
    return torch.cuda.device_count() if kind == "cuda" else 1
