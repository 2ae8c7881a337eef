"""Processes that read photos say what the reader in this process says, and nothing is lost with
them."""

from __future__ import annotations

import importlib
import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.photo_details import PhotoDetails, Place
from lmpt_desktop.domain.records import ScannedFile
from lmpt_desktop.ingest import reading_processes
from lmpt_desktop.ingest.inspect_file import inspect_file
from lmpt_desktop.ingest.read_worker import LARGEST_MESSAGE, Answer, encoded, read_message
from lmpt_desktop.ingest.reading_processes import ReadingProcesses, reader_command
from lmpt_desktop.ingest.scan import FoundFile, scan
from lmpt_desktop.ingest.sync import file_readers

sync = importlib.import_module("lmpt_desktop.ingest.sync")
"""The module, not the function of the same name."""
READY = "import sys; out = sys.stdout.buffer; out.write(b'\\0\\0\\0\\2[]'); out.flush(); "
ANSWER = "sys.stdin.buffer.read(4); out.write(b'{}'); out.flush(); sys.stdin.read()"


def started(processes: ReadingProcesses) -> ReadingProcesses:
    until = time.monotonic() + 60
    while not processes.ready and time.monotonic() < until:
        time.sleep(0.01)
    assert processes.ready
    return processes


@pytest.fixture
def folder(draw: Callable[..., Path]) -> Path:
    top = draw("a.jpg").parent
    draw("b.png")
    draw("c.jpg")
    (top / "broken.jpg").write_bytes(b"no photo")
    (top / "a.txt").write_text("a cat on a mat", encoding="utf-8")
    return top


@pytest.fixture
def found(folder: Path) -> list[FoundFile]:
    return [file for batch in scan(folder, {}) for file in batch.new]


@pytest.fixture
def make(folder: Path) -> Iterator[Callable[[str], ReadingProcesses]]:
    made: list[ReadingProcesses] = []

    def processes(program: str) -> ReadingProcesses:
        made.append(ReadingProcesses(folder, 1, (sys.executable, "-c", READY + program)))
        return started(made[-1])

    yield processes
    for one in made:
        one.close()


def here(folder: Path, found: list[FoundFile]) -> list[ScannedFile | None]:
    return [inspect_file(folder, file, sample=True) for file in found]


def test_a_process_says_what_would_be_found_here(folder: Path, found: list[FoundFile]) -> None:
    gone = replace(found[0], path="gone.jpg")
    odd = replace(found[0], path="caf\udce9.jpg")
    expected = here(folder, [*found, gone])
    assert len(found) == 4
    assert {file.reason != "" for file in expected if file} == {True, False}
    assert any(file.caption for file in expected if file)
    processes = ReadingProcesses(folder, 1)
    try:
        asked = started(processes)._asked([*found, gone])
        assert asked == expected
        assert processes.inspect([odd]) == [None], "a name that is no text is looked for here"
        assert processes.inspect(found) == expected[:-1]
    finally:
        processes.close()
    assert processes.inspect(found) == expected[:-1], "without processes, here"


@pytest.mark.parametrize(
    "program",
    [
        "sys.exit()",
        ANSWER.format(r"\0\0\0\2[]"),
        ANSWER.format(r"\xff\xff\xff\xff"),
        ANSWER.format(r"\0\0\0\4no! "),
    ],
    ids=["ends", "other files", "too long", "no answer"],
)
def test_what_a_process_does_not_say_is_read_here(
    folder: Path, found: list[FoundFile], make: Callable[[str], ReadingProcesses], program: str
) -> None:
    processes = make(program)
    assert processes.inspect(found) == here(folder, found)
    assert not processes.ready, "it is not asked again"


def test_a_process_that_hangs_is_ended(
    folder: Path,
    found: list[FoundFile],
    make: Callable[[str], ReadingProcesses],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    processes = make("sys.stdin.buffer.read()")
    monkeypatch.setattr(reading_processes, "ANSWER_SECONDS", 0.01)
    assert processes.inspect(found) == here(folder, found)
    assert not processes.ready


def test_without_a_program_files_are_read_here(folder: Path, found: list[FoundFile]) -> None:
    processes = ReadingProcesses(folder, 2, ("/no/such/program",))
    assert processes.inspect(found) == here(folder, found)
    processes.close()


def test_photos_wait_for_the_first_process_but_not_for_ever(
    folder: Path, found: list[FoundFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = here(folder, found)

    def read_here(*_: object, **_named: object) -> None:
        raise AssertionError("with Python's lock held, for which the window waits")

    monkeypatch.setattr(reading_processes, "inspect_file", read_here)
    processes = ReadingProcesses(folder, 1)
    assert processes.wait_until_ready(60)
    assert processes.inspect(found) == expected
    processes.close()
    assert not processes.wait_until_ready(60), "they have ended"
    never = ReadingProcesses(folder, 1, (sys.executable, "-c", "input()"))
    assert not never.wait_until_ready(0)
    assert not never.wait_until_ready(60), "only the first waits"
    never.close()
    missing = ReadingProcesses(folder, 1, ("/no/such/program",))
    assert not missing.wait_until_ready(60), "there will be none"


def test_an_installers_folder_has_no_python_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reader_command() is not None
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert reader_command() is None


def test_an_answer_survives_json() -> None:
    details = PhotoDetails("Canon", exposure=0.004, place=Place(1.5, -2.25), keywords=("a", "ü"))
    file = ScannedFile("ä/b.jpg", 2**40, 2**62, caption="\0 „x“", width=3, details=details)
    bad = replace(file, caption="\ud800")
    decoder = msgspec.json.Decoder(list[Answer])
    assert decoder.decode(encoded([file, None])) == [file, None]
    assert decoder.decode(encoded([file, bad])) == [file, False]


def test_a_message_has_a_length_within_bounds(tmp_path: Path) -> None:
    path = tmp_path / "message"
    path.write_bytes((LARGEST_MESSAGE + 1).to_bytes(4, "big") + b"x")
    with path.open("rb") as file, pytest.raises(ValueError, match="too long"):
        read_message(file)
    path.write_bytes(b"\0\0\0\5ab")
    with path.open("rb") as file:
        assert read_message(file) is None, "cut short"


def test_a_scan_of_many_files_reads_them_in_processes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    closed: list[bool] = []

    class Processes:
        def __init__(self, top: Path, _count: int) -> None:
            self._top = top

        def wait_until_ready(self) -> bool:
            return True

        def inspect(self, files: list[FoundFile]) -> list[ScannedFile | None]:
            asked.append(len(files))
            return here(self._top, files)

        def close(self) -> None:
            closed.append(True)

    monkeypatch.setattr(sync, "ReadingProcesses", Processes)
    monkeypatch.setattr(sync, "PROCESSES_FROM", 2)
    monkeypatch.setattr(sync, "FIRST_FILES", 1)
    monkeypatch.setattr(sync, "WORKERS", 2)
    monkeypatch.setattr(sync, "GROUP_FILES", 4)
    photos = folder / "photos"
    photos.mkdir()
    for number in range(7):
        (photos / f"{number}.jpg").write_bytes((folder / "a.jpg").read_bytes() + bytes([number]))
    with Catalogue.open(folder / "library", exclusive=True) as catalogue, file_readers() as readers:
        added = catalogue.folders.add(photos)
        ways: list[int] = []
        report = sync.sync(
            catalogue, added.id, readers=readers, make_way=lambda: ways.append(len(asked))
        )
        assert len(report.new) == 7
        assert ways == [0, 0, 0], "once for the listing, and for every 2 * WORKERS files"
        assert sorted(asked) == [2, 4], "one was read before, at first sight"
        assert closed == [True]
        names = [catalogue.images.details(one).path.name for one in report.new]
        assert names == [f"{number}.jpg" for number in range(7)]
        again = sync.sync(catalogue, added.id, readers=readers)
        assert again.unchanged == 7 and len(asked) == 2


class _Ready:
    """Stands for processes that read; counts what they were asked."""

    ready = True

    def __init__(self, folder: Path, _count: int) -> None:
        self.folder = folder
        self.asked = 0
        self.enough = threading.Event()

    def wait_until_ready(self) -> bool:
        return True

    def inspect(self, files: Sequence[FoundFile]) -> list[ScannedFile | None]:
        self.asked += len(files)
        if self.asked >= 12:
            self.enough.set()
        return [inspect_file(self.folder, file, sample=True) for file in files]

    def close(self) -> None:
        pass


@pytest.mark.parametrize("stopped", [False, True])
def test_many_files_are_read_during_a_commit_and_none_is_lost(
    catalogue: Catalogue, folder: Path, monkeypatch: pytest.MonkeyPatch, stopped: bool
) -> None:
    content = (folder / "a.jpg").read_bytes()
    for number in range(20):
        (folder / f"more {number:02d}.jpg").write_bytes(content + bytes([number]))
    for name, value in (("FIRST_FILES", 0), ("FEW_FILES", 0), ("PROCESSES_FROM", 1)):
        monkeypatch.setattr(sync, name, value)
    monkeypatch.setattr(sync, "LATER_GROUP_FILES", 2)
    for name, value in (("WORKERS", 1), ("LATER_ROUNDS", 16), ("LATER_BATCH_FILES", 2)):
        monkeypatch.setattr(sync, name, value)
    made: list[_Ready] = []

    def processes(top: Path, count: int) -> _Ready:
        made.append(_Ready(top, count))
        return made[0]

    monkeypatch.setattr(sync, "ReadingProcesses", processes)
    ahead: list[bool] = []

    def commit() -> None:
        if not ahead:
            ahead.append(made[0].enough.wait(20))

    asked = itertools.count()
    with file_readers() as readers:
        added = catalogue.folders.add(folder)
        report = sync.sync(
            catalogue,
            added.id,
            on_commit=commit,
            should_stop=lambda: stopped and bool(made) and next(asked) > 6,
            readers=readers,
        )
        assert ahead == [True], "the first commit has a few files, and many were read meanwhile"
        assert len(report.new) == made[0].asked == len(catalogue.images.table())
        again = sync.sync(catalogue, added.id, readers=readers)
    assert len(catalogue.images.table()) == 24
    assert len(report.new) + len(again.new) == 24
    assert bool(again.new) is stopped
