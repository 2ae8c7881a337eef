"""Another computer behind a real sshd, as fixtures for the tests that import them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import loopback_ssh
import pytest
from loopback_ssh import FarComputer


@pytest.fixture(scope="session")
def server() -> Iterator[FarComputer]:
    if reason := loopback_ssh.missing():
        pytest.skip(reason)
    # Where sockets and sshd's checks of owners have short paths.
    with (
        tempfile.TemporaryDirectory(prefix="lmpt-sshd-") as folder,
        loopback_ssh.serving(Path(folder)) as other,
    ):
        yield other


@pytest.fixture
def other(server: FarComputer) -> Iterator[FarComputer]:
    """The other computer, with the real program and a fit that learns nothing."""
    server.real_program(fit=str(loopback_ssh.SUPPORT / "fake_fit.py"))
    yield server
    assert not any(server.jobs.glob(".*")), "a leftover there"
