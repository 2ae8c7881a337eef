"""What the grid and the review page have in common: the photos that commands act on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lmpt_desktop.domain.records import Verdict


@runtime_checkable
class ClassPage(Protocol):
    """A page of the library that is, or may be, about one class."""

    @property
    def focus_class(self) -> int | None:
        """The id of that class; None if it is about none now."""
        ...


@runtime_checkable
class LibraryView(Protocol):
    """A view of photos, some of which are chosen and can be annotated."""

    @property
    def current_id(self) -> int:
        """The id of the current image; -1 for none."""
        ...

    @property
    def focus_class(self) -> int | None:
        """The class that Present, Absent and Unknown apply to."""
        ...

    def chosen_count(self) -> int:
        """How many images commands act on (must be cheap: it is called after every change)."""
        ...

    def chosen_ids(self) -> NDArray[np.int64]:
        """(n,) int64, ids of the images commands act on, in the order shown."""
        ...

    def can_annotate(self) -> bool:
        """Whether the chosen images are visible; if not, the user is told why."""
        ...

    def set_verdict(self, verdict: Verdict) -> None:
        """Give the class in focus this verdict on the chosen images."""
        ...

    def confirm(self) -> None:
        """Make what is predicted in the chosen images present, the rest absent, and mark them as
        reviewed."""
        ...

    def mark_reviewed(self, reviewed: bool) -> None:
        """Mark the chosen images as reviewed and the rest absent, or remove the mark."""
        ...

    def zoom(self, steps: int) -> None:
        """Zoom in, or out for negative ``steps``; 0 restores the default size."""
        ...


@runtime_checkable
class StackView(Protocol):
    """A view of photos that knows the stacks of what is chosen."""

    def stack_size(self) -> int:
        """How many photos the chosen ones and their stacks are; 0 if none is in a stack.  Cheap."""
        ...

    def set_stack_verdict(self, verdict: Verdict) -> None:
        """Give the class in focus this verdict on the chosen photos and all of their stacks, after
        what that changes was shown."""
        ...
