"""What holds for every test."""

from __future__ import annotations

import faulthandler
import gc
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key
from example_counts import examples
from hypothesis import settings

# Collecting the tests makes objects for as long as the process lives, which are not visited again
# and again meanwhile, nor later (``pytest_collection_finish``).
gc.disable()

# No test is judged by the clock: a busy machine is no failure.
settings.register_profile("unhurried", deadline=None, max_examples=examples(100))
settings.load_profile("unhurried")

if hasattr(os, "setpriority"):
    # What runs with a lower priority does so in processes of its own; called here, it would leave
    # nearly nothing to the tests that follow.
    os.setpriority = lambda *_: None

STACKS = pytest.StashKey[Path]()
"""The folder for what workers write when they are ended."""


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    # The standard error that was there before pytest began to capture it.
    stderr = config.stash[fault_handler_stderr_fd_key]
    if (worker := getattr(config, "workerinput", None)) is not None:
        # For the summary: of a long output only the end is sure to be seen.
        stacks = os.open(Path(worker["stacks"], worker["workerid"]), os.O_WRONLY | os.O_CREAT)
        config.stash[fault_handler_stderr_fd_key] = stacks
        faulthandler.enable(stacks)
    if hasattr(signal, "SIGUSR1"):  # what .ci/watched_tests.py sends to a run that stalls
        faulthandler.register(signal.SIGUSR1, file=stderr)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test with a timeout of its own is ended half a minute after that."""
    if (own := item.get_closest_marker("timeout")) is not None:
        stacks = item.config.stash[fault_handler_stderr_fd_key]
        faulthandler.dump_traceback_later(own.args[0] + 30, file=stacks, exit=True)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Before xdist starts a worker."""
    if STACKS not in node.config.stash:
        node.config.stash[STACKS] = Path(tempfile.mkdtemp(prefix="stacks-"))
    node.workerinput["stacks"] = str(node.config.stash[STACKS])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    folder = terminalreporter.config.stash.get(STACKS, None)
    if folder is None:
        return
    for path in sorted(folder.iterdir()):
        if stacks := path.read_text(errors="replace"):
            terminalreporter.section(f"stacks of {path.name}, which was ended")
            terminalreporter.write(stacks)
    shutil.rmtree(folder, ignore_errors=True)


SLOWEST = (
    "unit/trainer/lite/test_shipped_model.py",
    "e2e/test_training_with_real_processes.py",
    "unit/engine/training/test_real_trainer.py",
    "unit/benchmarks/test_scale.py",
)
"""Begun first, so that no process is left alone with one of them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.path.as_posix().endswith(SLOWEST))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def garbage_is_collected_between_tests_only() -> Iterator[None]:
    """As in the app (``ui/window/garbage_collection.py``): on a pool's thread, or in the middle of
    a slot, Python would take widgets of earlier tests down, and the process with them."""
    gc.disable()
    yield
    gc.collect(1)
