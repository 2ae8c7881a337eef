"""The results of a benchmark run, and their JSON form (imports no torch)."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from trainer import metrics
from trainer.bands import BandLimits
from trainer.benchmarks.benchmark import BenchmarkKind
from trainer.benchmarks.lists import BenchmarkLists, without_caption
from trainer.benchmarks.published import NOTES, PUBLISHED
from trainer.prompt_set import Evaluation
from trainer.temporary_files import sweep, temporary_name

SCHEMA = 1
_PACKAGES = ("lmpt-desktop", "torch", "open_clip_torch", "numpy", "scikit-learn", "pillow")


@dataclass(frozen=True)
class UnusablePhotos:
    """Photos of the lists that could not be used.

    missing: listed paths without a file; unreadable: (listed path, reason).
    """

    missing: list[str]
    unreadable: list[tuple[str, str]]

    @property
    def count(self) -> int:
        return len(self.missing) + len(self.unreadable)


@dataclass(frozen=True)
class Part:
    """Numbers of photos of one list: listed, used, encoded and from the cache; ``seconds`` is the
    time spent on encoding.
    """

    listed: int
    used: int
    encoded: int
    cached: int
    seconds: float


@dataclass(frozen=True)
class MethodResult:
    """One method on the test list.

    seconds: time spent on training.
    same_as: an earlier method whose training gave exactly the same prompts, or ""; this result then
        says nothing about ``method``.
    """

    method: str
    evaluation: Evaluation
    seconds: float
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    folder: Path | None = None
    same_as: str = ""


@dataclass(frozen=True)
class Outcome:
    """A whole run.

    authors_lists: whether the lists have the same content as the authors' lists.
    parts: of ``train`` and ``test``.
    """

    kind: BenchmarkKind
    backbone: str
    device: str
    templates: list[str]
    seed: int
    limit: int | None
    prompt_texts: list[str]
    lists: BenchmarkLists
    authors_lists: bool
    unusable: UnusablePhotos
    parts: dict[str, Part]
    results: list[MethodResult]
    cache: Path

    @property
    def comparable(self) -> bool:
        """Whether exactly the images of the authors' lists were used."""
        return self.authors_lists and self.limit is None and not self.unusable.count


def to_json(outcome: Outcome) -> dict[str, Any]:
    """Everything needed to check or reproduce the figures.  Scores are in [0, 1], None if not in
    our notes or if there are too few images to evaluate.
    """
    kind, lists = outcome.kind, outcome.lists
    counts = lists.train.counts
    bands = BandLimits().bands(counts)
    return {
        "schema": SCHEMA,
        "benchmark": kind.name,
        "title": kind.title,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.argv,
        "versions": {name: _version(name) for name in _PACKAGES}
        | {"python": platform.python_version()},
        "backbone": outcome.backbone,
        "device": outcome.device,
        "templates": outcome.templates,
        "seed": outcome.seed,
        "limit": outcome.limit,
        "comparable": outcome.comparable,
        "authors_lists": outcome.authors_lists,
        "lists": {
            part: {
                "file": which.file.name,
                "sha256": hashlib.sha256(which.file.read_bytes()).hexdigest(),
                "repeated_lines": which.repeated,
                **asdict(outcome.parts[part]),
            }
            for part, which in (("train", lists.train), ("test", lists.test))
        },
        "captions_missing": without_caption(lists.captions),
        "band_sizes": {band: sum(item == band for item in bands) for band in sorted(set(bands))},
        "missing": outcome.unusable.missing,
        "unreadable": [
            {"path": path, "reason": reason} for path, reason in outcome.unusable.unreadable
        ],
        "classes": [
            {
                "name": name,
                "prompt_text": outcome.prompt_texts[index],
                "train_present": int(counts[index]),
                "band": bands[index].value,
                "average_precision": {
                    item.method: item.evaluation.classes[index].average_precision
                    for item in outcome.results
                },
            }
            for index, name in enumerate(lists.classes)
        ],
        "published": [
            {"method": row.method, "backbone": row.backbone, "source": row.source}
            | asdict(row.scores)
            for row in PUBLISHED[kind.name]
        ],
        "note": NOTES[kind.name],
        "results": {
            item.method: asdict(item.evaluation.scores)
            | {
                "seconds": item.seconds,
                "same_as": item.same_as or None,
                "figures": item.evaluation.extra,
                "classes_not_judged": metrics.not_evaluated(item.evaluation),
                "settings": item.settings,
                "job": None if item.folder is None else str(item.folder),
            }
            for item in outcome.results
        },
    }


def write_json(body: dict[str, Any], where: str) -> None:
    """Write to the file ``where`` atomically, or to stdout for ``-``.

    Raises:
        OSError: if it cannot be written.
    """
    text = json.dumps(body, ensure_ascii=False, indent=1) + "\n"
    if where == "-":
        sys.stdout.write(text)
        return
    target = Path(where).expanduser()
    target.parent.mkdir(parents=True, exist_ok=True)
    sweep(target.parent)
    part = temporary_name(target)
    part.write_text(text, encoding="utf-8")
    part.replace(target)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
