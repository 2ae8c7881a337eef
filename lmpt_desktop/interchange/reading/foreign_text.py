"""Names and paths as other programs wrote them, made fit to be stored and shown."""

from __future__ import annotations

import math
import re

from lmpt_desktop.domain.records import ClassSpec
from trainer.checked_json import readable_text

EXCERPT_CHARACTERS = 200
_NOT_AN_ESCAPE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
MAX_PIXELS = 2**31 - 1


def clean_text(text: str) -> str:
    """The text without lone surrogates, which no database and no UTF-8 file takes."""
    return readable_text(text)


def clean_path(text: str) -> str:
    """As :func:`clean_text`, but surrogate escapes stay: they stand for bytes of a file name."""
    return text if text.isascii() else _NOT_AN_ESCAPE.sub("\ufffd", text)


def name_of(value: object) -> str:
    """A name from JSON: a text, or a number as text; "" if it is something else."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return ""


def path_of(value: object) -> str:
    """A path from JSON; "" if it is none."""
    return clean_path(value) if isinstance(value, str) else ""


def pixels_of(value: object) -> int:
    """A width or height from JSON or XML, 0 if it is none."""
    if isinstance(value, str):
        # No other digits, and no more of them than int() takes.
        return pixels_of(int(value)) if re.fullmatch(r"[0-9]{1,10}", value) else 0
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    return value if 0 <= value <= MAX_PIXELS else 0


def score_of(value: object) -> float | None:
    """A score in [0, 1] from JSON; None if it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value <= 1 and not math.isnan(value) else None


def colour_of(value: object) -> str:
    """``#rrggbb`` from such a text, or from a list of three numbers up to 255; else ""."""
    if isinstance(value, str):
        return value if _COLOUR.fullmatch(value) else ""
    if (
        isinstance(value, list)
        and len(value) == 3
        and all(type(part) is int and 0 <= part <= 255 for part in value)
    ):
        return "#" + "".join(f"{part:02x}" for part in value)
    return ""


def excerpt(text: str) -> str:
    """The beginning of a text, for a bad row."""
    return clean_text(text[:EXCERPT_CHARACTERS])


def unique_specs(specs: list[ClassSpec]) -> tuple[ClassSpec, ...]:
    """The classes without those that have no name or a name that came before."""
    found: dict[str, ClassSpec] = {}
    for spec in specs:
        if spec.name:
            found.setdefault(spec.name, spec)
    return tuple(found.values())
