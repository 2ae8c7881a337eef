"""Preview the photos a class would be predicted in, before it is added."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.search import SearchState
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.engine.vocabulary.class_preview import ClassPreview
from lmpt_desktop.error_texts import message_of
from lmpt_desktop.inference.class_names import Likeness, NearName, near_name
from lmpt_desktop.translation import N_, _, decimal, join_names, ngettext, number
from lmpt_desktop.ui.kit.dialogs import MessageStrip, muted
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.scored_thumbnails import (
    Caption,
    ScoredThumbnail,
    ScoredThumbnailModel,
    ScoredThumbnailView,
)
from lmpt_desktop.ui.kit.tasks import LatestRequest
from lmpt_desktop.ui.kit.texts import photos_text
from lmpt_desktop.ui.kit.thumbnails import ThumbnailLoader
from trainer.class_texts import class_texts

TYPE_A_NAME = N_("Type a name to see the photos that match it best.")
PAUSE_MS = 300
"""The photos are searched this long after the last key."""


@dataclass(frozen=True)
class ScoredPhoto:
    """A photo with its score for a class; ``predicted`` if that reaches the threshold."""

    image_id: int
    fingerprint: str
    file_name: str
    score: float
    predicted: bool


def scored_photos(preview: ClassPreview, snapshot: Snapshot) -> list[ScoredPhoto]:
    """The photos of a preview that are still in the library, best first."""
    photos: list[ScoredPhoto] = []
    for image_id, score in zip(preview.image_ids.tolist(), preview.scores.tolist(), strict=True):
        row = snapshot.row_of.get(image_id)
        if row is not None:
            photos.append(
                ScoredPhoto(
                    image_id,
                    snapshot.images.fingerprints[row],
                    snapshot.images.names[row].rpartition("/")[2],
                    score,
                    len(photos) < preview.predicted,
                )
            )
    return photos


def _thumbnail(photo: ScoredPhoto) -> ScoredThumbnail:
    """The score below the photo, green and with a tick if the class would be predicted."""
    score = decimal(photo.score, 2)
    word = _("predicted") if photo.predicted else _("not predicted")
    caption = Caption(score, "present", "✓") if photo.predicted else Caption(score, "muted")
    description = _("{file}: {score}, {predicted}").format(
        file=photo.file_name, score=score, predicted=word
    )
    return ScoredThumbnail(photo.image_id, photo.fingerprint, (caption,), description)


class TryTab(QWidget):
    """A name, a description, and the photos that match them best."""

    add_requested = Signal(str, str)
    """Name and description."""
    image_activated = Signal(int)
    """The id of a photo to show in the grid."""

    def __init__(
        self,
        session: LibrarySession,
        loader: ThumbnailLoader | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._request: LatestRequest[ClassPreview] = LatestRequest(
            self._show, self._failed, owner=self
        )
        self.preview: ClassPreview | None = None
        self.near: NearName | None = None
        self._added_name = ""
        self._saving = False
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
        self.sentence = Label()
        self.sentence.setObjectName("preview-sentence")
        self.sentence.setWordWrap(True)
        self.model: ScoredThumbnailModel[ScoredPhoto] = ScoredThumbnailModel(
            _thumbnail, parent=self
        )
        self.view = ScoredThumbnailView(self.model, loader, lines=1)
        self.view.setObjectName("preview-photos")
        self.view.setAccessibleName(_("Best matching photos"))
        self.add = QPushButton(_("&Add this class"))
        self.add.setObjectName("add-tried")
        self.add.setAutoDefault(False)
        self.again = QPushButton(_("&Try again"))
        self.again.setObjectName("try-again")
        self.again.setAutoDefault(False)
        foot = QHBoxLayout()
        foot.addWidget(
            muted(_("Best first; ✓ marks predicted photos. Press Enter to show one in the grid.")),
            1,
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
        self._timer.timeout.connect(self.search)
        for field in (self.name, self.description):
            field.textChanged.connect(self._typed)
            field.returnPressed.connect(self.search)
        self.add.clicked.connect(self._add)
        self.again.clicked.connect(self._retry)
        self.view.image_activated.connect(self.image_activated)
        self._show_nothing(_(TYPE_A_NAME))

    def try_out(self, name: str, description: str) -> None:
        """Start with this name and description."""
        self.name.setText(name)
        self.description.setText(description)
        self.name.setFocus()
        if name:
            self.search()

    @property
    def words(self) -> tuple[str, str]:
        """Name and description as typed, with single spaces."""
        return " ".join(self.name.text().split()), " ".join(self.description.text().split())

    def text_read(self, text: str) -> None:
        """Search again if the text the encoder has read is the one typed here."""
        name, description = self.words
        if text == (description or name):
            self.search()

    def search(self) -> None:
        """Search for the photos the class would be predicted in."""
        self._timer.stop()
        name, description = self.words
        if not name:
            self._request.cancel()
            self._show_nothing(_(TYPE_A_NAME))
            return
        self._warn()
        session = self._session
        self._request.ask(lambda: session.vocabulary.preview.run(name, description))

    def stop(self) -> None:
        """Stop searching, because the dialog is closed."""
        self._timer.stop()
        self._request.cancel()

    def check_name(self) -> None:
        """Check again, after the vocabulary has changed, whether it has this class."""
        self._warn()

    def set_saving(self, saving: bool) -> None:
        """Disable what would edit the vocabulary while an edit is being saved."""
        self._saving = saving
        self._warn()

    def _typed(self) -> None:
        self._added_name = ""
        self._warn()
        self._timer.start()

    def _warn(self) -> None:
        name, _description = self.words
        self.near = near_name(name, self._session.snapshot().classes) if name else None
        taken = self.near is not None and self.near.likeness in (Likeness.SAME, Likeness.ALIAS)
        self.add.setEnabled(bool(name) and not taken and not self._saving)
        # No warning about the class that was added from this tab just now.
        added = taken and name == self._added_name
        self.warning.show_text(
            near_sentence(self.near) if self.near and not added else "", "warning"
        )

    def _show(self, preview: ClassPreview) -> None:
        self.preview = preview
        self.again.setVisible(preview.state is SearchState.FAILED)
        if preview.state is not SearchState.READY:
            if preview.state is not SearchState.WAITING:
                self.model.set_rows([])
            self.sentence.setText(preview.message)
            return
        self.model.set_rows(scored_photos(preview, self._session.snapshot()))
        name, description = self.words
        self.sentence.setText(preview_sentence(preview, name, description))

    def _failed(self, error: Exception) -> None:
        self._show_nothing(message_of(error))

    def _show_nothing(self, sentence: str) -> None:
        self.preview = None
        self.model.set_rows([])
        self.again.hide()
        self.sentence.setText(sentence)
        self._warn()

    def _retry(self) -> None:
        self._session.vocabulary.preview.retry(*self.words)
        self.search()

    def _add(self) -> None:
        name, description = self.words
        if name:
            self._added_name = name
            self.add_requested.emit(name, description)


def preview_sentence(preview: ClassPreview, name: str, description: str = "") -> str:
    """By which words, and in how many photos, the class would be predicted."""
    first, *others = class_texts(name, description)
    if others:
        words = _("By its descriptions {texts} together, not by its name:").format(
            texts=join_names([first, *others], quoted=True)
        )
    elif first != name:
        words = _("By its description “{text}” alone, not by its name:").format(text=first)
    else:
        words = _("By its name “{text}” alone:").format(text=name)
    if not preview.predicted:
        found = _("predicted in none of {photos}. These are the closest.")
    else:
        found = ngettext(
            "predicted in {count} of {photos}.",
            "predicted in {count} of {photos}.",
            preview.predicted,
        )
    found = found.format(
        count=number(preview.predicted), photos=photos_text(preview.encoded_images)
    )
    return f"{words} {found}"


def near_sentence(near: NearName) -> str:
    """Which existing class has the same or nearly the same name."""
    if near.likeness is Likeness.SAME:
        return _("There is already a class “{name}”.").format(name=near.name)
    if near.likeness is Likeness.ALIAS:
        return _("“{meant}” is another name of the class “{name}”.").format(
            meant=near.meant, name=near.name
        )
    if near.likeness is Likeness.PLURAL:
        return _(
            "There is already a class “{name}”; one looks like the plural of the other."
        ).format(name=near.name)
    return _("There is already a class “{name}”, which is spelled almost the same.").format(
        name=near.name
    )
