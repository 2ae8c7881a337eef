"""Whether a raw file and a photo of the same name are one photo, in the library's preferences."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QCheckBox, QGroupBox, QVBoxLayout, QWidget

from lmpt_desktop.domain.raw_pairs import PairFigures
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit.dialogs import muted
from lmpt_desktop.ui.kit.raw_pair_texts import preview_text, together_text
from lmpt_desktop.ui.kit.tasks import LatestRequest, Task


class RawPairsBox(QGroupBox):
    """A check box, and what it changes or has changed."""

    def __init__(
        self,
        session: LibrarySession | None,
        failed: Callable[[Exception], object],
        parent: QWidget | None = None,
    ) -> None:
        """``session``: of the open library, None if there is none."""
        super().__init__(_("Raw files of this library"), parent)
        self.setObjectName("raw-pairs")
        self._session = session
        self._failed = failed
        self.one_photo = QCheckBox(_("Show a &raw file and a JPEG of the same name as one photo"))
        self.one_photo.setObjectName("raw-pairs-on")
        self.says = muted("")
        self.says.setObjectName("raw-pairs-text")
        self._counting: LatestRequest[PairFigures] = LatestRequest(
            self._counted, failed, owner=self
        )
        layout = QVBoxLayout(self)
        layout.addWidget(self.one_photo)
        layout.addWidget(self.says)
        layout.addWidget(
            muted(
                _(
                    "JPEG, HEIC and JPEG XL files in the same folder are shown for the raw file. "
                    "No file is changed."
                )
            )
        )
        self.one_photo.toggled.connect(self._toggled)
        self.setEnabled(session is not None and not session.catalogue.read_only)
        if session is not None:
            self.show_state()

    def show_state(self) -> None:
        """Show whether they are one photo now, and how many are or would be."""
        session = self._session
        if session is None:
            return
        with QSignalBlocker(self.one_photo):
            self.one_photo.setChecked(session.raw_pairs.on)
        self._counting.ask(session.raw_pairs.preview)

    def _counted(self, figures: PairFigures) -> None:
        on = self.one_photo.isChecked() and figures.pairs
        self.says.setText(together_text(figures.pairs) if on else preview_text(figures))

    def _toggled(self, on: bool) -> None:
        session = self._session
        if session is not None:
            Task(
                lambda: session.raw_pairs.switch(on),
                lambda _none: self.show_state(),
                self._switch_failed,
                owner=self,
            )

    def _switch_failed(self, error: Exception) -> None:
        self.show_state()
        self._failed(error)
