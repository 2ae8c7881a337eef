"""Learned and hand-written prompts in one class embedding."""

from __future__ import annotations

import numpy as np

from trainer.arrays import unit_rows
from trainer.blending import interpolate


def _rows(seed: int, *shape: int) -> np.ndarray:
    return unit_rows(np.random.default_rng(seed).normal(size=shape))


def test_the_more_annotations_the_more_is_learned() -> None:
    learned, written = _rows(0, 4, 6), _rows(1, 4, 6)
    present = np.array([0, 1, 4, 100])
    mixed = interpolate(learned, written, present, 4.0)
    np.testing.assert_allclose(mixed[0], written[0], atol=1e-6)
    np.testing.assert_allclose(mixed[1], unit_rows((learned + 4 * written)[1:2])[0], atol=1e-6)
    np.testing.assert_allclose(mixed[2], unit_rows((learned + written)[2:3])[0], atol=1e-6)
    np.testing.assert_allclose(mixed[3], unit_rows((25 * learned + written)[3:])[0], atol=1e-6)
