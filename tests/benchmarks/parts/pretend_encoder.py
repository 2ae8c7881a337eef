"""The tests' encoder without a model, with features as long as the synthetic library's."""

from __future__ import annotations

import fake_encoder
from parts.library import DIM

fake_encoder.DIM = DIM

if __name__ == "__main__":
    fake_encoder.main()
