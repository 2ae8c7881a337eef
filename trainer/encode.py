"""The encoder process: turns photos and texts into features until it is stopped.

Requests are JSON lines on stdin, events JSON lines on stdout, features safetensors files in the
``--out`` folder; the messages are in :mod:`trainer.events`.  One thread reads requests, others
decode photos ahead of the model, and the main thread runs the model.  Texts and maps are encoded
before photos that were requested earlier, because the user is waiting for them.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

import numpy as np
from PIL import Image
from safetensors.numpy import save

from trainer.allocation import keep_memory
from trainer.box import Box
from trainer.computer import AUTO, cores
from trainer.encoding_model import Device, EncodingModel, Pixels
from trainer.events import (
    PROTOCOL,
    DownloadProgress,
    EncodeMap,
    EncodePhotos,
    EncoderAway,
    EncoderFailed,
    EncoderReady,
    EncodeTexts,
    EncodeTurned,
    MapEncoded,
    PhotoFailure,
    PhotosEncoded,
    Place,
    TextsEncoded,
    TurnedEncoded,
)
from trainer.load_encoder import BackboneError, load_encoder
from trainer.out_of_memory import is_out_of_memory
from trainer.photo import NO_MEMORY, UnreadablePhoto
from trainer.photo_encoder import NO_FEATURE, Encoded, OutOfMemoryError, PhotoEncoder, turned
from trainer.photo_reader import PhotoReader
from trainer.priority import lower_priority
from trainer.process_io import (
    EventStream,
    Inbox,
    PhotoRequest,
    UrgentRequest,
    add_priority_arguments,
    claim_stdio,
    exit_when_parent_dies,
    read_requests,
    wanted_niceness,
)
from trainer.temporary_files import temporary_name
from trainer.threads import start_thread

if TYPE_CHECKING:
    from trainer.remote.far_photo_encoder import FarPhotoEncoder, FolderReader
    from trainer.remote.other_computer import OtherComputer

log = logging.getLogger(__name__)

NO_MAP = "This backbone cannot tell the parts of a photo apart; Lite and CLIP can."

EXIT_DONE, EXIT_FAILED = 0, 1

SHARPNESS = 4
"""JPEGs are decoded at a reduced size of at least this many times the model's input.  At 2 the
cosine between the features of reduced and full photo falls to 0.996, at 4 it stays above 0.999
(Lite, photos of 3,200 pixels).
"""

_PROGRESS_SECONDS = 0.2
_WINDOW_BATCHES = 3
_MAX_REST_SECONDS = 0.5
_TURNS = (1, 2, 3)
"""Quarter turns of a photo whose pixels may have been turned."""


class _StoppedError(Exception):
    """A ``Stop`` was received."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``python -m trainer encode``."""
    parser.add_argument(
        "--backbone",
        required=True,
        help="lite, lite+, MODEL/PRETRAINED or MODEL/PATH (open_clip names)",
    )
    parser.add_argument("--device", default=AUTO, help="auto, cuda, cuda:1, mps or cpu")
    parser.add_argument(
        "--out",
        required=True,
        type=Path,
        help="folder for feature files; made if its parent exists",
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=0,
        help="threads that decode photos (default: depends on cores)",
    )
    parser.add_argument(
        "--batch", type=int, default=0, help="photos encoded at once (default: depends on device)"
    )
    parser.add_argument(
        "--idle-seconds",
        type=float,
        default=0.0,
        help="exit after this time without a request (default: never)",
    )
    parser.add_argument(
        "--machine",
        default="",
        metavar="MACHINE",
        help="have another computer encode photos, as for ssh: user@host",
    )
    parser.add_argument(
        "--folder",
        nargs=2,
        action="append",
        default=[],
        metavar=("HERE", "THERE"),
        help="a folder that the other computer sees too, and its path there: its photos are not "
        "sent",
    )
    parser.add_argument(
        "--torch", action="store_true", help="use torch, whatever could be used instead"
    )
    add_priority_arguments(parser)


def run(arguments: argparse.Namespace) -> NoReturn:
    """Run the encoder: claims stdin and stdout, and ends the process.

    Exit codes: 0 if stopped, idle, or out of requests; 1 if it cannot continue.
    """
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("trainer").setLevel(logging.INFO)
    requests, events = claim_stdio()
    code = _run(arguments, requests, events)
    # Native threads (OpenMP, decoders) abort the process when Python shuts them down one by one.
    logging.shutdown()
    os._exit(code)


def _run(arguments: argparse.Namespace, requests: TextIO, events: EventStream) -> int:
    inbox = Inbox()
    start_thread(partial(read_requests, requests, inbox), "requests")
    exit_when_parent_dies()
    keep_memory()
    lower_priority(wanted_niceness(arguments))
    try:
        return _serve(arguments, inbox, events)
    except _StoppedError:
        return EXIT_DONE
    except BrokenPipeError:
        log.info("the app closed the event stream")
        return EXIT_DONE
    except Exception as error:
        if not isinstance(error, BackboneError):
            log.exception("the encoder failed")
        with contextlib.suppress(BrokenPipeError):
            events.send(failure_event(error))
        return EXIT_FAILED


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Like ``python -m trainer encode``; for tests and scripts."""
    parser = argparse.ArgumentParser(prog="lmpt-trainer encode", description=__doc__)
    add_arguments(parser)
    run(parser.parse_args(arguments))


def _serve(arguments: argparse.Namespace, inbox: Inbox, events: EventStream) -> int:
    out: Path = arguments.out
    out.mkdir(exist_ok=True)
    threads = max(1, cores() // 2) if arguments.gentle else None
    backbone = _load(
        arguments.backbone, arguments.device, threads, inbox, events, in_torch=arguments.torch
    )
    events.send(ready_event(backbone))
    log.info("ready: %s on %s", backbone.name, backbone.device_label)
    other = _other_computer(arguments, backbone, events)
    usual = cores() if other is not None else default_threads(backbone.device)
    encoder = Encoder(
        backbone,
        out,
        events,
        threads=arguments.threads or (1 if arguments.gentle else usual),
        batch=arguments.batch or None,
        rest=_rest if arguments.gentle and backbone.device.type != "cpu" else None,
        other=other,
    )
    if other is not None:
        inbox.on_here, inbox.on_stop = other.encode_here, other.disconnect
    try:
        encoder.work(inbox, arguments.idle_seconds or None)
    finally:
        encoder.close()
    return EXIT_DONE


def _other_computer(
    arguments: argparse.Namespace, backbone: EncodingModel, events: EventStream
) -> OtherComputer | None:
    if not arguments.machine:
        return None
    from trainer.remote.machine import SshMachine  # noqa: PLC0415
    from trainer.remote.other_computer import OtherComputer  # noqa: PLC0415
    from trainer.remote.trouble import MachineError  # noqa: PLC0415

    try:
        machine = SshMachine(arguments.machine)
    except MachineError as error:
        sentence = error.trouble.sentence
        events.send(EncoderAway(arguments.machine[:80], Place.REFUSED, reason=sentence))
        return None
    return OtherComputer(machine, backbone, events.send, folders=dict(arguments.folder))


def ready_event(backbone: EncodingModel) -> EncoderReady:
    """What is known of a backbone."""
    names = backbone.name_frequency
    return EncoderReady(
        protocol=PROTOCOL,
        backbone=backbone.name,
        dim=backbone.dim,
        device=backbone.device_label,
        scale=backbone.scale,
        bias=backbone.bias,
        templates=list(backbone.templates),
        frequency_bias=backbone.frequency_bias,
        name_frequency=None if names is None else list(names),
        windows=backbone.windows,
        window_offset=backbone.window_offset,
        crops=backbone.crops,
    )


def _load(
    name: str,
    device: str,
    threads: int | None,
    inbox: Inbox,
    events: EventStream,
    *,
    in_torch: bool,
) -> EncodingModel:
    last = 0.0

    def report(done: int, total: int) -> None:
        nonlocal last
        if inbox.stopped:
            raise _StoppedError
        now = time.monotonic()
        if now - last >= _PROGRESS_SECONDS or done == total:
            last = now
            events.send(DownloadProgress(name, done, total))

    backbone = load_encoder(name, device, threads, report, in_torch=in_torch)
    if inbox.stopped:
        raise _StoppedError
    return backbone


def _rest(worked: float) -> None:
    """Pause as long as the work took, but briefly enough not to delay text requests."""
    time.sleep(min(worked, _MAX_REST_SECONDS))


def default_threads(device: Device) -> int:
    """Number of decoding threads.  With a GPU all cores are free for decoding; on a CPU two threads
    are faster than any model, and more would slow it down.
    """
    return min(32, cores()) if device.type != "cpu" else min(2, cores())


class Encoder:
    """Processes requests with a loaded backbone."""

    def __init__(
        self,
        backbone: EncodingModel,
        out: Path,
        events: EventStream,
        *,
        threads: int,
        batch: int | None = None,
        rest: Callable[[float], None] | None = None,
        other: OtherComputer | None = None,
    ) -> None:
        """``rest`` is called between batches of photos with the seconds since the last rest;
        ``other`` encodes photos, if it can be reached."""
        self._backbone = backbone
        self._out = out
        self._events = events
        self._preprocess = backbone.preparation
        self._other = other
        self._encoder: PhotoEncoder | FarPhotoEncoder = PhotoEncoder(backbone, batch)
        self._at_least = SHARPNESS * backbone.input_side
        self._reader = PhotoReader(
            self._preprocess,
            at_least=self._at_least,
            threads=threads,
            window=max(_WINDOW_BATCHES * self._encoder.batch, 2 * threads),
        )
        self._photos: PhotoReader | FolderReader = self._reader
        self._read_ahead: Callable[[PhotoRequest], None] = lambda request: self._reader.add(
            _paths(request)
        )
        if other is not None:
            self._encode_with(other, self._encoder)
        self._files = 0
        self._rest = rest
        self._rested = time.monotonic()

    def work(self, inbox: Inbox, idle_seconds: float | None) -> None:
        """Process requests until there are no more, or none arrived for ``idle_seconds``.

        Raises:
            _StoppedError: on ``Stop``.
        """
        inbox.on_photos = self._read_ahead
        while (message := inbox.take(idle_seconds)) is not None:
            if isinstance(message, UrgentRequest):
                self._answer_urgent(message)
            elif isinstance(message, EncodeTurned):
                self._answer_turned(message, inbox)
            else:
                self._answer_photos(message, inbox)
        if inbox.stopped:
            raise _StoppedError

    def close(self) -> None:
        self._reader.close()
        if self._other is not None:
            self._other.close()

    def _encode_with(self, other: OtherComputer, here: PhotoEncoder) -> None:
        from trainer.remote.far_photo_encoder import FarPhotoEncoder, FolderReader  # noqa: PLC0415

        self._photos = photos = FolderReader(self._reader, other)
        self._read_ahead = lambda request: photos.add(
            _paths(request), pixels=isinstance(request, EncodeTurned)
        )
        self._encoder = FarPhotoEncoder(
            here, other, lambda path: self._reader.read_now(path, self._preprocess)
        )

    def _encode(
        self, count: int, take: Callable[[int], list[Pixels | UnreadablePhoto]], inbox: Inbox
    ) -> Encoded:
        def between() -> None:
            if inbox.stopped:
                raise _StoppedError
            while (waiting := inbox.take_urgent()) is not None:
                self._answer_urgent(waiting)
            if self._rest is not None:
                self._rest(time.monotonic() - self._rested)
                self._rested = time.monotonic()

        try:
            return self._encoder.encode(count, take, between)
        except OutOfMemoryError as error:
            # The rest of this request is still in the reader's queue; ending the process is safer
            # than emptying it.
            raise BackboneError("no-memory", str(error)) from error

    def _answer_photos(self, request: EncodePhotos, inbox: Inbox) -> None:
        encoded = self._encode(len(request.paths), self._photos.take, inbox)
        ids = np.array(request.ids, np.int64)
        failures = [PhotoFailure(request.ids[i], reason) for i, reason in encoded.failures]
        file = ""
        if len(encoded.positions):
            arrays = {"ids": ids[encoded.positions], "features": encoded.features}
            if encoded.windows.shape[1]:
                arrays["windows"] = encoded.windows
            file = self._write(request.request, arrays)
            if not file:
                return
        self._events.send(PhotosEncoded(request.request, file, len(encoded.positions), failures))

    def _answer_turned(self, request: EncodeTurned, inbox: Inbox) -> None:
        [photo] = self._photos.take(1)
        if isinstance(photo, UnreadablePhoto):
            self._events.send(TurnedEncoded(request.request, "", photo.reason))
            return
        # The model sees the square in the middle of the photo, which turns with it: the photo is
        # decoded and resized once.
        photos = iter([turned(photo, turns) for turns in _TURNS])
        encoded = self._encode(len(_TURNS), lambda count: list(islice(photos, count)), inbox)
        if encoded.failures:
            self._events.send(TurnedEncoded(request.request, "", NO_FEATURE))
        elif file := self._write(request.request, {"features": encoded.features}):
            self._events.send(TurnedEncoded(request.request, file))

    def _answer_urgent(self, request: UrgentRequest) -> None:
        if isinstance(request, EncodeMap):
            self._answer_map(request)
        else:
            self._answer_texts(request)

    def _answer_map(self, request: EncodeMap) -> None:
        made = self._map(Path(request.path))
        if isinstance(made, str):
            self._events.send(MapEncoded(request.request, "", made))
            return
        features, box = made
        if file := self._write(request.request, {"map": features}):
            self._events.send(MapEncoded(request.request, file, box=box))

    def _map(self, path: Path) -> tuple[np.ndarray, Box] | str:
        """(g, g, D) and what it covers of the photo, or why there is none."""

        def prepare(image: Image.Image) -> tuple[Pixels, Box]:
            return self._preprocess(image), self._backbone.seen(image.width, image.height)

        if not self._backbone.windows:
            return NO_MAP
        prepared = self._reader.read_now(path, prepare)
        if isinstance(prepared, UnreadablePhoto):
            return prepared.reason
        pixels, box = prepared
        try:
            features = self._backbone.encode_map(pixels)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            return NO_MEMORY
        return (features, box) if np.isfinite(features).all() else NO_FEATURE

    def _answer_texts(self, request: EncodeTexts) -> None:
        try:
            features = self._backbone.encode_texts(request.texts, request.templates)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            message = "There is not enough memory to encode these texts. Close other programs."
            self._events.send(EncoderFailed("no-memory", message, request.request))
            return
        if file := self._write(request.request, {"features": features}):
            self._events.send(TextsEncoded(request.request, file))

    def _write(self, request: str, arrays: dict[str, np.ndarray]) -> str:
        """Write a new file and return its path, or report the failure and return ""."""
        self._files += 1
        safe = "".join(char if char.isalnum() or char in "-_" else "_" for char in request)[:80]
        target = self._out / f"{safe}.{self._files}.safetensors"
        part = temporary_name(target)
        try:
            part.write_bytes(save({k: np.ascontiguousarray(v) for k, v in arrays.items()}))
            part.replace(target)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                kind, message = "disk-full", "The disk is full; free some space and try again."
            else:
                kind, message = "error", f"Features could not be written to {self._out}: {error}."
            self._events.send(EncoderFailed(kind, message, request))
            return ""
        return str(target)


def _paths(request: PhotoRequest) -> list[Path]:
    named = [request.path] if isinstance(request, EncodeTurned) else request.paths
    return [Path(path) for path in named]


def failure_event(error: Exception) -> EncoderFailed:
    """The event that reports an error which ends the process."""
    if isinstance(error, BackboneError):
        return EncoderFailed(error.kind, str(error))
    if isinstance(error, OSError):
        kind = "disk-full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "error"
        return EncoderFailed(kind, f"The model process failed: {error}.")
    if is_out_of_memory(error):
        return EncoderFailed(
            "no-memory",
            "There is not enough memory for the model. Close other programs, or choose a smaller "
            "model.",
        )
    # After such an error the GPU is unusable for this process.
    if "CUDA error" in str(error) or type(error).__name__ == "AcceleratorError":
        return EncoderFailed(
            "no-device",
            "The graphics card stopped working for this program. Try again, or choose the CPU.",
        )
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return EncoderFailed("error", f"The model process failed: {lines[0].rstrip('.')}.")
