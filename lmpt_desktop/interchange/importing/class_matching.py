"""What becomes of the classes of a file, proposed by their names.

A name stands for the class of the vocabulary that has it as name, else as another name (alias).  A
name that is a path (``animal|dog``) stands for the class ``animal/dog`` if there is one, else for
the class of its end (``dog``), unless another path of the file ends so.  Last, underscores and
hyphens within a name are read as spaces.  Whatever fits two classes is left to the user.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from lmpt_desktop.catalogue.classes import name_key
from lmpt_desktop.domain.records import ClassEntry, ClassSpec
from lmpt_desktop.interchange.importing.choices import (
    ClassAction,
    ClassChoice,
    ClassReason,
    Hierarchy,
    ImportChoices,
)
from lmpt_desktop.interchange.record import HIERARCHY_SEPARATOR

Proposal = tuple[ClassChoice, ClassReason]

PATH_SEPARATOR = "/"
"""Between the parts of a path in the name of a class."""

MAX_END = 16
"""So many parts of the end of a path are looked up as a class."""

_PROGRAM_ROOTS = frozenset({"darktable", "_digikam_internal_tags_"})
_FACES_WITHOUT_NAME = frozenset({"unknown", "unconfirmed", "ignored"})
_PROGRAM_WORDS = frozenset({"darktable", "changed", "exported", "format"})
"""What darktable writes without their path as well."""
_MACHINE_TAG = re.compile(r"(geo:(lat|lon|long|alt)|uploaded:by|flickr\w*:\w+|exif:\w+)=.*")
_JOINT = re.compile(r"(?<=[^\W_])[-_\s]+(?=[^\W_])")
"""Between letters or digits; elsewhere a hyphen is part of a name: "-1", "A-"."""


def propose_classes(
    names: Sequence[str],
    declared: Sequence[ClassSpec],
    entries: Sequence[ClassEntry],
    choices: ImportChoices,
) -> list[Proposal]:
    """A choice and its reason for each class name of a file.

    Args:
        names: as written; of a hierarchy the parts separated by ``HIERARCHY_SEPARATOR``.
        declared: what the file says of some of them.
        entries: the vocabulary.
        choices: the user's; those of ``choices.classes`` are kept as they are.
    """
    proposer = _Proposer(names, declared, entries, choices)
    new_names: dict[str, str] = {}
    result: list[Proposal] = []
    for name in names:
        chosen = choices.classes.get(name)
        choice, reason = proposer.propose(name) if chosen is None else (chosen, ClassReason.CHOSEN)
        if choice.action is ClassAction.ADD and chosen is None:
            new = new_names.setdefault(name_key(choice.name), choice.name)
            choice = ClassChoice(ClassAction.ADD, name=new)
        result.append((choice, reason))
    return result


def parts_of_name(name: str) -> tuple[str, ...]:
    """The parts of a class name as written, cleaned as names of classes are; empty ones are left
    out, so that () has no name at all."""
    parts = (" ".join(part.split()) for part in name.split(HIERARCHY_SEPARATOR))
    return tuple(unicodedata.normalize("NFC", part) for part in parts if part)


def is_program_tag(parts: Sequence[str]) -> bool:
    """Whether another program wrote this for itself: its state, not what a photo shows."""
    keys = [name_key(part) for part in parts]
    if len(keys) == 1:
        return _MACHINE_TAG.fullmatch(keys[0]) is not None or keys[0] in _PROGRAM_ROOTS
    return keys[0] in _PROGRAM_ROOTS or (keys[0] == "people" and keys[1] in _FACES_WITHOUT_NAME)


class _Proposer:
    def __init__(
        self,
        names: Sequence[str],
        declared: Sequence[ClassSpec],
        entries: Sequence[ClassEntry],
        choices: ImportChoices,
    ) -> None:
        self._add = choices.add_classes
        self._as_path = choices.hierarchy is Hierarchy.PATH
        self._by_name = _unique(entries, lambda entry: [entry.name], name_key)
        self._by_alias = _unique(entries, lambda entry: entry.aliases, name_key)
        self._by_spelling = _unique(entries, lambda entry: [entry.name, *entry.aliases], _spelling)
        parts = {name: parts_of_name(name) for name in names}
        paths = {
            tuple(map(name_key, item))
            for item in parts.values()
            if len(item) > 1 and not is_program_tag(item)
        }
        self._ends = Counter(path[start:] for path in paths for start in _starts(path))
        self._program_words = _words_of_programs(item for item in parts.values() if len(item) > 1)
        named = {name_key(item[-1]) for item in parts.values() if item}
        self._aliases = {
            name_key(spec.name): [alias for alias in spec.aliases if name_key(alias) not in named]
            for spec in declared
        }

    def propose(self, name: str) -> Proposal:
        parts = parts_of_name(name)
        if not parts:
            return ClassChoice(ClassAction.IGNORE), ClassReason.UNKNOWN
        full = PATH_SEPARATOR.join(parts)
        found = self._found(full, (ClassReason.NAME, ClassReason.ALIAS))
        if found is not None:
            return found
        if is_program_tag(parts) or (len(parts) == 1 and name_key(full) in self._program_words):
            return ClassChoice(ClassAction.IGNORE), ClassReason.PROGRAM_TAG
        if len(parts) == 1:
            return (
                self._declared_alias(full)
                or self._spelled(full, ClassReason.SPELLING)
                or self._new(full)
            )
        if self._as_path:
            return self._spelled(full, ClassReason.SPELLING) or self._new(full)
        return self._by_end(parts, full)

    def _by_end(self, parts: tuple[str, ...], full: str) -> Proposal:
        keys = tuple(map(name_key, parts))
        for start in _starts(parts):
            end = PATH_SEPARATOR.join(parts[start:])
            found = self._found(end, (ClassReason.LEAF, ClassReason.LEAF))
            found = found or self._spelled(end, ClassReason.LEAF)
            if found is not None:
                is_one = self._ends[keys[start:]] == 1 and found[1] is not ClassReason.AMBIGUOUS
                return found if is_one else self._new(full, ClassReason.AMBIGUOUS)
        if self._ends[keys[-1:]] > 1:
            return self._new(full, ClassReason.AMBIGUOUS)
        return self._new(parts[-1])

    def _found(self, name: str, reasons: tuple[ClassReason, ClassReason]) -> Proposal | None:
        key = name_key(name)
        for table, reason in zip((self._by_name, self._by_alias), reasons, strict=True):
            if key in table:
                return self._map(table[key], reason)
        return None

    def _declared_alias(self, name: str) -> Proposal | None:
        """The one class of the vocabulary that the file gives as another name of its class."""
        ids = {
            table[name_key(alias)]
            for alias in self._aliases.get(name_key(name), ())
            for table in (self._by_name, self._by_alias)
            if name_key(alias) in table
        }
        return self._map(ids.pop(), ClassReason.ALIAS) if len(ids) == 1 else None

    def _spelled(self, name: str, reason: ClassReason) -> Proposal | None:
        key = _spelling(name)
        if key not in self._by_spelling:
            return None
        found = self._map(self._by_spelling[key], reason)
        return self._new(name, ClassReason.AMBIGUOUS) if found[0].class_id is None else found

    def _map(self, class_id: int | None, reason: ClassReason) -> Proposal:
        if class_id is None:
            return ClassChoice(ClassAction.UNDECIDED), ClassReason.AMBIGUOUS
        return ClassChoice(ClassAction.MAP, class_id), reason

    def _new(self, name: str, reason: ClassReason = ClassReason.UNKNOWN) -> Proposal:
        action = ClassAction.ADD if self._add else ClassAction.UNDECIDED
        return ClassChoice(action, name=name if self._add else ""), reason


def _unique(
    entries: Iterable[ClassEntry],
    names: Callable[[ClassEntry], Iterable[str]],
    key: Callable[[str], str],
) -> Mapping[str, int | None]:
    """The class of each key; None if several have it."""
    found: dict[str, set[int]] = defaultdict(set)
    for entry in entries:
        for name in names(entry):
            found[key(name)].add(entry.id)
    found.pop("", None)
    return {word: next(iter(ids)) if len(ids) == 1 else None for word, ids in found.items()}


def _words_of_programs(paths: Iterable[tuple[str, ...]]) -> frozenset[str]:
    """The words that darktable also writes alone, if the file has its paths; styles, which are
    named by the user, are none."""
    words: set[str] = set()
    others: set[str] = set()
    for path in paths:
        keys = [name_key(part) for part in path]
        if keys[0] == "darktable":
            words.update(word for word in keys if word in _PROGRAM_WORDS)
            if keys[1] == "format":
                words.update(keys[2:])
        else:
            others.update(keys)
    return frozenset(words - others)


def _starts(path: Sequence[str]) -> range:
    """Where the ends of a path begin, the longest first."""
    return range(max(1, len(path) - MAX_END), len(path))


def _spelling(name: str) -> str:
    return _JOINT.sub(" ", name_key(name))
