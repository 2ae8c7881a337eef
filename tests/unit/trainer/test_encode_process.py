"""The encoder as the app starts it: beginnings, ends and stray output."""

from __future__ import annotations

import argparse
import io
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from drawn_photos import draw
from PIL import Image
from safetensors.numpy import load_file

from trainer.encode import _run, add_arguments
from trainer.events import (
    PROTOCOL,
    EncodePhotos,
    EncoderFailed,
    EncoderReady,
    EncodeTexts,
    Message,
    PhotosEncoded,
    Stop,
    TextsEncoded,
    parse_line,
    to_line,
)
from trainer.priority import GENTLE_NICE
from trainer.process_io import EventStream

PATIENCE = 120.0


def run_here(
    *arguments: str, requests: str = "", open_ended: bool = False
) -> tuple[int, list[Message]]:
    """What the process answers and its exit code, in this process."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    written = io.StringIO()
    reading, writing = os.pipe()
    os.write(writing, requests.encode())
    if not open_ended:
        os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as stream:
        given = parser.parse_args(["--device", "cpu", "--nice", "0", *arguments])
        code = _run(given, stream, EventStream(written))
        if open_ended:
            os.close(writing)
    return code, [parse_line(line) for line in written.getvalue().splitlines()]


def test_it_ends_when_idle(tiny_folder: Path, tmp_path: Path) -> None:
    code, events = run_here(
        *("--backbone", f"local-dir:{tiny_folder}", "--out", str(tmp_path / "made")),
        *("--idle-seconds", "0.01"),
        requests=to_line(EncodeTexts("t", ["a dog"])),
        open_ended=True,
    )
    assert code == 0
    assert [type(event) for event in events] == [EncoderReady, TextsEncoded]


def test_what_keeps_it_from_starting_is_an_event(tmp_path: Path) -> None:
    code, [failed] = run_here("--backbone", "ViT-B-32/nonsense", "--out", str(tmp_path))
    assert code == 1
    assert isinstance(failed, EncoderFailed)
    assert (failed.kind, failed.request) == ("unknown-backbone", "")


def test_a_folder_that_cannot_be_made_is_an_event(tiny_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, [failed] = run_here(
        *("--backbone", f"local-dir:{tiny_folder}", "--out", str(tmp_path / "file" / "out"))
    )
    assert code == 1
    assert isinstance(failed, EncoderFailed)
    assert failed.kind == "error"


def test_a_lost_graphics_card_is_an_event(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_args: object) -> None:
        raise RuntimeError("CUDA error: unspecified launch failure\nmore")

    monkeypatch.setattr("trainer.backbone.Backbone.encode_texts", lost)
    code, events = run_here(
        *("--backbone", f"local-dir:{tiny_folder}", "--out", str(tmp_path)),
        requests=to_line(EncodeTexts("t", ["a dog"])),
    )
    assert code == 1
    assert isinstance(events[-1], EncoderFailed)
    assert events[-1].kind == "no-device"
    assert "graphics card" in events[-1].message


class Process:
    """An encoder started as the app does it."""

    def __init__(self, *arguments: str, prelude: str = "") -> None:
        code = f"{prelude}\nfrom trainer.encode import main\nmain()"
        root = Path(__file__).resolve().parents[3]
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="surrogateescape",
            cwd=root,
            env=dict(os.environ, PYTHONUTF8="1", OMP_NUM_THREADS="1"),
        )
        self.events: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._pump, daemon=True).start()
        self.log: list[str] = []
        threading.Thread(target=self._drain, daemon=True).start()

    def _pump(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.events.put(line)

    def _drain(self) -> None:
        assert self.process.stderr is not None
        self.log.extend(self.process.stderr)

    def send(self, message: Message) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(to_line(message))
        self.process.stdin.flush()

    def close_input(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def next(self) -> Message:
        return parse_line(self.events.get(timeout=PATIENCE))

    def code(self) -> int:
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def start(tiny_folder: Path, tmp_path: Path) -> Iterator[object]:
    started: list[Process] = []

    def begin(*arguments: str, backbone: str = "", prelude: str = "") -> Process:
        name = backbone or f"local-dir:{tiny_folder}"
        out = str(tmp_path / "out")
        common = ["--backbone", name, "--device", "cpu", "--out", out]
        started.append(Process(*common, *arguments, prelude=prelude))
        return started[-1]

    yield begin
    for process in started:
        process.kill()


NOISY = """
import os, sys
import trainer.encode, trainer.photo_reader
real = trainer.photo_reader.read_photo
def noisy(*args, **kwargs):
    print("a stray print")
    os.write(1, b"a stray write to descriptor 1\\n")
    return real(*args, **kwargs)
trainer.photo_reader.read_photo = noisy
"""


def test_a_session_from_ready_to_the_end_of_input(start, tmp_path: Path) -> None:
    """Stray prints reach the log and not the events; odd file names survive both ways; what was
    asked for before the end of input is still answered.
    """
    process = start("--threads", "2", prelude=NOISY)
    ready = process.next()
    assert isinstance(ready, EncoderReady)
    assert (ready.protocol, ready.dim, ready.device) == (PROTOCOL, 32, "CPU")
    assert (ready.scale, ready.bias) == (20.0, -4.5)
    assert ready.templates == ["a photo of a {}.", "{}"]
    assert (ready.windows, ready.window_offset, ready.crops) == (5, None, True)
    odd = tmp_path / os.fsdecode(b"caf\xe9 \xe5\x86\x99.png")
    Image.new("RGB", (80, 70), (200, 30, 30)).save(odd)
    process.send(EncodePhotos("p", [5, 6], [str(odd), str(tmp_path / "gone.jpg")]))
    process.send(EncodeTexts("t", ["a dog"]))
    process.close_input()
    answers = {type(message): message for message in (process.next(), process.next())}
    encoded = answers[PhotosEncoded]
    assert isinstance(encoded, PhotosEncoded)
    assert encoded.count == 1
    assert [failure.id for failure in encoded.failures] == [6]
    assert load_file(encoded.file)["ids"].tolist() == [5]
    assert TextsEncoded in answers
    assert process.code() == 0
    assert process.events.empty()
    log = "".join(process.log)
    assert "a stray print" in log
    assert "a stray write" in log


def test_stop_ends_it_amid_work(start, tmp_path: Path) -> None:
    slow = "import time, trainer.photo_reader as r\nr.read_photo = lambda *a, **k: time.sleep(600)"
    process = start(prelude=slow)
    assert isinstance(process.next(), EncoderReady)
    process.send(EncodePhotos("p", [1], [str(draw(tmp_path, 1)[0])]))
    process.send(Stop())
    assert process.code() == 0
    assert process.events.empty()


def test_gently_it_takes_the_lowest_priority_and_answers_all_the_same(
    start, tmp_path: Path
) -> None:
    process = start("--gentle")
    assert isinstance(process.next(), EncoderReady)
    nice = psutil.Process(process.process.pid).nice()
    assert nice == psutil.IDLE_PRIORITY_CLASS if os.name == "nt" else nice >= GENTLE_NICE
    process.send(EncodePhotos("p", [1, 2], [str(path) for path in draw(tmp_path, 2)]))
    encoded = process.next()
    assert isinstance(encoded, PhotosEncoded)
    assert encoded.count == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="tells of a dead parent otherwise here")
def test_it_ends_with_its_parent(tiny_folder: Path, tmp_path: Path) -> None:
    """The parent is killed while somebody else still holds its stdin open."""
    reading, writing = os.pipe()
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'from trainer.encode import main; main()',"
        " *sys.argv[1:]], stdin=0, stdout=1)\n"
        "print(child.pid, file=sys.stderr, flush=True)\n"
        "time.sleep(600)\n"
    )
    arguments = [
        "--backbone",
        f"local-dir:{tiny_folder}",
        "--device",
        "cpu",
        "--out",
        str(tmp_path),
    ]
    parent = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=reading,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[3],
    )
    try:
        assert parent.stderr is not None
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stderr.readline()))
        assert "EncoderReady" in parent.stdout.readline()
        parent.send_signal(signal.SIGKILL)
        parent.wait(PATIENCE)
        deadline = time.monotonic() + PATIENCE
        while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    except psutil.NoSuchProcess:
        pass  # gone
    finally:
        parent.kill()
        os.close(reading)
        os.close(writing)
