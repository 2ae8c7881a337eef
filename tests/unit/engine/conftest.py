"""Fake trainer processes and a way to wait for what they cause."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

SUPPORT = Path(__file__).parents[2] / "support"


@pytest.fixture
def encoder_command() -> list[str]:
    return [sys.executable, str(SUPPORT / "fake_encoder.py")]


@pytest.fixture
def fit_command() -> list[str]:
    return [sys.executable, str(SUPPORT / "fake_fit.py")]


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Wait until a condition holds; fails after a generous while."""

    def wait(condition: Callable[[], object], seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "what was waited for did not happen"
            time.sleep(0.01)

    return wait
