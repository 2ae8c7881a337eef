"""What ``lmpt-trainer remote encode`` does on the other computer: a backbone is loaded, and photos
that come on stdin are answered with features on stdout (imports no torch until it must).
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import queue
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainer.allocation import keep_memory
from trainer.backbone_error import BackboneError
from trainer.computer import AUTO, cores
from trainer.encode import SHARPNESS
from trainer.encoding_model import EncodingModel, Pixels
from trainer.events import (
    MAX_LINE_BYTES,
    FarAlive,
    FarEncoder,
    FarFeatures,
    FarFiles,
    FarPhotos,
    Message,
    PhotoFailure,
    ProtocolError,
    parse_line,
    to_line,
)
from trainer.load_encoder import load_encoder
from trainer.photo import UnreadablePhoto
from trainer.photo_encoder import Encoded, PhotoEncoder, take_first
from trainer.photo_reader import PhotoReader
from trainer.priority import ENCODER_NICE, lower_priority
from trainer.remote.frames import FRAME, most_bytes
from trainer.remote.trouble import MachineError, Trouble
from trainer.threads import begun_pool, start_thread

log = logging.getLogger(__name__)

ALIVE_SECONDS = 5.0
DESERTED_SECONDS = 90.0
"""Nothing came for so long, not even a sign of life: the connection is dead, and this process,
which holds a GPU's memory, ends."""
TIME_SECONDS = 2.0
"""File systems keep times as coarsely as that."""
_DOWNLOAD_SECONDS = 0.5


class Voice:
    """Messages to this side, from any thread."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def say(self, message: Message, data: Sequence[bytes] = ()) -> None:
        """Say a message, and the bytes that follow it.

        Raises:
            BrokenPipeError: if the connection is gone.
        """
        with self._lock:
            self._stream.write(to_line(message).encode("utf-8", "backslashreplace"))
            for part in data:
                self._stream.write(part)
            self._stream.flush()


@dataclass
class _Work:
    """A request: photos that are on their way, or files, of which some are missing."""

    number: int
    take: Callable[[], list[Pixels | UnreadablePhoto]]
    places: list[int]
    """Of these photos in the request."""
    missing: list[int] = field(default_factory=list)


def serve(name: str, stdin: IO[bytes], voice: Voice) -> None:
    """Load the backbone ``name`` and answer requests until there are no more.

    Raises:
        MachineError: if it cannot be loaded, or what comes is no request.
        OSError: if the connection is gone.
    """
    start_thread(partial(_stay_alive, voice), "alive")
    keep_memory()
    lower_priority(ENCODER_NICE)
    model = _load(name, voice)
    voice.say(FarEncoder(model.dim, model.windows, model.input_side, model.device_label))
    encoder = PhotoEncoder(model)
    received = _Received(model, stdin)
    for work in received.requests():
        encoded = encoder.encode(len(work.places), partial(take_first, work.take()))
        voice.say(*_answer(work, encoded))


def _load(name: str, voice: Voice) -> EncodingModel:
    last = 0.0

    def report(_done: int, _total: int) -> None:
        nonlocal last
        if time.monotonic() - last > _DOWNLOAD_SECONDS:
            last = time.monotonic()
            voice.say(FarAlive())  # and learn that nobody waits for it any more

    try:
        return load_encoder(name, AUTO, None, report)
    except BackboneError as error:
        raise MachineError(Trouble.NO_BACKBONE, str(error)) from error


def _stay_alive(voice: Voice) -> None:
    with contextlib.suppress(OSError, ValueError):
        while True:
            time.sleep(ALIVE_SECONDS)
            voice.say(FarAlive())
    os._exit(0)


def _answer(work: _Work, encoded: Encoded) -> tuple[FarFeatures, tuple[bytes, ...]]:
    failures = [PhotoFailure(work.places[at], reason) for at, reason in encoded.failures]
    return FarFeatures(work.number, failures, work.missing), (
        encoded.features.tobytes(),
        encoded.windows.tobytes(),
    )


class _Received:
    """Requests as they come, decoded in threads while the model is at earlier ones."""

    def __init__(self, model: EncodingModel, stdin: IO[bytes]) -> None:
        self._stdin = stdin
        self._side = model.input_side
        self._as_pixels = _as_pixels(model)
        self._waiting: queue.Queue[_Work | BaseException | None] = queue.Queue(4)
        self._pool = begun_pool(min(8, cores()), "photos")
        self._files = PhotoReader(
            model.preparation,
            at_least=SHARPNESS * model.input_side,
            threads=min(32, cores()),
            window=8 * FRAME,
        )
        self._heard = time.monotonic()

    def requests(self) -> Iterator[_Work]:
        """Every request.

        Raises:
            MachineError: for what is none.
        """
        start_thread(self._read, "requests")
        start_thread(self._leave_if_deserted, "deserted")
        while (work := self._waiting.get()) is not None:
            if isinstance(work, BaseException):
                raise work
            yield work

    def _read(self) -> None:
        try:
            while line := self._stdin.readline(MAX_LINE_BYTES + 1):
                self._heard = time.monotonic()
                match parse_line(line.decode("utf-8", "replace")):
                    case FarPhotos() as request:
                        self._waiting.put(self._photos(request))
                    case FarFiles() as request:
                        self._waiting.put(self._own_files(request))
                    case _:
                        pass
            self._waiting.put(None)
        except ProtocolError as error:
            self._waiting.put(MachineError(Trouble.OTHER, str(error)))
        except BaseException as error:  # whoever waits is told
            self._waiting.put(error)

    def _photos(self, request: FarPhotos) -> _Work:
        sizes = request.sizes
        if not 0 < len(sizes) <= FRAME or not all(
            0 < size <= most_bytes(self._side) for size in sizes
        ):
            raise ProtocolError("too many photos, or too large")
        coming = [self._pool.submit(self._decoded, self._exactly(size)) for size in sizes]
        return _Work(
            request.number, lambda: [photo.result() for photo in coming], list(range(len(sizes)))
        )

    def _exactly(self, size: int) -> bytes:
        parts = []
        while size:
            # In parts, so that a slow connection is seen to be alive.
            part = self._stdin.read(min(size, 1 << 16))
            if not part:
                raise MachineError(Trouble.CUT)
            self._heard = time.monotonic()
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _decoded(self, data: bytes) -> Pixels:
        with Image.open(io.BytesIO(data), formats=["WEBP"]) as image:
            if image.size != (self._side, self._side):
                raise MachineError(Trouble.OTHER, f"a photo of {image.size} pixels")
            return self._as_pixels(np.asarray(image.convert("RGB")))

    def _own_files(self, request: FarFiles) -> _Work:
        given = list(zip(request.paths, request.sizes, request.times, strict=False))
        if not 0 < len(given) <= FRAME or len(given) != len(request.paths):
            raise ProtocolError("too many files, or numbers missing")
        places = [at for at, item in enumerate(given) if _is_there(*item)]
        self._files.add([Path(given[at][0]) for at in places])
        missing = sorted(set(range(len(given))) - set(places))
        return _Work(request.number, lambda: self._files.take(len(places)), places, missing)

    def _leave_if_deserted(self) -> None:
        while time.monotonic() - self._heard < DESERTED_SECONDS:
            time.sleep(1)
        log.info("nothing came for too long")
        os._exit(0)


def _is_there(path: str, size: int, modified: float) -> bool:
    """Whether the file is the one that is meant."""
    with contextlib.suppress(OSError, ValueError):
        found = Path(path).stat()
        return (
            stat.S_ISREG(found.st_mode)
            and found.st_size == size
            and abs(found.st_mtime - modified) <= TIME_SECONDS
        )
    return False


def _as_pixels(model: EncodingModel) -> Callable[[NDArray[np.uint8]], Any]:
    """From (S, S, 3) to what the model takes; its own kind of preparation says which."""
    if isinstance(model.preparation(Image.new("RGB", (8, 8))), np.ndarray):
        return lambda pixels: pixels.transpose(2, 0, 1)
    import torch  # noqa: PLC0415

    return lambda pixels: torch.from_numpy(pixels.copy()).permute(2, 0, 1)
