from __future__ import annotations

import json
from pathlib import Path

import pytest
from example_counts import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from interchange_records import ExportCase, export_cases

from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.interchange.errors import FileMalformed, InterchangeError
from lmpt_desktop.interchange.format import ExportFacts
from lmpt_desktop.interchange.formats.own_jsonl import FORMAT
from lmpt_desktop.interchange.reading import json_lines
from lmpt_desktop.interchange.reading.source_files import SourceFile
from lmpt_desktop.interchange.record import BadRow, ClassRecord, ImageRecord, Origin, Reading
from lmpt_desktop.interchange.registry import detect

assert FORMAT.read is not None and FORMAT.write is not None
write = FORMAT.write


def read(path: Path) -> Reading:
    assert FORMAT.read is not None
    return FORMAT.read(SourceFile(path))


def items_of(path: Path, data: bytes) -> list[ImageRecord | BadRow]:
    path.write_bytes(data)
    return list(read(path).items)


@settings(max_examples=examples(300), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(export_cases())
def test_what_is_written_reads_back_exactly_and_writes_the_same_bytes(
    tmp_path: Path, case: ExportCase
) -> None:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    for path in (first, second):
        path.unlink(missing_ok=True)
    facts = ExportFacts(case.classes)
    write(case.records, facts, first)
    reading = read(first)
    assert reading.facts.classes == case.classes
    said = [
        item._replace(line=0, classes=tuple(part._replace(value="") for part in item.classes))
        for item in reading.items
        if isinstance(item, ImageRecord)
    ]
    assert said == [FORMAT.held(record, {}) for record in case.records] == list(case.records)
    write(said, ExportFacts(reading.facts.classes), second)
    assert first.read_bytes() == second.read_bytes()


@settings(max_examples=examples(100), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(export_cases())
def test_any_json_reader_finds_a_photo_in_every_line(tmp_path: Path, case: ExportCase) -> None:
    path = tmp_path / "out.jsonl"
    path.unlink(missing_ok=True)
    write(case.records, ExportFacts(case.classes), path)
    # Not even a reader that ends lines at every character that Unicode calls a line end trips.
    lines = [json.loads(line) for line in path.read_bytes().decode("utf-8").splitlines()]
    if not case.records:
        assert [list(line) for line in lines] == [["library"]]
        return
    assert len(lines) == len(case.records)
    for line, record in zip(lines, case.records, strict=True):
        assert line["path"] == record.path
        said = {item.name for item in record.classes if item.source != "prediction"}
        assert {*line["present"], *line["absent"]} == said


def test_a_file_as_it_is_documented(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    record = ImageRecord(
        "a/b.jpg",
        (
            ClassRecord("dog", Verdict.PRESENT, origin=Origin.HUMAN, source="user"),
            ClassRecord("cat", Verdict.ABSENT, origin=Origin.HUMAN, source="reviewed"),
            ClassRecord("kite", origin=Origin.MACHINE, score=0.75, source="prediction"),
        ),
        folder="/photos",
        fingerprint="f",
        file_hash="h",
        picture_hash="p",
        reviewed=True,
        state="ok",
        split="test",
    )
    dog = ClassSpec("dog", "a dog", ("hound",), "#ff0000")
    facts = ExportFacts((dog, ClassSpec("cat"), ClassSpec("kite")))
    write([record, record._replace(path="ü.jpg", classes=())], facts, path)
    first, second = path.read_text(encoding="utf-8").splitlines()
    assert first == (
        '{"library":{"format":"lmpt-desktop","version":1,"classes":[{"name":"dog",'
        '"description":"a dog","aliases":["hound"],"colour":"#ff0000"},{"name":"cat"},'
        '{"name":"kite"}]},"path":"a/b.jpg","folder":"/photos","present":["dog"],'
        '"absent":["cat"],"reviewed":true,"state":"ok","predicted":["kite"],'
        '"scores":{"kite":0.75},"sources":{"cat":"reviewed"},"split":"test",'
        '"fingerprint":"f","file_hash":"h","picture_hash":"p"}'
    )
    assert second.startswith('{"path":"ü.jpg",')


def test_it_is_recognised_by_its_first_line_whatever_its_name(tmp_path: Path) -> None:
    path = tmp_path / "backup.txt"
    classes = tuple(ClassSpec(f"class {number}", "d" * 100) for number in range(2000))
    write([ImageRecord("a.jpg", reviewed=False)], ExportFacts(classes), path)
    [found] = [item for item in detect(path) if item.format is FORMAT]
    assert found.reason == "LMPT Desktop wrote it: its first line says so."
    path.write_text('{"path": "a.jpg", "present": ["dog"]}\n{"path": "b.jpg"}\n')
    [found] = [item for item in detect(path) if item.format is FORMAT]
    assert "path" in found.reason
    path.write_text('{"path": "a.jpg", "annotations": ["dog"]}\n')
    assert not [item for item in detect(path) if item.format is FORMAT]


def test_hand_made_and_joined_files_are_read(tmp_path: Path) -> None:
    found = items_of(
        tmp_path / "a.jsonl",
        b'\xef\xbb\xbf{"path": "a.jpg", "present": ["dog", "cat"], "note": {"mine": 1}}\r\n'
        b"\r\n"
        b'{"library": {"version": 1, "classes": []}, "path": "b.jpg", "absent": ["dog"]}',
    )
    assert [item[:3] for item in found] == [
        (
            "a.jpg",
            (
                ClassRecord("dog", Verdict.PRESENT, "present", Origin.HUMAN, source="user"),
                ClassRecord("cat", Verdict.PRESENT, "present", Origin.HUMAN, source="user"),
            ),
            1,
        ),
        (
            "b.jpg",
            (ClassRecord("dog", Verdict.ABSENT, "absent", Origin.HUMAN, source="user"),),
            3,
        ),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "The line is not valid JSON."),
        (b"[" * 100_000, "The line is not valid JSON."),
        (b'{"path": "a", "width": ' + b"9" * 10_000 + b"}", "The line is not valid JSON."),
        (b'{"path": "a", "scores": {"dog": NaN}}', "The line is not valid JSON."),
        (b"\xff", "The line is not UTF-8 text."),
        (b"3", "The line is not a JSON object."),
        (b"{}", "The path is missing."),
        (b'{"path": 3}', "What is under “path” cannot be read."),
        (b'{"path": "\\ud800"}', "What is under “path” cannot be read."),
        (b'{"path": "\\u0000"}', "What is under “path” cannot be read."),
        (b'{"path": "a", "present": "dog"}', "What is under “present” cannot be read."),
        (b'{"path": "a", "present": ["\\udcff"]}', "What is under “present” cannot be read."),
        (b'{"path": "a", "absent": [" "]}', "What is under “absent” cannot be read."),
        (b'{"path": "a", "absent": [null]}', "What is under “absent” cannot be read."),
        (b'{"path": "a", "reviewed": 1}', "What is under “reviewed” cannot be read."),
        (b'{"path": "a", "state": "gone"}', "What is under “state” cannot be read."),
        (b'{"path": "a", "width": 1.5}', "What is under “width” cannot be read."),
        (b'{"path": "a", "height": -1}', "What is under “height” cannot be read."),
        (b'{"path": "a", "sources": []}', "What is under “sources” cannot be read."),
        (
            b'{"path": "a", "present": ["d"], "sources": {"d": ["user"]}}',
            "What is under “sources” cannot be read.",
        ),
        (
            b'{"path": "a", "predicted": ["d"], "scores": {"d": 1.5}}',
            "What is under “scores” cannot be read.",
        ),
        (
            b'{"path": "a", "predicted": ["d"], "scores": {"d": true}}',
            "What is under “scores” cannot be read.",
        ),
    ],
)
def test_a_bad_line_is_said_and_the_rest_goes_on(tmp_path: Path, line: bytes, reason: str) -> None:
    good = b'{"path": "good.jpg"}\n'
    before, bad, after = items_of(tmp_path / "a.jsonl", good + line + b"\n" + good)
    assert isinstance(before, ImageRecord) and isinstance(after, ImageRecord)
    assert isinstance(bad, BadRow)
    assert (bad.line, bad.reason) == (2, reason)
    assert line.decode("utf-8", "replace").startswith(bad.text)
    assert len(bad.text) <= 200
    [bad, after] = items_of(tmp_path / "a.jsonl", line + b"\n" + good)
    assert isinstance(bad, BadRow) and isinstance(after, ImageRecord)


def test_a_line_that_is_too_long_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_lines, "MAX_LINE_BYTES", 1000)
    long = json.dumps({"path": "a" * 5000}).encode()
    short = b'{"path": "good.jpg"}\n'
    found = items_of(tmp_path / "a.jsonl", short + long + b"\n" + short + long)
    assert [isinstance(item, BadRow) for item in found] == [False, True, False, True]
    assert [item.line for item in found] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("library", "sentence"),
    [
        ({"version": 2}, "A newer version of LMPT Desktop wrote this file."),
        ({"version": "1"}, "is damaged"),
        ({"version": 1, "classes": [{"name": 3}]}, "is damaged"),
        ({"version": 1, "classes": [{"name": ""}]}, "is damaged"),
        ({"version": 1, "classes": ["dog"]}, "is damaged"),
        ({"version": 1, "classes": {"dog": 1}}, "is damaged"),
        ([], "is damaged"),
    ],
)
def test_a_library_that_cannot_be_read_is_refused(
    tmp_path: Path, library: object, sentence: str
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"library": library, "path": "a.jpg"}))
    with pytest.raises(FileMalformed, match=sentence):
        read(path)


@settings(max_examples=examples(300), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(export_cases(), st.data())
def test_damaged_files_are_refused_with_a_sentence_or_read(
    tmp_path: Path, case: ExportCase, data: st.DataObject
) -> None:
    path = tmp_path / "a.jsonl"
    path.unlink(missing_ok=True)
    write(case.records, ExportFacts(case.classes), path)
    written = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(written)))
        written[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        for item in items_of(path, bytes(written)):
            if isinstance(item, BadRow):
                assert item.reason.endswith(".")
            else:
                item.path.encode("utf-8", "surrogateescape")
                for part in item.classes:
                    part.name.encode("utf-8")
    except InterchangeError as error:
        assert str(error).endswith(".")
