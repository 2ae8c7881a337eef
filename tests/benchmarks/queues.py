"""Which review queue helps the tail most: simulated users on Corel5k through Lite's features.

    python tests/benchmarks/queues.py [--seeds 4] [--json FILE] [--plot FILE] [--cache FOLDER]

A library of 2,000 of the 4,500 training images (others for each seed), 374 keywords, nothing
annotated, predicted zero-shot.  A user works down a queue, 50 questions at a time; one verdict is
one keyword of one image, answered truthfully.  After 100, 200, 300, 500, 700 and 1,000 verdicts
the app's own trainer retrains, as *Model > Retrain prompts...* does with its defaults (``lmpt+``,
a fifth of the annotated images held out), and the queue is asked anew.

After 100, 300 and 1,000 verdicts the judges' mAP is taken, in percent, over all keywords with a
judging image, and over the tail (fewer than 20 images in the whole training part, the bands of
accuracy.py); mean and standard deviation over the seeds.  Judges are the 499 test images and 2,000
training images, the same for every seed and never in a library.  The test images alone hold one
or two of most tail keywords: a single one that goes from rank 1 to 2 moves tail mAP by 0.4, which
is more than the seeds do.  ``--judges test`` judges on them alone; the same runs serve for both.

Queues: ``tail-first``, ``uncertain`` as the app has them; ``class-sweep``: tail classes in turn,
ten questions each; ``more-like-this``: likewise, and where that found an example, ten more of what
is most like it; ``random``: images drawn by chance, and of each the likeliest keyword;
``random-pairs``: any keyword of any image.  Disagreements do not apply: this user makes no slips.

``--instant`` lets every answer move the predictions, as the app does: the queue is asked anew every
50 answers, with the scores as they are then, and the figures are those of what the app predicts
with.  The retrainings stay; ``--no-retraining`` leaves them out.  Calibration error (15 bins, every
keyword of every judging image) and F1 of the average keyword are printed for 100, 300 and 1,000.

``--validation`` judges on 1,000 of the training images alone, others for each seed; all constants
were chosen so, and never on the test images.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from parts.datasets import COREL, Corel, load_corel
from parts.simulated import Question, SimulatedLibrary

from lmpt_desktop.inference.queues import QueueKind, QueueRequest
from trainer.bands import BandLimits
from trainer.job import ABSENT, PRESENT
from trainer.learner import embed_templates
from trainer.metrics import (
    band_scores,
    expected_calibration_error,
    f1_metrics,
    quick_average_precisions,
)
from trainer.text_tower import TextTower

RETRAIN_AT = (100, 200, 300, 500, 700, 1000)
MEASURE_AT = (100, 300, 1000)
BATCH = 50
LIBRARY_SHARE = 0.8
"""Of the training images that do not judge."""
JUDGES = 2000
VALIDATION = 1000
SWEEP_QUESTIONS = 10
"""About a class, before the sweeping user turns to the next."""
LIKELIEST = 1
"""Keywords answered of every random image: of 1, 3 and 5 the best on validation, in total."""

Figures = dict[str, float]
Ask = Callable[[SimulatedLibrary, np.random.Generator], list[Question]]


def by_kind(kind: QueueKind) -> Ask:
    """A queue of the app, as it is."""

    def ask(library: SimulatedLibrary, rng: np.random.Generator) -> list[Question]:
        queue = library.queue(QueueRequest(kind, length=BATCH))
        return [library.question(item) for item in queue.items]

    return ask


def in_turn(library: SimulatedLibrary, rng: np.random.Generator, *, alike: bool) -> list[Question]:
    """Tail classes (or all, where there is none) in turn, those with the fewest verdicts first."""
    snapshot = library.snapshot
    answered = (snapshot.annotations >= 0).sum(axis=0) + rng.random(len(snapshot.classes))
    if alike:  # one more turn at once for classes that have just got their first example
        has = (snapshot.annotations == 1).any(axis=0)
        answered[has & (answered < 2 * SWEEP_QUESTIONS)] = -1
    tail = np.flatnonzero(snapshot.bands.is_tail())
    tail = tail if len(tail) else np.arange(len(answered))
    asked: list[Question] = []
    for column in tail[np.argsort(answered[tail])].tolist():
        kind = QueueKind.CLASS_SWEEP
        if alike and (snapshot.annotations[:, column] == 1).any():
            kind = QueueKind.MORE_LIKE
        request = QueueRequest(kind, class_id=snapshot.classes[column].id, length=SWEEP_QUESTIONS)
        asked += [library.question(item) for item in library.queue(request).items]
        if len(asked) >= BATCH:
            break
    return asked[:BATCH]


def random_images(library: SimulatedLibrary, rng: np.random.Generator) -> list[Question]:
    """The likeliest unanswered keywords of images drawn by chance."""
    snapshot = library.snapshot
    untouched = np.flatnonzero((snapshot.annotations < 0).all(axis=1))
    asked: list[Question] = []
    for row in rng.permutation(untouched)[: -(-BATCH // LIKELIEST)].tolist():
        best = np.argsort(-snapshot.scores[row], kind="stable")[:LIKELIEST]
        asked += [(row, int(column)) for column in best]
    return asked[:BATCH]


def random_pairs(library: SimulatedLibrary, rng: np.random.Generator) -> list[Question]:
    """Unanswered entries drawn by chance."""
    rows, columns = np.nonzero(library.snapshot.annotations < 0)
    chosen = rng.permutation(len(rows))[:BATCH]
    return list(zip(rows[chosen].tolist(), columns[chosen].tolist(), strict=True))


QUEUES: dict[str, Ask] = {
    "tail-first": by_kind(QueueKind.TAIL_FIRST),
    "uncertain": by_kind(QueueKind.UNCERTAIN),
    "random": random_images,
    "random-pairs": random_pairs,
    "class-sweep": lambda library, rng: in_turn(library, rng, alike=False),
    "more-like-this": lambda library, rng: in_turn(library, rng, alike=True),
}


class Bench:
    """Corel5k, and a judge."""

    def __init__(self, *, validation: bool, instant: bool = False, retraining: bool = True) -> None:
        self.instant, self.retraining = instant, retraining
        torch.set_num_threads(1)
        self.corel, self.backbone = load_corel()
        tower = TextTower(self.backbone.model, self.backbone.tokenizer)
        self.zero_shot = embed_templates(
            tower, self.corel.names, list(self.backbone.templates)
        ).numpy()
        self.validation = validation

    def parts(self, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows of the library, and of the judging images."""
        train = np.flatnonzero(self.corel.train)
        rng = np.random.default_rng([seed, int(self.validation)])
        if self.validation:
            shuffled = rng.permutation(train)
            judging, rest = shuffled[:VALIDATION], shuffled[VALIDATION:]
        else:
            fixed = np.random.default_rng(5000).permutation(train)
            judging = np.concatenate([np.flatnonzero(~self.corel.train), fixed[:JUDGES]])
            rest = rng.permutation(fixed[JUDGES:])
        return rest[: round(LIBRARY_SHARE * len(rest))], judging

    def figures(self, library: SimulatedLibrary, judging: NDArray[np.int64]) -> Figures:
        """:meth:`judge` and :meth:`calibration`, and mAP of the test images alone."""
        scores = library.scores(self.corel.features[judging])
        made = self.judge(scores, judging) | self.calibration(library, scores, judging)
        if self.validation:
            return made
        test = np.flatnonzero(~self.corel.train)
        alone = self.judge(library.scores(self.corel.features[test]), test)
        return made | {f"test {name}": alone[name] for name in ("tail", "total")}

    def targets(self, rows: NDArray[np.int64]) -> NDArray[np.int8]:
        """(n, K), complete."""
        return np.where(self.corel.present[rows], PRESENT, ABSENT).astype(np.int8)

    def judge(self, scores: NDArray[np.float32], rows: NDArray[np.int64]) -> Figures:
        """mAP in percent: total, head, medium, tail."""
        found = quick_average_precisions(scores, self.targets(rows))
        bands = asdict(band_scores(found, self.corel.counts, BandLimits()))
        return {name: 100 * bands[name] for name in ("total", "head", "medium", "tail")}

    def calibration(
        self, library: SimulatedLibrary, scores: NDArray[np.float32], rows: NDArray[np.int64]
    ) -> Figures:
        """Calibration error and F1 of the average keyword, in percent."""
        targets, weights = self.targets(rows), library.weights
        return {
            "ECE": 100 * expected_calibration_error(scores, targets),
            "CF1": 100 * f1_metrics(scores >= weights.thresholds, targets)["CF1"],
        }

    def run(self, queue: str, seed: int) -> dict[str, Any]:
        """One user, from nothing to the last retraining."""
        begun = time.monotonic()
        rows, judging = self.parts(seed)
        corel: Corel = self.corel
        library = SimulatedLibrary(
            corel.names,
            corel.features[rows],
            corel.present[rows],
            self.zero_shot,
            self.backbone,
            options={"threads": 1},
            seed=seed,
            instant=self.instant,
        )
        rng = np.random.default_rng([seed, 7])
        tail = corel.counts < BandLimits().medium
        made: dict[str, Any] = {"0": self.figures(library, judging)}
        for goal in RETRAIN_AT:
            while library.verdicts < goal:
                questions = QUEUES[queue](library, rng)[: goal - library.verdicts]
                if not library.answer(questions):
                    raise RuntimeError(f"{queue} has nothing left to ask")
            if self.retraining:
                library.retrain()
            present = library.snapshot.annotations == 1
            made[str(goal)] = {
                **self.figures(library, judging),
                "present": int(present.sum()),
                "tail present": int(present[:, tail].sum()),
                "tail classes": int(present[:, tail].any(axis=0).sum()),
            }
        return made | {"seconds": time.monotonic() - begun}


def table(runs: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Mean and standard deviation of every figure, as ``--json`` writes them."""
    made: dict[str, Any] = {}
    for part in ("tail", "total"):
        for queue, figures in runs.items():
            row = made.setdefault(part, {}).setdefault(queue, {})
            for at in map(str, MEASURE_AT):
                values = [figure[at][part] for figure in figures]
                spread = statistics.stdev(values) if len(values) > 1 else 0.0
                row[at] = [round(statistics.mean(values), 2), round(spread, 2)]
    return made


def show(made: dict[str, Any], runs: dict[str, list[dict[str, Any]]]) -> None:
    """As Markdown, ready for docs/queues.md."""
    points = [str(at) for at in MEASURE_AT]
    for part, queues in made.items():
        print(f"\n| {part} | {' | '.join(points)} |\n|---|---|---|---|")
        for queue, row in queues.items():
            cells = [f"{row[at][0]:.1f} ± {row[at][1]:.1f}" for at in points]
            print(f"| {queue} | {' | '.join(cells)} |")
    print(f"\n| calibration error / CF1 | {' | '.join(points)} |\n|---|---|---|---|")
    for queue, figures in runs.items():
        cells = [
            " / ".join(
                f"{statistics.mean(run[at][name] for run in figures):.2f}"
                for name in ("ECE", "CF1")
            )
            for at in points
        ]
        print(f"| {queue} | {' | '.join(cells)} |")
    for part in made:
        start = statistics.mean(run["0"][part] for figures in runs.values() for run in figures)
        print(f"\nZero-shot {part}: {start:.2f}")
    print(f"\n| found: all / tail / tail classes | {' | '.join(points)} |")
    print("|---|---|---|---|")
    for queue, figures in runs.items():
        cells = [
            " / ".join(
                f"{statistics.mean(run[at][name] for run in figures):.0f}"
                for name in ("present", "tail present", "tail classes")
            )
            for at in points
        ]
        print(f"| {queue} | {' | '.join(cells)} |")


def draw(runs: dict[str, list[dict[str, Any]]], file: Path) -> None:
    """Tail mAP against verdicts: means, and bands of one standard deviation."""
    # Only here: the benchmark itself does without.
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "queues"
    figure, axes = plt.subplots(figsize=(7.2, 4.2), layout="constrained")
    points = (0, *RETRAIN_AT)
    # Categorical colours of Okabe and Ito (2008), which the colour-blind tell apart.
    colours = ("#d55e00", "#0072b2", "#009e73", "#999999", "#cc79a7", "#e69f00")
    marks = "os^vDP"
    for (queue, figures), colour, mark in zip(runs.items(), colours, marks, strict=False):
        values = np.array([[run[str(at)]["tail"] for at in points] for run in figures])
        mean, spread = values.mean(axis=0), values.std(axis=0, ddof=min(1, len(values) - 1))
        axes.plot(points, mean, color=colour, marker=mark, markersize=5, label=queue)
        axes.fill_between(points, mean - spread, mean + spread, color=colour, alpha=0.13, lw=0)
    axes.set(xlabel="answered verdicts", ylabel="tail mAP on the judging images, %", xlim=(0, 1010))
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper left")
    figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)
    plt.close(figure)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=4, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table there")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the curve there (SVG, PNG)")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="keep single runs there")
    parser.add_argument("--queues", nargs="+", choices=list(QUEUES), default=list(QUEUES))
    parser.add_argument("--judges", choices=("all", "test"), default="all")
    parser.add_argument("--instant", action="store_true", help="learn from every answer")
    parser.add_argument("--no-retraining", action="store_true", help="never retrain")
    parser.add_argument("--validation", action="store_true", help="judge on training images")
    asked = parser.parse_args()
    if not COREL.is_dir():
        print(f"{COREL} is not there; set LMPT_SHARED to the folder that holds bench/")
        return 1
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    bench = Bench(
        validation=asked.validation,
        instant=asked.instant,
        retraining=not asked.no_retraining,
    )
    runs: dict[str, list[dict[str, Any]]] = {queue: [] for queue in asked.queues}
    for seed in range(asked.seeds):
        for queue in asked.queues:
            part = "validation" if asked.validation else "test"
            part += "-instant" if asked.instant else ""
            part += "-untrained" if asked.no_retraining else ""
            place = asked.cache / f"{part}-{queue}-{seed}.json" if asked.cache else None
            if place and place.is_file():
                made = json.loads(place.read_text(encoding="utf-8"))
            else:
                made = bench.run(queue, seed)
                if place:
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_text(json.dumps(made), encoding="utf-8")
            runs[queue].append(made)
            line = "  ".join(f"{at}: {made[str(at)]['tail']:.2f}" for at in (0, *MEASURE_AT))
            print(
                f"{queue:15} seed {seed}  tail {line}  {made['seconds']:.0f} s",
                file=sys.stderr,
                flush=True,
            )
    if asked.judges == "test" and not asked.validation:
        for made in (made for figures in runs.values() for made in figures):
            for at in map(str, (0, *RETRAIN_AT)):
                made[at] |= {part: made[at][f"test {part}"] for part in ("tail", "total")}
    made_table = table(runs)
    show(made_table, runs)
    if asked.json:
        asked.json.write_text(json.dumps(made_table, indent=1), encoding="utf-8")
    if asked.plot:
        draw(runs, asked.plot)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
