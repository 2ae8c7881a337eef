"""Features made elsewhere become those of a library's photos, which are not encoded again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drawn_photos import draw

from lmpt_desktop.__main__ import main
from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.command_line import ExitCode
from lmpt_desktop.engine.encoding.model_facts import ModelFacts, setting_name
from lmpt_desktop.ingest import sync
from lmpt_desktop.settings import BACKBONE
from trainer import feature_folder
from trainer.events import PROTOCOL, EncoderReady
from trainer.feature_folder import FORMAT, PhotoRecord, ShardArrays, ShardHeader
from trainer.identity import photo_identity

DIM, WINDOWS = 4, 2
READY = EncoderReady(PROTOCOL, "tiny", DIM, "CPU", 20.0, -4.0, ["a {}"], windows=WINDOWS)


def made(folder: Path, photos: list[Path], *, ready: EncoderReady = READY, number: int = 1) -> None:
    """A shard in which photo i has the feature and the windows of the unit vector i."""
    records = []
    for row, path in enumerate(photos):
        with path.open("rb") as file:
            identity, _ = photo_identity(file, path.stat().st_size)
        hashes = (identity.picture_hash, identity.fingerprint)
        records.append(PhotoRecord(path.name, path.stat().st_size, 0, *hashes, row))
    features = np.eye(len(photos), ready.dim, dtype=np.float16)
    windows = np.repeat((127 * features).astype(np.int8)[:, None], WINDOWS, axis=1)
    feature_folder.prepare(folder)
    feature_folder.write_shard(
        feature_folder.shard_path(folder, 1, 0, number),
        ShardHeader(FORMAT, "/elsewhere", ready, records),
        ShardArrays(features, windows, np.zeros(ready.dim, np.float16)),
    )


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    draw(folder, 3)
    return folder


def run(features: Path, library: Path, *others: str) -> int:
    return main(["import", str(features), "--library", str(library), *others])


def stored(library: Path) -> dict[str, list[float]]:
    """The feature of each photo by its name; the windows agree with it."""
    with Catalogue.open(library) as catalogue:
        ids, features = catalogue.features.load("tiny")
        windows = dict(
            pair
            for some, block in catalogue.features.windows("tiny")
            for pair in zip(some.tolist(), block, strict=True)
        )
        names = [path.name for path in catalogue.images.paths(ids)]
    for image_id, feature in zip(ids.tolist(), features, strict=True):
        assert (windows[image_id] == (127 * feature).astype(np.int8)).all()
    return dict(zip(names, features.tolist(), strict=True))


def test_every_photo_of_a_picture_gets_its_feature(
    tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = sorted(photos.iterdir())
    made(tmp_path / "features", paths)
    shutil.copy(paths[0], photos / "copy.jpg")
    paths[1].rename(photos / "renamed.jpg")
    library = tmp_path / "library"
    assert run(tmp_path / "features", library, "--photos", str(photos)) == ExitCode.OK
    assert "4 photos got their features by tiny" in capsys.readouterr().err
    rows = np.eye(3, DIM).tolist()
    wanted = {"photo 0.jpg": rows[0], "copy.jpg": rows[0], "renamed.jpg": rows[1]}
    assert stored(library) == wanted | {"photo 2.jpg": rows[2]}
    with Catalogue.open(library) as catalogue:
        assert not len(catalogue.features.missing("tiny"))
        assert catalogue.settings.get(BACKBONE.key) == "tiny"
        facts = ModelFacts.from_setting(catalogue.settings.get(setting_name("tiny")))
        assert facts == ModelFacts.of(READY)
    assert run(tmp_path / "features", library) == ExitCode.OK
    error = capsys.readouterr().err
    assert "0 photos got their features by tiny; 4 had theirs" in error
    assert "has not gone through all its photos" in error
    feature_folder.write_manifest(tmp_path / "features", complete=True)
    assert run(tmp_path / "features", library) == ExitCode.OK
    assert "has not gone through" not in capsys.readouterr().err


def test_pictures_that_the_library_lacks_are_counted(
    tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = sorted(photos.iterdir())
    made(tmp_path / "features", paths)
    paths[2].unlink()
    library = tmp_path / "library"
    assert run(tmp_path / "features", library) == ExitCode.LIBRARY_FAILED
    with Catalogue.open(library) as catalogue:
        sync(catalogue, catalogue.folders.add(photos).id)
        catalogue.settings.set(BACKBONE.key, "lite")
    assert run(tmp_path / "features", library) == ExitCode.PARTIAL
    error = capsys.readouterr().err
    assert "1 of 3 pictures are not in the library" in error
    assert "choose tiny" in error
    assert sorted(stored(library)) == ["photo 0.jpg", "photo 1.jpg"]
    empty = tmp_path / "other library"
    (tmp_path / "none").mkdir()
    options = ("--photos", str(tmp_path / "none"))
    assert run(tmp_path / "features", empty, *options) == ExitCode.NOTHING_FOUND


def test_another_version_of_the_backbone_or_a_damaged_shard_is_refused(
    tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = sorted(photos.iterdir())
    made(tmp_path / "features", paths[:1])
    library = tmp_path / "library"
    assert run(tmp_path / "features", library, "--photos", str(photos)) == ExitCode.OK
    made(tmp_path / "newer", paths, ready=replace(READY, scale=30.0))
    assert run(tmp_path / "newer", library) == ExitCode.USAGE
    assert "another version of the backbone tiny" in capsys.readouterr().err
    made(tmp_path / "features", paths[1:], number=2)
    feature_folder.write_manifest(tmp_path / "features", complete=True)
    shard = feature_folder.shard_path(tmp_path / "features", 1, 0, 2)
    shard.write_bytes(shard.read_bytes()[:200])
    assert run(tmp_path / "features", library) == ExitCode.USAGE
    assert shard.name in capsys.readouterr().err
    shard.unlink()
    assert run(tmp_path / "features", library) == ExitCode.USAGE
    assert f"not whole: {shard.name} is missing" in capsys.readouterr().err
    assert sorted(stored(library)) == ["photo 0.jpg"]


def test_shards_of_other_dimensions_are_refused(
    tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = sorted(photos.iterdir())
    made(tmp_path / "features", paths[:1])
    made(tmp_path / "features", paths[1:], ready=replace(READY, dim=8), number=2)
    library = tmp_path / "library"
    assert run(tmp_path / "features", library, "--photos", str(photos)) == ExitCode.USAGE
    assert "shards of different backbones" in capsys.readouterr().err
    assert sorted(stored(library)) == ["photo 0.jpg"]


def test_a_feature_of_what_a_photo_was_is_not_stored(tmp_path: Path, photos: Path) -> None:
    with Catalogue.open(tmp_path / "library") as catalogue:
        sync(catalogue, catalogue.folders.add(photos).id)
        ids = catalogue.images.table().ids
        prints = [item.fingerprint for item in catalogue.images.files(ids)]
        features = np.eye(len(ids), DIM, dtype=np.float16)
        kept = catalogue.features.append(
            "tiny", [*ids, 999], np.eye(4, dtype=np.float16), made_of=["0" * 32, *prints[1:], "x"]
        )
        assert kept == len(ids) - 1
        assert catalogue.features.load("tiny")[1].tolist() == features[1:].tolist()
