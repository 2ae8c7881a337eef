"""The client of the encoder process: starts it, sends it work, survives its crashes (Qt-free).

One thread owns all state; other threads (the session's, and those that read the process) send it
actions through a queue.  Requests are small, so that order, pausing and cancelling are decided
here and not in the encoder.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from lmpt_desktop.catalogue.errors import CatalogueError
from lmpt_desktop.engine.child_process import TRAINER, ChildProcess
from lmpt_desktop.engine.encoding.encoder_sink import EncoderError, EncoderSink
from lmpt_desktop.engine.encoding.photo_queue import PhotoQueue
from lmpt_desktop.engine.encoding.place import HERE, EncodingPlace, remark
from lmpt_desktop.engine.encoding.progress import EncodeProgress
from lmpt_desktop.engine.encoding.requests import (
    CRASH_REASON,
    AnswerT,
    MapRequest,
    PhotoMap,
    Request,
    RequestQueue,
    TextRequest,
    TurnedRequest,
)
from lmpt_desktop.engine.notices import Activity, ActivityKind, ActivityState
from lmpt_desktop.error_texts import message_of, reason_of
from lmpt_desktop.private_files import make_private_folder
from lmpt_desktop.translation import _
from trainer.events import (
    PROTOCOL,
    DownloadProgress,
    EncodeHere,
    EncodeMap,
    EncodePhotos,
    EncoderAway,
    EncoderFailed,
    EncoderReady,
    EncodeTexts,
    EncodeTurned,
    MapEncoded,
    Message,
    PhotoFailure,
    PhotosEncoded,
    Place,
    Stop,
    TextsEncoded,
    TurnedEncoded,
)
from trainer.photo import may_pass
from trainer.threads import TRIES, start_thread, until_done

__all__ = ["EncoderClient", "EncoderError", "EncoderSink"]

log = logging.getLogger(__name__)

BACKOFF_SECONDS = (0.5, 1.0, 2.0, 5.0, 15.0, 30.0)
MAX_START_FAILURES = 4
MAX_IN_FLIGHT = 2
END_SECONDS = 5.0
"""A process that was asked to end is killed after this time."""
CANCEL_SECONDS = 10.0
"""Encoding was cancelled: a process that has not answered for so long is killed."""
CLOSE_SECONDS = 1.0
"""The same where the library is closed, so that the window closes within 3 s."""


class EncoderClient:
    """Runs one encoder process at a time, for one backbone and device."""

    def __init__(
        self,
        backbone: str,
        device: str,
        folder: Path,
        sink: EncoderSink,
        *,
        command: Sequence[str] = (*TRAINER, "encode"),
        idle_seconds: float = 120.0,
        stall_seconds: float = 900.0,
        backoff: Sequence[float] = BACKOFF_SECONDS,
        gentle: str = "",
        place: EncodingPlace = HERE,
        make_folder: Callable[[Path], object] = make_private_folder,
    ) -> None:
        """No process is started until there is work.

        Args:
            backbone, device: given to the process.
            folder: where it leaves chunks; emptied now, removed on close.
            sink: receives the answers.
            command: the program and its first arguments.
            idle_seconds: the process is ended after this time without work.
            stall_seconds: the process counts as crashed after this time without an answer.
            backoff: seconds to wait before the first, second, ... restart in a row.
            gentle: see :meth:`set_gentle`.
            place: where photos are encoded.
            make_folder: makes the folder, or raises OSError or CatalogueError.
        """
        self.backbone = backbone
        self.device = device
        self._folder = folder
        self._make_folder = make_folder
        self._sink = sink
        self._command = list(command)
        self._idle_seconds = idle_seconds
        self._stall_seconds = stall_seconds
        self._backoff = list(backoff)
        # state below belongs to the client's own thread
        self._photos = PhotoQueue()
        self._texts = RequestQueue[TextRequest]()
        self._turned = RequestQueue[TurnedRequest]()
        self._maps = RequestQueue[MapRequest]()
        self._child: ChildProcess | None = None
        self._generation = 0
        self._requests = 0
        self._ready: EncoderReady | None = None
        self._fatal: EncoderFailed | None = None
        self._failed: EncoderError | None = None
        self._ending = False
        self._ending_since = 0.0
        self._cancelled_since: float | None = None
        """Since when the photos in flight are no longer wanted; None: they are."""
        self._paused = False
        self._closed = False
        self._gentle = gentle
        self._started_gentle = False
        self._place = place
        self._away: EncoderAway | None = None
        """What the process says of the other computer; None where none is used."""
        self._crashes_in_row = 0
        self._in_torch = False
        """Whether the process is told to use torch, since another way crashed."""
        self._start_after = 0.0
        self._last_message = time.monotonic()
        self._last_work = time.monotonic()
        self._downloading = False
        self._progress = EncodeProgress()
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._posted = 0
        """How many actions wait, or were done and their effect has not been reported."""
        self._done = 0
        """How many of these were done."""
        self._posted_lock = threading.Lock()
        self._thread = start_thread(self._loop, "encoder client")

    # ------------------------------------------------------------------ from other threads

    def add(self, ids: Iterable[int], *, again: bool = False) -> None:
        """Encode these photos after those that are waiting.

        ``again``: they have features that can be used meanwhile, so that all others come first.
        """
        self._post(lambda requested=list(ids): self._add_photos(requested, again=again))

    def prioritise(self, ids: Iterable[int]) -> None:
        """Encode these of the waiting photos first."""
        self._post(lambda requested=list(ids): self._photos.prioritise(requested))

    def encode_texts(self, texts: Sequence[str], *, ensemble: bool) -> Future[NDArray[np.float32]]:
        """Unit-norm embeddings (n, D) float32, row i of text i.

        ``ensemble``: average over the backbone's prompt templates, as for class names.
        The future raises :class:`EncoderError`.
        """
        return self._ask(self._texts, TextRequest(list(texts), ensemble))

    def encode_turned(self, path: Path) -> Future[NDArray[np.float32]]:
        """Unit-norm features (3, D) float32 of a photo as if its pixels were turned by 90, 180 and
        270 degrees; not committed.

        One photo at a time, once no photo waits to be encoded.
        The future raises :class:`EncoderError`, of the kind ``unreadable`` if that is the photo's
        fault.
        """
        return self._ask(self._turned, TurnedRequest(path))

    def encode_map(self, path: Path) -> Future[PhotoMap]:
        """What is seen where in a photo; not committed.

        It is answered as soon as texts are, before the photos that wait, and also while paused.
        The future raises :class:`EncoderError`, of the kind ``unreadable`` if that is the photo's
        fault.
        """
        return self._ask(self._maps, MapRequest(path))

    def pause(self) -> None:
        """Stop sending photos, turned ones too; texts and maps are still answered."""
        self._post(lambda: self._set_paused(True))

    def resume(self) -> None:
        """Continue, also after a failure."""
        self._post(lambda: self._set_paused(False))

    def set_gentle(self, reason: str) -> None:
        """Run the process gently from now on, because of ``reason``; "" for full speed.

        Requests in flight are answered first, then another process takes over.
        """
        self._post(lambda: self._set_gentle(reason))

    def encode_here(self) -> None:
        """Do not wait for the other computer: encode here as long as this process runs."""
        self._post(self._encode_here)

    def cancel(self) -> None:
        """Drop the waiting photos, turned ones too, and stop a download or loading."""
        self._post(self._cancel)

    @property
    def loaded(self) -> bool:
        """A process has its backbone in memory: texts are encoded at once."""
        return self._ready is not None

    def close(self, timeout: float = 5.0) -> None:
        """End the process and the thread; unanswered requests fail."""
        self._post(self._close)
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout)

    @property
    def settled(self) -> bool:
        """Every request has been answered, or encoding has stopped, and the sink was told."""
        with self._posted_lock:
            if self._posted:
                return False
        requests = any(map(len, self._request_queues))
        return self._failed is not None or not (len(self._photos) or requests)

    @property
    def _request_queues(self) -> tuple[RequestQueue[Any], ...]:
        return self._texts, self._turned, self._maps

    def _ask(self, requests: RequestQueue[Any], request: Request[AnswerT]) -> Future[AnswerT]:
        if self._closed:
            self._add(requests, request)
        else:
            self._post(lambda: self._add(requests, request))
        return request.future

    def _post(self, action: Callable[[], None]) -> None:
        with self._posted_lock:
            self._inbox.put(action)
            self._posted += 1

    # ---------------------------------------------------------------------------- the loop

    def _loop(self) -> None:
        while not self._closed:
            self._attempt(self._step)
            self._count_done()
            self._attempt(self._do_what_is_posted)
        self._count_done()

    def _count_done(self) -> None:
        with self._posted_lock:
            self._posted -= self._done
            self._done = 0

    def _attempt(self, act: Callable[[], None]) -> None:
        problem: BaseException | None = None
        try:
            act()
        except BaseException as error:  # else nobody would answer any longer
            problem = error
        if problem is not None:
            until_done(partial(self._stop_because, problem), TRIES)

    def _stop_because(self, error: BaseException) -> None:
        log.error("the encoder client failed", exc_info=error)
        self._stop_with(
            EncoderError(
                "error", _("Encoding has stopped: {error}").format(error=message_of(error))
            )
        )

    def _step(self) -> None:
        self._pump()
        self._report()

    def _do_what_is_posted(self) -> None:
        with contextlib.suppress(queue.Empty):
            action = self._inbox.get(timeout=self._timeout())
            while True:
                try:
                    self._attempt(action)
                finally:
                    self._done += 1
                action = self._inbox.get_nowait()

    def _timeout(self) -> float:
        """Seconds until the loop must run again even if no action arrives."""
        now = time.monotonic()
        if self._child is None:
            return max(0.01, self._start_after - now) if self._has_work() else 3600.0
        if self._ending:
            return max(0.05, self._ending_since + END_SECONDS - now)
        if self._busy():
            return max(0.05, self._answer_due() - now)
        return max(0.05, self._last_work + self._idle_seconds - now)

    def _answer_due(self) -> float:
        """When a process that does not answer is given up."""
        due = self._last_message + self._stall_seconds
        if self._cancelled_since is None:
            return due
        return min(due, max(self._last_message, self._cancelled_since) + CANCEL_SECONDS)

    def _has_work(self) -> bool:
        if self._failed is not None:
            return False
        return (self._texts.waiting or self._maps.waiting) or (
            not self._paused and (self._photos.has_next or self._turned.waiting)
        )

    def _busy(self) -> bool:
        requests = any(queue.in_flight for queue in self._request_queues)
        return bool(self._photos.in_flight_requests or requests) or (
            self._child is not None and self._ready is None
        )

    def _pump(self) -> None:
        now = time.monotonic()
        if self._child is None:
            if self._has_work() and now >= self._start_after:
                self._start()
            return
        if self._stuck(now):
            self._child.kill()
            return
        if self._ending or self._ready is None:
            return
        if self._started_gentle != bool(self._gentle):
            # A process cannot raise its priority again, so another one takes over once the
            # requests of this one are answered.
            if not self._busy():
                log.info("restarting the encoder %s", self._gentle or "at full speed")
                self._end()
            return
        self._send_texts(self._child, self._ready)
        self._send_maps(self._child)
        if not self._paused and self._failed is None:
            self._send_photos(self._child)
            self._send_turned(self._child)
        if self._busy():
            self._last_work = now
        elif now - self._last_work > self._idle_seconds:
            log.info("ending the idle encoder")
            self._end()

    def _stuck(self, now: float) -> bool:
        """Whether the process must be killed, because it does not answer or does not end."""
        if self._ending:
            stuck = now - self._ending_since > END_SECONDS
            if stuck:
                log.warning("the encoder does not end and is killed")
                self._ending_since = now
            return stuck
        if not self._photos.in_flight_requests:
            self._cancelled_since = None
        stuck = self._busy() and now > self._answer_due()
        if stuck:
            log.warning("the encoder has not answered for %.0f s", now - self._last_message)
            self._last_message = now
            if self._cancelled_since is not None:
                self._photos.drop_in_flight()
                self._begin_end()
        return stuck

    def _start(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        try:
            self._make_folder(self._folder)
        except (OSError, CatalogueError) as error:
            self._stop_with(
                EncoderError(
                    "disk-full", _("Encoding has stopped: {error}").format(error=message_of(error))
                )
            )
            return
        self._generation += 1
        generation = self._generation
        self._ready = self._fatal = self._away = None
        self._ending = False
        self._last_message = self._last_work = time.monotonic()
        arguments = ["--backbone", self.backbone, "--device", self.device]
        self._started_gentle = bool(self._gentle)
        if self._started_gentle:
            arguments.append("--gentle")
        if self._in_torch:
            arguments.append("--torch")
        arguments += self._place.arguments()
        try:
            self._child = ChildProcess(
                [*self._command, *arguments, "--out", str(self._folder)],
                lambda message: self._post(lambda: self._receive(generation, message)),
                lambda code: self._post(lambda: self._exited(generation, code)),
            )
        except OSError as error:
            self._stop_with(
                EncoderError(
                    "error",
                    _("The model process cannot be started: {error}.").format(
                        error=reason_of(error)
                    ),
                )
            )

    def _end(self) -> None:
        """Ask the process to end; its exit is then no crash."""
        if self._child is not None:
            self._begin_end()
            self._child.send(Stop())
            self._child.close_input()

    def _begin_end(self) -> None:
        self._ending, self._ending_since = True, time.monotonic()

    def _send_texts(self, child: ChildProcess, ready: EncoderReady) -> None:
        while (request := self._texts.take(name := self._next_request())) is not None:
            templates = ready.templates if request.ensemble else []
            child.send(EncodeTexts(name, request.texts, templates))
            self._last_message = time.monotonic()

    def _send_maps(self, child: ChildProcess) -> None:
        while (request := self._maps.take(name := self._next_request())) is not None:
            child.send(EncodeMap(name, str(request.path)))
            self._last_message = time.monotonic()

    def _send_photos(self, child: ChildProcess) -> None:
        while True:
            name = self._next_request()
            size = self._progress.request_size()
            ids = self._photos.take(name, size, MAX_IN_FLIGHT)
            if not ids:
                return
            if self._photos.in_flight_requests == 1:
                self._last_message = time.monotonic()
            paths = self._sink.photo_paths(ids)
            child.send(EncodePhotos(name, ids, [str(path) for path in paths]))

    def _send_turned(self, child: ChildProcess) -> None:
        # Alone, so that a crash is not blamed on other photos.
        if len(self._photos) or self._turned.in_flight:
            return
        request = self._turned.take(name := self._next_request())
        if request is not None:
            child.send(EncodeTurned(name, str(request.path)))
            self._last_message = time.monotonic()

    def _next_request(self) -> str:
        self._requests += 1
        return f"{self._generation}-{self._requests}"

    # ------------------------------------------------------------------ from the process

    def _receive(self, generation: int, message: Message) -> None:
        if generation != self._generation:
            return
        self._last_message = time.monotonic()
        match message:
            case DownloadProgress():
                self._downloading = True
                self._sink.encoder_activity(
                    Activity(
                        ActivityKind.DOWNLOAD,
                        ActivityState.RUNNING,
                        message.done_bytes,
                        message.total_bytes,
                        message=_("Downloading {backbone}").format(backbone=message.backbone),
                    )
                )
            case EncoderReady():
                self._became_ready(message)
            case PhotosEncoded():
                self._photos_encoded(message)
            case TextsEncoded():
                self._answer(self._texts.answered(message.request), message.file, _features)
            case TurnedEncoded(reason="") if message.file:
                self._answer(self._turned.answered(message.request), message.file, _features)
            case TurnedEncoded():
                self._fail(self._turned.answered(message.request), _photo_error(message.reason))
            case MapEncoded(reason="") if message.file:
                box = message.box
                self._answer(
                    self._maps.answered(message.request),
                    message.file,
                    lambda arrays: PhotoMap(arrays["map"], box),
                )
            case MapEncoded():
                self._fail(self._maps.answered(message.request), _photo_error(message.reason))
            case EncoderAway():
                self._away = message
                self._sink.encoder_away(message)
            case EncoderFailed():
                self._request_failed(message)
            case _:
                log.warning("the encoder sent a %s", type(message).__name__)

    def _became_ready(self, ready: EncoderReady) -> None:
        self._download_over(ActivityState.IDLE)
        if ready.protocol != PROTOCOL:
            self._fatal = EncoderFailed(
                "error", _("The app and its trainer have different versions. Reinstall the app.")
            )
            if self._child is not None:
                self._child.kill()
            return
        self._ready = ready
        self._progress.restart()
        self._sink.encoder_ready(ready)

    def _photos_encoded(self, message: PhotosEncoded) -> None:
        if message.file:
            path = Path(message.file)
            try:
                arrays = load_file(path)
                ids, features = arrays["ids"], arrays["features"]
            except (OSError, SafetensorError, KeyError) as error:
                log.warning("chunk %s cannot be read: %s", path, error)
                self._photos_lost(
                    EncoderError(
                        "error", _("Features were lost: {error}.").format(error=reason_of(error))
                    )
                )
                return
            finally:
                path.unlink(missing_ok=True)
            self._commit(ids, features, arrays.get("windows"))
        failures = [item for item in message.failures if item.reason]
        if failures:
            self._sink.photos_failed(failures)
        unreadable = self._photos.answered(message.request, encoded=message.count > 0)
        self._report_unreadable(unreadable)
        if message.count:
            self._crashes_in_row = 0
        self._progress.add(message.count + len(message.failures))

    def _commit(
        self,
        ids: NDArray[np.int64],
        features: NDArray[np.float16],
        windows: NDArray[np.int8] | None,
    ) -> None:
        try:
            self._sink.photos_encoded(ids.astype(np.int64), features.astype(np.float16), windows)
        except Exception as error:
            log.exception("features cannot be kept")
            self._stop_with(
                EncoderError(
                    "disk-full",
                    _("Features cannot be saved. {error}").format(error=message_of(error)),
                )
            )

    def _photos_lost(self, error: EncoderError) -> None:
        """Features were lost, through no fault of the photos: they wait again."""
        self._photos.requeue_in_flight()
        self._stop_with(error)

    def _answer(
        self,
        request: Request[AnswerT] | None,
        file: str,
        read: Callable[[Mapping[str, NDArray[Any]]], AnswerT],
    ) -> None:
        path = Path(file)
        try:
            answer = read(load_file(path))
        except (OSError, SafetensorError, KeyError) as error:
            message = _("A result of the model process could not be read: {error}.")
            self._fail(request, EncoderError("error", message.format(error=reason_of(error))))
            return
        finally:
            path.unlink(missing_ok=True)
        self._crashes_in_row = 0
        if request is not None:
            request.future.set_result(answer)

    def _fail(self, request: Request[Any] | None, error: EncoderError) -> None:
        if request is not None:
            request.future.set_exception(error)

    def _request_failed(self, message: EncoderFailed) -> None:
        if not message.request:
            self._fatal = message
            return
        name, error = message.request, EncoderError(message.kind, message.message)
        found = (queue.answered(name) for queue in self._request_queues)
        request = next(filter(None, found), None)
        if request is not None:
            request.future.set_exception(error)
        else:
            self._photos_lost(error)

    def _exited(self, generation: int, code: int) -> None:
        if generation != self._generation or self._child is None:
            return
        log_tail = self._child.log_tail()
        was_ready, fatal = self._ready is not None, self._fatal
        self._child = None
        self._ready = None
        if self._ending:
            self._ending = False
            self._photos.requeue_in_flight()
            self._requests_crashed()
            return
        if fatal is not None:
            self._photos.requeue_in_flight()
            self._stop_with(EncoderError(fatal.kind, fatal.message), log_tail)
            return
        log.warning("the encoder ended with %d: %s", code, log_tail)
        self._report_unreadable(self._photos.crashed())
        self._requests_crashed()
        self._crashes_in_row += 1
        # A processor or a driver may be too much for what runs instead of torch.
        self._in_torch = self._in_torch or not was_ready or self._crashes_in_row > 1
        delay = self._backoff[min(self._crashes_in_row, len(self._backoff)) - 1]
        self._start_after = time.monotonic() + delay
        if self._photos.encoder_is_broken or (
            not was_ready and self._crashes_in_row >= MAX_START_FAILURES
        ):
            message = _(
                "The model process for {backbone} keeps crashing (exit code {code}). "
                "Photos keep the predictions they have. Choose another model or device, "
                "or resume encoding to try again."
            ).format(backbone=self.backbone, code=code)
            self._stop_with(EncoderError("error", message), log_tail)

    def _report_unreadable(self, ids: Sequence[int]) -> None:
        if ids:
            self._sink.photos_failed([PhotoFailure(i, CRASH_REASON) for i in ids])
            self._progress.add(len(ids))

    # -------------------------------------------------------------- actions of the queue

    def _add(self, requests: RequestQueue[Any], request: Request[Any]) -> None:
        if self._closed:
            request.future.set_exception(EncoderError("cancelled", _("The library was closed.")))
        elif self._failed is not None:
            request.future.set_exception(EncoderError(self._failed.kind, str(self._failed)))
        else:
            requests.add(request)

    def _add_photos(self, ids: Sequence[int], *, again: bool) -> None:
        self._cancelled_since = None
        self._photos.add(ids, again=again)

    def _requests_crashed(self) -> None:
        for requests in self._request_queues:
            requests.crashed()

    def _fail_requests(self, error: EncoderError) -> None:
        for requests in self._request_queues:
            requests.fail(error)

    def _set_paused(self, paused: bool) -> None:
        self._paused = paused
        self._progress.restart()
        if not paused:
            self._cancelled_since = self._failed = None
            self._crashes_in_row = 0
            self._start_after = 0.0

    def _set_gentle(self, reason: str) -> None:
        self._gentle = reason
        self._progress.restart()

    def _encode_here(self) -> None:
        if self._child is not None:
            self._child.send(EncodeHere())

    def _cancel(self) -> None:
        self._photos.clear()
        self._turned.fail(EncoderError("cancelled", _("Encoding was cancelled.")))
        self._cancelled_since = time.monotonic()
        if self._child is not None and self._ready is None:
            self._begin_end()
            self._child.kill()
            for requests in (self._texts, self._maps):
                requests.fail(EncoderError("cancelled", _("Loading the model was cancelled.")))
        self._download_over(ActivityState.IDLE)

    def _stop_with(self, error: EncoderError, details: str = "") -> None:
        """Stop until resumed; unfinished photos wait."""
        self._photos.requeue_suspects()
        self._failed = error
        self._download_over(ActivityState.FAILED)
        self._fail_requests(error)
        self._sink.encoder_failed(error, details)

    def _download_over(self, state: ActivityState) -> None:
        if self._downloading:
            self._downloading = False
            self._sink.encoder_activity(Activity(ActivityKind.DOWNLOAD, state))

    def _close(self) -> None:
        self._closed = True
        self._fail_requests(EncoderError("cancelled", _("The library was closed.")))
        child, self._child = self._child, None
        if child is not None:
            child.send(Stop())
            child.close_input()
            if not child.wait(CLOSE_SECONDS):
                child.kill()
                child.wait(CLOSE_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _report(self) -> None:
        first_time = self._photos.first_time
        left = first_time or len(self._photos)
        away = self._away if self._ready is not None else None
        where = remark(away) if away is not None else ""
        activity = self._progress.activity(
            left,
            paused=self._paused,
            failure=str(self._failed) if self._failed else "",
            again=left > first_time,
            waiting_for_model=self._ready is None,
            note=" · ".join(filter(None, [_(self._gentle) if self._gentle else "", where])),
            waits=away is not None and away.place in (Place.CONNECTING, Place.LOST),
        )
        if activity is not None:
            self._sink.encoder_activity(activity)


def _features(arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    return arrays["features"].astype(np.float32)


def _photo_error(reason: str) -> EncoderError:
    """What became of one photo, which is its own fault unless that may pass."""
    return EncoderError("error" if may_pass(reason) else "unreadable", reason)
