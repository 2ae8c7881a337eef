"""File > Merge library: what another library says, how far it agrees, and what would change.

Nothing is written before *Merge* is pressed, and nothing is ever written to the other library.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QMenu,
    QProgressBar,
    QPushButton,
    QRadioButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.catalogue.another_library import AnotherLibrary, MergeCancelled
from lmpt_desktop.domain.records import Batch
from lmpt_desktop.engine.interchange.imports import ImportResult
from lmpt_desktop.engine.interchange.library_merges import MergeResult
from lmpt_desktop.engine.notices import AnnotationsChanged, ClassesChanged, ImagesChanged
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.interchange.agreement_table import write_agreement
from lmpt_desktop.interchange.atomic_file import atomic_write
from lmpt_desktop.interchange.importing.merging import MergeChoices, MergePreview, OnConflict
from lmpt_desktop.translation import N_, _, ngettext, number
from lmpt_desktop.ui.annotations.committing_dialog import OTHER_CHANGE
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.interchange.agreement_view import (
    AgreementModel,
    AgreementRow,
    AgreementTable,
)
from lmpt_desktop.ui.interchange.merge_texts import (
    CHOICES,
    agreement_text,
    button_text,
    compared_text,
    conflict_question,
    details_text,
    found_text,
    lacking_text,
    summary_text,
)
from lmpt_desktop.ui.interchange.saving_dialog import ChangingDialog
from lmpt_desktop.ui.interchange.section import plain_label, plain_tip
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.kit.dialogs import heading, larger, muted, size_within
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.tasks import LatestRequest

PROGRESS_MS = 100
"""How often the progress of reading is shown; what is read sooner shows none."""
AGAIN_MS = 400
"""How long after a change of the library it is compared again."""


@dataclass(frozen=True, eq=False)
class ShownMerge:
    """A preview, and the rows of its table."""

    preview: MergePreview
    rows: tuple[AgreementRow, ...]


def compare(session: LibrarySession, other: AnotherLibrary, choices: MergeChoices) -> ShownMerge:
    """What choices lead to, with all that the dialog shows of it; off the window's thread."""
    preview = session.merges.preview(other, choices)
    bands = session.snapshot().bands
    rows = [
        AgreementRow(
            row,
            bands.bands[row.band_column]
            if row.band_column is not None and bands.known and row.band_column < len(bands.bands)
            else None,
        )
        for row in preview.agreement
    ]
    return ShownMerge(preview, tuple(rows))


class MergeDialog(ChangingDialog):
    """Merges exactly what its summary says."""

    merged = Signal(str, object)
    """The name of the other library and the :class:`MergeResult`, once it is committed."""

    def __init__(
        self,
        session: LibrarySession,
        undo_stack: AnnotationUndoStack,
        *,
        last_folder: str = "",
        bridge: SessionBridge | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """
        Args:
            session: the open library.
            undo_stack: commits the merge.
            last_folder: where the file dialogs open.
            bridge, parent: see :class:`LibraryDialog`.
        """
        super().__init__(session, bridge, parent)
        self._undo_stack = undo_stack
        self.last_folder = last_folder
        self._other: AnotherLibrary | None = None
        self._shown: ShownMerge | None = None
        self._done_of = (0, 0)  # images; written by the thread that reads
        self._reading: LatestRequest[AnotherLibrary] = LatestRequest(
            self._read, self._not_read, owner=self
        )
        self._comparing: LatestRequest[ShownMerge] = LatestRequest(
            self._compared, self._not_compared, owner=self, overlap=False
        )
        self._ticking = QTimer(self)
        self._ticking.setInterval(PROGRESS_MS)
        self._ticking.timeout.connect(self._show_progress)
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(AGAIN_MS)
        self._again.timeout.connect(self.compare)
        self.setWindowTitle(_("Merge library"))
        self.resize(size_within(self.screen().availableGeometry().size(), QSize(860, 680)))
        self._make_widgets()
        self._lay_out()
        self._connect()
        self._update()
        self.buttons[0].setFocus()

    # ---------------------------------------------------------------------------- building

    def _make_widgets(self) -> None:
        self.strip.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.start = self._start_page()
        self.name = plain_label()
        self.name.setObjectName("merge-name")
        self.name.setFont(larger(self.name.font(), 1.3))
        self.place = plain_label(role="muted")
        self.place.setWordWrap(False)
        self.place.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.choose = QPushButton(_("&Choose"))
        self.choose.setObjectName("choose-library")
        menu = QMenu(self.choose)
        menu.addAction(_("&Folder of a library..."), self.ask_folder)
        menu.addAction(_("C&atalogue or kept copy..."), self.ask_file)
        self.choose.setMenu(menu)
        self.found = plain_label()
        self.found.setObjectName("merge-found")
        self.details = plain_label(role="muted")
        self.lacking = plain_label()
        self.lacking.setObjectName("merge-lacking")
        self.add_classes = QCheckBox()
        self.add_classes.setObjectName("merge-add-classes")
        self.question = plain_label()
        self.question.setObjectName("merge-conflicts")
        self.conflicts: dict[OnConflict, QRadioButton] = {}
        self._group = QButtonGroup(self)
        for choice, text in CHOICES:
            button = self.conflicts[choice] = QRadioButton(_(text))
            button.setObjectName(f"merge-{choice.value}")
            self._group.addButton(button)
        self.conflicts[OnConflict.MINE].setChecked(True)
        self.agreement = plain_label(role="muted")
        self.model = AgreementModel(self)
        self.table = AgreementTable(self.model)
        self.save = QPushButton(_("&Save table..."))
        self.save.setObjectName("save-agreement")
        self.waiting = Label(_("Reading the library..."))
        self.waiting.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.bar = QProgressBar()
        self.bar.setRange(0, 0)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(_("Progress"))
        self.stop = QPushButton(_("Stop readin&g"))
        self.stop.setObjectName("stop-reading")
        self.summary = plain_label()
        self.summary.setObjectName("summary")
        self.ok = QPushButton(_("&Merge"))
        self.ok.setObjectName("apply")
        for one in (self.choose, self.save, self.stop, self.ok):
            one.setAutoDefault(False)

    def _start_page(self) -> QWidget:
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setSpacing(10)
        title = Label(_("Which library do you want to merge?"))
        title.setFont(larger(title.font(), 1.3))
        layout.addStretch(1)
        layout.addWidget(title)
        layout.addWidget(
            muted(
                _(
                    "What somebody else has annotated is taken over where both libraries have the "
                    "same pictures, wherever they lie. The other library is only read. You see "
                    "what would change, and how far you agree, before anything does, and can undo "
                    "it in one step."
                )
            )
        )
        layout.addSpacing(6)
        self.buttons: list[QPushButton] = []
        for name, text, tip, act in (
            ("folder", N_("&Folder of a library..."), N_("The folder that has catalogue.sqlite"),
             self.ask_folder),
            ("file", N_("C&atalogue or kept copy..."),
             N_("catalogue.sqlite, or a file of a library's folder “backups”"), self.ask_file),
        ):  # fmt: skip
            button = QPushButton(_(text))
            button.setObjectName(f"merge-{name}")
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
        return page

    def _lay_out(self) -> None:
        names = QVBoxLayout()
        names.setSpacing(1)
        names.addWidget(self.name)
        names.addWidget(self.place)
        self.source = QWidget()
        top = QHBoxLayout(self.source)
        top.setContentsMargins(0, 0, 0, 4)
        top.addLayout(names, 1)
        top.addWidget(self.choose, 0, Qt.AlignmentFlag.AlignTop)
        self.page = QWidget()
        column = QVBoxLayout(self.page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for part in (self.found, self.details, self.lacking, self.add_classes, self.question):
            column.addWidget(part)
        for button in self.conflicts.values():
            column.addWidget(button)
        column.addSpacing(6)
        above = QHBoxLayout()
        above.addWidget(heading(_("Agreement about each class")), 1)
        above.addWidget(self.save)
        column.addLayout(above)
        column.addWidget(self.agreement)
        column.addWidget(self.table, 1)
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
        bottom = QHBoxLayout()
        bottom.addWidget(self.summary, 1)
        bottom.addWidget(self.box, 0, Qt.AlignmentFlag.AlignBottom)
        layout = QVBoxLayout(self)
        layout.setSpacing(8)
        layout.addWidget(self.source)
        layout.addWidget(self.progress)
        layout.addWidget(self.stack, 1)
        layout.addWidget(self.strip)
        layout.addLayout(bottom)

    def _connect(self) -> None:
        self.add_classes.toggled.connect(self.compare)
        for button in self.conflicts.values():
            button.toggled.connect(lambda on: self.compare() if on else None)
        self.save.clicked.connect(self.ask_and_save)
        self.stop.clicked.connect(self.stop_reading)
        for notice in (AnnotationsChanged, ImagesChanged, ClassesChanged):
            self.listen(notice, lambda _notice: self._library_changed())
        self._undo_stack.failed.connect(self._not_saved)
        self.finished.connect(self._leave)

    # ----------------------------------------------------------------------------- reading

    @property
    def busy(self) -> bool:
        """Whether the library is being read, compared or merged."""
        return self._saving or self._again.isActive() or self._reading.busy or self._comparing.busy

    def ask_folder(self) -> None:
        """Ask for the folder of another library."""
        chosen = QFileDialog.getExistingDirectory(
            self, _("Choose the folder of a library"), self.last_folder
        )
        if chosen:
            self.open_path(Path(chosen))

    def ask_file(self) -> None:
        """Ask for a catalogue."""
        chosen, _kind = QFileDialog.getOpenFileName(
            self,
            _("Choose a catalogue or a copy of one"),
            self.last_folder,
            ";;".join((_("Catalogues") + " (*.sqlite)", _("All files") + " (*)")),
        )
        if chosen:
            self.open_path(Path(chosen))

    def open_path(self, path: Path) -> None:
        """Read a library; what was being read is dropped."""
        if self._saving:
            return
        self.last_folder = str(path.parent)
        self._stop.set()
        self._comparing.cancel()
        stop = self._stop = threading.Event()
        self._done_of = (0, 0)
        self._other = self._shown = None
        self.strip.clear()
        self.name.setText(path.name or str(path))
        self.place.setText(str(path.parent))
        self.place.setToolTip(plain_tip(str(path)))
        merges = self.session.merges

        def progress(done: int, total: int) -> None:
            if not stop.is_set():
                self._done_of = (done, total)

        self._reading.ask(lambda: merges.read(path, progress=progress, cancelled=stop.is_set))
        self._ticking.start()
        self._update()

    def stop_reading(self) -> None:
        """Do not read on; what was read is dropped."""
        if not self._reading.busy:
            return
        self._stop.set()
        self._reading.cancel()
        self._stopped()
        self.strip.show_text(_("Reading was stopped. Nothing was merged."))

    def _stopped(self) -> None:
        self._ticking.stop()
        self.progress.hide()
        self._update()

    def _show_progress(self) -> None:
        done, total = self._done_of
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        self.progress.setVisible(self._reading.busy)

    def _read(self, other: AnotherLibrary) -> None:
        self._other = other
        self.name.setText(other.name)
        self._stopped()
        self.compare()

    def _not_read(self, error: Exception) -> None:
        self._stopped()
        if not isinstance(error, MergeCancelled):
            self.show_error(error)
        self.buttons[0].setFocus()

    # ---------------------------------------------------------------------------- comparing

    def choices(self) -> MergeChoices:
        """All that the user has decided."""
        chosen = next(choice for choice, one in self.conflicts.items() if one.isChecked())
        return MergeChoices(self.add_classes.isChecked(), chosen)

    def compare(self) -> None:
        """Compare the libraries, off the window's thread."""
        self._again.stop()
        other = self._other
        if other is None or self._saving:
            return
        choices, session = self.choices(), self.session
        self._comparing.ask(lambda: compare(session, other, choices))
        self._update()

    def _library_changed(self) -> None:
        # Not started anew by every notice: during a scan they never end.
        if self._other is not None and not self._again.isActive():
            self._again.start()

    def _compared(self, shown: ShownMerge) -> None:
        if shown.preview.other is not self._other:
            return
        first = self._shown is None
        self._shown = shown
        preview = shown.preview
        self.found.setText(f"{found_text(preview)} {compared_text(preview)}.")
        details = details_text(preview)
        self.details.setText(details)
        self.details.setVisible(bool(details))
        lacks = bool(preview.lacking)
        self.lacking.setText(lacking_text(preview.lacking) if lacks else "")
        self.lacking.setVisible(lacks)
        # Once they are to be added none is lacking any more.
        self.add_classes.setVisible(lacks or preview.choices.add_classes)
        count = len(preview.lacking) or len(preview.plan.new_classes)
        self.add_classes.setText(
            ngettext("&Add {count} class", "&Add {count} classes", count).format(
                count=number(count)
            )
        )
        has_conflicts = bool(preview.conflicting)
        self.question.setText(conflict_question(preview) if has_conflicts else "")
        for part in (self.question, *self.conflicts.values()):
            part.setVisible(has_conflicts)
        self.agreement.setText(agreement_text(preview))
        self.model.show_rows(shown.rows)
        self._update()
        if first:
            (self.ok if self.ok.isEnabled() else self.table).setFocus()

    def _not_compared(self, error: Exception) -> None:
        self._shown = None
        self._update()
        self.show_error(error)

    # ------------------------------------------------------------------------------ showing

    def _update(self) -> None:
        shown = self._shown
        chosen = self._other is not None or self._reading.busy
        if shown is not None:
            self.stack.setCurrentWidget(self.page)
        else:
            self.stack.setCurrentWidget(self.waiting if chosen else self.start)
        self.source.setVisible(chosen)
        self.summary.setText("" if shown is None else summary_text(shown.preview))
        preview = None if shown is None else shown.preview
        self.ok.setText(_("Merging...") if self._saving else button_text(preview))
        self.ok.setVisible(chosen)
        self.ok.setEnabled(
            preview is not None
            and not preview.changes_nothing
            and not self._saving
            and not self._reading.busy
            and preview.choices == self.choices()
        )
        self.save.setEnabled(preview is not None and bool(preview.agreement))
        self.page.setEnabled(not self._saving)
        self.source.setEnabled(not self._saving)

    # ------------------------------------------------------------------------------- acting

    def ask_and_save(self) -> None:
        """Ask for a file and write the table to it."""
        if self._shown is None:
            return
        chosen, _kind = QFileDialog.getSaveFileName(
            self, _("Save table"), "agreement.csv", _("Table (*.csv)")
        )
        if chosen:
            path = Path(chosen)
            self.save_to(path if path.suffix else path.with_suffix(".csv"))

    def save_to(self, path: Path) -> None:
        """Write the table to a file, in the order that it has on screen."""
        rows = [row.figures for row in self.model.rows]

        def write() -> int:
            with atomic_write(path) as file:
                return write_agreement(rows, file)

        def written(count: int) -> None:
            text = ngettext(
                "{count} class written to {name}", "{count} classes written to {name}", count
            )
            self.strip.show_text(text.format(count=number(count), name=path.name))

        self.run(write, written)

    def apply(self) -> None:
        """Merge what the summary says."""
        shown = self._shown
        if not self.ok.isEnabled() or not self.ok.isVisible() or shown is None:
            return
        self._saving = True
        self.strip.clear()
        self._update()
        merges, preview = self.session.merges, shown.preview
        label = _("Merge {name}").format(name=preview.other.name)
        stop = self._stop = threading.Event()
        results: list[MergeResult] = []

        def change() -> Batch:
            try:
                result = merges.apply(preview, label, cancelled=stop.is_set)
            except MergeCancelled:
                result = MergeResult(ImportResult(None, None, 0), 0)
            results.append(result)
            return result.imported.batch or Batch(-1, datetime.now(UTC), "import")

        def saved(_batch: Batch) -> None:
            self._saved(results[0])

        if not preview.plan.annotations and not preview.marks:
            # Classes and questions alone: the undo stack would say that nothing has changed.
            self.run(lambda: merges.apply(preview, label), self._saved, self._not_saved)
        elif not self._undo_stack.commit(change, saved):
            self._stop_saving(_(OTHER_CHANGE))

    def _saved(self, result: MergeResult) -> None:
        self._saving = False
        if result.questions and not result.imported.annotations:
            self._undo_stack.read_history()  # a batch of questions alone is a step, too
        if self._closed:
            return
        assert self._other is not None
        if self._stop.is_set() and result.imported.batch is None:
            self._undo_stack.message.emit(_("The merge was cancelled. Nothing was changed."))
        else:
            self.merged.emit(self._other.name, result)
        self.accept()

    def _leave(self, _result: int) -> None:
        super()._leave(_result)
        self._reading.cancel()
        self._comparing.cancel()
        self._ticking.stop()
        self._again.stop()
