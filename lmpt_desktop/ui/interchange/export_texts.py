"""What an export is said to do, in sentences (Qt-free)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lmpt_desktop.engine.interchange.exports import ExportPreview, ExportResult
from lmpt_desktop.engine.interchange.side_files import (
    SideFileChange,
    SideFilePreview,
    SideFileReport,
    SideFileStatus,
)
from lmpt_desktop.interchange.exporting.exporter import ExportCounts
from lmpt_desktop.interchange.format import Format, Loss, Target
from lmpt_desktop.translation import N_, _, ngettext, number
from lmpt_desktop.ui.kit.texts import photos_text, predictions_text
from trainer.printable import isolated

MOST_KEYWORDS = 12
"""Keywords of a side file that are listed in a cell."""

_STATUSES: dict[SideFileStatus, str] = {
    SideFileStatus.NEW: N_("New"),
    SideFileStatus.CHANGE: N_("Changed"),
    SideFileStatus.DELETE: N_("Removed: only we wrote to it"),
    SideFileStatus.SAME: N_("As it should be"),
    SideFileStatus.BLOCKED: N_("Left alone"),
}


# --------------------------------------------------------------------------- one file or folder


def place_text(format_: Format) -> str:
    """What an export in this format makes."""
    if format_.target is Target.BESIDE_PHOTOS:
        return _("Writes a small file beside each photo. The photos stay untouched.")
    if format_.target is Target.FOLDER:
        return _("Writes a folder with several files.")
    return _("Writes one file ({suffix}).").format(suffix=format_.suffixes[0])


def written_photos(counts: ExportCounts) -> int:
    """How many photos the file will have."""
    left_out = sum(item.count for item in counts.losses if item.loss is Loss.EMPTY_IMAGE)
    return counts.photos - left_out


def summary_text(preview: ExportPreview) -> str:
    """ "Writes 538 photos: 1,204 present, 312 absent", or why there is nothing to write."""
    counts = preview.counts
    if not counts.photos:
        return _("No photo is chosen, so there is nothing to write.")
    written = written_photos(counts)
    if not written:
        return _("Nothing to write: this format has nothing to say of these photos.")
    parts = [
        _("{count} present").format(count=number(counts.present)),
        _("{count} absent").format(count=number(counts.absent)),
    ]
    if counts.predictions:
        parts.append(predictions_text(counts.predictions))
    return _("Writes {photos}: {parts}").format(photos=photos_text(written), parts=", ".join(parts))


def losses_text(count: int) -> str:
    """Said beside the summary, where the losses themselves may be out of sight."""
    return ngettext(
        "{count} thing cannot be held, see above.",
        "{count} things cannot be held, see above.",
        count,
    ).format(count=number(count))


def without_scores_text(count: int) -> str:
    """Photos that have no predictions; "" if there are none."""
    if not count:
        return ""
    return ngettext(
        "{count} photo has no predictions: the model has not read it yet.",
        "{count} photos have no predictions: the model has not read them yet.",
        count,
    ).format(count=number(count))


def exported_text(photos: int, path: Path) -> str:
    """ "538 photos written to annotations.json"."""
    return ngettext(
        "{count} photo written to {name}", "{count} photos written to {name}", photos
    ).format(count=number(photos), name=path.name)


def differences_title(result: ExportResult) -> str:
    """A headline for a file that is not what it should be."""
    return ngettext(
        "The written file differs from the library in {count} place",
        "The written file differs from the library in {count} places",
        len(result.differences),
    ).format(count=number(len(result.differences)))


# -------------------------------------------------------------------------------- side files


def status_text(change: SideFileChange) -> str:
    """What becomes of a side file, in a cell."""
    if change.status is SideFileStatus.BLOCKED:
        return _("{what}: {reason}").format(what=_(_STATUSES[change.status]), reason=change.reason)
    if change.status is SideFileStatus.CHANGE and change.foreign:
        return _("Changed; another program's, copied first")
    return _(_STATUSES[change.status])


def keywords_text(present: tuple[str, ...], absent: tuple[str, ...]) -> str:
    """ "dog, person; absent: cat"."""
    parts = []
    if present:
        parts.append(_listed(present))
    if absent:
        parts.append(_("absent: {names}").format(names=_listed(absent)))
    return "; ".join(parts)


def _listed(names: tuple[str, ...]) -> str:
    text = ", ".join(map(isolated, names[:MOST_KEYWORDS]))
    return f"{text}, …" if len(names) > MOST_KEYWORDS else text


@dataclass(frozen=True)
class SideFileFacts:
    """What is counted of a preview, of which there may be 100,000 rows.

    Attributes:
        counts: side files of each status.
        foreign: those of other programs that would be changed.
        contradicted: those with keywords that are absent in the library, and stay.
        adds, removes: whether any gains or loses keywords.
    """

    counts: Mapping[SideFileStatus, int]
    foreign: int
    contradicted: int
    adds: bool
    removes: bool

    @property
    def to_write(self) -> int:
        """How many side files would be made, changed or removed."""
        kinds = (SideFileStatus.NEW, SideFileStatus.CHANGE, SideFileStatus.DELETE)
        return sum(self.counts.get(kind, 0) for kind in kinds)


def facts_of(preview: SideFilePreview) -> SideFileFacts:
    """Count what there is to say of a preview."""
    return SideFileFacts(
        preview.counts(),
        preview.foreign,
        sum(bool(change.contradicted) for change in preview.changes),
        any(change.added or change.absent_added for change in preview.changes),
        any(change.removed or change.absent_removed for change in preview.changes),
    )


def side_files_text(count: int) -> str:
    """ "1 side file", "538 side files"."""
    return ngettext("{count} side file", "{count} side files", count).format(count=number(count))


def side_file_counts(facts: SideFileFacts) -> str:
    """ "Side files: 500 new, 38 changed, 3 left alone"."""
    counts = facts.counts
    parts = [
        text.format(count=number(counts[status]))
        for status, text in (
            (SideFileStatus.NEW, _("{count} new")),
            (SideFileStatus.CHANGE, _("{count} changed")),
            (SideFileStatus.DELETE, _("{count} removed")),
            (SideFileStatus.SAME, _("{count} as they should be")),
            (SideFileStatus.BLOCKED, _("{count} left alone")),
        )
        if counts.get(status)
    ]
    return _("Side files: {parts}").format(parts=", ".join(parts)) if parts else ""


def side_file_notes(facts: SideFileFacts) -> str:
    """What else there is to know before they are written, a sentence each, or ""."""
    sentences = []
    if count := facts.foreign:
        sentences.append(
            ngettext(
                "{count} of them was written by another program; a copy is kept of it first, and "
                "its own entries stay.",
                "{count} of them were written by other programs; copies are kept of them first, "
                "and their own entries stay.",
                count,
            ).format(count=number(count))
        )
    if count := facts.contradicted:
        sentences.append(
            ngettext(
                "In {count} a keyword of another program stays that is absent in the library.",
                "In {count} keywords of other programs stay that are absent in the library.",
                count,
            ).format(count=number(count))
        )
    return " ".join(sentences)


def side_file_summary(facts: SideFileFacts, *, removing: bool) -> str:
    """What pressing the button does, or why it does nothing."""
    count = facts.to_write
    if count and removing:
        return ngettext(
            "What was written is taken back from {count} side file.",
            "What was written is taken back from {count} side files.",
            count,
        ).format(count=number(count))
    if count:
        return ngettext("Writes {count} side file.", "Writes {count} side files.", count).format(
            count=number(count)
        )
    if facts.counts.get(SideFileStatus.BLOCKED):
        return _("Nothing to write: the side files are left alone, for the reasons listed.")
    if removing:
        return _("Nothing to take back: no side file has anything that was written here.")
    if not facts.counts:
        return _("Nothing to write: none of these photos has an annotation.")
    return _("Nothing to write: all side files are as they should be.")


def side_file_button(facts: SideFileFacts | None, *, removing: bool) -> str:
    """ "Write 538 side files"."""
    count = facts.to_write if facts is not None else 0
    if removing:
        if not count:
            return _("&Take back")
        return _("&Take back from {files}").format(files=side_files_text(count))
    if not count:
        return _("&Write side files")
    return _("&Write {files}").format(files=side_files_text(count))


def side_files_done(report: SideFileReport, *, removing: bool) -> str:
    """A headline for what was done."""
    if removing:
        count = report.written + report.deleted
        return ngettext(
            "Taken back from {count} side file",
            "Taken back from {count} side files",
            count,
        ).format(count=number(count))
    return ngettext(
        "{count} side file written", "{count} side files written", report.written
    ).format(count=number(report.written))


def side_files_message(report: SideFileReport) -> str:
    """What else there is to say of it, a sentence each."""
    sentences = []
    if report.cancelled:
        sentences.append(_("It was cancelled; what was written by then stays."))
    if report.same:
        sentences.append(
            ngettext(
                "{count} was as it should be.", "{count} were as they should be.", report.same
            ).format(count=number(report.same))
        )
    if count := len(report.skipped):
        sentences.append(
            ngettext("{count} was left alone.", "{count} were left alone.", count).format(
                count=number(count)
            )
        )
    if report.copied:
        sentences.append(
            ngettext(
                "{count} side file of another program was copied first.",
                "{count} side files of other programs were copied first.",
                report.copied,
            ).format(count=number(report.copied))
        )
        sentences.append(_("The copies are in “{folder}”.").format(folder=report.copies))
    return " ".join(sentences) or _("The photos stay untouched.")
