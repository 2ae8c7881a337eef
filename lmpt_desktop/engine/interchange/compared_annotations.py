"""What the library says, for comparison with a file or another library (Qt-free)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.classes import name_key
from lmpt_desktop.domain.records import ClassEntry, Source
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.interchange.importing.class_matching import PATH_SEPARATOR, parts_of_name
from lmpt_desktop.interchange.importing.importer import LibraryAnnotations


def archived_named(
    catalogue: Catalogue, names: Iterable[str], keys: Collection[str] = ()
) -> list[ClassEntry]:
    """Archived classes that adding a class of one of these names could bring back.

    ``keys``: of more names.
    """
    entries = [e for e in catalogue.classes.all(archived=True) if e.archived]
    if not entries:
        return []
    wanted = set(keys)
    for name in names:
        parts = parts_of_name(name)
        wanted |= {name_key(PATH_SEPARATOR.join(parts)), *map(name_key, parts[-1:])}
    return [entry for entry in entries if name_key(entry.name) in wanted]


def shown_annotations(
    catalogue: Catalogue, snapshot: Snapshot, archived: Sequence[ClassEntry]
) -> LibraryAnnotations:
    """As the window shows them, and those of archived classes."""
    verdicts = snapshot.annotations
    if archived:
        ids = [entry.id for entry in archived]
        verdicts = np.hstack([verdicts, catalogue.annotations.matrix(snapshot.image_ids, ids)])
    return LibraryAnnotations(
        snapshot.image_ids,
        (*snapshot.classes, *archived),
        verdicts,
        snapshot.reviewed,
        frozenset(catalogue.runs.held_out()),
        *catalogue.annotations.of_source(Source.MACHINE)[:2],
    )


def stored_annotations(
    catalogue: Catalogue, image_ids: NDArray[np.int64], archived: Sequence[ClassEntry]
) -> LibraryAnnotations:
    """As the catalogue has them: what is shown may be behind."""
    classes = (*catalogue.classes.all(), *archived)
    marked = catalogue.annotations.reviewed()
    return LibraryAnnotations(
        image_ids,
        classes,
        catalogue.annotations.matrix(image_ids, [entry.id for entry in classes]),
        np.isin(image_ids, np.fromiter(marked, np.int64, len(marked))),
        frozenset(),
        *catalogue.annotations.of_source(Source.MACHINE)[:2],
    )
