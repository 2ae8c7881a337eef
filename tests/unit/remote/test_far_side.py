"""What the other computer does with what it is asked, without a connection."""

from __future__ import annotations

import io
import os
import stat
import sys
import time
from pathlib import Path

import pytest
from loopback_ssh import SUPPORT

from trainer.events import FarEnded, FarHello, FarRefused, FarStarted, Message, parse_line
from trainer.remote import far_side
from trainer.remote.far_side import Request, run
from trainer.remote.streams import JOB_FILES, pack
from trainer.remote.trouble import Trouble

ID = "a" * 32


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(far_side.FOLDER_VARIABLE, str(tmp_path / "there"))
    monkeypatch.setattr(far_side, "FIT", (sys.executable, str(SUPPORT / "fake_fit.py")))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(item for item in sys.path if item))
    return tmp_path / "there"


def ask(action: str, job_id: str = ID, data: bytes = b"") -> list[Message]:
    out = io.BytesIO()
    assert run(Request(action, job_id), io.BytesIO(data), out) == 0
    return [parse_line(line) for line in out.getvalue().decode().splitlines()]


def packed(job_folder: Path) -> bytes:
    stream = io.BytesIO()
    pack(job_folder, JOB_FILES, stream)
    return stream.getvalue()


@pytest.mark.parametrize("job_id", ["", "..", "../" + ID, ID + "/", ID.upper(), ID + "0", "/tmp"])
@pytest.mark.parametrize("action", far_side.ACTIONS)
def test_no_name_leads_out_of_the_folder(folder: Path, action: str, job_id: str) -> None:
    assert ask(action, job_id) == [FarRefused(Trouble.NO_JOB, "not a job's name")]
    assert not folder.exists()


def test_a_job_is_for_its_user_alone_and_is_started_once(folder: Path, job_folder: Path) -> None:
    first = ask("start", data=packed(job_folder))
    assert isinstance(first[0], FarHello)
    assert not first[0].has_job
    assert FarStarted() in first
    assert isinstance(first[-1], FarEnded)
    assert first[-1].result
    for path in (folder, folder / ID):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    process = (folder / ID / far_side.PROCESS_NAME).read_text()
    second = ask("start")
    assert isinstance(second[0], FarHello)
    assert second[0].has_job
    assert second[1:] == first[1:], "the same run again, and no other"
    assert (folder / ID / far_side.PROCESS_NAME).read_text() == process
    ask("forget")
    assert not list(folder.iterdir())


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_job_that_came_in_part_leaves_nothing(
    folder: Path, job_folder: Path, share: float
) -> None:
    whole = packed(job_folder)
    end = sum((job_folder / name).stat().st_size for name in JOB_FILES)
    said = ask("start", data=whole[: int(share * end)])
    assert isinstance(said[-1], FarRefused)
    assert said[-1].trouble == Trouble.BAD_JOB
    assert not list(folder.iterdir())


def test_what_nobody_fetched_is_removed_after_weeks(folder: Path) -> None:
    old, new, foreign = folder / ("b" * 32), folder / ("c" * 32), folder / "mine"
    for path in (old, new, foreign):
        path.mkdir(parents=True)
        (path / "job.json").write_text("{}")
    long_ago = time.time() - far_side.KEEP_SECONDS - 60
    for path in (old, foreign):
        os.utime(path / "job.json", (long_ago, long_ago))
        os.utime(path, (long_ago, long_ago))
    ask("start")
    assert {path.name for path in folder.iterdir()} == {new.name, "mine"}


@pytest.mark.parametrize("action", ["cancel", "forget"])
def test_what_is_gone_need_not_be_stopped_or_removed(action: str) -> None:
    assert [type(item) for item in ask(action)] == [FarHello]
