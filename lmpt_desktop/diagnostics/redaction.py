"""Texts without names of files, folders, classes and people.

What a log line may name is not known, so nothing is looked for alone: a word stays only if it is
one of the program's own, that is, if it occurs in its source, in Python's errors or in the
system's.  All else becomes ``…``.  Names that are known (classes, folders, the user) go first, also
where their words are the program's own.
"""

from __future__ import annotations

import builtins
import errno
import functools
import os
import re
from collections.abc import Iterable
from pathlib import Path

HIDDEN = "…"
_WORD = re.compile(r"\w+")
_SOURCE_LINE = re.compile(
    r'^(\s*File )"[^"]*?((?:lmpt_desktop|trainer|lib/python[\d.]+)[/\\][^"]*)"'
)
_TYPOGRAPHIC = re.compile(r"“[^”]*”")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_PATH = re.compile(r"(?<![\w.])(?:[A-Za-z]:)?[\\/]+\w.*?(?=: |[\"'“”\])]|$)")
"""It may have spaces, so that it ends where a sentence would go on only."""
_FILE = re.compile(
    r"[^:\"'“”(\[]*\.(?:jpe?g|png|heic|heif|tiff?|webp|avif|gif|bmp|raw|dng|cr[23]|nef|arw"
    r"|jp2|jxl|xmp|txt|csv|jsonl?|zip|xml|sqlite|pt|safetensors)\b",
    re.IGNORECASE,
)
"""The names before a suffix, with spaces too."""
_RELATIVE = re.compile(r"\S*[\\/]\S*")
_HIDDEN_RUN = re.compile(rf"{HIDDEN}(?:[\s,.'’“”\"()\-]*{HIDDEN})+")
_OTHER_WORDS = (
    "mainthread operationalerror integrityerror databaseerror segmentation fault aborted "
    "table column such constraint unique database disk image malformed locked readonly syntax near"
)
"""Of Python and SQLite, in no Python file of ours."""


@functools.cache
def own_words() -> frozenset[str]:
    """Words of this program's source, of Python's exceptions and of the system's errors, in lower
    case.  Reads some hundred small files: not for the window's thread."""
    words: set[str] = set()
    for package in ("lmpt_desktop", "trainer"):
        for path in sorted((Path(__file__).parents[2] / package).rglob("*.py")):
            words.update(_WORD.findall(path.read_text(encoding="utf-8").lower()))
    words.update(name.lower() for name in dir(builtins))
    for code in errno.errorcode:
        words.update(_WORD.findall(os.strerror(code).lower()))
    words.update(_OTHER_WORDS.split())
    return frozenset(words)


class Redactor:
    """Hides names; ``names`` are those that are known."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        known = sorted({name.strip() for name in names if name.strip()}, key=len, reverse=True)
        pattern = "|".join(map(re.escape, known))
        self._known = re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE) if known else None

    def __call__(self, text: str) -> str:
        """A text of any number of lines."""
        return "\n".join(map(self._line, text.split("\n")))

    def _line(self, line: str) -> str:
        if source := _SOURCE_LINE.match(line):
            # Where in the program: no name of the user's but the place of the installation.
            return f'{source[1]}"{source[2]}"' + self._text(line[source.end() :])
        return self._text(line)

    def _text(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        text = _TYPOGRAPHIC.sub(f"“{HIDDEN}”", text)
        text = _QUOTED.sub(_quoted, text)
        for pattern in (_PATH, _FILE):
            text = pattern.sub(lambda found: f" {HIDDEN}" if found[0][:1] == " " else HIDDEN, text)
        text = _RELATIVE.sub(HIDDEN, text)
        text = _WORD.sub(_word, text)
        return _HIDDEN_RUN.sub(HIDDEN, text)


def _quoted(found: re.Match[str]) -> str:
    """Kept if it is one word that the program writes in lower case, as a key or a column."""
    mark, content = found[0][0], found[0][1:-1]
    own = content.islower() and content in own_words()
    return found[0] if own else f"{mark}{HIDDEN}{mark}"


def _word(found: re.Match[str]) -> str:
    word = found[0]
    return word if word.isdecimal() or word.lower() in own_words() else HIDDEN
