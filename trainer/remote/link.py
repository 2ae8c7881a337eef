"""A connection to an encoder on another computer, and what is asked of it (imports no torch)."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.encoding_model import Pixels
from trainer.events import (
    FarAlive,
    FarEncoder,
    FarFeatures,
    FarFiles,
    FarPhotos,
    Message,
    to_line,
)
from trainer.printable import one_line
from trainer.remote.frames import FRAME, packed
from trainer.remote.machine import Connection
from trainer.remote.trouble import MachineError, Trouble
from trainer.threads import start_thread
from trainer.windows import Windows

log = logging.getLogger(__name__)

ANSWER_SECONDS = 120.0
"""A request that was sent whole is answered within this time."""
STILL_HERE_SECONDS = 10.0
"""How often the other side hears something, whether or not there is a request."""
_BLOCK = 1 << 16
_REASON = 300
_UNIT = 0.02
"""By how much the length of a feature, as float16, may differ from 1."""


@dataclass(frozen=True)
class FileThere:
    """A photo that the other computer sees, too: here ``path``, there ``there``."""

    path: Path
    there: str


@dataclass(frozen=True)
class Answer:
    """Of one request: ``features`` (k, D) and ``windows`` (k, W, D) of the photos at ``positions``
    (k,), reasons for those without one, and the files that are not there."""

    positions: NDArray[np.int64]
    features: NDArray[np.float16]
    windows: Windows
    failures: list[tuple[int, str]]
    missing: list[int]


class Link:
    """One connection.  :meth:`send` never waits; answers come in the order of the requests."""

    def __init__(
        self,
        connection: Connection,
        there: FarEncoder,
        pool: ThreadPoolExecutor,
        changed: Callable[[], None],
    ) -> None:
        """Begin.

        Args:
            connection: on which ``there`` was said.
            pool: packs photos.
            changed: called when there is an answer, and when it ends.
        """
        self.there = there
        self.answered = 0
        """How many requests."""
        self.ended: MachineError | None = None
        """Why it can be used no longer."""
        self._connection = connection
        self._pool = pool
        self._changed = changed
        self._lock = threading.Lock()
        self._numbers = 0
        self._open: dict[int, int] = {}
        """How many photos each request without an answer has."""
        self._answers: dict[int, Answer] = {}
        self._requests: queue.SimpleQueue[Callable[[], list[bytes]] | None] = queue.SimpleQueue()
        self._due: float | None = None
        """When the next answer is due; None while nothing was sent that waits for one."""
        self._over = threading.Event()
        start_thread(self._write, "requests to another computer")
        start_thread(self._read, "answers of another computer")

    @property
    def waiting(self) -> int:
        """How many requests have no answer."""
        return len(self._open)

    def send(self, photos: Sequence[Pixels]) -> int:
        """Have (3, S, S) uint8 photos encoded, at most ``FRAME``; returns the request's number."""
        assert 0 < len(photos) <= FRAME
        coming = [self._pool.submit(packed, photo) for photo in photos]

        def lines(number: int) -> list[bytes]:
            data = [photo.result() for photo in coming]
            return [_line(FarPhotos(number, [len(item) for item in data])), *data]

        return self._ask(len(photos), lines)

    def send_files(self, files: Sequence[FileThere]) -> int:
        """The same for files that are there, too."""

        def lines(number: int) -> list[bytes]:
            found = [_size_and_time(file.path) for file in files]
            request = FarFiles(
                number,
                [file.there for file in files],
                [size for size, _ in found],
                [modified for _, modified in found],
            )
            return [_line(request)]

        return self._ask(len(files), lines)

    def answer(self, number: int) -> Answer | None:
        """The answer to a request, once; None before it is there."""
        with self._lock:
            return self._answers.pop(number, None)

    def has_answered(self, number: int) -> bool:
        """Whether the answer to a request is there, and was not taken."""
        return number in self._answers

    def join(self) -> None:
        """Wait until it has ended."""
        self._over.wait()

    def close(self) -> None:
        """End it at once, from any thread."""
        self._connection.close()
        self._requests.put(None)

    # ------------------------------------------------------------------------------ inside

    def _ask(self, count: int, lines: Callable[[int], list[bytes]]) -> int:
        with self._lock:
            self._numbers += 1
            number = self._numbers
            self._open[number] = count
        self._requests.put(lambda: lines(number))
        return number

    def _write(self) -> None:
        try:
            while True:
                try:
                    made = self._requests.get(timeout=STILL_HERE_SECONDS)
                except queue.Empty:
                    self._connection.write(_line(FarAlive()), feeds=False)
                    self._give_up_if_late()
                    continue
                if made is None:
                    return
                for data in made():
                    # In parts, so that a slow connection is seen to be alive.
                    for start in range(0, len(data), _BLOCK):
                        self._connection.write(data[start : start + _BLOCK])
                with self._lock:
                    if self._open and self._due is None:
                        self._due = time.monotonic() + ANSWER_SECONDS
        except OSError as error:
            log.info("nothing more can be sent: %s", error)

    def _give_up_if_late(self) -> None:
        due = self._due
        if due is not None and time.monotonic() > due:
            log.warning("a request is not answered")
            self._connection.close()

    def _read(self) -> None:
        try:
            for message in self._connection.messages():
                if isinstance(message, FarFeatures):
                    self._received(message)
            raise MachineError(Trouble.CUT)
        except MachineError as error:
            self.ended = error
        except BaseException as error:  # whoever waits is told
            log.exception("answers cannot be read")
            self.ended = MachineError(Trouble.OTHER, str(error))
        finally:
            self.close()
            self._over.set()
            self._changed()

    def _received(self, message: FarFeatures) -> None:
        with self._lock:
            count = self._open.get(message.number)
        if count is None:
            raise _bad("an answer without a request")
        out = [item.id for item in message.failures] + message.missing
        if len(set(out)) != len(out) or not all(0 <= at < count for at in out):
            raise _bad("failures of other photos")
        positions = np.setdiff1d(np.arange(count), np.array(out, np.int64))
        dim, windows = self.there.dim, self.there.windows
        features = np.frombuffer(self._exactly(2 * dim * len(positions)), "<f2").astype(np.float16)
        parts = np.frombuffer(self._exactly(windows * dim * len(positions)), np.int8)
        features = features.reshape(len(positions), dim)
        lengths = np.linalg.norm(features.astype(np.float32), axis=1)
        if not (np.abs(lengths - 1) <= _UNIT).all():  # nor is one that is not a number
            raise _bad("features that are no unit vectors")
        answer = Answer(
            positions,
            features,
            parts.reshape(len(positions), windows, dim),
            [(item.id, one_line(item.reason[:_REASON])) for item in message.failures],
            message.missing,
        )
        with self._lock:
            del self._open[message.number]
            self._answers[message.number] = answer
            self.answered += 1
            self._due = time.monotonic() + ANSWER_SECONDS if self._open else None
        # What it may say is bounded for each answer, not for all of them.
        self._connection.count_anew()
        self._changed()

    def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            part = self._connection.read(size - len(data))
            if not part:
                raise MachineError(Trouble.CUT)
            data += part
        return bytes(data)


def _line(message: Message) -> bytes:
    return to_line(message).encode("utf-8", "backslashreplace")


def _bad(detail: str) -> MachineError:
    return MachineError(Trouble.BAD_FEATURES, detail)


def _size_and_time(path: Path) -> tuple[int, float]:
    try:
        found = path.stat()
    except OSError:
        return -1, 0.0  # not there either: it is tried here next, which says why
    return found.st_size, found.st_mtime
