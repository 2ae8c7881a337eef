from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path

import pytest

from lmpt_desktop.logs import LOG_NAME, log_file, start_logging
from lmpt_desktop.paths import HOME_VARIABLE, config_dir, data_dir, libraries_dir, log_dir


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


@pytest.mark.skipif(os.name == "nt", reason="permissions of this kind are POSIX's")
def test_logs_and_settings_are_their_owners_alone() -> None:
    folder = log_file().parent
    folder.chmod(0o755)
    rotated = folder / f"{LOG_NAME}.1"
    for path in (log_file(), rotated):
        path.touch()
        path.chmod(0o644)
    before = os.umask(0)
    try:
        start_logging()
        (handler,) = [
            item for item in logging.getLogger().handlers if isinstance(item, RotatingFileHandler)
        ]
        handler.doRollover()
        folders = (log_dir(), config_dir(), data_dir(), libraries_dir())
        assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}
        files = list(folder.iterdir())
        assert len(files) >= 2
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    finally:
        os.umask(before)
