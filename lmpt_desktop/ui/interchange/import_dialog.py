"""File > Import annotations: everything to decide on one page, and what it leads to, live.

Nothing is written before *Import* is pressed.  The file is read once; every choice after that
works on what was read.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.domain.records import Batch, Folder
from lmpt_desktop.engine.interchange.addable_folders import AddableFolder
from lmpt_desktop.engine.interchange.imports import ImportResult
from lmpt_desktop.engine.notices import (
    AnnotationsChanged,
    ClassesChanged,
    FoldersChanged,
    ImagesChanged,
)
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.interchange.errors import Cancelled
from lmpt_desktop.interchange.formats import xmp
from lmpt_desktop.interchange.importing.choices import ImportChoices
from lmpt_desktop.interchange.importing.importer import ImportPreview
from lmpt_desktop.interchange.importing.survey import Survey
from lmpt_desktop.interchange.record import BadRow
from lmpt_desktop.translation import N_, _, ngettext, number
from lmpt_desktop.ui.annotations.committing_dialog import OTHER_CHANGE
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.interchange.classes_section import ClassesSection
from lmpt_desktop.ui.interchange.conflicts_section import ConflictsSection
from lmpt_desktop.ui.interchange.format_section import FormatSection
from lmpt_desktop.ui.interchange.import_texts import (
    button_text,
    not_listed_hint,
    only_adds_classes,
    summary_text,
    unmapped_text,
)
from lmpt_desktop.ui.interchange.import_work import (
    Comparison,
    OpenedFile,
    Request,
    compare,
    open_file,
    plain_line,
)
from lmpt_desktop.ui.interchange.photos_section import LeftOutDialog, PhotosSection
from lmpt_desktop.ui.interchange.saving_dialog import ChangingDialog
from lmpt_desktop.ui.interchange.section import (
    MOST_ROWS,
    Section,
    WheelGuard,
    plain_label,
    plain_tip,
)
from lmpt_desktop.ui.interchange.source_section import KEYWORDS_FORMAT, SourceSection
from lmpt_desktop.ui.interchange.values_section import MachineSection, ValuesSection
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.kit.dialogs import larger, muted, style_table
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.tables import Column, TableModel
from lmpt_desktop.ui.kit.tasks import LatestRequest
from lmpt_desktop.ui.kit.thumbnails import ThumbnailLoader, ThumbnailSource

PROGRESS_MS = 100
"""How often the progress of reading is shown; what is read sooner shows none."""
FRAME = QSize(16, 48)
"""Estimated size of the window manager's frame."""
AGAIN_MS = 400
"""How long after a change of the library the file is compared with it again."""


class StartPage(QWidget):
    """What can be imported, while nothing is chosen."""

    def __init__(self, source: SourceSection, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = Label(_("What do you want to import?"))
        title.setFont(larger(title.font(), 1.3))
        about = muted(
            _(
                "Files of other programs, and exports of another library. You see what would "
                "change before anything does, and can undo it in one step. A file can also be "
                "dropped here."
            )
        )
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addStretch(1)
        layout.addWidget(title)
        layout.addWidget(about)
        layout.addSpacing(6)
        self.buttons: list[QPushButton] = []
        for name, text, tip, act in (
            ("file", N_("A &file..."), N_("CSV, COCO, Label Studio and others"), source.ask_file),
            ("folder", N_("A f&older of files..."), N_("YOLO, Pascal VOC, side files and others"),
             source.ask_folder),
            ("keywords", N_("The &keywords in your photos"),
             N_("What Lightroom, digiKam and others have written into photos or beside them"),
             source.keywords_requested.emit),
        ):  # fmt: skip
            if name == "keywords" and not source.reads_keywords():
                continue
            button = QPushButton(_(text))
            button.setObjectName(f"import-{name}")
            button.setAutoDefault(False)
            button.setMinimumWidth(240)
            button.clicked.connect(lambda _on=False, act=act: act())
            row = QHBoxLayout()
            row.setSpacing(14)
            row.addWidget(button)
            row.addWidget(muted(_(tip)), 1)
            layout.addLayout(row)
            self.buttons.append(button)
        layout.addStretch(2)


class BadRowsSection(Section):
    """Parts of the file that could not be read."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(_("What could not be read"), parent)
        columns = (
            Column[BadRow](
                N_("Line"), lambda row: number(row.line) if row.line else "", numeric=True
            ),
            Column[BadRow](N_("Why"), lambda row: row.reason),
            Column[BadRow](N_("What is there"), lambda row: plain_line(row.text)),
        )
        self.model = BadRowsModel(columns, (), self)
        self.count = plain_label()
        self.count.setObjectName("bad-rows-count")
        self.table = QTableView()
        self.table.setObjectName("bad-rows")
        self.table.setAccessibleName(_("What could not be read"))
        self.table.setModel(self.model)
        self.table.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        style_table(self.table, 1, {0: 70, 2: 280})
        self.body.addWidget(self.count)
        self.body.addWidget(self.table)

    def show_survey(self, survey: Survey) -> None:
        """Show the bad rows of a file."""
        count = survey.bad_row_count
        self.setVisible(bool(count))
        self.model.set_rows(survey.bad_rows)
        text = ngettext(
            "{count} row could not be read; the rest is imported.",
            "{count} rows could not be read; the rest is imported.",
            count,
        ).format(count=number(count))
        if count > len(survey.bad_rows):
            text += " " + ngettext(
                "The first {count} is listed.", "The first {count} are listed.",
                len(survey.bad_rows),
            ).format(count=number(len(survey.bad_rows)))  # fmt: skip
        self.count.setText(text)
        rows = min(MOST_ROWS, max(1, len(survey.bad_rows)))
        header = self.table.horizontalHeader().sizeHint().height()
        height = rows * self.table.verticalHeader().defaultSectionSize()
        self.table.setFixedHeight(header + height + 2 * self.table.frameWidth() + 1)


class BadRowsModel(TableModel[BadRow]):
    """Texts of files are shown as they are."""

    def cell(self, row: BadRow, column: int, role: int) -> object:
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(self.columns[column].text(row))
        return super().cell(row, column, role)


class ImportDialog(ChangingDialog):
    """Imports exactly what its summary says."""

    imported = Signal(str, object)
    """The name of what was imported and the :class:`ImportResult`, once it is committed."""

    def __init__(
        self,
        session: LibrarySession,
        undo_stack: AnnotationUndoStack,
        source: ThumbnailSource,
        *,
        bridge: SessionBridge | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """
        Args:
            session: the open library.
            undo_stack: commits the import.
            source: of thumbnails.
            bridge: see :class:`LibraryDialog`.
            parent: see :class:`LibraryDialog`.
        """
        super().__init__(session, bridge, parent)
        self._undo_stack = undo_stack
        self._opened: OpenedFile | None = None
        self._shown: Comparison | None = None
        self._previous: ImportPreview | None = None
        self._done_of = (0, 0)  # bytes; written by the thread that reads
        self._reading: LatestRequest[OpenedFile] = LatestRequest(
            self._read, self._not_read, owner=self
        )
        self._comparing: LatestRequest[Comparison] = LatestRequest(
            self._compared, self._not_compared, owner=self, overlap=False
        )
        self._finding: LatestRequest[list[AddableFolder]] = LatestRequest(
            self._found_folders, self.show_error, owner=self
        )
        self._ticking = QTimer(self)
        self._ticking.setInterval(PROGRESS_MS)
        self._ticking.timeout.connect(self._show_progress)
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(AGAIN_MS)
        self._again.timeout.connect(self.compare)
        self.setWindowTitle(_("Import annotations"))
        self.setAcceptDrops(True)
        room = self.screen().availableGeometry().size() - FRAME
        self.resize(QSize(940, 760).boundedTo(room))
        self.loader = ThumbnailLoader(source, parent=self)
        self._guard = WheelGuard(self)
        self._make_widgets()
        self._lay_out()
        self._connect()
        self._update()

    # ---------------------------------------------------------------------------- building

    def _make_widgets(self) -> None:
        self.strip.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.source = SourceSection()
        self.start = StartPage(self.source)
        self.format = FormatSection(self._guard)
        self.photos = PhotosSection()
        self.classes = ClassesSection()
        self.values = ValuesSection()
        self.machine = MachineSection()
        self.conflicts = ConflictsSection(self.loader)
        self.bad_rows = BadRowsSection()
        self.sections: tuple[Section, ...] = (
            self.format, self.photos, self.classes, self.values, self.machine, self.conflicts,
            self.bad_rows,
        )  # fmt: skip
        self.waiting = Label(_("Reading the file..."))
        self.waiting.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(_("Progress"))
        self.stop = QPushButton(_("Stop readin&g"))
        self.stop.setObjectName("stop-reading")
        self.summary = plain_label()
        self.summary.setObjectName("summary")
        self.ok = QPushButton(_("&Import"))
        self.ok.setObjectName("apply")
        for button in (self.stop, self.ok):
            button.setAutoDefault(False)

    def _lay_out(self) -> None:
        page = QWidget()
        page.setObjectName("import-page")
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 12, 0)
        column.setSpacing(0)
        for section in self.sections:
            column.addWidget(section)
        column.addStretch(1)
        self._guard.watch(page)
        self._guard.watch(self.source)
        self.page = QScrollArea()
        self.page.setObjectName("import-scroll")
        self.page.setWidgetResizable(True)
        self.page.setFrameShape(QFrame.Shape.NoFrame)
        self.page.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.page.setWidget(page)
        self.page.viewport().setAutoFillBackground(False)
        page.setAutoFillBackground(False)
        self.stack = QStackedWidget()
        for part in (self.start, self.waiting, self.page):
            self.stack.addWidget(part)
        self.progress = QWidget()
        row = QHBoxLayout(self.progress)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.bar, 1)
        row.addWidget(self.stop)
        self.progress.hide()
        self.box = self._make_box()
        self.line = QFrame()
        self.line.setObjectName("summary-line")
        bottom = QHBoxLayout(self.line)
        bottom.setContentsMargins(0, 10, 0, 0)
        bottom.addWidget(self.summary, 1)
        bottom.addWidget(self.box, 0, Qt.AlignmentFlag.AlignBottom)
        layout = QVBoxLayout(self)
        layout.setSpacing(8)
        layout.addWidget(self.source)
        layout.addWidget(self.progress)
        layout.addWidget(self.stack, 1)
        layout.addWidget(self.strip)
        layout.addWidget(self.line)
        theme.manager().changed.connect(self._restyle)
        self._restyle()

    def _restyle(self, *_args: object) -> None:
        self.line.setStyleSheet(
            f"#summary-line {{ border: none; border-top: 1px solid {theme.current().border}; }}"
        )
        self._tint()

    def _connect(self) -> None:
        self.source.requested.connect(self.read)
        self.source.keywords_requested.connect(self.read_keywords)
        self.format.changed.connect(self._options_changed)
        for section in self.sections[1:]:
            section.changed.connect(self.compare)
        self.photos.folder_requested.connect(self.add_folder)
        self.photos.list_requested.connect(self.show_left_out)
        self.stop.clicked.connect(self.stop_reading)
        for notice in (AnnotationsChanged, ImagesChanged, ClassesChanged, FoldersChanged):
            self.listen(notice, lambda _notice: self._library_changed())
        self._undo_stack.failed.connect(self._not_saved)
        self.finished.connect(self._leave)

    # ----------------------------------------------------------------------------- reading

    @property
    def busy(self) -> bool:
        """Whether the file is being read, compared or imported."""
        requests = (self._reading, self._comparing, self._finding)
        return self._saving or self._again.isActive() or any(item.busy for item in requests)

    def open_path(self, path: Path) -> None:
        """Read a file or folder, in the likeliest format."""
        self.source.request(Request(path))

    def read_keywords(self) -> None:
        """Read the keywords of the library's own photos."""

        def found(folders: list[Folder]) -> None:
            shown = [folder for folder in folders if not folder.hidden]
            if not shown:
                self.strip.show_text(_("There are no photos in the library yet."), "warning")
                return
            options = {xmp.PHOTOS: xmp.ALL_PHOTOS}
            title = _("Keywords in your photos")
            self.read(Request(shown[0].path, KEYWORDS_FORMAT, options, (), title))

        self.run(self.session.folders.all, found)

    def _options_changed(self) -> None:
        if self._opened is not None and self._opened.format is not None:
            opened = self._opened
            self.read(
                replace(
                    opened.request,
                    format_name=self._opened.format.name,
                    options=self.format.form.values,
                    detected=opened.detected,
                )
            )

    def say_first_of(self, count: int) -> None:
        """Several files were dropped, of which one is read."""
        self.strip.show_text(
            _("This is the first of the {count} files. Import them one after the other.").format(
                count=number(count)
            )
        )

    def read(self, request: Request) -> None:
        """Read a file; what was being read is dropped."""
        if self._saving:
            return
        other = self._opened is None or not _same_source(self._opened.request, request)
        self._stop.set()
        self._comparing.cancel()
        stop = self._stop = threading.Event()
        self._done_of = (0, 0)
        self._shown = None
        if other:
            self._opened = self._previous = None
            for section in (
                self.format, self.photos, self.classes, self.values, self.machine, self.conflicts,
            ):  # fmt: skip
                section.reset()
        self.strip.clear()
        self.source.show_request(request)
        imports = self.session.imports

        def progress(done: int, total: int) -> None:
            if not stop.is_set():
                self._done_of = (done, total)

        self._reading.ask(lambda: open_file(imports, request, progress, stop.is_set))
        self._ticking.start()
        self._update()

    def stop_reading(self) -> None:
        """Do not read on; what was read is dropped."""
        if not self._reading.busy:
            return
        self._stop.set()
        self._reading.cancel()
        self._opened = self._previous = None
        self._stopped()
        self.strip.show_text(_("Reading was stopped. Nothing was imported."))

    def _stopped(self) -> None:
        self._ticking.stop()
        self.progress.hide()
        self._update()

    def _show_progress(self) -> None:
        done, total = self._done_of
        self.bar.setRange(0, 1000 if total else 0)
        if total:
            self.bar.setValue(min(1000, round(1000 * done / total)))
        self.progress.setVisible(self._reading.busy)

    def _read(self, opened: OpenedFile) -> None:
        other = self._opened is None or not _same_source(self._opened.request, opened.request)
        self._opened = opened
        self._stopped()
        self.source.show_file(opened)
        self.format.show_file(opened)
        for section in self.sections[1:]:
            section.setVisible(opened.survey is not None)
        if opened.survey is None:
            if opened.error:
                self.strip.show_text(opened.error, "error")
            self.source.format.setFocus()
            return
        if other:
            self.page.verticalScrollBar().setValue(0)
            self.source.format.setFocus()
        self.machine.show_count(opened.machine_cells, scored=opened.scored)
        self.conflicts.show_reviewed_choices(states_reviewed=opened.states_reviewed)
        self.bad_rows.show_survey(opened.survey)
        self.compare()

    def _not_read(self, error: Exception) -> None:
        self._opened = self._previous = None
        self._stopped()
        if not isinstance(error, Cancelled):
            self.show_error(error)

    # ---------------------------------------------------------------------------- comparing

    def choices(self) -> ImportChoices:
        """All that the user has decided."""
        return ImportChoices(
            paths=self.photos.change,
            classes=self.classes.model.choices(),
            add_classes=self.classes.add_all.isChecked(),
            hierarchy=self.classes.model.hierarchy,
            values=self.values.model.choices(),
            not_listed=self.values.not_listed_choice,
            machine_threshold=self.machine.threshold,
            conflicts=self.conflicts.conflicts,
            reviewed=self.conflicts.reviewed_marks,
        )

    def compare(self) -> None:
        """Compare the file with the library, off the window's thread."""
        self._again.stop()
        survey = self._opened.survey if self._opened is not None else None
        if survey is None or self._reading.busy or self._saving:
            return
        choices, session, stop = self.choices(), self.session, self._stop
        previous = self._previous
        if previous is not None and previous.survey is not survey:
            previous = None
        self._comparing.ask(
            lambda: compare(
                session.imports,
                session.snapshot,
                survey,
                choices,
                previous,
                cancelled=stop.is_set,
            )
        )
        self._update()

    def _library_changed(self) -> None:
        # Not started anew by every notice: during a scan they never end.
        if not self._again.isActive():
            self._again.start()

    def _compared(self, shown: Comparison) -> None:
        if self._opened is None or self._opened.survey is not shown.preview.survey:
            return
        self._shown = shown
        again = self._previous is None or self._previous.matches is not shown.preview.matches
        self._previous = shown.preview
        if again:
            self._find_folders(shown)
        self.photos.show_comparison(shown)
        self.classes.show_comparison(shown, has_paths=self._opened.has_paths)
        self.values.show_comparison(shown, not_listed_hint(shown.preview.survey.facts.not_listed))
        self.conflicts.show_comparison(shown)
        self._update()

    def _find_folders(self, shown: Comparison) -> None:
        """Look for folders with photos that were not found; the disk may be slow."""
        if not len(shown.unmatched):
            self._finding.cancel()
            self.photos.offer(())
            return
        imports, preview = self.session.imports, shown.preview
        self._finding.ask(lambda: imports.addable_folders(preview))

    def _not_compared(self, error: Exception) -> None:
        self._shown = None
        self._update()
        if not isinstance(error, Cancelled):
            self.show_error(error)

    # ------------------------------------------------------------------------------ showing

    @property
    def blocked(self) -> str:
        """Why nothing can be imported although something would change; "" if it can."""
        unmapped = self._shown.preview.unmapped if self._shown is not None else 0
        return unmapped_text(unmapped) if unmapped else ""

    def _update(self) -> None:
        shown = self._shown
        chosen = self._opened is not None or self._reading.busy
        # While the same file is read or compared again, the page stays.
        unreadable = self._opened is not None and self._opened.survey is None
        if self._previous is not None or unreadable:
            self.stack.setCurrentWidget(self.page)
        else:
            self.stack.setCurrentWidget(self.waiting if chosen else self.start)
        self.source.setVisible(chosen)
        self.line.setEnabled(True)
        preview = shown.preview if shown is not None else None
        if preview is None:
            self.summary.setText("")
        else:
            self.summary.setText(self.blocked or summary_text(preview))
        self._tint()
        self.ok.setText(_("Importing...") if self._saving else button_text(preview))
        self.ok.setVisible(chosen)
        self.ok.setEnabled(
            preview is not None
            and not preview.plan.is_empty
            and not self.blocked
            and not self._saving
            and not self._reading.busy
            # It is compared again while the library changes, too; that is no reason to wait.
            and preview.choices == self.choices()
        )
        for section in self.sections:
            section.setEnabled(not self._saving)
        self.source.setEnabled(not self._saving)

    def _tint(self) -> None:
        colour = theme.current().warning if self.blocked else theme.current().text
        self.summary.setStyleSheet(f"color: {colour};")

    # ------------------------------------------------------------------------------- acting

    def show_left_out(self) -> None:
        """List the photos that were not found."""
        if self._shown is not None:
            LeftOutDialog(self.session, self._shown, self).show()

    def _found_folders(self, folders: list[AddableFolder]) -> None:
        self.photos.offer(folders)

    def add_folder(self, folder: Path) -> None:
        """Add a folder to the library; its photos are found as they are read."""
        self.photos.show_adding(folder)
        self.run(lambda: self.session.folders.add(folder))

    def apply(self) -> None:
        """Import what the summary says."""
        shown = self._shown
        if not self.ok.isEnabled() or not self.ok.isVisible() or shown is None:
            return
        self._saving = True
        self.strip.clear()
        self._update()
        imports, preview = self.session.imports, shown.preview
        label = _("Import {name}").format(name=self._name())
        stop = self._stop = threading.Event()
        results: list[ImportResult] = []

        def change() -> Batch:
            try:
                result = imports.apply(preview, label, cancelled=stop.is_set)
            except Cancelled:
                result = ImportResult(None, None, 0)
            results.append(result)
            return result.batch or Batch(-1, datetime.now(UTC), "import")

        def saved(_batch: Batch) -> None:
            self._saved(results[0])

        if only_adds_classes(preview.plan):
            self.run(lambda: imports.apply(preview, label), self._saved, self._not_saved)
        elif not self._undo_stack.commit(change, saved):
            self._stop_saving(_(OTHER_CHANGE))

    def _name(self) -> str:
        """What is imported, as the window calls it."""
        assert self._opened is not None
        request = self._opened.request
        return request.title or request.path.name

    def _saved(self, result: ImportResult) -> None:
        self._saving = False
        if self._closed:
            return
        if self._stop.is_set() and result.batch is None:
            self._undo_stack.message.emit(_("The import was cancelled. Nothing was changed."))
        else:
            self.imported.emit(self._name(), result)
        self.accept()

    def _leave(self, _result: int) -> None:
        super()._leave(_result)
        self._reading.cancel()
        self._comparing.cancel()
        self._finding.cancel()
        self._ticking.stop()
        self._again.stop()
        self.loader.close()

    # -------------------------------------------------------------------------------- mouse

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _dropped(event) is not None and not self._saving:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        path = _dropped(event)
        if path is not None and not self._saving:
            event.acceptProposedAction()
            self.open_path(path)


def _same_source(first: Request, second: Request) -> bool:
    return (first.path, first.title) == (second.path, second.title)


def _dropped(event: QDropEvent) -> Path | None:
    """The one file or folder that is dropped."""
    urls = [url for url in event.mimeData().urls() if url.isLocalFile()]
    return Path(urls[0].toLocalFile()) if len(urls) == 1 else None
