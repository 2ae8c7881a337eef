"""The weights and margins that the training losses derive from the number of examples per class.

The same formulas as ``trainer/losses.py``, in numpy, because the window never loads torch; a test
compares the two.  Wu et al., ECCV 2020 (arXiv 2007.09654); LMPT (arXiv 2305.04536), section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.options import FitOptions

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LossFigures:
    """(C,) float64 each; NaN for a class without an example, which training leaves out.

    Attributes:
        weights: w_i = n_i^-gamma / sum_j n_j^-gamma, of the embedding loss; they sum to 1.
        margins: margin * n_i^(-1/4), the cosine distance up to which a caption is pushed away
            from the prompt of a class that is not in its image.
        balance: the mean over the class's present annotations of the re-balanced weight
            alpha + sigmoid(beta (r - mu)) of the distribution-balanced loss.
    """

    weights: FloatArray
    margins: FloatArray
    balance: FloatArray


def loss_figures(
    present: NDArray[np.int64],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    options: FitOptions | None = None,
) -> LossFigures:
    """Figures of C classes.

    Args:
        present: (C,) present annotations, n_i.
        rows, columns: (P,) the image and class of every present annotation; images are
            numbered from 0.
        options: the switches of the losses; the paper's method by default.
    """
    options = options or FitOptions()
    seen = present > 0
    counts = np.maximum(present, 1).astype(np.float64)
    weights = np.where(seen, counts**-options.reweight_gamma if options.reweight else 1.0, 0.0)
    weights /= max(float(weights.sum()), np.finfo(np.float64).tiny)
    margins = options.margin * (counts**-0.25 if options.soft_margin else np.ones_like(counts))
    nothing = np.where(seen, 0.0, np.nan)
    return LossFigures(
        weights=weights + nothing,
        margins=margins + nothing,
        balance=_mean_balance(counts, rows, columns, options) + nothing,
    )


def _mean_balance(
    counts: FloatArray,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    options: FitOptions,
) -> FloatArray:
    if not len(rows):
        return np.zeros_like(counts)
    inverse = 1.0 / counts
    of_pair = inverse[columns]
    ratio = of_pair / np.bincount(rows, weights=of_pair)[rows]
    smooth = options.alpha + 1.0 / (1.0 + np.exp(-options.beta * (ratio - options.mu)))
    return np.bincount(columns, weights=smooth, minlength=len(counts)) * inverse
