"""The device a model runs on: CUDA, Apple's GPU or the CPU; each is tested before use."""

from __future__ import annotations

import logging

import torch

from trainer.computer import AUTO

log = logging.getLogger(__name__)


class NoDeviceError(Exception):
    """The requested device cannot be used; the message is a sentence for the user."""

    kind = "no-device"


def available_devices() -> list[str]:
    """Names in order of preference: CUDA, MPS, CPU.  They are not tested yet."""
    found = ["cuda"] if _present("cuda") else []
    if _present("mps"):
        found.append("mps")
    return [*found, "cpu"]


def choose_device(name: str = AUTO) -> torch.device:
    """The device called ``name`` (``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``), tested with a
    small computation.

    With ``auto``, a GPU that does not work (old driver, no free memory) is skipped with a warning
    in the log.

    Raises:
        NoDeviceError: if a device requested by name is missing or does not work.
    """
    available = available_devices()
    if name == AUTO:
        for candidate in available[:-1]:
            device = torch.device(candidate)
            if not (problem := _problem(device)):
                return device
            log.warning("%s cannot be used (%s)", device_label(device), problem)
        return torch.device("cpu")
    kind, _, number = name.partition(":")
    if kind not in available or (number and not (number.isdigit() and _count(kind) > int(number))):
        raise NoDeviceError(
            f"The device {name!r} is not available on this computer; available: "
            f"{', '.join(available)}. Choose another device in the settings."
        )
    device = torch.device(name)
    if problem := _problem(device):
        raise NoDeviceError(
            f"{device_label(device)} cannot be used: {problem}. Close other programs that use "
            "it, update its driver, or choose another device in the settings."
        )
    return device


def device_label(device: torch.device) -> str:
    """As shown to the user: ``CPU``, ``NVIDIA H200``, ``Apple GPU``."""
    if device.type == "cuda":
        try:
            return torch.cuda.get_device_name(device)
        except Exception:  # a broken device has no name
            return "The NVIDIA GPU"
    return "Apple GPU" if device.type == "mps" else "CPU"


def _problem(device: torch.device) -> str:
    """Why a small matrix product fails on ``device``, or "" if it succeeds."""
    try:
        ones = torch.ones(8, 8, device=device)
        if float((ones @ ones).sum()) != 512.0:
            return "it computes wrong results"
    except Exception as error:
        # Old driver, GPU in exclusive use, or torch built without kernels for this GPU: torch
        # raises RuntimeError, AssertionError or NotImplementedError.
        lines = str(error).strip().splitlines() or ["it fails"]
        return lines[0].rstrip(".")
    return ""


def _present(kind: str) -> bool:
    try:
        if kind == "cuda":
            return torch.cuda.is_available() and torch.cuda.device_count() > 0
        return torch.backends.mps.is_available()
    except Exception:  # a half-installed driver
        return False


def _count(kind: str) -> int:
    return torch.cuda.device_count() if kind == "cuda" else 1
