"""Requests in, events out: order, and what is no request."""

from __future__ import annotations

import io
import os
import sys

import pytest

from trainer import process_io
from trainer.events import (
    EncodeMap,
    EncodePhotos,
    EncoderFailed,
    EncodeTexts,
    EncodeTurned,
    to_line,
)
from trainer.process_io import Inbox, read_requests


def test_texts_and_maps_come_before_photos_that_arrived_first() -> None:
    inbox = Inbox()
    lines = [
        EncodePhotos("p1", [1], ["a"]),
        EncodeTexts("t1", ["x"]),
        EncodePhotos("p2", [2], ["b"]),
        EncodeMap("m1", "b"),
        EncodeTexts("t2", ["y"]),
    ]
    read_requests(io.StringIO("".join(map(to_line, lines))), inbox)
    order = []
    while (message := inbox.take(0)) is not None:
        order.append(message.request)
    assert order == ["t1", "m1", "t2", "p1", "p2"]


def test_decoding_receives_requests_that_arrived_before_it_was_ready() -> None:
    inbox = Inbox()
    inbox.put(EncodePhotos("p1", [1], ["a"]))
    told: list[str] = []
    inbox.on_photos = lambda request: told.append(request.request)
    inbox.put(EncodePhotos("p2", [2], ["b"]))
    assert told == ["p1", "p2"]


def test_lines_that_are_not_requests_are_ignored() -> None:
    inbox = Inbox()
    lines = [
        "",
        "garbage",
        '{"type": "Unheard", "of": 1}',
        to_line(EncoderFailed("error", "not a request")),
        to_line(EncodePhotos("unequal", [1, 2], ["a"])),
        to_line(EncodeTexts("good", ["x"])),
    ]
    read_requests(io.StringIO("\n".join(lines)), inbox)
    message = inbox.take(0)
    assert isinstance(message, EncodeTexts)
    assert message.request == "good"
    assert inbox.take(0) is None
    assert not inbox.stopped


def test_turned_photos_keep_their_place_among_photos() -> None:
    inbox = Inbox()
    told: list[str] = []
    inbox.on_photos = lambda request: told.append(request.request)
    lines = [
        EncodePhotos("p1", [1], ["a"]),
        EncodeTurned("r1", "b"),
        EncodePhotos("p2", [2], ["c"]),
        EncodeTexts("t1", ["x"]),
    ]
    read_requests(io.StringIO("".join(map(to_line, lines))), inbox)
    order = []
    while (message := inbox.take(0)) is not None:
        order.append(message.request)
    assert told == ["p1", "r1", "p2"]
    assert order == ["t1", "p1", "r1", "p2"]


def test_on_windows_a_parent_that_is_gone_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """There the parent's number stays the same when it has ended."""
    gone, here = 999_999_999, os.getpid()
    monkeypatch.setattr(os, "getppid", lambda: gone)
    assert process_io._is_there(gone)
    monkeypatch.setattr(sys, "platform", "win32")
    assert not process_io._is_there(gone)
    assert process_io._is_there(here)
