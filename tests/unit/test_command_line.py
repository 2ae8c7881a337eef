"""The two programs that open the window: one for a terminal, one without a console."""

from __future__ import annotations

import argparse
import os
import sys
import tomllib
from pathlib import Path

import pytest

from lmpt_desktop import __main__, app


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[argparse.Namespace]:
    """What the window was opened with, which is not shown."""
    found: list[argparse.Namespace] = []

    def run(arguments: argparse.Namespace) -> int:
        sys.stdout.write("x")
        sys.stderr.write("x")
        found.append(arguments)
        return 0

    monkeypatch.setattr(app, "run", run)
    monkeypatch.setattr(__main__, "start_logging", lambda **_: None)
    monkeypatch.setattr(__main__.gc, "disable", lambda: None)
    return found


def test_without_a_console_the_window_opens_and_what_is_printed_is_dropped(
    opened: list[argparse.Namespace], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setattr(sys, "argv", ["lmpt-desktop-gui", "photos"])
    assert __main__.window_main() == 0
    assert opened[0].folders == [Path("photos")]
    assert sys.stderr.name == os.devnull
    sys.stdout.close()
    sys.stderr.close()


def test_without_a_console_a_subcommands_name_is_a_folder(
    opened: list[argparse.Namespace], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["lmpt-desktop-gui", "tag"])
    assert __main__.window_main() == 0
    assert opened[0].folders == [Path("tag")]


def test_a_wheel_has_both_programs() -> None:
    project = tomllib.loads(
        (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    )["project"]
    assert project["scripts"]["lmpt-desktop"] == "lmpt_desktop.__main__:main"
    assert project["gui-scripts"] == {"lmpt-desktop-gui": "lmpt_desktop.__main__:window_main"}
