"""The process that reads photos for :mod:`.reading_processes` (imports no Qt and no torch).

A message is its length in four bytes and JSON.  A question is a :class:`Asked` on stdin, its answer
on stdout is a list: for every file what :func:`inspect_file` says, or False if that cannot be told
in JSON, as the file's text is no text.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from lmpt_desktop.domain.records import ScannedFile
from lmpt_desktop.ingest.inspect_file import inspect_file
from lmpt_desktop.ingest.scan import FoundFile

LENGTH_BYTES = 4
LARGEST_MESSAGE = 64 << 20


@dataclass(frozen=True)
class Asked:
    """Files below ``folder`` that are to be read."""

    folder: str
    files: list[FoundFile]


Answer = ScannedFile | bool | None
"""None: the file is gone."""


def main() -> None:
    """Answer until stdin is closed."""
    # Whatever a library prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    write_message(answers, encoded([]))
    questions = msgspec.json.Decoder(Asked)
    while (message := read_message(sys.stdin.buffer)) is not None:
        asked = questions.decode(message)
        folder = Path(asked.folder)
        write_message(
            answers, encoded([inspect_file(folder, one, sample=True) for one in asked.files])
        )


def encoded(found: list[ScannedFile | None]) -> bytes:
    """The answer in JSON."""
    try:
        return msgspec.json.encode(found)
    except UnicodeEncodeError:
        return msgspec.json.encode([one if _is_text(one) else False for one in found])


def _is_text(found: ScannedFile | None) -> bool:
    try:
        msgspec.json.encode(found)
    except UnicodeEncodeError:
        return False
    return True


def write_message(file: BinaryIO, message: bytes) -> None:
    """Write a message and send it off.

    Raises:
        OSError: if nobody reads it.
    """
    file.write(len(message).to_bytes(LENGTH_BYTES, "big") + message)
    file.flush()


def read_message(file: BinaryIO) -> bytes | None:
    """The next message; None at the end.

    Raises:
        ValueError: if it is too long.
    """
    length = int.from_bytes(file.read(LENGTH_BYTES), "big")
    if length > LARGEST_MESSAGE:
        raise ValueError("too long")
    message = file.read(length)
    return message if length and len(message) == length else None
