"""``lmpt-trainer reproduce``: run VOC-LT or COCO-LT, from photos and lists to the table.

The steps: read the lists, locate the photos (and stop if any is missing), encode what is not in the
cache, train each method on the training list, and then evaluate on the test list, once.  Training
gets no image of the test list, so the test list cannot influence any choice.
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
from trainer.arrays import unit_rows
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
from trainer.benchmarks.images import LocatedPhotos, locate
from trainer.benchmarks.lists import BenchmarkLists, ListError, read_lists
from trainer.benchmarks.record import (
    MethodResult,
    Outcome,
    Part,
    UnusablePhotos,
    to_json,
    write_json,
)
from trainer.benchmarks.request import Request
from trainer.cancel import CancelToken
from trainer.class_texts import mean_embeddings
from trainer.device import device_label
from trainer.display import FitDisplay
from trainer.events import FitFailed, FitFinished
from trainer.fit import fit
from trainer.job import TRAIN, FitJob, JobClass, JobSettings
from trainer.kernel import KernelPart
from trainer.photo_encoder import OutOfMemoryError
from trainer.printable import one_line
from trainer.prompt_set import Evaluation, PromptSet
from trainer.resources import resources_dir
from trainer.terminal import say

log = logging.getLogger(__name__)

SHOWN = 10
"""Missing photos named in a message; the file it mentions has all."""
ZERO_SHOT = "zero-shot"

LoadBackbone = Callable[[str, str, Console], Backbone]


class ReproduceError(Exception):
    """The benchmark cannot be run; the message is a sentence for the user."""


def run_reproduce(arguments: argparse.Namespace) -> int:
    """Run the subcommand and return its exit code."""
    notes = Console(stderr=True)
    # open_clip logs every step of loading to the root logger.
    logging.getLogger().setLevel(logging.WARNING)
    try:
        outcome = reproduce(Request.of(arguments), notes)
        console = notes if arguments.json == "-" else Console()
        for item in tables(outcome):
            console.print(item)
        if arguments.json:
            write_json(to_json(outcome), arguments.json)
    except (ListError, ReproduceError, BackboneError, OutOfMemoryError) as error:
        sys.stderr.write(f"{one_line(str(error))}\n")
        return 1
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        sys.stderr.write(
            f"A file could not be read or written{where}: {error.strerror or error}. What was "
            "encoded so far is kept; run the same command again to resume.\n"
        )
        return 1
    except KeyboardInterrupt:
        sys.stderr.write(
            "Interrupted. All but the last photos encoded are kept; run the same command again "
            "to resume.\n"
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
        ListError: if a list is invalid.
        ReproduceError: if photos are missing (unless allowed), or a training fails.
        BackboneError: if the backbone is not available.
        OutOfMemoryError: if not even a single photo fits into memory.
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
    unusable = UnusablePhotos(
        missing=[path for part in located.values() for path in part.missing],
        unreadable=[],
    )
    _check_complete(unusable, request, _total(lists))
    backbone = load(request.backbone, request.device, console)
    bench = _Bench(request, backbone, feature_key(backbone), console)
    say(
        console,
        f"{kind.title}: {len(lists.classes)} classes, {len(lists.train.paths)} training and "
        f"{len(lists.test.paths)} test images; {backbone.name} on {device_label(backbone.device)}",
    )
    encoded = {part: _encode(bench, part, found) for part, found in located.items()}
    unusable = replace(
        unusable,
        unreadable=[
            (located[part].listed[row], reason)
            for part, made in encoded.items()
            for row, reason in made.unreadable
        ],
    )
    _check_complete(unusable, request, _total(lists))
    for part, made in encoded.items():
        if not len(made.rows):
            raise ReproduceError(f"None of the {part} images of {kind.title} can be used.")
    prompts = _prompts(lists.classes, request)
    texts = [item.prompt_text for item in prompts]
    zero_shot = _zero_shot(backbone, prompts)
    base = _job(bench, lists, prompts, encoded["train"], zero_shot)
    fitted = {method: _fit(bench, method, base) for method in request.methods}
    # All choices have been made: this is the only use of the test list.
    results = _evaluate_methods(lists, encoded["test"], base, fitted)
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
        unusable=unusable,
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
        results=results,
        cache=request.cache,
    )


def _total(lists: BenchmarkLists) -> int:
    return len(lists.train.paths) + len(lists.test.paths)


def _check_complete(unusable: UnusablePhotos, request: Request, total: int) -> None:
    """Raise if photos are missing or unreadable and this was not allowed."""
    if request.allow_missing or not unusable.count:
        return
    lines = [*unusable.missing, *(f"{path}\t{reason}" for path, reason in unusable.unreadable)]
    file = request.cache / f"missing-{request.kind.name}.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    kinds = [
        (len(unusable.missing), "missing"),
        (len(unusable.unreadable), "not readable"),
    ]
    what = " and ".join(f"{count:,} {word}" for count, word in kinds if count)
    more = len(lines) - SHOWN
    shown = "\n".join(f"  {line}" for line in lines[:SHOWN])
    rest = f"\n  ... and {more:,} more" if more > 0 else ""
    raise ReproduceError(
        f"Of the {total:,} images of {request.kind.title}, {what} in {request.images}:\n"
        f"{shown}{rest}\nAll of them are listed in {file}.\n"
        f"{request.kind.where} Figures without them would not be comparable with "
        "the paper's; to continue anyway, add --allow-missing."
    )


@dataclass(frozen=True)
class _Bench:
    """What encoding and training share; ``key`` is from :func:`feature_key`."""

    request: Request
    backbone: Backbone
    key: str
    console: Console

    @property
    def name(self) -> str:
        """For folders in the cache."""
        return f"{_slug(self.backbone.name)}-{self.key[:12]}"


def _encode(bench: _Bench, part: str, found: LocatedPhotos) -> ListFeatures:
    request, backbone = bench.request, bench.backbone
    name = f"{request.kind.name}-{part}-{list_key(found.listed)}"
    cache = FeatureCache(request.cache / "features" / bench.name / name, backbone.dim)
    existing = len(found.listed) - len(found.missing)
    with PhotoBar(bench.console, f"Encoding {part} images", existing) as bar:
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
    spelled = prompt_texts(request.kind) if request.spell_out else {}
    return [JobClass(name, spelled.get(name, "")) for name in classes]


def prompt_texts(kind: BenchmarkKind) -> dict[str, str]:
    """Prompt texts by class name, from the bundled vocabulary."""
    file = resources_dir() / "vocabularies" / kind.vocabulary
    pairs = (line.partition("\t") for line in file.read_text(encoding="utf-8").splitlines())
    return {
        name.strip(): text.strip()
        for name, _, text in pairs
        if text.strip() and not name.startswith("#")
    }


def _zero_shot(backbone: Backbone, classes: Sequence[JobClass]) -> NDArray[np.float32]:
    """(C, D) unit norm."""
    texts = [item.prompt_texts for item in classes]
    each = backbone.encode_texts([text for part in texts for text in part], backbone.templates)
    return mean_embeddings(each, texts)


def _job(
    bench: _Bench,
    lists: BenchmarkLists,
    classes: list[JobClass],
    train: ListFeatures,
    zero_shot: NDArray[np.float32],
) -> FitJob:
    """The training list as a job.  Nothing is held out, because the evaluation uses the test list;
    the run itself splits off an inner validation to choose its step.
    """
    request, backbone = bench.request, bench.backbone
    targets = lists.train.targets[train.rows]
    scale, bias = calibration.shared_scale_and_bias(
        unit_rows(train.features) @ zero_shot.T,
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
    """Train one method in its own folder, where a killed run can be resumed."""
    request = bench.request
    name = f"{request.kind.name}-{bench.name}-{method}-seed{request.seed}"
    folder = request.cache / "fits" / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    job.save(replace(base, settings=replace(base.settings, method=method)), folder)
    say(bench.console, f"Training {method}")

    def loaded(name: str, device: torch.device) -> Backbone:
        return bench.backbone  # not a second copy in memory

    with FitDisplay(bench.console) as show:
        outcome = fit(folder, show, CancelToken(), loaded)
    if isinstance(outcome, FitFinished):
        made = prompt_set.load(Path(outcome.prompt_set))
        return _Fitted(made, outcome.seconds, folder)
    message = outcome.message if isinstance(outcome, FitFailed) else "The training did not finish."
    raise ReproduceError(f"{method}: {message}")


def _evaluate_methods(
    lists: BenchmarkLists,
    test: ListFeatures,
    base: FitJob,
    fitted: dict[str, _Fitted],
) -> list[MethodResult]:
    """Evaluate every method on the test list.  Bands depend on the whole training list, even if
    some of its images are missing.
    """
    features = unit_rows(test.features)
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
    results = [MethodResult(ZERO_SHOT, evaluate(cosines, scores), seconds=0.0)]
    for method, made in fitted.items():
        chosen = made.prompts
        cosines = chosen.cosines(features)
        scores = calibration.sigmoid(chosen.scale * cosines + chosen.biases)
        results.append(
            MethodResult(
                method,
                evaluate(cosines, scores, scores >= chosen.thresholds),
                seconds=made.seconds,
                settings=chosen.settings,
                folder=made.folder,
                same_as=_same_as(method, fitted),
            )
        )
    return results


def _same_as(method: str, fitted: dict[str, _Fitted]) -> str:
    """The method before ``method`` with exactly the same prompts, or "".

    Different methods never give the same prompts, and a table with one result under two names would
    be wrong.
    """
    own = fitted[method].prompts
    for name, other in fitted.items():
        if name == method:
            break
        earlier = other.prompts
        if (
            np.array_equal(own.class_embeddings, earlier.class_embeddings)
            and np.array_equal(own.biases, earlier.biases)
            and all(map(np.array_equal, _kernel_weights(own), _kernel_weights(earlier)))
        ):
            return name
    return ""


def _kernel_weights(prompts: PromptSet) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(C, L) and (C, D); L is 0 without a kernel part."""
    part = prompts.kernel
    if part is None:
        part = KernelPart.none(len(prompts.classes), prompts.class_embeddings.shape[1])
    return part.weights, part.directions
