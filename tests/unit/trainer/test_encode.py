"""The encoder: its parts in this process, and the whole as the app starts it."""

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
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file

from trainer.backbone import Backbone, load_backbone
from trainer.encode import SHARPNESS, Encoder, _run, add_arguments
from trainer.encode_wires import EventStream, Inbox, read_requests
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
from trainer.photo import UnreadablePhoto, read_photo
from trainer.photo_encoder import OutOfMemoryError, PhotoEncoder
from trainer.photo_reader import PhotoReader
from trainer.suggested import is_downloaded

PATIENCE = 120.0


def draw(folder: Path, count: int) -> list[Path]:
    """Photos that all look different."""
    random = np.random.default_rng(0)
    paths = [folder / f"photo {i}.jpg" for i in range(count)]
    for path in paths:
        coarse = random.integers(0, 255, (6, 8, 3), np.uint8)
        Image.fromarray(coarse).resize((160, 120), Image.Resampling.BICUBIC).save(path)
    return paths


# ------------------------------------------------------------------------ reading ahead


def as_tensor(image: Image.Image) -> torch.Tensor:
    return torch.tensor(np.asarray(image.resize((4, 4))), dtype=torch.float32)


def test_photos_come_back_in_order_with_reasons_in_their_places(tmp_path: Path) -> None:
    paths = draw(tmp_path, 12)
    paths[5] = tmp_path / "missing.jpg"
    reader = PhotoReader(as_tensor, at_least=None, threads=4, window=3)
    reader.add(paths[:7])
    reader.add(paths[7:])
    taken = reader.take(4) + reader.take(8)
    reader.close()
    assert len(taken) == 12
    for place, (path, item) in enumerate(zip(paths, taken, strict=True)):
        if place == 5:
            assert isinstance(item, UnreadablePhoto)
        else:
            assert isinstance(item, torch.Tensor)
            assert torch.equal(item, as_tensor(Image.open(path).convert("RGB")))


def test_no_more_is_decoded_ahead_than_the_window(tmp_path: Path) -> None:
    seen: list[int] = []
    gate = threading.Semaphore(0)

    def slow(image: Image.Image) -> torch.Tensor:
        seen.append(1)
        gate.release()
        return as_tensor(image)

    reader = PhotoReader(slow, at_least=None, threads=2, window=3)
    reader.add(draw(tmp_path, 10))
    for _ in range(3):
        assert gate.acquire(timeout=PATIENCE)
    assert not gate.acquire(timeout=0.1)
    assert len(seen) == 3
    assert len(reader.take(20)) == 10
    reader.close()


def test_an_error_while_preparing_costs_one_photo(tmp_path: Path) -> None:
    def fail(_image: Image.Image) -> torch.Tensor:
        raise ValueError("too narrow")

    reader = PhotoReader(fail, at_least=None, threads=1, window=2)
    reader.add(draw(tmp_path, 1))
    [item] = reader.take(1)
    reader.close()
    assert isinstance(item, UnreadablePhoto)
    assert "too narrow" in item.reason


# ------------------------------------------------------------------------------ batches


class FakeTower:
    """Answers with each photo's first pixel; fails as told."""

    dim = 2
    device = torch.device("cpu")

    def __init__(self, fits: int = 1000, error: type[Exception] = torch.OutOfMemoryError) -> None:
        self.fits = fits
        self.error = error
        self.sizes: list[int] = []

    def encode_images(self, pixels: torch.Tensor) -> np.ndarray:
        if len(pixels) > self.fits:
            raise self.error("MPS backend out of memory")
        self.sizes.append(len(pixels))
        first = pixels.flatten(1)[:, 0].numpy()
        return np.stack([first, np.ones_like(first)], axis=1).astype(np.float32)


def photos(values: Sequence[float | None]) -> queue.SimpleQueue[torch.Tensor | UnreadablePhoto]:
    waiting: queue.SimpleQueue[torch.Tensor | UnreadablePhoto] = queue.SimpleQueue()
    for value in values:
        waiting.put(
            UnreadablePhoto("Broken.") if value is None else torch.full((3, 2, 2), float(value))
        )
    return waiting


def run_encoder(encoder: PhotoEncoder, values: Sequence[float | None]) -> tuple:
    waiting = photos(values)
    result = encoder.encode(len(values), lambda count: [waiting.get() for _ in range(count)])
    return result.positions.tolist(), result.features[:, 0].tolist(), result.failures


def test_batches_keep_places_and_failures() -> None:
    tower = FakeTower()
    values = [0, 1, None, 3, 4, None, None, 7]
    positions, features, failures = run_encoder(PhotoEncoder(tower, batch=3), values)
    assert positions == features == [0, 1, 3, 4, 7]
    assert failures == [(2, "Broken."), (5, "Broken."), (6, "Broken.")]


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError, MemoryError])
def test_out_of_memory_halves_the_batch_and_remembers(error: type[Exception]) -> None:
    tower = FakeTower(fits=3, error=error)
    encoder = PhotoEncoder(tower, batch=16)
    positions, features, failures = run_encoder(encoder, list(range(20)))
    assert positions == features == list(range(20))
    assert failures == []
    assert encoder.batch == 2
    assert max(tower.sizes) <= 3


def test_out_of_memory_with_one_photo_is_said_plainly() -> None:
    with pytest.raises(OutOfMemoryError, match="smaller backbone"):
        run_encoder(PhotoEncoder(FakeTower(fits=0), batch=4), [1, 2])


def test_other_errors_of_the_model_are_not_taken_for_memory() -> None:
    class Broken(FakeTower):
        def encode_images(self, pixels: torch.Tensor) -> np.ndarray:
            raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        run_encoder(PhotoEncoder(Broken(), batch=4), [1])


def test_a_feature_that_is_not_finite_is_a_failure_not_a_feature() -> None:
    positions, _, failures = run_encoder(PhotoEncoder(FakeTower(), batch=4), [1, float("nan"), 3])
    assert positions == [0, 2]
    assert [place for place, _ in failures] == [1]


def test_a_request_without_photos_gives_none() -> None:
    assert run_encoder(PhotoEncoder(FakeTower()), []) == ([], [], [])


# -------------------------------------------------------------------------------- wires


def test_texts_come_before_photos_that_were_there_first() -> None:
    inbox = Inbox()
    lines = [
        EncodePhotos("p1", [1], ["a"]),
        EncodeTexts("t1", ["x"]),
        EncodePhotos("p2", [2], ["b"]),
        EncodeTexts("t2", ["y"]),
    ]
    read_requests(io.StringIO("".join(map(to_line, lines))), inbox)
    order = []
    while (message := inbox.take(0)) is not None:
        order.append(message.request)
    assert order == ["t1", "t2", "p1", "p2"]


def test_decoding_is_told_of_requests_that_came_before_it_listened() -> None:
    inbox = Inbox()
    inbox.put(EncodePhotos("p1", [1], ["a"]))
    told: list[str] = []
    inbox.on_photos = lambda request: told.append(request.request)
    inbox.put(EncodePhotos("p2", [2], ["b"]))
    assert told == ["p1", "p2"]


def test_lines_that_are_no_requests_are_ignored() -> None:
    inbox = Inbox()
    lines = [
        "",
        "garbage",
        '{"type": "Unheard", "of": 1}',
        to_line(EncoderFailed("error", "not a request")),
        to_line(EncodePhotos("unequal", [1, 2], ["a"])),
        to_line(EncodeTexts("good", ["x"])),
    ]
    read_requests(io.StringIO("\n".join(lines)), inbox)
    message = inbox.take(0)
    assert isinstance(message, EncodeTexts)
    assert message.request == "good"
    assert inbox.take(0) is None
    assert not inbox.stopped


# ------------------------------------------------------------- a model, in this process


@pytest.fixture(scope="module")
def backbone(tiny_folder: Path) -> Backbone:
    return load_backbone(f"local-dir:{tiny_folder}", "cpu")


class Desk:
    """An encoder without a process."""

    def __init__(self, backbone: Backbone, out: Path) -> None:
        self.written = io.StringIO()
        self.encoder = Encoder(backbone, out, EventStream(self.written), threads=2, batch=4)
        self.inbox = Inbox()

    def ask(self, *requests: EncodePhotos | EncodeTexts) -> list[Message]:
        for request in requests:
            self.inbox.put(request)
        self.inbox.end(stop=False)
        self.encoder.work(self.inbox, None)
        self.encoder.close()
        return [parse_line(line) for line in self.written.getvalue().splitlines()]


def test_features_equal_those_of_open_clips_preprocessing(
    backbone: Backbone, tmp_path: Path, shared_photos: list[Path]
) -> None:
    """On real photos, small as they are and enlarged so that JPEGs are decoded at 1/2 to 1/8."""
    paths = list(shared_photos[:12])
    for place, factor in enumerate((2, 4, 6)):
        with Image.open(shared_photos[place]) as image:
            large = image.resize((image.width * factor, image.height * factor))
        path = tmp_path / f"large{factor}.jpg"
        large.save(path, quality=92)
        paths.append(path)
    request = EncodePhotos("r", list(range(len(paths))), [str(path) for path in paths])
    [answer] = Desk(backbone, tmp_path).ask(request)
    assert isinstance(answer, PhotosEncoded)
    got = load_file(answer.file)["features"].astype(np.float32)
    plain = torch.stack([backbone.preprocess(Image.open(path).convert("RGB")) for path in paths])
    expected = backbone.encode_images(plain)
    cosines = (got * expected).sum(1) / np.linalg.norm(got, axis=1)
    assert cosines.min() >= 0.999


def test_answers_name_ids_and_failures(backbone: Backbone, tmp_path: Path) -> None:
    paths = draw(tmp_path, 6)
    paths[2].write_bytes(b"")
    paths[4].unlink()
    ids = [60, 61, 62, 63, 64, 65]
    [answer] = Desk(backbone, tmp_path).ask(EncodePhotos("r/1", ids, [str(p) for p in paths]))
    assert isinstance(answer, PhotosEncoded)
    assert (answer.request, answer.count) == ("r/1", 4)
    assert [(f.id, f.reason) for f in answer.failures] == [
        (62, "The file is empty."),
        (64, "The file is no longer there."),
    ]
    arrays = load_file(answer.file)
    assert arrays["ids"].tolist() == [60, 61, 63, 65]
    assert arrays["ids"].dtype == np.int64
    assert arrays["features"].dtype == np.float16
    norms = np.linalg.norm(arrays["features"].astype(np.float32), axis=1)
    np.testing.assert_allclose(norms, 1, atol=2e-3)
    assert Path(answer.file).parent == tmp_path
    assert not list(tmp_path.glob("*.part"))


def test_a_request_that_fails_entirely_has_no_file(backbone: Backbone, tmp_path: Path) -> None:
    [answer] = Desk(backbone, tmp_path).ask(EncodePhotos("r", [1, 2], ["/no/such", "/nor/this"]))
    assert isinstance(answer, PhotosEncoded)
    assert (answer.file, answer.count, len(answer.failures)) == ("", 0, 2)


def test_texts_are_answered_with_float32_rows(backbone: Backbone, tmp_path: Path) -> None:
    [answer] = Desk(backbone, tmp_path).ask(EncodeTexts("t", ["a dog", "a cat"], ["photo of {}"]))
    assert isinstance(answer, TextsEncoded)
    features = load_file(answer.file)["features"]
    assert features.dtype == np.float32
    np.testing.assert_allclose(
        features, backbone.encode_texts(["a dog", "a cat"], ["photo of {}"]), atol=1e-6
    )


def test_a_text_does_not_wait_for_a_long_request_of_photos(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [str(path) for path in draw(tmp_path, 20)]
    desk = Desk(backbone, tmp_path)
    original = desk.encoder._encoder.encode

    def encode(count, take, between):
        desk.inbox.put(EncodeTexts("t", ["now"]))
        return original(count, take, between)

    monkeypatch.setattr(desk.encoder._encoder, "encode", encode)
    answers = desk.ask(EncodePhotos("p", list(range(20)), paths))
    assert [type(answer) for answer in answers] == [TextsEncoded, PhotosEncoded]


def test_a_full_disk_fails_the_request_and_not_the_process(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    real = Path.write_bytes

    def write(self: Path, data: bytes) -> int:
        calls.append(1)
        if len(calls) == 1:
            real(self, data[:10])
            raise OSError(28, "No space left on device")
        return real(self, data)

    monkeypatch.setattr(Path, "write_bytes", write)
    failed, answered = Desk(backbone, tmp_path).ask(
        EncodeTexts("t1", ["a dog"]), EncodeTexts("t2", ["a dog"])
    )
    assert isinstance(failed, EncoderFailed)
    assert (failed.kind, failed.request) == ("disk-full", "t1")
    assert isinstance(answered, TextsEncoded)
    assert len(list(tmp_path.iterdir())) == 1


def test_reduced_decoding_does_not_blur_what_a_trained_model_sees(
    tmp_path: Path, shared_photos: list[Path]
) -> None:
    """Lite, unlike a random model, looks at fine detail."""
    if not is_downloaded("lite"):
        pytest.skip("Lite is not built")
    lite = load_backbone("lite", "cpu", fast_images=True)
    exact = load_backbone("lite", "cpu")
    paths = []
    for place, factor in ((1, 5), (7, 5), (14, 5), (7, 10)):
        with Image.open(shared_photos[place]) as image:
            large = image.convert("RGB").resize((image.width * factor, image.height * factor))
        paths.append(tmp_path / f"{place} {factor}.jpg")
        large.save(paths[-1], quality=92)
        reduced = read_photo(paths[-1], at_least=SHARPNESS * lite.input_side)
        assert reduced.width < large.width
    request = EncodePhotos("r", list(range(len(paths))), [str(path) for path in paths])
    [answer] = Desk(lite, tmp_path).ask(request)
    assert isinstance(answer, PhotosEncoded)
    got = load_file(answer.file)["features"].astype(np.float32)
    plain = torch.stack([exact.preprocess(Image.open(path)) for path in paths])
    assert (got * exact.encode_images(plain)).sum(1).min() >= 0.999


# ---------------------------------------------------------- the process, without starting it


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

    monkeypatch.setattr("trainer.encode.Backbone.encode_texts", lost)
    code, events = run_here(
        *("--backbone", f"local-dir:{tiny_folder}", "--out", str(tmp_path)),
        requests=to_line(EncodeTexts("t", ["a dog"])),
    )
    assert code == 1
    assert isinstance(events[-1], EncoderFailed)
    assert events[-1].kind == "no-device"
    assert "graphics card" in events[-1].message


# --------------------------------------------------------------------- the whole process


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
