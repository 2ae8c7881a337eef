"""The filter bar: which images the grid shows, in which order, and how many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from lmpt_desktop.domain.records import ImageState
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference.filters import Filter, Sort, SortKey, Status
from lmpt_desktop.translation import N_, _, ngettext, number
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.flow_layout import FlowLayout, on_one_line
from lmpt_desktop.ui.kit.texts import band_name, photos_text
from trainer.bands import Band

TYPING_MS = 250
"""Text is applied after this pause in typing."""

STATUS_TEXTS: tuple[tuple[str, Status | None], ...] = (
    (N_("Any status"), None),
    (N_("Predicted"), Status.PREDICTED),
    (N_("Marked present"), Status.PRESENT),
    (N_("Marked absent"), Status.ABSENT),
    (N_("Unknown"), Status.UNKNOWN),
    (N_("Corrected"), Status.CORRECTED),
)


@dataclass(frozen=True)
class SortChoice:
    """An order the user can choose: its label, and the labels of both directions."""

    key: SortKey
    label: str
    natural: str
    reverse: str
    by_class: bool = False
    """Whether it applies to the class that the grid is filtered by."""


SORTS: tuple[SortChoice, ...] = (
    SortChoice(SortKey.ADDED, N_("Order added"), N_("Oldest first"), N_("Newest first")),
    SortChoice(SortKey.NAME, N_("Name"), N_("A to Z"), N_("Z to A")),
    SortChoice(SortKey.DATE, N_("Date"), N_("Oldest first"), N_("Newest first")),
    SortChoice(SortKey.SCORE, N_("Score"), N_("Highest first"), N_("Lowest first"), True),
    SortChoice(
        SortKey.UNCERTAINTY,
        N_("Uncertainty"),
        N_("Least certain first"),
        N_("Most certain first"),
        True,
    ),
    SortChoice(SortKey.TAIL_FIRST, N_("Tail classes first"), N_("Tail first"), N_("Tail last")),
)
_SORT_OF = {choice.key: choice for choice in SORTS}


def band_icon(band: Band | None) -> QIcon:
    """The band's shape in its colour, for lists; empty if the band is unknown."""
    if band is None:
        return QIcon()
    pixmap = QPixmap(QSize(32, 32))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    theme.paint_band_mark(painter, QRectF(3, 3, 26, 26), band, theme.current().band(band))
    painter.end()
    return QIcon(pixmap)


class FilterBar(QWidget):
    """Emits :attr:`changed` whenever the result of :meth:`filter` or :meth:`sort` changes."""

    changed = Signal()
    update_requested = Signal()
    """Evaluate the same filter again."""
    class_chosen = Signal(object)
    """The class id chosen in the class list, or None."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("filter-bar")
        self._folder: tuple[int | None, Path | None] = (None, None)
        self._class_key: tuple[tuple[tuple[int, str, Band | None], ...], bool] | None = None
        self._quiet = False
        self._images: frozenset[int] | None = None

        self._make_filters()
        self._make_order()
        layout = FlowLayout(self)
        layout.setContentsMargins(8, 6, 8, 6)
        for part in (
            self.classes, self.bands, self.status, self.unreviewed, self.problems, self.edited,
            self.text, self.images, self.order_parts,
            on_one_line(self.count, self.clear_button, self.stale_button),
        ):  # fmt: skip
            layout.addWidget(part)
        self._fill_fixed()
        self._connect()
        self._restyle()
        theme.manager().changed.connect(self._restyle)

    def _make_filters(self) -> None:
        self.classes = _combo("filter-class", _("Class"), 17)
        self.bands = _combo("filter-band", _("Band"))
        self.status = _combo("filter-status", _("Status"))
        self.unreviewed = QCheckBox(_("Not reviewed"))
        self.unreviewed.setObjectName("filter-unreviewed")
        self.unreviewed.setToolTip(_("Only photos you have not marked as reviewed"))
        self.problems = QCheckBox(_("Unreadable"))
        self.problems.setObjectName("filter-unreadable")
        self.problems.setToolTip(_("Only files that could not be read"))
        self.edited = QCheckBox(_("Changed since annotated"))
        self.edited.setObjectName("filter-edited")
        self.edited.setToolTip(
            _("Only photos that were edited after they were annotated and not looked at since")
        )
        self.edited.hide()
        self._any_edited = False
        self.images = QLabel()
        self.images.setObjectName("filter-images")
        self.images.hide()
        self.text = QLineEdit()
        self.text.setObjectName("filter-text")
        self.text.setAccessibleName(_("Find in file names"))
        self.text.setPlaceholderText(_("Find in file names"))
        self.text.setClearButtonEnabled(True)
        words = self.text.fontMetrics().horizontalAdvance(self.text.placeholderText())
        # Leaves room for the clear button, so that nothing moves when it appears.
        room = self.text.sizeHint().width() + self.text.fontMetrics().height() + 4
        self.text.setFixedWidth(max(room, words + 24))
        self.text.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def _make_order(self) -> None:
        self.order = _combo("sort-key", _("Sort by"))
        self.direction = QToolButton()
        self.direction.setObjectName("sort-direction")
        self.direction.setCheckable(True)
        self.direction.setAutoRaise(True)
        self.direction.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.count = QLabel()
        self.count.setObjectName("filter-count")
        self.clear_button = QToolButton()
        self.clear_button.setObjectName("filter-clear")
        self.clear_button.setText(_("Clear filters"))
        self.clear_button.setAutoRaise(True)
        self.clear_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.stale_button = QToolButton()
        self.stale_button.setObjectName("filter-update")
        self.stale_button.setText(_("Update list"))
        self.stale_button.setToolTip(_("New verdicts may change which photos belong here"))
        self.stale_button.setAutoRaise(True)
        self.stale_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.stale_button.hide()
        self.sort_label = QLabel(_("Sort by"))
        self.sort_label.setProperty("role", "muted")
        self.order_parts = on_one_line(self.sort_label, self.order, self.direction)

    # ----------------------------------------------------------------------------- state

    def filter(self) -> Filter:
        """The filter as the user set it."""
        folder_id, below = self._folder
        return Filter(
            class_id=self.classes.currentData(),
            # Qt hands string enums back as plain strings.
            band=Band(band) if (band := self.bands.currentData()) else None,
            status=Status(status) if (status := self.status.currentData()) else None,
            unreviewed=self.unreviewed.isChecked(),
            edited=self.edited.isChecked(),
            state=ImageState.UNREADABLE if self.problems.isChecked() else None,
            folder_id=folder_id,
            below=below,
            text=self.text.text().strip(),
            image_ids=self._images,
        )

    def sort(self) -> Sort:
        choice = self._sort_choice()
        return Sort(
            key=choice.key,
            class_id=self.classes.currentData() if choice.by_class else None,
            descending=self.direction.isChecked(),
        )

    def _sort_choice(self) -> SortChoice:
        return _SORT_OF[SortKey(self.order.currentData() or SortKey.ADDED)]

    @property
    def active(self) -> bool:
        """Whether any filter other than the folder is set."""
        return replace(self.filter(), folder_id=None, below=None) != Filter()

    @property
    def depends_on_verdicts(self) -> bool:
        """Whether the result depends on annotations or reviewed marks."""
        requested = self.filter()
        return (
            requested.class_id is not None
            or requested.band is not None
            or requested.status is not None
            or requested.unreviewed
            or self.sort().key is SortKey.TAIL_FIRST
        )

    def show_order(self, shown: bool) -> None:
        """Show or hide the order: search results have their own."""
        self.order_parts.setVisible(shown)

    def show_stale(self, stale: bool) -> None:
        """Show or hide the button that evaluates the filter again."""
        self.stale_button.setVisible(stale)

    def set_folder(self, folder_id: int | None, below: Path | None) -> None:
        """Show only a folder of the tree; (None, None) is the whole library."""
        if (folder_id, below) != self._folder:
            self._folder = (folder_id, below)
            self._emit_changed()

    def set_images(self, image_ids: Sequence[int] | None) -> None:
        """Show only these images and clear the other filters; None shows all again."""
        self._quiet = True
        self.clear()
        self._quiet = False
        self._folder = (None, None) if image_ids is not None else self._folder
        self._set_images(image_ids)
        self._emit_changed()

    def _set_images(self, image_ids: Sequence[int] | None) -> None:
        self._images = None if image_ids is None else frozenset(image_ids)
        count = len(image_ids or ())
        self.images.setText(
            ngettext("One chosen photo", "{count} chosen photos", count).format(count=number(count))
        )
        self.images.setVisible(image_ids is not None)

    def set_class(self, class_id: int | None) -> None:
        """Choose a class in the class list."""
        self.classes.setCurrentIndex(max(0, self.classes.findData(class_id)))

    def show_class(self, class_id: int, status: Status | None) -> None:
        """Show only a class (with one status) of the whole library, and clear the other filters."""
        self._quiet = True
        self.clear()
        self.set_class(class_id)
        self.status.setCurrentIndex(max(0, self.status.findData(status)))
        self._quiet = False
        self._folder = (None, None)
        self._emit_changed()

    def clear(self) -> None:
        """Reset everything but folder and order."""
        was_quiet, self._quiet = self._quiet, True
        self._set_images(None)
        for combo in (self.classes, self.bands, self.status):
            combo.setCurrentIndex(0)
        self.unreviewed.setChecked(False)
        self.problems.setChecked(False)
        self.edited.setChecked(False)
        self.text.clear()
        self._quiet = was_quiet
        self._emit_changed()

    def show_classes(self, snapshot: Snapshot) -> None:
        """List the vocabulary, each class with its band."""
        # Before there are predictions, every class would count as tail.
        known = not snapshot.bands.estimated or bool(snapshot.bands.counts.any())
        listed = tuple(
            (entry.id, entry.name, band if known else None)
            for entry, band in zip(snapshot.classes, snapshot.bands.bands, strict=True)
        )
        key = (listed, snapshot.bands.estimated)
        if key == self._class_key:
            return
        self._class_key = key
        chosen = self.classes.currentData()
        self.classes.blockSignals(True)
        self.classes.clear()
        self.classes.addItem(_("All classes"), None)
        for class_id, name, band in listed:
            word = f" ({band_name(band)})" if band is Band.TAIL else ""
            self.classes.addItem(band_icon(band), name + word, class_id)
        self.classes.setCurrentIndex(max(0, self.classes.findData(chosen)))
        self.classes.blockSignals(False)
        note = _("Bands are estimated from predictions until half of the classes have an example.")
        self.bands.setToolTip(note if snapshot.bands.estimated else _("By present annotations"))
        if self.classes.currentData() != chosen:
            self._emit_changed()

    def show_edited(self, any_edited: bool) -> None:
        """Offer the filter for edited photos while there are such photos, or while it is set."""
        self._any_edited = any_edited
        self.edited.setVisible(any_edited or self.edited.isChecked())

    def show_count(self, shown: int, total: int) -> None:
        """Show how many images match the filters."""
        if shown == total:
            self.count.setText(photos_text(total))
        else:
            self.count.setText(
                _("{shown} of {total} photos").format(shown=number(shown), total=number(total))
            )

    # --------------------------------------------------------------------------- details

    def _fill_fixed(self) -> None:
        self.classes.addItem(_("All classes"), None)
        self.bands.addItem(_("All bands"), None)
        for band in Band:
            self.bands.addItem(band_icon(band), band_name(band).capitalize(), band)
        for text, status in STATUS_TEXTS:
            self.status.addItem(_(text), status)
        for choice in SORTS:
            self.order.addItem(_(choice.label), choice.key)

    def _connect(self) -> None:
        self.classes.currentIndexChanged.connect(self._emit_changed)
        self.classes.currentIndexChanged.connect(
            lambda _index: self.class_chosen.emit(self.classes.currentData())
        )
        for combo in (self.bands, self.status, self.order):
            combo.currentIndexChanged.connect(self._emit_changed)
        self.order.currentIndexChanged.connect(lambda _index: self._show_direction())
        for button in (self.unreviewed, self.problems, self.edited, self.direction):
            button.toggled.connect(self._emit_changed)
        self.direction.toggled.connect(lambda _on: self._show_direction())
        self.clear_button.clicked.connect(self.clear)
        self.stale_button.clicked.connect(self.update_requested)
        typing = QTimer(self)
        typing.setSingleShot(True)
        typing.setInterval(TYPING_MS)
        typing.timeout.connect(self._emit_changed)
        self.text.textChanged.connect(lambda _text: typing.start())

    def _emit_changed(self, *_: object) -> None:
        if self._quiet:
            return
        self.clear_button.setVisible(self.active)
        self.show_edited(self._any_edited)
        self.changed.emit()

    def _show_direction(self) -> None:
        choice = self._sort_choice()
        reverse = self.direction.isChecked()
        self.direction.setText(_(choice.reverse if reverse else choice.natural))
        self.direction.setIcon(theme.icon("sort-up" if self.direction.isChecked() else "sort-down"))
        self.direction.setToolTip(_("Reverse order"))

    def _restyle(self, *_: object) -> None:
        self.clear_button.setIcon(theme.icon("clear"))
        self.stale_button.setIcon(theme.icon("refresh"))
        self.clear_button.setVisible(self.active)
        for index in range(1, self.bands.count()):
            self.bands.setItemIcon(index, band_icon(Band(self.bands.itemData(index))))
        for index, part in enumerate(self._class_key[0] if self._class_key else ()):
            self.classes.setItemIcon(index + 1, band_icon(part[2]))
        self._show_direction()


def _combo(name: str, label: str, length: int = 0) -> QComboBox:
    combo = QComboBox()
    combo.setObjectName(name)
    combo.setAccessibleName(label)
    combo.setMaxVisibleItems(24)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    if length:
        combo.setMinimumContentsLength(length)
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return combo
