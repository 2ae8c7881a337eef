"""Lite in OpenVINO gives the features that torch gives, without loading torch."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from open_clip import SimpleTokenizer
from PIL import Image

from trainer import load_encoder
from trainer.backbone import Backbone, load_backbone
from trainer.cpu_runtime import backbone as runtime
from trainer.cpu_runtime.backbone import RuntimeBackbone, runtime_backbone
from trainer.cpu_runtime.known_texts import FILE_NAME, read_known_texts
from trainer.cpu_runtime.runtime import UnsuitableError
from trainer.cpu_runtime.tokenizer import ClipTokenizer
from trainer.encode import ready_event
from trainer.lite.known_texts import bundled_texts
from trainer.suggested import is_downloaded, lite_folder
from trainer.windows import unit_windows

pytestmark = pytest.mark.skipif(not is_downloaded("lite"), reason="Lite is not built here")

ALMOST_ONE = 0.9995
TEXTS = [
    "dog",
    "a photo of a DOG's bone.",
    "wine &amp; glass",
    "Größe, naïve café",
    "日本語 and 😀",
    "",
    "a rather longer name " * 30,
    "it’s “quoted” <start_of_text>",
]


@pytest.fixture(scope="module", params=["lite", "lite+"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[RuntimeBackbone, Backbone]]:
    name: str = request.param
    yield runtime_backbone(name, 1), load_backbone(name, "cpu", fast_images=True)


def drawn(count: int) -> list[Image.Image]:
    """Smooth shapes with hard edges, as photos have them."""
    random = np.random.default_rng(1)
    across, down = np.meshgrid(np.linspace(0, 6, 320), np.linspace(0, 4, 240))
    made = []
    for _ in range(count):
        pixels = np.stack(
            [127 + 120 * np.sin(a * across + b * down) for a, b in random.normal(0, 2, (3, 2))], -1
        )
        left, top = random.integers(0, 150, 2)
        pixels[top : top + 80, left : left + 120] = random.integers(0, 255, 3)
        made.append(Image.fromarray(pixels.astype(np.uint8)))
    return made


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    one, other = one.astype(np.float64), other.astype(np.float64)
    return (one * other).sum(-1) / np.linalg.norm(one, axis=-1) / np.linalg.norm(other, axis=-1)


def test_features_windows_and_maps_are_torchs(pair: tuple[RuntimeBackbone, Backbone]) -> None:
    fast, plain = pair
    photos = [fast.preparation(photo) for photo in drawn(3)]
    pixels = np.stack(photos)
    features, windows = fast.encode_with_windows(pixels)
    expected, expected_windows = plain.encode_with_windows(torch.from_numpy(pixels))
    assert features.dtype == np.float32
    assert windows.dtype == np.int8
    assert np.linalg.norm(features, axis=1) == pytest.approx(1, abs=1e-5)
    assert cosines(features, expected).min() >= ALMOST_ONE
    assert windows.shape == expected_windows.shape
    assert cosines(unit_windows(windows), unit_windows(expected_windows)).min() >= ALMOST_ONE
    cells = fast.encode_map(pixels[0])
    expected_cells = plain.encode_map(torch.from_numpy(pixels[0]))
    assert (cells.shape, cells.dtype) == (expected_cells.shape, expected_cells.dtype)
    assert cosines(cells, expected_cells).min() >= ALMOST_ONE


def test_photos_are_prepared_as_open_clip_does(pair: tuple[RuntimeBackbone, Backbone]) -> None:
    fast, plain = pair
    assert plain.fast_preprocess is not None
    for photo in (*drawn(2), Image.new("L", (20, 700), 77)):
        got = torch.from_numpy(fast.preparation(photo).copy())
        normalised = plain.fast_preprocess.normalise(got[None])[0]
        assert torch.allclose(normalised, plain.preprocess(photo), atol=1e-5)


def test_texts_are_torchs(pair: tuple[RuntimeBackbone, Backbone]) -> None:
    fast, plain = pair
    assert cosines(fast.encode_texts(TEXTS), plain.encode_texts(TEXTS)).min() >= ALMOST_ONE
    templates = ("{}", "a photo of a {}.")
    filled = fast.encode_texts(TEXTS[:3], templates)
    assert cosines(filled, plain.encode_texts(TEXTS[:3], templates)).min() >= ALMOST_ONE
    assert fast.encode_texts([]).shape == (0, fast.dim)


def test_texts_of_the_bundled_vocabularies_are_known(
    pair: tuple[RuntimeBackbone, Backbone],
) -> None:
    """If this fails: python -m trainer.lite known-texts."""
    fast, plain = pair
    texts = bundled_texts()
    assert set(fast._text.known.of(texts, fast.templates)) == set(texts)
    some = [*texts[::60], "a text that is not known"]
    assert (
        cosines(
            fast.encode_texts(some, fast.templates), plain.encode_texts(some, plain.templates)
        ).min()
        >= ALMOST_ONE
    )
    assert not fast._text.known.of(texts, ("a {}.",))


def test_texts_by_other_weights_are_not_taken(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "lite"
    folder.mkdir(parents=True)
    weights = folder / "open_clip_model.safetensors"
    weights.write_bytes(b"other weights")
    shutil.copy(lite_folder().parent / FILE_NAME, tmp_path / "models")
    assert not read_known_texts(weights).features
    (tmp_path / "models" / FILE_NAME).write_bytes(b"damaged")
    assert not read_known_texts(weights).features


def test_what_is_known_of_it_is_the_same(pair: tuple[RuntimeBackbone, Backbone]) -> None:
    fast, plain = pair
    assert ready_event(fast) == ready_event(plain)
    assert fast.seen(300, 200) == plain.seen(300, 200)


def test_tokens_are_open_clips() -> None:
    own, theirs = ClipTokenizer(), SimpleTokenizer()
    random = np.random.default_rng(2)
    letters = [*range(1, 0x250), *range(0x370, 0x400), *range(0x4E00, 0x4E20), 0x1F600, 0x0301]
    texts = [*TEXTS, *("".join(map(chr, random.choice(letters, 12))) for _ in range(200))]
    assert own.bodies(texts) == [theirs.encode(text) for text in texts]
    assert (own.start, own.end) == (theirs.sot_token_id, theirs.eot_token_id)


WITHOUT_TORCH = """
import sys
from trainer.__main__ import build_parser
build_parser("encode")
from trainer.load_encoder import load_encoder
model = load_encoder("lite", "cpu", 1)
model.encode_texts(["a dog"])
heavy = {"torch", "timm", "open_clip", "torchvision"}
print(type(model).__name__, sorted(heavy & set(sys.modules)))
"""


def test_the_encoder_imports_no_torch() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
        env={key: value for key, value in os.environ.items() if key != load_encoder.TORCH_VARIABLE},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "RuntimeBackbone []"


def test_torch_is_used_where_the_runtime_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("no such instruction\nsecond line")

    monkeypatch.setattr(runtime, "Compiled", fails)
    with caplog.at_level("INFO"):
        made = load_encoder.load_encoder("lite", "cpu", None)
    assert isinstance(made, Backbone)
    assert "lite runs in torch: RuntimeError: no such instruction" in caplog.text


def test_torch_is_used_where_the_runtime_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(UnsuitableError, match="openvino"):
        runtime_backbone("lite", 1)


def test_other_architectures_are_left_to_torch(tiny_folder: Path) -> None:
    with pytest.raises(UnsuitableError, match="another architecture"):
        runtime_backbone(f"local-dir:{tiny_folder}", 1)


@pytest.mark.parametrize(("device", "gpu"), [("auto", True), ("cuda", False)])
def test_a_gpu_is_torchs(device: str, gpu: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_encoder, "may_have_gpu", lambda: gpu)
    monkeypatch.setattr(load_encoder, "_in_torch", lambda *given: given[:2])
    assert load_encoder.load_encoder("lite", device, None) == ("lite", device)
