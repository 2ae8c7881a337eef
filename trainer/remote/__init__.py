"""Training on another computer over the system's ``ssh`` (imports no torch).

``machine``: this side's connection; ``courier``: carries a job there and its result back;
``far_side``: what ``lmpt-trainer remote`` does there; ``streams``: folders as streams;
``trouble``: what can go wrong, a sentence each.
"""

from __future__ import annotations

import re

PROTOCOL = 1
"""Of both sides; increased whenever what they say to each other changes incompatibly."""

JOB_ID = re.compile(r"[0-9a-f]{32}")
"""A job's name there.  The courier chooses it, so that a job whose connection was lost while it was
sent is known again."""
