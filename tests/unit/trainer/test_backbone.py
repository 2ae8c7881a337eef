"""Loading backbones by every kind of name, from weights that were made here."""

from __future__ import annotations

import copy
import os
import pickle
import warnings
from pathlib import Path
from typing import Any, cast

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from tiny_backbone import tiny_clip

from trainer.backbone import Backbone, BackboneError, load_backbone
from trainer.suggested import SUGGESTED, is_downloaded, weights_file
from trainer.weights import WeightsError, read_weights


def photo() -> Image.Image:
    noise = np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)
    return Image.fromarray(noise)


def feature(backbone: Backbone) -> np.ndarray:
    return backbone.encode_images(backbone.preprocess(photo())[None])[0]


def reference(model: torch.nn.Module, pixels: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        return model.encode_image(pixels, normalize=True)[0].numpy()  # type: ignore[operator]


# --------------------------------------------------------------------------------- folders


def test_a_folder_backbone_loads_with_its_calibration(tiny_folder: Path) -> None:
    backbone = load_backbone(f"local-dir:{tiny_folder}", "cpu")
    assert backbone.dim == 32
    assert (backbone.scale, backbone.bias) == (20.0, -4.5)
    assert backbone.frequency_bias == -6.0
    assert backbone.templates == ("a photo of a {}.", "{}")
    assert backbone.input_side == 64
    assert not any(parameter.requires_grad for parameter in backbone.model.parameters())
    assert not backbone.model.training


def test_features_and_preprocessing_are_open_clips_own(tiny_folder: Path) -> None:
    backbone = load_backbone(f"local-dir:{tiny_folder}", "cpu")
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{tiny_folder}")
    model.eval()
    pixels = cast(Any, preprocess)(photo())
    torch.testing.assert_close(backbone.preprocess(photo()), pixels)
    np.testing.assert_allclose(feature(backbone), reference(model, pixels[None]), atol=1e-5)


def test_a_missing_lite_gives_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.backbone_folder.lite_folder", lambda: tmp_path)
    with pytest.raises(BackboneError, match="missing") as caught:
        load_backbone("lite", "cpu")
    assert caught.value.kind == "bad-weights"


def test_a_folder_with_a_broken_configuration_gives_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "open_clip_config.json").write_text("{", encoding="utf-8")
    with pytest.raises(BackboneError, match="cannot be loaded") as caught:
        load_backbone(f"local-dir:{tmp_path}", "cpu")
    assert caught.value.kind == "bad-weights"


# ----------------------------------------------------------------------------------- texts


def test_text_embeddings_are_open_clips_own(tiny_folder: Path) -> None:
    backbone = load_backbone(f"local-dir:{tiny_folder}", "cpu")
    texts = ["a dog", "a photo of a traffic light at night in the rain", "", "kite " * 100]
    tokens = open_clip.get_tokenizer(f"local-dir:{tiny_folder}")(texts)
    with torch.no_grad():
        expected = backbone.model.encode_text(tokens, normalize=True).numpy()  # type: ignore[operator]
    got = backbone.encode_texts(texts)
    assert got.dtype == np.float32
    # Texts too long for the tower are cut at its end here and there; all others agree.
    np.testing.assert_allclose(got[:3], expected[:3], atol=1e-5)
    assert got[3] @ expected[3] > 0.999


def test_templates_give_the_unit_mean_of_unit_embeddings(tiny_folder: Path) -> None:
    backbone = load_backbone(f"local-dir:{tiny_folder}", "cpu")
    got = backbone.encode_texts(["dog", "cat"], ["a photo of a {}.", "{} and {}"])
    for row, name in zip(got, ["dog", "cat"], strict=True):
        mean = backbone.encode_texts([f"a photo of a {name}.", f"{name} and {name}"]).mean(axis=0)
        np.testing.assert_allclose(row, mean / np.linalg.norm(mean), atol=1e-6)


def test_no_texts_give_no_rows(tiny_folder: Path) -> None:
    backbone = load_backbone(f"local-dir:{tiny_folder}", "cpu")
    assert backbone.encode_texts([]).shape == (0, 32)
    assert backbone.encode_texts([], ["a {}"]).shape == (0, 32)


def test_many_texts_keep_their_order(tiny_folder: Path) -> None:
    backbone = load_backbone(f"local-dir:{tiny_folder}", "cpu")
    texts = [" ".join(["word"] * (i * 7 % 13 + 1)) + f" {i}" for i in range(300)]
    together = backbone.encode_texts(texts)
    for index in (0, 131, 299):
        alone = backbone.encode_texts([texts[index]])[0]
        assert together[index] @ alone > 0.9999


# ---------------------------------------------------------------------------- weights files


def test_a_local_safetensors_file_is_loaded(tmp_path: Path, tiny_architecture: str) -> None:
    model = tiny_clip()
    save_file(dict(model.state_dict()), tmp_path / "w.safetensors")
    backbone = load_backbone(f"{tiny_architecture}/{tmp_path}/w.safetensors", "cpu")
    expected = reference(model, backbone.preprocess(photo())[None])
    np.testing.assert_allclose(feature(backbone), expected, atol=1e-5)
    assert backbone.bias is None
    assert backbone.frequency_bias is None
    assert backbone.scale == pytest.approx(1 / 0.07, rel=1e-4)


@pytest.mark.parametrize("wrapped", ["plain", "checkpoint", "data-parallel"])
def test_a_local_state_dict_file_is_loaded(
    tmp_path: Path, tiny_architecture: str, wrapped: str
) -> None:
    model = tiny_clip()
    content: object = dict(model.state_dict())
    if wrapped == "checkpoint":
        content = {"epoch": 3, "state_dict": content}
    if wrapped == "data-parallel":
        content = {f"module.{key}": value for key, value in model.state_dict().items()}
    torch.save(content, tmp_path / "w.pt")
    backbone = load_backbone(f"{tiny_architecture}/{tmp_path}/w.pt", "cpu")
    expected = reference(model, backbone.preprocess(photo())[None])
    np.testing.assert_allclose(feature(backbone), expected, atol=1e-5)


def test_openais_torchscript_archive_is_read_and_computes_with_quickgelu(
    tmp_path: Path, tiny_architecture: str
) -> None:
    model = tiny_clip(quick_gelu=True)
    save_torchscript(model, tmp_path / "w.pt")
    backbone = load_backbone(f"{tiny_architecture}/{tmp_path}/w.pt", "cpu")
    expected = reference(model, backbone.preprocess(photo())[None])
    # Half precision on disk, as OpenAI's.
    np.testing.assert_allclose(feature(backbone), expected, atol=2e-3)
    exact_gelu = reference(tiny_clip(), backbone.preprocess(photo())[None])
    distance = np.abs(feature(backbone) - expected).max()
    assert distance < 0.2 * np.abs(exact_gelu - expected).max()


def test_torchscript_code_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_torchscript(tiny_clip(), tmp_path / "w.pt")
    monkeypatch.setattr(torch.jit, "load", lambda *_args, **_kwargs: pytest.fail("jit.load"))
    weights = read_weights(tmp_path / "w.pt")
    assert weights.openai
    assert set(weights.tensors) >= set(tiny_clip().state_dict())
    assert "input_resolution" not in weights.tensors


class _Attack:
    """Would make a file if unpickled."""

    def __init__(self, witness: Path) -> None:
        self.witness = str(witness)

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self.witness,)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("form", ["torch", "pickle"])
def test_a_file_with_code_is_refused_and_not_run(tmp_path: Path, form: str) -> None:
    path, witness = tmp_path / "w.pt", tmp_path / "witness"
    content = {"weight": torch.zeros(2), "attack": _Attack(witness)}
    if form == "torch":
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content))
    with pytest.raises(WeightsError, match="safely"):
        read_weights(path)
    assert not witness.exists()


def test_code_hidden_in_a_torchscript_archive_is_refused_and_not_run(tmp_path: Path) -> None:
    path, witness = tmp_path / "w.pt", tmp_path / "witness"
    torch.save({"attack": _Attack(witness)}, path)
    import zipfile

    with zipfile.ZipFile(path, "a") as archive:
        prefix = archive.namelist()[0].partition("/")[0]
        archive.writestr(f"{prefix}/constants.pkl", b"\x80\x02).")
    with pytest.raises(WeightsError, match="safely"):
        read_weights(path)
    assert not witness.exists()


@pytest.mark.parametrize(
    "content", [b"", b"no weights", b"\x10\0\0\0\0\0\0\0{broken json....", b"PK\3\4"]
)
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "w.pt"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"w\.pt"):
        read_weights(path)


def test_a_file_of_something_else_than_named_tensors_is_refused(tmp_path: Path) -> None:
    torch.save([torch.zeros(3)], tmp_path / "list.pt")
    torch.save({"epoch": 3}, tmp_path / "numbers.pt")
    for name in ("list.pt", "numbers.pt", "missing.pt"):
        with pytest.raises(WeightsError):
            read_weights(tmp_path / name)


def test_weights_of_another_architecture_are_refused(
    tmp_path: Path, tiny_architecture: str
) -> None:
    save_file({"visual.conv1.weight": torch.zeros(3)}, tmp_path / "w.safetensors")
    with pytest.raises(BackboneError, match="do not fit") as caught:
        load_backbone(f"{tiny_architecture}/{tmp_path}/w.safetensors", "cpu")
    assert caught.value.kind == "bad-weights"


def test_a_missing_weights_file_gives_a_clear_error(tmp_path: Path, tiny_architecture: str) -> None:
    with pytest.raises(BackboneError, match="no weights file"):
        load_backbone(f"{tiny_architecture}/{tmp_path}/gone.safetensors", "cpu")


# ----------------------------------------------------------------------------------- SigLIP


def test_the_scale_of_a_sigmoid_model_is_its_own_and_its_bias_is_not_for_classes(
    tmp_path: Path, tiny_folder: Path
) -> None:
    import json

    model = tiny_clip(siglip=True)
    config = json.loads((tiny_folder / "open_clip_config.json").read_text("utf-8"))
    config["model_cfg"] |= {"init_logit_bias": 0.0}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
    save_file(dict(model.state_dict()), tmp_path / "open_clip_model.safetensors")
    backbone = load_backbone(f"local-dir:{tmp_path}", "cpu")
    assert backbone.scale == pytest.approx(np.exp(2.0), rel=1e-4)
    assert backbone.bias is None


# ------------------------------------------------------------------------------------ names


@pytest.mark.parametrize("name", ["nonsense", "ViT-Z-99/openai", "ViT-B-32/no-such-weights", ""])
def test_unknown_names_give_a_clear_error(name: str) -> None:
    with pytest.raises(BackboneError) as caught:
        load_backbone(name, "cpu")
    assert caught.value.kind == "unknown-backbone"


def test_an_unavailable_device_gives_a_clear_error(tiny_folder: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    with pytest.raises(BackboneError) as caught:
        load_backbone(f"local-dir:{tiny_folder}", "cuda")
    assert caught.value.kind == "no-device"


def test_paths_and_tags_are_distinguished() -> None:
    assert weights_file("ViT-B-32/openai") is None
    assert weights_file("ViT-B-32/laion2b_s34b_b79k") is None
    assert weights_file("ViT-B-32//home/me/x.pt") == Path("/home/me/x.pt")
    assert weights_file("ViT-B-32/./x") == Path("x")
    assert weights_file("ViT-B-32/sub/x.safetensors") == Path("sub/x.safetensors")


def test_every_suggestion_is_known_to_open_clip() -> None:
    assert SUGGESTED[0].name == "lite"
    assert SUGGESTED[1].name == "lite+"
    for item in SUGGESTED[2:]:
        model, _, tag = item.name.partition("/")
        config = open_clip.get_pretrained_cfg(model, tag)
        assert config["hf_hub"].rstrip("/") == item.repository
        assert item.download_bytes > 100_000_000


def test_whether_a_backbone_is_installed_is_known_without_loading_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMPT_DESKTOP_HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_args: None)
    assert not is_downloaded("RN50/openai")
    folder = tmp_path / "cache" / "backbones" / "timm--resnet50_clip.openai"
    folder.mkdir(parents=True)
    (folder / "open_clip_model.safetensors").touch()
    assert is_downloaded("RN50/openai")
    assert is_downloaded(f"RN50/{folder}/open_clip_model.safetensors")
    assert not is_downloaded("RN50//no/such/file.pt")


def save_torchscript(model: torch.nn.Module, path: Path) -> None:
    """As OpenAI published CLIP: traced, half precision, with settings among the tensors."""
    model = copy.deepcopy(model)  # half() changes the model that was traced
    model.register_buffer("input_resolution", torch.tensor(64))
    inputs = {
        "encode_image": torch.zeros(1, 3, 64, 64),
        "encode_text": torch.ones(1, 77, dtype=torch.long),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace_module(model, inputs, check_trace=False)
        torch.jit.save(traced.half(), str(path))  # type: ignore[union-attr]
