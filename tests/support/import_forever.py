"""Imports annotations that need a new class, again and again, until killed."""

from __future__ import annotations

import sys
from pathlib import Path

from import_model import survey_of
from paper_library import open_session

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.interchange.importing.choices import ImportChoices
from lmpt_desktop.interchange.record import ClassRecord, ImageRecord, NotListed

LISTED = 5
"""Of the photos, for which the class is listed as present."""


def main() -> None:
    with open_session(Path(sys.argv[1])) as session:
        names = session.snapshot().names
        choices = ImportChoices(add_classes=True, not_listed=NotListed.ABSENT_IN_FILE)
        number = 0
        while True:
            said = (ClassRecord(f"class {number}", Verdict.PRESENT),)
            file = [ImageRecord(name, said if i < LISTED else ()) for i, name in enumerate(names)]
            preview = session.imports.preview(survey_of(file), choices)
            session.imports.apply(preview)
            print("imported", flush=True)
            number += 1


if __name__ == "__main__":
    main()
