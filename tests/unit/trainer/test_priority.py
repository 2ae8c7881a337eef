"""Background processes make way for the window."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from trainer import priority


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has classes of priority")
def test_lowering_the_priority_twice_does_not_lower_it_further(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(os, "setpriority", lambda _kind, _process, value: asked.append(value))
    priority.lower_priority(5)
    priority.lower_priority(5)
    priority.lower_priority(0)
    assert asked == [os.getpriority(os.PRIO_PROCESS, 0) + 5] * 2


@pytest.mark.parametrize("leads", [True, False], ids=["its own session", "that of a terminal"])
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux weighs sessions")
def test_a_session_of_its_own_is_lowered_with_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leads: bool
) -> None:
    autogroup = tmp_path / "autogroup"
    monkeypatch.setattr(priority, "AUTOGROUP", autogroup)
    monkeypatch.setattr(os, "setpriority", lambda *_: None)
    monkeypatch.setattr(os, "getsid", lambda _process: os.getpid() if leads else 1)
    priority.lower_priority(7)
    assert autogroup.exists() is leads
    if leads:
        assert autogroup.read_text(encoding="ascii") == "7"
        priority.lower_priority(100)
        assert autogroup.read_text(encoding="ascii") == "19", "the system takes no more"
