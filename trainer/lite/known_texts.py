"""The embeddings of the bundled vocabularies' texts, for :mod:`trainer.cpu_runtime.known_texts`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from trainer.backbone import load_backbone
from trainer.backbone_folder import LOCAL_DIR
from trainer.class_texts import class_texts
from trainer.cpu_runtime.known_texts import (
    FEATURES,
    FILE_NAME,
    TEMPLATES,
    TEXTS,
    WEIGHTS,
    digest,
)
from trainer.resources import resources_dir


def bundled_texts() -> list[str]:
    """What the model reads of the classes of all bundled vocabularies, and their names, each once.

    Raises:
        trainer.resources.ResourcesMissingError: in an incomplete installation.
    """
    files = sorted((resources_dir() / "vocabularies").glob("*.txt"))
    lines = (line for file in files for line in file.read_text("utf-8").splitlines())
    return sorted({text for line in lines for text in _texts(line)})


def _texts(line: str) -> Iterator[str]:
    if not line.strip() or line.startswith("#"):
        return
    name, description, *_ = [*(part.strip() for part in line.split("\t")), ""]
    yield name
    yield from class_texts(name, description)


def write_known_texts(model: Path) -> Path:
    """Write the file for the weights in the folder ``model``, beside it; returns its path."""
    [weights] = model.glob("*.safetensors")
    backbone = load_backbone(f"{LOCAL_DIR}{model}", "cpu")
    texts = bundled_texts()
    features = backbone.encode_texts(texts, backbone.templates)
    path = model.parent / FILE_NAME
    facts = {
        TEXTS: json.dumps(texts, ensure_ascii=False),
        TEMPLATES: json.dumps(backbone.templates, ensure_ascii=False),
        WEIGHTS: digest(weights),
    }
    save_file({FEATURES: features.astype(np.float16)}, path, facts)
    return path
