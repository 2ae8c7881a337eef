"""Where a library that was merged into this one says the opposite."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class StoredConflicts:
    """Conflicts, n of them; one cell has several if several libraries contradict it.

    Attributes:
        image_ids, class_ids: (n,) int64, ascending by image, then by class.
        verdicts: (n,) int8, what the other library says.
        names: n names of the libraries.
    """

    image_ids: NDArray[np.int64]
    class_ids: NDArray[np.int64]
    verdicts: NDArray[np.int8]
    names: tuple[str, ...]

    @classmethod
    def none(cls) -> StoredConflicts:
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int8), ())

    def __len__(self) -> int:
        return len(self.image_ids)
