"""Photos with windows, from which biases and offset of predictions are estimated (Qt-free)."""

from __future__ import annotations

import numpy as np

from lmpt_desktop.catalogue.features import Features as StoredFeatures
from lmpt_desktop.engine.encoding.model_facts import ModelFacts
from lmpt_desktop.inference.queues import Features
from lmpt_desktop.inference.weights import SAMPLE_IMAGES, WindowSample


class WindowSamples:
    """The sample of a library, kept because every new class asks for it again."""

    def __init__(self, stored: StoredFeatures) -> None:
        self._stored = stored
        self._kept: tuple[str, WindowSample] | None = None
        self._windowed = 0
        """How many photos had windows, and features to go with them, when it was drawn."""

    @staticmethod
    def needed(facts: ModelFacts) -> bool:
        """Whether anything has to be estimated for this backbone."""
        return bool(facts.windows) and (facts.window_offset is None or facts.has_prior)

    def outdated(self, windowed: int) -> bool:
        """Whether so many more photos have windows that it should be drawn again."""
        return windowed >= 2 * max(1, self._windowed)

    def complete(self, windowed: int) -> bool:
        """Whether just as many photos have windows as when it was drawn."""
        return windowed == self._windowed

    def renew(self) -> None:
        """Draw it again when it is asked for."""
        self._kept = None

    def of(
        self, backbone: str, facts: ModelFacts, features: Features, windowed: int
    ) -> WindowSample | None:
        """At most ``SAMPLE_IMAGES`` photos; None if none has windows, or nothing has to be
        estimated.

        Args:
            backbone: its name.
            facts: about it.
            features: of the library.
            windowed: how many of these photos are known to have windows.
        """
        if not self.needed(facts):
            return None
        if self._kept is not None and self._kept[0] == backbone and not self.outdated(windowed):
            return self._kept[1]
        ids = self._stored.with_windows(backbone)
        some = ids[:: max(1, len(ids) // SAMPLE_IMAGES)][:SAMPLE_IMAGES]
        blocks = [
            block
            for block in self._stored.windows(backbone, some)
            if block[1].shape[1] == facts.windows
        ]
        self._windowed = max(len(ids), windowed)
        if not blocks:
            self._kept = None
            return None
        has, matrix = features.lookup(np.concatenate([part for part, _windows in blocks]))
        if not has.all():
            # The features are still being read, or some are.
            self._windowed = int(has.sum())
        sample = WindowSample(matrix, np.concatenate([windows for _ids, windows in blocks])[has])
        self._kept = backbone, sample
        return sample
