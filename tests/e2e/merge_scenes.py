"""The merge dialog, for ``scenes.py``: the same library, annotated by somebody else."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.opening import CATALOGUE_NAME
from lmpt_desktop.catalogue.records import Change
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.interchange.importing.merging import OnConflict
from lmpt_desktop.ui.interchange.merge_dialog import MergeDialog

if TYPE_CHECKING:
    from scenes import Studio

NAME = "Anna's photos"
MOST = 120
"""Photos that both have annotated."""
OTHERS = 7
"""Of so many answers one differs."""


def play(studio: Studio) -> None:
    """Every step; then what the window says, and the questions that are left."""
    from scenes import pause, wait

    with tempfile.TemporaryDirectory() as made:
        folder = _write(studio, Path(made) / NAME)
        dialog = studio.dialog("file.merge", MergeDialog)
        assert isinstance(dialog, MergeDialog)
        studio.shoot("merge-start", dialog)
        dialog.open_path(Path(made))
        wait(lambda: not dialog.busy, 1)
        studio.shoot("merge-refused", dialog)
        dialog.open_path(folder)
        wait(lambda: not dialog.busy, 1)
        pause(0.5)
        studio.shoot("merge", dialog)
        dialog.add_classes.click()
        dialog.conflicts[OnConflict.LATER].click()
        wait(lambda: not dialog.busy, 1)
        pause(0.5)
        studio.shoot("merge-decided", dialog)
        dialog.apply()
        wait(lambda: studio.window.notifications.shown, 1)
        studio.shoot("merge-done")
        studio.window.notifications.clear()
        studio.do("review.conflicts")
        pause(2)
        studio.shoot("merge-conflicts")
        studio.do("review.leave")
        studio.page.undo_stack.undo()
        pause(1)
        studio.window.notifications.clear()


def _write(studio: Studio, folder: Path) -> Path:
    """A library of the same photos: mostly what is predicted, as this one has it for some."""
    session = studio.page.session
    snapshot = session.snapshot()
    folder.mkdir()
    with (
        closing(sqlite3.connect(session.library_folder / CATALOGUE_NAME)) as source,
        closing(sqlite3.connect(folder / CATALOGUE_NAME)) as copy,
    ):
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
    rows = np.arange(min(MOST, len(snapshot.image_ids)))
    columns = np.argsort(-np.nan_to_num(snapshot.scores[rows]), axis=1)[:, :6]
    images = np.repeat(snapshot.image_ids[rows], 6)
    classes = snapshot.class_ids[columns].ravel()
    said = (np.take_along_axis(snapshot.scores[rows], columns, 1).ravel() > 0.5).astype(np.int8)
    other = said.copy()
    other[::OTHERS] = 1 - other[::OTHERS]
    mine = np.arange(len(said)) % 3 > 0
    session.annotations.apply(images[mine], classes[mine], said[mine])
    with Catalogue.open(folder) as theirs:
        theirs.annotations.apply_arrays(images, classes, other)
        added = [theirs.classes.add(name).id for name in ("alpine chough", "Fahrrad")]
        first = [int(i) for i in snapshot.image_ids[:4]]
        theirs.annotations.apply(
            [Change(image, class_id, Verdict.PRESENT) for image in first for class_id in added]
        )
    return folder
