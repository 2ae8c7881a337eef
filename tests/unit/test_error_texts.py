"""What the user is told of errors of the system and of the database."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
from pathlib import Path

import pytest

import lmpt_desktop
from lmpt_desktop.error_texts import UNEXPECTED, message_of, reason_of

RAW = re.compile(r"\berror\.strerror\b|format\(error=error\)|reason=error\b(?!\.)")
ALLOWED = {
    "error_texts.py",
    # Errors of ours, or of a parser, whose text says where and what.
    "engine/encoding/backbone_change.py", "engine/search.py", "engine/model_service.py",
    "engine/vocabulary/class_preview.py", "engine/versions/version_files.py",
    "engine/training/retrain.py", "interchange/class_lists.py",
    "interchange/formats/tables/dialect.py", "interchange/formats/tables/reading.py",
    "interchange/formats/tables/writing.py",
}  # fmt: skip


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "share of the disk"),
        (errno.EROFS, "only be read"),
        (errno.EACCES, "permission"),
        (errno.ENAMETOOLONG, "too long"),
        (errno.EIO, "reports an error"),
        (errno.EMFILE, "too many files"),
    ],
)
def test_an_error_of_the_system_is_a_sentence_that_says_what_to_do(number: int, words: str) -> None:
    error = OSError(number, os.strerror(number), "/a/b c.csv")
    for text in (reason_of(error), message_of(error)):
        assert words in text and os.strerror(number) not in text and "Errno" not in text
    assert message_of(error).startswith("“b c.csv”") and message_of(error).endswith(".")
    assert words in message_of(OSError(number, os.strerror(number)))
    assert ".x" not in message_of(OSError(number, os.strerror(number), "/a/.x.lmpt-part"))


def test_what_is_ours_keeps_its_text_and_the_databases_is_replaced() -> None:
    assert message_of(OSError("The chart could not be written.")) == (
        "The chart could not be written."
    )
    reason = "a photo or its side file is never replaced"
    assert reason_of(PermissionError(errno.EPERM, reason, "a.jpg")) == reason
    with pytest.raises(sqlite3.Error) as raw:
        sqlite3.connect(":memory:").execute("SELECT * FROM nothing")
    assert "nothing" not in message_of(raw.value) and "library" in message_of(raw.value)
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    assert "the disk is full; free" in message_of(full)
    assert message_of(KeyError()) == UNEXPECTED


def test_no_place_shows_the_systems_own_text() -> None:
    root = Path(lmpt_desktop.__file__).parent
    found = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if RAW.search(path.read_text(encoding="utf-8"))
    }
    assert found - ALLOWED == set()
