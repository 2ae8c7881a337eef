"""A small format of annotations, for tests of what is not about a format."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.interchange.errors import FileMalformed
from lmpt_desktop.interchange.format import Format, Option, OptionChoice, OptionKind
from lmpt_desktop.interchange.reading.source_files import Sample, SourceFile
from lmpt_desktop.interchange.record import (
    HIERARCHY_SEPARATOR,
    BadRow,
    ClassRecord,
    FileFacts,
    ImageRecord,
    NotListed,
    Origin,
    Reading,
)

USUAL = {"": Verdict.PRESENT, "1": Verdict.PRESENT, "0": Verdict.ABSENT}


def read(source: SourceFile) -> Reading:
    """``path;class;value;score``, a class a line; a line with ``!`` is bad."""
    separator = source.options.get("separator", ";")
    with source.open() as file:
        lines = file.read().decode().splitlines()
    if lines and lines[0] == "broken":
        raise FileMalformed("The file is broken.")
    facts = [line.removeprefix("#class ") for line in lines if line.startswith("#class ")]
    notes = tuple(line.removeprefix("#note ") for line in lines if line.startswith("#note "))
    usual = NotListed.ABSENT_IN_FILE if "#absent" in lines else NotListed.UNKNOWN

    def items() -> Iterator[ImageRecord | BadRow]:
        for number, line in enumerate(lines, 1):
            source.check()
            if line.startswith("#"):
                continue
            if "!" in line:
                yield BadRow(number, "There is no class.", line)
                continue
            path, name, value, score = (line.split(separator) + [""] * 3)[:4]
            reviewed = {"r": True, "-": False}.get(score)
            machine = bool(score) and reviewed is None
            certain = score.strip("m")  # "m" alone: a machine that gives no scores
            record = ClassRecord(
                name.replace("|", HIERARCHY_SEPARATOR),
                USUAL.get(value),
                value,
                Origin.MACHINE if machine else Origin.UNSTATED,
                float(certain) if machine and certain else None,
            )
            yield ImageRecord(path, (record,) if name else (), number, reviewed=reviewed)

    return Reading(FileFacts(tuple(map(ClassSpec, facts)), usual, notes), items())


def sniff(sample: Sample) -> str:
    return "Its first line is #plain." if sample.head.startswith(b"#plain") else ""


def options(_path: Path) -> tuple[Option, ...]:
    return (
        Option(
            "separator",
            "Separator",
            OptionKind.CHOICE,
            ";",
            (OptionChoice(";", "Semicolon"), OptionChoice(",", "Comma")),
            "What is between the columns.",
        ),
    )


PLAIN = Format("plain", "Plain list", (".plain",), sniff, read, options=options)
OTHER = Format("other", "Other list", (".other",), None, read)
