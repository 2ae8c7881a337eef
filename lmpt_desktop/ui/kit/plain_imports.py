"""Imports without what PySide adds to them.

PySide replaces ``__import__`` for features that this app does not use (``snake_case``,
``true_property``): it reads the source of every module that is imported from then on, and goes
through all modules to find it, which makes most imports twice as long.
"""

from __future__ import annotations

import builtins

KEPT = "__orig_import__"
"""Where PySide keeps Python's own function, if it has replaced it."""


def use_plain_imports() -> None:
    """Give Python its own ``__import__`` back, if PySide, which is imported, has replaced it."""
    own = getattr(builtins, KEPT, None)
    if own is not None:
        builtins.__import__ = own
