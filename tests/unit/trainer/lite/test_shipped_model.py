"""The folder the app ships: what is in it, and that plain open_clip reads and runs it."""

import json
import os
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from safetensors import safe_open

from trainer.lite.evaluate import ZeroShot, evaluate
from trainer.lite.export import open_clip_config
from trainer.lite.text_tower import encode
from trainer.lite.texts import TEMPLATES
from trainer.lite.window_offset import window_offset

ROOT = Path(__file__).parents[4]
LITE = ROOT / "resources" / "models" / "lite"
PHOTOS = Path(os.environ.get("LMPT_SHARED", ROOT.parent / "shared")) / "photos"
MOST_BYTES = 48_000_000


@pytest.fixture(scope="module")
def lite() -> ZeroShot:
    return ZeroShot(LITE)


def test_folder_is_complete_and_small():
    files = {f.name: f.stat().st_size for f in LITE.iterdir()}
    assert set(files) == {
        "open_clip_config.json", "open_clip_model.safetensors", "lmpt.json", "MODEL_CARD.md",
    }  # fmt: skip
    assert sum(files.values()) <= MOST_BYTES


def test_weights_are_half_precision_and_finite():
    with safe_open(LITE / "open_clip_model.safetensors", framework="pt") as weights:
        for key in weights.keys():  # noqa: SIM118 - safe_open is no dict
            tensor = weights.get_tensor(key)
            if tensor.is_floating_point():
                assert tensor.dtype == torch.float16, key
                assert torch.isfinite(tensor).all(), key


def test_config_is_what_the_builder_writes():
    assert json.loads((LITE / "open_clip_config.json").read_text()) == open_clip_config()


def test_defaults_for_the_app():
    defaults = json.loads((LITE / "lmpt.json").read_text())
    assert defaults["schema"] == 1
    assert defaults["threshold"] == 0.5
    # A frequency is lower than a score whose threshold is 0.5.
    assert defaults["scale"] > 0 > defaults["bias"] > defaults["frequency_bias"]
    assert defaults["templates"] == list(TEMPLATES)


def test_windows_of_photos_are_above_whole_photos_by_the_offset(tmp_path: Path):
    if not PHOTOS.is_dir():
        pytest.skip(f"no photos in {PHOTOS}")
    rows = json.loads((PHOTOS / "index.json").read_text(encoding="utf-8"))[:12]
    for row in rows:
        row["path"] = str(PHOTOS / row["path"])
    (tmp_path / "index.json").write_text(json.dumps(rows), encoding="utf-8")
    written = json.loads((LITE / "lmpt.json").read_text())["window_offset"]
    # The dozens among the 204 photos give 0.038 to 0.048.
    assert window_offset(LITE, tmp_path) == pytest.approx(written, abs=0.01)


def test_the_model_card_names_limits_and_sources():
    card = (LITE / "MODEL_CARD.md").read_text()
    assert "a small image-text model trained for this app; not CLIP" in card
    for source in ("Apache-2.0", "MiniLM", "Flickr8k", "ImageNet", "COCO"):
        assert source in card


def test_images_are_prepared_as_efficientnet_lite_expects(lite: ZeroShot):
    from PIL import Image

    pixels = lite.preprocess(Image.new("RGB", (40, 90), (127, 255, 0)))
    assert pixels.shape == (3, 260, 260)
    assert pixels[:, 130, 130].tolist() == pytest.approx([0, 1, -127 / 128], abs=1e-5)


@torch.inference_mode()
def test_both_towers_give_unit_vectors_of_one_size(lite: ZeroShot):
    texts = lite.model.encode_text(lite.tokenizer(["a dog", "sky"]), normalize=True)
    images = lite.model.encode_image(torch.zeros(1, 3, 260, 260), normalize=True)
    assert texts.shape == (2, 384)
    assert images.shape == (1, 384)
    assert torch.cat([texts, images]).norm(dim=-1).tolist() == pytest.approx([1, 1, 1], abs=1e-5)


@torch.inference_mode()
def test_text_tower_is_causal(lite: ZeroShot):
    tokens = lite.tokenizer(["a photo of a dog"])
    changed = tokens.clone()
    changed[0, int(tokens.argmax()) + 1 :] = 320
    assert torch.allclose(lite.model.encode_text(tokens), lite.model.encode_text(changed))


@torch.inference_mode()
def test_short_encoding_is_exact(lite: ZeroShot):
    tokens = lite.tokenizer(["a photo of a fire hydrant.", "kite"])
    whole = lite.model.encode_text(tokens, normalize=True)
    assert torch.allclose(encode(lite.model, tokens), whole, atol=1e-5)


def test_tokenizer_is_clips(lite: ZeroShot):
    text = ["a teddy bear on a surfboard"]
    assert torch.equal(lite.tokenizer(text), open_clip.get_tokenizer("ViT-B-32")(text))


def test_related_words_are_near(lite: ZeroShot):
    words = lite.classes(["dog", "puppy", "refrigerator", "sea", "ocean"])
    cosine = words @ words.T
    assert cosine[0, 1] > cosine[0, 2]
    assert cosine[3, 4] > cosine[3, 2]


def test_several_descriptions_are_averaged(lite: ZeroShot):
    names = ["dog", "person", "kite"]
    made = lite.classes(names, {"person": "man; woman", "kite": "kite"})
    mean = lite.classes(["man", "woman"]).mean(axis=0)
    np.testing.assert_allclose(made[1], mean / np.linalg.norm(mean), atol=1e-5)
    np.testing.assert_allclose(made[[0, 2]], lite.classes(names)[[0, 2]], atol=1e-5)


@pytest.mark.skipif(not (PHOTOS / "index.json").is_file(), reason=f"no labelled photos in {PHOTOS}")
def test_finds_things_on_real_photos():
    figures = evaluate(LITE, PHOTOS, resamples=50)
    measured, interval = figures["coco80_map"], figures["coco80_interval_95"]
    assert isinstance(measured, float)
    assert isinstance(interval, list)
    assert measured >= 38
    assert interval[0] < measured < interval[1] + 5  # resampling loses rare classes: biased, wide
    shown = figures["coco80_at_threshold"]
    assert isinstance(shown, dict)
    assert 1 <= shown["predicted_per_photo"] <= 5


def test_score_is_half_where_the_calibration_says(lite: ZeroShot):
    at = np.array([-lite.bias / lite.scale])
    assert lite.scores(at) == pytest.approx(0.5)


def test_common_things_have_common_names(lite: ZeroShot):
    direction = np.array(json.loads((LITE / "lmpt.json").read_text())["name_frequency"])
    names = ["person", "dog", "water", "toaster", "zebra", "microwave"]
    values = lite.classes(names) @ direction
    assert values[:3].min() > values[3:].max()
