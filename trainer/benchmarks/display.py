"""A benchmark run at a terminal: progress bars, then the paper's table beside ours (no torch)."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich import box
from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from trainer import metrics
from trainer.bands import BandLimits
from trainer.benchmarks.published import NOTES, PUBLISHED
from trainer.benchmarks.record import Outcome
from trainer.events import BandScores
from trainer.job import INSTANT, LMPT, LMPT_PAPER, LMPT_PLUS

SHOWN = 10
LABELS = {
    "zero-shot": "zero-shot",
    LMPT: "LMPT, our training",
    LMPT_PAPER: "LMPT as published",
    LMPT_PLUS: "LMPT+ (ours)",
    INSTANT: "instant (ours)",
}
UNKNOWN = "–"


class _Bar:
    """A progress bar, shown while its context is open."""

    def __init__(self, progress: Progress, title: str, total: int | None) -> None:
        self._progress = progress
        self._task = progress.add_task(title, total=total, note="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()


class PhotoBar(_Bar):
    """Photos encoded so far, with the rate; photos from the cache come first, all at once."""

    def __init__(self, console: Console, title: str, total: int) -> None:
        progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
        )
        super().__init__(progress, title, total)
        self._from = -1
        self._begun = 0.0

    def __call__(self, done: int) -> None:
        """Report that ``done`` photos of the list have a feature or cannot be encoded."""
        note = ""
        if self._from < 0:
            self._from, self._begun = done, time.monotonic()
            note = f"{done:,} from the cache" if done else ""
        elif (passed := time.monotonic() - self._begun) > 0:
            note = f"{(done - self._from) / passed:.1f} photos/s"
        self._progress.update(self._task, completed=done, note=note)


class DownloadBar(_Bar):
    """Bytes of a backbone's weights; just "Loading" if nothing is downloaded."""

    def __init__(self, console: Console, name: str) -> None:
        progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TimeElapsedColumn(),
            console=console,
        )
        super().__init__(progress, f"Loading {name}", None)
        self._name = name

    def __call__(self, done: int, total: int) -> None:
        """``total`` is 0 if unknown."""
        self._progress.update(
            self._task,
            description=f"Downloading {self._name}",
            completed=done,
            total=total or None,
        )


def points(value: float | None) -> str:
    """``87.88``, or a dash for None."""
    return UNKNOWN if value is None else f"{100 * value:.2f}"


def tables(outcome: Outcome) -> list[RenderableType]:
    """The final output: the table, then remarks about it."""
    return [_table(outcome), *_remarks(outcome)]


def _table(outcome: Outcome) -> Table:
    kind, lists = outcome.kind, outcome.lists
    bands = BandLimits().bands(lists.train.counts)
    table = Table(
        title=f"{kind.title}: mean average precision on the test list",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("method\nclasses", no_wrap=True)
    table.add_column("backbone", overflow="fold")
    for name in ("total", "head", "medium", "tail"):
        size = len(bands) if name == "total" else sum(band == name for band in bands)
        table.add_column(f"{name}\n{size}", justify="right", no_wrap=True)
    table.add_column("from")
    for row in PUBLISHED[kind.name]:
        known = row.scores.total is not None
        where = row.source if known else f"{row.source}: not seen by us"
        table.add_row(row.method, row.backbone, *_scores(row.scores), where)
    table.add_section()
    for item in outcome.results:
        trained = f"this run, {item.seconds:.0f} s" if item.seconds else "this run"
        label = LABELS.get(item.method, item.method)
        if item.same_as:
            label, trained = f"({label})", f"same as {LABELS.get(item.same_as, item.same_as)}"
        table.add_row(label, outcome.backbone, *_scores(item.evaluation.scores), trained)
    return table


def _scores(scores: BandScores) -> list[str]:
    return [points(part) for part in (scores.total, scores.head, scores.medium, scores.tail)]


def _remarks(outcome: Outcome) -> list[RenderableType]:
    train, test = outcome.parts["train"], outcome.parts["test"]
    lines = [
        f"{UNKNOWN}: not seen by us, or not enough images to evaluate. Bands depend on a class's "
        "images in the training list: head from 100, tail below 20.",
        NOTES[outcome.kind.name],
        f"Trained on {train.used:,} of {train.listed:,} images, evaluated once on {test.used:,} of "
        f"{test.listed:,}; seed {outcome.seed}, {outcome.device}.",
    ]
    if left_out := metrics.not_evaluated(outcome.results[0].evaluation):
        lines.append(f"Not enough images in the test list to evaluate: {', '.join(left_out)}.")
    lines += [
        f"The training of {item.method} gave the same prompts as that of {item.same_as}: this "
        f"version trains both in the same way, so the row says nothing about {item.method}."
        for item in outcome.results
        if item.same_as
    ]
    if not outcome.authors_lists:
        lines.append("NOT COMPARABLE: these lists differ from those of the authors.")
    if outcome.limit is not None:
        lines.append(
            f"NOT COMPARABLE: only the first {outcome.limit:,} images of each list were used."
        )
    unusable = outcome.unusable
    if unusable.count:
        lines.append(
            f"NOT COMPARABLE: {len(unusable.missing):,} images are missing and "
            f"{len(unusable.unreadable):,} cannot be read:"
        )
        named = [*unusable.missing, *(f"{path} ({why})" for path, why in unusable.unreadable)]
        lines += [f"  {line}" for line in named[:SHOWN]]
        if len(named) > SHOWN:
            lines.append(f"  ... and {len(named) - SHOWN:,} more; --json FILE lists all of them")
    return list(lines)
