"""Text of Western European programs that do not say how it is encoded."""

from __future__ import annotations

_CONTROLS = bytes(range(0x80, 0xA0))


def western(raw: bytes) -> str:
    """Windows-1252 where a byte is there that Latin-1 has no letter for, else Latin-1.

    The bytes 80 to 9F are quotation marks, dashes and the euro sign in Windows-1252, and control
    characters in Latin-1.  Five of them mean nothing in either.
    """
    if raw.translate(None, _CONTROLS) == raw:
        return raw.decode("latin-1")
    try:
        return raw.decode("cp1252")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
