"""Find the backbone to offer to who still uses Lite, and measure how fast it is here (Qt-free).

Asked for once per computer, by the window.  In the background, when nothing else is to be done:
there is a network, the library is large enough to gain by it, and everything is encoded.  Then some
photos are encoded with Lite and with random weights of each candidate, the best first, until one is
fast enough (:mod:`trainer.encode_rate`); nothing is downloaded for that.  Lite+, which needs no
download, is the last: where there is no network, or nothing better fits this computer.
"""

from __future__ import annotations

import logging
import queue
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lmpt_desktop.catalogue import Catalogue, CatalogueError
from lmpt_desktop.domain.records import ImageState
from lmpt_desktop.engine import network
from lmpt_desktop.engine.child_process import TRAINER, ChildProcess
from lmpt_desktop.engine.encoding.backbones import BackboneInfo, offered_backbones
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.engine.model_service import ModelService
from lmpt_desktop.engine.notices import Notice
from trainer.events import Message, RateMeasured
from trainer.suggested import LITE, LITE_PLUS, SUGGESTED, backbones_dir
from trainer.threads import start_thread

log = logging.getLogger(__name__)

FEWEST_PHOTOS = 30
MEASURED_PHOTOS = 10
FAST_SECONDS = 3600.0
"""A candidate that encodes the library in this time is offered, and no faster one is looked for."""
SLOWEST_SECONDS = 12 * 3600.0
"""What takes longer is not offered."""
MEMORY_FACTOR, DISK_FACTOR = 4.0, 1.5
"""Memory of the machine, and free space on the disk, that a candidate needs per byte of its
download: weights are in memory twice while they are loaded."""
POLL_SECONDS, NETWORK_SECONDS = 5.0, 120.0
OFFLINE_LOOKS = 3
"""After so many looks without a network, only Lite+ is considered."""
STALL_SECONDS = 300.0
NICE = 10


@dataclass(frozen=True)
class BackboneOffer:
    """A better backbone for this computer.

    Attributes:
        info: the backbone.
        photos: how many of the library it would encode.
        measured: photos that were encoded to measure.
        rate, lite_rate: photos per second here, the backbone's with random weights.
        device: where that was, as the user reads it.
        compared: a well-known backbone (CLIP ViT-B/16 by OpenAI), for its published accuracy.
    """

    info: BackboneInfo
    photos: int
    measured: int
    rate: float
    lite_rate: float
    device: str
    compared: BackboneInfo

    @property
    def seconds(self) -> float:
        """Estimate of the time for all photos."""
        return self.photos / self.rate


@dataclass(frozen=True)
class BackboneOffered(Notice):
    """There is a better backbone for this computer."""

    offer: BackboneOffer


@dataclass(frozen=True)
class Machine:
    """What is asked about the computer; tests put their own in its place."""

    online: Callable[[], bool]
    memory: Callable[[], int]
    disk_free: Callable[[], int]

    @classmethod
    def this(cls) -> Machine:
        """The one this runs on."""
        return cls(network.may_be_online, _memory, _disk_free)


class BackboneOffers:
    """Looks for an offer once it is asked to, until there is one or none is to be made."""

    def __init__(
        self,
        catalogue: Catalogue,
        state: LibraryState,
        model: ModelService,
        notify: Callable[[Notice], None],
        *,
        idle: Callable[[], bool],
        gentle: Callable[[], bool],
        command: Sequence[str] = (*TRAINER, "encode-rate"),
        machine: Machine | None = None,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        """``idle``: nothing else is to be done now; ``gentle``: the computer is to be spared."""
        self._catalogue = catalogue
        self._state = state
        self._model = model
        self._notify = notify
        self._idle = idle
        self._gentle = gentle
        self._command = list(command)
        self._machine = machine
        self._poll_seconds = poll_seconds
        self._bundled = False
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def look(self, *, bundled: bool) -> None:
        """Look for an offer in the background; a :class:`BackboneOffered` follows, or nothing.

        ``bundled``: Lite+ may be offered, too.
        """
        if self._thread is None and self._wanted():
            self._bundled = bundled
            self._thread = start_thread(self._run, "backbone offer")

    def close(self) -> None:
        """Stop looking."""
        self._closed.set()
        if self._thread is not None and threading.current_thread() is not self._thread:
            self._thread.join(timeout=5)

    def _wanted(self) -> bool:
        model = self._model
        return model.starts_encoder and model.backbone == LITE and not model.change.name

    def _run(self) -> None:
        wait = self._poll_seconds
        machine = self._machine or Machine.this()
        offline = 0
        try:
            while not self._closed.wait(wait) and self._wanted():
                wait = self._poll_seconds
                ids = self._readable()
                if len(ids) < FEWEST_PHOTOS or not self._idle() or self._gentle():
                    continue
                online = machine.online()
                offline += not online
                if not online and (offline < OFFLINE_LOOKS or not self._bundled):
                    wait = max(wait, NETWORK_SECONDS) if self._machine is None else wait
                    continue
                names = _candidates(self._model.last_device, machine) if online else []
                offer = self._measure(ids, names + [LITE_PLUS] * self._bundled)
                if offer is not None and self._wanted() and not self._closed.is_set():
                    self._notify(BackboneOffered(offer))
                return
        except (OSError, CatalogueError):
            # Nobody has asked for the offer, so nobody misses it.
            log.exception("no backbone can be offered")

    def _readable(self) -> list[int]:
        images = self._state.snapshot.images
        return images.ids[images.states == ImageState.OK].tolist()

    def _measure(self, ids: Sequence[int], candidates: Sequence[str]) -> BackboneOffer | None:
        """The best candidate that is fast enough, else the fastest; None if even that is too
        slow.  Lite+ only if no other is left."""
        if not candidates:
            return None
        places = np.linspace(0, len(ids) - 1, min(MEASURED_PHOTOS, len(ids))).astype(int)
        paths = self._catalogue.images.paths([ids[place] for place in places])
        known = {info.name: info for info in offered_backbones(LITE)}
        lite: RateMeasured | None = None
        best: RateMeasured | None = None
        for measured in self._rates([LITE, *candidates], paths):
            if lite is None:
                lite = measured
                continue
            best = measured
            left = candidates[candidates.index(measured.backbone) + 1 :]
            limit = SLOWEST_SECONDS if left == [LITE_PLUS] else FAST_SECONDS
            if len(ids) * measured.seconds <= limit * measured.photos:
                break
        if lite is None or best is None or not lite.photos or not best.photos:
            return None
        offer = BackboneOffer(
            known[best.backbone],
            len(ids),
            best.photos,
            best.photos / best.seconds,
            lite.photos / lite.seconds,
            best.device,
            known["ViT-B-16/openai"],
        )
        log.info("measured: %s", offer)
        return offer if offer.seconds <= SLOWEST_SECONDS else None

    def _rates(self, names: Sequence[str], paths: Sequence[Path]) -> Iterator[RateMeasured]:
        """What the process measures, in this order, until it is not asked on or has ended."""
        arguments = [*names, "--device", self._model.chosen_device, "--nice", str(NICE)]
        messages: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        child = ChildProcess(
            [*self._command, *arguments, "--photos", *map(str, paths)],
            messages.put,
            lambda _code: messages.put(None),
        )
        waited = 0.0
        try:
            while not self._closed.is_set() and waited < STALL_SECONDS:
                try:
                    message = messages.get(timeout=0.2)
                except queue.Empty:
                    waited += 0.2
                    continue
                if message is None:
                    return
                waited = 0.0
                if isinstance(message, RateMeasured):
                    yield message
        finally:
            child.kill()


def _candidates(device: str, machine: Machine) -> list[str]:
    """Names of the backbones that may be offered on ``device``, the best first."""
    gpu = device not in ("", "CPU")
    memory, free = machine.memory(), machine.disk_free()
    fitting = [
        item
        for item in SUGGESTED
        if item.offered
        and (gpu or not item.needs_gpu)
        and MEMORY_FACTOR * item.download_bytes <= memory
        and DISK_FACTOR * item.download_bytes <= free
    ]
    return [item.name for item in sorted(fitting, key=lambda item: -(item.imagenet or 0))]


def _memory() -> int:
    import psutil  # noqa: PLC0415 - not needed to open a window

    return int(psutil.virtual_memory().total)


def _disk_free() -> int:
    """Bytes free where backbones are kept."""
    folder = backbones_dir()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free
