"""Whatever the bytes, a reader of tables ends, with records, bad rows or a sentence."""

from __future__ import annotations

import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from read_tables import read_table

from lmpt_desktop.interchange.errors import InterchangeError
from lmpt_desktop.interchange.format import Format
from lmpt_desktop.interchange.formats.tables.formats import (
    CSV,
    CSV_LONG,
    CSV_WIDE,
    EXIFTOOL_CSV,
)
from lmpt_desktop.interchange.reading.source_files import SourceFile
from lmpt_desktop.interchange.record import ImageRecord
from lmpt_desktop.interchange.registry import detect

ALL = (CSV, CSV_LONG, CSV_WIDE, EXIFTOOL_CSV)
SEEDS = (
    b"path,class,verdict,score,source\na.jpg,cat,present,,user\na.jpg,dog,absent,0.5,machine\n",
    b"split,path,cat,dog\ntest,a.jpg,1,0\n,b.jpg,,1\n",
    b"path,class,score,band,source\n/p/a.jpg,cat,1.0000,head,user\n/p/b.jpg,cat,0.5,tail,x\n",
    b"SourceFile,Directory,XMP-dc:Subject,XMP-lr:HierarchicalSubject,,|;\n/p/a.jpg,/p,a|;b,a|;b\n",
    b"ImageID,Source,LabelName,Confidence\n000002b66c9c498e,verification,/m/01,0\n1,machine,/m/2,.5",
    b"filename,is_blank,identified_by,genus,species,common_name,cv_confidence\na.jpg,0,Jo,F,c,,.5\n",
    b"filename, cat, dog\na.jpg, 1, 0\n",
    b'image_name,tags\na,"x y"\nb,x\n',
    b'Accession number;Keywords\n1.2;"[""a"", ""b""]"\n1.3;"[1]"\n',
    b"sep=;\r\npath;Edema;Fracture\r\na.jpg;-1;0,5\r\n",
    "path,V\u00f6gel\na.jpg,1\n".encode("utf-16"),
)
PIECES = st.sampled_from(
    [
        *(b'"', b",", b";", b"\n", b"\r", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xe4", b"[", b"]"),
        *(b"'", b"=", b"\t", b"|", b"1e999", b"nan", b"-1", b"1_0", b"\\udc80", b"9" * 400, b" "),
        *(b"{", b"\x85", b"\xe2\x80\xa8", b'""', b"0.5", b"path", b"class", b"a.jpg"),
    ]
)


def reads_to_its_end(data: bytes, options: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_bytes(data)
        for found in detect(path):
            assert found.reason
        for format_ in ALL:
            try:
                for item in format_.options(path):
                    assert len({choice.value for choice in item.choices}) == len(item.choices)
            except InterchangeError as error:
                assert str(error).endswith(".")
            try:
                _facts, records, bad = read_table(format_, path, options)
            except InterchangeError as error:
                assert str(error).endswith(".")
                continue
            for record in records:
                assert record.path
                for said in record.classes:
                    "".join((said.name, said.value, said.annotator, said.source)).encode()
                    assert said.score is None or 0 <= said.score <= 1
            for row in bad:
                (row.text + row.reason).encode()
                assert len(row.text) <= 200
                assert row.line > 0
                assert row.reason.endswith(".")


OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "layout": st.sampled_from(["wide", "long", "separated"]),
        "preset": st.sampled_from(["-", "open-images", "chexpert", "wildlife-insights", "museum"]),
        "separator": st.sampled_from(["json", "space", "comma"]),
        "header": st.sampled_from(["yes", "no"]),
        "path": st.sampled_from(["#1", "#2"]),
        "class": st.sampled_from(["#1", "#2"]),
        "score": st.sampled_from(["#1", "#3", "-"]),
        "encoding": st.sampled_from(["utf-8", "utf-16", "shift_jis", "cp1252"]),
        "delimiter": st.sampled_from(["comma", "semicolon", "bar", "tab"]),
    },
)


@given(data=st.one_of(st.binary(), st.lists(PIECES).map(b"".join)), options=OPTIONS)
def test_any_bytes(data: bytes, options: dict[str, str]) -> None:
    reads_to_its_end(data, options)


@given(
    seed=st.sampled_from(SEEDS),
    changes=st.lists(
        st.tuples(st.integers(0, 200), st.integers(0, 3), st.one_of(PIECES, st.binary(max_size=3))),
        max_size=6,
    ),
    options=OPTIONS,
)
def test_files_with_some_bytes_changed(
    seed: bytes, changes: list[tuple[int, int, bytes]], options: dict[str, str]
) -> None:
    for place, count, piece in changes:
        seed = seed[:place] + piece + seed[place + count :]
    reads_to_its_end(seed, options)


@pytest.mark.parametrize("format_", [CSV, CSV_LONG], ids=lambda item: item.name)
def test_memory_does_not_grow_with_the_file(format_: Format, tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    with path.open("w") as file:
        file.write("path,class,verdict,score,source\n")
        file.writelines(f"{i // 3}.jpg,class {i % 7},present,,user\n" for i in range(100_000))
    assert format_.read is not None
    tracemalloc.start()
    reading = format_.read(SourceFile(path))
    count = sum(isinstance(item, ImageRecord) for item in reading.items)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert count == 33_334
    assert peak < 8_000_000
    assert path.stat().st_size > 2_000_000


def test_one_photo_with_a_million_rows_comes_in_parts(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text("path,class,verdict,score,source\n" + "a.jpg,cat,present,,user\n" * 25_000)
    _facts, records, _bad = read_table(CSV_LONG, path)
    assert [len(record.classes) for record in records] == [10_000, 10_000, 5_000]


@pytest.mark.parametrize("format_", ALL, ids=lambda item: item.name)
@pytest.mark.parametrize(
    "row",
    [
        b"\\" * 120_000 + b"\\ux,1,1",
        b"'" * 120_000 + b",1,1",
        b'a.jpg,"[' + b"'a'," * 30_000 + b'",1',
        b"a.jpg,\"['" + b"\\" * 120_000 + b'",1',
        b"a.jpg,[" + b"-" * 120_000 + b"1],1",
        b"a.jpg," + b"9" * 120_000 + b",1",
        b"," * 1_000_000,
        b'"a",' * 200_000,
        b'"' * 120_000,
        b'"\n' * 120_000,
        b'a"\n"' * 120_000,
    ],
    ids=lambda row: f"{row[:8]!r}...",
)
@pytest.mark.timeout(60)
def test_rows_that_are_made_to_take_long(format_: Format, row: bytes, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    for head in (
        b"path,class,verdict\n",
        b"path,class,verdict,score,source\n",
        b"SourceFile,Subject\n",
        b"",
    ):
        path.write_bytes(head + row)
        for options in ({}, {"layout": "separated", "separator": "json"}):
            try:
                read_table(format_, path, options)
            except InterchangeError as error:
                assert str(error).endswith(".")


def test_as_many_columns_as_anyone_needs(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text("path," + ",".join(map(str, range(20_000))) + "\na.jpg" + ",1" * 20_000)
    assert [len(record.classes) for record in read_table(CSV_WIDE, path)[1]] == [20_000]
    assert [len(record.classes) for record in read_table(CSV, path)[1]] == [20_000]
