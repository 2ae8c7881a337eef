"""A hundred files of ``tests/benchmarks/fuzz.py``: every format, and a fault is seen as one."""

from __future__ import annotations

import importlib
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SCRIPT = BENCHMARKS / "fuzz.py"
FAULTS = ("crashes", "hangs", "over 1 GB", "other")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no limits of memory for a process")
def test_a_hundred_changed_files_are_read_or_refused(tmp_path: Path) -> None:
    counts = tmp_path / "counts.json"
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--files", "100", "--seed", "5", "--json", str(counts)],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(counts.read_text(encoding="utf-8"))["counts"]
    assert {"JPEG", "PNG", "TIFF", "Catalogue", "Prompt set", "COCO", "XMP side file"} <= set(found)
    assert sum(row["files"] for row in found.values()) == 100
    assert not any(row.get(fault) for row in found.values() for fault in FAULTS)


def part(name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module of the benchmarks' parts."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module(f"parts.{name}")


def test_faults_are_told_from_refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fuzz_readers = part("fuzz_readers", monkeypatch)

    class OwnError(Exception):
        pass

    def reader(error: Exception | None) -> Any:
        def read(_folder: Path, _path: Path) -> None:
            if error is not None:
                raise error

        return fuzz_readers.Reader(read, (OwnError,))

    def found(error: Exception | None) -> str:
        return str(fuzz_readers.outcome(reader(error), tmp_path, tmp_path / "a")[0])

    assert found(None) == "opened"
    assert found(OwnError("The file is damaged.")) == "refused"
    assert found(OwnError("KeyError('a')")) == "other"
    assert found(KeyError("a")) == "other"


def test_a_number_always_makes_the_same_change(monkeypatch: pytest.MonkeyPatch) -> None:
    mutated = part("mutated", monkeypatch).mutated

    samples = (b'{"a": [1, 2], "b": "text"}', b"a,b\n1,2\n" * 40, bytes(range(256)) * 8)
    for data in samples:
        made = [mutated(data, [data], random.Random(number)) for number in range(40)]
        again = [mutated(data, [data], random.Random(number)) for number in range(40)]
        assert made == again
        assert sum(item != data for item in made) >= 38
