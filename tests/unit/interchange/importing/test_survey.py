"""Reading a whole file into columns."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from import_model import survey_of

from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.interchange import registry
from lmpt_desktop.interchange.errors import Cancelled, FormatUnknown, InterchangeError
from lmpt_desktop.interchange.format import Format
from lmpt_desktop.interchange.importing.survey import (
    MAX_BAD_ROWS,
    MAX_PATH_LENGTH,
    ImageReference,
    collect,
    survey,
)
from lmpt_desktop.interchange.reading.source_files import SourceFile
from lmpt_desktop.interchange.record import (
    BadRow,
    ClassRecord,
    FileFacts,
    ImageRecord,
    Origin,
    Reading,
)

PATH = Path("/file.csv")


def test_every_cell_is_a_row_of_the_columns() -> None:
    read = survey_of(
        [
            ImageRecord(
                "a.jpg",
                (
                    ClassRecord("ant", Verdict.PRESENT, "1", Origin.HUMAN, source="reviewed"),
                    ClassRecord("bee", None, "-1", Origin.MACHINE, 0.25, source="prediction"),
                ),
                line=2,
            ),
            ImageRecord("b.jpg", (ClassRecord("ant", Verdict.ABSENT, "0"),), 3, reviewed=False),
        ],
        ["cat", "bee", "cat"],
    )
    assert read.references == (ImageReference("a.jpg", line=2), ImageReference("b.jpg", line=3))
    assert read.class_names == ("cat", "bee", "ant")
    assert read.declared == (ClassSpec("cat"), ClassSpec("bee"))
    assert read.values == ("1", "-1", "0")
    assert read.usual_verdicts == (Verdict.PRESENT, None, None)
    assert read.cell_images.tolist() == [0, 0, 1]
    assert read.cell_classes.tolist() == [2, 1, 2]
    assert read.cell_values.tolist() == [0, 1, 2]
    assert read.origins.tolist() == [1, 2, 0]
    assert read.sources.tolist() == [1, -1, -1]
    np.testing.assert_array_equal(read.scores, np.array([np.nan, 0.25, np.nan], np.float32))
    assert read.reviewed.tolist() == [-1, 0]
    assert read.images_per_class.tolist() == [0, 1, 2]


def test_an_image_that_is_listed_twice_is_one() -> None:
    read = survey_of(
        [
            ImageRecord("a.jpg", (ClassRecord("ant"),), 1, reviewed=False),
            ImageRecord("a.jpg", (ClassRecord("bee"),), 2, reviewed=True),
            ImageRecord("a.jpg", (), 3),
            ImageRecord("a.jpg", (), 4, folder="/photos"),
            ImageRecord("a.jpg", (), 5, file_hash="1234"),
            ImageRecord("A.jpg", (), 6),
        ]
    )
    assert [item.line for item in read.references] == [1, 4, 5, 6]
    assert read.cell_images.tolist() == [0, 0]
    assert read.reviewed.tolist() == [1, -1, -1, -1]


@pytest.mark.parametrize("score", [math.nan, math.inf, -0.1, 1.5, 1e300, 10**400])
def test_what_is_no_score_is_none(score: float) -> None:
    read = survey_of([ImageRecord("a.jpg", (ClassRecord("ant", score=score),))])
    assert np.isnan(read.scores).all()


def test_bad_rows_are_counted_and_the_first_are_kept() -> None:
    def items() -> Iterator[ImageRecord | BadRow]:
        for line in range(MAX_BAD_ROWS + 5):
            yield BadRow(line, "This is no row.")
            yield ImageRecord(f"{line}.jpg")

    read = collect(Reading(FileFacts(), items()), PATH, "csv", {})
    assert (len(read.bad_rows), read.bad_row_count) == (MAX_BAD_ROWS, MAX_BAD_ROWS + 5)
    assert read.bad_rows[1] == BadRow(1, "This is no row.")
    assert len(read.references) == MAX_BAD_ROWS + 5


def test_an_empty_file_has_empty_columns() -> None:
    read = survey_of([])
    assert len(read.cell_images) == len(read.scores) == len(read.reviewed) == 0
    assert read.images_per_class.tolist() == []


def test_it_ends_when_it_is_cancelled() -> None:
    def endless() -> Iterator[ImageRecord]:
        while True:
            yield ImageRecord("a.jpg")

    answers = iter([False, False])
    with pytest.raises(Cancelled):
        collect(
            Reading(FileFacts(), endless()), PATH, "csv", {}, cancelled=lambda: next(answers, True)
        )


def test_a_format_reads_its_file_with_its_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(source: SourceFile) -> Reading:
        with source.open() as file:
            names = [line.decode().strip() for line in file]
        assert source.photos == (Path("/photos/a.jpg"),)
        said = (ClassRecord(source.options["class"]),)
        return Reading(FileFacts(), iter([ImageRecord(name, said) for name in names]))

    lines = Format("lines", "Lines", (".txt",), read=read)
    unread = Format("unread", "Unread", (".txt",))
    monkeypatch.setattr(registry, "FORMATS", (lines, unread))
    file = tmp_path / "a.txt"
    file.write_text("a.jpg\nb.jpg\n")
    seen: list[tuple[int, int]] = []
    made = survey(
        file,
        "lines",
        {"class": "ant"},
        photos=(Path("/photos/a.jpg"),),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert [item.path for item in made.references] == ["a.jpg", "b.jpg"]
    assert (made.path, made.format_name, made.options) == (file, "lines", {"class": "ant"})
    assert made.class_names == ("ant",) and seen[-1] == (12, 12)
    with pytest.raises(Cancelled):
        survey(file, "lines", {"class": "ant"}, cancelled=lambda: True)
    with pytest.raises(InterchangeError, match="Unread can be written"):
        survey(file, "unread", {})
    with pytest.raises(FormatUnknown, match="lines"):
        survey(file, "other", {})


VOC_SETS = {"ImageSets/Main/dog_train.txt": "a  1\na  x\nb  1\n"}


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("yolo", {"labels/a.txt": "0 .5 .5 .1 .1\n1 .5 .5 oops .1\n", "labels/b.txt": ""}),
        ("voc", VOC_SETS),
        ("voc", {"ImageSets/Main/dog_train.txt": "a  1\nb  1\n", "Annotations/a.xml": "<no"}),
        ("coco", {"": json.dumps({
            "images": [{"id": 1, "file_name": "a"}, {"id": 2, "file_name": "b"}],
            "categories": [{"id": 1, "name": "dog"}],
            "annotations": [{"image_id": 1, "category_id": 1}, {"image_id": 1, "category_id": 9}],
        })}),
        ("csv-wide", {"": "path,dog,cat\na,1,0\na,1\nb,1,1\n"}),
        ("csv-long", {"": "path,class,verdict,score,source\n"
                          "a,dog,present,,\na,cat\nb,dog,present,,\n"}),
        ("jsonl", {"": '{"path": "a", "present": []}\n{"path": "a", "present": 1}\n'
                       '{"path": "b", "present": []}\n'}),
    ],
)  # fmt: skip
def test_a_bad_row_tells_of_which_image_a_part_was_not_read(
    tmp_path: Path, name: str, files: dict[str, str]
) -> None:
    path = tmp_path / "file"
    for place, text in files.items():
        (path / place).parent.mkdir(parents=True, exist_ok=True)
        (path / place).write_text(text)
    read = survey(path, name, {})
    assert read.bad_row_count == 1
    stems = [Path(item.path).stem for item in read.references]
    assert dict(zip(stems, read.partly_read.tolist(), strict=True)) == {"a": True, "b": False}


def test_of_a_picture_in_the_place_of_a_path_an_excerpt_is_kept() -> None:
    pictures = [f"data:image/png;base64,{'A' * 100_000}{end}" for end in ("x", "y", "x")]
    read = survey_of([ImageRecord(path, (ClassRecord("ant"),)) for path in pictures])
    assert len(read.references) == 2 and read.cell_images.tolist() == [0, 1, 0]
    assert all(len(item.path) < 200 for item in read.references)
    assert read.references[0].path.startswith("data:image/png;base64,AAA")
    longest = "d/" * (MAX_PATH_LENGTH // 2)
    assert survey_of([ImageRecord(longest)]).references[0].path == longest


@pytest.mark.parametrize("zero", ["0", "0.0"])
def test_zero_is_certain_only_where_minus_one_is(zero: str) -> None:
    absent = ClassRecord("ant", Verdict.ABSENT, zero)
    for minus_one, expected in [(None, None), (Verdict.UNKNOWN, Verdict.ABSENT)]:
        read = survey_of(
            [
                ImageRecord("a.jpg", (absent, ClassRecord("bee", Verdict.ABSENT, "no"))),
                ImageRecord("b.jpg", (ClassRecord("ant", minus_one, "-1"),)),
            ]
        )
        assert dict(zip(read.values, read.usual_verdicts, strict=True)) == {
            zero: expected,
            "no": Verdict.ABSENT,
            "-1": minus_one,
        }


def test_a_file_that_names_no_end_of_classes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lmpt_desktop.interchange.importing.survey.MAX_CLASS_NAMES", 3)

    def records(count: int) -> Iterator[ImageRecord]:
        for number in range(count):
            yield ImageRecord("a.jpg", (ClassRecord(f"ant {number}"),))

    assert len(collect(Reading(FileFacts(), records(3)), PATH, "csv", {}).class_names) == 3
    with pytest.raises(InterchangeError, match="more than 3 different classes"):
        collect(Reading(FileFacts(), records(4)), PATH, "csv", {})
