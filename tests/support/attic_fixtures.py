"""Another computer behind a real sshd, as fixtures for the tests that import them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import loopback_ssh
import pytest
from loopback_ssh import Attic


@pytest.fixture(scope="session")
def server() -> Iterator[Attic]:
    if reason := loopback_ssh.missing():
        pytest.skip(reason)
    # Where sockets and sshd's checks of owners have short paths.
    with (
        tempfile.TemporaryDirectory(prefix="lmpt-sshd-") as folder,
        loopback_ssh.serving(Path(folder)) as attic,
    ):
        yield attic


@pytest.fixture
def attic(server: Attic) -> Iterator[Attic]:
    """The other computer, with the real program and a fit that learns nothing."""
    server.real_program(fit=str(loopback_ssh.SUPPORT / "fake_fit.py"))
    yield server
    assert not any(server.jobs.glob(".*")), "a leftover there"
