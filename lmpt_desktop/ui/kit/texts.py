"""Words that many places show, in the user's language (Qt-free): bands, and counted things."""

from __future__ import annotations

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.translation import N_, _, ngettext, number
from trainer.bands import Band

_BANDS = {"total": N_("total"), "head": N_("head"), "medium": N_("medium"), "tail": N_("tail")}

_VERDICTS = {"PRESENT": N_("present"), "ABSENT": N_("absent"), "UNKNOWN": N_("unknown")}


def band_name(band: Band | str) -> str:
    """ "head", "medium", "tail", and "total" for all together."""
    return _(_BANDS[str(band.value if isinstance(band, Band) else band)])


def verdict_name(verdict: Verdict) -> str:
    """ "present", "absent", "unknown"."""
    return _(_VERDICTS[verdict.name])


def backbone_name(backbone: str) -> str:
    """What the user reads for a backbone: "Lite" for the bundled one, else its own name."""
    return "Lite" if backbone == "lite" else backbone


def photos_text(count: int) -> str:
    """ "1 photo", "1,200 photos"."""
    return ngettext("{count} photo", "{count} photos", count).format(count=number(count))


def images_text(count: int) -> str:
    """ "1 photo", "1,200 photos"."""
    return ngettext("{count} photo", "{count} photos", count).format(count=number(count))


def classes_text(count: int) -> str:
    """ "1 class", "1,200 classes"."""
    return ngettext("{count} class", "{count} classes", count).format(count=number(count))


def annotations_text(count: int) -> str:
    """ "1 annotation", "1,200 annotations"."""
    return ngettext("{count} annotation", "{count} annotations", count).format(count=number(count))


def predictions_text(count: int) -> str:
    """ "1 prediction", "1,200 predictions"."""
    return ngettext("{count} prediction", "{count} predictions", count).format(count=number(count))
