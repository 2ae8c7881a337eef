"""When a retraining is suggested."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from class_ids import class_id

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.inference.confirmation import confirmation

Until = Callable[[Callable[[], object]], None]


def test_a_retraining_is_suggested_once_there_are_enough_new_verdicts(
    reviewed_session: LibrarySession, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = reviewed_session.training
    early = training.advice()
    assert early is not None and early.verdicts == 13
    assert not early.worthwhile and not early.due  # 7 presents and 6 reviewed photos are too few
    monkeypatch.setattr("lmpt_desktop.inference.advice.MIN_VERDICTS", 10)
    advice = training.advice()
    assert advice is not None and advice.worthwhile and advice.due
    assert advice.verdicts == 13
    assert advice.rare == 1
    assert advice.sentence("about 40 seconds") == (
        "13 new verdicts, 1 on rare classes; a retraining takes about 40 seconds."
    )
    training.suggested(advice)
    again = training.advice()
    assert again is not None and again.worthwhile and not again.due  # not again for the same
    only_counted = training.advice(suggest=False)
    assert only_counted is not None and only_counted.verdicts == 13


@pytest.mark.usefixtures("trained_version")
def test_what_the_version_in_use_has_learned_is_not_new(
    reviewed_session: LibrarySession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmpt_desktop.inference.advice.MIN_VERDICTS", 2)
    before = reviewed_session.training.advice()
    assert before is not None and before.verdicts == 0 and not before.worthwhile
    image = int(
        reviewed_session.snapshot().image_ids[reviewed_session.snapshot().names.index("dog_1.jpg")]
    )
    reviewed_session.annotations.annotate(
        [image],
        [class_id(reviewed_session, "kite"), class_id(reviewed_session, "cat")],
        Verdict.PRESENT,
    )
    advice = reviewed_session.training.advice()
    assert advice is not None and advice.due
    assert advice.verdicts == 2
    assert advice.seconds is not None


@pytest.mark.usefixtures("trained_version")
@pytest.mark.parametrize("seed", range(4))
def test_what_was_undone_is_not_counted(reviewed_session: LibrarySession, seed: int) -> None:
    """After any sequence of acts, undo and redo, the count is that of what holds now."""
    random = np.random.default_rng(seed)
    session = reviewed_session
    images = [int(i) for i in session.snapshot().image_ids]
    classes = [int(i) for i in session.snapshot().class_ids]
    newer = session.catalogue.annotations

    def count() -> int:
        advice = session.training.advice(suggest=False)
        assert advice is not None
        per_class, marked = newer.since(advice.since)
        assert advice.verdicts == sum(per_class.values()) + marked
        return advice.verdicts

    def act() -> int:
        some = [int(i) for i in random.choice(images, 2, replace=False)]
        match int(random.integers(3)):
            case 0:
                verdict = Verdict(int(random.integers(-1, 2)))
                change = session.annotations.annotate(some, [int(random.choice(classes))], verdict)
            case 1:
                change = session.annotations.mark_reviewed(some, bool(random.integers(2)))
            case _:
                found = confirmation(session.snapshot(), np.array(some, np.int64))
                change = session.annotations.confirm(found)
        return change.id

    counts, done = [count()], []
    for _step in range(8):
        done.append(act())
        counts.append(count())
    undone = []
    for batch, expected in zip(reversed(done), reversed(counts[:-1]), strict=True):
        undone.append(session.annotations.undo(batch).id)
        assert count() == expected
    for batch, expected in zip(reversed(undone), counts[1:], strict=True):
        session.annotations.undo(batch)  # undoing an undo is redoing
        assert count() == expected
