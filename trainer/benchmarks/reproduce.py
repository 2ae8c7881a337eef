"""``lmpt-trainer reproduce``: VOC-LT or COCO-LT from photos and lists to the table.

In this order: read the lists, find the photos (and stop if any is missing), encode what is not
in the cache, fit each method to the training list, and only then look at the test list, once.
The fits get no image of the test list, so it cannot choose anything.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console

from trainer import calibration, job, metrics, prompt_set
from trainer.backbone import Backbone, BackboneError, load_backbone
from trainer.bands import BandLimits
from trainer.benchmarks.benchmark import BenchmarkKind
from trainer.benchmarks.display import DownloadBar, PhotoBar, tables
from trainer.benchmarks.features import (
    FeatureCache,
    ListFeatures,
    encode_list,
    feature_key,
    list_key,
)
from trainer.benchmarks.images import Located, locate
from trainer.benchmarks.lists import BenchmarkLists, ListError, read_lists
from trainer.benchmarks.record import Absent, Judged, Outcome, Part, to_json, write_json
from trainer.benchmarks.request import Request
from trainer.dataset import unit_features
from trainer.device import device_label
from trainer.display import FitDisplay
from trainer.events import FitFailed, FitFinished
from trainer.fit import fit
from trainer.job import TRAIN, FitJob, JobClass, JobSettings
from trainer.photo_encoder import OutOfMemoryError
from trainer.prompt_set import Evaluation, PromptSet
from trainer.resources import resources_dir
from trainer.stop import StopWatch

log = logging.getLogger(__name__)

SHOWN = 10
"""Missing photos named in a message; the file it points to has all."""
ZERO_SHOT = "zero-shot"

LoadBackbone = Callable[[str, str, Console], Backbone]


class ReproduceError(Exception):
    """The benchmark cannot be run; the message is a sentence for the user."""


def run_reproduce(arguments: argparse.Namespace) -> int:
    """The subcommand; its exit code."""
    notes = Console(stderr=True)
    # open_clip tells the root logger of every step of loading.
    logging.getLogger().setLevel(logging.WARNING)
    try:
        outcome = reproduce(Request.of(arguments), notes)
        console = notes if arguments.json == "-" else Console()
        for item in tables(outcome):
            console.print(item)
        if arguments.json:
            write_json(to_json(outcome), arguments.json)
    except (ListError, ReproduceError, BackboneError, OutOfMemoryError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        sys.stderr.write(
            f"A file could not be read or written{where}: {error.strerror or error}. What was "
            "encoded so far is kept; run the same command again to go on.\n"
        )
        return 1
    except KeyboardInterrupt:
        sys.stderr.write(
            "Stopped. All but the last photos encoded are kept; run the same command again "
            "to go on.\n"
        )
        return 3
    return 0


def load_with_bar(name: str, device: str, console: Console) -> Backbone:
    """Load a backbone, showing its download."""
    with DownloadBar(console, name) as bar:
        return load_backbone(name, device, fast_images=True, on_download=bar)


def reproduce(request: Request, console: Console, load: LoadBackbone = load_with_bar) -> Outcome:
    """Run the benchmark; progress goes to ``console``.

    Raises:
        ListError: if a list cannot be understood.
        ReproduceError: if photos are missing (unless allowed), or a fit fails.
        BackboneError: if the backbone cannot be had.
        OutOfMemoryError: if not even one photo at a time can be encoded.
        OSError: if the cache cannot be written.
    """
    kind = request.kind
    lists = read_lists(request.lists, kind)
    authors_lists = lists.digest == kind.digest
    if request.limit is not None:
        lists = lists.first(request.limit)
    located = {
        part: locate(which.paths, request.images, kind)
        for part, which in (("train", lists.train), ("test", lists.test))
    }
    absent = Absent(
        missing=[path for part in located.values() for path in part.missing],
        unreadable=[],
    )
    _refuse(absent, request, _total(lists))
    backbone = load(request.backbone, request.device, console)
    bench = _Bench(request, backbone, feature_key(backbone), console)
    console.print(
        f"{kind.title}: {len(lists.classes)} classes, {len(lists.train.paths)} training and "
        f"{len(lists.test.paths)} test images; {backbone.name} on {device_label(backbone.device)}"
    )
    encoded = {part: _encode(bench, part, found) for part, found in located.items()}
    absent = replace(
        absent,
        unreadable=[
            (located[part].listed[row], reason)
            for part, made in encoded.items()
            for row, reason in made.unreadable
        ],
    )
    _refuse(absent, request, _total(lists))
    for part, made in encoded.items():
        if not len(made.rows):
            raise ReproduceError(f"None of the {part} images of {kind.title} can be used.")
    prompts = _prompts(lists.classes, request)
    texts = [item.prompt_text for item in prompts]
    zero_shot = backbone.encode_texts(texts, backbone.templates)
    base = _job(bench, lists, prompts, encoded["train"], zero_shot)
    fitted = {method: _fit(bench, method, base) for method in request.methods}
    # From here on nothing is decided any more: this is the one look at the test list.
    judged = _judge(lists, encoded["test"], base, fitted)
    return Outcome(
        kind=kind,
        backbone=backbone.name,
        device=device_label(backbone.device),
        templates=list(backbone.templates),
        seed=request.seed,
        limit=request.limit,
        prompt_texts=texts,
        lists=lists,
        authors_lists=authors_lists,
        absent=absent,
        parts={
            part: Part(
                listed=len(located[part].listed),
                used=len(made.rows),
                encoded=made.encoded,
                cached=made.cached,
                seconds=made.seconds,
            )
            for part, made in encoded.items()
        },
        judged=judged,
        cache=request.cache,
    )


def _total(lists: BenchmarkLists) -> int:
    return len(lists.train.paths) + len(lists.test.paths)


def _refuse(absent: Absent, request: Request, total: int) -> None:
    """Stop if photos are absent and that was not allowed."""
    if request.allow_missing or not absent.count:
        return
    lines = [*absent.missing, *(f"{path}\t{reason}" for path, reason in absent.unreadable)]
    file = request.cache / f"missing-{request.kind.name}.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    kinds = [
        (len(absent.missing), "missing"),
        (len(absent.unreadable), "not readable"),
    ]
    what = " and ".join(f"{count:,} {word}" for count, word in kinds if count)
    more = len(lines) - SHOWN
    shown = "\n".join(f"  {line}" for line in lines[:SHOWN])
    rest = f"\n  ... and {more:,} more" if more > 0 else ""
    raise ReproduceError(
        f"Of the {total:,} images of {request.kind.title}, {what} in {request.images}:\n"
        f"{shown}{rest}\nAll of them are listed in {file}.\n"
        f"{request.kind.where} Figures without them would not be comparable with "
        "the paper's; to go on all the same, add --allow-missing."
    )


@dataclass(frozen=True)
class _Bench:
    """What encoding and fitting share; ``key`` is :func:`feature_key`'s."""

    request: Request
    backbone: Backbone
    key: str
    console: Console

    @property
    def name(self) -> str:
        """Of folders in the cache."""
        return f"{_slug(self.backbone.name)}-{self.key[:12]}"


def _encode(bench: _Bench, part: str, found: Located) -> ListFeatures:
    request, backbone = bench.request, bench.backbone
    name = f"{request.kind.name}-{part}-{list_key(found.listed)}"
    cache = FeatureCache(request.cache / "features" / bench.name / name, backbone.dim)
    there = len(found.listed) - len(found.missing)
    with PhotoBar(bench.console, f"Encoding {part} images", there) as bar:
        return encode_list(
            found.files,
            cache,
            backbone,
            threads=request.threads,
            batch=request.batch,
            on_progress=bar,
        )


def _slug(name: str) -> str:
    return "".join(char if char.isalnum() or char in "-_." else "-" for char in name)[-60:]


def _prompts(classes: Sequence[str], request: Request) -> list[JobClass]:
    spelled = _spelled_out(request.kind) if request.spell_out else {}
    return [JobClass(name, spelled.get(name, "")) for name in classes]


def _spelled_out(kind: BenchmarkKind) -> dict[str, str]:
    """What prompts say instead of a class name, from the bundled vocabulary."""
    file = resources_dir() / "vocabularies" / kind.vocabulary
    pairs = (line.partition("\t") for line in file.read_text(encoding="utf-8").splitlines())
    return {
        name.strip(): text.strip()
        for name, _, text in pairs
        if text.strip() and not name.startswith("#")
    }


def _job(
    bench: _Bench,
    lists: BenchmarkLists,
    classes: list[JobClass],
    train: ListFeatures,
    zero_shot: NDArray[np.float32],
) -> FitJob:
    """The training list as a job: all of it to train on, nothing held out, since the test list
    will judge.  The fit divides it further by itself, to choose its step.
    """
    request, backbone = bench.request, bench.backbone
    targets = lists.train.targets[train.rows]
    scale, bias = calibration.shared_scale_and_bias(
        unit_features(train.features) @ zero_shot.T,
        targets,
        min(max(backbone.scale, 1.0), 100.0),
        backbone.bias or 0.0,
    )
    options = {"held_out_fraction": 0.0} | dict(request.kind.options) | dict(request.options)
    return FitJob(
        settings=JobSettings(
            backbone=backbone.name,
            device=str(backbone.device),
            seed=request.seed,
            limits=BandLimits(),
            options=options,
        ),
        classes=classes,
        image_ids=train.rows,
        features=train.features,
        targets=targets,
        split=np.full(len(train.rows), TRAIN, np.int8),
        captions=[lists.captions[int(row)] for row in train.rows],
        baseline_embeddings=zero_shot,
        baseline_biases=np.full(len(classes), bias, np.float32),
        baseline_scale=scale,
    )


@dataclass(frozen=True)
class _Fitted:
    prompts: PromptSet
    seconds: float
    folder: Path


def _fit(bench: _Bench, method: str, base: FitJob) -> _Fitted:
    """Fit one method in a folder of its own, where a run that was killed is taken up again."""
    request = bench.request
    name = f"{request.kind.name}-{bench.name}-{method}-seed{request.seed}"
    folder = request.cache / "fits" / name
    job.save(replace(base, settings=replace(base.settings, method=method)), folder)
    bench.console.print(f"Training {method}")

    def loaded(name: str, device: torch.device) -> Backbone:
        return bench.backbone  # a second copy in memory would serve nobody

    with FitDisplay(bench.console) as show:
        outcome = fit(folder, show, StopWatch(), loaded)
    if isinstance(outcome, FitFinished):
        made = prompt_set.load(Path(outcome.prompt_set))
        return _Fitted(made, outcome.seconds, folder)
    message = outcome.message if isinstance(outcome, FitFailed) else "The training did not end."
    raise ReproduceError(f"{method}: {message}")


def _judge(
    lists: BenchmarkLists,
    test: ListFeatures,
    base: FitJob,
    fitted: dict[str, _Fitted],
) -> list[Judged]:
    """Every method on the test list.  Bands are by the whole training list, whatever images of
    it are missing here.
    """
    features = unit_features(test.features)
    targets = lists.test.targets[test.rows]

    def evaluate(
        cosines: NDArray[np.float32],
        scores: NDArray[np.float64],
        predicted: NDArray[np.bool_] | None = None,
    ) -> Evaluation:
        return metrics.evaluate(
            cosines,
            targets,
            lists.classes,
            lists.train.counts,
            base.settings.limits,
            probabilities=scores,
            predicted=predicted,
        )

    cosines = features @ base.baseline_embeddings.T
    scores = calibration.sigmoid(base.baseline_scale * cosines + base.baseline_biases)
    judged = [Judged(ZERO_SHOT, evaluate(cosines, scores), seconds=0.0)]
    for method, made in fitted.items():
        chosen = made.prompts
        cosines = features @ chosen.class_embeddings.T
        scores = calibration.sigmoid(chosen.scale * cosines + chosen.biases)
        judged.append(
            Judged(
                method,
                evaluate(cosines, scores, scores >= chosen.thresholds),
                seconds=made.seconds,
                settings=chosen.settings,
                folder=made.folder,
                same_as=_same_as(method, fitted),
            )
        )
    return judged


def _same_as(method: str, fitted: dict[str, _Fitted]) -> str:
    """The method before ``method`` that came to the very same prompts, or "".

    Two methods that differ never do; a table that showed one of them under both names would
    say something untrue.
    """
    mine = fitted[method].prompts
    for name, other in fitted.items():
        if name == method:
            break
        theirs = other.prompts
        if np.array_equal(mine.class_embeddings, theirs.class_embeddings) and np.array_equal(
            mine.biases, theirs.biases
        ):
            return name
    return ""
