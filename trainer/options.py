"""Training options with their defaults, and the tables of methods and losses (imports no torch)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

from trainer.job import INSTANT, LMPT, LMPT_PAPER, LMPT_PLUS, JobError

LOSSES: dict[str, str] = {
    "distribution-balanced": "make_distribution_balanced_loss",
    "bce": "make_bce_loss",
    "focal": "make_focal_loss",
    "asymmetric": "make_asymmetric_loss",
    "listwise": "make_listwise_loss",
}
"""Classification losses by name, and the function of :mod:`trainer.losses` that makes each from the
options and the class counts.  A name, because the app reads this table and never imports torch.
To add a loss, write that function and add a row here.
"""

ClassPosition = Literal["end", "middle", "front"]
Rebalance = Literal["off", "inverse", "sqrt-inverse", "rebalance", "class-balanced"]

_CHOICES: dict[str, tuple[str, ...]] = {
    "class_position": get_args(ClassPosition),
    "optimiser": ("adamw", "sgd"),
    "loss": tuple(LOSSES),
    "rebalance": get_args(Rebalance),
    "embedding_space": ("feature", "token", "mean-token"),
    "sampling": ("shuffled", "class-balanced"),
    "recompute": ("auto", "on", "off"),
}
HAND_WRITTEN = 1e9
"""An interpolation that leaves nothing of what was learned."""
METHODS: dict[str, dict[str, Any]] = {
    LMPT: {"interpolation": 8.0},
    LMPT_PAPER: {
        "context_tokens": 16,
        "epochs": 50,
        "batch_size": 64,
        "optimiser": "sgd",
        "learning_rate": 5e-4,
        "weight_decay": 1e-4,
        "momentum": 0.9,
        "classification_share": 0.5,
        "embedding_space": "token",
        "margin": 0.2,
        "interpolation": 0.0,
        "validation_fraction": 0.0,
    },
    LMPT_PLUS: {
        "loss": "listwise",
        "batch_size": 4096,
        "steps": 60,
        "steps_unvalidated": 20,
        "learning_rate": 5e-3,
        "classification_share": 0.9,
        "patience": 3,
        "residual_rate": 0.2,
        "interpolation": 64.0,
        "kernel": 1.0,
        "unknown_weight": 0.3,
    },
    INSTANT: {
        "steps": 0,
        "steps_unvalidated": 0,
        "classification_share": 1.0,
        "interpolation": HAND_WRITTEN,
        "kernel": 1.0,
    },
}
"""The options that each method sets, beside the defaults of :class:`FitOptions`.

``lmpt``: the paper's two losses, trained as suits an app: few large steps of AdamW, the step chosen
on an inner validation, and an interpolation with the hand-written prompts.

``lmpt-paper``: LMPT's training as published (arXiv 2305.04536 and the command of its authors):
16 random context tokens, SGD for 50 epochs of batches of 64, the embedding loss on token
embeddings, no interpolation.  It exists to compare with published figures.  The authors keep the
epoch that is best on the *test* images and lower the rate when it stagnates; this one keeps its
last step, chooses nothing (there is no inner validation) and lowers the rate along a cosine.  mu,
kappa and lambda of the distribution-balanced loss are those of COCO-LT unless set, as the
benchmark of VOC-LT does (:data:`trainer.benchmarks.benchmark.KINDS`).

``lmpt+`` was chosen on validation parts of Corel5k (docs/adr/0006): a listwise loss over the
images of a class, a residual vector per class beside its prompt, a cautious interpolation with the
hand-written prompts, and the kernel part, which does most of the work (docs/adr/0024).
``instant`` learns no prompt: hand-written prompts and the kernel part, in closed form.
"""
_POSITIVE = frozenset(
    {"batch_size", "learning_rate", "validate_every", "class_chunk", "negative_scale", "landmarks"}
)
_NOT_NEGATIVE = frozenset({"steps", "steps_unvalidated", "kernel"})
_RATES = frozenset({"learning_rate", "residual_rate"})
_HIGHEST_RATE = 1e6
"""Far above any useful rate, yet low enough that no optimiser overflows in a step."""
_FRACTIONS = frozenset(
    {
        "held_out_fraction", "validation_fraction", "classification_share", "unknown_weight",
        "confirmed_weight",
    }
)  # fmt: skip


@dataclass(frozen=True)
class FitOptions:
    """Options of a training run; ``JobSettings.options`` has them by name.

    Prompts: context_words (the initial context, one learned token per token), context_tokens
    (if positive, this number of random tokens instead), class_position, shared_context.

    Optimisation: steps (maximum; without an inner validation steps_unvalidated) or instead, if
    positive, epochs (passes over the training images), batch_size (images), optimiser,
    learning_rate, weight_decay, momentum, sampling, early stopping after ``patience`` validations
    without a gain, refit (after finding the best step on the inner validation, train again on all
    training images).

    Classification loss: loss (of :data:`LOSSES`), rebalance, negative_tolerant, focal, alpha, beta,
    mu, negative_scale, kappa (:class:`trainer.losses.DistributionBalance`); unknown_weight
    (:func:`trainer.losses.listwise_loss`).  confirmed_weight: of a present annotation that only
    lets a prediction stand (``FitJob.confirmed``), in both losses, where a verdict has 1.

    Embedding loss: classification_share (lambda of the paper; 1 disables the embedding
    loss), embedding_space, margin, soft_margin, reweight, reweight_gamma.

    Splits: held_out_fraction of the annotations is for evaluation and calibration;
    validation_fraction of the rest chooses the step, if there are enough annotations.

    Beyond the prompts: residual_rate, residual_decay (learning rate and squared-norm penalty of a
    vector per class added to its prompt's embedding, in logits; rate 0: none).

    interpolation: a class with n present annotations gets n / (n + interpolation) of its learned
    embedding, the rest hand-written; if negative, chosen on the inner validation from
    :data:`trainer.blending.INTERPOLATIONS`, or :data:`trainer.blending.FALLBACK_INTERPOLATION`
    without one.

    kernel: factor of the usual gain of the kernel part (:mod:`trainer.kernel`); 0 for none.
    landmarks: of it, at most.  windows: whether windows are scored too (:mod:`trainer.windows`),
    where the job has them.

    Machine: class_chunk (classes per pass through the text tower), recompute (trade time for
    memory), threads (0: one per core).
    """

    context_words: str = "a photo of a"
    context_tokens: int = 0
    class_position: str = "end"
    shared_context: bool = False

    steps: int = 80
    steps_unvalidated: int = 40
    epochs: int = 0
    batch_size: int = 1024
    optimiser: str = "adamw"
    learning_rate: float = 1e-2
    weight_decay: float = 1e-4
    momentum: float = 0.9
    sampling: str = "shuffled"
    validate_every: int = 5
    patience: int = 6
    refit: bool = True

    loss: str = "distribution-balanced"
    rebalance: str = "rebalance"
    negative_tolerant: bool = True
    focal: bool = True
    alpha: float = 0.1
    beta: float = 10.0
    mu: float = 0.2
    negative_scale: float = 2.0
    kappa: float = 0.05
    unknown_weight: float = 0.0
    confirmed_weight: float = 0.5

    classification_share: float = 0.5
    embedding_space: str = "feature"
    margin: float = 0.4
    soft_margin: bool = True
    reweight: bool = True
    reweight_gamma: float = 0.5

    held_out_fraction: float = 0.2
    validation_fraction: float = 0.2

    residual_rate: float = 0.0
    residual_decay: float = 0.001
    interpolation: float = 0.0
    kernel: float = 0.0
    landmarks: int = 1024
    windows: bool = True

    class_chunk: int = 64
    recompute: str = "auto"
    threads: int = 0

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, float) and not math.isfinite(value):
                raise JobError(f"the option {item.name} must be a finite number, not {value}")
            if item.name in _CHOICES and value not in _CHOICES[item.name]:
                allowed = ", ".join(_CHOICES[item.name])
                raise JobError(f"the option {item.name} must be one of {allowed}, not {value!r}")
            if item.name in _POSITIVE and value <= 0:
                raise JobError(f"the option {item.name} must be positive, not {value}")
            if item.name in _NOT_NEGATIVE and value < 0:
                raise JobError(f"the option {item.name} must not be negative, not {value}")
            if item.name in _RATES and not 0 <= value <= _HIGHEST_RATE:
                raise JobError(
                    f"the option {item.name} must be between 0 and {_HIGHEST_RATE:g}, not {value}"
                )
            if item.name in _FRACTIONS and not 0 <= value <= 1:
                raise JobError(f"the option {item.name} must be between 0 and 1, not {value}")

    def for_images(self, count: int) -> FitOptions:
        """These options with ``epochs`` as steps over ``count`` images; a last batch that is not
        full is a step, too."""
        if self.epochs <= 0:
            return self
        steps = self.epochs * -(-count // self.batch_size)
        return replace(self, steps=steps, steps_unvalidated=steps)

    @staticmethod
    def of(values: Mapping[str, Any], method: str = LMPT) -> FitOptions:
        """The options of a :data:`METHODS` entry, overridden by ``values``; steps among them also
        override the epochs of a method.

        Raises:
            JobError: for an unknown method or option, or a value of the wrong type.
        """
        types = {item.name: type(item.default) for item in fields(FitOptions)}
        if method not in METHODS:
            raise JobError(f"unknown method {method!r}; choose one of {', '.join(METHODS)}")
        given: dict[str, Any] = dict(METHODS[method])
        for name, value in values.items():
            kind = types.get(name)
            if kind is None:
                raise JobError(f"unknown option {name!r}; choose one of {', '.join(types)}")
            given[name] = _as_type(name, value, kind)
        if {"steps", "steps_unvalidated"} & values.keys() and "epochs" not in values:
            given["epochs"] = 0
        return FitOptions(**given)


def _as_type(name: str, value: Any, kind: type) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind:
        raise JobError(f"the option {name} must be of type {kind.__name__}, not {value!r}")
    return value
