"""The dialog that verifies the library: choose folders, follow the run, read the report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.catalogue.soundness_texts import before_repair, what_to_do, what_was_found
from lmpt_desktop.domain.records import Folder, ImageState
from lmpt_desktop.engine.files.verification import VerificationProgress, VerificationReport
from lmpt_desktop.engine.notices import ActivityChanged, ActivityKind, FoldersChanged
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.interchange.tags import CSV
from lmpt_desktop.translation import N_, _, ngettext, number
from lmpt_desktop.ui.files.verify_report import ReportView
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.kit.dialogs import LibraryDialog, close_box, muted
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.texts import duration, file_size, photos_text

INTRO = N_(
    "Reads every photo again, completely, and compares it with what this library remembers of it. "
    "This finds damage that shows neither in size nor in date, as failing disks and bad copies "
    "cause it. The library's own records are checked first. No photo is changed."
)
REPORT_NAME = "verification.csv"
MOST_ROWS = 12
"""Folders that are shown without scrolling, where there is room."""


@dataclass(frozen=True)
class FolderAmount:
    """A folder, and how much there is to read."""

    folder: Folder
    photos: int
    size: int
    """Bytes."""


class SetupView(QWidget):
    """Which folders to read, and how much that is."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._amounts: dict[int, FolderAmount] = {}
        self._rate: float | None = None
        intro = Label(_(INTRO))
        intro.setWordWrap(True)
        label = Label(_("&Folders"))
        self.folders = QListWidget()
        self.folders.setObjectName("folders")
        self.folders.setStyleSheet("#folders::item { padding: 3px 0; }")
        self.folders.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.folders.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        label.setBuddy(self.folders)
        self.amount = Label()
        self.amount.setObjectName("amount")
        self.amount.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(intro)
        layout.addSpacing(4)
        layout.addWidget(label)
        layout.addWidget(self.folders)
        layout.addWidget(self.amount)
        layout.addStretch(1)
        self.folders.itemChanged.connect(self._update)

    def show_amounts(self, amounts: list[FolderAmount], rate: float | None) -> None:
        """Show these folders; those that were unticked stay so.

        ``rate``: bytes per second of the last run, None if there was none.
        """
        unticked = set(self._amounts) - set(self.chosen)
        self._rate = rate
        self._amounts = {item.folder.id: item for item in amounts}
        self.folders.blockSignals(True)
        self.folders.clear()
        for item in amounts:
            text = _("{folder}  ({photos})").format(
                folder=item.folder.path, photos=photos_text(item.photos)
            )
            entry = QListWidgetItem(text, self.folders)
            entry.setToolTip(str(item.folder.path))
            entry.setData(Qt.ItemDataRole.UserRole, item.folder.id)
            entry.setFlags(entry.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            ticked = item.folder.id not in unticked
            entry.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
        shown = min(max(1, len(amounts)), MOST_ROWS)
        frame = 2 * self.folders.frameWidth() + 4
        self.folders.setMaximumHeight(shown * max(20, self.folders.sizeHintForRow(0)) + frame)
        self.folders.setCurrentRow(0)
        self.folders.blockSignals(False)
        self._update()

    @property
    def chosen(self) -> list[int]:
        """Ids of the folders that are ticked."""
        items = [self.folders.item(row) for row in range(self.folders.count())]
        return [
            item.data(Qt.ItemDataRole.UserRole)
            for item in items
            if item.checkState() is Qt.CheckState.Checked
        ]

    @property
    def photos(self) -> int:
        """How many photos the chosen folders have."""
        return sum(self._amounts[i].photos for i in self.chosen)

    def _update(self, *_args: object) -> None:
        size = sum(self._amounts[i].size for i in self.chosen)
        if not self.photos:
            text = _("There are no photos to read in these folders.")
        else:
            text = ngettext(
                "Reads {count} photo again, {size}.",
                "Reads all {count} photos again, {size}.",
                self.photos,
            ).format(count=number(self.photos), size=file_size(size))
            if self._rate:
                text += " " + _("At the rate of the last time this takes {time}.").format(
                    time=duration(size / self._rate)
                )
        self.amount.setText(text)
        self.changed.emit()


class ProgressView(QWidget):
    """How far the run is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = Label()
        self.state.setObjectName("state")
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(_("Progress"))
        self.left = muted()
        self.left.setObjectName("left")
        self.problems = Label()
        self.problems.setWordWrap(True)
        self.pause = QPushButton(_("&Pause"))
        self.stop = QPushButton(_("&Stop"))
        for name, button in (("pause", self.pause), ("stop", self.stop)):
            button.setObjectName(name)
            button.setAutoDefault(False)
        row = QHBoxLayout()
        row.addWidget(self.bar, 1)
        row.addWidget(self.pause)
        row.addWidget(self.stop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addStretch(1)
        layout.addWidget(self.state)
        layout.addLayout(row)
        layout.addWidget(self.left)
        layout.addWidget(self.problems)
        layout.addStretch(2)
        hint = _(
            "Verifying goes on when this dialog is closed; the status bar shows how far it is."
        )
        layout.addWidget(muted(hint))

    def show_progress(self, progress: VerificationProgress) -> None:
        share = progress.done_bytes / progress.total_bytes if progress.total_bytes else 0
        self.bar.setValue(round(1000 * min(1.0, share)))
        state = _("{done} of {photos}, {size} of {total}").format(
            done=number(progress.done),
            photos=photos_text(progress.total),
            size=file_size(progress.done_bytes) if progress.done_bytes else number(0),
            total=file_size(progress.total_bytes),
        )
        self.state.setText(_("{text} (paused)").format(text=state) if progress.paused else state)
        self.pause.setText(_("&Resume") if progress.paused else _("&Pause"))
        seconds = progress.seconds_left
        self.left.setText(
            _("The time left is shown in a moment.")
            if seconds is None
            else _("Time left: {time}").format(time=duration(seconds))
        )
        self.left.setVisible(not progress.paused)
        self.problems.setText(
            ngettext(
                "{count} photo is not as it was.",
                "{count} photos are not as they were.",
                progress.problems,
            ).format(count=number(progress.problems))
            if progress.problems
            else ""
        )


class VerifyDialog(LibraryDialog):
    """Starts and follows the library's verification; closing it leaves that alone."""

    show_requested = Signal(list)
    """Ids of images to show in the grid."""

    def __init__(
        self,
        session: LibrarySession,
        bridge: SessionBridge | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(session, bridge, parent)
        self._starting = False
        self._set_up_by_hand = False  # the user wants to start again, although there is a report
        self.setWindowTitle(_("Verify library"))
        self.resize(880, 520)
        self.setup = SetupView()
        self.progress = ProgressView()
        self.report = ReportView()
        self.views = QStackedWidget()
        for view in (self.setup, self.progress, self.report):
            self.views.addWidget(view)
        self.start = QPushButton(_("&Start"))
        self.start.setObjectName("start")
        self.again = QPushButton(_("&Verify again"))
        self.again.setObjectName("again")
        self.save = QPushButton(_("Save &report..."))
        self.save.setObjectName("save")
        box = close_box(self)
        for button in (self.again, self.save, self.start):
            button.setAutoDefault(False)
            box.addButton(button, QDialogButtonBox.ButtonRole.ActionRole)
        self.start.setDefault(True)
        layout = QVBoxLayout(self)
        layout.setSpacing(8)
        layout.addWidget(self.views, 1)
        layout.addWidget(self.strip)
        layout.addWidget(box)
        self._connect()
        self._read_folders()
        self._show_state()

    def _connect(self) -> None:
        self.setup.changed.connect(self._update_buttons)
        self.start.clicked.connect(self.begin)
        self.again.clicked.connect(self._set_up)
        self.save.clicked.connect(self._ask_where)
        self.progress.pause.clicked.connect(self._toggle_pause)
        self.progress.stop.clicked.connect(self.session.verification.cancel)
        self.report.show_requested.connect(self.show_requested)
        self.report.take_over_requested.connect(self._take_over)
        self.strip.pressed.connect(self.ask_repair)
        self.listen(ActivityChanged, self._activity_changed)
        self.listen(FoldersChanged, lambda _notice: self._read_folders())

    # ----------------------------------------------------------------------------- showing

    def _activity_changed(self, notice: ActivityChanged) -> None:
        if notice.activity.kind is ActivityKind.VERIFY:
            self._show_state()

    def _show_state(self) -> None:
        """Show the run, else what it has found, else what there is to read."""
        verification = self.session.verification
        if verification.running:
            self.progress.show_progress(verification.progress)
            self._show(self.progress)
        elif self.views.currentWidget() is not self.setup or not self._set_up_by_hand:
            report = verification.report
            if report is not None:
                self.report.show_report(report)
                self._show_soundness(report)
            self._show(self.report if report is not None else self.setup)

    def _show_soundness(self, report: VerificationReport) -> None:
        """Say what is wrong with the library's own records, and offer to mend it."""
        found = report.catalogue
        if report.repaired is not None and (found is None or found.sound):
            self.strip.show_text(_("The library was repaired, and its records are sound again."))
        elif found is not None and not found.sound:
            text = f"{what_was_found(found)} {what_to_do(found)}"
            button = _("Re&pair...") if found.can_be_repaired else ""
            self.strip.show_text(text, "warning", button)

    def _set_up(self) -> None:
        self._set_up_by_hand = True
        self._read_folders()
        self._show(self.setup)

    def _show(self, view: QWidget) -> None:
        if view is not self.setup:
            self._set_up_by_hand = False
        if self.views.currentWidget() is not view:
            self.views.setCurrentWidget(view)
            focus = {self.setup: self.start, self.progress: self.progress.pause}
            focus.get(view, self.report.kinds).setFocus()
        self._update_buttons()

    def _update_buttons(self) -> None:
        shown = self.views.currentWidget()
        self.start.setVisible(shown is self.setup)
        self.start.setEnabled(self.setup.photos > 0 and not self._starting)
        for button in (self.again, self.save):
            button.setVisible(shown is self.report)
        report = self.session.verification.report
        self.save.setEnabled(report is not None and bool(report.findings))

    def _read_folders(self) -> None:
        session = self.session

        def read() -> list[FolderAmount]:
            images = session.snapshot().images
            there = images.states != ImageState.MISSING
            found: list[FolderAmount] = []
            for folder in session.folders.all():
                inside = there & (images.folder_ids == folder.id)
                size = int(images.sizes[inside].sum())
                found.append(FolderAmount(folder, int(np.count_nonzero(inside)), size))
            return found

        self.run(
            read,
            lambda found: self.setup.show_amounts(
                found, session.verification.progress.bytes_per_second
            ),
        )

    # ------------------------------------------------------------------------------ acting

    def begin(self) -> None:
        """Verify the chosen folders."""
        if self._starting or not self.setup.photos:
            return
        chosen = self.setup.chosen
        self._starting = True
        self._update_buttons()

        def started(_started: bool) -> None:
            self._starting = self._set_up_by_hand = False
            self._show_state()

        def failed(error: Exception) -> None:
            self._starting = False
            self._update_buttons()
            self.show_error(error)

        self.strip.clear()
        self.run(lambda: self.session.verification.start(chosen), started, failed)

    def ask_repair(self) -> None:
        """Repair the library's records from the journal, if the user agrees to the changes."""
        report = self.session.verification.report
        found = report.catalogue if report is not None else None
        if found is None or not found.can_be_repaired:
            return
        answer = QMessageBox.question(self, _("Repair library"), before_repair(found))
        if answer == QMessageBox.StandardButton.Yes:
            self.strip.clear()
            self.run(self.session.verification.repair, lambda _copy: self._show_state())

    def _toggle_pause(self) -> None:
        verification = self.session.verification
        if verification.progress.paused:
            verification.resume()
        else:
            verification.pause()
        self._show_state()

    def _take_over(self, image_ids: list[int]) -> None:
        def taken(_result: None) -> None:
            self.strip.show_text(
                ngettext(
                    "The change of {count} photo was taken over. It is read again now.",
                    "The changes of {count} photos were taken over. They are read again now.",
                    len(image_ids),
                ).format(count=number(len(image_ids)))
            )
            self._show_state()

        if image_ids:
            self.run(lambda: self.session.verification.take_over(image_ids), taken)

    def _ask_where(self) -> None:
        chosen, _kind = QFileDialog.getSaveFileName(
            self, _("Save report"), REPORT_NAME, CSV.file_filter
        )
        if chosen:
            path = Path(chosen)
            self.save_to(path if path.suffix else path.with_suffix(".csv"))

    def save_to(self, path: Path) -> None:
        """Write the report to a file."""
        self.run(
            lambda: self.session.verification.save_report(path),
            lambda _count: self.strip.show_text(
                _("The report was saved as {name}.").format(name=path.name)
            ),
        )
