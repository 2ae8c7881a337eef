"""What replacing the vocabulary by a list would change (Qt-free)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lmpt_desktop.catalogue.classes import name_key
from lmpt_desktop.domain.records import ClassEntry, ClassSpec
from lmpt_desktop.translation import _, join_names, ngettext, number
from lmpt_desktop.ui.kit.texts import classes_text


@dataclass(frozen=True)
class VocabularyChange:
    """Names that would be added, kept and removed.

    ``removed_annotations`` counts the annotations of the removed classes.
    """

    added: tuple[str, ...]
    kept: tuple[str, ...]
    removed: tuple[str, ...]
    removed_annotations: int

    @property
    def sentence(self) -> str:
        """The change in up to three sentences."""
        parts = [
            _("{classes}: {new} new, {kept} kept.").format(
                classes=classes_text(len(self.added) + len(self.kept)),
                new=number(len(self.added)),
                kept=number(len(self.kept)),
            )
        ]
        if self.removed:
            text = ngettext(
                "{count} class is archived ({names}).",
                "{count} classes are archived ({names}).",
                len(self.removed),
            )
            parts.append(
                text.format(count=number(len(self.removed)), names=join_names(self.removed))
            )
            if self.removed_annotations:
                text = ngettext(
                    "Their {count} annotation is kept.",
                    "Their {count} annotations are kept.",
                    self.removed_annotations,
                )
                parts.append(text.format(count=number(self.removed_annotations)))
        return " ".join(parts)


def vocabulary_change(
    classes: Sequence[ClassEntry], annotations: Mapping[int, int], requested: Sequence[ClassSpec]
) -> VocabularyChange:
    """Compare the vocabulary with the list ``requested``, in which aliases stand for their classes.

    Args:
        classes: the vocabulary.
        annotations: class id -> number of annotations.
        requested: the list.
    """
    names = {name_key(entry.name): entry.id for entry in classes}
    for entry in classes:
        for alias in entry.aliases:
            names.setdefault(name_key(alias), entry.id)
    kept = {names[name_key(spec.name)] for spec in requested if name_key(spec.name) in names}
    removed = [entry for entry in classes if entry.id not in kept]
    return VocabularyChange(
        added=tuple(spec.name for spec in requested if name_key(spec.name) not in names),
        kept=tuple(entry.name for entry in classes if entry.id in kept),
        removed=tuple(entry.name for entry in removed),
        removed_annotations=sum(annotations.get(entry.id, 0) for entry in removed),
    )
