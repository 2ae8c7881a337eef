"""open_clip's text towers, computed from token embeddings instead of token ids.

open_clip builds text towers in two places: inside ``CLIP`` itself, and as a ``TextTransformer``
under ``CustomTextCLIP.text`` (SigLIP, MobileCLIP-S, CoCa).  Hugging Face towers (``HFTextEncoder``)
and MobileCLIP's convolutional text tower embed tokens themselves and are not supported.

Prompts may be truncated if the pooled feature cannot depend on the positions cut off.  This is
determined from the tower (mask, pooling), not from its name.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as nn_f
from torch.utils.checkpoint import checkpoint

from trainer.out_of_memory import is_out_of_memory

log = logging.getLogger(__name__)


class UnsupportedTextTowerError(Exception):
    """The backbone's text tower does not accept learned tokens; the message says why."""

    kind = "bad-weights"


@dataclass(frozen=True)
class TokenFrame:
    """What the tokenizer puts around a text.

    prefix and suffix: ids before and after it (CLIP: start, end; SigLIP: none).
    pad: the padding id.
    """

    prefix: tuple[int, ...]
    suffix: tuple[int, ...]
    pad: int


class TextTower:
    """A frozen text tower.

    Attributes:
        width: of a token embedding, W.
        context_length: positions the tower was trained with, L (77 for CLIP, 64 for SigLIP).
        causal: whether a position attends only to earlier ones.
        truncates: whether the pooled feature does not depend on positions after the last real
            token, so that shorter sequences give the same result.
    """

    def __init__(self, model: nn.Module, tokenizer: Callable[[Sequence[str]], Tensor]) -> None:
        tower: Any = getattr(model, "text", model)
        needed = ("transformer", "token_embedding", "positional_embedding", "ln_final")
        if not all(hasattr(tower, name) for name in needed) or not hasattr(
            tower.transformer, "resblocks"
        ):
            raise UnsupportedTextTowerError(
                f"This backbone's text tower ({type(tower).__name__}) does not accept learned "
                "tokens, so prompts cannot be trained on it. Predictions work; to retrain, "
                "choose a CLIP, SigLIP or MobileCLIP2 backbone."
            )
        self._tower = tower
        self._tokenizer = tokenizer
        self.width = int(tower.token_embedding.weight.shape[1])
        self.context_length = int(tower.context_length)
        mask = getattr(tower, "attn_mask", None)
        self._mask: Tensor | None = mask
        self._pool = str(getattr(tower, "pool_type", getattr(tower, "text_pool_type", "argmax")))
        self._eos_id = getattr(tower, "eos_id", getattr(tower, "text_eos_id", None))
        self._cls = getattr(tower, "cls_emb", None)
        # As in open_clip, CLIP ignores use_pad_mask even if its config sets it.
        self._pad_mask = bool(getattr(tower, "use_pad_mask", False))
        self.causal = mask is not None
        self.truncates = self.causal and self._pool in ("argmax", "eos") and self._cls is None
        self.layers = len(tower.transformer.resblocks)
        self.frame = self._find_frame()

    @property
    def device(self) -> torch.device:
        return self._tower.token_embedding.weight.device

    @property
    def vocabulary(self) -> Tensor:
        """Token embedding table, (V, W)."""
        return self._tower.token_embedding.weight

    def decode(self, token: int) -> str:
        """The text of a token id, or its number if the tokenizer cannot decode it."""
        decoder = getattr(self._tokenizer, "decoder", None)
        if isinstance(decoder, dict):
            return str(decoder.get(token, token)).replace("</w>", "")
        inner = getattr(self._tokenizer, "tokenizer", None)
        return str(inner.decode([token])) if inner is not None else str(token)

    # ------------------------------------------------------------------------- tokens

    def body_ids(self, text: str) -> list[int]:
        """Token ids of ``text`` without prefix and suffix, truncated to the tower's length."""
        row = self._row(text)
        return row[len(self.frame.prefix) : len(row) - len(self.frame.suffix)]

    def inner_ids(self, text: str) -> list[int]:
        """Token ids of ``text`` within a sentence.

        Some tokenizers (Gemma's, of SigLIP 2) encode a word differently at the beginning of a
        sentence, and most a full stop without a word before it.
        """
        before = self.body_ids("a")
        whole = self.body_ids(f"a{text}")
        return whole[len(before) :] if whole[: len(before)] == before else self.body_ids(text)

    def rows(self, bodies: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Add prefix and suffix to token lists, truncate and pad them.

        Returns:
            ids: (n, length) int64; length is that of the longest row if :attr:`truncates`, else
                :attr:`context_length`.
            lengths: (n,) int64, real tokens per row.
        """
        frame = self.frame
        room = self.context_length - len(frame.prefix) - len(frame.suffix)
        framed = [[*frame.prefix, *body[:room], *frame.suffix] for body in bodies]
        longest = max((len(row) for row in framed), default=1)
        width = max(longest, 1) if self.truncates else self.context_length
        ids = torch.full((len(framed), width), frame.pad, dtype=torch.long)
        for index, row in enumerate(framed):
            ids[index, : len(row)] = torch.tensor(row, dtype=torch.long)
        lengths = torch.tensor([len(row) for row in framed], dtype=torch.long)
        return ids.to(self.device), lengths.to(self.device)

    def embed(self, ids: Tensor) -> Tensor:
        """Token embeddings of ids (n, length), (n, length, W) float32, without gradient."""
        with torch.no_grad():
            return self._tower.token_embedding(ids).float()

    def _row(self, text: str) -> list[int]:
        ids = [int(item) for item in self._tokenizer([text])[0]]
        while ids and ids[-1] == self.frame.pad:
            ids.pop()
        # If the padding id is also the end of text (SigLIP), there is no suffix.
        return ids

    def _find_frame(self) -> TokenFrame:
        """Compare an empty text with a word: the common beginning is the prefix, the rest of the
        empty text the suffix.
        """
        empty = [int(item) for item in self._tokenizer([""])[0]]
        word = [int(item) for item in self._tokenizer(["a"])[0]]
        pad = word[-1]
        start = 0
        while start < len(empty) and empty[start] == word[start] != pad:
            start += 1
        while empty and empty[-1] == pad:
            empty.pop()
        return TokenFrame(tuple(empty[:start]), tuple(empty[start:]), pad)

    # ------------------------------------------------------------------------ forward

    def forward(self, ids: Tensor, embeddings: Tensor) -> Tensor:
        """Text features of token ``embeddings``; differentiable in them.

        Args:
            ids: (n, length) int64; used for pooling and padding only.
            embeddings: (n, length, W).

        Returns:
            (n, D), not normalised, in the tower's dtype.
        """
        tower = self._tower
        dtype = tower.transformer.get_cast_dtype()
        x = embeddings.to(dtype)
        count, length = ids.shape
        if self._cls is not None:
            x = torch.cat([x, self._cls.to(dtype).expand(count, 1, -1)], 1)
            length += 1
        x = x + tower.positional_embedding[:length].to(dtype)
        mask = self._attention_mask(ids, length, dtype)
        if self._pool == "argmax" and hasattr(tower.transformer, "at"):
            x = tower.transformer.at(x, mask, ids.argmax(-1))
        else:
            x = self._pooled(tower.transformer(x, attn_mask=mask), ids)
        pooled = tower.ln_final(x)
        projection = tower.text_projection
        if projection is None:
            return pooled
        return projection(pooled) if isinstance(projection, nn.Linear) else pooled @ projection

    def _attention_mask(self, ids: Tensor, length: int, dtype: torch.dtype) -> Tensor | None:
        mask = None if self._mask is None else self._mask[:length, :length]
        if self._pad_mask or self._cls is not None:
            added = cast(Tensor, self._tower._build_additive_mask(ids, length, dtype))
            return added if mask is None else mask.unsqueeze(0) + added
        return mask

    def _pooled(self, x: Tensor, ids: Tensor) -> Tensor:
        rows = torch.arange(x.shape[0], device=x.device)
        if self._cls is not None or self._pool == "last":
            return x[:, -1]
        if self._pool == "first":
            return x[:, 0]
        if self._pool == "eos":
            return x[rows, (ids == self._eos_id).int().argmax(-1)]
        if self._pool == "argmax":
            return x[rows, ids.argmax(-1)]
        raise UnsupportedTextTowerError(
            f"This backbone's text tower pools by {self._pool!r}, which is not supported."
        )

    def encode(
        self,
        ids: Tensor,
        embeddings: Tensor | None = None,
        *,
        chunk: int = 256,
        on_chunk: Callable[..., None] | None = None,
    ) -> Tensor:
        """Unit-norm float32 features of texts, (n, D), without gradient; in smaller chunks if
        memory runs out.
        """
        parts: list[Tensor] = []
        with torch.no_grad():
            start = 0
            while start < len(ids):
                if on_chunk is not None:
                    on_chunk()
                part = ids[start : start + chunk]
                try:
                    piece = (
                        self.embed(part)
                        if embeddings is None
                        else embeddings[start : start + chunk]
                    )
                    parts.append(nn_f.normalize(self.forward(part, piece).float(), dim=-1))
                except (MemoryError, RuntimeError) as error:
                    if not is_out_of_memory(error) or len(part) == 1:
                        raise
                    chunk = len(part) // 2
                    log.warning("out of memory with %d texts at once; halving", len(part))
                    continue
                start += len(part)
        dim = 0 if not parts else parts[0].shape[1]
        return torch.cat(parts) if parts else torch.zeros(0, dim, device=self.device)

    def encode_with_gradient(
        self,
        make: Callable[[Tensor], Tensor],
        ids: Tensor,
        lengths: Tensor,
        rows: Tensor,
        *,
        chunk: int,
        recompute: bool,
        on_chunk: Callable[..., None] | None = None,
    ) -> Tensor:
        """Unit-norm float32 features of ``make(rows)`` (n, length, W), chunk by chunk.

        If the tower :attr:`truncates`, rows of similar ``lengths`` share a chunk, which is as long
        as its longest row: a vocabulary has a few long names and many short ones.

        With ``recompute`` only one chunk's activations are in memory at a time; they are recomputed
        in the backward pass.  ``on_chunk`` is called before every chunk, forward and backward, and
        may raise to stop.
        """

        def piece(part: Tensor) -> Tensor:
            if on_chunk is not None:
                on_chunk()
            longest = int(lengths[part].max()) if self.truncates else ids.shape[1]
            return self.forward(ids[part, :longest], make(part)[:, :longest])

        order = torch.argsort(lengths[rows], stable=True)
        features: list[Tensor] = []
        for start in range(0, len(rows), chunk):
            part = rows[order[start : start + chunk]]
            if recompute:
                # The part must be an argument, or checkpoint gets no tensor at all.
                out = cast(Tensor, checkpoint(piece, part, use_reentrant=False))
            else:
                out = piece(part)
            if on_chunk is not None and out.requires_grad:
                out.register_hook(on_chunk)
            features.append(nn_f.normalize(out.float(), dim=-1))
        return torch.cat(features)[torch.argsort(order)]
