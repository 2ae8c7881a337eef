"""What classes gained from new examples, against what was forecast: simulated users on Corel5k.

    python tests/benchmarks/gain_forecast.py [--seeds 0 1] [--users whole tail-first]
        [--cache FOLDER] [--fit]

Libraries, judges and retrainings are those of queues.py.  ``tail-first`` and ``random`` answer
questions as there; ``whole`` annotates whole photos drawn by chance, 25, 50, 100 and 200 of them.
Before every retraining the app's forecast is asked, for each class that gets new examples to learn
from, what these will gain: from the runs so far and the AP on the held-out photos so far, as the
app knows them.  The judges' AP after the retraining, less that before, is what came.  Only classes
with at least 5 judging photos count.

Printed for each user: gains in points; the rank correlation (Spearman) between forecast and what
came; the mean absolute error, beside that of forecasting no gain at all and of forecasting for
every class the mean gain that came (which nobody could know); and the share of what came within
the interval, which is meant to be 80 %.  ``--fit`` prints the constants of
lmpt_desktop/inference/gain_forecast.py that fit these users best.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from parts.simulated import SimulatedLibrary
from queues import QUEUES, RETRAIN_AT, Bench
from scipy.stats import spearmanr

from lmpt_desktop.inference.gain_forecast import (
    GainForecast,
    Levels,
    PastSteps,
    effort,
    forecast,
    shrunk,
    traits_of,
)
from lmpt_desktop.inference.neighbourhood import purity
from trainer.job import ABSENT, PRESENT
from trainer.metrics import quick_average_precisions

WHOLE = "whole"
WHOLE_AT = (25, 50, 100, 200)
USERS = (WHOLE, "tail-first", "random")
MIN_JUDGES = 5

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Step:
    """One retraining: what was known before it, and what came."""

    levels: Levels
    purity: NDArray[np.float64]
    past: PastSteps
    added: NDArray[np.int64]
    """(C,) examples that it had more to learn from."""
    ap: NDArray[np.float64]
    """(C,) the judges' before it."""
    gained: NDArray[np.float64]
    judges: NDArray[np.int64]

    @property
    def columns(self) -> NDArray[np.int64]:
        """The classes that count."""
        return np.flatnonzero((self.added > 0) & (self.judges >= MIN_JUDGES))


def run(bench: Bench, user: str, seed: int) -> Arrays:
    """What a user's retrainings made, an array per figure with a row per retraining, the state
    before any first."""
    corel = bench.corel
    rows, judging = bench.parts(seed)
    library = SimulatedLibrary(
        corel.names,
        corel.features[rows],
        corel.present[rows],
        bench.zero_shot,
        bench.backbone,
        options={"threads": 1},
        seed=seed,
    )
    rng = np.random.default_rng([seed, 7])
    photos = rng.permutation(len(rows)) if user == WHOLE else np.empty(0, np.int64)
    made = [_state(bench, library, judging)]
    done = 0
    for goal in WHOLE_AT if user == WHOLE else RETRAIN_AT:
        if user == WHOLE:
            for row in photos[done:goal].tolist():
                library.answer([(row, column) for column in range(len(corel.names))])
            done = goal
        while user != WHOLE and library.verdicts < goal:
            library.answer(QUEUES[user](library, rng)[: goal - library.verdicts])
        library.retrain()
        made.append(_state(bench, library, judging))
    judges = corel.present[judging].sum(axis=0)
    return {name: np.stack([one[name] for one in made]) for name in made[0]} | {"judges": judges}


def _state(bench: Bench, library: SimulatedLibrary, judging: NDArray[np.int64]) -> Arrays:
    """Figures of every class now, (C,) each."""
    corel, made = bench.corel, library.prompt_set
    targets = np.where(corel.present[judging], PRESENT, ABSENT).astype(np.int8)
    ap = quick_average_precisions(library.scores(corel.features[judging]), targets)
    count = len(corel.names)
    found: Arrays = {
        "ap": np.asarray(ap),
        "learned": np.zeros(count, np.int64),
        "support": np.zeros(count, np.int64),
        "measured": np.full(count, np.nan),
        "baseline": np.full(count, np.nan),
        "purity": purity(library.snapshot, library.features),
    }
    if made is not None:
        place = {name: column for column, name in enumerate(corel.names)}
        columns = np.array([place[name] for name in made.classes])
        found["learned"][columns] = made.train_present
        if made.evaluation is not None and made.baseline is not None:
            for result, before in zip(made.evaluation.classes, made.baseline.classes, strict=True):
                if result.average_precision is not None:
                    column = place[result.name]
                    found["support"][column] = result.held_out_present
                    found["measured"][column] = result.average_precision
                    found["baseline"][column] = before.average_precision
    return found


def steps_of(made: Arrays) -> Iterator[Step]:
    """The retrainings of one user."""
    for at in range(len(made["ap"]) - 1):
        yield Step(
            Levels(made["learned"][at], made["measured"][at], made["support"][at]),
            made["purity"][at],
            _past(made, at),
            made["learned"][at + 1] - made["learned"][at],
            made["ap"][at],
            made["ap"][at + 1] - made["ap"][at],
            made["judges"],
        )


def _past(made: Arrays, until: int) -> PastSteps:
    parts = [
        (columns, np.full(len(columns), at), *(item[columns] for item in figures))
        for at in range(1, until + 1)
        for figures in [
            (made["learned"][at - 1], made["learned"][at], made["baseline"][at],
             made["measured"][at], made["support"][at])
        ]
        for columns in [np.flatnonzero(np.isfinite(made["baseline"][at] + made["measured"][at]))]
    ]  # fmt: skip
    if not parts:
        return PastSteps.none()
    return PastSteps(*(np.concatenate(items) for items in zip(*parts, strict=True)))


def predicted(step: Step) -> GainForecast:
    """As the app forecasts it."""
    return forecast(step.levels, step.purity, step.past, np.maximum(step.added, 0))


def report(user: str, steps: list[Step]) -> None:
    """A line of figures, as a row of a Markdown table."""
    came = np.concatenate([step.gained[step.columns] for step in steps])
    told, columns = [predicted(step) for step in steps], [step.columns for step in steps]
    gains, spreads = (
        np.concatenate([getattr(one, name)[at] for one, at in zip(told, columns, strict=True)])
        for name in ("gains", "spreads")
    )
    measured = np.concatenate([one.measured[at] for one, at in zip(told, columns, strict=True)])
    zero, mean, own = (came - other for other in (0.0, came.mean(), gains))
    within = [
        f"{100 * (np.abs(gains - came) <= spreads)[part].mean():.0f}" if part.any() else "-"
        for part in (np.ones_like(measured), measured)
    ]
    cells = (
        user,
        len(came),
        f"{100 * came.mean():.1f}",
        f"{100 * gains.mean():.1f}",
        f"{spearmanr(gains, came)[0]:.2f}",
        *(f"{100 * np.abs(left).mean():.2f}" for left in (own, zero, mean)),
        *(f"{100 * np.sqrt((left**2).mean()):.2f}" for left in (own, zero, mean)),
        within[0],
        f"{within[1]} of {int(measured.sum())}",
    )
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def _size(step: Step) -> NDArray[np.float64]:
    """(C,) what a rate is multiplied with."""
    return (1 - shrunk(step.levels)[0]) * effort(step.levels.examples, step.added.clip(0))


def fit(steps: list[Step]) -> None:
    """Least squares of the rates; every class and step counts alike."""
    parts = [(step, step.columns) for step in steps]
    size = np.concatenate([_size(step)[c] for step, c in parts])
    pure = np.concatenate([step.purity[c] for step, c in parts])
    traits = np.concatenate([traits_of(step.purity)[c] for step, c in parts])
    came = np.concatenate([step.gained[c] for step, c in parts])
    matrix = size[:, None] * traits
    rates = np.linalg.solve(matrix.T @ matrix, matrix.T @ came)
    left = came - matrix @ rates
    errors = np.sqrt(np.diag(np.linalg.inv(matrix.T @ matrix)) * left.var())
    before = np.concatenate([step.ap[c] for step, c in parts])
    print(f"AP before {before.mean():.2f} ± {before.std():.2f}")
    print(f"purity {np.nanmean(pure):.2f} ± {np.nanstd(pure):.2f}")
    print(f"rates {rates.round(4)}, errors {errors.round(4)}")
    had = np.concatenate([step.levels.examples[c] for step, c in parts])
    for low, high in ((0, 0), (1, 1), (2, 4), (5, 9), (10, 99)):
        at = (had >= low) & (had <= high)
        if at.sum() > 1:
            print(f"{low} to {high} examples: {at.sum()} gains, left {left[at].std():.3f}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1], metavar="N")
    parser.add_argument("--users", nargs="+", choices=USERS, default=list(USERS))
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="keep single runs there")
    parser.add_argument("--fit", action="store_true", help="print the constants that fit best")
    asked = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    bench = Bench(validation=False)
    every: list[Step] = []
    print(
        "| user | forecasts | gain | forecast | rank | error | of 0 | of the mean "
        "| root mean square error | of 0 | of the mean | within | within, measured |"
    )
    print("|---" * 13 + "|")
    for user in asked.users:
        mine: list[Step] = []
        for seed in asked.seeds:
            place = asked.cache / f"gain-{user}-{seed}.npz" if asked.cache else None
            if place and place.is_file():
                made = dict(np.load(place))
            else:
                begun = time.monotonic()
                made = run(bench, user, seed) | {"seconds": np.array(time.monotonic() - begun)}
                if place:
                    np.savez_compressed(place, allow_pickle=False, **made)
            mine += steps_of(made)
        report(user, mine)
        every += mine
    if len(asked.users) > 1:
        report("all", every)
    if asked.fit:
        fit(every)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
