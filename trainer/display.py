"""A training run at a terminal: progress bar, losses, scores (imports no torch)."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from trainer.calibration import MIN_PRESENT
from trainer.events import (
    BandScores,
    FitFailed,
    FitFinished,
    FitProgress,
    FitStarted,
    FitValidated,
    RunEvent,
)
from trainer.printable import one_line
from trainer.prompt_set import ClassResult, Evaluation, PromptSet, ThresholdBasis
from trainer.terminal import cell, say
from trainer.texts import Formats, fill


class FitDisplay:
    """Shows the events of a run; use as a context manager."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=console,
        )
        self._bar = self._progress.add_task("Loading", total=None, note="")
        self._scores = ""

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

    def __call__(self, event: RunEvent) -> None:
        text = event.text
        detail = one_line(fill(text.detail, event, _FORMATS))
        match event:
            case FitStarted():
                say(self._progress.console, detail)
                self._progress.update(self._bar, description=text.headline, total=event.steps)
            case FitProgress():
                note = f"loss {event.loss:.4f}  {self._scores}"
                self._progress.update(
                    self._bar,
                    description=detail,
                    completed=event.step,
                    total=event.steps,
                    note=note,
                )
            case FitValidated():
                self._scores = detail
            case FitFinished():
                self._progress.stop()
                say(self._console, f"{text.headline}. {detail}")
                say(self._console, one_line(event.prompt_set))
            case FitFailed():
                self._progress.stop()
                say(self._console, detail, "bold red")
            case _:
                say(self._progress.console, detail)


def percent(value: float | None) -> str:
    """``45.3``, or a dash for None."""
    return "–" if value is None else f"{100 * value:.1f}"


def _duration(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.1f} s"


_FORMATS: Formats = {
    "count": lambda value: f"{value:,}",
    "duration": _duration,
    "percent": percent,
}


def score_table(rows: dict[str, Evaluation]) -> Table:
    """mAP per band, F1 and calibration error; one row per evaluation."""
    table = Table("", "mAP", "head", "medium", "tail", "CF1", "OF1", "ECE")
    for name, item in rows.items():
        extra = item.extra
        table.add_row(
            cell(name),
            *_bands(item.scores),
            *(percent(extra.get(key)) for key in ("CF1", "OF1", "ECE")),
        )
    return table


def f1_table(evaluation: Evaluation) -> Table:
    """Precision, recall and F1 at the thresholds, as mean over classes and over all annotations."""
    table = Table("at the thresholds", "precision", "recall", "F1")
    for name, initial in (("mean over classes", "C"), ("all annotations", "O")):
        keys = (f"{initial}P", f"{initial}R", f"{initial}F1")
        table.add_row(name, *(percent(evaluation.extra.get(key)) for key in keys))
    return table


def notes(made: PromptSet) -> list[str]:
    """Sentences beside the tables: calibration before and after, classes that share a threshold,
    classes that could not be evaluated.
    """
    if made.evaluation is None:
        return ["Nothing was held out, so these prompts cannot be evaluated."]
    sentences: list[str] = []
    figures = made.evaluation.extra
    if "ECE" in figures and "ECE_before" in figures:
        sentences.append(
            f"Calibration error {percent(figures['ECE'])}; before calibration "
            f"{percent(figures['ECE_before'])}."
        )
    own = made.calibrated
    if sharing := [name for name, has in zip(made.classes, own, strict=True) if not has]:
        value = float(made.thresholds[~own][0])
        sentences.append(
            f"Fewer than {MIN_PRESENT} present or absent held-out annotations; these classes share "
            f"one bias and one threshold ({value:.2f}): {shortened(sharing)}."
        )
    if left_out := [
        item.name for item in made.evaluation.classes if item.average_precision is None
    ]:
        sentences.append(f"Not enough annotations to evaluate: {shortened(left_out)}.")
    return sentences


def threshold_text(result: ClassResult) -> str:
    """``0.31 (0.22 to 0.40)``, ``0.35 (shared)`` or ``about 0.3 (expected)``; "" where it is not
    known what the threshold rests on."""
    value, low, high = result.threshold, result.threshold_low, result.threshold_high
    match result.threshold_basis:
        case None:
            return ""
        case ThresholdBasis.SHARED:
            return f"{value:.2f} (shared)"
        case ThresholdBasis.EXPECTED:
            return f"about {value:.1g} (expected)"
        case ThresholdBasis.OWN:
            return f"{value:.2f}" if low is None else f"{value:.2f} ({low:.2f} to {high:.2f})"


def support_text(result: ClassResult) -> str:
    """What the threshold rests on: ``12 / 80`` held-out present / absent annotations of the class,
    all classes together, or the scores."""
    match result.threshold_basis:
        case None:
            return ""
        case ThresholdBasis.SHARED:
            return "all classes"
        case ThresholdBasis.EXPECTED:
            return "scores"
        case ThresholdBasis.OWN:
            return f"{result.held_out_present} / {result.held_out_absent}"


def shortened(names: Sequence[str], at_most: int = 12) -> str:
    """``a, b, c and 9 more``."""
    shown = ", ".join(names[:at_most])
    return shown if len(names) <= at_most else f"{shown} and {len(names) - at_most} more"


def _bands(scores: BandScores) -> list[str]:
    return [percent(part) for part in (scores.total, scores.head, scores.medium, scores.tail)]
