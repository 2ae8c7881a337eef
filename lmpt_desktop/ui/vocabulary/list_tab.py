"""A vocabulary as text: built in, from a file, typed or pasted; and export to a file."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMenu,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.domain.records import ClassSpec
from lmpt_desktop.inference.vocabularies import BUILT_IN, built_in_vocabulary, parse_vocabulary
from lmpt_desktop.interchange.class_lists import format_class_list
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit.dialogs import named_button
from lmpt_desktop.ui.kit.flow_layout import FlowLayout
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.vocabulary.list_change import VocabularyChange


class ListTab(QWidget):
    """A list of classes to edit, then to use as the vocabulary or add to it."""

    use_requested = Signal(list)
    """The :class:`ClassSpec` of each."""
    add_requested = Signal(list)
    """The :class:`ClassSpec` of each."""
    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._opened: list[ClassSpec] = []
        self._saving = False
        self._can_apply = False
        self._can_add = False
        self.text = QPlainTextEdit()
        self.text.setObjectName("list")
        self.text.setAccessibleName(_("Classes, one per line"))
        self.text.setPlaceholderText(
            _(
                "One class per line.\nAfter a tab, optionally, a description that the model "
                "reads instead of the name, or several separated by “;”.\n"
                "After another tab, other names separated by |.\n"
                "Lines that begin with # are skipped."
            )
        )
        self.text.setTabChangesFocus(False)
        self.built_in = named_button("built-in", _("&Built-in sets"))
        menu = QMenu(self.built_in)
        for item in BUILT_IN:
            menu.addAction(_(item.title)).triggered.connect(
                lambda _checked=False, name=item.name: self.use_built_in(name)
            )
        self.built_in.setMenu(menu)
        self.open = named_button("open-list", _("&Open a file..."))
        self.current = named_button("current", _("&Current classes"))
        self.save = named_button("save-list", _("&Export to a file..."))
        self.save.setToolTip(_("Write the classes of this library to a text or CSV file"))
        self.effect = Label()
        self.effect.setObjectName("effect")
        self.effect.setWordWrap(True)
        self.add = named_button("add-list", _("Add to the &vocabulary"))
        self.add.setToolTip(_("Classes already in the vocabulary stay as they are"))
        self.apply = named_button("apply", _("Use this &list instead"))
        self.apply.setToolTip(_("Classes that are not listed are archived"))
        # They wrap: in German, and at 150 %, they are wider than a small screen.
        head = QWidget()
        flow = FlowLayout(head)
        flow.setContentsMargins(0, 0, 0, 0)
        for button in (self.built_in, self.open, self.current, self.save):
            flow.addWidget(button)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(self.add)
        foot.addWidget(self.apply)
        layout = QVBoxLayout(self)
        layout.addWidget(head)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.effect)
        layout.addLayout(foot)
        self.text.textChanged.connect(self.edited)
        self.apply.clicked.connect(lambda: self.use_requested.emit(self.specs()))
        self.add.clicked.connect(lambda: self.add_requested.emit(self.specs()))
        self.show_change(None)

    def specs(self) -> list[ClassSpec]:
        """The classes the text lists, with the colours of the file it came from."""
        colours = {spec.name: spec.colour for spec in self._opened}
        return [
            ClassSpec(spec.name, spec.description, spec.aliases, colours.get(spec.name, ""))
            for spec in parse_vocabulary(self.text.toPlainText())
        ]

    def show_specs(self, specs: list[ClassSpec]) -> None:
        """Put a list into the text field, to be reviewed before it is used."""
        self._opened = specs
        self.text.setPlainText(format_class_list(specs))

    def use_built_in(self, name: str) -> None:
        """Put a built-in vocabulary into the text field."""
        self.show_specs(list(built_in_vocabulary(name)))

    def show_change(self, change: VocabularyChange | None, *, useful: bool = False) -> None:
        """Show what using the list would change; ``useful`` if it would change anything."""
        self.effect.setText("" if change is None else change.sentence)
        self.effect.setVisible(change is not None)
        self._can_apply = useful
        self._can_add = change is not None and bool(change.added)
        self._update_buttons()

    def set_saving(self, saving: bool) -> None:
        """Disable what would edit the vocabulary while an edit is being saved."""
        self._saving = saving
        self._update_buttons()

    def _update_buttons(self) -> None:
        self.apply.setEnabled(self._can_apply and not self._saving)
        self.add.setEnabled(self._can_add and not self._saving)
