"""What can go wrong with files of annotations; every message is a sentence for the user."""

from __future__ import annotations


class InterchangeError(Exception):
    """A file cannot be read or written."""


class FormatUnknown(InterchangeError):  # noqa: N818
    """No format recognises the file."""


class FileMalformed(InterchangeError):  # noqa: N818
    """The file as a whole is not what its format asks for."""


class FileTooLarge(InterchangeError):  # noqa: N818
    """The file is larger than what is read."""


class OutputExists(InterchangeError):  # noqa: N818
    """Something is where a file or folder is to be written; nothing was changed.

    Attributes:
        replaceable: whether it would be replaced if that were asked for.
    """

    def __init__(self, message: str, *, replaceable: bool = False) -> None:
        super().__init__(message)
        self.replaceable = replaceable


class Cancelled(InterchangeError):  # noqa: N818
    """The user cancelled; nothing was changed."""
