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
from functools import partial
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
    texts_of,
)
from lmpt_desktop.engine.encoding.backbone_change import BackboneChange, BackboneInUse
from lmpt_desktop.engine.encoding.backbones import BackboneInfo, offered_backbones
from lmpt_desktop.engine.encoding.encoder import EncoderClient, EncoderError
from lmpt_desktop.engine.encoding.feature_rows import FeatureRows
from lmpt_desktop.engine.encoding.model_facts import ModelFacts, setting_name
from lmpt_desktop.engine.encoding.place import HERE, EncodingPlace
from lmpt_desktop.engine.encoding.requests import PhotoMap
from lmpt_desktop.engine.encoding.window_samples import WindowSamples
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.engine.notices import (
    Activity,
    ActivityChanged,
    ActivityKind,
    ActivityState,
    EncoderChanged,
    Notice,
    PredictionsChanged,
    Problem,
)
from lmpt_desktop.engine.tasks import Worker
from lmpt_desktop.inference.weights import ClassWeights, WindowSample
from lmpt_desktop.ingest.file_times import is_unchanged
from lmpt_desktop.settings import BACKBONE, DEVICE, Settings
from lmpt_desktop.translation import _
from trainer.events import EncoderAway, EncoderReady, PhotoFailure, Place
from trainer.prompt_set import PromptSetError
from trainer.suggested import is_downloaded
from trainer.threads import start_thread

log = logging.getLogger(__name__)

TEXTS_PER_REQUEST = 256
Teach = Callable[[Sequence[int], ClassWeights, Version | None], ClassWeights]
"""What verdicts make of the weights of these class ids: :meth:`InstantLearning.weights`."""
_CHUNKS = "encode"
"""The folder of the library in which encoders leave features."""
PREDICT_SECONDS = 0.3
"""Arriving features are scored at intervals of at least this length, not one by one."""


class _ServiceSink:
    """The :class:`EncoderSink` of one client; adds the client's backbone to each call."""

    def __init__(self, service: ModelService, backbone: str) -> None:
        self._service = service
        self._backbone = backbone
        self.client: EncoderClient | None = None
        """What one says that is not in use any more is not heard."""
        self._sent: dict[int, str] = {}
        """Fingerprints of the photos that are being encoded."""

    def photo_paths(self, ids: Sequence[int]) -> list[Path]:
        files = self._service._catalogue.images.files(list(ids))
        self._sent.update(zip(ids, (file.fingerprint for file in files), strict=True))
        return [file.path for file in files]

    def encoder_ready(self, ready: EncoderReady) -> None:
        self._service._became_ready(self._backbone, self.client, ready)

    def photos_encoded(
        self,
        ids: NDArray[np.int64],
        features: NDArray[np.float16],
        windows: NDArray[np.int8] | None,
    ) -> None:
        sent = [self._sent.pop(image_id, "") for image_id in ids.tolist()]
        self._service._keep_features(self._backbone, ids, features, windows, sent)

    def photos_failed(self, failures: Sequence[PhotoFailure]) -> None:
        sent = [self._sent.pop(item.id, "") for item in failures]
        self._service._photos_failed(failures, sent)

    def encoder_away(self, away: EncoderAway) -> None:
        if self._service.uses(self.client) or self._service.change.is_from(self.client):
            self._service._encoder_away(away, in_use=self._service.uses(self.client))

    def encoder_failed(self, error: EncoderError, details: str) -> None:
        if self._service.change.is_from(self.client):
            self._service.change.failed(error, details)
        elif self._service.uses(self.client):
            self._service._encoder_failed(error, details)

    def encoder_activity(self, activity: Activity) -> None:
        if self._service.change.is_from(self.client):
            self._service.change.show(activity)
        elif self._service.uses(self.client):
            self._service._notify(ActivityChanged(activity))
            if (activity.kind, activity.state) == (ActivityKind.ENCODE, ActivityState.IDLE):
                self._service.calibrate()


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
        teach: Teach,
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
        self._teach = teach
        self._base: tuple[tuple[int, ...], ClassWeights] | None = None
        self._place = HERE
        self._refusals: set[tuple[str, str]] = set()
        """What was said of other computers that do not encode."""
        self._own_device = ""
        """What this computer encodes on."""
        self._gentle = ""
        """Why encoding is slowed down, see :mod:`.encoding.throttle`; "" at full speed."""
        self.only_folders: set[int] | None = None
        """Encode photos of these folders only; None: of all."""
        self._state = state
        self._worker = worker
        self._settings = settings
        self._encode = encode
        self._command = list(command)
        self._chunks = catalogue.library_folder / _CHUNKS
        self._lock = threading.RLock()
        self._client: EncoderClient | None = None
        self._requested: set[str] = set()
        self._texts_waiting = 0
        self._cancelled = False
        self._numbers = itertools.count()
        self._calibrated_with = 0
        self._samples = WindowSamples(catalogue.features)
        self._version: tuple[int, Version] | None = None
        in_use = BackboneInUse(
            current=lambda: self.backbone,
            class_texts=self._class_texts,
            new_client=self._new_client,
            adopt=self._adopt,
            dispose=self._dispose,
        )
        self.change = BackboneChange(catalogue, worker, settings, notify, in_use)
        settings.on_change(DEVICE, self._use_device)

    # ---------------------------------------------------------------- starting and stopping

    def start(self) -> None:
        """Load features and predict, in the background; then encode what is missing."""
        if self._encode:
            _remove_leftovers(self._chunks)
            self._client = self._new_client(self.backbone)
        self._worker.post("features", self._load_features)
        if self._encode and self.only_folders is None:
            self._worker.post("next backbone", self._go_on_changing)

    def _go_on_changing(self) -> None:
        if self.backbone == self._settings.get(BACKBONE):  # not one for this session only
            self.change.start_again()

    def close(self) -> None:
        """End the encoder."""
        self.change.close()
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    @property
    def idle(self) -> bool:
        """Nothing is left to encode (or encoding has stopped) and no text is awaited."""
        client = self._client
        if self.change.busy or self._texts_waiting:
            return False
        return client is None or client.settled

    def _new_client(self, backbone: str) -> EncoderClient:
        # A folder of its own, because a client that is closing removes its folder.
        place = f"{os.getpid()}-{abs(hash((backbone, id(self)))) % 100_000}-{next(self._numbers)}"
        folder = self._chunks / place
        sink = _ServiceSink(self, backbone)
        sink.client = EncoderClient(
            backbone,
            self._chosen_device,
            folder,
            sink,
            command=self._command,
            gentle=self._gentle,
            place=self._place,
            make_folder=lambda folder: self._catalogue.make_folder(_CHUNKS, folder.name),
        )
        return sink.client

    def _load_features(self) -> None:
        stored = self._catalogue.features
        ids, features, mapped = stored.load_all(self.backbone)
        windowed = np.isin(ids, stored.with_windows(self.backbone))
        self._state.set_features(
            FeatureRows.of(ids, features, windowed, mapped) if len(ids) else None,
            partial(stored.windows, self.backbone),
        )
        self._base = None
        self._calibrated_with = 0
        self._refresh_weights()
        self._features_arrived()
        self.queue_missing()

    # ------------------------------------------------------------------------------ photos

    def queue_missing(self, image_ids: NDArray[np.int64] | None = None) -> None:
        """Encode the photos that lack a feature: of all, or of these ids (n,); then those that lack
        windows only."""
        client = self._client
        if client is not None and not self._cancelled:
            if image_ids is not None and not len(image_ids):
                return
            self._queue(client, self._catalogue.features.missing(self.backbone, image_ids))
            facts = self.facts()
            if facts is None:
                return
            if facts.windows:
                features = self._catalogue.features
                lacking = features.without_windows(self.backbone, facts.windows, image_ids)
                self._queue(client, lacking, again=True)
            elif (
                facts.windows is None
                and len(self._state.features().ids)
                and is_downloaded(self.backbone)
            ):
                # Any text will do: the encoder says whether it makes windows when it starts.
                self._encode_texts(["photo"])

    def _queue(
        self, client: EncoderClient, missing: NDArray[np.int64], *, again: bool = False
    ) -> None:
        if self.only_folders is not None:
            images = self._state.snapshot.images
            inside = np.isin(images.folder_ids, list(self.only_folders))
            missing = missing[np.isin(missing, images.ids[inside])]
        if len(missing):
            client.add(missing.tolist(), again=again)

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
        """Drop the waiting photos, or stop fetching or loading the backbone in use."""
        if self._client is not None:
            self._cancelled = True
            self._client.cancel()

    def forget_cancel(self) -> None:
        """The user has added photos: an earlier cancel no longer applies."""
        self._cancelled = False

    def encode_here(self) -> None:
        """Encode on this computer instead of waiting for another one."""
        if self._client is not None:
            self._client.encode_here()
        self.change.encode_here()

    def set_place(self, place: EncodingPlace) -> None:
        """Encode photos there from now on; the encoder is started again if that is another
        place."""
        with self._lock:
            if place == self._place:
                return
            self._place = place
            client = self._client
        if client is not None:
            self._renew_client()

    def set_gentle(self, reason: str) -> None:
        """Slow encoding down because of ``reason``; "" for full speed."""
        self._gentle = reason
        if self._client is not None:
            self._client.set_gentle(reason)
        self.change.set_gentle(reason)

    def reload_features(self) -> None:
        """Add features that another process has put into the catalogue to those in memory."""
        ids, features = self._catalogue.features.load(self.backbone)
        if not len(ids):
            return
        has, known = self._state.features().lookup(ids)
        other = ~has
        if has.any():
            other[has] = (features[has] != known).any(axis=1)
        stored = self._catalogue.features
        windowed = stored.with_windows(self.backbone)
        other |= np.isin(ids, np.setdiff1d(windowed, self._state.windowed()))
        if other.any():
            whole = other & ~np.isin(ids, windowed)
            self._state.add_features(ids[whole], features[whole])
            for some, windows in stored.windows(self.backbone, ids[other]):
                self._state.add_features(some, features[np.searchsorted(ids, some)], windows)
            self._worker.post("predict", self._predict)
            self._features_arrived()

    def _keep_features(
        self,
        backbone: str,
        ids: NDArray[np.int64],
        features: NDArray[np.float16],
        windows: NDArray[np.int8] | None,
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
            windows = windows[same] if windows is not None else None
        self._catalogue.features.append(backbone, ids, features, windows)
        if backbone == self.backbone:
            self._state.add_features(ids, features, windows)
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

    def calibrate(self) -> None:
        """Compute weights and scores again, in the background, if features have come since that was
        done: how common each class is was estimated from the photos that were there then, and so
        depended on how fast photos and names were read.

        Done whenever nothing is left to encode.
        """
        self._worker.post("calibrate", self._calibrate)

    def _calibrate(self) -> None:
        facts, count = self.facts(), len(self._state.features().ids)
        if facts is None or not count:
            return  # weights come with the first of them
        if not facts.has_prior and not self._samples.needed(facts):
            return  # nothing is estimated
        sampled = not self._samples.needed(facts) or self._samples.complete(
            len(self._state.windowed())
        )
        if sampled and count == self._calibrated_with:
            return
        self._samples.renew()
        self._refresh_weights()

    def refresh_scores(self) -> None:
        """Images appeared: score those that have a feature already."""
        self._worker.post("predict", self._predict)

    def _predict(self) -> None:
        if self._state.predict():
            self._notify(PredictionsChanged())
        facts = self.facts()
        count = len(self._state.features().ids)
        if facts is None:
            return
        if (facts.has_prior and count >= 2 * self._calibrated_with) or (
            self._samples.needed(facts) and self._samples.outdated(len(self._state.windowed()))
        ):
            self._refresh_weights()

    def window_sample(self) -> WindowSample | None:
        """Photos with windows, as :func:`library_weights` needs them for the backbone in use."""
        facts, state = self.facts(), self._state
        if facts is None:
            return None
        return self._samples.of(self.backbone, facts, state.features(), len(state.windowed()))

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

    def _class_texts(self) -> list[str]:
        merged = merged_into(self._catalogue.classes.all(archived=True))
        return _texts(self._state.snapshot.classes, merged)

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
        sample = self.window_sample()
        version = self._active_version()
        weights = library_weights(classes, facts, known, features, version, merged, sample=sample)
        class_ids = tuple(entry.id for entry in classes)
        self._base = class_ids, weights
        self._state.set_weights(class_ids, self._teach(class_ids, weights, version))
        if self._state.predict():
            self._notify(PredictionsChanged())

    def base_weights(self) -> ClassWeights | None:
        """The weights of the version in use (zero-shot where there is none), without what verdicts
        have taught since; None while there are none of the current vocabulary."""
        found = self._base
        classes = self._state.snapshot.classes
        same = found is not None and found[0] == tuple(entry.id for entry in classes)
        return found[1] if found is not None and same else None

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
        sample = self.window_sample()
        return library_weights(classes, facts, known, features, version, merged, sample=sample)

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
                        # After the texts that have arrived meanwhile: learning takes a while.
                        self.refresh()
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
        self, texts: Sequence[str], *, ensemble: bool = False
    ) -> tuple[EncoderClient, Future[NDArray[np.float32]]] | None:
        """Have texts encoded as they are or, with ``ensemble``, within the templates of class
        names.

        Returns:
            The client that encodes them and the future of (n, D) float32, which may raise
            :class:`EncoderError`; None where this session starts no encoder.
        """
        client = self._client
        return client and (client, client.encode_texts(texts, ensemble=ensemble))

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

    def encode_map(
        self, path: Path, *, load: bool
    ) -> tuple[EncoderClient, Future[PhotoMap]] | None:
        """Have the cells of a photo encoded, see :meth:`EncoderClient.encode_map`.

        ``load``: the backbone may be loaded for it, though never downloaded.

        Returns:
            The client that encodes it and the future; None where that is not to be.
        """
        client = self._client
        if client is None or self._failure is not None:
            return None
        if not client.loaded and not (load and is_downloaded(client.backbone)):
            return None
        return client, client.encode_map(path)

    @property
    def chosen_device(self) -> str:
        """ "auto", "cpu", "cuda" or "mps", as the user chose."""
        return self._chosen_device

    @property
    def starts_encoder(self) -> bool:
        """Whether this session may start an encoder."""
        return self._encode

    def uses(self, client: EncoderClient | None) -> bool:
        """Whether ``client`` is in use, and not replaced because of another device or backbone."""
        return client is not None and self._client is client

    @property
    def loaded(self) -> bool:
        """Whether texts are encoded at once, without loading a model first."""
        client = self._client
        return client is not None and client.loaded

    # ---------------------------------------------------------------------------- backbone

    def _became_ready(
        self, backbone: str, client: EncoderClient | None, ready: EncoderReady
    ) -> None:
        """An encoder has loaded its backbone."""
        facts = ModelFacts.of(ready)
        before = self._facts_of(backbone)
        self._catalogue.settings.set(setting_name(backbone), facts.to_setting())
        if self.change.is_from(client):
            self.change.loaded()
        elif self.uses(client):
            self._failure = None
            self.device = self._own_device = ready.device
            self._notify_encoder()
            self.refresh()
            if facts.windows and (before is None or before.windows != facts.windows):
                self._worker.post("missing", self.queue_missing)

    def _adopt(self, backbone: str, client: EncoderClient) -> None:
        """Use a backbone that has encoded the library; its client is loaded."""
        with self._lock:
            old, self._client = self._client, client
        self._dispose(old)
        self._failure = None
        facts = self._facts_of(backbone)
        self.device = facts.device if facts is not None else ""
        self._use(backbone)

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
        """Change to ``name``; the one in use stays until ``name`` has encoded the library, see
        :class:`BackboneChange`.  Features that are kept are not encoded again."""
        if name == self.backbone:
            self.change.cancel()
        elif self._encode:
            self.change.start(name)
        else:
            self._use(name)

    def set_device(self, device: str) -> None:
        """Choose "auto", "cpu", "cuda" or "mps"; the encoder is started again on it."""
        self._settings.set(DEVICE, device)

    def _use_device(self, device: str) -> None:
        self._chosen_device = device
        if self._encode:
            self._renew_client()

    def _renew_client(self) -> None:
        with self._lock:
            old, self._client = self._client, self._new_client(self.backbone)
            self._requested.clear()
            self._failure = None
        self._dispose(old)
        self.device = ""
        self._notify_encoder()
        self._worker.post("missing", self.queue_missing)
        self.refresh()
        self.change.restart()

    def _encoder_away(self, away: EncoderAway, *, in_use: bool) -> None:
        """Where photos are encoded, as the encoder says."""
        if in_use:
            there = away.place is Place.THERE
            self.device = f"{away.device} · {away.machine}" if there else self._own_device
            self._notify_encoder()
        if away.place is Place.REFUSED and (away.machine, away.reason) not in self._refusals:
            self._refusals.add((away.machine, away.reason))
            title = _("Photos are encoded on this computer")
            reason = _("{machine} cannot be used for it: {reason}")
            self._notify(Problem(title, reason.format(machine=away.machine, reason=_(away.reason))))

    def _encoder_failed(self, error: EncoderError, details: str) -> None:
        """The encoder has stopped because of an error."""
        with self._lock:
            self._failure = error
            self._requested.clear()
        self._notify_encoder(str(error))
        self._notify(Problem(_("Encoding has stopped"), str(error), details))

    def _notify_encoder(self, message: str = "") -> None:
        self._notify(EncoderChanged(self.device, self.backbone, message))

    def _dispose(self, client: EncoderClient | None) -> None:
        if client is not None:
            try:
                start_thread(client.close, "closing an encoder")
            except (MemoryError, RuntimeError):
                client.close(timeout=0)  # it ends by itself


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
    """The texts of classes and of those that were merged into them, each once."""
    others = [entry for gone in merged.values() for entry in gone]
    return sorted({text for entry in (*classes, *others) for text in texts_of(entry)})
