"""The text tower read by itself against the whole backbone that open_clip builds."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_backbone import DIM, TEMPLATES

from trainer.backbone import load_backbone
from trainer.backbone_folder import DEFAULT_TEMPLATES
from trainer.folder_text import text_half
from trainer.text_tower import TextTower

TEXTS = ["a photo of a dog.", "person", "wine &amp; glass  of a rather longer name", ""]
CPU = torch.device("cpu")


def gradient(tower: TextTower, ids: torch.Tensor) -> torch.Tensor:
    embeddings = tower.embed(ids).requires_grad_(True)
    (found,) = torch.autograd.grad(tower.forward(ids, embeddings).square().sum(), embeddings)
    return found


def test_it_is_the_text_tower_of_the_whole_backbone(tiny_folder: Path) -> None:
    name = f"local-dir:{tiny_folder}"
    whole, half = load_backbone(name, "cpu"), text_half(name, CPU)
    assert half is not None
    assert (half.dim, half.templates) == (DIM, TEMPLATES)
    theirs = TextTower(whole.model, whole.tokenizer)
    own = TextTower(half.model, half.tokenizer)
    assert (own.width, own.context_length, own.truncates, own.frame) == (
        theirs.width,
        theirs.context_length,
        theirs.truncates,
        theirs.frame,
    )
    ids, _ = own.rows([own.body_ids(text) for text in TEXTS])
    assert torch.equal(ids, theirs.rows([theirs.body_ids(text) for text in TEXTS])[0])
    assert torch.allclose(own.encode(ids), theirs.encode(ids), atol=1e-5)
    expected = gradient(theirs, ids)
    assert torch.allclose(gradient(own, ids), expected, atol=1e-4 * float(expected.abs().max()))


def test_without_a_calibration_it_has_the_usual_templates(
    tiny_folder: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_folder, tmp_path / "model")
    (folder / "lmpt.json").unlink()
    half = text_half(f"local-dir:{folder}", CPU)
    assert half is not None
    assert half.templates == DEFAULT_TEMPLATES


def changed_config(folder: Path, change: dict[str, Any], *, text: bool) -> None:
    file = folder / "open_clip_config.json"
    config = json.loads(file.read_text("utf-8"))
    part = config["model_cfg"]["text_cfg"] if text else config["model_cfg"]
    part |= change
    file.write_text(json.dumps(config), encoding="utf-8")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: changed_config(folder, {"quick_gelu": True}, text=False),
        lambda folder: changed_config(folder, {"pool_type": "last"}, text=True),
        lambda folder: changed_config(folder, {"width": 32}, text=True),
        lambda folder: changed_config(folder, {"layers": "two"}, text=True),
        lambda folder: (folder / "open_clip_model.safetensors").write_bytes(b"no weights"),
        lambda folder: (folder / "more.bin").write_bytes(b""),
        lambda folder: (folder / "open_clip_config.json").unlink(),
        lambda folder: (folder / "open_clip_config.json").write_text("[1]"),
        lambda folder: (folder / "lmpt.json").write_text("{"),
    ],
)
def test_what_is_unusual_or_damaged_is_left_to_the_whole_loader(
    spoil: Any, tiny_folder: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_folder, tmp_path / "model")
    spoil(folder)
    assert text_half(f"local-dir:{folder}", CPU) is None


def test_a_backbone_that_is_no_folder_is_left_to_the_whole_loader() -> None:
    assert text_half("ViT-B-32/openai", CPU) is None
