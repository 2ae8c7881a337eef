"""What holds for every test."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from hypothesis import settings

# No test is judged by the clock: a busy machine is no failure.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def garbage_is_collected_between_tests_only() -> Iterator[None]:
    """As in the app (``ui/window/garbage_collection.py``): on a pool's thread, or in the middle of
    a slot, Python would take widgets of earlier tests down, and the process with them."""
    gc.disable()
    yield
    gc.collect(1)
