"""The first page: open a folder or a recent library, or try sample photos."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QDragEnterEvent, QDropEvent, QKeySequence
from PySide6.QtSvgWidgets import QSvgWidget
from PySide6.QtWidgets import (
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop import paths, sample_photos
from lmpt_desktop.translation import N_, _
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.tasks import LatestRequest
from lmpt_desktop.ui.library.dropped_paths import dragged_paths

if TYPE_CHECKING:
    from lmpt_desktop.ui.shell.settings import RecentLibrary

INTRODUCTION = N_(
    "Tag photos with many classes at once, including rare ones. Check the predictions, correct a "
    "few, retrain."
)


class WelcomePage(QWidget):
    """Shown while no library is open."""

    open_requested = Signal()
    samples_requested = Signal()
    library_requested = Signal(object)
    """A :class:`RecentLibrary`."""
    forget_requested = Signal(object)
    """A :class:`RecentLibrary` to remove from the list."""
    paths_dropped = Signal(object)
    """Files and folders (a list of paths) were dropped here."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("welcome")
        self.setAcceptDrops(True)
        self._labelling = LatestRequest(self._label_recent, owner=self)
        self._make_buttons()
        self._make_recent()
        column = QWidget()
        column.setFixedWidth(580)
        inner = QVBoxLayout(column)
        inner.setSpacing(16)
        inner.addLayout(_heading())
        inner.addSpacing(8)
        buttons = QHBoxLayout()
        buttons.setSpacing(10)
        buttons.addWidget(self.open_button, 1)
        buttons.addWidget(self.samples_button, 1)
        inner.addLayout(buttons)
        inner.addWidget(self.samples_note)
        inner.addWidget(
            _muted(_("Or drag a folder into this window. Photos are never moved or changed."))
        )
        inner.addSpacing(8)
        inner.addWidget(self.recent_label)
        inner.addWidget(self.recent)
        inner.addWidget(self.forget_button, 0, Qt.AlignmentFlag.AlignRight)
        # Between stretches, not aligned: the height of wrapped text is then that at this width.
        middle = QHBoxLayout()
        middle.addStretch(1)
        middle.addWidget(column)
        middle.addStretch(1)
        layout = QVBoxLayout(self)
        layout.addStretch(2)
        layout.addLayout(middle)
        layout.addStretch(3)
        self.show_samples(sample_photos.unavailable_reason())
        self.show_recent([])
        self._restyle()
        theme.manager().changed.connect(self._restyle)

    def _make_buttons(self) -> None:
        self.open_button = self._button("welcome-open", _("Open a folder of photos..."))
        self.open_button.setDefault(True)
        self.open_button.clicked.connect(self.open_requested)
        self.samples_button = self._button("welcome-samples", _("Try it with sample photos"))
        self.samples_button.clicked.connect(self.samples_requested)
        self.samples_note = _muted("")
        self.samples_note.setObjectName("welcome-samples-note")
        self.samples_note.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def _make_recent(self) -> None:
        self.recent_label = Label(_("Recent libraries"))
        self.recent_label.setProperty("role", "heading")
        self.recent = QListWidget()
        self.recent.setObjectName("welcome-recent")
        self.recent.setAccessibleName(_("Recent libraries"))
        self.recent.itemActivated.connect(self._open_recent)
        self.recent.itemClicked.connect(self._open_recent)
        self.forget = QAction(_("Remove from list"), self.recent)
        self.forget.setShortcut(QKeySequence.StandardKey.Delete)
        self.forget.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self.forget.triggered.connect(self._forget_current)
        self.recent.addAction(self.forget)
        self.forget_button = QPushButton(_("&Remove from list"))
        self.forget_button.setObjectName("welcome-forget")
        self.forget_button.setFlat(True)
        self.forget_button.setToolTip(_("The library and its photos stay where they are"))
        self.forget_button.clicked.connect(self._forget_current)
        self.recent.currentItemChanged.connect(
            lambda item, _old: self.forget_button.setEnabled(item is not None)
        )
        self.recent.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)

    def show_samples(self, reason: str) -> None:
        """Offer the sample photos or, with a ``reason``, say why they are not available."""
        self.samples_button.setEnabled(not reason)
        self.samples_note.setText(reason)
        self.samples_note.setVisible(bool(reason))

    def show_recent(self, entries: list[RecentLibrary]) -> None:
        """List libraries; the list is hidden if there are none."""
        self.recent.clear()
        for entry in entries:
            # The counts first: a long path is cut off at its end.
            facts = "  ·  ".join(part for part in (entry.counts, entry.places) if part)
            item = QListWidgetItem(theme.icon("folder"), f"{entry.name}\n{facts}")
            item.setToolTip(entry.places)
            item.setData(Qt.ItemDataRole.UserRole, entry)
            self.recent.addItem(item)
        self.recent_label.setVisible(bool(entries))
        self.recent.setVisible(bool(entries))
        self.forget_button.setVisible(bool(entries))
        self.forget_button.setEnabled(False)
        row = self.recent.sizeHintForRow(0) if entries else 0
        self.recent.setFixedHeight(min(6, len(entries)) * max(row, 40) + 6)
        self._labelling.ask(lambda: [entry.label for entry in entries])

    def _label_recent(self, labels: list[str]) -> None:
        """Mark the libraries that are no longer there."""
        for row, label in enumerate(labels):
            item = self.recent.item(row)
            name, folders = item.text().split("\n", 1)
            if label != name:
                item.setText(f"{label}\n{folders}")
                item.setForeground(theme.current().colour("muted"))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dragged_paths(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        if paths := dragged_paths(event):
            event.acceptProposedAction()
            self.paths_dropped.emit(paths)

    def _button(self, name: str, text: str) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(name)
        button.setMinimumHeight(40)
        button.setIconSize(QSize(20, 20))
        return button

    def _open_recent(self, item: QListWidgetItem) -> None:
        self.library_requested.emit(item.data(Qt.ItemDataRole.UserRole))

    def _forget_current(self) -> None:
        if (item := self.recent.currentItem()) is not None:
            self.forget_requested.emit(item.data(Qt.ItemDataRole.UserRole))

    def _restyle(self, *_: object) -> None:
        colours = theme.current()
        self.open_button.setIcon(theme.icon("folder-open", "on_accent"))
        self.samples_button.setIcon(theme.icon("sparkle"))
        self.open_button.setStyleSheet(
            f"QPushButton {{ background: {colours.accent}; color: {colours.on_accent};"
            " border: none; border-radius: 6px; padding: 0 16px; font-weight: 600; }"
            f"QPushButton:focus {{ border: 2px solid {colours.text}; }}"
        )
        self.samples_button.setStyleSheet(
            f"QPushButton {{ background: {colours.raised}; color: {colours.text};"
            f" border: 1px solid {colours.border}; border-radius: 6px; padding: 0 16px; }}"
            f"QPushButton:focus {{ border: 2px solid {colours.accent}; }}"
            f"QPushButton:disabled {{ color: {colours.disabled}; }}"
        )
        self.recent.setStyleSheet(
            f"QListWidget {{ border: 1px solid {colours.border}; border-radius: 6px;"
            f" background: {colours.surface}; }}"
            "QListWidget::item { padding: 5px 8px; }"
            f"QListWidget::item:hover {{ background: {colours.raised}; }}"
        )
        for index in range(self.recent.count()):
            self.recent.item(index).setIcon(theme.icon("folder"))


def _heading() -> QHBoxLayout:
    """The app's icon and name, and its purpose."""
    logo = QSvgWidget(str(paths.resources_dir() / "icons" / "lmpt-desktop.svg"))
    logo.setFixedSize(QSize(72, 72))
    title = Label("LMPT Desktop")
    title.setProperty("role", "title")
    names = QVBoxLayout()
    names.setSpacing(4)
    names.addWidget(title)
    names.addWidget(_muted(_(INTRODUCTION)))
    head = QHBoxLayout()
    head.setSpacing(18)
    head.addWidget(logo)
    head.addLayout(names, 1)
    return head


def _muted(text: str) -> Label:
    label = Label(text)
    label.setWordWrap(True)
    label.setProperty("role", "muted")
    return label
