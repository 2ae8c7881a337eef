"""Pascal VOC folders: image sets, XML files, both, and what we write."""

from __future__ import annotations

from pathlib import Path

import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from interchange_files import read_all, read_or_fail
from interchange_records import ExportCase, export_cases

from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.interchange.errors import InterchangeError
from lmpt_desktop.interchange.format import ExportFacts
from lmpt_desktop.interchange.formats.voc import FORMAT
from lmpt_desktop.interchange.reading.source_files import sample_of
from lmpt_desktop.interchange.record import ClassRecord, ImageRecord, NotListed, Origin

PRESENT, ABSENT = Verdict.PRESENT, Verdict.ABSENT


def _object(name: str, difficult: int = 0) -> str:
    return (
        f"<object><name>{name}</name><difficult>{difficult}</difficult>"
        "<bndbox><xmin>1</xmin></bndbox><part><name>head</name></part></object>"
    )


def _xml(filename: str, *objects: str) -> str:
    return (
        f"<annotation>\n\t<folder>VOC2007</folder><filename>{filename}</filename>"
        "<size><width>500</width><height>375</height><depth>3</depth></size>"
        f"{''.join(objects)}</annotation>"
    )


SETS = {
    "ImageSets/Main/train.txt": "000005\n000007\n",
    "ImageSets/Main/trainval.txt": "000005\n000007\n000009\n",
    "ImageSets/Main/dog_train.txt": "000005  1\n000007 -1\n",
    "ImageSets/Main/dog_trainval.txt": "000005  1\n000007 -1\n000009  0\n",
    "ImageSets/Main/dining table_trainval.txt": "000005 -1\n000007  0\n000009 yes\n",
}
OBJECTS = {
    "Annotations/000005.xml": _xml("000005.jpg", _object("dog"), _object("dog", 1)),
    "Annotations/000007.xml": _xml("000007.jpg", _object("dining table", 1), _object("dog")),
    "Annotations/000010.xml": _xml("000010.jpg", _object("cat"), _object("cow", 1)),
}


def _folder(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def _sniff(path: Path) -> str:
    assert FORMAT.sniff
    return FORMAT.sniff(sample_of(path))


def test_image_sets_alone(tmp_path: Path) -> None:
    folder = _folder(tmp_path, SETS | {"JPEGImages/000005.jpg": ""})
    assert _sniff(folder) == "A folder with ImageSets/Main of Pascal VOC."
    facts, records, bad_rows = read_all(FORMAT, folder)
    assert facts.classes == (ClassSpec("dining table"), ClassSpec("dog"))
    assert facts.not_listed is NotListed.UNKNOWN
    assert records == [
        ImageRecord(
            "JPEGImages/000005.jpg",
            (ClassRecord("dining table", ABSENT, "-1"), ClassRecord("dog", PRESENT, "1")),
            1,
            split="train",
        ),
        ImageRecord(
            "000007",
            (ClassRecord("dining table", None, "0"), ClassRecord("dog", ABSENT, "-1")),
            2,
            split="train",
        ),
        ImageRecord("000009", (ClassRecord("dog", None, "0"),), 3),
    ]
    assert [(row.line, row.reason, row.text) for row in bad_rows] == [
        (3, "dining table_trainval.txt has no 1, 0 or -1 in this line.", "000009 yes")
    ]


def test_xml_alone(tmp_path: Path) -> None:
    folder = _folder(tmp_path, OBJECTS)
    assert _sniff(folder) == "A folder with Annotations of Pascal VOC."
    facts, records, bad_rows = read_all(FORMAT, folder)
    assert bad_rows == []
    assert facts.images == 3
    assert records == [
        ImageRecord("000005.jpg", (ClassRecord("dog"),), 1, width=500, height=375),
        ImageRecord(
            "000007.jpg",
            (ClassRecord("dining table", None, "difficult"), ClassRecord("dog")),
            2,
            width=500,
            height=375,
        ),
        ImageRecord(
            "000010.jpg",
            (ClassRecord("cat"), ClassRecord("cow", None, "difficult")),
            3,
            width=500,
            height=375,
        ),
    ]


def test_both_agree_or_contradict(tmp_path: Path) -> None:
    folder = _folder(tmp_path, SETS | OBJECTS)
    __, records, __ = read_all(FORMAT, folder)
    assert {record.path: record.classes for record in records} == {
        "000005.jpg": (ClassRecord("dining table", ABSENT, "-1"), ClassRecord("dog", PRESENT, "1")),
        # The set says that there is no dog, the XML file has one.
        "000007.jpg": (
            ClassRecord("dining table", None, "0"),
            ClassRecord("dog", ABSENT, "-1"),
            ClassRecord("dog"),
        ),
        "000009": (ClassRecord("dog", None, "0"),),
        "000010.jpg": (ClassRecord("cat"), ClassRecord("cow", None, "difficult")),
    }


def test_a_devkit_has_several_years(tmp_path: Path) -> None:
    files = {f"VOCdevkit/VOC2007/{name}": text for name, text in SETS.items()}
    files |= {
        "VOCdevkit/VOC2012/Annotations/2007_000027.xml": _xml("2007_000027.jpg", _object("person")),
        "VOCdevkit/VOC2012/JPEGImages/2007_000027.jpg": "",
    }
    folder = _folder(tmp_path, files)
    assert _sniff(folder)
    __, records, __ = read_all(FORMAT, folder)
    assert len(records) == 4
    assert records[3].path == "VOCdevkit/VOC2012/JPEGImages/2007_000027.jpg"


def test_loose_files_of_labelimg(tmp_path: Path) -> None:
    text = _xml("a.jpg", _object("dog")).replace("<size>", "<path>C:\\photos\\a.jpg</path><size>")
    folder = _folder(tmp_path, {"a.xml": text, "sub/b.xml": _xml("b.jpg"), "c.xml": "<svg/>"})
    assert _sniff(folder) == "A folder with XML files of Pascal VOC."
    assert _sniff(folder / "a.xml") == "An XML file with an annotation of Pascal VOC."
    __, records, bad_rows = read_all(FORMAT, folder)
    assert [(record.path, len(record.classes)) for record in records] == [
        ("C:\\photos\\a.jpg", 1),
        ("c", 0),
        ("sub/b.jpg", 0),
    ]
    assert len(bad_rows) == 1
    assert "begins with svg" in bad_rows[0].reason
    assert [record.path for record in read_all(FORMAT, folder / "a.xml")[1]] == [
        "C:\\photos\\a.jpg"
    ]


def test_an_id_cannot_leave_the_folder(tmp_path: Path) -> None:
    _folder(tmp_path, {"secret.xml": _xml("secret.jpg", _object("dog"))})
    folder = _folder(tmp_path / "voc", {"ImageSets/Main/train.txt": "../../secret\nok\n"})
    (folder / "Annotations").mkdir()
    __, records, bad_rows = read_all(FORMAT, folder)
    assert [record.path for record in records] == ["ok"]
    assert [(row.reason, row.text) for row in bad_rows] == [
        ("The id is no file name.", "../../secret")
    ]


def test_what_is_no_voc_is_said(tmp_path: Path) -> None:
    folder = _folder(tmp_path, {"a.txt": "x"})
    assert _sniff(folder) == ""
    with pytest.raises(InterchangeError, match="neither ImageSets/Main nor annotations"):
        read_all(FORMAT, folder)
    path = _folder(tmp_path, {"a.xml": '<!DOCTYPE a [<!ENTITY b "c">]><annotation/>'}) / "a.xml"
    with pytest.raises(InterchangeError, match="document type"):
        read_all(FORMAT, path)


# -- out -----------------------------------------------------------------------------------------


@settings(max_examples=examples(120), deadline=None)
@given(export_cases())
def test_what_is_written_reads_back(
    tmp_path_factory: pytest.TempPathFactory, case: ExportCase
) -> None:
    folder = tmp_path_factory.mktemp("voc") / "out"
    assert FORMAT.write
    FORMAT.write(iter(case.records), ExportFacts(case.classes), folder)
    assert _sniff(folder)
    facts, records, bad_rows = read_all(FORMAT, folder)
    assert bad_rows == []
    assert [record._replace(line=0) for record in records] == [
        FORMAT.held(record, {}) for record in case.records
    ]
    assert FORMAT.held_classes
    assert facts.classes == FORMAT.held_classes(case.classes)


def test_what_a_written_folder_has(tmp_path: Path) -> None:
    records = [
        ImageRecord("one/a b.jpg", (ClassRecord("dog"),), split="train", width=4, height=3),
        ImageRecord("two/A B.png", (ClassRecord("dog", ABSENT),), split="test"),
        ImageRecord("ü.jpg", (ClassRecord("cat", origin=Origin.MACHINE, score=0.5),)),
    ]
    folder = tmp_path / "out"
    assert FORMAT.write
    FORMAT.write(iter(records), ExportFacts((ClassSpec("dog"), ClassSpec("cat"))), folder)
    main = folder / "ImageSets/Main"
    assert {path.name: path.read_text() for path in main.iterdir()} == {
        "default.txt": "a_b\nA_B-2\n_\n",
        "train.txt": "a_b\n",
        "test.txt": "A_B-2\n",
        "trainval.txt": "_\n",
        "dog_train.txt": "a_b  1\n",
        "dog_test.txt": "A_B-2 -1\n",
    }
    assert sorted(path.name for path in (folder / "Annotations").iterdir()) == [
        "A_B-2.xml",
        "_.xml",
        "a_b.xml",
    ]


# -- anything --------------------------------------------------------------------------------------

_DATA = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([text.encode() for text in (*SETS.values(), *OBJECTS.values())]),
    st.sampled_from([b'{"classes": [{"name": 7, "file": []}, 5]}', b"[", b"a\0b 1\n", b"/etc 1\n"]),
)


@settings(max_examples=examples(200), deadline=None)
@given(
    st.dictionaries(st.sampled_from([*SETS, *OBJECTS, "classes.json"]), _DATA),
    st.integers(0, 300),
)
def test_whatever_the_files_there_is_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], cut: int
) -> None:
    folder = tmp_path_factory.mktemp("voc")
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data[cut % (len(data) + 1) :] if cut % 3 == 0 else data)
    read_or_fail(FORMAT, folder)
    _sniff(folder)
