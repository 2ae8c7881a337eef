"""The grid as the view that commands act on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.inference.class_in_focus import ClassInFocus
from lmpt_desktop.ui.annotations.acts import Acts
from lmpt_desktop.ui.grid.panel import GridPanel
from lmpt_desktop.ui.grid.view import ZOOM_DEFAULT, ZOOM_STEP


class GridLibraryView:
    """The :class:`~lmpt_desktop.ui.shell.library_view.LibraryView` of the selected images."""

    def __init__(
        self,
        panel: GridPanel,
        acts: Acts,
        focus: ClassInFocus,
        class_name: Callable[[int], str],
    ) -> None:
        self._panel = panel
        self._acts = acts
        self._focus = focus
        self._class_name = class_name

    @property
    def current_id(self) -> int:
        return self._panel.view.current_id()

    @property
    def focus_class(self) -> int | None:
        return self._focus.class_id

    def chosen_count(self) -> int:
        return self._panel.view.selected_count()

    def chosen_ids(self) -> NDArray[np.int64]:
        return self._panel.model.ids[self._panel.view.selected_positions()]

    def can_annotate(self) -> bool:
        return True

    def set_verdict(self, verdict: Verdict) -> None:
        # Two keys may come between the selection and what follows from it.
        self._panel.view.settle_selection()
        if (class_id := self.focus_class) is not None:
            name = self._class_name(class_id)
            self._acts.set_verdict(self.chosen_ids(), class_id, verdict, name)

    def stack_size(self) -> int:
        return self._panel.stacks.size()

    def set_stack_verdict(self, verdict: Verdict) -> None:
        self._panel.view.settle_selection()
        if (class_id := self.focus_class) is not None:
            name = self._class_name(class_id)
            ids = self._panel.stacks.chosen_ids()
            self._acts.set_verdict(ids, class_id, verdict, name, whole_stacks=True)

    def confirm(self) -> None:
        self._acts.confirm(self.chosen_ids())

    def mark_reviewed(self, reviewed: bool) -> None:
        self._acts.mark_reviewed(self.chosen_ids(), reviewed)

    def zoom(self, steps: int) -> None:
        grid = self._panel.view
        grid.set_zoom(grid.zoom + steps * ZOOM_STEP if steps else ZOOM_DEFAULT)
