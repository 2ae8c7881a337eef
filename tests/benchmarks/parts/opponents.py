"""Simple ways to learn from a few annotated photos beside a text embedding, to compare with.

They see what the trainer sees: features, known annotations, hand-written class embeddings.  What a
method's authors choose on a validation set is chosen here by mAP on the same inner validation as
the trainer's (a fifth of what is annotated, :func:`split_for_validation`), and then learned again
from all that is annotated; with too few annotations for that, each has fixed values.  All but the
averages were published for one class per image: softmax becomes a sigmoid per class, an unknown
entry has no part in a loss, and a class without a present annotation keeps its zero-shot scores
(but for ``linear``, which knows no text).
Where a choice was open, the one with the higher mAP on the validation parts was taken.

Symbols: n annotated images, K classes, D features.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as nn_f

from trainer.inner_validation import InnerValidation, split_for_validation
from trainer.job import ABSENT, HELD_OUT, PRESENT, TRAIN
from trainer.metrics import quick_average_precisions
from trainer.options import FitOptions

Floats = NDArray[np.float32]
Targets = NDArray[np.int8]
Scorer = Callable[[Floats], Floats]
"""(m, K) scores of (m, D) features; only their order within a class has a meaning."""
Choice = TypeVar("Choice")

PENALTIES = (1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0)
RIDGE_PENALTIES = (3e-2, 1e-1, 3e-1, 1.0, 3.0, 10.0, 30.0, 100.0)
FALLBACK_PENALTY, FALLBACK_RIDGE = 1.0, 3.0
SHARES = (0.25, 0.5, 0.75, 0.9)
"""Of the learned scores in an average with zero-shot."""
FALLBACK_SHARE = 0.5
TASKRES_SCALES = (0.1, 0.3, 1.0)
TASKRES_EPOCHS = 100
LPP_STEPS = 300
GDA_WEIGHTS = tuple(10.0**power for power in np.arange(-4, 2.5, 0.5).tolist())
FALLBACK_GDA_WEIGHT = 0.1
TIP_EPOCHS = 20
TIP_ALPHAS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
TIP_BETAS = (1.0, 3.0, 5.5, 9.0)
TIP_ALPHA, TIP_BETA = 1.0, 5.5
FALLBACK_TIP = (16.0, 5.5)
BATCH = 256
WATCH_EVERY = 5
"""Steps or epochs between two looks at the inner validation."""
FALLBACK_PROGRESS = 0.5
"""Of the published number of steps, where no validation chooses it."""


@dataclass(frozen=True, eq=False)
class Given:
    """features (n, D) float32 unit norm; targets (n, K) int8; zero_shot (K, D) float32 unit norm;
    scale: of the backbone's logits."""

    features: Floats
    targets: Targets
    zero_shot: Floats
    scale: float

    @property
    def complete(self) -> bool:
        """Whether every image is completely annotated."""
        return bool((self.targets >= 0).all())

    @property
    def has_present(self) -> NDArray[np.bool_]:
        """(K,)"""
        return (self.targets == PRESENT).any(0)


@dataclass(frozen=True, eq=False)
class Study:
    """All that is annotated; a fitting part of it, and mAP on the rest (None with too little)."""

    whole: Given
    fitting: Given
    watching: InnerValidation | None

    @classmethod
    def of(cls, given: Given, seed: int) -> Study:
        """Leaves out images without any annotation."""
        kept = (given.targets >= 0).any(1)
        given = replace(given, features=given.features[kept], targets=given.targets[kept])
        inner = split_for_validation(given.targets, FitOptions(), seed)
        if inner is None:
            return cls(given, given, None)
        fitting = inner == TRAIN
        assert (inner[~fitting] == HELD_OUT).all()
        part = replace(given, features=given.features[fitting], targets=given.targets[fitting])
        watching = InnerValidation.of(given.features, given.targets, inner, given.zero_shot)
        return cls(given, part, watching)

    @property
    def assuming_absent(self) -> Study:
        """As it is where an inner validation is possible.  Where not, single answers were given,
        the likeliest first: unknown entries of an annotated image then count as absent, as the few
        known ones are no sample of them.
        """
        if self.watching is not None:
            return self
        targets = np.maximum(self.whole.targets, ABSENT).astype(np.int8)
        whole = replace(self.whole, targets=targets)
        return Study(whole, whole, None)

    def score(self, scorer: Scorer) -> float:
        """mAP on the inner validation."""
        assert self.watching is not None
        found = quick_average_precisions(scorer(self.watching.features), self.watching.targets)
        return float(np.nanmean(found))


def choose(
    study: Study,
    candidates: Sequence[Choice],
    fallback: Choice,
    learn: Callable[[Given, Choice], Scorer],
) -> Choice:
    """The candidate whose scorer, learned from the fitting part, has the highest mAP."""
    if study.watching is None:
        return fallback
    return max(candidates, key=lambda candidate: study.score(learn(study.fitting, candidate)))


def zero_shot_scorer(given: Given) -> Scorer:
    return lambda features: features @ given.zero_shot.T


# ------------------------------------------------------------------- averages with zero-shot


def ridge_weights(given: Given, penalty: float) -> Floats:
    """(K, D): per class the minimum of sum (x.w - y)^2 + penalty |w|^2 over its known images, with
    y = 1 or 0 and x centred by the mean of all annotated images, in closed form.

    Hoerl and Kennard, Technometrics 12 (1970).  With complete annotations the weights are those of
    ridge regression with a free intercept, and one matrix serves all classes.  Without, each class
    has its own, and no intercept: a free one would take all there is from a class of which only
    present annotations are known.
    """
    x = given.features.astype(np.float64)
    x -= x.mean(0)
    known = given.targets >= 0
    y = (given.targets == PRESENT).astype(np.float64)
    ridge = penalty * np.eye(x.shape[1])
    if given.complete:
        return np.linalg.solve(x.T @ x + ridge, x.T @ y).T.astype(np.float32)
    weights = np.zeros((y.shape[1], x.shape[1]))
    for column in np.flatnonzero(given.has_present):
        rows = known[:, column]
        own, target = x[rows], y[rows, column]
        if len(own) < x.shape[1]:  # the same by the smaller matrix: X'(XX' + penalty I)^-1 y
            inner = own @ own.T + penalty * np.eye(len(own))
            weights[column] = own.T @ np.linalg.solve(inner, target)
        else:
            weights[column] = np.linalg.solve(own.T @ own + ridge, own.T @ target)
    return weights.astype(np.float32)


def logistic_weights(given: Given, penalty: float) -> Floats:
    """(K, D): logistic regression per class, all at once by L-BFGS: sum of log losses of known
    entries + penalty / 2 |w|^2; the intercept is free.
    """
    x = torch.from_numpy(given.features)
    y = torch.from_numpy(given.targets == PRESENT).float()
    known = torch.from_numpy(given.targets >= 0)
    weights = torch.zeros(y.shape[1], x.shape[1], requires_grad=True)
    bias = torch.full((y.shape[1],), -4.0, requires_grad=True)
    solver = torch.optim.LBFGS(
        [weights, bias], max_iter=150, history_size=10, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        solver.zero_grad()
        logits = x @ weights.T + bias
        entry = nn_f.binary_cross_entropy_with_logits(logits, y, reduction="none")
        loss = (entry * known).sum() + penalty / 2 * weights.square().sum()
        loss.backward()
        return loss

    solver.step(closure)
    return weights.detach().numpy()


def averaged(given: Given, weights: Floats, share: float) -> Floats:
    """(K, D): ``share`` of the learned ``weights`` and the rest zero-shot, after both scores were
    scaled to the same standard deviation over the annotated images, in the mean of the classes with
    a present annotation.  (Scaled class by class, a rare class gets as much of what was learned as
    a common one: 0.2 to 0.3 less mAP on the validation parts, wherever images are complete.)
    """
    active = given.has_present
    learned = float((given.features @ weights[active].T).std(0).mean())
    plain = float((given.features @ given.zero_shot[active].T).std(0).mean())
    factor = plain / max(learned, 1e-9) * active[:, None]
    return (share * factor * weights + (1 - share) * given.zero_shot).astype(np.float32)


def _linear(weights: Floats) -> Scorer:
    return lambda features: features @ weights.T


def linear(study: Study) -> Scorer:
    """Logistic regression per class, by itself."""
    study = study.assuming_absent
    penalty = choose(
        study,
        PENALTIES,
        FALLBACK_PENALTY,
        lambda given, value: _linear(logistic_weights(given, value)),
    )
    return _linear(logistic_weights(study.whole, penalty))


def with_zero_shot(
    study: Study,
    *,
    weights_of: Callable[[Given, float], Floats],
    penalties: Sequence[float],
    fallback: float,
) -> Scorer:
    """A linear method averaged with zero-shot; penalty and share are chosen together."""
    study = study.assuming_absent
    penalty, share = fallback, FALLBACK_SHARE
    if study.watching is not None:
        best = -math.inf
        for value in penalties:
            weights = weights_of(study.fitting, value)
            for part in SHARES:
                found = study.score(_linear(averaged(study.fitting, weights, part)))
                if found > best:
                    best, penalty, share = found, value, part
    return _linear(averaged(study.whole, weights_of(study.whole, penalty), share))


# ------------------------------------------------------------------------------------ GDA


def gda_weights(given: Given) -> Floats:
    """(K, D): inverse covariance times (mean of the class - mean of all), Wang et al., "A
    Hard-to-Beat Baseline for Training-Free CLIP-Based Adaptation", ICLR 2024, arXiv 2402.04087.

    The covariance is that within the classes, a photo counting once for each of its classes, and
    its inverse the Bayes ridge estimate D ((m - 1) S + trace(S) I)^-1 over m present annotations
    (equation 9, Kubokawa and Srivastava 2008).  The mean of all is subtracted because without
    softmax a part shared by all classes no longer cancels.
    """
    x = given.features.astype(np.float64)
    present = (given.targets == PRESENT).astype(np.float64)
    counts = present.sum(0)
    means = present.T @ x / np.maximum(counts, 1)[:, None]
    total, dim = counts.sum(), x.shape[1]
    scatter = (x * present.sum(1)[:, None]).T @ x - (means * counts[:, None]).T @ means
    covariance = scatter / max(total - 1, 1)
    ridge = max(float(np.trace(covariance)), 1e-9) * np.eye(dim)
    precision = dim * np.linalg.inv((total - 1) * covariance + ridge)
    offsets = np.where(counts[:, None] > 0, means - x.mean(0), 0.0)
    return (offsets @ precision).astype(np.float32)


def gda(study: Study) -> Scorer:
    """Zero-shot logits + weight * (x.W); the weight is chosen on the inner validation."""

    def mixed(given: Given, weights: Floats, weight: float) -> Scorer:
        return _linear((given.scale * given.zero_shot + weight * weights).astype(np.float32))

    fitted = gda_weights(study.fitting)
    weight = choose(
        study, GDA_WEIGHTS, FALLBACK_GDA_WEIGHT, lambda given, value: mixed(given, fitted, value)
    )
    return mixed(study.whole, gda_weights(study.whole), weight)


# ----------------------------------------------------------------- learned by gradient descent


@dataclass(frozen=True, eq=False)
class _Tensors:
    x: torch.Tensor
    y: torch.Tensor
    known: torch.Tensor
    text: torch.Tensor

    @classmethod
    def of(cls, given: Given) -> _Tensors:
        return cls(
            torch.from_numpy(given.features),
            torch.from_numpy(given.targets == PRESENT).float(),
            torch.from_numpy(given.targets >= 0).float(),
            torch.from_numpy(given.zero_shot),
        )

    def bce(self, logits: torch.Tensor, rows: torch.Tensor | slice = slice(None)) -> torch.Tensor:
        """Mean over known images of each class, summed over the classes."""
        entry = nn_f.binary_cross_entropy_with_logits(logits, self.y[rows], reduction="none")
        known = self.known[rows]
        return ((entry * known).sum(0) / known.sum(0).clamp(min=1)).sum()

    def start_bias(self, logits: torch.Tensor) -> torch.Tensor:
        """(K,) to add to ``logits`` (n, K), so that each class starts at its frequency."""
        count = self.known.sum(0)
        rate = ((self.y * self.known).sum(0) + 0.5) / (count + 1)
        mean = (logits * self.known).sum(0) / count.clamp(min=1)
        return torch.logit(rate) - mean


Trajectory = Callable[[Given, int, Callable[[int, Scorer], None]], Scorer]
"""Learn for a number of rounds of a schedule of fixed length, showing a scorer now and then."""


def best_round(study: Study, rounds: int, learn: Trajectory) -> tuple[float, int]:
    """Highest mAP on the inner validation, and after how many rounds; -inf without one."""
    best, place = -math.inf, max(1, round(FALLBACK_PROGRESS * rounds))
    if study.watching is None:
        return best, place

    def watch(done: int, scorer: Scorer) -> None:
        nonlocal best, place
        found = study.score(scorer)
        if found > best:
            best, place = found, done

    learn(study.fitting, rounds, watch)
    return best, place


def _unwatched(done: int, scorer: Scorer) -> None:
    """For the last pass, which nothing chooses."""


def lpp(study: Study) -> Scorer:
    """LP++ (Huang et al., CVPR 2024, arXiv 2404.02285): logits x.w_k + alpha_k x.t_k, both learned.

    As published: full-batch gradient descent with momentum 0.9, w_k from the class means, one start
    value of all alpha_k from the mean text score of the classes' own photos, step sizes from the
    Lipschitz constants of the loss, alpha renewed every tenth step, the best of 300 steps by
    validation.  Adapted: a sigmoid per class with the mean log loss of its known images (its
    Hessian has the same bound 1/4 X'X), a start of each intercept at the class's frequency, and the
    mean number of present annotations per class in the place of the number of shots.
    """
    study = study.assuming_absent
    _, steps = best_round(study, LPP_STEPS, _lpp)
    return _lpp(study.whole, steps, _unwatched)


def _lpp(given: Given, steps: int, watch: Callable[[int, Scorer], None]) -> Scorer:
    data = _Tensors.of(given)
    counts = (data.y * data.known).sum(0)
    active = torch.from_numpy(given.has_present)
    weights = (data.y * data.known).T @ data.x / counts.clamp(min=1)[:, None]
    texts = data.x @ data.text.T
    own = (texts * data.y * data.known).sum(0) / counts.clamp(min=1)
    shots = counts[active].mean()
    alpha = torch.full((len(counts),), float(250 / shots * own[active].mean()))
    known = data.known.sum(0).clamp(min=1)
    if given.complete:
        largest = torch.linalg.eigvalsh(data.x.T @ data.x)[-1] / len(data.x)
        rate = (4 / largest).expand(len(counts))
    else:
        rate = torch.full((len(counts),), 4.0)  # X'X / n has trace 1, which bounds its eigenvalues
    alpha_rate = 4 * known / (texts.square() * data.known).sum(0).clamp(min=1e-9)
    bias = data.start_bias(data.x @ weights.T + alpha * texts)
    moved, shifted = torch.zeros_like(weights), torch.zeros_like(bias)
    text_rows = given.zero_shot

    def scorer() -> Scorer:
        learned = (weights + alpha[:, None] * data.text).numpy()
        return _linear(np.where(given.has_present[:, None], learned, text_rows))

    for step in range(1, steps + 1):
        logits = data.x @ weights.T + alpha * texts + bias
        slope = (torch.sigmoid(logits) - data.y) * data.known / known
        moved = 0.9 * moved + slope.T @ data.x
        shifted = 0.9 * shifted + slope.sum(0)
        weights = weights - rate[:, None] * moved
        bias = bias - rate * shifted
        if step % 10 == 0:
            alpha = alpha - alpha_rate * (slope * texts).sum(0)
        if step % WATCH_EVERY == 0:
            watch(step, scorer())
    return scorer()


def taskres(study: Study) -> Scorer:
    """TaskRes (Yu et al., CVPR 2023, arXiv 2211.10277): class embeddings t_k + a r_k with a learned
    residual r_k that starts at 0.

    As published: Adam, rate 2e-3, batches of 256, 100 epochs of a cosine after one at 1e-5.
    Adapted: BCE with an intercept per class that starts at its frequency; the scale a and the epoch
    are chosen on the inner validation (the authors take 0.5 or 1, and the last epoch).
    """
    scale, epochs = 0.3, max(1, round(FALLBACK_PROGRESS * TASKRES_EPOCHS))
    best = -math.inf
    for candidate in TASKRES_SCALES:
        found, place = best_round(study, TASKRES_EPOCHS, partial(_taskres, scale=candidate))
        if found > best:
            best, scale, epochs = found, candidate, place
    return _taskres(study.whole, epochs, _unwatched, scale=scale)


def _taskres(
    given: Given, epochs: int, watch: Callable[[int, Scorer], None], *, scale: float
) -> Scorer:
    data = _Tensors.of(given)
    residual = torch.zeros_like(data.text, requires_grad=True)
    bias = data.start_bias(given.scale * data.x @ data.text.T).requires_grad_(True)
    solver = torch.optim.Adam([residual, bias])
    generator = torch.Generator().manual_seed(0)

    def embeddings() -> torch.Tensor:
        return nn_f.normalize(data.text + scale * residual, dim=-1)

    def scorer() -> Scorer:
        learned = embeddings().detach().numpy()
        return _linear(np.where(given.has_present[:, None], learned, given.zero_shot))

    for epoch in range(epochs):
        progress = (epoch - 1) / TASKRES_EPOCHS
        rate = 1e-5 if epoch == 0 else 2e-3 * 0.5 * (1 + math.cos(math.pi * progress))
        for group in solver.param_groups:
            group["lr"] = rate
        for rows in torch.randperm(len(data.x), generator=generator).split(BATCH):
            solver.zero_grad()
            logits = given.scale * data.x[rows] @ embeddings().T + bias
            data.bce(logits, rows).backward()
            solver.step()
        if (epoch + 1) % WATCH_EVERY == 0:
            watch(epoch + 1, scorer())
    return scorer()


@dataclass(frozen=True, eq=False)
class _Cache:
    """Tip-Adapter's: keys (n, D), values (n, K)."""

    keys: torch.Tensor
    values: torch.Tensor

    def logits(self, x: torch.Tensor, beta: float) -> torch.Tensor:
        return torch.exp(-beta * (1 - x @ self.keys.T)) @ self.values


def tip_adapter(study: Study) -> Scorer:
    """Tip-Adapter-F (Zhang et al., ECCV 2022, arXiv 2111.03930): zero-shot logits + a times the
    labels of the annotated photos, each weighed by exp(-b (1 - cosine)), with learned keys.

    As published: AdamW, rate 1e-3, batches of 256, 20 epochs of a cosine, started and trained with
    a = 1 and b = 5.5, then both chosen on validation.  Adapted: a photo votes for each class it has
    (an unknown entry for none), and BCE with an intercept per class that starts at its frequency.
    """
    alpha, beta = FALLBACK_TIP
    if study.watching is not None:
        fitted = _tuned_cache(study.fitting)
        pairs = [(a, b) for b in TIP_BETAS for a in TIP_ALPHAS]
        alpha, beta = choose(
            study, pairs, (alpha, beta), lambda given, pair: _tip_scorer(given, fitted, *pair)
        )
    return _tip_scorer(study.whole, _tuned_cache(study.whole), alpha, beta)


def _tip_scorer(given: Given, cache: _Cache, alpha: float, beta: float) -> Scorer:
    def score(features: Floats) -> Floats:
        x = torch.from_numpy(features)
        votes = cache.logits(x, beta).numpy()
        return (given.scale * features @ given.zero_shot.T + alpha * votes).astype(np.float32)

    return score


def _tuned_cache(given: Given) -> _Cache:
    data = _Tensors.of(given)
    keys = data.x.clone().requires_grad_(True)
    cache = _Cache(keys, data.y * data.known)
    texts = given.scale * data.x @ data.text.T
    with torch.no_grad():
        bias = data.start_bias(texts + TIP_ALPHA * cache.logits(data.x, TIP_BETA))
    bias.requires_grad_(True)
    solver = torch.optim.AdamW([keys, bias], lr=1e-3, eps=1e-4)
    batches = math.ceil(len(data.x) / BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(solver, TIP_EPOCHS * batches)
    generator = torch.Generator().manual_seed(0)
    for _ in range(TIP_EPOCHS):
        for rows in torch.randperm(len(data.x), generator=generator).split(BATCH):
            solver.zero_grad()
            logits = texts[rows] + TIP_ALPHA * cache.logits(data.x[rows], TIP_BETA) + bias
            data.bce(logits, rows).backward()
            solver.step()
            schedule.step()
    return _Cache(keys.detach(), cache.values)


OPPONENTS: dict[str, Callable[[Study], Scorer]] = {
    "zero-shot": lambda study: zero_shot_scorer(study.whole),
    "linear": linear,
    "linear + zero-shot": partial(
        with_zero_shot,
        weights_of=logistic_weights,
        penalties=PENALTIES,
        fallback=FALLBACK_PENALTY,
    ),
    "ridge + zero-shot": partial(
        with_zero_shot,
        weights_of=ridge_weights,
        penalties=RIDGE_PENALTIES,
        fallback=FALLBACK_RIDGE,
    ),
    "GDA + zero-shot": gda,
    "LP++": lpp,
    "TaskRes": taskres,
    "Tip-Adapter-F": tip_adapter,
}
"""By the name that ``--methods`` takes.  To add one, write a function and add a row."""
