"""What the grid and the review page have in common: the photos that commands are about."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.records import Verdict


@runtime_checkable
class LibraryView(Protocol):
    """A view of a library's photos in which some are chosen and can be annotated."""

    @property
    def current_id(self) -> int:
        """The image the keyboard is on; -1 for none."""
        ...

    @property
    def focus_class(self) -> int | None:
        """The class that Present, Absent and Unknown are about."""
        ...

    def chosen_count(self) -> int:
        """How many images commands are about (cheap: asked after every change)."""
        ...

    def chosen_ids(self) -> NDArray[np.int64]:
        """(n,) int64, the images commands are about, in the order shown."""
        ...

    def can_annotate(self) -> bool:
        """Whether the chosen images can be seen; tells the user if not."""
        ...

    def set_verdict(self, verdict: Verdict) -> None:
        """Give the class in focus this verdict on the chosen images."""
        ...

    def mark_reviewed(self, reviewed: bool) -> None:
        """Mark the chosen images as reviewed, or take the mark off."""
        ...

    def zoom(self, steps: int) -> None:
        """Enlarge (or, below zero, reduce) what is shown; 0 restores the usual size."""
        ...
