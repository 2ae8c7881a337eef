"""Folders are walked without what systems and NAS leave in them."""

from __future__ import annotations

from pathlib import Path

from lmpt_desktop.interchange.reading.folder_files import files_below
from lmpt_desktop.interchange.reading.source_files import SourceFile, sample_of
from lmpt_desktop.interchange.reading.walk import walk

LEFT_BEHIND = ("@eaDir/a.json", "sub/#recycle/b.json", "._a.json", "$RECYCLE.BIN/c.json")


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("{}", encoding="utf-8")


def test_what_the_usual_ignore_list_names_is_left_out(tmp_path: Path) -> None:
    put(tmp_path, "a.json", "sub/b.json", ".hidden/c.json", *LEFT_BEHIND)
    found = {
        (Path(place) / name).relative_to(tmp_path).as_posix()
        for place, _folders, files in walk(tmp_path)
        for name in files
    }
    assert found == {"a.json", "sub/b.json", ".hidden/c.json"}
    assert files_below(SourceFile(tmp_path), tmp_path) == sorted(found)
    assert set(sample_of(tmp_path).names) == found


def test_a_folder_that_is_chosen_itself_is_walked(tmp_path: Path) -> None:
    put(tmp_path / "@eaDir", "a.json")
    assert [files for _place, _folders, files in walk(tmp_path / "@eaDir")] == [["a.json"]]
