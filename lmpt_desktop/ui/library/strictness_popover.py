"""The panel in which the strictness of a library is set."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.domain.strictness import Strictness
from lmpt_desktop.inference.tag_figures import TagFigures
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.class_picker import ClassButton
from lmpt_desktop.ui.kit.dialogs import heading, muted
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.texts import shorten
from lmpt_desktop.ui.library.balance_slider import BalanceSlider
from lmpt_desktop.ui.library.strictness_texts import (
    STEPS,
    average_text,
    class_text,
    precision_text,
    precision_tip,
    signed,
    steps_of,
)

WIDTH = 380
LIST_HEIGHT = 110
"""Pixels that the classes with a strictness of their own may take, before they scroll."""


class StrictnessPopover(QFrame):
    """Emits :attr:`changed` with every :class:`Strictness` that the user chooses."""

    changed = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("strictness")
        self.setAccessibleName(_("Strictness"))
        self.setFixedWidth(WIDTH)
        self._strictness = Strictness()
        self._names: dict[int, str] = {}
        self._quiet = False
        self._make_level()
        self._make_class()
        self.reset = QPushButton(_("Reset"))
        self.reset.setObjectName("strictness-reset")
        self.reset.setToolTip(_("Predict as the version in use does, for every class"))
        self.reset.setAutoDefault(False)
        self.reset.clicked.connect(self._reset)
        self._lay_out()
        theme.manager().changed.connect(self._restyle)
        self._restyle()

    def _make_level(self) -> None:
        self.slider = BalanceSlider(STEPS)
        self.slider.setObjectName("strictness-level")
        self.slider.setAccessibleName(_("Strictness"))
        self.slider.valueChanged.connect(self._level_moved)
        self.average = Label()
        self.average.setObjectName("strictness-average")
        self.precision = muted()
        self.precision.setObjectName("strictness-precision")
        self.precision.setToolTip(precision_tip())

    def _make_class(self) -> None:
        self.class_button = ClassButton()
        self.class_button.setObjectName("strictness-class")
        self.class_button.setAccessibleName(_("Class"))
        self.class_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.class_button.chosen.connect(lambda _id: self._show_class())
        self.class_slider = BalanceSlider(STEPS)
        self.class_slider.setObjectName("strictness-class-level")
        self.class_slider.valueChanged.connect(self._class_moved)
        self.class_text = muted()
        self.overrides = QVBoxLayout()
        self.overrides.setContentsMargins(0, 0, 0, 0)
        self.overrides.setSpacing(2)
        inside = QWidget()
        inside.setObjectName("strictness-overrides")
        inside.setLayout(self.overrides)
        self._list = QScrollArea()
        self._list.setWidget(inside)
        self._list.setWidgetResizable(True)
        self._list.setFrameShape(QFrame.Shape.NoFrame)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def _lay_out(self) -> None:
        ends = QHBoxLayout()
        looser, surer = muted(_("More, looser")), muted(_("Fewer, surer"))
        surer.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        ends.addWidget(looser)
        ends.addWidget(surer)
        line = QFrame()
        line.setObjectName("strictness-line")
        line.setFixedHeight(1)
        head = QHBoxLayout()
        head.addWidget(heading(_("One class")), 1)
        head.addWidget(self.class_button)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(self.reset)
        layout = self._layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 12, 14, 12)
        layout.setSpacing(4)
        layout.addWidget(heading(_("Strictness")))
        layout.addWidget(self.slider)
        layout.addLayout(ends)
        layout.addSpacing(6)
        layout.addWidget(self.average)
        layout.addWidget(self.precision)
        layout.addSpacing(6)
        layout.addWidget(line)
        layout.addSpacing(4)
        layout.addLayout(head)
        layout.addWidget(self.class_slider)
        layout.addWidget(self.class_text)
        layout.addWidget(self._list)
        layout.addSpacing(4)
        layout.addLayout(foot)
        self.setFocusProxy(self.slider)

    # ------------------------------------------------------------------------------ showing

    def show_strictness(self, strictness: Strictness) -> None:
        """Show what holds now."""
        self._strictness = strictness
        self._quiet = True
        self.slider.setValue(steps_of(strictness.level))
        self._quiet = False
        self.reset.setDisabled(strictness.is_neutral)
        self._show_class()
        self._list_overrides()

    def show_classes(self, classes: tuple[ClassEntry, ...]) -> None:
        """List the vocabulary."""
        self._names = {entry.id: entry.name for entry in classes}
        if self.class_button.class_id not in self._names:
            self.class_button.choose(None)
        self.class_button.show_classes(classes)
        self._show_class()
        self._list_overrides()

    def show_figures(self, figures: TagFigures | None) -> None:
        """Show what the strictness means; None while that is being counted for the first time."""
        self.average.setText(_("Counting…") if figures is None else average_text(figures))
        self.precision.setText("" if figures is None else precision_text(figures))
        self.precision.setVisible(figures is not None and bool(figures.photos))
        self._fit()

    def choose_class(self, class_id: int) -> None:
        """Show the slider of a class and give it the keyboard focus."""
        self.class_button.choose(class_id)
        self._show_class()
        self.class_slider.setFocus(Qt.FocusReason.PopupFocusReason)

    def _show_class(self) -> None:
        class_id = self.class_button.class_id
        name = self._names.get(class_id, "") if class_id is not None else ""
        level = 0.0 if class_id is None else self._strictness.of_class(class_id)
        self._quiet = True
        self.class_slider.setValue(steps_of(level))
        self._quiet = False
        self.class_slider.setEnabled(bool(name))
        self.class_slider.setAccessibleName(
            _("Strictness of “{name}”").format(name=name) if name else _("Strictness of one class")
        )
        text = class_text(shorten(name), level) if name else _("Choose a class that is different.")
        self.class_text.setText(text)

    def _list_overrides(self) -> None:
        known = sorted(
            (self._names[id_].casefold(), id_)
            for id_ in self._strictness.classes
            if id_ in self._names
        )
        shown = [id_ for _name, id_ in known]
        if shown != [row.class_id for row in self.override_rows]:
            while (item := self.overrides.takeAt(0)) is not None:
                if (widget := item.widget()) is not None:
                    widget.hide()
                    widget.deleteLater()
            for class_id in shown:
                row = OverrideRow(class_id)
                row.chosen.connect(self.choose_class)
                row.removed.connect(self._remove)
                self.overrides.addWidget(row)
            last: QWidget = self.class_slider
            for row in self.override_rows:
                self.setTabOrder(last, row.name)
                self.setTabOrder(row.name, row.remove)
                last = row.remove
            self.setTabOrder(last, self.reset)
        for row in self.override_rows:
            level = self._strictness.of_class(row.class_id)
            row.show_text(self._names[row.class_id], signed(steps_of(level)))
        self._list.setVisible(bool(shown))
        height = self.overrides.sizeHint().height()
        self._list.setFixedHeight(min(LIST_HEIGHT, height) if shown else 0)
        self._fit()

    @property
    def override_rows(self) -> list[OverrideRow]:
        """The classes with a strictness of their own, by name."""
        items = (self.overrides.itemAt(place) for place in range(self.overrides.count()))
        widgets = (item.widget() for item in items if item is not None)
        return [widget for widget in widgets if isinstance(widget, OverrideRow)]

    def _fit(self) -> None:
        """Grow upwards, as the panel is above its button."""
        self._layout.activate()
        height = max(self.sizeHint().height(), self.heightForWidth(WIDTH))
        if self.isVisible() and height != self.height():
            bottom = self.geometry().bottom()
            self.setGeometry(self.x(), bottom - height + 1, WIDTH, height)
        else:
            self.resize(WIDTH, height)

    # ------------------------------------------------------------------------------- changes

    def _change(self, strictness: Strictness) -> None:
        self.show_strictness(strictness)
        self.changed.emit(strictness)

    def _level_moved(self, steps: int) -> None:
        if not self._quiet:
            self._change(self._strictness.at(steps / STEPS))

    def _class_moved(self, steps: int) -> None:
        class_id = self.class_button.class_id
        if not self._quiet and class_id is not None:
            self._change(self._strictness.with_class(class_id, steps / STEPS))

    def _remove(self, class_id: int) -> None:
        rows = [row.class_id for row in self.override_rows]
        place = rows.index(class_id)
        self._change(self._strictness.with_class(class_id, 0))
        left = self.override_rows
        # The focus must not be lost with the button that had it.
        (left[min(place, len(left) - 1)].remove if left else self.class_button).setFocus()

    def _reset(self) -> None:
        self.slider.setFocus()
        self._change(Strictness())

    def _restyle(self, *_: object) -> None:
        colours = theme.current()
        self.setStyleSheet(
            f"#strictness {{ background: {colours.surface}; border: 1px solid {colours.border}; }}"
            f"#strictness-overrides {{ background: {colours.surface}; }}"
            f"#strictness-line {{ background: {colours.border}; }}"
            f"#strictness-class {{ background: {colours.raised}; }}"
            f"#strictness-class:hover {{ background: {colours.pressed}; }}"
            "#override-name { padding: 3px 2px; }"
        )


class OverrideRow(QWidget):
    """A class with a strictness of its own: its name leads to its slider, a button removes it."""

    chosen = Signal(int)
    removed = Signal(int)

    def __init__(self, class_id: int) -> None:
        super().__init__()
        self.class_id = class_id
        self.name = QToolButton()
        self.name.setObjectName("override-name")
        self.name.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.name.clicked.connect(lambda: self.chosen.emit(class_id))
        self.steps = Label()
        self.remove = QToolButton()
        self.remove.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.remove.setIcon(theme.icon("clear", "muted"))
        self.remove.clicked.connect(lambda: self.removed.emit(class_id))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.name)
        layout.addStretch(1)
        layout.addWidget(self.steps)
        layout.addWidget(self.remove)

    def show_text(self, name: str, steps: str) -> None:
        """``steps`` is signed, "+2"."""
        self.name.setText(shorten(name))
        change = _("Change the strictness of “{name}”").format(name=name)
        self.name.setToolTip(change)
        self.name.setAccessibleName(f"{change} ({steps})")
        self.steps.setText(steps)
        remove = _("Let “{name}” be like the rest").format(name=name)
        self.remove.setToolTip(remove)
        self.remove.setAccessibleName(remove)
