"""Calibrate cosines to scores: ``sigmoid(scale * cos + bias)``.

Fitted on Flickr8k photos that were not used for training, with the things named in their captions
as labels. A logistic regression gives true frequencies, but a photo shows about three of eighty
things, so hardly any score would reach 0.5, from which the app shows a class. Therefore the slope
is that of the logistic regression, and the bias makes 0.5 the threshold with the best F1 over all
photos and classes. A score is a confidence relative to that threshold, not a frequency.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression


@dataclass(frozen=True)
class Calibration:
    """``score = sigmoid(scale * cosine + bias)``; ``frequency_bias`` gives frequencies."""

    scale: float
    bias: float
    frequency_bias: float

    def scores(self, cosines: np.ndarray) -> np.ndarray:
        """Cosines of any shape -> float64 scores in [0, 1] of the same shape."""
        return 1 / (1 + np.exp(-(self.scale * cosines.astype(np.float64) + self.bias)))


def pooled_f1(predicted: np.ndarray, labels: np.ndarray) -> float:
    """F1 over all entries of two bool arrays of equal shape; 0 without a true positive."""
    hits = float((predicted & labels).sum())
    return 2 * hits / max(1.0, float(predicted.sum()) + float(labels.sum()))


def best_threshold(cosines: np.ndarray, labels: np.ndarray) -> float:
    """The cosine threshold with the best pooled F1."""
    candidates = np.quantile(cosines, np.linspace(0.70, 0.999, 300))
    return float(max(candidates, key=lambda t: pooled_f1(cosines >= t, labels)))


def fit_calibration(cosines: np.ndarray, labels: np.ndarray) -> Calibration:
    """Fit to (N, C) cosines and (N, C) bool labels: logistic slope, best F1 at score 0.5."""
    fit = LogisticRegression(C=1e6, max_iter=1000).fit(cosines.reshape(-1, 1), labels.ravel())
    scale = float(fit.coef_[0, 0])
    return Calibration(scale, -scale * best_threshold(cosines, labels), float(fit.intercept_[0]))
