from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from lmpt_desktop.logs import log_file, start_logging
from lmpt_desktop.paths import HOME_VARIABLE


@pytest.fixture(autouse=True)
def clean_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A root logger without handlers, and a home of its own."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    root.handlers.clear()
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = before
    root.setLevel(level)


def test_what_is_logged_reaches_the_file_and_warnings_reach_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # pytest's own handlers would report a name that is no text, and a parallel run cannot send it.
    logging.getLogger().handlers.clear()
    start_logging()
    logging.getLogger("lmpt_desktop.test").info("quiet")
    logging.getLogger("lmpt_desktop.test").warning("a file called \udcff")
    text = log_file().read_text(encoding="utf-8")
    assert "quiet" in text
    assert "a file called" in text
    found = capsys.readouterr().err
    assert "a file called" in found
    assert "quiet" not in found


def test_starting_twice_does_not_log_twice() -> None:
    start_logging()
    start_logging()
    logging.getLogger("lmpt_desktop.test").info("only once")
    assert log_file().read_text(encoding="utf-8").count("only once") == 1


def test_the_app_works_where_no_log_file_can_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocked = tmp_path / "log"
    blocked.mkdir(exist_ok=True)
    (blocked / "lmpt-desktop.log").mkdir()
    start_logging()
    logging.getLogger("lmpt_desktop.test").info("nowhere to go")
