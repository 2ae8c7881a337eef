"""The parts of a report, and the zip."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.diagnostics.report import MAX_LOG_BYTES, Part, Sources, collect, write_zip
from lmpt_desktop.domain.records import ClassSpec
from lmpt_desktop.settings import OPEN_LIBRARY, THEME, Settings, Storage


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    """Of a library with a secret class and folder, and a log that names them."""
    photos = tmp_path / "Onkel Otto"
    photos.mkdir()
    library = tmp_path / "library"
    with Catalogue.open(library) as catalogue:
        catalogue.classes.replace_all([ClassSpec("error"), ClassSpec("Schwiegermutter")])
        catalogue.folders.add(photos)
    log = tmp_path / "lmpt-desktop.log"
    log.write_text(
        f"1 INFO scanning {photos}\n2 INFO the class error and Schwiegermutter were read\n",
        encoding="utf-8",
    )
    crash = tmp_path / "crash-encode-1.txt"
    crash.write_text("Fatal Python error: Segmentation fault\n", encoding="utf-8")
    stored = {THEME.key: "dark", OPEN_LIBRARY.key: str(library)}
    computer = Settings(Storage.COMPUTER, stored.get, stored.__setitem__)
    versions = [("LMPT Desktop", "1")]
    return Sources(versions, [log], [crash], library / "catalogue.sqlite", computer, None)


def test_without_names_nothing_is_named(sources: Sources) -> None:
    parts = collect(sources, with_names=False)
    whole = "\n".join(part.text for part in parts)
    for secret in ("Otto", "Schwiegermutter", "the class error", str(sources.catalogue)):
        assert secret not in whole
    by_name = {part.name: part.text for part in parts}
    assert list(by_name) == [
        "versions.txt", "settings.txt", "catalogue.txt", "crash-1.txt", "log.txt",
    ]  # fmt: skip
    assert "1 INFO scanning" in by_name["log.txt"]
    assert "Segmentation" in by_name["crash-1.txt"] or "Fatal" in by_name["crash-1.txt"]
    assert f'{THEME.key}: "dark"' in by_name["settings.txt"]
    assert f"{OPEN_LIBRARY.key}: …" in by_name["settings.txt"]
    assert "classes: 2" in by_name["catalogue.txt"]
    assert "CREATE TABLE" in by_name["catalogue.txt"]


def test_with_names_they_are_there(sources: Sources) -> None:
    by_name = {part.name: part.text for part in collect(sources, with_names=True)}
    assert "Schwiegermutter" in by_name["log.txt"]
    assert "Onkel Otto" in by_name["log.txt"]
    assert str(sources.catalogue and sources.catalogue.parent) in by_name["settings.txt"]


def test_a_damaged_catalogue_and_missing_files_are_no_obstacle(
    sources: Sources, tmp_path: Path
) -> None:
    assert sources.catalogue is not None
    sources.catalogue.write_bytes(b"no catalogue" * 1000)
    sources.logs[0].unlink()
    by_name = {part.name: part.text for part in collect(sources, with_names=False)}
    assert "cannot be read" in by_name["catalogue.txt"]
    assert "log.txt" not in by_name


def test_a_long_log_is_cut_at_a_line(sources: Sources) -> None:
    line = "1 INFO a line\n"
    sources.logs[0].write_text(line * (2 * MAX_LOG_BYTES // len(line)), encoding="utf-8")
    text = next(part.text for part in collect(sources, with_names=True) if part.name == "log.txt")
    assert len(text) <= MAX_LOG_BYTES
    assert set(text.splitlines()) == {line.strip()}


def test_the_zip_holds_exactly_the_parts(tmp_path: Path) -> None:
    parts = [Part("a.txt", "ä\n"), Part("b.txt", "\udcff")]
    write_zip(parts, tmp_path / "r.zip")
    with zipfile.ZipFile(tmp_path / "r.zip") as made:
        assert {name: made.read(name).decode() for name in made.namelist()} == {
            "a.txt": "ä\n", "b.txt": "\\udcff",
        }  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["r.zip"]
    with pytest.raises(OSError):
        write_zip(parts, tmp_path / "none" / "r.zip")
