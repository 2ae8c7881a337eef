"""Features are found where they lie in shards, without reading the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trainer import feature_folder
from trainer.events import PROTOCOL, EncoderReady
from trainer.feature_folder import (
    FORMAT,
    FeatureFolderError,
    PhotoRecord,
    ShardArrays,
    ShardHeader,
)
from trainer.mapped_features import MappedFeatures

READY = EncoderReady(PROTOCOL, "tiny", 4, "CPU", 20.0, -4.0, ["a {}"])
ROWS = (3, 0, 2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    feature_folder.prepare(tmp_path)
    for number, rows in enumerate(ROWS, 1):
        records = [PhotoRecord(f"{row}.jpg", 1, 1, reason="No.") for row in range(5)]
        features = np.full((rows, 4), number, np.float16) + np.arange(rows)[:, None] / 8
        feature_folder.write_shard(
            feature_folder.shard_path(tmp_path, 1, 0, number),
            ShardHeader(FORMAT, "/photos", READY, records),
            ShardArrays(
                features.astype(np.float16), np.zeros((rows, 2, 4), np.int8), np.zeros(4, "f2")
            ),
        )
    return tmp_path


def test_blocks_and_single_features_are_those_of_the_shards(folder: Path) -> None:
    features = MappedFeatures.open(folder)
    assert (features.count, features.dim) == (5, 4)
    whole = np.concatenate(
        [feature_folder.read_shard(path)[1].features for path in feature_folder.shard_paths(folder)]
    )
    blocks = list(features.blocks())
    assert [start for start, _block in blocks] == [0, 3]
    assert (np.concatenate([block for _start, block in blocks]) == whole).all()
    wanted = np.array([4, 0, 3, 0, 2])
    assert (features.take(wanted) == whole[wanted]).all()
    assert features.take(np.zeros(0, np.int64)).shape == (0, 4)
    with pytest.raises(IndexError):
        features.take(np.array([5]))


def test_a_damaged_or_missing_shard_is_named(folder: Path, tmp_path: Path) -> None:
    features = MappedFeatures.open(folder)
    first, _second, third = feature_folder.shard_paths(folder)
    third.unlink()
    with pytest.raises(FeatureFolderError, match=third.name):
        features.take(np.array([4]))
    with pytest.raises(FeatureFolderError, match=third.name):
        list(features.blocks())
    content = first.read_bytes()
    for damaged in (
        content[: features.shards[0].offset + 4],
        content.replace(b"F16", b"F32"),
        b"\xff" * 40,
        b"",
    ):
        first.write_bytes(damaged)
        with pytest.raises(FeatureFolderError, match=first.name):
            MappedFeatures.open(folder)
    first.unlink()
    with pytest.raises(FeatureFolderError, match="has no features"):
        MappedFeatures.open(folder / "nothing")
