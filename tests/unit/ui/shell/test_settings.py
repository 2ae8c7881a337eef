from __future__ import annotations

from pathlib import Path

from lmpt_desktop.ui.shell.settings import MAX_RECENT, ComputerSettings, RecentLibrary, library_for


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


def test_the_root_folder_and_odd_names_have_a_library_too() -> None:
    assert library_for(Path("/")).name
    assert library_for(Path("/tmp/ä?b\udcff")).name.endswith(
        library_for(Path("/tmp/ä?b\udcff")).name[-8:]
    )


def test_recent_libraries_come_last_opened_first_without_doubles(tmp_path: Path) -> None:
    memory = ComputerSettings(tmp_path / "window.ini")
    entries = [library(tmp_path, f"l{number}") for number in range(MAX_RECENT + 2)]
    for entry in entries:
        memory.remember(entry)
    memory.remember(entries[5])
    recent = ComputerSettings(tmp_path / "window.ini").recent()
    assert recent[0] == entries[5]
    assert len(recent) == MAX_RECENT
    assert len({entry.library for entry in recent}) == MAX_RECENT


def test_a_library_that_is_gone_says_so_and_can_be_forgotten(tmp_path: Path) -> None:
    memory = ComputerSettings(tmp_path / "window.ini")
    entry = library(tmp_path, "gone")
    memory.remember(entry)
    (Path(entry.library) / "catalogue.sqlite").unlink()
    assert [(old.exists, old.label) for old in memory.recent()] == [(False, "gone (not found)")]
    memory.forget(entry.library)
    assert memory.recent() == []


def test_a_damaged_file_is_an_empty_memory(tmp_path: Path) -> None:
    file = tmp_path / "window.ini"
    file.write_text('[General]\nrecent="{not json"\nzoom=wide\n', encoding="utf-8")
    memory = ComputerSettings(file)
    assert memory.recent() == []
    assert memory.number("zoom", 160) == 160
    assert memory.bytes("geometry").isEmpty()
