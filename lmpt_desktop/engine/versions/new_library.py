"""A new library that begins with the vocabulary and the learned prompts of another (Qt-free)."""

from __future__ import annotations

import tempfile
import uuid
from pathlib import Path

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.classes import name_key
from lmpt_desktop.catalogue.errors import NotInCatalogue
from lmpt_desktop.catalogue.housekeeping import PROMPT_SETS
from lmpt_desktop.catalogue.prompt_sets import PromptSetRecord
from lmpt_desktop.domain.records import ClassSpec
from lmpt_desktop.engine.class_weights import write_learned_texts
from lmpt_desktop.engine.versions.version_files import IncomingVersion, read_version
from lmpt_desktop.library_places import is_library
from lmpt_desktop.settings import BACKBONE
from lmpt_desktop.translation import _
from trainer import prompt_set as prompt_sets


def start_like(source: Path, target: Path) -> None:
    """Give the new library ``target`` the classes, the backbone and the active version of
    ``source``, which may be open elsewhere and is not changed.

    Annotations stay where they are.  The version's files are checked as those of an import are:
    nothing is unpickled, and only checked values are written.  A ``target`` that has classes or
    folders already is left as it is.

    Raises:
        CatalogueError: if one of the libraries cannot be opened, or ``source`` is not there.
        VersionFileError: if the version cannot be read; then there is no new library.
    """
    if not is_library(source):  # it would be made
        raise NotInCatalogue(
            _("The library {path} was moved or deleted, or its disk is not connected.").format(
                path=source
            )
        )
    with Catalogue.open(source) as old:
        classes = old.classes.all()
        stored = old.settings.get(BACKBONE.key)
        record = old.prompt_sets.active(BACKBONE.read(stored))
        names = {entry.id: entry.name for entry in classes}
    incoming = None
    if record is not None:
        # It leaves nothing there.
        incoming = read_version(record.folder, Path(tempfile.gettempdir()))
    with Catalogue.open(target, exclusive=True) as new:
        if new.classes.all(archived=True) or new.folders.all():
            return
        if stored is not None:
            new.settings.set(BACKBONE.key, stored)
        made = new.classes.replace_all(
            [ClassSpec(item.name, item.description, item.aliases, item.colour) for item in classes]
        )
        if record is not None and incoming is not None:
            ids = {name_key(entry.name): entry.id for entry in made}
            _keep(new, record, incoming, _class_ids(record, incoming, names, ids))


def _class_ids(
    record: PromptSetRecord, incoming: IncomingVersion, names: dict[int, str], ids: dict[str, int]
) -> dict[str, int]:
    """The new class behind each learned name: a class may have been renamed since."""
    found: dict[str, int] = {}
    for learned in incoming.prompt_set.classes:
        known = record.class_ids.get(learned)
        today = learned if known is None else names.get(known, "")
        if (class_id := ids.get(name_key(today))) is not None:
            found[learned] = class_id
    return found


def _keep(
    new: Catalogue, record: PromptSetRecord, incoming: IncomingVersion, class_ids: dict[str, int]
) -> None:
    if not class_ids:
        return
    folder = new.make_folder(PROMPT_SETS) / f"started-{uuid.uuid4().hex[:12]}"
    prompt_sets.save(incoming.prompt_set, folder)
    write_learned_texts(folder, incoming.learned)
    scores = incoming.prompt_set.evaluation
    made = new.prompt_sets.add(
        folder,
        incoming.prompt_set.backbone,
        metrics=vars(scores.scores) if scores else {},
        name=record.name,
        note=record.note,
        data=dict(record.data),
        class_ids=class_ids,
    )
    new.prompt_sets.promote(made.id)
