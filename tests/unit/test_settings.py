"""The table of settings: every row is sound, and nonsense reads as the default."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutations import OTHERS, mutated, wrong_types

from lmpt_desktop import settings
from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.settings import (
    ALL,
    BACKBONE,
    BAND_LIMITS,
    DEVICE,
    LAST_SUGGESTION,
    PACE,
    RECENT_LIBRARIES,
    SHORTCUTS,
    SUGGEST_RETRAIN,
    THEME,
    ZOOM,
    Kind,
    Pace,
    RetrainSuggestion,
    Setting,
    Settings,
    Storage,
)
from trainer.bands import BandLimits


class Memory(dict[str, Any]):
    """Where settings are kept; counts how often it is read."""

    reads = 0

    def load(self, key: str) -> Any:
        self.reads += 1
        return self.get(key)


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def of_the_library(memory: Memory) -> Settings:
    return Settings(Storage.LIBRARY, memory.load, memory.__setitem__)


@pytest.fixture
def of_the_computer(memory: Memory) -> Settings:
    return Settings(Storage.COMPUTER, memory.load, memory.__setitem__)


def test_keys_are_unique_where_they_are_kept() -> None:
    keys = [(setting.storage, setting.key) for setting in ALL]
    assert len(set(keys)) == len(keys)
    assert {BACKBONE, PACE, ZOOM, RECENT_LIBRARIES} <= set(ALL)


@pytest.mark.parametrize("setting", ALL, ids=lambda setting: setting.key)
def test_what_is_not_kept_or_not_valid_is_the_default(setting: Setting[Any]) -> None:
    assert setting.read(None) == setting.default
    if setting.kind is not Kind.TEXT and setting not in (
        settings.WINDOW_GEOMETRY,
        settings.SPLITTER_STATE,
    ):
        for nonsense in ("neither this nor that", b"\x00", object()):
            assert setting.read(nonsense) == setting.default


@pytest.mark.parametrize("setting", ALL, ids=lambda setting: setting.key)
def test_a_row_has_what_its_widget_needs(setting: Setting[Any]) -> None:
    if setting.kind is Kind.CHOICE:
        assert len(setting.choices) > 1 and all(item.label for item in setting.choices)
        assert setting.default in {item.value for item in setting.choices}
        for item in setting.choices:
            assert setting.read(item.value) == item.value
    if setting.kind is Kind.NUMBER:
        assert setting.minimum is not None and setting.maximum is not None
        assert setting.minimum <= setting.default <= setting.maximum


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        (DEVICE, "cuda"),
        (PACE, Pace.GENTLE),
        (BAND_LIMITS, BandLimits(5, 50)),
        (BAND_LIMITS, None),
        (LAST_SUGGESTION, RetrainSuggestion(12, 30)),
        (BACKBONE, "ViT-B-16/openai"),
    ],
)
def test_a_value_of_the_library_comes_back_from_its_catalogue(
    setting: Setting[Any], value: Any, tmp_path: Path
) -> None:
    for _ in range(2):  # kept, and found again by the next session
        with Catalogue.open(tmp_path / "library") as catalogue:
            found = Settings(Storage.LIBRARY, catalogue.settings.get, catalogue.settings.set)
            if setting.key not in catalogue.settings.all():
                found.set(setting, value)
            else:
                assert found.get(setting) == value


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        (THEME, "dark"),
        (ZOOM, 200),
        (SUGGEST_RETRAIN, False),
        (SHORTCUTS, {"edit.undo": ["Ctrl+Z", "F9"]}),
        (RECENT_LIBRARIES, [{"name": "a", "library": "/l", "folders": ["/a", "/b"]}]),
    ],
)
def test_a_value_of_the_computer_survives_a_file_that_holds_only_text(
    setting: Setting[Any], value: Any, of_the_computer: Settings, memory: Memory
) -> None:
    of_the_computer.set(setting, value)
    as_text = Memory({key: str(kept) for key, kept in memory.items()})
    again = Settings(Storage.COMPUTER, as_text.load, as_text.__setitem__)
    assert again.get(setting) == value


def test_a_number_beyond_its_range_is_brought_into_it(of_the_computer: Settings) -> None:
    assert ZOOM.read("5000") == ZOOM.maximum
    assert ZOOM.read("-1") == ZOOM.minimum
    assert ZOOM.read("inf") == ZOOM.default


def test_a_value_is_read_once_so_that_the_window_never_waits(
    of_the_library: Settings, memory: Memory
) -> None:
    for _ in range(3):
        assert of_the_library.get(DEVICE) == "auto"
    assert memory.reads == 1


def test_setting_calls_those_who_listen_for_that_setting_only(of_the_library: Settings) -> None:
    paces: list[Pace] = []
    stop: Callable[[], None] = of_the_library.on_change(PACE, paces.append)
    of_the_library.set(PACE, Pace.FULL)
    of_the_library.set(DEVICE, "cpu")
    stop()
    of_the_library.set(PACE, Pace.GENTLE)
    assert paces == [Pace.FULL]
    assert of_the_library.get(PACE) is Pace.GENTLE


def test_an_invalid_value_is_refused_and_not_kept(of_the_library: Settings, memory: Memory) -> None:
    with pytest.raises(ValueError, match="toaster"):
        of_the_library.set(DEVICE, "toaster")
    assert memory == {} and of_the_library.get(DEVICE) == "auto"


def test_a_setting_of_the_computer_is_not_kept_with_a_library(of_the_library: Settings) -> None:
    with pytest.raises(ValueError, match="computer"):
        of_the_library.set(THEME, "dark")
    with pytest.raises(ValueError, match="computer"):
        of_the_library.get(THEME)


def test_settings_that_older_versions_kept_are_read() -> None:
    assert BAND_LIMITS.read({"medium": 3, "head": 9}) == BandLimits(3, 9)
    assert BAND_LIMITS.read({"medium": 9, "head": 3}) is None
    assert LAST_SUGGESTION.read({"since": 1, "verdicts": 2}) == RetrainSuggestion(1, 2)
    assert SUGGEST_RETRAIN.read("0") is False and SUGGEST_RETRAIN.read(1) is True
    kept = [{"name": "a", "library": "/l", "folders": []}]
    assert RECENT_LIBRARIES.read(json.dumps(kept)) == kept


def test_once_all_are_read_nothing_waits_for_the_disk(
    memory: Memory, of_the_library: Settings
) -> None:
    of_the_library.read_all()
    reads = memory.reads
    for setting in ALL:
        if setting.storage is Storage.LIBRARY:
            of_the_library.get(setting)
    assert memory.reads == reads


# ------------------------------------------------------------------- values of another kind

VALID: list[tuple[Setting[Any], Any, Any]] = [
    (BAND_LIMITS, {"medium": 3, "head": 9}, BandLimits | None),
    (LAST_SUGGESTION, {"since": 1, "verdicts": 2}, RetrainSuggestion | None),
    (settings.SORT_ORDER, {"key": "date", "descending": True}, tuple[str, bool]),
    (settings.STRICTNESS, {"level": 0.5, "classes": {"1": 0.25}}, dict[str, Any]),
    (settings.SAVED_SEARCHES, [{"name": "a", "classes": [1]}], list[dict[str, Any]]),
    (SHORTCUTS, {"edit.undo": ["Ctrl+Z"]}, dict[str, list[str]]),
    (RECENT_LIBRARIES, [{"name": "a", "library": "/l", "folders": ["/a"], "photos": 3}],
     list[dict[str, Any]]),
]  # fmt: skip


@given(data=st.data())
def test_a_mutated_setting_is_the_default_or_has_its_type(data: st.DataObject) -> None:
    setting, body, kind = data.draw(st.sampled_from(VALID))
    changed = data.draw(mutated(body))
    text = setting.storage is Storage.COMPUTER
    value = setting.read(json.dumps(changed) if text else changed)
    if setting is settings.SORT_ORDER:
        assert list(map(type, value)) == [str, bool]
    else:
        assert wrong_types(value, kind) == []


@pytest.mark.parametrize("setting", ALL, ids=lambda setting: setting.key)
def test_any_json_value_can_be_read(setting: Setting[Any]) -> None:
    anything = (settings.WINDOW_GEOMETRY, settings.SPLITTER_STATE)
    for value in (*OTHERS, "[" * 100_000, "9" * 5000, 10**400, [[[]]], {"a": {}}):
        read = setting.read(value)
        if setting.default is not None and setting not in anything:
            assert type(read) is type(setting.default), repr(value)[:80]


@pytest.mark.parametrize("text", ["[" * 100_000, "{" * 900, '{"a": ["b"], "a": ["c"]}', "NaN", ""])
def test_settings_stored_as_text_are_read_within_limits(text: str) -> None:
    assert SHORTCUTS.read(text) == {}
    assert RECENT_LIBRARIES.read(text) == []
