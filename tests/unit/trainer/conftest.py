"""A tiny random CLIP, as open_clip sees it: a registered architecture and a folder."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

TINY = "tiny-clip-for-tests"
TINY_CONFIG: dict[str, Any] = {
    "embed_dim": 32,
    "vision_cfg": {
        "image_size": 64,
        "layers": 2,
        "width": 64,
        "patch_size": 16,
        "head_width": 32,
    },
    "text_cfg": {
        "context_length": 77,
        "vocab_size": 49408,
        "width": 64,
        "heads": 2,
        "layers": 2,
    },
}


def tiny_clip(*, quick_gelu: bool = False, siglip: bool = False) -> torch.nn.Module:
    """The tiny architecture with random weights, the same every time."""
    from open_clip.model import CLIP

    torch.manual_seed(0)
    extra: dict[str, Any] = {"init_logit_bias": -7.0, "init_logit_scale": 2.0} if siglip else {}
    return CLIP(**TINY_CONFIG, quick_gelu=quick_gelu, **extra).eval()


@pytest.fixture(scope="session")
def make_tiny_clip() -> Callable[..., torch.nn.Module]:
    """:func:`tiny_clip`, for test modules, which cannot import this one."""
    return tiny_clip


@pytest.fixture(scope="session")
def tiny_architecture(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name under which open_clip now knows the tiny architecture."""
    import open_clip

    file = tmp_path_factory.mktemp("configs") / f"{TINY}.json"
    file.write_text(json.dumps(TINY_CONFIG), encoding="utf-8")
    open_clip.add_model_config(file)
    return TINY


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in the form of the bundled Lite backbone, calibration included."""
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("tiny")
    preprocess = {
        "mean": [0.48, 0.46, 0.41],
        "std": [0.27, 0.26, 0.28],
        "interpolation": "bicubic",
        "resize_mode": "shortest",
    }
    config = {"model_cfg": TINY_CONFIG, "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
    calibration = {
        "scale": 20.0,
        "bias": -4.5,
        "threshold": 0.4,
        "templates": ["a photo of a {}.", "{}"],
    }
    (folder / "lmpt.json").write_text(json.dumps(calibration), encoding="utf-8")
    save_file(dict(tiny_clip().state_dict()), folder / "open_clip_model.safetensors")
    return folder


@pytest.fixture(scope="session")
def shared_photos() -> list[Path]:
    """Real photos, when they are at hand."""
    root = Path(os.environ.get("LMPT_SHARED", Path(__file__).resolve().parents[4] / "shared"))
    photos = sorted((root / "photos" / "images").glob("*.jpg"))
    if not photos:
        pytest.skip(f"no shared photos in {root}")
    return photos
