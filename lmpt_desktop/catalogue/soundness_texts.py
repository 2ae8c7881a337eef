"""What the check of a catalogue has found, in sentences for the user."""

from __future__ import annotations

from lmpt_desktop.catalogue.soundness import Soundness
from lmpt_desktop.translation import _, ngettext, number


def what_was_found(found: Soundness) -> str:
    """What is wrong; "" if nothing is."""
    sentences: list[str] = []
    if found.damaged_tables or found.damaged_indexes:
        parts = ", ".join((*found.damaged_tables, *found.damaged_indexes))
        sentences.append(_("The library's own file is damaged ({parts}).").format(parts=parts))
    if found.differing:
        sentences.append(
            ngettext(
                "{count} annotation is not as the journal says.",
                "{count} annotations are not as the journal says.",
                found.differing,
            ).format(count=number(found.differing))
        )
    if not found.journal_readable or found.contradictions:
        sentences.append(_("The journal of the annotations is damaged itself."))
    return " ".join(sentences)


def what_to_do(found: Soundness) -> str:
    """Advice; "" if nothing is wrong."""
    if found.sound:
        return ""
    if found.can_be_repaired and found.journal_damaged:
        return _(
            "The journal can be repaired from the annotations, which stay as they are. A copy of "
            "the file is made first."
        )
    if found.can_be_repaired:
        return _("It can be repaired from the journal. A copy of the file is made first.")
    return _(
        "It cannot be repaired from the journal, so nothing was changed. Export your annotations "
        "and compare them with those of a backup copy before you go on."
    )


def before_repair(found: Soundness) -> str:
    """What a repair will change, as a question."""
    changes: list[str] = []
    if found.journal_damaged:
        return _(
            "Annotations stay as they are. Damaged parts of the journal are made again from them; "
            "older changes of these photos can no longer be undone. A copy of the file as it is "
            "now is kept. Repair the library?"
        )
    for count, text in (
        (
            found.lost,
            ngettext(
                "{count} lost annotation is brought back.",
                "{count} lost annotations are brought back.",
                found.lost,
            ),
        ),
        (
            found.changed + found.marks,
            ngettext(
                "{count} changed annotation is set back.",
                "{count} changed annotations are set back.",
                found.changed + found.marks,
            ),
        ),
        (
            found.added,
            ngettext(
                "{count} annotation that was never made is removed.",
                "{count} annotations that were never made are removed.",
                found.added,
            ),
        ),
    ):
        if count:
            changes.append(text.format(count=number(count)))
    if found.damaged_tables or found.damaged_indexes:
        changes.append(_("Damaged parts of the file are made again."))
    return _("{changes} A copy of the file as it is now is kept. Repair the library?").format(
        changes=" ".join(changes)
    )
