"""Tokenizers of the Hugging Face hub, read from their two files with the ``tokenizers`` library.

SigLIP, SigLIP 2 and CLIPA come with such a tokenizer.  open_clip's ``HFTokenizer`` needs the whole
of ``transformers`` for it; this class does the same with the small library underneath, and only
with files that are on this computer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from open_clip.tokenizer import get_clean_fn
from tokenizers import Tokenizer
from torch import Tensor

from trainer.suggested import TOKENIZER_FILE

TOKENIZER_FILES = (TOKENIZER_FILE, "tokenizer_config.json")
"""The vocabulary with its rules; and which special tokens frame and fill up a text."""


class TokenizerError(Exception):
    """The files are no tokenizer; the message is a sentence."""


class HubTokenizer:
    """Texts to (n, L) int64, cut and padded at the right to L tokens.

    Attributes:
        tokenizer: of the ``tokenizers`` library; :meth:`trainer.text_tower.TextTower.decode` asks
            it.
    """

    def __init__(
        self,
        vocabulary: Path,
        settings: Path,
        *,
        context_length: int,
        clean: str = "whitespace",
        strip_sep_token: bool = False,
    ) -> None:
        """Read the two files.

        Args:
            vocabulary, settings: the files named in :data:`TOKENIZER_FILES`.
            context_length: L.
            clean: how texts are cleaned before, by open_clip's names; SigLIP's "canonicalize" makes
                them lower case and removes punctuation.
            strip_sep_token: put 0 in place of the separator at the end of a text (CLIPA).

        Raises:
            TokenizerError: if they cannot be read.
        """
        try:
            self.tokenizer: Tokenizer = Tokenizer.from_file(str(vocabulary))
            config = json.loads(settings.read_text(encoding="utf-8"))
        except Exception as error:  # the library raises plain Exception
            raise TokenizerError(
                f"The tokenizer in {vocabulary.parent} cannot be read ({error})."
            ) from error
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self._length = context_length
        self._clean = get_clean_fn(clean)
        self._prefix, self._suffix = self._frame(config)
        pad = self._id(config, "pad_token")
        self._pad = 0 if pad is None else pad
        self._stripped = self._id(config, "sep_token") if strip_sep_token else None

    def __call__(self, texts: Sequence[str]) -> Tensor:
        rows = torch.full((len(texts), self._length), self._pad, dtype=torch.long)
        room = self._length - len(self._prefix) - len(self._suffix)
        cleaned = [self._clean(text) for text in texts]
        bodies = self.tokenizer.encode_batch(cleaned, add_special_tokens=False)
        for row, body in zip(rows, bodies, strict=True):
            ids = [*self._prefix, *body.ids[:room], *self._suffix]
            row[: len(ids)] = torch.tensor(ids, dtype=torch.long)
        if self._stripped is not None:
            rows[rows == self._stripped] = 0
        return rows

    def _frame(self, config: dict[str, Any]) -> tuple[list[int], list[int]]:
        """Ids before and after every text: what the settings say, else what the vocabulary's file
        does by itself."""
        word = self.tokenizer.encode("a", add_special_tokens=False).ids
        framed = self.tokenizer.encode("a").ids
        starts = range(len(framed) - len(word) + 1)
        start = next((i for i in starts if framed[i : i + len(word)] == word), 0)
        prefix, suffix = framed[:start], framed[start + len(word) :]
        for key, token, ids in (
            ("add_bos_token", "bos_token", prefix),
            ("add_eos_token", "eos_token", suffix),
        ):
            added = config.get(key)
            known = self._id(config, token)
            if added is not None:
                ids[:] = [known] if added and known is not None else []
        return prefix, suffix

    def _id(self, config: dict[str, Any], key: str) -> int | None:
        token = config.get(key)
        if isinstance(token, dict):
            token = token.get("content")
        return self.tokenizer.token_to_id(token) if isinstance(token, str) else None
