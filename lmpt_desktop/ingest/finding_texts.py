"""Names and explanations of the findings of verifying a library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lmpt_desktop.ingest.verify import Finding, FindingKind
from lmpt_desktop.translation import N_, _, ngettext, number


@dataclass(frozen=True)
class KindText:
    """What a kind of finding is called, what it means, and what to do."""

    title: str
    meaning: str
    advice: str = ""


KIND_TEXTS: Mapping[FindingKind, KindText] = {
    FindingKind.DAMAGED: KindText(
        N_("Damaged"),
        N_(
            "These files have other content than before, although nothing shows that a program "
            "has changed them. Failing disks and interrupted copies do this."
        ),
        N_(
            "Restore them from a backup, and have the disk checked if there are several. "
            "A restored photo is recognised and has all its annotations."
        ),
    ),
    FindingKind.UNREADABLE: KindText(
        N_("Cannot be read"),
        N_("These files could not be read, or what is in them is no photo."),
        N_("The table says why. Their annotations are kept."),
    ),
    FindingKind.GONE: KindText(
        N_("Gone"),
        N_("These files are not where they were. They were deleted, moved or renamed."),
        N_(
            "Choose 'Look for new photos' in the File menu: moved photos are found again. The "
            "annotations of the others are kept, under 'Missing photos' in the View menu."
        ),
    ),
    FindingKind.UNREACHABLE: KindText(
        N_("Disk not connected"),
        N_("These folders are on a disk that is not connected. Their photos were not read."),
        N_("Connect the disk and verify again."),
    ),
    FindingKind.ALTERED: KindText(
        N_("Changed without a new date"),
        N_(
            "A program has changed the metadata of these photos, such as orientation or rating, "
            "and kept the date of the file. The pictures are as they were."
        ),
        N_("Take over the changes, so that the photos are shown as they are now."),
    ),
    FindingKind.CHANGED: KindText(
        N_("Changed"),
        N_("These photos were changed since the last scan, and have a new date."),
        N_("There is nothing to do: the next scan takes over the changes."),
    ),
    FindingKind.ONLINE_ONLY: KindText(
        N_("Online only"),
        N_("The content of these files is not on this computer, so they were not read."),
        N_("Download them in your cloud program and verify again, if you want them verified."),
    ),
    FindingKind.FIRST_READ: KindText(
        N_("Read for the first time"),
        N_(
            "An earlier version had read only parts of these photos. From now on they can be "
            "compared."
        ),
    ),
    FindingKind.FINE: KindText(N_("As they were"), N_("These photos are as they were.")),
}  # fmt: skip


def detail(finding: Finding) -> str:
    """More about one finding, a sentence in the user's language; may be ""."""
    if finding.kind is FindingKind.UNREADABLE:
        return _(finding.reason)
    if finding.kind is FindingKind.UNREACHABLE:
        return ngettext(
            "{count} photo was not read.", "{count} photos were not read.", finding.photos
        ).format(count=number(finding.photos))
    if finding.kind is FindingKind.DAMAGED:
        return _damage(finding)
    if finding.kind is FindingKind.CHANGED and finding.same_picture is not None:
        return _("Only metadata changed") if finding.same_picture else _("Picture changed")
    return ""


def _damage(finding: Finding) -> str:
    if finding.reason:
        return _("Cannot be opened: {reason}").format(reason=_(finding.reason))
    if finding.same_picture:
        return _("Only metadata damaged; the picture is as it was.")
    if finding.same_picture is None:
        return _("Can be opened; whether the picture has changed is not known.")
    return _("Picture damaged; it can be opened, but may look wrong.")
