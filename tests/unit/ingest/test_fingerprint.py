"""Fingerprints: the same for the same content, whatever the name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lmpt_desktop.ingest import fingerprint
from lmpt_desktop.ingest.fingerprint import BLOCK_BYTES, WHOLE_BYTES


@pytest.mark.parametrize("size", [1, WHOLE_BYTES, WHOLE_BYTES + 1, 10 * WHOLE_BYTES])
def test_copies_have_the_same_fingerprint(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "a").write_bytes(content)
    (tmp_path / "b").write_bytes(content)
    found = fingerprint(tmp_path / "a")
    assert found == fingerprint(tmp_path / "b")
    assert len(bytes.fromhex(found)) == 16


@pytest.mark.parametrize("where", [0, BLOCK_BYTES - 1, 10 * WHOLE_BYTES // 2, -1])
def test_a_change_in_head_middle_or_tail_is_seen(tmp_path: Path, where: int) -> None:
    content = bytearray(10 * WHOLE_BYTES)
    (tmp_path / "a").write_bytes(content)
    content[where] ^= 1
    (tmp_path / "b").write_bytes(content)
    assert fingerprint(tmp_path / "a") != fingerprint(tmp_path / "b")


def test_any_change_of_a_small_file_and_any_length_is_seen(tmp_path: Path) -> None:
    found = set()
    for content in (b"\0" * 1000, b"\0" * 1001, b"\0" * 500 + b"\1" + b"\0" * 499):
        (tmp_path / "a").write_bytes(content)
        found.add(fingerprint(tmp_path / "a"))
    for length in (WHOLE_BYTES * 2, WHOLE_BYTES * 2 + 1):
        (tmp_path / "a").write_bytes(b"\0" * length)
        found.add(fingerprint(tmp_path / "a"))
    assert len(found) == 5


def test_an_empty_file_has_none(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    assert fingerprint(tmp_path / "a") == ""
