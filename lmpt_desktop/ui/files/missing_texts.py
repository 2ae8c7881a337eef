"""What the page of missing photos says (Qt-free)."""

from __future__ import annotations

import math

from lmpt_desktop.catalogue.missing import MissingImage, TransferPreview
from lmpt_desktop.engine.files.candidates import Candidate, CandidateKind
from lmpt_desktop.engine.files.missing import MissingList, MoveAct, MovePlan
from lmpt_desktop.translation import N_, _, join_names, ngettext, number
from lmpt_desktop.ui.kit.texts import annotations_text, photos_text

_KINDS = {
    CandidateKind.PICTURE: N_("same picture"),
    CandidateKind.PLACE: N_("now at its place"),
    CandidateKind.FOLDER: N_("in the moved folder"),
    CandidateKind.NAME: N_("same file name"),
    CandidateKind.ALIKE: N_("looks alike"),
}


def headline(listed: MissingList) -> str:
    """ "12 photos with 214 annotations are missing"."""
    count = len(listed.photos)
    if not listed.annotations:
        text = ngettext("{count} photo is missing", "{count} photos are missing", count)
        return text.format(count=number(count))
    return ngettext(
        "{count} photo with {annotations} is missing",
        "{count} photos with {annotations} are missing",
        count,
    ).format(count=number(count), annotations=annotations_text(listed.annotations))


def given_text(photo: MissingImage) -> str:
    """What the user has given a photo: "3 present, 1 absent, reviewed, caption"."""
    parts: list[str] = []
    if photo.present:
        parts.append(_("{count} present").format(count=number(photo.present)))
    if photo.absent:
        parts.append(_("{count} absent").format(count=number(photo.absent)))
    if photo.reviewed:
        parts.append(_("reviewed"))
    if photo.caption:
        parts.append(_("caption"))
    return ", ".join(parts)


def kind_text(kind: CandidateKind) -> str:
    """Why a photo is offered."""
    return _(_KINDS[kind])


def likeness_text(candidate: Candidate) -> str:
    """ "97 %"; rounded down, so that nothing that differs has 100 %; "" if unknown."""
    if candidate.likeness is None:
        return ""
    return _("{count} %").format(count=number(math.floor(candidate.likeness * 100)))


def why_offered(candidate: Candidate) -> str:
    """ "same file name, 97 % alike", for a screen reader."""
    kind = kind_text(candidate.kind)
    if candidate.likeness is None or candidate.kind is CandidateKind.PICTURE:
        return kind
    if candidate.kind is CandidateKind.ALIKE:
        return _("{likeness} alike").format(likeness=likeness_text(candidate))
    return _("{kind}, {likeness} alike").format(kind=kind, likeness=likeness_text(candidate))


def as_line(text: str) -> str:
    """``text`` with a capital letter, for a line of its own."""
    return text[:1].upper() + text[1:]


def give_text(count: int) -> str:
    """The button."""
    if not count:
        return _("&Give annotations...")
    return ngettext(
        "&Give annotations to {count} photo...", "&Give annotations to {count} photos...", count
    ).format(count=number(count))


def preview_sentences(told: TransferPreview, asked: int) -> list[str]:
    """What will happen, in a few sentences."""
    parts: list[str] = []
    if told.annotations:
        parts.append(annotations_text(told.annotations))
    if told.reviewed:
        parts.append(
            ngettext("{count} reviewed mark", "{count} reviewed marks", told.reviewed).format(
                count=number(told.reviewed)
            )
        )
    if told.captions:
        parts.append(
            ngettext("{count} caption", "{count} captions", told.captions).format(
                count=number(told.captions)
            )
        )
    sentences: list[str] = []
    if parts:
        sentences.append(
            ngettext(
                "{what} of {count} missing photo will be given to the photo found.",
                "{what} of {count} missing photos will be given to the photos found.",
                told.photos,
            ).format(what=join_names(parts), count=number(told.photos))
        )
    else:
        sentences.append(_("Nothing can be given to these photos."))
    if told.contradictions:
        sentences.append(
            ngettext(
                "{count} verdict contradicts the annotations of the photo found. It stays "
                "with the missing photo, which stays in this list.",
                "{count} verdicts contradict the annotations of the photos found. They stay "
                "with the missing photos, which stay in this list.",
                told.contradictions,
            ).format(count=number(told.contradictions))
        )
    if told.photos < asked:
        sentences.append(
            ngettext(
                "{count} photo is left out: it or the missing photo has changed meanwhile.",
                "{count} photos are left out: they or the missing photos have changed meanwhile.",
                asked - told.photos,
            ).format(count=number(asked - told.photos))
        )
    if told.captions:
        sentences.append(_("You can undo this, except for captions."))
    elif parts:
        sentences.append(_("You can undo this."))
    return sentences


def plan_sentences(plan: MovePlan) -> list[str]:
    """What will happen if a folder is at its new place, in a few sentences."""
    count = plan.folder.photos
    if plan.looked < count:
        found = _("Of the first {looked} missing photos, {found} are there by name and size.")
    elif plan.found == count:
        found = ngettext(
            "The missing photo is there, by name and size.",
            "All {count} missing photos are there, by name and size.",
            count,
        )
    elif plan.found:
        found = _("{found} of {count} missing photos are there, by name and size.")
    else:
        found = _(
            "None of the missing photos is there under its old name. Photos that were renamed are "
            "recognised by their picture."
        )
    sentences = [
        found.format(count=number(count), found=number(plan.found), looked=number(plan.looked))
    ]
    if plan.act is MoveAct.RELOCATE:
        sentences.append(
            _("The library will look for this folder there from now on, and scan it at once.")
        )
    elif plan.act is MoveAct.SCAN:
        sentences.append(_("This place belongs to the library already; it will be scanned again."))
    else:
        sentences.append(_("This place will be added to the library and scanned."))
    sentences.append(
        _("Photos that are found get their annotations back. Nothing is deleted or moved on disk.")
    )
    return sentences


def folder_text(relative: str, name: str, photos: int) -> str:
    """A folder to choose from: "trip/day 1 (12 photos)"."""
    return _("{folder} ({photos})").format(folder=relative or name, photos=photos_text(photos))
