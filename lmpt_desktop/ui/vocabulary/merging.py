"""Before classes are merged or split: what will happen, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QPlainTextEdit,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.engine.vocabulary.merging import MergePlan, SplitPlan
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit import tasks
from lmpt_desktop.ui.kit.dialogs import MessageStrip, heading, muted
from lmpt_desktop.ui.vocabulary.model import ClassLine

if TYPE_CHECKING:
    from lmpt_desktop.engine.session import LibrarySession

PAUSE_MS = 250


class PlannedDialog(QDialog):
    """Choices above, what they come to beneath, and a button that does it."""

    def __init__(self, session: LibrarySession, act: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModal(True)
        self.setMinimumWidth(500)
        self._session = session
        self._task: tasks.Task | None = None
        self.strip = MessageStrip()
        self.sentences = QLabel()
        self.sentences.setObjectName("plan")
        self.sentences.setWordWrap(True)
        self.sentences.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.act = self.buttons.addButton(act, QDialogButtonBox.ButtonRole.AcceptRole)
        self.act.setObjectName("act")
        self.act.setDefault(True)
        self.act.setEnabled(False)
        # Enter does what was read, never "Cancel" because that happens to have the focus ring.
        self.buttons.button(QDialogButtonBox.StandardButton.Cancel).setAutoDefault(False)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.finished.connect(self._let_go)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MS)
        self._timer.timeout.connect(self.look)
        self.choices = QVBoxLayout()
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addLayout(self.choices)
        layout.addWidget(heading(_("What will happen")))
        layout.addWidget(self.sentences)
        layout.addWidget(self.strip)
        layout.addStretch(1)
        layout.addWidget(muted(_("It can be undone as long as the vocabulary is open.")))
        layout.addWidget(self.buttons)

    def look(self) -> None:
        """Work out what the choices come to."""
        raise NotImplementedError

    def look_soon(self) -> None:
        """After a moment without a key."""
        self.act.setEnabled(False)
        self._timer.start()

    def _ask(self, plan: Callable[[], MergePlan | SplitPlan]) -> None:
        self._timer.stop()
        self._let_go(0)
        self.act.setEnabled(False)
        self._task = tasks.start(plan, self._show, self._failed)

    def _show(self, plan: MergePlan | SplitPlan) -> None:
        self.strip.clear()
        text = "\n".join(plan.sentences)
        self.sentences.setText(text)
        self.sentences.setAccessibleName(text)
        self.act.setEnabled(True)
        self.act.setDefault(True)
        self._make_room()

    def _failed(self, error: Exception) -> None:
        self.sentences.setText("")
        self.strip.show_text(str(error), "warning")
        self._make_room()

    def _make_room(self) -> None:
        """Grow to what is to be read by now: a dialog does not do so for wrapped text."""
        layout = self.layout()
        assert layout is not None
        layout.activate()
        needed = layout.totalHeightForWidth(self.width())
        if needed > self.height():
            self.resize(self.width(), needed)

    def _let_go(self, _result: int) -> None:
        if self._task is not None:
            self._task.cancel()


class MergeDialog(PlannedDialog):
    """Which of the classes stays; then :attr:`plan` is to be carried out."""

    def __init__(
        self, session: LibrarySession, lines: Sequence[ClassLine], parent: QWidget | None = None
    ) -> None:
        super().__init__(session, _("&Merge"), parent)
        self.setWindowTitle(_("Merge classes"))
        self.plan: MergePlan | None = None
        self._ids = [line.entry.id for line in lines]
        self.into = QComboBox()
        self.into.setObjectName("into")
        self.into.setAccessibleName(_("The class that stays"))
        for line in lines:
            self.into.addItem(line.entry.name, line.entry.id)
        # Most said of it: it is what the prompts know best.
        best = max(range(len(lines)), key=lambda row: lines[row].present or 0)
        self.into.setCurrentIndex(best)
        self.absent = QCheckBox(_("Keep what was said to be &absent, too"))
        self.absent.setObjectName("absent-too")
        self.absent.setChecked(True)
        self.absent.setToolTip(
            _(
                "Leave it out where one class is a kind of the other: what is no puppy may still "
                "be a dog."
            )
        )
        form = QFormLayout()
        form.addRow(_("The class that &stays"), self.into)
        self.choices.addLayout(form)
        self.choices.addWidget(self.absent)
        self.into.currentIndexChanged.connect(lambda _index: self.look())
        self.absent.toggled.connect(lambda _on: self.look())
        self.look()

    def look(self) -> None:
        into, absent_too = self.into.currentData(), self.absent.isChecked()
        self.plan = None
        self._ask(
            lambda: self._session.vocabulary.plan_merge(self._ids, into, absent_too=absent_too)
        )

    def _show(self, plan: MergePlan | SplitPlan) -> None:
        assert isinstance(plan, MergePlan)
        self.plan = plan
        super()._show(plan)


class SplitDialog(PlannedDialog):
    """Into what, and what becomes of the annotations; then :attr:`plan` is to be carried out."""

    def __init__(
        self, session: LibrarySession, line: ClassLine, parent: QWidget | None = None
    ) -> None:
        super().__init__(session, _("&Split"), parent)
        self.setWindowTitle(_("Split “{name}”").format(name=line.entry.name))
        self.plan: SplitPlan | None = None
        self._id = line.entry.id
        self.names = QPlainTextEdit()
        self.names.setObjectName("names")
        self.names.setAccessibleName(_("New classes, one a line"))
        self.names.setPlaceholderText(_("One new class a line"))
        self.names.setTabChangesFocus(True)
        self.names.setMaximumHeight(self.fontMetrics().height() * 5)
        self.review = QRadioButton(_("&Look through the photos, and say which is which"))
        self.review.setObjectName("review-positives")
        self.copy = QRadioButton(_("&Copy: every new class is present where this one was"))
        self.copy.setObjectName("copy-positives")
        self.review.setChecked(True)
        group = QButtonGroup(self)
        group.addButton(self.review)
        group.addButton(self.copy)
        self.keep = QCheckBox(_("&Keep “{name}” as well").format(name=line.entry.name))
        self.keep.setObjectName("keep")
        for part in (self.names, self.review, self.copy, self.keep):
            self.choices.addWidget(part)
        self.names.textChanged.connect(self.look_soon)
        self.copy.toggled.connect(lambda _on: self.look())
        self.keep.toggled.connect(lambda _on: self.look())
        self.sentences.setText(_("Write the names of the new classes."))

    def wanted(self) -> list[str]:
        """The names as typed."""
        return [
            " ".join(text.split()) for text in self.names.toPlainText().splitlines() if text.strip()
        ]

    def look(self) -> None:
        names, copy, keep = self.wanted(), self.copy.isChecked(), self.keep.isChecked()
        self.plan = None
        if not names:
            self._let_go(0)
            self.act.setEnabled(False)
            self.strip.clear()
            self.sentences.setText(_("Write the names of the new classes."))
            return
        self._ask(
            lambda: self._session.vocabulary.plan_split(self._id, names, copy=copy, keep=keep)
        )

    def _show(self, plan: MergePlan | SplitPlan) -> None:
        assert isinstance(plan, SplitPlan)
        self.plan = plan
        super()._show(plan)
