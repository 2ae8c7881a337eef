"""The form in which texts are compared when the user searches by typing."""

from __future__ import annotations

import unicodedata


def folded(text: str) -> str:
    """Whatever the case, and whether accents are characters of their own (as in names of files
    from macOS) or not."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
