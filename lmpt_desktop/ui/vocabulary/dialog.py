"""The vocabulary editor: change classes one by one, try new ones, or replace the list."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QDialog, QFileDialog, QTabWidget, QVBoxLayout
from shiboken6 import isValid

from lmpt_desktop.domain.records import ClassSpec
from lmpt_desktop.engine.notices import AnnotationsChanged, ClassesChanged, PredictionsChanged
from lmpt_desktop.engine.vocabulary.class_preview import ClassPreviewReady
from lmpt_desktop.engine.vocabulary.editor import VocabularyStep
from lmpt_desktop.inference.class_names import near_name
from lmpt_desktop.interchange.class_lists import read_class_list, write_class_list
from lmpt_desktop.translation import _, ngettext, number
from lmpt_desktop.ui.kit import tasks
from lmpt_desktop.ui.kit.dialogs import LibraryDialog, close_box
from lmpt_desktop.ui.kit.texts import classes_text, photos_text
from lmpt_desktop.ui.vocabulary.archive_tab import ArchiveTab
from lmpt_desktop.ui.vocabulary.change import vocabulary_change
from lmpt_desktop.ui.vocabulary.classes_tab import ClassesTab
from lmpt_desktop.ui.vocabulary.edits import INLINE_CELLS, EditDesk
from lmpt_desktop.ui.vocabulary.list_tab import ListTab
from lmpt_desktop.ui.vocabulary.merging import MergeDialog, SplitDialog
from lmpt_desktop.ui.vocabulary.model import ClassLine, class_lines
from lmpt_desktop.ui.vocabulary.try_tab import TryTab, near_sentence

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from lmpt_desktop.engine.session import LibrarySession
    from lmpt_desktop.ui.grid.loader import ThumbnailLoader
    from lmpt_desktop.ui.kit.bridge import SessionBridge

ResultT = TypeVar("ResultT")


class VocabularyDialog(LibraryDialog):
    """Edits are committed at once and predictions follow; every edit can be undone."""

    images_wanted = Signal(list)
    """Show these image ids in the grid."""

    def __init__(
        self,
        session: LibrarySession,
        bridge: SessionBridge | None = None,
        parent: QWidget | None = None,
        loader: ThumbnailLoader | None = None,
    ) -> None:
        super().__init__(session, bridge, parent)
        self.setWindowTitle(_("Vocabulary"))
        self.resize(1080, 660)
        self.edits = EditDesk(session, self)
        self._counting: tasks.Task | None = None
        self._count_again = False
        self.classes = ClassesTab()
        self.try_out = TryTab(session, loader)
        self.list = ListTab()
        self.archived = ArchiveTab()
        self.tabs = QTabWidget()
        self.tabs.addTab(self.classes, _("Classes"))
        self.tabs.addTab(self.try_out, _("Try a class"))
        self.tabs.addTab(self.list, _("List and files"))
        self.tabs.addTab(self.archived, _("Archive"))
        layout = QVBoxLayout(self)
        layout.addWidget(self.tabs, 1)
        layout.addWidget(self.strip)
        layout.addWidget(close_box(self))
        self._connect()
        self.refresh()
        if not self.classes.model.lines:
            self.tabs.setCurrentWidget(self.list)

    def _connect(self) -> None:
        classes = self.classes
        classes.add_wanted.connect(self.add_class)
        classes.try_wanted.connect(self._try_out)
        classes.archive_wanted.connect(self.archive_classes)
        classes.merge_wanted.connect(self.ask_merge)
        classes.split_wanted.connect(self.ask_split)
        classes.colour_wanted.connect(
            lambda ids, colour: self._make(lambda: self._editor.set_colour(ids, colour))
        )
        classes.order_wanted.connect(lambda ids: self._make(lambda: self._editor.reorder(ids)))
        classes.model.rename_wanted.connect(self.rename_class)
        classes.model.describe_wanted.connect(self.describe_class)
        classes.model.aliases_wanted.connect(self.set_aliases)
        self.try_out.add_wanted.connect(self.add_class)
        self.try_out.image_activated.connect(lambda image: self.images_wanted.emit([image]))
        self.list.apply_wanted.connect(self.use_list)
        self.list.add_wanted.connect(self.add_list)
        self.list.edited.connect(self._show_change)
        self.list.open.clicked.connect(self._open_file)
        self.list.save.clicked.connect(self._save_file)
        self.list.current.clicked.connect(lambda: self.list.show_specs(self._specs()))
        self.archived.bring_back_wanted.connect(self.unarchive)
        self.strip.pressed.connect(self.undo)
        self.edits.made.connect(lambda _step: self.refresh())
        self.edits.failed.connect(self._refused)
        self.edits.busy_changed.connect(self._set_busy)
        for keys, act in (
            (QKeySequence.StandardKey.Undo, self.undo),
            (QKeySequence.StandardKey.Redo, self.redo),
        ):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.activated.connect(act)
        self.listen(ClassesChanged, lambda _notice: self.refresh())
        self.listen(AnnotationsChanged, lambda _notice: self._count())
        self.listen(PredictionsChanged, lambda _notice: self._count())
        self.listen(ClassPreviewReady, lambda notice: self.try_out.text_read(notice.text))
        self.finished.connect(self._stop)

    # ----------------------------------------------------------------------------- showing

    def refresh(self) -> None:
        """Show the classes as they are now."""
        self._count()
        self._show_change()
        self.try_out.check_name()
        self._start(self._editor.archived, self._show_archive)

    def _count(self) -> None:
        """Count what was said of every class; in a large library in the background."""
        snapshot = self.session.snapshot()
        if snapshot.scores.size <= INLINE_CELLS:
            self.classes.show_lines(class_lines(snapshot))
            return
        if self._counting is not None:
            self._count_again = True
        known = {line.entry.id: line for line in self.classes.model.lines}
        none = ClassLine(snapshot.classes[0])
        self.classes.show_lines(
            [
                ClassLine(entry, old.present, old.absent, old.predicted, old.band, old.estimated)
                for entry in snapshot.classes
                for old in (known.get(entry.id, none),)
            ]
        )
        if self._counting is None:
            self._counting = self._start(
                lambda: class_lines(self.session.snapshot()), self._counted
            )

    def _counted(self, lines: list[ClassLine]) -> None:
        self._counting = None
        if [line.entry for line in lines] == list(self.session.snapshot().classes):
            self.classes.show_lines(lines)
        if self._count_again:
            self._count_again = False
            self._count()

    def _show_archive(self, lines: list) -> None:
        self.archived.show_lines(lines)
        text = _("Archive ({count})").format(count=number(len(lines))) if lines else _("Archive")
        self.tabs.setTabText(self.tabs.indexOf(self.archived), text)

    def _show_change(self) -> None:
        specs = self.list.specs()
        if not specs:
            self.list.show_change(None)
            return
        counts = {line.entry.id: line.annotations for line in self.classes.model.lines}
        change = vocabulary_change(self.session.snapshot().classes, counts, specs)
        self.list.show_change(change, useful=specs != self._specs())

    # ----------------------------------------------------------------------------- editing

    @property
    def _editor(self):
        return self.session.vocabulary

    def _make(
        self,
        act: Callable[[], VocabularyStep],
        then: Callable[[VocabularyStep], object] | None = None,
    ) -> None:
        self.strip.clear()
        self.edits.make(act, then)

    def _said(self, text: str, kind: str = "text") -> None:
        """Say what was done, with the way back."""
        self.strip.show_text(text, kind, _("&Undo") if self.edits.can_undo else "")

    def add_class(self, name: str, description: str) -> None:
        """Add a class and select it; a name that is nearly a class is mentioned."""
        near = near_name(name, self.session.snapshot().classes)

        def done(_step: VocabularyStep) -> None:
            for field in (self.classes.new_name, self.classes.new_description):
                field.clear()
            if self.tabs.currentWidget() is self.classes:
                self.classes.new_name.setFocus()
            said = _("Added {name}.").format(name=name)
            if near is not None:
                said = f"{said} {near_sentence(near)}"
            self._said(said, "text" if near is None else "warning")
            self.classes.select_class(name)

        self._make(lambda: self._editor.add(name, description), done)

    def rename_class(self, class_id: int, name: str) -> None:
        """Give a class another name; its annotations stay."""
        snapshot = self.session.snapshot()
        column = snapshot.column_of.get(class_id)
        trained = column is not None and bool(snapshot.trained[column])

        def done(_step: VocabularyStep) -> None:
            said = _("Renamed to {name}.").format(name=name)
            if trained:
                learned = _("What the prompts have learned for it stays in use.")
                said = f"{said} {learned}"
            self._said(said)

        self._make(lambda: self._editor.rename(class_id, name), done)

    def describe_class(self, class_id: int, description: str) -> None:
        """Set or (with "") remove the text that the model reads in place of the name."""
        snapshot = self.session.snapshot()
        column = snapshot.column_of.get(class_id)
        trained = column is not None and bool(snapshot.trained[column])

        def done(_step: VocabularyStep) -> None:
            if trained:
                self._said(
                    _(
                        "The model reads other words now, so the class is predicted by these "
                        "alone until you retrain."
                    )
                )

        self._make(lambda: self._editor.describe(class_id, description), done)

    def set_aliases(self, class_id: int, aliases: list[str]) -> None:
        """Set the other names of a class."""
        self._make(lambda: self._editor.set_aliases(class_id, aliases))

    def archive_classes(self, lines: list[ClassLine]) -> None:
        """Take classes out of the vocabulary, with a way back."""
        count = sum(line.annotations for line in lines)
        name = lines[0].entry.name if len(lines) == 1 else classes_text(len(lines))

        def done(_step: VocabularyStep) -> None:
            said = _("{name} is in the archive now.").format(name=name)
            if len(lines) > 1:
                said = _("{classes} are in the archive now.").format(classes=name)
            if count:
                text = ngettext(
                    "Its {count} annotation is kept.", "Its {count} annotations are kept.", count
                )
                if len(lines) > 1:
                    text = _("Their {count} annotations are kept.")
                kept = text.format(count=number(count))
                said = f"{said} {kept}"
            self._said(said)

        self._make(lambda: self._editor.archive([line.entry.id for line in lines]), done)

    def unarchive(self, class_ids: list[int]) -> None:
        """Take classes out of the archive."""

        def done(_step: VocabularyStep) -> None:
            self._said(_("{classes} brought back.").format(classes=classes_text(len(class_ids))))

        self._make(lambda: self._editor.unarchive(class_ids), done)

    def ask_merge(self, lines: list[ClassLine]) -> None:
        """Say what merging would do, and do it if that is wanted."""
        dialog = MergeDialog(self.session, lines, self)

        def merge() -> None:
            if (plan := dialog.plan) is None:
                return

            def done(_step: VocabularyStep) -> None:
                self._said(_("Merged into {name}.").format(name=plan.into.name))
                self.classes.select_class(plan.into.name)

            self._make(lambda: self._editor.merge(plan), done)

        self._open(dialog, merge)

    def ask_split(self, line: ClassLine) -> None:
        """Say what splitting would do, do it if that is wanted, and show the photos to look at."""
        dialog = SplitDialog(self.session, line, self)

        def split() -> None:
            if (plan := dialog.plan) is None:
                return

            def done(step: VocabularyStep) -> None:
                said = _("“{name}” was split.").format(name=plan.entry.name)
                if step.images is not None and len(step.images):
                    look = _("The grid shows the {photos} to look through.").format(
                        photos=photos_text(len(step.images))
                    )
                    said = f"{said} {look}"
                    self.images_wanted.emit(step.images.tolist())
                self._said(said)
                self.classes.select_class(plan.names[0])

            self._make(lambda: self._editor.split(plan), done)

        self._open(dialog, split)

    def use_list(self, specs: list[ClassSpec]) -> None:
        """Make ``specs`` the vocabulary."""
        if specs:
            self._make(lambda: self._editor.use_list(specs), self._list_used)

    def add_list(self, specs: list[ClassSpec]) -> None:
        """Add what the vocabulary has not."""
        if specs:
            self._make(lambda: self._editor.add_list(specs), self._list_used)

    def _list_used(self, _step: VocabularyStep) -> None:
        count = len(self.session.snapshot().classes)
        self._said(_("The vocabulary now has {classes}.").format(classes=classes_text(count)))
        self.tabs.setCurrentWidget(self.classes)

    def undo(self) -> None:
        """Take back the last change."""
        self.edits.undo(lambda step: self._said(_("Undone: {change}.").format(change=step.label)))

    def redo(self) -> None:
        """Make the last change that was taken back again."""
        self.edits.redo(lambda step: self._said(_("Redone: {change}.").format(change=step.label)))

    # -------------------------------------------------------------------------------- files

    def _specs(self) -> list[ClassSpec]:
        # Not from the table: a class may have been added elsewhere a moment ago.
        return [
            ClassSpec(entry.name, entry.description, entry.aliases, entry.colour)
            for entry in self.session.snapshot().classes
        ]

    def _open_file(self) -> None:
        chosen, _kind = QFileDialog.getOpenFileName(
            self,
            _("Open a list of classes"),
            "",
            _("Lists of classes (*.txt *.tsv *.csv);;All files (*)"),
        )
        if chosen:
            self._start(lambda: read_class_list(Path(chosen)), self.list.show_specs)

    def _save_file(self) -> None:
        chosen, kind = QFileDialog.getSaveFileName(
            self, _("Export the classes"), _("classes") + ".csv", _("CSV (*.csv);;Text (*.txt)")
        )
        if not chosen:
            return
        path = Path(chosen)
        if not path.suffix:
            path = path.with_suffix(".txt" if "txt" in kind else ".csv")
        specs = self._specs()
        self._start(
            lambda: write_class_list(specs, path),
            lambda _none: self.strip.show_text(
                _("{classes} written to {file}.").format(
                    classes=classes_text(len(specs)), file=path.name
                )
            ),
        )

    # ------------------------------------------------------------------------------- inside

    def _start(
        self, act: Callable[[], ResultT], done: Callable[[ResultT], object]
    ) -> tasks.Task[ResultT]:
        """Do something in the background, and nothing with it once the dialog is gone."""

        def finished(result: ResultT) -> None:
            if isValid(self):
                done(result)

        def failed(error: Exception) -> None:
            if isValid(self):
                self._refused(error)

        return tasks.start(act, finished, failed)

    def _try_out(self, name: str, description: str) -> None:
        self.tabs.setCurrentWidget(self.try_out)
        self.try_out.try_out(name, description)

    def _open(self, dialog: QDialog, accepted: Callable[[], object]) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(accepted)
        dialog.open()

    def _refused(self, error: Exception) -> None:
        self.show_error(error)
        # What was typed into the table is not so.
        self.classes.show_lines(self.classes.model.lines)

    def _set_busy(self, busy: bool) -> None:
        self.tabs.setEnabled(not busy)
        if busy:
            self.strip.show_text(_("Changing the vocabulary..."))

    def _stop(self, _result: int) -> None:
        self.try_out.stop()
        if self._counting is not None:
            self._counting.cancel()
