from __future__ import annotations

import pytest

from lmpt_desktop.interchange.reading.folder_files import is_inside


@pytest.mark.parametrize(
    "path",
    [
        "/etc/x",
        "//host/x",
        "\\\\host\\share\\x",
        "C:/x",
        "C:x",
        "..\\..\\x",
        "a/../../x",
        "a\\../x",
        "\\x",
        "a\0b",
    ],
)
def test_what_leaves_its_folder_on_some_system(path: str) -> None:
    assert not is_inside(path)


@pytest.mark.parametrize("path", ["a", "a/b.jpg", "a\\b", "..a/b..", "12:30/a", "a/C:x"])
def test_what_stays_in_its_folder(path: str) -> None:
    assert is_inside(path)
