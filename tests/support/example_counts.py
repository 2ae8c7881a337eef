"""How many examples of its own each property test draws.

Every run draws new ones, so that many short runs find what one long run does.  Before a release,
or after a change of what such a test is about: ``LMPT_TEST_EXAMPLES=1 make test`` draws all.
"""

from __future__ import annotations

import os

SHARE = float(os.environ.get("LMPT_TEST_EXAMPLES", "0.3"))
"""Of the examples of a thorough run."""
FEW = 10
"""No test draws fewer, unless it has fewer in a thorough run."""


def examples(thorough: int, share: float = SHARE) -> int:
    """``max_examples`` of a test that has ``thorough`` in a thorough run."""
    return max(round(thorough * share), min(thorough, FEW))
