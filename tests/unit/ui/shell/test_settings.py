"""The settings of the computer: kept in a file, and the list of recent libraries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QByteArray

from lmpt_desktop import library_places
from lmpt_desktop.library_places import library_for, library_with
from lmpt_desktop.settings import (
    ALL,
    DEVICE,
    LANGUAGE,
    LAST_FOLDER,
    RECENT_LIBRARIES,
    SHORTCUTS,
    SHOW_FOLDERS,
    SHOW_INSPECTOR,
    SUGGEST_RETRAIN,
    THEME,
    WINDOW_GEOMETRY,
    ZOOM,
    Setting,
    Storage,
)
from lmpt_desktop.ui.shell.settings import MAX_RECENT, ComputerSettings, RecentLibrary


def library(tmp_path: Path, name: str) -> RecentLibrary:
    folder = tmp_path / "libraries" / name
    folder.mkdir(parents=True)
    (folder / "catalogue.sqlite").touch()
    return RecentLibrary(name, str(folder), (str(tmp_path / name),))


def test_a_folder_always_has_the_same_library_and_namesakes_have_others(tmp_path: Path) -> None:
    first, second = tmp_path / "a" / "photos", tmp_path / "b" / "photos"
    assert library_for(first) == library_for(first / ".." / "photos")
    assert library_for(first) != library_for(second)
    assert library_for(first).name.startswith("photos-")


def test_a_folder_has_the_same_library_however_it_is_spelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (tmp_path / "link").symlink_to(photos)
    assert library_for(tmp_path / "link") == library_for(photos)
    spelled = library_for(tmp_path / "PHOTOS")
    assert spelled != library_for(photos)
    monkeypatch.setattr(library_places, "canonical", lambda path: path.parent / path.name.lower())
    assert library_for(tmp_path / "PHOTOS") == library_for(photos)
    spelled.mkdir(parents=True)
    (spelled / "catalogue.sqlite").touch()
    assert library_for(tmp_path / "PHOTOS") == spelled, "one of an earlier version is kept"


def test_the_root_folder_and_odd_names_have_a_library_too() -> None:
    assert library_for(Path("/")).name
    assert library_for(Path("/tmp/ä?b\udcff")).name.endswith(
        library_for(Path("/tmp/ä?b\udcff")).name[-8:]
    )


def test_recent_libraries_come_last_opened_first_without_duplicates(tmp_path: Path) -> None:
    settings = ComputerSettings(tmp_path / "window.ini")
    entries = [library(tmp_path, f"l{number}") for number in range(MAX_RECENT + 2)]
    for entry in entries:
        settings.remember(entry)
    settings.remember(entries[5])
    recent = ComputerSettings(tmp_path / "window.ini").recent()
    assert recent[0] == entries[5]
    assert len(recent) == MAX_RECENT
    assert len({entry.library for entry in recent}) == MAX_RECENT


def test_a_library_that_is_gone_is_marked_and_can_be_forgotten(tmp_path: Path) -> None:
    settings = ComputerSettings(tmp_path / "window.ini")
    entry = library(tmp_path, "gone")
    settings.remember(entry)
    (Path(entry.library) / "catalogue.sqlite").unlink()
    assert [(old.exists, old.label) for old in settings.recent()] == [(False, "gone (not found)")]
    settings.forget(entry.library)
    assert settings.recent() == []


def test_what_is_set_is_there_at_the_next_start(tmp_path: Path) -> None:
    settings = ComputerSettings(tmp_path / "window.ini")
    chosen: list[tuple[Setting[Any], Any]] = [
        (THEME, "dark"), (LANGUAGE, "de"), (ZOOM, 240), (SUGGEST_RETRAIN, False),
        (SHOW_FOLDERS, False), (LAST_FOLDER, "/photos, new/ä"), (SHORTCUTS, {"file.open": ["F9"]}),
        (WINDOW_GEOMETRY, QByteArray(b"\x00\xd9state")),
    ]  # fmt: skip
    for setting, value in chosen:
        settings.set(setting, value)
    settings.flush()
    later = ComputerSettings(tmp_path / "window.ini")
    assert [later.get(setting) for setting, _value in chosen] == [value for _set, value in chosen]
    assert later.get(SHOW_INSPECTOR) is True, "what was not set has its default"


def test_where_nothing_was_kept_every_setting_has_its_default(tmp_path: Path) -> None:
    settings = ComputerSettings(tmp_path / "window.ini")
    of_computer = [setting for setting in ALL if setting.storage is Storage.COMPUTER]
    assert [settings.get(setting) for setting in of_computer] == [
        setting.default for setting in of_computer
    ]
    assert settings.recent() == []


def test_settings_of_a_library_are_not_kept_with_the_computer(tmp_path: Path) -> None:
    settings = ComputerSettings(tmp_path / "window.ini")
    with pytest.raises(ValueError, match="stored with the library"):
        settings.get(DEVICE)
    with pytest.raises(ValueError, match="stored with the library"):
        settings.set(DEVICE, "cpu")


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        (ZOOM, "wide"),
        (ZOOM, "inf"),
        (THEME, "purple"),
        (SUGGEST_RETRAIN, "perhaps"),
        (SHORTCUTS, '"{not json"'),
        (SHORTCUTS, '"[1, 2]"'),
        (RECENT_LIBRARIES, '"{not json"'),
        (RECENT_LIBRARIES, '"[{\\"name\\": \\"no library\\"}]"'),
    ],
)
def test_a_damaged_value_reads_as_the_default(
    tmp_path: Path, setting: Setting[Any], text: str
) -> None:
    file = tmp_path / "window.ini"
    file.write_text(f"[General]\n{setting.key}={text}\nlast-folder=/kept\n", encoding="utf-8")
    settings = ComputerSettings(file)
    assert settings.get(setting) == setting.default
    assert settings.get(LAST_FOLDER) == "/kept", "the other lines are read"


def test_a_size_beyond_the_range_is_brought_into_it(tmp_path: Path) -> None:
    file = tmp_path / "window.ini"
    file.write_text(f"[General]\n{ZOOM.key}=9000\n", encoding="utf-8")
    assert ComputerSettings(file).get(ZOOM) == ZOOM.bounds[1]


def test_listeners_get_new_values_until_they_stop(tmp_path: Path) -> None:
    settings = ComputerSettings(tmp_path / "window.ini")
    heard: list[str] = []
    stop = settings.on_change(THEME, heard.append)
    settings.set(THEME, "dark")
    settings.set(ZOOM, 240)
    stop()
    settings.set(THEME, "light")
    assert heard == ["dark"]


def test_counts_are_kept_until_they_are_counted_again(tmp_path: Path) -> None:
    settings = ComputerSettings(tmp_path / "window.ini")
    entry = library(tmp_path, "birds")
    settings.remember(entry)
    assert settings.recent()[0].counts == ""
    settings.count(entry.library, 538, 1)
    settings.remember(entry)  # opened again
    (found,) = ComputerSettings(tmp_path / "window.ini").recent()
    assert found.counts == "538 photos, 1 annotation"
    assert found.places == str(tmp_path / "birds")


def test_a_library_without_its_photo_folder_says_so(tmp_path: Path) -> None:
    entry = library(tmp_path, "birds")
    assert entry.label == "birds (photos not found)"
    (tmp_path / "birds").mkdir()
    assert entry.label == "birds"


def test_a_folder_belongs_to_the_library_that_has_it_or_a_folder_around_it(tmp_path: Path) -> None:
    entry = library(tmp_path, "birds")
    inside = tmp_path / "birds" / "2024" / "may"
    inside.mkdir(parents=True)
    other = tmp_path / "birds too"
    other.mkdir()
    known = [(Path(entry.library), [tmp_path / "birds"])]
    assert library_with(tmp_path / "birds", known) == Path(entry.library)
    assert library_with(inside, known) == Path(entry.library)
    assert library_with(other, known) is None
    own = library_for(other)
    own.mkdir(parents=True)
    (own / "catalogue.sqlite").touch()
    assert library_with(other, known) == own
    (Path(entry.library) / "catalogue.sqlite").unlink()
    assert library_with(inside, known) is None
