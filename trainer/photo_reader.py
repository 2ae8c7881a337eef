"""Decoding ahead: photos become tensors in threads while the model is busy with earlier ones."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from trainer.photo import NO_MEMORY, UnreadablePhoto, read_photo

Preprocess = Callable[[Image.Image], Tensor]


class PhotoReader:
    """Photos in the order they were asked for, decoded by worker threads.

    No more than ``window`` photos are decoded and not yet taken, which bounds memory; one
    queue spans requests, so the next request's photos are decoded during this one's end.
    :meth:`add` and :meth:`take` may be called from different threads.
    """

    def __init__(
        self, preprocess: Preprocess, *, at_least: int | None, threads: int, window: int
    ) -> None:
        """Args:
        preprocess: RGB image to tensor; called in worker threads.
        at_least: see :func:`trainer.photo.read_photo`.
        threads: workers.
        window: photos decoded ahead, at most.
        """
        self._preprocess = preprocess
        self._at_least = at_least
        self._window = max(1, window)
        self._waiting: deque[Path] = deque()
        self._started: deque[Future[Tensor | UnreadablePhoto]] = deque()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(
            max(1, threads), "photo reader", initializer=_keep_to_one_core
        )

    def add(self, paths: Sequence[Path]) -> None:
        """Read these after those already added."""
        with self._lock:
            self._waiting.extend(paths)
            self._start_more()

    def take(self, count: int) -> list[Tensor | UnreadablePhoto]:
        """The next ``count`` photos that were added (fewer if there are fewer), waiting for them.

        Returns:
            per photo, in order, what ``preprocess`` made of it, or why it cannot be read.
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
        """Forget what has not been taken and end the threads."""
        with self._lock:
            self._waiting.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _start_more(self) -> None:
        while self._waiting and len(self._started) < self._window:
            self._started.append(self._pool.submit(self._read, self._waiting.popleft()))

    def _read(self, path: Path) -> Tensor | UnreadablePhoto:
        try:
            return self._preprocess(read_photo(path, at_least=self._at_least, to_srgb=False))
        except UnreadablePhoto as error:
            return error
        except MemoryError:
            return UnreadablePhoto(NO_MEMORY)
        except Exception as error:  # a photo of one pixel by a million, say
            return UnreadablePhoto(f"The photo could not be prepared for the model ({error}).")


def _keep_to_one_core() -> None:
    """Parallelism is over photos here; without this every worker would start a team of its own."""
    torch.set_num_threads(1)
