"""Time and memory of importing and exporting annotations of 100,000 photos with 3 classes each.

    python tests/benchmarks/interchange.py [--parts export import not-listed] [--formats NAME ...]
        [--images N] [--classes N] [--reviewed] [--json FILE] [--keep FOLDER] [--quick]

The photos exist in the catalogue only.  Each export and each import runs in a process of its own,
since a peak of memory cannot be taken back; opening the library is not timed.

- ``export``: the preview, and writing and reading the file back, of each format.
- ``import``: everything from such a file to the commit, into a library that has the photos but no
  annotations; then its undo.
- ``not-listed``: records made as they are read, so that no format is in the figures, where every
  class that is not listed is absent: 8 million annotations.

Seconds are by the clock; lines that end in CPU are processor time, which other programs on the
machine disturb less.  ``--quick`` is for correctness: 1,000 images.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import tempfile
from pathlib import Path

from parts.annotated import CLASSES, annotate, make_library
from parts.figures import Figures

from lmpt_desktop.interchange.format import Format, Target
from lmpt_desktop.interchange.record import NotListed
from lmpt_desktop.interchange.registry import named, writable

IMAGES, QUICK_IMAGES = 100_000, 1_000
PARTS = ("export", "import", "not-listed")
FORMATS = ("csv-long", "csv-wide", "coco", "jsonl")
"""Those with a budget."""


def main() -> None:
    possible = [item for item in writable() if item.target is not Target.BESIDE_PHOTOS]
    names = [item.name for item in possible]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--formats", nargs="+", choices=(*names, "all"), default=FORMATS)
    parser.add_argument("--images", type=int, default=0, help=f"default {IMAGES:,}")
    parser.add_argument("--classes", type=int, default=CLASSES)
    parser.add_argument("--reviewed", action="store_true", help="a verdict on every class")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_IMAGES:,} images")
    parser.add_argument("--folder", type=Path, default=None, help="make the library in there")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the exported files there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    given = parser.parse_args()
    images = given.images or (QUICK_IMAGES if given.quick else IMAGES)
    print(
        f"{images:,} photos, {given.classes} classes, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}, {platform.system()}, Python {platform.python_version()}"
    )
    figures = Figures()
    place = Path(tempfile.mkdtemp(prefix="lmpt-interchange-", dir=given.folder))
    try:
        bare, full = place / "bare", place / "full"
        make_library(bare, images, given.classes)
        shutil.copytree(bare, full)
        annotate(full, reviewed=given.reviewed)
        chosen = names if "all" in given.formats else given.formats
        if set(given.parts) & {"export", "import"}:
            for name in chosen:
                measure(named(name), place, set(given.parts), figures, keep=given.keep)
        if "not-listed" in given.parts:
            import_into_copy(place, "records, not listed", figures, NotListed.ABSENT_IN_FILE.value)
    finally:
        shutil.rmtree(place)
        if given.json:
            figures.write(given.json)
    missed = [name for name, figure in figures.all.items() if figure.kept is False]
    print(f"\n{len(missed)} missed: {'; '.join(missed)}" if missed else "\nevery budget is kept")


def measure(
    format_: Format, place: Path, parts: set[str], figures: Figures, *, keep: Path | None
) -> None:
    """Export in a format, and import what was written."""
    out = place / f"{format_.name}{(*format_.suffixes, '')[0]}"
    budget = "budget" if format_.name in FORMATS else "none"
    arguments = (str(place / "full"), format_.name, str(out), budget)
    figures.child("exporting.py", *arguments, keep="export" in parts)
    if "import" in parts and format_.read is not None:
        import_into_copy(
            place, format_.name, figures, NotListed.UNKNOWN.value, format_.name, str(out), budget
        )
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        shutil.move(out, keep / out.name)
    elif out.is_dir():
        shutil.rmtree(out)
    else:
        out.unlink()


def import_into_copy(place: Path, title: str, figures: Figures, *arguments: str) -> None:
    """Import into a copy of the library without annotations."""
    library = place / "library"
    shutil.copytree(place / "bare", library)
    figures.child("importing.py", str(library), title, *arguments)
    shutil.rmtree(library)


if __name__ == "__main__":
    main()
