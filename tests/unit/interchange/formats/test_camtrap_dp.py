from __future__ import annotations

import csv
import json
import re
from collections import Counter
from datetime import UTC
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hostile_files import mutated, odd_values, with_odd_value
from hypothesis import given
from hypothesis import strategies as st
from interchange_files import read_all, read_or_fail, shared_file
from interchange_records import ExportCase, export_cases
from zipped import zipped

from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.interchange.errors import FileMalformed
from lmpt_desktop.interchange.format import ExportFacts
from lmpt_desktop.interchange.formats.camtrap_dp import FORMAT
from lmpt_desktop.interchange.reading.source_files import SourceFile, sample_of
from lmpt_desktop.interchange.record import ClassRecord, ImageRecord, Origin


def counts(records: list[ImageRecord]) -> Counter[tuple[str, str]]:
    return Counter((item.name, item.origin.value) for record in records for item in record.classes)


MEDIA_LEVEL = {
    ("Anas platyrhynchos", "human"): 157,
    ("Homo sapiens", "human"): 33,
    ("Ardea cinerea", "human"): 30,
    ("Rattus norvegicus", "human"): 28,
    ("Ardea", "machine"): 20,
    ("vehicle", "human"): 20,
    ("Anas strepera", "human"): 16,
    ("Aves", "human"): 11,
    ("Martes foina", "human"): 10,
    ("Mustela putorius", "human"): 9,
    ("Vulpes vulpes", "human"): 6,
}


def test_the_example_of_the_standard() -> None:
    facts, records, bad = read_all(FORMAT, shared_file("camtrap-dp"))
    assert bad == []
    assert len(records) == 423
    assert len({record.path for record in records}) == 423
    assert records[0] == ImageRecord(
        "20200709093328-RCNX0001.JPG",
        (
            ClassRecord(
                "Anas platyrhynchos",
                Verdict.PRESENT,
                "animal",
                Origin.HUMAN,
                annotator="Observer 2",
            ),
        ),
        line=2,
    )
    assert counts(records) == MEDIA_LEVEL
    assert Counter(record.reviewed for record in records) == {True: 112, None: 311}
    assert sum(not record.classes for record in records) == 112 + 11
    scores = [item.score for record in records for item in record.classes if item.score]
    assert (len(scores), min(scores), max(scores)) == (20, 0.71, 0.9)
    assert len(facts.classes) == 10
    assert facts.classes[0] == ClassSpec("Anas platyrhynchos", aliases=("mallard", "wilde eend"))
    assert any("36 observations of events" in note for note in facts.notes)


def test_events_are_read_only_if_the_user_says_so() -> None:
    _facts, records, bad = read_all(FORMAT, shared_file("camtrap-dp"), level="events")
    assert bad == []
    assert len(records) == 423
    known = {record.path: record for record in read_all(FORMAT, shared_file("camtrap-dp"))[1]}
    # In this package each event says of its photos what the observations of the photos say.
    for record in records:
        media = {(item.name, item.origin) for item in known[record.path].classes}
        assert media <= {(item.name, item.origin) for item in record.classes}
    dated = [item.at for record in records for item in record.classes if item.at]
    assert dated and all(at.tzinfo is UTC for at in dated)


@pytest.mark.parametrize("base", ["", "a package/"])
def test_a_zip_reads_as_its_folder(tmp_path: Path, base: str) -> None:
    folder = shared_file("camtrap-dp")
    path = zipped(folder, tmp_path / "package.zip", base)
    assert FORMAT.sniff is not None
    for place in (folder, folder / "datapackage.json", path):
        assert (
            FORMAT.sniff(sample_of(place))
            == "Its datapackage.json names Camtrap DP as its profile."
        )
    assert read_all(FORMAT, path) == read_all(FORMAT, folder)
    assert read_all(FORMAT, folder / "datapackage.json") == read_all(FORMAT, folder)


def package(folder: Path, media: str, observations: str, **document: Any) -> Path:
    document = {"profile": "https://example.org/camtrap-dp-profile.json"} | document
    (folder / "datapackage.json").write_text(json.dumps(document))
    (folder / "media.csv").write_text(media)
    (folder / "observations.csv").write_text(observations)
    return folder


def test_what_each_type_of_observation_says(tmp_path: Path) -> None:
    path = package(
        tmp_path,
        "mediaID,deploymentID,timestamp,filePath,fileName\n"
        "1,d,2020-01-01T00:00:00Z,media/a.jpg,x.jpg\n"
        "2,d,2020-01-01T00:00:05Z,https://example.org/2/file,b.jpg\n"
        "3,d,2020-01-01T00:01:00Z,media/c.jpg,\n"
        "4,e,2020-01-01T00:00:00Z,media/d.jpg,\n"
        "5,e,2020-01-01T00:00:00Z,,\n",
        "mediaID,deploymentID,eventID,eventStart,eventEnd,observationType,scientificName,"
        "classificationMethod,classificationProbability\n"
        "1,d,,,,animal,,machine,0.25\n"
        "1,d,,,,blank,,human,\n"
        "2,d,,,,blank,,machine,0.9\n"
        "3,d,,,,unclassified,,,\n"
        "4,d,,,,vehicle,,,1.5\n"
        "77,d,,,,vehicle,,,\n"
        ",d,e1,2020-01-01T01:00:00+01:00,2020-01-01T00:00:05Z,animal,Lynx lynx,human,\n"
        ",d,e2,,,animal,Lynx lynx,human,\n",
    )
    _facts, records, bad = read_all(FORMAT, path)
    machine = ClassRecord("animal", Verdict.PRESENT, "animal", Origin.MACHINE, 0.25)
    vehicle = ClassRecord("vehicle", Verdict.PRESENT, "vehicle")
    assert [record._replace(line=0) for record in records] == [
        ImageRecord("media/a.jpg", (machine,), reviewed=True),
        ImageRecord("b.jpg"),
        ImageRecord("media/c.jpg"),
        ImageRecord("media/d.jpg", (vehicle,)),
    ]
    assert [(row.line, row.reason) for row in bad] == [
        (6, "The row names no photo."),
        (7, "The observation is of a photo that is not listed."),
    ]
    _facts, records, bad = read_all(FORMAT, path, level="events")
    lynx = ClassRecord("Lynx lynx", Verdict.PRESENT, "animal", Origin.HUMAN)
    assert [record.classes for record in records] == [
        (machine, lynx),
        (lynx,),
        (),
        (vehicle,),
    ]
    assert records[0].reviewed is None
    assert bad[0].reason == "The event has no times."


def export(folder: Path, case: ExportCase) -> Path:
    assert FORMAT.write is not None
    path = folder / "out"
    FORMAT.write(iter(case.records), ExportFacts(case.classes, name="My photos"), path)
    return path


@given(export_cases())
def test_what_is_written_reads_back_as_announced(case: ExportCase) -> None:
    with TemporaryDirectory() as folder:
        _facts, records, bad = read_all(FORMAT, export(Path(folder), case))
    assert bad == []
    held = [FORMAT.held(record, {}) for record in case.records]
    assert [record._replace(line=0) for record in records] == held


@given(export_cases())
def test_a_written_package_is_valid(case: ExportCase) -> None:
    """Against what Camtrap DP 1.0.2 requires of tables and metadata."""
    with TemporaryDirectory() as folder:
        path = export(Path(folder), case)
        document = json.loads((path / "datapackage.json").read_text(encoding="utf-8"))
        tables = {
            name: list(csv.reader((path / f"{name}.csv").open(encoding="utf-8", newline="")))
            for name in ("deployments", "media", "observations")
        }
    assert set(document) >= {
        *("resources", "profile", "created", "contributors", "project", "spatial", "temporal"),
        "taxonomic",
    }
    assert document["profile"].endswith("/camtrap-dp/1.0.2/camtrap-dp-profile.json")
    assert {item["name"]: item["path"] for item in document["resources"]} == {
        name: f"{name}.csv" for name in tables
    }
    for name, required in {
        "deployments": "deploymentID latitude longitude deploymentStart deploymentEnd",
        "media": "mediaID deploymentID timestamp filePath filePublic fileMediatype",
        "observations": "observationID deploymentID eventStart eventEnd observationLevel "
        "observationType",
    }.items():
        real = shared_file(f"camtrap-dp/{name}.csv").read_text(encoding="utf-8").splitlines()[0]
        header, *rows = tables[name]
        assert header == real.split(",")
        for row in rows:
            assert all(row[header.index(column)] for column in required.split())
        assert len({row[0] for row in rows}) == len(rows)
    header, *media = tables["media"]
    deployments = {row[0] for row in tables["deployments"][1:]}
    assert deployments
    for row in media:
        assert row[header.index("deploymentID")] in deployments
        place = row[header.index("filePath")]
        assert re.fullmatch(r"(?=[^./~])((?!\.{2}).)*", place)
        place.encode()
    header, *observations = tables["observations"]
    for row in observations:
        assert row[header.index("mediaID")] in {item[0] for item in media}
        assert row[header.index("observationType")] in ("animal", "human", "vehicle", "blank")
        assert row[header.index("classificationMethod")] in ("human", "machine")


def test_a_reviewed_photo_without_anything_is_blank(tmp_path: Path) -> None:
    classes = (
        ClassRecord("Vulpes vulpes", origin=Origin.HUMAN),
        ClassRecord("dog", Verdict.ABSENT, origin=Origin.HUMAN),
        ClassRecord("Person", origin=Origin.MACHINE, score=0.5),
    )
    records = (
        ImageRecord("a.jpg", classes, folder="/x/site 1", reviewed=True),
        ImageRecord("/x/site 2/b.jpg", classes[1:], folder="/x/site 2", reviewed=True),
        ImageRecord("c.jpg", folder="/x/site 2", reviewed=False),
    )
    path = export(tmp_path, ExportCase((), records))
    rows = list(csv.DictReader((path / "observations.csv").open(encoding="utf-8", newline="")))
    assert [
        (row["observationID"], row["observationType"], row["scientificName"]) for row in rows
    ] == [
        ("1_1", "animal", "Vulpes vulpes"),
        ("1_2", "human", "Person"),
        ("2_0", "blank", ""),
        ("2_1", "human", "Person"),
    ]
    assert rows[1]["classificationProbability"] == "0.5"
    media = list(csv.DictReader((path / "media.csv").open(encoding="utf-8", newline="")))
    assert [row["filePath"] for row in media] == ["a.jpg", "file:/x/site%202/b.jpg", "c.jpg"]
    deployments = (path / "deployments.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[:7] for line in deployments[1:]] == [
        ["1", "", "site 1", "0", "0", "20037508", "1970-01-01T00:00:00Z"],
        ["2", "", "site 2", "0", "0", "20037508", "1970-01-01T00:00:00Z"],
    ]


def test_nothing_outside_the_package_is_read(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret.csv").write_text("mediaID,filePath\n1,a.jpg\n")
    for name in ("../secret.csv", str(tmp_path / "secret.csv"), "..\\secret.csv"):
        path = package(inside, "", "", resources=[{"name": "media", "path": name}])
        with pytest.raises(FileMalformed, match="outside"):
            read_all(FORMAT, path)


_DOCUMENT = {
    "profile": "camtrap-dp",
    "resources": [
        {"name": "media", "path": "media.csv"},
        {"name": "observations", "path": "observations.csv"},
    ],
    "taxonomic": [{"scientificName": "Vulpes vulpes", "vernacularNames": {"eng": "fox"}}],
}
_MEDIA = b"mediaID,deploymentID,timestamp,filePath\n1,d,2020-01-01T00:00:00Z,a.jpg\n"
_OBSERVATIONS = (
    b"mediaID,deploymentID,eventID,eventStart,eventEnd,observationType,classificationProbability\n"
    b"1,d,,,,animal,0.5\n,d,e,2020-01-01T00:00:00Z,2020-01-01T00:00:05Z,animal,\n"
)


@given(odd_values, st.integers(0))
def test_values_of_any_type_are_survived(value: Any, seed: int) -> None:
    with TemporaryDirectory() as folder:
        path = package(Path(folder), _MEDIA.decode(), _OBSERVATIONS.decode())
        (path / "datapackage.json").write_bytes(with_odd_value(_DOCUMENT, value, seed))
        read_or_fail(FORMAT, path)
        read_or_fail(FORMAT, path / "datapackage.json")


@given(st.integers(0), st.sampled_from(["media.csv", "observations.csv", "datapackage.json"]))
def test_damaged_tables_and_zips_are_survived(seed: int, name: str) -> None:
    with TemporaryDirectory() as folder:
        path = package(Path(folder), _MEDIA.decode(), _OBSERVATIONS.decode(), **_DOCUMENT)
        archive = zipped(path, path / "package.zip")
        (path / "damaged.zip").write_bytes(mutated(archive.read_bytes(), seed))
        (path / name).write_bytes(mutated((path / name).read_bytes(), seed))
        read_or_fail(FORMAT, path / "damaged.zip", level="events")
        read_or_fail(FORMAT, path, level="events")


@given(st.binary())
def test_bytes_of_any_kind_are_survived(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        for name in ("datapackage.json", "media.csv", "observations.csv", "a.zip"):
            Path(folder, name).write_bytes(data)
        read_or_fail(FORMAT, Path(folder))
        Path(folder, "datapackage.json").write_text("{}")
        read_or_fail(FORMAT, Path(folder), level="events")
        read_or_fail(FORMAT, Path(folder, "a.zip"))


def test_a_package_without_tables_is_refused(tmp_path: Path) -> None:
    assert FORMAT.read is not None
    with pytest.raises(FileMalformed, match=r"has no datapackage\.json"):
        FORMAT.read(SourceFile(tmp_path))
