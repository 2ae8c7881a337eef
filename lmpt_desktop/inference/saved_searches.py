"""A filter, words and an order that the user saved under a name (Qt-free).

Stored with the library as JSON.  Classes are stored by id, so that they may be renamed, and by the
name they had, for one that is gone: it is found again by that name, or shown with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from pathlib import PurePath, PurePosixPath
from typing import Any, TypeVar

from lmpt_desktop.domain.photo_details import LONGEST_NAME as LONGEST_CAMERA
from lmpt_desktop.domain.records import ClassEntry, ImageState
from lmpt_desktop.inference.filters import (
    ClassCondition,
    Dates,
    Filter,
    Match,
    Period,
    Sort,
    SortKey,
    Status,
)
from trainer.bands import Band
from trainer.printable import spaced

MOST_SEARCHES = 100
MOST_CLASSES = 10_000
LONGEST_NAME = 80
LONGEST_TEXT = 4096
_LARGEST_ID = 2**63 - 1

EnumT = TypeVar("EnumT", bound=StrEnum)


@dataclass(frozen=True)
class SavedSearch:
    """``words`` are those of a search, "" for none; ``sort`` has no class.

    ``class_names`` are the names of the filter's classes when it was saved, by id.
    """

    name: str
    filter: Filter = field(default_factory=Filter)
    sort: Sort = field(default_factory=Sort)
    words: str = ""
    class_names: Mapping[int, str] = field(default_factory=dict)

    def resolved(self, classes: Sequence[ClassEntry]) -> Filter:
        """The filter for this vocabulary: a class that is gone is replaced by the one that has its
        name now, if there is one."""
        known = {entry.id for entry in classes}
        by_name = {entry.name.casefold(): entry.id for entry in classes}

        def found(class_id: int) -> int:
            if class_id in known:
                return class_id
            return by_name.get(self.class_names.get(class_id, "").casefold(), class_id)

        wanted = self.filter.classes
        return replace(
            self.filter,
            classes=replace(wanted, ids=tuple(dict.fromkeys(map(found, wanted.ids)))),
            without=tuple(dict.fromkeys(map(found, self.filter.without))),
        )


def can_be_saved(requested: Filter) -> bool:
    """Whether a filter can be saved: photos that were chosen one by one cannot."""
    return requested.image_ids is None


def to_stored(search: SavedSearch) -> dict[str, Any]:
    """A JSON value; conditions that are not set are left out."""
    wanted, order = search.filter, search.sort
    stored: dict[str, Any] = {
        "name": search.name,
        "classes": list(wanted.classes.ids),
        "match": wanted.classes.match.value if wanted.classes else None,
        "without": list(wanted.without),
        "class names": {
            str(id_): search.class_names[id_]
            for id_ in (*wanted.classes.ids, *wanted.without)
            if id_ in search.class_names
        },
        "band": wanted.band and wanted.band.value,
        "status": wanted.status and wanted.status.value,
        "unreviewed": wanted.unreviewed,
        "edited": wanted.edited,
        "state": None if wanted.state is None else wanted.state.name,
        "first": wanted.dates.first and wanted.dates.first.isoformat(),
        "last": wanted.dates.last and wanted.dates.last.isoformat(),
        "period": wanted.dates.period and wanted.dates.period.value,
        "camera": wanted.camera,
        "no camera": wanted.camera == "",
        "folder": wanted.folder_id,
        "below": None if wanted.below is None else wanted.below.as_posix(),
        "text": wanted.text,
        "words": search.words,
        "sort": order.key.value,
        "descending": order.descending,
    }
    return {key: value for key, value in stored.items() if value not in (None, False, "", [], {})}


def from_stored(stored: Any) -> SavedSearch:
    """What :func:`to_stored` has written.

    Raises:
        KeyError, TypeError, ValueError: if it is not that.
    """
    if not isinstance(stored, dict):
        raise TypeError(stored)
    names = stored.get("class names", {})
    if not isinstance(names, dict):
        raise TypeError(names)
    requested = Filter(
        classes=ClassCondition(
            _ids(stored.get("classes", [])), _enum(Match, stored.get("match")) or Match.ANY
        ),
        without=_ids(stored.get("without", [])),
        band=_enum(Band, stored.get("band")),
        status=_enum(Status, stored.get("status")),
        unreviewed=_flag(stored.get("unreviewed", False)),
        edited=_flag(stored.get("edited", False)),
        state=None if stored.get("state") is None else ImageState[_text(stored["state"])],
        dates=Dates(
            _day(stored.get("first")), _day(stored.get("last")), _enum(Period, stored.get("period"))
        ),
        camera="" if _flag(stored.get("no camera", False)) else _camera(stored.get("camera")),
        folder_id=None if stored.get("folder") is None else _id(stored["folder"]),
        below=_below(stored.get("below")),
        text=_text(stored.get("text", "")),
    )
    name = tidy_name(_text(stored["name"]))
    if not name:
        raise ValueError("a saved search without a name")
    return SavedSearch(
        name,
        requested,
        Sort(
            _enum(SortKey, stored.get("sort")) or SortKey.ADDED,
            descending=_flag(stored.get("descending", False)),
        ),
        _text(stored.get("words", "")),
        {_id(int(id_)): _text(text) for id_, text in names.items()},
    )


def all_from_stored(stored: Sequence[Any]) -> tuple[SavedSearch, ...]:
    """Those that are valid; of several with one name the first."""
    found: dict[str, SavedSearch] = {}
    for item in list(stored)[:MOST_SEARCHES]:
        try:
            search = from_stored(item)
        except (KeyError, TypeError, ValueError):
            continue
        found.setdefault(search.name.casefold(), search)
    return tuple(found.values())


def tidy_name(name: str) -> str:
    """A name as it is kept: without control characters, superfluous spaces and excess length."""
    return " ".join(spaced(name).split())[:LONGEST_NAME].rstrip()


def _enum(kind: type[EnumT], stored: Any) -> EnumT | None:
    return None if stored is None else kind(_text(stored))


def _text(stored: Any) -> str:
    if not isinstance(stored, str):
        raise TypeError(stored)
    if len(stored) > LONGEST_TEXT:
        raise ValueError("too long")
    return stored


def _flag(stored: Any) -> bool:
    if not isinstance(stored, bool):
        raise TypeError(stored)
    return stored


def _id(stored: Any) -> int:
    if not isinstance(stored, int) or isinstance(stored, bool):
        raise TypeError(stored)
    if not 0 <= stored <= _LARGEST_ID:
        raise ValueError(stored)
    return stored


def _ids(stored: Any) -> tuple[int, ...]:
    if not isinstance(stored, list):
        raise TypeError(stored)
    if len(stored) > MOST_CLASSES:
        raise ValueError("too many classes")
    return tuple(dict.fromkeys(_id(item) for item in stored))


def _day(stored: Any) -> date | None:
    return None if stored is None else date.fromisoformat(_text(stored))


def _camera(stored: Any) -> str | None:
    if stored is None:
        return None
    name = _text(stored)
    if not 0 < len(name) <= LONGEST_CAMERA or spaced(name) != name:
        raise ValueError(stored)
    return name


def _below(stored: Any) -> PurePath | None:
    if stored is None:
        return None
    path = PurePosixPath(_text(stored))
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(stored)
    return path
