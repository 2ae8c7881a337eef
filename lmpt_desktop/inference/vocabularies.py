"""Vocabularies: the built-in ones, and lists of classes as text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from lmpt_desktop.domain.records import ClassSpec
from lmpt_desktop.paths import resources_dir
from lmpt_desktop.translation import N_


@dataclass(frozen=True)
class BuiltInVocabulary:
    """``name`` is what the command line takes, ``title`` what the user reads."""

    name: str
    title: str


BUILT_IN = (
    BuiltInVocabulary("everyday", N_("Everyday things (about 200)")),
    BuiltInVocabulary("coco80", N_("COCO (80 classes)")),
    BuiltInVocabulary("voc20", N_("Pascal VOC (20 classes)")),
)


def parse_vocabulary(text: str) -> list[ClassSpec]:
    """Classes of ``text``: one per line, optionally ``name<TAB>description<TAB>aliases``.

    Blank lines and lines that begin with ``#`` are skipped (a name that begins so is written
    with a backslash in front); white space around and repeated inside a name is not part of
    it; a repeated name (ignoring case) is skipped.  Aliases are separated by ``|``.
    """
    classes: list[ClassSpec] = []
    seen: set[str] = set()
    for line in text.lstrip("\ufeff").splitlines():
        if line.lstrip().startswith("#"):
            continue
        name, description, aliases, *_ = [*line.split("\t"), "", ""]
        name, description = " ".join(name.split()), " ".join(description.split())
        name = name.removeprefix("\\")
        if name and name.casefold() not in seen:
            seen.add(name.casefold())
            classes.append(ClassSpec(name, description, split_aliases(aliases)))
    return classes


def split_aliases(text: str) -> tuple[str, ...]:
    """Aliases separated by ``|``; empty ones and repetitions (ignoring case) are left out."""
    found: dict[str, str] = {}
    for part in text.split("|"):
        if alias := " ".join(part.split()):
            found.setdefault(alias.casefold(), alias)
    return tuple(found.values())


def join_aliases(aliases: Iterable[str]) -> str:
    """What :func:`split_aliases` reads back; a ``|`` within an alias becomes a ``/``."""
    return " | ".join(alias.replace("|", "/") for alias in aliases)


def line_of(spec: ClassSpec) -> str:
    """The line that :func:`parse_vocabulary` reads back as ``spec`` (all but its colour)."""
    escape = "\\" if spec.name.startswith(("#", "\\")) else ""
    parts = [escape + spec.name, spec.description, join_aliases(spec.aliases)]
    return "\t".join(parts).rstrip("\t")


@cache
def built_in_vocabulary(name: str) -> tuple[ClassSpec, ...]:
    """The classes of a built-in vocabulary.

    Raises:
        KeyError: if there is none with that name.
        ResourcesMissingError: if the installation lacks its files.
    """
    if name not in {item.name for item in BUILT_IN}:
        raise KeyError(name)
    path = resources_dir() / "vocabularies" / f"{name}.txt"
    return tuple(parse_vocabulary(path.read_text(encoding="utf-8")))
