"""Opens and imports files with something changed, and counts what comes of it.

    python tests/benchmarks/fuzz.py --files 10000 [--seed 0] [--only PNG,TIFF] [--keep FOLDER]

Seeds of every format that is opened or imported (``parts/fuzz_seeds.py``, a row each) are changed
at random and read by the app's own functions (``parts/fuzz_readers.py``) in a process of its own
with a limit of memory.  Counted by format:

- *opened*, *refused* with the app's own error and a sentence;
- *crashes* (the process ended), *hangs* (more than ten seconds of processor time, or three
  minutes), *over 1 GB* (of resident memory more than before) and *other* exceptions, all of which
  are faults; ``--keep`` keeps what made them.

A file's number and the seed say what was changed; ``--first N`` begins at a number.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import argparse
import contextlib
import json
import logging
import random
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]

import psutil  # noqa: E402 - after the environment
from parts.fuzz_seeds import SEEDS, Seed  # noqa: E402
from parts.mutated import mutated  # noqa: E402

HANG_SECONDS = 10.0
WAIT_SECONDS = 180.0
START_SECONDS = 120.0
MOST_BYTES = 1_000_000_000
LIMIT_BYTES = 3 << 30
"""Of a process: three times what is allowed, so that what takes more is seen and not only ended."""
COLUMNS = ("opened", "refused", "crashes", "hangs", "over 1 GB", "other")
FAULTS = COLUMNS[2:]


# -------------------------------------------------------------------------- the process that reads


def child(seeds: Path, seed: int) -> None:
    """Read the files whose numbers come on stdin; an answer is a line."""
    import resource

    from parts.fuzz_readers import outcome, readers

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    logging.disable(logging.CRITICAL)
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT_BYTES, LIMIT_BYTES))
    ways = readers()
    place = Path(tempfile.mkdtemp(prefix="fuzzed-", dir=seeds.parent))
    # Else the first file takes the time that the modules take.
    for row in {item.reader: at for at, item in enumerate(SEEDS)}.values():
        if (seeds / str(row)).exists():
            warm = Path(shutil.copytree(seeds / str(row), place / "one"))
            outcome(ways[SEEDS[row].reader], warm, next(p for p in warm.rglob("*") if p.is_file()))
            shutil.rmtree(warm)
    answers.write("{}\n")
    answers.flush()
    for line in sys.stdin:
        number, row = map(int, line.split())
        folder = place / "one"
        folder.mkdir()
        path = put(seeds, row, number, seed, folder)
        before = _peak(reset=True)
        began = time.process_time()
        found, detail = outcome(ways[SEEDS[row].reader], folder, path)
        spent = time.process_time() - began
        answer = {"found": found, "detail": detail, "seconds": spent,
                  "bytes": max(0, _peak() - before)}  # fmt: skip
        shutil.rmtree(folder)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def put(seeds: Path, row: int, number: int, seed: int, folder: Path) -> Path:
    """Write a file's changed content and what belongs to it into a folder; where it is."""
    chance = random.Random(f"{seed} {number}")
    made = seeds / str(row)
    shutil.copytree(made, folder, dirs_exist_ok=True)
    names = sorted(path.relative_to(made) for path in made.rglob("*") if path.is_file())
    chosen = chance.choice(names)
    kin = [at for at, item in enumerate(SEEDS) if item.format == SEEDS[row].format]
    others = [path for path in (seeds / str(chance.choice(kin))).rglob("*") if path.is_file()]
    other = (others[0] if others else made / chosen).read_bytes()
    content = mutated((made / chosen).read_bytes(), [other], chance)
    (folder / chosen).write_bytes(content)
    return folder / chosen


def _peak(*, reset: bool = False) -> int:
    """Bytes of resident memory: now, or the most since they were last asked for."""
    if reset:
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        return psutil.Process().memory_info().rss
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) << 10
    return psutil.Process().memory_info().rss


# ------------------------------------------------------------------------------- the table


@dataclass
class Result:
    """What came of all files."""

    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    peaks: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    reasons: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    faults: list[dict[str, Any]] = field(default_factory=list)

    def add(self, seed: Seed, number: int, answer: dict[str, Any]) -> bool:
        """Count an answer; whether it is a fault."""
        kind, found = seed.format, answer["found"]
        faults = [found] if found in FAULTS else []
        if answer["bytes"] > MOST_BYTES:
            faults.append("over 1 GB")
        self.counts[kind].update({*faults, found})
        self.counts[kind]["files"] += 1
        self.seconds[kind] = max(self.seconds[kind], answer["seconds"])
        self.peaks[kind] = max(self.peaks[kind], answer["bytes"])
        if found == "refused":
            self.reasons[kind][answer["detail"][:200]] += 1
        self.faults += [
            {"fault": fault, "format": kind, "seed": seed.name, "number": number, **answer}
            for fault in faults
        ]
        return bool(faults)

    def rows(self) -> list[tuple[str, ...]]:
        """A row for each format, and one for all."""
        made = []
        for kind in dict.fromkeys(seed.format for seed in SEEDS):
            if (counts := self.counts.get(kind)) is None:
                continue
            made.append(self._row(kind, counts, self.seconds[kind], self.peaks[kind]))
        total = sum(self.counts.values(), Counter())
        made.append(self._row("all", total, max(self.seconds.values()), max(self.peaks.values())))
        return made

    def _row(self, name: str, counts: Counter[str], seconds: float, peak: int) -> tuple[str, ...]:
        numbers = (f"{counts[column]:,}" for column in ("files", *COLUMNS))
        return (name, *numbers, f"{seconds:.1f}", f"{peak / 1e6:,.0f}")


HEADS = ("Format", "files", *COLUMNS, "most CPU, s", "most, MB")


def _seconds(process: psutil.Process) -> float:
    """Of the processor; 0 if it has ended."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system


class Child:
    """A process that reads files, started again when it has ended."""

    def __init__(self, seeds: Path, seed: int) -> None:
        self._command = [sys.executable, __file__, "--child", str(seeds), "--seed", str(seed)]
        self._process: subprocess.Popen[bytes] | None = None

    def read(self, number: int, row: int) -> dict[str, Any]:
        """What came of a file."""
        process = self._started()
        assert process.stdin is not None
        process.stdin.write(f"{number} {row}\n".encode())
        process.stdin.flush()
        seen = psutil.Process(process.pid)
        before, began = _seconds(seen), time.monotonic()
        # By processor time, because the machine may be busy with other things.
        while time.monotonic() - began < WAIT_SECONDS and _seconds(seen) - before < HANG_SECONDS:
            if (answer := self._line(process, 1.0)) is not None:
                return answer
            if process.poll() is not None:
                break
        code, spent = process.poll(), _seconds(seen) - before
        self.end()
        found = "hangs" if code is None else "crashes"
        return {
            "found": found,
            "detail": f"ended with {code}",
            "seconds": max(0.0, spent),
            "bytes": 0,
        }

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )  # fmt: skip
            assert self._line(self._process, START_SECONDS) == {}, "the process does not start"
        return self._process

    def _line(self, process: subprocess.Popen[bytes], seconds: float) -> dict[str, Any] | None:
        """The next answer; None if there is none within the time or the process has ended."""
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], seconds)
        line = process.stdout.readline() if ready else b""
        if ready and not line:
            process.wait()
        return json.loads(line) if line else None

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def make_seeds(folder: Path, chosen: list[int]) -> list[int]:
    """Write the seeds' files; which could be made here."""
    made = []
    for row in chosen:
        files = SEEDS[row].files()
        if not files:
            print(f"not made here: {SEEDS[row].format}, {SEEDS[row].name}", file=sys.stderr)
            continue
        for name, data in files.items():
            path = folder / str(row) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        made.append(row)
    return made


def in_turn(rows: list[int]) -> list[int]:
    """So ordered that a few files are of as many formats as there can be."""
    seen: Counter[str] = Counter()
    order = []
    for row in rows:
        order.append((seen[SEEDS[row].format], row))
        seen[SEEDS[row].format] += 1
    return [row for _, row in sorted(order)]


def run(
    files: int, first: int, seed: int, *, only: set[str], keep: Path | None, seconds: float
) -> Result:
    """Read so many files, the seeds in turn, or as many as fit into the time."""
    place = Path(tempfile.mkdtemp(prefix="fuzz-"))
    os.environ["LMPT_DESKTOP_HOME"] = str(place / "home")
    result = Result()
    reader = Child(place / "seeds", seed)
    try:
        rows = [at for at, item in enumerate(SEEDS) if not only or item.format in only]
        rows = make_seeds(place / "seeds", in_turn(rows)[:files])
        began = time.monotonic()
        for number in range(first, first + files):
            if time.monotonic() - began > seconds:
                break
            row = rows[number % len(rows)]
            answer = reader.read(number, row)
            if result.add(SEEDS[row], number, answer) and keep is not None:
                put(place / "seeds", row, number, seed, keep / f"{number}")
            if (number - first + 1) % 500 == 0:
                print(f"{number - first + 1} files, {len(result.faults)} faults, "
                      f"{time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)  # fmt: skip
    finally:
        reader.end()
        shutil.rmtree(place, ignore_errors=True)
    return result


def main() -> int:
    """Returns 1 if there was a fault."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, metavar="NUMBER")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="formats, with commas between")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop after this time")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="of files that made a fault")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write counts and faults to FILE")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table to FILE")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child is not None:
        child(given.child, given.seed)
        return 0
    if sys.platform == "win32":
        print("skipped: this system has no limits of memory for a process")
        return 0
    only = {name for name in given.only.split(",") if name}
    result = run(
        given.files,
        given.first,
        given.seed,
        only=only,
        keep=given.keep,
        seconds=60 * given.minutes,
    )
    rows = result.rows()
    for row in (HEADS, *rows):
        print(f"{row[0]:<32}" + "".join(f"{cell:>13}" for cell in row[1:]))
    for fault in result.faults[:100]:
        print("FAULT", json.dumps(fault))
    if given.json is not None:
        body = {"seed": given.seed, "counts": result.counts, "reasons": result.reasons,
                "faults": result.faults}  # fmt: skip
        given.json.write_text(json.dumps(body, indent=1), encoding="utf-8")
    if given.markdown is not None:
        lines = (HEADS, ("---", *("--:",) * (len(HEADS) - 1)), *rows)
        text = "".join("| " + " | ".join(line) + " |\n" for line in lines)
        given.markdown.write_text(text, encoding="utf-8")
    return int(bool(result.faults))


if __name__ == "__main__":
    sys.exit(main())
