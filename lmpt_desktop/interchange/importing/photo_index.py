"""The photos of a library by the end of their path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.interchange.importing.reference_paths import fold, parts_of, squashed

FEW = 8
"""So many photos of one name are compared one by one."""

Parts = Callable[[int], tuple[str, ...]]


class PhotoIndex:
    """Photos, by their row, by name, stem, path and id; each table is made when it is asked for."""

    def __init__(
        self,
        image_ids: NDArray[np.int64],
        folders: Mapping[int, Path],
        folder_ids: NDArray[np.int64],
        names: Sequence[str],
        missing: NDArray[np.bool_],
    ) -> None:
        self._ids = image_ids
        self._folder_ids = folder_ids
        self._names = names
        self._missing = missing
        self._folders = {key: parts_of(str(path)) for key, path in folders.items()}
        self._folded_folders = {
            key: tuple(map(fold, parts)) for key, parts in self._folders.items()
        }

    @cached_property
    def by_name(self) -> Ends:
        """By file name."""
        return Ends(self._folded_names, self.folded)

    @cached_property
    def by_stem(self) -> Ends:
        """By file name without its suffix."""
        return Ends((_stem(name) for name in self._folded_names), self.folded)

    @cached_property
    def by_squashed(self) -> Ends:
        """By :func:`squashed` stem."""
        return Ends((squashed(_stem(name)) for name in self._folded_names), self.folded)

    @cached_property
    def _folded_names(self) -> list[str]:
        return [fold(name.replace("\\", "/").rpartition("/")[2]) for name in self._names]

    @cached_property
    def _rows(self) -> dict[int, int]:
        return {image_id: row for row, image_id in enumerate(self._ids.tolist())}

    def rows_of(self, image_ids: Iterable[int]) -> list[int]:
        """The rows of images; of those that the library does not show, none."""
        rows = self._rows
        return [rows[image_id] for image_id in image_ids if image_id in rows]

    def spelled(self, row: int) -> tuple[str, ...]:
        """The parts of a photo's absolute path."""
        return self._folders.get(int(self._folder_ids[row]), ()) + _parts(self._names[row])

    def folded(self, row: int) -> tuple[str, ...]:
        """The same, comparable."""
        folder = self._folded_folders.get(int(self._folder_ids[row]), ())
        return folder + _parts(fold(self._names[row]))

    def depth(self, row: int) -> int:
        """How many parts the relative path of a photo has."""
        name = self._names[row]
        return name.count("/") + name.count("\\") + 1

    def length(self, row: int) -> int:
        """How many parts the absolute path of a photo has."""
        return len(self._folders.get(int(self._folder_ids[row]), ())) + self.depth(row)

    def there(self, rows: Sequence[int]) -> Sequence[int]:
        """Those of the rows whose photos are not missing, if there are any; else all."""
        return [row for row in rows if not self._missing[row]] or rows


class Group:
    """Photos whose paths end alike."""

    def __init__(self, rows: Sequence[int], parts: Parts) -> None:
        self.rows = rows
        self._parts = parts
        self._inner: dict[str, Group] | None = None
        self._preferred: Sequence[int] | None = None

    @cached_property
    def is_one_place(self) -> bool:
        """Whether their whole paths differ in case only, or not at all."""
        first = self._parts(self.rows[0])
        return all(self._parts(row) == first for row in self.rows[1:])

    def preferred(self, choose: Callable[[Sequence[int]], Sequence[int]]) -> Sequence[int]:
        """``choose(rows)``; of many photos it is kept, as it does not depend on who asks."""
        if len(self.rows) <= FEW:
            return choose(self.rows)
        if self._preferred is None:
            self._preferred = choose(self.rows)
        return self._preferred

    def narrowed(self, depth: int, part: str) -> Group | None:
        """Those whose path, ``depth`` parts from its end, goes on with ``part``."""
        if self._inner is None:
            rows: dict[str, list[int]] = {}
            for row in self.rows:
                parts = self._parts(row)
                if len(parts) > depth:
                    rows.setdefault(parts[-1 - depth], []).append(row)
            self._inner = {key: Group(found, self._parts) for key, found in rows.items()}
        return self._inner.get(part)


class Ends:
    """Photos by a key of their last part, and then by the parts before it."""

    def __init__(self, keys: Iterable[str], parts: Parts) -> None:
        """``keys``: of every row; ``parts``: the folded parts of a row's path."""
        self._parts = parts
        self._single: dict[str, int] = {}
        several: dict[str, list[int]] = {}
        for row, key in enumerate(keys):
            first = self._single.setdefault(key, row)
            if first != row:
                several.setdefault(key, [first]).append(row)
        self._groups = {key: Group(rows, parts) for key, rows in several.items()}

    def find(self, key: str, parents: Sequence[str]) -> tuple[int, Group | None]:
        """The photos with that key that share the most parents with a path.

        Returns:
            How many parts they share, the last one included, and the photos; 0 and None if none
            has the key.
        """
        group = self._groups.get(key)
        if group is None:
            row = self._single.get(key)
            if row is None:
                return 0, None
            return 1 + common_end(parents, self._parts(row)[:-1]), Group((row,), self._parts)
        shared = 1
        for part in reversed(parents):
            if len(group.rows) <= FEW:
                break
            inner = group.narrowed(shared, part)
            if inner is None:
                return shared, group
            group = inner
            shared += 1
        if len(group.rows) > FEW:
            return shared, group
        best, rows = 0, []
        for row in group.rows:
            length = 1 + common_end(parents, self._parts(row)[:-1])
            if length > best:
                best, rows = length, [row]
            elif length == best:
                rows.append(row)
        return best, Group(rows, self._parts)


def common_end(first: Sequence[str], second: Sequence[str]) -> int:
    """How many parts two paths share at their ends."""
    count = 0
    for one, other in zip(reversed(first), reversed(second), strict=False):
        if one != other:
            break
        count += 1
    return count


def _parts(name: str) -> tuple[str, ...]:
    return tuple((name.replace("\\", "/") if "\\" in name else name).split("/"))


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name
