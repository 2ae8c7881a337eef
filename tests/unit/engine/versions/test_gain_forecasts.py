"""The forecast learns from the runs of a real library."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from class_ids import class_id

from lmpt_desktop.catalogue import RunState
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.engine.versions.gain_forecasts import levels, past_steps

Until = Callable[[Callable[[], object]], None]


def test_before_any_run_every_class_has_a_forecast(reviewed_session: LibrarySession) -> None:
    snapshot = reviewed_session.snapshot()
    made = reviewed_session.gain_forecasts.of(snapshot)
    assert made.gains.shape == made.spreads.shape == (len(snapshot.classes),)
    assert (made.gains > 0).all()
    assert (made.runs, made.own_runs.tolist()) == (0, [0, 0, 0])
    assert not made.measured.any()


def test_a_run_that_gained_nothing_lowers_the_forecast(
    reviewed_session: LibrarySession, trained_version: int
) -> None:
    session = reviewed_session
    session.vocabulary.rename(class_id(session, "dog"), "hound")
    assert session.wait_until_idle(60)
    snapshot = session.snapshot()
    found = session.versions.readable()
    steps = past_steps(found, snapshot.classes, lambda _record: None)
    assert sorted(steps.columns.tolist()) == [0, 1, 2]  # the renamed class too
    assert steps.examples_before.tolist() == [0, 0, 0]
    assert steps.examples_after.tolist() == [3, 3, 1]
    assert steps.ap_before.tolist() == steps.ap_after.tolist() == [0.5] * 3
    assert levels(found, snapshot).ap.tolist() == [0.5] * 3
    after = session.gain_forecasts.of(snapshot)
    assert (after.runs, after.own_runs.tolist()) == (1, [1, 1, 1])
    session.versions.promote(0)
    assert session.wait_until_idle(60)
    session.versions.discard(trained_version)
    before = session.gain_forecasts.of(session.snapshot())
    assert (after.gains < before.gains).all()


def test_a_run_after_a_version_that_is_gone_says_nothing(
    reviewed_session: LibrarySession, trained_version: int, until: Until
) -> None:
    session = reviewed_session
    run = session.training.start()

    def ended() -> bool:
        status = session.training.current_run()
        return status is not None and status.run_id == run and status.state is RunState.FINISHED

    until(ended)
    second = next(item.version_id for item in session.versions.all() if item.run_id == run)
    session.versions.promote(second)
    assert session.wait_until_idle(60)
    assert session.gain_forecasts.of(session.snapshot()).runs == 1  # no new examples in the second
    session.versions.discard(trained_version)
    assert session.gain_forecasts.of(session.snapshot()).runs == 0


def test_it_is_made_once_for_a_library_that_does_not_change(
    reviewed_session: LibrarySession,
) -> None:
    session = reviewed_session
    first = session.gain_forecasts.of(session.snapshot())
    assert session.gain_forecasts.of(session.snapshot()) is first
    image, dog = int(session.snapshot().image_ids[-1]), class_id(session, "dog")
    session.annotations.annotate([image], [dog], Verdict.PRESENT)
    second = session.gain_forecasts.of(session.snapshot())
    assert second is not first
    assert second.gains[0] < first.gains[0]
    np.testing.assert_allclose(second.gains[1:], first.gains[1:], rtol=0.3)
