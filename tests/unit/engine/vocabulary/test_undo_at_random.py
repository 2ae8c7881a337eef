"""Verdicts and changes of the vocabulary in any order are undone and redone exactly, also after a
restart."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from paper_library import open_session

from lmpt_desktop.catalogue.errors import CatalogueError
from lmpt_desktop.domain.records import Batch, ClassEntry, ClassSpec, Verdict
from lmpt_desktop.engine.session import LibrarySession

IMAGES = 6
STEPS = 60
NAMES = ("dog", "puppy", "kite", "cat", "owl", "fox", "DOG")

Library = tuple[dict[int, tuple[object, ...]], set[int]]


def stored(session: LibrarySession) -> Library:
    """Classes with their annotations, and reviewed images; the snapshot shows them."""
    entries = session.catalogue.classes.all(archived=True)
    annotations, shown = session.catalogue.annotations, session.snapshot()
    verdicts = annotations.matrix(shown.image_ids, [entry.id for entry in entries])
    sources = annotations.sources(shown.image_ids, [entry.id for entry in entries])
    live = [place for place, entry in enumerate(entries) if not entry.archived]
    assert list(shown.classes) == [entries[place] for place in live]
    assert np.array_equal(shown.annotations, verdicts[:, live])
    assert set(shown.image_ids[shown.reviewed].tolist()) == annotations.reviewed()
    classes: dict[int, tuple[object, ...]] = {
        entry.id: (entry, tuple(verdicts[:, place]), tuple(sources[:, place]))
        for place, entry in enumerate(entries)
    }
    return classes, annotations.reviewed()


def is_same(now: Library, then: Library) -> bool:
    """Classes that were made since are in the archive, without annotations."""
    made = {class_id: value for class_id, value in now[0].items() if class_id not in then[0]}
    old = {class_id: value for class_id, value in now[0].items() if class_id in then[0]}
    empty = all(
        isinstance(entry, ClassEntry) and entry.archived and set(verdicts) == {-1}  # type: ignore[arg-type]
        for entry, verdicts, _sources in made.values()
    )
    return empty and (old, now[1]) == then


def change(session: LibrarySession, rng: random.Random) -> Batch | None:
    """Change something; None where nothing changes."""
    vocabulary, annotations = session.vocabulary, session.annotations
    live = list(session.snapshot().classes)
    images = rng.sample(session.snapshot().image_ids.tolist(), 3)
    names = rng.sample(NAMES, 2)
    if not live:
        return vocabulary.use_list([ClassSpec(name) for name in names]).batch
    one = rng.choice(live)
    some = rng.sample(live, min(2, len(live)))
    ids = [entry.id for entry in some]
    acts: list[Callable[[], Batch | None]] = [
        lambda: annotations.annotate(images, [one.id], rng.choice(list(Verdict))),
        lambda: annotations.mark_reviewed(images, rng.random() < 0.6),
        lambda: vocabulary.add(names[0], fresh=rng.random() < 0.5).batch,
        lambda: vocabulary.rename(one.id, names[0]).batch,
        lambda: vocabulary.describe(one.id, names[1]).batch,
        lambda: vocabulary.set_aliases(one.id, names).batch,
        lambda: vocabulary.archive(ids).batch,
        lambda: vocabulary.unarchive([item.id for item, _count in vocabulary.archived()[:1]]).batch,
        lambda: vocabulary.reorder(ids[::-1]).batch,
        lambda: vocabulary.use_list([ClassSpec(name) for name in names]).batch,
        lambda: vocabulary.merge(vocabulary.plan_merge(ids[1:], ids[0])).batch,
        lambda: (
            vocabulary.split(
                vocabulary.plan_split(one.id, names, copy=True, keep=rng.random() < 0.5)
            ).batch
        ),
    ]
    return rng.choice(acts)()


@pytest.mark.parametrize("seed", range(3))
def test_whatever_was_done_is_undone_and_redone_exactly(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    session = open_session(tmp_path / "library", IMAGES, NAMES[:4])
    done: list[tuple[int, Library]] = []  # with what was there before
    undone: list[tuple[int, Library]] = []  # with what is there after
    try:
        now = stored(session)
        for _step in range(STEPS):
            action = rng.choice(["change", "change", "undo", "undo", "redo", "restart"])
            if action == "undo" and done:
                batch_id, before = done.pop()
                assert not session.annotations.undo(batch_id).skipped
                undone.append((batch_id, now))
                now = stored(session)
                assert is_same(now, before)
            elif action == "redo" and undone:
                batch_id, after = undone.pop()
                assert not session.annotations.redo(batch_id).skipped
                done.append((batch_id, now))
                now = stored(session)
                assert is_same(now, after)
            elif action == "restart":
                session.close()
                session = open_session(tmp_path / "library")
                assert stored(session) == now
            elif action == "change":
                try:
                    batch = change(session, rng)
                except CatalogueError:  # a name is in use
                    assert stored(session) == now
                    continue
                if batch is not None and len(batch):
                    done.append((batch.id, now))
                    undone.clear()
                    now = stored(session)
                assert stored(session) == now
            history = session.annotations.history(2 * STEPS)
            assert [item.id for item in history if item.done] == [item[0] for item in done]
            rest = [item.id for item in history if not item.done]
            assert rest == [item[0] for item in reversed(undone)]
    finally:
        session.close()
