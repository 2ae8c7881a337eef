"""Hypothesis strategies for what the exporter hands to a writer: vocabularies and image records.

Names and paths are as nasty as a catalogue allows, and names nastier (outer spaces, newlines).
A writer's test reads back what it wrote and compares it with ``held`` of each record.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from lmpt_desktop.domain.records import ClassSpec, Source, Verdict
from lmpt_desktop.interchange.record import PREDICTION, ClassRecord, ImageRecord, Origin

NASTY_NAMES = (
    "dog",
    "Dog",
    "DOG",
    "traffic light",
    " leading and trailing ",
    "comma, semicolon; colon: bar|",
    "double \"quotes\" and 'single'",
    "two\nlines",
    "carriage\rreturn",
    "tab\there",
    "slash/back\\slash",
    "animal|dog",
    "animal/dog",
    "<b>&amp;</b>",
    "]]>",
    "{curly} [square]",
    "=1+1",
    "-minus",
    "+plus",
    "@at",
    "'apostrophe",
    "#hash",
    "%41%",
    "null",
    "true",
    "NaN",
    "-1",
    "0",
    "1",
    "Straße",
    "e\u0301 decomposed",
    "\u00e9 composed",
    "كلب",
    "\u202eright to left\u202c",
    "👩‍👩‍👧‍👦 family",
    "日本語",
    "\ufeffbyte-order mark",
    "zero\u200bwidth",
    "control\x01character",
    "delete\x7f",
    "next\x85line",
    "line\u2028separator",
    "not a character \ufffe",
    "x" * 300,
    ".",
    "..",
    "path",
    "present",
    "train",
)
NASTY_PARTS = (
    "a.jpg",
    "A.JPG",
    "IMG 0001.jpeg",
    "100% #1.jpg",
    "%20.jpg",
    "back\\slash.jpg",
    "comma, semicolon;.jpg",
    'quote".jpg',
    "two\nlines.jpg",
    "tab\t.jpg",
    "=formula.jpg",
    "ü\u0308 日本.jpg",
    "👍.heic",
    "no suffix",
    ".hidden.png",
    "a.b.c.tif",
    " space ",
    "<&>.jpg",
    "x" * 150 + ".jpg",
    os.fsdecode(b"latin-1 \xe4.jpg"),
    os.fsdecode(b"\xff\xfe"),
)
FOLDERS = ("/photos", "/photos/2024 summer", "/mnt/Ünïcode", os.fsdecode(b"/mnt/\xe4"), "/")
HUMAN_SOURCES = (Source.USER.value, Source.USER.value, Source.REVIEWED.value, Source.IMPORT.value)
_HASHES = st.sampled_from(["", "0123456789abcdef", "fedcba98765432100123456789abcdef"])


@dataclass(frozen=True)
class ExportCase:
    """A vocabulary, and records that name only classes of it."""

    classes: tuple[ClassSpec, ...]
    records: tuple[ImageRecord, ...]


def class_names() -> st.SearchStrategy[str]:
    """Names with something in them besides white space; no surrogates and no NUL, which no
    catalogue has."""
    anything = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
    return st.one_of(st.sampled_from(NASTY_NAMES), anything.filter(lambda name: bool(name.strip())))


@st.composite
def vocabularies(draw: st.DrawFn, max_size: int = 5) -> tuple[ClassSpec, ...]:
    """Classes with distinct names; some of these differ in case only.  None has its own name as
    another name, as the catalogue sees to."""
    names = draw(st.lists(class_names(), max_size=max_size, unique=True))
    details = st.one_of(st.just(""), class_names())
    return tuple(
        ClassSpec(
            name,
            description=draw(details),
            aliases=tuple(
                draw(
                    st.lists(
                        class_names().filter(lambda n, own=name: n != own), max_size=2, unique=True
                    )
                )
            ),
            colour=draw(st.sampled_from(["", "#12aBcd"])),
        )
        for name in names
    )


def paths() -> st.SearchStrategy[str]:
    """Relative paths as the catalogue has them: normalised, "/" between parts, bytes that are not
    UTF-8 as surrogate escapes."""
    part = st.one_of(
        st.sampled_from(NASTY_PARTS),
        st.binary(min_size=1, max_size=12).map(os.fsdecode),
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12),
    ).filter(lambda name: name not in (".", "..") and not {"/", "\0"} & set(name))
    return st.lists(part, min_size=1, max_size=3).map("/".join)


def captions() -> st.SearchStrategy[str]:
    """Mostly none; else stripped text of one or more lines."""
    text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
    return st.one_of(st.just(""), text.map(str.strip))


@st.composite
def class_records(
    draw: st.DrawFn, classes: Sequence[ClassSpec], *, predictions: bool = True
) -> tuple[ClassRecord, ...]:
    """What is said of one image, in the order of the vocabulary, each class once at most."""
    found: list[ClassRecord] = []
    for spec in classes:
        kind = draw(st.sampled_from(["", "human", "machine", "prediction"]))
        verdict = draw(st.sampled_from([Verdict.PRESENT, Verdict.ABSENT]))
        if kind == "human":
            source = draw(st.sampled_from(HUMAN_SOURCES))
            if source == Source.REVIEWED:
                verdict = Verdict.ABSENT
            found.append(ClassRecord(spec.name, verdict, origin=Origin.HUMAN, source=source))
        elif kind == "machine":
            found.append(
                ClassRecord(spec.name, verdict, origin=Origin.MACHINE, source=Source.MACHINE.value)
            )
        elif kind == "prediction" and predictions:
            # Scores are exported with four decimal places.
            score = draw(st.integers(0, 10_000)) / 10_000
            found.append(
                ClassRecord(
                    spec.name,
                    Verdict.PRESENT,
                    origin=Origin.MACHINE,
                    score=score,
                    source=PREDICTION,
                )
            )
    return tuple(found)


@st.composite
def image_records(
    draw: st.DrawFn,
    classes: Sequence[ClassSpec],
    *,
    predictions: bool = True,
    absolute: bool | None = None,
    max_size: int = 5,
) -> tuple[ImageRecord, ...]:
    """Records as the exporter makes them: by folder and path, each place once.

    Args:
        classes: the vocabulary.
        predictions: whether some classes are only predicted.
        absolute: whether paths are; None: sometimes.
        max_size: at most so many.
    """
    absolute = draw(st.booleans()) if absolute is None else absolute
    has_split = draw(st.booleans())
    places = draw(
        st.lists(st.tuples(st.sampled_from(FOLDERS), paths()), max_size=max_size, unique=True).map(
            sorted
        )
    )
    found: list[ImageRecord] = []
    for folder, path in places:
        width, height = draw(st.sampled_from([(0, 0), (640, 480), (1, 65_000)]))
        found.append(
            ImageRecord(
                f"{folder.rstrip('/')}/{path}" if absolute else path,
                draw(class_records(classes, predictions=predictions)),
                folder=folder,
                fingerprint=draw(_HASHES),
                file_hash=draw(_HASHES),
                picture_hash=draw(_HASHES),
                reviewed=draw(st.booleans()),
                state=draw(st.sampled_from(["ok", "ok", "missing", "unreadable"])),
                split=draw(st.sampled_from(["train", "test"])) if has_split else "",
                caption=draw(captions()),
                width=width,
                height=height,
            )
        )
    return tuple(found)


@st.composite
def export_cases(
    draw: st.DrawFn, *, predictions: bool = True, absolute: bool | None = None
) -> ExportCase:
    """A vocabulary and records about it."""
    classes = draw(vocabularies())
    return ExportCase(
        classes, draw(image_records(classes, predictions=predictions, absolute=absolute))
    )
