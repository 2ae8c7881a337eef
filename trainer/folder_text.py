"""The text tower of a backbone's folder by itself, for a run: photos are features already.

The whole backbone takes open_clip, timm and torchvision, which take about as much processor time to
import as a small run takes steps.  This reads open_clip's files of a plain CLIP text tower, such as
Lite's.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn import functional as nn_f

from trainer.backbone_folder import (
    CALIBRATION_NAME,
    CONFIG_NAME,
    DEFAULT_TEMPLATES,
    WEIGHTS_PATTERNS,
    folder_of,
)
from trainer.resources import ResourcesMissingError

_TEXT_KEYS = frozenset({"context_length", "vocab_size", "width", "heads", "layers"})
_MODEL_KEYS = frozenset({"embed_dim", "vision_cfg", "text_cfg"})


@dataclass(frozen=True)
class TextHalf:
    """What a run uses of a backbone (:class:`trainer.fit.Backbone`)."""

    model: nn.Module
    tokenizer: Any
    dim: int
    templates: tuple[str, ...]


def text_half(name: str, device: torch.device) -> TextHalf | None:
    """The text half of the backbone ``name``; None if it is not a folder with a plain CLIP text
    tower, or anything about it is unusual: :func:`trainer.backbone.load_backbone` reads it then, or
    says what is wrong.
    """
    try:
        folder = folder_of(name)
        if folder is None:
            return None
        config = json.loads((folder / CONFIG_NAME).read_text("utf-8"))["model_cfg"]
        text = config["text_cfg"]
        # A key more is another tower: its activation, pooling or tokenizer.
        if not (set(config) <= _MODEL_KEYS and set(text) == _TEXT_KEYS):
            return None
        files = [file for pattern in WEIGHTS_PATTERNS for file in folder.glob(pattern)]
        if len(files) != 1 or files[0].suffix != ".safetensors":
            return None
        model = PlainTextTower(config["embed_dim"], **text)
        with safe_open(files[0], framework="pt") as weights:
            names = [key for key in weights.keys() if _is_of_text(key)]  # noqa: SIM118
            model.load_state_dict({key: weights.get_tensor(key) for key in names})
        calibration = folder / CALIBRATION_NAME
        values = json.loads(calibration.read_text("utf-8")) if calibration.is_file() else {}
        values = values | values.get("variants", {}).get(name, {})
        templates = tuple(values.get("templates") or DEFAULT_TEMPLATES)
        tokenizer = _tokenizer(text["context_length"])
    except (
        OSError, SafetensorError, ResourcesMissingError, ImportError, AttributeError, KeyError,
        TypeError, ValueError, RuntimeError,
    ):  # fmt: skip
        return None
    return TextHalf(model.eval().to(device), tokenizer, config["embed_dim"], templates)


class PlainTextTower(nn.Module):
    """CLIP's text tower, with the attributes that :class:`trainer.text_tower.TextTower` asks for.

    Args:
        embed_dim: D, of a text feature.
    """

    attn_mask: Tensor

    def __init__(
        self,
        embed_dim: int,
        *,
        context_length: int,
        vocab_size: int,
        width: int,
        heads: int,
        layers: int,
    ) -> None:
        super().__init__()
        self.context_length = context_length
        self.token_embedding = nn.Embedding.from_pretrained(torch.empty(vocab_size, width))
        self.positional_embedding = nn.Parameter(torch.empty(context_length, width))
        self.transformer = _Blocks(width, heads, layers)
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.empty(width, embed_dim))
        later = torch.full((context_length, context_length), float("-inf")).triu(1)
        self.register_buffer("attn_mask", later, persistent=False)


class _Blocks(nn.Module):
    def __init__(self, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(_Block(width, heads) for _ in range(layers))

    def get_cast_dtype(self) -> torch.dtype:
        return cast(_Block, self.resblocks[0]).attn.in_proj_weight.dtype

    def forward(self, x: Tensor, attn_mask: Tensor) -> Tensor:
        for block in self.resblocks:
            x = block(x, attn_mask)
        return x

    def at(self, x: Tensor, attn_mask: Tensor, places: Tensor) -> Tensor:
        """(n, W), what :meth:`forward` gives at one of the positions of each row, (n,): of the
        last block nothing else is needed.
        """
        *others, last = self.resblocks
        for block in others:
            x = block(x, attn_mask)
        return cast(_Block, last).at(x, attn_mask, places)


class _Block(nn.Module):
    """open_clip's block, with its names of parameters.  A step of a run is mostly these, and
    torch's ``TransformerEncoderLayer`` copies more than it need.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, heads)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            OrderedDict(
                c_fc=nn.Linear(width, 4 * width),
                gelu=nn.GELU(),
                c_proj=nn.Linear(4 * width, width),
            )
        )

    def forward(self, x: Tensor, attn_mask: Tensor) -> Tensor:
        q, k, v = self._projected(self.ln_1(x), 0, 3)
        x = x + self._attended(q, k, v, attn_mask)
        return x + self.mlp(self.ln_2(x))

    def at(self, x: Tensor, attn_mask: Tensor, places: Tensor) -> Tensor:
        rows = torch.arange(len(x), device=x.device)
        y = self.ln_1(x)
        (q,) = self._projected(y[rows, places][:, None], 0, 1)
        k, v = self._projected(y, 1, 3)
        seen = attn_mask[places][:, None, None]
        own = x[rows, places] + self._attended(q, k, v, seen)[:, 0]
        return own + self.mlp(self.ln_2(own))

    def _projected(self, y: Tensor, first: int, end: int) -> tuple[Tensor, ...]:
        """Of queries, keys and values those from ``first`` to ``end``, each (n, heads, L, W /
        heads)."""
        width = y.shape[-1]
        part = slice(first * width, end * width)
        made = nn_f.linear(y, self.attn.in_proj_weight[part], self.attn.in_proj_bias[part])
        apart = made.unflatten(-1, (end - first, self.attn.num_heads, -1))
        return apart.permute(2, 0, 3, 1, 4).unbind(0)

    def _attended(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        found = nn_f.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.attn.out_proj(found.transpose(1, 2).flatten(2))


def _is_of_text(key: str) -> bool:
    return not key.startswith("visual.") and key not in ("logit_scale", "logit_bias")


def _tokenizer(context_length: int) -> Any:
    """open_clip's byte-pair tokenizer."""
    module = _tokenizer_module()
    # Reading the merges takes longest, and the module has done it for its own tokenizer.
    own: Any = getattr(module, "_tokenizer", None)
    if type(own) is module.SimpleTokenizer and own.context_length == context_length:
        return own
    return module.SimpleTokenizer(context_length=context_length)


def _tokenizer_module() -> Any:
    """open_clip's tokenizers.  Their file needs nothing else of open_clip, but to import it in the
    usual way is to import the whole package.
    """
    name = "open_clip.tokenizer"
    if name in sys.modules:
        return sys.modules[name]
    package = importlib.util.find_spec("open_clip")
    if package is None or not package.submodule_search_locations:
        raise ImportError(name)
    place = Path(next(iter(package.submodule_search_locations))) / "tokenizer.py"
    spec = importlib.util.spec_from_file_location("trainer.open_clip_tokenizer", place)
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
