"""What happens to the files of a library, for ``scenes.py``: really, on a copy of the photos."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from altered_files import flip_bit
from photo_edits import EDITS
from PIL import Image

from lmpt_desktop import app
from lmpt_desktop.catalogue import backups
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.files.copies_dialog import CopiesDialog
from lmpt_desktop.ui.files.missing_page import MissingPage
from lmpt_desktop.ui.files.verify_dialog import VerifyDialog
from lmpt_desktop.ui.window.main_window import RESTORE
from lmpt_desktop.ui.window.restore_dialog import RestoreDialog

if TYPE_CHECKING:
    from scenes import Studio

FEWEST = 16
"""Photos that the scenes need."""
MOST = 40


def play(studio: Studio, photos: Path) -> None:
    """Every scene, on a copy of some of the photos that is deleted again."""
    originals = sorted(path for path in photos.rglob("*.jpg"))[:MOST]
    if len(originals) < FEWEST:
        return
    with tempfile.TemporaryDirectory() as made:
        _Files(studio, Path(made) / "Photos").play(originals)
        studio.window.close_library()


class _Files:
    """A library in which photos are copied, edited, deleted and damaged."""

    def __init__(self, studio: Studio, folder: Path) -> None:
        self.studio = studio
        self.folder = folder

    @property
    def session(self) -> LibrarySession:
        return self.studio.page.session

    def play(self, originals: list[Path]) -> None:
        from scenes import pause, wait

        self.wait, self.pause = wait, pause
        self._copy(originals)
        self._open()
        self._annotate()
        self.no_missing()
        self.copies()
        self.followed()
        self.missing()
        self.edited()
        self.verify()
        self.restore()

    # ------------------------------------------------------------------------ the situation

    def _copy(self, originals: list[Path]) -> None:
        """``Lake`` and ``Town``; copies of four in ``Backup``, and an edited version of one."""
        for place, path in enumerate(originals):
            inside = self.folder / ("Lake" if place < len(originals) // 2 else "Town")
            inside.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, inside)
        backup = self.folder / "Backup"
        backup.mkdir()
        lake = self.lake
        for path in lake[:4]:
            shutil.copy(path, backup)
        shutil.copy(lake[1], self.folder / "Town" / "the picture on the wall of the kitchen.jpg")
        self._edit(lake[5], backup / f"{lake[5].stem} for printing.jpg", "crop to 90 %")

    @property
    def lake(self) -> list[Path]:
        return sorted((self.folder / "Lake").iterdir())

    def _edit(self, path: Path, saved_as: Path, name: str) -> None:
        with Image.open(path) as opened:
            EDITS[name](opened.convert("RGB")).save(saved_as, quality=92)

    def _open(self) -> None:
        studio = self.studio
        studio.window.close_library()
        self.pause(0.5)
        app.start(studio.window, argparse.Namespace(folders=[self.folder], library=None))
        self.wait(lambda: studio.window.page and studio.page.panel.model.rowCount() > 0, 2)
        self._settle()

    def _settle(self) -> None:
        self.wait(lambda: not self.studio.window.status.working, 3)
        self.wait(lambda: not self.studio.window.status.working, 1)

    def _rescan(self) -> None:
        self.session.folders.rescan()
        self.pause(1)
        self._settle()

    def _ids(self) -> dict[str, int]:
        """Images by the path inside the folder."""
        images = self.session.snapshot().images
        return dict(zip(images.names, images.ids.tolist(), strict=True))

    def _annotate(self) -> None:
        """What is predicted is present, but not in the backup, which has other opinions."""
        session, ids = self.session, self._ids()
        snapshot = session.snapshot()
        for name, image in ids.items():
            row = snapshot.row_of[image]
            likely = np.argsort(-snapshot.scores[row])[:4].tolist()
            present = [snapshot.classes[column].id for column in likely]
            if not name.startswith("Backup"):
                session.annotations.annotate([image], present[:3], Verdict.PRESENT)
                session.annotations.annotate([image], present[3:], Verdict.ABSENT)
        for path in self.lake[2:4]:
            copy, classes = ids[f"Backup/{path.name}"], snapshot.classes
            row = snapshot.row_of[ids[f"Lake/{path.name}"]]
            first = classes[int(np.argmax(snapshot.scores[row]))].id
            session.annotations.annotate([copy], [first], Verdict.ABSENT)
        session.annotations.mark_reviewed([ids[f"Lake/{self.lake[3].name}"]])
        self.pause(1)

    # --------------------------------------------------------------------------- the scenes

    def no_missing(self) -> None:
        self.studio.do("view.missing")
        self.pause(1)
        self.studio.shoot("missing-none")
        self.studio.page.show_grid()

    def copies(self) -> None:
        dialog = self.studio.dialog("edit.copies", CopiesDialog)
        assert isinstance(dialog, CopiesDialog)
        self.wait(lambda: not dialog.busy, 1)
        self.studio.shoot("copies", dialog)
        for row in range(dialog.model.rowCount()):
            if dialog.model.contradicts(row):
                dialog.view.select_row(row)
                break
        self.pause(0.5)
        self.studio.shoot("copies-contradiction", dialog)
        dialog.image_set.setCurrentIndex(0)
        dialog.apply()
        self.wait(lambda: not dialog.busy, 1)
        self.studio.shoot("copies-done", dialog)
        dialog.strip.pressed.emit()
        self.wait(lambda: not dialog.busy, 1)
        dialog.close()

    def followed(self) -> None:
        """A photo of which there is a copy is deleted."""
        self.lake[0].unlink()
        self._rescan()
        self.studio.shoot("followed")
        self.studio.page.undo_stack.undo()
        self.pause(1)

    def missing(self) -> None:
        """One with the same picture, one with another photo in its place, one that an edited
        version looks like, and some that nothing is like."""
        lake, town = self.lake, sorted((self.folder / "Town").iterdir())
        shutil.copyfile(town.pop(0), lake[3])
        for path in (lake[4], *town[:2]):
            path.unlink()
        self._rescan()
        self.studio.shoot("missing-notice")
        self.studio.window.notifications.clear()
        self.studio.do("view.missing")
        page = self.studio.page.pages.built("missing")
        assert isinstance(page, MissingPage)
        self.wait(lambda: not page.searching, 2)
        self.studio.shoot("missing")
        for kind in ("PICTURE", "PLACE", "ALIKE"):
            for photo in page.model.listed.photos:
                candidate = page.model.shown_candidate(photo.id)
                if candidate is not None and candidate.kind.name == kind:
                    page.table.show_photo(photo.id)
                    self.pause(1)
                    self.studio.shoot(f"missing-{kind.lower()}")
                    break
        page.tick_same.click()
        page.tick_above.click()
        self.pause(0.5)
        self.studio.shoot("missing-ticked")
        page.give_annotations()
        self.wait(lambda: page.confirm.told is not None, 0.5)
        self.studio.shoot("missing-give", page.confirm)
        page.confirm.reject()
        page.ask_moved()
        self.wait(lambda: page.moved_dialog.folder.count() > 0, 0.5)
        page.moved_dialog.set_place(self.folder / "Town")
        self.pause(1)
        self.studio.shoot("missing-moved", page.moved_dialog)
        page.moved_dialog.reject()
        self.studio.page.show_grid()

    def edited(self) -> None:
        """Photos saved again by a program."""
        for path, name in zip(self.lake[6:9], ("warmer", "crop to 90 %", "sepia"), strict=True):
            self._edit(path, path, name)
        self._rescan()
        page = self.studio.page
        self.studio.shoot("edited-notice")
        self.studio.window.notifications.clear()
        page.panel.bar.popover.edited.setChecked(True)
        self.pause(1.5)
        first = page.panel.model.image_id(0)
        page.grid.select_ids([first], first)
        self.pause(1)
        self.studio.shoot("edited")
        ids = page.panel.model.ids.tolist()
        page.grid.select_ids(ids, first)
        self.pause(0.5)
        for command in ("image.confirm-edited", "image.separate-edited"):
            dialog = self.studio.dialog(command)
            self.studio.shoot(command.replace("image.", ""), dialog)
            dialog.close()
        page.panel.bar.clear()

    def verify(self) -> None:
        """Some photos are damaged, one is gone, one cannot be read, one was edited."""
        dialog = self.studio.dialog("file.verify", VerifyDialog)
        assert isinstance(dialog, VerifyDialog)
        self.pause(1)
        self.studio.shoot("verify", dialog)
        lake = self.lake
        scanner = self.session._scanner
        scanner.pause()  # else a scan finds what has changed first
        flip_bit(lake[9])
        flip_bit(lake[10], 0.9)
        lake[11].write_bytes(b"no photo" * 100)
        lake[12].unlink()
        verification = self.session.verification
        dialog.begin()
        self.wait(lambda: verification.running, 0)
        verification.pause()
        dialog._show_state()
        self.studio.shoot("verify-running", dialog)
        verification.resume()
        self.wait(lambda: not verification.running, 1)
        scanner.resume()
        for row in range(dialog.report.kinds.count()):
            dialog.report.kinds.setCurrentRow(row)
            self.pause(0.3)
            self.studio.shoot(f"verify-report-{row + 1}", dialog)
        dialog.close()

    def restore(self) -> None:
        """Copies of some weeks, one of them damaged; first of an intact library."""
        library = self.session.library_folder
        catalogue = library / backups.CATALOGUE_NAME
        snapshot = self.session.snapshot()
        images, classes = snapshot.image_ids.tolist(), [entry.id for entry in snapshot.classes]
        made = [
            backups.back_up(catalogue, kind)
            for kind in (backups.MIGRATION, backups.DAILY, backups.DAILY)
        ]
        self.session.annotations.annotate(images[10:30], classes[:2], Verdict.ABSENT)
        made.append(backups.back_up(catalogue, backups.DAILY))
        self.session.annotations.annotate(images[:12], classes[2:4], Verdict.ABSENT)
        made[1].write_bytes(made[1].read_bytes()[:9000])
        self.pause(1)
        self.studio.do("file.restore")
        self._shoot_restore("restore")
        self.studio.window.close_library()
        self.pause(1)
        catalogue.write_bytes(b"")
        self.studio.window.open_library(library)
        self.wait(lambda: self.studio.window.context.dialogs.find(RESTORE) is not None, 1)
        self._shoot_restore("restore-damaged")

    def _shoot_restore(self, name: str) -> None:
        dialog = self.studio.window.context.dialogs.find(RESTORE)
        assert isinstance(dialog, RestoreDialog)
        self.wait(lambda: dialog.act.isEnabled() and all(row.copy for row in dialog.model.rows), 1)
        self.studio.shoot(name, dialog)
        dialog.close()
