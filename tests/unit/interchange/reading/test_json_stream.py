"""JSON in pieces says the same as JSON in one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from lmpt_desktop.interchange.errors import Cancelled, FileMalformed, FileTooLarge
from lmpt_desktop.interchange.reading import json_stream
from lmpt_desktop.interchange.reading.json_stream import outline, read_value, stream
from lmpt_desktop.interchange.reading.source_files import Sample, SourceFile

_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)


def _assembled(path: Path) -> Any:
    """The document, put together from its parts."""
    found: dict[str, Any] = {}
    for part in stream(SourceFile(path), members=frozenset({"members"})):
        if part.number == 0:
            found[part.key] = part.value
        elif part.key == "members" and isinstance(found[part.key], dict):
            found[part.key][part.name] = part.value
        else:
            found[part.key].append(part.value)
            assert part.number == len(found[part.key])
    return found


@settings(max_examples=examples(200), deadline=None)
@given(
    st.dictionaries(st.sampled_from(["a", "b", "members"]), _VALUES),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from([None, 1, "\t"]),
    st.integers(2, 9),
)
def test_parts_make_the_document(
    tmp_path_factory: pytest.TempPathFactory,
    document: dict[str, Any],
    encoding: str,
    indent: int | str | None,
    chunk: int,
) -> None:
    path = tmp_path_factory.mktemp("json") / "file.json"
    # Byte-order marks have up to three bytes, which the first chunk has to hold.
    path.write_bytes(json.dumps(document, indent=indent).encode(encoding))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "CHUNK_BYTES", 2 * chunk)
        assert _assembled(path) == document
    path.write_bytes(json.dumps([document]).encode(encoding))
    assert [part.value for part in stream(SourceFile(path))] == [[], document]
    assert read_value(SourceFile(path)) == [document]


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(st.lists(st.floats(allow_nan=False) | st.lists(st.integers())), max_size=6))
def test_skipped_lists_are_empty(
    tmp_path_factory: pytest.TempPathFactory, outlines: list[list[Any]]
) -> None:
    path = tmp_path_factory.mktemp("json") / "file.json"
    items = [{"outline": item, "text": '"outline": [1]', "n": i} for i, item in enumerate(outlines)]
    path.write_text(json.dumps({"items": items}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "CHUNK_BYTES", 7)
        found = [
            part.value for part in stream(SourceFile(path), skipped=("outline",)) if part.number
        ]
    # A chunk may end within a list, which is then decoded.
    assert [item | {"outline": 0} for item in found] == [item | {"outline": 0} for item in items]
    assert all(item["outline"] in (0, outlines[i]) for i, item in enumerate(found))


def test_what_is_never_closed_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "CHUNK_BYTES", 100)
    monkeypatch.setattr(json_stream, "MAX_ELEMENT_CHARACTERS", 1000)
    path = tmp_path / "file.json"
    path.write_text('{"a": ["' + "x" * 100_000)
    with pytest.raises(FileMalformed, match="too large, or is never closed"):
        list(stream(SourceFile(path)))
    with pytest.raises(FileTooLarge):
        read_value(SourceFile(path))


def test_reading_can_be_cancelled(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text("[1, 2]")
    with pytest.raises(Cancelled):
        list(stream(SourceFile(path, cancelled=lambda: True)))


def test_outline_of_the_beginning() -> None:
    def of(text: str, **arguments: Any) -> dict[str, Any]:
        return outline(Sample(Path("file.json"), text.encode()), **arguments)

    text = '{"a": [], "b": [{"c": 1}, 2], "d": {"e": {"f": 1}}, "g": "cut o'
    assert of(text) == {"a": None, "b": {"c": 1}, "d": {"e": {"f": 1}}}
    assert of(text, members=frozenset({"d"}))["d"] == {"f": 1}
    assert of("[{}, 1") == {"": {}}
    assert of("no JSON") == of("") == {}
