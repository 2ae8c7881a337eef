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
from lmpt_desktop.settings import INSTANT

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
    # A preview says what plain prompts say, not what verdicts have taught since.
    reviewed_session.settings.set(INSTANT, False)
    assert reviewed_session.wait_until_idle(60)
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


def test_a_preview_of_several_descriptions_shows_the_scores_of_the_class_once_added(
    reviewed_session: LibrarySession, until: Until
) -> None:
    """One of the texts is encoded already; the others are asked for together."""
    notices: list[Notice] = []
    reviewed_session.subscribe(notices.append)
    described = "a cat; tree; bush"
    preview = reviewed_session.vocabulary.preview
    first = preview.run("plant", f" {described} ")
    assert (first.state, first.text) == (SearchState.WAITING, described)
    until(lambda: ClassPreviewReady(described) in notices)
    again = preview.run("plant", described)
    assert again.state is SearchState.READY
    for text in ("tree", "bush"):
        assert preview.run(text).state is SearchState.READY, "each text is cached by itself"
    reviewed_session.vocabulary.add("plant", described)
    assert reviewed_session.wait_until_idle(60)
    snapshot = reviewed_session.snapshot()
    added = snapshot.scores[:, snapshot.column_of[class_id(reviewed_session, "plant")]]
    rows = [snapshot.row_of[int(image)] for image in again.image_ids]
    np.testing.assert_allclose(added[rows], again.scores, atol=1e-6)


def test_a_separator_in_a_name_is_plain_text(
    reviewed_session: LibrarySession, until: Until
) -> None:
    reviewed_session.vocabulary.add("dog; cat")
    assert reviewed_session.wait_until_idle(60)
    facts = reviewed_session.model.facts()
    assert facts is not None
    known = reviewed_session.catalogue.features.texts("lite", ["dog; cat"], facts.variant)
    assert set(known) == {"dog; cat"}
