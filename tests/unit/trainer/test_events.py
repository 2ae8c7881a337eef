"""Messages survive the wire, and what is no message is refused."""

from __future__ import annotations

import json
import types
import typing
from dataclasses import fields, is_dataclass
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer import events
from trainer.events import (
    MAX_LINE_BYTES,
    BandScores,
    EncodePhotos,
    EncoderFailed,
    EncodeTexts,
    FitPhase,
    FitProgress,
    FitValidated,
    Message,
    PhotoFailure,
    PhotosEncoded,
    ProtocolError,
    Stop,
    parse_line,
    to_line,
)

PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(),
    int: st.integers(-(2**53), 2**53),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    type(None): st.none(),
}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Anything of a type that messages use."""
    if kind in PLAIN:
        return PLAIN[kind]
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return st.sampled_from(kind)
    if is_dataclass(kind):
        return messages(kind)
    if typing.get_origin(kind) is list:
        return st.lists(values(typing.get_args(kind)[0]), max_size=4)
    assert typing.get_origin(kind) in (types.UnionType, typing.Union), kind
    return st.one_of([values(part) for part in typing.get_args(kind)])


def messages(kind: Any) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(kind)
    return st.builds(kind, **{item.name: values(hints[item.name]) for item in fields(kind)})


@given(message=st.one_of([messages(kind) for kind in Message.registry.values()]))
def test_every_message_survives_the_wire(message: Message) -> None:
    line = to_line(message)
    assert line.endswith("\n")
    # Line readers also split at these.
    assert len(line.rstrip("\n").split("\n")) == 1
    assert parse_line(line) == message


def test_every_message_is_documented_by_its_own_name() -> None:
    for name, kind in Message.registry.items():
        assert getattr(events, name) is kind
        assert json.loads(to_line(Stop()))["type"] == "Stop"


def test_nested_messages_come_back_as_their_types() -> None:
    encoded = PhotosEncoded("r", "f", 1, [PhotoFailure(3, "Broken.")])
    parsed = parse_line(to_line(encoded))
    assert isinstance(parsed, PhotosEncoded)
    assert parsed.failures == [PhotoFailure(3, "Broken.")]
    validated = parse_line(to_line(FitValidated(5, BandScores(0.5, None, 0.25, None))))
    assert isinstance(validated, FitValidated)
    assert validated.scores.head is None


def test_file_names_that_are_not_unicode_survive_a_surrogateescape_stream() -> None:
    path = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    sent = EncodePhotos("r", [1], [path])
    wire = to_line(sent).encode("utf-8", "surrogateescape")
    assert parse_line(wire.decode("utf-8", "surrogateescape")) == sent


def test_fields_with_defaults_may_be_left_out() -> None:
    assert parse_line('{"type": "EncodeTexts", "request": "r", "texts": []}') == EncodeTexts(
        "r", []
    )
    assert parse_line('{"type": "EncoderFailed", "kind": "k", "message": "m"}') == EncoderFailed(
        "k", "m"
    )


OLD_PROGRESS = (
    '{"type": "FitProgress", "step": 1, "steps": 8, "loss": 0.5, "loss_classification": 0.5, '
    '"loss_embedding": 0.5, "seconds_left": 2.0}'
)
OLD_VALIDATED = (
    '{"type": "FitValidated", "step": 1, '
    '"scores": {"total": 0.5, "head": null, "medium": null, "tail": null}}'
)


@pytest.mark.parametrize("line", [OLD_PROGRESS, OLD_VALIDATED])
def test_event_files_from_before_there_were_phases_are_read(line: str) -> None:
    event = parse_line(line)
    assert isinstance(event, FitProgress | FitValidated)
    assert event.phase is FitPhase.SINGLE_PASS


def test_a_phase_comes_back_as_its_type() -> None:
    event = parse_line(OLD_PROGRESS.replace("}", ', "phase": "final-pass"}'))
    assert isinstance(event, FitProgress)
    assert event.phase is FitPhase.FINAL_PASS


def test_fields_of_a_newer_peer_are_ignored() -> None:
    assert parse_line('{"type": "Stop", "reason": "tired"}') == Stop()


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Epoch 1/50: loss 0.3",
        "[1, 2]",
        '"Stop"',
        "null",
        "{}",
        '{"type": "Unheard"}',
        '{"type": "Message"}',
        '{"type": "EncodeTexts", "request": "r"}',
        '{"type": "PhotosEncoded", "request": "", "file": "", "count": 0, "failures": [{"id": 1}]}',
        '{"type": "PhotosEncoded", "request": "r", "file": "", "count": 0, "failures": 3}',
        '{"type": "FitValidated", "step": 1, "scores": null}',
        OLD_PROGRESS.replace("}", ', "phase": "third-pass"}'),
        '{"type": "Stop"',
    ],
)
def test_a_line_that_is_not_a_message_is_refused(line: str) -> None:
    with pytest.raises(ProtocolError):
        parse_line(line)


def test_a_line_too_long_is_refused_before_parsing() -> None:
    with pytest.raises(ProtocolError, match="too long"):
        parse_line('{"type": "EncodeTexts", "texts": ["' + "x" * MAX_LINE_BYTES)
