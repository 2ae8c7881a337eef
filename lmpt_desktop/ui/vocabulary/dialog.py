"""The vocabulary editor: edit classes one by one, try new ones, or replace the list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.domain.records import ClassSpec
from lmpt_desktop.engine.notices import AnnotationsChanged, ClassesChanged, PredictionsChanged
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.engine.vocabulary.class_preview import ClassPreviewReady
from lmpt_desktop.engine.vocabulary.editor import VocabularyStep
from lmpt_desktop.inference.class_names import near_name
from lmpt_desktop.interchange.class_lists import read_class_list, write_class_list
from lmpt_desktop.translation import _, ngettext, number
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.kit.dialogs import LibraryDialog, close_box, size_within
from lmpt_desktop.ui.kit.tasks import LatestRequest, Task
from lmpt_desktop.ui.kit.texts import classes_text, photos_text
from lmpt_desktop.ui.kit.thumbnails import ThumbnailLoader
from lmpt_desktop.ui.vocabulary.archive_tab import Archived, ArchiveTab
from lmpt_desktop.ui.vocabulary.class_table import ClassLine, class_lines, count_annotations
from lmpt_desktop.ui.vocabulary.classes_tab import ClassesTab
from lmpt_desktop.ui.vocabulary.list_change import vocabulary_change
from lmpt_desktop.ui.vocabulary.list_tab import ListTab
from lmpt_desktop.ui.vocabulary.merging import MergeDialog, SplitDialog
from lmpt_desktop.ui.vocabulary.reused_name import ReusedNameDialog
from lmpt_desktop.ui.vocabulary.try_tab import TryTab, near_sentence
from lmpt_desktop.ui.vocabulary.undo_stack import Done, Edit, VocabularyUndoStack

SAVING_MESSAGE_MS = 300
"""An edit that takes longer to save is mentioned."""


class VocabularyDialog(LibraryDialog):
    """Edits are saved at once, then shown; predictions follow.  Every edit can be undone."""

    images_requested = Signal(list)
    """Show these image ids in the grid."""

    def __init__(
        self,
        session: LibrarySession,
        bridge: SessionBridge | None = None,
        parent: QWidget | None = None,
        loader: ThumbnailLoader | None = None,
        history: AnnotationUndoStack | None = None,
    ) -> None:
        """``history`` is the library's; without one the dialog has its own."""
        super().__init__(session, bridge, parent)
        self.setWindowTitle(_("Vocabulary"))
        self.resize(size_within(self.screen().availableGeometry().size(), QSize(1080, 660)))
        self.undo_stack = VocabularyUndoStack(history or AnnotationUndoStack(session, self), self)
        self._counts: LatestRequest[list[ClassLine]] = LatestRequest(
            self._show_counts, self.show_error, owner=self, overlap=False
        )
        self._archive: LatestRequest[list[Archived]] = LatestRequest(
            self._show_archive, self.show_error, owner=self
        )
        self._reused: LatestRequest[tuple[str, str, Archived | None]] = LatestRequest(
            self._add_or_ask, self._refused, owner=self
        )
        self._slow_timer = QTimer(self)
        self._slow_timer.setSingleShot(True)
        self._slow_timer.setInterval(SAVING_MESSAGE_MS)
        self._slow_timer.timeout.connect(lambda: self.strip.show_text(_("Saving...")))
        self._focused: QPushButton | None = None
        self._said_of: int | None = None
        """The change that the message is about, if it can be undone."""
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
        layout.addLayout(self._foot())
        self._connect()
        self.refresh()
        if not session.snapshot().classes:
            self.tabs.setCurrentWidget(self.list)

    def _foot(self) -> QHBoxLayout:
        self.undo_button = QPushButton(_("Undo"))
        self.undo_button.setObjectName("undo-edit")
        self.redo_button = QPushButton(_("Redo"))
        self.redo_button.setObjectName("redo-edit")
        foot = QHBoxLayout()
        for button in (self.undo_button, self.redo_button):
            button.setAutoDefault(False)
            foot.addWidget(button)
        foot.addStretch(1)
        foot.addWidget(close_box(self))
        self._show_history()
        return foot

    def _show_history(self, *_args: object) -> None:
        """Enable undo and redo, and name what they would do."""
        stack = self.undo_stack
        for button, ready, what in (
            (self.undo_button, stack.can_undo, stack.history.stack.undoText()),
            (self.redo_button, stack.can_redo, stack.history.stack.redoText()),
        ):
            button.setEnabled(ready)
            button.setToolTip(what)
            button.setAccessibleDescription(what)

    def _connect(self) -> None:
        classes = self.classes
        classes.add_requested.connect(self.ask_add)
        classes.try_requested.connect(self._try_out)
        classes.archive_requested.connect(self.archive_classes)
        classes.merge_requested.connect(self.ask_merge)
        classes.split_requested.connect(self.ask_split)
        classes.colour_requested.connect(self.set_colour)
        classes.order_requested.connect(self.reorder)
        classes.model.rename_requested.connect(self.rename_class)
        classes.model.description_requested.connect(self.describe_class)
        classes.model.aliases_requested.connect(self.set_aliases)
        self.try_out.add_requested.connect(self.ask_add)
        self.try_out.image_activated.connect(lambda image: self.images_requested.emit([image]))
        self.list.use_requested.connect(self.use_list)
        self.list.add_requested.connect(self.add_list)
        self.list.edited.connect(self._show_list_change)
        self.list.open.clicked.connect(self._open_file)
        self.list.save.clicked.connect(self._save_file)
        self.list.current.clicked.connect(lambda: self.list.show_specs(self._specs()))
        self.archived.bring_back_requested.connect(self.unarchive)
        self.strip.pressed.connect(self._take_back)
        self.undo_stack.changed.connect(lambda _step: self.refresh())
        self.undo_stack.replayed.connect(self._replayed)
        self.undo_stack.history.stack.indexChanged.connect(self._show_history)
        self.undo_stack.history.failed.connect(self._refused)
        self.undo_button.clicked.connect(self.undo)
        self.redo_button.clicked.connect(self.redo)
        self.undo_stack.failed.connect(self._refused)
        self.undo_stack.busy_changed.connect(self._set_saving)
        # The keys of the main window, whatever the system's are.
        for keys, act in ((("Ctrl+Z",), self.undo), (("Ctrl+Y", "Ctrl+Shift+Z"), self.redo)):
            shortcut = QShortcut(self)
            shortcut.setKeys([QKeySequence(key) for key in keys])
            shortcut.activated.connect(act)
        self.listen(ClassesChanged, lambda _notice: self.refresh())
        self.listen(AnnotationsChanged, lambda _notice: self._count())
        self.listen(PredictionsChanged, lambda _notice: self._count())
        self.listen(ClassPreviewReady, lambda notice: self.try_out.text_read(notice.text))
        self.finished.connect(lambda _result: self.try_out.stop())

    # ----------------------------------------------------------------------------- showing

    @property
    def busy(self) -> bool:
        """Whether an edit is being saved, or classes counted."""
        asking = self._counts.busy or self._archive.busy or self._reused.busy
        return self.undo_stack.busy or asking

    def refresh(self) -> None:
        """Show the classes as they are now."""
        self._count()
        self._show_list_change()
        self.try_out.check_name()
        session = self.session
        self._archive.ask(session.vocabulary.archived)

    def _count(self) -> None:
        """Show the classes at once, with the counts known so far, and count them again."""
        known = {line.entry.id: line for line in self.classes.model.rows}
        self.classes.show_lines(
            [
                replace(known[entry.id], entry=entry) if entry.id in known else ClassLine(entry)
                for entry in self.session.snapshot().classes
            ]
        )
        session = self.session
        self._counts.ask(lambda: class_lines(session.snapshot()))

    def _show_counts(self, lines: list[ClassLine]) -> None:
        if [line.entry for line in lines] == list(self.session.snapshot().classes):
            self.classes.show_lines(lines)
            self._show_list_change()

    def _show_archive(self, rows: list[Archived]) -> None:
        self.archived.show_archive(rows)
        text = _("Archive ({count})").format(count=number(len(rows))) if rows else _("Archive")
        self.tabs.setTabText(self.tabs.indexOf(self.archived), text)

    def _show_list_change(self) -> None:
        specs = self.list.specs()
        if not specs:
            self.list.show_change(None)
            return
        counts = {line.entry.id: line.annotations for line in self.classes.model.rows}
        change = vocabulary_change(self.session.snapshot().classes, counts, specs)
        self.list.show_change(change, useful=specs != self._specs())

    # ----------------------------------------------------------------------------- editing

    def _commit(self, edit: Edit, done: Done | None = None) -> None:
        if not self.undo_stack.busy:
            self.strip.clear()
            self.undo_stack.commit(edit, done)

    def _show_done(self, text: str, kind: str = "text") -> None:
        """Show what was done, with a button that undoes it."""
        stack = self.undo_stack
        self._said_of = stack.history.latest_batch_id if stack.can_undo else None
        self.strip.show_text(text, kind, _("&Undo") if self._said_of is not None else "")

    def _take_back(self) -> None:
        """Undo what the message is about, also if something else was done since."""
        if self._said_of is not None:
            self.undo_stack.history.take_back(self._said_of)

    def ask_add(self, name: str, description: str) -> None:
        """Add a class; if one of that name is in the archive, ask which is meant."""
        vocabulary = self.session.vocabulary
        self._reused.ask(lambda: (name, description, vocabulary.archived_as(name)))

    def _add_or_ask(self, found: tuple[str, str, Archived | None]) -> None:
        name, description, archived = found
        if archived is None:
            self.add_class(name, description)
            return
        dialog = ReusedNameDialog(name, description, *archived, self)
        dialog.chosen.connect(lambda fresh: self.add_class(name, description, fresh=fresh))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def add_class(self, name: str, description: str, *, fresh: bool = False) -> None:
        """Add a class and select it; warn about an existing one with nearly the same name.

        ``fresh``: leave a class of that name in the archive.
        """
        near = near_name(name, self.session.snapshot().classes)
        vocabulary = self.session.vocabulary

        def done(_step: VocabularyStep) -> None:
            self.classes.clear_new(name)
            if self.tabs.currentWidget() is self.classes:
                self.classes.new_name.setFocus()
            text = _("Added {name}.").format(name=name)
            if near is not None:
                text = f"{text} {near_sentence(near)}"
            self._show_done(text, "text" if near is None else "warning")
            self.classes.select_class(name)

        self._commit(lambda: vocabulary.add(name, description, fresh=fresh), done)

    def rename_class(self, class_id: int, name: str) -> None:
        """Give a class another name; it keeps its annotations."""
        trained = self._is_trained(class_id)
        vocabulary = self.session.vocabulary

        def done(_step: VocabularyStep) -> None:
            text = _("Renamed to {name}.").format(name=name)
            if trained:
                learned = _("What the prompts have learned for it stays in use.")
                text = f"{text} {learned}"
            self._show_done(text)

        self._commit(lambda: vocabulary.rename(class_id, name), done)

    def describe_class(self, class_id: int, description: str) -> None:
        """Set or (with "") remove the text that the model reads instead of the name."""
        trained = self._is_trained(class_id)
        vocabulary = self.session.vocabulary

        def done(_step: VocabularyStep) -> None:
            if trained:
                self._show_done(
                    _("The class is predicted from its new description alone until you retrain.")
                )

        self._commit(lambda: vocabulary.describe(class_id, description), done)

    def _is_trained(self, class_id: int) -> bool:
        """Whether the prompts in use were learned for this class."""
        snapshot = self.session.snapshot()
        column = snapshot.column_of.get(class_id)
        return column is not None and bool(snapshot.trained[column])

    def set_aliases(self, class_id: int, aliases: list[str]) -> None:
        """Set the other names of a class."""
        vocabulary = self.session.vocabulary
        self._commit(lambda: vocabulary.set_aliases(class_id, aliases))

    def set_colour(self, class_ids: list[int], colour: str) -> None:
        """Set the colour ("#rrggbb") of classes, or remove it ("")."""
        vocabulary = self.session.vocabulary
        self._commit(lambda: vocabulary.set_colour(class_ids, colour))

    def reorder(self, class_ids: list[int]) -> None:
        """Put the classes in this order."""
        vocabulary = self.session.vocabulary
        self._commit(lambda: vocabulary.reorder(class_ids))

    def archive_classes(self, lines: list[ClassLine]) -> None:
        """Remove classes from the vocabulary; they can be brought back."""
        session, ids = self.session, [line.entry.id for line in lines]
        counts: list[int] = []

        def archive() -> VocabularyStep:
            # Counted now: the table may not show the latest annotations yet.
            counts.append(count_annotations(session.snapshot(), ids))
            return session.vocabulary.archive(ids)

        def done(_step: VocabularyStep) -> None:
            count = counts[-1]
            if len(lines) == 1:
                text = _("{name} was archived.").format(name=lines[0].entry.name)
            else:
                text = _("{classes} were archived.").format(classes=classes_text(len(lines)))
            if count:
                kept = (
                    ngettext(
                        "Its {count} annotation is kept.",
                        "Its {count} annotations are kept.",
                        count,
                    )
                    if len(lines) == 1
                    else ngettext(
                        "Their {count} annotation is kept.",
                        "Their {count} annotations are kept.",
                        count,
                    )
                )
                text = f"{text} {kept.format(count=number(count))}"
            self._show_done(text)

        self._commit(archive, done)

    def unarchive(self, class_ids: list[int]) -> None:
        """Bring classes back from the archive."""
        vocabulary = self.session.vocabulary

        def done(_step: VocabularyStep) -> None:
            self._show_done(
                _("{classes} brought back.").format(classes=classes_text(len(class_ids)))
            )

        self._commit(lambda: vocabulary.unarchive(class_ids), done)

    def ask_merge(self, lines: list[ClassLine]) -> None:
        """Show what merging would do, and merge if that is accepted."""
        dialog = MergeDialog(self.session, lines, self)
        vocabulary = self.session.vocabulary

        def merge() -> None:
            if (plan := dialog.plan) is None:
                return

            def done(_step: VocabularyStep) -> None:
                self._show_done(_("Merged into {name}.").format(name=plan.into.name))
                self.classes.select_class(plan.into.name)

            self._commit(lambda: vocabulary.merge(plan), done)

        self._open(dialog, merge)

    def ask_split(self, line: ClassLine) -> None:
        """Show what splitting would do; split if that is accepted, and show the photos to check."""
        dialog = SplitDialog(self.session, line, self)
        vocabulary = self.session.vocabulary

        def split() -> None:
            if (plan := dialog.plan) is None:
                return

            def done(step: VocabularyStep) -> None:
                text = _("“{name}” was split.").format(name=plan.entry.name)
                if step.images is not None and len(step.images):
                    look = _("The grid shows the {photos} to look through.").format(
                        photos=photos_text(len(step.images))
                    )
                    text = f"{text} {look}"
                    self.images_requested.emit(step.images.tolist())
                self._show_done(text)
                self.classes.select_class(plan.names[0])

            self._commit(lambda: vocabulary.split(plan), done)

        self._open(dialog, split)

    def _open(self, dialog: QDialog, accepted: Callable[[], object]) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(accepted)
        dialog.open()

    def use_list(self, specs: list[ClassSpec]) -> None:
        """Replace the vocabulary by ``specs``."""
        vocabulary = self.session.vocabulary
        if specs:
            self._commit(lambda: vocabulary.use_list(specs), self._show_list_used)

    def add_list(self, specs: list[ClassSpec]) -> None:
        """Add the classes that are not in the vocabulary yet."""
        vocabulary = self.session.vocabulary
        if specs:
            self._commit(lambda: vocabulary.add_list(specs), self._show_list_used)

    def _show_list_used(self, _step: VocabularyStep) -> None:
        count = len(self.session.snapshot().classes)
        self._show_done(_("The vocabulary now has {classes}.").format(classes=classes_text(count)))
        self.tabs.setCurrentWidget(self.classes)

    def undo(self) -> None:
        """Undo the last change, be it of the vocabulary or of annotations."""
        self.undo_stack.undo()

    def redo(self) -> None:
        """Redo the change that was undone last."""
        self.undo_stack.redo()

    def _replayed(self, sentence: str) -> None:
        self.refresh()
        self.strip.show_text(sentence)

    def _set_saving(self, saving: bool) -> None:
        if saving:
            # A button loses the keyboard focus while it is disabled.
            focused = self.focusWidget()
            self._focused = focused if isinstance(focused, QPushButton) else None
            self._slow_timer.start()
        elif self._slow_timer.isActive():
            self._slow_timer.stop()
        else:
            self.strip.clear()
        for tab in (self.classes, self.try_out, self.list, self.archived):
            tab.set_saving(saving)
        self._show_history()
        if not saving and self._focused is not None and self._focused.isEnabled():
            self._focused.setFocus()

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
            Task(
                lambda: read_class_list(Path(chosen)),
                self.list.show_specs,
                self.show_error,
                owner=self,
            )

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
        Task(
            lambda: write_class_list(specs, path),
            lambda _none: self.strip.show_text(
                _("{classes} written to {file}.").format(
                    classes=classes_text(len(specs)), file=path.name
                )
            ),
            self.show_error,
            owner=self,
        )

    # ------------------------------------------------------------------------------- inside

    def _try_out(self, name: str, description: str) -> None:
        self.tabs.setCurrentWidget(self.try_out)
        self.try_out.try_out(name, description)

    def _refused(self, error: Exception) -> None:
        self.show_error(error)
        # The table may still show what was typed into it.
        self.classes.show_lines(self.classes.model.rows)
