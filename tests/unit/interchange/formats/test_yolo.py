"""Folders with YOLO labels in each of their layouts."""

from __future__ import annotations

from pathlib import Path

import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from interchange_files import read_all, read_or_fail

from lmpt_desktop.domain.records import ClassSpec
from lmpt_desktop.interchange.errors import InterchangeError
from lmpt_desktop.interchange.formats.yolo import FORMAT, names_in_yaml
from lmpt_desktop.interchange.reading.source_files import sample_of
from lmpt_desktop.interchange.record import ClassRecord, ImageRecord, Origin

BOX = "0.5 0.5 0.25 0.25"


def _folder(tmp_path: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def _sniff(path: Path) -> str:
    assert FORMAT.sniff
    return FORMAT.sniff(sample_of(path))


def _classes(*names: str) -> tuple[ClassRecord, ...]:
    return tuple(ClassRecord(name) for name in names)


def test_ultralytics(tmp_path: Path) -> None:
    folder = _folder(
        tmp_path,
        {
            "data.yaml": "path: .\ntrain: images/train\nnames:\n  0: dog\n  1: traffic light\n",
            "images/train/a.b.jpg": "",
            "images/val/c.PNG": "",
            "labels/train/a.b.txt": f"1 {BOX}\n0 {BOX}\n1 0.1 0.2 0.3 0.4 0.5 0.6\n",
            "labels/val/c.txt": "",
            "labels/val/gone.txt": f"0 {BOX}\n7 {BOX}\nnonsense\n",
        },
    )
    assert _sniff(folder) == "A folder with labels of YOLO, a text file per photo."
    facts, records, bad_rows = read_all(FORMAT, folder)
    assert facts.classes == (ClassSpec("dog"), ClassSpec("traffic light"))
    assert records == [
        ImageRecord("images/train/a.b.jpg", _classes("traffic light", "dog"), 1, split="train"),
        ImageRecord("images/val/c.PNG", (), 2, split="val"),
        ImageRecord("images/val/gone", _classes("dog"), 3, split="val"),
    ]
    assert [(row.line, row.reason, row.text) for row in bad_rows] == [
        (2, "labels/val/gone.txt has a class that has no name.", f"7 {BOX}"),
        (3, "labels/val/gone.txt has no label of YOLO in this line.", "nonsense"),
    ]


def test_roboflow(tmp_path: Path) -> None:
    folder = _folder(
        tmp_path,
        {
            "data.yaml": "nc: 2\nnames: ['a, b', \"c\"]\n",
            "README.roboflow.txt": "Exported by Roboflow",
            "train/images/x_jpg.rf.0123.jpg": "",
            "train/labels/x_jpg.rf.0123.txt": f"0 {BOX}",
            "valid/labels/y.txt": f"1 {BOX}",
        },
    )
    assert _sniff(folder)
    __, records, bad_rows = read_all(FORMAT, folder)
    assert bad_rows == []
    assert [(item.path, item.classes, item.split) for item in records] == [
        ("train/images/x_jpg.rf.0123.jpg", _classes("a, b"), "train"),
        ("valid/images/y", _classes("c"), "valid"),
    ]


def test_darknet_lists_photos_without_labels(tmp_path: Path) -> None:
    folder = _folder(
        tmp_path,
        {
            "obj.names": "dog\r\ncat\r\n\r\n",
            "obj.data": "classes = 2\n",
            "train.txt": "data/obj_train_data/a.jpg\ndata/obj_train_data/b.jpg\n",
            "obj_train_data/a.txt": f"1 {BOX}\n",
        },
    )
    assert _sniff(folder)
    facts, records, bad_rows = read_all(FORMAT, folder)
    assert bad_rows == []
    assert [spec.name for spec in facts.classes] == ["dog", "cat"]
    assert [(item.path, item.classes, item.split) for item in records] == [
        ("data/obj_train_data/a.jpg", _classes("cat"), "train"),
        ("data/obj_train_data/b.jpg", (), "train"),
    ]
    assert facts.images == 2


def test_text_files_beside_photos_and_predictions(tmp_path: Path) -> None:
    folder = _folder(
        tmp_path,
        {
            "classes.txt": "dog\ncat\n",
            "a.jpg": "",
            "a.txt": f"0 {BOX} 0.25\n0 {BOX} 0.75\n1 {BOX} 7\n",
        },
    )
    assert _sniff(folder)
    __, records, __ = read_all(FORMAT, folder)
    assert records == [
        ImageRecord(
            "a.jpg",
            (
                ClassRecord("dog", origin=Origin.MACHINE, score=0.75),
                ClassRecord("cat", origin=Origin.MACHINE),
            ),
            1,
        )
    ]


def test_numbers_where_no_file_names_the_classes(tmp_path: Path) -> None:
    facts, records, __ = read_all(FORMAT, _folder(tmp_path, {"labels/a.txt": f"12 {BOX}"}))
    assert facts.notes == ("No file names the classes, so that they are numbers.",)
    assert records[0].classes == _classes("12")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("names: [a, 'b''s', \"c\\n\"]", {0: "a", 1: "b's", 2: "c\n"}),
        ("names: [\n  'a',\n  b c,\n]\nnc: 2", {0: "a", 1: "b c"}),
        ("names: {0: a, 5: 'b: c'}", {0: "a", 5: "b: c"}),
        ("nc: 2\nnames:\n- a # first\n- 'b # c'\n\ntrain: x", {0: "a", 1: "b # c"}),
        ("names:\n  # comment\n  2: a\n  '3': \"b\"\npath: y", {2: "a", 3: "b"}),
        ("names: !!python/object:os.system [a]", {}),
        ("nc: 3", {}),
        ("names:", {}),
        ("names: [" + " " * 50_000 + "x", {}),
    ],
)
def test_names_in_yaml(text: str, names: dict[int, str]) -> None:
    assert names_in_yaml(text.split("\n")) == names


def test_captions_beside_photos_are_not_taken(tmp_path: Path) -> None:
    folder = _folder(tmp_path, {"a.jpg": "", "a.txt": "1girl, solo, 2 dogs"})
    assert _sniff(folder) == ""
    with pytest.raises(InterchangeError, match="no labels of YOLO"):
        read_all(FORMAT, _folder(tmp_path / "empty", {"a.jpg": ""}))
    with pytest.raises(InterchangeError, match="is a file"):
        read_all(FORMAT, folder / "a.txt")


_TEXTS = st.one_of(
    st.binary(max_size=80),
    st.text("0123456789.- e\n\t#:'\"[]{},abnames", max_size=80).map(str.encode),
    st.sampled_from([f"0 {BOX}\n".encode(), b"names: [a, b]", b"names:\n 0: a\n", b"\xef\xbb\xbf"]),
)


@settings(max_examples=examples(200), deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            ["labels/a.txt", "a.txt", "train.txt", "data.yaml", "obj.names", "classes.txt"]
        ),
        _TEXTS,
    )
)
def test_whatever_the_files_there_is_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    folder = tmp_path_factory.mktemp("yolo")
    for name, data in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    read_or_fail(FORMAT, folder)
    _sniff(folder)
