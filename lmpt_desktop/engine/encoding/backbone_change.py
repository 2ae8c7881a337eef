"""Change to another backbone while the one in use goes on predicting (Qt-free).

The new backbone is downloaded, loaded and encodes every readable photo and class name in an encoder
process of its own; only then does it replace the other.  Until then nothing that the user sees
depends on it, so the change can be paused, cancelled, or interrupted by closing the library: it
goes on where it was, because downloads are resumed and features are kept.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.engine.encoding.backbones import backbone_title
from lmpt_desktop.engine.encoding.encoder import EncoderClient, EncoderError
from lmpt_desktop.engine.encoding.model_facts import ModelFacts, setting_name
from lmpt_desktop.engine.notices import (
    Activity,
    ActivityChanged,
    ActivityKind,
    ActivityState,
    EncoderChanged,
    Notice,
    Problem,
)
from lmpt_desktop.engine.tasks import Worker
from lmpt_desktop.settings import NEXT_BACKBONE, Settings
from lmpt_desktop.translation import _

log = logging.getLogger(__name__)

CHECK_SECONDS = 0.5
"""Interval at which a new backbone that has work left is asked whether it is done."""
TEXTS_PER_REQUEST = 256


@dataclass(frozen=True)
class BackboneInUse:
    """What a change asks of the model in use.

    current: the name of its backbone; class_texts: the prompt texts of the vocabulary;
    new_client: an encoder client for a backbone, not yet started; adopt: use this backbone, whose
    client is loaded, from now on; dispose: end a client, without waiting for it.
    """

    current: Callable[[], str]
    class_texts: Callable[[], list[str]]
    new_client: Callable[[str], EncoderClient]
    adopt: Callable[[str, EncoderClient], None]
    dispose: Callable[[EncoderClient | None], None]


class BackboneChange:
    """The change under way, if there is one; every method may be called from any thread."""

    def __init__(
        self,
        catalogue: Catalogue,
        worker: Worker,
        settings: Settings,
        notify: Callable[[Notice], None],
        in_use: BackboneInUse,
    ) -> None:
        self._catalogue = catalogue
        self._worker = worker
        self._settings = settings
        self._notify = notify
        self._in_use = in_use
        self._lock = threading.RLock()
        self._name = ""
        self._client: EncoderClient | None = None
        self._asked = True
        """The user has just asked for the change, and hears of a network that is not there."""
        self._held = False
        """Paused, or stopped because there is no network."""
        self._tried: set[int] = set()
        """Photos given to the new encoder; one that stays without a feature is not tried again."""
        self._tried_texts: set[str] = set()
        self._encoded_before = 0
        self._shown = Activity(ActivityKind.CHANGE, ActivityState.IDLE)

    # ------------------------------------------------------------------------- from outside

    @property
    def name(self) -> str:
        """The backbone to come; "" while no change is under way."""
        return self._name

    @property
    def busy(self) -> bool:
        """A change is under way and not paused."""
        return bool(self._name) and not self._held

    def start(self, name: str) -> None:
        """Change to ``name``, instead of any other that was to come."""
        with self._lock:
            old, self._client = self._client, None
            self._name = name
            self._asked = True
        self._in_use.dispose(old)
        self._settings.set(NEXT_BACKBONE, name)
        self.resume()

    def start_again(self) -> None:
        """Go on with the change that was under way when the library was closed."""
        name = self._settings.get(NEXT_BACKBONE)
        if name and name != self._in_use.current():
            log.info("going on with the change to %s", name)
            self.start(name)
            self._asked = False

    def pause(self) -> None:
        """Stop downloading or encoding until resumed."""
        with self._lock:
            if not self._name or self._held:
                return
            client, self._client = self._client, None
            self._held = True
            paused = replace(self._shown, state=ActivityState.PAUSED, seconds_left=None)
        self._in_use.dispose(client)
        self._notify(ActivityChanged(Activity(ActivityKind.DOWNLOAD, ActivityState.IDLE)))
        self._show(paused)

    def resume(self) -> None:
        """Go on, also after the network was lost."""
        with self._lock:
            if not self._name or self._client is not None:
                return
            self._asked, self._held = True, False
            self._tried.clear()
            self._tried_texts.clear()
            client = self._client = self._in_use.new_client(self._name)
        self._show(self._activity(ActivityState.RUNNING))
        self._notify_encoder(_("Loading {name}").format(name=backbone_title(self._name)))
        # Any text will do: a request makes the encoder start.
        client.encode_texts(["photo"], ensemble=True)

    def restart(self) -> None:
        """Start the encoder again, on another device."""
        if self.busy:
            self.pause()
            self.resume()

    def cancel(self) -> bool:
        """Stay with the backbone in use; returns whether a change was under way."""
        if not self._end():
            return False
        self._notify_encoder(
            _("{backbone} stays in use.").format(backbone=backbone_title(self._in_use.current()))
        )
        return True

    def encode_here(self) -> None:
        """As :meth:`EncoderClient.encode_here`."""
        client = self._client
        if client is not None:
            client.encode_here()

    def set_gentle(self, reason: str) -> None:
        """As :meth:`EncoderClient.set_gentle`."""
        client = self._client
        if client is not None:
            client.set_gentle(reason)

    def close(self) -> None:
        """End the encoder; the change goes on when the library is opened again."""
        with self._lock:
            client, self._client = self._client, None
            self._held = True
        if client is not None:
            client.close()

    # ------------------------------------------------------------------ from the new encoder

    def is_from(self, client: EncoderClient | None) -> bool:
        """Whether ``client`` runs the backbone to come."""
        return client is not None and self._client is client

    def loaded(self) -> None:
        """The new backbone is in memory."""
        usable, missing = self._counts()
        self._encoded_before = usable - missing
        self._show(self._activity(ActivityState.RUNNING, self._encoded_before, usable))
        self._step_soon()

    def failed(self, error: EncoderError, details: str) -> None:
        """The new encoder has stopped.  Without a network the change waits to be resumed; any other
        error ends it."""
        name, waits = self._name, error.kind == "no-network"
        stays = _("{error} {backbone} stays in use.").format(
            error=error, backbone=backbone_title(self._in_use.current())
        )
        if waits:
            with self._lock:
                client, self._client = self._client, None
                self._held = True
            self._in_use.dispose(client)
            self._show(replace(self._shown, state=ActivityState.FAILED, message=str(error)))
        else:
            self._end()
        self._notify_encoder(stays)
        if waits and not self._asked:
            return
        title = _("{backbone} cannot be used").format(backbone=backbone_title(name))
        self._notify(Problem(title, stays, details))

    def show(self, activity: Activity) -> None:
        """Report what the new encoder does as part of the change."""
        if activity.kind is ActivityKind.DOWNLOAD:
            self._notify(ActivityChanged(replace(activity, pausable=True)))
            return
        if activity.state is ActivityState.RUNNING:
            before = self._encoded_before
            self._show(
                replace(
                    self._activity(activity.state, before + activity.done, before + activity.total),
                    seconds_left=activity.seconds_left,
                    note=activity.note,
                    waits=activity.waits,
                )
            )
        elif activity.state is ActivityState.IDLE:
            self._step_soon()

    # ------------------------------------------------------------------------------- inside

    def _step_soon(self) -> None:
        self._worker.post("backbone change", self._step, CHECK_SECONDS)

    def _step(self) -> None:
        """Give the new encoder what it has not been given yet, or adopt it if that is nothing."""
        name, client = self._name, self._client
        if not name or client is None:
            return
        facts = ModelFacts.from_setting(self._catalogue.settings.get(setting_name(name)))
        if facts is None or not client.loaded:
            return  # it says so when it is
        if client.settled:
            untried = self._untried(name)
            unknown = [] if untried else self._unknown_texts(name, facts.variant)
            if not untried and not unknown:
                self._adopt(client)
                return
            self._tried.update(untried)
            client.add(untried)
            self._tried_texts.update(unknown)
            for start in range(0, len(unknown), TEXTS_PER_REQUEST):
                part = unknown[start : start + TEXTS_PER_REQUEST]
                client.encode_texts(part, ensemble=True).add_done_callback(
                    lambda done, part=part: self._keep_texts(name, part, facts.variant, done)
                )
        self._step_soon()

    def _unknown_texts(self, name: str, variant: str) -> list[str]:
        texts = self._in_use.class_texts()
        known = self._catalogue.features.texts(name, texts, variant)
        return [text for text in texts if text not in known and text not in self._tried_texts]

    def _untried(self, name: str) -> list[int]:
        missing = self._catalogue.features.missing(name)
        tried = np.fromiter(self._tried, np.int64, len(self._tried))
        return np.setdiff1d(missing, tried).tolist()

    def _keep_texts(
        self, name: str, texts: Sequence[str], variant: str, done: Future[NDArray[np.float32]]
    ) -> None:
        if done.exception() is None:
            found = dict(zip(texts, done.result(), strict=True))
            self._catalogue.features.put_texts(name, found, variant)

    def _adopt(self, client: EncoderClient) -> None:
        with self._lock:
            if self._client is not client:
                return
            name, self._name, self._client = self._name, "", None
        self._in_use.adopt(name, client)
        self._settings.set(NEXT_BACKBONE, "")
        self._show(Activity(ActivityKind.CHANGE, ActivityState.IDLE))

    def _end(self) -> bool:
        with self._lock:
            name, self._name = self._name, ""
            client, self._client = self._client, None
            self._held = False
        self._in_use.dispose(client)
        if name:
            self._settings.set(NEXT_BACKBONE, "")
            self._notify(ActivityChanged(Activity(ActivityKind.DOWNLOAD, ActivityState.IDLE)))
            self._show(Activity(ActivityKind.CHANGE, ActivityState.IDLE))
        return bool(name)

    def _counts(self) -> tuple[int, int]:
        """Usable photos, and those that the new backbone has no feature of."""
        features = self._catalogue.features
        return len(features.missing("")), len(features.missing(self._name))

    def _activity(self, state: ActivityState, done: int = 0, total: int = 0) -> Activity:
        message = _("{new} reads all photos first; until then {old} predicts.").format(
            new=backbone_title(self._name), old=backbone_title(self._in_use.current())
        )
        return Activity(ActivityKind.CHANGE, state, done, total, message=message)

    def _show(self, activity: Activity) -> None:
        self._shown = activity
        self._notify(ActivityChanged(activity))

    def _notify_encoder(self, message: str) -> None:
        current = self._in_use.current()
        facts = ModelFacts.from_setting(self._catalogue.settings.get(setting_name(current)))
        self._notify(EncoderChanged(facts.device if facts else "", current, message))
