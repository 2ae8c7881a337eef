"""Parts of the export page: which photos and classes, predictions, details, what is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QAbstractItemModel,
    QAbstractListModel,
    QEvent,
    QObject,
    QRect,
    QRectF,
    QSize,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QPushButton,
    QRadioButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.engine.interchange.exports import ExportPreview
from lmpt_desktop.interchange.exporting.library_records import OWN_THRESHOLDS, Predictions
from lmpt_desktop.interchange.format import Format, Loss, Option, Options
from lmpt_desktop.translation import _, number
from lmpt_desktop.ui.interchange.export_texts import without_scores_text
from lmpt_desktop.ui.interchange.format_section import OptionForm
from lmpt_desktop.ui.interchange.import_work import plain_line
from lmpt_desktop.ui.interchange.section import (
    Index,
    Section,
    WheelGuard,
    fill_choices,
    plain_label,
    plain_tip,
)
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.check_box import BOX, paint_check_box
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.texts import photos_text

CLASS_ROWS = 7
"""Classes that are shown before their list scrolls."""
MARGIN = 8
"""Pixels around a check box."""
USUAL_SCORE = 0.5


# -------------------------------------------------------------------------------- photos


@dataclass(frozen=True, eq=False)
class Scope:
    """Photos that can be exported.

    Attributes:
        name: "selected", "shown" or "all".
        ids: (n,) int64; None for all of the library.
        count: how many they are.
    """

    name: str
    ids: NDArray[np.int64] | None
    count: int


def scopes_of(
    selected: NDArray[np.int64], shown: NDArray[np.int64], total: int
) -> tuple[list[Scope], str]:
    """What there is to choose, and the name of what is chosen at first."""
    scopes = []
    if len(selected):
        scopes.append(Scope("selected", selected, len(selected)))
    if len(shown) != total:
        scopes.append(Scope("shown", shown, len(shown)))
    scopes.append(Scope("all", None, total))
    return scopes, "selected" if len(selected) > 1 else "all"


def _scope_text(scope: Scope) -> str:
    photos = photos_text(scope.count)
    if scope.name == "selected":
        return _("&Selected: {photos}").format(photos=photos)
    if scope.name == "shown":
        return _("&In the grid, as it is filtered: {photos}").format(photos=photos)
    return _("&All: {photos}").format(photos=photos)


class ScopeSection(Section):
    """Which photos, and which classes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(_("What is exported"), parent)
        self._group = QButtonGroup(self)
        self._scopes: list[Scope] = []
        self.buttons: dict[str, QRadioButton] = {}
        self._column = QVBoxLayout()
        self._column.setSpacing(self.body.spacing())
        self.reviewed = QCheckBox(_("Only &reviewed photos"))
        self.reviewed.setObjectName("only-reviewed")
        self.some = QCheckBox(_("Only some &classes"))
        self.some.setObjectName("only-some-classes")
        self.classes = ClassPicker()
        self.classes.hide()
        self.body.addLayout(self._column)
        self.body.addWidget(self.reviewed)
        self.body.addWidget(self.some)
        self.body.addWidget(self.classes)
        self._group.idToggled.connect(self._scope_toggled)
        self.reviewed.toggled.connect(lambda _on: self.changed.emit())
        self.some.toggled.connect(self._some_toggled)
        self.classes.changed.connect(self.changed)

    def show_scopes(self, scopes: Sequence[Scope], chosen: str) -> None:
        """Offer these photos."""
        self._group.blockSignals(True)
        for button in self.buttons.values():
            self._group.removeButton(button)
            self._column.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.buttons.clear()
        self._scopes = list(scopes)
        previous: QWidget | None = None
        for place, scope in enumerate(scopes):
            button = QRadioButton(_scope_text(scope))
            button.setObjectName(f"scope-{scope.name}")
            button.setChecked(scope.name == chosen)
            self._group.addButton(button, place)
            self._column.addWidget(button)
            self.buttons[scope.name] = button
            if previous is not None:
                QWidget.setTabOrder(previous, button)
            previous = button
        if previous is not None:
            QWidget.setTabOrder(previous, self.reviewed)
        self._group.blockSignals(False)

    def show_total(self, count: int) -> None:
        """The library has so many photos by now."""
        for place, scope in enumerate(self._scopes):
            if scope.ids is None and scope.count != count:
                self._scopes[place] = replace(scope, count=count)
                self.buttons[scope.name].setText(_scope_text(self._scopes[place]))

    def show_for(self, *, side_files: bool, removing: bool = False) -> None:
        """Ask what applies to what is written."""
        self.some.setVisible(not side_files)
        self.classes.setVisible(not side_files and self.some.isChecked())
        self.reviewed.setVisible(not removing)

    @property
    def scope(self) -> Scope:
        return self._scopes[max(0, self._group.checkedId())]

    @property
    def class_ids(self) -> NDArray[np.int64] | None:
        """(k,) int64, the classes; None for all."""
        return self.classes.chosen_ids() if self.some.isChecked() else None

    def _scope_toggled(self, _place: int, on: bool) -> None:
        if on:
            self.changed.emit()

    def _some_toggled(self, on: bool) -> None:
        self.classes.setVisible(on)
        if on:
            self.classes.search.setFocus()
        self.changed.emit()


class ClassesModel(QAbstractListModel):
    """The vocabulary with check boxes; ``chosen`` are ids."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.entries: tuple[ClassEntry, ...] = ()
        self.chosen: set[int] = set()

    def show_classes(self, entries: tuple[ClassEntry, ...]) -> None:
        """Another vocabulary; classes that are new in it are chosen if all were."""
        if entries == self.entries:
            return
        known = {entry.id for entry in self.entries}
        all_chosen = self.chosen >= known
        self.beginResetModel()
        ids = {entry.id for entry in entries}
        self.chosen = ids if all_chosen else self.chosen & ids
        self.entries = entries
        self.endResetModel()

    def choose(self, ids: Sequence[int], on: bool) -> None:
        if on:
            self.chosen.update(ids)
        else:
            self.chosen.difference_update(ids)
        if self.entries:
            self.dataChanged.emit(self.index(0), self.index(len(self.entries) - 1))

    # ----------------------------------------------------------------------------------- Qt

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.entries)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        entry = self.entries[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.name
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(entry.name)
        if role == Qt.ItemDataRole.CheckStateRole:
            on = entry.id in self.chosen
            return Qt.CheckState.Checked if on else Qt.CheckState.Unchecked
        return None

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if not index.isValid() or role != Qt.ItemDataRole.CheckStateRole:
            return False
        on = Qt.CheckState(value) == Qt.CheckState.Checked  # pyright: ignore[reportArgumentType]
        self.choose([self.entries[index.row()].id], on)
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        return super().flags(index) | Qt.ItemFlag.ItemIsUserCheckable


class ClassDelegate(QStyledItemDelegate):
    """A check box and a name."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        area = cast(QRect, option.rect)  # pyright: ignore[reportAttributeAccessIssue]
        state = cast(QStyle.StateFlag, option.state)  # pyright: ignore[reportAttributeAccessIssue]
        colours = theme.current()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(area, colours.colour("selection"))
        box = QRectF(area.left() + MARGIN, area.top() + (area.height() - BOX) / 2, BOX, BOX)
        checked = index.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked
        paint_check_box(painter, box, checked)
        line = area.adjusted(2 * MARGIN + BOX, 0, -MARGIN, 0)
        painter.setPen(colours.colour("text"))
        metrics = option.fontMetrics  # pyright: ignore[reportAttributeAccessIssue]
        name = plain_line(str(index.data()))
        name = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, line.width())
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, name)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        size = super().sizeHint(option, index)
        return QSize(size.width(), max(size.height(), BOX) + 8)

    def editorEvent(
        self,
        event: QEvent,
        model: QAbstractItemModel,
        option: QStyleOptionViewItem,
        index: Index,
    ) -> bool:
        """A click anywhere in the row toggles it, as Space does."""
        if event.type() == QEvent.Type.KeyPress:
            if cast(QKeyEvent, event).key() not in (Qt.Key.Key_Space, Qt.Key.Key_Select):
                return False
        elif event.type() != QEvent.Type.MouseButtonRelease:
            return event.type() in (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick)
        checked = index.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked
        other = Qt.CheckState.Unchecked if checked else Qt.CheckState.Checked
        return model.setData(index, other, Qt.ItemDataRole.CheckStateRole)


class ClassPicker(QWidget):
    """Some of the classes; *All* and *None* act on those that the search shows."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = ClassesModel(self)
        self.found = QSortFilterProxyModel(self)
        self.found.setSourceModel(self.model)
        self.found.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.search = QLineEdit()
        self.search.setPlaceholderText(_("Find a class"))
        self.search.setAccessibleName(_("Find a class"))
        self.search.setClearButtonEnabled(True)
        self.all = QPushButton(_("All"))
        self.none = QPushButton(_("None"))
        self.count = plain_label(role="muted")
        self.count.setWordWrap(False)
        self.list = QListView()
        self.list.setObjectName("classes-to-export")
        self.list.setAccessibleName(_("Classes to export"))
        self.list.setModel(self.found)
        self.list.setUniformItemSizes(True)
        self.list.setItemDelegate(ClassDelegate(self.list))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        row_height = max(self.fontMetrics().height(), BOX) + 8
        self.list.setFixedHeight(row_height * CLASS_ROWS + 2 * self.list.frameWidth())
        row = QHBoxLayout()
        row.addWidget(self.search, 1)
        for button in (self.all, self.none):
            button.setAutoDefault(False)
            row.addWidget(button)
        row.addWidget(self.count)
        column = QVBoxLayout(self)
        column.setContentsMargins(22, 0, 0, 4)
        column.addLayout(row)
        column.addWidget(self.list)
        self.search.textChanged.connect(self.found.setFilterFixedString)
        self.all.clicked.connect(lambda: self._choose_found(True))
        self.none.clicked.connect(lambda: self._choose_found(False))
        self.model.dataChanged.connect(self._changed)
        self.model.modelReset.connect(self._show_count)

    def chosen_ids(self) -> NDArray[np.int64]:
        """(k,) int64."""
        return np.array(sorted(self.model.chosen), np.int64)

    def _choose_found(self, on: bool) -> None:
        rows = [
            self.found.mapToSource(self.found.index(row, 0)).row()
            for row in range(self.found.rowCount())
        ]
        self.model.choose([self.model.entries[row].id for row in rows], on)

    def _changed(self) -> None:
        self._show_count()
        self.changed.emit()

    def _show_count(self) -> None:
        self.count.setText(
            _("{chosen} of {count}").format(
                chosen=number(len(self.model.chosen)), count=number(len(self.model.entries))
            )
        )


# --------------------------------------------------------------------------- predictions


class PredictionsSection(Section):
    """Which predictions are exported beside the annotations."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(_("Predictions"), parent)
        self._held = True
        self.choice = QComboBox()
        self.choice.setObjectName("predictions")
        self.choice.setAccessibleName(_("Predictions"))
        entries: list[tuple[str, object]] = [
            (_("None"), "none"),
            (_("From each class's threshold on"), "own"),
            (_("From a score on"), "score"),
        ]
        fill_choices(self.choice, entries, "none")
        self.score = QDoubleSpinBox()
        self.score.setObjectName("prediction-score")
        self.score.setAccessibleName(_("Lowest score"))
        self.score.setRange(0.0, 1.0)
        self.score.setSingleStep(0.05)
        self.score.setValue(USUAL_SCORE)
        self.score.setKeyboardTracking(False)
        self.score.hide()
        self.hint = plain_label(role="muted")
        self.hint.setObjectName("predictions-hint")
        self.without = plain_label(role="muted")
        self.without.hide()
        row = QHBoxLayout()
        row.addWidget(self.choice)
        row.addWidget(self.score)
        row.addStretch(1)
        self.body.addLayout(row)
        self.body.addWidget(self.hint)
        self.body.addWidget(self.without)
        self.choice.currentIndexChanged.connect(self._chosen)
        self.score.valueChanged.connect(lambda _value: self.changed.emit())
        self._hint()

    @property
    def predictions(self) -> Predictions:
        chosen = self.choice.currentData() if self._held else "none"
        if chosen == "own":
            return OWN_THRESHOLDS
        return self.score.value() if chosen == "score" else None

    def show_format(self, format_: Format) -> None:
        """A format that cannot tell predictions from verdicts gets none."""
        self._held = Loss.PREDICTION not in format_.cannot_hold
        self.choice.setEnabled(self._held)
        self.score.setEnabled(self._held)
        self._hint()

    def show_preview(self, preview: ExportPreview) -> None:
        """Say of how many photos there are none."""
        text = without_scores_text(preview.without_scores)
        self.without.setText(text)
        self.without.setVisible(bool(text))

    def _chosen(self, _place: int) -> None:
        self.score.setVisible(self.choice.currentData() == "score")
        self._hint()
        self.changed.emit()

    def _hint(self) -> None:
        if not self._held:
            text = _(
                "This format cannot tell predictions from what a person said, so they are left out."
            )
        elif self.predictions is None:
            text = _("Only annotations are exported.")
        else:
            text = _(
                "They are marked as predictions with their score, and never as if a person had "
                "said it. Classes that are annotated are not predicted."
            )
        self.hint.setText(text)


# ------------------------------------------------------------------------------- details


def translated(option: Option) -> Option:
    """A question of a format as it is asked: formats keep theirs untranslated."""
    return replace(
        option,
        title=_(option.title),
        help=_(option.help) if option.help else "",
        choices=tuple(replace(item, label=_(item.label)) for item in option.choices),
    )


class DetailsSection(Section):
    """How paths are written, and what else the format asks."""

    def __init__(self, guard: WheelGuard, parent: QWidget | None = None) -> None:
        super().__init__(_("Details"), parent)
        self._guard = guard
        self.paths = QComboBox()
        self.paths.setObjectName("paths")
        entries: list[tuple[str, object]] = [
            (_("Relative to the library's folders"), False),
            (_("Absolute, as on this computer"), True),
        ]
        fill_choices(self.paths, entries, False)
        self.label = Label(_("Pat&hs of photos"))
        self.label.setBuddy(self.paths)
        self.form = OptionForm()
        row = QGridLayout()
        row.setHorizontalSpacing(10)
        row.addWidget(self.label, 0, 0)
        row.addWidget(self.paths, 0, 1)
        row.setColumnStretch(2, 1)
        self.body.addLayout(row)
        self.body.addWidget(self.form)
        self.paths.currentIndexChanged.connect(lambda _place: self.changed.emit())
        self.form.changed.connect(self.changed)

    @property
    def absolute(self) -> bool:
        return bool(self.paths.currentData())

    @property
    def options(self) -> Options:
        return self.form.values

    def show_format(self, format_: Format) -> None:
        """Ask what this format asks."""
        options = tuple(map(translated, format_.write_options))
        self.form.show_options(options, {})
        self.form.follow(self.paths)
        self.form.setVisible(bool(options))
        self._guard.watch(self.form)


class LossesSection(Section):
    """What the format cannot hold; hidden if it holds everything."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(_("What this format cannot hold"), parent)
        self.sentences: list[str] = []
        self._lines = QGridLayout()
        self._lines.setHorizontalSpacing(8)
        self._lines.setVerticalSpacing(4)
        self._lines.setColumnStretch(1, 1)
        self.body.addLayout(self._lines)
        self.hide()

    def show_preview(self, preview: ExportPreview | None) -> None:
        """Say what is lost."""
        sentences = preview.sentences if preview is not None else []
        self.setVisible(bool(sentences))
        if sentences == self.sentences:
            return
        self.sentences = sentences
        while (item := self._lines.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for row, sentence in enumerate(sentences):
            self._lines.addWidget(plain_label("•"), row, 0, Qt.AlignmentFlag.AlignTop)
            self._lines.addWidget(plain_label(sentence), row, 1)
