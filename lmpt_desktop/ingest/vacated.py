"""The images that a file may be, because their own places are empty or have other pictures now.

Of one picture there may be thousands of copies, in the library and in what a scan finds, so that
neither each file may look at all of them, nor each group of files ask for all of them again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from lmpt_desktop.domain.records import ImagePlace

FEW = 8
"""Up to so many images of one picture are asked for again: remembering those of every picture
would take more memory."""

Places = Mapping[str, Sequence[ImagePlace]]
_Order = tuple[bool, bool, bool]


class Copies:
    """Images with one picture, the best for a file first.

    Each is looked at a few times, however many files there are: one whose place is taken stays so
    for the rest of a scan.
    """

    def __init__(
        self, places: Iterable[ImagePlace], is_vacant: Callable[[ImagePlace], bool]
    ) -> None:
        """``is_vacant`` is asked when a place is next; once it is not, it must never be again."""
        self._is_vacant = is_vacant
        self._taken: set[int] = set()
        # The next one at the end of each list.
        ordered = sorted(places, key=lambda place: (_order(place), place.id), reverse=True)
        self._all: dict[str | None, dict[_Order, _Alike]] = {}
        for place in ordered:
            for name in (None, file_name(place.name)):
                alike = self._all.setdefault(name, {}).setdefault(_order(place), _Alike())
                alike.add(place)

    def best(
        self, file_hash: str, name: str | None, besides: int | None = None
    ) -> ImagePlace | None:
        """The best image for a file that is vacant, other than ``besides``; with a name only of
        those whose file had it.

        One that was here until now has been renamed; annotations of one that was missing already
        follow by themselves, unless the user declined.
        """
        kinds = self._all.get(name, {})
        for kind in sorted(kinds):
            for places in (kinds[kind].of_hash.get(file_hash), kinds[kind].every):
                if places and (found := self._next(places, besides)) is not None:
                    return found
        return None

    def _next(self, places: list[ImagePlace], besides: int | None) -> ImagePlace | None:
        while places:
            if self._is_free(places[-1]):
                break
            places.pop()
        others = (place for place in reversed(places) if place.id != besides)
        return next((place for place in others if self._is_free(place)), None)

    def _is_free(self, place: ImagePlace) -> bool:
        if place.id not in self._taken:
            if self._is_vacant(place):
                return True
            self._taken.add(place.id)
        return False


class _Alike:
    """Images between which only the bytes of their files decide, and then their age."""

    __slots__ = ("every", "of_hash")

    def __init__(self) -> None:
        self.every: list[ImagePlace] = []
        self.of_hash: dict[str, list[ImagePlace]] = {}

    def add(self, place: ImagePlace) -> None:
        self.every.append(place)
        self.of_hash.setdefault(place.file_hash, []).append(place)


class KnownCopies:
    """The images of each picture that were in the library before a scan."""

    def __init__(
        self, ask: Callable[[Collection[str]], Places], is_vacant: Callable[[ImagePlace], bool]
    ) -> None:
        """``ask``: for the images of each of these pictures."""
        self._ask = ask
        self._is_vacant = is_vacant
        self._many: dict[str, Copies] = {}

    def of(self, pictures: Iterable[str]) -> tuple[dict[str, Copies], list[ImagePlace]]:
        """By picture, for those that any image has; and the images that were not asked for
        before."""
        wanted = set(pictures)
        known = {picture: self._many[picture] for picture in wanted & self._many.keys()}
        found = self._ask(unknown) if (unknown := wanted - known.keys()) else {}
        seen: list[ImagePlace] = []
        for picture, places in found.items():
            seen += places
            known[picture] = copies = Copies(places, self._is_vacant)
            if len(places) > FEW:
                self._many[picture] = copies
        return known, seen

    def forget(self) -> None:
        """Ask again: hashes of known files may have been filled in."""
        self._many.clear()


def file_name(path: str) -> str:
    """The last part of a relative path."""
    return path.rpartition("/")[2]


def _order(place: ImagePlace) -> _Order:
    return place.missing, not place.has_user_data, place.superseded


def best_of(found: Iterable[ImagePlace | None], file_hash: str) -> ImagePlace | None:
    """The best for a file, of the best of several kinds."""
    return min(
        (place for place in found if place is not None),
        key=lambda place: (_order(place), place.file_hash != file_hash, place.id),
        default=None,
    )
