"""Sentence embeddings by all-MiniLM-L6-v2, cached because they are slow.

sentence-transformers is not needed: the model is a BERT, a mean over its tokens and a unit norm.
"""

import hashlib
import logging
import time
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from trainer.lite.ingredients import import_ingredient, minilm_folder
from trainer.temporary_files import sweep, temporary_name

MINILM_DIM = 384
MAX_TOKENS = 64
_log = logging.getLogger(__name__)


def mean_pool(states: Tensor, mask: Tensor) -> Tensor:
    """(B, T, D) states and (B, T) mask -> (B, D) unit-norm mean over the real tokens."""
    weights = mask.unsqueeze(-1).to(states.dtype)
    mean = (states * weights).sum(1) / weights.sum(1).clamp_min(1)
    return torch.nn.functional.normalize(mean, dim=-1)


@torch.inference_mode()
def embed_sentences(texts: list[str], batch: int = 128) -> Tensor:
    """Embed texts with MiniLM: float32 (len(texts), 384), unit norm."""
    transformers = import_ingredient("transformers")
    folder = str(minilm_folder())
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    out = torch.empty(len(texts), MINILM_DIM)
    # Batches of similar length need little padding.
    order = sorted(range(len(texts)), key=lambda i: (len(texts[i].split()), len(texts[i])))
    start, last_log = time.monotonic(), time.monotonic()
    for first in range(0, len(order), batch):
        rows = order[first : first + batch]
        tokens = tokenizer(
            [texts[i] for i in rows],
            padding=True,
            truncation=True,
            max_length=MAX_TOKENS,
            return_tensors="pt",
        )
        out[rows] = mean_pool(model(**tokens).last_hidden_state, tokens["attention_mask"])
        if time.monotonic() - last_log > 20:
            last_log = time.monotonic()
            _log.info("MiniLM: %d of %d texts, %.0f s", first, len(order), last_log - start)
    return out


class SentenceCache:
    """MiniLM embeddings of lists of texts, one file per list, named by a hash of the list."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def __call__(self, texts: list[str]) -> Tensor:
        """Unit-norm float32 (len(texts), 384), from the cache if it has this list."""
        if self.folder is None:
            return embed_sentences(texts)
        key = hashlib.sha256("\n".join(texts).encode()).hexdigest()[:20]
        path = self.folder / f"minilm-{key}.safetensors"
        if path.is_file():
            return load_file(path)["embeddings"].float()
        embeddings = embed_sentences(texts)
        self.folder.mkdir(parents=True, exist_ok=True)
        sweep(self.folder)
        partial = temporary_name(path)
        save_file({"embeddings": embeddings.half()}, partial)
        partial.replace(path)
        return embeddings
