"""Devices: the best that works, a plain word about one that does not."""

from __future__ import annotations

import logging

import pytest
import torch

from trainer.computer import cores
from trainer.device import (
    NoDeviceError,
    available_devices,
    choose_device,
    device_label,
)


@pytest.fixture
def pretend_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that says there is one GPU; whether it works is torch's to find out."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda *_: "NVIDIA Pretend")


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def failing_ones(message: str, *on: str) -> object:
    real = torch.ones

    def ones(*shape: int, device: torch.device) -> torch.Tensor:
        if device.type in on:
            raise RuntimeError(message)
        return real(*shape)  # "works" on whatever was asked for

    return ones


@pytest.mark.usefixtures("no_gpu")
def test_without_a_gpu_the_cpu_is_chosen() -> None:
    assert choose_device() == choose_device("cpu") == torch.device("cpu")
    assert device_label(choose_device()) == "CPU"
    assert available_devices() == ["cpu"]


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps", "abacus", ""])
def test_a_missing_device_is_refused_with_the_available_ones(name: str) -> None:
    with pytest.raises(NoDeviceError, match="available: cpu") as caught:
        choose_device(name)
    assert caught.value.kind == "no-device"


@pytest.mark.usefixtures("pretend_cuda")
def test_a_working_gpu_is_preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "ones", failing_ones("never"))
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device() == torch.device("cuda")
    assert choose_device("cuda:0") == torch.device("cuda:0")
    assert device_label(torch.device("cuda")) == "NVIDIA Pretend"


@pytest.mark.usefixtures("pretend_cuda")
def test_a_missing_gpu_number_is_refused() -> None:
    with pytest.raises(NoDeviceError):
        choose_device("cuda:1")
    with pytest.raises(NoDeviceError):
        choose_device("cuda:first")


@pytest.mark.usefixtures("pretend_cuda")
def test_a_broken_gpu_is_skipped_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(torch, "ones", failing_ones("CUDA driver is too old\nmore", "cuda"))
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with caplog.at_level(logging.WARNING):
        assert choose_device() == torch.device("cpu")
    assert "NVIDIA Pretend cannot be used (CUDA driver is too old)" in caplog.text


@pytest.mark.usefixtures("pretend_cuda")
def test_after_a_broken_nvidia_gpu_apples_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "ones", failing_ones("broken", "cuda"))
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device() == torch.device("mps")
    assert device_label(torch.device("mps")) == "Apple GPU"


@pytest.mark.usefixtures("pretend_cuda")
def test_a_broken_gpu_requested_by_name_gives_a_clear_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch, "ones", failing_ones("out of memory", "cuda"))
    with pytest.raises(NoDeviceError, match="NVIDIA Pretend cannot be used: out of memory"):
        choose_device("cuda")


@pytest.mark.usefixtures("pretend_cuda")
def test_a_gpu_that_computes_wrongly_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "ones", lambda *shape, device: torch.zeros(shape))
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device() == torch.device("cpu")


def test_a_half_installed_driver_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> bool:
        raise RuntimeError("libcuda.so: undefined symbol")

    monkeypatch.setattr(torch.cuda, "is_available", broken)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert available_devices() == ["cpu"]


def test_there_is_at_least_one_core() -> None:
    assert cores() >= 1
