"""What ``lmpt-desktop tag`` said of each file of a folder."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from lmpt_desktop.domain.ignore_list import DEFAULT
from lmpt_desktop.domain.other_files import kind_of
from trainer.printable import one_line

READ, COUNTED = "read", "counted by its suffix"
HIDDEN, IGNORED = "nothing: it is hidden", "counted as left out by the ignore list"
DESCRIBES, NO_FILE = "nothing: it describes photos, or is the system's", "nothing: it is no file"
PAIRED = "part of the photo of the same name"
NOTHING = "**nothing**"
_DAMAGED = "The end of the file is missing. What is there was tagged."
_COUNTS = re.compile(r"([\d,]+) (\.[^\s,.]+|without a suffix)")
_OTHERS = re.compile(r"[\d,]+ files? (?:was|were) left out: .*?\.(?: |$)")
_IGNORED = re.compile(r"The ignore list in the preferences leaves out ([\d,]+) folders? or photos?")


@dataclass
class Told:
    """What was written.

    Attributes:
        folder: that was tagged.
        tagged: paths in the output.
        stderr: as text.
        status: of the exit.
    """

    folder: Path
    tagged: set[str]
    stderr: str
    status: int
    _left: Counter[str] = field(init=False)
    _ignored: int = field(init=False)

    def __post_init__(self) -> None:
        said = " ".join(line for line in self.stderr.splitlines() if _OTHERS.search(line))
        self._left = Counter()
        for count, kind in _COUNTS.findall(" ".join(_OTHERS.findall(said))):
            self._left["" if kind[0] != "." else kind] += int(count.replace(",", ""))
        ignored = _IGNORED.search(self.stderr)
        self._ignored = int(ignored[1].replace(",", "")) if ignored else 0

    def outcome(self, path: Path, inner: str) -> str:
        """What came of the file at ``inner`` below the folder; each file is to be asked for once,
        as a count covers no more files than it says."""
        said = self._sentence(path)
        # As the output writes bytes that are not UTF-8.
        written = str(path).encode("utf-8", "backslashreplace").decode()
        if written in self.tagged:
            return f"{READ}; *{said}*" if said else READ
        if said:
            return f"*{said}*"
        return self._unsaid(path, inner)

    def _unsaid(self, path: Path, inner: str) -> str:
        """Of a file that is named nowhere."""
        kind = kind_of(path.name)
        if any(Path(item).with_suffix("") == path.with_suffix("") for item in self.tagged):
            return PAIRED
        if "/." in f"/{inner}":
            return HIDDEN
        if kind is None:
            return DESCRIBES
        if path.exists() and not path.is_file():
            return NO_FILE
        if DEFAULT.covers(inner) or (path.parent / ".nomedia").exists():
            self._ignored -= 1
            return IGNORED if self._ignored >= 0 else NOTHING
        self._left[kind] -= 1
        return COUNTED if self._left[kind] >= 0 else NOTHING

    def _sentence(self, path: Path) -> str:
        for line in self.stderr.splitlines():
            for start in {one_line(f"{path}: "), one_line(f"{path.relative_to(self.folder)}: ")}:
                if line.startswith(start):
                    return line[len(start) :]
        return ""
