"""What a new vocabulary would change (Qt-free)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lmpt_desktop.engine.views import ClassSpec
from lmpt_desktop.ui.dialogs.formats import counted


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
        total = counted(len(self.added) + len(self.kept), "class", "classes")
        parts = [f"{total}: {len(self.added):,} new, {len(self.kept):,} kept."]
        if self.removed:
            names = ", ".join(self.removed[:5]) + (", ..." if len(self.removed) > 5 else "")
            removed = counted(len(self.removed), "class is", "classes are")
            parts.append(f"{removed} removed ({names}).")
            if self.removed_annotations:
                has = "annotation comes" if self.removed_annotations == 1 else "annotations come"
                parts.append(
                    f"Their {self.removed_annotations:,} {has} back if you add them again."
                )
        return " ".join(parts)


def vocabulary_change(
    names: Sequence[str], annotations: Mapping[str, int], wanted: Sequence[ClassSpec]
) -> VocabularyChange:
    """Compare the present ``names`` (with how many annotations each has) to ``wanted``."""
    asked = {spec.name.casefold() for spec in wanted}
    here = {name.casefold() for name in names}
    removed = tuple(name for name in names if name.casefold() not in asked)
    return VocabularyChange(
        added=tuple(spec.name for spec in wanted if spec.name.casefold() not in here),
        kept=tuple(name for name in names if name.casefold() in asked),
        removed=removed,
        removed_annotations=sum(annotations.get(name, 0) for name in removed),
    )
