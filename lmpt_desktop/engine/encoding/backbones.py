"""The backbones to offer (Qt-free)."""

from __future__ import annotations

from dataclasses import dataclass

from lmpt_desktop.translation import _
from trainer.suggested import LITE, SUGGESTED, is_downloaded

DEFAULT_BACKBONE = LITE


@dataclass(frozen=True)
class BackboneInfo:
    """A backbone the user can choose.

    ``available``: no download is needed; ``download_bytes`` is 0 if unknown.
    """

    name: str
    title: str
    note: str
    download_bytes: int
    available: bool


def offered_backbones(current: str) -> list[BackboneInfo]:
    """The suggested backbones, then the current one if it is not among them."""
    offered = [
        BackboneInfo(
            item.name, item.title, _(item.note), item.download_bytes, is_downloaded(item.name)
        )
        for item in SUGGESTED
    ]
    if current not in {item.name for item in offered}:
        available = is_downloaded(current)
        offered.append(BackboneInfo(current, current, _("Chosen by you."), 0, available))
    return offered
