"""One import, from the file to its undo:
``python parts/importing.py LIBRARY TITLE NOT_LISTED [FORMAT FILE budget|none]``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from parts.annotated import records
from parts.figures import Watch, peak_mb, row

from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.interchange.importing.choices import ImportChoices
from lmpt_desktop.interchange.importing.survey import collect
from lmpt_desktop.interchange.record import FileFacts, NotListed, Reading

SECONDS, MEGABYTES = 10.0, 500.0


def main() -> None:
    library, title, not_listed, *rest = sys.argv[1:]
    format_name, file, budget = rest or ("", "", "none")
    choices = ImportChoices(not_listed=NotListed(not_listed))
    steps = {
        name: Watch() for name in ("read", "preview", "other choices", "import", "undo", "redo")
    }
    with LibrarySession.open(Path(library), encode=False, folders=[]) as session:
        session.wait_until_idle(60)
        snapshot = session.snapshot()
        before = peak_mb()
        with steps["read"]:
            if file:
                survey = session.imports.survey(Path(file), format_name, {})
            else:
                made = records(len(snapshot.images), len(snapshot.classes))
                survey = collect(Reading(FileFacts(), made), Path("/records"), "records", {})
        with steps["preview"]:
            preview = session.imports.preview(survey, choices)
        with steps["other choices"]:
            session.imports.preview(survey, choices, preview)
        with steps["import"]:
            result = session.imports.apply(preview)
        peak = peak_mb()
        assert result.batch is not None
        batch = result.batch
        with steps["undo"]:
            session.annotations.undo(batch)
        with steps["redo"]:
            session.annotations.redo(batch)
    rows: list[list[Any]] = []
    for name, step in steps.items():
        rows.append(row(f"{title}: import, {name}", step.seconds, "s"))
        rows.append(row(f"{title}: import, {name}, CPU", step.busy, "CPU s"))
    needed = [steps[name] for name in ("read", "preview", "import")]
    seconds, megabytes = (SECONDS, MEGABYTES) if budget == "budget" else (None, None)
    rows += [
        row(f"{title}: import, file to commit", sum(s.seconds for s in needed), "s", seconds),
        row(f"{title}: import, file to commit, CPU", sum(s.busy for s in needed), "CPU s"),
        row(f"{title}: import, annotations", result.annotations, "", None, "higher"),
        row(f"{title}: import, most memory", peak, "MB", megabytes),
        row(f"{title}: import, of it before", before, "MB"),
    ]
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
