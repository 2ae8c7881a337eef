"""A folder of photos becomes a folder of features: once per picture, whatever happens."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
from drawn_photos import draw
from filelock import FileLock
from PIL import Image

from trainer import encode_folder as command
from trainer import encode_step, feature_folder, folder_encoding, shard_writer
from trainer.backbone import Backbone, load_backbone
from trainer.encode_folder import LOCK_NAME, encode_folder
from trainer.events import FolderEncoded, FolderProgress, Message
from trainer.feature_folder import CHANGED, FeatureFolderError
from trainer.folder_encoding import FolderJob
from trainer.photo_encoder import PhotoEncoder
from trainer.photo_list import SourceError
from trainer.photo_reader import PhotoReader
from trainer.ranks import ONE_PROCESS


class KilledError(BaseException):
    """As if the process ended here."""


@pytest.fixture(autouse=True)
def one_backbone(
    tiny_folder: Path, loaded: Backbone, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[int]]:
    """The tiny backbone, loaded once; how many photos it was given each time."""
    given: list[int] = []
    plain = PhotoEncoder.encode

    def encode(self: PhotoEncoder, count: int, *others: Any) -> Any:
        given.append(count)
        return plain(self, count, *others)

    monkeypatch.setattr(command, "load_backbone", lambda *_, **__: loaded)
    monkeypatch.setattr(PhotoEncoder, "encode", encode)
    monkeypatch.setattr(folder_encoding, "BLOCK_PHOTOS", 3)
    yield given


@pytest.fixture(scope="module")
def loaded(tiny_folder: Path) -> Backbone:
    return load_backbone(f"local-dir:{tiny_folder}", "cpu", fast_images=True)


def encode(source: Path, out: Path, **options: Any) -> FolderEncoded:
    return encode_folder(FolderJob(source, out, threads=1, **options), ONE_PROCESS, lambda _: None)


def lines(out: Path) -> dict[str, dict[str, Any]]:
    """What is said of each photo; its feature instead of where that is."""
    shards = {
        path.name: feature_folder.read_shard(path)[1] for path in feature_folder.shard_paths(out)
    }
    found = {}
    for text in (out / "photos.jsonl").read_text("ascii").splitlines():
        line = json.loads(text)
        if "shard" in line:
            arrays, row = shards[line.pop("shard")], line.pop("row")
            line["feature"] = arrays.features[row].tobytes()
            line["windows"] = arrays.windows[row].tobytes()
        assert line["path"] not in found
        found[line["path"]] = line
    return found


def counts(done: FolderEncoded) -> tuple[int, int, int, int]:
    return done.photos, done.encoded, done.copies, done.refused


# ------------------------------------------------------------------------------ what is made


def test_features_and_windows_are_those_of_the_encoder(tmp_path: Path, loaded: Backbone) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    paths = draw(photos, 5)
    events: list[Message] = []
    job = FolderJob(photos, tmp_path / "out", threads=1)
    done = encode_folder(job, ONE_PROCESS, events.append)
    assert counts(done) == (5, 5, 0, 0)
    assert isinstance(events[-1], FolderProgress)
    assert (events[-1].done, events[-1].encoded) == (5, 5)
    reader = PhotoReader(
        loaded.fast_preprocess or loaded.preprocess,
        at_least=4 * loaded.input_side,
        threads=1,
        window=5,
    )
    reader.add(paths)
    direct = PhotoEncoder(loaded).encode(5, reader.take)
    reader.close()
    found = lines(tmp_path / "out")
    assert [found[path.name]["windows"] for path in paths] == [
        item.tobytes() for item in direct.windows
    ]
    made = np.array([np.frombuffer(found[path.name]["feature"], np.float16) for path in paths])
    assert np.abs(made - direct.features).max() < 1e-3  # batches of other sizes
    manifest = feature_folder.read_manifest(tmp_path / "out")
    assert manifest.complete
    assert manifest.source == str(photos)
    assert manifest.backbone.dim == made.shape[1]
    assert sum(shard.features for shard in manifest.shards) == 5


def test_a_picture_is_encoded_once_however_many_files_show_it(
    tmp_path: Path, one_backbone: list[int]
) -> None:
    [photo] = draw(tmp_path, 1)
    shutil.copy(photo, tmp_path / "zz copy.jpg")
    image = Image.open(photo)
    exif = image.getexif()
    exif[0x010E] = "described"  # other metadata, the same picture
    kept = photo.read_bytes()
    described = tmp_path / "described.jpg"
    segment = b"Exif\0\0" + exif.tobytes().removeprefix(b"Exif\0\0")
    described.write_bytes(
        kept[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + kept[2:]
    )
    exif[0x0112] = 6  # shown in another way: another feature
    segment = b"Exif\0\0" + exif.tobytes().removeprefix(b"Exif\0\0")
    (tmp_path / "turned.jpg").write_bytes(
        kept[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + kept[2:]
    )
    done = encode(tmp_path, tmp_path / "out")
    assert counts(done) == (4, 2, 2, 0)
    assert sum(one_backbone) == 2
    found = lines(tmp_path / "out")
    features = {name: line["feature"] for name, line in found.items()}
    assert features["zz copy.jpg"] == features["described.jpg"] == features["photo 0.jpg"]
    assert features["turned.jpg"] != features["photo 0.jpg"]
    assert len({line["picture_hash"] for line in found.values()}) == 1


def test_what_cannot_be_encoded_has_a_reason_and_is_tried_again_only_if_that_may_pass(
    tmp_path: Path, one_backbone: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    [good, cut] = draw(photos, 2)
    cut.write_bytes(cut.read_bytes()[:150])
    (photos / "text.jpg").write_text("no photo")
    (photos / "empty.jpg").touch()
    (photos / "folder.jpg").mkdir()
    source = photos / "list.txt"
    names = (
        "photo 0",
        "photo 1",
        "text",
        "empty",
        "folder",
        "gone",
        "photo 0",
        "../photos/photo 0",
    )
    source.write_text("".join(f"{name}.jpg\n" for name in names))
    done = encode(source, tmp_path / "out")
    assert counts(done) == (7, 1, 1, 5)
    reasons = {name: line.get("reason") for name, line in lines(tmp_path / "out").items()}
    assert reasons.pop("photo 0.jpg") is None
    assert reasons.pop("../photos/photo 0.jpg") is None
    assert all(reasons.values())
    assert reasons["folder.jpg"] == "This is not a file."
    before = {path.name for path in feature_folder.shard_paths(tmp_path / "out")}
    one_backbone.clear()
    looked = 0
    plain = encode_step.photo_identity

    def look(file: BinaryIO, size: int) -> Any:
        nonlocal looked
        looked += 1
        return plain(file, size)

    monkeypatch.setattr(encode_step, "photo_identity", look)
    (photos / "gone.jpg").write_bytes(good.read_bytes())
    again = encode(source, tmp_path / "out")
    assert looked == 1
    assert counts(again) == (7, 1, 2, 4)
    assert one_backbone == []
    assert {path.name for path in feature_folder.shard_paths(tmp_path / "out")} > before


def test_a_source_without_photos_or_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="There is no"):
        encode(tmp_path / "nowhere", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="no photos"):
        encode(tmp_path / "empty", tmp_path / "out")


# --------------------------------------------------------------------------------- resuming


@pytest.mark.parametrize("shards_before", [0, 1, 3])
def test_a_killed_run_goes_on_where_its_shards_end(
    tmp_path: Path,
    one_backbone: list[int],
    monkeypatch: pytest.MonkeyPatch,
    shards_before: int,
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    paths = draw(photos, 11)
    shutil.copy(paths[0], photos / "z.jpg")
    whole = encode(photos, tmp_path / "whole")
    monkeypatch.setattr(shard_writer, "SHARD_PHOTOS", 2)
    one_backbone.clear()
    plain, written = feature_folder.write_shard, 0

    def dying(*given: Any) -> None:
        nonlocal written
        if written == shards_before:
            raise KilledError
        written += 1
        plain(*given)

    out = tmp_path / "broken"
    with monkeypatch.context() as patch:
        patch.setattr(feature_folder, "write_shard", dying)
        with pytest.raises(KilledError):
            encode(photos, out)
    assert len(feature_folder.shard_paths(out)) == shards_before
    (out / "shards" / ".0001-r0-000009.safetensors.00000000-1-000000000000.lmpt-part").touch()
    kept = feature_folder.read_known(out)
    one_backbone.clear()
    resumed = encode(photos, out)
    assert counts(resumed) == counts(whole) == (12, 11, 1, 0)
    assert sum(one_backbone) == 11 - len(kept.fingerprints)
    mine, theirs = lines(out), lines(tmp_path / "whole")
    for name, line in theirs.items():
        one, other = (
            np.frombuffer(item.pop("feature"), np.float16).astype(np.float32)
            for item in (mine[name], line)
        )
        assert one @ other > 0.9999  # batches of other sizes
        del mine[name]["windows"], line["windows"]
    assert mine == theirs
    one_backbone.clear()
    assert counts(encode(photos, out)) == counts(whole)
    assert one_backbone == []


def test_pictures_during_which_a_run_ended_are_decoded_in_processes_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    draw(photos, 7)
    out = tmp_path / "out"
    with monkeypatch.context() as patch:

        def crash(*_: Any) -> None:
            raise KilledError

        patch.setattr(PhotoEncoder, "encode", crash)
        with pytest.raises(KilledError):
            encode(photos, out)
    apart: list[Path] = []
    plain = PhotoReader.add

    def add(self: PhotoReader, paths: Any) -> None:
        apart.extend(path for path in paths if path in self._apart)
        plain(self, paths)

    monkeypatch.setattr(PhotoReader, "add", add)
    assert counts(encode(photos, out)) == (7, 7, 0, 0)
    # The blocks that were being decoded: the first two, of three photos each.
    assert [path.name for path in apart] == [f"photo {i}.jpg" for i in range(6)]
    apart.clear()
    shutil.copy(photos / "photo 0.jpg", photos / "copy.jpg")
    encode(photos, out)
    assert apart == []


def test_a_changed_photo_is_encoded_again_and_its_old_feature_no_longer_named(
    tmp_path: Path, one_backbone: list[int]
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    first, second = draw(photos, 2)
    encode(photos, tmp_path / "out")
    before = lines(tmp_path / "out")
    Image.new("RGB", (90, 60), "red").save(first)
    one_backbone.clear()
    assert counts(encode(photos, tmp_path / "out")) == (2, 2, 0, 0)
    assert sum(one_backbone) == 1
    after = lines(tmp_path / "out")
    assert after[second.name] == before[second.name]
    assert after[first.name]["feature"] != before[first.name]["feature"]


def test_a_photo_that_changes_while_it_is_read_is_encoded_by_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    first, _second = draw(photos, 2)
    plain = PhotoReader.take

    def take(self: PhotoReader, count: int) -> Any:
        taken = plain(self, count)
        Image.new("RGB", (90, 60), "red").save(first)
        return taken

    with monkeypatch.context() as patch:
        patch.setattr(PhotoReader, "take", take)
        assert counts(encode(photos, tmp_path / "out")) == (2, 1, 0, 1)
    assert lines(tmp_path / "out")[first.name]["reason"] == CHANGED
    assert counts(encode(photos, tmp_path / "out")) == (2, 2, 0, 0)


def test_ctrl_c_keeps_what_was_encoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    draw(photos, 9)
    plain, calls = PhotoEncoder.encode, 0

    def encode_some(self: PhotoEncoder, *given: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return plain(self, *given)

    with monkeypatch.context() as patch:
        patch.setattr(PhotoEncoder, "encode", encode_some)
        with pytest.raises(KeyboardInterrupt):
            encode(photos, tmp_path / "out")
    manifest = feature_folder.read_manifest(tmp_path / "out")
    assert (manifest.complete, manifest.encoded) == (False, 6)
    assert counts(encode(photos, tmp_path / "out")) == (9, 9, 0, 0)


# ---------------------------------------------------------------------- folders of features


def test_features_of_another_backbone_version_or_place_are_not_mixed(
    tmp_path: Path, loaded: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    draw(photos, 2)
    encode(photos, out)
    with monkeypatch.context() as patch:
        patch.setattr(command, "load_backbone", lambda *_, **__: replace(loaded, name="another"))
        with pytest.raises(FeatureFolderError, match="by the backbone"):
            encode(photos, out)
    with monkeypatch.context() as patch:
        other = np.ones((1, loaded.dim), np.float32) / np.sqrt(loaded.dim)
        patch.setattr(Backbone, "encode_images", lambda *_: other)
        with pytest.raises(FeatureFolderError, match="another version of the backbone"):
            encode(photos, out)
    moved = photos.rename(tmp_path / "moved")
    with pytest.raises(FeatureFolderError, match="--moved"):
        encode(moved, out)
    assert counts(encode(moved, out, moved=True)) == (2, 2, 0, 0)


def test_a_folder_of_other_things_or_in_use_is_left_alone(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    draw(photos, 1)
    with pytest.raises(FeatureFolderError, match="neither empty nor a folder of features"):
        encode(photos, photos)
    assert [path.name for path in photos.iterdir()] == ["photo 0.jpg"]
    out = tmp_path / "out"
    out.mkdir()
    with (
        FileLock(out / LOCK_NAME),
        pytest.raises(FeatureFolderError, match="Another process is writing"),
    ):
        encode(photos, out)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b'\\"row\\":0', b'\\"row\\":9'),
        lambda data: data.replace(b"lmpt-features-1", b"lmpt-features-9"),
        lambda data: data.replace(b'\\"fingerprint\\":\\"', b'\\"fingerprint\\":\\"xx', 1),
    ],
)
def test_a_damaged_shard_is_named(tmp_path: Path, damage: Any) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    draw(photos, 2)
    encode(photos, out)
    [shard] = feature_folder.shard_paths(out)
    content = shard.read_bytes()
    damaged = damage(content)
    assert damaged != content
    shard.write_bytes(damaged)
    with pytest.raises(FeatureFolderError, match=shard.name):
        encode(photos, out)
