from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hostile_files import mutated, odd_values, with_odd_value
from hypothesis import given
from hypothesis import strategies as st
from interchange_files import read_all, read_or_fail

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.interchange.formats.labelme import FORMAT
from lmpt_desktop.interchange.reading.source_files import sample_of
from lmpt_desktop.interchange.record import ClassRecord, ImageRecord, Origin

_DOCUMENT: dict[str, Any] = {
    "version": "5.4.1",
    "flags": {"sharp": True, "night": False},
    "shapes": [
        {"label": "cat", "points": [[0, 0], [1, 1]], "shape_type": "rectangle", "flags": {}},
        {"label": "cat", "points": [[0, 0]], "shape_type": "point", "score": None},
        {"label": "dog", "points": [[0, 0]], "score": 0.25},
        {"label": "dog", "points": [[0, 0]], "score": 0.75},
        {"label": "", "points": []},
    ],
    "imagePath": "..\\images\\a.jpg",
    "imageData": None,
    "imageHeight": 480,
    "imageWidth": 640,
}


def write(path: Path, **changes: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(_DOCUMENT | changes), encoding="utf-8")
    return path


def test_flags_and_shapes_of_one_photo(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json")
    assert FORMAT.sniff is not None
    assert FORMAT.sniff(sample_of(path)).startswith("It has shapes and flags of one photo")
    _facts, records, bad = read_all(FORMAT, path)
    assert bad == []
    assert records == [
        ImageRecord(
            "images/a.jpg",
            (
                ClassRecord("sharp", Verdict.PRESENT, "true"),
                ClassRecord("night", Verdict.ABSENT, "false"),
                ClassRecord("cat"),
                ClassRecord("dog", origin=Origin.MACHINE, score=0.75),
            ),
            width=640,
            height=480,
        )
    ]


def test_a_folder_and_what_in_it_is_something_else(tmp_path: Path) -> None:
    write(tmp_path / "b.json", imagePath="b.jpg", checked=True, flags={}, shapes=[])
    write(tmp_path / "deep" / "a.json", imagePath="./a.jpg", checked=False)
    write(tmp_path / "deep" / "c.json", imagePath="C:\\photos\\c.jpg")
    write(tmp_path / "deep" / "d.json", imagePath="")
    (tmp_path / "other.json").write_text("{}")
    (tmp_path / "cut.json").write_text('{"shapes": [')
    assert FORMAT.sniff is not None
    assert FORMAT.sniff(sample_of(tmp_path)).startswith("The folder has JSON files with shapes")
    _facts, records, bad = read_all(FORMAT, tmp_path)
    assert [(record.path, record.reviewed, len(record.classes)) for record in records] == [
        ("b.jpg", True, 0),
        ("deep/a.jpg", None, 4),
        ("C:\\photos\\c.jpg", None, 4),
    ]
    assert [(row.text, row.reason) for row in bad] == [
        ("cut.json", "This is no JSON file that can be read."),
        ("deep/d.json", "The file names no photo."),
        ("other.json", "This is no file of labelme or X-AnyLabeling."),
    ]


def test_a_photo_inside_the_file_does_no_harm(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", imageData="A" * 20_000_000)
    assert [record.path for record in read_all(FORMAT, path)[1]] == ["images/a.jpg"]


@pytest.mark.parametrize("text", ["[" * 100_000, '{"shapes": [], "imageWidth": ' + "9" * 5000])
def test_bombs_are_bad_rows(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    assert len(read_all(FORMAT, tmp_path)[2]) == 1


@given(odd_values, st.integers(0))
def test_values_of_any_type_are_survived(value: Any, seed: int) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "a.json")
        path.write_bytes(with_odd_value(_DOCUMENT, value, seed))
        read_or_fail(FORMAT, path)


@given(
    st.one_of(st.binary(), st.integers(0).map(lambda n: mutated(json.dumps(_DOCUMENT).encode(), n)))
)
def test_bytes_of_any_kind_are_survived(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        Path(folder, "a.json").write_bytes(data)
        read_or_fail(FORMAT, Path(folder, "a.json"))
        read_or_fail(FORMAT, Path(folder))


@pytest.mark.parametrize("score", ["0.5", 7, -1, True, {}])
def test_a_shape_with_a_score_is_never_a_persons(tmp_path: Path, score: object) -> None:
    path = write(tmp_path / "a.json", flags={}, shapes=[{"label": "dog", "score": score}])
    _facts, [record], _bad = read_all(FORMAT, path)
    assert record.classes == (ClassRecord("dog", origin=Origin.MACHINE),)


def test_what_a_nas_and_macos_leave_in_a_folder_is_no_annotation(tmp_path: Path) -> None:
    write(tmp_path / "a.json")
    write(tmp_path / "@eaDir" / "b.json", imagePath="b.jpg")
    (tmp_path / "._a.json").write_bytes(b"\0\5\x16\7")
    _facts, records, bad = read_all(FORMAT, tmp_path)
    assert len(records) == 1 and not bad
