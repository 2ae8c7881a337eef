"""What an act on many photos will change, and what it has changed, in a sentence (Qt-free)."""

from __future__ import annotations

import numpy as np

from lmpt_desktop.catalogue.records import distinct
from lmpt_desktop.domain.records import Batch, Verdict
from lmpt_desktop.inference.verdict_outcome import Outcome
from lmpt_desktop.translation import _, ngettext, number
from lmpt_desktop.ui.kit.texts import photos_text


def verdict_sentence(outcome: Outcome, name: str, verdict: Verdict) -> str:
    """ "dining table present in 532 photos; 6 already"."""
    texts = {
        Verdict.PRESENT: _("{name} present in {photos}"),
        Verdict.ABSENT: _("{name} absent in {photos}"),
        Verdict.UNKNOWN: _("{name} unknown in {photos}"),
    }
    text = texts[verdict].format(name=name, photos=photos_text(outcome.images))
    if outcome.already:
        text += _("; {count} already").format(count=number(outcome.already))
    if outcome.reversed:
        other = {
            Verdict.PRESENT: _("; {count} now marked absent"),
            Verdict.ABSENT: _("; {count} now marked present"),
        }[verdict]
        text += other.format(count=number(outcome.reversed))
    return text


def whole_stack_sentence(sentence: str) -> str:
    """ "Whole stack: kite present in 5 photos"."""
    return _("Whole stack: {what}").format(what=sentence)


def confirmation_sentence(outcome: Outcome) -> str:
    """ "31 present and 929 absent in 12 photos"."""
    text = _("{present} present and {absent} absent in {photos}").format(
        present=number(outcome.present),
        absent=number(outcome.absent),
        photos=photos_text(outcome.images),
    )
    if outcome.already:
        text += _("; {count} already").format(count=number(outcome.already))
    if outcome.left_out:
        text += ngettext(
            "; {count} is not encoded yet and is left out",
            "; {count} are not encoded yet and are left out",
            outcome.left_out,
        ).format(count=number(outcome.left_out))
    return text


def review_sentence(outcome: Outcome, *, reviewed: bool) -> str:
    """ "929 absent in 12 photos, and nothing present", or "12 photos no longer reviewed"."""
    if reviewed:
        text = _("{absent} absent in {photos}, and nothing present").format(
            absent=number(outcome.absent), photos=photos_text(outcome.images)
        )
    else:
        text = ngettext(
            "{count} photo no longer reviewed",
            "{count} photos no longer reviewed",
            outcome.images,
        ).format(count=number(outcome.images))
    if outcome.already:
        text += _("; {count} already").format(count=number(outcome.already))
    return text


def not_encoded_sentence(count: int) -> str:
    """Why nothing was confirmed."""
    return ngettext(
        "This photo is not encoded yet: there is no prediction to confirm.",
        "These photos are not encoded yet: there is no prediction to confirm.",
        count,
    )


def left_out_sentence(count: int) -> str:
    """Which of the photos were not confirmed, and why."""
    return ngettext(
        "{count} photo is not encoded yet and was left out.",
        "{count} photos are not encoded yet and were left out.",
        count,
    ).format(count=number(count))


def done_sentence(batch: Batch, text: str) -> str:
    """What a batch has changed: "3 present, 77 absent", "Reviewed 12 photos: 929 absent";
    ``text`` (its name in the undo menu) for changes of other kinds."""
    if batch.action not in ("confirmed", "reviewed") or batch.label:
        return text
    present = int(np.count_nonzero(batch.after == Verdict.PRESENT))
    absent = int(np.count_nonzero(batch.after == Verdict.ABSENT))
    if not present and not absent:
        return text
    counts = _("{count} absent").format(count=number(absent))
    if batch.action == "confirmed":
        counts = _("{present} present, {absent} absent").format(
            present=number(present), absent=number(absent)
        )
    if len(distinct(batch.image_ids, batch.reviewed_ids)) == 1:
        return counts
    return _("{what}: {counts}").format(what=text, counts=counts)
