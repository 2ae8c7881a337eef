"""The export dialog, for ``scenes.py``."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtWidgets import QMessageBox, QPushButton

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.interchange.side_files import SideFileReport
from lmpt_desktop.interchange.exporting.exporter import Difference
from lmpt_desktop.ui.interchange import export_commands
from lmpt_desktop.ui.interchange.export_commands import DIALOG, REPORT
from lmpt_desktop.ui.interchange.export_dialog import ExportDialog, Written

if TYPE_CHECKING:
    from scenes import Studio

FORMATS = ("coco", "csv-wide", "jsonl", "label-studio", "txt", "exiftool-csv")


def play(studio: Studio) -> None:
    """Formats of each kind, side files, and what is said afterwards."""
    _annotate(studio)
    ids = studio.page.panel.model.ids[:4].tolist()
    studio.page.grid.select_ids(ids, ids[0])
    dialog = studio.dialog("file.export", ExportDialog)
    assert isinstance(dialog, ExportDialog)
    for name in FORMATS:
        _choose(dialog, name)
        studio.shoot(f"export-{name}", dialog)
    _choose(dialog, "coco")
    dialog.formats.search.setText("lightroom")
    dialog.scope.some.setChecked(True)
    dialog.scope.classes.none.click()
    _settle(dialog)
    studio.shoot("export-find", dialog)
    dialog.scope.some.setChecked(False)
    place = dialog.predictions.choice.findData("score")
    dialog.formats.search.clear()
    dialog.predictions.choice.setCurrentIndex(place)
    _settle(dialog)
    studio.shoot("export-predictions", dialog)
    with tempfile.TemporaryDirectory() as made:
        _write(studio, dialog, Path(made))
    _side_files(studio)


def _write(studio: Studio, dialog: ExportDialog, folder: Path) -> None:
    """Files, and what the window says of them."""
    from scenes import pause, wait

    (folder / "summer.json").write_text("{}")
    dialog.write(folder / "summer.json")
    wait(lambda: not dialog.busy, 1)
    studio.shoot("export-replace", dialog)
    box = dialog.findChild(QMessageBox)
    if box is not None:
        studio.shoot("export-question", box)
        box.reject()
    _choose(dialog, "exiftool-csv")
    dialog.write(folder / "keywords.csv")
    wait(lambda: studio.window.context.dialogs.find(REPORT), 1)
    report = studio.window.context.dialogs.find(REPORT)
    studio.shoot("export-command", report)
    studio.shoot("export-done")
    assert report is not None
    report.close()
    studio.window.notifications.clear()
    dialog = _open(studio)
    _choose(dialog, "jsonl")
    written: list[object] = []
    dialog.exported.connect(written.append)
    dialog.write(folder / "all.jsonl")
    wait(lambda: written, 1)
    studio.shoot("export-told")
    studio.window.notifications.clear()
    pause(0.5)
    _show_differences(studio, written[0])


def _show_differences(studio: Studio, written: object) -> None:
    """As if the disk had written something else."""
    from scenes import pause

    assert isinstance(written, Written)
    differences = (
        Difference("holiday/2019/photo 12.jpg", "The file lacks this photo."),
        Difference("holiday/2019/photo 14.jpg", "The file says something else about “dog”."),
    )
    export_commands._tell_exported(
        studio.window.context,
        replace(written, result=replace(written.result, differences=differences)),
    )
    pause(0.5)
    report = studio.window.context.dialogs.find(REPORT)
    assert report is not None
    studio.shoot("export-differences", report)
    report.close()
    studio.window.notifications.clear()


def _side_files(studio: Studio) -> None:
    """Side files are looked at only: the photos are somebody's."""
    from scenes import pause

    ids = studio.page.panel.model.ids[:12].tolist()
    studio.page.grid.select_ids(ids, ids[0])
    dialog = _open(studio)
    _choose(dialog, "xmp")
    studio.shoot("export-xmp", dialog)
    bar = dialog.page.verticalScrollBar()
    bar.setValue(bar.maximum())
    studio.shoot("export-xmp-below", dialog)
    dialog.side_choices.remove.setChecked(True)
    _settle(dialog)
    studio.shoot("export-xmp-remove", dialog)
    dialog.close()
    skipped = (
        (Path("/photos/holiday/photo 12.jpg"), "photo 12.jpg.xmp has changed since the preview."),
        (Path("/photos/holiday/photo 14.jpg"), "The photo is missing."),
    )
    report = SideFileReport(
        536, same=12, skipped=skipped, copied=38, copies=Path("/library/side files before")
    )
    export_commands._tell_side_files(studio.window.context, report, False)
    pause(0.5)
    studio.shoot("export-side-files-done")
    studio.window.notifications.shown[0].findChildren(QPushButton)[0].click()
    pause(0.5)
    shown = studio.window.context.dialogs.find(REPORT)
    assert shown is not None
    studio.shoot("export-left-alone", shown)
    shown.close()
    studio.window.notifications.clear()


def _open(studio: Studio) -> ExportDialog:
    from scenes import wait

    studio.do("file.export")
    wait(lambda: studio.window.context.dialogs.find(DIALOG), 0.5)
    dialog = studio.window.context.dialogs.find(DIALOG)
    assert isinstance(dialog, ExportDialog)
    return dialog


def _choose(dialog: ExportDialog, name: str) -> None:
    dialog.formats.choose(name)
    _settle(dialog)


def _settle(dialog: ExportDialog) -> None:
    from scenes import wait

    wait(lambda: not dialog.busy, 0.5)


def _annotate(studio: Studio) -> None:
    """Present and absent verdicts on some photos, and some that are reviewed."""
    session = studio.page.session
    snapshot = session.snapshot()
    for row in range(min(24, len(snapshot.image_ids))):
        best = np.argsort(-snapshot.scores[row])[:3].tolist()
        image = int(snapshot.image_ids[row])
        session.annotations.annotate(
            [image], [snapshot.classes[c].id for c in best[:2]], Verdict.PRESENT
        )
        session.annotations.annotate([image], [snapshot.classes[best[2]].id], Verdict.ABSENT)
    session.annotations.mark_reviewed(snapshot.image_ids[:6].tolist())
