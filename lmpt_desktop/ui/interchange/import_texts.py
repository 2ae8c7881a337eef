"""What an import is said to do, in sentences (Qt-free)."""

from __future__ import annotations

from collections.abc import Mapping

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.interchange.imports import ImportResult
from lmpt_desktop.interchange.importing.choices import (
    ClassAction,
    ClassReason,
    Conflicts,
    Hierarchy,
)
from lmpt_desktop.interchange.importing.importer import ClassRow, ImportPlan, ImportPreview
from lmpt_desktop.interchange.importing.matching import MatchRule
from lmpt_desktop.interchange.record import HIERARCHY_SEPARATOR, NotListed
from lmpt_desktop.translation import N_, _, ngettext, number
from lmpt_desktop.ui.interchange.change_texts import annotation_parts, other_parts, sentence
from lmpt_desktop.ui.kit.texts import (
    annotations_text,
    classes_text,
    photos_text,
    verdict_name,
)

PARTS = " › "
"""Between the parts of a class that is a path, as shown."""

_FOUND_BY: dict[MatchRule, str] = {
    MatchRule.PATH: N_("{count} by path"),
    MatchRule.FINGERPRINT: N_("{count} by picture"),
    MatchRule.SUFFIX: N_("{count} by the end of the path"),
    MatchRule.NAME: N_("{count} by name"),
    MatchRule.STEM: N_("{count} by name without suffix"),
    MatchRule.MANGLED: N_("{count} by the name before another tool changed it"),
}

_REASONS: dict[ClassReason, str] = {
    ClassReason.NAME: N_("The same name"),
    ClassReason.ALIAS: N_("Another name of this class"),
    ClassReason.LEAF: N_("The last part of its name is a class"),
    ClassReason.SPELLING: N_("The same but for hyphens, underscores or spaces"),
    ClassReason.AMBIGUOUS: N_("Several classes fit"),
    ClassReason.PROGRAM_TAG: N_("Another program's own mark"),
    ClassReason.CHOSEN: N_("Your choice"),
    ClassReason.UNKNOWN: N_("Not in the vocabulary"),
}

_NOT_LISTED: dict[NotListed, str] = {
    NotListed.UNKNOWN: N_("Unknown"),
    NotListed.ABSENT_IN_FILE: N_("Absent, for the classes that the file has anywhere"),
    NotListed.ABSENT: N_("Absent, for all imported classes, also those that no photo has"),
}

_HINTS: dict[NotListed, str] = {
    NotListed.ABSENT_IN_FILE: N_(
        "In this format a class that a photo does not list is usually absent there. Choose so only "
        "if all photos of the file were looked at for all of its classes."
    ),
    NotListed.ABSENT: N_(
        "In this format a class that a photo does not list is usually absent there. Choose so only "
        "if all photos of the file were looked at for all of its classes."
    ),
}


# -------------------------------------------------------------------------------------- photos


def found_text(counts: Mapping[MatchRule, int]) -> str:
    """ "538 of 540 photos found: 530 by path, 8 by name; 1 ambiguous, 1 not found"."""
    total = sum(counts.values())
    ambiguous = counts.get(MatchRule.AMBIGUOUS, 0)
    unmatched = counts.get(MatchRule.UNMATCHED, 0)
    found = total - ambiguous - unmatched
    if not total:
        return _("The file names no photos.")
    text = ngettext(
        "{found} of {count} photo found", "{found} of {count} photos found", total
    ).format(found=number(found), count=number(total))
    by_rule = [
        _(words).format(count=number(counts[rule]))
        for rule, words in _FOUND_BY.items()
        if counts.get(rule)
    ]
    if by_rule:
        text = _("{text}: {parts}").format(text=text, parts=", ".join(by_rule))
    left = []
    if ambiguous:
        left.append(_("{count} ambiguous").format(count=number(ambiguous)))
    if unmatched:
        left.append(_("{count} not found").format(count=number(unmatched)))
    return "; ".join(filter(None, (text, ", ".join(left))))


def other_pictures_text(count: int) -> str:
    """How many photos were found by path though their picture differs; "" if none was."""
    if not count:
        return ""
    return ngettext(
        "{count} photo was found by its path, but its picture is not the one of the file: it was "
        "edited, or another one is in its place.",
        "{count} photos were found by their paths, but their pictures are not those of the file: "
        "they were edited, or others are in their place.",
        count,
    ).format(count=number(count))


# ------------------------------------------------------------------------------------- classes


def class_text(name: str) -> str:
    """A class of a file as it is shown: ``animal › dog``."""
    return name.replace(HIERARCHY_SEPARATOR, PARTS)


def new_class_name(name: str, hierarchy: Hierarchy) -> str:
    """The name that a class of a file gets if it is added."""
    parts = [part.strip() for part in name.split(HIERARCHY_SEPARATOR) if part.strip()]
    if not parts:
        return ""
    return " ".join((parts[-1] if hierarchy is Hierarchy.LEAF else "/".join(parts)).split())


def becomes_text(row: ClassRow) -> str:
    """What becomes of a class: a class's name, "new class ...", "not imported"."""
    action = row.choice.action
    if action is ClassAction.MAP:
        return row.vocabulary_name
    if action is ClassAction.ADD:
        return _("New class “{name}”").format(name=row.vocabulary_name or row.choice.name)
    return _("Not imported")


def reason_text(reason: ClassReason) -> str:
    return _(_REASONS[reason])


def found_classes_text(preview: ImportPreview) -> str:
    """ "12 of 80 classes are in the vocabulary, 60 are added; 8 are not imported"."""
    actions = [row.choice.action for row in preview.classes]
    known, added = actions.count(ClassAction.MAP), actions.count(ClassAction.ADD)
    left = len(actions) - known - added
    if not actions:
        return _("The file names no classes.")
    parts = [
        ngettext(
            "{known} of {count} class is in the vocabulary",
            "{known} of {count} classes are in the vocabulary",
            len(actions),
        ).format(known=number(known), count=number(len(actions)))
    ]
    if added:
        parts.append(
            ngettext("{count} is added", "{count} are added", added).format(count=number(added))
        )
    if left:
        parts.append(
            ngettext("{count} is not imported", "{count} are not imported", left).format(
                count=number(left)
            )
        )
    return "; ".join(parts)


# -------------------------------------------------------------------------------------- values


def value_text(value: str) -> str:
    """A value as it is shown."""
    return value or _("(listed without a value)")


def not_listed_text(choice: NotListed) -> str:
    return _(_NOT_LISTED[choice])


def not_listed_hint(usual: NotListed) -> str:
    """What the format's own documentation says; "" if nothing."""
    return _(_HINTS[usual]) if usual in _HINTS else ""


def unmapped_text(count: int) -> str:
    """Why nothing can be imported yet."""
    return ngettext(
        "It is not certain what {count} entry means. Choose it under “Values”, or count it as "
        "unknown.",
        "It is not certain what {count} entries mean. Choose it under “Values”, or count them as "
        "unknown.",
        count,
    ).format(count=number(count))


# ---------------------------------------------------------------------------------- comparison


def comparison_text(preview: ImportPreview) -> str:
    """How the file compares with the library: new, same, conflicting."""
    parts = [
        _("{count} new").format(count=number(preview.new)),
        _("{count} as in the library").format(count=number(preview.same)),
        _("{count} conflicting").format(count=number(preview.conflicting)),
    ]
    return _("Annotations: {parts}").format(parts=", ".join(parts))


def left_out_text(preview: ImportPreview) -> str:
    """What the file says and is not imported, a sentence each, or ""."""
    sentences = []
    if count := preview.contradictory:
        sentences.append(
            ngettext(
                "The file contradicts itself about {count} annotation, which is left out.",
                "The file contradicts itself about {count} annotations, which are left out.",
                count,
            ).format(count=number(count))
        )
    if count := preview.machine_left_out:
        sentences.append(
            ngettext(
                "{count} prediction of a model is left out.",
                "{count} predictions of a model are left out.",
                count,
            ).format(count=number(count))
        )
    if count := preview.partly_read:
        sentences.append(
            ngettext(
                "What the file says about {count} photo could be read in part only: no class is "
                "absent there for not being listed.",
                "What the file says about {count} photos could be read in part only: no class is "
                "absent there for not being listed.",
                count,
            ).format(count=number(count))
        )
    return " ".join(sentences)


def held_out_text(count: int) -> str:
    """How many of the annotations fall on held-out photos; "" if none does."""
    if not count:
        return ""
    return ngettext(
        "{count} of these annotations is on a photo that is kept for measuring versions; no "
        "training learns from it.",
        "{count} of these annotations are on photos that are kept for measuring versions; no "
        "training learns from them.",
        count,
    ).format(count=number(count))


def said_text(name: str, file: Verdict, library: Verdict) -> str:
    """What file and library say of a class of a photo."""
    return _("{name}: {file} in the file, {library} in the library").format(
        name=name, file=verdict_name(file), library=verdict_name(library)
    )


# ------------------------------------------------------------------------------------- summary


def only_adds_classes(plan: ImportPlan) -> bool:
    """Whether it changes no annotation and no mark."""
    return not len(plan.image_ids) and not len(plan.reviewed_ids) and plan.declared is None


def imported_text(result: ImportResult, added: int) -> str:
    """What an import has changed, once it is done; ``added`` classes are new."""
    sentences = []
    if result.batch is not None:
        sentences.append(
            _("{annotations} on {photos}. You can undo this in one step, also later.").format(
                annotations=annotations_text(result.annotations),
                photos=photos_text(result.photos),
            )
        )
    if added:
        sentences.append(
            ngettext("{count} class was added.", "{count} classes were added.", added).format(
                count=number(added)
            )
        )
    return " ".join(sentences) or _("Nothing changed.")


def button_text(preview: ImportPreview | None) -> str:
    """ "Import 1,204 annotations"."""
    if preview is None or preview.plan.is_empty:
        return _("&Import")
    if changes := preview.plan.annotations:
        return _("&Import {annotations}").format(annotations=annotations_text(changes))
    if count := len(preview.plan.reviewed_ids):
        return _("Mark {photos} re&viewed").format(photos=photos_text(count))
    return _("Add {classes}").format(classes=classes_text(len(preview.plan.new_classes)))


def summary_text(preview: ImportPreview) -> str:
    """What applying the preview will do, in a sentence or two; why it does nothing, if so."""
    if preview.plan.is_empty:
        return _nothing_text(preview)
    conflicts, count = preview.choices.conflicts, preview.conflicting
    parts = annotation_parts(
        preview.new, preview.confirmed, count if conflicts is Conflicts.THEIRS else 0
    )
    if count and conflicts is Conflicts.CLEAR:
        parts.append(
            ngettext(
                "{count} annotation is removed", "{count} annotations are removed", count
            ).format(count=number(count))
        )
    return sentence([*parts, *other_parts(preview.plan)])


def _nothing_text(preview: ImportPreview) -> str:
    matched = preview.matches.image_ids
    if not len(matched):
        return _("The file names no photos.")
    if not (matched >= 0).any():
        return _("None of the file's photos is in the library, so there is nothing to import.")
    if not preview.classes:
        return _("The file names no classes.")
    if not any(row.vocabulary_name for row in preview.classes):
        return _(
            "None of the file's classes is imported. Choose what they become under “Classes”, or "
            "add all unknown classes."
        )
    if preview.conflicting:
        return _("Nothing changes: where the file differs, the library's verdicts are kept.")
    return _("Nothing changes: the library has all that is imported.")
