"""Which library a folder opens in: its own, or the user's choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.library_places import library_for, library_with
from lmpt_desktop.real_paths import canonical
from lmpt_desktop.settings import FolderPlace
from lmpt_desktop.translation import _, join_names
from lmpt_desktop.ui.kit.dialogs import heading, muted
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.library.dropped_paths import DroppedPaths
from lmpt_desktop.ui.shell.settings import RecentLibrary


@dataclass(frozen=True)
class FoundPlace:
    """Where folders and photos belong.

    Attributes:
        found: what there is to open.
        library: the library of the first folder, which may not exist yet; None if there is nothing
            to open.
        other: a library to which the folder, which belongs to none, could be added; None if there
            is nothing to ask.
    """

    found: DroppedPaths
    library: Path | None
    other: RecentLibrary | None = None


def found_place(
    found: DroppedPaths, library: Path | None, recent: Sequence[RecentLibrary]
) -> FoundPlace:
    """Find out where folders and photos belong.  Reads the disk.

    Args:
        found: what there is to open.
        library: the library it was asked for; None: that of the first folder.
        recent: the libraries of this computer, an open one or the last one first.
    """
    required = found.required_folders
    if library is not None or not required:
        # As the folder of an open library, so that the two can be compared.
        return FoundPlace(found, canonical(library) if library is not None else None)
    known = [(Path(item.library), [Path(folder) for folder in item.folders]) for item in recent]
    belongs = library_with(required[0], known)
    if belongs is not None:
        return FoundPlace(found, canonical(belongs))
    other = next((item for item in recent if item.exists), None)
    return FoundPlace(found, canonical(library_for(required[0])), other)


def menu_text(label: str, entry: RecentLibrary) -> str:
    """A recent library in a menu: name, counts and place."""
    text = "  ·  ".join(part for part in (label, entry.counts, entry.places) if part)
    return text.replace("&", "&&")


class FolderPlaceDialog(QDialog):
    """Asks which library a folder is for."""

    chosen = Signal(object, bool)
    """The :class:`FolderPlace`, and whether it is the answer from now on."""

    def __init__(self, folder: Path, other: RecentLibrary, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("folder-place")
        self.setWindowTitle(_("Open a folder of photos"))
        self.setMinimumWidth(480)
        where = Label(str(folder))
        where.setWordWrap(True)
        self.add = QRadioButton(_("&Add it to “{name}”").format(name=_mnemonic(other.name)))
        self.add.setObjectName("add-to-library")
        self.like = QRadioButton(_("&Start another library, with the same classes"))
        self.like.setObjectName("start-like")
        self.fresh = QRadioButton(_("Start another library, &fresh"))
        self.fresh.setObjectName("start-fresh")
        self.add.setChecked(True)
        where_other = join_names(other.folders, 2) or other.library
        facts = "\n".join(part for part in (other.counts, where_other) if part)
        about = (
            (self.add, facts),
            (
                self.like,
                _("It begins with the vocabulary and the learned prompts of “{name}”.").format(
                    name=other.name
                ),
            ),
            (self.fresh, _("It begins with everyday classes, and nothing learned.")),
        )
        self.always = QCheckBox(_("&Do not ask again (Preferences can change this)"))
        self.always.setObjectName("do-not-ask")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.act = buttons.addButton(_("&Open"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.act.setObjectName("act")
        self.act.setDefault(True)
        buttons.accepted.connect(self._accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setSpacing(8)
        layout.addWidget(heading(_("Which library is this folder for?")))
        layout.addWidget(where)
        layout.addSpacing(4)
        for button, text in about:
            button.setAccessibleDescription(text)
            note = muted(text)
            note.setIndent(24)
            layout.addWidget(button)
            layout.addWidget(note)
        layout.addSpacing(4)
        layout.addWidget(self.always)
        layout.addWidget(buttons)

    @property
    def choice(self) -> FolderPlace:
        """What is chosen now."""
        if self.add.isChecked():
            return FolderPlace.ADD
        return FolderPlace.LIKE if self.like.isChecked() else FolderPlace.FRESH

    def _accept(self) -> None:
        self.accept()
        self.chosen.emit(self.choice, self.always.isChecked())


def _mnemonic(name: str) -> str:
    return name.replace("&", "&&")
