"""Stdin, stdout and exit of the encoder and captioner processes (imports no torch)."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import IO, TextIO

from trainer.events import (
    MAX_LINE_BYTES,
    EncodeHere,
    EncodeMap,
    EncodePhotos,
    EncodeTexts,
    EncodeTurned,
    Message,
    ProtocolError,
    Stop,
    parse_line,
    to_line,
)
from trainer.priority import ENCODER_NICE, GENTLE_NICE
from trainer.threads import start_thread

log = logging.getLogger(__name__)

PhotoRequest = EncodePhotos | EncodeTurned
UrgentRequest = EncodeTexts | EncodeMap
"""The user is waiting for the answer."""

STOP_SECONDS = 1.5
"""The process exits within this time after ``Stop``, even during a long computation."""

_PARENT_SECONDS = 1.0


class EventStream:
    """Writes events, one line each, from any thread."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Send a message.

        Raises:
            BrokenPipeError: if the app has closed the stream.
        """
        with self._lock:
            self._stream.write(to_line(message))
            self._stream.flush()


class Inbox:
    """Queue of requests: urgent ones before photos, otherwise in order of arrival.

    on_photos: called with every request for photos as it arrives, so that decoding can begin; when
        it is set, it is called with the requests that arrived earlier.
    """

    def __init__(self) -> None:
        self._urgent: queue.SimpleQueue[UrgentRequest] = queue.SimpleQueue()
        self._photos: queue.SimpleQueue[PhotoRequest] = queue.SimpleQueue()
        self._arrived = threading.Condition()
        self._ended = False
        self._early: list[PhotoRequest] = []
        self._on_photos: Callable[[PhotoRequest], None] | None = None
        self.on_here: Callable[[], None] | None = None
        """Called when photos are to be encoded on this computer, though another one is used."""
        self.on_stop: Callable[[], None] | None = None
        """Called at once when a ``Stop`` is received, whatever is being encoded."""
        self.stopped = False
        """A ``Stop`` was received."""

    @property
    def on_photos(self) -> Callable[[PhotoRequest], None] | None:
        return self._on_photos

    @on_photos.setter
    def on_photos(self, listener: Callable[[PhotoRequest], None]) -> None:
        with self._arrived:
            self._on_photos = listener
            for request in self._early:
                listener(request)
            self._early.clear()

    def put(self, message: PhotoRequest | UrgentRequest) -> None:
        with self._arrived:
            if isinstance(message, UrgentRequest):
                self._urgent.put(message)
            else:
                if self._on_photos is None:
                    self._early.append(message)
                else:
                    self._on_photos(message)
                self._photos.put(message)
            self._arrived.notify()

    def end(self, *, stop: bool) -> None:
        """There are no more requests; with ``stop``, waiting requests are dropped."""
        with self._arrived:
            self._ended = True
            self.stopped = self.stopped or stop
            self._arrived.notify()

    def take(self, timeout: float | None) -> PhotoRequest | UrgentRequest | None:
        """The next request; None if there are no more, or none within ``timeout`` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._arrived:
            while not self.stopped:
                for waiting in (self._urgent, self._photos):
                    with contextlib.suppress(queue.Empty):
                        return waiting.get_nowait()
                left = None if deadline is None else deadline - time.monotonic()
                if self._ended or (left is not None and left <= 0):
                    return None
                self._arrived.wait(left)
        return None

    def take_urgent(self) -> UrgentRequest | None:
        """A waiting urgent request, or None; does not block."""
        with contextlib.suppress(queue.Empty):
            return self._urgent.get_nowait()
        return None


def claim_stdio() -> tuple[TextIO, EventStream]:
    """Reserve stdin for requests and stdout for events; other output goes to stderr.

    File names that are not Unicode pass as surrogates, as everywhere in Python.
    """
    requests = os.fdopen(os.dup(0), encoding="utf-8", errors="surrogateescape")
    events = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="surrogateescape", newline="\n")
    # On the level of descriptors, to include C libraries.
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return requests, EventStream(events)


def bounded_lines(stream: IO[str]) -> Iterator[str]:
    """The lines of ``stream``; the beginning of one that is too long for a message."""
    whole = True
    while line := stream.readline(MAX_LINE_BYTES + 1):
        if whole:
            yield line
        whole = line.endswith("\n")


def messages_of(stream: TextIO) -> Iterator[Message]:
    """The messages on ``stream``, a line each; other lines are logged and left out."""
    for line in bounded_lines(stream):
        if not line.strip():
            continue
        try:
            yield parse_line(line)
        except ProtocolError as error:
            log.warning("ignoring a request: %s", error)


def read_requests(stream: TextIO, inbox: Inbox) -> None:
    """Put every request on ``stream`` into ``inbox``, until Stop or the end of the stream."""
    try:
        for message in messages_of(stream):
            if isinstance(message, Stop):
                inbox.end(stop=True)
                _exit_soon()
                if inbox.on_stop is not None:
                    inbox.on_stop()
                return
            if isinstance(message, PhotoRequest | UrgentRequest):
                if isinstance(message, EncodePhotos) and len(message.ids) != len(message.paths):
                    log.warning("ignoring a request with unequal ids and paths")
                    continue
                inbox.put(message)
            elif isinstance(message, EncodeHere):
                if inbox.on_here is not None:
                    inbox.on_here()
            else:
                log.warning("ignoring a %s", type(message).__name__)
    except (OSError, ValueError) as error:
        log.warning("stdin failed: %s", error)
    inbox.end(stop=False)


def exit_when_parent_dies() -> None:
    """End this process when its parent has died, even during a request.

    Stdin is closed then too, but the waiting requests would still be processed.
    """
    parent = os.getppid()
    if parent <= 1:
        return

    def watch() -> None:
        while _is_there(parent):
            time.sleep(_PARENT_SECONDS)
        log.info("the parent process is gone")
        os._exit(0)

    start_thread(watch, "parent-watch")


def _is_there(parent: int) -> bool:
    """Whether the process that was the parent still runs; Windows names it as long as this one
    lives.  There a virtual environment's Python is a child of the environment's launcher, which
    waits for it: then the end of stdin, and of stdout, is all that is noticed."""
    if sys.platform != "win32":
        return os.getppid() == parent
    import psutil  # noqa: PLC0415

    return psutil.pid_exists(parent)


def add_priority_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that :func:`wanted_niceness` reads."""
    parser.add_argument(
        "--nice",
        type=int,
        default=ENCODER_NICE,
        help="lower the priority of this process by this amount, so that the app stays responsive "
        f"(default: {ENCODER_NICE}; 0: unchanged)",
    )
    parser.add_argument(
        "--gentle",
        action="store_true",
        help="for battery power or beside other work: half of the cores, one decoding thread, "
        "lowest priority; a GPU pauses half of the time",
    )


def wanted_niceness(arguments: argparse.Namespace) -> int:
    """What to call :func:`.priority.lower_priority` with."""
    nice: int = arguments.nice
    return max(nice, GENTLE_NICE) if arguments.gentle else nice


def _exit_soon() -> None:
    """Force the exit, because a download or a large batch may keep the main thread busy."""

    def force_exit() -> None:
        time.sleep(STOP_SECONDS)
        os._exit(0)

    start_thread(force_exit, "stop")
