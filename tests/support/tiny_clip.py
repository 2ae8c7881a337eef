"""Writes a tiny random CLIP to the folder named, in the form of the bundled Lite backbone."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from open_clip.model import CLIP
from safetensors.torch import save_file

SETTINGS = {
    "embed_dim": 32,
    "vision_cfg": {
        "image_size": 32,
        "layers": 2,
        "width": 64,
        "patch_size": 8,
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

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    save_file(dict(CLIP(**SETTINGS).state_dict()), folder / "open_clip_model.safetensors")
    config = {"model_cfg": SETTINGS, "preprocess_cfg": {}}
    (folder / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
