"""What a merge is said to do, in sentences (Qt-free)."""

from __future__ import annotations

from lmpt_desktop.engine.interchange.library_merges import MergeResult
from lmpt_desktop.inference.agreement import totals
from lmpt_desktop.interchange.importing.merging import MergePreview, OnConflict
from lmpt_desktop.translation import N_, _, decimal, join_names, ngettext, number
from lmpt_desktop.ui.interchange.change_texts import annotation_parts, other_parts, sentence
from lmpt_desktop.ui.interchange.import_texts import imported_text
from lmpt_desktop.ui.kit.texts import annotations_text, shorten

MOST_NAMED = 8
"""Classes that the vocabulary lacks which are named."""

CHOICES: tuple[tuple[OnConflict, str], ...] = (
    (OnConflict.MINE, N_("&Keep mine")),
    (OnConflict.THEIRS, N_("Take &theirs")),
    (OnConflict.LATER, N_("&Decide later: keep mine, and ask in review")),
)


def found_text(preview: MergePreview) -> str:
    """How many photos both libraries have."""
    other = preview.other
    text = ngettext(
        "{found} of your photos is in “{name}”, too, which has {count}.",
        "{found} of your photos are in “{name}”, too, which has {count}.",
        preview.photos,
    )
    return text.format(found=number(preview.photos), name=other.name, count=number(other.photos))


def compared_text(preview: MergePreview) -> str:
    """ "Annotations there: 12 new, 30 equal, 4 in conflict"."""
    parts = [
        _("{count} new").format(count=number(preview.new)),
        _("{count} equal").format(count=number(preview.equal)),
        _("{count} in conflict").format(count=number(preview.conflicting)),
    ]
    return _("Annotations there: {parts}").format(parts=", ".join(parts))


def details_text(preview: MergePreview) -> str:
    """What is left out, and why, a sentence each; "" if nothing is."""
    sentences: list[str] = []
    if count := preview.other.unread:
        sentences.append(
            ngettext(
                "{count} photo there has not been read by this version yet, so it is not found.",
                "{count} photos there have not been read by this version yet, so they are not "
                "found.",
                count,
            ).format(count=number(count))
        )
    if count := preview.contradictory:
        sentences.append(
            ngettext(
                "{count} annotation is left out: copies of the photo contradict each other there.",
                "{count} annotations are left out: copies of the photos contradict each other "
                "there.",
                count,
            ).format(count=number(count))
        )
    if count := preview.machine_left_out:
        sentences.append(
            ngettext(
                "{count} annotation is left out: a model made it there, and yours differs.",
                "{count} annotations are left out: a model made them there, and yours differ.",
                count,
            ).format(count=number(count))
        )
    if count := preview.other.left_out:
        sentences.append(
            ngettext(
                "{count} entry of that catalogue is damaged and is left out.",
                "{count} entries of that catalogue are damaged and are left out.",
                count,
            ).format(count=number(count))
        )
    return " ".join(sentences)


def lacking_text(names: tuple[str, ...]) -> str:
    """Which classes the vocabulary lacks."""
    text = ngettext(
        "Your vocabulary has no class {names}.",
        "Your vocabulary has no classes {names}.",
        len(names),
    )
    return text.format(names=join_names([shorten(n) for n in names], MOST_NAMED, quoted=True))


def agreement_text(preview: MergePreview) -> str:
    """How far both agree in all; "" where no one judged the same."""
    both, equal = totals(preview.agreement)
    if not both:
        return _("People have not judged the same in both libraries yet.")
    return _("{count} by people in both libraries; {share} % of them are equal.").format(
        count=annotations_text(both), share=decimal(100 * equal / both)
    )


def conflict_question(preview: MergePreview) -> str:
    return ngettext(
        "Where you and “{name}” say the opposite ({count} annotation):",
        "Where you and “{name}” say the opposite ({count} annotations):",
        preview.conflicting,
    ).format(name=preview.other.name, count=number(preview.conflicting))


def button_text(preview: MergePreview | None) -> str:
    """ "Merge 1,204 annotations"."""
    if preview is None or not preview.plan.annotations:
        return _("&Merge")
    return _("&Merge {annotations}").format(annotations=annotations_text(preview.plan.annotations))


def summary_text(preview: MergePreview) -> str:
    """What merging will do, in a sentence; why it does nothing, if so."""
    if not preview.photos:
        return _("The libraries have no picture in common, so there is nothing to merge.")
    if preview.changes_nothing:
        if preview.conflicting and preview.asked_before < preview.conflicting:
            return _("Nothing new: where “{name}” differs, your verdicts are kept.").format(
                name=preview.other.name
            )
        return _("Nothing new: your library has all that “{name}” says.").format(
            name=preview.other.name
        )
    theirs = preview.choices.on_conflict is OnConflict.THEIRS
    parts = annotation_parts(preview.new, preview.confirmed, preview.conflicting if theirs else 0)
    if count := len(preview.undecided):
        parts.append(
            ngettext("{count} conflict waits in review", "{count} conflicts wait in review", count)
            .format(count=number(count))
        )  # fmt: skip
    return sentence([*parts, *other_parts(preview.plan)])


def merged_text(result: MergeResult) -> str:
    """What a merge has changed, once it is done."""
    imported = result.imported
    added = len(imported.classes.after) if imported.classes is not None else 0
    sentences = []
    if imported.annotations or added or not result.questions:
        sentences.append(imported_text(imported, added))
    if count := result.questions:
        sentences.append(
            ngettext(
                "{count} conflict waits for your decision.",
                "{count} conflicts wait for your decision.",
                count,
            ).format(count=number(count))
        )
    return " ".join(sentences)
