"""Decode photos in worker threads while the model processes earlier ones."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import torch
from PIL import Image
from torch import Tensor

from trainer.photo import NO_MEMORY, UnreadablePhoto, read_photo

Preprocess = Callable[[Image.Image], Tensor]
Prepared = TypeVar("Prepared")


class PhotoReader:
    """Photos in the order in which they were added, decoded by worker threads.

    At most ``window`` photos are decoded and not yet taken, which limits memory.  One queue spans
    all requests, so the photos of the next request are decoded while this one ends.  :meth:`add`
    and :meth:`take` may be called from different threads.
    """

    def __init__(
        self, preprocess: Preprocess, *, at_least: int | None, threads: int, window: int
    ) -> None:
        """Start the worker threads.

        Args:
            preprocess: RGB image to tensor; called in worker threads.
            at_least: see :func:`trainer.photo.read_photo`.
            threads: number of workers.
            window: maximum number of photos decoded ahead.
        """
        self._preprocess = preprocess
        self._at_least = at_least
        self._window = max(1, window)
        self._waiting: deque[Path] = deque()
        self._started: deque[Future[Tensor | UnreadablePhoto]] = deque()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(
            max(1, threads), "photo reader", initializer=_use_one_thread
        )

    def add(self, paths: Sequence[Path]) -> None:
        """Append photos to the queue."""
        with self._lock:
            self._waiting.extend(paths)
            self._start_more()

    def take(self, count: int) -> list[Tensor | UnreadablePhoto]:
        """Wait for the next ``count`` photos, or for as many as were added.

        Returns:
            for each photo, in order, the preprocessed tensor or why it cannot be read.
        """
        taken: list[Tensor | UnreadablePhoto] = []
        while len(taken) < count:
            with self._lock:
                if not self._started:
                    break
                future = self._started.popleft()
                self._start_more()
            taken.append(future.result())
        return taken

    def close(self) -> None:
        """Discard photos that were not taken, and end the threads."""
        with self._lock:
            self._waiting.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _start_more(self) -> None:
        while self._waiting and len(self._started) < self._window:
            self._started.append(self._pool.submit(self._read, self._waiting.popleft()))

    def _read(self, path: Path) -> Tensor | UnreadablePhoto:
        return read_prepared(path, self._preprocess, at_least=self._at_least)


def read_prepared(
    path: Path, preprocess: Callable[[Image.Image], Prepared], *, at_least: int | None
) -> Prepared | UnreadablePhoto:
    """Decode and preprocess one photo, in this thread; what went wrong is returned."""
    try:
        return preprocess(read_photo(path, at_least=at_least, to_srgb=False))
    except UnreadablePhoto as error:
        return error
    except MemoryError:
        return UnreadablePhoto(NO_MEMORY)
    except Exception as error:  # for example a photo of 1 x 1,000,000 pixels
        return UnreadablePhoto(f"The photo could not be prepared for the model ({error}).")


def _use_one_thread() -> None:
    """Photos are decoded in parallel; otherwise each worker would start its own torch threads."""
    torch.set_num_threads(1)
