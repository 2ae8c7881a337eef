"""The ignored files page of the preferences: the open library's ignore list."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.domain.ignore_list import (
    NOMEDIA,
    IgnoreList,
    clean_patterns,
    unused_lines,
)
from lmpt_desktop.engine.left_out import IgnorePreview, LeftOut
from lmpt_desktop.translation import _, ngettext, number
from lmpt_desktop.ui.kit.dialogs import muted
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.tasks import LatestRequest, Task

PREVIEW_DELAY_MS = 300
"""What a list would leave out is counted once the user pauses."""


class IgnorePage(QWidget):
    """Unlike other settings a list is applied as a whole, after what it would change was shown."""

    applied = Signal()
    """The list in the field is in force now."""

    def __init__(
        self,
        left_out: LeftOut | None,
        failed: Callable[[Exception], object],
        parent: QWidget | None = None,
    ) -> None:
        """``left_out``: of the open library, None if there is none."""
        super().__init__(parent)
        self.setObjectName("ignored-files")
        self._left_out = left_out
        self._failed = failed
        self.field = QPlainTextEdit()
        self.field.setObjectName("ignore-list")
        self.field.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.field.setTabChangesFocus(True)
        self.field.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.nomedia = QCheckBox(
            _("Leave out folders with a file {name}, and all &below them").format(name=NOMEDIA)
        )
        self.nomedia.setObjectName("honour-nomedia")
        self.preview = Label()
        self.preview.setObjectName("ignore-preview")
        self.preview.setWordWrap(True)
        self.defaults_button = QPushButton(_("Restore &defaults"))
        self.apply_button = QPushButton(_("&Apply"))
        for button in (self.defaults_button, self.apply_button):
            button.setAutoDefault(False)
        self._lay_out()
        self._shown = IgnoreList()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PREVIEW_DELAY_MS)
        self._timer.timeout.connect(self._ask)
        self._counting: LatestRequest[tuple[IgnoreList, int, IgnorePreview]] = LatestRequest(
            self._counted, failed, owner=self
        )
        self.field.textChanged.connect(self._edited)
        self.nomedia.toggled.connect(self._edited)
        self.defaults_button.clicked.connect(lambda: self.show_list(IgnoreList()))
        self.apply_button.clicked.connect(self.apply)
        if left_out is None:
            self.setEnabled(False)
        else:
            self._shown = left_out.ignore_list()
        self.show_list(self._shown)

    def _lay_out(self) -> None:
        title = Label(_("&Folders and files that are left out of this library, a line each"))
        title.setBuddy(self.field)
        self.field.setAccessibleName(title.text().replace("&", ""))
        buttons = QHBoxLayout()
        buttons.addWidget(self.defaults_button)
        buttons.addStretch(1)
        buttons.addWidget(self.apply_button)
        layout = QVBoxLayout(self)
        layout.addWidget(title)
        layout.addWidget(self.field, 1)
        layout.addWidget(
            muted(
                _(
                    "A line is the name of a folder or file, wherever it is: * stands for any "
                    "characters, ? for one. “cache*” leaves out the folder “Cache 2” with all that "
                    "is in it, “cache*/” only folders, and “export/small” the folder “small” in a "
                    "folder “export”. Hidden files and folders are always left out."
                )
            )
        )
        layout.addWidget(self.nomedia)
        layout.addWidget(self.preview)
        layout.addLayout(buttons)

    @property
    def edited(self) -> IgnoreList:
        """The list as it is in the field."""
        return IgnoreList(clean_patterns(self._lines), self.nomedia.isChecked())

    @property
    def _lines(self) -> list[str]:
        return self.field.toPlainText().splitlines()

    def show_list(self, ignore: IgnoreList) -> None:
        """Put a list into the field; it is not applied yet."""
        self.field.setPlainText("\n".join(ignore.patterns))
        self.nomedia.setChecked(ignore.nomedia)
        self._edited()

    def apply(self) -> None:
        """Use the list in the field from now on."""
        left_out, wanted = self._left_out, self.edited
        if left_out is None:
            return
        self.apply_button.setEnabled(False)

        def done(_none: object) -> None:
            self._shown = wanted
            self._edited()
            self.applied.emit()

        def failed(error: Exception) -> None:
            self._edited()
            self._failed(error)

        Task(lambda: left_out.set_ignore_list(wanted), done, failed, owner=self)

    def _edited(self, *_: object) -> None:
        self.apply_button.setEnabled(self._left_out is not None and self.edited != self._shown)
        self._timer.start()

    def _ask(self) -> None:
        left_out, wanted = self._left_out, self.edited
        if left_out is not None:
            self._counting.ask(lambda: (wanted, left_out.count(), left_out.preview(wanted)))

    def _counted(self, found: tuple[IgnoreList, int, IgnorePreview]) -> None:
        wanted, now, preview = found
        self.preview.setText(
            " ".join(
                filter(
                    None,
                    (
                        _now_text(now),
                        *self._preview_texts(wanted, preview),
                        _unused_text(unused_lines(self._lines)),
                    ),
                )
            )
        )

    def _preview_texts(self, wanted: IgnoreList, preview: IgnorePreview) -> tuple[str, ...]:
        if wanted == self._shown:
            return ()
        return _change_texts(preview)


def _now_text(count: int) -> str:
    return ngettext(
        "{count} photo that the library knows is left out now.",
        "{count} photos that the library knows are left out now.",
        count,
    ).format(count=number(count))


def _unused_text(count: int) -> str:
    if not count:
        return ""
    return ngettext(
        "{count} line is not used: it would leave out everything, is too long, or there are too "
        "many.",
        "{count} lines are not used: they would leave out everything, are too long, or there are "
        "too many.",
        count,
    ).format(count=number(count))


def _change_texts(preview: IgnorePreview) -> tuple[str, ...]:
    """What applying a list would change."""
    if not (preview.photos or preview.returning):
        return (_("The changed list leaves out the same photos."),)
    parts: list[str] = []
    if preview.photos:
        parts.append(
            ngettext(
                "The changed list would leave out {count} more.",
                "The changed list would leave out {count} more.",
                preview.photos,
            ).format(count=number(preview.photos))
        )
    if preview.annotated:
        parts.append(
            ngettext(
                "{count} of them has annotations, which are kept.",
                "{count} of them have annotations, which are kept.",
                preview.annotated,
            ).format(count=number(preview.annotated))
        )
    if preview.returning:
        parts.append(
            ngettext(
                "{count} would come back, with its annotations.",
                "{count} would come back, with their annotations.",
                preview.returning,
            ).format(count=number(preview.returning))
        )
    return tuple(parts)
