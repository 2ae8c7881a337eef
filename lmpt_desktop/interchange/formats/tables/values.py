"""What cells say: verdicts, scores, who said so, and lists of classes in one cell."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.interchange.record import Origin
from lmpt_desktop.translation import _

_PRESENT = {"1", "1.0", "true", "yes", "present", "x", "wahr", "ja", "vrai", "oui"}
_ABSENT = {"0", "0.0", "false", "no", "absent", "falsch", "nein", "faux", "non"}
_UNKNOWN = {"", "unknown", "?"}
_HUMAN = {
    *("user", "reviewed", "import", "human", "manual", "person", "expert"),
    *("verification", "crowdsource-verification"),
}
_MACHINE = {
    *("machine", "prediction", "predicted", "model", "ai", "auto", "automatic", "activemil"),
    *("computer vision", "cv"),
}
SEPARATORS = {
    "semicolon": ";",
    "bar": "|",
    "comma": ",",
    "tab": "\t",
    "line": "\n",
    "space": " ",
    "json": "json",
}
"""Between the classes of one cell; ``json`` stands for a list in brackets."""
_MAX_BRACKETS = 64
_STRING = r"'((?:[^'\\]|\\.)*+)'|\"((?:[^\"\\]|\\.)*+)\""
_PYTHON_STRING = re.compile(_STRING, re.DOTALL)
_PYTHON_LIST = re.compile(rf"\[\s*+(?:(?:{_STRING})\s*+,?+\s*+)*+\]", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_MIN_FRACTIONS = 3


class CellMalformed(ValueError):  # noqa: N818
    """A cell does not say what its column asks for; the message is half a sentence."""


def usual_verdict(value: str) -> Verdict | None:
    """What a value says wherever it is found; None if tables differ in what they mean by it."""
    key = value.strip().casefold()
    if key in _PRESENT:
        return Verdict.PRESENT
    if key in _ABSENT:
        return Verdict.ABSENT
    return Verdict.UNKNOWN if key in _UNKNOWN else None


def chexpert_verdict(value: str) -> Verdict | None:
    """1 present, 0 absent, -1 uncertain, blank not mentioned (CheXpert's own documentation)."""
    number = as_number(value)
    if number is None:
        return Verdict.UNKNOWN if not value.strip() else None
    return {1.0: Verdict.PRESENT, 0.0: Verdict.ABSENT, -1.0: Verdict.UNKNOWN}.get(number)


def usual_origin(who: str) -> Origin:
    """Whether a word means a person or a machine."""
    key = who.strip().casefold()
    if key in _HUMAN:
        return Origin.HUMAN
    return Origin.MACHINE if key in _MACHINE else Origin.UNSTATED


def as_number(text: str) -> float | None:
    """A finite number, also with a decimal comma; None if it is none."""
    # Python reads 1_000 and figures of any script; tables have neither.
    if len(text) > 40 or "_" in text or not text.isascii():
        return None
    try:
        number = float(text.replace(",", ".", 1))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def score_of(text: str) -> float | None:
    """A score in [0, 1]; None of an empty cell.

    Raises:
        CellMalformed: if it is no such number.
    """
    if not text.strip():
        return None
    number = as_number(text)
    if number is None or not 0 <= number <= 1:
        raise _malformed(text)
    return number


def _malformed(text: str) -> CellMalformed:
    """With the beginning of the cell."""
    shown = text[:40].encode("utf-8", "backslashreplace").decode()
    return CellMalformed(_("“{text}” is no such value").format(text=shown))


def looks_like_verdicts(values: Iterable[str]) -> bool:
    """Whether cells of a column may be verdicts: spelled as such, or few small numbers."""
    found = {value.strip() for value in values}
    for value in found:
        if usual_verdict(value) is None:
            number = as_number(value)
            if number is None or not -2 <= number <= 2 or (number % 1 and not 0 <= number <= 1):
                return False
    return True


def looks_like_scores(values: Iterable[str]) -> bool:
    """Whether cells of a column are scores: many different fractions between 0 and 1."""
    fractions: set[float] = set()
    for value in values:
        text = value.strip()
        if not text:
            continue
        number = as_number(text)
        if number is None or not 0 <= number <= 1:
            return False
        if 0 < number < 1:
            fractions.add(number)
    return len(fractions) >= _MIN_FRACTIONS


def splitter(separator: str) -> Callable[[str], list[str]]:
    """Cuts a cell into names without the spaces around them, empty ones left out.

    The function raises :class:`CellMalformed` for what is no list, if lists are asked for.
    """
    if separator == "json":
        return _listed
    mark = SEPARATORS[separator]
    return lambda cell: [name for part in cell.split(mark) if (name := part.strip())]


def find_separator(cells: Iterable[str]) -> str:
    """What most cells with several classes have between them; "" if none has several."""
    counts = dict.fromkeys(("json", "bar", "semicolon", "tab", "line", "comma"), 0)
    for cell in cells:
        text = cell.strip()
        if text[:1] == "[" and text[-1:] == "]":
            counts["json"] += 1
            continue
        for name in counts:
            if name != "json" and SEPARATORS[name] in text:
                counts[name] += 1
    best = max(counts, key=counts.__getitem__)
    return best if counts[best] else ""


def _listed(cell: str) -> list[str]:
    """Names of a JSON list, or of one as Python prints it (``['cat', 'dog']``)."""
    text = cell.strip()
    if not text:
        return []
    if sum(map(text.count, "[({")) > _MAX_BRACKETS:
        raise _malformed(text)
    try:
        names = json.loads(text)
    except (ValueError, RecursionError):
        if not _PYTHON_LIST.fullmatch(text):
            raise _malformed(text) from None
        names = [
            _ESCAPE.sub(r"\1", found[1] or found[2] or "")
            for found in _PYTHON_STRING.finditer(text)
        ]
    if isinstance(names, str):
        names = [names]
    if not isinstance(names, list) or not all(isinstance(name, str | int) for name in names):
        raise _malformed(text)
    try:
        return [found for name in names if (found := str(name).strip())]
    except ValueError:  # a number with more figures than Python prints
        raise _malformed(text) from None
