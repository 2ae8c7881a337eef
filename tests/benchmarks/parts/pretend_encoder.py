"""The tests' encoder without a model, with features as long as the synthetic library's."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).parents[2]
sys.path[:0] = [str(TESTS / "benchmarks"), str(TESTS / "support")]

import fake_encoder  # noqa: E402 - after the paths
from parts.library import DIM  # noqa: E402

fake_encoder.DIM = DIM

if __name__ == "__main__":
    fake_encoder.main()
