"""The model of an open library: its backbone, encoder, features and class weights (Qt-free).

Heavy work is done on the session's worker thread or in the encoder process; the methods that the
window calls only request it.
"""

from __future__ import annotations

import itertools
import logging
import os
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.prompt_sets import PromptSetRecord
from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.engine.child_process import TRAINER
from lmpt_desktop.engine.class_weights import (
    Version,
    library_weights,
    merged_into,
    prompt_text,
)
from lmpt_desktop.engine.encoding.backbones import BackboneInfo, offered_backbones
from lmpt_desktop.engine.encoding.encoder import EncoderClient, EncoderError
from lmpt_desktop.engine.encoding.feature_rows import FeatureRows
from lmpt_desktop.engine.encoding.model_facts import ModelFacts, setting_name
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.engine.notices import (
    Activity,
    ActivityChanged,
    EncoderChanged,
    Notice,
    PredictionsChanged,
    Problem,
)
from lmpt_desktop.engine.tasks import Worker
from lmpt_desktop.inference.weights import ClassWeights
from lmpt_desktop.ingest.file_times import is_unchanged
from lmpt_desktop.settings import BACKBONE, DEVICE, Settings
from lmpt_desktop.translation import _
from trainer.events import EncoderReady, PhotoFailure
from trainer.prompt_set import PromptSetError

log = logging.getLogger(__name__)

TEXTS_PER_REQUEST = 256
PREDICT_SECONDS = 0.3
"""Arriving features are scored at intervals of at least this length, not one by one."""


class _ServiceSink:
    """The :class:`EncoderSink` of one client; adds the client's backbone to each call."""

    def __init__(self, service: ModelService, backbone: str) -> None:
        self._service = service
        self._backbone = backbone
        self._sent: dict[int, str] = {}
        """Fingerprints of the photos that are being encoded."""

    def photo_paths(self, ids: Sequence[int]) -> list[Path]:
        files = self._service._catalogue.images.files(list(ids))
        self._sent.update(zip(ids, (file.fingerprint for file in files), strict=True))
        return [file.path for file in files]

    def encoder_ready(self, ready: EncoderReady) -> None:
        self._service._became_ready(self._backbone, ready)

    def photos_encoded(self, ids: NDArray[np.int64], features: NDArray[np.float16]) -> None:
        sent = [self._sent.pop(image_id, "") for image_id in ids.tolist()]
        self._service._keep_features(self._backbone, ids, features, sent)

    def photos_failed(self, failures: Sequence[PhotoFailure]) -> None:
        sent = [self._sent.pop(item.id, "") for item in failures]
        self._service._photos_failed(failures, sent)

    def encoder_failed(self, error: EncoderError, details: str) -> None:
        self._service._encoder_failed(self._backbone, error, details)

    def encoder_activity(self, activity: Activity) -> None:
        self._service._notify(ActivityChanged(activity))


class ModelService:
    """Backbone, encoder, weights and the active prompt set of one library."""

    def __init__(
        self,
        catalogue: Catalogue,
        state: LibraryState,
        worker: Worker,
        settings: Settings,
        *,
        notify: Callable[[Notice], None],
        images_changed: Callable[[], None],
        features_arrived: Callable[[], None],
        backbone: str,
        device: str,
        encode: bool,
        command: Sequence[str] = (*TRAINER, "encode"),
    ) -> None:
        self._catalogue = catalogue
        self._notify = notify
        self.backbone = backbone
        """Name of the backbone in use."""
        self.device = ""
        """What the user reads ("CPU", "NVIDIA H200"); "" until a model has been loaded."""
        self._chosen_device = device
        self._failure: EncoderError | None = None
        """Why encoding has stopped; None while it has not."""
        self._images_changed = images_changed
        self._features_arrived = features_arrived
        self._gentle = ""
        """Why encoding is slowed down, see :mod:`.encoding.throttle`; "" at full speed."""
        self.only_folders: set[int] | None = None
        """Encode photos of these folders only; None: of all."""
        self._state = state
        self._worker = worker
        self._settings = settings
        self._encode = encode
        self._command = list(command)
        self._chunks = catalogue.library_folder / "encode"
        self._lock = threading.RLock()
        self._client: EncoderClient | None = None
        self._candidate: EncoderClient | None = None
        self._requested: set[str] = set()
        self._texts_waiting = 0
        self._cancelled = False
        self._numbers = itertools.count()
        self._calibrated_with = 0
        self._version: tuple[int, Version] | None = None
        settings.on_change(DEVICE, self._use_device)

    # ---------------------------------------------------------------- starting and stopping

    def start(self) -> None:
        """Load features and predict, in the background; then encode what is missing."""
        if self._encode:
            _remove_leftovers(self._chunks)
            self._client = self._new_client(self.backbone)
        self._worker.post("features", self._load_features)

    def close(self) -> None:
        """End the encoder."""
        with self._lock:
            clients = [item for item in (self._client, self._candidate) if item is not None]
            self._client = self._candidate = None
        for client in clients:
            client.close()

    @property
    def idle(self) -> bool:
        """Nothing is left to encode (or encoding has stopped) and no text is awaited."""
        client = self._client
        if self._candidate is not None or self._texts_waiting:
            return False
        return client is None or client.settled

    def _new_client(self, backbone: str) -> EncoderClient:
        folder = self._chunks / f"{os.getpid()}-{abs(hash((backbone, id(self)))) % 100_000}"
        return EncoderClient(
            backbone,
            self._chosen_device,
            folder,
            _ServiceSink(self, backbone),
            command=self._command,
            gentle=self._gentle,
        )

    def _load_features(self) -> None:
        ids, features = self._catalogue.features.load(self.backbone)
        self._state.set_features(FeatureRows.of(ids, features) if len(ids) else None)
        self._calibrated_with = 0
        self._refresh_weights()
        self._features_arrived()
        self.queue_missing()

    # ------------------------------------------------------------------------------ photos

    def queue_missing(self, image_ids: NDArray[np.int64] | None = None) -> None:
        """Encode the photos that lack a feature: of all, or of these ids (n,)."""
        client = self._client
        if client is not None and not self._cancelled:
            if image_ids is not None and not len(image_ids):
                return
            missing = self._catalogue.features.missing(self.backbone, image_ids)
            if self.only_folders is not None:
                images = self._state.snapshot.images
                inside = np.isin(images.folder_ids, list(self.only_folders))
                missing = missing[np.isin(missing, images.ids[inside])]
            if len(missing):
                client.add(missing.tolist())

    def prioritise(self, image_ids: Sequence[int]) -> None:
        """Encode these first, in this order: the photos on screen."""
        if self._client is not None:
            self._client.prioritise(image_ids)

    def pause(self) -> None:
        """Stop encoding photos until resumed."""
        if self._client is not None:
            self._client.pause()

    def resume(self) -> None:
        """Continue, also after a failure or a cancel."""
        self._cancelled = False
        if self._client is not None:
            self._failure = None
            self._client.resume()
            self._worker.post("missing", self.queue_missing)
            self.refresh()
            self._features_arrived()

    def cancel(self) -> None:
        """Drop the waiting photos, or stop fetching or loading another backbone."""
        with self._lock:
            candidate, self._candidate = self._candidate, None
        if candidate is not None:
            candidate.cancel()
            self._dispose(candidate)
            self._notify_encoder(_("The download was cancelled."))
        elif self._client is not None:
            self._cancelled = True
            self._client.cancel()

    def forget_cancel(self) -> None:
        """The user has added photos: an earlier cancel no longer applies."""
        self._cancelled = False

    def set_gentle(self, reason: str) -> None:
        """Slow encoding down because of ``reason``; "" for full speed."""
        with self._lock:
            self._gentle = reason
            clients = [item for item in (self._client, self._candidate) if item is not None]
        for client in clients:
            client.set_gentle(reason)

    def reload_features(self) -> None:
        """Add features that another process has put into the catalogue to those in memory."""
        ids, features = self._catalogue.features.load(self.backbone)
        if not len(ids):
            return
        has, known = self._state.features().lookup(ids)
        other = ~has
        if has.any():
            other[has] = (features[has] != known).any(axis=1)
        if other.any():
            self._state.add_features(ids[other], features[other])
            self._worker.post("predict", self._predict)
            self._features_arrived()

    def _keep_features(
        self,
        backbone: str,
        ids: NDArray[np.int64],
        features: NDArray[np.float16],
        sent: Sequence[str],
    ) -> None:
        """Commit features of photos that are still what was sent to the encoder.

        The feature of another picture, which had the place before, would decide whose the
        annotations are.  ``sent``: the photos' fingerprints at that time.

        Raises:
            CatalogueError: with a sentence for the user.
        """
        files = self._catalogue.images.files(ids)
        same = np.array([file.fingerprint == then for file, then in zip(files, sent, strict=True)])
        self._encode_again(ids[~same].tolist())
        # What has changed since it was scanned is encoded again after the next scan.
        same &= [is_unchanged(file.path, file.size, file.modified) for file in files]
        if not same.all():
            log.info("%d photos changed while they were encoded", np.count_nonzero(~same))
            ids, features = ids[same], features[same]
        self._catalogue.features.append(backbone, ids, features)
        if backbone == self.backbone:
            self._state.add_features(ids, features)
            self._worker.post("predict", self._predict, PREDICT_SECONDS)
            self._features_arrived()

    def _photos_failed(self, failures: Sequence[PhotoFailure], sent: Sequence[str]) -> None:
        """Mark photos that cannot be encoded as unreadable, with the reason, as far as they are
        still what was sent; ``sent`` as in :meth:`_keep_features`."""
        files = self._catalogue.images.files([item.id for item in failures])
        for item, file, then in zip(failures, files, sent, strict=True):
            if file.fingerprint == then:
                self._catalogue.images.mark_unreadable(item.id, item.reason)
            else:
                self._encode_again([item.id])
        self._images_changed()

    def _encode_again(self, ids: Sequence[int]) -> None:
        """These photos have another picture now than the one that was encoded."""
        client = self._client
        if ids and client is not None:
            client.add(ids)

    # ----------------------------------------------------------------------------- weights

    def refresh(self) -> None:
        """Classes or the active version changed: compute weights and scores again, in the
        background."""
        self._worker.post("weights", self._refresh_weights)

    def refresh_scores(self) -> None:
        """Images appeared: score those that have a feature already."""
        self._worker.post("predict", self._predict)

    def _predict(self) -> None:
        if self._state.predict():
            self._notify(PredictionsChanged())
        facts = self.facts()
        count = len(self._state.features().ids)
        if facts is not None and facts.bias is None and count >= 2 * self._calibrated_with:
            self._refresh_weights()

    def facts(self) -> ModelFacts | None:
        """Facts about the backbone in use; None until it has been loaded once."""
        return self._facts_of(self.backbone)

    @property
    def last_device(self) -> str:
        """The device the backbone last ran on, as the user reads it; "" if it never ran."""
        facts = self.facts()
        return facts.device if facts is not None else ""

    def _facts_of(self, backbone: str) -> ModelFacts | None:
        return ModelFacts.from_setting(self._catalogue.settings.get(setting_name(backbone)))

    def _refresh_weights(self) -> None:
        classes = self._state.snapshot.classes
        merged = merged_into(self._catalogue.classes.all(archived=True))
        texts = _texts(classes, merged)
        facts = self.facts()
        if facts is None:
            self._encode_texts(texts or ["photo"])
            return
        known = self._catalogue.features.texts(self.backbone, texts, facts.variant)
        self._encode_texts([text for text in texts if text not in known])
        features = self._state.features().matrix
        self._calibrated_with = max(1, len(features))
        weights = library_weights(classes, facts, known, features, self._active_version(), merged)
        self._state.set_weights([entry.id for entry in classes], weights)
        if self._state.predict():
            self._notify(PredictionsChanged())

    def weights_with(self, record: PromptSetRecord | None) -> ClassWeights | None:
        """The weights with another prompt set (None: zero-shot); None before the backbone was ever
        loaded.

        Raises:
            trainer.prompt_set.PromptSetError: if it cannot be read.
        """
        facts = self.facts()
        if facts is None:
            return None
        classes = self._state.snapshot.classes
        merged = merged_into(self._catalogue.classes.all(archived=True))
        texts = _texts(classes, merged)
        known = self._catalogue.features.texts(self.backbone, texts, facts.variant)
        features = self._state.features().matrix
        version = Version.load(record) if record is not None else None
        return library_weights(classes, facts, known, features, version, merged)

    def forget_version(self, version_id: int) -> None:
        """The record of a prompt set has changed: read it again when it is needed."""
        if self._version is not None and self._version[0] == version_id:
            self._version = None

    def _active_version(self) -> Version | None:
        record = self._catalogue.prompt_sets.active(self.backbone)
        if record is None:
            return None
        if self._version is None or self._version[0] != record.id:
            try:
                self._version = (record.id, Version.load(record))
            except PromptSetError as error:
                title = _("The active version cannot be read")
                message = _("Predictions are zero-shot until you choose another version.")
                self._notify(Problem(title, message, str(error)))
                return None
        return self._version[1]

    def _encode_texts(self, texts: Sequence[str]) -> None:
        """Have texts encoded; weights are refreshed when they arrive."""
        client = self._client
        if client is None or self._failure is not None:
            return
        requested = [text for text in texts if text not in self._requested]
        self._requested.update(requested)
        for start in range(0, len(requested), TEXTS_PER_REQUEST):
            part = requested[start : start + TEXTS_PER_REQUEST]
            with self._lock:
                self._texts_waiting += 1
            future = client.encode_texts(part, ensemble=True)
            backbone = client.backbone
            future.add_done_callback(
                lambda done, part=part, backbone=backbone: self._texts_encoded(backbone, part, done)
            )

    def _texts_encoded(
        self, backbone: str, texts: Sequence[str], future: Future[NDArray[np.float32]]
    ) -> None:
        def keep() -> None:
            try:
                self._requested.difference_update(texts)
                facts = self._facts_of(backbone)
                error = future.exception()
                if error is not None:
                    self._texts_failed(error)
                elif facts is not None:
                    found = dict(zip(texts, future.result(), strict=True))
                    self._catalogue.features.put_texts(backbone, found, facts.variant)
                    if backbone == self.backbone:
                        self._refresh_weights()
            finally:
                with self._lock:
                    self._texts_waiting -= 1

        self._worker.post(f"texts {next(self._numbers)}", keep)

    def _texts_failed(self, error: BaseException) -> None:
        kind = error.kind if isinstance(error, EncoderError) else "error"
        if self._failure is None and kind != "cancelled":
            title = _("Some classes have no predictions")
            self._notify(
                Problem(
                    title,
                    _("{error} Their names could not be read by the model.").format(error=error),
                )
            )

    def encode_words(
        self, words: str, *, ensemble: bool = False
    ) -> tuple[EncoderClient, Future[NDArray[np.float32]]] | None:
        """Have words encoded as they are or, with ``ensemble``, within the templates of class
        names.

        Returns:
            The client that encodes them and the future of (1, D) float32, which may raise
            :class:`EncoderError`; None where this session starts no encoder.
        """
        client = self._client
        return client and (client, client.encode_texts([words], ensemble=ensemble))

    def encode_turned(
        self, backbone: str, path: Path
    ) -> tuple[EncoderClient, Future[NDArray[np.float32]]] | None:
        """Have a photo encoded by ``backbone`` as if its pixels were turned, see
        :meth:`EncoderClient.encode_turned`.

        Returns:
            The client that encodes it and the future; None where photos are not encoded now, or by
            another backbone.
        """
        client = self._client
        if client is None or self._cancelled or client.backbone != backbone:
            return None
        return client, client.encode_turned(path)

    @property
    def starts_encoder(self) -> bool:
        """Whether this session may start an encoder."""
        return self._encode

    def uses(self, client: EncoderClient) -> bool:
        """Whether ``client`` is in use, and not replaced because of another device or backbone."""
        return self._client is client

    @property
    def loaded(self) -> bool:
        """Whether texts are encoded at once, without loading a model first."""
        client = self._client
        return client is not None and client.loaded

    # ---------------------------------------------------------------------------- backbone

    def _became_ready(self, backbone: str, ready: EncoderReady) -> None:
        """An encoder has loaded its backbone."""
        facts = ModelFacts.of(ready)
        self._catalogue.settings.set(setting_name(backbone), facts.to_setting())
        with self._lock:
            candidate = self._candidate
            adopt = candidate is not None and candidate.backbone == backbone
            if adopt:
                old, self._client, self._candidate = self._client, candidate, None
            else:
                old = None
        self._failure = None
        self.device = ready.device
        if adopt:
            self._dispose(old)
            self._use(backbone)
        elif backbone == self.backbone:
            self._notify_encoder()
            self.refresh()

    def _use(self, backbone: str) -> None:
        self.backbone = backbone
        self._settings.set(BACKBONE, backbone)
        self._requested.clear()
        self._version = None
        self._notify_encoder()
        self._worker.post("features", self._load_features)

    def backbones(self) -> list[BackboneInfo]:
        """Backbones to offer, the bundled one first."""
        return offered_backbones(self.backbone)

    def set_backbone(self, name: str) -> None:
        """Change to ``name``; the old one stays in use until the new one has loaded.  Photos are
        encoded again unless their features are kept."""
        with self._lock:
            if name == self.backbone and self._candidate is None:
                return
            old_candidate, self._candidate = self._candidate, None
            self._dispose(old_candidate)
            if name == self.backbone:
                return
            if not self._encode:
                self._use(name)
                return
            self._candidate = candidate = self._new_client(name)
        self._notify_encoder(_("Loading {name}").format(name=name))
        # Any text will do: a request makes the encoder start.
        candidate.encode_texts(["photo"], ensemble=True)

    def set_device(self, device: str) -> None:
        """Choose "auto", "cpu", "cuda" or "mps"; the encoder is started again on it."""
        self._settings.set(DEVICE, device)

    def _use_device(self, device: str) -> None:
        with self._lock:
            self._chosen_device = device
            if not self._encode:
                return
            old, self._client = self._client, self._new_client(self.backbone)
            self._requested.clear()
            self._failure = None
        self._dispose(old)
        self.device = ""
        self._notify_encoder()
        self._worker.post("missing", self.queue_missing)
        self.refresh()

    def _encoder_failed(self, backbone: str, error: EncoderError, details: str) -> None:
        """An encoder has stopped because of an error."""
        with self._lock:
            candidate = self._candidate
            refused = candidate is not None and candidate.backbone == backbone
            if refused:
                self._candidate = None
            elif backbone == self.backbone:
                self._failure = error
                self._requested.clear()
        if refused:
            self._dispose(candidate)
            message = _("{error} {backbone} stays in use.").format(
                error=error, backbone=self.backbone
            )
        else:
            message = str(error)
        title = (
            _("{backbone} cannot be used").format(backbone=backbone)
            if refused
            else _("Encoding has stopped")
        )
        self._notify_encoder(message)
        self._notify(Problem(title, message, details))

    def _notify_encoder(self, message: str = "") -> None:
        self._notify(EncoderChanged(self.device, self.backbone, message))

    def _dispose(self, client: EncoderClient | None) -> None:
        if client is not None:
            threading.Thread(target=client.close, name="closing an encoder", daemon=True).start()


def _remove_leftovers(chunks: Path) -> None:
    """Remove feature chunks of processes that have ended; their photos are encoded again."""
    if not chunks.is_dir():
        return
    import psutil  # noqa: PLC0415 - not needed to open a window

    for folder in chunks.iterdir():
        number = folder.name.partition("-")[0]
        alive = number.isdecimal() and psutil.pid_exists(int(number))
        if not alive or int(number) == os.getpid():
            shutil.rmtree(folder, ignore_errors=True)


def _texts(classes: Sequence[ClassEntry], merged: Mapping[int, Sequence[ClassEntry]]) -> list[str]:
    """The prompt texts of classes and of those that were merged into them, each once."""
    others = [entry for gone in merged.values() for entry in gone]
    return sorted({prompt_text(entry) for entry in (*classes, *others)})
