"""Which file is imported, and in which format."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.interchange import registry
from lmpt_desktop.interchange.formats import xmp
from lmpt_desktop.interchange.registry import Detected
from lmpt_desktop.translation import _
from lmpt_desktop.ui.interchange.import_work import OpenedFile, Request
from lmpt_desktop.ui.interchange.section import fill_choices, plain_label, plain_tip
from lmpt_desktop.ui.kit.dialogs import larger, muted
from lmpt_desktop.ui.kit.label import Label

KEYWORDS_FORMAT = xmp.FORMAT.name
"""The format of keywords in and beside photos."""


def file_filters() -> str:
    """For a file dialog: all formats together, and each of its own."""
    formats = [item for item in registry.readable() if item.suffixes]
    together = sorted({suffix for item in formats for suffix in item.suffixes})
    patterns = " ".join(f"*{suffix}" for suffix in together)
    each = [f"{item.title} ({' '.join(f'*{s}' for s in item.suffixes)})" for item in formats]
    every = _("All files") + " (*)"
    if not together:
        return every
    return ";;".join((_("Annotations") + f" ({patterns})", *each, every))


class SourceSection(QWidget):
    """Above the others, always in sight."""

    requested = Signal(object)
    """A :class:`Request`: read this."""
    keywords_requested = Signal()
    """Import the keywords of the library's photos."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._request: Request | None = None
        self._detected: tuple[Detected, ...] = ()
        self.last_folder = ""
        """Where the file dialog opens."""
        self.name = plain_label()
        self.name.setWordWrap(False)
        self.name.setObjectName("source-name")
        self.name.setFont(larger(self.name.font(), 1.3))
        self.name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.place = muted()
        self.place.setTextFormat(Qt.TextFormat.PlainText)
        self.place.setWordWrap(False)
        self.place.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.choose = QPushButton(_("&Choose"))
        self.choose.setObjectName("choose-source")
        self.choose.setAutoDefault(False)
        self.choose.setMenu(self._menu())
        self.format = QComboBox()
        self.format.setObjectName("format")
        self.format.setMinimumContentsLength(18)
        self.format_label = Label(_("F&ormat"))
        self.format_label.setBuddy(self.format)
        self.reason = plain_label(role="muted")
        self.reason.setObjectName("reason")
        self._lay_out()
        self.format.currentIndexChanged.connect(self._format_chosen)

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addAction(_("&File..."), self.ask_file)
        menu.addAction(_("F&older..."), self.ask_folder)
        if self.reads_keywords():
            menu.addSeparator()
            menu.addAction(_("&Keywords in your photos"), self.keywords_requested.emit)
        return menu

    @staticmethod
    def reads_keywords() -> bool:
        """Whether keywords in photos can be read."""
        return any(item.name == KEYWORDS_FORMAT for item in registry.readable())

    def _lay_out(self) -> None:
        names = QVBoxLayout()
        names.setSpacing(1)
        names.addWidget(self.name)
        names.addWidget(self.place)
        top = QHBoxLayout()
        top.addLayout(names, 1)
        top.addWidget(self.choose, 0, Qt.AlignmentFlag.AlignTop)
        row = QHBoxLayout()
        row.addWidget(self.format_label)
        row.addWidget(self.format)
        row.addWidget(self.reason, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 4)
        layout.setSpacing(8)
        layout.addLayout(top)
        layout.addLayout(row)

    # ----------------------------------------------------------------------------- choosing

    def ask_file(self) -> None:
        """Ask for a file."""
        chosen, _kind = QFileDialog.getOpenFileName(
            self, _("Import annotations"), self.last_folder, file_filters()
        )
        if chosen:
            self.request(Request(Path(chosen)))

    def ask_folder(self) -> None:
        """Ask for a folder with annotations."""
        chosen = QFileDialog.getExistingDirectory(
            self, _("Import annotations from a folder"), self.last_folder
        )
        if chosen:
            self.request(Request(Path(chosen)))

    def request(self, request: Request) -> None:
        """Have a file read."""
        self.last_folder = str(request.path.parent)
        self.requested.emit(request)

    def _format_chosen(self, _index: int) -> None:
        name = self.format.currentData()
        if self._request is not None and name:
            self.request(
                replace(self._request, format_name=name, options={}, detected=self._detected)
            )

    # ------------------------------------------------------------------------------ showing

    def show_request(self, request: Request) -> None:
        """A file is being read."""
        old = self._request
        other = old is None or (old.path, old.title) != (request.path, request.title)
        self._request = request
        self.name.setText(request.title or request.path.name or str(request.path))
        self.place.setText("" if request.title else str(request.path.parent))
        self.place.setVisible(not request.title)
        self.place.setToolTip(plain_tip(str(request.path)))
        if other:
            self.reason.setText("")
            self._list_formats("", frozenset())

    def show_file(self, opened: OpenedFile) -> None:
        """Show the format that a file was read in, and what there is to ask and to know."""
        self._detected = opened.detected
        name = opened.format.name if opened.format is not None else ""
        self._list_formats(name, frozenset(item.format.name for item in opened.detected))
        if opened.format is None:
            self.reason.setText(_("No format recognises it. Choose the one it is in."))
        else:
            self.reason.setText(opened.reason or _("Your choice"))

    def _list_formats(self, current: str, detected: frozenset[str]) -> None:
        """Those that recognise the file come first."""
        formats = sorted(registry.readable(), key=lambda item: item.name not in detected)
        entries: list[tuple[str, object]] = [(_(item.title), item.name) for item in formats]
        if not current:
            entries.insert(0, (_("Choose a format"), ""))
        fill_choices(self.format, entries, current)
