"""The README's pictures, for ``scenes.py``: taken of the sample photos, whose licences allow it.

    PYTHONPATH=.:tests/support:tests/e2e python tests/e2e/screenshots.py "sample photos" OUT \
        --only readme

The folder is made by *File > Try with sample photos*.
"""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.inference.filters import SortKey
from lmpt_desktop.ui.interchange.import_dialog import ImportDialog
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.review.commands import page_in_front, question_shown

if TYPE_CHECKING:
    from scenes import Studio

ANNOTATED = {
    "astronaut.png": ("person", "flag"),
    "cat.png": ("cat",),
    "coffee.png": ("coffee", "cup", "spoon"),
    "flower.jpg": ("flower",),
    "motorcycle.png": ("motorcycle",),
    "photographer.png": ("person", "camera"),
    "temple.jpg": ("church", "temple", "lake"),
}
REVIEWED = ("cat.png", "motorcycle.png", "temple.jpg")
CURRENT = "photographer.png"
ROWS = (
    ("moon.png", "moon", "yes"),
    ("grass.png", "grass", "yes"),
    ("clock.png", "clock", "yes"),
    ("galaxies.jpg", "sky", "yes"),
    ("rocket.jpg", "sky", "not sure"),
    ("rocket.jpg", "tower", "no"),
    ("cat.png", "cat", "yes"),
    ("temple.jpg", "church", "no"),
)
"""The church contradicts a verdict, and one value has to be chosen."""


def play(studio: Studio) -> None:
    """Grid, review, long tail and import, of photos of which some are annotated."""
    from scenes import pause, wait

    page, window = studio.page, studio.window
    ids = annotate(page)
    pause(2)
    order = page.panel.bar.order
    order.setCurrentIndex(order.findData(SortKey.TAIL_FIRST))
    pause(1)
    page.grid.select_ids([ids[CURRENT]], ids[CURRENT])
    pause(2)
    window.notifications.clear()
    studio.shoot("window")

    studio.do("view.review")
    wait(lambda: question_shown(window.context), 2)
    assert page_in_front(window.context) is not None
    window.notifications.clear()
    studio.shoot("review")
    studio.do("review.leave")

    studio.do("view.long-tail")
    wait(lambda: page.pages.current == "long-tail", 3)
    window.notifications.clear()
    studio.shoot("long-tail")
    page.show_grid()

    with tempfile.TemporaryDirectory() as made:
        path = Path(made) / "night sky and others.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows((("photo", "class", "value"), *ROWS))
        dialog = studio.dialog("file.import", ImportDialog)
        assert isinstance(dialog, ImportDialog)
        dialog.open_path(path)
        wait(lambda: not dialog.busy, 1)
        dialog.resize(940, 760)
        pause(0.5)
        dialog.page.verticalScrollBar().setValue(dialog.values.y() - 3)
        pause(1.5)  # thumbnails
        studio.shoot("import", dialog)
        dialog.close()


def annotate(page: LibraryPage) -> dict[str, int]:
    """Verdicts of a person; gives the ids of the photos."""
    session = page.session
    snapshot = session.snapshot()
    ids = dict(zip(snapshot.names, snapshot.image_ids.tolist(), strict=True))
    classes = {entry.name: entry.id for entry in snapshot.classes}
    for name, present in ANNOTATED.items():
        known = [classes[item] for item in present]
        session.annotations.annotate([ids[name]], known, Verdict.PRESENT)
    session.annotations.mark_reviewed([ids[name] for name in REVIEWED])
    return ids
