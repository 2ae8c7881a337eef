"""Turns cosines into probabilities of presence: ``sigmoid(scale * cos + bias)``.

Fitted on Flickr8k photos the teacher never saw, with the things their captions name as labels. A
logistic fit gives true frequencies, but of some eighty things a photo shows three, so hardly any
score would reach a half. The app shows what scores at least 0.5; therefore the slope is the
logistic fit's and the bias is moved until 0.5 is the threshold with the best F1, photos and
classes pooled. A score is thus a confidence relative to that threshold, not a frequency.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression


@dataclass(frozen=True)
class Calibration:
    """``score = sigmoid(scale * cosine + bias)``; ``true_bias`` would give frequencies."""

    scale: float
    bias: float
    true_bias: float

    def scores(self, cosines: np.ndarray) -> np.ndarray:
        """Cosines of any shape -> float64 scores in [0, 1] of the same shape."""
        return 1 / (1 + np.exp(-(self.scale * cosines.astype(np.float64) + self.bias)))


def pooled_f1(predicted: np.ndarray, labels: np.ndarray) -> float:
    """F1 over all entries of two bool arrays of one shape; 0 where nothing is right."""
    hits = float((predicted & labels).sum())
    return 2 * hits / max(1.0, float(predicted.sum()) + float(labels.sum()))


def best_threshold(cosines: np.ndarray, labels: np.ndarray) -> float:
    """The cosine from which calling a class present gives the best pooled F1."""
    candidates = np.quantile(cosines, np.linspace(0.70, 0.999, 300))
    return float(max(candidates, key=lambda t: pooled_f1(cosines >= t, labels)))


def fit_calibration(cosines: np.ndarray, labels: np.ndarray) -> Calibration:
    """Fit to (N, C) cosines and (N, C) bool labels: logistic slope, F1's threshold at 0.5."""
    fit = LogisticRegression(C=1e6, max_iter=1000).fit(cosines.reshape(-1, 1), labels.ravel())
    scale = float(fit.coef_[0, 0])
    return Calibration(scale, -scale * best_threshold(cosines, labels), float(fit.intercept_[0]))
