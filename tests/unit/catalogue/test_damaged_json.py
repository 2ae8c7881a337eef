"""JSON in the catalogue and beside it that is not what it should be, and texts that are no text."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutations import OTHERS

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.opening import CATALOGUE_NAME, SHUTDOWN_RECORD_NAME
from lmpt_desktop.catalogue.stored_json import from_json, to_json

NOT_JSON = ["", "{", "[" * 100_000, '{"a": 1, "a": 2}', "9" * 5000, "NaN", '"\\ud800']


def execute(library: Path, sql: str, *values: Any) -> None:
    connection = sqlite3.connect(library / CATALOGUE_NAME)
    with connection:
        connection.execute(sql, values)
    connection.close()


@pytest.fixture
def library(tmp_path: Path) -> Path:
    with Catalogue.open(tmp_path / "library") as catalogue:
        catalogue.settings.set("a key", {"a": [1]})
        run = catalogue.runs.add(tmp_path / "job", "lite", settings={"data": {"images": 1}})
        catalogue.prompt_sets.add(
            tmp_path / "set",
            "lite",
            run_id=run.id,
            metrics={"total": 0.5},
            data={"images": 1},
            class_ids={"dog": 1},
        )
    return tmp_path / "library"


@pytest.mark.parametrize("text", NOT_JSON)
def test_what_is_not_json_counts_as_nothing(library: Path, text: str) -> None:
    execute(library, "UPDATE settings SET value = ?", text)
    execute(library, "UPDATE runs SET settings = ?", text)
    execute(library, "UPDATE prompt_sets SET metrics = ?, data = ?, class_ids = ?", *3 * [text])
    with Catalogue.open(library) as catalogue:
        assert catalogue.settings.get("a key", 7) == 7
        assert catalogue.settings.all()["a key"] is None
        assert catalogue.runs.all()[0].settings == {}
        (record,) = catalogue.prompt_sets.all()
        assert (record.metrics, record.data, record.class_ids) == ({}, {}, {})


@pytest.mark.parametrize("value", [item for item in OTHERS if item not in ({}, {"a": 1})])
def test_json_of_another_kind_counts_as_nothing(library: Path, value: Any) -> None:
    text = json.dumps(value)
    execute(library, "UPDATE runs SET settings = ?", text)
    execute(library, "UPDATE prompt_sets SET metrics = ?, data = ?, class_ids = ?", *3 * [text])
    with Catalogue.open(library) as catalogue:
        settings = catalogue.runs.all()[0].settings
        assert settings in ({}, value)
        (record,) = catalogue.prompt_sets.all()
        assert (record.metrics, record.data, record.class_ids) == ({}, {}, {})


PLAIN = st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.text(st.characters())


@given(st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_what_was_written_is_read_back_even_if_it_is_not_unicode(value: Any) -> None:
    text = to_json(value)
    text.encode()  # SQLite takes it
    read = from_json(text, Any, object(), where="a value")
    # Two surrogates side by side are one character in JSON.
    assert json.dumps(read, ensure_ascii=True) == json.dumps(value, ensure_ascii=True)


LONE = "a \ud800 b\udcff"
KEPT = "a \ufffd b\ufffd"


def test_names_and_notes_that_are_not_unicode_are_repaired(library: Path) -> None:
    with Catalogue.open(library) as catalogue:
        (record,) = catalogue.prompt_sets.all()
        catalogue.prompt_sets.rename(record.id, LONE)
        catalogue.prompt_sets.annotate(record.id, LONE)
        record = catalogue.prompt_sets.get(record.id)
        assert (record.name, record.note) == (KEPT, KEPT)
        added = catalogue.prompt_sets.add(record.folder, "lite", name=LONE, note=LONE)
        assert (added.name, added.note) == (KEPT, KEPT)
        entry = catalogue.classes.add(LONE, LONE, aliases=[LONE + "s"])
        assert (entry.name, entry.description, entry.aliases) == (KEPT, KEPT, (KEPT + "s",))
        catalogue.classes.rename(entry.id, "cat \udfff")
        catalogue.classes.describe(entry.id, "is \udfff")
        assert catalogue.classes.all()[0].name == "cat \ufffd"
        assert catalogue.classes.all()[0].description == "is \ufffd"
        run = catalogue.runs.update(catalogue.runs.all()[0].id, message=LONE)
        assert run.message == KEPT
        catalogue.settings.set("words", LONE)
        assert catalogue.settings.get("words") == LONE


# --------------------------------------------------------------- the note of a clean shutdown


def _pipe(path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    os.mkfifo(path)


NOTES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "deep": lambda path: path.write_text("[" * 100_000),
    "texts": lambda path: path.write_text('{"size": "1", "mtime_ns": "2", "checked": "now"}'),
    "a list": lambda path: path.write_text("[1, 2]"),
    "not a number": lambda path: path.write_text('{"size": 1, "mtime_ns": 2, "checked": NaN}'),
    "huge": lambda path: path.write_text(f'{{"size": {"9" * 4000}}}'),
    "large": lambda path: path.write_bytes(b" " * 1_000_000),
    "a folder": lambda path: path.mkdir(),
    "a pipe": _pipe,
    "a device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("odd", NOTES)
def test_an_odd_note_of_the_last_shutdown_keeps_no_library_closed(library: Path, odd: str) -> None:
    place = library / SHUTDOWN_RECORD_NAME
    place.unlink()
    NOTES[odd](place)
    with Catalogue.open(library) as catalogue:
        assert len(catalogue.prompt_sets.all()) == 1
    if odd != "a folder":
        note = json.loads(place.read_text(encoding="utf-8"))
        assert note["size"] == (library / CATALOGUE_NAME).stat().st_size
        assert not place.is_symlink()
