"""A raw file and a developed photo of the same name are one photo: which is shown for which.

See docs/adr/0030.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from lmpt_desktop.domain.records import Batch
from trainer.file_formats import RAW_SUFFIXES, suffix_of

DEVELOPED_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    *(".heic", ".heif", ".hif", ".avif", ".jxl"),
)
"""What cameras and phones write beside a raw file; of several the first is shown."""
_RANK = {suffix: rank for rank, suffix in enumerate(DEVELOPED_SUFFIXES)}
_RAW = frozenset(RAW_SUFFIXES)


class Member(NamedTuple):
    """An image that may be half of a pair."""

    id: int
    path: str
    """Relative to its folder."""
    is_there: bool
    """Its file is at its place, and the library does not leave it out."""
    can_be_shown: bool = True
    """It is there, can be read, and its picture is known to be the one that was annotated."""
    may_wait: bool = False
    """It is gone, but all that is known of it may wait behind the other half until it returns."""
    shown_id: int | None = None
    """The image that it is shown as part of until now."""


class PairFigures(NamedTuple):
    """What showing raw files and developed photos of the same name as one photo changes."""

    pairs: int = 0
    """How many files would no longer be shown by themselves."""
    with_verdicts: int = 0
    """Of how many of them the user has said something."""
    contradicting: int = 0
    """Of how many of those it contradicts what was said of the photo."""


@dataclass(frozen=True)
class PairReport:
    """How the pairs of a library have changed.

    Attributes:
        formed: images that are shown as part of another one now.
        ended: images that no longer are.
        batches: verdicts that were given to the other half, in batches that can be undone.
        contradicting: shown images whose new companion has verdicts that contradict theirs; both
            are kept, and the shown image's count.
    """

    formed: list[int] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    contradicting: list[int] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.formed or self.ended)


def is_raw(path: str) -> bool:
    """Whether a file is raw, by its name."""
    return suffix_of(path.rpartition("/")[2]) in _RAW


def kind_text(suffix: str) -> str:
    """What a raw file of this suffix is called on screen, such as "CR3"; "" of none."""
    return suffix[1:].upper()


def stem_of(path: str) -> str:
    """What the names of a pair have in common: folder and name without suffix."""
    folder, slash, name = path.rpartition("/")
    return folder + slash + (name[: -len(suffix)] if (suffix := suffix_of(name)) else name)


def companions_of(paths: Collection[str]) -> dict[str, str]:
    """Of these relative paths, the raw files that have a developed photo of the same name in the
    same folder, each with that photo."""
    raw = {path: path[:-4].casefold() for path in paths if path[-4:].lower() in _RAW}
    if not raw:
        return {}
    wanted = frozenset(raw.values())
    developed: defaultdict[str, list[str]] = defaultdict(list)
    for path in paths:
        stem, _dot, suffix = path.rpartition(".")
        if f".{suffix.lower()}" in _RANK and (key := stem.casefold()) in wanted:
            developed[key].append(path)
    return {
        path: found[0] if len(found) == 1 else _best(path, found)
        for path, key in raw.items()
        if (found := developed.get(key))
    }


def pair_up(members: Iterable[Member], *, enabled: bool = True) -> dict[int, int]:
    """Which image is shown as part of which other one: companion id to shown id.

    A raw file goes with a developed photo that can be shown, never the other way round, and no
    developed photo that is there is ever hidden.  When one half of a pair is gone, it waits behind
    the other; when both are gone, they stay as they are.  Without pairs (``enabled``) what is gone
    waits on, until it is back and gets what it lacks.
    """
    known = {member.id: member for member in members}
    here = (
        {}
        if not enabled
        else {
            m.path: m for m in known.values() if m.is_there and (m.can_be_shown or is_raw(m.path))
        }
    )
    found = {here[raw].id: here[shown].id for raw, shown in companions_of(here).items()}
    for member in known.values():
        other = known.get(member.shown_id) if member.shown_id is not None else None
        if other is None or member.id in found:
            continue
        if member.is_there:
            # The half that was shown is gone: this one is shown now, and keeps its place for it.
            if enabled and other.may_wait and other.id not in found:
                found[other.id] = member.id
        elif member.may_wait and (other.is_there or other.may_wait):
            found[member.id] = other.id
    return _without_chains(found)


def _without_chains(found: Mapping[int, int]) -> dict[int, int]:
    """What is shown is not a companion itself."""
    result: dict[int, int] = {}
    for companion, other in found.items():
        seen, shown = {companion}, other
        while shown in found and shown not in seen:
            seen.add(shown)
            shown = found[shown]
        if shown not in seen:
            result[companion] = shown
    return result


def _best(raw: str, developed: Iterable[str]) -> str:
    """The one that is shown for a raw file: its name is spelled alike, then by format."""
    stem = stem_of(raw)
    return min(developed, key=lambda path: (stem_of(path) != stem, _RANK[suffix_of(path)], path))
