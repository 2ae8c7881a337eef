from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from snapshots import make_snapshot

from lmpt_desktop.interchange.atomic_file import atomic_write
from lmpt_desktop.interchange.cells import from_cell
from lmpt_desktop.interchange.tags import (
    CSV,
    FORMATS,
    JSON,
    TagFormat,
    TagRow,
    format_of,
    tag_rows,
)

NAN = float("nan")
ROWS = [
    TagRow("/photos/a, b.jpg", 'traffic "light"', 0.98765, "tail"),
    TagRow("/photos/ü\n.jpg", "dog", 0.5, "head"),
]


def test_csv_has_a_header_and_reads_back() -> None:
    file = io.StringIO(newline="")
    assert CSV.write(ROWS, file) == 2
    found = list(csv.reader(io.StringIO(file.getvalue(), newline="")))
    assert found[0] == ["path", "class", "score", "band"]
    assert found[1] == ["/photos/a, b.jpg", 'traffic "light"', "0.9877", "tail"]
    assert found[2][0] == "/photos/ü\n.jpg"


def test_no_cell_of_csv_is_a_formula() -> None:
    """Names of classes come from files of others."""
    file = io.StringIO(newline="")
    CSV.write([TagRow("-x.jpg", "=HYPERLINK(1)", 0.5, "head"), TagRow("a.jpg", "'=1", 0, "")], file)
    _header, first, second = csv.reader(io.StringIO(file.getvalue(), newline=""))
    assert first[:2] == ["'-x.jpg", "'=HYPERLINK(1)"]
    assert [from_cell(cell) for cell in first[:2]] == ["-x.jpg", "=HYPERLINK(1)"]
    assert second[1] == "''=1"


def test_json_is_one_array_of_objects_with_the_same_keys() -> None:
    file = io.StringIO()
    JSON.write(ROWS, file)
    body = json.loads(file.getvalue())
    assert body[1] == {"path": "/photos/ü\n.jpg", "class": "dog", "score": 0.5, "band": "head"}


@pytest.mark.parametrize("tag_format", FORMATS, ids=lambda item: item.name)
def test_no_rows_make_a_valid_empty_file(tag_format: TagFormat) -> None:
    file = io.StringIO()
    assert tag_format.write([], file) == 0
    if tag_format is JSON:
        assert json.loads(file.getvalue()) == []
    else:
        assert file.getvalue() == "path,class,score,band\n"


def test_a_file_name_that_is_not_unicode_can_be_written(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    with atomic_write(target) as file:
        CSV.write([TagRow("/p/\udcff.jpg", "dog", 0.5, "head")], file)
    assert "\\udcff" in target.read_text(encoding="utf-8")


def test_the_format_follows_the_name() -> None:
    assert format_of("out.JSON") is JSON
    assert format_of("out.csv") is CSV
    assert format_of("-") is CSV


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    target.write_text("old")
    with pytest.raises(RuntimeError), atomic_write(target) as file:
        file.write("new")
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_annotations_outweigh_predictions() -> None:
    snapshot = make_snapshot(
        [[1, 0, -1, -1], [-1, -1, -1, 1]],
        [[0.1, 0.9, 0.6, 0.2], [NAN] * 4],
        class_names=["dog", "cat", "kite", "cup"],
    )

    def written(*, all_classes: bool) -> list[tuple[str, str, float]]:
        found = tag_rows(
            snapshot,
            np.arange(2),
            lambda ids: [Path(f"/{i}.jpg") for i in ids],
            all_classes=all_classes,
        )
        return [(row.path, row.class_name, round(row.score, 3)) for row in found]

    assert written(all_classes=False) == [
        ("/1.jpg", "dog", 1.0),
        ("/1.jpg", "kite", 0.6),
        ("/2.jpg", "cup", 1.0),
    ]
    assert written(all_classes=True) == [
        ("/1.jpg", "dog", 1.0),
        ("/1.jpg", "kite", 0.6),
        ("/1.jpg", "cup", 0.2),
        ("/1.jpg", "cat", 0.0),
        ("/2.jpg", "cup", 1.0),
    ]


@given(st.integers(0, 2**32 - 1), st.integers(0, 8), st.integers(0, 5))
def test_the_rows_are_the_assigned_classes(seed: int, n: int, c: int) -> None:
    rng = np.random.default_rng(seed)
    scores = np.where(rng.random((n, c)) < 0.2, np.nan, rng.random((n, c)))
    snapshot = make_snapshot(rng.integers(-1, 2, (n, c)), scores)
    found = list(tag_rows(snapshot, np.arange(n), lambda ids: [Path(str(i)) for i in ids]))
    cells = {(int(row.path) - 1, int(row.class_name.split()[1])) for row in found}
    assert len(cells) == len(found)
    assert cells == set(
        zip(*(part.tolist() for part in np.nonzero(snapshot.assigned)), strict=True)
    )
    assert [int(row.path) for row in found] == sorted(int(row.path) for row in found)


def test_the_source_is_a_fifth_column_where_it_is_asked_for() -> None:
    snapshot = make_snapshot([[1, 1, 0, -1], [1, -1, -1, -1]], [[0.9] * 4, [0.2, 0.9, 0.2, NAN]])
    sources = np.array([[0, 3, 1, -1], [-1, -1, -1, -1]], np.int8)

    def sources_of(image_ids: np.ndarray, class_ids: np.ndarray) -> np.ndarray:
        assert class_ids.tolist() == [10, 20, 30, 40]
        return sources[image_ids - 1]

    found = list(
        tag_rows(
            snapshot,
            np.arange(2),
            lambda ids: [Path(str(i)) for i in ids],
            all_classes=True,
            sources_of=sources_of,
        )
    )
    assert {(row.path, row.class_name): row.source for row in found} == {
        ("1", "class 0"): "user",
        ("1", "class 1"): "machine",
        ("1", "class 2"): "reviewed",
        ("1", "class 3"): "prediction",
        ("2", "class 0"): "user",
        ("2", "class 1"): "prediction",
        ("2", "class 2"): "prediction",
    }
    file = io.StringIO(newline="")
    CSV.write(found, file, with_source=True)
    lines = file.getvalue().splitlines()
    assert lines[0] == "path,class,score,band,source"
    assert {line.rpartition(",")[2] for line in lines[1:]} == {
        "user",
        "machine",
        "reviewed",
        "prediction",
    }
    body = io.StringIO()
    JSON.write(found, body, with_source=True)
    assert list(json.loads(body.getvalue())[0]) == ["path", "class", "score", "band", "source"]
