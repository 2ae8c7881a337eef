"""The parameters of a benchmark run (imports no torch)."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.benchmarks.benchmark import KINDS, BenchmarkKind
from trainer.job import LMPT_PAPER, LMPT_PLUS
from trainer.options import METHODS
from trainer.suggested import backbones_dir

BOTH, ALL = "both", "all"
"""Choices of ``--method`` that stand for several."""
COMPARED = (LMPT_PAPER, LMPT_PLUS)
"""``both``: the paper's training, to compare with its figures, and our default."""


@dataclass(frozen=True)
class Request:
    """The arguments of the command line; see :mod:`trainer.benchmarks.arguments`."""

    kind: BenchmarkKind
    images: Path
    lists: Path
    backbone: str
    cache: Path
    methods: tuple[str, ...] = COMPARED
    seed: int = 0
    allow_missing: bool = False
    limit: int | None = None
    spell_out: bool = False
    options: tuple[tuple[str, Any], ...] = ()
    device: str = "auto"
    threads: int = 0
    batch: int | None = None

    @staticmethod
    def of(arguments: argparse.Namespace) -> Request:
        """From parsed arguments."""
        return Request(
            kind=KINDS[arguments.benchmark],
            images=arguments.images.expanduser(),
            lists=arguments.lists.expanduser(),
            backbone=arguments.backbone,
            cache=(arguments.cache or default_cache()).expanduser(),
            methods=_methods(arguments.method),
            seed=arguments.seed,
            allow_missing=arguments.allow_missing,
            limit=arguments.limit,
            spell_out=arguments.class_names == "words",
            options=tuple(arguments.option),
            device=arguments.device,
            threads=arguments.threads or 0,
            batch=arguments.batch,
        )


def _methods(chosen: str) -> tuple[str, ...]:
    return {BOTH: COMPARED, ALL: tuple(METHODS)}.get(chosen, (chosen,))


def default_cache() -> Path:
    """Beside the downloaded backbones."""
    return backbones_dir().parent / "reproduce"
