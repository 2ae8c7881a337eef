from __future__ import annotations

from pathlib import Path

import pytest

from lmpt_desktop.interchange.reading import json_lines
from lmpt_desktop.interchange.reading.json_lines import object_lines
from lmpt_desktop.interchange.reading.source_files import SourceFile
from lmpt_desktop.interchange.record import BadRow


def test_lines_that_are_no_objects_are_bad_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_lines, "MAX_LINE_BYTES", 20)
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}\n\n[]\n' + b"x" * 50 + b'\n{"b": 2}\n')
    assert list(object_lines(SourceFile(path))) == [
        (1, {"a": 1}),
        BadRow(3, "This line is no JSON object.", "[]"),
        BadRow(4, "The line is too long.", "x" * 21),
        (5, {"b": 2}),
    ]
