"""Which photo of the library a file means, rule by rule; what is ambiguous is never guessed.

The first rule that finds anything decides; if it finds several photos, the image is ambiguous.
Then all images of the file are looked at together, since only that shows what a single path hides:

- Our own hashes outweigh the path where they contradict it: the annotations are of that picture.
  If they contradict it and no photo has them, only the whole path still decides (the photo was
  edited in place), and such images are counted.
- Several paths for one photo: the best match keeps it, and the others have no photo in the
  library; among equally good ones none is chosen.  So of ``a/IMG_1.jpg`` and ``b/IMG_1.jpg`` at
  most one is found, where the library has one ``IMG_1.jpg``.  A raw file that is shown as part of
  a photo is that photo, beside a path of it in the same folder.
- A photo found by its name only, in another folder than the file says, counts as long as the
  file's folders are not those of the library.  If most photos were found with their folders, it
  is ambiguous: the folder that the file means is probably not in the library.
- If all relative paths that are certain begin in one folder, so do those that would be ambiguous,
  as long as they are no more than the certain ones.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue.images import ImageHashes
from lmpt_desktop.interchange.errors import Cancelled
from lmpt_desktop.interchange.importing.photo_index import Ends, Group, PhotoIndex
from lmpt_desktop.interchange.importing.reference_paths import (
    WrittenPath,
    fold,
    squashed,
    stems_of,
    upload_prefix,
    without_mangling,
    written_paths,
)
from lmpt_desktop.interchange.importing.survey import ImageReference
from lmpt_desktop.interchange.reading.source_files import no_progress
from lmpt_desktop.translation import _

MAX_CANDIDATES = 10
_CHECK_REFERENCES = 1024
MAX_COMPARED = 100
"""Of more photos with the same name none is chosen by where the others begin."""


class MatchRule(IntEnum):
    """How an image of a file was found, the first that applies; stored as numbers."""

    UNMATCHED = 0
    PATH = 1
    """The same absolute path, or the same folder and relative path."""
    FINGERPRINT = 2
    """The same file, picture or fingerprint, by our own hashes."""
    SUFFIX = 3
    """The longest end of the path that only one photo has."""
    NAME = 4
    """The only photo of that file name."""
    STEM = 5
    """The only photo of that file name without its suffix."""
    MANGLED = 6
    """As before, after what another tool added to the name was removed."""
    AMBIGUOUS = 7
    """Several photos fit equally well: not imported."""

    @property
    def key(self) -> str:
        """Its name in reports: ``path``, ``fingerprint``, ..."""
        return self.name.lower()


@dataclass(frozen=True, eq=False)
class LibraryPhotos:
    """The photos of a library, as far as matching needs them; N of them.

    Attributes:
        image_ids: (N,) int64.
        folders: absolute paths of the library's folders, by id.
        folder_ids: (N,) int64.
        names: N relative paths, "/" between parts.
        missing: (N,) bool; a missing photo gives way to one that is there.
        by_hash: image ids that have a hash, for the hashes of a file.
        hashes: of the photos by image id, if the file has hashes; a photo without is not known.
        companions: names, without folder, of the raw files that are shown as part of a photo, by
            its image id.
    """

    image_ids: NDArray[np.int64]
    folders: Mapping[int, Path]
    folder_ids: NDArray[np.int64]
    names: Sequence[str]
    missing: NDArray[np.bool_]
    by_hash: Mapping[str, Sequence[int]]
    hashes: Mapping[int, ImageHashes] = field(default_factory=dict)
    companions: Mapping[int, Sequence[str]] = field(default_factory=dict)

    @cached_property
    def index(self) -> PhotoIndex:
        """The photos by the end of their path; made once."""
        return PhotoIndex(self.image_ids, self.folders, self.folder_ids, self.names, self.missing)


@dataclass(frozen=True)
class PathChange:
    """What the user changes about the paths of a file before they are matched.

    ``strip`` is removed from their beginning, whatever its case and slashes, then ``add`` is put
    before them.
    """

    strip: str = ""
    add: str = ""

    def of(self, path: str) -> str:
        """The changed path."""
        if self.strip and _unified(path[: len(self.strip)]) == _unified(self.strip):
            path = path[len(self.strip) :]
        return self.add + path


@dataclass(frozen=True, eq=False)
class Matches:
    """The photo of each of R references.

    Attributes:
        image_ids: (R,) int64, -1 without a photo.
        rules: (R,) int8, values of :class:`MatchRule`.
        candidates: of ambiguous ones (by reference) the image ids that fit, at most 10.
        other_pictures: (k,) int64 references, ascending, that were found by their whole path
            though the photo there has another picture than the file says.
    """

    image_ids: NDArray[np.int64]
    rules: NDArray[np.int8]
    candidates: Mapping[int, tuple[int, ...]]
    other_pictures: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    def counts(self) -> dict[MatchRule, int]:
        """How many references each rule found; rules that found none are left out."""
        rules, counts = np.unique(self.rules, return_counts=True)
        return {MatchRule(int(rule)): int(n) for rule, n in zip(rules, counts, strict=True)}


def match_photos(
    references: Sequence[ImageReference],
    photos: LibraryPhotos,
    change: PathChange,
    *,
    progress: Callable[[int, int], None] = no_progress,
    cancelled: Callable[[], bool] = lambda: False,
) -> Matches:
    """Find the photo of each reference.

    For paths, slashes are unified, percent-encoding is decoded, Unicode is composed (NFC) and case
    is ignored, unless two photos differ in nothing else.  Of a URL the path counts.

    Args:
        references: of the file.
        photos: of the library.
        change: what the user changes about paths.
        progress: called with references looked at and references in all.
        cancelled: asked now and then.

    Raises:
        Cancelled: if it was cancelled.
    """
    finder = _Finder(references, photos, change)
    found: list[_Found] = []
    for number in range(len(references)):
        if not number % _CHECK_REFERENCES:
            progress(number, len(references))
            if cancelled():
                raise Cancelled(_("The import was cancelled."))
        found.append(finder.find(number))
    finder.prefer_one_start(found)
    finder.refuse_other_folders(found)
    finder.refuse_shared(found)
    image_ids = np.full(len(references), -1, np.int64)
    candidates: dict[int, tuple[int, ...]] = {}
    for number, item in enumerate(found):
        if item.rule is MatchRule.AMBIGUOUS:
            candidates[number] = tuple(photos.image_ids[list(item.rows[:MAX_CANDIDATES])].tolist())
        elif item.rule is not MatchRule.UNMATCHED:
            image_ids[number] = photos.image_ids[item.rows[0]]
    rules = np.fromiter((item.rule for item in found), np.int8, len(found))
    return Matches(image_ids, rules, candidates, finder.other_pictures(found))


class _Found(NamedTuple):
    """The photos of a reference: one, several if it is ambiguous, or none.

    Attributes:
        rule: which found it.
        rows: of the photos.
        shared: how many parts of the paths agree, from their end; 0 if no path decided.
        start: the parts of the reference before those.
    """

    rule: MatchRule
    rows: Sequence[int] = ()
    shared: int = 0
    start: tuple[str, ...] = ()

    @property
    def by_path(self) -> bool:
        """Whether it is one photo, found by the end of its path."""
        return self.shared > 0 and self.rule in (MatchRule.SUFFIX, MatchRule.NAME, MatchRule.STEM)

    @property
    def elsewhere(self) -> bool:
        """Whether it is one photo that the file says is in another folder."""
        return self.by_path and self.shared == 1 and bool(self.start)


_NOTHING = _Found(MatchRule.UNMATCHED)


class _SamePicture(NamedTuple):
    """Photos with one hash: their rows, those that are not missing (if any), whether all are."""

    rows: frozenset[int]
    there: Group
    missing: bool


class _Finder:
    def __init__(
        self, references: Sequence[ImageReference], photos: LibraryPhotos, change: PathChange
    ) -> None:
        self._references = references
        self._photos = photos
        self._index = photos.index
        self._change = change if change != PathChange() else None
        self._of_hash: dict[str, _SamePicture | None] = {}

    def find(self, number: int) -> _Found:
        """What the rules find for one reference alone."""
        forms = self._forms(number)
        hashed = self._by_hash(self._references[number])
        ends = [self._by_end(form) for form in forms]
        by_path = next(filter(None, map(self._by_path, forms, ends)), None)
        if by_path is not None:
            rows = [row for row in by_path.rows if any(row in same.rows for same in hashed)]
            if not hashed or (rows and not self._is_gone(rows, hashed[0])):
                return _found(MatchRule.PATH, rows or by_path.rows)
        if hashed:
            return self._nearest(hashed[0], forms)
        return self._of_this_picture(number, self._by_parts(forms, ends))

    def _by_parts(self, forms: Sequence[WrittenPath], ends: Sequence[_Found]) -> _Found:
        """What a part of the path finds."""
        for found in ends:
            if found is not _NOTHING:
                return found
        for rule in (self._by_stem, self._by_original):
            for form in forms:
                found = rule(form)
                if found is not _NOTHING:
                    return found
        return _NOTHING

    def _of_this_picture(self, number: int, found: _Found) -> _Found:
        """``found`` without the photos of which another picture is known."""
        if len(found.rows) > MAX_COMPARED:
            return found
        rows = [row for row in found.rows if not self._is_other_picture(number, row)]
        if len(rows) == len(found.rows):
            return found
        return found._replace(rows=rows) if rows else _NOTHING

    def _is_other_picture(self, number: int, row: int) -> bool:
        reference = self._references[number]
        known = self._photos.hashes.get(int(self._photos.image_ids[row]))
        # A photo without a picture hash has a fingerprint of another kind.
        if known is None or not known.picture_hash:
            return False
        if reference.picture_hash:
            return reference.picture_hash != known.picture_hash
        return reference.fingerprint not in ("", known.fingerprint)

    def other_pictures(self, found: Sequence[_Found]) -> NDArray[np.int64]:
        """The references whose whole path leads to another picture."""
        return np.array(
            [
                number
                for number, item in enumerate(found)
                if item.rule is MatchRule.PATH and self._is_other_picture(number, item.rows[0])
            ],
            np.int64,
        )

    def prefer_one_start(self, found: list[_Found]) -> None:
        """Decide between photos of which only one begins where the certain ones do."""
        ambiguous: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for number, item in enumerate(found):
            if item.rule is MatchRule.AMBIGUOUS and item.shared and len(item.rows) <= MAX_COMPARED:
                ambiguous[item.start].append(number)
        certain: dict[tuple[str, ...], Counter[tuple[str, ...]]] = defaultdict(Counter)
        if ambiguous:
            for item in found:
                if item.by_path and item.start in ambiguous:
                    certain[item.start][self._start(item)] += 1
        for start, numbers in ambiguous.items():
            places = certain[start]
            if len(places) != 1 or places.total() < len(numbers):
                continue
            (place,) = places
            for number in numbers:
                item = found[number]
                rows = [row for row in item.rows if self._start(item, row) == place]
                if len(rows) == 1:
                    found[number] = item._replace(rule=MatchRule.SUFFIX, rows=rows)

    def refuse_other_folders(self, found: list[_Found]) -> None:
        """Refuse photos found by name in other folders, if the file's folders are the library's."""
        elsewhere = [number for number, item in enumerate(found) if item.elsewhere]
        if not elsewhere:
            return
        with_folders = [item for item in found if item.by_path and item.shared > 1]
        starts = {(item.start, self._start(item)) for item in with_folders}
        certain = len(with_folders) + sum(item.rule is MatchRule.PATH for item in found)
        moved = [
            number
            for number in elsewhere
            if (found[number].start, self._start(found[number])) not in starts
        ]
        if certain > len(moved):
            for number in moved:
                found[number] = found[number]._replace(rule=MatchRule.AMBIGUOUS)

    def refuse_shared(self, found: list[_Found]) -> None:
        """Let a photo that several paths mean to the best of them, if there is one."""
        claims: dict[int, list[int]] = defaultdict(list)
        for number, item in enumerate(found):
            if item.rule is not MatchRule.UNMATCHED and item.rule is not MatchRule.AMBIGUOUS:
                claims[item.rows[0]].append(number)
        for row, numbers in claims.items():
            if len(numbers) == 1:
                continue
            ranks = {number: self._rank(found[number], number, row) for number in numbers}
            best = min(ranks.values())
            winners = [number for number in numbers if ranks[number] == best]
            is_one = best <= _CERTAIN or len({self._identity(number) for number in winners}) == 1
            raw_files = self._raw_files(row, winners) if is_one else ()
            for number in numbers:
                if ranks[number] != best:
                    if self._folded(number) not in raw_files:
                        found[number] = _NOTHING
                elif not is_one:
                    found[number] = found[number]._replace(rule=MatchRule.AMBIGUOUS)

    def _raw_files(self, row: int, numbers: Sequence[int]) -> set[tuple[str, ...]]:
        """Paths of the raw files of a photo, where these references say that the photo is."""
        names = self._photos.companions.get(int(self._photos.image_ids[row]), ())
        if not names:
            return set()
        paths = filter(None, map(self._folded, numbers))
        return {(*path[:-1], fold(name)) for path in paths for name in names}

    def _folded(self, number: int) -> tuple[str, ...]:
        """The path of a reference, comparable; () if it names none."""
        forms = self._forms(number)
        return forms[0].folded if forms else ()

    def _forms(self, number: int) -> list[WrittenPath]:
        reference = self._references[number]
        path = self._change.of(reference.path) if self._change else reference.path
        return written_paths(path, reference.folder)

    def _by_path(self, form: WrittenPath, found: _Found) -> _Found | None:
        """``found``: by the end of the path."""
        if not form.absolute:
            return None
        if form.nameless:
            found = self._by_end(form._replace(nameless=False))
        if found.shared == len(form.folded) == self._index.length(found.rows[0]):
            return _found(MatchRule.PATH, found.rows)
        return None

    def _by_hash(self, reference: ImageReference) -> list[_SamePicture]:
        """The photos of each hash that any has, the surest first."""
        hashes = (reference.file_hash, reference.picture_hash, reference.fingerprint)
        return [same for value in hashes if value and (same := self._of(value)) is not None]

    def _of(self, value: str) -> _SamePicture | None:
        """The photos with this hash; kept, as a file may name thousands of copies."""
        if value not in self._of_hash:
            rows = self._index.rows_of(self._photos.by_hash.get(value, ()))
            there = Group(self._index.there(rows), self._index.folded)
            missing = all(self._photos.missing[row] for row in rows)
            self._of_hash[value] = _SamePicture(frozenset(rows), there, missing) if rows else None
        return self._of_hash[value]

    def _is_gone(self, rows: Sequence[int], same: _SamePicture) -> bool:
        return not same.missing and all(self._photos.missing[row] for row in rows)

    def _nearest(self, same: _SamePicture, forms: Sequence[WrittenPath]) -> _Found:
        """Of photos of one picture the one whose path agrees most."""
        group = same.there
        for depth, part in enumerate(reversed(forms[0].folded) if forms else ()):
            inner = group.narrowed(depth, part) if len(group.rows) > 1 else None
            if inner is None:
                break
            group = inner
        return _found(MatchRule.FINGERPRINT, group.rows)

    def _by_end(self, form: WrittenPath) -> _Found:
        found = self._look_up(self._index.by_name, form.folded[-1], form, MatchRule.NAME)
        if found.rule is MatchRule.NAME and (
            found.shared > 1 or (len(form.folded) == 1 and self._index.depth(found.rows[0]) == 1)
        ):
            return found._replace(rule=MatchRule.SUFFIX)
        return found

    def _by_stem(self, form: WrittenPath) -> _Found:
        *_names, stem = stems = stems_of(form.folded[-1])
        # A text file beside a photo may keep the photo's whole name: photo.jpg.txt.
        found = self._look_up(self._index.by_name, stem, form, MatchRule.STEM)
        for key in stems:
            if found is _NOTHING:
                found = self._look_up(self._index.by_stem, key, form, MatchRule.STEM)
        return found

    def _by_original(self, form: WrittenPath) -> _Found:
        name = form.spelled[-1]
        upload = form.nameless or not upload_prefix(name).isdigit() or self._digits_are_uploads
        original = fold(without_mangling(name, upload=upload))
        if not original:
            return _NOTHING
        # The folders are the other tool's own.
        alone = WrittenPath((original,), (original,), nameless=True)
        found = self._look_up(self._index.by_name, original, alone, MatchRule.MANGLED)
        for key in stems_of(original):
            if found is _NOTHING:
                found = self._look_up(self._index.by_stem, key, alone, MatchRule.MANGLED)
        key = squashed(stems_of(original)[-1])
        if found is _NOTHING and key:
            found = self._look_up(self._index.by_squashed, key, alone, MatchRule.MANGLED)
        return found

    @cached_property
    def _digits_are_uploads(self) -> bool:
        """Whether eight digits before a name are of an upload, not a date: most of such prefixes
        of the file have letters, as hexadecimal numbers do."""
        prefixes = [
            upload_prefix(form.spelled[-1])
            for number in range(len(self._references))
            for form in self._forms(number)[:1]
        ]
        digits = sum(prefix.isdigit() for prefix in prefixes)
        return sum(map(bool, prefixes)) > 2 * digits

    def _look_up(self, ends: Ends, key: str, form: WrittenPath, rule: MatchRule) -> _Found:
        parents = () if form.nameless else form.folded[:-1]
        shared, group = ends.find(key, parents)
        if group is None:
            return _NOTHING
        rows = self._preferred(group, form, shared)
        if form.nameless:
            return _found(rule, rows)
        return _found(rule, rows, shared, parents[: len(parents) + 1 - shared])

    def _preferred(self, group: Group, form: WrittenPath, shared: int) -> Sequence[int]:
        """Photos that differ in case only are told apart by it; missing ones give way."""
        if len(group.rows) == 1:
            return group.rows
        if group.is_one_place:
            for spelled in (tuple, _composed):
                wanted = spelled(form.spelled[-shared:])
                same = [
                    row
                    for row in group.rows
                    if spelled(self._index.spelled(row)[-shared:]) == wanted
                ]
                if same:
                    return self._index.there(same)
        return group.preferred(self._index.there)

    def _start(self, item: _Found, row: int | None = None) -> tuple[str, ...]:
        """Where the part of a photo's path begins that the file does not tell."""
        return self._index.folded(item.rows[0] if row is None else row)[: -item.shared]

    def _identity(self, number: int) -> tuple[str, ...]:
        return _composed(self._forms(number)[0].spelled)

    def _rank(self, item: _Found, number: int, row: int) -> tuple[int, int]:
        """Which of several paths means a photo more surely; less is better."""
        if item.rule is MatchRule.FINGERPRINT:
            return _CERTAIN
        if item.rule is MatchRule.PATH:
            same = any(
                _composed(form.spelled) == _composed(self._index.spelled(row))
                for form in self._forms(number)
            )
            return _CERTAIN if same else (0, 1)
        return int(item.rule), -item.shared


_CERTAIN = (0, 0)


def _found(
    rule: MatchRule, rows: Sequence[int], shared: int = 0, start: tuple[str, ...] = ()
) -> _Found:
    return _Found(rule if len(rows) == 1 else MatchRule.AMBIGUOUS, rows, shared, start)


def _composed(parts: Iterable[str]) -> tuple[str, ...]:
    return tuple(unicodedata.normalize("NFC", part) for part in parts)


def _unified(text: str) -> str:
    return fold(text.replace("\\", "/"))
