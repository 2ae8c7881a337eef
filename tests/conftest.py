"""What holds for every test."""

from __future__ import annotations

import faulthandler
import gc
import signal
from collections.abc import Iterator

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key
from example_counts import examples
from hypothesis import settings

# No test is judged by the clock: a busy machine is no failure.
settings.register_profile("unhurried", deadline=None, max_examples=examples(100))
settings.load_profile("unhurried")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    if hasattr(signal, "SIGUSR1"):  # what .ci/watched_tests.py sends to a run that stalls
        # The standard error that was there before pytest began to capture it.
        faulthandler.register(signal.SIGUSR1, file=config.stash[fault_handler_stderr_fd_key])


SLOWEST = (
    "unit/trainer/lite/test_shipped_model.py",
    "e2e/test_training_with_real_processes.py",
    "unit/engine/training/test_real_trainer.py",
    "unit/benchmarks/test_scale.py",
)
"""Begun first, so that no process is left alone with one of them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.path.as_posix().endswith(SLOWEST))


@pytest.fixture(autouse=True)
def garbage_is_collected_between_tests_only() -> Iterator[None]:
    """As in the app (``ui/window/garbage_collection.py``): on a pool's thread, or in the middle of
    a slot, Python would take widgets of earlier tests down, and the process with them."""
    gc.disable()
    yield
    gc.collect(1)
