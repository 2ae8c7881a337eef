"""Writes a tiny random CLIP in the form of the bundled Lite backbone (a program of its own,
so that tests of the window need not load torch): ``tiny_backbone.py FOLDER``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

CONFIG = {
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
PREPROCESS = {
    "mean": [0.48, 0.46, 0.41],
    "std": [0.27, 0.26, 0.28],
    "interpolation": "bicubic",
    "resize_mode": "squash",
}
CALIBRATION = {"scale": 20.0, "bias": -4.5, "threshold": 0.4, "templates": ["a photo of a {}."]}


def main(folder: Path) -> None:
    import torch
    from open_clip.model import CLIP
    from safetensors.torch import save_file

    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_cfg": CONFIG, "preprocess_cfg": PREPROCESS}
    (folder / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "lmpt.json").write_text(json.dumps(CALIBRATION), encoding="utf-8")
    weights = dict(CLIP(**CONFIG).state_dict())  # type: ignore[arg-type]
    save_file(weights, folder / "open_clip_model.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
