"""Which class of the library each class of a file becomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue.classes import name_key
from lmpt_desktop.domain.records import ClassEntry, ClassSpec
from lmpt_desktop.interchange.importing.choices import ClassAction, ClassChoice
from lmpt_desktop.interchange.reading.foreign_text import clean_text


@dataclass(frozen=True, eq=False)
class Targets:
    """The classes of an import, and which of them each of K class names of a file is.

    Attributes:
        classes: entries of the vocabulary, archived entries that come back, and specs of new
            classes.
        of_names: (K,) int32, index into ``classes``; -1 if the name is not imported.
        choices: K choices, as they are carried out: one to add a class that there is maps to it.
    """

    classes: tuple[ClassEntry | ClassSpec, ...]
    of_names: NDArray[np.int32]
    choices: tuple[ClassChoice, ...]

    def vocabulary_name(self, name: int) -> str:
        """What the class is called after the import; "" if it is not imported."""
        target = int(self.of_names[name])
        return self.classes[target].name if target >= 0 else ""


def target_classes(
    names: Sequence[str],
    declared: Sequence[ClassSpec],
    choices: Sequence[ClassChoice],
    entries: Sequence[ClassEntry],
) -> Targets:
    """Carry out the choice made for each class name of a file.

    Names that become the same new class share it; what the file declares of the first counts.
    Other names of a new class, or of one that comes back, are left out where they stand for
    another class.

    Args:
        names: K class names as written.
        declared: what the file declares of the first of them.
        choices: K choices.
        entries: the vocabulary, and archived classes that adding their name brings back.
    """
    by_id = {entry.id: entry for entry in entries if not entry.archived}
    by_key = {name_key(alias): entry for entry in by_id.values() for alias in entry.aliases}
    by_key |= {name_key(entry.name): entry for entry in by_id.values()}
    archived = {
        name_key(entry.name): entry
        for entry in sorted(entries, key=lambda entry: entry.id)
        if entry.archived
    }
    specs = {spec.name: spec for spec in declared}
    classes: dict[str, ClassEntry | ClassSpec] = {}
    places: dict[str, int] = {}
    of_names = np.full(len(names), -1, np.int32)
    done: list[ClassChoice] = []
    for number, (name, choice) in enumerate(zip(names, choices, strict=True)):
        found = None
        if choice.action is ClassAction.MAP and choice.class_id is not None:
            found = by_id.get(choice.class_id)
        elif choice.action is ClassAction.ADD and (key := name_key(clean_text(choice.name))):
            found = by_key.get(key) or archived.get(key) or _new(choice.name, specs.get(name))
        if found is None:
            ignored = choice.action is ClassAction.IGNORE
            done.append(ClassChoice(ClassAction.IGNORE if ignored else ClassAction.UNDECIDED))
            continue
        key = name_key(found.name)
        classes.setdefault(key, found)
        of_names[number] = places.setdefault(key, len(places))
        if isinstance(found, ClassEntry) and not found.archived:
            done.append(ClassChoice(ClassAction.MAP, found.id))
        else:
            done.append(choice)
    taken = set(by_key) | set(classes)
    return Targets(
        tuple(_with_free_aliases(item, taken) for item in classes.values()), of_names, tuple(done)
    )


def _new(name: str, spec: ClassSpec | None) -> ClassSpec:
    clean = " ".join(clean_text(name).split())
    if spec is None:
        return ClassSpec(clean)
    aliases = tuple(clean_text(alias) for alias in spec.aliases)
    return ClassSpec(clean, clean_text(spec.description), aliases, clean_text(spec.colour))


def _with_free_aliases(item: ClassEntry | ClassSpec, taken: set[str]) -> ClassEntry | ClassSpec:
    """``item`` without the aliases in ``taken``, to which its others are added."""
    if isinstance(item, ClassEntry) and not item.archived:
        return item
    kept: list[str] = []
    for alias in item.aliases:
        key = name_key(alias)
        if key and key not in taken:
            taken.add(key)
            kept.append(alias)
    return replace(item, aliases=tuple(kept))
