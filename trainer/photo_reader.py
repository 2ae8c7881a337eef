"""Decode photos in worker threads while the model processes earlier ones.

A photo that takes much memory is decoded in a process of its own, and one that takes too long is
given up, so that no photo ends or holds up the encoder.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from PIL import Image

from trainer.decoding import PHOTO_SECONDS, DecodingPool, Wanted
from trainer.encoding_model import Pixels
from trainer.photo import NO_MEMORY, TOO_SLOW, HeavyPhoto, UnreadablePhoto, read_photo

log = logging.getLogger(__name__)

ORDINARY_BYTES = 256 << 20
"""A photo that takes more is decoded in a process of its own, one at a time."""
_LOOK_SECONDS = 1.0

Preprocess = Callable[[Image.Image], Pixels]
Prepared = TypeVar("Prepared")


@dataclass(eq=False)
class _Reading(Generic[Prepared]):
    path: Path
    future: Future[Prepared | UnreadablePhoto] = field(default_factory=Future)
    began: float | None = None
    """When a thread of this process began to decode; None while none does."""


class PhotoReader:
    """Photos in the order in which they were added, decoded by worker threads.

    At most ``window`` photos are decoded and not yet taken, which limits memory.  One queue spans
    all requests, so the photos of the next request are decoded while this one ends.  :meth:`add`
    and :meth:`take` may be called from different threads.
    """

    def __init__(
        self,
        preprocess: Preprocess,
        *,
        at_least: int | None,
        threads: int,
        window: int,
        seconds: float = PHOTO_SECONDS,
        apart: Collection[Path] = (),
    ) -> None:
        """Start the worker threads.

        Args:
            preprocess: RGB image to pixels; called in worker threads.
            at_least: see :func:`trainer.photo.read_photo`.
            threads: number of workers.
            window: maximum number of photos decoded ahead.
            seconds: for each photo.
            apart: photos to decode in a process of their own, whatever they take; may be added to.
        """
        self._preprocess = preprocess
        self._at_least = at_least
        self._window = max(1, window)
        self._seconds = seconds
        self._apart = apart
        self._waiting: deque[Path] = deque()
        self._started: deque[_Reading[Pixels]] = deque()
        self._lock = threading.Lock()
        self._count = max(1, threads)
        self._threads = self._new_threads(self._count)
        self._heavy = DecodingPool(1, seconds=seconds)

    def add(self, paths: Sequence[Path]) -> None:
        """Append photos to the queue."""
        with self._lock:
            self._waiting.extend(paths)
            self._start_more()

    def take(self, count: int) -> list[Pixels | UnreadablePhoto]:
        """Wait for the next ``count`` photos, or for as many as were added.

        Returns:
            for each photo, in order, the preprocessed pixels or why it cannot be read.
        """
        taken: list[Pixels | UnreadablePhoto] = []
        while len(taken) < count:
            with self._lock:
                if not self._started:
                    break
                reading = self._started.popleft()
                self._start_more()
            result = self._result(reading)
            if result is None:
                self._replace_threads()
            taken.append(UnreadablePhoto(TOO_SLOW) if result is None else result)
        return taken

    def read_now(
        self, path: Path, preprocess: Callable[[Image.Image], Prepared]
    ) -> Prepared | UnreadablePhoto:
        """Decode and preprocess one photo before all others, and wait for it."""
        threads = self._new_threads(1)
        reading: _Reading[Prepared] = _Reading(path)
        threads.submit(self._read, reading, preprocess)
        result = self._result(reading)
        threads.shutdown(wait=False)
        return UnreadablePhoto(TOO_SLOW) if result is None else result

    def close(self) -> None:
        """Discard photos that were not taken, and end the threads."""
        with self._lock:
            self._waiting.clear()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._heavy.close()

    def _start_more(self) -> None:
        while self._waiting and len(self._started) < self._window:
            reading: _Reading[Pixels] = _Reading(self._waiting.popleft())
            self._started.append(reading)
            self._threads.submit(self._read, reading, self._preprocess)

    def _result(self, reading: _Reading[Prepared]) -> Prepared | UnreadablePhoto | None:
        """What was read; None if it takes too long."""
        while True:
            try:
                return reading.future.result(timeout=min(_LOOK_SECONDS, self._seconds))
            except TimeoutError:
                began = reading.began
                if began is not None and time.monotonic() - began > self._seconds:
                    log.warning("%r takes too long to decode", reading.path)
                    return None

    def _replace_threads(self) -> None:
        """Go on with other threads: one that decodes cannot be ended, and another may wait for it.

        It ends with its photo, or with the process.
        """
        with self._lock:
            given_up, self._threads = self._threads, self._new_threads(self._count)
            given_up.shutdown(wait=False, cancel_futures=True)
            for reading in self._started:
                if not (reading.future.running() or reading.future.done()):
                    self._threads.submit(self._read, reading, self._preprocess)

    def _new_threads(self, count: int) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(count, "photo reader", initializer=_use_one_thread)

    def _read(
        self, reading: _Reading[Prepared], preprocess: Callable[[Image.Image], Prepared]
    ) -> None:
        if not reading.future.set_running_or_notify_cancel():
            return
        reading.began = time.monotonic()

        def decode_apart(path: Path) -> Image.Image:
            reading.began = None
            wanted = Wanted("RGB", at_least=self._at_least, to_srgb=False)
            photo = self._heavy.decode(path, wanted)
            return Image.frombytes("RGB", (photo.width, photo.height), photo.data)

        reading.future.set_result(
            read_prepared(
                reading.path,
                preprocess,
                at_least=self._at_least,
                decode_apart=decode_apart,
                apart=reading.path in self._apart,
            )
        )


def read_prepared(
    path: Path,
    preprocess: Callable[[Image.Image], Prepared],
    *,
    at_least: int | None,
    decode_apart: Callable[[Path], Image.Image],
    apart: bool = False,
) -> Prepared | UnreadablePhoto:
    """Decode and preprocess one photo, in this thread; what went wrong is returned.

    ``decode_apart`` decodes what takes much memory and, if it is to be ``apart``, anything.
    """
    try:
        try:
            if apart:
                image = decode_apart(path)
            else:
                image = read_photo(
                    path, at_least=at_least, to_srgb=False, most_bytes=ORDINARY_BYTES
                )
        except HeavyPhoto:
            image = decode_apart(path)
        return preprocess(image)
    except UnreadablePhoto as error:
        return error
    except MemoryError:
        return UnreadablePhoto(NO_MEMORY)
    except Exception as error:  # for example a photo of 1 x 1,000,000 pixels
        return UnreadablePhoto(f"The photo could not be prepared for the model ({error}).")


def _use_one_thread() -> None:
    """Photos are decoded in parallel; otherwise each worker would start its own torch threads."""
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(1)
