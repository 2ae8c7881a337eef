"""What this program is, and the versions of its components."""

from __future__ import annotations

import platform
from importlib import metadata

from PySide6.QtCore import Qt, qVersion
from PySide6.QtGui import QGuiApplication, QShowEvent
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QVBoxLayout, QWidget

from lmpt_desktop import paths
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.dialogs import grow_to_text, larger, muted
from lmpt_desktop.ui.kit.label import Label

_PACKAGES = (
    ("torch", "PyTorch"),
    ("open_clip_torch", "open_clip"),
    ("numpy", "NumPy"),
    ("pillow", "Pillow"),
    ("sqlalchemy", "SQLAlchemy"),
)


def version_of(package: str) -> str:
    """The installed version, from the package's metadata; nothing is imported."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return _("not installed")


def version_lines() -> list[tuple[str, str]]:
    """Names and versions that a bug report should contain."""
    return [
        ("LMPT Desktop", version_of("lmpt-desktop")),
        ("Python", platform.python_version()),
        ("Qt", qVersion()),
        ("PySide6", version_of("PySide6_Essentials")),
        *((title, version_of(package)) for package, title in _PACKAGES),
        (_("System"), platform.platform(terse=True)),
    ]


class AboutDialog(QDialog):
    """Name, versions, and the folders with data."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(_("About LMPT Desktop"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        logo = Label()
        logo.setPixmap(theme.icon("lmpt-desktop").pixmap(48, 48))
        title = Label("LMPT Desktop")
        title.setFont(larger(self.font(), 1.6))
        text = Label(
            _(
                "Multi-label tagging for photo libraries with a long tail: it predicts, you "
                "correct, and it learns better prompts from your corrections.\n\nThe method is "
                "LMPT (arXiv 2305.04536): the image-text model is not changed; only the words in "
                "front of each class name are learned."
            )
        )
        text.setWordWrap(True)
        self.versions = Label("\n".join(f"{name}: {version}" for name, version in version_lines()))
        self.versions.setObjectName("versions")
        places = muted(
            _("Libraries: {0}\nLog files: {1}").format(paths.libraries_dir(), paths.log_dir())
        )
        for label in (self.versions, places):
            label.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse
                | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
        licence = muted(_("Apache License 2.0. No warranty."))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = buttons.addButton(_("Copy versions"), QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(self.copy_versions)
        buttons.rejected.connect(self.reject)
        head = QHBoxLayout()
        head.addWidget(logo)
        head.addWidget(title, 1)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.addLayout(head)
        for widget in (text, self.versions, places, licence, buttons):
            layout.addWidget(widget)
        self.setMinimumWidth(460)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        grow_to_text(self)

    def copy_versions(self) -> None:
        """Copy the versions to the clipboard, for a bug report."""
        QGuiApplication.clipboard().setText(self.versions.text())
