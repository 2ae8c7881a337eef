"""Finding an existing class under another spelling: case, plural, hyphen, a typo (Qt-free)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from lmpt_desktop.domain.records import ClassEntry

_IRREGULAR = {
    "people": "person",
    "men": "man",
    "women": "woman",
    "children": "child",
    "mice": "mouse",
    "geese": "goose",
    "teeth": "tooth",
    "feet": "foot",
    "oxen": "ox",
    "leaves": "leaf",
    "knives": "knife",
    "wolves": "wolf",
    "loaves": "loaf",
    "shelves": "shelf",
    "scarves": "scarf",
    "calves": "calf",
}
# Called at every key press with the whole vocabulary, whose names hardly ever change.
cache_of_names = lru_cache(maxsize=50_000)
SHORTEST_FOR_SPELLING = 5
"""In shorter names one letter makes another word: "cat", "car", "cart"."""


class Likeness(StrEnum):
    """How two names are alike."""

    SAME = "same"
    """The same apart from case, spaces, hyphens and accents."""
    ALIAS = "alias"
    """The name is another name of the class."""
    PLURAL = "plural"
    SPELLING = "spelling"
    """One letter is different, missing or added."""


@dataclass(frozen=True)
class NearName:
    """A class with a similar name: its id and name, which of its names is similar, and how."""

    class_id: int
    name: str
    meant: str
    likeness: Likeness


def near_name(name: str, classes: Iterable[ClassEntry], but: int | None = None) -> NearName | None:
    """The class that ``name`` is most likely another spelling of, if any.

    Linear in the number of names; 5,000 take some ten milliseconds.

    Args:
        name: as typed.
        classes: the vocabulary.
        but: id of a class to ignore (the one being renamed).
    """
    plain = _plain(name)
    if not plain:
        return None
    singulars = _singulars(plain)
    best: tuple[int, NearName] | None = None
    for entry in classes:
        if entry.id == but:
            continue
        for meant in (entry.name, *entry.aliases):
            found = _likeness(plain, singulars, _plain(meant), is_alias=meant is not entry.name)
            if found is None:
                continue
            rank = list(Likeness).index(found)
            if rank == 0:
                return NearName(entry.id, entry.name, meant, found)
            if best is None or rank < best[0]:
                best = rank, NearName(entry.id, entry.name, meant, found)
    return best[1] if best is not None else None


def _likeness(
    plain: str, singulars: frozenset[str], other: str, *, is_alias: bool
) -> Likeness | None:
    if plain == other:
        return Likeness.ALIAS if is_alias else Likeness.SAME
    if abs(len(plain) - len(other)) > 3:
        return None
    if other in singulars or plain in _singulars(other):
        return Likeness.PLURAL
    shortest = min(len(plain), len(other))
    if shortest >= SHORTEST_FOR_SPELLING and _one_apart(plain, other):
        return Likeness.SPELLING
    return None


@cache_of_names
def _plain(name: str) -> str:
    """Without case, accents, spaces and hyphens."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return re.sub(r"[\W_]+", "", "".join(c for c in letters if not unicodedata.combining(c)))


@cache_of_names
def _singulars(plain: str) -> frozenset[str]:
    """The name itself and the singulars it may be the plural of."""
    found = {plain}
    for many, one in _IRREGULAR.items():
        if plain.endswith(many):
            found.add(plain[: -len(many)] + one)
    if plain.endswith("ies"):
        found.add(plain[:-3] + "y")
    if plain.endswith("es"):
        found.add(plain[:-2])
    if plain.endswith("s"):
        found.add(plain[:-1])
    return frozenset(found)


def _one_apart(one: str, other: str) -> bool:
    """Whether replacing, adding or removing one letter, or swapping two neighbours, turns one
    name into the other."""
    short, long = sorted((one, other), key=len)
    if len(long) - len(short) > 1:
        return False
    start = 0
    while start < len(short) and short[start] == long[start]:
        start += 1
    if len(short) < len(long):
        return short[start:] == long[start + 1 :]
    rest_short, rest_long = short[start + 1 :], long[start + 1 :]
    if rest_short == rest_long:
        return True
    return (
        short[start : start + 2] == long[start : start + 2][::-1]
        and short[start + 2 :] == long[start + 2 :]
    )
