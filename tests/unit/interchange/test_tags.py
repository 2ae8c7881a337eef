from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from lmpt_desktop.interchange.tags import TagFormat, TagRow, format_of, whole_file, write_tags

ROWS = [
    TagRow("/photos/a, b.jpg", 'traffic "light"', 0.98765, "tail"),
    TagRow("/photos/ü\n.jpg", "dog", 0.5, "head"),
]


def test_csv_has_a_header_and_reads_back() -> None:
    file = io.StringIO(newline="")
    assert write_tags(ROWS, file, TagFormat.CSV) == 2
    found = list(csv.reader(io.StringIO(file.getvalue(), newline="")))
    assert found[0] == ["path", "class", "score", "band"]
    assert found[1] == ["/photos/a, b.jpg", 'traffic "light"', "0.9877", "tail"]
    assert found[2][0] == "/photos/ü\n.jpg"


def test_json_is_one_array_of_objects_with_the_same_keys() -> None:
    file = io.StringIO()
    write_tags(ROWS, file, TagFormat.JSON)
    body = json.loads(file.getvalue())
    assert body[1] == {"path": "/photos/ü\n.jpg", "class": "dog", "score": 0.5, "band": "head"}


@pytest.mark.parametrize("tag_format", TagFormat)
def test_no_rows_make_a_valid_empty_file(tag_format: TagFormat) -> None:
    file = io.StringIO()
    assert write_tags([], file, tag_format) == 0
    if tag_format is TagFormat.JSON:
        assert json.loads(file.getvalue()) == []
    else:
        assert file.getvalue() == "path,class,score,band\n"


def test_a_file_name_that_is_not_unicode_can_be_written(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    with whole_file(target) as file:
        write_tags([TagRow("/p/\udcff.jpg", "dog", 0.5, "head")], file, TagFormat.CSV)
    assert "\\xff" in target.read_text(encoding="utf-8")


def test_the_format_follows_the_name() -> None:
    assert format_of("out.JSON") is TagFormat.JSON
    assert format_of("out.csv") is TagFormat.CSV
    assert format_of("-") is TagFormat.CSV


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    target.write_text("old")
    with pytest.raises(RuntimeError), whole_file(target) as file:
        file.write("new")
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]
