"""Photos of one stack are not asked about one after the other (Qt-free).

After the first photo of a burst the next one is the same question again.  :func:`spaced` moves such
questions apart and leaves everything else as it is.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TypeVar

DISTANCE = 6
"""A photo is asked about at least so many questions after another one of its stack, where there are
enough other questions."""

T = TypeVar("T")
_Key = tuple[int, int]
"""A photo and its stack."""


def spaced(
    items: Sequence[T],
    photo_of: Callable[[T], int],
    stack_of: Callable[[int], int],
    before: Iterable[int] = (),
) -> list[T]:
    """The same items, those about different photos of one stack apart.

    Two of them follow each other only where no order of the items avoids that.  What is in no
    stack keeps its order, and so do the questions about one photo.

    Args:
        items: best first.
        photo_of: the image id of an item.
        stack_of: the number of the stack of an image id; -1 for none.
        before: the image ids that were asked about just before, in that order.
    """
    keys = [(photo, stack_of(photo)) for photo in map(photo_of, items)]
    earlier = [(photo, stack_of(photo)) for photo in before]
    if not _meeting({*keys, *earlier}):
        return list(items)
    recent = deque(earlier, maxlen=DISTANCE - 1)
    left = Counter(stack for _photo, stack in keys if stack >= 0)
    rest = list(range(len(items)))
    answer: list[T] = []
    while rest:
        place = _next([keys[at] for at in rest], recent, left)
        chosen = rest.pop(place)
        recent.append(keys[chosen])
        if keys[chosen][1] >= 0:
            left[keys[chosen][1]] -= 1
        answer.append(items[chosen])
    return answer


def one_of_each(
    items: Iterable[T], photo_of: Callable[[T], int], stack_of: Callable[[int], int]
) -> list[T]:
    """The items without those about further photos of a stack; the first photo stays."""
    first: dict[int, int] = {}
    kept: list[T] = []
    for item in items:
        photo = photo_of(item)
        stack = stack_of(photo)
        if stack < 0 or first.setdefault(stack, photo) == photo:
            kept.append(item)
    return kept


def _meeting(keys: Collection[_Key]) -> bool:
    """Whether two photos of one stack are among them."""
    stacks = [stack for _photo, stack in keys if stack >= 0]
    return len(stacks) > len(set(stacks))


def _next(rest: list[_Key], recent: deque[_Key], left: Counter[int]) -> int:
    """The place in ``rest`` to go on with."""
    # More than half of what is left: waiting longer would leave them to follow each other.
    most = max(left.items(), key=lambda item: item[1], default=(-1, 0))
    if 2 * most[1] > len(rest):
        for place, key in enumerate(rest):
            if key[1] == most[0] and _distance(key, recent) > 1:
                return place
    best, farthest = 0, 0
    for place, key in enumerate(rest):
        distance = _distance(key, recent)
        if distance >= DISTANCE:
            return place
        if distance > farthest:
            best, farthest = place, distance
    return best


def _distance(key: _Key, recent: deque[_Key]) -> int:
    """How many questions ago another photo of the same stack was asked about; at most
    ``DISTANCE``."""
    photo, stack = key
    if stack >= 0:
        for back, (other, same) in enumerate(reversed(recent), 1):
            if same == stack and other != photo:
                return back
    return DISTANCE
