"""Type a class and see what the model finds by it, before it is added."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.engine.search import SearchState
from lmpt_desktop.engine.vocabulary.class_preview import ClassPreview
from lmpt_desktop.inference.class_names import Likeness, NearName, near_name
from lmpt_desktop.translation import _, ngettext, number
from lmpt_desktop.ui.kit import tasks
from lmpt_desktop.ui.kit.dialogs import MessageStrip, muted
from lmpt_desktop.ui.kit.texts import photos_text
from lmpt_desktop.ui.vocabulary.thumbs import ScoredModel, ScoredPhoto, ScoredView

if TYPE_CHECKING:
    from lmpt_desktop.engine.session import LibrarySession
    from lmpt_desktop.ui.grid.loader import ThumbnailLoader

PAUSE_MS = 300
"""After so long without a key the model is asked."""


class TryTab(QWidget):
    """A name, a description, and the photos that fit them best."""

    add_wanted = Signal(str, str)
    image_activated = Signal(int)

    def __init__(
        self,
        session: LibrarySession,
        loader: ThumbnailLoader | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._task: tasks.Task | None = None
        self.preview: ClassPreview | None = None
        self.near: NearName | None = None
        self._asked_for = ""
        self.name = QLineEdit()
        self.name.setObjectName("try-name")
        self.name.setPlaceholderText(_("For example “lighthouse”"))
        self.description = QLineEdit()
        self.description.setObjectName("try-description")
        self.description.setPlaceholderText(_("If the name is not enough"))
        form = QFormLayout()
        form.addRow(_("&Name"), self.name)
        form.addRow(_("&Description"), self.description)
        self.warning = MessageStrip()
        self.sentence = QLabel()
        self.sentence.setObjectName("preview-sentence")
        self.sentence.setWordWrap(True)
        self.model = ScoredModel(self)
        self.view = ScoredView(self.model, loader)
        self.view.setObjectName("preview-photos")
        self.view.setAccessibleName(_("Photos that fit best"))
        self.add = QPushButton(_("&Add this class"))
        self.add.setObjectName("add-tried")
        self.add.setAutoDefault(False)
        self.again = QPushButton(_("&Try again"))
        self.again.setObjectName("try-again")
        self.again.setAutoDefault(False)
        foot = QHBoxLayout()
        foot.addWidget(
            muted(_("Best first; ✓ marks what would be predicted. Enter shows one in the grid.")), 1
        )
        foot.addWidget(self.again)
        foot.addWidget(self.add, 0, Qt.AlignmentFlag.AlignBottom)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self.warning)
        layout.addWidget(self.sentence)
        layout.addWidget(self.view, 1)
        layout.addLayout(foot)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MS)
        self._timer.timeout.connect(self.look)
        for field in (self.name, self.description):
            field.textChanged.connect(self._typed)
            field.returnPressed.connect(self.look)
        self.add.clicked.connect(self._add)
        self.again.clicked.connect(self._retry)
        self.view.image_activated.connect(self.image_activated)
        self._show_nothing(_("Type a name, and the photos that fit it best appear here."))

    def try_out(self, name: str, description: str) -> None:
        """Begin with these words."""
        self.name.setText(name)
        self.description.setText(description)
        self.name.setFocus()
        if name:
            self.look()

    @property
    def words(self) -> tuple[str, str]:
        """Name and description as typed, without superfluous space."""
        return " ".join(self.name.text().split()), " ".join(self.description.text().split())

    def text_read(self, text: str) -> None:
        """The encoder has read a text: look again if it was ours."""
        name, description = self.words
        if text == (description or name):
            self.look()

    def look(self) -> None:
        """Ask what the class would find, in the background."""
        self._timer.stop()
        name, description = self.words
        if self._task is not None:
            self._task.cancel()
        if not name:
            self._show_nothing(_("Type a name, and the photos that fit it best appear here."))
            return
        self._warn()
        self._task = tasks.start(
            lambda: self._session.vocabulary.preview.run(name, description),
            self._show,
            self._failed,
        )

    def stop(self) -> None:
        """Nobody looks any more."""
        self._timer.stop()
        if self._task is not None:
            self._task.cancel()

    def check_name(self) -> None:
        """The vocabulary has changed: say again whether it has this class."""
        self._warn()

    def _typed(self) -> None:
        self._asked_for = ""
        self._warn()
        self._timer.start()

    def _warn(self) -> None:
        name, _description = self.words
        self.near = near_name(name, self._session.snapshot().classes) if name else None
        taken = self.near is not None and self.near.likeness in (Likeness.SAME, Likeness.ALIAS)
        self.add.setEnabled(bool(name) and not taken)
        # A class that was added just now, here, needs no warning that there is one.
        added = taken and name == self._asked_for
        self.warning.show_text(
            near_sentence(self.near) if self.near and not added else "", "warning"
        )

    def _show(self, preview: ClassPreview) -> None:
        self.preview = preview
        self.again.setVisible(preview.state is SearchState.FAILED)
        if preview.state is not SearchState.READY:
            if preview.state is not SearchState.WAITING:
                self.model.set_lines([])
            self.sentence.setText(preview.message)
            return
        snapshot = self._session.snapshot()
        lines: list[ScoredPhoto] = []
        for image_id, score in zip(
            preview.image_ids.tolist(), preview.scores.tolist(), strict=True
        ):
            row = snapshot.row_of.get(image_id)
            if row is not None:
                lines.append(
                    ScoredPhoto(
                        image_id,
                        snapshot.images.fingerprints[row],
                        snapshot.images.names[row].rpartition("/")[2],
                        score,
                        len(lines) < preview.predicted,
                    )
                )
        self.model.set_lines(lines)
        self.sentence.setText(preview_sentence(preview))

    def _failed(self, error: Exception) -> None:
        self._show_nothing(str(error))

    def _show_nothing(self, sentence: str) -> None:
        self.preview = None
        self.model.set_lines([])
        self.again.hide()
        self.sentence.setText(sentence)
        self._warn()

    def _retry(self) -> None:
        self._session.vocabulary.preview.retry(*self.words)
        self.look()

    def _add(self) -> None:
        name, description = self.words
        if name:
            self._asked_for = name
            self.add_wanted.emit(name, description)


def preview_sentence(preview: ClassPreview) -> str:
    """How many photos would be predicted."""
    if not preview.predicted:
        return _(
            "By this name alone it would be predicted in none of {photos}. These come nearest."
        ).format(photos=photos_text(preview.looked_at))
    text = ngettext(
        "By this name alone it would be predicted in {count} of {photos}.",
        "By this name alone it would be predicted in {count} of {photos}.",
        preview.predicted,
    )
    return text.format(count=number(preview.predicted), photos=photos_text(preview.looked_at))


def near_sentence(near: NearName) -> str:
    """Which class there is already, and why it may be the same."""
    if near.likeness is Likeness.SAME:
        return _("There is a class “{name}” already.").format(name=near.name)
    if near.likeness is Likeness.ALIAS:
        return _("“{meant}” is another name of the class “{name}”.").format(
            meant=near.meant, name=near.name
        )
    if near.likeness is Likeness.PLURAL:
        return _(
            "There is a class “{name}” already; one of the two looks like the plural of the other."
        ).format(name=near.name)
    return _("There is a class “{name}” already, which is spelled nearly the same.").format(
        name=near.name
    )
