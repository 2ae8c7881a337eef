"""A missing photo and the photo that it could be, large."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.translation import _, join_names, number
from lmpt_desktop.ui.files import missing_texts as texts
from lmpt_desktop.ui.files.missing_model import PhotoRow
from lmpt_desktop.ui.files.missing_view import paint_no_picture
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.dialogs import heading, muted
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.thumbnails import ThumbnailLoader


class Picture(QWidget):
    """One photo from the thumbnail store, scaled to fit."""

    def __init__(self, loader: ThumbnailLoader, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._loader = loader
        self._image_id = -1
        self._version = ""
        self.setMinimumHeight(64)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        loader.loaded.connect(self._loaded)
        theme.manager().changed.connect(self._repaint)

    def sizeHint(self) -> QSize:
        return QSize(320, 240)

    def show_image(self, image_id: int, version: str, description: str) -> None:
        """Show an image; -1 for none."""
        self._image_id, self._version = image_id, version
        self.setAccessibleName(description)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        area = QRectF(self.rect())
        if self._image_id >= 0 and not self._loader.paint(
            painter, self._image_id, self._version, area
        ):
            failed = self._loader.failure(self._image_id, self._version)
            paint_no_picture(painter, area, _("No preview kept") if failed else "")

    def _loaded(self, image_id: int) -> None:
        if image_id == self._image_id:
            self.update()

    def _repaint(self, *_: object) -> None:
        self.update()


class _Card(QWidget):
    """A heading, the picture, and lines about it."""

    def __init__(self, title: str, loader: ThumbnailLoader) -> None:
        super().__init__()
        self.title = heading(title)
        self.picture = Picture(loader)
        self.name = Label()
        self.name.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.name.setWordWrap(True)
        self.facts = muted()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.head = QHBoxLayout()
        self.head.setSpacing(4)
        self.head.addWidget(self.title, 1)
        column.addLayout(self.head)
        column.addWidget(self.picture, 1)
        column.addWidget(self.name)
        column.addWidget(self.facts)


class PairPanel(QWidget):
    """Below each other in a narrow panel, side by side in a wide one."""

    step_requested = Signal(int)
    """Show the next candidate (1) or the one before (-1)."""
    decline_requested = Signal()

    def __init__(self, loader: ThumbnailLoader, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("missing-pair")
        self.setAccessibleName(_("The selected pair"))
        self.missing = _Card(_("Missing photo"), loader)
        self.found = _Card(_("Could be this photo"), loader)
        self.place = muted()
        self.place.setWordWrap(False)
        self.back = self._arrow("‹", _("The candidate before (Left)"), -1)
        self.forward = self._arrow("›", _("The next candidate (Right)"), 1)
        self.decline = QPushButton(_("&Decline"))
        self.decline.setObjectName("decline")
        self.decline.setToolTip(_("It is another photo: do not offer it again (D)"))
        self.decline.setAutoDefault(False)
        self.decline.clicked.connect(self.decline_requested)
        for widget in (self.back, self.place, self.forward, self.decline):
            self.found.head.addWidget(widget)
        self._pair = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._pair.setSpacing(12)
        self._pair.addWidget(self.missing, 1)
        self._pair.addWidget(self.found, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 0, 0, 0)
        column.addLayout(self._pair)
        self.setMinimumWidth(220)
        self.show_pair(None, None)

    def _arrow(self, text: str, tip: str, step: int) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setAutoRaise(True)
        button.clicked.connect(lambda: self.step_requested.emit(step))
        return button

    def show_pair(self, row: PhotoRow | None, snapshot: Snapshot | None) -> None:
        """Show a row of the table; None for no photo."""
        self.missing.setVisible(row is not None)
        found = row.found if row is not None else None
        self.found.setVisible(row is not None)
        self.found.picture.setVisible(found is not None)
        for widget in (self.back, self.forward, self.place):
            widget.setVisible(row is not None and row.candidates > 1)
        self.decline.setVisible(found is not None and not found.candidate.declined)
        if row is None or snapshot is None:
            return
        photo = row.photo
        self.missing.picture.show_image(
            photo.id, photo.fingerprint, _("{name}, missing").format(name=row.name)
        )
        self.missing.name.setText(row.name)
        facts = [row.reason, annotations_in_words(snapshot, photo.id)]
        if photo.caption:
            facts.append(_("Caption: {text}").format(text=photo.caption))
        self.missing.facts.setText("\n".join(filter(None, facts)))
        if found is None:
            self.found.name.setText("")
            self.found.facts.setText(
                _(
                    "No photo in the library could be this one. If its folder was moved, locate "
                    "it; until then the annotations are kept."
                )
                if row.searched
                else _("Looking...")
            )
            return
        candidate = found.candidate
        self.found.picture.show_image(
            candidate.image_id,
            found.fingerprint,
            _("{name}, {why}").format(name=found.name, why=texts.why_offered(candidate)),
        )
        self.found.name.setText(found.name)
        about = [str(found.location), texts.as_line(texts.why_offered(candidate))]
        self.found.facts.setText(
            "\n".join(filter(None, (*about, annotations_in_words(snapshot, candidate.image_id))))
        )
        self.place.setText(
            _("{place} of {count}").format(
                place=number(row.place + 1), count=number(row.candidates)
            )
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        wide = self.width() > 1.3 * self.height()
        self._pair.setDirection(
            QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom
        )
        super().resizeEvent(event)


def annotations_in_words(snapshot: Snapshot, image_id: int) -> str:
    """The verdicts on an image: "Present: dog, cat. 3 absent. Reviewed."; "" if there are none."""
    row = snapshot.row_of.get(image_id)
    if row is None:
        return ""
    verdicts = snapshot.annotations[row]
    present = [snapshot.classes[i].name for i in (verdicts == 1).nonzero()[0].tolist()]
    absent = int((verdicts == 0).sum())
    parts: list[str] = []
    if present:
        parts.append(_("Present: {names}.").format(names=join_names(present, 8)))
    if snapshot.reviewed[row]:
        parts.append(_("Reviewed."))
    elif absent:
        parts.append(_("{count} absent.").format(count=number(absent)))
    return " ".join(parts)
