"""Packed files."""

from __future__ import annotations

import pytest

from lmpt_desktop.catalogue import known_files as module
from lmpt_desktop.catalogue.known_files import KnownFiles
from lmpt_desktop.domain.records import KnownFile


def file(number: int) -> KnownFile:
    return KnownFile(
        number, 10 * number, 1 << 60, 0, f"{number:032x}", None, missing=number % 2 == 0
    )


@pytest.mark.parametrize("most", [1, 2, 100])
def test_files_are_found_by_their_path_whatever_the_order(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_TOGETHER", most)
    monkeypatch.setattr(module, "_MOST_NEAR", 2)
    paths = ["a.jpg", "b/a.jpg", "b/c/a.jpg", "b/b.jpg", "ü/ß.jpg", "b.jpg", "b/c/d.jpg", "ü.jpg"]
    plain = {path: file(number) for number, path in enumerate(paths)}
    known = KnownFiles(plain.items())
    assert len(known) == len(plain)
    assert known == plain
    assert sorted(known) == sorted(paths)
    for path in reversed(paths):
        assert known[path] == plain[path]
        assert type(known[path]) is KnownFile
    assert "c.jpg" not in known
    assert known.get("b/c.jpg") is None
    assert known.get("nowhere/c.jpg") is None
    assert not KnownFiles([])


def test_names_that_are_no_text_are_known_too() -> None:
    odd = "p\udce9/\udcff.jpg"
    assert KnownFiles([(odd, file(1))])[odd] == file(1)
