"""Storing any file name as text in the catalogue, without loss.

Unix allows file names that are not UTF-8; Python represents their bytes as lone surrogates, which
SQLite's text cannot hold.  They are stored as ``//`` and four hex digits: a normalised path never
contains ``//``, so this is unambiguous.

In the same way ``//~`` and a number follow the path of an image whose place another photo has
taken; the image is missing under the name it had.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_SURROGATE = re.compile("[\ud800-\udfff]")
_STORED = re.compile("//([0-9a-f]{4})")
DISPLACED = "//~"
"""Follows the path of an image whose place another photo has taken, before its id."""
IS_DISPLACED = f"instr({{path}}, '{DISPLACED}') > 0"
"""SQL for :func:`is_displaced`; ``path`` is a column."""
PLACE_OF_DISPLACED = f"substr({{path}}, 1, instr({{path}}, '{DISPLACED}') - 1)"
"""SQL for the stored path that a displaced image had."""


def to_stored(path: str) -> str:
    """The text that stands for ``path`` (normalised: no ``//``)."""
    if path.isascii():
        return path
    return _SURROGATE.sub(lambda found: f"//{ord(found[0]):04x}", path)


def from_stored(text: str) -> str:
    """The path that ``text`` stands for."""
    if "//" not in text:
        return text
    text = text.partition(DISPLACED)[0]
    return _STORED.sub(lambda found: chr(int(found[1], 16)), text)


def displaced(text: str, image_id: int) -> str:
    """The stored path of an image whose place another photo has taken."""
    return f"{text.partition(DISPLACED)[0]}{DISPLACED}{image_id}"


def is_displaced(text: str) -> bool:
    """Whether another photo has taken this stored path's place."""
    return DISPLACED in text


def folder_to_stored(path: Path) -> str:
    """The text for an absolute folder.  Symbolic links stay as the user wrote them."""
    native = os.path.normpath(path.absolute())
    if native.startswith("//"):
        native = native[1:]
    return to_stored(native)


def readable(path: str) -> str:
    """``path`` as something that can be shown and written to a log: no lone surrogates."""
    return path.encode("utf-8", "replace").decode("utf-8")
