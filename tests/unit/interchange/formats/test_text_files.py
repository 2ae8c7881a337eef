from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from interchange_files import read_all, read_or_fail
from interchange_records import ExportCase, export_cases

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.interchange.errors import InterchangeError
from lmpt_desktop.interchange.format import ExportFacts
from lmpt_desktop.interchange.formats.text_files import FORMAT
from lmpt_desktop.interchange.reading.source_files import sample_of
from lmpt_desktop.interchange.record import ClassRecord, ImageRecord, Origin


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, encoding="utf-8")


def names(records: list[ImageRecord]) -> dict[str, list[str]]:
    return {record.path: [item.name for item in record.classes] for record in records}


def test_both_spellings_beside_photos(tmp_path: Path) -> None:
    write(tmp_path, a__jpg="", a__txt="cat, small dog ,,cat\n", b__PNG="", README__txt="Read me.")
    (tmp_path / "b.PNG.txt").write_text("\ufeffblack, white\r\n\r\nbird\n", encoding="utf-8")
    _facts, records, bad = read_all(FORMAT, tmp_path)
    assert names(records) == {"a.jpg": ["cat", "small dog"], "b.PNG": ["black, white", "bird"]}
    assert [row.text for row in bad] == ["README.txt"]
    assert FORMAT.sniff is not None
    assert FORMAT.sniff(sample_of(tmp_path)) == "Beside photos are text files of their names."


def test_photos_of_the_library_are_named_by_their_absolute_path(tmp_path: Path) -> None:
    write(tmp_path, a__jpg="", a__png="", a__txt="cat")
    _facts, records, _bad = read_all(FORMAT, tmp_path, tmp_path / "a.jpg")
    assert names(records) == {str(tmp_path / "a.jpg"): ["cat"], "a.png": ["cat"]}


def test_a_folder_of_text_files_alone(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.jpg.txt").write_text("one, class")
    (tmp_path / "b.txt").write_text("two, classes")
    (tmp_path / "c.txt").write_text("two\nlines, here")
    _facts, records, bad = read_all(FORMAT, tmp_path)
    assert bad == []
    assert names(records) == {
        "b": ["two", "classes"],
        "c": ["two", "lines, here"],
        "deep/a.jpg": ["one, class"],
    }
    assert names(read_all(FORMAT, tmp_path, style="commas")[1])["c"] == ["two", "lines", "here"]
    assert FORMAT.sniff is not None
    assert "named as photos are" in FORMAT.sniff(sample_of(tmp_path))


def test_one_file(tmp_path: Path) -> None:
    write(tmp_path, a__jpg="", a__txt="cat", b__txt="dog")
    assert names(read_all(FORMAT, tmp_path / "a.txt")[1]) == {str(tmp_path / "a.jpg"): ["cat"]}
    assert names(read_all(FORMAT, tmp_path / "b.txt")[1]) == {"b": ["dog"]}
    assert FORMAT.sniff is not None
    assert FORMAT.sniff(sample_of(tmp_path / "a.txt"))
    assert not FORMAT.sniff(sample_of(tmp_path / "b.txt"))


def test_boxes_of_a_detector_are_no_classes(tmp_path: Path) -> None:
    write(tmp_path, a__jpg="", a__txt="0 0.5 0.5 1e-1 0.25\n3 0.1 0.1 0.1 0.1\n")
    assert FORMAT.sniff is not None
    assert FORMAT.sniff(sample_of(tmp_path)) == ""


def export(folder: Path, case: ExportCase, **options: str) -> Path:
    assert FORMAT.write is not None
    path = folder / "out"
    FORMAT.write(iter(case.records), ExportFacts(case.classes, options), path)
    return path


@pytest.mark.parametrize("style", ["lines", "commas"])
@given(case=export_cases())
def test_what_is_written_reads_back_as_announced(style: str, case: ExportCase) -> None:
    held = [FORMAT.held(record, {"style": style}) for record in case.records]
    with TemporaryDirectory() as folder:
        try:
            path = export(Path(folder), case, style=style)
        except InterchangeError:
            paths = [record.path for record in held if record]
            assert len(set(paths)) < len(paths)
            return
        except OSError:
            # A photo's text file has the name of another one's folder, or a name is too long.
            assume(False)
            return
        _facts, records, bad = read_all(FORMAT, path, style=style)
        assert bad == []
        assert all(item.resolve().is_relative_to(path.resolve()) for item in path.rglob("*"))
    assert sorted(records) == sorted(record for record in held if record)


def test_nothing_but_what_people_called_present_is_written(tmp_path: Path) -> None:
    classes = (
        ClassRecord("black, white", origin=Origin.HUMAN),
        ClassRecord("dog", Verdict.ABSENT, origin=Origin.HUMAN),
        ClassRecord("bird", origin=Origin.MACHINE, score=0.9, source="prediction"),
        ClassRecord("two\nlines", origin=Origin.HUMAN),
    )
    case = ExportCase(
        (),
        (
            ImageRecord("2024/a.jpg", classes, folder="/home/me/photos"),
            ImageRecord("b.jpg", classes[1:3], folder="/home/me/photos"),
            ImageRecord("../../c.jpg", classes[:1]),
            ImageRecord("/d.jpg", classes[:1], folder="/"),
        ),
    )
    path = export(tmp_path, case)
    assert {
        item.relative_to(path).as_posix(): item.read_text()
        for item in path.rglob("*")
        if item.is_file()
    } == {
        "photos/2024/a.jpg.txt": "black, white\ntwo lines\n",
        "c.jpg.txt": "black, white\n",
        "d.jpg.txt": "black, white\n",
    }
    (tmp_path / "out").rename(tmp_path / "lines")
    path = export(tmp_path, case, style="commas")
    assert (path / "photos/2024/a.txt").read_text() == "black white, two lines\n"


def test_two_photos_of_one_name_are_not_one_file(tmp_path: Path) -> None:
    classes = (ClassRecord("cat", origin=Origin.HUMAN),)
    case = ExportCase((), (ImageRecord("a.jpg", classes), ImageRecord("a.png", classes)))
    with pytest.raises(InterchangeError, match=r"same text file, a\.txt"):
        export(tmp_path, case, style="commas")
    (tmp_path / "lines").mkdir()
    assert len(read_all(FORMAT, export(tmp_path / "lines", case))[1]) == 2


@given(st.binary(), st.sampled_from(["", "lines", "commas"]))
def test_bytes_of_any_kind_are_survived(data: bytes, style: str) -> None:
    with TemporaryDirectory() as folder:
        for name in ("a.txt", "a.jpg", "b.jpg.txt", ".txt", "c.TXT"):
            Path(folder, name).write_bytes(data)
        read_or_fail(FORMAT, Path(folder), style=style)
        read_or_fail(FORMAT, Path(folder, "a.txt"), style=style)


def test_a_huge_text_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"x" * (1024 * 1024 + 1))
    (tmp_path / "b.txt").write_bytes(b"cat")
    _facts, records, bad = read_all(FORMAT, tmp_path)
    assert names(records) == {"b": ["cat"]}
    assert "too large" in bad[0].reason
