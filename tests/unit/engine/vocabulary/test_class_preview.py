"""A preview of a class shows what it would find once added."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from class_ids import class_id

from lmpt_desktop.engine.notices import Notice
from lmpt_desktop.engine.search import SearchState
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.engine.vocabulary.class_preview import ClassPreviewReady

Until = Callable[[Callable[[], object]], None]


def test_a_preview_shows_the_scores_that_the_class_has_once_added(
    reviewed_session: LibrarySession, until: Until
) -> None:
    notices: list[Notice] = []
    reviewed_session.subscribe(notices.append)
    first = reviewed_session.vocabulary.preview.run("tree")
    assert first.state is SearchState.WAITING
    until(lambda: ClassPreviewReady("tree") in notices)
    again = reviewed_session.vocabulary.preview.run(" tree ")
    assert again.state is SearchState.READY
    assert len(again.image_ids) == 6
    assert again.encoded_images == 6
    assert (np.diff(again.scores) <= 0).all()
    reviewed_session.vocabulary.add("tree")
    assert reviewed_session.wait_until_idle(60)
    column = reviewed_session.snapshot().column_of[class_id(reviewed_session, "tree")]
    added = reviewed_session.snapshot().scores[:, column]
    rows = [reviewed_session.snapshot().row_of[int(image)] for image in again.image_ids]
    np.testing.assert_allclose(added[rows], again.scores, atol=1e-6)
    assert int(reviewed_session.snapshot().predicted[:, column].sum()) == again.predicted


def test_a_preview_reads_the_description_where_there_is_one(
    reviewed_session: LibrarySession,
) -> None:
    known = reviewed_session.vocabulary.preview.run(
        "hound", "a cat"
    )  # read already, for the class cat
    assert known.state is SearchState.READY
    best = reviewed_session.snapshot().row_of[int(known.image_ids[0])]
    assert "cat" in reviewed_session.snapshot().classes[1].name
    assert known.scores[0] == pytest.approx(
        float(reviewed_session.snapshot().scores[best, 1]), abs=1e-6
    )
    assert len(reviewed_session.snapshot().classes) == 3
