"""The student: open_clip's own CLIP text tower, computed only up to the longest text."""

from dataclasses import dataclass
from typing import cast

import torch
from open_clip.model import CLIP
from open_clip.tokenizer import SimpleTokenizer
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from trainer.lite.image_tower import IMAGE_SIZE, TIMM_NAME
from trainer.lite.ingredients import import_ingredient, minilm_folder
from trainer.lite.teacher import EMBED_DIM

WIDTH = 256
HEADS = 4
LAYERS = 4
CONTEXT_LENGTH = 77
VOCAB_SIZE = 49408
# Large enough relative to the positional embeddings, small enough for training to change it.
TOKEN_STD = 0.05

MODEL_CONFIG: dict[str, object] = {
    "embed_dim": EMBED_DIM,
    "vision_cfg": {
        "timm_model_name": TIMM_NAME,
        "timm_model_pretrained": False,
        "timm_pool": "avg",
        "timm_proj": "linear",
        "timm_proj_bias": True,
        "image_size": IMAGE_SIZE,
    },
    "text_cfg": {
        "context_length": CONTEXT_LENGTH,
        "vocab_size": VOCAB_SIZE,
        "width": WIDTH,
        "heads": HEADS,
        "layers": LAYERS,
    },
}


def new_model() -> CLIP:
    """Lite with random weights, exactly as open_clip builds it from its config."""
    config = MODEL_CONFIG
    return CLIP(
        embed_dim=EMBED_DIM,
        vision_cfg=dict(config["vision_cfg"]),  # type: ignore[arg-type]
        text_cfg=dict(config["text_cfg"]),  # type: ignore[arg-type]
    )


def tokenise(texts: list[str]) -> Tensor:
    """CLIP token ids, int64 (N, 77), zero after the end-of-text token."""
    tokenizer = SimpleTokenizer(context_length=CONTEXT_LENGTH)
    return torch.cat([tokenizer(texts[i : i + 4096]) for i in range(0, len(texts), 4096)])


def lengths(tokens: Tensor) -> Tensor:
    """Tokens up to and with end-of-text, (N,). End-of-text has the largest id."""
    return tokens.argmax(dim=-1) + 1


@dataclass(frozen=True)
class TextTower:
    """The parts of a CLIP text tower, with the types that open_clip does not declare."""

    table: Tensor
    positions: Tensor
    transformer: nn.Module
    norm: nn.Module
    projection: Tensor
    mask: Tensor

    @classmethod
    def of(cls, model: CLIP) -> "TextTower":
        """The parts of ``model``, shared with it and not copied."""
        embedding = cast(nn.Embedding, model.token_embedding)
        return cls(
            table=embedding.weight,
            positions=cast(Tensor, model.positional_embedding),
            transformer=cast(nn.Module, model.transformer),
            norm=cast(nn.Module, model.ln_final),
            projection=cast(Tensor, model.text_projection),
            mask=cast(Tensor, model.attn_mask),
        )

    def dense_parameters(self) -> list[Tensor]:
        """Everything but the token table."""
        own = [*self.transformer.parameters(), *self.norm.parameters()]
        return [self.positions, self.projection, *own]


def encode(model: CLIP, tokens: Tensor, *, sparse: bool = False) -> Tensor:
    """(N, 77) tokens -> (N, 384) unit norm, truncated to the longest text.

    The tower is causal, so tokens after end-of-text have no influence: the result equals
    ``model.encode_text`` with a fraction of the work. ``sparse`` asks for sparse gradients of the
    token table, of which a batch uses few rows.
    """
    tower = TextTower.of(model)
    last = int(lengths(tokens).max())
    tokens = tokens[:, :last]
    x = functional.embedding(tokens, tower.table, sparse=sparse) + tower.positions[:last]
    x = tower.transformer(x, attn_mask=tower.mask[:last, :last])
    pooled = x[torch.arange(len(x)), tokens.argmax(dim=-1)]
    return functional.normalize(tower.norm(pooled) @ tower.projection, dim=-1)


def principal_axes(rows: Tensor, dim: int) -> Tensor:
    """(N, D) -> (N, dim): coordinates on the ``dim`` widest axes, overall deviation 1."""
    centred = rows - rows.mean(0)
    _, vectors = torch.linalg.eigh(centred.T @ centred / len(rows))
    projected = centred @ vectors[:, -dim:].flip(-1)
    return projected / projected.std()


def meaningful_tokens() -> Tensor:
    """Initial token table (49408, 256), made from MiniLM's input embeddings of the same strings.

    With random rows, tokens that are in no training text would stay meaningless.
    """
    transformers = import_ingredient("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(minilm_folder()))
    table = load_file(minilm_folder() / "model.safetensors")
    words = next(v for k, v in table.items() if k.endswith("word_embeddings.weight")).float()
    strings = [""] * VOCAB_SIZE
    for token, index in SimpleTokenizer().encoder.items():
        strings[index] = token.removesuffix("</w>")
    pieces = tokenizer(strings, add_special_tokens=False)["input_ids"]
    mean = words.mean(0)
    rows = torch.stack([words[ids].mean(0) if ids else mean for ids in pieces])
    return principal_axes(rows, WIDTH) * TOKEN_STD
