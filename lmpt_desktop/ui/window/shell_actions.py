"""What happens around a library: one window each, folders and photos that arrive, the list of
recent libraries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

from lmpt_desktop.catalogue.errors import CatalogueLocked
from lmpt_desktop.catalogue.records import ImageState
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit import tasks
from lmpt_desktop.ui.library.dropped_paths import DroppedPaths, DroppedPathsHandler, classify_paths
from lmpt_desktop.ui.shell.settings import RecentLibrary, library_for
from lmpt_desktop.ui.window.single_instance import SingleInstanceServer, hand_over
from lmpt_desktop.ui.window.tour import TOUR_DONE, TourCard

if TYPE_CHECKING:
    from lmpt_desktop.engine.views import Snapshot
    from lmpt_desktop.ui.library.page import LibraryPage
    from lmpt_desktop.ui.window.main_window import MainWindow

PAGE_COMMANDS = {"review": "view.review", "dashboard": "view.long-tail"}
"""How to get back to the page that was open when the library was closed."""
KNOCK_AGAIN_MS = 700
"""A library that is locked though nobody answered is perhaps just being opened elsewhere."""


class ShellActions(QObject):
    """The window's dealings with the world outside its library."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.door = SingleInstanceServer(self)
        self.door.activation_requested.connect(self.come_to_front)
        self._arrivals: DroppedPathsHandler | None = None
        self._counted: Snapshot | None = None
        self._asking: Path | None = None
        self._wanted: tuple[Path, list[Path]] | None = None
        """What is being opened."""
        self._select: tuple[Path, ...] = ()
        self._knocked_again = False
        self.tour = TourCard(window)
        self.tour.ended.connect(lambda: window.memory.put(TOUR_DONE, 1))
        window.library_opened.connect(self._restore_page)

    def bind(self) -> None:
        """Put the handlers on the commands."""
        window = self._window
        window.commands.on("help.tour", self.tour.begin)
        window.commands.on("view.messages", window.notifications.take_focus)
        window.notifications.focus_left.connect(self._focus_work)
        window.commands.keys_changed.connect(self._name_keys)

    def _name_keys(self, *_changed: object) -> None:
        """The inspector names the keys of the verdicts: those that hold now."""
        page, text = self._window.page, self._window.commands.keys_text
        if page is not None:
            page.inspector.show_keys(
                present=text("image.present"),
                absent=text("image.absent"),
                unknown=text("image.unknown"),
                reviewed=text("image.reviewed"),
            )

    def _focus_work(self) -> None:
        page = self._window.page
        (page.grid if page is not None else self._window.welcome.open_button).setFocus()

    def first_start(self) -> None:
        """Begin the tour where it has not been taken or skipped yet."""
        if not self._window.memory.number(TOUR_DONE, 0):
            self.tour.begin()

    @property
    def busy(self) -> bool:
        """Whether a library is being looked for elsewhere."""
        return self._asking is not None

    # ------------------------------------------------------------------------ opening once

    def open(self, library: Path, folders: Sequence[Path]) -> None:
        """Open a library here, unless another window has it: then show that one."""
        self._wanted = (library, list(folders))
        self._knocked_again = False
        self._knock()

    def _knock(self) -> None:
        if self._wanted is None:
            return
        library, folders = self._wanted
        self._asking = library
        paths = [*folders, *self._select]

        def answered(shown: bool) -> None:
            self._asking = None
            if shown:
                self._elsewhere(library)
            else:
                self._window.opener.open(library, folders)

        tasks.start(lambda: hand_over(library, paths), answered)

    def opened(self, page: LibraryPage) -> None:
        """A library is open here."""
        self._wanted = None
        self.door.open(page.session.library_folder)
        self._arrivals = DroppedPathsHandler(page)
        page.arrived.connect(self._arrivals.take)
        page.panel.shown.connect(self._count_queue)
        self._name_keys()
        self._arrivals.select(self._select)
        self._select = ()

    def _restore_page(self, page: LibraryPage) -> None:
        """Go on with the page on which this library was left."""
        memory = self._window.memory
        library = str(page.session.library_folder)
        last = memory.text("page") if memory.text("page-library") == library else ""
        memory.put("page-library", library)
        memory.put("page", last)
        if command := PAGE_COMMANDS.get(last):
            self._window.commands.action(command).trigger()
        page.pages.shown.connect(lambda name: memory.put("page", name))

    def _count_queue(self, snapshot: Snapshot) -> None:
        page = self._window.page
        self._counted = snapshot

        def show(count: int) -> None:
            # Answers may overtake each other: only the newest question counts.
            if self._window.page is page and self._counted is snapshot:
                self._window.status.show_queue(count)

        tasks.start(lambda: waiting_photos(snapshot), show)

    def closed(self) -> None:
        """No library is open here any more."""
        self.door.close()
        self._arrivals = None
        self._counted = None

    def try_again(self, error: Exception) -> bool:
        """Whether a failed opening is tried once more: its owner may be just starting."""
        if not isinstance(error, CatalogueLocked) or self._knocked_again or self._wanted is None:
            self._wanted, self._select = None, ()
            return False
        self._knocked_again = True
        self._asking = self._wanted[0]
        QTimer.singleShot(KNOCK_AGAIN_MS, self._knock)
        return True

    def _elsewhere(self, library: Path) -> None:
        self._wanted, self._select = None, ()
        window = self._window
        window.stack.setCurrentWidget(window.welcome)
        note = window.notifications.tell(
            _("This library is open in another window"),
            _(
                "That window has been brought to the front and was given the folders: {library}"
            ).format(library=library),
            colour="accent",
        )
        note.pass_by_itself()

    def come_to_front(self, paths: list[Path]) -> None:
        """Somebody started the app again for this library."""
        window = self._window
        if window.isMinimized():
            window.showNormal()
        window.show()
        window.raise_()
        window.activateWindow()
        QApplication.alert(window)
        if self._arrivals is not None and (arrival := classify_paths(paths)):
            self._arrivals.take(arrival)

    # ---------------------------------------------------------------------------- arriving

    def arrive(self, arrival: DroppedPaths) -> None:
        """Open the library of what was dropped where none is open, and select the photos."""
        if self._arrivals is not None:
            self._arrivals.take(arrival)
        else:
            self.open_paths((*arrival.folders, *arrival.photos))

    def open_paths(self, paths: Sequence[Path], library: Path | None = None) -> None:
        """Open folders and photos in ``library``, or in that of the first of them."""
        arrival = classify_paths(paths)
        for path in paths:
            if path not in arrival.folders and path not in arrival.photos:
                self._window.notifications.tell(
                    _("Not found"),
                    _("There is no folder and no photo {path}. Check the name.").format(path=path),
                )
        places = arrival.places
        if library is None and places:
            library = library_for(places[0])
        page = self._window.page
        if page is not None and self._arrivals and page.session.library_folder == library:
            self._arrivals.take(arrival)
        elif library is not None:
            self._select = arrival.photos
            self._window.open_library(library, places)

    # ------------------------------------------------------------------------------ recent

    def open_recent(self, entry: RecentLibrary) -> None:
        """Open a library of the list, or say that it is gone."""
        if entry.exists:
            self._window.open_library(Path(entry.library))
            return
        note = self._window.notifications.tell(
            _("“{name}” is not there any more").format(name=entry.name),
            _(
                "The library {library} was moved or deleted, or its disk is not connected. "
                "Connect the disk and try again, or take the library out of the list."
            ).format(library=entry.library),
        )

        def forget() -> None:
            self._window.notifications.dismiss(note)
            self.forget_recent(entry)

        note.add_button(_("Take out of the list"), forget)

    def forget_recent(self, entry: RecentLibrary) -> None:
        """Take a library out of the list; its files stay."""
        self._window.memory.forget(entry.library)
        self._window.welcome.show_recent(self._window.memory.recent())


def waiting_photos(snapshot: Snapshot) -> int:
    """How many readable photos the model has not looked at: those without any score."""
    if not snapshot.classes:
        return 0
    usable = snapshot.images.states == ImageState.OK
    if snapshot.unscored:
        return int(np.count_nonzero(usable))
    # Of nearly all photos the first class tells; the others need not be looked at.
    rows = np.flatnonzero(usable & np.isnan(snapshot.scores[:, 0]))
    return int(np.count_nonzero(np.isnan(snapshot.scores[rows]).all(axis=1)))
