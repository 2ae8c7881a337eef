"""What a new vocabulary would change (Qt-free)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lmpt_desktop.catalogue.classes import name_key
from lmpt_desktop.domain.records import ClassEntry, ClassSpec
from lmpt_desktop.translation import _, ngettext, number
from lmpt_desktop.ui.kit.texts import classes_text


@dataclass(frozen=True)
class VocabularyChange:
    """Names that would be added, kept and removed; annotations the removed ones have."""

    added: tuple[str, ...]
    kept: tuple[str, ...]
    removed: tuple[str, ...]
    removed_annotations: int

    @property
    def sentence(self) -> str:
        """The change in one or two sentences."""
        parts = [
            _("{classes}: {new} new, {kept} kept.").format(
                classes=classes_text(len(self.added) + len(self.kept)),
                new=number(len(self.added)),
                kept=number(len(self.kept)),
            )
        ]
        if self.removed:
            names = ", ".join(self.removed[:5]) + (", ..." if len(self.removed) > 5 else "")
            text = ngettext(
                "{count} class goes to the archive ({names}).",
                "{count} classes go to the archive ({names}).",
                len(self.removed),
            )
            parts.append(text.format(count=number(len(self.removed)), names=names))
            if self.removed_annotations:
                text = ngettext(
                    "What was said of them ({count} annotation) is kept there.",
                    "What was said of them ({count} annotations) is kept there.",
                    self.removed_annotations,
                )
                parts.append(text.format(count=number(self.removed_annotations)))
        return " ".join(parts)


def vocabulary_change(
    classes: Sequence[ClassEntry], annotations: Mapping[int, int], wanted: Sequence[ClassSpec]
) -> VocabularyChange:
    """Compare the vocabulary to the list ``wanted``, in which aliases stand for their classes.

    Args:
        classes: the vocabulary.
        annotations: how many each class id has.
        wanted: the list.
    """
    names = {name_key(entry.name): entry.id for entry in classes}
    for entry in classes:
        for alias in entry.aliases:
            names.setdefault(name_key(alias), entry.id)
    meant = {names[name_key(spec.name)] for spec in wanted if name_key(spec.name) in names}
    removed = [entry for entry in classes if entry.id not in meant]
    return VocabularyChange(
        added=tuple(spec.name for spec in wanted if name_key(spec.name) not in names),
        kept=tuple(entry.name for entry in classes if entry.id in meant),
        removed=tuple(entry.name for entry in removed),
        removed_annotations=sum(annotations.get(entry.id, 0) for entry in removed),
    )
