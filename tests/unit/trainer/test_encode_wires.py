"""Requests in, events out: order, and what is no request."""

from __future__ import annotations

import io

from trainer.encode_wires import Inbox, read_requests
from trainer.events import (
    EncodePhotos,
    EncoderFailed,
    EncodeTexts,
    to_line,
)


def test_texts_come_before_photos_that_were_there_first() -> None:
    inbox = Inbox()
    lines = [
        EncodePhotos("p1", [1], ["a"]),
        EncodeTexts("t1", ["x"]),
        EncodePhotos("p2", [2], ["b"]),
        EncodeTexts("t2", ["y"]),
    ]
    read_requests(io.StringIO("".join(map(to_line, lines))), inbox)
    order = []
    while (message := inbox.take(0)) is not None:
        order.append(message.request)
    assert order == ["t1", "t2", "p1", "p2"]


def test_decoding_is_told_of_requests_that_came_before_it_listened() -> None:
    inbox = Inbox()
    inbox.put(EncodePhotos("p1", [1], ["a"]))
    told: list[str] = []
    inbox.on_photos = lambda request: told.append(request.request)
    inbox.put(EncodePhotos("p2", [2], ["b"]))
    assert told == ["p1", "p2"]


def test_lines_that_are_no_requests_are_ignored() -> None:
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
