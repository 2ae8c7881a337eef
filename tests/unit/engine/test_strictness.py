from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from class_ids import class_id
from example_counts import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.domain.strictness import Strictness
from lmpt_desktop.engine.notices import AnnotationsChanged, Notice, PredictionsChanged
from lmpt_desktop.engine.session import Commands, LibrarySession
from lmpt_desktop.engine.versions.comparison import compare_versions
from lmpt_desktop.inference.confirmation import confirmation
from lmpt_desktop.settings import INSTANT

STEPS = st.integers(-10, 10).map(lambda steps: steps / 10)


@pytest.fixture
def notices(reviewed_session: LibrarySession) -> Iterator[list[Notice]]:
    found: list[Notice] = []
    stop = reviewed_session.subscribe(found.append)
    yield found
    stop()


def test_what_is_predicted_changes_at_once_and_is_told(
    reviewed_session: LibrarySession, notices: list[Notice]
) -> None:
    before = reviewed_session.snapshot()
    reviewed_session.strictness.show(Strictness(-1))
    after = reviewed_session.snapshot()
    assert (after.thresholds < before.thresholds).all()
    assert after.predicted.sum() >= before.predicted.sum()
    assert [type(notice) for notice in notices] == [PredictionsChanged]
    reviewed_session.strictness.show(Strictness(-1))
    assert len(notices) == 1, "nothing has changed"
    reviewed_session.strictness.show(Strictness())
    assert np.array_equal(reviewed_session.snapshot().thresholds, before.thresholds)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(25))
@given(level=STEPS, added=STEPS)
def test_no_annotation_and_nothing_to_undo_comes_of_it(
    reviewed_session: LibrarySession, level: float, added: float
) -> None:
    session = reviewed_session
    before = session.snapshot()
    history = session.annotations.history()
    notices: list[Notice] = []
    stop = session.subscribe(notices.append)
    session.strictness.show(Strictness(level).with_class(class_id(session, "dog"), added))
    session.strictness.keep()
    stop()
    assert session.snapshot().annotations is before.annotations
    assert session.snapshot().reviewed is before.reviewed
    assert session.annotations.history() == history
    assert not [notice for notice in notices if isinstance(notice, AnnotationsChanged)]


def test_it_is_remembered_in_the_library(
    reviewed_session: LibrarySession, tmp_path: Path, encoder_command: list[str]
) -> None:
    session = reviewed_session
    dog = class_id(session, "dog")
    wanted = Strictness(0.3).with_class(dog, -0.7)
    session.strictness.show(wanted)
    session.strictness.keep()
    session.strictness.show(wanted.at(0.4))  # kept when the session closes
    session.vocabulary.rename(dog, "hound")
    session.close()
    commands = Commands(encode=encoder_command)
    with LibrarySession.open(tmp_path / "library", commands=commands) as again:
        assert again.wait_until_idle(60)
        snapshot = again.snapshot()
        assert snapshot.strictness == wanted.at(0.4)
        column = snapshot.column_of[dog]
        others = [i for i in range(3) if i != column]
        assert snapshot.classes[column].name == "hound"
        assert (snapshot.thresholds[others] > snapshot.thresholds[column]).all()
        again.vocabulary.archive([dog])
        assert len(again.snapshot().thresholds) == 2
        again.vocabulary.unarchive([dog])
        assert again.snapshot().strictness.of_class(dog) == -0.7


def test_confirming_follows_strictness(reviewed_session: LibrarySession) -> None:
    session = reviewed_session
    ids = session.snapshot().image_ids
    session.annotations.mark_reviewed(ids.tolist(), False)
    unknown = session.snapshot()
    blank = replace(unknown, annotations=np.full_like(unknown.annotations, Verdict.UNKNOWN))
    session.strictness.show(Strictness(-1))
    loose = replace(session.snapshot(), annotations=blank.annotations)
    assert confirmation(loose, ids).present.sum() == loose.predicted.sum()


def test_figures_leave_out_what_was_only_confirmed(reviewed_session: LibrarySession) -> None:
    session = reviewed_session
    session.strictness.show(Strictness(-1))
    before = session.strictness.figures()
    assert before.photos == len(session.snapshot().images)
    assert before.verdicts == session.snapshot().predicted.sum()
    row = int(np.flatnonzero(session.snapshot().predicted.any(axis=1))[0])
    image = int(session.snapshot().image_ids[row])
    predicted = session.snapshot().class_ids[session.snapshot().predicted[row]].tolist()
    verdicts = session.snapshot().annotations[row][session.snapshot().predicted[row]]
    absent = int((verdicts == 0).sum())
    session.annotations.annotate([image], predicted, Verdict.UNKNOWN)
    found = confirmation(session.snapshot(), np.array([image]))
    assert found.present.any()
    session.annotations.confirm(found)
    after = session.strictness.figures()
    assert after.tags == before.tags + absent
    assert after.verdicts == before.verdicts - len(predicted)


@pytest.mark.parametrize("level", [0.0, -1.0, 0.6])
def test_versions_are_compared_at_the_same_strictness(
    reviewed_session: LibrarySession, level: float
) -> None:
    session = reviewed_session
    # The snapshot then holds what the version predicts by itself, as comparisons do.
    session.settings.set(INSTANT, False)
    assert session.wait_until_idle(60)
    weights = session.model.weights_with(None)
    assert weights is not None
    session.strictness.show(Strictness(level))
    found = session.versions._evidence(None, None)  # pyright: ignore[reportPrivateUsage]
    state = session._state  # pyright: ignore[reportPrivateUsage]
    comparison = compare_versions(state, weights, weights, found, version_id=0, old_version_id=0)
    assert comparison.changed_count == 0
    surer = replace(weights, thresholds=np.full_like(weights.thresholds, 0.999))
    changed = compare_versions(state, weights, surer, found, version_id=0, old_version_id=0)
    snapshot = session.snapshot()
    limits = snapshot.strictness.applied(surer.thresholds, snapshot.class_ids)
    assert changed.lost == snapshot.predicted.sum() - (snapshot.scores >= limits).sum()
