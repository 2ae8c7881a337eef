"""Photos decoded in processes with limits: what they answer, and what becomes of bad ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import hostile_photos as hostile
import odd_decoder
import psutil
import pytest
from PIL import Image

from trainer import deadline
from trainer.decoding import DecodingPool, Wanted
from trainer.photo import (
    CRASHED,
    NO_DECODER,
    TOO_MUCH_MEMORY,
    TOO_SLOW,
    UnreadablePhoto,
    read_photo,
)
from trainer.threads import start_thread

PIXELS = Wanted("RGB")
on_posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits are POSIX's")


@pytest.fixture
def pool() -> Iterator[DecodingPool]:
    made = DecodingPool(command=odd_decoder.COMMAND, seconds=600)
    yield made
    made.close()


def draw(path: Path, size: tuple[int, int] = (80, 60)) -> Path:
    Image.effect_noise(size, 60).convert("RGB").save(path)
    return path


def reason(pool: DecodingPool, path: Path) -> str:
    with pytest.raises(UnreadablePhoto) as caught:
        pool.decode(path, PIXELS)
    return caught.value.reason


def test_a_photo_is_the_same_as_if_it_were_read_here(pool: DecodingPool, tmp_path: Path) -> None:
    name = "фото 写真\n.jpg" if sys.platform != "win32" else "фото 写真.jpg"
    path = draw(tmp_path / name, (800, 600))
    whole = pool.decode(path, PIXELS)
    assert (whole.width, whole.height) == (800, 600)
    assert whole.data == read_photo(path).tobytes()

    screen = pool.decode(path, Wanted("BGRX", size=(90, 90), exact=True, resampling="BICUBIC"))
    expected = read_photo(path).resize((90, 90), Image.Resampling.BICUBIC, reducing_gap=2.0)
    assert screen.data == expected.tobytes("raw", "BGRX")

    within = pool.decode(path, Wanted("RGB", at_least=100, size=(100, 100)))
    assert (within.width, within.height) == (100, 75)

    features = pool.decode(path, Wanted("RGB", at_least=150, to_srgb=False))
    assert features.data == read_photo(path, at_least=150, to_srgb=False).tobytes()


@pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes are Linux's")
def test_file_names_need_not_be_unicode(pool: DecodingPool, tmp_path: Path) -> None:
    path = draw(tmp_path / os.fsdecode(b"caf\xe9.png"))
    assert pool.decode(path, PIXELS).data == read_photo(path).tobytes()


def test_what_is_wrong_with_a_file_is_said_as_elsewhere(pool: DecodingPool, tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").write_bytes(b"")
    for path in (tmp_path / "empty.jpg", tmp_path / "none.jpg", tmp_path):
        with pytest.raises(UnreadablePhoto) as caught:
            read_photo(path)
        assert reason(pool, path) == caught.value.reason
    # Such a photo costs no process.
    assert len(pool._idle) == 1


def test_a_process_that_hangs_is_replaced_and_the_next_photo_served(tmp_path: Path) -> None:
    hangs, good = draw(tmp_path / "hangs.png"), draw(tmp_path / "good.png")
    pool = DecodingPool(1, command=odd_decoder.COMMAND, seconds=2)
    try:
        pool.prepare()
        pool.decode(good, PIXELS)
        before = [worker._process.pid for worker in pool._idle]
        with ThreadPoolExecutor(2) as threads:
            late = threads.submit(reason, pool, hangs)
            served = threads.submit(pool.decode, good, PIXELS)
            assert late.result() == TOO_SLOW
            assert served.result().data == read_photo(good).tobytes()
        assert [worker._process.pid for worker in pool._idle] != before
    finally:
        pool.close()


def test_one_thread_watches_all_that_a_process_decodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []

    def start(act: Callable[[], object], name: str) -> threading.Thread:
        started.append(name)
        return start_thread(act, name)

    before = set(threading.enumerate())
    monkeypatch.setattr(deadline, "start_thread", start)
    pool = DecodingPool(1, command=odd_decoder.COMMAND, seconds=600)
    try:
        photo = draw(tmp_path / "good.png")
        for _ in range(3):
            pool.decode(photo, PIXELS)
        assert started == ["deadline"]
        now = set(threading.enumerate()) - before
        (watcher,) = (item for item in now if item.name == started[0])
    finally:
        pool.close()
    watcher.join(30)
    assert not watcher.is_alive()


@on_posix
def test_a_process_that_crashes_is_replaced(pool: DecodingPool, tmp_path: Path) -> None:
    good = draw(tmp_path / "good.png")
    for _ in range(3):
        assert reason(pool, draw(tmp_path / "crashes.png")) == CRASHED
        assert pool.decode(good, PIXELS).data == read_photo(good).tobytes()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process")
def test_memory_is_limited(pool: DecodingPool, tmp_path: Path) -> None:
    good = draw(tmp_path / "good.png")
    assert reason(pool, draw(tmp_path / "takes memory.png")) == TOO_MUCH_MEMORY
    assert pool.decode(good, PIXELS).data == read_photo(good).tobytes()
    assert len(pool._idle) == 1


def test_what_a_library_prints_is_no_answer(pool: DecodingPool, tmp_path: Path) -> None:
    path = draw(tmp_path / "prints.png")
    for _ in range(2):
        assert pool.decode(path, PIXELS).data == read_photo(path).tobytes()


@on_posix
def test_an_answer_that_was_not_asked_for_is_not_taken(pool: DecodingPool, tmp_path: Path) -> None:
    assert reason(pool, draw(tmp_path / "lies.png")) == CRASHED


@pytest.mark.parametrize("make", [hostile.png_header, hostile.jpeg_of_many_scans])
def test_hostile_photos_are_refused(pool: DecodingPool, tmp_path: Path, make) -> None:
    path = tmp_path / "photo"
    make(path, 16, 6) if make is hostile.png_header else make(path)
    assert reason(pool, path) in (TOO_MUCH_MEMORY, TOO_SLOW)


def test_many_threads_share_the_processes(pool: DecodingPool, tmp_path: Path) -> None:
    paths = [draw(tmp_path / f"{number}.png", (20 + number, 30)) for number in range(12)]
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda path: pool.decode(path, PIXELS), paths * 4))
    for path, photo in zip(paths * 4, found, strict=True):
        assert photo.data == read_photo(path).tobytes()
    assert len(pool._idle) == 2


def test_without_a_process_there_is_a_sentence(tmp_path: Path) -> None:
    path = draw(tmp_path / "good.png")
    assert reason(DecodingPool(command=[str(tmp_path / "no program")]), path) == NO_DECODER
    silent = DecodingPool(command=[sys.executable, "-c", "pass"])
    for _ in range(3):
        assert reason(silent, path) == NO_DECODER
    silent.close()


def test_closing_ends_processes_and_waiting(pool: DecodingPool, tmp_path: Path) -> None:
    path = draw(tmp_path / "hangs.png")
    pool.decode(draw(tmp_path / "good.png"), PIXELS)
    reasons: list[str] = []
    threads = [
        threading.Thread(target=lambda: reasons.append(reason(pool, path))) for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    while len(pool._busy) < 2:
        threading.Event().wait(0.01)
    workers = [psutil.Process(worker._process.pid) for worker in pool._busy]
    pool.close()
    for thread in threads:
        thread.join(60)
    assert reasons == [NO_DECODER] * 5
    assert psutil.wait_procs(workers, timeout=60)[1] == []
    assert reason(pool, path) == NO_DECODER


PARENT = """
import json, sys
from pathlib import Path
from concurrent.futures import ThreadPoolExecutor
import odd_decoder
from trainer.decoding import DecodingPool, Wanted
pool = DecodingPool(command=odd_decoder.COMMAND, seconds=600)
threads = ThreadPoolExecutor(2)
for _ in range(2):
    threads.submit(pool.decode, Path(sys.argv[1]), Wanted("RGB"))
while len(pool._busy) < 2 or not all(worker._ready for worker in pool._busy):
    pass
print(json.dumps([worker._process.pid for worker in pool._busy]), flush=True)
pool.close()
"""


def test_a_program_whose_decoders_hang_ends(tmp_path: Path) -> None:
    """Python waits for the threads of its pools, and these for the photo."""
    path = draw(tmp_path / "hangs.png")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", PARENT, str(path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    for pid in json.loads(done.stdout):
        assert not psutil.pid_exists(pid)
