"""The versions made so far: use, go back, compare, rename, export, import, delete."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QMessageBox,
    QPlainTextEdit,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.engine.notices import EncoderChanged, VersionsChanged
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.engine.versions.versions import ImportedVersion, VersionInfo
from lmpt_desktop.translation import _, join_names, ngettext, number
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.kit.dialogs import LibraryDialog, close_box, muted, named_button, style_table
from lmpt_desktop.ui.kit.tasks import LatestRequest
from lmpt_desktop.ui.versions.versions_model import (
    CLASSES,
    COLUMNS,
    CREATED,
    HEAD,
    MEDIUM,
    NAME,
    STATE,
    TAIL,
    TOTAL,
    VersionsModel,
    origin_text,
    version_title,
)

PAIR = 2


class VersionDetails(QFrame):
    """Name and note of the selected version, and what it was learned from."""

    name_edited = Signal(int, str)
    note_edited = Signal(int, str)
    """A version id, and the new text."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._version: VersionInfo | None = None
        self.name = QLineEdit()
        self.name.setObjectName("version-name")
        self.name.setPlaceholderText(_("Without a name, the date is shown"))
        self.note = QPlainTextEdit()
        self.note.setObjectName("version-note")
        self.note.setAccessibleName(_("Note"))
        self.note.setPlaceholderText(_("Anything to remember about this version"))
        self.note.setTabChangesFocus(True)
        self.note.setMaximumHeight(self.fontMetrics().height() * 4)
        self.origin = muted()
        self.origin.setObjectName("origin")
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow(_("&Name"), self.name)
        form.addRow(_("N&ote"), self.note)
        form.addRow("", self.origin)
        self.name.editingFinished.connect(self._name_edited)

    def show_version(self, version: VersionInfo | None) -> None:
        """Show another version, after saving the note that was typed for the last one."""
        if version == self._version:
            return
        self.keep_note()
        self._version = version
        real = version is not None and version.version_id != 0
        for field in (self.name, self.note):
            field.setEnabled(real)
        self.name.setText(version.name if version is not None and real else "")
        self.note.setPlainText(version.note if version is not None and real else "")
        self.origin.setText(origin_text(version) if version is not None else "")

    def keep_note(self) -> None:
        """Save the note if it was changed."""
        version = self._version
        if version is None or version.version_id == 0:
            return
        text = self.note.toPlainText().strip()
        if text != version.note:
            self.note_edited.emit(version.version_id, text)

    def _name_edited(self) -> None:
        version, text = self._version, " ".join(self.name.text().split())
        if version is not None and version.version_id != 0 and text != version.name:
            self.name_edited.emit(version.version_id, text)


class VersionsDialog(LibraryDialog):
    """Promote, roll back, compare, name, export, import, delete."""

    compare_requested = Signal(int, int)
    """Version ids: the old and the new one."""
    message = Signal(str)
    """A sentence for the status bar."""

    def __init__(
        self,
        session: LibrarySession,
        bridge: SessionBridge | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(session, bridge, parent)
        self.setWindowTitle(_("Versions"))
        self.resize(920, 580)
        self._request = LatestRequest(
            self._show_versions, self.show_error, owner=self, overlap=False
        )
        self._to_select: tuple[int, ...] = ()
        """Versions to select once they are listed."""
        self.model = VersionsModel(self)
        self.table = QTableView()
        self.table.setObjectName("versions")
        self.table.setAccessibleName(_("Versions"))
        self.table.setModel(self.model)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        widths = {
            STATE: 160, CREATED: 140, CLASSES: 84, TOTAL: 74, HEAD: 74, MEDIUM: 84, TAIL: 74,
        }  # fmt: skip
        style_table(
            self.table,
            COLUMNS.index(NAME),
            {COLUMNS.index(column): width for column, width in widths.items()},
        )
        self.promote = named_button("promote", _("&Use this version"))
        self.roll_back = named_button("roll-back", _("&Go back"))
        self.roll_back.setToolTip(_("Use the version again that was in use before this one"))
        self.compare = named_button("compare", _("Com&pare..."))
        self.compare.setToolTip(
            _("Compare two selected versions, or the selected one with the one in use")
        )
        self.discard = named_button("discard", _("&Delete..."))
        self.export_button = named_button("export", _("&Export"))
        self.import_button = named_button("import", _("&Import"))
        self._fill_menus()
        self.details = VersionDetails()
        foot = QHBoxLayout()
        for button in (self.promote, self.roll_back, self.compare):
            foot.addWidget(button)
        foot.addStretch(1)
        for button in (self.import_button, self.export_button, self.discard):
            foot.addWidget(button)
        layout = QVBoxLayout(self)
        layout.addWidget(
            muted(
                _(
                    "Every retraining makes a version. Its figures (0 to 100) are from the end of "
                    "its training, on the photos held out then, and cannot be compared with "
                    "others. Select two versions to compare them on the same photos."
                )
            )
        )
        layout.addWidget(self.table, 1)
        layout.addLayout(foot)
        layout.addWidget(self.details)
        layout.addWidget(self.strip)
        layout.addWidget(close_box(self))
        self._connect()
        self.refresh()

    def _fill_menus(self) -> None:
        export_menu, import_menu = QMenu(self.export_button), QMenu(self.import_button)
        export_menu.addAction(_("As a &zip file...")).triggered.connect(self._export_zip)
        export_menu.addAction(_("As a &folder...")).triggered.connect(self._export_folder)
        import_menu.addAction(_("A &zip file...")).triggered.connect(self._import_zip)
        import_menu.addAction(_("A &folder...")).triggered.connect(self._import_folder)
        self.export_button.setMenu(export_menu)
        self.import_button.setMenu(import_menu)

    def _connect(self) -> None:
        self.table.selectionModel().selectionChanged.connect(self._selection_changed)
        self.promote.clicked.connect(self.promote_selected)
        self.roll_back.clicked.connect(self.roll_back_last)
        self.discard.clicked.connect(self.discard_selected)
        self.compare.clicked.connect(self._compare)
        self.details.name_edited.connect(self.rename)
        self.details.note_edited.connect(self.set_note)
        self.finished.connect(lambda _result: self.details.keep_note())
        self.listen(VersionsChanged, lambda _notice: self.refresh())
        self.listen(EncoderChanged, lambda _notice: self.refresh())

    # ----------------------------------------------------------------------------- showing

    def refresh(self) -> None:
        """Ask for the versions again and show them, keeping the selection."""
        self._request.ask(self.session.versions.all)

    def _show_versions(self, versions: list[VersionInfo]) -> None:
        kept = self._to_select or tuple(version.version_id for version in self.chosen())
        self._to_select = ()
        self.model.set_rows(versions)
        there = [item.version_id for item in versions if item.version_id in kept]
        active = [item.version_id for item in versions if item.active]
        self.select_version(*(there or active or [item.version_id for item in versions[:1]]))

    def select_version(self, *version_ids: int) -> None:
        """Select these versions."""
        versions = self.model.rows
        self._select([row for row, item in enumerate(versions) if item.version_id in version_ids])

    def _select(self, rows: list[int]) -> None:
        selection = self.table.selectionModel()
        selection.clearSelection()
        flags = selection.SelectionFlag.Select | selection.SelectionFlag.Rows
        for row in rows:
            selection.select(self.model.index(row, 0), flags)
        if rows:
            selection.setCurrentIndex(
                self.model.index(rows[0], 0), selection.SelectionFlag.NoUpdate
            )
        self._selection_changed()

    def chosen(self) -> list[VersionInfo]:
        """The selected versions, newest first."""
        rows = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        return [self.model.rows[row] for row in rows if row < len(self.model.rows)]

    def selected(self) -> VersionInfo | None:
        """The selected version, if it is one alone."""
        chosen = self.chosen()
        return chosen[0] if len(chosen) == 1 else None

    def pair(self) -> tuple[int, int] | None:
        """What *Compare* would compare: the old and the new version."""
        chosen = self.chosen()
        if len(chosen) == PAIR:
            return chosen[1].version_id, chosen[0].version_id
        in_use = [item for item in self.model.rows if item.active]
        if len(chosen) == 1 and in_use and not chosen[0].active:
            return in_use[0].version_id, chosen[0].version_id
        return None

    def _selection_changed(self, *_args: object) -> None:
        version = self.selected()
        usable = version is not None and not version.active
        real = version is not None and version.version_id != 0
        self.promote.setEnabled(usable)
        self.discard.setEnabled(usable and real)
        self.export_button.setEnabled(real)
        self.compare.setEnabled(self.pair() is not None)
        in_use = [item for item in self.model.rows if item.active]
        self.roll_back.setEnabled(bool(in_use) and in_use[0].version_id != 0)
        self.details.show_version(version)

    # -------------------------------------------------------------------------------- acts

    def promote_selected(self) -> None:
        """Predict with the selected version from now on."""
        version = self.selected()
        if version is not None:
            text = _("{0} is in use now.").format(version_title(version))
            self._change(lambda: self.session.versions.promote(version.version_id), text)

    def roll_back_last(self) -> None:
        """Use what was in use before the last change of the version."""
        self._change(self.session.versions.roll_back, _("The version before is in use again."))

    def discard_selected(self) -> None:
        """Delete the selected version, which must not be in use, after a question."""
        version = self.selected()
        if version is not None and not version.active and self._confirm_delete(version):
            text = _("{0} was deleted.").format(version_title(version))
            self._change(lambda: self.session.versions.discard(version.version_id), text)

    def rename(self, version_id: int, name: str) -> None:
        """Give a version a name."""
        self.run(
            lambda: self.session.versions.rename(version_id, name), lambda _none: self.refresh()
        )

    def set_note(self, version_id: int, note: str) -> None:
        """Save the note on a version."""
        self.run(lambda: self.session.versions.set_note(version_id, note))

    def _change(self, work: Callable[[], object], text: str) -> None:
        """Change which version is in use or which there are, then show ``text``."""
        for button in (self.promote, self.roll_back, self.discard):
            button.setEnabled(False)
        self.run(work, lambda _result: self._report(text), self._change_failed)

    def _change_failed(self, error: Exception) -> None:
        self.show_error(error)
        self._selection_changed()

    def _confirm_delete(self, version: VersionInfo) -> bool:
        answer = QMessageBox.question(
            self,
            _("Delete a version"),
            _(
                "Delete “{name}” for good? It cannot be restored; your annotations are kept, "
                "and a retraining can learn from them again."
            ).format(name=version_title(version)),
            QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No,
            QMessageBox.StandardButton.No,
        )
        return answer == QMessageBox.StandardButton.Yes

    def _compare(self) -> None:
        if (pair := self.pair()) is not None:
            self.compare_requested.emit(*pair)

    def _report(self, text: str, kind: str = "text") -> None:
        """Show what was done, and the versions as they are now."""
        self.refresh()
        self.strip.show_text(text, kind)
        self.message.emit(text)

    # ------------------------------------------------------------------------------- files

    def _export_zip(self) -> None:
        chosen, _kind = QFileDialog.getSaveFileName(
            self, _("Export a version"), self._file_name() + ".zip", _("Zip files (*.zip)")
        )
        if chosen:
            path = Path(chosen)
            self.export_to(path if path.suffix.lower() == ".zip" else Path(f"{chosen}.zip"))

    def _export_folder(self) -> None:
        if chosen := QFileDialog.getExistingDirectory(self, _("Export a version into a folder")):
            self.export_to(Path(chosen) / self._file_name())

    def _import_zip(self) -> None:
        chosen, _kind = QFileDialog.getOpenFileName(
            self, _("Import a version"), "", _("Zip files (*.zip)")
        )
        if chosen:
            self.import_from(Path(chosen))

    def _import_folder(self) -> None:
        if chosen := QFileDialog.getExistingDirectory(self, _("Import a version from a folder")):
            self.import_from(Path(chosen))

    def _file_name(self) -> str:
        version = self.selected()
        title = version_title(version) if version is not None else _("version")
        return "".join(c if c.isalnum() or c in " -_." else "-" for c in title).strip(". ")

    def export_to(self, path: Path) -> None:
        """Write the selected version off the window's thread."""
        version = self.selected()
        if version is not None:
            self.run(
                lambda: self.session.versions.export(version.version_id, path),
                lambda _none: self.strip.show_text(_("Written to {path}.").format(path=path)),
            )

    def import_from(self, path: Path) -> None:
        """Import a version off the window's thread."""
        self.strip.show_text(_("Reading {path}...").format(path=path.name))
        self.run(lambda: self.session.versions.import_from(path), self._imported)

    def _imported(self, imported: ImportedVersion) -> None:
        message = _("{name} was imported. It is not in use yet.").format(
            name=version_title(imported.version)
        )
        if count := len(imported.unknown):
            text = ngettext(
                "{count} class it has learned is not in this library and is left out: {names}.",
                "{count} classes it has learned are not in this library and are left out: {names}.",
                count,
            )
            names = join_names(imported.unknown)
            message = f"{message} {text.format(count=number(count), names=names)}"
        self._to_select = (imported.version.version_id,)
        self.refresh()  # the notice of it may have been answered already
        self._report(message, "warning" if imported.unknown else "text")
