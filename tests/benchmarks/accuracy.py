"""How well each method ranks a long-tailed library: Corel5k through Lite's features.

    python tests/benchmarks/accuracy.py [--seeds 5] [--json FILE] [--jobs 2] [--cache FOLDER]

4,500 training and 499 test images, features as in ``../shared/bench/corel5k``, run through
Lite's own image projection.  Each figure is mAP in percent over the keywords with a test image:
all of them, and head / medium / tail by their images in the whole training part (>= 100, 20 to
99, < 20), mean and standard deviation over the seeds.

``full``: every training image is annotated.  ``tenth``: a tenth of the images is (another tenth
for each seed), all else is unknown; with ``--tenth entries``, a tenth of the single annotations.

Prompts are trained by :func:`trainer.fit.fit` itself, as the app does it, with nothing held out:
a fifth of what is annotated chooses the step and, for lmpt+, the interpolation.  ``linear`` is
logistic regression on the features, its penalty chosen on the same fifth.  No run chooses
anything on the test images.  Seconds are of one run with ``--threads`` threads, beside
``--jobs`` - 1 others.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file

from trainer import job, prompt_set
from trainer.arrays import unit_rows
from trainer.bands import BandLimits
from trainer.cancel import CancelToken
from trainer.events import FitFinished, Message
from trainer.fit import fit
from trainer.inner_validation import split_for_validation
from trainer.job import (
    ABSENT,
    LMPT,
    LMPT_PLUS,
    PRESENT,
    TRAIN,
    UNASSIGNED,
    UNKNOWN,
    FitJob,
    JobClass,
    JobSettings,
)
from trainer.learner import embed_templates
from trainer.metrics import band_scores, quick_average_precisions
from trainer.options import FitOptions
from trainer.suggested import LITE
from trainer.text_tower import TextTower

SHARED = Path(os.environ.get("LMPT_SHARED", Path(__file__).parents[3] / "shared"))
COREL = SHARED / "bench" / "corel5k"
ZERO_SHOT, LINEAR = "zero-shot", "linear"
PROMPTS: dict[str, tuple[str, dict[str, Any]]] = {
    "bce": (LMPT, {"loss": "bce", "classification_share": 1.0}),
    "lmpt": (LMPT, {}),
    "lmpt-no-cse": (LMPT, {"classification_share": 1.0}),
    "lmpt-no-rebalance": (LMPT, {"rebalance": "off"}),
    "lmpt+": (LMPT_PLUS, {}),
}
METHODS = (ZERO_SHOT, LINEAR, *PROMPTS)
SETTINGS = ("full", "tenth")
COLUMNS = ("total", "head", "medium", "tail", "seconds")
PENALTIES = (1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0)


@dataclass(frozen=True)
class Corel:
    """features (4999, 384) float32 unit norm; present (4999, K) bool; train (4999,) bool."""

    names: list[str]
    features: NDArray[np.float32]
    present: NDArray[np.bool_]
    train: NDArray[np.bool_]

    @property
    def counts(self) -> NDArray[np.int64]:
        """(K,) training images of every keyword."""
        return self.present[self.train].sum(0)


@dataclass(frozen=True)
class Work:
    """One figure to make; the cache knows it by these."""

    setting: str
    method: str
    seed: int
    tenth: str
    threads: int

    @property
    def name(self) -> str:
        return f"{self.setting}-{self.tenth}-{self.method}-{self.seed}.json"


def load_corel() -> tuple[Corel, Any]:
    """The benchmark, and the backbone whose text tower goes with it."""
    from trainer.backbone import load_backbone

    rows = [json.loads(line) for line in (COREL / "index.jsonl").open(encoding="utf-8")]
    pooled = load_file(COREL / "features.safetensors")["features"].astype(np.float32)
    backbone = load_backbone(LITE, torch.device("cpu"))
    backbone.model.requires_grad_(False).eval()
    projection: Any = backbone.model.get_submodule("visual.head.proj")
    features = unit_rows(projection(torch.from_numpy(pooled)).numpy())
    names = sorted({name for row in rows for name in row["classes"]})
    place = {name: index for index, name in enumerate(names)}
    present = np.zeros((len(rows), len(names)), dtype=bool)
    for index, row in enumerate(rows):
        present[index, [place[name] for name in row["classes"]]] = True
    train = np.array([row["split"] == "train" for row in rows])
    return Corel(names, features, present, train), backbone


def known_annotations(corel: Corel, work: Work) -> NDArray[np.int8]:
    """(4500, K) int8 targets of the training images."""
    targets = np.where(corel.present[corel.train], PRESENT, ABSENT).astype(np.int8)
    if work.setting == "full":
        return targets
    rng = np.random.default_rng(work.seed)
    if work.tenth == "entries":
        return np.where(rng.random(targets.shape) < 0.1, targets, UNKNOWN).astype(np.int8)
    kept = rng.permutation(len(targets))[: len(targets) // 10]
    known = np.full_like(targets, UNKNOWN)
    known[kept] = targets[kept]
    return known


def measure(work: Work) -> dict[str, float]:
    """Train and judge once on the test images; percent, and seconds."""
    torch.set_num_threads(work.threads)
    corel, backbone = load_corel()
    tower = TextTower(backbone.model, backbone.tokenizer)
    zero_shot = embed_templates(tower, corel.names, list(backbone.templates)).numpy()
    begun = time.monotonic()
    if work.method == ZERO_SHOT:
        embeddings = zero_shot
    elif work.method == LINEAR:
        embeddings = linear_probe(
            corel.features[corel.train], known_annotations(corel, work), work.seed
        )
    else:
        embeddings = trained(corel, backbone, work)
    seconds = time.monotonic() - begun
    test = ~corel.train
    targets = np.where(corel.present[test], PRESENT, ABSENT).astype(np.int8)
    precisions = quick_average_precisions(corel.features[test] @ embeddings.T, targets)
    scores = asdict(band_scores(precisions, corel.counts, BandLimits()))
    return {name: 100 * scores[name] for name in COLUMNS[:-1]} | {"seconds": seconds}


def trained(corel: Corel, backbone: Any, work: Work) -> NDArray[np.float32]:
    """Class embeddings of the prompt set that a run makes."""
    method, options = PROMPTS[work.method]
    targets = known_annotations(corel, work)
    count, classes = targets.shape
    dim = corel.features.shape[1]
    todo = FitJob(
        settings=JobSettings(
            LITE,
            method=method,
            device="cpu",
            seed=work.seed,
            options={"held_out_fraction": 0.0, "threads": work.threads} | options,
        ),
        classes=[JobClass(name) for name in corel.names],
        image_ids=np.arange(count),
        features=corel.features[corel.train].astype(np.float16),
        targets=targets,
        split=np.full(count, UNASSIGNED, dtype=np.int8),
        captions=[""] * count,
        baseline_embeddings=np.zeros((classes, dim), dtype=np.float32),
        baseline_biases=np.full(classes, -3.0, dtype=np.float32),
        baseline_scale=15.0,
    )
    heard: list[Message] = []
    with tempfile.TemporaryDirectory() as folder:
        job.save(todo, Path(folder))
        outcome = fit(Path(folder), heard.append, CancelToken(), lambda name, device: backbone)
        if not isinstance(outcome, FitFinished):
            raise SystemExit(f"{work.name}: {outcome}")
        return prompt_set.load(Path(outcome.prompt_set)).class_embeddings


def linear_probe(
    features: NDArray[np.float32], targets: NDArray[np.int8], seed: int
) -> NDArray[np.float32]:
    """Weights (K, D) of one logistic regression per keyword, penalty chosen on a fifth."""
    annotated = (targets >= 0).any(1)
    features, targets = features[annotated], targets[annotated]
    inner = split_for_validation(targets, FitOptions(), seed)
    assert inner is not None
    fitting, watching = inner == TRAIN, inner == job.HELD_OUT

    def score(penalty: float) -> float:
        weights = _logistic(features[fitting], targets[fitting], penalty)
        found = quick_average_precisions(features[watching] @ weights.T, targets[watching])
        return float(np.nanmean(found))

    return _logistic(features, targets, max(PENALTIES, key=score))


def _logistic(
    features: NDArray[np.float32], targets: NDArray[np.int8], penalty: float
) -> NDArray[np.float32]:
    """All regressions at once by L-BFGS: sum of log losses + penalty / 2 of squared weights."""
    x = torch.from_numpy(features)
    y, known = torch.from_numpy(targets == PRESENT).float(), torch.from_numpy(targets >= 0)
    weights = torch.zeros(targets.shape[1], x.shape[1], requires_grad=True)
    bias = torch.full((targets.shape[1],), -4.0, requires_grad=True)
    solver = torch.optim.LBFGS(
        [weights, bias], max_iter=150, history_size=10, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        solver.zero_grad()
        logits = x @ weights.T + bias
        entry = torch.nn.functional.binary_cross_entropy_with_logits(logits, y, reduction="none")
        loss = (entry * known).sum() + penalty / 2 * weights.square().sum()
        loss.backward()
        return loss

    solver.step(closure)
    return weights.detach().numpy()


def cached(work: Work, cache: Path | None) -> dict[str, float]:
    """The figures of an earlier, interrupted call, or new ones."""
    place = cache / work.name if cache else None
    if place and place.is_file():
        return json.loads(place.read_text(encoding="utf-8"))
    made = measure(work)
    if place:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(made), encoding="utf-8")
    return made


def table(figures: dict[str, dict[str, list[dict[str, float]]]]) -> dict[str, Any]:
    """Mean and standard deviation of each column, as ``--json`` writes them."""
    made: dict[str, Any] = {}
    for setting, methods in figures.items():
        for method, runs in methods.items():
            if not runs:
                continue
            row: dict[str, Any] = {}
            for column in COLUMNS:
                values = [run[column] for run in runs]
                spread = statistics.stdev(values) if len(values) > 1 else 0.0
                row[column] = [round(statistics.mean(values), 2), round(spread, 2)]
            row["seconds"] = row["seconds"][0]
            made.setdefault(setting, {})[method] = row
    return made


def show(made: dict[str, Any]) -> None:
    """As Markdown, ready for docs/benchmarks.md."""
    for setting, methods in made.items():
        print(
            f"\n| {setting} | total | head | medium | tail | seconds |\n|---|---|---|---|---|---|"
        )
        for method, row in methods.items():
            cells = [f"{row[name][0]:.1f} ± {row[name][1]:.1f}" for name in COLUMNS[:-1]]
            print(f"| {method} | {' | '.join(cells)} | {row['seconds']:.0f} |")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table there")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="per run")
    parser.add_argument("--tenth", choices=("images", "entries"), default="images")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=SETTINGS)
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="keep single runs there")
    asked = parser.parse_args()
    if not COREL.is_dir():
        print(f"{COREL} is not there; set LMPT_SHARED to the folder that holds bench/")
        return 1
    figures: dict[str, dict[str, list[dict[str, float]]]] = {
        setting: {method: [] for method in asked.methods} for setting in asked.settings
    }
    # A fresh process for each run: what one leaves behind must not slow the next.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(asked.jobs, mp_context=context, max_tasks_per_child=1) as pool:
        waiting = {
            pool.submit(cached, work, asked.cache): work
            for seed in range(asked.seeds)
            for method in asked.methods
            for setting in asked.settings
            for work in [Work(setting, method, seed, asked.tenth, asked.threads)]
        }
        for done in as_completed(waiting):
            work, made = waiting[done], done.result()
            figures[work.setting][work.method].append(made)
            line = "  ".join(f"{name} {made[name]:.1f}" for name in COLUMNS)
            print(f"{work.setting:5} {work.method:17} seed {work.seed}: {line}", file=sys.stderr)
    made_table = table(figures)
    show(made_table)
    if asked.json:
        asked.json.write_text(json.dumps(made_table, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
