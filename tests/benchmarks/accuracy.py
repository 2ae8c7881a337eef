"""How well each method ranks a long-tailed library through Lite's features, beside simple ones.

    python tests/benchmarks/accuracy.py [--seeds 5] [--jobs 2] [--cache FOLDER] [--json FILE]
        [--settings ...] [--methods ...] [--rows [...]] [--against ...] [--validation]

Figures are mAP in percent over the classes with a judging photo: all of them, and head / medium /
tail by their photos in the whole training part (the app's limits: >= 100, 20 to 99 and < 20 of
1,000 photos or more); CF1 and ECE in percent where a method gives probabilities and thresholds.
Mean and standard deviation over the seeds.

Corel5k (4,500 training images, 499 test images that judge, 371 keywords): ``full``, every training
image is annotated; ``tenth``, a tenth of the images is (another for each seed), all else is
unknown; ``tenth-entries``, a tenth of the single annotations; ``answers-N``, N single answers down
the tail-first queue of a library of 2,000 training images (others for each seed), predicted
zero-shot throughout.  The 204 photos of COCO 2017, 80 classes: ``coco``, five folds, each judged
after learning from the other four, so that every photo is judged once; ``coco-60``, 60 photos of
the other four folds are annotated.  Their spread is that over the folds (of ``--partitions``
partitions); a second table has the mAP of all five folds' scores pooled.

Prompts are trained by :func:`trainer.fit.fit` itself, as the app does it, with nothing held out: a
fifth of what is annotated chooses what a run chooses.  ``lmpt+ held-out`` leaves a fifth to
calibration, as the app does.  The other methods are those of parts/opponents.py; they choose on the
same fifth.  ``--rows`` adds ``lmpt+`` without one of its parts each, and methods that score windows
too, where the photos are at hand (COCO).  To add a row, add it to ROWS.

Behind the tables: ``lmpt+`` (and each method that ``--against`` names) less every other method, on
the same seeds and folds.  It is *ahead* where the mean of the paired differences is above their
standard deviation, *behind* where it is below minus that, else *not ahead*.

No run chooses anything on the photos that judge.  ``--validation`` judges on a fifth of the
training part (another for each seed), for whoever chooses settings.  Seconds are of one run with
``--threads`` threads, beside ``--jobs`` - 1 others, without loading.  With ``--cache`` a call can
be killed and resumed: figures are found again by data, annotations, options, method and code.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import inspect
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from parts.comparison import JUDGED, Figures, Summary, Unit, differences, verdict
from parts.datasets import BOARDS, PLACES, Board
from parts.opponents import OPPONENTS, Given, Study
from parts.trials import SETTINGS, Trial, truth

from trainer import job, prompt_set
from trainer.calibration import sigmoid
from trainer.cancel import CancelToken
from trainer.events import FitFinished, Message
from trainer.fit import fit
from trainer.job import INSTANT, LMPT, LMPT_PLUS, UNASSIGNED, FitJob, JobClass, JobSettings
from trainer.metrics import (
    average_precisions,
    band_scores,
    expected_calibration_error,
    f1_metrics,
)
from trainer.options import FitOptions
from trainer.suggested import LITE

ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "bce": (LMPT, {"loss": "bce", "classification_share": 1.0, "interpolation": 0.0}),
    "lmpt": (LMPT, {}),
    "lmpt-no-cse": (LMPT, {"classification_share": 1.0}),
    "lmpt-no-rebalance": (LMPT, {"rebalance": "off"}),
    "lmpt+": (LMPT_PLUS, {}),
    "instant": (INSTANT, {}),
    "lmpt+ held-out": (LMPT_PLUS, {"held_out_fraction": 0.2}),
    "lmpt+ -kernel": (LMPT_PLUS, {"kernel": 0.0}),
    "lmpt+ -listwise": (LMPT_PLUS, {"loss": "distribution-balanced"}),
    "lmpt+ -cse": (LMPT_PLUS, {"classification_share": 1.0}),
    "lmpt+ -residual": (LMPT_PLUS, {"residual_rate": 0.0}),
    "lmpt+ -interpolation": (LMPT_PLUS, {"interpolation": 0.0}),
    "lmpt+ -unknown": (LMPT_PLUS, {"unknown_weight": 0.0}),
    "instant, windows": (INSTANT, {}),
    "lmpt+, windows": (LMPT_PLUS, {}),
}
"""Trained prompt sets: method, and options (:class:`FitOptions`) beside what the method sets."""
SWITCHES = tuple(name for name in ROWS if " -" in name)
"""``lmpt+`` with one part off; run with ``--rows``."""
ZERO_SHOT_WINDOWS = "zero-shot, windows"
WINDOWED = (ZERO_SHOT_WINDOWS, *(name for name in ROWS if name.endswith(", windows")))
"""Score windows beside whole photos; run with ``--rows``."""
METHODS = (*OPPONENTS, *(name for name in ROWS if name not in (*SWITCHES, *WINDOWED)))
DEFAULT_SETTINGS = tuple(name for name in SETTINGS if name != "tenth-entries")
MEANS = ("total", "head", "medium", "tail")
COLUMNS = (*MEANS, "CF1", "ECE", "seconds")
OWN = "lmpt+"
HELD_OUT_FRACTION = 0.0
"""Of the rows that do not say otherwise: more to learn from, as the opponents have it."""

OPPONENTS_CODE = "parts.opponents"


@dataclass(frozen=True)
class Work:
    """One run: learn and be judged once.

    board, trial: the files they are in.
    key: of everything that changes a figure.
    keep_scores: whether the scores of the judging photos are wanted too.
    """

    setting: str
    method: str
    unit: Unit
    board: Path
    trial: Path
    key: str
    threads: int
    keep_scores: bool

    @property
    def name(self) -> str:
        words = "".join(letter if letter.isalnum() else "-" for letter in self.method)
        return f"{self.setting}-{words}-{self.unit[0]}-{self.unit[1]}-{self.key}.json"

    @property
    def seed(self) -> int:
        """Of the run itself; another for each fold."""
        return self.unit[0] * SETTINGS[self.setting].folds + self.unit[1]


@cache
def code_hash(*roots: str) -> str:
    """Of what modules do, with all of the trainer that they import: their syntax trees without
    docstrings, so that words may change.
    """
    digest = blake2b(digest_size=8)
    waiting, seen = list(roots), set[str]()
    while waiting:
        name = waiting.pop()
        spec = importlib.util.find_spec(name) if name not in seen else None
        seen.add(name)
        if spec is None or spec.origin is None:
            continue
        tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("trainer"):
                # ``from trainer import job`` names a module, ``from trainer.job import X`` is one.
                waiting += [node.module or "", *(f"trainer.{item.name}" for item in node.names)]
            body = getattr(node, "body", None)
            if isinstance(body, list):
                node.body = [item for item in body if not _is_text(item)]  # type: ignore[attr-defined]
        digest.update(f"{name} {ast.dump(tree)}".encode())
    return digest.hexdigest()


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def options_of(method: str, threads: int) -> dict[str, Any]:
    """Of a row of :data:`ROWS`, beside what the method sets."""
    return {"held_out_fraction": HELD_OUT_FRACTION, "threads": threads} | ROWS[method][1]


def key_of(method: str, unit: Unit, board: Board, trial: Trial, threads: int) -> str:
    """Of everything that changes a figure."""
    about: dict[str, Any] = {
        "measured": [inspect.getsource(item) for item in (measure, Outcome, figures_of, means_of)],
        "method": method,
        "unit": unit,
        "board": board.key,
        "trial": trial.key,
        "threads": threads,
        "code": code_hash(
            "trainer.metrics",
            "trainer.windows",
            "trainer.fit" if method in ROWS else OPPONENTS_CODE,
        ),
    }
    if method in ROWS:
        about["run"] = inspect.getsource(trained)
        about["options"] = asdict(FitOptions.of(options_of(method, threads), ROWS[method][0]))
    text = json.dumps(about, sort_keys=True)
    return blake2b(text.encode(), digest_size=8).hexdigest()


# ------------------------------------------------------------------------------- one run


@dataclass(frozen=True, eq=False)
class Outcome:
    """Of a method on the judging photos, (M, K) each.

    scores: to rank by.
    probabilities, predicted: None where the method has none.
    """

    scores: NDArray[np.floating]
    probabilities: NDArray[np.floating] | None = None
    predicted: NDArray[np.bool_] | None = None

    @classmethod
    def calibrated(
        cls,
        cosines: NDArray[np.float32],
        scale: float,
        biases: NDArray[np.float32] | float,
        thresholds: NDArray[np.float32] | float,
    ) -> Outcome:
        probabilities = sigmoid(scale * cosines + biases)
        return cls(cosines, probabilities, probabilities >= thresholds)


def measure(work: Work) -> dict[str, Any]:
    """Learn, and be judged: figures in percent, seconds, and the scores where they are wanted."""
    torch.set_num_threads(work.threads)
    board, trial = Board.load(work.board), Trial.load(work.trial)
    judges = board.features[trial.judges]
    if work.method in ROWS:
        learned, seconds = trained(board, trial, work)
        windows = board.windows if work.method in WINDOWED else None
        cosines = learned.cosines(judges, None if windows is None else windows[trial.judges])
        outcome = Outcome.calibrated(cosines, learned.scale, learned.biases, learned.thresholds)
    elif work.method == ZERO_SHOT_WINDOWS:
        seconds, outcome = 0.0, Outcome(board.with_windows(trial.judges))
    else:
        begun = time.monotonic()
        given = Given(board.features[trial.library], trial.targets, board.zero_shot, board.scale)
        scorer = OPPONENTS[work.method](Study.of(given, work.seed))
        seconds = time.monotonic() - begun
        outcome = Outcome(scorer(judges))
    made: dict[str, Any] = {"figures": figures_of(board, trial, outcome) | {"seconds": seconds}}
    if work.keep_scores:
        made["judges"] = trial.judges.tolist()
        made["scores"] = outcome.scores.astype(np.float32).tolist()
    return made


def means_of(
    board: Board, rows: NDArray[np.int64], scores: NDArray[np.floating]
) -> dict[str, float | None]:
    """mAP in percent, in total and by band; None for a band without a judged class."""
    found = average_precisions(scores, truth(board, rows))
    bands = asdict(band_scores(found, board.counts, board.limits))
    return {name: None if bands[name] is None else 100 * bands[name] for name in MEANS}


def figures_of(board: Board, trial: Trial, outcome: Outcome) -> dict[str, float | None]:
    """All columns but the seconds."""
    targets = truth(board, trial.judges)
    made = means_of(board, trial.judges, outcome.scores) | {"CF1": None, "ECE": None}
    if outcome.probabilities is not None and outcome.predicted is not None:
        made["CF1"] = 100 * f1_metrics(outcome.predicted, targets)["CF1"]
        made["ECE"] = 100 * expected_calibration_error(outcome.probabilities, targets)
    return made


def trained(board: Board, trial: Trial, work: Work) -> tuple[prompt_set.PromptSet, float]:
    """The prompt set that a run makes, and the seconds that it takes."""
    # Late: timm and open_clip take seconds to import, and the other methods need neither.
    from trainer.backbone import load_backbone

    backbone = load_backbone(LITE, torch.device("cpu"))
    count, classes = trial.targets.shape
    windows = board.windows if work.method in WINDOWED else None
    todo = FitJob(
        settings=JobSettings(
            LITE,
            method=ROWS[work.method][0],
            device="cpu",
            seed=work.seed,
            options=options_of(work.method, work.threads),
        ),
        classes=[JobClass(name) for name in board.names],
        image_ids=np.arange(count),
        features=board.features[trial.library].astype(np.float16),
        targets=trial.targets,
        split=np.full(count, UNASSIGNED, dtype=np.int8),
        captions=[""] * count,
        baseline_embeddings=board.zero_shot,
        baseline_biases=np.full(classes, board.bias, dtype=np.float32),
        baseline_scale=board.scale,
        windows=None if windows is None else windows[trial.library],
        baseline_window_embeddings=None if windows is None else board.zero_shot,
        window_offset=board.window_offset,
    )
    heard: list[Message] = []
    with tempfile.TemporaryDirectory() as folder:
        job.save(todo, Path(folder))
        begun = time.monotonic()
        outcome = fit(Path(folder), heard.append, CancelToken(), lambda name, device: backbone)
        seconds = time.monotonic() - begun
        if not isinstance(outcome, FitFinished):
            raise SystemExit(f"{work.name}: {outcome}")
        return prompt_set.load(Path(outcome.prompt_set)), seconds


def cached(work: Work, folder: Path) -> dict[str, Any]:
    """The figures of an earlier, interrupted call, or new ones."""
    place = folder / work.name
    if place.is_file():
        return json.loads(place.read_text(encoding="utf-8"))
    made = measure(work)
    part = place.with_suffix(f".{os.getpid()}.part")
    part.write_text(json.dumps(made), encoding="utf-8")
    part.replace(place)
    return made


# ------------------------------------------------------------------------------ all runs


Runs = dict[str, dict[str, dict[Unit, dict[str, Any]]]]
"""What :func:`measure` made, by setting, method and unit."""


def boards_of(settings: list[str], kept: Path) -> dict[str, Board]:
    """The data sets of ``settings``; what is encoded is kept."""
    return {name: BOARDS[name](kept) for name in {SETTINGS[item].board for item in settings}}


def methods_for(board: Board, asked: list[str]) -> list[str]:
    """Those that can be run: without windows none that scores them."""
    return [name for name in asked if board.windows is not None or name not in WINDOWED]


def works(asked: argparse.Namespace, boards: dict[str, Board], folder: Path) -> list[Work]:
    """All runs, by unit first, so that an interrupted call has whole comparisons; what they need is
    written to ``folder``.
    """
    made: list[tuple[int, Work]] = []
    for name, board in boards.items():
        board.save(folder / f"{name}.safetensors")
    for name in asked.settings:
        setting = SETTINGS[name]
        seeds = asked.seeds if setting.folds == 1 else asked.partitions
        units = [(seed, fold) for seed in range(seeds) for fold in range(setting.folds)]
        for place, unit in enumerate(units):
            board = boards[setting.board]
            trial = setting.make(board, *unit, asked.validation)
            file = folder / f"{name}-{unit[0]}-{unit[1]}.safetensors"
            trial.save(file)
            for method in methods_for(board, asked.methods):
                key = key_of(method, unit, board, trial, asked.threads)
                work = Work(
                    name,
                    method,
                    unit,
                    board=folder / f"{setting.board}.safetensors",
                    trial=file,
                    key=key,
                    threads=asked.threads,
                    keep_scores=setting.folds > 1,
                )
                made.append((place, work))
    return [work for _, work in sorted(made, key=lambda item: item[0])]


def run(asked: argparse.Namespace, boards: dict[str, Board], cache_folder: Path) -> Runs:
    """Every run, or what the cache has of it; a line on each as it ends."""
    made: Runs = {
        name: {method: {} for method in methods_for(boards[SETTINGS[name].board], asked.methods)}
        for name in asked.settings
    }
    with tempfile.TemporaryDirectory() as folder:
        waiting: list[Work] = []
        for work in works(asked, boards, Path(folder)):
            if (cache_folder / work.name).is_file():
                made[work.setting][work.method][work.unit] = cached(work, cache_folder)
            else:
                waiting.append(work)
        ended = run_all(waiting, asked.jobs, cache_folder)
        for count, (work, result) in enumerate(ended, 1):
            made[work.setting][work.method][work.unit] = result
            found = {key: result["figures"].get(key) for key in COLUMNS}
            line = "  ".join(f"{key} {item:.1f}" for key, item in found.items() if item is not None)
            print(
                f"{count}/{len(waiting)} {work.setting} {work.method} {work.unit}: {line}",
                file=sys.stderr,
                flush=True,
            )
    return made


def run_all(
    waiting: list[Work], jobs: int, cache_folder: Path
) -> Iterator[tuple[Work, dict[str, Any]]]:
    """Work and result as they end; the quick methods first."""
    # A fresh process for each training: what one leaves behind must not slow the next.
    for tasks, chosen in (
        (None, [work for work in waiting if work.method not in ROWS]),
        (1, [work for work in waiting if work.method in ROWS]),
    ):
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(jobs, mp_context=context, max_tasks_per_child=tasks) as pool:
            submitted = {pool.submit(cached, work, cache_folder): work for work in chosen}
            for done in as_completed(submitted):
                yield submitted[done], done.result()


# ----------------------------------------------------------------------------- the tables


def figures_by_setting(runs: Runs, boards: dict[str, Board], *, pooled: bool) -> dict[str, Any]:
    """{setting: {method: {unit: figures}}}, with a setting more for each that has folds, of which
    every seed's scores are pooled.
    """
    made: dict[str, dict[str, dict[Unit, Figures]]] = {}
    for name, methods in runs.items():
        made[name] = {
            method: {unit: item["figures"] for unit, item in units.items()}
            for method, units in methods.items()
        }
        if pooled and SETTINGS[name].folds > 1:
            board = boards[SETTINGS[name].board]
            made[f"{name}, pooled"] = {
                method: _pooled(units, board, SETTINGS[name].folds)
                for method, units in methods.items()
            }
    return made


def _pooled(units: dict[Unit, dict[str, Any]], board: Board, folds: int) -> dict[Unit, Figures]:
    """mAP over the scores of all folds of a seed, by (seed, 0)."""
    made: dict[Unit, Figures] = {}
    for seed in {unit[0] for unit in units}:
        parts = [units[seed, fold] for fold in range(folds)]
        rows = np.concatenate([np.array(part["judges"], np.int64) for part in parts])
        scores = np.concatenate([np.array(part["scores"], np.float32) for part in parts])
        made[seed, 0] = means_of(board, rows, scores)
    return made


def table(figures: dict[str, dict[str, dict[Unit, Figures]]]) -> dict[str, Any]:
    """Summary of each column."""
    return {
        setting: {
            method: {
                column: Summary.of([item.get(column) for item in units.values()])
                for column in COLUMNS
            }
            for method, units in methods.items()
        }
        for setting, methods in figures.items()
    }


def compare(
    figures: dict[str, dict[str, dict[Unit, Figures]]], against: list[str]
) -> dict[str, Any]:
    """Summary of paired differences, {setting: {own: {other: {column: ...}}}}."""
    return {
        setting: {
            own: {
                other: {
                    column: Summary.of(differences(methods[own], units, column))
                    for column in JUDGED
                }
                for other, units in methods.items()
                if other != own
            }
            for own in against
            if own in methods
        }
        for setting, methods in figures.items()
    }


def show(made: dict[str, Any], compared: dict[str, Any]) -> None:
    """As Markdown, ready for docs/benchmarks.md."""
    for setting, methods in made.items():
        columns = [
            name for name in COLUMNS if any(row[name].mean is not None for row in methods.values())
        ]
        print(f"\n| {setting} | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
        for method, row in methods.items():
            cells = [row[name].text() for name in columns if name != "seconds"]
            if "seconds" in columns:
                cells.append(f"{row['seconds'].mean:.0f}")
            print(f"| {method} | {' | '.join(cells)} |")
        for own, others in compared[setting].items():
            if not others:
                continue
            head = " | ".join(JUDGED)
            print(f"\n| {setting}: {own} less | {head} | {own} is |\n|{'---|' * 4}")
            for other, row in others.items():
                cells = [row[name].text(signed=True) for name in JUDGED]
                word = verdict({name: row[name].standing for name in JUDGED})
                print(f"| {other} | {' | '.join(cells)} | {word} |")


def as_json(made: dict[str, Any], compared: dict[str, Any]) -> str:
    def plain(item: Any) -> Any:
        if isinstance(item, Summary):
            return asdict(item)
        return {key: plain(value) for key, value in item.items()}

    return json.dumps({"table": plain(made), "differences": plain(compared)}, indent=1)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5, metavar="N")
    parser.add_argument(
        "--partitions", type=int, default=1, metavar="N", help="into five folds, of COCO"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table there")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="per run")
    parser.add_argument("--methods", nargs="+", choices=(*OPPONENTS, *ROWS), default=list(METHODS))
    parser.add_argument(
        "--rows",
        nargs="*",
        choices=(*SWITCHES, *WINDOWED),
        help="lmpt+ without a part and methods with windows, too; alone: every one",
    )
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=list(DEFAULT_SETTINGS))
    parser.add_argument(
        "--against", nargs="+", choices=(*OPPONENTS, *ROWS), default=[], help="compare these too"
    )
    parser.add_argument("--validation", action="store_true", help="judge on training images")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="keep single runs there")
    asked = parser.parse_args()
    rows = [*SWITCHES, *WINDOWED] if asked.rows == [] else asked.rows or []
    against = list(dict.fromkeys([OWN, *asked.against]))
    asked.methods = list(dict.fromkeys([*asked.methods, *rows, *asked.against]))
    for name in sorted({SETTINGS[item].board for item in asked.settings}):
        if not PLACES[name].is_dir():
            print(f"{PLACES[name]} is not there; set LMPT_SHARED to the folder that holds it")
            return 1
    with tempfile.TemporaryDirectory() as temporary:
        kept = asked.cache or Path(temporary)
        kept.mkdir(parents=True, exist_ok=True)
        boards = boards_of(asked.settings, kept)
        runs = run(asked, boards, kept)
    # In a validation photos judge in several folds, or in none: there is nothing to pool.
    figures = figures_by_setting(runs, boards, pooled=not asked.validation)
    made, compared = table(figures), compare(figures, against)
    show(made, compared)
    if asked.json:
        asked.json.write_text(as_json(made, compared), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
