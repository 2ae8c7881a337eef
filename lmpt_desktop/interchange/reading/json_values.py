"""Values of JSON files that nobody vouches for: each is taken only if it fits."""

from __future__ import annotations

import contextlib
import json
import re
from datetime import datetime
from typing import Any

from lmpt_desktop.interchange.reading.foreign_text import EXCERPT_CHARACTERS, clean_text

_SURROGATES = re.compile("[\ud800-\udfff]")


def json_text(value: Any) -> str:
    """A value as one line of JSON that is UTF-8: readable, or escaped where it has surrogates."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if _SURROGATES.search(text):
        return json.dumps(value, separators=(",", ":"))
    return text


def object_of(value: object) -> dict[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def list_of(value: object) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def truth_of(value: object) -> bool | None:
    """True or false, else None."""
    return value if isinstance(value, bool) else None


def moment_of(value: object) -> datetime | None:
    """An ISO 8601 date and time, else None."""
    if not isinstance(value, str) or not 10 <= len(value) <= 40:
        return None
    try:
        return datetime.fromisoformat(value.strip())
    except ValueError:
        return None


def json_excerpt(value: object) -> str:
    """The beginning of a value, for a list of what could not be read."""
    text = ""
    with contextlib.suppress(RecursionError):
        # Not the whole of it: the value may be huge.
        for part in json.JSONEncoder(ensure_ascii=False).iterencode(value):
            text += part[:EXCERPT_CHARACTERS]
            if len(text) > EXCERPT_CHARACTERS:
                break
    return clean_text(text[:EXCERPT_CHARACTERS])
