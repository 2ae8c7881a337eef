"""Lite+: Lite's weights on larger pictures."""

from __future__ import annotations

import io
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from trainer.backbone import Backbone, load_backbone, random_backbone
from trainer.encode import Encoder
from trainer.events import EncodePhotos, PhotosEncoded, parse_line
from trainer.lite.__main__ import main
from trainer.lite.variants import matched
from trainer.process_io import EventStream, Inbox
from trainer.suggested import is_downloaded, lite_folder, zero_shot_figures
from trainer.windows import unit_windows

ROOT = Path(__file__).parents[4]
PHOTOS = Path(os.environ.get("LMPT_SHARED", ROOT.parent / "shared")) / "photos"


@pytest.fixture(scope="module")
def pair() -> tuple[Backbone, Backbone]:
    """Lite and Lite+."""
    return load_backbone("lite", "cpu"), load_backbone("lite+", "cpu", fast_images=True)


@pytest.fixture
def some_photos(tmp_path: Path) -> Path:
    """A folder with an index of the first eight photos."""
    if not PHOTOS.is_dir():
        pytest.skip(f"no photos in {PHOTOS}")
    rows = json.loads((PHOTOS / "index.json").read_text(encoding="utf-8"))[:8]
    for row in rows:
        row["path"] = str(PHOTOS / row["path"])
    (tmp_path / "index.json").write_text(json.dumps(rows), encoding="utf-8")
    return tmp_path


def encoded(backbone: Backbone, paths: list[str], out: Path) -> dict[str, Any]:
    """What the encoder process writes for ``paths``."""
    written = io.StringIO()
    out.mkdir()
    encoder = Encoder(backbone, out, EventStream(written), threads=1)
    inbox = Inbox()
    inbox.put(EncodePhotos("r", list(range(len(paths))), paths))
    inbox.end(stop=False)
    encoder.work(inbox, None)
    encoder.close()
    [answer] = [parse_line(line) for line in written.getvalue().splitlines()]
    assert isinstance(answer, PhotosEncoded)
    return load_file(answer.file)


def test_it_is_lite_with_a_larger_input(pair: tuple[Backbone, Backbone]) -> None:
    lite, plus = pair
    assert (plus.name, plus.input_side, plus.dim) == ("lite+", 390, lite.dim)
    assert plus.fast_preprocess is not None and plus.fast_preprocess.side == 390
    assert plus.resize_mode == lite.resize_mode == "squash"
    assert (plus.windows, plus.templates) == (lite.windows, lite.templates)
    assert plus.name_frequency == lite.name_frequency
    texts = ["dog", "traffic light"]
    np.testing.assert_array_equal(
        lite.encode_texts(texts, lite.templates), plus.encode_texts(texts, plus.templates)
    )


def test_what_was_measured_for_it_is_used(pair: tuple[Backbone, Backbone]) -> None:
    lite, plus = pair
    values = json.loads((lite_folder() / "lmpt.json").read_text("utf-8"))
    own = values["variants"]["lite+"]
    assert (plus.scale, plus.bias) == (own["scale"], own["bias"])
    assert (plus.frequency_bias, plus.window_offset) == (
        own["frequency_bias"],
        own["window_offset"],
    )
    assert (lite.scale, lite.window_offset) == (values["scale"], values["window_offset"])


def test_without_values_of_its_own_it_has_those_of_lite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "lite"
    shutil.copytree(lite_folder(), folder)
    values = json.loads((folder / "lmpt.json").read_text("utf-8"))
    del values["variants"], values["zero_shot"]
    (folder / "lmpt.json").write_text(json.dumps(values), "utf-8")
    monkeypatch.setattr("trainer.backbone_folder.lite_folder", lambda: folder)
    monkeypatch.setattr("trainer.suggested.lite_folder", lambda: folder)
    plus = load_backbone("lite+", "cpu")
    assert (plus.scale, plus.window_offset) == (values["scale"], values["window_offset"])
    assert zero_shot_figures() == {}
    (folder / "lmpt.json").write_text("[]", "utf-8")
    assert zero_shot_figures() == {}


def test_it_is_bundled_and_measured_as_it_is() -> None:
    assert is_downloaded("lite+")
    assert random_backbone("lite+", "cpu").input_side == 390
    figures = zero_shot_figures()
    assert figures.keys() == {"lite", "lite+"}
    assert figures["lite+"].coco80 > figures["lite"].coco80


def test_the_encoder_gives_features_and_windows_of_its_own(
    pair: tuple[Backbone, Backbone], some_photos: Path, tmp_path: Path
) -> None:
    rows = json.loads((some_photos / "index.json").read_text("utf-8"))[:3]
    paths = [row["path"] for row in rows]
    lite, plus = (encoded(one, paths, tmp_path / one.name) for one in pair)
    assert plus["features"].shape == lite["features"].shape == (3, 384)
    assert plus["windows"].shape == (3, 5, 384)
    cosines = (plus["features"].astype(np.float32) * lite["features"]).sum(axis=1)
    # Of the same photos, but not the same.
    assert (cosines > 0.5).all() and (cosines < 0.999).all()
    likeness = (unit_windows(plus["windows"]) * unit_windows(lite["windows"])).sum(axis=2)
    assert (likeness < 0.999).all()


def test_matched_logits_have_the_same_mean_and_spread() -> None:
    random = np.random.default_rng(0)
    reference, cosines = random.normal(0.05, 0.07, 500), random.normal(0.1, 0.04, 500)
    scale, bias = matched(reference, cosines, 14.0, -2.0)
    expected, got = 14.0 * reference - 2.0, scale * cosines + bias
    assert (got.mean(), got.std()) == pytest.approx((expected.mean(), expected.std()))


def test_one_command_measures_and_writes_everything(
    some_photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "model"
    shutil.copytree(lite_folder(), model)
    before = json.loads((model / "lmpt.json").read_text("utf-8"))
    stale = {key: value for key, value in before.items() if key not in ("variants", "zero_shot")}
    (model / "lmpt.json").write_text(json.dumps(stale), "utf-8")
    arguments = ["variants", "--photos", str(some_photos), "--model", str(model)]
    assert main(arguments) == 0
    assert "variants" not in json.loads((model / "lmpt.json").read_text("utf-8"))
    assert "| lite+, 390 pixels |" in capsys.readouterr().out
    assert main([*arguments, "--write"]) == 0
    text = (model / "lmpt.json").read_text("utf-8")
    after = json.loads(text)
    assert after["scale"] == before["scale"]
    assert after["name_frequency"] == before["name_frequency"] and len(text.splitlines()) < 60
    own = after["variants"]["lite+"]
    # Eight photos give about what all of them do.
    assert own["window_offset"] == pytest.approx(
        before["variants"]["lite+"]["window_offset"], abs=0.015
    )
    assert own["scale"] == pytest.approx(before["variants"]["lite+"]["scale"], rel=0.15)
    assert after["zero_shot"]["lite+"]["photos"] == 8
