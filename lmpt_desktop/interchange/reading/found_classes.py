"""What a file says of the classes of one photo, object by object."""

from __future__ import annotations

from lmpt_desktop.interchange.reading.foreign_text import score_of
from lmpt_desktop.interchange.record import ClassRecord, Origin


class ClassesFound:
    """Each class once as drawn, and once as a machine found it, with its highest score.

    A machine's score that is missing or no number from 0 to 1 is None, and lower than any.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[str, Origin], float | None] = {}

    def __contains__(self, name: str) -> bool:
        return any((name, origin) in self._found for origin in Origin)

    def add(self, name: str, *, by_machine: bool, score: object = None) -> None:
        """``score``: as the file has it."""
        key = (name, Origin.MACHINE if by_machine else Origin.UNSTATED)
        value = score_of(score) if by_machine else None
        best = self._found.setdefault(key, value)
        if value is not None and (best is None or value > best):
            self._found[key] = value

    def records(self) -> tuple[ClassRecord, ...]:
        """In the order in which they were found."""
        return tuple(
            ClassRecord(name, origin=origin, score=score)
            for (name, origin), score in self._found.items()
        )
