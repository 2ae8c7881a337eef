"""The CSV for ExifTool: checked with ExifTool itself, on copies of photos."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest
from photo_bytes import picture, written
from photo_containers import exiftool
from read_tables import read_table

from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.interchange.errors import FileMalformed
from lmpt_desktop.interchange.format import ExportFacts
from lmpt_desktop.interchange.formats.tables import exiftool as exiftool_csv
from lmpt_desktop.interchange.formats.tables.formats import EXIFTOOL_CSV
from lmpt_desktop.interchange.record import (
    HIERARCHY_SEPARATOR,
    ClassRecord,
    ImageRecord,
    Origin,
)
from lmpt_desktop.interchange.registry import detect

NAMES = (
    "dog",
    "Dog",
    "traffic light",
    " outer spaces ",
    "comma, semicolon; bar| colon:",
    "double \"quotes\" and 'single'",
    '"',
    "two\nlines",
    "animal/dog",
    "<b>&amp;</b>",
    "=1+1",
    "-",
    "@at",
    "#hash ##",
    "Straße",
    "كلب",
    "👩‍👩‍👧‍👦 family",
    "bar|;semicolon",
    "x" * 300,
)
PATHS = (
    "a.jpg",
    "2024 summer/a.jpg",
    "comma, quote.jpg",
    "=formula.jpg",
    "ü 日本.jpg",
    os.fsdecode(b"latin-1 \xe4.jpg"),
)


def human(name: str, verdict: Verdict = Verdict.PRESENT) -> ClassRecord:
    return ClassRecord(name, verdict, origin=Origin.HUMAN, source="user")


def keywords(path: Path, tag: str) -> list[str]:
    """Keywords in a photo, each as its bytes are."""
    done = subprocess.run(
        [exiftool(), "-b", "-sep", "\x1e", f"-{tag}", str(path)], capture_output=True, check=True
    )
    text = done.stdout.decode().removesuffix("\n")
    # Read without -sep, list items would be one per line.
    return text.split("\x1e") if text else []


def run(command: str, folder: Path) -> str:
    """Type a command."""
    words = shlex.split(command)
    assert words[0] == "exiftool"
    done = subprocess.run(
        [exiftool(), *words[1:]], capture_output=True, cwd=folder, check=False, timeout=120
    )
    return (done.stdout + done.stderr).decode(errors="replace")


def drawn_photos(folder: Path) -> None:
    for seed, name in enumerate(PATHS):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(written(picture(seed), ".jpeg"))


@pytest.mark.parametrize("absolute", [False, True])
def test_keywords_land_in_photos_exactly(tmp_path: Path, absolute: bool) -> None:
    photos = tmp_path / "my photos"
    photos.mkdir()
    drawn_photos(photos)
    before = (photos / PATHS[1]).read_bytes()
    records = [
        ImageRecord(
            str(photos / path) if absolute else path,
            tuple(map(human, names)),
            folder=str(photos),
        )
        for path, names in zip(
            PATHS, (NAMES, (), ("dog",), ("=1+1", "dog"), NAMES[3:9], ("dog", "Dog")), strict=True
        )
    ]
    out = tmp_path / "key words.csv"
    assert EXIFTOOL_CSV.write is not None
    EXIFTOOL_CSV.write(records, ExportFacts(tuple(map(ClassSpec, NAMES))), out)

    said = run(exiftool_csv.command_for(out, photos), tmp_path)

    assert "5 image files updated" in said
    for record in records:
        expected = [item.name for item in record.classes]
        place = photos / record.path
        assert keywords(place, "XMP-dc:Subject") == expected
        assert keywords(place, "XMP-lr:HierarchicalSubject") == expected
    assert (photos / PATHS[1]).read_bytes() == before


def test_keywords_replace_those_of_the_photo_or_are_added(tmp_path: Path) -> None:
    photo = tmp_path / "a.jpg"
    photo.write_bytes(written(picture(1), ".jpeg"))
    out = tmp_path / "out.csv"
    assert EXIFTOOL_CSV.write is not None
    facts = ExportFacts((ClassSpec("dog"), ClassSpec("cat")))
    EXIFTOOL_CSV.write([ImageRecord("a.jpg", (human("dog"),), folder=str(tmp_path))], facts, out)
    run(exiftool_csv.command_for(out, tmp_path), tmp_path)
    EXIFTOOL_CSV.write([ImageRecord("a.jpg", (human("cat"),), folder=str(tmp_path))], facts, out)

    run(exiftool_csv.command_for(out, tmp_path, add=True), tmp_path)
    assert keywords(photo, "XMP-dc:Subject") == ["dog", "cat"]
    run(exiftool_csv.command_for(out, tmp_path), tmp_path)
    assert keywords(photo, "XMP-dc:Subject") == ["cat"]


def test_what_exiftool_exports_is_read(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    drawn_photos(photos)
    subprocess.run(
        [
            *(
                exiftool(),
                "-q",
                "-overwrite_original",
                "-XMP-dc:Subject=dog",
                "-XMP-dc:Subject=sea",
            ),
            *(
                "-XMP-lr:HierarchicalSubject=animal|dog",
                "-IPTC:Keywords=sun",
                str(photos / "a.jpg"),
            ),
        ],
        check=True,
    )
    for options, names in (
        (["-G1", "-XMP-dc:Subject"], ["dog", "sea"]),
        (["-Subject", "-HierarchicalSubject"], [f"animal{HIERARCHY_SEPARATOR}dog", "sea"]),
        (["-G1", "-Keywords", "-ImageWidth"], ["sun"]),
    ):
        done = subprocess.run(
            [exiftool(), "-csv", *options, str(photos)], capture_output=True, check=True
        )
        out = tmp_path / "given.csv"
        out.write_bytes(done.stdout)
        assert detect(out)[0].format is EXIFTOOL_CSV
        assert [item.default for item in EXIFTOOL_CSV.options(out)] == [", "]
        _facts, records, bad = read_table(EXIFTOOL_CSV, out)
        assert bad == []
        found = {record.path: [item.name for item in record.classes] for record in records}
        assert found[str(photos / "a.jpg")] == names


def test_the_file_tells_what_to_type(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    assert EXIFTOOL_CSV.write is not None
    EXIFTOOL_CSV.write(
        [ImageRecord("b/a.jpg", (human("big dog"), human("cat", Verdict.ABSENT)), folder="/p")],
        ExportFacts((ClassSpec("big dog"), ClassSpec("cat"))),
        out,
    )
    assert out.read_text() == (
        "SourceFile,Directory,XMP-dc:Subject,XMP-lr:HierarchicalSubject,,|;\n"
        "/p/b/a.jpg,/p,big dog,big dog\n"
    )
    assert [item.default for item in EXIFTOOL_CSV.options(out)] == ["|;"]
    if os.name == "posix":
        command = exiftool_csv.command_for(out, Path("/my photos"))
        assert command == f"exiftool -r -csv={out} -sep '|;' '/my photos'"


def test_a_separator_is_in_no_name(tmp_path: Path) -> None:
    names = ("a|;b", "|", ";", "|~", ";|", "|#x")
    out = tmp_path / "out.csv"
    record = ImageRecord("a.jpg", tuple(map(human, names)), folder="/p")
    assert EXIFTOOL_CSV.write is not None
    EXIFTOOL_CSV.write([record], ExportFacts(tuple(map(ClassSpec, names))), out)
    _facts, records, _bad = read_table(EXIFTOOL_CSV, out)
    assert [item.name for item in records[0].classes] == list(names)


def test_a_keyword_that_a_spreadsheet_would_run_in_parts_gets_a_space(tmp_path: Path) -> None:
    names = ("=a,=b", "=c")
    out = tmp_path / "out.csv"
    facts = ExportFacts(tuple(map(ClassSpec, names)))
    records = [
        ImageRecord("a.jpg", (human("=a,=b"), human("=c")), folder="/p"),
        ImageRecord("b.jpg", (human("=c"),), folder="/p"),
    ]
    assert EXIFTOOL_CSV.write is not None
    EXIFTOOL_CSV.write(records, facts, out)
    assert out.read_text().splitlines()[1:] == [
        '/p/a.jpg,/p," =a,=b|;=c"," =a,=b|;=c"',
        '/p/b.jpg,/p, "=c", "=c"',
    ]
    assert [item.name for item in read_table(EXIFTOOL_CSV, out)[1][0].classes] == [" =a,=b", "=c"]


def test_what_to_do_if_no_separator_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exiftool_csv, "_MAX_TRIES", 1)
    facts = ExportFacts((ClassSpec("a|;b"),))
    with pytest.raises(FileMalformed, match="Export fewer classes, or rename"):
        exiftool_csv.write([], facts, tmp_path / "out.csv")
