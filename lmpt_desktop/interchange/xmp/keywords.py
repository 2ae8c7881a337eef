"""Keywords and classes: which keywords are the same, and what is written for a class.

``dc:subject`` is flat; ``lr:hierarchicalSubject`` has paths with ``|`` between their parts,
``digiKam:TagsList`` and Microsoft's list paths with ``/``.  None of them has an escape, so in a
list where a character separates, one that looks like it stands for it: ``/`` is written ``∕`` in
TagsList, and ``|`` is written ``¦`` in lr.  Both are written as they are everywhere else, which is
where reading gets the name from.

Keywords that differ only in case, in Unicode's composition, or in such a character are the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from lmpt_desktop.interchange.record import HIERARCHY_SEPARATOR
from lmpt_desktop.interchange.xmp.packet import KeywordList, Packet

KeywordPath = tuple[str, ...]
"""The parts of a keyword, from the widest to the narrowest; of a flat one a single part."""

PROGRAM_ROOTS = frozenset(("darktable", "_digikam_internal_tags_"))
"""First parts, lower case, of tags that programs use for themselves: read, but not copied from
one list to another."""

SLASH = "\N{DIVISION SLASH}"
BAR = "\N{BROKEN BAR}"
_LOOK_ALIKES = str.maketrans({SLASH: "/", BAR: "|"})
# What XML 1.0 does not allow, not even as a reference; half a surrogate pair; and the control
# characters that it allows, which some readers (exiv2) replace.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@lru_cache(maxsize=1 << 14)
def keyword_of(name: str) -> str:
    """What a class is called in XMP: its name without control characters and others that XML does
    not allow, and with single spaces; "" if nothing is left."""
    return " ".join(_FORBIDDEN.sub("", name).split())


@lru_cache(maxsize=1 << 14)
def key_of(keyword: str) -> str:
    """The same for keywords that are the same."""
    plain = " ".join(keyword.translate(_LOOK_ALIKES).split())
    return unicodedata.normalize("NFC", plain).casefold()


@dataclass(frozen=True)
class Keywords:
    """The keywords in one place: a photo, or a side file; as written, in order.

    Attributes:
        flat: of ``dc:subject``, and of IPTC.
        hierarchical: of ``lr:hierarchicalSubject``.
        tags: of ``digiKam:TagsList``.
        last_keywords: of ``MicrosoftPhoto:LastKeywordXMP``.
        absent: of our own list.
    """

    flat: tuple[str, ...] = ()
    hierarchical: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    last_keywords: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()

    @classmethod
    def of(cls, packet: Packet, iptc: Iterable[str] = ()) -> Keywords:
        """Of a packet, and those in IPTC."""
        flat = dict.fromkeys((*packet.keywords(KeywordList.SUBJECT), *iptc))
        return cls(
            tuple(flat),
            tuple(packet.keywords(KeywordList.HIERARCHICAL)),
            tuple(packet.keywords(KeywordList.TAGS)),
            tuple(packet.keywords(KeywordList.LAST_KEYWORD)),
            tuple(packet.keywords(KeywordList.ABSENT)),
        )

    def and_those_of(self, other: Keywords) -> Keywords:
        """With those of another place behind them, each once in its list."""
        return Keywords(
            tuple(dict.fromkeys((*self.flat, *other.flat))),
            tuple(dict.fromkeys((*self.hierarchical, *other.hierarchical))),
            tuple(dict.fromkeys((*self.tags, *other.tags))),
            tuple(dict.fromkeys((*self.last_keywords, *other.last_keywords))),
            tuple(dict.fromkeys((*self.absent, *other.absent))),
        )

    def without(self, names: Mapping[KeywordList, Sequence[str]]) -> Keywords:
        """Without these, each in the list where it is named."""

        def rest(which: KeywordList, there: tuple[str, ...]) -> tuple[str, ...]:
            gone = frozenset(names.get(which, ()))
            return tuple(name for name in there if name not in gone)

        return Keywords(
            rest(KeywordList.SUBJECT, self.flat),
            rest(KeywordList.HIERARCHICAL, self.hierarchical),
            rest(KeywordList.TAGS, self.tags),
            self.last_keywords,
            rest(KeywordList.ABSENT, self.absent),
        )

    def paths(self) -> list[KeywordPath]:
        """The lists that hold paths, as paths."""
        found = [_split(text, "|") for text in self.hierarchical]
        found += [_split(text, "/") for text in (*self.tags, *self.last_keywords)]
        return [path for path in found if path]


def _split(text: str, separator: str) -> KeywordPath:
    return tuple(part for item in text.split(separator) if (part := " ".join(item.split())))


def _keys(path: KeywordPath) -> KeywordPath:
    return tuple(map(key_of, path))


def _plain(path: KeywordPath) -> str:
    return "|".join(path).translate(_LOOK_ALIKES)


def _look_alikes(path: KeywordPath) -> int:
    return sum(part.count(SLASH) + part.count(BAR) for part in path)


class _Merged:
    """Paths, each once, in order."""

    def __init__(self) -> None:
        self._paths: dict[KeywordPath, KeywordPath] = {}
        self._parts: set[str] = set()
        self._leaves: set[str] = set()

    def add(self, path: KeywordPath) -> None:
        """Add a path; of two spellings, the one with fewer look-alikes is kept."""
        keys = _keys(path)
        known = self._paths.setdefault(keys, path)
        if _plain(known) == _plain(path) and _look_alikes(path) < _look_alikes(known):
            self._paths[keys] = path
        if len(keys) > 1:
            self._parts.update(keys)
            joined = ("/".join(keys), "|".join(keys))
            self._parts.update(joined)
            self._leaves.update((keys[-1], *joined))

    def add_flat(self, keyword: str) -> None:
        """Add a flat keyword, unless it is a part of a path: programs that write paths list their
        parts as flat keywords, too."""
        if key_of(keyword) not in self._parts:
            self.add((keyword,))

    def add_class(self, keyword: str) -> None:
        """Add the keyword of a class, unless it is the last part of a path, or a path written in
        one piece."""
        if key_of(keyword) not in self._leaves:
            self.add((keyword,))

    def __iter__(self) -> Iterator[KeywordPath]:
        return iter(self._paths.values())


def _merged(places: Iterable[Keywords]) -> _Merged:
    merged = _Merged()
    places = list(places)
    for place in places:
        for path in place.paths():
            merged.add(path)
    for place in places:
        for keyword in place.flat:
            if text := " ".join(keyword.split()):
                merged.add_flat(text)
    return merged


@dataclass(frozen=True)
class PhotoKeywords:
    """What a photo's keywords say of classes: names, parts of paths separated by
    ``HIERARCHY_SEPARATOR``."""

    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


def classes_of(places: Iterable[Keywords]) -> PhotoKeywords:
    """The classes that a photo and its side files name.

    Flat keywords that are a part of a path are not classes of their own.  What our own list calls
    absent is absent, even if another program has a keyword for it.
    """
    places = list(places)
    absent = {key_of(name): name for place in places for name in place.absent}
    present = [
        HIERARCHY_SEPARATOR.join(path)
        for path in _merged(places)
        if not {key_of(path[-1]), "/".join(_keys(path)), "|".join(_keys(path))} & absent.keys()
    ]
    return PhotoKeywords(tuple(present), tuple(absent.values()))


@dataclass(frozen=True)
class KeywordChange:
    """What is to be added to the lists of a side file, and removed from them."""

    add: Mapping[KeywordList, Sequence[str]] = field(default_factory=dict)
    drop: Mapping[KeywordList, Sequence[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.add) or bool(self.drop)


def union(
    side: Keywords, embedded: Keywords, present: Sequence[str], absent: Sequence[str]
) -> KeywordChange:
    """What makes every list of a side file hold all keywords: those of the side file, those of
    the photo, and those of the classes.

    Other programs read one of the lists and none of the others, and where there is a side file
    some do not read the photo's.

    Args:
        side: of the side file.
        embedded: of the photo.
        present, absent: keywords of classes, as of :func:`keyword_of`.
    """
    merged = _merged((side, embedded))
    for keyword in present:
        merged.add_class(keyword)
    paths = [path for path in merged if path[0].casefold() not in PROGRAM_ROOTS]
    flat = [*side.flat, *embedded.flat, *(path[-1] for path in paths), *present]
    bars = ["|".join(part.replace("|", BAR) for part in path) for path in paths]
    slashes = ["/".join(part.replace("/", SLASH) for part in path) for path in paths]
    given = frozenset(map(key_of, present))
    new = {
        KeywordList.SUBJECT: _lacking(flat, side.flat, key_of),
        KeywordList.HIERARCHICAL: _lacking(bars, side.hierarchical, _bar_key),
        KeywordList.TAGS: _lacking(slashes, side.tags, _slash_key),
        KeywordList.ABSENT: _lacking(
            (name for name in absent if key_of(name) not in given), side.absent, key_of
        ),
    }
    stale = [name for name in side.absent if key_of(name) in given]
    return KeywordChange(
        {which: names for which, names in new.items() if names},
        {KeywordList.ABSENT: stale} if stale else {},
    )


def newly_written(present: Sequence[str], absent: Sequence[str]) -> Keywords:
    """What a side file holds that is written where no program has given keywords.

    Args:
        present, absent: keywords of classes, as of :func:`keyword_of`.
    """
    lists = union(Keywords(), Keywords(), present, absent).add
    return Keywords(
        flat=tuple(lists.get(KeywordList.SUBJECT, ())),
        hierarchical=tuple(lists.get(KeywordList.HIERARCHICAL, ())),
        tags=tuple(lists.get(KeywordList.TAGS, ())),
        absent=tuple(lists.get(KeywordList.ABSENT, ())),
    )


def _bar_key(text: str) -> KeywordPath:
    return _keys(_split(text, "|"))


def _slash_key(text: str) -> KeywordPath:
    return _keys(_split(text, "/"))


def _lacking(
    wanted: Iterable[str], there: Iterable[str], key: Callable[[str], object]
) -> list[str]:
    """Those of ``wanted`` that are not there, each once."""
    known = set(map(key, there))
    result: list[str] = []
    for raw in wanted:
        text = keyword_of(raw)
        if text and (found := key(text)) not in known:
            known.add(found)
            result.append(text)
    return result
