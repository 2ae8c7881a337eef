"""Samples, by which catalogues of earlier versions name a file's content."""

from __future__ import annotations

import io
import os

import pytest
import xxhash

from lmpt_desktop.ingest.sampled_fingerprint import BLOCK_BYTES, WHOLE_BYTES, sampled_fingerprint


def of(content: bytes | bytearray) -> str:
    return sampled_fingerprint(io.BytesIO(content), len(content))


@pytest.mark.parametrize("size", [1, WHOLE_BYTES, WHOLE_BYTES + 1, 10 * WHOLE_BYTES])
def test_a_sample_is_what_earlier_versions_stored(size: int) -> None:
    content = os.urandom(size)
    read = content
    if size > WHOLE_BYTES:
        middle = (size - BLOCK_BYTES) // 2
        read = content[:BLOCK_BYTES] + content[middle : middle + BLOCK_BYTES]
        read += content[-BLOCK_BYTES:]
    assert of(content) == xxhash.xxh3_128_hexdigest(size.to_bytes(8, "little") + read)


@pytest.mark.parametrize("where", [0, BLOCK_BYTES - 1, 10 * WHOLE_BYTES // 2, -1])
def test_a_change_in_head_middle_or_tail_is_seen(where: int) -> None:
    content = bytearray(10 * WHOLE_BYTES)
    before = of(content)
    content[where] ^= 1
    assert of(content) != before


def test_any_change_of_a_small_file_and_any_length_is_seen() -> None:
    small = (b"\0" * 1000, b"\0" * 1001, b"\0" * 500 + b"\1" + b"\0" * 499)
    large = (b"\0" * length for length in (WHOLE_BYTES * 2, WHOLE_BYTES * 2 + 1))
    assert len({of(content) for content in (*small, *large)}) == 5


def test_a_change_between_the_samples_is_not_seen() -> None:
    content = bytearray(10 * WHOLE_BYTES)
    before = of(content)
    content[BLOCK_BYTES + 1] ^= 1
    assert of(content) == before


def test_an_empty_file_has_none() -> None:
    assert of(b"") == ""
