"""CLIP's tokenizer without torch: open_clip's vocabulary in the ``tokenizers`` library."""

from __future__ import annotations

import gzip
import html
import importlib.util
from collections.abc import Sequence
from pathlib import Path

VOCABULARY_SIZE = 49408
_START, _END = "<start_of_text>", "<end_of_text>"
_WORD_END = "</w>"
_FILE = "bpe_simple_vocab_16e6.txt.gz"
_WORDS = r"(?i)'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


class ClipTokenizer:
    """Texts to token ids, those of open_clip's ``SimpleTokenizer``.

    start, end: ids before and after each text.
    """

    def __init__(self) -> None:
        """Read the vocabulary that comes with open_clip.

        Raises:
            OSError: if it is missing.
        """
        from tokenizers import (  # noqa: PLC0415 - only texts need it
            AddedToken,
            Regex,
            Tokenizer,
            models,
            pre_tokenizers,
        )

        package = importlib.util.find_spec("open_clip")
        places = package.submodule_search_locations if package is not None else None
        if not places:
            raise FileNotFoundError(_FILE)
        lines = gzip.decompress((Path(next(iter(places))) / _FILE).read_bytes()).decode("utf-8")
        # As open_clip: a header, then as many merges as the vocabulary has room for.
        merges = [
            (pair[0], pair[1])
            for pair in (
                line.split() for line in lines.split("\n")[1 : VOCABULARY_SIZE - 2 - 512 + 1]
            )
        ]
        letters = _letters()
        names = [
            *letters,
            *(letter + _WORD_END for letter in letters),
            *(first + second for first, second in merges),
            _START,
            _END,
        ]
        vocabulary = {name: number for number, name in enumerate(names)}
        self.start, self.end = vocabulary[_START], vocabulary[_END]
        self._tokenizer = Tokenizer(
            models.BPE(vocab=vocabulary, merges=merges, end_of_word_suffix=_WORD_END)
        )
        self._tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(_WORDS), "removed", invert=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        self._tokenizer.add_special_tokens(
            [AddedToken(token, normalized=False) for token in (_START, _END)]
        )

    def bodies(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text, without those before and after it, not cut."""
        found = self._tokenizer.encode_batch(
            [cleaned(text) for text in texts], add_special_tokens=False
        )
        return [item.ids for item in found]


def cleaned(text: str) -> str:
    """As open_clip cleans texts before it splits them."""
    if not (text.isascii() and text.isprintable() and "&" not in text):
        import ftfy  # noqa: PLC0415 - takes a while, and most names need no mending

        text = html.unescape(html.unescape(ftfy.fix_text(text)))
    return " ".join(text.split()).lower()


def _letters() -> list[str]:
    """The letter that stands for each byte, in the order of CLIP's vocabulary."""
    printed = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = 256 - len(printed)
    return [*map(chr, printed), *(chr(0x100 + place) for place in range(others))]
