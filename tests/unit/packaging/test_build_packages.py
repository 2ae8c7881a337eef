"""Names, sums and files of the packages; none is built here."""

from __future__ import annotations

import configparser
import ctypes
import hashlib
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import build_packages
import pytest
import release
import xxhash._xxhash
from build_packages import COMPONENT, HERE, RESOURCES, Names

from lmpt_desktop.__main__ import app_version


def desktop_entry() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment]
    parser.read(RESOURCES / "lmpt-desktop.desktop", encoding="utf-8")
    return parser["Desktop Entry"]


def test_names_depend_on_version_and_machine_alone() -> None:
    names = Names("1.2.3", "x86_64")
    assert names.deb == "lmpt-desktop_1.2.3_amd64.deb"
    assert names.appimage == "LMPT_Desktop-1.2.3-x86_64.AppImage"


def test_the_version_is_that_of_the_installed_app() -> None:
    assert build_packages.project_version() == app_version()


def test_sums_are_those_of_sha256sum(tmp_path: Path) -> None:
    (tmp_path / "b.deb").write_bytes(b"two")
    (tmp_path / "a.deb").write_bytes(b"one")
    build_packages.write_sums([tmp_path / "b.deb", tmp_path / "a.deb"], tmp_path / "SHA256SUMS")
    assert (tmp_path / "SHA256SUMS").read_text() == "".join(
        f"{hashlib.sha256(data).hexdigest()}  {name}\n"
        for name, data in (("a.deb", b"one"), ("b.deb", b"two"))
    )


def test_the_control_file_names_what_the_bundle_lacks() -> None:
    text = build_packages.control_text("lmpt-desktop_1.2.3_amd64.deb", "1.2.3", 77, "2.35")
    fields = dict(line.split(": ", 1) for line in text.splitlines() if not line.startswith(" "))
    assert (fields["Version"], fields["Architecture"]) == ("1.2.3", "amd64")
    assert fields["Depends"].startswith("libc6 (>= 2.35), libstdc++6, ")
    assert "{" not in text


SEGMENTS = """
Program Headers:
  Type           Offset   VirtAddr           PhysAddr           FileSiz  MemSiz   Flg Align
  LOAD           0x000000 0x0000000000000000 0x0000000000000000 0x0a8c40 0x0a8c40 R   0x1000
  LOAD           0x{offset} 0x00000000000aa000 0x00000000000aa000 0x1e0c59 0x1e0c59 R E 0x1000
  DYNAMIC        0x28fd10 0x0000000000290d10 0x0000000000290d10 0x0002b0 0x0002b0 RW  0x8
"""


def test_a_library_whose_segments_were_moved_apart_does_not_load() -> None:
    assert build_packages.loads(SEGMENTS.format(offset="0a9000"))
    assert not build_packages.loads(SEGMENTS.format(offset="290540"))
    assert not build_packages.loads("There are no program headers in this file.")


@pytest.mark.skipif(not shutil.which("strip"), reason="no binutils here")
@pytest.mark.parametrize("sound", [True, False], ids=["sound", "moved apart"])
def test_a_stripped_library_takes_the_others_place_if_it_loads(
    sound: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "inner" / "library.so"
    library.parent.mkdir()
    shutil.copy(xxhash._xxhash.__file__, library)
    (tmp_path / "library.so.1").symlink_to("inner/library.so")
    (tmp_path / "text.so").write_text("/* GNU ld script */")
    before = library.read_bytes()
    if not sound:
        monkeypatch.setattr(build_packages, "loads", lambda _segments: False)
    build_packages._strip(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"inner", "library.so.1", "text.so"}
    assert (tmp_path / "library.so.1").is_symlink()
    assert (tmp_path / "text.so").read_text() == "/* GNU ld script */"
    after = library.read_bytes()
    assert len(after) < len(before) if sound else after == before
    ctypes.CDLL(str(library))


def test_the_metainfo_and_the_desktop_entry_name_the_same() -> None:
    metainfo = ET.parse(HERE / f"{COMPONENT}.metainfo.xml").getroot()
    assert metainfo.findtext("id") == COMPONENT
    assert metainfo.findtext("launchable") == "lmpt-desktop.desktop"
    entry = desktop_entry()
    assert metainfo.findtext("name") == entry["Name"]
    assert metainfo.findtext("icon") == entry["Icon"]
    assert (RESOURCES / "icons" / f"{entry['Icon']}.svg").is_file()
    assert entry["Exec"].split()[0] == "lmpt-desktop"


def test_the_manual_names_every_subcommand() -> None:
    page = (HERE / "lmpt-desktop.1").read_text(encoding="utf-8")
    for name in ("tag", "verify", "import", "export"):
        assert f"\n.B {name}\n" in page
    trainer = (HERE / "lmpt-trainer.1").read_text(encoding="utf-8")
    from trainer.__main__ import _RUNNERS

    for name in _RUNNERS:
        assert re.search(rf"^\.BR? ?I?.*\b{name}\b", trainer, re.MULTILINE), name


def test_scripts_for_the_shell_can_be_parsed() -> None:
    if sys.platform == "win32":
        pytest.skip("no sh there")
    for name in ("AppRun", "try_it.sh"):
        subprocess.run(["bash", "-n", str(HERE / name)], check=True)


CHANGELOG = """# Changelog

## [Unreleased]
### Added
- Later.

## [0.2.0] - 2027-01-01
### Changed
- This.

## [0.1.0] - 2026-01-01
- That.
"""


def test_notes_are_one_section_of_the_changelog() -> None:
    assert release.notes(CHANGELOG, "0.2.0") == "### Changed\n- This.\n"
    assert release.notes(CHANGELOG, "0.1.0") == "- That.\n"
    assert release.notes(CHANGELOG, "0.3.0") == ""


def test_what_keeps_a_version_from_being_released() -> None:
    metainfo = '<release version="0.2.0" date="2027-01-01"/>'
    assert release.problems("0.2.0", "v0.2.0", CHANGELOG, metainfo) == []
    found = release.problems("0.3.0", "v0.2.0", CHANGELOG, metainfo)
    assert len(found) == 3
    assert "v0.2.0" in found[0]
    assert "CHANGELOG.md" in found[1]
