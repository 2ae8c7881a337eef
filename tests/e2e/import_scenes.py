"""The import dialog, for ``scenes.py``: a file as another program could have written it."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.ui.interchange.import_dialog import ImportDialog
from lmpt_desktop.ui.interchange.photos_section import LeftOutDialog

if TYPE_CHECKING:
    from scenes import Studio

MOST = 60
"""Photos in the file."""
OTHER_CLASSES = (
    "alpine chough",
    "Fahrrad",
    "meadow with a very long name that goes on and on",
    "R2",
)


def play(studio: Studio) -> None:
    """Every step, once as it opens and once decided; then what the window says."""
    from scenes import pause, wait

    with tempfile.TemporaryDirectory() as made:
        path = _write(studio, Path(made) / "survey of the summer.csv")
        dialog = studio.dialog("file.import", ImportDialog)
        assert isinstance(dialog, ImportDialog)
        studio.shoot("import-start", dialog)
        dialog.open_path(path)
        wait(lambda: not dialog.busy, 1)
        scroll_through(studio, dialog, "import")
        dialog.show_left_out()
        pause(0.5)
        listed = dialog.findChild(LeftOutDialog)
        assert listed is not None
        studio.shoot("import-left-out", listed)
        listed.close()
        dialog.page.ensureWidgetVisible(dialog.classes.table)
        dialog.classes.table.open_choices(0)
        pause(0.5)
        studio.shoot("import-choice", dialog)
        dialog.classes.table.setFocus()
        dialog.classes.add_all.click()
        dialog.values.rest.click()
        wait(lambda: not dialog.busy, 1)
        dialog.conflicts.view.setCurrentIndex(dialog.conflicts.model.index(0))
        dialog.format.fold.setChecked(True)
        pause(0.5)
        scroll_through(studio, dialog, "import-decided")
        dialog.apply()
        wait(lambda: studio.window.notifications.shown, 1)
        studio.shoot("import-done")
        studio.page.undo_stack.undo()
        pause(1)
        studio.shoot("import-undone")
        studio.window.notifications.clear()


def scroll_through(studio: Studio, dialog: ImportDialog, name: str) -> None:
    """A picture of every part of the page."""
    from scenes import pause

    bar = dialog.page.verticalScrollBar()
    bar.setValue(0)
    for place in range(1, 9):
        pause(0.5)
        studio.shoot(f"{name}-{place}", dialog)
        if bar.value() == bar.maximum():
            break
        bar.setValue(bar.value() + bar.pageStep() - 40)


def _write(studio: Studio, path: Path) -> Path:
    """What is predicted, with some mistakes, words for verdicts, classes and photos of its own."""
    snapshot = studio.page.session.snapshot()
    rows = range(min(MOST, len(snapshot.images.names)))
    said = [
        (snapshot.images.names[row], snapshot.classes[column].name, "yes")
        for row in rows
        for column in np.argsort(-snapshot.scores[row])[:2].tolist()
    ]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("photo", "species", "verdict"))
        for place, (name, species, seen) in enumerate(said):
            writer.writerow((name, species, ("no", "not sure", seen, seen, seen)[place % 5]))
        for place, (name, _species, _seen) in enumerate(said[: 3 * len(OTHER_CLASSES)]):
            writer.writerow((name, OTHER_CLASSES[place % len(OTHER_CLASSES)], "yes"))
        for place in range(7):
            writer.writerow((f"D:\\Survey\\2019\\IMG_{place:04}.JPG", "dog", "yes"))
        writer.writerow(("", "dog", "yes"))
    first = [int(snapshot.image_ids[row]) for row in list(rows)[:6]]
    best = int(np.argmax(snapshot.scores[0]))
    studio.page.session.annotations.annotate(first, [snapshot.classes[best].id], Verdict.ABSENT)
    return path
