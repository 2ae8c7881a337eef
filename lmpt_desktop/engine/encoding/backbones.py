"""The backbones to offer (Qt-free)."""

from __future__ import annotations

from dataclasses import dataclass

from lmpt_desktop.translation import _, decimal
from trainer.suggested import (
    LITE,
    LITE_PLUS,
    SUGGESTED,
    SuggestedBackbone,
    is_downloaded,
    zero_shot_figures,
)


@dataclass(frozen=True)
class BackboneInfo:
    """A backbone the user can choose.

    ``available``: no download is needed; ``download_bytes`` is 0 if unknown.  ``licence`` is
    that of the weights, "" if unknown; ``research_only``: it does not allow every use.
    ``imagenet`` and ``source``: as in :class:`trainer.suggested.SuggestedBackbone`.
    """

    name: str
    title: str
    note: str
    download_bytes: int
    available: bool
    licence: str = ""
    research_only: bool = False
    imagenet: float | None = None
    source: str = ""


def offered_backbones(current: str) -> list[BackboneInfo]:
    """The suggested backbones, then the current one if it is not among them."""
    offered = [
        BackboneInfo(
            item.name,
            item.title,
            _note(item),
            item.download_bytes,
            is_downloaded(item.name),
            item.licence,
            item.research_only,
            item.imagenet,
            item.source,
        )
        for item in SUGGESTED
    ]
    if current not in {item.name for item in offered}:
        available = is_downloaded(current)
        offered.append(BackboneInfo(current, current, _("Chosen by you."), 0, available))
    return offered


def _note(item: SuggestedBackbone) -> str:
    return " ".join(
        filter(None, [_(item.note), lite_plus_gain() if item.name == LITE_PLUS else ""])
    )


def lite_plus_gain() -> str:
    """What Lite+ was measured to gain over Lite, in a sentence; "" if it was not measured."""
    figures = zero_shot_figures()
    lite, plus = figures.get(LITE), figures.get(LITE_PLUS)
    if lite is None or plus is None:
        return ""
    return _(
        "On {photos} photos of COCO, mAP without training: {coco_plus} % instead of {coco_lite} % "
        "for COCO's 80 classes, {voc_plus} % instead of {voc_lite} % for VOC's 20."
    ).format(
        photos=plus.photos,
        coco_plus=decimal(plus.coco80),
        coco_lite=decimal(lite.coco80),
        voc_plus=decimal(plus.voc20),
        voc_lite=decimal(lite.voc20),
    )


def backbone_title(name: str) -> str:
    """What the user reads for a backbone: its title in the list of suggestions, else its name."""
    return next((item.title for item in SUGGESTED if item.name == name), name)
