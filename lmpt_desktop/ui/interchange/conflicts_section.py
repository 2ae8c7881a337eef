"""How the file compares with the library, and what happens where they differ."""

from __future__ import annotations

from PySide6.QtCore import QItemSelectionModel, QObject, Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QListView,
    QRadioButton,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.interchange.importing.choices import Conflicts, ReviewedMarks
from lmpt_desktop.translation import N_, _, ngettext, number
from lmpt_desktop.ui.interchange.import_texts import (
    comparison_text,
    held_out_text,
    left_out_text,
    said_text,
)
from lmpt_desktop.ui.interchange.import_work import Comparison, Example
from lmpt_desktop.ui.interchange.section import Section, fill_choices, plain_label, plain_tip
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.scored_thumbnails import (
    Caption,
    ScoredThumbnail,
    ScoredThumbnailModel,
    ScoredThumbnailView,
)
from lmpt_desktop.ui.kit.tables import Index
from lmpt_desktop.ui.kit.thumbnails import ThumbnailLoader

MOST_LINES = 12
"""Classes of the chosen example that are shown."""

_CONFLICTS: tuple[tuple[Conflicts, str], ...] = (
    (Conflicts.MINE, N_("Keep the library's verdict")),
    (Conflicts.THEIRS, N_("Take the file's verdict")),
    (Conflicts.FILL, N_("Keep the library's verdict, and leave reviewed photos alone")),
    (Conflicts.CLEAR, N_("Remove the library's verdict: the class is unknown again")),
)
_REVIEWED: tuple[tuple[ReviewedMarks, str], ...] = (
    (ReviewedMarks.KEEP, N_("No photo")),
    (ReviewedMarks.AS_IN_FILE, N_("Photos that the file calls reviewed")),
    (ReviewedMarks.ALL, N_("All photos of the file that were found")),
)


class ExampleModel(ScoredThumbnailModel[Example]):
    """Example photos with the first thing that the file says of them."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_thumbnail, (), parent)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(super().data(index, Qt.ItemDataRole.DisplayRole) or "")
        return super().data(index, role)


def _thumbnail(example: Example) -> ScoredThumbnail:
    captions = [Caption(example.name, "muted")]
    if example.lines:
        first, more = example.lines[0], len(example.lines) - 1
        sign = f"+{number(more)}" if more else ""
        colour = "warning" if first.conflicts else "text"
        captions.append(Caption(first.class_name, colour, sign, "muted"))
    return ScoredThumbnail(
        example.image_id,
        example.fingerprint,
        tuple(captions),
        f"{example.name}\n{example_text(example)}".strip(),
    )


def example_text(example: Example) -> str:
    """What file and library say of a photo, a class a line."""
    lines = [
        said_text(line.class_name, line.file, line.library) for line in example.lines[:MOST_LINES]
    ]
    if (more := len(example.lines) - MOST_LINES) > 0:
        lines.append(_("and {count} more").format(count=number(more)))
    return "\n".join(lines)


class ConflictsSection(Section):
    """Counts, choices and example photos."""

    def __init__(self, loader: ThumbnailLoader | None, parent: QWidget | None = None) -> None:
        super().__init__(_("Comparison with the library"), parent)
        self.counts = plain_label()
        self.counts.setObjectName("comparison")
        self.details = plain_label(role="muted")
        self.details.setObjectName("comparison-details")
        self.choices = QWidget()
        column = QVBoxLayout(self.choices)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.question = plain_label()
        column.addWidget(self.question)
        self._group = QButtonGroup(self)
        self.buttons: dict[Conflicts, QRadioButton] = {}
        for choice, text in _CONFLICTS:
            button = self.buttons[choice] = QRadioButton(_(text))
            button.setObjectName(f"conflicts-{choice.value}")
            self._group.addButton(button)
            column.addWidget(button)
        self.buttons[Conflicts.MINE].setChecked(True)
        self.reviewed = QComboBox()
        self.reviewed.setObjectName("reviewed-marks")
        self._reviewed_label = Label(_("Mar&k as reviewed"))
        self._reviewed_label.setBuddy(self.reviewed)
        self.tabs = QTabBar()
        self.tabs.setObjectName("example-kinds")
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.model = ExampleModel(self)
        self.view = ScoredThumbnailView(self.model, loader, 2)
        self.view.setObjectName("examples")
        self.view.setAccessibleName(_("Example photos"))
        self.view.setWrapping(False)
        self.view.setHorizontalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.view.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setFixedHeight(self.view.gridSize().height() + 20)
        self.says = plain_label()
        self.says.setObjectName("example-says")
        self._kinds: list[tuple[Example, ...]] = []
        self._lay_out()
        self._group.buttonToggled.connect(self._toggled)
        self.reviewed.currentIndexChanged.connect(lambda _index: self.changed.emit())
        self.tabs.currentChanged.connect(self._show_kind)
        self.view.selectionModel().currentChanged.connect(lambda *_: self._show_example())
        self.show_reviewed_choices(states_reviewed=False)

    def _lay_out(self) -> None:
        self.body.addWidget(self.counts)
        self.body.addWidget(self.details)
        self.body.addWidget(self.choices)
        row = QHBoxLayout()
        row.addWidget(self._reviewed_label)
        row.addWidget(self.reviewed)
        row.addStretch(1)
        self.body.addLayout(row)
        self.body.addWidget(self.tabs)
        self.body.addWidget(self.view)
        self.body.addWidget(self.says)

    # ----------------------------------------------------------------------------- choosing

    @property
    def conflicts(self) -> Conflicts:
        return next(choice for choice, button in self.buttons.items() if button.isChecked())

    @property
    def reviewed_marks(self) -> ReviewedMarks:
        return ReviewedMarks(self.reviewed.currentData())

    def _toggled(self, _button: object, on: bool) -> None:
        if on:
            self.changed.emit()

    def reset(self) -> None:
        """Another file."""
        self.blockSignals(True)
        self.buttons[Conflicts.MINE].setChecked(True)
        self.blockSignals(False)

    def show_reviewed_choices(self, *, states_reviewed: bool) -> None:
        """Offer what the file can tell."""
        entries = [
            (_(text), choice)
            for choice, text in _REVIEWED
            if states_reviewed or choice is not ReviewedMarks.AS_IN_FILE
        ]
        usual = ReviewedMarks.AS_IN_FILE if states_reviewed else ReviewedMarks.KEEP
        fill_choices(self.reviewed, entries, usual)

    # ------------------------------------------------------------------------------ showing

    def show_comparison(self, shown: Comparison) -> None:
        """Show the counts and examples of a preview."""
        preview = shown.preview
        self.counts.setText(comparison_text(preview))
        details = "\n".join(filter(None, (left_out_text(preview), held_out_text(preview.held_out))))
        self.details.setText(details)
        self.details.setVisible(bool(details))
        self.choices.setVisible(bool(preview.conflicting) or self.conflicts is not Conflicts.MINE)
        self.question.setText(
            ngettext(
                "Where file and library say the opposite ({count} annotation):",
                "Where file and library say the opposite ({count} annotations):",
                preview.conflicting,
            ).format(count=number(preview.conflicting))
        )
        kinds = [
            (_("With conflicts"), shown.conflicting),
            (_("New"), shown.new),
        ]
        self._show_tabs([(text, found) for text, found in kinds if found])

    def _show_tabs(self, kinds: list[tuple[str, tuple[Example, ...]]]) -> None:
        text = self.tabs.tabText(self.tabs.currentIndex())
        self.tabs.blockSignals(True)
        while self.tabs.count():
            self.tabs.removeTab(0)
        for title, _found in kinds:
            self.tabs.addTab(title)
        titles = [title for title, _found in kinds]
        if text in titles:
            self.tabs.setCurrentIndex(titles.index(text))
        self.tabs.blockSignals(False)
        self._kinds = [found for _title, found in kinds]
        for part in (self.tabs, self.view, self.says):
            part.setVisible(bool(kinds))
        self._show_kind(self.tabs.currentIndex())

    def _show_kind(self, place: int) -> None:
        examples = self._kinds[place] if 0 <= place < len(self._kinds) else ()
        if tuple(self.model.rows) != examples:
            chosen = self._chosen_id()
            self.model.set_rows(examples)
            ids = [example.image_id for example in examples]
            if chosen in ids:
                self.view.selectionModel().setCurrentIndex(
                    self.model.index(ids.index(chosen)),
                    QItemSelectionModel.SelectionFlag.ClearAndSelect,
                )
        self._show_example()

    def _chosen_id(self) -> int:
        row = self.view.currentIndex().row()
        return self.model.rows[row].image_id if 0 <= row < len(self.model.rows) else -1

    def _show_example(self) -> None:
        row = self.view.currentIndex().row()
        if 0 <= row < len(self.model.rows):
            example = self.model.rows[row]
            self.says.setText(f"{example.name}\n{example_text(example)}".strip())
        else:
            self.says.setText(_("Choose a photo to see what file and library say about it."))
