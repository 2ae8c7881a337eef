"""What the format says about the file, and asks about it."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QToolButton,
    QWidget,
)

from lmpt_desktop.interchange.format import Option, OptionKind, Options
from lmpt_desktop.translation import _
from lmpt_desktop.ui.interchange.import_work import OpenedFile
from lmpt_desktop.ui.interchange.section import (
    Section,
    WheelGuard,
    fill_choices,
    plain_label,
    plain_tip,
)
from lmpt_desktop.ui.kit.label import Label

PAUSE_MS = 500
"""After the last key in a text field before the file is read again."""
FEW_OPTIONS = 4
"""Up to so many are shown unasked."""


class OptionForm(QWidget):
    """A field for each question of a format, two in a row."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._editors: dict[str, QComboBox | QLineEdit] = {}
        self._in_order: list[QWidget] = []
        self._options: tuple[Option, ...] = ()
        self._layout = QGridLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setHorizontalSpacing(10)
        for column in (1, 3):
            self._layout.setColumnStretch(column, 1)
        self._layout.setColumnMinimumWidth(2, 1)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MS)
        self._pause.timeout.connect(self.changed)

    def show_options(self, options: tuple[Option, ...], values: Options) -> None:
        """Ask these questions; those that were asked before keep their answers and the focus."""
        if options == self._options:
            return
        self._options = options
        while (item := self._layout.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self._editors.clear()
        self._in_order.clear()
        for place, option in enumerate(options):
            value = values.get(option.name, option.default)
            row, column = divmod(place, 2)
            field = self._field(option, value)
            self._layout.addWidget(self._label(option), row, 2 * column)
            self._layout.addWidget(field, row, 2 * column + 1)

    def follow(self, before: QWidget) -> None:
        """Come after a widget when the user presses Tab: the fields are made later than what is
        below them."""
        for widget in self._in_order:
            QWidget.setTabOrder(before, widget)
            before = widget

    @property
    def values(self) -> dict[str, str]:
        """The answers, by the name of the option."""
        return {
            name: str(editor.currentData()) if isinstance(editor, QComboBox) else editor.text()
            for name, editor in self._editors.items()
        }

    def editor(self, name: str) -> QComboBox | QLineEdit:
        """The field of an option."""
        return self._editors[name]

    def _label(self, option: Option) -> Label:
        label = plain_label(option.title)
        label.setWordWrap(False)
        label.setToolTip(plain_tip(option.help))
        label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return label

    def _field(self, option: Option, value: str) -> QWidget:
        editor: QComboBox | QLineEdit
        if option.kind is OptionKind.CHOICE:
            editor = QComboBox()
            # Column names may be long.
            editor.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            editor.setMinimumContentsLength(16)
            fill_choices(editor, [(item.label, item.value) for item in option.choices], value)
            box = editor

            def tell() -> None:
                # What is chosen may be too long for the field.
                box.setToolTip(plain_tip("\n".join((box.currentText(), option.help)).strip()))

            box.currentIndexChanged.connect(lambda _index: (tell(), self.changed.emit()))
            tell()
        else:
            editor = QLineEdit(value)
            editor.textEdited.connect(lambda _text: self._pause.start())
        editor.setObjectName(f"option-{option.name}")
        editor.setAccessibleName(option.title)
        if not isinstance(editor, QComboBox):
            editor.setToolTip(plain_tip(option.help))
        self._editors[option.name] = editor
        self._in_order.append(editor)
        if option.kind is not OptionKind.FILE:
            return editor
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(editor, 1)
        browse = QPushButton(_("Choose..."))
        browse.setAutoDefault(False)
        browse.clicked.connect(lambda: self._browse(editor, option.title))
        layout.addWidget(browse)
        self._in_order.append(browse)
        return row

    def _browse(self, editor: QLineEdit | QComboBox, title: str) -> None:
        chosen, _kind = QFileDialog.getOpenFileName(self, title)
        if chosen and isinstance(editor, QLineEdit):
            editor.setText(chosen)
            self.changed.emit()


class FormatSection(Section):
    """Notes of the format, and its options; many of them are folded."""

    def __init__(self, guard: WheelGuard, parent: QWidget | None = None) -> None:
        """``guard`` is for fields that are made later."""
        super().__init__(_("How the file is read"), parent)
        self._guard = guard
        self._format = ""
        self.notes = plain_label(role="muted")
        self.notes.setObjectName("notes")
        self.fold = QToolButton()
        self.fold.setObjectName("fold-options")
        self.fold.setText(_("Columns and d&etails"))
        self.fold.setCheckable(True)
        self.fold.setAutoRaise(True)
        self.fold.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.fold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.form = OptionForm()
        self.body.removeWidget(self.title)
        row = QHBoxLayout()
        row.addWidget(self.title, 1)
        row.addWidget(self.fold)
        self.body.addLayout(row)
        self.body.addWidget(self.notes)
        self.body.addWidget(self.form)
        self.fold.toggled.connect(self._folded)
        self.form.changed.connect(self.changed)
        self._folded(False)

    def show_file(self, opened: OpenedFile) -> None:
        """Show what there is to know and to ask; another format is folded anew."""
        facts = opened.survey.facts if opened.survey is not None else None
        sentences = facts.notes if facts is not None else ()
        self.notes.setText("\n".join(sentences))
        self.notes.setVisible(bool(sentences))
        options = opened.options
        self.form.show_options(options, opened.request.options)
        self.form.follow(self.fold)
        self._guard.watch(self.form)
        many = len(options) > FEW_OPTIONS
        self.fold.setVisible(many)
        name = opened.format.name if opened.format is not None else ""
        if name != self._format:
            self._format = name
            # Where nothing was found there is something to change.
            found = opened.survey is not None and len(opened.survey.cell_images)
            self.fold.setChecked(not many or not found)
        self.form.setVisible(bool(options) and self.fold.isChecked())
        self.setVisible(bool(sentences or options))

    def _folded(self, shown: bool) -> None:
        self.fold.setArrowType(Qt.ArrowType.DownArrow if shown else Qt.ArrowType.RightArrow)
        self.form.setVisible(shown)

    def reset(self) -> None:
        """Another file."""
        self._format = ""
