"""Annotations that follow their pictures, and edited photos, in an open library of real files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from copied_photos import set_pictures
from ui_libraries import CUP, DOG, MISSING, UNREADABLE, make_library, open_library, settle

from lmpt_desktop.domain.records import Batch, ImageState, TransferReason, Verdict
from lmpt_desktop.engine.notices import AnnotationsFollowed, Notice
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ingest.follow import follow_pictures

OLD, NEW, OTHER = 1, 2, 3


@pytest.fixture
def session(tmp_path: Path) -> Iterator[LibrarySession]:
    """The photo OLD, which is annotated, has been deleted; NEW is a copy of it."""
    make_library(tmp_path / "library", tmp_path / "photos")
    opened = open_library(tmp_path / "library")
    opened.annotations.annotate([OLD], [DOG], Verdict.PRESENT)
    opened.annotations.mark_reviewed([OLD])
    set_pictures(opened.catalogue, {OLD: "a", NEW: "a", OTHER: "b"})
    opened.catalogue.images.mark_missing([OLD])
    yield opened
    opened.close()


def scan(session: LibrarySession) -> list[Batch]:
    """What a scan does once it knows the pictures of all files."""
    batches = follow_pictures(
        session.catalogue.transfers, session.catalogue.folders.all(hidden=True)
    )
    for batch in batches:
        session.annotations.show_followed(batch)
    settle(session)
    return batches


def shown(session: LibrarySession, image_id: int) -> tuple[int, bool] | None:
    """What the grid shows of an image: the verdict on dogs and the mark; None: not the image."""
    settle(session)
    snapshot = session.snapshot()
    row = snapshot.row_of.get(image_id)
    if row is None:
        return None
    column = snapshot.column_of[DOG]
    return int(snapshot.annotations[row, column]), bool(snapshot.reviewed[row])


def test_they_follow_and_come_back(session: LibrarySession) -> None:
    notices: list[Notice] = []
    session.subscribe(notices.append)
    [batch] = scan(session)
    assert shown(session, OLD) is None
    assert shown(session, NEW) == (1, True)
    told = [notice for notice in notices if isinstance(notice, AnnotationsFollowed)]
    assert [(notice.batch_id, notice.text) for notice in told] == [(batch.id, batch.label)]
    assert session.annotations.history()[-1].id == batch.id

    session.annotations.undo(batch)
    assert shown(session, OLD) == (1, True)
    row = session.snapshot().row_of[OLD]
    assert session.snapshot().states[row] == ImageState.MISSING
    assert shown(session, NEW) == (-1, False)

    assert scan(session) == [], "the user has taken it back"
    assert shown(session, OLD) == (1, True)

    session.annotations.redo(batch)
    assert shown(session, OLD) is None
    assert shown(session, NEW) == (1, True)
    assert scan(session) == []


def test_it_is_undone_after_a_restart(session: LibrarySession) -> None:
    [batch] = scan(session)
    library = session.library_folder
    session.close()
    opened = open_library(library)
    try:
        assert shown(opened, OLD) is None
        newest = opened.annotations.history()[-1]
        assert (newest.id, newest.action, newest.label) == (batch.id, "followed", batch.label)
        opened.annotations.undo(newest.id)
        assert shown(opened, OLD) == (1, True)
    finally:
        opened.close()


def test_later_annotations_are_kept_by_the_undo(session: LibrarySession) -> None:
    [batch] = scan(session)
    session.annotations.annotate([NEW], [DOG], Verdict.ABSENT)
    undone = session.annotations.undo(batch)
    assert undone.skipped == 1
    assert shown(session, OLD) == (1, True)
    assert shown(session, NEW) == (0, False)


# -------------------------------------------------------------------------------- edited photos


@pytest.fixture
def edited(session: LibrarySession) -> LibrarySession:
    """NEW is an edited version of OLD."""
    batch = session.catalogue.transfers.follow(
        [(OLD, NEW)], TransferReason.EDIT, "followed", edited=True
    )
    session.annotations.show_followed(batch)
    settle(session)
    return session


def test_edited_photos_are_known(edited: LibrarySession) -> None:
    assert edited.edits.edited([OTHER, NEW, 999]).tolist() == [NEW]
    assert edited.edits.separable([OTHER, NEW]) == [NEW]


def test_the_annotations_still_hold(edited: LibrarySession) -> None:
    assert edited.edits.confirm([NEW, OTHER]) == 1
    settle(edited)
    assert edited.edits.edited([NEW]).tolist() == []
    assert shown(edited, NEW) == (1, True)
    assert edited.edits.confirm([NEW]) == 0


def test_another_photo_gives_the_annotations_back(edited: LibrarySession) -> None:
    edited.annotations.annotate([NEW], [CUP], Verdict.PRESENT)
    batch = edited.edits.separate([NEW], "given back")
    assert shown(edited, OLD) == (1, True)
    assert shown(edited, NEW) == (-1, False)
    assert edited.catalogue.annotations.matrix([OLD, NEW], [CUP]).tolist() == [[0], [1]]
    assert edited.edits.edited([NEW]).tolist() == []
    assert edited.annotations.history()[-1].label == "given back"
    assert scan(edited) == [], "it does not come again"

    edited.annotations.undo(batch)
    assert shown(edited, OLD) is None
    assert shown(edited, NEW) == (1, True)
    assert edited.edits.edited([NEW]).tolist() == [NEW]


def test_an_edited_photo_of_which_nothing_is_known(session: LibrarySession) -> None:
    session.catalogue.transfers.set_edited([MISSING, UNREADABLE], True)
    session.annotations.undo(session.annotations.history()[-1].id)  # reads images again, too
    settle(session)
    assert session.edits.edited([MISSING, UNREADABLE]).tolist() == [MISSING, UNREADABLE]
    assert session.edits.separable([MISSING, UNREADABLE]) == []
