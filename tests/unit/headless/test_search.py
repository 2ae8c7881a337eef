"""``search`` finds encoded photos by words, without a library."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_encoder import DIM, SCALE, photo_vector, text_vector

from lmpt_desktop.command_line import ExitCode
from lmpt_desktop.engine import feature_search
from lmpt_desktop.engine.session import Commands
from lmpt_desktop.headless.search import main
from lmpt_desktop.paths import HOME_VARIABLE
from trainer import feature_folder
from trainer.events import PROTOCOL, EncoderReady
from trainer.feature_folder import FORMAT, PhotoRecord, ShardArrays, ShardHeader

SUPPORT = Path(__file__).parents[2] / "support"
BACKBONE = EncoderReady(PROTOCOL, "fake/zero", DIM, "CPU", SCALE, -5.0, ["{}"])
NAMES = [["dog_1.jpg", "dog+cat_1.jpg", "kite_1.jpg"], ["cat_\udcff.jpg", "dog_2.jpg"]]

Search = Callable[..., int]


@pytest.fixture
def search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Search:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    encoder = [sys.executable, str(SUPPORT / "fake_encoder.py")]
    return lambda *arguments: main([str(item) for item in arguments], Commands(encode=encoder))


def digest(name: str) -> str:
    return f"{abs(hash(name)):032x}"


def write_shard(folder: Path, number: int, names: Sequence[str], *others: PhotoRecord) -> None:
    records = [PhotoRecord(name, 1, 1, digest(name), digest(name), row)
               for row, name in enumerate(names)]  # fmt: skip
    rows = np.stack([photo_vector(Path(name)) for name in names]).astype(np.float16)
    feature_folder.write_shard(
        feature_folder.shard_path(folder, number, 0, 1),
        ShardHeader(FORMAT, "/photos", BACKBONE, [*records, *others]),
        ShardArrays(rows, np.zeros((len(rows), 0, DIM), np.int8), rows[0]),
    )


@pytest.fixture
def features(tmp_path: Path) -> Path:
    """Two shards, with a copy of a photo in the other one, and one that was refused."""
    folder = tmp_path / "features"
    feature_folder.prepare(folder)
    copy = PhotoRecord("copy.jpg", 1, 1, digest("kite_1.jpg"), digest("kite_1.jpg"))
    write_shard(folder, 1, NAMES[0])
    write_shard(folder, 2, NAMES[1], copy, PhotoRecord("bad.jpg", 1, 1, reason="Damaged."))
    feature_folder.write_manifest(folder, complete=True)
    return folder


def rows_of(text: str) -> list[tuple[str, str, float]]:
    table = csv.DictReader(io.StringIO(text, newline=""))
    return [(row["text"], Path(row["path"]).name, float(row["similarity"])) for row in table]


def test_each_text_finds_its_photos_with_their_cosines(
    search: Search, features: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert search(features, "dog", " a  kite", "dog", "kite", "--count", 3) == ExitCode.OK
    found = rows_of(capsys.readouterr().out)
    assert [text for text, _, _ in found] == ["dog"] * 3 + ["a kite"] * 3 + ["kite"] * 3
    assert [name for _, name, _ in found[:3]] == ["dog_1.jpg", "dog_2.jpg", "dog+cat_1.jpg"]
    assert [name for _, name, _ in found[6:8]] == ["copy.jpg", "kite_1.jpg"]
    for text, name, cosine in found:
        if name != "copy.jpg":
            assert cosine == pytest.approx(
                float(text_vector(text) @ photo_vector(Path(name))), abs=1e-3
            )


def test_names_that_are_not_unicode_are_found_and_written(
    search: Search, tmp_path: Path, features: Path
) -> None:
    out = tmp_path / "found.csv"
    assert search(features, "cat", "-o", out) == ExitCode.OK
    rows = rows_of(out.read_text("utf-8"))
    assert len(rows) == 6  # every file with a feature
    assert rows[0][1] == "cat_\\udcff.jpg"


def test_texts_that_are_too_many_for_one_pass_find_the_same(
    search: Search,
    features: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert search(features, "dog", "cat", "kite") == ExitCode.OK
    wanted = capsys.readouterr().out
    monkeypatch.setattr(feature_search, "_FEATURES_AT_ONCE", 11)  # of five photos: two texts
    assert feature_search.FeatureSearch(features).passes(3) == 2
    assert search(features, "dog", "cat", "kite") == ExitCode.OK
    assert capsys.readouterr().out == wanted


def test_a_feature_whose_file_has_changed_since_takes_no_place(
    search: Search, features: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of several records of a path the latest counts."""
    changed = PhotoRecord("dog_1.jpg", 2, 2, digest("other"), digest("other"), 0)
    write_shard(features, 3, ["kite_3.jpg"])
    [path] = [path for path in feature_folder.shard_paths(features) if path.name[:4] == "0003"]
    header, arrays = feature_folder.read_shard(path)
    feature_folder.write_shard(path, replace(header, photos=[changed]), arrays)
    feature_folder.write_manifest(features, complete=True)
    assert search(features, "dog", "--count", 2) == ExitCode.OK
    assert [name for _, name, _ in rows_of(capsys.readouterr().out)] == [
        "dog_2.jpg", "dog+cat_1.jpg",
    ]  # fmt: skip


def test_what_cannot_be_done_has_a_sentence(
    search: Search, tmp_path: Path, features: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert search(tmp_path, "dog") == ExitCode.USAGE
    assert "has no features" in capsys.readouterr().err
    assert search(features, "  ") == ExitCode.USAGE
    assert "Say what to look for" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        search(features, "dog", "--count", "0")
    assert search(features, "dog", "-o", features / "x.csv") == ExitCode.OUTPUT_FAILED
    assert search(features, "dog", "-o", tmp_path / "not" / "there.csv") == ExitCode.USAGE
    last = feature_folder.shard_paths(features)[-1]
    content = last.read_bytes()
    deep = b'{"x":' + b"[" * 100_000
    last.write_bytes(len(deep).to_bytes(8, "little") + deep)
    assert search(features, "dog") == ExitCode.USAGE
    assert "cannot be read as a shard" in capsys.readouterr().err
    last.write_bytes(content)
    with feature_folder.shard_paths(features)[0].open("r+b") as file:
        file.truncate(100)
    assert search(features, "dog") == ExitCode.USAGE
    assert "cannot be read as a shard" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="there are no named pipes")
def test_a_pipe_in_the_place_of_the_list_of_photos_is_not_waited_for(
    search: Search, features: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (features / feature_folder.PHOTOS_NAME).unlink()
    os.mkfifo(features / feature_folder.PHOTOS_NAME)
    assert search(features, "dog") == ExitCode.USAGE
    assert feature_folder.PHOTOS_NAME in capsys.readouterr().err


def test_a_run_that_was_not_finished_is_searched_and_that_is_said(
    search: Search, features: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    feature_folder.write_manifest(features, complete=False)
    assert search(features, "dog") == ExitCode.PARTIAL
    printed = capsys.readouterr()
    assert "has not gone through all its photos" in printed.err
    assert rows_of(printed.out)
