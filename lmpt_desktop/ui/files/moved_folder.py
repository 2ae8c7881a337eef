"""Say where a folder with missing photos is now."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.catalogue.missing import MissingImage
from lmpt_desktop.engine.files.missing import MissingFolder, MissingList, MovePlan, MoveRefusedError
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.translation import _
from lmpt_desktop.ui.files import missing_texts as texts
from lmpt_desktop.ui.kit.dialogs import LibraryDialog, muted
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.tasks import LatestRequest


class MovedFolderDialog(LibraryDialog):
    """Counts what is there before anything is done."""

    moved = Signal(str)
    """It was done; a sentence for the status bar."""

    def __init__(
        self,
        session: LibrarySession,
        listed: MissingList,
        photo: MissingImage,
        parent: QWidget | None = None,
    ) -> None:
        """``photo`` is a missing photo of the folder."""
        super().__init__(session, None, parent)
        self.setWindowTitle(_("Locate moved folder"))
        self.setMinimumWidth(520)
        self._listed = listed
        self._folders: list[MissingFolder] = []
        self._place: Path | None = None
        self._plan: MovePlan | None = None
        self._looking: LatestRequest[MovePlan] = LatestRequest(
            self._planned, self._refused, owner=self
        )
        self.folder = QComboBox()
        self.folder.setObjectName("moved-folder")
        self.folder.setAccessibleName(_("Folder that was moved"))
        self.was = muted()
        self.was.setWordWrap(False)
        self.was.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.place = Label(_("not chosen yet"))
        self.place.setWordWrap(True)
        self.choose = QPushButton(_("&Choose..."))
        self.choose.setObjectName("choose-place")
        self.choose.setAutoDefault(False)
        self.choose.clicked.connect(self.ask_place)
        self.outcome = Label()
        self.outcome.setObjectName("move-outcome")
        self.outcome.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.use = buttons.addButton(_("&Use this folder"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.use.setObjectName("use-place")
        self.use.setEnabled(False)
        buttons.accepted.connect(self.apply)
        buttons.rejected.connect(self.reject)
        row = QHBoxLayout()
        row.addWidget(self.place, 1)
        row.addWidget(self.choose)
        form = QFormLayout()
        form.addRow(_("Folder"), self.folder)
        form.addRow("", self.was)
        form.addRow(_("Is now at"), row)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.addLayout(form)
        layout.addWidget(self.outcome)
        layout.addWidget(self.strip)
        layout.addStretch(1)
        layout.addWidget(buttons)
        self.folder.currentIndexChanged.connect(self._look)
        self.choose.setEnabled(False)
        self.run(lambda: session.missing.folders_around(listed, photo), self._show_folders)

    def _show_folders(self, folders: list[MissingFolder]) -> None:
        self._folders = folders
        self.folder.blockSignals(True)
        for folder in folders:
            self.folder.addItem(
                texts.folder_text(folder.relative, str(folder.location), folder.photos)
            )
        # The outermost folder that is not there any more has been moved.
        gone = [place for place, folder in enumerate(folders) if not folder.exists]
        self.folder.setCurrentIndex(gone[-1] if gone else 0)
        self.folder.blockSignals(False)
        self.choose.setEnabled(True)
        self.choose.setFocus()
        self._look()

    def ask_place(self) -> None:
        """Ask where the folder is."""
        start = self._folders[self.folder.currentIndex()].location.parent
        chosen = QFileDialog.getExistingDirectory(
            self, _("Choose where the folder is now"), str(start)
        )
        if chosen:
            self.set_place(Path(chosen))

    def set_place(self, place: Path) -> None:
        """The folder is there; look what is found."""
        self._place = place
        self.place.setText(str(place))
        self._look()

    def _look(self, *_index: object) -> None:
        folder = self._folders[self.folder.currentIndex()]
        was = _("Was at {place}").format(place=folder.location)
        middle = Qt.TextElideMode.ElideMiddle
        self.was.setText(self.was.fontMetrics().elidedText(was, middle, self.folder.width()))
        self.was.setToolTip(was)
        self._plan = None
        self.use.setEnabled(False)
        self.strip.clear()
        place = self._place
        if place is None:
            self.outcome.setText("")
            return
        self.outcome.setText(_("Looking for the photos..."))
        listed, missing = self._listed, self.session.missing
        self._looking.ask(lambda: missing.plan_move(listed, folder, place))

    def _planned(self, plan: MovePlan) -> None:
        self._plan = plan
        self.place.setText(str(plan.place))
        self.outcome.setText("\n\n".join(texts.plan_sentences(plan)))
        self.use.setEnabled(True)

    def _refused(self, error: Exception) -> None:
        self.outcome.setText("")
        if isinstance(error, MoveRefusedError):
            self.strip.show_text(str(error), "warning")
        else:
            self.show_error(error)

    def apply(self) -> None:
        """Do what was planned, and close."""
        plan = self._plan
        if plan is None:
            return
        self.use.setEnabled(False)

        def done(_none: object) -> None:
            self.moved.emit(_("Scanning {name}").format(name=plan.place.name or plan.place))
            self.accept()

        self.run(lambda: self.session.missing.move(plan), done)
