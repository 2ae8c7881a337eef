"""How sure predictions must be in one library: shown at once, remembered when asked (Qt-free)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.records import Source
from lmpt_desktop.domain.strictness import Strictness, from_stored, to_stored
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.engine.notices import Notice, PredictionsChanged
from lmpt_desktop.inference.tag_figures import Cells, TagFigures, tag_figures
from lmpt_desktop.settings import STRICTNESS, Settings


class StrictnessControl:
    """The strictness of an open library.  It changes no annotation."""

    def __init__(
        self,
        catalogue: Catalogue,
        state: LibraryState,
        settings: Settings,
        notify: Callable[[Notice], None],
    ) -> None:
        self._catalogue = catalogue
        self._state = state
        self._settings = settings
        self._notify = notify
        self._left_out: tuple[object, NDArray[np.int64], Cells] | None = None

    @property
    def now(self) -> Strictness:
        """What holds at this moment."""
        return self._state.snapshot.strictness

    def show(self, strictness: Strictness) -> None:
        """Predict with another strictness from now on; takes no disk and computes no score."""
        if self._state.set_strictness(strictness):
            self._notify(PredictionsChanged())

    def keep(self) -> None:
        """Remember what holds now in the library; writes the catalogue.

        Raises:
            CatalogueError: with a sentence for the user.
        """
        now = self.now
        if not self._catalogue.read_only and now != from_stored(self._settings.get(STRICTNESS)):
            self._settings.set(STRICTNESS, to_stored(now))

    def figures(self) -> TagFigures:
        """How many tags photos have now, and how many are right; reads the catalogue.

        Raises:
            CatalogueError: with a sentence for the user.
        """
        snapshot = self._state.snapshot
        left_out = self._left_out
        # While a slider is moved, verdicts stay.
        if left_out is None or left_out[0] is not snapshot.annotations:
            annotations = self._catalogue.annotations
            confirmed = annotations.images_of_source(Source.CONFIRMED)
            images, classes, _ = annotations.of_source(Source.MACHINE)
            left_out = snapshot.annotations, confirmed, (images, classes)
            self._left_out = left_out
        return tag_figures(snapshot, *left_out[1:])
