"""The ``evaluate`` and ``inspect`` commands."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from torch.nn import functional as nn_f

from trainer import calibration, job, losses, metrics, prompt_set
from trainer.arrays import unit_rows
from trainer.bands import BandLimits
from trainer.device import choose_device
from trainer.display import (
    f1_table,
    notes,
    percent,
    score_table,
    support_text,
    threshold_text,
)
from trainer.job import HELD_OUT, TRAIN, FitJob, JobError
from trainer.options import FitOptions
from trainer.printable import for_data, one_line
from trainer.prompt_set import ClassResult, Evaluation, PromptSet
from trainer.terminal import cell, say
from trainer.text_tower import TextTower


def evaluate(chosen: PromptSet, data: FitJob, part: str = "held-out") -> Evaluation:
    """Metrics of a prompt set on a job's annotations; classes are matched by name.

    Args:
        part: ``held-out``, ``train`` or ``all``.  Held out are the images that the prompt set's own
            run held out or, if the job has none of these, those that the job marks as held out.

    Raises:
        JobError: if they have no class in common, the part has no image, or the features come from
            another backbone.
    """
    if chosen.class_embeddings.shape[1] != data.features.shape[1]:
        raise JobError("The prompt set and the job's features come from different backbones.")
    columns = {item.name: index for index, item in enumerate(data.classes)}
    shared = [(i, columns[name]) for i, name in enumerate(chosen.classes) if name in columns]
    if not shared:
        raise JobError("The prompt set and the job have no class in common.")
    own, in_job = (np.array(column) for column in zip(*shared, strict=True))
    rows = _rows(chosen, data, part)
    if not rows.any():
        raise JobError(f"The job has no image in the part {part!r}.")
    windows = None if data.windows is None else data.windows[rows]
    cosines = chosen.cosines(unit_rows(data.features[rows]), windows)[:, own]
    scores = calibration.sigmoid(chosen.scale * cosines + chosen.biases[own])
    return metrics.evaluate(
        cosines,
        data.measured_targets[np.ix_(rows, in_job)],
        [chosen.classes[int(i)] for i in own],
        chosen.train_present[own],
        data.settings.limits,
        probabilities=scores,
        predicted=scores >= chosen.thresholds[own],
    )


def _rows(chosen: PromptSet, data: FitJob, part: str) -> NDArray[np.bool_]:
    own = np.isin(data.image_ids, np.array(chosen.held_out, dtype=np.int64))
    held = own if own.any() else data.split == HELD_OUT
    if part == "held-out":
        return held
    if part == "train":
        return ~held & (data.split != HELD_OUT) if own.any() else data.split == TRAIN
    return np.ones(len(data.image_ids), dtype=bool)


def run_evaluate(arguments: argparse.Namespace) -> int:
    """Run ``evaluate`` and return its exit code."""
    chosen, data = prompt_set.load(arguments.prompt_set), job.load(arguments.job)
    evaluation = evaluate(chosen, data, arguments.part)
    if arguments.json:
        return _write_json(asdict(evaluation), arguments.json)
    console = Console()
    console.print(score_table({str(arguments.prompt_set): evaluation}))
    console.print(f1_table(evaluation))
    table = Table("class", "trained on", "evaluated on", "AP", "threshold", "rests on")
    own = _own_results(chosen)
    for item in sorted(evaluation.classes, key=lambda one: -one.train_present):
        chosen_by = own.get(item.name)
        table.add_row(
            cell(item.name),
            str(item.train_present),
            f"{item.held_out_present} / {item.held_out_absent}",
            percent(item.average_precision),
            "" if chosen_by is None else threshold_text(chosen_by),
            "" if chosen_by is None else support_text(chosen_by),
        )
    console.print(table)
    if left_out := metrics.not_evaluated(evaluation):
        say(console, one_line(f"Not enough annotations to evaluate: {', '.join(left_out)}."))
    return 0


# ------------------------------------------------------------------------------- inspect


@dataclass(frozen=True)
class ClassInsight:
    """One class of a prompt set.

    words: for each learned token, the nearest vocabulary words and their cosines.
    result: on the held-out part of its own run, with what the threshold rests on.
    weight, margin: in the embedding loss during training.
    """

    name: str
    band: str
    train_present: int
    weight: float
    margin: float
    bias: float
    threshold: float
    calibrated: bool
    result: ClassResult | None
    words: list[list[tuple[str, float]]]


def inspect(
    chosen: PromptSet,
    tower: TextTower | None,
    *,
    nearest: int = 3,
    limits: BandLimits | None = None,
) -> list[ClassInsight]:
    """What each class has learned.

    Args:
        tower: text tower of the prompt set's backbone; without it, ``words`` is empty.
        nearest: words per token.
    """
    options = _embedding_options(chosen)
    present = torch.from_numpy(chosen.train_present.astype(np.float32))
    trained = present > 0
    weights = torch.zeros_like(present)
    weights[trained] = losses.class_weights(present[trained], options)
    margins = losses.class_margins(present, options)
    bands = (limits or BandLimits()).bands(chosen.train_present)
    table = None if tower is None else nn_f.normalize(tower.vocabulary.float(), dim=-1)
    results = _own_results(chosen)
    result: list[ClassInsight] = []
    for index, name in enumerate(chosen.classes):
        contexts = None if chosen.contexts is None else chosen.contexts[index]
        words: list[list[tuple[str, float]]] = []
        if tower is not None and table is not None and contexts is not None and contexts.any():
            words = _nearest(torch.from_numpy(contexts), table, tower.decode, nearest)
        result.append(
            ClassInsight(
                name=name,
                band=bands[index].value,
                train_present=int(chosen.train_present[index]),
                weight=float(weights[index]),
                margin=float(margins[index]),
                bias=float(chosen.biases[index]),
                threshold=float(chosen.thresholds[index]),
                calibrated=bool(chosen.calibrated[index]),
                result=results.get(name),
                words=words,
            )
        )
    return result


def _own_results(chosen: PromptSet) -> dict[str, ClassResult]:
    """The results by class name in the prompt set's own evaluation."""
    if chosen.evaluation is None:
        return {}
    return {item.name: item for item in chosen.evaluation.classes}


def _embedding_options(chosen: PromptSet) -> losses.EmbeddingLoss:
    default = FitOptions()
    stored = chosen.settings
    return losses.EmbeddingLoss(
        margin=float(stored.get("margin", default.margin)),
        soft_margin=bool(stored.get("soft_margin", default.soft_margin)),
        reweight=bool(stored.get("reweight", default.reweight)),
        gamma=float(stored.get("reweight_gamma", default.reweight_gamma)),
    )


def _nearest(
    contexts: torch.Tensor, table: torch.Tensor, decode: Callable[[int], str], count: int
) -> list[list[tuple[str, float]]]:
    cosines = nn_f.normalize(contexts.to(table.device), dim=-1) @ table.T
    values, places = cosines.topk(min(count, len(table)))
    return [
        [(decode(place), value) for value, place in zip(row.tolist(), where.tolist(), strict=True)]
        for row, where in zip(values, places, strict=True)
    ]


def run_inspect(arguments: argparse.Namespace) -> int:
    """Run ``inspect`` and return its exit code."""
    chosen = prompt_set.load(arguments.prompt_set)
    tower = None
    if chosen.contexts is not None and not arguments.no_words:
        # Imported late: open_clip takes seconds to import.
        from trainer.without_compiler import import_models  # noqa: PLC0415

        import_models()
        from trainer.backbone import load_backbone  # noqa: PLC0415

        backbone = load_backbone(chosen.backbone, choose_device("cpu"))
        tower = TextTower(backbone.model, backbone.tokenizer)
    insights = inspect(chosen, tower, nearest=arguments.nearest)
    if arguments.json:
        return _write_json([asdict(item) for item in insights], arguments.json)
    console = Console()
    facts = f"{len(chosen.classes)} classes, {chosen.method} on {chosen.backbone}, {chosen.created}"
    say(console, one_line(f"{facts}; scale {chosen.scale:.1f}"))
    if chosen.evaluation is not None:
        rows = {"held out": chosen.evaluation}
        if chosen.baseline is not None:
            rows = {"before": chosen.baseline} | rows
        console.print(score_table(rows))
    console.print(_insight_table(insights))
    for note in notes(chosen):
        say(console, one_line(note))
    return 0


def _insight_table(insights: Sequence[ClassInsight]) -> Table:
    table = Table(
        "class", "band", "trained on", "weight", "margin", "threshold", "rests on", "nearest words"
    )
    for item in insights:
        words = " | ".join(" ".join(word for word, _ in token) for token in item.words)
        threshold = f"{item.threshold:.2f}" + ("" if item.calibrated else " (shared)")
        support = ""
        if item.result is not None:
            threshold = threshold_text(item.result) or threshold
            support = support_text(item.result)
        table.add_row(
            cell(item.name),
            item.band,
            str(item.train_present),
            f"{item.weight:.4f}",
            f"{item.margin:.2f}",
            threshold,
            support,
            cell(words),
        )
    return table


def _write_json(body: Any, where: str) -> int:
    text = json.dumps(body, ensure_ascii=False, indent=1)
    if where == "-":
        for_data(sys.stdout).write(text + "\n")
    else:
        Path(where).write_text(text + "\n", encoding="utf-8")
    return 0
