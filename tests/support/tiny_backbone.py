"""A tiny random CLIP, for every test that needs a model and not a good one.

As a program, ``tiny_backbone.py FOLDER``, it writes the model in the form of the bundled Lite
backbone.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

if TYPE_CHECKING:
    from pytest import TempPathFactory
    from torch.nn import Module

CONFIG: dict[str, Any] = {
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
DIM: int = CONFIG["embed_dim"]
WIDTH: int = CONFIG["text_cfg"]["width"]
PREPROCESS = {
    "mean": [0.48, 0.46, 0.41],
    "std": [0.27, 0.26, 0.28],
    "interpolation": "bicubic",
    "resize_mode": "shortest",
}
TEMPLATES = ("a photo of a {}.", "{}")
CALIBRATION = {
    "scale": 20.0,
    "bias": -4.5,
    "frequency_bias": -6.0,
    "threshold": 0.4,
    "templates": list(TEMPLATES),
}


def tiny_clip(*, quick_gelu: bool = False, siglip: bool = False) -> Module:
    """The model with random weights, the same every time."""
    import torch
    from open_clip.model import CLIP

    torch.manual_seed(0)
    extra: dict[str, Any] = {"init_logit_bias": -7.0, "init_logit_scale": 2.0} if siglip else {}
    return CLIP(**CONFIG, quick_gelu=quick_gelu, **extra).eval()


def write(folder: Path, *, calibrated: bool = True) -> None:
    """The model as a ``local-dir:`` backbone; uncalibrated like a CLIP that was downloaded."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_cfg": CONFIG, "preprocess_cfg": PREPROCESS}
    (folder / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
    if calibrated:
        (folder / "lmpt.json").write_text(json.dumps(CALIBRATION), encoding="utf-8")
    save_file(dict(tiny_clip().state_dict()), folder / "open_clip_model.safetensors")


def written_once(factory: TempPathFactory, *, calibrated: bool = True) -> Path:
    """The folder of :func:`write`, written by one process for every test that asks for it, so that
    tests of the window need not load torch.

    Args:
        factory: the fixture.
        calibrated: as of :func:`write`.
    """
    base = factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "tiny-backbone"
    with FileLock(f"{shared}.lock"):
        if not shared.exists():
            new = shared.with_suffix(".new")
            subprocess.run([sys.executable, __file__, str(new)], check=True)
            new.rename(shared)
    if calibrated:
        return shared
    copy = factory.mktemp("uncalibrated") / "tiny"
    shutil.copytree(shared, copy)
    (copy / "lmpt.json").unlink()
    return copy


@dataclass(frozen=True)
class TinyBackbone:
    """What a fit needs of a backbone; the image tower is there and never run."""

    model: Module
    tokenizer: Any
    dim: int = DIM
    templates: tuple[str, ...] = TEMPLATES


def tiny_backbone(name: str = "", device: object = None) -> TinyBackbone:
    """Stands in for :func:`trainer.backbone.load_backbone`; always the same, frozen model."""
    return _loaded()


@cache
def _loaded() -> TinyBackbone:
    import open_clip

    model = tiny_clip().requires_grad_(False)
    return TinyBackbone(model, open_clip.get_tokenizer("ViT-B-32"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    write(parser.parse_args().folder)
