"""Predictions for a folder of features, without a catalogue of its photos (Qt-free).

Everything goes shard by shard, so that memory does not grow with the number of photos.
"""

from __future__ import annotations

import json
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.predictions import predicted_classes
from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.domain.strictness import Strictness, from_stored
from lmpt_desktop.engine.child_process import TRAINER
from lmpt_desktop.engine.class_weights import Version, library_weights, merged_into, texts_of
from lmpt_desktop.engine.encoding.encoder import EncoderClient, EncoderError
from lmpt_desktop.engine.encoding.model_facts import ModelFacts
from lmpt_desktop.engine.notices import Activity
from lmpt_desktop.inference.predict import predict
from lmpt_desktop.inference.weights import SAMPLE_IMAGES, ClassWeights, WindowSample
from lmpt_desktop.inference.window_cosines import WindowCosines, window_cosines
from lmpt_desktop.settings import BAND_LIMITS, STRICTNESS, Settings, Storage
from trainer import checked_json
from trainer.bands import Band, BandLimits
from trainer.checked_json import Count, JsonError
from trainer.events import EncoderAway, EncoderReady, PhotoFailure
from trainer.feature_folder import (
    PHOTOS_NAME,
    FeatureFolderError,
    read_header,
    read_manifest,
    read_shard,
    shard_paths,
)
from trainer.mapped_features import MappedFeatures
from trainer.regular_file import open_regular

BLOCK_PHOTOS = 4096
_SHARDS = 4
"""Kept in memory: photos that are copies have their features in other shards."""
_SAMPLE_SHARDS = 64
_MOST_LINE = 65_536


@dataclass(frozen=True)
class Vocabulary:
    """Classes, and what is known of them: ``version`` None for zero-shot."""

    classes: Sequence[ClassEntry]
    merged: Mapping[int, Sequence[ClassEntry]]
    version: Version | None = None
    strictness: Strictness = field(default_factory=Strictness)
    limits: BandLimits | None = None

    @classmethod
    def of_library(cls, catalogue: Catalogue, backbone: str) -> Vocabulary:
        """The classes of a library, and its active version for this backbone.

        Raises:
            trainer.prompt_set.PromptSetError: if the version cannot be read.
        """
        record = catalogue.prompt_sets.active(backbone)
        settings = Settings(Storage.LIBRARY, catalogue.settings.get, catalogue.settings.set)
        return cls(
            catalogue.classes.all(),
            merged_into(catalogue.classes.all(archived=True)),
            None if record is None else Version.load(record),
            from_stored(settings.get(STRICTNESS)),
            settings.get(BAND_LIMITS),
        )


@dataclass(frozen=True)
class Line:
    """Of ``photos.jsonl``."""

    path: str
    shard: str = ""
    row: Count = 0
    reason: str = ""


@dataclass(frozen=True, eq=False)
class _Shard:
    """``features`` (n, D) and ``windows`` (n, W, D), None if the backbone makes none."""

    features: NDArray[np.float16]
    windows: NDArray[np.int8] | None


@dataclass(frozen=True, eq=False)
class ScoredBlock:
    """``paths`` of n photos, their scores (n, C) and whether each class is predicted (n, C)."""

    paths: list[str]
    scores: NDArray[np.float32]
    predicted: NDArray[np.bool_]


class FeaturePredictions:
    """The predictions for a folder."""

    def __init__(self, folder: Path, facts: ModelFacts, vocabulary: Vocabulary,
                 texts: Mapping[str, NDArray[np.float32]]) -> None:  # fmt: skip
        """``texts``: embeddings of :func:`texts_to_encode`.

        Raises:
            FeatureFolderError: if a shard or the manifest is damaged.
        """
        self._folder = folder
        self._base = read_manifest(folder).source
        self._shards: OrderedDict[str, _Shard] = OrderedDict()
        self._paths = {path.name: path for path in shard_paths(folder)}
        # Windows are read with what is known of the photos; features alone need not be.
        self._mapped = None if facts.windows else MappedFeatures.open(folder)
        self.classes = vocabulary.classes
        if self._mapped is None:
            features, sample = _windowed_sample(list(self._paths.values()))
        else:
            count = self._mapped.count
            spread = np.linspace(0, max(count - 1, 0), min(count, SAMPLE_IMAGES))
            features, sample = self._mapped.take(np.unique(spread.astype(np.int64))), None
        self.weights: ClassWeights = library_weights(
            vocabulary.classes, facts, texts, features, vocabulary.version, vocabulary.merged,
            sample=sample,
        )  # fmt: skip
        ids = np.array([entry.id for entry in vocabulary.classes], np.int64)
        self._thresholds = vocabulary.strictness.applied(self.weights.thresholds, ids)
        self._limits = vocabulary.limits

    def bands(self, done: Callable[[int], None]) -> list[Band]:
        """The band of every class: by how many photos it is predicted for.

        Args:
            done: called with the number of photos looked at.
        """
        counts = np.zeros(len(self.classes), np.int64)
        photos = 0
        for block in self.blocks():
            photos += len(block.paths)
            own = predicted_classes(block.scores, self.weights.thresholds)
            counts += np.count_nonzero(own, axis=0)
            done(photos)
        return (self._limits or BandLimits.for_library(photos)).bands(counts)

    def blocks(self) -> Iterator[ScoredBlock]:
        """All photos that have a feature.

        Raises:
            FeatureFolderError: if something is damaged or missing.
        """
        for lines in _blocks(line for line in photo_lines(self._folder) if line.shard):
            features, windows = self._features(lines)
            cosines = None
            if windows is not None and self.weights.window_embeddings is not None:
                cosines = WindowCosines(
                    window_cosines(features, windows, self.weights.window_embeddings),
                    np.ones(len(features), np.bool_),
                )
            scores = predict(features, self.weights, cosines)
            paths = [whole_path(self._base, line.path) for line in lines]
            yield ScoredBlock(paths, scores, predicted_classes(scores, self._thresholds))

    def refused(self) -> Iterator[tuple[str, str]]:
        """Photos without a feature, and why."""
        for line in photo_lines(self._folder):
            if not line.shard:
                yield whole_path(self._base, line.path), line.reason

    def _features(
        self, lines: Sequence[Line]
    ) -> tuple[NDArray[np.float16], NDArray[np.int8] | None]:
        places: dict[str, list[int]] = {}
        for place, line in enumerate(lines):
            places.setdefault(line.shard, []).append(place)
        features: NDArray[np.float16] | None = None
        windows: NDArray[np.int8] | None = None
        for name, some in places.items():
            shard = self._shard(name)
            rows = [lines[place].row for place in some]
            if max(rows) >= len(shard.features):
                raise FeatureFolderError(f"{name} is damaged: it lacks features.")
            if features is None:
                features = np.empty((len(lines), shard.features.shape[1]), np.float16)
                if shard.windows is not None:
                    windows = np.empty((len(lines), *shard.windows.shape[1:]), np.int8)
            features[some] = shard.features[rows]
            if windows is not None and shard.windows is not None:
                windows[some] = shard.windows[rows]
        assert features is not None
        return features, windows

    def _shard(self, name: str) -> _Shard:
        if name not in self._shards:
            if name not in self._paths:
                raise FeatureFolderError(f"{self._folder} is not whole: {name} is missing.")
            if self._mapped is None:
                arrays = read_shard(self._paths[name])[1]
                self._shards[name] = _Shard(arrays.features, arrays.windows)
            else:
                self._shards[name] = _Shard(self._mapped.shard(name).read(), None)
        self._shards.move_to_end(name)
        while len(self._shards) > _SHARDS:
            self._shards.popitem(last=False)
        return self._shards[name]


def photo_lines(
    folder: Path, wanted: Callable[[bytes], bool] = lambda text: True
) -> Iterator[Line]:
    """What ``photos.jsonl`` says of the photos, of those lines that are ``wanted`` as they are.

    Raises:
        FeatureFolderError: if it cannot be read or is damaged.
    """
    path = folder / PHOTOS_NAME
    try:
        with open_regular(path) as file:
            while text := file.readline(_MOST_LINE):
                if wanted(text):
                    yield checked_json.to_type(json.loads(text), Line)
    except OSError as error:
        raise FeatureFolderError(f"{path} cannot be read: {error}") from error
    except (JsonError, ValueError, RecursionError) as error:
        raise FeatureFolderError(f"{path} is damaged: {error}") from error


def encoded_with(folder: Path) -> EncoderReady:
    """What is known of the backbone that has made the features.

    Raises:
        FeatureFolderError: if there are none.
    """
    paths = shard_paths(folder)
    if not paths:
        raise FeatureFolderError(f"{folder} has no features.")
    return read_header(paths[0]).backbone


def texts_to_encode(vocabulary: Vocabulary) -> list[str]:
    """What the model reads of the classes."""
    others = [entry for gone in vocabulary.merged.values() for entry in gone]
    return sorted({text for entry in (*vocabulary.classes, *others) for text in texts_of(entry)})


def encode_texts(
    texts: Sequence[str],
    made_with: EncoderReady,
    device: str,
    command: Sequence[str] = (*TRAINER, "encode"),
    *,
    ensemble: bool = True,
) -> dict[str, NDArray[np.float32]]:
    """Embeddings (D,) of texts, by an encoder that is started for them.

    ``ensemble``: average over the backbone's prompt templates, as for class names.

    Raises:
        EncoderError: if that is not possible.
        FeatureFolderError: if the features are of another version of the backbone.
    """
    sink = _Sink()
    with tempfile.TemporaryDirectory() as temporary:
        client = EncoderClient(
            made_with.backbone, device, Path(temporary) / "encode", sink, command=command
        )
        try:
            found = client.encode_texts(texts, ensemble=ensemble)
            sink.wait_for = found
            embeddings = found.result()
        finally:
            client.close()
    here, there = ModelFacts.of(made_with), sink.facts
    if there is None or (here.dim, here.variant) != (there.dim, there.variant):
        raise FeatureFolderError(
            "The features are by another version of the backbone "
            f"{made_with.backbone}. Encode the photos again with this version."
        )
    return dict(zip(texts, embeddings, strict=True))


class _Sink:
    """Takes no photos; an encoder that has stopped ends the wait for texts."""

    def __init__(self) -> None:
        self.facts: ModelFacts | None = None
        self.wait_for: Future[NDArray[np.float32]] | None = None

    def photo_paths(self, ids: Sequence[int]) -> list[Path]:
        return []

    def encoder_ready(self, ready: EncoderReady) -> None:
        self.facts = ModelFacts.of(ready)

    def photos_encoded(
        self,
        ids: NDArray[np.int64],
        features: NDArray[np.float16],
        windows: NDArray[np.int8] | None,
    ) -> None:
        pass

    def photos_failed(self, failures: Sequence[PhotoFailure]) -> None:
        pass

    def encoder_failed(self, error: EncoderError, details: str) -> None:
        pass

    def encoder_away(self, away: EncoderAway) -> None:
        pass

    def encoder_activity(self, activity: Activity) -> None:
        pass


def _windowed_sample(paths: Sequence[Path]) -> tuple[NDArray[np.float16], WindowSample]:
    """Features of photos evenly spread over the folder, and their windows."""
    chosen = [paths[place] for place in np.unique(
        np.linspace(0, len(paths) - 1, min(len(paths), _SAMPLE_SHARDS)).astype(int)
    )]  # fmt: skip
    each = -(-SAMPLE_IMAGES // len(chosen))
    features: list[NDArray[np.float16]] = []
    windows: list[NDArray[np.int8]] = []
    for path in chosen:
        arrays = read_shard(path)[1]
        count = len(arrays.features)
        rows = np.unique(np.linspace(0, max(count - 1, 0), min(count, each)).astype(int))
        features.append(arrays.features[rows])
        windows.append(arrays.windows[rows])
    joined = np.concatenate(features)
    return joined, WindowSample(joined, np.concatenate(windows))


def _blocks(lines: Iterator[Line]) -> Iterator[list[Line]]:
    while block := list(islice(lines, BLOCK_PHOTOS)):
        yield block


def whole_path(base: str, path: str) -> str:
    """The path or address of a photo."""
    if "://" in base:
        return f"{base.rstrip('/')}/{path}"
    return str(Path(base, path))
