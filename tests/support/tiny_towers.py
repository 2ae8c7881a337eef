"""Every text tower open_clip can build, shrunk, with tokenizers like those that go with them.

The architectures are open_clip's own configurations with width, depth and image tower made small
and everything else as it is.  The real Hugging Face tokenizers would have to be downloaded;
:class:`WordTokenizer` frames, pads and marks the beginnings of words as they do.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import open_clip
import torch
from torch import Tensor, nn

DIM, VOCABULARY = 24, 400
_VISION = {"image_size": 32, "layers": 1, "width": 64, "head_width": 32, "patch_size": 16}
_TEXT = {"width": 48, "heads": 2, "layers": 2}
CLIP_TOKENIZER: Any = open_clip.get_tokenizer("ViT-B-32")


@dataclass
class WordTokenizer:
    """One id per word, in the order of their first use.

    start, end: ids around every text, -1 for none; pad: fills up the rest.
    marks_first: whether the first word looks like one that follows a space (T5, XLM), or not
        (Gemma).
    punctuation: whether it is kept.
    """

    length: int
    start: int
    end: int
    pad: int
    marks_first: bool = True
    punctuation: bool = True
    vocabulary: dict[str, int] = field(default_factory=dict)

    def __call__(self, texts: Sequence[str]) -> Tensor:
        rows = torch.full((len(texts), self.length), self.pad, dtype=torch.long)
        for row, text in zip(rows, texts, strict=True):
            ids = self._ids(text)
            first = [] if self.start < 0 else [self.start]
            last = [] if self.end < 0 else [self.end]
            ids = [*first, *ids[: self.length - len(first) - len(last)], *last]
            row[: len(ids)] = torch.tensor(ids, dtype=torch.long)
        return rows

    def _ids(self, text: str) -> list[int]:
        text = (" " if self.marks_first else "") + text.strip().lower()
        pieces = re.findall(r" ?\w+| ?[^\w ]" if self.punctuation else r" ?\w+", text)
        return [self.vocabulary.setdefault(piece, 10 + len(self.vocabulary)) for piece in pieces]


def shrunken(name: str) -> dict[str, Any]:
    """The configuration ``name`` with a small text tower and a small image tower."""
    config = copy.deepcopy(open_clip.get_model_config(name))
    assert config is not None
    text = config["text_cfg"] | _TEXT
    text["vocab_size"] = VOCABULARY if "hf_tokenizer_name" in text else 49408
    config |= {"embed_dim": DIM, "vision_cfg": _VISION, "text_cfg": text}
    if "multimodal_cfg" in config:
        config["multimodal_cfg"] |= _TEXT | {"vocab_size": 49408}
    return config


@cache
def kinds() -> dict[str, str]:
    """A name for every text tower that differs after shrinking: the first model that has it.

    Those of Hugging Face are left out.
    """
    found: dict[str, str] = {}
    for name in open_clip.list_models():
        config = open_clip.get_model_config(name) or {}
        if "hf_model_name" not in config["text_cfg"]:
            # Not by what comes after the text tower, nor by the language of the tokenizer.
            small = shrunken(name)
            small["multimodal_cfg"] = "multimodal_cfg" in small
            key = json.dumps(small, sort_keys=True)
            found.setdefault(re.sub(r"timm/ViT[\w-]*?(SigLIP2?)[\w-]*", r"\1", key), name)
    return {name: kind for kind, name in found.items()}


def tokenizer_for(name: str) -> Any:
    """Open_clip's own for CLIP; else one that does as the real one (their names are public)."""
    text = shrunken(name)["text_cfg"]
    length = text.get("context_length", 77)
    real = text.get("hf_tokenizer_name", "")
    if not real:
        return open_clip.SimpleTokenizer(context_length=length)
    if "SigLIP2" in real:
        # Gemma: end of text, then zeros; no mark on the first word.
        return WordTokenizer(length, -1, 1, 0, marks_first=False, punctuation=False)
    if "SigLIP" in real:
        # T5: the end of text fills up the rest.
        return WordTokenizer(length, -1, 1, 1, punctuation=False)
    if "bert" in real:
        # Its end of text is stripped.
        return WordTokenizer(length, 5, -1, 0)
    if "xlm-v" in real:
        return WordTokenizer(length, 0, 2, 1)
    if "mt5" in real:
        return WordTokenizer(length, -1, 1, 0, punctuation=False)
    raise AssertionError(f"no stand-in for the tokenizer {real}")


@cache
def build(name: str) -> tuple[nn.Module, Any]:
    """The shrunken model with random weights, frozen, and its tokenizer."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / f"tiny-{name}.json"
        file.write_text(json.dumps(shrunken(name)), encoding="utf-8")
        open_clip.add_model_config(file)
        torch.manual_seed(0)
        model = open_clip.create_model(f"tiny-{name}", load_weights=False)
        # Also where they start at zero, or nothing would be seen of them.
        for parameter in model.parameters():
            if not parameter.any():
                nn.init.normal_(parameter, std=0.02)
    return model.requires_grad_(False).eval(), tokenizer_for(name)
