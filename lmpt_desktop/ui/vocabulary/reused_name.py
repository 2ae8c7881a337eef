"""Asks which class is meant when a new one gets the name of an archived one."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from lmpt_desktop.catalogue.records import AnnotationCount
from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit.dialogs import heading, muted
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.texts import annotations_text


class ReusedNameDialog(QDialog):
    """Bring the archived class back, with what is known of it, or begin another of its name."""

    chosen = Signal(bool)
    """Whether to start fresh."""

    def __init__(
        self,
        name: str,
        description: str,
        archived: ClassEntry,
        count: AnnotationCount,
        parent: QWidget | None = None,
    ) -> None:
        """``description`` is that of the new class, "" for none."""
        super().__init__(parent)
        self.setWindowTitle(_("A class of this name is in the archive"))
        annotations = annotations_text(count.present + count.absent)
        self.sentence = Label(reused_sentence(archived, annotations, description))
        self.sentence.setObjectName("reused-name")
        self.sentence.setWordWrap(True)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        role = QDialogButtonBox.ButtonRole.AcceptRole
        self.back = self.buttons.addButton(_("&Bring back"), role)
        self.back.setObjectName("bring-back-reused")
        self.back.setDefault(True)
        self.fresh = self.buttons.addButton(_("&Start fresh"), role)
        self.fresh.setObjectName("start-fresh")
        self.back.clicked.connect(lambda: self._choose(fresh=False))
        self.fresh.clicked.connect(lambda: self._choose(fresh=True))
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addWidget(heading(_("“{name}” was in the vocabulary before").format(name=name)))
        layout.addWidget(self.sentence)
        layout.addWidget(
            muted(_("If you start fresh, the other class stays in the archive as it is."))
        )
        layout.addWidget(self.buttons)
        self.setMinimumWidth(460)

    def _choose(self, *, fresh: bool) -> None:
        self.accept()
        self.chosen.emit(fresh)


def reused_sentence(archived: ClassEntry, annotations: str, description: str) -> str:
    """What comes back with an archived class; ``description`` would replace its own."""
    if description and description != archived.description:
        return _(
            "The archived class has {annotations}. It would get the description you typed: "
            "“{text}”."
        ).format(annotations=annotations, text=description)
    if archived.description:
        return _(
            "The archived class has {annotations}, and the model reads its description “{text}” "
            "instead of the name."
        ).format(annotations=annotations, text=archived.description)
    return _("The archived class has {annotations} and no description.").format(
        annotations=annotations
    )
