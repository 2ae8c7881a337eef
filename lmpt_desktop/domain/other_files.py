"""Files in the folders of a library that are no photos: counted by kind, and said."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lmpt_desktop.translation import _, ngettext, number

MAX_KINDS = 1000
"""Kinds that are told apart; files of more are counted without theirs."""
SHOWN_KINDS = 5

DESCRIBING_SUFFIXES = frozenset(
    (".xmp", ".txt", ".json", ".csv", ".jsonl", ".tsv", ".xml", ".aae", ".pp3", ".dop")
)
"""Of sidecars, of what raw converters keep beside photos, and of files of annotations."""
SYSTEM_SUFFIXES = frozenset((".db", ".ini", ".lnk", ".tmp"))
"""Of files that the system makes for itself (``Thumbs.db``, ``desktop.ini``)."""

_NOT_COUNTED = DESCRIBING_SUFFIXES | SYSTEM_SUFFIXES
_SUFFIX = re.compile(r"\.[^\W_][\w+~-]{0,15}\Z")


def kind_of(name: str) -> str | None:
    """The suffix of a file that is no photo, in lower case; "" if it has none, None if it is not
    to be counted."""
    suffix = name[name.rfind(".") :].lower() if "." in name[1:] else ""
    if suffix in _NOT_COUNTED:
        return None
    return suffix if _SUFFIX.match(suffix) else ""


@dataclass(frozen=True)
class OtherFiles:
    """How many files are no photos.

    Attributes:
        total: all of them.
        kinds: the number of each suffix, in lower case with its dot; "" for none.
    """

    total: int = 0
    kinds: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, kinds: Iterable[str]) -> OtherFiles:
        """Of the suffix of each file."""
        return cls.joined([cls(1, {kind: 1}) for kind in kinds])

    @classmethod
    def joined(cls, parts: Iterable[OtherFiles]) -> OtherFiles:
        """Of several folders together."""
        total = 0
        kinds: Counter[str] = Counter()
        for part in parts:
            total += part.total
            for kind, count in part.kinds.items():
                if kind in kinds or len(kinds) < MAX_KINDS:
                    kinds[kind] += count
        return cls(total, dict(kinds.most_common()))

    @classmethod
    def from_stored(cls, stored: Any) -> OtherFiles:
        """What :meth:`to_stored` gave; none where that is not valid."""
        counts = stored if isinstance(stored, dict) else {}
        valid = {
            kind: count
            for kind, count in counts.items()
            if isinstance(kind, str)
            and (not kind or _SUFFIX.match(kind))
            and isinstance(count, int)
            and not isinstance(count, bool)
            and 0 < count < 2**53
        }
        return cls.joined([cls(count, {kind: count}) for kind, count in valid.items()])

    def to_stored(self) -> dict[str, int]:
        """As JSON can hold it."""
        return dict(self.kinds)

    def __bool__(self) -> bool:
        return self.total > 0

    def text(self, at_most: int = SHOWN_KINDS) -> str:
        """A sentence: "214 files were left out: 200 .mov, 14 .eps."; "" if there are none.

        Of more than ``at_most`` kinds the rarest are only counted.
        """
        if not self:
            return ""
        ranked = sorted(self.kinds.items(), key=lambda item: (-item[1], item[0]))
        parts = [
            f"{number(count)} {kind}"
            if kind
            else _("{count} without a suffix").format(count=number(count))
            for kind, count in ranked[:at_most]
        ]
        kinds = ", ".join(parts)
        if more := len(ranked) - len(parts):
            kinds = ngettext(
                "{kinds} and {count} more kind", "{kinds} and {count} more kinds", more
            ).format(kinds=kinds, count=number(more))
        return ngettext(
            "{count} file was left out: {kinds}.",
            "{count} files were left out: {kinds}.",
            self.total,
        ).format(count=number(self.total), kinds=kinds)
