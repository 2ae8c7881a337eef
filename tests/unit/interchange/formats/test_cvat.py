"""CVAT for images: XML and ZIP files of CVAT, ours, and files that are neither."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from interchange_files import read_all, read_or_fail, shared_file
from interchange_records import ExportCase, export_cases

from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.interchange.errors import FileTooLarge, InterchangeError
from lmpt_desktop.interchange.format import ExportFacts
from lmpt_desktop.interchange.formats import cvat
from lmpt_desktop.interchange.formats.cvat import FORMAT
from lmpt_desktop.interchange.reading.source_files import sample_of
from lmpt_desktop.interchange.record import ClassRecord, ImageRecord, Origin

TEXT = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta><job><labels>
    <label><name>dog</name><color>#ff0010</color><type>tag</type></label>
    <label><name>person</name><type>skeleton</type></label>
    <label><name>head</name><type>points</type><parent>person</parent></label>
  </labels></job></meta>
  <image id="0" name="a/b &amp; c.jpg" subset="Train" width="640" height="480">
    <tag label="dog" source="manual"><attribute name="breed">pug</attribute></tag>
    <box label="dog" source="manual" xtl="0" ytl="0" xbr="1" ybr="1"/>
    <mask label="dog" source="auto" rle="1,2"/>
    <skeleton label="person" source="semi-auto"><points label="head" points="1,2"/></skeleton>
    <ellipse label="cat" source="file"/>
    <cuboid label="kite"/>
  </image>
  <image id="1" name="nothing.jpg" width="x" height="-1"/>
  <image id="2" width="4"><tag label="dog"/></image>
  <image id="3" name="c.jpg"><tag/></image>
</annotations>
"""


def _written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "annotations.xml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def _sniff(path: Path) -> str:
    assert FORMAT.sniff
    return FORMAT.sniff(sample_of(path))


def _present(*names: str) -> tuple[ClassRecord, ...]:
    return tuple(ClassRecord(name) for name in names)


# -- real files --------------------------------------------------------------------------------


def test_real_project() -> None:
    path = shared_file("cvat/project_annotations.xml")
    assert _sniff(path) == "An XML file with annotations of CVAT."
    facts, records, bad_rows = read_all(FORMAT, path)
    assert bad_rows == []
    assert facts.classes == (ClassSpec("label1"), ClassSpec("label2"))
    assert [(item.path, item.split, item.width, item.height, item.classes) for item in records] == [
        (f"img{i}.jpg", split, size, size, _present("label1", "label2"))
        for split in ("Test", "Train", "Validation")
        for i, size in enumerate((8, 10))
    ]


def test_real_task() -> None:
    facts, records, bad_rows = read_all(FORMAT, shared_file("cvat/task_train.xml"))
    assert facts.classes == (ClassSpec("label1"), ClassSpec("label2"))
    assert [(record.path, record.split, record.classes) for record in records] == [
        ("img0.jpg", "", _present("label1")),
        ("img1.jpg", "", _present("label2")),
    ]
    # Two shapes have an empty label.
    assert [(row.line, row.reason) for row in bad_rows] == [
        (50, "The annotation has no label."),
        (53, "The annotation has no label."),
    ]


# -- what CVAT says ------------------------------------------------------------------------------


def test_each_kind_of_annotation(tmp_path: Path) -> None:
    facts, records, bad_rows = read_all(FORMAT, _written(tmp_path, TEXT))
    assert facts.classes == (ClassSpec("dog", colour="#ff0010"), ClassSpec("person"))
    assert records == [
        ImageRecord(
            "a/b & c.jpg",
            (
                ClassRecord("dog", origin=Origin.HUMAN),
                ClassRecord("dog", origin=Origin.MACHINE),
                ClassRecord("person", origin=Origin.HUMAN),
                ClassRecord("cat"),
                ClassRecord("kite"),
            ),
            9,
            split="Train",
            width=640,
            height=480,
        ),
        ImageRecord("nothing.jpg", line=17),
        ImageRecord("c.jpg", line=19),
    ]
    assert [(row.line, row.reason) for row in bad_rows] == [
        (18, "The image has no name."),
        (19, "The annotation has no label."),
    ]


@pytest.mark.parametrize("name", ["annotations.xml", "task/annotations.xml"])
def test_zip_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / "task.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images/a.jpg", b"\xff\xd8" * 9)
        archive.writestr(name, TEXT)
    assert _sniff(path) == "A ZIP file with annotations.xml of CVAT."
    assert read_all(FORMAT, path) == read_all(FORMAT, _written(tmp_path, TEXT))


def test_folder(tmp_path: Path) -> None:
    _written(tmp_path, TEXT)
    assert _sniff(tmp_path) == "A folder with annotations.xml of CVAT."
    assert len(read_all(FORMAT, tmp_path)[1]) == 3


def test_utf_16(tmp_path: Path) -> None:
    path = _written(tmp_path, TEXT.replace("utf-8", "utf-16").encode("utf-16"))
    assert _sniff(path)
    assert len(read_all(FORMAT, path)[1]) == 3


def test_zip_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cvat, "MAX_DOCUMENT_BYTES", 1_000_000)
    path = tmp_path / "task.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("annotations.xml", TEXT + " " * 5_000_000)
    assert path.stat().st_size < 10_000
    with pytest.raises(FileTooLarge):
        read_all(FORMAT, path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no element found"),
        ("<annotations>", "no element found"),
        ("<svg/>", "begins with svg"),
        ("<annotations><track label='a'/></annotations>", "CVAT for video"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><annotations/>", "document type"),
        ("<?xml version='1.0' encoding='klingon'?><annotations/>", "encoding"),
        ("PK\x03\x04", "not a zip that can be read"),
    ],
)
def test_what_is_no_cvat_is_said(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InterchangeError, match=message):
        read_all(FORMAT, _written(tmp_path, text))


def test_other_xml_is_not_taken(tmp_path: Path) -> None:
    for text in ("<annotation><folder/></annotation>", "<x:xmpmeta/>", "plain", ""):
        assert _sniff(_written(tmp_path, text)) == ""


# -- out -----------------------------------------------------------------------------------------


@settings(max_examples=examples(150), deadline=None)
@given(export_cases())
def test_what_is_written_reads_back(
    tmp_path_factory: pytest.TempPathFactory, case: ExportCase
) -> None:
    path = tmp_path_factory.mktemp("cvat") / "annotations.xml"
    assert FORMAT.write
    FORMAT.write(iter(case.records), ExportFacts(case.classes, name="Zoo & Co"), path)
    facts, records, bad_rows = read_all(FORMAT, path)
    assert bad_rows == []
    assert [record._replace(line=0) for record in records] == [
        FORMAT.held(record, {}) for record in case.records
    ]
    assert FORMAT.held_classes
    assert facts.classes == FORMAT.held_classes(case.classes)
    assert _sniff(path)


def test_a_prediction_is_not_a_persons() -> None:
    record = ImageRecord(
        "a.jpg",
        (
            ClassRecord("dog", origin=Origin.HUMAN, source="user"),
            ClassRecord("cat", Verdict.ABSENT, origin=Origin.HUMAN, source="user"),
            ClassRecord("kite", origin=Origin.MACHINE, score=0.5, source="prediction"),
        ),
        reviewed=True,
        split="test",
    )
    assert FORMAT.held(record, {}) == ImageRecord(
        "a.jpg",
        (
            ClassRecord("dog", origin=Origin.HUMAN),
            ClassRecord("kite", origin=Origin.MACHINE),
        ),
        split="test",
    )


# -- anything --------------------------------------------------------------------------------------


def _zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("annotations.xml", data)
    return file.getvalue()


@st.composite
def _changed(draw: st.DrawFn) -> bytes:
    """A valid file with some bytes replaced, removed or repeated."""
    data = draw(st.sampled_from([TEXT.encode(), _zipped(TEXT.encode())]))
    for __ in range(draw(st.integers(0, 4))):
        at, end = sorted(draw(st.tuples(*[st.integers(0, len(data))] * 2)))
        data = data[:at] + draw(st.binary(max_size=8)) + data[draw(st.sampled_from([at, end])) :]
    return data


@settings(max_examples=examples(300), deadline=None)
@given(st.one_of(_changed(), st.binary(max_size=200)))
def test_whatever_the_file_there_is_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = _written(tmp_path_factory.mktemp("cvat"), data)
    read_or_fail(FORMAT, path)
    _sniff(path)
