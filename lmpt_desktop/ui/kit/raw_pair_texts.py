"""What is said of raw files that lie beside a photo of the same name (Qt-free)."""

from __future__ import annotations

from lmpt_desktop.domain.raw_pairs import PairFigures
from lmpt_desktop.translation import _, ngettext, number


def together_text(pairs: int) -> str:
    """How many raw files are part of a photo now."""
    return ngettext(
        "{count} raw file is shown as part of its photo.",
        "{count} raw files are shown as part of their photos.",
        pairs,
    ).format(count=number(pairs))


def preview_text(figures: PairFigures) -> str:
    """What showing raw files as part of their photos would change."""
    if not figures.pairs:
        return _("No raw file lies beside a photo of the same name.")
    parts = [
        ngettext(
            "{count} raw file lies beside a photo of the same name.",
            "{count} raw files lie beside a photo of the same name.",
            figures.pairs,
        ).format(count=number(figures.pairs))
    ]
    if figures.with_verdicts:
        parts.append(
            ngettext(
                "You have annotated {count} of them: its photo gets these verdicts, too.",
                "You have annotated {count} of them: their photos get these verdicts, too.",
                figures.with_verdicts,
            ).format(count=number(figures.with_verdicts))
        )
    if figures.contradicting:
        parts.append(
            ngettext(
                "{count} contradicts its photo: the verdicts on the photo count.",
                "{count} contradict their photos: the verdicts on the photos count.",
                figures.contradicting,
            ).format(count=number(figures.contradicting))
        )
    if figures.with_verdicts:
        parts.append(_("The raw files keep theirs, and show them when they are apart again."))
    return " ".join(parts)
