"""Write the files that open_clip and the app read: config, float16 weights, ``lmpt.json``."""

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from open_clip.model import CLIP
from safetensors.torch import save_file
from torch import Tensor

from trainer.lite.calibrate import Calibration
from trainer.lite.image_tower import PIXEL_MEAN, PIXEL_STD, fold_standardisation, trunk_state
from trainer.lite.teacher import Teacher
from trainer.lite.text_tower import MODEL_CONFIG
from trainer.lite.texts import TEMPLATES
from trainer.temporary_files import temporary_name

CONFIG_NAME = "open_clip_config.json"
WEIGHTS_NAME = "open_clip_model.safetensors"
DEFAULTS_NAME = "lmpt.json"
SCHEMA = 1


def open_clip_config() -> dict[str, object]:
    """The content of ``open_clip_config.json``."""
    return {
        "model_cfg": MODEL_CONFIG,
        "preprocess_cfg": {
            "mean": [PIXEL_MEAN] * 3,
            "std": [PIXEL_STD] * 3,
            "interpolation": "bicubic",
            "resize_mode": "squash",
        },
    }


def set_image_tower(model: CLIP, package_state: dict[str, Tensor], teacher: Teacher) -> None:
    """Put EfficientNet's trunk and the teacher's projection of it into ``model``."""
    weight, bias = fold_standardisation(
        teacher.image.weight.detach(), teacher.image.bias.detach(), teacher.mean, teacher.std
    )
    state = {f"trunk.{key}": value for key, value in trunk_state(package_state).items()}
    model.visual.load_state_dict(state | {"head.proj.weight": weight, "head.proj.bias": bias})


def half_precision(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Floating-point tensors as float16, others unchanged.

    Raises:
        ValueError: if a value overflows float16.
    """
    out: dict[str, Tensor] = {}
    for key, value in state.items():
        kept = value.detach().contiguous()
        if kept.is_floating_point():
            kept = kept.half()
            if not torch.isfinite(kept).all():
                raise ValueError(f"{key} does not fit float16")
        out[key] = kept
    return out


def set_defaults(folder: Path, values: Mapping[str, object]) -> None:
    """Add what was measured with the weights in ``folder`` to its ``lmpt.json``."""
    path = folder / DEFAULTS_NAME
    content = json.loads(path.read_text(encoding="utf-8"))
    _write_json(path, content | dict(values))


def write_lite(folder: Path, model: CLIP, calibration: Calibration) -> None:
    """Write the three files, each atomically.  The window offset is measured with them, on photos,
    and until then missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with torch.no_grad():
        model.logit_scale.fill_(math.log(calibration.scale))
    partial = folder / f".{WEIGHTS_NAME}.partial"
    save_file(half_precision(model.state_dict()), partial, metadata={"format": "pt"})
    partial.chmod(0o644)
    partial.replace(folder / WEIGHTS_NAME)
    _write_json(folder / CONFIG_NAME, open_clip_config())
    _write_json(
        folder / DEFAULTS_NAME,
        {
            "schema": SCHEMA,
            "scale": round(calibration.scale, 4),
            "bias": round(calibration.bias, 4),
            "frequency_bias": round(calibration.frequency_bias, 4),
            "threshold": 0.5,
            "templates": list(TEMPLATES),
        },
    )


def _write_json(path: Path, content: object) -> None:
    partial = temporary_name(path)
    body = json.dumps(content, indent=2, ensure_ascii=False)
    # One line for a list of numbers, however long.
    body = re.sub(
        r"\[[-\d.,\se]+\]", lambda found: "[" + " ".join(found[0][1:-1].split()) + "]", body
    )
    partial.write_text(body + "\n", encoding="utf-8")
    partial.replace(path)
