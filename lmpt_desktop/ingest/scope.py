"""Which part of a folder to scan."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Scope:
    """Parts of a folder, as relative paths with "/" between parts; "" is the folder itself.

    Attributes:
        flat: folders of which only the files directly inside count.
        deep: folders that count with everything below them.
    """

    flat: frozenset[str] = frozenset()
    deep: frozenset[str] = frozenset()

    def __or__(self, other: Scope) -> Scope:
        joined = Scope(self.flat | other.flat, self.deep | other.deep)
        return EVERYTHING if "" in joined.deep else joined

    def __len__(self) -> int:
        """How many folders are named."""
        return len(self.flat) + len(self.deep)

    def is_deep(self, folder: str) -> bool:
        """Whether everything below ``folder`` counts."""
        return folder in self.deep or any(above in self.deep for above in _above(folder))

    def covers(self, path: str) -> bool:
        """Whether the file at ``path`` counts."""
        folder = path.rpartition("/")[0]
        return folder in self.flat or self.is_deep(folder)

    def roots(self) -> list[str]:
        """The folders to start from, each part once."""
        deep = {item for item in self.deep if not any(a in self.deep for a in _above(item))}
        flat = {item for item in self.flat if not self.is_deep(item)}
        return sorted(deep | flat, reverse=True)


EVERYTHING = Scope(deep=frozenset({""}))


def _above(folder: str) -> Iterable[str]:
    """The folders around ``folder``, from the inside out."""
    while folder:
        folder = folder.rpartition("/")[0]
        yield folder
