"""File > Export: a format, what is exported, and what writing it does, live.

Nothing is written before the button is pressed and a place is chosen.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.interchange.exports import ExportChoices, ExportPreview, ExportResult
from lmpt_desktop.engine.interchange.side_files import SideFileReport
from lmpt_desktop.engine.notices import (
    AnnotationsChanged,
    ClassesChanged,
    FoldersChanged,
    ImagesChanged,
    PredictionsChanged,
)
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.error_texts import reason_of
from lmpt_desktop.interchange.errors import Cancelled, OutputExists
from lmpt_desktop.interchange.format import Format, Target
from lmpt_desktop.interchange.formats.tables import exiftool
from lmpt_desktop.settings import KEEP_SIDE_FILES, SIDE_FILE_NAMING
from lmpt_desktop.translation import _
from lmpt_desktop.ui.interchange.export_formats import FormatList
from lmpt_desktop.ui.interchange.export_sections import (
    DetailsSection,
    LossesSection,
    PredictionsSection,
    Scope,
    ScopeSection,
)
from lmpt_desktop.ui.interchange.export_texts import (
    losses_text,
    place_text,
    side_file_button,
    side_file_summary,
    summary_text,
    written_photos,
)
from lmpt_desktop.ui.interchange.saving_dialog import SavingDialog
from lmpt_desktop.ui.interchange.section import Section, WheelGuard, plain_label
from lmpt_desktop.ui.interchange.side_files_section import (
    SideFileChoicesSection,
    SideFilesSection,
    SideFileTable,
    table_of,
)
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.kit.dialogs import FRAME, larger, muted
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.tasks import LatestRequest
from lmpt_desktop.ui.kit.texts import shorten

PROGRESS_MS = 150
"""How often progress is shown; what is done sooner shows none."""
AGAIN_MS = 400
"""How long after a change of the library it is counted again."""


@dataclass(frozen=True, eq=False)
class Written:
    """A file or folder that was exported.

    ``photos``: how many it has; ``commands``: what to type to go on, a line each.
    """

    format: Format
    path: Path
    photos: int
    result: ExportResult
    commands: tuple[str, ...] = ()


class ExportDialog(SavingDialog):
    """Exports exactly what its summary says."""

    exported = Signal(object)
    """A :class:`Written`, once it is on the disk."""
    side_files_written = Signal(object, bool)
    """A :class:`SideFileReport`, and whether it is of taking back."""

    def __init__(
        self,
        session: LibrarySession,
        scopes: Sequence[Scope],
        chosen: str,
        *,
        format_name: str = "",
        last_folder: str = "",
        bridge: SessionBridge | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """
        Args:
            session: the open library.
            scopes: photos that can be exported; ``chosen`` is the name of the first choice.
            format_name: the format that was used last.
            last_folder: where the file dialog opens.
            bridge: see :class:`LibraryDialog`.
            parent: see :class:`LibraryDialog`.
        """
        super().__init__(session, bridge, parent)
        self.last_folder = last_folder
        self._counted: tuple[ExportChoices, ExportPreview] | None = None
        self._table: tuple[tuple[object, ...], SideFileTable] | None = None
        self._seen: Snapshot | None = None
        self._outdated = False
        self._asking = False
        self._applying = False
        self._done_of = (0, 0)  # written by the thread that works
        self._counting: LatestRequest[tuple[ExportChoices, ExportPreview]] = LatestRequest(
            self._show_count, self._not_shown, owner=self
        )
        self._looking: LatestRequest[tuple[tuple[object, ...], SideFileTable]] = LatestRequest(
            self._show_table, self._not_shown, owner=self
        )
        self._ticking = QTimer(self)
        self._ticking.setInterval(PROGRESS_MS)
        self._ticking.timeout.connect(lambda: self._show_progress(slow=True))
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(AGAIN_MS)
        self._again.timeout.connect(self._count_again)
        self.setWindowTitle(_("Export"))
        room = self.screen().availableGeometry().size() - FRAME
        self.resize(QSize(1000, 760).boundedTo(room))
        self._guard = WheelGuard(self)
        self._make_widgets(format_name)
        self._lay_out()
        self._connect()
        self.scope.show_scopes(scopes, chosen)
        settings = session.settings
        self.side_choices.show_settings(
            settings.get(SIDE_FILE_NAMING), settings.get(KEEP_SIDE_FILES)
        )
        self._show_format()
        self.formats.view.setFocus()

    # ---------------------------------------------------------------------------- building

    def _make_widgets(self, format_name: str) -> None:
        self.strip.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.formats = FormatList(format_name)
        self.title = plain_label()
        self.title.setFont(larger(self.title.font(), 1.4))
        self.about = muted()
        self.place = muted()
        self.scope = ScopeSection()
        self.predictions = PredictionsSection()
        self.details = DetailsSection(self._guard)
        self.losses = LossesSection()
        self.side_choices = SideFileChoicesSection()
        self.side_files = SideFilesSection()
        self.sections: tuple[Section, ...] = (
            self.scope, self.side_choices, self.predictions, self.details, self.losses,
            self.side_files,
        )  # fmt: skip
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(_("Progress"))
        self.doing = Label()
        self.cancel = QPushButton(_("Cance&l"))
        self.cancel.setObjectName("cancel-export")
        self.summary = plain_label()
        self.summary.setObjectName("summary")
        self.warning = plain_label()
        self.warning.setObjectName("losses-summary")
        self.ok = QPushButton(_("&Export..."))
        self.ok.setObjectName("export")
        for button in (self.cancel, self.ok):
            button.setAutoDefault(False)

    def _lay_out(self) -> None:
        self.page = self._make_page()
        self.progress = QWidget()
        row = QHBoxLayout(self.progress)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.doing)
        row.addWidget(self.bar, 1)
        row.addWidget(self.cancel)
        self.progress.hide()
        self.line = self._make_bottom()
        both = QHBoxLayout()
        both.setSpacing(16)
        both.addWidget(self.formats)
        both.addWidget(self.page, 1)
        layout = QVBoxLayout(self)
        layout.setSpacing(8)
        layout.addLayout(both, 1)
        layout.addWidget(self.progress)
        layout.addWidget(self.strip)
        layout.addWidget(self.line)
        theme.manager().changed.connect(self._restyle)
        self._restyle()

    def _make_page(self) -> QScrollArea:
        """What there is to decide about the chosen format."""
        page = QWidget()
        page.setObjectName("export-page")
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 12, 0)
        column.setSpacing(0)
        for part in (self.title, self.about, self.place):
            column.addWidget(part)
            column.addSpacing(3)
        column.addSpacing(9)
        for section in self.sections:
            column.addWidget(section)
        column.addStretch(1)
        self._guard.watch(page)
        area = QScrollArea()
        area.setObjectName("export-scroll")
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(page)
        area.viewport().setAutoFillBackground(False)
        page.setAutoFillBackground(False)
        return area

    def _make_bottom(self) -> QFrame:
        """The summary and the buttons."""
        self.box = self._make_box()
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.summary)
        words.addWidget(self.warning)
        line = QFrame()
        line.setObjectName("summary-line")
        bottom = QHBoxLayout(line)
        bottom.setContentsMargins(0, 10, 0, 0)
        bottom.addLayout(words, 1)
        bottom.addWidget(self.box, 0, Qt.AlignmentFlag.AlignBottom)
        return line

    def _restyle(self, *_args: object) -> None:
        colours = theme.current()
        self.line.setStyleSheet(
            f"#summary-line {{ border: none; border-top: 1px solid {colours.border}; }}"
        )
        self.warning.setStyleSheet(f"color: {colours.warning};")

    def _connect(self) -> None:
        self.formats.chosen.connect(lambda _format: self._show_format())
        for section in (self.scope, self.predictions, self.details, self.side_choices):
            section.changed.connect(self.refresh)
        self.side_choices.keep_chosen.connect(self._keep)
        self.cancel.clicked.connect(self.stop)
        self.strip.pressed.connect(self.refresh)
        for notice in (
            AnnotationsChanged, ImagesChanged, ClassesChanged, FoldersChanged, PredictionsChanged,
        ):  # fmt: skip
            self.listen(notice, self._library_changed)
        self.finished.connect(self._leave)

    # ----------------------------------------------------------------------------- choices

    @property
    def format(self) -> Format:
        """The chosen format."""
        return self.formats.current

    @property
    def writes_side_files(self) -> bool:
        return self.format.target is Target.BESIDE_PHOTOS

    @property
    def busy(self) -> bool:
        """Whether it counts, reads side files or writes."""
        waiting = self._counting.busy or self._looking.busy
        return self._saving or self._again.isActive() or waiting

    def choices(self) -> ExportChoices:
        """All that the user has decided about a file."""
        return ExportChoices(
            format_name=self.format.name,
            image_ids=self.scope.scope.ids,
            reviewed_only=self.scope.reviewed.isChecked(),
            predictions=self.predictions.predictions,
            absolute_paths=self.details.absolute,
            options=self.details.options,
            class_ids=self.scope.class_ids,
        )

    def show_scopes(self, scopes: Sequence[Scope], chosen: str) -> None:
        """The command was chosen again: other photos may be selected by now."""
        if not self._saving:
            self.scope.show_scopes(scopes, chosen)
            self.refresh()

    def _show_format(self) -> None:
        """Another format: ask what it asks."""
        format_, beside = self.format, self.writes_side_files
        self.title.setText(_(format_.title))
        self.about.setText(_(format_.summary) if format_.summary else "")
        self.place.setText(place_text(format_))
        for section in (self.predictions, self.details):
            section.setVisible(not beside)
        self.side_choices.setVisible(beside)
        # What is shown there is of another format.
        self._counted = self._table = None
        self.losses.show_preview(None)
        self.side_files.show_table(None)
        self.predictions.show_format(format_)
        self.details.show_format(format_)
        self.page.verticalScrollBar().setValue(0)
        self.refresh()

    def _keep(self, on: bool) -> None:
        """Side files are kept up to date from now on, with the names that are shown."""
        settings, naming = self.session.settings, self.side_choices.naming

        def store() -> None:
            if on:
                settings.set(SIDE_FILE_NAMING, naming)
            settings.set(KEEP_SIDE_FILES, on)

        def failed(error: Exception) -> None:
            self.side_choices.keep.setChecked(not on)
            self.show_error(error)

        self.run(store, None, failed)

    # ------------------------------------------------------------------------------ preview

    def refresh(self) -> None:
        """Find out what writing would do, off the window's thread."""
        if self._saving:
            return
        self._again.stop()
        self._stop.set()
        self._counting.cancel()
        self._looking.cancel()
        self._outdated = self._applying = False
        self.strip.clear()
        snapshot = self._seen = self.session.snapshot()
        self.scope.show_total(len(snapshot.images))
        self.scope.classes.model.show_classes(snapshot.classes)
        beside, removing = self.writes_side_files, self.side_choices.removing
        self.scope.show_for(side_files=beside, removing=beside and removing)
        stop = self._stop = threading.Event()
        self._done_of = (0, 0)
        if beside:
            self._look(stop)
        else:
            self._count(stop)
        self._ticking.start()
        self._update()

    def _count(self, stop: threading.Event) -> None:
        choices, exports = self.choices(), self.session.exports
        self._counting.ask(lambda: (choices, exports.preview(choices, cancelled=stop.is_set)))

    def _look(self, stop: threading.Event) -> None:
        if self.session.catalogue.read_only:
            self._table = None
            self.side_files.show_table(None)
            self.strip.show_text(
                _(
                    "This library is open for reading only, and has to note what it writes into "
                    "side files. Exports to a file are possible."
                ),
                "warning",
            )
            return
        asked = self._side_file_choices()
        self._looking.ask(lambda: (asked, self._look_at_side_files(asked, stop)))

    def _side_file_choices(self) -> tuple[object, ...]:
        return (
            self.scope.scope.ids,
            self.scope.reviewed.isChecked(),
            self.side_choices.naming,
            self.side_choices.absent.isChecked(),
            self.side_choices.removing,
        )

    def _look_at_side_files(
        self, asked: tuple[object, ...], stop: threading.Event
    ) -> SideFileTable:
        ids, reviewed, naming, absent, removing = asked
        assert ids is None or isinstance(ids, np.ndarray)

        def progress(done: int, total: int) -> None:
            if not stop.is_set():
                self._done_of = (done, total)

        files = self.session.side_files
        if removing:
            preview = files.preview_removal(
                ids, str(naming), progress=progress, cancelled=stop.is_set
            )
        else:
            preview = files.preview(
                self._reviewed(ids) if reviewed else ids,
                str(naming),
                absent=bool(absent),
                progress=progress,
                cancelled=stop.is_set,
            )
        return table_of(preview)

    def _reviewed(self, ids: NDArray[np.int64] | None) -> NDArray[np.int64]:
        snapshot = self.session.snapshot()
        chosen = snapshot.image_ids[snapshot.reviewed]
        return chosen if ids is None else ids[np.isin(ids, chosen)]

    def _show_count(self, counted: tuple[ExportChoices, ExportPreview]) -> None:
        self._counted = counted
        self.losses.show_preview(counted[1])
        self.predictions.show_preview(counted[1])
        self._update()
        if self._applying:
            self._applying = False
            self.apply()

    def _show_table(self, found: tuple[tuple[object, ...], SideFileTable]) -> None:
        self._table = found
        self.side_files.show_table(found[1])
        self._update()

    def _not_shown(self, error: Exception) -> None:
        self._counted = self._table = None
        self.losses.show_preview(None)
        self.side_files.show_table(None)
        self._update()
        if not isinstance(error, Cancelled):
            self.show_error(error)

    def _library_changed(self, _notice: object) -> None:
        if self.writes_side_files:
            # Reading them again after each verdict would never end.
            if not self._saving and not self._outdated and self._is_news():
                self._outdated = True
                self.strip.show_text(
                    _("The library has changed since the side files were read."),
                    "text",
                    _("&Update"),
                )
                self._update()
        elif not self._again.isActive():
            self._again.start()

    def _is_news(self) -> bool:
        """Whether annotations or classes have changed since side files were looked at; what was
        changed before is told late."""
        seen, now = self._seen, self.session.snapshot()
        return seen is not None and (
            now.annotations is not seen.annotations or now.classes != seen.classes
        )

    def _count_again(self) -> None:
        if self._counting.busy:
            # What is running is shown first, or nothing would be while a scan runs.
            self._again.start()
        elif not self._saving and not self.writes_side_files:
            strip = self.strip.text
            kind = "warning" if strip else "text"
            self.refresh()
            self.strip.show_text(strip, kind)

    # ------------------------------------------------------------------------------ showing

    def _update(self) -> None:
        can = self._update_side_files() if self.writes_side_files else self._update_file()
        self.warning.setVisible(bool(self.warning.text()))
        self.ok.setEnabled(can and not self._saving)
        for part in (*self.sections, self.formats):
            part.setEnabled(not self._saving)
        if self.session.catalogue.read_only:
            self.side_choices.setEnabled(False)
        self._show_progress()

    def _update_file(self) -> bool:
        """Say what the file will hold; returns whether there is anything to write."""
        self.ok.setText(_("&Export..."))
        self.warning.setText("")
        if self.scope.some.isChecked() and not self.scope.classes.model.chosen:
            self.summary.setText(_("Choose at least one class."))
            return False
        if self._counted is None or not _same_choices(self._counted[0], self.choices()):
            self.summary.setText(_("Counting...") if self._counting.busy else "")
            return False
        preview = self._counted[1]
        self.summary.setText(summary_text(preview))
        lost = len(preview.sentences)
        self.warning.setText(losses_text(lost) if lost else "")
        return written_photos(preview.counts) > 0

    def _update_side_files(self) -> bool:
        """Say what becomes of side files; returns whether there is anything to write."""
        removing, reading = self.side_choices.removing, self._looking.busy
        self.warning.setText("")
        if self._table is None or reading:
            self.summary.setText(_("Reading side files...") if reading else "")
            self.ok.setText(side_file_button(None, removing=removing))
            return False
        asked, table = self._table
        self.summary.setText(side_file_summary(table.facts, removing=removing))
        self.ok.setText(side_file_button(table.facts, removing=removing))
        current = _same(asked, self._side_file_choices()) and not self._outdated
        return current and table.facts.to_write > 0

    def _show_progress(self, *, slow: bool = False) -> None:
        """``slow``: it has taken long enough to be worth showing."""
        if not self._saving and not self._looking.busy:
            self._ticking.stop()
            self.progress.hide()
            return
        done, total = self._done_of
        self.bar.setRange(0, 1000 if total else 0)
        if total:
            self.bar.setValue(min(1000, round(1000 * done / total)))
        stopping = self._saving and self._stop.is_set()
        if stopping:
            text = _("Cancelling...")
        elif not self._saving:
            text = _("Reading side files...")
        elif not self.writes_side_files and 2 * done > total > 0:
            text = _("Reading back...")
        else:
            text = _("Writing...")
        self.doing.setText(text)
        self.cancel.setText(_("Cance&l") if self._saving else _("Stop readin&g"))
        self.cancel.setEnabled(not stopping)
        if slow or self._saving:
            self.progress.show()

    def stop(self) -> None:
        """Stop writing, or reading side files."""
        self._stop.set()
        if not self._saving and self._looking.busy:
            self._looking.cancel()
            self._table = None
            self.side_files.show_table(None)
            self._update()
            self.strip.show_text(_("Reading was stopped."), "text", _("Read a&gain"))
        self._show_progress()

    # ------------------------------------------------------------------------------- writing

    def apply(self) -> None:
        """Write what the summary says; first ask where."""
        if not self.ok.isEnabled() or self._asking:
            return
        if self.writes_side_files:
            self._write_side_files()
            return
        # What is being typed counts, too.
        self.predictions.score.interpretText()
        if self._counted is None or not _same_choices(self._counted[0], self.choices()):
            self.refresh()
            self._applying = True
            return
        self._asking = True
        try:
            out = self._ask_place()
        finally:
            self._asking = False
        if out is not None and not self._closed:
            self.last_folder = str(out.parent)
            self.write(out)

    def _ask_place(self) -> Path | None:
        format_ = self.format
        folder = Path(self.last_folder) if self.last_folder else Path.home()
        if format_.target is Target.FOLDER:
            chosen = QFileDialog.getExistingDirectory(
                self, _("Choose an empty folder, or make a new one"), str(folder)
            )
            return Path(chosen) if chosen else None
        chosen, _kind = QFileDialog.getSaveFileName(
            self,
            _("Export as {format}").format(format=_(format_.title)),
            str(folder / f"{self._name()}{format_.suffixes[0]}"),
            f"{_(format_.title)} ({' '.join(f'*{suffix}' for suffix in format_.suffixes)})",
            options=QFileDialog.Option.DontConfirmOverwrite,
        )
        if not chosen:
            return None
        path = Path(chosen)
        if path.suffix.lower() not in format_.suffixes:
            path = path.with_name(path.name + format_.suffixes[0])
        return path

    def _name(self) -> str:
        return self.session.library_folder.name or "annotations"

    def write(self, out: Path, *, replace: bool = False) -> None:
        """Write the chosen format to a file or folder."""
        if self._saving or self._counted is None:
            return
        choices, preview = self._counted
        session, format_ = self.session, self.format
        progress = self._begin()
        stop = self._stop
        lost = preview.counts.photos - written_photos(preview.counts)

        def work() -> Written:
            result = session.exports.write(
                choices, out, replace=replace, progress=progress, cancelled=stop.is_set
            )
            commands = _commands(session, out) if format_.name == "exiftool-csv" else ()
            return Written(format_, out, max(0, result.photos - lost), result, commands)

        self.run(work, self._written, lambda error: self._not_written(error, out))

    def _begin(self) -> Callable[[int, int], None]:
        self._saving = True
        stop = self._stop = threading.Event()
        self._done_of = (0, 0)
        self.strip.clear()
        self._ticking.start()
        self._update()

        def progress(done: int, total: int) -> None:
            if not stop.is_set():
                self._done_of = (done, total)

        return progress

    def _written(self, written: Written) -> None:
        self._saving = False
        if self._closed:
            return
        self.exported.emit(written)
        self.accept()

    def _not_written(self, error: Exception, out: Path) -> None:
        self._saving = False
        if self._closed:
            return
        self._update()
        if isinstance(error, Cancelled):
            self.strip.show_text(_("The export was cancelled. Nothing was written."))
        elif isinstance(error, OutputExists) and error.replaceable:
            self._ask_replace(out)
        elif (
            isinstance(error, OutputExists) and self.format.target is Target.FOLDER and out.is_dir()
        ):
            self._ask_inside(out)
        elif isinstance(error, OSError):
            self.strip.show_text(_os_sentence(error, out), "error")
        else:
            self.show_error(error)

    def _ask_replace(self, out: Path) -> None:
        box = self._question(
            _("Replace “{name}”?").format(name=shorten(out.name)),
            _("It exists already. What it holds now would be lost."),
        )
        yes = box.addButton(_("&Replace"), QMessageBox.ButtonRole.AcceptRole)
        cancel = box.addButton(_("Cancel"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(cancel)
        box.finished.connect(
            lambda _result: self.write(out, replace=True) if box.clickedButton() is yes else None
        )
        box.open()

    def _ask_inside(self, out: Path) -> None:
        """The folder has other files: offer a new one in it."""
        inside = out / f"{self._name()} {_(self.format.title)}".replace("/", "-")
        box = self._question(
            _("“{name}” has other files").format(name=shorten(out.name)),
            _("Export into a new folder in it, “{name}”?").format(name=inside.name),
        )
        yes = box.addButton(_("&Make the folder"), QMessageBox.ButtonRole.AcceptRole)
        box.addButton(_("Cancel"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(yes)
        box.finished.connect(
            lambda _result: self.write(inside) if box.clickedButton() is yes else None
        )
        box.open()

    def _question(self, text: str, more: str) -> QMessageBox:
        box = QMessageBox(self)
        box.setObjectName("export-question")
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(_("Export"))
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(text)
        box.setInformativeText(more)
        return box

    def _write_side_files(self) -> None:
        if self._table is None:
            return
        asked, table = self._table
        session, removing = self.session, bool(asked[-1])
        naming = str(asked[2])
        progress = self._begin()
        stop = self._stop

        def work() -> SideFileReport:
            if not removing:
                session.settings.set(SIDE_FILE_NAMING, naming)
            return session.side_files.write(table.preview, progress=progress, cancelled=stop.is_set)

        def done(report: SideFileReport) -> None:
            self._saving = False
            if not self._closed:
                self.side_files_written.emit(report, removing)
                self.accept()

        def failed(error: Exception) -> None:
            self._saving = False
            if not self._closed:
                self.refresh()
                self.show_error(error)

        self.run(work, done, failed)

    # ------------------------------------------------------------------------------- closing

    def _cancel_saving(self) -> None:
        self.stop()

    def _leave(self, _result: int) -> None:
        super()._leave(_result)
        self._counting.cancel()
        self._looking.cancel()
        self._ticking.stop()
        self._again.stop()


def _commands(session: LibrarySession, out: Path) -> tuple[str, ...]:
    """What writes the keywords into the photos, for each folder of the library."""
    folders = [folder.path for folder in session.folders.all() if not folder.hidden]
    return tuple(exiftool.command_for(out, folder) for folder in folders)


def _os_sentence(error: OSError, out: Path) -> str:
    """Why a file was not written, for the user."""
    return _("“{name}” could not be written: {reason}. Nothing was changed.").format(
        name=out.name, reason=reason_of(error)
    )


def _same(first: tuple[object, ...], second: tuple[object, ...]) -> bool:
    return first[0] is second[0] and first[1:] == second[1:]


def _same_choices(first: ExportChoices, second: ExportChoices) -> bool:
    """Whether they are equal; ids of classes are collected anew each time."""
    if first.class_ids is None or second.class_ids is None:
        same_classes = first.class_ids is second.class_ids
    else:
        same_classes = np.array_equal(first.class_ids, second.class_ids)
    bare = (
        replace(first, class_ids=None, image_ids=None),
        replace(second, class_ids=None, image_ids=None),
    )
    return same_classes and first.image_ids is second.image_ids and vars(bare[0]) == vars(bare[1])
