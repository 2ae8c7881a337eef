"""Every command of the window, declared once.

Menus, the toolbar, context menus, the palette (Ctrl+Shift+P), the keyboard page (F1) and the
shortcut settings all read :data:`COMMANDS`; nothing else makes a QAction for them.  Texts are
marked here with ``N_`` and translated where they are shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Flag, auto

from lmpt_desktop.translation import N_, _


class Needs(Flag):
    """What must be so for a command to make sense."""

    NOTHING = 0
    LIBRARY = auto()
    """A library is open."""
    SELECTION = auto()
    """At least one image is selected."""
    CLASS = auto()
    """A class is in focus in the inspector or chosen in the filter bar."""
    CLASSES = auto()
    """The library has a vocabulary."""
    UNDO = auto()
    REDO = auto()
    RUN = auto()
    """A retraining run is going on."""
    SEARCH = auto()
    """The grid shows what a search found."""
    ACTIVITY = auto()
    """Photos are being scanned or encoded (or that is paused)."""
    REVIEW = auto()
    """The review view is in front."""
    QUESTION = auto()
    """The review view asks about a photo."""


@dataclass(frozen=True)
class Command:
    """One thing the user can ask for.

    ``shortcut`` holds Qt portable key sequences, several separated by a space.  ``menu`` is
    the top-level menu and ``group`` the block within it (a separator goes between blocks).
    Commands with the same ``choice`` are check marks of which exactly one is set.
    """

    id: str
    text: str
    menu: str
    group: int = 0
    shortcut: str = ""
    icon: str = ""
    needs: Needs = Needs.NOTHING
    tip: str = ""
    checkable: bool = False
    choice: str = ""
    submenu: str = ""
    short: str = ""
    """What a toolbar button says, where the full text is too long."""
    page: str = ""
    """The page whose own command it is: its keys are heard there alone, whatever they are."""

    @property
    def plain_text(self) -> str:
        """The translated text without its mnemonic mark and trailing ellipsis."""
        return _(self.text).replace("&", "").removesuffix("...")


MENUS = (
    ("file", N_("&File")),
    ("edit", N_("&Edit")),
    ("image", N_("&Photo")),
    ("view", N_("&View")),
    ("review", N_("&Review")),
    ("vocabulary", N_("V&ocabulary")),
    ("model", N_("&Model")),
    ("help", N_("&Help")),
)

_L = Needs.LIBRARY
_SELECTED = Needs.LIBRARY | Needs.SELECTION
_MARK = _SELECTED | Needs.CLASS
_TRAINABLE = Needs.LIBRARY | Needs.CLASSES
_WORKING = Needs.LIBRARY | Needs.ACTIVITY
_REVIEW = Needs.LIBRARY | Needs.REVIEW
_ASKED = _REVIEW | Needs.QUESTION

# fmt: off
COMMANDS: tuple[Command, ...] = (
    Command("file.open", N_("&Open folder..."), "file", 0, "Ctrl+O", "folder-open",
            short=N_("Open"), tip=N_("Open a folder of photos as a library")),
    Command("file.add", N_("&Add folder..."), "file", 0, "Ctrl+Shift+O", "folder-add", _L,
            short=N_("Add folder"), tip=N_("Add another folder to this library")),
    Command("file.samples", N_("&Try with sample photos"), "file", 0, icon="sparkle",
            tip=N_("Open a few real photos that come with the app")),
    Command("file.rescan", N_("&Look for new photos"), "file", 1, "F5", "refresh", _L,
            tip=N_("Scan the library's folders again")),
    Command("file.export", N_("&Export tags..."), "file", 1, "Ctrl+E", "export", _TRAINABLE,
            tip=N_("Write predicted and confirmed classes to a file")),
    Command("long-tail.export", N_("&Save long tail..."), "file", 1, "Ctrl+Shift+E", "", _TRAINABLE,
            tip=N_("Save the chart of classes as a picture, or its figures as a table")),
    Command("file.close", N_("&Close library"), "file", 2, "Ctrl+W", "", _L),
    Command("file.quit", N_("&Quit"), "file", 2, "Ctrl+Q"),
    Command("edit.undo", N_("&Undo"), "edit", 0, "Ctrl+Z", "undo", _L | Needs.UNDO),
    Command("edit.redo", N_("&Redo"), "edit", 0, "Ctrl+Shift+Z Ctrl+Y", "redo", _L | Needs.REDO),
    Command("edit.select-all", N_("Select &all"), "edit", 1, "Ctrl+A", "", _L),
    Command("edit.search", N_("&Search photos"), "edit", 2, "Ctrl+F", "search", _L,
            tip=N_("Find photos by words that describe them")),
    Command("edit.clear-search", N_("&Clear search"), "edit", 2, "", "clear", _L | Needs.SEARCH,
            tip=N_("Show the library in its own order again")),
    Command("edit.find", N_("&Find in file names"), "edit", 2, "Ctrl+Shift+F", "", _L),
    Command("edit.preferences", N_("&Preferences..."), "edit", 3, "Ctrl+,", "settings"),
    Command("image.present", N_("&Present"), "image", 0, "P", "present", _MARK,
            tip=N_("The class in focus is in the selected photos")),
    Command("image.absent", N_("&Absent"), "image", 0, "A", "absent", _MARK,
            tip=N_("The class in focus is not in the selected photos")),
    Command("image.unknown", N_("&Unknown"), "image", 0, "U", "unknown", _MARK,
            tip=N_("Take back what was said about the class in focus")),
    Command("image.reviewed", N_("Mark &reviewed"), "image", 1, "R", "reviewed", _SELECTED,
            short=N_("Reviewed"),
            tip=N_("Every class still unknown is absent in the selected photos")),
    Command("image.unreviewed", N_("Mark &not reviewed"), "image", 1, "Shift+R", "", _SELECTED),
    Command("image.classes", N_("Set c&lasses..."), "image", 1, "Ctrl+T", "list",
            _SELECTED | Needs.CLASSES,
            tip=N_("Say of several classes at once whether they are in the selected photos")),
    Command("image.accept", N_("Accept pr&edictions..."), "image", 1, "Ctrl+Shift+A", "sparkle",
            _TRAINABLE, tip=N_("Look through what the model predicts, and accept it at once")),
    Command("image.copy-annotations", N_("Copy ann&otations"), "image", 1, "Ctrl+Shift+C", "copy",
            _SELECTED, tip=N_("Copy what you said about this photo")),
    Command("image.paste-annotations", N_("Pas&te annotations"), "image", 1, "Ctrl+Shift+V", "",
            _SELECTED, tip=N_("Give the selected photos the verdicts you copied")),
    Command("image.alike", N_("&More like this"), "image", 2, "Ctrl+Shift+S", "search", _SELECTED,
            tip=N_("Find photos that look like the selected ones")),
    Command("image.open", N_("Open in p&hoto program"), "image", 3, "Ctrl+Return", "", _SELECTED,
            tip=N_("Open the photo in the program the system has for it")),
    Command("image.reveal", N_("&Show in file manager"), "image", 3, "Ctrl+Shift+R", "folder",
            _SELECTED),
    Command("image.copy-path", N_("&Copy path"), "image", 3, "Ctrl+C", "copy", _SELECTED),
    Command("view.grid", N_("&Grid"), "view", 0, "F2", "image", _L,
            tip=N_("Back to the photos side by side")),
    Command("view.review", N_("&Review"), "view", 0, "F3", "review", _L,
            tip=N_("One photo at a time, with the questions that help most")),
    Command("view.long-tail", N_("Lo&ng tail"), "view", 0, "F4", "chart", _L,
            tip=N_("How many examples every class has, and what is missing")),
    Command("view.zoom-in", N_("&Larger thumbnails"), "view", 1, "Ctrl++ Ctrl+=", "zoom-in", _L),
    Command("view.zoom-out", N_("&Smaller thumbnails"), "view", 1, "Ctrl+-", "zoom-out", _L),
    Command("view.zoom-reset", N_("&Usual size"), "view", 1, "Ctrl+0", "", _L),
    Command("view.filters", N_("&Filter bar"), "view", 2, "Ctrl+L", "filter", _L, checkable=True),
    Command("view.clear-filters", N_("&Clear filters"), "view", 2, "Ctrl+Shift+L", "clear", _L),
    Command("view.folders", N_("F&olders"), "view", 3, "Ctrl+1", "tree", _L, checkable=True),
    Command("view.inspector", N_("&Inspector"), "view", 3, "Ctrl+2", "inspector", _L,
            checkable=True),
    Command("view.messages", N_("Go to the newest &message"), "view", 3, "F6", "info",
            tip=N_("Put the keyboard on the message above the photos")),
    Command("view.theme-system", N_("As the &system"), "view", 4, choice="theme",
            submenu=N_("&Theme")),
    Command("view.theme-light", N_("&Light"), "view", 4, choice="theme", submenu=N_("&Theme")),
    Command("view.theme-dark", N_("&Dark"), "view", 4, choice="theme", submenu=N_("&Theme")),
    Command("review.skip", N_("&Skip"), "review", 0, "S Right", "", _ASKED, page="review",
            tip=N_("On to the next question without an answer")),
    Command("review.done", N_("&Mark reviewed and go on"), "review", 0, "Return Enter",
            "reviewed", _ASKED, page="review",
            tip=N_("Every class of this photo still unknown is absent")),
    Command("review.back", N_("&Back and undo"), "review", 0, "Backspace", "undo", _REVIEW,
            page="review", tip=N_("Take back the last thing said here and go to where it was")),
    Command("review.previous", N_("&Previous question"), "review", 0, "Left", "", _REVIEW,
            page="review", tip=N_("Look back without taking anything back")),
    Command("review.find", N_("&Find a class"), "review", 1, "/", "search", _ASKED,
            page="review", tip=N_("Say that any class is present by typing a part of its name")),
    Command("review.zoom-in", N_("Zoom &in"), "review", 2, "+ =", "zoom-in", _ASKED,
            page="review"),
    Command("review.zoom-out", N_("Zoom &out"), "review", 2, "-", "zoom-out", _ASKED,
            page="review"),
    Command("review.fit", N_("Fi&t the photo"), "review", 2, "0", "", _ASKED, page="review"),
    Command("review.actual", N_("&Actual size or fitted"), "review", 2, "Z", "", _ASKED,
            page="review", tip=N_("One pixel of the screen for each of the photo")),
    Command("review.leave", N_("Back to the &grid"), "review", 3, "Esc", "", _REVIEW,
            page="review", tip=N_("The grid goes to the photo you were at")),
    Command("vocabulary.edit", N_("&Edit vocabulary..."), "vocabulary", 0, "Ctrl+K", "list", _L,
            short=N_("Vocabulary"), tip=N_("Choose, type or paste the classes to look for")),
    Command("model.retrain", N_("&Retrain prompts..."), "model", 0, "Ctrl+R", "retrain", _TRAINABLE,
            short=N_("Retrain"), tip=N_("Learn better prompts from your annotations")),
    Command("model.run", N_("Show &current run"), "model", 0, "", "chart", _L | Needs.RUN),
    Command("model.versions", N_("&Versions..."), "model", 0, "", "versions", _L),
    Command("model.captions", N_("&Write captions"), "model", 0, "", "", _TRAINABLE,
            tip=N_("Let an installed captioner (CoCa) describe annotated photos that have no "
            "caption; captions help training")),
    Command("model.backbone", N_("&Backbone..."), "model", 1, "", "cpu", _L,
            tip=N_("Choose the frozen image-text model predictions rest on")),
    Command("model.pause", N_("&Pause"), "model", 1, "Ctrl+P", "pause", _WORKING, checkable=True,
            tip=N_("Hold scanning and encoding")),
    Command("help.palette", N_("&Find a command..."), "help", 0, "Ctrl+Shift+P", "search"),
    Command("help.keyboard", N_("&Keyboard"), "help", 0, "F1", "keyboard"),
    Command("help.tour", N_("&Take the tour"), "help", 0, "", "sparkle",
            tip=N_("Four cards that show how the app works")),
    Command("help.log", N_("Open &log folder"), "help", 1, "", "folder"),
    Command("help.about", N_("&About LMPT Desktop"), "help", 1, "", "info"),
)
# fmt: on

TOOLBAR: tuple[str, ...] = (
    "file.open", "file.add", "", "edit.undo", "edit.redo", "",
    "image.present", "image.absent", "image.unknown", "image.reviewed", "",
    "view.review", "view.long-tail", "view.filters", "vocabulary.edit", "model.retrain",
)  # fmt: skip
"""Command ids from left to right; an empty string is a separator."""

ICON_ONLY = ("edit.undo", "edit.redo", "view.filters")
"""Toolbar buttons whose icon needs no words."""

LABEL_COLLAPSE_ORDER = (
    "file.add", "file.open", "view.long-tail", "vocabulary.edit", "view.review", "image.reviewed",
    "image.unknown", "image.absent", "image.present", "model.retrain",
)  # fmt: skip
"""In which order toolbar buttons lose their words where there is no room for all of them."""

IMAGE_MENU: tuple[str, ...] = (
    "image.present", "image.absent", "image.unknown", "",
    "image.reviewed", "image.unreviewed", "", "image.classes", "image.accept",
    "image.copy-annotations", "image.paste-annotations", "", "image.alike", "",
    "image.open", "image.reveal", "image.copy-path",
)  # fmt: skip
"""The context menu of images in the grid."""

BY_ID: dict[str, Command] = {command.id: command for command in COMMANDS}
