from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from zipped import zipped

from lmpt_desktop.interchange.errors import Cancelled, FileMalformed, FileTooLarge, InterchangeError
from lmpt_desktop.interchange.reading import packages
from lmpt_desktop.interchange.reading.packages import Package, package_of, table_rows
from lmpt_desktop.interchange.reading.source_files import SourceFile
from lmpt_desktop.interchange.record import BadRow


def bomb(folder: Path) -> Path:
    """A megabyte that a kilobyte holds."""
    (folder / "files").mkdir()
    (folder / "files" / "big.csv").write_bytes(b"0" * 1_000_000)
    return zipped(folder / "files", folder / "a.zip")


def test_a_member_is_read_up_to_its_limit_only(tmp_path: Path) -> None:
    package = package_of(SourceFile(bomb(tmp_path)), "big.csv")
    assert len(package.read_bytes("big.csv", limit=1_000_000)) == 1_000_000
    with pytest.raises(FileTooLarge, match=r"big\.csv in .* is too large"):
        package.read_bytes("big.csv", limit=999_999)


def test_reading_a_member_can_be_cancelled(tmp_path: Path) -> None:
    source = SourceFile(bomb(tmp_path), cancelled=lambda: True)
    with pytest.raises(Cancelled):
        Package(source, source.path).read_bytes("big.csv", limit=1_000_000)


def test_a_list_of_too_many_members_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = bomb(tmp_path)
    monkeypatch.setattr(packages, "MAX_DIRECTORY_BYTES", 10)
    with pytest.raises(FileTooLarge, match="too many files"):
        package_of(SourceFile(path), "big.csv")


@settings(max_examples=examples(200), deadline=None)
@given(st.integers(0, 130), st.binary(max_size=6), st.integers(0, 6))
def test_whatever_the_zip_there_is_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, at: int, new: bytes, removed: int
) -> None:
    path = tmp_path_factory.mktemp("zip") / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", b"some text " * 9)
    data = path.read_bytes()
    path.write_bytes(data[:at] + new + data[at + removed :])
    try:
        Package(SourceFile(path), path).read_bytes("a.txt", limit=1000)
        package_of(SourceFile(path), "a.txt")
    except InterchangeError as error:
        assert str(error).endswith(".")


def test_an_encrypted_member_is_a_sentence(tmp_path: Path) -> None:
    data = bytearray(bomb(tmp_path).read_bytes())
    # The flag of encryption, in the member and in the list of members.
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "b.zip").write_bytes(data)
    with pytest.raises(FileMalformed, match=r"big\.csv cannot be read from"):
        package_of(SourceFile(tmp_path / "b.zip"), "big.csv").read_bytes("big.csv", limit=10)


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, zipfile.ZIP_DEFLATED])
def test_damaged_data_of_any_method_is_a_sentence(tmp_path: Path, method: int) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a.csv", bytes(range(256)) * 40)
    data = bytearray(path.read_bytes())
    start = 30 + len("a.csv") + 9
    data[start : start + 20] = b"\xff" * 20
    path.write_bytes(data)
    with pytest.raises(FileMalformed, match=r"a\.csv cannot be read from"):
        package_of(SourceFile(path), "a.csv").read_bytes("a.csv", limit=100_000)


@pytest.mark.parametrize(
    "name",
    [
        "../a",
        "/etc/hostname",
        "b/../../a",
        "..\\a",
        "",
        "C:\\a",
        "C:a",
        "//etc/hostname",
        "\\\\b\\c\\a",
        "a\0b",
        ".",
    ],
)
@pytest.mark.parametrize("is_zip", [False, True])
def test_nothing_outside_is_opened(tmp_path: Path, name: str, is_zip: bool) -> None:
    source = SourceFile(bomb(tmp_path))
    package = Package(source, source.path if is_zip else tmp_path)
    with pytest.raises(FileMalformed, match="names a file outside"):
        package.read_bytes(name, limit=10)


def test_the_highest_marker_is_the_package(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("x/y/meta.xml", "b/meta.xml", "notmeta.xml", "b/data.txt"):
            archive.writestr(name, name)
    package = package_of(SourceFile(path), "other.json", "meta.xml")
    assert package.base == "b/"
    assert package.read_bytes("data.txt", limit=100) == b"b/data.txt"
    with pytest.raises(FileMalformed, match=r"has no datapackage\.json"):
        package_of(SourceFile(path), "datapackage.json")


def rows(path: Path, data: bytes, **options: str) -> list[object]:
    path.write_bytes(data)
    with SourceFile(path).open() as file:
        return list(table_rows(file, path, **options))


def test_rows_of_a_table(tmp_path: Path) -> None:
    data = b'\xef\xbb\xbfa,b\r\n\r\n"x\ny", z\r1,\xff\n'
    assert rows(tmp_path / "a.csv", data) == [
        (1, ["a", "b"]),
        (4, ["x\ny", " z"]),
        (5, ["1", "\udcff"]),
    ]
    assert rows(tmp_path / "a.csv", b'"a|b\n', delimiter="|", quote="") == [(1, ['"a', "b"])]


def test_rows_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    found = rows(path, b"a," + b"x" * 200_000 + b"\nb,c\n")
    assert [type(item) for item in found] == [BadRow, tuple]
    with pytest.raises(FileMalformed, match="line that is too long"):
        rows(path, b"x" * (packages.MAX_LINE_CHARACTERS + 1))
    with pytest.raises(FileMalformed, match="not in the encoding"):
        rows(path, b"\xff\xfea\0b", encoding="utf-16")
