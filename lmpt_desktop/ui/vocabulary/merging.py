"""Dialogs that show what merging or splitting classes would do before it is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QPlainTextEdit,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.engine.vocabulary.merging import MergePlan, SplitPlan
from lmpt_desktop.error_texts import message_of
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit.dialogs import MessageStrip, heading, muted
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.tasks import LatestRequest
from lmpt_desktop.ui.vocabulary.class_table import ClassLine

PAUSE_MS = 250


PlanT = TypeVar("PlanT", MergePlan, SplitPlan)


class PlanDialog(QDialog, Generic[PlanT]):
    """Choices, the sentences of the :attr:`plan` they lead to, and a button to accept it."""

    def __init__(self, session: LibrarySession, act: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModal(True)
        self.setMinimumWidth(500)
        self._session = session
        self.plan: PlanT | None = None
        """What the choices lead to; None until it is worked out."""
        self._request: LatestRequest[PlanT] = LatestRequest(self._show, self._failed, owner=self)
        self.strip = MessageStrip()
        self.sentences = Label()
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
        # Enter accepts the plan; it must not press Cancel because that has the focus.
        self.buttons.button(QDialogButtonBox.StandardButton.Cancel).setAutoDefault(False)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.finished.connect(lambda _result: self._request.cancel())
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MS)
        self._timer.timeout.connect(self.update_plan)
        self.choices = QVBoxLayout()
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addLayout(self.choices)
        layout.addWidget(heading(_("What will happen")))
        layout.addWidget(self.sentences)
        layout.addWidget(self.strip)
        layout.addStretch(1)
        layout.addWidget(muted(_("You can undo this at any time, like everything else.")))
        layout.addWidget(self.buttons)

    def update_plan(self) -> None:
        """Work out the plan for the current choices."""
        raise NotImplementedError

    def update_soon(self) -> None:
        """Work out the plan after a pause in typing."""
        self.act.setEnabled(False)
        self._timer.start()

    def _ask(self, work: Callable[[], PlanT]) -> None:
        self._timer.stop()
        self.plan = None
        self.act.setEnabled(False)
        self._request.ask(work)

    def _show(self, plan: PlanT) -> None:
        self.plan = plan
        self.strip.clear()
        text = "\n".join(plan.sentences)
        self.sentences.setText(text)
        self.sentences.setAccessibleName(text)
        self.act.setEnabled(True)
        self.act.setDefault(True)
        self._make_room()

    def _failed(self, error: Exception) -> None:
        self.sentences.setText("")
        self.strip.show_text(message_of(error), "warning")
        self._make_room()

    def _make_room(self) -> None:
        """Grow to the height of the text: a dialog does not do so for wrapped text."""
        layout = self.layout()
        assert layout is not None
        layout.activate()
        needed = layout.totalHeightForWidth(self.width())
        if needed > self.height():
            self.resize(self.width(), needed)


class MergeDialog(PlanDialog[MergePlan]):
    """Choose which of the classes stays."""

    def __init__(
        self, session: LibrarySession, lines: Sequence[ClassLine], parent: QWidget | None = None
    ) -> None:
        super().__init__(session, _("&Merge"), parent)
        self.setWindowTitle(_("Merge classes"))
        self._ids = [line.entry.id for line in lines]
        self.into = QComboBox()
        self.into.setObjectName("into")
        self.into.setAccessibleName(_("The class that stays"))
        for line in lines:
            self.into.addItem(line.entry.name, line.entry.id)
        # The prompts have most examples of the class with the most annotations.
        best = max(range(len(lines)), key=lambda row: lines[row].present or 0)
        self.into.setCurrentIndex(best)
        self.absent = QCheckBox(_("Also keep photos marked &absent"))
        self.absent.setObjectName("absent-too")
        self.absent.setChecked(True)
        self.absent.setToolTip(
            _(
                "Uncheck this if one class is a kind of the other: a photo without a puppy may "
                "still show a dog."
            )
        )
        form = QFormLayout()
        form.addRow(_("The class that &stays"), self.into)
        self.choices.addLayout(form)
        self.choices.addWidget(self.absent)
        self.into.currentIndexChanged.connect(lambda _index: self.update_plan())
        self.absent.toggled.connect(lambda _on: self.update_plan())
        self.update_plan()

    def update_plan(self) -> None:
        into, absent_too = self.into.currentData(), self.absent.isChecked()
        vocabulary, ids = self._session.vocabulary, self._ids
        self._ask(lambda: vocabulary.plan_merge(ids, into, absent_too=absent_too))


class SplitDialog(PlanDialog[SplitPlan]):
    """Choose the new classes and what happens to the annotations."""

    def __init__(
        self, session: LibrarySession, line: ClassLine, parent: QWidget | None = None
    ) -> None:
        super().__init__(session, _("&Split"), parent)
        self.setWindowTitle(_("Split “{name}”").format(name=line.entry.name))
        self._id = line.entry.id
        self.names = QPlainTextEdit()
        self.names.setObjectName("names")
        self.names.setAccessibleName(_("New classes, one per line"))
        self.names.setPlaceholderText(_("One new class per line"))
        self.names.setTabChangesFocus(True)
        self.names.setMaximumHeight(self.fontMetrics().height() * 5)
        self.review = QRadioButton(_("&Go through the photos and choose for each"))
        self.review.setObjectName("review-positives")
        self.copy = QRadioButton(_("&Copy: mark every new class present where this one is"))
        self.copy.setObjectName("copy-positives")
        self.review.setChecked(True)
        group = QButtonGroup(self)
        group.addButton(self.review)
        group.addButton(self.copy)
        self.keep = QCheckBox(_("&Keep “{name}” too").format(name=line.entry.name))
        self.keep.setObjectName("keep")
        for part in (self.names, self.review, self.copy, self.keep):
            self.choices.addWidget(part)
        self.names.textChanged.connect(self.update_soon)
        self.copy.toggled.connect(lambda _on: self.update_plan())
        self.keep.toggled.connect(lambda _on: self.update_plan())
        self.sentences.setText(_("Enter the names of the new classes."))

    def requested(self) -> list[str]:
        """The names as typed."""
        return [
            " ".join(text.split()) for text in self.names.toPlainText().splitlines() if text.strip()
        ]

    def update_plan(self) -> None:
        names, copy, keep = self.requested(), self.copy.isChecked(), self.keep.isChecked()
        if not names:
            self._request.cancel()
            self.plan = None
            self.act.setEnabled(False)
            self.strip.clear()
            self.sentences.setText(_("Enter the names of the new classes."))
            return
        vocabulary, class_id = self._session.vocabulary, self._id
        self._ask(lambda: vocabulary.plan_split(class_id, names, copy=copy, keep=keep))
