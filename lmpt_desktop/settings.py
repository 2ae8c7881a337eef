"""Every setting of the app, a row each: its key, type, default, storage and widget (Qt-free).

Settings of a library are stored in its catalogue, those of the computer in the window's INI file.
Both are read through :class:`Settings`, which replaces invalid values by the default.  To add a
setting, add a row.
"""

from __future__ import annotations

import json
import logging
import math
import reprlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, Generic, TypeVar

from lmpt_desktop.translation import N_
from trainer import checked_json
from trainer.bands import BandLimits
from trainer.checked_json import Count, Limits
from trainer.suggested import LITE

log = logging.getLogger(__name__)

T = TypeVar("T")

LIMITS = Limits(bytes=8 * 1024**2, unicode=False)  # names of folders
"""Of a setting stored as JSON text."""
_NOT_VALID = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError)
"""What :attr:`Setting.parse` may raise."""


class Storage(Enum):
    """Where a setting is stored."""

    LIBRARY = "library"
    """In the catalogue, so that it moves with the library."""
    COMPUTER = "computer"
    """In the window's INI file."""


class Kind(Enum):
    """The kind of value, which decides on the widget."""

    FLAG = "flag"
    NUMBER = "number"
    CHOICE = "choice"
    TEXT = "text"
    OTHER = "other"
    """Edited by its own page, or by none."""


@dataclass(frozen=True)
class Choice:
    """A value, and its label in lists (not yet translated)."""

    value: str | int
    label: str


@dataclass(frozen=True, eq=False)
class Setting(Generic[T]):
    """A setting, stored under ``key``.

    Attributes:
        key: unique within its storage.
        default: the value if none, or an invalid one, is stored.
        parse: makes a value from the stored one; raises LookupError, TypeError, ValueError,
            ArithmeticError or AttributeError if that is invalid.
        storage: where it is stored.
        kind: which widget edits it.
        group: title (not yet translated) of its box in the preferences; "" if it is not shown
            there.
        label, help: texts of its widget (not yet translated).
        choices: of a CHOICE.
        minimum, maximum: of a NUMBER, both included.
        serialize: makes a JSON value from a value.
    """

    key: str
    default: T
    parse: Callable[[Any], T]
    storage: Storage = Storage.LIBRARY
    kind: Kind = Kind.OTHER
    group: str = ""
    label: str = ""
    help: str = ""
    choices: tuple[Choice, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    serialize: Callable[[T], Any] = lambda value: value

    @property
    def bounds(self) -> tuple[int, int]:
        """The range of a NUMBER, both ends included."""
        assert self.minimum is not None and self.maximum is not None
        return self.minimum, self.maximum

    def read(self, stored: Any) -> T:
        """The value of a stored one (None: not stored); the default if that is invalid."""
        if stored is None:
            return self.default
        try:
            return self.parse(stored)
        except _NOT_VALID:
            shown = reprlib.repr(stored)
            log.info("setting %r: %s is not valid, using the default", self.key, shown)
            return self.default


class Settings:
    """The settings in one storage; every method may be called from any thread.

    Values are read once and then cached; after :meth:`read_all`, :meth:`get` never waits for a
    disk.
    """

    def __init__(
        self,
        storage: Storage,
        load: Callable[[str], Any],
        save: Callable[[str, Any], None],
    ) -> None:
        """``load`` returns the stored value of a key, None if there is none."""
        self._storage = storage
        self._load = load
        self._save = save
        self._lock = threading.Lock()
        self._values: dict[str, Any] = {}
        self._listeners: dict[str, list[Callable[[Any], None]]] = {}

    def get(self, setting: Setting[T]) -> T:
        """The value, or the setting's default."""
        self._check(setting)
        with self._lock:
            if setting.key not in self._values:
                self._values[setting.key] = setting.read(self._load(setting.key))
            return self._values[setting.key]

    def read_all(self) -> None:
        """Read every setting, so that :meth:`get` never waits from now on."""
        for setting in ALL:
            if setting.storage is self._storage:
                self.get(setting)

    def set(self, setting: Setting[T], value: T) -> None:
        """Store a value, then call its listeners.

        Raises:
            ValueError: if the setting does not accept it.
        """
        self._check(setting)
        serialized = setting.serialize(value)
        if value == setting.default:
            value = setting.default
        else:
            try:
                value = setting.parse(serialized)
            except _NOT_VALID as error:
                raise ValueError(f"{value!r} is not a valid {setting.key!r}") from error
        self._save(setting.key, serialized)
        with self._lock:
            self._values[setting.key] = value
            listeners = list(self._listeners.get(setting.key, ()))
        for listener in listeners:
            listener(value)

    def on_change(self, setting: Setting[T], listener: Callable[[T], None]) -> Callable[[], None]:
        """Call ``listener`` with every new value, on the thread that sets it.

        Returns a function that removes the listener.
        """
        self._check(setting)
        with self._lock:
            self._listeners.setdefault(setting.key, []).append(listener)

        def stop() -> None:
            with self._lock:
                if listener in self._listeners[setting.key]:
                    self._listeners[setting.key].remove(listener)

        return stop

    def _check(self, setting: Setting[Any]) -> None:
        if setting.storage is not self._storage:
            raise ValueError(f"setting {setting.key!r} is stored with the {setting.storage.value}")


# ------------------------------------------------------------------------------ rows of each kind


def flag(key: str, default: bool, **rest: Any) -> Setting[bool]:
    """On or off, stored as 1 or 0."""

    def parse(stored: Any) -> bool:
        if not isinstance(stored, bool | int | str):
            raise TypeError(stored)
        if str(stored).lower() not in ("0", "1", "true", "false"):
            raise ValueError(stored)
        return str(stored).lower() in ("1", "true")

    return Setting(key, default, parse, kind=Kind.FLAG, serialize=int, **rest)


def whole_number(key: str, default: int, minimum: int, maximum: int, **rest: Any) -> Setting[int]:
    """A whole number; stored values beyond the range are clipped."""

    def parse(stored: Any) -> int:
        if not isinstance(stored, int | float | str):  # INI files have texts
            raise TypeError(stored)
        value = float(stored)
        if not math.isfinite(value):
            raise ValueError(stored)
        return min(max(int(value), minimum), maximum)

    return Setting(key, default, parse, kind=Kind.NUMBER, minimum=minimum, maximum=maximum, **rest)


def choice(key: str, choices: tuple[Choice, ...], **rest: Any) -> Setting[str]:
    """One of a few texts; the first is the default."""
    values = {str(item.value) for item in choices}

    def parse(stored: Any) -> str:
        if not isinstance(stored, str) or stored not in values:
            raise ValueError(stored)
        return str(stored)

    return Setting(
        key, str(choices[0].value), parse, kind=Kind.CHOICE, choices=choices, serialize=str, **rest
    )


def text(key: str, default: str = "", **rest: Any) -> Setting[str]:
    """Any text."""

    def parse(stored: Any) -> str:
        if not isinstance(stored, str):
            raise TypeError(stored)
        return stored

    return Setting(key, default, parse, kind=Kind.TEXT, **rest)


def json_text(key: str, default: T, parse: Callable[[Any], T], **rest: Any) -> Setting[T]:
    """A structure, stored as JSON text because INI files have no structures."""
    return Setting(
        key,
        default,
        lambda stored: parse(checked_json.parse(stored, LIMITS)),
        serialize=lambda value: json.dumps(value, ensure_ascii=False),
        **rest,
    )


def _anything(stored: Any) -> Any:
    return stored


# -------------------------------------------------------------------------------- of the library


class Pace(StrEnum):
    """How much of the machine encoding may take."""

    AUTOMATIC = "automatic"
    """Full speed; gently on battery."""
    GENTLE = "gentle"
    FULL = "full"


def _parse_limits(stored: Any) -> BandLimits:
    found = checked_json.to_type(stored, dict[str, int])
    return BandLimits(found["medium"], found["head"])


def _parse_suggestion(stored: Any) -> RetrainSuggestion:
    return checked_json.to_type(stored, RetrainSuggestion)


@dataclass(frozen=True)
class RetrainSuggestion:
    """The last time a retraining was suggested.

    ``since``: from when on verdicts were counted, in the catalogue's microseconds;
    ``verdicts``: how many there were.
    """

    since: int
    verdicts: int


BACKBONE = text("backbone", LITE)
NEXT_BACKBONE = text("next backbone")
"""The backbone that encodes the library to replace the one in use; "" for none."""

DEVICE = choice(
    "device",
    (
        Choice("auto", N_("Automatic (best available)")),
        Choice("cuda", N_("NVIDIA GPU (CUDA)")),
        Choice("mps", N_("Apple GPU (MPS)")),
        Choice("cpu", N_("Processor (CPU)")),
    ),
    group=N_("Device of this library"),
    label=N_("&Device"),
)

PACE: Setting[Pace] = Setting(
    "encoding pace",
    Pace.AUTOMATIC,
    Pace,
    kind=Kind.CHOICE,
    group=N_("Device of this library"),
    label=N_("Encoding spee&d"),
    help=N_(
        "Slow encoding uses half of the processor, and only when other programs leave it idle."
    ),
    choices=(
        Choice(Pace.AUTOMATIC, N_("Full speed, slow on battery")),
        Choice(Pace.GENTLE, N_("Always slow")),
        Choice(Pace.FULL, N_("Full speed, even on battery")),
    ),
    serialize=str,
)

BAND_LIMITS: Setting[BandLimits | None] = Setting(
    "band limits",
    None,
    _parse_limits,
    group=N_("Rare and common classes of this library"),
    help=N_(
        "A class is rare, fairly common or common (tail, medium or head) by about how many photos "
        "of this library have it, as far as predictions and your verdicts tell. The paper's limits "
        "are 20 and 100 photos; a library with fewer than 1,000 photos starts with proportionally "
        "lower limits."
    ),
    serialize=lambda limits: limits and {"medium": limits.medium, "head": limits.head},
)
"""None: the limits that suit the number of photos."""

LAST_SUGGESTION: Setting[RetrainSuggestion | None] = Setting(
    "retraining suggested",
    None,
    _parse_suggestion,
    serialize=lambda suggestion: (
        suggestion and {"since": suggestion.since, "verdicts": suggestion.verdicts}
    ),
)

KEEP_SIDE_FILES = flag(
    "keep side files",
    False,
    group=N_("Side files of this library"),
    label=N_("&Keep XMP side files up to date"),
    help=N_(
        "After each change, the keywords of the photo are written into a small file beside it, "
        "where other photo programs find them. Side files of other programs are only updated if "
        "you have exported to them before."
    ),
)

SIDE_FILE_NAMING = choice(
    "side file naming",
    (
        Choice("photo.ext.xmp", N_("photo.jpg.xmp (darktable, digiKam, Immich)")),
        Choice("photo.xmp", N_("photo.xmp (Lightroom, for raw photos)")),
    ),
    group=N_("Side files of this library"),
    label=N_("Na&mes of side files"),
)


NO_LIMIT = 0
_SPACES = (
    Choice(1, N_("1 GB")),
    Choice(2, N_("2 GB")),
    Choice(5, N_("5 GB")),
    Choice(10, N_("10 GB")),
    Choice(20, N_("20 GB")),
    Choice(50, N_("50 GB")),
    Choice(NO_LIMIT, N_("No limit")),
)


def _parse_gigabytes(stored: Any) -> int:
    found = checked_json.to_type(stored, Count)
    if found not in [item.value for item in _SPACES]:
        raise ValueError(stored)
    return found


def _parse_saved_searches(stored: Any) -> list[dict[str, Any]]:
    found = checked_json.to_type(stored, list[Any])
    return [item for item in found if isinstance(item, dict)]


SAVED_SEARCHES: Setting[list[dict[str, Any]]] = Setting("saved searches", [], _parse_saved_searches)
"""As ``inference.saved_searches`` writes them, which checks what they say."""


SPACE_FOR_COPIES: Setting[int] = Setting(
    "space for copies",
    5,
    _parse_gigabytes,
    kind=Kind.CHOICE,
    group=N_("Copies of this library"),
    label=N_("S&pace for copies"),
    help=N_(
        "The app copies the library's catalogue (annotations, classes, folders, versions, "
        "features) once a day, after 1,000 changes, and before each update. If the copies take "
        "more space than this, the oldest are deleted. The newest are kept whatever they take, and "
        "so is a copy with annotations that no newer one has."
    ),
    choices=_SPACES,
)
"""Gigabytes that all copies may take together (``catalogue.backups``)."""

COPIES_TOLD: Setting[int] = Setting("space for copies told", NO_LIMIT, _parse_gigabytes)
"""The last :data:`SPACE_FOR_COPIES` that was said to be too little for those copies that must be
kept."""


@dataclass(frozen=True)
class _Order:
    key: str
    descending: bool


def _parse_order(stored: Any) -> tuple[str, bool]:
    found = checked_json.to_type(stored, _Order)
    return found.key, found.descending


SORT_ORDER: Setting[tuple[str, bool]] = Setting(
    "sort order",
    ("", False),
    _parse_order,
    serialize=lambda order: {"key": order[0], "descending": order[1]},
)
"""The order of the grid: a ``SortKey``, "" for the default, and whether it is reversed."""


STACK_LOOK_ALIKES = flag("stack look-alikes", False)
"""The grid shows one card for photos taken within seconds and alike.  Off, so that no photo is
out of sight unless the user wants it so; of a library, as only some have bursts."""


def _parse_strictness(stored: Any) -> dict[str, Any]:
    return checked_json.to_type(stored, dict[str, Any])


STRICTNESS: Setting[dict[str, Any]] = Setting("strictness", {}, _parse_strictness)
"""As ``domain.strictness`` writes it, which checks what it says."""

INSTANT = flag("instant learning", True)
"""Whether every verdict moves the predictions at once."""


def _parse_patterns(stored: Any) -> tuple[str, ...]:
    return tuple(checked_json.to_type(stored, list[str]))


IGNORED: Setting[tuple[str, ...] | None] = Setting(
    "ignored",
    None,
    _parse_patterns,
    serialize=lambda patterns: None if patterns is None else list(patterns),
)
"""The patterns of the ignore list (``domain.ignore_list``); None for the default ones."""

HONOUR_NOMEDIA = flag("honour nomedia", True)
"""Whether a file ``.nomedia`` leaves out its folder and all below it."""


def _parse_choice(stored: Any) -> bool:
    return checked_json.to_type(stored, bool)


RAW_PAIRS: Setting[bool | None] = Setting("raw pairs", None, _parse_choice)
"""Whether a raw file is shown as part of the photo of its name; None where the user is to be asked
first, or nothing was decided yet (``engine.raw_pairs``)."""


def _parse_other_files(stored: Any) -> dict[str, Any]:
    return checked_json.to_type(stored, dict[str, Any])


OTHER_FILES: Setting[dict[str, Any]] = Setting("other files", {}, _parse_other_files)
"""Files that are no photos, by folder id, as ``domain.other_files`` writes them: what the user was
last told of."""

# ------------------------------------------------------------------------------- of the computer

THEME = choice(
    "theme",
    (
        Choice("system", N_("System default")),
        Choice("light", N_("Light")),
        Choice("dark", N_("Dark")),
    ),
    storage=Storage.COMPUTER,
    group=N_("Appearance"),
    label=N_("&Theme"),
)

LANGUAGE = text(
    "language",
    storage=Storage.COMPUTER,
    group=N_("Appearance"),
    label=N_("Lan&guage"),
    help=N_("The language changes when you restart the app."),
)
"""Code of a language; "" is the system's."""

ZOOM = whole_number(
    "zoom",
    160,
    80,
    400,
    storage=Storage.COMPUTER,
    group=N_("Appearance"),
    label=N_("Thumbnail si&ze"),
)
"""Height of thumbnails in pixels."""

SUGGEST_RETRAIN = flag(
    "suggest-retrain",
    True,
    storage=Storage.COMPUTER,
    group=N_("Retraining"),
    label=N_("&Suggest retraining when there are enough new verdicts"),
)

TRAIN_AWAY = flag("train-away", False, storage=Storage.COMPUTER)
"""Whether a retraining is done on MACHINE, unless the user chooses otherwise."""
MACHINE = text("machine", storage=Storage.COMPUTER)
"""Another computer to train and encode on, as for ssh (``trainer.remote.machine``); "" for none."""
ENCODE_AWAY = flag("encode-away", False, storage=Storage.COMPUTER)
"""Whether photos are encoded on MACHINE, too, where a retraining is."""
FOLDER_HERE = text("folder-here", storage=Storage.COMPUTER)
"""A folder of this computer that MACHINE sees as well; "" for none."""
FOLDER_THERE = text("folder-there", storage=Storage.COMPUTER)
"""Its path there."""

BACKBONE_OFFER_ANSWERED = flag("backbone-offer-answered", False, storage=Storage.COMPUTER)
"""A better backbone was offered once and the user has answered."""

LITE_PLUS_OFFER_ANSWERED = flag("lite-plus-offer-answered", False, storage=Storage.COMPUTER)
"""The same of Lite+, which may be offered for lack of a network: another may be later."""


def _parse_shortcuts(read: Any) -> dict[str, list[str]]:
    return checked_json.to_type(read, dict[str, list[str]])


SHORTCUTS: Setting[dict[str, list[str]]] = json_text(
    "shortcuts", {}, _parse_shortcuts, storage=Storage.COMPUTER
)
"""Keys by command id, of the commands whose keys the user has changed."""

SHOW_FILTERS = flag("show-filters", True, storage=Storage.COMPUTER)
SHOW_REGIONS = flag("show-regions", False, storage=Storage.COMPUTER)
"""Show where the class in focus is seen, and not only a class that is pointed at."""
SHOW_DETAILS = flag("show-details", False, storage=Storage.COMPUTER)
"""Show in the inspector what photos say of themselves."""
SHOW_TIMELINE = flag("show-timeline", False, storage=Storage.COMPUTER)
SWEEP_SIZE = whole_number("sweep-size", 4, 0, 11, storage=Storage.COMPUTER)
"""How large photos are in a sweep: an index in its list of sizes."""
SHOW_FOLDERS = flag("show-folders", True, storage=Storage.COMPUTER)
SHOW_INSPECTOR = flag("show-inspector", True, storage=Storage.COMPUTER)
TOUR_DONE = flag("tour-done", False, storage=Storage.COMPUTER)
OPEN_LIBRARY = text("open", storage=Storage.COMPUTER)
"""The library to open at the next start; "" for none."""
LAST_FOLDER = text("last-folder", storage=Storage.COMPUTER)
"""Where the last folder dialog was."""
LAST_EXPORT = text("last-export", storage=Storage.COMPUTER)
"""The name of the format that was exported last."""
LAST_PAGE = text("page", storage=Storage.COMPUTER)
LAST_PAGE_LIBRARY = text("page-library", storage=Storage.COMPUTER)
"""The library that LAST_PAGE is of."""


class FolderPlace(StrEnum):
    """Which library a folder opens in that belongs to none yet."""

    ASK = "ask"
    ADD = "add"
    """The one that is open, or was open last."""
    LIKE = "like"
    """One of its own, with the vocabulary and the learned prompts of the other."""
    FRESH = "fresh"
    """One of its own."""


OPEN_FOLDER = choice(
    "open-folder",
    (
        Choice(FolderPlace.ASK, N_("Ask each time")),
        Choice(FolderPlace.ADD, N_("Add it to the library in use")),
        Choice(FolderPlace.LIKE, N_("Start another library with this vocabulary and prompts")),
        Choice(FolderPlace.FRESH, N_("Start another library, fresh")),
    ),
    storage=Storage.COMPUTER,
    group=N_("Libraries"),
    label=N_("When a new &folder is opened"),
)

WINDOW_GEOMETRY: Setting[Any] = Setting("geometry", None, _anything, storage=Storage.COMPUTER)
SPLITTER_STATE: Setting[Any] = Setting("splitter", None, _anything, storage=Storage.COMPUTER)


@dataclass(frozen=True)
class _RecentLibrary:
    name: str
    library: str
    folders: list[str]
    photos: Count | None = None
    annotations: Count | None = None


def _parse_recent(read: Any) -> list[dict[str, Any]]:
    return [
        {key: value for key, value in vars(entry).items() if value is not None}
        for entry in checked_json.to_type(read, list[_RecentLibrary])
    ]


RECENT_LIBRARIES: Setting[list[dict[str, Any]]] = json_text(
    "recent", [], _parse_recent, storage=Storage.COMPUTER
)
"""Libraries that were open, the last one first: {"name", "library", "folders", "photos",
"annotations"}; the counts are missing if unknown."""

ALL: tuple[Setting[Any], ...] = tuple(
    value for value in dict(globals()).values() if isinstance(value, Setting)
)
"""Every row, in the order in which preferences show them."""
