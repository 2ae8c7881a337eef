"""Where the app keeps its files."""

from __future__ import annotations

from pathlib import Path

import pytest

import trainer.resources
from lmpt_desktop import paths


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(paths.HOME_VARIABLE, str(tmp_path / "home"))
    return tmp_path / "home"


def test_everything_lies_under_the_folder_that_was_asked_for(home: Path) -> None:
    folders = [
        paths.data_dir(),
        paths.config_dir(),
        paths.log_dir(),
        paths.libraries_dir(),
    ]
    assert len(set(folders)) == len(folders)
    for folder in folders:
        assert folder.is_dir()
        assert folder.is_relative_to(home)


def test_otherwise_the_platforms_folders_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(paths.HOME_VARIABLE, raising=False)
    monkeypatch.setattr(
        "platformdirs.user_data_path", lambda name, appauthor: tmp_path / name / str(appauthor)
    )
    assert paths.data_dir() == tmp_path / "lmpt-desktop" / "False"


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("Holidays 2024", "Holidays 2024"),
        ("a/b\\c:d?", "a-b-c-d"),
        ("../../etc", "etc"),
        ("..", "library"),
        ("", "library"),
        ("Über\u0308", "U\u0308ber\u0308"),
        ("x" * 500, "x" * 100),
    ],
)
def test_a_librarys_name_is_a_safe_folder_name(name: str, folder: str) -> None:
    import unicodedata

    made = paths.library_dir(name)
    assert made.parent == paths.libraries_dir()
    assert made.name == unicodedata.normalize("NFC", folder)
    assert not made.exists()


def test_resources_are_found_in_the_checkout() -> None:
    assert (paths.resources_dir() / "vocabularies").is_dir()


def test_resources_are_found_in_a_wheel_and_preferred_to_somebody_elses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = tmp_path / "lmpt_desktop" / "_resources"
    ours.mkdir(parents=True)
    (tmp_path / "resources").mkdir()
    monkeypatch.setattr(trainer.resources, "_PARENT", tmp_path)
    assert trainer.resources.resources_dir.__wrapped__() == ours
    ours.rmdir()
    assert trainer.resources.resources_dir.__wrapped__() == tmp_path / "resources"
    (tmp_path / "resources").rmdir()
    with pytest.raises(paths.ResourcesMissingError, match="Install it again"):
        trainer.resources.resources_dir.__wrapped__()
