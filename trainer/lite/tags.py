"""Words for the things in a photo, from its captions: labels for single words.

Captions name things in passing ("a man throws a stick to his dog"). Nouns are found without a
parser: a word or pair of words that WordNet lists as a noun, singular, less those that captions
use otherwise; with the wider words of ``wordings.HYPERNYMS``.
"""

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from trainer.lite.wordings import HYPERNYMS

AT_LEAST = 12
_WORD = re.compile(r"[a-z]+(?:-[a-z]+)?")
_IRREGULAR = {"men": "man", "women": "woman", "children": "child", "people": "people"}
_PLURAL_ONLY = frozenset(
    ("clothes", "glasses", "goggles", "jeans", "pants", "shorts", "skis", "stairs", "sunglasses")
)
# In WordNet's list of nouns, but hardly ever the name of a thing in a caption.
_NOT_THINGS = frozenset((
    "air", "and", "another", "are", "area", "back", "balance", "balances", "being", "big", "bit",
    "black", "blue", "body", "bright", "brown", "bunch", "catch", "climb", "climbs", "color",
    "cut", "dance", "dances", "dark", "does", "down", "end", "female", "fight", "five", "for",
    "four", "from", "front", "get", "gets", "gray", "green", "grey", "group", "hang", "hangs",
    "has", "have", "her", "high", "him", "his", "hit", "hits", "hold", "into", "its", "jump",
    "jumps", "kick", "kicks", "large", "laugh", "laughs", "lay", "leap", "leaps", "left", "lie",
    "light", "look", "make", "makes", "male", "middle", "near", "next", "number", "old", "one",
    "open", "others", "over", "part", "perform", "performs", "pick", "picture", "piece", "pink",
    "place", "play", "plays", "pose", "poses", "purple", "races", "red", "rest", "rests", "ride",
    "rider", "rides", "right", "rough", "run", "runs", "set", "several", "she", "show", "shows",
    "side", "sit", "sits", "six", "small", "smile", "smiles", "splash", "stand", "stands", "start",
    "stop", "swim", "swims", "take", "takes", "tan", "the", "their", "them", "there", "thing",
    "three", "throw", "throws", "top", "trick", "tries", "try", "turn", "two", "use", "using",
    "view", "walk", "walks", "wars", "watch", "way", "wear", "wears", "while", "white", "with",
    "work", "yellow", "young",
))  # fmt: skip


@dataclass(frozen=True)
class TagTable:
    """``words`` W of them, and ``counts`` (N, W): the share of a photo's captions naming each."""

    words: list[str]
    counts: Tensor


def singular(word: str, nouns: Collection[str]) -> str | None:
    """The noun that ``word`` is a form of, or None."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word not in _PLURAL_ONLY and word.endswith("s") and not word.endswith("ss"):
        stems = [word[:-1]]
        if word.endswith("ies"):
            stems.insert(0, word[:-3] + "y")
        elif word.endswith(("ches", "shes", "xes", "sses")):
            stems.insert(0, word[:-2])
        for stem in stems:
            if stem in nouns:
                return stem
    return word if word in nouns else None


def caption_things(caption: str, nouns: Collection[str]) -> set[str]:
    """Words and pairs of words in ``caption`` that name things, and their wider words."""
    words = _WORD.findall(caption.lower())
    found: set[str] = set()
    for word in words:
        if len(word) > 2 and word not in _NOT_THINGS:
            noun = singular(word, nouns)
            if noun is not None and noun not in _NOT_THINGS:
                found.add(noun)
            found.update(HYPERNYMS.get(word, ()))
    for first, second in pairwise(words):
        pair = f"{first} {singular(second, nouns) or second}"
        if pair in nouns:
            found.add(pair)
    return found


def tag_table(
    captions: list[tuple[str, ...]], nouns: Collection[str], at_least: int = AT_LEAST
) -> TagTable:
    """Words in the captions of ``at_least`` photos, most frequent first."""
    photos = [Counter(t for c in photo for t in caption_things(c, nouns)) for photo in captions]
    spread = Counter(word for counts in photos for word in counts)
    words = [w for w, n in sorted(spread.items(), key=lambda x: (-x[1], x[0])) if n >= at_least]
    columns = {word: column for column, word in enumerate(words)}
    counts = torch.zeros(len(captions), len(words))
    for row, (found, photo) in enumerate(zip(photos, captions, strict=True)):
        for word, number in found.items():
            if word in columns:
                counts[row, columns[word]] = number / len(photo)
    return TagTable(words, counts)
