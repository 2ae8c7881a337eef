"""Backbones that are folders in open_clip's own format: where they are, and what is in them
(imports no torch).
"""

from __future__ import annotations

from pathlib import Path

from trainer.suggested import BUNDLED_SIDES, lite_folder

LOCAL_DIR = "local-dir:"
CONFIG_NAME = "open_clip_config.json"
WEIGHTS_PATTERNS = ("*.safetensors", "*.bin", "*.pth")
"""The files of which open_clip chooses one."""
CALIBRATION_NAME = "lmpt.json"
"""Beside a folder's weights: {"scale", "bias", "frequency_bias", "threshold", "templates",
"name_frequency", "window_offset", "variants": {name: {those that differ}}}.

All are optional.
"""

DEFAULT_TEMPLATES = (
    "a photo of a {}.",
    "a photo of the {}.",
    "a photo of many {}.",
    "a close-up photo of a {}.",
    "a blurry photo of a {}.",
    "a photo of a small {}.",
    "a photo of a large {}.",
)
"""Prompt ensembling for class names: a few of OpenAI's eighty templates give most of the gain."""


def folder_of(name: str) -> Path | None:
    """The folder of the backbone ``name``; None if it is none of a folder.

    Raises:
        trainer.resources.ResourcesMissingError: for a bundled one, in an incomplete installation.
    """
    if name in BUNDLED_SIDES:
        return lite_folder()
    if name.startswith(LOCAL_DIR):
        return Path(name.removeprefix(LOCAL_DIR)).expanduser()
    return None
