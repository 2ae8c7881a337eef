"""Where the app keeps its files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
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


# ------------------------------------------------------------------------------- sockets


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a short name, as every place that is tried."""
    with tempfile.TemporaryDirectory(prefix="lmpt-") as name:
        for variable in ("XDG_RUNTIME_DIR", paths.HOME_VARIABLE):
            monkeypatch.setenv(variable, str(Path(name) / "none" / "there"))
        monkeypatch.setattr(paths.tempfile, "gettempdir", lambda: name)
        yield Path(name)


@pytest.mark.skipif(os.name == "nt", reason="there are no sockets of files")
def test_sockets_are_in_the_sessions_folder(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short))
    assert paths.socket_dir() == short / paths.APP_NAME
    assert (short / paths.APP_NAME).stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.name == "nt", reason="there are no sockets of files")
@pytest.mark.parametrize("fault", ["open to others", "link", "file", "another user's"])
def test_a_folder_that_others_can_reach_holds_no_sockets(
    short: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    taken = short / f"{paths.APP_NAME}-{os.getuid()}"
    monkeypatch.setattr(paths, "_socket_dirs", lambda: [taken])
    assert paths.socket_dir() == taken
    taken.rmdir()
    if fault == "file":
        taken.touch()
    elif fault == "link":
        (short / "elsewhere").mkdir(mode=0o700)
        taken.symlink_to(short / "elsewhere")
    else:
        taken.mkdir(mode=0o700)
        if fault == "open to others":
            taken.chmod(0o755)
        else:
            mine = os.getuid()
            monkeypatch.setattr(os, "getuid", lambda: mine + 1)
    assert paths.socket_dir() is None


@pytest.mark.skipif(os.name == "nt", reason="there are no sockets of files")
def test_a_long_name_is_passed_over(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = short / ("x" * 80)
    long.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    monkeypatch.setenv(paths.HOME_VARIABLE, str(long))
    assert paths.socket_dir() == short / f"{paths.APP_NAME}-{os.getuid()}"
