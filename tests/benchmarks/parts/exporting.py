"""One export: ``python parts/exporting.py LIBRARY FORMAT OUT budget|none``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from parts.figures import Watch, peak_mb, row

from lmpt_desktop.engine.interchange.exports import ExportChoices
from lmpt_desktop.engine.session import LibrarySession

SECONDS, MEGABYTES = 10.0, 500.0


def main() -> None:
    library, name, out, budget = sys.argv[1:]
    has_budget = budget == "budget"
    choices = ExportChoices(name)
    with LibrarySession.open(Path(library), encode=False, folders=[], begin=False) as session:
        before = peak_mb()
        preview, write = Watch(), Watch()
        with preview:
            session.exports.preview(choices)
        with write:
            result = session.exports.write(choices, Path(out))
        peak = peak_mb()
    assert result.differences == (), result.differences[:3]
    print(
        json.dumps(
            [
                row(f"{name}: export, preview", preview.seconds, "s"),
                row(f"{name}: export, preview, CPU", preview.busy, "CPU s"),
                row(
                    f"{name}: export, write and check",
                    write.seconds,
                    "s",
                    SECONDS if has_budget else None,
                ),
                row(f"{name}: export, write and check, CPU", write.busy, "CPU s"),
                row(f"{name}: export, most memory", peak, "MB", MEGABYTES if has_budget else None),
                row(f"{name}: export, of it before", before, "MB"),
                row(f"{name}: size", size_mb(Path(out)), "MB"),
            ]
        )
    )


def size_mb(path: Path) -> float:
    """Of a file, or all files in a folder, in MB (10^6)."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


if __name__ == "__main__":
    main()
