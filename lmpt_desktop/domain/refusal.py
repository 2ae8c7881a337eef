"""Expected errors: what a user asked for cannot be done, and the program is not to blame."""

from __future__ import annotations


class RefusedError(Exception):
    """Something the user asked for cannot be done now.

    The message is one sentence, or two, that says why and what to do.  It is shown as it is, and
    logged in one line: a stack trace would tell nobody anything.
    """
