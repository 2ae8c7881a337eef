"""Runs ``lmpt-desktop tag`` on a folder with one file of every kind, and says what came of each.

    python tests/benchmarks/everything.py [--keep FOLDER] > table.md

The files are made by ``tests/support/every_kind.py``; the command, the encoder (Lite) and the
processes that decode are the real ones.  A table in Markdown is printed: each kind is read, named
on stderr with a sentence, or counted there.  Returns 1 if a file was left out without a word, other
than those that docs/photos.md says are not counted.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]

import every_kind  # noqa: E402
from parts.told import NOTHING, Told  # noqa: E402

SHOWN_NAMES = 20
SECONDS = 1800


def main() -> int:
    """Returns 1 if a file was left out without a word."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="make the files here, and stay")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="everything-")))
        folder = (given.keep or place / "photos").absolute()
        folder.mkdir(parents=True, exist_ok=True)
        kinds = every_kind.kinds()
        every_kind.write(folder, kinds)
        told = tag(folder, place)
        found = {kind: told.outcome(folder / kind.path, kind.path) for kind in kinds}
        if given.keep is None:
            shutil.rmtree(folder)
    for line in table(found):
        print(line)
    print(f"\nExit status {told.status}.")
    silent = [kind.path for kind, outcome in found.items() if outcome == NOTHING]
    for path in silent:
        print(f"left out without a word: {path!r}", file=sys.stderr)
    return int(bool(silent))


def tag(folder: Path, place: Path) -> Told:
    """Run the command; what it said."""
    out = place / "out.csv"
    done = subprocess.run(
        [sys.executable, "-m", "lmpt_desktop", "tag", str(folder), "--all", "-o", str(out)],
        env={**os.environ, "LMPT_DESKTOP_HOME": str(place / "home")},
        stderr=subprocess.PIPE,
        check=False,
        timeout=SECONDS,
    )
    with out.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        paths = {row["path"] for row in csv.DictReader(file)}
    return Told(folder, paths, done.stderr.decode("utf-8", "replace"), done.returncode)


def table(found: Mapping[every_kind.Kind, str]) -> Iterator[str]:
    """Files of a group of which the same came are one row."""
    groups: dict[tuple[str, str], list[every_kind.Kind]] = {}
    for kind, outcome in found.items():
        groups.setdefault((kind.group, outcome), []).append(kind)
    last = ""
    for (group, outcome), kinds in groups.items():
        if group != last:
            yield f"\n**{group}**\n\n| Files | What `tag` does |\n|---|---|"
            last = group
        names = list(dict.fromkeys(map(shown, kinds)))
        if group == every_kind.OTHERS and len(names) > SHOWN_NAMES:
            names[SHOWN_NAMES:] = [f"{len(names) - SHOWN_NAMES} more suffixes"]
        yield f"| {'; '.join(names)} | {outcome} |"


def shown(kind: every_kind.Kind) -> str:
    """A name for the table."""
    name = kind.path.rpartition("/")[2]
    if kind.group in (every_kind.PHOTOS, every_kind.OTHERS) and "." in name:
        stem, _, suffix = name.rpartition(".")
        return f".{suffix}" if stem in ("photo", "file") else f"`{name}`"
    if kind.group in (every_kind.CUT_SHORT, every_kind.REFUSED, every_kind.HOSTILE):
        return kind.name
    if kind.group == every_kind.LEFT_OUT:
        return f"`{kind.name}`"
    return f"`{name}`" + (f" ({kind.name})" if kind.name else "")


if __name__ == "__main__":
    sys.exit(main())
