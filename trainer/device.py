"""Where a model runs: CUDA, else Apple's GPU, else the CPU; tried, not assumed."""

from __future__ import annotations

import logging
import platform
from dataclasses import dataclass

import torch

log = logging.getLogger(__name__)

AUTO = "auto"
_CPU_NAME = "CPU"


class DeviceError(Exception):
    """The device asked for cannot be used; the message is a sentence for the user."""

    kind = "no-device"


@dataclass(frozen=True)
class Device:
    """A device that has just worked.

    torch: what to hand to ``Tensor.to``.
    title: what the user reads: "CPU", "NVIDIA H200", "Apple GPU".
    warning: why it is not the one that was to be expected, or "".
    """

    torch: torch.device
    title: str
    warning: str = ""

    @property
    def is_gpu(self) -> bool:
        return self.torch.type != "cpu"

    def free_bytes(self) -> int | None:
        """Memory that can still be had, or None where the system does not say."""
        if self.torch.type != "cuda":
            return None
        return int(torch.cuda.mem_get_info(self.torch)[0])


def choose_device(wanted: str = AUTO) -> Device:
    """The device for ``wanted``: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.

    With ``auto`` a GPU that is there but does not work (an old driver, no memory left) is
    passed over with a warning.

    Raises:
        DeviceError: if a named device does not exist or does not work.
    """
    if wanted == AUTO:
        return _best()
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise DeviceError(
            f"“{wanted}” is not the name of a device. Choose auto, cpu, cuda or mps."
        ) from error
    if problem := _problem(device):
        raise DeviceError(
            f"{_title(device)} cannot be used: {problem}. Choose another device, or automatic."
        )
    return Device(device, _title(device))


def _best() -> Device:
    warning = ""
    for name, present in (("cuda", _cuda_present()), ("mps", _mps_present())):
        if not present:
            continue
        device = torch.device(name)
        problem = _problem(device)
        if not problem:
            return Device(device, _title(device))
        warning = f"{_title(device)} is there but cannot be used ({problem}); using the CPU."
        log.warning(warning)
    return Device(torch.device("cpu"), _CPU_NAME, warning)


def _problem(device: torch.device) -> str:
    """Why ``device`` does not work, or "" if it does: a small product is computed on it."""
    if device.type == "cuda" and not _cuda_present():
        return "no NVIDIA GPU, or no driver for it, was found"
    if device.type == "mps" and not _mps_present():
        return "no Apple GPU was found"
    try:
        ones = torch.ones(8, 8, device=device)
        if float((ones @ ones).sum()) != 512.0:
            return "it computes wrong results"
    except Exception as error:
        # A driver that is too old, a GPU held by somebody else, a build without kernels for
        # this GPU: torch raises RuntimeError, AssertionError or NotImplementedError.
        return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else "it fails"
    return ""


def _cuda_present() -> bool:
    try:
        return torch.cuda.is_available() and torch.cuda.device_count() > 0
    except Exception:  # a half-installed driver
        return False


def _mps_present() -> bool:
    try:
        return torch.backends.mps.is_available()
    except Exception:
        return False


def _title(device: torch.device) -> str:
    if device.type == "cuda":
        try:
            return torch.cuda.get_device_name(device)
        except Exception:
            return "The NVIDIA GPU"
    if device.type == "mps":
        return "Apple GPU" if platform.system() == "Darwin" else "The Apple GPU"
    return _CPU_NAME if device.type == "cpu" else str(device)
