"""Learned prompts: context tokens in front of (or around) each class name.

``[start] ctx_1 .. ctx_M  class tokens . [end]`` (DESIGN section 4; CoOp's layouts).  The contexts
are the only parameters.  They stay in float32 whatever precision the tower uses: half-precision
contexts lose small updates and overflow, one of the causes of NaN in the authors' code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trainer.options import ClassPosition
from trainer.text_tower import TextTower

INIT_STD = 0.02
"""Of random contexts (CoOp, LMPT)."""


@dataclass(frozen=True)
class PromptLayout:
    """What the prompts look like before training.

    words: initial context, one learned token per token of it.
    tokens: if positive, this number of context tokens drawn from N(0, 0.02) instead of ``words``.
    position: of the class name: after, in the middle of, or before the contexts.
    shared: one set of contexts for all classes instead of one per class.
    """

    words: str = "a photo of a"
    tokens: int = 0
    position: ClassPosition = "end"
    shared: bool = False
    seed: int = 0


@dataclass(frozen=True)
class _Rows:
    ids: Tensor
    lengths: Tensor
    slots: Tensor
    """(C, M) int64, positions of the contexts."""


class PromptLearner(nn.Module):
    """Contexts for C classes over a frozen text tower.

    Parameters:
        contexts: (C, M, W) float32, or (1, M, W) if shared.

    Args:
        texts: C class names or descriptions; a description too long for the tower is cut
            at a token.
        chunk: classes per pass through the tower.
        recompute: trade time for memory (gradient checkpointing per chunk).
        on_chunk: called between chunks, forward and backward; may raise to stop.
    """

    contexts: nn.Parameter

    def __init__(
        self,
        tower: TextTower,
        texts: Sequence[str],
        layout: PromptLayout | None = None,
        *,
        chunk: int = 64,
        recompute: bool = False,
        on_chunk: Callable[..., None] | None = None,
    ) -> None:
        super().__init__()
        self.layout = layout or PromptLayout()
        self._tower = tower
        self.chunk, self.recompute, self._on_chunk = chunk, recompute, on_chunk
        words: list[int] = []
        if self.layout.tokens <= 0:
            after_name = self.layout.position == "front"
            words = self._ids(self.layout.words, within=after_name)
        count = self.layout.tokens if self.layout.tokens > 0 else len(words)
        limit = tower.context_length - len(tower.frame.prefix) - len(tower.frame.suffix) - 2
        if not 0 < count <= limit:
            raise ValueError(
                f"a prompt must have between 1 and {limit} context tokens for this backbone, "
                f"not {count}"
            )
        self._rows = self._lay_out(texts, count)
        copies = 1 if self.layout.shared else len(texts)
        self.contexts = nn.Parameter(self._initial(words, count, copies))

    @property
    def classes(self) -> int:
        return len(self._rows.ids)

    @property
    def token_ids(self) -> Tensor:
        """(C, length) int64, with an arbitrary id at the positions of contexts."""
        return self._rows.ids

    @property
    def token_mask(self) -> Tensor:
        """(C, length) float, 1 on the prompts' tokens and 0 on padding."""
        ids, lengths = self.token_ids, self._rows.lengths
        return (torch.arange(ids.shape[1], device=ids.device)[None] < lengths[:, None]).float()

    def token_embeddings(self, rows: Tensor | None = None) -> Tensor:
        """Input embeddings of the prompts, (n, length, W) float32; differentiable."""
        index = self._all_rows() if rows is None else rows
        x = self._tower.embed(self._rows.ids[index])
        slots = self._rows.slots[index]
        learned = self.contexts.expand(self.classes, -1, -1)[index]
        picked = torch.arange(len(index), device=x.device)[:, None].expand_as(slots)
        return x.index_put((picked, slots), learned)

    def forward(self, rows: Tensor | None = None) -> Tensor:
        """Class embeddings, (n, D) float32 unit norm, for all classes or those in ``rows``."""
        return self._tower.encode_with_gradient(
            self.token_embeddings,
            self._rows.ids,
            self._rows.lengths,
            self._all_rows() if rows is None else rows,
            chunk=self.chunk,
            recompute=self.recompute and torch.is_grad_enabled(),
            on_chunk=self._on_chunk,
        )

    def _all_rows(self) -> Tensor:
        return torch.arange(self.classes, device=self._rows.ids.device)

    def _initial(self, words: list[int], count: int, copies: int) -> Tensor:
        tower = self._tower
        if words:
            one = tower.embed(torch.tensor([words], device=tower.device))
            return one.repeat(copies, 1, 1).clone()
        # Drawn on the CPU, so that a seed gives the same numbers on every device.
        generator = torch.Generator().manual_seed(self.layout.seed)
        drawn = torch.randn(copies, count, tower.width, generator=generator) * INIT_STD
        return drawn.to(tower.device)

    def _ids(self, text: str, *, within: bool) -> list[int]:
        return self._tower.inner_ids(f" {text}") if within else self._tower.body_ids(text)

    def _lay_out(self, texts: Sequence[str], count: int) -> _Rows:
        tower, frame = self._tower, self._tower.frame
        stop = tower.inner_ids(".")
        room = tower.context_length - len(frame.prefix) - len(frame.suffix) - count - len(stop)
        before = {"end": count, "middle": count // 2, "front": 0}[self.layout.position]
        # Any id that is not special can be the placeholder of a context.
        placeholder = tower.body_ids("a")[0]
        bodies: list[list[int]] = []
        slots: list[list[int]] = []
        for text in texts:
            cleaned = " ".join(text.replace("_", " ").split()).rstrip(".")
            name = self._ids(cleaned, within=before > 0)[:room]
            bodies.append([placeholder] * before + name + [placeholder] * (count - before) + stop)
            first = len(frame.prefix)
            places = [first + item for item in range(before)]
            after = first + before + len(name)
            slots.append(places + [after + item for item in range(count - before)])
        ids, lengths = tower.rows(bodies)
        return _Rows(ids, lengths, torch.tensor(slots, device=tower.device).reshape(-1, count))


def activation_bytes(learner: PromptLearner, tower: TextTower) -> int:
    """Estimate of the activations that one forward pass over all classes keeps for the backward
    pass, in bytes.
    """
    rows, length = learner.token_mask.shape
    # Attention in and out, the MLP's fourfold width twice, norms: about 18 widths of float32.
    return rows * length * tower.layers * tower.width * 18 * 4
