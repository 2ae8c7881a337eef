"""Notices that a library session sends to its listeners (Qt-free; sent from any thread).

A notice says *that* something changed, hardly ever *what* it is now: the listener asks the
session, so that a late notice never carries a stale answer.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

log = logging.getLogger(__name__)


class ActivityKind(StrEnum):
    """Kinds of background work that show progress."""

    SCAN = "scan"
    ENCODE = "encode"
    CHANGE = "change"
    """Another backbone encodes the library before it replaces the one in use."""
    DOWNLOAD = "download"
    FIT = "fit"
    CAPTION = "caption"
    VERIFY = "verify"


class ActivityState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    IDLE = "idle"
    FAILED = "failed"


@dataclass(frozen=True)
class Activity:
    """Progress of a piece of background work.

    ``done`` and ``total`` count files (scan), photos (encode, change, caption, verify), bytes
    (download) or steps (fit); ``total`` is 0 if unknown.  ``seconds_left`` is None where there is
    no estimate.  ``message`` is a sentence for the user, or ""; ``note`` a short remark
    ("slowly, on battery"), or "".  ``again``: photos that have been encoded before are encoded in
    more detail.  ``pausable``: it can be paused, though not all of its kind can.  ``waits``: for
    another computer; it need not.
    """

    kind: ActivityKind
    state: ActivityState
    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    message: str = ""
    note: str = ""
    again: bool = False
    pausable: bool = False
    waits: bool = False


@dataclass(frozen=True)
class Notice:
    """Base class of all notices."""


@dataclass(frozen=True)
class ImagesChanged(Notice):
    """Images appeared, vanished or changed state, size, caption or folder."""


@dataclass(frozen=True)
class PredictionsChanged(Notice):
    """Scores, thresholds or both changed (features arrived, a class or prompt set changed)."""


@dataclass(frozen=True)
class PredictionsTaught(PredictionsChanged):
    """Scores of a few classes moved a little, because verdicts taught them (instant learning).
    What is on screen keeps its place; it is only painted anew."""


@dataclass(frozen=True)
class AnnotationsChanged(Notice):
    """Verdicts or reviewed marks of these images changed; an empty tuple means "any"."""

    image_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class AnnotationsFollowed(Notice):
    """Annotations went to other images, because their photos were moved or edited: the change
    ``batch_id``, which can be undone.  ``text`` says so."""

    batch_id: int
    text: str


@dataclass(frozen=True)
class ClassesChanged(Notice):
    """Classes were added, renamed, described, archived or reordered."""


@dataclass(frozen=True)
class FoldersChanged(Notice):
    """A folder was added, relocated or removed."""


@dataclass(frozen=True)
class FilesLeftOut(Notice):
    """What scans leave out of the folders has changed: files that are no photos, or what the ignore
    list names."""


@dataclass(frozen=True)
class RawPairsChanged(Notice):
    """Raw files are shown as part of the photo of their name now, or no longer.

    ``batch_ids``: changes that gave verdicts to the other file, which can be undone;
    ``contradicting``: photos whose raw file has verdicts that contradict theirs.
    """

    batch_ids: tuple[int, ...] = ()
    contradicting: tuple[int, ...] = ()


@dataclass(frozen=True)
class RawPairsOffered(Notice):
    """The user is to be asked whether raw files are shown as part of the photo of their name,
    because something was said of them."""


@dataclass(frozen=True)
class ActivityChanged(Notice):
    activity: Activity


@dataclass(frozen=True)
class EncoderChanged(Notice):
    """The backbone or its device changed.

    ``device`` is what the user reads ("CPU", "NVIDIA H200"), "" until a model is loaded;
    ``message`` a sentence where there is something to say.
    """

    device: str
    backbone: str
    message: str = ""


@dataclass(frozen=True)
class RunChanged(Notice):
    """A retraining run started, progressed, finished or failed: ask ``current_run()``."""

    run_id: int


@dataclass(frozen=True)
class VersionsChanged(Notice):
    """A prompt set was made, promoted, rolled back or discarded."""


@dataclass(frozen=True)
class Problem(Notice):
    """Something the user should know: what happened, what it means, what to do.

    ``details`` is for a "Show details" fold: a log path, an exception.
    """

    title: str
    message: str
    details: str = ""


Listener = Callable[[Notice], None]


class Notifier:
    """Passes every notice on to all listeners."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with every notice, on the sender's thread; returns a function that
        ends this."""
        with self._lock:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return unsubscribe

    def send(self, notice: Notice) -> None:
        """Call every listener, in the order in which they subscribed; one that raises is
        logged."""
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            try:
                listener(notice)
            except Exception:
                log.exception("a listener failed on %r", notice)
