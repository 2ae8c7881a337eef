from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hostile_files import mutated
from hypothesis import given
from hypothesis import strategies as st
from interchange_files import read_all, read_or_fail, shared_file
from zipped import zipped

from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.interchange.errors import FileMalformed
from lmpt_desktop.interchange.formats.darwin_core import FORMAT
from lmpt_desktop.interchange.reading.source_files import sample_of
from lmpt_desktop.interchange.record import ClassRecord, Origin


def test_occurrences_and_media_of_a_camera_trap() -> None:
    facts, records, bad = read_all(FORMAT, shared_file("darwincore"))
    assert bad == []
    assert len(records) == 180
    assert records[0].path == (
        "https://multimedia.agouti.eu/assets/8263e85b-786a-4f62-9817-d54fb1dafb5d/file"
    )
    assert records[0].classes == (
        ClassRecord(
            "Anas strepera",
            Verdict.PRESENT,
            "present",
            Origin.HUMAN,
            annotator="Observer 1",
            at=datetime(2020, 8, 17, 6, 57, 28, tzinfo=UTC),
        ),
    )
    assert {len(record.classes) for record in records} == {1}
    machine = [r.classes[0] for r in records if r.classes[0].origin is Origin.MACHINE]
    assert Counter((item.name, item.score) for item in machine) == {
        ("Ardea", 0.9): 10,
        ("Ardea", 0.89): 10,
    }
    assert {spec.name for spec in facts.classes} == {
        "Anas strepera",
        "Anas platyrhynchos",
        "Mustela putorius",
        "Ardea",
        "Castor fiber",
        "Vulpes vulpes",
        "Martes foina",
        "Ardea cinerea",
    }


@pytest.mark.parametrize("name", ["", "dwc_occurrence.csv", "dwc_audubon.csv"])
def test_either_table_finds_the_other(name: str) -> None:
    path = shared_file("darwincore") / name
    assert FORMAT.sniff is not None
    assert FORMAT.sniff(sample_of(path)) == "It has a table with occurrenceID, as Darwin Core has."
    assert len(read_all(FORMAT, path)[1]) == 180


META = """<?xml version="1.0" encoding="UTF-8"?>
<archive xmlns="http://rs.tdwg.org/dwc/text/" metadata="eml.xml">
  <core encoding="UTF-8" fieldsTerminatedBy="\\t" linesTerminatedBy="\\n" fieldsEnclosedBy=""
        ignoreHeaderLines="1" rowType="http://rs.tdwg.org/dwc/terms/Occurrence">
    <files><location>occurrence.txt</location></files>
    <id index="0"/>
    <field index="1" term="http://rs.tdwg.org/dwc/terms/scientificName"/>
    <field index="2" term="http://rs.tdwg.org/dwc/terms/vernacularName"/>
    <field index="3" default="present" term="http://rs.tdwg.org/dwc/terms/occurrenceStatus"/>
  </core>
  <extension encoding="ISO-8859-1" fieldsTerminatedBy="," fieldsEnclosedBy='"'
             ignoreHeaderLines="0" rowType="http://rs.gbif.org/terms/1.0/Multimedia">
    <files><location>multimedia.txt</location></files>
    <coreid index="0"/>
    <field index="1" term="http://purl.org/dc/terms/type"/>
    <field index="2" term="http://purl.org/dc/terms/identifier"/>
  </extension>
</archive>
"""
OCCURRENCES = (
    "id\tname\tvernacular\tstatus\n"
    '1\tVulpes vulpes\tred "fox\t\n'
    "2\tLynx lynx\t\tabsent\n"
    "3\t\troe deer\tdoubtful\n"
    "4\t\t\tpresent\n"
)
MEDIA = (
    "1,StillImage,https://example.org/a.jpg?size=large\n"
    "2,StillImage,http://example.org/b\xe4.jpg\n"
    '3,"StillImage","c, d.jpg"\n'
    "3,MovingImage,e.mp4\n"
    "4,StillImage,f.jpg\n"
    "3,StillImage,\n"
)


def archive(folder: Path) -> Path:
    (folder / "meta.xml").write_text(META, encoding="utf-8")
    (folder / "occurrence.txt").write_text(OCCURRENCES, encoding="utf-8")
    (folder / "multimedia.txt").write_text(MEDIA, encoding="latin-1")
    return folder


@pytest.mark.parametrize("kind", ["folder", "zip", "meta.xml", "occurrence.txt"])
def test_an_archive(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    archive(folder)
    path = {"folder": folder, "zip": zipped(folder, tmp_path / "a.zip", "base/")}.get(
        kind, folder / kind
    )
    if kind != "occurrence.txt":
        assert FORMAT.sniff is not None
        assert "meta.xml" in FORMAT.sniff(sample_of(path))
    facts, records, bad = read_all(FORMAT, path)
    assert [(record.path, record.classes) for record in records] == [
        (
            "https://example.org/a.jpg?size=large",
            (ClassRecord("Vulpes vulpes", Verdict.PRESENT, "present"),),
        ),
        ("http://example.org/bä.jpg", (ClassRecord("Lynx lynx", Verdict.ABSENT, "absent"),)),
        ("c, d.jpg", (ClassRecord("roe deer", None, "doubtful"),)),
    ]
    assert [(row.line, row.reason) for row in bad] == [
        (5, "The row names no class."),
        (5, "The photo is of an occurrence that is not listed."),
        (6, "The row names no photo."),
    ]
    assert facts.classes[0] == ClassSpec("Vulpes vulpes", aliases=('red "fox',))
    _facts, records, _bad = read_all(FORMAT, path, name="vernacular")
    assert records[0].classes[0].name == 'red "fox'


def test_media_that_occurrences_name(tmp_path: Path) -> None:
    path = tmp_path / "occurrences.csv"
    path.write_text(
        "occurrenceID,scientificName,associatedMedia\n1,Lynx lynx,a.jpg | b.jpg\n2,x,\n"
    )
    assert [(record.path, record.line) for record in read_all(FORMAT, path)[1]] == [
        ("a.jpg", 2),
        ("b.jpg", 2),
    ]


def test_what_is_no_darwin_core_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("path,class\na.jpg,cat\n")
    assert FORMAT.sniff is not None
    assert FORMAT.sniff(sample_of(tmp_path)) == ""
    with pytest.raises(FileMalformed, match="no table of occurrences"):
        read_all(FORMAT, tmp_path)


def test_a_document_type_is_refused(tmp_path: Path) -> None:
    archive(tmp_path)
    (tmp_path / "meta.xml").write_text('<!DOCTYPE a [<!ENTITY b "c">]><archive/>')
    with pytest.raises(FileMalformed, match="document type"):
        read_all(FORMAT, tmp_path)


@given(st.integers(0), st.sampled_from(["meta.xml", "occurrence.txt", "multimedia.txt"]))
def test_damaged_archives_are_survived(seed: int, name: str) -> None:
    with TemporaryDirectory() as folder:
        path = archive(Path(folder))
        zipped(path, path / "a.zip")
        (path / "a.zip").write_bytes(mutated((path / "a.zip").read_bytes(), seed))
        (path / name).write_bytes(mutated((path / name).read_bytes(), seed))
        read_or_fail(FORMAT, path)
        read_or_fail(FORMAT, path / "a.zip")
        (path / "meta.xml").unlink()
        read_or_fail(FORMAT, path)


@given(st.binary())
def test_bytes_of_any_kind_are_survived(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        for name in ("meta.xml", "occurrence.csv", "a.zip"):
            Path(folder, name).write_bytes(data)
            read_or_fail(FORMAT, Path(folder, name))
        read_or_fail(FORMAT, Path(folder))
        Path(folder, "meta.xml").unlink()
        head = b"occurrenceID,scientificName,associatedMedia\n"
        Path(folder, "occurrence.csv").write_bytes(head + data)
        read_or_fail(FORMAT, Path(folder))
