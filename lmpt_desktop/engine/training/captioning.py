"""Captions from an installed captioner, in its own process (Qt-free).

Nothing is started unless the captioner's weights are on this computer, and nothing is ever
downloaded.  The catalogue never replaces a caption from the file, a sidecar or the user.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.errors import CatalogueError
from lmpt_desktop.domain.refusal import RefusedError
from lmpt_desktop.engine.child_process import TRAINER, ChildProcess
from lmpt_desktop.engine.notices import (
    Activity,
    ActivityChanged,
    ActivityKind,
    ActivityState,
    ImagesChanged,
    Notice,
    Problem,
)
from lmpt_desktop.error_texts import message_of, reason_of
from lmpt_desktop.translation import N_, _
from trainer.events import CaptionPhotos, EncoderFailed, Message, PhotosCaptioned
from trainer.threads import until_done

log = logging.getLogger(__name__)

REQUEST_PHOTOS = 8
IN_FLIGHT = 2
TITLE = N_("Captions could not be written")


class CaptionRefusedError(RefusedError):
    """No captions can be written now."""


NOT_INSTALLED = N_(
    "The model that writes captions is not on this computer (CoCa, about 1 GB). To download it, "
    "choose “{name}” once under Model > Backbone; your usual backbone can be chosen again when it "
    "is there."
)
DOWNLOADABLE = "coca_ViT-B-32/mscoco_finetuned_laion2b_s13b_b90k"
"""The captioner that is suggested: the smaller of the good ones."""


class CaptionerMissingError(CaptionRefusedError):
    """No captioner is installed."""

    def __init__(self) -> None:
        super().__init__(_(NOT_INSTALLED).format(name=DOWNLOADABLE))


UNEXPECTED = "error"
"""The kind of a failure of the captioner that nobody foresaw; only of these is the log shown."""


class CaptionWriter:
    """At most one captioner process, and the photos it still has to describe."""

    def __init__(
        self,
        catalogue: Catalogue,
        notify: Callable[[Notice], None],
        command: Sequence[str] = (*TRAINER, "caption"),
    ) -> None:
        self._catalogue = catalogue
        self._notify = notify
        self._command = list(command)
        self._lock = threading.Lock()
        self._child: ChildProcess | None = None
        self._waiting: list[int] = []
        self._asked: dict[str, int] = {}
        """Photos in each request that has not been answered."""
        self._requests = self._run = 0
        self._done = self._total = 0
        self._begun = 0.0
        self._failure: EncoderFailed | None = None

    @property
    def idle(self) -> bool:
        with self._lock:
            return self._child is None

    def start(self, image_ids: Sequence[int], captioner: str, device: str) -> None:
        """Describe these photos in the background.

        Raises:
            CaptionRefusedError: if it is already running, or cannot be started.
        """
        arguments = ["--events", "--captioner", captioner, "--device", device]
        with self._lock:
            if self._child is not None:
                raise CaptionRefusedError(_("Captions are already being written."))
            self._waiting = [int(item) for item in image_ids]
            self._asked.clear()
            self._done, self._total = 0, len(self._waiting)
            self._begun = time.monotonic()
            self._failure = None
            self._run += 1
            run = self._run
            try:
                child = ChildProcess(
                    [*self._command, *arguments],
                    lambda message: self._receive(run, message),
                    lambda code: self._exited(run, code),
                )
            except OSError as error:
                raise CaptionRefusedError(
                    _("The captioner cannot be started: {error}.").format(error=reason_of(error))
                ) from error
            self._child = child
            self._send(child)
        self._report(ActivityState.RUNNING)

    def cancel(self) -> None:
        """Stop; captions that are written are kept."""
        with self._lock:
            child, self._child = self._child, None
        if child is not None:
            child.kill()
            self._report(ActivityState.IDLE)

    def close(self) -> None:
        """Stop, and commit nothing more."""
        with self._lock:
            child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait(1.0)

    # ------------------------------------------------------------------------------ inside

    def _send(self, child: ChildProcess) -> None:
        """Keep the process busy; let it end when nothing is left.  Call with the lock held."""
        while self._waiting and len(self._asked) < IN_FLIGHT:
            ids, self._waiting = self._waiting[:REQUEST_PHOTOS], self._waiting[REQUEST_PHOTOS:]
            paths: list[Path] = self._catalogue.images.paths(ids)
            self._requests += 1
            name = str(self._requests)
            self._asked[name] = len(ids)
            child.send(CaptionPhotos(name, ids, [str(path) for path in paths]))
        if not self._waiting:
            child.close_input()

    def _receive(self, run: int, message: Message) -> None:
        if isinstance(message, EncoderFailed):
            with self._lock:
                if run == self._run:
                    self._failure = message
            return
        if not isinstance(message, PhotosCaptioned):
            log.warning("the captioner sent a %s", type(message).__name__)
            return
        for failure in message.failures:
            log.info("no caption for image %d: %s", failure.id, failure.reason)
        with self._lock:
            child = self._child
            if child is None or message.request not in self._asked:
                return
            self._done += self._asked.pop(message.request)
            try:
                filled = self._catalogue.images.fill_captions(
                    {item.id: item.text for item in message.captions}
                )
                self._send(child)
            except CatalogueError as error:  # a full disk, a folder that was removed
                self._failure = EncoderFailed("not-kept", str(error))
                child.kill()
                return
            except Exception as error:
                log.exception("captions cannot be kept")
                self._failure = EncoderFailed(UNEXPECTED, message_of(error))
                child.kill()
                return
        if filled:
            self._notify(ImagesChanged())
        self._report(ActivityState.RUNNING)

    def _exited(self, run: int, code: int) -> None:
        with self._lock:
            if run != self._run:
                return
            child, self._child = self._child, None
            failure, finished = self._failure, not (self._waiting or self._asked)
        if child is not None:  # else it was cancelled or closed
            until_done(partial(self._tell_end, child, code, failure, finished=finished))

    def _tell_end(
        self, child: ChildProcess, code: int, failure: EncoderFailed | None, *, finished: bool
    ) -> None:
        if failure is None and finished:
            self._report(ActivityState.IDLE)
            return
        message = (
            failure.message if failure else _("The captioner stopped unexpectedly. Try again.")
        )
        self._report(ActivityState.FAILED, message)
        log.info("captions could not be written: %s", message)
        expected = failure is not None and failure.kind != UNEXPECTED
        details = child.log_tail() or _("exit code {code}").format(code=code)
        self._notify(Problem(_(TITLE), message, "" if expected else details))

    def _report(self, state: ActivityState, message: str = "") -> None:
        with self._lock:
            done, total = self._done, self._total
            spent = time.monotonic() - self._begun
        left = spent / done * (total - done) if done and state is ActivityState.RUNNING else None
        self._notify(
            ActivityChanged(Activity(ActivityKind.CAPTION, state, done, total, left, message))
        )
