"""What an import or a merge changes in the library, in parts of a sentence (Qt-free)."""

from __future__ import annotations

from lmpt_desktop.interchange.importing.importer import ImportPlan
from lmpt_desktop.translation import _, ngettext, number


def annotation_parts(new: int, confirmed: int, opposite: int) -> list[str]:
    """ "12 annotations are added", ...; what does not happen is left out."""
    parts: list[str] = []
    if new:
        parts.append(
            ngettext("{count} annotation is added", "{count} annotations are added", new).format(
                count=number(new)
            )
        )
    if confirmed:
        parts.append(
            ngettext(
                "{count} annotation of a model is confirmed",
                "{count} annotations of a model are confirmed",
                confirmed,
            ).format(count=number(confirmed))
        )
    if opposite:
        parts.append(
            ngettext(
                "{count} annotation is reversed", "{count} annotations are reversed", opposite
            ).format(count=number(opposite))
        )
    return parts


def other_parts(plan: ImportPlan) -> list[str]:
    """Marks and classes that a plan adds."""
    parts: list[str] = []
    if count := len(plan.reviewed_ids):
        parts.append(
            ngettext(
                "{count} photo is marked reviewed", "{count} photos are marked reviewed", count
            ).format(count=number(count))
        )
    if count := len(plan.new_classes):
        parts.append(
            ngettext("{count} class is added", "{count} classes are added", count).format(
                count=number(count)
            )
        )
    return parts


def sentence(parts: list[str]) -> str:
    """The parts as one sentence."""
    return _("{what}.").format(what=", ".join(parts))
