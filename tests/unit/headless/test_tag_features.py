"""``tag --features`` says of encoded photos what ``tag`` says of the photos."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_photos import draw

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.command_line import ExitCode
from lmpt_desktop.engine import feature_tags
from lmpt_desktop.engine.encoding.model_facts import ModelFacts, setting_name
from lmpt_desktop.engine.session import Commands
from lmpt_desktop.headless.tag import main
from lmpt_desktop.paths import HOME_VARIABLE
from trainer import feature_folder
from trainer.events import PROTOCOL, EncoderReady
from trainer.feature_folder import FORMAT, PhotoRecord, ShardArrays, ShardHeader

SUPPORT = Path(__file__).parents[2] / "support"
NAMES = ["dog_1.jpg", "dog+cat_1.jpg", "kite_1.jpg", "person_1.jpg", "cat_2.jpg"]

Tag = Callable[..., int]


@pytest.fixture
def options() -> dict[str, Any]:
    """Of the fake encoder."""
    return {}


@pytest.fixture
def tag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]) -> Tag:
    monkeypatch.setenv("FAKE_ENCODER", json.dumps(options))
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    encoder = [sys.executable, str(SUPPORT / "fake_encoder.py")]

    def run(*arguments: object) -> int:
        return main([str(item) for item in arguments], Commands(encode=encoder))

    return run


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for path, name in zip(draw(folder, len(NAMES)), NAMES, strict=True):
        path.rename(folder / name)
    return folder


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "words.txt"
    path.write_text("dog\ncat\nflying thing\tkite\n", encoding="utf-8")
    return path


@pytest.fixture
def library(tmp_path: Path, tag: Tag, photos: Path, words: Path) -> Path:
    folder = tmp_path / "library"
    assert tag(photos, "--vocabulary", words, "--library", folder, "-o", tmp_path / "x.csv") == 0
    return folder


@pytest.fixture
def features(tmp_path: Path, photos: Path, library: Path) -> Path:
    """The features of the library, in two shards, with a copy and a photo that was refused."""
    with Catalogue.open(library) as catalogue:
        [backbone] = catalogue.features.backbones()
        ids, rows = catalogue.features.load(backbone)
        names = [path.name for path in catalogue.images.paths(ids)]
        parts = dict(
            pair
            for some, block in catalogue.features.windows(backbone)
            for pair in zip(some.tolist(), block, strict=True)
        )
        facts = ModelFacts.from_setting(catalogue.settings.get(setting_name(backbone)))
    assert facts is not None
    ready = EncoderReady(
        PROTOCOL, backbone, facts.dim, "CPU", facts.scale, facts.bias, list(facts.templates),
        windows=facts.windows or 0, window_offset=facts.window_offset,
    )  # fmt: skip
    folder = tmp_path / "features"
    feature_folder.prepare(folder)
    for number, part in enumerate((slice(0, 3), slice(3, None)), 1):
        records = [
            PhotoRecord(name, 1, 1, digest, digest, row)
            for row, name in enumerate(names[part])
            for digest in [f"{3 * number + row:032x}"]
        ]
        if number == 1:
            person = f"{3 * 2 + 1:032x}"  # in the other shard, and of no class
            records.append(replace(records[0], path="copy.jpg", fingerprint=person, row=-1))
            records.append(PhotoRecord("bad.jpg", 1, 1, reason="The file is damaged."))
        matrix = rows[part]
        windows = np.zeros((len(matrix), 0, facts.dim), np.int8)
        if parts:
            windows = np.stack([parts[image_id] for image_id in ids[part].tolist()])
        feature_folder.write_shard(
            feature_folder.shard_path(folder, 1, 0, number),
            ShardHeader(FORMAT, str(photos), ready, records),
            ShardArrays(matrix, windows, np.zeros(facts.dim, np.float16)),
        )
    feature_folder.write_manifest(folder, complete=True)
    return folder


def rows_of(text: str) -> dict[tuple[str, str], tuple[str, str]]:
    table = list(csv.DictReader(io.StringIO(text, newline="")))
    found = {(row["path"], row["class"]): (row["score"], row["band"]) for row in table}
    assert len(found) == len(table)
    return found


@pytest.mark.parametrize(
    ("block", "options"),
    [(2, {}), (4096, {}), (2, {"windows": True, "bias": None, "window_offset": None})],
)
def test_the_rows_are_those_of_the_photos_and_no_library_is_made(  # noqa: PLR0917
    tag: Tag,
    tmp_path: Path,
    photos: Path,
    features: Path,
    words: Path,
    library: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    block: int,
) -> None:
    monkeypatch.setattr(feature_tags, "BLOCK_PHOTOS", block)
    assert tag(photos, "--library", library, "--all") == ExitCode.OK
    wanted = rows_of(capsys.readouterr().out)
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert tag("--features", features, "--vocabulary", words, "--all") == ExitCode.PARTIAL
    printed = capsys.readouterr()
    found = rows_of(printed.out)
    assert "bad.jpg: The file is damaged." in printed.err
    copies = {key: value for key, value in found.items() if key[0] == str(photos / "copy.jpg")}
    assert len(copies) == 3
    assert len(wanted) == 3 * len(NAMES)
    rest = {key: value for key, value in found.items() if key not in copies}
    assert rest == wanted
    made = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert not [path for path in made if "library" in str(path) or path.suffix == ".db"]
    assert tag("--features", features, "--library", library, "--all") == ExitCode.PARTIAL
    assert rows_of(capsys.readouterr().out) == found


def test_formats_and_sources_are_those_of_tag(
    tag: Tag, tmp_path: Path, features: Path, words: Path
) -> None:
    out = tmp_path / "out.json"
    code = tag("--features", features, "--vocabulary", words, "--source", "-o", out)
    assert code == ExitCode.PARTIAL
    body = json.loads(out.read_text("utf-8"))
    assert body
    assert {row["source"] for row in body} == {"prediction"}
    assert all(row["score"] >= 0.5 for row in body)


def test_what_cannot_be_done_has_a_sentence(  # noqa: PLR0917
    tag: Tag,
    tmp_path: Path,
    photos: Path,
    features: Path,
    words: Path,
    library: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def said(*arguments: object) -> str:
        assert tag(*arguments) == ExitCode.USAGE
        return capsys.readouterr().err

    assert "does without folders" in said("--features", features, photos)
    assert "not both" in said("--features", features, "--library", library, "--vocabulary", words)
    assert "has no features" in said("--features", photos)
    assert "and no others" in said("--features", features, "--backbone", "lite+")
    [first, _second] = feature_folder.shard_paths(features)
    header, arrays = feature_folder.read_shard(first)
    other = replace(header, backbone=replace(header.backbone, scale=99.0))
    feature_folder.write_shard(first, other, arrays)
    assert "another version of the backbone" in said("--features", features, "--vocabulary", words)
    first.unlink()
    assert "is not whole" in said("--features", features, "--vocabulary", words)


def test_features_of_a_run_that_was_not_finished_are_predicted_and_that_is_said(
    tag: Tag, features: Path, words: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    feature_folder.write_manifest(features, complete=False)
    assert tag("--features", features, "--vocabulary", words) == ExitCode.PARTIAL
    printed = capsys.readouterr()
    assert "has not gone through all its photos" in printed.err
    assert rows_of(printed.out)
