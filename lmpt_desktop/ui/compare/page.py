"""Two photos of the grid side by side: zoomed and moved together, with what tells them apart."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from lmpt_desktop.domain.records import NO_DATE
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine import notices
from lmpt_desktop.translation import _, format_datetime, join_names, number
from lmpt_desktop.ui.commands import CommandRegistry
from lmpt_desktop.ui.compare.differing_classes import differing_classes
from lmpt_desktop.ui.kit.key_button import KeyButton
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.photo_viewer import PhotoViewer
from lmpt_desktop.ui.shell.context import OpenLibrary

MOST_NAMES = 8
_CHANGES = (
    notices.AnnotationsChanged,
    notices.PredictionsChanged,
    notices.ClassesChanged,
    notices.ImagesChanged,
    notices.VersionsChanged,
)


class ComparePage(QWidget):
    """Shows two photos; the one with the frame is exchanged by the arrow keys."""

    state_changed = Signal()

    def __init__(self, library: OpenLibrary, commands: CommandRegistry) -> None:
        super().__init__()
        self.setObjectName("compare")
        self.setAccessibleName(_("Two photos side by side"))
        self._library = library
        self._session = library.session
        self._ids = [-1, -1]
        self._current = 1
        self._following = False
        locate = self._session.images.path_of_picture
        self.viewers = (PhotoViewer(locate), PhotoViewer(locate))
        self.facts = (_facts_label(), _facts_label())
        self.shared = _facts_label()
        for label in self.facts:  # with every other height the photos would be decoded again
            label.setMinimumHeight(3 * label.fontMetrics().lineSpacing())
            label.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._build(commands)
        for side, viewer in enumerate(self.viewers):
            viewer.room_changed.connect(lambda it=side: self._load(it))
            viewer.canvas.part_changed.connect(lambda it=side: self._follow(it))
            viewer.pool.ready.connect(lambda _id, it=side: self._follow(1 - it))
            viewer.canvas.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        for kind in _CHANGES:
            library.bridge.on(kind, self._changed)

    def _build(self, commands: CommandRegistry) -> None:
        self.leave = KeyButton(commands.action("compare.leave"), _("Grid"), "image")
        previous = KeyButton(commands.action("compare.previous"), _("Previous"))
        following = KeyButton(commands.action("compare.next"), _("Next"))
        switch = KeyButton(commands.action("compare.switch"), _("Other photo"))
        hint = Label(_("The arrow keys exchange the framed photo."))
        hint.setProperty("role", "muted")
        head = QHBoxLayout()
        head.setContentsMargins(8, 6, 12, 6)
        head.setSpacing(8)
        for button in (self.leave, previous, following, switch):
            head.addWidget(button)
        head.addStretch(1)
        head.addWidget(hint)
        self.work = QWidget()
        grid = QGridLayout(self.work)
        grid.setContentsMargins(0, 0, 0, 8)
        grid.setHorizontalSpacing(2)
        grid.setVerticalSpacing(4)
        for side in (0, 1):
            grid.addWidget(self.viewers[side], 0, side)
            grid.addWidget(self.facts[side], 1, side, Qt.AlignmentFlag.AlignTop)
            grid.setColumnStretch(side, 1)
        grid.addWidget(self.shared, 2, 0, 1, 2)
        grid.setRowStretch(0, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self.work, 1)
        commands.add_plain_keys(self.work, "compare")
        for button in (self.leave, previous, following, switch):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Tab goes from photo to photo

    # ------------------------------------------------------------------------------- state

    @property
    def image_ids(self) -> tuple[int, int]:
        """The photos at the left and at the right."""
        return self._ids[0], self._ids[1]

    @property
    def current(self) -> int:
        """The side that is exchanged: 0 for the left one, 1 for the right one."""
        focused = [viewer.canvas.hasFocus() for viewer in self.viewers]
        if any(focused):
            self._current = focused.index(True)
        return self._current

    def show_pair(self, first: int, second: int) -> None:
        """Show two images; the second is the current one."""
        self._ids = [first, second]
        for viewer in self.viewers:
            viewer.canvas.fit()
        for side in (0, 1):
            self._show(side)
        self._focus(1)

    def step(self, steps: int) -> None:
        """Exchange the current photo for the one ``steps`` further in the grid, but for the other
        one."""
        side = self.current
        ids = self._library.shown_ids()
        found = np.flatnonzero(ids == self._ids[side])
        place = int(found[0]) + steps if len(found) else -1
        if 0 <= place < len(ids) and ids[place] == self._ids[1 - side]:
            place += 1 if steps > 0 else -1
        if 0 <= place < len(ids):
            self._ids[side] = int(ids[place])
            self._show(side)

    def switch(self) -> None:
        """Make the other photo the current one."""
        self._focus(1 - self.current)

    def zoom(self, steps: float) -> None:
        """Enlarge both photos, or reduce them for negative ``steps``; 0 shows them whole."""
        canvas = self.viewers[self.current].canvas
        if steps:
            canvas.zoom(steps)
        else:
            canvas.fit()

    def toggle(self) -> None:
        """Switch between fitted and actual size."""
        self.viewers[self.current].canvas.toggle()

    def close_page(self) -> None:
        """Stop loading photos."""
        for viewer in self.viewers:
            viewer.close_viewer()

    # ----------------------------------------------------------------------------- showing

    def _focus(self, side: int) -> None:
        self._current = side
        self.setFocusProxy(self.viewers[side].canvas)
        self.viewers[side].canvas.setFocus()

    def _key(self, side: int) -> tuple[int, str]:
        snapshot = self._session.snapshot()
        row = snapshot.row_of.get(self._ids[side], -1)
        return self._ids[side], snapshot.images.fingerprints[row] if row >= 0 else ""

    def _show(self, side: int) -> None:
        snapshot = self._session.snapshot()
        row = snapshot.row_of.get(self._ids[side], -1)
        name = snapshot.names[row].rpartition("/")[2] if row >= 0 else ""
        self.viewers[side].show_image(self._key(side), name)
        self._load(side)
        self._show_facts()
        self._follow(1 - side)

    def _load(self, side: int) -> None:
        self.viewers[side].preload([self._key(side)])

    def _follow(self, leader: int) -> None:
        """Show the same part of both photos."""
        if self._following or not self.viewers[leader].canvas.showing:
            return
        self._following = True
        self.viewers[1 - leader].canvas.show_part(self.viewers[leader].canvas.part)
        self._following = False

    def _changed(self, _notice: object = None) -> None:
        if self.isVisible():
            self._show_facts()

    def _show_facts(self) -> None:
        snapshot = self._session.snapshot()
        rows = tuple(snapshot.row_of.get(id_, -1) for id_ in self._ids)
        if min(rows) < 0:
            for label in (*self.facts, self.shared):
                label.clear()
            return
        found = differing_classes(snapshot, (rows[0], rows[1]))
        for side in (0, 1):
            lines = [_about(snapshot, rows[side])]
            if names := found.alone[side]:
                names_text = join_names(names, MOST_NAMES)
                lines.append(_("Only here: {names}").format(names=names_text))
            else:
                lines.append(_("Nothing that the other one lacks"))
            self.facts[side].setText("\n".join(lines))
        self.shared.setText(
            _("In both: {names}").format(names=join_names(found.shared, MOST_NAMES))
            if found.shared
            else _("No class in both")
        )


def _about(snapshot: Snapshot, row: int) -> str:
    """ "3 May 2021 14:02 · 640 x 480"."""
    images = snapshot.images
    taken = int(images.taken[row])
    seconds = taken if taken != NO_DATE else int(images.mtime[row]) // 1_000_000_000
    parts = [format_datetime(datetime.fromtimestamp(seconds, UTC))]
    width, height = int(images.widths[row]), int(images.heights[row])
    if width and height:
        parts.append(f"{number(width)} × {number(height)}")
    return " · ".join(parts)


def _facts_label() -> Label:
    label = Label()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setContentsMargins(10, 0, 10, 0)
    return label
