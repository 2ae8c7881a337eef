"""A fit run for people at a terminal: a bar, the losses, the scores (no torch)."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from trainer.calibration import MIN_PRESENT
from trainer.events import (
    BandScores,
    FitFailed,
    FitFinished,
    FitProgress,
    FitStarted,
    FitValidated,
    Message,
)
from trainer.prompt_set import Evaluation, PromptSet


class FitDisplay:
    """Shows the events of a run; use as a context manager."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
        )
        self._bar = self._progress.add_task("Loading", total=None, note="")
        self._map = ""

    def __enter__(self) -> FitDisplay:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def __call__(self, event: Message) -> None:
        if isinstance(event, FitStarted):
            self._progress.console.print(
                f"{event.classes} classes, {event.train_images} training and "
                f"{event.held_out_images} held-out images, {event.backbone} on {event.device}"
            )
            self._progress.update(self._bar, description="Training", total=event.steps)
        elif isinstance(event, FitProgress):
            note = f"loss {event.loss:.4f}{self._map}  {event.seconds_left:.0f} s left"
            self._progress.update(self._bar, completed=event.step, total=event.steps, note=note)
        elif isinstance(event, FitValidated):
            self._map = f"  mAP {percent(event.scores.total)}"
        elif isinstance(event, FitFinished):
            how = "Cancelled; the best so far is kept" if event.cancelled else "Done"
            self._progress.stop()
            self._console.print(f"{how} after {event.seconds:.1f} s: {event.prompt_set}")
        elif isinstance(event, FitFailed):
            self._progress.stop()
            self._console.print(event.message, style="bold red")


def percent(value: float | None) -> str:
    """``45.3``, or a dash for what cannot be judged."""
    return "–" if value is None else f"{100 * value:.1f}"


def score_table(rows: dict[str, Evaluation]) -> Table:
    """mAP per band and the further figures, one row per evaluation."""
    table = Table("", "mAP", "head", "medium", "tail", "CF1", "OF1", "ECE")
    for name, item in rows.items():
        extra = item.extra
        table.add_row(
            name,
            *_bands(item.scores),
            *(percent(extra.get(key)) for key in ("CF1", "OF1", "ECE")),
        )
    return table


def f1_table(evaluation: Evaluation) -> Table:
    """Precision, recall and F1 at the thresholds: mean over classes, and all entries pooled."""
    table = Table("at the thresholds", "precision", "recall", "F1")
    for name, initial in (("mean over classes", "C"), ("all annotations", "O")):
        keys = (f"{initial}P", f"{initial}R", f"{initial}F1")
        table.add_row(name, *(percent(evaluation.extra.get(key)) for key in keys))
    return table


def notes(made: PromptSet) -> list[str]:
    """What tables of means leave unsaid, in sentences: calibration before and after, whose
    thresholds are shared, who could not be judged.
    """
    if made.evaluation is None:
        return ["Nothing was held out, so nothing can be said of how well these prompts do."]
    said: list[str] = []
    figures = made.evaluation.extra
    if "ECE" in figures and "ECE_before" in figures:
        said.append(
            f"Calibration error {percent(figures['ECE'])}; before calibration "
            f"{percent(figures['ECE_before'])}."
        )
    own = made.calibrated
    if sharing := [name for name, has in zip(made.classes, own, strict=True) if not has]:
        value = float(made.thresholds[~own][0])
        said.append(
            f"Fewer than {MIN_PRESENT} held-out annotations of either kind; these classes share "
            f"one bias and one threshold ({value:.2f}): {some(sharing)}."
        )
    if left_out := [
        item.name for item in made.evaluation.classes if item.average_precision is None
    ]:
        said.append(f"Not enough to judge: {some(left_out)}.")
    return said


def some(names: Sequence[str], at_most: int = 12) -> str:
    """``a, b, c and 9 more``."""
    shown = ", ".join(names[:at_most])
    return shown if len(names) <= at_most else f"{shown} and {len(names) - at_most} more"


def _bands(scores: BandScores) -> list[str]:
    return [percent(part) for part in (scores.total, scores.head, scores.medium, scores.tail)]
