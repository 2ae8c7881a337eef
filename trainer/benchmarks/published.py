"""Published figures on VOC-LT and COCO-LT (imports no torch).

Only figures that we have seen, each with its source; None where we have not.  Totals of LMPT are
its paper's, as listed at sotaverified.org ("COCO-MLT", "VOC-MLT"), which has no bands; the figures
of DB loss are in the README of its authors' repository, bands included.  The tables of CPRFL,
CAPNET and LM-CLIP were not within our reach, and second-hand summaries are not a source.
"""

from __future__ import annotations

from dataclasses import dataclass

from trainer.events import BandScores

LMPT_PAPER = "arXiv 2305.04536"
LMPT_TOTALS = "arXiv 2305.04536, by sotaverified.org"
DB_LOSS_README = "arXiv 2007.09654, authors' README"


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
        PublishedRow("DB loss", "ResNet-50", _scores(78.94, 73.22, 84.18, 79.30), DB_LOSS_README),
        PublishedRow("LMPT", "ResNet-50", _scores(85.44), LMPT_TOTALS),
        PublishedRow("LMPT", "ViT-B/16", _scores(87.88), LMPT_TOTALS),
    ),
    "coco-lt": (
        PublishedRow("zero-shot CLIP", "ViT-B/16", _scores(), LMPT_PAPER),
        PublishedRow("DB loss", "ResNet-50", _scores(53.55, 51.13, 57.05, 51.06), DB_LOSS_README),
        PublishedRow("LMPT", "ResNet-50", _scores(58.97), LMPT_TOTALS),
        PublishedRow("LMPT", "ViT-B/16", _scores(66.19), LMPT_TOTALS),
    ),
}

_LATER = (
    "Later and not in the table, because we have not seen their figures: CPRFL (arXiv 2408.08125), "
    "CAPNET (arXiv 2511.20641), LM-CLIP (IEEE Access 2025; its abstract: {gain} points above the "
    "best before it)."
)
NOTES: dict[str, str] = {
    "voc-lt": _LATER.format(gain="4.66"),
    "coco-lt": _LATER.format(gain="8.14"),
}
