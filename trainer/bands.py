"""Head, medium and tail bands by number of present annotations (imports no torch)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Band(StrEnum):
    """Position of a class in the long tail."""

    HEAD = "head"
    MEDIUM = "medium"
    TAIL = "tail"


@dataclass(frozen=True)
class BandLimits:
    """Numbers of present annotations from which a class is medium and head.

    The defaults are those of LMPT (arXiv 2305.04536, section 4.1): head >= 100, medium 20 to 99,
    tail < 20.  Libraries can be small, so both are adjustable.

    Raises:
        ValueError: if not ``0 < medium < head``.
    """

    medium: int = 20
    head: int = 100

    def __post_init__(self) -> None:
        if not 0 < self.medium < self.head:
            raise ValueError(
                f"band limits must satisfy 0 < medium < head, not {self.medium} and {self.head}"
            )

    @classmethod
    def for_library(cls, images: int) -> BandLimits:
        """Default limits for a library: those of LMPT from 1,000 images, lower ones for fewer.

        LMPT's limits were made for training sets of 1,142 and 1,909 images.  In a library of 200
        photos nearly every class would be tail, which would tell the user nothing.
        """
        share = min(1.0, images / 1000)
        medium = max(3, round(cls.medium * share))
        return cls(medium, max(5 * medium, round(cls.head * share)))

    def band(self, count: int) -> Band:
        """The band of a class with ``count`` present annotations."""
        if count >= self.head:
            return Band.HEAD
        return Band.MEDIUM if count >= self.medium else Band.TAIL

    def bands(self, counts: NDArray[np.integer]) -> list[Band]:
        """The band of every class; ``counts`` is (C,) integer."""
        return [self.band(int(count)) for count in counts]
