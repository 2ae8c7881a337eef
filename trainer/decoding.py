"""Decode photos in processes of their own, with limits of time and memory (imports no torch).

A decoder that hangs or takes too much ends with its process; the photo gets a sentence, and the
next one another process.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import math
import os
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from trainer.children import NO_WINDOW, decode_worker_command
from trainer.deadline import Deadline
from trainer.photo import CRASHED, NO_DECODER, TOO_SLOW, UnreadablePhoto
from trainer.photo_limits import decoding_limit
from trainer.threads import start_thread

log = logging.getLogger(__name__)

WORKERS = 2
PHOTO_SECONDS = 20.0
START_SECONDS = 60.0
"""To start a process: a machine that is busy may take long."""
_COMMAND = decode_worker_command()
_LINE_BYTES = 4096
_JPEG_BYTES = 64 << 20
_CHANNELS = {"RGB": 3, "BGRX": 4}


@dataclass(frozen=True)
class Wanted:
    """How a photo is wanted.

    Attributes:
        form: "JPEG", or pixels as "RGB" or "BGRX", row by row.
        at_least, longer, to_srgb: see :func:`trainer.photo.read_photo`.
        size: width and height in pixels within which it is to fit, or that it is to have if
            ``exact``; None for its own.
        resampling: name of one of Pillow's filters.
    """

    form: str
    at_least: int | None = None
    longer: bool = False
    to_srgb: bool = True
    size: tuple[int, int] | None = None
    exact: bool = False
    resampling: str = "LANCZOS"


@dataclass(frozen=True)
class DecodedPhoto:
    """``data``: as :class:`Wanted` says."""

    width: int
    height: int
    data: bytes


class DecodingPool:
    """A few processes that decode; every method may be called from any thread."""

    def __init__(
        self,
        workers: int = WORKERS,
        *,
        seconds: float = PHOTO_SECONDS,
        command: Sequence[str] = _COMMAND,
    ) -> None:
        """No process is started until one is needed.

        Args:
            workers: the most photos decoded at a time.
            seconds: for each photo.
            command: of a process, for tests.
        """
        limits = (str(decoding_limit()), str(math.ceil(seconds)))
        self._command = [*command, *limits]
        self._seconds = seconds
        self._most = max(1, workers)
        self._changed = threading.Condition()
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()
        self._starting = 0
        self._closed = False

    def prepare(self) -> None:
        """Start the processes now, without waiting for them; to be called off the window's thread.

        A process that cannot be started is tried again when it is needed.
        """
        for _ in range(self._most):
            with self._changed:
                if self._closed or self._count() >= self._most:
                    return
                self._starting += 1
            self._add(self._start())

    def decode(self, path: Path, wanted: Wanted) -> DecodedPhoto:
        """Decode a photo in one of the processes, and wait for it.

        Raises:
            UnreadablePhoto: if it cannot be decoded, or not within the limits.
        """
        worker = self._take()
        if worker is None:
            raise UnreadablePhoto(NO_DECODER)
        answered = False
        try:
            decoded = worker.decode(path, wanted, self._seconds)
            answered = True
        except _RefusedError as error:
            answered = True
            raise UnreadablePhoto(error.reason) from error
        except UnreadablePhoto as error:
            if self._closed:
                raise UnreadablePhoto(NO_DECODER) from error
            raise
        finally:
            self._give(worker, answered)
        return decoded

    def close(self) -> None:
        """End the processes at once; whoever waits for a photo gets a sentence."""
        with self._changed:
            self._closed = True
            workers = [*self._idle, *self._busy]
            self._idle.clear()
            self._changed.notify_all()
        for worker in workers:
            worker.kill()

    # -------------------------------------------------------------------------- inside

    def _count(self) -> int:
        return len(self._idle) + len(self._busy) + self._starting

    def _start(self) -> _Worker | None:
        try:
            return _Worker(self._command)
        except OSError as error:
            log.warning("no process to decode photos: %s", error)
            return None

    def _add(self, worker: _Worker | None) -> None:
        with self._changed:
            self._starting -= 1
            if worker is not None:
                self._idle.append(worker)
            closed = self._closed
            self._changed.notify_all()
        if closed and worker is not None:
            worker.kill()

    def _take(self) -> _Worker | None:
        """An idle process, or a new one; None if there can be none."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._idle or self._count() < self._most)
            if self._closed:
                return None
            if self._idle:
                worker = self._idle.pop()
                self._busy.add(worker)
                return worker
            self._starting += 1
        worker = self._start()
        with self._changed:
            self._starting -= 1
            self._changed.notify_all()
            if worker is not None and not self._closed:
                self._busy.add(worker)
                return worker
        if worker is not None:
            worker.kill()
        return None

    def _give(self, worker: _Worker, usable: bool) -> None:
        with self._changed:
            self._busy.discard(worker)
            usable = usable and not self._closed
            if usable:
                self._idle.append(worker)
            self._changed.notify_all()
        if not usable:
            worker.kill()


@functools.cache
def shared_pool() -> DecodingPool:
    """The pool of this process; whoever ends the process closes it."""
    return DecodingPool()


class _RefusedError(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Worker:
    """One process, which decodes one photo at a time."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            # Ctrl+C in a terminal is for the app.
            start_new_session=True,
            creationflags=NO_WINDOW,
        )
        self._ready = False
        self._ended = threading.Lock()
        self._deadline = Deadline(self._process.kill)

    def decode(self, path: Path, wanted: Wanted, seconds: float) -> DecodedPhoto:
        """Decode a photo; after any error but :class:`_RefusedError` the process is of no use."""
        if not self._ready:
            self._wait_until_ready()
        request = {**asdict(wanted), "path": os.fsencode(path).hex()}
        with self._deadline.within(seconds) as passed:
            try:
                self._stdin.write(json.dumps(request).encode() + b"\n")
                self._stdin.flush()
                head = self._line()
                if reason := head.get("reason"):
                    raise _RefusedError(str(reason))
                return self._photo(head, wanted)
            except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
                if passed.is_set():
                    raise UnreadablePhoto(TOO_SLOW) from error
                log.warning("a decoder ended with %s at %r", self._process.poll(), path)
                raise UnreadablePhoto(CRASHED) from error

    def _wait_until_ready(self) -> None:
        with self._deadline.within(START_SECONDS):
            try:
                self._ready = self._line().get("ready") is True
            except (OSError, ValueError, EOFError) as error:
                raise UnreadablePhoto(NO_DECODER) from error
        if not self._ready:
            raise UnreadablePhoto(NO_DECODER)

    def kill(self) -> None:
        """End it at once, and wait for that."""
        with contextlib.suppress(OSError):
            self._process.kill()
        self._deadline.close()
        # Only one thread may close the pipes, and not while another one reads.
        if self._ended.acquire(blocking=False):
            try:
                start_thread(self._bury, "ended decoder")
            except (MemoryError, RuntimeError):
                log.warning("a decoder that was ended is left to the system")

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def _stdout(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    def _line(self) -> dict[str, Any]:
        line = self._stdout.readline(_LINE_BYTES)
        if not line:
            raise EOFError
        head = json.loads(line)
        if not isinstance(head, dict):
            raise ValueError("no object")
        return head

    def _photo(self, head: dict[str, Any], wanted: Wanted) -> DecodedPhoto:
        width, height, count = (int(head[name]) for name in ("width", "height", "bytes"))
        expected = _CHANNELS.get(wanted.form, 0) * width * height
        if min(width, height, count) < 1 or (
            count != expected if expected else count > _JPEG_BYTES
        ):
            raise ValueError("not what was wanted")
        data = self._stdout.read(count)
        if len(data) != count:
            raise EOFError
        return DecodedPhoto(width, height, data)

    def _bury(self) -> None:
        self._process.wait()
        for stream in (self._stdin, self._stdout):
            with contextlib.suppress(OSError, ValueError):
                stream.close()


def _environment() -> dict[str, str]:
    root = str(Path(__file__).resolve().parents[1])
    known = os.environ.get("PYTHONPATH", "")
    return {
        **os.environ,
        "PYTHONPATH": f"{root}{os.pathsep}{known}" if known else root,
        "PYTHONUTF8": "1",
        # Threads of numpy, which is used little, would take memory of the limit.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
