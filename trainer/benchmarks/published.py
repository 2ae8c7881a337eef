"""Published figures on VOC-LT and COCO-LT (imports no torch).

Only those in our notes (DESIGN section 4); None means "not in our notes".
"""

from __future__ import annotations

from dataclasses import dataclass

from trainer.events import BandScores

LMPT_PAPER = "arXiv 2305.04536"
DB_LOSS_PAPER = "arXiv 2007.09654"


@dataclass(frozen=True)
class PublishedRow:
    """A row of the paper's table; scores are mAP in [0, 1]."""

    method: str
    backbone: str
    scores: BandScores
    source: str


def _scores(
    total: float | None = None,
    head: float | None = None,
    medium: float | None = None,
    tail: float | None = None,
) -> BandScores:
    """From percentages."""
    values = (None if item is None else item / 100 for item in (total, head, medium, tail))
    return BandScores(*values)


PUBLISHED: dict[str, tuple[PublishedRow, ...]] = {
    "voc-lt": (
        PublishedRow("zero-shot CLIP", "ViT-B/16", _scores(), LMPT_PAPER),
        PublishedRow("DB loss", "ResNet-50", _scores(78.94, 73.22, 84.18, 79.30), DB_LOSS_PAPER),
        PublishedRow("LMPT", "ViT-B/16", _scores(87.88), LMPT_PAPER),
    ),
    "coco-lt": (
        PublishedRow("zero-shot CLIP", "ViT-B/16", _scores(), LMPT_PAPER),
        PublishedRow("DB loss", "ResNet-50", _scores(53.55, 51.13, 57.05, 51.06), DB_LOSS_PAPER),
        PublishedRow("LMPT", "ViT-B/16", _scores(66.19), LMPT_PAPER),
    ),
}

NOTES: dict[str, str] = {
    "voc-lt": (
        "LM-CLIP (IEEE Access 2025) reports 4.66 points above the best before it; its own "
        "figures are not in our notes."
    ),
    "coco-lt": (
        "LM-CLIP (IEEE Access 2025) reports 8.14 points above the best before it; its own "
        "figures are not in our notes."
    ),
}
