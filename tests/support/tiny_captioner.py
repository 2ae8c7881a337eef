"""A tiny random CoCa.  As a program, ``tiny_captioner.py FOLDER ARGUMENTS...``, it is
``lmpt-trainer caption ARGUMENTS...`` with open_clip knowing that CoCa; see :func:`write`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ARCHITECTURE = "coca_tiny-for-tests"
_TEXT: dict[str, Any] = {
    "context_length": 76,
    "vocab_size": 49408,
    "width": 64,
    "heads": 2,
    "layers": 2,
}
CONFIG: dict[str, Any] = {
    "embed_dim": 64,  # CoCa wants its decoder to be as wide
    "vision_cfg": {
        "image_size": 64,
        "layers": 2,
        "width": 64,
        "patch_size": 16,
        "head_width": 32,
        "attentional_pool": True,
        "attn_pooler_heads": 2,
        "output_tokens": True,
    },
    "text_cfg": _TEXT | {"embed_cls": True, "output_tokens": True},
    "multimodal_cfg": _TEXT | {"attn_pooler_heads": 2},
    "custom_text": True,
}


def register(folder: Path) -> None:
    """Make the architecture known to open_clip."""
    import open_clip

    file = folder / f"{ARCHITECTURE}.json"
    file.write_text(json.dumps(CONFIG), encoding="utf-8")
    open_clip.add_model_config(file)


def write(folder: Path) -> str:
    """Random weights in ``folder``; the name under which they are loaded."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    register(folder)
    torch.manual_seed(0)
    model: Any = open_clip.create_model(ARCHITECTURE)
    # Random towers give every photo the same caption; larger weights make them differ.
    with torch.no_grad():
        model.text_decoder.text_projection.normal_()  # which open_clip leaves as it finds it
        for name, value in model.named_parameters():
            if value.ndim > 1 and "token_embedding" not in name:
                value.mul_(3)
    target = folder / "weights.safetensors"
    save_file(dict(model.state_dict()), target)
    return f"{ARCHITECTURE}/{target}"


if __name__ == "__main__":
    from trainer.__main__ import main

    register(Path(sys.argv[1]))
    sys.exit(main(["caption", *sys.argv[2:]]))
