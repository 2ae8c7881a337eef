"""Every setting of the app, a row each: its key, type, default, place and widget (Qt-free).

Settings of a library are kept in its catalogue, those of the computer in the window's INI file.
Both places are read through :class:`Settings`, so what is found there is always valid: a value
that the setting does not accept reads as its default.  To add a setting, add a row.
"""

from __future__ import annotations

import json
import logging
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, Generic, TypeVar

from lmpt_desktop.translation import N_
from trainer.bands import BandLimits
from trainer.suggested import LITE

log = logging.getLogger(__name__)

T = TypeVar("T")


class Kept(Enum):
    """Where a setting is kept."""

    LIBRARY = "library"
    """In the catalogue: it goes where the library goes."""
    COMPUTER = "computer"
    """In the window's INI file."""


class Kind(Enum):
    """What a value is, and so which widget edits it."""

    FLAG = "flag"
    NUMBER = "number"
    CHOICE = "choice"
    TEXT = "text"
    OTHER = "other"
    """Edited by a page of its own, or by no page at all."""


@dataclass(frozen=True)
class Choice:
    """A value to choose, and the text (not yet translated) that a list shows for it."""

    value: str
    label: str


@dataclass(frozen=True, eq=False)
class Setting(Generic[T]):
    """A setting; ``key`` names it where it is kept.

    Attributes:
        key: unique within ``kept``.
        default: the value where none, or an invalid one, was kept.
        parse: makes the value of what was kept; raises KeyError, TypeError or ValueError where
            it is invalid.
        kept: where it is kept.
        kind: which widget edits it.
        group: title, not yet translated, of the box in the preferences that shows it; "" where
            none does.
        label, help: texts of its widget, not yet translated.
        choices: of a CHOICE.
        minimum, maximum: of a NUMBER, both included.
        serialize: makes a JSON value of a value.
    """

    key: str
    default: T
    parse: Callable[[Any], T]
    kept: Kept = Kept.LIBRARY
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

    def read(self, kept: Any) -> T:
        """The value of what was kept (None: nothing); the default where that is invalid."""
        if kept is None:
            return self.default
        try:
            return self.parse(kept)
        except (KeyError, TypeError, ValueError):
            log.info("setting %r: %r is not valid, using the default", self.key, kept)
            return self.default


class Settings:
    """The settings kept in one place; every method may be called from any thread.

    Values are read once and then remembered; after :meth:`read_all`, :meth:`get` never waits for a
    disk.
    """

    def __init__(
        self,
        kept: Kept,
        load: Callable[[str], Any],
        save: Callable[[str, Any], None],
    ) -> None:
        """``load`` returns what is kept under a key, None where nothing is."""
        self._kept = kept
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
            if setting.kept is self._kept:
                self.get(setting)

    def set(self, setting: Setting[T], value: T) -> None:
        """Keep a value, then call those who listen for it.

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
            except (KeyError, TypeError) as error:
                raise ValueError(f"{value!r} is not a valid {setting.key!r}") from error
        self._save(setting.key, serialized)
        with self._lock:
            self._values[setting.key] = value
            listeners = list(self._listeners.get(setting.key, ()))
        for listener in listeners:
            listener(value)

    def on_change(self, setting: Setting[T], listener: Callable[[T], None]) -> Callable[[], None]:
        """Call ``listener`` with every new value, on the thread that sets it; returns a function
        that ends this."""
        self._check(setting)
        with self._lock:
            self._listeners.setdefault(setting.key, []).append(listener)

        def stop() -> None:
            with self._lock:
                if listener in self._listeners[setting.key]:
                    self._listeners[setting.key].remove(listener)

        return stop

    def _check(self, setting: Setting[Any]) -> None:
        if setting.kept is not self._kept:
            raise ValueError(f"setting {setting.key!r} is kept with the {setting.kept.value}")


# ------------------------------------------------------------------------------ rows of each kind


def flag(key: str, default: bool, **rest: Any) -> Setting[bool]:
    """On or off, kept as 1 or 0."""

    def parse(kept: Any) -> bool:
        if str(kept).lower() not in ("0", "1", "true", "false"):
            raise ValueError(kept)
        return str(kept).lower() in ("1", "true")

    return Setting(key, default, parse, kind=Kind.FLAG, serialize=int, **rest)


def whole_number(key: str, default: int, minimum: int, maximum: int, **rest: Any) -> Setting[int]:
    """A whole number; what was kept beyond the range is brought into it."""

    def parse(kept: Any) -> int:
        value = float(kept)
        if not math.isfinite(value):
            raise ValueError(kept)
        return min(max(int(value), minimum), maximum)

    return Setting(key, default, parse, kind=Kind.NUMBER, minimum=minimum, maximum=maximum, **rest)


def choice(key: str, choices: tuple[Choice, ...], **rest: Any) -> Setting[str]:
    """One of a few texts; the first is the default."""
    values = {item.value for item in choices}

    def parse(kept: Any) -> str:
        if kept not in values:
            raise ValueError(kept)
        return str(kept)

    return Setting(
        key, choices[0].value, parse, kind=Kind.CHOICE, choices=choices, serialize=str, **rest
    )


def text(key: str, default: str = "", **rest: Any) -> Setting[str]:
    """Any text."""

    def parse(kept: Any) -> str:
        if not isinstance(kept, str):
            raise TypeError(kept)
        return kept

    return Setting(key, default, parse, kind=Kind.TEXT, **rest)


def json_text(key: str, default: T, parse: Callable[[Any], T], **rest: Any) -> Setting[T]:
    """A structure, kept as JSON text (an INI file holds no structures)."""
    return Setting(
        key,
        default,
        lambda kept: parse(json.loads(kept)),
        serialize=lambda value: json.dumps(value, ensure_ascii=False),
        **rest,
    )


def _anything(kept: Any) -> Any:
    return kept


# -------------------------------------------------------------------------------- of the library


class Pace(StrEnum):
    """How much of the machine encoding may take."""

    AUTOMATIC = "automatic"
    """Full speed; gently on battery."""
    GENTLE = "gentle"
    FULL = "full"


def _parse_limits(kept: Any) -> BandLimits:
    return BandLimits(int(kept["medium"]), int(kept["head"]))


def _parse_suggestion(kept: Any) -> RetrainSuggestion:
    return RetrainSuggestion(int(kept["since"]), int(kept["verdicts"]))


@dataclass(frozen=True)
class RetrainSuggestion:
    """The last time a retraining was suggested.

    ``since``: from when on verdicts were counted, in the catalogue's microseconds;
    ``verdicts``: how many there were.
    """

    since: int
    verdicts: int


BACKBONE = text("backbone", LITE)

DEVICE = choice(
    "device",
    (
        Choice("auto", N_("Automatic: the best there is")),
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
    help=N_("Slowly: half of the processor, and only when other programs leave it idle."),
    choices=(
        Choice(Pace.AUTOMATIC, N_("Full speed, slowly on battery")),
        Choice(Pace.GENTLE, N_("Slowly, beside other work")),
        Choice(Pace.FULL, N_("Full speed, also on battery")),
    ),
    serialize=str,
)

BAND_LIMITS: Setting[BandLimits | None] = Setting(
    "band limits",
    None,
    _parse_limits,
    group=N_("Bands of this library"),
    help=N_(
        "A class belongs to a band by how many photos you have marked it present "
        "in. The paper's limits are 20 and 100; a library of fewer than 1,000 photos "
        "begins with lower ones in proportion."
    ),
    serialize=lambda limits: limits and {"medium": limits.medium, "head": limits.head},
)
"""None: the limits that suit the number of photos."""

LAST_SUGGESTION: Setting[RetrainSuggestion | None] = Setting(
    "retraining suggested",
    None,
    _parse_suggestion,
    serialize=lambda told: told and {"since": told.since, "verdicts": told.verdicts},
)

# ------------------------------------------------------------------------------- of the computer

THEME = choice(
    "theme",
    (
        Choice("system", N_("System default")),
        Choice("light", N_("Light")),
        Choice("dark", N_("Dark")),
    ),
    kept=Kept.COMPUTER,
    group=N_("Appearance"),
    label=N_("&Theme"),
)

LANGUAGE = text(
    "language",
    kept=Kept.COMPUTER,
    group=N_("Appearance"),
    label=N_("Lan&guage"),
    help=N_("The language changes when you start the app again."),
)
"""Code of a language; "" is the system's."""

ZOOM = whole_number(
    "zoom",
    160,
    80,
    400,
    kept=Kept.COMPUTER,
    group=N_("Appearance"),
    label=N_("Thumbnail si&ze"),
)
"""Height of thumbnails in pixels."""

SUGGEST_RETRAIN = flag(
    "suggest-retrain",
    True,
    kept=Kept.COMPUTER,
    group=N_("Learning"),
    label=N_("&Suggest retraining when there are enough new verdicts"),
)


def _parse_shortcuts(read: Any) -> dict[str, list[str]]:
    if not isinstance(read, dict):
        raise TypeError(read)
    return {str(command): [str(key) for key in keys] for command, keys in read.items()}


SHORTCUTS: Setting[dict[str, list[str]]] = json_text(
    "shortcuts", {}, _parse_shortcuts, kept=Kept.COMPUTER
)
"""Keys by command id, of the commands whose keys the user has changed."""

SHOW_FILTERS = flag("show-filters", True, kept=Kept.COMPUTER)
SHOW_FOLDERS = flag("show-folders", True, kept=Kept.COMPUTER)
SHOW_INSPECTOR = flag("show-inspector", True, kept=Kept.COMPUTER)
TOUR_DONE = flag("tour-done", False, kept=Kept.COMPUTER)
OPEN_LIBRARY = text("open", kept=Kept.COMPUTER)
"""The library to open at the next start; "" for none."""
LAST_FOLDER = text("last-folder", kept=Kept.COMPUTER)
"""Where the last folder dialog was."""
LAST_PAGE = text("page", kept=Kept.COMPUTER)
LAST_PAGE_LIBRARY = text("page-library", kept=Kept.COMPUTER)
"""The library that LAST_PAGE is of."""
WINDOW_GEOMETRY: Setting[Any] = Setting("geometry", None, _anything, kept=Kept.COMPUTER)
SPLITTER_STATE: Setting[Any] = Setting("splitter", None, _anything, kept=Kept.COMPUTER)


def _parse_recent(read: Any) -> list[dict[str, Any]]:
    return [
        {
            "name": str(entry["name"]),
            "library": str(entry["library"]),
            "folders": [str(folder) for folder in entry["folders"]],
        }
        for entry in read
    ]


RECENT_LIBRARIES: Setting[list[dict[str, Any]]] = json_text(
    "recent", [], _parse_recent, kept=Kept.COMPUTER
)
"""Libraries that were open, the last one first: {"name", "library", "folders"}."""

ALL: tuple[Setting[Any], ...] = tuple(
    value for value in dict(globals()).values() if isinstance(value, Setting)
)
"""Every row, in the order in which preferences show them."""
