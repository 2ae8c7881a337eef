"""Whatever a library holds, each format reads back exactly what it says it holds."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from interchange_records import ExportCase, export_cases

from lmpt_desktop.domain.records import ClassSpec, Source, Verdict
from lmpt_desktop.interchange.errors import InterchangeError
from lmpt_desktop.interchange.exporting.exporter import count_export, write_and_check
from lmpt_desktop.interchange.format import ExportFacts, Format, Loss, Options
from lmpt_desktop.interchange.record import PREDICTION, ClassRecord, ImageRecord, Origin
from lmpt_desktop.interchange.registry import named, writable

COMMAS = {"style": "commas"}
FORMATS = [
    *(pytest.param(item, {}, id=item.name) for item in writable()),
    pytest.param(named("txt"), COMMAS, id="txt, commas"),
    pytest.param(named("csv-wide"), {"split": "yes"}, id="csv-wide, split"),
    pytest.param(named("csv-long"), {"split": "yes"}, id="csv-long, split"),
]
WRITERS = [item for item in FORMATS if isinstance(item.values[0], Format) and item.values[0].write]


@pytest.mark.parametrize(("format_", "options"), WRITERS)
@settings(max_examples=15, deadline=None)
@given(case=export_cases())
def test_it_reads_back_what_it_holds(format_: Format, options: Options, case: ExportCase) -> None:
    facts = ExportFacts(case.classes, options, "My photos")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / f"out{(*format_.suffixes, '')[0]}"
        try:
            found = write_and_check(lambda: iter(case.records), facts, format_, out)
        except InterchangeError as error:
            assume("Two photos would have the same text file" not in str(error))
            raise
        assert found == []


def test_a_comma_in_the_only_class_of_a_photo_without_a_suffix(tmp_path: Path) -> None:
    said = ClassRecord("a, b", Verdict.PRESENT, origin=Origin.HUMAN)
    records = [ImageRecord(name, (said,), folder="/photos") for name in ("one", "two.jpg")]
    facts = ExportFacts((ClassSpec("a, b"),), {}, "My photos")
    assert write_and_check(lambda: iter(records), facts, named("txt"), tmp_path / "out") == []
    written = {path.name: path.read_text("utf-8") for path in (tmp_path / "out").rglob("*.txt")}
    assert written == {"one.txt": "a b\n", "two.jpg.txt": "a, b\n"}


@pytest.mark.parametrize(("format_", "options"), FORMATS)
@settings(max_examples=15, deadline=None)
@given(case=export_cases())
def test_it_loses_only_what_it_says_it_cannot_hold(
    format_: Format, options: Options, case: ExportCase
) -> None:
    found = count_export(case.records, ExportFacts(case.classes, options), format_)
    assert {item.loss for item in found.losses} <= set(format_.cannot_hold)


@pytest.mark.parametrize(("format_", "options"), FORMATS)
@settings(max_examples=15, deadline=None)
@given(case=export_cases())
def test_nothing_that_a_model_said_reads_back_as_a_persons_word(
    format_: Format, options: Options, case: ExportCase
) -> None:
    for record in case.records:
        machine = {item.name for item in record.classes if item.origin is Origin.MACHINE}
        held = format_.held(record, options)
        for item in held.classes if held is not None else ():
            assert item.origin is Origin.MACHINE or item.name not in machine


# ---------------------------------------------------------------------------- each loss by itself

DOG = ClassSpec("dog")
SAID = ClassRecord("dog", Verdict.PRESENT, origin=Origin.HUMAN, source=Source.USER.value)
PHOTO = ImageRecord(
    "a.jpg", (SAID,), folder="/photos", reviewed=False, state="ok", width=640, height=480
)
GUESS = ClassRecord("cat", Verdict.PRESENT, origin=Origin.MACHINE, score=0.75, source=PREDICTION)
ODD_NAMES = (
    "=SUM(A1,A2)",
    "a|b",
    "a, b",
    "control\x01character",
    "two\nlines",
    " spaces ",
    "not \ufffe a one",
)


def _with(item: ClassRecord) -> ImageRecord:
    return PHOTO._replace(classes=(SAID, item))


CASES: dict[Loss, tuple[ImageRecord, tuple[ClassSpec, ...]]] = {
    Loss.ABSENT: (
        _with(ClassRecord("cat", Verdict.ABSENT, origin=Origin.HUMAN, source="user")),
        (DOG, ClassSpec("cat")),
    ),
    Loss.REVIEWED: (PHOTO._replace(reviewed=True), (DOG,)),
    Loss.PREDICTION: (_with(GUESS), (DOG, ClassSpec("cat"))),
    Loss.SCORE: (_with(GUESS), (DOG, ClassSpec("cat"))),
    Loss.SOURCE: (PHOTO._replace(classes=(SAID._replace(source="import"),)), (DOG,)),
    Loss.EMPTY_IMAGE: (PHOTO._replace(classes=()), ()),
    Loss.PLACE: (PHOTO, (DOG,)),
    Loss.HASH: (PHOTO._replace(fingerprint="0123", file_hash="4567"), (DOG,)),
    Loss.SPLIT: (PHOTO._replace(split="test"), (DOG,)),
    Loss.CAPTION: (PHOTO._replace(caption="A dog."), (DOG,)),
    Loss.STATE: (PHOTO._replace(state="missing"), (DOG,)),
    Loss.CLASS_NAME: (
        PHOTO._replace(classes=tuple(SAID._replace(name=name) for name in ODD_NAMES)),
        tuple(map(ClassSpec, ODD_NAMES)),
    ),
    Loss.CLASS_DETAILS: (PHOTO, (ClassSpec("dog", "A pet.", ("hound",), "#aa0000"),)),
}


@pytest.mark.parametrize("loss", Loss)
@pytest.mark.parametrize(("format_", "options"), FORMATS[: len(writable())])
def test_what_a_format_cannot_hold_is_counted_where_it_is(
    format_: Format, options: Options, loss: Loss
) -> None:
    record, classes = CASES[loss]
    found = count_export([record], ExportFacts(classes, options), format_)
    assert (loss in {item.loss for item in found.losses}) == (loss in format_.cannot_hold)


@pytest.mark.parametrize(("format_", "options"), FORMATS[: len(writable())])
def test_what_was_imported_from_a_machine_stays_a_machines_word_or_is_left_out(
    format_: Format, options: Options
) -> None:
    machine = ClassRecord("cat", origin=Origin.MACHINE, source=Source.MACHINE.value)
    record = _with(machine)
    facts = ExportFacts((DOG, ClassSpec("cat")), options)
    held = format_.held(record, options)
    assert held is not None
    assert {(item.name, item.origin) for item in held.classes if item.name == "cat"} <= {
        ("cat", Origin.MACHINE)
    }
    lost = {item.loss for item in count_export([record], facts, format_).losses}
    is_left_out = len(held.classes) == 1
    assert (Loss.PREDICTION in lost) == is_left_out == (Loss.PREDICTION in format_.cannot_hold)
