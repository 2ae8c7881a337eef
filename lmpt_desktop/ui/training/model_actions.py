"""The commands that open dialogs: vocabulary, export, preferences, retraining, versions.

Dialogs are imported when first needed, so that the window starts without them (the run's
plot alone brings a plotting library).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtWidgets import QDialog, QFileDialog

from lmpt_desktop.engine.notices import ActivityKind, RunChanged
from lmpt_desktop.engine.pace import PACE_SETTING, Pace
from lmpt_desktop.engine.views import RunState, Snapshot
from lmpt_desktop.interchange.tags import TagRow, format_of, whole_file, write_tags
from lmpt_desktop.translation import _, ngettext, number
from lmpt_desktop.ui.commands import Needs
from lmpt_desktop.ui.grid.view import ZOOM_USUAL
from lmpt_desktop.ui.kit import tasks, theme
from lmpt_desktop.ui.kit.texts import photos_text
from lmpt_desktop.ui.kit.theme import ThemeChoice
from lmpt_desktop.ui.training.suggestion import RetrainSuggestion
from trainer.bands import BandLimits

if TYPE_CHECKING:
    from lmpt_desktop.engine.session import LibrarySession
    from lmpt_desktop.ui.kit.bridge import SessionBridge
    from lmpt_desktop.ui.library.page import LibraryPage
    from lmpt_desktop.ui.window.main_window import MainWindow

LIMITS_SETTING = "band limits"
DEVICE_SETTING = "device"
ENDED = (RunState.FINISHED, RunState.CANCELLED, RunState.FAILED, RunState.LOST)


class ModelActions:
    """Opens dialogs for the window's library, one of each kind at a time."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._dialogs: dict[str, QDialog] = {}
        self._run_state: RunState | None = None

    def bind(self) -> None:
        """Put the handlers on the commands."""
        on = self._window.commands.on
        on("vocabulary.edit", self.edit_vocabulary)
        on("file.export", self.export_tags)
        on("edit.preferences", self.preferences)
        on("model.retrain", self.retrain)
        on("model.run", self.show_run)
        on("model.versions", self.versions)
        on("model.captions", self.write_captions)
        on("model.backbone", self.backbone)
        on("help.keyboard", self.keyboard)
        on("help.about", self.about)

    def page_opened(self, page: LibraryPage) -> None:
        """Follow the runs of a library that was just opened."""
        status = page.session.current_run()
        self._run_state = status.state if status is not None else None
        page.bridge.on(RunChanged, lambda _notice: self._run_changed())
        RetrainSuggestion(self._window, page, self.retrain)

    def page_closed(self) -> None:
        """Close the dialogs of the library that is being closed."""
        for dialog in list(self._dialogs.values()):
            dialog.close()
        self._dialogs.clear()
        self._run_state = None

    def needs(self) -> Needs:
        """Whether there is a run to show."""
        return Needs.NOTHING if self._run_state is None else Needs.RUN

    def resume(self, kind: ActivityKind) -> None:
        """Go on with an activity of the status bar, or try it again."""
        page = self._window.page
        if page is not None:
            tasks.start(lambda: page.session.resume(kind), lambda _none: None, page.problem.emit)

    def cancel(self, kind: ActivityKind) -> None:
        """Stop an activity of the status bar."""
        page = self._window.page
        if page is not None:
            tasks.start(lambda: page.session.cancel(kind), lambda _none: None, page.problem.emit)

    # ----------------------------------------------------------------------------- dialogs

    def edit_vocabulary(self) -> None:
        from lmpt_desktop.ui.vocabulary.dialog import VocabularyDialog  # noqa: PLC0415

        def make(page: LibraryPage) -> QDialog:
            dialog = VocabularyDialog(*self._owned(page), page.panel.loader)
            dialog.images_wanted.connect(page.show_images)
            return dialog

        self._open("vocabulary", make)

    def retrain(self) -> None:
        from lmpt_desktop.ui.training.retrain import RetrainDialog  # noqa: PLC0415

        def make(page: LibraryPage) -> QDialog:
            device = str(page.session.setting(DEVICE_SETTING, "auto"))
            dialog = RetrainDialog(*self._owned(page), device=device)
            dialog.started.connect(lambda _run: self.show_run())
            return dialog

        self._open("retrain", make)

    def show_run(self) -> None:
        from lmpt_desktop.ui.training.run_page import RunDialog  # noqa: PLC0415

        def make(page: LibraryPage) -> QDialog:
            dialog = RunDialog(*self._owned(page))
            dialog.compare_wanted.connect(self.compare)
            # What is said there, to compare and decide, is untrue once it has been done.
            dialog.compare_wanted.connect(lambda _run: dialog.close())
            return dialog

        self._open("run", make)

    def compare(self, run_id: int) -> None:
        """Show what a run's prompts would change."""
        from lmpt_desktop.ui.versions.comparison import ComparisonDialog  # noqa: PLC0415

        def make(page: LibraryPage) -> QDialog:
            dialog = ComparisonDialog(
                page.session, run_id, page.panel.loader, page.bridge, self._window
            )
            dialog.images_wanted.connect(page.show_images)
            say = self._window.status.say
            dialog.promoted.connect(lambda _id: say(_("The new prompts are in use.")))
            dialog.discarded.connect(lambda _id: say(_("The new prompts were discarded.")))
            return dialog

        if "comparison" in self._dialogs:
            self._dialogs["comparison"].close()
        self._open("comparison", make)

    def compare_versions(self, old: int, new: int) -> None:
        """Show what another version would change."""
        from lmpt_desktop.ui.versions.comparison import ComparisonDialog  # noqa: PLC0415

        def make(page: LibraryPage) -> QDialog:
            dialog = ComparisonDialog(
                page.session, None, page.panel.loader, page.bridge, self._window, pair=(old, new)
            )
            dialog.images_wanted.connect(page.show_images)
            return dialog

        if "comparison" in self._dialogs:
            self._dialogs["comparison"].close()
        self._open("comparison", make)

    def versions(self) -> None:
        from lmpt_desktop.ui.versions.dialog import VersionsDialog  # noqa: PLC0415

        def make(page: LibraryPage) -> QDialog:
            dialog = VersionsDialog(*self._owned(page))
            dialog.compare_wanted.connect(self.compare_versions)
            dialog.said.connect(self._window.status.say)
            return dialog

        self._open("versions", make)

    def write_captions(self) -> None:
        """Describe annotated photos in the background."""
        page = self._window.page
        if page is None:
            return

        def say(count: int) -> None:
            self._window.status.say(
                _("Writing captions for {photos}").format(photos=photos_text(count))
                if count
                else _("Every annotated photo has a caption")
            )

        tasks.start(page.session.write_captions, say, page.problem.emit)

    def backbone(self) -> None:
        from lmpt_desktop.ui.training.backbone import BackboneDialog  # noqa: PLC0415

        self._open("backbone", lambda page: BackboneDialog(*self._owned(page)))

    def preferences(self) -> None:
        from lmpt_desktop.ui.preferences.dialog import PreferencesDialog  # noqa: PLC0415

        page = self._window.page
        limits = page.session.snapshot().limits if page is not None else None
        device = str(page.session.setting(DEVICE_SETTING, "auto")) if page is not None else "auto"
        pace = Pace.of(page.session.setting(PACE_SETTING)) if page is not None else Pace.AUTOMATIC
        memory = self._window.memory
        zoom = page.grid.zoom if page is not None else memory.number("zoom", ZOOM_USUAL)
        dialog = PreferencesDialog(
            theme.manager().choice,
            limits,
            device,
            self._window,
            pace,
            commands=self._window.commands,
            memory=memory,
            zoom=zoom,
        )
        dialog.theme_chosen.connect(lambda choice: self._window.set_theme(ThemeChoice(choice)))
        dialog.zoom_chosen.connect(lambda pixels: memory.put("zoom", pixels))
        if page is not None:
            dialog.zoom_chosen.connect(page.grid.set_zoom)
            session = page.session
            dialog.limits_chosen.connect(lambda chosen: self._set_limits(session, chosen))
            dialog.device_chosen.connect(session.set_device)
            dialog.pace_chosen.connect(
                lambda chosen: tasks.start(
                    lambda: session.set_setting(PACE_SETTING, str(chosen)),
                    lambda _done: None,
                    page.problem.emit,
                )
            )
        self._keep("preferences", dialog)

    def shortcuts(self) -> None:
        """The preferences, turned to the keys of commands."""
        self.preferences()
        dialog = self._dialogs["preferences"]
        dialog.show_shortcuts()  # pyright: ignore[reportAttributeAccessIssue]

    def keyboard(self) -> None:
        from lmpt_desktop.ui.help.keyboard import KeyboardPage  # noqa: PLC0415

        page = KeyboardPage(self._window.commands, self._window)
        page.change_button.clicked.connect(self.shortcuts)
        self._keep("keyboard", page)

    def about(self) -> None:
        from lmpt_desktop.ui.help.about import AboutDialog  # noqa: PLC0415

        self._keep("about", AboutDialog(self._window))

    def export_tags(self) -> None:
        """Ask for a file and write one row per image and class to it."""
        page = self._window.page
        if page is None:
            return
        chosen, _kind = QFileDialog.getSaveFileName(
            self._window, _("Export tags"), "tags.csv", _("CSV (*.csv);;JSON (*.json)")
        )
        if chosen:
            path = Path(chosen)
            if not path.suffix:
                path = path.with_suffix(".csv")
            self.export_to(page.session, path)

    def export_to(self, session: LibrarySession, path: Path) -> None:
        """Write the tags in the background and say how many rows there are."""

        def write() -> int:
            with whole_file(path) as file:
                return write_tags(tag_rows(session), file, format_of(path.name))

        tasks.start(
            write,
            lambda count: self._window.status.say(
                ngettext(
                    "{count} tag written to {name}", "{count} tags written to {name}", count
                ).format(count=number(count), name=path.name)
            ),
            lambda error: self._window.tell_error(_("The tags were not exported"), error),
        )

    # ------------------------------------------------------------------------------- inside

    def _owned(self, page: LibraryPage) -> tuple[LibrarySession, SessionBridge, MainWindow]:
        return page.session, page.bridge, self._window

    def _open(self, name: str, make: Callable[[LibraryPage], QDialog]) -> None:
        page = self._window.page
        if page is None:
            return
        if (old := self._dialogs.get(name)) is not None:
            old.raise_()
            old.activateWindow()
            return
        self._keep(name, make(page))

    def show_dialog(self, name: str, dialog: QDialog) -> None:
        """Show a dialog made elsewhere; it closes when another takes its name, and with the
        library."""
        self._keep(name, dialog)

    def _keep(self, name: str, dialog: QDialog) -> None:
        """Show a dialog, and know it until it is closed."""
        if (old := self._dialogs.pop(name, None)) is not None:
            old.close()
        self._dialogs[name] = dialog

        def forget(_result: int) -> None:
            if self._dialogs.get(name) is dialog:
                del self._dialogs[name]

        dialog.finished.connect(forget)
        dialog.show()

    def _set_limits(self, session: LibrarySession, limits: BandLimits) -> None:
        session.set_setting(LIMITS_SETTING, {"medium": limits.medium, "head": limits.head})

    def _run_changed(self) -> None:
        page = self._window.page
        status = page.session.current_run() if page is not None else None
        if status is None:
            return
        before, self._run_state = self._run_state, status.state
        if status.state == before or status.state not in ENDED or "run" in self._dialogs:
            return
        if status.state in (RunState.FAILED, RunState.LOST):
            message = status.message or _("The prompts in use are the same as before.")
            note = self._window.notifications.tell(
                _("The retraining stopped"), message, colour="error"
            )
            note.add_button(_("Show log"), self.show_run)
        elif status.version_id is not None:
            note = self._window.notifications.tell(
                _("The retraining is finished"),
                _("Compare the new prompts with the ones in use, then decide."),
                colour="accent",
            )
            run_id = status.run_id

            def compare() -> None:
                self._window.notifications.dismiss(note)
                self.compare(run_id)

            note.add_button(_("Compare..."), compare)


def tag_rows(session: LibrarySession) -> Iterator[TagRow]:
    """Classes that are present, or predicted and not said to be absent, image by image."""
    snapshot = session.snapshot()
    shown = shown_classes(snapshot)
    names = [entry.name for entry in snapshot.classes]
    bands = [band.value for band in snapshot.bands.bands]
    rows = np.flatnonzero(shown.any(axis=1))
    for start in range(0, len(rows), 1000):
        part = rows[start : start + 1000]
        paths = session.paths(snapshot.image_ids[part].tolist())
        for row, path in zip(part, paths, strict=True):
            for column in np.flatnonzero(shown[row]):
                # What the user said is certain, whatever the model thinks.
                said = snapshot.annotations[row, column] == 1
                score = 1.0 if said else float(snapshot.scores[row, column])
                yield TagRow(str(path), names[column], score, bands[column])


def shown_classes(snapshot: Snapshot) -> np.ndarray:
    """(N, C) bool: what the app holds to be in the images."""
    return (snapshot.predicted & (snapshot.annotations != 0)) | (snapshot.annotations == 1)
