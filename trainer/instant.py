"""Instant learning: what verdicts teach a class, in closed form (imports no torch).

For each class c, a ridge regression of what the prediction got wrong.  With x a photo's feature,
y its verdict, z_c the embedding and s_c the scale that the class is predicted with:

    r = y - sigmoid(SOFTNESS s_c x.z_c + b_c)                              what is left to explain
    d_c = argmin  sum w (r - d.(x - mean))^2 + PENALTY d.d
    e_c = z_c + t_c / s_c d_c,    t_c = STEP ((n_c + 1) / 2) ^ GROWTH

The sum is over the photos whose verdict on c is known, w is the verdict's weight, n_c the sum of w
over the present ones.  The embedding e_c has no unit norm; its logit is
s_c x.z_c + t_c (x - mean).d_c + bias.  A linear probe
that starts at the text embedding is Silva-Rodriguez et al., CVPR 2024 (arXiv 2312.12730) and Huang
et al., CVPR 2024 (arXiv 2404.02285); here its first step is solved exactly.  The constants were
chosen on training images of Corel5k (docs/instant.md).

A solution depends on the verdicts alone, not on the order in which they came: :class:`Instant`
keeps what a further verdict needs, and gives what :func:`learn` gives, to float rounding.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SOFTNESS = 0.34
"""Of a prediction's logit, while what is left to explain is computed: a prediction that is sure
of itself would leave nothing to learn from the verdicts that agree with it."""
STEP = 15.0
"""Logits, with one present verdict.  As much as suits few verdicts, on photos that the prompts know
well (COCO) and on others (Corel5k)."""
GROWTH = 0.35
"""With which the step grows with a class's present verdicts: the more examples, the more they are
to be trusted beside the prompt.  The class's own, so that a verdict moves no other class."""
PENALTY = 1.0
FREQUENCY = 0.0145
"""What an average photo scores before anything is learned, softly: of 0.005 to 0.03 the best on
validation over few and many verdicts.  A frequency of each class's own, from its scores, is worse:
scores of plain prompts say little about how common a class is."""

_MAX_ROWS = 0.5
"""Corrections of a class up to this multiple of D are kept apart, more are summed."""
_MAX_SUMS = 64
"""Classes whose sums are kept, in single precision; each takes 4 D^2 bytes.  Two thousand verdicts
left errors of 0.0002 in sums of 12,500 photos, and of 1e-5 in what is solved with them."""
_MOST_BYTES = 64 << 20
"""Of corrections between two questions; each class takes up to 2 D^2 bytes."""
_CLASSES_AT_ONCE = 64
_AT_ONCE = 64
"""More photos than these are replaced together."""
_SHARE_ANEW = 4
"""More than this part of the photos (1 / n), and all are learned from scratch."""
_SPARSE = 8
"""With less than this part (1 / n) of all verdicts known, classes are learned one by one."""
_MOST_SUMS_CHANGED = 8
"""Sums of more classes than these are made anew instead of changed."""
_BLOCK_ROWS = 512
"""Photos whose features are summed at once: a few MB, which the C library finds again each time.
Eight times as many left gaps in its heap that were not given back."""

_COUNTED_ROWS = 8192
_MOST_RECENT = 4096

Floats = NDArray[np.floating[Any]]
Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Offsets:
    """What is added to class weights.

    Attributes:
        embeddings: (C, D) float32.
        logits: (C,) float32; with them the offset of an average photo is 0.
    """

    embeddings: NDArray[np.float32]
    logits: NDArray[np.float32]


def soft_biases(
    embeddings: Floats, scales: Floats, mean: Floats, frequency: float = FREQUENCY
) -> NDArray[np.float64]:
    """b_c of the module's docstring, (C,): an average photo gets ``frequency``.

    Args:
        embeddings: (C, D).
        scales: (C,).
        mean: (D,), of the features of all photos.
        frequency: between 0 and 1.
    """
    at_mean = np.asarray(embeddings, np.float64) @ np.asarray(mean, np.float64)
    logit = math.log(frequency / (1 - frequency))
    return logit - SOFTNESS * np.asarray(scales, np.float64) * at_mean


def learn(  # noqa: PLR0917 - the arrays of the formula
    features: Floats,
    targets: NDArray[np.int8],
    embeddings: Floats,
    scales: Floats,
    biases: Floats,
    mean: Floats,
    weights: Floats | None = None,
) -> Offsets:
    """What verdicts on n photos teach C classes.

    Args:
        features: (n, D) unit norm.
        targets: (n, C): 1 present, 0 absent, -1 unknown.
        embeddings: (C, D) that the classes are predicted with; a row with NaN learns nothing.
        scales: (C,), the factors of the cosines.
        biases: (C,), see :func:`soft_biases`.
        mean: (D,), of the features of all photos, annotated or not.
        weights: (n, C) of each verdict, at least 0; None for 1.
    """
    learner = Instant(embeddings, scales, biases, mean)
    learner.teach(np.arange(len(features)), features, targets, weights)
    return learner.offsets()


class _Corrections:
    """How the photos that one class learns from differ from a common set of photos.

    A = A_common + sum_k delta_k x_k x_k^T, solved by Woodbury's identity.

    Attributes:
        common: whether the common set is the shared photos; else it is empty.
        rows: k photos; deltas: (k,) their weights beyond the common ones, none of them 0.
        inner: (k, k), x_i A_common^-1 x_j.
    """

    def __init__(self, common: bool, rows: list[int], deltas: list[float], inner: Floats) -> None:
        self.common, self.rows, self.deltas, self.inner = common, rows, deltas, inner


@dataclass(frozen=True, eq=False)
class Lesson:
    """What is taught of photos at once.

    Attributes:
        keys: (m,) a number of each photo, all different.
        features: (m, D); in half precision, or all are kept in single.
        targets: (m, C): 1 present, 0 absent, -1 unknown.
        weights: (m, C); None for 1.
        stored: (m,) the rows of the stored features that these are, for ever; None if they are not
            there, and have to be kept.
    """

    keys: NDArray[np.int64]
    features: Floats
    targets: NDArray[np.int8]
    weights: Floats | None = None
    stored: NDArray[np.int64] | None = None


class _Places:
    """Where photos are kept, by their keys.  A dictionary of a million takes 100 MB."""

    def __init__(self) -> None:
        self._keys = np.empty(0, np.int64)
        """Ascending."""
        self._rows = np.empty(0, np.int64)
        self._recent: dict[int, int] = {}
        """Those that came since: sorting all takes too long for each."""

    def of(self, keys: NDArray[np.int64]) -> Rows:
        """(m,) -1 where one is not kept."""
        rows = np.full(len(keys), -1, np.int64)
        if len(self._keys):
            at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
            known = self._keys[at] == keys
            rows[known] = self._rows[at[known]]
        if self._recent:
            for place in np.flatnonzero(rows < 0).tolist():
                rows[place] = self._recent.get(int(keys[place]), -1)
        return rows

    def add(self, keys: NDArray[np.int64], rows: Rows) -> None:
        """Photos that are not kept yet."""
        self._recent.update(zip(keys.tolist(), rows.tolist(), strict=True))
        if len(self._recent) > _MOST_RECENT:
            recent = np.array(list(self._recent.items()), np.int64)
            both = np.append(self._keys, recent[:, 0])
            order = np.argsort(both)
            self._keys, self._rows = both[order], np.append(self._rows, recent[:, 1])[order]
            self._recent.clear()


class _Kept:
    """Features of photos in the order in which they came: of those that are stored elsewhere, where
    they are there; the others themselves."""

    def __init__(self, dim: int, stored: Floats | None) -> None:
        self._stored = stored
        self._own: Floats = np.empty((0, dim), np.float16)
        """In half precision as long as all come so."""
        self._own_count = self._count = 0
        self._place = np.empty(0, np.int64)
        """A row of what is stored, or -1 - one of our own."""

    def append(self, features: Floats, stored: NDArray[np.int64] | None) -> None:
        """Further photos; ``features`` (k, D) and ``stored`` (k,) as of :class:`Lesson`."""
        end = self._count + len(features)
        if end > len(self._place):
            self._place = _grown(self._place, max(end, 256, len(self._place) * 3 // 2), 0)
        if stored is not None and self._stored is not None:
            self._place[self._count : end] = stored
        else:
            self._place[self._count : end] = -1 - np.arange(
                self._own_count, self._own_count + len(features)
            )
            self._keep(features)
        self._count = end

    def _keep(self, features: Floats) -> None:
        if features.dtype != np.float16 and len(features):
            features = features.astype(np.float32)
            self._own = self._own.astype(np.float32, copy=False)
        end = self._own_count + len(features)
        if end > len(self._own):
            self._own = _grown(self._own, max(end, 256, len(self._own) * 3 // 2), 0)
        self._own[self._own_count : end] = features
        self._own_count = end

    def __getitem__(self, rows: Rows | list[int]) -> Floats:
        """(k, D)."""
        places = self._place[rows]
        if self._stored is None or not (elsewhere := places >= 0).any():
            return self._own[-1 - places]
        if elsewhere.all():
            return self._stored[places]
        found = np.empty((len(places), self._own.shape[1]), np.result_type(self._own, self._stored))
        found[elsewhere] = self._stored[places[elsewhere]]
        found[~elsewhere] = self._own[-1 - places[~elsewhere]]
        return found


class Instant:
    """The same as :func:`learn`, for photos whose verdicts come one by one.

    Photos with verdicts on most classes are shared: their sum and its inverse, D^2, serve
    all classes.  Other verdicts are corrections of single classes (:class:`_Corrections`).
    """

    def __init__(
        self,
        embeddings: Floats,
        scales: Floats,
        biases: Floats,
        mean: Floats,
        stored: Floats | None = None,
    ) -> None:
        """As of :func:`learn`; nothing is learned yet.

        ``stored`` (N, D) are features that are somewhere already, which need not be copied.
        """
        self._known = np.array([not np.isnan(row).any() for row in embeddings], np.bool_)
        self._soft = np.where(self._known[:, None], embeddings, 0).astype(np.float64)
        self._soft *= SOFTNESS * np.asarray(scales, np.float64)[:, None]
        self._biases = np.asarray(biases, np.float64)
        self._scales = np.asarray(scales, np.float64)
        self._mean = np.asarray(mean, np.float64)
        count, dim = embeddings.shape
        self._dim = dim
        self._count = 0
        self._places = _Places()
        self._x = _Kept(dim, stored)
        self._targets = np.empty((0, count), np.int8)
        self._weights: Floats = np.empty((0, count), np.float16)
        """In half precision as long as all weights are numbers of it, as all that are given are."""
        self._is_shared = np.empty(0, np.bool_)
        self._forget_sums()

    # -------------------------------------------------------------------------- learning

    def teach(
        self,
        keys: Iterable[int] | NDArray[np.int64],
        features: Floats,
        targets: NDArray[np.int8],
        weights: Floats | None = None,
    ) -> NDArray[np.int64]:
        """Replace what is known of photos.

        Args:
            keys: (m,) a number of each photo, all different.
            features: (m, D); of a photo that was taught before, the same as then.  Kept in half
                precision as long as all are given in it, else in single.
            targets: (m, C); all -1 forgets a photo.
            weights: (m, C); None for 1.

        Returns:
            The classes, ascending, whose :meth:`offsets` differ now.
        """
        lesson = Lesson(np.asarray(keys, np.int64), np.asarray(features), targets, weights)
        return self.teach_all([lesson])

    def teach_all(self, lessons: Iterable[Lesson]) -> NDArray[np.int64]:
        """As :meth:`teach`, of one lesson after the other; a photo is in one of them."""
        different = np.zeros(len(self._soft), np.bool_)
        most = max(_AT_ONCE, self._count // _SHARE_ANEW)
        changed: list[tuple[Rows, NDArray[np.int8], Floats]] = []
        count, written = 0, False
        for lesson in lessons:
            targets = np.where(self._known, lesson.targets, -1).astype(np.int8)
            given = np.ones(targets.shape, np.float16) if lesson.weights is None else lesson.weights
            given = self._as_kept(np.where(targets >= 0, given, given.dtype.type(0)))
            rows = self._rows(lesson)
            cells = (targets != self._targets[rows]) | (given != self._weights[rows])
            different |= cells.any(axis=0)
            places = np.flatnonzero(cells.any(axis=1))
            changed.append((rows[places], targets[places], given[places]))
            count += len(places)
            if count > most:
                written = True
                for at, verdicts, weights in changed:
                    self._targets[at], self._weights[at] = verdicts, weights
                changed.clear()
        if written:
            self._learn_all()
        elif count > _AT_ONCE:
            self._learn_many(changed)
        else:
            for at, verdicts, weights in changed:
                for place, row in enumerate(at.tolist()):
                    self._learn(row, verdicts[place], weights[place])
        return np.flatnonzero(different)

    def _as_kept(self, weights: Floats) -> Floats:
        """These weights in the precision in which all are kept, which they may raise."""
        if self._weights.dtype == np.float16 and weights.dtype != np.float16:
            halves = weights.astype(np.float16)
            if not np.array_equal(halves, weights):
                self._weights = self._weights.astype(np.float32)
        return weights.astype(self._weights.dtype)

    def _rows(self, lesson: Lesson) -> Rows:
        """Where photos are kept; new ones are known nothing of."""
        rows = self._places.of(lesson.keys)
        new = np.flatnonzero(rows < 0)
        end = self._count + len(new)
        if end > len(self._targets):
            capacity = max(end, 256, len(self._targets) * 3 // 2)
            self._targets = _grown(self._targets, capacity, -1)
            self._weights = _grown(self._weights, capacity, 0)
            self._is_shared = _grown(self._is_shared, capacity, 0)
        stored = lesson.stored
        self._x.append(
            lesson.features if len(new) == len(rows) else lesson.features[new],
            stored if stored is None else stored[new],
        )
        rows[new] = np.arange(self._count, end)
        self._places.add(lesson.keys[new], rows[new])
        self._count = end
        return rows

    def _centred(self, rows: Rows | list[int]) -> NDArray[np.float64]:
        """(k, D)."""
        return self._x[rows].astype(np.float64) - self._mean

    def _residuals(
        self, rows: Rows | list[int], targets: NDArray[np.int8], weights: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """(k, C): weighted, 0 where nothing is known."""
        logits = self._x[rows].astype(np.float64) @ self._soft.T + self._biases
        return weights * (targets - 0.5 - 0.5 * np.tanh(0.5 * logits))

    def _forget_sums(self) -> None:
        self._inverse = np.eye(self._dim) / PENALTY
        self._explained = np.zeros((len(self._soft), self._dim))
        self._corrections: dict[int, _Corrections] = {}
        """Of classes, the one asked for last at the end."""
        self._sums: dict[int, NDArray[np.float32]] = {}
        """The sums of classes with many corrections, the one asked for last at the end."""

    def _learn_all(self) -> None:
        self._forget_sums()
        cells = 0
        for start in range(0, self._count, _COUNTED_ROWS):
            part = slice(start, min(start + _COUNTED_ROWS, self._count))
            self._is_shared[part] = _is_shared(self._targets[part] >= 0)
            cells += int(np.count_nonzero(self._weights[part]))
        if _SPARSE * cells < self._count * len(self._soft):
            for column in range(len(self._soft)):
                self._explain_class(column)
        else:
            for start in range(0, self._count, _BLOCK_ROWS):
                rows = np.arange(start, min(start + _BLOCK_ROWS, self._count))
                residuals = self._residuals(rows, self._targets[rows], self._weights[rows])
                self._explained += residuals.T @ self._centred(rows)
        self._sum_shared()

    def _explain_class(self, column: int) -> None:
        """What one class leaves to explain, of the photos with a verdict on it alone."""
        known = np.flatnonzero(self._weights[: self._count, column])
        for start in range(0, len(known), _BLOCK_ROWS):
            rows = known[start : start + _BLOCK_ROWS]
            x = self._x[rows].astype(np.float64)
            logits = x @ self._soft[column] + self._biases[column]
            left = self._targets[rows, column] - 0.5 - 0.5 * np.tanh(0.5 * logits)
            left *= self._weights[rows, column]
            self._explained[column] += left @ x - left.sum() * self._mean

    def _learn(self, row: int, targets: NDArray[np.int8], weights: NDArray[np.float32]) -> None:
        """Replace what is known of one photo."""
        x = self._centred([row])[0]
        before, old = self._weights[row].copy(), bool(self._is_shared[row])
        self._explained -= self._residuals([row], self._targets[[row]], before).T * x
        self._targets[row], self._weights[row] = targets, weights
        self._explained += self._residuals([row], targets[None], weights).T * x
        new = bool(_is_shared(targets[None] >= 0)[0])
        self._is_shared[row] = new
        if new != old:
            self._share(x, 1.0 if new else -1.0)
        for column, kept in list(self._corrections.items()):
            common = float(new) if kept.common else 0.0
            self._correct(column, kept, row, float(weights[column]) - common, x)
        for column in self._sums:
            step = float(weights[column]) - float(before[column])
            if step:
                self._sums[column] += (step * np.outer(x, x)).astype(np.float32)

    def _learn_many(self, changed: list[tuple[Rows, NDArray[np.int8], Floats]]) -> None:
        """Replace what is known of photos: rows (k,), targets (k, C) and weights (k, C)."""
        differing = np.zeros(len(self._soft), np.bool_)
        for rows, _targets, weights in changed:
            differing |= (self._weights[rows] != weights).any(axis=0)
        columns = np.flatnonzero(differing).tolist()
        kept = [column for column in columns if column in self._sums]
        if len(kept) > _MOST_SUMS_CHANGED:
            kept = []
        for column in columns:
            self._corrections.pop(column, None)
            if column not in kept:
                self._sums.pop(column, None)
        shared_before = self._is_shared[: self._count].copy()
        for rows, targets, weights in changed:
            for start in range(0, len(rows), _BLOCK_ROWS):
                part = slice(start, start + _BLOCK_ROWS)
                self._learn_block(rows[part], targets[part], weights[part], kept)
        if not np.array_equal(shared_before, self._is_shared[: self._count]):
            self._corrections.clear()
            self._sum_shared()

    def _learn_block(
        self, rows: Rows, targets: NDArray[np.int8], weights: Floats, columns: list[int]
    ) -> None:
        """Some of them; ``columns`` are the classes whose sums follow."""
        x = self._centred(rows)
        before = self._weights[rows]
        self._explained -= self._residuals(rows, self._targets[rows], before).T @ x
        self._explained += self._residuals(rows, targets, weights).T @ x
        for column in columns:
            step = weights[:, column].astype(np.float64) - before[:, column]
            there = np.flatnonzero(step)
            self._sums[column] += ((x[there] * step[there, None]).T @ x[there]).astype(np.float32)
        self._targets[rows], self._weights[rows] = targets, weights
        self._is_shared[rows] = _is_shared(targets >= 0)

    def _sum_shared(self) -> None:
        """The inverse of the sum of the shared photos."""
        total = PENALTY * np.eye(self._dim)
        shared = np.flatnonzero(self._is_shared[: self._count])
        for start in range(0, len(shared), _BLOCK_ROWS):
            x = self._centred(shared[start : start + _BLOCK_ROWS])
            total += x.T @ x
        self._inverse = np.linalg.inv(total) if len(shared) else np.eye(self._dim) / PENALTY

    def _share(self, x: NDArray[np.float64], sign: float) -> None:
        """Add a photo to the shared ones, or take it from them (Sherman and Morrison)."""
        a = self._inverse @ x
        factor = sign / (1 + sign * float(x @ a))
        self._inverse -= factor * np.outer(a, a)
        for kept in self._corrections.values():
            if kept.common and kept.rows:
                u = self._centred(kept.rows) @ a
                kept.inner -= factor * np.outer(u, u)

    def _correct(
        self, column: int, kept: _Corrections, row: int, delta: float, x: NDArray[np.float64]
    ) -> None:
        place = kept.rows.index(row) if row in kept.rows else -1
        if place >= 0 and delta:
            kept.deltas[place] = delta
        elif place >= 0:
            del kept.rows[place], kept.deltas[place]
            kept.inner = np.delete(np.delete(kept.inner, place, 0), place, 1)
        elif delta:
            if len(kept.rows) >= self._most_rows:
                del self._corrections[column]  # another way may be shorter now
                return
            across = self._centred(kept.rows) @ self._without_common(x[None], kept.common)[0]
            own = float(self._without_common(x[None], kept.common)[0] @ x)
            kept.inner = np.block(
                [[kept.inner, across[:, None]], [across[None], np.array([[own]])]]
            )
            kept.rows.append(row)
            kept.deltas.append(delta)

    # --------------------------------------------------------------------------- solving

    @property
    def _most_rows(self) -> int:
        return int(_MAX_ROWS * len(self._mean))

    def _without_common(self, x: NDArray[np.float64], common: bool) -> NDArray[np.float64]:
        """(k, D) rows times the inverse of the common sum."""
        return x @ self._inverse if common else x / PENALTY

    def offsets(self, columns: NDArray[np.int64] | None = None) -> Offsets:
        """What is added to the weights of these classes (None: all of them, in order)."""
        if columns is None:
            columns = np.arange(len(self._soft))
        parts: list[Offsets] = []
        for start in range(0, len(columns), _CLASSES_AT_ONCE):
            parts.append(self._offsets(columns[start : start + _CLASSES_AT_ONCE]))
            self._forget_old_corrections()
        if len(parts) == 1:
            return parts[0]
        none = np.empty((0, self._dim), np.float32)
        return Offsets(
            np.concatenate([none, *(part.embeddings for part in parts)]),
            np.concatenate([none[:, 0], *(part.logits for part in parts)]),
        )

    def _forget_old_corrections(self) -> None:
        """Keep the corrections of the classes that were asked for last."""
        taken = sum(kept.inner.nbytes for kept in self._corrections.values())
        for column in list(self._corrections):
            if taken <= _MOST_BYTES:
                break
            taken -= self._corrections.pop(column).inner.nbytes

    def _offsets(self, columns: NDArray[np.int64]) -> Offsets:
        solved = np.zeros((len(columns), self._dim))
        ways = [self._way(int(column)) for column in columns]
        for common in (True, False):
            places = [
                place
                for place, way in enumerate(ways)
                if isinstance(way, _Corrections) and way.common is common
            ]
            if places:
                solved[places] = self._corrected(columns[places], common)
        for place, way in enumerate(ways):
            if not isinstance(way, _Corrections):
                # In double precision, to which both are turned.
                solved[place] = np.linalg.solve(way, self._explained[columns[place]])
        # Nothing is learned where no verdict is left; rounding would leave traces of former ones.
        examples, some = self._examples(columns)
        solved[~some] = 0.0
        solved *= (STEP * ((examples + 1.0) / 2) ** GROWTH)[:, None]
        directions = solved / self._scales[columns, None]
        logits = -(solved @ self._mean)
        return Offsets(directions.astype(np.float32), logits.astype(np.float32))

    def _examples(
        self, columns: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """(k,) the sum of the weights of the present verdicts, and whether there is any verdict."""
        examples = np.zeros(len(columns))
        some = np.zeros(len(columns), np.bool_)
        for start in range(0, self._count, _COUNTED_ROWS):
            part = slice(start, min(start + _COUNTED_ROWS, self._count))
            weights = self._weights[part][:, columns]
            present = self._targets[part][:, columns] == 1
            examples += np.where(present, weights, weights.dtype.type(0)).sum(0, np.float64)
            some |= weights.any(axis=0)
        return examples, some

    def _corrected(self, columns: NDArray[np.int64], common: bool) -> NDArray[np.float64]:
        explained = self._explained[columns]
        start = self._without_common(explained, common)
        taken = np.zeros_like(explained)
        for place, column in enumerate(columns.tolist()):
            kept = self._corrections[column]
            if kept.rows:
                u = self._centred(kept.rows)
                inner = kept.inner + np.diag(1 / np.array(kept.deltas))
                taken[place] = np.linalg.solve(inner, u @ start[place]) @ u
        return start - self._without_common(taken, common)

    def _way(self, column: int) -> _Corrections | NDArray[np.float32]:
        """What a class is solved with: its corrections or, where these are many, its own sum."""
        if column in self._corrections:
            self._corrections[column] = kept = self._corrections.pop(column)
            return kept
        weights = self._weights[: self._count, column].astype(np.float64)
        beyond = weights - self._is_shared[: self._count]
        alone, corrected = np.flatnonzero(weights), np.flatnonzero(beyond)
        common = len(corrected) < len(alone)
        rows, deltas = (corrected, beyond) if common else (alone, weights)
        if len(rows) <= self._most_rows:
            x = self._centred(rows)
            inner = self._without_common(x, common) @ x.T
            kept = _Corrections(common, rows.tolist(), deltas[rows].tolist(), inner)
            self._corrections[column] = kept
            self._sums.pop(column, None)
            return kept
        total = self._sums.pop(column, None)
        if total is None:
            total = self._sum_of(alone, weights)
        while len(self._sums) >= _MAX_SUMS:
            del self._sums[next(iter(self._sums))]
        self._sums[column] = total
        return total

    def _sum_of(self, rows: Rows, weights: NDArray[np.float64]) -> NDArray[np.float32]:
        """(D, D), of these photos with these of the weights of all.

        Blocks are multiplied in single precision, and as a matrix by itself: together 2.5 times as
        fast as in double precision (15,000 photos, D = 512).
        """
        total = PENALTY * np.eye(self._dim)
        mean, roots = self._mean.astype(np.float32), np.sqrt(weights).astype(np.float32)
        for start in range(0, len(rows), _BLOCK_ROWS):
            part = rows[start : start + _BLOCK_ROWS]
            x = (self._x[part] - mean) * roots[part, None]
            total += x.T @ x
        return total.astype(np.float32)


def _is_shared(known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n,) whether a photo is among the shared ones: it has verdicts on most of its classes."""
    return 2 * known.sum(axis=1) > known.shape[1]


def _grown(old: NDArray[Any], capacity: int, other: float) -> NDArray[Any]:
    # Zeros that nobody has written take no memory: a third of the rows may never be needed.
    made = np.zeros((capacity, *old.shape[1:]), old.dtype)
    made[: len(old)] = old
    if other:
        made[len(old) :] = other
    return made
